"""How Binance speaks, USD-M futures and spot."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import Any

from alp._core.matching import QueueModel
from alp.paper.accounts import (
    Accounts,
    ApiKey,
    default_accounts,
    ed25519_credentials,
    hmac_credentials,
)
from alp.paper.binance.history import (
    PACES,
    REST_ROWS,
    WrongParameterError,
    mark_event,
    partial_book,
    rest_row,
    stream_row,
    trade_event,
)
from alp.paper.binance.limits import Limits
from alp.paper.binance.private import BinancePrivate
from alp.paper.binance.symbols import exchange_info, symbol_row
from alp.paper.book import ASK, BID, Change, PlainBook
from alp.paper.desk import Desk
from alp.paper.market import Made, Market
from alp.paper.orders import COIN, Rules
from alp.paper.protocol import (
    BOOK,
    QUOTE,
    TRADE,
    Answer,
    Peer,
    Protocol,
    compact,
    touch_of,
)

QUOTES = ("USDT", "USDC", "FDUSD", "USD", "EUR", "TRY", "BTC", "ETH", "BNB")
"""Ends of symbols that name what prices are in."""
EIGHT_HOURS_MS = 8 * 3600 * 1000
_STREAMS = {"depth": BOOK, "bookTicker": QUOTE, "aggTrade": TRADE}
_UNKNOWN = 400, b'{"code":-1121,"msg":"Invalid symbol."}'
_NO_SYMBOL = 400, b'{"code":-1102,"msg":"Mandatory parameter \'symbol\' was not sent."}'
_BAD_LIMIT = 400, b'{"code":-1130,"msg":"Data sent for parameter \'limit\' is not valid."}'


class Binance(Protocol):
    """USD-M futures or spot.

    Every stream is sent on every path: clients do not agree on which class is where.

    Parameters
    ----------
    futures
        Whether it is USD-M futures.
    accounts
        Whose orders it takes; by default those that everybody knows.
    model
        Of the queues in which resting orders wait.
    """

    rest_snapshots = True

    def __init__(
        self,
        markets: Iterable[Market],
        *,
        futures: bool = True,
        accounts: Accounts | None = None,
        model: QueueModel = QueueModel.CONSERVATIVE,
        clock_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        super().__init__(markets, clock_ns=clock_ns)
        self.futures = futures
        self.exchange = self.feed = "binance-usdm" if futures else "binance-spot"
        self.messages_per_second = 10 if futures else 5
        self._rest = "/fapi/v1" if futures else "/api/v3"
        rules = {each.symbol: _rules(each, futures) for each in self.markets.values()}
        self.desk = Desk(
            self.markets,
            rules,
            accounts or binance_accounts(rules.values(), futures=futures),
            futures=futures,
            model=model,
            clock_ns=self.now_ns,
        )
        self.private = BinancePrivate(self.desk, self.now_ns, self._public)

    def is_snapshot(self, path: str) -> bool:
        """Whether a path asks for a book."""
        return path == f"{self._rest}/depth"

    def _public(self, name: str, query: dict[str, str]) -> Answer | None:
        return self.rest(f"{self._rest}/{name}", query)

    def rest(self, path: str, query: dict[str, str]) -> Answer | None:
        """Answer a request; None where there is nothing."""
        wanted = query.get("symbol")
        if path == f"{self._rest}/ping":
            return 200, b"{}"
        if path == f"{self._rest}/time":
            return 200, compact({"serverTime": self.now_ms()})
        if wanted is not None and wanted not in self.markets:
            return _UNKNOWN
        chosen = [each for each in self.markets.values() if wanted in (None, each.symbol)]
        if path == f"{self._rest}/exchangeInfo":
            rows = [self._row(each) for each in chosen]
            limits = Limits(futures=self.futures).declared
            told = exchange_info(rows, limits, self.now_ms(), futures=self.futures)
            return 200, compact(told)
        if path == f"{self._rest}/ticker/bookTicker":
            rows = [self._ticker(each) for each in chosen]
            return 200, compact(rows if wanted is None else rows[0])
        if path in (f"{self._rest}/ticker/price", "/fapi/v2/ticker/price"):
            rows = [self._price(each) for each in chosen]
            return 200, compact(rows if wanted is None else rows[0])
        if path == "/sapi/v1/system/status":
            return 200, b'{"status":0,"msg":"normal"}'
        if path == "/fapi/v1/premiumIndex" and self.futures:
            rows = [self._premium(each) for each in chosen]
            return 200, compact(rows if wanted is None else rows[0])
        if not self.is_snapshot(path):
            return self._history(path, query, chosen)
        if wanted is None:
            return _NO_SYMBOL
        (market,) = chosen
        limit = query.get("limit", "100")
        if not limit.isdigit() or not 0 < int(limit) <= (1000 if self.futures else 5000):
            return _BAD_LIMIT
        at_ms = market.at_ms if self.futures else None
        return 200, snapshot(market.book, market.last_id, at_ms, int(limit))

    def _history(self, path: str, query: dict[str, str], chosen: list[Market]) -> Answer | None:
        """Answer what was traded; a day's figures of all products at once, the rest of one."""
        name = path.removeprefix(f"{self._rest}/")
        if name not in REST_ROWS:
            return None
        every = name == "ticker/24hr" and "symbol" not in query
        if not every and "symbol" not in query:
            return _NO_SYMBOL
        try:
            rows = [
                rest_row(name, each, query, self.now_ms(), self.desk.ledger.middle(each.symbol))
                for each in chosen
            ]
        except WrongParameterError as wrong:
            return 400, str(wrong).encode()
        return 200, compact(rows if every else rows[0])

    def _ticker(self, market: Market) -> dict[str, Any]:
        bid, bids, ask, asks = touch_of(market)
        row = {"symbol": market.symbol, "bidPrice": bid, "bidQty": bids}
        row |= {"askPrice": ask, "askQty": asks}
        return row | {"time": market.at_ms} if self.futures else row

    def _price(self, market: Market) -> dict[str, Any]:
        price = market.book.price(self.desk.ledger.middle(market.symbol))
        row = {"symbol": market.symbol, "price": price}
        return row | {"time": market.at_ms} if self.futures else row

    def _premium(self, market: Market) -> dict[str, Any]:
        middle = market.book.price(self.desk.ledger.middle(market.symbol))
        return {
            "symbol": market.symbol,
            "markPrice": middle,
            "indexPrice": middle,
            "estimatedSettlePrice": middle,
            "lastFundingRate": "0.00010000",
            "interestRate": "0.00010000",
            "nextFundingTime": (self.now_ms() // EIGHT_HOURS_MS + 1) * EIGHT_HOURS_MS,
            "time": self.now_ms(),
        }

    def _row(self, market: Market) -> dict[str, Any]:
        rules = self.desk.rules[market.symbol]
        return symbol_row(market, rules, futures=self.futures, halted=self.desk.halted)

    def greet(self, peer: Peer) -> list[bytes]:
        """Subscribe to the streams that the address names."""
        named = peer.query.get("streams", "").split("/")
        if peer.path.rpartition("/ws/")[1]:
            named += peer.path.rpartition("/ws/")[2].split("/")
        self._subscribe(peer, [name for name in named if "@" in name])
        return []

    def _subscribe(self, peer: Peer, names: list[str]) -> None:
        for name in names:
            symbol, _, stream = name.partition("@")
            kind = stream.partition("@")[0]
            channel = _STREAMS.get(kind)
            if symbol.upper() not in self.markets or symbol != symbol.lower():
                continue  # Binance accepts any name, and sends nothing
            if channel is None:
                peer.others[name] = 0
                continue
            peer.names[channel, symbol.upper()] = name
            peer.subscribed.add((channel, symbol.upper()))

    def take(self, peer: Peer, message: Any) -> list[bytes]:
        """Answer a request on the stream."""
        number = message.get("id")
        names = [each for each in message.get("params") or [] if isinstance(each, str)]
        method = message.get("method")
        if method == "LIST_SUBSCRIPTIONS":
            held = sorted([*peer.names.values(), *peer.others])
            return [compact({"result": held, "id": number})]
        if method == "SUBSCRIBE":
            self._subscribe(peer, names)
        elif method == "UNSUBSCRIBE":
            for key in [key for key, name in peer.names.items() if name in names]:
                del peer.names[key]
                peer.subscribed.discard(key)
            for name in peer.others.keys() & set(names):
                del peer.others[name]
        else:
            return [compact({"error": {"code": 2, "msg": "Invalid request"}, "id": number})]
        return [compact({"result": None, "id": number})]

    def _sent(self, peer: Peer, channel: str, symbol: str, data: bytes) -> bytes:
        return self._wrapped(peer, peer.names[channel, symbol], data)

    def _wrapped(self, peer: Peer, name: str, data: bytes) -> bytes:
        if "/stream" not in peer.path:
            return data
        return b'{"stream":"%b","data":%b}' % (name.encode(), data)

    def others(self, peer: Peer, market: Market) -> list[bytes]:
        """Return what the other streams say, each no more often than the venue does."""
        found = []
        for name, last_ms in list(peer.others.items()):
            symbol, _, stream = name.partition("@")
            if symbol.upper() != market.symbol:
                continue
            rows = self._other(stream, market, market.at_ms - last_ms)
            peer.others[name] = market.at_ms if rows else last_ms
            found += [self._wrapped(peer, name, compact(row)) for row in rows]
        return found

    def _other(self, stream: str, market: Market, passed_ms: int) -> list[dict[str, Any]]:
        kind, _, pace = stream.partition("@")
        if kind == "trade" and not self.futures:
            return [trade_event(market, each) for each in market.made]
        if passed_ms < (PACES.get(pace) or (250 if kind.startswith("depth") else 1000)):
            return []
        if kind in ("depth5", "depth10", "depth20"):
            return [partial_book(market, int(kind[5:]), futures=self.futures)]
        if kind == "markPrice" and self.futures:
            return [mark_event(self._premium(market))]
        row = stream_row(kind, market, self.desk.ledger.middle(market.symbol), self.now_ms())
        return [] if row is None else [row]

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        """Return the difference."""
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
        """Return the touch."""
        bid, bids, ask, asks = touch_of(market)
        data = f'"u":{market.last_id},"s":"{market.symbol}","b":"{bid}","B":"{bids}",'
        data += f'"a":"{ask}","A":"{asks}"'
        if self.futures:
            data = f'"e":"bookTicker",{data},"T":{market.at_ms},"E":{market.at_ms}'
        return self._sent(peer, QUOTE, market.symbol, b"{%b}" % data.encode())

    def trade(self, peer: Peer, market: Market, made: Made) -> bytes:
        """Return an aggregated trade."""
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


def binance_accounts(rules: Iterable[Rules], *, futures: bool) -> Accounts:
    """Return the accounts that everybody knows, with what these markets trade."""
    assets = {asset for each in rules for asset in (each.quote, each.base)[: 1 if futures else 2]}
    fees = (200, 500) if futures else (1000, 1000)
    found = default_accounts(
        hmac_credentials(), sorted(assets), maker_pips=fees[0], taker_pips=fees[1]
    )
    found.by_name["first"].keys.append(ApiKey(ed25519_credentials()))
    return found


def _rules(market: Market, futures: bool) -> Rules:
    base, quote = _parts(market.symbol)
    return Rules(
        base,
        quote,
        max_quantity=min(9_000_000 * 10**market.book.quantity_decimals, 1 << 47),
        min_notional=5 * COIN,
        band_bps=500 if futures else 5000,
    )


def _parts(symbol: str) -> tuple[str, str]:
    """Return base and quote of a symbol; all of it is base where the quote is not known."""
    for quote in QUOTES:
        if symbol.endswith(quote) and symbol != quote:
            return symbol.removesuffix(quote), quote
    return symbol, "USDT"


def depth_update(
    symbol: str,
    book: PlainBook,
    changes: Iterable[Change],
    at_ms: int,
    first_id: int,
    last_id: int,
    previous_id: int | None,
) -> bytes:
    """Return a difference as Binance writes it; spot's has no `previous_id` and no `T`."""
    rows: tuple[list[str], list[str]] = ([], [])
    last = {(bid, price): quantity for bid, price, quantity in changes}  # a level is named once
    for (bid, price), quantity in last.items():
        rows[bid].append(f'["{book.price(price)}","{book.quantity(quantity)}"]')
    futures = previous_id is not None
    return (
        f'{{"e":"depthUpdate","E":{at_ms},'
        + (f'"T":{at_ms - 5},' if futures else "")
        + f'"s":"{symbol}","U":{first_id},"u":{last_id},'
        + (f'"pu":{previous_id},' if futures else "")
        + f'"b":[{",".join(rows[BID])}],"a":[{",".join(rows[ASK])}]}}'
    ).encode()


def snapshot(book: PlainBook, last_id: int, at_ms: int | None, limit: int) -> bytes:
    """Return a book as Binance's REST answers it; spot's has no times."""
    sides = [
        ",".join(
            f'["{book.price(price)}","{book.quantity(quantity)}"]'
            for price, quantity in book.best(bid, limit)
        )
        for bid in (BID, ASK)
    ]
    times = "" if at_ms is None else f'"E":{at_ms},"T":{at_ms - 3},'
    return (f'{{"lastUpdateId":{last_id},{times}"bids":[{sides[0]}],"asks":[{sides[1]}]}}').encode()
