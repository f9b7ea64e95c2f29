"""What ranges hold at a price, and at which price they hold at most so much of a token; exact.

What ranges hold of token0 falls as the sqrt price rises, and of token1 rises with it, so each
question has one answer. The amounts are what burning would pay, rounded down as the pool does.
"""

from alp._core.liquidity_amounts cimport amounts_for_liquidity, liquidity_for_amounts
from alp._core.reverts cimport OK, REVERT_T, raise_revert
from alp._core.swapmath cimport amount0_over, amount1_over
from alp._core.tickmath cimport MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    c_int, u64, u128, u128_from_int, u128_shl96, u128_to_int, u160_from_int, u256, u256_add,
    u256_add_u64, u256_from_int, u256_from_limbs, u256_from_u128, u256_from_u64, u256_le, u256_lt,
    u256_mul_div, u256_mul_div_up, u256_mul_overflows, u256_sub, u256_to_int,
)

cdef inline u256 _amount(const Range* held, u256 sqrt_price, bint token0) noexcept nogil:
    """Of one token: ``LiquidityAmounts.getAmountsForLiquidity``."""
    cdef u256 low = held.sqrt_lower
    cdef u256 high = held.sqrt_upper
    if token0:
        if u256_lt(low, sqrt_price):
            low = sqrt_price
    elif u256_lt(sqrt_price, high):
        high = sqrt_price
    if not u256_lt(low, high):
        return u256_from_u64(0)
    if token0:
        return amount0_over(low, high, u256_sub(high, low), held.liquidity, False)
    return amount1_over(u256_sub(high, low), held.liquidity, False)


cdef u256 held_by(const Ranges* ranges, u256 sqrt_price, bint token0) noexcept nogil:
    cdef u256 total = u256_from_u64(0)
    cdef int i
    for i in range(ranges.count):
        total = u256_add(total, _amount(&ranges.all[i], sqrt_price, token0))
    return total


cdef inline u256 _middle(u256 low, u256 high) noexcept nogil:
    """Their mean; both fit 160 bits."""
    cdef u256 total = u256_add(low, high)
    cdef int i
    for i in range(3):
        total.w[i] = (total.w[i] >> 1) | (total.w[i + 1] << 63)
    total.w[3] >>= 1
    return total


cdef struct Bracket:
    # Prices around the answer: at `high` at most `limit` of token0, or more than that of token1,
    # at `low` the opposite. The ends of the pool's domain need not have been looked at.
    u256 low
    u256 high


cdef inline void _narrow(
    Bracket* around, const Ranges* ranges, u256 price, u256 limit, bint token0
) noexcept nogil:
    if u256_lt(around.low, price) and u256_lt(price, around.high):
        if u256_le(held_by(ranges, price, token0), limit) == token0:
            around.high = price
        else:
            around.low = price


cdef int _only_range_between(const Ranges* ranges, const Bracket* around) noexcept nogil:
    """Index of the one range that changes between two prices without an end between; else -1."""
    cdef int i, found = -1
    for i in range(ranges.count):
        if (
            ranges.all[i].liquidity != 0
            and u256_le(ranges.all[i].sqrt_lower, around.low)
            and u256_le(around.high, ranges.all[i].sqrt_upper)
        ):
            if found >= 0:
                return -1
            found = i
    return found


cdef bint _solve(const Ranges* ranges, u256 limit, bint token0, Bracket* around) noexcept nogil:
    """Close the bracket around one range's own answer; false where that takes bisection.

    With ``N = L * 2**96`` and ``m`` left for the range, ``N (upper - p) / (upper p)``, floored
    twice, is at most ``m`` exactly where ``N upper < p (N + (m + 1) upper)``; and
    ``L (p - lower) / 2**96``, floored, where ``(p - lower) L < (m + 1) * 2**96``.
    """
    cdef int i = _only_range_between(ranges, around)
    cdef u256 numerator, divisor, more, step
    if i < 0:
        return False
    # At one end of the bracket all ranges together hold at most the limit.
    cdef u256 end = around.high if token0 else around.low
    cdef Ranges alone
    alone.count = 1
    alone.all[0] = ranges.all[i]
    more = u256_sub(limit, u256_sub(held_by(ranges, end, token0), held_by(&alone, end, token0)))
    more = u256_add_u64(more, 1)
    if token0:
        numerator = u128_shl96(ranges.all[i].liquidity)
        if u256_mul_overflows(more, ranges.all[i].sqrt_upper, &divisor):
            return False
        divisor = u256_add(divisor, numerator)
        if u256_lt(divisor, numerator):
            return False
        if u256_mul_div(numerator, ranges.all[i].sqrt_upper, divisor, &step) != OK:
            return False
        around.low = step
        around.high = u256_add_u64(step, 1)
    else:
        divisor = u256_from_u128(ranges.all[i].liquidity)
        numerator = u256_from_limbs(0, <u64>1 << 32, 0, 0)
        if u256_mul_div_up(more, numerator, divisor, &step) != OK:
            return False
        around.high = u256_add(ranges.all[i].sqrt_lower, step)
        around.low = u256_sub(around.high, u256_from_u64(1))
    return True


cdef u256 price_holding_at_most(const Ranges* ranges, u256 limit, bint token0) noexcept nogil:
    """Least price with at most ``limit`` of token0, or greatest with at most that of token1."""
    cdef u256 one = u256_from_u64(1)
    cdef Bracket around = Bracket(u256_sub(MIN_SQRT_RATIO, one), MAX_SQRT_RATIO)
    cdef int i
    _narrow(&around, ranges, MIN_SQRT_RATIO, limit, token0)
    _narrow(&around, ranges, u256_sub(MAX_SQRT_RATIO, one), limit, token0)
    for i in range(ranges.count):
        _narrow(&around, ranges, ranges.all[i].sqrt_lower, limit, token0)
        _narrow(&around, ranges, ranges.all[i].sqrt_upper, limit, token0)
    if u256_lt(u256_add_u64(around.low, 1), around.high):
        if not _solve(ranges, limit, token0, &around):
            while u256_lt(u256_add_u64(around.low, 1), around.high):
                _narrow(&around, ranges, _middle(around.low, around.high), limit, token0)
    return around.high if token0 else around.low


