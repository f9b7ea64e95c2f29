"""Replicas: pools seeded from a snapshot and put at recorded prices."""

from __future__ import annotations

import random

import pytest
from reference.prices import sqrt_ratio_at_tick

from alp._core.errors import Revert
from alp._core.pool import Pool

START = 1_700_000_000
ALICE = 1


def original() -> Pool:
    pool = Pool(500, 10)
    pool.initialize(sqrt_ratio_at_tick(1234) + 99, START)
    rng = random.Random(7)
    for owner in range(20):
        lower = rng.randrange(90, 150) * 10
        pool.mint(owner + 1, lower - 600, lower, rng.randrange(10**18, 10**20), START)
    return pool


def replica_of(pool: Pool, gross: bool = True) -> Pool:
    replica = Pool(pool.fee, pool.tick_spacing)
    replica.initialize(pool.sqrt_price_x96, START)
    replica.load_liquidity(
        [
            (tick.tick, tick.liquidity_net, tick.liquidity_gross)
            if gross
            else (tick.tick, tick.liquidity_net)
            for tick in pool.ticks()
            if gross or tick.liquidity_net
        ]
    )
    return replica


@pytest.mark.parametrize("gross", [True, False])
def test_a_replica_swaps_as_its_original(gross: bool) -> None:
    pool = original()
    replica = replica_of(pool, gross)
    assert replica.liquidity == pool.liquidity
    for step, (zero_for_one, amount) in enumerate(
        [(True, 10**18), (False, 3 * 10**19), (True, -(10**18)), (True, 10**21)]
    ):
        limit = sqrt_ratio_at_tick(100 if zero_for_one else 3000)
        assert replica.swap(zero_for_one, amount, limit, START + step) == pool.swap(
            zero_for_one, amount, limit, START + step
        )
        assert replica.tick == pool.tick
        assert replica.liquidity == pool.liquidity


def test_a_replica_knows_no_balances_and_does_not_check_them() -> None:
    replica = replica_of(original())
    replica.swap(True, 10**20, sqrt_ratio_at_tick(500), START)
    assert (replica.balance0, replica.balance1) == (0, 0)
    assert not replica.balances_known
    assert replica.flash(10**30, 0, 10**30 + 10**27, 5) == (10**27, 5)
    with pytest.raises(Revert) as caught:
        replica.flash(10**6, 0, 10**6, 0)
    assert caught.value.reason == "F0"


def test_fees_inside_a_range_survive_a_jump_over_it() -> None:
    pool = original()
    pool.mint(ALICE, 1200, 1300, 10**20, START)
    pool.swap(True, 10**17, sqrt_ratio_at_tick(1205), START + 1)
    fees = pool.position_fees(ALICE, 1200, 1300)
    growth = pool.fee_growth_inside(1200, 1300)
    assert fees > (0, 0)
    for tick in (900, 1234, 1600, 1299, 1300, 1199, 1200):
        pool.set_price(sqrt_ratio_at_tick(tick), tick)
        assert pool.position_fees(ALICE, 1200, 1300) == fees
        assert pool.fee_growth_inside(1200, 1300) == growth


def test_a_jump_is_what_a_swap_to_the_price_does_to_the_ticks() -> None:
    swapped, put = original(), original()
    target = sqrt_ratio_at_tick(900)
    swapped.swap(True, 2**120, target, START + 5)
    put.set_price(target, 900, swapped.liquidity, START + 5)
    assert put.liquidity == swapped.liquidity
    assert put.tick == swapped.tick
    assert put.observe([0], START + 9) == swapped.observe([0], START + 9)
    for ours, theirs in zip(put.ticks(), swapped.ticks(), strict=True):
        assert ours.seconds_outside == theirs.seconds_outside
        assert ours.tick_cumulative_outside == theirs.tick_cumulative_outside


def test_a_tick_that_cannot_hold_the_price_gives_way() -> None:
    pool = original()
    pool.set_price(sqrt_ratio_at_tick(500), 499)  # came down to the boundary
    assert pool.tick == 499
    pool.set_price(sqrt_ratio_at_tick(500) + 1, 499)
    assert pool.tick == 500
    pool.set_price(sqrt_ratio_at_tick(500), 10**9)
    assert pool.tick == 500


@pytest.mark.parametrize(
    ("rows", "what"),
    [
        ([(5, 1)], "off spacing"),
        ([(887280, 1)], "out of range"),
        ([(10, 1), (10, 1)], "given twice"),
        ([(10, 0)], "without liquidity"),
        ([(-10, -1)], "below zero"),
    ],
)
def test_impossible_snapshots_are_refused(rows: list[tuple[int, int]], what: str) -> None:
    pool = Pool(500, 10)
    pool.initialize(2**96, START)
    with pytest.raises(ValueError, match=what):
        pool.load_liquidity(rows)
