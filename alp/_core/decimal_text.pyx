"""Decimal numbers between text, integers and doubles, exactly or not at all.

What people write in files is decimal; a double stands for the decimal that ``repr`` writes, the
shortest one that reads back as it. The passages between text, double and that decimal are done in
integers up to 256 bits. Rare cases (powers of two, more than 38 digits, far exponents) are
declined instead of handled: Python has a slower way that is always right.
"""

from libc.math cimport frexp, ldexp, rint

from alp._core.uint256 cimport (
    clz64, limbs_multiply, u64, u128, u256, u256_add, u256_div, u256_eq, u256_from_limbs,
    u256_from_u64, u256_from_u128, u256_is_zero, u256_lt, u256_mul_overflows, u256_sub, u256_to_int,
)

cdef enum:
    MOST_DIGITS = 38            # that fit u128
    MOST_EXACT = 22             # 10**22 is the last power of ten that is a double

cdef u64 POWERS[20]
cdef u256 LONG_POWERS[MOST_POWER + 1]
cdef double EXACT_POWERS[MOST_EXACT + 1]
cdef u64 IMPLICIT_BIT = <u64>1 << 52


cdef void _fill_tables() except *:
    cdef int power
    cdef bint over = False
    LONG_POWERS[0] = u256_from_u64(1)
    EXACT_POWERS[0] = 1.0
    for power in range(1, MOST_POWER + 1):
        over |= u256_mul_overflows(LONG_POWERS[power - 1], u256_from_u64(10), &LONG_POWERS[power])
        if power <= MOST_EXACT:
            EXACT_POWERS[power] = EXACT_POWERS[power - 1] * 10.0
    for power in range(20):
        POWERS[power] = LONG_POWERS[power].w[0]
    assert not over


_fill_tables()


cdef u256 ten_to(int power) noexcept nogil:
    """``10**power`` for a power from 0 to ``MOST_POWER``."""
    return LONG_POWERS[power]


cdef inline bint is_digit(unsigned char letter) noexcept nogil:
    return <unsigned char>(letter - 48) < 10


cdef inline bint read_exponent(
    const unsigned char* at, const unsigned char* end, int* exponent
) noexcept nogil:
    """Read a signed exponent of at most four digits up to `end`, and add it."""
    cdef bint negative = False
    cdef int value = 0
    if at < end and (at[0] == 43 or at[0] == 45):
        negative = at[0] == 45
        at += 1
    if at == end or end - at > 4:
        return False
    while at < end:
        if not is_digit(at[0]):
            return False
        value = value * 10 + (at[0] - 48)
        at += 1
    exponent[0] += -value if negative else value
    return True


cdef bint read_decimal(const unsigned char* text, Py_ssize_t size, Decimal* value) noexcept nogil:
    """Read ``[+-]digits[.digits][e[+-]digits]`` of at most 38 digits, leading zeros not counted."""
    cdef const unsigned char* at = text
    cdef const unsigned char* end = text + size
    cdef const unsigned char* start
    cdef const unsigned char* point
    cdef u64 low = 0
    value.negative = False
    if at < end and (at[0] == 45 or at[0] == 43):
        value.negative = at[0] == 45
        at += 1
    start = at
    while at < end and is_digit(at[0]):
        low = low * 10 + (at[0] - 48)
        at += 1
    point = at
    value.exponent = 0
    if at < end and at[0] == 46:
        at += 1
        while at < end and is_digit(at[0]):
            low = low * 10 + (at[0] - 48)
            at += 1
        value.exponent = <int>(point + 1 - at)
    if at - start == (at != point):
        return False  # no digit
    if at - start <= 19:  # 19 digits, or 18 and a point: fits
        value.mantissa = low
    elif not long_mantissa(start, at, &value.mantissa):
        return False
    if at == end:
        return True
    return at[0] | 32 == 101 and read_exponent(at + 1, end, &value.exponent)


cdef bint long_mantissa(
    const unsigned char* at, const unsigned char* end, u128* mantissa
) noexcept nogil:
    """The digits up to `end` as one number; false for more than 38 behind leading zeros."""
    cdef int digits = 0
    mantissa[0] = 0
    while at < end:
        if at[0] != 46:
            if digits or at[0] != 48:
                digits += 1
            if digits > MOST_DIGITS:
                return False
            mantissa[0] = mantissa[0] * 10 + (at[0] - 48)
        at += 1
    return True


