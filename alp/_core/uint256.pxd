"""256-bit unsigned arithmetic on four 64-bit limbs, little endian.

Everything small enough to disappear into its caller is inline here, long division is in
``division.pxd``. Two's complement ``i256`` shares the representation of ``u256``. Names follow the
contracts' libraries where one exists (FullMath, UnsafeMath, LowGasSafeMath).
"""

cdef extern from *:
    """
    typedef unsigned __int128 alp_u128;
    typedef __int128 alp_i128;
    """
    # Cython has no 128-bit integer: it must never convert these to or from Python itself.
    ctypedef unsigned long long u128 "alp_u128"
    ctypedef long long i128 "alp_i128"
    int clz64 "__builtin_clzll"(unsigned long long) noexcept nogil
    int ctz64 "__builtin_ctzll"(unsigned long long) noexcept nogil

ctypedef unsigned long long u64
ctypedef long long i64
ctypedef unsigned int u32

cdef struct u256:
    u64 w[4]

ctypedef u256 i256


cdef inline u256 u256_from_u64(u64 low) noexcept nogil:
    cdef u256 r
    r.w[0] = low
    r.w[1] = r.w[2] = r.w[3] = 0
    return r


cdef inline u256 u256_from_u128(u128 low) noexcept nogil:
    cdef u256 r
    r.w[0] = <u64>low
    r.w[1] = <u64>(low >> 64)
    r.w[2] = r.w[3] = 0
    return r


cdef inline u256 u256_from_limbs(u64 w0, u64 w1, u64 w2, u64 w3) noexcept nogil:
    cdef u256 r
    r.w[0] = w0
    r.w[1] = w1
    r.w[2] = w2
    r.w[3] = w3
    return r


cdef inline u128 u128_max() noexcept nogil:
    return (<u128><u64>0xFFFFFFFFFFFFFFFF << 64) | <u64>0xFFFFFFFFFFFFFFFF


cdef inline u128 u256_low128(u256 a) noexcept nogil:
    return (<u128>a.w[1] << 64) | a.w[0]


cdef inline u128 u256_high128(u256 a) noexcept nogil:
    return (<u128>a.w[3] << 64) | a.w[2]


cdef inline u256 u256_from_halves(u128 high, u128 low) noexcept nogil:
    return u256_from_limbs(<u64>low, <u64>(low >> 64), <u64>high, <u64>(high >> 64))


cdef inline u256 u256_low160(u256 a) noexcept nogil:
    a.w[2] &= <u64>0xFFFFFFFF
    a.w[3] = 0
    return a


cdef inline bint u256_is_zero(u256 a) noexcept nogil:
    return (a.w[0] | a.w[1] | a.w[2] | a.w[3]) == 0


cdef inline bint u256_fits_128(u256 a) noexcept nogil:
    return (a.w[2] | a.w[3]) == 0


cdef inline bint u256_fits_160(u256 a) noexcept nogil:
    return (a.w[2] >> 32 | a.w[3]) == 0


cdef inline bint i256_is_negative(i256 a) noexcept nogil:
    return (a.w[3] >> 63) != 0


cdef inline bint u256_eq(u256 a, u256 b) noexcept nogil:
    return ((a.w[0] ^ b.w[0]) | (a.w[1] ^ b.w[1]) | (a.w[2] ^ b.w[2]) | (a.w[3] ^ b.w[3])) == 0


cdef inline bint u256_lt(u256 a, u256 b) noexcept nogil:
    cdef u128 a_high = u256_high128(a)
    cdef u128 b_high = u256_high128(b)
    if a_high != b_high:
        return a_high < b_high
    return u256_low128(a) < u256_low128(b)


cdef inline bint u256_le(u256 a, u256 b) noexcept nogil:
    return not u256_lt(b, a)


cdef inline u256 u256_add_carry(u256 a, u256 b, u64* carry) noexcept nogil:
    # in halves of 128 bits: compilers make add-with-carry of it
    cdef u128 low = u256_low128(a) + u256_low128(b)
    cdef u128 middle = u256_high128(a) + (low < u256_low128(b))
    cdef u128 high = middle + u256_high128(b)
    carry[0] = (high < middle) | (middle < u256_high128(a))
    return u256_from_halves(high, low)


