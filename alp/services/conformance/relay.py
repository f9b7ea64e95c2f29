"""A relay in front of a venue that cuts connections in the middle of an answer."""

from __future__ import annotations

import asyncio
from typing import Self
from urllib.parse import urlsplit

from alp.services.conformance.world import LeftOut
from alp.venues.adapter import Endpoints

CHUNK = 1 << 16
LONGER = 150
"""Bytes: what is sent at once and is no longer is a ping."""
KEPT = 40
"""Bytes of the answer that still come through."""


class Relay:
    """Passes everything on, until it is armed.

    Attributes
    ----------
    cuts
        Connections cut.
    """

    def __init__(self, endpoints: Endpoints) -> None:
        rest, stream = urlsplit(endpoints.rest), urlsplit(endpoints.stream)
        if (rest.scheme, rest.netloc) != ("http", stream.netloc):
            raise LeftOut("needs a venue without TLS, at one address")
        self._host, self._port = rest.hostname or "", rest.port or 80
        self._armed = False
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    @property
    def endpoints(self) -> Endpoints:
        """Where it is."""
        assert self._server is not None
        port = self._server.sockets[0].getsockname()[1]
        return Endpoints(f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}")

    def arm(self) -> None:
        """Cut the answer to the next request."""
        self._armed = True

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        venue_reader, venue_writer = await asyncio.open_connection(self._host, self._port)
        cut = asyncio.Event()
        ways = [
            asyncio.create_task(self._asked(reader, venue_writer, cut)),
            asyncio.create_task(self._answered(venue_reader, writer, cut)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for each in (writer, venue_writer):
                each.transport.abort()
            self._tasks.discard(task)

    async def _asked(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK):
            if self._armed and len(data) > LONGER:
                self._armed = False
                cut.set()
            writer.write(data)
            await writer.drain()

    async def _answered(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, cut: asyncio.Event
    ) -> None:
        while data := await reader.read(CHUNK):
            if cut.is_set():
                writer.write(data[:KEPT])
                await writer.drain()
                self.cuts += 1
                return
            writer.write(data)
            await writer.drain()
