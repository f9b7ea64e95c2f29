"""Orders at a simulated venue: what is asked for, what is there, and what is told of it.

Prices and quantities are whole numbers of the last decimal of their market's book, amounts of
assets are 10⁻⁸ of them, times nanoseconds UTC of the venue's clock.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, StrEnum, auto
from typing import Any

from alp._core.matching import Prevention

COIN = 10**8
"""Units of an amount in one of its asset."""


class Tif(StrEnum):
    """How long an order stays."""

    GTC = "GTC"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class State(StrEnum):
    """Where an order is."""

    OPEN = auto()
    FILLED = auto()
    CANCELED = auto()
    EXPIRED = auto()


class Why(StrEnum):
    """Why an order ended, or a balance changed, other than by a trade."""

    NONE = auto()
    REQUEST = auto()
    """Its owner wanted it."""
    IMMEDIATE = auto()
    """It was not to wait, or there was nothing to trade with."""
    TIME = auto()
    """Its time is over."""
    PREVENTION = auto()
    """It met an order of its own account."""
    DEAD_MAN = auto()
    """The account's timer ran out."""
    POST_ONLY = auto()
    """It would have taken."""
    AMENDED = auto()
    """As much as was asked for in an amend was filled already."""
    REDUCE_ONLY = auto()
    """There is nothing left to reduce."""
    VENUE = auto()
    """The venue's own decision: maintenance, a frozen account."""
    FUNDING = auto()
    TRANSFER = auto()


class Refusal(Enum):
    """Why a command is refused; each venue has its own words for it."""

    SYMBOL = auto()
    PRECISION = auto()
    """A number has more decimals than the market, or is none."""
    PRICE_FILTER = auto()
    PRICE_BAND = auto()
    """Too far from the market."""
    SIZE_FILTER = auto()
    NOTIONAL_FILTER = auto()
    TOO_MANY = auto()
    """Open orders."""
    DUPLICATE_ID = auto()
    POST_ONLY = auto()
    FILL_OR_KILL = auto()
    BALANCE = auto()
    MARGIN = auto()
    POSITION = auto()
    REDUCE_ONLY = auto()
    UNKNOWN_ORDER = auto()
    UNCHANGED = auto()
    """The amend changes nothing."""
    TOO_MANY_AMENDS = auto()
    UNSUPPORTED = auto()
    """A type, or a time in force, that is not simulated."""
    EXPIRY = auto()
    PERMISSION = auto()
    HALTED = auto()
    RATE = auto()


class Refused(Exception):  # noqa: N818 - it says what happened
    """A command that the venue does not do; an outcome, not a failure of alp."""

    def __init__(self, reason: Refusal, text: str = "") -> None:
        super().__init__(text or reason.name.lower().replace("_", " "))
        self.reason = reason


class Said(Refused):
    """A refusal in a venue's own words, for which there is no reason that all venues know."""

    def __init__(self, words: str) -> None:
        super().__init__(Refusal.UNSUPPORTED, words)


@dataclass(slots=True)
class Ticket:
    """What is asked for in a new order.

    Attributes
    ----------
    price
        None: at any price.
    quote
        In place of a quantity of 0: an amount of the asset that prices are in.
    expires_ns
        Of GTD.
    notes
        What the venue's protocol wants to know of it later.
    """

    symbol: str
    bid: bool
    quantity: int
    price: int | None = None
    client_id: str = ""
    tif: Tif = Tif.GTC
    post_only: bool = False
    reduce_only: bool = False
    prevention: Prevention = Prevention.NONE
    expires_ns: int = 0
    quote: int = 0
    notes: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True, eq=False)
class Order:
    """An order that a venue has, or had.

    Attributes
    ----------
    account
        The owner's name.
    value
        Prices times quantities that were filled.
    fee, trades
        What was paid for that, and in how many parts it was filled.
    place
        In the matcher, while it is open.
    locked, reserved_at
        Of the asset that it spends, and the price that this is for (spot).
    """

    number: int
    account: str
    ticket: Ticket
    price: int
    quantity: int
    created_ns: int
    updated_ns: int
    filled: int = 0
    value: int = 0
    fee: int = 0
    trades: int = 0
    state: State = State.OPEN
    why: Why = Why.NONE
    place: int = -1
    locked: int = 0
    reserved_at: int = 0
    amends: int = 0

    @property
    def symbol(self) -> str:
        """Its market."""
        return self.ticket.symbol

    @property
    def client_id(self) -> str:
        """Its owner's name of it."""
        return self.ticket.client_id

    @property
    def bid(self) -> bool:
        """Whether it buys."""
        return self.ticket.bid

    @property
    def left(self) -> int:
        """What may still be filled of it if it is open."""
        return self.quantity - self.filled

    @property
    def is_open(self) -> bool:
        """Whether more can happen to it."""
        return self.state is State.OPEN


@dataclass(frozen=True, slots=True)
class Trade:
    """One fill of one order.

    Attributes
    ----------
    fee
        Positive: paid.
    realised
        What a position's part that it closed has earned.
    """

    number: int
    order: Order
    price: int
    quantity: int
    maker: bool
    fee: int
    fee_asset: str
    realised: int
    at_ns: int


class Kind(StrEnum):
    """What happened."""

    NEW = auto()
    TRADE = auto()
    AMENDED = auto()
    CANCELED = auto()
    EXPIRED = auto()
    PREVENTED = auto()
    """Self-trade prevention took ``quantity`` from it, and the rest goes on."""
    BALANCES = auto()
    """Of ``assets`` and ``symbols``, these changed."""


@dataclass(frozen=True, slots=True)
class Report:
    """What happened to an account: told to listeners at once, the order as it is at that moment.

    Attributes
    ----------
    symbols
        Whose positions changed.
    number
        Counts all reports of a desk.
    """

    kind: Kind
    account: str
    at_ns: int
    number: int
    order: Order | None = None
    trade: Trade | None = None
    why: Why = Why.NONE
    quantity: int = 0
    assets: tuple[str, ...] = ()
    symbols: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rules:
    """What a venue allows in a market.

    Attributes
    ----------
    base, quote
        Assets; of futures the quote is what is settled in.
    tick, lot
        Steps of prices and quantities.
    min_notional
        Amount of the quote.
    band_bps
        How far from the touch a price may be; 0: as far as one likes.
    most_open
        Orders of one account.
    most_position
        Of futures, long or short; 0: no limit.
    """

    base: str
    quote: str
    tick: int = 1
    lot: int = 1
    min_quantity: int = 1
    max_quantity: int = 1 << 47
    min_notional: int = 0
    band_bps: int = 0
    most_open: int = 200
    most_position: int = 0


def whole(text: object, decimals: int) -> int:
    """Read a price or a quantity as a whole number of the last decimal.

    Raises
    ------
    Refused
        If it is no positive number, or has more decimals.
    """
    body, point, fraction = str(text).partition(".")
    fraction = fraction.rstrip("0")
    digits = body + fraction
    if not digits.isascii() or not digits.isdigit() or len(body) > 15 or (point and not body):
        raise Refused(Refusal.PRECISION, f"{text!s:.40} is no number")
    if len(fraction) > decimals:
        raise Refused(Refusal.PRECISION, f"{text!s:.40} has too many decimals")
    scale: int = 10**decimals
    return int(body) * scale + int(fraction.ljust(decimals, "0") or 0)
