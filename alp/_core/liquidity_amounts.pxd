"""Periphery LiquidityAmounts: between token amounts and liquidity of a range at a price."""

from alp._core.uint256 cimport u128, u256

cdef int liquidity_for_amounts(
    u256 sqrt_price_x96, u256 sqrt_a_x96, u256 sqrt_b_x96, u256 amount0, u256 amount1, u128* result
) noexcept nogil
cdef int amounts_for_liquidity(
    u256 sqrt_price_x96, u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity,
    u256* amount0, u256* amount1
) noexcept nogil
