"""What is known of a running system: messages and pages in, plain data out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from alp._core.wire import (
    ExecutionReportMessage,
    GateMessage,
    HeartbeatMessage,
    InventoryMessage,
    PositionMessage,
    QuotesMessage,
    WireError,
    decode,
)
from alp.bus.sources import Source
from alp.observe.top import SILENT_NS, Board, Losses
from alp.watch.orders import Orders

SECOND = 10**9
PAGE_SILENT_NS = 4 * SECOND
"""Pages are asked every second."""
INVENTORIES = (Source.LP_AGENT, Source.POSITIONS)
MOST_INSTRUMENTS = 256
"""So many products are kept of one source; a strategy has at most 16 venues."""


@dataclass(frozen=True)
class Facts:
    """What the manifest says that the view needs.

    Attributes
    ----------
    base_decimals, quote_decimals
        None: amounts of the pool are shown as the contract counts them.
    hedge_ratio
        None: it is estimated while the system runs.
    """

    base: str = "base"
    quote: str = "quote"
    base_decimals: int | None = None
    quote_decimals: int | None = None
    hedge_ratio: Decimal | None = None


@dataclass
class Heard:
    """One part on the bus.

    Attributes
    ----------
    since_ns
        When listening to it began.
    heard_ns
        When it last said anything; None: never.
    """

    since_ns: int
    heard_ns: int | None = None
    uptime_ns: int = 0
    losses: Losses = field(default_factory=Losses)

    def silent_ns(self, now_ns: int) -> int:
        """Return how long it has said nothing."""
        return now_ns - (self.since_ns if self.heard_ns is None else self.heard_ns)

    def is_stale(self, now_ns: int) -> bool:
        """Whether what it said last may not be true any more."""
        return self.heard_ns is None or self.silent_ns(now_ns) > SILENT_NS


class WatchState:
    """The newest of everything; it has no clock and no sockets.

    Attributes
    ----------
    pages
        What the system's pages said last, see :func:`alp.watch.pages.read_pages`; None: nothing
        yet.
    pages_ns
        When that was asked for.
    trouble
        Why there are no pages now; empty where there are.
    sources
        Parts that publish, by name.
    """

    def __init__(self, facts: Facts | None = None) -> None:
        self.facts = facts or Facts()
        self.pages: dict[str, Any] | None = None
        self.pages_ns = 0
        self.trouble = "not asked yet"
        self.board = Board()
        self.orders = Orders()
        self.sources: dict[str, Heard] = {}
        self.gates: dict[str, tuple[GateMessage, int]] = {}
        self.positions: dict[tuple[str, int], tuple[PositionMessage, int]] = {}
        self.inventories: dict[tuple[int, int], tuple[str, InventoryMessage, int]] = {}
        """By source and instrument: what the position server says of each venue and in all too."""
        self.wishes: dict[int, tuple[QuotesMessage, int]] = {}
        self.malformed = 0

    # the bus

    def listens(self, part: str, now_ns: int) -> None:
        """Note that a part is listened to from now on."""
        self.sources.setdefault(part, Heard(now_ns))

    def forgets(self, part: str) -> None:
        """Note that a part is there no more."""
        self.sources.pop(part, None)
        self.gates.pop(part, None)
        for key in [key for key in self.positions if key[0] == part]:
            del self.positions[key]

    def take(self, part: str, message: bytes, now_ns: int) -> None:
        """Take a message of a part; one that is none is counted."""
        try:
            said = decode(message)
        except WireError:
            self.malformed += 1
            return
        heard = self.sources.setdefault(part, Heard(now_ns))
        heard.heard_ns = now_ns
        instrument = said.header.instrument
        match said:
            case ExecutionReportMessage():
                self.orders.reported(part, said, now_ns)
            case PositionMessage() if said.header.source == Source.POSITIONS:
                pass  # a handler knows its own; the ledger's amounts come as inventories
            case PositionMessage() if instrument < MOST_INSTRUMENTS:
                self.positions[part, instrument] = said, now_ns
            case GateMessage():
                self.gates[part] = said, now_ns
            case InventoryMessage() if said.header.source in INVENTORIES:
                key = (said.header.source, instrument)
                if key in self.inventories or self._has_room():
                    self.inventories[key] = part, said, now_ns
            case QuotesMessage() if instrument < MOST_INSTRUMENTS:
                self.wishes[instrument] = said, now_ns
            case _:
                if isinstance(said, HeartbeatMessage):
                    heard.uptime_ns = said.uptime_ns
                if self._role(part) in ("quotes", "") and instrument < MOST_INSTRUMENTS:
                    self.board.take(message, now_ns)

    def lost(self, part: str, losses: Losses) -> None:
        """Note what was missed of a part."""
        if part in self.sources:
            self.sources[part].losses = losses

    # the pages

    def read(self, found: Mapping[str, Any], asked_ns: int, now_ns: int) -> None:
        """Take what the pages say."""
        self.pages, self.pages_ns, self.trouble = dict(found), asked_ns, ""
        for account in found.get("accounts", []):
            if account.get("open_orders") is not None:
                self.orders.listed(account["part"], account["open_orders"], asked_ns, now_ns)

    def unread(self, why: str) -> None:
        """Note that the pages cannot be read; what they said before stays, and gets old."""
        self.trouble = why

    # what others ask

    @property
    def parts(self) -> list[dict[str, Any]]:
        """The parts as the page told of them last."""
        return [] if self.pages is None else list(self.pages.get("parts", []))

    def pages_stale(self, now_ns: int) -> bool:
        """Whether what the pages said may not be true any more."""
        return self.pages is None or now_ns - self.pages_ns > PAGE_SILENT_NS

    def is_stale(self, part: str, now_ns: int) -> bool:
        """Whether a part's messages may not be true any more."""
        heard = self.sources.get(part)
        return heard is None or heard.is_stale(now_ns)

    def venue(self, instrument: int) -> str:
        """Return the manifest's name of a product's venue."""
        for part in self.parts:
            if part["role"] == "quotes" and instrument < len(part["venues"]):
                return str(part["venues"][instrument])
        return f"#{instrument}"

    def handler_of(self, venue: str) -> str:
        """Return the part that owns a venue's account; empty where none does."""
        for part in self.parts:
            if part["role"] == "handler" and venue in part["venues"]:
                return str(part["name"])
        return ""

    def quotes_part(self) -> str:
        """Return the part that publishes the books."""
        return next((each["name"] for each in self.parts if each["role"] == "quotes"), "quotes")

    def as_json(self, now_ns: int, *, levels: int = 10, lines: int = 200) -> dict[str, Any]:
        """Return everything as plain values; prices, quantities and amounts are exact texts.

        Parameters
        ----------
        now_ns
            By the clock of everything that was taken.
        levels
            Of each side of a book.
        lines
            Of what the parts wrote last.
        """
        from alp.watch.snapshot import snapshot

        return snapshot(self, now_ns, levels=levels, lines=lines)

    def _has_room(self) -> bool:
        return len(self.inventories) < MOST_INSTRUMENTS

    def _role(self, part: str) -> str:
        return next((each["role"] for each in self.parts if each["name"] == part), "")
