"""The scanner against Python's own readers: numbers, values and times of any form."""

from __future__ import annotations

import json
import string
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from alp._core.feeds.frame import FAULTS
from alp._core.feeds.scan import read_steps, read_time, read_value

NUMBER, PRECISION = (
    next(code for code, text in FAULTS.items() if words in text)
    for words in ("not a number", "whole multiple")
)

digits = st.text(string.digits, max_size=24)
decimal_texts = st.builds(
    "".join,
    st.tuples(
        st.sampled_from(["", "-"]),
        digits.map(lambda text: text.lstrip("0") or "0"),
        st.one_of(st.just(""), digits.filter(bool).map(lambda text: "." + text)),
        st.one_of(st.just(""), st.integers(-30, 30).map(lambda power: f"e{power}")),
    ),
)
scales = st.tuples(st.integers(0, 18), st.sampled_from([1, 5, 25, 10, 100, 3, 10**9]))


def exact(text: str, decimals: int, step: int) -> Fraction:
    return Fraction(Decimal(text)) * 10**decimals / step


@settings(max_examples=2000)
@given(decimal_texts, scales)
@example("0.1", (1, 1))
@example("1e2", (0, 100))
@example("-0.0", (0, 1))
@example("9223372036854775807", (0, 1))
@example("4611686018427387904", (0, 1))
@example("0.000000000000000000000000", (2, 5))
@example("100000000000000000000000e-20", (2, 5))
def test_a_number_is_read_to_exact_steps_or_refused(text: str, scale: tuple[int, int]) -> None:
    wanted = exact(text, *scale)
    steps, fault = read_steps(text.encode(), *scale)
    if fault == 0:
        assert steps == wanted
    elif fault == PRECISION:
        assert wanted.denominator != 1 or abs(wanted) >= 2**62
    else:
        assert fault == NUMBER
        assert abs(wanted) >= 2**62
    if wanted.denominator == 1 and abs(wanted) < 2**62:
        assert fault == 0


@settings(max_examples=1000)
@given(st.text("0123456789.eE+- ", max_size=12), scales)
@example("1.", (2, 1))
@example("01", (2, 1))
@example("-", (2, 1))
@example(".5", (2, 1))
@example("1e", (2, 1))
@example("+1", (2, 1))
@example("1.e5", (2, 1))
def test_only_numbers_of_json_are_taken(text: str, scale: tuple[int, int]) -> None:
    steps, fault = read_steps(text.encode(), *scale)
    if fault == 0:
        value = json.loads(text, parse_float=Decimal, parse_int=Decimal)
        assert steps == exact(str(value), *scale)


@given(decimal_texts, st.data())
def test_a_number_cut_short_is_another_number_or_none(text: str, data: st.DataObject) -> None:
    cut = text[: data.draw(st.integers(0, len(text)))]
    steps, fault = read_steps(cut.encode(), 18, 1)
    if fault == 0:
        assert steps == exact(cut, 18, 1)


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(st.one_of(st.lists(values), st.dictionaries(st.text(), values)), st.booleans())
def test_a_value_is_passed_over_to_its_last_byte(value: object, spaced: bool) -> None:
    text = json.dumps(value, indent=1 if spaced else None, ensure_ascii=not spaced).encode()
    assert read_value(text) == (len(text), 0)
    assert read_value(b" " + text + b'"')[0] in (len(text) + 1, len(text))


@given(st.one_of(st.lists(values), st.dictionaries(st.text(), values)), st.data())
def test_a_value_cut_short_is_refused(value: object, data: st.DataObject) -> None:
    text = json.dumps(value).encode()
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    assert read_value(cut)[1] != 0


@given(st.binary(max_size=60))
def test_any_bytes_are_passed_over_or_refused_within_their_bounds(text: bytes) -> None:
    length, _fault = read_value(text)
    assert 0 <= length <= len(text)


def test_values_may_be_nested_but_not_without_end() -> None:
    assert read_value(b"[" * 32 + b"]" * 32) == (64, 0)
    assert FAULTS[read_value(b"[" * 33 + b"]" * 33)[1]].startswith("nested too deeply")


times = st.datetimes(datetime(1900, 1, 1), datetime(2199, 12, 31, 23, 59, 59))
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@settings(max_examples=500)
@given(times, st.text(string.digits, max_size=9), st.sampled_from("T "))
def test_a_time_is_read_to_the_nanosecond(moment: datetime, fraction: str, between: str) -> None:
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    text = moment.strftime(f"%Y-%m-%d{between}%H:%M:%S") + (f".{fraction}" if fraction else "")
    seconds = (moment - EPOCH) // timedelta(seconds=1)
    wanted = seconds * 10**9 + int(fraction.ljust(9, "0") or "0")
    assert read_time(f"{text}Z".encode()) == (wanted, 0)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-29T00:00:00Z",
        "2100-02-29T00:00:00Z",
        "2026-04-31T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-01T24:00:00Z",
        "2026-01-01T00:60:00Z",
        "2026-01-01T00:00:61Z",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00.Z",
        "2026-01-01T00:00:00.1234567890Z",
        "2026-01-01T00:00:00+00:00",
        "2026/01/01T00:00:00Z",
        "2262-04-12T00:00:00Z",
        "1899-12-31T23:59:59Z",
        "",
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    assert read_time(text.encode())[1] != 0


def test_the_leap_second_is_the_next_minutes_first() -> None:
    assert read_time(b"2016-12-31T23:59:60Z") == read_time(b"2017-01-01T00:00:00Z")
    assert read_time(b"2024-02-29T00:00:00Z")[1] == 0


@given(times, st.integers(0, 19), st.binary(min_size=1, max_size=1))
def test_a_damaged_time_is_refused_or_that_other_time(
    moment: datetime, at: int, byte: bytes
) -> None:
    text = moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
    damaged = text[:at] + byte + text[at + 1 :]
    found, fault = read_time(damaged)
    if fault == 0 and b":60Z" not in damaged:
        other = datetime.fromisoformat(damaged.decode()[:-1]).replace(tzinfo=UTC)
        assert found == (other - EPOCH) // timedelta(seconds=1) * 10**9
