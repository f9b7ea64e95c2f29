"""The liquidity agent's core: when it acts, when it holds, and what it remembers."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
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

from alp.errors import ConfigError, Corrupt
from alp.models.fees import FeeEstimate
from alp.models.lp_core import LpCore
from alp.models.lp_state import LpState
from alp.models.lp_types import Hold, Mint, Plan, PlanReason, action_record
from alp.models.rebalance import EconomicsRule, RefusalReason
from alp.models.triggers import NEVER_ABOVE, NEVER_BELOW, TriggerRule

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


# First mint


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


# Bounds and triggers


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
    hedged = LpCore(core.parameters, core.state).step(replace(seen, cefi_inventory=-delta))
    assert hedged.numbers["bid_width_bps"] == pytest.approx(hedged.numbers["ask_width_bps"])


# Refusals


def test_a_rebalance_waits_for_the_cooldown_and_then_is_done():
    core, report = opened()
    high = core.trigger_bounds()[1]
    early = _at(report, high, ts_ns=START_NS + MINUTE_NS)
    assert _refusal(core.step(early)) is RefusalReason.COOLDOWN
    due_ns = START_NS + core.parameters.cooldown_ns
    assert core.next_timer_ns() == due_ns
    assert _silent(core.step(replace(early, ts_ns=due_ns - 1)))
    assert isinstance(core.step(replace(early, ts_ns=due_ns)), Plan)


def test_one_crossing_is_refused_once_per_look_not_once_per_observation():
    core, report = opened(max_gas_quote_raw=0)
    seen = _at(report, core.trigger_bounds()[1])
    assert _refusal(core.step(seen)) is RefusalReason.GAS_ABOVE_MAX
    for second in range(1, 59):
        assert _silent(core.step(replace(seen, ts_ns=LATER_NS + second * 10**9)))
    assert _refusal(core.step(replace(seen, ts_ns=LATER_NS + MINUTE_NS))) is (
        RefusalReason.GAS_ABOVE_MAX
    )


def test_the_pause_between_looks_doubles_up_to_sixteen():
    core, report = opened(max_gas_quote_raw=0)
    seen = _at(report, core.trigger_bounds()[1])
    pauses = []
    for _ in range(7):
        assert _refusal(core.step(seen)) is RefusalReason.GAS_ABOVE_MAX
        pauses.append((core.next_timer_ns() - seen.ts_ns) // MINUTE_NS)
        seen = replace(seen, ts_ns=core.next_timer_ns())
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
    core.parameters = replace(core.parameters, twap_guard_bps=50)
    seen = _at(report, core.trigger_bounds()[1])
    far = core.step(replace(seen, twap_tick=seen.tick - 51))
    assert _refusal(far) is RefusalReason.TWAP_DEVIATION
    assert far.refusal.numbers["twap_deviation_bps"] > 50
    late = replace(seen, ts_ns=core.next_timer_ns())
    assert _refusal(core.step(late)) is RefusalReason.TWAP_UNAVAILABLE
    later = replace(seen, ts_ns=core.next_timer_ns(), twap_tick=seen.tick + 49)
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
    drained = replace(core.state.baseline, amount0=core.state.baseline.amount0 * 2)
    core = LpCore(core.parameters, replace(core.state, baseline=drained))
    assert _refusal(core.step(seen)) is RefusalReason.SAME_RANGES


# Reports


def test_while_a_plan_is_pending_nothing_is_decided():
    core = LpCore(parameters())
    core.step(observation())
    assert _silent(core.step(observation(ts_ns=LATER_NS)))
    assert core.next_timer_ns() is None
    assert core.trigger_bounds() == (NEVER_BELOW, NEVER_ABOVE)


def test_a_report_about_another_plan_is_refused():
    core, report = opened()
    with pytest.raises(Corrupt, match="plan 1"):
        core.on_executed(report)
    with pytest.raises(Corrupt):
        core.on_reverted(report)


def test_a_reverted_mint_is_tried_again_after_a_growing_pause():
    core = LpCore(parameters())
    seen = observation()
    for pause in (1, 2, 4):
        plan = core.step(seen)
        assert plan.reason is PlanReason.FIRST_MINT
        nothing = replace(
            execute(plan, seen),
            positions=(),
            wallet_base=seen.wallet_base,
            wallet_quote=seen.wallet_quote,
        )
        core.on_reverted(nothing)
        assert core.next_timer_ns() == seen.ts_ns + pause * MINUTE_NS
        seen = replace(seen, ts_ns=core.next_timer_ns())


def test_a_reverted_rebalance_stays_due():
    core, report = opened()
    seen = _at(report, core.trigger_bounds()[1])
    plan = core.step(seen)
    core.on_reverted(replace(report, plan_id=plan.plan_id, ts_ns=LATER_NS))
    assert _silent(core.step(replace(seen, ts_ns=LATER_NS + 1)))
    again = core.step(replace(seen, ts_ns=core.next_timer_ns()))
    assert again.reason is plan.reason
    assert again.plan_id == plan.plan_id + 1


def test_ranges_taken_down_and_not_put_up_again_are_an_obligation():
    # A peer's users waited for ever with closed positions: neither cooldown nor benefit may hold.
    core, report = opened(
        economics=EconomicsRule(horizon_s=86_400.0, min_benefit_quote=0.0),
        cooldown_ns=10**18,
    )
    core.parameters = replace(core.parameters, cooldown_ns=0)
    seen = after(
        report, price=3_000, ts_ns=LATER_NS, fees=FeeEstimate(1e9, 10**17), base_fee_wei=GWEI
    )
    plan = core.step(seen)
    flat = replace(execute(plan, seen), positions=())
    assert plan.reason is PlanReason.BASE_DEPLETED
    core.parameters = replace(core.parameters, cooldown_ns=10**18)
    half_done = replace(flat, wallet_base=10**18, wallet_quote=10**9)
    core.on_reverted(half_done)
    poor = after(half_done, ts_ns=core.next_timer_ns(), fees=FeeEstimate(0.0, 10**19))
    again = core.step(poor)
    assert again.reason is PlanReason.REOPEN
    assert {type(each) for each in again.actions} == {Mint}


def test_one_of_two_mints_missing_is_owed_too():
    core = LpCore(parameters())
    seen = observation()
    report = execute(core.step(seen), seen)
    kept = report.positions[:1]
    half = replace(report, positions=kept, wallet_base=10**18)
    core.on_reverted(half)
    assert core.trigger_bounds() == (NEVER_BELOW, NEVER_ABOVE)
    plan = core.step(after(half, ts_ns=core.next_timer_ns()))
    assert plan.reason is PlanReason.REOPEN
    core.on_executed(execute(plan, after(half, ts_ns=core.next_timer_ns() or LATER_NS)))
    assert len(core.state.holdings.positions) == 2
    assert not core.state.owed


def test_with_a_swap_the_ranges_follow_in_a_second_plan_without_another_swap():
    core = LpCore(parameters(swap_to_target=True))
    seen = observation(wallet_quote=0)
    first = core.step(seen)
    assert not first.complete
    report = execute(first, seen)
    core.on_executed(report)
    assert core.next_timer_ns() == report.ts_ns
    second = core.step(after(report))
    assert second.reason is PlanReason.REOPEN
    assert second.complete
    # Nothing was ever open: still the first mint, symmetric.
    assert second.numbers["bid_width_bps"] == second.numbers["ask_width_bps"] == 200
    core.on_executed(execute(second, after(report)))
    assert core.next_timer_ns() is None
    assert _silent(core.step(after(execute(second, after(report)))))


# Restart


def test_positions_found_without_memory_are_adopted_as_they_are():
    _, report = opened()
    core = LpCore(parameters())
    assert _silent(core.step(after(report)))
    low, high = core.trigger_bounds()
    assert low < report.sqrt_price_x96 < high
    assert isinstance(core.step(_at(report, high)), Plan)


def test_positions_without_liquidity_are_not_positions():
    _, report = opened()
    empty = tuple(replace(each, liquidity=0) for each in report.positions)
    core = LpCore(parameters())
    plan = core.step(observation(positions=empty))
    assert plan.reason is PlanReason.FIRST_MINT


def _journey(core, moves, *, restart):
    """Follow the price through ticks; return every answer and the final state."""
    seen, answers = observation(), []
    wallet = (seen.wallet_base, seen.wallet_quote)
    positions, ts_ns = (), START_NS
    for move in moves:
        ts_ns += 7 * MINUTE_NS
        sqrt_price = seen.sqrt_price_x96 * (10_000 + move) // 10_000
        seen = observation(
            sqrt_price_x96=sqrt_price,
            ts_ns=ts_ns,
            wallet_base=wallet[0],
            wallet_quote=wallet[1],
            positions=positions,
        )
        if restart:
            saved = json.loads(json.dumps(core.state.to_dict()))
            core = LpCore(core.parameters, LpState.from_dict(saved))
        answer = core.step(seen)
        answers.append(answer)
        if isinstance(answer, Plan):
            report = execute(answer, seen)
            core.on_executed(report)
            wallet = (report.wallet_base, report.wallet_quote)
            positions = report.positions
    return answers, core.state


@settings(max_examples=25)
@given(st.lists(st.integers(-150, 150), min_size=1, max_size=25))
def test_a_restart_at_any_moment_changes_no_decision(moves):
    rules = parameters()
    assert _journey(LpCore(rules), moves, restart=False) == _journey(
        LpCore(rules), moves, restart=True
    )


@settings(max_examples=25)
@given(st.lists(st.integers(-150, 150), min_size=1, max_size=25), st.booleans())
def test_stepping_only_at_bounds_and_timers_decides_the_same(moves, swap):
    # What the compiled replay does: it compares with the bounds and calls for nothing else.
    rules = parameters(swap_to_target=swap)
    every, bounded = LpCore(rules), LpCore(rules)
    seen, plans = observation(), 0
    wallet, positions, ts_ns = (seen.wallet_base, seen.wallet_quote), (), START_NS
    for move in [0, *moves]:
        ts_ns += 7 * MINUTE_NS
        seen = observation(
            sqrt_price_x96=seen.sqrt_price_x96 * (10_000 + move) // 10_000,
            ts_ns=ts_ns,
            wallet_base=wallet[0],
            wallet_quote=wallet[1],
            positions=positions,
        )
        answer = every.step(seen)
        low, high = bounded.trigger_bounds()
        timer = bounded.next_timer_ns()
        due = move == 0 or not low < seen.sqrt_price_x96 < high or (timer and ts_ns >= timer)
        if due:
            assert bounded.step(seen) == answer
        else:
            assert _silent(answer)
        if isinstance(answer, Plan):
            plans += 1
            report = execute(answer, seen)
            every.on_executed(report)
            bounded.on_executed(report)
            wallet, positions = (report.wallet_base, report.wallet_quote), report.positions
    assert plans >= 1


def test_a_state_of_another_version_or_damaged_is_refused():
    core, _ = opened()
    saved = core.state.to_dict()
    with pytest.raises(Corrupt, match="version"):
        LpState.from_dict({**saved, "version": 0})
    with pytest.raises(Corrupt, match="damaged"):
        LpState.from_dict({**saved, "baseline": {}})


# Records and parameters


def test_an_action_records_large_integers_as_text():
    core = LpCore(parameters())
    mint = core.step(observation()).actions[0]
    record = action_record(mint)
    assert record["action"] == "mint"
    assert record["liquidity"] == str(mint.liquidity)
    assert record["tick_lower"] == mint.tick_lower
    json.dumps(record)


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
