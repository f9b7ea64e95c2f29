"""alp's own recordings: what venues sent, byte for byte, with the time of receipt.

A file is a row of zstandard frames. Each frame is a block of whole records and is written at once,
so whatever kills the writer leaves whole blocks and at most one torn at the end. A record is

    u8 kind, u16 connection, u32 length, i64 nanoseconds UTC, then ``length`` bytes

little endian. The first record of a file is its header, JSON: the format's version and what is
recorded. Connection events stand among the messages, since continuity depends on them; their
content is where the connection goes. What was opened to an ``http`` address brings the answer to
that request and nothing else. Beside each file an index holds, for every block, the time of its
first record and where it begins.
"""

from __future__ import annotations

import json
import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, Self

from alp.errors import DataError

FORMAT = "alp.recording/1"
SUFFIX = ".alprec.zst"
INDEX_SUFFIX = ".index"
BLOCK_BYTES = 256 * 1024
BLOCK_NS = 1_000_000_000
HEADER, MESSAGE, CONNECTED, CLOSED, NOTE = range(5)
NAME = b"name="
"""A note that begins so names its connection; the header's ``connections`` may name it too."""
_KINDS = {HEADER, MESSAGE, CONNECTED, CLOSED, NOTE}
_RECORD = struct.Struct("<BHIq")
_ENTRY = struct.Struct("<qQ")
MOST_BYTES = 1 << 26
"""Bytes of one record: more cannot be a message."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message or event of a recording."""

    kind: int
    connection: int
    ns: int
    content: bytes


@dataclass
class Recorder:
    """Writes recordings into a folder, a new file whenever one is long enough.

    Parameters
    ----------
    folder, name
        Files are ``<folder>/<name>-<first nanosecond>.alprec.zst``.
    facts
        What is recorded: venue, symbols, connections; goes into each file's header.
    rotate_bytes, rotate_ns
        A file ends at this size, or after this time.
    level
        Of the compression.
    """

    folder: Path
    name: str
    facts: dict[str, Any]
    rotate_bytes: int = 256 * 1024 * 1024
    rotate_ns: int = 3600 * 10**9
    level: int = 3
    messages: int = 0
    written_bytes: int = 0
    files: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        import zstandard

        self._compressor = zstandard.ZstdCompressor(level=self.level, write_checksum=True)
        self._block = bytearray()
        self._block_ns = 0
        self._file: BinaryIO | None = None
        self._index: BinaryIO | None = None
        self._begun_ns = self._last_ns = 0
        self._size = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def message(self, connection: int, ns: int, content: bytes) -> None:
        """Record a message as received.

        Raises
        ------
        OSError
            If the file cannot be written: the disk is full, or gone.
        """
        self.messages += 1
        self._add(MESSAGE, connection, ns, content)

    def event(self, kind: int, connection: int, ns: int, text: str) -> None:
        """Record that a connection was opened or closed, or a note about it."""
        self._add(kind, connection, ns, text.encode())

    def _add(self, kind: int, connection: int, ns: int, content: bytes) -> None:
        if self._file is None:
            self._open(ns)
        if not self._block:
            self._block_ns = ns
        self._block += _RECORD.pack(kind, connection, len(content), ns)
        self._block += content
        self._last_ns = ns
        if len(self._block) >= BLOCK_BYTES or ns - self._block_ns >= BLOCK_NS:
            self.flush()

    def _open(self, ns: int) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{self.name}-{ns}{SUFFIX}"
        self._file = path.open("xb")
        self._index = Path(f"{path}{INDEX_SUFFIX}").open("xb")  # noqa: SIM115 - until the file ends
        self.files.append(path)
        self._begun_ns = ns
        self._size = 0
        header = json.dumps({"format": FORMAT, **self.facts}, sort_keys=True).encode()
        self._block += _RECORD.pack(HEADER, 0, len(header), ns) + header
        self._block_ns = ns

    def flush(self) -> None:
        """Write what is waiting as one block; end the file where it is long enough."""
        self._write()
        if self._size >= self.rotate_bytes or self._last_ns - self._begun_ns >= self.rotate_ns:
            self._end()

    def _write(self) -> None:
        if self._file is None or self._index is None or not self._block:
            return
        packed = self._compressor.compress(bytes(self._block))
        self._index.write(_ENTRY.pack(self._block_ns, self._size))
        self._index.flush()
        self._file.write(packed)
        self._file.flush()
        os.fdatasync(self._file.fileno())
        self._size += len(packed)
        self.written_bytes += len(packed)
        self._block.clear()

    def close(self) -> None:
        """Write what is waiting and end the file; the next message begins another."""
        self._write()
        self._end()

    def _end(self) -> None:
        for file in (self._file, self._index):
            if file is not None:
                file.close()
        self._file = self._index = None


