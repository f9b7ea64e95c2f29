"""What the models may know of the market at a moment of the replay: only its past.

Prices are read on a one-minute grid, so that a busy minute and a quiet one weigh the same and a run
of swaps inside the fee band does not pass for volatility.
"""

from __future__ import annotations

from array import array
from collections import deque

import numpy as np

from alp.backtest.drive import Driver, Floats, Times
from alp.models.fees import FeeEstimate
from alp.models.pair import TokenPair
from alp.models.quoting import Intensity
from alp.strategy.manifest import Spec

GRID_NS = 60_000_000_000
FEE_WINDOW_NS = 24 * 3600 * 10**9
FEE_WARM_UP_NS = 10 * GRID_NS


class Estimates:
    """Volatility, fee income and arrival intensity, updated from a driver's history."""

    def __init__(self, spec: Spec, pair: TokenPair, driver: Driver) -> None:
        self._pair = pair
        self._driver = driver
        self._spec = spec
        self._growth: deque[tuple[int, float, float]] = deque()
        self._minute: tuple[int, float] | None = None
        self._minute_prices = array("d")
        self._volatility = _Interim()
        self._first_growth = driver.fee_growth
        self.sigma: float | None = None
        self.intensity: Intensity | None = None

    def update(self) -> None:
        """Take in what was replayed since the last call."""
        times, prices = self._driver.history.unread()
        if len(times):
            self._take_prices(times, prices)
        now_ns = self._driver.ts_ns
        if not self._growth or now_ns - self._growth[-1][0] >= GRID_NS:
            self._growth.append((now_ns, *self._driver.fee_growth))
        while len(self._growth) > 2 and now_ns - self._growth[1][0] >= FEE_WINDOW_NS:
            self._growth.popleft()

    def _take_prices(self, times: Times, prices: Floats) -> None:
        """Feed the last price of each minute that is over."""
        minutes = times // GRID_NS
        last = np.flatnonzero(np.append(minutes[1:] != minutes[:-1], True))
        for row in last.tolist():
            minute, price = int(minutes[row]), float(prices[row])
            if self._minute is not None and minute > self._minute[0]:
                self._volatility.update((self._minute[0] + 1) * GRID_NS, self._minute[1])
                self._minute_prices.append(self._minute[1])
            self._minute = (minute, price)
        self.sigma = self._volatility.sigma()

    def minute_prices(self) -> Floats:
        """Return the last price of every minute with one, so far."""
        return np.array(self._minute_prices)

    def observed_fees(self) -> float:
        """Return the fees of one raw unit of liquidity in range since the start, raw quote."""
        return self._worth(*self._first_growth)

    def _worth(self, then0: float, then1: float) -> float:
        """Fee growth since then at the present price, raw quote."""
        now0, now1 = self._driver.fee_growth
        gained0, gained1 = now0 - then0, now1 - then1
        base, quote = (gained0, gained1) if self._pair.base_is_token0 else (gained1, gained0)
        price = self._pair.sqrt_x96_to_price(self._driver.sqrt_price_x96)
        return base * price * 10.0 ** (self._pair.quote_decimals - self._pair.base_decimals) + quote

    @property
    def fees(self) -> FeeEstimate | None:
        """Observed fee income over at most the last day; None before ten minutes were seen."""
        liquidity = self._driver.active_liquidity
        if not self._growth or liquidity is None:
            return None
        then_ns, then0, then1 = self._growth[0]
        seconds = (self._driver.ts_ns - then_ns) / 1e9
        if self._driver.ts_ns - then_ns < FEE_WARM_UP_NS:
            return None
        return FeeEstimate(self._worth(then0, then1) * liquidity / seconds, liquidity)


class _Interim:
    def __init__(self):
        self.p = None
        self.v = None
        self.n = 0

    def update(self, ts, price):
        import math

        if self.p:
            dt = (ts - self.p[0]) / 1e9
            r = math.log(price / self.p[1]) ** 2 / dt
            w = 1 - math.exp(-dt / 21600 * math.log(2))
            self.v = r if self.v is None else self.v + max(w, 1 / (self.n + 1)) * (r - self.v)
            self.n += 1
        self.p = (ts, price)

    def sigma(self):
        return self.v**0.5 if self.v and self.n > 10 else None
