"""What every quoting model takes and gives: arrival intensity in, distances from mid out.

Units everywhere: prices and distances in quote per base, inventory and sizes in base, time in
seconds, volatility in quote per base per square-root second, aversions per quote. A distance may
be negative: a maker with far too much inventory offers it on the other side of mid, and whoever
places the order decides whether that may be posted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple, Protocol

from alp.errors import ConfigError


class Horizon(StrEnum):
    """What ``T - t`` means to a model."""

    FINITE = "finite"
    """The session ends at a fixed time: ``T - t`` runs down, and so does the cost of inventory."""
    ROLLING = "rolling"
    """``T - t`` is always the whole horizon: the same decision at any time of day."""
    STATIONARY = "stationary"
    """The limit of an infinitely long session."""


@dataclass(frozen=True, slots=True)
class Intensity:
    """Arrival rate of orders that reach a distance: ``lambda(delta) = A * exp(-k * delta)``.

    Parameters
    ----------
    scale
        ``A``, fills per second of one side's order resting at mid.
    decay
        ``k``, per unit of price (quote per base).
    """

    scale: float
    decay: float

    def __post_init__(self) -> None:
        require_positive(A=self.scale, k=self.decay)

    def rate(self, distance: float) -> float:
        """Return fills per second at `distance` from mid."""
        return self.scale * math.exp(-self.decay * distance)


class Distances(NamedTuple):
    """How far from mid to quote; ``None`` on the side the inventory limit closes."""

    bid: float | None
    ask: float | None

    @property
    def spread(self) -> float | None:
        """The total spread, where both sides are quoted."""
        if self.bid is None or self.ask is None:
            return None
        return self.bid + self.ask

    @property
    def skew(self) -> float | None:
        """The centre of the quotes relative to mid: the reservation price minus mid."""
        if self.bid is None or self.ask is None:
            return None
        return (self.ask - self.bid) / 2.0


class QuotingModel(Protocol):
    """Anything that turns an inventory into quote distances."""

    def distances(self, inventory: float, elapsed_s: float = 0.0) -> Distances:
        """Return the distances at `inventory` (base), `elapsed_s` into a finite session."""
        ...


def fill_markup(execution_aversion: float, order_size: float, decay: float) -> float:
    """Return ``ln(1 + x/k) / x`` for ``x = xi * Delta``: the monopolist's part of a distance.

    The limit ``1/k`` is taken at ``xi = 0``.
    """
    ratio = execution_aversion * order_size / decay
    return (math.log1p(ratio) / ratio if ratio > 0.0 else 1.0) / decay


def require_positive(**values: float) -> None:
    """Raise ConfigError for the first value that is not a positive finite number."""
    for name, value in values.items():
        if not 0.0 < value < math.inf:
            raise ConfigError(f"{name} must be a positive number, not {value}")


def require_not_negative(**values: float) -> None:
    """Raise ConfigError for the first value that is negative or not finite."""
    for name, value in values.items():
        if not 0.0 <= value < math.inf:
            raise ConfigError(f"{name} must be zero or a positive number, not {value}")


def require_finite(**values: float) -> None:
    """Raise ConfigError for the first value that is NaN or infinite."""
    for name, value in values.items():
        if not math.isfinite(value):
            raise ConfigError(f"{name} must be a finite number, not {value}")
