"""The log of decisions: every event that a desk was told and every wish it answered, in order.

What is appended is encoded at once and waits in memory; a thread writes it. A caller never waits
for the disk: what finds no room is left out and counted, the segment ends with a hole, and another
begins with the desk's state. If the disk fails, recording stops, is counted, and trading goes on.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from alp._core.desk_log import Appended, DeskRecords, encode_plain
from alp.errors import ConfigError, DataError
from alp.models.desk import Desk, Event, Wish
from alp.recording.decisions_file import (
    ENDED_KIND,
    KINDS,
    RAISED_KIND,
    SUFFIX,
    Cause,
    DeskHeader,
    Segment,
    SegmentHead,
    segment_number,
    segment_path,
    segments_of,
)

PAUSE_S = 0.02
"""Between two writes: what a kill loses at most."""
SYNC_EVERY = 50
"""Writes between two syncs: what a power cut loses at most is about a second."""
_UNFIT = (TypeError, ValueError, OverflowError, KeyError)


class DeskLog:
    """Writes a log of decisions; one thread appends.

    Parameters
    ----------
    folder
        Of this log alone; made where it is not there. Segments in it are kept.
    header
        What the desk is made of.
    segment_bytes, segment_ns
        A segment ends after so many bytes, or so long by the events' own times.
    keep
        Segments that stay; older ones are deleted.
    room
        Bytes that may wait for the disk.

    Raises
    ------
    ConfigError
        If another process writes there.
    OSError
        If the folder cannot be written.
    """

    def __init__(
        self,
        folder: Path,
        header: DeskHeader,
        *,
        segment_bytes: int = 64 << 20,
        segment_ns: int = 3600 * 10**9,
        keep: int = 32,
        room: int = 8 << 20,
    ) -> None:
        self.folder = folder
        self.header = header
        self.due = False
        """Whether :meth:`begin` is wanted, with the desk's state as it is before the next event."""
        self.failed = ""
        """Why nothing is recorded any more; empty while it is."""
        self._limits = (segment_bytes, segment_ns)
        self._room = room
        self._records = DeskRecords(KINDS, room)
        self._recording = False  # between a segment's beginning and a hole
        self._cause = Cause.SIZE_OR_AGE
        self._lost = self._lost_before = self._holes = 0
        self._lock = threading.Lock()
        self._pending: list[bytes | tuple[int, bytes]] = []
        self._wake = threading.Event()
        self._begun = self._closing = False
        self._files = _Files(folder, keep)
        self._session = self._number = self._files.last + 1
        self._thread = threading.Thread(target=self._write, name="decisions", daemon=True)
        self._thread.start()

    def begin(self, snapshot: Any, cause: Cause | None = None) -> None:
        """Begin a segment; called with the desk's state once at first, then whenever `due`."""
        self.due = False
        if self.failed or self._closing:
            return
        first = not self._begun
        why = Cause.BEGIN if first else cause or self._cause
        number = self._number if first else self._number + 1
        try:
            head = SegmentHead(
                self.header,
                number,
                self._session,
                why,
                # what ends the segment before is a record too
                0 if first else self._records.number + 1,
                snapshot,
            ).encode()
        except _UNFIT as error:
            self._fail(f"the desk's snapshot or the header: {error}")
            return
        with self._lock:
            if not first:
                self._end(why)
            self._pending.append((number, head))
        self._number, self._begun = number, True
        self._records.end_at(*self._limits)
        self._recording, self._cause = True, Cause.SIZE_OR_AGE
        self._wake.set()

    def event(self, event: Event) -> None:
        """Append what a desk is told, before it is."""
        if not self._recording:
            self._lose()
            return
        try:
            answer = self._records.event(event)
        except _UNFIT as error:
            self._fail(f"{type(event).__name__} cannot be recorded: {error}")
            return
        if answer == Appended.LONG_ENOUGH:
            self.due = True
        elif answer == Appended.NO_ROOM:
            self._lose()

    def wish(self, wish: Wish) -> None:
        """Append what the desk answered to the event before."""
        if not self._recording:
            self._lose()
            return
        try:
            if not self._records.wish(wish):
                self._lose()
        except _UNFIT as error:
            self._fail(f"a wish cannot be recorded: {error}")

    def raised(self, error: Exception) -> None:
        """Append that the desk failed over the event before."""
        text = encode_plain(f"{type(error).__name__}: {error}")
        if not self._recording or not self._records.other(RAISED_KIND, self._records.last_ns, text):
            self._lose()

    def close(self) -> None:
        """Write what waits and end the segment; further calls are counted as lost."""
        if self._closing:
            return
        with self._lock:
            if self._begun:
                self._end(Cause.CLOSED)
            self._recording, self._closing, self.due = False, True, False
        self._wake.set()
        self._thread.join()

    @property
    def counts(self) -> dict[str, int]:
        """Return records, bytes and segments written, records lost, holes, torn bytes cut off."""
        return {
            "records": self._records.number,
            "bytes": self._files.written,
            "segments": self._files.segments,
            "lost": self._lost,
            "holes": self._holes,
            "mended_bytes": self._files.mended,
        }

    def _end(self, cause: Cause) -> None:
        """Put the last record of a segment behind what waits; the lock is held."""
        lost = self._lost - self._lost_before
        self._lost_before = self._lost
        self._pending.append(self._records.take())
        self._records.other(ENDED_KIND, self._records.last_ns, encode_plain([cause.value, lost]))
        self._pending.append(self._records.take())

    def _lose(self) -> None:
        self._lost += 1
        if self._recording:
            self._recording, self._cause = False, Cause.HOLE
            self._holes += 1
        if not (self.failed or self._closing or self._pending or self._records.waiting_bytes):
            self.due = True

    def _fail(self, why: str) -> None:
        self.failed = why
        self._recording = self.due = False
        self._lost += 1

    def _write(self) -> None:
        turn = 0
        try:
            while True:
                self._wake.wait(PAUSE_S)
                self._wake.clear()
                with self._lock:
                    closing = self._closing
                    parts, self._pending = self._pending, []
                    parts.append(self._records.take())
                for part in parts:
                    self._files.put(part)
                turn += 1
                if turn % SYNC_EVERY == 0:
                    self._files.sync()
                if closing:
                    break
        except OSError as error:
            self.failed = f"{self.folder}: {error}"
            self._recording = self.due = False
        finally:
            self._files.close()


