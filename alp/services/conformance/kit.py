"""The conformance kit: numbered cases that an exchange's adapter passes before it is trusted.

Each case has a venue of its own where a venue is simulated, an account session with the real
adapter, and the real table of orders. What it judges by is the table, what the venue answers, and
where the venue can be asked for it, the venue's truth.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from alp.errors import AlpError, ConfigError
from alp.services.conformance import faults, market, orders
from alp.services.conformance.world import CaseFailed, LeftOut, Place, World, world_of
from alp.venues.adapter import Endpoints
from alp.venues.orders import OrderAdapter
from alp.venues.registry import orders_for

MOST_S = 90.0
"""A case that takes longer has failed."""
MOST_TEXT = 300


class Result(StrEnum):
    """How a case ended."""

    OK = "ok"
    FAILED = "failed"
    LEFT_OUT = "left out"


@dataclass(frozen=True)
class Case:
    """One case.

    Attributes
    ----------
    asks
        What must hold, in a line.
    faults
        Numbers in the list of faults of docs/conformance.md.
    lasting
        Whether a simulated venue is not what it was afterwards.
    """

    number: str
    asks: str
    faults: tuple[str, ...]
    run: Callable[[World], Awaitable[None]]
    lasting: bool = False


CASES = (
    Case("C01", "a post-only order rests as it was sent", (), orders.rests),
    Case("C02", "one that would trade is refused, and says so", (), orders.crosses),
    Case("C03", "minimums and steps: below, equal, above", ("F23",), orders.boundaries),
    Case("C04", "amend to less; is its place kept?", (), orders.amends_less),
    Case("C05", "amend of the price", (), orders.amends_price),
    Case("C06", "a fill while an amend is under way", ("F13",), orders.amends_while_filling),
    Case("C07", "cancel: done, of a filled, of an unknown order", (), orders.cancels),
    Case("C08", "a fill before the answer", ("F11",), orders.fills_before_ack),
    Case("C09", "a client id that is in use", ("F08",), orders.duplicates),
    Case("C10", "the answer, or the request, is lost", ("F03", "F08", "F09"), faults.loses_answer),
    Case("C11", "connection reset in the answer's body", ("F08",), faults.cuts_body),
    Case("C12", "the venue does not know the outcome", ("F08", "F09"), faults.unknown_outcome),
    Case("C13", "too many requests: cancels still leave", ("F16",), faults.too_many),
    Case("C14", "refused for the clock", ("F24",), faults.clock_error, lasting=True),
    Case("C15", "refused for the nonce", (), faults.nonce_error),
    Case("C16", "the private stream's key expires", ("F15",), faults.stream_key_expires),
    Case("C17", "gap in the book's sequence", ("F20",), market.gap),
    Case("C18", "snapshot older than the differences", ("F20",), market.old_snapshot),
    Case("C19", "the book's checksum is wrong", ("F20",), market.checksum),
    Case("C20", "maintenance", ("F14",), faults.maintenance),
    Case("C21", "ticks and lots change while running", (), faults.rules_change, lasting=True),
    Case("C22", "restart with open orders: adopted", ("F03", "F04"), orders.restarts),
    Case("C23", "others' orders are left alone", (), orders.foreign),
    Case("C24", "dead-man: refreshed, then fires", ("F14", "F26"), faults.dead_man),
    Case("C25", "cancel-all in a burst of new orders", ("F05",), orders.cancels_a_burst),
    Case("C26", "fee in a third asset", (), orders.fee_in_token, lasting=True),
    Case("C27", "partial fills to the exact step", ("F10",), orders.fills_exactly),
    Case("C28", "the venue's clock jumps", ("F24",), faults.server_time_jumps, lasting=True),
    Case("C29", "frozen account, then no key", ("F17",), faults.freezes, lasting=True),
    Case("C30", "a key that may withdraw is refused", (), orders.refuses_withdrawal),
)
"""As the list of conformance cases numbers them."""


@dataclass(frozen=True)
class Line:
    """How one case ended, and why."""

    number: str
    asks: str
    faults: tuple[str, ...]
    result: Result
    why: str
    seconds: float


@dataclass
class Report:
    """How an adapter did."""

    exchange: str
    lines: list[Line] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every case that ran is ok, and one did."""
        results = {each.result for each in self.lines}
        return Result.FAILED not in results and Result.OK in results

    def count(self, result: Result) -> int:
        """Return how many ended so."""
        return sum(each.result is result for each in self.lines)


Places = Callable[[], AbstractAsyncContextManager[Place]]
"""Opens the venue of one case."""


def cases_of(numbers: Sequence[str]) -> list[Case]:
    """Return the cases with these numbers; all where none is given.

    Raises
    ------
    ConfigError
        If there is no such case.
    """
    by_number = {each.number: each for each in CASES}
    for number in numbers:
        if number.upper() not in by_number:
            raise ConfigError(f"no case {number!r}", hint=f"{CASES[0].number}–{CASES[-1].number}")
    wanted = {each.upper() for each in numbers}
    return [each for each in CASES if not wanted or each.number in wanted]


async def conform(
    exchange: str,
    places: Places,
    cases: Sequence[Case] = CASES,
    *,
    make: Callable[[str, Endpoints], OrderAdapter] = orders_for,
    told: Callable[[Line], None] = lambda _: None,
) -> Report:
    """Run cases one after the other.

    Parameters
    ----------
    make
        Returns the adapter that is held to the cases.
    told
        Is told of each as it ends.
    """
    report = Report(exchange)
    for case in cases:
        began = time.monotonic()
        result, why = await _one(case, places, make)
        line = Line(
            case.number, case.asks, case.faults, result, why, round(time.monotonic() - began, 2)
        )
        report.lines.append(line)
        told(line)
    return report


async def _one(
    case: Case, places: Places, make: Callable[[str, Endpoints], OrderAdapter]
) -> tuple[Result, str]:
    notes: list[str] = []
    try:
        async with asyncio.timeout(MOST_S), places() as place:
            if case.lasting and place.control and not place.own:
                raise LeftOut("the venue would not be what it was: run alp conform without --url")
            world = await world_of(place, make)
            notes = world.notes
            await case.run(world)
    except LeftOut as reason:
        return Result.LEFT_OUT, str(reason)
    except CaseFailed as failure:
        return Result.FAILED, "; ".join([str(failure), *notes])
    except TimeoutError:
        return Result.FAILED, f"it had no end within {MOST_S:.0f} s"
    except (AlpError, OSError) as error:
        return Result.FAILED, str(error)[:MOST_TEXT]
    except Exception as error:  # one case that breaks must not hide the others
        return Result.FAILED, f"{type(error).__name__}: {error}"[:MOST_TEXT]
    return Result.OK, "; ".join(notes)


def places_at(place: Place) -> Places:
    """Return what opens a venue that is there already."""

    @asynccontextmanager
    async def opened() -> AsyncIterator[Place]:
        yield place

    return opened
