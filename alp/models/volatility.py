"""Volatility of the log-price per square-root second: the unit, the choice, arrays.

One convention everywhere: ``sigma`` is the standard deviation of ``ln P`` after one second, per
square-root second; over ``t`` seconds it is ``sigma * sqrt(t)``. In quote units it is times the
price. The estimators are causal streaming objects, compiled; an array is fed through the same
object, so a backtest and a live agent see the same bits.
"""

from __future__ import annotations

import math
from enum import StrEnum
from typing import TYPE_CHECKING

import numpy as np

from alp._core.estimators import (
    EwmaVolatility,
    ParkinsonVolatility,
    RealisedVolatility,
    Volatility,
)
from alp.errors import ConfigError, DataError

if TYPE_CHECKING:
    import numpy.typing as npt

__all__ = [
    "EwmaVolatility",
    "ParkinsonVolatility",
    "RealisedVolatility",
    "Volatility",
    "VolatilityKind",
    "make_volatility",
    "per_day",
    "per_sqrt_second",
    "per_year",
    "sigma_after_each",
]

DAY_S = 86_400.0
YEAR_S = 365.0 * DAY_S
MINUTE_NS = 60_000_000_000


class VolatilityKind(StrEnum):
    """Which estimator; the values are the manifest's."""

    EWMA = "ewma"
    """Squared returns, forgotten with a half-life."""
    PARKINSON = "parkinson"
    """High-low ranges of whole periods in a moving window."""
    REALISED = "realised"
    """Squared returns in a moving window."""


def make_volatility(
    kind: VolatilityKind | str,
    *,
    window_ns: int,
    half_life_ns: int | None = None,
    period_ns: int = MINUTE_NS,
) -> Volatility:
    """Return a fresh estimator.

    Parameters
    ----------
    kind
        Which one.
    window_ns
        How far back it looks. For EWMA without a half-life it is the mean age of what counts:
        the half-life is ``window * ln 2``.
    half_life_ns
        EWMA only.
    period_ns
        Parkinson only: the length of a high-low period.

    Raises
    ------
    ConfigError
        If a duration is not positive or does not fit the others.
    """
    try:
        chosen = VolatilityKind(kind)
        if chosen is VolatilityKind.PARKINSON:
            return ParkinsonVolatility(period_ns, window_ns)
        if chosen is VolatilityKind.REALISED:
            return RealisedVolatility(window_ns)
        half_life = round(window_ns * math.log(2.0)) if half_life_ns is None else half_life_ns
        return EwmaVolatility(half_life)
    except ValueError as error:
        raise ConfigError(f"volatility estimator: {error}") from error


def sigma_after_each(
    estimator: Volatility, ts_ns: npt.NDArray[np.int64], prices: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Feed arrays through `estimator` and return its estimate after each observation.

    Parameters
    ----------
    estimator
        Continues from where it is; afterwards it has seen everything.
    ts_ns, prices
        Shape ``(n,)``; times ascending.

    Returns
    -------
    numpy.ndarray
        Shape ``(n,)``, per square-root second; NaN while there was no estimate.

    Raises
    ------
    DataError
        If time runs backwards or a price is not a positive number.
    """
    out = np.full(len(ts_ns), np.nan)
    try:
        estimator.run(
            np.ascontiguousarray(ts_ns, dtype=np.int64),
            np.ascontiguousarray(prices, dtype=np.float64),
            out,
        )
    except ValueError as error:
        raise DataError(f"prices for the volatility estimate: {error}") from error
    return out


def per_sqrt_second(sigma: float, seconds: float) -> float:
    """Return the volatility per square-root second of one given over `seconds`."""
    return sigma / math.sqrt(seconds)


def per_day(sigma: float) -> float:
    """Return a volatility per square-root second as a daily one."""
    return sigma * math.sqrt(DAY_S)


def per_year(sigma: float) -> float:
    """Return a volatility per square-root second as a yearly one (365 days)."""
    return sigma * math.sqrt(YEAR_S)
