"""Wide integers to the nearest double, and prices times the root of a ratio: exact roundings.

Models and records see token amounts as floats. They are the floats Python's own division of two
ints gives, so that a number reads the same whoever computed it.
"""

from libc.math cimport ldexp, sqrt

from alp._core.reverts cimport OK
from alp._core.uint256 cimport (
    limbs_multiply, u64, u128, u256, u256_add, u256_add_u64, u256_eq, u256_from_int, u256_from_u64,
    u256_is_zero, u256_low128, u256_lt, u256_mul_div, u256_mul_overflows, u256_msb,
    u256_to_int, u160_from_int,
)

cdef enum:
    # More bits than a double's 53 and one to round by; what is below them only breaks ties.
    QUOTIENT_BITS = 64


cdef inline u256 _shift_left(u256 value, int bits) noexcept nogil:
    cdef u256 power = u256_from_u64(0)
    power.w[bits >> 6] = <u64>1 << (bits & 63)
    u256_mul_overflows(value, power, &value)
    return value


cdef double nearest_ratio(u256 numerator, u256 denominator) noexcept nogil:
    cdef u256 factor = u256_from_u64(1)
    cdef u256 quotient, back, whole
    cdef u128 digits
    cdef int raised, shift
    if u256_is_zero(numerator):
        return 0.0
    # With the numerator's highest bit at 255, the quotient gets at least QUOTIENT_BITS of them.
    raised = 255 - u256_msb(numerator)
    numerator = _shift_left(numerator, raised)
    shift = QUOTIENT_BITS + u256_msb(denominator) - 255
    if shift >= 0:
        factor = _shift_left(factor, shift)
    else:
        denominator = _shift_left(denominator, -shift)
    u256_mul_div(numerator, factor, denominator, &quotient)
    digits = u256_low128(quotient)
    # A remainder, which fits 256 bits as the denominator does, breaks a tie upwards.
    u256_mul_overflows(quotient, denominator, &back)
    u256_mul_overflows(numerator, factor, &whole)
    if not u256_eq(back, whole):
        digits |= 1
    return ldexp(<double>digits, -shift - raised)


cdef double nearest_double(u256 value) noexcept nogil:
    if (value.w[2] | value.w[3]) == 0:
        return <double>u256_low128(value)
    return nearest_ratio(value, u256_from_u64(1))


cdef bint square_exceeds(u256 a, u64 times_a, u256 b, u64 times_b) noexcept nogil:
    cdef u64 square[6]
    cdef u64 left[7]
    cdef u64 right[7]
    cdef int i
    limbs_multiply(square, a.w, 3, a.w, 3)
    limbs_multiply(left, square, 6, &times_a, 1)
    limbs_multiply(square, b.w, 3, b.w, 3)
    limbs_multiply(right, square, 6, &times_b, 1)
    for i in range(6, -1, -1):
        if left[i] != right[i]:
            return left[i] > right[i]
    return False


cdef inline u256 _half(u256 value) noexcept nogil:
    cdef int i
    for i in range(3):
        value.w[i] = (value.w[i] >> 1) | (value.w[i + 1] << 63)
    value.w[3] >>= 1
    return value


cdef inline u256 _newton_step(
    u256 root, u256 price, u256 numerators, u64 denominator
) noexcept nogil:
    cdef u256 divisor, quotient
    u256_mul_overflows(root, u256_from_u64(denominator), &divisor)
    if u256_mul_div(price, numerators, divisor, &quotient) != OK:
        return root
    return _half(u256_add(root, quotient))


cdef u256 scaled_root(u256 price, u64 numerator, u64 denominator) noexcept nogil:
    """Newton's steps from a double: after the first they come down to the root and stop there."""
    cdef u256 root, following, numerators
    cdef double estimate = 4294967296.0 * sqrt(<double>numerator / <double>denominator)
    u256_mul_div(price, u256_from_u64(<u64>estimate), u256_from_u64(<u64>1 << 32), &root)
    u256_mul_overflows(price, u256_from_u64(numerator), &numerators)
    following = _newton_step(u256_add_u64(root, 1), price, numerators, denominator)
    while True:
        root = following
        following = _newton_step(root, price, numerators, denominator)
        if not u256_lt(following, root):
            return root


def ratio_to_float(numerator, denominator):
    """Return ``numerator / denominator`` of unsigned 256-bit integers, correctly rounded.

    Raises
    ------
    ZeroDivisionError
        If the denominator is zero.
    """
    cdef u256 divisor = u256_from_int(denominator)
    if u256_is_zero(divisor):
        raise ZeroDivisionError("division by zero")
    return nearest_ratio(u256_from_int(numerator), divisor)


def price_times_root(sqrt_price_x96, u64 numerator, u64 denominator):
    """Return ``isqrt(sqrt_price_x96**2 * numerator // denominator)``.

    Parameters
    ----------
    sqrt_price_x96
        At most 160 bits.
    numerator, denominator
        Positive, below 2**62.
    """
    return u256_to_int(scaled_root(u160_from_int(sqrt_price_x96), numerator, denominator))
