"""What all venues' answers about orders come to: facts, and numbers as exact integers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.fields import Fields
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Action, Call, Command, Fact, Outcome, Policy

MOST_CLIENT_ID = 24
MOST_VENUE_ID = 48
"""Characters of ids in the table of orders."""
MOST_TEXT = 200
SECOND = 10**9
_MOST = 2**63 - 1
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})(?:\.([0-9]{1,9}))?Z"
).fullmatch
_REFUSED = {
    Action.NEW: OrderEvent.REJECTED,
    Action.AMEND: OrderEvent.AMEND_REFUSED,
    Action.CANCEL: OrderEvent.CANCEL_REFUSED,
}
_UNKNOWN = {
    Action.NEW: OrderEvent.UNKNOWN,
    Action.AMEND: OrderEvent.AMEND_UNKNOWN,
    Action.CANCEL: OrderEvent.CANCEL_UNKNOWN,
}
_DONE = {
    Action.NEW: OrderEvent.ACKED,
    Action.AMEND: OrderEvent.AMEND_ACKED,
    Action.CANCEL: OrderEvent.CANCEL_ACCEPTED,
}


def done(command: Command, venue_id: str = "", at_ns: int = 0) -> Fact:
    """Say that the venue took a command."""
    return _about(command, _DONE[command.action], venue_id or command.venue_id, at_ns=at_ns)


def refused(command: Command, reason: RejectReason) -> Fact:
    """Say that the venue did not do a command."""
    return _about(command, _REFUSED[command.action], command.venue_id, reason=reason)


def unknown(command: Command) -> Fact:
    """Say that nobody knows what became of a command."""
    return _about(command, _UNKNOWN[command.action], command.venue_id)


def undecided(call: Call, text: str) -> Outcome:
    """Say that of all of a call's commands."""
    facts = tuple(unknown(command) for command in call.commands)
    return Outcome(facts, Policy.QUERY, text=text[:MOST_TEXT])


def not_done(
    call: Call, policy: Policy, reason: RejectReason, text: str, retry_ns: int = 0
) -> Outcome:
    """Say that nothing of a call was done, or, of policy ``QUERY``, that nobody knows."""
    if policy is Policy.QUERY:
        return undecided(call, text)
    facts = tuple(refused(command, reason) for command in call.commands)
    return Outcome(facts, policy, retry_ns, text[:MOST_TEXT])


def _about(
    command: Command,
    kind: OrderEvent,
    venue_id: str,
    *,
    reason: RejectReason = RejectReason.NONE,
    at_ns: int = 0,
) -> Fact:
    return Fact(
        kind,
        command.client_id,
        venue_id,
        command.instrument.symbol,
        command=command.number,
        reason=reason,
        side=command.side,
        at_ns=at_ns,
    )


def steps(grid: Grid, number: Decimal) -> int:
    """Return how many steps of a grid a number is, however it was written.

    Raises
    ------
    VenueError
        If it is negative, or not on the grid.
    """
    count = grid.count(f"{number:f}")
    if count < 0:
        raise VenueError(f"{number} is negative")
    return count


def ticks(instrument: Instrument, row: Fields, name: str) -> int:
    """Return a price."""
    return steps(instrument.price, row.number(name))


def lots(instrument: Instrument, row: Fields, name: str) -> int:
    """Return a quantity of an order."""
    return steps(instrument.order_quantity, row.number(name))


def optional_lots(instrument: Instrument, row: Fields, name: str) -> int:
    """Return a quantity; -1 where it is not told."""
    return lots(instrument, row, name) if name in row else -1


def fee_units(fee: Decimal) -> int:
    """Return a fee in 10⁻⁸; what is finer is rounded to the payer's disadvantage."""
    return _units(fee, ROUND_CEILING)


def balance_units(amount: Decimal) -> int:
    """Return a balance in 10⁻⁸; what is finer does not count."""
    return _units(amount, ROUND_FLOOR)


def _units(amount: Decimal, rounding: str) -> int:
    top, bottom = amount.as_integer_ratio()
    quotient, rest = divmod(top * 10**8, bottom)
    if rest and rounding == ROUND_CEILING:
        quotient += 1
    if abs(quotient) > _MOST:
        raise VenueError(f"{amount} is more than can be counted")
    return quotient


def nearest_step(grid: Grid, number: Decimal) -> int:
    """Return the step nearest to an average, which lies between two."""
    top, bottom = number.as_integer_ratio()
    top, bottom = top * 10**grid.decimals, bottom * grid.step
    count: int = (2 * top + bottom) // (2 * bottom)
    if abs(count) > _MOST:
        raise VenueError(f"{number} is more than can be counted")
    return count


def text_or_empty(row: Fields, name: str) -> str:
    """Return a text; empty where it is left out."""
    return row.text(name) if row.has_text(name) else ""


def client_id(row: Fields, name: str) -> str:
    """Return a client's id; empty where there is none, or none that alp could have made."""
    found = text_or_empty(row, name)
    return found if found.isascii() and len(found) <= MOST_CLIENT_ID else ""


def venue_id(row: Fields, name: str) -> str:
    """Return a venue's id.

    Raises
    ------
    VenueError
        If there is none, or it cannot be kept.
    """
    found = row.text(name)
    if not found.isascii() or len(found) > MOST_VENUE_ID:
        row.fail(f"has {name} of {len(found)} characters")
    return found


def time_ns(row: Fields, name: str) -> int:
    """Return a time of RFC 3339 with none to nine decimals; 0 where it is none."""
    match = _TIME(row.text(name)) if row.has_text(name) else None
    if match is None:
        return 0
    try:
        whole = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
    except ValueError:
        return 0
    seconds = (whole - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(seconds=1)
    return _kept(seconds * SECOND + int((match[2] or "").ljust(9, "0")))


def seconds_ns(row: Fields, name: str) -> int:
    """Return a time in seconds with decimals; 0 where it is none."""
    return _scaled(row, name, SECOND)


def milliseconds_ns(row: Fields, name: str) -> int:
    """Return a time in milliseconds; 0 where it is none."""
    return _scaled(row, name, 10**6)


def _scaled(row: Fields, name: str, unit_ns: int) -> int:
    if name not in row:
        return 0
    top, bottom = row.amount(name).as_integer_ratio()
    return _kept(top * unit_ns // bottom)


def _kept(at_ns: int) -> int:
    return at_ns if 0 <= at_ns <= _MOST else 0


def instrument_of(
    instruments: Mapping[str, Instrument], row: Fields, name: str
) -> Instrument | None:
    """Return the product that a row names; None where it is not ours."""
    return instruments.get(text_or_empty(row, name))
