"""The recorder: what venues send, kept byte for byte with the time of its receipt."""

from __future__ import annotations

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alp._version import __version__
from alp.recording.records import CLOSED, CONNECTED, NAME, NOTE, Recorder
from alp.services.market.feeds import MarketData, Product
from alp.services.tasks import obeying_signals, run_parts
from alp.venues.adapter import Channel
from alp.venues.market import connection as heard
from alp.venues.registry import adapter_for

logger = logging.getLogger(__name__)

SECOND = 10**9
LOOK_S = 1.0
"""How often blocks are written that have waited, and the disk is looked at."""
NUMBERS = 1 << 16


@dataclass(frozen=True)
class Wanted:
    """What is recorded where.

    Attributes
    ----------
    rotate_bytes, rotate_ns
        A file ends at this size, or after this time.
    duration_ns
        When to stop; 0 goes on until told to.
    least_free
        Bytes of free disk below which it stops rather than fill it.
    """

    folder: Path
    rotate_bytes: int
    rotate_ns: int
    duration_ns: int = 0
    least_free: int = 1 << 30


@dataclass(frozen=True, slots=True)
class Status:
    """How a recording goes."""

    messages: int
    written_bytes: int
    files: int
    books: int
    live: int


class RecorderService:
    """Records products of any number of exchanges, a row of files for each."""

    def __init__(
        self,
        products: Sequence[Product],
        channels: Channel,
        wanted: Wanted,
        report: Callable[[Status], None] | None = None,
    ) -> None:
        self._wanted = wanted
        self._report = report
        self._stop = asyncio.Event()
        self._failure: OSError | None = None
        self._recorders: dict[str, Recorder] = {}
        for exchange in dict.fromkeys(product.exchange for product in products):
            symbols = [each.symbol for each in products if each.exchange == exchange]
            facts = {
                "venue": adapter_for(exchange).feed,
                "exchange": exchange,
                "symbols": symbols,
                "snapshots": "inline",
                "alp": __version__,
            }
            self._recorders[exchange] = Recorder(
                wanted.folder, exchange, facts, wanted.rotate_bytes, wanted.rotate_ns
            )
        self.data = MarketData(products, channels=channels, tap_of=self._tap_of)

    @property
    def files(self) -> list[Path]:
        """All files begun."""
        return [path for recorder in self._recorders.values() for path in recorder.files]

    def status(self) -> Status:
        """Return how it goes."""
        books = [book for session in self.data.sessions for book in session.books()]
        recorders = self._recorders.values()
        return Status(
            sum(recorder.messages for recorder in recorders),
            sum(recorder.written_bytes for recorder in recorders),
            len(self.files),
            len(books),
            sum(book.live for book in books),
        )

    def _tap_of(self, exchange: str) -> heard.Tap:
        recorder = self._recorders[exchange]

        def tap(what: str, number: int, name: str, ns: int, content: bytes) -> None:
            number %= NUMBERS
            try:
                if what == heard.MESSAGE:
                    recorder.message(number, ns, content)
                elif what == heard.OPENED:
                    self._declare(exchange, recorder)
                    recorder.event(NOTE, number, ns, f"{NAME.decode()}{name}#{number}")
                    recorder.event(CONNECTED, number, ns, content.decode())
                else:
                    recorder.event(CLOSED, number, ns, "")
            except OSError as error:
                # Raised here it would only end the connection.
                self._failure = error
                self._stop.set()

        return tap

    def _declare(self, exchange: str, recorder: Recorder) -> None:
        """Say in a file's header what its ticks and lots are; others mean another file."""
        parts = [each for each in self.data.exchanges if each.adapter.exchange == exchange]
        rows = [list(product.feed_row) for part in parts for product in part.instruments]
        facts = {"instruments": rows, "depth": parts[0].adapter.depth}
        if all(recorder.facts.get(name) == value for name, value in facts.items()):
            return
        recorder.close()
        recorder.facts |= facts

    async def run(self) -> None:
        """Record until the time is over, SIGTERM or SIGINT.

        Raises
        ------
        OSError
            If a file cannot be written: the disk is full, or gone.
        ConfigError
            If a venue does not know a product.
        """
        try:
            with obeying_signals(self._stop.set):
                await run_parts(self._stop, self.data.run(), self._keep())
        finally:
            self._close()
            if self._failure is not None:
                raise self._failure

    async def _keep(self) -> None:
        """Write what has waited, look at the disk and the clock."""
        begun = time.monotonic_ns()
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                for recorder in self._recorders.values():
                    recorder.flush()
            except OSError as error:
                self._failure = error
                self._stop.set()
            free = shutil.disk_usage(self._wanted.folder).free if self.files else None
            if free is not None and free < self._wanted.least_free:
                logger.error("only %d bytes are free in %s: stopping", free, self._wanted.folder)
                self._stop.set()
            if self._wanted.duration_ns and time.monotonic_ns() - begun > self._wanted.duration_ns:
                self._stop.set()
            if self._report is not None:
                self._report(self.status())

    def _close(self) -> None:
        for recorder in self._recorders.values():
            try:
                recorder.close()
            except OSError as error:
                self._failure = self._failure or error
