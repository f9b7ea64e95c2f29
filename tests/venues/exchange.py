"""An exchange on localhost: REST and WebSocket of one venue, and everything that can go wrong.

::

    async with Exchange(Binance([Market.made_up("ETHUSDC")])) as exchange:
        adapter = adapter_for("binance-usdm", exchange.endpoints)

Markets stand still until somebody subscribes to a book; then ``rate`` events a second happen in
each, or, with a rate of 0, those of ``step``. What goes wrong is in ``script``, by the number of
the connection and of the book messages that it has been sent, or is done at once by ``apply``.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import struct
import time
from collections import Counter, deque
from collections.abc import Coroutine
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Self

from aiohttp import WSMsgType, web
from markets import Market
from protocols import BOOK, QUOTE, TRADE, Peer, Protocol

from alp.venues.adapter import Endpoints

TICK_S = 0.005
TRADE_EVERY = 7
"""Events of a book for each made-up trade."""
MOST_UNSENT = 1 << 22
"""Bytes that may wait for a slow reader before the market waits as well."""
TEXT_FRAME, CONTINUATION, CLOSE_FRAME, PING_FRAME, PONG_FRAME = 1, 0, 8, 9, 10


class Fault(StrEnum):
    """What can happen to a connection."""

    CLOSE = auto()
    """The venue closes it, with ``code``."""
    DROP = auto()
    """The TCP connection is reset: no close frame."""
    HALF_OPEN = auto()
    """Nothing is read or written any more, and the socket stays."""
    SILENCE = auto()
    """No more data of what is subscribed to; heartbeats, pings and pongs go on, and a new
    subscription ends it."""
    GAP = auto()
    """``count`` book messages are not sent."""
    CHECKSUM = auto()
    """``count`` book messages have a wrong checksum (Kraken)."""
    TRICKLE = auto()
    """Everything from now on comes in writes of ``size`` bytes."""
    FRAGMENT = auto()
    """Every message from now on comes in frames of ``size`` bytes."""
    GARBAGE = auto()
    """A message that is no JSON."""
    SHUTDOWN = auto()
    """Binance's word that it will close the connection."""


@dataclass(frozen=True)
class Act:
    """A fault and what it needs."""

    fault: Fault
    code: int = 1000
    count: int = 1
    size: int = 64


