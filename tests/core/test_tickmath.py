"""TickMath against the contract's own steps, at and around every tick's boundary."""

from __future__ import annotations

import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import prices

from alp._core.errors import Revert
from alp._core.tickmath import (
    get_sqrt_ratio_at_tick,
    get_tick_at_sqrt_ratio,
    tick_spacing_to_max_liquidity_per_tick,
)

TICKS = st.integers(prices.MIN_TICK, prices.MAX_TICK)


@settings(max_examples=500, deadline=None)
@given(TICKS)
@example(0)
@example(1)
@example(-1)
@example(255)
@example(256)
@example(-256)
@example(prices.MIN_TICK)
@example(prices.MAX_TICK)
def test_ratio_is_the_contracts(tick: int) -> None:
    assert get_sqrt_ratio_at_tick(tick) == prices.sqrt_ratio_at_tick(tick)


@settings(max_examples=500, deadline=None)
@given(st.integers(prices.MIN_SQRT_RATIO, prices.MAX_SQRT_RATIO - 1))
def test_tick_of_a_large_price_is_the_contracts(price: int) -> None:
    assert get_tick_at_sqrt_ratio(price) == prices.tick_at_sqrt_ratio(price)


@settings(max_examples=500, deadline=None)
@given(TICKS.filter(lambda tick: tick < prices.MAX_TICK), st.integers(-3, 3), st.floats(0, 1))
def test_tick_of_any_price_is_the_contracts(tick: int, offset: int, part: float) -> None:
    low, high = prices.sqrt_ratio_at_tick(tick), prices.sqrt_ratio_at_tick(tick + 1)
    for price in (low + offset, low + int(part * (high - low))):
        if prices.MIN_SQRT_RATIO <= price < prices.MAX_SQRT_RATIO:
            assert get_tick_at_sqrt_ratio(price) == prices.tick_at_sqrt_ratio(price)


def test_every_boundary_belongs_to_its_tick_and_the_price_below_to_the_one_before() -> None:
    low = get_sqrt_ratio_at_tick(prices.MIN_TICK)
    for tick in range(prices.MIN_TICK, prices.MAX_TICK):
        high = get_sqrt_ratio_at_tick(tick + 1)
        assert get_tick_at_sqrt_ratio(low) == tick
        assert get_tick_at_sqrt_ratio(high - 1) == tick
        low = high


def test_contract_and_engine_agree_at_a_sample_of_boundaries() -> None:
    rng = random.Random(20240105)
    for tick in rng.sample(range(prices.MIN_TICK + 1, prices.MAX_TICK), 3000):
        boundary = prices.sqrt_ratio_at_tick(tick)
        for price in (boundary - 1, boundary, boundary + 1):
            assert get_tick_at_sqrt_ratio(price) == prices.tick_at_sqrt_ratio(price)


@pytest.mark.parametrize("tick", [prices.MIN_TICK - 1, prices.MAX_TICK + 1, 2**31 - 1, -(2**31)])
def test_ticks_out_of_range_revert_with_t(tick: int) -> None:
    with pytest.raises(Revert) as caught:
        get_sqrt_ratio_at_tick(tick)
    assert caught.value.reason == "T"


@pytest.mark.parametrize("price", [0, prices.MIN_SQRT_RATIO - 1, prices.MAX_SQRT_RATIO, 2**160 - 1])
def test_prices_out_of_range_revert_with_r(price: int) -> None:
    with pytest.raises(Revert) as caught:
        get_tick_at_sqrt_ratio(price)
    assert caught.value.reason == "R"


@pytest.mark.parametrize("spacing", [1, 2, 3, 10, 60, 200, 16383])
def test_liquidity_of_all_ticks_fits_128_bits(spacing: int) -> None:
    most = tick_spacing_to_max_liquidity_per_tick(spacing)
    assert most == prices.max_liquidity_per_tick(spacing)
    assert most * (2 * (prices.MAX_TICK // spacing) + 1) < 2**128
