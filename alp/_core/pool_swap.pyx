"""UniswapV3Pool.swap on a local copy of the few variables it changes; committed on success.

Three things are done otherwise than in the contract, with the same integers:

* Where no liquidity is active the contract walks the bitmap word by word, moving nothing; here the
  price jumps to the next initialised tick or the limit at once. With liquidity every word boundary
  is a step of its own, because each step rounds.
* A tick that only ghosts use is no boundary of a step. The step's fee is divided at such ticks in
  proportion to the input each part takes, so ghosts earn for the part they were active in.
* Crossed ticks are remembered and turned over at the end, so a revert has nothing to undo.
"""

from alp._core.oracle cimport Observation, oracle_now, oracle_write
from alp._core.pool_state cimport (
    Crossing,
    cross_tick,
    divisor_for,
    oracle_divisor,
    price_of_tick,
    real_liquidity,
    tick_at_price,
)
from alp._core.reverts cimport (
    OK,
    REVERT_AS,
    REVERT_EMPTY,
    REVERT_LA,
    REVERT_LOK,
    REVERT_R,
    REVERT_SPL,
    REVERT_TF,
)
from alp._core.swapmath cimport (
    SwapStep,
    add_delta,
    amount0_delta,
    amount1_delta,
    fee_growth,
    swap_step,
)
from alp._core.tick_table cimport TickInfo, bitmap_next, bitmap_next_within_word, tick_find
from alp._core.tickmath cimport (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    sqrt_ratio_at_tick,
    sqrt_ratio_in_range,
    tick_at_sqrt_ratio,
)
from alp._core.uint256 cimport (
    i128,
    i256_is_negative,
    u32,
    u256_add,
    u256_div,
    u256_eq,
    u256_from_u64,
    u256_is_zero,
    u256_low128,
    u256_lt,
    u256_mul_div,
    u256_neg,
    u256_sub,
)


cdef struct Walk:
    # the contract's SwapState, and what the commit needs
    i256 remaining
    i256 calculated
    u256 sqrt_price_x96
    u256 fee_growth_x128        # of the input token
    u256 fee_amount
    u128 protocol_fee
    u128 liquidity
    u128 ghost_liquidity
    u32 fee_protocol
    int tick
    int ticks_crossed


cdef inline int check_limit(
    const PoolState* state, bint zero_for_one, const u256* limit_x96
) noexcept nogil:
    if zero_for_one:
        if u256_lt(limit_x96[0], state.sqrt_price_x96) and u256_lt(MIN_SQRT_RATIO, limit_x96[0]):
            return OK
    elif u256_lt(state.sqrt_price_x96, limit_x96[0]) and u256_lt(limit_x96[0], MAX_SQRT_RATIO):
        return OK
    return REVERT_SPL


cdef inline int add_growth(PoolState* state, Walk* walk, u256 fee) noexcept nogil:
    cdef u256 growth
    cdef int code
    if walk.liquidity == 0 or u256_is_zero(fee):
        return OK
    code = fee_growth(
        fee, divisor_for(state, walk.ghost_liquidity != 0, walk.liquidity), &growth
    )
    if code == OK:
        walk.fee_growth_x128 = u256_add(walk.fee_growth_x128, growth)
    return code


cdef int cross(PoolState* state, Walk* walk, int tick, bint zero_for_one) noexcept nogil:
    """Step over a tick: liquidity changes now, the tick's own fields at the commit."""
    cdef TickInfo* info = tick_find(&state.ticks, tick)
    cdef Crossing* crossing = &state.crossings[state.crossed]
    cdef u128 real
    cdef int code
    crossing.tick = info
    crossing.fee_growth_x128 = walk.fee_growth_x128
    state.crossed += 1
    walk.ticks_crossed += info.liquidity_gross != 0
    code = add_delta(
        walk.liquidity - walk.ghost_liquidity,
        -info.liquidity_net if zero_for_one else info.liquidity_net,
        &real,
    )
    if code != OK:
        return code
    code = add_delta(
        walk.ghost_liquidity,
        -info.ghost_net if zero_for_one else info.ghost_net,
        &walk.ghost_liquidity,
    )
    walk.liquidity = real + walk.ghost_liquidity
    if code == OK and walk.liquidity < real:
        return REVERT_LA
    return code


