"""Simulated venues with accounts, and sessions of the real adapters at them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

from client_world import market, trade
from plain_owner import QUICK, Book, session_of

from alp.paper.accounts import hmac_credentials
from alp.paper.binance.public import Binance
from alp.paper.coinbase.private import known_credentials
from alp.paper.coinbase.public import Coinbase
from alp.paper.desk import Desk
from alp.paper.exchange import Exchange
from alp.paper.faults.script import CommandFault
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.orders import Order
from alp.paper.protocol import Protocol
from alp.venues.account.session import AccountSession
from alp.venues.adapter import Endpoints
from alp.venues.credentials import Credentials
from alp.venues.http import Budget, Http
from alp.venues.registry import adapter_for, orders_for

SECOND = 10**9
PATIENT = replace(QUICK, answer_ns=3 * SECOND)


@dataclass(frozen=True)
class Kind:
    make: Callable[[], Protocol]
    symbol: str
    credentials: Callable[[], Credentials]
    book: str = ""
    """The market whose book it is, where that has another name."""
    socket: bool = False
    """Whether commands go by WebSocket where they can."""

    @property
    def market(self) -> str:
        return self.book or self.symbol


KINDS = {
    "binance-usdm": Kind(
        lambda: Binance([market("ETHUSDC", quantity_decimals=3)]),
        "ETHUSDC",
        lambda: hmac_credentials()[0],
    ),
    "binance-spot": Kind(
        lambda: Binance([market("ETHUSDC", quantity_decimals=4)], futures=False),
        "ETHUSDC",
        lambda: hmac_credentials()[0],
    ),
    "coinbase-spot": Kind(
        lambda: Coinbase([market("ETH-USD")]),
        "ETH-USDC",
        lambda: known_credentials()[0],
        book="ETH-USD",
    ),
    "kraken-futures": Kind(
        lambda: KrakenFutures([market("PF_ETHUSD", price_decimals=1, quantity_decimals=3)]),
        "PF_ETHUSD",
        lambda: hmac_credentials(base64=True)[0],
    ),
    "kraken-spot": Kind(
        lambda: KrakenSpot([market("ETH/USDC")]),
        "ETH/USDC",
        lambda: hmac_credentials(base64=True)[0],
    ),
}


@dataclass
class World:
    """A venue, a session at it, and the owner of its orders."""

    kind: Kind
    exchange: Exchange
    session: AccountSession
    book: Book

    @property
    def desk(self) -> Desk:
        side = self.exchange.protocol.private
        assert side is not None
        return side.desk

    @property
    def one(self) -> int:
        """Lots of one coin."""
        grid = self.book.instrument.order_quantity
        return 10**grid.decimals // grid.step

    def price(self, whole: int) -> int:
        grid = self.book.instrument.price
        return whole * 10**grid.decimals // grid.step

    def new(self, client_id: str, price: int = 1999, coins: int = 2) -> Any:
        return self.book.new(client_id, coins * self.one, self.price(price))

    def open(self) -> list[Order]:
        return self.desk.open_orders("first")

    def ever(self) -> list[str]:
        """Every order there ever was, by client id."""
        return [each.ticket.client_id for each in self.desk.orders("first")]

    def sell(self, price: int, coins: int) -> None:
        """Let somebody sell so many coins into the book."""
        trade(self.exchange, self.kind.book or self.kind.symbol, price, coins, bought=False)

    def fault(self, on: str, fault: CommandFault, **more: Any) -> None:
        self.exchange.script.command(on, fault, **more)


@asynccontextmanager
async def exchange_of(name: str) -> AsyncIterator[Exchange]:
    async with Exchange(KINDS[name].make(), rate=0) as exchange:
        yield exchange


@asynccontextmanager
async def account_at(
    exchange: Exchange, book: Book | None = None, *, since_ns: int = 0, **more: Any
) -> AsyncIterator[World]:
    """An account that is live at a venue."""
    name = exchange.protocol.exchange
    kind = KINDS[name]
    ends = Endpoints(exchange.rest_url, exchange.stream_url)
    if book is None:
        async with Http(ends.rest, Budget(10**6)) as http:
            (instrument,) = await adapter_for(name, ends).instruments(http, [kind.symbol])
        book = Book(instrument)
    adapter: Any = orders_for(name, ends)
    adapter.not_found_ns = SECOND  # here nothing is on its way for longer
    adapter.dead_man_ns = more.pop("dead_man_ns", adapter.dead_man_ns)
    settings = {"patience": PATIENT, "credentials": kind.credentials()} | more
    session = session_of(adapter, book, **settings)
    try:
        await session.start(since_ns)
        yield World(kind, exchange, session, book)
    finally:
        await session.stop()
