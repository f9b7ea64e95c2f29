"""Replay of recorded pool events through the pool engine, with our own positions inside.

``OVERLAY``    history's path is kept. Our liquidity is a ghost: it moves no price and earns its share
               of every step's fee. Each recorded swap is run as the exact input or the exact
               output it can have been and must end on the recorded price; one that does not is
               walked there. That is what a swap stopped by its price limit did, if the amounts are
               the recorded ones too; otherwise the liquidity known was not the whole, and it is
               counted. The pool is then put on the recorded tick and liquidity.
``REEXECUTE``  our liquidity is real and recorded swaps run again as exact inputs, so the path leaves
               history's.

Mints and burns of others change liquidity without knowing their positions, since a window begins in
the middle of a pool's life. Between stops nothing here touches Python.
"""

from libc.string cimport memset

from alp._core.evmlog cimport PoolEvent
from alp._core.lp_ledger cimport (
    SAMPLE_ROOM,
    Ledger,
    OwnPosition,
    Sample,
    ledger_amounts,
    ledger_holdings,
    ledger_mark,
    ledger_open,
    ledger_principal,
    ledger_read,
    ledger_sample,
    ledger_step,
    sample_read,
    sampler_drain,
    sampler_start,
    sampler_take,
)
from alp._core.pool cimport Pool
from alp._core.pool_liquidity cimport pool_position_fees
from alp._core.pool_state cimport PoolState, pool_reserve, real_liquidity
from alp._core.pool_swap cimport SwapResult, pool_quote, pool_resync, pool_swap
from alp._core.prepared_price cimport Price, price_of
from alp._core.reverts cimport (
    ERROR_MEMORY, OK, REVERT_EMPTY, REVERT_LS, REVERT_TLU, raise_revert,
)
from alp._core.tick_table cimport TickInfo, bitmap_flip, tick_insert, tick_is_live
from alp._core.tickmath cimport MAX_SQRT_RATIO, MAX_TICK, MIN_SQRT_RATIO, MIN_TICK
from alp._core.uint256 cimport (
    i64, i128, i256, i256_is_negative, i256_to_int, u64, u128, u128_from_int, u128_to_int, u256,
    u256_add_u64, u256_eq, u256_from_int, u256_from_limbs, u256_from_u64, u256_from_u128,
    u256_is_zero, u256_le, u256_lt, u256_neg, u256_sub, u256_to_double, u256_to_int,
)

from alp._core.errors import Revert

OVERLAY = 0
REEXECUTE = 1

END = 0
TIME = 1
PRICE = 2
BLOCK = 3
FULL = 4
"""No room for another sample: collect them and go on."""

OWNER = (1 << 160) - 1
"""Owner of our position in slot 0; each further slot has the address below. Nobody has them."""

cdef i64 NEVER_NS = 0x7FFFFFFFFFFFFFFF
cdef double Q96 = 79228162514264337593543950336.0
cdef double Q128 = 340282366920938463463374607431768211456.0

cdef enum:
    END_ = 0
    TIME_ = 1
    PRICE_ = 2
    BLOCK_ = 3
    FULL_ = 4

cdef enum:
    KIND_SWAP = 1
    KIND_MINT = 2
    KIND_BURN = 3
    KIND_BAND = 16

cdef inline u256 _wide(const u64* limbs) noexcept nogil:
    return u256_from_limbs(limbs[0], limbs[1], limbs[2], limbs[3])


cdef inline u128 _narrow(const u64* limbs) noexcept nogil:
    return (<u128>limbs[1] << 64) | limbs[0]


