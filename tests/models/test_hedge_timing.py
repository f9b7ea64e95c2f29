"""Hedging at once against waiting: the same path, counted alike, and no unit lost."""

import json
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import ARBITRUM, ETHEREUM, sqrt_at

from alp.errors import ConfigError, DataError
from alp.models import hedge_timing
from alp.models.hedge_band import Aim, BandRule, HedgeCost, OrderSizes
from alp.models.hedge_meter import HedgeMeter
from alp.models.hedge_timing import (
    HedgePath,
    Timing,
    compare_timings,
    hedge_along,
    realised_band,
)
from alp.models.lp_exposure import LpExposure
from alp.models.lp_greeks import LpLeg
from alp.models.lp_types import PositionView

SECOND = 1_000_000_000
ETHER = 10**18
SIZES = OrderSizes(lot_raw=10**15, min_lots=1, max_lots=10**6)
TAKER = HedgeCost(fee_bps=4.0, half_spread_bps=0.5)
AT_ONCE = Timing("at once", TAKER)
AVERSION = 0.01


def _walk(seed=1, points=3_000, pair=ARBITRUM, step=3e-4):
    """Ranges of some ten ether under a random walk of the price."""
    draw = np.random.default_rng(seed)
    mids = (2_268 * np.exp(np.cumsum(draw.standard_normal(points) * step))).tolist()
    ticks = {ETHEREUM: (196_000, 202_000), ARBITRUM: (-202_000, -196_000)}[pair]
    leg = LpLeg(pair, (PositionView(*ticks, 5 * 10**15),))
    sqrt_price = sqrt_at(pair, 2_268)
    exposure = LpExposure(leg, sqrt_price, fixed_target=leg.base(sqrt_price))
    return HedgePath.along(exposure, [i * 60 * SECOND for i in range(points)], mids)


def _hand(inventory, mids, **columns):
    times = [i * SECOND for i in range(len(mids))]
    return HedgePath(times, mids, inventory, 0, **columns)


UNIT = OrderSizes(1, 1, 10**9)


def test_at_once_by_hand():
    # 10 to sell at 100, 5 of them back at 90: fees of 1 %.
    path = _hand([10, 10, 5, 5], [100.0, 100.0, 90.0, 95.0])
    got = hedge_along(path, Timing("x", HedgeCost(100.0)), UNIT, risk_aversion=1.0)
    assert got.metrics.trades == 2
    assert got.metrics.cost_quote == pytest.approx(10.0 + 4.5)
    assert (got.hedged_raw, got.unhedged_raw) == (5, 0)
    assert got.metrics.error_max_raw == 0
    assert got.charge_quote == pytest.approx(14.5)


def test_a_band_by_hand():
    path = _hand([2, 4, 8, 7], [100.0, 101.0, 102.0, 100.0])
    got = hedge_along(path, Timing("x", HedgeCost(100.0), band=5), UNIT, risk_aversion=0.5)
    # At 102 three are sold; before, 2 and 4 gained 1 each; after, 5 lost 2.
    assert got.metrics.cost_quote == pytest.approx(3 * 1.02)
    assert got.metrics.tracking_quote == pytest.approx(2 + 4 - 10)
    assert got.risk_quote == pytest.approx(0.25 * (4 + 16 + 100))
    assert (got.hedged_raw, got.unhedged_raw) == (3, 4)
    whole = Timing("x", HedgeCost(100.0), band=5, aim=Aim.ZERO)
    assert hedge_along(path, whole, UNIT, risk_aversion=0.5).hedged_raw == 8


