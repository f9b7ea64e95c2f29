"""When a rebalance is due: a token depleted, or the price moved, since the last rebalance.

What the ranges hold is a monotone function of the price, so each condition is true beyond exactly
one sqrt price. Those two integers are found once, after each rebalance; whoever replays or watches
the pool only compares. Fees are left out: they do not depend on the price alone.

Conditions are written on token0 and token1, so that the order of the tokens plays no part: a price
that has *moved by more than m* is above ``(1 + m)`` times the baseline or below it divided by
``(1 + m)``, which reads the same for token1 per token0 and its inverse.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from alp._core.holdings import held_amounts
from alp._core.trigger_prices import due_at, due_prices
from alp.errors import ConfigError

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

NEVER_BELOW = MIN_SQRT_RATIO - 1
"""Lower bound that no pool price reaches."""
NEVER_ABOVE = MAX_SQRT_RATIO
"""Upper bound that no pool price reaches."""

_WHOLE = 10_000
# A price a hundred million times another; little enough for the arithmetic of 64 bits.
_MOST_PRICE_MOVE_BPS = 10**12


class Crossing(StrEnum):
    """Which way the pool's sqrt price went."""

    UP = "up"
    """token0 was sold out of our ranges; token1 came in."""
    DOWN = "down"
    """token1 was sold out of our ranges; token0 came in."""


class Cause(StrEnum):
    """What a trigger saw."""

    DEPLETED = "depleted"
    PRICE_MOVED = "price_moved"


# By the numbers of alp._core.trigger_prices.
_CAUSES = (None, Cause.DEPLETED, Cause.PRICE_MOVED)


@dataclass(frozen=True, slots=True)
class TriggerRule:
    """Thresholds of a rebalance.

    Parameters
    ----------
    depletion_bps
        A token is depleted when less than ``1 - depletion`` of its baseline is left; 10000 never
        triggers.
    price_move_bps
        Price move from the baseline; 0 leaves this condition out.
    hysteresis_bps
        After a trigger that was refused, the rule is armed again when the measure has come back
        to ``1 - hysteresis`` of the threshold.
    """

    depletion_bps: int
    price_move_bps: int
    hysteresis_bps: int = 1_000

    def __post_init__(self) -> None:
        if not 0 < self.depletion_bps <= 10_000:
            raise ConfigError(f"depletion threshold {self.depletion_bps} bps is not in 1..10000")
        if not 0 <= self.price_move_bps <= _MOST_PRICE_MOVE_BPS:
            raise ConfigError(f"price move threshold {self.price_move_bps} bps is not in 0..10**12")
        if not 0 <= self.hysteresis_bps < 10_000:
            raise ConfigError(f"hysteresis {self.hysteresis_bps} bps is not in 0..9999")


class Baseline(NamedTuple):
    """Price and total holdings (wallet and positions) right after the last rebalance."""

    sqrt_price_x96: int
    amount0: int
    amount1: int


class Holdings(NamedTuple):
    """Tokens in the wallet and positions ``(tick_lower, tick_upper, liquidity)``."""

    wallet0: int
    wallet1: int
    positions: tuple[tuple[int, int, int], ...]

    def amounts(self, sqrt_price_x96: int) -> tuple[int, int]:
        """Return ``(amount0, amount1)`` held at a price, in raw units; monotone in the price."""
        amount0, amount1 = held_amounts(sqrt_price_x96, self.positions)
        return self.wallet0 + amount0, self.wallet1 + amount1

    def baseline(self, sqrt_price_x96: int) -> Baseline:
        """Return the baseline of a rebalance that left these holdings at this price."""
        return Baseline(sqrt_price_x96, *self.amounts(sqrt_price_x96))


def cause_of(
    rule: TriggerRule,
    baseline: Baseline,
    holdings: Holdings,
    sqrt_price_x96: int,
    crossing: Crossing,
    *,
    to_rearm: bool = False,
) -> Cause | None:
    """Return why a rebalance is due on one side, or None.

    Parameters
    ----------
    to_rearm
        Judge by the thresholds less the hysteresis: while there is still a cause, a refused
        trigger stays as it is.
    """
    part = _part(rule, to_rearm=to_rearm)
    up, down = due_at(
        baseline, holdings, sqrt_price_x96, rule.depletion_bps, rule.price_move_bps, part
    )
    return _CAUSES[up if crossing is Crossing.UP else down]


def crossing_of(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, sqrt_price_x96: int
) -> tuple[Crossing, Cause] | None:
    """Return the trigger that fires at a price, or None."""
    up, down = due_at(
        baseline, holdings, sqrt_price_x96, rule.depletion_bps, rule.price_move_bps, _WHOLE
    )
    crossing, cause = (Crossing.UP, _CAUSES[up]) if up else (Crossing.DOWN, _CAUSES[down])
    return None if cause is None else (crossing, cause)


def armed_bounds(rule: TriggerRule, baseline: Baseline, holdings: Holdings) -> tuple[int, int]:
    """Return the sqrt prices ``(low, high)`` at which a trigger first fires.

    It fires at every price ``<= low`` and ``>= high`` and at none between them. A side that cannot
    fire has :data:`NEVER_BELOW` or :data:`NEVER_ABOVE`.
    """
    return due_prices(baseline, holdings, rule.depletion_bps, rule.price_move_bps, _WHOLE)


def rearm_bounds(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, crossing: Crossing
) -> tuple[int, int]:
    """Return the bounds at which a refused trigger is armed again.

    After an upward crossing the rule is armed at every price ``<= low``; after a downward one at
    every price ``>= high``; the other bound is never reached.
    """
    part = _part(rule, to_rearm=True)
    low, high = due_prices(baseline, holdings, rule.depletion_bps, rule.price_move_bps, part)
    return (high - 1, NEVER_ABOVE) if crossing is Crossing.UP else (NEVER_BELOW, low + 1)


def _part(rule: TriggerRule, *, to_rearm: bool) -> int:
    """Return which part of the thresholds counts, in basis points."""
    return _WHOLE - rule.hysteresis_bps if to_rearm else _WHOLE
