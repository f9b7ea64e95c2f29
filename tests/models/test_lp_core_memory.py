"""What the liquidity agent's core remembers: reports, obligations, restarts, records."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lp_world import (
    GWEI,
    MINUTE_NS,
    START_NS,
    after,
    execute,
    observation,
    opened,
    parameters,
)

from alp.errors import Corrupt
from alp.models.fees import FeeEstimate
from alp.models.lp_core import LpCore
from alp.models.lp_state import LpState
from alp.models.lp_types import Hold, Mint, Plan, PlanReason, action_record
from alp.models.rebalance import EconomicsRule
from alp.models.triggers import NEVER_ABOVE, NEVER_BELOW

LATER_NS = START_NS + 60 * MINUTE_NS


def _at(report, sqrt_price, ts_ns=LATER_NS):
    return after(report, sqrt_price_x96=sqrt_price, ts_ns=ts_ns)


def _silent(answer):
    return isinstance(answer, Hold) and answer.refusal is None


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
        nothing = execute(plan, seen)._replace(
            positions=(),
            wallet_base=seen.wallet_base,
            wallet_quote=seen.wallet_quote,
        )
        core.on_reverted(nothing)
        assert core.next_timer_ns() == seen.ts_ns + pause * MINUTE_NS
        seen = seen._replace(ts_ns=core.next_timer_ns())


def test_a_reverted_rebalance_stays_due():
    core, report = opened()
    seen = _at(report, core.trigger_bounds()[1])
    plan = core.step(seen)
    core.on_reverted(report._replace(plan_id=plan.plan_id, ts_ns=LATER_NS))
    assert _silent(core.step(seen._replace(ts_ns=LATER_NS + 1)))
    again = core.step(seen._replace(ts_ns=core.next_timer_ns()))
    assert again.reason is plan.reason
    assert again.plan_id == plan.plan_id + 1


def test_ranges_taken_down_and_not_put_up_again_are_an_obligation():
    # A peer's users waited for ever with closed positions: neither cooldown nor benefit may hold.
    core, report = opened(
        economics=EconomicsRule(horizon_s=86_400.0, min_benefit_quote=0.0),
        cooldown_ns=10**18,
    )
    core = LpCore(replace(core.parameters, cooldown_ns=0), core.state)
    seen = after(
        report, price=3_000, ts_ns=LATER_NS, fees=FeeEstimate(1e9, 10**17), base_fee_wei=GWEI
    )
    plan = core.step(seen)
    flat = execute(plan, seen)._replace(positions=())
    assert plan.reason is PlanReason.BASE_DEPLETED
    core = LpCore(replace(core.parameters, cooldown_ns=10**18), core.state)
    half_done = flat._replace(wallet_base=10**18, wallet_quote=10**9)
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
    half = report._replace(positions=kept, wallet_base=10**18)
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


def test_positions_found_without_memory_are_adopted_as_they_are():
    _, report = opened()
    core = LpCore(parameters())
    assert _silent(core.step(after(report)))
    low, high = core.trigger_bounds()
    assert low < report.sqrt_price_x96 < high
    assert isinstance(core.step(_at(report, high)), Plan)


def test_positions_without_liquidity_are_not_positions():
    _, report = opened()
    empty = tuple(each._replace(liquidity=0) for each in report.positions)
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
        assert core.trigger_bounds() == LpCore(core.parameters, core.state).trigger_bounds()
        if isinstance(answer, Plan):
            report = execute(answer, seen)
            core.on_executed(report)
            assert core.trigger_bounds() == LpCore(core.parameters, core.state).trigger_bounds()
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


def test_the_state_handed_out_stays_as_it_was():
    core, report = opened()
    before = core.state
    core.step(_at(report, core.trigger_bounds()[1]))
    assert before != core.state
    assert before == opened()[0].state
    given = core.state
    LpCore(core.parameters, given).on_reverted(report._replace(plan_id=given.pending_plan))
    assert given == core.state


def test_a_state_of_another_version_or_damaged_is_refused():
    core, _ = opened()
    saved = core.state.to_dict()
    with pytest.raises(Corrupt, match="version"):
        LpState.from_dict({**saved, "version": 0})
    with pytest.raises(Corrupt, match="damaged"):
        LpState.from_dict({**saved, "baseline": {}})


def test_an_action_records_large_integers_as_text():
    core = LpCore(parameters())
    mint = core.step(observation()).actions[0]
    record = action_record(mint)
    assert record["action"] == "mint"
    assert record["liquidity"] == str(mint.liquidity)
    assert record["tick_lower"] == mint.tick_lower
    json.dumps(record)
