"""An open gate for tests, and a world that drives it and its twin alike."""

from __future__ import annotations

import random

from plain_gate import AMEND, CANCEL, NEW, TOKEN, PlainGate, PlainOrder, command
from plain_orders import Event

from alp._core.gate import (
    NO_LIMIT,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    Refusal,
)
from alp._core.order_life import OrderEvent as E
from alp._core.orders import OrderTable

SECOND = 10**9
NOW = 1_700_000_000 * SECOND
WIDE = InstrumentRules(
    allowed=True,
    size_max=100,
    notional_max=NO_LIMIT,
    open_notional_max=NO_LIMIT,
    position_max=1_000,
    collar_bps=500,
    collar_ticks=1_000,
    reference_age_ns=SECOND,
    book_age_ns=SECOND,
    fills_max=64,
    fill_window_ns=0,
)
EASY = AccountRules(
    strategy_interval_ns=0,
    strategy_burst=1,
    duplicate_window_ns=0,
    clock_offset_ns=SECOND // 10,
    clock_age_ns=60 * SECOND,
)


def gate_of(
    rules: InstrumentRules = WIDE,
    account: AccountRules = EASY,
    combined: int = NO_LIMIT,
    instruments: tuple[tuple[int, int], ...] = ((0, 1),),
    capacity: int = 64,
) -> Gate:
    """An open gate with a fresh market at 1000."""
    gate = Gate(OrderTable(instruments, capacity=capacity))
    gate.fence(TOKEN)
    gate.set_account(account)
    gate.set_venue(0, 0, 1, 0)
    gate.see_clock(0, NOW)
    for group in {group for group, _ in instruments}:
        gate.set_combined(group, combined)
    for at in range(len(instruments)):
        gate.set_instrument(at, rules)
        gate.see_book(at, True, NOW)
        gate.see_reference(at, 999, 1_001, NOW)
    gate.set_state(GateState.ACTIVE)
    return gate


def refusal(gate: Gate, data: bytes, now_ns: int = NOW) -> Refusal | None:
    """The answer of ``check``, which ``approve`` must give too."""
    code = gate.check(data, now_ns)
    answer = gate.approve(data, now_ns)
    assert (answer if isinstance(answer, Refusal) else None) is code
    return code


