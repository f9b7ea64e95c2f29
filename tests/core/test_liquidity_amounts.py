"""Periphery LiquidityAmounts against its text."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import prices

from alp._core import liquidity_amounts
from alp._core.errors import Revert

MANY = settings(max_examples=400, deadline=None)
PRICES = st.one_of(
    st.integers(prices.MIN_TICK, prices.MAX_TICK).map(prices.sqrt_ratio_at_tick),
    st.integers(0, 2**160 - 1),
    st.integers(0, 5),
)


def outcome(function: Callable[..., object], *arguments: int) -> object:
    try:
        return function(*arguments)
    except Revert as revert:
        return f"revert {revert.reason!r}"


@MANY
@given(PRICES, PRICES, PRICES, st.integers(0, 2**256 - 1), st.integers(0, 2**130))
@example(2**96, 2**96, 2**96, 1, 1)
@example(5, 2**96, 2**97, 2**200, 0)
def test_liquidity_for_amounts(price: int, a: int, b: int, amount0: int, amount1: int) -> None:
    arguments = (price, a, b, amount0 >> (amount1 & 255), amount1)
    assert outcome(liquidity_amounts.get_liquidity_for_amounts, *arguments) == outcome(
        prices.liquidity_for_amounts, *arguments
    )


@MANY
@given(PRICES, PRICES, PRICES, st.integers(0, 2**128 - 1))
@example(0, 0, 0, 1)
@example(0, 0, 5, 1)
def test_amounts_for_liquidity(price: int, a: int, b: int, liquidity: int) -> None:
    arguments = (price, a, b, liquidity)
    assert outcome(liquidity_amounts.get_amounts_for_liquidity, *arguments) == outcome(
        prices.amounts_for_liquidity, *arguments
    )


@MANY
@given(
    st.integers(-200000, 200000),
    st.integers(-200000, 200000),
    st.integers(1, 20000),
    st.integers(0, 10**24),
    st.integers(0, 10**24),
)
def test_liquidity_never_costs_more_than_was_offered(
    tick: int, lower: int, width: int, amount0: int, amount1: int
) -> None:
    price, low, high = (prices.sqrt_ratio_at_tick(at) for at in (tick, lower, lower + width))
    liquidity = liquidity_amounts.get_liquidity_for_amounts(price, low, high, amount0, amount1)
    back = liquidity_amounts.get_amounts_for_liquidity(price, low, high, liquidity)
    assert back[0] <= amount0
    assert back[1] <= amount1
