"""Candles of a pool's price to bars: direction of the price, unit of the volume, sqrt prices."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal, localcontext
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from alp._core.pool_prices import pool_bars
from alp.data.bars import BarColumns
from alp.data.candle_units import CandleTable
from alp.data.schema import BAR, Array

if TYPE_CHECKING:
    from alp.data.reader import Reader

# Beyond it a volume cannot be whole tokens: no candle trades a billion of a risky asset.
RAW_VOLUME = 1e9
_DIGITS = 60


class PoolPrices:
    """Decides, from a first pass over a file, how its prices and volumes are meant.

    A price is taken as quote per base if most are above 1, as base per quote if most are below:
    one unit of the risky asset costs more than one unit of money. Prices around 1 are refused.
    """

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        assert reader.options.pair is not None
        self.pair = reader.options.pair
        self.direction = reader.options.direction
        self.volume_unit: Literal["raw", "tokens"] = "tokens"
        self._sides: Counter[str] = Counter()
        self._range = (float("inf"), 0.0)
        self._volume = 0.0
        self._open_ended = 0

    def look(self, table: CandleTable, rows: npt.NDArray[np.int64]) -> None:
        """Take a piece of the file into account.

        Raises
        ------
        DataError
            For values that cannot be.
        """
        table.check(self.reader, rows)
        self._open_ended += int(table.open_ended().sum())
        close = table.close
        self._sides["above"] += int((close > 1.0).sum())
        self._sides["below"] += int((close < 1.0).sum())
        self._range = (
            min(self._range[0], float(close.min())),
            max(self._range[1], float(close.max())),
        )
        self._volume = max(self._volume, float(table.volume.max()))

    def decide(self) -> None:
        """Settle direction and volume unit, and say so.

        Raises
        ------
        DataError
            If the file has prices on both sides of 1 and no direction was given.
        """
        low, high = self._range
        base, quote = self.pair.base_symbol, self.pair.quote_symbol
        if self.direction == "auto":
            if self._sides["above"] and self._sides["below"]:
                raise self.reader.fail(
                    f"prices from {low:g} to {high:g} may be {quote} per {base} or the inverse",
                    hint="give the option direction: quotePerBase or basePerQuote",
                )
            self.direction = "quotePerBase" if self._sides["above"] else "basePerQuote"
            how = "found from its magnitude"
        else:
            how = "as given"
        unit = f"{quote} per {base}" if self.direction == "quotePerBase" else f"{base} per {quote}"
        self.reader.notes.add(f"price is {unit}, {how}: {low:g} to {high:g}")
        if self._open_ended:
            self.reader.notes.add(
                f"high and low do not hold open and close in {self._open_ended} rows: taken as "
                "the highest and lowest of all four"
            )
        if self._volume > RAW_VOLUME:
            self.volume_unit = "raw"
        unit = f"raw units of {base}" if self.volume_unit == "raw" else f"whole {base}"
        self.reader.notes.add(
            f"volume is taken as {unit} without direction: half is counted as {base} in, half as "
            f"{quote} in at the close"
        )

    def bars(self, table: CandleTable, rows: npt.NDArray[np.int64], period_ns: int) -> Array:
        """Return ``BAR`` records; liquidity is unknown (0)."""
        table.check(self.reader, rows)
        bars = np.zeros(len(rows), BAR)
        bars["ts_ns"], bars["period_ns"] = table.ts_ns, period_ns
        columns = (table.open, table.high, table.low, table.close, table.volume)
        declined = np.empty(len(rows), np.uint8)
        pool_bars(
            *columns,
            bars.view(np.uint8),
            declined,
            inverted=self.direction == "basePerQuote",
            base_is_token0=self.pair.base_is_token0,
            base_decimals=self.pair.base_decimals,
            quote_decimals=self.pair.quote_decimals,
            raw_volume=self.volume_unit == "raw",
        )
        if declined.any():
            chosen = declined.view(np.bool_)
            bars[chosen] = self.bars_by_decimal(table.where(chosen), period_ns)
        return bars

    def bars_by_decimal(self, table: CandleTable, period_ns: int) -> Array:
        """Return ``BAR`` records by the definition, row by row: what `bars` is a faster way to."""
        bars = BarColumns()
        columns = (table.open, table.high, table.low, table.close, table.volume)
        with localcontext() as context:
            context.prec = _DIGITS
            for ts_ns, *values in zip(
                table.ts_ns.tolist(), *(column.tolist() for column in columns), strict=True
            ):
                opened, high, low, close = (self._quote_per_base(value) for value in values[:4])
                roots = [self.pair.price_to_sqrt_x96(price) for price in (opened, high, low, close)]
                prices = (roots[0], max(roots), min(roots), roots[3])
                bars.add(ts_ns, prices, self._amounts_in(values[4], close), 0)
        return bars.array(period_ns)

    def _quote_per_base(self, value: float) -> Decimal:
        # repr of a float is the shortest text that reads back as it: the file's own digits.
        price = Decimal(repr(value))
        return price if self.direction == "quotePerBase" else 1 / price

    def _amounts_in(self, volume: float, close: Decimal) -> tuple[int, int]:
        base = Decimal(repr(volume))
        if self.volume_unit == "tokens":
            base = base.scaleb(self.pair.base_decimals)
        quote = base * close.scaleb(self.pair.quote_decimals - self.pair.base_decimals)
        return self.pair.split(int(base / 2), int(quote / 2))
