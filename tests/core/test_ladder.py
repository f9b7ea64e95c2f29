"""The ladder's commands lead to the quotes, and no fewer would."""

from __future__ import annotations

from itertools import combinations_with_replacement, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_ladder import AMEND, CANCEL, NEW, Side, cost_at, plus

from alp._core.ladder import (
    AmendBits,
    ChangeFields,
    Crossing,
    Ladder,
    LadderAnswer,
    LadderError,
    LadderOptions,
    QuoteFields,
    RestingFields,
)
from alp._core.order_life import OrderEvent as E
from alp._core.orders import OrderTable

SECOND = 10**9
KRAKEN = LadderOptions(
    AmendBits(price=True, more=True, less=True, keeps_place=True),
    new_cost=1,
    amend_cost=((5 * SECOND, 4), (10 * SECOND, 3), (15 * SECOND, 2), (0, 1)),
    cancel_cost=((5 * SECOND, 8), (10 * SECOND, 6), (15 * SECOND, 5), (45 * SECOND, 4), (0, 0)),
)
BINANCE_SPOT = LadderOptions(AmendBits(less=True, keeps_place=True))
NO_AMEND = LadderOptions()
NEAR = KRAKEN._replace(price_tolerance=1, quantity_tolerance=1)


def buy(price: int, quantity: int) -> QuoteFields:
    return QuoteFields(1, price, quantity)


def sell(price: int, quantity: int) -> QuoteFields:
    return QuoteFields(-1, price, quantity)


def rests(side: int, price: int, lots: int, **more: int) -> RestingFields:
    return RestingFields(side, price, lots, **more)


def after(resting: list[RestingFields], changes: list[ChangeFields]) -> list[RestingFields]:
    """What rests when all commands were done."""
    found: list[RestingFields | None] = list(resting)
    for change in changes:
        if change.order is None:
            found.append(RestingFields(change.side, change.price, change.quantity))
            continue
        assert isinstance(change.order, int)
        order = found[change.order]
        assert order is not None
        assert not order.blocked
        if change.action == CANCEL:
            found[change.order] = None
        else:
            assert change.quantity > order.filled
            found[change.order] = order._replace(
                price=change.price, rest=change.quantity - order.filled, low=0, high=0
            )
    return [order for order in found if order is not None]


def total_of(
    options: LadderOptions, resting: list[RestingFields], answer: LadderAnswer
) -> tuple[int, int, int]:
    """Messages, places lost and cost of an answer, counted here."""
    total = (0, 0, 0, 0)
    for change in answer.changes:
        if change.order is None:
            total = plus(total, (1, 0, options.new_cost, 0))
            continue
        assert isinstance(change.order, int)
        order = resting[change.order]
        if change.action == CANCEL:
            total = plus(total, (1, 0, cost_at(options.cancel_cost, order.age_ns), 0))
            continue
        kept = change.price == order.price and change.quantity - order.filled < order.rest
        loses = not (kept and options.amend.keeps_place)
        total = plus(total, (1, int(loses), cost_at(options.amend_cost, order.age_ns), 0))
    return total[:3]


def check(
    options: LadderOptions, quotes: list[QuoteFields], resting: list[RestingFields]
) -> LadderAnswer:
    """The answer to a case, held to all that the ladder promises."""
    ladder = Ladder(options)
    answer = ladder.diff(quotes, resting)
    best = (0, 0, 0, 0)
    for side in (1, -1):
        own = [each for each in quotes if each.side == side]
        others = [each for each in quotes if each.side != side]
        best = plus(
            best, Side(options, own, [each for each in resting if each.side == side], others).best()
        )
    if answer.deferred == 0:
        assert total_of(options, resting, answer) == best[:3]
        assert (answer.messages, answer.places_lost, answer.cost) == best[:3]
    leads_there(options, quotes, resting, answer)
    return answer


def paired(near: list[list[int]]) -> int:
    """How many orders can each have a quote of its own among those near it."""
    order_of: dict[int, int] = {}

    def place(order: int, seen: set[int]) -> bool:
        for quote in near[order]:
            if quote not in seen:
                seen.add(quote)
                if quote not in order_of or place(order_of[quote], seen):
                    order_of[quote] = order
                    return True
        return False

    return sum(place(order, set()) for order in range(len(near)))


