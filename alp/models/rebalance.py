"""Is a rebalance worth its cost? Expected fees, loss against rebalancing, gas, hedge, swap.

Over the horizon in which fees are expected, the new ranges are weighed against staying:

``benefit = fees - LVR - hedge (new)  -  [fees - LVR - hedge (staying)]  -  gas  -  swap``

and the rebalance is done if the benefit reaches what is required. Every term is kept in the
decision, whichever way it went. Floats in whole quote tokens; gas is exact in raw units as well.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from alp._core.prospects import outlook
from alp.models.fees import FeeEstimate
from alp.models.lvr import PositionCurve
from alp.models.quoting import require_finite, require_not_negative

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


class RefusalReason(StrEnum):
    """Why a rebalance that was due was not done."""

    COOLDOWN = "COOLDOWN"
    """Too soon after the last one."""
    PENDING = "PENDING"
    """A transaction of an earlier plan is still in flight."""
    DATA_STALE = "DATA_STALE"
    """The observation is older than allowed."""
    NO_ESTIMATE = "NO_ESTIMATE"
    """Volatility or fee income is not known yet."""
    NO_LIQUIDITY = "NO_LIQUIDITY"
    """The tokens at hand are not enough for one unit of liquidity in any range."""
    TWAP_UNAVAILABLE = "TWAP_UNAVAILABLE"
    """The guard against a manipulated price is on and there is no average to compare with."""
    TWAP_DEVIATION = "TWAP_DEVIATION"
    """The price is too far from its time-weighted average."""
    GAS_ABOVE_MAX = "GAS_ABOVE_MAX"
    """The plan's gas costs more than allowed."""
    SAME_RANGES = "SAME_RANGES"
    """The planned ranges are the ones already open."""
    BELOW_MIN_BENEFIT = "BELOW_MIN_BENEFIT"
    """The expected benefit does not reach what is required."""


@dataclass(frozen=True, slots=True)
class EconomicsRule:
    """What a rebalance has to earn.

    Parameters
    ----------
    horizon_s
        Seconds over which fees, LVR and hedge costs are expected.
    min_benefit_quote
        Least benefit in whole quote tokens; ``None`` does not weigh benefits at all, and every
        trigger that passes the guards is followed.
    margin_bps
        The benefit must also reach this share of gas and swap costs (hysteresis: near break-even
        nothing is done).
    hedge_cost_bps
        Cost of trading the hedge, on its notional.
    hedge_ratio
        Hedge traded per unit of the position's delta.
    lvr_weight
        1 charges LVR in full; 0 judges by fees and costs alone.
    """

    horizon_s: float
    min_benefit_quote: float | None = 0.0
    margin_bps: float = 1_000.0
    hedge_cost_bps: float = 0.0
    hedge_ratio: float = 1.0
    lvr_weight: float = 1.0

    def __post_init__(self) -> None:
        require_not_negative(
            horizon_s=self.horizon_s,
            margin_bps=self.margin_bps,
            hedge_cost_bps=self.hedge_cost_bps,
            hedge_ratio=abs(self.hedge_ratio),
            lvr_weight=self.lvr_weight,
        )
        if self.min_benefit_quote is not None:
            require_finite(min_benefit_quote=self.min_benefit_quote)


class Prospect(NamedTuple):
    """What a set of positions is expected to do over the horizon, in raw quote units.

    Attributes
    ----------
    fees
        Pro-rata share of the observed income while in range.
    lvr
        Loss against rebalancing while in range.
    hedge
        Cost of following the position's delta.
    in_range
        Expected share of the time in any of the ranges.
    """

    fees: float
    lvr: float
    hedge: float
    in_range: float


class Verdict(NamedTuple):
    """Every number of one decision, in whole quote tokens.

    ``benefit`` and ``required`` are compared; ``worth_it`` is the outcome.
    """

    fees_new: float
    fees_stay: float
    lvr_new: float
    lvr_stay: float
    hedge_new: float
    hedge_stay: float
    in_range_new: float
    in_range_stay: float
    gas: float
    swap: float
    benefit: float
    required: float
    worth_it: bool

    def numbers(self) -> dict[str, float]:
        """Return the finite numbers by name, for a record."""
        named = {
            "fees_new": self.fees_new,
            "fees_stay": self.fees_stay,
            "lvr_new": self.lvr_new,
            "lvr_stay": self.lvr_stay,
            "hedge_new": self.hedge_new,
            "hedge_stay": self.hedge_stay,
            "in_range_new": self.in_range_new,
            "in_range_stay": self.in_range_stay,
            "gas": self.gas,
            "swap": self.swap,
            "benefit": self.benefit,
            "required": self.required,
        }
        return {name: value for name, value in named.items() if math.isfinite(value)}


def prospect(
    curves: Sequence[PositionCurve],
    *,
    root: float,
    sigma: float,
    fees: FeeEstimate,
    rule: EconomicsRule,
) -> Prospect:
    """Return what `curves` are expected to earn and lose over the horizon.

    Exact for a driftless Brownian log-price, but for two approximations: fee income and foreign
    liquidity stay as observed wherever the price goes, and LVR is charged at today's price.

    Parameters
    ----------
    curves
        Positions, at most one of them in range at any price.
    root
        Price root now.
    sigma
        Volatility of the log-price per square-root second.
    """
    earned, lost, turnover, inside = outlook(
        curves,
        root,
        sigma,
        rule.horizon_s,
        fees.income_quote_per_s,
        float(fees.active_liquidity),
        *_normal_nodes(),
    )
    return Prospect(
        fees=earned,
        lvr=lost,
        hedge=turnover * abs(rule.hedge_ratio) * rule.hedge_cost_bps / 10_000.0,
        in_range=inside / rule.horizon_s if rule.horizon_s > 0.0 else 0.0,
    )


def weigh(
    new: Prospect,
    stay: Prospect,
    *,
    gas_quote: float,
    swap_quote: float,
    quote_unit: float,
    rule: EconomicsRule,
) -> Verdict:
    """Return the verdict on a rebalance.

    Parameters
    ----------
    gas_quote, swap_quote
        Costs of doing it, in raw quote units.
    quote_unit
        Raw units of one whole quote token.
    """
    gain = (new.fees - rule.lvr_weight * new.lvr - new.hedge) - (
        stay.fees - rule.lvr_weight * stay.lvr - stay.hedge
    )
    costs = gas_quote + swap_quote
    benefit = (gain - costs) / quote_unit
    least = rule.min_benefit_quote
    required = -math.inf if least is None else least + costs / quote_unit * rule.margin_bps / 1e4
    return Verdict(
        fees_new=new.fees / quote_unit,
        fees_stay=stay.fees / quote_unit,
        lvr_new=new.lvr / quote_unit,
        lvr_stay=stay.lvr / quote_unit,
        hedge_new=new.hedge / quote_unit,
        hedge_stay=stay.hedge / quote_unit,
        in_range_new=new.in_range,
        in_range_stay=stay.in_range,
        gas=gas_quote / quote_unit,
        swap=swap_quote / quote_unit,
        benefit=benefit,
        required=required,
        worth_it=benefit >= required,
    )


@cache
def _normal_nodes() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quadrature of the standard normal distribution: 32 nodes and weights."""
    from numpy.polynomial.hermite_e import hermegauss

    nodes, weights = hermegauss(32)
    return nodes, weights / weights.sum()
