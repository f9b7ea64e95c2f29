"""Where a case of the conformance kit happens: a venue, an account session, and its orders."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from decimal import Decimal
from math import ceil
from random import Random
from typing import Any

import aiohttp

from alp._core.order_life import OrderEvent, OrderState
from alp._core.orders import OrderTable
from alp.errors import VenueError
from alp.venues.account.clock_offset import ClockReading
from alp.venues.account.session import AccountSession
from alp.venues.account.state import AccountNews, AccountReport, Patience
from alp.venues.adapter import Channel, Endpoints, MarketAdapter
from alp.venues.credentials import Credentials
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.market.session import MarketSession, Surroundings
from alp.venues.orders import Action, Command, Fact, LiveOrder, OrderAdapter, Policy
from alp.venues.registry import adapter_for, orders_for

SECOND = 10**9
TICK_S = 0.005
WITHIN_S = 30.0
MOST_ASKED = 5
MOST_HELD = 50
ASK_AGAIN_S = 0.2
AWAY = Decimal("0.98")
"""Orders rest so far below the best bid: nobody trades there, and venues allow it."""
UNITS = 4
"""Of the smallest quantity that serves; an order of the kit has so many."""
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED})
QUICK = Patience(3 * SECOND, SECOND // 4, 60 * SECOND, SECOND // 50, SECOND // 5)
"""With a simulated venue nothing is on its way for long."""


class CaseFailed(Exception):  # noqa: N818 - how a case ends
    """What a case asks for did not happen."""


class LeftOut(Exception):  # noqa: N818 - how a case ends
    """A case does not apply, or cannot be run here; the text says why."""


def check(holds: object, what: str) -> None:
    """Fail the case where something does not hold.

    Raises
    ------
    CaseFailed
        If it does not.
    """
    if not holds:
        raise CaseFailed(what)


async def until(condition: Callable[[], object], what: str, within_s: float = WITHIN_S) -> None:
    """Wait until a condition holds.

    Raises
    ------
    CaseFailed
        If it does not in time.
    """
    deadline = time.monotonic() + within_s
    while not condition():
        check(time.monotonic() < deadline, f"did not happen: {what}")
        await asyncio.sleep(TICK_S)


class Control:
    """Asks a simulated venue for its truth, and for faults; see `alp venue --control`."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/").removesuffix("/-")

    async def state(self) -> dict[str, Any]:
        """Return what the venue knows."""
        return await self._ask("GET", "state", None)

    async def fault(self, on: str, fault: str, **more: Any) -> None:
        """Let a fault happen to the next command of a kind, or to the private stream."""
        row = {"on": on, "fault": fault, **more}
        await self._ask("POST", "faults", {"commands": [row]})

    async def act(self, act: str, **more: Any) -> None:
        """Let something happen now."""
        await self._ask("POST", "acts", {"act": act, **more})

    async def _ask(self, method: str, path: str, body: object) -> dict[str, Any]:
        try:
            async with (
                aiohttp.ClientSession() as http,
                http.request(method, f"{self._url}/-/{path}", json=body) as answer,
            ):
                told: dict[str, Any] = await answer.json()
                if answer.status != 200:
                    raise VenueError(f"the control of the venue: {told}")
                return told
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise VenueError(f"the control of the venue: {error}") from error


@dataclass(frozen=True)
class Place:
    """A venue to run a case at.

    Attributes
    ----------
    symbol
        As the manifest writes it.
    control
        Base URL of a simulated venue's control; empty: there is none.
    withdrawer
        A key that may withdraw, which is to be refused.
    own
        Whether nobody else uses it and it is gone after the case, so that lasting faults may be.
    """

    exchange: str
    symbol: str
    endpoints: Endpoints
    credentials: Credentials
    control: str = ""
    withdrawer: Credentials | None = None
    own: bool = False


