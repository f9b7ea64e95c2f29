"""The quote server: exact books of the strategy's venues, published on the bus."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass

import uvloop
import zmq
from prometheus_client import CollectorRegistry

from alp._core.market_publisher import MarketPublisher
from alp._core.wire import HeaderFields, HeartbeatMessage, InstrumentFields, encode
from alp.bus.addresses import claimed
from alp.bus.sockets import CurveKeys, Publisher
from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.services.market.feeds import MarketData, products_of
from alp.services.market.metrics import MarketMetrics
from alp.services.tasks import obeying_signals, run_parts
from alp.strategy.manifest import Strategy
from alp.venues.adapter import Channel
from alp.venues.instruments import Instrument, Trading
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
HEARTBEAT_S = 1.0
HEARTBEATS = 4
"""So many are sent within the age at which readers give up quiet books."""
ANSWER_S = 0.05
"""Late subscribers are answered at least so often, whatever the socket signals."""
TRADING = {
    Trading.OPEN: 1,
    Trading.POST_ONLY: 2,
    Trading.CANCEL_ONLY: 3,
    Trading.HALTED: 4,
}
"""What the wire format's Instrument says of a product."""


@dataclass(frozen=True)
class Placement:
    """Where one process serves.

    Attributes
    ----------
    endpoint, recall_endpoint
        Of the bus.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    venues
        Names of the venues to serve; all by default.
    """

    endpoint: str
    recall_endpoint: str
    health: str | None = None
    venues: tuple[str, ...] = ()
    curve: CurveKeys | None = None


class QuoteServer:
    """One process's share of a strategy's market data.

    Raises
    ------
    ConfigError
        If the manifest has no such venue, or the bus cannot be bound.
    """

    def __init__(self, strategy: Strategy, placement: Placement) -> None:
        names = {venue.name for venue in strategy.spec.venues}
        unknown = [name for name in placement.venues if name not in names]
        if unknown:
            raise ConfigError(
                f"the manifest has no venue {', '.join(unknown)}",
                hint=f"spec.venues has {', '.join(sorted(names)) or 'none'}",
            )
        self._strategy = strategy
        self._placement = placement
        self._products = products_of(strategy, placement.venues)
        if not self._products:
            raise ConfigError("nothing to serve: spec.venues is empty")
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._bus = Publisher(
            self._context,
            placement.endpoint,
            placement.recall_endpoint,
            Source.QUOTES,
            placement.curve,
        )
        wanted = strategy.spec.market_data
        self._publisher = MarketPublisher(
            self._bus.outlet,
            [
                (
                    product.index,
                    wanted.depth_levels,
                    wanted.trades,
                    wanted.quote_interval,
                    wanted.depth_interval,
                )
                for product in self._products
            ],
        )
        channels = Channel.BOOK | Channel.QUOTE
        if wanted.trades:
            channels |= Channel.TRADE
        self.data = MarketData(self._products, channels=channels, publisher=self._publisher)
        self._watch = LoopWatch()
        self._begun_ns = time.monotonic_ns()
        self.web: Web | None = None

    async def run(self) -> None:
        """Serve until SIGTERM or SIGINT.

        Raises
        ------
        ConfigError
            If a venue does not know a product, or an address cannot be served on.
        """
        stop = asyncio.Event()
        try:
            async with contextlib.AsyncExitStack() as stack:
                stack.enter_context(obeying_signals(stop.set))
                if self._placement.health is not None:
                    self.web = await stack.enter_async_context(self._make_web())
                await self._serve(stop)
        finally:
            self._bus.close(linger_ms=200)
            self._context.term()
        logger.info("stopped")

    async def _serve(self, stop: asyncio.Event) -> None:
        await run_parts(
            stop,
            self.data.run(),
            self._beat(),
            self._announce_when_known(),
            self._answer(),
            self._flush(),
            self._watch.run(),
        )

    def _make_web(self) -> Web:
        assert self._placement.health is not None
        registry = CollectorRegistry()
        registry.register(
            MarketMetrics(
                self._strategy.name,
                self.data,
                self._watch,
                lambda: self._publisher.counts,
                lambda: self._bus.outlet.dropped,
            )
        )
        return Web(
            self._placement.health, alive=self._watch.alive, ready=self.ready, registry=registry
        )

    def ready(self) -> Health:
        """Return whether every book is right and its connection lives."""
        reasons, books = [], {}
        for exchange in self.data.exchanges:
            if not exchange.sessions:
                reasons.append(f"{exchange.adapter.exchange}: its products are not known yet")
            for session in exchange.sessions:
                if not session.connected:
                    reasons.append(f"{session.name}: not connected, or silent")
                for book in session.books():
                    name = f"{book.instrument.exchange} {book.instrument.symbol}"
                    age = None if book.age_ns is None else round(book.age_ns / SECOND, 3)
                    books[name] = {"live": book.live, "age_s": age}
                    if not book.live:
                        reasons.append(f"{name}: {book.why_not}")
        return Health(not reasons, reasons, {"books": books})

    async def _beat(self) -> None:
        """Tell readers that this process lives, and with which configuration."""
        config = int(self._strategy.fingerprint()[:16], 16)
        first = self._products[0].index
        pause_s = min(HEARTBEAT_S, self._strategy.spec.limits.max_data_age / HEARTBEATS / SECOND)
        while True:
            uptime = time.monotonic_ns() - self._begun_ns
            header = HeaderFields(Source.QUOTES, first, 0, 0, 0)
            self._bus.publish(encode(HeartbeatMessage(header, uptime, config)))
            await asyncio.sleep(pause_s)

    async def _announce_when_known(self) -> None:
        """Say what ticks and lots are, before anything is said in them."""
        while True:
            await self.data.instruments_changed.wait()
            self.data.instruments_changed.clear()
            for exchange in self.data.exchanges:
                for product in exchange.products:
                    instrument = exchange.instrument_of(product.index)
                    if instrument is not None:
                        self._bus.publish(encode(instrument_message(product.index, instrument)))

    async def _answer(self) -> None:
        """Answer those who subscribe late."""
        socket = self._bus.recall_socket
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor = int(socket.getsockopt(zmq.FD))
        loop.add_reader(descriptor, readable.set)
        try:
            while True:
                await waited(readable, ANSWER_S)
                self._bus.answer()
        finally:
            loop.remove_reader(descriptor)

    async def _flush(self) -> None:
        """Send what the intervals of the manifest held back, when it may go."""
        wanted = self._strategy.spec.market_data
        intervals = [each for each in (wanted.quote_interval, wanted.depth_interval) if each]
        shortest = min(intervals, default=HEARTBEAT_S * SECOND)
        pause_s = max(shortest / 4, SECOND / 1000) / SECOND
        while True:
            await asyncio.sleep(pause_s)
            now = time.monotonic_ns()
            for lane in self.data.lanes():
                lane.flush(now)


def instrument_message(index: int, instrument: Instrument) -> InstrumentFields:
    """Return what the bus is told of an instrument."""
    return InstrumentFields(
        HeaderFields(Source.QUOTES, index, 0, 0, 0),
        instrument.exchange,
        instrument.symbol,
        instrument.price.step,
        instrument.quantity.step,
        instrument.price.decimals,
        instrument.quantity.decimals,
        TRADING[instrument.trading],
    )


def serve(strategy: Strategy, placement: Placement) -> None:
    """Run a quote server in this process until it is told to stop.

    Raises
    ------
    ConfigError
        See :class:`QuoteServer`; or if another process publishes where this one would.
    """
    with claimed(placement.endpoint):
        uvloop.run(QuoteServer(strategy, placement).run())
