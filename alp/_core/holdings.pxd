# A set of liquidity ranges, and what it holds at a price.

from alp._core.uint256 cimport u128, u256

cdef enum:
    MOST = 64

cdef struct Range:
    u256 sqrt_lower
    u256 sqrt_upper
    u128 liquidity

cdef struct Ranges:
    int count
    Range all[MOST]

# Raw amount of one token that burning all ranges would pay at a price.
cdef u256 held_by(const Ranges* ranges, u256 sqrt_price, bint token0) noexcept nogil
# Least price with at most `limit` of token0, or greatest with at most that of token1.
cdef u256 price_holding_at_most(const Ranges* ranges, u256 limit, bint token0) noexcept nogil
# From rows `(tick_lower, tick_upper, liquidity)`; ValueError for no range, or more than MOST.
cdef int read_ranges(object positions, Ranges* ranges) except -1
