# The grid at C level, for whoever has prices one at a time.

from alp._core.estimators cimport Volatility
from alp._core.uint256 cimport i64


cdef class MinuteGrid:
    cdef Volatility volatility
    cdef bint every_price
    cdef bint begun
    cdef i64 minute
    cdef i64 last_ts_ns
    cdef double last_price
    cdef double* closes
    cdef Py_ssize_t count
    cdef Py_ssize_t room

    cdef int _finish_minute(self) noexcept nogil
    cdef int offer(self, i64 ts_ns, double price) noexcept nogil
    cdef int refuse(self, int fault, i64 ts_ns, double price) except -1
