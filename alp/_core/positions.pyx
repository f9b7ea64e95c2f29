"""Library Position, exact, over an open-addressing table. Positions are never removed."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from alp._core.reverts cimport ERROR_MEMORY, OK, REVERT_NP
from alp._core.swapmath cimport add_delta
from alp._core.uint256 cimport u256_eq, u256_low128, u256_mul_shr128, u256_sub

cdef enum:
    FIRST_SLOTS = 64


cdef inline u64 mixed(u256 owner, int tick_lower, int tick_upper) noexcept nogil:
    cdef u64 h = owner.w[0] ^ (owner.w[1] * <u64>0x9E3779B97F4A7C15)
    h ^= owner.w[2] * <u64>0xC2B2AE3D27D4EB4F
    h ^= (<u64><u32>tick_lower << 32) | <u32>tick_upper
    h ^= h >> 32
    h *= <u64>0xD6E8FEB86659FD93
    return h ^ (h >> 32)


cdef inline u64 slot_of(
    const PositionTable* table, u256 owner, int tick_lower, int tick_upper
) noexcept nogil:
    cdef u64 slot = mixed(owner, tick_lower, tick_upper) & table.mask
    cdef const Position* p = &table.slots[slot]
    while p.used and not (
        p.tick_lower == tick_lower and p.tick_upper == tick_upper and u256_eq(p.owner, owner)
    ):
        slot = (slot + 1) & table.mask
        p = &table.slots[slot]
    return slot


cdef Position* position_find(
    const PositionTable* table, u256 owner, int tick_lower, int tick_upper
) noexcept nogil:
    """The position, NULL where it was never touched."""
    cdef Position* position
    if table.slots == NULL:
        return NULL
    position = &table.slots[slot_of(table, owner, tick_lower, tick_upper)]
    return position if position.used else NULL


cdef Position* position_insert(
    PositionTable* table, u256 owner, int tick_lower, int tick_upper
) noexcept nogil:
    """The position, made if need be; room must have been reserved."""
    cdef Position* position = &table.slots[slot_of(table, owner, tick_lower, tick_upper)]
    if not position.used:
        memset(position, 0, sizeof(Position))
        position.owner = owner
        position.tick_lower = tick_lower
        position.tick_upper = tick_upper
        position.used = True
        table.used += 1
    return position


cdef int position_table_reserve(PositionTable* table, u64 extra) noexcept nogil:
    """Make sure ``extra`` more positions fit; moves entries, so pointers to them end here."""
    cdef PositionTable larger
    cdef Position* p
    cdef u64 i
    cdef u64 slots = FIRST_SLOTS
    if table.slots != NULL and 2 * (table.used + extra) <= table.mask + 1:
        return OK
    while slots < 4 * (table.used + extra):
        slots *= 2
    larger.slots = <Position*>calloc(slots, sizeof(Position))
    if larger.slots == NULL:
        return ERROR_MEMORY
    larger.mask = slots - 1
    larger.used = table.used
    if table.slots != NULL:
        for i in range(table.mask + 1):
            p = &table.slots[i]
            if p.used:
                larger.slots[slot_of(&larger, p.owner, p.tick_lower, p.tick_upper)] = p[0]
    free(table.slots)
    table[0] = larger
    return OK


cdef int position_update(
    Position* position, i128 liquidity_delta, u256 inside0_x128, u256 inside1_x128
) noexcept nogil:
    """Position.update: book the fees earned since the last touch, then change the liquidity."""
    cdef u128 liquidity = position.liquidity
    cdef int code
    if liquidity_delta == 0:
        if liquidity == 0:
            return REVERT_NP
    else:
        code = add_delta(liquidity, liquidity_delta, &liquidity)
        if code != OK:
            return code
    position.tokens_owed0 += u256_low128(
        u256_mul_shr128(
            u256_sub(inside0_x128, position.fee_growth_inside0_last_x128), position.liquidity
        )
    )
    position.tokens_owed1 += u256_low128(
        u256_mul_shr128(
            u256_sub(inside1_x128, position.fee_growth_inside1_last_x128), position.liquidity
        )
    )
    position.liquidity = liquidity
    position.fee_growth_inside0_last_x128 = inside0_x128
    position.fee_growth_inside1_last_x128 = inside1_x128
    return OK


cdef int position_table_copy(PositionTable* target, const PositionTable* source) noexcept nogil:
    cdef size_t size
    target[0] = source[0]
    if source.slots == NULL:
        return OK
    size = (<size_t>source.mask + 1) * sizeof(Position)
    target.slots = <Position*>calloc(1, size)
    if target.slots == NULL:
        return ERROR_MEMORY
    memcpy(target.slots, source.slots, size)
    return OK


cdef void position_table_free(PositionTable* table) noexcept nogil:
    free(table.slots)
    table.slots = NULL
