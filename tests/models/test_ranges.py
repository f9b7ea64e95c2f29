"""Single-sided ranges: on the grid, beside the price, as wide as asked, leaning with inventory."""

import itertools
import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from alp.errors import ConfigError
from alp.models.avellaneda_stoikov import AvellanedaStoikov
from alp.models.pair import TokenPair
from alp.models.quoting import Horizon, Intensity
from alp.models.ranges import (
    RangeLimits,
    Side,
    Widths,
    first_widths,
    model_widths,
    single_sided_ranges,
    usable_tick,
    width_bps,
)
from alp.models.recipe import ModelKind, QuotingRecipe

SPACINGS = {100: 1, 500: 10, 3_000: 60, 10_000: 200}
pairs = st.builds(
    lambda fee, base_is_token0: TokenPair("B", "Q", 18, 6, base_is_token0, fee, SPACINGS[fee]),
    st.sampled_from(sorted(SPACINGS)),
    st.booleans(),
)
widths = st.floats(1.0, 20_000.0)
LIMITS = RangeLimits(base_spread_bps=200, min_width_bps=100, max_width_bps=2_000)


@given(pairs, st.integers(-800_000, 800_000), widths, widths)
def test_ranges_lie_on_the_grid_beside_the_current_tick(pair, tick, bid_bps, ask_bps):
    bid, ask = single_sided_ranges(pair, tick, Widths(bid_bps, ask_bps))
    assert (bid.side, ask.side) == (Side.BID, Side.ASK)
    for planned in (bid, ask):
        assert planned.tick_lower % pair.tick_spacing == 0
        assert planned.tick_upper % pair.tick_spacing == 0
        assert planned.tick_lower < planned.tick_upper
        assert not planned.tick_lower <= tick < planned.tick_upper
        # "Near the price": the current spacing is all that lies between.
        assert min(abs(planned.tick_upper - tick), abs(planned.tick_lower - tick)) <= (
            pair.tick_spacing
        )


@given(pairs, st.integers(-800_000, 800_000), widths, widths)
def test_quote_is_below_and_base_above_in_price_whatever_the_token_order(
    pair, tick, bid_bps, ask_bps
):
    bid, ask = single_sided_ranges(pair, tick, Widths(bid_bps, ask_bps))
    bid_prices = [pair.tick_to_price(each) for each in bid.ticks]
    ask_prices = [pair.tick_to_price(each) for each in ask.ticks]
    assert max(bid_prices) < min(ask_prices)
    # token1 is taken below the current tick, token0 above: the bid must take quote.
    assert (bid.tick_upper <= tick) == pair.base_is_token0
    assert (ask.tick_lower > tick) == pair.base_is_token0


@given(pairs, st.integers(-800_000, 800_000), widths)
def test_widths_are_snapped_outwards_by_less_than_a_spacing(pair, tick, requested):
    for planned in single_sided_ranges(pair, tick, Widths(requested, requested)):
        got = width_bps(*planned.ticks)
        assert got >= requested * (1 - 1e-6)
        assert width_bps(planned.tick_lower, planned.tick_upper - pair.tick_spacing) <= requested


@given(pairs, st.sampled_from([-1, 1]), st.integers(0, 400), widths)
def test_at_the_ends_of_the_tick_range_ranges_stay_usable(pair, sign, distance, width):
    tick = sign * (887_271 - distance)
    edge = usable_tick(pair.tick_spacing)
    planned = single_sided_ranges(pair, tick, Widths(width, width))
    assert planned
    for each in planned:
        assert -edge <= each.tick_lower < each.tick_upper <= edge


def test_the_first_mint_is_symmetric_at_the_base_spread():
    assert first_widths(LIMITS) == Widths(200, 200)


def test_the_first_mint_respects_the_bounds_too():
    assert first_widths(RangeLimits(50, 100, 2_000)) == Widths(100, 100)


