"""What every file format offers: recognise a file, read it as arrays of one kind."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from typing import ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt

from alp.data.files import InputFile, Notes
from alp.data.options import ReadOptions
from alp.data.schema import Array, Kind
from alp.errors import ConfigError, DataError


class Rows(NamedTuple):
    """A piece of a file: the records, and the line or row of the file each came from."""

    array: Array
    rows: npt.NDArray[np.int64]


@dataclass
class Head:
    """The first bytes of a file, seen as a table."""

    file: InputFile

    @cached_property
    def bom(self) -> bool:
        """Whether the text starts with a byte order mark."""
        return self.file.head.startswith(b"\xef\xbb\xbf")

    @cached_property
    def crlf(self) -> bool:
        """Whether the first line ends with CR LF."""
        return self.file.head.split(b"\n", 1)[0].endswith(b"\r")

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names in the first line of a CSV, or of a parquet file's schema; lower case."""
        if self.file.container == "parquet":
            return tuple(name.lower() for name in self.parquet_names)
        if self.file.container != "text":
            return ()
        line = self.file.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
        return tuple(name.strip().strip('"').lower() for name in line.split(","))

    @cached_property
    def parquet_names(self) -> tuple[str, ...]:
        """Column names of a parquet file as written."""
        from alp.data.parquet import open_parquet

        return tuple(open_parquet(self.file).schema_arrow.names)

    def has(self, *names: str) -> bool:
        """Whether all columns named are there."""
        return set(names) <= set(self.columns)


class Reader(ABC):
    """Reads one file of one format.

    The constructor looks at as much of the file as it needs to say what it is; :meth:`read`
    can be called again and again.
    """

    format: ClassVar[str]
    """The name people see."""
    kinds: ClassVar[tuple[Kind, ...]]
    """What it can be read as; the first is the default."""

    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    period_ns: int | None = None
    approximate: bool = False
    """Whether values were rounded by whoever wrote the file."""

    def __init__(
        self, file: InputFile, head: Head, kind: Kind, options: ReadOptions, notes: Notes
    ) -> None:
        self.file = file
        self.head = head
        self.kind = kind
        self.options = options
        self.notes = notes
        self.prepare()

    @classmethod
    @abstractmethod
    def matches(cls, head: Head) -> bool:
        """Whether a file that starts like this is of this format."""

    def prepare(self) -> None:
        """Look at the file once, before reading; the default needs nothing."""

    @abstractmethod
    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the file's records in pieces of at most `max_rows`."""

    def fail(self, message: str, *, row: int | None = None, hint: str | None = None) -> DataError:
        """Return the error that names this file."""
        return DataError(message, path=self.file.path, row=row, hint=hint)

    def need_pair(self, why: str) -> None:
        """Refuse to go on without a token pair.

        Raises
        ------
        ConfigError
            If none was given.
        """
        if self.options.pair is None:
            raise ConfigError(
                f"{self.file.path}: the pool's tokens must be known to {why}",
                hint="give the pair (--pair on the command line, spec.pool in a manifest)",
            )
