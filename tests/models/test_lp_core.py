"""The liquidity agent's core: when it acts, when it holds, and what it remembers."""

from dataclasses import replace

import pytest
from lp_world import (
    ARBITRUM,
    ETHEREUM,
    GWEI,
    MINUTE_NS,
    START_NS,
    after,
    execute,
    observation,
    opened,
    parameters,
    tick_at,
)

from alp.errors import ConfigError
from alp.models.fees import FeeEstimate
from alp.models.lp_core import LpCore
from alp.models.lp_types import Hold, Mint, Plan, PlanReason
from alp.models.rebalance import EconomicsRule, RefusalReason
from alp.models.triggers import NEVER_ABOVE, TriggerRule

LATER_NS = START_NS + 60 * MINUTE_NS
both_orders = pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])


def _at(report, sqrt_price, pair=ETHEREUM, ts_ns=LATER_NS, **changes):
    return after(report, pair, sqrt_price_x96=sqrt_price, ts_ns=ts_ns, **changes)


def _refusal(answer):
    assert isinstance(answer, Hold)
    assert answer.refusal is not None
    return answer.refusal.reason


def _silent(answer):
    return isinstance(answer, Hold) and answer.refusal is None


@both_orders
def test_the_first_step_mints_symmetric_ranges_at_the_base_spread(pair):
    core = LpCore(parameters(pair))
    plan = core.step(observation(pair))
    assert plan.reason is PlanReason.FIRST_MINT
    assert plan.complete
    assert all(isinstance(each, Mint) for each in plan.actions)
    spans = {each.tick_upper - each.tick_lower for each in plan.ranges}
    assert spans == {200}
    assert (plan.numbers["bid_width_bps"], plan.numbers["ask_width_bps"]) == (200, 200)


def test_the_first_mint_needs_neither_volatility_nor_fee_estimates():
    seen = observation(sigma=None, fees=None)
    assert isinstance(LpCore(parameters()).step(seen), Plan)


def test_an_empty_wallet_has_nothing_to_do():
    core = LpCore(parameters())
    assert _silent(core.step(observation(wallet_base=0, wallet_quote=0)))
    assert core.next_timer_ns() is None


def test_dust_alone_is_refused_for_want_of_liquidity():
    core = LpCore(parameters())
    answer = core.step(observation(wallet_base=1, wallet_quote=0))
    assert _refusal(answer) is RefusalReason.NO_LIQUIDITY
    assert core.next_timer_ns() == START_NS + MINUTE_NS


@both_orders
def test_nothing_happens_between_the_bounds_and_something_at_them(pair):
    for end in (0, 1):
        core, report = opened(pair)
        bounds = core.trigger_bounds()
        inside = bounds[end] + (1, -1)[end]
        assert _silent(core.step(_at(report, inside, pair)))
        assert isinstance(core.step(_at(report, bounds[end], pair)), Plan)


@both_orders
def test_the_reason_is_told_in_words_of_the_pair(pair):
    by_price = TriggerRule(depletion_bps=10_000, price_move_bps=300)
    for price, reason in ((2_400, PlanReason.PRICE_UP), (2_100, PlanReason.PRICE_DOWN)):
        core, report = opened(pair, trigger=by_price)
        assert core.step(after(report, pair, price=price, ts_ns=LATER_NS)).reason is reason
    by_amount = TriggerRule(depletion_bps=3_000, price_move_bps=0)
    for price, reason in ((2_400, PlanReason.BASE_DEPLETED), (2_100, PlanReason.QUOTE_DEPLETED)):
        core, report = opened(pair, trigger=by_amount)
        assert core.step(after(report, pair, price=price, ts_ns=LATER_NS)).reason is reason


def test_a_rebalance_becomes_the_new_baseline_and_does_not_repeat():
    core, report = opened()
    seen = _at(report, core.trigger_bounds()[1])
    plan = core.step(seen)
    report = execute(plan, seen)
    core.on_executed(report)
    low, high = core.trigger_bounds()
    assert low < seen.sqrt_price_x96 < high
    assert _silent(core.step(after(report)))
    assert {each.ticks for each in report.positions} == {each.ticks for each in plan.ranges}


