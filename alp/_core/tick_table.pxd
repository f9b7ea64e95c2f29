"""Initialised ticks of a pool: their fields in a hash table, their places in a bitmap.

The bitmap is the contract's, laid out flat over the whole price range, with one summary bit for
each 256-bit word that is not empty. The table is open addressing on the tick; an entry that was
cleared keeps its slot until the table is next rebuilt.
"""

from alp._core.uint256 cimport i64, i128, u32, u64, u128, u256

cdef struct TickInfo:
    int tick
    bint used                   # the slot holds a key; the tick may be cleared all the same
    u128 liquidity_gross        # as the contract's: real liquidity only
    i128 liquidity_net
    u128 ghost_gross            # the same two of ghost liquidity
    i128 ghost_net
    u256 fee_growth_outside0_x128
    u256 fee_growth_outside1_x128
    u256 seconds_per_liquidity_outside_x128
    u256 sqrt_price_x96         # of this tick, kept to spare computing it at every crossing
    i64 tick_cumulative_outside
    u32 seconds_outside

cdef struct TickTable:
    TickInfo* slots
    u32 mask                    # number of slots - 1, a power of two less one
    u32 used

cdef struct TickBitmap:
    u64* words                  # four to a 256-bit word, least significant first
    u64* summary
    int first_word              # the contract's word position of words[0..3]
    int word_count
    int spacing

cdef inline bint tick_is_live(const TickInfo* info) noexcept nogil:
    return info.liquidity_gross != 0 or info.ghost_gross != 0

cdef int tick_table_reserve(TickTable* table, u32 extra) noexcept nogil
cdef TickInfo* tick_find(const TickTable* table, int tick) noexcept nogil
cdef TickInfo* tick_insert(TickTable* table, int tick) noexcept nogil
cdef int tick_table_copy(TickTable* target, const TickTable* source) noexcept nogil
cdef void tick_table_free(TickTable* table) noexcept nogil

cdef int bitmap_create(TickBitmap* bitmap, int min_tick, int max_tick, int spacing) noexcept nogil
cdef int bitmap_copy(TickBitmap* target, const TickBitmap* source) noexcept nogil
cdef void bitmap_free(TickBitmap* bitmap) noexcept nogil
cdef void bitmap_flip(TickBitmap* bitmap, int tick) noexcept nogil
cdef bint bitmap_next_within_word(
    const TickBitmap* bitmap, int tick, bint lte, int* next_tick
) noexcept nogil
cdef bint bitmap_next(const TickBitmap* bitmap, int tick, bint lte, int* next_tick) noexcept nogil
