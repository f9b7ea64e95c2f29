"""Decoded pool events as CSV (demeter-fetch tick): one row an event, amounts in decimal."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from alp.data.columns import Cell, Value, Wanted, read_table
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import (
    MAX_TICK,
    MIN_TICK,
    POOL_EVENT,
    Array,
    EventKind,
    Kind,
    is_negative,
)
from alp.data.table import Cells, Line

_I32 = (1 << 31) - 1
_U128 = (1 << 128) - 1
_U160 = (1 << 160) - 1
_I256 = (1 << 255) - 1
_KINDS = {
    "SWAP": EventKind.SWAP,
    "MINT": EventKind.MINT,
    "BURN": EventKind.BURN,
    "COLLECT": EventKind.COLLECT,
}
# The cells (bit by column, in the order they are read) that an event cannot do without.
_ALWAYS = 0b0_0001_0011_1111
_SWAP_CELLS = np.uint64(_ALWAYS | 0b0_0110_0100_0000)
_POSITION_CELLS = np.uint64(_ALWAYS | 0b1_1000_1000_0000)
_COLLECT_CELLS = np.uint64(_ALWAYS | 0b1_1000_0000_0000)


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
        places: tuple[tuple[int, Cell], ...] = (
            (self._type, "word"), (self._time, "time"), (self._block, "int64"),
            (self._log, "int64"), (self._amount0, "int256"), (self._amount1, "int256"),
            (self._total, "uint128"), (self._liquidity, "uint128"), (self._sender, "hex_tail"),
            (self._price, "uint160"), (self._tick, "int64"), (self._lower, "int64"),
            (self._upper, "int64"),
        )  # fmt: skip
        wanted = [Wanted(*place) for place in places]
        for values, rows in read_table(
            self.file, wanted, self._row, max_rows, doubtful=_impossible
        ):
            yield Rows(_events(values), rows)

    def _row(self, line: Line) -> tuple[Value, ...]:
        cells = self.cells
        name = line.fields[self._type].strip().upper()
        kind = _KINDS.get(name)
        if kind is None:
            raise cells.fault(line, self._type, f"is none of {', '.join(_KINDS)}")
        swap = kind is EventKind.SWAP
        low = -_I256 if swap else 0
        place = (
            cells.time_ns(line, self._time),
            cells.integer(line, self._block, low=0),
            cells.integer(line, self._log, low=0, high=_I32),
        )
        liquidity = 0
        if kind is not EventKind.COLLECT:
            at = self._total if swap else self._liquidity
            liquidity = cells.integer(line, at, low=0, high=_U128)
        amounts = (
            cells.integer(line, self._amount0, low=low, high=_I256),
            cells.integer(line, self._amount1, low=low, high=_I256),
            *((liquidity, 0) if swap else (0, liquidity)),
        )
        owner = self._owner(line)
        if swap:
            price = cells.integer(line, self._price, low=0, high=_U160)
            tick = cells.integer(line, self._tick, low=MIN_TICK, high=MAX_TICK)
            return (name, *place, *amounts, owner, price, tick, 0, 0)
        ticks = (
            cells.integer(line, self._lower, low=MIN_TICK, high=MAX_TICK),
            cells.integer(line, self._upper, low=MIN_TICK, high=MAX_TICK),
        )
        return (name, *place, *amounts, owner, 0, 0, *ticks)

    def _owner(self, line: Line) -> int:
        try:
            return int(line.fields[self._sender][-16:], 16)
        except ValueError:
            raise self.cells.fault(line, self._sender, "is not an address") from None


def _kinds(names: npt.NDArray[np.bytes_]) -> npt.NDArray[np.uint8]:
    """Return the kind of each event, 0 for a name that is none."""
    kinds = np.zeros(len(names), np.uint8)
    for name, kind in _KINDS.items():
        kinds[names == name.encode()] = kind
    return kinds


def _impossible(values: list[Array], marks: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return the events that lack a cell their kind needs, or have one out of range."""
    kinds = _kinds(values[0])
    swap = kinds == EventKind.SWAP
    needed = np.where(swap, _SWAP_CELLS, _POSITION_CELLS)
    needed[kinds == EventKind.COLLECT] = _COLLECT_CELLS
    ticks = np.where(swap, values[10], values[11]), np.where(swap, values[10], values[12])
    outside = np.zeros(len(kinds), np.bool_)
    for tick in ticks:
        outside |= (tick < MIN_TICK) | (tick > MAX_TICK)
    below_zero = is_negative(values[4]) | is_negative(values[5])
    doubtful: npt.NDArray[np.bool_] = (
        (kinds == 0)
        | (marks & needed != 0)
        | (values[2] < 0)
        | (values[3] < 0)
        | (values[3] > _I32)
        | (below_zero & ~swap)
        | outside
    )
    return doubtful


def _events(values: list[Array]) -> Array:
    names, times, blocks, logs, amount0, amount1, total, liquidity, owners, *rest = values
    price, tick, lower, upper = rest
    array = np.zeros(len(names), POOL_EVENT)
    array["kind"] = _kinds(names)
    array["ts_ns"], array["block"], array["log_index"] = times, blocks, logs
    array["amount0"], array["amount1"], array["owner"] = amount0, amount1, owners
    swap = array["kind"] == EventKind.SWAP
    array["sqrt_price_x96"] = np.where(swap[:, None], price, 0)
    array["tick"] = np.where(swap, tick, 0)
    array["tick_lower"], array["tick_upper"] = np.where(swap, 0, lower), np.where(swap, 0, upper)
    array["liquidity"] = np.where(swap[:, None], total, liquidity)
    array["liquidity"][array["kind"] == EventKind.COLLECT] = 0
    return array
