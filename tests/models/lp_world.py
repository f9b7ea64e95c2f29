"""A small world for tests of the liquidity agent: parameters, observations, executed plans."""

from __future__ import annotations

from dataclasses import replace

from alp._core.liquidity_amounts import get_amounts_for_liquidity
from alp._core.tickmath import get_sqrt_ratio_at_tick, get_tick_at_sqrt_ratio
from alp.models.fees import FeeEstimate
from alp.models.lp_core import LpCore
from alp.models.lp_types import (
    Burn,
    ExecutionReport,
    LpParameters,
    Mint,
    Observation,
    Plan,
    PositionView,
    Swap,
)
from alp.models.pair import TokenPair
from alp.models.quoting import Intensity
from alp.models.ranges import RangeLimits
from alp.models.rebalance import EconomicsRule
from alp.models.recipe import ModelKind, QuotingRecipe
from alp.models.triggers import TriggerRule

ETHEREUM = TokenPair("WETH", "USDC", 18, 6, False, 500, 10)
ARBITRUM = TokenPair("WETH", "USDC", 18, 6, True, 500, 10)
START_NS = 1_704_412_800_000_000_000
MINUTE_NS = 60_000_000_000
# Five per cent a day.
SIGMA = 0.05 / 86_400**0.5
GWEI = 10**9

RECIPE = QuotingRecipe(
    kind=ModelKind.GLFT,
    risk_aversion=0.01,
    intensity=Intensity(0.9, 0.3),
    max_inventory_base=5.0,
    order_size_base=0.25,
)


def parameters(pair=ETHEREUM, **changes):
    base = LpParameters(
        pair=pair,
        quoting=RECIPE,
        ranges=RangeLimits(base_spread_bps=200, min_width_bps=50, max_width_bps=2_000),
        trigger=TriggerRule(depletion_bps=3_000, price_move_bps=300),
        economics=EconomicsRule(horizon_s=6 * 3600.0, min_benefit_quote=None),
    )
    return replace(base, **changes)


def sqrt_at(pair, price):
    from decimal import Decimal

    return pair.price_to_sqrt_x96(Decimal(str(price)))


def tick_at(sqrt_price):
    return get_tick_at_sqrt_ratio(sqrt_price)


def observation(pair=ETHEREUM, price=2_268, **changes):
    sqrt_price = changes.pop("sqrt_price_x96", None) or sqrt_at(pair, price)
    base = Observation(
        ts_ns=START_NS,
        block=18_937_382,
        sqrt_price_x96=sqrt_price,
        tick=tick_at(sqrt_price),
        wallet_base=10**18,
        wallet_quote=2_268 * 10**6,
        sigma=SIGMA,
        fees=FeeEstimate(1e6, 10**19),
        base_fee_wei=20 * GWEI,
        native_mark_x96=pair.mark_x96(sqrt_price),
    )
    return base._replace(**changes)


def execute(plan: Plan, seen: Observation, pair=ETHEREUM) -> ExecutionReport:
    """Carry a plan out at the observed price, as the chain would, roundings in its favour."""
    wallet = list(pair.split(seen.wallet_base, seen.wallet_quote))
    open_positions = {each.ticks: each for each in seen.positions}
    for action in plan.actions:
        if isinstance(action, Burn):
            ticks = (action.tick_lower, action.tick_upper)
            position = open_positions.pop(ticks)
            paid = amounts_at(seen.sqrt_price_x96, *ticks, position.liquidity)
            assert paid[0] >= action.amount0_min
            assert paid[1] >= action.amount1_min
            wallet[0] += paid[0] + position.fees0
            wallet[1] += paid[1] + position.fees1
        elif isinstance(action, Swap):
            given, taken = (0, 1) if action.zero_for_one else (1, 0)
            wallet[given] -= action.amount_in
            wallet[taken] += action.amount_out_min
        elif isinstance(action, Mint):
            ticks = (action.tick_lower, action.tick_upper)
            taken = amounts_at(seen.sqrt_price_x96, *ticks, action.liquidity)
            wallet[0] -= taken[0]
            wallet[1] -= taken[1]
            there = open_positions.get(ticks)
            liquidity = action.liquidity + (there.liquidity if there else 0)
            open_positions[ticks] = PositionView(*ticks, liquidity)
        assert min(wallet) >= 0
    base, quote = pair.join(*wallet)
    return ExecutionReport(
        plan_id=plan.plan_id,
        ts_ns=seen.ts_ns,
        sqrt_price_x96=seen.sqrt_price_x96,
        wallet_base=base,
        wallet_quote=quote,
        positions=tuple(open_positions.values()),
    )


def amounts_at(sqrt_price, tick_lower, tick_upper, liquidity):
    return get_amounts_for_liquidity(
        sqrt_price,
        get_sqrt_ratio_at_tick(tick_lower),
        get_sqrt_ratio_at_tick(tick_upper),
        liquidity,
    )


def after(report: ExecutionReport, pair=ETHEREUM, **changes) -> Observation:
    """What is seen next, the price unchanged unless `changes` say otherwise."""
    if "price" not in changes:
        changes.setdefault("sqrt_price_x96", report.sqrt_price_x96)
    changes.setdefault("ts_ns", report.ts_ns)
    return observation(
        pair,
        wallet_base=report.wallet_base,
        wallet_quote=report.wallet_quote,
        positions=report.positions,
        **changes,
    )


def opened(pair=ETHEREUM, **changes):
    """A core that has minted its first ranges, and the report of it."""
    core = LpCore(parameters(pair, **changes))
    seen = observation(pair, base_fee_wei=0)
    plan = core.step(seen)
    assert isinstance(plan, Plan)
    report = execute(plan, seen, pair)
    core.on_executed(report)
    return core, report
