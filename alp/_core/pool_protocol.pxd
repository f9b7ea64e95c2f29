"""Flash loans, the protocol's fee, and the oracle's view of a range.

All return OK or a code of ``reverts`` and leave the state untouched on anything else.
"""

from alp._core.pool_state cimport PoolState
from alp._core.uint256 cimport i64, u32, u64, u128, u256

cdef struct RangeCumulatives:
    i64 tick_cumulative
    u256 seconds_per_liquidity_x128
    u32 seconds

# `returned0/1` is all the borrower hands back; `paid0/1` what is left of it above the loan.
cdef int pool_flash(
    PoolState* state, u256 amount0, u256 amount1, u256 returned0, u256 returned1,
    u256* paid0, u256* paid1
) noexcept nogil
cdef int pool_set_fee_protocol(PoolState* state, u32 fee0, u32 fee1) noexcept nogil
cdef int pool_collect_protocol(
    PoolState* state, u128 requested0, u128 requested1, u128* amount0, u128* amount1
) noexcept nogil
cdef int pool_cumulatives_inside(
    PoolState* state, int tick_lower, int tick_upper, u64 ts, RangeCumulatives* result
) noexcept nogil
