"""Long division, FullMath and BitMath, and the passage between C limbs and Python integers.

Division is Knuth's algorithm D with Möller and Granlund's 3-by-2 reciprocal ("Improved division
by invariant integers", 2011), sized to the limbs actually used. ``u256_mul_div`` reverts exactly where
FullMath does: denominator zero, or a quotient that needs more than 256 bits.
"""

from alp._core.reverts cimport OK, REVERT_EMPTY, raise_revert

cdef extern from *:
    """
    static int alp_int_to_bytes(PyObject *value, unsigned char *bytes, int is_signed) {
    #if PY_VERSION_HEX >= 0x030D0000
        return _PyLong_AsByteArray((PyLongObject *)value, bytes, 32, 1, is_signed, 1);
    #else
        return _PyLong_AsByteArray((PyLongObject *)value, bytes, 32, 1, is_signed);
    #endif
    }
    """
    int alp_int_to_bytes(object value, unsigned char* bytes, int is_signed) except -1
    object _PyLong_FromByteArray(
        const unsigned char* bytes, size_t n, int little_endian, int is_signed
    )


cdef inline u64 reciprocal_3by2(u64 d1, u64 d0) noexcept nogil:
    """Reciprocal of the normalised two-limb divisor (algorithm 6)."""
    cdef u64 v = reciprocal_2by1(d1)
    cdef u64 p = d1 * v + d0
    cdef u128 t
    if p < d0:
        v -= 1
        if p >= d1:
            v -= 1
            p -= d1
        p -= d1
    t = <u128>v * d0
    p += <u64>(t >> 64)
    if p < <u64>(t >> 64):
        v -= 1
        if p > d1 or (p == d1 and <u64>t >= d0):
            v -= 1
    return v


cdef inline u64 divide_3by2(
    u64 u2, u64 u1, u64 u0, u64 d1, u64 d0, u64 reciprocal, u128* remainder
) noexcept nogil:
    """Quotient of three limbs by two normalised ones, ``(u2, u1) < (d1, d0)`` (algorithm 5)."""
    cdef u128 q = <u128>reciprocal * u2 + ((<u128>u2 << 64) | u1)
    cdef u64 q1 = <u64>(q >> 64)
    cdef u128 d = (<u128>d1 << 64) | d0
    cdef u64 r1 = u1 - q1 * d1
    cdef u128 r = ((<u128>r1 << 64) | u0) - <u128>d0 * q1 - d
    q1 += 1
    if <u64>(r >> 64) >= <u64>q:
        q1 -= 1
        r += d
    if r >= d:
        q1 += 1
        r -= d
    remainder[0] = r
    return q1


cdef inline void divide_by_one_limb(
    u64* quotient, u64* remainder, const u64* u, int n, u64 divisor, int shift
) noexcept nogil:
    """``u`` has ``n + 1`` limbs, already shifted to the normalised ``divisor``."""
    cdef u64 v = reciprocal_2by1(divisor)
    cdef u64 r = u[n]
    cdef int i
    for i in range(n - 1, -1, -1):
        quotient[i] = divide_2by1(r, u[i], divisor, v, &r)
    remainder[0] = r >> shift


cdef inline bint subtract_product(u64* u, const u64* d, int limbs, u64 q) noexcept nogil:
    """``u -= q * d`` over ``limbs + 1`` limbs; true where that went below zero."""
    cdef u64 borrow = 0
    cdef u64 low
    cdef u128 t
    cdef int i
    for i in range(limbs):
        t = <u128>q * d[i] + borrow
        low = <u64>t
        borrow = <u64>(t >> 64) + (1 if u[i] < low else 0)
        u[i] -= low
    low = u[limbs]
    u[limbs] = low - borrow
    return low < borrow


cdef inline void add_back(u64* u, const u64* d, int limbs) noexcept nogil:
    cdef u64 carry = 0
    cdef u128 t
    cdef int i
    for i in range(limbs):
        t = <u128>u[i] + d[i] + carry
        u[i] = <u64>t
        carry = <u64>(t >> 64)
    u[limbs] += carry


