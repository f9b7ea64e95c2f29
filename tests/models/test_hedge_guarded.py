"""The hedge with what it may know beside: monitors, a band from cost, and the ranges' curve."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import ARBITRUM, ETHEREUM, RECIPE, SIGMA, sqrt_at

from alp.errors import ConfigError, DataError
from alp.models.caution_ladder import Level
from alp.models.hedge import SUSPENDED, HedgeCore, HedgeObservation, HedgeParameters, HedgeState
from alp.models.hedge_band import Aim, BandRule, HedgeCost
from alp.models.inventory import target_base
from alp.models.lp_exposure import LpExposure
from alp.models.lp_greeks import LpLeg, moved_by_ratio, raw_price
from alp.models.lp_types import PositionView

ETHER = 10**18
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
    lp_base=2 * ETHER,
    target_base=ETHER,
    cefi_base=0,
    bid_ticks=226_800,
    ask_ticks=226_801,
    sigma=SIGMA,
)
TICKS = {ETHEREUM: (196_000, 202_000), ARBITRUM: (-202_000, -196_000)}
both_orders = pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])


def _exposure(pair=ARBITRUM, liquidity=10**15, share=None, price=2_268, fixed=0):
    leg = LpLeg(pair, (PositionView(*TICKS[pair], liquidity),), ETHER // 3, 10**9)
    return LpExposure(leg, sqrt_at(pair, price), share, fixed)


def _seen(exposure, **changes):
    base = exposure.leg.base(exposure.sqrt_price_x96)
    return replace(
        SEEN, lp_base=base, target_base=base - exposure.deviation(), exposure=exposure, **changes
    )


def _decide(seen, rules=RULES):
    return HedgeCore(rules).decide(seen)


def test_a_suspended_basis_stops_every_order():
    got = _decide(replace(SEEN, level=Level.SUSPEND), replace(RULES, maker_lots=20))
    assert got.state is HedgeState.GUARDED
    assert got.state in SUSPENDED
    assert (got.bid, got.ask) == (None, None)
    assert got.alarm
    assert got.residual_raw == got.combined_raw == ETHER


def test_reduce_leaves_only_the_side_that_reduces():
    maker = replace(RULES, maker_lots=20)
    both = _decide(SEEN, maker)
    assert both.bid is not None
    assert both.ask is not None
    got = _decide(replace(SEEN, level=Level.REDUCE), maker)
    assert got.bid is None
    assert got.ask == both.ask
    assert got.alarm
    within = _decide(replace(SEEN, lp_base=ETHER, level=Level.REDUCE), maker)
    assert (within.bid, within.ask) == (None, None)


@given(inventory=st.integers(-6 * ETHER, 6 * ETHER), factor=st.floats(1.0, 10.0))
def test_widened_quotes_are_never_nearer_to_mid(inventory, factor):
    maker = replace(RULES, maker_lots=20)
    plain = replace(SEEN, lp_base=ETHER + inventory)
    near = _decide(plain, maker)
    far = _decide(replace(plain, level=Level.WIDEN, widen=factor), maker)
    if near.ask is not None:
        assert far.ask.price_ticks >= near.ask.price_ticks
        assert far.ask.lots == near.ask.lots
    if near.bid is not None and far.bid is not None:
        assert far.bid.price_ticks <= near.bid.price_ticks


def test_the_band_follows_from_cost_and_gamma_where_the_ranges_are_known():
    rule = BandRule(risk_aversion=0.01, cost=HedgeCost(2.0), base_decimals=18)
    rules = replace(RULES, band=rule)
    assert _decide(SEEN, rules).band_raw == RULES.band_raw  # no exposure: as configured
    exposure = _exposure()
    got = _decide(_seen(exposure), rules)
    price = 2_268.005
    expected = (1.5 * 2e-4 * price * exposure.gamma() ** 2 / 0.01) ** (1 / 3)
    assert got.band_raw == pytest.approx(expected * ETHER, rel=1e-9)
    dearer = replace(rules, band=replace(rule, cost=HedgeCost(20.0)))
    assert _decide(_seen(exposure), dearer).band_raw > got.band_raw
    half = replace(rules, ratio=0.5)
    assert _decide(_seen(exposure), half).band_raw < got.band_raw


def test_aiming_at_the_edge_leaves_the_band_unhedged():
    zero, edge = _decide(SEEN), _decide(SEEN, replace(RULES, aim=Aim.EDGE))
    assert (zero.ask.lots, edge.ask.lots) == (1_000, 950)
    assert edge.residual_raw == RULES.band_raw


@both_orders
def test_an_offer_is_as_large_as_what_there_will_be_when_it_fills(pair):
    exposure = _exposure(pair, fixed=_exposure(pair).deviation() - ETHER)
    seen = _seen(exposure)
    plain = _decide(seen)
    got = _decide(seen, replace(RULES, size_at_fill=True))
    assert got.ask.price_ticks == plain.ask.price_ticks
    move = Fraction(2 * got.ask.price_ticks, seen.bid_ticks + seen.ask_ticks)
    then = exposure.at(move).deviation()
    assert got.ask.lots == then // RULES.lot_raw < plain.ask.lots
    assert got.residual_raw == got.combined_raw - got.ask.lots * RULES.lot_raw


@both_orders
def test_a_bid_is_as_large_as_what_there_will_be_when_it_fills(pair):
    exposure = _exposure(pair, fixed=_exposure(pair).deviation() + ETHER)
    seen = _seen(exposure)
    plain = _decide(seen)
    got = _decide(seen, replace(RULES, size_at_fill=True))
    assert got.bid.price_ticks == plain.bid.price_ticks
    move = Fraction(2 * got.bid.price_ticks, seen.bid_ticks + seen.ask_ticks)
    then = exposure.at(move).deviation()
    assert got.bid.lots == -then // RULES.lot_raw < plain.bid.lots


@given(
    fixed=st.integers(0, 20 * ETHER),
    cefi=st.integers(-5 * ETHER, 5 * ETHER),
    liquidity=st.integers(1, 10**17),
    share=st.sampled_from([None, 0, 5_000, 10_000]),
)
def test_sizing_at_the_fill_never_enlarges_or_turns_an_order(fixed, cefi, liquidity, share):
    seen = _seen(_exposure(liquidity=liquidity, share=share, fixed=fixed), cefi_base=cefi)
    plain, got = _decide(seen), _decide(seen, replace(RULES, size_at_fill=True))
    for one, other in ((plain.bid, got.bid), (plain.ask, got.ask)):
        assert other is None or other.lots <= one.lots
    placed = (got.bid.lots if got.bid else 0) - (got.ask.lots if got.ask else 0)
    if (got.bid is None) == (plain.bid is None) and (got.ask is None) == (plain.ask is None):
        assert got.residual_raw == got.combined_raw + placed * RULES.lot_raw


@both_orders
def test_the_exposure_is_base_less_target(pair):
    exposure = _exposure(pair, share=5_000)
    base, quote = exposure.leg.amounts(exposure.sqrt_price_x96)
    mark = pair.mark_x96(exposure.sqrt_price_x96)
    assert exposure.deviation() == base - target_base(base, quote, mark, 5_000)
    assert _exposure(pair, fixed=7).deviation() == base - 7
    assert exposure.change(Fraction(1)) == 0


@both_orders
@pytest.mark.parametrize("share", [None, 0, 5_000, 10_000])
def test_the_exposures_gamma_is_its_slope(pair, share):
    exposure = _exposure(pair, share=share)
    ratio = Fraction(100_001, 100_000)
    after = moved_by_ratio(pair, exposure.sqrt_price_x96, ratio)
    moved = raw_price(pair, after) - raw_price(pair, exposure.sqrt_price_x96)
    slope = float(exposure.change(ratio) / moved) * 10.0 ** (6 - 36)
    assert exposure.gamma() == pytest.approx(slope, rel=1e-4)
    if share is None:
        assert exposure.gamma() < 0


def test_an_exposure_that_cannot_be_is_refused():
    with pytest.raises(ConfigError):
        _exposure(share=10_001)
    with pytest.raises(DataError):
        _exposure().change(Fraction(0))
