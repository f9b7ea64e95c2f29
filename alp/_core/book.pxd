# One instrument's order book by level: prices in ticks, quantities in lots.
#
# Each side is a flat array over a window of ticks round the touch, with a bit for every level that
# is there, so the next best level is a few instructions away. What lies outside the window is in a
# hash table: a tenth of the changes of a busy feed are parked orders far away that nobody trades
# with. The window follows the market.

from alp._core.uint256 cimport i64, u64

cdef enum:
    SLOTS = 32768
    WORDS = 512                 # SLOTS / 64
    GROUPS = 8                  # WORDS / 64

cdef struct Level:
    i64 price
    i64 quantity

# Open addressing; quantity 0 is an empty place, so that a removed level leaves a tombstone.
cdef struct FarLevels:
    Level* places
    unsigned char* used         # 1 where something is or was
    i64 room                    # a power of two
    i64 taken                   # places used
    i64 count                   # levels there

cdef struct Side:
    bint bid
    bint astray                 # a better level than the window can hold, or none left in it
    int best                    # slot, -1 where the window is empty
    i64 base                    # tick of slot 0
    i64 count                   # levels, far ones included
    u64 groups[GROUPS]
    u64 words[WORDS]
    i64* quantity
    FarLevels far

cdef struct BookState:
    Side bids
    Side asks

cdef int book_create(BookState* book) noexcept nogil
cdef void book_destroy(BookState* book) noexcept nogil
cdef void book_clear(BookState* book) noexcept nogil
# Nonzero where memory ran out; the book must then be cleared.
cdef int book_settle(BookState* book) noexcept nogil
cdef int side_set_far(Side* side, i64 price, i64 quantity) noexcept nogil
cdef void side_lost_best(Side* side) noexcept nogil
# Remove what lies beyond the best `depth` levels; after `book_settle`.
cdef void side_truncate(Side* side, i64 depth) noexcept nogil
cdef Py_ssize_t side_depth(const Side* side, Level* levels, Py_ssize_t most) noexcept nogil
# The quantity at a price, 0 where there is no level.
cdef i64 side_at(const Side* side, i64 price) noexcept nogil


cdef inline void side_put(Side* side, u64 slot, i64 quantity) noexcept nogil:
    """Set the quantity of a slot of the window; `book_settle` must follow.

    Only what is rare is a branch: whether a level comes, goes or changes is anybody's guess, and a
    wrong guess costs more than all of this. The bit says what was there, so that nothing waits for
    the old quantity to come from farther memory.
    """
    cdef u64 word = slot >> 6
    cdef u64 bit = <u64>1 << (slot & 63)
    cdef u64 before = side.words[word]
    cdef u64 after = (before & ~bit) | (bit & (0 - <u64>(quantity != 0)))
    cdef int beyond = <int>slot - side.best
    side.quantity[slot] = quantity
    side.words[word] = after
    side.count += <i64>(quantity != 0) - <i64>(before & bit != 0)
    if (before == 0) != (after == 0):
        side.groups[word >> 6] ^= <u64>1 << (word & 63)
    if (beyond >= 0 if side.bid else beyond <= 0) or side.best < 0:
        if quantity:
            side.best = <int>slot
        elif beyond == 0:
            side_lost_best(side)


cdef inline int side_set(Side* side, i64 price, i64 quantity) noexcept nogil:
    """Set the absolute quantity at a price, 0 to remove it; `book_settle` must follow.

    Nonzero where memory ran out.
    """
    cdef u64 slot = <u64>(price - side.base)
    if slot >= <u64>SLOTS:
        return side_set_far(side, price, quantity)
    side_put(side, slot, quantity)
    return 0


cdef inline bint side_best(const Side* side, i64* price, i64* quantity) noexcept nogil:
    """The best level; false where the side is empty. Only between `book_settle` and a change."""
    if side.best < 0:
        return False
    price[0] = side.base + side.best
    quantity[0] = side.quantity[side.best]
    return True


cdef inline bint book_crossed(const BookState* book) noexcept nogil:
    """Whether the best bid is at or above the best ask."""
    return (
        book.bids.best >= 0 and book.asks.best >= 0
        and book.bids.base + book.bids.best >= book.asks.base + book.asks.best
    )


cdef class Book:
    cdef BookState state
    cdef const Side* _side(self, bint bid) noexcept nogil