cdef void limbs_divide(
    u64* quotient, u64* remainder, const u64* numerator, int n, const u64* denominator, int d
) noexcept nogil:
    """Divide ``n`` limbs by ``d`` limbs (at most 9 and 5), the top limb of each not zero, n >= d.

    Writes ``n - d + 1`` limbs of quotient and ``d`` of remainder.
    """
    cdef u64 u[10]
    cdef u64 v[5]
    cdef int shift = clz64(denominator[d - 1])
    cdef int i, j
    cdef u64 reciprocal, q
    cdef u128 rest
    if shift == 0:
        for i in range(d):
            v[i] = denominator[i]
        for i in range(n):
            u[i] = numerator[i]
        u[n] = 0
    else:
        for i in range(d - 1, 0, -1):
            v[i] = (denominator[i] << shift) | (denominator[i - 1] >> (64 - shift))
        v[0] = denominator[0] << shift
        u[n] = numerator[n - 1] >> (64 - shift)
        for i in range(n - 1, 0, -1):
            u[i] = (numerator[i] << shift) | (numerator[i - 1] >> (64 - shift))
        u[0] = numerator[0] << shift
    if d == 1:
        divide_by_one_limb(quotient, remainder, u, n, v[0], shift)
        return
    reciprocal = reciprocal_3by2(v[d - 1], v[d - 2])
    for j in range(n - d, -1, -1):
        if u[j + d] == v[d - 1] and u[j + d - 1] >= v[d - 2]:
            q = <u64>0xFFFFFFFFFFFFFFFF  # the 3-by-2 step would overflow; this is at most one high
            if subtract_product(&u[j], v, d, q):
                q -= 1
                add_back(&u[j], v, d)
                if u[j + d] != 0:
                    q -= 1
                    add_back(&u[j], v, d)
        else:
            q = divide_3by2(
                u[j + d], u[j + d - 1], u[j + d - 2], v[d - 1], v[d - 2], reciprocal, &rest
            )
            if d == 2:
                u[j + 2] = 0
                u[j + 1] = <u64>(rest >> 64)
                u[j] = <u64>rest
            elif subtract_product(&u[j], v, d, q):
                q -= 1
                add_back(&u[j], v, d)
        quotient[j] = q
    for i in range(d - 1):
        remainder[i] = (u[i] >> shift) | (u[i + 1] << 1 << (63 - shift))
    remainder[d - 1] = u[d - 1] >> shift


cdef inline bint any_limb(const u64* a, int limbs) noexcept nogil:
    cdef u64 bits = 0
    cdef int i
    for i in range(limbs):
        bits |= a[i]
    return bits != 0


cdef u256 u256_div(u256 a, u256 b, bint* inexact) noexcept nogil:
    """``a // b`` for ``b > 0``; ``inexact`` is set where there is a remainder."""
    cdef u64 remainder[4]
    cdef u256 result = u256_from_u64(0)
    cdef int n = limbs_used(a.w, 4)
    cdef int d = limbs_used(b.w, 4)
    if n < d:
        inexact[0] = n > 0
        return result
    limbs_divide(result.w, remainder, a.w, n, b.w, d)
    inexact[0] = any_limb(remainder, d)
    return result


cdef inline int divide_product(
    const u64* product, u256 denominator, u256* result, bint* inexact
) noexcept nogil:
    cdef u64 quotient[9]
    cdef u64 remainder[4]
    cdef int n = limbs_used(product, 8)
    cdef int d = limbs_used(denominator.w, 4)
    cdef int i
    if d == 0:
        return REVERT_EMPTY
    result[0] = u256_from_u64(0)
    if n < d:
        inexact[0] = n > 0
        return OK
    if n - d > 4:
        return REVERT_EMPTY
    limbs_divide(quotient, remainder, product, n, denominator.w, d)
    inexact[0] = any_limb(remainder, d)
    if n - d == 4 and quotient[4] != 0:
        return REVERT_EMPTY
    for i in range(min(n - d + 1, 4)):
        result.w[i] = quotient[i]
    return OK


