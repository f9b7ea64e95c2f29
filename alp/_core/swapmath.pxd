"""SqrtPriceMath, SwapMath and LiquidityMath, exact, with as few long divisions as they allow.

The functions a swap needs are inline here, the rest is in ``swapmath.pyx``. Functions that can
revert return a code of ``reverts``. Where this departs from the contract's text, the integers are
the same:

* Token0 between two prices is one fraction, ``liquidity * 2**96 * |b - a| / (a * b)``: nested
  floors (or ceilings) of a quotient equal the single floor (ceiling).
* "Is the amount enough to reach the target" is asked of the fraction by multiplication.
* An exact input ``x`` that stops short of the target at ``q = ceil(Q)`` pays exactly ``x``:
  it owes ``ceil(x - n * (q - Q) / (q * Q))`` with ``n = liquidity * 2**96``, and what is taken off
  ``x`` is below one where ``n <= q * (q - 1)`` (for token1, where ``liquidity <= 2**96``).
* An exact output that stops short pays exactly what was asked: rounding favours the pool, so the
  contract's cap always applies.
"""

from alp._core.division cimport (
    Divisor,
    divide_limbs,
    divide_prepared,
    divide_u128,
    divisor_of,
)
from alp._core.reverts cimport OK, REVERT_EMPTY, REVERT_LA, REVERT_LS
from alp._core.uint256 cimport (
    clz64,
    i128,
    i256,
    i256_is_negative,
    limbs_multiply,
    limbs_used,
    u32,
    u64,
    u128,
    u128_shl96,
    u128_to_double,
    u256,
    u256_add_carry,
    u256_add_u64,
    u256_eq,
    u256_fits_128,
    u256_fits_160,
    u256_from_limbs,
    u256_from_u64,
    u256_from_u128,
    u256_is_zero,
    u256_le,
    u256_low128,
    u256_lt,
    u256_mul_div,
    u256_mul_div_up,
    u256_neg,
    u256_shl128_div,
    u256_sub,
    u256_to_double,
)

cdef enum:
    PIPS = 1000000

cdef struct SwapStep:
    u256 sqrt_price_next_x96
    u256 amount_in
    u256 amount_out
    u256 fee_amount

cdef struct Fraction:
    u64 numerator[6]
    u64 denominator[6]


