"""What decides: events in, wishes out; the same interface in a backtest, on paper and live.

A desk is told what happened, in the order in which it was learned, and answers with what should
rest at the venues from now on. It has no clock, no randomness of its own and no I/O: two desks that
were made alike and told the same say the same. Who writes a model of their own derives from
:class:`Desk`.

Prices are ticks and quantities lots of the instrument, amounts of tokens are raw, times nanoseconds
UTC.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import IntEnum
from typing import Any, NamedTuple

from alp.errors import ConfigError

MOST_LEVELS = 32
"""Of a side of a wish: what one message on the bus holds."""


class GateState(IntEnum):
    """What an account's gate lets leave."""

    ACTIVE = 1
    REDUCING = 2
    HALTED = 3


@dataclass(frozen=True, slots=True)
class DeskInstrument:
    """A product that a desk quotes.

    Parameters
    ----------
    index
        Its number in the strategy's list of venues; events and wishes name it.
    venue, exchange, symbol
        As the manifest has them.
    tick_size, lot_size
        Quote per base of one tick, base of one lot.
    min_lots, max_lots, lot_step
        Of one order.
    """

    index: int
    venue: str
    exchange: str
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_lots: int = 1
    max_lots: int = 1 << 40
    lot_step: int = 1

    def __post_init__(self) -> None:
        for name, size in (("tick size", self.tick_size), ("lot size", self.lot_size)):
            if not (size.is_finite() and size > 0):
                raise ConfigError(f"{self.venue}: {name} {size} is not positive")


class Top(NamedTuple):
    """The touch of a book; a quantity of 0 is a side without a level."""

    instrument: int
    at_ns: int
    bid: int
    bid_lots: int
    ask: int
    ask_lots: int
    exchange_ns: int = 0


class Traded(NamedTuple):
    """Others traded; `aggressor` is 1 where somebody bought, -1 sold, 0 unknown."""

    instrument: int
    at_ns: int
    price: int
    lots: int
    aggressor: int
    exchange_ns: int = 0


class BookState(NamedTuple):
    """Whether a book can be believed; what a desk saw of one that is not, it has to forget."""

    instrument: int
    at_ns: int
    live: bool


class Filled(NamedTuple):
    """An order of ours was filled; each trade is told once. `side` is 1 where we bought."""

    instrument: int
    at_ns: int
    side: int
    price: int
    lots: int
    maker: bool = True


class Held(NamedTuple):
    """What an account holds of a product, signed; absolute, fills included."""

    instrument: int
    at_ns: int
    lots: int


class LpHeld(NamedTuple):
    """What the LP leg holds: wallet, positions and uncollected fees; delta is base less target."""

    at_ns: int
    base: int
    quote: int
    delta: int
    block: int
    epoch: int


class PoolPrice(NamedTuple):
    """The pool's price, the contract's sqrtPriceX96."""

    at_ns: int
    sqrt_price_x96: int


class Gated(NamedTuple):
    """What may leave at a product's account, and the lots that may be open of a side at most."""

    instrument: int
    at_ns: int
    state: GateState
    buy_room: int = 1 << 40
    sell_room: int = 1 << 40


class Paused(NamedTuple):
    """A person wants nothing quoted, or wants it again."""

    at_ns: int
    paused: bool


class Tick(NamedTuple):
    """Time passed; comes at least every :attr:`Desk.interval_ns`."""

    at_ns: int


Event = Top | Traded | BookState | Filled | Held | LpHeld | PoolPrice | Gated | Paused | Tick
EVENTS: tuple[type[Any], ...] = (
    Top,
    Traded,
    BookState,
    Filled,
    Held,
    LpHeld,
    PoolPrice,
    Gated,
    Paused,
    Tick,
)
"""In the order of their numbers in a record of decisions; only ever appended to."""


class Wish(NamedTuple):
    """All that shall rest at a product until a time, best first; nothing where both are empty.

    It replaces the wish before it. It is a wish: ladder, gate and venue make of it what they may.

    Parameters
    ----------
    number
        Rises by one with each wish of a desk.
    until_ns
        What is not renewed until then is cancelled.
    why
        Whatever explains it: plain values, of the desk's own choice.
    """

    number: int
    instrument: int
    at_ns: int
    until_ns: int
    bids: tuple[tuple[int, int], ...]
    asks: tuple[tuple[int, int], ...]
    why: Mapping[str, Any]


class Desk(ABC):
    """Decides what rests.

    Attributes
    ----------
    interval_ns
        Greatest time between two ticks.
    """

    interval_ns: int = 100_000_000

    @abstractmethod
    def on(self, event: Event) -> Sequence[Wish]:
        """Take in what happened; return the wishes that follow, none to leave what rests."""

    @abstractmethod
    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values (what JSON can hold), for `restore`."""

    @abstractmethod
    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` of a desk made alike gave."""

    def close(self) -> None:  # noqa: B027 - most have nothing to do
        """Hear that this was all."""
