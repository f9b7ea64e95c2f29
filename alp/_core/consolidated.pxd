# Several books of one thing as one: venues with grids of their own, merged on the finest common one.

from alp._core.book cimport Level, Side
from alp._core.feed cimport Market
from alp._core.uint256 cimport i64, u64, u128

cdef enum:
    MOST_VENUES = 64

# One venue's book, and the best levels of one side of it while they are merged.
cdef struct Venue:
    Market* market
    u64 price_factor            # common units of one of its ticks
    u64 quantity_factor         # common units of one of its lots
    Level* levels
    Py_ssize_t room
    Py_ssize_t count
    Py_ssize_t next             # the first that is not merged yet

# With factors of less than 2**56 and 64 venues at most, no product and no sum passes 128 bits.
cdef struct Merged:
    u128 price
    u128 quantity               # of all venues
    u64 venues                  # a bit for each that has the level

cdef class Consolidated:
    cdef Venue venues[MOST_VENUES]
    cdef int count
    cdef Merged* merged
    cdef Py_ssize_t room
    cdef list _feeds            # whose books these are: they live as long as the view
    cdef readonly tuple price_grid
    cdef readonly tuple quantity_grid
    # The venues whose book is live, a bit each.
    cdef u64 taking_part(self) noexcept nogil
    # The best level of all live books; false where there is none.
    cdef bint best(self, bint bid, Merged* level) noexcept nogil
    # Up to `most` levels into `merged`, best first; how many, or -1 where memory ran out.
    cdef Py_ssize_t merge(self, bint bid, Py_ssize_t most) noexcept nogil
    cdef int _gather(self, bint bid, Py_ssize_t most) noexcept nogil
    cdef int _add(self, row, price_unit, quantity_unit) except -1
    cdef list _levels(self, bint bid, Py_ssize_t most)
    cdef object _most(self, bint bid)
