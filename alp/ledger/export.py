"""A ledger as parquet files, for whoever reads tables: streamed, exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine

from alp.ledger.database import reading
from alp.ledger.migrate import require_newest
from alp.ledger.store import read_assets, stream_entries, stream_marks, stream_postings

if TYPE_CHECKING:
    import pyarrow as pa

_ROWS = 50_000


def export(engine: Engine, place: str, folder: Path) -> dict[str, int]:
    """Write ``entries``, ``postings``, ``marks`` and ``assets`` of one moment; return their rows.

    Amounts are decimals of 38 digits and no fraction, in raw units; marks of 78 digits are text.
    A file appears whole or not at all.

    Raises
    ------
    OSError
        If the folder cannot be written.
    """
    import pyarrow as pa

    text, number, whole = pa.string(), pa.int64(), pa.decimal128(38, 0)
    time = pa.timestamp("ns", "UTC")
    forms: dict[str, dict[str, Any]] = {
        "entries": {
            "sequence": number, "at": time, "kind": text, "proof": text, "life": pa.int16(),
            "block": text, "reverses": number, "content": text, "reversed_by": number,
        },
        "postings": {
            "sequence": number, "kind": text, "owner": text, "asset": text, "amount": whole,
        },
        "marks": {"sequence": number, "at": time, "asset": text, "mark_x96": text},
        "assets": {"name": text, "decimals": pa.int16()},
    }  # fmt: skip
    folder.mkdir(parents=True, exist_ok=True)
    with reading(engine) as connection:
        require_newest(connection, place)
        postings = stream_postings(connection)
        rows: dict[str, Iterable[tuple[Any, ...]]] = {
            "entries": stream_entries(connection),
            "postings": ((at, *each.account, each.amount) for at, each in postings),
            "marks": ((*each[:3], str(each[3])) for each in stream_marks(connection)),
            "assets": ((each.name, each.decimals) for each in read_assets(connection)),
        }
        return {
            name: _write(folder / f"{name}.parquet", pa.schema(form.items()), iter(rows[name]))
            for name, form in forms.items()
        }


def _write(path: Path, schema: pa.Schema, rows: Iterator[tuple[Any, ...]]) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    draft = path.with_suffix(".draft")
    count = 0
    try:
        with pq.ParquetWriter(draft, schema, compression="zstd") as writer:
            while some := list(islice(rows, _ROWS)):
                columns = zip(*some, strict=True)
                arrays = [
                    pa.array(_exact(column, each.type), each.type)
                    for column, each in zip(columns, schema, strict=True)
                ]
                writer.write_batch(pa.record_batch(arrays, schema=schema))
                count += len(some)
        draft.replace(path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
    return count


def _exact(column: tuple[Any, ...], form: pa.DataType) -> Iterable[Any]:
    """Return values that pyarrow takes without going through a float."""
    from decimal import Decimal

    import pyarrow as pa

    return map(Decimal, column) if pa.types.is_decimal(form) else column