def leads_there(
    options: LadderOptions,
    quotes: list[QuoteFields],
    resting: list[RestingFields],
    answer: LadderAnswer,
) -> None:
    now = after(resting, answer.changes)
    if answer.deferred:
        return
    free = [each for each in now if not each.blocked]
    blocked = [each for each in now if each.blocked]
    near = [
        [
            number
            for number, quote in enumerate(quotes)
            if quote.side == order.side
            and abs(quote.price - order.price) <= options.price_tolerance
            and abs(quote.quantity - order.rest) <= options.quantity_tolerance
        ]
        for order in free
    ]
    assert paired(near) == len(free), (free, quotes)
    assert len(quotes) - len(free) <= len(blocked)  # what may be there already, for all one knows
    for side, price in {(each.side, each.price) for each in free}:
        there = sum((each.side, each.price) == (side, price) for each in free)
        asked = sum((each.side, each.price) == (side, price) for each in quotes)
        assert there <= max(asked, 1)
    again = Ladder(options).diff(quotes, now)
    assert again.changes == []


ALL_AMENDS = [AmendBits(*bits) for bits in product((False, True), repeat=4)]


@pytest.mark.parametrize("amend", ALL_AMENDS, ids=str)
@pytest.mark.parametrize("near", [0, 1])
def test_no_small_case_has_a_shorter_way(amend: AmendBits, near: int) -> None:
    """Every set of up to two quotes and three orders on four prices, with two quantities."""
    options = KRAKEN._replace(amend=amend, price_tolerance=near)
    levels = list(product((10, 11, 12, 13), (2, 5)))
    for count in range(3):
        for wanted in combinations_with_replacement(levels, count):
            quotes = [buy(*each) for each in wanted]
            for orders in range(4 if near == 0 and count < 2 else 3):
                for there in combinations_with_replacement(levels, orders):
                    check(options, quotes, [rests(1, *each) for each in there])


quantities = st.integers(1, 6)
ages = st.sampled_from([0, 6 * SECOND, 12 * SECOND, 100 * SECOND])
bids = st.builds(buy, st.integers(90, 97), quantities)
asks = st.builds(sell, st.integers(98, 105), quantities)


@st.composite
def orders(draw: st.DrawFn, most: int) -> list[RestingFields]:
    found = []
    for _ in range(draw(st.integers(0, most))):
        side = draw(st.sampled_from((1, -1)))
        low = draw(st.integers(90, 97)) if side > 0 else draw(st.integers(98, 105))
        blocked = draw(st.integers(0, 4)) == 0
        high = low + draw(st.integers(0, 2)) if blocked and low not in (96, 97) else low
        found.append(
            RestingFields(
                side,
                low,
                draw(quantities),
                draw(st.integers(0, 3)),
                draw(ages),
                blocked,
                draw(st.booleans()),
                low,
                high,
            )
        )
    return found


@settings(max_examples=300, deadline=None)
@given(
    quotes=st.tuples(st.lists(bids, max_size=3), st.lists(asks, max_size=3)),
    resting=orders(5),
    amend=st.sampled_from(ALL_AMENDS),
    tolerance=st.tuples(st.integers(0, 2), st.integers(0, 2)),
)
def test_the_way_is_the_shortest_and_leads_there(
    quotes: tuple[list[QuoteFields], list[QuoteFields]],
    resting: list[RestingFields],
    amend: AmendBits,
    tolerance: tuple[int, int],
) -> None:
    options = KRAKEN._replace(
        amend=amend, price_tolerance=tolerance[0], quantity_tolerance=tolerance[1]
    )
    check(options, [*quotes[0], *quotes[1]], resting)


def test_an_order_that_only_shrinks_keeps_its_place() -> None:
    answer = check(BINANCE_SPOT, [buy(100, 3)], [rests(1, 100, 5, filled=2)])
    assert answer.changes == [ChangeFields(AMEND, 0, 1, 100, 5)]
    assert answer.places_lost == 0


def test_what_a_venue_cannot_amend_is_canceled_and_placed_anew() -> None:
    answer = check(BINANCE_SPOT, [buy(101, 5)], [rests(1, 100, 5)])
    assert [each.action for each in answer.changes] == [CANCEL, NEW]


