"""Recorded streams to be played without end, at the pace at which they were received.

A recording is over after seconds or minutes. Then one more change brings each book back to how the
recording found it, and the recorded messages come again, with numbers that go on: every message is
a recorded one but for its numbers and those changes.
"""

from __future__ import annotations

import json
import re
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

from alp.paper.binance.public import Binance
from alp.paper.book import ASK, BID, Change, PlainBook
from alp.paper.coinbase.public import Coinbase
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Event, Market
from alp.paper.protocol import BOOK, QUOTE, TRADE, Peer, Protocol
from alp.recording.captures import Message, read_captures

Level = tuple[bool, str, str]
_USDM_IDS = re.compile(rb'"U":(\d+),"u":(\d+),"pu":(\d+)')
_SEQ = re.compile(rb'"seq":(\d+)')
_SEQUENCE_NUM = re.compile(rb'"sequence_num":\d+')


@dataclass(frozen=True, slots=True)
class Said:
    """What a recorded message says of one product.

    Attributes
    ----------
    whole
        It is the whole book.
    ids
        First and last number of a book message; the first trade's and how many there are.
    """

    at_ns: int
    symbol: str
    channel: str
    text: bytes
    levels: list[Level] = field(default_factory=list)
    whole: bool = False
    ids: tuple[int, int] = (0, 0)


@dataclass(frozen=True, slots=True)
class Update:
    """One recorded change of a book."""

    changes: array[int]
    """Side, price and quantity of each, one after the other: tuples would take five times as much.
    """
    text: bytes
    ids: tuple[int, int]


Renumber = Callable[[bytes, int, int | None], bytes]
"""A text with so much added to its numbers, and the number before it where it is to be another."""


class Laps:
    """The changes of one product's book, again and again.

    Parameters
    ----------
    book
        The market's; as it is now it will be at the begin of each lap.
    last_id
        Of the book.

    Attributes
    ----------
    shift
        What is added to recorded numbers in this lap.
    quoted_id
        Of the newest quote that was sent: quotes run ahead of the book, and the change that brings
        the book back is newer than all of them.
    ending
        Set to go back at once.
    """

    def __init__(
        self, book: PlainBook, last_id: int, updates: list[Update], renumber: Renumber
    ) -> None:
        self.shift = self.lap = self.quoted_id = 0
        self.ending = False
        self._book = book
        self._home = {bid: dict(book.side(bid)) for bid in (ASK, BID)}
        self._home_id = self._last_id = last_id
        self._updates = updates
        self._renumber = renumber
        self._next = 0

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        if self.ending or self._next == len(self._updates):
            return self._back()
        update = self._updates[self._next]
        previous = self._last_id if self._next == 0 and self.lap else None
        self._next += 1
        flat = update.changes
        changes = list(zip(map(bool, flat[0::3]), flat[1::3], flat[2::3], strict=True))
        first, last = (number + self.shift for number in update.ids)
        before, self._last_id = self._last_id, last
        text = self._renumber(update.text, self.shift, previous)
        return Event(changes, text, (first, last, before))

    def _back(self) -> Event:
        changes: list[Change] = []
        for bid, home in self._home.items():
            now = self._book.side(bid)
            changes += [(bid, price, 0) for price in now if price not in home]
        for bid, home in self._home.items():
            now = self._book.side(bid)
            changes += [(bid, *level) for level in home.items() if now.get(level[0]) != level[1]]
        before = self._last_id
        self._last_id = max(before + max(1, len(changes)), self.quoted_id + 1)
        self.shift = self._last_id - self._home_id
        self.lap += 1
        self._next = 0
        return Event(changes, None, (before + 1, self._last_id, before))


@dataclass(frozen=True, slots=True)
class Moment:
    """A recorded message: when, since the first. The text of a book's message is in its market."""

    at_ns: int
    symbol: str
    channel: str
    text: bytes = b""
    count: int = 1


