"""Minutes of a pool with its liquidity as CSV (demeter): ticks, amounts in, active liquidity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp.data.bars import MINUTE_NS, BarColumns, sqrt_ratio
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, Kind
from alp.data.table import Cells, csv_rows

_U128 = (1 << 128) - 1
_TICKS = ("opentick", "highesttick", "lowesttick", "closetick")


class PoolMinutes(Reader):
    """Columns timestamp, the four ticks, inAmount0, inAmount1 and currentLiquidity.

    Prices are the lower edges of the ticks.
    """

    format = "pool-minutes-csv"
    kinds = (Kind.BARS,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for ticks and liquidity."""
        return head.has(*_TICKS, "inamount0", "inamount1", "currentliquidity")

    def prepare(self) -> None:
        """Find the columns."""
        cells = self.cells = Cells(self.file, self.head.columns)
        self._time = cells.index("timestamp")
        self._ticks = [cells.index(name) for name in _TICKS]
        self._amounts = [cells.index(name) for name in ("inamount0", "inamount1")]
        self._liquidity = cells.index("currentliquidity")
        self.period_ns = self.options.period_ns or MINUTE_NS
        self.notes.add("prices are whole ticks (1 bp)")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the minutes."""
        self._widened, self._still = 0, 0
        bars, rows = BarColumns(), list[int]()
        for line in csv_rows(self.file):
            cells = self.cells
            opened, high, low, close = (
                cells.integer(line, at, low=MIN_TICK, high=MAX_TICK) for at in self._ticks
            )
            if low > high:
                raise cells.fault(line, self._ticks[2], "is above highestTick")
            self._widened += not low <= min(opened, close) <= max(opened, close) <= high
            high, low = max(opened, high, close), min(opened, low, close)
            amount0, amount1 = (cells.integer(line, at, low=0, high=_U128) for at in self._amounts)
            self._still += amount0 == 0 and amount1 == 0
            prices = (sqrt_ratio(opened), sqrt_ratio(high), sqrt_ratio(low), sqrt_ratio(close))
            liquidity = cells.integer(line, self._liquidity, low=0, high=_U128)
            time_ns = cells.time_ns(line, self._time)
            bars.add(time_ns, prices, (amount0, amount1), liquidity)
            rows.append(line.number)
            if len(rows) == max_rows:
                yield Rows(bars.array(self.period_ns or 0), np.array(rows, np.int64))
                bars, rows = BarColumns(), []
        if rows:
            yield Rows(bars.array(self.period_ns or 0), np.array(rows, np.int64))
        if self._still:
            self.notes.add(f"{self._still} minutes without a swap")
        if self._widened:
            self.notes.add(
                f"open or close lies outside lowestTick..highestTick in {self._widened} minutes: "
                "high and low are widened to hold them"
            )
