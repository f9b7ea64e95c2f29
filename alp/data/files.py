"""Input files as streams of bytes: compression found by content, damage reported with its place."""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, cast

from alp.errors import DataError

_GZIP = b"\x1f\x8b"
_ZSTD = b"\x28\xb5\x2f\xfd"
_BLOCK = 1 << 20
_HEAD = 1 << 16

_CONTAINERS = (
    (b"PAR1", "parquet"),
    (b"SQLite format 3\x00", "sqlite"),
    (b"PK\x03\x04", "zip"),
    (b"ARROW1", "arrow"),
)


@dataclass
class Notes:
    """What a reader wants people to know about a file; each sentence once."""

    items: list[str] = field(default_factory=list)

    def add(self, note: str) -> None:
        """Keep `note` unless it was said before."""
        if note not in self.items:
            self.items.append(note)


class InputFile:
    """One file on disk, compressed or not.

    Attributes
    ----------
    path
        As given.
    compression
        ``"none"``, ``"gzip"`` or ``"zstd"``, by the file's first bytes.
    container
        ``"text"``, ``"parquet"``, ``"sqlite"``, ``"zip"`` or ``"arrow"``, by the first bytes
        behind the compression.
    open_end
        Whether the text was seen to end without a line end.

    Raises
    ------
    DataError
        If the file is missing, unreadable or empty.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                magic = stream.read(16)
        except OSError as error:
            raise DataError(
                f"cannot be read ({error.strerror})",
                path=path,
                hint="check the path; relative paths count from the working directory",
            ) from error
        self.compression = (
            "gzip" if magic[:2] == _GZIP else "zstd" if magic[:4] == _ZSTD else "none"
        )
        self.container = "text"
        self.open_end = False
        self.head = self._read_head()
        if not self.head:
            raise DataError("the file is empty", path=path, hint="fetch or copy it again")
        names = [name for mark, name in _CONTAINERS if self.head.startswith(mark)]
        if names:
            self.container, self.open_end = names[0], False

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of the file as it is on disk, in hex."""
        with self.path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def open(self) -> IO[bytes]:
        """Open the decompressed content."""
        if self.compression == "gzip":
            return cast("IO[bytes]", gzip.open(self.path, "rb"))
        if self.compression == "zstd":
            import pyarrow as pa

            return cast("IO[bytes]", pa.input_stream(str(self.path), compression="zstd"))
        return self.path.open("rb")

    def blocks(self, size: int = _BLOCK) -> Iterator[bytes]:
        """Yield the decompressed content in pieces of about `size` bytes.

        Raises
        ------
        DataError
            Where the compressed stream is cut off or damaged; `row` is the line it was met in.
        """
        block = b""
        with self.open() as stream:
            while True:
                try:
                    last, block = block, bytes(stream.read(size))
                except EOFError as error:
                    raise self._damaged("ends in the middle of the compressed stream") from error
                except (OSError, zlib.error) as error:
                    raise self._damaged(f"cannot be decompressed ({error})") from error
                if not block:
                    self.open_end = self.container == "text" and not last.endswith(b"\n")
                    return
                yield block

    def _damaged(self, what: str) -> DataError:
        return DataError(
            f"the file {what}",
            path=self.path,
            row=self._lines_before_damage() + 1,
            hint="the file was cut off or damaged on its way: copy or fetch it again",
        )

    def _lines_before_damage(self) -> int:
        """Count the lines that can be read; only done when something is wrong anyway."""
        lines = 0
        with self.open() as stream:
            while True:
                try:
                    block = stream.read(_BLOCK)
                except (OSError, EOFError, zlib.error):
                    return lines
                if not block:
                    return lines
                lines += block.count(b"\n")

    def _read_head(self) -> bytes:
        head = b""
        try:
            for block in self.blocks(_HEAD):
                head += block
                if len(head) >= _HEAD:
                    break
        except DataError:
            # A file damaged behind its first lines is reported where reading meets the damage.
            if not head:
                raise
        return head
