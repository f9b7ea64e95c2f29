"""Whose the trades are that a venue lists by its own id of an order only.

Such a trade is known by what was sent here, or by the owner's orders. Where neither knows the
order, because the owner lost it, the venue is asked for the client's id; the owner sees by that
whether the order was one of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from alp.errors import VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.account.notes import OrderNotes
from alp.venues.instruments import Instrument
from alp.venues.orders import Call, Fact

logger = logging.getLogger(__name__)

MOST = 1024
"""Orders that wait to be asked for; beyond it the oldest are nobody's."""
MOST_TRIES = 5
"""A venue that answers so often without saying whose an order is will not say it."""


@dataclass(slots=True)
class _Stranger:
    """An order of which nobody here knows, and its trades by their id."""

    instrument: Instrument
    venue_id: str
    trades: dict[str, Fact] = field(default_factory=dict)
    tries: int = 0


class Strangers:
    """Asks once for each order, and remembers it while its trades are listed.

    It asks when the budget allows it at once: what is unknown of our own orders goes first.

    Parameters
    ----------
    named
        The client's id of an order that the owner keeps, by the venue's; empty: it keeps none.

    Attributes
    ----------
    asked
        How many orders the venue was asked for.
    """

    def __init__(
        self,
        calls: Calls,
        notes: OrderNotes,
        named: Callable[[str], str],
        deliver: Callable[[Sequence[Fact]], None],
    ) -> None:
        self.asked = 0
        self._calls = calls
        self._notes = notes
        self._named = named
        self._deliver = deliver
        self._waiting: dict[tuple[str, str], _Stranger] = {}
        self._answers: dict[str, dict[str, str]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def introduce(self, instrument: Instrument, trades: Sequence[Fact]) -> list[Fact]:
        """Return the trades whose orders are known, named; those of others wait.

        Parameters
        ----------
        trades
            All that the venue lists now of a product: what was asked of orders that are not among
            them any more is forgotten.
        """
        before = self._answers.get(instrument.symbol, {})
        listed = {each.venue_id for each in trades}
        self._answers[instrument.symbol] = {
            venue_id: client_id for venue_id, client_id in before.items() if venue_id in listed
        }
        known: list[Fact] = []
        for trade in trades:
            client_id = trade.client_id or self._client_of(trade)
            if client_id is not None:
                known.append(replace(trade, client_id=client_id))
            else:
                self._wait(instrument, trade)
        return known

    def _client_of(self, trade: Fact) -> str | None:
        """Return the client's id of a trade's order; empty: it has none; None: not known."""
        if not trade.venue_id:
            return ""
        known = self._notes.client_of(trade.venue_id) or self._named(trade.venue_id)
        return known or self._answers.get(trade.symbol, {}).get(trade.venue_id)

    def _wait(self, instrument: Instrument, trade: Fact) -> None:
        key = instrument.symbol, trade.venue_id
        if key not in self._waiting and len(self._waiting) >= MOST:
            oldest = self._waiting.pop(next(iter(self._waiting)))
            logger.error("%s: too many trades of unknown orders", oldest.venue_id)
            self._answered(oldest, "")
        stranger = self._waiting.setdefault(key, _Stranger(instrument, trade.venue_id))
        stranger.trades[trade.trade_id] = trade

    async def ask(self) -> None:
        """Ask for one order, where one waits for whose sake the venue's answer can be believed.

        Raises
        ------
        VenueError
            If there is no answer; it is asked for again.
        """
        stranger = next((each for each in self._waiting.values() if self._is_due(each)), None)
        if stranger is None:
            return
        trade = next(iter(stranger.trades.values()))
        client_id = self._client_of(trade)
        if client_id is None:
            client_id = await self._whose(stranger)
        if client_id is None:
            return
        del self._waiting[stranger.instrument.symbol, stranger.venue_id]
        self._answered(stranger, client_id)

    def _is_due(self, stranger: _Stranger) -> bool:
        """Whether a venue that does not find the order does not only find it late."""
        first_ns = min(each.at_ns for each in stranger.trades.values())
        return first_ns + self._calls.adapter.not_found_ns <= self._calls.clock.now_ns()

    async def _whose(self, stranger: _Stranger) -> str | None:
        """Ask for the client's id of an order; None: others need the budget now."""
        calls = self._calls
        call = calls.adapter.whose(stranger.instrument, stranger.venue_id, calls.signer)
        if call is None:
            return ""
        if calls.rates.wait_ns(call):
            return None
        try:
            outcome = await calls.ask(lambda: _question(calls, stranger))
        except (NotSent, NoAnswer):
            raise
        except VenueError:
            stranger.tries += 1
            if stranger.tries < MOST_TRIES:
                raise
            logger.exception("%s: the venue does not say whose it is", stranger.venue_id)
            return ""
        self.asked += 1
        return outcome.text

    def _answered(self, stranger: _Stranger, client_id: str) -> None:
        self._answers.setdefault(stranger.instrument.symbol, {})[stranger.venue_id] = client_id
        self._deliver([replace(each, client_id=client_id) for each in stranger.trades.values()])


def _question(calls: Calls, stranger: _Stranger) -> Call:
    call = calls.adapter.whose(stranger.instrument, stranger.venue_id, calls.signer)
    assert call is not None
    return call
