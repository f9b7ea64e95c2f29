"""Counts and ranges of a venue's candles and trades, and of base fees."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from alp.data.facts import Facts, Lines
from alp.data.schema import Array

if TYPE_CHECKING:
    from alp.data.source import Source


class CandleFacts(Facts):
    """Prices and volume of a venue's candles."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._volume = self._still = 0

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        self.times(array["ts_ns"], rows, int(array["period_ns"][0]))
        self.prices(np.log(array["close"] * float(self.source.tick_size or 1)), rows)
        self._volume += sum(array["volume"].tolist())
        self._still += int((array["volume"] == 0).sum())

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {
            "period_seconds": (self.source.period_ns or 0) / 1e9,
            **self.price_range(),
            "tick_size": str(self.source.tick_size),
            "lot_size": str(self.source.lot_size),
            "volume": str(self._volume * (self.source.lot_size or 1)),
            "candles_without_volume": self._still,
        }


class TradeFacts(Facts):
    """Prices, quantities and sides of a venue's trades."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._quantity = 0
        self._sides: Counter[int] = Counter()

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        self.times(array["ts_ns"], rows)
        self.prices(np.log(array["price"] * float(self.source.tick_size or 1)), rows)
        self._quantity += sum(array["quantity"].tolist())
        self._sides.update(array["side"].tolist())

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {
            **self.price_range(),
            "tick_size": str(self.source.tick_size),
            "lot_size": str(self.source.lot_size),
            "quantity": str(self._quantity * (self.source.lot_size or 1)),
            "bought": self._sides[1],
            "sold": self._sides[-1],
            "side_unknown": self._sides[0],
        }


class BaseFeeFacts(Facts):
    """The range of base fees."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._fees: tuple[int, int] | None = None

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        if (array["ts_ns"] >= 0).all():
            self.times(array["ts_ns"], rows)
        low, high = int(array["base_fee_wei"].min()), int(array["base_fee_wei"].max())
        if self._fees is not None:
            low, high = min(low, self._fees[0]), max(high, self._fees[1])
        self._fees = (low, high)

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        if self._fees is None:
            return {}
        return {"base_fee_gwei_low": self._fees[0] / 1e9, "base_fee_gwei_high": self._fees[1] / 1e9}
