"""The table of orders: either id finds the order, nothing is left behind, exposures add up."""

from __future__ import annotations

import random

import pytest

from alp._core.order_life import Contradiction, OrderState
from alp._core.order_life import OrderEvent as E
from alp._core.orders import (
    LARGEST,
    OUTCOME_NEWS,
    OUTCOME_NO_ROOM,
    OUTCOME_REPEATED,
    OUTCOME_STRANGER,
    OrderError,
    OrderTable,
)


def test_an_order_is_found_by_every_id_it_ever_had() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, 100, 5)
    table.apply("a", E.ACKED, venue_id="v1")
    table.apply("a", E.REPLACED, venue_id="v2", replaced="v1")
    assert (table.find("v1"), table.find("v2"), table.find("v3")) == ("a", "a", None)
    assert table.get("a").venue_id == "v2"


def test_more_ids_than_are_kept_forget_the_replaced_ones() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, 100, 5)
    for number in range(1, 40):
        table.apply("a", E.REPLACED, venue_id=f"v{number + 1}", replaced=f"v{number}")
        assert table.find(f"v{number + 1}") == "a"
        assert table.get("a").venue_id == f"v{number + 1}"
    assert table.find("v1") is None
    assert not table.get("a").contradictions


def test_an_id_of_another_order_is_a_contradiction() -> None:
    table = OrderTable([(0, 1)])
    for name in ("a", "b"):
        table.open(name, 0, 1, 100, 5)
        table.apply(name, E.ACKED, venue_id="v1")
    assert table.find("v1") == "a"
    assert table.get("b").contradictions == Contradiction.ID_TAKEN
    assert table.counts["contradictory"] == 1


def test_only_what_has_ended_can_be_forgotten_and_leaves_nothing_behind() -> None:
    table = OrderTable([(0, 1)], capacity=1, trades=2)
    for number in range(50):
        name = f"o{number}"
        table.open(name, 0, 1, 100, 5)
        with pytest.raises(OrderError, match="room"):
            table.open("other", 0, 1, 100, 5)
        table.apply(name, E.ACKED, venue_id=f"v{number}")
        table.apply(name, E.FILL, trade_id="same", quantity=2, price=100)
        with pytest.raises(OrderError, match="not ended"):
            table.release(name)
        table.apply(name, E.FILL, trade_id="more", quantity=3, price=100)
        table.release(name)
        assert name not in table
        assert table.find(f"v{number}") is None
        assert table.exposure(0)[1:] == (0, 0, 0, 0)
    assert table.exposure(0).position == 250
    assert table.counts["live"] == 0


def test_without_room_for_a_trade_the_order_keeps_counting_until_the_venue_says_the_total() -> None:
    table = OrderTable([(0, 1)], capacity=1, trades=1)
    table.open("a", 0, 1, 100, 5)
    table.apply("a", E.FILL, trade_id="1", quantity=2, price=100)
    assert table.apply("a", E.FILL, trade_id="2", quantity=3, price=100) == OUTCOME_NO_ROOM
    order = table.get("a")
    assert (order.filled, order.open_quantity, order.wants_query) == (2, 3, True)
    assert order.contradictions == Contradiction.MEMORY
    table.apply("a", E.FILLED, cumulative=5)
    assert table.get("a").state is OrderState.FILLED
    assert table.exposure(0) == (5, 0, 0, 0, 0)


def test_strangers_are_counted_and_change_nothing() -> None:
    table = OrderTable([(0, 1)])
    outcome = table.apply("nobody", E.FILL, trade_id="1", quantity=1, price=1)
    assert outcome == OUTCOME_STRANGER
    assert table.counts["strangers"] == 1
    assert table.exposure(0).position == 0


@pytest.mark.parametrize(
    ("instrument", "side", "price", "quantity"),
    [(1, 1, 1, 1), (-1, 1, 1, 1), (0, 0, 1, 1), (0, 1, 0, 1), (0, 1, 1, 0), (0, 1, LARGEST + 1, 1)],
)
def test_terms_that_cannot_be_open_nothing(
    instrument: int, side: int, price: int, quantity: int
) -> None:
    table = OrderTable([(0, 1)])
    with pytest.raises(OrderError, match="no order"):
        table.open("a", instrument, side, price, quantity)
    assert "a" not in table


def test_the_largest_terms_add_up_exactly() -> None:
    table = OrderTable([(0, LARGEST)], capacity=64)
    for number in range(64):
        table.open(f"o{number}", 0, -1, LARGEST, LARGEST)
    assert table.exposure(0).sell_notional == 64 * LARGEST**2
    assert table.combined(0).sell_quantity == 64 * LARGEST**2


def test_groups_add_positions_in_their_unit() -> None:
    table = OrderTable([(0, 10), (0, 1), (1, 1)])
    table.set_position(0, 3)
    table.set_position(1, -5)
    table.set_position(2, 99)
    table.set_external(0, -100)
    assert table.combined(0).net == 30 - 5 - 100
    table.open("a", 0, 1, 100, 4)
    table.apply("a", E.FILL, trade_id="1", quantity=1, price=100)
    assert table.combined(0) == (40 - 5 - 100, 30, 0)
    table.set_position(0, 0)
    assert table.combined(0).net == -5 - 100


def test_a_long_random_life_of_the_table_agrees_with_dictionaries() -> None:
    chance = random.Random(5)
    table = OrderTable([(0, 1), (0, 1)], capacity=40, trades=400)
    known: dict[str, str] = {}
    filled: dict[str, int] = {}
    terms: dict[str, tuple[int, int, int]] = {}
    position = [0, 0]
    for step in range(20_000):
        name = f"o{chance.randrange(200)}"
        if name not in known:
            assert name not in table
            if len(known) == 40:
                continue
            terms[name] = (chance.randrange(2), chance.choice([1, -1]), chance.randint(1, 50))
            instrument, side, price = terms[name]
            table.open(name, instrument, side, price, 10)
            table.apply(name, E.ACKED, venue_id=f"v{step}")
            known[name], filled[name] = f"v{step}", 0
        elif filled[name] < 10:
            more = min(chance.randint(1, 4), 10 - filled[name])
            given = {"trade_id": f"t{filled[name]}", "quantity": more, "price": 1}
            assert table.apply(name, E.FILL, **given) == OUTCOME_NEWS
            assert table.apply(name, E.FILL, **given) == OUTCOME_REPEATED
            filled[name] += more
            position[terms[name][0]] += more * terms[name][1]
        else:
            table.release(name)
            del known[name]
        for at in range(2):
            mine = [each for each in known if terms[each][0] == at and filled[each] < 10]
            left = {side: [each for each in mine if terms[each][1] == side] for side in (1, -1)}
            assert table.exposure(at) == (
                position[at],
                *(sum(10 - filled[each] for each in left[side]) for side in (1, -1)),
                *(
                    sum((10 - filled[each]) * terms[each][2] for each in left[side])
                    for side in (1, -1)
                ),
            )
            assert {each.client_id for each in table.open_orders(at)} == set(mine)
        if step % 50 == 0:
            assert all(table.find(venue_id) == each for each, venue_id in known.items())


def test_ended_orders_are_listed_until_they_are_released() -> None:
    table = OrderTable([(0, 1)], 4)
    for client_id in ("a", "b", "c"):
        table.open(client_id, 0, 1, 100, 5)
    assert table.ended() == []
    table.apply("a", E.REJECTED, reason=1)
    table.apply("c", E.CANCELED, cumulative=2)
    assert sorted(table.ended()) == ["a", "c"]
    table.release("a")
    assert table.ended() == ["c"]
