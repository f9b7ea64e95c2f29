"""Kraken's channel of what can be traded, spot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from alp.paper.book import text
from alp.paper.market import Market
from alp.paper.orders import Rules
from alp.paper.protocol import compact

ASSET_DECIMALS = 8


def instruments(markets: Iterable[Market], rules: Mapping[str, Rules], *, halted: bool) -> bytes:
    """Return the channel's snapshot; numbers of steps are bare ones, as there."""
    served = list(markets)
    assets = sorted({each for market in served for each in market.symbol.split("/")})
    pairs = ",".join(_pair(each, rules[each.symbol], halted) for each in served)
    return (
        f'{{"channel":"instrument","type":"snapshot","data":{{'
        f'"assets":[{",".join(map(_asset, assets))}],"pairs":[{pairs}]}}}}'
    ).encode()


def _asset(name: str) -> str:
    row: dict[str, object] = {
        "id": name,
        "status": "enabled",
        "precision": ASSET_DECIMALS,
        "precision_display": 4,
    }
    row |= {"borrowable": False, "collateral_value": 0, "margin_rate": 0}
    return compact(row).decode()


def _pair(market: Market, rules: Rules, halted: bool) -> str:
    base, quote = market.symbol.split("/")
    book = market.book
    lots = book.quantity_decimals - len(str(rules.lot)) + 1
    row: dict[str, object] = {"symbol": market.symbol, "base": base, "quote": quote}
    row |= {"status": "cancel_only" if halted else "online", "marginable": False}
    row |= {"has_index": False, "cost_precision": 5, "qty_precision": lots}
    row |= {"price_precision": book.price_decimals}
    numbers = {
        "qty_increment": book.quantity(rules.lot),
        "price_increment": book.price(rules.tick),
        "tick_size": book.price(rules.tick),
        "qty_min": book.quantity(max(rules.min_quantity, rules.lot)),
        "cost_min": text(rules.min_notional, ASSET_DECIMALS),
    }
    bare = ",".join(f'"{name}":{value}' for name, value in numbers.items())
    return f"{compact(row).decode()[:-1]},{bare}}}"
