"""The server of one exchange: REST and WebSockets, and everything that can go wrong.

::

    async with Exchange(Binance([Market.made_up("ETHUSDC")])) as exchange:
        adapter = adapter_for("binance-usdm", exchange.endpoints)

Markets stand still until somebody subscribes to a book or trades. Then the source plays, where
there is one; after it ``rate`` events a second happen in each of these markets, or, with a rate of
0, those of ``step``. What goes wrong is in ``script``, by the number of the connection and of the
book messages that it has been sent, or is done at once by ``apply``.
"""

from __future__ import annotations

import asyncio
import ssl
import struct
import time
from collections import Counter
from typing import Any, Self

import orjson
from aiohttp import WSMsgType, web

from alp.paper import control as controlling
from alp.paper.connection import CLOSE_FRAME, PING_FRAME, PONG_FRAME, Connection
from alp.paper.faults.script import Act, Fault, Script
from alp.paper.market import Event, Market
from alp.paper.private_server import Lost, PrivateServer
from alp.paper.protocol import QUOTE, TRADE, Peer, Protocol, Reply
from alp.paper.source import Source
from alp.venues.adapter import Endpoints

TICK_S = 0.005
BEAT_S = 0.05
MOST_UNSENT = 1 << 22
"""Bytes that may wait for a slow reader before the market waits as well."""
SLOW_S = 10.0
"""A reader that was too slow for so long is cut off, so that others go on."""
WIDE = ("0.0.0.0", "::")  # noqa: S104 - compared with, not bound
POLICY = 1008
"""Code of a close frame: the client does not do what it should."""


