# Which venue, and which account there, an order goes to; integers on the grids' common units.

from alp._core.book cimport Level
from alp._core.uint256 cimport i64, i128, u64, u128

cdef enum:
    MOST_ROUTES = 64            # venues times accounts
    MOST_PIECES = 64            # orders of one route
    FEE_UNIT = 100_000_000      # fees are in 10**-8 of the notional
    MOST_FEE = 50_000_000

cdef enum:                      # RoutePolicy
    POLICY_BEST = 1             # best price after fees first
    POLICY_SHARE = 2            # by weight, and what is left by price

cdef enum:                      # RouteShort: why something is left, bits
    SHORT_NO_VENUE = 1
    SHORT_ROOM = 2
    SHORT_DEPTH = 4
    SHORT_SLIPPAGE = 8
    SHORT_MINIMUM = 16
    SHORT_LOT = 32

cdef struct Route:              # one account at one venue
    bint healthy
    u64 price_factor            # common units in one of its ticks
    u64 quantity_factor         # common units in one of its lots
    i64 price                   # ticks at which it would rest; the book's where it takes
    i64 fee                     # of this kind of order, 10**-8; negative is a rebate
    i64 weight
    i64 room                    # lots that may be added on this side
    i64 minimum                 # lots of one order
    i64 maximum
    i64 minimum_notional        # ticks times lots of one order
    i64 position                # lots, signed
    i64 limit                   # lots that the position may reach; 0: no lean
    const Level* levels
    Py_ssize_t depth
    # found
    i64 most                    # lots it may have
    i64 lots
    i64 worst                   # ticks, of what it takes
    i128 cost                   # ticks times lots
    i64 charge                  # fee and lean, 10**-8
    bint open                   # still in the running
    Py_ssize_t next
    i64 level_left

cdef struct RouteRules:
    int policy
    i64 lean                    # 10**-8 of the price, for a position at its limit
    i64 slippage_bps            # from the reference at most
    bint whole                  # all of it or nothing

# What is left of `quantity`, in common units; the rest is in each route's `lots`.
cdef u128 route_make(
    Route* routes, int count, int side, u128 quantity, const RouteRules* rules, int* short_by
) noexcept nogil
# The same from the other side's levels; `reference` in common units, 0 for the best price there is.
cdef u128 route_take(
    Route* routes, int count, int side, u128 quantity, u128 reference, const RouteRules* rules,
    int* short_by
) noexcept nogil
# Into how many orders a route's lots are split; each has `lots / n` or one more.
cdef i64 route_pieces(const Route* route) noexcept nogil

cdef class Router:
    cdef RouteRules rules
    cdef Route routes[MOST_ROUTES]
    cdef Level* levels
    cdef Py_ssize_t level_room
    cdef int _read(self, int side, object routes, object books) except -1
