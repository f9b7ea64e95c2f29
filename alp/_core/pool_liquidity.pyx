"""UniswapV3Pool.mint, burn and collect, and their accounting.

Each works on copies of the two ticks and the position, in the contract's order of checks, and
writes them back only when nothing can revert any more.
"""

from alp._core.oracle cimport Observation, oracle_now, oracle_write
from alp._core.pool_state cimport (
    ghost_tick_add,
    ghost_tick_remove,
    oracle_divisor,
    pool_reserve,
    real_liquidity,
)
from alp._core.positions cimport Position, position_find, position_insert, position_update
from alp._core.reverts cimport (
    ERROR_GHOST_MIX,
    OK,
    REVERT_EMPTY,
    REVERT_LA,
    REVERT_LO,
    REVERT_LOK,
    REVERT_TF,
    REVERT_TLM,
    REVERT_TLU,
    REVERT_TUM,
)
from alp._core.swapmath cimport add_delta, amount0_delta, amount1_delta
from alp._core.tick_table cimport TickInfo, bitmap_flip, tick_find, tick_insert, tick_is_live
from alp._core.tickmath cimport MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    u32,
    u256_add,
    u256_from_u64,
    u256_from_u128,
    u256_le,
    u256_low128,
    u256_lt,
    u256_mul_shr128,
    u256_sub,
)


cdef struct Change:
    # one modification of a position, between checking and writing
    TickInfo lower
    TickInfo upper
    Position position
    bint lower_flipped
    bint upper_flipped
    u128 liquidity              # active afterwards, as the position's kind counts it
    u256 amount0
    u256 amount1


cdef inline int check_ticks(int tick_lower, int tick_upper) noexcept nogil:
    if tick_lower >= tick_upper:
        return REVERT_TLU
    if tick_lower < MIN_TICK:
        return REVERT_TLM
    if tick_upper > MAX_TICK:
        return REVERT_TUM
    return OK


cdef TickInfo tick_or_empty(const PoolState* state, int tick) noexcept nogil:
    cdef TickInfo* found = tick_find(&state.ticks, tick)
    cdef TickInfo empty
    if found != NULL:
        return found[0]
    empty.tick = tick
    empty.used = True
    empty.sqrt_price_x96 = u256_from_u64(0)
    if MIN_TICK <= tick and tick <= MAX_TICK:
        empty.sqrt_price_x96 = sqrt_ratio_at_tick(tick)
    clear_tick(&empty)
    return empty


cdef inline void clear_tick(TickInfo* info) noexcept nogil:
    info.liquidity_gross = info.ghost_gross = 0
    info.liquidity_net = info.ghost_net = 0
    info.fee_growth_outside0_x128 = u256_from_u64(0)
    info.fee_growth_outside1_x128 = u256_from_u64(0)
    info.seconds_per_liquidity_outside_x128 = u256_from_u64(0)
    info.tick_cumulative_outside = 0
    info.seconds_outside = 0


cdef inline bint add_overflows(i128 a, i128 b, i128* result) noexcept nogil:
    """``result = a + b`` of signed 128-bit values; true where it does not fit."""
    result[0] = <i128>(<u128>a + <u128>b)
    return (a >= 0) == (b >= 0) and (result[0] >= 0) != (a >= 0)


cdef int update_tick(
    PoolState* state, TickInfo* info, i128 delta, bint upper, bint ghost, u32 time,
    bint* flipped
) noexcept nogil:
    """Tick.update on a copy."""
    cdef u128 before = info.ghost_gross if ghost else info.liquidity_gross
    cdef u128 after = 0
    cdef i128 net = 0
    cdef i128 added = delta
    cdef Observation now
    cdef int code = add_delta(before, delta, &after)
    if code != OK:
        return code
    if after > state.max_liquidity_per_tick:
        return REVERT_LO
    flipped[0] = (after == 0) != (before == 0)
    if not tick_is_live(info) and info.tick <= state.tick:
        now = oracle_now(&state.oracle, time, state.tick, oracle_divisor(state))
        info.fee_growth_outside0_x128 = state.fee_growth_global0_x128
        info.fee_growth_outside1_x128 = state.fee_growth_global1_x128
        info.seconds_per_liquidity_outside_x128 = now.seconds_per_liquidity_cumulative_x128
        info.tick_cumulative_outside = now.tick_cumulative
        info.seconds_outside = time
    if upper:
        added = -delta
    if add_overflows(info.ghost_net if ghost else info.liquidity_net, added, &net):
        return REVERT_EMPTY
    if ghost:
        info.ghost_gross = after
        info.ghost_net = net
    else:
        info.liquidity_gross = after
        info.liquidity_net = net
    return OK


