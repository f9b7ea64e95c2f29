"""What every exchange's order entry says of itself, so that one account session serves them all.

Adapters are pure: they make the bytes of a :class:`Call` and read the bytes of an answer or of a
private stream. They hold no socket, read no clock and decide nothing about orders; what a venue
said becomes :class:`Fact`, which is one call of :meth:`alp._core.orders.OrderTable.apply`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Flag, IntEnum, StrEnum, auto
from typing import Protocol, TypedDict

from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.adapter import Endpoints
from alp.venues.credentials import Credentials
from alp.venues.instruments import Instrument
from alp.venues.signing import Nonces, SignedRequest


class Action(IntEnum):
    """What is asked of a venue; numbers as on the bus."""

    NEW = 1
    AMEND = 2
    CANCEL = 3


class TimeInForce(IntEnum):
    """How long an order stays; numbers as on the bus."""

    GTC = 1
    IOC = 2
    FOK = 3


class Policy(StrEnum):
    """What to do about a venue's error; the table of each venue's codes is in its adapter."""

    RETRY_NOW = "retry-now"
    """It was not done; the same call may be sent again, once."""
    RETRY_AFTER = "retry-after"
    """It was not done; the venue wants to be left alone for ``retry_ns``."""
    RESYNC_CLOCK = "resync-clock"
    """Measure the venue's clock, or take a new nonce, before anything else is signed."""
    RESYNC_STATE = "resync-state"
    """What is known of orders or of the position is wrong: read them again."""
    REQUOTE = "requote"
    """The price is out of date; decide anew."""
    FIX_CONFIG = "fix-config"
    """The order breaks a rule of the instrument: read the rules again, never repeat it."""
    PAUSE_SIDE = "pause-side"
    """There is nothing left to trade with on this side."""
    PAUSE_SYMBOL = "pause-symbol"
    """The venue does not trade this product now."""
    HALT = "halt"
    """The account cannot act: keys, permissions, a ban."""
    QUERY = "query"
    """Nobody knows whether it was done: ask for the order."""


class Capability(Flag):
    """What a venue can do."""

    NONE = 0
    CANCEL_BY_CLIENT_ID = auto()
    CANCEL_ALL_SYMBOL = auto()
    CANCEL_ALL_ACCOUNT = auto()
    DEAD_MAN_SYMBOL = auto()
    DEAD_MAN_ACCOUNT = auto()
    AMEND_PRICE = auto()
    AMEND_MORE = auto()
    """An amend may raise the quantity."""
    AMEND_LESS = auto()
    AMEND_KEEPS_PRIORITY = auto()
    """Of an amend to less at the same price."""
    SOCKET_ORDERS = auto()
    """Orders may be sent on a WebSocket."""
    REDUCE_ONLY = auto()
    FILLS_STREAMED = auto()
    """The private stream has every trade with its id; otherwise only running totals."""
    BALANCES_STREAMED = auto()
    POSITIONS = auto()
    """The venue keeps positions; otherwise they are balances."""
    ONE_AT_A_TIME = auto()
    """Requests by REST must arrive in the order of their nonces: the next waits for the answer."""


WEIGHT, ORDERS = "weight-1m", "orders-10s"
"""Names in ``Outcome.spent`` by which :class:`alp.venues.account.rates.OrderRates` is corrected."""


