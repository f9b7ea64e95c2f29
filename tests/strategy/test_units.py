from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.strategy.units import (
    DAY,
    HOUR,
    MAX_NS,
    MILLISECOND,
    MINUTE,
    SECOND,
    check_size,
    read_decimal,
    read_duration,
    read_timestamp,
    write_decimal,
    write_duration,
    write_timestamp,
)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0s", 0),
        ("1ns", 1),
        ("500ms", 500 * MILLISECOND),
        ("20us", 20_000),
        ("10m", 10 * MINUTE),
        ("24h", DAY),
        ("1d", DAY),
        ("2w", 14 * DAY),
        ("1h30m", HOUR + 30 * MINUTE),
        ("0.5s", 500 * MILLISECOND),
    ],
)
def test_a_duration_is_a_number_with_a_unit(text: str, nanoseconds: int) -> None:
    assert read_duration(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("10", "has no unit"),
        ("1.5", "for example 1.5s"),
        ("ten minutes", "is not a duration"),
        ("10 m", "is not a duration"),
        ("-5m", "is not a duration"),
        ("5M", "is not a duration"),
        ("", "is not a duration"),
        ("0.1ns", "finer than a nanosecond"),
        ("300000d", "longer than 292 years"),
    ],
)
def test_what_is_not_a_duration_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_duration(text)


@given(st.integers(0, MAX_NS))
def test_a_written_duration_reads_as_itself(nanoseconds: int) -> None:
    assert read_duration(write_duration(nanoseconds)) == nanoseconds


def test_a_duration_is_written_in_its_largest_whole_unit() -> None:
    assert [write_duration(n) for n in (0, DAY, 90 * MINUTE, 1500 * MILLISECOND)] == [
        "0s",
        "1d",
        "90m",
        "1500ms",
    ]


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("2024-01-05", 1704412800 * SECOND),
        ("2024-01-05T00:00:00Z", 1704412800 * SECOND),
        ("2024-01-05T02:00:00+02:00", 1704412800 * SECOND),
        ("1970-01-01T00:00:00.000000001Z", 1),
        ("1969-12-31T23:59:59.5Z", -SECOND // 2),
    ],
)
def test_a_time_is_rfc_3339_or_a_date(text: str, nanoseconds: int) -> None:
    assert read_timestamp(text) == nanoseconds


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("2024-01-05T00:00:00", "offset from UTC"),
        ("05.01.2024", "offset from UTC"),
        ("2024-02-30", "is not a time"),
        ("1024-01-05", "years 1678 to 2262"),
    ],
)
def test_what_is_not_a_time_is_refused_with_the_reason(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_timestamp(text)


@given(st.integers(-(2**62), 2**62))
def test_a_written_time_reads_as_itself(nanoseconds: int) -> None:
    assert read_timestamp(write_timestamp(nanoseconds)) == nanoseconds


@pytest.mark.parametrize(
    "text", ["1e3", "1,000", "01", ".5", "5.", "+1", "0x10", "NaN", "1_000", ""]
)
def test_only_plain_digits_are_an_exact_number(text: str) -> None:
    with pytest.raises(ValueError, match="is not a number"):
        read_decimal(text)


@pytest.mark.parametrize("number", [Decimal("Infinity"), Decimal("NaN"), Decimal("1e78")])
def test_a_number_no_token_has_is_refused(number: Decimal) -> None:
    with pytest.raises(ValueError, match=r"finite|digits"):
        check_size(number)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=12, min_value=-(10**9)))
def test_a_written_number_reads_as_itself(number: Decimal) -> None:
    assert read_decimal(write_decimal(number)) == number


def test_a_number_is_written_without_exponent_and_idle_zeros() -> None:
    numbers = (Decimal("1.50"), Decimal("1E+3"), Decimal("-0.00"), Decimal("1e-9"))
    assert [write_decimal(each) for each in numbers] == ["1.5", "1000", "0", "0.000000001"]
