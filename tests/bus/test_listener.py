"""A listener hears of what it missed, and a source that is not there holds it up only once."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq

from alp._core.wire import BboMessage, HeaderFields, decode, encode
from alp.bus.listener import RETRY_NS, Listener
from alp.bus.sockets import Publisher

SOON_S = 10.0


def bbo(sequence: int, bid: int) -> bytes:
    return encode(BboMessage(HeaderFields(1, 0, sequence, 0, 0), bid, 1, bid + 1, 1))


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


@pytest.fixture
def ends(tmp_path: Path) -> tuple[str, str]:
    return f"ipc://{tmp_path}/a.ipc", f"ipc://{tmp_path}/a.recall.ipc"


class Answering:
    """A publisher that answers late subscribers while it is used."""

    def __init__(self, context: zmq.Context[zmq.Socket[bytes]], ends: tuple[str, str]) -> None:
        self.publisher = Publisher(context, *ends, 1)
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        while not self._over.is_set():
            if self.publisher.recall_socket.poll(10):
                self.publisher.answer()

    def close(self) -> None:
        self._over.set()
        self._thread.join()
        self.publisher.close()


def test_what_was_said_before_is_asked_for(
    context: zmq.Context[zmq.Socket[bytes]], ends: tuple[str, str]
) -> None:
    source = Answering(context, ends)
    try:
        source.publisher.publish(bbo(0, 100))
        with Listener(context, *ends, recall_ms=5_000) as listener:
            assert [decode(each).bid for each in listener.news(1)] == [100]
            assert listener.news(2) == []
    finally:
        source.close()


def test_a_source_that_is_not_there_is_waited_for_once_and_heard_when_it_comes(
    context: zmq.Context[zmq.Socket[bytes]], ends: tuple[str, str]
) -> None:
    with Listener(context, *ends, recall_ms=50) as listener:
        assert listener.news(1) == []
        begun = time.monotonic()
        for now_ns in range(2, 100):
            assert listener.news(now_ns) == []
        assert time.monotonic() - begun < 0.05 * 20
        source = Answering(context, ends)
        try:
            end, found, sent = time.monotonic() + SOON_S, [], 0
            while not found and time.monotonic() < end:
                sent += 1
                source.publisher.publish(bbo(0, 100 + sent))
                listener.wait(20)
                found = listener.news(RETRY_NS + time.monotonic_ns())
            assert [decode(each).bid for each in found][-1] > 100
        finally:
            source.close()


def test_every_message_counts_where_that_is_wanted_and_the_newest_of_a_topic_otherwise(
    context: zmq.Context[zmq.Socket[bytes]], ends: tuple[str, str]
) -> None:
    source = Answering(context, ends)
    try:
        with (
            Listener(context, *ends, every=True, recall_ms=5_000) as every,
            Listener(context, *ends, recall_ms=5_000) as newest,
        ):
            for listener in (every, newest):
                listener.news(1)
            end = time.monotonic() + SOON_S
            source.publisher.publish(bbo(0, 1))
            while not (every.wait(50) and newest.wait(50)) and time.monotonic() < end:
                source.publisher.publish(bbo(0, 1))
            every.news(2), newest.news(2)
            for bid in (7, 8, 9):
                source.publisher.publish(bbo(0, bid))
            time.sleep(0.2)
            assert [decode(each).bid for each in every.news(3)][-3:] == [7, 8, 9]
            assert [decode(each).bid for each in newest.news(3)] == [9]
    finally:
        source.close()
