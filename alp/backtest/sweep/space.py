"""What a sweep varies: fields of the manifest and the values each may take.

A parameter is written in one of three ways, on the command line or in a file::

    spec.ranges.baseSpreadBps=50:400:50        from, to, step; both ends belong to it
    spec.model.riskAversion=0.01..1:log        any number between; drawn on a log scale
    spec.rebalance.cooldown=[5m, 30m, 2h]      these values

Numbers may carry one unit, as durations do: ``5m:30m:5m``. Steps are exact decimals, so a grid
holds what a person would have written, never ``0.30000000000000004``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from math import prod
from typing import Any

from alp.errors import ConfigError

Sample = str | int | float
"""What a sampler draws for a parameter, and a study stores."""

MOST_POINTS = 100_000
"""Values of one parameter, and points of a grid."""

SYNTAX = "write from:to:step, from..to, from..to:log, or [a, b, c]"

_NUMBER = re.compile(r"(-?[0-9]+(?:\.[0-9]+)?(?:[eE]-?[0-9]+)?)([a-zA-Z]*)$")
_RESOLUTION = Decimal("1e-4")


@dataclass(frozen=True)
class Choices:
    """One of some given values, which may be anything that YAML can hold."""

    field: str
    values: tuple[Any, ...]

    @cached_property
    def _by_text(self) -> dict[str, Any]:
        return {write_value(value): value for value in self.values}

    @property
    def count(self) -> int:
        """Number of values."""
        return len(self.values)

    def samples(self) -> tuple[Sample, ...]:
        """Return what a sampler may draw, in the order written."""
        return tuple(self._by_text)

    def sample(self, step: int) -> Sample:
        """Return what a sampler draws for the value at a place in the list."""
        return self.samples()[step]

    def value_of(self, sample: Sample) -> Any:
        """Return the manifest's value for a drawn sample."""
        return self._by_text[str(sample)]

    def text(self) -> str:
        """Return the parameter as it is written."""
        return f"[{', '.join(self._by_text)}]"


