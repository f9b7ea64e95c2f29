"""UniswapV3Pool.flash, setFeeProtocol, collectProtocol and snapshotCumulativesInside."""

from alp._core.oracle cimport Observation, oracle_now, wrap_int56
from alp._core.pool_state cimport oracle_divisor, real_liquidity
from alp._core.reverts cimport (
    OK,
    REVERT_EMPTY,
    REVERT_F0,
    REVERT_F1,
    REVERT_L,
    REVERT_LOK,
    REVERT_TF,
    REVERT_TLM,
    REVERT_TLU,
    REVERT_TUM,
)
from alp._core.tick_table cimport TickInfo, tick_find
from alp._core.tickmath cimport MAX_TICK, MIN_TICK
from alp._core.uint256 cimport (
    u256_add,
    u256_add_carry,
    u256_div,
    u256_from_u64,
    u256_from_u128,
    u256_is_zero,
    u256_low128,
    u256_low160,
    u256_lt,
    u256_mul_div_up,
    u256_shl128_div,
    u256_sub,
)

cdef enum:
    PIPS = 1000000


cdef struct Loan:
    # one token's side of a flash loan
    u256 balance
    u256 paid
    u256 growth
    u128 protocol_fee


cdef int settle_loan(
    const PoolState* state, u256 balance, u256 amount, u256 returned, u32 fee_protocol, u256 fee,
    int too_little, Loan* loan
) noexcept nogil:
    cdef u64 carry
    cdef bint inexact
    cdef u256 due = u256_add_carry(balance, fee, &carry)
    cdef u256 share = u256_from_u64(0)
    if carry:
        return REVERT_EMPTY
    loan.balance = u256_add(u256_sub(balance, amount), returned)
    if u256_lt(loan.balance, due):
        return too_little
    loan.paid = u256_sub(loan.balance, balance)
    if fee_protocol > 0:
        share = u256_div(loan.paid, u256_from_u64(fee_protocol), &inexact)
    loan.protocol_fee = u256_low128(share)
    return u256_shl128_div(u256_sub(loan.paid, share), state.liquidity, &loan.growth)


cdef int pool_flash(
    PoolState* state, u256 amount0, u256 amount1, u256 returned0, u256 returned1,
    u256* paid0, u256* paid1
) noexcept nogil:
    """UniswapV3Pool.flash; ghosts take their share of what is paid, as of any fee."""
    cdef u256 pips = u256_from_u64(PIPS)
    cdef u256 fee0, fee1
    cdef u256 balance0 = state.balance0 if state.balances_known else amount0
    cdef u256 balance1 = state.balance1 if state.balances_known else amount1
    cdef Loan loan0, loan1
    cdef int code, code1
    if not state.unlocked:
        return REVERT_LOK
    if real_liquidity(state) == 0:
        return REVERT_L
    if u256_mul_div_up(amount0, u256_from_u64(state.fee), pips, &fee0) != OK:
        return REVERT_EMPTY
    if u256_mul_div_up(amount1, u256_from_u64(state.fee), pips, &fee1) != OK:
        return REVERT_EMPTY
    if u256_lt(balance0, amount0) or u256_lt(balance1, amount1):
        return REVERT_TF
    code = settle_loan(
        state, balance0, amount0, returned0, state.fee_protocol & 15, fee0, REVERT_F0, &loan0
    )
    code1 = settle_loan(
        state, balance1, amount1, returned1, state.fee_protocol >> 4, fee1, REVERT_F1, &loan1
    )
    # both requires come before both fee growths
    if code == REVERT_F0:
        return code
    if code1 == REVERT_F1:
        return code1
    if code != OK:
        return code
    if code1 != OK:
        return code1
    if state.balances_known:
        state.balance0 = loan0.balance
        state.balance1 = loan1.balance
    state.protocol_fees0 += loan0.protocol_fee
    state.protocol_fees1 += loan1.protocol_fee
    state.fee_growth_global0_x128 = u256_add(state.fee_growth_global0_x128, loan0.growth)
    state.fee_growth_global1_x128 = u256_add(state.fee_growth_global1_x128, loan1.growth)
    paid0[0] = loan0.paid
    paid1[0] = loan1.paid
    return OK


