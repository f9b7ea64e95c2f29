"""A quoting model as configuration: which one, how averse; built for a price and volatility.

The manifest speaks of a log-price volatility, of costs in basis points and of two aversions; the
models speak of quote per base. This is where one becomes the other.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum

from alp.models.avellaneda_stoikov import AvellanedaStoikov
from alp.models.glft import GlftClosedForm, GlftExact, GlftParameters
from alp.models.quoting import (
    Horizon,
    Intensity,
    QuotingModel,
    require_finite,
    require_not_negative,
    require_positive,
)


class ModelKind(StrEnum):
    """Which quoting model; the values are the manifest's."""

    GLFT = "GLFT"
    AVELLANEDA_STOIKOV = "AvellanedaStoikov"


@dataclass(frozen=True, slots=True)
class QuotingRecipe:
    """Everything about a quoting model but the market's price and volatility.

    Parameters
    ----------
    kind
        GLFT or Avellaneda-Stoikov.
    risk_aversion
        ``gamma`` = ``xi``, per quote.
    intensity
        ``A`` per second and ``k`` per quote per base.
    max_inventory_base, order_size_base
        ``Q`` and ``Delta``, whole base.
    inventory_penalty
        Further aversion to inventory risk alone, per quote: ``gamma = risk_aversion + penalty``
        while ``xi = risk_aversion``. 0 is the papers' models.
    execution_cost_bps
        Cost of a fill in basis points of the price; negative for a rebate.
    horizon, horizon_s
        See :class:`~alp.models.quoting.Horizon`. GLFT with STATIONARY may use the closed form.
    exact
        GLFT: solve the lattice (True) or use the closed form, which is stationary.
    """

    kind: ModelKind
    risk_aversion: float
    intensity: Intensity
    max_inventory_base: float
    order_size_base: float
    inventory_penalty: float = 0.0
    execution_cost_bps: float = 0.0
    horizon: Horizon = Horizon.STATIONARY
    horizon_s: float = 3_600.0
    exact: bool = True

    def __post_init__(self) -> None:
        require_not_negative(
            risk_aversion=self.risk_aversion, inventory_penalty=self.inventory_penalty
        )
        require_positive(
            max_inventory_base=self.max_inventory_base,
            order_size_base=self.order_size_base,
            horizon_s=self.horizon_s,
        )
        require_finite(execution_cost_bps=self.execution_cost_bps)
        self.build(price=1.0, sigma=0.0)

    @property
    def levels(self) -> int:
        """How many orders fit between zero and the inventory limit."""
        return math.floor(self.max_inventory_base / self.order_size_base + 1e-9)

    @property
    def two_sided_inventory(self) -> float:
        """Greatest ``|q|`` at which both sides are quoted, whole base."""
        return (self.levels - 1) * self.order_size_base

    def build(
        self, *, price: float, sigma: float, intensity: Intensity | None = None
    ) -> QuotingModel:
        """Return the model for a market.

        Parameters
        ----------
        price
            Quote per base.
        sigma
            Volatility of the log-price per square-root second.
        intensity
            A calibrated intensity; the recipe's own by default.

        Raises
        ------
        ConfigError
            If a value is out of the model's domain.
        """
        require_positive(price=price)
        intensity = self.intensity if intensity is None else intensity
        cost = self.execution_cost_bps * 1e-4 * price
        if self.kind is ModelKind.AVELLANEDA_STOIKOV:
            return AvellanedaStoikov(
                risk_aversion=self.risk_aversion + self.inventory_penalty,
                sigma=sigma * price,
                decay=intensity.decay,
                horizon=self.horizon,
                horizon_s=self.horizon_s,
                order_size=self.order_size_base,
                max_inventory=self.max_inventory_base,
                execution_aversion=self.risk_aversion,
                execution_cost=cost,
            )
        parameters = GlftParameters(
            risk_aversion=self.risk_aversion + self.inventory_penalty,
            sigma=sigma * price,
            intensity=intensity,
            max_inventory=self.max_inventory_base,
            order_size=self.order_size_base,
            execution_aversion=self.risk_aversion,
            execution_cost=cost,
        )
        if not self.exact:
            return GlftClosedForm(parameters)
        return GlftExact(parameters, self.horizon, self.horizon_s)
