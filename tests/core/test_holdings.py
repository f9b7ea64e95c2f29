"""The price at which ranges hold at most so much: true there, and false one unit before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.errors import Revert
from alp._core.holdings import (
    first_price_with_token0_at_most,
    held_amounts,
    last_price_with_token1_at_most,
    mint_amounts,
    position_amounts,
)
from alp._core.liquidity_amounts import get_amounts_for_liquidity, get_liquidity_for_amounts
from alp._core.tickmath import get_sqrt_ratio_at_tick

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

ranges = st.lists(
    st.tuples(st.integers(-300_000, 300_000), st.integers(1, 50_000), st.integers(0, 10**24)).map(
        lambda row: (row[0], row[0] + row[1], row[2])
    ),
    max_size=5,
)


Positions = list[tuple[int, int, int]]


def by_bisection(positions: Positions, limit: int, token: int) -> int:
    """The plain algorithm: halve the whole domain until two neighbours are left."""
    low, high = MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO
    while low + 1 < high:
        middle = (low + high) // 2
        if (held(positions, middle, token) <= limit) == (token == 0):
            high = middle
        else:
            low = middle
    return high if token == 0 else low


def held(positions: list[tuple[int, int, int]], price: int, token: int) -> int:
    return sum(
        get_amounts_for_liquidity(
            price, get_sqrt_ratio_at_tick(lower), get_sqrt_ratio_at_tick(upper), liquidity
        )[token]
        for lower, upper, liquidity in positions
    )


@settings(deadline=None)
@given(positions=ranges, share=st.fractions(0, 1))
def test_the_bounds_are_exact(positions: list[tuple[int, int, int]], share: float) -> None:
    limit0 = int(held(positions, MIN_SQRT_RATIO, 0) * share)
    first = first_price_with_token0_at_most(positions, limit0)
    assert held(positions, first, 0) <= limit0
    assert first == MIN_SQRT_RATIO or held(positions, first - 1, 0) > limit0

    limit1 = int(held(positions, MAX_SQRT_RATIO - 1, 1) * share)
    last = last_price_with_token1_at_most(positions, limit1)
    assert held(positions, last, 1) <= limit1
    assert last == MAX_SQRT_RATIO - 1 or held(positions, last + 1, 1) > limit1


# Some share ends and some overlap; liquidity from dust to the most there can be.
crowded = st.lists(
    st.tuples(
        st.integers(-887_272, 887_270),
        st.sampled_from([1, 10, 200, 60_000]),
        st.sampled_from([0, 1, 7, 10**9, 10**18, 2**100, 2**128 - 1]) | st.integers(0, 10**30),
    ).map(lambda row: (row[0], min(row[0] + row[1], 887_272), row[2])),
    min_size=1,
    max_size=4,
)
limits = st.integers(0, 2**160) | st.integers(0, 10**6)


@settings(deadline=None)
@given(positions=ranges | crowded, limit=limits, share=st.floats(0, 1))
def test_the_bounds_are_those_of_bisection(positions: Positions, limit: int, share: float) -> None:
    for token, bound in ((0, first_price_with_token0_at_most), (1, last_price_with_token1_at_most)):
        most = held(positions, (MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1)[token], token)
        for at_most in {limit, int(most * share), most, max(most - 1, 0)}:
            assert bound(positions, at_most) == by_bisection(positions, at_most, token)


@given(positions=ranges | crowded, price=st.integers(MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1))
def test_amounts_are_the_periphery_s(positions: Positions, price: int) -> None:
    assert held_amounts(price, positions) == (held(positions, price, 0), held(positions, price, 1))
    for tick_lower, tick_upper, liquidity in positions:
        ends = get_sqrt_ratio_at_tick(tick_lower), get_sqrt_ratio_at_tick(tick_upper)
        expected = get_amounts_for_liquidity(price, *ends, liquidity)
        assert position_amounts(price, tick_lower, tick_upper, liquidity) == expected


@given(
    tick=st.integers(-300_000, 300_000),
    width=st.integers(1, 50_000),
    price=st.integers(-300_000, 300_000).map(get_sqrt_ratio_at_tick),
    amounts=st.tuples(st.integers(0, 10**24), st.integers(0, 10**24)),
)
def test_a_mint_is_the_periphery_s_in_one_call(
    tick: int, width: int, price: int, amounts: tuple[int, int]
) -> None:
    ticks = (tick, tick + width)
    ends = [get_sqrt_ratio_at_tick(each) for each in ticks]
    minted = get_liquidity_for_amounts(price, *ends, *amounts)
    expected = (minted, *get_amounts_for_liquidity(price, *ends, minted))
    assert mint_amounts(price, *ticks, *amounts) == expected


def test_amounts_at_a_tick_out_of_range_revert() -> None:
    for ticks in ((-887_273, 0), (0, 887_273)):
        with pytest.raises(Revert, match="T"):
            position_amounts(1 << 96, *ticks, 1)
        with pytest.raises(Revert, match="T"):
            held_amounts(1 << 96, [(*ticks, 1)])
        with pytest.raises(Revert, match="T"):
            mint_amounts(1 << 96, *ticks, 1, 1)


def test_bad_ranges_are_refused() -> None:
    with pytest.raises(ValueError, match="not a range"):
        first_price_with_token0_at_most([(10, 10, 1)], 0)
    with pytest.raises(ValueError, match="more than 64"):
        last_price_with_token1_at_most([(0, 10, 1)] * 65, 0)
