"""A publisher with a memory, and a subscriber that knows what it missed.

Market data and state go out by PUB/SUB: whoever is slow loses messages at the high-water mark and
sees it by the sequence numbers. Beside it a ROUTER answers whoever comes late, or has missed
something, with the last message of every topic. All state on the bus is absolute, so the newest
message of a topic is all that a reader needs.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import zmq

from alp._core.outlet import Inlet, Outlet
from alp.bus import native
from alp.errors import ConfigError

HIGH_WATER = 100_000
"""Messages that wait for one slow subscriber before it loses some."""
KEY_LENGTH = 40
GUARDED = "alp"
"""Domain of guarded sockets; without a guard in their context nobody connects to them."""


@dataclass(frozen=True)
class CurveKeys:
    """A key pair of CurveZMQ, Z85 text of 40 characters each, and whom it speaks with.

    Attributes
    ----------
    server
        Public key of those to connect to; None where nothing is connected.
    clients
        Public keys of those who may connect, as a :class:`alp.bus.guard.Guard` of the context
        knows them; None lets everybody in who knows the public key of this side.
    """

    public: bytes
    secret: bytes = field(repr=False)
    server: bytes | None = None
    clients: frozenset[bytes] | None = None

    def __post_init__(self) -> None:
        named = [("public", self.public), ("secret", self.secret), ("server", self.server)]
        named += [("client's", each) for each in self.clients or ()]
        for name, key in named:
            if key is not None and len(key) != KEY_LENGTH:
                raise ConfigError(f"the bus's {name} key is not {KEY_LENGTH} characters of Z85")

    def serve(self, socket: zmq.Socket[Any]) -> None:
        """Encrypt a socket that binds, and guard it where clients are named."""
        socket.curve_server = True
        if self.clients is not None:
            socket.zap_domain = GUARDED.encode()
            socket.setsockopt(zmq.ZAP_ENFORCE_DOMAIN, 1)
        socket.curve_publickey, socket.curve_secretkey = self.public, self.secret

    def join(self, socket: zmq.Socket[Any]) -> None:
        """Encrypt a socket that connects.

        Raises
        ------
        ConfigError
            If the server's key is not known.
        """
        if self.server is None:
            raise ConfigError("connecting to an encrypted bus needs the server's public key")
        socket.curve_publickey, socket.curve_secretkey = self.public, self.secret
        socket.curve_serverkey = self.server


class Publisher:
    """Binds the two sockets of a source of messages.

    Parameters
    ----------
    endpoint, recall_endpoint
        Where to bind PUB and ROUTER, ``ipc://…`` or ``tcp://…``.
    source
        This component's number on the bus.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        endpoint: str,
        recall_endpoint: str,
        source: int,
        curve: CurveKeys | None = None,
        high_water: int = HIGH_WATER,
    ) -> None:
        self._pub = context.socket(zmq.PUB)
        self._router = context.socket(zmq.ROUTER)
        for socket in (self._pub, self._router):
            socket.linger = 0
            if curve is not None:
                curve.serve(socket)
        self._pub.sndhwm = high_water
        try:
            self._pub.bind(endpoint)
            self._router.bind(recall_endpoint)
        except zmq.ZMQError as error:
            self.close()
            raise ConfigError(f"cannot publish on {endpoint}: {error.strerror}") from error
        self.outlet = Outlet(native.functions(), self._pub.underlying, source)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self, linger_ms: int = 0) -> None:
        """Close both sockets; nothing may be sent afterwards.

        Parameters
        ----------
        linger_ms
            How long what was sent may still take to leave.
        """
        self._pub.close(linger_ms)
        self._router.close()

    @property
    def endpoints(self) -> tuple[str, str]:
        """Where the sockets are bound; tells the port that ``tcp://…:*`` got."""
        return (
            self._pub.getsockopt_string(zmq.LAST_ENDPOINT),
            self._router.getsockopt_string(zmq.LAST_ENDPOINT),
        )

    def publish(self, message: bytes) -> bool:
        """Send an encoded message; False where it was dropped."""
        return self.outlet.publish(message)

    @property
    def recall_socket(self) -> zmq.Socket[bytes]:
        """To poll; :meth:`answer` when it is readable."""
        return self._router

    def answer(self) -> int:
        """Answer those who asked for the last messages; return how many did."""
        asked = 0
        while True:
            try:
                peer, *prefixes = self._router.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                return asked
            asked += 1
            found = dict.fromkeys(
                message for prefix in prefixes for message in self.outlet.last(prefix)
            )
            with suppress(zmq.ZMQError):  # whoever asked may be gone
                self._router.send_multipart([peer, *found, b""], zmq.DONTWAIT)


class Subscriber:
    """Connects to sources and keeps count of what it misses.

    Parameters
    ----------
    topics
        Prefixes of messages to receive; ``b""`` for all.
    """

    def __init__(
        self,
        context: zmq.Context[zmq.Socket[bytes]],
        sources: Sequence[tuple[str, str]],
        topics: Sequence[bytes] = (b"",),
        curve: CurveKeys | None = None,
        high_water: int = HIGH_WATER,
    ) -> None:
        self._topics = tuple(topics)
        self._sub = context.socket(zmq.SUB)
        self._sub.linger = 0
        self._sub.rcvhwm = high_water
        self._dealers = []
        for topic in self._topics:
            self._sub.subscribe(topic)
        if curve is not None:
            curve.join(self._sub)
        for endpoint, recall in sources:
            self._sub.connect(endpoint)
            dealer = context.socket(zmq.DEALER)
            dealer.linger = 0
            if curve is not None:
                curve.join(dealer)
            dealer.connect(recall)
            self._dealers.append(dealer)
        self.inlet = Inlet(native.functions(), self._sub.underlying)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets."""
        self._sub.close()
        for dealer in self._dealers:
            dealer.close()

    @property
    def socket(self) -> zmq.Socket[bytes]:
        """To poll."""
        return self._sub

    def recall(self, timeout_ms: int = 2_000) -> list[bytes]:
        """Ask every source for the last messages of the topics; return those that are news.

        To be called after connecting, and whenever `gaps` or `restarts` of the inlet have risen.
        Messages that arrive meanwhile wait in the socket; older ones among them are dropped.

        Raises
        ------
        TimeoutError
            If a source does not answer in time.
        """
        for dealer in self._dealers:
            while dealer.poll(0):  # an answer that came too late the last time
                dealer.recv_multipart()
            dealer.send_multipart(self._topics)
        news = []
        for dealer in self._dealers:
            if not dealer.poll(timeout_ms):
                raise TimeoutError(f"a source of the bus did not answer in {timeout_ms} ms")
            *messages, _ = dealer.recv_multipart()
            news += [message for message in messages if self.inlet.note(message)]
        return news

    def take(self) -> bytes | None:
        """Return the next message; None where none waits, or it is older than what is known."""
        return self.inlet.take()

    def drain(self) -> list[bytes]:
        """Return the last message of each topic among all that wait."""
        return self.inlet.drain()
