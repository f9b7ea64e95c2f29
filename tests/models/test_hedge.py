"""The passive hedge: which side, how much, at what price, and when not at all."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import RECIPE, SIGMA

from alp.errors import ConfigError
from alp.models.hedge import (
    SUSPENDED,
    HedgeCore,
    HedgeObservation,
    HedgeParameters,
    HedgeState,
    lot_raw,
    lots_of,
)

ETHER = 10**18
MINUTE = 60_000_000_000
RULES = HedgeParameters(
    quoting=replace(RECIPE, exact=False),
    lot_raw=10**15,
    min_lots=10,
    max_lots=5_000,
    tick_size=Decimal("0.01"),
    base_decimals=18,
    ratio=1.0,
    band_raw=ETHER // 20,
)
SEEN = HedgeObservation(
    ts_ns=0,
    lp_base=ETHER,
    target_base=ETHER,
    cefi_base=0,
    bid_ticks=226_800,
    ask_ticks=226_801,
    sigma=SIGMA,
)


def _decide(rules=RULES, **changes):
    return HedgeCore(rules).decide(replace(SEEN, **changes))


def test_in_balance_nothing_is_quoted():
    got = _decide()
    assert got.state is HedgeState.IN_BAND
    assert (got.bid, got.ask, got.delta_raw, got.combined_raw) == (None, None, 0, 0)
    assert not got.alarm


def test_base_picked_up_by_the_ranges_is_offered_on_the_venue():
    got = _decide(lp_base=ETHER + ETHER // 2)
    assert got.state is HedgeState.QUOTING
    assert got.bid is None
    assert got.ask.lots == 500
    assert got.ask.price_ticks > SEEN.ask_ticks


def test_base_sold_by_the_ranges_is_bid_for():
    got = _decide(lp_base=ETHER // 2)
    assert got.ask is None
    assert got.bid.lots == 500
    assert got.bid.price_ticks < SEEN.bid_ticks


def test_what_the_venue_already_holds_against_it_counts():
    assert _decide(lp_base=2 * ETHER, cefi_base=-ETHER).state is HedgeState.IN_BAND


def test_only_the_hedged_part_of_the_delta_counts():
    half = replace(RULES, ratio=0.5)
    assert _decide(half, lp_base=2 * ETHER).ask.lots == 500
    assert _decide(replace(RULES, ratio=0.0), lp_base=9 * ETHER).state is HedgeState.IN_BAND


def test_the_band_is_left_alone_up_to_its_edge():
    edge = RULES.band_raw
    assert _decide(lp_base=ETHER + edge).state is HedgeState.IN_BAND
    assert _decide(lp_base=ETHER + edge + 1).state is HedgeState.QUOTING


def test_what_is_less_than_an_order_is_carried_not_lost():
    # A peer's users lost small fills to rounding: the residual must stay in the inventory.
    rules = replace(RULES, band_raw=0)
    core = HedgeCore(rules)
    small = 9 * rules.lot_raw + 123
    got = core.decide(replace(SEEN, lp_base=ETHER + small))
    assert got.state is HedgeState.BELOW_MINIMUM
    assert got.residual_raw == small
    later = core.decide(replace(SEEN, lp_base=ETHER + 2 * small))
    assert later.ask.lots == 18
    assert later.residual_raw == 246


def test_an_order_is_no_larger_than_the_venue_takes():
    got = _decide(lp_base=100 * ETHER)
    assert got.ask.lots == RULES.max_lots
    assert got.residual_raw == 99 * ETHER - RULES.max_lots * RULES.lot_raw


def test_two_venues_share_the_hedge():
    first = _decide(replace(RULES, share_ppm=700_000), lp_base=2 * ETHER)
    second = _decide(replace(RULES, share_ppm=300_000), lp_base=2 * ETHER)
    assert (first.ask.lots, second.ask.lots) == (700, 300)


amounts = st.integers(-20 * ETHER, 20 * ETHER)


@given(
    delta=amounts,
    cefi=amounts,
    bid=st.integers(1_000, 10**6),
    spread=st.integers(0, 50),
    sigma=st.floats(0, 1e-3),
    maker=st.sampled_from([0, 20]),
)
def test_quotes_never_cross_and_never_overshoot(delta, cefi, bid, spread, sigma, maker):
    rules = replace(RULES, maker_lots=maker)
    seen = replace(
        SEEN,
        lp_base=ETHER + delta,
        cefi_base=cefi,
        bid_ticks=bid,
        ask_ticks=bid + spread,
        sigma=sigma,
    )
    got = HedgeCore(rules).decide(seen)
    assert got.combined_raw == cefi + delta
    if got.bid is not None:
        assert 0 < got.bid.price_ticks < seen.ask_ticks
    if got.ask is not None:
        assert got.ask.price_ticks > seen.bid_ticks
    if got.bid is not None and got.ask is not None:
        assert got.bid.price_ticks < got.ask.price_ticks
    if maker == 0:
        for quote, against in ((got.bid, -1), (got.ask, 1)):
            if quote is not None:
                assert got.combined_raw * against > RULES.band_raw
                assert quote.lots * RULES.lot_raw <= abs(got.combined_raw)


@given(st.integers(-4 * ETHER, 4 * ETHER), st.integers(0, ETHER))
def test_the_more_there_is_to_sell_the_lower_it_is_offered(delta, more):
    maker = replace(RULES, maker_lots=20)
    less_held = _decide(maker, lp_base=ETHER + delta)
    more_held = _decide(maker, lp_base=ETHER + delta + more)
    if less_held.ask and more_held.ask:
        assert more_held.ask.price_ticks <= less_held.ask.price_ticks
    if less_held.bid and more_held.bid:
        assert more_held.bid.price_ticks <= less_held.bid.price_ticks


def test_at_the_inventory_limit_the_adding_side_is_off():
    got = _decide(replace(RULES, maker_lots=20), lp_base=7 * ETHER)
    assert got.bid is None
    assert got.ask is not None


def test_a_maker_quotes_both_sides_within_the_band():
    got = _decide(replace(RULES, maker_lots=20))
    assert got.state is HedgeState.IN_BAND
    assert got.bid.lots == got.ask.lots == 20


def test_with_one_reference_price_the_quote_stays_a_tick_away():
    # Far too long: the model would sell below mid.
    averse = replace(RULES, quoting=replace(RULES.quoting, risk_aversion=5.0))
    got = _decide(averse, lp_base=6 * ETHER, bid_ticks=226_800, ask_ticks=226_800)
    assert got.ask.price_ticks == 226_801


@pytest.mark.parametrize("age", ["pool_age_ns", "venue_age_ns"])
def test_old_data_on_either_side_suspends(age):
    rules = replace(RULES, max_data_age_ns=10)
    got = _decide(rules, lp_base=2 * ETHER, **{age: 11})
    assert got.state is HedgeState.STALE
    assert (got.bid, got.ask) == (None, None)
    assert got.alarm


def test_an_unknown_volatility_or_ratio_suspends():
    assert _decide(sigma=None).state is HedgeState.NO_ESTIMATE
    got = _decide(replace(RULES, ratio=None), lp_base=2 * ETHER)
    assert got.state is HedgeState.NO_ESTIMATE
    assert got.ratio is None
    assert got.state in SUSPENDED


def _fed(rules, together):
    core = HedgeCore(rules, window_ns=60 * MINUTE)
    for i in range(60):
        move = 1.001 if i % 2 else 1.0
        core.observe(i * MINUTE, 2_268 * move, 2_270 * (move if together else 1 + (i % 3) / 1_000))
    return core


def test_the_estimated_ratio_is_used_when_none_is_fixed():
    core = _fed(replace(RULES, ratio=None, min_correlation=0.8), together=True)
    got = core.decide(replace(SEEN, lp_base=2 * ETHER))
    assert got.ratio == pytest.approx(1.0)
    assert got.correlation == pytest.approx(1.0)
    assert got.ask.lots in (999, 1_000)


def test_a_correlation_under_its_floor_suspends_even_a_fixed_ratio():
    for ratio in (None, 1.0):
        core = _fed(replace(RULES, ratio=ratio, min_correlation=0.8), together=False)
        got = core.decide(replace(SEEN, lp_base=2 * ETHER))
        assert got.state is HedgeState.DECORRELATED
        assert got.correlation < 0.8
        assert got.alarm


def test_an_inventory_outside_the_band_for_too_long_raises_an_alarm():
    core = HedgeCore(replace(RULES, max_unhedged_ns=MINUTE))
    outside = replace(SEEN, lp_base=2 * ETHER)
    assert core.decide(outside).unhedged_ns == 0
    assert not core.decide(replace(outside, ts_ns=MINUTE)).alarm
    assert core.decide(replace(outside, ts_ns=MINUTE + 1)).alarm
    assert core.decide(replace(SEEN, ts_ns=MINUTE + 2)).unhedged_ns == 0
    assert core.decide(replace(outside, ts_ns=MINUTE + 3)).unhedged_ns == 0


def test_a_restart_remembers_ratio_and_age():
    rules = replace(RULES, ratio=None)
    core = _fed(rules, together=True)
    outside = replace(SEEN, lp_base=2 * ETHER)
    core.decide(outside)
    other = HedgeCore(rules, window_ns=60 * MINUTE)
    other.restore(core.snapshot())
    later = replace(outside, ts_ns=7)
    assert other.decide(later) == core.decide(later)
    assert other.decide(later).unhedged_ns == 7


def test_lots_are_whole_and_rounded_towards_zero():
    assert lots_of(Decimal("0.0199"), Decimal("0.001")) == 19
    assert lots_of(Decimal("-0.0199"), Decimal("0.001")) == -19
    assert lot_raw(Decimal("0.001"), 18) == 10**15


@pytest.mark.parametrize(("size", "decimals"), [("0", 18), ("-1", 18), ("0.001", 2)])
def test_lots_that_do_not_fit_the_token_are_refused(size, decimals):
    with pytest.raises(ConfigError):
        lot_raw(Decimal(size), decimals)


def test_a_lot_of_nothing_is_refused():
    with pytest.raises(ConfigError):
        lots_of(Decimal(1), Decimal(0))


@pytest.mark.parametrize(
    "change",
    [
        {"lot_raw": 0},
        {"min_lots": 0},
        {"min_lots": 9, "max_lots": 8},
        {"tick_size": Decimal(0)},
        {"tick_size": Decimal("NaN")},
        {"ratio": float("nan")},
        {"min_correlation": 1.1},
        {"band_raw": -1},
        {"share_ppm": 1_000_001},
        {"maker_lots": -1},
    ],
)
def test_parameters_outside_their_domain_are_refused(change):
    with pytest.raises(ConfigError):
        replace(RULES, **change)
