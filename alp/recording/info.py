"""What a capture or a recording holds, without building a book."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from alp.errors import DataError
from alp.recording.captures import Message, is_recording, read_capture
from alp.recording.identify import ENOUGH, identify
from alp.recording.npz import NpzInfo, is_npz, npz_info
from alp.recording.records import Torn, blocks_of, header_of


@dataclass
class ConnectionInfo:
    """One connection of a capture."""

    messages: int = 0
    bytes: int = 0
    opened: int = 0
    closed: int = 0
    first_ns: int | None = None
    last_ns: int | None = None


@dataclass
class RecordingInfo:
    """What one file holds.

    Attributes
    ----------
    form
        ``alp`` for a recording of ours, ``capture`` for the text forms, ``hftbacktest-npz``.
    venue, products
        Found out from its first messages; None where they are of no venue known.
    first_ns, last_ns
        Receive times; None where the file has none.
    backwards
        Messages received before one in front of them.
    blocks
        Of a recording of ours.
    """

    path: Path
    form: str
    size: int
    header: dict[str, Any] | None = None
    venue: str | None = None
    products: list[str] = field(default_factory=list)
    messages: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    backwards: int = 0
    connections: dict[str, ConnectionInfo] = field(default_factory=dict)
    blocks: int | None = None
    torn: Torn | None = None
    events: NpzInfo | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        row = dict(vars(self))
        row["path"] = str(self.path)
        row["connections"] = {name: vars(each) for name, each in self.connections.items()}
        if self.torn is not None:
            row["torn"] = {"offset": self.torn.offset, "bytes": self.torn.size}
        row["events"] = None if self.events is None else vars(self.events)
        return row


def recording_info(path: Path, progress: Callable[[int], None] | None = None) -> RecordingInfo:
    """Read one file through.

    Parameters
    ----------
    progress
        Told how many messages were taken since the last time.

    Raises
    ------
    DataError
        If it is no capture, or is damaged; a torn end of a recording is told, not raised.
    """
    if is_npz(path):
        return RecordingInfo(path, "hftbacktest-npz", path.stat().st_size, events=npz_info(path))
    info = RecordingInfo(path, "capture", path.stat().st_size)
    torn: list[Torn] = []
    if is_recording(path):
        info.form = "alp"
        info.header = header_of(path)
        info.blocks = sum(1 for _ in blocks_of(path, []))
    for count, message in enumerate(read_capture(path, torn), 1):
        _take(info, message)
        if progress is not None and count % 4096 == 0:
            progress(4096)
    info.torn = torn[0] if torn else None
    _identify(info)
    return info


def _take(info: RecordingInfo, message: Message) -> None:
    connection = info.connections.setdefault(message.connection, ConnectionInfo())
    at = message.received_ns
    if at:
        info.backwards += info.last_ns is not None and at < info.last_ns
        info.first_ns = at if info.first_ns is None else min(info.first_ns, at)
        info.last_ns = at if info.last_ns is None else max(info.last_ns, at)
        connection.first_ns = connection.first_ns or at
        connection.last_ns = at
    if message.connected:
        connection.opened += 1
    elif message.closed:
        connection.closed += 1
    else:
        info.messages += 1
        connection.messages += 1
        connection.bytes += len(message.text)


def _identify(info: RecordingInfo) -> None:
    try:
        found = identify(islice(read_capture(info.path, []), ENOUGH))
    except DataError:
        return
    info.venue, info.products = found.venue, sorted(found.products)