RECIPES = [
    QuotingRecipe(
        kind=kind,
        risk_aversion=0.005,
        intensity=Intensity(0.9, 0.3),
        max_inventory_base=5.0,
        order_size_base=0.25,
        horizon=horizon,
        horizon_s=60.0,
        exact=exact,
    )
    for kind, horizon, exact in [
        (ModelKind.GLFT, Horizon.STATIONARY, True),
        (ModelKind.GLFT, Horizon.STATIONARY, False),
        (ModelKind.GLFT, Horizon.ROLLING, True),
        (ModelKind.AVELLANEDA_STOIKOV, Horizon.ROLLING, True),
        (ModelKind.AVELLANEDA_STOIKOV, Horizon.STATIONARY, True),
    ]
]


def _widths(recipe, inventory, sigma=2e-4, limits=LIMITS, interval_s=21_600.0):
    model = recipe.build(price=2_268.0, sigma=sigma)
    return model_widths(
        model,
        inventory,
        two_sided_inventory=recipe.two_sided_inventory,
        sigma=sigma,
        interval_s=interval_s,
        limits=limits,
    )


@pytest.mark.parametrize("recipe", RECIPES)
def test_without_inventory_the_ranges_are_symmetric_and_as_wide_as_the_expected_move(recipe):
    got = _widths(recipe, 0.0)
    assert got.bid_bps == pytest.approx(got.ask_bps)
    assert got.bid_bps == pytest.approx(1e4 * math.expm1(2e-4 * 21_600**0.5))


@pytest.mark.parametrize("recipe", RECIPES)
def test_in_a_calm_market_the_base_spread_is_the_neutral_width(recipe):
    assert _widths(recipe, 0.0, sigma=1e-6).bid_bps == pytest.approx(200)


@pytest.mark.parametrize("recipe", RECIPES)
def test_excess_base_narrows_the_ask_and_widens_the_bid(recipe):
    neutral, long = _widths(recipe, 0.0), _widths(recipe, 1.0)
    assert long.ask_bps < neutral.ask_bps
    assert long.bid_bps > neutral.bid_bps


@pytest.mark.parametrize("recipe", RECIPES)
@given(inventory=st.floats(-8, 8), more=st.floats(0, 8))
def test_widths_are_monotone_in_inventory_and_within_bounds(recipe, inventory, more):
    less_held, more_held = _widths(recipe, inventory), _widths(recipe, inventory + more)
    assert more_held.bid_bps >= less_held.bid_bps - 1e-6
    assert more_held.ask_bps <= less_held.ask_bps + 1e-6
    for got in (less_held.bid_bps, less_held.ask_bps):
        assert 100 <= got <= 2_000


@pytest.mark.parametrize("recipe", RECIPES)
def test_widths_do_not_jump_anywhere_in_inventory(recipe):
    # A seed defect: widths changed fourfold where the skew changed sign.
    steps = [_widths(recipe, -8 + 16 * i / 4_000) for i in range(4_001)]
    for before, now in itertools.pairwise(steps):
        assert abs(now.bid_bps / before.bid_bps - 1) < 0.04
        assert abs(now.ask_bps / before.ask_bps - 1) < 0.04


@given(st.floats(0, 1e-3), st.floats(0, 1e-3))
def test_more_volatility_never_narrows_a_neutral_range(calm, wild):
    assume(calm <= wild)
    assert (
        _widths(RECIPES[0], 0.0, sigma=calm).bid_bps
        <= _widths(RECIPES[0], 0.0, sigma=wild).bid_bps + 1e-9
    )


def test_a_model_that_is_one_sided_at_zero_cannot_shape_ranges():
    model = AvellanedaStoikov(0.1, 2.0, 1.5, max_inventory=0.5)
    with pytest.raises(ConfigError, match="both sides"):
        model_widths(
            model, 0.0, two_sided_inventory=0.0, sigma=1e-4, interval_s=60.0, limits=LIMITS
        )


def test_a_rebate_greater_than_the_spread_cannot_shape_ranges():
    model = AvellanedaStoikov(0.0, 2.0, 1.5, execution_cost=-1.0)
    with pytest.raises(ConfigError, match="not positive"):
        model_widths(
            model, 0.0, two_sided_inventory=9.0, sigma=1e-4, interval_s=60.0, limits=LIMITS
        )


@pytest.mark.parametrize("bounds", [(0, 100), (200, 100), (100, math.inf), (math.nan, 100)])
def test_bounds_that_are_no_interval_are_refused(bounds):
    with pytest.raises(ConfigError):
        RangeLimits(200, *bounds)
