"""TickMath: the price grid ``1.0001 ** (tick / 2)`` in Q64.96, equal to the contract's integers."""

from alp._core.uint256 cimport i64, u128, u256, u64

cdef enum:
    MIN_TICK = -887272
    MAX_TICK = 887272

cdef u256 MIN_SQRT_RATIO
cdef u256 MAX_SQRT_RATIO

cdef u256 sqrt_ratio_at_tick(int tick) noexcept nogil
cdef int tick_at_sqrt_ratio(u256 sqrt_price_x96) noexcept nogil
cdef bint sqrt_ratio_in_range(u256 sqrt_price_x96) noexcept nogil
cdef u128 max_liquidity_per_tick(int tick_spacing) noexcept nogil
