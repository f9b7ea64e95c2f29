"""Candles of a pool's price to bars: exact floor sqrt prices and amounts of whole columns.

The prices are doubles that stand for the decimals people wrote (`decimal_text`). A price of quote
per base is exact. A price of base per quote is inverted in decimal to 60 digits before anything
else is done with it, by definition (``alp.data.candle_bars``): here the exact quotient is taken,
and the few rows are declined in which 60 digits could make another integer of it.
"""

from libc.math cimport sqrt

from alp._core.decimal_text cimport MOST_POWER, shortest_decimal, ten_to
from alp._core.division cimport divide_2by1, reciprocal_2by1
from alp._core.tickmath cimport MAX_TICK, MIN_TICK, sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    clz64, i64, i128, u64, u128, u256, u256_add, u256_div, u256_fits_128, u256_from_limbs, u256_from_u64,
    u256_from_u128, u256_high128, u256_is_zero, u256_le, u256_low128, u256_lt, u256_mul_div, u256_mul_overflows,
    u256_sub,
)

assert sizeof(PoolBar) == 192, "PoolBar differs from alp.data.schema.BAR"

cdef struct Terms:
    bint inverted               # prices are base per quote
    bint base_is_token0
    int scale                   # quote decimals less base decimals
    int base_decimals           # of the volume; 0 where it is in raw units

cdef struct Price:
    double value                # as the file has it
    u64 mantissa
    int exponent
    u256 root_x96


cdef inline double i128_to_double(i128 a) noexcept nogil:
    """Near ``a``, below 2**80."""
    return <double><i64>(a >> 32) * 4294967296.0


cdef u128 sqrt_u256(u256 n) noexcept nogil:
    """``floor(sqrt(n))`` (Zimmermann, "Karatsuba Square Root", 1999) of ``n > 0``."""
    cdef int limbs = 0
    cdef int shift, back
    cdef u64 high, quotient, remainder
    cdef u128 top, root, rest
    cdef u256 square
    cdef double near
    while n.w[3] == 0:
        n = u256_from_limbs(0, n.w[0], n.w[1], n.w[2])
        limbs += 1
    shift = clz64(n.w[3]) & ~1
    back = 63 - shift
    n = u256_from_limbs(
        n.w[0] << shift,
        (n.w[1] << shift) | (n.w[0] >> 1 >> back),
        (n.w[2] << shift) | (n.w[1] >> 1 >> back),
        (n.w[3] << shift) | (n.w[2] >> 1 >> back),
    )
    top = u256_high128(n)
    near = sqrt(<double>n.w[3] * 18446744073709551616.0)
    high = <u64>0xFFFFFFFFFFFFFFFF if near >= 18446744073709549568.0 else <u64>near
    # `near` is off by up to 2**12; one Newton step, by differences that doubles hold
    high += <i64>(i128_to_double(<i128>(top - <u128>high * high)) / (2.0 * near))
    while <u128>high * high > top:
        high -= 1
    while top - <u128>high * high > <u128>high * 2:
        high += 1
    rest = top - <u128>high * high
    rest = (rest << 63) | (n.w[1] >> 1)
    if <u64>(rest >> 64) >= high:
        quotient = <u64>0xFFFFFFFFFFFFFFFF
    else:
        quotient = divide_2by1(
            <u64>(rest >> 64), <u64>rest, high, reciprocal_2by1(high), &remainder
        )
    root = (<u128>high << 64) + quotient
    u256_mul_overflows(u256_from_u128(root), u256_from_u128(root), &square)
    if u256_lt(n, square):
        root -= 1
    return root >> ((shift >> 1) + 32 * limbs)


cdef inline bint raised(u256 value, int power, u256* result) noexcept nogil:
    """``value * 10**power``; false where it does not fit."""
    return 0 <= power <= MOST_POWER and not u256_mul_overflows(value, ten_to(power), result)


cdef inline bint ratio_x192(
    const Terms* terms, const Price* price, u256* n, bint* inexact
) noexcept nogil:
    """``floor(raw token1 per raw token0 * 2**192)`` of a price; false beyond 256 bits."""
    cdef int shift = terms.scale if terms.base_is_token0 else -terms.scale
    cdef int power
    cdef u256 factor
    inexact[0] = True
    if terms.base_is_token0 != terms.inverted:
        power = price.exponent + shift
        n[0] = u256_from_limbs(0, 0, 0, price.mantissa)
        if power >= 0:
            inexact[0] = False
            return raised(n[0], power, n)
        if power < -MOST_POWER:
            return False
        n[0] = u256_div(n[0], ten_to(-power), inexact)
        return True
    power = shift - price.exponent
    factor = u256_from_limbs(0, 0, 0, 1)
    if power >= 0:
        if power > MOST_POWER:
            return False
        return u256_mul_div(ten_to(power), factor, u256_from_u64(price.mantissa), n) == 0
    if not raised(u256_from_u64(price.mantissa), -power, n):
        return False
    n[0] = u256_div(factor, n[0], inexact)
    return True


