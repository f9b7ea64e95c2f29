"""TickMath, exact.

``sqrt_ratio_at_tick`` multiplies the contract's Q128 constants in the contract's order; the
product over the low eight bits of the tick is a table, because those factors come first.

``tick_at_sqrt_ratio`` need not repeat the contract's bit-by-bit logarithm: the contract returns
the greatest tick whose ratio is at most the price, so a logarithm in doubles decides wherever it
is clear of a tick boundary and one exact ratio decides elsewhere.
"""

from libc.math cimport log

from alp._core.division cimport divide_limbs
from alp._core.reverts cimport REVERT_EMPTY, REVERT_R, REVERT_T, raise_revert
from alp._core.uint256 cimport (
    c_int,
    limbs_used,
    u128_max,
    u128_to_int,
    u256_div,
    u256_from_int,
    u256_from_limbs,
    u256_from_u64,
    u256_le,
    u256_lt,
    u256_to_double,
    u256_to_int,
)

MIN_SQRT_RATIO = u256_from_u64(4295128739)
MAX_SQRT_RATIO = u256_from_limbs(
    <u64>0x5D951D5263988D26, <u64>0xEFD1FC6A50648849, <u64>0xFFFD8963, 0
)

cdef enum:
    TABLE_BITS = 8
    TABLE_SIZE = 256
    FACTORS = 20

# 2**128 / 1.0001 ** (2 ** i / 2), high and low limb, as published in the contract.
cdef u64[FACTORS][2] FACTOR_LIMBS = [
    [0xFFFCB933BD6FAD37ULL, 0xAA2D162D1A594001ULL],
    [0xFFF97272373D4132ULL, 0x59A46990580E213AULL],
    [0xFFF2E50F5F656932ULL, 0xEF12357CF3C7FDCCULL],
    [0xFFE5CACA7E10E4E6ULL, 0x1C3624EAA0941CD0ULL],
    [0xFFCB9843D60F6159ULL, 0xC9DB58835C926644ULL],
    [0xFF973B41FA98C081ULL, 0x472E6896DFB254C0ULL],
    [0xFF2EA16466C96A38ULL, 0x43EC78B326B52861ULL],
    [0xFE5DEE046A99A2A8ULL, 0x11C461F1969C3053ULL],
    [0xFCBE86C7900A88AEULL, 0xDCFFC83B479AA3A4ULL],
    [0xF987A7253AC41317ULL, 0x6F2B074CF7815E54ULL],
    [0xF3392B0822B70005ULL, 0x940C7A398E4B70F3ULL],
    [0xE7159475A2C29B74ULL, 0x43B29C7FA6E889D9ULL],
    [0xD097F3BDFD2022B8ULL, 0x845AD8F792AA5825ULL],
    [0xA9F746462D870FDFULL, 0x8A65DC1F90E061E5ULL],
    [0x70D869A156D2A1B8ULL, 0x90BB3DF62BAF32F7ULL],
    [0x31BE135F97D08FD9ULL, 0x81231505542FCFA6ULL],
    [0x09AA508B5B7A84E1ULL, 0xC677DE54F3E99BC9ULL],
    [0x005D6AF8DEDB8119ULL, 0x6699C329225EE604ULL],
    [0x00002216E584F5FAULL, 0x1EA926041BEDFE98ULL],
    [0x00000000048A1703ULL, 0x91F7DC42444E8FA2ULL],
]
cdef u128[FACTORS] FACTOR
cdef u128[TABLE_SIZE] LOW_BITS
cdef double TICKS_PER_LOG = 2.0 / log(1.0001)
cdef double PER_Q96 = 1.0 / 79228162514264337593543950336.0
# The estimate errs by less than 1e-8 of a tick; within this distance of a boundary it is checked.
cdef double BOUNDARY = 1e-6


cdef inline u128 multiply_q128(u128 a, u128 b) noexcept nogil:
    """``a * b >> 128``."""
    cdef u64 a0 = <u64>a
    cdef u64 a1 = <u64>(a >> 64)
    cdef u64 b0 = <u64>b
    cdef u64 b1 = <u64>(b >> 64)
    cdef u128 low = <u128>a0 * b0
    cdef u128 middle = <u128>a1 * b0 + <u64>(low >> 64)
    cdef u128 other = <u128>a0 * b1 + <u64>middle
    return <u128>a1 * b1 + <u64>(middle >> 64) + <u64>(other >> 64)


cdef void fill_tables() noexcept nogil:
    cdef int i, bit
    for i in range(FACTORS):
        FACTOR[i] = (<u128>FACTOR_LIMBS[i][0] << 64) | FACTOR_LIMBS[i][1]
    for i in range(1, TABLE_SIZE):
        bit = TABLE_BITS - 1
        while not i >> bit & 1:
            bit -= 1
        if i == 1 << bit:
            LOW_BITS[i] = FACTOR[bit]
        else:
            LOW_BITS[i] = multiply_q128(LOW_BITS[i - (1 << bit)], FACTOR[bit])


