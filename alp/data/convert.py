"""Any recorded data to alp's own parquet form; sorting and dropping repeats only when asked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from alp.data.checks import checker
from alp.data.schema import DTYPES, Array, Kind
from alp.data.source import Source, open_source
from alp.data.store import write_store
from alp.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a conversion did."""

    rows: int
    kind: Kind
    dropped: int
    """Rows left out because they were identical to another."""


def convert(
    paths: str | Path | Sequence[str | Path],
    target: Path,
    *,
    sort: bool = False,
    drop_duplicates: bool = False,
    progress: Callable[[int], None] | None = None,
    **options: Any,
) -> Conversion:
    """Write files as one parquet file of alp's form.

    The same files and options give the same bytes. Sorting, or dropping repeats, holds all rows
    in memory (about 400 bytes for a pool event).

    Parameters
    ----------
    sort
        Put rows in order of block and log index, or of time where there is no block.
    drop_duplicates
        Leave out a row that is identical to another; rows that only share their place are refused.
    **options
        As for :func:`alp.data.open_source`.

    Raises
    ------
    DataError
        If a file cannot be trusted.
    ConfigError
        If the target is one of the files, or an option is wrong.
    """
    source = open_source(paths, **options)
    if target.exists() and any(target.samefile(path) for path in source.paths):
        raise ConfigError(f"{target}: would be written over its own source")
    dropped = 0
    mended: list[dict[str, Any]] | None = None
    batches: Iterable[Array]
    if sort or drop_duplicates:
        if drop_duplicates and source.kind is Kind.TRADES:
            raise ConfigError("two trades may be alike: repeats cannot be told from trades")
        if source.kind is not source.row_kind:
            raise ConfigError(f"sort first, then convert the result to {source.kind}")
        array, dropped = _mend(source, sort=sort, drop_duplicates=drop_duplicates)
        batches = (array,)
        mended = [_plain_info(reader) for reader in source.readers]
    else:
        batches = source.batches()

    def about() -> dict[str, Any]:
        return {
            "tick_size": None if source.tick_size is None else str(source.tick_size),
            "lot_size": None if source.lot_size is None else str(source.lot_size),
            "period_ns": source.period_ns,
            "approximate": source.approximate,
            "sources": mended or [info.as_dict() for info in source.describe()],
        }

    rows = write_store(target, source.kind, _counted(batches, progress), about)
    return Conversion(rows, source.kind, dropped)


def _counted(batches: Iterable[Array], progress: Callable[[int], None] | None) -> Iterator[Array]:
    for batch in batches:
        yield batch
        if progress is not None:
            progress(len(batch))


def _mend(source: Source, *, sort: bool, drop_duplicates: bool) -> tuple[Array, int]:
    """Return all rows mended as asked and checked, and the number dropped."""
    arrays: list[Array] = []
    lines: list[npt.NDArray[np.int64]] = []
    for reader in source.readers:
        for array, rows in reader.rows(65536):
            arrays.append(array)
            lines.append(rows)
    array = np.concatenate(arrays) if arrays else np.empty(0, DTYPES[source.kind])
    rows = np.concatenate(lines) if lines else np.empty(0, np.int64)
    before = len(array)
    if drop_duplicates:
        kept = np.sort(np.unique(_bytes(array), return_index=True)[1])
        array, rows = array[kept], rows[kept]
    if sort:
        order = np.lexsort([array[name] for name in reversed(_keys(source.kind))])
        array, rows = array[order], rows[order]
    check = checker(source.kind, source.options)
    check.start(source.readers[0])
    check.look(array, rows)
    check.finish()
    dropped = before - len(array)
    done = [
        word for word, wanted in (("sorted", sort), ("repeats dropped", drop_duplicates)) if wanted
    ]
    source.readers[0].notes.add(f"{' and '.join(done)} when converted: {dropped} rows left out")
    return array, dropped


def _keys(kind: Kind) -> tuple[str, ...]:
    if kind is Kind.POOL_EVENTS:
        return ("block", "log_index")
    return ("tick",) if kind is Kind.LIQUIDITY else ("ts_ns",)


def _bytes(array: Array) -> npt.NDArray[np.void]:
    return np.ascontiguousarray(array).view(np.dtype((np.void, array.dtype.itemsize)))


def _plain_info(reader: Any) -> dict[str, Any]:
    return {
        "path": reader.file.path.name,
        "sha256": reader.file.sha256,
        "format": reader.format,
        "notes": list(reader.notes.items),
    }
