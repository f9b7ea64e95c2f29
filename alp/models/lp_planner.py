"""Between the agent's own types and the compiled arithmetic of its decisions.

:mod:`alp._core.lp_decision` knows numbers alone. Here the parameters become its structs, once per
core, and the rows it answers with become actions and ranges. A quoting model it does not have, or a
market outside its models' domain, is asked for its widths here.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from alp._core.lp_decision import Decision, DecisionKernel
from alp.models.lp_types import Action, Burn, Collect, LpParameters, Mint, Observation, Swap
from alp.models.quoting import Horizon
from alp.models.ranges import PlannedRange, Side, Widths, model_widths
from alp.models.recipe import ModelKind, QuotingRecipe

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

_SIDES = (Side.ASK, Side.BID)
# A named tuple of a row that has its fields; its own `_make` counts them again.
_new = tuple.__new__


def kernel_of(parameters: LpParameters) -> DecisionKernel:
    """Return the arithmetic of decisions under `parameters`."""
    pair, units, economics = parameters.pair, parameters.gas_units, parameters.economics
    recipe, limits = parameters.quoting, parameters.ranges
    kernel = DecisionKernel(
        base_is_token0=pair.base_is_token0,
        base_decimals=pair.base_decimals,
        quote_decimals=pair.quote_decimals,
        fee_pips=pair.fee_pips,
        tick_spacing=pair.tick_spacing,
        target_base_share_bps=parameters.target_base_share_bps,
        slippage_bps=parameters.slippage_bps,
        swap_to_target=parameters.swap_to_target,
        gas_units=(units.mint, units.burn, units.collect, units.swap),
        priority_fee_wei=parameters.priority_fee_wei,
        max_gas_quote_raw=parameters.max_gas_quote_raw,
        twap_guard_bps=parameters.twap_guard_bps,
    )
    nodes, weights = normal_nodes()
    kernel.set_economics(
        horizon_s=economics.horizon_s,
        min_benefit_quote=economics.min_benefit_quote,
        margin_bps=economics.margin_bps,
        hedge_cost_bps=economics.hedge_cost_bps,
        hedge_ratio=economics.hedge_ratio,
        lvr_weight=economics.lvr_weight,
        nodes=nodes,
        weights=weights,
    )
    kernel.set_quoting(
        _compiled_form(recipe),
        risk_aversion=recipe.risk_aversion + recipe.inventory_penalty,
        execution_aversion=recipe.risk_aversion,
        order_size=recipe.order_size_base,
        max_inventory=recipe.max_inventory_base,
        two_sided_inventory=recipe.two_sided_inventory,
        levels=recipe.levels,
        execution_cost_bps=recipe.execution_cost_bps,
        horizon_s=recipe.horizon_s,
        scale=recipe.intensity.scale,
        decay=recipe.intensity.decay,
        interval_s=parameters.expected_interval_ns * 1e-9,
        base_spread_bps=limits.base_spread_bps,
        min_width_bps=limits.min_width_bps,
        max_width_bps=limits.max_width_bps,
    )
    return kernel


def choose_widths(parameters: LpParameters, seen: Observation, inventory: float) -> Widths:
    """Return the widths at a combined inventory (whole base); `seen.sigma` must be known.

    Raises
    ------
    ConfigError
        If a value is out of the model's domain.
    """
    assert seen.sigma is not None
    recipe = parameters.quoting
    model = recipe.build(
        price=parameters.pair.sqrt_x96_to_price(seen.sqrt_price_x96),
        sigma=seen.sigma,
        intensity=seen.intensity,
    )
    return model_widths(
        model,
        inventory,
        two_sided_inventory=recipe.two_sided_inventory,
        sigma=seen.sigma,
        interval_s=parameters.expected_interval_ns * 1e-9,
        limits=parameters.ranges,
    )


def actions_of(decision: Decision) -> tuple[Action, ...]:
    """Return a plan's actions: out of the old ranges, then the swap or into the new ones."""
    actions: list[Action] = []
    for row in decision.burns:
        actions += (_new(Burn, row), _new(Collect, row[:2]))
    if decision.swap is not None:
        actions.append(_new(Swap, decision.swap))
    for added in decision.mints:
        actions.append(_new(Mint, added))
    return tuple(actions)


def ranges_of(decision: Decision) -> tuple[PlannedRange, ...]:
    """Return the ranges decided on."""
    rows = [
        _new(PlannedRange, (_SIDES[is_bid], lower, upper))
        for is_bid, lower, upper in decision.ranges
    ]
    return tuple(rows)


def _compiled_form(recipe: QuotingRecipe) -> str:
    """Return the kernel's name of the model; empty where it has none."""
    stationary = recipe.horizon is Horizon.STATIONARY
    if recipe.kind is ModelKind.AVELLANEDA_STOIKOV:
        return "AvellanedaStoikov stationary" if stationary else "AvellanedaStoikov"
    if not recipe.exact:
        return "GLFT closed"
    return "GLFT stationary" if stationary else ""


@cache
def normal_nodes() -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Quadrature of the standard normal distribution: 32 nodes and weights."""
    from numpy.polynomial.hermite_e import hermegauss

    nodes, weights = hermegauss(32)
    return nodes, weights / weights.sum()
