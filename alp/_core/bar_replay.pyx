"""Replay of bars (minutes, OHLC) against our own positions, at the fidelity bars allow.

Between decisions nothing here touches Python: :meth:`BarReplay.advance` runs over bars until a
stop is met. Two fee models:

``PATH``   our liquidity is traded along the path previous close, open, low and high (low first in
           a bar whose sqrt price rises, high first otherwise), close: each leg pays the pool fee
           on what it brings in. Needs prices only; what traded back and forth inside a leg is
           unseen, so it is a lower bound.
``SHARE``  the bar's inflow pays the pool fee, of which we get our share of the liquidity, for the
           part of the bar's [low, high] that lies in our range. Needs inflow and liquidity.

Principal, marks and the ledger are exact integers in both.
"""

from libc.string cimport memset

from alp._core.division cimport divide_short, divisor_of
from alp._core.lp_ledger cimport (
    SAMPLE_ROOM,
    Ledger,
    OwnPosition,
    Sample,
    ledger_amounts,
    ledger_holdings,
    ledger_mark,
    ledger_open,
    ledger_read,
    ledger_sample,
    ledger_step,
    sample_read,
    sampler_drain,
    sampler_start,
    sampler_take,
)
from alp._core.prepared_price cimport (
    Price,
    amount0_between,
    amount1_between,
    price_le,
    price_lt,
    price_of,
)
from alp._core.tickmath cimport tick_at_sqrt_ratio
from alp._core.uint256 cimport (
    i64,
    u64,
    u128,
    u128_from_int,
    u128_to_int,
    u160_from_int,
    u256,
    u256_eq,
    u256_fits_160,
    u256_from_int,
    u256_from_limbs,
    u256_from_u128,
    u256_is_zero,
    u256_le,
    u256_low128,
    u256_lt,
    u256_mul_div,
    u256_sub,
    u256_to_double,
    u256_to_int,
)

PATH = 0
SHARE = 1

END = 0
TIME = 1
PRICE = 2
FULL = 3
"""No room for another sample: collect them and go on."""

cdef i64 NEVER_NS = 0x7FFFFFFFFFFFFFFF

cdef enum:
    LEGS = 4            # of a bar's path, from the close before
    FAULT = -1
    END_ = 0
    TIME_ = 1
    PRICE_ = 2
    FULL_ = 3

_FAULTS = {
    1: "bar's mark price does not fit 128 bits",
    2: "bar has no liquidity, which the share-of-liquidity fee model needs",
    3: "bar's sqrt price is not between 0 and 2**160",
}

cdef inline double _q96() noexcept nogil:
    return 79228162514264337593543950336.0


cdef inline u256 _wide(const u64* limbs) noexcept nogil:
    return u256_from_limbs(limbs[0], limbs[1], limbs[2], limbs[3])


cdef inline u128 _narrow(const u64* limbs) noexcept nogil:
    return (<u128>limbs[1] << 64) | limbs[0]


cdef inline u256 _max(u256 a, u256 b) noexcept nogil:
    return b if u256_lt(a, b) else a


cdef inline u256 _min(u256 a, u256 b) noexcept nogil:
    return a if u256_lt(a, b) else b


cdef inline u128 _fee_on_top(Run* run, u256 amount) noexcept nogil:
    """floor(amount * fee / (1 - fee)) without overflowing 128 bits."""
    # Operands of one type each: Cython takes a mixed quotient to be the narrower one.
    cdef u128 paid = u256_low128(amount)
    cdef u128 fee = run.fee_pips
    cdef u128 rest = run.kept.value
    if paid >> 108 == 0:
        return divide_short(paid * fee, &run.kept)
    return paid / rest * fee + paid % rest * fee / rest


cdef inline u128 _fee_within(Run* run, const u64* amount) noexcept nogil:
    """floor(amount * fee) without overflowing 128 bits."""
    cdef u128 paid = _narrow(amount)
    cdef u128 fee = run.fee_pips
    cdef u128 whole = 1000000
    return paid / whole * fee + paid % whole * fee / whole


cdef inline void _grow(Run* run, const Price* start, const Price* stop, bint up) noexcept nogil:
    """What one unit of liquidity in range all along earns on one leg."""
    if up:
        run.growth1 += run.markup * u256_to_double(u256_sub(stop.x96, start.x96)) / _q96()
    else:
        run.growth0 += run.markup * (_q96() / stop.near - _q96() / start.near)


