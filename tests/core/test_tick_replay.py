"""A recorded market replayed with orders of ours in it: books small enough to work out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from tick_cases import (
    ASK,
    BID,
    Row,
    clear,
    latencies,
    level,
    removal,
    removals,
    size,
    tape,
    trade,
)

from alp._core.matching import QueueModel
from alp._core.tape import TAPE_ROW, TapeBit, tape_fault
from alp._core.tick_replay import AmendRule, FillCause, OrderPhase, TickReplay

BOOK = (level(1, BID, 100, 10), level(1, ASK, 103, 10))
END = level(1000, BID, 1, 1)


def world(*rows: Row, **given: Any) -> TickReplay:
    """A market that has the book above at 1, then these rows, and ends at 1000."""
    replay = TickReplay(tape(*BOOK, *rows, END), **given)
    replay.advance(0)
    return replay


def to(replay: TickReplay, ns: int) -> None:
    assert replay.advance(ns - replay.now_ns)


def fills(replay: TickReplay) -> list[tuple[int, int, int, FillCause]]:
    """When each was known, its price, lots and cause."""
    return [
        (int(row["at_ns"]), int(row["price"]), int(row["lots"]), FillCause(row["cause"]))
        for row in replay.fills()
    ]


# Where an order stands, by each model.


def test_an_order_stands_behind_what_is_there() -> None:
    replay = world()
    place = replay.send(BID, 100, 5)
    assert replay.ahead(place) is None
    to(replay, 2)
    assert replay.ahead(place) == 10


def test_trades_at_its_price_bring_it_forward_and_then_fill_it() -> None:
    replay = world(trade(10, ASK, 100, 4), trade(20, ASK, 100, 8), trade(30, ASK, 100, 9))
    place = replay.send(BID, 100, 5)
    to(replay, 10)
    assert replay.ahead(place) == 6
    to(replay, 20)
    assert fills(replay) == [(20, 100, 2, FillCause.AT_TURN)]
    to(replay, 30)
    assert fills(replay)[1:] == [(30, 100, 3, FillCause.AT_TURN)]
    assert (replay.position, replay.cash) == (5, -500)
    first, second = replay.fills()
    assert (first["joined"], first["ahead"] / 4096, first["left"]) == (10, 6, 3)
    assert (second["joined"], second["ahead"], second["left"]) == (10, 0, 0)


def test_a_purchase_at_the_bid_s_price_fills_no_bid() -> None:
    replay = world(trade(10, BID, 100, 50))
    place = replay.send(BID, 100, 5)
    to(replay, 10)
    assert (fills(replay), replay.ahead(place)) == ([], 10)


@pytest.mark.parametrize(
    ("model", "ahead"),
    [
        # 4 of 12 leave, with 10 ahead and 2 behind.
        (QueueModel.CONSERVATIVE, 8),  # no more than the level can be ahead
        (QueueModel.FIFO, 8),
        (QueueModel.POWER, 10 - 4 * 100 / 104),
        (QueueModel.LOG, 10 - 4 * np.log2(11) / (np.log2(11) + np.log2(3))),
    ],
)
def test_what_leaves_without_a_trade_was_ahead_as_the_model_says(
    model: QueueModel, ahead: float
) -> None:
    replay = world(level(10, BID, 100, 12), level(20, BID, 100, 8), model=model)
    place = replay.send(BID, 100, 5)
    to(replay, 10)
    assert replay.ahead(place) == 10
    to(replay, 20)
    found = replay.ahead(place)
    assert found is not None
    assert found == pytest.approx(ahead, abs=1e-3)


def test_a_decrease_that_trades_explain_is_not_counted_again() -> None:
    replay = world(
        trade(10, ASK, 100, 4), level(11, BID, 100, 6), model=QueueModel.POWER, exponent=3
    )
    place = replay.send(BID, 100, 5)
    to(replay, 12)
    assert replay.ahead(place) == 6


def test_named_orders_that_leave_count_only_if_they_came_before() -> None:
    replay = world(
        level(10, BID, 100, 15),
        model=QueueModel.FIFO,
        removals=removals(
            removal(20, BID, 100, 3, entered=0),
            removal(21, BID, 100, 5, entered=10),
            removal(22, ASK, 100, 5, entered=0),
        ),
    )
    place = replay.send(BID, 100, 5)
    to(replay, 30)
    assert replay.ahead(place) == 7


def test_a_removal_comes_before_the_level_of_its_moment() -> None:
    """Behind it, the level's clamp would count the same lots twice."""
    replay = world(
        level(20, BID, 100, 7),
        model=QueueModel.FIFO,
        removals=removals(removal(20, BID, 100, 3, entered=0)),
    )
    place = replay.send(BID, 100, 5)
    to(replay, 20)
    assert replay.ahead(place) == 7


