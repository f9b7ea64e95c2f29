"""What a row must satisfy whatever file it came from; one checker for each kind of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.findings import Finding, Findings
from alp.data.schema import (
    MAX_TICK,
    MIN_TICK,
    Array,
    EventKind,
    Kind,
    is_negative,
    is_zero,
    to_float,
)

if TYPE_CHECKING:
    from alp.data.options import ReadOptions
    from alp.data.reader import Reader

Bools = npt.NDArray[np.bool_]
Lines = npt.NDArray[np.int64]

# Ethereum's first block is of 2015-07-30; an earlier time is a unit mistaken for another.
_EARLIEST_NS = 1_420_070_400 * 10**9
_LATEST_NS = 4_102_444_800 * 10**9
_LOG_TICK_BASE = math.log(1.0001)
_TICK_SLACK = 1e-6

_SORT = (
    "the rows are not in order, or files overlap: give the files in order, or write a sorted copy "
    "with `alp data convert --sort`"
)
_REPEATED = (
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
        backwards = np.diff(ts_ns, prepend=first) < 0
        self.refuse("time-back", backwards, rows, "the time goes back", _SORT)
        if self.file_start_ns is None:
            self.file_start_ns = int(ts_ns[0])
        self.file_end_ns = self.last_ns = int(ts_ns[-1])


class EventChecker(Checker):
    """Pool events: chain order, and prices that agree with ticks and amounts."""

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        super().__init__(options, findings)
        self._last_key: tuple[int, int] | None = None
        self._last_price: npt.NDArray[np.uint64] | None = None
        self._wrong = self._wrong_row = 0

    def check(self, array: Array, rows: Lines) -> None:
        """Check order, then what a swap must satisfy."""
        self._order(array, rows)
        swaps = array["kind"] == EventKind.SWAP
        if swaps.all():  # nearly always, and a copy less
            self._swaps(array, rows)
        elif swaps.any():
            self._swaps(array[swaps], rows[swaps])

    def _order(self, array: Array, rows: Lines) -> None:
        block, index = array["block"], array["log_index"].astype(np.int64)
        last = self._last_key or (int(block[0]), int(index[0]) - 1)
        block_step = np.diff(block, prepend=last[0])
        index_step = np.diff(index, prepend=last[1])
        self.refuse(
            "repeated",
            (block_step == 0) & (index_step == 0),
            rows,
            "the same block and log index as the row before",
            _REPEATED,
        )
        self.refuse(
            "order",
            (block_step < 0) | ((block_step == 0) & (index_step < 0)),
            rows,
            "block and log index go back",
            _SORT,
        )
        self._last_key = (int(block[-1]), int(index[-1]))

    def _swaps(self, swaps: Array, rows: Lines) -> None:
        amount0, amount1 = swaps["amount0"], swaps["amount1"]
        in0 = ~is_negative(amount0) & ~is_zero(amount0)
        in1 = ~is_negative(amount1) & ~is_zero(amount1)
        same_sign = (in0 & in1) | (is_negative(amount0) & is_negative(amount1))
        self.refuse(
            "amount-signs",
            same_sign,
            rows,
            "a swap's amounts have the same sign",
            "columns are mixed up or a sign was lost: take the file again from its source",
        )
        price, tick = swaps["sqrt_price_x96"], swaps["tick"]
        impossible = is_zero(price) | (tick < MIN_TICK) | (tick > MAX_TICK)
        self.refuse(
            "price-impossible",
            impossible,
            rows,
            "the price or tick is outside what a pool can have",
            "take the file again from its source",
        )
        root = np.where(impossible, 1.0, to_float(price))
        position = 2.0 * (np.log(root) - 96.0 * math.log(2.0)) / _LOG_TICK_BASE
        # A swap that ends exactly on an initialised tick going down leaves tick one below.
        apart = (position < tick - _TICK_SLACK) | (position > tick + 1 + _TICK_SLACK)
        self.refuse(
            "tick-price",
            apart & ~impossible,
            rows,
            "tick and sqrtPriceX96 disagree",
            "the row is damaged or was rounded (by a spreadsheet?): take it again from its source",
        )
        self._direction(price, in0 & ~same_sign, in1 & ~same_sign, rows)

    def _direction(
        self, price: npt.NDArray[np.uint64], in0: Bools, in1: Bools, rows: Lines
    ) -> None:
        """Token0 in moves the price down, token1 in moves it up: from swap to swap, always."""
        before = price[:1] if self._last_price is None else self._last_price
        step = _compare(price, np.concatenate((before, price[:-1])))
        wrong = (in0 & (step > 0)) | (in1 & (step < 0))
        if self.file_rows == 0 and self._last_price is not None and wrong[0]:
            self.reader.notes.add("swaps are missing between this file and the one before")
            wrong[0] = False
        self._last_price = price[-1:].copy()
        if self.options.strict:
            self.refuse(
                "price-against-amounts",
                wrong,
                rows,
                "the price moved against the swap's amounts",
                "swaps before this row are missing, or two pools are mixed in one file; to go on "
                "regardless set the option strict to false",
            )
        elif wrong.any():
            self._wrong += int(wrong.sum())
            self._wrong_row = self._wrong_row or int(rows[int(np.argmax(wrong))])

    def start(self, reader: Reader) -> None:
        """Begin a file."""
        super().start(reader)
        self._wrong = self._wrong_row = 0

    def finish(self) -> None:
        """Say how many swaps must be missing, where that is no reason to stop."""
        if self._wrong:
            self.reader.notes.add(
                f"the price moved against the amounts of {self._wrong} swaps, first in row "
                f"{self._wrong_row}: swaps are missing before them"
            )


class CandleChecker(Checker):
    """Bars and candles: one for each time, on a common grid; holes are counted."""

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        super().__init__(options, findings)
        self._last: int | None = None
        self._holes = 0
        self._largest = (0, 0)

    def start(self, reader: Reader) -> None:
        """Begin a file."""
        super().start(reader)
        self._holes, self._largest = 0, (0, 0)

    def check(self, array: Array, rows: Lines) -> None:
        """Check that times rise by whole periods."""
        ts_ns, period = array["ts_ns"], int(array["period_ns"][0])
        first = self._last if self._last is not None else int(ts_ns[0]) - period
        step = np.diff(ts_ns, prepend=first)
        self.refuse("repeated", step == 0, rows, "the same time as the row before", _REPEATED)
        self.refuse(
            "off-grid",
            step % period != 0,
            rows,
            f"the time is not a whole number of periods ({period / 1e9:g} s) after the row before",
            "rows of different lengths are mixed, or the option period_ns is wrong",
        )
        holes = step > period
        self._holes += int(holes.sum())
        at = int(np.argmax(step))
        if step[at] - period > self._largest[0]:
            self._largest = (int(step[at]) - period, int(ts_ns[at] - step[at]) + period)
        self._last = int(ts_ns[-1])

    def finish(self) -> None:
        """Say where rows are missing."""
        if self._holes:
            at = np.datetime64(self._largest[1], "ns").astype("datetime64[s]")
            self.reader.notes.add(
                f"{self._holes} gaps, the largest of {self._largest[0] / 1e9:g} s at {at}Z"
            )


class BaseFeeChecker(Checker):
    """Base fees: blocks and times, where they are known, never go back."""

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        super().__init__(options, findings)
        self._last_block = -1

    def look(self, array: Array, rows: Lines) -> None:
        """Check a piece."""
        if (array["ts_ns"] >= 0).all():
            self.times(array["ts_ns"], rows)
        back = np.diff(array["block"], prepend=self._last_block) < 0
        self.refuse("order", back, rows, "the block goes back", _SORT)
        self._last_block = int(array["block"][-1])
        self.file_rows += len(array)


def _compare(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.int8]:
    """Return -1, 0 or 1 for each pair of rows of limbs, compared as unsigned integers."""
    result = np.zeros(len(left), np.int8)
    for limb in range(left.shape[1]):
        greater, less = left[:, limb] > right[:, limb], left[:, limb] < right[:, limb]
        result = np.where(greater, 1, np.where(less, -1, result)).astype(np.int8)
    return result


_CHECKERS: dict[Kind, type[Checker]] = {
    Kind.POOL_EVENTS: EventChecker,
    Kind.BARS: CandleChecker,
    Kind.CANDLES: CandleChecker,
    Kind.BASE_FEE: BaseFeeChecker,
}


def checker(kind: Kind, options: ReadOptions, findings: Findings | None = None) -> Checker:
    """Return a fresh checker for rows of `kind`; with `findings` it collects instead of raising."""
    return _CHECKERS.get(kind, Checker)(options, findings)
