"""The no-trade band: its optimum, how it depends on what, and that no unit of base is lost."""

import math
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import ConfigError
from alp.models.hedge_band import (
    Aim,
    BandRule,
    HedgeCost,
    OrderSizes,
    band_base,
    cost_of_band,
    size_order,
    watched_at_intervals,
)

positive = st.floats(1e-6, 1e6)
WORLD = {"cost_per_base": 1.5, "gamma": -0.004, "risk_aversion": 0.02, "sigma_price": 0.4}


def test_the_closed_form():
    # (1.5 * 2 * 0.01^2 / 0.3)^(1/3) = 0.1
    assert band_base(cost_per_base=2.0, gamma=-0.01, risk_aversion=0.3) == pytest.approx(0.1)


def test_whalley_and_wilmotts_option_band():
    # k = 1 %, S = 100, Gamma = 0.02, gamma = 1: (1.5 * 1 * 0.0004)^(1/3).
    cost = HedgeCost(fee_bps=100.0).per_base(100.0)
    got = band_base(cost_per_base=cost, gamma=0.02, risk_aversion=1.0)
    assert got == pytest.approx(0.0006 ** (1 / 3))


@given(cost=positive, gamma=positive, aversion=positive, sigma=positive, inflow=positive)
def test_no_other_band_costs_less(cost, gamma, aversion, sigma, inflow):
    world = {
        "cost_per_base": cost,
        "gamma": gamma,
        "risk_aversion": aversion,
        "sigma_price": sigma,
        "inflow": inflow,
    }
    best = band_base(**world)
    trading, carrying = cost_of_band(best, **world)
    # At the optimum of a/b + c b^2 the first part is twice the second.
    assert trading == pytest.approx(2.0 * carrying)
    for other in (0.5, 0.9, 1.1, 2.0):
        assert sum(cost_of_band(best * other, **world)) > trading + carrying


def test_a_simulated_inventory_costs_what_the_formula_says():
    # Many inventories at once, begun as they are in the long run: anywhere in the band.
    draw = np.random.default_rng(5)
    walkers, steps = 4_000, 5_000
    band = band_base(**WORLD)
    held = draw.uniform(-band, band, walkers)
    traded = squares = 0.0
    for _ in range(steps):
        moved = held + draw.standard_normal(walkers) * WORLD["gamma"] * WORLD["sigma_price"]
        held = np.clip(moved, -band, band)
        traded += np.abs(moved - held).sum()
        squares += (held * held).sum()
    trading, carrying = cost_of_band(band, **WORLD)
    seconds = walkers * steps
    assert WORLD["cost_per_base"] * traded / seconds == pytest.approx(trading, rel=0.03)
    risk = 0.5 * WORLD["risk_aversion"] * WORLD["sigma_price"] ** 2 * squares / seconds
    assert risk == pytest.approx(carrying, rel=0.03)


@pytest.mark.parametrize("part", [0.5, 1.0])
def test_looked_at_in_intervals_the_narrower_band_costs_least(part):
    # Each look comes after a change whose standard deviation is half the band, or all of it.
    width = band_base(cost_per_base=1.0, gamma=1.0, risk_aversion=1.0)
    step = part * width
    costs = {}
    for overshoot in (0.0, 0.25, 0.5826, 0.9):
        draw = np.random.default_rng(6)
        edge = width - overshoot * step
        held, charge = draw.uniform(-edge, edge, 4_000), 0.0
        for _ in range(1_000):
            move = draw.standard_normal(4_000) * step
            charge += 0.5 * ((held * move) ** 2).sum()
            kept = np.clip(held - move, -edge, edge)
            charge += np.abs(held - move - kept).sum()
            held = kept
        costs[overshoot] = charge
    assert min(costs, key=costs.get) == 0.5826
    assert watched_at_intervals(width, step) == pytest.approx(width - 0.5826 * step, rel=1e-3)


def test_a_rule_knows_how_often_it_is_looked_at():
    cost = HedgeCost(fee_bps=10.0)
    always = BandRule(0.3, cost, 3)
    rarely = BandRule(0.3, cost, 3, interval_s=100.0)
    wide, narrow = (
        rule.band_raw(price=2_000.0, gamma=0.01, sigma_price=0.5) for rule in (always, rarely)
    )
    # 0.01 * 0.5 * 10 = 0.05 base between two looks.
    assert wide - narrow == pytest.approx(0.5826 * 50, abs=1)
    assert BandRule(0.3, cost, 3, interval_s=1e6).band_raw(price=2e3, gamma=1, sigma_price=1) == 0


@given(cost=st.floats(0, 1e4), more=st.floats(0, 1e4), gamma=positive, aversion=positive)
def test_the_band_rises_with_cost(cost, more, gamma, aversion):
    narrow = band_base(cost_per_base=cost, gamma=gamma, risk_aversion=aversion)
    wide = band_base(cost_per_base=cost + more, gamma=gamma, risk_aversion=aversion)
    assert narrow <= wide


