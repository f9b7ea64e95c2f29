"""A venue's trades as CSV, by the usual column names."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import numpy as np

from alp.data.formats.candles import TIME_NAMES
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import TRADE, Array, Kind
from alp.data.table import Cells, Line, csv_rows

_TIME = ("time_seconds", "transact_time", "trade_time", *TIME_NAMES)
_QUANTITY = ("size", "quantity", "qty", "amount", "volume")
_SIDE = ("side", "direction", "taker_side")
_MAKER = ("is_buyer_maker", "isbuyermaker")
_MAX_INT64 = (1 << 63) - 1
_BOUGHT = {"buy", "b", "bid", "1", "+1"}
_SOLD = {"sell", "s", "ask", "-1"}
_TRUE, _FALSE = {"1", "true", "t"}, {"0", "false", "f"}


class TradesCsv(Reader):
    """A time, a price, a quantity and, where there is one, the aggressor's side."""

    format = "trades-csv"
    kinds = (Kind.TRADES,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for a time, a price and a quantity."""
        columns = set(head.columns)
        return (
            head.file.container == "text"
            and "price" in columns
            and bool(columns & set(_TIME))
            and bool(columns & set(_QUANTITY))
        )

    def prepare(self) -> None:
        """Find columns, then units in a first pass."""
        cells = self.cells = Cells(self.file, self.head.columns)
        self._time, self._price = cells.index(*_TIME), cells.index("price")
        self._quantity = cells.index(*_QUANTITY)
        self._maker, self._side = cells.find(*_MAKER), cells.find(*_SIDE)
        if not self.head.header:
            self.notes.add("no header: read as Binance trades")
        if self._maker is None and self._side is None:
            self.notes.add("no column says which side was the aggressor: sides are unknown")
        price_places, quantity_places, rows = 0, 0, 0
        for line in csv_rows(self.file, header=self.head.header):
            price_places = max(price_places, _places(self._decimal(line, self._price)))
            quantity_places = max(quantity_places, _places(self._decimal(line, self._quantity)))
            rows += 1
        if not rows:
            raise self.fail("no trades", hint="the file has a header and nothing else")
        self.tick_size = self.options.tick_size or Decimal(f"1e-{price_places}")
        self.lot_size = self.options.lot_size or Decimal(f"1e-{quantity_places}")
        self.notes.add(f"price unit {self.tick_size}, quantity unit {self.lot_size}")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the trades in ticks and lots."""
        lines: list[Line] = []
        for line in csv_rows(self.file, header=self.head.header):
            lines.append(line)
            if len(lines) == max_rows:
                yield self._rows(lines)
                lines = []
        if lines:
            yield self._rows(lines)

    def _rows(self, lines: list[Line]) -> Rows:
        assert self.tick_size is not None
        assert self.lot_size is not None
        array: Array = np.zeros(len(lines), TRADE)
        array["ts_ns"] = [self.cells.time_ns(line, self._time) for line in lines]
        array["price"] = [self._units(line, self._price, self.tick_size) for line in lines]
        array["quantity"] = [self._units(line, self._quantity, self.lot_size) for line in lines]
        array["side"] = [self._aggressor(line) for line in lines]
        return Rows(array, np.array([line.number for line in lines], np.int64))

    def _decimal(self, line: Line, at: int) -> Decimal:
        try:
            value = Decimal(line.fields[at].strip())
        except InvalidOperation:
            raise self.cells.fault(line, at, "is not a number") from None
        if not value.is_finite() or value <= 0:
            raise self.cells.fault(line, at, "is not above zero")
        return value

    def _units(self, line: Line, at: int, unit: Decimal) -> int:
        units, rest = divmod(self._decimal(line, at), unit)
        if rest:
            raise self.cells.fault(line, at, f"is no multiple of {unit}", "correct the unit given")
        if units > _MAX_INT64:
            raise self.cells.fault(line, at, f"is too large in units of {unit}", "give a unit")
        return int(units)

    def _aggressor(self, line: Line) -> int:
        at, bought, sold = self._side, _BOUGHT, _SOLD
        if self._maker is not None:
            at, bought, sold = self._maker, _FALSE, _TRUE
        if at is None:
            return 0
        text = line.fields[at].strip().lower()
        if text not in bought | sold:
            raise self.cells.fault(line, at, "is no side")
        return 1 if text in bought else -1


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(0, -exponent)
