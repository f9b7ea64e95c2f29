"""Faults that are about the order and the time of messages, and depths of one book."""

from __future__ import annotations

import asyncio
import time

import pytest
from reader import Reader
from test_exchange import begin, binance_usdm, coinbase, kraken_futures, kraken_spot, same
from waits import run, until

from alp.paper.exchange import Exchange
from alp.paper.faults.script import EVERY, Fault, Script

pytestmark = pytest.mark.timed


def test_a_message_that_comes_late_is_noticed_and_the_book_comes_back() -> None:
    async def test() -> None:
        async with (
            Exchange(coinbase(), rate=0) as exchange,
            Reader(exchange, ["ETH-USD"]) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.REORDER)
            exchange.step(2)
            await until(lambda: not reader.feed.status(0)[0])
            await reader.resubscribe(reader.instruments[0])
            await until(lambda: exchange.subscriptions["book"] == 2)
            exchange.step(3)
            await until(lambda: same(reader, exchange))

    run(test())


def test_a_message_that_comes_twice_is_sent_twice() -> None:
    async def test() -> None:
        async with (
            Exchange(kraken_spot(), rate=0) as exchange,
            Reader(exchange, ["ETH/USDC"], depth=25) as reader,
        ):
            await begin(exchange, reader)
            (connection,) = exchange.connections.values()
            exchange.apply(Fault.DUPLICATE, count=2)
            before, sent = connection.messages, connection.sent
            exchange.step(50)
            assert connection.sent == sent + 50
            told = connection.messages - before
            view = 50  # at most one message for each event that the depth shows
            assert 3 <= told <= view + 2
            await until(lambda: reader.feed.counts["messages"] >= told)

    run(test())


def test_everything_comes_later_after_a_delay() -> None:
    async def test() -> None:
        async with (
            Exchange(kraken_futures(), rate=0) as exchange,
            Reader(exchange, ["PF_ETHUSD"]) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.DELAY, delay_ms=300)
            begun = time.monotonic()
            exchange.step(5)
            await until(lambda: same(reader, exchange))
            assert time.monotonic() - begun >= 0.3
            exchange.apply(Fault.DROP)

    run(test())


def test_what_happens_to_every_connection_happens_again() -> None:
    async def test() -> None:
        script = Script().at(EVERY, 3, Fault.DROP)
        async with Exchange(binance_usdm(), rate=0, script=script) as exchange:
            for number in (1, 2):
                async with Reader(exchange, ["ETHUSDC"]) as reader:
                    await until(lambda number=number: exchange.subscriptions["book"] == number)  # type: ignore[misc]
                    exchange.step(4)
                    await until(lambda reader=reader: bool(reader.ended))  # type: ignore[misc]

    run(test())


def test_each_depth_of_a_kraken_book_is_followed_with_its_own_checksums() -> None:
    async def test() -> None:
        async with (
            Exchange(kraken_spot(), rate=0) as exchange,
            Reader(exchange, ["ETH/USDC"], depth=10) as few,
            Reader(exchange, ["ETH/USDC"], depth=100) as many,
        ):
            await until(lambda: exchange.subscriptions["book"] == 2)
            book = exchange.markets["ETH/USDC"].book
            for _ in range(20):
                exchange.step(50)
                for reader, depth in ((few, 10), (many, 100)):
                    for bid in (True, False):
                        levels = book.best(bid, depth)
                        await until(
                            lambda reader=reader, bid=bid, levels=levels: (  # type: ignore[misc]
                                reader.feed.depth(0, bid, 10**6) == levels
                            )
                        )
            assert few.feed.status(0)[0]
            assert many.feed.status(0)[0]
            assert few.feed.counts["messages"] < many.feed.counts["messages"]
            tried, equal = many.feed.checksums(0)
            assert tried == equal > 500

    run(test())


def test_a_reader_that_takes_nothing_does_not_stop_the_market_for_ever(
    monkeypatch: object,
) -> None:
    import aiohttp

    from alp.paper import exchange as server

    monkeypatch.setattr(server, "SLOW_S", 0.2)  # type: ignore[attr-defined]
    monkeypatch.setattr(server, "MOST_UNSENT", 1 << 14)  # type: ignore[attr-defined]

    async def test() -> None:
        async with (
            Exchange(kraken_futures(), rate=20_000) as exchange,
            aiohttp.ClientSession() as session,
        ):
            socket = await session.ws_connect(f"{exchange.stream_url}/ws/v1")
            assert socket._response.connection is not None
            await socket.send_json(
                {"event": "subscribe", "feed": "book", "product_ids": ["PF_ETHUSD"]}
            )
            socket._response.connection.transport.pause_reading()  # type: ignore[union-attr]
            await until(lambda: exchange.cut_off == 1, 30)
            events = exchange.markets["PF_ETHUSD"].events
            await until(lambda: exchange.markets["PF_ETHUSD"].events > events + 100)
            socket._response.connection.transport.abort()  # type: ignore[union-attr]

    asyncio.run(asyncio.wait_for(test(), 60))
