"""CSV files as rows of text, with the line each row came from."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from alp._core.evmlog import parse_timestamp
from alp.data.files import InputFile
from alp.errors import DataError

T = TypeVar("T")


class Line(NamedTuple):
    """One CSV row and its 1-based line number."""

    number: int
    fields: list[str]


class _Blocks(io.RawIOBase):
    """The blocks of an input file as a raw stream, so that damage is reported as a DataError."""

    def __init__(self, file: InputFile) -> None:
        self._blocks = file.blocks()
        self._rest = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        if not self._rest:
            self._rest = memoryview(next(self._blocks, b""))
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


def line_blocks(file: InputFile) -> Iterator[tuple[bytes, int, int]]:
    """Yield text and the part of it that is complete lines, each with its line feed.

    A last line without one is given it.
    """
    rest = b""
    for block in file.blocks():
        start = block.find(b"\n") + 1 if rest else 0
        if rest and start:
            yield rest + block[:start], 0, len(rest) + start
        end = block.rfind(b"\n") + 1
        if end > start:
            yield block, start, end
        rest = block[end:] if end else rest + block
    if rest:
        yield rest + b"\n", 0, len(rest) + 1


def csv_lines(file: InputFile) -> Iterator[Line]:
    """Yield the rows of a CSV file, the header first; empty lines are passed over.

    Raises
    ------
    DataError
        If the text is not UTF-8, or a quoted field is never closed.
    """
    text = io.TextIOWrapper(io.BufferedReader(_Blocks(file)), encoding="utf-8-sig", newline="")
    reader = csv.reader(text, strict=True)
    try:
        for fields in reader:
            if fields:
                yield Line(reader.line_num, fields)
    except (csv.Error, UnicodeDecodeError) as error:
        raise unreadable(file, error, reader.line_num + 1) from error


def unreadable(file: InputFile, error: Exception, row: int) -> DataError:
    """Return the error for a row that is no CSV."""
    return DataError(
        f"not readable as CSV ({error})",
        path=file.path,
        row=row,
        hint="the row is torn or the file is not UTF-8 text",
    )


def checked_width(file: InputFile, line: Line, width: int) -> Line:
    """Return `line` if it has `width` fields.

    Raises
    ------
    DataError
        If it has another number.
    """
    if len(line.fields) != width:
        raise DataError(
            f"the row has {len(line.fields)} fields, the first line {width}",
            path=file.path,
            row=line.number,
            hint="a torn or hand-edited row: take the file again from its source",
        )
    return line


def csv_rows(file: InputFile, *, header: bool = True) -> Iterator[Line]:
    """Yield the data rows of a CSV file, each checked to have as many fields as the first line.

    Raises
    ------
    DataError
        For a row with another number of fields.
    """
    lines = csv_lines(file)
    first = next(lines, None)
    if first is None:
        return
    width = len(first.fields)
    if not header:
        yield first
    for line in lines:
        yield checked_width(file, line, width)


class Cells:
    """Converts the text of cells; every failure names the file, row and column."""

    def __init__(self, file: InputFile, columns: tuple[str, ...]) -> None:
        self.file = file
        self.columns = columns

    def index(self, *names: str) -> int:
        """Return the position of the first of `names` that is a column.

        Raises
        ------
        DataError
            If none is.
        """
        for name in names:
            if name in self.columns:
                return self.columns.index(name)
        raise DataError(
            f"no column '{names[0]}'", path=self.file.path, row=1, hint="export it with this column"
        )

    def find(self, *names: str) -> int | None:
        """Return the position of the first of `names` that is a column, or None."""
        return next((self.columns.index(name) for name in names if name in self.columns), None)

    def integer(
        self, line: Line, at: int, *, low: int | None = None, high: int | None = None
    ) -> int:
        """Return a whole number; ``"3.0"`` is one too."""
        text = line.fields[at]
        try:
            value = int(text)
        except ValueError:
            whole, point, rest = text.partition(".")
            if not point or rest.strip("0") or not whole.lstrip("-").isdigit():
                raise self.fault(line, at, "is not a whole number") from None
            value = int(whole)
        if (low is not None and value < low) or (high is not None and value > high):
            raise self.fault(line, at, f"is outside {low} to {high}")
        return value

    def number(self, line: Line, at: int) -> float:
        """Return a finite number."""
        value = self._convert(line, at, float, "is not a number")
        if not math.isfinite(value):
            raise self.fault(line, at, "is not a finite number")
        return value

    def time_ns(self, line: Line, at: int) -> int:
        """Return a timestamp in ns UTC."""
        return self._convert(line, at, parse_timestamp, "is not a time")

    def fault(self, line: Line, at: int, what: str, hint: str | None = None) -> DataError:
        """Return the error for one cell."""
        return DataError(
            f"column '{self.columns[at]}' {what}: {line.fields[at][:40]!r}",
            path=self.file.path,
            row=line.number,
            hint=hint or "mend the row or take the file again from its source",
        )

    def _convert(self, line: Line, at: int, convert: Callable[[str], T], what: str) -> T:
        try:
            return convert(line.fields[at])
        except ValueError:
            raise self.fault(line, at, what) from None
