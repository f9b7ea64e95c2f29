"""What the venue leg was asked to hedge, what it did, and what other timing would have come to.

The path is kept on a grid that grows coarser with the length of the run, so that a year costs no
more than a week; what the quotes did is counted at every interval.
"""

from __future__ import annotations

from typing import NamedTuple

from alp.errors import ConfigError
from alp.models.hedge_band import HedgeCost, OrderSizes
from alp.models.hedge_meter import HedgeMeter
from alp.models.hedge_timing import HedgePath, Timing, TimingResult, hedge_along, realised_band

MOST_POINTS = 8_192
FIRST_STEP_NS = 60_000_000_000

QUOTED, AT_ONCE, BAND = "quoted", "at_once", "band"
"""What was done; a taker at the end of each interval; a taker at the band from cost."""


class _Point(NamedTuple):
    ts_ns: int
    mid: float
    inventory_raw: int


class HedgeRecord:
    """The path and the meter of one run.

    Parameters
    ----------
    base_decimals
        Of the base token.
    most_points
        How many points of the path are kept, even and at least 4.
    """

    def __init__(self, base_decimals: int, most_points: int = MOST_POINTS) -> None:
        if most_points < 4 or most_points % 2:
            raise ConfigError(f"a path of {most_points} points cannot be thinned")
        self._base_decimals = base_decimals
        self._most_points = most_points
        self._meter = HedgeMeter(base_decimals)
        self._points: list[_Point] = []
        self._step_ns = FIRST_STEP_NS
        self._next_ns: int | None = None
        self._combined_raw = 0

    def fill(self, base_raw: int, price: float, mid: float, fee_quote: float) -> None:
        """Count a fill of the interval that is over."""
        self._meter.fill(base_raw, price, mid, fee_quote)

    def observe(
        self, ts_ns: int, mid: float, inventory_raw: int, combined_raw: int, tolerance_raw: int
    ) -> None:
        """Take what is to be hedged, and what of it is not, at the end of an interval."""
        self._meter.observe(ts_ns, combined_raw, mid, tolerance_raw)
        self._combined_raw = combined_raw
        if self._next_ns is not None and ts_ns < self._next_ns:
            return
        self._points.append(_Point(ts_ns, mid, inventory_raw))
        if len(self._points) == self._most_points:
            del self._points[1::2]
            self._step_ns *= 2
        self._next_ns = self._points[-1].ts_ns + self._step_ns

    def timings(
        self, cost: HedgeCost, sizes: OrderSizes, risk_aversion: float
    ) -> tuple[TimingResult, ...]:
        """Return what was done beside taking at once and taking at the band from cost.

        Parameters
        ----------
        cost
            Of taking.
        risk_aversion
            Per quote; without one nothing is compared, nor on a path of less than two points.
        """
        if len(self._points) < 2 or risk_aversion <= 0.0:
            return ()
        ts_ns, mid, inventory = zip(*self._points, strict=True)
        path = HedgePath(ts_ns, mid, inventory, self._base_decimals)
        band = realised_band(
            path,
            cost_per_base=cost.per_base(sum(mid) / len(mid)),
            risk_aversion=risk_aversion,
        )
        metrics = self._meter.metrics
        quoted = TimingResult(
            QUOTED,
            metrics,
            0.5 * risk_aversion * metrics.error_quote**2,
            hedged_raw=inventory[-1] - self._combined_raw,
            unhedged_raw=self._combined_raw,
        )
        ways = (Timing(AT_ONCE, cost), Timing(BAND, cost, band=band))
        return (
            quoted,
            *(hedge_along(path, way, sizes, risk_aversion=risk_aversion) for way in ways),
        )
