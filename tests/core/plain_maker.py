"""The market maker's decision, written to be read: models from alp.models, the rest with lists.

Prices before rounding are compared as floats; what follows from them is integers, and equal.
"""

from __future__ import annotations

import math
from typing import Any

from alp._core.maker import MakerModel, Rounding, Touch
from alp.models.avellaneda_stoikov import AvellanedaStoikov
from alp.models.glft import GlftClosedForm, GlftExact, GlftParameters
from alp.models.quoting import Intensity

PPM = 1_000_000
WIDE = 1e9


def distances(
    rule: dict[str, Any], seen: dict[str, Any], cost: float
) -> tuple[float, float, float]:
    """Bid and ask distance at the inventory, and at none; orders are the unit of inventory."""
    levels = rule["most_inventory"] // rule["order_lots"]
    position = seen["inventory"] / rule["order_lots"]
    if rule["model"] == MakerModel.AVELLANEDA_STOIKOV:
        model: Any = AvellanedaStoikov(
            rule["risk_aversion"],
            seen["sigma"],
            seen["decay"],
            horizon_s=rule["horizon_s"],
            execution_aversion=rule["execution_aversion"],
            execution_cost=cost,
        )
    else:
        table = rule["model"] == MakerModel.GLFT_TABLE
        parameters = GlftParameters(
            rule["risk_aversion"],
            seen["sigma"],
            Intensity(seen["scale"], seen["decay"]),
            levels if table else WIDE // 1e5,
            execution_aversion=rule["execution_aversion"],
            execution_cost=cost,
        )
        model = (GlftExact if table else GlftClosedForm)(parameters)
    none = model.distances(0.0).bid
    if rule["model"] == MakerModel.GLFT_TABLE:
        # A closed side's distance is that of its last lattice point.
        bid = model.distances(min(max(position, -levels), levels - 1)).bid
        ask = model.distances(min(max(position, 1 - levels), levels)).ask
        return bid, ask, none
    quote = model.distances(position)
    return quote.bid, quote.ask, none


def raw_prices(rule: dict[str, Any], seen: dict[str, Any]) -> tuple[float, float]:
    """Prices before rounding."""
    mid = (seen["bid"] + seen["ask"]) / 2
    lots = seen["bid_lots"] + seen["ask_lots"]
    micro = (seen["bid"] * seen["ask_lots"] + seen["ask"] * seen["bid_lots"]) / lots
    shift = rule["microprice_weight"] * (micro - mid) + rule["drift_weight_s"] * seen["drift"]
    fair = mid + min(max(shift, -rule["most_shift"]), rule["most_shift"])
    part, power = math.frexp(mid)
    nearby = math.ldexp(round(part * 2048) / 2048, power)
    bid, ask, none = distances(rule, seen, rule["cost"] * nearby)
    base = none * rule["spread_factor"]
    bid = base + (bid - none) * rule["skew_factor"]
    ask = base + (ask - none) * rule["skew_factor"]
    least = max(rule["least_spread"] / 2, (rule["fee"] + rule["least_edge"]) * mid, 0.0)
    reservation = fair + (ask - bid) / 2
    extra = (seen["widen"] - 1) * max(base, 0.0)
    return (
        min(fair - bid, reservation - least) - extra,
        max(fair + ask, reservation + least) + extra,
    )


def best_prices(
    rule: dict[str, Any], seen: dict[str, Any], raw: list[float], least_half: float
) -> tuple[int, int]:
    """Ticks of the best quotes."""
    if rule["rounding"] == Rounding.NEAREST:
        bid, ask = round(raw[0]), round(raw[1])
    else:
        bid, ask = math.floor(raw[0]), math.ceil(raw[1])
    if rule["touch"] == Touch.JOIN:
        bid, ask = min(bid, seen["bid"]), max(ask, seen["ask"])
    else:
        bid, ask = min(bid, seen["ask"] - 1), max(ask, seen["bid"] + 1)
    return bid, max(ask, bid + max(1, math.ceil(2 * least_half)))


def ladder(
    rule: dict[str, Any], seen: dict[str, Any], best: int, step: int, *, ask: bool
) -> list[tuple[int, int]]:
    """One side's quotes, nothing kept."""
    if not seen["allowed"][ask]:
        return []
    most = rule["most_inventory"]
    away = 1 if ask else -1
    room = max(min(seen["room"][ask], most + away * seen["inventory"]), 0)
    share = int(min(max(seen["inventory"], -most), most) * PPM / most)
    factor = PPM + away * int(rule["asymmetry_ppm"] * share / PPM)
    middle = seen["bid"] + seen["ask"]
    quotes = []
    for level, wanted in enumerate(rule["level_lots"][: rule["levels"]]):
        price = best + away * level * step
        if price <= 0 or (rule["collar"] and away * (2 * price - middle) > 2 * rule["collar"]):
            break
        lots = min(wanted * factor // PPM, rule["most_lots"], room)
        lots -= lots % rule["lot_step"]
        if lots >= rule["least_lots"]:
            quotes.append((price, lots))
            room -= lots
    return quotes
