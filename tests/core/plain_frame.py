"""What a venue's message says, read with json and Decimal: the twin of the compiled parsers."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any

Json = Any
Product = tuple[str, int, int, int, int]
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?\Z", re.ASCII)
TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z\Z", re.ASCII
)
BACKSLASH = "\x1a"  # stands in while json reads: strings are compared as they are written


class Refused(Exception):
    """A message that a parser must not take."""


def _refuse_constant(name: str) -> None:
    raise ValueError(name)


def loads(message: bytes) -> Json:
    """JSON, with any bytes in its strings; ValueError where it is none."""
    text = message.decode("latin-1").replace("\\", BACKSLASH)
    return json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant, strict=False)


def written(text: str) -> str:
    return text.replace(BACKSLASH, "\\").encode("latin-1").decode("utf-8", "replace")


def need(where: Json, *names: str) -> tuple[Json, ...]:
    if not isinstance(where, dict) or any(name not in where for name in names):
        raise Refused(f"{names} of {where}")
    return tuple(where[name] for name in names)


def text_of(value: Json) -> str:
    if not isinstance(value, str):
        raise Refused(f"{value!r} is no text")
    return value


def list_of(value: Json) -> list[Json]:
    if not isinstance(value, list):
        raise Refused(f"{value!r} is no list")
    return value


def whole(value: Json, least: int = 0) -> int:
    if isinstance(value, Decimal) and value.as_tuple().exponent == 0:
        value = int(value)
    if type(value) is not int or not least <= value < 2**63:
        raise Refused(f"{value!r} is no whole number")
    return value


def milliseconds(value: Json) -> int:
    """In nanoseconds."""
    if whole(value) > 9 * 10**12:
        raise Refused(f"{value} ms")
    return whole(value) * 10**6


def time_ns(value: Json) -> int:
    match = TIME.match(text_of(value))
    if match is None:
        raise Refused(f"{value!r} is no time")
    day, clock, fraction = match.groups()
    try:
        leap = clock.endswith(":60")
        clock = clock[:-2] + "59" if leap else clock
        moment = datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=UTC)
    except ValueError as error:
        raise Refused(str(error)) from error
    if not 1900 <= moment.year < 2200:
        raise Refused(f"{value} is far away")
    return (int(moment.timestamp()) + leap) * 10**9 + int((fraction or "0").ljust(9, "0"))


class Frame:
    """The plain values of one message, as ``Parser.parse`` returns them."""

    def __init__(self, products: Iterable[Product], quoted: bool) -> None:
        self.products = {name: scales for name, *scales in products}
        self.quoted = quoted
        self.kind = "other"
        self.sequence: int | None = None
        self.request: int | None = None
        self.exchange_ns = 0
        self.note = ""
        self.about = ""
        self.updates: list[dict[str, Any]] = []

    def values(self) -> dict[str, Any]:
        return {
            "fault": None,
            "kind": self.kind,
            "sequence": self.sequence,
            "request": self.request,
            "exchange_ns": self.exchange_ns,
            "note": written(self.note),
            "about": written(self.about),
            "updates": self.updates,
        }

    def known(self, symbol: Json) -> str | None:
        name = text_of(symbol)
        return name if name in self.products else None

    def steps(self, name: str, value: Json, *, price: bool) -> int:
        decimals, step = self.products[name][:2] if price else self.products[name][2:]
        if self.quoted:
            if not NUMBER.match(text_of(value)):
                raise Refused(f"{value!r} is no number")
            value = Decimal(value)
        elif type(value) is not int and not isinstance(value, Decimal):
            raise Refused(f"{value!r} is no bare number")
        if value and abs(Decimal(value).adjusted()) > 300:
            raise Refused(f"{value} is out of bounds")
        steps = Fraction(value) * 10**decimals / step if value else Fraction(0)
        if steps.denominator != 1 or not 0 <= steps < 2**62:
            raise Refused(f"{value} is no whole number of steps")
        return int(steps)

    def level(self, name: str, price: Json, quantity: Json) -> tuple[int, int]:
        return self.steps(name, price, price=True), self.steps(name, quantity, price=False)

    def add(self, kind: str, symbol: str | None, **values: Any) -> dict[str, Any]:
        self.updates.append(
            {
                "kind": kind,
                "symbol": symbol,
                "exchange_ns": 0,
                "ids": (None, None, None),
                "checksum": None,
                "bids": [],
                "asks": [],
                "trades": [],
            }
            | values
        )
        return self.updates[-1]

    def quote(self, symbol: str | None, row: Json, names: tuple[str, str, str, str]) -> None:
        bid, bid_quantity, ask, ask_quantity = (row.get(name) for name in names)
        if _nothing(bid) and _nothing(ask):
            return
        update = self.add("quote", symbol)
        for side, price, quantity in (("bids", bid, bid_quantity), ("asks", ask, ask_quantity)):
            if symbol is not None and not _nothing(price):
                lots = 0 if _nothing(quantity) else self.steps(symbol, quantity, price=False)
                update[side] = [(self.steps(symbol, price, price=True), lots)]

    def trades_by_product(self, kind: str, rows: list[tuple[str | None, tuple[int, ...]]]) -> None:
        for symbol in dict.fromkeys(name for name, _ in rows):
            trades = [trade for name, trade in rows if name == symbol]
            self.add(
                kind,
                symbol,
                exchange_ns=max(trade[-1] for trade in trades),
                trades=[] if symbol is None else trades,
            )


def _nothing(value: Json) -> bool:
    return value is None or value == ""


def choose(value: Json, **choices: Any) -> Any:
    if text_of(value) not in choices:
        raise Refused(f"{value!r} is none of {list(choices)}")
    return choices[value]
