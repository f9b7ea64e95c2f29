# A decision of the liquidity agent, from what is seen to a verdict with all its numbers.

from alp._core.lp_draft cimport Draft, Inventory, Sight, Terms
from alp._core.prospects cimport Outlook, Quadrature
from alp._core.quote_widths cimport Lattice, Market, QuotingRule, Widths
from alp._core.uint256 cimport u256

# Units and limits that are not about amounts.
cdef struct Units:
    u256 base                   # raw units of one whole token
    u256 quote
    double price_scale          # from raw quote per raw base to whole tokens
    double quote_scale

# As alp.models.rebalance.EconomicsRule has it.
cdef struct Economics:
    double horizon_s
    bint weighs                 # whether there is a least benefit
    double min_benefit_quote
    double margin_bps
    double hedge_cost_bps
    double hedge_ratio
    double lvr_weight
    Quadrature normal

cdef struct Limits:
    bint guards_twap
    double twap_guard_bps
    bint limits_gas
    u256 max_gas_quote
    u256 priority_fee_wei

# What a set of ranges is expected to do over the horizon, in raw quote.
cdef struct Prospect:
    double fees
    double lvr
    double hedge
    double in_range

cdef struct Verdict:
    bint known                  # whether it was weighed at all
    Prospect new
    Prospect stay
    double gas
    double swap
    double benefit
    double required
    bint worth_it

cdef class Decision:
    cdef readonly object needs_widths, refusal, numbers, burns, swap, mints, ranges, complete
    cdef readonly object gas_wei, gas_quote_raw

cdef class DecisionKernel:
    cdef Terms terms
    cdef Units units
    cdef QuotingRule quoting
    cdef Lattice lattice
    cdef Economics economics
    cdef Limits limits
    cdef double scale
    cdef double decay
    # What is being decided on.
    cdef Sight seen
    cdef Inventory held
    cdef Market market
    cdef Draft draft
    cdef u256 base_fee_wei
    cdef u256 native_mark_x96
    cdef bint has_estimates
    cdef double income_per_s
    cdef double other_liquidity
    cdef int _read(self, seen) except -1
    cdef dict _situation(self, seen)
    cdef str _guard(self, twap_tick, dict numbers)
    cdef Prospect _prospect(self, bint new, double root) noexcept nogil
    cdef Verdict _weigh(self, u256 gas_quote) noexcept nogil
    cdef str _judge(self, bint is_rebalance, u256 gas_quote, const Verdict* verdict)
    cdef bint _changes(self) noexcept nogil
    cdef int _write_actions(self, Decision decision) except -1