@dataclass
class Script:
    """What goes wrong when."""

    acts: dict[tuple[int, int], list[Act]] = field(default_factory=dict)
    answers: deque[tuple[str, int, dict[str, str]]] = field(default_factory=deque)

    def at(self, connection: int, sent: int, fault: Fault, **more: int) -> Self:
        """Let a fault happen to a connection (from 1) before its next book message after `sent`."""
        self.acts.setdefault((connection, sent), []).append(Act(fault, **more))
        return self

    def rest(
        self, status: int, *, times: int = 1, path: str = "", retry_after_s: int | None = None
    ) -> Self:
        """Answer the next requests whose path has `path` in it with a status that is no success."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self.answers.extend([(path, status, headers)] * times)
        return self

    def answer(self, path: str) -> tuple[int, dict[str, str]] | None:
        """Take the status with which a request is answered."""
        for planned in self.answers:
            if planned[0] in path:
                self.answers.remove(planned)
                return planned[1:]
        return None


def _frame(data: bytes, opcode: int, *, last: bool = True) -> bytes:
    head = bytes([(0x80 if last else 0) | opcode])
    if len(data) < 126:
        return head + bytes([len(data)]) + data
    if len(data) < 1 << 16:
        return head + b"\x7e" + struct.pack(">H", len(data)) + data
    return head + b"\x7f" + struct.pack(">Q", len(data)) + data


class Connection:
    """One WebSocket. Frames are written by hand, so that they can be written badly."""

    def __init__(self, number: int, peer: Peer, transport: asyncio.Transport) -> None:
        self.number = number
        self.peer = peer
        self.sent = 0
        """Book messages, those left out included."""
        self.messages = 0
        """Of every kind."""
        self.is_half_open = False
        self.silent: set[tuple[str, str]] = set()
        self.received: deque[float] = deque(maxlen=100)
        self._transport = transport
        self._gap = self._spoil = 0
        self._fragment = self._trickle = 0
        self._waiting: asyncio.Queue[bytes] = asyncio.Queue()
        self._trickling: asyncio.Task[None] | None = None

    @property
    def unsent(self) -> int:
        """Bytes that the reader has not taken yet."""
        return self._transport.get_write_buffer_size()

    def send(self, data: bytes) -> None:
        """Send a text message."""
        self.messages += 1
        size = self._fragment
        if not size or len(data) <= size:
            self._write(_frame(data, TEXT_FRAME))
            return
        for at in range(0, len(data), size):
            opcode = CONTINUATION if at else TEXT_FRAME
            self._write(_frame(data[at : at + size], opcode, last=at + size >= len(data)))

    def control(self, opcode: int, data: bytes = b"") -> None:
        """Send a ping, a pong or a close frame."""
        self._write(_frame(data, opcode))

    def _write(self, data: bytes) -> None:
        if self.is_half_open or self._transport.is_closing():
            return
        if self._trickle:
            self._waiting.put_nowait(data)
        else:
            self._transport.write(data)

    async def _run_trickle(self) -> None:
        while True:
            data = await self._waiting.get()
            for at in range(0, len(data), self._trickle):
                if not self.is_half_open and not self._transport.is_closing():
                    self._transport.write(data[at : at + self._trickle])
                await asyncio.sleep(0)

    def apply(self, act: Act) -> None:
        """Let a fault happen now."""
        fault = act.fault
        if fault is Fault.CLOSE:
            self.control(CLOSE_FRAME, struct.pack(">H", act.code))
            asyncio.get_running_loop().call_later(0.1, self._transport.close)
        elif fault is Fault.DROP:
            self.drop()
        elif fault is Fault.HALF_OPEN:
            self.is_half_open = True
            self._transport.pause_reading()  # type: ignore[attr-defined]
        elif fault is Fault.SILENCE:
            self.silent = set(self.peer.subscribed)
        elif fault is Fault.GAP:
            self._gap += act.count
        elif fault is Fault.CHECKSUM:
            self._spoil += act.count
        elif fault is Fault.FRAGMENT:
            self._fragment = act.size
        elif fault is Fault.GARBAGE:
            self.send(b'{"e":"depthUpdate","b":[["1')
        elif fault is Fault.SHUTDOWN:
            told = b'{"e":"serverShutdown","E":1770123456789}'
            self.send(b'{"stream":"!serverShutdown","data":%b}' % told)
        else:
            self._trickle = act.size
            self._trickling = self._trickling or asyncio.create_task(self._run_trickle())

    def drop(self) -> None:
        """Reset the TCP connection."""
        self._transport.abort()

    def end(self) -> None:
        """Leave nothing behind."""
        if self._trickling is not None:
            self._trickling.cancel()
        self._transport.abort()

    def offer(self, protocol: Protocol, market: Market, script: Script) -> None:
        """Send what the last event of a market is to this connection's subscriptions."""
        key = (BOOK, market.symbol)
        if key not in self.peer.subscribed or key in self.silent:
            return
        for act in script.acts.pop((self.number, self.sent), ()):
            self.apply(act)
        if key in self.silent or self._transport.is_closing():
            return
        self.sent += 1
        if self._gap:
            self._gap -= 1
            protocol.lose(self.peer)
            return
        for message in protocol.book(self.peer, market):
            spoilt = protocol.spoil(message) if self._spoil else message
            self._spoil -= spoilt != message
            self.send(spoilt)

    def wants(self, channel: str, market: Market) -> bool:
        """Whether a channel is subscribed to and not silent."""
        key = (channel, market.symbol)
        return key in self.peer.subscribed and key not in self.silent


