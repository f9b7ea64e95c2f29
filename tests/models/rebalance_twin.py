"""The weighing of a rebalance in plain Python: what the compiled decision is compared with."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from alp._core.prospects import outlook
from alp.models.fees import FeeEstimate
from alp.models.lp_planner import normal_nodes
from alp.models.lvr import PositionCurve
from alp.models.rebalance import EconomicsRule


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
        *normal_nodes(),
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
