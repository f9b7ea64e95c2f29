"""A capture's connections, each with the feed handler that would have listened to it live."""

from __future__ import annotations

from collections.abc import Callable

from alp._core.feed import Feed
from alp.recording.captures import REST, Message
from alp.recording.identify import Identity


class Connections:
    """One feed for each connection of a capture.

    Parameters
    ----------
    identity
        Whose messages, which products, and their decimals.
    opened
        Called with each feed that is made.
    """

    def __init__(self, identity: Identity, opened: Callable[[Feed], None] | None = None) -> None:
        self._identity = identity
        self._opened = opened
        # Binance's snapshots come by REST for books whose differences come by WebSocket.
        self._shared = identity.venue.startswith("binance") and not identity.inline
        self._feeds: dict[str, Feed] = {}

    @property
    def feeds(self) -> list[Feed]:
        """Those that got a message so far."""
        return list(self._feeds.values())

    def feed(self, message: Message) -> Feed | None:
        """Return the feed that a message or an event is for, None where it is for none."""
        if message.connection == REST and not self._is_ours(message):
            return None
        name = "" if self._shared else message.connection
        feed = self._feeds.get(name)
        if feed is None:
            identity = self._identity
            feed = self._feeds[name] = Feed(identity.venue, identity.rows(), identity.depth)
            if self._opened is not None:
                self._opened(feed)
        return feed

    def forget(self, message: Message) -> None:
        """Let go of a connection that was closed; should its name come again, it begins anew."""
        self._feeds.pop(message.connection, None)

    def _is_ours(self, answer: Message) -> bool:
        """Whether an answer by REST is about a product that is looked at."""
        return self._shared and (answer.symbol is None or answer.symbol in self._identity.products)

    def text(self, message: Message) -> bytes:
        """Return a message as its feed reads it: an answer by REST does not name its product."""
        if message.symbol is None or message.connection != REST:
            return message.text
        return b'{"stream":"%b@depth","data":%b}' % (message.symbol.lower().encode(), message.text)
