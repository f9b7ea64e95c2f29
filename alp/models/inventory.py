"""Inventory against its target, in exact raw base units."""

from __future__ import annotations

_BPS = 10_000
_PIPS = 1_000_000


def target_base(base: int, quote: int, mark_x96: int, share_bps: int) -> int:
    """Return how much base makes `share_bps` of the holdings' value, rounded down."""
    value = base * mark_x96 + (quote << 96)
    return value * share_bps // (_BPS * mark_x96)


def hedged_inventory(cefi: int, delta: int, hedge_ratio: float) -> int:
    """Return ``q_cefi + h * delta`` in raw base; ``h`` is taken in millionths."""
    return cefi + delta * round(hedge_ratio * _PIPS) // _PIPS
