"""Swaps of which only the amounts were kept, several pools and protocols in one CSV."""

from __future__ import annotations

import math
from collections.abc import Iterator
from decimal import Decimal
from typing import NamedTuple

import numpy as np

from alp.data.bars import MINUTE_NS, BarBuilder
from alp.data.reader import Head, Reader, Rows
from alp.data.schema import TRADE, Array, Kind
from alp.data.table import Cells, Line, csv_rows

_I256 = (1 << 255) - 1
_TICK_SIZE, _LOT_SIZE = Decimal("1e-8"), Decimal("1e-9")


class Swap(NamedTuple):
    """One swap of the pool: its place, and the pool's amounts."""

    row: int
    ts_ns: int
    amount0: int
    amount1: int


class SwapAmounts(Reader):
    """Columns block_number, block_timestamp, event_type, pool_address, token0, token1, amounts.

    Read as bars of the pool, or as trades against it. A swap's price is what it paid, so it holds
    the pool's fee and the swap's own impact.
    """

    format = "swap-amounts-csv"
    kinds = (Kind.BARS, Kind.TRADES)
    approximate = True

    @classmethod
    def matches(cls, head: Head) -> bool:
        """Look for amounts and a pool, without prices."""
        return head.has(
            "block_timestamp", "event_type", "pool_address", "amount0", "amount1", "log_index"
        )

    def prepare(self) -> None:
        """Find the columns."""
        cells = self.cells = Cells(self.file, self.head.columns)
        self._block, self._log = cells.index("block_number"), cells.index("log_index")
        self._time, self._event = cells.index("block_timestamp"), cells.index("event_type")
        self._pool = cells.index("pool_address")
        self._amounts = cells.index("amount0"), cells.index("amount1")
        self._tokens = cells.find("token0"), cells.find("token1")
        self.notes.add("prices are what each swap paid: they hold the fee and its own impact")
        if self.kind is Kind.TRADES:
            self.need_pair("turn amounts into prices")
            self.tick_size = self.options.tick_size or _TICK_SIZE
            self.lot_size = self.options.lot_size or _LOT_SIZE
            self.notes.add(f"price rounded to {self.tick_size}, quantity to {self.lot_size}")
        else:
            self.period_ns = self.options.period_ns or MINUTE_NS
            self.notes.add("the active liquidity is unknown")

    def read(self, max_rows: int) -> Iterator[Rows]:
        """Yield bars of the pool or trades against it."""
        if self.kind is Kind.TRADES:
            yield from self._trades(max_rows)
            return
        builder = BarBuilder(self.period_ns or MINUTE_NS)
        rows: list[int] = []
        start = -1
        for swap in self._swaps():
            price = math.isqrt((abs(swap.amount1) << 192) // abs(swap.amount0))
            if swap.ts_ns // builder.period_ns != start:
                start = swap.ts_ns // builder.period_ns
                if len(rows) == max_rows:
                    builder.close()
                    yield Rows(builder.take(), np.array(rows, np.int64))
                    rows = []
                rows.append(swap.row)
            builder.add(swap.ts_ns, price, swap.amount0, swap.amount1, 0)
        builder.close()
        if rows:
            yield Rows(builder.take(), np.array(rows, np.int64))

    def _trades(self, max_rows: int) -> Iterator[Rows]:
        swaps: list[Swap] = []
        for swap in self._swaps():
            swaps.append(swap)
            if len(swaps) == max_rows:
                yield self._trade_rows(swaps)
                swaps = []
        if swaps:
            yield self._trade_rows(swaps)

    def _trade_rows(self, swaps: list[Swap]) -> Rows:
        pair = self.options.pair
        assert pair is not None
        assert self.tick_size is not None
        assert self.lot_size is not None
        array: Array = np.zeros(len(swaps), TRADE)
        for index, swap in enumerate(swaps):
            base_raw, quote_raw = pair.join(swap.amount0, swap.amount1)
            base, quote = pair.from_raw_base(abs(base_raw)), pair.from_raw_quote(abs(quote_raw))
            array["price"][index] = round(quote / base / self.tick_size)
            array["quantity"][index] = round(base / self.lot_size)
            array["side"][index] = 1 if base_raw < 0 else -1
        array["ts_ns"] = [swap.ts_ns for swap in swaps]
        return Rows(array, np.array([swap.row for swap in swaps], np.int64))

    def _swaps(self) -> Iterator[Swap]:
        cells = self.cells
        pool = (self.options.pool or "").lower()
        others, not_swaps, without_price = 0, 0, 0
        last = (-1, -1)
        for line in csv_rows(self.file):
            address = line.fields[self._pool].strip().lower()
            if not pool:
                pool = address
            if address != pool:
                if self.options.pool is None:
                    raise self._other_pool(line)
                others += 1
                continue
            key = (cells.integer(line, self._block, low=0), cells.integer(line, self._log, low=0))
            if key <= last:
                raise self._order(line, key == last)
            last = key
            if line.fields[self._event].strip().lower() != "swap":
                not_swaps += 1
                continue
            self._check_tokens(line)
            amount0, amount1 = (
                cells.integer(line, at, low=-_I256, high=_I256) for at in self._amounts
            )
            if amount0 * amount1 > 0:
                raise cells.fault(line, self._amounts[1], "has the sign of amount0")
            if not amount0 or not amount1:
                without_price += 1
                continue
            yield Swap(line.number, cells.time_ns(line, self._time), amount0, amount1)
        for count, what in (
            (others, "rows of other pools left out, as asked"),
            (not_swaps, "rows of the pool that are no swaps left out"),
            (without_price, "swaps with an amount of 0 have no price and are left out"),
        ):
            if count:
                self.notes.add(f"{count} {what}")

    def _check_tokens(self, line: Line) -> None:
        """Refuse a file whose token symbols are the pair's in the other order."""
        pair = self.options.pair
        at0, at1 = self._tokens
        if pair is None or at0 is None or at1 is None:
            return
        given = (line.fields[at0].strip().lower(), line.fields[at1].strip().lower())
        symbols = (pair.base_symbol.lower(), pair.quote_symbol.lower())
        expected = symbols if pair.base_is_token0 else symbols[::-1]
        if given == expected[::-1]:
            raise self.cells.fault(
                line,
                at0,
                f"is token1 of the pair given ({expected[0]}/{expected[1]})",
                "the order of the pair's tokens is wrong: correct baseIsToken0",
            )

    def _other_pool(self, line: Line) -> Exception:
        return self.cells.fault(
            line,
            self._pool,
            "is another pool than in the rows before",
            "choose one: option pool (--pool 0x... on the command line)",
        )

    def _order(self, line: Line, same: bool) -> Exception:
        return self.cells.fault(
            line,
            self._log,
            "is the same block and log index as before" if same else "goes back in chain order",
            "sort the file by block_number and log_index, and remove repeated rows",
        )
