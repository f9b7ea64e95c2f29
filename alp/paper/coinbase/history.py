"""Trades and candles as Coinbase answers them."""

from __future__ import annotations

from collections.abc import Mapping

from alp.paper.history import MINUTE_MS, Candle
from alp.paper.market import Market
from alp.paper.protocol import stamp

GRANULARITIES = {
    "ONE_MINUTE": 1,
    "FIVE_MINUTE": 5,
    "FIFTEEN_MINUTE": 15,
    "THIRTY_MINUTE": 30,
    "ONE_HOUR": 60,
    "TWO_HOUR": 120,
    "FOUR_HOUR": 240,
    "SIX_HOUR": 360,
    "ONE_DAY": 1440,
}
"""Minutes."""
MOST_CANDLES = 350


def past_trades(market: Market, product: str, query: Mapping[str, str]) -> list[dict[str, str]]:
    """Return trades, newest first."""
    limit = query.get("limit", "100")
    most = int(limit) if limit.isascii() and limit.isdigit() and len(limit) < 10 else 100
    found = list(market.history.trades)
    return [
        {
            "trade_id": str(each.number),
            "product_id": product,
            "price": market.book.price(each.price),
            "size": market.book.quantity(each.quantity),
            "time": stamp(each.at_ms),
            "side": "SELL" if each.bought else "BUY",  # the maker's
            "exchange": "coinbase",
        }
        for each in reversed(found[-most:] if most else [])
    ]


def candles(market: Market, query: Mapping[str, str], now_ms: int) -> list[dict[str, str]] | None:
    """Return candles, newest first; None for a wrong granularity."""
    minutes = GRANULARITIES.get(query.get("granularity", ""))
    if minutes is None:
        return None
    begin, end = _instant_s(query, "start", 0), _instant_s(query, "end", 1 << 50)
    return [
        _row(market, each)
        for each in reversed(market.history.candles(minutes * MINUTE_MS, now_ms))
        if begin <= each.begin_ms // 1000 <= end
    ][:MOST_CANDLES]


def _instant_s(query: Mapping[str, str], name: str, otherwise: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 15 else otherwise


def _row(market: Market, candle: Candle) -> dict[str, str]:
    book = market.book
    return {
        "start": str(candle.begin_ms // 1000),
        "low": book.price(candle.low),
        "high": book.price(candle.high),
        "open": book.price(candle.open),
        "close": book.price(candle.close),
        "volume": book.quantity(candle.volume),
    }
