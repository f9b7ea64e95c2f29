"""Ghost liquidity: it earns its share of fees and moves nothing."""

from __future__ import annotations

import pytest
from reference.prices import sqrt_ratio_at_tick

from alp._core.errors import Revert
from alp._core.pool import Pool

START = 1_700_000_000
REAL, GHOST = 1, 2


def pool_at(tick: int = 5) -> Pool:
    pool = Pool(3000, 10)
    pool.initialize(sqrt_ratio_at_tick(tick), START)
    pool.mint(REAL, -1000, 1000, 10**21, START)
    return pool


def test_a_ghost_pays_what_a_real_position_would_and_owns_nothing() -> None:
    real, haunted = pool_at(), pool_at()
    before = haunted.balance0, haunted.balance1
    assert haunted.mint(GHOST, -100, 100, 10**20, START, ghost=True) == real.mint(
        GHOST, -100, 100, 10**20, START
    )
    assert (haunted.balance0, haunted.balance1) == before
    assert haunted.burn(GHOST, -100, 100, 10**20, START) == real.burn(
        GHOST, -100, 100, 10**20, START
    )
    assert haunted.collect(GHOST, -100, 100, 2**127, 2**127) > (0, 0)
    assert (haunted.balance0, haunted.balance1) == before


def test_price_amounts_and_bitmap_are_those_without_ghosts() -> None:
    real, haunted = pool_at(), pool_at()
    haunted.mint(GHOST, -30, 50, 10**23, START, ghost=True)
    for step, (zero_for_one, amount) in enumerate([(True, 10**19), (False, -(10**19))] * 3):
        limit = sqrt_ratio_at_tick(-900 if zero_for_one else 900)
        assert haunted.swap(zero_for_one, amount, limit, START + step) == real.swap(
            zero_for_one, amount, limit, START + step
        )
        assert (haunted.sqrt_price_x96, haunted.tick) == (real.sqrt_price_x96, real.tick)
        assert haunted.crossed_ticks == real.crossed_ticks
    assert haunted.bitmap() == real.bitmap()
    assert haunted.real_liquidity == real.liquidity


def test_fees_are_shared_by_liquidity() -> None:
    pool = pool_at()
    pool.mint(GHOST, -1000, 1000, 3 * 10**21, START, ghost=True)
    pool.swap(True, 10**18, sqrt_ratio_at_tick(-900), START + 1)
    real, ghost = (pool.position_fees(owner, -1000, 1000)[0] for owner in (REAL, GHOST))
    assert real == 3 * 10**18 // 1000 // 4 - 1 or real == 3 * 10**18 // 1000 // 4
    assert abs(ghost - 3 * real) <= 3


def test_a_ghost_earns_only_for_the_part_of_a_swap_inside_its_range() -> None:
    pool = pool_at(tick=95)
    pool.mint(GHOST, 0, 50, 10**21, START, ghost=True)
    pool.swap(True, 10**22, sqrt_ratio_at_tick(-95), START + 1)  # one step of the real pool
    assert pool.tick == -95
    ghost = pool.position_fees(GHOST, 0, 50)[0]
    alone = Pool(3000, 10)
    alone.initialize(sqrt_ratio_at_tick(50), START)
    alone.mint(REAL, -1000, 1000, 10**21, START)
    alone.swap(True, 10**22, sqrt_ratio_at_tick(0), START + 1)
    inside = alone.position_fees(REAL, -1000, 1000)[0]
    assert abs(ghost - inside // 2) <= inside // 10**9 + 2
    assert pool.ghost_liquidity == 0


def test_ghosts_come_and_go_with_the_price() -> None:
    pool = pool_at(tick=5)
    pool.mint(GHOST, 0, 10, 7, START, ghost=True)
    assert pool.ghost_liquidity == 7
    assert pool.liquidity == pool.real_liquidity + 7
    pool.swap(False, 10**24, sqrt_ratio_at_tick(10), START + 1)
    assert (pool.tick, pool.ghost_liquidity) == (10, 0)
    pool.swap(True, 10**24, sqrt_ratio_at_tick(10) - 1, START + 2)
    assert (pool.tick, pool.ghost_liquidity) == (9, 7)
    pool.set_price(sqrt_ratio_at_tick(-500), -500)
    assert pool.ghost_liquidity == 0
    pool.set_price(sqrt_ratio_at_tick(3), 3)
    assert pool.ghost_liquidity == 7


def test_a_ghost_that_leaves_leaves_no_trace() -> None:
    pool = pool_at()
    pool.mint(GHOST, -30, 50, 10**20, START, ghost=True)
    pool.burn(GHOST, -30, 50, 10**20, START + 1)
    assert [tick.tick for tick in pool.ticks()] == [-1000, 1000]
    assert pool.liquidity == pool.real_liquidity
    assert pool.tick_info(-30).ghost_gross == 0


def test_a_position_is_real_or_ghost_until_it_is_empty() -> None:
    pool = pool_at()
    pool.mint(GHOST, -30, 50, 10**20, START, ghost=True)
    with pytest.raises(ValueError, match="other kind"):
        pool.mint(GHOST, -30, 50, 1, START)
    pool.burn(GHOST, -30, 50, 10**20, START)
    pool.collect(GHOST, -30, 50, 2**127, 2**127)
    pool.mint(GHOST, -30, 50, 1, START)
    assert not pool.position(GHOST, -30, 50).ghost


def test_a_tick_of_ghosts_is_not_initialised_for_the_contract() -> None:
    pool = pool_at()
    pool.mint(GHOST, -30, 50, 10**20, START, ghost=True)
    assert not pool.tick_info(-30).initialized
    with pytest.raises(Revert):
        pool.snapshot_cumulatives_inside(-30, 50, START)


def test_ghosts_leave_the_oracle_alone() -> None:
    real, haunted = pool_at(), pool_at()
    for pool in (real, haunted):
        pool.increase_observation_cardinality_next(4)
    haunted.mint(GHOST, -100, 100, 10**24, START + 5, ghost=True)
    for pool in (real, haunted):
        pool.swap(True, 10**19, sqrt_ratio_at_tick(-300), START + 60)
        pool.swap(False, 10**19, sqrt_ratio_at_tick(300), START + 90)
    assert haunted.observe([0, 20, 70], START + 100) == real.observe([0, 20, 70], START + 100)
