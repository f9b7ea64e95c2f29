"""What an account is asked to do: one order, amend or cancel."""

from __future__ import annotations

from dataclasses import dataclass

from alp.venues.orders import Action, TimeInForce

POST_ONLY, REDUCE_ONLY = 1, 2
"""Flags of commands on the bus."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing to be done; a new order gets its client id when it is done."""

    action: Action
    client_id: str = ""
    side: int = 0
    price: int = 0
    quantity: int = 0
    flags: int = POST_ONLY
    time_in_force: TimeInForce = TimeInForce.GTC
