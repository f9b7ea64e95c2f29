"""Bars of a pool: built from columns of integers, or out of swap after swap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from alp._core.pool_prices import tick_prices
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data.schema import (
    BAR,
    Array,
    EventKind,
    limbs,
    signed_list,
    unsigned_list,
)

MINUTE_NS = 60 * 10**9


@dataclass
class BarColumns:
    """Bars to be, as one list of integers for each field of ``BAR`` but the period."""

    ts_ns: list[int] = field(default_factory=list)
    open_x96: list[int] = field(default_factory=list)
    high_x96: list[int] = field(default_factory=list)
    low_x96: list[int] = field(default_factory=list)
    close_x96: list[int] = field(default_factory=list)
    in0: list[int] = field(default_factory=list)
    in1: list[int] = field(default_factory=list)
    liquidity: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ts_ns)

    def add(
        self,
        ts_ns: int,
        prices: tuple[int, int, int, int],
        amounts_in: tuple[int, int],
        liquidity: int,
    ) -> None:
        """Add a bar; `prices` are sqrt prices in the order open, high, low, close."""
        self.ts_ns.append(ts_ns)
        self.open_x96.append(prices[0])
        self.high_x96.append(prices[1])
        self.low_x96.append(prices[2])
        self.close_x96.append(prices[3])
        self.in0.append(amounts_in[0])
        self.in1.append(amounts_in[1])
        self.liquidity.append(liquidity)

    def array(self, period_ns: int) -> Array:
        """Return the bars as a ``BAR`` array."""
        array = np.zeros(len(self), BAR)
        array["ts_ns"], array["period_ns"] = self.ts_ns, period_ns
        for name in ("open_x96", "high_x96", "low_x96", "close_x96"):
            array[name] = limbs(getattr(self, name), 4)
        for name in ("in0", "in1", "liquidity"):
            array[name] = limbs(getattr(self, name), 2)
        return array


class BarBuilder:
    """Collects swaps in order of time into bars of one period; periods without swaps have none.

    A bar opens with the price after its first swap.
    """

    def __init__(self, period_ns: int) -> None:
        self.period_ns = period_ns
        self.done = BarColumns()
        self._start: int | None = None
        self._prices = (0, 0, 0, 0)
        self._in = (0, 0)
        self._liquidity = 0

    def add(
        self, ts_ns: int, sqrt_price_x96: int, amount0: int, amount1: int, liquidity: int
    ) -> None:
        """Take a swap into account; amounts are the pool's, positive into it."""
        start = ts_ns - ts_ns % self.period_ns
        if start != self._start:
            self.close()
            self._start = start
            self._prices = (sqrt_price_x96,) * 4
            self._in = (0, 0)
        opened, high, low, _ = self._prices
        self._prices = (
            opened,
            max(high, sqrt_price_x96),
            min(low, sqrt_price_x96),
            sqrt_price_x96,
        )
        self._in = (self._in[0] + max(amount0, 0), self._in[1] + max(amount1, 0))
        self._liquidity = liquidity

    def close(self) -> None:
        """End the bar that is open."""
        if self._start is not None:
            self.done.add(self._start, self._prices, self._in, self._liquidity)
            self._start = None

    def take(self) -> Array:
        """Return the finished bars and forget them."""
        array = self.done.array(self.period_ns)
        self.done = BarColumns()
        return array


def bars_of_events(batches: Iterable[Array], period_ns: int, max_rows: int) -> Iterator[Array]:
    """Yield the bars of a pool's swaps."""
    builder = BarBuilder(period_ns)
    for batch in batches:
        swaps = batch[batch["kind"] == EventKind.SWAP]
        for swap in zip(
            swaps["ts_ns"].tolist(),
            unsigned_list(swaps["sqrt_price_x96"]),
            signed_list(swaps["amount0"]),
            signed_list(swaps["amount1"]),
            unsigned_list(swaps["liquidity"]),
            strict=True,
        ):
            builder.add(*swap)
        if len(builder.done) >= max_rows:
            yield from _pieces(builder.take(), max_rows)
    builder.close()
    yield from _pieces(builder.take(), max_rows)


@lru_cache(1 << 14)
def sqrt_ratio(tick: int) -> int:
    """Return the sqrt price at the lower edge of a tick."""
    ratio: int = get_sqrt_ratio_at_tick(tick)
    return ratio


def sqrt_ratios(ticks: npt.NDArray[np.int64]) -> npt.NDArray[np.uint64]:
    """Return the sqrt price at the lower edge of each tick as limbs, shape ``(n, 4)``."""
    ratios = np.empty((len(ticks), 4), np.uint64)
    tick_prices(ticks, ratios)
    return ratios


def _pieces(array: Array, max_rows: int) -> Iterator[Array]:
    for start in range(0, len(array), max_rows):
        yield array[start : start + max_rows]
