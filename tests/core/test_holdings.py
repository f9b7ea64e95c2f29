"""The price at which ranges hold at most so much: true there, and false one unit before."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.holdings import first_price_with_token0_at_most, last_price_with_token1_at_most
from alp._core.liquidity_amounts import get_amounts_for_liquidity
from alp._core.tickmath import get_sqrt_ratio_at_tick

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342

ranges = st.lists(
    st.tuples(st.integers(-300_000, 300_000), st.integers(1, 50_000), st.integers(0, 10**24)).map(
        lambda row: (row[0], row[0] + row[1], row[2])
    ),
    max_size=5,
)


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


def test_bad_ranges_are_refused() -> None:
    with pytest.raises(ValueError, match="not a range"):
        first_price_with_token0_at_most([(10, 10, 1)], 0)
    with pytest.raises(ValueError, match="more than 64"):
        last_price_with_token1_at_most([(0, 10, 1)] * 65, 0)
