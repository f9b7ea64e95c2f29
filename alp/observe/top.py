"""What the bus says of a strategy's markets, kept for a look at it, and drawn for a terminal."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from alp._core.sync import REASONS
from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    HeartbeatMessage,
    InstrumentFields,
    TradeFields,
    decode,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

SECOND = 10**9
RATE_NS = 5 * SECOND
"""Updates are counted over so long."""
SILENT_NS = 3 * SECOND
"""A source that beats every second and has not for so long is gone."""
BAR = 24
"""Columns of the longest bar of a depth."""
AGGRESSORS = {1: "bought", -1: "sold"}

Key = tuple[int, int]
"""Source and instrument."""


@dataclass
class Market:
    """What is known of one instrument of one source."""

    told: InstrumentFields | None = None
    status: BookStatusMessage | None = None
    bbo: BboMessage | None = None
    depth: DepthMessage | None = None
    trade: TradeFields | None = None
    seen_ns: int = 0
    sequences: dict[type, int] = field(default_factory=dict)
    updates: deque[tuple[int, int]] = field(default_factory=deque)
    """(when, updates until then) of the last seconds."""

    @property
    def live(self) -> bool:
        """Whether its source says that its book is right."""
        return self.status is not None and self.status.live

    @property
    def why_not(self) -> str:
        """Why its book is not right; empty where it is."""
        if self.status is None:
            return "not heard of yet"
        return "" if self.status.live else REASONS.get(self.status.reason, "no reason given")

    def price(self, ticks: int) -> str:
        """Return a price as the venue writes it; ticks where it has not been told what they are."""
        if self.told is None:
            return f"{ticks} ticks"
        return scaled(ticks * self.told.price_step, self.told.price_decimals)

    def quantity(self, lots: int) -> str:
        """Return a quantity as the venue writes it."""
        if self.told is None:
            return f"{lots} lots"
        return scaled(lots * self.told.quantity_step, self.told.quantity_decimals)

    def touch(self) -> tuple[BboMessage | None, BboMessage | None]:
        """Return the message where it has a bid, and where it has an ask, of a live book."""
        if self.bbo is None or not self.live:
            return None, None
        return (
            self.bbo if self.bbo.bid_quantity else None,
            self.bbo if self.bbo.ask_quantity else None,
        )

    def spread(self) -> tuple[int, float] | None:
        """Return the distance of bid and ask in ticks, and in basis points of their middle."""
        bid, ask = self.touch()
        if bid is None or ask is None:
            return None
        ticks = ask.ask - bid.bid
        middle = (ask.ask + bid.bid) / 2
        return ticks, ticks / middle * 10_000 if middle > 0 else 0.0

    def rate(self, now_ns: int) -> float | None:
        """Return updates a second over the last seconds; None before there is anything to tell."""
        while len(self.updates) > 1 and self.updates[1][0] <= now_ns - RATE_NS:
            self.updates.popleft()
        if not self.updates or now_ns - self.updates[0][0] < SECOND // 2:
            return None
        begun_ns, before = self.updates[0]
        return (self.updates[-1][1] - before) / ((now_ns - begun_ns) / SECOND)


def scaled(units: int, decimals: int) -> str:
    """Return units of 10 to the minus `decimals` as an exact text."""
    return format(Decimal(units).scaleb(-decimals), "f")


@dataclass
class Losses:
    """What a subscriber missed, see :class:`alp._core.outlet.Inlet`."""

    received: int = 0
    lost: int = 0
    gaps: int = 0
    restarts: int = 0


class Board:
    """The newest of everything, by source and instrument."""

    def __init__(self) -> None:
        self.markets: dict[Key, Market] = {}
        self.beats: dict[int, tuple[int, int]] = {}
        """Source -> (when it was heard, its uptime)."""
        self.heard_ns: int | None = None

    def take(self, message: bytes, now_ns: int) -> None:
        """Note a message; one that is of no market is passed over."""
        said = decode(message)
        self.heard_ns = now_ns
        source = said.header.source
        if isinstance(said, HeartbeatMessage):
            self._beat(source, said.uptime_ns, now_ns)
            return
        if not isinstance(
            said, BboMessage | DepthMessage | TradeFields | BookStatusMessage | InstrumentFields
        ):
            return
        market = self.markets.setdefault((source, said.header.instrument), Market())
        match said:
            case InstrumentFields():
                market.told = said
                return  # said once, and again to whoever asks: no sign of life
            case BookStatusMessage():
                market.status = said
            case BboMessage():
                market.bbo = said
            case DepthMessage():
                market.depth = said
            case TradeFields():
                market.trade = said
        market.seen_ns = now_ns
        if not isinstance(said, BookStatusMessage):
            self._count(market, type(said), said.header.sequence, now_ns)

    def _count(self, market: Market, kind: type, sequence: int, now_ns: int) -> None:
        """Count updates by their numbers: those that were passed over count too."""
        before = market.sequences.get(kind)
        market.sequences[kind] = sequence
        total = market.updates[-1][1] if market.updates else 0
        if before is not None and sequence > before:
            total += sequence - before
        market.updates.append((now_ns, total))

    def _beat(self, source: int, uptime_ns: int, now_ns: int) -> None:
        before = self.beats.get(source)
        self.beats[source] = (now_ns, uptime_ns)
        if before is None or uptime_ns >= before[1]:
            return
        # It began anew, and may not serve again what it served before.
        begun_ns = now_ns - uptime_ns - SECOND
        gone = [
            key
            for key, market in self.markets.items()
            if key[0] == source and market.seen_ns < begun_ns
        ]
        for key in gone:
            del self.markets[key]

    def silent_ns(self, now_ns: int) -> int | None:
        """Return how long nothing at all has come; None before anything has."""
        return None if self.heard_ns is None else now_ns - self.heard_ns

    def chosen(self, symbol: str | None) -> Market | None:
        """Return the market with this symbol, or the first."""
        for key in sorted(self.markets):
            told = self.markets[key].told
            if symbol is None or (told is not None and told.symbol == symbol):
                return self.markets[key]
        return None

    def as_dict(self, now_ns: int, losses: Losses, levels: int) -> dict[str, Any]:
        """Return plain values for JSON; prices and quantities are exact texts."""
        return {
            "sources": {
                str(source): {
                    "age_s": (now_ns - heard_ns) / SECOND,
                    "uptime_s": uptime_ns / SECOND,
                }
                for source, (heard_ns, uptime_ns) in sorted(self.beats.items())
            },
            "markets": [
                market_dict(key, self.markets[key], now_ns, levels) for key in sorted(self.markets)
            ],
            **vars(losses),
        }


def market_dict(key: Key, market: Market, now_ns: int, levels: int) -> dict[str, Any]:
    """Return what is known of a market as plain values; prices and quantities are exact texts."""
    told, trade, depth = market.told, market.trade, market.depth
    bid, ask = market.touch()
    spread = market.spread()
    row: dict[str, Any] = {
        "source": key[0],
        "instrument": key[1],
        "exchange": None if told is None else told.exchange,
        "symbol": None if told is None else told.symbol,
        "live": market.live,
        "why_not": market.why_not,
        "bid": None if bid is None else [market.price(bid.bid), market.quantity(bid.bid_quantity)],
        "ask": None if ask is None else [market.price(ask.ask), market.quantity(ask.ask_quantity)],
        "spread_ticks": None if spread is None else spread[0],
        "spread_bps": None if spread is None else round(spread[1], 4),
        "last_trade": None,
        "bids": [],
        "asks": [],
        "updates_per_s": market.rate(now_ns),
        "age_s": (now_ns - market.seen_ns) / SECOND if market.seen_ns else None,
    }
    if trade is not None:
        row["last_trade"] = {
            "price": market.price(trade.price),
            "quantity": market.quantity(trade.quantity),
            "aggressor": AGGRESSORS.get(trade.aggressor),
            "exchange_ns": trade.header.exchange_ns,
        }
    if depth is not None and market.live:
        for side, rows in (("bids", depth.bids), ("asks", depth.asks)):
            row[side] = [[market.price(at), market.quantity(lots)] for at, lots in rows[:levels]]
    return row


def draw(
    board: Board, losses: Losses, waiting_for: str, now_ns: int, symbol: str | None, levels: int
) -> RenderableType:
    """Return one frame for a terminal.

    Parameters
    ----------
    waiting_for
        Where messages come from, as a person knows it.
    symbol
        Whose depth to draw; the first market's by default.
    """
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_headline(board, losses, waiting_for, now_ns)]
    if board.markets:
        parts += [Text(), _table(board, now_ns)]
    market = board.chosen(symbol)
    if market is not None and levels and market.live and market.depth is not None:
        parts += [Text(), _depth_table(market, levels)]
    elif symbol is not None and market is None and board.markets:
        parts += [Text(), Text(f"no market {symbol} here", style="yellow")]
    return Group(*parts)


def _headline(board: Board, losses: Losses, waiting_for: str, now_ns: int) -> RenderableType:
    from rich.text import Text

    silent_ns = board.silent_ns(now_ns)
    if silent_ns is None:
        return Text(f"waiting for {waiting_for}", style="yellow")
    if silent_ns > SILENT_NS:
        line = Text(f"silent for {silent_ns // SECOND} s, waiting for {waiting_for}", style="red")
    else:
        live = sum(market.live for market in board.markets.values())
        line = Text(f"{waiting_for}: {live} of {len(board.markets)} books live", style="green")
        uptimes = [uptime_ns for _, uptime_ns in board.beats.values()]
        if uptimes:
            line.append(f", up {max(uptimes) // SECOND} s", style="default")
    line.append(f", {losses.received:,} messages", style="default")
    if losses.lost or losses.gaps:
        line.append(f", lost {losses.lost:,} in {losses.gaps:,} gaps", style="red")
    if losses.restarts:
        line.append(f", restarted {losses.restarts:,} times", style="yellow")
    return line


def _table(board: Board, now_ns: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    for name, side in (
        ("venue", "left"),
        ("symbol", "left"),
        ("book", "left"),
        ("bid qty", "right"),
        ("bid", "right"),
        ("ask", "right"),
        ("ask qty", "right"),
        ("ticks", "right"),
        ("bps", "right"),
        ("last trade", "right"),
        ("upd/s", "right"),
        ("age", "right"),
    ):
        table.add_column(name, justify="right" if side == "right" else "left")
    for source, index in sorted(board.markets):
        market = board.markets[source, index]
        told = market.told
        bid, ask = market.touch()
        spread, rate = market.spread(), market.rate(now_ns)
        live = market.live
        table.add_row(
            told.exchange if told else f"source {source}",
            told.symbol if told else f"#{index}",
            Text("live" if live else market.why_not, style="green" if live else "red"),
            "" if bid is None else market.quantity(bid.bid_quantity),
            "" if bid is None else market.price(bid.bid),
            "" if ask is None else market.price(ask.ask),
            "" if ask is None else market.quantity(ask.ask_quantity),
            "" if spread is None else f"{spread[0]:,}",
            "" if spread is None else f"{spread[1]:.2f}",
            _trade_text(market),
            "" if rate is None else f"{rate:,.0f}",
            _age_text(market, now_ns),
        )
    return table


def _trade_text(market: Market) -> RenderableType:
    from rich.text import Text

    trade = market.trade
    if trade is None:
        return ""
    side = AGGRESSORS.get(trade.aggressor, "")
    color = {1: "green", -1: "red"}.get(trade.aggressor, "default")
    text = f"{side} {market.quantity(trade.quantity)} at {market.price(trade.price)}".strip()
    return Text(text, style=color)


def _age_text(market: Market, now_ns: int) -> RenderableType:
    from rich.text import Text

    if not market.seen_ns:
        return ""
    age = (now_ns - market.seen_ns) / SECOND
    return Text(f"{age:.1f} s", style="yellow" if age > SILENT_NS / SECOND else "default")


def _depth_table(market: Market, levels: int) -> Table:
    from rich.table import Table
    from rich.text import Text

    assert market.depth is not None
    bids, asks = market.depth.bids[:levels], market.depth.asks[:levels]
    most = max((lots for _, lots in (*bids, *asks)), default=1)
    told = market.told
    title = f"{told.exchange} {told.symbol}" if told else "depth"
    table = Table(box=None, pad_edge=False, title=title, title_justify="left", show_header=False)
    for side in ("right", "right", "right", "left", "left", "left"):
        table.add_column(justify="right" if side == "right" else "left")
    for row in range(max(len(bids), len(asks))):
        cells: list[RenderableType] = []
        for side_rows, color in ((bids, "green"), (asks, "red")):
            if row >= len(side_rows):
                cells.append("")
                cells += ["", ""]
                continue
            price, lots = side_rows[row]
            bar = Text("█" * max(1, lots * BAR // most), style=color)
            three: list[RenderableType] = [bar, market.quantity(lots), market.price(price)]
            cells += three if color == "green" else three[::-1]
        table.add_row(*cells)
    return table
