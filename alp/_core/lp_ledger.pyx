"""The exact ledger of our own positions: principal, fees, LVR and price P&L in integers.

The rule it guarantees is stated in ``lp_ledger.pxd``: value changes split into price, LVR and
fees without a remainder. Python reads values as integers in units of ``quote raw * 10**-28``.
"""

from alp._core.division cimport divide_prepared
from alp._core.prepared_price cimport (
    Price,
    amount0_between,
    amount1_between,
    prepare,
    price_le,
    price_lt,
    price_of,
)
from alp._core.tickmath cimport sqrt_ratio_at_tick
from alp._core.uint256 cimport (
    i64,
    i256_to_int,
    limbs_multiply,
    u64,
    u128,
    u128_from_int,
    u128_shl96,
    u128_to_int,
    u160_from_int,
    u256,
    u256_add,
    u256_fits_128,
    u256_from_limbs,
    u256_from_u64,
    u256_from_u128,
    u256_low128,
    u256_mul_div,
    u256_shl96,
    u256_sub,
    u256_to_int,
)

MARK_SCALE = 10**28
"""Mark prices and ledger values are integers on this scale."""


cdef inline u256 _q96() noexcept nogil:
    return u256_from_limbs(0, <u64>1 << 32, 0, 0)


cdef inline void _accumulate(u256* total, u128 before, u128 after, u128 price) noexcept nogil:
    """total += (after - before) * price, in two's complement."""
    if after > before:
        total[0] = u256_add(total[0], ledger_product(after - before, price))
    elif after < before:
        total[0] = u256_sub(total[0], ledger_product(before - after, price))


cdef inline bint _shift_96_fits_128(const u64* wide, int limbs, u128* result) noexcept nogil:
    """``wide >> 96`` where that fits 128 bits."""
    cdef int i
    for i in range(4, limbs):
        if wide[i]:
            return False
    if wide[3] >> 32:
        return False
    result[0] = (<u128>((wide[2] >> 32) | (wide[3] << 32)) << 64) | (wide[1] >> 32) | (wide[2] << 32)
    return True


cdef int ledger_mark(Price* price, bint base_is_token0, u128* mark) noexcept nogil:
    """Quote raw per base raw * 10**28 at a sqrt price; nonzero where it does not fit 128 bits.

    Each step floors: ((p * p) >> 96) * 10**28 >> 96 for a token0 base, and
    ((10**28 << 96) / p << 96) / p for a token1 base.
    """
    cdef u64 square[6]
    cdef u64 scale[2]
    cdef u64 wide[6]
    cdef u256 step, out
    cdef bint inexact
    cdef int i
    scale[0], scale[1] = <u64>ledger_scale(), <u64>(ledger_scale() >> 64)
    if base_is_token0:
        limbs_multiply(square, price.x96.w, 3, price.x96.w, 3)
        for i in range(4):
            square[i] = (square[i + 1] >> 32) | (square[i + 2] << 32)
        limbs_multiply(wide, square, 4, scale, 2)
        return 0 if _shift_96_fits_128(wide, 6, mark) else 1
    if price.short:
        prepare(price)
        # No price is below 2**32, so a quotient times 2**96 fits 256 bits.
        step = u128_shl96(ledger_scale())
        step = divide_prepared(
            &price.by, step.w[0], step.w[1], step.w[2], step.w[3], &inexact
        )
        step = u256_shl96(step)
        out = divide_prepared(&price.by, step.w[0], step.w[1], step.w[2], step.w[3], &inexact)
        if not u256_fits_128(out):
            return 1
        mark[0] = u256_low128(out)
        return 0
    if u256_mul_div(u256_from_u128(ledger_scale()), _q96(), price.x96, &step):
        return 1
    if u256_mul_div(step, _q96(), price.x96, &out) or not u256_fits_128(out):
        return 1
    mark[0] = u256_low128(out)
    return 0


