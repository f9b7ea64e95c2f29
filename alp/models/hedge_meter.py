"""How well the inventory is hedged: error, lag and cost, counted as it happens.

- *Error* is the unhedged inventory, weighted by how long it stood, and what the price's moves made
  of it.
- *Lag* is how long it stood outside its tolerance, each time that it came back.
- *Cost* is fees, and what was paid more, or received less, than mid when it was booked; for a
  passive order that includes being filled just before the price went on.

What the hedge earned on its position is not its cost: it is the other half of the ranges' result.
"""

from __future__ import annotations

import math
from collections import deque
from typing import Any, NamedTuple

from alp.errors import DataError

_LAGS_KEPT = 4_096


class HedgeMetrics(NamedTuple):
    """What was measured so far.

    Attributes
    ----------
    error_mean_raw, error_rms_raw, error_max_raw
        Unhedged inventory in raw base: mean of its size and root mean square over time, greatest.
    error_quote
        Root of the summed squares of what the price's moves made of it: quote.
    tracking_quote
        Their sum: what being unhedged earned, by chance or not.
    lags
        How often it was outside its tolerance and came back.
    lag_mean_ns, lag_median_ns, lag_longest_ns
        How long that took; the median of the last 4096. None without one.
    outside_ns
        How long it has been outside now.
    trades, volume_raw
        Fills, and raw base in them.
    cost_quote
        Fees and slippage; negative where rebates and spread were more.
    """

    error_mean_raw: float
    error_rms_raw: float
    error_max_raw: int
    error_quote: float
    tracking_quote: float
    lags: int
    lag_mean_ns: float | None
    lag_median_ns: int | None
    lag_longest_ns: int | None
    outside_ns: int
    trades: int
    volume_raw: int
    cost_quote: float


class HedgeMeter:
    """Counts; deterministic, no clock.

    Parameters
    ----------
    base_decimals
        Of the base token: prices are quote per whole base.
    """

    def __init__(self, base_decimals: int) -> None:
        self._whole = 10.0**-base_decimals
        self._last: tuple[int, int, float] | None = None
        self._time_ns = 0
        self._sums = [0.0, 0.0, 0.0, 0.0, 0.0]  # |y| t, y^2 t, (y dP)^2, y dP, cost
        self._largest = 0
        self._outside_since_ns: int | None = None
        self._lags: deque[int] = deque(maxlen=_LAGS_KEPT)
        self._lag_count = self._lag_total_ns = self._lag_longest_ns = 0
        self._trades = self._volume_raw = 0

    def observe(self, ts_ns: int, unhedged_raw: int, mid: float, tolerance_raw: int) -> None:
        """Take the unhedged inventory from `ts_ns` on; after the fills of that time.

        Raises
        ------
        DataError
            If time runs backwards, or `mid` is not a positive number.
        """
        if not (math.isfinite(mid) and mid > 0.0):
            raise DataError(f"mid {mid} is not a positive number")
        if self._last is not None:
            self._stood(ts_ns, mid)
        self._last = (ts_ns, unhedged_raw, mid)
        self._largest = max(self._largest, abs(unhedged_raw))
        if abs(unhedged_raw) > tolerance_raw:
            if self._outside_since_ns is None:
                self._outside_since_ns = ts_ns
        elif self._outside_since_ns is not None:
            lag = ts_ns - self._outside_since_ns
            self._outside_since_ns = None
            self._lags.append(lag)
            self._lag_count += 1
            self._lag_total_ns += lag
            self._lag_longest_ns = max(self._lag_longest_ns, lag)

    def fill(self, base_raw: int, price: float, mid: float, fee_quote: float) -> None:
        """Count a fill; `base_raw` is positive for a purchase, the fee negative for a rebate."""
        self._trades += 1
        self._volume_raw += abs(base_raw)
        self._sums[4] += base_raw * self._whole * (price - mid) + fee_quote

    @property
    def metrics(self) -> HedgeMetrics:
        """What was measured so far."""
        size, square, error, tracking, cost = self._sums
        time_ns = self._time_ns
        lags = sorted(self._lags)
        known = self._lag_count > 0
        since, last = self._outside_since_ns, self._last
        return HedgeMetrics(
            error_mean_raw=size / time_ns if time_ns else 0.0,
            error_rms_raw=math.sqrt(square / time_ns) if time_ns else 0.0,
            error_max_raw=self._largest,
            error_quote=math.sqrt(error),
            tracking_quote=tracking,
            lags=self._lag_count,
            lag_mean_ns=self._lag_total_ns / self._lag_count if known else None,
            lag_median_ns=lags[len(lags) // 2] if known else None,
            lag_longest_ns=self._lag_longest_ns if known else None,
            outside_ns=0 if since is None or last is None else last[0] - since,
            trades=self._trades,
            volume_raw=self._volume_raw,
            cost_quote=cost,
        )

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values; raw amounts as decimal text."""
        last = self._last
        return {
            "last": None if last is None else [last[0], str(last[1]), last[2]],
            "time_ns": self._time_ns,
            "sums": list(self._sums),
            "largest": str(self._largest),
            "outside_since_ns": self._outside_since_ns,
            "lags": list(self._lags),
            "lag_totals": [self._lag_count, self._lag_total_ns, self._lag_longest_ns],
            "trades": self._trades,
            "volume_raw": str(self._volume_raw),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave, on a meter made alike."""
        last = state["last"]
        self._last = None if last is None else (last[0], int(last[1]), last[2])
        self._time_ns = state["time_ns"]
        self._sums = list(state["sums"])
        self._largest = int(state["largest"])
        self._outside_since_ns = state["outside_since_ns"]
        self._lags = deque(state["lags"], maxlen=_LAGS_KEPT)
        self._lag_count, self._lag_total_ns, self._lag_longest_ns = state["lag_totals"]
        self._trades = state["trades"]
        self._volume_raw = int(state["volume_raw"])

    def _stood(self, ts_ns: int, mid: float) -> None:
        assert self._last is not None
        since_ns, unhedged, before = self._last
        if ts_ns < since_ns:
            raise DataError(f"time went back from {since_ns} to {ts_ns} ns")
        stood_ns, moved = ts_ns - since_ns, unhedged * self._whole * (mid - before)
        self._time_ns += stood_ns
        size = float(abs(unhedged))
        for i, more in enumerate((size * stood_ns, size * size * stood_ns, moved * moved, moved)):
            self._sums[i] += more
