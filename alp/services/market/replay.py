"""Sends a recording the way live data goes: raw frames, feed, publisher, bus."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import zmq

from alp._core.feed import Feed
from alp._core.market_publisher import Lane, MarketPublisher
from alp._core.wire import HeaderFields, HeartbeatMessage, InstrumentFields, encode
from alp.bus.addresses import claimed
from alp.bus.sockets import CurveKeys, Publisher
from alp.bus.sources import Source
from alp.recording.captures import Message, read_captures
from alp.recording.connections import Connections
from alp.recording.identify import Identity
from alp.recording.records import Torn
from alp.recording.replay import Pace, Survey, survey

SECOND = 10**9
"""Readers find a replay where the quote server would be."""
OPEN = 1
HEARTBEAT_NS = SECOND
ANSWER_NS = SECOND // 50
SETTLE_MS = 100
"""A subscriber that asked for the last messages may be subscribed so much later."""
LINGER_MS = 1_000

Progress = Callable[[int, int, int | None], None]
"""Told (first, reached, last) of the recorded times, nanoseconds UTC."""


@dataclass(frozen=True)
class ReplayWanted:
    """What is replayed, how fast, and where to.

    Attributes
    ----------
    speed
        Recorded seconds in one second; None is as fast as it goes.
    from_ns, to_ns
        Recorded times to publish, the end not included. What is before is fed, not published: the
        books are whole when they begin.
    subscribers
        How many must have asked for the last messages before it begins.
    levels
        Of each side in a Depth.
    """

    endpoint: str
    recall_endpoint: str
    speed: float | None = 1.0
    from_ns: int | None = None
    to_ns: int | None = None
    symbols: tuple[str, ...] = ()
    venue: str | None = None
    subscribers: int = 0
    levels: int = 10
    curve: CurveKeys | None = None


@dataclass
class ReplayReport:
    """What was replayed.

    Attributes
    ----------
    fed
        Messages before `from_ns`.
    late_ns
        How late a message was at most.
    books
        As they are at the end; where the connection had ended before, as they were then.
    dropped
        Messages that the socket did not take. What a slow reader loses, only the reader sees.
    """

    venue: str
    messages: int = 0
    fed: int = 0
    unreadable: int = 0
    published: dict[str, int] = field(default_factory=dict)
    dropped: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    duration_ns: int = 0
    late_ns: int = 0
    books: list[dict[str, Any]] = field(default_factory=list)
    torn: list[Torn] = field(default_factory=list)
    finished: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        torn = [
            {"path": str(each.path), "offset": each.offset, "bytes": each.size}
            for each in self.torn
        ]
        return {**vars(self), "torn": torn}


class Replay:
    """One replay.

    Parameters
    ----------
    clock
        Nanoseconds that only rise.

    Raises
    ------
    DataError
        If a file is no capture, or has no such product.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        wanted: ReplayWanted,
        *,
        clock: Callable[[], int] = time.monotonic_ns,
        surveyed: Callable[[int], None] | None = None,
    ) -> None:
        self._paths = paths
        self._wanted = wanted
        self._clock = clock
        self._survey: Survey = survey(
            paths, venue=wanted.venue, symbols=wanted.symbols, progress=surveyed
        )
        self._identity: Identity = self._survey.identity
        self._rows = self._identity.rows()
        self._connections = Connections(self._identity, self._opened)
        self._pace = Pace(wanted.speed, clock)
        self._lanes: dict[int, Lane] = {}
        self._last: dict[int, dict[str, Any]] = {}
        self._beaten_ns = self._answered_ns = self._begun_ns = 0
        self._publishing = wanted.from_ns is None
        self.report = ReplayReport(self._identity.venue)

    def run(self, progress: Progress | None = None) -> ReplayReport:
        """Replay to the end; what was done so far is in `report` if it is interrupted.

        Raises
        ------
        DataError
            If a file is damaged.
        ConfigError
            If the bus cannot be bound, or another process publishes there.
        """
        wanted = self._wanted
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with claimed(wanted.endpoint):
            bus = Publisher(
                context, wanted.endpoint, wanted.recall_endpoint, Source.QUOTES, wanted.curve
            )
            routes = [(index, wanted.levels, True, 0, 0) for index in range(len(self._rows))]
            self._bus = bus
            self._publisher = MarketPublisher(bus.outlet, routes)
            try:
                self._serve(progress)
            finally:
                self._conclude()
                bus.close(linger_ms=LINGER_MS)
                context.term()
        return self.report

    def _serve(self, progress: Progress | None) -> None:
        self._begun_ns = self._clock()
        self._announce()
        self._gather()
        self._begun_ns = self._clock()
        for count, message in enumerate(read_captures(self._paths, self.report.torn)):
            if self._is_over(message):
                break
            self._take(message)
            if progress is not None and count % 256 == 0 and self.report.last_ns is not None:
                first = self.report.first_ns or self.report.last_ns
                progress(first, self.report.last_ns, self._end_ns())
        self.report.finished = True

    def _end_ns(self) -> int | None:
        ends = [each for each in (self._survey.last_ns, self._wanted.to_ns) if each is not None]
        return min(ends, default=None)

    def _is_over(self, message: Message) -> bool:
        to_ns = self._wanted.to_ns
        return to_ns is not None and message.received_ns >= to_ns

    def _announce(self) -> None:
        """Say what ticks and lots are, before anything is said in them."""
        for index, (symbol, price, price_step, quantity, quantity_step) in enumerate(self._rows):
            header = HeaderFields(Source.QUOTES, index, 0, 0, 0)
            told = InstrumentFields(
                header,
                self._identity.venue,
                symbol,
                price_step,
                quantity_step,
                price,
                quantity,
                OPEN,
            )
            self._bus.publish(encode(told))

    def _gather(self) -> None:
        """Wait until enough subscribers have asked for the last messages."""
        asked, wanted = 0, self._wanted.subscribers
        self._beat()  # whoever asks hears one, however short the replay is
        while asked < wanted:
            self._bus.recall_socket.poll(100)
            asked += self._bus.answer()
            self._beat()
        if wanted:
            self._bus.recall_socket.poll(SETTLE_MS)

    def _opened(self, feed: Feed) -> None:
        """Give a connection its way to the bus: the first leads, others when they have a book."""
        lane = Lane(self._publisher, feed, range(len(self._rows)), not self._lanes)
        self._lanes[id(feed)] = lane
        if lane.leading and self._publishing:
            lane.lead(0)  # not live yet, and readers are told

    def _take(self, message: Message) -> None:
        feed = self._connections.feed(message)
        if feed is None:
            return
        at = message.received_ns
        if not self._publishing:
            if at < (self._wanted.from_ns or 0):
                self._feed_only(feed, message)
                return
            self._begin(at)
        self._wait(self._pace.delay_ns(at))
        self._note(at)
        lane = self._lanes[id(feed)]
        if message.is_event:
            self._lose(lane, message)
            lane.changed(at)
            return
        self.report.messages += 1
        if lane.take(self._connections.text(message), at) is not None:
            self.report.unreadable += 1
        if not lane.leading:
            self._may_lead(lane, at)

    def _feed_only(self, feed: Feed, message: Message) -> None:
        if message.is_event:
            self._lose(self._lanes[id(feed)], message)
            return
        self.report.fed += 1
        if feed.feed(self._connections.text(message), message.received_ns) is not None:
            self.report.unreadable += 1
        lane = self._lanes[id(feed)]
        if not lane.leading:
            self._may_lead(lane, None)

    def _lose(self, lane: Lane, message: Message) -> None:
        """Give up a connection's books, and its memory when it was closed."""
        self._last |= {index: self._sides(lane.feed, index) for index in self._live(lane)}
        lane.feed.lost()
        if message.closed and len(self._lanes) > 1:
            self._connections.forget(message)
            if lane.feed not in self._connections.feeds:
                del self._lanes[id(lane.feed)]

    def _begin(self, at: int) -> None:
        """Publish what the books are when the wanted time begins."""
        self._publishing = True
        for lane in self._lanes.values():
            if lane.leading:
                lane.lead(at)

    def _may_lead(self, lane: Lane, at: int | None) -> None:
        """Let a connection lead that has books now, instead of those that have no others."""
        mine = self._live(lane)
        if not mine:
            return
        for other in self._lanes.values():
            if other is not lane and other.leading and self._live(other) <= mine:
                other.follow()
        if at is not None:
            lane.lead(at)
        else:
            self._lanes[id(lane.feed)] = Lane(
                self._publisher, lane.feed, range(len(self._rows)), True
            )

    def _live(self, lane: Lane) -> set[int]:
        return {index for index in range(len(self._rows)) if lane.feed.status(index)[0]}

    def _note(self, at: int) -> None:
        if at:
            self.report.first_ns = self.report.first_ns or at
            self.report.last_ns = at

    def _wait(self, delay_ns: int) -> None:
        """Wait, and serve late subscribers meanwhile; they are served at full speed too."""
        end = self._clock() + delay_ns
        while True:
            now = self._clock()
            left_ns = end - now
            if left_ns <= 0:
                if now - self._answered_ns >= ANSWER_NS:
                    self._answered_ns = now
                    self._bus.answer()
                    self._beat()
                return
            if left_ns < 2_000_000:  # finer than a poll can wait
                time.sleep(left_ns / SECOND)
                continue
            until_beat = self._beaten_ns + HEARTBEAT_NS - now
            pause_ns = max(min(left_ns, until_beat), 1_000_000)
            if self._bus.recall_socket.poll(pause_ns // 1_000_000):
                self._bus.answer()
            self._beat()

    def _beat(self) -> None:
        now = self._clock()
        if now - self._beaten_ns < HEARTBEAT_NS:
            return
        self._beaten_ns = now
        header = HeaderFields(Source.QUOTES, 0, 0, 0, 0)
        self._bus.publish(encode(HeartbeatMessage(header, max(now - self._begun_ns, 0), 0)))

    def _conclude(self) -> None:
        """Note how the books are, then tell readers that they are no longer live."""
        report = self.report
        report.duration_ns = self._clock() - self._begun_ns
        report.late_ns = self._pace.late_ns
        report.books = [self._book(index) for index in range(len(self._rows))]
        for lane in self._lanes.values():
            lane.feed.lost()
            lane.changed(report.last_ns or 0)
        report.published = self._publisher.counts
        report.dropped = self._bus.outlet.dropped

    def _book(self, index: int) -> dict[str, Any]:
        """Return how a book is, or was when its connection ended."""
        row: dict[str, Any] = {"symbol": self._rows[index][0], "live": False, "why_not": ""}
        lanes = list(self._lanes.values())
        feeds = [lane.feed for lane in lanes if lane.leading] or [lane.feed for lane in lanes]
        for feed in reversed(feeds):
            row["live"], why_not = feed.status(index)
            if row["live"]:
                return {**row, **self._sides(feed, index)}
            row["why_not"] = row["why_not"] or why_not
        return {**row, **self._last.get(index, {"bid": None, "ask": None})}

    def _sides(self, feed: Feed, index: int) -> dict[str, Any]:
        """Return best bid and ask with quantities, as exact texts."""
        _, price, price_step, quantity, quantity_step = self._rows[index]
        found: dict[str, Any] = {"bid": None, "ask": None}
        touch = feed.touch(index)
        for side, place in (("bid", 0), ("ask", 2)):
            if touch is not None:
                ticks, lots = touch[place], touch[place + 1]
                found[side] = [
                    format(Decimal(ticks * price_step).scaleb(-price), "f"),
                    format(Decimal(lots * quantity_step).scaleb(-quantity), "f"),
                ]
        return found