# What fills it.


def test_a_trade_beyond_its_price_fills_it_whatever_was_ahead() -> None:
    replay = world(trade(10, ASK, 99, 3))
    replay.send(BID, 100, 5)
    to(replay, 10)
    assert fills(replay) == [(10, 100, 3, FillCause.TRADED_THROUGH)]
    assert replay.orders()[0].left == 2


def test_what_is_whole_is_filled_as_a_whole() -> None:
    replay = world(trade(10, ASK, 99, 3), whole=True)
    replay.send(BID, 100, 5)
    to(replay, 10)
    assert fills(replay) == [(10, 100, 5, FillCause.TRADED_THROUGH)]


def test_two_orders_share_one_trade_best_price_first() -> None:
    replay = world(trade(10, BID, 102, 12))
    replay.send(ASK, 102, 4, tag=1)
    replay.send(ASK, 101, 6, tag=2)
    replay.send(ASK, 102, 4, tag=3)
    to(replay, 10)
    assert [(row["tag"], row["lots"]) for row in replay.fills()] == [(2, 6), (1, 4), (3, 2)]
    assert replay.position == -12


def test_a_level_of_the_other_side_at_its_price_fills_it_once() -> None:
    replay = world(level(10, ASK, 100, 3), level(20, ASK, 100, 3), level(30, ASK, 99, 1))
    replay.send(BID, 100, 8)
    to(replay, 15)
    assert fills(replay) == [(10, 100, 3, FillCause.CROSSED)]
    to(replay, 30)
    assert [row[2] for row in fills(replay)] == [3, 3, 1]
    assert {row[1] for row in fills(replay)} == {100}


def test_an_order_that_takes_walks_the_levels_and_the_rest_waits() -> None:
    replay = world(level(1, ASK, 104, 2))
    replay.send(BID, 104, 15, post_only=False)
    to(replay, 2)
    assert [row[1:] for row in fills(replay)] == [
        (103, 10, FillCause.TAKEN),
        (104, 2, FillCause.TAKEN),
    ]
    [order] = replay.orders()
    assert (order.left, order.phase) == (3, OrderPhase.LIVE)
    assert replay.turnover == (1238, 1238)


def test_what_was_taken_is_gone_until_its_level_is_told_anew() -> None:
    replay = world(level(20, ASK, 103, 10))
    replay.send(BID, 103, 7, post_only=False, rests=False)
    replay.send(BID, 103, 7, post_only=False, rests=False)
    to(replay, 2)
    assert replay.position == 10
    replay.send(BID, 103, 4)
    to(replay, 3)
    assert replay.orders()[-1].phase == OrderPhase.LIVE  # nothing left there to take
    to(replay, 20)
    assert fills(replay)[-1] == (20, 103, 4, FillCause.CROSSED)


def test_an_order_that_does_not_rest_ends_with_what_it_could_not_take() -> None:
    replay = world()
    replay.send(BID, 103, 15, post_only=False, rests=False)
    to(replay, 2)
    [order] = replay.orders()
    assert (order.left, order.phase) == (5, OrderPhase.ENDED)


def test_a_post_only_order_that_would_take_is_refused() -> None:
    replay = world()
    replay.send(BID, 103, 5)
    replay.send(BID, 102, 5)
    to(replay, 2)
    assert [order.phase for order in replay.orders()] == [OrderPhase.ENDED, OrderPhase.LIVE]
    replay.sweep()
    assert [order.price for order in replay.orders()] == [102]


def test_a_book_that_begins_anew_leaves_our_orders_where_they_were() -> None:
    replay = world(clear(10), level(10, BID, 100, 10))
    place = replay.send(BID, 100, 5)
    to(replay, 11)
    assert replay.ahead(place) == 10
    assert replay.touch is None
    assert replay.depth(BID, 5) == [(100, 10)]


# The time in between.


def test_commands_and_answers_take_their_time() -> None:
    replay = world(entry_ns=10, answer_ns=5)
    place = replay.send(BID, 100, 5)
    to(replay, 10)
    assert replay.ahead(place) is None
    to(replay, 15)
    assert (replay.ahead(place), replay.orders()[0].phase) == (10, OrderPhase.SENT)
    to(replay, 16)
    assert replay.orders()[0].phase == OrderPhase.LIVE


def test_a_cancel_that_comes_after_the_fill_finds_nothing() -> None:
    replay = world(trade(10, ASK, 99, 5), entry_ns=4, answer_ns=4)
    place = replay.send(BID, 100, 5)
    to(replay, 9)
    replay.cancel(place)
    to(replay, 13)
    assert replay.orders()[0].canceling
    to(replay, 20)
    [order] = replay.orders()
    assert (order.phase, order.left, order.canceling) == (OrderPhase.ENDED, 0, False)
    assert replay.position == 5
    with pytest.raises(KeyError):
        replay.cancel(place)


