"""Swap steps and price moves against the contract's text, most of all where a step just ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference import prices
from reference.words import U128, U160, add_delta

from alp._core import swapmath
from alp._core.errors import Revert

MANY = settings(max_examples=400, deadline=None)


def lengths(bits: int, low: int = 0) -> st.SearchStrategy[int]:
    """Integers up to ``bits`` bits, all lengths alike."""
    return st.integers(0, bits).flatmap(
        lambda length: st.integers(max(low, 2**length >> 1), max(low, 2**length - 1))
    )


PRICES = lengths(160, low=1)
POOL_PRICES = st.integers(prices.MIN_TICK, prices.MAX_TICK - 1).map(prices.sqrt_ratio_at_tick)
LIQUIDITY = lengths(128)
AMOUNTS = lengths(256)
FEES = st.one_of(st.sampled_from([100, 500, 3000, 10000]), st.integers(0, 10**6 - 1))


def outcome(function: Callable[..., object], *arguments: object) -> object:
    try:
        return function(*arguments)
    except Revert as revert:
        return f"revert {revert.reason!r}"


@MANY
@given(PRICES, PRICES, LIQUIDITY, lengths(255), st.booleans(), FEES)
def test_any_step_is_the_contracts(
    current: int, target: int, liquidity: int, amount: int, exact_in: bool, fee: int
) -> None:
    arguments = (current, target, liquidity, amount if exact_in else -amount, fee)
    assert outcome(swapmath.compute_step, *arguments) == outcome(
        prices.compute_swap_step, *arguments
    )


@MANY
@given(
    POOL_PRICES,
    st.integers(-(10**6), 10**6),
    lengths(110, low=1),
    st.booleans(),
    FEES,
    st.integers(-3, 3),
)
def test_a_step_that_just_reaches_its_target_is_the_contracts(
    current: int, parts: int, liquidity: int, exact_in: bool, fee: int, offset: int
) -> None:
    target = current + current * parts // 10**9 + (1 if parts > 0 else -1)
    target = min(max(1, target), U160)
    zero_for_one = current >= target
    if exact_in:
        delta = prices.amount0_delta if zero_for_one else prices.amount1_delta
        needed = delta(current, target, liquidity, True)
        amount = -(-needed * 10**6 // (10**6 - fee)) + offset
    else:
        delta = prices.amount1_delta if zero_for_one else prices.amount0_delta
        amount = -(delta(current, target, liquidity, False) + offset)
    arguments = (current, target, liquidity, amount, fee)
    assert outcome(swapmath.compute_step, *arguments) == outcome(
        prices.compute_swap_step, *arguments
    )


@MANY
@given(POOL_PRICES, st.booleans(), st.booleans(), lengths(128, low=1), lengths(140, low=1), FEES)
def test_a_step_that_stops_short_is_the_contracts(
    current: int, zero_for_one: bool, exact_in: bool, liquidity: int, amount: int, fee: int
) -> None:
    target = prices.MIN_SQRT_RATIO if zero_for_one else prices.MAX_SQRT_RATIO - 1
    arguments = (current, target, liquidity, amount if exact_in else -amount, fee)
    assert outcome(swapmath.compute_step, *arguments) == outcome(
        prices.compute_swap_step, *arguments
    )


@pytest.mark.parametrize("fee", [0, 999_999, 1_000_000])
@pytest.mark.parametrize("amount", [1, 10**18, -1, -(10**18), 2**255 - 1, -(2**255)])
def test_fees_at_their_ends(fee: int, amount: int) -> None:
    for target in (2**95, 2**97):
        arguments = (2**96, target, 10**18, amount, fee)
        assert outcome(swapmath.compute_step, *arguments) == outcome(
            prices.compute_swap_step, *arguments
        )


@MANY
@given(st.one_of(PRICES, st.just(0)), LIQUIDITY, AMOUNTS, st.booleans())
@example(2**160 - 1, 2**128 - 1, 2**256 - 1, True)
@example(1, 1, 2**256 - 1, True)
@example(5, 0, 7, False)
@example(0, 0, 7, True)
def test_price_moves_are_the_contracts(price: int, liquidity: int, amount: int, flag: bool) -> None:
    for engine, text in (
        (
            swapmath.get_next_sqrt_price_from_amount0_rounding_up,
            prices.next_price_from_amount0,
        ),
        (
            swapmath.get_next_sqrt_price_from_amount1_rounding_down,
            prices.next_price_from_amount1,
        ),
        (swapmath.get_next_sqrt_price_from_input, prices.next_price_from_input),
        (swapmath.get_next_sqrt_price_from_output, prices.next_price_from_output),
    ):
        arguments = (price, liquidity, amount, flag)
        assert outcome(engine, *arguments) == outcome(text, *arguments)


@MANY
@given(PRICES, PRICES, LIQUIDITY, st.booleans())
@example(1, U160, U128, True)
@example(U160 - 1, U160, U128, False)
def test_amounts_between_prices_are_the_contracts(a: int, b: int, liquidity: int, up: bool) -> None:
    assert swapmath.get_amount0_delta(a, b, liquidity, up) == prices.amount0_delta(
        a, b, liquidity, up
    )
    assert swapmath.get_amount1_delta(a, b, liquidity, up) == prices.amount1_delta(
        a, b, liquidity, up
    )


@MANY
@given(PRICES, PRICES, st.integers(-(2**127), 2**127 - 1))
def test_what_is_paid_out_is_rounded_down_and_what_is_taken_up(a: int, b: int, delta: int) -> None:
    assert swapmath.get_amount0_delta_signed(a, b, delta) == prices.signed_delta(
        prices.amount0_delta, a, b, delta
    )
    assert swapmath.get_amount1_delta_signed(a, b, delta) == prices.signed_delta(
        prices.amount1_delta, a, b, delta
    )


@MANY
@given(LIQUIDITY, st.integers(-(2**127), 2**127 - 1))
@example(U128, 1)
@example(0, -1)
@example(0, 0)
@example(2**127, -(2**127))
def test_liquidity_neither_wraps_nor_goes_below_zero(liquidity: int, delta: int) -> None:
    assert outcome(swapmath.add_liquidity_delta, liquidity, delta) == outcome(
        add_delta, liquidity, delta
    )


@pytest.mark.parametrize("arguments", [(U160 + 1, 1, 1, True), (1, 1, U128 + 1, True)])
def test_arguments_wider_than_solidity_s_types_are_refused(arguments: tuple[int, ...]) -> None:
    with pytest.raises(OverflowError):
        swapmath.get_amount0_delta(*arguments)  # type: ignore[arg-type]


def test_a_price_of_zero_has_no_token0_amount() -> None:
    with pytest.raises(Revert):
        swapmath.get_amount0_delta(0, 2**96, 1, False)
    assert swapmath.get_amount1_delta(0, 2**96, 1, False) == 1
