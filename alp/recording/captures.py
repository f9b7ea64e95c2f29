"""Captures of market data, message by message, in the forms people have them.

Told apart by their first line; plain, gzip or zstandard:

``hftbacktest``     local receive time in nanoseconds, a space, the message
``cryptofeed v3``   JSON lines with ``t`` (header, http, connect, send, recv), ``conn``, ``ts``
``cryptofeed``      ``<seconds>: <message>``; a line ``<url> -> <seconds>: <body>`` is a REST answer
``fixtures``        JSON lines with ``raw``, ``channel``, ``direction`` and perhaps ``symbol``
``messages``        nothing but messages, one a line

and alp's own recordings, see :mod:`alp.recording.records`.
"""

from __future__ import annotations

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from alp.errors import DataError
from alp.recording.records import (
    CLOSED,
    CONNECTED,
    HEADER,
    MESSAGE,
    NAME,
    NOTE,
    Torn,
    header_of,
    read_records,
)

GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
_OLD_REST = re.compile(rb"(?P<url>\S+) (?P<way>->|<-) (?P<at>\d+\.?\d*): ?")
_OLD_CONNECT = re.compile(rb"\S+ <-> (?P<at>\d+\.?\d*)")
_OLD = re.compile(rb"(?P<at>\d+\.?\d*): ")
_NS = re.compile(rb"(?P<at>\d{16,19}) ")
_SYMBOL = re.compile(r"[?&](?:symbol|pair)=([A-Za-z0-9_/-]+)")


@dataclass(frozen=True, slots=True)
class Message:
    """One message of a venue.

    Attributes
    ----------
    text
        As received.
    received_ns
        When, nanoseconds UTC; 0 where the capture does not tell.
    connection
        Which of the capture's connections it came by.
    symbol
        The product a REST answer is about, where the answer itself does not say.
    line
        Of the file, from 1.
    connected
        The connection was opened just before: what it counts begins anew. No text then.
    closed
        The connection was lost just before. No text then.
    address
        Where a connection goes, or a REST answer came from.
    inline
        The connection's own messages hold all that its books need, answers by REST included.
    """

    text: bytes
    received_ns: int
    connection: str
    symbol: str | None
    line: int
    connected: bool = False
    closed: bool = False
    address: str = ""
    inline: bool = False

    @property
    def is_event(self) -> bool:
        """Whether it tells of the connection, and is no message."""
        return self.connected or self.closed


REST = "rest"
"""The name of the connection that REST answers come by."""


def open_capture(path: Path) -> io.BufferedReader:
    """Open a file for reading, unpacked.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    try:
        file = path.open("rb")
        magic = file.peek(4)[:4]
    except OSError as error:
        raise DataError(error.strerror or str(error), path=path) from error
    if magic[:2] == GZIP:
        return io.BufferedReader(gzip.GzipFile(fileobj=file))
    if magic == ZSTD:
        return io.BufferedReader(_Unzstd(file))
    return file


class _Unzstd(io.RawIOBase):
    """Reads zstandard frames one after the other; a last frame that is not whole is an error.

    The library's own reader ends silently there.
    """

    def __init__(self, file: BinaryIO) -> None:
        import zstandard

        self._file = file
        self._new = zstandard.ZstdDecompressor().decompressobj
        self._frame = self._new()
        self._inside = False
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, room: Any) -> int:
        """Fill `room` as far as there is something."""
        while not self._ready:
            packed = self._file.read(1 << 16)
            if not packed:
                if self._inside:
                    raise EOFError("the last zstandard frame is not whole")
                return 0
            self._ready = memoryview(self._unpack(packed))
        count = min(len(room), len(self._ready))
        room[:count] = self._ready[:count]
        self._ready = self._ready[count:]
        return count

    def _unpack(self, packed: bytes) -> bytes:
        parts = []
        while packed:
            parts.append(self._frame.decompress(packed))
            self._inside = not self._frame.eof
            packed = self._frame.unused_data if self._frame.eof else b""
            if self._frame.eof:
                self._frame = self._new()
        return b"".join(parts)


def read_captures(paths: Iterable[Path], torn: list[Torn] | None = None) -> Iterator[Message]:
    """Yield the messages of several files that are one capture, in order.

    Parameters
    ----------
    torn
        Filled where a recording of alp ends in the middle of a block; without it that is an error.

    Raises
    ------
    DataError
        If a file is not a capture, or is damaged; what came before was yielded.
    """
    known = _Known()
    for path in paths:
        yield from _read(path, torn, known)


def read_capture(path: Path, torn: list[Torn] | None = None) -> Iterator[Message]:
    """Yield the messages of one file, see :func:`read_captures`."""
    yield from _read(path, torn, _Known())


@dataclass
class _Known:
    """What a recording said of its connections, by their numbers; its next file goes on from it."""

    names: dict[int, str] = field(default_factory=dict)
    answers: dict[int, str] = field(default_factory=dict)
    """Those that bring answers by REST, and from where."""


def _read(path: Path, torn: list[Torn] | None, known: _Known) -> Iterator[Message]:
    with open_capture(path) as file:
        if _begins_a_record(file):
            yield from _recorded(path, torn, known)
            return
        reader = None
        for number, line in _lines(file, path):
            if reader is None:
                reader = _reader(line)
                if reader is None:
                    raise DataError(
                        "not a capture of market data", path=path, row=number, hint=_FORMS
                    )
            try:
                message = reader(line, number)
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(
                    f"not a line of this capture: {error}", path=path, row=number
                ) from error
            if message is not None:
                yield message
        if reader is None:
            raise DataError("the file is empty", path=path)


def is_recording(path: Path) -> bool:
    """Whether a file is a recording of alp.

    Raises
    ------
    DataError
        If it cannot be opened.
    """
    with open_capture(path) as file:
        return _begins_a_record(file)


def _begins_a_record(file: io.BufferedReader) -> bool:
    """Whether this is a recording of alp: no text begins with a zero byte."""
    try:
        return file.peek(1)[:1] == bytes([HEADER])
    except (OSError, EOFError):
        return False


def _recorded(path: Path, torn: list[Torn] | None, known: _Known) -> Iterator[Message]:
    """Yield a recording's messages; what was opened to an http address answers by REST."""
    facts = header_of(path)
    names, answers = known.names, known.answers
    names |= {int(number): str(name) for number, name in facts.get("connections", {}).items()}
    inline = facts.get("snapshots") == "inline"
    for number, record in enumerate(read_records(path, torn=torn), 1):
        connection = record.connection
        name = names.get(connection, str(connection))
        if record.kind == CONNECTED:
            address = record.content.decode("utf-8", "replace")
            if address.startswith(("http://", "https://")):
                answers[connection] = address
                continue
            answers.pop(connection, None)
            yield Message(
                b"", record.ns, name, None, number, connected=True, address=address, inline=inline
            )
        elif record.kind == CLOSED:
            yield Message(b"", record.ns, name, None, number, closed=True, inline=inline)
        elif record.kind == NOTE and record.content.startswith(NAME):
            names[connection] = record.content.removeprefix(NAME).decode("utf-8", "replace")
        elif record.kind == MESSAGE and connection in answers:
            yield _answer(record.content, record.ns, answers[connection], number)
        elif record.kind == MESSAGE:
            yield Message(record.content, record.ns, name, None, number, inline=inline)


