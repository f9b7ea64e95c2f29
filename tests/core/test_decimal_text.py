"""Decimal text, doubles and their shortest decimals: as Python has them, or declined."""

from __future__ import annotations

import math
import struct
from decimal import Decimal

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alp._core.decimal_text import parse_double, parse_integer, shortest

DIGITS = st.text("0123456789", max_size=42)
DECIMALS = st.builds(
    "{}{}{}{}{}".format,
    st.sampled_from(["", "-", "+"]),
    DIGITS,
    st.sampled_from(["", "."]),
    DIGITS,
    st.sampled_from(["", "e5", "E-7", "e+12", "e-30", "e22", "e-23", "e38", "e400", "e", "e-"]),
)
# Whole numbers, halves and short decimals have ends and middles that fall on decimals.
EXACT = st.builds(
    lambda whole, parts: whole / parts,
    st.integers(1, 1 << 70).map(float),
    st.sampled_from([1, 2, 8, 64, 10, 1000]),
)
DOUBLES = st.one_of(
    EXACT,
    st.floats(1e-19, 1e35),
    st.builds(round, st.floats(1e-6, 1e9), st.integers(0, 12)).filter(lambda value: value > 0),
)


def python_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@settings(max_examples=2000, deadline=None)
@given(st.one_of(DECIMALS, st.text("0123456789.eE+-_ ", max_size=12)))
@example("0.00042577999999990001")
@example("9007199254740993")
@example("9007199254740992.99999999999999999999")
@example("-0.0")
@example("18446744073709551615.0")
def test_a_double_is_read_as_python_reads_it_or_not_at_all(text: str) -> None:
    read, expected = parse_double(text.encode()), python_float(text)
    if read is not None:
        assert expected is not None
        assert struct.pack("<d", read) == struct.pack("<d", expected)


@pytest.mark.parametrize(
    "text", ["0.00050023961261", "2527671468809620500", "2.5276714688096205e+18", "2000", "-1.5e-7"]
)
def test_what_files_hold_is_read(text: str) -> None:
    assert parse_double(text.encode()) == float(text)


@pytest.mark.parametrize(
    "text", ["", ".", "-", "1e", "1_0", "nan", "inf", " 1", "1 ", "0x1", "1,0"]
)
def test_what_is_no_plain_decimal_is_left_to_python(text: str) -> None:
    assert parse_double(text.encode()) is None


@settings(max_examples=2000, deadline=None)
@given(DOUBLES)
@example(98011463195080.88)
@example(36673951169606460.0)
@example(0.0004257799999999)
@example(5e-324)
@example(math.inf)
@example(2.0**60)
def test_a_doubles_decimal_is_the_one_repr_writes_or_none(value: float) -> None:
    found = shortest(value)
    if found is not None:
        assert Decimal(found[0]).scaleb(found[1]) == Decimal(repr(value))


@settings(max_examples=500, deadline=None)
@given(st.floats(1e-15, 1e24).filter(lambda value: math.frexp(value)[0] != 0.5))
def test_every_usual_double_but_a_power_of_two_has_one(value: float) -> None:
    assert shortest(value) is not None


@settings(max_examples=1000, deadline=None)
@given(st.integers(-(10**76) + 1, 10**76 - 1), st.sampled_from(["", ".", ".0", ".000"]))
def test_a_whole_number_is_read_with_zeros_behind_its_point(value: int, rest: str) -> None:
    assert parse_integer(f"{value}{rest}".encode()) == value


@pytest.mark.parametrize("text", ["", "-", "1.5", "+1", "1e3", " 1", "1" * 77, "1_0", ".0", "0x1"])
def test_what_is_no_plain_whole_number_is_left_to_python(text: str) -> None:
    assert parse_integer(text.encode()) is None
