"""The gate: nothing passes that could break a limit, and only what passed can be handed on."""

from __future__ import annotations

import copy
import pickle
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_gate import AMEND, CANCEL, CANCEL_ALL, NEW, TOKEN, PlainGate, PlainOrder, command
from plain_orders import Event

from alp._core.gate import (
    NO_LIMIT,
    REFUSALS,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    Refusal,
    RiskApproved,
)
from alp._core.order_life import OrderEvent as E
from alp._core.order_life import OrderState
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


def test_a_gate_that_nobody_configured_is_closed() -> None:
    gate = Gate(OrderTable([(0, 1)]))
    assert refusal(gate, command("a", NEW)) is Refusal.FENCED
    gate.fence(TOKEN)
    assert refusal(gate, command("a", NEW)) is Refusal.HALTED
    gate.set_state(GateState.ACTIVE)
    assert refusal(gate, command("a", NEW)) is Refusal.NOT_ALLOWED


def test_what_passes_carries_its_bytes_and_counts_at_once() -> None:
    gate = gate_of()
    data = command("a", NEW, quantity=7)
    approved = gate.approve(data, NOW)
    assert isinstance(approved, RiskApproved)
    assert (approved.command, approved.sequence, approved.number) == (data, 1, 0)
    assert gate.orders.exposure(0).buy_quantity == 7
    assert gate.orders.get("a").state is OrderState.PENDING_NEW


def test_only_the_gate_makes_an_approval() -> None:
    approved = gate_of().approve(command("a", NEW), NOW)
    for attempt in (
        RiskApproved,
        lambda: RiskApproved.__new__(RiskApproved),
        lambda: object.__new__(RiskApproved),
        lambda: copy.copy(approved),
        lambda: copy.deepcopy(approved),
        lambda: pickle.dumps(approved),
        lambda: type("Mine", (RiskApproved,), {}),
    ):
        with pytest.raises(TypeError):
            attempt()
    with pytest.raises(AttributeError):
        approved.command = b""  # type: ignore[misc,union-attr]


def _passed_before(gate: Gate) -> None:
    assert refusal(gate, command("before", NEW)) is None


CASES: dict[Refusal, tuple[dict[str, Any], dict[str, Any], Any]] = {
    Refusal.SIZE_MAX: ({"rules": WIDE._replace(size_max=4)}, {}, None),
    Refusal.NOTIONAL_MAX: ({"rules": WIDE._replace(notional_max=4_999)}, {}, None),
    Refusal.COLLAR: ({}, {"price": 1_051}, None),
    Refusal.DUPLICATE: ({}, {}, _passed_before),
    Refusal.RATE_STRATEGY: (
        {"account": EASY._replace(strategy_interval_ns=SECOND)},
        {"price": 999},
        _passed_before,
    ),
    Refusal.RATE_VENUE: ({}, {}, lambda gate: gate.set_venue(0, SECOND, 2, 2)),
    Refusal.FILL_BURST: ({"rules": WIDE._replace(fills_max=0)}, {}, None),
    Refusal.POSITION: ({"rules": WIDE._replace(position_max=4)}, {}, None),
    Refusal.COMBINED_DELTA: ({"combined": 4}, {}, None),
    Refusal.DRAWDOWN: ({}, {}, lambda gate: gate.see_drawdown(2)),
    Refusal.STALE_BOOK: ({}, {}, lambda gate: gate.see_book(0, False, NOW)),
    Refusal.CLOCK: ({}, {}, lambda gate: gate.see_clock(-SECOND, NOW)),
    Refusal.SELF_MATCH: ({}, {"side": -1}, _passed_before),
    Refusal.NOT_ALLOWED: ({"rules": WIDE._replace(allowed=False)}, {}, None),
    Refusal.REDUCING: ({}, {}, lambda gate: gate.set_state(GateState.REDUCING)),
    Refusal.HALTED: ({}, {}, lambda gate: gate.set_state(GateState.HALTED)),
    Refusal.KILLED: ({}, {}, lambda gate: gate.kill()),
    Refusal.FENCED: ({}, {}, lambda gate: gate.fence(TOKEN + 1)),
    Refusal.INVALID: ({}, {"deadline_ns": NOW - 1}, None),
    Refusal.FULL: ({"capacity": 1}, {"price": 999}, _passed_before),
}


@pytest.mark.parametrize("code", list(Refusal), ids=lambda code: code.name)
def test_each_refusal_has_its_cause(code: Refusal) -> None:
    built, given_, prepare = CASES[code]
    gate = gate_of(**built)
    if prepare:
        prepare(gate)
    assert refusal(gate, command("a", NEW, **given_)) is code
    assert gate.counts[code.name] == 1
    assert "a" not in gate.orders
    if code is not Refusal.FENCED:
        assert refusal(gate, command("before", CANCEL)) is None
        assert refusal(gate, command("", CANCEL_ALL)) is None


def test_the_table_of_refusals_is_whole() -> None:
    assert set(REFUSALS) == set(Refusal) == set(CASES)


