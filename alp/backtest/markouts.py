"""Markouts: what each trade of the pool against us is worth a while later.

For a trade that changed our principal by ``(d_base, d_quote)`` the markout at horizon ``h`` is
``d_base * P(t + h) + d_quote`` in quote units: negative where the taker knew better (adverse
selection), positive where the price came back. Fees are not in it; they are reported beside it.
Statistics only: floats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BINS = 41
# Trades are counted in tenths of a basis point up to this far from nothing: memory stays bounded,
# and a percentile is right to a tenth.
MOST_BPS = 5000.0
_FINE = 10
_CENTRES = np.arange(-MOST_BPS * _FINE, MOST_BPS * _FINE + 1) / _FINE


@dataclass(frozen=True)
class MarkoutSummary:
    """Distribution of markouts at one horizon, in basis points of the traded value.

    ``total_quote`` is the sum in quote units; ``edges_bps`` has one more entry than ``counts``.
    """

    horizon_ns: int
    trades: int
    unresolved: int
    total_quote: float
    mean_bps: float
    median_bps: float
    p05_bps: float
    p95_bps: float
    edges_bps: tuple[float, ...]
    counts: tuple[int, ...]


class Markouts:
    """Collects trades and prices chunk by chunk, in bounded memory.

    Prices between observations are held constant; a trade whose horizon lies beyond the last
    price is counted as unresolved rather than valued at a price that was not seen.
    """

    def __init__(self, horizons_ns: Sequence[int]) -> None:
        self._horizons = tuple(horizons_ns)
        self._counts = [np.zeros(len(_CENTRES), np.int64) for _ in self._horizons]
        self._total = [0.0 for _ in self._horizons]
        self._total_bps = [0.0 for _ in self._horizons]
        self._trades = 0
        self._carry_ts = np.empty(0, np.int64)
        self._carry_price = np.empty(0, np.float64)
        self._open: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]] = [
            (np.empty(0, np.int64), np.empty((0, 2), np.float64)) for _ in self._horizons
        ]

    def add(
        self,
        ts_ns: npt.NDArray[np.int64],
        price: npt.NDArray[np.float64],
        d_base: npt.NDArray[np.float64],
        d_quote: npt.NDArray[np.float64],
    ) -> None:
        """Take one chunk of observations in time order (human units, price in quote per base)."""
        if len(ts_ns) == 0 or not self._horizons:
            return
        traded = d_base != 0.0
        self._trades += int(np.count_nonzero(traded))
        new_ts = ts_ns[traded]
        new_trades = np.column_stack((d_base[traded], d_quote[traded]))
        times = np.concatenate((self._carry_ts, ts_ns))
        prices = np.concatenate((self._carry_price, price))
        last = times[-1]
        for index, horizon in enumerate(self._horizons):
            open_ts, open_trades = self._open[index]
            open_ts = np.concatenate((open_ts, new_ts))
            open_trades = np.concatenate((open_trades, new_trades))
            # Strictly: more may have happened at the last moment than this chunk holds.
            ready = open_ts + horizon < last
            if ready.any():
                self._resolve(index, open_ts[ready] + horizon, open_trades[ready], times, prices)
            self._open[index] = (open_ts[~ready], open_trades[~ready])
        keep = int(np.searchsorted(times, last - max(self._horizons), side="left"))
        keep = max(0, keep - 1)
        self._carry_ts = times[keep:]
        self._carry_price = prices[keep:]

    def _resolve(
        self,
        index: int,
        due_ts: npt.NDArray[np.int64],
        trades: npt.NDArray[np.float64],
        times: npt.NDArray[np.int64],
        prices: npt.NDArray[np.float64],
    ) -> None:
        later = prices[np.searchsorted(times, due_ts, side="right") - 1]
        value = trades[:, 0] * later + trades[:, 1]
        self._total[index] += float(value.sum())
        notional = np.abs(trades[:, 1])
        sized = notional > 0.0
        bps = value[sized] / notional[sized] * 1e4
        self._total_bps[index] += float(bps.sum())
        fine = np.rint((np.clip(bps, -MOST_BPS, MOST_BPS) + MOST_BPS) * _FINE).astype(np.int64)
        self._counts[index] += np.bincount(fine, minlength=len(_CENTRES))

    def summaries(self) -> list[MarkoutSummary]:
        """Return one summary for each horizon; nothing may be added afterwards."""
        for index, horizon in enumerate(self._horizons):
            open_ts, open_trades = self._open[index]
            if len(self._carry_ts) and len(open_ts):
                ready = open_ts + horizon <= self._carry_ts[-1]
                due = open_ts[ready] + horizon
                self._resolve(index, due, open_trades[ready], self._carry_ts, self._carry_price)
                self._open[index] = (open_ts[~ready], open_trades[~ready])
        return [self._summary(index) for index in range(len(self._horizons))]

    def _summary(self, index: int) -> MarkoutSummary:
        fine = self._counts[index]
        trades = int(fine.sum())
        unresolved = len(self._open[index][0])
        if trades == 0:
            return MarkoutSummary(
                self._horizons[index], self._trades, unresolved, 0.0, 0.0, 0.0, 0.0, 0.0, (), ()
            )
        low, p05, median, p95, high = _percentiles(fine, (0.5, 5.0, 50.0, 95.0, 99.5))
        span = max(abs(low), abs(high), 0.1)
        counts, edges = np.histogram(
            np.clip(_CENTRES, -span, span), bins=BINS, range=(-span, span), weights=fine
        )
        return MarkoutSummary(
            horizon_ns=self._horizons[index],
            trades=self._trades,
            unresolved=unresolved,
            total_quote=self._total[index],
            mean_bps=self._total_bps[index] / trades,
            median_bps=median,
            p05_bps=p05,
            p95_bps=p95,
            edges_bps=tuple(float(edge) for edge in edges),
            counts=tuple(int(count) for count in counts),
        )


def _percentiles(fine: npt.NDArray[np.int64], wanted: Sequence[float]) -> list[float]:
    """Return percentiles, in basis points, of trades counted in tenths of them."""
    reached = np.cumsum(fine)
    ranks = np.ceil(np.array(wanted) / 100.0 * reached[-1]).clip(1)
    return [float(_CENTRES[place]) for place in np.searchsorted(reached, ranks, side="left")]
