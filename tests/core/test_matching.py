"""Our orders against a market: price and time, queues, and what was taken is gone."""

from __future__ import annotations

import math
from random import Random

import pytest
from plain_matching import Fill, PlainMatching

from alp._core.matching import (
    LARGEST,
    Matcher,
    MatchKind,
    OrderMatch,
    Placed,
    Prevention,
    QueueModel,
    ahead_share,
)

BID, ASK = True, False
FIRST, SECOND = 0, 1
ONE = 1 << 30


def market(model: QueueModel = QueueModel.CONSERVATIVE, **more: int) -> Matcher:
    """Bids 99 and 98, asks 101 and 102, of ten lots each."""
    matcher = Matcher(model, **more)
    for bid, price in ((BID, 98), (BID, 99), (ASK, 102), (ASK, 101)):
        matcher.level(bid, price, 10)
    return matcher


def resting(matcher: Matcher, price: int, quantity: int, **more: int) -> int:
    placed = matcher.place(FIRST, BID, price, quantity, **more)
    assert placed.rests
    return placed.place


def told(matches: list[OrderMatch]) -> list[tuple[int, int, bool]]:
    return [(each.price, each.quantity, each.maker) for each in matches]


def test_an_order_waits_behind_what_was_there() -> None:
    matcher = market()
    place = resting(matcher, 99, 5)
    assert matcher.ahead(place) == 10
    assert matcher.trade(False, 99, 10) == []
    assert matcher.ahead(place) == 0
    assert told(matcher.trade(False, 99, 3)) == [(99, 3, True)]
    assert told(matcher.trade(False, 99, 3)) == [(99, 2, True)]
    assert len(matcher) == 0


def test_a_trade_through_the_price_fills_at_the_order_s_own_price() -> None:
    matcher = market()
    resting(matcher, 99, 5)
    assert told(matcher.trade(False, 98, 4)) == [(99, 4, True)]


def test_a_trade_at_a_worse_price_for_the_aggressor_reaches_nobody() -> None:
    matcher = market()
    resting(matcher, 98, 5)
    assert matcher.trade(False, 99, 100) == []


def test_what_leaves_without_a_trade_was_behind_as_far_as_it_can_be() -> None:
    matcher = market()
    place = resting(matcher, 99, 5)
    matcher.level(BID, 99, 25)
    matcher.level(BID, 99, 12)
    assert matcher.ahead(place) == 10
    matcher.level(BID, 99, 7)
    assert matcher.ahead(place) == 7
    matcher.level(BID, 99, 0)
    assert matcher.ahead(place) == 0


@pytest.mark.parametrize(
    ("model", "more", "expected"),
    [
        (QueueModel.POWER, {"exponent": 1}, 10 - 10 * 10 / 40),
        (QueueModel.POWER, {"exponent": 2}, 10 - 10 * 100 / (100 + 900)),
        (QueueModel.POWER, {"exponent": 3}, 10 - 10 * 1000 / (1000 + 27000)),
        (QueueModel.LOG, {}, 10 - 10 * math.log(11) / (math.log(11) + math.log(31))),
    ],
)
def test_what_leaves_is_split_between_ahead_and_behind(
    model: QueueModel, more: dict[str, int], expected: float
) -> None:
    matcher = market(model, **more)
    place = resting(matcher, 99, 5)
    matcher.level(BID, 99, 40)
    matcher.level(BID, 99, 30)
    assert matcher.ahead(place) == math.ceil(expected + 1e-6)  # shares are rounded against us


@pytest.mark.parametrize("model", [QueueModel.POWER, QueueModel.LOG])
@pytest.mark.parametrize("exponent", [1, 2, 3])
def test_shares_are_those_of_the_formula(model: QueueModel, exponent: int) -> None:
    random = Random(exponent)

    def weight(quantity: int) -> float:
        return math.log1p(quantity) if model is QueueModel.LOG else float(quantity) ** exponent

    for _ in range(2000):
        ahead, behind = (random.getrandbits(random.randint(1, 47)) + 1 for _ in range(2))
        found = ahead_share(model, ahead, behind, exponent=exponent) / ONE
        of_ahead, of_behind = weight(ahead), weight(behind)
        assert found == pytest.approx(of_ahead / (of_ahead + of_behind), abs=1e-6)
        assert ahead_share(model, behind, ahead, exponent=exponent) <= ONE - int(found * ONE)


