"""SqrtPriceMath beyond what a swap needs, and the libraries as Python functions."""

from alp._core.reverts cimport raise_revert
from alp._core.uint256 cimport (
    c_int,
    i128_from_int,
    i256_from_int,
    u128_from_int,
    u128_to_int,
    u160_from_int,
    u256_div,
    u256_fits_160,
    u256_from_int,
    u256_low160,
    u256_mul_overflows,
    u256_to_int,
)


cdef inline u256 q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef int next_sqrt_price_from_amount0(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil:
    """SqrtPriceMath.getNextSqrtPriceFromAmount0RoundingUp."""
    cdef u256 numerator = u128_shl96(liquidity)
    cdef u256 product, denominator
    cdef u64 carry
    cdef bint overflow, inexact
    cdef int code
    if u256_is_zero(amount):
        result[0] = sqrt_price_x96
        return OK
    overflow = u256_mul_overflows(amount, sqrt_price_x96, &product)
    if not add:
        if overflow or not u256_lt(product, numerator):
            return REVERT_EMPTY
        denominator = u256_sub(numerator, product)
        code = u256_mul_div_up(numerator, sqrt_price_x96, denominator, result)
        return REVERT_EMPTY if code == OK and not u256_fits_160(result[0]) else code
    if not overflow:
        denominator = u256_add_carry(numerator, product, &carry)
        if carry == 0:
            code = u256_mul_div_up(numerator, sqrt_price_x96, denominator, result)
            result[0] = u256_low160(result[0])
            return code
    denominator = u256_add_carry(u256_div(numerator, sqrt_price_x96, &inexact), amount, &carry)
    if carry:
        return REVERT_EMPTY
    result[0] = u256_div(numerator, denominator, &inexact)
    if inexact:
        result[0] = u256_add_u64(result[0], 1)
    result[0] = u256_low160(result[0])
    return OK


cdef int next_sqrt_price_from_amount1(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil:
    """SqrtPriceMath.getNextSqrtPriceFromAmount1RoundingDown."""
    cdef u256 quotient
    cdef u64 carry
    cdef int code = OK
    if add:
        code = u256_mul_div(amount, q96(), u256_from_u128(liquidity), &quotient)
        if code != OK:
            return code
        result[0] = u256_add_carry(sqrt_price_x96, quotient, &carry)
        return REVERT_EMPTY if carry or not u256_fits_160(result[0]) else OK
    if liquidity == 0 and u256_fits_160(amount):
        quotient = u256_from_u64(0)  # UnsafeMath divides by zero to zero
    else:
        code = u256_mul_div_up(amount, q96(), u256_from_u128(liquidity), &quotient)
        if code != OK:
            return code
    if not u256_lt(quotient, sqrt_price_x96):
        return REVERT_EMPTY
    result[0] = u256_sub(sqrt_price_x96, quotient)
    return OK


cdef inline int next_sqrt_price(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint zero_for_one, bint exact_in,
    u256* result
) noexcept nogil:
    """SqrtPriceMath.getNextSqrtPriceFromInput and getNextSqrtPriceFromOutput."""
    if u256_is_zero(sqrt_price_x96) or liquidity == 0:
        return REVERT_EMPTY
    if zero_for_one == exact_in:
        return next_sqrt_price_from_amount0(sqrt_price_x96, liquidity, amount, exact_in, result)
    return next_sqrt_price_from_amount1(sqrt_price_x96, liquidity, amount, exact_in, result)


def get_next_sqrt_price_from_amount0_rounding_up(
    sqrt_price_x96: int, liquidity: int, amount: int, add: bool
) -> int:
    """Price after adding or removing ``amount`` of token0; Revert as the contract."""
    cdef u256 result
    raise_revert(
        next_sqrt_price_from_amount0(
            u160_from_int(sqrt_price_x96), u128_from_int(liquidity), u256_from_int(amount),
            add, &result,
        )
    )
    return u256_to_int(result)


def get_next_sqrt_price_from_amount1_rounding_down(
    sqrt_price_x96: int, liquidity: int, amount: int, add: bool
) -> int:
    """Price after adding or removing ``amount`` of token1; Revert as the contract."""
    cdef u256 result
    raise_revert(
        next_sqrt_price_from_amount1(
            u160_from_int(sqrt_price_x96), u128_from_int(liquidity), u256_from_int(amount),
            add, &result,
        )
    )
    return u256_to_int(result)


def get_next_sqrt_price_from_input(
    sqrt_price_x96: int, liquidity: int, amount_in: int, zero_for_one: bool
) -> int:
    """Price after an input of ``amount_in``; Revert as the contract."""
    cdef u256 result
    raise_revert(
        next_sqrt_price(
            u160_from_int(sqrt_price_x96), u128_from_int(liquidity), u256_from_int(amount_in),
            zero_for_one, True, &result,
        )
    )
    return u256_to_int(result)


def get_next_sqrt_price_from_output(
    sqrt_price_x96: int, liquidity: int, amount_out: int, zero_for_one: bool
) -> int:
    """Price after an output of ``amount_out``; Revert as the contract."""
    cdef u256 result
    raise_revert(
        next_sqrt_price(
            u160_from_int(sqrt_price_x96), u128_from_int(liquidity), u256_from_int(amount_out),
            zero_for_one, False, &result,
        )
    )
    return u256_to_int(result)


def get_amount0_delta(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int, round_up: bool) -> int:
    """Token0 between two prices (SqrtPriceMath.getAmount0Delta); Revert for a price of zero."""
    cdef u256 a = u160_from_int(sqrt_a_x96)
    cdef u256 b = u160_from_int(sqrt_b_x96)
    if u256_is_zero(a) or u256_is_zero(b):
        raise_revert(REVERT_EMPTY)
    return u256_to_int(amount0_delta(a, b, u128_from_int(liquidity), round_up))


def get_amount1_delta(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int, round_up: bool) -> int:
    """Token1 between two prices (SqrtPriceMath.getAmount1Delta)."""
    return u256_to_int(
        amount1_delta(
            u160_from_int(sqrt_a_x96), u160_from_int(sqrt_b_x96), u128_from_int(liquidity), round_up
        )
    )


def get_amount0_delta_signed(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int) -> int:
    """Token0 owed for a liquidity change; what leaves the pool is negative and rounded down."""
    cdef i128 delta = i128_from_int(liquidity)
    cdef u256 a = u160_from_int(sqrt_a_x96)
    cdef u256 b = u160_from_int(sqrt_b_x96)
    if u256_is_zero(a) or u256_is_zero(b):
        raise_revert(REVERT_EMPTY)
    if delta < 0:
        return -u256_to_int(amount0_delta(a, b, <u128>(-delta), False))
    return u256_to_int(amount0_delta(a, b, <u128>delta, True))


def get_amount1_delta_signed(sqrt_a_x96: int, sqrt_b_x96: int, liquidity: int) -> int:
    """Token1 owed for a liquidity change; what leaves the pool is negative and rounded down."""
    cdef i128 delta = i128_from_int(liquidity)
    cdef u256 a = u160_from_int(sqrt_a_x96)
    cdef u256 b = u160_from_int(sqrt_b_x96)
    if delta < 0:
        return -u256_to_int(amount1_delta(a, b, <u128>(-delta), False))
    return u256_to_int(amount1_delta(a, b, <u128>delta, True))


def compute_step(
    sqrt_price_x96: int, target_x96: int, liquidity: int, amount_remaining: int, fee_pips: int
) -> tuple[int, int, int, int]:
    """One step within constant liquidity (SwapMath.computeSwapStep).

    Returns
    -------
    tuple of int
        Price reached, amount in (without fee), amount out, fee amount.

    Raises
    ------
    Revert
        As the contract, always without a reason.
    """
    cdef SwapStep step
    cdef u256 current = u160_from_int(sqrt_price_x96)
    cdef u256 target = u160_from_int(target_x96)
    if not 0 <= fee_pips <= PIPS:
        raise_revert(REVERT_EMPTY)
    if u256_is_zero(current) or u256_is_zero(target):
        raise_revert(REVERT_EMPTY)
    raise_revert(
        compute_swap_step(
            current, target, u128_from_int(liquidity), i256_from_int(amount_remaining),
            c_int(fee_pips), &step,
        )
    )
    return (
        u256_to_int(step.sqrt_price_next_x96),
        u256_to_int(step.amount_in),
        u256_to_int(step.amount_out),
        u256_to_int(step.fee_amount),
    )


def add_liquidity_delta(liquidity: int, delta: int) -> int:
    """Liquidity after a signed change (LiquidityMath.addDelta); Revert ``LS`` or ``LA``."""
    cdef u128 result = 0
    raise_revert(add_delta(u128_from_int(liquidity), i128_from_int(delta), &result))
    return u128_to_int(result)
