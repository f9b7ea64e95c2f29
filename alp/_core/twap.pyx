"""The time-weighted mean tick of a series of prices, as the pool's oracle accumulates it."""

from libc.math cimport log

from alp._core.uint256 cimport i64

cdef double PER_TICK = 2.0 / log(1.0001)


cdef Py_ssize_t _last_at(const i64[:] ts_ns, i64 when_ns) noexcept nogil:
    """Index of the last time not after ``when_ns``; the first is not after it."""
    cdef Py_ssize_t low = 0, high = ts_ns.shape[0], middle
    while high - low > 1:
        middle = (low + high) // 2
        if ts_ns[middle] <= when_ns:
            low = middle
        else:
            high = middle
    return low


def tick_time(const i64[:] ts_ns, const double[:] roots, i64 start_ns, i64 end_ns):
    """Return the integral of the tick over time from ``start_ns`` to ``end_ns``, tick nanoseconds.

    Parameters
    ----------
    ts_ns, roots
        Shape ``(n,)``, in time order, none after ``end_ns``: square roots of raw token1 per
        token0, each holding until the next.
    start_ns, end_ns
        Nothing is counted before the first of the times.

    Raises
    ------
    ValueError
        If there is no price, or the columns differ in length.
    """
    cdef Py_ssize_t i, count = ts_ns.shape[0]
    cdef double total = 0.0
    cdef i64 since_ns, until_ns
    if count == 0 or roots.shape[0] != count:
        raise ValueError("a mean needs prices, and a time for each")
    with nogil:
        for i in range(_last_at(ts_ns, start_ns), count):
            since_ns = ts_ns[i] if ts_ns[i] > start_ns else start_ns
            until_ns = ts_ns[i + 1] if i + 1 < count else end_ns
            total += PER_TICK * log(roots[i]) * <double>(until_ns - since_ns)
    return total
