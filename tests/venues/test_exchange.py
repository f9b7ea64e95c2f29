"""The exchange on localhost: what a reader makes of it is what the exchange has."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
import recorded_markets
from reader import Reader
from usdm_stream import UsdmStream
from waits import until

from alp._core.feed import Feed
from alp.errors import VenueError
from alp.paper.binance.public import Binance
from alp.paper.book import ASK, BID
from alp.paper.certificate import certificate
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.script import Fault, Script
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import Protocol
from alp.venues.adapter import Channel

pytestmark = pytest.mark.timed

ALL = Channel.BOOK | Channel.QUOTE | Channel.TRADE


def binance_usdm() -> Protocol:
    return Binance([Market.made_up("ETHUSDC"), Market.made_up("BTCUSDT", seed=2)])


def binance_spot() -> Protocol:
    return Binance([Market.made_up("ETHUSDC", quantity_decimals=8)], futures=False)


def coinbase() -> Protocol:
    return Coinbase([Market.made_up("ETH-USD", quantity_decimals=8)])


def kraken_spot() -> Protocol:
    return KrakenSpot([Market.made_up("ETH/USDC", quantity_decimals=8, depth=25)])


def kraken_futures() -> Protocol:
    return KrakenFutures([Market.made_up("PF_ETHUSD", price_decimals=1)])


MADE_UP = [binance_usdm, binance_spot, coinbase, kraken_spot, kraken_futures]


def recorded_binance_usdm(folder: Path) -> Protocol:
    file = folder / "binance_usdm_sync_session.jsonl"
    return Binance([recorded_markets.binance(file, name) for name in ("SUSHIUSDT", "AKROUSDT")])


def recorded_binance_spot(folder: Path) -> Protocol:
    file = folder / "binance_spot_sync_session.jsonl"
    return Binance([recorded_markets.binance(file, "NKNUSDT")], futures=False)


def recorded_coinbase(folder: Path) -> Protocol:
    return Coinbase(
        [recorded_markets.coinbase(folder / "coinbase_exchange_feed_session.jsonl", "SKL-GBP")]
    )


def recorded_kraken_spot(folder: Path) -> Protocol:
    return KrakenSpot([recorded_markets.kraken_spot(folder / "kraken_v2_ETHUSD_d25_session.jsonl")])


def recorded_kraken_futures(folder: Path) -> Protocol:
    file = folder / "kraken_futures_book_session.jsonl"
    names = ("PI_LTCUSD", "FI_ETHUSD_211231")
    return KrakenFutures([recorded_markets.kraken_futures(file, name) for name in names])


RECORDED = [
    recorded_binance_usdm,
    recorded_binance_spot,
    recorded_coinbase,
    recorded_kraken_spot,
    recorded_kraken_futures,
]


def same(reader: Reader, exchange: Exchange) -> bool:
    """Whether every book of the reader is the exchange's, level by level."""
    for index, instrument in enumerate(reader.instruments):
        market = exchange.markets[instrument.feed_symbol]
        # A grid of the instrument may have more decimals than the market's numbers.
        prices = 10 ** (instrument.price.decimals - market.book.price_decimals)
        quantities = 10 ** (instrument.quantity.decimals - market.book.quantity_decimals)
        for bid in (BID, ASK):
            levels = [(p * prices, q * quantities) for p, q in market.levels(bid)]
            if not reader.feed.status(index)[0] or reader.feed.depth(index, bid, 10**6) != levels:
                return False
    return True


async def begin(exchange: Exchange, reader: Reader) -> None:
    """Make the reader's books live."""
    await until(lambda: exchange.subscriptions["book"] == len(reader.instruments))
    if reader.adapter.rest_snapshots:
        exchange.step(3)
        most = len(reader.sockets) + 3 * len(reader.instruments)  # answers and differences
        await until(lambda: reader.feed.counts["messages"] >= most)
        for instrument in reader.instruments:
            await reader.synchronise(instrument)
    exchange.step(2)
    await until(lambda: same(reader, exchange))


