"""The position curve: exact amounts, its derivatives, and what it loses against rebalancing."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import ARBITRUM, ETHEREUM, sqrt_at

from alp._core.holdings import position_amounts
from alp.models.lvr import (
    PositionCurve,
    impermanent_loss_x96,
    position_value_x96,
    price_root,
    value_x96,
)

LIQUIDITY = 10**18
TICKS = {ETHEREUM: (198_000, 200_000), ARBITRUM: (-200_000, -198_000)}
both_orders = pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])
prices = st.floats(1_800, 2_900)


def _curve(pair):
    return PositionCurve.of(pair, *TICKS[pair], LIQUIDITY)


@both_orders
@given(price=prices)
def test_the_curve_is_the_contracts_amounts(pair, price):
    sqrt_price = sqrt_at(pair, price)
    base, quote = pair.join(*position_amounts(sqrt_price, *TICKS[pair], LIQUIDITY))
    curve, root = _curve(pair), price_root(pair, sqrt_price)
    assert curve.base(root) == pytest.approx(base, rel=1e-9, abs=1e4)
    assert curve.quote(root) == pytest.approx(quote, rel=1e-9, abs=2)
    exact = position_value_x96(pair, sqrt_price, *TICKS[pair], LIQUIDITY)
    assert curve.value(root) == pytest.approx(exact / 2**96, rel=1e-9)


@both_orders
def test_both_token_orders_describe_the_same_position(pair):
    root = price_root(pair, sqrt_at(pair, 2_268))
    mirrored = price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268))
    assert _curve(pair).value(root) == pytest.approx(_curve(ARBITRUM).value(mirrored), rel=1e-12)


@both_orders
@given(price=st.floats(2_100, 2_450))
def test_delta_and_gamma_are_the_derivatives_of_value(pair, price):
    curve, root = _curve(pair), price_root(pair, sqrt_at(pair, price))
    raw_price, step = root**2, root**2 * 1e-4

    def value(at):
        return curve.value(math.sqrt(at))

    slope = (value(raw_price + step) - value(raw_price - step)) / (2 * step)
    bend = (value(raw_price + step) - 2 * value(raw_price) + value(raw_price - step)) / step**2
    assert curve.delta(root) == pytest.approx(slope, rel=1e-5)
    assert curve.gamma(root) == pytest.approx(bend, rel=1e-3)


@both_orders
def test_the_loss_rate_is_half_gamma_times_the_variance_of_price(pair):
    curve, root, sigma = _curve(pair), price_root(pair, sqrt_at(pair, 2_268)), 2e-4
    expected = 0.5 * sigma**2 * root**4 * -curve.gamma(root)
    assert curve.lvr_rate(root, sigma) == pytest.approx(expected)
    assert curve.lvr_rate(root, sigma) == pytest.approx(LIQUIDITY * sigma**2 * root / 4)


@both_orders
def test_out_of_range_nothing_bends_and_nothing_is_lost(pair):
    curve = _curve(pair)
    for price in (1_000, 5_000):
        root = price_root(pair, sqrt_at(pair, price))
        assert not curve.in_range(root)
        assert curve.gamma(root) == 0.0
        assert curve.lvr_rate(root, 1e-4) == 0.0


def test_value_equals_hold_value_minus_loss_for_a_small_move_and_back():
    # After a move and back the position is what it was: no impermanent loss remains.
    start, away = sqrt_at(ETHEREUM, 2_268), sqrt_at(ETHEREUM, 2_400)
    ticks = TICKS[ETHEREUM]
    deposited = ETHEREUM.join(*position_amounts(start, *ticks, LIQUIDITY))
    moved = ETHEREUM.join(*position_amounts(away, *ticks, LIQUIDITY))
    assert impermanent_loss_x96(ETHEREUM, deposited, deposited, start) == 0
    assert impermanent_loss_x96(ETHEREUM, moved, deposited, away) < 0


def test_a_ledger_value_is_exact():
    sqrt_price = sqrt_at(ARBITRUM, 2_268)
    mark = ARBITRUM.mark_x96(sqrt_price)
    assert value_x96(ARBITRUM, 3, 5, sqrt_price) == 3 * mark + 5 * 2**96


@pytest.mark.parametrize("price", [2_000, 2_150, 2_268, 2_500])
def test_expected_time_in_range_is_what_brownian_paths_spend_there(price):
    curve, root = _curve(ARBITRUM), price_root(ARBITRUM, sqrt_at(ARBITRUM, price))
    sigma, horizon_s, steps = 3e-4, 86_400.0, 1_000
    random = np.random.default_rng(7)
    moves = random.standard_normal((4_000, steps)) * sigma * math.sqrt(horizon_s / steps)
    roots = root * np.exp(np.cumsum(moves, axis=1) / 2)
    inside = ((roots >= curve.root_lower) & (roots < curve.root_upper)).mean(axis=1)
    error = inside.std() / math.sqrt(len(inside)) + 0.002  # and the discretisation
    assert curve.time_in_range(root, sigma, horizon_s) == pytest.approx(
        inside.mean(), abs=4 * error
    )


def test_time_in_range_without_volatility_or_time_is_now():
    curve, inside = _curve(ARBITRUM), price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268))
    outside = price_root(ARBITRUM, sqrt_at(ARBITRUM, 3_500))
    for sigma, horizon_s in ((0.0, 3600.0), (1e-4, 0.0)):
        assert curve.time_in_range(inside, sigma, horizon_s) == 1.0
        assert curve.time_in_range(outside, sigma, horizon_s) == 0.0


def test_a_range_far_away_is_never_reached():
    curve = _curve(ARBITRUM)
    far = price_root(ARBITRUM, sqrt_at(ARBITRUM, 100))
    assert curve.time_in_range(far, 1e-5, 60.0) == 0.0


def test_lvr_is_the_expected_loss_of_value_of_a_martingale():
    # E[V(P_T)] - V(P_0) for a price without drift is minus the expected loss against rebalancing.
    curve, root = _curve(ARBITRUM), price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268))
    sigma, horizon_s = 1e-4, 3_600.0
    nodes, weights = np.polynomial.hermite_e.hermegauss(64)
    scale = sigma * math.sqrt(horizon_s)
    after = np.array(
        [curve.value(root * math.exp((scale * node - scale**2 / 2) / 2)) for node in nodes]
    )
    loss = curve.value(root) - float(after @ weights / weights.sum())
    predicted = (
        curve.lvr_rate(root, sigma) * horizon_s * curve.time_in_range(root, sigma, horizon_s)
    )
    assert loss == pytest.approx(predicted, rel=0.01)
