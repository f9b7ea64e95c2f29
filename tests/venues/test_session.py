"""A session keeps its books whatever the venue does: every ending, silence, loss and refusal.

The venue is alp.paper's, on a real socket. Whatever happens to the connection, in the end the
session's books are the venue's again, and while they were not they were not live.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import uvloop
from test_exchange import (
    MADE_UP,
    binance_spot,
    binance_usdm,
    coinbase,
    depth_of,
    kraken_spot,
    same,
)
from waits import until

from alp._core.feed import Feed
from alp.paper.certificate import certificate
from alp.paper.exchange import Exchange
from alp.paper.faults.script import Fault, Script
from alp.paper.protocol import Protocol
from alp.venues import keeper
from alp.venues.adapter import SECOND, Channel
from alp.venues.http import Budget, Http
from alp.venues.instruments import Grid, Instrument
from alp.venues.market import caretaker
from alp.venues.market.session import MarketSession, Surroundings
from alp.venues.registry import adapter_for

pytestmark = pytest.mark.timed

SOON_S = 15.0


def run(test: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await test

    uvloop.run(bounded())


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caretaker, "REBUILD_NS", SECOND // 2)
    monkeypatch.setattr(keeper, "TICK_S", 0.05)
    monkeypatch.setattr(keeper, "OVERLAP_S", 0.2)


@asynccontextmanager
async def running(
    exchange: Exchange,
    *,
    channels: Channel = Channel.BOOK,
    tls: ssl.SSLContext | None = None,
    stream_tls: ssl.SSLContext | None = None,
    **manners: int,
) -> AsyncIterator[MarketSession]:
    """A session of the exchange's books, with manners that fit a test's patience."""
    adapter = adapter_for(exchange.protocol.exchange, exchange.endpoints)
    patience = {"messages_per_second": 1_000} | manners
    adapter.depth = depth_of(exchange.protocol)
    adapter.manners = replace(adapter.manners, **patience)
    http = Http(adapter.endpoints.rest, Budget(10**6), tls)
    instruments = await adapter.instruments(http, list(exchange.markets))
    around = Surroundings(http, Random(1), Budget(10**4), ssl_context=stream_tls or tls)
    (socket, *_) = adapter.sockets(instruments, channels)
    made = MarketSession(adapter, socket, instruments, around)
    task = asyncio.create_task(made.run())
    try:
        yield made
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await http.close()


def is_live(made: MarketSession) -> bool:
    return bool(made.books()) and all(book.live for book in made.books())


@dataclass
class View:
    """What a session's current connection has, as `same` reads it."""

    instruments: list[Instrument]
    feed: Feed


def equal(exchange: Exchange, made: MarketSession) -> bool:
    connection = made.connection
    if connection is None or not is_live(made):
        return False
    return same(View(made.instruments, connection.feed), exchange)  # type: ignore[arg-type]


async def in_the_end_equal(exchange: Exchange, made: MarketSession) -> None:
    """Stop the market, and wait until the session's books are the venue's, level by level."""
    await until(lambda: is_live(made), SOON_S)
    exchange.rate = 0
    await until(lambda: equal(exchange, made), SOON_S)


@pytest.mark.parametrize("make", MADE_UP)
def test_a_session_follows_its_market(make: Callable[[], Protocol]) -> None:
    async def test() -> None:
        async with Exchange(make()) as exchange, running(exchange) as made:
            await until(lambda: is_live(made), SOON_S)
            await asyncio.sleep(0.5)
            await in_the_end_equal(exchange, made)
            counts = made.counts()
            assert counts["malformed"] == counts["refused"] == counts["unknown_symbols"] == 0
            assert not [name for name in counts if name.startswith("invalid")]
            assert made.connects == 1
            assert exchange.too_fast == 0

    run(test())


