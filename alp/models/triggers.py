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
from math import isqrt
from typing import NamedTuple

from alp._core.holdings import (
    first_price_with_token0_at_most,
    held_amounts,
    last_price_with_token1_at_most,
)
from alp.errors import ConfigError

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

NEVER_BELOW = MIN_SQRT_RATIO - 1
"""Lower bound that no pool price reaches."""
NEVER_ABOVE = MAX_SQRT_RATIO
"""Upper bound that no pool price reaches."""

# Thresholds in basis points times a hysteresis in basis points.
_SCALE = 100_000_000
_WHOLE = 10_000


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
        if self.price_move_bps < 0:
            raise ConfigError(f"price move threshold {self.price_move_bps} bps is negative")
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
    now = Baseline(sqrt_price_x96, *holdings.amounts(sqrt_price_x96))
    return _cause(rule, part, baseline, now, crossing)


def crossing_of(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, sqrt_price_x96: int
) -> tuple[Crossing, Cause] | None:
    """Return the trigger that fires at a price, or None."""
    now = Baseline(sqrt_price_x96, *holdings.amounts(sqrt_price_x96))
    for crossing in (Crossing.UP, Crossing.DOWN):
        cause = _cause(rule, _WHOLE, baseline, now, crossing)
        if cause is not None:
            return crossing, cause
    return None


def _cause(
    rule: TriggerRule, part: int, baseline: Baseline, now: Baseline, crossing: Crossing
) -> Cause | None:
    """Compare what is there now with the baseline, by a part of the thresholds."""
    up = crossing is Crossing.UP
    left, full = (now.amount0, baseline.amount0) if up else (now.amount1, baseline.amount1)
    if left * _SCALE < full * (_SCALE - rule.depletion_bps * part):
        return Cause.DEPLETED
    if rule.price_move_bps:
        higher, lower = (now, baseline) if up else (baseline, now)
        moved = higher.sqrt_price_x96 * higher.sqrt_price_x96 * _SCALE
        limit = lower.sqrt_price_x96 * lower.sqrt_price_x96
        if moved > limit * (_SCALE + rule.price_move_bps * part):
            return Cause.PRICE_MOVED
    return None


def armed_bounds(rule: TriggerRule, baseline: Baseline, holdings: Holdings) -> tuple[int, int]:
    """Return the sqrt prices ``(low, high)`` at which a trigger first fires.

    It fires at every price ``<= low`` and ``>= high`` and at none between them. A side that cannot
    fire has :data:`NEVER_BELOW` or :data:`NEVER_ABOVE`.
    """
    return (
        _last_below(rule, baseline, holdings, to_rearm=False),
        _first_above(rule, baseline, holdings, to_rearm=False),
    )


def rearm_bounds(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, crossing: Crossing
) -> tuple[int, int]:
    """Return the bounds at which a refused trigger is armed again.

    After an upward crossing the rule is armed at every price ``<= low``; after a downward one at
    every price ``>= high``; the other bound is never reached.
    """
    if crossing is Crossing.UP:
        return _first_above(rule, baseline, holdings, to_rearm=True) - 1, NEVER_ABOVE
    return NEVER_BELOW, _last_below(rule, baseline, holdings, to_rearm=True) + 1


def _first_above(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, *, to_rearm: bool
) -> int:
    """Return the least price at which `cause_of` an upward crossing is true."""
    part = _part(rule, to_rearm=to_rearm)
    due = NEVER_ABOVE
    most = _depleted_at_most(rule, part, baseline.amount0) - holdings.wallet0
    if most >= 0:
        due = first_price_with_token0_at_most(holdings.positions, most)
    if rule.price_move_bps:
        # The least p with p * p * scale > limit.
        limit = baseline.sqrt_price_x96**2 * (_SCALE + rule.price_move_bps * part)
        due = min(due, isqrt(limit // _SCALE) + 1)
    return min(max(due, MIN_SQRT_RATIO), NEVER_ABOVE)


def _last_below(
    rule: TriggerRule, baseline: Baseline, holdings: Holdings, *, to_rearm: bool
) -> int:
    """Return the greatest price at which `cause_of` a downward crossing is true."""
    part = _part(rule, to_rearm=to_rearm)
    due = NEVER_BELOW
    most = _depleted_at_most(rule, part, baseline.amount1) - holdings.wallet1
    if most >= 0:
        due = last_price_with_token1_at_most(holdings.positions, most)
    if rule.price_move_bps:
        # The greatest p with limit > p * p * (scale + move).
        limit = baseline.sqrt_price_x96**2 * _SCALE
        due = max(due, isqrt((limit - 1) // (_SCALE + rule.price_move_bps * part)))
    return max(min(due, MAX_SQRT_RATIO - 1), NEVER_BELOW)


def _part(rule: TriggerRule, *, to_rearm: bool) -> int:
    """Return which part of the thresholds counts, in basis points."""
    return _WHOLE - rule.hysteresis_bps if to_rearm else _WHOLE


def _depleted_at_most(rule: TriggerRule, part: int, full: int) -> int:
    """Return the most of a token that still counts as depleted; -1 where nothing does."""
    return (full * (_SCALE - rule.depletion_bps * part) - 1) // _SCALE
