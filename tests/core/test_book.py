"""The compiled book against a plain one: any changes, near and far, in any order."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.book import Book

Changes = list[tuple[int, int]]


class Plain:
    """The same book in two dicts."""

    def __init__(self) -> None:
        self.sides: tuple[dict[int, int], dict[int, int]] = ({}, {})

    def apply(self, bids: Changes, asks: Changes) -> None:
        for side, changes in zip(self.sides, (bids, asks), strict=True):
            for price, quantity in changes:
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)

    def depth(self, bid: bool) -> Changes:
        return sorted(self.sides[0 if bid else 1].items(), reverse=bid)


def same(book: Book, plain: Plain) -> None:
    assert book.counts == tuple(len(side) for side in plain.sides)
    for bid, best in ((True, book.best_bid), (False, book.best_ask)):
        levels = plain.depth(bid)
        assert best == (levels[0] if levels else None)
        assert book.depth(bid, len(levels) + 5) == levels
        assert book.depth(bid, 3) == levels[:3]
    if book.best_bid and book.best_ask:
        assert book.crossed == (book.best_bid[0] >= book.best_ask[0])


# Near a centre that may jump, or anywhere a venue could quote.
near = st.integers(-50, 50)
far = st.integers(-60_000, 60_000)
quantities = st.sampled_from([0, 0, 1, 7, 10**12])
changes = st.lists(st.tuples(near | far, quantities), max_size=12)
steps = st.lists(
    st.tuples(changes, changes, st.sampled_from([0, 0, 0, 900, -40_000, 2_000_000])), max_size=12
)


@settings(deadline=None, max_examples=200)
@given(steps)
def test_any_changes_give_the_plain_book(sequence: list[tuple[Changes, Changes, int]]) -> None:
    book, plain, centre = Book(), Plain(), 5_000_000
    for bids, asks, moved in sequence:
        centre += moved
        shifted = [
            [(centre + price, quantity) for price, quantity in side] for side in (bids, asks)
        ]
        book.apply(*shifted)
        plain.apply(*shifted)
        same(book, plain)
    book.clear()
    same(book, Plain())


@pytest.mark.parametrize("seed", range(4))
def test_a_market_that_wanders_keeps_its_window(seed: int) -> None:
    chance = random.Random(seed)
    book, plain, middle = Book(), Plain(), 300_000
    for step in range(3_000):
        middle += chance.randint(-60, 60) + (40 if seed == 2 else 0)
        bids, asks = (
            [
                (middle + sign * int(chance.expovariate(1 / 300)), chance.choice([0, 1, 5]))
                for _ in range(4)
            ]
            for sign in (-1, 1)
        )
        # Whoever is in the way is taken out, as a venue would.
        bids += [(price, 0) for price in plain.sides[0] if price >= middle]
        asks += [(price, 0) for price in plain.sides[1] if price <= middle]
        book.apply(bids, asks)
        plain.apply(bids, asks)
        if step % 50 == 0:
            same(book, plain)
        else:
            for bid, best in ((True, book.best_bid), (False, book.best_ask)):
                side = plain.sides[0 if bid else 1]
                price = (max if bid else min)(side, default=None)
                assert (best and best[0]) == price
    same(book, plain)


@settings(deadline=None)
@given(changes, changes, st.integers(0, 30))
def test_what_is_beyond_a_depth_is_cut(bids: Changes, asks: Changes, depth: int) -> None:
    book, plain = Book(), Plain()
    for each in (book, plain):
        each.apply(bids, asks)
    book.truncate(depth)
    for side, bid in zip(plain.sides, (True, False), strict=True):
        for price, _ in plain.depth(bid)[depth:]:
            del side[price]
    same(book, plain)


def test_a_side_that_is_all_far_away_is_found() -> None:
    book = Book()
    book.apply([(1_000_000, 1)], [])
    book.apply([(1_000_000, 0), (3, 5), (2, 4)], [])
    assert book.best_bid == (3, 5)
    assert book.depth(True, 9) == [(3, 5), (2, 4)]


def test_more_far_levels_than_the_table_had_room_for() -> None:
    book, plain = Book(), Plain()
    parked = [(10 * price, price) for price in range(1, 60_000)]
    for at in (parked, [(price, 0) for price, _ in parked[::3]], parked[::7]):
        book.apply([*at, (10**9, 1)], [])
        plain.apply([*at, (10**9, 1)], [])
        same(book, plain)


def test_volumes_and_costs_are_sums_over_the_levels() -> None:
    book = Book()
    book.apply([(100, 3), (99, 4), (10, 8)], [(101, 2), (105, 5), (900_000, 6)])
    assert book.volume_to(True, 99) == 7
    assert book.volume_to(True, 1) == 15
    assert book.volume_to(False, 105) == 7
    assert book.volume_to(False, 100) == 0
    assert book.cost_of(True, 5) == (5, 3 * 100 + 2 * 99)
    assert book.cost_of(False, 10) == (10, 2 * 101 + 5 * 105 + 3 * 900_000)
    assert book.cost_of(False, 100) == (13, 2 * 101 + 5 * 105 + 6 * 900_000)
    assert book.imbalance(1) == (3 - 2) / (3 + 2)
    assert book.microprice == (100 * 2 + 101 * 3) / 5


def test_an_empty_book_has_no_touch() -> None:
    book = Book()
    assert (book.best_bid, book.best_ask, book.microprice) == (None, None, None)
    assert book.imbalance(5) == 0.0
    assert book.cost_of(True, 5) == (0, 0)
    assert not book.crossed
    book.apply([(5, 1)], [])
    assert book.microprice is None


def test_a_negative_quantity_changes_nothing() -> None:
    book = Book()
    book.apply([(5, 1)], [(7, 1)])
    with pytest.raises(ValueError, match="-1 lots"):
        book.apply([(5, 9)], [(8, -1)])
    assert (book.best_bid, book.best_ask) == ((5, 1), (7, 1))
