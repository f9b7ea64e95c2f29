"""SqrtPriceMath, SwapMath and LiquidityMath, exact, with as few long divisions as the result allows.

Where this differs from the contract's text, and why the integers are the same:

* ``amount0_delta`` divides once by the product of both prices: nested floors (and nested ceilings)
  of a quotient equal the single floor (ceiling).
* ``compute_swap_step`` with an exact input first finds where the whole input would take the price.
  Strictly short of the target, that is the contract's answer: an input large enough for the
  target would have been rounded to the target or past it. Only otherwise is the amount needed for
  the target computed and compared, as the contract always does.
"""

from alp._core.reverts cimport OK, REVERT_EMPTY, REVERT_LA, REVERT_LS, raise_revert
from alp._core.uint256 cimport (
    divide_2by1,
    i128_from_int,
    i256_from_int,
    i256_is_negative,
    i256_to_int,
    limbs_divide,
    limbs_multiply,
    limbs_used,
    u64,
    u128_from_int,
    u128_shl96,
    u128_to_int,
    u160_from_int,
    u256_add_carry,
    u256_add_u64,
    u256_div,
    u256_eq,
    u256_fits_160,
    u256_from_int,
    u256_from_limbs,
    u256_from_u64,
    u256_from_u128,
    u256_is_zero,
    u256_le,
    u256_low160,
    u256_lt,
    u256_mul_div,
    u256_mul_div_up,
    u256_mul_overflows,
    u256_neg,
    u256_shl96,
    u256_sub,
    u256_to_int,
)

cdef enum:
    PIPS = 1000000


cdef inline u256 q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef int add_delta(u128 x, i128 y, u128* result) noexcept nogil:
    """LiquidityMath.addDelta."""
    cdef u128 z
    if y < 0:
        z = x - <u128>(-y)
        if not z < x:
            return REVERT_LS
    else:
        z = x + <u128>y
        if z < x:
            return REVERT_LA
    result[0] = z
    return OK


cdef u256 amount0_delta(u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity, bint up) noexcept nogil:
    """SqrtPriceMath.getAmount0Delta for prices above zero (the caller has checked)."""
    cdef u256 low = sqrt_a_x96
    cdef u256 high = sqrt_b_x96
    cdef u256 difference
    cdef u64 factor[2]
    cdef u64 product[5]
    cdef u64 numerator[7]
    cdef u64 denominator[6]
    cdef u64 remainder[5]
    cdef u64 quotient[7]
    cdef u256 result = u256_from_u64(0)
    cdef bint inexact = False
    cdef int i, n, d
    if u256_lt(high, low):
        low, high = high, low
    difference = u256_sub(high, low)
    factor[0] = <u64>liquidity
    factor[1] = <u64>(liquidity >> 64)
    limbs_multiply(product, difference.w, 3, factor, 2)
    numerator[0] = 0
    numerator[1] = product[0] << 32
    for i in range(1, 5):
        numerator[i + 1] = (product[i] << 32) | (product[i - 1] >> 32)
    limbs_multiply(denominator, low.w, 3, high.w, 3)
    n = limbs_used(numerator, 6)
    d = limbs_used(denominator, 5)
    if n < d:
        inexact = n > 0
    else:
        limbs_divide(quotient, remainder, numerator, n, denominator, d)
        for i in range(min(n - d + 1, 4)):
            result.w[i] = quotient[i]
        for i in range(d):
            inexact |= remainder[i] != 0
    if up and inexact:
        result = u256_add_u64(result, 1)
    return result


cdef u256 amount1_delta(u256 sqrt_a_x96, u256 sqrt_b_x96, u128 liquidity, bint up) noexcept nogil:
    """SqrtPriceMath.getAmount1Delta: ``liquidity * |b - a| / 2**96``."""
    cdef u256 difference
    cdef u64 factor[2]
    cdef u64 product[5]
    cdef u256 result
    if u256_lt(sqrt_a_x96, sqrt_b_x96):
        difference = u256_sub(sqrt_b_x96, sqrt_a_x96)
    else:
        difference = u256_sub(sqrt_a_x96, sqrt_b_x96)
    factor[0] = <u64>liquidity
    factor[1] = <u64>(liquidity >> 64)
    limbs_multiply(product, difference.w, 3, factor, 2)
    result = u256_from_limbs(
        (product[1] >> 32) | (product[2] << 32),
        (product[2] >> 32) | (product[3] << 32),
        (product[3] >> 32) | (product[4] << 32),
        product[4] >> 32,
    )
    if up and (product[0] | (product[1] & <u64>0xFFFFFFFF)) != 0:
        result = u256_add_u64(result, 1)
    return result


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


