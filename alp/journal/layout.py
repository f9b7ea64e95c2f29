"""The members of each record in Python, and how a record is read and made again.

The layouts are those of ``alp/_core/journal_records.pxd``; a test holds the two together.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass

from alp._core.journal_records import RECORD_SIZES, RecordKind, frame

HEAD = struct.Struct("<IHBxQQq")
_BODIES: dict[RecordKind, tuple[str, str]] = {
    RecordKind.OPENED: (
        "QQIIII24s",
        "token previous orders trades instruments process version",
    ),
    RecordKind.INSTRUMENT: (
        "HHBB2xqqq24s40s",
        "instrument group price_decimals quantity_decimals unit price_step quantity_step"
        " exchange symbol",
    ),
    RecordKind.INTENT: (
        "QQ24sqqqIHBbBB6x",
        "approval token client_id price quantity deadline_ns number instrument action side"
        " time_in_force flags",
    ),
    RecordKind.FACT: (
        "24s48s48s48sQqqqqqIBBBB16s",
        "client_id venue_id replaced trade_id trade price quantity cumulative fee venue_ns"
        " command event reason source liquidity fee_asset",
    ),
    RecordKind.RELEASED: ("24s", "client_id"),
    RecordKind.POSITION: ("qHB5x", "amount index scope"),
    RecordKind.TRADES: ("48sqH6x", "trade_id venue_ns instrument"),
    RecordKind.GATE: ("BB6x56s", "state killed text"),
    RecordKind.RESIDUE: ("24sqB7x", "client_id open_quantity state"),
    RecordKind.CLOSED: ("I4x", "residue"),
    RecordKind.COMPLETE: ("QQ", "records last"),
}
_BODIES[RecordKind.ADOPTED] = _BODIES[RecordKind.INTENT]
_STRUCTS = {kind: struct.Struct("<" + body) for kind, (body, _) in _BODIES.items()}
_NAMES = {kind: names.split() for kind, (_, names) in _BODIES.items()}

Value = int | str


@dataclass(frozen=True, slots=True)
class Record:
    """One record, its members by name; texts without their padding."""

    kind: RecordKind
    sequence: int
    durable: int
    at_ns: int
    members: Mapping[str, Value]

    def text(self, name: str) -> str:
        """Return a member that is a text."""
        value = self.members[name]
        assert isinstance(value, str)
        return value

    def number(self, name: str) -> int:
        """Return a member that is a number."""
        value = self.members[name]
        assert isinstance(value, int)
        return value


def decode(data: bytes, offset: int, size: int) -> Record | None:
    """Return the whole record at `offset`, None for a kind that this build does not know."""
    _, _, kind_number, sequence, durable, at_ns = HEAD.unpack_from(data, offset)
    if kind_number not in RECORD_SIZES:
        return None
    kind = RecordKind(kind_number)
    body = _STRUCTS[kind]
    # of an older schema it may be shorter, of a newer one longer
    raw = data[offset + HEAD.size : offset + size][: body.size].ljust(body.size, b"\0")
    values = (
        value.rstrip(b"\0").decode("utf-8", "backslashreplace")
        if isinstance(value, bytes)
        else value
        for value in body.unpack(raw)
    )
    members = dict(zip(_NAMES[kind], values, strict=True))
    return Record(kind, sequence, durable, at_ns, members)


def encode(record: Record) -> bytes:
    """Return the bytes of a record."""
    values = (
        value.encode() if isinstance(value, str) else value
        for value in (record.members[name] for name in _NAMES[record.kind])
    )
    body = _STRUCTS[record.kind].pack(*values)
    return frame(record.kind, body, record.sequence, record.durable, record.at_ns)
