# The columns of replayed prices, batch by batch; see price_history.pyx.

from alp._core.uint256 cimport i64


cdef class _Batch:
    # numpy arrays, the same columns as C sees them, and how much of them was reached and read
    cdef object times
    cdef object roots
    cdef const i64[::1] ts_ns
    cdef const double[::1] root
    cdef Py_ssize_t reached
    cdef Py_ssize_t read


cdef class PriceHistory:
    cdef i64 keep_ns
    cdef list past          # before the present batch, oldest first
    cdef list unread_past   # those of them that were not read to their end
    cdef _Batch batch

    cdef list _waiting(self)
