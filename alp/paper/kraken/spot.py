"""How Kraken speaks, spot, WebSocket version 2."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable, Iterable
from decimal import Decimal
from email.utils import formatdate
from typing import Any

from alp.paper.accounts import Accounts
from alp.paper.book import ASK, BID, Change, text
from alp.paper.kraken.history import spot_candles, spot_spread, spot_trades
from alp.paper.kraken.instruments import instruments
from alp.paper.kraken.names import old_name
from alp.paper.kraken.spot_accounts import private_side
from alp.paper.kraken.spot_requests import symbol_of
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

DEPTHS = (10, 25, 100, 500, 1000)
"""Levels a side that a book can be subscribed to with."""
_CHANNELS = {"book": BOOK, "ticker": QUOTE, "trade": TRADE}
_UNKNOWN = 200, b'{"error":["EQuery:Unknown asset pair"]}'


class View:
    """A book as deep as some readers follow it.

    Attributes
    ----------
    message
        What tells of the last event; None where it was beyond.
    """

    def __init__(self, market: Market, depth: int) -> None:
        self.message: bytes | None = None
        self._market = market
        self._depth = depth
        self._levels = self._seen()

    def _seen(self) -> list[list[tuple[int, int]]]:
        return [self._market.book.best(side, self._depth) for side in (ASK, BID)]

    def update(self) -> None:
        """Find out what readers have to be told after an event."""
        before, self._levels = self._levels, self._seen()
        market = self._market
        if market.raw is not None and self._depth == market.depth:
            self.message = market.raw
            return
        changes = [each for side in (ASK, BID) for each in self._changes(bool(side), before[side])]
        self.message = self._written("update", changes) if changes else None

    def _changes(self, bid: bool, before: list[tuple[int, int]]) -> list[Change]:
        """Return what changed; a level that falls off the end of a full side goes unsaid."""
        after = self._levels[bid]
        now, then = dict(after), dict(before)
        last = after[-1][0] if len(after) == self._depth else None
        gone = [
            (bid, price, 0)
            for price in then
            if price not in now and (last is None or (price > last if bid else price < last))
        ]
        return gone + [(bid, *level) for level in after if then.get(level[0]) != level[1]]

    def whole(self) -> bytes:
        """Return the message that a subscription begins with."""
        levels = [(bid, *level) for bid in (BID, ASK) for level in self._levels[bid]]
        return self._written("snapshot", levels)

    def _written(self, kind: str, changes: list[Change]) -> bytes:
        market, book = self._market, self._market.book
        bids, asks = (
            ",".join(
                f'{{"price":{book.price(price)},"qty":{book.quantity(quantity)}}}'
                for bid, price, quantity in changes
                if bid is side
            )
            for side in (BID, ASK)
        )
        return (
            f'{{"channel":"book","type":"{kind}","data":[{{"symbol":"{market.symbol}",'
            f'"bids":[{bids}],"asks":[{asks}],"checksum":{self._checksum()},'
            f'"timestamp":"{stamp(market.at_ms)}"}}]}}'
        ).encode()

    def _checksum(self) -> int:
        """Sum the digits, without point and leading zeros, of the best ten of each side."""
        best = self._levels[ASK][:10] + self._levels[BID][:10]
        return zlib.crc32("".join(f"{price}{quantity}" for price, quantity in best).encode())


class KrakenSpot(Protocol):
    """Spot. Each depth of a book is followed by itself, with that depth's own messages.

    Parameters
    ----------
    accounts
        Whose orders it takes; by default those that everybody knows.
    """

    exchange = "kraken-spot"
    feed = "kraken"

    def __init__(
        self,
        markets: Iterable[Market],
        *,
        accounts: Accounts | None = None,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(markets, clock_ns=clock_ns)
        self.desk = private_side(self, accounts).desk
        self._views: dict[str, dict[int, View]] = {symbol: {} for symbol in self.markets}

    def happened(self, market: Market) -> None:
        """Let every depth that somebody follows have its message."""
        for view in self._views[market.symbol].values():
            view.update()

    def _view(self, symbol: str, depth: int) -> View:
        views = self._views[symbol]
        if depth not in views:
            views[depth] = View(self.markets[symbol], depth)
        return views[depth]

    def rest(self, path: str, query: dict[str, str]) -> Answer | None:
        """Answer a request; None where there is nothing."""
        name = path.removeprefix("/0/public/")
        if name == path:
            return None
        if name == "Time":
            at_s = self.now_ms() // 1000
            written = formatdate(at_s, usegmt=True)
            return self._answer({"unixtime": at_s, "rfc1123": written})
        if name == "SystemStatus":
            return self._answer({"status": "online", "timestamp": stamp(self.now_ms())})
        if name == "Assets":
            assets = {old_name(each) for symbol in self.markets for each in symbol.split("/")}
            row = {"aclass": "currency", "decimals": 8, "display_decimals": 4}
            return self._answer({each: {**row, "altname": each} for each in sorted(assets)})
        pairs = {_old_pair(symbol, ""): market for symbol, market in self.markets.items()}
        asked = query["pair"].split(",") if query.get("pair") else list(self.markets)
        if name not in ("AssetPairs", "Depth", "Ticker", "OHLC", "Trades", "Spread"):
            return None
        found = [symbol_of(each, self.markets) for each in asked]
        if "" in found:
            return _UNKNOWN
        wanted = [_old_pair(each, "") for each in found]
        if name == "AssetPairs":
            return self._answer({each: self._pair(pairs[each]) for each in wanted})
        if name == "Ticker":
            return self._answer({each: _ticker(pairs[each]) for each in wanted})
        if name != "Depth":
            return self._past(name, wanted[0], pairs[wanted[0]], query)
        count = query.get("count", "100")
        most = int(count) if count.isdigit() else 100
        return self._answer({each: _depth(pairs[each], most) for each in wanted})

    def _past(self, name: str, pair: str, market: Market, query: dict[str, str]) -> Answer:
        if name == "OHLC":
            candles = spot_candles(market, query, self.now_ms())
            if candles is None:
                return 200, b'{"error":["EGeneral:Invalid arguments"]}'
            return self._answer({pair: candles[0], "last": candles[1]})
        if name == "Trades":
            trades, last = spot_trades(market, query)
            return self._answer({pair: trades, "last": last})
        spread, at_s = spot_spread(market)
        return self._answer({pair: spread, "last": at_s})

    def _pair(self, market: Market) -> dict[str, Any]:
        rules = self.desk.rules[market.symbol]
        least = market.book.quantity(max(rules.min_quantity, rules.lot))
        base, quote = map(old_name, market.symbol.split("/"))
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
            "lot_decimals": market.book.quantity_decimals - len(str(rules.lot)) + 1,
            "lot_multiplier": 1,
            "leverage_buy": [],
            "leverage_sell": [],
            "fees": [[0, 0.4]],
            "fees_maker": [[0, 0.25]],
            "fee_volume_currency": "ZUSD",
            "ordermin": least,
            "costmin": text(rules.min_notional, 8),
            "tick_size": market.book.price(rules.tick),
            "status": "cancel_only" if self.desk.halted else "online",
        }

    def _answer(self, result: dict[str, Any]) -> Answer:
        return 200, compact({"error": [], "result": result})

    def greet(self, peer: Peer) -> list[bytes]:
        """Return the status."""
        return [
            b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online",'
            b'"api_version":"v2","connection_id":15413894943188002760}]}'
        ]

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer a request; a book follows its subscription."""
        method, params = message.get("method"), message.get("params", {})
        number = {"req_id": message["req_id"]} if "req_id" in message else {}
        now = stamp(self.now_ms())
        times = {"time_in": now, "time_out": now}
        if method == "ping":
            return [compact({"method": "pong", **number, **times})]
        if params.get("channel") == "instrument" and method in ("subscribe", "unsubscribe"):
            result = {"channel": "instrument", "snapshot": True}
            accepted = {"method": method, "result": result, "success": True, **times, **number}
            told = [instruments(self.markets.values(), self.desk.rules, halted=self.desk.halted)]
            return [compact(accepted), *(told if method == "subscribe" else [])]
        replies = []
        for symbol in params.get("symbol", []):
            error = self._error(params, symbol)
            if error is not None or method not in ("subscribe", "unsubscribe"):
                why = error or "Method not supported"
                refusal = {"error": why, "method": method, "success": False, "symbol": symbol}
                replies.append(compact({**refusal, **times, **number}))
                continue
            result = {"channel": params["channel"], "symbol": symbol}
            depth = params.get("depth", 10)
            if params["channel"] == "book":
                result |= {"depth": depth, "snapshot": True}
            accepted = {"method": method, "result": result, "success": True}
            replies.append(compact({**accepted, **times, **number}))
            key = (_CHANNELS[params["channel"]], symbol)
            if method == "unsubscribe":
                peer.subscribed.discard(key)
                continue
            peer.subscribed.add(key)
            if key[0] == BOOK:
                peer.depths[symbol] = depth
                replies.append(self._view(symbol, depth).whole())
            elif key[0] == QUOTE and params.get("snapshot") is not False:
                replies.append(self._ticker(self.markets[symbol], "snapshot"))
        peer.heartbeats = bool(peer.subscribed or peer.account)
        return replies

    def _error(self, params: dict[str, Any], symbol: str) -> str | None:
        if symbol not in self.markets:
            return f"Currency pair not supported {symbol}"
        if params.get("channel") not in _CHANNELS:
            return "Channel not supported"
        if params["channel"] == "book" and params.get("depth", 10) not in DEPTHS:
            return "Subscription depth not supported"
        return None

    def beat(self, peer: Peer) -> bytes | None:
        """Return a heartbeat once there is a subscription."""
        return b'{"channel":"heartbeat"}' if peer.heartbeats else None

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what changed within the depth subscribed to."""
        message = self._view(market.symbol, peer.depths[market.symbol]).message
        return [] if message is None else [message]

    def quote(self, peer: Peer, market: Market) -> bytes:
        """Return the touch."""
        return self._ticker(market, "update")

    def _ticker(self, market: Market, kind: str) -> bytes:
        bid, bids, ask, asks = touch_of(market)
        book = market.book
        day = market.history.day(self.now_ms(), self.desk.ledger.middle(market.symbol))
        worth = day.turnover // day.volume if day.volume else day.close
        figures = [book.price(each) for each in (day.close, worth, day.low, day.high)]
        change = (Decimal(day.close) - day.open).scaleb(-book.price_decimals)
        share = round(100 * (day.close - day.open) / day.open, 2) if day.open else 0
        return (
            f'{{"channel":"ticker","type":"{kind}","data":[{{"symbol":"{market.symbol}",'
            f'"bid":{bid},"bid_qty":{bids},"ask":{ask},"ask_qty":{asks},"last":{figures[0]},'
            f'"volume":{book.quantity(day.volume)},"vwap":{figures[1]},"low":{figures[2]},'
            f'"high":{figures[3]},"change":{change:f},"change_pct":{share}}}]}}'
        ).encode()

    def trade(self, peer: Peer, market: Market, made: Made) -> bytes:
        """Return a trade."""
        number, bought, price, quantity = made
        return (
            f'{{"channel":"trade","type":"update","data":[{{"symbol":"{market.symbol}",'
            f'"side":"{"buy" if bought else "sell"}","price":{market.book.price(price)},'
            f'"qty":{market.book.quantity(quantity)},"ord_type":"market","trade_id":{number},'
            f'"timestamp":"{stamp(market.at_ms)}"}}]}}'
        ).encode()

    def spoil(self, message: bytes) -> bytes:
        """Return the message with a wrong checksum."""
        before, found, after = message.partition(b'"checksum":')
        if not found:
            return message
        digits, comma, rest = after.partition(b",")
        return before + found + str((int(digits) + 1) % 2**32).encode() + comma + rest


def _old_pair(symbol: str, between: str) -> str:
    return between.join(map(old_name, symbol.split("/")))


def _depth(market: Market, most: int) -> dict[str, Any]:
    at = market.at_ms // 1000
    return {
        name: [
            [market.book.price(price), market.book.quantity(quantity), at]
            for price, quantity in market.book.best(bid, most)
        ]
        for name, bid in (("asks", ASK), ("bids", BID))
    }


def _ticker(market: Market) -> dict[str, Any]:
    """Return the touch, and in place of a day's figures those of this moment."""
    bid, bids, ask, asks = touch_of(market)
    last = [market.book.price(market.made[-1][2]) if market.made else bid, "0.00000000"]
    return {
        "a": [ask, str(int(float(asks))), asks],
        "b": [bid, str(int(float(bids))), bids],
        "c": last,
        "v": ["0.00000000", "0.00000000"],
        "p": [last[0], last[0]],
        "t": [market.trades, market.trades],
        "l": [bid, bid],
        "h": [ask, ask],
        "o": last[0],
    }
