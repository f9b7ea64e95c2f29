"""Causal volatility of a log-price per square-root second, at C level.

``feed`` takes observations in time order, ``value`` is the estimate from everything fed so far, NaN
while there is none. Observations with one timestamp count as one, the last: what happened inside a
block or a nanosecond has no duration to be a rate over.
"""

from libc.math cimport isfinite

from alp._core.uint256 cimport i64


cdef inline i64 floor_div(i64 value, i64 divisor) noexcept nogil:
    cdef i64 quotient = value // divisor
    return quotient - 1 if value % divisor < 0 else quotient


cdef inline bint is_price(double value) noexcept nogil:
    return isfinite(value) and value > 0.0


cdef class Volatility:
    cdef readonly i64 last_ts_ns
    cdef double last_log
    cdef i64 base_ts_ns
    cdef double base_log
    cdef int seen
    cdef void feed(self, i64 ts_ns, double log_price) noexcept nogil
    cdef void commit(self) noexcept nogil
    cdef double value(self) noexcept nogil

cdef class EwmaVolatility(Volatility):
    cdef readonly i64 half_life_ns
    cdef i64 usual_ns       # the time between observations last seen, and what is kept over it
    cdef double usually_kept
    cdef double variance
    cdef double seconds

cdef class RealisedVolatility(Volatility):
    cdef readonly i64 window_ns
    cdef i64 bucket_ns
    cdef i64 newest
    cdef double[64] squares
    cdef double[64] seconds
    cdef void advance(self, i64 bucket) noexcept nogil

cdef class ParkinsonVolatility(Volatility):
    cdef readonly i64 period_ns
    cdef readonly i64 bars
    cdef i64 bar
    cdef double high
    cdef double low
    cdef bint partial
    cdef double* ring
    cdef i64 filled
    cdef i64 head
    cdef double total
    cdef void push(self, double square) noexcept nogil