cdef void ledger_principal(const Ledger* ledger, OwnPosition* own, Price* price,
                           u128* base, u128* quote) noexcept nogil:
    """What a burn of the whole position would pay now, rounded down as the pool does."""
    cdef u128 amount0 = 0, amount1 = 0
    # Cannot overflow: both amounts of a uint128 liquidity inside the tick range fit 160 bits.
    if price_le(price, &own.lower):
        amount0 = u256_low128(amount0_between(&own.lower, &own.upper, own.liquidity))
    elif price_lt(price, &own.upper):
        amount0 = u256_low128(amount0_between(price, &own.upper, own.liquidity))
        amount1 = u256_low128(amount1_between(&own.lower, price, own.liquidity))
    else:
        amount1 = u256_low128(amount1_between(&own.lower, &own.upper, own.liquidity))
    base[0] = amount0 if ledger.base_is_token0 else amount1
    quote[0] = amount1 if ledger.base_is_token0 else amount0


cdef inline int _side(const OwnPosition* own, const Price* price) noexcept nogil:
    """-1 below the range, 0 inside, 1 above."""
    if price_le(price, &own.lower):
        return -1
    return 0 if price_lt(price, &own.upper) else 1


cdef void ledger_step(Ledger* ledger, OwnPosition* own, Price* price, u128 mark,
                      u128 fee0, u128 fee1) noexcept nogil:
    """Account one position from the ledger's last mark and price to the given ones.

    The caller moves ``ledger.mark`` and ``ledger.price`` on once every position was stepped.
    """
    cdef u128 base = own.base, quote = own.quote
    cdef u128 fee_base = fee0, fee_quote = fee1
    cdef u128 held = own.base + own.fee_base
    cdef int side = _side(own, price)
    if not ledger.base_is_token0:
        fee_base, fee_quote = fee1, fee0
    # Out of range on the same side the principal has not moved.
    if side == 0 or side != _side(own, &ledger.price):
        ledger_principal(ledger, own, price, &base, &quote)
    if mark > ledger.mark:
        own.price = u256_add(own.price, ledger_product(held, mark - ledger.mark))
    elif mark < ledger.mark:
        own.price = u256_sub(own.price, ledger_product(held, ledger.mark - mark))
    _accumulate(&own.lvr, own.base, base, mark)
    _accumulate(&own.lvr, own.quote, quote, ledger_scale())
    _accumulate(&own.fees, own.fee_base, fee_base, mark)
    _accumulate(&own.fees, own.fee_quote, fee_quote, ledger_scale())
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
    own.lower = price_of(sqrt_ratio_at_tick(tick_lower))
    own.upper = price_of(sqrt_ratio_at_tick(tick_upper))
    own.liquidity = liquidity
    own.fee_base = own.fee_quote = 0
    own.price = own.lvr = own.fees = u256_from_u128(0)
    own.in_range_ns = 0
    ledger_principal(ledger, own, &ledger.price, &own.base, &own.quote)
    return slot


