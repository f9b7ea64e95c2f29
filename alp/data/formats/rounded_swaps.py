"""Swaps from a subgraph that went through a spreadsheet: exact ticks, everything else rounded."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import numpy as np

from alp.data.bars import MINUTE_NS, BarBuilder, sqrt_ratio
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, Kind
from alp.data.table import Cells, Line, csv_rows


class RoundedSwaps(Reader):
    """Columns amount0, amount1 (whole tokens), sqrtPriceX96 (6 digits), tick, timestamp.

    Good for bars only: a swap-by-swap replay needs exact prices.
    """

    format = "rounded-swaps-csv"
    kinds = (Kind.BARS,)
    approximate = True

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for a subgraph's swap columns."""
        return head.has("amount0", "amount1", "sqrtpricex96", "tick", "timestamp", "amountusd")

    def prepare(self) -> None:
        """Find the columns."""
        self.need_pair("turn whole tokens into raw amounts")
        cells = self.cells = Cells(self.file, self.head.columns)
        self._time, self._tick = cells.index("timestamp"), cells.index("tick")
        self._amounts = cells.index("amount0"), cells.index("amount1")
        self._liquidity = cells.find("liquidity")
        self.period_ns = self.options.period_ns or MINUTE_NS
        self.notes.add(
            "low precision: amounts and liquidity were rounded by the source, prices are the "
            "lower edges of its exact ticks; read as bars, never swap by swap"
        )

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield bars."""
        pair = self.options.pair
        assert pair is not None
        decimals = pair.split(pair.base_decimals, pair.quote_decimals)
        builder = BarBuilder(self.period_ns or MINUTE_NS)
        rows: list[int] = []
        start, last = -1, 0
        for line in csv_rows(self.file):
            time_ns = self.cells.time_ns(line, self._time)
            if time_ns < last:
                raise self.cells.fault(line, self._time, "goes back", "sort the file by timestamp")
            last = time_ns
            if time_ns // builder.period_ns != start:
                start = time_ns // builder.period_ns
                if len(rows) == max_rows:
                    builder.close()
                    yield Rows(builder.take(), np.array(rows, np.int64))
                    rows = []
                rows.append(line.number)
            tick = self.cells.integer(line, self._tick, low=MIN_TICK, high=MAX_TICK)
            amount0, amount1 = (
                int(self._decimal(line, at).scaleb(places))
                for at, places in zip(self._amounts, decimals, strict=True)
            )
            if amount0 * amount1 > 0:
                raise self.cells.fault(line, self._amounts[1], "has the sign of amount0")
            liquidity = 0 if self._liquidity is None else self._decimal(line, self._liquidity)
            builder.add(time_ns, sqrt_ratio(tick), amount0, amount1, int(liquidity))
        builder.close()
        if rows:
            yield Rows(builder.take(), np.array(rows, np.int64))

    def _decimal(self, line: Line, at: int) -> Decimal:
        try:
            value = Decimal(line.fields[at].strip())
        except InvalidOperation:
            raise self.cells.fault(line, at, "is not a number") from None
        if not value.is_finite():
            raise self.cells.fault(line, at, "is not a finite number")
        return value
