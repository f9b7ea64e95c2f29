"""What a row must satisfy whatever file it came from; one checker for each kind of rows."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from alp.data.checks_base import REPEATED, SORT, Checker, Lines
from alp.data.checks_events import EventChecker
from alp.data.findings import Findings
from alp.data.schema import MAX_TICK, MIN_TICK, Array, Kind, to_float

if TYPE_CHECKING:
    from alp.data.options import ReadOptions
    from alp.data.reader import Reader

__all__ = ["Checker", "checker"]


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
        self.refuse("repeated", step == 0, rows, "the same time as the row before", REPEATED)
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


class BarChecker(CandleChecker):
    """A pool's bars: as candles, and prices that fit the pair's units."""

    def check(self, array: Array, rows: Lines) -> None:
        """Check times, then prices."""
        super().check(array, rows)
        root = to_float(array["close_x96"])
        known = root > 0
        self.plausible(2.0 * (np.log(root[known]) - 96.0 * math.log(2.0)), rows[known])


class LiquidityChecker(Checker):
    """Liquidity by tick: each tick once, going up."""

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        super().__init__(options, findings)
        self._last = MIN_TICK - 1

    def check(self, array: Array, rows: Lines) -> None:
        """Check the order of ticks."""
        ticks = array["tick"].astype(np.int64)
        self.refuse(
            "order",
            (np.diff(ticks, prepend=self._last) <= 0) | (ticks > MAX_TICK),
            rows,
            "ticks are out of order or range",
            "each tick once, in ascending order: `alp data convert --sort` writes a sorted copy",
        )
        self._last = int(ticks[-1])


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
        self.refuse("order", back, rows, "the block goes back", SORT)
        self._last_block = int(array["block"][-1])
        self.file_rows += len(array)


_CHECKERS: dict[Kind, type[Checker]] = {
    Kind.POOL_EVENTS: EventChecker,
    Kind.BARS: BarChecker,
    Kind.CANDLES: CandleChecker,
    Kind.LIQUIDITY: LiquidityChecker,
    Kind.BASE_FEE: BaseFeeChecker,
}


def checker(kind: Kind, options: ReadOptions, findings: Findings | None = None) -> Checker:
    """Return a fresh checker for rows of `kind`; with `findings` it collects instead of raising."""
    return _CHECKERS.get(kind, Checker)(options, findings)
