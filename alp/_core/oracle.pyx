"""Library Oracle, exact: timestamps wrap at 32 bits, cumulatives at 56 and 160."""

from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memcpy, memset

from alp._core.division cimport divide_prepared
from alp._core.reverts cimport ERROR_MEMORY, OK, REVERT_I, REVERT_OLD
from alp._core.uint256 cimport (
    u64,
    u256_add,
    u256_div,
    u256_from_u64,
    u256_low160,
    u256_mul_overflows,
    u256_sub,
)


cdef Observation transform(
    const Observation* last, u32 time, int tick, const Divisor* by_liquidity
) noexcept nogil:
    """The observation at ``time``, had tick and liquidity held since ``last``."""
    cdef Observation result
    cdef u32 delta = time - last.block_timestamp
    cdef bint inexact
    cdef u256 per_liquidity = divide_prepared(by_liquidity, 0, 0, delta, 0, &inexact)
    result.block_timestamp = time
    result.initialized = True
    result.tick_cumulative = wrap_int56(last.tick_cumulative + <i64>tick * delta)
    result.seconds_per_liquidity_cumulative_x128 = u256_low160(
        u256_add(last.seconds_per_liquidity_cumulative_x128, per_liquidity)
    )
    return result


cdef int oracle_initialize(Oracle* oracle, u32 time) noexcept nogil:
    """Oracle.initialize: one observation, at ``time``."""
    free(oracle.slots)
    oracle.slots = <Observation*>calloc(1, sizeof(Observation))
    if oracle.slots == NULL:
        return ERROR_MEMORY
    oracle.slots[0].block_timestamp = time
    oracle.slots[0].initialized = True
    oracle.capacity = oracle.cardinality = oracle.cardinality_next = 1
    oracle.index = 0
    return OK


cdef int oracle_grow(Oracle* oracle, u32 next_cardinality) noexcept nogil:
    """Oracle.grow: make room for later observations; never shrinks."""
    cdef Observation* slots
    cdef u32 i
    if oracle.cardinality_next == 0:
        return REVERT_I
    if next_cardinality <= oracle.cardinality_next:
        return OK
    slots = <Observation*>realloc(oracle.slots, next_cardinality * sizeof(Observation))
    if slots == NULL:
        return ERROR_MEMORY
    oracle.slots = slots
    for i in range(oracle.cardinality_next, next_cardinality):
        memset(&slots[i], 0, sizeof(Observation))
        slots[i].block_timestamp = 1
    oracle.capacity = oracle.cardinality_next = next_cardinality
    return OK


cdef void oracle_write(
    Oracle* oracle, u32 time, int tick, const Divisor* by_liquidity
) noexcept nogil:
    """Oracle.write: at most one observation for each timestamp."""
    cdef Observation* last = &oracle.slots[oracle.index]
    if last.block_timestamp == time:
        return
    if oracle.cardinality_next > oracle.cardinality and oracle.index == oracle.cardinality - 1:
        oracle.cardinality = oracle.cardinality_next
    oracle.index += 1
    if oracle.index == oracle.cardinality:
        oracle.index = 0
    oracle.slots[oracle.index] = transform(last, time, tick, by_liquidity)


cdef Observation oracle_now(
    const Oracle* oracle, u32 time, int tick, const Divisor* by_liquidity
) noexcept nogil:
    """The cumulatives at the current block (Oracle.observeSingle with no seconds ago)."""
    cdef const Observation* last = &oracle.slots[oracle.index]
    if last.block_timestamp == time:
        return last[0]
    return transform(last, time, tick, by_liquidity)


cdef inline bint at_or_before(u32 time, u32 a, u32 b) noexcept nogil:
    """Oracle.lte: ``a <= b`` on a 32-bit clock that may have wrapped once before ``time``."""
    cdef u64 wrapped = <u64>1 << 32
    if a <= time and b <= time:
        return a <= b
    return (a if a > time else a + wrapped) <= (b if b > time else b + wrapped)


cdef void surrounding(
    const Oracle* oracle, u32 time, u32 target, Observation* before, Observation* after
) noexcept nogil:
    """Oracle.binarySearch: the two kept observations around ``target``."""
    cdef u64 low = (oracle.index + 1) % oracle.cardinality
    cdef u64 high = low + oracle.cardinality - 1
    cdef u64 middle
    cdef bint reached
    while True:
        middle = (low + high) // 2
        before[0] = oracle.slots[middle % oracle.cardinality]
        if not before.initialized:
            low = middle + 1
            continue
        after[0] = oracle.slots[(middle + 1) % oracle.cardinality]
        reached = at_or_before(time, before.block_timestamp, target)
        if reached and at_or_before(time, target, after.block_timestamp):
            return
        if reached:
            low = middle + 1
        else:
            high = middle - 1


cdef Observation interpolate(
    const Observation* before, const Observation* after, u32 target
) noexcept nogil:
    cdef Observation result = before[0]
    cdef u32 span = after.block_timestamp - before.block_timestamp
    cdef u32 elapsed = target - before.block_timestamp
    cdef i64 ticks = wrap_int56(after.tick_cumulative - before.tick_cumulative)
    cdef u256 seconds
    cdef bint inexact
    result.tick_cumulative = wrap_int56(
        before.tick_cumulative + wrap_int56(ticks // <i64>span * <i64>elapsed)
    )
    seconds = u256_low160(
        u256_sub(
            after.seconds_per_liquidity_cumulative_x128,
            before.seconds_per_liquidity_cumulative_x128,
        )
    )
    u256_mul_overflows(seconds, u256_from_u64(elapsed), &seconds)
    result.seconds_per_liquidity_cumulative_x128 = u256_low160(
        u256_add(
            before.seconds_per_liquidity_cumulative_x128,
            u256_div(seconds, u256_from_u64(span), &inexact),
        )
    )
    return result


cdef int oracle_observe(
    const Oracle* oracle, u32 time, u32 seconds_ago, int tick, const Divisor* by_liquidity,
    Observation* result
) noexcept nogil:
    """Oracle.observeSingle."""
    cdef Observation before, after
    cdef const Observation* oldest
    cdef u32 target = time - seconds_ago
    if oracle.cardinality == 0:
        return REVERT_I
    if seconds_ago == 0:
        result[0] = oracle_now(oracle, time, tick, by_liquidity)
        return OK
    before = oracle.slots[oracle.index]
    if at_or_before(time, before.block_timestamp, target):
        if before.block_timestamp == target:
            result[0] = before
        else:
            result[0] = transform(&before, target, tick, by_liquidity)
        return OK
    oldest = &oracle.slots[(oracle.index + 1) % oracle.cardinality]
    if not oldest.initialized:
        oldest = &oracle.slots[0]
    if not at_or_before(time, oldest.block_timestamp, target):
        return REVERT_OLD
    surrounding(oracle, time, target, &before, &after)
    if target == before.block_timestamp:
        result[0] = before
    elif target == after.block_timestamp:
        result[0] = after
    else:
        result[0] = interpolate(&before, &after, target)
    return OK


cdef int oracle_copy(Oracle* target, const Oracle* source) noexcept nogil:
    cdef size_t size = <size_t>source.capacity * sizeof(Observation)
    target[0] = source[0]
    if source.slots == NULL:
        return OK
    target.slots = <Observation*>calloc(1, size)
    if target.slots == NULL:
        return ERROR_MEMORY
    memcpy(target.slots, source.slots, size)
    return OK


cdef void oracle_free(Oracle* oracle) noexcept nogil:
    free(oracle.slots)
    oracle.slots = NULL