def test_excess_base_gets_the_narrow_ask_after_the_price_fell():
    core, report = opened(quoting=replace(parameters().quoting, max_inventory_base=2.0))
    plan = core.step(after(report, price=2_200, ts_ns=LATER_NS))
    assert plan.numbers["combined_inventory_base"] > 0
    assert plan.numbers["ask_width_bps"] < plan.numbers["bid_width_bps"]


def test_what_exchanges_hold_offsets_the_lean():
    core, report = opened()
    seen = after(report, price=2_200, ts_ns=LATER_NS)
    alone = LpCore(core.parameters, core.state).step(seen)
    delta = round(alone.numbers["combined_inventory_base"] * 1e18)
    hedged = LpCore(core.parameters, core.state).step(seen._replace(cefi_inventory=-delta))
    assert hedged.numbers["bid_width_bps"] == pytest.approx(hedged.numbers["ask_width_bps"])


def test_a_rebalance_waits_for_the_cooldown_and_then_is_done():
    core, report = opened()
    high = core.trigger_bounds()[1]
    early = _at(report, high, ts_ns=START_NS + MINUTE_NS)
    assert _refusal(core.step(early)) is RefusalReason.COOLDOWN
    due_ns = START_NS + core.parameters.cooldown_ns
    assert core.next_timer_ns() == due_ns
    assert _silent(core.step(early._replace(ts_ns=due_ns - 1)))
    assert isinstance(core.step(early._replace(ts_ns=due_ns)), Plan)


def test_one_crossing_is_refused_once_per_look_not_once_per_observation():
    core, report = opened(max_gas_quote_raw=0)
    seen = _at(report, core.trigger_bounds()[1])
    assert _refusal(core.step(seen)) is RefusalReason.GAS_ABOVE_MAX
    for second in range(1, 59):
        assert _silent(core.step(seen._replace(ts_ns=LATER_NS + second * 10**9)))
    assert _refusal(core.step(seen._replace(ts_ns=LATER_NS + MINUTE_NS))) is (
        RefusalReason.GAS_ABOVE_MAX
    )


def test_the_pause_between_looks_doubles_up_to_sixteen():
    core, report = opened(max_gas_quote_raw=0)
    seen = _at(report, core.trigger_bounds()[1])
    pauses = []
    for _ in range(7):
        assert _refusal(core.step(seen)) is RefusalReason.GAS_ABOVE_MAX
        pauses.append((core.next_timer_ns() - seen.ts_ns) // MINUTE_NS)
        seen = seen._replace(ts_ns=core.next_timer_ns())
    assert pauses == [1, 2, 4, 8, 16, 16, 16]


def test_a_refused_trigger_is_armed_again_only_after_the_hysteresis():
    core, report = opened(max_gas_quote_raw=0)
    high = core.trigger_bounds()[1]
    assert _refusal(core.step(_at(report, high))) is RefusalReason.GAS_ABOVE_MAX
    rearm, never = core.trigger_bounds()
    assert rearm < high - 1
    assert never == NEVER_ABOVE
    # Just inside the trigger: the same crossing, nothing due, the pause goes on.
    assert _silent(core.step(_at(report, high - 1, ts_ns=LATER_NS + MINUTE_NS)))
    assert core.trigger_bounds() == (rearm, never)
    assert core.next_timer_ns() == LATER_NS + 2 * MINUTE_NS
    # Back at the re-arming price: as good as new.
    assert _silent(core.step(_at(report, rearm, ts_ns=LATER_NS + 2 * MINUTE_NS)))
    assert core.next_timer_ns() is None
    assert core.trigger_bounds()[1] == high
    assert _refusal(core.step(_at(report, high, ts_ns=LATER_NS + 2 * MINUTE_NS + 1))) is (
        RefusalReason.GAS_ABOVE_MAX
    )


def test_a_jump_through_to_the_other_side_is_a_new_crossing():
    core, report = opened(max_gas_quote_raw=0)
    low, high = core.trigger_bounds()
    assert _refusal(core.step(_at(report, high))) is RefusalReason.GAS_ABOVE_MAX
    answer = core.step(_at(report, low, ts_ns=LATER_NS + 1))
    assert _refusal(answer) is RefusalReason.GAS_ABOVE_MAX
    assert core.state.triggered == "down"


def test_the_guard_compares_with_the_time_weighted_average():
    core, report = opened(twap_guard_bps=None)
    core = LpCore(replace(core.parameters, twap_guard_bps=50), core.state)
    seen = _at(report, core.trigger_bounds()[1])
    far = core.step(seen._replace(twap_tick=seen.tick - 51))
    assert _refusal(far) is RefusalReason.TWAP_DEVIATION
    assert far.refusal.numbers["twap_deviation_bps"] > 50
    late = seen._replace(ts_ns=core.next_timer_ns())
    assert _refusal(core.step(late)) is RefusalReason.TWAP_UNAVAILABLE
    later = seen._replace(ts_ns=core.next_timer_ns(), twap_tick=seen.tick + 49)
    assert isinstance(core.step(later), Plan)


def test_the_guard_holds_for_the_first_mint_too():
    seen = observation(twap_tick=observation().tick + 500)
    answer = LpCore(parameters(twap_guard_bps=50)).step(seen)
    assert _refusal(answer) is RefusalReason.TWAP_DEVIATION


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"pending": True}, RefusalReason.PENDING),
        ({"data_age_ns": MINUTE_NS}, RefusalReason.DATA_STALE),
        ({"sigma": None}, RefusalReason.NO_ESTIMATE),
        ({"fees": None}, RefusalReason.NO_ESTIMATE),
    ],
)
def test_what_is_not_known_or_not_fresh_is_not_acted_on(change, reason):
    core, report = opened(
        economics=EconomicsRule(horizon_s=3_600.0, min_benefit_quote=-1e9),
        max_data_age_ns=MINUTE_NS - 1,
    )
    assert _refusal(core.step(_at(report, core.trigger_bounds()[1], **change))) is reason


