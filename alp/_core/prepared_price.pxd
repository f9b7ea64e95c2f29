"""A sqrt price made ready to divide by: what a replay asks of the same price many times.

Amounts between two prices are those of the periphery's LiquidityAmounts, rounded down.
"""

from alp._core.division cimport (
    Divisor,
    divide_near,
    divide_prepared,
    divide_six_prepared,
    divisor_of,
)
from alp._core.swapmath cimport amount0_over, amount1_over, multiply_by_u128, shift_left_96
from alp._core.uint256 cimport (
    limbs_multiply,
    u64,
    u128,
    u128_to_double,
    u256,
    u256_fits_128,
    u256_from_u64,
    u256_le,
    u256_low128,
    u256_lt,
    u256_sub,
    u256_to_double,
)

cdef struct Price:
    u256 x96
    double near                 # the price as a double
    bint short                  # at most 128 bits
    bint prepared
    Divisor by                  # the price itself; where it is short and prepared


cdef inline Price price_of(u256 x96) noexcept nogil:
    """``x96`` must not be zero."""
    cdef Price price
    price.x96 = x96
    price.near = u256_to_double(x96)
    price.short = u256_fits_128(x96)
    price.prepared = False
    return price


cdef inline void prepare(Price* price) noexcept nogil:
    """Make a short price ready to divide by."""
    if not price.prepared:
        price.by = divisor_of(u256_low128(price.x96))
        price.prepared = True


cdef inline double _two_to_96() noexcept nogil:
    return 79228162514264337593543950336.0


cdef inline double _two_to_62() noexcept nogil:
    return 4611686018427387904.0


cdef inline u256 amount0_between(Price* low, Price* high, u128 liquidity) noexcept nogil:
    """``floor(liquidity * 2**96 * (high - low) / (high * low))``, for ``low <= high``.

    The floors of two divisions in a row are the floor of the one by the product.
    """
    cdef u64 product[5]
    cdef u64 n[6]
    cdef u64 divisor[4]
    cdef bint inexact
    cdef u256 quotient
    cdef double estimate
    cdef u256 span = u256_sub(high.x96, low.x96)
    if not (low.short and high.short):
        return amount0_over(low.x96, high.x96, span, liquidity, False)
    multiply_by_u128(product, span, liquidity)
    shift_left_96(n, product)
    estimate = u128_to_double(liquidity) * (u256_to_double(span) * _two_to_96())
    estimate /= high.near * low.near
    if estimate < _two_to_62():
        limbs_multiply(divisor, high.x96.w, 2, low.x96.w, 2)
        return u256_from_u64(divide_near(n, divisor, estimate))
    prepare(low)
    prepare(high)
    # Below liquidity * 2**96, since the span is below the higher price.
    quotient = divide_six_prepared(n, &high.by)
    return divide_prepared(
        &low.by, quotient.w[0], quotient.w[1], quotient.w[2], quotient.w[3], &inexact
    )


cdef inline u256 amount1_between(
    const Price* low, const Price* high, u128 liquidity
) noexcept nogil:
    """``floor(liquidity * (high - low) / 2**96)``, for ``low <= high``."""
    return amount1_over(u256_sub(high.x96, low.x96), liquidity, False)


cdef inline bint price_lt(const Price* a, const Price* b) noexcept nogil:
    return u256_lt(a.x96, b.x96)


cdef inline bint price_le(const Price* a, const Price* b) noexcept nogil:
    return u256_le(a.x96, b.x96)
