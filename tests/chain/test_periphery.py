"""Position manager, router and quoter: their own checks, and all or nothing.

Their arithmetic is held to the recorded contracts by ``test_verify_pool``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from alp._core.errors import Revert
from alp._core.pool import Pool
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.chain.uniswap_v3 import PositionManager, QuoterV2, SwapRouter
from alp.chain.uniswap_v3.quoter import count_initialized_ticks_crossed

NOW = 1_700_000_000
LATER = NOW + 600
ALICE, BOB, NPM, OTHER = 1, 2, 77, 78
EVERYTHING = 2**128 - 1


@pytest.fixture
def pool() -> Pool:
    pool = Pool(3000, 60)
    pool.initialize(get_sqrt_ratio_at_tick(30), NOW)
    pool.mint(OTHER, -6000, 6000, 10**20, NOW)
    return pool


@pytest.fixture
def manager() -> PositionManager:
    return PositionManager(NPM)


def opened(manager: PositionManager, pool: Pool, **changes: Any) -> Any:
    arguments: dict[str, Any] = {
        "tick_lower": -600,
        "tick_upper": 600,
        "amount0_desired": 10**18,
        "amount1_desired": 10**18,
        "amount0_min": 0,
        "amount1_min": 0,
        "recipient": ALICE,
        "deadline": LATER,
        "timestamp": NOW,
    }
    return manager.mint(pool, **arguments | changes)


def reverts(reason: str, call: Callable[[], object]) -> None:
    with pytest.raises(Revert) as caught:
        call()
    assert caught.value.reason == reason


def snapshot(pool: Pool, manager: PositionManager) -> object:
    return (
        pool.sqrt_price_x96,
        pool.liquidity,
        pool.balance0,
        pool.balance1,
        pool.ticks(),
        pool.positions(),
        manager.next_id,
        dict(manager._positions),
    )


def test_a_position_opens_adds_earns_pays_and_closes(pool: Pool, manager: PositionManager) -> None:
    minted = opened(manager, pool)
    assert minted.token_id == 1
    assert max(minted.amount0, minted.amount1) == 10**18
    added = manager.increase_liquidity(
        1,
        amount0_desired=10**17,
        amount1_desired=10**17,
        amount0_min=1,
        amount1_min=1,
        deadline=LATER,
        timestamp=NOW,
    )
    assert manager.position(1).liquidity == minted.liquidity + added.liquidity
    pool.swap(True, 10**18, get_sqrt_ratio_at_tick(-300), NOW + 5)
    fees = manager.collect(
        ALICE, 1, amount0_max=EVERYTHING, amount1_max=EVERYTHING, timestamp=NOW + 6
    )
    assert fees[0] > 0
    assert fees[1] == 0
    left = manager.exit(
        ALICE, 1, liquidity=manager.position(1).liquidity, deadline=LATER, timestamp=NOW + 7
    )
    assert (left.amount0, left.amount1) == (left.decrease0, left.decrease1)
    reverts("Invalid token ID", lambda: manager.position(1))


def test_two_tokens_on_one_range_have_accounts_of_their_own(
    pool: Pool, manager: PositionManager
) -> None:
    opened(manager, pool)
    pool.swap(True, 10**18, get_sqrt_ratio_at_tick(-300), NOW + 5)
    opened(manager, pool, recipient=BOB)
    pool.swap(False, 10**18, get_sqrt_ratio_at_tick(300), NOW + 6)
    first, second = (
        manager.collect(
            owner, token, amount0_max=EVERYTHING, amount1_max=EVERYTHING, timestamp=LATER
        )
        for owner, token in ((ALICE, 1), (BOB, 2))
    )
    assert first[0] > 0
    assert second[0] == 0
    assert second[1] > 0


FAILING: dict[str, tuple[str, Callable[[PositionManager, Pool], object]]] = {
    "minting too late": ("Transaction too old", lambda m, p: opened(m, p, timestamp=LATER + 1)),
    "minting below the minimum": (
        "Price slippage check",
        lambda m, p: opened(m, p, amount0_min=10**18, amount1_min=10**18),
    ),
    "minting off the grid": ("", lambda m, p: opened(m, p, tick_lower=-601)),
    "minting out of range": ("T", lambda m, p: opened(m, p, tick_lower=-887280)),
    "minting an empty range": ("", lambda m, p: opened(m, p, tick_lower=600)),
    "minting upside down": ("TLU", lambda m, p: opened(m, p, tick_lower=660)),
    "minting nothing": ("", lambda m, p: opened(m, p, amount0_desired=0, amount1_desired=0)),
    "minting for nobody": (
        "ERC721: mint to the zero address",
        lambda m, p: opened(m, p, recipient=0),
    ),
    "adding to a token that is not": ("", lambda m, p: increase(m, 9)),
    "adding too late": ("Transaction too old", lambda m, p: increase(m, 1, timestamp=LATER + 1)),
    "adding below the minimum": (
        "Price slippage check",
        lambda m, p: increase(m, 1, amount0_min=10**18, amount1_min=10**18),
    ),
    "taking out of another's token": ("Not approved", lambda m, p: decrease(m, BOB, 1, 1)),
    "taking out too late": (
        "Transaction too old",
        lambda m, p: decrease(m, ALICE, 1, 1, timestamp=LATER + 1),
    ),
    "taking nothing out": ("", lambda m, p: decrease(m, ALICE, 1, 0)),
    "taking more out than is in": ("", lambda m, p: decrease(m, ALICE, 1, 2**100)),
    "taking out below the minimum": (
        "Price slippage check",
        lambda m, p: decrease(m, ALICE, 1, 10**6, amount0_min=10**18),
    ),
    "collecting another's": (
        "Not approved",
        lambda m, p: m.collect(BOB, 1, amount0_max=1, amount1_max=1, timestamp=NOW),
    ),
    "collecting nothing": (
        "",
        lambda m, p: m.collect(ALICE, 1, amount0_max=0, amount1_max=0, timestamp=NOW),
    ),
    "collecting from a token that is not": (
        "ERC721: operator query for nonexistent token",
        lambda m, p: m.collect(ALICE, 9, amount0_max=1, amount1_max=1, timestamp=NOW),
    ),
    "burning a full token": ("Not cleared", lambda m, p: m.burn(ALICE, 1)),
    "burning another's": ("Not approved", lambda m, p: m.burn(BOB, 1)),
    "leaving with only a part": (
        "Not cleared",
        lambda m, p: m.exit(ALICE, 1, liquidity=10**6, deadline=LATER, timestamp=NOW),
    ),
    "leaving too late": (
        "Transaction too old",
        lambda m, p: m.exit(ALICE, 1, liquidity=10**6, deadline=NOW - 1, timestamp=NOW),
    ),
}


def increase(manager: PositionManager, token: int, **changes: Any) -> object:
    arguments: dict[str, Any] = {
        "amount0_desired": 10**18,
        "amount1_desired": 10**18,
        "amount0_min": 0,
        "amount1_min": 0,
        "deadline": LATER,
        "timestamp": NOW,
    }
    return manager.increase_liquidity(token, **arguments | changes)


def decrease(
    manager: PositionManager, sender: int, token: int, liquidity: int, **changes: Any
) -> object:
    arguments: dict[str, Any] = {
        "amount0_min": 0,
        "amount1_min": 0,
        "deadline": LATER,
        "timestamp": NOW,
    }
    return manager.decrease_liquidity(sender, token, liquidity=liquidity, **arguments | changes)


@pytest.mark.parametrize("what", FAILING)
def test_a_revert_names_its_reason_and_undoes_everything(
    pool: Pool, manager: PositionManager, what: str
) -> None:
    opened(manager, pool)
    pool.swap(True, 10**18, get_sqrt_ratio_at_tick(-300), NOW + 5)
    before = snapshot(pool, manager)
    reason, call = FAILING[what]
    reverts(reason, lambda: call(manager, pool))
    assert snapshot(pool, manager) == before


def swap_in(pool: Pool, **changes: Any) -> tuple[int, int]:
    arguments: dict[str, Any] = {
        "zero_for_one": True,
        "amount_in": 10**18,
        "amount_out_minimum": 0,
        "sqrt_price_limit_x96": 0,
        "deadline": LATER,
        "timestamp": NOW,
    }
    return SwapRouter().exact_input_single(pool, **arguments | changes)


def swap_out(pool: Pool, **changes: Any) -> tuple[int, int]:
    arguments: dict[str, Any] = {
        "zero_for_one": False,
        "amount_out": 10**18,
        "amount_in_maximum": 2**256 - 1,
        "sqrt_price_limit_x96": 0,
        "deadline": LATER,
        "timestamp": NOW,
    }
    return SwapRouter().exact_output_single(pool, **arguments | changes)


def test_the_router_swaps_what_the_quoter_quoted(pool: Pool) -> None:
    quoter = QuoterV2()
    for zero_for_one in (True, False):
        quoted = quoter.quote_exact_input_single(
            pool, zero_for_one=zero_for_one, amount_in=10**18, sqrt_price_limit_x96=0
        )
        amounts = swap_in(pool, zero_for_one=zero_for_one, amount_out_minimum=quoted.amount)
        assert -amounts[1 if zero_for_one else 0] == quoted.amount
        assert pool.sqrt_price_x96 == quoted.sqrt_price_x96_after
        quoted = quoter.quote_exact_output_single(
            pool, zero_for_one=zero_for_one, amount_out=10**17, sqrt_price_limit_x96=0
        )
        amounts = swap_out(
            pool, zero_for_one=zero_for_one, amount_out=10**17, amount_in_maximum=quoted.amount
        )
        assert amounts[0 if zero_for_one else 1] == quoted.amount


SWAPS: dict[str, tuple[str, Callable[[Pool], object]]] = {
    "too late": ("Transaction too old", lambda p: swap_in(p, timestamp=LATER + 1)),
    "too little": ("Too little received", lambda p: swap_in(p, amount_out_minimum=10**18)),
    "too much": ("Too much requested", lambda p: swap_out(p, amount_in_maximum=10**18)),
    "more than there is": ("", lambda p: swap_out(p, amount_out=10**30)),
    "nothing": ("AS", lambda p: swap_in(p, amount_in=0)),
    "more than int256": ("", lambda p: swap_in(p, amount_in=2**255)),
    "a limit on the wrong side": ("SPL", lambda p: swap_in(p, sqrt_price_limit_x96=2**100)),
}


@pytest.mark.parametrize("what", SWAPS)
def test_the_router_refuses(pool: Pool, manager: PositionManager, what: str) -> None:
    before = snapshot(pool, manager)
    reason, call = SWAPS[what]
    reverts(reason, lambda: call(pool))
    assert snapshot(pool, manager) == before


def test_a_swap_that_moves_no_token_is_refused_by_router_and_quoter() -> None:
    empty = Pool(3000, 60)
    empty.initialize(2**96, NOW)
    reverts("", lambda: swap_in(empty))
    reverts(
        "Unexpected error",
        lambda: QuoterV2().quote_exact_input_single(
            empty, zero_for_one=True, amount_in=1, sqrt_price_limit_x96=0
        ),
    )


def test_the_quoter_passes_the_pools_reason_on(pool: Pool) -> None:
    for limit, reason in ((2**100, "SPL"), (0, "AS")):
        amount = 1 if reason == "SPL" else 0
        reverts(
            reason,
            lambda limit=limit, amount=amount: QuoterV2().quote_exact_input_single(
                pool, zero_for_one=True, amount_in=amount, sqrt_price_limit_x96=limit
            ),
        )


@pytest.mark.parametrize(
    ("before", "after", "count"),
    [
        (30, 90, 2),  # 60, and 0 below the start: not crossed, but counted
        (90, 30, 2),
        (60, 90, 0),  # standing on an initialised tick going up, it was counted before
        (90, 60, 0),  # stopping on one going down, it is not crossed yet
        (90, 59, 2),
        (90, -90, 3),
        (-90, 90, 3),
        (-60, 90, 2),
        (90, -60, 2),
        (-31, -29, 1),  # divided towards zero both are at 0, which is initialised
    ],
)
def test_crossed_ticks_are_counted_as_the_periphery_does(
    before: int, after: int, count: int
) -> None:
    pool = Pool(3000, 60)
    pool.initialize(2**96, NOW)
    pool.mint(ALICE, -60, 60, 1000, NOW)
    pool.mint(ALICE, 0, 15360, 1000, NOW)
    assert count_initialized_ticks_crossed(pool, before, after) == count