fill_tables()


cdef u256 sqrt_ratio_at_tick(int tick) noexcept nogil:
    """TickMath.getSqrtRatioAtTick for a tick in range (the caller has checked)."""
    cdef int magnitude = -tick if tick < 0 else tick
    cdef u128 ratio = LOW_BITS[magnitude & (TABLE_SIZE - 1)]
    cdef bint started = (magnitude & (TABLE_SIZE - 1)) != 0
    cdef int rest = magnitude >> TABLE_BITS
    cdef int bit = TABLE_BITS
    cdef u64 numerator[4]
    cdef u64 denominator[2]
    cdef u256 quotient
    if magnitude == 0:
        return u256_from_limbs(0, <u64>1 << 32, 0, 0)
    while rest:
        if rest & 1:
            ratio = multiply_q128(ratio, FACTOR[bit]) if started else FACTOR[bit]
            started = True
        rest >>= 1
        bit += 1
    if tick < 0:
        quotient = u256_from_limbs(<u64>ratio, <u64>(ratio >> 64), 0, 0)
    else:
        numerator[0] = numerator[1] = numerator[2] = numerator[3] = <u64>0xFFFFFFFFFFFFFFFF
        denominator[0] = <u64>ratio
        denominator[1] = <u64>(ratio >> 64)
        quotient = u256_from_u64(0)
        divide_limbs(quotient.w, numerator, 4, denominator, limbs_used(denominator, 2))
    return round_up_to_x96(quotient)


cdef inline u256 round_up_to_x96(u256 ratio_x128) noexcept nogil:
    """Q128.128 to Q128.96, rounding up."""
    cdef u64 w0 = (ratio_x128.w[0] >> 32) | (ratio_x128.w[1] << 32)
    cdef u64 w1 = (ratio_x128.w[1] >> 32) | (ratio_x128.w[2] << 32)
    cdef u64 w2 = ratio_x128.w[2] >> 32
    if ratio_x128.w[0] & <u64>0xFFFFFFFF:
        w0 += 1
        if w0 == 0:
            w1 += 1
            if w1 == 0:
                w2 += 1
    return u256_from_limbs(w0, w1, w2, 0)


cdef bint sqrt_ratio_in_range(u256 sqrt_price_x96) noexcept nogil:
    return u256_le(MIN_SQRT_RATIO, sqrt_price_x96) and u256_lt(sqrt_price_x96, MAX_SQRT_RATIO)


cdef int tick_at_sqrt_ratio(u256 sqrt_price_x96) noexcept nogil:
    """TickMath.getTickAtSqrtRatio for a price in range (the caller has checked)."""
    cdef double position = log(u256_to_double(sqrt_price_x96) * PER_Q96) * TICKS_PER_LOG
    cdef int tick = <int>position
    cdef double above = position - tick
    if above < 0.0:
        tick -= 1
        above += 1.0
    if above > BOUNDARY and above < 1.0 - BOUNDARY:
        return tick
    if above > 0.5:
        tick += 1
    # `tick` is now the boundary the price is next to
    if tick > MAX_TICK:
        return MAX_TICK
    if u256_lt(sqrt_price_x96, sqrt_ratio_at_tick(tick)):
        return tick - 1
    return tick


cdef u128 max_liquidity_per_tick(int tick_spacing) noexcept nogil:
    """Tick.tickSpacingToMaxLiquidityPerTick."""
    cdef u64 ticks = 2 * <u64>(MAX_TICK // tick_spacing) + 1
    return u128_max() // ticks


def get_sqrt_ratio_at_tick(tick: int) -> int:
    """Square root of the price at ``tick``, Q64.96 (TickMath.getSqrtRatioAtTick).

    Raises
    ------
    Revert
        ``T``: the tick is outside -887272 .. 887272.
    """
    if not MIN_TICK <= tick <= MAX_TICK:
        raise_revert(REVERT_T)
    return u256_to_int(sqrt_ratio_at_tick(c_int(tick)))


def get_tick_at_sqrt_ratio(sqrt_price_x96: int) -> int:
    """Greatest tick whose ratio is at most the price (TickMath.getTickAtSqrtRatio).

    Raises
    ------
    Revert
        ``R``: the price is outside MIN_SQRT_RATIO .. MAX_SQRT_RATIO - 1.
    """
    cdef u256 price = u256_from_int(sqrt_price_x96)
    if not sqrt_ratio_in_range(price):
        raise_revert(REVERT_R)
    return tick_at_sqrt_ratio(price)


def tick_spacing_to_max_liquidity_per_tick(tick_spacing: int) -> int:
    """Most liquidity one tick may reference (Tick.tickSpacingToMaxLiquidityPerTick)."""
    if not 0 < tick_spacing < 1 << 23:
        raise_revert(REVERT_EMPTY)
    return u128_to_int(max_liquidity_per_tick(c_int(tick_spacing)))
