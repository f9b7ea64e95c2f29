# What a run holds outside its positions, and where every change of NAV came from.
#
# Values are two's complement in units of quote raw * 10**-28, as in the ledger (lp_ledger.pxd), so
# that `NAV now - NAV at the start = sum of the parts` is exact.

from alp._core.uint256 cimport i128, i256, u128

cdef enum:
    FEES = 0
    LVR = 1
    PRICE = 2
    GAS = 3
    HEDGE_PNL = 4
    HEDGE_FEES = 5
    EXECUTION = 6
    PARTS = 7

cdef struct Books:
    u128 mark
    i128 wallet_base        # raw
    i128 wallet_quote
    i128 venue_base
    i128 venue_quote
    i256 gas_paid
    i256 start_nav
    i256 parts[PARTS]


cdef class Balances:
    cdef Books books


cdef class Book:
    cdef Books books
    cdef Balances kept      # the same until something is booked
    cdef readonly tuple start_amounts

    cdef void _add(self, int part, i256 value) noexcept
    cdef void _take(self, int part, i256 value) noexcept