class RecordedDesk(Desk):
    """A desk whose every event and wish is recorded.

    Parameters
    ----------
    desk
        Who decides.
    log
        Who writes; closed with the desk.
    """

    def __init__(self, desk: Desk, log: DeskLog) -> None:
        self.desk = desk
        self.log = log
        self.interval_ns = desk.interval_ns
        log.begin(desk.snapshot())

    def on(self, event: Event) -> Sequence[Wish]:
        """Tell the desk what happened; return its wishes."""
        log = self.log
        if log.due:
            log.begin(self.desk.snapshot())
        log.event(event)
        try:
            wishes = self.desk.on(event)
        except Exception as error:
            log.raised(error)
            raise
        for wish in wishes:
            log.wish(wish)
        return wishes

    def renew(self) -> None:
        """Go on in another segment after the desk was changed by other means than an event."""
        self.log.begin(self.desk.snapshot(), Cause.RESTORED)

    def snapshot(self) -> dict[str, Any]:
        """Return the desk's state."""
        return self.desk.snapshot()

    def restore(self, state: dict[str, Any]) -> None:
        """Give the desk a state; the log goes on with it in another segment."""
        self.desk.restore(state)
        self.renew()

    def close(self) -> None:
        """Close the desk, then the log."""
        try:
            self.desk.close()
        finally:
            self.log.close()


def mend(path: Path) -> int:
    """Cut a torn record off the end of a segment; return the bytes that were cut.

    Raises
    ------
    DataError
        If it is damaged anywhere else.
    """
    segment = Segment(path)
    for _ in segment.records():
        pass
    if segment.torn_bytes:
        os.truncate(path, segment.size - segment.torn_bytes)
    return segment.torn_bytes


class _Files:
    """The segments of a folder, of which the last one is written."""

    def __init__(self, folder: Path, keep: int) -> None:
        self._folder = folder
        self._keep = max(keep, 1)
        folder.mkdir(parents=True, exist_ok=True)
        self._lock_fd = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock_fd)
            raise ConfigError(f"{folder}: another process writes decisions there") from None
        self._fd = -1
        self._size = 0
        self.written = self.segments = self.mended = 0
        for left in folder.glob(f"*{SUFFIX}.new"):
            left.unlink()
        found = self._segments()
        self.last = segment_number(found[-1]) if found else 0
        if found:
            with contextlib.suppress(DataError):  # what is damaged is left for who reads it
                self.mended = mend(found[-1])

    def _segments(self) -> list[Path]:
        try:
            return segments_of(self._folder)
        except DataError:
            return []

    def put(self, part: bytes | tuple[int, bytes]) -> None:
        """Write records, or begin a segment: its number and its head."""
        if isinstance(part, bytes):
            self._append(part)
            return
        number, head = part
        self._leave()
        path = segment_path(self._folder, number)
        new = Path(f"{path}.new")
        self._fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        self._size = 0
        self._append(head)
        self.sync()
        new.rename(path)  # a name stands for a whole head
        self.segments += 1
        for old in self._segments()[: -self._keep]:
            old.unlink()
        fd = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)

    def _append(self, data: bytes) -> None:
        if not data or self._fd < 0:
            return
        try:
            left = memoryview(data)
            while left:
                left = left[os.write(self._fd, left) :]
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self.written += len(data)

    def sync(self) -> None:
        """Make durable what was written."""
        if self._fd >= 0:
            os.fdatasync(self._fd)

    def _leave(self) -> None:
        if self._fd >= 0:
            try:
                os.fdatasync(self._fd)
            finally:
                os.close(self._fd)
                self._fd = -1

    def close(self) -> None:
        """Leave the last segment, and the folder to another."""
        try:
            with contextlib.suppress(OSError):  # told already, where it matters
                self._leave()
        finally:
            os.close(self._lock_fd)
