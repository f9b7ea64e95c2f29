"""How each venue speaks: its answers by REST, to subscriptions, and its messages.

Kraken is in :mod:`kraken_protocols`. Nothing here knows of sockets; :mod:`exchange` calls it. The
shapes are those of the venues' documents and recordings.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from markets import Market
from synthetic_book import ASK, BID, depth_update, text, usdm_snapshot

STAMP = "2026-08-02T04:23:43.217117Z"
BOOK, QUOTE, TRADE = "book", "quote", "trade"


@dataclass
class Peer:
    """What a venue knows of one connection."""

    path: str = "/"
    query: dict[str, str] = field(default_factory=dict)
    subscribed: set[tuple[str, str]] = field(default_factory=set)
    """Channel and product; the channels `book`, `quote` and `trade` are the same everywhere."""
    names: dict[tuple[str, str], str] = field(default_factory=dict)
    """What Binance's streams are called, by channel and product."""
    heartbeats: bool = False
    sequence: int = 0
    heartbeat: int = 0


class Protocol:
    """What the venues have in common."""

    exchange = ""
    feed = ""
    rest_snapshots = False
    messages_per_second = 100
    subscribe_within_s = 0.0

    def __init__(self, markets: Iterable[Market]) -> None:
        self.markets = {market.symbol: market for market in markets}

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes] | None:
        """Answer a request; None where there is nothing."""
        raise NotImplementedError

    def is_snapshot(self, path: str) -> bool:
        """Whether a path asks for a book."""
        return False

    def greet(self, peer: Peer) -> list[bytes]:
        """Return what the venue says first."""
        return []

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer a message; snapshots that follow a subscription come with the answer."""
        raise NotImplementedError

    def beat(self, peer: Peer) -> bytes | None:
        """Return a heartbeat."""
        return None

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what says the last event of a market."""
        raise NotImplementedError

    def quote(self, peer: Peer, market: Market) -> bytes:
        """Return what says the touch."""
        raise NotImplementedError

    def trade(self, peer: Peer, market: Market, made: tuple[int, bool, int, int]) -> bytes:
        """Return what says a trade."""
        raise NotImplementedError

    def lose(self, peer: Peer) -> None:
        """Count a message that is not going to be sent."""

    def spoil(self, message: bytes) -> bytes:
        """Return the message with a wrong checksum."""
        return message


