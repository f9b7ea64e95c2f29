"""When the messages of a recording are due again, and what they are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from alp._core.feeds.frame import PRECISION
from alp.errors import DataError
from alp.recording.captures import is_recording, read_captures
from alp.recording.connections import Connections
from alp.recording.identify import ENOUGH, Identity, Product, identify
from alp.recording.records import header_of

_FEED_OF = {"coinbase-spot": "coinbase", "kraken-spot": "kraken"}


class Pace:
    """Says how long to wait for each message.

    Parameters
    ----------
    speed
        Recorded seconds in one second; None never waits.
    clock
        Nanoseconds of a clock that only rises.
    """

    def __init__(self, speed: float | None, clock: Callable[[], int]) -> None:
        self._speed = speed
        self._clock = clock
        self._begun_ns: int | None = None
        self._first_ns = 0
        self.late_ns = 0
        """How late a message was at most."""

    def delay_ns(self, recorded_ns: int) -> int:
        """Return the nanoseconds until a message is due, 0 where it is overdue.

        The first message is due at once and begins the time. One without a time, or with an
        earlier one than the first, is due at once too.
        """
        if self._speed is None or not recorded_ns:
            return 0
        now = self._clock()
        if self._begun_ns is None:
            self._begun_ns, self._first_ns = now, recorded_ns
            return 0
        due = self._begun_ns + int((recorded_ns - self._first_ns) / self._speed)
        if due > now:
            return due - now
        if recorded_ns > self._first_ns:
            self.late_ns = max(self.late_ns, now - due)
        return 0


@dataclass
class Survey:
    """What a recording is about, and how far it reaches."""

    identity: Identity
    first_ns: int | None = None
    last_ns: int | None = None


def survey(
    paths: Sequence[Path],
    *,
    venue: str | None = None,
    symbols: Sequence[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Survey:
    """Find out what to replay.

    A header that lists its ``instruments`` is believed. Otherwise all messages are read once: what
    one tick is must be known before the first price is told.

    Parameters
    ----------
    symbols
        Products to look at; all by default.
    progress
        Told how many messages were taken since the last time.

    Raises
    ------
    DataError
        If a file is no capture, or of no venue known, or has no such product.
    """
    identity = _declared(paths)
    declared = identity is not None
    if identity is None:
        identity = identify(islice(read_captures(paths, []), ENOUGH), venue)
    missing = [name for name in symbols if name not in identity.products]
    if missing or not identity.products:
        what = f"no message about {', '.join(missing)}" if missing else "no order book"
        held = ", ".join(sorted(identity.products)) or "no book at all"
        raise DataError(what, path=paths[0], hint=f"it has {held}")
    if symbols:
        identity.products = {name: identity.products[name] for name in symbols}
    found = Survey(identity)
    while not declared and not _read_through(paths, found, progress):
        pass
    return found


def _declared(paths: Sequence[Path]) -> Identity | None:
    """Return what the headers say, where all say the same and enough."""
    said: list[dict[str, Any]] = []
    for path in paths:
        if not is_recording(path):
            return None
        said.append(header_of(path))
    facts = said[0]
    if any(other.get("instruments") != facts.get("instruments") for other in said):
        return None
    if not facts.get("instruments") or not facts.get("venue"):
        return None
    identity = Identity(
        _FEED_OF.get(facts["venue"], facts["venue"]),
        depth=int(facts.get("depth", 0)),
        inline=facts.get("snapshots") == "inline",
    )
    if identity.venue == "kraken" and not identity.depth:
        return None  # its checksums are of a book that is cut there
    for name, price, price_step, quantity, quantity_step in facts["instruments"]:
        identity.products[name] = Product(price, quantity, price_step, quantity_step)
    return identity


def _read_through(
    paths: Sequence[Path], found: Survey, progress: Callable[[int], None] | None
) -> bool:
    """Take every message; False where a number had more decimals than known, which now are."""
    names = set(found.identity.products)
    connections = Connections(found.identity)
    for count, message in enumerate(read_captures(paths, []), 1):
        if progress is not None and count % 4096 == 0:
            progress(4096)
        at = message.received_ns
        if at:
            found.first_ns = at if found.first_ns is None else min(found.first_ns, at)
            found.last_ns = at if found.last_ns is None else max(found.last_ns, at)
        feed = connections.feed(message)
        if feed is None or message.is_event:
            continue
        fault = feed.feed(connections.text(message), at)
        if fault == PRECISION and found.identity.widen(message.text, message.symbol):
            products = found.identity.products
            found.identity.products = {name: products[name] for name in products if name in names}
            return False
    return True
