"""An owner of orders for tests: the real table of orders, and everything it was told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from plain_venue import PRODUCT, PlainAdapter, PlainVenue, account_keys
from waits import until

from alp._core.order_life import OrderEvent, OrderState
from alp._core.orders import OrderTable
from alp.venues.account.clock_offset import ClockReading
from alp.venues.account.session import AccountSession
from alp.venues.account.state import AccountNews, AccountReport, AccountState, Patience
from alp.venues.instruments import Instrument
from alp.venues.orders import Action, Command, Fact, Policy

SECOND = 10**9
ENDED = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
QUICK = Patience(
    answer_ns=20 * SECOND,
    clock_ns=SECOND // 4,
    poll_ns=60 * SECOND,
    ask_again_ns=SECOND // 50,
    longest_ns=SECOND // 5,
)
IMPATIENT = replace(QUICK, answer_ns=SECOND // 2)
"""For answers that never come."""


@dataclass
class Book:
    """The orders of a test."""

    instrument: Instrument = PRODUCT
    table: OrderTable = field(default_factory=lambda: OrderTable([(0, 1)]))
    commands: dict[str, Command] = field(default_factory=dict)
    numbers: dict[str, int] = field(default_factory=dict)
    facts: list[Fact] = field(default_factory=list)
    news: list[AccountNews] = field(default_factory=list)
    reports: list[AccountReport] = field(default_factory=list)
    readings: list[ClockReading] = field(default_factory=list)
    well: bool = True

    def new(self, client_id: str, quantity: int = 10, price: int = 1000, side: int = 1) -> Command:
        self.table.open(client_id, 0, side, price, quantity)
        command = Command(
            Action.NEW, self.instrument, client_id, side=side, price=price, quantity=quantity
        )
        self.commands[client_id], self.numbers[client_id] = command, 0
        return command

    def cancel(self, client_id: str) -> Command:
        return self._next(Action.CANCEL, OrderEvent.CANCEL_REQUESTED, client_id)

    def amend(self, client_id: str, quantity: int, price: int) -> Command:
        kind = OrderEvent.AMEND_REQUESTED
        return self._next(Action.AMEND, kind, client_id, quantity=quantity, price=price)

    def _next(self, action: Action, kind: OrderEvent, client_id: str, **terms: int) -> Command:
        number = self.table.next_command(client_id)
        self.table.apply(client_id, kind, command=number, **terms)
        self.numbers[client_id] = number
        order = self.table.get(client_id)
        return replace(
            self.commands[client_id],
            action=action,
            venue_id=order.venue_id,
            number=number,
            filled=order.filled,
            **terms,
        )

    def state(self, client_id: str) -> str:
        return self.table.get(client_id).state.name

    def kinds(self, client_id: str) -> list[str]:
        return [each.kind.name for each in self.facts if each.client_id == client_id]

    def states(self) -> list[AccountState]:
        """The states in which the account was, one after the other."""
        found: list[AccountState] = []
        for each in self.news:
            if not found or found[-1] is not each.state:
                found.append(each.state)
        return found

    def policies(self) -> list[Policy]:
        return [each.policy for each in self.news if each.policy is not None]

    def believed_open(self) -> Sequence[Command]:
        rows = []
        for client_id, command in self.commands.items():
            order = self.table.get(client_id)
            if order.state not in ENDED:
                rows.append(
                    replace(
                        command,
                        venue_id=order.venue_id,
                        filled=order.filled,
                        number=self.numbers[client_id],
                    )
                )
        return rows

    def client_of(self, venue_id: str) -> str:
        return self.table.find(venue_id) or ""

    def is_well(self) -> bool:
        return self.well

    def take(self, fact: Fact) -> None:
        self.facts.append(fact)
        if fact.client_id in self.table:
            self.table.apply(fact.client_id, fact.kind, **fact.terms(fact.at_ns))


def session_of(adapter: Any, book: Book, **more: Any) -> AccountSession:
    settings: dict[str, Any] = {"patience": QUICK, "random": Random(1)} | more
    return AccountSession(
        adapter,
        settings.pop("credentials", account_keys()),
        [book.instrument],
        book,
        on_fact=book.take,
        on_state=book.news.append,
        on_account=book.reports.append,
        on_clock=book.readings.append,
        **settings,
    )


@asynccontextmanager
async def trading(
    venue: PlainVenue, book: Book | None = None, *, started: bool = True, **more: Any
) -> AsyncIterator[tuple[AccountSession, Book]]:
    """A session at a venue that is live, and its orders."""
    book = book or Book()
    own = {"patience", "may_withdraw", "random", "clock"}
    settings = {name: value for name, value in more.items() if name in own}
    rest = {name: value for name, value in more.items() if name not in own}
    session = session_of(PlainAdapter(venue.endpoints, **rest), book, **settings)
    try:
        if started:
            await session.start()
        yield session, book
    finally:
        await session.stop()
        await asyncio.sleep(0)


async def acked(session: AccountSession, book: Book, *names: str) -> None:
    session.send([book.new(each) for each in names])
    await until(lambda: all(book.state(each) == "ACKED" for each in names))