def compact(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def increment(decimals: int) -> str:
    return text(1, decimals)


def touch_of(market: Market) -> tuple[str, str, str, str]:
    touch = market.book.touch()
    assert touch is not None
    book = market.book
    bid, bids, ask, asks = touch
    return book.price(bid), book.quantity(bids), book.price(ask), book.quantity(asks)


class Binance(Protocol):
    """USD-M futures or spot.

    Streams under ``/public`` and ``/market`` are those of that class alone, as they are there.
    """

    rest_snapshots = True

    def __init__(self, markets: Iterable[Market], *, futures: bool = True) -> None:
        super().__init__(markets)
        self.futures = futures
        self.exchange = self.feed = "binance-usdm" if futures else "binance-spot"
        self.messages_per_second = 10 if futures else 5
        self._rest = "/fapi/v1" if futures else "/api/v3"

    def is_snapshot(self, path: str) -> bool:
        return path == f"{self._rest}/depth"

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes] | None:
        if path == f"{self._rest}/exchangeInfo":
            wanted = query.get("symbol")
            if wanted is not None and wanted not in self.markets:
                return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
            rows = [self._row(each) for each in self.markets.values()]
            return 200, compact({"timezone": "UTC", "rateLimits": [], "symbols": rows})
        if not self.is_snapshot(path):
            return None
        market = self.markets.get(query.get("symbol", ""))
        if market is None:
            return 400, b'{"code":-1121,"msg":"Invalid symbol."}'
        at_ms = market.at_ms if self.futures else None
        limit = int(query.get("limit", 100))
        return 200, usdm_snapshot(market.book, market.last_id, at_ms, limit)

    def _row(self, market: Market) -> dict[str, Any]:
        quote = next(each for each in ("USDT", "USDC", "EUR") if market.symbol.endswith(each))
        base = market.symbol.removesuffix(quote)
        step = increment(market.book.quantity_decimals)
        notional = (
            {"filterType": "MIN_NOTIONAL", "notional": "5"}
            if self.futures
            else {"filterType": "NOTIONAL", "minNotional": "5"}
        )
        own = (
            {
                "pair": market.symbol,
                "contractType": "PERPETUAL",
                "deliveryDate": 4133404800000,
                "onboardDate": 1569398400000,
                "marginAsset": quote,
                "pricePrecision": market.book.price_decimals,
                "quantityPrecision": market.book.quantity_decimals,
            }
            if self.futures
            else {"isSpotTradingAllowed": True, "permissionSets": [["SPOT"]]}
        )
        return {
            "symbol": market.symbol,
            "status": "TRADING",
            "baseAsset": base,
            "quoteAsset": quote,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "orderTypes": ["LIMIT", "MARKET"],
            **own,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "tickSize": increment(market.book.price_decimals),
                    "minPrice": increment(market.book.price_decimals),
                    "maxPrice": "1000000",
                },
                {
                    "filterType": "LOT_SIZE",
                    "stepSize": step,
                    "minQty": step,
                    "maxQty": "9000000",
                },
                notional,
            ],
        }

    def greet(self, peer: Peer) -> list[bytes]:
        named = peer.query.get("streams", "").split("/")
        if peer.path.rpartition("/ws/")[1]:
            named += peer.path.rpartition("/ws/")[2].split("/")
        self._subscribe(peer, [name for name in named if "@" in name])
        return []

    def _subscribe(self, peer: Peer, names: list[str]) -> None:
        for name in names:
            symbol, _, stream = name.partition("@")
            kind = stream.partition("@")[0]
            channel = {"depth": BOOK, "bookTicker": QUOTE, "aggTrade": TRADE}.get(kind)
            if channel is None or symbol.upper() not in self.markets or symbol != symbol.lower():
                continue  # Binance accepts any name, and sends nothing
            if self.futures and (channel == TRADE) == ("/market" not in peer.path):
                continue
            peer.names[channel, symbol.upper()] = name
            peer.subscribed.add((channel, symbol.upper()))

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        number = message.get("id")
        names = message.get("params", [])
        method = message.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            return [compact({"result": sorted(peer.names.values()), "id": number})]
        if method == "SUBSCRIBE":
            self._subscribe(peer, names)
        elif method == "UNSUBSCRIBE":
            for key in [key for key, name in peer.names.items() if name in names]:
                del peer.names[key]
                peer.subscribed.discard(key)
        else:
            return [compact({"error": {"code": 2, "msg": "Invalid request"}, "id": number})]
        return [compact({"result": None, "id": number})]

    def _sent(self, peer: Peer, channel: str, symbol: str, data: bytes) -> bytes:
        if "/stream" not in peer.path:
            return data
        name = peer.names[channel, symbol]
        return b'{"stream":"%b","data":%b}' % (name.encode(), data)

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        data = market.raw or depth_update(
            market.symbol,
            market.book,
            market.changes,
            market.at_ms,
            market.first_id,
            market.last_id,
            market.previous_id if self.futures else None,
        )
        return [self._sent(peer, BOOK, market.symbol, data)]

    def quote(self, peer: Peer, market: Market) -> bytes:
        bid, bids, ask, asks = touch_of(market)
        data = f'"u":{market.last_id},"s":"{market.symbol}","b":"{bid}","B":"{bids}",'
        data += f'"a":"{ask}","A":"{asks}"'
        if self.futures:
            data = f'"e":"bookTicker",{data},"T":{market.at_ms},"E":{market.at_ms}'
        return self._sent(peer, QUOTE, market.symbol, b"{%b}" % data.encode())

    def trade(self, peer: Peer, market: Market, made: tuple[int, bool, int, int]) -> bytes:
        number, bought, price, quantity = made
        data = compact(
            {
                "e": "aggTrade",
                "E": market.at_ms,
                "s": market.symbol,
                "a": number,
                "p": market.book.price(price),
                "q": market.book.quantity(quantity),
                "f": number,
                "l": number,
                "T": market.at_ms,
                "m": not bought,
            }
        )
        return self._sent(peer, TRADE, market.symbol, data)


