"""Long division, inline: Knuth's algorithm D with Möller and Granlund's reciprocals.

"Improved division by invariant integers" (2011); the algorithm numbers are theirs. The number of
limbs of the divisor is a constant wherever ``divide_by`` is called, so the compiler unrolls it.
"""

from alp._core.uint256 cimport clz64, u32, u64, u128, u256, u256_from_limbs

cdef enum:
    MOST_LIMBS = 9              # of a dividend; 5 of a divisor


cdef inline u64 reciprocal_2by1(u64 d) noexcept nogil:
    """``(2**128 - 1) // d - 2**64`` of a divisor whose top bit is set (algorithm 2)."""
    cdef u64 v0 = <u32>0x7FD00 // <u32>(d >> 55)
    cdef u64 d40 = (d >> 24) + 1
    cdef u64 v1 = (v0 << 11) - (v0 * v0 * d40 >> 40) - 1
    cdef u64 v2 = (v1 << 13) + (v1 * (<u64>0x1000000000000000 - v1 * d40) >> 47)
    cdef u64 odd = d & 1
    cdef u64 e = ((v2 >> 1) & (0 - odd)) - v2 * ((d >> 1) + odd)
    cdef u64 v3 = (<u64>(<u128>v2 * e >> 64) >> 1) + (v2 << 31)
    return v3 - <u64>((<u128>v3 * d + d) >> 64) - d


cdef inline u64 divide_2by1(u64 u1, u64 u0, u64 d, u64 v, u64* remainder) noexcept nogil:
    """Two limbs by one normalised limb, ``u1 < d`` (algorithm 4)."""
    cdef u128 q = <u128>v * u1 + ((<u128>u1 << 64) | u0)
    cdef u64 q1 = <u64>(q >> 64) + 1
    cdef u64 r = u0 - q1 * d
    if r > <u64>q:
        q1 -= 1
        r += d
    if r >= d:
        q1 += 1
        r -= d
    remainder[0] = r
    return q1


cdef inline u64 reciprocal_3by2(u64 d1, u64 d0) noexcept nogil:
    """Reciprocal of a normalised divisor of two limbs (algorithm 6)."""
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


cdef inline u64 divide_3by2(u64 u2, u64 u1, u64 u0, u128 d, u64 v, u128* remainder) noexcept nogil:
    """Three limbs by two normalised ones, ``(u2, u1) < d`` (algorithm 5)."""
    cdef u128 q = <u128>v * u2 + ((<u128>u2 << 64) | u1)
    cdef u64 q1 = <u64>(q >> 64)
    cdef u64 r1 = u1 - q1 * <u64>(d >> 64)
    cdef u128 r = ((<u128>r1 << 64) | u0) - <u128><u64>d * q1 - d
    q1 += 1
    if <u64>(r >> 64) >= <u64>q:
        q1 -= 1
        r += d
    if r >= d:
        q1 += 1
        r -= d
    remainder[0] = r
    return q1


cdef inline u64 subtract_product(u64* u, const u64* v, int d, u64 q) noexcept nogil:
    """``u -= q * v`` over ``d + 1`` limbs; 1 where that went below zero."""
    cdef u64 borrow = 0
    cdef u64 low
    cdef u128 t
    cdef int i
    for i in range(d):
        t = <u128>q * v[i] + borrow
        low = <u64>t
        borrow = <u64>(t >> 64) + (u[i] < low)
        u[i] -= low
    low = u[d]
    u[d] = low - borrow
    return low < borrow


cdef inline void add_back(u64* u, const u64* v, int d) noexcept nogil:
    cdef u128 t = 0
    cdef int i
    for i in range(d):
        t = <u128>u[i] + v[i] + <u64>(t >> 64)
        u[i] = <u64>t
    u[d] += <u64>(t >> 64)


cdef inline u64 next_digit(u64* u, const u64* v, int d, u128 top, u64 reciprocal) noexcept nogil:
    """One limb of quotient; ``u`` (``d + 1`` limbs) becomes the rest."""
    cdef u64 q
    cdef u128 rest
    if ((<u128>u[d] << 64) | u[d - 1]) >= top:
        q = <u64>0xFFFFFFFFFFFFFFFF  # the 3-by-2 step would overflow; at most one too high
    else:
        q = divide_3by2(u[d], u[d - 1], u[d - 2], top, reciprocal, &rest)
        if d == 2:
            u[0] = <u64>rest
            u[1] = <u64>(rest >> 64)
            u[2] = 0
            return q
    if subtract_product(u, v, d, q):
        q -= 1
        add_back(u, v, d)
        if u[d] != 0:
            q -= 1
            add_back(u, v, d)
    return q