cdef inline bint is_fee_protocol(u32 fee) noexcept nogil:
    return fee == 0 or (4 <= fee and fee <= 10)


cdef int pool_set_fee_protocol(PoolState* state, u32 fee0, u32 fee1) noexcept nogil:
    """UniswapV3Pool.setFeeProtocol: 0, or one part in 4 to 10 of each token's fee."""
    if not state.unlocked:
        return REVERT_LOK
    if not (is_fee_protocol(fee0) and is_fee_protocol(fee1)):
        return REVERT_EMPTY
    state.fee_protocol = fee0 + (fee1 << 4)
    return OK


cdef inline u128 protocol_payment(u128 requested, u128 owed) noexcept nogil:
    """At most what is owed, and never the last wei (the contract keeps its slot warm)."""
    cdef u128 amount = requested if requested < owed else owed
    return amount - 1 if amount > 0 and amount == owed else amount


cdef int pool_collect_protocol(
    PoolState* state, u128 requested0, u128 requested1, u128* amount0, u128* amount1
) noexcept nogil:
    """UniswapV3Pool.collectProtocol."""
    if not state.unlocked:
        return REVERT_LOK
    amount0[0] = protocol_payment(requested0, state.protocol_fees0)
    amount1[0] = protocol_payment(requested1, state.protocol_fees1)
    if state.balances_known:
        if u256_lt(state.balance0, u256_from_u128(amount0[0])):
            return REVERT_TF
        if u256_lt(state.balance1, u256_from_u128(amount1[0])):
            return REVERT_TF
        state.balance0 = u256_sub(state.balance0, u256_from_u128(amount0[0]))
        state.balance1 = u256_sub(state.balance1, u256_from_u128(amount1[0]))
    state.protocol_fees0 -= amount0[0]
    state.protocol_fees1 -= amount1[0]
    return OK


cdef inline RangeCumulatives outside(const TickInfo* info) noexcept nogil:
    cdef RangeCumulatives result
    result.tick_cumulative = info.tick_cumulative_outside
    result.seconds_per_liquidity_x128 = info.seconds_per_liquidity_outside_x128
    result.seconds = info.seconds_outside
    return result


cdef inline RangeCumulatives difference(RangeCumulatives a, RangeCumulatives b) noexcept nogil:
    a.tick_cumulative = wrap_int56(a.tick_cumulative - b.tick_cumulative)
    a.seconds_per_liquidity_x128 = u256_low160(
        u256_sub(a.seconds_per_liquidity_x128, b.seconds_per_liquidity_x128)
    )
    a.seconds = a.seconds - b.seconds
    return a


cdef int pool_cumulatives_inside(
    PoolState* state, int tick_lower, int tick_upper, u64 ts, RangeCumulatives* result
) noexcept nogil:
    """UniswapV3Pool.snapshotCumulativesInside."""
    cdef const TickInfo* lower
    cdef const TickInfo* upper
    cdef Observation now
    if tick_lower >= tick_upper:
        return REVERT_TLU
    if tick_lower < MIN_TICK:
        return REVERT_TLM
    if tick_upper > MAX_TICK:
        return REVERT_TUM
    lower = tick_find(&state.ticks, tick_lower)
    upper = tick_find(&state.ticks, tick_upper)
    if lower == NULL or upper == NULL:
        return REVERT_EMPTY
    if lower.liquidity_gross == 0 or upper.liquidity_gross == 0:
        return REVERT_EMPTY
    if state.tick < tick_lower:
        result[0] = difference(outside(lower), outside(upper))
    elif state.tick >= tick_upper:
        result[0] = difference(outside(upper), outside(lower))
    else:
        now = oracle_now(&state.oracle, <u32>ts, state.tick, oracle_divisor(state))
        result.tick_cumulative = now.tick_cumulative
        result.seconds_per_liquidity_x128 = now.seconds_per_liquidity_cumulative_x128
        result.seconds = <u32>ts
        result[0] = difference(difference(result[0], outside(lower)), outside(upper))
    return OK
