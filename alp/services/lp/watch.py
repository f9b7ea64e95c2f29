"""The pool as seen block by block: what the models may know of its past, as a backtest has it."""

from __future__ import annotations

import numpy as np

from alp._core.price_history import PriceHistory
from alp.backtest.drive import SAMPLE
from alp.backtest.estimates import Estimates
from alp.chain.port import ChainView, LogKind, Mined
from alp.models.pair import TokenPair
from alp.strategy.manifest import Spec

Q96 = float(1 << 96)
Q128 = float(1 << 128)
WARM_UP_BLOCKS = 7_200
"""Of the past that is asked for at a start: a day of mainnet."""


class PoolWatch:
    """What :class:`~alp.backtest.estimates.Estimates` reads, fed by blocks instead of a replay.

    A block that is taken back is not unlearnt: its prices were true when they were seen, and the
    blocks in its place add none of the same time. Positions and prices that are acted on come from
    a view, never from here.

    Parameters
    ----------
    view
        Of the first block seen; prices before it are fed by :meth:`remember`.
    """

    def __init__(self, spec: Spec, pair: TokenPair, view: ChainView) -> None:
        self._every_ns = spec.backtest.sample_every
        self.history = PriceHistory(max(spec.rebalance.twap_window, 60_000_000_000) * 2)
        self._view = view
        self._heard_ns = 0
        self._next_sample_ns = (view.block.ts_ns // self._every_ns + 1) * self._every_ns
        self._twap_window_ns = spec.rebalance.twap_window
        self.estimates = Estimates(spec, pair, self)  # type: ignore[arg-type]  # the part it reads

    @property
    def ts_ns(self) -> int:
        """Time of the last block."""
        return self._view.block.ts_ns

    @property
    def sqrt_price_x96(self) -> int:
        """The pool's price."""
        return self._view.pool.sqrt_price_x96

    @property
    def fee_growth(self) -> tuple[float, float]:
        """Fees of one raw unit of liquidity in range all along."""
        pool = self._view.pool
        return pool.fee_growth0_x128 / Q128, pool.fee_growth1_x128 / Q128

    @property
    def active_liquidity(self) -> int:
        """Liquidity at the price that is not ours."""
        pool = self._view.pool
        ours = sum(
            each.liquidity
            for each in self._view.account.positions
            if each.tick_lower <= pool.tick < each.tick_upper
        )
        return pool.liquidity - ours

    @property
    def twap_tick(self) -> int | None:
        """Mean tick over the guard's window; None while less was seen."""
        return self.history.twap_tick(self.ts_ns, self._twap_window_ns)

    def remember(self, mined: Mined) -> None:
        """Take the prices of a block in; one not later than those known adds nothing."""
        ts_ns = mined.block.ts_ns
        swaps = [each for each in mined.logs if each.kind is LogKind.SWAP]
        if ts_ns <= self._heard_ns or not swaps:
            return
        self._heard_ns = ts_ns
        roots = np.array([each.sqrt_price_x96 / Q96 for each in swaps])
        self.history.begin(np.full(len(swaps), ts_ns, np.int64), roots)
        self.history.reach(len(swaps))
        self.estimates.keep_up()

    def see(self, view: ChainView) -> None:
        """Take what is there now."""
        while self._next_sample_ns <= view.block.ts_ns:
            row = np.zeros(1, SAMPLE)
            row["ts_ns"] = self._next_sample_ns
            row["growth0"], row["growth1"] = self.fee_growth
            self.estimates.note_growth(row)
            self._next_sample_ns += self._every_ns
        self._view = view