class Exchange:
    """The server.

    Parameters
    ----------
    rate
        Events a second in each market; 0: only :meth:`step` moves them.
    source
        What happens first.
    heartbeat_s, ping_s
        How often the venue sends its heartbeats, and WebSocket pings; 0: never.
    tls
        The server's side, see :func:`alp.paper.certificate.certificate`; plain by default.
    host, port
        Where it listens; port 0 is a free one.
    control
        Whether requests below ``/-/`` are answered, see :mod:`alp.paper.control`.

    Attributes
    ----------
    opened, requests, subscriptions
        Connections so far; requests by path; subscribing messages by channel.
    snapshots
        Books asked for by REST.
    too_fast
        Messages above what the venue allows in a second.
    cut_off
        Connections ended because their readers were too slow.
    private
        Does what has to do with accounts, where they are simulated.
    """

    def __init__(
        self,
        protocol: Protocol,
        *,
        rate: float = 200.0,
        source: Source | None = None,
        script: Script | None = None,
        heartbeat_s: float = 1.0,
        ping_s: float = 20.0,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        control: bool = False,
    ) -> None:
        self.protocol = protocol
        self.rate = rate
        self.control = control
        self.script = script or Script()
        self.opened = 0
        self.snapshots = 0
        self.too_fast = 0
        self.cut_off = 0
        self.requests: Counter[str] = Counter()
        self.subscriptions: Counter[str] = Counter()
        self.connections: dict[int, Connection] = {}
        self.private: PrivateServer | None = None
        if protocol.private is not None:
            self.private = PrivateServer(
                protocol, protocol.private, lambda: self.script, self.connections
            )
        self._source = source
        self._heartbeat_s, self._ping_s = heartbeat_s, ping_s
        self._tls = tls
        self._begun: set[str] = set()
        self._runner: web.AppRunner | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._host, self._port = host, port

    @property
    def _address(self) -> str:
        host = "127.0.0.1" if self._host in WIDE else self._host
        return f"{f'[{host}]' if ':' in host else host}:{self._port}"

    @property
    def rest_url(self) -> str:
        """Base URL of REST."""
        return f"http{'s' if self._tls else ''}://{self._address}"

    @property
    def stream_url(self) -> str:
        """Base URL of WebSockets."""
        return f"ws{'s' if self._tls else ''}://{self._address}"

    @property
    def endpoints(self) -> Endpoints:
        """Both, as adapters take them."""
        return Endpoints(self.rest_url, self.stream_url)

    @property
    def name(self) -> str:
        """As manifests write it."""
        return self.protocol.exchange

    @property
    def markets(self) -> dict[str, Market]:
        """Its products by name."""
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
        """Listen; after :meth:`stop`, on the same port again.

        Raises
        ------
        OSError
            If it cannot listen there.
        """
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._request)
        self._runner = web.AppRunner(application, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(
            self._runner, self._host, self._port, ssl_context=self._tls, reuse_address=True
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

    async def served(self) -> None:
        """Wait until it fails; it does not end by itself.

        Raises
        ------
        DataError
            If its source cannot go on.
        """
        await asyncio.gather(*self._tasks)

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
                    self._happen(market, None)

    def happen(self, symbol: str, event: Event) -> None:
        """Let an event happen in a market and tell who subscribed to it."""
        self._happen(self.markets[symbol], event)

    def _happen(self, market: Market, event: Event | None) -> None:
        before = market.book.touch()
        if event is None:
            market.step()
        else:
            market.happen(event)
        quoted = market.book.touch() not in (before, None)
        if market.changes:
            self.protocol.happened(market)
        for connection in list(self.connections.values()):
            if market.changes:
                connection.offer(self.protocol, market, self.script)
            if quoted and connection.wants(QUOTE, market):
                connection.send(self.protocol.quote(connection.peer, market))
            if market.made and connection.wants(TRADE, market):
                for made in market.made:
                    connection.send(self.protocol.trade(connection.peer, market, made))
            if connection.peer.others and not connection.silent:
                for message in self.protocol.others(connection.peer, market):
                    connection.send(message)
        if self.private is not None and self.protocol.private is not None:
            self.protocol.private.desk.happened(market)
            self.private.flush()

    def _is_full(self) -> bool:
        return any(each.unsent > MOST_UNSENT for each in self.connections.values())

    async def room(self) -> None:
        """Wait until every reader has taken most of what was sent."""
        while self._is_full():
            await asyncio.sleep(TICK_S)

    async def _play(self) -> None:
        while not self._begun:
            await asyncio.sleep(TICK_S)
        if self._source is not None:
            await self._source.play(self)
        await self._make_up()

    async def _make_up(self) -> None:
        owed = 0.0
        then = time.monotonic()
        while True:
            await asyncio.sleep(TICK_S)
            now = time.monotonic()
            owed = min(owed + (now - then) * self.rate, 0.25 * self.rate + 1)
            then = now
            if self._is_full():
                continue
            events, owed = int(owed), owed % 1
            for symbol in sorted(self._begun):
                self.step(events, symbol)

    async def _beat(self) -> None:
        beaten = pinged = time.monotonic()
        while True:
            await asyncio.sleep(BEAT_S)
            now = time.monotonic()
            if self.private is not None:
                self.private.beat()
            beat = self._heartbeat_s and now - beaten >= self._heartbeat_s
            ping = self._ping_s and now - pinged >= self._ping_s
            beaten, pinged = now if beat else beaten, now if ping else pinged
            for connection in list(self.connections.values()):
                self._cut_off_slow(connection, now)
                message = self.protocol.beat(connection.peer) if beat else None
                if message is not None:
                    connection.send(message)
                if ping:
                    connection.control(PING_FRAME, b"alive")

    def _cut_off_slow(self, connection: Connection, now: float) -> None:
        if connection.unsent <= MOST_UNSENT:
            connection.slow_since = None
            return
        connection.slow_since = connection.slow_since or now
        if now - connection.slow_since > SLOW_S:
            self.cut_off += 1
            connection.drop()

    async def _request(self, request: web.Request) -> web.StreamResponse:
        if request.headers.get("Upgrade", "").lower() == "websocket":
            return await self._stream(request)
        if self.control and request.path.startswith(controlling.PREFIX):
            body = await request.read()
            return _response(controlling.answer(self, request.method, request.path, body))
        self.requests[request.path] += 1
        planned = self.script.answer(request.path)
        if planned is not None:
            return web.Response(status=planned.status, headers=planned.headers, text="planned")
        if self.private is not None:
            try:
                reply = await self.private.answer(request)
            except Lost:
                if request.transport is not None:
                    request.transport.abort()
                return web.Response(status=503)
            self._begin_traded()
            if reply is not None:
                return _response(reply)
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
        if transport is None:
            return socket  # gone already
        self.opened += 1
        peer = Peer(request.path, dict(request.query), address=request.remote or "")
        connection = Connection(self.opened, peer, transport)
        self.connections[connection.number] = connection
        try:
            for message in self.protocol.greet(peer):
                connection.send(message)
            if self.protocol.private is not None:
                for message in self.protocol.private.opened(peer):
                    connection.send(message)
            self._begin(connection)
            await self._serve(connection, socket)
        finally:
            self.connections.pop(connection.number, None)
            if self.protocol.private is not None:
                self.protocol.private.closed(peer)
            connection.end()
        return socket

    async def _serve(self, connection: Connection, socket: web.WebSocketResponse) -> None:
        within = self.protocol.subscribe_within_s or None
        while True:
            try:
                message = await socket.receive(timeout=within)
            except TimeoutError:
                connection.control(CLOSE_FRAME, struct.pack(">H", POLICY))
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
            message: Any = orjson.loads(data)
        except ValueError:
            message = {}
        message = message if type(message) is dict else {}
        if self.private is not None and self.private.take(connection, message, data):
            self._begin_traded()
            return
        before = set(connection.peer.subscribed)
        for reply in self.protocol.take(connection.peer, message):
            connection.send(reply)
        after = connection.peer.subscribed
        connection.silent &= after & before
        self.subscriptions.update(channel for channel, _ in after - before)
        self._begin(connection)

    def _begin(self, connection: Connection) -> None:
        peer = connection.peer
        self._begun |= {symbol for _, symbol in peer.subscribed}
        others = {name.partition("@")[0].upper() for name in peer.others}
        self._begun |= others & self.markets.keys()

    def _begin_traded(self) -> None:
        if self.protocol.private is not None:
            self._begun |= self.protocol.private.desk.traded


def _response(reply: Reply) -> web.Response:
    return web.Response(
        status=reply.status,
        body=reply.body,
        headers=dict(reply.headers),
        content_type="application/json",
    )
