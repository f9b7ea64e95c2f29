"""Desks on books of a few events, with what has to happen worked out by hand."""

from __future__ import annotations

import pytest
from desk_cases import ASK, BID, Script, clear, level, product, rows, trade

from alp._core.tick_replay import AmendRule
from alp.backtest.desk_world import DeskFill, DeskProduct, DeskWorld
from alp.errors import DeskError
from alp.models.desk import (
    BookState,
    Filled,
    Gated,
    GateState,
    Held,
    PoolPrice,
    Tick,
    Top,
    Traded,
    Wish,
)

BOOK = (level(0, BID, 99, 10), level(0, ASK, 101, 10))


def played(
    desk: Script, *products: DeskProduct, until: int = 1_000, start: int | None = None
) -> tuple[DeskWorld, list[DeskFill]]:
    fills: list[DeskFill] = []
    world = DeskWorld(desk, products, start, lambda _, fill: fills.append(fill))
    world.run_to(until)
    return world, fills


def test_an_order_waits_its_turn_and_each_fill_is_heard_after_the_answer() -> None:
    # The order leaves at 0, is there at 5 behind 10 lots. 8 are sold at 20: 2 are before it; 5 at
    # 30: it gets 3 of its 4. That is heard at 37, and the wish of 4 amends it; as larger it goes to
    # the end of its queue at 42, where nobody is, and at 50 all 4 are filled.
    tape = rows(
        *BOOK,
        level(0, BID, 98, 50),
        trade(20, False, 99, 8),
        level(20, BID, 99, 2),
        trade(30, False, 99, 5),
        level(30, BID, 99, 0),
        trade(50, False, 99, 9),
        level(900, BID, 98, 1),
    )
    desk = Script((0, 0, ((99, 4),), ()))
    _, fills = played(desk, product(tape, entry_ns=5, answer_ns=7))
    assert [(each.at_ns, each.venue_ns, each.price, each.lots) for each in fills[:2]] == [
        (37, 30, 99, 3),
        (57, 50, 99, 4),
    ]
    assert desk.of(Filled)[:2] == [Filled(0, 37, 1, 99, 3, True), Filled(0, 57, 1, 99, 4, True)]
    assert desk.of(Held)[:3] == [Held(0, 0, 0), Held(0, 37, 3), Held(0, 57, 7)]


def test_what_is_received_later_is_heard_later_in_the_order_of_receipt() -> None:
    tape = rows(
        level(0, BID, 99, 10, 4),
        level(0, ASK, 101, 10, 4),
        trade(10, True, 101, 2, 15),
        level(10, ASK, 101, 8, 15),
    )
    desk = Script()
    played(desk, product(tape), until=15)
    heard = [event for event in desk.heard if isinstance(event, (Top, Traded, BookState))]
    assert heard == [
        BookState(0, 4, True),
        Top(0, 4, 99, 10, 101, 10, 0),
        Traded(0, 15, 101, 2, 1, 10),
        Top(0, 15, 99, 10, 101, 8, 10),
        BookState(0, 15, False),
    ]


def test_a_filled_level_is_filled_up_again_while_the_wish_stands() -> None:
    # Sellers come down to 99 and stay: the order there is filled as a whole, and the next one would
    # take, so that it is put behind the touch.
    tape = rows(
        *BOOK,
        level(0, BID, 97, 9),
        level(10, BID, 99, 0),
        level(10, ASK, 99, 5),
        level(500, BID, 97, 8),
    )
    one = product(tape, entry_ns=1, answer_ns=1)
    _, fills = played(Script((0, 0, ((99, 4),), ())), one, until=400)
    assert [(each.venue_ns, each.price, each.lots) for each in fills] == [(10, 99, 4)]
    assert one.orders.counts.new == 2
    assert [(each.price, each.left) for each in one.replay.orders()] == [(98, 4)]


def test_a_wish_that_is_not_renewed_ends() -> None:
    one = product(rows(*BOOK, level(500, BID, 99, 9)), entry_ns=1, answer_ns=1)
    desk = Script((0, 0, ((99, 4),), ((101, 4),)), until_ns=100)
    world, _ = played(desk, one, until=99)
    assert len(one.replay.orders()) == 2
    world.run_to(102)
    assert one.replay.orders() == []
    assert one.orders.counts.cancels == 2


@pytest.mark.parametrize(
    ("amends", "sent"), [(AmendRule.KEEPS, (1, 1, 0)), (AmendRule.NONE, (2, 0, 1))]
)
def test_an_order_is_amended_where_the_venue_can(
    amends: AmendRule, sent: tuple[int, int, int]
) -> None:
    one = product(rows(*BOOK, level(500, BID, 99, 9)), entry_ns=1, answer_ns=1, amends=amends)
    desk = Script((0, 0, ((99, 4),), ()), (50, 0, ((98, 4),), ()))
    played(desk, one, until=400)
    counts = one.orders.counts
    assert (counts.new, counts.amends, counts.cancels) == sent
    assert [(each.price, each.left) for each in one.replay.orders()] == [(98, 4)]


