"""What a pool promises beyond equality with the contracts: reverts, copies, refusals."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import engine_state
from reference.prices import MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick

from alp._core.errors import Revert
from alp._core.pool import Pool

START = 1_700_000_000
ALICE, BOB = 1, 2


@pytest.fixture
def pool() -> Pool:
    """A 3000 pool at tick 30 with two overlapping positions, some fees and an open oracle."""
    pool = Pool(3000, 60)
    pool.initialize(sqrt_ratio_at_tick(30) + 7, START)
    pool.increase_observation_cardinality_next(5)
    pool.mint(ALICE, -600, 600, 10**20, START)
    pool.mint(BOB, 0, 120, 10**21, START + 10)
    pool.set_fee_protocol(4, 5)
    pool.swap(True, 10**17, sqrt_ratio_at_tick(-120), START + 20)
    pool.swap(False, 10**18, sqrt_ratio_at_tick(300), START + 30)
    return pool


def reverts(reason: str, call: Callable[[], object]) -> None:
    with pytest.raises(Revert) as caught:
        call()
    assert caught.value.reason == reason


FAILING: dict[str, tuple[str, Callable[[Pool], object]]] = {
    "swapping nothing": ("AS", lambda p: p.swap(True, 0, MIN_SQRT_RATIO + 1, START)),
    "a limit above the price, going down": (
        "SPL",
        lambda p: p.swap(True, 1, p.sqrt_price_x96 + 1, START),
    ),
    "a limit at the price": ("SPL", lambda p: p.swap(False, 1, p.sqrt_price_x96, START)),
    "a limit at the lowest price": ("SPL", lambda p: p.swap(True, 1, MIN_SQRT_RATIO, START)),
    "a limit at the highest price": ("SPL", lambda p: p.swap(False, 1, MAX_SQRT_RATIO, START)),
    "initialising twice": ("AI", lambda p: p.initialize(2**96, START)),
    "minting nothing": ("", lambda p: p.mint(ALICE, -60, 60, 0, START)),
    "minting more than int128": ("", lambda p: p.mint(ALICE, -60, 60, 2**127, START)),
    "minting off the spacing": ("", lambda p: p.mint(ALICE, -61, 60, 1, START)),
    "minting upside down": ("TLU", lambda p: p.mint(ALICE, 60, 60, 1, START)),
    "minting below the lowest tick": ("TLM", lambda p: p.mint(ALICE, -887280, 60, 1, START)),
    "minting above the highest tick": ("TUM", lambda p: p.mint(ALICE, 60, 887280, 1, START)),
    "minting more than a tick may hold": (
        "LO",
        lambda p: p.mint(ALICE, -60, 60, p.max_liquidity_per_tick + 1, START),
    ),
    "burning what is not there": ("LS", lambda p: p.burn(BOB, -600, 600, 1, START)),
    "burning more than there is": ("LS", lambda p: p.burn(ALICE, -600, 600, 10**20 + 1, START)),
    "poking an empty position": ("NP", lambda p: p.burn(BOB, -600, 600, 0, START)),
    "borrowing more than there is": ("TF", lambda p: p.flash(p.balance0 + 1, 0, 0, 0)),
    "paying token0 back without its fee": ("F0", lambda p: p.flash(10**6, 0, 10**6, 0)),
    "paying token1 back without its fee": ("F1", lambda p: p.flash(0, 10**6, 0, 10**6)),
    "a protocol fee of a third": ("", lambda p: p.set_fee_protocol(3, 0)),
    "a protocol fee of an eleventh": ("", lambda p: p.set_fee_protocol(0, 11)),
    "asking before the oracle begins": ("OLD", lambda p: p.observe([10**6], START + 40)),
    "asking inside an unused range": (
        "",
        lambda p: p.snapshot_cumulatives_inside(-120, 600, START + 40),
    ),
    "asking inside an upside-down range": (
        "TLU",
        lambda p: p.snapshot_cumulatives_inside(600, -600, START + 40),
    ),
}


@pytest.mark.parametrize("what", FAILING)
def test_a_revert_names_its_reason_and_changes_nothing(pool: Pool, what: str) -> None:
    reason, call = FAILING[what]
    before = engine_state(pool)
    reverts(reason, lambda: call(pool))
    assert engine_state(pool) == before


def test_a_swap_that_reverts_half_way_has_not_crossed_anything() -> None:
    pool = Pool(3000, 60)
    pool.initialize(sqrt_ratio_at_tick(0), START)
    pool.load_liquidity([(-600, 10**18), (60, -5), (600, -(10**19))])  # more leaves than is there
    pool.swap(False, 10**9, sqrt_ratio_at_tick(30), START)
    before = engine_state(pool)
    reverts("LS", lambda: pool.swap(False, 10**30, MAX_SQRT_RATIO - 1, START + 1))
    assert engine_state(pool) == before
    assert pool.tick_info(60).fee_growth_outside1_x128 == 0


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.mint(ALICE, -60, 60, 1, START),
        lambda p: p.burn(ALICE, -60, 60, 1, START),
        lambda p: p.collect(ALICE, -60, 60, 1, 1),
        lambda p: p.swap(True, 1, 2**95, START),
        lambda p: p.flash(0, 0, 1, 1),
        lambda p: p.set_fee_protocol(4, 4),
        lambda p: p.collect_protocol(1, 1),
        lambda p: p.increase_observation_cardinality_next(5),
        lambda p: p.set_price(2**96, 0),
        lambda p: p.load_liquidity([(0, 1)]),
    ],
)
def test_nothing_works_before_the_first_price(call: Callable[[Pool], object]) -> None:
    reverts("LOK", lambda: call(Pool(500, 10)))


def test_the_oracle_of_a_pool_without_a_price_is_not_initialised() -> None:
    reverts("I", lambda: Pool(500, 10).observe([0], START))


@pytest.mark.parametrize("price", [0, MIN_SQRT_RATIO - 1, MAX_SQRT_RATIO])
def test_a_first_price_out_of_range_reverts_with_r(price: int) -> None:
    reverts("R", lambda: Pool(500, 10).initialize(price, START))


def test_a_copy_and_its_original_live_apart(pool: Pool) -> None:
    before = engine_state(pool)
    copy = pool.copy()
    assert engine_state(copy) == before
    copy.swap(True, 10**19, sqrt_ratio_at_tick(-900), START + 40)
    copy.mint(ALICE, -1200, 1200, 5, START + 41)
    copy.mint(BOB, -120, 180, 5, START + 41, ghost=True)
    copy.increase_observation_cardinality_next(50)
    copy.burn(BOB, 0, 120, 10**21, START + 42)
    assert engine_state(pool) == before
    moved = engine_state(copy)
    pool.swap(False, 10**19, sqrt_ratio_at_tick(900), START + 40)
    assert engine_state(copy) == moved


def test_a_copy_does_what_its_original_does(pool: Pool) -> None:
    pool.mint(ALICE, -60, 180, 10**20, START + 35, ghost=True)
    copy = pool.copy()
    for each in (pool, copy):
        each.swap(True, 10**19, sqrt_ratio_at_tick(-400), START + 40)
        each.burn(ALICE, -60, 180, 10**20, START + 50)
    assert engine_state(copy) == engine_state(pool)


def test_restoring_undoes_everything(pool: Pool) -> None:
    before = engine_state(pool)
    saved = pool.copy()
    pool.swap(True, 10**19, sqrt_ratio_at_tick(-900), START + 40)
    pool.burn(ALICE, -600, 600, 10**20, START + 50)
    pool.restore(saved)
    assert engine_state(pool) == before
    saved.swap(True, 10**19, sqrt_ratio_at_tick(-900), START + 40)
    assert engine_state(pool) == before


def test_a_quote_is_the_swap_and_changes_nothing(pool: Pool) -> None:
    for zero_for_one, amount, limit in (
        (True, 10**19, sqrt_ratio_at_tick(-900)),
        (False, -(10**17), MAX_SQRT_RATIO - 1),
        (False, 10**21, MAX_SQRT_RATIO - 1),
    ):
        before = engine_state(pool)
        quote = pool.quote(zero_for_one, amount, limit)
        crossed = pool.crossed_ticks
        assert engine_state(pool) == before
        swapped = pool.copy()
        assert swapped.swap(zero_for_one, amount, limit, START + 40) == quote[:2]
        assert (swapped.sqrt_price_x96, swapped.tick) == (quote.sqrt_price_x96, quote.tick)
        assert swapped.crossed_ticks == crossed
        assert quote.ticks_crossed == len(crossed)


def test_fees_of_a_position_are_what_a_poke_and_a_collect_pay(pool: Pool) -> None:
    owed = pool.position_fees(ALICE, -600, 600)
    assert owed > (0, 0)
    pool.burn(ALICE, -600, 600, 0, START + 40)
    assert pool.collect(ALICE, -600, 600, 2**128 - 1, 2**128 - 1) == owed
    assert pool.position_fees(ALICE, -600, 600) == (0, 0)
    assert pool.position_fees(ALICE, -120, 600) == (0, 0)


def test_burn_amounts_are_what_a_burn_books(pool: Pool) -> None:
    expected = pool.burn_amounts(0, 120, 10**21)
    assert pool.burn(BOB, 0, 120, 10**21, START + 40) == expected


@pytest.mark.parametrize(("fee", "spacing"), [(-1, 10), (10**6, 10), (500, 0), (500, 16384)])
def test_a_pool_no_factory_would_make_is_refused(fee: int, spacing: int) -> None:
    with pytest.raises(ValueError, match="must be in"):
        Pool(fee, spacing)


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.mint(ALICE, -60.0, 60, 1, START),
        lambda p: p.mint(ALICE, -60, 60, 1.5, START),
        lambda p: p.swap(True, 1.0, 2**95, START),
        lambda p: p.swap(True, 1, 2**95, float(START)),
        lambda p: p.observe([0.5], START),
        lambda p: p.restore(None),
        lambda p: Pool(500.0, 10),
    ],
)
def test_floats_are_not_rounded_but_refused(pool: Pool, call: Callable[[Pool], object]) -> None:
    with pytest.raises(TypeError):
        call(pool)


@pytest.mark.parametrize(
    "call",
    [
        lambda p: p.mint(2**160, -60, 60, 1, START),
        lambda p: p.mint(ALICE, -60, 60, 2**128, START),
        lambda p: p.mint(ALICE, -60, 60, -1, START),
        lambda p: p.swap(True, 2**255, 2**95, START),
        lambda p: p.swap(True, 1, -1, START),
        lambda p: p.increase_observation_cardinality_next(65536),
    ],
)
def test_values_wider_than_solidity_s_types_are_refused(
    pool: Pool, call: Callable[[Pool], object]
) -> None:
    with pytest.raises(OverflowError):
        call(pool)


def test_the_average_tick_follows_from_two_cumulatives() -> None:
    pool = Pool(500, 10)
    pool.initialize(sqrt_ratio_at_tick(100), START)
    pool.increase_observation_cardinality_next(10)
    pool.mint(ALICE, -1000, 1000, 10**18, START)
    pool.swap(False, 10**17, sqrt_ratio_at_tick(200), START + 600)
    cumulatives, _ = pool.observe([1200, 0], START + 1800)
    assert pool.tick == 200
    assert (cumulatives[1] - cumulatives[0]) / 1200 == 200
    cumulatives, _ = pool.observe([1800, 0], START + 1800)
    assert (cumulatives[1] - cumulatives[0]) / 1800 == (600 * 100 + 1200 * 200) / 1800


def test_many_ticks_and_positions_outgrow_their_tables() -> None:
    pool = Pool(500, 10)
    pool.initialize(2**96, START)
    for owner in range(400):
        pool.mint(owner + 1, -10 * owner - 10, 10 * owner + 10, 10**12 + owner, START)
    assert len(pool.ticks()) == 800
    assert len(pool.positions()) == 400
    assert pool.liquidity == sum(10**12 + owner for owner in range(400))
    pool.swap(True, 2**100, MIN_SQRT_RATIO + 1, START + 1)
    assert len(pool.crossed_ticks) == 400
    assert pool.liquidity == 0
    pool.swap(False, 2**100, sqrt_ratio_at_tick(5), START + 2)
    assert pool.liquidity == sum(10**12 + owner for owner in range(400))
    for owner in range(400):
        pool.burn(owner + 1, -10 * owner - 10, 10 * owner + 10, 10**12 + owner, START + 3)
    assert pool.ticks() == []
    assert pool.bitmap() == {}
    assert pool.liquidity == 0


@pytest.mark.parametrize("spacing", [1, 10, 60, 200])
def test_a_swap_over_an_empty_pool_ends_at_its_limit(spacing: int) -> None:
    pool = Pool(500, spacing)
    pool.initialize(2**96, START)
    for limit in (MIN_SQRT_RATIO + 1, MAX_SQRT_RATIO - 1, sqrt_ratio_at_tick(-256 * spacing)):
        zero_for_one = limit < pool.sqrt_price_x96
        assert pool.swap(zero_for_one, 10**18, limit, START) == (0, 0)
        assert pool.sqrt_price_x96 == limit
    # going down, the start of a word is crossed although nothing is there
    assert pool.tick == -256 * spacing - 1