def _answer(body: bytes, received_ns: int, address: str, number: int) -> Message:
    symbol = _SYMBOL.search(address)
    return Message(body, received_ns, REST, symbol[1] if symbol else None, number, address=address)


_FORMS = "lines of `<ns> <json>`, bare JSON messages, or cryptofeed's recordings"


def _lines(file: BinaryIO, path: Path) -> Iterator[tuple[int, bytes]]:
    """Lines with something in them; a damaged archive names the last line that was whole."""
    number = 0
    try:
        for number, raw in enumerate(file, 1):
            line = raw.strip()
            if line:
                yield number, line
    except (OSError, EOFError, zlib.error) as error:
        raise _torn(path, number, error) from error
    except Exception as error:
        if type(error).__name__ != "ZstdError":
            raise
        raise _torn(path, number, error) from error


def _torn(path: Path, number: int, error: Exception) -> DataError:
    return DataError(
        f"the file is damaged or was cut off after line {number}: {error}", path=path, row=number
    )


def _reader(first: bytes) -> Any:
    """Return the function that reads lines like the first one, or None."""
    if _NS.match(first):
        return _hftbacktest
    if (
        _OLD.match(first)
        or _OLD_REST.match(first)
        or _OLD_CONNECT.match(first)
        or first.startswith(b"wss://")
    ):
        return _cryptofeed_old
    if first[:1] not in b"{[":
        return None
    try:
        row = orjson.loads(first)
    except orjson.JSONDecodeError:
        return None
    if isinstance(row, dict) and "t" in row and ("ts" in row or row["t"] == "header"):
        return _cryptofeed
    if isinstance(row, dict) and "raw" in row and "channel" in row:
        return _fixture
    return _bare


def seconds_to_ns(seconds: str | bytes | float) -> int:
    """Return nanoseconds of a Unix time in seconds, without a binary fraction in between."""
    text = seconds.decode() if isinstance(seconds, bytes) else str(seconds)
    return int(Decimal(text).scaleb(9))


def _hftbacktest(line: bytes, number: int) -> Message:
    found = _NS.match(line)
    if found is None:
        raise ValueError("no receive time before the message")
    return Message(line[found.end() :], int(found["at"]), "", None, number)


def _bare(line: bytes, number: int) -> Message:
    return Message(line, 0, "", None, number)


def _cryptofeed_old(line: bytes, number: int) -> Message | None:
    rest = _OLD_REST.match(line)
    if rest is not None:
        if rest["way"] == b"<-":
            return None
        received_ns = seconds_to_ns(rest["at"])
        return _answer(line[rest.end() :], received_ns, rest["url"].decode(), number)
    found = _OLD.match(line)
    if found is None:
        return None  # a connection's address, or what was sent on it
    return Message(line[found.end() :], seconds_to_ns(found["at"]), "", None, number)


def _cryptofeed(line: bytes, number: int) -> Message | None:
    row = json.loads(line, parse_float=str)  # a binary fraction would lose nanoseconds
    kind = row["t"]
    if kind in {"header", "send"}:
        return None
    connection = str(row["conn"])
    received_ns = seconds_to_ns(row["ts"])
    if kind in {"connect", "close"}:
        opened = kind == "connect"
        address = str(row.get("addr", ""))
        return Message(
            b"",
            received_ns,
            connection,
            None,
            number,
            connected=opened,
            closed=not opened,
            address=address,
        )
    if kind == "recv":
        return Message(row["data"].encode(), received_ns, connection, None, number)
    if kind == "http":
        return _answer(row["data"].encode(), received_ns, row["url"], number)
    return None


def _fixture(line: bytes, number: int) -> Message | None:
    row = orjson.loads(line)
    if row.get("direction", "in") != "in":
        return None
    received_ns = int(row.get("recv_ns") or 0)
    connection = REST if str(row["channel"]).startswith("rest") else ""
    return Message(row["raw"].encode(), received_ns, connection, row.get("symbol"), number)
