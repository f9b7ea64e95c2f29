"""What a journal says: read from its newest checkpoint on, up to its end or to the first damage.

What is behind damage is not believed, whether or not its checksums hold: an end that is missing
would make a dead order of a live one. The ids it mentions are told, to be asked about.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from alp._core.journal_records import (
    FILE_HEAD_BYTES,
    RecordKind,
    Replay,
    is_blank,
    records_after,
    whole_records,
)
from alp._core.orders import OrderTable
from alp.journal.folder import CHECKPOINT, SEGMENT, FileHead, Folder, read_head
from alp.journal.layout import Record, decode, encode


class JournalInstrument(NamedTuple):
    """An instrument by its index in the table of orders: what its ticks and lots are.

    ``group`` and ``unit`` are those of ``OrderTable``; decimals and steps those of a ``Grid``.
    """

    exchange: str
    symbol: str
    group: int
    unit: int
    price_decimals: int
    price_step: int
    quantity_decimals: int
    quantity_step: int


@dataclass(frozen=True, slots=True)
class Damage:
    """Where a file cannot be believed any more.

    Attributes
    ----------
    after
        Sequence of the last record before it.
    lost
        Something that had been acknowledged as durable is gone; otherwise it is the torn end of
        what nobody had been told was safe.
    records
        Whole records behind it, which do not count.
    """

    path: Path
    offset: int
    size: int
    after: int
    lost: bool
    records: int

    def __str__(self) -> str:
        what = "records that were durable are LOST" if self.lost else "torn end"
        behind = f", {self.records} records behind it do not count" if self.records else ""
        return (
            f"{self.path.name}: {what}: {self.size} bytes from byte {self.offset}, after record"
            f" {self.after}{behind}"
        )


class Part(NamedTuple):
    """The part of a file that was taken in."""

    path: Path
    data: bytes
    end: int


@dataclass
class JournalState:
    """What a journal led to.

    Attributes
    ----------
    orders
        Those that were not released, with the positions, by the instruments of then.
    gate
        The gate's last state, whether it was killed, and why; None if it was not recorded.
    trades
        By instrument: up to which trade, and which of the venue's times, its trades were read.
    residue
        Orders that were left when the handler stopped.
    closed
        It stopped in order.
    suspects
        Our ids of orders that may be open although the journal does not vouch for them.
    """

    head: FileHead
    replay: Replay
    instruments: tuple[JournalInstrument, ...] = ()
    room: tuple[int, int] = (1, 1)
    gate: tuple[int, bool, str] | None = None
    trades: dict[int, tuple[str, int]] = field(default_factory=dict)
    residue: list[str] = field(default_factory=list)
    closed: bool = False
    damages: list[Damage] = field(default_factory=list)
    suspects: list[str] = field(default_factory=list)
    parts: list[Part] = field(default_factory=list)
    last_ns: int = 0
    highest: int = 0
    """The largest sequence seen, damaged parts included."""

    @property
    def orders(self) -> OrderTable:
        """The orders and positions."""
        return self.replay.orders

    @property
    def lost(self) -> bool:
        """Whether something that was durable is gone."""
        return any(each.lost for each in self.damages)


def empty_state() -> JournalState:
    """Return what a journal without any record leads to."""
    return JournalState(FileHead(CHECKPOINT, 0, 0, 0, ""), Replay(OrderTable([(0, 1)], 1, 1)))


def read_journal(folder: Folder, upto: int | None = None) -> JournalState | None:
    """Return what a journal says, None where there is none.

    Parameters
    ----------
    upto
        Leave out segments of a larger index.

    Raises
    ------
    DataError
        If a newer alp wrote it.
    """
    segments = [each for each in folder.files(SEGMENT) if upto is None or each[0] <= upto]
    checkpoints = folder.files(CHECKPOINT)
    if not segments and not checkpoints:
        return None
    damages = []
    state = None
    covered = -1
    for index, path in reversed(checkpoints):
        data = path.read_bytes()
        state = _from_checkpoint(path, data)
        if state is not None:
            covered = index
            break
        damages.append(Damage(path, 0, len(data), 0, lost=True, records=0))
    if state is None:
        state = empty_state()
    state.damages += damages
    _take_segments(state, [path for index, path in segments if index > covered])
    for part in state.parts:
        _note(state, part)
    return state


def _from_checkpoint(path: Path, data: bytes) -> JournalState | None:
    """Take in a checkpoint, None where it is not whole."""
    head = read_head(path, data)
    found = whole_records(data, FILE_HEAD_BYTES)
    if head is None or head.kind != CHECKPOINT or not found or sum(found[-1]) != len(data):
        return None
    opened, last = decode(data, *found[0]), decode(data, *found[-1])
    if opened is None or opened.kind is not RecordKind.OPENED:
        return None
    if last is None or last.kind is not RecordKind.COMPLETE:
        return None
    if last.number("records") != len(found) - 1:
        return None
    instruments = []
    for offset, size in found[1 : 1 + opened.number("instruments")]:
        row = decode(data, offset, size)
        assert row is not None
        instruments.append(_instrument(row))
    room = opened.number("orders"), opened.number("trades")
    table = OrderTable([(each.group, each.unit) for each in instruments], *room)
    state = JournalState(head, Replay(table), tuple(instruments), room)
    end = state.replay.take(data, FILE_HEAD_BYTES, checkpoint=True)
    state.replay.resume(last.number("last"))
    state.highest = last.number("last")
    state.parts.append(Part(path, data, end))
    return state


def _instrument(row: Record) -> JournalInstrument:
    return JournalInstrument(
        row.text("exchange"),
        row.text("symbol"),
        row.number("group"),
        row.number("unit"),
        row.number("price_decimals"),
        row.number("price_step"),
        row.number("quantity_decimals"),
        row.number("quantity_step"),
    )


def _take_segments(state: JournalState, paths: Sequence[Path]) -> None:
    for position, path in enumerate(paths):
        data = path.read_bytes()
        head = read_head(path, data)
        begin = at = FILE_HEAD_BYTES
        if head is not None and head.token == state.head.token:
            at = state.replay.take(data, begin, checkpoint=False)
        elif is_blank(data, 0):
            continue  # made, and never begun
        else:
            at = 0
        state.parts.append(Part(path, data, at))
        state.highest = max(state.highest, state.replay.sequence)
        if at == 0 or not is_blank(data, at):
            _refuse(state, path, data, at, paths[position + 1 :])
            return


def _refuse(
    state: JournalState, path: Path, data: bytes, offset: int, later: Sequence[Path]
) -> None:
    """Say what is damaged, and what the records behind it tell of that."""
    after = state.replay.sequence
    behind = [(data, each) for each in records_after(data, offset, after)]
    for each in later:
        more = each.read_bytes()
        behind += [(more, found) for found in records_after(more, 0, after)]
    lost = False
    for content, (at, size) in behind:
        record = decode(content, at, size)
        if record is None:
            continue
        state.highest = max(state.highest, record.sequence)
        lost = lost or record.durable > after
        if "client_id" in record.members and record.text("client_id") not in state.suspects:
            state.suspects.append(record.text("client_id"))
    size = len(data.rstrip(b"\0")) - offset
    state.damages.append(Damage(path, offset, size, after, lost, len(behind)))


def _note(state: JournalState, part: Part) -> None:
    """Take in what is about no order."""
    for offset, size in state.replay.notes(part.data, FILE_HEAD_BYTES, part.end):
        record = decode(part.data, offset, size)
        if record is None:
            continue
        if record.kind is RecordKind.GATE:
            killed = bool(record.number("killed"))
            state.gate = record.number("state"), killed, record.text("text")
        elif record.kind is RecordKind.TRADES:
            read_to = record.text("trade_id"), record.number("venue_ns")
            state.trades[record.number("instrument")] = read_to
        elif record.kind is RecordKind.RESIDUE:
            state.residue.append(record.text("client_id"))
        state.last_ns = max(state.last_ns, record.at_ns)
        state.closed = record.kind is RecordKind.CLOSED


class Restated(NamedTuple):
    """A checkpoint's records, and the ids of orders that could not be taken along."""

    records: bytes
    left_behind: list[str]