cdef inline void growth_inside(
    const PoolState* state, const TickInfo* lower, const TickInfo* upper,
    u256* inside0_x128, u256* inside1_x128
) noexcept nogil:
    """Tick.getFeeGrowthInside: differences modulo 2**256."""
    cdef u256 global0 = state.fee_growth_global0_x128
    cdef u256 global1 = state.fee_growth_global1_x128
    cdef u256 below0 = lower.fee_growth_outside0_x128
    cdef u256 below1 = lower.fee_growth_outside1_x128
    cdef u256 above0 = upper.fee_growth_outside0_x128
    cdef u256 above1 = upper.fee_growth_outside1_x128
    if state.tick < lower.tick:
        below0 = u256_sub(global0, below0)
        below1 = u256_sub(global1, below1)
    if state.tick >= upper.tick:
        above0 = u256_sub(global0, above0)
        above1 = u256_sub(global1, above1)
    inside0_x128[0] = u256_sub(u256_sub(global0, below0), above0)
    inside1_x128[0] = u256_sub(u256_sub(global1, below1), above1)


cdef int update_position(
    PoolState* state, u256 owner, i128 delta, u32 time, bint ghost, Change* change
) noexcept nogil:
    """UniswapV3Pool._updatePosition on copies."""
    cdef u256 inside0, inside1
    cdef int code
    cdef int spacing = state.tick_spacing
    change.lower_flipped = change.upper_flipped = False
    if delta != 0:
        code = update_tick(
            state, &change.lower, delta, False, ghost, time, &change.lower_flipped
        )
        if code == OK:
            code = update_tick(
                state, &change.upper, delta, True, ghost, time, &change.upper_flipped
            )
        if code != OK:
            return code
        if change.lower_flipped and change.lower.tick % spacing != 0:
            return REVERT_EMPTY
        if change.upper_flipped and change.upper.tick % spacing != 0:
            return REVERT_EMPTY
    growth_inside(state, &change.lower, &change.upper, &inside0, &inside1)
    return position_update(&change.position, delta, inside0, inside1)


cdef inline void range_amounts(
    u256 price, u256 low, u256 high, int side, u128 liquidity, bint up,
    u256* amount0, u256* amount1
) noexcept nogil:
    """Both tokens of a range; ``side`` is -1 with the price below it, 0 inside, 1 above."""
    amount0[0] = amount1[0] = u256_from_u64(0)
    if side < 0:
        amount0[0] = amount0_delta(low, high, liquidity, up)
    elif side == 0:
        amount0[0] = amount0_delta(price, high, liquidity, up)
        amount1[0] = amount1_delta(low, price, liquidity, up)
    else:
        amount1[0] = amount1_delta(low, high, liquidity, up)


cdef int prepare(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, i128 delta, u32 time,
    bint ghost, Change* change
) noexcept nogil:
    """UniswapV3Pool._modifyPosition up to, not including, its effects."""
    cdef Position* found = position_find(&state.positions, owner, tick_lower, tick_upper)
    cdef int side
    cdef int code = check_ticks(tick_lower, tick_upper)
    if code != OK:
        return code
    change.lower = tick_or_empty(state, tick_lower)
    change.upper = tick_or_empty(state, tick_upper)
    if found != NULL:
        change.position = found[0]
    else:
        change.position.liquidity = 0
        change.position.tokens_owed0 = change.position.tokens_owed1 = 0
        change.position.fee_growth_inside0_last_x128 = u256_from_u64(0)
        change.position.fee_growth_inside1_last_x128 = u256_from_u64(0)
    change.liquidity = state.ghost_liquidity if ghost else real_liquidity(state)
    change.amount0 = change.amount1 = u256_from_u64(0)
    code = update_position(state, owner, delta, time, ghost, change)
    if code != OK or delta == 0:
        return code
    side = -1 if state.tick < tick_lower else (0 if state.tick < tick_upper else 1)
    range_amounts(
        state.sqrt_price_x96, change.lower.sqrt_price_x96, change.upper.sqrt_price_x96, side,
        <u128>(delta if delta > 0 else -delta), delta > 0, &change.amount0, &change.amount1,
    )
    if side == 0:
        code = add_delta(change.liquidity, delta, &change.liquidity)
    return code