def test_of_two_orders_the_one_that_costs_less_is_canceled() -> None:
    young, old = rests(1, 100, 5, age_ns=0), rests(1, 101, 5, age_ns=60 * SECOND)
    answer = check(KRAKEN, [buy(103, 5)], [young, old])
    assert answer.changes == [ChangeFields(CANCEL, 1, 1, 101, 5), ChangeFields(AMEND, 0, 1, 103, 5)]
    assert answer.cost == 4


def test_what_is_under_way_is_left_alone_and_stands_for_its_quote() -> None:
    unknown = rests(1, 100, 5, blocked=True, low=100, high=102)
    assert check(NEAR, [buy(101, 5)], [unknown]).changes == []
    moved = check(NEAR, [buy(110, 5)], [unknown])
    assert moved.changes == [ChangeFields(NEW, None, 1, 110, 5)]
    assert Ladder(NEAR).diff([buy(110, 5)], [unknown], room_buy=9).deferred == 1


def test_what_lowers_the_risk_leaves_first_and_the_nearest_before_the_others() -> None:
    resting = [
        rests(1, 100, 5),
        rests(1, 97, 5),
        rests(1, 99, 9),
        rests(-1, 110, 5),
        rests(-1, 106, 5),
    ]
    quotes = [buy(99, 4), buy(98, 5), sell(107, 5), sell(104, 5)]
    answer = check(KRAKEN, quotes, resting)
    assert answer.changes == [
        ChangeFields(CANCEL, 0, 1, 100, 5),
        ChangeFields(AMEND, 2, 1, 99, 4),
        ChangeFields(AMEND, 1, 1, 98, 5),
        ChangeFields(AMEND, 4, -1, 104, 5),
        ChangeFields(AMEND, 3, -1, 107, 5),
    ]


def test_of_what_lowers_the_risk_a_cancel_leaves_before_a_smaller_or_farther_order() -> None:
    resting = [rests(1, 99, 9), rests(1, 98, 5), rests(-1, 110, 5), rests(-1, 106, 5)]
    answer = check(BINANCE_SPOT, [buy(99, 4), sell(108, 5)], resting)
    kinds = [(each.action, each.order) for each in answer.changes]
    assert kinds == [(CANCEL, 1), (CANCEL, 3), (CANCEL, 2), (AMEND, 0), (NEW, None)]


def test_without_room_or_budget_only_what_lowers_the_risk_leaves() -> None:
    ladder = Ladder(KRAKEN)
    resting = [rests(1, 100, 5), rests(-1, 110, 5)]
    quotes = [buy(99, 5), buy(98, 5), sell(109, 5)]
    answer = ladder.diff(quotes, resting, room_buy=5, budget=4)
    assert [(each.action, each.price) for each in answer.changes] == [(AMEND, 99)]
    assert answer.deferred == 2
    enough = ladder.diff(quotes, resting, room_buy=10, budget=9)
    assert (enough.messages, enough.deferred) == (3, 0)


def test_nothing_is_sent_that_could_trade_with_an_own_order() -> None:
    answer = Ladder(KRAKEN).diff([sell(100, 5)], [rests(1, 101, 5)])
    assert [each.action for each in answer.changes] == [CANCEL]
    assert answer.deferred == 1


def test_an_order_near_its_quote_moves_when_it_is_in_the_other_sides_way() -> None:
    answer = check(NEAR, [buy(100, 5), sell(101, 5)], [rests(1, 101, 5)])
    assert answer.changes == [ChangeFields(AMEND, 0, 1, 100, 5)]
    assert answer.deferred == 1


@pytest.mark.parametrize("side", [1, -1])
def test_a_quote_that_would_take_goes_behind_the_other_side_or_is_left_out(side: int) -> None:
    crossing = QuoteFields(side, 100 + side * 5, 5)
    second = QuoteFields(side, 100 - side, 5)
    market = {"ask": 100} if side > 0 else {"bid": 100}
    clamped = Ladder(KRAKEN).diff([crossing], [], **market)
    assert clamped.changes == [ChangeFields(NEW, None, side, 100 - side, 5)]
    taken = Ladder(KRAKEN).diff([crossing, second], [], **market)
    assert [each.price for each in taken.changes] == [100 - side]
    assert taken.skipped == 1
    skipping = KRAKEN._replace(crossing=Crossing.SKIP)
    skipped = Ladder(skipping).diff([crossing], [], **market)
    assert (skipped.changes, skipped.skipped) == ([], 1)


