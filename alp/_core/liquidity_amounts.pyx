"""Periphery LiquidityAmounts, exact.

Arguments and results are those of the Solidity library; square-root prices are Q64.96 and the two
ends of the range may come in either order.
"""

from alp._core.reverts cimport OK, REVERT_EMPTY, raise_revert
from alp._core.uint256 cimport (
    u64,
    u128_from_int,
    u128_shl96,
    u128_to_int,
    u160_from_int,
    u256_div,
    u256_fits_128,
    u256_from_int,
    u256_from_limbs,
    u256_from_u128,
    u256_from_u64,
    u256_is_zero,
    u256_le,
    u256_low128,
    u256_lt,
    u256_mul_div,
    u256_sub,
    u256_to_int,
)


cdef inline u256 q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef inline int mul_div_to_u128(u256 a, u256 b, u256 denominator, u128* result) noexcept nogil:
    cdef u256 wide
    cdef int code = u256_mul_div(a, b, denominator, &wide)
    if code == OK and not u256_fits_128(wide):
        return REVERT_EMPTY
    result[0] = u256_low128(wide)
    return code


cdef int liquidity_for_amount0(u256 low, u256 high, u256 amount0, u128* result) noexcept nogil:
    """``amount0 * sqrt(high) * sqrt(low) / (sqrt(high) - sqrt(low))``, for ``low <= high``."""
    cdef u256 intermediate
    cdef int code = u256_mul_div(low, high, q96(), &intermediate)
    if code != OK:
        return code
    return mul_div_to_u128(amount0, intermediate, u256_sub(high, low), result)


cdef int liquidity_for_amount1(u256 low, u256 high, u256 amount1, u128* result) noexcept nogil:
    """``amount1 / (sqrt(high) - sqrt(low))``, for ``low <= high``."""
    return mul_div_to_u128(amount1, q96(), u256_sub(high, low), result)


cdef int liquidity_for_amounts(
    u256 sqrt_price_x96, u256 sqrt_a_x96, u256 sqrt_b_x96, u256 amount0, u256 amount1, u128* result
) noexcept nogil:
    """LiquidityAmounts.getLiquidityForAmounts: the most liquidity both amounts can pay for."""
    cdef u256 low = sqrt_a_x96
    cdef u256 high = sqrt_b_x96
    cdef u128 from_amount1
    cdef int code
    if u256_lt(high, low):
        low, high = high, low
    if u256_le(sqrt_price_x96, low):
        return liquidity_for_amount0(low, high, amount0, result)
    if not u256_lt(sqrt_price_x96, high):
        return liquidity_for_amount1(low, high, amount1, result)
    code = liquidity_for_amount0(sqrt_price_x96, high, amount0, result)
    if code != OK:
        return code
    code = liquidity_for_amount1(low, sqrt_price_x96, amount1, &from_amount1)
    if code == OK and from_amount1 < result[0]:
        result[0] = from_amount1
    return code


cdef int amount0_for_liquidity(u256 low, u256 high, u128 liquidity, u256* amount0) noexcept nogil:
    cdef u256 quotient
    cdef bint inexact
    cdef int code = u256_mul_div(u128_shl96(liquidity), u256_sub(high, low), high, &quotient)
    if code != OK:
        return code
    if u256_is_zero(low):
        return REVERT_EMPTY
    amount0[0] = u256_div(quotient, low, &inexact)
    return OK


cdef int amount1_for_liquidity(u256 low, u256 high, u128 liquidity, u256* amount1) noexcept nogil:
    return u256_mul_div(u256_from_u128(liquidity), u256_sub(high, low), q96(), amount1)


cdef int amounts_for_liquidity(
    u256 sqrt_price_x96, u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity,
    u256* amount0, u256* amount1
) noexcept nogil:
    """LiquidityAmounts.getAmountsForLiquidity: what the liquidity is worth, rounded down."""
    cdef u256 low = sqrt_a_x96
    cdef u256 high = sqrt_b_x96
    cdef int code
    if u256_lt(high, low):
        low, high = high, low
    amount0[0] = u256_from_u64(0)
    amount1[0] = u256_from_u64(0)
    if u256_le(sqrt_price_x96, low):
        return amount0_for_liquidity(low, high, liquidity, amount0)
    if not u256_lt(sqrt_price_x96, high):
        return amount1_for_liquidity(low, high, liquidity, amount1)
    code = amount0_for_liquidity(sqrt_price_x96, high, liquidity, amount0)
    if code != OK:
        return code
    return amount1_for_liquidity(low, sqrt_price_x96, liquidity, amount1)


def get_liquidity_for_amounts(
    sqrt_price_x96: int, sqrt_a_x96: int, sqrt_b_x96: int, amount0: int, amount1: int
) -> int:
    """Most liquidity the amounts can pay for (LiquidityAmounts.getLiquidityForAmounts).

    Raises
    ------
    Revert
        The range is empty where it divides, or the liquidity needs more than 128 bits.
    """
    cdef u128 result = 0
    raise_revert(
        liquidity_for_amounts(
            u160_from_int(sqrt_price_x96),
            u160_from_int(sqrt_a_x96),
            u160_from_int(sqrt_b_x96),
            u256_from_int(amount0),
            u256_from_int(amount1),
            &result,
        )
    )
    return u128_to_int(result)


def get_amounts_for_liquidity(
    sqrt_price_x96: int, sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int
) -> tuple[int, int]:
    """Token amounts of the liquidity, rounded down (LiquidityAmounts.getAmountsForLiquidity).

    Raises
    ------
    Revert
        A price is zero where the contract divides by it.
    """
    cdef u256 amount0, amount1
    raise_revert(
        amounts_for_liquidity(
            u160_from_int(sqrt_price_x96),
            u160_from_int(sqrt_a_x96),
            u160_from_int(sqrt_b_x96),
            u128_from_int(liquidity),
            &amount0,
            &amount1,
        )
    )
    return u256_to_int(amount0), u256_to_int(amount1)
