"""Fee income: shared by liquidity, measured from volume or from fee growth, against LVR."""

import math

import numpy as np
import pytest
from lp_world import ARBITRUM, ETHEREUM, sqrt_at

from alp._core.pool import Pool
from alp.errors import ConfigError
from alp.models.fees import FeeEstimate, arbitrage_share, fee_to_lvr, tier_fee_to_lvr
from alp.models.lvr import PositionCurve, price_root


def test_a_newcomer_earns_its_share_of_all_liquidity():
    estimate = FeeEstimate(100.0, 3_000)
    assert estimate.income(1_000) == pytest.approx(25.0)
    assert estimate.income(0) == 0.0


def test_alone_it_earns_everything_and_nothing_earns_nothing():
    assert FeeEstimate(100.0, 0).income(5.0) == 100.0
    assert FeeEstimate(100.0, 0).income(0.0) == 0.0


def test_volume_pays_the_pools_fee():
    estimate = FeeEstimate.from_volume(ETHEREUM, 10_000_000, 10.0, 7)
    assert estimate == FeeEstimate(500.0, 7)


@pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])
def test_fee_growth_of_a_real_swap_gives_the_fee_it_paid(pair):
    sqrt_price = sqrt_at(pair, 2_268)
    pool = Pool(500, 10)
    pool.initialize(sqrt_price, 0)
    tick = pool.tick // 10 * 10
    pool.mint(1, tick - 1_000, tick + 1_000, 10**18, 0)
    own, before = 10**17, (pool.fee_growth_global0_x128, pool.fee_growth_global1_x128)
    paid = 10**6 if not pair.base_is_token0 else 4 * 10**14
    pool.swap(True, paid, 4295128740, 0)
    growth = (
        pool.fee_growth_global0_x128 - before[0],
        pool.fee_growth_global1_x128 - before[1],
    )
    estimate = FeeEstimate.from_fee_growth(pair, growth, 2.0, 10**18, own, sqrt_price)
    worth = paid if not pair.base_is_token0 else paid * price_root(pair, sqrt_price) ** 2
    assert estimate.income_quote_per_s * 2.0 == pytest.approx(worth * 0.0005, rel=1e-3)
    assert estimate.active_liquidity == 10**18 - own


def test_a_counter_that_wrapped_still_gives_the_growth():
    wrapped = (5 - (2**256 - 7)) % 2**256
    estimate = FeeEstimate.from_fee_growth(
        ETHEREUM, (wrapped, 0), 1.0, 2**128, 0, sqrt_at(ETHEREUM, 2_268)
    )
    assert estimate.income_quote_per_s == pytest.approx(12.0)


def test_fees_over_loss_do_not_depend_on_how_much_liquidity_one_adds():
    root, sigma = price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268)), 2e-4
    estimate = FeeEstimate(1e6, 10**19)
    position = PositionCurve.of(ARBITRUM, -200_000, -198_000, 10**12)
    ratio = estimate.income(position.liquidity) / position.lvr_rate(root, sigma)
    assert fee_to_lvr(estimate, root, sigma) == pytest.approx(ratio, rel=1e-6)
    assert fee_to_lvr(FeeEstimate(1.0, 0), root, sigma) == math.inf


def test_arbitrageurs_keep_less_of_the_loss_where_fees_are_high_or_blocks_fast():
    sigma = 2e-4
    assert arbitrage_share(500, sigma, 12.0) > arbitrage_share(3_000, sigma, 12.0)
    assert arbitrage_share(500, sigma, 12.0) > arbitrage_share(500, sigma, 0.25)
    assert arbitrage_share(1, sigma, 1e9) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("fee_pips", [500, 3_000])
def test_arbitrageurs_keep_what_a_simulation_of_them_keeps(fee_pips):
    # The pool's mispricing is a random walk between blocks; in each block they trade it back to
    # the fee, and gain half the square of what they close (per unit of curvature).
    random, sigma, block_time_s, blocks = np.random.default_rng(3), 1.7e-4, 12.0, 200_000
    times = random.exponential(block_time_s, blocks)
    moves = random.standard_normal(blocks) * sigma * np.sqrt(times)
    fee, gap, kept = -math.log1p(-fee_pips * 1e-6), 0.0, 0.0
    for move in moves.tolist():
        gap += move
        if abs(gap) > fee:
            kept += (abs(gap) - fee) ** 2
            gap = math.copysign(fee, gap)
    share = kept / (sigma**2 * times.sum())
    assert arbitrage_share(fee_pips, sigma, block_time_s) == pytest.approx(share, rel=0.05)


def test_a_tier_earns_noise_fees_and_what_arbitrageurs_pay():
    root, sigma = price_root(ARBITRUM, sqrt_at(ARBITRUM, 2_268)), 2e-4
    without_noise = tier_fee_to_lvr(3_000, 0.0, 10**19, root, sigma, 12.0)
    assert without_noise == pytest.approx(1.0 - arbitrage_share(3_000, sigma, 12.0))
    assert tier_fee_to_lvr(3_000, 1e9, 10**19, root, sigma, 12.0) > without_noise


@pytest.mark.parametrize("fields", [(-1.0, 1), (math.nan, 1), (1.0, -1)])
def test_an_estimate_that_cannot_be_is_refused(fields):
    with pytest.raises(ConfigError):
        FeeEstimate(*fields)
