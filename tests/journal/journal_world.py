"""An account whose every step is journalled, for tests: a gate, a table, facts in any order."""

from __future__ import annotations

import random
from pathlib import Path

from gate_world import EASY, NOW, WIDE

from alp._core.gate import NO_LIMIT, Gate, GateState, RiskApproved
from alp._core.journal import JournalMode
from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent as E
from alp._core.order_life import OrderState
from alp._core.orders import OrderTable
from alp._core.wire import HeaderFields, OrderCommandMessage, encode
from alp.journal.ids import ClientIds
from alp.journal.journal import Journal, JournalOptions
from alp.journal.read import JournalInstrument

ETH = JournalInstrument("kraken-spot", "ETH/USD", 0, 1, 2, 1, 8, 1)
PERP = JournalInstrument("binance-usdm", "ETHUSDC", 0, 10, 2, 1, 3, 1)
TERMINAL = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}
KINDS = [
    *(E.SENT, E.ACKED, E.FILL, E.FILL, E.CANCELED, E.REJECTED, E.CUMULATIVE, E.UNKNOWN, E.FOUND),
    *(E.NOT_FOUND, E.EXPIRED, E.CANCEL_REFUSED, E.AMEND_ACKED, E.AMEND_REFUSED),
]
PROCESS = JournalOptions(mode=JournalMode.PROCESS, orders=64, trades=512)
"""Fast, for tests that are not about syncing."""
SMALL = JournalOptions(mode=JournalMode.PROCESS, orders=64, trades=512, segment_bytes=1 << 14)


def clock() -> int:
    return NOW


def open_journal(
    path: Path,
    options: JournalOptions = PROCESS,
    instruments: tuple[JournalInstrument, ...] = (ETH, PERP),
    account: str = "test",
) -> Journal:
    return Journal(path, account, instruments, now_ns=clock, options=options)


def order(
    token: int, client_id: str, action: int, instrument: int, side: int, price: int, quantity: int
) -> bytes:
    header = HeaderFields(0, instrument, 0, 0, 0)
    return encode(
        OrderCommandMessage(header, client_id, token, price, quantity, 0, action, side, 1, 1)
    )


def open_gate(orders: OrderTable, token: int, instruments: int = 2) -> Gate:
    """A gate that lets through whatever has room."""
    gate = Gate(orders)
    gate.fence(token)
    gate.set_account(EASY._replace(clock_age_ns=NO_LIMIT))
    gate.set_venue(0, 0, 1, 0)
    gate.set_combined(0, NO_LIMIT)
    rules = WIDE._replace(
        position_max=NO_LIMIT, book_age_ns=NO_LIMIT, reference_age_ns=NO_LIMIT, fills_max=NO_LIMIT
    )
    gate.see_clock(0, NOW)
    for index in range(instruments):
        gate.set_instrument(index, rules)
        gate.see_book(index, True, NOW)
        gate.see_reference(index, 999, 1_001, NOW)
    gate.set_state(GateState.ACTIVE)
    return gate


class Account:
    """Does random things to the orders of an account, and journals each of them."""

    def __init__(self, journal: Journal, seed: int) -> None:
        self.journal = journal
        self.writer = journal.writer
        self.orders = journal.orders
        self.random = random.Random(seed)
        self.gate = open_gate(self.orders, journal.token)
        self.ids = ClientIds("t", journal.token)
        self.known: list[str] = [
            each.client_id for index in range(2) for each in self.orders.open_orders(index)
        ]
        self.trades = 0

    def approve(
        self, client_id: str, action: int, instrument: int, side: int, price: int, lots: int
    ) -> RiskApproved | None:
        data = order(self.journal.token, client_id, action, instrument, side, price, lots)
        answer = self.gate.approve(data, NOW)
        return answer if isinstance(answer, RiskApproved) else None

    def step(self) -> None:
        choice = self.random.random()
        if choice < 0.25 or not self.known:
            self.new()
        elif choice < 0.4:
            self.change()
        elif choice < 0.9:
            self.fact()
        elif choice < 0.93:
            lots = self.random.randint(-50, 50)
            index = self.random.randrange(2)
            self.orders.set_position(index, lots)
            self.writer.position(index, lots, NOW)
        elif choice < 0.95:
            units = self.random.randint(-50, 50)
            self.orders.set_external(0, units)
            self.writer.position(0, units, NOW, external=True)
        else:
            self.release()

    def new(self) -> int:
        side = self.random.choice((-1, 1))
        client_id = self.ids.next()
        price = 1_000 - side * self.random.randint(1, 9)
        approved = self.approve(
            client_id, 1, self.random.randrange(2), side, price, self.random.randint(1, 9)
        )
        if approved is None:
            self.release()
            return 0
        self.known.append(client_id)
        return self.writer.intent(approved, NOW)

    def change(self) -> None:
        one = self.orders.get(self.random.choice(self.known))
        action = self.random.choice((2, 3))
        lots = max(one.filled, 0) + self.random.randint(1, 5)
        approved = self.approve(one.client_id, action, one.instrument, one.side, one.price, lots)
        if approved is not None:
            self.writer.intent(approved, NOW)

    def fact(self) -> None:
        client_id = self.random.choice(self.known)
        one = self.orders.get(client_id)
        kind = self.random.choice(KINDS)
        self.trades += 1
        told = {
            "at_ns": NOW + self.trades,
            "command": max(self.orders.next_command(client_id) - 1, 0),
            "price": one.price if kind in (E.FILL, E.AMEND_ACKED) else 0,
            "quantity": self.random.randint(1, 4) if kind in (E.FILL, E.AMEND_ACKED) else 0,
            "cumulative": self.random.choice((-1, one.filled, one.filled + 1)),
            "trade_id": f"trade-{self.trades}" if kind == E.FILL else "",
            "venue_id": f"V-{client_id}" if self.random.random() < 0.5 else "",
        }
        self.orders.apply(client_id, kind, **told)
        self.writer.fact(
            client_id, kind, **told, source=FactSource.STREAM, fee=7, fee_asset="USDC", liquidity=1
        )

    def release(self) -> None:
        for client_id in list(self.known):
            if self.orders.get(client_id).state in TERMINAL:
                self.orders.release(client_id)
                self.writer.released(client_id, NOW)
                self.known.remove(client_id)
                return


def picture(orders: OrderTable, instruments: int = 2) -> object:
    """All that a table says of its orders and positions."""
    return (
        [sorted(orders.open_orders(index)) for index in range(instruments)],
        [orders.exposure(index) for index in range(instruments)],
        orders.combined(0),
        orders.counts["live"],
        orders.counts["contradictory"],
    )
