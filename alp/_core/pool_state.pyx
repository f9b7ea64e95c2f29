"""Making, copying and freeing a pool's state, and its caches."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memmove

from alp._core.oracle cimport (
    oracle_copy,
    oracle_free,
    oracle_initialize,
    wrap_int56,
)
from alp._core.positions cimport position_table_copy, position_table_free, position_table_reserve
from alp._core.reverts cimport ERROR_MEMORY, OK, REVERT_AI, REVERT_R
from alp._core.tick_table cimport (
    bitmap_copy,
    bitmap_create,
    bitmap_free,
    tick_table_copy,
    tick_table_free,
    tick_table_reserve,
)
from alp._core.tickmath cimport (
    MAX_TICK,
    MIN_TICK,
    max_liquidity_per_tick,
    sqrt_ratio_at_tick,
    sqrt_ratio_in_range,
    tick_at_sqrt_ratio,
)
from alp._core.uint256 cimport (
    u256_is_zero,
    u256_le,
    u256_low160,
    u256_lt,
    u256_sub,
)

cdef enum:
    NO_TICK = 0x7FFFFFFF


cdef PoolState* pool_state_create(u32 fee, int tick_spacing) noexcept nogil:
    """A pool that is not initialised yet; NULL where memory ran out."""
    cdef PoolState* state = <PoolState*>calloc(1, sizeof(PoolState))
    cdef int i
    if state == NULL:
        return NULL
    state.fee = fee
    state.tick_spacing = tick_spacing
    state.max_liquidity_per_tick = max_liquidity_per_tick(tick_spacing)
    state.balances_known = True
    state.bounds_tick = NO_TICK
    for i in range(RATIO_CACHE):
        state.ratio_tick[i] = NO_TICK
    if (
        bitmap_create(&state.bitmap, MIN_TICK, MAX_TICK, tick_spacing) != OK
        or pool_reserve(state) != OK
    ):
        pool_state_free(state)
        return NULL
    return state


cdef PoolState* pool_state_copy(const PoolState* source) noexcept nogil:
    """An independent copy; NULL where memory ran out."""
    cdef PoolState* state = <PoolState*>calloc(1, sizeof(PoolState))
    cdef int code, i
    if state == NULL:
        return NULL
    state[0] = source[0]
    # nothing of the source may be freed by the copy if a later allocation fails
    state.ticks.slots = NULL
    state.bitmap.words = state.bitmap.summary = NULL
    state.positions.slots = NULL
    state.oracle.slots = NULL
    state.crossings = NULL
    state.crossing_capacity = 0
    state.crossed = 0
    state.ghost_ticks = NULL
    state.ghost_capacity = 0
    state.ghost_count = 0
    code = tick_table_copy(&state.ticks, &source.ticks)
    if code == OK:
        code = bitmap_copy(&state.bitmap, &source.bitmap)
    if code == OK:
        code = position_table_copy(&state.positions, &source.positions)
    if code == OK:
        code = oracle_copy(&state.oracle, &source.oracle)
    if code == OK:
        code = pool_reserve(state)
    for i in range(source.ghost_count):
        if code == OK:
            code = ghost_tick_add(state, source.ghost_ticks[i])
    if code != OK:
        pool_state_free(state)
        return NULL
    return state


cdef void pool_state_free(PoolState* state) noexcept nogil:
    if state == NULL:
        return
    tick_table_free(&state.ticks)
    bitmap_free(&state.bitmap)
    position_table_free(&state.positions)
    oracle_free(&state.oracle)
    free(state.crossings)
    free(state.ghost_ticks)
    free(state)


cdef int pool_reserve(PoolState* state) noexcept nogil:
    """Room for two more ticks, one more position, and a swap that crosses everything."""
    cdef Crossing* crossings
    cdef int code = tick_table_reserve(&state.ticks, 2)
    if code == OK:
        code = position_table_reserve(&state.positions, 1)
    if code == OK and state.crossing_capacity < state.ticks.mask + 1:
        crossings = <Crossing*>realloc(
            state.crossings, <size_t>(state.ticks.mask + 1) * sizeof(Crossing)
        )
        if crossings == NULL:
            return ERROR_MEMORY
        state.crossings = crossings
        state.crossing_capacity = state.ticks.mask + 1
    state.crossed = 0  # the ticks of the last swap may have moved
    return code


cdef int pool_initialize(PoolState* state, u256 sqrt_price_x96, u64 ts) noexcept nogil:
    """UniswapV3Pool.initialize."""
    cdef int code
    if state.unlocked:
        return REVERT_AI
    if not sqrt_ratio_in_range(sqrt_price_x96):
        return REVERT_R
    code = oracle_initialize(&state.oracle, <u32>ts)
    if code != OK:
        return code
    state.sqrt_price_x96 = sqrt_price_x96
    state.tick = tick_at_sqrt_ratio(sqrt_price_x96)
    state.unlocked = True
    return OK


cdef int ghost_tick_add(PoolState* state, int tick) noexcept nogil:
    """Enter a tick into the ascending list of ticks with ghost liquidity."""
    cdef int* ticks
    cdef int place = 0
    while place < state.ghost_count and state.ghost_ticks[place] < tick:
        place += 1
    if place < state.ghost_count and state.ghost_ticks[place] == tick:
        return OK
    if state.ghost_count == state.ghost_capacity:
        ticks = <int*>realloc(state.ghost_ticks, (state.ghost_capacity + 32) * sizeof(int))
        if ticks == NULL:
            return ERROR_MEMORY
        state.ghost_ticks = ticks
        state.ghost_capacity += 32
    memmove(
        &state.ghost_ticks[place + 1],
        &state.ghost_ticks[place],
        (state.ghost_count - place) * sizeof(int),
    )
    state.ghost_ticks[place] = tick
    state.ghost_count += 1
    return OK


cdef void ghost_tick_remove(PoolState* state, int tick) noexcept nogil:
    cdef int place = 0
    while place < state.ghost_count and state.ghost_ticks[place] != tick:
        place += 1
    if place == state.ghost_count:
        return
    state.ghost_count -= 1
    memmove(
        &state.ghost_ticks[place],
        &state.ghost_ticks[place + 1],
        (state.ghost_count - place) * sizeof(int),
    )


cdef const u256* price_of_tick(PoolState* state, int tick) noexcept nogil:
    """``sqrt_ratio_at_tick`` through a small cache: swaps ask for the same boundaries again."""
    cdef int slot = <int>(<u32>tick * <u32>0x9E3779B1 >> 26)
    if state.ratio_tick[slot] != tick:
        state.ratio[slot] = sqrt_ratio_at_tick(tick)
        state.ratio_tick[slot] = tick
    return &state.ratio[slot]


cdef int tick_at_price(PoolState* state, const u256* sqrt_price_x96) noexcept nogil:
    """``tick_at_sqrt_ratio``; two comparisons where the price is still in the last tick's range."""
    cdef int tick
    if (
        state.bounds_tick != NO_TICK
        and u256_le(state.bounds_low, sqrt_price_x96[0])
        and u256_lt(sqrt_price_x96[0], state.bounds_high)
    ):
        return state.bounds_tick
    tick = tick_at_sqrt_ratio(sqrt_price_x96[0])
    if tick == state.tick:  # the price stays here: worth knowing the range
        state.bounds_tick = tick
        state.bounds_low = sqrt_ratio_at_tick(tick)
        state.bounds_high = sqrt_ratio_at_tick(tick + 1)
    return tick


cdef void cross_tick(
    PoolState* state, TickInfo* info, u256 growth0_x128, u256 growth1_x128,
    u256 seconds_per_liquidity_x128, long long tick_cumulative, u32 time
) noexcept nogil:
    """Tick.cross: what was outside is now on the other side."""
    info.fee_growth_outside0_x128 = u256_sub(growth0_x128, info.fee_growth_outside0_x128)
    info.fee_growth_outside1_x128 = u256_sub(growth1_x128, info.fee_growth_outside1_x128)
    info.seconds_per_liquidity_outside_x128 = u256_low160(
        u256_sub(seconds_per_liquidity_x128, info.seconds_per_liquidity_outside_x128)
    )
    info.tick_cumulative_outside = wrap_int56(tick_cumulative - info.tick_cumulative_outside)
    info.seconds_outside = time - info.seconds_outside
