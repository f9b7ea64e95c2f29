"""Is a rebalance worth its cost? Expected fees, loss against rebalancing, gas, hedge, swap.

Over the horizon in which fees are expected, the new ranges are weighed against staying:

``benefit = fees - LVR - hedge (new)  -  [fees - LVR - hedge (staying)]  -  gas  -  swap``

and the rebalance is done if the benefit reaches what is required. Every term is kept in the
decision, whichever way it went. Floats in whole quote tokens; gas is exact in raw units as well.
The weighing itself is compiled: :mod:`alp._core.lp_decision`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from alp.models.quoting import require_finite, require_not_negative


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
