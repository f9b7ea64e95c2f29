"""Library Oracle: the ring of observations of one pool."""

from alp._core.division cimport Divisor
from alp._core.uint256 cimport i64, u32, u256

cdef struct Observation:
    u32 block_timestamp
    bint initialized
    i64 tick_cumulative                             # int56, sign extended
    u256 seconds_per_liquidity_cumulative_x128      # uint160

cdef struct Oracle:
    Observation* slots
    u32 capacity
    u32 index
    u32 cardinality
    u32 cardinality_next

cdef inline i64 wrap_int56(i64 value) noexcept nogil:
    return <i64>(<unsigned long long>value << 8) >> 8

# `by_liquidity` divides by the active liquidity, or by 1 where there is none, as the contract does.
cdef int oracle_initialize(Oracle* oracle, u32 time) noexcept nogil
cdef int oracle_grow(Oracle* oracle, u32 next_cardinality) noexcept nogil
cdef void oracle_write(
    Oracle* oracle, u32 time, int tick, const Divisor* by_liquidity
) noexcept nogil
cdef Observation oracle_now(
    const Oracle* oracle, u32 time, int tick, const Divisor* by_liquidity
) noexcept nogil
cdef int oracle_observe(
    const Oracle* oracle, u32 time, u32 seconds_ago, int tick, const Divisor* by_liquidity,
    Observation* result
) noexcept nogil
cdef int oracle_copy(Oracle* target, const Oracle* source) noexcept nogil
cdef void oracle_free(Oracle* oracle) noexcept nogil
