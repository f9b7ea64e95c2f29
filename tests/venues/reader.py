"""The least client: an adapter's sockets into one feed, and a snapshot when it is asked for."""

from __future__ import annotations

import asyncio
import time
from types import TracebackType
from typing import Protocol, Self

import aiohttp

from alp._core.feed import Feed
from alp.venues.adapter import Channel, Endpoints
from alp.venues.http import Budget, Http
from alp.venues.instruments import Instrument
from alp.venues.registry import adapter_for


class Served(Protocol):
    """An exchange, in this process or another."""

    @property
    def name(self) -> str: ...

    @property
    def endpoints(self) -> Endpoints: ...


class Reader:
    """Reads one exchange of the tests into :attr:`feed` without looking after anything."""

    def __init__(
        self,
        exchange: Served,
        symbols: list[str],
        channels: Channel = Channel.BOOK,
        depth: int = 0,
        tls: object = None,
    ) -> None:
        self.adapter = adapter_for(exchange.name, exchange.endpoints)
        if depth:
            self.adapter.depth = depth
        self.symbols = symbols
        self.channels = channels
        self.ended: list[tuple[str, int | None]] = []
        self.pings = 0
        self._tls = tls
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        self.http = Http(self.adapter.endpoints.rest, Budget(10**6, time.monotonic_ns))
        self.client = aiohttp.ClientSession()
        self.instruments = await self.adapter.instruments(self.http, self.symbols)
        self.feed = Feed(
            self.adapter.feed, [each.feed_row for each in self.instruments], self.adapter.depth
        )
        self.sockets = []
        for socket in self.adapter.sockets(self.instruments, self.channels):
            opened = await self.client.ws_connect(socket.url, autoping=False, ssl=self._tls or True)  # type: ignore[arg-type]
            self.sockets.append(opened)
            for message in socket.subscribe:
                await opened.send_str(message.decode())
            self._tasks.append(asyncio.create_task(self._read(socket.name, opened)))
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.client.close()
        await self.http.close()

    async def _read(self, name: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is aiohttp.WSMsgType.PING:
                self.pings += 1
                await socket.pong(message.data)
            elif message.type is aiohttp.WSMsgType.TEXT:
                self.feed.feed(message.data.encode())
        self.ended.append((name, socket.close_code))

    async def synchronise(self, instrument: Instrument) -> None:
        """Ask for a snapshot where books begin with one."""
        if self.adapter.rest_snapshots:
            self.feed.feed(await self.adapter.snapshot(self.http, instrument))

    async def resubscribe(self, instrument: Instrument) -> None:
        """Ask for a book anew."""
        for message in self.adapter.resubscribe(instrument):
            await self.sockets[0].send_str(message.decode())
