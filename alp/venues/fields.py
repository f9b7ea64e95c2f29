"""Answers of venues in JSON, read as if they were wrong: what lacks is named with its product."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import orjson

from alp.errors import VenueError
from alp.venues.instruments import Grid

MOST_DECIMALS = 18
"""Of a grid; more would not fit the books' integers."""
MOST_STEPS = 2**63 - 1
SHOWN = 60
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?")


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def read_json(exchange: str, body: bytes) -> Any:
    """Return a parsed answer, whose numbers with a fraction or an exponent are exact decimals.

    Raises
    ------
    VenueError
        If it is not JSON.
    """
    try:
        # Bounds how deeply it is nested, whatever a library has made of the recursion limit: the
        # standard library's parser would go on to the end of the stack.
        orjson.loads(body)
        return json.loads(body, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise VenueError(f"{exchange}: the answer is not JSON: {error}") from error


def read_object(exchange: str, body: bytes) -> Fields:
    """Return an answer that must be an object.

    Raises
    ------
    VenueError
        If it is not.
    """
    return Fields(exchange, "the answer", read_json(exchange, body))


class Fields:
    """The members of one object of an answer.

    Every method raises :class:`~alp.errors.VenueError` if the member is not what its name says.

    Parameters
    ----------
    of
        Which product it describes, for the errors.
    row
        The object.
    """

    def __init__(self, exchange: str, of: str, row: object) -> None:
        self._where = f"{exchange}: {of}"
        self._exchange = exchange
        if not isinstance(row, Mapping):
            raise VenueError(f"{self._where} is {_shown(row)}, not an object")
        self._row: Mapping[str, Any] = row

    def __contains__(self, name: str) -> bool:
        return self._row.get(name) is not None

    def has_text(self, name: str) -> bool:
        """Return whether there is a text that is not empty."""
        value = self._row.get(name)
        return isinstance(value, str) and bool(value)

    def fail(self, what: str) -> NoReturn:
        """Say what is wrong."""
        raise VenueError(f"{self._where} {what}")

    def _member(self, name: str) -> Any:
        value = self._row.get(name)
        if value is None:
            self.fail(f"has no {name}")
        return value

    def _wrong(self, name: str, what: str) -> NoReturn:
        self.fail(f"has {name} {_shown(self._row[name])}, not {what}")

    def text(self, name: str) -> str:
        """Return a text that is not empty."""
        value = self._member(name)
        if not isinstance(value, str) or not value:
            self._wrong(name, "a text")
        return value

    def flag(self, name: str) -> bool:
        """Return true or false."""
        value = self._member(name)
        if not isinstance(value, bool):
            self._wrong(name, "true or false")
        return value

    def optional_flag(self, name: str) -> bool:
        """Return true or false; false where the venue leaves it out."""
        return self.flag(name) if name in self else False

    def whole(self, name: str) -> int:
        """Return a whole number, however it is written."""
        plain = self._row.get(name)
        if type(plain) is int and -MOST_STEPS <= plain <= MOST_STEPS:
            return plain
        value = self.number(name)
        if value != value.to_integral_value():
            self._wrong(name, "a whole number")
        return int(value)

    def number(self, name: str) -> Decimal:
        """Return a number, bare or quoted, with every digit of it."""
        value = self._member(name)
        if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
            self._wrong(name, "a number")
        if isinstance(value, str) and not _NUMBER.fullmatch(value):
            self._wrong(name, "a number")
        number = Decimal(value)
        if not number.is_finite() or abs(number.adjusted()) > 2 * MOST_DECIMALS:
            self._wrong(name, "a number of these magnitudes")
        return number

    def amount(self, name: str) -> Decimal:
        """Return a number that is not negative."""
        value = self.number(name)
        if value < 0:
            self._wrong(name, "an amount")
        return value

    def size(self, name: str) -> Decimal:
        """Return a number above 0."""
        value = self.number(name)
        if value <= 0:
            self._wrong(name, "a size")
        return value

    def optional_amount(self, name: str) -> Decimal | None:
        """Return an amount; None where it is left out, or 0 for none."""
        return (self.amount(name) or None) if name in self else None

    def grid(self, name: str) -> Grid:
        """Return the grid of an increment."""
        increment = self.number(name)
        if increment <= 0:
            self._wrong(name, "an increment")
        return self._checked(name, Grid.of(increment))

    def decimal_grid(self, name: str) -> Grid:
        """Return the grid of so many decimals; less than 0 are zeros before the point."""
        decimals = self.whole(name)
        if abs(decimals) > MOST_DECIMALS:  # a power of it could be larger than the memory
            self._wrong(name, "decimals that books can be kept in")
        return self._checked(name, Grid(max(decimals, 0), 10 ** max(-decimals, 0)))

    def _checked(self, name: str, grid: Grid) -> Grid:
        if grid.decimals > MOST_DECIMALS or grid.step > MOST_STEPS:
            self._wrong(name, "an increment that books can be kept in")
        return grid

    def inner(self, name: str) -> Fields:
        """Return a member that is an object."""
        value = self._member(name)
        if not isinstance(value, Mapping):
            self._wrong(name, "an object")
        return Fields(self._exchange, f"{name} of the answer", value)

    def rows(self, name: str) -> list[Any]:
        """Return a member that is an array."""
        value = self._member(name)
        if not isinstance(value, list):
            self._wrong(name, "an array")
        return value

    def items(self) -> list[tuple[str, Any]]:
        """Return the members."""
        return list(self._row.items())


def _shown(value: object) -> str:
    text = str(value)
    return text if len(text) <= SHOWN else text[:SHOWN] + "…"
