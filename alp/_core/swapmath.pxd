"""SqrtPriceMath and SwapMath. Functions that can revert return a code of ``reverts``."""

from alp._core.uint256 cimport i128, i256, u32, u128, u256

cdef struct SwapStep:
    u256 sqrt_price_next_x96
    u256 amount_in
    u256 amount_out
    u256 fee_amount

cdef u256 amount0_delta(u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity, bint up) noexcept nogil
cdef u256 amount1_delta(u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity, bint up) noexcept nogil
cdef int next_sqrt_price_from_amount0(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil
cdef int next_sqrt_price_from_amount1(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil
cdef int compute_swap_step(
    u256 current_x96, u256 target_x96, u128 liquidity, i256 amount_remaining, u32 fee_pips,
    SwapStep* step
) noexcept nogil
cdef int add_delta(u128 x, i128 y, u128* result) noexcept nogil