async def follow(protocol: Protocol, events: int) -> None:
    async with Exchange(protocol, rate=0) as exchange:
        async with Reader(exchange, list(protocol.markets), depth=depth_of(protocol)) as reader:
            await begin(exchange, reader)
            for _ in range(events // 50):
                exchange.step(50)
                await until(lambda: same(reader, exchange))
        assert reader.feed.counts["malformed"] == 0
        assert reader.feed.counts["unknown_symbols"] == 0
        assert not [name for name in reader.feed.counts if name.startswith("invalid")]
        assert exchange.too_fast == 0


def depth_of(protocol: Protocol) -> int:
    return next(iter(protocol.markets.values())).depth


@pytest.mark.parametrize("make", MADE_UP)
def test_a_reader_follows_a_market_without_end(make: Callable[[], Protocol]) -> None:
    asyncio.run(follow(make(), 1000))


@pytest.mark.parametrize("make", RECORDED)
def test_a_reader_follows_a_recording_and_what_goes_on_after_it(
    make: Callable[[Path], Protocol], shared: Path
) -> None:
    protocol = make(shared / "venues" / "fixtures" / "public")
    asyncio.run(follow(protocol, 1500))
    assert not any(market.is_recorded for market in protocol.markets.values())


@pytest.mark.parametrize("make", MADE_UP)
def test_quotes_and_trades_arrive_where_they_are_asked_for(make: Callable[[], Protocol]) -> None:
    async def run() -> None:
        protocol = make()
        async with (
            Exchange(protocol, rate=0) as exchange,
            Reader(exchange, list(protocol.markets), ALL, depth_of(protocol)) as reader,
        ):
            await until(lambda: len(exchange.subscriptions) == 3)
            exchange.step(200)
            made = sum(market.trades for market in protocol.markets.values())
            await until(lambda: reader.feed.counts["trades"] == made)
            assert reader.feed.counts["quotes"] > 0
            assert reader.feed.counts["malformed"] == 0

    asyncio.run(run())


@pytest.mark.parametrize("fault", [Fault.TRICKLE, Fault.FRAGMENT])
@pytest.mark.parametrize("make", MADE_UP)
def test_messages_in_pieces_are_still_the_same(make: Callable[[], Protocol], fault: Fault) -> None:
    async def run() -> None:
        protocol = make()
        script = Script()
        for number in (1, 2):
            script.at(number, 0, fault, size=13)
        async with (
            Exchange(protocol, rate=0, script=script) as exchange,
            Reader(exchange, list(protocol.markets), depth=depth_of(protocol)) as reader,
        ):
            await begin(exchange, reader)
            exchange.step(20)
            await until(lambda: same(reader, exchange))

    asyncio.run(run())


@pytest.mark.parametrize("make", MADE_UP)
def test_a_gap_is_noticed_and_a_book_comes_back(make: Callable[[], Protocol]) -> None:
    async def run() -> None:
        protocol = make()
        async with (
            Exchange(protocol, rate=0) as exchange,
            Reader(exchange, list(protocol.markets)[:1], depth=depth_of(protocol)) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.GAP)
            exchange.step(3)
            await until(lambda: not reader.feed.status(0)[0])
            if reader.adapter.rest_snapshots:
                exchange.step()
                await reader.synchronise(reader.instruments[0])
            else:
                await reader.resubscribe(reader.instruments[0])
                await until(lambda: exchange.subscriptions["book"] == 2)
            exchange.step(3)
            await until(lambda: same(reader, exchange))

    asyncio.run(run())


def test_a_wrong_checksum_is_noticed() -> None:
    async def run() -> None:
        protocol = kraken_spot()
        async with (
            Exchange(protocol, rate=0) as exchange,
            Reader(exchange, ["ETH/USDC"], depth=25) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.CHECKSUM)
            exchange.step(1)
            await until(lambda: not reader.feed.status(0)[0])
            assert "checksum" in reader.feed.status(0)[1]

    asyncio.run(run())


@pytest.mark.parametrize(
    ("fault", "code"), [(Fault.CLOSE, 1000), (Fault.CLOSE, 1012), (Fault.DROP, 1006)]
)
def test_a_connection_ends_as_the_script_says(fault: Fault, code: int) -> None:
    async def run() -> None:
        script = Script().at(1, 5, fault, code=code)
        async with (
            Exchange(kraken_futures(), rate=0, script=script) as exchange,
            Reader(exchange, ["PF_ETHUSD"]) as reader,
        ):
            await begin(exchange, reader)
            exchange.step(2)
            await until(lambda: same(reader, exchange))
            assert not reader.ended
            exchange.step(2)
            await until(lambda: bool(reader.ended))
            assert reader.ended == [("public", code)]
            await until(lambda: not exchange.connections)

    asyncio.run(run())


def test_silence_leaves_heartbeats_and_ends_with_a_new_subscription() -> None:
    async def run() -> None:
        async with (
            Exchange(coinbase(), rate=0, heartbeat_s=0.05, ping_s=0.05) as exchange,
            Reader(exchange, ["ETH-USDC"]) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.SILENCE)
            deltas = reader.feed.counts["deltas"]
            beats, pings = reader.feed.counts["heartbeats"], reader.pings
            exchange.step(5)
            await until(lambda: reader.feed.counts["heartbeats"] > beats + 2)
            await until(lambda: reader.pings > pings)
            assert reader.feed.counts["deltas"] == deltas
            await reader.resubscribe(reader.instruments[0])
            await until(lambda: exchange.subscriptions["book"] == 2)
            exchange.step()
            await until(lambda: same(reader, exchange))

    asyncio.run(run())


def test_a_half_open_connection_says_nothing_and_stays() -> None:
    async def run() -> None:
        async with (
            Exchange(coinbase(), rate=0, heartbeat_s=0.02, ping_s=0.02) as exchange,
            Reader(exchange, ["ETH-USD"]) as reader,
        ):
            await begin(exchange, reader)
            exchange.apply(Fault.HALF_OPEN)
            await asyncio.sleep(0.05)
            messages = reader.feed.counts["messages"]
            exchange.step(5)
            await asyncio.sleep(0.2)
            assert reader.feed.counts["messages"] == messages
            assert not reader.ended
            assert len(exchange.connections) == 1

    asyncio.run(run())


def test_rest_fails_as_often_as_the_script_says() -> None:
    async def run() -> None:
        script = Script().rest(500, times=1, path="depth")
        async with (
            Exchange(binance_spot(), rate=0, script=script) as exchange,
            Reader(exchange, ["ETHUSDC"]) as reader,
        ):
            with pytest.raises(VenueError, match="status 500"):
                await reader.synchronise(reader.instruments[0])
            await reader.synchronise(reader.instruments[0])
            exchange.script.rest(429, retry_after_s=7, path="depth")
            with pytest.raises(VenueError) as error:
                await reader.synchronise(reader.instruments[0])
            assert error.value.retry_ns == 7 * 10**9
            assert exchange.requests["/api/v3/depth"] == 3
            assert exchange.snapshots == 1

    asyncio.run(run())


def test_it_speaks_tls_with_a_certificate_of_its_own(tmp_path: Path) -> None:
    async def run() -> None:
        server, client = certificate(tmp_path)
        async with Exchange(kraken_futures(), tls=server) as exchange:
            assert exchange.stream_url.startswith("wss://127.0.0.1:")
            import aiohttp

            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(exchange.stream_url + "/ws/v1", ssl=client) as socket,
            ):
                assert await socket.receive_str() == '{"event":"info","version":1}'

    asyncio.run(run())


