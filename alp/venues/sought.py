"""The order that a question is about, remembered in the context of the call that asks."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import Self

import orjson

from alp._core.order_life import OrderEvent
from alp.venues.orders import Command, Fact, TimeInForce


@dataclass(frozen=True, slots=True)
class Sought:
    """The order that a question is about."""

    client_id: str
    venue_id: str
    symbol: str
    side: int
    number: int
    quantity: int
    sent_ns: int
    immediate: bool
    """It stays for no longer than a moment: what is not filled of it expires."""

    @classmethod
    def of(cls, command: Command) -> Self:
        """Return what identifies the order of a command."""
        return cls(
            command.client_id,
            command.venue_id,
            command.instrument.symbol,
            command.side,
            command.number,
            command.quantity,
            command.sent_ns,
            command.time_in_force is not TimeInForce.GTC,
        )

    @classmethod
    def read(cls, context: str) -> Self:
        """Return what :meth:`text` wrote."""
        return cls(*orjson.loads(context))

    def text(self) -> str:
        """Return it as the context of a call."""
        return orjson.dumps(astuple(self)).decode()

    def not_found(self) -> Fact:
        """Say that the venue does not know it."""
        return Fact(OrderEvent.NOT_FOUND, self.client_id, self.venue_id, self.symbol)
