"""256-bit unsigned arithmetic on four 64-bit limbs, little endian.

Everything small enough to disappear into its caller is inline here; long division lives in
``uint256.pyx``. Two's complement ``i256`` shares the representation of ``u256``. Names follow the
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
    if a.w[3] != b.w[3]:
        return a.w[3] < b.w[3]
    if a.w[2] != b.w[2]:
        return a.w[2] < b.w[2]
    if a.w[1] != b.w[1]:
        return a.w[1] < b.w[1]
    return a.w[0] < b.w[0]


cdef inline bint u256_le(u256 a, u256 b) noexcept nogil:
    return not u256_lt(b, a)


cdef inline u256 u256_add_carry(u256 a, u256 b, u64* carry) noexcept nogil:
    cdef u256 r
    cdef u128 t = <u128>a.w[0] + b.w[0]
    r.w[0] = <u64>t
    t = <u128>a.w[1] + b.w[1] + <u64>(t >> 64)
    r.w[1] = <u64>t
    t = <u128>a.w[2] + b.w[2] + <u64>(t >> 64)
    r.w[2] = <u64>t
    t = <u128>a.w[3] + b.w[3] + <u64>(t >> 64)
    r.w[3] = <u64>t
    carry[0] = <u64>(t >> 64)
    return r


cdef inline u256 u256_add(u256 a, u256 b) noexcept nogil:
    cdef u64 carry
    return u256_add_carry(a, b, &carry)


cdef inline u256 u256_add_u64(u256 a, u64 b) noexcept nogil:
    return u256_add(a, u256_from_u64(b))


cdef inline u256 u256_sub(u256 a, u256 b) noexcept nogil:
    cdef u256 r
    cdef u128 t = <u128>a.w[0] - b.w[0]
    r.w[0] = <u64>t
    t = <u128>a.w[1] - b.w[1] - (<u64>(t >> 64) & 1)
    r.w[1] = <u64>t
    t = <u128>a.w[2] - b.w[2] - (<u64>(t >> 64) & 1)
    r.w[2] = <u64>t
    t = <u128>a.w[3] - b.w[3] - (<u64>(t >> 64) & 1)
    r.w[3] = <u64>t
    return r


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


cdef inline u64 reciprocal_2by1(u64 divisor) noexcept nogil:
    """Möller-Granlund reciprocal of a divisor whose top bit is set."""
    return <u64>(((<u128>(~divisor) << 64) | <u64>0xFFFFFFFFFFFFFFFF) / divisor)


cdef inline u64 divide_2by1(
    u64 high, u64 low, u64 divisor, u64 reciprocal, u64* remainder
) noexcept nogil:
    """Quotient of two limbs by one normalised limb, ``high < divisor`` (algorithm 4)."""
    cdef u128 q = <u128>reciprocal * high + ((<u128>high << 64) | low)
    cdef u64 q1 = <u64>(q >> 64) + 1
    cdef u64 r = low - q1 * divisor
    if r > <u64>q:
        q1 -= 1
        r += divisor
    if r >= divisor:
        q1 += 1
        r -= divisor
    remainder[0] = r
    return q1


cdef void limbs_divide(
    u64* quotient, u64* remainder, const u64* numerator, int n, const u64* denominator, int d
) noexcept nogil

cdef u256 u256_div(u256 a, u256 b, bint* inexact) noexcept nogil
cdef int u256_mul_div(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil
cdef int u256_mul_div_up(u256 a, u256 b, u256 denominator, u256* result) noexcept nogil
cdef int u256_shl128_div(u256 a, u128 denominator, u256* result) noexcept nogil
cdef u256 u256_mul_shr128(u256 a, u128 b) noexcept nogil
cdef int u256_msb(u256 a) noexcept nogil
cdef int u256_lsb(u256 a) noexcept nogil
cdef double u256_to_double(u256 a) noexcept nogil


cdef object u256_to_int(u256 a)
cdef object i256_to_int(i256 a)
cdef object u128_to_int(u128 a)
cdef object i128_to_int(i128 a)
cdef u256 u256_from_int(object value) except *
cdef i256 i256_from_int(object value) except *
cdef u256 u160_from_int(object value) except *
cdef u128 u128_from_int(object value) except *
cdef i128 i128_from_int(object value) except *