cdef bint read_integer(
    const unsigned char* text, Py_ssize_t size, u256* value, bint* negative
) noexcept nogil:
    """Read ``[-]digits[.zeros]`` of at most 76 digits."""
    cdef const unsigned char* at = text
    cdef const unsigned char* end = text + size
    cdef const unsigned char* start
    cdef u256 total = u256_from_u64(0)
    cdef u64 part = 0
    cdef int held = 0
    negative[0] = at < end and at[0] == 45
    if negative[0]:
        at += 1
    start = at
    while at < end and is_digit(at[0]):
        if held == 19:
            total = with_digits(total, part, held)
            part = 0
            held = 0
        part = part * 10 + (at[0] - 48)
        held += 1
        at += 1
    if at == start or at - start > 76:
        return False
    value[0] = u256_from_u64(part) if at - start <= 19 else with_digits(total, part, held)
    if at < end and at[0] == 46:
        at += 1
        while at < end and at[0] == 48:
            at += 1
    return at == end


cdef u256 with_digits(u256 total, u64 part, int digits) noexcept nogil:
    """``total`` followed by more decimal digits; must fit."""
    cdef u64 product[5]
    limbs_multiply(product, total.w, 4, &POWERS[digits], 1)
    return u256_add(
        u256_from_limbs(product[0], product[1], product[2], product[3]), u256_from_u64(part)
    )


cdef inline bint rounded(u256 value, bint more, int exponent, double* result) noexcept nogil:
    """``(value + something below 1 where `more`) * 2**exponent``, to nearest, ties to even.

    `value` must have more than 54 bits and the result be a normal double.
    """
    cdef int limb = 3
    cdef int drop
    cdef u64 top, rest
    while value.w[limb] == 0:
        limb -= 1
    drop = 64 * limb + 11 - clz64(value.w[limb])
    top = bits_from(value, drop)
    rest = bits_from(value, drop - 1) & 1
    if rest:
        if more or (top & 1) or any_below(value, drop - 1):
            top += 1
    result[0] = ldexp(<double>top, drop + exponent)
    return True


cdef inline u64 bits_from(u256 value, int bit) noexcept nogil:
    """64 bits of `value` from `bit` on."""
    cdef int limb = bit >> 6
    cdef int shift = bit & 63
    cdef u64 high = value.w[limb + 1] if limb < 3 else 0
    return (value.w[limb] >> shift) | (high << 1 << (63 - shift))


cdef inline bint any_below(u256 value, int bit) noexcept nogil:
    cdef int limb = bit >> 6
    cdef int index
    for index in range(limb):
        if value.w[index]:
            return True
    return (value.w[limb] & ((<u64>1 << (bit & 63)) - 1)) != 0


cdef bint decimal_to_double(const Decimal* value, double* result) noexcept nogil:
    """The double nearest to a decimal, ties to even, as ``float`` of its text."""
    cdef u128 mantissa = value.mantissa
    cdef int exponent = value.exponent, shift
    cdef double near
    cdef u256 wide
    cdef bint more = False
    if mantissa == 0:
        near = 0.0
    elif mantissa >> 53 == 0 and -MOST_EXACT <= exponent <= MOST_EXACT:
        near = <double><u64>mantissa  # one rounding of two exact doubles (Clinger 1990)
        near = near * EXACT_POWERS[exponent] if exponent >= 0 else near / EXACT_POWERS[-exponent]
    elif 0 <= exponent <= 38:
        u256_mul_overflows(u256_from_u128(mantissa), LONG_POWERS[exponent], &wide)
        rounded(wide, False, 0, &near)
    elif -55 <= exponent < 0:
        shift = clz64(<u64>(mantissa >> 64)) if mantissa >> 64 else 64 + clz64(<u64>mantissa)
        mantissa <<= shift
        wide = u256_from_limbs(0, 0, <u64>mantissa, <u64>(mantissa >> 64))
        wide = u256_div(wide, LONG_POWERS[-exponent], &more)
        rounded(wide, more, -128 - shift, &near)
    else:
        return False
    result[0] = -near if value.negative else near
    return True


cdef inline bint short_decimal(double value, u64* mantissa, int* exponent) noexcept nogil:
    """A decimal of at most 15 digits that reads as `value`; there is never more than one."""
    cdef int binary, places
    cdef double scaled
    frexp(value, &binary)
    places = 15 - (((binary - 1) * 1233) >> 12)  # 1233 / 4096 is nearly log10(2)
    for places in range(places, places - 3, -1):
        if places > MOST_EXACT:
            places = MOST_EXACT
        if places < -MOST_EXACT:
            return False
        if places >= 0:
            scaled = rint(value * EXACT_POWERS[places])
            if scaled <= 1e15:
                mantissa[0] = <u64>scaled
                exponent[0] = -places
                return scaled / EXACT_POWERS[places] == value
        else:
            scaled = rint(value / EXACT_POWERS[-places])
            if scaled <= 1e15:
                mantissa[0] = <u64>scaled
                exponent[0] = -places
                return scaled * EXACT_POWERS[-places] == value
    return False


