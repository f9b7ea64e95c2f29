"""Tick table and tick bitmap (libraries Tick and TickBitmap)."""

from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

from alp._core.reverts cimport ERROR_MEMORY, OK, raise_revert
from alp._core.tickmath cimport sqrt_ratio_at_tick
from alp._core.uint256 cimport c_int, clz64, ctz64

cdef enum:
    FIRST_SLOTS = 64


cdef inline u32 slot_of(const TickTable* table, int tick) noexcept nogil:
    """The slot that holds ``tick`` or the free one where it belongs."""
    cdef u32 slot = (<u32>tick * <u32>0x9E3779B1) >> 7 & table.mask
    while table.slots[slot].used and table.slots[slot].tick != tick:
        slot = (slot + 1) & table.mask
    return slot


cdef TickInfo* tick_find(const TickTable* table, int tick) noexcept nogil:
    """The entry of a tick, NULL where it was never used. A cleared entry reads as zeros."""
    cdef TickInfo* info
    if table.slots == NULL:
        return NULL
    info = &table.slots[slot_of(table, tick)]
    return info if info.used else NULL


cdef TickInfo* tick_insert(TickTable* table, int tick) noexcept nogil:
    """The entry of a tick, made if need be; room must have been reserved."""
    cdef TickInfo* info = &table.slots[slot_of(table, tick)]
    if not info.used:
        memset(info, 0, sizeof(TickInfo))
        info.tick = tick
        info.used = True
        info.sqrt_price_x96 = sqrt_ratio_at_tick(tick)
        table.used += 1
    return info


cdef int tick_table_reserve(TickTable* table, u32 extra) noexcept nogil:
    """Make sure ``extra`` more ticks fit; moves entries, so pointers to them end here."""
    cdef TickTable larger
    cdef u32 i, live = 0, slots = FIRST_SLOTS
    if table.slots != NULL and 2 * (table.used + extra) <= table.mask + 1:
        return OK
    if table.slots != NULL:
        for i in range(table.mask + 1):
            live += table.slots[i].used and tick_is_live(&table.slots[i])
    while slots < 4 * (live + extra):
        slots *= 2
    larger.slots = <TickInfo*>calloc(slots, sizeof(TickInfo))
    if larger.slots == NULL:
        return ERROR_MEMORY
    larger.mask = slots - 1
    larger.used = live
    if table.slots != NULL:
        for i in range(table.mask + 1):
            if table.slots[i].used and tick_is_live(&table.slots[i]):
                larger.slots[slot_of(&larger, table.slots[i].tick)] = table.slots[i]
    free(table.slots)
    table[0] = larger
    return OK


cdef int tick_table_copy(TickTable* target, const TickTable* source) noexcept nogil:
    cdef size_t size
    target[0] = source[0]
    if source.slots == NULL:
        return OK
    size = (<size_t>source.mask + 1) * sizeof(TickInfo)
    target.slots = <TickInfo*>calloc(1, size)
    if target.slots == NULL:
        return ERROR_MEMORY
    memcpy(target.slots, source.slots, size)
    return OK


cdef void tick_table_free(TickTable* table) noexcept nogil:
    free(table.slots)
    table.slots = NULL


cdef inline int floor_divide(int a, int b) noexcept nogil:
    cdef int q = a // b
    return q - 1 if a < 0 and q * b != a else q


cdef int bitmap_create(TickBitmap* bitmap, int min_tick, int max_tick, int spacing) noexcept nogil:
    """An empty bitmap that can hold every multiple of ``spacing`` between the two ticks."""
    bitmap.spacing = spacing
    bitmap.first_word = floor_divide(min_tick, spacing) >> 8
    bitmap.word_count = (((floor_divide(max_tick, spacing) + 1) >> 8) - bitmap.first_word) + 1
    bitmap.words = <u64*>calloc(4 * bitmap.word_count, sizeof(u64))
    bitmap.summary = <u64*>calloc((bitmap.word_count >> 6) + 1, sizeof(u64))
    return OK if bitmap.words != NULL and bitmap.summary != NULL else ERROR_MEMORY


cdef int bitmap_copy(TickBitmap* target, const TickBitmap* source) noexcept nogil:
    cdef size_t words = 4 * <size_t>source.word_count * sizeof(u64)
    cdef size_t summary = (<size_t>(source.word_count >> 6) + 1) * sizeof(u64)
    target[0] = source[0]
    target.words = <u64*>calloc(1, words)
    target.summary = <u64*>calloc(1, summary)
    if target.words == NULL or target.summary == NULL:
        return ERROR_MEMORY
    memcpy(target.words, source.words, words)
    memcpy(target.summary, source.summary, summary)
    return OK


