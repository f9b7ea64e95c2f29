"""Which wish of a log of decisions an order came from, and what the wish says for itself."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alp._core.journal_records import FILE_HEAD_BYTES, RecordKind, whole_records
from alp.errors import DataError
from alp.journal.folder import Folder
from alp.journal.ids import parse_client_id
from alp.journal.layout import Record, decode
from alp.journal.read import JournalState, read_journal
from alp.models.desk import DeskInstrument, Event, Wish
from alp.models.maker_words import explain, from_record
from alp.recording.decisions_file import DeskHeader, Segment, segments_of
from alp.recording.decisions_lookup import Decisions

LOG = "decisions"
LAST = "last"


@dataclass(frozen=True)
class Sought:
    """An order as a journal knows it."""

    client_id: str
    instrument: int
    side: int
    price: int
    at_ns: int

    def of(self, wish: Wish) -> bool:
        """Whether a wish has it."""
        side = wish.bids if self.side > 0 else wish.asks
        return wish.instrument == self.instrument and any(price == self.price for price, _ in side)


@dataclass(frozen=True)
class Found:
    """A wish, and the desk it is of."""

    wish: Wish
    header: DeskHeader
    order: Sought | None = None
    event: Event | None = None

    @property
    def instrument(self) -> DeskInstrument:
        """The product it is for."""
        return next(each for each in self.header.instruments if each.index == self.wish.instrument)

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        wish = self.wish
        return {
            "wish": wish.number,
            "venue": self.instrument.venue,
            "symbol": self.instrument.symbol,
            "at_ns": wish.at_ns,
            "until_ns": wish.until_ns,
            "bids": [list(each) for each in wish.bids],
            "asks": [list(each) for each in wish.asks],
            "event": None
            if self.event is None
            else {"kind": type(self.event).__name__, **self.event._asdict()},
            "order": None if self.order is None else vars(self.order),
            **{name: value for name, value in wish.why.items() if name not in ("bids", "asks")},
        }

    def lines(self) -> list[str]:
        """Return it for people."""
        wish = self.wish
        lines = [f"wish {wish.number} for {self.instrument.venue}, {self.instrument.symbol}"]
        if (order := self.order) is not None:
            side = "buy" if order.side > 0 else "sell"
            lines.append(f"  order        {order.client_id}, to {side} at {order.price}")
        if self.event is not None:
            lines.append(f"  after        {self.event}")
        if not {"inputs", "terms", "bound"} <= wish.why.keys():
            return [*lines, *(f"  {name}  {value}" for name, value in wish.why.items())]
        lines += explain(from_record(wish.why))
        return lines + hedge_lines(wish.why.get("hedge", {}))


def hedge_lines(terms: dict[str, Any]) -> list[str]:
    """Return the hedge's terms of a wish of the built-in desk as lines."""
    if not terms:
        return []
    base = 10.0 ** -terms["base_decimals"]
    ratio = "not known" if terms["ratio"] is None else f"{terms['ratio']:.4g}"
    correlation = (
        "" if terms["correlation"] is None else f", correlation {terms['correlation']:.3f}"
    )
    lines = [
        f"  combined     {int(terms['combined_raw']) * base:+.6f} base = venues "
        f"{int(terms['cefi_raw']) * base:+.6f} + {ratio} x pool "
        f"{int(terms['delta_raw']) * base:+.6f}",
        f"  hedge ratio  {ratio} ({terms['ratio_source']}{correlation})",
        f"  band         {int(terms['band_raw']) * base:.6f} base; leaned against "
        f"{int(terms['leaned_raw']) * base:+.6f}",
        f"  position     {terms['held_lots']} lots, {terms['neutral_lots']} are neutral; "
        f"share {terms['share_ppm'] / 1e4:g} %",
        f"  caution      {terms['level']}; gate {terms['gate'] or 'not heard'}",
    ]
    lines += [f"  {why}" for why in terms["monitors"]]
    return lines + [f"  off: {why}" for why in terms["off"]]


def find(state: Path, sought: str) -> Found:
    """Return the wish that is meant.

    Parameters
    ----------
    state
        Folder of a strategy's state.
    sought
        A wish's number, `last`, or an order's client id.

    Raises
    ------
    DataError
        If there is no such wish, or no log.
    """
    folder = state / LOG
    if not folder.is_dir():
        raise DataError("no log of decisions in this folder", path=state)
    if sought == LAST:
        for header, wish in _newest_first(folder):
            return Found(wish, header)
    if sought == LAST or sought.isdigit():
        known = Decisions(folder).wish(int(sought)) if sought != LAST else None
        if known is not None:
            return Found(known.wish, known.head.header, event=known.event)
        raise DataError(f"wish {sought} is not in the log of decisions", path=folder)
    order = _order(state, sought)
    newest = Decisions(folder).at(order.instrument, order.at_ns)
    if newest is not None and order.of(newest.wish):
        return Found(newest.wish, newest.head.header, order, newest.event)
    # A newer wish came while the order was on its way.
    for header, wish in _newest_first(folder):
        if wish.at_ns <= order.at_ns and order.of(wish):
            return Found(wish, header, order)
    raise DataError(f"no wish for order {sought} is in the log of decisions", path=folder)


def _newest_first(folder: Path) -> Iterator[tuple[DeskHeader, Wish]]:
    for path in reversed(segments_of(folder)):
        segment = Segment(path)
        wishes = [each.what for each in segment.records() if isinstance(each.what, Wish)]
        for wish in reversed(wishes):
            yield segment.head.header, wish


def _order(state: Path, client_id: str) -> Sought:
    """Return what a journal in the folder of state knows of an order: its newest intent.

    Raises
    ------
    DataError
        If none knows it.
    """
    if parse_client_id(client_id) is None:
        raise DataError(f"{client_id!r} is neither a wish's number nor a client id of alp's")
    for folder in sorted(each for each in state.iterdir() if each.is_dir() and each.name != LOG):
        journal = read_journal(Folder(folder))
        for record in [] if journal is None else reversed(list(_intents(journal))):
            if record.text("client_id") == client_id and record.number("price"):
                return Sought(
                    client_id,
                    record.number("instrument"),
                    record.number("side"),
                    record.number("price"),
                    record.at_ns,
                )
    raise DataError(
        f"no journal knows order {client_id}",
        path=state,
        hint="journals keep what was sent since their last checkpoint",
    )


def _intents(journal: JournalState) -> Iterator[Record]:
    for part in journal.parts:
        for offset, size in whole_records(part.data[: part.end], FILE_HEAD_BYTES):
            record = decode(part.data, offset, size)
            if record is not None and record.kind is RecordKind.INTENT:
                yield record