@dataclass(frozen=True, slots=True)
class Command:
    """One thing to be done to one order, as the gate approved it.

    Attributes
    ----------
    venue_id
        The venue's id of the order; empty as long as it is not known.
    price
        Ticks of the instrument's price grid.
    quantity
        Lots of its order grid: of the whole order, also in an amend.
    number
        Of the amend or cancel, see :class:`alp._core.order_life.OrderEvent`; 0 for a new order.
    filled
        Lots known to be filled; some venues want what is left.
    sent_ns
        When the order was sent, the venue's time; 0: not known. It bounds how far back an order is
        looked for, and some venues count commands by an order's age.
    """

    action: Action
    instrument: Instrument
    client_id: str
    venue_id: str = ""
    side: int = 0
    price: int = 0
    quantity: int = 0
    time_in_force: TimeInForce = TimeInForce.GTC
    post_only: bool = True
    reduce_only: bool = False
    number: int = 0
    filled: int = 0
    sent_ns: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Call:
    """What is sent for one or more commands, or to ask for something.

    Attributes
    ----------
    name
        For logs and metrics: ``new``, ``cancel``, ``open-orders``.
    request
        By REST; or
    message
        on a WebSocket, whose answer is known by
    reference
        this text.
    commands
        What it does; none where it only asks.
    weight, orders
        What it costs by the venue's count of requests, and of orders.
    context
        What its reader needs to know beside the answer.
    """

    name: str
    request: SignedRequest | None = None
    message: bytes | None = None
    reference: str = ""
    commands: tuple[Command, ...] = ()
    weight: int = 1
    orders: int = 0
    context: str = ""

    def __repr__(self) -> str:
        return f"Call({self.name}, {self.request or self.reference})"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. ``status`` is 0 on a WebSocket."""

    body: bytes
    status: int = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    received_ns: int = 0


class FactTerms(TypedDict):
    """What a fact says, as the table of orders and the journal take it alike."""

    at_ns: int
    command: int
    price: int
    quantity: int
    cumulative: int
    trade_id: str
    reason: int
    venue_id: str
    replaced: str


@dataclass(frozen=True, slots=True)
class Fact:
    """What a venue said of one order; the members are those of ``OrderTable.apply``.

    Attributes
    ----------
    client_id
        Empty where the venue named only its own id.
    symbol
        As orders write it.
    command
        Of an amend or cancel; 0 in a stream, which does not say it: the account session knows which
        of those under way has these terms. Of ``FOUND`` in a stream: 0, it answers no command.
    fee
        10⁻⁸ of ``fee_asset``, positive when paid.
    more_fees
        What the same trade cost in other assets: asset and amount of each.
    liquidity
        1 maker, 2 taker, 0 not said.
    at_ns
        The venue's time, nanoseconds UTC; 0: not said.
    source
        Which way it came; None as long as nobody said it.
    """

    kind: OrderEvent
    client_id: str
    venue_id: str = ""
    symbol: str = ""
    command: int = 0
    price: int = 0
    quantity: int = 0
    cumulative: int = -1
    trade_id: str = ""
    reason: RejectReason = RejectReason.NONE
    replaced: str = ""
    side: int = 0
    fee: int = 0
    fee_asset: str = ""
    liquidity: int = 0
    at_ns: int = 0
    more_fees: tuple[tuple[str, int], ...] = ()
    source: FactSource | None = None

    def terms(self, at_ns: int) -> FactTerms:
        """Return the arguments of ``OrderTable.apply`` after id and kind; heard at this time."""
        return {
            "at_ns": at_ns,
            "command": self.command,
            "price": self.price,
            "quantity": self.quantity,
            "cumulative": self.cumulative,
            "trade_id": self.trade_id,
            "reason": int(self.reason),
            "venue_id": self.venue_id,
            "replaced": self.replaced,
        }


@dataclass(frozen=True, slots=True)
class LiveOrder:
    """An order that a venue says is open; prices and quantities as in :class:`Command`."""

    client_id: str
    venue_id: str
    symbol: str
    side: int
    price: int
    quantity: int
    filled: int
    at_ns: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has of an asset, 10⁻⁸ of it each."""

    asset: str
    total: int
    available: int | None = None


@dataclass(frozen=True, slots=True)
class PositionNews:
    """A position as the venue keeps it: signed lots, entry price in ticks."""

    symbol: str
    quantity: int
    entry_price: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an answer says.

    Attributes
    ----------
    facts
        In order; a call for n commands tells of each.
    policy
        None where nothing is wrong.
    retry_ns
        How long the venue wants to be left alone.
    text
        The venue's own words, in brief.
    spent
        The venue's counters as it reported them: name to what is used of it; :data:`WEIGHT` and
        :data:`ORDERS` where it has these, others as it calls them.
    """

    facts: tuple[Fact, ...] = ()
    policy: Policy | None = None
    retry_ns: int = 0
    text: str = ""
    spent: Mapping[str, int] = field(default_factory=dict)
    orders: tuple[LiveOrder, ...] = ()
    balances: tuple[Balance, ...] = ()
    positions: tuple[PositionNews, ...] = ()
    more: Callable[[Signer], Call] | None = None
    """Makes the call for the next page, where there is one; it is signed when it is sent."""
    venue_ns: int = 0
    """The venue's clock, where the answer tells it."""
    permissions: frozenset[str] = frozenset()
    """``trade``, ``withdraw``, ``read``, ``cancel`` where a venue tells it apart: of an answer to
    :meth:`OrderAdapter.permissions`.

    ``text`` is then why nobody knows whether the key may withdraw; empty where that is known.
    """


@dataclass(frozen=True, slots=True)
class StreamNews:
    """What one message of a private stream says.

    Attributes
    ----------
    replies
        Messages to be sent on this connection.
    ready
        Everything was subscribed to.
    lost
        Why the stream can no longer be believed: it is opened anew, and orders are queried.
    reference
        Of the call that this message answers.
    """

    facts: tuple[Fact, ...] = ()
    balances: tuple[Balance, ...] = ()
    positions: tuple[PositionNews, ...] = ()
    replies: tuple[bytes, ...] = ()
    ready: bool = False
    lost: str = ""
    reference: str = ""


