"""Trades, candles and a day's figures as Binance answers them, by REST and on its streams."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alp.paper.book import ASK, BID, PlainBook, text
from alp.paper.history import DAY_MS, MINUTE_MS, Candle, Past
from alp.paper.market import Made, Market
from alp.paper.protocol import touch_of

INTERVALS = {
    "1m": 1,
    "3m": 3,
    "5m": 5,
    "15m": 15,
    "30m": 30,
    "1h": 60,
    "2h": 120,
    "4h": 240,
    "6h": 360,
    "8h": 480,
    "12h": 720,
    "1d": 1440,
}
"""Minutes; those of more than a day are not kept."""


class WrongParameterError(ValueError):
    """Binance's code and words."""


def trade_rows(market: Market, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return ``trades``."""
    book = market.book
    return [
        {
            "id": each.number,
            "price": book.price(each.price),
            "qty": book.quantity(each.quantity),
            "quoteQty": _money(book, each.price * each.quantity),
            "time": each.at_ms,
            "isBuyerMaker": not each.bought,
            "isBestMatch": True,
        }
        for each in _chosen(market, query)
    ]


def aggregated_rows(market: Market, query: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return ``aggTrades``; each trade is one of them, as on the stream."""
    book = market.book
    return [
        {
            "a": each.number,
            "p": book.price(each.price),
            "q": book.quantity(each.quantity),
            "f": each.number,
            "l": each.number,
            "T": each.at_ms,
            "m": not each.bought,
            "M": True,
        }
        for each in _chosen(market, query)
    ]


def _chosen(market: Market, query: Mapping[str, str]) -> list[Past]:
    limit, first = _number(query, "limit", 500), _number(query, "fromId", 0)
    begin, end = _number(query, "startTime", 0), _number(query, "endTime", 1 << 62)
    found = [
        each
        for each in market.history.trades
        if each.number >= first and begin <= each.at_ms <= end
    ]
    return found[:limit] if first or begin else found[-limit:]


def candle_rows(market: Market, query: Mapping[str, str], now_ms: int) -> list[list[Any]]:
    """Return ``klines``.

    Raises
    ------
    WrongParameterError
        If the interval is none, or a number is not.
    """
    minutes = INTERVALS.get(query.get("interval", ""))
    if minutes is None:
        raise WrongParameterError('{"code":-1120,"msg":"Invalid interval."}')
    period_ms, limit = minutes * MINUTE_MS, _number(query, "limit", 500)
    begin, end = _number(query, "startTime", 0), _number(query, "endTime", 1 << 62)
    found = [
        each for each in market.history.candles(period_ms, now_ms) if begin <= each.begin_ms <= end
    ]
    found = found[:limit] if begin else found[-limit:]
    return [_candle(market.book, each, period_ms) for each in found]


def _candle(book: PlainBook, candle: Candle, period_ms: int) -> list[Any]:
    return [
        candle.begin_ms,
        *map(book.price, (candle.open, candle.high, candle.low, candle.close)),
        book.quantity(candle.volume),
        candle.begin_ms + period_ms - 1,
        _money(book, candle.turnover),
        candle.trades,
        book.quantity(candle.bought),
        _money(book, candle.bought_turnover),
        "0",
    ]


def day_row(market: Market, middle: int, now_ms: int) -> dict[str, Any]:
    """Return ``ticker/24hr``."""
    book, day = market.book, market.history.day(now_ms, middle)
    bid, bids, ask, asks = touch_of(market)
    trades = market.history.trades
    change = day.close - day.open
    return {
        "symbol": market.symbol,
        "priceChange": _signed(change, book.price_decimals),
        "priceChangePercent": _signed(_share(change * 10**5, day.open), 3),
        "weightedAvgPrice": book.price(_share(day.turnover, day.volume) or day.close),
        "prevClosePrice": book.price(day.open),
        "lastPrice": book.price(day.close),
        "lastQty": book.quantity(trades[-1].quantity if trades else 0),
        "bidPrice": bid,
        "bidQty": bids,
        "askPrice": ask,
        "askQty": asks,
        "openPrice": book.price(day.open),
        "highPrice": book.price(day.high),
        "lowPrice": book.price(day.low),
        "volume": book.quantity(day.volume),
        "quoteVolume": _money(book, day.turnover),
        "openTime": now_ms - DAY_MS,
        "closeTime": now_ms,
        "firstId": trades[0].number if trades else -1,
        "lastId": trades[-1].number if trades else -1,
        "count": day.trades,
    }


REST_ROWS = (
    "trades",
    "historicalTrades",
    "aggTrades",
    "klines",
    "uiKlines",
    "ticker/24hr",
    "avgPrice",
)
"""Ends of the paths of requests about one market."""
PACES = {"100ms": 100, "250ms": 250, "500ms": 500, "1s": 1000}


def rest_row(
    name: str, market: Market, query: Mapping[str, str], now_ms: int, middle: int
) -> object:
    """Answer a request of :data:`REST_ROWS`; ``middle`` of the book in ticks.

    Raises
    ------
    WrongParameterError
        If the query has one.
    """
    if name in ("trades", "historicalTrades"):
        return trade_rows(market, query)
    if name == "aggTrades":
        return aggregated_rows(market, query)
    if name == "ticker/24hr":
        return day_row(market, middle, now_ms)
    if name == "avgPrice":
        return {"mins": 5, "price": market.book.price(middle), "closeTime": now_ms}
    return candle_rows(market, query, now_ms)


def trade_event(market: Market, made: Made) -> dict[str, Any]:
    """Return what spot's stream of single trades says."""
    number, bought, price, quantity = made
    return {
        "e": "trade",
        "E": market.at_ms,
        "s": market.symbol,
        "t": number,
        "p": market.book.price(price),
        "q": market.book.quantity(quantity),
        "T": market.at_ms,
        "m": not bought,
        "M": True,
    }


def partial_book(market: Market, depth: int, *, futures: bool) -> dict[str, Any]:
    """Return the best levels: named as a difference for futures, as by REST for spot."""
    book = market.book
    bids, asks = (
        [[book.price(price), book.quantity(quantity)] for price, quantity in book.best(bid, depth)]
        for bid in (BID, ASK)
    )
    if not futures:
        return {"lastUpdateId": market.last_id, "bids": bids, "asks": asks}
    head = {"e": "depthUpdate", "E": market.at_ms, "T": market.at_ms, "s": market.symbol}
    head |= {"U": market.first_id, "u": market.last_id, "pu": market.previous_id}
    return head | {"b": bids, "a": asks}


def mark_event(premium: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the stream of mark prices says, from what REST does."""
    return {
        "e": "markPriceUpdate",
        "E": premium["time"],
        "s": premium["symbol"],
        "p": premium["markPrice"],
        "i": premium["indexPrice"],
        "P": premium["estimatedSettlePrice"],
        "r": premium["lastFundingRate"],
        "T": premium["nextFundingTime"],
    }


def stream_row(stream: str, market: Market, middle: int, now_ms: int) -> dict[str, Any] | None:
    """Return what a stream of a market's summary says; None where there is none of that name."""
    kind, _, interval = stream.partition("@")[0].partition("_")
    head = {"E": now_ms, "s": market.symbol}
    if kind in ("ticker", "miniTicker"):
        return _ticker_event(kind, head, day_row(market, middle, now_ms))
    if kind != "kline" or interval not in INTERVALS:
        return None
    rows = candle_rows(market, {"interval": interval, "limit": "1"}, now_ms)
    if not rows:
        return None
    names = ("t", "o", "h", "l", "c", "v", "T", "q", "n", "V", "Q", "B")
    candle = dict(zip(names, rows[0], strict=True))
    last = market.trades
    candle |= {"s": market.symbol, "i": interval, "f": last - candle["n"] + 1, "L": last}
    return {"e": "kline", **head, "k": {**candle, "x": False}}


def _ticker_event(kind: str, head: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    names = {"c": "lastPrice", "o": "openPrice", "h": "highPrice", "l": "lowPrice"}
    names |= {"v": "volume", "q": "quoteVolume"}
    if kind == "ticker":
        names |= {"p": "priceChange", "P": "priceChangePercent", "w": "weightedAvgPrice"}
        names |= {"x": "prevClosePrice", "Q": "lastQty", "b": "bidPrice", "B": "bidQty"}
        names |= {"a": "askPrice", "A": "askQty", "O": "openTime", "C": "closeTime"}
        names |= {"F": "firstId", "L": "lastId", "n": "count"}
    return {"e": f"24hr{kind[0].upper()}{kind[1:]}", **head} | {
        short: row[name] for short, name in names.items()
    }


def _number(query: Mapping[str, str], name: str, otherwise: int) -> int:
    value = query.get(name, str(otherwise))
    if not value.isascii() or not value.isdigit() or len(value) > 19:
        raise WrongParameterError(
            f'{{"code":-1130,"msg":"Data sent for parameter \'{name}\' is not valid."}}'
        )
    return int(value)


def _money(book: PlainBook, worth: int) -> str:
    return text(worth, book.price_decimals + book.quantity_decimals)


def _share(part: int, whole: int) -> int:
    return part // whole if whole else 0


def _signed(value: int, decimals: int) -> str:
    return ("-" if value < 0 else "") + text(abs(value), decimals)
