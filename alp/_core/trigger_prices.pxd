# When a rebalance is due, and the sqrt prices at which it becomes so.

from alp._core.holdings cimport Ranges
from alp._core.uint256 cimport u64, u256

# Thresholds in parts of 10**8: those of alp.models.triggers.TriggerRule, whole or less hysteresis.
cdef struct Thresholds:
    u64 left                    # a token is depleted when less of its baseline is left
    u64 moved                   # price ratio, above 10**8; 0 for none

# Everything held, and what was held at the last rebalance; amounts by token.
cdef struct Stand:
    Ranges ranges
    u256 wallet[2]
    u256 base_sqrt_price
    u256 base_amount[2]

cdef enum Cause:
    NO_CAUSE
    DEPLETED
    PRICE_MOVED

cdef Cause cause_at(
    const Thresholds* rule, const Stand* stand, u256 sqrt_price, bint up
) noexcept nogil
cdef u256 first_above(const Thresholds* rule, const Stand* stand) noexcept nogil
cdef u256 last_below(const Thresholds* rule, const Stand* stand) noexcept nogil
