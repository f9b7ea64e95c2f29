"""What surrounds every answer of Binance: errors, statuses, and the counters of its limits."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from alp.errors import VenueError
from alp.venues.binance import order_errors as errors
from alp.venues.binance.order_rows import parsed
from alp.venues.fields import Fields
from alp.venues.orders import Answer

SHOWN = 200
_UNITS = {"SECOND": "s", "MINUTE": "m", "HOUR": "h", "DAY": "d"}
_KINDS = {"REQUEST_WEIGHT": "weight", "ORDERS": "orders", "RAW_REQUESTS": "requests"}
_COUNTERS = (
    (re.compile(r"x-mbx-used-weight-([0-9]+[smhd])").fullmatch, "weight"),
    (re.compile(r"x-mbx-order-count-([0-9]+[smhd])").fullmatch, "orders"),
)
_COUNT = re.compile(r"[0-9]{1,15}").fullmatch


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of REST or of the WebSocket API, without what these differ in.

    Attributes
    ----------
    result
        What was asked for; None where it is an error.
    ruling
        What the error means.
    status
        Of HTTP, or the one within an answer of the WebSocket API.
    received_ns
        Of an error.
    """

    result: object = None
    ruling: errors.Ruling | None = None
    status: int = 200
    code: int | None = None
    text: str = ""
    retry_ns: int = 0
    spent: Mapping[str, int] = field(default_factory=dict)
    received_ns: int = 0


def counters(headers: Mapping[str, str]) -> dict[str, int]:
    """Return what the headers say was used: ``weight-1m``, ``orders-10s``."""
    spent = {}
    for name, text in headers.items():
        for fits, kind in _COUNTERS:
            match = fits(name.lower())
            if match and _COUNT(text):
                spent[f"{kind}-{match[1]}"] = int(text)
    return spent


def counted(rows: object) -> dict[str, int]:
    """Return what ``rateLimits`` of an answer says was used; -1 is not counted there."""
    spent = {}
    for row in rows if isinstance(rows, list) else ():
        if not isinstance(row, Mapping):
            continue
        kind = _KINDS.get(str(row.get("rateLimitType")))
        unit = _UNITS.get(str(row.get("interval")))
        number, count = row.get("intervalNum"), row.get("count")
        if kind and unit and isinstance(number, int) and isinstance(count, int) and count >= 0:
            spent[f"{kind}-{number}{unit}"] = count
    return spent


def failed(exchange: str, status: int, row: object, answer: Answer, spent: dict[str, int]) -> Reply:
    """Read an error; `row` is what the venue said of it, or None."""
    code, text, until_ms, headers = None, "", 0, answer.headers
    if isinstance(row, Mapping):
        code = row.get("code")
        code = code if isinstance(code, int) and not isinstance(code, bool) else None
        text = str(row.get("msg", ""))[:SHOWN]
        details = row.get("data")
        if isinstance(details, Mapping) and isinstance(details.get("retryAfter"), int):
            until_ms = details["retryAfter"]
    meaning = errors.ruling(exchange, status, code, text)
    retry_ns = errors.patience_ns(meaning, headers, text, answer.received_ns, until_ms)
    shown = f"{code or ''} {text}".strip() or f"status {status}"
    return Reply(None, meaning, status, code, shown, retry_ns, spent, answer.received_ns)


def reply(exchange: str, answer: Answer) -> Reply:
    """Read what surrounds an answer.

    Raises
    ------
    VenueError
        If that cannot be read.
    """
    if answer.status:
        spent = counters(answer.headers)
        try:
            value = parsed(exchange, answer.body)
        except VenueError:
            if 200 <= answer.status < 300:
                raise
            return failed(exchange, answer.status, None, answer, spent)
        if not 200 <= answer.status < 300 or refuses(value):
            return failed(exchange, answer.status, value, answer, spent)
        return Reply(value, spent=spent)
    row = Fields(exchange, "the answer", parsed(exchange, answer.body))
    status = row.whole("status")
    members = dict(row.items())
    spent = counted(members.get("rateLimits"))
    if not 200 <= status < 300:
        return failed(exchange, status, members.get("error"), answer, spent)
    if members.get("result") is None:
        row.fail("has no result")
    return Reply(members["result"], spent=spent)


def refuses(value: object) -> bool:
    """Return whether an answer, or an element of one, is an error."""
    code = value.get("code") if isinstance(value, Mapping) else None
    return isinstance(code, int) and code < 0