cdef void store_tick(PoolState* state, TickInfo* info, bint flipped, bint ghost) noexcept nogil:
    if flipped and ghost and info.ghost_gross == 0:
        ghost_tick_remove(state, info.tick)
    elif flipped and not ghost:
        bitmap_flip(&state.bitmap, info.tick)
    if not tick_is_live(info):
        clear_tick(info)
    tick_insert(&state.ticks, info.tick)[0] = info[0]


cdef void store(
    PoolState* state, u256 owner, i128 delta, u32 time, bint ghost, Change* change
) noexcept nogil:
    """Write a prepared change; room has been reserved, so nothing can fail."""
    cdef Position* position = position_insert(
        &state.positions, owner, change.lower.tick, change.upper.tick
    )
    position.ghost = ghost
    position.liquidity = change.position.liquidity
    position.fee_growth_inside0_last_x128 = change.position.fee_growth_inside0_last_x128
    position.fee_growth_inside1_last_x128 = change.position.fee_growth_inside1_last_x128
    position.tokens_owed0 = change.position.tokens_owed0
    position.tokens_owed1 = change.position.tokens_owed1
    if delta == 0:
        return
    store_tick(state, &change.lower, change.lower_flipped, ghost)
    store_tick(state, &change.upper, change.upper_flipped, ghost)
    if change.lower.tick <= state.tick and state.tick < change.upper.tick:
        if ghost:
            state.liquidity = real_liquidity(state) + change.liquidity
            state.ghost_liquidity = change.liquidity
        else:
            oracle_write(&state.oracle, time, state.tick, oracle_divisor(state))
            state.liquidity = change.liquidity + state.ghost_liquidity


cdef int pool_mint(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 amount, u64 ts, bint ghost,
    u256* amount0, u256* amount1
) noexcept nogil:
    """UniswapV3Pool.mint, paid exactly by its caller."""
    cdef Change change
    cdef Position* found
    cdef int code
    if not state.unlocked:
        return REVERT_LOK
    if amount == 0 or amount >> 127 != 0:
        return REVERT_EMPTY
    found = position_find(&state.positions, owner, tick_lower, tick_upper)
    if found != NULL and found.ghost != ghost and (
        found.liquidity != 0 or found.tokens_owed0 != 0 or found.tokens_owed1 != 0
    ):
        return ERROR_GHOST_MIX
    code = prepare(state, owner, tick_lower, tick_upper, <i128>amount, <u32>ts, ghost, &change)
    if code != OK:
        return code
    if change.liquidity + (
        real_liquidity(state) if ghost else state.ghost_liquidity
    ) < change.liquidity:
        return REVERT_LA
    code = pool_reserve(state)
    if code == OK and ghost:
        code = ghost_tick_add(state, tick_lower)
        if code == OK:
            code = ghost_tick_add(state, tick_upper)
    if code != OK:
        return code
    store(state, owner, <i128>amount, <u32>ts, ghost, &change)
    amount0[0] = change.amount0
    amount1[0] = change.amount1
    if state.balances_known and not ghost:
        state.balance0 = u256_add(state.balance0, change.amount0)
        state.balance1 = u256_add(state.balance1, change.amount1)
    return OK


cdef int pool_burn(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 amount, u64 ts,
    u256* amount0, u256* amount1
) noexcept nogil:
    """UniswapV3Pool.burn: the tokens are booked to the position, not paid."""
    cdef Change change
    cdef Position* found
    cdef bint ghost
    cdef int code
    if not state.unlocked:
        return REVERT_LOK
    if amount >> 127 != 0:
        return REVERT_EMPTY
    found = position_find(&state.positions, owner, tick_lower, tick_upper)
    ghost = found != NULL and found.ghost
    code = prepare(state, owner, tick_lower, tick_upper, -<i128>amount, <u32>ts, ghost, &change)
    if code == OK:
        code = pool_reserve(state)
    if code != OK:
        return code
    change.position.tokens_owed0 += u256_low128(change.amount0)
    change.position.tokens_owed1 += u256_low128(change.amount1)
    store(state, owner, -<i128>amount, <u32>ts, ghost, &change)
    amount0[0] = change.amount0
    amount1[0] = change.amount1
    return OK


