"""From the manifest to the LP core's parameters: backtest and live agent both start here."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from alp.models.lp_types import GasUnits, LpParameters
from alp.models.pair import TokenPair
from alp.models.quoting import Horizon, Intensity
from alp.models.ranges import RangeLimits
from alp.models.rebalance import EconomicsRule
from alp.models.recipe import ModelKind, QuotingRecipe
from alp.models.triggers import TriggerRule
from alp.strategy.manifest import Spec

SECOND_NS = 10**9

# Until the intensity is calibrated: one fill in ten seconds at the mid price, and a third of that
# a fee tier of 5 bps away from it.
_FIRST_RATE = 0.1
_FIRST_DECAY_PER_PRICE = 2000.0


def starting_inventory_base(spec: Spec, price: float) -> Decimal:
    """Return the whole starting inventory counted in base at a price (quote per base)."""
    return spec.inventory.base + spec.inventory.quote / Decimal(repr(price))


def lp_parameters(spec: Spec, pair: TokenPair, price: float) -> LpParameters:
    """Return how the LP core decides.

    Parameters
    ----------
    price
        Quote per base when the strategy starts; sizes without a number in the manifest follow it.
    """
    gas = spec.backtest.gas
    rebalance = spec.rebalance
    return LpParameters(
        pair=pair,
        quoting=_recipe(spec, price),
        ranges=RangeLimits(
            base_spread_bps=spec.ranges.base_spread_bps,
            min_width_bps=spec.ranges.min_width_bps,
            max_width_bps=spec.ranges.max_width_bps,
        ),
        trigger=_trigger(spec),
        economics=EconomicsRule(
            horizon_s=rebalance.horizon / SECOND_NS,
            min_benefit_quote=(
                float(rebalance.min_benefit_quote) if rebalance.weigh_benefit else None
            ),
            margin_bps=rebalance.margin_bps,
            lvr_weight=float(rebalance.lvr_weight),
            hedge_cost_bps=_hedge_cost_bps(spec),
            hedge_ratio=1.0 if spec.hedge.enabled else 0.0,
        ),
        target_base_share_bps=spec.inventory.target_base_share_bps,
        expected_interval_ns=spec.ranges.expected_interval,
        cooldown_ns=rebalance.cooldown,
        retry_ns=rebalance.retry,
        max_gas_quote_raw=pair.to_raw_quote(rebalance.max_gas_quote),
        twap_guard_bps=rebalance.twap_guard_bps or None,
        slippage_bps=rebalance.slippage_bps,
        swap_to_target=rebalance.swap == "toTarget",
        max_data_age_ns=spec.limits.max_data_age,
        gas_units=GasUnits(
            mint=gas.units.mint, burn=gas.units.burn, collect=gas.units.collect, swap=gas.units.swap
        ),
        priority_fee_wei=int(gas.priority_fee_gwei * SECOND_NS),
    )


def hedge_recipe(spec: Spec, price: float) -> QuotingRecipe:
    """Return the venue quotes' model: the LP core's, in closed form where it has one.

    Parameters
    ----------
    price
        Quote per base when the strategy starts.
    """
    return replace(_recipe(spec, price), exact=False)


def _recipe(spec: Spec, price: float) -> QuotingRecipe:
    model = spec.model
    most, size = model.sizes(starting_inventory_base(spec, price))
    if model.intensity.A is None or model.intensity.k is None:
        intensity = Intensity(_FIRST_RATE, _FIRST_DECAY_PER_PRICE / price)
    else:
        intensity = Intensity(float(model.intensity.A), float(model.intensity.k))
    return QuotingRecipe(
        kind=ModelKind(model.kind),
        risk_aversion=float(model.risk_aversion),
        intensity=intensity,
        max_inventory_base=float(most),
        order_size_base=float(size),
        inventory_penalty=float(model.inventory_penalty),
        execution_cost_bps=float(model.execution_cost_bps),
        horizon=Horizon(model.horizon_in_use),
        horizon_s=model.horizon / SECOND_NS,
        exact=model.exact,
    )


def _trigger(spec: Spec) -> TriggerRule:
    rule = spec.rebalance
    return TriggerRule(
        depletion_bps=rule.inventory_deviation_bps,
        price_move_bps=rule.price_move_bps,
        hysteresis_bps=rule.hysteresis_bps,
    )


def _hedge_cost_bps(spec: Spec) -> float:
    """Mean maker fee of the venues that hedge; a rebate counts as nothing."""
    if not spec.hedge.enabled or not spec.venues:
        return 0.0
    return max(0.0, float(sum(venue.maker_fee_bps for venue in spec.venues)) / len(spec.venues))
