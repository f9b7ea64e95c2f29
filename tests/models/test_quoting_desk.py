"""The built-in desk: what it wishes for, on what, and why."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest
from desk_world import (
    BEGIN,
    ETHER,
    LOT_RAW,
    PAIR,
    POOL,
    SECOND,
    STEP,
    World,
    product,
    rules,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.maker import Bound
from alp.errors import ConfigError
from alp.models.basis import PEG_RULES
from alp.models.desk import (
    BookState,
    DeskInstrument,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    Paused,
    Tick,
    Top,
)
from alp.models.maker_words import explain, from_record
from alp.models.quoting_desk import QuotingDesk
from alp.models.quoting_rules import HedgeRules, PegRule

ROOM = 1 << 40


def bound(world: World, index: int = 0) -> Bound:
    view = world.desk.lanes[index].view
    assert view is not None
    return view.bound


def test_both_sides_are_quoted_once_everything_was_heard():
    world = World().begin()
    for index in (0, 1):
        wish, top = world.last(index), world.desk.lanes[index].top
        assert len(wish.bids) == len(wish.asks) == 2
        assert wish.bids[0][0] < top.ask
        assert wish.asks[0][0] > top.bid
        assert wish.until_ns == wish.at_ns + 5 * SECOND
    numbers = [wish.number for wish in world.said]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_wish_explains_itself():
    world = World()
    world.delta = 10**18
    wish = world.begin().last(0)
    why = json.loads(json.dumps(wish.why))
    view = from_record(why)
    assert tuple(view.bids) == wish.bids
    assert tuple(view.asks) == wish.asks
    assert "reservation" in "\n".join(explain(view))
    assert why["hedge"]["combined_raw"] == str(10**18)
    assert why["hedge"]["ratio_source"] == "fixed"
    assert view.inputs["inventory"] == 1000


def test_a_wish_is_said_again_before_it_ends():
    world = World(rules(hold_ns=SECOND, renew_ns=SECOND // 4)).begin()
    world.random = _Still()
    said = world.go(50)
    for index in (0, 1):
        mine = [wish for wish in said if wish.instrument == index]
        assert len(mine) >= 15
        assert all(later.at_ns < earlier.until_ns for earlier, later in itertools.pairwise(mine))


class _Still:
    def integers(self, *_: int) -> int:
        return 0


def _silent(world: World, kind: type[Any], seconds: int) -> None:
    """Everything but one kind of event goes on being heard."""
    for _ in range(seconds * 10):
        world.now += STEP
        world.tell(*(each for each in world.events() if not isinstance(each, kind)))


@pytest.mark.parametrize(
    ("kind", "seconds", "bit"),
    [
        (Top, 2, Bound.STALE_BOOK),
        (Held, 6, Bound.STALE_INVENTORY),
        (LpHeld, 61, Bound.STALE_POOL),
        (Gated, 3, Bound.SUSPENDED),
    ],
)
def test_nothing_is_quoted_on_what_is_not_heard_any_more(kind, seconds, bit):
    world = World().begin()
    assert world.last(0).bids
    _silent(world, kind, seconds)
    assert world.last(0).bids == world.last(0).asks == ()
    assert bit in bound(world)
    world.go(1)
    assert world.last(0).bids
    assert world.last(0).asks


def test_one_position_that_was_never_heard_is_enough_not_to_quote():
    world = World()
    for index in (0, 1):
        world.tell(BookState(index, world.now, True))
    for _ in range(60):
        world.now += STEP
        heard = (e for e in world.events() if not (isinstance(e, Held) and e.instrument == 1))
        world.tell(*heard)
    assert world.last(0).bids == ()
    assert Bound.STALE_INVENTORY in bound(world)


def test_a_book_that_is_not_live_is_forgotten():
    world = World().begin()
    world.tell(BookState(0, world.now, False))
    assert world.last(0).bids == ()
    assert world.last(1).bids != ()
    world.tell(BookState(0, world.now, True))
    assert world.last(0).bids == ()
    world.go(1)
    assert world.last(0).bids != ()


def test_a_pause_takes_everything_off_at_once():
    world = World().begin()
    said = world.tell(Paused(world.now, True))
    assert {wish.instrument for wish in said} == {0, 1}
    assert all(wish.bids == wish.asks == () for wish in said)
    assert said[0].why["hedge"]["off"] == ["paused"]
    assert world.go(20) == []
    assert all(wish.bids for wish in world.tell(Paused(world.now, False)))


def test_inventory_of_either_leg_leans_the_quotes_of_all_products():
    def middle(world: World, index: int) -> float:
        lane = world.desk.lanes[index]
        return lane.view.terms["reservation"] - lane.view.terms["mid"]

    flat = World().begin()
    on_venue, on_pool = World(), World()
    on_venue.held[1] = 1000
    on_pool.delta = 10**18
    for index in (0, 1):
        leaned = middle(on_venue.begin() if index == 0 else on_venue, index)
        assert leaned < middle(flat, index) - 0.5
        pool = middle(on_pool.begin() if index == 0 else on_pool, index)
        assert pool == pytest.approx(leaned)


def test_a_hedge_ratio_scales_the_pool_leg_alone():
    world = World(rules(hedge=HedgeRules(PAIR, 0.5, basis=None)))
    world.delta, world.held[0] = 10**18, 100
    world.begin()
    assert world.desk.inventory.combined(0, 0.5).combined_raw == 6 * 10**17
    assert world.last(0).why["inputs"]["inventory"] == 600


def test_the_ratio_is_measured_when_the_window_has_samples():
    hedge = HedgeRules(PAIR, window_ns=60 * SECOND, sample_ns=SECOND, basis=None)
    world = World(rules(hedge=hedge))
    world.begin()
    assert world.last(0).why["hedge"]["ratio_source"] == "first"
    world.go(400)
    ratio = world.desk.guard.ratio(0)
    assert ratio.source == "measured"
    assert ratio.value == pytest.approx(0.0)


def test_pool_and_venue_that_do_not_move_together_are_not_quoted():
    hedge = HedgeRules(
        PAIR, window_ns=60 * SECOND, sample_ns=SECOND, basis=None, min_correlation=0.8
    )
    world = World(rules(hedge=hedge)).begin()
    assert world.last(0).bids
    for step in range(400):
        world.now += STEP
        price = POOL + POOL // 10_000 * (step // 10 % 2)
        told = [e._replace(sqrt_price_x96=price) if type(e).__name__ == "PoolPrice" else e
                for e in world.events()]  # fmt: skip
        world.tell(*told)
    assert world.last(0).bids == ()
    assert "correlation" in world.last(0).why["hedge"]["off"][0]


def test_within_the_band_nothing_is_leaned_against_and_beyond_it_the_rest():
    hedge = HedgeRules(PAIR, 1.0, band_raw=5 * 10**17, basis=None)
    for delta, lots in ((4, 0), (-5, 0), (7, 200), (-8, -300)):
        world = World(rules(hedge=hedge))
        world.delta = delta * 10**17
        assert world.begin().last(0).why["inputs"]["inventory"] == lots


@pytest.mark.parametrize(
    ("moved_bps", "level"), [(0, "NORMAL"), (30, "WIDEN"), (70, "REDUCE"), (150, "SUSPEND")]
)
def test_the_basis_widens_reduces_and_suspends(moved_bps, level):
    world = World()
    world.bid = dict.fromkeys(world.bid, 199_999 + 20 * moved_bps)
    world.delta = 5 * 10**17
    wish = world.begin().last(0)
    assert wish.why["hedge"]["level"] == level
    if level == "WIDEN":
        assert Bound.WIDENED in bound(world)
        assert wish.bids
        assert wish.asks
    if level == "REDUCE":
        assert not wish.bids
        assert wish.asks
        assert sum(lots for _, lots in wish.asks) <= 500
    if level == "SUSPEND":
        assert not wish.bids
        assert not wish.asks


def test_a_peg_that_breaks_suspends_every_product():
    steps = product(0).maker.tick_size, product(0).maker.lot_size
    coin = DeskInstrument(7, "coin", "binance-spot", "USDCUSDT", *steps)
    world = World(rules(pegs=(PegRule("USDT", coin, PEG_RULES),)))
    world.begin()
    assert world.last(0).bids == ()
    for price, quoted in ((100, True), (97, False)):
        for _ in range(2000):
            world.now += STEP
            world.tell(Top(7, world.now, price, 5, price, 5), *world.events())
        assert bool(world.last(0).bids) is quoted


def test_a_gate_that_reduces_leaves_the_side_that_lowers_the_position():
    world = World()
    world.held[0] = 300
    world.begin()
    world.tell(Gated(0, world.now, GateState.REDUCING))
    wish = world.last(0)
    assert wish.bids == ()
    assert 0 < sum(lots for _, lots in wish.asks) <= 300
    assert world.last(1).bids
    world.tell(Gated(0, world.now, GateState.HALTED))
    assert world.last(0).asks == ()


def test_a_spot_account_sells_no_more_than_it_holds_and_leans_from_what_it_began_with():
    made = rules(products=(product(0, is_spot=True, neutral_lots=None, share_ppm=1_000_000),))
    world = World(made)
    world.held[0] = 300
    wish = world.begin().last(0)
    assert wish.why["inputs"]["inventory"] == 0
    assert sum(lots for _, lots in wish.asks) <= 300
    world.held[0] = 100
    world.go(1)
    assert world.last(0).why["inputs"]["inventory"] == -200
    assert world.last(0).asks == () or sum(lots for _, lots in world.last(0).asks) <= 100


def test_products_together_stay_within_the_limit_if_all_that_rests_is_filled():
    for delta in range(-40, 41, 4):
        world = World(rules(products=tuple(product(at, level_lots=(1500, 1500)) for at in (0, 1))))
        world.delta = delta * 10**17
        world.begin()
        for sign, side in ((1, "bids"), (-1, "asks")):
            lots = sum(lots for at in (0, 1) for _, lots in getattr(world.last(at), side))
            assert sign * world.delta + lots * LOT_RAW <= 4 * ETHER or lots == 0


def test_fills_and_unhedged_inventory_are_measured():
    world = World().begin()
    world.tell(Filled(0, world.now, 1, 199_990, 100))
    world.held[0] = 100
    world.go(10)
    metrics = world.desk.meter.metrics
    assert metrics.trades == 1
    assert metrics.volume_raw == 100 * LOT_RAW
    assert metrics.cost_quote < 0
    assert metrics.error_max_raw == 10**17


def quoted(inventory: int, where: str) -> tuple[Any, ...]:
    world = World(rules(products=(product(0, share_ppm=1_000_000),)))
    if where == "venue":
        world.held[0] = inventory
    else:
        world.delta = inventory * LOT_RAW
    wish = world.begin().last(0)
    best_bid = wish.bids[0][0] if wish.bids else -1
    best_ask = wish.asks[0][0] if wish.asks else 1 << 40
    lots = sum(lots for _, lots in wish.bids), sum(lots for _, lots in wish.asks)
    return best_bid, best_ask, *lots


@pytest.mark.parametrize("where", ["venue", "pool"])
@settings(max_examples=40, deadline=None)
@given(st.integers(-6000, 6000), st.integers(-6000, 6000))
def test_no_price_rises_and_no_side_grows_that_adds_when_inventory_rises(where, one, other):
    low, high = (quoted(each, where) for each in sorted((one, other)))
    assert high[0] <= low[0]
    # An empty side of asks is one that is infinitely far away: only at the greatest shortness.
    assert high[1] <= low[1]
    assert high[2] <= low[2]
    assert high[3] >= low[3]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 80), st.integers(0, 1000))
def test_a_desk_restored_midway_goes_on_the_same(steps, seed):
    world = World(seed=seed).begin()
    world.delta = 3 * 10**17
    world.go(steps)
    state = json.loads(json.dumps(world.desk.snapshot()))
    other = QuotingDesk(world.desk.rules)
    other.restore(state)
    for step in range(40):
        world.now += STEP
        world.held[step % 2] += step % 3 * 10
        events = world.events()
        assert [w for e in events for w in other.on(e)] == world.tell(*events)
    assert json.dumps(other.snapshot()) == json.dumps(world.desk.snapshot())


@settings(max_examples=25, deadline=None)
@given(st.randoms(use_true_random=False), st.integers(0, 1000))
def test_events_that_do_not_depend_on_each_other_may_come_in_any_order(random, seed):
    worlds = [World(seed=seed).begin() for _ in range(2)]
    for step in range(20):
        for world in worlds:
            world.now += STEP
            world.held[step % 2] += step % 5 * 20
            world.delta += step % 3 * 10**16
        *straight, tick = worlds[0].events()
        worlds[1].events()
        mixed = list(straight)
        random.shuffle(mixed)
        worlds[0].tell(*straight, tick)
        worlds[1].tell(*mixed, tick)
        for index in (0, 1):
            first, second = (world.last(index) for world in worlds)
            assert (first.bids, first.asks) == (second.bids, second.asks)
            one, two = (world.desk.lanes[index] for world in worlds)
            assert one.terms == two.terms
            assert one.view.terms == two.view.terms


def test_nothing_it_wishes_crosses_a_touch_or_is_more_than_the_room():
    world = World().begin()
    for step in range(300):
        world.held[0] = (step * 37) % 2000 - 1000
        world.now += STEP
        for event in world.events():
            for wish in world.tell(event):
                lane = world.desk.lanes[wish.instrument]
                if wish.bids or wish.asks:
                    assert all(price < lane.top.ask for price, _ in wish.bids)
                    assert all(price > lane.top.bid for price, _ in wish.asks)
                    room = lane.terms.room
                    assert sum(lots for _, lots in wish.bids) <= room.buy
                    assert sum(lots for _, lots in wish.asks) <= room.sell


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: rules(products=()), "without a product"),
        (lambda: rules(products=(product(0), product(0))), "same number"),
        (lambda: rules(products=(product(0, share_ppm=10**6), product(1))), "more than 1"),
        (lambda: rules(hold_ns=SECOND, renew_ns=SECOND), "not said again in time"),
        (lambda: HedgeRules(PAIR, 3.0), "fixed hedge ratio of 3.0"),
    ],
)
def test_rules_that_make_no_sense_are_refused(make: Callable[[], object], words: str):
    with pytest.raises(ConfigError, match=words):
        make()


def test_time_that_goes_back_is_taken_for_the_latest():
    world = World().begin()
    world.tell(Tick(BEGIN))
    assert world.last(0).at_ns > BEGIN