class World:
    """The compiled gate and its twin, driven by one seed."""

    def __init__(self, seed: int, state: GateState = GateState.ACTIVE) -> None:
        self.random = random.Random(seed)
        self.now = NOW
        instruments = [(0, 3), (0, 2), (1, 1)]
        rules = InstrumentRules(
            allowed=True,
            size_max=12,
            notional_max=11_500,
            open_notional_max=30_000,
            position_max=25,
            collar_bps=100,
            collar_ticks=9,
            reference_age_ns=NO_LIMIT,
            book_age_ns=NO_LIMIT,
            fills_max=6,
            fill_window_ns=40,
        )
        account = AccountRules(7, 3, 4, 0, NO_LIMIT)
        self.plain = PlainGate(instruments, [rules] * 3, account, [60, 20], 2_001, state)
        self.gate = gate_of(rules, account, instruments=tuple(instruments), capacity=512)
        for group, most in enumerate(self.plain.combined_max):
            self.gate.set_combined(group, most)
        for at in range(3):
            self.gate.see_reference(at, 1_000, 1_001, NOW)
        self.gate.set_venue(0, 5, 6, 2)
        self.gate.set_state(state)
        for tokens, (interval, burst, reserve) in (
            (self.plain.tokens, (7, 3, 0)),
            (self.plain.venue, (5, 6, 2)),
        ):
            tokens.interval_ns, tokens.burst, tokens.reserve = interval, burst, reserve
        self.plain.external = self.random.choice([-30, 0, 30])
        self.gate.orders.set_external(0, self.plain.external)
        if self.plain.external and state is GateState.ACTIVE:
            self.plain.external = 0
            self.gate.orders.set_external(0, 0)

    def event(self, client_id: str, event: Event) -> None:
        order = self.plain.orders[client_id]
        before = order.end().filled
        order.events.append(event)
        self.gate.orders.apply(client_id, event.kind, at_ns=self.now, **event.given())
        if order.end().filled > before:
            self.plain.fills.setdefault((order.instrument, order.side), []).append(self.now)

    def command(self) -> Refusal | None:
        choose = self.random
        known = list(self.plain.orders)
        action = choose.choice([NEW, NEW, NEW, AMEND, CANCEL])
        client_id = f"o{len(known)}"
        instrument, side = choose.randrange(3), choose.choice([1, -1])
        if known and (action != NEW or choose.random() < 0.05):
            client_id = choose.choice(known[-6:])
            if choose.random() < 0.9:
                order = self.plain.orders[client_id]
                instrument, side = order.instrument, order.side
        price = 1_000 - side * choose.randint(-1, 8) + choose.choice([0, 0, 0, 20])
        quantity = choose.randint(1, 13)
        expected = self.plain.check(client_id, action, side, price, quantity, instrument, self.now)
        data = command(client_id, action, side, price, quantity, instrument)
        assert refusal(self.gate, data, self.now) is expected
        if expected is None:
            self._note(client_id, action, (instrument, side, price, quantity))
        return expected

    def _note(self, client_id: str, action: int, terms: tuple[int, int, int, int]) -> None:
        instrument, side, price, quantity = terms
        self.plain.venue.take(self.now)
        if action == NEW:
            self.plain.orders[client_id] = PlainOrder(instrument, side, price, quantity)
            self.plain.recent.append((self.now, terms))
        if action != CANCEL:
            self.plain.tokens.take(self.now)
        order = self.plain.orders.get(client_id)
        if order is None or action == NEW:
            return
        number = 1 + max((each.command for each in order.events), default=0)
        kind = E.AMEND_REQUESTED if action == AMEND else E.CANCEL_REQUESTED
        given = {"price": price, "quantity": quantity} if action == AMEND else {}
        order.events.append(Event(kind, command=number, **given))

    def venue(self) -> None:
        """Something a venue may say about one of the orders."""
        if not self.plain.orders:
            return
        choose = self.random
        client_id = choose.choice(list(self.plain.orders)[-8:])
        order = self.plain.orders[client_id]
        end = order.end()
        answered = {
            each.command for each in order.events if each.kind in (E.AMEND_ACKED, E.AMEND_REFUSED)
        }
        waiting = [
            each
            for each in order.events
            if each.kind is E.AMEND_REQUESTED and each.command not in answered
        ]
        said = choose.choice(["ack", "fill", "fill", "end", "amend", "unknown", "reject", "cancel"])
        if said == "ack":
            self.event(client_id, Event(E.ACKED))
        elif said == "fill" and end.open_quantity:
            quantity = choose.randint(1, min(4, end.open_quantity))
            trade = f"{client_id}.{len(order.events)}"
            self.event(client_id, Event(E.FILL, trade_id=trade, quantity=quantity, price=1_000))
        elif said == "end":
            kind = choose.choice([E.CANCELED, E.EXPIRED])
            self.event(client_id, Event(kind, cumulative=choose.choice([-1, end.filled])))
        elif said == "amend" and waiting:
            kind = choose.choice([E.AMEND_ACKED, E.AMEND_REFUSED, E.AMEND_UNKNOWN])
            self.event(client_id, Event(kind, command=choose.choice(waiting).command))
        elif said == "unknown":
            self.event(client_id, Event(E.UNKNOWN))
        elif said == "reject" and not end.filled:
            self.event(client_id, Event(E.REJECTED))
        elif said == "cancel":
            self.event(client_id, Event(E.CANCEL_REFUSED, command=1))

    def step(self) -> Refusal | None:
        self.now += self.random.randint(0, 4)
        if self.random.random() < 0.5:
            self.venue()
        return self.command()