@pytest.mark.parametrize("model", list(QueueModel))
def test_nothing_ahead_loses_nothing_and_nothing_behind_loses_all(model: QueueModel) -> None:
    assert ahead_share(model, 0, 5) == 0
    assert ahead_share(model, 5, 0) == ONE


@pytest.mark.parametrize("model", [QueueModel.POWER, QueueModel.LOG])
def test_a_decrease_that_a_trade_explains_does_not_count_again(model: QueueModel) -> None:
    matcher = market(model)
    place = resting(matcher, 99, 5)
    matcher.level(BID, 99, 40)
    matcher.trade(False, 99, 6)
    assert matcher.ahead(place) == 4
    matcher.level(BID, 99, 34)
    assert matcher.ahead(place) == 4
    matcher.level(BID, 99, 33)
    assert 3 <= matcher.ahead(place) <= 4


def test_named_orders_that_leave_bring_forward_who_came_after_them() -> None:
    matcher = market(QueueModel.FIFO)
    early = matcher.stamp
    place = resting(matcher, 99, 5)
    late = matcher.stamp
    matcher.removal(BID, 99, 4, early)
    assert matcher.ahead(place) == 6
    matcher.removal(BID, 99, 4, late)
    assert matcher.ahead(place) == 6
    matcher.level(BID, 99, 30)
    matcher.level(BID, 99, 20)
    assert matcher.ahead(place) == 6


def test_a_level_that_meets_an_order_fills_it_with_what_it_has_once() -> None:
    matcher = market()
    resting(matcher, 100, 5)
    assert told(matcher.level(ASK, 100, 2)) == [(100, 2, True)]
    assert told(matcher.level(ASK, 99, 2)) == [(100, 2, True)]
    assert told(matcher.level(ASK, 99, 2)) == [(100, 1, True)]
    assert matcher.visible(ASK, 99) == 1


def test_a_taker_takes_the_visible_book_and_it_is_gone_until_it_is_told_anew() -> None:
    matcher = market()
    first = matcher.place(FIRST, BID, 102, 15, rest=False)
    assert told(first.matches) == [(101, 10, False), (102, 5, False)]
    assert not first.rests
    again = matcher.place(FIRST, BID, 102, 15, rest=False)
    assert told(again.matches) == [(102, 5, False)]
    assert again.left == 10
    matcher.level(ASK, 101, 3)
    assert matcher.available(BID, 102) == 3


def test_the_rest_of_a_taker_waits_at_its_price() -> None:
    matcher = market()
    placed = matcher.place(FIRST, BID, 101, 15)
    assert placed.rests
    assert placed.left == 5
    assert matcher.ahead(placed.place) == 0


def test_two_of_us_meet_by_price_and_time_with_the_market_between() -> None:
    matcher = market()
    resting(matcher, 99, 5)
    matcher.level(BID, 99, 14)
    late = matcher.place(SECOND, BID, 99, 5)
    assert matcher.ahead(late.place) == 14
    sold = matcher.place(2, ASK, 99, 100, rest=False)
    assert told(sold.matches) == [
        (99, 10, False),
        (99, 5, False),
        (99, 5, True),
        (99, 4, False),
        (99, 5, False),
        (99, 5, True),
    ]


@pytest.mark.parametrize(
    ("mode", "kinds", "left_of_taker", "left_of_maker"),
    [
        (Prevention.NONE, ["FILL", "FILL"], 0, 2),
        (Prevention.TAKER, ["EXPIRED"], 0, 5),
        (Prevention.MAKER, ["EXPIRED"], 3, 0),
        (Prevention.BOTH, ["EXPIRED", "EXPIRED"], 0, 0),
        (Prevention.DECREMENT, ["PREVENTED", "PREVENTED"], 0, 2),
    ],
)
def test_an_order_that_meets_its_own_account(
    mode: Prevention, kinds: list[str], left_of_taker: int, left_of_maker: int
) -> None:
    matcher = market()
    resting(matcher, 100, 5)
    placed = matcher.place(FIRST, ASK, 100, 3, prevention=mode)
    assert [MatchKind(each.kind).name for each in placed.matches] == kinds
    assert placed.left == left_of_taker
    assert matcher.available(ASK, 100) == left_of_maker


def test_less_may_keep_its_place_and_everything_else_goes_to_the_end() -> None:
    matcher = market()
    place = resting(matcher, 99, 5)
    matcher.trade(False, 99, 6)
    assert matcher.amend(place, 99, 4, keep=True) == Placed(place, True, 4, [])
    assert matcher.ahead(place) == 4
    assert matcher.ahead(matcher.amend(place, 99, 5, keep=True).place) == 10
    assert told(matcher.amend(place, 101, 5).matches) == [(101, 5, False)]


