"""Triggers: exact bounds, each condition, hysteresis."""

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from triggers_twin import cause_of as plain_cause_of
from triggers_twin import crossing_of as plain_crossing_of
from triggers_twin import first_above, last_below

from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.errors import ConfigError
from alp.models.triggers import (
    MAX_SQRT_RATIO,
    MIN_SQRT_RATIO,
    NEVER_ABOVE,
    NEVER_BELOW,
    Cause,
    Crossing,
    Holdings,
    TriggerRule,
    armed_bounds,
    cause_of,
    crossing_of,
    rearm_bounds,
)

START = get_sqrt_ratio_at_tick(199_045)
HELD = Holdings(10**6, 10**15, ((198_000, 199_040, 3 * 10**15), (199_050, 201_000, 5 * 10**15)))
RULE = TriggerRule(depletion_bps=1_000, price_move_bps=500)

rules = st.builds(
    TriggerRule,
    depletion_bps=st.integers(1, 10_000),
    price_move_bps=st.integers(0, 20_000),
    hysteresis_bps=st.integers(0, 9_999),
)
ranges = st.tuples(st.integers(-4_000, 3_999), st.integers(1, 3_000), st.integers(1, 10**20)).map(
    lambda each: (each[0] * 10, (each[0] + each[1]) * 10, each[2])
)
worlds = st.tuples(
    st.builds(
        Holdings,
        st.integers(0, 10**20),
        st.integers(0, 10**20),
        st.lists(ranges, min_size=1, max_size=3).map(tuple),
    ),
    st.integers(-40_000, 40_000).map(get_sqrt_ratio_at_tick),
)


@given(rules, worlds)
def test_at_a_bound_the_trigger_fires_and_one_unit_inside_it_does_not(rule, world):
    holdings, sqrt_price = world
    baseline = holdings.baseline(sqrt_price)
    low, high = armed_bounds(rule, baseline, holdings)
    assert low < sqrt_price < high
    if high != NEVER_ABOVE:
        assert cause_of(rule, baseline, holdings, high, Crossing.UP)
    if low != NEVER_BELOW:
        assert cause_of(rule, baseline, holdings, low, Crossing.DOWN)
    for quiet in {high - 1, low + 1, sqrt_price} - {NEVER_ABOVE, NEVER_BELOW}:
        assert crossing_of(rule, baseline, holdings, quiet) is None


@given(rules, worlds)
def test_a_refused_trigger_is_armed_again_exactly_at_its_bound(rule, world):
    holdings, sqrt_price = world
    baseline = holdings.baseline(sqrt_price)
    armed_low, armed_high = armed_bounds(rule, baseline, holdings)

    rearm_low, never = rearm_bounds(rule, baseline, holdings, Crossing.UP)
    assert never == NEVER_ABOVE
    if armed_high != NEVER_ABOVE:
        assert rearm_low < armed_high
        assert not cause_of(rule, baseline, holdings, rearm_low, Crossing.UP, to_rearm=True)
        assert cause_of(rule, baseline, holdings, rearm_low + 1, Crossing.UP, to_rearm=True)

    never, rearm_high = rearm_bounds(rule, baseline, holdings, Crossing.DOWN)
    assert never == NEVER_BELOW
    if armed_low != NEVER_BELOW:
        assert rearm_high > armed_low
        assert not cause_of(rule, baseline, holdings, rearm_high, Crossing.DOWN, to_rearm=True)
        assert cause_of(rule, baseline, holdings, rearm_high - 1, Crossing.DOWN, to_rearm=True)


def test_a_price_move_is_measured_on_the_price_not_its_root():
    rule = TriggerRule(depletion_bps=10_000, price_move_bps=500)
    baseline = HELD.baseline(START)
    low, high = armed_bounds(rule, baseline, HELD)
    assert Fraction(high**2, START**2) > Fraction(105, 100) >= Fraction((high - 1) ** 2, START**2)
    assert Fraction(START**2, low**2) > Fraction(105, 100) >= Fraction(START**2, (low + 1) ** 2)