class Recording:
    """One exchange's recorded products.

    Attributes
    ----------
    moments
        In order; the last ones, at `span_ns`, bring the books back.
    """

    def __init__(self, protocol: Protocol, moments: list[Moment], laps: dict[str, Laps]) -> None:
        self.protocol = protocol
        self.moments = moments
        self.laps = laps
        self.span_ns = moments[-1].at_ns
        self._trades: Counter[str] = Counter()
        for each in moments:
            if each.channel == TRADE:
                self._trades[each.symbol] += each.count
        self.has_trades = bool(self._trades)

    def say(self, peer: Peer, moment: Moment) -> bytes:
        """Return a recorded quote's or trade's message for a connection."""
        assert isinstance(self.protocol, PlayedBinance | PlayedCoinbase)
        return self.protocol.say(peer, moment, self.laps[moment.symbol], self._trades)

    def end(self) -> None:
        """Let the next event of each book bring it back."""
        for laps in self.laps.values():
            laps.ending = True


class PlayedBinance(Binance):
    """Binance, with recorded quotes and trades."""

    def say(self, peer: Peer, moment: Moment, laps: Laps, trades: Counter[str]) -> bytes:
        """Return a message with this lap's numbers; `trades` are those of a lap."""
        if moment.channel == QUOTE:
            head, found, rest = moment.text.partition(b'"u":')
            recorded, comma, tail = rest.partition(b",")
            laps.quoted_id = int(recorded) + laps.shift
            text = b"%b%b%d%b%b" % (head, found, laps.quoted_id, comma, tail)
        else:
            recorded, _, text = moment.text.partition(b" ")
            number = int(recorded) + laps.lap * trades[moment.symbol]
            text %= (number, number, number)
        return self._sent(peer, moment.channel, moment.symbol, text)


class PlayedCoinbase(Coinbase):
    """Coinbase, with recorded messages."""

    def say(self, peer: Peer, moment: Moment, laps: Laps, trades: Counter[str]) -> bytes:
        """Return a message with this lap's numbers; `trades` are those of a lap."""
        text = moment.text
        if moment.channel == TRADE:
            text = _renumbered_trades(text, trades, laps.lap)
        return self._numbered(peer, text)

    def book(self, peer: Peer, market: Market) -> list[bytes]:
        if market.raw is None:
            return super().book(peer, market)
        return [self._numbered(peer, market.raw)]

    def _numbered(self, peer: Peer, text: bytes) -> bytes:
        """Return a recorded message with the connection's next number."""
        number, peer.sequence = peer.sequence, peer.sequence + 1
        return _SEQUENCE_NUM.sub(b'"sequence_num":%d' % number, text, count=1)


def _renumbered_trades(text: bytes, of_a_lap: Counter[str], laps: int) -> bytes:
    if not laps:
        return text
    row = json.loads(text)
    for event in row["events"]:
        for trade in event["trades"]:
            number = int(trade["trade_id"]) + laps * of_a_lap[trade["product_id"]]
            trade["trade_id"] = str(number)
    return json.dumps(row, separators=(",", ":")).encode()


def _as_it_is(text: bytes, _shift: int, _previous: int | None) -> bytes:
    return text


def _usdm_ids(text: bytes, shift: int, previous: int | None) -> bytes:
    if not shift:
        return text

    def put(found: re.Match[bytes]) -> bytes:
        first, last, before = (int(number) + shift for number in found.groups())
        before = before if previous is None else previous
        return b'"U":%d,"u":%d,"pu":%d' % (first, last, before)

    return _USDM_IDS.sub(put, text, count=1)


def _seq(text: bytes, shift: int, _previous: int | None) -> bytes:
    return _SEQ.sub(lambda found: b'"seq":%d' % (int(found[1]) + shift), text, count=1)


def _parsed(text: bytes) -> Any:
    """Parse with every number as it is written."""
    return json.loads(text, parse_float=str)


def _pairs(row: Any, bids: str, asks: str) -> list[Level]:
    sides = ((BID, bids), (ASK, asks))
    return [(bid, level[0], level[1]) for bid, name in sides for level in row[name]]


