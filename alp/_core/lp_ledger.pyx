"""The exact ledger of our own positions: principal, fees, LVR and price P&L in integers.

The rule it guarantees is stated in ``lp_ledger.pxd``: value changes split into price, LVR and
fees without a remainder. Python reads values as integers in units of ``quote raw * 10**-28``.
"""

from alp._core.uint256 cimport (
    u64, u128, u256, u256_add, u256_sub, u256_lt, u256_le, u256_from_u128, u256_from_limbs,
    u256_low128, u256_fits_128, u256_mul_div, u256_from_int, u128_from_int, u128_to_int,
    i256_to_int, limbs_multiply,
)
from alp._core.liquidity_amounts cimport amounts_for_liquidity
from alp._core.tickmath cimport sqrt_ratio_at_tick

MARK_SCALE = 10**28
"""Mark prices and ledger values are integers on this scale."""


cdef inline u128 _scale() noexcept nogil:
    return (<u128>0x204FCE5EULL << 64) | <u128>0x3E25026110000000ULL


cdef inline u256 _q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef inline u256 _product(u128 a, u128 b) noexcept nogil:
    cdef u64 left[2]
    cdef u64 right[2]
    cdef u64 out[4]
    left[0], left[1] = <u64>a, <u64>(a >> 64)
    right[0], right[1] = <u64>b, <u64>(b >> 64)
    limbs_multiply(out, left, 2, right, 2)
    return u256_from_limbs(out[0], out[1], out[2], out[3])


cdef inline void _accumulate(u256* total, u128 before, u128 after, u128 price) noexcept nogil:
    """total += (after - before) * price, in two's complement."""
    if after > before:
        total[0] = u256_add(total[0], _product(after - before, price))
    elif after < before:
        total[0] = u256_sub(total[0], _product(before - after, price))


cdef int ledger_mark(const u256* sqrt_price, bint base_is_token0, u128* mark) noexcept nogil:
    """Quote raw per base raw * 10**28 at a sqrt price; nonzero where it does not fit 128 bits.

    Each step floors: ((p * p) >> 96) * 10**28 >> 96 for a token0 base, and
    ((10**28 << 96) / p << 96) / p for a token1 base.
    """
    cdef u256 step, out
    if base_is_token0:
        if u256_mul_div(sqrt_price[0], sqrt_price[0], _q96(), &step):
            return 1
        if u256_mul_div(step, u256_from_u128(_scale()), _q96(), &out):
            return 1
    else:
        if u256_mul_div(u256_from_u128(_scale()), _q96(), sqrt_price[0], &step):
            return 1
        if u256_mul_div(step, _q96(), sqrt_price[0], &out):
            return 1
    if not u256_fits_128(out):
        return 1
    mark[0] = u256_low128(out)
    return 0


cdef void ledger_principal(const Ledger* ledger, const OwnPosition* own, const u256* sqrt_price,
                           u128* base, u128* quote) noexcept nogil:
    """What a burn of the whole position would pay now, rounded down as the pool does."""
    cdef u256 amount0, amount1
    # Cannot overflow: both amounts of a uint128 liquidity inside the tick range fit 160 bits.
    amounts_for_liquidity(
        sqrt_price[0], own.sqrt_lower, own.sqrt_upper, own.liquidity, &amount0, &amount1
    )
    if ledger.base_is_token0:
        base[0] = u256_low128(amount0)
        quote[0] = u256_low128(amount1)
    else:
        base[0] = u256_low128(amount1)
        quote[0] = u256_low128(amount0)


cdef inline int _side(const OwnPosition* own, const u256* sqrt_price) noexcept nogil:
    """-1 below the range, 0 inside, 1 above."""
    if u256_le(sqrt_price[0], own.sqrt_lower):
        return -1
    return 0 if u256_lt(sqrt_price[0], own.sqrt_upper) else 1


cdef void ledger_step(Ledger* ledger, OwnPosition* own, const u256* sqrt_price, u128 mark,
                      u128 fee0, u128 fee1) noexcept nogil:
    """Account one position from the ledger's last mark and price to the given ones.

    The caller moves ``ledger.mark`` and ``ledger.sqrt_price`` on once every position was stepped.
    """
    cdef u128 base = own.base, quote = own.quote
    cdef u128 fee_base = fee0, fee_quote = fee1
    cdef u128 held = own.base + own.fee_base
    cdef int side = _side(own, sqrt_price)
    if not ledger.base_is_token0:
        fee_base, fee_quote = fee1, fee0
    # Out of range on the same side the principal has not moved.
    if side == 0 or side != _side(own, &ledger.sqrt_price):
        ledger_principal(ledger, own, sqrt_price, &base, &quote)
    if mark > ledger.mark:
        own.price = u256_add(own.price, _product(held, mark - ledger.mark))
    elif mark < ledger.mark:
        own.price = u256_sub(own.price, _product(held, ledger.mark - mark))
    _accumulate(&own.lvr, own.base, base, mark)
    _accumulate(&own.lvr, own.quote, quote, _scale())
    _accumulate(&own.fees, own.fee_base, fee_base, mark)
    _accumulate(&own.fees, own.fee_quote, fee_quote, _scale())
    own.base = base
    own.quote = quote
    own.fee_base = fee_base
    own.fee_quote = fee_quote


cdef int ledger_open(Ledger* ledger, int tick_lower, int tick_upper, u128 liquidity) noexcept nogil:
    """Add a position at the ledger's current price and mark; its slot, or -1 where all are taken."""
    cdef int slot = 0
    cdef OwnPosition* own
    while slot < ledger.count and ledger.own[slot].live:
        slot += 1
    if slot == MAX_OWN:
        return -1
    if slot == ledger.count:
        ledger.count += 1
    own = &ledger.own[slot]
    own.live = True
    own.tick_lower = tick_lower
    own.tick_upper = tick_upper
    own.sqrt_lower = sqrt_ratio_at_tick(tick_lower)
    own.sqrt_upper = sqrt_ratio_at_tick(tick_upper)
    own.liquidity = liquidity
    own.fee_base = own.fee_quote = 0
    own.price = own.lvr = own.fees = u256_from_u128(0)
    own.in_range_ns = 0
    ledger_principal(ledger, own, &ledger.sqrt_price, &own.base, &own.quote)
    return slot


cdef dict ledger_read(const OwnPosition* own):
    """One position's books as Python integers; values in quote raw * 10**-28."""
    return {
        "tick_lower": own.tick_lower,
        "tick_upper": own.tick_upper,
        "liquidity": u128_to_int(own.liquidity),
        "base": u128_to_int(own.base),
        "quote": u128_to_int(own.quote),
        "fee_base": u128_to_int(own.fee_base),
        "fee_quote": u128_to_int(own.fee_quote),
        "price": i256_to_int(own.price),
        "lvr": i256_to_int(own.lvr),
        "fees": i256_to_int(own.fees),
        "in_range_ns": own.in_range_ns,
    }


def mark_price(sqrt_price_x96, bint base_is_token0):
    """Return quote raw per base raw * 10**28, floored as the ledger floors it.

    Raises
    ------
    OverflowError
        If the price does not fit 128 bits on this scale.
    """
    cdef u256 price = u256_from_int(sqrt_price_x96)
    cdef u128 mark = 0
    if ledger_mark(&price, base_is_token0, &mark):
        raise OverflowError(f"mark price at sqrtPriceX96 {sqrt_price_x96} exceeds 128 bits")
    return u128_to_int(mark)
