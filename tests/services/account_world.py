"""An account with a gate that is open, a session that only notes, and a journal in memory.

The session is a double because these tests are about what the account does between its parts, in
every order of events; the real sessions, journal and exchanges are in test_exec_handler.py.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from manifests import small

from alp._core.gate import RiskApproved
from alp._core.order_life import OrderEvent
from alp._core.orders import OrderTable
from alp._core.wire import ExecutionReportMessage, HeaderFields, QuotesMessage
from alp.services.execution.account import Account, Hands
from alp.services.execution.limits import (
    AccountVenue,
    account_venues,
    journal_instruments,
    make_gate,
)
from alp.strategy.loading import load_manifest
from alp.strategy.manifest import Strategy
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Command, Fact

SECOND = 10**9
NOW = 1_790_000_000 * SECOND
TOKEN = 7
PERP = Instrument(
    "binance-usdm",
    "ETHUSDC",
    "ETHUSDC",
    "ETH",
    "USDC",
    price=Grid(2, 1),
    quantity=Grid(3, 1),
    order_quantity=Grid(3, 1),
    min_quantity=Decimal("0.001"),
)
LIMITS = {"maxNetBase": "10", "maxVenueBase": "6", "maxOrderNotional": "20000"}


@dataclass
class Noted:
    """What was sent."""

    commands: list[Command] = field(default_factory=list)

    def send(self, commands: Sequence[Command]) -> None:
        self.commands += commands

    def take(self) -> list[Command]:
        taken, self.commands = self.commands, []
        return taken


@dataclass
class Pages:
    """A journal; ``broken`` lets every append fail, ``torn`` only the barrier."""

    rows: list[tuple[object, ...]] = field(default_factory=list)
    facts: list[dict[str, object]] = field(default_factory=list)
    durable_to: int = 0
    broken: bool = False
    torn: bool = False

    def _add(self, *row: object) -> int:
        if self.broken:
            raise OSError(28, "No space left on device")
        self.rows.append(row)
        return len(self.rows)

    def intent(self, approved: RiskApproved, at_ns: int) -> int:
        return self._add("intent", approved.sequence)

    def fact(self, client_id: str, kind: int, **terms: int | str) -> int:
        self.facts.append({"client_id": client_id, **terms})
        return self._add("fact", client_id, OrderEvent(kind))

    def adopted(
        self, client_id: str, instrument: int, side: int, price: int, quantity: int, at_ns: int
    ) -> int:
        return self._add("adopted", client_id, side, price, quantity)

    def released(self, client_id: str, at_ns: int) -> int:
        return self._add("released", client_id)

    def position(self, instrument: int, quantity: int, at_ns: int) -> int:
        return self._add("position", instrument, quantity)

    def gate(self, state: int, killed: bool, text: str, at_ns: int) -> int:
        return self._add("gate", state, killed, text)

    async def durable(self, number: int) -> None:
        if self.broken or self.torn:
            raise OSError(5, "Input/output error")
        self.durable_to = max(self.durable_to, number)


@dataclass
class Clock:
    now_ns: int = NOW

    def __call__(self) -> int:
        return self.now_ns


def manifest(**spec: object) -> Strategy:
    venue = {"name": "perp", "exchange": "binance-usdm", "symbol": "ETHUSDC"}
    given = {"venues": [venue], "limits": LIMITS, **spec}
    return load_manifest(small(**given))


class World:
    """An account of one product, live and with a fresh book at 2680.00 to 2680.10."""

    def __init__(self, strategy: Strategy | None = None) -> None:
        self.strategy = strategy or manifest()
        self.clock = Clock()
        self.session = Noted()
        self.journal = Pages()
        self.reports: list[ExecutionReportMessage] = []
        ((index, venue),) = account_venues(self.strategy, "perp")
        self.venue = AccountVenue(index, venue, PERP)
        (row,) = journal_instruments(self.strategy, [self.venue])
        self.table = OrderTable([(row.group, row.unit)])
        self.gate = make_gate(self.strategy, [self.venue], self.table)
        self.gate.fence(TOKEN)
        numbers = itertools.count(1)
        self.hands = Hands(
            self.journal,
            TOKEN,
            lambda: f"ours-{next(numbers)}",
            lambda client_id: client_id.startswith("ours-"),
            self.reports.append,
            self.clock,
        )
        self.account = Account([self.venue], self.table, self.gate, self.hands)
        self.account.use(self.session)
        self.account.resume("start")
        self.see()

    def see(self, bid: int = 268_000, ask: int = 268_010) -> None:
        self.gate.see_book(0, True, self.clock.now_ns)
        self.gate.see_reference(0, bid, ask, self.clock.now_ns)
        self.gate.see_clock(0, self.clock.now_ns)

    def hear(self, kind: OrderEvent, client_id: str, **more: object) -> None:
        self.account.heard(Fact(kind, client_id, **more))  # type: ignore[arg-type]

    def ack(self, *commands: Command) -> None:
        for each in commands:
            self.hear(OrderEvent.ACKED, each.client_id, venue_id=f"v-{each.client_id}")


def quotes(
    bids: Sequence[tuple[int, int]] = (),
    asks: Sequence[tuple[int, int]] = (),
    *,
    until_ns: int = NOW + 5 * SECOND,
    token: int = TOKEN,
    instrument: int = 0,
) -> QuotesMessage:
    header = HeaderFields(2, instrument, 1, 0, NOW)
    return QuotesMessage(header, token, until_ns, tuple(bids), tuple(asks), 1)
