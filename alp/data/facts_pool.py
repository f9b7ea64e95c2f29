"""Counts and ranges of a pool's events, bars and liquidity."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alp.data.facts import Facts, Lines
from alp.data.findings import Finding
from alp.data.schema import (
    Array,
    EventKind,
    is_zero,
    signed_list,
    to_float,
    unsigned,
    unsigned_list,
)

if TYPE_CHECKING:
    from alp.data.source import Source

_SPIKE = 10.0
_LOG_2_96 = 96.0 * math.log(2.0)


class PoolFacts(Facts):
    """Pool prices are sqrt prices: in quote per base if the pair is known."""

    def roots(self, price: npt.NDArray[np.uint64], rows: Lines) -> None:
        """Take sqrt prices into account."""
        known = ~is_zero(price)
        self.prices(2.0 * (np.log(to_float(price[known])) - _LOG_2_96), rows[known])

    def price_range(self) -> dict[str, Any]:
        """Return the range as quote per base, or as raw token1 per raw token0."""
        if self._high < self._low:
            return {}
        pair = self.source.pair
        if pair is None:
            return {
                "price_unit": "raw token1 per raw token0",
                "price_low": math.exp(self._low),
                "price_high": math.exp(self._high),
            }
        scale = (pair.base_decimals - pair.quote_decimals) * math.log(10.0)
        sign = 1.0 if pair.base_is_token0 else -1.0
        ends = sorted((sign * self._low + scale, sign * self._high + scale))
        return {
            "price_unit": f"{pair.quote_symbol} per {pair.base_symbol}",
            "price_low": math.exp(ends[0]),
            "price_high": math.exp(ends[1]),
        }


class EventFacts(PoolFacts):
    """Events by kind, amounts, liquidity and just-in-time liquidity."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._kinds: Counter[int] = Counter()
        self._in = [0, 0]
        self._liquidity: tuple[int, int] | None = None
        self._last_liquidity: float | None = None
        self._zero_liquidity = self._spikes = self._jit = 0
        self._spike_row = 0
        self._ticks: tuple[int, int] | None = None
        self._block = -1
        self._minted: Counter[tuple[int, int, int, int]] = Counter()

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        self.times(array["ts_ns"], rows)
        kinds, counts = np.unique(array["kind"], return_counts=True)
        self._kinds.update(dict(zip(kinds.tolist(), counts.tolist(), strict=True)))
        self._just_in_time(array)
        swap = array["kind"] == EventKind.SWAP
        swaps, rows = array[swap], rows[swap]
        if not len(swaps):
            return
        self.roots(swaps["sqrt_price_x96"], rows)
        low, high = int(swaps["tick"].min()), int(swaps["tick"].max())
        self._ticks = (
            (low, high)
            if self._ticks is None
            else (min(low, self._ticks[0]), max(high, self._ticks[1]))
        )
        for index, name in enumerate(("amount0", "amount1")):
            self._in[index] += sum(value for value in signed_list(swaps[name]) if value > 0)
        self._active(swaps["liquidity"], rows)

    def _active(self, liquidity: npt.NDArray[np.uint64], rows: Lines) -> None:
        size = to_float(liquidity)
        self._zero_liquidity += int((size == 0).sum())
        low, high = unsigned(liquidity[np.argmin(size)]), unsigned(liquidity[np.argmax(size)])
        if self._liquidity is not None:
            low, high = min(low, self._liquidity[0]), max(high, self._liquidity[1])
        self._liquidity = (low, high)
        before = np.concatenate(([self._last_liquidity or size[0]], size[:-1]))
        spike = (size > _SPIKE * before) & (before > 0)
        if spike.any() and not self._spikes:
            self._spike_row = int(rows[int(np.argmax(spike))])
        self._spikes += int(spike.sum())
        self._last_liquidity = float(size[-1])

    def _just_in_time(self, array: Array) -> None:
        """Count positions burned in the block they were minted in."""
        changes = array[(array["kind"] == EventKind.MINT) | (array["kind"] == EventKind.BURN)]
        for kind, block, *position in zip(
            *(changes[name].tolist() for name in ("kind", "block", "tick_lower", "tick_upper")),
            unsigned_list(changes["liquidity"]),
            changes["owner"].tolist(),
            strict=True,
        ):
            if block != self._block:
                self._block = block
                self._minted.clear()
            lower, upper, amount, owner = position
            key = (lower, upper, amount, owner)
            if kind == EventKind.MINT:
                self._minted[key] += 1
            elif self._minted[key]:
                self._minted[key] -= 1
                self._jit += 1

    def result(self) -> dict[str, Any]:
        """Return the facts by name; amounts and liquidity as decimal strings."""
        facts: dict[str, Any] = {
            "events": {
                EventKind(kind).name.lower(): self._kinds[kind] for kind in sorted(self._kinds)
            }
        }
        if self._ticks is not None and self._liquidity is not None:
            facts |= {
                **self.price_range(),
                "tick_low": self._ticks[0],
                "tick_high": self._ticks[1],
                "in0": str(self._in[0]),
                "in1": str(self._in[1]),
                "liquidity_low": str(self._liquidity[0]),
                "liquidity_high": str(self._liquidity[1]),
                "swaps_without_liquidity": self._zero_liquidity,
                "just_in_time_positions": self._jit,
            }
        return facts

    def warnings(self) -> list[Finding]:
        """Return what deserves a look."""
        found = super().warnings()
        if self._spikes:
            found.append(
                Finding(
                    "warning",
                    "liquidity-spike",
                    "active liquidity rises more than tenfold from one swap to the next",
                    self._spike_row,
                    "just-in-time liquidity: it takes most of the fees of the swap it was put "
                    "there for",
                    self._spikes,
                )
            )
        return found