cdef inline u256 u256_add(u256 a, u256 b) noexcept nogil:
    cdef u128 low = u256_low128(a) + u256_low128(b)
    cdef u128 high = u256_high128(a) + u256_high128(b)
    return u256_from_halves(high + (low < u256_low128(b)), low)


cdef inline u256 u256_add_u64(u256 a, u64 b) noexcept nogil:
    cdef u128 low = u256_low128(a) + b
    return u256_from_halves(u256_high128(a) + (low < b), low)


cdef inline u256 u256_sub(u256 a, u256 b) noexcept nogil:
    cdef u128 low = u256_low128(a) - u256_low128(b)
    cdef u128 high = u256_high128(a) - u256_high128(b)
    return u256_from_halves(high - (u256_low128(a) < u256_low128(b)), low)


cdef inline u256 u256_neg(u256 a) noexcept nogil:
    return u256_sub(u256_from_u64(0), a)


cdef inline u256 u256_shl96(u256 a) noexcept nogil:
    """``a << 96`` modulo 2**256."""
    cdef u256 r
    r.w[0] = 0
    r.w[1] = a.w[0] << 32
    r.w[2] = (a.w[1] << 32) | (a.w[0] >> 32)
    r.w[3] = (a.w[2] << 32) | (a.w[1] >> 32)
    return r


cdef inline u256 u128_shl96(u128 a) noexcept nogil:
    """``a << 96`` of a 128-bit value; always exact (224 bits)."""
    return u256_shl96(u256_from_u128(a))


cdef inline void limbs_multiply(
    u64* product, const u64* a, int a_limbs, const u64* b, int b_limbs
) noexcept nogil:
    """Schoolbook product of ``a_limbs + b_limbs`` limbs; unrolled where the counts are constants."""
    cdef int i, j
    cdef u64 carry
    cdef u128 t
    for i in range(a_limbs + b_limbs):
        product[i] = 0
    for i in range(a_limbs):
        carry = 0
        for j in range(b_limbs):
            t = <u128>a[i] * b[j] + product[i + j] + carry
            product[i + j] = <u64>t
            carry = <u64>(t >> 64)
        product[i + b_limbs] = carry


cdef inline int limbs_used(const u64* a, int limbs) noexcept nogil:
    """Number of limbs up to the highest one that is not zero."""
    while limbs > 0 and a[limbs - 1] == 0:
        limbs -= 1
    return limbs


cdef inline bint u256_mul_overflows(u256 a, u256 b, u256* low) noexcept nogil:
    """``low = a * b`` modulo 2**256; true where the product does not fit."""
    cdef u64 product[8]
    limbs_multiply(product, a.w, 4, b.w, 4)
    low[0] = u256_from_limbs(product[0], product[1], product[2], product[3])
    return (product[4] | product[5] | product[6] | product[7]) != 0


cdef inline double u128_to_double(u128 a) noexcept nogil:
    return <double><u64>(a >> 64) * 18446744073709551616.0 + <double><u64>a


cdef inline double u256_to_double(u256 a) noexcept nogil:
    """Near ``a``, relative error below 2**-50."""
    cdef double low = u128_to_double(u256_low128(a))
    if a.w[2] | a.w[3]:
        low += u128_to_double(u256_high128(a)) * 340282366920938463463374607431768211456.0
    return low


cdef u256 u256_div(u256 a, u256 b, bint* inexact) noexcept nogil
cdef int u256_mul_div(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil
cdef int u256_mul_div_up(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil
cdef int u256_shl128_div(u256 a, u128 denominator, u256* result) noexcept nogil
cdef u256 u256_mul_shr128(u256 a, u128 b) noexcept nogil
cdef int u256_msb(u256 a) noexcept nogil
cdef int u256_lsb(u256 a) noexcept nogil


# Conversions to C refuse floats and whatever else is no integer.
cdef int c_int(object value) except? -1
cdef u64 c_u64(object value) except? 0
cdef object u256_to_int(u256 a)
cdef object i256_to_int(i256 a)
cdef object u128_to_int(u128 a)
cdef object i128_to_int(i128 a)
cdef u256 u256_from_int(object value) except *
cdef i256 i256_from_int(object value) except *
cdef u256 u160_from_int(object value) except *
cdef u128 u128_from_int(object value) except *
cdef i128 i128_from_int(object value) except *
