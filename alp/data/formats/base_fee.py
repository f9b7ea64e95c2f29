"""The chain's base fee over time as CSV, for the gas model."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal, InvalidOperation

import numpy as np

from alp.data.formats.candles import TIME_NAMES
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import BASE_FEE, Array, Kind
from alp.data.table import Cells, Line, csv_rows

_GWEI = 10**9
_NAMES = {
    "base_fee_per_gas": 1, "basefeepergas": 1, "base_fee_wei": 1, "basefeewei": 1,
    "base_fee_gwei": _GWEI, "basefeegwei": _GWEI, "base_fee": 0, "basefee": 0,
}  # fmt: skip
_BLOCK = ("block_number", "blocknumber", "block", "number")
_TIME = ("block_timestamp", *TIME_NAMES)
_MAX_U64 = (1 << 64) - 1


class BaseFeeCsv(Reader):
    """A block or a time (or both), and a base fee in wei or gwei."""

    format = "base-fee-csv"
    kinds = (Kind.BASE_FEE,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for a base fee."""
        return bool(set(head.columns) & set(_NAMES))

    def prepare(self) -> None:
        """Find columns and unit."""
        cells = self.cells = Cells(self.file, self.head.columns)
        self._fee = cells.index(*_NAMES)
        self._block, self._time = cells.find(*_BLOCK), cells.find(*_TIME)
        if self._block is None and self._time is None:
            raise self.fail(
                "neither a block nor a time", row=1, hint="export the fee with one of them"
            )
        name = self.head.columns[self._fee]
        self._wei = _NAMES[name]
        if not self._wei:
            if self.options.unit is None:
                raise self.fail(
                    f"column '{name}' does not say its unit",
                    row=1,
                    hint="name it base_fee_gwei or base_fee_wei, or give the option unit",
                )
            self._wei = _GWEI if self.options.unit == "gwei" else 1
        self.notes.add(f"base fee in {'gwei' if self._wei == _GWEI else 'wei'}")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield base fees in wei."""
        lines: list[Line] = []
        for line in csv_rows(self.file):
            lines.append(line)
            if len(lines) == max_rows:
                yield self._rows(lines)
                lines = []
        if lines:
            yield self._rows(lines)

    def _rows(self, lines: list[Line]) -> Rows:
        array: Array = np.empty(len(lines), BASE_FEE)
        array["ts_ns"] = array["block"] = -1
        if self._time is not None:
            array["ts_ns"] = [self.cells.time_ns(line, self._time) for line in lines]
        if self._block is not None:
            array["block"] = [self.cells.integer(line, self._block, low=0) for line in lines]
        array["base_fee_wei"] = [self._wei_of(line) for line in lines]
        return Rows(array, np.array([line.number for line in lines], np.int64))

    def _wei_of(self, line: Line) -> int:
        try:
            wei = Decimal(line.fields[self._fee].strip()) * self._wei
        except InvalidOperation:
            raise self.cells.fault(line, self._fee, "is not a number") from None
        if not wei.is_finite() or not 0 <= wei <= _MAX_U64:
            raise self.cells.fault(line, self._fee, "is no possible base fee")
        if wei != wei.to_integral_value():
            raise self.cells.fault(line, self._fee, "is not a whole number of wei")
        return int(wei)