class Exchange:
    """The server.

    Parameters
    ----------
    rate
        Events a second in each market; 0: only :meth:`step` moves them.
    heartbeat_s, ping_s
        How often the venue sends its heartbeats, and WebSocket pings; 0: never.
    tls
        The server's side, see :func:`certificate`; plain by default.

    Attributes
    ----------
    opened, requests, subscriptions
        Connections so far; requests by path; subscribing messages by channel.
    snapshots
        Books asked for by REST.
    too_fast
        Messages above what the venue allows in a second.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        rate: float = 200.0,
        script: Script | None = None,
        heartbeat_s: float = 1.0,
        ping_s: float = 20.0,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.protocol = protocol
        self.rate = rate
        self.script = script or Script()
        self.opened = 0
        self.snapshots = 0
        self.too_fast = 0
        self.requests: Counter[str] = Counter()
        self.subscriptions: Counter[str] = Counter()
        self.connections: dict[int, Connection] = {}
        self._heartbeat_s, self._ping_s = heartbeat_s, ping_s
        self._tls = tls
        self._begun: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._port = 0

    @property
    def rest_url(self) -> str:
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    @property
    def stream_url(self) -> str:
        return f"ws{'s' if self._tls else ''}://127.0.0.1:{self._port}"

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.rest_url, self.stream_url)

    @property
    def markets(self) -> dict[str, Market]:
        return self.protocol.markets

    @property
    def messages(self) -> int:
        """Sent on the connections that are open."""
        return sum(each.messages for each in self.connections.values())

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; after :meth:`stop`, on the same port again."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._request)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, "127.0.0.1", self._port, ssl_context=self._tls, reuse_address=True
        )
        await site.start()
        self._port = self._runner.addresses[0][1]
        self._tasks = [asyncio.create_task(each) for each in (self._play(), self._beat())]

    async def stop(self) -> None:
        """Be gone, with every connection."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for connection in list(self.connections.values()):
            connection.end()
        if self._runner is not None:
            await self._runner.cleanup()
        self._runner = None

    def halt(self) -> None:
        """Let nothing more happen by itself, heartbeats included; requests are answered."""
        self._heartbeat_s = 0.0
        self._tasks[0].cancel()

    def apply(self, fault: Fault, **more: int) -> None:
        """Let a fault happen to every connection, now."""
        for connection in list(self.connections.values()):
            connection.apply(Act(fault, **more))

    def step(self, events: int = 1, symbol: str | None = None) -> None:
        """Let events happen in one market, or in all."""
        for market in list(self.markets.values()):
            if symbol in (None, market.symbol):
                for _ in range(events):
                    self._happen(market)

    def _happen(self, market: Market) -> None:
        before = market.book.touch()
        market.step()
        quoted = market.book.touch() != before
        made = market.trade() if market.events % TRADE_EVERY == 0 else None
        for connection in list(self.connections.values()):
            connection.offer(self.protocol, market, self.script)
            if quoted and connection.wants(QUOTE, market):
                connection.send(self.protocol.quote(connection.peer, market))
            if made is not None and connection.wants(TRADE, market):
                connection.send(self.protocol.trade(connection.peer, market, made))

    async def _play(self) -> None:
        owed = 0.0
        then = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            owed = min(owed + (now - then) * self.rate, 0.25 * self.rate + 1)
            then = now
            if any(each.unsent > MOST_UNSENT for each in self.connections.values()):
                continue
            events, owed = int(owed), owed % 1
            for symbol in sorted(self._begun):
                self.step(events, symbol)

    async def _beat(self) -> None:
        beaten = pinged = time.monotonic()
        while True:
            await asyncio.sleep(0.05)
            now = time.monotonic()
            if self._heartbeat_s and now - beaten >= self._heartbeat_s:
                beaten = now
                for connection in list(self.connections.values()):
                    message = self.protocol.beat(connection.peer)
                    if message is not None:
                        connection.send(message)
            if self._ping_s and now - pinged >= self._ping_s:
                pinged = now
                for connection in list(self.connections.values()):
                    connection.control(PING_FRAME, b"alive")

    async def _request(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        self.requests[request.path] += 1
        planned = self.script.answer(request.path)
        if planned is not None:
            return web.Response(status=planned[0], headers=planned[1], text="planned by a test")
        if self.protocol.is_snapshot(request.path):
            self.snapshots += 1
        found = self.protocol.rest(request.path, dict(request.query))
        if found is None:
            return web.json_response({"code": -1, "msg": "no such path"}, status=404)
        status, body = found
        return web.Response(status=status, body=body, content_type="application/json")

    async def _stream(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(autoping=False, compress=False)
        await socket.prepare(request)
        transport = request.transport
        assert transport is not None
        self.opened += 1
        peer = Peer(request.path, dict(request.query))
        connection = Connection(self.opened, peer, transport)
        self.connections[connection.number] = connection
        try:
            for message in self.protocol.greet(peer):
                connection.send(message)
            self._begin(connection)
            await self._serve(connection, socket)
        finally:
            self.connections.pop(connection.number, None)
            connection.end()
        return socket

    async def _serve(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        within = self.protocol.subscribe_within_s or None
        while True:
            try:
                message = await socket.receive(timeout=within)
            except TimeoutError:
                connection.control(CLOSE_FRAME, struct.pack(">H", 1008))
                return
            if message.type is WSMsgType.TEXT:
                self._take(connection, message.data)
                within = None
            elif message.type is WSMsgType.PING:
                connection.control(PONG_FRAME, message.data)
            elif message.type is not WSMsgType.PONG:
                return

    def _take(self, connection: Connection, data: str) -> None:
        now = time.monotonic()
        connection.received.append(now)
        if sum(now - at < 1 for at in connection.received) > self.protocol.messages_per_second:
            self.too_fast += 1
        try:
            message: Any = json.loads(data)
        except ValueError:
            message = {}
        before = set(connection.peer.subscribed)
        for reply in self.protocol.take(connection.peer, message):
            connection.send(reply)
        after = connection.peer.subscribed
        connection.silent &= after & before
        self.subscriptions.update(channel for channel, _ in after - before)
        self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        self._begun |= {symbol for channel, symbol in connection.peer.subscribed if channel == BOOK}


def certificate(folder: Any) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for 127.0.0.1; return the server's context and one that trusts it."""
    import subprocess

    key, chain = folder / "key.pem", folder / "certificate.pem"
    subject = ("-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1")
    kind = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2")
    subprocess.run(
        ["openssl", "req", "-x509", *kind, *subject, "-keyout", str(key), "-out", str(chain)],
        check=True,
        capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain, key)
    return server, ssl.create_default_context(cafile=str(chain))


async def until(condition: Any, within_s: float = 15.0) -> None:
    """Wait until a condition holds; a test fails where it does not."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


def run(test: Coroutine[Any, Any, None], within_s: float = 90.0) -> None:
    """Run a test to its end, but not for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(within_s):
            await test

    asyncio.run(bounded())