@dataclass(frozen=True)
class Steps:
    """Equal steps from ``low`` up to at most ``high``."""

    field: str
    low: Decimal
    high: Decimal
    step: Decimal
    unit: str = ""

    @cached_property
    def count(self) -> int:
        """Number of values."""
        return int((self.high - self.low) // self.step) + 1

    @property
    def last(self) -> Decimal:
        """The highest value."""
        return self.low + (self.count - 1) * self.step

    @cached_property
    def whole(self) -> bool:
        """Whether all values are whole numbers."""
        return _is_whole(self.low) and _is_whole(self.step)

    def samples(self) -> tuple[Sample, ...]:
        """Return what a sampler may draw, ascending."""
        return tuple(self.sample(each) for each in range(self.count))

    def sample(self, step: int) -> Sample:
        """Return what a sampler draws for one step."""
        value = self.low + step * self.step
        return int(value) if self.whole else float(value)

    def value_of(self, sample: Sample) -> Any:
        """Return the manifest's value for a drawn sample: the nearest step."""
        steps = round((Decimal(repr(sample)) - self.low) / self.step)
        return _with_unit(self.low + steps * self.step, self.whole, self.unit)

    def text(self) -> str:
        """Return the parameter as it is written."""
        return ":".join(_number(each) + self.unit for each in (self.low, self.high, self.step))


@dataclass(frozen=True)
class Span:
    """Any number from ``low`` to ``high``, kept to a ten-thousandth of the span.

    On a log scale it is kept to five significant digits instead.
    """

    field: str
    low: Decimal
    high: Decimal
    log: bool = False
    unit: str = ""
    whole: bool = False

    def value_of(self, sample: Sample) -> Any:
        """Return the manifest's value for a drawn sample."""
        drawn = Decimal(repr(sample))
        size = abs(drawn) if self.log else self.high - self.low
        if not self.whole and size:
            grain = Decimal(1).scaleb(size.adjusted()) * _RESOLUTION
            drawn = drawn.quantize(grain, rounding=ROUND_HALF_EVEN)
        return _with_unit(min(self.high, max(self.low, drawn)), self.whole, self.unit)

    def text(self) -> str:
        """Return the parameter as it is written."""
        span = f"{_number(self.low)}{self.unit}..{_number(self.high)}{self.unit}"
        return f"{span}:log" if self.log else span


Parameter = Choices | Steps | Span


@dataclass(frozen=True)
class Space:
    """All parameters of a sweep, in the order given."""

    parameters: tuple[Parameter, ...]

    @property
    def fields(self) -> tuple[str, ...]:
        """Paths of the fields, such as ``spec.ranges.baseSpreadBps``."""
        return tuple(parameter.field for parameter in self.parameters)

    @property
    def size(self) -> int | None:
        """Number of points of the grid; None where a parameter may take any number."""
        counts = [each.count for each in self.parameters if not isinstance(each, Span)]
        return prod(counts) if len(counts) == len(self.parameters) else None

    def point(self, index: int) -> dict[str, Sample]:
        """Return the samples of one point of the grid; the last parameter changes fastest."""
        point: dict[str, Sample] = {}
        for parameter in reversed(self.parameters):
            assert not isinstance(parameter, Span)
            index, own = divmod(index, parameter.count)
            point[parameter.field] = parameter.sample(own)
        return {field: point[field] for field in self.fields}

    def values(self, samples: Mapping[str, Sample]) -> dict[str, Any]:
        """Return the manifest's values for drawn samples, by field."""
        return {each.field: each.value_of(samples[each.field]) for each in self.parameters}

    def written(self) -> dict[str, str]:
        """Return each parameter as it is written, by field."""
        return {parameter.field: parameter.text() for parameter in self.parameters}


def full_field(name: str) -> str:
    """Return the path of a field from the manifest's root; ``spec.`` may be left out."""
    return name if name.startswith("spec.") else f"spec.{name}"


def read_parameter(name: str, text: str) -> Parameter:
    """Read the short form of a parameter.

    Parameters
    ----------
    name
        The field, with or without ``spec.``.
    text
        What follows the equals sign.

    Raises
    ------
    ConfigError
        If it is none of the three forms, or its numbers make no range.
    """
    from alp.strategy.document import read_scalar

    field, text = full_field(name), text.strip()
    if text.startswith("["):
        return choices(field, read_scalar(text))
    low, dots, high = text.partition("..")
    if dots:
        high, colon, scale = high.partition(":")
        if colon and scale.strip() != "log":
            raise _fault(field, f"{scale!r} is not a scale; only log is")
        return span(field, low, high, log=bool(colon))
    parts = text.split(":")
    if len(parts) != 3:
        raise _fault(field, f"{text!r} is not a range or a list")
    return steps(field, *parts)


def choices(field: str, values: Any) -> Choices:
    """Make a parameter of listed values; they must differ.

    Raises
    ------
    ConfigError
        If it is not a list, is empty, or holds a value twice.
    """
    if not isinstance(values, Sequence) or isinstance(values, str) or not values:
        raise _fault(field, "needs at least one value in its list")
    texts = [write_value(value) for value in values]
    twice = next((text for text in texts if texts.count(text) > 1), None)
    if twice is not None:
        raise _fault(field, f"lists {twice} twice")
    return Choices(field, tuple(values))


def steps(field: str, low: Any, high: Any, step: Any) -> Steps:
    """Make a parameter of equal steps.

    Raises
    ------
    ConfigError
        If a number cannot be read, units differ, or there is no step between the ends.
    """
    numbers, unit = _numbers(field, low, high, step)
    first, last, distance = numbers
    if distance <= 0:
        raise _fault(field, f"its step, {_number(distance)}, is not more than 0")
    if last < first:
        raise _fault(field, f"ends at {_number(last)}, below its start, {_number(first)}")
    found = Steps(field, first, last, distance, unit)
    if found.count > MOST_POINTS:
        raise _fault(field, f"has {found.count:,} steps; at most {MOST_POINTS:,} are allowed")
    return found


def span(field: str, low: Any, high: Any, *, log: bool = False) -> Span:
    """Make a parameter that may take any number between two; whole ones if both ends are.

    Raises
    ------
    ConfigError
        If a number cannot be read, units differ, or the ends are not in order.
    """
    (first, last), unit = _numbers(field, low, high)
    if last <= first:
        raise _fault(field, f"ends at {_number(last)}, not above its start, {_number(first)}")
    if log and first <= 0:
        raise _fault(field, f"starts at {_number(first)}; a log scale needs more than 0")
    whole = all("." not in str(end) and _is_whole(number) for end, number in
                ((low, first), (high, last)))  # fmt: skip
    return Span(field, first, last, log, unit, whole)


def write_value(value: Any) -> str:
    """Return a value as a person would write it in a YAML list, on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{key}: {write_value(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(write_value(each) for each in value) + "]"
    if isinstance(value, Decimal):
        return _number(value)
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = str(value)
    return json.dumps(text) if isinstance(value, str) and not _reads_as(text, value) else text


def _reads_as(text: str, value: str) -> bool:
    """Tell whether YAML takes plain text for that string, inside a list too."""
    from alp.strategy.document import read_scalar

    try:
        return bool(read_scalar(f"[{text}]") == [value])
    except ConfigError:
        return False


def _numbers(field: str, *ends: Any) -> tuple[list[Decimal], str]:
    """Read numbers that share one unit."""
    found = []
    for end in ends:
        match = _NUMBER.match(str(end).strip())
        if match is None:
            raise _fault(field, f"{str(end)!r} is not a number")
        found.append((Decimal(match[1]), match[2]))
    units = list(dict.fromkeys(unit for _, unit in found))
    if len(units) > 1:
        named = " and ".join(unit or "no unit" for unit in units)
        raise _fault(field, f"mixes {named}; write all its numbers in one unit, as in 5m:60m:5m")
    return [number for number, _ in found], units[0]


def _with_unit(number: Decimal, whole: bool, unit: str) -> Any:
    if unit:
        return _number(number) + unit
    return int(number) if whole else Decimal(_number(number))


def _number(number: Decimal) -> str:
    text = format(number, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def _is_whole(number: Decimal) -> bool:
    return number == number.to_integral_value()


def _fault(field: str, message: str) -> ConfigError:
    return ConfigError(f"{field}: {message}", hint=SYNTAX)