def test_a_taker_of_more_matches_than_there_is_room_for_gets_them_all() -> None:
    matcher = Matcher(orders=1, levels=1000)
    for price in range(1, 501):
        matcher.level(ASK, price, 1)
    placed = matcher.place(FIRST, BID, 1000, 600)
    assert [each.price for each in placed.matches] == list(range(1, 501))
    assert placed.left == 100


def test_a_book_beyond_its_room_forgets_the_farthest_levels() -> None:
    matcher = Matcher(levels=3)
    for price in (10, 14, 12, 11, 13):
        matcher.level(BID, price, 1)
    assert [matcher.visible(BID, price) for price in range(10, 15)] == [0, 0, 1, 1, 1]
    matcher.cut(1)
    assert [matcher.visible(BID, price) for price in range(10, 15)] == [0, 0, 0, 0, 1]


def test_what_cannot_be_an_order_is_refused() -> None:
    matcher = Matcher(orders=1)
    for price, quantity in ((0, 1), (-5, 1), (1, 0), (1, LARGEST + 1)):
        with pytest.raises(ValueError, match="a price and a quantity"):
            matcher.place(FIRST, BID, price, quantity)
    matcher.place(FIRST, BID, 1, 1)
    with pytest.raises(MemoryError):
        matcher.place(FIRST, BID, 1, 1)
    with pytest.raises(KeyError):
        matcher.cancel(7)
    with pytest.raises(ValueError, match="exponent"):
        Matcher(exponent=4)


KINDS = {MatchKind.FILL: "fill", MatchKind.EXPIRED: "expired", MatchKind.PREVENTED: "prevented"}


class Both:
    """The matcher and its twin, told the same."""

    def __init__(self) -> None:
        self.matcher = Matcher(orders=64, levels=64)
        self.twin = PlainMatching()
        self.names: dict[int, int] = {}
        self.placed = 0
        self.fills: list[Fill] = []

    def read(self, matches: list[OrderMatch], taker: tuple[int, int] | None = None) -> None:
        for each in matches:
            names = self.names | ({taker[0]: taker[1]} if taker else {})
            name, other = names[each.place], -1 if each.other < 0 else names[each.other]
            kind = KINDS[MatchKind(each.kind)]
            self.fills.append((name, other, kind, each.maker, each.price, each.quantity))
        for each in matches:
            if each.maker and not each.left:
                del self.names[each.place]

    def settle(self, placed: Placed, name: int) -> None:
        self.read(placed.matches, (placed.place, name))
        if placed.rests:
            self.names[placed.place] = name

    def compare(self) -> None:
        assert self.fills == self.twin.fills
        waiting = {each.name: each for each in self.twin.orders}
        assert set(waiting) == set(self.names.values())
        for place, name in self.names.items():
            assert self.matcher.ahead(place) == waiting[name].ahead
        for bid, levels in self.twin.book.items():
            for price, (size, taken) in levels.items():
                assert self.matcher.visible(bid, price) == size - taken


@pytest.mark.parametrize("seed", range(40))
def test_it_does_what_the_plain_twin_does(seed: int) -> None:
    random, both = Random(seed), Both()
    matcher, twin = both.matcher, both.twin
    for _ in range(600):
        bid, price, quantity = random.random() < 0.5, random.randint(1, 12), random.randint(0, 9)
        draw = random.random()
        if draw < 0.45:
            twin.level(bid, price, quantity)
            both.read(matcher.level(bid, price, quantity))
        elif draw < 0.6:
            twin.trade(bid, price, quantity)
            both.read(matcher.trade(bid, price, quantity))
        elif draw < 0.85 and len(both.names) < 60:
            both.placed += 1
            account, mode, rest = random.randint(0, 2), random.randint(0, 4), random.random() < 0.9
            twin.place(both.placed, account, bid, price, quantity + 1, mode, rest)
            placed = matcher.place(account, bid, price, quantity + 1, prevention=mode, rest=rest)
            both.settle(placed, both.placed)
        elif both.names:
            place = random.choice(list(both.names))
            name = both.names.pop(place)
            if draw < 0.95:
                keep = random.random() < 0.5
                twin.amend(name, price, quantity + 1, keep)
                both.settle(matcher.amend(place, price, quantity + 1, keep=keep), name)
            else:
                twin.cancel(name)
                matcher.cancel(place)
        both.compare()
