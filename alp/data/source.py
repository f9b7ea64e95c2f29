"""A source: one file, or several that follow each other, as checked arrays of one kind."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from alp.data.bars import MINUTE_NS, bars_of_events
from alp.data.checks import Checker, checker
from alp.data.files import InputFile, Notes
from alp.data.liquidity import bucket_rows
from alp.data.options import ReadOptions
from alp.data.reader import Head, Reader
from alp.data.schema import DTYPES, Array, Kind
from alp.data.solve import open_liquidity
from alp.errors import ConfigError, DataError
from alp.models.pair import TokenPair


@dataclass(frozen=True, slots=True)
class FileInfo:
    """Where data came from, for reports: enough to find out later whether it is the same file."""

    path: str
    """The file's name without its folder."""
    sha256: str
    format: str
    kind: str
    rows: int
    start_ns: int | None
    end_ns: int | None
    notes: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


class Source:
    """Recorded data of one kind, read in pieces.

    Attributes
    ----------
    paths
        The files, in the order of their times.
    kind, format
        What the rows are, and what the (first) file was recognised as.
    row_kind
        What the rows of the files are; differs from `kind` where they are converted on the way.
    readers, options
        One reader for each file, and what they were told.
    notes
        What was found out or assumed on the way; complete after a whole pass.
    tick_size, lot_size
        Units of ``CANDLE`` and ``TRADE`` rows, else None.
    period_ns
        Length of bars and candles, else None.
    approximate
        Whether values had been rounded before they came here.
    """

    def __init__(self, readers: Sequence[Reader], kind: Kind, options: ReadOptions) -> None:
        self.readers = tuple(readers)
        self.options = options
        self.kind = self.row_kind = kind
        self.pair = options.pair
        self.format = readers[0].format
        self.paths = tuple(reader.file.path for reader in readers)
        self.period_ns = readers[0].period_ns
        self.approximate = any(reader.approximate for reader in readers)
        self.tick_size = _finest([reader.tick_size for reader in readers])
        self.lot_size = _finest([reader.lot_size for reader in readers])
        for reader in readers:
            reader.tick_size, reader.lot_size = self.tick_size, self.lot_size
        self._infos: tuple[FileInfo, ...] | None = None

    @property
    def path(self) -> Path:
        """The first file."""
        return self.paths[0]

    @property
    def sha256(self) -> str:
        """SHA-256 of the first file as it is on disk, in hex."""
        return self.readers[0].file.sha256

    @property
    def notes(self) -> list[str]:
        """All notes, those of several files with the file's name in front."""
        if len(self.readers) == 1:
            return list(self.readers[0].notes.items)
        notes: list[str] = []
        for reader in self.readers:
            notes += [f"{reader.file.path.name}: {note}" for note in reader.notes.items]
        return notes

    def batches(self, max_rows: int = 65536) -> Iterator[Array]:
        """Yield the rows in order, in arrays of at most `max_rows`.

        Raises
        ------
        DataError
            At the first row that cannot be trusted; what was yielded before it is sound.
        """
        yield from self._checked(max_rows)

    def _checked(self, max_rows: int) -> Iterator[Array]:
        check = checker(self.row_kind, self.options)
        infos: list[FileInfo] = []
        for reader in self.readers:
            yield from self._file(reader, check, max_rows)
            infos.append(_info(reader, check))
        self._infos = tuple(infos)

    def read(self) -> Array:
        """Return all rows in one array; for sources known to be small."""
        pieces = list(self.batches())
        return np.concatenate(pieces) if pieces else np.empty(0, DTYPES[self.kind])

    def describe(self) -> tuple[FileInfo, ...]:
        """Return where each file's data came from; passes over the data if nobody did before."""
        if self._infos is None:
            for _ in self.batches():
                pass
        assert self._infos is not None
        return self._infos

    @staticmethod
    def _file(reader: Reader, check: Checker, max_rows: int) -> Iterator[Array]:
        check.start(reader)
        for array, rows in reader.rows(max_rows):
            check.look(array, rows)
            yield array
        check.finish()
        if check.file_rows == 0:
            raise reader.fail("no rows", hint="the file has a header and nothing else")
        if reader.file.open_end:
            reader.notes.add("the last row has no line end: the file may be cut off there")


class BarSource(Source):
    """Pool events read as bars of one period."""

    def __init__(self, readers: Sequence[Reader], kind: Kind, options: ReadOptions) -> None:
        super().__init__(readers, kind, options)
        self.kind = Kind.BARS
        self.period_ns = options.period_ns or MINUTE_NS

    def batches(self, max_rows: int = 65536) -> Iterator[Array]:
        """Yield the bars of the swaps; periods without swaps have none."""
        assert self.period_ns is not None
        return bars_of_events(self._checked(max_rows), self.period_ns, max_rows)


