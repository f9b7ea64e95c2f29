"""Candles from CSV or parquet: a venue's candles or, with a token pair, a pool's bars."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.candle_bars import RAW_VOLUME, PoolPrices
from alp.data.candle_units import CandleTable, CandleUnits
from alp.data.columns import Wanted, read_table
from alp.data.options import ReadOptions
from alp.data.parquet import open_parquet
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import Kind
from alp.data.table import Cells, Line
from alp.data.times import to_ns

if TYPE_CHECKING:
    import pyarrow as pa

TIME_NAMES = ("date", "open_time", "open time", "timestamp", "datetime", "time", "ts", "unix")
_VALUES = ("open", "high", "low", "close", "volume")
_LOOK = 1 << 14


def _is_raw(volume: bytes) -> bool:
    try:
        return float(volume) > RAW_VOLUME
    except ValueError:
        return False


class CandleReader(Reader):
    """A time, open, high, low, close and volume; units and price direction are found first."""

    kinds = (Kind.CANDLES, Kind.BARS)

    def prepare(self) -> None:
        """Find the units in a first pass."""
        units = CandleUnits(self.options.tick_size, self.options.lot_size)
        self.find_columns()
        if self.kind is Kind.BARS:
            self.need_pair("read prices as a pool's")
            prices = self._prices = PoolPrices(self)
            for table, rows in self.tables(_LOOK):
                units.look_at_times(table)
                prices.look(table, rows)
            self.period_ns = units.period(self, self.options.period_ns)
            prices.decide()
            return
        for table, _ in self.tables(_LOOK):
            units.look(table)
        self.tick_size, self.lot_size, self.period_ns = units.found(self, self.options.period_ns)

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield candles in ticks and lots, or bars in sqrt prices."""
        assert self.period_ns is not None
        for table, rows in self.tables(max_rows):
            if self.kind is Kind.BARS:
                yield Rows(self._prices.bars(table, rows, self.period_ns), rows)
                continue
            assert self.tick_size is not None
            assert self.lot_size is not None
            array = table.candles(self, rows, self.tick_size, self.lot_size, self.period_ns)
            yield Rows(array, rows)

    @abstractmethod
    def find_columns(self) -> None:
        """Find the columns by name."""

    @abstractmethod
    def tables(self, max_rows: int) -> Iterator[tuple[CandleTable, npt.NDArray[np.int64]]]:
        """Yield the columns in pieces, with the row of each candle."""


class CandleCsv(CandleReader):
    """Candles as CSV; a Binance kline file without header counts as having its usual columns."""

    format = "candles-csv"

    @classmethod
    def possible_kinds(cls, head: Head, options: ReadOptions) -> tuple[Kind, ...]:  # noqa: ARG003
        """Take a volume that can only be raw token units for a pool's."""
        at = head.columns.index("volume")
        for line in head.file.head.splitlines()[1:100]:
            fields = line.split(b",")
            if len(fields) == len(head.columns) and _is_raw(fields[at]):
                return cls.kinds[::-1]
        return cls.kinds

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for prices and a time in a text file."""
        return (
            head.file.container == "text"
            and head.has(*_VALUES)
            and any(name in head.columns for name in TIME_NAMES)
        )

    def find_columns(self) -> None:
        """Find the columns by name."""
        self.cells = Cells(self.file, self.head.columns)
        self._time = self.cells.index(*TIME_NAMES)
        self._values = [self.cells.index(name) for name in _VALUES]
        if not self.head.header:
            self.notes.add("no header: read as Binance klines")

    def tables(self, max_rows: int) -> Iterator[tuple[CandleTable, npt.NDArray[np.int64]]]:
        """Yield the columns in pieces."""
        wanted = [Wanted(self._time, "time"), *(Wanted(at, "float") for at in self._values)]
        pieces = read_table(self.file, wanted, self._row, max_rows, header=self.head.header)
        for values, rows in pieces:
            yield CandleTable(*values), rows

    def _row(self, line: Line) -> tuple[float, ...]:
        numbers = (self.cells.number(line, at) for at in self._values)
        return (self.cells.time_ns(line, self._time), *numbers)


class CandleParquet(CandleReader):
    """Candles as parquet, prices as float64."""

    format = "candles-parquet"

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for prices and a time in a parquet file."""
        return (
            head.file.container == "parquet"
            and head.has(*_VALUES)
            and any(name in head.columns for name in TIME_NAMES)
        )

    def find_columns(self) -> None:
        """Find the columns by name, whatever their case."""
        names = dict(zip(self.head.columns, self.head.parquet_names, strict=True))
        self._time = next(names[name] for name in TIME_NAMES if name in names)
        self._columns = [self._time, *(names[name] for name in _VALUES)]

    def tables(self, max_rows: int) -> Iterator[tuple[CandleTable, npt.NDArray[np.int64]]]:
        """Yield the columns in pieces."""
        first = 1
        for batch in open_parquet(self.file).iter_batches(max_rows, columns=self._columns):
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
        # A cast that changes nothing would still import all of pyarrow's kernels.
        columns = [batch.column(name) for name in self._columns[1:]]
        values = [
            (column if pa.types.is_float64(column.type) else column.cast(pa.float64())).to_numpy(
                zero_copy_only=False
            )
            for column in columns
        ]
        return CandleTable(to_ns(self, batch.column(self._time), rows), *values)
