"""A rebalance is weighed: fees, LVR, hedge, gas, swap, and a margin on the costs."""

import math

import numpy as np
import pytest
from lp_world import ARBITRUM, SIGMA, sqrt_at
from rebalance_twin import Prospect, prospect, weigh

from alp.errors import ConfigError
from alp.models.fees import FeeEstimate
from alp.models.lvr import PositionCurve, price_root
from alp.models.rebalance import EconomicsRule

ROOT = price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268))
FEES = FeeEstimate(1e6, 10**19)
RULE = EconomicsRule(horizon_s=21_600.0, hedge_cost_bps=5.0)


def _range(low, high, liquidity=10**15):
    lower, upper = (price_root(ARBITRUM, sqrt_at(ARBITRUM, price)) for price in (low, high))
    return PositionCurve(float(liquidity), lower, upper)


def _prospect(*curves, fees=FEES, sigma=SIGMA, rule=RULE):
    return prospect(curves, root=ROOT, sigma=sigma, fees=fees, rule=rule)


NOTHING = Prospect(fees=0.0, lvr=0.0, hedge=0.0, in_range=0.0)


def _weigh(new, stay=NOTHING, *, gas=0.0, swap=0.0, rule=RULE):
    return weigh(new, stay, gas_quote=gas, swap_quote=swap, quote_unit=1e6, rule=rule)


def test_a_wide_range_around_the_price_earns_its_share_all_the_time():
    curve = _range(500, 9_000)
    got = _prospect(curve)
    assert got.in_range == pytest.approx(1.0)
    assert got.fees == pytest.approx(FEES.income(1e15) * 21_600)
    assert got.lvr == pytest.approx(curve.lvr_rate(ROOT, SIGMA) * 21_600)


def test_two_adjacent_single_sided_ranges_share_the_time():
    got = _prospect(_range(2_268, 2_400), _range(2_140, 2_268))
    assert 0.9 < got.in_range <= 1.0
    assert _prospect(_range(2_268, 2_400)).in_range == pytest.approx(got.in_range / 2, rel=0.02)


def test_a_range_left_behind_earns_nothing():
    got = _prospect(_range(3_500, 3_600))
    assert got.fees == pytest.approx(0.0, abs=1e-3)
    assert got.hedge == pytest.approx(0.0, abs=1e-3)


def test_the_hedge_trades_what_the_delta_is_expected_to_move():
    curve = _range(2_100, 2_450)
    random = np.random.default_rng(5)
    roots = ROOT * np.exp(SIGMA * math.sqrt(21_600) * random.standard_normal(20_000) / 2)
    moved = np.mean([abs(curve.base(root) - curve.base(ROOT)) for root in roots])
    assert _prospect(curve).hedge == pytest.approx(moved * ROOT**2 * 5e-4, rel=0.02)


def test_half_the_hedge_costs_half():
    half = EconomicsRule(horizon_s=21_600.0, hedge_cost_bps=5.0, hedge_ratio=-0.5)
    curve = _range(2_100, 2_450)
    assert _prospect(curve, rule=half).hedge == pytest.approx(_prospect(curve).hedge / 2)


def test_benefit_is_the_gain_over_staying_less_all_costs():
    new = Prospect(fees=10e6, lvr=4e6, hedge=1e6, in_range=0.9)
    stay = Prospect(fees=3e6, lvr=2e6, hedge=0.5e6, in_range=0.3)
    verdict = _weigh(new, stay, gas=2e6, swap=1e6)
    assert verdict.benefit == pytest.approx((10 - 4 - 1) - (3 - 2 - 0.5) - 2 - 1)
    assert verdict.numbers()["fees_new"] == 10.0
    assert "worth_it" not in verdict.numbers()


def test_the_benefit_must_cover_the_costs_with_a_margin():
    rule = EconomicsRule(horizon_s=60.0, min_benefit_quote=1.0, margin_bps=5_000)
    enough = Prospect(fees=7e6, lvr=0.0, hedge=0.0, in_range=1.0)
    short = Prospect(fees=6.9e6, lvr=0.0, hedge=0.0, in_range=1.0)
    # 4 of gas, then 1 + half of 4 required: 7 is just enough.
    assert _weigh(enough, gas=4e6, rule=rule).worth_it
    assert _weigh(enough, gas=4e6, rule=rule).required == pytest.approx(3.0)
    assert not _weigh(short, gas=4e6, rule=rule).worth_it


def test_without_a_least_benefit_everything_is_worth_it_and_the_record_stays_finite():
    rule = EconomicsRule(horizon_s=60.0, min_benefit_quote=None)
    verdict = _weigh(NOTHING, gas=1e9, rule=rule)
    assert verdict.worth_it
    assert "required" not in verdict.numbers()
    assert all(math.isfinite(value) for value in verdict.numbers().values())


def test_loss_against_rebalancing_can_be_left_out():
    lossy = Prospect(fees=2e6, lvr=9e6, hedge=0.0, in_range=1.0)
    assert _weigh(lossy).benefit == pytest.approx(-7.0)
    without = EconomicsRule(horizon_s=60.0, lvr_weight=0.0)
    assert _weigh(lossy, rule=without).benefit == pytest.approx(2.0)


def test_with_no_horizon_nothing_is_earned_and_nothing_divides_by_zero():
    got = _prospect(_range(2_000, 2_500), rule=EconomicsRule(horizon_s=0.0))
    assert got == Prospect(0.0, 0.0, 0.0, 0.0)


@pytest.mark.parametrize(
    "fields",
    [
        {"horizon_s": -1.0},
        {"horizon_s": 1.0, "min_benefit_quote": math.nan},
        {"horizon_s": 1.0, "margin_bps": -1.0},
        {"horizon_s": 1.0, "hedge_ratio": math.inf},
    ],
)
def test_rules_outside_their_domain_are_refused(fields):
    with pytest.raises(ConfigError):
        EconomicsRule(**fields)