cdef int next_sqrt_price_from_amount0(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil
cdef int next_sqrt_price_from_amount1(
    u256 sqrt_price_x96, u128 liquidity, u256 amount, bint add, u256* result
) noexcept nogil


cdef inline int add_delta(u128 x, i128 y, u128* result) noexcept nogil:
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


cdef inline void multiply_by_u128(u64* product, u256 a, u128 b) noexcept nogil:
    """Five limbs: a 160-bit value times a 128-bit one."""
    cdef u64 factor[2]
    factor[0] = <u64>b
    factor[1] = <u64>(b >> 64)
    if factor[1] == 0:
        limbs_multiply(product, a.w, 3, factor, 1)
        product[4] = 0
    else:
        limbs_multiply(product, a.w, 3, factor, 2)


cdef inline void shift_left_96(u64* result, const u64* a) noexcept nogil:
    """Six limbs from five whose product with 2**96 fits 384 bits."""
    result[0] = 0
    result[1] = a[0] << 32
    result[2] = (a[1] << 32) | (a[0] >> 32)
    result[3] = (a[2] << 32) | (a[1] >> 32)
    result[4] = (a[3] << 32) | (a[2] >> 32)
    result[5] = (a[4] << 32) | (a[3] >> 32)


cdef inline u256 divide_to_u256(
    const u64* numerator, const u64* denominator, int denominator_limbs, bint up
) noexcept nogil:
    """Quotient of six limbs, known to fit 256 bits, rounded down or up."""
    cdef u64 quotient[7]
    cdef u256 result = u256_from_u64(0)
    cdef int n = limbs_used(numerator, 6)
    cdef int d = limbs_used(denominator, denominator_limbs)
    cdef bint inexact = n > 0
    if n >= d:
        quotient[1] = quotient[2] = quotient[3] = 0
        inexact = divide_limbs(quotient, numerator, n, denominator, d)
        result = u256_from_limbs(quotient[0], quotient[1], quotient[2], quotient[3])
    if up and inexact:
        return u256_add_u64(result, 1)
    return result


cdef inline u256 distance(u256 a, u256 b) noexcept nogil:
    return u256_sub(b, a) if u256_lt(a, b) else u256_sub(a, b)


cdef inline Fraction amount0_fraction(
    u256 a_x96, u256 b_x96, u256 span, u128 liquidity
) noexcept nogil:
    """Token0 between two prices ``span`` apart, before rounding."""
    cdef Fraction result
    cdef u64 product[5]
    multiply_by_u128(product, span, liquidity)
    shift_left_96(result.numerator, product)
    limbs_multiply(result.denominator, a_x96.w, 3, b_x96.w, 3)
    return result


cdef inline int compare_fraction(const Fraction* fraction, u128 amount) noexcept nogil:
    """The sign of ``numerator - amount * denominator``."""
    cdef u64 factor[2]
    cdef u64 product[7]
    cdef int i
    factor[0] = <u64>amount
    factor[1] = <u64>(amount >> 64)
    limbs_multiply(product, fraction.denominator, 5, factor, 2)
    if product[6] != 0:
        return -1
    for i in range(5, -1, -1):
        if fraction.numerator[i] != product[i]:
            return 1 if fraction.numerator[i] > product[i] else -1
    return 0


cdef inline int compare_amount0(
    const u256* a_x96, const u256* b_x96, const u256* span, u128 liquidity, u128 amount
) noexcept nogil:
    """The sign of (token0 between two prices) - ``amount``, before any rounding.

    Doubles decide where they can: they err by less than one part in 2**46.
    """
    cdef double q96 = 79228162514264337593543950336.0
    cdef double needed = u256_to_double(span[0]) * u128_to_double(liquidity) * q96
    cdef double given = u256_to_double(a_x96[0]) * u256_to_double(b_x96[0]) * u128_to_double(amount)
    cdef Fraction fraction
    if needed > given * (1.0 + 1e-12):
        return 1
    if given > needed * (1.0 + 1e-12):
        return -1
    fraction = amount0_fraction(a_x96[0], b_x96[0], span[0], liquidity)
    return compare_fraction(&fraction, amount)


cdef inline u256 amount0_over(
    u256 a_x96, u256 b_x96, u256 span, u128 liquidity, bint up
) noexcept nogil:
    cdef Fraction fraction = amount0_fraction(a_x96, b_x96, span, liquidity)
    return divide_to_u256(fraction.numerator, fraction.denominator, 5, up)


cdef inline u256 amount1_over(u256 span, u128 liquidity, bint up) noexcept nogil:
    """``liquidity * span / 2**96``."""
    cdef u64 product[5]
    cdef u256 result
    multiply_by_u128(product, span, liquidity)
    result = u256_from_limbs(
        (product[1] >> 32) | (product[2] << 32),
        (product[2] >> 32) | (product[3] << 32),
        (product[3] >> 32) | (product[4] << 32),
        product[4] >> 32,
    )
    if up and (product[0] | (product[1] << 32)) != 0:
        return u256_add_u64(result, 1)
    return result


cdef inline u256 amount0_delta(u256 a_x96, u256 b_x96, u128 liquidity, bint up) noexcept nogil:
    """SqrtPriceMath.getAmount0Delta for prices above zero (the caller has checked)."""
    return amount0_over(a_x96, b_x96, distance(a_x96, b_x96), liquidity, up)


cdef inline u256 amount1_delta(u256 a_x96, u256 b_x96, u128 liquidity, bint up) noexcept nogil:
    """SqrtPriceMath.getAmount1Delta."""
    return amount1_over(distance(a_x96, b_x96), liquidity, up)


cdef inline int amount_less_fee(u256 amount, u32 fee_pips, u256* result) noexcept nogil:
    """``mulDiv(amount, 1e6 - fee, 1e6)``."""
    cdef u64 rest
    cdef u64 kept = PIPS - fee_pips
    if (amount.w[3] | amount.w[2] | amount.w[1] >> 44) == 0:
        if (amount.w[1] | amount.w[0] >> 44) == 0:
            result[0] = u256_from_u64(amount.w[0] * kept // PIPS)
        else:
            result[0] = u256_from_u128(divide_u128(u256_low128(amount) * kept, PIPS, &rest))
        return OK
    return u256_mul_div(amount, u256_from_u64(kept), u256_from_u64(PIPS), result)


cdef inline int fee_on_top(SwapStep* step, u32 fee_pips) noexcept nogil:
    """``mulDivRoundingUp(amountIn, fee, 1e6 - fee)``."""
    cdef u256 amount = step.amount_in
    cdef u64 kept = PIPS - fee_pips
    cdef u64 rest
    cdef u128 fee
    if kept != 0 and (amount.w[3] | amount.w[2] | amount.w[1] >> 44) == 0:
        if (amount.w[1] | amount.w[0] >> 44) == 0:
            step.fee_amount = u256_from_u64((amount.w[0] * fee_pips + kept - 1) // kept)
        else:
            fee = divide_u128(u256_low128(amount) * <u64>fee_pips, kept, &rest)
            step.fee_amount = u256_from_u128(fee + (rest != 0))
        return OK
    return u256_mul_div_up(
        amount, u256_from_u64(fee_pips), u256_from_u64(kept), &step.fee_amount
    )


cdef inline bint price_along_amount0(
    const u256* price_x96, u128 liquidity, const u256* amount, bint add, u256* result
) noexcept nogil:
    """``ceil(n * p / (n ± amount * p))`` with ``n = liquidity * 2**96``.

    False where the contract would have to look closer: at an overflow or beyond all liquidity.
    """
    cdef u64 product[5]
    cdef u64 numerator[6]
    cdef u256 moved, denominator
    cdef u256 n = u128_shl96(liquidity)
    cdef u64 carry = 0
    if not u256_fits_128(amount[0]):
        return False
    multiply_by_u128(product, price_x96[0], u256_low128(amount[0]))
    if product[4] != 0:
        return False
    moved = u256_from_limbs(product[0], product[1], product[2], product[3])
    if add:
        denominator = u256_add_carry(n, moved, &carry)
        if carry:
            return False
    elif u256_lt(moved, n):
        denominator = u256_sub(n, moved)
    else:
        return False
    multiply_by_u128(product, price_x96[0], liquidity)
    shift_left_96(numerator, product)
    result[0] = divide_to_u256(numerator, denominator.w, 4, True)
    return result.w[3] == 0 and result.w[2] >> 32 == 0


cdef inline bint owes_all_of_input0(const u256* price_x96, u128 liquidity) noexcept nogil:
    """Surely ``liquidity * 2**96 <= price * (price - 1)``, by the lengths in bits."""
    cdef int price_bits = 64 - clz64(price_x96.w[0] | 1)
    cdef int liquidity_bits = 64 - clz64(<u64>liquidity | 1)
    if price_x96.w[2]:
        price_bits = 192 - clz64(price_x96.w[2])
    elif price_x96.w[1]:
        price_bits = 128 - clz64(price_x96.w[1])
    if <u64>(liquidity >> 64):
        liquidity_bits = 128 - clz64(<u64>(liquidity >> 64))
    return 2 * price_bits - 3 >= liquidity_bits + 96


cdef inline int take_input0(
    const u256* price_x96, u128 liquidity, const u256* amount, SwapStep* step
) noexcept nogil:
    """Where an input of token0 leads, and what of it is owed."""
    cdef bint quick = price_along_amount0(
        price_x96, liquidity, amount, True, &step.sqrt_price_next_x96
    )
    cdef int code
    if not quick:
        code = next_sqrt_price_from_amount0(
            price_x96[0], liquidity, amount[0], True, &step.sqrt_price_next_x96
        )
        if code != OK:
            return code
    if quick and owes_all_of_input0(&step.sqrt_price_next_x96, liquidity):
        step.amount_in = amount[0]
    else:
        step.amount_in = amount0_delta(step.sqrt_price_next_x96, price_x96[0], liquidity, True)
    return OK


cdef inline int take_input1(
    const u256* price_x96, u128 liquidity, const Divisor* by_liquidity, const u256* amount,
    SwapStep* step
) noexcept nogil:
    """Where an input of token1 leads, ``p + floor(amount * 2**96 / liquidity)``, and what is owed."""
    cdef u256 shifted, moved
    cdef u64 carry
    cdef bint inexact
    cdef int code
    if u256_fits_128(amount[0]):
        shifted = u128_shl96(u256_low128(amount[0]))
        moved = divide_prepared(
            by_liquidity, shifted.w[0], shifted.w[1], shifted.w[2], shifted.w[3], &inexact
        )
        step.sqrt_price_next_x96 = u256_add_carry(price_x96[0], moved, &carry)
        if carry or not u256_fits_160(step.sqrt_price_next_x96):
            return REVERT_EMPTY
    else:
        code = next_sqrt_price_from_amount1(
            price_x96[0], liquidity, amount[0], True, &step.sqrt_price_next_x96
        )
        if code != OK:
            return code
    step.amount_in = amount[0]
    if liquidity >> 96 != 0:
        step.amount_in = amount1_delta(price_x96[0], step.sqrt_price_next_x96, liquidity, True)
    return OK


cdef inline int give_output1(
    const u256* price_x96, u128 liquidity, const Divisor* by_liquidity, const u256* amount,
    u256* result
) noexcept nogil:
    """Where an output of token1 leads: ``p - ceil(amount * 2**96 / liquidity)``."""
    cdef u256 shifted, moved
    cdef bint inexact
    if not u256_fits_128(amount[0]):
        return next_sqrt_price_from_amount1(price_x96[0], liquidity, amount[0], False, result)
    shifted = u128_shl96(u256_low128(amount[0]))
    moved = divide_prepared(
        by_liquidity, shifted.w[0], shifted.w[1], shifted.w[2], shifted.w[3], &inexact
    )
    if inexact:
        moved = u256_add_u64(moved, 1)
    if not u256_lt(moved, price_x96[0]):
        return REVERT_EMPTY
    result[0] = u256_sub(price_x96[0], moved)
    return OK


cdef inline int give_output0(
    const u256* price_x96, u128 liquidity, const u256* amount, u256* result
) noexcept nogil:
    """Where an output of token0 leads."""
    if price_along_amount0(price_x96, liquidity, amount, False, result):
        return OK
    return next_sqrt_price_from_amount0(price_x96[0], liquidity, amount[0], False, result)


cdef inline int fee_growth(u256 fee, const Divisor* by_liquidity, u256* growth_x128) noexcept nogil:
    """``mulDiv(fee, 2**128, liquidity)``, what a fee adds to the growth; reverts past 256 bits."""
    cdef bint inexact
    if not u256_fits_128(fee):
        return u256_shl128_div(fee, by_liquidity.value, growth_x128)
    growth_x128[0] = divide_prepared(by_liquidity, 0, 0, fee.w[0], fee.w[1], &inexact)
    return OK


cdef inline int exact_input_step(
    const u256* current_x96, const u256* target_x96, bint zero_for_one, u128 liquidity,
    const Divisor* by_liquidity, const u256* remaining, u32 fee_pips, SwapStep* step
) noexcept nogil:
    cdef u256 amount
    cdef u256 span
    cdef bint reached
    cdef int code = amount_less_fee(remaining[0], fee_pips, &amount)
    if code != OK:
        return code
    if zero_for_one:
        span = u256_sub(current_x96[0], target_x96[0])
        if u256_fits_128(amount):
            reached = compare_amount0(
                target_x96, current_x96, &span, liquidity, u256_low128(amount)
            ) <= 0
        else:
            reached = u256_le(amount0_over(target_x96[0], current_x96[0], span, liquidity, True), amount)
    else:
        span = u256_sub(target_x96[0], current_x96[0])
        step.amount_in = amount1_over(span, liquidity, True)
        reached = u256_le(step.amount_in, amount)
    if reached:
        step.sqrt_price_next_x96 = target_x96[0]
        if zero_for_one:
            step.amount_in = amount0_over(target_x96[0], current_x96[0], span, liquidity, True)
            step.amount_out = amount1_over(span, liquidity, False)
        else:
            step.amount_out = amount0_over(current_x96[0], target_x96[0], span, liquidity, False)
        return fee_on_top(step, fee_pips)
    if zero_for_one:
        code = take_input0(current_x96, liquidity, &amount, step)
        if code != OK:
            return code
        span = u256_sub(current_x96[0], step.sqrt_price_next_x96)
        step.amount_out = amount1_over(span, liquidity, False)
    else:
        code = take_input1(current_x96, liquidity, by_liquidity, &amount, step)
        if code != OK:
            return code
        span = u256_sub(step.sqrt_price_next_x96, current_x96[0])
        step.amount_out = amount0_over(
            current_x96[0], step.sqrt_price_next_x96, span, liquidity, False
        )
    if u256_eq(step.sqrt_price_next_x96, target_x96[0]):
        return fee_on_top(step, fee_pips)
    step.fee_amount = u256_sub(remaining[0], step.amount_in)
    return OK


cdef inline int exact_output_step(
    const u256* current_x96, const u256* target_x96, bint zero_for_one, u128 liquidity,
    const Divisor* by_liquidity, const u256* amount, u32 fee_pips, SwapStep* step
) noexcept nogil:
    cdef u256 span
    cdef bint reached
    cdef int code = OK
    if zero_for_one:
        span = u256_sub(current_x96[0], target_x96[0])
        step.amount_out = amount1_over(span, liquidity, False)
        reached = u256_le(step.amount_out, amount[0])
    else:
        span = u256_sub(target_x96[0], current_x96[0])
        if amount.w[3] | amount.w[2] | (amount.w[1] >> 63):
            reached = u256_le(amount0_over(current_x96[0], target_x96[0], span, liquidity, False), amount[0])
        else:
            # the floor is at most the amount where the fraction is below the next integer
            reached = compare_amount0(
                current_x96, target_x96, &span, liquidity, u256_low128(amount[0]) + 1
            ) < 0
        if reached:
            step.amount_out = amount0_over(current_x96[0], target_x96[0], span, liquidity, False)
    if reached:
        step.sqrt_price_next_x96 = target_x96[0]
    else:
        step.amount_out = amount[0]
        if liquidity == 0:
            return REVERT_EMPTY
        if zero_for_one:
            code = give_output1(
                current_x96, liquidity, by_liquidity, amount, &step.sqrt_price_next_x96
            )
        else:
            code = give_output0(current_x96, liquidity, amount, &step.sqrt_price_next_x96)
        if code != OK:
            return code
        span = distance(current_x96[0], step.sqrt_price_next_x96)
    if zero_for_one:
        step.amount_in = amount0_over(
            step.sqrt_price_next_x96, current_x96[0], span, liquidity, True
        )
    else:
        step.amount_in = amount1_over(span, liquidity, True)
    return fee_on_top(step, fee_pips)


cdef inline int swap_step(
    const u256* current_x96, const u256* target_x96, bint zero_for_one, u128 liquidity,
    const Divisor* by_liquidity, const i256* amount_remaining, u32 fee_pips, SwapStep* step
) noexcept nogil:
    """``compute_swap_step`` for a caller who knows the direction and has the divisor ready.

    ``by_liquidity`` is not read where ``liquidity`` is 0.
    """
    cdef u256 amount
    if i256_is_negative(amount_remaining[0]):
        amount = u256_neg(amount_remaining[0])
        return exact_output_step(
            current_x96, target_x96, zero_for_one, liquidity, by_liquidity, &amount, fee_pips, step
        )
    return exact_input_step(
        current_x96, target_x96, zero_for_one, liquidity, by_liquidity, amount_remaining,
        fee_pips, step,
    )


cdef inline int compute_swap_step(
    u256 current_x96, u256 target_x96, u128 liquidity, i256 amount_remaining, u32 fee_pips,
    SwapStep* step
) noexcept nogil:
    """SwapMath.computeSwapStep for prices above zero and a fee of at most 1e6 pips."""
    cdef Divisor by_liquidity = divisor_of(liquidity if liquidity else 1)
    return swap_step(
        &current_x96, &target_x96, u256_le(target_x96, current_x96), liquidity, &by_liquidity,
        &amount_remaining, fee_pips, step,
    )
