"""Decimal prices to sqrt prices, at C level."""

from alp._core.uint256 cimport u64, u128, u256

cdef struct PoolBar:            # alp.data.schema.BAR
    long long ts_ns
    long long period_ns
    u64 open_x96[4]
    u64 high_x96[4]
    u64 low_x96[4]
    u64 close_x96[4]
    u64 in0[2]
    u64 in1[2]
    u64 liquidity[2]

cdef u128 sqrt_u256(u256 n) noexcept nogil
