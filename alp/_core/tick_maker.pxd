# The market maker on a replayed market: sees what arrived, sends what should rest.

from alp._core.arrivals cimport ArrivalEstimator, Arrivals
from alp._core.maker cimport Maker, MarketMaker
from alp._core.tick_world cimport TickWorld
from alp._core.uint256 cimport i64

cdef struct TickMaker:
    Arrivals* arrivals
    Maker* maker
    double scale                # A and k; NaN: measured
    double decay
    i64 held_elsewhere          # lots of the combined inventory that are not this account's
    bint stands                 # an order at its side's price stays when a limit closes the side
    i64 decisions
    i64 quoted                  # decisions with something to rest

# One decision at the world's time: a `Decide`.
cdef void tick_maker_decide(void* tick_maker, TickWorld* world) noexcept nogil


cdef class TickMarketMaker:
    cdef TickMaker state
    cdef readonly ArrivalEstimator arrivals
    cdef readonly MarketMaker maker
