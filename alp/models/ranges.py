"""Two single-sided positions around the price: quote token below, base token above.

The side with too much inventory gets a narrow range near the price, where it converts soon; the
scarce side gets a wide one. Ranges never include the current tick, are multiples of the tick
spacing and lie within the usable ticks. The functions are continuous in inventory: widths change
by whole tick spacings only because ticks are discrete.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from alp.errors import ConfigError
from alp.models.pair import TokenPair
from alp.models.quoting import QuotingModel, require_not_negative

MAX_TICK = 887_272
_LOG_TICK = math.log(1.0001)
# A width that is a whole number of spacings up to float noise is not snapped to one more.
_SNAP = 1e-9


class Side(StrEnum):
    """Which side of the price a range is on, in words of the pair."""

    BID = "bid"
    """Below the price in quote per base; holds quote, buys base as the price falls into it."""
    ASK = "ask"
    """Above the price; holds base, sells it as the price rises into it."""


@dataclass(frozen=True, slots=True)
class RangeLimits:
    """How wide a range may be, as upper over lower price minus one, in basis points.

    Parameters
    ----------
    base_spread_bps
        Width of each range at the first mint, and the least neutral width afterwards.
    min_width_bps, max_width_bps
        Bounds of every range before its outer end is snapped outwards to the tick spacing.
    """

    base_spread_bps: float
    min_width_bps: float
    max_width_bps: float

    def __post_init__(self) -> None:
        require_not_negative(base_spread_bps=self.base_spread_bps)
        if not 0.0 < self.min_width_bps <= self.max_width_bps < math.inf:
            raise ConfigError(
                f"range widths {self.min_width_bps} to {self.max_width_bps} bps are no interval"
            )

    def clamp(self, width_bps: float) -> float:
        """Return `width_bps` within the bounds."""
        return min(max(width_bps, self.min_width_bps), self.max_width_bps)


class Widths(NamedTuple):
    """Requested widths in basis points, before snapping."""

    bid_bps: float
    ask_bps: float


class PlannedRange(NamedTuple):
    """One single-sided range in the contract's ticks."""

    side: Side
    tick_lower: int
    tick_upper: int

    @property
    def ticks(self) -> tuple[int, int]:
        """Lower and upper tick."""
        return self[1:]


def first_widths(limits: RangeLimits) -> Widths:
    """Return the widths of the first mint: the base spread on both sides."""
    width = limits.clamp(limits.base_spread_bps)
    return Widths(width, width)


def model_widths(
    model: QuotingModel,
    inventory: float,
    *,
    two_sided_inventory: float,
    sigma: float,
    interval_s: float,
    limits: RangeLimits,
) -> Widths:
    """Return the widths at a combined inventory.

    The neutral width is the price's standard deviation over the expected time between rebalances,
    but no less than the base spread; each side's is that times the model's distance on that side
    over its distance at zero inventory.

    Parameters
    ----------
    inventory
        Combined inventory ``q``, base.
    two_sided_inventory
        Greatest ``|q|`` at which the model quotes both sides; beyond it the widths stay put.
    sigma
        Volatility of the log-price per square-root second.
    interval_s
        Expected time between rebalances.
    """
    require_not_negative(sigma=sigma, interval_s=interval_s, reach=two_sided_inventory)
    inventory = min(max(inventory, -two_sided_inventory), two_sided_inventory)
    neutral, quote = model.distances(0.0), model.distances(inventory)
    if neutral.spread is None or quote.bid is None or quote.ask is None:
        raise ConfigError(f"the model does not quote both sides at inventory {inventory}")
    half = neutral.spread / 2.0
    if half <= 0.0:
        raise ConfigError("the model's spread at zero inventory is not positive")
    scale = max(10_000.0 * math.expm1(sigma * math.sqrt(interval_s)), limits.base_spread_bps)
    return Widths(
        bid_bps=limits.clamp(scale * quote.bid / half),
        ask_bps=limits.clamp(scale * quote.ask / half),
    )


def usable_tick(tick_spacing: int) -> int:
    """Return the greatest usable tick; its negative is the least."""
    return MAX_TICK // tick_spacing * tick_spacing


def single_sided_ranges(pair: TokenPair, tick: int, widths: Widths) -> tuple[PlannedRange, ...]:
    """Return the bid and ask range around the pool's current `tick`, in that order.

    A side for which no usable tick is left (the price is at the end of the tick range) is
    missing.

    Parameters
    ----------
    tick
        ``slot0.tick``: the contract decides by it which token a range takes.
    """
    spacing, edge = pair.tick_spacing, usable_tick(pair.tick_spacing)
    below = tick // spacing * spacing
    above = below + spacing
    bid_ticks, ask_ticks = _ticks(widths.bid_bps, spacing), _ticks(widths.ask_bps, spacing)
    # token1 is owed below the current tick and token0 above it, whichever of them is base.
    if pair.base_is_token0:
        bid = PlannedRange(Side.BID, max(below - bid_ticks, -edge), below)
        ask = PlannedRange(Side.ASK, above, min(above + ask_ticks, edge))
    else:
        bid = PlannedRange(Side.BID, above, min(above + bid_ticks, edge))
        ask = PlannedRange(Side.ASK, max(below - ask_ticks, -edge), below)
    return tuple([each for each in (bid, ask) if each.tick_lower < each.tick_upper])


def width_bps(tick_lower: int, tick_upper: int) -> float:
    """Return upper over lower price minus one, in basis points."""
    return 10_000.0 * math.expm1((tick_upper - tick_lower) * _LOG_TICK)


def _ticks(width_bps: float, spacing: int) -> int:
    """Return a width in ticks, rounded up to whole spacings."""
    exact = math.log1p(width_bps / 10_000.0) / _LOG_TICK
    return max(math.ceil(exact / spacing - _SNAP), 1) * spacing
