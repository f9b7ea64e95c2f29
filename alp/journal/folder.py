"""The files of a journal: who may write, what each is, and how one comes to be all at once.

::

    lock                      held by the one process that has the journal open
    fence-<token>             whose it is; who takes the journal over removes it
    segment-<index>.journal   records as they were appended
    checkpoint-<index>.journal  what all segments up to this index led to

A file begins with a head of 128 bytes. Tokens rise and are never used twice.
"""

from __future__ import annotations

import fcntl
import os
import re
import struct
from dataclasses import dataclass
from pathlib import Path

from alp._core.checksum import crc32_of
from alp._core.journal_records import FILE_HEAD_BYTES, SCHEMA
from alp.errors import ConfigError, DataError

MAGIC = b"alpjrnl\0"
SEGMENT, CHECKPOINT = 1, 2
EPOCH_BEGIN_S = 1_577_836_800
"""Tokens are at least the seconds since 2020-01-01 UTC, so one chosen without any file is new."""
DAMAGED = ".damaged"
_NAME = re.compile(r"(segment|checkpoint)-(\d{10})\.journal", re.ASCII)
_FENCE = re.compile(r"fence-(\d{1,20})", re.ASCII)
_HEAD = struct.Struct("<8sHHHxxQQq48s32xII")
assert _HEAD.size == FILE_HEAD_BYTES


@dataclass(frozen=True, slots=True)
class FileHead:
    """What a file says of itself."""

    kind: int
    token: int
    index: int
    created_ns: int
    account: str
    schema: int = SCHEMA

    def encode(self) -> bytes:
        """Return the head's bytes."""
        fields = (
            MAGIC, self.schema, FILE_HEAD_BYTES, self.kind, self.token, self.index,
            self.created_ns, self.account.encode(), 0,
        )  # fmt: skip
        body = _HEAD.pack(*fields, 0)[:-4]
        return body + struct.pack("<I", crc32_of(body))


def read_head(path: Path, data: bytes) -> FileHead | None:
    """Return a file's head, None where it is damaged or not there.

    Raises
    ------
    DataError
        If a newer alp wrote it.
    """
    if len(data) < FILE_HEAD_BYTES or crc32_of(data[: FILE_HEAD_BYTES - 4]) != int.from_bytes(
        data[FILE_HEAD_BYTES - 4 : FILE_HEAD_BYTES], "little"
    ):
        return None
    magic, schema, _, kind, token, index, created_ns, account, _, _ = _HEAD.unpack_from(data)
    if magic != MAGIC or kind not in (SEGMENT, CHECKPOINT):
        return None
    if schema > SCHEMA:
        raise DataError(
            f"a journal of schema {schema}; this alp reads up to {SCHEMA}",
            path=path,
            hint="run the alp that wrote it, or a newer one; do not delete it: it knows what is"
            " open at the venue",
        )
    return FileHead(
        kind, token, index, created_ns, account.rstrip(b"\0").decode("utf-8", "replace"), schema
    )


def sync_folder(folder: Path) -> None:
    """Make names that were added, changed or removed in a folder durable."""
    fd = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


class Folder:
    """A journal's folder.

    Parameters
    ----------
    path
        Made by :meth:`take_lock` where it is not there.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock_fd = -1

    def files(self, kind: int) -> list[tuple[int, Path]]:
        """Return the segments or the checkpoints by their index, the oldest first."""
        name = "segment" if kind == SEGMENT else "checkpoint"
        found = []
        for path in self.path.iterdir():
            parts = _NAME.fullmatch(path.name)
            if parts and parts[1] == name:
                found.append((int(parts[2]), path))
        return sorted(found)

    def heads(self) -> list[FileHead]:
        """Return the heads of all files that have one.

        Raises
        ------
        DataError
            If a newer alp wrote one of them.
        """
        found = []
        for kind in (SEGMENT, CHECKPOINT):
            for _, path in self.files(kind):
                with path.open("rb") as file:
                    head = read_head(path, file.read(FILE_HEAD_BYTES))
                if head is not None:
                    found.append(head)
        return found

    def path_of(self, kind: int, index: int) -> Path:
        """Return where the file of an index is."""
        return self.path / f"{'segment' if kind == SEGMENT else 'checkpoint'}-{index:010d}.journal"

    def take_lock(self) -> None:
        """Become the one process that writes here.

        Raises
        ------
        ConfigError
            If another one does.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        fd = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.pread(fd, 100, 0).decode("utf-8", "replace").strip() or "another process"
            os.close(fd)
            raise ConfigError(
                f"{self.path}: the journal is held by {holder}",
                hint="one account has one execution handler: stop the other one first",
            ) from None
        os.ftruncate(fd, 0)
        os.pwrite(fd, f"process {os.getpid()}\n".encode(), 0)
        self._lock_fd = fd

    def release_lock(self) -> None:
        """Let others write."""
        if self._lock_fd >= 0:
            os.close(self._lock_fd)
            self._lock_fd = -1

    @property
    def tokens(self) -> list[int]:
        """The tokens of the fences that stand."""
        names = (_FENCE.fullmatch(path.name) for path in self.path.iterdir())
        return sorted(int(found[1]) for found in names if found)

    def fence(self, token: int) -> Path:
        """Return the fence of a token."""
        return self.path / f"fence-{token}"

    def take_over(self, token: int) -> Path:
        """Put up our fence and take down all others; whoever wrote behind one has lost it."""
        ours = self.fence(token)
        fd = os.open(ours, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        os.close(fd)
        sync_folder(self.path)
        for other in self.tokens:
            if other != token:
                self.fence(other).unlink(missing_ok=True)
        sync_folder(self.path)
        return ours

    def create(self, head: FileHead, reserve: int) -> int:
        """Make a segment with room reserved for it; return its descriptor.

        Raises
        ------
        OSError
            If there is no room, or the file is there.
        """
        path = self.path_of(SEGMENT, head.index)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            if hasattr(os, "posix_fallocate"):
                os.posix_fallocate(fd, 0, reserve)
            os.pwrite(fd, head.encode(), 0)
            os.fsync(fd)
            sync_folder(self.path)
        except OSError:
            os.close(fd)
            path.unlink(missing_ok=True)
            raise
        return fd

    def publish(self, head: FileHead, records: bytes) -> Path:
        """Make a checkpoint that is there whole or not at all.

        Raises
        ------
        OSError
            If it cannot be written.
        """
        path = self.path_of(CHECKPOINT, head.index)
        draft = path.with_suffix(".draft")
        try:
            with draft.open("wb") as file:
                file.write(head.encode() + records)
                file.flush()
                os.fsync(file.fileno())
            draft.replace(path)
        except OSError:
            draft.unlink(missing_ok=True)
            raise
        sync_folder(self.path)
        return path