cdef inline u256 input_between(u256 a, u256 b, u128 liquidity, bint zero_for_one) noexcept nogil:
    if zero_for_one:
        return amount0_delta(a, b, liquidity, False)
    return amount1_delta(a, b, liquidity, False)


cdef int spread_over_ghosts(
    PoolState* state, Walk* walk, const SwapStep* step, u256 fee, int tick_after, int boundary,
    bint zero_for_one
) noexcept nogil:
    """Hand out the fee of one step, crossing the ghosts' ticks that lie inside it.

    ``boundary`` is the initialised tick the step ends at (the walk crosses it afterwards), if any.
    """
    cdef int count = state.ghost_count
    cdef int i, tick
    cdef int code = OK
    cdef u128 real = walk.liquidity - walk.ghost_liquidity
    cdef u256 price = walk.sqrt_price_x96
    cdef u256 rest = fee
    cdef u256 part, tick_price
    for i in range(count):
        tick = state.ghost_ticks[count - 1 - i if zero_for_one else i]
        if tick == boundary:
            continue
        if zero_for_one and not (tick_after < tick and tick <= walk.tick):
            continue
        if not zero_for_one and not (walk.tick < tick and tick <= tick_after):
            continue
        tick_price = tick_find(&state.ticks, tick).sqrt_price_x96
        part = u256_from_u64(0)
        if not u256_is_zero(step.amount_in):
            code = u256_mul_div(
                input_between(price, tick_price, real, zero_for_one), fee, step.amount_in, &part
            )
        if code == OK:
            if u256_lt(rest, part):
                part = rest
            rest = u256_sub(rest, part)
            code = add_growth(state, walk, part)
        if code == OK:
            code = cross(state, walk, tick, zero_for_one)
        if code != OK:
            return code
        price = tick_price
    return add_growth(state, walk, rest)


cdef inline int settle_step(
    PoolState* state, Walk* walk, const SwapStep* step, int tick_after, int boundary,
    bint zero_for_one
) noexcept nogil:
    """Protocol's share, fee growth, and the ghosts' ticks inside the step."""
    cdef u256 fee = step.fee_amount
    cdef u256 share
    cdef bint inexact
    if walk.fee_protocol > 0:
        share = u256_div(fee, u256_from_u64(walk.fee_protocol), &inexact)
        fee = u256_sub(fee, share)
        walk.protocol_fee += u256_low128(share)
    if state.ghost_count == 0:
        return add_growth(state, walk, fee)
    return spread_over_ghosts(state, walk, step, fee, tick_after, boundary, zero_for_one)


cdef enum:
    NO_BOUNDARY = 0x7FFFFFFF


