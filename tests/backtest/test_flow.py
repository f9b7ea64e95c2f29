"""Arbitrage flow: the band, the candle's path, and what it pays liquidity."""

from __future__ import annotations

import math
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest

from alp.backtest.fee_tiers import arbitrage_income, compare_tiers, observed_ratio
from alp.backtest.flow import KIND_BAND, arbitrage_events, band_x96
from alp.data.schema import CANDLE, unsigned
from alp.models.pair import TokenPair


def pair(*, base_is_token0: bool = False, fee_pips: int = 500) -> TokenPair:
    return TokenPair("WETH", "USDC", 18, 6, base_is_token0, fee_pips, 10)


@pytest.mark.parametrize("base_is_token0", [False, True])
def test_the_band_is_one_fee_wide_on_both_sides(base_is_token0: bool) -> None:
    tokens = pair(base_is_token0=base_is_token0)
    low, high = band_x96(tokens, Fraction(2000))
    prices = sorted((tokens.sqrt_x96_to_price(low), tokens.sqrt_x96_to_price(high)))
    assert prices[0] == pytest.approx(2000 * 0.9995, rel=1e-12)
    assert prices[1] == pytest.approx(2000 / 0.9995, rel=1e-12)
    assert low < high


def candles(*rows: tuple[int, int, int, int]) -> np.ndarray:
    made = np.zeros(len(rows), CANDLE)
    made["ts_ns"] = np.arange(len(rows)) * 300 * 10**9
    made["period_ns"] = 300 * 10**9
    for row, (opened, high, low, close) in zip(made, rows, strict=True):
        row["open"], row["high"], row["low"], row["close"] = opened, high, low, close
    return made


def test_a_rising_candle_visits_its_low_first_and_a_falling_one_its_high() -> None:
    tokens = pair()
    batch = candles((200_000, 203_000, 199_000, 202_000), (202_000, 204_000, 198_000, 199_000))
    (events,) = arbitrage_events(iter([batch]), tokens, Decimal("0.01"))
    assert (events["kind"] == KIND_BAND).all()
    middle = [
        math.sqrt(
            tokens.sqrt_x96_to_price(unsigned(event["sqrt_price_x96"]))
            * tokens.sqrt_x96_to_price(unsigned(event["amount0"]))
        )
        for event in events
    ]
    expected = [2000, 1990, 2030, 2020, 2020, 2040, 1980, 1990]
    assert middle == pytest.approx(expected, rel=1e-9)
    times = events["ts_ns"].tolist()
    assert times == sorted(times)
    assert times[3] == 300 * 10**9 - 1


def test_arbitrage_pays_less_than_it_takes_and_wider_tiers_keep_more() -> None:
    rng = np.random.default_rng(1)
    prices = 2000 * np.exp(np.cumsum(rng.normal(0, 3e-4, 20_000)))
    incomes = compare_tiers(prices)
    assert [income.fee_pips for income in incomes] == [500, 3000, 10_000]
    for income in incomes:
        assert 0 < income.fees < income.lvr
        noise = income.break_even_volume * income.fee_pips / 1e6
        assert income.fees + noise == pytest.approx(income.lvr)
    ratios = [income.ratio for income in incomes]
    assert ratios == sorted(ratios)
    assert incomes[0].trades > incomes[1].trades > incomes[2].trades


def test_a_price_that_stays_inside_the_band_trades_nothing() -> None:
    income = arbitrage_income(np.array([2000.0, 2000.5, 1999.5, 2000.0]), 500)
    assert (income.trades, income.fees, income.lvr) == (0, 0.0, 0.0)
    assert math.isnan(income.ratio)


def test_one_arbitrage_by_hand() -> None:
    # The pool at 100, the reference jumps to 121: it is bought up to 121 * 0.9.
    income = arbitrage_income(np.array([100.0, 121.0]), 100_000)
    after = 121 * 0.9
    d_quote = math.sqrt(after) - 10
    d_base = 1 / math.sqrt(after) - 0.1
    assert income.fees == pytest.approx(d_quote / 9)
    assert income.lvr == pytest.approx(-(d_base * 121 + d_quote))


def test_lvr_observed_on_a_path_is_the_sum_of_squared_root_moves() -> None:
    roots = np.array([10.0, 11.0, 10.0])
    fees, lvr = observed_ratio(roots, 3.0)
    assert fees == 3.0
    assert lvr == pytest.approx(1 / 10 + 1 / 11)
