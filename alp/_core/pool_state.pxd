"""The state of one pool in C, and the small questions every operation asks of it.

``liquidity`` is everything active at the price, ghosts included; ``ghost_liquidity`` the part that
only shares fees. Prices, amounts and the oracle see the difference (``real_liquidity``), so a pool
without ghosts is the contract and a pool with ghosts still trades exactly like the one without.
A ``PoolState`` is not safe to share between threads: quoting writes its caches too.
"""

from alp._core.division cimport Divisor, divisor_of
from alp._core.oracle cimport Oracle
from alp._core.positions cimport PositionTable
from alp._core.tick_table cimport TickBitmap, TickInfo, TickTable
from alp._core.uint256 cimport u32, u64, u128, u256

cdef enum:
    RATIO_CACHE = 64

cdef struct Crossing:
    TickInfo* tick
    u256 fee_growth_x128        # of the input token, when the tick was crossed

cdef struct PoolState:
    # slot0 and the other variables of the contract
    bint unlocked               # initialised
    u256 sqrt_price_x96
    int tick
    u32 fee_protocol            # low nibble token0, high nibble token1
    u128 liquidity
    u128 ghost_liquidity
    u256 fee_growth_global0_x128
    u256 fee_growth_global1_x128
    u128 protocol_fees0
    u128 protocol_fees1
    u256 balance0
    u256 balance1
    bint balances_known         # false in a replica: nothing is checked against them
    u32 fee
    int tick_spacing
    u128 max_liquidity_per_tick
    TickTable ticks
    TickBitmap bitmap
    PositionTable positions
    Oracle oracle

    # ticks that hold ghost liquidity, ascending
    int* ghost_ticks
    int ghost_count
    int ghost_capacity

    # ticks crossed by the last swap or quote, in order
    Crossing* crossings
    int crossed
    u32 crossing_capacity

    # the liquidity made ready to divide by: [0] the real one, [1] with ghosts
    Divisor by_liquidity[2]

    # price of a few ticks, found by their low bits; and the price range of the current tick
    u256 ratio[RATIO_CACHE]
    int ratio_tick[RATIO_CACHE]
    int bounds_tick
    u256 bounds_low
    u256 bounds_high


cdef inline u128 real_liquidity(const PoolState* state) noexcept nogil:
    """The contract's ``liquidity``."""
    return state.liquidity - state.ghost_liquidity


cdef inline const Divisor* divisor_for(
    PoolState* state, int place, u128 liquidity
) noexcept nogil:
    """The divisor kept at ``place``, made anew where the liquidity has changed; not for 0."""
    if state.by_liquidity[place].value != liquidity:
        state.by_liquidity[place] = divisor_of(liquidity)
    return &state.by_liquidity[place]


cdef inline const Divisor* oracle_divisor(PoolState* state) noexcept nogil:
    """What the oracle divides seconds by: the contract's liquidity, 1 where there is none."""
    cdef u128 liquidity = real_liquidity(state)
    return divisor_for(state, 0, liquidity if liquidity != 0 else 1)


cdef PoolState* pool_state_create(u32 fee, int tick_spacing) noexcept nogil
cdef PoolState* pool_state_copy(const PoolState* source) noexcept nogil
cdef void pool_state_free(PoolState* state) noexcept nogil
cdef int pool_initialize(PoolState* state, u256 sqrt_price_x96, u64 ts) noexcept nogil
cdef int pool_reserve(PoolState* state) noexcept nogil
cdef int ghost_tick_add(PoolState* state, int tick) noexcept nogil
cdef void ghost_tick_remove(PoolState* state, int tick) noexcept nogil
cdef int tick_at_price(PoolState* state, const u256* sqrt_price_x96) noexcept nogil
cdef const u256* price_of_tick(PoolState* state, int tick) noexcept nogil
cdef void cross_tick(
    PoolState* state, TickInfo* info, u256 growth0_x128, u256 growth1_x128,
    u256 seconds_per_liquidity_x128, long long tick_cumulative, u32 time
) noexcept nogil
