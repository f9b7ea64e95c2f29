"""Decoded pool events as CSV (demeter-fetch tick): one row an event, amounts in decimal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp.data.events import EventColumns
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import MAX_TICK, MIN_TICK, EventKind, Kind
from alp.data.table import Cells, Line, csv_rows

_U128 = (1 << 128) - 1
_U160 = (1 << 160) - 1
_I256 = (1 << 255) - 1
_KINDS = {
    "SWAP": EventKind.SWAP,
    "MINT": EventKind.MINT,
    "BURN": EventKind.BURN,
    "COLLECT": EventKind.COLLECT,
}


class DecodedLogs(Reader):
    """Columns tx_type, amount0, amount1, total_liquidity, sqrtPriceX96, current_tick, and so on.

    The price columns of events other than swaps repeat the swap before and are not read.
    """

    format = "decoded-logs-csv"
    kinds = (Kind.POOL_EVENTS,)

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for the decoded columns."""
        return head.has("tx_type", "amount0", "amount1", "sqrtpricex96", "current_tick")

    def prepare(self) -> None:
        """Find the columns."""
        cells = self.cells = Cells(self.file, self.head.columns)
        self._block = cells.index("block_number")
        self._time = cells.index("block_timestamp")
        self._type = cells.index("tx_type")
        self._log = cells.index("log_index", "pool_log_index")
        self._sender = cells.index("sender")
        self._amount0, self._amount1 = cells.index("amount0"), cells.index("amount1")
        self._total, self._liquidity = cells.index("total_liquidity"), cells.index("liquidity")
        self._price, self._tick = cells.index("sqrtpricex96"), cells.index("current_tick")
        self._lower, self._upper = cells.index("tick_lower"), cells.index("tick_upper")
        self.notes.add("a Mint's owner is not in this format: its sender is taken")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield the events."""
        events = EventColumns()
        for line in csv_rows(self.file):
            if len(events) == max_rows:
                yield Rows(events.array(), np.array(events.row, np.int64))
                events = EventColumns()
            self._add(events, line)
        if events.row:
            yield Rows(events.array(), np.array(events.row, np.int64))

    def _add(self, events: EventColumns, line: Line) -> None:
        cells = self.cells
        kind = _KINDS.get(line.fields[self._type].strip().upper())
        if kind is None:
            raise cells.fault(line, self._type, f"is none of {', '.join(_KINDS)}")
        swap = kind is EventKind.SWAP
        low = -_I256 if swap else 0
        place = (
            cells.time_ns(line, self._time),
            cells.integer(line, self._block, low=0),
            cells.integer(line, self._log, low=0),
        )
        liquidity = 0
        if kind is not EventKind.COLLECT:
            at = self._total if swap else self._liquidity
            liquidity = cells.integer(line, at, low=0, high=_U128)
        amounts = (
            cells.integer(line, self._amount0, low=low, high=_I256),
            cells.integer(line, self._amount1, low=low, high=_I256),
            liquidity,
        )
        owner = self._owner(line)
        if swap:
            price = (
                cells.integer(line, self._price, low=0, high=_U160),
                cells.integer(line, self._tick, low=MIN_TICK, high=MAX_TICK),
            )
            events.add(line.number, kind, place, amounts, owner=owner, price=price)
        else:
            ticks = (
                cells.integer(line, self._lower, low=MIN_TICK, high=MAX_TICK),
                cells.integer(line, self._upper, low=MIN_TICK, high=MAX_TICK),
            )
            events.add(line.number, kind, place, amounts, owner=owner, ticks=ticks)

    def _owner(self, line: Line) -> int:
        try:
            return int(line.fields[self._sender][-16:], 16)
        except ValueError:
            raise self.cells.fault(line, self._sender, "is not an address") from None