ENDINGS = {
    "closed": (Fault.CLOSE, {"code": 1000}, "closed with 1000"),
    "closed for restart": (Fault.CLOSE, {"code": 1012}, "closed with 1012"),
    "cut": (Fault.DROP, {}, "closed with 1006"),
    "half open": (Fault.HALF_OPEN, {}, "silent"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize("make", MADE_UP)
def test_after_any_ending_the_books_come_back(
    make: Callable[[], Protocol], ending: str, caplog: pytest.LogCaptureFixture
) -> None:
    fault, more, reason = ENDINGS[ending]

    async def test() -> None:
        script = Script().at(1, 20, fault, **more)
        async with (
            Exchange(make(), script=script) as exchange,
            running(exchange, silence_ns=SECOND, channel_silence_ns=20 * SECOND) as made,
        ):
            await until(lambda: made.ends[reason] == 1 and is_live(made), SOON_S)
            await in_the_end_equal(exchange, made)
            assert made.connects == 2
            assert "exception" not in caplog.text

    run(test())


@pytest.mark.parametrize("make", MADE_UP)
def test_a_channel_that_goes_silent_is_subscribed_again_though_pings_go_on(
    make: Callable[[], Protocol],
) -> None:
    async def test() -> None:
        script = Script().at(1, 20, Fault.SILENCE)
        patience = {"silence_ns": 5 * SECOND, "channel_silence_ns": SECOND}
        async with (
            Exchange(make(), script=script, heartbeat_s=0.2, ping_s=0.2) as exchange,
            running(exchange, **patience) as made,
        ):
            silent = "invalid: nothing came for too long"
            await until(lambda: made.counts().get(silent, 0) > 0, SOON_S)
            await in_the_end_equal(exchange, made)

    run(test())


@pytest.mark.parametrize("make", MADE_UP)
def test_a_lost_message_costs_the_book_until_it_is_rebuilt(make: Callable[[], Protocol]) -> None:
    async def test() -> None:
        script = Script().at(1, 30, Fault.GAP)
        async with Exchange(make(), script=script) as exchange, running(exchange) as made:
            await until(lambda: any(name.startswith("invalid") for name in made.counts()), SOON_S)
            await in_the_end_equal(exchange, made)
            assert made.connects == 1, "the connection is good, only a book was not"

    run(test())


def test_a_wrong_checksum_costs_the_book_until_it_is_rebuilt() -> None:
    async def test() -> None:
        script = Script().at(1, 30, Fault.CHECKSUM)
        async with Exchange(kraken_spot(), script=script) as exchange, running(exchange) as made:
            await until(lambda: "invalid: the checksum differs" in made.counts(), SOON_S)
            await in_the_end_equal(exchange, made)
            assert made.told["asked again"] >= 1

    run(test())


@pytest.mark.parametrize("make", [binance_usdm, binance_spot])
def test_snapshots_are_asked_for_at_a_decent_pace_while_they_fail(
    make: Callable[[], Protocol],
) -> None:
    async def test() -> None:
        script = Script().rest(500, times=4, path="/depth")
        async with Exchange(make(), script=script) as exchange, running(exchange) as made:
            await in_the_end_equal(exchange, made)
            assert made.told["snapshots failed"] == 4
            assert made.told["snapshots asked"] <= 4 + 2 * len(made.instruments)

    run(test())


def test_a_venue_that_says_too_many_requests_is_left_alone_for_as_long_as_it_says() -> None:
    async def test() -> None:
        script = Script().rest(429, path="/depth", retry_after_s=2)
        async with Exchange(binance_usdm(), script=script) as exchange, running(exchange) as made:
            await until(lambda: made.told["snapshots failed"] == 1, SOON_S)
            refused = time.monotonic()
            await asyncio.sleep(0.2)  # the other product's request may be on its way
            asked = exchange.snapshots
            await asyncio.sleep(1.3)
            assert exchange.snapshots == asked
            await in_the_end_equal(exchange, made)
            assert time.monotonic() - refused >= 2

    run(test())


@pytest.mark.parametrize("make", MADE_UP)
def test_a_connection_is_replaced_before_its_time_without_a_moment_without_books(
    make: Callable[[], Protocol],
) -> None:
    async def test() -> None:
        async with Exchange(make()) as exchange, running(exchange, lifetime_ns=SECOND) as made:
            await until(lambda: is_live(made), SOON_S)
            holes, counted = 0, 0
            while made.ends["replaced in time"] < 3:
                holes += not is_live(made)
                assert made.counts()["messages"] >= counted, "a counter never falls"
                counted = made.counts()["messages"]
                await asyncio.sleep(0.005)
            assert holes == 0
            assert made.ends.total() == made.ends["replaced in time"]
            made.adapter.manners = replace(made.adapter.manners, lifetime_ns=0)
            await in_the_end_equal(exchange, made)
            await until(lambda: len(exchange.connections) == 1, SOON_S)

    run(test())


@pytest.mark.parametrize("make", [binance_usdm, binance_spot])
def test_a_connection_is_replaced_when_the_venue_says_that_it_will_close_it(
    make: Callable[[], Protocol],
) -> None:
    async def test() -> None:
        script = Script().at(1, 20, Fault.SHUTDOWN)
        async with Exchange(make(), script=script) as exchange, running(exchange) as made:
            await until(lambda: made.ends["replaced in time"] == 1, SOON_S)
            assert is_live(made)
            await in_the_end_equal(exchange, made)
            assert made.ends.total() == 1

    run(test())


def test_a_venue_that_is_gone_is_tried_again_with_longer_waits_until_it_is_back() -> None:
    async def test() -> None:
        exchange = Exchange(coinbase())
        await exchange.start()
        async with running(exchange) as made:
            await until(lambda: is_live(made), SOON_S)
            await exchange.stop()
            await until(lambda: made.ends["no connection"] >= 2, SOON_S)
            assert not made.connected
            assert not is_live(made)
            await exchange.start()
            await in_the_end_equal(exchange, made)
            await exchange.stop()

    run(test())


def test_numbers_finer_than_the_grid_have_the_products_asked_for_again() -> None:
    async def test() -> None:
        async with Exchange(binance_usdm()) as exchange, running(exchange) as made:
            await until(lambda: is_live(made), SOON_S)
            right = list(made.instruments)
            made.use([replace(each, quantity=Grid(1, 1)) for each in right])
            await until(lambda: made.ends["a product's grid changed"] == 1, SOON_S)
            await until(lambda: made.ends["a number off its grid"] >= 1, SOON_S)
            assert not is_live(made)
            made.use(right)
            await in_the_end_equal(exchange, made)

    run(test())


def test_garbage_is_counted_and_kept_from_the_books() -> None:
    async def test() -> None:
        script = Script().at(1, 20, Fault.GARBAGE)
        async with (
            Exchange(binance_usdm(), script=script) as exchange,
            running(exchange) as made,
        ):
            await until(lambda: made.counts().get("malformed") == 1, SOON_S)
            await in_the_end_equal(exchange, made)

    run(test())


def test_a_session_speaks_tls_and_refuses_a_certificate_that_it_does_not_know(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        server, client = certificate(tmp_path)
        async with Exchange(binance_usdm(), tls=server) as exchange:
            async with running(exchange, tls=client) as made:
                await in_the_end_equal(exchange, made)
            exchange.rate = 200
            stranger = ssl.create_default_context()
            async with running(exchange, tls=client, stream_tls=stranger) as made:
                await until(lambda: made.ends["no connection"] >= 1, SOON_S)
                assert made.connects == 0

    run(test())
