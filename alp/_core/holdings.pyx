"""At which price a set of ranges holds at most so much of a token: exact, by bisection.

What ranges hold of token0 falls as the sqrt price rises, and of token1 rises with it, so each
question has one answer. The amounts are what burning would pay, rounded down as the pool does.
"""

from alp._core.liquidity_amounts cimport amounts_for_liquidity
from alp._core.tickmath cimport MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    u64, u128, u128_from_int, u256, u256_add, u256_add_u64, u256_from_int, u256_from_u64, u256_le,
    u256_lt, u256_sub, u256_to_int,
)

cdef u256 held_by(const Ranges* ranges, u256 sqrt_price, bint token0) noexcept nogil:
    cdef u256 total = u256_from_u64(0)
    cdef u256 amount0, amount1
    cdef int i
    for i in range(ranges.count):
        amounts_for_liquidity(
            sqrt_price, ranges.all[i].sqrt_lower, ranges.all[i].sqrt_upper,
            ranges.all[i].liquidity, &amount0, &amount1,
        )
        total = u256_add(total, amount0 if token0 else amount1)
    return total


cdef inline u256 _middle(u256 low, u256 high) noexcept nogil:
    """Their mean; both fit 160 bits."""
    cdef u256 total = u256_add(low, high)
    cdef int i
    for i in range(3):
        total.w[i] = (total.w[i] >> 1) | (total.w[i + 1] << 63)
    total.w[3] >>= 1
    return total


cdef u256 price_holding_at_most(const Ranges* ranges, u256 limit, bint token0) noexcept nogil:
    """Least price with at most ``limit`` of token0, or greatest with at most that of token1."""
    cdef u256 low = u256_sub(MIN_SQRT_RATIO, u256_from_u64(1))
    cdef u256 high = MAX_SQRT_RATIO
    cdef u256 middle
    while u256_lt(u256_add_u64(low, 1), high):
        middle = _middle(low, high)
        if u256_le(held_by(ranges, middle, token0), limit) == token0:
            high = middle
        else:
            low = middle
    return high if token0 else low


cdef int _read(object positions, Ranges* ranges) except -1:
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
    _read(positions, &ranges)
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
    _read(positions, &ranges)
    with nogil:
        found = price_holding_at_most(&ranges, most, False)
    return u256_to_int(found)
