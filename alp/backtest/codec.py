"""Frozen dataclasses to canonical JSON and back, and the JSON Schema that describes them.

Writing is explicit and knows six shapes, so that equal values always give equal bytes: decimals
become plain decimal strings without trailing zeros, floats must be finite and are whole numbers
where they can be, integers fit 64 bits, keys are sorted. Reading is strict: no unknown field, no
other type, no other version.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Iterable, Iterator, Mapping
from decimal import MAX_EMAX, MIN_EMIN, Context, Decimal, Inexact, InvalidOperation
from functools import cache
from math import isfinite
from numbers import Integral
from pathlib import Path
from typing import Any, ClassVar, TypeVar, cast, get_type_hints

import orjson

from alp.errors import Corrupt, DataError

EXACT = Context(prec=2000, Emax=MAX_EMAX, Emin=MIN_EMIN, traps=[Inexact, InvalidOperation])
"""Decimal arithmetic that raises rather than rounds."""

DECIMAL_PATTERN = r"^-?[0-9]+(\.[0-9]+)?$"
"""How an exact amount is written."""


class Record:
    """Base of everything written: refuses unknown fields when read, documents its fields."""

    __slots__ = ()
    __pydantic_config__: ClassVar[dict[str, Any]] = {
        "extra": "forbid",
        "use_attribute_docstrings": True,
        "allow_inf_nan": False,
        "json_schema_serialization_defaults_required": True,
    }


R = TypeVar("R", bound=Record)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """Add decimals without rounding."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    return total


def decimal_text(amount: Decimal) -> str:
    """Write an amount in its one plain notation: no exponent, no trailing zeros, no minus zero.

    Raises
    ------
    Corrupt
        If it is not a finite number.
    """
    if not amount.is_finite():
        raise Corrupt(f"an exact amount is {amount}")
    text = format(amount, "f")
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text in {"-0", ""} else text


def plain(value: object) -> Any:
    """Turn a record into JSON's own types, ready for a canonical writer.

    Raises
    ------
    Corrupt
        If a number is not finite, an integer does not fit 64 bits, or a type has no JSON form.
    """
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Decimal):
        return decimal_text(value)
    if isinstance(value, Integral):
        return _integer(int(value))
    if isinstance(value, float):
        if not isfinite(value):
            raise Corrupt(f"a number in the results is {value}; unknown values are None")
        return _number(float(value))
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {item.name: plain(getattr(value, item.name)) for item in dataclasses.fields(value)}
    raise Corrupt(f"a {type(value).__name__} has no place in the results: {value!r}")


def to_json_bytes(record: Record) -> bytes:
    """Canonical JSON of a record: sorted keys, two-space indent, a newline at the end."""
    options = orjson.OPT_SORT_KEYS | orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE
    return orjson.dumps(plain(record), option=options)


def from_json(kind: type[R], data: bytes, *, path: str | Path | None = None) -> R:
    """Read a record back.

    Parameters
    ----------
    kind
        The dataclass to read; its ``SCHEMA`` is the version accepted.
    data
        JSON bytes.
    path
        Only to name the file in errors.

    Raises
    ------
    DataError
        If it is not JSON, of another schema version, or not of this shape.
    """
    from pydantic import ValidationError

    expected: str = kind.SCHEMA  # type: ignore[attr-defined]
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError as e:
        raise DataError(f"not JSON: {e}", path=path) from e
    version = found.get("schema") if isinstance(found, dict) else None
    if version != expected:
        named = "no schema version" if version is None else f"schema {version!r}"
        raise DataError(
            f"has {named}, this alp reads {expected!r}",
            path=path,
            hint="run the backtest again with this version of alp, or read it with the one that"
            " wrote it",
        )
    try:
        record: R = _adapter(kind).validate_json(data, strict=True)
    except ValidationError as e:
        first = e.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"{place}: {first['msg']} ({e.error_count()} faults)",
            path=path,
            hint="the file was not written by this version of alp, or was edited",
        ) from e
    return record


def json_schema(kind: type[Record]) -> dict[str, Any]:
    """JSON Schema (2020-12) of the file that :func:`to_json_bytes` writes for a record."""
    schema = _adapter(kind).json_schema(mode="serialization")
    known = {record.__name__: record for record in _subclasses(Record)}
    for name, definition in {**schema["$defs"], kind.__name__: schema}.items():
        _describe(definition, known[name])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def _describe(definition: dict[str, Any], kind: type[Record]) -> None:
    """Add what pydantic leaves out: inherited descriptions, and that decimals are strings."""
    hints = get_type_hints(kind)
    for base in kind.__mro__[1:]:
        if base is not Record and issubclass(base, Record):
            for name, said in _adapter(base).json_schema()["properties"].items():
                definition["properties"][name].setdefault("description", said["description"])
    for name, member in definition["properties"].items():
        member.pop("title", None)
        if hints[name] is Decimal:
            member["pattern"] = DECIMAL_PATTERN


def _subclasses(kind: type[Record]) -> Iterator[type[Record]]:
    for child in kind.__subclasses__():
        yield child
        yield from _subclasses(child)


def _adapter(kind: type[Record]) -> Any:
    return _build_adapter(cast(Hashable, kind))


@cache
def _build_adapter(kind: Hashable) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(cast(type[Record], kind))


def _number(value: float) -> float | int:
    """Write whole floats as integers, so that 1 and 1.0 give the same bytes."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value


def _integer(value: int) -> int:
    if not -(2**63) <= value < 2**63:
        raise Corrupt(f"{value} does not fit 64 bits; wide integers are written as decimals")
    return value