def test_a_cancel_that_comes_first_leaves_the_trade_to_others() -> None:
    replay = world(trade(14, ASK, 99, 5), entry_ns=4, answer_ns=4)
    place = replay.send(BID, 100, 5)
    to(replay, 9)
    replay.cancel(place)
    to(replay, 20)
    assert (replay.position, replay.orders()[0].phase) == (0, OrderPhase.ENDED)


def test_what_arrives_with_a_row_comes_after_it() -> None:
    replay = world(trade(11, ASK, 99, 5), entry_ns=10)
    replay.send(BID, 100, 5)
    to(replay, 20)
    assert replay.position == 0


def test_latency_is_that_of_the_last_recorded_row_and_nothing_overtakes() -> None:
    replay = world(
        trade(29, ASK, 99, 1),
        trade(31, ASK, 99, 1),
        latency=latencies((0, 20, 30), (5, 2, 3), (30, 1, 1)),
    )
    slow = replay.send(BID, 100, 5)
    to(replay, 6)
    quick = replay.send(BID, 101, 5)  # sent later, and it may not arrive at 8
    to(replay, 20)
    assert (replay.ahead(slow), replay.ahead(quick)) == (None, None)
    to(replay, 21)
    assert (replay.ahead(slow), replay.ahead(quick)) == (10, 0)
    to(replay, 33)
    assert [row[0] for row in fills(replay)] == [32, 32]  # 29 + 3, and 31 + 1


def test_a_row_is_seen_here_only_when_it_was_received() -> None:
    replay = world(level(10, BID, 101, 4, received=15))
    to(replay, 14)
    assert replay.touch == (100, 10, 103, 10)
    assert replay.lots_at(BID, 101) == 0
    to(replay, 15)
    assert replay.touch == (101, 4, 103, 10)


def test_a_row_of_one_side_holds_there_only() -> None:
    late = size(TapeBit.LEVEL, BID, 7, TapeBit.EXCHANGE)
    heard = size(TapeBit.LEVEL, BID, 7, TapeBit.LOCAL)
    replay = world((10, 10, 102, late), (10, 30, 102, heard))
    to(replay, 20)
    assert replay.lots_at(BID, 102) == 0
    replay.send(ASK, 102, 7)
    to(replay, 21)
    assert replay.orders()[0].phase == OrderPhase.ENDED  # the exchange knew
    to(replay, 30)
    assert replay.lots_at(BID, 102) == 7


def test_what_was_traded_is_told_until_one_looks_away() -> None:
    replay = world(trade(10, BID, 103, 4), trade(11, ASK, 100, 1), trade(12, ASK, 99, 2))
    to(replay, 20)
    assert replay.traded == (3, 4, 3, 103, 99)
    replay.look_away()
    assert replay.traded == (0, 0, 0, -1, -1)


def test_going_from_event_to_event_meets_rows_and_answers() -> None:
    replay = world(level(20, BID, 101, 1, received=24), trade(22, ASK, 99, 9, 24), answer_ns=1)
    replay.send(BID, 100, 5)
    seen = []
    while replay.next(10**6):
        seen.append((replay.now_ns, replay.position))
    assert seen == [(2, 0), (23, 5), (24, 5), (1000, 5)]


def test_going_from_event_to_event_stops_at_the_most() -> None:
    replay = world()
    assert replay.next(100)
    assert replay.now_ns == 101


# Amends.


def amended(rule: AmendRule, price: int, lots: int, *rows: Row) -> tuple[TickReplay, int]:
    """An order of 5 at 100 behind 10, of which 2 are filled, and 4 more lots behind it."""
    replay = world(trade(10, ASK, 100, 12), level(20, BID, 100, 4), *rows, amends=rule)
    place = replay.send(BID, 100, 5)
    to(replay, 25)
    assert (replay.orders()[0].left, replay.ahead(place)) == (3, 0)
    replay.amend(place, price, lots)
    assert replay.orders()[0].amending == 1
    to(replay, 26)
    return replay, place


@pytest.mark.parametrize(
    ("rule", "price", "lots", "ahead", "left"),
    [
        (AmendRule.KEEPS, 100, 4, 0, 2),
        (AmendRule.KEEPS, 100, 6, 4, 4),
        (AmendRule.KEEPS, 101, 4, 0, 2),
        (AmendRule.AS_NEW, 100, 4, 4, 2),
    ],
)
def test_an_amend_keeps_the_place_only_of_what_becomes_smaller_where_the_venue_does(
    rule: AmendRule, price: int, lots: int, ahead: int, left: int
) -> None:
    replay, place = amended(rule, price, lots)
    [order] = replay.orders()
    assert (order.price, order.lots, order.left) == (price, lots, left)
    assert (order.amending, order.phase) == (0, OrderPhase.LIVE)
    assert replay.ahead(place) == ahead


