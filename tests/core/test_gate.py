"""The gate: nothing passes that could break a limit, and only what passed can be handed on."""

from __future__ import annotations

import copy
import pickle
from typing import Any

import pytest
from gate_world import EASY, NOW, SECOND, WIDE, gate_of, refusal
from plain_gate import AMEND, CANCEL, CANCEL_ALL, NEW, TOKEN, command

from alp._core.gate import (
    REFUSALS,
    Gate,
    GateState,
    Refusal,
    RiskApproved,
)
from alp._core.order_life import OrderEvent as E
from alp._core.order_life import OrderState
from alp._core.orders import OrderTable


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
    Refusal.FOREIGN_ID: ({}, {}, lambda gate: gate.own("ours-00000a", 6)),
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


@pytest.mark.parametrize(
    "wrong",
    [
        "other-00000a000001",
        "ours-00000b000001",
        "ours-00000a00001",
        "ours-00000a0000001",
        "ours-00000a00000A",
        "ours-00000a",
        "a",
    ],
)
def test_a_new_order_has_an_id_that_is_known_as_ours_later(wrong: str) -> None:
    gate = gate_of()
    gate.own("ours-00000a", 6)
    assert refusal(gate, command(wrong, NEW)) is Refusal.FOREIGN_ID
    assert refusal(gate, command("ours-00000a0000", NEW)) is Refusal.FOREIGN_ID
    assert refusal(gate, command("ours-00000a0000z1", NEW)) is None
    assert refusal(gate, command("ours-00000a0000z1", AMEND, price=999)) is None
    assert refusal(gate, command(wrong, CANCEL)) is None


def test_an_id_that_would_not_fit_is_nobodys() -> None:
    for prefix, digits in (("", 6), ("x" * 20, 6), ("x", -1)):
        with pytest.raises(ValueError, match="no ids"):
            gate_of().own(prefix, digits)


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


def test_a_rate_of_nothing_at_once_lets_nothing_through_however_short_its_interval() -> None:
    gate = gate_of()
    gate.set_venue(0, 0, 0, 0)
    assert refusal(gate, command("a", NEW)) is Refusal.RATE_VENUE
    gate.set_venue(0, 0, 3, 3)
    assert refusal(gate, command("a", NEW)) is Refusal.RATE_VENUE