cdef inline void _trade(Run* run, int slot, Price* bottom, Price* top, bint up) noexcept nogil:
    """Fees of one leg: the pool fee on top of what moves us along it."""
    cdef OwnPosition* own = &run.ledger.own[slot]
    cdef Price* low = &own.lower if price_lt(bottom, &own.lower) else bottom
    cdef Price* high = &own.upper if price_lt(&own.upper, top) else top
    if not price_lt(low, high):
        return
    if up:
        run.fee1[slot] += _fee_on_top(run, amount1_between(low, high, own.liquidity))
    else:
        run.fee0[slot] += _fee_on_top(run, amount0_between(low, high, own.liquidity))


cdef void _path(Run* run, Price* low, Price* high, Price* opened, Price* close) noexcept nogil:
    """Fees of one bar, along the path that its four prices allow."""
    cdef Price* points[LEGS + 1]
    cdef Price* bottom[LEGS]
    cdef Price* top[LEGS]
    cdef bint up[LEGS]
    cdef Price* lowest = low
    cdef Price* highest = high
    cdef OwnPosition* own
    cdef int slot, leg, legs = 0
    cdef bint falls = price_lt(close, opened)
    points[0] = &run.ledger.price
    points[1] = opened
    points[2] = high if falls else low
    points[3] = low if falls else high
    points[4] = close
    for leg in range(LEGS):
        if u256_eq(points[leg].x96, points[leg + 1].x96):
            continue
        up[legs] = price_lt(points[leg], points[leg + 1])
        bottom[legs] = points[leg] if up[legs] else points[leg + 1]
        top[legs] = points[leg + 1] if up[legs] else points[leg]
        _grow(run, points[leg], points[leg + 1], up[legs])
        legs += 1
    if price_lt(points[0], lowest):
        lowest = points[0]
    if price_lt(highest, points[0]):
        highest = points[0]
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if not own.live or price_le(highest, &own.lower) or price_le(&own.upper, lowest):
            continue
        for leg in range(legs):
            _trade(run, slot, bottom[leg], top[leg], up[leg])


cdef int _share(Run* run, const Bar* bar) noexcept nogil:
    """Our share of the bar's fees; 2 where the bar has no liquidity."""
    cdef int slot
    cdef u128 total = _narrow(bar.liquidity)
    cdef u256 low = _wide(bar.low_x96), high = _wide(bar.high_x96)
    cdef u256 bottom, top, span, part, fee0, fee1
    cdef OwnPosition* own
    cdef bint still = u256_eq(low, high)
    if (bar.in0[0] | bar.in0[1] | bar.in1[0] | bar.in1[1]) == 0:
        return 0
    if total == 0:
        return 2
    run.growth0 += u256_to_double(u256_from_u128(_fee_within(run, bar.in0))) / <double>total
    run.growth1 += u256_to_double(u256_from_u128(_fee_within(run, bar.in1))) / <double>total
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if own.live and u256_le(own.lower.x96, high) and u256_lt(low, own.upper.x96):
            total += own.liquidity
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if not own.live or u256_lt(high, own.lower.x96) or u256_le(own.upper.x96, low):
            continue
        fee0 = u256_from_u128(_fee_within(run, bar.in0))
        fee1 = u256_from_u128(_fee_within(run, bar.in1))
        u256_mul_div(fee0, u256_from_u128(own.liquidity), u256_from_u128(total), &fee0)
        u256_mul_div(fee1, u256_from_u128(own.liquidity), u256_from_u128(total), &fee1)
        if not still:
            bottom = _max(low, own.lower.x96)
            top = _min(high, own.upper.x96)
            part = u256_sub(top, bottom)
            span = u256_sub(high, low)
            u256_mul_div(fee0, part, span, &fee0)
            u256_mul_div(fee1, part, span, &fee1)
        run.fee0[slot] += u256_low128(fee0)
        run.fee1[slot] += u256_low128(fee1)
    return 0


cdef inline bint _usable(u256 sqrt_price) noexcept nogil:
    return u256_fits_160(sqrt_price) and not u256_is_zero(sqrt_price)


cdef inline bint _still(const Ledger* ledger, const Bar* bar) noexcept nogil:
    """Whether the price stood where it was before the bar."""
    cdef int i
    cdef u64 moved = 0
    for i in range(4):
        moved |= bar.close_x96[i] ^ ledger.price.x96.w[i]
        moved |= bar.open_x96[i] ^ bar.close_x96[i]
        moved |= (bar.high_x96[i] ^ bar.close_x96[i]) | (bar.low_x96[i] ^ bar.close_x96[i])
    return moved == 0


