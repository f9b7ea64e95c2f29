"""FullMath and BitMath, and the passage between C limbs and Python integers.

``u256_mul_div`` reverts exactly where FullMath does: denominator zero, or a quotient that needs
more than 256 bits.
"""

from cpython.long cimport PyLong_AsLongLongAndOverflow
from cpython.number cimport PyNumber_Index

from alp._core.division cimport divide_limbs
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


cdef u256 u256_div(u256 a, u256 b, bint* inexact) noexcept nogil:
    """``a // b`` for ``b > 0``; ``inexact`` is set where there is a remainder."""
    cdef u256 result = u256_from_u64(0)
    cdef int n = limbs_used(a.w, 4)
    cdef int d = limbs_used(b.w, 4)
    if n < d:
        inexact[0] = n > 0
    else:
        inexact[0] = divide_limbs(result.w, a.w, n, b.w, d)
    return result


cdef inline int divide_product(
    const u64* product, u256 denominator, u256* result, bint* inexact
) noexcept nogil:
    cdef u64 quotient[9]
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
    inexact[0] = divide_limbs(quotient, product, n, denominator.w, d)
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


cdef object u256_to_int(u256 a):
    if a.w[1] | a.w[2] | a.w[3]:
        return _PyLong_FromByteArray(<const unsigned char*>&a, 32, 1, 0)
    return a.w[0]


cdef object i256_to_int(i256 a):
    cdef u64 sign = <u64>(<i64>a.w[0] >> 63)
    if (a.w[1] ^ sign) | (a.w[2] ^ sign) | (a.w[3] ^ sign):
        return _PyLong_FromByteArray(<const unsigned char*>&a, 32, 1, 1)
    return <i64>a.w[0]


cdef object u128_to_int(u128 a):
    if a >> 64:
        return _PyLong_FromByteArray(<const unsigned char*>&a, 16, 1, 0)
    return <u64>a


cdef object i128_to_int(i128 a):
    return _PyLong_FromByteArray(<const unsigned char*>&a, 16, 1, 1)


cdef int c_int(object value) except? -1:
    return PyNumber_Index(value)


cdef u64 c_u64(object value) except? 0:
    return PyNumber_Index(value)


cdef inline bint small_int(object value, i64* small) except -1:
    """True where the int fits 64 bits with its sign."""
    cdef int overflow = 0
    small[0] = PyLong_AsLongLongAndOverflow(value, &overflow)
    return overflow == 0


cdef u256 u256_from_int(object value) except *:
    """Raises OverflowError for values outside 0 .. 2**256 - 1, TypeError for no integers."""
    cdef u256 r
    cdef i64 small
    value = PyNumber_Index(value)
    if small_int(value, &small) and small >= 0:
        return u256_from_u64(small)
    alp_int_to_bytes(value, <unsigned char*>&r, 0)
    return r


cdef i256 i256_from_int(object value) except *:
    """Raises OverflowError for values outside -2**255 .. 2**255 - 1."""
    cdef i256 r
    cdef i64 small
    cdef u64 sign
    value = PyNumber_Index(value)
    if small_int(value, &small):
        sign = <u64>(small >> 63)
        return u256_from_limbs(<u64>small, sign, sign, sign)
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
