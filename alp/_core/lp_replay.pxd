# The state of a replay of POOL_EVENT rows (alp.data.schema; `PoolEvent` as C sees them).

from alp._core.lp_ledger cimport MAX_OWN, Ledger, OwnPosition, Sampler
from alp._core.pool cimport Pool
from alp._core.pool_state cimport PoolState
from alp._core.uint256 cimport i64

cdef struct Counters:
    i64 events
    i64 swaps
    i64 exact_in            # recorded price and amounts as an exact input
    i64 exact_out           # the same as an exact output
    i64 at_limit            # stopped by its price limit, with the recorded amounts
    i64 by_price            # on the recorded price, but an amount differs
    i64 liquidity_mismatches
    i64 tick_mismatches
    i64 liquidity_faults    # mints and burns that could not be applied
    double worst_gap_bps    # REEXECUTE: largest distance from the recorded price
    double last_gap_bps

cdef struct Run:
    PoolState* pool
    bint reexecute
    Ledger ledger
    Sampler sampler
    double seen_base[MAX_OWN]    # principal at the last event, for trades
    double seen_quote[MAX_OWN]
    i64 block
    i64 mark_every_ns       # how often principal, marks and fees are settled in the ledger
    i64 next_mark_ns
    Counters counters


cdef class LpReplay:
    cdef Run run
    cdef Pool _pool

    cdef OwnPosition* _own(self, int slot) except NULL
