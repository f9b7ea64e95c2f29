"""Minting, burning, collecting, and reading what a position is owed.

All return OK or a code of ``reverts`` and leave the state untouched on anything else. Amounts are
magnitudes. A ghost position's amounts are computed and booked but never enter the pool's balances.
"""

from alp._core.pool_state cimport PoolState
from alp._core.uint256 cimport i128, u64, u128, u256

cdef int pool_mint(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 amount, u64 ts, bint ghost,
    u256* amount0, u256* amount1
) noexcept nogil
# Ghost or real follows from the position. `amount` 0 is a poke: it only books fees.
cdef int pool_burn(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 amount, u64 ts,
    u256* amount0, u256* amount1
) noexcept nogil
cdef int pool_collect(
    PoolState* state, u256 owner, int tick_lower, int tick_upper, u128 requested0, u128 requested1,
    u128* amount0, u128* amount1
) noexcept nogil

# Reads; none of them changes anything.
cdef void pool_fee_growth_inside(
    const PoolState* state, int tick_lower, int tick_upper, u256* inside0_x128, u256* inside1_x128
) noexcept nogil
# What a poke followed by a full collect would pay: tokensOwed and the growth since, floored.
cdef void pool_position_fees(
    const PoolState* state, u256 owner, int tick_lower, int tick_upper, u128* fees0, u128* fees1
) noexcept nogil
# What burning `liquidity` of the range would pay at a price (the pool's own or any other).
cdef void burn_amounts_at(
    u256 sqrt_price_x96, int tick_lower, int tick_upper, u128 liquidity,
    u256* amount0, u256* amount1
) noexcept nogil

# Not of the contract: seed a replica from a snapshot, one tick at a time, then set the liquidity
# that is active. Ticks must be multiples of the spacing and new to the pool.
cdef int pool_load_tick(PoolState* state, int tick, i128 net, u128 gross) noexcept nogil