@pytest.mark.parametrize(
    ("age", "code"),
    [(SECOND, None), (SECOND + 1, Refusal.STALE_BOOK)],
)
def test_a_book_is_good_to_the_last_nanosecond_of_its_age(age: int, code: Refusal | None) -> None:
    gate = gate_of()
    gate.see_reference(0, 999, 1_001, NOW + age)
    assert refusal(gate, command("a", NEW), NOW + age) is code


def test_without_a_fresh_second_source_nothing_passes() -> None:
    gate = gate_of()
    gate.see_reference(0, 0, 1_001, NOW)
    assert refusal(gate, command("a", NEW)) is Refusal.COLLAR
    gate.see_reference(0, 999, 1_001, NOW - SECOND - 1)
    assert refusal(gate, command("a", NEW)) is Refusal.COLLAR


def test_a_kill_lasts_until_it_is_released_and_then_the_gate_is_halted() -> None:
    gate = gate_of()
    gate.kill()
    gate.set_state(GateState.ACTIVE)
    assert refusal(gate, command("a", NEW)) is Refusal.KILLED
    gate.release()
    assert refusal(gate, command("a", NEW)) is Refusal.HALTED
    gate.set_state(GateState.ACTIVE)
    assert refusal(gate, command("a", NEW)) is None


def test_a_token_only_grows() -> None:
    gate = gate_of()
    with pytest.raises(ValueError, match="not newer"):
        gate.fence(TOKEN)
    assert refusal(gate, command("a", CANCEL, token=TOKEN + 1)) is Refusal.FENCED
    assert refusal(gate, command("a", CANCEL, token=TOKEN - 1)) is Refusal.FENCED


def test_cancels_leave_on_credit_and_what_follows_waits() -> None:
    gate = gate_of()
    gate.set_venue(0, SECOND, 4, 2)
    for number in range(2):
        assert refusal(gate, command(f"n{number}", NEW, price=999 - number)) is None
    assert refusal(gate, command("n2", NEW, price=990)) is Refusal.RATE_VENUE
    for _ in range(10):
        assert refusal(gate, command("n0", CANCEL)) is None
    later = NOW + 6 * SECOND
    gate.see_book(0, True, later)
    gate.see_reference(0, 999, 1_001, later)
    assert refusal(gate, command("n2", NEW, price=990), later) is Refusal.RATE_VENUE
    assert gate.orders.get("n0").state is OrderState.PENDING_CANCEL