def test_a_taker_trades_after_its_latency_at_the_price_of_then():
    path = _hand([10, 10, 10, 10], [100.0, 98.0, 96.0, 94.0])
    late = Timing("late", HedgeCost(0.0), latency_ns=3 * SECOND // 2)
    got = hedge_along(path, late, UNIT, risk_aversion=1.0)
    # Decided at 100, traded two points later: ten lost 4 each.
    assert got.metrics.tracking_quote == pytest.approx(-40.0)
    assert got.metrics.cost_quote == 0.0
    assert (got.metrics.lags, got.metrics.lag_mean_ns) == (1, 2 * SECOND)


def test_a_passive_order_fills_when_it_is_traded_through():
    passive = Timing("passive", HedgeCost(-1.0), passive=True, distance_bps=100.0)
    up = _hand([10] * 3, [100.0, 101.0, 102.1])
    got = hedge_along(up, passive, UNIT, risk_aversion=1.0)
    # 101.0 was touched, not passed; 101 + 1 % is 102.01: filled, the market 0.09 further.
    assert got.metrics.trades == 1
    assert got.metrics.cost_quote == pytest.approx(10 * 0.09 - 10 * 102.01 * 1e-4)
    down = _hand([10] * 3, [100.0, 99.0, 98.0])
    assert hedge_along(down, passive, UNIT, risk_aversion=1.0).unhedged_raw == 10
    spike = _hand([10] * 3, [100.0, 99.0, 98.0], high=[100.0, 101.5, 99.0], low=[100.0, 99, 98])
    assert hedge_along(spike, passive, UNIT, risk_aversion=1.0).unhedged_raw == 0
    short = _hand([-10] * 3, [100.0, 98.9, 98.0])
    assert hedge_along(short, passive, UNIT, risk_aversion=1.0).unhedged_raw == 0


def _ways(band=3 * ETHER // 10):
    rule = BandRule(AVERSION, TAKER, 18)
    return (
        AT_ONCE,
        Timing("at once, late", TAKER, latency_ns=90 * SECOND),
        Timing("band", TAKER, band=rule),
        Timing("band to zero", TAKER, band=band, aim=Aim.ZERO),
        Timing("passive", HedgeCost(-0.5), band=rule, passive=True, distance_bps=3.0),
    )


@given(
    seed=st.integers(0, 10**6),
    lot=st.integers(1, 10**17),
    least=st.integers(1, 20),
    way=st.integers(0, 4),
)
def test_placed_and_carried_are_what_was_wanted(seed, lot, least, way):
    path = _walk(seed % 5, points=200, step=2e-3)
    sizes = OrderSizes(lot, least, 10**9)
    got = hedge_along(path, _ways()[way], sizes, risk_aversion=AVERSION)
    assert got.hedged_raw + got.unhedged_raw == path.inventory_raw[-1]
    assert got.hedged_raw % lot == 0


@pytest.mark.parametrize("way", range(5))
def test_cost_and_tracking_are_all_there_is_to_the_result(way, monkeypatch):
    # Wealth by cash and position: what was paid for each trade, and the position at the last mid.
    trades = []

    class Recording(HedgeMeter):
        def fill(self, base_raw, price, mid, fee_quote):
            trades.append((base_raw / 1e18, price, fee_quote))
            super().fill(base_raw, price, mid, fee_quote)

    monkeypatch.setattr(hedge_timing, "HedgeMeter", Recording)
    path = _walk(3, points=500, step=1e-3)
    got = hedge_along(path, _ways()[way], SIZES, risk_aversion=AVERSION)
    assert got.metrics.trades == len(trades) > 0
    wanted = (np.array(path.inventory_raw[:-1], float) / 1e18 * np.diff(path.mid)).sum()
    cash = -sum(base * price + fee for base, price, fee in trades)
    held = sum(base for base, _, _ in trades) * path.mid[-1]
    assert got.metrics.tracking_quote - got.metrics.cost_quote == pytest.approx(
        wanted + cash + held, abs=1e-6
    )


def test_waiting_costs_less_and_errs_more():
    path = _walk()
    at_once, late, band, to_zero, passive = compare_timings(
        path, _ways(), SIZES, risk_aversion=AVERSION
    )
    assert band.metrics.cost_quote < at_once.metrics.cost_quote / 2
    assert band.metrics.error_rms_raw > at_once.metrics.error_rms_raw
    assert band.charge_quote < at_once.charge_quote
    assert late.metrics.error_rms_raw > at_once.metrics.error_rms_raw
    assert to_zero.metrics.trades < band.metrics.trades
    assert passive.metrics.lag_longest_ns > 0
    assert at_once.metrics.error_max_raw < SIZES.lot_raw


def test_no_band_on_average_does_better_than_the_one_from_cost():
    charges = dict.fromkeys((0.4, 1.0, 2.5), 0.0)
    aversion = 0.1
    for seed in range(6):
        path = _walk(seed, points=4_000, step=4e-4)
        width = BandRule(aversion, TAKER, 18).band_raw(price=2_268.0, gamma=path.gamma[0])
        for factor in charges:
            way = Timing("band", TAKER, band=int(width * factor))
            got = hedge_along(path, way, SIZES, risk_aversion=aversion)
            charges[factor] += got.charge_quote
    assert min(charges, key=charges.get) == 1.0


@pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])
def test_the_path_of_ranges_follows_their_curve(pair):
    path = _walk(4, points=50, pair=pair)
    exact = _walk(4, points=50, pair=ETHEREUM if pair is ARBITRUM else ARBITRUM)
    assert path.inventory_raw == pytest.approx(exact.inventory_raw, abs=1e13)
    assert path.gamma == pytest.approx(exact.gamma, rel=1e-3)
    slopes = np.diff(np.array(path.inventory_raw, float) / 1e18) / np.diff(path.mid)
    assert slopes == pytest.approx(np.array(path.gamma[:-1]), rel=0.01)