cdef bint inverse_rounds_up(u64 mantissa) noexcept nogil:
    """Whether ``1 / mantissa`` to 60 digits, ties to even, is more than it is exactly."""
    cdef bint inexact
    cdef int power = 59
    cdef u256 quotient, rest
    cdef u256 by = u256_from_u64(mantissa)
    while u256_lt(ten_to(power - 59), by):
        power += 1
    quotient = u256_div(ten_to(power), by, &inexact)
    u256_mul_overflows(quotient, by, &rest)
    rest = u256_sub(ten_to(power), rest)
    return 2 * rest.w[0] > mantissa or (2 * rest.w[0] == mantissa and quotient.w[0] & 1)


cdef bint find_root(const Terms* terms, Price* price) noexcept nogil:
    """Fill in a price's decimal and its sqrt price; false where that is not vouched for."""
    cdef u256 n, rest, next_rest, margin
    cdef u128 root
    cdef bint inexact
    if not shortest_decimal(price.value, &price.mantissa, &price.exponent):
        return False
    if not ratio_x192(terms, price, &n, &inexact) or u256_is_zero(n):
        return False
    root = sqrt_u256(n)
    price.root_x96 = u256_from_u128(root)
    if terms.inverted:
        # 60 digits are good to 5e-60 < 2**-196: n could be that much more or less.
        margin = u256_from_u64((n.w[3] >> 4) + 2)
        u256_mul_overflows(price.root_x96, price.root_x96, &rest)
        rest = u256_sub(n, rest)
        if u256_is_zero(rest) and not inexact and terms.base_is_token0 != terms.inverted:
            if inverse_rounds_up(price.mantissa):  # which takes the exact square below itself
                price.root_x96 = u256_sub(price.root_x96, u256_from_u64(1))
            return True
        next_rest = u256_add(u256_add(price.root_x96, price.root_x96), u256_from_u64(1))
        next_rest = u256_sub(next_rest, rest)
        return u256_le(margin, rest) and u256_le(margin, next_rest)
    return True


cdef inline bint floor_ratio(u256 above, u256 below, bint rounded, u128* result) noexcept nogil:
    """``above // below``; false beyond 128 bits, or where `rounded` terms could make another."""
    cdef bint inexact
    cdef u256 quotient = u256_div(above, below, &inexact)
    cdef u256 rest, margin
    if not u256_fits_128(quotient):
        return False
    result[0] = u256_low128(quotient)
    if rounded:
        # Three roundings to 60 digits are good to 2e-59 of 128 bits, far less than 2**-60.
        margin = u256_from_limbs(
            (below.w[0] >> 60) | (below.w[1] << 4), (below.w[1] >> 60) | (below.w[2] << 4),
            (below.w[2] >> 60) | (below.w[3] << 4), below.w[3] >> 60,
        )
        margin = u256_add(margin, u256_from_u64(1))
        u256_mul_overflows(quotient, below, &rest)
        rest = u256_sub(above, rest)
        return u256_le(margin, rest) and u256_le(margin, u256_sub(below, rest))
    return True


cdef bint amounts_in(
    const Terms* terms, const Price* close, double volume, PoolBar* bar
) noexcept nogil:
    """Half a volume in base, half of its worth at the close in quote."""
    cdef u64 mantissa = 0
    cdef int exponent = 0, power
    cdef u128 base = 0, quote = 0
    cdef u256 above, below
    if volume != 0.0:
        if not shortest_decimal(volume, &mantissa, &exponent):
            return False
        exponent += terms.base_decimals
        above = u256_from_u64(mantissa)
        below = u256_from_u64(2)
        if exponent >= 0:
            if not raised(above, exponent, &above):
                return False
        elif not raised(below, -exponent, &below):
            return False
        if not floor_ratio(above, below, False, &base):
            return False
        below = u256_from_u64(2)
        if terms.inverted:
            above = u256_from_u64(mantissa)
            below.w[0] *= close.mantissa
            power = exponent - close.exponent + terms.scale
        else:
            above = u256_from_u128(<u128>mantissa * close.mantissa)
            power = exponent + close.exponent + terms.scale
        if power >= 0:
            if not raised(above, power, &above):
                return False
        elif not raised(below, -power, &below):
            return False
        if not floor_ratio(above, below, terms.inverted, &quote):
            return False
    if not terms.base_is_token0:
        base, quote = quote, base
    bar.in0[0] = <u64>base
    bar.in0[1] = <u64>(base >> 64)
    bar.in1[0] = <u64>quote
    bar.in1[1] = <u64>(quote >> 64)
    return True


