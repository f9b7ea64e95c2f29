"""What an account needs of the parts around it: who sends for it, and who writes for it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from alp._core.gate import RiskApproved
from alp.venues.orders import Command


class Sends(Protocol):
    """The account session, as far as it is needed here."""

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands of one action; their facts come by the callback."""
        ...


class Journals(Protocol):
    """The intent journal, as far as it is needed here; each method may raise OSError."""

    def intent(self, approved: RiskApproved, at_ns: int) -> int:
        """Append a command that may leave once this number is durable."""
        ...

    def fact(
        self,
        client_id: str,
        kind: int,
        *,
        at_ns: int = 0,
        command: int = 0,
        price: int = 0,
        quantity: int = 0,
        cumulative: int = -1,
        trade_id: str = "",
        reason: int = 0,
        venue_id: str = "",
        replaced: str = "",
        venue_ns: int = 0,
        fee: int = 0,
        fee_asset: str = "",
        liquidity: int = 0,
        source: int = 0,
    ) -> int:
        """Append what was said of an order."""
        ...

    def adopted(
        self, client_id: str, instrument: int, side: int, price: int, quantity: int, at_ns: int
    ) -> int:
        """Append an order of ours that was found at the venue."""
        ...

    def released(self, client_id: str, at_ns: int) -> int:
        """Append that an order is forgotten."""
        ...

    def position(self, instrument: int, quantity: int, at_ns: int) -> int:
        """Append a position that is the venue's word."""
        ...

    def gate(self, state: int, killed: bool, text: str, at_ns: int) -> int:
        """Append what may leave from now on, and why."""
        ...

    async def durable(self, number: int) -> None:
        """Wait until everything up to a number survives the machine."""
        ...
