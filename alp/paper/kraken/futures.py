"""How Kraken Futures speaks, WebSocket version 1."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from alp.paper.accounts import Accounts
from alp.paper.book import ASK, BID
from alp.paper.kraken.futures_private import private_side
from alp.paper.kraken.futures_requests import parts
from alp.paper.kraken.history import futures_candles, futures_executions, futures_history
from alp.paper.market import Made, Market
from alp.paper.protocol import (
    BOOK,
    QUOTE,
    TRADE,
    Answer,
    Peer,
    Protocol,
    compact,
    stamp,
    touch_of,
)

FEES = "00000000-0000-4000-8000-000000000001"
"""Name of the one schedule there is, per cent."""
_CHANNELS = {"book": BOOK, "ticker": QUOTE, "trade": TRADE}


class KrakenFutures(Protocol):
    """Futures, WebSocket version 1; what the recordings call by other names is linear here.

    Parameters
    ----------
    accounts
        Whose orders it takes; by default those that everybody knows.
    """

    exchange = "kraken-futures"
    feed = "kraken-futures"

    def __init__(
        self,
        markets: Iterable[Market],
        *,
        accounts: Accounts | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(markets, clock_ns=clock_ns)
        self.desk = private_side(self, accounts).desk

    def rest(self, path: str, query: dict[str, str]) -> Answer | None:
        """Answer a request; None where there is nothing."""
        root, _, name = path.rpartition("/")
        if root == "/derivatives/api/v3/tickers" and name in self.markets:
            return self._answer(f'"ticker":{_ticker(self.markets[name])}')
        if root != "/derivatives/api/v3":
            return self._past(path.split("/")[1:], query)
        if name == "instruments":
            rows = ",".join(map(self._instrument, self.markets.values()))
            return self._answer(f'"instruments":[{rows}]')
        if name == "feeschedules":
            return self._answer(f'"feeSchedules":[{compact(self._fees()).decode()}]')
        if name == "tickers":
            rows = ",".join(map(_ticker, self.markets.values()))
            return self._answer(f'"tickers":[{rows}]')
        if name not in ("orderbook", "history"):
            return None
        market = self.markets.get(query.get("symbol", ""))
        if market is None:
            return 200, b'{"result":"error","error":"contractNotFound"}'
        if name == "history":
            return self._answer(f'"history":{compact(futures_history(market)).decode()}')
        sides = [
            ",".join(
                f"[{_float(market.book.price(price))},{_float(market.book.quantity(quantity))}]"
                for price, quantity in market.levels(bid)
            )
            for bid in (BID, ASK)
        ]
        return self._answer(f'"orderBook":{{"bids":[{sides[0]}],"asks":[{sides[1]}]}}')

    def _fees(self) -> dict[str, Any]:
        owner = next(iter(self.desk.accounts.by_name.values()))
        tier = {"makerFee": owner.maker_pips / 10_000, "takerFee": owner.taker_pips / 10_000}
        return {"uid": FEES, "name": "simulated", "tiers": [{**tier, "usdVolume": 0.0}]}

    def _past(self, parts: list[str], query: dict[str, str]) -> Answer | None:
        """Answer with trades and charts, which are below paths of their own."""
        found: dict[str, Any] | None = None
        match parts:
            case ["api", "history", _, "market", symbol, "executions"] if symbol in self.markets:
                found = futures_executions(self.markets[symbol])
            case ["api", "charts", "v1", _, symbol, resolution] if symbol in self.markets:
                market = self.markets[symbol]
                found = futures_candles(market, resolution, query, self.now_ms())
        return None if found is None else (200, compact(found))

    def _instrument(self, market: Market) -> str:
        rules, book = self.desk.rules[market.symbol], market.book
        base, quote = parts(market.symbol)
        decimals = book.quantity_decimals - len(str(rules.lot)) + 1
        return (
            f'{{"symbol":"{market.symbol}","type":"flexible_futures","feeScheduleUid":"{FEES}",'
            f'"contractSize":1,'
            f'"tickSize":{book.price(rules.tick)},"tradeable":true,'
            f'"contractValueTradePrecision":{decimals},"postOnly":false,'
            f'"base":"{base}","quote":"{quote}","pair":"{base}:{quote}"}}'
        )

    def _answer(self, content: str) -> Answer:
        now = stamp(self.now_ms())
        return 200, f'{{"result":"success",{content},"serverTime":"{now}"}}'.encode()

    def greet(self, peer: Peer) -> list[bytes]:
        """Return the version."""
        return [b'{"event":"info","version":1}']

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer an event; a book follows its subscription."""
        event, feed = message.get("event"), message.get("feed")
        if event == "ping":
            return [b'{"event":"pong"}']
        if event not in ("subscribe", "unsubscribe"):
            return [b'{"event":"error","message":"Bad request"}']
        if feed == "heartbeat":
            peer.heartbeats = event == "subscribe"
            return [compact({"event": f"{event}d", "feed": feed})]
        products = message.get("product_ids", [])
        if feed not in _CHANNELS or not set(products) <= set(self.markets):
            return [b'{"event":"error","message":"Invalid product id"}']
        replies = [compact({"event": f"{event}d", "feed": feed, "product_ids": products})]
        for symbol in products:
            key = (_CHANNELS[feed], symbol)
            if event == "unsubscribe":
                peer.subscribed.discard(key)
                continue
            peer.subscribed.add(key)
            if feed == "book":
                replies.append(self._snapshot(self.markets[symbol]))
        return replies

    def _snapshot(self, market: Market) -> bytes:
        sides = [
            ",".join(
                f'{{"price":{_float(market.book.price(price))},'
                f'"qty":{_float(market.book.quantity(quantity))}}}'
                for price, quantity in market.levels(bid)
            )
            for bid in (BID, ASK)
        ]
        return (
            f'{{"feed":"book_snapshot","product_id":"{market.symbol}","timestamp":{market.at_ms},'
            f'"seq":{market.last_id},"tickSize":null,"bids":[{sides[0]}],"asks":[{sides[1]}]}}'
        ).encode()

    def beat(self, peer: Peer) -> bytes | None:
        """Return a heartbeat of the feed of that name."""
        return b'{"feed":"heartbeat","time":%d}' % self.now_ms() if peer.heartbeats else None

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return a message for each level."""
        if market.raw:
            return [market.raw]
        return [
            (
                f'{{"feed":"book","product_id":"{market.symbol}","side":'
                f'"{"buy" if bid else "sell"}","seq":{market.first_id + index},'
                f'"price":{_float(market.book.price(price))},'
                f'"qty":{_float(market.book.quantity(quantity))},"timestamp":{market.at_ms}}}'
            ).encode()
            for index, (bid, price, quantity) in enumerate(market.changes)
        ]

    def quote(self, peer: Peer, market: Market) -> bytes:
        """Return the touch."""
        bid, bids, ask, asks = map(_float, touch_of(market))
        return (
            f'{{"time":{market.at_ms},"feed":"ticker","product_id":"{market.symbol}",'
            f'"bid":{bid},"bid_size":{bids},"ask":{ask},"ask_size":{asks}}}'
        ).encode()

    def trade(self, peer: Peer, market: Market, made: Made) -> bytes:
        """Return a trade."""
        number, bought, price, quantity = made
        return (
            f'{{"feed":"trade","product_id":"{market.symbol}","uid":"{number:08x}","side":'
            f'"{"buy" if bought else "sell"}","type":"fill","seq":{number},'
            f'"time":{market.at_ms},"qty":{_float(market.book.quantity(quantity))},'
            f'"price":{_float(market.book.price(price))}}}'
        ).encode()


def _float(number: str) -> str:
    """Write a number as this venue does: ``119.3``, ``320.0``."""
    plain = format(Decimal(number).normalize(), "f")
    return plain if "." in plain else f"{plain}.0"


def _ticker(market: Market) -> str:
    bid, bids, ask, asks = map(_float, touch_of(market))
    return (
        f'{{"symbol":"{market.symbol}","tag":"perpetual","bid":{bid},"bidSize":{bids},"ask":{ask},'
        f'"askSize":{asks},"suspended":false,"postOnly":false}}'
    )