@dataclass
class Orders:
    """The orders of a case: the owner of an account session, with the real table of orders."""

    instrument: Instrument
    table: OrderTable = field(default_factory=lambda: OrderTable([(0, 1)]))
    commands: dict[str, Command] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    news: list[AccountNews] = field(default_factory=list)
    reports: list[AccountReport] = field(default_factory=list)
    readings: list[ClockReading] = field(default_factory=list)
    well: bool = True

    def new(self, client_id: str, price: int, quantity: int) -> Command:
        """Open an order in the table and return its command."""
        self.table.open(client_id, 0, 1, price, quantity)
        command = Command(
            Action.NEW, self.instrument, client_id, side=1, price=price, quantity=quantity
        )
        self.commands[client_id], self.numbers[client_id] = command, 0
        return command

    def cancel(self, client_id: str) -> Command:
        """Return the command that cancels it."""
        return self._next(Action.CANCEL, OrderEvent.CANCEL_REQUESTED, client_id)

    def amend(self, client_id: str, *, price: int, quantity: int) -> Command:
        """Return the command that amends it."""
        kind = OrderEvent.AMEND_REQUESTED
        command = self._next(Action.AMEND, kind, client_id, price, quantity)
        return replace(command, price=price, quantity=quantity)

    def _next(
        self, action: Action, kind: OrderEvent, client_id: str, price: int = 0, quantity: int = 0
    ) -> Command:
        number = self.table.next_command(client_id)
        self.table.apply(client_id, kind, command=number, price=price, quantity=quantity)
        self.numbers[client_id] = number
        order = self.table.get(client_id)
        return replace(
            self.commands[client_id],
            action=action,
            venue_id=order.venue_id,
            number=number,
            filled=order.filled,
        )

    def state(self, client_id: str) -> OrderState:
        """Return an order's state."""
        return self.table.get(client_id).state

    def has_ended(self, client_id: str) -> bool:
        """Whether it is no longer open, and never will be."""
        return self.state(client_id) in ENDED

    def kinds(self, client_id: str) -> list[OrderEvent]:
        """Return what was told of an order, in order."""
        return [each.kind for each in self.facts if each.client_id == client_id]

    def policies(self) -> set[Policy]:
        """Return what errors asked for."""
        return {each.policy for each in self.news if each.policy is not None}

    def believed_open(self) -> Sequence[Command]:
        """Return what may be open."""
        rows = []
        for client_id, command in self.commands.items():
            order = self.table.get(client_id)
            if order.state not in ENDED:
                number = self.numbers[client_id]
                rows.append(
                    replace(command, venue_id=order.venue_id, filled=order.filled, number=number)
                )
        return rows

    def client_of(self, venue_id: str) -> str:
        """Return the client's id of an order, by the venue's."""
        return self.table.find(venue_id) or ""

    def is_well(self) -> bool:
        """Whether orders may stay."""
        return self.well

    def take(self, fact: Fact) -> None:
        """Apply a fact."""
        self.facts.append(fact)
        if fact.client_id in self.table:
            self.table.apply(fact.client_id, fact.kind, **fact.terms(fact.at_ns))


