"""What the router is asked and answers."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple

from alp._core.gate import GateState
from alp._core.route import RouteShort

Level = tuple[int, int]
Levels = Sequence[Level]


class Nothing(StrEnum):
    """Why a venue gets nothing of an order."""

    STALE = "its book is not fresh"
    HALTED = "its gate is halted"
    TRADING = "the venue does not take such orders now"
    REDUCING = "its gate only lets through what lowers its position"
    BUDGET = "its rate budget is used up"
    LIMIT = "its position limit leaves no room for an order"
    PRICE = "its book has nothing at the limit price"
    MID = "no mid price is known to measure slippage from"
    SLIPPAGE = "its book costs more than the slippage allowed"
    SHARE = "its share is 0"
    MINIMUM = "its part would be less than its smallest order"
    OTHERS = "others come first and have it all"


class Want(NamedTuple):
    """What is wanted of all venues together.

    ``side`` is 1 or -1, ``size`` in 10**-12 base. ``price``, in 10**-12 quote, is the worst; for
    what ``takes`` it may be 0: then only slippage limits it.
    """

    side: int
    size: int
    price: int
    takes: bool = False


class VenueState(NamedTuple):
    """How an account and its market are now.

    Levels are ``(ticks, lots)`` of the book, best first; positions and open quantities are in lots
    of orders, and count only what stays beside the order that is wanted. ``orders_left`` is how
    many orders its rate budget has.
    """

    bids: Levels = ()
    asks: Levels = ()
    fresh: bool = False
    gate: GateState = GateState.HALTED
    orders_left: int = 0
    position: int = 0
    open_buys: int = 0
    open_sells: int = 0


class Child(NamedTuple):
    """An order for one account: ticks and lots of its venue.

    ``instrument`` is the venue's place in the manifest, as on the bus and in the gate.
    """

    instrument: int
    venue: str
    account: str
    side: int
    price: int
    lots: int
    takes: bool


class Decision(NamedTuple):
    """What goes where, what is left in 10**-12 base and why, and who gets nothing."""

    children: tuple[Child, ...]
    left: int
    short: RouteShort
    nothing: dict[str, Nothing]


class Share(NamedTuple):
    """One account's part of a ladder: ``(ticks, lots)``, as the handler's quotes want them."""

    bids: tuple[Level, ...]
    asks: tuple[Level, ...]


class LadderDecision(NamedTuple):
    """By venue index who quotes what; what is left of each side in 10**-12 base."""

    shares: dict[int, Share]
    left_buy: int
    left_sell: int
    nothing: dict[str, Nothing]
