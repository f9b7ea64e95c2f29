"""256-bit arithmetic against Python's own integers."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from reference.words import U256
from reference.words import mul_div as twin_mul_div
from reference.words import mul_div_up as twin_mul_div_up

from alp._core import uint256
from alp._core.errors import Revert

LIMBS = st.one_of(
    st.sampled_from([0, 1, 2, 2**63 - 1, 2**63, 2**63 + 1, 2**64 - 2, 2**64 - 1]),
    st.integers(0, 2**64 - 1),
)
WORDS = st.lists(LIMBS, min_size=1, max_size=4).map(
    lambda limbs: sum(limb << 64 * place for place, limb in enumerate(limbs))
)
MANY = settings(max_examples=400, deadline=None)


def outcome(function: object, *arguments: int) -> int | str:
    assert callable(function)
    try:
        return function(*arguments)
    except Revert as revert:
        return f"revert {revert.reason!r}"


@MANY
@given(WORDS, WORDS, WORDS)
@example(2**256 - 1, 2**256 - 1, 2**256 - 1)
@example(2**256 - 1, 2**256 - 1, 2**256 - 2)
@example(2**128, 2**128, 1)
@example(1, 1, 0)
# quotient digits that are guessed too high, once and twice
@example((2**63 << 192) + 3, 2**192 - 1, (2**63 << 128) + 2**64 - 1)
@example(2**255 - 2**127, 2**128 - 1, 2**191 + 2**64 - 1)
def test_mul_div_is_the_512_bit_quotient(a: int, b: int, denominator: int) -> None:
    assert outcome(uint256.mul_div, a, b, denominator) == outcome(twin_mul_div, a, b, denominator)
    assert outcome(uint256.mul_div_rounding_up, a, b, denominator) == outcome(
        twin_mul_div_up, a, b, denominator
    )


@MANY
@given(WORDS, WORDS, st.integers(-2, 2))
def test_mul_div_next_to_an_exact_multiple(quotient: int, denominator: int, offset: int) -> None:
    product = quotient * denominator + offset
    if not 0 <= product <= U256:
        return
    assert outcome(uint256.mul_div, product, 1, denominator) == outcome(
        twin_mul_div, product, 1, denominator
    )


def test_rounding_up_to_257_bits_reverts() -> None:
    a = 535006138814359
    b = 432862656469423142931042426214547535783388063929571229938474969
    with pytest.raises(Revert):
        uint256.mul_div_rounding_up(a, b, 2)


@given(WORDS.filter(bool))
def test_bits_are_numbered_from_the_lowest(value: int) -> None:
    assert uint256.most_significant_bit(value) == value.bit_length() - 1
    assert uint256.least_significant_bit(value) == (value & -value).bit_length() - 1


@pytest.mark.parametrize("function", ["most_significant_bit", "least_significant_bit"])
def test_zero_has_no_bits(function: str) -> None:
    with pytest.raises(Revert):
        getattr(uint256, function)(0)


@pytest.mark.parametrize("value", [-1, 2**256, 2**300, -(2**256)])
def test_values_that_are_not_256_bits_are_refused(value: int) -> None:
    with pytest.raises(OverflowError):
        uint256.mul_div(value, 1, 1)


def test_only_integers_are_taken() -> None:
    with pytest.raises(TypeError, match="cannot be interpreted as an integer"):
        uint256.mul_div(1.0, 1, 1)  # type: ignore[arg-type]