@dataclass
class World:
    """One case's surroundings.

    Attributes
    ----------
    resting
        Price in ticks at which orders rest and nobody else's do.
    crossing
        Price in ticks at which a bid would trade.
    unit
        Lots: the smallest round quantity above all minimums.
    notes
        What the venue turned out to do, for the report.
    """

    place: Place
    instrument: Instrument
    make: Callable[[str, Endpoints], OrderAdapter]
    resting: int
    crossing: int
    run: str = field(default_factory=lambda: secrets.token_hex(3))
    notes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    @property
    def unit(self) -> int:
        """Lots: three times the smallest quantity that serves."""
        grid, minimum = self.instrument.order_quantity, self.instrument.min_quantity
        notional = self.instrument.min_notional or Decimal(0)
        price = self.instrument.price.value(self.resting) * self.instrument.contract_size
        least = max(minimum, notional / price, grid.increment)
        return 3 * ceil(least / grid.increment)

    @property
    def control(self) -> Control:
        """The control of the simulated venue.

        Raises
        ------
        LeftOut
            If it is none.
        """
        if not self.place.control:
            raise LeftOut("needs a simulated venue's control")
        return Control(self.place.control)

    def name(self) -> str:
        """Return a client id that no order ever had."""
        self.names.append(f"cf{self.run}n{len(self.names) + 1}")
        return self.names[-1]

    async def truth(self) -> list[dict[str, Any]]:
        """Return the orders of the account as the venue has them, ended ones too."""
        accounts = (await self.control.state())["accounts"]
        return [row for each in accounts.values() for row in each["orders"]]

    async def true_order(self, client_id: str) -> dict[str, Any]:
        """Return the one order with a client id.

        Raises
        ------
        CaseFailed
            If there is none, or more than one.
        """
        found = [row for row in await self.truth() if row["client_id"] == client_id]
        check(len(found) == 1, f"the venue has {len(found)} orders with one client id, not one")
        return found[0]

    async def sell(self, lots: int, price: int | None = None) -> None:
        """Let somebody sell where the case's orders rest."""
        at = self.instrument.price.value(self.resting if price is None else price)
        quantity = self.instrument.order_quantity.value(lots)
        await self.control.act(
            "trade",
            symbol=self.instrument.feed_symbol,
            price=f"{at:f}",
            quantity=f"{quantity:f}",
            bought=False,
        )

    @asynccontextmanager
    async def session(
        self,
        orders: Orders | None = None,
        *,
        endpoints: Endpoints | None = None,
        credentials: Credentials | None = None,
        since_ns: int = 0,
        dead_man_ns: int | None = None,
        patience: Patience = QUICK,
        leave: bool = False,
        last_nonce: int = 0,
    ) -> AsyncIterator[Trading]:
        """Open an account session that is live, and its order socket where there is one.

        Parameters
        ----------
        leave
            What is open at the end stays.
        """
        adapter: Any = self.make(self.place.exchange, endpoints or self.place.endpoints)
        if self.place.control:
            adapter.not_found_ns = SECOND
        if dead_man_ns is not None:
            adapter.dead_man_ns = dead_man_ns
        mine = orders or Orders(self.instrument)
        session = AccountSession(
            adapter,
            credentials or self.place.credentials,
            [self.instrument],
            mine,
            on_fact=mine.take,
            on_state=mine.news.append,
            on_account=mine.reports.append,
            on_clock=mine.readings.append,
            patience=patience,
            random=Random(1),  # noqa: S311 - of waits
            last_nonce=last_nonce,
        )
        trading = Trading(self, session, mine)
        try:
            await session.start(since_ns)
            socket = session.orders
            if socket is not None:
                await until(lambda: socket.connection is not None, "the order socket opens")
            yield trading
            if not leave:
                await trading.tidy()
        finally:
            await session.stop()