cdef inline void store(u64* limbs, const u256* value) noexcept nogil:
    limbs[0] = value.w[0]
    limbs[1] = value.w[1]
    limbs[2] = value.w[2]
    limbs[3] = value.w[3]


cdef inline bint set_price(const Terms* terms, Price* price, double value) noexcept nogil:
    """Find the root of `value` unless it is the price that is held already."""
    if price.value == value:
        return True
    price.value = value
    if find_root(terms, price):
        return True
    price.value = 0.0
    return False


cdef bint make_bar(
    const Terms* terms, const double* prices, double volume, Price* held, PoolBar* bar
) noexcept nogil:
    """One bar from open, high, low and close; `held` is the price looked at last."""
    cdef u256 root, high, low
    cdef int at
    for at in range(4):
        if not set_price(terms, held, prices[at]):
            return False
        root = held.root_x96
        if at == 0:
            high = low = root
            store(bar.open_x96, &root)
        elif u256_lt(high, root):
            high = root
        elif u256_lt(root, low):
            low = root
    store(bar.high_x96, &high)
    store(bar.low_x96, &low)
    store(bar.close_x96, &held.root_x96)
    return amounts_in(terms, held, volume, bar)


def pool_bars(
    const double[::1] opened,
    const double[::1] high,
    const double[::1] low,
    const double[::1] close,
    const double[::1] volume,
    unsigned char[::1] out,
    unsigned char[::1] declined,
    *,
    bint inverted,
    bint base_is_token0,
    int base_decimals,
    int quote_decimals,
    bint raw_volume,
):
    """Fill prices and amounts of bars from candles of a pool's price.

    Parameters
    ----------
    opened, high, low, close
        Prices above zero, quote per base in whole tokens; the other way round if `inverted`.
    volume
        In whole tokens of base, or in its raw units if `raw_volume`; without direction: half is
        taken as base in, half as quote in at the close. Not below zero.
    out
        Bytes of as many ``BAR`` records; their other fields are left alone.
    declined
        Receives 1 for each row this does not vouch for, else 0.

    Returns
    -------
    int
        How many rows were declined.
    """
    cdef Py_ssize_t count = opened.shape[0], at
    cdef Terms terms
    cdef Price held
    cdef PoolBar* bars
    cdef double[4] prices
    cdef Py_ssize_t refused = 0
    if not (
        count == high.shape[0] == low.shape[0] == close.shape[0] == volume.shape[0]
        == declined.shape[0]
    ) or out.shape[0] != count * <Py_ssize_t>sizeof(PoolBar):
        raise ValueError("pool_bars: columns differ in length")
    if count == 0:
        return 0
    terms.inverted = inverted
    terms.base_is_token0 = base_is_token0
    terms.scale = quote_decimals - base_decimals
    terms.base_decimals = 0 if raw_volume else base_decimals
    held.value = 0.0
    bars = <PoolBar*>&out[0]
    with nogil:
        for at in range(count):
            prices[0] = opened[at]
            prices[1] = high[at]
            prices[2] = low[at]
            prices[3] = close[at]
            declined[at] = not make_bar(&terms, prices, volume[at], &held, bars + at)
            refused += declined[at]
    return refused


def tick_prices(const long long[::1] ticks, u64[:, ::1] out):
    """Write the sqrt price at the lower edge of each tick as four limbs, lowest first.

    Raises
    ------
    ValueError
        If a tick is out of range.
    """
    cdef Py_ssize_t at
    cdef u256 root
    cdef long long last = 0
    cdef bint wrong = False
    if out.shape[0] != ticks.shape[0] or out.shape[1] != 4:
        raise ValueError("tick_prices: columns differ in length")
    with nogil:
        for at in range(ticks.shape[0]):
            if at == 0 or ticks[at] != last:
                last = ticks[at]
                if not MIN_TICK <= last <= MAX_TICK:
                    wrong = True
                    break
                root = sqrt_ratio_at_tick(<int>last)
            store(&out[at, 0], &root)
    if wrong:
        raise ValueError(f"tick {last} is out of range")
