"""What a desk does now, for people and probes."""

from __future__ import annotations

from typing import Any

from alp.models.desk import Wish
from alp.models.maker_words import reasons
from alp.models.quoting_desk import NOT_QUOTED, QuotingDesk


def reasons_of(desk: QuotingDesk) -> list[str]:
    """Return why products are not quoted, one line each."""
    found = []
    for lane in desk.lanes.values():
        name = lane.product.instrument.venue
        if lane.view is None or lane.terms is None:
            found.append(f"{name}: nothing was heard of it")
            continue
        found += [f"{name}: {why}" for why in lane.terms.off]
        found += [f"{name}: {why}" for why in reasons(lane.view.bound & NOT_QUOTED)]
    return found


def product_words(desk: QuotingDesk, index: int, wish: Wish | None) -> dict[str, Any]:
    """Return what is wanted of a product, and the terms behind it."""
    lane = desk.lanes[index]
    instrument, view, terms = lane.product.instrument, lane.view, lane.terms
    found: dict[str, Any] = {
        "venue": instrument.venue,
        "exchange": instrument.exchange,
        "symbol": instrument.symbol,
        "tick_size": str(instrument.tick_size),
        "lot_size": str(instrument.lot_size),
        "book": None if lane.top is None else list(lane.top[2:6]),
        "wish": None if wish is None else wish.number,
        "bids": [] if wish is None else [list(each) for each in wish.bids],
        "asks": [] if wish is None else [list(each) for each in wish.asks],
    }
    if view is None or terms is None:
        return found
    base = 10.0**-desk.rules.base_decimals
    fit = lane.core.arrivals.calibration
    return found | {
        "bound": reasons(view.bound),
        "off": list(terms.off),
        "inventory": {
            "held_lots": desk.inventory.lots(index),
            "neutral_lots": desk.inventory.neutral_lots(index),
            "venues_base": terms.combined.cefi_raw * base,
            "pool_base": terms.combined.delta_raw * base,
            "ratio": terms.ratio.value,
            "ratio_source": terms.ratio.source,
            "correlation": terms.ratio.correlation,
            "combined_base": terms.combined.combined_raw * base,
            "leaned_lots": terms.combined.leaned_lots,
            "room_lots": list(terms.room),
        },
        "level": terms.verdict.level.name,
        "monitors": list(terms.verdict.why),
        "gate": None if terms.gate is None else terms.gate.name,
        "prices": {name: _finite(value) for name, value in view.terms.items()},
        "calibration": {
            "A": _finite(view.inputs["scale"]),
            "k": _finite(view.inputs["decay"]),
            "sigma": _finite(view.inputs["sigma"]),
            "samples": lane.core.arrivals.samples,
            "lacking": fit.lacking.name,
        },
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN; what is not known yet is null there."""
    if isinstance(value, float) and not abs(value) < float("inf"):
        return None
    return value