def test_a_ratio_scales_the_path():
    exposure = LpExposure(
        LpLeg(ARBITRUM, (PositionView(-202_000, -196_000, 10**16),)), sqrt_at(ARBITRUM, 2_268)
    )
    times, mids = [0, 1, 2], [2_268.0, 2_300.0, 2_200.0]
    whole = HedgePath.along(exposure, times, mids)
    half = HedgePath.along(exposure, times, mids, ratio=0.5)
    assert half.inventory_raw == [each // 2 for each in whole.inventory_raw]
    assert half.gamma == pytest.approx([each / 2 for each in whole.gamma])
    assert whole.inventory_raw[0] == exposure.at(Fraction(1)).deviation()


def test_a_result_is_plain_values():
    got = hedge_along(_walk(points=100), AT_ONCE, SIZES, risk_aversion=AVERSION)
    record = json.loads(json.dumps(got.record()))
    assert record["name"] == "at once"
    assert record["charge_quote"] == got.charge_quote
    assert int(record["volume_raw"]) == got.metrics.volume_raw


@pytest.mark.parametrize(
    ("columns", "why"),
    [
        (([0, 1], [1.0], [0, 0]), "differ in length"),
        (([0], [1.0], [0]), "1 points"),
        (([1, 1], [1.0, 1.0], [0, 0]), "do not rise"),
        (([0, 1], [1.0, 1.0], [0, 0], 0, [1.0]), "differ in length"),
        (([0, 1], [1.0, 1.0], [0, 0], 0, [], [1.0, 1.0]), "both extremes"),
    ],
)
def test_a_path_that_is_none_is_refused(columns, why):
    columns = columns if len(columns) > 3 else (*columns, 0)
    with pytest.raises(DataError, match=why):
        HedgePath(*columns)


@pytest.mark.parametrize(
    "change",
    [{"band": -1}, {"distance_bps": -1.0}, {"distance_bps": 1e4}, {"latency_ns": -1}],
)
def test_a_timing_outside_its_domain_is_refused(change):
    with pytest.raises(ConfigError):
        replace(AT_ONCE, **change)


def test_what_a_comparison_needs_is_asked_for():
    path = _hand([1, 2], [1.0, 1.0])
    rule = Timing("band", TAKER, band=BandRule(1.0, TAKER, 0))
    with pytest.raises(ConfigError, match="gamma"):
        hedge_along(path, rule, UNIT, risk_aversion=1.0)
    with pytest.raises(ConfigError):
        compare_timings(path, [AT_ONCE], UNIT, risk_aversion=0.0)
    with pytest.raises(DataError):
        HedgePath.along(LpExposure(LpLeg(ARBITRUM, ()), sqrt_at(ARBITRUM, 2_268)), [], [])


def test_the_realised_band_is_that_of_the_ranges_gamma():
    path = _walk(2, points=2_000)
    cost = TAKER.per_base(2_268.0)
    got = realised_band(path, cost_per_base=cost, risk_aversion=AVERSION)
    gamma = np.sqrt(np.mean(np.square(path.gamma)))
    expected = BandRule(AVERSION, TAKER, 18).band_raw(price=2_268.0, gamma=gamma)
    step = np.std(np.diff(np.array(path.inventory_raw, float)))
    assert got == pytest.approx(expected - 0.5826 * step, rel=0.02)
    assert realised_band(_hand([1, 5], [3.0, 3.0]), cost_per_base=1.0, risk_aversion=1.0) == 0