cdef bint shortest_decimal(double value, u64* mantissa, int* exponent) noexcept nogil:
    """The decimal that ``repr`` writes for a positive double: the shortest, then the nearest."""
    if not 1e-20 < value < 1e36:  # false for NaN too
        return False
    return short_decimal(value, mantissa, exponent) or long_decimal(value, mantissa, exponent)


cdef bint long_decimal(double value, u64* mantissa, int* exponent) noexcept nogil:
    """Search the interval of reals that round to `value`, in units of its 17th digit.

    The value is ``x / m``, the interval's ends ``(x - half) / m`` and ``(x + half) / m``. Declined:
    powers of two, whose interval is lopsided. Of two decimals that are as near, the even one is
    meant.
    """
    cdef int binary, places
    cdef u64 bits = <u64>ldexp(frexp(value, &binary), 53)
    cdef u256 x, half, m, q, low, high, rest
    cdef u64 whole, first, last, unit, digits
    cdef bint inexact_low = False, inexact_high = False, inexact = False, odd
    binary -= 54  # value == 2 * bits * 2**binary
    if bits == IMPLICIT_BIT:
        return False
    places = 16 - (((binary + 53) * 1233) >> 12)
    half = u256_from_u64(1)
    m = half
    if places >= 0:
        half = LONG_POWERS[places]
    else:
        m = LONG_POWERS[-places]
    if binary >= 0:
        half = shifted(half, binary)
    else:
        m = shifted(m, -binary)
    if u256_mul_overflows(half, u256_from_u64(2 * bits), &x):
        return False
    q = u256_div(x, m, &inexact)
    low = u256_div(u256_sub(x, half), m, &inexact_low)
    high = u256_div(u256_add(x, half), m, &inexact_high)
    if high.w[1] | high.w[2] | high.w[3]:
        return False
    odd = bits & 1  # an end reads as `value` where that is even
    whole = q.w[0]
    first = low.w[0] + (inexact_low or odd)
    last = high.w[0] - (odd and not inexact_high)
    if first > last:
        return False
    unit = 1
    while last // (unit * 10) * (unit * 10) >= first:
        unit *= 10
    digits = whole // unit
    if unit == 1:
        u256_mul_overflows(q, m, &rest)
        rest = u256_sub(x, rest)
        rest = u256_add(rest, rest)
        if u256_lt(m, rest) or (u256_eq(rest, m) and digits & 1):
            digits += 1
    else:
        whole -= digits * unit
        if whole > unit // 2 or (whole == unit // 2 and (inexact or digits & 1)):
            digits += 1
    mantissa[0] = digits
    while unit > 1:
        unit //= 10
        places -= 1
    exponent[0] = -places
    return True


cdef u256 shifted(u256 value, int bits) noexcept nogil:
    """``value << bits``; must fit."""
    cdef u64 power[4]
    cdef u256 result
    power[0] = power[1] = power[2] = power[3] = 0
    power[bits >> 6] = <u64>1 << (bits & 63)
    u256_mul_overflows(value, u256_from_limbs(power[0], power[1], power[2], power[3]), &result)
    return result


def parse_double(bytes text not None):
    """Return the double a decimal text stands for, or None where that is not vouched for."""
    cdef Decimal value
    cdef double result = 0.0
    if read_decimal(text, len(text), &value) and decimal_to_double(&value, &result):
        return result
    return None


def parse_integer(bytes text not None):
    """Return the whole number a text of digits stands for, or None where it is not one."""
    cdef u256 value
    cdef bint negative = False
    if not read_integer(text, len(text), &value, &negative):
        return None
    return -u256_to_int(value) if negative else u256_to_int(value)


def shortest(double value):
    """Return ``(mantissa, exponent)`` of the decimal ``repr(value)`` writes, or None.

    The mantissa may end with zeros: the number is the same.
    """
    cdef u64 mantissa = 0
    cdef int exponent = 0
    if not shortest_decimal(value, &mantissa, &exponent):
        return None
    return mantissa, exponent