def restate(
    state: JournalState,
    opened: Record,
    instruments: Sequence[JournalInstrument],
    *,
    external: bool,
) -> Restated:
    """Return records that lead to the same, without the orders that ended and were released.

    Orders of an instrument that is not among `instruments`, or whose ticks or lots are others now,
    are left behind.

    Parameters
    ----------
    opened
        The first record.
    external
        Take along what groups hold elsewhere.
    """
    index = {each[:2] + each[4:]: number for number, each in enumerate(instruments)}
    moved = {old: index.get(each[:2] + each[4:]) for old, each in enumerate(state.instruments)}
    at_ns = opened.at_ns
    out = [encode(opened)]
    out += [encode(_row(number, each, at_ns)) for number, each in enumerate(instruments)]

    def add(kind: RecordKind, **members: int | str) -> None:
        out.append(encode(Record(kind, 0, 0, at_ns, members)))

    if state.gate is not None:
        number, killed, text = state.gate
        add(RecordKind.GATE, state=number, killed=int(killed), text=text)
    kept, left_behind = _kept(state, moved)
    for old, new in moved.items():
        if new is None:
            continue
        lots = state.replay.position_without_orders(old)
        add(RecordKind.POSITION, amount=lots, index=new, scope=0)
        if old in state.trades:
            trade_id, venue_ns = state.trades[old]
            add(RecordKind.TRADES, trade_id=trade_id, venue_ns=venue_ns, instrument=new)
    if external:
        for group in {each.group for each in instruments}:
            add(RecordKind.POSITION, amount=state.replay.external(group), index=group, scope=1)
    out += kept
    add(RecordKind.COMPLETE, records=len(out), last=state.highest)
    return Restated(b"".join(out), left_behind)


def _row(number: int, each: JournalInstrument, at_ns: int) -> Record:
    return Record(RecordKind.INSTRUMENT, 0, 0, at_ns, {"instrument": number, **each._asdict()})


def _kept(state: JournalState, moved: dict[int, int | None]) -> tuple[list[bytes], list[str]]:
    """Return the records of orders still there, by their new indices, and ids left behind."""
    kept: list[bytes] = []
    left: list[str] = []
    unchanged = all(old == new for old, new in moved.items())
    for part in state.parts:
        for offset, size in state.replay.kept(part.data, FILE_HEAD_BYTES, part.end):
            if unchanged:
                kept.append(part.data[offset : offset + size])
                continue
            record = decode(part.data, offset, size)
            assert record is not None
            client_id = record.text("client_id")
            new = moved[state.orders.get(client_id).instrument]
            if new is None:
                if client_id not in left:
                    left.append(client_id)
                continue
            if "instrument" in record.members:
                record = replace(record, members={**record.members, "instrument": new})
            kept.append(encode(record))
    return kept, left