cdef int pool_collect(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 requested0, u128 requested1,
    u128* amount0, u128* amount1
) noexcept nogil:
    """UniswapV3Pool.collect: pays at most what is booked; nothing for an unknown position."""
    cdef Position* position
    amount0[0] = amount1[0] = 0
    if not state.unlocked:
        return REVERT_LOK
    position = position_find(&state.positions, owner, tick_lower, tick_upper)
    if position == NULL:
        return OK
    amount0[0] = min(requested0, position.tokens_owed0)
    amount1[0] = min(requested1, position.tokens_owed1)
    if state.balances_known and not position.ghost:
        if u256_lt(state.balance0, u256_from_u128(amount0[0])):
            return REVERT_TF
        if u256_lt(state.balance1, u256_from_u128(amount1[0])):
            return REVERT_TF
        state.balance0 = u256_sub(state.balance0, u256_from_u128(amount0[0]))
        state.balance1 = u256_sub(state.balance1, u256_from_u128(amount1[0]))
    position.tokens_owed0 -= amount0[0]
    position.tokens_owed1 -= amount1[0]
    return OK


cdef void pool_fee_growth_inside(
    const PoolState* state, int tick_lower, int tick_upper, u256* inside0_x128, u256* inside1_x128
) noexcept nogil:
    """Fee growth inside a range as a position touched now would record it."""
    cdef TickInfo lower = tick_or_empty(state, tick_lower)
    cdef TickInfo upper = tick_or_empty(state, tick_upper)
    growth_inside(state, &lower, &upper, inside0_x128, inside1_x128)


cdef void pool_position_fees(
    const PoolState* state, u256 owner, int tick_lower, int tick_upper, u128* fees0, u128* fees1
) noexcept nogil:
    """Uncollected fees and burnt principal; zero for an unknown position."""
    cdef Position* position = position_find(&state.positions, owner, tick_lower, tick_upper)
    cdef u256 inside0, inside1
    fees0[0] = fees1[0] = 0
    if position == NULL:
        return
    pool_fee_growth_inside(state, tick_lower, tick_upper, &inside0, &inside1)
    inside0 = u256_sub(inside0, position.fee_growth_inside0_last_x128)
    inside1 = u256_sub(inside1, position.fee_growth_inside1_last_x128)
    fees0[0] = position.tokens_owed0 + u256_low128(u256_mul_shr128(inside0, position.liquidity))
    fees1[0] = position.tokens_owed1 + u256_low128(u256_mul_shr128(inside1, position.liquidity))


cdef void burn_amounts_at(
    u256 sqrt_price_x96, int tick_lower, int tick_upper, u128 liquidity,
    u256* amount0, u256* amount1
) noexcept nogil:
    cdef u256 low = sqrt_ratio_at_tick(tick_lower)
    cdef u256 high = sqrt_ratio_at_tick(tick_upper)
    cdef int side = 0
    if u256_le(sqrt_price_x96, low):
        side = -1
    elif u256_le(high, sqrt_price_x96):
        side = 1
    range_amounts(sqrt_price_x96, low, high, side, liquidity, False, amount0, amount1)


cdef int pool_load_tick(PoolState* state, int tick, i128 net, u128 gross) noexcept nogil:
    """Enter one tick of a snapshot; see the header."""
    cdef TickInfo info
    cdef int code = pool_reserve(state)
    if code != OK:
        return code
    info = tick_or_empty(state, tick)
    if tick < MIN_TICK or tick > MAX_TICK or tick % state.tick_spacing != 0:
        return REVERT_EMPTY
    if tick_is_live(&info) or gross == 0:
        return REVERT_EMPTY
    info.liquidity_gross = gross
    info.liquidity_net = net
    if tick <= state.tick:
        info.fee_growth_outside0_x128 = state.fee_growth_global0_x128
        info.fee_growth_outside1_x128 = state.fee_growth_global1_x128
    tick_insert(&state.ticks, tick)[0] = info
    bitmap_flip(&state.bitmap, tick)
    state.balances_known = False
    return OK