cdef inline bint is_word_start(const PoolState* state, int tick) noexcept nogil:
    """True where a downward walk over empty words would stop at ``tick``."""
    return tick % state.tick_spacing == 0 and (tick // state.tick_spacing) & 255 == 0


cdef int jump(
    PoolState* state, Walk* walk, bint zero_for_one, const u256* limit_x96
) noexcept nogil:
    """Move through prices without active liquidity; no amounts, no fees."""
    cdef SwapStep step
    cdef TickInfo* info
    cdef u256 price = limit_x96[0]
    cdef int next_tick, tick_after
    cdef int boundary = NO_BOUNDARY
    cdef int code
    if bitmap_next(&state.bitmap, walk.tick, zero_for_one, &next_tick):
        info = tick_find(&state.ticks, next_tick)
        if u256_eq(info.sqrt_price_x96, price) or (
            u256_lt(info.sqrt_price_x96, price) != zero_for_one
        ):
            price = info.sqrt_price_x96
            boundary = next_tick
    if boundary != NO_BOUNDARY:
        tick_after = boundary - 1 if zero_for_one else boundary
    else:
        tick_after = tick_at_price(state, &price)
        if (
            zero_for_one
            and is_word_start(state, tick_after)
            and u256_eq(price, price_of_tick(state, tick_after)[0])
        ):
            tick_after -= 1
    if state.ghost_count:
        step.fee_amount = step.amount_in = u256_from_u64(0)
        code = spread_over_ghosts(
            state, walk, &step, step.fee_amount, tick_after, boundary, zero_for_one
        )
        if code != OK:
            return code
    walk.sqrt_price_x96 = price
    walk.tick = tick_after
    if boundary != NO_BOUNDARY:
        return cross(state, walk, boundary, zero_for_one)
    return OK


cdef inline int advance(
    PoolState* state, Walk* walk, bint zero_for_one, bint exact_in, const u256* limit_x96
) noexcept nogil:
    """One round of the contract's loop: to the next tick of the word, the limit, or the end."""
    cdef SwapStep step
    cdef const u256* next_price
    cdef const u256* target
    cdef u128 real = walk.liquidity - walk.ghost_liquidity
    cdef int next_tick, tick_after, boundary
    cdef int code
    cdef bint initialized = bitmap_next_within_word(
        &state.bitmap, walk.tick, zero_for_one, &next_tick
    )
    if initialized:
        next_price = &tick_find(&state.ticks, next_tick).sqrt_price_x96
    else:
        next_tick = max(MIN_TICK, min(MAX_TICK, next_tick))
        next_price = price_of_tick(state, next_tick)
    target = next_price
    if u256_lt(next_price[0], limit_x96[0]) == zero_for_one:
        target = limit_x96  # where both are equal it makes no difference
    code = swap_step(
        &walk.sqrt_price_x96, target, zero_for_one, real, divisor_for(state, 0, real),
        &walk.remaining, state.fee, &step,
    )
    if code == OK:
        code = take_amounts(walk, &step, exact_in)
    if code != OK:
        return code
    boundary = NO_BOUNDARY
    tick_after = walk.tick
    if u256_eq(step.sqrt_price_next_x96, next_price[0]):
        tick_after = next_tick - 1 if zero_for_one else next_tick
        if initialized:
            boundary = next_tick
    elif not u256_eq(step.sqrt_price_next_x96, walk.sqrt_price_x96):
        tick_after = tick_at_price(state, &step.sqrt_price_next_x96)
    code = settle_step(state, walk, &step, tick_after, boundary, zero_for_one)
    if code != OK:
        return code
    walk.sqrt_price_x96 = step.sqrt_price_next_x96
    walk.tick = tick_after
    if initialized and boundary == next_tick:
        return cross(state, walk, next_tick, zero_for_one)
    return OK


cdef inline int take_amounts(Walk* walk, const SwapStep* step, bint exact_in) noexcept nogil:
    """Book one step's amounts; SafeCast and SafeMath of the contract."""
    cdef u256 paid = u256_add(step.amount_in, step.fee_amount)
    cdef i256 before = walk.calculated
    walk.fee_amount = u256_add(walk.fee_amount, step.fee_amount)
    if i256_is_negative(paid) or i256_is_negative(step.amount_out):
        return REVERT_EMPTY
    if exact_in:
        walk.remaining = u256_sub(walk.remaining, paid)
        walk.calculated = u256_sub(before, step.amount_out)
        if i256_is_negative(before) and not i256_is_negative(walk.calculated):
            return REVERT_EMPTY
    else:
        walk.remaining = u256_add(walk.remaining, step.amount_out)
        walk.calculated = u256_add(before, paid)
        if not i256_is_negative(before) and i256_is_negative(walk.calculated):
            return REVERT_EMPTY
    return OK


cdef int run(
    PoolState* state, bint zero_for_one, const i256* amount, const u256* limit_x96, Walk* walk,
    SwapResult* result
) noexcept nogil:
    """The swap up to, not including, its effects on the state."""
    cdef bint exact_in = not i256_is_negative(amount[0])
    cdef int code = OK
    if u256_is_zero(amount[0]):
        return REVERT_AS
    if not state.unlocked:
        return REVERT_LOK
    code = check_limit(state, zero_for_one, limit_x96)
    state.crossed = 0
    walk.remaining = amount[0]
    walk.calculated = walk.fee_amount = u256_from_u64(0)
    walk.sqrt_price_x96 = state.sqrt_price_x96
    walk.tick = state.tick
    walk.liquidity = state.liquidity
    walk.ghost_liquidity = state.ghost_liquidity
    walk.protocol_fee = 0
    walk.ticks_crossed = 0
    if zero_for_one:
        walk.fee_growth_x128 = state.fee_growth_global0_x128
        walk.fee_protocol = state.fee_protocol & 15
    else:
        walk.fee_growth_x128 = state.fee_growth_global1_x128
        walk.fee_protocol = state.fee_protocol >> 4
    while (
        code == OK
        and not u256_is_zero(walk.remaining)
        and not u256_eq(walk.sqrt_price_x96, limit_x96[0])
    ):
        if walk.liquidity == walk.ghost_liquidity:
            code = jump(state, walk, zero_for_one, limit_x96)
        else:
            code = advance(state, walk, zero_for_one, exact_in, limit_x96)
    if code != OK:
        return code
    if zero_for_one == exact_in:
        result.amount0 = u256_sub(amount[0], walk.remaining)
        result.amount1 = walk.calculated
    else:
        result.amount0 = walk.calculated
        result.amount1 = u256_sub(amount[0], walk.remaining)
    result.sqrt_price_x96 = walk.sqrt_price_x96
    result.tick = walk.tick
    result.ticks_crossed = walk.ticks_crossed
    result.liquidity = walk.liquidity
    result.ghost_liquidity = walk.ghost_liquidity
    result.fee_amount = walk.fee_amount
    return OK


cdef inline int move_balances(
    PoolState* state, bint zero_for_one, const SwapResult* result
) noexcept nogil:
    """Pay out, take in; TF where the pool does not own what it must pay."""
    cdef u256* paying = &state.balance1 if zero_for_one else &state.balance0
    cdef u256* taking = &state.balance0 if zero_for_one else &state.balance1
    cdef u256 paid = u256_neg(result.amount1 if zero_for_one else result.amount0)
    if not state.balances_known:
        return OK
    if u256_lt(paying[0], paid):
        return REVERT_TF
    paying[0] = u256_sub(paying[0], paid)
    taking[0] = u256_add(taking[0], result.amount0 if zero_for_one else result.amount1)
    return OK


cdef inline void turn_crossed_ticks(
    PoolState* state, bint zero_for_one, u32 time
) noexcept nogil:
    cdef Observation now = oracle_now(&state.oracle, time, state.tick, oracle_divisor(state))
    cdef const Crossing* crossing
    cdef int i
    for i in range(state.crossed):
        crossing = &state.crossings[i]
        cross_tick(
            state,
            crossing.tick,
            crossing.fee_growth_x128 if zero_for_one else state.fee_growth_global0_x128,
            state.fee_growth_global1_x128 if zero_for_one else crossing.fee_growth_x128,
            now.seconds_per_liquidity_cumulative_x128,
            now.tick_cumulative,
            time,
        )


cdef int pool_swap(
    PoolState* state, bint zero_for_one, const i256 amount, const u256 limit_x96, u64 ts,
    SwapResult* result
) noexcept nogil:
    """UniswapV3Pool.swap, paid exactly by its caller."""
    cdef Walk walk
    cdef int code = run(state, zero_for_one, &amount, &limit_x96, &walk, result)
    if code == OK:
        code = move_balances(state, zero_for_one, result)
    if code != OK:
        return code
    if state.crossed:
        turn_crossed_ticks(state, zero_for_one, <u32>ts)
    if walk.tick != state.tick:
        oracle_write(&state.oracle, <u32>ts, state.tick, oracle_divisor(state))
        state.tick = walk.tick
    state.sqrt_price_x96 = walk.sqrt_price_x96
    state.liquidity = walk.liquidity
    state.ghost_liquidity = walk.ghost_liquidity
    if zero_for_one:
        state.fee_growth_global0_x128 = walk.fee_growth_x128
        state.protocol_fees0 += walk.protocol_fee
    else:
        state.fee_growth_global1_x128 = walk.fee_growth_x128
        state.protocol_fees1 += walk.protocol_fee
    return OK


cdef int pool_quote(
    PoolState* state, bint zero_for_one, const i256 amount, const u256 limit_x96,
    SwapResult* result
) noexcept nogil:
    """What ``pool_swap`` would return; ``state.crossings`` holds the ticks it would cross."""
    cdef Walk walk
    return run(state, zero_for_one, &amount, &limit_x96, &walk, result)


cdef int collect_crossings(PoolState* state, int tick_after) noexcept nogil:
    """Remember all ticks between the pool's tick and another, as a swap between them would."""
    cdef bint down = tick_after < state.tick
    cdef int tick = state.tick
    cdef int i
    state.crossed = 0
    while bitmap_next(&state.bitmap, tick, down, &tick):
        if tick <= tick_after if down else tick > tick_after:
            break
        state.crossings[state.crossed].tick = tick_find(&state.ticks, tick)
        state.crossings[state.crossed].fee_growth_x128 = (
            state.fee_growth_global0_x128 if down else state.fee_growth_global1_x128
        )
        state.crossed += 1
        tick -= down
    for i in range(state.ghost_count):
        tick = state.ghost_ticks[i]
        if not (tick_after < tick <= state.tick if down else state.tick < tick <= tick_after):
            continue
        if tick_find(&state.ticks, tick).liquidity_gross != 0:
            continue
        state.crossings[state.crossed].tick = tick_find(&state.ticks, tick)
        state.crossings[state.crossed].fee_growth_x128 = (
            state.fee_growth_global0_x128 if down else state.fee_growth_global1_x128
        )
        state.crossed += 1
    return down


cdef inline int tick_holding(u256 sqrt_price_x96, int tick) noexcept nogil:
    """``tick`` where a pool at this price can be at it, otherwise the tick of the price."""
    cdef int holding = tick_at_sqrt_ratio(sqrt_price_x96)
    if tick == holding - 1 and u256_eq(sqrt_price_x96, sqrt_ratio_at_tick(holding)):
        return tick  # the price came down to the boundary and crossed it
    return holding


cdef int pool_resync(
    PoolState* state, const u256 sqrt_price_x96, int tick, u128 liquidity, u64 ts
) noexcept nogil:
    """Put the pool at a recorded price, tick and real liquidity; see the header."""
    cdef u32 time = <u32>ts
    cdef u128 ghosts = state.ghost_liquidity
    cdef i128 net
    cdef bint down
    cdef int i
    if not state.unlocked:
        return REVERT_LOK
    if not sqrt_ratio_in_range(sqrt_price_x96):
        return REVERT_R
    tick = tick_holding(sqrt_price_x96, tick)
    if ts == 0:
        time = state.oracle.slots[state.oracle.index].block_timestamp
    if tick != state.tick:
        down = collect_crossings(state, tick)
        for i in range(state.crossed):
            net = state.crossings[i].tick.ghost_net
            ghosts += <u128>(-net if down else net)
        turn_crossed_ticks(state, down, time)
        if ts != 0:
            oracle_write(&state.oracle, time, state.tick, oracle_divisor(state))
    state.balances_known = False
    state.sqrt_price_x96 = sqrt_price_x96
    state.tick = tick
    state.ghost_liquidity = ghosts
    state.liquidity = liquidity + ghosts
    return OK
