"""Triggers in plain Python: what the compiled ones are compared with, integer by integer."""

from __future__ import annotations

from math import isqrt

from alp._core.holdings import first_price_with_token0_at_most, last_price_with_token1_at_most
from alp.models.triggers import (
    MAX_SQRT_RATIO,
    MIN_SQRT_RATIO,
    NEVER_ABOVE,
    NEVER_BELOW,
    Baseline,
    Cause,
    Crossing,
    Holdings,
    TriggerRule,
)

# Thresholds in basis points times a hysteresis in basis points.
_SCALE = 100_000_000
_WHOLE = 10_000


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


def first_above(
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


def last_below(rule: TriggerRule, baseline: Baseline, holdings: Holdings, *, to_rearm: bool) -> int:
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
