"""What every exchange's market data has to say of itself, so that one session serves them all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Flag, auto
from typing import Protocol

from alp.venues.http import Http
from alp.venues.instruments import Instrument

SECOND = 10**9


class Channel(Flag):
    """A kind of market data."""

    BOOK = auto()
    QUOTE = auto()
    TRADE = auto()


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Base URLs of a venue, without a slash at the end; a manifest may name others.

    Attributes
    ----------
    stream
        WebSockets of market data.
    orders
        WebSockets of orders, and of the account where these are elsewhere than market data.
    """

    rest: str
    stream: str
    orders: str = ""


@dataclass(frozen=True, slots=True)
class Socket:
    """One WebSocket that an exchange's data needs.

    Attributes
    ----------
    name
        For logs and metrics: ``public``.
    subscribe
        Messages to send when it is open, in order.
    """

    name: str
    url: str
    channels: Channel
    subscribe: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Manners:
    """How a venue wants its connections treated, and how its silence is to be read. Nanoseconds.

    Attributes
    ----------
    lifetime_ns
        A connection is replaced before it is this old; 0 where the venue does not close it.
    silence_ns
        Without any frame, pings included, for so long a connection is dead.
    channel_silence_ns
        Without news of a book for so long its channel is taken for dead and subscribed again,
        although the connection lives.
    ping, ping_ns
        Message to send so often; none where the venue pings.
    messages_per_second
        Most that a client may send on one connection.
    connects_per_minute
        Connections that alp allows itself to open, at once or in time.
    """

    lifetime_ns: int
    silence_ns: int
    channel_silence_ns: int
    ping: bytes | None = None
    ping_ns: int = 0
    messages_per_second: int = 5
    connects_per_minute: int = 30


class MarketAdapter(Protocol):
    """The public side of one exchange."""

    exchange: str
    """As the manifest writes it."""
    feed: str
    """Its feed handler, see :data:`alp._core.feed.VENUES`."""
    depth: int
    """Levels of each side that the venue keeps up to date; 0 for all."""
    manners: Manners
    rest_snapshots: bool
    """Whether books begin with an answer by REST."""
    weight_per_minute: int
    """What the venue allows one address, by its own count of requests."""
    endpoints: Endpoints
    """Where it is."""

    def sockets(self, instruments: Sequence[Instrument], channels: Channel) -> list[Socket]:
        """Return the connections that carry these channels of these products."""
        ...

    def resubscribe(self, instrument: Instrument) -> tuple[bytes, ...]:
        """Return the messages that make the venue send a book anew; empty: connect again."""
        ...

    async def snapshot(self, http: Http, instrument: Instrument) -> bytes:
        """Return a book as a message that the feed handler reads.

        Raises
        ------
        VenueError
            If the venue does not give it; its ``retry_ns`` says when to ask again.
        """
        ...

    async def instruments(self, http: Http, symbols: Sequence[str]) -> list[Instrument]:
        """Return the products with these symbols, in this order.

        Raises
        ------
        VenueError
            If the venue cannot be asked, or answers what it should not.
        ConfigError
            If it does not know one.
        """
        ...
