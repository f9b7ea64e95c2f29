"""Attached to a running system: its pages and its bus, read again and again into a state."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from typing import Any

import zmq

from alp.bus.listener import Listener
from alp.errors import VenueError
from alp.observe.top import Losses
from alp.watch.pages import facts_of, read_pages
from alp.watch.state import WatchState

PAGES_S = 1.0
BUS_S = 0.05
RECALL_MS = 50
"""While a source does not answer, nothing else is read for so long."""
HIGH_WATER = 2_000
"""Messages that wait for the view; it needs the newest, and what it misses it asks for."""
BOTH = {"publish", "recall"}


class Attached:
    """Reads a system into :attr:`state` while :meth:`run` runs, whether it is there or not.

    Parameters
    ----------
    find
        Returns where the system's page is; None where there is none now.
    what
        The system, as a person calls it.
    clock_ns
        A clock that nobody sets.
    """

    def __init__(
        self,
        find: Callable[[], str | None],
        what: str,
        *,
        clock_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.state = WatchState()
        self.clock_ns = clock_ns
        self._find, self._what = find, what
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._listeners: dict[str, tuple[tuple[str, str], Listener]] = {}
        self._manifest: str | None = None
        self.read_once = asyncio.Event()
        """Set when the pages were asked for the first time, with or without success."""

    async def run(self) -> None:
        """Read until cancelled."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow_pages())
                tasks.create_task(self._follow_bus())
        finally:
            self.close()

    def close(self) -> None:
        """Close all sockets."""
        for _, listener in self._listeners.values():
            listener.close()
        self._listeners.clear()
        self._context.destroy(linger=0)

    def as_json(self, **options: Any) -> dict[str, Any]:
        """Return what is known now."""
        return self.state.as_json(self.clock_ns(), **options)

    async def _follow_pages(self) -> None:
        while True:
            await self._read_pages()
            self.read_once.set()
            await asyncio.sleep(PAGES_S)

    async def _read_pages(self) -> None:
        page = self._find()
        if page is None:
            self.state.unread(f"no system of {self._what} runs here")
            return
        asked_ns = self.clock_ns()
        try:
            found = await asyncio.to_thread(read_pages, page)
        except VenueError as error:
            self.state.unread(str(error))
            return
        if self._manifest != found["manifest"]:
            self.state.facts = await asyncio.to_thread(facts_of, found["manifest"])
            self._manifest = found["manifest"]
        self.state.read(found, asked_ns, self.clock_ns())
        self._listen_to(found["parts"])

    def _listen_to(self, parts: list[dict[str, Any]]) -> None:
        """Listen to the parts that publish, and to none that are there no more."""
        wanted = {
            each["name"]: (each["sockets"]["publish"], each["sockets"]["recall"])
            for each in parts
            if each["sockets"].keys() >= BOTH
        }
        roles = {each["name"]: each["role"] for each in parts}
        for name in [
            name for name, (ends, _) in self._listeners.items() if wanted.get(name) != ends
        ]:
            self._listeners.pop(name)[1].close()
            self.state.forgets(name)
        for name, ends in wanted.items():
            if name not in self._listeners:
                listener = Listener(
                    self._context,
                    *ends,
                    every=roles[name] != "quotes",
                    recall_ms=RECALL_MS,
                    high_water=HIGH_WATER,
                )
                self._listeners[name] = ends, listener
                self.state.listens(name, self.clock_ns())

    async def _follow_bus(self) -> None:
        while True:
            for name, (_, listener) in list(self._listeners.items()):
                for message in listener.news(self.clock_ns()):
                    self.state.take(name, message, self.clock_ns())
                inlet = listener.inlet
                losses = Losses(inlet.received, inlet.lost, inlet.gaps, inlet.restarts)
                self.state.lost(name, losses)
                await asyncio.sleep(0)
            await asyncio.sleep(BUS_S)


async def look_once(attached: Attached, grace_s: float) -> dict[str, Any]:
    """Return one look at a system, after what its bus remembers has come.

    Raises
    ------
    VenueError
        If it is not there.
    """
    reading = asyncio.create_task(attached.run())
    try:
        await attached.read_once.wait()
        if attached.state.pages is None:
            raise VenueError(
                attached.state.trouble, hint="start it: `alp paper` or `alp run`; see `alp status`"
            )
        end = time.monotonic() + grace_s
        while time.monotonic() < end and _waits(attached):
            await asyncio.sleep(BUS_S)
        await asyncio.sleep(2 * BUS_S)
        return attached.as_json()
    finally:
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await reading


def _waits(attached: Attached) -> bool:
    """Whether a part has not been heard yet."""
    heard = attached.state.sources.values()
    return any(each.heard_ns is None for each in heard)
