"""What Binance's exchangeInfo says of a product, with the members that clients insist on."""

from __future__ import annotations

from typing import Any

from alp.paper.book import text
from alp.paper.market import Market
from alp.paper.orders import Rules

_FAR = "1000000"


def exchange_info(
    rows: list[dict[str, Any]], limits: list[dict[str, Any]], now_ms: int, *, futures: bool
) -> dict[str, Any]:
    """Return the whole answer."""
    told: dict[str, Any] = {"timezone": "UTC", "serverTime": now_ms}
    if futures:
        assets = sorted({row["marginAsset"] for row in rows})
        told |= {
            "futuresType": "U_MARGINED",
            "assets": [
                {"asset": asset, "marginAvailable": True, "autoAssetExchange": "-10000"}
                for asset in assets
            ],
        }
    return {**told, "rateLimits": limits, "exchangeFilters": [], "symbols": rows}


def symbol_row(market: Market, rules: Rules, *, futures: bool, halted: bool) -> dict[str, Any]:
    """Return what is said of one product."""
    own = _of_futures(market, rules) if futures else _of_spot()
    return {
        "symbol": market.symbol,
        "status": "HALT" if halted else "TRADING",
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        **own,
        "filters": _filters(market, rules, futures=futures),
    }


def _of_futures(market: Market, rules: Rules) -> dict[str, Any]:
    return {
        "pair": market.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": 4133404800000,
        "onboardDate": 1569398400000,
        "maintMarginPercent": "2.5000",
        "requiredMarginPercent": "5.0000",
        "marginAsset": rules.quote,
        "pricePrecision": market.book.price_decimals,
        "quantityPrecision": market.book.quantity_decimals,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "settlePlan": 0,
        "triggerProtect": "0.0500",
        "liquidationFee": "0.015000",
        "marketTakeBound": "0.05",
        "orderTypes": ["LIMIT", "MARKET"],
        "timeInForce": ["GTC", "IOC", "FOK", "GTX", "GTD"],
    }


def _of_spot() -> dict[str, Any]:
    modes = ["NONE", "EXPIRE_TAKER", "EXPIRE_MAKER", "EXPIRE_BOTH", "DECREMENT"]
    return {
        "quoteAssetPrecision": 8,
        "baseCommissionPrecision": 8,
        "quoteCommissionPrecision": 8,
        "orderTypes": ["LIMIT", "LIMIT_MAKER", "MARKET"],
        "icebergAllowed": False,
        "ocoAllowed": False,
        "otoAllowed": False,
        "quoteOrderQtyMarketAllowed": True,
        "allowTrailingStop": False,
        "cancelReplaceAllowed": True,
        "amendAllowed": True,
        "isSpotTradingAllowed": True,
        "isMarginTradingAllowed": False,
        "permissions": [],
        "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE",
        "allowedSelfTradePreventionModes": modes,
    }


def _filters(market: Market, rules: Rules, *, futures: bool) -> list[dict[str, Any]]:
    book = market.book
    tick = book.price(rules.tick)
    sizes = {
        "stepSize": book.quantity(rules.lot),
        "minQty": book.quantity(max(rules.min_quantity, rules.lot)),
        "maxQty": book.quantity(rules.max_quantity),
    }
    up, down = (text(10_000 + sign * rules.band_bps, 4) for sign in (1, -1))
    found: list[dict[str, Any]] = [
        {"filterType": "PRICE_FILTER", "tickSize": tick, "minPrice": tick, "maxPrice": _FAR},
        {"filterType": "LOT_SIZE", **sizes},
        {"filterType": "MARKET_LOT_SIZE", **sizes},
    ]
    if futures:
        band = {"multiplierUp": up, "multiplierDown": down, "multiplierDecimal": "4"}
        return [
            *found,
            {"filterType": "MAX_NUM_ORDERS", "limit": rules.most_open},
            {"filterType": "MIN_NOTIONAL", "notional": "5"},
            {"filterType": "PERCENT_PRICE", **band},
        ]
    sides = {"bidMultiplierUp": up, "bidMultiplierDown": "0.0001"}
    sides |= {"askMultiplierUp": "10000", "askMultiplierDown": down}
    least = {"minNotional": "5", "applyMinToMarket": True}
    least |= {"maxNotional": "9000000000", "applyMaxToMarket": False}
    return [
        *found,
        {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": rules.most_open},
        {"filterType": "NOTIONAL", **least, "avgPriceMins": 5},
        {"filterType": "PERCENT_PRICE_BY_SIDE", **sides, "avgPriceMins": 5},
    ]
