"""The largest prices and quantities: nothing wraps around, at the border and one beyond it."""

from __future__ import annotations

import pytest
from gate_world import NOW, WIDE, gate_of, refusal
from plain_gate import NEW, command

from alp._core.gate import NO_LIMIT, GateState, Refusal
from alp._core.order_life import Contradiction, OrderEvent
from alp._core.orders import LARGEST, OUTCOME_IMPOSSIBLE, OrderError, OrderTable

HUGE = WIDE._replace(size_max=NO_LIMIT, position_max=NO_LIMIT, collar_ticks=NO_LIMIT)


def fill(table: OrderTable, client_id: str, trade: str, quantity: int, price: int = 1_000) -> int:
    return table.apply(client_id, OrderEvent.FILL, trade_id=trade, quantity=quantity, price=price)


def test_a_position_of_a_million_units_in_the_smallest_lots_can_be_kept() -> None:
    assert LARGEST > 10**6 * 10**8
    table = OrderTable([(0, 10**4)])
    for lots in (10**14, -(10**14), LARGEST, -LARGEST, 0):
        table.set_position(0, lots)
        assert table.exposure(0).position == lots
        assert table.combined(0).net == lots * 10**4
    with pytest.raises(OrderError):
        table.set_position(0, LARGEST + 1)


@pytest.mark.parametrize("side", [1, -1])
def test_sums_beyond_63_bits_are_exact(side: int) -> None:
    many = 40_000  # of 2**48 lots each are more than 2**63
    table = OrderTable([(0, LARGEST)], capacity=many, trades=many)
    for number in range(many):
        table.open(f"o{number}", 0, side, LARGEST, LARGEST)
    held = table.exposure(0)
    assert (held.buy_quantity, held.sell_quantity)[side < 0] == many * LARGEST
    assert (held.buy_notional, held.sell_notional)[side < 0] == many * LARGEST**2
    for number in range(many):
        fill(table, f"o{number}", str(number), LARGEST)
    assert table.exposure(0).position == side * many * LARGEST
    assert table.combined(0).net == side * many * LARGEST**2


def test_one_order_that_is_filled_absurdly_often_does_not_wrap_around() -> None:
    times = 40_000
    table = OrderTable([(0, 1)], trades=times)
    table.open("a", 0, 1, 1_000, 5)
    for number in range(times):
        fill(table, "a", str(number), LARGEST)
    order = table.get("a")
    assert order.filled == 1 << 62
    assert Contradiction.OVERFILLED in order.contradictions
    assert table.exposure(0).position == 1 << 62


@pytest.mark.parametrize("terms", [{"price": LARGEST + 1}, {"quantity": LARGEST + 1}])
def test_what_is_beyond_the_largest_is_no_order_and_no_event(terms: dict[str, int]) -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, LARGEST, LARGEST)
    told = {"price": 5, "quantity": 5, **terms}
    assert fill(table, "a", "t", told["quantity"], told["price"]) == OUTCOME_IMPOSSIBLE
    assert table.exposure(0).position == 0
    assert refusal(gate_of(HUGE), command("b", NEW, **told)) is Refusal.INVALID


def test_the_gate_weighs_the_largest_order_exactly() -> None:
    gate = gate_of(HUGE._replace(notional_max=NO_LIMIT))
    gate.see_reference(0, LARGEST, LARGEST, NOW)
    most = NO_LIMIT // LARGEST
    assert refusal(gate, command("a", NEW, price=LARGEST, quantity=most + 1)) is (
        Refusal.NOTIONAL_MAX
    )
    assert refusal(gate, command("a", NEW, price=LARGEST, quantity=most)) is None


@pytest.mark.parametrize("held", [LARGEST, LARGEST - 1])
def test_a_position_limit_holds_at_the_border(held: int) -> None:
    gate = gate_of(HUGE._replace(position_max=LARGEST + 4))
    gate.orders.set_position(0, held)
    expected = None if held < LARGEST else Refusal.POSITION
    assert refusal(gate, command("a", NEW, quantity=5)) is expected
    assert refusal(gate, command("b", NEW, quantity=5, side=-1, price=1_001)) is None


def test_positions_whose_sum_is_beyond_63_bits_are_compared_with_their_limit() -> None:
    gate = gate_of(HUGE, instruments=((0, LARGEST), (0, LARGEST)))
    gate.orders.set_position(0, LARGEST)
    assert refusal(gate, command("a", NEW, quantity=1)) is Refusal.COMBINED_DELTA
    gate.orders.set_position(1, -LARGEST)
    assert refusal(gate, command("a", NEW, quantity=1)) is None
    gate.set_state(GateState.REDUCING)
    assert refusal(gate, command("b", NEW, quantity=1, price=999)) is Refusal.REDUCING
    gate.orders.set_position(1, 0)
    down = command("b", NEW, quantity=LARGEST, side=-1, price=1_001)
    assert refusal(gate, down) is None
    assert refusal(gate, command("c", NEW, quantity=1, side=-1, price=1_002)) is Refusal.REDUCING
