"""Wide integers to the nearest double, and prices times the root of a ratio: exact roundings."""

from alp._core.uint256 cimport u64, u256

# `numerator / denominator` as Python divides two ints: correctly rounded. The denominator is not 0.
cdef double nearest_ratio(u256 numerator, u256 denominator) noexcept nogil
# `float(value)` of a Python int.
cdef double nearest_double(u256 value) noexcept nogil
# `floor(sqrt(price**2 * numerator / denominator))` for prices of 160 bits and parts below 2**62.
cdef u256 scaled_root(u256 price, u64 numerator, u64 denominator) noexcept nogil
# Whether `a**2 * times_a > b**2 * times_b`, for a and b of up to 192 bits.
cdef bint square_exceeds(u256 a, u64 times_a, u256 b, u64 times_b) noexcept nogil