@dataclass
class Trading:
    """A session and its orders."""

    world: World
    session: AccountSession
    orders: Orders

    def new(self, price: int | None = None, quantity: int | None = None) -> str:
        """Send a new order that is to rest; return its client id."""
        name, world = self.world.name(), self.world
        at = world.resting if price is None else price
        self.session.send([self.orders.new(name, at, quantity or UNITS * world.unit)])
        return name

    async def rest(self, price: int | None = None, quantity: int | None = None) -> str:
        """Send one and wait until it rests; where the budget holds it back, another later."""
        for _ in range(MOST_HELD):
            name = self.new(price, quantity)
            await until(lambda sent=name: self.orders.kinds(sent), "an answer")  # type: ignore[misc]
            if self.orders.kinds(name) != [OrderEvent.NOT_SENT]:
                break
            await asyncio.sleep(ASK_AGAIN_S)
        await self.becomes(name, OrderState.ACKED)
        return name

    def cancel(self, name: str) -> None:
        """Send a cancel."""
        self.session.send([self.orders.cancel(name)])

    def amend(self, name: str, *, price: int | None = None, quantity: int | None = None) -> None:
        """Send an amend of what is given."""
        order = self.orders.table.get(name)
        self.session.send(
            [
                self.orders.amend(
                    name, price=price or order.price, quantity=quantity or order.quantity
                )
            ]
        )

    async def becomes(self, name: str, *states: OrderState) -> None:
        """Wait until an order has one of these states.

        Raises
        ------
        CaseFailed
            If it ends otherwise, or nothing happens.
        """
        orders = self.orders
        wanted = " or ".join(each.name for each in states)
        deadline = time.monotonic() + WITHIN_S
        while (state := orders.state(name)) not in states:
            late = time.monotonic() > deadline
            if late or (state in ENDED and not len(self.session.journeys)):
                order = orders.table.get(name)
                raise CaseFailed(f"an order is {state.name} ({order.reason.name}), not {wanted}")
            await asyncio.sleep(TICK_S)

    async def settled(self) -> None:
        """Wait until nothing is on its way or unknown."""
        session = self.session
        await until(
            lambda: not (len(session.journeys) or session.unknown), "every command has an end"
        )

    async def venue_open(self, again: int = MOST_ASKED) -> tuple[LiveOrder, ...]:
        """Ask the venue what of this case is open.

        Raises
        ------
        VenueError
            If it does not say it however often it is asked.
        """
        calls, instruments = self.session.calls, [self.world.instrument]
        while True:
            again -= 1
            try:
                pages = await calls.ask_all(
                    lambda: self.session.adapter.open_orders(instruments, calls.signer)
                )
                break
            except VenueError as error:  # two sessions of one key may be in each other's way
                if again <= 0:
                    raise
                await asyncio.sleep(max(error.retry_ns / SECOND, ASK_AGAIN_S))
        ours = set(self.world.names)
        return tuple(row for page in pages for row in page.orders if row.client_id in ours)

    async def agree(self) -> None:
        """Hold the table of orders to what the venue says is open, and to its truth.

        Raises
        ------
        CaseFailed
            If they differ.
        """
        await self.settled()
        orders = self.orders
        mine = {name for name in orders.commands if not orders.has_ended(name)}
        theirs = {row.client_id for row in await self.venue_open()}
        check(mine == theirs, f"open here {len(mine)}, open at the venue {len(theirs)}")
        for name in orders.commands:
            contradictions = orders.table.get(name).contradictions
            check(
                not contradictions,
                f"what was told of an order contradicts itself: {contradictions}",
            )
        if self.world.place.control:
            truth = await self.world.truth()
            rows = [row for row in truth if row["client_id"] in orders.commands]
            names = [row["client_id"] for row in rows]
            check(len(names) == len(set(names)), "an order is twice at the venue")
            lots = sum(row["filled"] for row in rows) // self.world.instrument.order_quantity.step
            held = orders.table.exposure(0).position
            check(held == lots, f"filled here {held} lots, at the venue {lots}")

    async def tidy(self) -> None:
        """Cancel what the case left open."""
        left = [
            name
            for name in self.orders.commands
            if self.orders.state(name) in (OrderState.ACKED, OrderState.PARTIALLY_FILLED)
        ]
        if left and not self.world.place.own:
            self.session.send([self.orders.cancel(name) for name in left])
            await self.settled()


@asynccontextmanager
async def market_session(
    place: Place, adapter: MarketAdapter | None = None
) -> AsyncIterator[MarketSession]:
    """Open a market session of the place's product whose book is live."""
    made = adapter or adapter_for(place.exchange, place.endpoints)
    async with Http(made.endpoints.rest, Budget(10**6)) as http:
        instruments = await made.instruments(http, [place.symbol])
        around = Surroundings(http, Random(1), Budget(10**4))  # noqa: S311 - of waits
        (socket, *_) = made.sockets(instruments, Channel.BOOK)
        session = MarketSession(made, socket, instruments, around)
        task = asyncio.create_task(session.run())
        try:
            await until(lambda: is_live(session), "the book is live")
            yield session
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


def is_live(session: MarketSession) -> bool:
    """Whether its book may be used."""
    return bool(session.books()) and all(each.live for each in session.books())


async def world_of(
    place: Place, make: Callable[[str, Endpoints], OrderAdapter] = orders_for
) -> World:
    """Ask a venue for its product and its touch.

    Raises
    ------
    VenueError, ConfigError
        If it does not tell them.
    """
    adapter = adapter_for(place.exchange, place.endpoints)
    async with Http(adapter.endpoints.rest, Budget(10**6)) as http:
        (instrument,) = await adapter.instruments(http, [place.symbol])
    grid = instrument.price
    if place.control:
        touch = (await Control(place.control).state())["touches"][instrument.feed_symbol]
        bid, ask = grid.count(touch[0]), grid.count(touch[2])
    else:
        async with market_session(place) as session:
            connection = session.connection
            found = None if connection is None else connection.feed.touch(0)
            check(found is not None, "the book has no touch")
            assert found is not None
            bid, ask = found[0], found[2]
    return World(place, instrument, make, int(bid * AWAY), ask)
