"""How often a resting order would have been hit: ``A`` and ``k`` measured, not guessed.

A market order (or a swap) reaches to some *depth* from the mid price before it. An order resting at
distance ``delta`` is hit by every arrival at least that deep, so the rate of those arrivals is
``lambda(delta) = A exp(-k delta)``; a weighted straight line through ``ln lambda`` gives both.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from alp.errors import DataError
from alp.models.quoting import Intensity

if TYPE_CHECKING:
    import numpy.typing as npt

    FloatArray = npt.NDArray[np.float64]
    IntArray = npt.NDArray[np.int64]

_LEAST_ARRIVALS = 100
_LEAST_HITS = 10
_GRID = 20


@dataclass(frozen=True, slots=True)
class IntensityFit:
    """An intensity with what it rests on.

    Attributes
    ----------
    intensity
        ``A`` per second and side, ``k`` per quote per base.
    r_squared
        Share of the weighted variance of ``ln lambda`` that the line explains.
    arrivals
        Number of arrivals in the window, both sides.
    seconds
        Length of the window.
    distances, hits, rates
        The points fitted: distance, number of hits (both sides), hits per second and side.
    """

    intensity: Intensity
    r_squared: float
    arrivals: int
    seconds: float
    distances: tuple[float, ...]
    hits: tuple[int, ...]
    rates: tuple[float, ...]


def depths_of_trades(
    ts_ns: IntArray, prices: FloatArray, sides: IntArray, mids: FloatArray
) -> tuple[IntArray, FloatArray]:
    """Return one depth for each market order, from its prints.

    Prints of one side at one timestamp are one order that swept several levels.

    Parameters
    ----------
    ts_ns, prices
        Shape ``(n,)``: times ascending, prices in quote per base.
    sides
        Shape ``(n,)``: aggressor, +1 a buy, -1 a sell; 0 is left out.
    mids
        Shape ``(n,)``: the mid price before each print.

    Returns
    -------
    ts_ns, depths
        One row for each order: its time and ``|price - mid|`` of its farthest print. Prints on
        the wrong side of mid have no depth and are left out.

    Raises
    ------
    DataError
        If the arrays differ in length or time runs backwards.
    """
    if not len(ts_ns) == len(prices) == len(sides) == len(mids):
        raise DataError("times, prices, sides and mids differ in length")
    if np.any(np.diff(ts_ns) < 0):
        raise DataError("trades are not in time order")
    depth = sides * (prices - mids)
    taken = (sides != 0) & (depth > 0.0)
    ts_ns, depth, sides = ts_ns[taken], depth[taken], sides[taken]
    order = np.lexsort((-depth, sides, ts_ns))
    ts_ns, depth, sides = ts_ns[order], depth[order], sides[order]
    first = np.ones(len(ts_ns), dtype=bool)
    first[1:] = (np.diff(ts_ns) != 0) | (np.diff(sides) != 0)
    return ts_ns[first], depth[first]


def depths_of_swaps(prices_before: FloatArray, prices_after: FloatArray) -> FloatArray:
    """Return how far each swap moved its pool, in quote per base; swaps without a move left out.

    Parameters
    ----------
    prices_before, prices_after
        Shape ``(n,)``: the pool's price on both sides of each swap.
    """
    depths = np.abs(prices_after - prices_before)
    moved: FloatArray = depths[depths > 0.0]
    return moved


def fit_intensity(
    depths: FloatArray,
    seconds: float,
    *,
    distances: FloatArray | None = None,
    sides: int = 2,
) -> IntensityFit:
    """Fit ``A`` and ``k`` to arrivals of a window.

    The regression weighs each distance by its hits: ``ln`` of a Poisson count has a variance of
    one over the count.

    Parameters
    ----------
    depths
        Shape ``(n,)``, positive: how far each arrival reached, of all sides together.
    seconds
        Length of the window.
    distances
        Where to count; by default 20 steps between the 5th and the 95th percentile of depths.
    sides
        How many sides the arrivals are of; rates are per side.

    Raises
    ------
    DataError
        With fewer than 100 arrivals, fewer than 3 distances hit at least 10 times, or a rate that
        does not fall with distance.
    """
    if not (math.isfinite(seconds) and seconds > 0.0):
        raise DataError(f"a window of {seconds} s has no rate")
    if len(depths) < _LEAST_ARRIVALS:
        raise DataError(
            f"{len(depths)} arrivals are too few to measure an intensity",
            hint=f"at least {_LEAST_ARRIVALS} are needed: lengthen the window",
        )
    if not (np.all(np.isfinite(depths)) and np.all(depths > 0.0)):
        raise DataError("depths of arrivals must be positive numbers")
    ordered = np.sort(depths)
    if distances is None:
        low, high = np.quantile(ordered, [0.05, 0.95])
        distances = np.linspace(low, high, _GRID)
    hits = len(ordered) - np.searchsorted(ordered, distances, side="left")
    usable = hits >= _LEAST_HITS
    distances, hits = distances[usable], hits[usable]
    if len(np.unique(distances)) < 3:
        raise DataError(
            "arrivals reach too few different distances to measure how their rate falls",
            hint="lengthen the window, or pass distances nearer to the price",
        )
    rates = hits / (seconds * sides)
    slope, offset, r_squared = _weighted_line(distances, np.log(rates), hits.astype(np.float64))
    if slope >= 0.0:
        raise DataError("the rate of arrivals does not fall with distance")
    return IntensityFit(
        intensity=Intensity(math.exp(offset), -slope),
        r_squared=r_squared,
        arrivals=len(ordered),
        seconds=seconds,
        distances=tuple(distances.tolist()),
        hits=tuple(hits.tolist()),
        rates=tuple(rates.tolist()),
    )


def _weighted_line(x: FloatArray, y: FloatArray, weights: FloatArray) -> tuple[float, float, float]:
    """Return slope, offset and R² of the weighted least-squares line."""
    total = weights.sum()
    x_mean, y_mean = (weights @ x) / total, (weights @ y) / total
    x_spread = weights @ (x - x_mean) ** 2
    y_spread = weights @ (y - y_mean) ** 2
    together = weights @ ((x - x_mean) * (y - y_mean))
    slope = float(together / x_spread)
    explained = float(together**2 / (x_spread * y_spread)) if y_spread > 0.0 else 1.0
    return slope, float(y_mean - slope * x_mean), explained
