"""A segment of a log of decisions: what its head says, and its records read again.

docs/desk-log.md shows every byte. A head has all that a desk is made of and the desk's state, so a
replay can begin with any segment; the segments before it may be gone.
"""

from __future__ import annotations

import hashlib
import json
import mmap
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from alp._core.checksum import crc32_of
from alp._core.desk_log import (
    WISH_KIND,
    DeskRecordReader,
    decode_numbers,
    decode_plain,
    decode_wish,
    encode_plain,
)
from alp._version import __version__
from alp.errors import DataError
from alp.models.desk import (
    EVENTS,
    BookState,
    DeskInstrument,
    Event,
    Filled,
    Gated,
    GateState,
    Paused,
    Wish,
)

MAGIC = b"alp.desk"
VERSION = 1
SUFFIX = ".alpdesk"
RAISED_KIND, ENDED_KIND = 65, 66
KINDS: dict[type[Any], tuple[int, int]] = {
    kind: (number, kind._fields.index("at_ns")) for number, kind in enumerate(EVENTS, 1)
}
"""By the type of an event: its number in a record, and which of its members is its time."""
_CASTS: dict[type[Any], tuple[str, type[Any]]] = {
    BookState: ("live", bool),
    Filled: ("maker", bool),
    Gated: ("state", GateState),
    Paused: ("paused", bool),
}
_HEAD = struct.Struct("<8sHHIIII")
_NAME = re.compile(r"decisions-(\d{10})\.alpdesk", re.ASCII)


class Cause(StrEnum):
    """Why a segment began, or ended."""

    BEGIN = "begin"
    SIZE_OR_AGE = "size or age"
    HOLE = "hole"
    RESTORED = "restored"
    CLOSED = "closed"


@dataclass(frozen=True)
class DeskHeader:
    """All that a desk is made of.

    Parameters
    ----------
    manifest
        The strategy's file, byte for byte.
    desk
        ``module:name`` of what makes the desk, see :func:`alp.recording.decisions_check.maker_of`.
    options
        What it is made with beside the manifest and the instruments: plain values.
    instruments
        Their grids, as the desk had them.
    alp
        The version that wrote.
    """

    manifest: bytes
    desk: str
    options: Mapping[str, Any] = field(default_factory=dict)
    instruments: tuple[DeskInstrument, ...] = ()
    alp: str = __version__

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values, but the manifest itself."""
        return {
            "alp": self.alp,
            "desk": self.desk,
            "options": dict(self.options),
            "instruments": [
                {
                    name: str(value) if isinstance(value, Decimal) else value
                    for name, value in asdict(each).items()
                }
                for each in self.instruments
            ],
            "manifest_sha256": hashlib.sha256(self.manifest).hexdigest(),
        }


@dataclass(frozen=True)
class SegmentHead:
    """What a segment says of itself.

    Parameters
    ----------
    header
        What the desk was made of.
    number
        Of the segment in its folder; rises by one.
    session
        The number of the first segment that the same desk wrote.
    cause
        Why it began.
    first_record
        Records of the session before it.
    snapshot
        The desk's state in front of the first record.
    """

    header: DeskHeader
    number: int
    session: int
    cause: Cause
    first_record: int
    snapshot: Any

    def encode(self) -> bytes:
        """Return the bytes in front of the first record."""
        facts = {
            **self.header.as_dict(),
            "segment": self.number,
            "session": self.session,
            "cause": self.cause.value,
            "first_record": self.first_record,
        }
        text = json.dumps(facts, sort_keys=True, separators=(",", ":")).encode()
        snapshot = encode_plain(self.snapshot)
        sizes = (len(text), len(self.header.manifest), len(snapshot))
        body = text + self.header.manifest + snapshot
        before = _HEAD.pack(MAGIC, VERSION, 0, *sizes, 0)[:-4]
        return before + struct.pack("<I", crc32_of(before + body)) + body


class Raised(NamedTuple):
    """The desk failed over the event before."""

    at_ns: int
    error: str


class Ended(NamedTuple):
    """The segment was ended; `lost` records are missing behind it."""

    at_ns: int
    cause: Cause
    lost: int


class Logged(NamedTuple):
    """One record: its number in the session, the byte where it begins, and what it says.

    `payload` is that of a wish, as it was encoded.
    """

    segment: int
    number: int
    offset: int
    what: Event | Wish | Raised | Ended
    payload: bytes


class Segment:
    """A segment that is read.

    Raises
    ------
    DataError
        If it is no log of decisions, of a newer version, or its head is damaged.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        with path.open("rb") as file:
            size = file.seek(0, 2)
            self._data: bytes | mmap.mmap = (
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
            )
        self.head, self.begins = _read_head(path, self._data)
        self.torn_bytes = 0
        """Of a record that the writer did not finish; known after the records were read."""

    @property
    def size(self) -> int:
        """Bytes of the file."""
        return len(self._data)

    def reader(self, offset: int | None = None, number: int | None = None) -> DeskRecordReader:
        """Return what reads the records, from the first one unless told otherwise."""
        return DeskRecordReader(
            self._data,
            self.begins if offset is None else offset,
            self.head.first_record if number is None else number,
        )

    def records(self, offset: int | None = None, number: int | None = None) -> Iterator[Logged]:
        """Yield the records.

        Raises
        ------
        DataError
            If one is damaged; what is torn off at the end is only counted.
        """
        reader = self.reader(offset, number)
        while True:
            begins = reader.offset
            try:
                found = reader.next()
                if found is None:
                    break
                kind, record, at_ns, payload = found
                what = _decode(kind, at_ns, payload)
            except (ValueError, TypeError) as error:
                raise DataError(f"byte {begins}: {error}", path=self.path) from error
            yield Logged(self.head.number, record, begins, what, payload)
            if isinstance(what, Ended) and reader.offset != self.size:
                raise DataError(f"byte {reader.offset}: bytes behind its end", path=self.path)
        self.torn_bytes = self.size - reader.offset


