"""The types of a manifest's fields, and the base class of its sections.

A type reads what YAML gives it, refuses what another reader of the same file would understand
differently, and knows its JSON Schema. Quantities are strings or whole numbers (Kubernetes keeps
decimals exactly only as strings), model parameters are plain numbers, durations carry a unit.
``x-unit`` and ``x-bounds`` in a schema feed the reference page and are left out of the schemas
that machines read.
"""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, PlainValidator, WithJsonSchema
from pydantic.alias_generators import to_camel

from alp.strategy import units
from alp.strategy.keccak import checksum_address

DNS_LABEL_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"
DNS_SUBDOMAIN_PATTERN = r"^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$"
ADDRESS_PATTERN = r"^0x[0-9a-fA-F]{40}$"


class Contradiction(ValueError):  # noqa: N818 - what it is, not what to do about it
    """Fields that are right alone and wrong together.

    Parameters
    ----------
    faults
        Path of the field within its section (YAML spelling, dotted) -> what is wrong with it.
    """

    def __init__(self, faults: dict[str, str]) -> None:
        super().__init__("; ".join(faults.values()))
        self.faults = faults


class Section(BaseModel):
    """A mapping of the manifest: camelCase in YAML, snake_case here, nothing unknown, frozen."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        validate_by_alias=True,
        validate_by_name=False,
        serialize_by_alias=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )


def _read_duration(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, str):
        if isinstance(value, int | Decimal | float):
            raise ValueError(f"has no unit; for example {value}s or {value}m")
        raise ValueError("is not a duration; write for example 10m")
    return units.read_duration(value)


def _read_positive_duration(value: object) -> int:
    nanoseconds = _read_duration(value)
    if nanoseconds == 0:
        raise ValueError("must be longer than nothing")
    return nanoseconds


def _read_timestamp(value: object) -> int:
    if not isinstance(value, str):
        raise ValueError("is not a time; write 2024-01-05T00:00:00Z or 2024-01-05")
    return units.read_timestamp(value)


def read_exact(value: object) -> Decimal:
    """Return the exact number of a manifest value.

    Raises
    ------
    ValueError
        If it is not a number, or a binary float, which is not the number that was written.
    """
    if isinstance(value, str):
        return units.read_decimal(value)
    if isinstance(value, Decimal):
        return units.check_size(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return units.check_size(Decimal(value))
    if isinstance(value, float):
        raise ValueError(f'is a binary float; write it as text: "{value!r}"')
    raise ValueError("is not a number")


def _read_amount(value: object) -> Decimal:
    number = read_exact(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _read_positive_amount(value: object) -> Decimal:
    number = read_exact(value)
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


def _read_number(value: object) -> Decimal:
    if isinstance(value, str):
        raise ValueError("is text; write the number without quotes")
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError("is not a finite number")
        return units.check_size(Decimal(repr(value)))
    return read_exact(value)


def _read_float(value: object) -> float:
    number = float(_read_number(value))
    if not math.isfinite(number):
        raise ValueError("is too large")
    return number


def _read_positive_float(value: object) -> float:
    number = _read_float(value)
    if number <= 0:
        raise ValueError("must be more than 0")
    return number


def _read_unsigned_float(value: object) -> float:
    number = _read_float(value)
    if number < 0:
        raise ValueError("must not be negative")
    return number


def _read_fraction(value: object) -> Decimal:
    number = _read_number(value)
    if not 0 <= number <= 1:
        raise ValueError("must be between 0 and 1")
    return number


def _read_address(value: object) -> str:
    if not isinstance(value, str) or not re.fullmatch(ADDRESS_PATTERN, value):
        raise ValueError("is not an address; write 0x and 40 hexadecimal digits")
    checked = checksum_address(value)
    digits = value[2:]
    mixed = digits not in (digits.lower(), digits.upper())
    if mixed and value != checked:
        raise ValueError(
            "has a wrong EIP-55 checksum: a digit or its case is mistyped; "
            "copy it again, or write it in lower case if it is certain"
        )
    return checked


def _exact_schema(pattern: str, unit: str, bounds: str) -> WithJsonSchema:
    return WithJsonSchema(
        {"type": ["number", "string"], "pattern": pattern, "x-unit": unit, "x-bounds": bounds}
    )


def _text_schema(pattern: str, unit: str, bounds: str = "") -> WithJsonSchema:
    schema = {"type": "string", "pattern": pattern, "x-unit": unit}
    return WithJsonSchema(schema | ({"x-bounds": bounds} if bounds else {}))


_AS_DECIMAL = PlainSerializer(units.write_decimal, return_type=str)
_AS_DURATION = PlainSerializer(units.write_duration, return_type=str)
_AS_NUMBER = PlainSerializer(float, return_type=float)

Amount = Annotated[
    Decimal,
    PlainValidator(_read_amount),
    _AS_DECIMAL,
    _exact_schema(units.UNSIGNED_PATTERN, "tokens", "≥ 0"),
]
"""An exact number of whole tokens, 0 or more."""

PositiveAmount = Annotated[
    Decimal,
    PlainValidator(_read_positive_amount),
    _AS_DECIMAL,
    _exact_schema(units.UNSIGNED_PATTERN, "tokens", "> 0"),
]
"""An exact number of whole tokens, more than 0."""

Exact = Annotated[
    Decimal,
    PlainValidator(read_exact),
    _AS_DECIMAL,
    _exact_schema(units.DECIMAL_PATTERN, "", "any sign"),
]
"""An exact number of either sign."""

Number = Annotated[
    float, PlainValidator(_read_unsigned_float), WithJsonSchema({"type": "number", "minimum": 0})
]
"""A model parameter, 0 or more."""

PositiveNumber = Annotated[
    float,
    PlainValidator(_read_positive_float),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0}),
]
"""A model parameter, more than 0."""

Fraction = Annotated[
    Decimal,
    PlainValidator(_read_fraction),
    _AS_NUMBER,
    WithJsonSchema({"type": "number", "minimum": 0, "maximum": 1}),
]
"""An exact number from 0 to 1."""

Duration = Annotated[
    int,
    PlainValidator(_read_duration),
    _AS_DURATION,
    _text_schema(units.DURATION_PATTERN, "duration", "≥ 0s"),
]
"""Nanoseconds, written with a unit; 0 or more."""

PositiveDuration = Annotated[
    int,
    PlainValidator(_read_positive_duration),
    _AS_DURATION,
    _text_schema(units.DURATION_PATTERN, "duration", "> 0s"),
]
"""Nanoseconds, written with a unit; more than 0."""

Timestamp = Annotated[
    int,
    PlainValidator(_read_timestamp),
    PlainSerializer(units.write_timestamp, return_type=str),
    _text_schema(units.TIMESTAMP_PATTERN, "RFC 3339 time"),
]
"""Nanoseconds since 1970 UTC, written as RFC 3339 or as a date, which is its midnight."""

Address = Annotated[str, PlainValidator(_read_address), _text_schema(ADDRESS_PATTERN, "address")]
"""An address in EIP-55 mixed case."""


def _bps(low: int, high: int) -> Any:
    return Field(ge=low, le=high, strict=True, json_schema_extra={"x-unit": "bps"})


ShareBps = Annotated[int, _bps(0, 10_000)]
"""A share of a whole in basis points: 10000 is all of it."""

Bps = Annotated[int, _bps(0, 100_000)]
"""A relative distance in basis points: 100 is 1 %."""

PositiveBps = Annotated[int, _bps(1, 100_000)]
"""A relative distance in basis points, at least one."""

Label = Annotated[str, Field(pattern=DNS_LABEL_PATTERN, min_length=1, max_length=63, strict=True)]
"""A DNS-1123 label: lower-case letters, digits and hyphens."""
