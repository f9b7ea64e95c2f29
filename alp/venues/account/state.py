"""What an account session tells its owner, and what it asks of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from alp.venues.orders import Balance, Command, LiveOrder, Policy, PositionNews

SECOND = 10**9


class AccountState(StrEnum):
    """How an account is."""

    STARTING = "starting"
    """Not all has been read yet."""
    LIVE = "live"
    """The private stream is heard, and what was missed before has been read."""
    LOST = "lost"
    """The private stream is not heard: orders may have changed unseen."""
    HALTED = "halted"
    """The account cannot act, or what was told could not be taken; only cancels are tried."""
    STOPPED = "stopped"
    """Nothing is sent any more."""


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The state of the account, and where a venue's error says what to do, that.

    Attributes
    ----------
    policy
        None where only the state changed.
    retry_ns
        How long the venue wants to be left alone; the session does that by itself.
    symbol, side, client_id
        Of the command that the error answered; empty and 0 where it was none.
    """

    state: AccountState
    why: str = ""
    policy: Policy | None = None
    retry_ns: int = 0
    symbol: str = ""
    side: int = 0
    client_id: str = ""


@dataclass(frozen=True, slots=True)
class AccountReport:
    """Balances and positions as a venue told them.

    Attributes
    ----------
    orders
        Everything that is open at the venue, foreign orders included; None where this report is
        not of a reading of all of it.
    whole
        Balances and positions are all there are: what is not named is nothing.
    """

    balances: tuple[Balance, ...] = ()
    positions: tuple[PositionNews, ...] = ()
    orders: tuple[LiveOrder, ...] | None = None
    whole: bool = False


class Owner(Protocol):
    """Who keeps the orders."""

    def believed_open(self) -> Sequence[Command]:
        """Return every order that may be open, unknown ones too.

        Each is the command that made it, with the venue's id and the lots filled as far as they
        are known, ``sent_ns``, and as ``number`` the highest of its amends and cancels.
        """
        ...

    def client_of(self, venue_id: str) -> str:
        """Return the client's id of an order that is kept, by the venue's; empty: none is."""
        ...

    def is_well(self) -> bool:
        """Whether the venue's dead-man timer is to be refreshed: orders may stay."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a session waits for what. Nanoseconds.

    Attributes
    ----------
    answer_ns
        An answer to a command that has not come by then makes it unknown.
    clock_ns
        The venue's clock is compared so often.
    poll_ns
        Open orders are read so often although the stream is heard: a venue may accept and never
        tell.
    ask_again_ns, longest_ns
        Whatever failed is asked again after about the first, and after more each time, up to the
        second.
    """

    answer_ns: int = 10 * SECOND
    clock_ns: int = 10 * SECOND
    poll_ns: int = 15 * SECOND
    ask_again_ns: int = SECOND // 4
    longest_ns: int = 10 * SECOND
