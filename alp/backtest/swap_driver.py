"""Drives :class:`~alp._core.lp_replay.LpReplay`: recorded pool events and arbitrage flow."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp._core import lp_replay
from alp._core.errors import Revert
from alp._core.lp_ledger import PositionBooks
from alp._core.pool import Pool
from alp._core.price_history import PriceHistory
from alp.backtest.drive import Reason, ReplayDriver, Stop, Times, prices_of, row_after
from alp.backtest.markouts import Markouts
from alp.data.schema import Array
from alp.errors import DataError
from alp.models.pair import TokenPair


class SwapDriver(ReplayDriver):
    """Pool events against our positions.

    Parameters
    ----------
    pool
        The pool at the beginning of the window, without our liquidity.
    batches
        POOL_EVENT arrays in time order, beginning after the pool's state.
    reexecute
        Whether our liquidity moves the price.
    mark_every_ns
        How often the ledger is settled.
    ts_ns, block
        Time and block of the pool's state.
    keep_ns
        How much of the past the price history keeps.
    markouts
        Takes every trade against our positions.
    """

    def __init__(
        self,
        pair: TokenPair,
        pool: Pool,
        batches: Iterator[Array],
        *,
        reexecute: bool,
        mark_every_ns: int,
        ts_ns: int,
        block: int,
        keep_ns: int,
        markouts: Markouts,
    ) -> None:
        self._pair = pair
        self._pool = pool
        self._batches = batches
        self._markouts = markouts
        self.history = PriceHistory(keep_ns)
        self._replay = lp_replay.LpReplay(
            pool,
            pair.base_is_token0,
            lp_replay.REEXECUTE if reexecute else lp_replay.OVERLAY,
            mark_every_ns,
            ts_ns,
            block,
        )
        super().__init__(self._replay, ts_ns)
        self._take(next(batches, None))

    def _take(self, batch: Array | None) -> bool:
        if batch is None:
            return False
        self._batch = batch
        self._bytes = np.ascontiguousarray(batch).view(np.uint8).reshape(-1)
        self._times = np.ascontiguousarray(batch["ts_ns"])
        self._roots = np.empty(len(batch))
        self._d_base = np.empty(len(batch))
        self._d_quote = np.empty(len(batch))
        self._row = 0
        self._marked_out = 0
        self.history.begin(self._times, self._roots)
        return True

    @property
    def block(self) -> int:
        """Block of the last event."""
        return self._replay.block

    @property
    def sqrt_price_x96(self) -> int:
        """The pool's price."""
        return self._pool.sqrt_price_x96

    @property
    def tick(self) -> int:
        """The pool's tick."""
        return self._pool.tick

    @property
    def active_liquidity(self) -> int | None:
        """Liquidity of others at the price."""
        return self._replay.others_liquidity

    @property
    def counters(self) -> dict[str, int | float]:
        """What was replayed and how faithfully."""
        return self._replay.counters

    def advance(self, stop: Stop) -> Reason:
        """Apply events up to a stop and settle the ledger there.

        Raises
        ------
        DataError
            If the pool refused an event.
        """
        while True:
            start = self._row
            try:
                self._row, code = self._replay.advance(
                    self._bytes,
                    start,
                    stop.ts_ns,
                    stop.block,
                    stop.sqrt_low_x96,
                    stop.sqrt_high_x96,
                    self._roots,
                    self._d_base,
                    self._d_quote,
                )
            except Revert as error:
                raise DataError(
                    f"the pool refused a recorded event ({error.reason or 'no reason'})",
                    hint="check the data with `alp data inspect`",
                ) from error
            self._record(start)
            if code == lp_replay.END:
                self._mark_out()
                if self._take(next(self._batches, None)):
                    continue
            if code == lp_replay.TIME:
                self._ts_ns = stop.ts_ns
            # A sample may lie later than the last event.
            self._ts_ns = max(self._ts_ns, self._replay.ts_ns)
            self._replay.settle(self._ts_ns)
            return Reason(code)

    def row_after(self, ts_ns: int) -> int:
        """Return the time of the first event later than a time; `NEVER_NS` where there is none."""
        found, self._batches = row_after(self._times, self._row, self._batches, ts_ns, _times_of)
        return found

    def _record(self, start: int) -> None:
        if self._row == start:
            return
        self.history.reach(self._row)
        self._ts_ns = int(self._times[self._row - 1])

    def _mark_out(self) -> None:
        """Hand the batch's trades over once all of it was applied."""
        rows = slice(self._marked_out, self._row)
        self._marked_out = self._row
        pair = self._pair
        self._markouts.add(
            self._times[rows],
            prices_of(pair, self._roots[rows]),
            self._d_base[rows] * 10.0**-pair.base_decimals,
            self._d_quote[rows] * 10.0**-pair.quote_decimals,
        )

    def open(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int, int]:
        """Mint; return (slot, amount0, amount1) taken."""
        return self._replay.open(tick_lower, tick_upper, liquidity, self._ts_ns)

    def close(self, slot: int) -> tuple[PositionBooks, int, int]:
        """Burn and collect; return (books, amount0, amount1) received."""
        return self._replay.close(slot, self._ts_ns)

    def swap(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Sell an exact amount; an overlay's own swap leaves recorded prices alone."""
        return self._replay.swap(zero_for_one, amount_in, self._ts_ns)

    def quote(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Return what selling an exact amount would do now."""
        return self._replay.quote(zero_for_one, amount_in)


def _times_of(batch: Array) -> Times:
    return np.ascontiguousarray(batch["ts_ns"])