@dataclass
class Torn:
    """What was lost at the end of a file that was not closed: bytes after the last whole block."""

    path: Path
    offset: int
    size: int


def read_records(
    path: Path, *, from_ns: int | None = None, torn: list[Torn] | None = None
) -> Iterator[Record]:
    """Yield the records of one file; the header is the first unless `from_ns` is given.

    Parameters
    ----------
    from_ns
        Begin with the block that holds this time; earlier records in it are left out.
    torn
        Filled where the file ends in the middle of a block; without it that is an error.

    Raises
    ------
    DataError
        If the file is no recording of this version, or is damaged.
    """
    with path.open("rb") as file:
        if from_ns is not None:
            file.seek(_offset(path, from_ns))
        for offset, block in _blocks(file, path, torn):
            for record in _records(block, path, offset):
                if from_ns is None or record.ns >= from_ns:
                    yield record


def blocks_of(path: Path, torn: list[Torn] | None = None) -> Iterator[tuple[int, int]]:
    """Yield (where it begins, bytes when unpacked) of each whole block of a file."""
    with path.open("rb") as file:
        for offset, block in _blocks(file, path, torn):
            yield offset, len(block)


def header_of(path: Path) -> dict[str, Any]:
    """Return what a file says of itself.

    Raises
    ------
    DataError
        If it is no recording of this version.
    """
    for record in read_records(path, torn=[]):
        if record.kind != HEADER:
            break
        try:
            facts: dict[str, Any] = json.loads(record.content)
        except ValueError:
            break
        if facts.get("format") != FORMAT:
            raise DataError(
                f"a recording of format {facts.get('format')!r}, this build reads {FORMAT!r}",
                path=path,
            )
        return facts
    raise DataError("not a recording of alp", path=path)


def mend(path: Path) -> Torn | None:
    """Cut a torn block off the end of a file; return what was cut, None where it was whole."""
    torn: list[Torn] = []
    for _ in read_records(path, torn=torn):
        pass
    if not torn:
        return None
    with path.open("r+b") as file:
        file.truncate(torn[0].offset)
    return torn[0]


def _offset(path: Path, from_ns: int) -> int:
    """Where the last block begins that does not begin after a time."""
    index = Path(f"{path}{INDEX_SUFFIX}")
    entries = _read_index(index) if index.is_file() else []
    size = path.stat().st_size
    best = 0
    for first_ns, offset in entries:
        if first_ns <= from_ns and offset < size:
            best = offset
    return best


def _read_index(index: Path) -> list[tuple[int, int]]:
    content = index.read_bytes()
    whole = len(content) - len(content) % _ENTRY.size  # its last entry may be torn too
    return list(_ENTRY.iter_unpack(content[:whole]))


def _blocks(file: BinaryIO, path: Path, torn: list[Torn] | None) -> Iterator[tuple[int, bytes]]:
    """Yield (offset, content) of each zstandard frame."""
    import zstandard

    offset = file.tell()
    packed = b""
    while True:
        unpacker = zstandard.ZstdDecompressor().decompressobj()
        begun, parts, used = offset, [], 0
        while not unpacker.eof:
            if not packed:
                packed = file.read(1 << 18)
            if not packed:
                break
            try:
                parts.append(unpacker.decompress(packed))
            except zstandard.ZstdError as error:
                raise DataError(
                    f"damaged in the block at byte {begun}: {error}", path=path
                ) from error
            used += len(packed)
            packed = unpacker.unused_data if unpacker.eof else b""
        if not unpacker.eof:
            if used:
                _tear(path, begun, used, torn)
            return
        offset = begun + used - len(packed)
        yield begun, b"".join(parts)


def _tear(path: Path, offset: int, size: int, torn: list[Torn] | None) -> None:
    if torn is None:
        raise DataError(
            f"the file ends in the middle of a block: {size} bytes after byte {offset} are torn",
            path=path,
            hint="its writer was killed; what is before is whole",
        )
    torn.append(Torn(path, offset, size))


def _records(block: bytes, path: Path, offset: int) -> Iterator[Record]:
    at = 0
    while at < len(block):
        if at + _RECORD.size > len(block):
            raise DataError(f"a record is cut off in the block at byte {offset}", path=path)
        kind, connection, length, ns = _RECORD.unpack_from(block, at)
        at += _RECORD.size
        if kind not in _KINDS or length > MOST_BYTES or at + length > len(block):
            raise DataError(f"no record of alp in the block at byte {offset}", path=path)
        yield Record(kind, connection, ns, block[at : at + length])
        at += length