def test_limits_and_sizes_of_the_venue_hold() -> None:
    one = product(rows(*BOOK, level(500, BID, 99, 9)), most_lots=5, min_lots=2, max_lots=4)
    desk = Script((0, 0, ((99, 9), (98, 9), (97, 1)), ((101, 1),)))
    played(desk, one, until=400)
    # 4 of 9, then what room is left, 1, is less than one order: and 1 is too small as it is.
    assert desk.of(Gated) == [Gated(0, 0, GateState.ACTIVE, 5, 5)]
    assert sum(each.left for each in one.replay.orders()) <= 5
    assert {each.price for each in one.replay.orders()} <= {99, 98}


def test_a_side_rests_after_a_refusal() -> None:
    # While the order is under way for 20, the other side comes to its price.
    tape = rows(
        *BOOK, level(10, BID, 99, 0), level(10, ASK, 99, 5), level(300_000_000, ASK, 101, 9)
    )
    one = product(tape, entry_ns=20, answer_ns=20)
    desk = Script((0, 0, ((99, 4),), ()))
    desk.interval_ns = 1_000_000
    played(desk, one, until=150_000_000)
    assert one.orders.counts.refused == 1
    assert one.replay.orders() == []


def test_nothing_rests_in_a_book_that_began_anew_until_it_is_there() -> None:
    tape = rows(
        *BOOK, clear(50), level(70, BID, 98, 5), level(80, ASK, 102, 5), level(900, BID, 98, 6)
    )
    one = product(tape)
    desk = Script((0, 0, ((98, 4),), ()))
    world, _ = played(desk, one, until=75)
    assert one.replay.orders() == []
    world.run_to(90)
    assert [each.price for each in one.replay.orders()] == [98]
    assert [(each.at_ns, each.live) for each in desk.of(BookState)] == [
        (0, True),
        (50, False),
        (80, True),
    ]


def test_two_markets_run_on_one_clock() -> None:
    # A trade at the one, at 50, makes the desk quote at the other: its order is there at 51, before
    # what is sold there at 52 and after what was sold at 50.
    one = rows(*BOOK, trade(50, True, 101, 1), level(900, BID, 99, 1))
    other = rows(
        level(0, BID, 199, 2),
        level(0, BID, 198, 2),
        level(0, ASK, 201, 2),
        trade(50, False, 199, 2),
        level(50, BID, 199, 0),
        trade(52, False, 199, 3),
        level(900, BID, 198, 1),
    )

    class Follower(Script):
        def on(self, event):  # type: ignore[no-untyped-def]
            super().on(event)
            if isinstance(event, Traded) and event.instrument == 0:
                return [Wish(1, 1, event.at_ns, 10**9, ((199, 2),), (), {})]
            return None

    desk = Follower()
    products = (
        product(one, entry_ns=1, answer_ns=1),
        product(other, index=1, entry_ns=1, answer_ns=1),
    )
    _, fills = played(desk, *products)
    assert [(each.at_ns, each.venue_ns, each.lots) for each in fills] == [(53, 52, 2)]
    times = [event.at_ns for event in desk.heard]
    assert times == sorted(times)


def test_a_desk_finds_the_books_there_when_it_begins() -> None:
    desk = Script()
    played(
        desk,
        product(rows(*BOOK, trade(5, True, 101, 1), level(90, BID, 99, 1))),
        start=50,
        until=60,
    )
    assert desk.heard == [
        Held(0, 50, 0),
        Gated(0, 50, GateState.ACTIVE),
        BookState(0, 50, True),
        Top(0, 50, 99, 10, 101, 10),
        Tick(50),
        Tick(60),
    ]


def test_a_touch_that_stands_is_told_again() -> None:
    desk = Script()
    desk.interval_ns = 1_000
    tape = rows(*BOOK, level(25, BID, 99, 9), level(90, BID, 99, 1))
    DeskWorld(desk, [product(tape)], beat_ns=20).run_to(70)
    assert [(each.at_ns, each.bid_lots) for each in desk.of(Top)] == [
        (0, 10),
        (20, 10),
        (25, 9),
        (60, 9),
    ]


def test_news_is_told_at_its_time() -> None:
    desk = Script()
    world = DeskWorld(desk, [product(rows(*BOOK, level(90, BID, 99, 1)))])
    world.tell_later(PoolPrice(33, 7))
    world.run_to(40)
    assert [
        (each, desk.heard[desk.heard.index(each) - 1].at_ns) for each in desk.of(PoolPrice)
    ] == [(PoolPrice(33, 7), 30)]


@pytest.mark.parametrize(
    "wish",
    [
        Wish(1, 1, 0, 9, (), (), {}),
        Wish(1, 0, 0, 9, ((99.5, 1),), (), {}),  # type: ignore[arg-type]
        Wish(1, 0, 0, 9, ((0, 1),), (), {}),
        Wish(1, 0, 0, 9, tuple((99 - at, 1) for at in range(33)), (), {}),
        "nothing",
    ],
)
def test_a_wish_that_cannot_be_is_the_desks_fault(wish: Wish) -> None:
    class Wrong(Script):
        def on(self, event):  # type: ignore[no-untyped-def]
            return [wish]

    with pytest.raises(DeskError, match=r"test_desk_world\.py:\d+: .*Wrong"):
        played(Wrong(), product(rows(*BOOK)))


def test_a_failure_of_a_desk_names_its_line() -> None:
    class Failing(Script):
        def on(self, event):  # type: ignore[no-untyped-def]
            raise KeyError("spread")

    with pytest.raises(DeskError, match=r"test_desk_world\.py:\d+: .*Failing failed.*'spread'"):
        played(Failing(), product(rows(*BOOK)))