cdef inline void _pass_time(Run* run, const Bar* bar) noexcept nogil:
    """The end of a bar whose prices are in the ledger."""
    cdef const Price* price = &run.ledger.price
    cdef int slot
    cdef OwnPosition* own
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if own.live and price_le(&own.lower, price) and price_lt(price, &own.upper):
            own.in_range_ns += bar.period_ns
    run.ledger.ts_ns = bar.ts_ns + bar.period_ns
    run.liquidity = _narrow(bar.liquidity)
    run.bars += 1


cdef int _apply(Run* run, const Bar* bar) noexcept nogil:
    """One bar; nonzero is a key of ``_FAULTS`` and leaves the ledger at the bar before."""
    cdef Ledger* ledger = &run.ledger
    cdef Price close, opened, low, high
    cdef u128 mark = 0
    cdef int slot, fault
    cdef OwnPosition* own
    if run.fee_model == 0 and _still(ledger, bar):
        _pass_time(run, bar)
        return 0
    if not (_usable(_wide(bar.close_x96)) and _usable(_wide(bar.open_x96))
            and _usable(_wide(bar.low_x96)) and _usable(_wide(bar.high_x96))):
        return 3
    close = price_of(_wide(bar.close_x96))
    if ledger_mark(&close, ledger.base_is_token0, &mark):
        return 1
    if run.fee_model == 0:
        opened = price_of(_wide(bar.open_x96))
        low = price_of(_wide(bar.low_x96))
        high = price_of(_wide(bar.high_x96))
        _path(run, &low, &high, &opened, &close)
    else:
        fault = _share(run, bar)
        if fault:
            return fault
    for slot in range(ledger.count):
        own = &ledger.own[slot]
        if own.live:
            ledger_step(ledger, own, &close, mark, run.fee0[slot], run.fee1[slot])
    ledger.mark = mark
    ledger.price = close
    _pass_time(run, bar)
    return 0


cdef int _advance(Run* run, const Bar* bars, i64 count, i64* index, i64 stop_ts_ns,
                  u256 sqrt_low, u256 sqrt_high, int* fault) noexcept nogil:
    cdef i64 end_ns
    while index[0] < count:
        end_ns = bars[index[0]].ts_ns + bars[index[0]].period_ns
        while run.sampler.next_ns < end_ns and run.sampler.next_ns <= stop_ts_ns:
            if run.sampler.count >= SAMPLE_ROOM - 1:
                return FULL_
            sampler_take(&run.sampler, &run.ledger, run.growth0, run.growth1)
        if end_ns > stop_ts_ns:
            return TIME_
        fault[0] = _apply(run, &bars[index[0]])
        if fault[0]:
            return FAULT
        index[0] += 1
        if (u256_le(run.ledger.price.x96, sqrt_low)
                or u256_le(sqrt_high, run.ledger.price.x96)):
            if run.sampler.next_ns == end_ns:
                # before whatever is decided at this very moment
                sampler_take(&run.sampler, &run.ledger, run.growth0, run.growth1)
            return PRICE_
    return END_


