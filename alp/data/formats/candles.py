"""A venue's candles from parquet: open time, open, high, low, close, volume."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.candle_units import CandleTable, CandleUnits
from alp.data.parquet import open_parquet
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import Kind
from alp.data.times import to_ns

if TYPE_CHECKING:
    import pyarrow as pa

_TIME = ("date", "open_time", "timestamp", "time", "ts")
_VALUES = ("open", "high", "low", "close", "volume")


class CandleParquet(Reader):
    """Columns date (or another usual name), open, high, low, close, volume as float64."""

    format = "candles-parquet"
    kinds = (Kind.CANDLES,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for prices and a time in a parquet file."""
        return (
            head.file.container == "parquet"
            and head.has(*_VALUES)
            and any(name in head.columns for name in _TIME)
        )

    def prepare(self) -> None:
        """Find the units in a first pass."""
        names = dict(zip(self.head.columns, self.head.parquet_names, strict=True))
        self._time = next(names[name] for name in _TIME if name in names)
        self._columns = [self._time, *(names[name] for name in _VALUES)]
        units = CandleUnits(self.options.tick_size, self.options.lot_size)
        for table, _ in self._tables(1 << 16):
            units.look(table)
        self.tick_size, self.lot_size, self.period_ns = units.found(self, self.options.period_ns)

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield candles in ticks and lots."""
        tick_size, lot_size, period_ns = self.units()
        for table, rows in self._tables(max_rows):
            yield Rows(table.candles(self, rows, tick_size, lot_size, period_ns), rows)

    def units(self) -> tuple[Decimal, Decimal, int]:
        """Return tick size, lot size and period, which :meth:`prepare` found."""
        assert self.tick_size is not None
        assert self.lot_size is not None
        assert self.period_ns is not None
        return self.tick_size, self.lot_size, self.period_ns

    def _tables(self, max_rows: int) -> Iterator[tuple[CandleTable, npt.NDArray[np.int64]]]:
        first = 1
        parquet = open_parquet(self.file)
        for batch in parquet.iter_batches(max_rows, columns=self._columns):
            rows = np.arange(first, first + len(batch), dtype=np.int64)
            first += len(batch)
            yield self._table(batch, rows), rows

    def _table(self, batch: pa.RecordBatch, rows: npt.NDArray[np.int64]) -> CandleTable:
        import pyarrow as pa

        for name in self._columns:
            if batch.column(name).null_count:
                at = int(np.argmax(batch.column(name).is_null().to_numpy(zero_copy_only=False)))
                raise self.fail(
                    f"column '{name}' is empty", row=int(rows[at]), hint="fill or remove the candle"
                )
        values = [
            batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False)
            for name in self._columns[1:]
        ]
        return CandleTable(to_ns(self, batch.column(self._time), rows), *values)
