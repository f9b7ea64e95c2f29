"""The agent on a chain decides what a backtest of the same events decides."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from lp_parity import backtest, on_chain, recording, strategy_of

EVENTS = 1_500


def both(root: Path, folder: Path, events: int, **rebalance: Any) -> Any:
    strategy = strategy_of(root, **rebalance)
    recorded = recording(root, strategy, events)
    expected, _, engine = backtest(strategy, recorded)
    found, world = asyncio.run(on_chain(folder, strategy, recorded))
    return expected, found, engine, world


def test_every_decision_is_the_same_where_no_timer_is_involved(root: Path, tmp_path: Path) -> None:
    expected, found, engine, world = both(root, tmp_path, EVENTS, cooldown="0s")
    plans = [each for each in expected if each.ranges]
    assert len(plans) > 20
    assert found == expected
    # And everything that came of it, to the last wei: the pool, the wallet, the positions.
    pair = world.strategy.pair()
    purse = world.chain._purses["agent"]
    assert world.chain.pool.sqrt_price_x96 == engine._setup.driver.sqrt_price_x96
    assert pair.join(purse.amount0, purse.amount1) == (
        engine.book.wallet_base,
        engine.book.wallet_quote,
    )
    assert [each[:3] for each in engine.lp.views()] == [
        each[1:4] for each in world.agent.view.account.positions
    ]


def test_after_a_swap_a_chain_needs_a_block_more_than_a_backtest(
    root: Path, tmp_path: Path
) -> None:
    """A backtest opens the ranges in the block of the swap; the agent sees that block first."""
    expected, found, _, _ = both(
        root, tmp_path, 120, cooldown="0s", swap="toTarget", slippageBps=200
    )
    assert [each.reason for each in found] == [each.reason for each in expected]
    assert [each.reason for each in found][:2] == ["FIRST_MINT", "REOPEN"]
    assert found[0] == expected[0]
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.block - theirs.block == (ours.reason == "REOPEN")


def test_refusals_that_a_timer_repeats_come_when_the_next_block_is_seen(
    root: Path, tmp_path: Path
) -> None:
    """A replay stops at the moment of a timer; on a chain nothing is new before the next block."""
    expected, found, _, world = both(root, tmp_path, EVENTS, cooldown="0s", weighBenefit=True)
    assert any(each.reason == "BELOW_MIN_BENEFIT" for each in expected)
    assert [each.reason for each in found] == [each.reason for each in expected]
    for ours, theirs in zip(found, expected, strict=True):
        assert 0 <= ours.block - theirs.block <= 1
        assert ours.ranges == theirs.ranges
    assert world.agent.counts["reverted"] == 0
