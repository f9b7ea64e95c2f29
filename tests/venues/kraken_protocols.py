"""How Kraken speaks, on spot and on futures; see :mod:`protocols`."""

from __future__ import annotations

import zlib
from decimal import Decimal
from typing import Any

from markets import Market
from protocols import BOOK, QUOTE, STAMP, TRADE, Peer, Protocol, compact, increment, touch_of
from synthetic_book import ASK, BID


class KrakenSpot(Protocol):
    """Spot, WebSocket version 2. A market has one depth, and only that can be subscribed to."""

    exchange = "kraken-spot"
    feed = "kraken"
    _CHANNELS = {"book": BOOK, "ticker": QUOTE, "trade": TRADE}  # noqa: RUF012

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes] | None:
        if path == "/0/public/Assets":
            assets = {each for symbol in self.markets for each in symbol.split("/")}
            rows = {
                each: {"aclass": "currency", "altname": each, "decimals": 8, "display_decimals": 4}
                for each in sorted(map(_old, assets))
            }
            return 200, compact({"error": [], "result": rows})
        if path != "/0/public/AssetPairs":
            return None
        pairs = {_old_pair(symbol, ""): market for symbol, market in self.markets.items()}
        wanted = query["pair"].split(",") if query.get("pair") else list(pairs)
        if not set(wanted) <= set(pairs):
            return 200, b'{"error":["EQuery:Unknown asset pair"]}'
        return 200, compact({"error": [], "result": {each: _pair(pairs[each]) for each in wanted}})

    def greet(self, peer: Peer) -> list[bytes]:
        return [
            b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
            b'"api_version":"v2","connection_id":15413894943188002760}]}'
        ]

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        method, params = message.get("method"), message.get("params", {})
        number = {"req_id": message["req_id"]} if "req_id" in message else {}
        times = {"time_in": STAMP, "time_out": STAMP}
        if method == "ping":
            return [compact({"method": "pong", **number, **times})]
        replies = []
        for symbol in params.get("symbol", []):
            error = self._error(params, symbol)
            if error is not None or method not in ("subscribe", "unsubscribe"):
                why = error or "Method not supported"
                refusal = {"error": why, "method": method, "success": False, "symbol": symbol}
                replies.append(compact({**refusal, **times, **number}))
                continue
            result = {"channel": params["channel"], "symbol": symbol}
            if params["channel"] == "book":
                result |= {"depth": self.markets[symbol].depth, "snapshot": True}
            accepted = {"method": method, "result": result, "success": True}
            replies.append(compact({**accepted, **times, **number}))
            key = (self._CHANNELS[params["channel"]], symbol)
            if method == "unsubscribe":
                peer.subscribed.discard(key)
                continue
            peer.subscribed.add(key)
            if key[0] == BOOK:
                replies.append(_kraken_book(self.markets[symbol], whole=True))
        peer.heartbeats = bool(peer.subscribed)
        return replies

    def _error(self, params: dict[str, Any], symbol: str) -> str | None:
        if symbol not in self.markets:
            return f"Currency pair not supported {symbol}"
        if params.get("channel") not in self._CHANNELS:
            return "Channel not supported"
        depth = params.get("depth", 10)
        if params["channel"] == "book" and depth != self.markets[symbol].depth:
            return "Subscription depth not supported"
        return None

    def beat(self, peer: Peer) -> bytes | None:
        return b'{"channel":"heartbeat"}' if peer.heartbeats else None

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        return [market.raw or _kraken_book(market, whole=False)] if market.changes else []

    def quote(self, peer: Peer, market: Market) -> bytes:
        bid, bids, ask, asks = touch_of(market)
        return (
            f'{{"channel":"ticker","type":"update","data":[{{"symbol":"{market.symbol}",'
            f'"bid":{bid},"bid_qty":{bids},"ask":{ask},"ask_qty":{asks},"last":{bid}}}]}}'
        ).encode()

    def trade(self, peer: Peer, market: Market, made: tuple[int, bool, int, int]) -> bytes:
        number, bought, price, quantity = made
        return (
            f'{{"channel":"trade","type":"update","data":[{{"symbol":"{market.symbol}",'
            f'"side":"{"buy" if bought else "sell"}","price":{market.book.price(price)},'
            f'"qty":{market.book.quantity(quantity)},"ord_type":"market","trade_id":{number},'
            f'"timestamp":"{STAMP}"}}]}}'
        ).encode()

    def spoil(self, message: bytes) -> bytes:
        before, found, after = message.partition(b'"checksum":')
        if not found:
            return message
        digits, comma, rest = after.partition(b",")
        return before + found + str((int(digits) + 1) % 2**32).encode() + comma + rest