@dataclass(frozen=True, slots=True)
class StreamPlan:
    """One WebSocket of an account. Nanoseconds.

    Attributes
    ----------
    opening
        Messages to send when it is open.
    renew_ns
        How often the key that opened it is renewed, see :meth:`OrderAdapter.stream_key`; 0: never.
    lifetime_ns
        It is replaced before it is this old; 0: never.
    silence_ns
        Without any frame for so long it is dead.
    ping, ping_ns
        Message to send so often; none where the venue pings.
    """

    url: str
    opening: tuple[bytes, ...] = ()
    renew_ns: int = 0
    lifetime_ns: int = 0
    silence_ns: int = 60 * 10**9
    ping: bytes | None = None
    ping_ns: int = 0


@dataclass(frozen=True, slots=True)
class Signer:
    """What signing needs; clocks and nonces are injected.

    Attributes
    ----------
    now_ns
        The venue's time as well as it is known, nanoseconds UTC.
    """

    credentials: Credentials
    now_ns: Callable[[], int]
    nonces: Nonces
    random_hex: Callable[[], str]


class StreamReader(Protocol):
    """Reads the messages of one connection; it keeps what the venue numbers on it."""

    def read(self, message: bytes) -> StreamNews:
        """Return what a message says.

        Raises
        ------
        VenueError
            If it is none that the venue sends; nothing of it counts.
        """
        ...


class OrderAdapter(Protocol):
    """The private side of one exchange. Every method is pure but for the signer's clock."""

    exchange: str
    endpoints: Endpoints
    """Where it is; requests go to ``rest`` and their target."""
    capabilities: Capability
    most_in_batch: Mapping[Action, int]
    """How many commands one call takes; 1 where it is not named."""
    weight_per_minute: int
    orders_per_10s: int
    not_found_ns: int
    """How long after it was sent an order may not be found although it was accepted."""
    dead_man_ns: int
    """The timer alp sets where there is one, 0 elsewhere; it is refreshed at a third of it."""

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of commands of one action, one product and at most a batch of them.

        Raises
        ------
        ConfigError
            If the venue cannot do this: what its capabilities leave out, or a command that needs
            the venue's id of an order where it is not known yet; such an order is queried first.
        """
        ...

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        """Return the call that cancels everything of a product, or of the account."""
        ...

    def query(self, command: Command, signer: Signer) -> Call:
        """Ask for one order by its ids; the answer has ``FOUND``, an end, or ``NOT_FOUND``."""
        ...

    def whose(self, instrument: Instrument, venue_id: str, signer: Signer) -> Call | None:
        """Ask for the client's id of an order by the venue's.

        The answer's ``Outcome.text`` is that id, empty where the order has none or is not there.
        None: the venue's list of trades names it, so that a trade without one is nobody's here.
        """
        ...

    def open_orders(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        """Ask for what is open."""
        ...

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        """Ask for our trades since a time; the answer's facts are fills."""
        ...

    def account(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        """Ask for balances and positions."""
        ...

    def permissions(self, signer: Signer) -> Call | None:
        """Ask what the key may do; None where the venue does not say."""
        ...

    def time(self) -> Call:
        """Ask for the venue's clock."""
        ...

    def dead_man(
        self, instrument: Instrument | None, timeout_ns: int, signer: Signer
    ) -> Call | None:
        """Set the venue's timer, or end it with 0; None where it has none."""
        ...

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        """Read the answer to one of the calls above; instruments by their orders' symbol.

        An answer that cannot be read is not an error: the outcome's policy is ``QUERY`` and its
        facts say that the commands' ends are unknown.
        """
        ...

    def stream(self, signer: Signer, key: str) -> StreamPlan:
        """Return how the private stream is opened; `key` is what :meth:`stream_key` gave."""
        ...

    def stream_key(self, signer: Signer, key: str) -> Call | None:
        """Ask for, or renew, what opens the stream: a listenKey, a token; None: nothing does.

        The answer's ``Outcome.text`` is the key. `key` is the one to renew, or empty.
        """
        ...

    def order_socket(self, signer: Signer, key: str) -> StreamPlan | None:
        """Return how the WebSocket for orders is opened; None where there is none."""
        ...

    def reader(self, signer: Signer, instruments: Mapping[str, Instrument]) -> StreamReader:
        """Return a reader for a new connection, of the private stream or of the order socket."""
        ...
