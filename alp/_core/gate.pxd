# The one risk gate: what leaves the house passed here, by comparing integers.

from alp._core.order_store cimport Order, Orders
from alp._core.orders cimport OrderTable
from alp._core.token_bucket cimport Bucket
from alp._core.uint256 cimport i64, i128, u64
from alp._core.wire cimport OrderCommand

cdef enum:                      # Refusal
    PASSED = 0
    REFUSED_SIZE_MAX = 1
    REFUSED_NOTIONAL_MAX = 2
    REFUSED_COLLAR = 3
    REFUSED_DUPLICATE = 4
    REFUSED_RATE_STRATEGY = 5
    REFUSED_RATE_VENUE = 6
    REFUSED_FILL_BURST = 7
    REFUSED_POSITION = 8
    REFUSED_COMBINED_DELTA = 9
    REFUSED_DRAWDOWN = 10
    REFUSED_STALE_BOOK = 11
    REFUSED_CLOCK = 12
    REFUSED_SELF_MATCH = 13
    REFUSED_NOT_ALLOWED = 14
    REFUSED_REDUCING = 15
    REFUSED_HALTED = 16
    REFUSED_KILLED = 17
    REFUSED_FENCED = 18
    REFUSED_INVALID = 19
    REFUSED_FULL = 20
    REFUSED_FOREIGN_ID = 21
    REFUSALS_END = 22

cdef enum:                      # GateState
    GATE_ACTIVE = 1
    GATE_REDUCING = 2
    GATE_HALTED = 3

cdef enum:
    ACTION_NEW = 1
    ACTION_AMEND = 2
    ACTION_CANCEL = 3
    ACTION_CANCEL_ALL = 4
    RECENT = 256                # orders passed that are looked at for duplicates

cdef struct InstrumentLimits:
    i64 allowed                 # 0: nothing passes
    i64 venue
    i64 size_max                # lots of one order
    i64 notional_max            # ticks times lots of one order
    i64 open_notional_max       # of all that is open on its side, at worst
    i64 position_max            # lots, long or short, with all that is open at worst
    i64 collar_bps              # from the reference
    i64 collar_ticks
    i64 reference_age_ns
    i64 book_age_ns
    i64 fills_max               # of one side within the window; at most FILL_TIMES
    i64 fill_window_ns

cdef struct AccountLimits:
    i64 strategy_interval_ns    # one order each, on average
    i64 strategy_burst
    i64 duplicate_window_ns
    i64 clock_offset_ns
    i64 clock_age_ns

cdef struct Sight:              # what is known of an instrument's market
    i64 book_ns
    i64 book_live
    i64 reference_twice         # bid plus ask of a second source, in ticks here; 0: none
    i64 reference_ns

cdef struct Passed:
    i64 at_ns
    i64 price
    i64 quantity
    int instrument
    int side

cdef struct GateBook:
    InstrumentLimits limits
    Sight sight

cdef struct Gatehouse:
    int instruments
    int venues
    int groups
    int state
    bint killed
    u64 token
    u64 drawdown                # bits: day, hour, hedge error, whatever the risk process means
    i64 clock_offset_ns
    i64 clock_ns                # when that was measured
    AccountLimits account
    Bucket strategy
    GateBook* books
    Bucket* buckets             # of each venue
    i64* combined_max           # units of each group
    u64 passed                  # approvals so far: their sequence
    u64 opened                  # new orders among them
    Passed recent[RECENT]
    i64 refused[REFUSALS_END]
    char own[24]                # what ids of new orders begin with
    int own_bytes               # of it; 0: ids are anything
    int own_digits              # of base 36, that follow and end the id

cdef struct Approval:
    OrderCommand command
    u64 sequence
    int place                   # in the table; -1 for a cancel of an order that is not in it
    unsigned int number         # of the amend or cancel

# PASSED, or the first reason why a command may not leave; nothing is changed.
cdef int gate_check(
    const Gatehouse* gate, const Orders* orders, const OrderCommand* command, i64 now_ns
) noexcept nogil
# The same, and the command counts from now on if it passed.
cdef int gate_approve(
    Gatehouse* gate, Orders* orders, const OrderCommand* command, i64 now_ns, Approval* approval
) noexcept nogil

cdef class RiskApproved:
    cdef Approval approval

cdef class Gate:
    cdef readonly OrderTable orders
    cdef Gatehouse house
    cdef int _instrument(self, int instrument) except -1
    cdef int _rate(self, Bucket* bucket, i64 interval_ns, i64 burst, i64 reserve) except -1
    cdef const OrderCommand* _read(self, const unsigned char[::1] command) except NULL