def _old(asset: str) -> str:
    return {"BTC": "XBT", "DOGE": "XDG"}.get(asset, asset)


def _old_pair(symbol: str, between: str) -> str:
    return between.join(map(_old, symbol.split("/")))


def _pair(market: Market) -> dict[str, Any]:
    base, quote = map(_old, market.symbol.split("/"))
    return {
        "altname": _old_pair(market.symbol, ""),
        "wsname": _old_pair(market.symbol, "/"),
        "aclass_base": "currency",
        "base": base,
        "aclass_quote": "currency",
        "quote": quote,
        "lot": "unit",
        "cost_decimals": 5,
        "pair_decimals": market.book.price_decimals,
        "lot_decimals": market.book.quantity_decimals,
        "lot_multiplier": 1,
        "leverage_buy": [],
        "leverage_sell": [],
        "fees": [[0, 0.4]],
        "fees_maker": [[0, 0.25]],
        "fee_volume_currency": "ZUSD",
        "ordermin": "0.002",
        "costmin": "0.5",
        "tick_size": increment(market.book.price_decimals),
        "status": "online",
    }


def checksum(market: Market) -> int:
    """Return Kraken's checksum: digits without point and leading zeros of the best ten a side."""
    digits = "".join(
        f"{price}{quantity}" for bid in (ASK, BID) for price, quantity in market.book.best(bid, 10)
    )
    return zlib.crc32(digits.encode())


def _kraken_book(market: Market, *, whole: bool) -> bytes:
    sides = []
    for side in (BID, ASK):
        levels = (
            market.levels(side)
            if whole
            else [(price, quantity) for bid, price, quantity in market.changes if bid == side]
        )
        book = market.book
        sides.append(
            ",".join(f'{{"price":{book.price(p)},"qty":{book.quantity(q)}}}' for p, q in levels)
        )
    kind = "snapshot" if whole else "update"
    return (
        f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{market.symbol}",'
        f'"bids":[{sides[0]}],"asks":[{sides[1]}],"checksum":{checksum(market)},'
        f'"timestamp":"{STAMP}"}}]}}'
    ).encode()


class KrakenFutures(Protocol):
    """Futures, WebSocket version 1; what the recordings call by other names is linear here."""

    exchange = "kraken-futures"
    feed = "kraken-futures"
    _CHANNELS = {"book": BOOK, "ticker": QUOTE, "trade": TRADE}  # noqa: RUF012

    def rest(self, path: str, query: dict[str, str]) -> tuple[int, bytes] | None:
        if path != "/derivatives/api/v3/instruments":
            return None
        rows = ",".join(
            f'{{"symbol":"{market.symbol}","type":"flexible_futures","contractSize":1,'
            f'"tickSize":{increment(market.book.price_decimals)},"tradeable":true,'
            f'"contractValueTradePrecision":{market.book.quantity_decimals},"postOnly":false,'
            f'"base":"ETH","quote":"USD","pair":"ETH:USD"}}'
            for market in self.markets.values()
        )
        return 200, f'{{"result":"success","instruments":[{rows}]}}'.encode()

    def greet(self, peer: Peer) -> list[bytes]:
        return [b'{"event":"info","version":1}']

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        event, feed = message.get("event"), message.get("feed")
        if event == "ping":
            return [b'{"event":"pong"}']
        if event not in ("subscribe", "unsubscribe"):
            return [b'{"event":"error","message":"Bad request"}']
        if feed == "heartbeat":
            peer.heartbeats = event == "subscribe"
            return [compact({"event": f"{event}d", "feed": feed})]
        products = message.get("product_ids", [])
        if feed not in self._CHANNELS or not set(products) <= set(self.markets):
            return [b'{"event":"error","message":"Invalid product id"}']
        replies = [compact({"event": f"{event}d", "feed": feed, "product_ids": products})]
        for symbol in products:
            key = (self._CHANNELS[feed], symbol)
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
        return b'{"feed":"heartbeat","time":1790000000000}' if peer.heartbeats else None

    def book(self, peer: Peer, market: Market) -> list[bytes]:
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
        bid, bids, ask, asks = map(_float, touch_of(market))
        return (
            f'{{"time":{market.at_ms},"feed":"ticker","product_id":"{market.symbol}",'
            f'"bid":{bid},"bid_size":{bids},"ask":{ask},"ask_size":{asks}}}'
        ).encode()

    def trade(self, peer: Peer, market: Market, made: tuple[int, bool, int, int]) -> bytes:
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