def test_a_side_that_is_filled_too_often_is_off_until_the_window_is_over() -> None:
    gate = gate_of(WIDE._replace(fills_max=2, fill_window_ns=SECOND // 2))
    assert refusal(gate, command("a", NEW)) is None
    for number in range(2):
        gate.orders.apply("a", E.FILL, trade_id=str(number), quantity=1, price=1_000, at_ns=NOW)
    assert refusal(gate, command("b", NEW, price=998)) is Refusal.FILL_BURST
    assert refusal(gate, command("c", NEW, price=1_002, side=-1)) is None
    assert refusal(gate, command("b", NEW, price=998), NOW + SECOND // 2 + 1) is None


def test_an_amend_counts_both_prices_and_only_what_it_adds() -> None:
    gate = gate_of(WIDE._replace(position_max=10))
    assert refusal(gate, command("a", NEW, quantity=8, price=990)) is None
    assert refusal(gate, command("a", AMEND, quantity=11, price=990)) is Refusal.POSITION
    assert refusal(gate, command("a", AMEND, quantity=10, price=995)) is None
    assert refusal(gate, command("s", NEW, side=-1, price=995)) is Refusal.SELF_MATCH
    gate.orders.apply("a", E.AMEND_REFUSED, command=1)
    assert refusal(gate, command("s", NEW, side=-1, price=995)) is None
    assert refusal(gate, command("a", AMEND, quantity=2, price=990)) is None
    assert refusal(gate, command("nobody", AMEND)) is Refusal.INVALID


def test_reducing_lets_only_the_other_side_through_and_not_over_zero() -> None:
    gate = gate_of()
    gate.orders.set_position(0, 10)
    gate.set_state(GateState.REDUCING)
    assert refusal(gate, command("b", NEW, price=990)) is Refusal.REDUCING
    assert refusal(gate, command("s1", NEW, side=-1, quantity=6)) is None
    assert refusal(gate, command("s2", NEW, side=-1, quantity=5)) is Refusal.REDUCING
    assert refusal(gate, command("s3", NEW, side=-1, quantity=4)) is None


def test_what_liquidity_holds_counts_in_the_combined_position() -> None:
    gate = gate_of(combined=100, instruments=((0, 10), (0, 1)))
    gate.orders.set_external(0, 80)
    assert refusal(gate, command("a", NEW, quantity=3)) is Refusal.COMBINED_DELTA
    assert refusal(gate, command("a", NEW, quantity=2)) is None
    assert refusal(gate, command("b", NEW, quantity=1, instrument=1)) is Refusal.COMBINED_DELTA
    assert refusal(gate, command("c", NEW, quantity=18, side=-1, price=1_001)) is None
    assert refusal(gate, command("d", NEW, quantity=1, side=-1, price=1_002)) is (
        Refusal.COMBINED_DELTA
    )


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


def _within(world: World) -> None:
    for at, rules in enumerate(world.plain.rules):
        held = world.gate.orders.exposure(at)
        assert held.position + held.buy_quantity <= rules.position_max
        assert held.sell_quantity - held.position <= rules.position_max
        assert max(held.buy_notional, held.sell_notional) <= rules.open_notional_max
        assert held.position + held.buy_quantity == world.plain.worst(at, 1)
        assert held.sell_quantity - held.position == world.plain.worst(at, -1)
    for group, most in enumerate(world.plain.combined_max):
        held_all = world.gate.orders.combined(group)
        assert held_all.net + held_all.buy_quantity <= most
        assert held_all.sell_quantity - held_all.net <= most


def test_random_lives_never_exceed_a_limit_and_the_twin_agrees_on_every_answer() -> None:
    seen: set[Refusal | None] = set()
    for seed in range(25):
        world = World(seed)
        for _ in range(60):
            seen.add(world.step())
            _within(world)
    assert seen >= {
        None,
        Refusal.SIZE_MAX,
        Refusal.NOTIONAL_MAX,
        Refusal.COLLAR,
        Refusal.DUPLICATE,
        Refusal.SELF_MATCH,
        Refusal.POSITION,
        Refusal.COMBINED_DELTA,
        Refusal.RATE_STRATEGY,
        Refusal.RATE_VENUE,
        Refusal.INVALID,
    }


def test_reducing_never_raises_what_may_be_held_at_worst() -> None:
    passed = 0
    for seed in range(25):
        world = World(seed, GateState.REDUCING)
        for _ in range(40):
            before = [
                max(world.plain.worst_combined(g, 1), world.plain.worst_combined(g, -1))
                for g in range(2)
            ]
            world.now += 3
            if world.command() is None:
                passed += 1
            for group, most in enumerate(before):
                assert world.plain.worst_combined(group, 1) <= most
                assert world.plain.worst_combined(group, -1) <= most
            if world.random.random() < 0.5:
                world.venue()
    assert passed > 20


TIGHTER: dict[str, Any] = {
    "allowed": lambda value: False,
    "size_max": lambda value: value // 2,
    "notional_max": lambda value: value // 2,
    "open_notional_max": lambda value: value // 2,
    "position_max": lambda value: value // 2,
    "collar_bps": lambda value: value // 2,
    "collar_ticks": lambda value: value // 2,
    "reference_age_ns": lambda value: 0,
    "book_age_ns": lambda value: 0,
    "fills_max": lambda value: value // 2,
    "fill_window_ns": lambda value: value * 3,
}


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    steps=st.integers(1, 40),
    names=st.sets(st.sampled_from(sorted(TIGHTER)), min_size=1),
    account=st.booleans(),
)
def test_a_tighter_limit_never_lets_more_through(
    seed: int, steps: int, names: set[str], account: bool
) -> None:
    world = World(seed)
    for _ in range(steps):
        world.step()
    tries = [
        command(f"try{side}{price}", NEW, side, price, quantity, instrument)
        for instrument in range(3)
        for side in (1, -1)
        for price in (992, 1_001, 1_008)
        for quantity in (1, 6, 12)
    ]
    tries += [
        command(name, AMEND, order.side, order.price, quantity, order.instrument)
        for name, order in world.plain.orders.items()
        for quantity in (1, 6, 12)
    ]
    refused = [data for data in tries if world.gate.check(data, world.now) is not None]
    rules = world.plain.rules[0]
    rules = rules._replace(**{name: TIGHTER[name](getattr(rules, name)) for name in names})
    for at in range(3):
        world.gate.set_instrument(at, rules)
    if account:
        world.gate.set_account(AccountRules(9, 2, 10, 0, NO_LIMIT))
        world.gate.set_venue(0, 9, 5, 3)
        world.gate.set_combined(0, 30)
        world.gate.set_state(world.random.choice([GateState.REDUCING, GateState.HALTED]))
    for data in refused:
        assert world.gate.check(data, world.now) is not None


@pytest.mark.parametrize("data", [b"", b"x" * 96, command("a", NEW)[:-1]])
def test_bytes_that_are_no_command_are_an_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="no OrderCommand"):
        gate_of().check(data, NOW)


@pytest.mark.parametrize(
    "given_",
    [{"side": 0}, {"price": 0}, {"quantity": -1}, {"instrument": 3}, {"quantity": 1 << 50}],
)
def test_a_command_that_cannot_be_is_invalid(given_: dict[str, int]) -> None:
    assert refusal(gate_of(), command("a", NEW, **given_)) is Refusal.INVALID