cdef inline u256 input_delta(u256 a, u256 b, u128 liquidity, bint zero_for_one) noexcept nogil:
    """What the pool receives between two prices, rounded up."""
    if zero_for_one:
        return amount0_delta(a, b, liquidity, True)
    return amount1_delta(a, b, liquidity, True)


cdef inline u256 output_delta(u256 a, u256 b, u128 liquidity, bint zero_for_one) noexcept nogil:
    """What the pool pays between two prices, rounded down."""
    if zero_for_one:
        return amount1_delta(a, b, liquidity, False)
    return amount0_delta(a, b, liquidity, False)


cdef int compute_swap_step(
    u256 current_x96, u256 target_x96, u128 liquidity, i256 amount_remaining, u32 fee_pips,
    SwapStep* step
) noexcept nogil:
    """SwapMath.computeSwapStep for prices above zero and a fee of at most 1e6 pips."""
    cdef bint zero_for_one = u256_le(target_x96, current_x96)
    cdef u256 amount
    cdef int code
    if i256_is_negative(amount_remaining):
        amount = u256_neg(amount_remaining)
        step.amount_out = output_delta(current_x96, target_x96, liquidity, zero_for_one)
        if u256_le(step.amount_out, amount):
            step.sqrt_price_next_x96 = target_x96
        else:
            code = next_sqrt_price(
                current_x96, liquidity, amount, zero_for_one, False, &step.sqrt_price_next_x96
            )
            if code != OK:
                return code
            if not u256_eq(step.sqrt_price_next_x96, target_x96):
                step.amount_out = output_delta(
                    current_x96, step.sqrt_price_next_x96, liquidity, zero_for_one
                )
            if u256_lt(amount, step.amount_out):
                step.amount_out = amount
        step.amount_in = input_delta(
            current_x96, step.sqrt_price_next_x96, liquidity, zero_for_one
        )
        return fee_on_top(step, fee_pips)
    return exact_input_step(
        current_x96, target_x96, liquidity, amount_remaining, fee_pips, zero_for_one, step
    )


cdef inline int fee_on_top(SwapStep* step, u32 fee_pips) noexcept nogil:
    return u256_mul_div_up(
        step.amount_in, u256_from_u64(fee_pips), u256_from_u64(PIPS - fee_pips), &step.fee_amount
    )


cdef inline int exact_input_step(
    u256 current_x96, u256 target_x96, u128 liquidity, u256 amount_remaining, u32 fee_pips,
    bint zero_for_one, SwapStep* step
) noexcept nogil:
    cdef u256 amount
    cdef int code = u256_mul_div(
        amount_remaining, u256_from_u64(PIPS - fee_pips), u256_from_u64(PIPS), &amount
    )
    if code != OK:
        return code
    step.amount_in = input_delta(current_x96, target_x96, liquidity, zero_for_one)
    if u256_le(step.amount_in, amount):
        step.sqrt_price_next_x96 = target_x96
    else:
        code = next_sqrt_price(
            current_x96, liquidity, amount, zero_for_one, True, &step.sqrt_price_next_x96
        )
        if code != OK:
            return code
    step.amount_out = output_delta(current_x96, step.sqrt_price_next_x96, liquidity, zero_for_one)
    if u256_eq(step.sqrt_price_next_x96, target_x96):
        return fee_on_top(step, fee_pips)
    step.amount_in = input_delta(current_x96, step.sqrt_price_next_x96, liquidity, zero_for_one)
    step.fee_amount = u256_sub(amount_remaining, step.amount_in)
    return OK


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
            fee_pips, &step,
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