cdef void bitmap_free(TickBitmap* bitmap) noexcept nogil:
    free(bitmap.words)
    free(bitmap.summary)
    bitmap.words = NULL
    bitmap.summary = NULL


cdef void bitmap_flip(TickBitmap* bitmap, int tick) noexcept nogil:
    """Flip the bit of a multiple of the spacing (TickBitmap.flipTick)."""
    cdef int place = floor_divide(tick, bitmap.spacing) - (bitmap.first_word << 8)
    cdef int word = place >> 8
    cdef u64* limbs = &bitmap.words[4 * word]
    limbs[(place & 255) >> 6] ^= <u64>1 << (place & 63)
    if limbs[0] | limbs[1] | limbs[2] | limbs[3]:
        bitmap.summary[word >> 6] |= <u64>1 << (word & 63)
    else:
        bitmap.summary[word >> 6] &= ~(<u64>1 << (word & 63))


cdef inline int highest_at_or_below(const u64* words, int place, int first) noexcept nogil:
    """Highest set bit in ``first .. place`` (``first`` starts a limb), or -1."""
    cdef int limb = place >> 6
    cdef u64 bits = words[limb] << (63 - (place & 63)) >> (63 - (place & 63))
    while bits == 0:
        limb -= 1
        if limb < first >> 6:
            return -1
        bits = words[limb]
    return (limb << 6) + 63 - clz64(bits)


cdef inline int lowest_at_or_above(const u64* words, int place, int last) noexcept nogil:
    """Lowest set bit in ``place .. last`` (``last`` ends a limb), or -1."""
    cdef int limb = place >> 6
    cdef u64 bits = words[limb] >> (place & 63) << (place & 63)
    while bits == 0:
        limb += 1
        if limb > last >> 6:
            return -1
        bits = words[limb]
    return (limb << 6) + ctz64(bits)


cdef bint bitmap_next_within_word(
    const TickBitmap* bitmap, int tick, bint lte, int* next_tick
) noexcept nogil:
    """TickBitmap.nextInitializedTickWithinOneWord; true where the tick found is initialised."""
    cdef int base = bitmap.first_word << 8
    cdef int place = floor_divide(tick, bitmap.spacing) - base
    cdef int found
    if lte:
        found = highest_at_or_below(bitmap.words, place, place & ~255)
        next_tick[0] = (base + (found if found >= 0 else place & ~255)) * bitmap.spacing
    else:
        place += 1
        found = lowest_at_or_above(bitmap.words, place, place | 255)
        next_tick[0] = (base + (found if found >= 0 else place | 255)) * bitmap.spacing
    return found >= 0


cdef bint bitmap_next(const TickBitmap* bitmap, int tick, bint lte, int* next_tick) noexcept nogil:
    """The next initialised tick at any distance: at or below, or strictly above; false if none."""
    cdef int base = bitmap.first_word << 8
    cdef int word
    if bitmap_next_within_word(bitmap, tick, lte, next_tick):
        return True
    word = (next_tick[0] // bitmap.spacing - base) >> 8
    if lte:
        word = highest_at_or_below(bitmap.summary, word - 1, 0) if word > 0 else -1
        if word < 0:
            return False
        next_tick[0] = highest_at_or_below(bitmap.words, (word << 8) + 255, word << 8)
    else:
        if word + 1 < bitmap.word_count:
            word = lowest_at_or_above(bitmap.summary, word + 1, bitmap.word_count - 1)
        else:
            word = -1
        if word < 0:
            return False
        next_tick[0] = lowest_at_or_above(bitmap.words, word << 8, (word << 8) + 255)
    next_tick[0] = (next_tick[0] + base) * bitmap.spacing
    return True


def next_initialized_tick_within_one_word(
    initialized: list[int], tick: int, tick_spacing: int, lte: bool
) -> tuple[int, bool]:
    """TickBitmap.nextInitializedTickWithinOneWord over the given initialised ticks.

    Returns
    -------
    tuple of int and bool
        The next tick in the same word, and whether it is initialised.

    Raises
    ------
    ValueError
        The spacing is not positive, or a tick is not a multiple of it.
    """
    cdef TickBitmap bitmap
    cdef int next_tick
    cdef bint found
    if tick_spacing <= 0 or [t for t in initialized if t % tick_spacing]:
        raise ValueError("ticks must be multiples of a positive spacing")
    lowest = min([tick] + initialized)
    highest = max([tick] + initialized) + 256 * tick_spacing
    raise_revert(bitmap_create(&bitmap, c_int(lowest), c_int(highest), c_int(tick_spacing)))
    for initialized_tick in initialized:
        bitmap_flip(&bitmap, c_int(initialized_tick))
    found = bitmap_next_within_word(&bitmap, c_int(tick), lte, &next_tick)
    bitmap_free(&bitmap)
    return next_tick, found