cdef class PositionBooks:
    """What the ledger says of one position at a moment, by name; values in quote raw * 10**-28.

    Names are ``tick_lower``, ``tick_upper``, ``liquidity``, ``base``, ``quote`` (principal),
    ``fee_base``, ``fee_quote``, ``price``, ``lvr``, ``fees`` and ``in_range_ns``.
    """

    cdef dict _decoded(self):
        cdef const OwnPosition* own = &self.own
        if self.values is None:
            self.values = {
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
        return self.values

    def __getitem__(self, name):
        return self._decoded()[name]

    def keys(self):
        """The names, so that ``dict`` takes it all."""
        return self._decoded().keys()


cdef PositionBooks ledger_read(const OwnPosition* own):
    """One position's books as they are now."""
    cdef PositionBooks books = PositionBooks.__new__(PositionBooks)
    books.own = own[0]
    return books


cdef Sample ledger_sample(
    const Ledger* ledger, i64 ts_ns, double growth0, double growth1
) noexcept nogil:
    """All live positions together, as of the ledger's last step."""
    cdef Sample sample
    cdef const OwnPosition* own
    cdef int slot
    sample.ts_ns = ts_ns
    sample.mark = u256_from_u128(ledger.mark)
    sample.growth0 = growth0
    sample.growth1 = growth1
    sample.base = sample.quote = sample.price = sample.lvr = sample.fees = u256_from_u64(0)
    for slot in range(ledger.count):
        own = &ledger.own[slot]
        if not own.live:
            continue
        sample.base = u256_add(sample.base, u256_from_u128(own.base + own.fee_base))
        sample.quote = u256_add(sample.quote, u256_from_u128(own.quote + own.fee_quote))
        sample.price = u256_add(sample.price, own.price)
        sample.lvr = u256_add(sample.lvr, own.lvr)
        sample.fees = u256_add(sample.fees, own.fees)
    return sample


cdef tuple ledger_amounts(const Ledger* ledger, const OwnPosition* own):
    """Raw (amount0, amount1, fees0, fees1) of a position."""
    base, quote = u128_to_int(own.base), u128_to_int(own.quote)
    fee_base, fee_quote = u128_to_int(own.fee_base), u128_to_int(own.fee_quote)
    if ledger.base_is_token0:
        return base, quote, fee_base, fee_quote
    return quote, base, fee_quote, fee_base


cdef tuple ledger_holdings(const Ledger* ledger):
    """Raw (base, quote) of all live positions, uncollected fees included."""
    cdef Sample now = ledger_sample(ledger, ledger.ts_ns, 0.0, 0.0)
    return u256_to_int(now.base), u256_to_int(now.quote)


cdef void sampler_take(
    Sampler* sampler, const Ledger* ledger, double growth0, double growth1
) noexcept nogil:
    """Write the sample that is due; the caller has seen that there is room."""
    sampler.rows[sampler.count] = ledger_sample(ledger, sampler.next_ns, growth0, growth1)
    sampler.count += 1
    sampler.next_ns += sampler.every_ns


cdef void sampler_start(Sampler* sampler, i64 every_ns, i64 ts_ns):
    """Sample at the multiples of ``every_ns`` after ``ts_ns``; samples not drained are kept."""
    if every_ns <= 0:
        raise ValueError(f"samples every {every_ns} ns")
    sampler.every_ns = every_ns
    sampler.next_ns = (ts_ns // every_ns + 1) * every_ns


cdef tuple sample_read(const Sample* sample):
    """One row as Python integers: time, mark, base, quote, price, lvr, fees, and the two growths."""
    return (
        sample.ts_ns,
        u256_to_int(sample.mark),
        u256_to_int(sample.base),
        u256_to_int(sample.quote),
        i256_to_int(sample.price),
        i256_to_int(sample.lvr),
        i256_to_int(sample.fees),
        sample.growth0,
        sample.growth1,
    )


cdef bytes sampler_drain(Sampler* sampler):
    """The rows taken since the last call, as they lie in memory."""
    cdef bytes rows = (<char*>sampler.rows)[: sampler.count * sizeof(Sample)]
    sampler.count = 0
    return rows


def read_samples(const unsigned char[::1] rows not None):
    """Decode rows of samples.

    Each is a tuple of time, mark, base, quote, price, lvr, fees, and fee growth of token0 and
    token1; see ``Sample``.

    Raises
    ------
    ValueError
        If the bytes are not whole rows.
    """
    cdef Py_ssize_t count = rows.shape[0] // <Py_ssize_t>sizeof(Sample)
    cdef Py_ssize_t i
    cdef const Sample* samples
    if rows.shape[0] % <Py_ssize_t>sizeof(Sample):
        raise ValueError("not the bytes of samples")
    if count == 0:
        return []
    samples = <const Sample*>&rows[0]
    return [sample_read(&samples[i]) for i in range(count)]


def mark_price(sqrt_price_x96, bint base_is_token0):
    """Return quote raw per base raw * 10**28, floored as the ledger floors it.

    Raises
    ------
    OverflowError
        If the price does not fit 128 bits on this scale, or 160 bits itself.
    ValueError
        If the price is zero.
    """
    cdef Price price
    cdef u128 mark = 0
    if sqrt_price_x96 == 0:
        raise ValueError("a sqrt price of zero has no mark price")
    price = price_of(u160_from_int(sqrt_price_x96))
    if ledger_mark(&price, base_is_token0, &mark):
        raise OverflowError(f"mark price at sqrtPriceX96 {sqrt_price_x96} exceeds 128 bits")
    return u128_to_int(mark)