cdef int read_ranges(object positions, Ranges* ranges) except -1:
    cdef int i = 0
    if len(positions) > MOST:
        raise ValueError(f"{len(positions)} ranges are more than {MOST}")
    for tick_lower, tick_upper, liquidity in positions:
        if not MIN_TICK <= tick_lower < tick_upper <= MAX_TICK:
            raise ValueError(f"[{tick_lower}, {tick_upper}) is not a range of ticks")
        ranges.all[i].sqrt_lower = sqrt_ratio_at_tick(tick_lower)
        ranges.all[i].sqrt_upper = sqrt_ratio_at_tick(tick_upper)
        ranges.all[i].liquidity = u128_from_int(liquidity)
        i += 1
    ranges.count = i
    return 0


def first_price_with_token0_at_most(positions, limit):
    """Return the least sqrtPriceX96 at which ``positions`` hold at most ``limit`` of token0.

    Parameters
    ----------
    positions
        Rows ``(tick_lower, tick_upper, liquidity)``, at most 64.
    limit
        Raw units, not negative.

    Returns
    -------
    int
        MIN_SQRT_RATIO where that holds at every price; MAX_SQRT_RATIO, which no pool reaches,
        where it holds at none.
    """
    cdef Ranges ranges
    cdef u256 most = u256_from_int(limit)
    cdef u256 found
    read_ranges(positions, &ranges)
    with nogil:
        found = price_holding_at_most(&ranges, most, True)
    return u256_to_int(found)


def last_price_with_token1_at_most(positions, limit):
    """Return the greatest sqrtPriceX96 at which ``positions`` hold at most ``limit`` of token1.

    MIN_SQRT_RATIO - 1, which no pool reaches, where that holds at no price; otherwise as
    :func:`first_price_with_token0_at_most`.
    """
    cdef Ranges ranges
    cdef u256 most = u256_from_int(limit)
    cdef u256 found
    read_ranges(positions, &ranges)
    with nogil:
        found = price_holding_at_most(&ranges, most, False)
    return u256_to_int(found)


cdef int _check_tick(int tick) except -1:
    if not MIN_TICK <= tick <= MAX_TICK:
        raise_revert(REVERT_T)
    return 0


cdef int _amounts_at_ticks(
    u256 sqrt_price, int tick_lower, int tick_upper, u128 liquidity, u256* amount0, u256* amount1
) except -1:
    _check_tick(tick_lower)
    _check_tick(tick_upper)
    raise_revert(
        amounts_for_liquidity(
            sqrt_price, sqrt_ratio_at_tick(tick_lower), sqrt_ratio_at_tick(tick_upper), liquidity,
            amount0, amount1,
        )
    )
    return 0


def position_amounts(sqrt_price_x96, tick_lower, tick_upper, liquidity):
    """Return ``(amount0, amount1)`` that burning the position pays, in raw units, rounded down.

    Raises
    ------
    Revert
        ``T``: a tick is outside -887272 .. 887272.
    """
    cdef u256 amount0, amount1
    _amounts_at_ticks(
        u160_from_int(sqrt_price_x96), c_int(tick_lower), c_int(tick_upper),
        u128_from_int(liquidity), &amount0, &amount1,
    )
    return u256_to_int(amount0), u256_to_int(amount1)


def held_amounts(sqrt_price_x96, positions):
    """Return the sums of :func:`position_amounts` over rows ``(tick_lower, tick_upper, liquidity)``.

    Raises
    ------
    Revert
        As `position_amounts`.
    """
    cdef u256 sqrt_price = u160_from_int(sqrt_price_x96)
    cdef u256 total0 = u256_from_u64(0)
    cdef u256 total1 = u256_from_u64(0)
    cdef u256 amount0, amount1
    for tick_lower, tick_upper, liquidity in positions:
        _amounts_at_ticks(
            sqrt_price, c_int(tick_lower), c_int(tick_upper), u128_from_int(liquidity),
            &amount0, &amount1,
        )
        total0 = u256_add(total0, amount0)
        total1 = u256_add(total1, amount1)
    return u256_to_int(total0), u256_to_int(total1)


def mint_amounts(sqrt_price_x96, tick_lower, tick_upper, amount0, amount1):
    """Return ``(liquidity, amount0, amount1)``: the most that two amounts pay for, and its worth.

    Raises
    ------
    Revert
        As `position_amounts`, or the liquidity needs more than 128 bits.
    """
    cdef int lower = c_int(tick_lower)
    cdef int upper = c_int(tick_upper)
    cdef u256 sqrt_price = u160_from_int(sqrt_price_x96)
    cdef u128 liquidity = 0
    cdef u256 worth0, worth1
    _check_tick(lower)
    _check_tick(upper)
    raise_revert(
        liquidity_for_amounts(
            sqrt_price, sqrt_ratio_at_tick(lower), sqrt_ratio_at_tick(upper),
            u256_from_int(amount0), u256_from_int(amount1), &liquidity,
        )
    )
    _amounts_at_ticks(sqrt_price, lower, upper, liquidity, &worth0, &worth1)
    return u128_to_int(liquidity), u256_to_int(worth0), u256_to_int(worth1)
