"""What a checker is: looks at every row once, in order, and raises or collects what cannot be."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.findings import Finding, Findings
from alp.data.schema import Array

if TYPE_CHECKING:
    from alp.data.options import ReadOptions
    from alp.data.reader import Reader

Bools = npt.NDArray[np.bool_]
Lines = npt.NDArray[np.int64]

# Ethereum's first block is of 2015-07-30; an earlier time is a unit mistaken for another.
_EARLIEST_NS = 1_420_070_400 * 10**9
_LATEST_NS = 4_102_444_800 * 10**9
_SHORT_PAUSE_NS = 600 * 10**9
# No token is dearer or cheaper than this, but a mistaken order of tokens looks so.
_LEAST_DECADES, _MOST_DECADES = -15.0, 12.0

SORT = (
    "the rows are not in order, or files overlap: give the files in order, or write a sorted copy "
    "with `alp data convert --sort`"
)
REPEATED = (
    "a row is there twice, or two pools are mixed: `alp data convert --drop-duplicates` writes a "
    "copy without rows that are identical"
)


class Checker:
    """Looks at every row once, in order; remembers what the next piece is compared with.

    Parameters
    ----------
    options
        ``strict`` decides whether contradicting prices are refused.
    findings
        Where faults are collected; None to raise at the first.
    """

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        self.options = options
        self.findings = findings
        self.file_rows = 0
        self.file_start_ns: int | None = None
        self.file_end_ns: int | None = None
        self.last_ns: int | None = None
        self._reader: Reader | None = None
        self._before: Reader | None = None
        self._longest_pause_ns = 0

    @property
    def reader(self) -> Reader:
        """The reader of the file being looked at."""
        assert self._reader is not None
        return self._reader

    def start(self, reader: Reader) -> None:
        """Begin a file."""
        self._before, self._reader = self._reader, reader
        self.file_rows = 0
        self.file_start_ns = self.file_end_ns = None

    def look(self, array: Array, rows: Lines) -> None:
        """Check a piece.

        Raises
        ------
        DataError
            At the first row that cannot be, unless findings are collected.
        """
        if not len(array):
            return
        if "ts_ns" in (array.dtype.names or ()):
            self.times(array["ts_ns"], rows)
        self.check(array, rows)
        self.file_rows += len(array)

    def check(self, array: Array, rows: Lines) -> None:
        """Check what is particular to the kind."""

    def finish(self) -> None:
        """End a file."""

    def _pause_between_files(self, before: Reader, pause_ns: int) -> None:
        """Say when much more time passes between two files than between rows so far."""
        if pause_ns > max(2 * self._longest_pause_ns, _SHORT_PAUSE_NS):
            self.reader.notes.add(
                f"begins {pause_ns / 1e9:g} s after the end of {before.file.path.name}: rows may "
                "be missing between them"
            )

    def refuse(self, code: str, bad: Bools, rows: Lines, message: str, hint: str) -> None:
        """Raise for the first bad row, if there is one, or collect it."""
        if not bad.any():
            return
        at = int(np.argmax(bad))
        row = int(rows[at])
        if self._before is not None and self.file_rows == 0 and at == 0:
            message += f" (against the end of {self._before.file.path.name})"
        if self.findings is None:
            raise self.reader.fail(message, row=row, hint=hint)
        self.findings.add(Finding("error", code, message, row, hint, int(bad.sum())))

    def plausible(self, log_ratio: npt.NDArray[np.float64], rows: Lines) -> None:
        """Check prices, as logarithms of raw token1 per raw token0, against the pair's units."""
        pair = self.options.pair
        if pair is None:
            return
        sign = 1.0 if pair.base_is_token0 else -1.0
        scale = (pair.base_decimals - pair.quote_decimals) * math.log(10.0)
        decades = (sign * log_ratio + scale) / math.log(10.0)
        absurd = (decades < _LEAST_DECADES) | (decades > _MOST_DECADES)
        if absurd.any():
            price = f"1e{decades[int(np.argmax(absurd))]:+.0f}"
            self.refuse(
                "price-absurd",
                absurd,
                rows,
                f"the price would be {price} {pair.quote_symbol} per {pair.base_symbol}",
                "the order of the pair's tokens or their decimals are wrong: token0 is the one "
                "with the lower address (baseIsToken0 in a manifest)",
            )

    def times(self, ts_ns: npt.NDArray[np.int64], rows: Lines) -> None:
        """Check that times are possible and never go back."""
        self.refuse(
            "time-impossible",
            (ts_ns < _EARLIEST_NS) | (ts_ns > _LATEST_NS),
            rows,
            "the time is outside 2015 to 2099",
            "the unit or the column is mistaken",
        )
        first = self.last_ns if self.last_ns is not None else int(ts_ns[0])
        step = np.diff(ts_ns, prepend=first)
        self.refuse("time-back", step < 0, rows, "the time goes back", SORT)
        if self._before is not None and self.file_rows == 0:
            self._pause_between_files(self._before, int(step[0]))
            step[0] = 0
        self._longest_pause_ns = max(self._longest_pause_ns, int(step.max()))
        if self.file_start_ns is None:
            self.file_start_ns = int(ts_ns[0])
        self.file_end_ns = self.last_ns = int(ts_ns[-1])
