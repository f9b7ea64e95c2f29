# Several replayed markets on one clock, as whoever decides on them hears of them.

from alp._core.tick_world cimport TickWorld
from alp._core.uint256 cimport i64

cdef struct Listened:
    Py_ssize_t first            # rows that were received at the last moment
    Py_ssize_t end
    i64 bid                     # the touch that was told last
    i64 bid_lots
    i64 ask
    i64 ask_lots
    int heard                   # HeardBit


cdef class TickClock:
    cdef object _replays
    cdef TickWorld** worlds
    cdef Listened* listened
    cdef Py_ssize_t count
    cdef readonly i64 now_ns
    cdef bint _play(self, i64 until_ns) noexcept nogil
    cdef object _tell(self, Py_ssize_t market, Listened* own)
