# The actions of a rebalance in integers: what is held, what is taken down, swapped and put up.
# Pairs of amounts are indexed by token, 0 and 1; `base` says which of them the risky one is.

from alp._core.holdings cimport MOST
from alp._core.quote_widths cimport Widths
from alp._core.uint256 cimport i64, i256, u64, u128, u256

# What alp.models.lp_types.LpParameters says about amounts.
cdef struct Terms:
    int base                    # 0 or 1
    u64 fee_pips
    int tick_spacing
    u64 target_share_bps
    u64 slippage_bps
    bint swaps_to_target
    u64 mint_gas
    u64 burn_gas
    u64 collect_gas
    u64 swap_gas

cdef struct Position:
    int tick_lower
    int tick_upper
    u256 sqrt_lower
    u256 sqrt_upper
    u128 liquidity
    u256 fees[2]
    u256 principal[2]           # what burning it pays at the price seen
    u256 least[2]               # and within the slippage; of those that leave
    bint leaves

cdef struct Sight:
    u256 sqrt_price
    int tick
    u256 wallet[2]
    i256 cefi_base
    i64 hedge_pips
    int count
    Position positions[MOST]

cdef struct Inventory:
    u256 mark                   # raw quote per raw base, times 2**96
    u256 base                   # wallet, positions and fees
    u256 quote
    u256 target_base
    i256 combined_base          # with what exchanges hold

cdef struct Planned:
    bint is_bid
    int tick_lower
    int tick_upper
    u256 sqrt_lower
    u256 sqrt_upper
    int token                   # the one it takes
    u128 liquidity              # in the end; 0 where it is not opened
    u128 minted                 # of it now; 0 for no mint
    u256 amount
    u256 least[2]

cdef struct Swap:
    bint wanted
    bint sells_base
    u256 amount_in
    u256 amount_out_min
    u256 sqrt_limit

cdef struct Draft:
    int leaving
    int count
    Planned ranges[2]
    Swap swap
    u64 gas_units
    double swap_cost            # fee and worst slippage, raw quote

# Codes of reverts.pxd; REVERT_EMPTY where an amount does not fit 256 bits.
cdef int take_stock(const Terms* terms, Sight* seen, Inventory* held) noexcept nogil
cdef int draft_plan(
    const Terms* terms, Sight* seen, const Inventory* held, const Widths* widths, bint may_swap,
    Draft* draft,
) noexcept nogil
cdef double distance_bps(int tick_a, int tick_b) noexcept nogil
