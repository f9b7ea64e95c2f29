"""Wide integers to floats and roots: the roundings of Python's own integers."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from alp._core.wide_ratios import price_times_root, ratio_to_float

wide = st.integers(0, 256).flatmap(lambda bits: st.integers(0, 2**bits - 1))


@given(numerator=wide, denominator=wide.filter(bool))
@example(numerator=2**256 - 1, denominator=1)
@example(numerator=1, denominator=2**256 - 1)
@example(numerator=2**53 + 1, denominator=1)
def test_a_ratio_is_the_float_that_python_divides_to(numerator: int, denominator: int) -> None:
    assert ratio_to_float(numerator, denominator) == numerator / denominator


@given(
    denominator=st.integers(1, 2**128),
    halves=st.integers(2**53, 2**54),
    off=st.sampled_from([-1, 0, 1]),
)
def test_a_ratio_between_two_floats_goes_to_the_nearer_one(
    denominator: int, halves: int, off: int
) -> None:
    numerator = denominator * halves // 2 + off
    assert ratio_to_float(numerator, denominator) == numerator / denominator


def test_a_ratio_over_nothing_is_an_error() -> None:
    with pytest.raises(ZeroDivisionError):
        ratio_to_float(1, 0)


@given(
    price=st.integers(1, 160).flatmap(lambda bits: st.integers(1, 2**bits - 1)),
    numerator=st.integers(1, 2**42),
    denominator=st.sampled_from([10_000, 10**8]),
)
@example(price=1, numerator=1, denominator=10_000)
@example(price=2**160 - 1, numerator=10_000, denominator=10_000)
def test_a_price_times_a_root_is_rounded_down(price: int, numerator: int, denominator: int) -> None:
    expected = math.isqrt(price * price * numerator // denominator)
    assert price_times_root(price, numerator, denominator) == expected