cdef inline bint divide_by(
    u64* quotient, const u64* numerator, int n, const u64* denominator, int d
) noexcept nogil:
    """``n`` limbs by ``d`` limbs, the top limb of each not zero, ``n >= d``.

    Writes ``n - d + 1`` limbs of quotient; true where there is a remainder.
    """
    cdef u64 u[MOST_LIMBS + 1]
    cdef u64 v[5]
    cdef int shift = clz64(denominator[d - 1])
    cdef int back = 63 - shift
    cdef int i
    cdef u64 reciprocal
    cdef u64 rest
    cdef u128 top
    v[0] = denominator[0] << shift
    for i in range(1, d):
        v[i] = (denominator[i] << shift) | (denominator[i - 1] >> 1 >> back)
    u[0] = numerator[0] << shift
    for i in range(1, n):
        u[i] = (numerator[i] << shift) | (numerator[i - 1] >> 1 >> back)
    u[n] = numerator[n - 1] >> 1 >> back
    if d == 1:
        reciprocal = reciprocal_2by1(v[0])
        rest = u[n]
        i = n - 1
        if rest == 0 and u[i] < v[0]:
            quotient[i] = 0
            rest = u[i]
            i -= 1
        while i >= 0:
            quotient[i] = divide_2by1(rest, u[i], v[0], reciprocal, &rest)
            i -= 1
        return rest != 0
    top = (<u128>v[d - 1] << 64) | v[d - 2]
    reciprocal = reciprocal_3by2(v[d - 1], v[d - 2])
    i = n - d
    if u[n] == 0 and u[n - 1] < v[d - 1]:
        quotient[i] = 0
        i -= 1
    while i >= 0:
        quotient[i] = next_digit(&u[i], v, d, top, reciprocal)
        i -= 1
    rest = 0
    for i in range(d):
        rest |= u[i]
    return rest != 0


cdef inline u128 divide_u128(u128 x, u64 d, u64* remainder) noexcept nogil:
    """``x // d``; where ``d`` is a constant its reciprocal is one too."""
    cdef int shift = clz64(d)
    cdef u64 normal = d << shift
    cdef u64 v = reciprocal_2by1(normal)
    cdef u64 high = <u64>(x >> 64)
    cdef u64 low = <u64>x
    cdef u64 rest = high >> 1 >> (63 - shift)
    cdef u64 q1 = divide_2by1(rest, (high << shift) | (low >> 1 >> (63 - shift)), normal, v, &rest)
    cdef u64 q0 = divide_2by1(rest, low << shift, normal, v, &rest)
    remainder[0] = rest >> shift
    return (<u128>q1 << 64) | q0


cdef inline bint divide_limbs(
    u64* quotient, const u64* numerator, int n, const u64* denominator, int d
) noexcept nogil:
    """``divide_by`` for a divisor of any number of limbs from 1 to 5."""
    if d == 1:
        return divide_by(quotient, numerator, n, denominator, 1)
    if d == 2:
        return divide_by(quotient, numerator, n, denominator, 2)
    if d == 3:
        return divide_by(quotient, numerator, n, denominator, 3)
    if d == 4:
        return divide_by(quotient, numerator, n, denominator, 4)
    return divide_by(quotient, numerator, n, denominator, 5)


cdef inline bint limbs_lt(const u64* a, const u64* b) noexcept nogil:
    """Whether four limbs are less than four others."""
    cdef int i = 3
    while i > 0 and a[i] == b[i]:
        i -= 1
    return a[i] < b[i]


cdef inline double limbs_near(const u64* a) noexcept nogil:
    """Five limbs as a double, relative error below 2**-50."""
    return (
        ((<double>a[4] * 18446744073709551616.0 + <double>a[3]) * 18446744073709551616.0
         + <double>a[2]) * 18446744073709551616.0 + <double>a[1]
    ) * 18446744073709551616.0 + <double>a[0]


cdef inline u64 divide_near(u64* rest, const u64* divisor, double estimate) noexcept nogil:
    """Quotient of five limbs by four, known within 2**-47 and below 2**62; ``rest`` is what is left.

    Estimates are taken a little too low, so that what is left is never negative: the first leaves
    2**16 times the divisor at most, the second twice at most.
    """
    cdef double lower = 1.0 - 1.0 / 140737488355328.0
    cdef u64 quotient = <u64>(estimate * lower)
    cdef u64 wide[5]
    cdef u64 more
    subtract_product(rest, divisor, 4, quotient)
    if quotient >> 45:
        wide[0], wide[1], wide[2], wide[3] = divisor[0], divisor[1], divisor[2], divisor[3]
        wide[4] = 0
        more = <u64>(limbs_near(rest) / limbs_near(wide) * lower)
        subtract_product(rest, divisor, 4, more)
        quotient += more
    while rest[4] != 0 or not limbs_lt(rest, divisor):
        subtract_product(rest, divisor, 4, 1)
        quotient += 1
    return quotient


cdef struct Divisor:
    # a divisor up to 128 bits, made ready to divide by many times
    u128 value
    u128 normal                 # shifted until the top bit of its highest limb is set
    u64 reciprocal
    int shift
    bint short                  # one limb


cdef inline Divisor divisor_of(u128 value) noexcept nogil:
    """``value`` must not be zero."""
    cdef Divisor d
    cdef u64 high = <u64>(value >> 64)
    d.value = value
    d.short = high == 0
    if d.short:
        d.shift = clz64(<u64>value)
        d.normal = value << d.shift
        d.reciprocal = reciprocal_2by1(<u64>d.normal)
    else:
        d.shift = clz64(high)
        d.normal = value << d.shift
        d.reciprocal = reciprocal_3by2(<u64>(d.normal >> 64), <u64>d.normal)
    return d


