"""Routes are those that exact fractions choose, whatever the grids."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_route import PlainRoute, Wish, route

from alp._core.route import (
    RouteError,
    RouteFields,
    RouteOptions,
    RoutePolicy,
    Router,
    RouteShort,
    common_grid,
)

TICKS = [(2, 1), (1, 1), (2, 5), (3, 1), (2, 25)]
LOTS = [(3, 1), (8, 1), (2, 1), (3, 5), (0, 1)]
PPM = 10**8


def value(grid: tuple[int, int]) -> Fraction:
    return Fraction(grid[1], 10 ** grid[0])


@st.composite
def worlds(draw: st.DrawFn, taking: bool) -> dict[str, Any]:
    """Up to four routes on grids of their own, and what is wanted of them."""
    count = draw(st.integers(1, 4))
    side = draw(st.sampled_from((1, -1)))
    ticks = [draw(st.sampled_from(TICKS)) for _ in range(count)]
    lots = [draw(st.sampled_from(LOTS)) for _ in range(count)]
    price_unit, price_factors = common_grid(ticks)
    quantity_unit, quantity_factors = common_grid(lots)
    fields, books, plain = [], [], []
    for at in range(count):
        base = round(Fraction(draw(st.integers(99_500, 100_500)), 1000) / value(ticks[at]))
        small = max(1, round(Fraction(1, 2) / value(lots[at])))
        minimum = draw(st.integers(1, 3)) * draw(st.sampled_from((1, small)))
        levels = draw(st.lists(st.integers(1, 4 * small), max_size=4)) if taking else []
        book = [(base + side * step, quantity) for step, quantity in enumerate(levels)]
        maximum = minimum * draw(st.integers(1, 4)) + draw(st.integers(0, 3))
        row = RouteFields(
            price_factors[at],
            quantity_factors[at],
            price=base,
            fee=draw(st.integers(-200_000, 600_000)),
            room=draw(st.integers(0, 6)) * small,
            minimum=minimum,
            maximum=maximum,
            minimum_notional=draw(st.sampled_from((0, 0, base * small * 2))),
            weight=draw(st.integers(0, 3)),
            position=draw(st.integers(-5, 5)),
            limit=draw(st.sampled_from((0, 4))),
            healthy=draw(st.integers(0, 5)) > 0,
        )
        fields.append(row)
        books.append(book)
        tick, lot = value(ticks[at]), value(lots[at])
        plain.append(
            PlainRoute(
                tick,
                lot,
                base * tick,
                Fraction(row.fee, PPM),
                row.room,
                minimum,
                maximum,
                row.minimum_notional * tick * lot,
                row.weight,
                row.position,
                row.limit,
                row.healthy,
                [(price * tick, quantity) for price, quantity in book],
            )
        )
    quantity = (
        draw(st.integers(0, 8 * 10**8))
        if quantity_unit[0] == 8
        else draw(st.integers(0, 8 * 10 ** quantity_unit[0]))
    )
    bps = draw(st.sampled_from((0, 5, 50, 500)))
    reference = draw(st.sampled_from((0, round(100 / value(price_unit)))))
    options = RouteOptions(
        draw(st.sampled_from(RoutePolicy)),
        draw(st.sampled_from((0, 100_000))),
        bps,
        draw(st.booleans()) and draw(st.booleans()),
    )
    wish = Wish(
        side,
        quantity * value(quantity_unit),
        options.lean,
        options.policy is RoutePolicy.SHARE,
        Fraction(bps, 10_000),
        reference * value(price_unit),
        options.whole,
    )
    return {
        "fields": fields, "books": books, "plain": plain, "wish": wish, "options": options,
        "quantity": quantity, "reference": reference, "unit": value(quantity_unit),
    }  # fmt: skip


def same(world: dict[str, Any], taking: bool) -> None:
    fields, plain, wish = world["fields"], world["plain"], world["wish"]
    router = Router(world["options"])
    if taking:
        answer = router.take(
            wish.side, world["quantity"], fields, world["books"], reference=world["reference"]
        )
    else:
        answer = router.make(wish.side, world["quantity"], fields)
    left = route(wish, plain, taking)
    assert answer.left * world["unit"] == left
    legs = {leg.route: leg for leg in answer.legs}
    for at, one in enumerate(plain):
        assert (legs[at].lots if at in legs else 0) == one.lots, at
        if one.lots:
            assert legs[at].worst * one.tick == one.worst
            assert legs[at].cost * one.tick == one.spent
            sent = [order for order in answer.orders if order.route == at]
            assert [order.lots for order in sent] == one.pieces
            assert {order.price for order in sent} == {legs[at].worst}
            for order in sent:
                assert fields[at].minimum <= order.lots <= fields[at].maximum
                assert order.lots * order.price >= fields[at].minimum_notional
    moved = sum(leg.lots * plain[leg.route].lot for leg in answer.legs)
    assert moved + left == wish.quantity
    assert bool(answer.short) is bool(answer.left)


@settings(max_examples=200, deadline=None)
@given(world=worlds(taking=False))
def test_what_rests_goes_where_exact_fractions_send_it(world: dict[str, Any]) -> None:
    same(world, taking=False)


@settings(max_examples=200, deadline=None)
@given(world=worlds(taking=True))
def test_what_takes_goes_where_exact_fractions_send_it(world: dict[str, Any]) -> None:
    same(world, taking=True)


BEST = Router(RouteOptions())
# common units: a cent, and a thousandth of the base
CHEAP = RouteFields(1, 1, price=10_000, fee=10_000, room=10**6)
DEAR = RouteFields(1, 1, price=10_000, fee=20_000, room=10**6)


def routes_of(answer: Any) -> list[tuple[int, int]]:
    return [(order.route, order.lots) for order in answer.orders]


def test_a_fee_decides_between_equal_prices_and_a_rebate_beats_a_better_price() -> None:
    assert routes_of(BEST.make(1, 500, [DEAR, CHEAP])) == [(1, 500)]
    rebate = CHEAP._replace(price=10_001, fee=-10_000)
    assert routes_of(BEST.make(1, 500, [CHEAP, rebate])) == [(1, 500)]
    assert routes_of(BEST.make(-1, 500, [CHEAP, DEAR])) == [(0, 500)]


def test_prices_that_differ_by_less_than_a_double_can_tell_are_told_apart() -> None:
    fine = RouteFields(1, 1, price=(1 << 40) - 1, room=10)
    coarse = RouteFields((1 << 55) - 1, 1, price=1 << 40, room=10)
    finer = RouteFields((1 << 55) - 3, 1, price=1 << 40, room=10)
    assert routes_of(BEST.make(1, 1, [coarse, finer])) == [(1, 1)]
    assert routes_of(BEST.make(-1, 1, [coarse, finer])) == [(0, 1)]
    assert routes_of(BEST.make(1, 1, [coarse, fine])) == [(1, 1)]


def test_what_one_has_no_room_for_goes_to_the_next_and_the_rest_is_said() -> None:
    answer = BEST.make(1, 900, [CHEAP._replace(room=300), DEAR._replace(room=400)])
    assert routes_of(answer) == [(0, 300), (1, 400)]
    assert (answer.left, answer.short) == (200, RouteShort.ROOM)


def test_two_accounts_at_one_venue_are_two_routes() -> None:
    second = CHEAP._replace(room=200)
    assert routes_of(BEST.make(1, 700, [CHEAP._replace(room=600), second])) == [(0, 600), (1, 100)]


def test_a_position_leans_against_more_of_it() -> None:
    leaning = Router(RouteOptions(lean=50_000))
    long, short = (DEAR._replace(position=lots, limit=10) for lots in (8, -8))
    assert routes_of(leaning.make(1, 5, [long, short])) == [(1, 5)]
    assert routes_of(leaning.make(-1, 5, [short, long])) == [(1, 5)]


def test_shares_are_kept_and_what_has_no_room_is_shared_by_the_others() -> None:
    share = Router(RouteOptions(RoutePolicy.SHARE))
    rows = [CHEAP._replace(weight=weight) for weight in (7, 2, 1, 0)]
    assert routes_of(share.make(1, 1_000, rows)) == [(0, 700), (1, 200), (2, 100)]
    rows[0] = rows[0]._replace(room=400)
    assert routes_of(share.make(1, 1_000, rows)) == [(0, 400), (1, 400), (2, 200)]
    none = share.make(1, 1_000, [row._replace(room=100) for row in rows])
    assert (none.left, none.short) == (700, RouteShort.ROOM)


def test_orders_are_split_evenly_and_none_is_too_small() -> None:
    assert routes_of(BEST.make(1, 23, [CHEAP._replace(maximum=10)])) == [(0, 8), (0, 8), (0, 7)]
    # two of five would be below six: one of ten, and one is left
    answer = BEST.make(1, 11, [CHEAP._replace(minimum=6, maximum=10)])
    assert (routes_of(answer), answer.left, answer.short) == ([(0, 10)], 1, RouteShort.MINIMUM)
    small = BEST.make(1, 11, [CHEAP._replace(minimum_notional=120_000)])
    assert (small.orders, small.left, small.short) == ([], 11, RouteShort.MINIMUM)


def test_a_route_has_sixty_four_orders_at_most() -> None:
    answer = BEST.make(1, 1_000, [CHEAP._replace(maximum=2), DEAR])
    assert len([order for order in answer.orders if order.route == 0]) == 64
    assert routes_of(answer)[64:] == [(1, 872)]


def test_a_quantity_finer_than_a_lot_is_left() -> None:
    answer = BEST.make(1, 1_250, [CHEAP._replace(quantity_factor=100)])
    assert (routes_of(answer), answer.left, answer.short) == ([(0, 12)], 50, RouteShort.LOT)


BOOK = [(10_000, 5), (10_010, 5), (10_100, 50)]


def test_taking_walks_the_books_and_stops_before_it_is_too_dear() -> None:
    router = Router(RouteOptions(slippage_bps=10))
    answer = router.take(1, 100, [CHEAP], [BOOK])
    assert routes_of(answer) == [(0, 10)]
    (leg,) = answer.legs
    assert (leg.worst, leg.cost) == (10_010, 5 * 10_000 + 5 * 10_010)
    assert (answer.left, answer.short) == (90, RouteShort.SLIPPAGE)
    exact = router.take(1, 100, [CHEAP], [BOOK], reference=9_995)
    assert routes_of(exact) == [(0, 5)]  # 10 010 is more than 10 bps above 9 995
    deep = Router(RouteOptions(slippage_bps=1_000)).take(1, 100, [CHEAP], [BOOK])
    assert (deep.left, deep.short) == (40, RouteShort.DEPTH)


def test_all_or_nothing_takes_nothing_where_something_would_be_left() -> None:
    whole = Router(RouteOptions(slippage_bps=10, whole=True))
    assert whole.take(1, 11, [CHEAP], [BOOK]).orders == []
    assert routes_of(whole.take(1, 10, [CHEAP], [BOOK])) == [(0, 10)]


def test_selling_takes_the_highest_bid_after_fees_first() -> None:
    router = Router(RouteOptions(slippage_bps=100))
    books = [[(10_000, 5), (9_990, 5)], [(9_999, 5), (9_995, 5)]]
    answer = router.take(-1, 15, [CHEAP, CHEAP._replace(fee=0)], books)
    assert routes_of(answer) == [(0, 5), (1, 10)]
    assert [leg.worst for leg in answer.legs] == [10_000, 9_995]


@pytest.mark.parametrize("row", [CHEAP._replace(healthy=False), CHEAP._replace(room=0)])
def test_no_venue_is_said_when_there_is_none(row: RouteFields) -> None:
    answer = BEST.make(1, 5, [row])
    assert (answer.orders, answer.left, answer.short) == ([], 5, RouteShort.NO_VENUE)


@pytest.mark.parametrize(
    "row",
    [
        CHEAP._replace(price_factor=0),
        CHEAP._replace(quantity_factor=1 << 56),
        CHEAP._replace(fee=60_000_000),
        CHEAP._replace(minimum=0),
        CHEAP._replace(minimum=5, maximum=4),
        CHEAP._replace(room=-1),
        CHEAP._replace(weight=-1),
    ],
)
def test_a_route_that_cannot_be_is_refused(row: RouteFields) -> None:
    with pytest.raises(RouteError):
        BEST.make(1, 5, [row])


@pytest.mark.parametrize(
    "book", [[(10_000, 5), (10_000, 5)], [(10_001, 5), (10_000, 5)], [(10_000, 0)], [(0, 5)]]
)
def test_a_book_out_of_order_is_refused(book: list[tuple[int, int]]) -> None:
    with pytest.raises(RouteError):
        BEST.take(1, 5, [CHEAP], [book])


def test_wishes_that_cannot_be_are_refused() -> None:
    for side, quantity in ((0, 5), (1, -1), (1, 1 << 96)):
        with pytest.raises(RouteError):
            BEST.make(side, quantity, [CHEAP])
    with pytest.raises(RouteError):
        BEST.make(1, 5, [])
    with pytest.raises(RouteError):
        BEST.take(1, 5, [CHEAP], [])
    with pytest.raises(RouteError):
        Router(RouteOptions(slippage_bps=-1))
