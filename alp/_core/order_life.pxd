# One order's life: facts that only grow, and the state that follows from them.
#
# Each event is merged into the facts by maximum, union or addition of what is new; none looks at
# what the state was. So the end is the same in whatever order the same events arrive.

from alp._core.uint256 cimport i64, i128
from alp._core.wire cimport VENUE_ID, i8, u8, u32w

cdef enum:                      # OrderState
    STATE_NONE = 0
    STATE_PENDING_NEW = 1
    STATE_ACKED = 2
    STATE_PARTIALLY_FILLED = 3
    STATE_FILLED = 4
    STATE_PENDING_CANCEL = 5
    STATE_PENDING_AMEND = 6
    STATE_CANCELED = 7
    STATE_REJECTED = 8
    STATE_EXPIRED = 9
    STATE_UNKNOWN = 10

cdef enum:                      # OrderEvent
    EVENT_SENT = 1
    EVENT_NOT_SENT = 2          # nothing left this process, proven
    EVENT_ACKED = 3
    EVENT_REJECTED = 4
    EVENT_FILL = 5
    EVENT_CUMULATIVE = 6        # so much is filled in all
    EVENT_FILLED = 7            # the order ended filled
    EVENT_CANCEL_REQUESTED = 8
    EVENT_CANCEL_ACCEPTED = 9   # will be done, or was, without the quantity filled
    EVENT_CANCEL_REFUSED = 10
    EVENT_CANCEL_UNKNOWN = 11
    EVENT_CANCELED = 12         # the order ended so
    EVENT_EXPIRED = 13
    EVENT_AMEND_REQUESTED = 14
    EVENT_AMEND_ACKED = 15
    EVENT_AMEND_REFUSED = 16
    EVENT_AMEND_UNKNOWN = 17
    EVENT_REPLACED = 18         # the venue gave it another id
    EVENT_UNKNOWN = 19          # what became of the order when it was sent
    EVENT_FOUND = 20            # a query: it is open
    EVENT_NOT_FOUND = 21        # a query, late enough to be proof: it never was
    EVENT_LAST = 21

cdef enum:                      # Contradiction, bits
    FLAG_OVERFILLED = 1
    FLAG_EVIDENCE = 2
    FLAG_TWO_ENDS = 4
    FLAG_END_DIFFERS = 8
    FLAG_TRADE_DIFFERS = 16
    FLAG_TERMS_DIFFER = 32
    FLAG_TWO_ANSWERS = 64
    FLAG_TWO_IDS = 128
    FLAG_ID_TAKEN = 256
    FLAG_MEMORY = 512
    FLAG_MALFORMED = 1024

cdef enum:                      # RejectReason
    REASON_NONE = 0
    REASON_POST_ONLY = 1
    REASON_BALANCE = 2
    REASON_MARGIN = 3
    REASON_PRICE_FILTER = 4
    REASON_SIZE_FILTER = 5
    REASON_NOTIONAL_FILTER = 6
    REASON_DUPLICATE_ID = 7
    REASON_RATE = 8
    REASON_REDUCE_ONLY = 9
    REASON_SELF_MATCH = 10
    REASON_UNKNOWN_ORDER = 11
    REASON_HALTED = 12
    REASON_AUTH = 13
    REASON_CLOCK = 14
    REASON_OTHER = 15

cdef enum:
    MOST_AMENDS = 4             # of one order at a time
    NO_QUANTITY = -1            # an event that does not say how much is filled in all

cdef struct LifeEvent:
    int kind
    u32w command                # number of the amend or cancel; of FOUND: all up to it had effect
    i64 price
    i64 quantity                # of a fill its own, of an amend the new total
    i64 cumulative              # filled in all, or NO_QUANTITY
    unsigned long long trade    # hash of the venue's trade id
    i64 at_ns
    u8 reason
    char venue_id[VENUE_ID]
    char replaced[VENUE_ID]     # the id that venue_id stands for from now on

cdef struct Terms:
    u32w command
    bint found                  # by a query, which outranks an answer to the same command
    i64 price
    i64 quantity

cdef struct Amend:
    u32w command                # 0: this place is free
    bint requested
    bint acked
    bint refused
    bint unknown
    i64 price                   # asked for
    i64 quantity
    i64 acked_price             # as the venue confirmed; 0: as asked
    i64 acked_quantity

cdef struct OrderLife:
    # facts
    i8 side
    u8 reason
    u32w seen                   # bit of each kind of event
    u32w sticky                 # contradictions that no later event can explain
    i64 price                   # as sent
    i64 quantity
    i64 most_quantity           # of all terms ever asked for or confirmed
    i64 least_quantity
    i64 traded                  # by the trades known
    i64 cumulative              # the most any event said
    i64 final_least             # by events that ended it; NO_QUANTITY
    i64 final_most
    u32w cancel_requested       # the newest of each
    u32w cancel_accepted
    u32w cancel_refused
    u32w cancel_unknown
    u32w found_command
    u32w forgotten_command      # the newest amend that has no place any more
    Terms settled               # by queries and by amends that have no place any more
    Amend amends[MOST_AMENDS]
    # what follows from them
    int state
    u32w flags
    i64 filled
    i64 price_now
    i64 quantity_now
    i64 open_quantity           # at worst
    i64 open_price              # dearest of those it may rest at
    i64 touch_price             # nearest to the other side
    bint two_ids

cdef void life_open(OrderLife* life, int side, i64 price, i64 quantity) noexcept nogil
# 1 when it is news, 0 when nothing changed, -1 when it can be about no order, -2 with no place.
cdef int life_merge(OrderLife* life, const LifeEvent* event) noexcept nogil
cdef void life_derive(OrderLife* life) noexcept nogil
# At worst open after a further amend to this quantity.
cdef i64 life_open_after(const OrderLife* life, i64 quantity) noexcept nogil
cdef bint life_has_place(const OrderLife* life) noexcept nogil
cdef bint life_wants_query(const OrderLife* life) noexcept nogil


cdef inline bint is_terminal(int state) noexcept nogil:
    return (
        state == STATE_FILLED or state == STATE_CANCELED or state == STATE_REJECTED
        or state == STATE_EXPIRED
    )


cdef inline i128 open_notional(const OrderLife* life) noexcept nogil:
    return <i128>life.open_quantity * life.open_price