def _said_by_binance(messages: Iterable[Message], symbol: str) -> Iterator[Said]:
    """Of one product's futures; trades become the stream of those that alp subscribes to."""
    for message in messages:
        row = json.loads(message.text)
        at_ns = message.received_ns
        if "lastUpdateId" in row:
            last = row["lastUpdateId"]
            levels = _pairs(row, "bids", "asks")
            yield Said(at_ns, symbol, BOOK, message.text, levels, True, (last, last))
            continue
        data = row["data"]
        text = message.text.partition(b'"data":')[2][:-1]
        if data["e"] == "depthUpdate":
            ids = (data["U"], data["u"])
            yield Said(at_ns, symbol, BOOK, text, _pairs(data, "b", "a"), ids=ids)
        elif data["e"] == "bookTicker":
            yield Said(at_ns, symbol, QUOTE, text, ids=(data["u"], data["u"]))
        elif data["e"] == "trade":
            aggregate = (
                f'{data["t"]} {{"e":"aggTrade","E":{data["E"]},"a":%d,"s":"{symbol}","p":'
                f'"{data["p"]}","q":"{data["q"]}","f":%d,"l":%d,"T":{data["T"]},"m":'
                f"{json.dumps(data['m'])}}}"
            )
            yield Said(at_ns, symbol, TRADE, aggregate.encode(), ids=(data["t"], 1))


def _said_by_coinbase(messages: Iterable[Message]) -> Iterator[Said]:
    for message in messages:
        if message.is_event or not message.text.startswith(b'{"channel":'):
            continue
        row = json.loads(message.text)
        for event in row["events"]:
            at_ns, text = message.received_ns, message.text
            if row["channel"] == "l2_data":
                levels = [
                    (each["side"] == "bid", each["price_level"], each["new_quantity"])
                    for each in event["updates"]
                ]
                whole = event["type"] == "snapshot"
                yield Said(at_ns, event["product_id"], BOOK, text, levels, whole)
            elif row["channel"] == "ticker" and event["type"] == "update":
                yield Said(at_ns, event["tickers"][0]["product_id"], QUOTE, text)
            elif row["channel"] == "market_trades" and event["type"] == "update":
                count = len(event["trades"])
                yield Said(at_ns, event["trades"][0]["product_id"], TRADE, text, ids=(0, count))


def _kraken_levels(row: Any) -> list[Level]:
    return [
        (bid, str(level["price"]), str(level["qty"]))
        for bid, name in ((BID, "bids"), (ASK, "asks"))
        for level in row[name]
    ]


def _said_by_kraken_spot(messages: Iterable[Message]) -> Iterator[Said]:
    for message in messages:
        row = _parsed(message.text)
        if row.get("channel") == "book":
            (data,) = row["data"]
            whole = row["type"] == "snapshot"
            levels = _kraken_levels(data)
            yield Said(message.received_ns, data["symbol"], BOOK, message.text, levels, whole)


def _said_by_kraken_futures(messages: Iterable[Message]) -> Iterator[Said]:
    """Times are the venue's: the recording as alp reads it has no others."""
    for message in messages:
        row = _parsed(message.text)
        if row.get("feed") not in ("book", "book_snapshot"):
            continue
        whole = row["feed"] == "book_snapshot"
        if whole:
            levels = _kraken_levels(row)
        else:
            levels = [(row["side"] == "buy", str(row["price"]), str(row["qty"]))]
        at_ns, ids = row["timestamp"] * 1_000_000, (row["seq"], row["seq"])
        yield Said(at_ns, row["product_id"], BOOK, message.text, levels, whole, ids)


def _decimals(text: str) -> int:
    if "e" in text.lower():
        exponent = Decimal(text).as_tuple().exponent
        return max(0, -exponent) if isinstance(exponent, int) else 0
    return len(text.partition(".")[2])


