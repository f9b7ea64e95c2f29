"""Trades and candles as Kraken answers them, spot and Futures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from alp.paper.history import MINUTE_MS, Candle
from alp.paper.market import Market
from alp.paper.protocol import stamp, touch_of

SPOT_MINUTES = (1, 5, 15, 30, 60, 240, 1440, 10080, 21600)
RESOLUTIONS = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "12h": 720, "1d": 1440}
"""Of Futures' charts, minutes."""
MOST_CANDLES = 720
NANOSECONDS = 1_000_000


def spot_trades(market: Market, query: Mapping[str, str]) -> tuple[list[list[Any]], str]:
    """Return ``Trades`` and the `last` with which to go on, nanoseconds UTC."""
    since, count = _instant_ms(query), _whole(query, "count", 1000)
    past = list(market.history.trades)
    found = [each for each in past if each.at_ms > since][:count] if since else past[-count:]
    book = market.book
    rows = [
        [
            book.price(each.price),
            book.quantity(each.quantity),
            each.at_ms / 1000,
            "b" if each.bought else "s",
            "m",
            "",
            each.number,
        ]
        for each in found
    ]
    return rows, str((found[-1].at_ms if found else since or market.at_ms) * NANOSECONDS)


def _instant_ms(query: Mapping[str, str]) -> int:
    """Return ``since``, which clients write in seconds or in nanoseconds."""
    text = query.get("since", "0")
    try:
        value = Decimal(text)
    except ArithmeticError:
        return 0
    if not value.is_finite() or not 0 <= value < 1 << 63:
        return 0
    return int(value * 1000) if value < 10**11 else int(value) // NANOSECONDS


def _whole(query: Mapping[str, str], name: str, otherwise: int) -> int:
    value = query.get(name, "")
    return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else otherwise


def spot_candles(
    market: Market, query: Mapping[str, str], now_ms: int
) -> tuple[list[list[Any]], int] | None:
    """Return ``OHLC`` and its `last`, the last whole one; None for a wrong interval."""
    minutes = _whole(query, "interval", 1)
    if minutes not in SPOT_MINUTES:
        return None
    since = _instant_ms(query)
    found = [
        each
        for each in market.history.candles(minutes * MINUTE_MS, now_ms)
        if each.begin_ms > since
    ][-MOST_CANDLES:]
    rows = [_spot_candle(market, each) for each in found]
    return rows, int(rows[-2][0]) if len(rows) > 1 else since // 1000


def _spot_candle(market: Market, candle: Candle) -> list[Any]:
    book = market.book
    prices = [book.price(each) for each in (candle.open, candle.high, candle.low, candle.close)]
    return [
        candle.begin_ms // 1000,
        *prices,
        book.price(candle.turnover // candle.volume if candle.volume else 0),
        book.quantity(candle.volume),
        candle.trades,
    ]


def spot_spread(market: Market) -> tuple[list[list[Any]], int]:
    """Return ``Spread``: that of now."""
    bid, _, ask, _ = touch_of(market)
    at_s = market.at_ms // 1000
    return [[at_s, bid, ask]], at_s


def futures_history(market: Market) -> list[dict[str, Any]]:
    """Return ``history``, newest first, at most 100."""
    return [
        {
            "time": stamp(each.at_ms),
            "trade_id": each.number,
            "price": float(market.book.price(each.price)),
            "size": float(market.book.quantity(each.quantity)),
            "side": "buy" if each.bought else "sell",
            "type": "fill",
            "uid": f"{each.number:08x}",
        }
        for each in list(market.history.trades)[:-101:-1]
    ]


def futures_executions(market: Market) -> dict[str, Any]:
    """Return ``executions`` of a market, newest first."""
    elements = [
        {
            "uid": f"{each.number:08x}",
            "timestamp": each.at_ms,
            "event": {
                "Execution": {
                    "execution": {
                        "uid": f"{each.number:08x}",
                        "makerOrder": {
                            "tradeable": market.symbol,
                            "direction": "Sell" if each.bought else "Buy",
                        },
                        "takerOrder": {
                            "tradeable": market.symbol,
                            "direction": "Buy" if each.bought else "Sell",
                        },
                        "timestamp": each.at_ms,
                        "quantity": market.book.quantity(each.quantity),
                        "price": market.book.price(each.price),
                    },
                    "takerReducedQuantity": "",
                }
            },
        }
        for each in reversed(market.history.trades)
    ]
    return {"elements": elements, "len": len(elements)}


def futures_candles(
    market: Market, resolution: str, query: Mapping[str, str], now_ms: int
) -> dict[str, Any] | None:
    """Return a chart; None for a wrong resolution."""
    minutes = RESOLUTIONS.get(resolution)
    if minutes is None:
        return None
    begin, end = _whole(query, "from", 0) * 1000, _whole(query, "to", 1 << 50) * 1000
    book = market.book
    candles = [
        {
            "time": each.begin_ms,
            "open": book.price(each.open),
            "high": book.price(each.high),
            "low": book.price(each.low),
            "close": book.price(each.close),
            "volume": book.quantity(each.volume),
        }
        for each in market.history.candles(minutes * MINUTE_MS, now_ms)
        if begin <= each.begin_ms <= end
    ]
    return {"candles": candles, "more_candles": False}
