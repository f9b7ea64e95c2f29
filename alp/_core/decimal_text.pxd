"""Decimal numbers between text, integers and doubles, exactly or not at all, at C level.

Each function returns false where it does not vouch for its result to the last bit; the caller then
takes a slower way that always can.
"""

from alp._core.uint256 cimport u64, u128, u256

cdef struct Decimal:
    u128 mantissa               # times 10**exponent
    int exponent
    bint negative

cdef enum:
    MOST_POWER = 77             # of ten, that fits u256

cdef u256 ten_to(int power) noexcept nogil
cdef bint read_decimal(const unsigned char* text, Py_ssize_t size, Decimal* value) noexcept nogil
cdef bint read_integer(
    const unsigned char* text, Py_ssize_t size, u256* value, bint* negative
) noexcept nogil
cdef bint decimal_to_double(const Decimal* value, double* result) noexcept nogil
cdef bint shortest_decimal(double value, u64* mantissa, int* exponent) noexcept nogil