@pytest.mark.parametrize(("price", "lots"), [(100, 2), (103, 5)])
def test_an_amend_to_what_is_filled_or_across_the_book_ends_the_order(
    price: int, lots: int
) -> None:
    replay, place = amended(AmendRule.KEEPS, price, lots)
    assert replay.orders()[0].phase == OrderPhase.ENDED
    assert replay.ahead(place) is None
    assert replay.position == 2


def test_an_amended_order_that_may_take_takes() -> None:
    replay = world()
    place = replay.send(BID, 100, 5, post_only=False)
    replay.amend(place, 103, 12)
    to(replay, 2)
    assert fills(replay) == [(1, 103, 10, FillCause.TAKEN)]
    [order] = replay.orders()
    assert (order.price, order.left, order.phase) == (103, 2, OrderPhase.LIVE)


def test_a_venue_that_amends_nothing_is_not_asked_to() -> None:
    replay = world(amends=AmendRule.NONE)
    place = replay.send(BID, 100, 5)
    with pytest.raises(ValueError, match="amends no orders"):
        replay.amend(place, 101, 5)


# What is refused.


def test_a_tape_out_of_order_is_refused_with_its_row() -> None:
    rows = tape(level(5, BID, 100, 1), level(4, BID, 100, 1))
    with pytest.raises(ValueError, match="row 1 of the tape: the exchange's time"):
        TickReplay(rows)


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ((1, 0, 100, size(TapeBit.LEVEL, BID, 1)), "time of receipt"),
        ((1, 1, 100, size(TapeBit.LEVEL | TapeBit.TRADE, BID, 1)), "not one of"),
        ((1, 1, 100, size(0, BID, 1)), "not one of"),
        ((1, 1, 100, size(TapeBit.LEVEL, BID, 1, 0)), "neither"),
        ((1, 1, 0, size(TapeBit.LEVEL, BID, 1)), "price"),
        ((1, 1, 100, size(TapeBit.TRADE, BID, 0)), "nothing"),
        ((1, 1, 100, size(TapeBit.LEVEL | 64, BID, 0)), "no meaning"),
    ],
)
def test_a_row_of_no_sense_is_found(row: Row, why: str) -> None:
    fault = tape_fault(tape(level(1, BID, 100, 1), row))
    assert fault is not None
    assert fault.row == 1
    assert why in fault.why


def test_other_rows_and_numbers_out_of_bounds_are_refused() -> None:
    rows = tape(*BOOK, END)
    with pytest.raises(ValueError, match="other rows"):
        TickReplay(np.zeros(3))
    with pytest.raises(ValueError, match="other rows"):
        TickReplay(rows[::2])
    with pytest.raises(ValueError, match="negative"):
        TickReplay(rows, entry_ns=-1)
    with pytest.raises(ValueError, match="negative"):
        TickReplay(rows, latency=latencies((0, 1, -1)))
    with pytest.raises(ValueError, match="do not fall"):
        TickReplay(rows, latency=latencies((2, 1, 1), (1, 1, 1)))
    with pytest.raises(ValueError, match="exponent"):
        TickReplay(rows, exponent=4)
    replay = TickReplay(rows)
    with pytest.raises(ValueError, match="a price and a quantity"):
        replay.send(BID, 0, 1)
    with pytest.raises(ValueError, match="backwards"):
        replay.advance(-1)
    with pytest.raises(KeyError):
        replay.cancel(0)


def test_a_tape_of_nothing_ends_at_once() -> None:
    replay = TickReplay(np.zeros(0, list(TAPE_ROW)))
    assert not replay.advance(5)
    assert not replay.next(5)
    assert replay.touches(5).shape == (0, 3)


def test_touches_are_those_of_each_step() -> None:
    rows = tape(*BOOK, level(5, BID, 101, 1), level(9, ASK, 103, 0, received=12), clear(15))
    assert TickReplay(rows).touches(4).tolist() == [
        [5, 101, 103],
        [9, 101, 103],
        [13, 101, 0],
        [17, 0, 0],
    ]


def test_more_orders_than_there_is_room_for_are_refused() -> None:
    replay = world()
    for _ in range(1024):
        replay.send(BID, 90, 1)
    with pytest.raises(MemoryError, match="one more order"):
        replay.send(BID, 90, 1)
    to(replay, 2)
    phases = [order.phase for order in replay.orders()]
    assert phases.count(OrderPhase.LIVE) == 256
    assert phases.count(OrderPhase.ENDED) == 768
