# The ladder as a Python object; all that decides is in ladder_diff.

from alp._core.ladder_diff cimport MOST_RESTING, LadderRules, LadderWork, Resting
from alp._core.orders cimport OrderTable
from alp._core.uint256 cimport i64

cdef class Ladder:
    cdef LadderRules rules
    cdef LadderWork* work
    cdef OrderTable orders
    cdef i64* since_ns
    cdef Resting found[2 * MOST_RESTING]
    # What rests of an instrument, into `found`; how many, or LADDER_TOO_MANY.
    cdef int gather(self, int instrument, i64 now_ns) noexcept nogil