def test_it_comes_back_on_the_same_port() -> None:
    async def run() -> None:
        exchange = Exchange(coinbase(), rate=0)
        await exchange.start()
        url = exchange.rest_url
        await exchange.stop()
        await exchange.start()
        assert exchange.rest_url == url
        async with Reader(exchange, ["ETH-USD"]) as reader:
            await begin(exchange, reader)
        await exchange.stop()

    asyncio.run(run())


def test_a_rate_moves_the_market_by_itself() -> None:
    async def run() -> None:
        async with (
            Exchange(kraken_futures(), rate=2000) as exchange,
            Reader(exchange, ["PF_ETHUSD"]) as reader,
        ):
            await until(lambda: exchange.markets["PF_ETHUSD"].events > 500)
            exchange.rate = 0
            await until(lambda: same(reader, exchange))

    asyncio.run(run())


@pytest.mark.parametrize("seed", range(5))
def test_a_made_up_stream_is_the_book_it_says(seed: int) -> None:
    stream = UsdmStream(seed=seed)
    feed = Feed("binance-usdm", [("ETHUSDC", *stream.book.row)])
    feed.feed(stream.message())
    feed.feed(b'{"stream":"ethusdc@depth","data":%b}' % stream.snapshot())
    for message in stream.messages(2000):
        assert feed.feed(message) is None
        assert feed.touch(0) == stream.book.touch()
    assert feed.depth(0, True, 10**6) == stream.book.best(BID)
    assert feed.depth(0, False, 10**6) == stream.book.best(ASK)


def test_the_same_seed_makes_the_same_stream() -> None:
    assert list(UsdmStream(seed=4).messages(50)) == list(UsdmStream(seed=4).messages(50))
    assert list(UsdmStream(seed=4).messages(50)) != list(UsdmStream(seed=5).messages(50))