class DerivedLiquidity(Source):
    """The liquidity before the first of some pool events, derived from them."""

    def __init__(self, readers: Sequence[Reader], kind: Kind, options: ReadOptions) -> None:
        super().__init__(readers, kind, options)
        self.kind = Kind.LIQUIDITY
        if options.pair is None:
            readers[0].need_pair("derive liquidity: its tick spacing")

    def batches(self, max_rows: int = 65536) -> Iterator[Array]:
        """Yield the net liquidity at each boundary."""
        assert self.pair is not None
        buckets = open_liquidity(lambda: self._checked(65536), self.pair.tick_spacing)
        array = bucket_rows(buckets, self.readers[0].notes)
        for start in range(0, len(array), max_rows):
            yield array[start : start + max_rows]


_CONVERTED = {Kind.BARS: BarSource, Kind.LIQUIDITY: DerivedLiquidity}


def _info(reader: Reader, check: Checker) -> FileInfo:
    return FileInfo(
        path=reader.file.path.name,
        sha256=reader.file.sha256,
        format=reader.format,
        kind=reader.kind.value,
        rows=check.file_rows,
        start_ns=check.file_start_ns,
        end_ns=check.file_end_ns,
        notes=list(reader.notes.items),
    )


def _finest(sizes: Sequence[Decimal | None]) -> Decimal | None:
    known = [size for size in sizes if size is not None]
    return min(known) if known else None


def open_source(
    path: str | Path | Sequence[str | Path],
    *,
    kind: Kind | str | Sequence[Kind | str] | None = None,
    format: str | None = None,  # noqa: A002 - the manifest's word
    pair: TokenPair | None = None,
    **options: Any,
) -> Source:
    """Open recorded data of any format alp reads.

    Parameters
    ----------
    path
        A file, or several whose rows follow each other in time.
    kind
        What the rows shall be, where a file can be read as more than one kind; of several, the
        first that is possible. Pool events can also be read as bars of `period_ns` (a minute) and
        as the liquidity before them, derived from them.
    format
        The name of the format, where it shall not be found from the content.
    pair
        The pool's tokens, where prices must become sqrt prices.
    **options
        See :class:`~alp.data.options.ReadOptions`.

    Raises
    ------
    DataError
        If a file is missing, damaged or of no known format.
    ConfigError
        If an option is unknown, or the pair is needed and missing.
    """
    read_options = ReadOptions.of(pair, options)
    paths = [Path(path)] if isinstance(path, str | Path) else [Path(each) for each in path]
    if not paths:
        raise ConfigError("no data file was given")
    wanted = _kinds(kind)
    readers = [_open_reader(each, wanted, format, read_options) for each in paths]
    kinds = {reader.kind for reader in readers}
    if len(kinds) > 1:
        raise DataError(
            f"the files are of different kinds ({', '.join(sorted(kinds))})",
            path=paths[-1],
            hint="give only files of one kind as one source",
        )
    if wanted and readers[0].kind not in wanted:
        converted = next(_CONVERTED[each] for each in wanted if each in _CONVERTED)
        return converted(readers, readers[0].kind, read_options)
    return Source(readers, readers[0].kind, read_options)


def _kinds(kind: Kind | str | Sequence[Kind | str] | None) -> tuple[Kind, ...]:
    if kind is None:
        return ()
    return tuple(Kind(each) for each in ((kind,) if isinstance(kind, str) else kind))


def _open_reader(
    path: Path, wanted: tuple[Kind, ...], name: str | None, options: ReadOptions
) -> Reader:
    from alp.data.formats.registry import recognise

    file = InputFile(path)
    head = Head(file)
    chosen = recognise(head, name)
    possible = chosen.possible_kinds(head, options)
    kind = next((each for each in wanted if each in possible), None)
    if not wanted:
        kind = possible[0]
    elif kind is None and Kind.POOL_EVENTS in possible and set(wanted) & set(_CONVERTED):
        kind = Kind.POOL_EVENTS
    if kind is None:
        raise DataError(
            f"a {chosen.format} file cannot be read as {' or '.join(wanted)}",
            path=path,
            hint=f"it can be read as {', '.join(possible)}",
        )
    notes = Notes()
    if head.bom:
        notes.add("starts with a byte order mark")
    if head.crlf:
        notes.add("lines end with CR LF")
    return chosen(file, head, kind, options, notes)
