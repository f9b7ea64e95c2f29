"""How Coinbase Advanced Trade speaks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from decimal import Decimal
from typing import Any

from alp.paper.accounts import Accounts
from alp.paper.book import ASK, BID
from alp.paper.coinbase.history import candles, past_trades
from alp.paper.coinbase.private import private_side
from alp.paper.market import Made, Market
from alp.paper.protocol import (
    BOOK,
    QUOTE,
    TRADE,
    Answer,
    Peer,
    Protocol,
    compact,
    increment,
    stamp,
    touch_of,
)

CASH = ("USD", "EUR", "GBP")
PRODUCTS = "/api/v3/brokerage/market/products"
_CHANNELS = {"level2": BOOK, "ticker": QUOTE, "market_trades": TRADE}
_SLOW = ("ticker_batch", "candles", "status")
BATCH_MS = 5000
"""Between messages of those."""
_BAD_CANDLES = 400, b'{"error":"INVALID_ARGUMENT","message":"unsupported granularity"}'
_UNKNOWN = 404, b'{"error":"NOT_FOUND","message":"Product not found"}'


class Coinbase(Protocol):
    """Advanced Trade; a product ``X-USD`` is also there as ``X-USDC``, an alias.

    Parameters
    ----------
    accounts
        Whose orders it takes; by default those that everybody knows.
    """

    exchange = "coinbase-spot"
    feed = "coinbase"
    messages_per_second = 8
    subscribe_within_s = 5.0

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
        if path == "/api/v3/brokerage/time":
            now = self.now_ms()
            told = {"iso": stamp(now), "epochSeconds": str(now // 1000), "epochMillis": str(now)}
            return 200, compact(told)
        if path.startswith("/v2/"):
            return self._older(path.removeprefix("/v2/"))
        if path == "/api/v3/brokerage/market/product_book":
            return self._book_answer(query)
        rows = {
            row["product_id"]: row for each in self.markets.values() for row in self._rows(each)
        }
        if path == PRODUCTS:
            futures = query.get("product_type") == "FUTURE"
            found = [] if futures else list(rows.values())
            return 200, compact({"products": found, "num_products": len(found)})
        product = path.removeprefix(f"{PRODUCTS}/")
        if product == path:
            return None
        product, slash, name = product.partition("/")
        if product not in rows or (slash and name not in ("ticker", "candles")):
            return _UNKNOWN
        if not slash:
            return 200, compact(rows[product])
        market = self.markets[self._symbol(product)]
        if name == "candles":
            past = candles(market, query, self.now_ms())
            return _BAD_CANDLES if past is None else (200, compact({"candles": past}))
        bid, _, ask, _ = touch_of(market)
        trades = past_trades(market, product, query)
        return 200, compact({"trades": trades, "best_bid": bid, "best_ask": ask})

    def _older(self, name: str) -> Answer | None:
        """Answer what some clients still ask the older interface."""
        if name == "time":
            now = self.now_ms()
            return 200, compact({"data": {"iso": stamp(now), "epoch": now // 1000}})
        assets = sorted(
            {each for rule in self.desk.rules.values() for each in (rule.base, rule.quote)}
        )
        if name == "currencies":
            rows = [
                {"id": each, "name": each, "min_size": "0.01"} for each in assets if each in CASH
            ]
        elif name == "exchange-rates":
            return 200, compact({"data": {"currency": "USD", "rates": self._rates(assets)}})
        elif name == "currencies/crypto":
            rows = [
                {"code": each, "name": each, "asset_id": each}
                for each in assets
                if each not in CASH
            ]
        else:
            return None
        return 200, compact({"data": rows})

    def _rates(self, assets: list[str]) -> dict[str, str]:
        """Return how much of each asset a dollar is; 1 where no market says so."""
        rates = dict.fromkeys(assets, "1")
        for asset in assets:
            market = self.markets.get(f"{asset}-USD")
            middle = self.desk.ledger.middle(market.symbol) if market is not None else 0
            if market is not None and middle:
                dollars = Decimal(middle).scaleb(-market.book.price_decimals)
                rates[asset] = format((1 / dollars).quantize(Decimal("1e-12")), "f")
        return rates

    def _rows(self, market: Market) -> list[dict[str, Any]]:
        """Return a product, and its alias where it has one."""
        base, _, quote = market.symbol.partition("-")
        rules, book = self.desk.rules[market.symbol], market.book
        row = {
            "product_id": market.symbol,
            "price": book.price(self.desk.ledger.middle(market.symbol)),
            "base_increment": book.quantity(rules.lot),
            "price_increment": book.price(rules.tick),
            "quote_increment": increment(book.price_decimals),
            "base_min_size": book.quantity(max(rules.min_quantity, rules.lot)),
            "base_max_size": book.quantity(rules.max_quantity),
            "quote_min_size": "1",
            "quote_max_size": "1000000000",
            "status": "online",
            "trading_disabled": False,
            "cancel_only": self.desk.halted,
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

    def _book_answer(self, query: dict[str, str]) -> Answer:
        product = query.get("product_id", "")
        market = self.markets.get(self._symbol(product))
        limit = query.get("limit", "0")
        if market is None or not limit.isdigit():
            return _UNKNOWN
        sides = {
            name: [
                {"price": market.book.price(price), "size": market.book.quantity(quantity)}
                for price, quantity in market.book.best(bid, int(limit) or None)
            ]
            for name, bid in (("bids", BID), ("asks", ASK))
        }
        book = {"product_id": product, **sides, "time": stamp(market.at_ms)}
        return 200, compact({"pricebook": book})

    def _symbol(self, product: str) -> str:
        """Return the market of a product: ``X-USDC`` is an alias of ``X-USD``."""
        if product in self.markets or not product.endswith("-USDC"):
            return product
        return product.removesuffix("C")

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer a subscription."""
        channel, kind = message.get("channel"), message.get("type")
        if channel == "heartbeats":
            peer.heartbeats = kind == "subscribe"
            return [self._sent(peer, "subscriptions", b'[{"subscriptions":{"heartbeats":[]}}]')]
        if channel not in (*_CHANNELS, *_SLOW) or kind not in ("subscribe", "unsubscribe"):
            return [b'{"type":"error","message":"failure to subscribe"}']
        replies = []
        for product in message.get("product_ids", []):
            symbol = self._symbol(product)
            if symbol not in self.markets:
                return [
                    b'{"type":"error","message":"%b is not a valid product"}' % product.encode()
                ]
            if channel in _SLOW:
                peer.others.pop(f"{symbol}@{channel}", None)
                if kind == "subscribe":
                    peer.others[f"{symbol}@{channel}"] = self.markets[symbol].at_ms
                    replies.append(self._slow(peer, channel, self.markets[symbol], whole=True))
                continue
            key = (_CHANNELS[channel], symbol)
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
        now = stamp(self.now_ms())
        head = f'{{"channel":"{channel}","timestamp":"{now}","sequence_num":{number},"events":'
        return head.encode() + events + b"}"

    def _level2(self, peer: Peer, market: Market, *, whole: bool) -> bytes:
        changes = (
            [(bid, *level) for bid in (BID, ASK) for level in market.levels(bid)]
            if whole
            else market.changes
        )
        at = stamp(market.at_ms)
        rows = ",".join(
            f'{{"side":"{"bid" if bid else "offer"}","event_time":"{at}","price_level":'
            f'"{market.book.price(price)}","new_quantity":"{market.book.quantity(quantity)}"}}'
            for bid, price, quantity in changes
        )
        kind = "snapshot" if whole else "update"
        event = f'[{{"type":"{kind}","product_id":"{market.symbol}","updates":[{rows}]}}]'
        return self._sent(peer, "l2_data", event.encode())

    def beat(self, peer: Peer) -> bytes | None:
        """Return a heartbeat of the channel of that name."""
        if not peer.heartbeats:
            return None
        peer.heartbeat += 1
        event = (
            f'[{{"current_time":"{stamp(self.now_ms())}","heartbeat_counter":{peer.heartbeat}}}]'
        )
        return self._sent(peer, "heartbeats", event.encode())

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return the changed levels."""
        return [self._level2(peer, market, whole=False)]

    def quote(self, peer: Peer, market: Market) -> bytes:
        """Return the touch."""
        return self._sent(peer, "ticker", compact([{"type": "update", "tickers": [_tick(market)]}]))

    def others(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what the slow channels say."""
        found = []
        for name, last_ms in list(peer.others.items()):
            symbol, _, channel = name.partition("@")
            if symbol == market.symbol and market.at_ms - last_ms >= BATCH_MS:
                peer.others[name] = market.at_ms
                found.append(self._slow(peer, channel, market, whole=False))
        return found

    def _slow(self, peer: Peer, channel: str, market: Market, *, whole: bool) -> bytes:
        event: dict[str, Any] = {"type": "snapshot" if whole else "update"}
        if channel == "ticker_batch":
            event["tickers"] = [_tick(market)]
        elif channel == "candles":
            past = candles(market, {"granularity": "FIVE_MINUTE"}, self.now_ms()) or []
            event["candles"] = [{**each, "product_id": market.symbol} for each in past[:1]]
        else:
            event["products"] = [_status(each) for each in self._rows(market)[:1]]
        return self._sent(peer, channel, compact([event]))

    def trade(self, peer: Peer, market: Market, made: Made) -> bytes:
        """Return a trade."""
        event = {"type": "update", "trades": [_trade(market, made)]}
        return self._sent(peer, "market_trades", compact([event]))

    def lose(self, peer: Peer) -> None:
        """Leave out a number."""
        peer.sequence += 1


def _status(row: dict[str, Any]) -> dict[str, Any]:
    names = ("base_increment", "quote_increment", "display_name", "status")
    return {
        "product_type": row["product_type"],
        "id": row["product_id"],
        "base_currency": row["base_currency_id"],
        "quote_currency": row["quote_currency_id"],
        **{name: row[name] for name in names},
        "status_message": "",
        "min_market_funds": row["quote_min_size"],
    }


def _tick(market: Market) -> dict[str, str]:
    bid, bids, ask, asks = touch_of(market)
    return {
        "type": "ticker",
        "product_id": market.symbol,
        "price": bid,
        "best_bid": bid,
        "best_bid_quantity": bids,
        "best_ask": ask,
        "best_ask_quantity": asks,
    }


def _trade(market: Market, made: Made) -> dict[str, str]:
    number, bought, price, quantity = made
    return {
        "product_id": market.symbol,
        "trade_id": str(number),
        "price": market.book.price(price),
        "size": market.book.quantity(quantity),
        "time": stamp(market.at_ms),
        "side": "SELL" if bought else "BUY",  # the maker's
    }
