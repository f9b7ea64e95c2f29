"""Where the events of an exchange's markets come from, other than from the markets themselves.

A source drives a :class:`Stage`. The recordings of :mod:`alp.paper.recorded` are one; another
venue's live feed would be another: it needs nothing but the events of each product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from alp.paper.market import Event, Market


class Stage(Protocol):
    """What a source sees of an exchange."""

    def happen(self, symbol: str, event: Event) -> None:
        """Let an event happen in a market and tell who subscribed to it."""
        ...

    async def room(self) -> None:
        """Wait until every reader has taken most of what was sent."""
        ...


class Source(Protocol):
    """Lets events happen."""

    @property
    def markets(self) -> Sequence[Market]:
        """The markets, with the books that its first events follow."""
        ...

    async def play(self, stage: Stage) -> None:
        """Let everything happen at its time, and return when nothing more will.

        Raises
        ------
        DataError
            If it cannot go on.
        """
        ...
