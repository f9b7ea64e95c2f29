"""What clients ask of a simulated venue, read from text, numbers and nested forms.

Money is exact: a number's text becomes whole ticks and lots, or is refused by whoever asked for it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal, DecimalException
from typing import Any
from urllib.parse import parse_qsl

import orjson

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MOST_DIGITS = 30
"""Of a number, before and after its point; no order needs more."""
_TIME = re.compile(r"([0-9-]{10}T[0-9:]{8})(?:\.([0-9]{1,9}))?(Z|[+-][0-9]{2}:[0-9]{2})")


def number(value: object) -> Decimal | None:
    """Return a number from its text or from JSON; None where it is not one."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    text = repr(value) if isinstance(value, float) else str(value)
    try:
        found = Decimal(text)
    except DecimalException:
        return None
    if not found.is_finite() or len(text) > MOST_DIGITS or abs(found.adjusted()) > MOST_DIGITS:
        return None
    return found


def steps(value: object, decimals: int) -> int | None:
    """Return a number in units of its last decimal; None where it is none, or has more of them."""
    found = number(value)
    if found is None:
        return None
    scaled = found.scaleb(decimals)
    return int(scaled) if scaled == scaled.to_integral_value() else None


def size(value: object, decimals: int, wrong: Exception, off_grid: Exception) -> int:
    """Return a price in ticks or a quantity in lots.

    Raises
    ------
    wrong
        If it is not a number above 0.
    off_grid
        If it has more decimals than the venue takes.
    """
    found = number(value)
    if found is None or found <= 0:
        raise wrong
    whole = steps(value, decimals)
    if whole is None:
        raise off_grid
    return whole


def whether(value: object) -> bool:
    """Read what is a truth in JSON and a word in a form."""
    return value is True or (isinstance(value, str) and value.lower() in ("true", "1"))


def texts(value: object) -> list[str]:
    """Read a list of texts; one alone stands for itself, and numbers for their digits."""
    if value is None:
        return []
    rows = value if isinstance(value, list) else [value]
    return [str(each) for each in rows if isinstance(each, str | int)]


def instant_ns(value: object) -> int | None:
    """Read a time as RFC 3339 writes it, nanoseconds UTC; None where it is not one."""
    found = _TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return None
    try:
        whole = datetime.fromisoformat(found[1] + found[3].replace("Z", "+00:00"))
    except ValueError:
        return None
    fraction = int((found[2] or "").ljust(9, "0"))
    return (whole - EPOCH) // timedelta(seconds=1) * 10**9 + fraction


def form(text: str) -> dict[str, Any]:
    """Read a query or a form; ``name[]`` and ``name[0]`` are lists, ``name[0][key]`` of objects."""
    found: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        base, *inner = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name) or [name]
        if not inner:
            found[base] = value
        elif inner[0] == "":
            found.setdefault(base, []).append(value)
        elif inner[0].isdigit() and isinstance(found.setdefault(base, []), list):
            _into(found[base], int(inner[0]), inner[1:], value)
        else:
            found[name] = value
    return found


def _into(rows: list[Any], index: int, inner: list[str], value: str) -> None:
    """Put a member of a list in its place; lists begin at 0 and have no holes."""
    if index > len(rows):
        return
    if index == len(rows):
        rows.append({} if inner else value)
    if inner and isinstance(rows[index], dict):
        rows[index][inner[0]] = value


def parameters(query: str, body: bytes) -> dict[str, Any]:
    """Read what a request carries: a query, and a body that is JSON or a form."""
    found = form(query)
    if body[:1] in (b"{", b"["):
        try:
            parsed = orjson.loads(body)
        except ValueError:
            return found
        return found | parsed if isinstance(parsed, dict) else found
    try:
        return found | form(body.decode())
    except UnicodeDecodeError:
        return found
