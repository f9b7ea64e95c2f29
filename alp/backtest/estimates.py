"""What the models may know of the market at a moment of the replay: only its past.

Prices are read on a one-minute grid, so that a busy minute and a quiet one weigh the same and a run
of swaps inside the fee band does not pass for volatility.
"""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from alp._core.minute_grid import MinuteGrid
from alp.backtest.drive import Driver, Floats, Times, prices_of
from alp.data.schema import Array
from alp.errors import DataError
from alp.models.fees import FeeEstimate
from alp.models.intensity import fit_intensity
from alp.models.pair import TokenPair
from alp.models.quoting import Intensity
from alp.models.volatility import make_volatility
from alp.strategy.manifest import Spec

GRID_NS = 60_000_000_000
FEE_WINDOW_NS = 24 * 3600 * 10**9
FEE_WARM_UP_NS = 10 * GRID_NS
RECALIBRATE_NS = 10 * GRID_NS
MOST_WAITING = 100_000
_GROWTH = ("ts_ns", "growth0", "growth1")


class Estimates:
    """Volatility, fee income and arrival intensity, updated from a driver's history."""

    def __init__(self, spec: Spec, pair: TokenPair, driver: Driver) -> None:
        self._pair = pair
        self._driver = driver
        self._spec = spec
        self._sampled: deque[Array] = deque()
        self._calibrated = spec.model.intensity.calibrated
        self._depths: deque[tuple[Times, Floats]] = deque()
        self._last_price: float | None = None
        self._fit: tuple[int, Intensity | None] | None = None
        volatility = spec.model.volatility
        self._volatility = make_volatility(
            volatility.estimator, window_ns=volatility.window, half_life_ns=volatility.half_life
        )
        self._minutes = MinuteGrid(self._volatility, volatility.estimator == "parkinson")
        self._price_scale = 10.0 ** (pair.base_decimals - pair.quote_decimals)
        self._raw_scale = 10.0 ** (pair.quote_decimals - pair.base_decimals)
        self._first_growth = driver.fee_growth
        self._then = (driver.ts_ns, *self._first_growth)

    def keep_up(self) -> None:
        """Take prices in before too many wait; what the models ask for needs :meth:`update`."""
        if self._driver.history.waiting > MOST_WAITING:
            self.update()

    def note_growth(self, samples: Array) -> None:
        """Take the fee growth of SAMPLE rows, for the income over the past window."""
        self._sampled.append(samples)

    def _forget(self, before_ns: int) -> None:
        """Move the beginning of the window to the last sample not after a time."""
        while self._sampled and self._sampled[0]["ts_ns"][0] <= before_ns:
            samples = self._sampled.popleft()
            over = int(np.searchsorted(samples["ts_ns"], before_ns, side="right"))
            self._then = tuple(samples[name][over - 1].item() for name in _GROWTH)
            if over < len(samples):
                self._sampled.appendleft(samples[over:])

    def update(self) -> None:
        """Take in the prices replayed since the last call."""
        history, pair = self._driver.history, self._pair
        try:
            if not self._calibrated:
                history.feed(self._minutes, not pair.base_is_token0, self._price_scale)
                return
            for times, roots in history.unread():
                prices = prices_of(pair, roots)
                self._minutes.take(times, prices)
                self._take_depths(times, prices)
        except ValueError as error:
            raise DataError(f"prices for the volatility estimate: {error}") from error

    def _take_depths(self, times: Times, prices: Floats) -> None:
        """Keep how far each event moved the price, over the calibration's window."""
        before = prices[0] if self._last_price is None else self._last_price
        moved = np.abs(np.diff(prices, prepend=before))
        self._last_price = float(prices[-1])
        self._depths.append((times, moved))
        horizon = times[-1] - self._spec.model.intensity.calibrate_window
        while len(self._depths) > 1 and self._depths[1][0][0] <= horizon:
            self._depths.popleft()

    @property
    def sigma(self) -> float | None:
        """Volatility of the log-price per square-root second; None while unknown."""
        sigma = self._volatility.sigma()
        return sigma if math.isfinite(sigma) else None

    @property
    def intensity(self) -> Intensity | None:
        """A and k of the past window; None where given in the manifest, or too little was seen."""
        if not self._calibrated or not self._depths:
            return None
        now_ns = self._driver.ts_ns
        if self._fit is not None and now_ns - self._fit[0] < RECALIBRATE_NS:
            return self._fit[1]
        depths = np.concatenate([moved for _, moved in self._depths])
        seconds = (now_ns - int(self._depths[0][0][0])) / 1e9
        try:
            found = fit_intensity(depths[depths > 0.0], seconds).intensity
        except DataError:
            # Too few moves to tell: the recipe's own intensity holds until there are enough.
            found = None
        self._fit = (now_ns, found)
        return found

    def minute_prices(self) -> Floats:
        """Return the last price of every minute with one, so far."""
        return np.array(self._minutes.finished())

    def observed_fees(self) -> float:
        """Return the fees of one raw unit of liquidity in range since the start, raw quote."""
        return self._worth(*self._first_growth)

    def _worth(self, then0: float, then1: float) -> float:
        """Fee growth since then at the present price, raw quote."""
        now0, now1 = self._driver.fee_growth
        gained0, gained1 = now0 - then0, now1 - then1
        base, quote = (gained0, gained1) if self._pair.base_is_token0 else (gained1, gained0)
        price = self._pair.sqrt_x96_to_price(self._driver.sqrt_price_x96)
        return base * price * self._raw_scale + quote

    @property
    def fees(self) -> FeeEstimate | None:
        """Observed fee income over at most the last day; None before ten minutes were seen."""
        liquidity = self._driver.active_liquidity
        if liquidity is None:
            return None
        now_ns = self._driver.ts_ns
        self._forget(now_ns - FEE_WINDOW_NS)
        then_ns, then0, then1 = self._then
        seconds = (now_ns - then_ns) / 1e9
        if now_ns - then_ns < FEE_WARM_UP_NS:
            return None
        return FeeEstimate(self._worth(then0, then1) * liquidity / seconds, liquidity)
