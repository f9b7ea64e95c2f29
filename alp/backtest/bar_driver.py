"""Drives :class:`~alp._core.bar_replay.BarReplay`: minutes and OHLC bars."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from alp._core import bar_replay
from alp._core.lp_ledger import PositionBooks
from alp._core.price_history import PriceHistory
from alp.backtest.drive import BLOCK_NS, Reason, ReplayDriver, Stop, Times, roots_of, row_after
from alp.data.schema import Array, unsigned
from alp.errors import ConfigError, DataError
from alp.models.pair import TokenPair

FEE_MODELS = {"path": bar_replay.PATH, "share": bar_replay.SHARE}


class BarDriver(ReplayDriver):
    """Bars against our positions.

    Parameters
    ----------
    fees
        ``path`` or ``share``, see :mod:`alp._core.bar_replay`.
    batches
        BAR arrays in time order, not empty.
    keep_ns
        How much of the past the price history keeps.
    """

    def __init__(
        self, pair: TokenPair, fees: str, batches: Iterator[Array], *, keep_ns: int
    ) -> None:
        self._pair = pair
        self._batches = batches
        self.history = PriceHistory(keep_ns)
        first = self._take(next(batches))[0]
        opened = unsigned(first["open_x96"])
        self._replay = bar_replay.BarReplay(
            pair.fee_pips,
            pair.base_is_token0,
            FEE_MODELS[fees],
            opened,
            int(first["ts_ns"]),
        )
        super().__init__(self._replay, int(first["ts_ns"]))

    def _take(self, batch: Array) -> Array:
        self._bytes = np.ascontiguousarray(batch).view(np.uint8).reshape(-1)
        self._row = 0
        self._lasts = _lasts_of(batch)
        self.history.begin(batch["ts_ns"] + batch["period_ns"], roots_of(batch["close_x96"]))
        return batch

    @property
    def block(self) -> int:
        """Bars have no blocks: time over Ethereum's slot."""
        return self._ts_ns // BLOCK_NS

    @property
    def sqrt_price_x96(self) -> int:
        """The last close."""
        return self._replay.sqrt_price_x96

    @property
    def tick(self) -> int:
        """Tick of the last close."""
        return self._replay.tick

    @property
    def active_liquidity(self) -> int | None:
        """Liquidity of the last bar; None where bars do not tell."""
        return self._replay.liquidity or None

    @property
    def counters(self) -> dict[str, int | float]:
        """How many bars were replayed."""
        return {"bars": self._replay.bars}

    def advance(self, stop: Stop) -> Reason:
        """Apply bars up to a stop; a stop block is a time here.

        Raises
        ------
        DataError
            If a bar cannot be used.
        """
        stop_ns = min(stop.ts_ns, stop.block * BLOCK_NS)
        while True:
            start = self._row
            try:
                self._row, code = self._replay.advance(
                    self._bytes, start, stop_ns, stop.sqrt_low_x96, stop.sqrt_high_x96
                )
            except ValueError as error:
                raise DataError(str(error)) from error
            self.history.reach(self._row)
            if self._row > start:
                self._ts_ns = self._replay.ts_ns
            if code == bar_replay.END:
                following = next(self._batches, None)
                if following is None:
                    return Reason.END
                self._take(following)
                continue
            if code == bar_replay.FULL:
                return Reason.FULL
            if code == bar_replay.TIME:
                self._ts_ns = stop_ns
                return Reason.TIME if stop.ts_ns <= stop.block * BLOCK_NS else Reason.BLOCK
            return Reason.PRICE

    def row_after(self, ts_ns: int) -> int:
        """Return the moment before the first bar is over after a time; `NEVER_NS`: there is none.

        A stop at a bar's end has that bar in it, other than one at an event.
        """
        found, self._batches = row_after(self._lasts, self._row, self._batches, ts_ns, _lasts_of)
        return found

    def open(self, tick_lower: int, tick_upper: int, liquidity: int) -> tuple[int, int, int]:
        """Mint; return (slot, amount0, amount1) taken."""
        return self._replay.open(tick_lower, tick_upper, liquidity)

    def close(self, slot: int) -> tuple[PositionBooks, int, int]:
        """Burn and collect; return (books, amount0, amount1) received."""
        return self._replay.close(slot)

    def swap(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Trade ourselves: as quoted, since bars know no impact."""
        return self.quote(zero_for_one, amount_in)

    def quote(self, zero_for_one: bool, amount_in: int) -> tuple[int, int]:
        """Price a trade at the last close less the pool's fee: bars know no depth.

        Raises
        ------
        ConfigError
            If nothing would come out.
        """
        price = self.sqrt_price_x96
        net = amount_in * (1_000_000 - self._pair.fee_pips) // 1_000_000
        out = net * price * price >> 192 if zero_for_one else (net << 192) // (price * price)
        if out <= 0:
            raise ConfigError(f"a swap of {amount_in} raw units is too small to buy anything")
        return (amount_in, -out) if zero_for_one else (-out, amount_in)


def _lasts_of(batch: Array) -> Times:
    return np.ascontiguousarray(batch["ts_ns"] + batch["period_ns"] - 1)
