# cython: language_level=3, cdivision=True, boundscheck=False, annotation_typing=False
"""Loops around the compiled pool, to time it without Python: built by ``benchmarks/pool.py``."""

from libc.time cimport CLOCKS_PER_SEC, clock, clock_t

from alp._core.pool cimport Pool, SwapResult, pool_swap
from alp._core.reverts cimport raise_revert
from alp._core.swapmath cimport SwapStep, compute_swap_step
from alp._core.tickmath cimport tick_at_sqrt_ratio
from alp._core.uint256 cimport (
    i256,
    i256_from_int,
    u64,
    u128,
    u128_from_int,
    u256,
    u256_add_u64,
    u256_from_int,
)


def swap_ns(Pool pool not None, bint zero_for_one, amount, limit, timestamp, int calls):
    """CPU nanoseconds of one whole swap with all its effects, each from the same price."""
    cdef i256 specified = i256_from_int(amount)
    cdef u256 bound = u256_from_int(limit)
    cdef u256 price = pool.state.sqrt_price_x96
    cdef int tick = pool.state.tick
    cdef u128 liquidity = pool.state.liquidity
    cdef u64 now = timestamp
    cdef SwapResult result
    cdef int code = 0
    cdef int i
    cdef clock_t start = clock()
    for i in range(calls):
        code |= pool_swap(pool.state, zero_for_one, specified, bound, now + i, &result)
        pool.state.sqrt_price_x96 = price
        pool.state.tick = tick
        pool.state.liquidity = liquidity
    start = clock() - start
    raise_revert(code)
    return start / <double>CLOCKS_PER_SEC / calls * 1e9


def step_ns(current, target, liquidity, amount, int fee, int calls):
    """CPU nanoseconds of computeSwapStep alone."""
    cdef u256 price = u256_from_int(current)
    cdef u256 bound = u256_from_int(target)
    cdef u128 active = u128_from_int(liquidity)
    cdef i256 specified = i256_from_int(amount)
    cdef SwapStep step
    cdef u64 used = 0
    cdef int code = 0
    cdef int i
    cdef clock_t start = clock()
    for i in range(calls):
        code |= compute_swap_step(u256_add_u64(price, i), bound, active, specified, fee, &step)
        used += step.amount_in.w[0] + step.amount_out.w[0] + step.fee_amount.w[0]
    start = clock() - start
    raise_revert(code)
    return start / <double>CLOCKS_PER_SEC / calls * 1e9, used


def tick_ns(current, int calls):
    """CPU nanoseconds of getTickAtSqrtRatio alone."""
    cdef u256 price = u256_from_int(current)
    cdef long used = 0
    cdef int i
    cdef clock_t start = clock()
    for i in range(calls):
        used += tick_at_sqrt_ratio(u256_add_u64(price, i))
    start = clock() - start
    return start / <double>CLOCKS_PER_SEC / calls * 1e9, used
