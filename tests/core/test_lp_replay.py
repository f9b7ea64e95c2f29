"""The compiled replay against the same events put through the pool one by one."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from alp._core.errors import Revert
from alp._core.liquidity_amounts import get_amounts_for_liquidity
from alp._core.lp_ledger import MARK_SCALE
from alp._core.lp_replay import BLOCK, END, OVERLAY, OWNER, PRICE, REEXECUTE, TIME, LpReplay
from alp._core.pool import Pool
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.data.schema import POOL_EVENT, Array, EventKind, limbs

SECOND = 10**9
MINUTE = 60 * SECOND
LOWEST = 4295128740
HIGHEST = 1461446703485210103287273052203988822378723970341
NEVER = (1 << 62) - 1
TOP = (1 << 160) - 1
START = 199_000
SECOND_0 = 1_700_000_000


def market(seed: int, count: int) -> tuple[Pool, Array]:
    """A pool and ``count`` recorded events, made by trading on a copy of it."""
    rng = random.Random(seed)
    pool = Pool(500, 10)
    pool.initialize(get_sqrt_ratio_at_tick(START), SECOND_0)
    net: dict[int, int] = {}
    for _ in range(12):
        low = START - 10 * rng.randrange(1, 60)
        high = START + 10 * rng.randrange(1, 60)
        size = rng.randrange(10**17, 10**19)
        net[low] = net.get(low, 0) + size
        net[high] = net.get(high, 0) - size
    pool.load_liquidity([(tick, size) for tick, size in sorted(net.items()) if size])
    traded = pool.copy()
    rows = np.zeros(count, POOL_EVENT)
    for index in range(count):
        row = rows[index]
        row["ts_ns"] = (SECOND_0 + 12 * (index + 1)) * SECOND
        row["block"] = 1000 + index // 2
        row["log_index"] = index
        down = rng.random() < 0.5
        exact_out = rng.random() < 0.2
        size = rng.randrange(10**8, 10**11) if down != exact_out else rng.randrange(10**17, 10**20)
        try:
            amounts = traded.swap(
                down,
                -size if exact_out else size,
                LOWEST if down else HIGHEST,
                SECOND_0 + 12 * (index + 1),
            )
        except Revert:
            row["kind"] = EventKind.OTHER
            continue
        row["kind"] = EventKind.SWAP
        row["amount0"], row["amount1"] = limbs(amounts, 4)
        row["sqrt_price_x96"] = limbs([traded.sqrt_price_x96], 4)[0]
        row["liquidity"] = limbs([traded.real_liquidity], 2)[0]
        row["tick"] = traded.tick
    return pool, rows


def replayed(pool: Pool, mode: int = OVERLAY, **changes: Any) -> LpReplay:
    values: dict[str, Any] = {"mark_every_ns": MINUTE, "ts_ns": SECOND_0 * SECOND, "block": 1000}
    return LpReplay(pool, False, mode, **(values | changes))


def advance(replay: LpReplay, rows: Array, start: int = 0, **stops: int) -> tuple[int, int]:
    columns = [np.zeros(len(rows)) for _ in range(3)]
    limits = {
        "stop_ts_ns": NEVER,
        "stop_block": NEVER,
        "sqrt_low_x96": 0,
        "sqrt_high_x96": TOP,
    } | stops
    return replay.advance(rows.view(np.uint8).reshape(-1), start, *limits.values(), *columns)


def state(pool: Pool) -> dict[str, Any]:
    return {
        "price": pool.sqrt_price_x96,
        "tick": pool.tick,
        "liquidity": pool.real_liquidity,
        "growth": (pool.fee_growth_global0_x128, pool.fee_growth_global1_x128),
    }


@pytest.mark.parametrize("seed", range(4))
def test_without_us_the_overlay_is_the_market_to_the_unit(seed: int) -> None:
    pool, rows = market(seed, 300)
    expected = pool.copy()
    for row in rows[rows["kind"] == EventKind.SWAP]:
        amounts = [
            int.from_bytes(row[name].tobytes(), "little", signed=True)
            for name in ("amount0", "amount1")
        ]
        price = int.from_bytes(row["sqrt_price_x96"].tobytes(), "little")
        down = amounts[0] > 0
        limit = LOWEST if down else HIGHEST
        paid, got = (amounts[0], amounts[1]) if down else (amounts[1], amounts[0])
        if expected.quote(down, paid, limit)[2] == price:
            expected.swap(down, paid, limit, int(row["ts_ns"]) // SECOND)
        else:
            expected.swap(down, got, limit, int(row["ts_ns"]) // SECOND)
    replay = replayed(pool)
    assert advance(replay, rows) == (300, END)
    assert state(replay.pool) == state(expected)
    counters = replay.counters
    assert counters["exact_in"] + counters["exact_out"] == counters["swaps"]
    assert counters["by_price"] == counters["liquidity_mismatches"] == 0


def test_with_us_the_overlay_keeps_the_path_and_we_get_our_share() -> None:
    pool, rows = market(7, 300)
    alone = pool.copy()
    replay = replayed(pool)
    own = 10**19
    slot, amount0, amount1 = replay.open(START - 300, START + 300, own, SECOND_0 * SECOND)
    assert amount0 > 0 < amount1
    advance(replay, rows)
    replay.settle(int(rows["ts_ns"][-1]))
    without = replayed(alone)
    advance(without, rows)
    assert state(replay.pool)["price"] == state(without.pool)["price"]
    books = replay.read(slot)
    fees = replay.pool.position_fees(OWNER - slot, START - 300, START + 300)
    assert (books["fee_quote"], books["fee_base"]) == fees
    assert books["fee_quote"] > 0 < books["fee_base"]
    # What everybody else earned by one unit of liquidity was diluted by ours.
    assert replay.fee_growth[0] < without.fee_growth[0]


@pytest.mark.parametrize("mode", [OVERLAY, REEXECUTE])
def test_value_splits_into_price_lvr_and_fees_and_closing_pays_what_the_books_say(
    mode: int,
) -> None:
    pool, rows = market(11, 400)
    replay = replayed(pool, mode)
    slots = [
        replay.open(START - 200, START - 10, 10**18, SECOND_0 * SECOND)[0],
        replay.open(START + 10, START + 150, 3 * 10**18, SECOND_0 * SECOND)[0],
    ]

    def worth(own: dict[str, int]) -> int:
        return (own["base"] + own["fee_base"]) * replay.mark + (
            own["quote"] + own["fee_quote"]
        ) * MARK_SCALE

    before = [worth(replay.read(slot)) for slot in slots]
    advance(replay, rows)
    replay.settle(int(rows["ts_ns"][-1]))
    for slot, opening in zip(slots, before, strict=True):
        own = replay.read(slot)
        assert worth(own) - opening == own["price"] + own["lvr"] + own["fees"]
        amounts = get_amounts_for_liquidity(
            replay.pool.sqrt_price_x96,
            get_sqrt_ratio_at_tick(own["tick_lower"]),
            get_sqrt_ratio_at_tick(own["tick_upper"]),
            own["liquidity"],
        )
        assert (own["quote"], own["base"]) == amounts
        books, paid0, paid1 = replay.close(slot, int(rows["ts_ns"][-1]))
        assert (paid0, paid1) == (
            books["quote"] + books["fee_quote"],
            books["base"] + books["fee_base"],
        )
        with pytest.raises(IndexError):
            replay.read(slot)


def test_our_liquidity_moves_the_reexecuted_path_and_not_the_overlaid_one() -> None:
    gaps = {}
    for mode in (OVERLAY, REEXECUTE):
        pool, rows = market(3, 200)
        replay = replayed(pool, mode)
        replay.open(START - 500, START + 500, 10**20, SECOND_0 * SECOND)
        advance(replay, rows)
        gaps[mode] = replay.counters["worst_gap_bps"]
    assert gaps[OVERLAY] == 0 < gaps[REEXECUTE]


def test_stops_before_a_time_and_a_block_and_after_a_price() -> None:
    pool, rows = market(5, 100)
    replay = replayed(pool)
    at = int(rows["ts_ns"][10])
    assert advance(replay, rows, stop_ts_ns=at) == (10, TIME)
    assert advance(replay, rows, 10, stop_block=1010) == (20, BLOCK)
    assert replay.block == 1009
    price = replay.pool.sqrt_price_x96
    row, reason = advance(replay, rows, 20, sqrt_low_x96=price - 1, sqrt_high_x96=price + 1)
    assert (row, reason) == (21, PRICE)


def test_cutting_a_run_into_pieces_changes_nothing() -> None:
    books = []
    for piece in (400, 7):
        pool, rows = market(13, 400)
        replay = replayed(pool)
        slot, *_ = replay.open(START - 250, START + 250, 10**18, SECOND_0 * SECOND)
        for first in range(0, 400, piece):
            advance(replay, rows[first : first + piece].copy())
        replay.settle(int(rows["ts_ns"][-1]))
        books.append(dict(replay.read(slot)))
    assert books[0] == books[1]


def test_mints_and_burns_of_others_change_liquidity_where_the_price_is() -> None:
    pool, _ = market(2, 1)
    replay = replayed(pool)
    before = replay.others_liquidity
    rows = np.zeros(3, POOL_EVENT)
    rows["ts_ns"] = [(SECOND_0 + i) * SECOND for i in (1, 2, 3)]
    rows["block"] = 1001
    rows["kind"] = [EventKind.MINT, EventKind.BURN, EventKind.BURN]
    rows["tick_lower"], rows["tick_upper"] = START - 70, START + 70
    rows["liquidity"] = limbs([10**18, 4 * 10**17, 10**30], 2)
    advance(replay, rows)
    assert replay.others_liquidity == before + 6 * 10**17
    assert replay.counters["liquidity_faults"] == 1


def test_others_may_mint_and_burn_at_the_ticks_of_our_ghosts() -> None:
    pool, rows = market(21, 300)
    edges = (START - 40, START + 40)
    rows[100]["kind"], rows[200]["kind"] = EventKind.MINT, EventKind.BURN
    for row in (rows[100], rows[200]):
        row["tick_lower"], row["tick_upper"] = edges
        row["liquidity"] = limbs([10**19], 2)[0]
    alone, with_us = replayed(pool.copy()), replayed(pool.copy())
    with_us.open(*edges, 10**17, SECOND_0 * SECOND)
    for replay in (alone, with_us):
        advance(replay, rows)
    assert with_us.counters == alone.counters
    assert state(with_us.pool)["price"] == state(alone.pool)["price"]
    assert with_us.pool.real_liquidity == alone.pool.real_liquidity


def test_time_does_not_run_backwards() -> None:
    pool, _ = market(2, 1)
    replay = replayed(pool)
    with pytest.raises(ValueError, match="backwards"):
        replay.settle(SECOND_0 * SECOND - 1)
