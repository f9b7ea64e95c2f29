"""Guéant, Lehalle & Fernandez-Tapia (2013), "Dealing with the inventory risk", generalised.

Guéant (2017), "Optimal market making", separates the aversion to inventory risk (gamma) from the
aversion to execution risk (xi) and lets orders have a size (Delta); ``xi = gamma, Delta = 1`` is
the 2013 model. With a cost per fill the distances shift by it and the intensity at the shifted
distance is smaller by ``exp(-k * cost)``, exactly.

:class:`GlftExact` solves the problem on the inventory lattice; :class:`GlftClosedForm` is its
asymptotic formula: a half-spread and a skew per unit of inventory, a few multiplications a quote.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from alp.errors import ConfigError
from alp.models.glft_solver import FloatArray, log_steps
from alp.models.quoting import (
    Distances,
    Horizon,
    Intensity,
    fill_markup,
    require_finite,
    require_not_negative,
    require_positive,
)

_LIMIT_TOLERANCE = 1e-9
_MAX_LEVELS = 100_000


@dataclass(frozen=True, slots=True)
class GlftParameters:
    """What both solutions take.

    Parameters
    ----------
    risk_aversion
        ``gamma``, per quote; 0 leaves inventory unpriced (limits still bind).
    sigma
        Volatility of mid, quote per base per square-root second.
    intensity
        ``A`` per second and ``k`` per quote per base.
    max_inventory
        ``Q``, base: no bid that would pass ``+Q``, no ask that would pass ``-Q``. The exact
        solution uses the greatest multiple of `order_size` not above it.
    order_size
        ``Delta``, base per order.
    execution_aversion
        ``xi``, per quote; ``None`` means ``gamma``; 0 is the risk-neutral execution limit.
    execution_cost
        Quote per base paid on every fill (negative for a rebate).

    Raises
    ------
    ConfigError
        If a value is out of its domain.
    """

    risk_aversion: float
    sigma: float
    intensity: Intensity
    max_inventory: float
    order_size: float = 1.0
    execution_aversion: float | None = None
    execution_cost: float = 0.0

    def __post_init__(self) -> None:
        require_not_negative(
            risk_aversion=self.risk_aversion,
            sigma=self.sigma,
            execution_aversion=self._execution_aversion,
        )
        require_positive(max_inventory=self.max_inventory, order_size=self.order_size)
        require_finite(execution_cost=self.execution_cost)
        if not 1 <= self.levels <= _MAX_LEVELS:
            raise ConfigError(
                f"max_inventory {self.max_inventory} is {self.levels} orders of {self.order_size}",
                hint=f"it must be between 1 and {_MAX_LEVELS} orders",
            )

    @property
    def levels(self) -> int:
        """How many orders fit between zero and the limit."""
        return math.floor(self.max_inventory / self.order_size + _LIMIT_TOLERANCE)

    @property
    def margin(self) -> float:
        """``(1 / (xi Delta)) ln(1 + xi Delta / k)`` plus the execution cost."""
        return (
            fill_markup(self._execution_aversion, self.order_size, self.intensity.decay)
            + self.execution_cost
        )

    @property
    def eta(self) -> float:
        """``A exp(-k cost) (1 + xi Delta / k)^-(1 + k / (xi Delta))``, per second."""
        decay = self.intensity.decay
        markup = fill_markup(self._execution_aversion, self.order_size, decay)
        ratio = self._execution_aversion * self.order_size / decay
        exponent = math.log1p(ratio) + decay * (markup + self.execution_cost)
        return self.intensity.scale * math.exp(-exponent)

    @property
    def curvature(self) -> float:
        """``alpha Delta^2 = k gamma sigma^2 Delta / 2``, per second, for inventory in orders."""
        return self.intensity.decay * self.risk_aversion * self.sigma**2 * self.order_size / 2.0

    @property
    def _execution_aversion(self) -> float:
        return self.risk_aversion if self.execution_aversion is None else self.execution_aversion

    def open_sides(self, inventory: float) -> tuple[bool, bool]:
        """Return whether one more buy, and one more sell, stays within the limit."""
        room = self.max_inventory - self.order_size * (1.0 - _LIMIT_TOLERANCE)
        return inventory <= room, inventory >= -room


@dataclass(frozen=True, slots=True)
class GlftClosedForm:
    """The stationary asymptotic distances: affine in inventory.

    ``bid = margin + (2 q + Delta) / 2 * c`` and ``ask = margin - (2 q - Delta) / 2 * c`` with
    ``c = sqrt(sigma^2 gamma / (2 k Delta eta))``.
    """

    parameters: GlftParameters
    skew_per_base: float = field(init=False)
    half_spread: float = field(init=False)

    def __post_init__(self) -> None:
        given = self.parameters
        # curvature = alpha Delta^2, so this is sqrt(alpha / eta) / k per unit of base.
        skew = math.sqrt(given.curvature / given.eta) / (given.intensity.decay * given.order_size)
        object.__setattr__(self, "skew_per_base", skew)
        object.__setattr__(self, "half_spread", given.margin + given.order_size / 2.0 * skew)

    def distances(self, inventory: float, elapsed_s: float = 0.0) -> Distances:
        """Return bid and ask distance from mid; `elapsed_s` plays no part."""
        del elapsed_s
        require_finite(inventory=inventory)
        bid_open, ask_open = self.parameters.open_sides(inventory)
        lean = inventory * self.skew_per_base
        return Distances(
            bid=self.half_spread + lean if bid_open else None,
            ask=self.half_spread - lean if ask_open else None,
        )


@dataclass(frozen=True, slots=True)
class GlftExact:
    """The exact distances, from the linear system on the inventory lattice.

    Between lattice points distances are interpolated; beyond the limit the reducing side keeps
    its distance at the limit and the other side is closed.

    Parameters
    ----------
    parameters
        See :class:`GlftParameters`.
    horizon
        STATIONARY: the eigenvector of the smallest eigenvalue. ROLLING: always `horizon_s` before
        the end. FINITE: ``horizon_s - elapsed_s`` before the end.
    horizon_s
        Seconds; not used by STATIONARY.
    """

    parameters: GlftParameters
    horizon: Horizon = Horizon.STATIONARY
    horizon_s: float = math.inf
    _margin: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_margin", self.parameters.margin)
        if self.horizon is not Horizon.STATIONARY:
            require_positive(horizon_s=self.horizon_s)

    def distances(self, inventory: float, elapsed_s: float = 0.0) -> Distances:
        """Return bid and ask distance from mid at `inventory`, `elapsed_s` into the session."""
        require_finite(inventory=inventory)
        given = self.parameters
        levels, position = given.levels, inventory / given.order_size
        bid_open, ask_open = given.open_sides(inventory)
        steps = self._steps(elapsed_s)
        return Distances(
            bid=self._at(steps, position, -levels, -1.0) if bid_open else None,
            ask=self._at(steps, position, 1 - levels, 1.0) if ask_open else None,
        )

    def table(self, elapsed_s: float = 0.0) -> tuple[FloatArray, FloatArray]:
        """Return every lattice distance.

        Returns
        -------
        bids
            Shape ``(2 n,)``: at inventories ``-n .. n-1`` orders.
        asks
            Shape ``(2 n,)``: at inventories ``-n+1 .. n`` orders.
        """
        steps = np.array(self._steps(elapsed_s)) / self.parameters.intensity.decay
        return self._margin - steps, self._margin + steps

    def _at(self, steps: list[float], position: float, first: int, side: float) -> float:
        """Interpolate one side's distances, the first of them at `first` orders."""
        low, high, part = _around(position, first, len(steps))
        decay = self.parameters.intensity.decay
        # ln(v_q / v_{q+1}) / k for the bid; the ask at q + 1 is the same step taken downwards.
        at_low = self._margin + side * (steps[low] / decay)
        at_high = self._margin + side * (steps[high] / decay)
        return (at_high - at_low) * part + at_low

    def _steps(self, elapsed_s: float) -> list[float]:
        given = self.parameters
        return _log_steps(given.levels, given.curvature, given.eta, self._time_left(elapsed_s))

    def _time_left(self, elapsed_s: float) -> float:
        if self.horizon is Horizon.STATIONARY:
            return math.inf
        if self.horizon is Horizon.ROLLING:
            return self.horizon_s
        return max(self.horizon_s - elapsed_s, 0.0)


_log_steps = lru_cache(maxsize=64)(log_steps)


def _around(position: float, first: int, count: int) -> tuple[int, int, float]:
    """Return the lattice points around a position, and how far it is from the first to the second.

    The points are at ``first, first + 1, ..``; beyond their ends values stay as they are.
    """
    index = math.floor(position) - first
    if index < 0:
        return 0, 0, 0.0
    if index >= count - 1:
        return count - 1, count - 1, 0.0
    return index, index + 1, position - (first + index)
