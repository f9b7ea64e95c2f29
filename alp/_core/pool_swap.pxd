"""Swapping: ``pool_swap`` does what the contract's ``swap`` does, ``pool_quote`` only says it."""

from alp._core.pool_state cimport PoolState
from alp._core.uint256 cimport i256, u64, u128, u256

cdef struct SwapResult:
    i256 amount0                # into the pool positive, out of it negative
    i256 amount1
    u256 sqrt_price_x96         # after
    int tick
    int ticks_crossed           # initialised ticks; ghosts alone do not count
    u128 liquidity              # after, ghosts included
    u128 ghost_liquidity
    u256 fee_amount             # of the input token, protocol's share included

# `amount` > 0 is an exact input, < 0 an exact output. Returns OK or a code of `reverts`; on
# anything but OK the state is untouched and `result` means nothing. No allocation.
cdef int pool_swap(
    PoolState* state, bint zero_for_one, const i256 amount, const u256 limit_x96, u64 ts,
    SwapResult* result
) noexcept nogil
cdef int pool_quote(
    PoolState* state, bint zero_for_one, const i256 amount, const u256 limit_x96,
    SwapResult* result
) noexcept nogil
# Not of the contract: put the pool at a recorded price, crossing the ticks between so that fee
# accounting inside ranges stays right. `liquidity` is the real active liquidity from then on. A
# `tick` that cannot hold the price (recorded prices may be rounded) gives way to the one that does.
# The oracle is written as a swap would where `ts` is not 0. Balances are not known any more.
cdef int pool_resync(
    PoolState* state, const u256 sqrt_price_x96, int tick, u128 liquidity, u64 ts
) noexcept nogil