cdef inline u64 _seconds(i64 ts_ns) noexcept nogil:
    return <u64>(ts_ns // 1000000000)


cdef inline u256 _open_limit(bint zero_for_one) noexcept nogil:
    if zero_for_one:
        return u256_add_u64(MIN_SQRT_RATIO, 1)
    return u256_sub(MAX_SQRT_RATIO, u256_from_u64(1))


cdef int _swap_to(Run* run, u256 target, u64 ts, SwapResult* result) noexcept nogil:
    """Trade until the price is ``target``, whatever it takes."""
    cdef bint down = u256_lt(target, run.pool.sqrt_price_x96)
    result.amount0 = result.amount1 = u256_from_u64(0)
    if u256_eq(target, run.pool.sqrt_price_x96):
        return OK
    # 2**254: more than any pool can take
    return pool_swap(run.pool, down, u256_from_limbs(0, 0, 0, <u64>1 << 62), target, ts, result)


cdef int _overlay_swap(Run* run, const PoolEvent* event, u64 ts) noexcept nogil:
    cdef SwapResult result
    cdef i256 amount0 = _wide(event.amount0), amount1 = _wide(event.amount1)
    cdef u256 target = _wide(event.sqrt_price_x96)
    cdef bint zero_for_one = not i256_is_negative(amount0) and not u256_is_zero(amount0)
    cdef i256 paid = amount0 if zero_for_one else amount1
    cdef i256 got = amount1 if zero_for_one else amount0
    cdef u256 limit = _open_limit(zero_for_one)
    cdef u128 liquidity = _narrow(event.liquidity)
    cdef i64* how = NULL
    cdef int code = OK
    if not i256_is_negative(paid) and not u256_is_zero(paid):
        code = pool_quote(run.pool, zero_for_one, paid, limit, &result)
        if code == OK and u256_eq(result.sqrt_price_x96, target):
            code = pool_swap(run.pool, zero_for_one, paid, limit, ts, &result)
            how = &run.counters.exact_in
        elif i256_is_negative(got):
            code = pool_quote(run.pool, zero_for_one, got, limit, &result)
            if code == OK and u256_eq(result.sqrt_price_x96, target):
                code = pool_swap(run.pool, zero_for_one, got, limit, ts, &result)
                how = &run.counters.exact_out
    if how == NULL:
        code = _swap_to(run, target, ts, &result)
        how = &run.counters.at_limit
    if not (u256_eq(result.amount0, amount0) and u256_eq(result.amount1, amount1)):
        how = &run.counters.by_price
    how[0] += 1
    if code != OK:
        return code
    if real_liquidity(run.pool) != liquidity:
        run.counters.liquidity_mismatches += 1
    elif run.pool.tick != event.tick:
        run.counters.tick_mismatches += 1
    else:
        return OK
    return pool_resync(run.pool, target, event.tick, liquidity, ts)


cdef int _reexecute_swap(Run* run, const PoolEvent* event, u64 ts) noexcept nogil:
    cdef SwapResult result
    cdef i256 amount0 = _wide(event.amount0), amount1 = _wide(event.amount1)
    cdef bint zero_for_one = not i256_is_negative(amount0) and not u256_is_zero(amount0)
    cdef i256 paid = amount0 if zero_for_one else amount1
    cdef double recorded, ours
    cdef int code
    if i256_is_negative(paid) or u256_is_zero(paid):
        return OK
    code = pool_swap(run.pool, zero_for_one, paid, _open_limit(zero_for_one), ts, &result)
    recorded = u256_to_double(_wide(event.sqrt_price_x96))
    ours = u256_to_double(run.pool.sqrt_price_x96)
    run.counters.last_gap_bps = ((ours / recorded) * (ours / recorded) - 1.0) * 1e4
    if abs(run.counters.last_gap_bps) > run.counters.worst_gap_bps:
        run.counters.worst_gap_bps = abs(run.counters.last_gap_bps)
    return code


cdef void _shift_tick(PoolState* pool, int tick, i128 net, u128 size, bint removing) noexcept nogil:
    """Change one boundary by a mint or burn of unknown owner; room must have been reserved."""
    cdef TickInfo* info = tick_insert(&pool.ticks, tick)
    cdef bint was_live = tick_is_live(info)
    cdef bint was_real = info.liquidity_gross != 0
    cdef u128 least
    info.liquidity_net = info.liquidity_net + net
    if removing:
        # Gross is a guess in a window that begins in the middle; it is never below |net|.
        least = <u128>info.liquidity_net if info.liquidity_net >= 0 else -<u128>info.liquidity_net
        size = info.liquidity_gross - size if info.liquidity_gross > size else 0
        info.liquidity_gross = size if size > least else least
    else:
        info.liquidity_gross = info.liquidity_gross + size
    # The bitmap knows real liquidity only; a tick may have been live by a ghost before.
    if was_real != (info.liquidity_gross != 0):
        bitmap_flip(&pool.bitmap, tick)
    if not was_live and tick_is_live(info) and tick <= pool.tick:
        info.fee_growth_outside0_x128 = pool.fee_growth_global0_x128
        info.fee_growth_outside1_x128 = pool.fee_growth_global1_x128


cdef int _shift_liquidity(PoolState* pool, int lower, int upper, u128 size,
                          bint removing) noexcept nogil:
    """A mint or burn whose position is not known; nonzero where it cannot have happened."""
    cdef i128 net = <i128>size
    if size == 0:
        return OK  # a poke: books fees of a position we do not know
    if lower >= upper or lower < MIN_TICK or upper > MAX_TICK:
        return REVERT_TLU
    if lower % pool.tick_spacing != 0 or upper % pool.tick_spacing != 0:
        return REVERT_EMPTY
    if lower <= pool.tick < upper and removing and real_liquidity(pool) < size:
        return REVERT_LS
    if pool_reserve(pool) != OK:
        return ERROR_MEMORY
    if removing:
        net = -net
    _shift_tick(pool, lower, net, size, removing)
    _shift_tick(pool, upper, -net, size, removing)
    if lower <= pool.tick < upper:
        pool.liquidity = pool.liquidity + <u128>net
    return OK


cdef int _apply(Run* run, const PoolEvent* event) noexcept nogil:
    """One event on the pool; a revert code, or OK."""
    cdef u64 ts = _seconds(event.ts_ns)
    cdef int code = OK
    cdef u256 low, high
    cdef SwapResult result
    run.counters.events += 1
    if event.kind == KIND_SWAP:
        run.counters.swaps += 1
        if run.reexecute:
            code = _reexecute_swap(run, event, ts)
        else:
            code = _overlay_swap(run, event, ts)
    elif event.kind == KIND_MINT or event.kind == KIND_BURN:
        if _shift_liquidity(run.pool, event.tick_lower, event.tick_upper,
                            _narrow(event.liquidity), event.kind == KIND_BURN) != OK:
            run.counters.liquidity_faults += 1
    elif event.kind == KIND_BAND:
        low = _wide(event.sqrt_price_x96)
        high = _wide(event.amount0)
        if u256_lt(run.pool.sqrt_price_x96, low):
            run.counters.swaps += 1
            code = _swap_to(run, low, ts, &result)
        elif u256_lt(high, run.pool.sqrt_price_x96):
            run.counters.swaps += 1
            code = _swap_to(run, high, ts, &result)
    return code


cdef void _own_trades(Run* run, double* d_base, double* d_quote) noexcept nogil:
    """How our principal changed since the last call, raw units."""
    cdef int slot
    cdef u128 base, quote
    cdef OwnPosition* own
    cdef Price price = price_of(run.pool.sqrt_price_x96)
    d_base[0] = d_quote[0] = 0.0
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if own.live:
            ledger_principal(&run.ledger, own, &price, &base, &quote)
            d_base[0] += <double>base - run.seen_base[slot]
            d_quote[0] += <double>quote - run.seen_quote[slot]
            run.seen_base[slot] = <double>base
            run.seen_quote[slot] = <double>quote


cdef int _settle(Run* run, i64 ts_ns) noexcept nogil:
    """Bring the ledger to the pool's state at ``ts_ns``; nonzero where the mark does not fit."""
    cdef u128 mark = 0, fee0 = 0, fee1 = 0
    cdef int slot
    cdef OwnPosition* own
    cdef Price price = price_of(run.pool.sqrt_price_x96)
    if ledger_mark(&price, run.ledger.base_is_token0, &mark):
        return 1
    for slot in range(run.ledger.count):
        own = &run.ledger.own[slot]
        if not own.live:
            continue
        pool_position_fees(run.pool, _owner(slot), own.tick_lower, own.tick_upper, &fee0, &fee1)
        if own.tick_lower <= run.pool.tick < own.tick_upper:
            own.in_range_ns += ts_ns - run.ledger.ts_ns
        ledger_step(&run.ledger, own, &price, mark, fee0, fee1)
    run.ledger.mark = mark
    run.ledger.price = price
    run.ledger.ts_ns = ts_ns
    return 0


cdef inline double _growth0(const Run* run) noexcept nogil:
    return u256_to_double(run.pool.fee_growth_global0_x128) / Q128


cdef inline double _growth1(const Run* run) noexcept nogil:
    return u256_to_double(run.pool.fee_growth_global1_x128) / Q128


cdef inline u256 _owner(int slot) noexcept nogil:
    return u256_from_limbs(~<u64>slot, ~<u64>0, 0xFFFFFFFF, 0)


cdef int _advance(Run* run, const PoolEvent* events, i64 count, i64* index, i64 stop_ts_ns,
                  i64 stop_block, u256 sqrt_low, u256 sqrt_high,
                  double* roots, double* d_base, double* d_quote) noexcept nogil:
    """Reason of the stop, or -1 - code of what went wrong at ``index``."""
    cdef const PoolEvent* event
    cdef int code
    while index[0] < count:
        event = &events[index[0]]
        while run.sampler.next_ns <= event.ts_ns and run.sampler.next_ns <= stop_ts_ns:
            if run.sampler.count == SAMPLE_ROOM:
                return FULL_
            if _settle(run, run.sampler.next_ns):
                return -1
            sampler_take(&run.sampler, &run.ledger, _growth0(run), _growth1(run))
        if event.ts_ns >= stop_ts_ns:
            return TIME_
        if event.block >= stop_block:
            return BLOCK_
        if event.ts_ns >= run.next_mark_ns:
            if _settle(run, run.next_mark_ns):
                return -1
            run.next_mark_ns = (event.ts_ns // run.mark_every_ns + 1) * run.mark_every_ns
        code = _apply(run, event)
        if code != OK:
            return -1 - code
        run.block = event.block
        _own_trades(run, &d_base[index[0]], &d_quote[index[0]])
        roots[index[0]] = u256_to_double(run.pool.sqrt_price_x96) / Q96
        index[0] += 1
        if (u256_le(run.pool.sqrt_price_x96, sqrt_low)
                or u256_le(sqrt_high, run.pool.sqrt_price_x96)):
            return PRICE_
    return END_


cdef class LpReplay:
    """Our positions inside a pool that relives recorded events.

    Parameters
    ----------
    pool
        The pool as it was when the window begins, without our liquidity.
    base_is_token0
        Which token the ledger takes as base.
    mode
        :data:`OVERLAY` or :data:`REEXECUTE`.
    mark_every_ns
        How often the ledger is settled at the pool's price; LVR is measured between these marks.
    ts_ns, block
        Where the window begins.
    """

    def __cinit__(self, Pool pool not None, bint base_is_token0, int mode, i64 mark_every_ns,
                  i64 ts_ns, i64 block):
        memset(&self.run, 0, sizeof(Run))
        if mark_every_ns <= 0:
            raise ValueError(f"mark_every_ns must be positive, not {mark_every_ns}")
        self._pool = pool
        self.run.pool = pool.state
        self.run.reexecute = mode == REEXECUTE
        self.run.mark_every_ns = mark_every_ns
        self.run.next_mark_ns = (ts_ns // mark_every_ns + 1) * mark_every_ns
        self.run.block = block
        self.run.ledger.base_is_token0 = base_is_token0
        self.run.ledger.ts_ns = ts_ns
        self.run.sampler.next_ns = NEVER_NS
        if _settle(&self.run, ts_ns):
            raise OverflowError("the pool's mark price does not fit 128 bits")

    @property
    def pool(self):
        """The pool; reading it between stops is safe, changing it is not."""
        return self._pool

    @property
    def block(self):
        """Block of the last event."""
        return self.run.block

    @property
    def ts_ns(self):
        """Time of the last settlement, nanoseconds UTC."""
        return self.run.ledger.ts_ns

    @property
    def mark(self):
        """Mark price at the last settlement, on the ledger's scale."""
        return u128_to_int(self.run.ledger.mark)

    @property
    def fee_growth(self):
        """Fees (token0, token1; raw, floats) of one unit of liquidity in range all along."""
        return _growth0(&self.run), _growth1(&self.run)

    def sample_every(self, i64 every_ns, i64 ts_ns):
        """Take a sample at each multiple of ``every_ns`` after ``ts_ns`` from now on."""
        sampler_start(&self.run.sampler, every_ns, ts_ns)

    def samples(self):
        """The samples taken since the last call, as bytes; see ``read_samples`` of the ledger."""
        return sampler_drain(&self.run.sampler)

    def sample(self, i64 ts_ns):
        """A sample of this moment; the ledger is settled for it."""
        cdef Sample now
        self.settle(ts_ns)
        now = ledger_sample(&self.run.ledger, ts_ns, _growth0(&self.run), _growth1(&self.run))
        return sample_read(&now)

    @property
    def holdings(self):
        """Raw (base, quote) of all positions as of the last settlement, fees included."""
        return ledger_holdings(&self.run.ledger)

    @property
    def others_liquidity(self):
        """Liquidity at the price that is not ours."""
        cdef u128 ours = 0
        cdef int slot
        cdef OwnPosition* own
        if not self.run.reexecute:
            return u128_to_int(real_liquidity(self.run.pool))
        for slot in range(self.run.ledger.count):
            own = &self.run.ledger.own[slot]
            if own.live and own.tick_lower <= self.run.pool.tick < own.tick_upper:
                ours += own.liquidity
        return u128_to_int(self.run.pool.liquidity - ours)

    @property
    def counters(self):
        """What was replayed and how faithfully."""
        return dict(self.run.counters)

    def open(self, int tick_lower, int tick_upper, liquidity, i64 ts_ns):
        """Mint; return (slot, amount0, amount1) as the pool takes them.

        Raises
        ------
        Revert
            As the pool's mint does.
        OverflowError
            If no slot is free.
        """
        cdef int slot
        self.settle(ts_ns)
        slot = ledger_open(&self.run.ledger, tick_lower, tick_upper, u128_from_int(liquidity))
        if slot < 0:
            raise OverflowError("too many positions at once")
        try:
            amount0, amount1 = self._pool.mint(
                OWNER - slot, tick_lower, tick_upper, liquidity, ts_ns // 10**9,
                ghost=not self.run.reexecute,
            )
        except Revert:
            self.run.ledger.own[slot].live = False
            raise
        self.run.seen_base[slot] = <double>self.run.ledger.own[slot].base
        self.run.seen_quote[slot] = <double>self.run.ledger.own[slot].quote
        return slot, amount0, amount1

    def close(self, int slot, i64 ts_ns):
        """Burn and collect everything; return (books, amount0, amount1) received.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        cdef OwnPosition* own
        self.settle(ts_ns)
        own = self._own(slot)
        books = ledger_read(own)
        lower, upper = own.tick_lower, own.tick_upper
        self._pool.burn(
            OWNER - slot, lower, upper, u128_to_int(own.liquidity), ts_ns // 10**9
        )
        everything = (1 << 128) - 1
        received = self._pool.collect(OWNER - slot, lower, upper, everything, everything)
        own.live = False
        return books, received[0], received[1]

    def quote(self, bint zero_for_one, amount_in):
        """What selling an exact amount would do: signed (amount0, amount1) into the pool.

        Raises
        ------
        Revert
            As the pool's swap does.
        """
        quote = self._pool.quote(zero_for_one, amount_in, u256_to_int(_open_limit(zero_for_one)))
        return quote[:2]

    def swap(self, bint zero_for_one, amount_in, i64 ts_ns):
        """Sell an exact amount; with OVERLAY the recorded price stays as it is.

        Raises
        ------
        Revert
            As the pool's swap does.
        """
        if not self.run.reexecute:
            return self.quote(zero_for_one, amount_in)
        self.settle(ts_ns)
        limit = u256_to_int(_open_limit(zero_for_one))
        paid = self._pool.swap(zero_for_one, amount_in, limit, ts_ns // 10**9)
        self.settle(ts_ns)
        return paid

    def settle(self, i64 ts_ns):
        """Bring the ledger to the pool's present state and the time to ``ts_ns``."""
        if ts_ns < self.run.ledger.ts_ns:
            raise ValueError(f"time goes backwards: {ts_ns} after {self.run.ledger.ts_ns}")
        if _settle(&self.run, ts_ns):
            raise OverflowError("the pool's mark price does not fit 128 bits")

    cdef OwnPosition* _own(self, int slot) except NULL:
        if not 0 <= slot < self.run.ledger.count or not self.run.ledger.own[slot].live:
            raise IndexError(f"no position in slot {slot}")
        return &self.run.ledger.own[slot]

    def read(self, int slot):
        """Return a live position's books as of the last settlement.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        return ledger_read(self._own(slot))

    def amounts(self, int slot):
        """Return raw (amount0, amount1, fees0, fees1) of a live position as of the last settlement.

        Raises
        ------
        IndexError
            If there is no live position in the slot.
        """
        return ledger_amounts(&self.run.ledger, self._own(slot))

    def advance(self, const unsigned char[::1] events not None, i64 start, i64 stop_ts_ns,
                i64 stop_block, sqrt_low_x96, sqrt_high_x96, double[::1] roots not None,
                double[::1] d_base not None, double[::1] d_quote not None):
        """Apply events from row ``start`` on until a stop; return (next row, reason).

        Parameters
        ----------
        events
            The bytes of a POOL_EVENT array.
        stop_ts_ns, stop_block
            An event at or beyond either is not applied (``TIME``, ``BLOCK``).
        sqrt_low_x96, sqrt_high_x96
            An event that brings the price to or beyond them is applied and stops the run.
        roots, d_base, d_quote
            Written for every row applied: square root of the raw price after it, and what it did
            to our principal (raw units).

        Raises
        ------
        Revert
            If the pool refused an event; everything before it was applied.
        """
        cdef i64 count = events.shape[0] // <i64>sizeof(PoolEvent)
        cdef i64 index = start
        cdef u256 low = u256_from_int(sqrt_low_x96), high = u256_from_int(sqrt_high_x96)
        cdef int reason
        cdef const PoolEvent* rows
        if events.shape[0] % <i64>sizeof(PoolEvent):
            raise ValueError("not the bytes of a POOL_EVENT array")
        if min(roots.shape[0], d_base.shape[0], d_quote.shape[0]) < count:
            raise ValueError("output columns are shorter than the events")
        if start >= count:
            return start, END
        rows = <const PoolEvent*>&events[0]
        with nogil:
            reason = _advance(&self.run, rows, count, &index, stop_ts_ns, stop_block, low, high,
                              &roots[0], &d_base[0], &d_quote[0])
        if reason == -1:
            raise OverflowError(f"row {index}: mark price does not fit 128 bits")
        if reason < 0:
            raise_revert(-1 - reason)
        return index, reason