@pytest.mark.parametrize(
    "quotes",
    [
        [buy(100, 5), sell(100, 5)],
        [buy(0, 5)],
        [buy(100, 0)],
        [QuoteFields(0, 100, 5)],
        [buy(100 + each, 1) for each in range(33)],
    ],
)
def test_quotes_that_nobody_can_want_are_refused(quotes: list[QuoteFields]) -> None:
    with pytest.raises(LadderError):
        Ladder(KRAKEN).diff(quotes, [])


@pytest.mark.parametrize(
    "options",
    [
        KRAKEN._replace(price_tolerance=-1),
        KRAKEN._replace(new_cost=256),
        KRAKEN._replace(cancel_cost=((5, 1), (4, 1), (0, 1))),
        KRAKEN._replace(cancel_cost=((5, -1), (0, 0))),
        KRAKEN._replace(cancel_cost=tuple((each, 1) for each in range(10))),
    ],
)
def test_options_that_cannot_be_are_refused(options: LadderOptions) -> None:
    with pytest.raises(LadderError):
        Ladder(options)


def test_a_full_ladder_is_found_at_once() -> None:
    quotes = [buy(1_000 - each, 5) for each in range(32)]
    resting = [rests(1, 980 - each, 5) for each in range(64)]
    answer = Ladder(KRAKEN).diff(quotes, resting)
    leads_there(KRAKEN, quotes, resting, answer)
    # twelve prices are there already; twenty orders move, thirty-two are one too many
    assert (answer.messages, answer.places_lost) == (52, 20)
    with pytest.raises(LadderError):
        Ladder(KRAKEN).diff(quotes, [*resting, rests(1, 1, 1)])


def test_it_follows_the_orders_of_a_table() -> None:
    table = OrderTable([(0, 1)])
    ladder = Ladder(KRAKEN, table)
    quotes = [buy(100, 5), sell(110, 5)]
    first = ladder.follow(0, quotes, now_ns=0)
    assert [each.action for each in first.changes] == [NEW, NEW]
    for name, change in zip("ab", first.changes, strict=True):
        table.open(name, 0, change.side, change.price, change.quantity)
        ladder.since(name, 0)
    assert ladder.follow(0, quotes, now_ns=0).changes == []  # under way
    table.apply("a", E.ACKED, venue_id="1")
    table.apply("b", E.ACKED, venue_id="2")
    table.apply("a", E.FILL, trade_id="9", quantity=2, price=100)
    assert ladder.follow(0, [sell(110, 5)], now_ns=SECOND).cost == 8
    assert ladder.follow(0, [sell(110, 5)], now_ns=60 * SECOND).cost == 0
    refill = ladder.follow(0, quotes, now_ns=SECOND)
    assert refill.changes == [ChangeFields(AMEND, "a", 1, 100, 7)]
    table.apply("a", E.AMEND_REQUESTED, command=1, price=99, quantity=7)
    assert ladder.follow(0, [buy(99, 5), sell(110, 5)], now_ns=SECOND).changes == []
    table.apply("a", E.AMEND_UNKNOWN, command=1)
    moved = ladder.follow(0, [buy(95, 5), sell(110, 5)], now_ns=SECOND)
    assert [(each.action, each.price) for each in moved.changes] == [(NEW, 95)]
    with pytest.raises(ValueError, match="no instrument"):
        ladder.follow(1, quotes, now_ns=0)
    with pytest.raises(LadderError):
        Ladder(KRAKEN).follow(0, quotes, now_ns=0)


def test_without_room_for_more_an_order_still_leaves_a_price_it_must_not_have() -> None:
    resting = [rests(1, 100, 5)]
    answer = Ladder(KRAKEN).diff([buy(98, 9)], resting, room_buy=6, budget=0)
    assert answer.changes == [ChangeFields(AMEND, 0, 1, 98, 5)]
    assert answer.deferred == 1
    stuck = Ladder(KRAKEN).diff([buy(100, 9)], resting, room_buy=6)
    assert (stuck.changes, stuck.deferred) == ([], 1)
