"""CSV files as columns of numbers, read by compiled code wherever a line is a plain one."""

from __future__ import annotations

import csv
import io
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from alp._core.csv_columns import CELL_CODES, read_columns
from alp.data.files import InputFile
from alp.data.schema import Array, limbs
from alp.data.table import Line, checked_width, line_blocks, unreadable

Cell = Literal["time", "float", "int64", "uint128", "uint160", "int256", "hex_tail", "word"]
Value = int | float | str
Convert = Callable[[Line], Sequence[Value]]
"""A row to one value for each wanted column; raises ``DataError`` for a cell that cannot be."""

Doubtful = Callable[[list[Array], npt.NDArray[np.uint64]], npt.NDArray[np.bool_]]
"""Which rows of some columns `Convert` must look at; the cells that could not be read are marked,
by a bit for each column."""

_DTYPES: dict[str, np.dtype[Any]] = {
    "time": np.dtype("<i8"),
    "float": np.dtype("<f8"),
    "int64": np.dtype("<i8"),
    "uint128": np.dtype(("<u8", (2,))),
    "uint160": np.dtype(("<u8", (4,))),
    "int256": np.dtype(("<u8", (4,))),
    "hex_tail": np.dtype("<u8"),
    "word": np.dtype("S8"),
}
_LIMBS = {"uint128": 2, "uint160": 4, "int256": 4}


class Wanted(NamedTuple):
    """A column to read: its place in the line, and what its cells are.

    ``time`` is ns UTC, ``hex_tail`` the last 16 hex digits of an address, ``word`` up to 8 letters
    as capitals; 128 bits and more are limbs, lowest first.
    """

    at: int
    cell: Cell


class Columns(NamedTuple):
    """A piece of a file: one array for each wanted column, and the line of each row."""

    values: list[Array]
    rows: npt.NDArray[np.int64]


class _Lines:
    """The physical lines of a file: whole blocks of them, and where reading has come to."""

    def __init__(self, file: InputFile) -> None:
        self._file = file
        self._blocks = line_blocks(file)
        self.text = b""
        self.at = self.end = 0
        self.number = 0
        self._pieces_left = False

    def more(self) -> bool:
        """Go on to the next block if this one is used up; false at the end of the file."""
        if self.at == self.end:
            self.text, self.at, self.end = next(self._blocks, (b"", 0, 0))
        return self.at < self.end

    def records(self) -> list[Line]:
        """Read the next line, and those its quotes hold, as the csv module reads them.

        Raises
        ------
        DataError
            If the text is not UTF-8, or a quoted field is never closed.
        """
        reader = csv.reader(self._physical(), strict=True)
        found: list[Line] = []
        try:
            for fields in reader:
                if fields:
                    found.append(Line(self.number + reader.line_num, fields))
                if not self._pieces_left:
                    break
        except (csv.Error, UnicodeDecodeError) as error:
            raise unreadable(self._file, error, self.number + reader.line_num + 1) from error
        self.number += reader.line_num
        return found

    def _physical(self) -> Iterator[str]:
        first = self.number == 0
        while self.more():
            end = self.text.index(b"\n", self.at) + 1
            line = self.text[self.at : end].decode("utf-8-sig" if first else "utf-8")
            self.at, first = end, False
            pieces = list(io.StringIO(line, newline=""))
            for left in range(len(pieces) - 1, -1, -1):
                self._pieces_left = left > 0
                yield pieces[-1 - left]


class _Batch:
    """Columns being filled, and the rows among them that Python has to read."""

    def __init__(self, wanted: Sequence[Wanted], capacity: int) -> None:
        self._cells = [each.cell for each in wanted]
        self.values = [np.empty(capacity, _DTYPES[cell]) for cell in self._cells]
        self.bytes = [values.reshape(-1).view(np.uint8) for values in self.values]
        self.rows = np.empty(capacity, np.int64)
        self.starts = np.empty(capacity, np.int64)
        self.marks = np.empty(capacity, np.uint64)
        self.filled = 0
        self.lines: dict[int, Line] = {}

    def add(self, line: Line) -> None:
        """Take a row as text; all of it is for Python to read."""
        self.lines[self.filled] = line
        self.rows[self.filled] = line.number
        self.filled += 1

    def keep(self, text: bytes, begin: int, doubtful: Doubtful) -> None:
        """Keep the text of those rows from `begin` on that are doubtful."""
        piece = slice(begin, self.filled)
        doubts = doubtful([values[piece] for values in self.values], self.marks[piece])
        for index in (np.flatnonzero(doubts) + begin).tolist():
            start = int(self.starts[index])
            line = text[start : text.index(b"\n", start)].decode("ascii").removesuffix("\r")
            self.lines[index] = Line(int(self.rows[index]), line.split(","))

    def _put(self, index: int, row: Sequence[Value]) -> None:
        """Write a row that Python has read."""
        for values, cell, value in zip(self.values, self._cells, row, strict=True):
            if cell in _LIMBS:
                assert isinstance(value, int)
                values[index] = limbs([value], _LIMBS[cell])[0]
            else:
                values[index] = value

    def columns(self, convert: Convert) -> Columns:
        """Return what was filled, the rows left to Python read by `convert`."""
        filled = self.filled
        for index, line in self.lines.items():
            self._put(index, convert(line))
        return Columns([values[:filled] for values in self.values], self.rows[:filled])


def _any_marked(values: list[Array], marks: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:  # noqa: ARG001
    marked: npt.NDArray[np.bool_] = marks != 0
    return marked


def read_table(
    file: InputFile,
    wanted: Sequence[Wanted],
    convert: Convert,
    max_rows: int,
    *,
    header: bool = True,
    doubtful: Doubtful = _any_marked,
) -> Iterator[Columns]:
    """Yield columns of a CSV file in pieces of at most `max_rows`.

    Parameters
    ----------
    wanted
        The columns to read, each exactly as `convert` would.
    convert
        Reads the rows that compiled code does not vouch for, and names what is wrong with them.
    header
        Whether the first line is column names.
    doubtful
        Says which rows `convert` must look at; by default those with a marked cell.

    Raises
    ------
    DataError
        For a line that is no CSV or has another number of fields than the first, or from `convert`.
    """
    lines = _Lines(file)
    waiting: deque[Line] = deque()
    while not waiting and lines.more():
        waiting.extend(lines.records())
    if not waiting:
        return
    width = len(waiting[0].fields)
    if header:
        waiting.popleft()
    fields = [each.at for each in wanted]
    cells = [CELL_CODES[each.cell] for each in wanted]
    while True:
        batch = _Batch(wanted, max_rows)
        while batch.filled < max_rows:
            if waiting:
                batch.add(checked_width(file, waiting.popleft(), width))
                continue
            if not lines.more():
                break
            begin = batch.filled
            batch.filled, lines.at, count, odd = read_columns(
                lines.text,
                lines.at,
                lines.end,
                width,
                fields,
                cells,
                batch.bytes,
                batch.rows,
                batch.starts,
                batch.marks,
                begin,
                lines.number + 1,
            )
            lines.number += count
            batch.keep(lines.text, begin, doubtful)
            if odd:
                waiting.extend(lines.records())
        if not batch.filled:
            return
        yield batch.columns(convert)
