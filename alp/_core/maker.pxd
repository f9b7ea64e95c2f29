# The market maker's decision: from prices to two ladders of orders that should rest.
#
# No clock and no allocation; the same inputs and the same kept quotes give the same bits.

from alp._core.maker_prices cimport (
    MOST_LEVELS,
    MakerInputs,
    MakerRule,
    MakerTerms,
    Pricing,
)
from alp._core.uint256 cimport i64, u64

cdef struct MakerQuote:
    i64 price
    i64 lots

cdef struct MakerLadder:
    MakerQuote quotes[MOST_LEVELS]
    int count

cdef struct MakerDecision:
    MakerInputs inputs
    MakerTerms terms
    MakerLadder ladders[2]
    i64 best[2]                 # prices of both sides, whether quoted or not
    i64 least_spread            # ticks
    i64 step                    # between levels, ticks
    i64 number                  # of the decision
    u64 bound

cdef struct Maker:
    MakerRule rule
    Pricing pricing
    MakerDecision decision
    MakerLadder kept[2]
    i64 kept_inventory[2]
    i64 decisions

cdef int maker_create(Maker* maker, const MakerRule* rule) noexcept nogil
cdef void maker_destroy(Maker* maker) noexcept nogil
# Into `maker.decision`; true where something is quoted.
cdef bint maker_decide(Maker* maker, const MakerInputs* inputs) noexcept nogil
# Forget what was quoted: nothing is kept by the next decision.
cdef void maker_forget(Maker* maker) noexcept nogil


cdef class MarketMaker:
    cdef Maker maker
