"""The bus between real processes: order, losses, late and slow readers, restarts, encryption."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
import zmq

from alp._core.wire import (
    PROTOCOL_VERSION,
    BboMessage,
    HeaderFields,
    HeartbeatMessage,
    decode,
    encode,
)
from alp.bus.native import functions
from alp.bus.sockets import CurveKeys, Publisher, Subscriber
from alp.errors import ConfigError

SOON_S = 10.0
ZERO = HeaderFields(0, 0, 0, 0, 0)


def bbo(instrument: int, price: int) -> bytes:
    return encode(BboMessage(ZERO._replace(instrument=instrument), price, 1, price + 1, 1))


def topic(kind: int, source: int | None = None) -> bytes:
    head = b"al" + bytes([PROTOCOL_VERSION, kind])
    return head if source is None else head + source.to_bytes(2, "little")


@pytest.fixture
def context() -> Iterator[zmq.Context[zmq.Socket[bytes]]]:
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    yield context
    context.destroy(linger=0)


def endpoints(folder: Path, name: str = "a") -> tuple[str, str]:
    return f"ipc://{folder}/{name}.pub", f"ipc://{folder}/{name}.recall"


def wait_for(subscriber: Subscriber, count: int) -> list[bytes]:
    """Messages until there are so many, or it has taken too long."""
    found: list[bytes] = []
    end = time.monotonic() + SOON_S
    while len(found) < count and time.monotonic() < end:
        if subscriber.socket.poll(50):
            while subscriber.socket.poll(0):
                message = subscriber.take()
                if message is not None:
                    found.append(message)
    return found


def connected(publisher: Publisher, subscriber: Subscriber) -> None:
    """Publish heartbeats until one arrives: a subscription takes a moment to be known."""
    end = time.monotonic() + SOON_S
    while time.monotonic() < end:
        publisher.publish(encode(HeartbeatMessage(ZERO._replace(instrument=255), 0, 0)))
        if subscriber.socket.poll(20):
            break
    while subscriber.socket.poll(50):
        subscriber.take()


def _publish(sources: tuple[str, str], pipe: Connection, count: int) -> None:
    """Another process: publishes when told to, answers late subscribers until told to stop."""
    with zmq.Context() as context, Publisher(context, *sources, source=3) as publisher:
        pipe.send("bound")
        while not pipe.poll(0.01):
            publisher.publish(encode(HeartbeatMessage(ZERO._replace(instrument=255), 0, 0)))
        pipe.recv()
        for number in range(count):
            publisher.publish(bbo(number % 2, number))
        pipe.send(publisher.outlet.dropped)
        while not pipe.poll(0.01):
            publisher.answer()


def test_messages_cross_processes_in_order_and_none_is_lost(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    ours, theirs = multiprocessing.Pipe()
    sources = endpoints(tmp_path)
    other = multiprocessing.get_context("spawn").Process(
        target=_publish, args=(sources, theirs, 20_000), daemon=True
    )
    other.start()
    try:
        assert ours.poll(30), "the other process did not start"
        ours.recv()
        with Subscriber(context, [sources], [topic(1), topic(9)]) as subscriber:
            assert subscriber.socket.poll(10_000)
            ours.send("go")
            found = [decode(each) for each in wait_for(subscriber, 20_000 + 1)]
            prices = [each.bid for each in found if isinstance(each, BboMessage)]
            assert prices == list(range(20_000))
            assert subscriber.inlet.lost == 0
            # Who comes late gets the last of each topic.
            with Subscriber(context, [sources], [topic(1)]) as late:
                news = [decode(each) for each in late.recall()]
                assert sorted(each.bid for each in news) == [19_998, 19_999]
                assert {each.header.source for each in news} == {3}
                assert late.recall() == []
        ours.send("stop")
        other.join(10)
        assert other.exitcode == 0
    finally:
        other.kill()


def test_sequence_and_send_time_are_set_by_the_sender(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with (
        Publisher(context, *sources, source=9) as publisher,
        Subscriber(context, [sources]) as subscriber,
    ):
        connected(publisher, subscriber)
        before = time.time_ns()
        for instrument in (0, 0, 4):
            assert publisher.publish(bbo(instrument, 5))
        headers = [decode(each).header for each in wait_for(subscriber, 3)]
        assert [(each.instrument, each.sequence) for each in headers] == [(0, 1), (0, 2), (4, 1)]
        assert all(before <= each.send_ns <= time.time_ns() for each in headers)
        assert {each.source for each in headers} == {9}


def test_a_slow_reader_loses_messages_and_knows_how_many(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with (
        Publisher(context, *sources, source=1, high_water=10) as publisher,
        Subscriber(context, [sources], high_water=10) as subscriber,
    ):
        connected(publisher, subscriber)
        for price in range(5_000):
            publisher.publish(bbo(0, price))
        wait_for(subscriber, 1)
        time.sleep(0.2)
        while subscriber.socket.poll(100):
            subscriber.take()
        publisher.publish(bbo(0, 5_000))
        assert decode(wait_for(subscriber, 1)[-1]).bid == 5_000
        inlet = subscriber.inlet
        assert inlet.lost > 0
        assert inlet.gaps > 0
        seen = inlet.received - (inlet.received - 5_001 + inlet.lost)
        assert seen + inlet.lost == 5_001


def test_draining_keeps_the_last_of_each_topic(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with (
        Publisher(context, *sources, source=1) as publisher,
        Subscriber(context, [sources]) as subscriber,
    ):
        connected(publisher, subscriber)
        for price in range(100):
            publisher.publish(bbo(price % 3, price))
        end = time.monotonic() + SOON_S
        latest: dict[int, int] = {}
        while latest.get(0) != 99 and time.monotonic() < end:
            for message in map(decode, subscriber.drain()):
                if isinstance(message, BboMessage):
                    latest[message.header.instrument] = message.bid
        assert latest == {0: 99, 1: 97, 2: 98}
        assert subscriber.inlet.lost == 0


def test_a_reader_that_spins_gets_what_comes_and_ends_in_time(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with (
        Publisher(context, *sources, source=1) as publisher,
        Subscriber(context, [sources]) as subscriber,
    ):
        connected(publisher, subscriber)
        start = time.monotonic()
        assert subscriber.inlet.spin(20_000_000) is None
        assert 0.02 <= time.monotonic() - start < SOON_S
        publisher.publish(bbo(3, 200_000))
        message = subscriber.inlet.spin(int(SOON_S * 1e9))
        assert message is not None
        assert decode(message).bid == 200_000
        assert subscriber.inlet.spin(0) is None


def test_a_source_that_starts_again_is_noticed(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with Subscriber(context, [sources]) as subscriber:
        for price in (1, 2):
            with Publisher(context, *sources, source=1) as publisher:
                connected(publisher, subscriber)
                for _ in range(3):
                    publisher.publish(bbo(0, price))
                assert len(wait_for(subscriber, 3)) == 3
        assert subscriber.inlet.restarts >= 1


def test_what_waited_while_the_past_was_recalled_is_not_taken_for_a_restart(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    sources = endpoints(tmp_path)
    with (
        Publisher(context, *sources, source=1) as publisher,
        Subscriber(context, [sources]) as subscriber,
    ):
        connected(publisher, subscriber)
        for price in range(10):
            publisher.publish(bbo(0, price))
        time.sleep(0.2)
        [dealer] = subscriber._dealers
        dealer.send_multipart([b""])
        while not publisher.answer():
            time.sleep(0.01)
        *messages, _ = dealer.recv_multipart()
        news = [decode(each) for each in messages if subscriber.inlet.note(each)]
        assert [each.bid for each in news if isinstance(each, BboMessage)] == [9]
        assert subscriber.drain() == []
        assert subscriber.inlet.restarts == 0


def test_bytes_of_another_version_are_counted_and_dropped(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with context.socket(zmq.PUB) as stranger:
        stranger.bind(endpoints(tmp_path)[0])
        with Subscriber(context, [endpoints(tmp_path)]) as subscriber:
            end = time.monotonic() + SOON_S
            while subscriber.inlet.refused == 0 and time.monotonic() < end:
                stranger.send(b"al" + bytes([PROTOCOL_VERSION + 1, 1]) + bytes(60))
                subscriber.take()
                time.sleep(0.01)
            assert subscriber.inlet.refused > 0
            assert subscriber.inlet.received == 0


def test_a_source_that_does_not_answer_is_a_timeout(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with Subscriber(context, [endpoints(tmp_path)]) as subscriber, pytest.raises(TimeoutError):
        subscriber.recall(timeout_ms=50)


def test_only_messages_are_published(
    tmp_path: Path, context: zmq.Context[zmq.Socket[bytes]]
) -> None:
    with Publisher(context, *endpoints(tmp_path), source=1) as publisher:
        with pytest.raises(ValueError, match="not a message"):
            publisher.publish(b"hello")
        with pytest.raises(ConfigError, match="cannot publish"):
            Publisher(context, "tcp://256.0.0.1:1", endpoints(tmp_path, "b")[1], source=1)


def test_an_encrypted_bus_lets_nobody_listen_without_its_key(
    context: zmq.Context[zmq.Socket[bytes]],
) -> None:
    public, secret = zmq.curve_keypair()
    mine = zmq.curve_keypair()
    anywhere = "tcp://127.0.0.1:*"
    keys = CurveKeys(public, secret)
    assert secret.decode() not in repr(keys)
    with Publisher(context, anywhere, anywhere, source=1, curve=keys) as publisher:
        sources = [publisher.endpoints]
        with (
            Subscriber(context, sources, curve=CurveKeys(*mine, server=public)) as friend,
            Subscriber(context, sources) as stranger,
        ):
            connected(publisher, friend)
            publisher.publish(bbo(0, 5))
            assert decode(wait_for(friend, 1)[-1]).bid == 5
            assert not stranger.socket.poll(200)
    with pytest.raises(ConfigError, match="secret key"):
        CurveKeys(public, b"short")


def test_the_functions_are_those_of_the_library_in_use() -> None:
    assert len(set(functions())) == 3
    assert all(functions())
