"""Avellaneda & Stoikov (2008), "High-frequency trading in a limit order book".

A maker of exponential utility who would freeze its inventory values it at the reservation price;
around that price it quotes the spread that trades off fill rate against margin. The paper's model
is order size 1; the formulas here are the same indifference argument for orders of any size.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from alp.errors import ConfigError
from alp.models.quoting import (
    Distances,
    Horizon,
    fill_markup,
    require_finite,
    require_not_negative,
    require_positive,
)

# Inventory within this fraction of an order of a limit is at the limit.
_LIMIT_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class AvellanedaStoikov:
    """Reservation price and spread.

    Parameters
    ----------
    risk_aversion
        ``gamma``, per quote; 0 is the risk-neutral limit (no skew, distance ``1/k``).
    sigma
        Volatility of mid, quote per base per square-root second.
    decay
        ``k`` of the arrival intensity, per quote per base.
    horizon
        FINITE: ``T - t`` counts down from `horizon_s`. ROLLING: it is always `horizon_s`.
        STATIONARY: the paper's infinite-horizon form with discounting (section 2.4), which
        needs `max_inventory`; sigma cancels out of it.
    horizon_s
        ``T`` in seconds; not used by STATIONARY.
    order_size
        ``Delta``, base per order.
    max_inventory
        ``Q``, base: no bid that would pass ``+Q``, no ask that would pass ``-Q``.
        ``None`` leaves inventory free.
    execution_aversion
        ``xi``, per quote: aversion in the fill term alone; ``None`` means ``gamma``.
    execution_cost
        Quote per base paid on every fill, added to both distances.

    Raises
    ------
    ConfigError
        If a value is out of its domain.
    """

    risk_aversion: float
    sigma: float
    decay: float
    horizon: Horizon = Horizon.ROLLING
    horizon_s: float = 1.0
    order_size: float = 1.0
    max_inventory: float | None = None
    execution_aversion: float | None = None
    execution_cost: float = 0.0
    _margin: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        aversion = (
            self.risk_aversion if self.execution_aversion is None else self.execution_aversion
        )
        require_not_negative(
            risk_aversion=self.risk_aversion, sigma=self.sigma, execution_aversion=aversion
        )
        require_positive(k=self.decay, horizon_s=self.horizon_s, order_size=self.order_size)
        require_finite(execution_cost=self.execution_cost)
        if self.max_inventory is not None:
            require_positive(max_inventory=self.max_inventory)
        if self.horizon is Horizon.STATIONARY:
            require_positive(risk_aversion=self.risk_aversion)
            if self.max_inventory is None:
                raise ConfigError("the stationary Avellaneda-Stoikov model needs max_inventory")
        markup = fill_markup(aversion, self.order_size, self.decay)
        object.__setattr__(self, "_margin", markup + self.execution_cost)

    def time_left(self, elapsed_s: float = 0.0) -> float:
        """Return ``T - t`` in seconds; infinite for the stationary form."""
        if self.horizon is Horizon.STATIONARY:
            return math.inf
        if self.horizon is Horizon.ROLLING:
            return self.horizon_s
        return max(self.horizon_s - elapsed_s, 0.0)

    def reservation_price(self, mid: float, inventory: float, elapsed_s: float = 0.0) -> float:
        """Return the price at which the maker is indifferent to one more order either way.

        ``r = s - q * gamma * sigma^2 * (T - t)``; for STATIONARY the mean of the reservation bid
        and ask, or the open side's alone at an inventory limit.
        """
        bid_side, ask_side = self._indifference(inventory, elapsed_s)
        if self.horizon is Horizon.STATIONARY:
            bid_open, ask_open = self._open_sides(inventory)
            if not bid_open:
                return mid + ask_side
            if not ask_open:
                return mid - bid_side
        return mid + (ask_side - bid_side) / 2.0

    def spread(self, elapsed_s: float = 0.0) -> float:
        """Return the total spread at zero inventory; only STATIONARY's depends on inventory.

        ``gamma * sigma^2 * (T - t) + (2 / gamma) * ln(1 + gamma / k)`` for order size 1.
        """
        bid_side, ask_side = self._indifference(0.0, elapsed_s)
        return bid_side + ask_side + 2.0 * self._margin

    def distances(self, inventory: float, elapsed_s: float = 0.0) -> Distances:
        """Return bid and ask distance from mid; None beyond an inventory limit."""
        require_finite(inventory=inventory)
        bid_open, ask_open = self._open_sides(inventory)
        bid_side, ask_side = self._indifference(inventory, elapsed_s)
        return Distances(
            bid=bid_side + self._margin if bid_open else None,
            ask=ask_side + self._margin if ask_open else None,
        )

    def _open_sides(self, inventory: float) -> tuple[bool, bool]:
        if self.max_inventory is None:
            return True, True
        room = self.max_inventory - self.order_size * (1.0 - _LIMIT_TOLERANCE)
        return inventory <= room, inventory >= -room

    def _indifference(self, inventory: float, elapsed_s: float) -> tuple[float, float]:
        """Mid minus the reservation bid, and the reservation ask minus mid, per unit of base."""
        if self.horizon is Horizon.STATIONARY:
            return self._discounted(inventory), self._discounted(-inventory)
        cost = self.risk_aversion * self.sigma**2 * self.time_left(elapsed_s)
        half = self.order_size / 2.0
        return (inventory + half) * cost, (half - inventory) * cost

    def _discounted(self, inventory: float) -> float:
        # The paper's value function for a discount rate omega is exp(-gamma (x + q s)) / D(q) with
        # D(q) = omega - gamma^2 sigma^2 q^2 / 2. The smallest omega that keeps it finite up to the
        # limit is gamma^2 sigma^2 (Q + Delta)^2 / 2; then gamma^2 sigma^2 divides out of D's ratio.
        assert self.max_inventory is not None
        bound = self.max_inventory + self.order_size
        held = min(max(inventory, -self.max_inventory), self.max_inventory)
        after = min(held + self.order_size, self.max_inventory)
        ratio = (bound - after) * (bound + after) / ((bound - held) * (bound + held))
        return -math.log(ratio) / (self.risk_aversion * self.order_size)
