"""Text and exact number: durations, points in time, decimals; what a manifest writes them as.

Everything here is a pair of functions, one reading and one writing, and writing a value that was
read gives the shortest text that reads as the same value. Nothing passes through a binary float.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal

NANOSECOND = 1
MICROSECOND = 1_000
MILLISECOND = 1_000_000
SECOND = 1_000_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR
WEEK = 7 * DAY

UNITS = {
    "w": WEEK,
    "d": DAY,
    "h": HOUR,
    "m": MINUTE,
    "s": SECOND,
    "ms": MILLISECOND,
    "us": MICROSECOND,
    "ns": NANOSECOND,
}
"""Suffix -> nanoseconds, longest first."""

MAX_NS = 2**63 - 1
"""Times and durations are int64 nanoseconds everywhere else."""

DURATION_PATTERN = r"^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h|d|w))+$"
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]*)(\.[0-9]+)?$"
UNSIGNED_PATTERN = r"^(0|[1-9][0-9]*)(\.[0-9]+)?$"
TIMESTAMP_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2}))?$"
)

MAX_DIGITS = 78
"""Digits on either side of the point; a uint256 has 78."""

_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)(ns|us|ms|s|m|h|d|w)")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def read_duration(text: str) -> int:
    """Return nanoseconds for text such as ``10m``, ``500ms`` or ``1h30m``.

    Raises
    ------
    ValueError
        If the text has no unit, another unit, or no whole number of nanoseconds in int64.
    """
    if not re.fullmatch(DURATION_PATTERN, text):
        known = ", ".join(reversed(UNITS))
        if re.fullmatch(r"[0-9.]+", text):
            raise ValueError(f"has no unit; units: {known}; for example {text}s")
        raise ValueError(f"is not a duration; write numbers with {known}, for example 10m or 1h30m")
    total = sum(Decimal(number) * UNITS[unit] for number, unit in _PART.findall(text))
    if total != int(total):
        raise ValueError("is finer than a nanosecond")
    if total > MAX_NS:
        raise ValueError("is longer than 292 years")
    return int(total)


def write_duration(nanoseconds: int) -> str:
    """Return the shortest text of a duration that is 0 or more nanoseconds."""
    if nanoseconds == 0:
        return "0s"
    # Weeks are read but not written: 14d says more than 2w to most people.
    for unit, size in list(UNITS.items())[1:]:
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    raise AssertionError("every integer is a number of nanoseconds")


def read_timestamp(text: str) -> int:
    """Return nanoseconds since 1970 UTC for RFC 3339 text, or for a date, which is its midnight.

    Raises
    ------
    ValueError
        If the text is not such a time, has no offset, or lies outside int64.
    """
    if not re.fullmatch(TIMESTAMP_PATTERN, text):
        raise ValueError(
            "is not a time with its offset from UTC; write 2024-01-05T00:00:00Z or 2024-01-05"
        )
    date, _, clock = text.partition("T")
    match = re.fullmatch(r"([0-9:]{8})(?:\.([0-9]+))?(Z|[+-].*)", clock or "00:00:00Z")
    assert match is not None
    seconds, fraction, offset = match.groups()
    try:
        moment = datetime.fromisoformat(f"{date}T{seconds}{offset.replace('Z', '+00:00')}")
    except ValueError as error:
        raise ValueError(f"is not a time: {error}") from None
    whole = (moment - _EPOCH) // timedelta(seconds=1)
    nanoseconds = whole * SECOND + int((fraction or "").ljust(9, "0"))
    if not -MAX_NS <= nanoseconds <= MAX_NS:
        raise ValueError("lies outside the years 1678 to 2262")
    return nanoseconds


def write_timestamp(nanoseconds: int) -> str:
    """Return RFC 3339 text in UTC."""
    seconds, fraction = divmod(nanoseconds, SECOND)
    text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{text}{digits}Z"


def read_decimal(text: str) -> Decimal:
    """Return the exact number that text such as ``2500`` or ``-0.5`` writes.

    Raises
    ------
    ValueError
        If the text is not a plain decimal number.
    """
    if not re.fullmatch(DECIMAL_PATTERN, text):
        raise ValueError("is not a number; write digits with at most one point, for example 0.05")
    return check_size(Decimal(text))


def check_size(number: Decimal) -> Decimal:
    """Return ``number`` if it is finite and has a reasonable number of digits.

    Raises
    ------
    ValueError
        If it is infinite, not a number, or longer than any amount of any token.
    """
    if not number.is_finite():
        raise ValueError("is not a finite number")
    exponent = number.as_tuple().exponent
    assert isinstance(exponent, int)
    if number.adjusted() >= MAX_DIGITS or exponent < -MAX_DIGITS:
        raise ValueError(f"has more than {MAX_DIGITS} digits")
    return number


def write_decimal(number: Decimal) -> str:
    """Return plain digits without exponent, trailing zeros or negative zero."""
    text = format(number, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text
