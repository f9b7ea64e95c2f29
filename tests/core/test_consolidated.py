"""Several venues' books as one, against fractions and dicts."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.consolidated import Consolidated
from alp._core.feed import Feed

Grid = tuple[int, int, int, int]
Changes = list[tuple[int, int]]

GRIDS: list[Grid] = [(2, 1, 3, 1), (1, 5, 8, 1), (2, 25, 0, 7), (8, 3000, 2, 1), (0, 1, 9, 10**8)]


@dataclass
class Market:
    """A feed of one product, and what its book should hold, in ticks and lots."""

    grid: Grid
    sides: tuple[dict[int, int], dict[int, int]] = field(default_factory=lambda: ({}, {}))
    live: bool = False

    def __post_init__(self) -> None:
        self.feed = Feed("coinbase-exchange", [("X", *self.grid)])

    def level(self, price: int, quantity: int) -> list[str]:
        decimals, step, lot_decimals, lot = self.grid
        return [written(price * step, decimals), written(quantity * lot, lot_decimals)]

    def snapshot(self, bids: Changes, asks: Changes) -> None:
        rows = {
            name: [self.level(*each) for each in side]
            for name, side in (("bids", bids), ("asks", asks))
        }
        self.send({"type": "snapshot", "product_id": "X", **rows})
        self.sides, self.live = ({}, {}), True
        self.apply(bids, asks)

    def change(self, bids: Changes, asks: Changes) -> None:
        changes = [
            [name, *self.level(*each)]
            for name, side in (("buy", bids), ("sell", asks))
            for each in side
        ]
        time = "2026-01-01T00:00:00Z"
        self.send({"type": "l2update", "product_id": "X", "time": time, "changes": changes})
        if self.live:
            self.apply(bids, asks)

    def lose(self) -> None:
        self.feed.lost()
        self.sides, self.live = ({}, {}), False

    def send(self, message: dict[str, object]) -> None:
        assert self.feed.feed(json.dumps(message).encode()) is None

    def apply(self, bids: Changes, asks: Changes) -> None:
        for side, changed in zip(self.sides, (bids, asks), strict=True):
            for price, quantity in changed:
                if quantity:
                    side[price] = quantity
                else:
                    side.pop(price, None)
        if all(self.sides) and max(self.sides[0]) >= min(self.sides[1]):
            self.sides, self.live = ({}, {}), False

    def worth(self, bid: bool) -> dict[Fraction, Fraction]:
        """The levels of one side as prices and amounts."""
        decimals, step, lot_decimals, lot = self.grid
        return {
            Fraction(tick * step, 10**decimals): Fraction(lots * lot, 10**lot_decimals)
            for tick, lots in self.sides[0 if bid else 1].items()
        }


def written(units: int, decimals: int) -> str:
    digits = str(units).rjust(decimals + 1, "0")
    return f"{digits[:-decimals]}.{digits[-decimals:]}" if decimals else digits


def common(steps: list[Fraction]) -> Fraction:
    """The greatest step that all are whole multiples of."""
    denominator = math.lcm(*(step.denominator for step in steps))
    return Fraction(math.gcd(*(int(step * denominator) for step in steps)), denominator)


class Plain:
    """All markets as one."""

    def __init__(self, markets: list[Market]) -> None:
        self.markets = markets
        self.tick, self.lot = (
            common([Fraction(market.grid[at + 1], 10 ** market.grid[at]) for market in markets])
            for at in (0, 2)
        )

    def levels(self, bid: bool) -> list[tuple[int, int, tuple[int, ...]]]:
        found: dict[int, dict[int, int]] = {}
        for venue, market in enumerate(self.markets):
            for price, quantity in market.worth(bid).items():
                ticks, lots = price / self.tick, quantity / self.lot
                assert ticks.denominator == lots.denominator == 1
                found.setdefault(int(ticks), {})[venue] = int(lots)
        return [
            (price, sum(shares.values()), tuple(sorted(shares)))
            for price, shares in sorted(found.items(), reverse=bid)
        ]


def same(view: Consolidated, plain: Plain) -> None:
    tick, lot = (
        Fraction(step, 10**decimals) for decimals, step in (view.price_grid, view.quantity_grid)
    )
    assert (tick, lot) == (plain.tick, plain.lot)
    assert view.live == tuple(n for n, market in enumerate(plain.markets) if market.live)
    touch = []
    for bid, best in ((True, view.best_bid), (False, view.best_ask)):
        levels = plain.levels(bid)
        assert best == (levels[0] if levels else None)
        touch += [price for price, _, _ in levels[:1]]
        told = [(price, quantity, len(venues)) for price, quantity, venues in levels]
        assert view.depth(bid, len(levels) + 3) == told
        assert view.depth(bid, 2) == told[:2]
        same_sums(view, bid, levels)
    crossed = len(touch) == 2 and touch[0] >= touch[1]
    assert view.crossing == (touch[0] - touch[1] if crossed else None)


def same_sums(
    view: Consolidated, bid: bool, levels: list[tuple[int, int, tuple[int, ...]]]
) -> None:
    volume = value = 0
    prices = {price for price, _, _ in levels}
    for price, quantity, venues in levels:
        shares = view.by_venue(bid, price)
        assert tuple(venue for venue, _ in shares) == venues
        assert sum(share for _, share in shares) == quantity
        assert (view.by_venue(bid, price + 1) != []) == (price + 1 in prices)
        volume += quantity
        value += price * quantity
        assert view.volume_to(bid, price) == volume
        assert view.cost_of(bid, volume) == (volume, value)
        assert view.cost_of(bid, volume - 1) == (volume - 1, value - price)
    assert view.cost_of(bid, volume + 1) == (volume, value)


changes = st.lists(st.tuples(st.integers(-8, 30), st.sampled_from([0, 1, 1, 5, 10**9])), max_size=6)
operations = st.lists(
    st.tuples(
        st.integers(0, 4),
        st.sampled_from(["snapshot", "snapshot", "change", "change", "change", "lose"]),
        st.tuples(changes, changes),
        st.integers(-1, 1),
    ),
    max_size=15,
)


def on_grid(market: Market, changed: Changes, middle: int, sign: int) -> Changes:
    """Changes round one price for all markets, on this one's grid; one for a price."""
    decimals, step = market.grid[:2]
    unit = 10**decimals
    return list(
        {
            ((2000 + middle) * unit + sign * away * max(unit // 4, step)) // step: lots
            for away, lots in changed
        }.items()
    )


@settings(deadline=None, max_examples=250)
@given(st.permutations(range(5)), st.integers(1, 5), operations)
def test_any_messages_give_what_the_plain_books_give_together(
    order: list[int],
    count: int,
    sequence: list[tuple[int, str, tuple[Changes, Changes], int]],
) -> None:
    markets = [Market(GRIDS[which]) for which in order[:count]]
    view = Consolidated([(market.feed, 0, *market.grid) for market in markets])
    plain = Plain(markets)
    same(view, plain)
    for which, kind, sides, middle in sequence:
        market = markets[which % count]
        bids, asks = (
            on_grid(market, side, middle, sign) for side, sign in zip(sides, (-1, 1), strict=True)
        )
        if kind == "lose":
            market.lose()
        elif kind == "change":
            market.change(bids, asks)
        else:
            market.snapshot(*([each for each in side if each[1]] for side in (bids, asks)))
        assert market.feed.status(0)[0] == market.live
        same(view, plain)


def test_far_levels_of_one_book_stand_between_the_near_ones_of_another() -> None:
    fine, coarse = Market((2, 1, 0, 1)), Market((0, 1, 0, 1))
    fine.snapshot([(200_000 - 400 * n, n + 1) for n in range(300)], [])
    coarse.snapshot([(2_000 - n, 1) for n in range(1_500)], [])
    view = Consolidated([(market.feed, 0, *market.grid) for market in (fine, coarse)])
    same(view, Plain([fine, coarse]))


@pytest.fixture
def pair() -> tuple[Market, Market]:
    """One market in cents and thousandths, one in halves and whole units."""
    return Market((2, 1, 3, 1)), Market((1, 5, 0, 1))


def test_one_venues_bid_above_anothers_ask_is_seen(pair: tuple[Market, Market]) -> None:
    cents, halves = pair
    view = Consolidated([(market.feed, 0, *market.grid) for market in pair])
    assert (view.price_grid, view.quantity_grid) == ((2, 1), (3, 1))
    cents.snapshot([(200_010, 1500)], [(200_060, 700)])
    assert view.crossing is None
    halves.snapshot([(4001, 2)], [(4002, 3)])
    assert (view.best_bid, view.best_ask) == ((200_050, 2000, (1,)), (200_060, 700, (0,)))
    assert view.crossing is None
    halves.snapshot([(4002, 2)], [(4003, 3)])
    assert view.crossing == 40
    cents.snapshot([(200_010, 1500)], [(200_100, 700)])
    assert view.crossing == 0
    halves.lose()
    assert (view.live, view.crossing) == ((0,), None)


def test_venues_share_a_level(pair: tuple[Market, Market]) -> None:
    view = Consolidated([(market.feed, 0, *market.grid) for market in pair])
    pair[0].snapshot([(200_050, 1500)], [])
    pair[1].snapshot([(4001, 2)], [])
    assert view.best_bid == (200_050, 3500, (0, 1))
    assert view.by_venue(True, 200_050) == [(0, 1500), (1, 2000)]
    assert view.by_venue(False, 200_050) == view.by_venue(True, 200_049) == []
    assert view.by_venue(True, -(10**30)) == view.by_venue(True, 10**30) == []
    assert view.depth(True, 5) == [(200_050, 3500, 2)]
    assert view.depth(True, 0) == view.depth(True, -1) == []


def test_the_largest_amounts_are_exact_on_the_common_grid() -> None:
    large, fine = Market((0, 10**9, 0, 10**8)), Market((7, 1, 8, 1))
    view = Consolidated([(market.feed, 0, *market.grid) for market in (large, fine)])
    lots = 2**61 // 10**8
    large.snapshot([(5, 10**9)], [(6, lots)])
    fine.snapshot([(1, 7)], [])
    assert view.best_bid == (5 * 10**16, 10**9 * 10**16, (0,))
    assert view.best_ask == (6 * 10**16, lots * 10**16, (0,))
    assert view.cost_of(False, lots * 10**16) == (lots * 10**16, 6 * 10**16 * lots * 10**16)


def test_the_books_outlive_the_feeds_names() -> None:
    market = Market((2, 1, 3, 1))
    market.snapshot([(200_000, 5)], [])
    view = Consolidated([(market.feed, 0, *market.grid)])
    del market
    assert view.best_bid == (200_000, 5, (0,))


@pytest.mark.parametrize(
    ("rows", "error", "text"),
    [
        ([], ValueError, "0 venues"),
        ([(0, 2, 1, 3, 1)] * 65, ValueError, "65 venues"),
        ([(0, 19, 1, 3, 1)], ValueError, "step of"),
        ([(0, 2, 1, 3, 0)], ValueError, "step of"),
        ([(0, 2, 1, 3, 1), (0, 2, 1, 3, 1)], ValueError, "same book"),
        ([(1, 2, 1, 3, 1)], IndexError, "no symbol 1"),
        ([(0, 18, 1, 3, 1), (0, 0, 1, 3, 1)], OverflowError, "too far apart"),
    ],
)
def test_what_cannot_be_brought_together_is_refused(
    rows: list[tuple[int, ...]], error: type[Exception], text: str
) -> None:
    feed = Feed("coinbase-exchange", [("X", 2, 1, 3, 1)])
    with pytest.raises(error, match=text):
        Consolidated([(feed, *row) for row in rows])