cdef int u256_mul_div(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil:
    """FullMath.mulDiv: ``floor(a * b / denominator)`` with a 512-bit product."""
    cdef u64 product[8]
    cdef bint inexact
    limbs_multiply(product, a.w, 4, b.w, 4)
    return divide_product(product, denominator, result, &inexact)


cdef int u256_mul_div_up(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil:
    """FullMath.mulDivRoundingUp; also reverts where the rounded result needs 257 bits."""
    cdef u64 product[8]
    cdef bint inexact = False
    cdef int code
    limbs_multiply(product, a.w, 4, b.w, 4)
    code = divide_product(product, denominator, result, &inexact)
    if code == OK and inexact:
        result[0] = u256_add_u64(result[0], 1)
        if u256_is_zero(result[0]):
            return REVERT_EMPTY
    return code


cdef int u256_shl128_div(u256 a, u128 denominator, u256* result) noexcept nogil:
    """``mulDiv(a, 2**128, denominator)``: the fee growth of ``a`` per unit of liquidity."""
    cdef u64 product[8]
    cdef bint inexact
    product[0] = product[1] = product[6] = product[7] = 0
    product[2] = a.w[0]
    product[3] = a.w[1]
    product[4] = a.w[2]
    product[5] = a.w[3]
    return divide_product(product, u256_from_u128(denominator), result, &inexact)


cdef u256 u256_mul_shr128(u256 a, u128 b) noexcept nogil:
    """``mulDiv(a, b, 2**128)``, which cannot overflow for a 128-bit ``b``."""
    cdef u64 product[6]
    cdef u64 factor[2]
    factor[0] = <u64>b
    factor[1] = <u64>(b >> 64)
    limbs_multiply(product, a.w, 4, factor, 2)
    return u256_from_limbs(product[2], product[3], product[4], product[5])


cdef int u256_msb(u256 a) noexcept nogil:
    """BitMath.mostSignificantBit; -1 for zero, where the contract reverts."""
    cdef int limb = limbs_used(a.w, 4) - 1
    if limb < 0:
        return -1
    return 64 * limb + 63 - clz64(a.w[limb])


cdef int u256_lsb(u256 a) noexcept nogil:
    """BitMath.leastSignificantBit; -1 for zero, where the contract reverts."""
    cdef int limb
    for limb in range(4):
        if a.w[limb] != 0:
            return 64 * limb + ctz64(a.w[limb])
    return -1


cdef double u256_to_double(u256 a) noexcept nogil:
    """Nearest-ish double, relative error below 2**-52."""
    cdef double scale = 18446744073709551616.0
    cdef double high = <double>a.w[3] * scale + <double>a.w[2]
    return (high * scale + <double>a.w[1]) * scale + <double>a.w[0]


cdef object u256_to_int(u256 a):
    return _PyLong_FromByteArray(<const unsigned char*>&a, 32, 1, 0)


cdef object i256_to_int(i256 a):
    return _PyLong_FromByteArray(<const unsigned char*>&a, 32, 1, 1)


cdef object u128_to_int(u128 a):
    return _PyLong_FromByteArray(<const unsigned char*>&a, 16, 1, 0)


cdef object i128_to_int(i128 a):
    return _PyLong_FromByteArray(<const unsigned char*>&a, 16, 1, 1)


cdef u256 u256_from_int(object value) except *:
    """Raises OverflowError for values outside 0 .. 2**256 - 1, TypeError for other types."""
    cdef u256 r
    if not isinstance(value, int):
        raise TypeError(f"expected an int, got {type(value).__name__}")
    alp_int_to_bytes(value, <unsigned char*>&r, 0)
    return r


cdef i256 i256_from_int(object value) except *:
    """Raises OverflowError for values outside -2**255 .. 2**255 - 1."""
    cdef i256 r
    if not isinstance(value, int):
        raise TypeError(f"expected an int, got {type(value).__name__}")
    alp_int_to_bytes(value, <unsigned char*>&r, 1)
    return r


cdef u256 u160_from_int(object value) except *:
    cdef u256 r = u256_from_int(value)
    if not u256_fits_160(r):
        raise OverflowError("int too big for 160 bits")
    return r


cdef u128 u128_from_int(object value) except *:
    cdef u256 r = u256_from_int(value)
    if not u256_fits_128(r):
        raise OverflowError("int too big for 128 bits")
    return u256_low128(r)


cdef i128 i128_from_int(object value) except *:
    cdef i256 r = i256_from_int(value)
    cdef u64 sign = <u64>0xFFFFFFFFFFFFFFFF if i256_is_negative(r) else 0
    if r.w[2] != sign or r.w[3] != sign or r.w[1] >> 63 != sign & 1:
        raise OverflowError("int too big for a signed 128-bit value")
    return <i128>u256_low128(r)


def mul_div(a: int, b: int, denominator: int) -> int:
    """``floor(a * b / denominator)`` of unsigned 256-bit integers (FullMath.mulDiv).

    Raises
    ------
    Revert
        The denominator is zero or the quotient does not fit 256 bits.
    """
    cdef u256 result
    raise_revert(
        u256_mul_div(u256_from_int(a), u256_from_int(b), u256_from_int(denominator), &result)
    )
    return u256_to_int(result)


def mul_div_rounding_up(a: int, b: int, denominator: int) -> int:
    """``ceil(a * b / denominator)`` of unsigned 256-bit integers (FullMath.mulDivRoundingUp).

    Raises
    ------
    Revert
        The denominator is zero or the result does not fit 256 bits.
    """
    cdef u256 result
    raise_revert(
        u256_mul_div_up(
            u256_from_int(a), u256_from_int(b), u256_from_int(denominator), &result
        )
    )
    return u256_to_int(result)


def most_significant_bit(value: int) -> int:
    """Index of the highest set bit (BitMath.mostSignificantBit); Revert for zero."""
    cdef int bit = u256_msb(u256_from_int(value))
    if bit < 0:
        raise_revert(REVERT_EMPTY)
    return bit


def least_significant_bit(value: int) -> int:
    """Index of the lowest set bit (BitMath.leastSignificantBit); Revert for zero."""
    cdef int bit = u256_lsb(u256_from_int(value))
    if bit < 0:
        raise_revert(REVERT_EMPTY)
    return bit
