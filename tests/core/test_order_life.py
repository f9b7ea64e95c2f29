"""An order ends the same in whatever order its events arrive, and as the set of them defines."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_cases import CONTRADICTORY, LIVES, PRICE, QUANTITY, acked, fill
from plain_orders import End, Event, end_of

from alp._core.order_life import CONTRADICTIONS, Contradiction, OrderState
from alp._core.order_life import OrderEvent as E
from alp._core.orders import (
    OUTCOME_IMPOSSIBLE,
    OUTCOME_NEWS,
    OUTCOME_NO_ROOM,
    OUTCOME_REPEATED,
    OrderTable,
)

TERMINAL = {OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED}


def after(events: tuple[Event, ...], side: int = 1, table: OrderTable | None = None) -> End:
    """What the compiled table says after these events, in this order."""
    table = table or OrderTable([(0, 1)], capacity=1, trades=16)
    table.open("a", 0, side, PRICE, QUANTITY)
    for event in events:
        table.apply("a", event.kind, **event.given())
    order = table.get("a")
    exposure = table.exposure(0)
    assert exposure.position == side * order.filled
    assert exposure.buy_quantity + exposure.sell_quantity == order.open_quantity
    assert exposure.buy_notional + exposure.sell_notional == order.open_quantity * order.open_price
    assert len(table.open_orders(0)) == (order.state not in TERMINAL)
    return End(
        order.state,
        order.filled,
        order.open_quantity,
        order.open_price,
        order.price,
        order.quantity,
        order.reason,
        order.venue_id,
        order.contradictions,
    )


@pytest.mark.parametrize("name", LIVES)
def test_every_order_of_arrival_ends_alike(name: str) -> None:
    events, state, filled = LIVES[name]
    expected = end_of(1, PRICE, QUANTITY, events)
    assert (expected.state, expected.filled) == (state, filled)
    assert not expected.contradictions
    for arrival in itertools.permutations(events):
        assert after(arrival) == expected, arrival


@pytest.mark.parametrize("name", CONTRADICTORY)
def test_a_contradiction_shows_whichever_side_of_it_came_first(name: str) -> None:
    events = CONTRADICTORY[name]
    expected = end_of(1, PRICE, QUANTITY, events)
    assert expected.contradictions
    for arrival in itertools.permutations(events):
        assert after(arrival) == expected, arrival


def test_each_contradiction_that_events_can_make_is_among_the_cases() -> None:
    seen = Contradiction(0)
    for events in CONTRADICTORY.values():
        seen |= end_of(1, PRICE, QUANTITY, events).contradictions
    table = {Contradiction.ID_TAKEN, Contradiction.MEMORY, Contradiction.MALFORMED}
    assert {each for each in Contradiction if each in seen} == set(Contradiction) - table
    assert set(CONTRADICTIONS) == set(Contradiction)


commands = st.integers(1, 3)
quantities = st.integers(1, 14)
cumulatives = st.integers(-1, 12)
prices = st.integers(995, 1_005)
ids = st.sampled_from(["", "v1", "v2"])
any_event = st.one_of(
    st.builds(Event, st.sampled_from([E.SENT, E.NOT_SENT, E.UNKNOWN, E.NOT_FOUND])),
    st.builds(Event, st.just(E.ACKED), venue_id=ids, cumulative=cumulatives),
    st.builds(Event, st.just(E.REJECTED), reason=st.integers(0, 15)),
    st.builds(
        Event,
        st.just(E.FILL),
        quantity=st.integers(1, 5),
        price=prices,
        cumulative=cumulatives,
        trade_id=st.sampled_from(["t1", "t2", "t3", "t4"]),
    ),
    st.builds(Event, st.just(E.CUMULATIVE), cumulative=st.integers(0, 12)),
    st.builds(Event, st.sampled_from([E.FILLED, E.CANCELED, E.EXPIRED]), cumulative=cumulatives),
    st.builds(
        Event,
        st.sampled_from(
            [E.CANCEL_REQUESTED, E.CANCEL_ACCEPTED, E.CANCEL_REFUSED, E.CANCEL_UNKNOWN]
        ),
        command=commands,
    ),
    st.builds(
        Event,
        st.sampled_from([E.AMEND_REQUESTED, E.AMEND_ACKED]),
        command=commands,
        price=prices,
        quantity=quantities,
    ),
    st.builds(
        Event,
        st.sampled_from([E.AMEND_ACKED, E.AMEND_REFUSED, E.AMEND_UNKNOWN]),
        command=commands,
    ),
    st.builds(
        Event,
        st.just(E.FOUND),
        command=st.integers(0, 3),
        price=prices,
        quantity=quantities,
        cumulative=cumulatives,
    ),
    st.builds(Event, st.just(E.REPLACED), venue_id=st.just("v2"), replaced=st.just("v1")),
)


@settings(max_examples=1_500, deadline=None)
@given(st.data())
def test_any_events_in_any_order_and_number_end_as_their_set_defines(data: st.DataObject) -> None:
    events = data.draw(st.lists(any_event, max_size=14))
    arrival = data.draw(
        st.permutations(events + data.draw(st.lists(st.sampled_from(events))) if events else [])
    )
    side = data.draw(st.sampled_from([1, -1]))
    expected = end_of(side, PRICE, QUANTITY, events)
    assert after(tuple(arrival), side) == expected
    if expected.state in TERMINAL and expected.state is not OrderState.REJECTED:
        ends = {
            each.cumulative for each in events if each.kind in (E.FILLED, E.CANCELED, E.EXPIRED)
        }
        assert expected.filled in ends or expected.filled >= expected.quantity
    if expected.state not in TERMINAL:
        assert expected.open_quantity > 0


def test_exhaustive_means_seven_events() -> None:
    lengths = {len(events) for events, _, _ in LIVES.values()}
    assert max(lengths) == 7
    assert sum(math.factorial(len(events)) for events, _, _ in LIVES.values()) > 10_000


def test_unknown_counts_in_full_until_there_is_evidence() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, PRICE, QUANTITY)
    assert table.exposure(0).buy_quantity == QUANTITY
    for event in (E.SENT, E.UNKNOWN):
        table.apply("a", event)
    for _ in range(100):
        table.apply("a", E.CANCEL_REFUSED, command=1)
    assert table.get("a").state is OrderState.UNKNOWN
    assert table.get("a").wants_query
    assert table.exposure(0).buy_notional == PRICE * QUANTITY
    table.apply("a", E.NOT_FOUND)
    assert table.exposure(0).buy_quantity == 0


def test_both_prices_and_the_larger_quantity_count_while_an_amend_is_under_way() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, -1, PRICE, QUANTITY)
    table.apply("a", E.AMEND_REQUESTED, command=1, price=990, quantity=12)
    assert table.exposure(0)[2:] == (12, 0, 12 * PRICE)
    table.apply("a", E.AMEND_ACKED, command=1)
    assert table.exposure(0)[2:] == (12, 0, 12 * 990)
    table.apply("a", E.AMEND_REQUESTED, command=2, price=1_010, quantity=3)
    assert table.exposure(0)[2:] == (12, 0, 12 * 1_010)


def test_what_is_told_twice_is_no_news() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, PRICE, QUANTITY)
    for event in (acked, fill(1, 4), Event(E.CANCEL_REQUESTED, command=1)):
        assert table.apply("a", event.kind, **event.given()) == OUTCOME_NEWS
        assert table.apply("a", event.kind, **event.given()) == OUTCOME_REPEATED
    assert table.counts["repeated"] == 3


def test_only_so_many_amends_at_a_time_and_any_number_after_each_other() -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, PRICE, QUANTITY)
    for number in range(1, 5):
        assert table.may_amend("a")
        table.apply("a", E.AMEND_REQUESTED, command=number, price=PRICE, quantity=number)
    assert not table.may_amend("a")
    given = {"command": 5, "price": PRICE, "quantity": 50}
    assert table.apply("a", E.AMEND_REQUESTED, **given) == OUTCOME_NO_ROOM
    assert table.get("a").open_quantity == QUANTITY
    assert not table.get("a").contradictions
    for number in range(1, 5):
        table.apply("a", E.AMEND_ACKED, command=number)
    for number in range(5, 500):
        table.apply("a", E.AMEND_REQUESTED, command=number, price=PRICE, quantity=number)
        table.apply("a", E.AMEND_ACKED, command=number)
        assert table.get("a").quantity == number
    assert table.apply("a", E.AMEND_ACKED, command=1) == OUTCOME_REPEATED
    assert table.get("a").quantity == 499
    assert table.next_command("a") == 500


@pytest.mark.parametrize(
    "event",
    [
        Event(E.FILL, trade_id="t", quantity=0),
        Event(E.FILL, quantity=3),
        Event(E.FILL, trade_id="t", quantity=-3),
        Event(E.FILL, trade_id="t", quantity=1 << 49),
        Event(E.CUMULATIVE),
        Event(E.CANCELED, cumulative=-2),
        Event(E.AMEND_REQUESTED, price=1, quantity=1),
        Event(E.AMEND_REQUESTED, command=1, quantity=1),
        Event(E.FOUND, price=PRICE),
    ],
)
def test_an_event_that_cannot_be_is_flagged_and_changes_nothing_else(event: Event) -> None:
    table = OrderTable([(0, 1)])
    table.open("a", 0, 1, PRICE, QUANTITY)
    before = table.get("a")
    assert table.apply("a", event.kind, **event.given()) == OUTCOME_IMPOSSIBLE
    assert table.get("a") == before._replace(
        contradictions=Contradiction.MALFORMED, wants_query=True
    )
    assert table.counts["contradictory"] == 1
