"""The quote server as users run it: a process, real sockets, an exchange that misbehaves."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import zmq
from manifests import small
from prometheus_client.parser import text_string_to_metric_families
from waits import run, until

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
from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.exchange import Exchange
from alp.paper.faults.script import Fault
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.services.market.feeds import MarketData, Product, products_of
from alp.services.tasks import first_cause
from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy
from alp.venues.adapter import Endpoints

pytestmark = pytest.mark.timed

SOON_S = 20.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {{name: two-venues}}
spec:
  pool: {{chain: ethereum, base: WETH, quote: USDC, feeTier: 500}}
  inventory: {{base: "1", quote: "2500"}}
  venues:
  - name: perp
    exchange: binance-usdm
    symbol: ETHUSDC
    endpoints: {{rest: "{perp.rest_url}", stream: "{perp.stream_url}"}}
  - name: kraken
    exchange: kraken-spot
    symbol: ETH/USDC
    endpoints: {{rest: "{kraken.rest_url}", stream: "{kraken.stream_url}"}}
  marketData: {{depthLevels: 5, depthInterval: 50ms}}
"""


@dataclass
class Running:
    """A quote server in a process of its own, and a reader of its bus."""

    process: subprocess.Popen[str]
    perp: Exchange
    kraken: Exchange
    subscriber: Subscriber
    port: int
    inbox: list[Any] = field(default_factory=list)

    def get(self, path: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    async def ask(self, path: str) -> tuple[int, str]:
        return await asyncio.to_thread(self.get, path)

    def read(self) -> list[Any]:
        return [decode(each) for each in iter(self.subscriber.take, None)]

    async def is_ready(self) -> bool:
        try:
            return (await self.ask("/readyz"))[0] == 200
        except OSError:
            return False

    async def ready(self) -> None:
        end = time.monotonic() + SOON_S
        while not await self.is_ready():
            assert self.process.poll() is None, self.process.communicate()[1]
            assert time.monotonic() < end, await self.ask("/readyz")
            await asyncio.sleep(0.05)

    async def wait_for(self, kind: type[Any], **fields: Any) -> Any:
        """The next message of a kind whose fields are these; what was before it is let go."""

        def there() -> bool:
            self.inbox.extend(self.read())
            while self.inbox:
                first = self.inbox[0]
                if isinstance(first, kind) and all(
                    getattr(first, name) == value for name, value in fields.items()
                ):
                    return True
                self.inbox.pop(0)
            return False

        await until(there, SOON_S)
        return self.inbox.pop(0)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def running(folder: Path, *more: str) -> AsyncIterator[Running]:
    perp = Exchange(Binance([Market.made_up("ETHUSDC")]))
    kraken = Exchange(KrakenSpot([Market.made_up("ETH/USDC", quantity_decimals=8, depth=25)]))
    async with perp, kraken:
        manifest = folder / "strategy.yaml"
        manifest.write_text(MANIFEST.format(perp=perp, kraken=kraken))
        port = free_port()
        endpoints = f"ipc://{folder}/q.ipc", f"ipc://{folder}/q.recall.ipc"
        command = [
            *(sys.executable, "-m", "alp", "quote-server", str(manifest)),
            *("--publish", endpoints[0], "--recall", endpoints[1]),
            *("--health", f"127.0.0.1:{port}", *more),
        ]
        process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        try:
            with Subscriber(context, [endpoints]) as subscriber:
                yield Running(process, perp, kraken, subscriber, port)
        finally:
            context.destroy(linger=0)
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            process.communicate()


def in_units(market: Market, told: InstrumentFields, touch: tuple[int, ...]) -> tuple[int, ...]:
    """A touch in the market's decimals as the bus tells it."""
    prices = 10 ** (told.price_decimals - market.book.price_decimals)
    quantities = 10 ** (told.quantity_decimals - market.book.quantity_decimals)
    assert (told.price_step, told.quantity_step) == (1, 1)
    bid, bids, ask, asks = touch
    return bid * prices, bids * quantities, ask * prices, asks * quantities


def test_two_venues_are_served_and_the_last_word_of_the_bus_is_the_venues_book(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            await asyncio.sleep(1)
            server.perp.rate = server.kraken.rate = 0
            await asyncio.sleep(0.5)
            told: dict[tuple[type[Any], int], Any] = {}
            messages = [decode(each) for each in server.subscriber.recall()] + server.read()
            for message in messages:
                told[type(message), message.header.instrument] = message
            for index, exchange, symbol in (
                (0, server.perp, "ETHUSDC"),
                (1, server.kraken, "ETH/USDC"),
            ):
                market = exchange.markets[symbol]
                instrument = told[InstrumentFields, index]
                assert instrument.symbol == symbol
                expected = in_units(market, instrument, market.book.touch() or ())
                assert told[BboMessage, index][1:] == expected
                depth = told[DepthMessage, index]
                assert len(depth.bids) == len(depth.asks) == 5
                assert (*depth.bids[0], *depth.asks[0]) == expected
                assert told[TradeFields, index].aggressor in (-1, 1)
                assert told[BookStatusMessage, index].live
            heartbeat = told[HeartbeatMessage, 0]
            assert heartbeat.uptime_ns > 0
            assert server.subscriber.inlet.lost == 0

    run(test())


def test_readiness_is_lost_with_a_book_and_says_why_and_life_is_not(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            await server.kraken.stop()
            await server.wait_for(BookStatusMessage, live=False)
            status, body = await server.ask("/readyz")
            assert status == 503
            assert "kraken-spot" in " ".join(json.loads(body)["reasons"])
            assert (await server.ask("/livez"))[0] == 200
            await server.kraken.start()
            await server.ready()

    run(test())


def test_a_book_that_broke_is_told_and_comes_back_on_the_bus(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            server.read()
            server.perp.apply(Fault.GAP)
            broken = await server.wait_for(BookStatusMessage, live=False)
            assert broken.reason == 2
            await server.wait_for(BookStatusMessage, live=True)
            await server.wait_for(BboMessage)
            await server.ready()

    run(test())


def test_metrics_count_what_came_and_what_went(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            _, text = await server.ask("/metrics")
            found = {
                (sample.name, *sorted(sample.labels.items())): sample.value
                for family in text_string_to_metric_families(text)
                for sample in family.samples
            }
            labels = {"strategy": "two-venues", "exchange": "kraken-spot", "symbol": "ETH/USDC"}
            assert found["alp_book_live", *sorted(labels.items())] == 1
            assert found["alp_book_age_seconds", *sorted(labels.items())] < 5
            feed = {"strategy": "two-venues", "exchange": "binance-usdm", "socket": "public"}
            assert found["alp_feed_messages_total", *sorted(feed.items())] > 0
            assert found["alp_feed_malformed_total", *sorted(feed.items())] == 0
            quotes = (("kind", "quotes"), ("strategy", "two-venues"))
            assert found["alp_bus_published_total", *quotes] > 0
            assert found["alp_bus_dropped_total", ("strategy", "two-venues")] == 0

    run(test())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_a_word_to_its_readers_and_status_0(
    tmp_path: Path, number: signal.Signals
) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            server.read()
            server.process.send_signal(number)
            await server.wait_for(BookStatusMessage, live=False)
            _, errors = await asyncio.to_thread(server.process.communicate, None, SOON_S)
            assert server.process.returncode == 0
            assert "Traceback" not in errors
            assert "stopped" in errors

    run(test())


def test_a_venue_that_changes_its_grid_is_announced_and_its_book_is_made_anew(
    tmp_path: Path,
) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            await server.ready()
            kept = [decode(each) for each in server.subscriber.recall()]
            (first,) = (
                each
                for each in kept
                if isinstance(each, InstrumentFields) and each.symbol == "ETHUSDC"
            )
            market = server.perp.markets["ETHUSDC"]
            market.refine()
            told = await server.wait_for(InstrumentFields, symbol="ETHUSDC")
            assert told.price_decimals == first.price_decimals + 1
            await server.ready()
            server.perp.rate = 0
            await asyncio.sleep(0.5)
            last = [each for each in server.inbox + server.read() if isinstance(each, BboMessage)]
            quote = [each for each in last if each.header.instrument == 0][-1]
            assert quote[1:] == in_units(market, told, market.book.touch() or ())

    run(test())


def test_one_venue_alone_keeps_its_index(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path, "--venue", "kraken") as server:
            await server.ready()
            quote = await server.wait_for(BboMessage)
            assert quote.header.instrument == 1
            assert server.perp.opened == 0

    run(test())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--venue", "nobody"], "the manifest has no venue nobody"),
        (["--health", "nowhere"], "'nowhere' is not HOST:PORT"),
        (["--publish", "tcp://192.0.2.1:5555"], "cannot publish on tcp://192.0.2.1:5555"),
    ],
)
def test_what_cannot_be_is_refused_with_status_3(
    tmp_path: Path, arguments: list[str], message: str
) -> None:
    manifest = tmp_path / "strategy.yaml"

    class Nowhere:
        rest_url, stream_url = "http://127.0.0.1:9", "ws://127.0.0.1:9"

    manifest.write_text(MANIFEST.format(perp=Nowhere, kraken=Nowhere))
    done = subprocess.run(
        [sys.executable, "-m", "alp", "quote-server", str(manifest), *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
        check=False,
    )
    assert (done.returncode, message in done.stderr) == (3, True), done.stderr


def test_a_product_that_the_venue_does_not_know_is_refused_with_status_3(tmp_path: Path) -> None:
    async def test() -> None:
        async with running(tmp_path) as server:
            server.process.kill()
        manifest = tmp_path / "strategy.yaml"
        perp = Exchange(Binance([Market.made_up("BTCUSDT")]))
        kraken = Exchange(KrakenSpot([Market.made_up("ETH/USDC", depth=25)]))
        async with perp, kraken:
            manifest.write_text(MANIFEST.format(perp=perp, kraken=kraken))
            done = await asyncio.to_thread(
                subprocess.run,
                [sys.executable, "-m", "alp", "quote-server", str(manifest)],
                capture_output=True,
                text=True,
                timeout=60,
                env={**os.environ, "XDG_RUNTIME_DIR": str(tmp_path)},
                check=False,
            )
        assert done.returncode == 3, done.stderr
        assert "ETHUSDC" in done.stderr

    run(test())


def venues(*rows: tuple[str, str, str]) -> Strategy:
    listed = [
        {"name": name, "exchange": exchange, "symbol": symbol} for name, exchange, symbol in rows
    ]
    return load_manifest(small(venues=listed))


def test_accounts_that_trade_one_product_share_its_number_whoever_is_chosen() -> None:
    strategy = venues(
        ("a", "binance-usdm", "ETHUSDC"),
        ("b", "kraken-spot", "ETH/USDC"),
        ("c", "binance-usdm", "ETHUSDC"),
    )
    assert [product.index for product in products_of(strategy)] == [0, 1]
    assert [product.index for product in products_of(strategy, ["c"])] == [0]
    assert [product.index for product in products_of(strategy, ["b"])] == [1]


def test_two_names_of_one_book_are_refused() -> None:
    async def test() -> None:
        market = Market.made_up("ETH-USD", quantity_decimals=8)
        async with Exchange(Coinbase([market])) as exchange:
            endpoints = Endpoints(exchange.rest_url, exchange.stream_url)
            products = [
                Product(index, "coinbase-spot", symbol, endpoints)
                for index, symbol in enumerate(("ETH-USD", "ETH-USDC"))
            ]
            with pytest.raises(ExceptionGroup) as raised:
                await MarketData(products).run()
            assert "ETH-USD and ETH-USDC are one book" in str(first_cause([raised.value]))

    run(test())
