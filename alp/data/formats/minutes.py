"""Minutes of a pool with its liquidity as CSV (demeter): ticks, amounts in, active liquidity."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from alp.data.bars import MINUTE_NS, sqrt_ratios
from alp.data.columns import Wanted, read_table
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import BAR, MAX_TICK, MIN_TICK, Array, Kind, is_zero
from alp.data.table import Cells, Line

_U128 = (1 << 128) - 1
_TICKS = ("opentick", "highesttick", "lowesttick", "closetick")
_PRICES = ("open_x96", "high_x96", "low_x96", "close_x96")


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
        widened, still = 0, 0
        wanted = [
            *(Wanted(at, "int64") for at in self._ticks),
            *(Wanted(at, "uint128") for at in (*self._amounts, self._liquidity)),
            Wanted(self._time, "time"),
        ]
        for values, rows in read_table(
            self.file, wanted, self._row, max_rows, doubtful=_impossible
        ):
            opened, highest, lowest, close = values[:4]
            high = np.maximum(highest, np.maximum(opened, close))
            low = np.minimum(lowest, np.minimum(opened, close))
            widened += int(((high != highest) | (low != lowest)).sum())
            array = np.zeros(len(rows), BAR)
            array["period_ns"] = self.period_ns
            for name, ticks in zip(_PRICES, (opened, high, low, close), strict=True):
                array[name] = sqrt_ratios(ticks)
            array["in0"], array["in1"], array["liquidity"], array["ts_ns"] = values[4:]
            still += int((is_zero(array["in0"]) & is_zero(array["in1"])).sum())
            yield Rows(array, rows)
        if still:
            self.notes.add(f"{still} minutes without a swap")
        if widened:
            self.notes.add(
                f"open or close lies outside lowestTick..highestTick in {widened} minutes: "
                "high and low are widened to hold them"
            )

    def _row(self, line: Line) -> tuple[int, ...]:
        cells = self.cells
        ticks = [cells.integer(line, at, low=MIN_TICK, high=MAX_TICK) for at in self._ticks]
        if ticks[2] > ticks[1]:
            raise cells.fault(line, self._ticks[2], "is above highestTick")
        amounts = (cells.integer(line, at, low=0, high=_U128) for at in self._amounts)
        liquidity = cells.integer(line, self._liquidity, low=0, high=_U128)
        return (*ticks, *amounts, liquidity, cells.time_ns(line, self._time))


def _impossible(values: list[Array], marks: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    ticks = np.stack(values[:4])
    outside = (ticks < MIN_TICK) | (ticks > MAX_TICK)
    doubtful: npt.NDArray[np.bool_] = (marks != 0) | outside.any(axis=0) | (ticks[2] > ticks[1])
    return doubtful
