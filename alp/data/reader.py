"""What every file format offers: recognise a file, read it as arrays of one kind."""

from __future__ import annotations

import re
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

_NUMBER = re.compile(r"[-+]?\d+(\.\d*)?([eE][-+]?\d+)?|[Tt]rue|[Ff]alse")

HEADERLESS: dict[int, tuple[str, ...]] = {
    12: (
        "open_time",
        "open",
        "high",
        "low",
        "close",
        "volume",
        "close_time",
        "quote_volume",
        "count",
        "taker_buy_volume",
        "taker_buy_quote_volume",
        "ignore",
    ),
    8: (
        "agg_trade_id",
        "price",
        "quantity",
        "first_trade_id",
        "last_trade_id",
        "timestamp",
        "is_buyer_maker",
        "is_best_match",
    ),
    7: (
        "id",
        "price",
        "quantity",
        "quote_quantity",
        "timestamp",
        "is_buyer_maker",
        "is_best_match",
    ),
}
"""Binance's public archive: klines, aggregated trades and trades, by number of columns."""


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
    def first_line(self) -> tuple[str, ...]:
        """The fields of a text file's first line."""
        line = self.file.head.split(b"\n", 1)[0].decode("utf-8-sig", "replace").strip("\r")
        return tuple(name.strip().strip('"') for name in line.split(","))

    @cached_property
    def header(self) -> bool:
        """Whether a text file starts with column names: with anything that is no number."""
        return not all(_NUMBER.fullmatch(name) for name in self.first_line)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Column names in lower case, from the header or the parquet schema.

        A text file without header has the columns its exchange gives files of that width.
        """
        if self.file.container == "parquet":
            return tuple(name.lower() for name in self.parquet_names)
        if self.file.container != "text":
            return ()
        if not self.header:
            return HEADERLESS.get(len(self.first_line), ())
        return tuple(name.lower() for name in self.first_line)

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
    utc_offset_hours: int = 0
    """What the format's clock is ahead of UTC where nobody says."""
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

    @classmethod
    def possible_kinds(cls, head: Head, options: ReadOptions) -> tuple[Kind, ...]:  # noqa: ARG003
        """Return what this file can be read as; the first is taken when nobody says."""
        return cls.kinds

    def prepare(self) -> None:  # noqa: B027 - most formats need nothing
        """Look at the file once, before reading."""

    @abstractmethod
    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the file's records in pieces of at most `max_rows`, times as the file has them."""

    def rows(self, max_rows: int) -> Iterator[Rows]:
        """Yield the file's records with times in UTC."""
        hours = self.options.utc_offset_hours
        offset_ns = (self.utc_offset_hours if hours is None else hours) * 3600 * 10**9
        if offset_ns:
            self.notes.add(f"times are read as UTC{offset_ns // (3600 * 10**9):+d}")
        for piece in self.read(max_rows):
            if offset_ns and "ts_ns" in (piece.array.dtype.names or ()):
                times = piece.array["ts_ns"]
                times[times >= 0] -= offset_ns  # below zero: not known
            yield piece

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
