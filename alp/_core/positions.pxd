"""Library Position: a pool's positions, found by (owner, lower tick, upper tick)."""

from alp._core.uint256 cimport i128, u32, u64, u128, u256

cdef struct Position:
    u256 owner
    int tick_lower
    int tick_upper
    bint used
    bint ghost                  # its liquidity earns its share and moves no price
    u128 liquidity
    u256 fee_growth_inside0_last_x128
    u256 fee_growth_inside1_last_x128
    u128 tokens_owed0
    u128 tokens_owed1

cdef struct PositionTable:
    Position* slots
    u64 mask
    u64 used

cdef int position_table_reserve(PositionTable* table, u64 extra) noexcept nogil
cdef Position* position_find(
    const PositionTable* table, u256 owner, int tick_lower, int tick_upper
) noexcept nogil
cdef Position* position_insert(
    PositionTable* table, u256 owner, int tick_lower, int tick_upper
) noexcept nogil
cdef int position_update(
    Position* position, i128 liquidity_delta, u256 inside0_x128, u256 inside1_x128
) noexcept nogil
cdef int position_table_copy(PositionTable* target, const PositionTable* source) noexcept nogil
cdef void position_table_free(PositionTable* table) noexcept nogil