cdef inline u128 divide_short(u128 x, const Divisor* d) noexcept nogil:
    """Two limbs by a prepared divisor of one limb."""
    cdef u64 normal = <u64>d.normal
    cdef int shift = d.shift
    cdef u64 high = <u64>(x >> 64)
    cdef u64 low = <u64>x
    cdef u64 rest = high >> 1 >> (63 - shift)
    cdef u64 q1 = 0
    cdef u64 q0
    if high == 0:
        rest = low >> 1 >> (63 - shift)
    else:
        q1 = divide_2by1(
            rest, (high << shift) | (low >> 1 >> (63 - shift)), normal, d.reciprocal, &rest
        )
    q0 = divide_2by1(rest, low << shift, normal, d.reciprocal, &rest)
    return (<u128>q1 << 64) | q0


cdef inline u256 divide_prepared(
    const Divisor* d, u64 n0, u64 n1, u64 n2, u64 n3, bint* inexact
) noexcept nogil:
    """Four limbs by a prepared divisor."""
    cdef int shift = d.shift
    cdef int back = 63 - shift
    cdef u64 u4 = n3 >> 1 >> back
    cdef u64 u3 = (n3 << shift) | (n2 >> 1 >> back)
    cdef u64 u2 = (n2 << shift) | (n1 >> 1 >> back)
    cdef u64 u1 = (n1 << shift) | (n0 >> 1 >> back)
    cdef u64 u0 = n0 << shift
    cdef u64 v = <u64>d.normal
    cdef u64 q3 = 0
    cdef u64 q2 = 0
    cdef u64 q1, q0
    cdef u64 rest
    cdef u128 wide
    if d.short:
        rest = u3
        if u4 != 0 or u3 >= v:
            q3 = divide_2by1(u4, u3, v, d.reciprocal, &rest)
        if rest == 0 and u2 < v:
            rest = u2
        else:
            q2 = divide_2by1(rest, u2, v, d.reciprocal, &rest)
        q1 = divide_2by1(rest, u1, v, d.reciprocal, &rest)
        q0 = divide_2by1(rest, u0, v, d.reciprocal, &rest)
        inexact[0] = rest != 0
        return u256_from_limbs(q0, q1, q2, q3)
    wide = (<u128>u3 << 64) | u2
    if u4 != 0 or wide >= d.normal:
        q2 = divide_3by2(u4, u3, u2, d.normal, d.reciprocal, &wide)
    q1 = divide_3by2(<u64>(wide >> 64), <u64>wide, u1, d.normal, d.reciprocal, &wide)
    q0 = divide_3by2(<u64>(wide >> 64), <u64>wide, u0, d.normal, d.reciprocal, &wide)
    inexact[0] = wide != 0
    return u256_from_limbs(q0, q1, q2, 0)


cdef inline u256 divide_six_prepared(const u64* n, const Divisor* d) noexcept nogil:
    """Six limbs by a prepared divisor, for a quotient known to fit 256 bits; the remainder is lost."""
    cdef int shift = d.shift
    cdef int back = 63 - shift
    cdef u64 u0 = n[0] << shift
    cdef u64 u1 = (n[1] << shift) | (n[0] >> 1 >> back)
    cdef u64 u2 = (n[2] << shift) | (n[1] >> 1 >> back)
    cdef u64 u3 = (n[3] << shift) | (n[2] >> 1 >> back)
    cdef u64 u4 = (n[4] << shift) | (n[3] >> 1 >> back)
    cdef u64 u5 = (n[5] << shift) | (n[4] >> 1 >> back)
    cdef u64 q3, q2, q1, q0, rest
    cdef u128 wide
    if d.short:
        # The quotient fits, so the two highest limbs are below the divisor: u5 is zero.
        q3 = divide_2by1(u4, u3, <u64>d.normal, d.reciprocal, &rest)
        q2 = divide_2by1(rest, u2, <u64>d.normal, d.reciprocal, &rest)
        q1 = divide_2by1(rest, u1, <u64>d.normal, d.reciprocal, &rest)
        q0 = divide_2by1(rest, u0, <u64>d.normal, d.reciprocal, &rest)
        return u256_from_limbs(q0, q1, q2, q3)
    wide = (<u128>u5 << 64) | u4
    q3 = 0
    if wide != 0 or u3 >= <u64>(d.normal >> 64):
        q3 = divide_3by2(u5, u4, u3, d.normal, d.reciprocal, &wide)
    else:
        wide = u3
    q2 = divide_3by2(<u64>(wide >> 64), <u64>wide, u2, d.normal, d.reciprocal, &wide)
    q1 = divide_3by2(<u64>(wide >> 64), <u64>wide, u1, d.normal, d.reciprocal, &wide)
    q0 = divide_3by2(<u64>(wide >> 64), <u64>wide, u0, d.normal, d.reciprocal, &wide)
    return u256_from_limbs(q0, q1, q2, q3)