class BarFacts(PoolFacts):
    """Prices and amounts of a pool's bars."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._in = [0, 0]
        self._still = self._without_liquidity = 0

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        self.times(array["ts_ns"], rows, int(array["period_ns"][0]))
        self.roots(array["close_x96"], rows)
        for index, name in enumerate(("in0", "in1")):
            self._in[index] += sum(unsigned_list(array[name]))
        self._still += int((is_zero(array["in0"]) & is_zero(array["in1"])).sum())
        self._without_liquidity += int(is_zero(array["liquidity"]).sum())

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {
            "period_seconds": (self.source.period_ns or 0) / 1e9,
            **self.price_range(),
            "in0": str(self._in[0]),
            "in1": str(self._in[1]),
            "bars_without_swaps": self._still,
            "bars_without_liquidity": self._without_liquidity,
        }


class LiquidityFacts(Facts):
    """Ticks, and the active liquidity they add up to."""

    def __init__(self, source: Source) -> None:
        super().__init__(source)
        self._ticks: list[int] = []
        self._active = self._high = self._low = 0
        self._negative_row = 0

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""
        for row, tick, change in zip(
            rows.tolist(), array["tick"].tolist(), signed_list(array["liquidity_net"]), strict=True
        ):
            self._ticks.append(tick)
            self._active += change
            if self._active < 0 and not self._negative_row:
                self._negative_row = row
            self._high, self._low = max(self._high, self._active), min(self._low, self._active)

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {
            "ticks": len(self._ticks),
            "tick_low": min(self._ticks, default=None),
            "tick_high": max(self._ticks, default=None),
            "liquidity_high": str(self._high),
        }

    def warnings(self) -> list[Finding]:
        """Return what deserves a look."""
        if not self._negative_row:
            return []
        return [
            Finding(
                "warning",
                "negative-liquidity",
                f"active liquidity goes down to {self._low}",
                self._negative_row,
                "rounding in the file, or ticks are missing",
            )
        ]
