"""The sessions that a list of products needs: which exchange, which sockets, whose routes."""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from random import Random

from alp._core.market_publisher import Lane, MarketPublisher
from alp.errors import ConfigError, VenueError
from alp.strategy.manifest import Strategy
from alp.venues.adapter import Channel, Endpoints, MarketAdapter
from alp.venues.backoff import Backoff
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.market.connection import Publishing, Tap
from alp.venues.market.session import MarketSession, Surroundings
from alp.venues.registry import adapter_for
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
REFRESH_S = 600.0
"""How often the venues are asked what their products are: some halt, some change a grid."""
MOST_PRODUCTS = 64
"""Of one feed handler."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product to follow, and its index on the bus."""

    index: int
    exchange: str
    symbol: str
    endpoints: Endpoints


def products_of(strategy: Strategy, venues: Sequence[str] = ()) -> list[Product]:
    """Return the products of a manifest's venues, or of those named.

    The index of a product is its venue's place in the manifest, whichever are chosen; of several
    accounts that trade the same product, the first one's.
    """
    found: dict[tuple[str, str, Endpoints], Product] = {}
    chosen = set()
    for index, venue in enumerate(strategy.spec.venues):
        endpoints = Endpoints(venue.endpoints.rest or "", venue.endpoints.stream or "")
        key = venue.exchange, venue.symbol, endpoints
        found.setdefault(key, Product(index, *key))
        if not venues or venue.name in venues:
            chosen.add(key)
    return [product for key, product in found.items() if key in chosen]


@dataclass
class ExchangeData:
    """One exchange's part: its adapter, its products, its sessions."""

    adapter: MarketAdapter
    products: list[Product]
    http: Http
    instruments: list[Instrument] = field(default_factory=list)
    sessions: list[MarketSession] = field(default_factory=list)

    def instrument_of(self, index: int) -> Instrument | None:
        """Return what the venue says of a product; None before it has said it."""
        for product, instrument in zip(self.products, self.instruments, strict=False):
            if product.index == index:
                return instrument
        return None


class MarketData:
    """Follows products on any number of exchanges.

    Parameters
    ----------
    publisher
        Where books go, with one route for each of `products`, in their order; None keeps them.
    tap_of
        Of an exchange's name: hears its every message, for a recording.
    """

    def __init__(
        self,
        products: Sequence[Product],
        *,
        channels: Channel = Channel.BOOK | Channel.QUOTE | Channel.TRADE,
        publisher: MarketPublisher | None = None,
        tap_of: Callable[[str], Tap] | None = None,
        random: Random | None = None,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._products = list(products)
        self._channels = channels
        self._publisher = publisher
        self._random = random or Random()  # noqa: S311 - spreads connections, guards nothing
        self._tap_of = tap_of
        self._ssl_context = ssl_context
        self._numbers = itertools.count(1)
        self.exchanges = list(self._grouped())
        self.instruments_changed = asyncio.Event()
        """Set when a venue has said what its products are, the first time and later."""

    def _grouped(self) -> Iterable[ExchangeData]:
        """One part for each exchange and address."""
        groups: dict[tuple[str, Endpoints], list[Product]] = {}
        for product in self._products:
            groups.setdefault((product.exchange, product.endpoints), []).append(product)
        for (exchange, endpoints), products in groups.items():
            adapter = adapter_for(exchange, endpoints)
            for begin in range(0, len(products), MOST_PRODUCTS):
                # Others share the address: half of what the venue allows is ours.
                budget = Budget(adapter.weight_per_minute // 2)
                http = Http(adapter.endpoints.rest, budget, self._ssl_context)
                yield ExchangeData(adapter, products[begin : begin + MOST_PRODUCTS], http)

    @property
    def sessions(self) -> list[MarketSession]:
        """All sessions there are so far."""
        return [session for exchange in self.exchanges for session in exchange.sessions]

    def lanes(self) -> list[Lane]:
        """Return the lanes whose books are published now."""
        found = []
        for session in self.sessions:
            connection = session.connection
            if connection is not None and connection.lane is not None and connection.lane.leading:
                found.append(connection.lane)
        return found

    async def run(self) -> None:
        """Follow until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                for exchange in self.exchanges:
                    tasks.create_task(self._run_exchange(exchange))
        finally:
            for exchange in self.exchanges:
                await exchange.http.close()

    async def _run_exchange(self, exchange: ExchangeData) -> None:
        await self._load(exchange)
        _refuse_twins(exchange)
        wrong_grid = asyncio.Event()
        around = Surroundings(
            exchange.http,
            self._random,
            Budget(exchange.adapter.manners.connects_per_minute),
            self._numbers,
            None if self._tap_of is None else self._tap_of(exchange.adapter.exchange),
            self._ssl_context,
            wrong_grid,
        )
        exchange.sessions = [
            MarketSession(
                exchange.adapter, socket, exchange.instruments, around, self._publishing(exchange)
            )
            for socket in exchange.adapter.sockets(exchange.instruments, self._channels)
        ]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._refresh(exchange, wrong_grid))
            for session in exchange.sessions:
                tasks.create_task(session.run())

    async def _refresh(self, exchange: ExchangeData, wrong_grid: asyncio.Event) -> None:
        """Ask again what the products are: now and then, and when their numbers do not fit."""
        while True:
            await waited(wrong_grid, REFRESH_S)
            await self._load(exchange)
            for session in exchange.sessions:
                session.use(exchange.instruments)

    async def _load(self, exchange: ExchangeData) -> None:
        """Ask what the products are until the venue says it."""
        backoff = Backoff(self._random)
        symbols = [product.symbol for product in exchange.products]
        while True:
            try:
                found = await exchange.adapter.instruments(exchange.http, symbols)
            except VenueError as error:
                logger.warning("%s: no instruments: %s", exchange.adapter.exchange, error)
                await asyncio.sleep(backoff.next_ns(error.retry_ns) / SECOND)
                continue
            if found != exchange.instruments:
                exchange.instruments = found
                self.instruments_changed.set()
            return

    def _publishing(self, exchange: ExchangeData) -> Publishing | None:
        if self._publisher is None:
            return None
        routes = [self._products.index(product) for product in exchange.products]
        return Publishing(self._publisher, routes)


def _refuse_twins(exchange: ExchangeData) -> None:
    """Refuse two names of one book: only one of them would ever be fed."""
    names: dict[str, str] = {}
    for each in exchange.instruments:
        other = names.setdefault(each.feed_symbol, each.symbol)
        if other != each.symbol:
            raise ConfigError(
                f"{other} and {each.symbol} are one book of {each.exchange}",
                hint="keep one of the two venues in the manifest",
            )