cdef class BarReplay:
    """Our positions on a pool known only by its bars.

    Parameters
    ----------
    fee_pips
        The pool's fee in millionths.
    base_is_token0
        Which token the ledger takes as base.
    fee_model
        :data:`PATH` or :data:`SHARE`.
    sqrt_price_x96, ts_ns
        Price and time before the first bar.
    """

    def __cinit__(self, int fee_pips, bint base_is_token0, int fee_model, sqrt_price_x96, i64 ts_ns):
        memset(&self.run, 0, sizeof(Run))
        self.run.fee_pips = fee_pips
        self.run.kept = divisor_of(1000000 - <u64>fee_pips)
        self.run.markup = fee_pips / (1e6 - fee_pips)
        self.run.fee_model = fee_model
        self.run.ledger.base_is_token0 = base_is_token0
        if sqrt_price_x96 == 0:
            raise ValueError("the sqrt price before the first bar is zero")
        self.run.ledger.price = price_of(u160_from_int(sqrt_price_x96))
        self.run.ledger.ts_ns = ts_ns
        self.run.sampler.next_ns = NEVER_NS
        if ledger_mark(&self.run.ledger.price, base_is_token0, &self.run.ledger.mark):
            raise OverflowError(_FAULTS[1])

    @property
    def ts_ns(self):
        """End of the last bar, nanoseconds UTC."""
        return self.run.ledger.ts_ns

    @property
    def sqrt_price_x96(self):
        """Close of the last bar."""
        return u256_to_int(self.run.ledger.price.x96)

    @property
    def tick(self):
        """Tick of the last close."""
        return tick_at_sqrt_ratio(self.run.ledger.price.x96)

    @property
    def mark(self):
        """Mark price at the last close, on the ledger's scale."""
        return u128_to_int(self.run.ledger.mark)

    @property
    def bars(self):
        """Bars applied so far."""
        return self.run.bars

    @property
    def liquidity(self):
        """Liquidity of the last bar; zero where it does not tell."""
        return u128_to_int(self.run.liquidity)

    @property
    def fee_growth(self):
        """Fees (token0, token1; raw, floats) of one unit of liquidity in range all along."""
        return self.run.growth0, self.run.growth1

    @property
    def holdings(self):
        """Raw (base, quote) of all positions, fees included."""
        return ledger_holdings(&self.run.ledger)

    def sample_every(self, i64 every_ns, i64 ts_ns):
        """Take a sample at each multiple of ``every_ns`` after ``ts_ns`` from now on."""
        sampler_start(&self.run.sampler, every_ns, ts_ns)

    def samples(self):
        """The samples taken since the last call, as bytes; see ``read_samples`` of the ledger."""
        return sampler_drain(&self.run.sampler)

    def sample(self, i64 ts_ns):
        """A sample of this moment."""
        cdef Sample now = ledger_sample(
            &self.run.ledger, ts_ns, self.run.growth0, self.run.growth1
        )
        return sample_read(&now)

    def open(self, int tick_lower, int tick_upper, liquidity):
        """Add a position at the last close; return (slot, amount0, amount1) as a mint takes them.

        Raises
        ------
        OverflowError
            If no slot is free.
        """
        cdef u128 amount = u128_from_int(liquidity)
        cdef int slot = ledger_open(&self.run.ledger, tick_lower, tick_upper, amount)
        if slot < 0:
            raise OverflowError("too many positions at once")
        self.run.fee0[slot] = self.run.fee1[slot] = 0
        amount0, amount1, _, _ = ledger_amounts(&self.run.ledger, &self.run.ledger.own[slot])
        return slot, amount0, amount1

    def close(self, int slot):
        """Remove a position; return (books, amount0, amount1) received, fees included.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        cdef OwnPosition* own = self._own(slot)
        base, quote = u128_to_int(own.base + own.fee_base), u128_to_int(own.quote + own.fee_quote)
        books = ledger_read(own)
        own.live = False
        if self.run.ledger.base_is_token0:
            return books, base, quote
        return books, quote, base

    cdef OwnPosition* _own(self, int slot) except NULL:
        if not 0 <= slot < self.run.ledger.count or not self.run.ledger.own[slot].live:
            raise IndexError(f"no position in slot {slot}")
        return &self.run.ledger.own[slot]

    def read(self, int slot):
        """Return a live position's books.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        return ledger_read(self._own(slot))

    def amounts(self, int slot):
        """Return raw (amount0, amount1, fees0, fees1) of a live position.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        return ledger_amounts(&self.run.ledger, self._own(slot))

    def advance(self, const unsigned char[::1] bars not None, i64 start, i64 stop_ts_ns,
                sqrt_low_x96, sqrt_high_x96):
        """Apply bars from row ``start`` on until a stop; return (next row, reason).

        Parameters
        ----------
        bars
            The bytes of a BAR array.
        stop_ts_ns
            A bar that ends after it is not applied (``TIME``).
        sqrt_low_x96, sqrt_high_x96
            A close at or beyond them is applied and stops the run (``PRICE``).

        With samples on, ``FULL`` asks for them to be collected before it can go on.

        Raises
        ------
        ValueError
            If a bar cannot be used; the message names its row.
        """
        cdef i64 count = bars.shape[0] // <i64>sizeof(Bar)
        cdef i64 index = start
        cdef u256 low = u256_from_int(sqrt_low_x96), high = u256_from_int(sqrt_high_x96)
        cdef int reason, fault = 0
        cdef const Bar* rows
        if bars.shape[0] % <i64>sizeof(Bar):
            raise ValueError("not the bytes of a BAR array")
        if start >= count:
            return start, END
        rows = <const Bar*>&bars[0]
        with nogil:
            reason = _advance(&self.run, rows, count, &index, stop_ts_ns, low, high, &fault)
        if reason < 0:
            raise ValueError(f"row {index}: {_FAULTS[fault]}")
        return index, reason