class Coinbase(Protocol):
    """Advanced Trade; a product ``X-USD`` is also there as ``X-USDC``, an alias."""

    exchange = "coinbase-spot"
    feed = "coinbase"
    messages_per_second = 8
    subscribe_within_s = 5.0
    _CHANNELS = {"level2": BOOK, "ticker": QUOTE, "market_trades": TRADE}  # noqa: RUF012

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes] | None:
        root = "/api/v3/brokerage/market/products"
        rows = {row["product_id"]: row for each in self.markets.values() for row in _aliases(each)}
        if path == root:
            futures = query.get("product_type") == "FUTURE"
            return 200, compact({"products": [] if futures else list(rows.values())})
        product = path.removeprefix(f"{root}/")
        if product == path:
            return None
        if product not in rows:
            return 404, b'{"error":"NOT_FOUND","message":"Product not found"}'
        return 200, compact(rows[product])

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        channel, kind = message.get("channel"), message.get("type")
        if channel == "heartbeats":
            peer.heartbeats = kind == "subscribe"
            return [self._sent(peer, "subscriptions", b'[{"subscriptions":{"heartbeats":[]}}]')]
        if channel not in self._CHANNELS or kind not in ("subscribe", "unsubscribe"):
            return [b'{"type":"error","message":"failure to subscribe"}']
        replies = []
        for product in message.get("product_ids", []):
            symbol = product.removesuffix("C") if product.endswith("-USDC") else product
            if symbol not in self.markets:
                return [
                    b'{"type":"error","message":"%b is not a valid product"}' % product.encode()
                ]
            key = (self._CHANNELS[channel], symbol)
            if kind == "unsubscribe":
                peer.subscribed.discard(key)
            elif key not in peer.subscribed:
                peer.subscribed.add(key)
                if channel == "level2":
                    replies.append(self._level2(peer, self.markets[symbol], whole=True))
        held = sorted(symbol for each, symbol in peer.subscribed if each == BOOK)
        ack = compact([{"subscriptions": {"level2": held}}])
        return [*replies, self._sent(peer, "subscriptions", ack)]

    def _sent(self, peer: Peer, channel: str, events: bytes) -> bytes:
        number, peer.sequence = peer.sequence, peer.sequence + 1
        head = f'{{"channel":"{channel}","timestamp":"{STAMP}","sequence_num":{number},"events":'
        return head.encode() + events + b"}"

    def _level2(self, peer: Peer, market: Market, *, whole: bool) -> bytes:
        changes = (
            [(bid, *level) for bid in (BID, ASK) for level in market.levels(bid)]
            if whole
            else market.changes
        )
        rows = ",".join(
            f'{{"side":"{"bid" if bid else "offer"}","event_time":"{STAMP}","price_level":'
            f'"{market.book.price(price)}","new_quantity":"{market.book.quantity(quantity)}"}}'
            for bid, price, quantity in changes
        )
        kind = "snapshot" if whole else "update"
        event = f'[{{"type":"{kind}","product_id":"{market.symbol}","updates":[{rows}]}}]'
        return self._sent(peer, "l2_data", event.encode())

    def beat(self, peer: Peer) -> bytes | None:
        if not peer.heartbeats:
            return None
        peer.heartbeat += 1
        event = f'[{{"current_time":"{STAMP}","heartbeat_counter":{peer.heartbeat}}}]'
        return self._sent(peer, "heartbeats", event.encode())

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        return [self._level2(peer, market, whole=False)]

    def quote(self, peer: Peer, market: Market) -> bytes:
        bid, bids, ask, asks = touch_of(market)
        row = {
            "type": "ticker",
            "product_id": market.symbol,
            "price": bid,
            "best_bid": bid,
            "best_bid_quantity": bids,
            "best_ask": ask,
            "best_ask_quantity": asks,
        }
        return self._sent(peer, "ticker", compact([{"type": "update", "tickers": [row]}]))

    def trade(self, peer: Peer, market: Market, made: tuple[int, bool, int, int]) -> bytes:
        number, bought, price, quantity = made
        row = {
            "product_id": market.symbol,
            "trade_id": str(number),
            "price": market.book.price(price),
            "size": market.book.quantity(quantity),
            "time": STAMP,
            "side": "SELL" if bought else "BUY",  # the maker's
        }
        return self._sent(peer, "market_trades", compact([{"type": "update", "trades": [row]}]))

    def lose(self, peer: Peer) -> None:
        peer.sequence += 1


def _aliases(market: Market) -> list[dict[str, Any]]:
    base, _, quote = market.symbol.partition("-")
    row = {
        "product_id": market.symbol,
        "price": "1",
        "base_increment": increment(market.book.quantity_decimals),
        "price_increment": increment(market.book.price_decimals),
        "quote_increment": increment(market.book.price_decimals),
        "base_min_size": increment(market.book.quantity_decimals),
        "base_max_size": "1000000",
        "quote_min_size": "1",
        "quote_max_size": "1000000000",
        "status": "online",
        "trading_disabled": False,
        "product_type": "SPOT",
        "base_currency_id": base,
        "quote_currency_id": quote,
        "base_display_symbol": base,
        "quote_display_symbol": quote,
        "display_name": market.symbol,
        "alias": "",
        "alias_to": [],
    }
    if quote != "USD":
        return [row]
    name = f"{base}-USDC"
    other = {**row, "product_id": name, "quote_currency_id": "USDC", "alias": market.symbol}
    return [{**row, "alias_to": [name]}, other]
