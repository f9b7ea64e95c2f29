"""How much of the pool's risk a venue can take over: the minimum-variance ratio and correlation.

``h = Cov(r_pool, r_venue) / Var(r_venue)`` over a moving window of returns sampled together at
fixed intervals, so that neither side's ticks weigh more than the other's.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any

from alp.errors import ConfigError, DataError

_LEAST_SAMPLES = 30


class HedgeRatioEstimator:
    """Rolling covariance of two prices' log-returns.

    Parameters
    ----------
    window_ns
        How much of the past counts.
    sample_ns
        Time between samples. Prices on two venues never move at the same instant: too short an
        interval makes them look unrelated.

    Raises
    ------
    ConfigError
        If the window holds fewer than 30 samples.
    """

    def __init__(self, window_ns: int, sample_ns: int = 60_000_000_000) -> None:
        if sample_ns <= 0 or window_ns < _LEAST_SAMPLES * sample_ns:
            raise ConfigError(
                f"a window of {window_ns} ns holds fewer than {_LEAST_SAMPLES} samples "
                f"of {sample_ns} ns"
            )
        self.sample_ns = sample_ns
        self._returns: deque[tuple[float, float]] = deque(maxlen=window_ns // sample_ns)
        self._last: tuple[float, float] | None = None
        self._next_ns: int | None = None
        self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)
        self._pushed = 0

    def update(self, ts_ns: int, pool_price: float, venue_price: float) -> None:
        """Take both prices as they are at `ts_ns`; a sample is made when its time has come.

        Raises
        ------
        DataError
            If a price is not a positive finite number.
        """
        if self._next_ns is not None and ts_ns < self._next_ns:
            return
        for price in (pool_price, venue_price):
            if not (math.isfinite(price) and price > 0.0):
                raise DataError(f"price {price} is not a positive number")
        now = (math.log(pool_price), math.log(venue_price))
        self._next_ns = (ts_ns // self.sample_ns + 1) * self.sample_ns
        if self._last is not None:
            self._push(now[0] - self._last[0], now[1] - self._last[1])
        self._last = now

    @property
    def samples(self) -> int:
        """Number of returns in the window."""
        return len(self._returns)

    @property
    def ratio(self) -> float | None:
        """``h``; None with fewer than 30 samples or while the venue's price does not move."""
        covariance, _, venue = self._moments()
        return covariance / venue if venue > 0.0 else None

    @property
    def correlation(self) -> float | None:
        """Correlation of the returns; None as `ratio`, or while the pool's price does not move."""
        covariance, pool, venue = self._moments()
        if pool <= 0.0 or venue <= 0.0:
            return None
        return min(max(covariance / math.sqrt(pool * venue), -1.0), 1.0)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "returns": [list(pair) for pair in self._returns],
            "last": None if self._last is None else list(self._last),
            "next_ns": self._next_ns,
            "sums": list(self._sums),
            "pushed": self._pushed,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave, on an estimator made alike."""
        self._returns.clear()
        self._returns.extend((pool, venue) for pool, venue in state["returns"])
        self._last = None if state["last"] is None else (state["last"][0], state["last"][1])
        self._next_ns = state["next_ns"]
        pool, venue, pool2, venue2, both = state["sums"]
        self._sums = (pool, venue, pool2, venue2, both)
        self._pushed = state["pushed"]

    def _push(self, pool: float, venue: float) -> None:
        if len(self._returns) == self._returns.maxlen:
            self._sums = _add(self._sums, *self._returns[0], -1.0)
        self._returns.append((pool, venue))
        self._sums = _add(self._sums, pool, venue, 1.0)
        self._pushed += 1
        if self._pushed % (self._returns.maxlen or 1) == 0:
            # Adding and taking away drifts; once a window the sums are made anew.
            self._sums = (0.0, 0.0, 0.0, 0.0, 0.0)
            for each in self._returns:
                self._sums = _add(self._sums, *each, 1.0)

    def _moments(self) -> tuple[float, float, float]:
        """Covariance and the two variances; zeros with too few samples."""
        count = len(self._returns)
        if count < _LEAST_SAMPLES:
            return 0.0, 0.0, 0.0
        pool, venue, pool2, venue2, both = (each / count for each in self._sums)
        # A variance that is rounding noise of the second moment is none.
        return (
            both - pool * venue,
            _significant(pool2 - pool * pool, pool2),
            _significant(venue2 - venue * venue, venue2),
        )


_Sums = tuple[float, float, float, float, float]


def _add(sums: _Sums, pool: float, venue: float, sign: float) -> _Sums:
    return (
        sums[0] + sign * pool,
        sums[1] + sign * venue,
        sums[2] + sign * pool * pool,
        sums[3] + sign * venue * venue,
        sums[4] + sign * pool * venue,
    )


def _significant(variance: float, moment: float) -> float:
    return variance if variance > 1e-9 * moment and moment > 1e-30 else 0.0