def _whole(text: str, decimals: int) -> int:
    """Return a number in units of the last of so many decimals."""
    whole, _, fraction = text.partition(".")
    if fraction.isdigit() or (not fraction and whole.isdigit()):
        return int(whole + fraction.ljust(decimals, "0"))
    return int(Decimal(text).scaleb(decimals))


class _Scale:
    """The decimals of one product."""

    def __init__(self) -> None:
        self.price = self.quantity = 0

    def learn(self, levels: list[Level]) -> None:
        for _, price, quantity in levels:
            self.price = max(self.price, _decimals(price))
            self.quantity = max(self.quantity, _decimals(quantity))

    def changes(self, levels: list[Level]) -> Iterator[Change]:
        for bid, price, quantity in levels:
            yield bid, _whole(price, self.price), _whole(quantity, self.quantity)


def _recording(
    read: Callable[[], Iterator[Said]],
    make: Callable[[list[Market]], Protocol],
    renumber: Renumber,
    depth: int = 0,
) -> Recording:
    scales: dict[str, _Scale] = {}
    for said in read():
        scales.setdefault(said.symbol, _Scale()).learn(said.levels)
    books: dict[str, PlainBook] = {}
    last_ids: dict[str, int] = {}
    updates: dict[str, list[Update]] = {symbol: [] for symbol in scales}
    moments: list[Moment] = []
    begun_ns = 0
    for said in read():
        symbol, scale = said.symbol, scales[said.symbol]
        if said.whole:
            book = books[symbol] = PlainBook(scale.price, scale.quantity)
            book.apply(scale.changes(said.levels))
            last_ids[symbol] = said.ids[1]
            continue
        if len(books) < len(scales):
            continue
        if said.channel != TRADE and said.ids[1] and said.ids[1] <= last_ids[symbol]:
            continue
        begun_ns = begun_ns or said.at_ns
        at_ns = max(said.at_ns - begun_ns, moments[-1].at_ns if moments else 0)
        if said.channel == BOOK:
            flat = array("q", (part for each in scale.changes(said.levels) for part in each))
            updates[symbol].append(Update(flat, said.text, said.ids))
            moments.append(Moment(at_ns, symbol, BOOK))
        else:
            count = said.ids[1] if said.channel == TRADE else 1
            moments.append(Moment(at_ns, symbol, said.channel, said.text, count))
    mean_ns = moments[-1].at_ns // len(moments)
    moments += [Moment(moments[-1].at_ns + mean_ns, symbol, BOOK) for symbol in books]
    laps = {
        symbol: Laps(book, last_ids[symbol], updates[symbol], renumber)
        for symbol, book in books.items()
    }
    markets = [
        Market(symbol, book, recorded=laps[symbol], last_id=last_ids[symbol], depth=depth)
        for symbol, book in books.items()
    ]
    return Recording(make(markets), moments, laps)


def recordings(shared: Path) -> list[Recording]:
    """Return what was recorded of each exchange.

    Kraken's captured books of 10 levels cannot be played: alp subscribes to 25, and a book of 10
    does not tell what the others are. The fixtures have a session with 25.
    """
    captures = shared / "data" / "B_l2_raw"
    fixtures = shared / "venues" / "fixtures" / "public"
    usdm = captures / "binance_usdm_ethusdt_20240808.jsonl.gz"
    advanced = captures / "coinbase_advanced_ETH-USD_BTC-USD_2026-08-09.jsonl.zst"
    spot = fixtures / "kraken_v2_ETHUSD_d25_session.jsonl"
    futures = fixtures / "kraken_futures_book_session.jsonl"
    return [
        _recording(
            lambda: _said_by_binance(read_captures([usdm]), "ETHUSDT"), PlayedBinance, _usdm_ids
        ),
        _recording(lambda: _said_by_coinbase(read_captures([advanced])), PlayedCoinbase, _as_it_is),
        _recording(
            lambda: _said_by_kraken_spot(read_captures([spot])), KrakenSpot, _as_it_is, depth=25
        ),
        _recording(lambda: _said_by_kraken_futures(read_captures([futures])), KrakenFutures, _seq),
    ]
