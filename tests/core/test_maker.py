"""Decisions of the market maker: against theory and a plain twin, and what must always hold."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from maker_cases import NOW, SECOND, inputs, markets, rule, rules
from plain_maker import best_prices, ladder, raw_prices

from alp._core.maker import Bound, MakerModel, MarketMaker, Rounding, Touch

NOTHING = (
    Bound.STALE_BOOK
    | Bound.STALE_INVENTORY
    | Bound.STALE_POOL
    | Bound.STALE_CALIBRATION
    | Bound.STALE_DRIFT
    | Bound.NO_BOOK
    | Bound.CROSSED_BOOK
    | Bound.UNCALIBRATED
    | Bound.OUT_OF_DOMAIN
    | Bound.SUSPENDED
)


def walk(chosen, market):
    """Decide at every inventory of the domain and beyond, each time with nothing kept."""
    maker = MarketMaker(chosen)
    limit = chosen["most_inventory"] + chosen["order_lots"]
    for inventory in range(-limit, limit + 1):
        maker.forget()
        yield inventory, maker.decide({**market, "inventory": inventory})


EXACT = [
    (-30, 0.427056, None),
    (-10, 2.632802, 3.992933),
    (-1, 3.244919, 3.381168),
    (0, 3.313045, 3.313045),
    (5, 3.653480, 2.972522),
    (20, 4.665542, 1.959199),
]
CLOSED = [
    (-30, 1.276940, 5.348890),
    (-10, 2.634257, 3.991574),
    (-1, 3.245049, 3.380781),
    (0, 3.312915, 3.312915),
    (5, 3.652244, 2.973586),
    (20, 4.670232, 1.955599),
]


@pytest.mark.parametrize(
    ("model", "orders", "bid", "ask"),
    [(MakerModel.GLFT_TABLE, *row) for row in EXACT]
    + [(MakerModel.GLFT_CLOSED, *row) for row in CLOSED],
)
def test_distances_are_the_reference_ones(model, orders, bid, ask):
    view = MarketMaker(rule(model=model)).decide(inputs(inventory=10 * orders))
    mid = view.terms["mid"]
    assert mid - view.terms["raw"][0] == pytest.approx(bid, abs=5e-7)
    if ask is None:
        assert view.asks == ()
        assert Bound.ASK_INVENTORY in view.bound
    else:
        assert view.terms["raw"][1] - mid == pytest.approx(ask, abs=5e-7)


def test_avellaneda_stoikov_is_the_papers():
    chosen = rule(
        model=MakerModel.AVELLANEDA_STOIKOV,
        risk_aversion=0.1,
        execution_aversion=0.1,
        horizon_s=1.0,
    )
    seen = inputs(inventory=20, decay=1.5, sigma=2.0, scale=140.0)
    terms = MarketMaker(chosen).decide(seen).terms
    assert 2 * terms["half"] == pytest.approx(0.1 * 4 + 20 * math.log1p(0.1 / 1.5))
    assert terms["reservation"] == pytest.approx(terms["mid"] - 2 * 0.1 * 4)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(rules(), markets(), st.integers(-100, 100))
def test_a_decision_is_that_of_its_plain_twin(chosen, market, inventory):
    seen = {**market, "inventory": inventory}
    view = MarketMaker(chosen).decide(seen)
    assume(Bound.OUT_OF_DOMAIN not in view.bound)
    assert not view.bound & NOTHING
    raw = view.terms["raw"]
    assert raw == pytest.approx(raw_prices(chosen, seen), rel=1e-9, abs=1e-6)
    best = best_prices(chosen, seen, raw, view.terms["least_half"])
    assert view.best == best
    assert list(view.bids) == ladder(chosen, seen, best[0], view.step, ask=False)
    assert list(view.asks) == ladder(chosen, seen, best[1], view.step, ask=True)
    share = chosen["step_share"] * view.terms["neutral_half"] * chosen["spread_factor"]
    assert view.step == max(chosen["step"], math.ceil(share))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(rules(), markets())
def test_no_price_rises_when_inventory_does(chosen, market):
    before = None
    for _, view in walk(chosen, market):
        if before is not None:
            assert view.best[0] <= before.best[0]
            assert view.best[1] <= before.best[1]
            for now, then in ((view.bids, before.bids), (view.asks, before.asks)):
                for quote, earlier in zip(now, then, strict=False):
                    assert quote.price <= earlier.price
        before = view


@pytest.mark.parametrize("model", list(MakerModel))
@pytest.mark.parametrize("aversion", [0.0, 1e-6, 0.01, 50.0, 1e12])
def test_no_price_rises_over_a_wide_domain(model, aversion):
    chosen = rule(
        model=model, risk_aversion=aversion, most_inventory=3_000, level_lots=[9, 5], step=3
    )
    views = [view for _, view in walk(chosen, inputs(sigma=20.0))]
    for before, view in itertools.pairwise(views):
        assert not view.bound & NOTHING
        assert view.best[0] <= before.best[0]
        assert view.best[1] <= before.best[1]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(rules(), markets())
def test_nothing_crosses_and_every_limit_holds(chosen, market):
    for inventory, view in walk(chosen, market):
        limit = chosen["most_inventory"]
        for ladder_, ask, room in (
            (view.bids, False, limit - inventory),
            (view.asks, True, limit + inventory),
        ):
            lots = [quote.lots for quote in ladder_]
            assert sum(lots) <= max(min(room, market["room"][ask]), 0)
            for quote in ladder_:
                assert chosen["least_lots"] <= quote.lots <= chosen["most_lots"]
                assert quote.lots % chosen["lot_step"] == 0
                assert quote.price > 0
        front = (1, 0) if chosen["touch"] == Touch.JOIN else (0, 1)
        for quote in view.bids:
            assert quote.price <= (market["bid"] if front[0] else market["ask"] - 1)
            assert quote.price < market["ask"]
        for quote in view.asks:
            assert quote.price >= (market["ask"] if front[0] else market["bid"] + 1)
        cost = 2 * (chosen["fee"] + chosen["least_edge"]) * view.terms["mid"]
        assert view.best[1] - view.best[0] >= max(1, chosen["least_spread"], cost * (1 - 1e-12))


@settings(deadline=None, derandomize=True)
@given(rules(rounding=Rounding.AWAY, touch=Touch.INSIDE, fee=0.0005), markets())
def test_each_side_earns_its_fee_over_the_reservation_price(chosen, market):
    for _, view in walk(chosen, market):
        least = view.terms["least_half"]
        assert least >= 0.0005 * view.terms["mid"]
        assert view.best[0] <= view.terms["reservation"] - least
        assert view.best[1] >= view.terms["reservation"] + least


def reached() -> dict[str, tuple[dict, dict]]:
    """A rule and inputs for every bit but those of hysteresis."""
    stale = {
        name: inputs(stamp_ns=[NOW - 61 * SECOND if at == place else NOW for at in range(5)])
        for place, name in enumerate(("BOOK", "INVENTORY", "POOL", "CALIBRATION", "DRIFT"))
    }
    return {
        **{f"STALE_{name}": (rule(), seen) for name, seen in stale.items()},
        "NO_BOOK": (rule(), inputs(bid=0)),
        "CROSSED_BOOK": (rule(), inputs(bid=100_001)),
        "UNCALIBRATED": (rule(), inputs(scale=math.nan)),
        "OUT_OF_DOMAIN": (rule(risk_aversion=1e9), inputs(sigma=1e300)),
        "SUSPENDED": (rule(), inputs(suspended=True)),
        "SHIFT_CAPPED": (rule(drift_weight_s=1.0, most_shift=2.0), inputs(drift=-3.0)),
        "MIN_SPREAD": (rule(fee=0.001), inputs()),
        "WIDENED": (rule(), inputs(widen=2.0)),
        "SPREAD_RESTORED": (
            rule(rounding=Rounding.NEAREST, least_spread=3.0, spread_factor=0.0),
            inputs(bid=99_991, ask=100_011),
        ),
        "BID_AT_TOUCH": (rule(spread_factor=0.0, skew_factor=9.0), inputs(inventory=-200)),
        "ASK_AT_TOUCH": (rule(spread_factor=0.0, skew_factor=9.0), inputs(inventory=200)),
        "BID_NOT_ALLOWED": (rule(), inputs(allowed=[False, True])),
        "ASK_NOT_ALLOWED": (rule(), inputs(allowed=[True, False])),
        "BID_INVENTORY": (rule(), inputs(inventory=295)),
        "ASK_INVENTORY": (rule(), inputs(inventory=-300)),
        "BID_ROOM": (rule(), inputs(room=[3, 100])),
        "ASK_ROOM": (rule(), inputs(room=[100, 0])),
        "BID_TOO_SMALL": (rule(asymmetry_ppm=10**6, least_lots=9), inputs(inventory=100)),
        "ASK_TOO_SMALL": (rule(asymmetry_ppm=10**6, least_lots=9), inputs(inventory=-100)),
        "BID_CAPPED": (rule(asymmetry_ppm=10**6, most_lots=12), inputs(inventory=-100)),
        "ASK_CAPPED": (rule(asymmetry_ppm=10**6, most_lots=12), inputs(inventory=100)),
        "BID_COLLAR": (rule(level_lots=[10, 10], step=9, collar=10), inputs()),
        "ASK_COLLAR": (rule(level_lots=[10, 10], step=9, collar=10), inputs()),
    }


@pytest.mark.parametrize("name", reached())
def test_every_bit_is_reached(name):
    chosen, seen = reached()[name]
    view = MarketMaker(chosen).decide(seen)
    assert Bound[name] in view.bound
    if Bound[name] in NOTHING:
        assert view.bound & NOTHING == Bound[name]
        assert view.bids == view.asks == ()
    else:
        assert Bound[name] not in MarketMaker(rule()).decide(inputs()).bound


def test_the_list_of_bits_is_whole():
    assert {*reached(), "BID_KEPT", "ASK_KEPT"} == {bit.name for bit in Bound}


@pytest.mark.parametrize("place", range(5))
@pytest.mark.parametrize("stamp", [0, -1, NOW + 61 * SECOND])
def test_an_input_of_no_time_or_of_the_future_is_not_fresh(place, stamp):
    stamps = [stamp if at == place else NOW for at in range(5)]
    view = MarketMaker(rule()).decide(inputs(stamp_ns=stamps))
    assert view.bound == Bound(Bound.STALE_BOOK << place)
    assert view.bids == view.asks == ()


def test_an_input_that_is_not_needed_may_have_any_age():
    view = MarketMaker(rule(most_age_ns=[-1] * 5)).decide(inputs(stamp_ns=[0] * 5))
    assert view.bids
    assert view.asks


@pytest.mark.parametrize(
    "changes",
    [
        {"scale": 0.0},
        {"scale": math.inf},
        {"decay": -1.0},
        {"decay": math.nan},
        {"sigma": -0.1},
        {"sigma": math.inf},
        {"drift": math.nan},
        {"widen": 0.9},
        {"widen": math.nan},
        {"bid_lots": 0},
        {"ask": 0},
    ],
)
def test_numbers_of_no_domain_quote_nothing(changes):
    for model in MakerModel:
        view = MarketMaker(rule(model=model)).decide(inputs(**changes))
        assert view.bound & NOTHING
        assert view.bids == view.asks == ()


def test_quotes_stay_while_price_and_inventory_move_little():
    maker = MarketMaker(rule(price_hysteresis=2, inventory_hysteresis=5))
    first = maker.decide(inputs())
    moved = maker.decide(inputs(bid=100_002, ask=100_003, inventory=5))
    assert (moved.bids, moved.asks) == (first.bids, first.asks)
    assert moved.bound == Bound.BID_KEPT | Bound.ASK_KEPT
    further = maker.decide(inputs(bid=100_003, ask=100_004, inventory=5))
    assert further.bids[0].price == first.bids[0].price + 3
    assert not further.bound


def test_quotes_move_when_inventory_does_though_prices_hardly_would():
    maker = MarketMaker(rule(price_hysteresis=9, inventory_hysteresis=5))
    maker.decide(inputs())
    moved = maker.decide(inputs(bid=100_002, ask=100_003, inventory=6))
    fresh = MarketMaker(rule()).decide(inputs(bid=100_002, ask=100_003, inventory=6))
    assert (moved.bids, moved.asks) == (fresh.bids, fresh.asks)
    assert not moved.bound


def test_many_small_moves_are_not_kept_for_ever():
    maker = MarketMaker(rule(price_hysteresis=2))
    prices = {maker.decide(inputs(bid=100_000 + at, ask=100_001 + at)).bids[0] for at in range(30)}
    assert len(prices) == 10


def test_what_was_withdrawn_is_not_kept():
    maker = MarketMaker(rule(price_hysteresis=2))
    maker.decide(inputs())
    maker.decide(inputs(suspended=True))
    view = maker.decide(inputs(bid=100_001, ask=100_002))
    assert not view.bound


STEPS = st.tuples(st.integers(-4, 4), st.integers(-6, 6), st.integers(0, 60), st.integers(0, 60))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    rules(price_hysteresis=3, inventory_hysteresis=6, lots_hysteresis=4),
    markets(bid=5_000, ask=5_003),
    st.lists(STEPS, max_size=12),
)
def test_kept_quotes_are_near_what_is_wanted_and_hold_every_limit(chosen, market, steps):
    maker = MarketMaker(chosen)
    free = MarketMaker(
        {**chosen, "price_hysteresis": 0, "inventory_hysteresis": 0, "lots_hysteresis": 0}
    )
    seen = dict(market)
    for moved, bought, buys, sells in steps:
        seen["bid"] += moved
        seen["ask"] += moved
        seen["inventory"] += bought
        seen["room"] = [buys, sells]
        free.forget()
        view, wanted = maker.decide(seen), free.decide(seen)
        for side, limit in (("bids", -seen["inventory"]), ("asks", seen["inventory"])):
            have, want = getattr(view, side), getattr(wanted, side)
            assert len(have) == len(want)
            for quote, other in zip(have, want, strict=True):
                assert abs(quote.price - other.price) <= 3
                assert abs(quote.lots - other.lots) <= 4
            room = chosen["most_inventory"] + limit
            assert sum(quote.lots for quote in have) <= max(
                min(room, seen["room"][side == "asks"]), 0
            )
        if view.bids:
            assert view.bids[0].price < seen["ask"]
        if view.asks:
            assert view.asks[0].price > seen["bid"]
        if view.bids and view.asks and wanted.bound & ~NOTHING == wanted.bound:
            assert view.asks[0].price - view.bids[0].price >= min(
                view.least_spread, wanted.asks[0].price - wanted.bids[0].price
            )


@settings(deadline=None, derandomize=True)
@given(rules(price_hysteresis=2), st.lists(markets(), min_size=1, max_size=6))
def test_what_was_restored_decides_the_same_bits(chosen, seen):
    maker = MarketMaker(chosen)
    for market in seen:
        maker.decide(market)
    other = MarketMaker(chosen)
    other.restore(maker.snapshot())
    for market in seen:
        assert other.decide(market) == maker.decide(market)


@pytest.mark.parametrize(
    "changes",
    [
        {"model": 9},
        {"rounding": 0},
        {"touch": 3},
        {"levels": 0},
        {"levels": 17},
        {"risk_aversion": -0.1},
        {"execution_aversion": math.nan},
        {"spread_factor": math.inf},
        {"horizon_s": 0.0},
        {"fee": 1.0},
        {"cost": -1.0},
        {"microprice_weight": 3.0},
        {"step": 0},
        {"step_share": 9.0},
        {"collar": -1},
        {"order_lots": 0},
        {"order_lots": 301},
        {"model": MakerModel.GLFT_TABLE, "order_lots": 1, "most_inventory": 5000},
        {"lot_step": 0},
        {"least_lots": 0},
        {"least_lots": 7, "most_lots": 6},
        {"asymmetry_ppm": 1_000_001},
        {"price_hysteresis": -1},
        {"level_lots": [-1]},
        {"most_age_ns": [-2, 0, 0, 0, 0]},
    ],
)
def test_a_rule_out_of_its_bounds_is_refused(changes):
    with pytest.raises(ValueError, match=r"\w"):
        MarketMaker(rule(**changes))


def test_a_snapshot_of_more_levels_is_refused():
    two = MarketMaker(rule(level_lots=[10, 10]))
    two.decide(inputs())
    with pytest.raises(ValueError, match="more levels"):
        MarketMaker(rule()).restore(two.snapshot())