def test_a_rebalance_that_does_not_pay_is_refused_with_its_numbers():
    core, report = opened(economics=EconomicsRule(horizon_s=3_600.0, min_benefit_quote=0.0))
    poor = FeeEstimate(0.0, 10**19)
    answer = core.step(_at(report, core.trigger_bounds()[1], fees=poor))
    assert _refusal(answer) is RefusalReason.BELOW_MIN_BENEFIT
    numbers = answer.refusal.numbers
    assert numbers["benefit"] < 0
    assert numbers["gas"] == pytest.approx(20e-9 * numbers["gas_units"] * numbers["price"], 1e-6)
    assert numbers["benefit"] == pytest.approx(
        (numbers["fees_new"] - numbers["lvr_new"] - numbers["hedge_new"])
        - (numbers["fees_stay"] - numbers["lvr_stay"] - numbers["hedge_stay"])
        - numbers["gas"]
        - numbers["swap"]
    )


def test_a_rebalance_that_pays_is_done():
    core, report = opened(economics=EconomicsRule(horizon_s=86_400.0, min_benefit_quote=0.0))
    rich = FeeEstimate(1e9, 10**17)
    # Far outside the old ranges, which earn next to nothing there.
    seen = after(report, price=3_000, ts_ns=LATER_NS, fees=rich, base_fee_wei=GWEI)
    plan = core.step(seen)
    assert isinstance(plan, Plan)
    assert plan.numbers["benefit"] >= plan.numbers["required"] > 0


def test_unchanged_ranges_are_not_burned_and_minted_again():
    # A depletion threshold so small that it fires before the price leaves its tick spacing.
    core, report = opened(
        trigger=TriggerRule(depletion_bps=1, price_move_bps=0),
        ranges=replace(parameters().ranges, min_width_bps=199, max_width_bps=200),
    )
    seen = observation(
        wallet_base=report.wallet_base - 10**3 if report.wallet_base > 10**3 else 0,
        wallet_quote=0,
        positions=report.positions,
        ts_ns=LATER_NS,
    )
    drained = core.state.baseline._replace(amount0=core.state.baseline.amount0 * 2)
    core = LpCore(core.parameters, replace(core.state, baseline=drained))
    assert _refusal(core.step(seen)) is RefusalReason.SAME_RANGES


@pytest.mark.parametrize(
    "change",
    [
        {"target_base_share_bps": 10_001},
        {"slippage_bps": 10_000},
        {"cooldown_ns": -1},
        {"retry_ns": 0},
        {"priority_fee_wei": -1},
    ],
)
def test_parameters_outside_their_domain_are_refused(change):
    with pytest.raises(ConfigError):
        parameters(**change)


def test_the_tick_helper_agrees_with_the_pool():
    assert tick_at(observation().sqrt_price_x96) == observation().tick