@given(cost=positive, gamma=positive, aversion=positive, more=st.floats(0, 1e6))
def test_the_band_falls_with_risk_aversion_and_rises_with_gamma(cost, gamma, aversion, more):
    base = band_base(cost_per_base=cost, gamma=gamma, risk_aversion=aversion)
    assert base >= band_base(cost_per_base=cost, gamma=gamma, risk_aversion=aversion + more)
    assert base <= band_base(cost_per_base=cost, gamma=-gamma - more, risk_aversion=aversion)


def test_inventory_from_elsewhere_widens_the_band():
    still = band_base(**WORLD)
    assert band_base(**WORLD, inflow=0.001) > still
    # Gamma * sigma = 0.0016 base per root second: as much again from elsewhere doubles v^2.
    assert band_base(**WORLD, inflow=0.0016) == pytest.approx(still * 2 ** (1 / 3))


def test_a_rebate_leaves_no_band():
    cost = HedgeCost(fee_bps=-1.0, half_spread_bps=0.5)
    assert cost.bps == -0.5
    assert cost.per_base(2_000.0) == 0.0
    rule = BandRule(0.1, cost, 18)
    assert rule.band_raw(price=2_000.0, gamma=-0.01) == 0


def test_costs_add_up():
    assert HedgeCost(2.0, 0.5, 1.5).per_base(2_000.0) == pytest.approx(0.8)


def test_a_rule_counts_in_raw_units_within_its_bounds():
    cost = HedgeCost(fee_bps=10.0)  # two quote per base at 2,000
    assert BandRule(0.3, cost, 3).band_raw(price=2_000.0, gamma=0.01) in (99, 100)
    assert BandRule(0.3, cost, 3, least_raw=500).band_raw(price=2_000.0, gamma=0.01) == 500
    assert BandRule(0.3, cost, 3, most_raw=7).band_raw(price=2_000.0, gamma=0.01) == 7
    assert BandRule(0.3, cost, 3, 5).band_raw(price=2_000.0, gamma=0.0) == 5


@given(
    inventory=st.integers(-(10**24), 10**24),
    band=st.integers(0, 10**22),
    lot=st.integers(1, 10**18),
    least=st.integers(1, 100),
    more=st.integers(0, 10**6),
    share=st.integers(0, 10**6),
    aim=st.sampled_from(Aim),
)
def test_no_unit_is_lost_and_no_order_overshoots(inventory, band, lot, least, more, share, aim):
    sizes = OrderSizes(lot, least, least + more)
    got = size_order(inventory, band, sizes, aim=aim, share_ppm=share)
    mine = inventory * share // 10**6
    assert got.residual_raw - got.lots * lot == mine
    assert got.outside == (abs(inventory) > band)
    if got.lots:
        assert got.lots * inventory < 0
        assert got.outside
        assert least <= abs(got.lots) <= least + more
        kept = abs(inventory) - abs(got.lots) * lot
        assert kept >= (band if aim is Aim.EDGE else 0)


def test_what_is_too_small_for_an_order_is_carried_until_it_is_enough():
    sizes = OrderSizes(lot_raw=10, min_lots=5, max_lots=100)
    draw, carried, traded, wanted = random.Random(1), 0, 0, 0
    for _ in range(1_000):
        change = draw.randint(-9, 12)
        wanted, carried = wanted + change, carried + change
        got = size_order(carried, 0, sizes)
        traded, carried = traded - got.lots * 10, got.residual_raw
        assert abs(carried) < 50
        assert traded + carried == wanted
    assert traded != 0


def test_the_two_aims():
    sizes = OrderSizes(10, 1, 1_000)
    assert size_order(1_005, 300, sizes, aim=Aim.EDGE) == (-70, 305, True)
    assert size_order(1_005, 300, sizes, aim=Aim.ZERO) == (-100, 5, True)
    assert size_order(-1_005, 300, sizes, aim=Aim.EDGE) == (70, -305, True)
    assert size_order(300, 300, sizes) == (0, 300, False)


@pytest.mark.parametrize(
    "make",
    [
        lambda: HedgeCost(float("nan")),
        lambda: HedgeCost(1.0, -1.0),
        lambda: HedgeCost(1.0, 0.0, -1.0),
        lambda: BandRule(0.0, HedgeCost(1.0), 18),
        lambda: BandRule(0.1, HedgeCost(1.0), 18, -1),
        lambda: BandRule(0.1, HedgeCost(1.0), 18, 5, 4),
        lambda: OrderSizes(0, 1, 1),
        lambda: OrderSizes(1, 0, 1),
        lambda: OrderSizes(1, 2, 1),
        lambda: band_base(cost_per_base=-1.0, gamma=1.0, risk_aversion=1.0),
        lambda: band_base(cost_per_base=1.0, gamma=math.inf, risk_aversion=1.0),
        lambda: band_base(cost_per_base=1.0, gamma=1.0, risk_aversion=0.0),
        lambda: band_base(cost_per_base=1.0, gamma=1.0, risk_aversion=1.0, inflow=1.0),
        lambda: cost_of_band(0.0, **WORLD),
        lambda: watched_at_intervals(1.0, -1.0),
        lambda: BandRule(0.1, HedgeCost(1.0), 18, interval_s=-1.0),
    ],
)
def test_what_is_outside_its_domain_is_refused(make):
    with pytest.raises(ConfigError):
        make()
