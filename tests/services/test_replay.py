"""A replay on a real bus: what subscribers see is what the recording's books were."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import zmq

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    HeartbeatMessage,
    InstrumentFields,
    TradeFields,
    decode,
)
from alp.bus.sockets import Subscriber
from alp.recording.records import CLOSED, CONNECTED, Recorder
from alp.recording.verify_feed import verify_feed
from alp.services.market.replay import Replay, ReplayReport, ReplayWanted
from tests.recording.test_replay import SECOND, timed
from tests.recording.test_verify_feed import capture, stream


class Reader:
    """Collects everything from the moment that it has asked for the last messages."""

    def __init__(self, folder: Path) -> None:
        self.endpoints = (f"ipc://{folder}/q.ipc", f"ipc://{folder}/q.recall.ipc")
        self.messages: list[Any] = []
        self._done = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._read, daemon=True)

    def __enter__(self) -> Reader:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join(10)

    def _read(self) -> None:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        with Subscriber(context, [self.endpoints]) as bus:
            self.messages += map(decode, bus.recall(20_000))
            idle = 0
            while idle < 3:
                if bus.socket.poll(50):
                    idle = 0
                    while (message := bus.take()) is not None:
                        self.messages.append(decode(message))
                elif self._done.is_set():
                    idle += 1
            self.lost = bus.inlet.lost
        context.term()

    def of(self, kind: type) -> list[Any]:
        return [each for each in self.messages if isinstance(each, kind)]


def replayed(folder: Path, paths: list[Path], **wanted: Any) -> tuple[ReplayReport, Reader]:
    with Reader(folder) as reader:
        options = {"speed": None, "subscribers": 1, **wanted}
        report = Replay(paths, ReplayWanted(*reader.endpoints, **options)).run()
    assert reader.lost == 0
    return report, reader


def test_subscribers_see_the_books_of_the_recording(tmp_path: Path) -> None:
    exchange, lines = stream(count=200)
    report, reader = replayed(tmp_path, [capture(tmp_path, timed(lines))])
    bids, asks = exchange.levels
    [told] = reader.of(InstrumentFields)
    assert (told.exchange, told.symbol) == ("binance-usdm", "ETHUSDT")
    assert (told.price_decimals, told.quantity_decimals) == (2, 3)
    last = reader.of(BboMessage)[-1]
    assert (last.bid, last.bid_quantity, last.ask, last.ask_quantity) == (*bids[0], *asks[0])
    depth = reader.of(DepthMessage)[-1]
    assert (list(depth.bids), list(depth.asks)) == (bids[:10], asks[:10])
    assert [each.live for each in reader.of(BookStatusMessage)][-2:] == [True, False]
    assert len(reader.of(BboMessage)) == report.published["quotes"]
    assert len(reader.of(DepthMessage)) == report.published["depths"]
    assert reader.of(HeartbeatMessage)
    assert (report.messages, report.unreadable, report.finished) == (len(lines), 0, True)
    [book] = report.books
    assert book["bid"] == [f"{bids[0][0] / 100:.2f}", f"{bids[0][1] / 1000:.3f}"]


def test_it_takes_as_long_as_it_took(tmp_path: Path) -> None:
    _, lines = stream(count=20)
    path = capture(tmp_path, timed(lines))
    span_s = len(lines) - 1
    report, _ = replayed(tmp_path, [path], speed=float(span_s))
    assert 1.0 <= report.duration_ns / SECOND < 3.0
    assert report.first_ns == 1_700_000_000 * SECOND
    assert report.last_ns == (1_700_000_000 + span_s) * SECOND


def test_a_part_begins_with_whole_books(tmp_path: Path) -> None:
    _, lines = stream(count=100)
    path = capture(tmp_path, timed(lines))
    begin, end = 40, 60
    report, reader = replayed(
        tmp_path,
        [path],
        from_ns=(1_700_000_000 + begin) * SECOND,
        to_ns=(1_700_000_000 + end) * SECOND,
    )
    assert (report.fed, report.messages) == (begin, end - begin)
    [before] = verify_feed([capture(tmp_path, lines[:begin], "before")]).books
    [after] = verify_feed([capture(tmp_path, lines[:end], "after")]).books
    first, last = reader.of(BboMessage)[0], reader.of(BboMessage)[-1]
    assert before.bid is not None
    assert after.ask is not None
    assert (first.bid, first.bid_quantity) == (before.bid[0] * 100, before.bid[1] * 1000)
    assert (last.ask, last.ask_quantity) == (after.ask[0] * 100, after.ask[1] * 1000)


def test_a_gap_is_published_as_a_book_that_is_not_right(tmp_path: Path) -> None:
    _, lines = stream(count=50)
    del lines[40]
    report, reader = replayed(tmp_path, [capture(tmp_path, timed(lines))])
    statuses = reader.of(BookStatusMessage)
    assert [each.live for each in statuses][-2:] == [True, False]
    [book] = report.books
    assert (book["live"], book["why_not"]) == (False, "an update is missing")


def recorded(folder: Path, parts: list[tuple[int, list[bytes]]], *, close: bool) -> list[Path]:
    """Connections one after the other, each with its own snapshot, as `alp record` keeps them."""
    facts = {"venue": "binance-usdm", "snapshots": "inline"}
    ns = 1_700_000_000 * SECOND
    with Recorder(folder, "eth", facts) as recorder:
        for number, lines in parts:
            ns += SECOND
            recorder.event(CONNECTED, number, ns, "wss://x")
            for line in lines:
                ns += SECOND // 100
                recorder.message(number, ns, line)
            if close:
                recorder.event(CLOSED, number, ns, "")
    return recorder.files


@pytest.mark.parametrize("close", [True, False])
def test_a_new_connection_takes_over(tmp_path: Path, close: bool) -> None:
    exchange, lines = stream(count=20)
    again = [exchange.snapshot().encode()]
    again += [exchange.change().encode() for _ in range(20)]
    files = recorded(tmp_path / "r", [(1, lines), (2, again)], close=close)
    _, reader = replayed(tmp_path, files)
    bids, asks = exchange.levels
    depth = reader.of(DepthMessage)[-1]
    assert (list(depth.bids), list(depth.asks)) == (bids[:10], asks[:10])
    lives = [each.live for each in reader.of(BookStatusMessage)]
    changes = [live for live, before in zip(lives[1:], lives, strict=False) if live != before]
    # Without a pause readers are told nothing until the end.
    assert changes == ([True, False, True, False] if close else [True, False])


def test_connections_that_are_gone_take_no_memory(tmp_path: Path) -> None:
    exchange, lines = stream(count=5)
    parts = [(1, lines)]
    for number in range(2, 12):
        again = [exchange.snapshot().encode(), *(exchange.change().encode() for _ in range(5))]
        parts.append((number, again))
    files = recorded(tmp_path / "r", parts, close=True)
    endpoints = (f"ipc://{tmp_path}/q.ipc", f"ipc://{tmp_path}/q.recall.ipc")
    replay = Replay(files, ReplayWanted(*endpoints, speed=None))
    report = replay.run()
    assert len(replay._lanes) <= 2
    assert report.messages == sum(len(part) for _, part in parts)
    assert report.published["statuses"] == 1 + 2 * len(parts)


def test_trades_come_with_their_aggressor(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "coinbase-exchange-2026-07-07.jsonl"
    report, reader = replayed(tmp_path, [source], symbols=("ETH-USD",))
    trades = reader.of(TradeFields)
    assert trades
    assert {each.aggressor for each in trades} <= {1, -1}
    assert report.published["trades"] == len(trades)
    assert {each.symbol for each in reader.of(InstrumentFields)} == {"ETH-USD"}


@contextmanager
def running(replay: Replay) -> Iterator[threading.Thread]:
    thread = threading.Thread(target=replay.run, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(30)


def eventually(what: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if what():
            return True
        time.sleep(0.01)
    return False


def test_who_comes_late_gets_the_last_messages(tmp_path: Path) -> None:
    _, lines = stream(count=20)
    path = capture(tmp_path, timed(lines))
    endpoints = (f"ipc://{tmp_path}/q.ipc", f"ipc://{tmp_path}/q.recall.ipc")
    replay = Replay([path], ReplayWanted(*endpoints, speed=10.0))
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with running(replay):
        assert eventually(lambda: replay.report.messages >= 10)
        with Subscriber(context, [endpoints]) as bus:
            kinds = {type(decode(message)) for message in bus.recall(5_000)}
            assert {InstrumentFields, BookStatusMessage, BboMessage, DepthMessage} <= kinds
            assert not replay.report.finished
    context.term()
    assert replay.report.finished


@pytest.mark.parametrize("name", ["kraken_v2_ETHUSD_BTCUSD_book10_trades_2026-07-07.ndjson.gz"])
def test_a_recorded_session_on_the_bus(shared: Path, tmp_path: Path, name: str) -> None:
    source = shared / "data" / "B_l2_raw" / name
    report, reader = replayed(tmp_path, [source], levels=3)
    books = {book.symbol: book for book in verify_feed([source]).books}
    for index, book in enumerate(report.books):
        expected = books[book["symbol"]]
        assert expected.bid is not None
        assert book["bid"] == [format(each, "f") for each in expected.bid]
        depths = [each for each in reader.of(DepthMessage) if each.header.instrument == index]
        assert len(depths[-1].bids) == 3
