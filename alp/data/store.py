"""alp's own parquet form: any kind of rows, without loss, the same bytes every time.

Each field of the array is a column of its own width; quantities of several limbs are fixed-size
binary, lowest byte first. The file's metadata has one key, ``alp``: a JSON object that says the
version, the kind, the units and where the rows came from. Transaction hashes and full addresses
of the source are not kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from alp.data.options import ReadOptions
from alp.data.parquet import open_parquet
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import DTYPES, Array, Kind

if TYPE_CHECKING:
    import pyarrow as pa

VERSION = 1
_KEY = b"alp"
_ROWS = 65536


class StoredParquet(Reader):
    """A file written by :func:`write_store`."""

    format = "alp-parquet"
    kinds = tuple(Kind)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for alp's metadata."""
        if head.file.container != "parquet":
            return False
        return _KEY in (open_parquet(head.file).metadata.metadata or {})

    @classmethod
    def possible_kinds(cls, head: Head, options: ReadOptions) -> tuple[Kind, ...]:  # noqa: ARG003
        """Return the kind that was written."""
        try:
            return (Kind(_metadata(head)["kind"]),)
        except (KeyError, ValueError):
            return cls.kinds

    @cached_property
    def metadata(self) -> dict[str, Any]:
        """What :func:`write_store` said about the rows."""
        return _metadata(self.head)

    def prepare(self) -> None:
        """Check version and columns, take over units and notes."""
        version = self.metadata.get("version")
        if version != VERSION:
            raise self.fail(
                f"version {version} of alp's parquet form, this alp reads {VERSION}",
                hint="upgrade alp, or convert the original file again",
            )
        schema = open_parquet(self.file).schema_arrow
        for name, field_type in _arrow_types(self.kind).items():
            if name not in schema.names or schema.field(name).type != field_type:
                raise self.fail(
                    f"column '{name}' is missing or of another type", hint="convert again"
                )
        for name in ("tick_size", "lot_size"):
            if self.metadata.get(name) is not None:
                setattr(self, name, Decimal(self.metadata[name]))
        self.period_ns = self.metadata.get("period_ns")
        self.approximate = bool(self.metadata.get("approximate"))
        for source in self.metadata.get("sources", ()):
            self.notes.add(f"converted from {source['path']} (sha256 {source['sha256']})")
            for note in source["notes"]:
                self.notes.add(note)

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the rows as they were written."""
        first = 1
        columns = list(_arrow_types(self.kind))
        parquet = open_parquet(self.file)
        for group in range(parquet.metadata.num_row_groups):
            table = parquet.read_row_group(group, columns=columns)
            for batch in table.to_batches(max_chunksize=max_rows):
                rows = np.arange(first, first + len(batch), dtype=np.int64)
                first += len(batch)
                array = np.zeros(len(batch), DTYPES[self.kind])
                for name in columns:
                    column = batch.column(name)
                    if column.null_count:
                        raise self.fail(f"column '{name}' has empty values", row=int(rows[0]))
                    array[name] = _to_numpy(column, array.dtype[name])
                yield Rows(array, rows)


def write_store(
    path: Path, kind: Kind, batches: Iterable[Array], about: Callable[[], dict[str, Any]]
) -> int:
    """Write rows to `path` in alp's form; the file appears when it is complete.

    Parameters
    ----------
    about
        Called when all rows are written; returns ``tick_size``, ``lot_size`` (decimal text),
        ``period_ns``, ``approximate`` and ``sources`` (dicts of
        :class:`~alp.data.source.FileInfo`).

    Returns
    -------
    int
        The number of rows written.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    types = _arrow_types(kind)
    schema = pa.schema(list(types.items()))
    partial = path.with_name(path.name + ".part")
    rows = 0
    try:
        with pq.ParquetWriter(
            partial, schema, compression="zstd", compression_level=3, use_dictionary=False
        ) as writer:
            for array in _regroup(batches, _ROWS):
                columns = [_to_arrow(array[name], each) for name, each in types.items()]
                writer.write_batch(pa.record_batch(columns, schema=schema))
                rows += len(array)
            metadata = {"version": VERSION, "kind": kind.value, **about()}
            text = json.dumps(metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
            writer.add_key_value_metadata({_KEY: text.encode()})
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return rows


def _metadata(head: Head) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(open_parquet(head.file).metadata.metadata[_KEY])
    return found


def _arrow_types(kind: Kind) -> dict[str, pa.DataType]:
    """Return the column of each field of the kind's array, padding left out."""
    import pyarrow as pa

    types: dict[str, pa.DataType] = {}
    dtype = DTYPES[kind]
    for name in dtype.names or ():
        field = dtype[name]
        if name.startswith("pad"):
            continue
        types[name] = pa.binary(field.itemsize) if field.shape else pa.from_numpy_dtype(field)
    return types


def _to_arrow(values: np.ndarray[Any, Any], arrow_type: pa.DataType) -> pa.Array:
    import pyarrow as pa

    values = np.ascontiguousarray(values)
    if values.ndim == 1:
        return pa.array(values, type=arrow_type)
    return pa.Array.from_buffers(arrow_type, len(values), [None, pa.py_buffer(values)])


def _to_numpy(column: pa.Array, field: np.dtype[Any]) -> np.ndarray[Any, Any]:
    if not field.shape:
        plain: np.ndarray[Any, Any] = column.to_numpy(zero_copy_only=False)
        return plain
    width = field.itemsize
    count = len(column) * field.shape[0]
    values = np.frombuffer(column.buffers()[1], "<u8", count=count, offset=column.offset * width)
    return values.reshape(len(column), field.shape[0])


def _regroup(batches: Iterable[Array], size: int) -> Iterator[Array]:
    """Yield the same rows in arrays of exactly `size`, however they came."""
    held: list[Array] = []
    count = 0
    for batch in batches:
        rest = batch
        while len(rest):
            piece, rest = rest[: size - count], rest[size - count :]
            held.append(piece)
            count += len(piece)
            if count == size:
                yield np.concatenate(held)
                held, count = [], 0
    if held:
        yield np.concatenate(held)
