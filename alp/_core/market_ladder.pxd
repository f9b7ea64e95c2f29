# One side of a market's book as a sorted table, with what our own orders took of each level.

from libc.string cimport memmove

from alp._core.uint256 cimport i64

cdef struct Level:
    i64 key                     # the price, negative on the ask side: the best is the largest
    i64 size
    i64 taken                   # by our orders since it was last told

cdef struct Ladder:
    int count
    int capacity
    Level* levels               # the best is last


cdef inline int ladder_search(const Ladder* ladder, i64 key) noexcept nogil:
    """Return where a key is, or is to be put."""
    cdef int low = 0, high = ladder.count, middle
    while low < high:
        middle = (low + high) >> 1
        if ladder.levels[middle].key < key:
            low = middle + 1
        else:
            high = middle
    return low


cdef inline i64 ladder_put(Ladder* ladder, i64 key, i64 size) noexcept nogil:
    """Set a level, and return its size before. Beyond the capacity the farthest is forgotten."""
    cdef int at = ladder_search(ladder, key)
    cdef Level* levels = ladder.levels
    cdef i64 before
    if at < ladder.count and levels[at].key == key:
        before = levels[at].size
        if size:
            levels[at].size = size
            levels[at].taken = 0
        else:
            ladder.count -= 1
            memmove(levels + at, levels + at + 1, (ladder.count - at) * sizeof(Level))
        return before
    if not size:
        return 0
    if ladder.count == ladder.capacity:
        if at == 0:
            return 0
        at -= 1
        memmove(levels, levels + 1, at * sizeof(Level))
    else:
        memmove(levels + at + 1, levels + at, (ladder.count - at) * sizeof(Level))
        ladder.count += 1
    levels[at].key = key
    levels[at].size = size
    levels[at].taken = 0
    return 0


cdef inline Level* ladder_level(const Ladder* ladder, i64 key) noexcept nogil:
    cdef int at = ladder_search(ladder, key)
    if at < ladder.count and ladder.levels[at].key == key:
        return ladder.levels + at
    return NULL


cdef inline Level* ladder_best(const Ladder* ladder) noexcept nogil:
    """Return the best level of which something is left."""
    cdef int at = ladder.count - 1
    while at >= 0:
        if ladder.levels[at].size > ladder.levels[at].taken:
            return ladder.levels + at
        at -= 1
    return NULL
