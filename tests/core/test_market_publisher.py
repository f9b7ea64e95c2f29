"""From books to the bus: what a reader sees is the book, at most as often as it wants."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import zmq
from usdm_stream import UsdmStream

from alp._core.feed import Feed
from alp._core.market_publisher import Lane, MarketPublisher
from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    HeaderFields,
    HeartbeatMessage,
    TradeFields,
    decode,
    encode,
)
from alp.bus.sockets import Publisher, Subscriber

MS = 1_000_000
LEVELS = 5


@dataclass
class Bus:
    """A publisher and its one reader."""

    publisher: Publisher
    subscriber: Subscriber

    def read(self) -> list[Any]:
        """All that was published so far: a heartbeat at its end says that nothing is missing."""
        mark = encode(HeartbeatMessage(HeaderFields(0, 9, 0, 0, 0), time.monotonic_ns(), 0))
        found: list[Any] = []
        end = time.monotonic() + 10
        self.publisher.publish(mark)
        while time.monotonic() < end:
            if not self.subscriber.socket.poll(20):
                self.publisher.publish(mark)
                continue
            message = self.subscriber.take()
            if message is None:
                continue
            found.append(decode(message))
            is_mark = isinstance(found[-1], HeartbeatMessage)
            if is_mark and found[-1].uptime_ns == decode(mark).uptime_ns:
                return [each for each in found if not isinstance(each, HeartbeatMessage)]
        raise AssertionError("the bus does not deliver")


@pytest.fixture
def bus(tmp_path: Path) -> Iterator[Bus]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    endpoints = f"ipc://{tmp_path}/a", f"ipc://{tmp_path}/b"
    with (
        Publisher(context, *endpoints, 1) as publisher,
        Subscriber(context, [endpoints]) as subscriber,
    ):
        made = Bus(publisher, subscriber)
        made.read()
        yield made
    context.destroy(linger=0)


class Market:
    """A synthetic market, and a lane that publishes it as instrument 3."""

    def __init__(
        self, bus: Bus, *, levels: int = LEVELS, quote_ns: int = 0, depth_ns: int = 0
    ) -> None:
        self.stream = UsdmStream(seed=5)
        self.routes = MarketPublisher(bus.publisher.outlet, [(3, levels, True, quote_ns, depth_ns)])
        self.lane = self.new_lane(leading=True)
        self._trades = 7_000

    def new_lane(self, *, leading: bool) -> Lane:
        feed = Feed("binance-usdm", [(self.stream.symbol, *self.stream.book.row)])
        return Lane(self.routes, feed, [0], leading)

    def snapshot(self) -> bytes:
        return b'{"stream":"ethusdc@depth","data":%b}' % self.stream.snapshot()

    def trade(self) -> bytes:
        self._trades += 1
        return (
            f'{{"e":"aggTrade","E":2,"T":1,"s":"{self.stream.symbol}","a":{self._trades},'
            '"p":"2000.01","q":"0.500","f":1,"l":1,"m":true}'
        ).encode()

    def begin(self, now_ns: int = 0) -> None:
        self.lane.take(self.stream.message(), now_ns)
        self.lane.take(self.snapshot(), now_ns)


def test_a_reader_sees_every_touch_and_depth_of_the_book(bus: Bus) -> None:
    market = Market(bus)
    market.begin()
    expected = []
    for moment in range(200):
        market.lane.take(market.stream.message(), moment)
        expected.append(market.stream.book.touch())
    read = bus.read()
    quotes = [each[1:] for each in read if isinstance(each, BboMessage)]
    changes = [
        now for before, now in zip([None, *expected], expected, strict=False) if now != before
    ]
    assert quotes[-len(changes) :] == changes
    depth = [each for each in read if isinstance(each, DepthMessage)][-1]
    assert list(depth.bids) == market.stream.book.best(True, LEVELS)
    assert list(depth.asks) == market.stream.book.best(False, LEVELS)


def test_the_first_word_is_whether_the_book_is_live_and_a_gap_is_told_at_once(bus: Bus) -> None:
    market = Market(bus)
    market.lane.lead(0)
    (first,) = bus.read()
    assert (first.live, first.reason) == (False, 1)
    market.begin()
    bus.read()
    market.stream.message()  # lost on the way
    market.lane.take(market.stream.message(), 0)
    (told,) = [each for each in bus.read() if isinstance(each, BookStatusMessage)]
    assert (told.live, told.reason) == (False, 2)
    assert abs(told.since_ns - time.time_ns()) < 60 * 10**9
    market.lane.take(market.snapshot(), 0)
    back = bus.read()
    assert [type(each) for each in back] == [BookStatusMessage, BboMessage, DepthMessage]
    assert back[0].live
    assert back[1][1:] == market.stream.book.touch()
    assert back[2].conflated == 0
    assert market.routes.counts["conflated"] == 0


def test_an_interval_holds_back_all_but_the_newest_and_flush_sends_it(bus: Bus) -> None:
    market = Market(bus, quote_ns=100 * MS, depth_ns=200 * MS)
    market.begin(1_000 * MS)
    bus.read()
    for moment in range(1, 60):
        market.lane.take(market.stream.message(), (1_000 + moment) * MS)
    assert not [each for each in bus.read() if isinstance(each, (BboMessage, DepthMessage))]
    assert market.lane.flush(1_090 * MS)
    assert bus.read() == []
    assert market.lane.flush(1_100 * MS), "a depth still waits"
    (quote,) = bus.read()
    assert quote[1:] == market.stream.book.touch()
    assert not market.lane.flush(1_200 * MS)
    (depth,) = bus.read()
    assert list(depth.bids) == market.stream.book.best(True, LEVELS)
    assert depth.conflated == 58
    assert not market.lane.flush(5_000 * MS)
    assert bus.read() == []


def test_a_trade_that_two_connections_bring_is_published_once(bus: Bus) -> None:
    market = Market(bus)
    other = market.new_lane(leading=False)
    market.begin()
    bus.read()
    for number in range(20):
        trade = market.trade()
        if number % 3 != 1:
            market.lane.take(trade, number)
        if number % 3 != 0:
            other.take(trade, number)
    ids = [each.id for each in bus.read() if isinstance(each, TradeFields)]
    assert ids == list(range(ids[0], ids[0] + 20))
    counts = market.routes.counts
    assert (counts["trades"], counts["missing_trades"]) == (20, 0)
    assert counts["repeated_trades"] == 6
    market.trade()
    market.lane.take(market.trade(), 0)
    assert market.routes.counts["missing_trades"] == 1


def test_only_the_lane_that_leads_publishes_books_and_a_successor_makes_no_hole(bus: Bus) -> None:
    market = Market(bus)
    market.begin()
    other = market.new_lane(leading=False)
    message = market.stream.message()
    market.lane.take(message, 0)
    other.take(message, 0)
    other.take(market.snapshot(), 0)
    bus.read()
    message = market.stream.message()
    other.take(message, 0)
    assert bus.read() == []
    market.lane.follow()
    other.lead(0)
    handed = bus.read()
    assert not [each for each in handed if isinstance(each, BookStatusMessage)], "no hole"
    quotes = [each for each in handed if isinstance(each, BboMessage)]
    assert all(each[1:] == market.stream.book.touch() for each in quotes)
    market.lane.feed.lost()
    market.lane.changed(0)
    assert bus.read() == [], "the end of the old connection is no news"
    other.feed.lost()
    other.changed(0)
    (told,) = bus.read()
    assert not told.live


def test_the_venues_own_quote_counts_while_it_is_newer_than_the_book(bus: Bus) -> None:
    market = Market(bus)
    market.begin()
    bus.read()
    bid, bids, ask, asks = market.stream.book.touch() or (0, 0, 0, 0)
    fresh = market.stream.last_id + 10
    price = market.stream.book.price
    row = f'"s":"ETHUSDC","b":"{price(bid - 100)}","B":"1","a":"{price(ask)}","A":"2"'
    market.lane.take(f'{{"e":"bookTicker","u":{fresh},"E":1,"T":1,{row}}}'.encode(), 0)
    (quote,) = bus.read()
    assert (quote.bid, quote.ask) == (bid - 100, ask)
    market.lane.take(f'{{"e":"bookTicker","u":{fresh - 20},"E":1,"T":1,{row}}}'.encode(), 0)
    (quote,) = bus.read()
    assert quote[1:] == (bid, bids, ask, asks), "an older one is not believed"


@pytest.mark.parametrize(
    ("route", "match"),
    [((256, 5, True, 0, 0), "instrument 256"), ((0, 1001, True, 0, 0), "1001 levels")],
)
def test_a_route_that_cannot_be_is_refused(bus: Bus, route: Any, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        MarketPublisher(bus.publisher.outlet, [route])