def segments_of(path: Path) -> list[Path]:
    """Return the segments of a folder, the oldest first, or the one file given.

    Raises
    ------
    DataError
        If a folder has none.
    """
    if not path.is_dir():
        return [path]
    found = [each for each in sorted(path.iterdir()) if _NAME.fullmatch(each.name)]
    if not found:
        raise DataError("no log of decisions in this folder", path=path)
    return found


def segment_number(path: Path) -> int:
    """Return the number in a segment's name; 0 where it has none."""
    parts = _NAME.fullmatch(path.name)
    return int(parts[1]) if parts else 0


def segment_path(folder: Path, number: int) -> Path:
    """Return where a segment is."""
    return folder / f"decisions-{number:010d}{SUFFIX}"


def read_desk_log(path: Path) -> tuple[DeskHeader, Iterator[Logged]]:
    """Return the oldest segment's header, and every record of a folder or file in order.

    Raises
    ------
    DataError
        If it is no log of decisions, of a newer version, or damaged.
    """
    paths = segments_of(path)
    header = Segment(paths[0]).head.header
    return header, chain.from_iterable(Segment(each).records() for each in paths)


def _read_head(path: Path, data: bytes | mmap.mmap) -> tuple[SegmentHead, int]:
    if data[:8] != MAGIC:
        raise DataError("not a log of decisions", path=path)
    if len(data) < _HEAD.size:
        raise DataError("the head is cut off", path=path)
    _, version, _, text_size, manifest_size, snapshot_size, crc = _HEAD.unpack_from(data)
    if version != VERSION:
        raise DataError(
            f"a log of decisions of version {version}; this alp reads version {VERSION}",
            path=path,
            hint="read it with the alp that wrote it, or a newer one",
        )
    begins = _HEAD.size + text_size + manifest_size + snapshot_size
    body = data[_HEAD.size : begins]
    if begins > len(data) or crc32_of(data[: _HEAD.size - 4] + body) != crc:
        raise DataError("the head is damaged", path=path)
    try:
        facts = json.loads(body[:text_size])
        manifest = body[text_size : text_size + manifest_size]
        return _head(facts, manifest, decode_plain(body[text_size + manifest_size :])), begins
    except (ValueError, KeyError, TypeError) as error:
        raise DataError(f"the head cannot be understood: {error!r}", path=path) from error


def _head(facts: dict[str, Any], manifest: bytes, snapshot: Any) -> SegmentHead:
    instruments = tuple(_instrument(each) for each in facts["instruments"])
    header = DeskHeader(manifest, facts["desk"], facts["options"], instruments, facts["alp"])
    cause = Cause(facts["cause"])
    return SegmentHead(
        header, facts["segment"], facts["session"], cause, facts["first_record"], snapshot
    )


def _instrument(facts: dict[str, Any]) -> DeskInstrument:
    sizes = {name: Decimal(facts[name]) for name in ("tick_size", "lot_size")}
    return DeskInstrument(**{**facts, **sizes})


def _decode(kind: int, at_ns: int, payload: bytes) -> Event | Wish | Raised | Ended:
    if kind == WISH_KIND:
        number, instrument, holds_ns, bids, asks, why = decode_wish(payload)
        return Wish(number, instrument, at_ns, at_ns + holds_ns, bids, asks, why)
    if kind == RAISED_KIND:
        return Raised(at_ns, decode_plain(payload))
    if kind == ENDED_KIND:
        cause, lost = decode_plain(payload)
        return Ended(at_ns, Cause(cause), lost)
    if not 1 <= kind <= len(EVENTS):
        raise ValueError(f"a record of kind {kind}, which this alp does not know")
    event = EVENTS[kind - 1]
    values: list[Any] = list(decode_numbers(payload))
    values.insert(KINDS[event][1], at_ns)
    if len(values) > len(event._fields):
        raise ValueError(f"{event.__name__} with {len(values)} members, a newer alp's")
    if event in _CASTS:
        name, cast = _CASTS[event]
        at = event._fields.index(name)
        if at < len(values):
            values[at] = cast(values[at])
    made: Event = event(*values)
    return made