def test_a_depletion_is_measured_on_everything_held():
    rule = TriggerRule(depletion_bps=1_000, price_move_bps=0)
    baseline = HELD.baseline(START)
    low, high = armed_bounds(rule, baseline, HELD)
    assert HELD.amounts(high)[0] * 10 < baseline.amount0 * 9 <= HELD.amounts(high - 1)[0] * 10
    assert HELD.amounts(low)[1] * 10 < baseline.amount1 * 9 <= HELD.amounts(low + 1)[1] * 10


def test_what_the_wallet_holds_delays_a_depletion():
    rule = TriggerRule(depletion_bps=1_000, price_move_bps=0)
    richer = HELD._replace(wallet0=HELD.wallet0 + HELD.amounts(START)[0])
    _, high = armed_bounds(rule, HELD.baseline(START), HELD)
    _, later = armed_bounds(rule, richer.baseline(START), richer)
    assert later > high


def test_the_first_condition_met_names_the_cause():
    baseline = HELD.baseline(START)
    _, depleted_at = armed_bounds(replace(RULE, price_move_bps=0), baseline, HELD)
    assert crossing_of(RULE, baseline, HELD, depleted_at) == (Crossing.UP, Cause.DEPLETED)
    only_price = TriggerRule(depletion_bps=10_000, price_move_bps=500)
    low, _ = armed_bounds(only_price, baseline, HELD)
    assert crossing_of(only_price, baseline, HELD, low) == (Crossing.DOWN, Cause.PRICE_MOVED)


def test_a_rule_that_cannot_fire_has_bounds_no_pool_price_reaches():
    rule = TriggerRule(depletion_bps=10_000, price_move_bps=0)
    assert armed_bounds(rule, HELD.baseline(START), HELD) == (NEVER_BELOW, NEVER_ABOVE)
    assert NEVER_BELOW < MIN_SQRT_RATIO
    assert NEVER_ABOVE >= MAX_SQRT_RATIO


def test_a_withdrawal_from_the_wallet_fires_at_the_baseline_price_itself():
    baseline = HELD._replace(wallet0=10**30).baseline(START)
    _, high = armed_bounds(RULE, baseline, HELD)
    assert high <= START


@pytest.mark.parametrize(
    "fields", [(0, 0, 0), (10_001, 0, 0), (1_000, -1, 0), (1_000, 0, 10_000), (1_000, 0, -1)]
)
def test_thresholds_outside_their_domain_are_refused(fields):
    with pytest.raises(ConfigError):
        TriggerRule(*fields)


@given(rules, worlds, st.integers(-60_000, 60_000).map(get_sqrt_ratio_at_tick), st.booleans())
def test_the_compiled_triggers_are_the_plain_ones(rule, world, sqrt_price, to_rearm):
    holdings, start = world
    baseline = holdings.baseline(start)
    assert crossing_of(rule, baseline, holdings, sqrt_price) == plain_crossing_of(
        rule, baseline, holdings, sqrt_price
    )
    given_ = rule, baseline, holdings
    armed = last_below(*given_, to_rearm=False), first_above(*given_, to_rearm=False)
    assert armed_bounds(*given_) == armed
    low, high = last_below(*given_, to_rearm=True), first_above(*given_, to_rearm=True)
    assert rearm_bounds(rule, baseline, holdings, Crossing.UP) == (high - 1, NEVER_ABOVE)
    assert rearm_bounds(rule, baseline, holdings, Crossing.DOWN) == (NEVER_BELOW, low + 1)
    for crossing in Crossing:
        there = *given_, sqrt_price, crossing
        assert cause_of(*there, to_rearm=to_rearm) == plain_cause_of(*there, to_rearm=to_rearm)


@pytest.mark.parametrize("start", [MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1])
@pytest.mark.parametrize("move", [1, 10_000, 10**12])
def test_bounds_at_the_ends_of_the_prices_are_the_plain_ones(start, move):
    rule = TriggerRule(depletion_bps=10_000, price_move_bps=move)
    holdings = Holdings(0, 0, ((-887_270, 887_270, 10**18),))
    given_ = rule, holdings.baseline(start), holdings
    expected = last_below(*given_, to_rearm=False), first_above(*given_, to_rearm=False)
    assert armed_bounds(*given_) == expected


def test_a_price_move_beyond_all_prices_is_no_threshold():
    with pytest.raises(ConfigError, match="price move"):
        TriggerRule(depletion_bps=1_000, price_move_bps=10**12 + 1)
