# One market replayed on two sides with the time in between: the exchange, where our orders wait, and
# here, where rows and answers arrive later.
#
# Whoever decides is a C function and its state: `tick_run` calls it after each step, and it reads
# `book`, `traded` and `orders` of the world and calls `tick_send`, `tick_amend` and `tick_cancel`.

from alp._core.book cimport BookState
from alp._core.tape cimport LatencyRow, RemovalRow, TapeRow
from alp._core.tick_venue cimport TickVenue
from alp._core.uint256 cimport i64

cdef enum:
    MOST_ORDERS = 1024          # that have not ended, or whose end is still on its way
    MOST_UNDER_WAY = 4096       # requests, and answers

cdef enum:                      # OrderPhase: what is known here
    PHASE_FREE = 0
    PHASE_SENT = 1
    PHASE_LIVE = 2
    PHASE_ENDED = 3             # until its place is given back

cdef enum:                      # TickAction
    TICK_NEW = 1
    TICK_CANCEL = 2
    TICK_AMEND = 3

cdef enum:                      # AmendRule: what the venue can do
    AMEND_NONE = 0
    AMEND_AS_NEW = 1            # an amended order goes to the end of its queue
    AMEND_KEEPS = 2             # unless it only became smaller

cdef enum:                      # AnswerKind
    ANSWER_ACKED = 1
    ANSWER_REFUSED = 2          # post-only, and it would have taken; or no room
    ANSWER_FILLED = 3
    ANSWER_CANCELED = 4         # also by an amend to less than is filled, or across the book
    ANSWER_NOT_FOUND = 5        # a cancel or an amend of what had ended
    ANSWER_EXPIRED = 6          # what was left of an order that does not rest
    ANSWER_AMENDED = 7

cdef struct TickOrder:
    i64 price
    i64 lots
    i64 left                    # as known here
    i64 tag                     # whoever sent it
    int phase
    int amending                # amends without an answer
    bint bid
    bint canceling
    bint post_only
    bint rests

cdef struct Request:
    i64 at_ns                   # arrival at the exchange
    i64 price
    i64 lots
    int order
    int action

cdef struct Answer:
    i64 at_ns                   # arrival here
    i64 venue_ns
    i64 price
    i64 lots
    i64 left
    i64 ahead
    i64 joined
    int order
    int kind
    int cause

cdef struct FillRow:
    i64 at_ns                   # when it was known here
    i64 venue_ns
    i64 price
    i64 lots
    i64 left                    # of the order
    i64 tag
    i64 ahead                   # 2^-12 lots that were before it in its queue when it was reached
    i64 joined                  # lots before it when it came
    int cause
    int bid

# What was traded since somebody looked; prices in ticks.
cdef struct Traded:
    i64 count
    i64 bought_lots
    i64 sold_lots
    i64 highest_bought          # -1: nobody bought
    i64 lowest_sold             # -1: nobody sold

cdef struct TickWorld:
    const TapeRow* rows
    Py_ssize_t count
    Py_ssize_t venue_at         # next row of each side
    Py_ssize_t local_at
    const RemovalRow* removals
    Py_ssize_t removal_count
    Py_ssize_t removal_at
    const LatencyRow* latency   # none: the two below, always
    Py_ssize_t latency_count
    Py_ssize_t entry_at         # rows that hold for the last request and answer
    Py_ssize_t answer_at
    i64 now_ns
    i64 entry_ns                # from here to the exchange
    i64 answer_ns               # and back
    int amends                  # AmendRule
    TickVenue venue
    BookState book              # as known here
    Traded traded
    TickOrder* orders
    int* free_places
    int free_count
    int active[MOST_ORDERS]     # places in use, in the order they were taken
    int active_count
    Request* requests           # rings, by arrival
    int request_first
    int request_count
    Answer* answers
    int answer_first
    int answer_count
    i64 position                # lots, as known here
    i64 cash                    # ticks times lots, as known here
    i64 turnover                # the same, without sign
    i64 taken                   # of it by orders that took
    i64 sent
    i64 amended
    i64 cancels
    FillRow* fills              # every fill that is known here
    Py_ssize_t fill_count
    Py_ssize_t fill_room
    int failed                  # memory ran out, or a ring was full

ctypedef void (*Decide)(void* maker, TickWorld* world) noexcept nogil

# 0, or -1 where there is no memory; the world is zero before.
cdef int tick_world_create(TickWorld* world, int model, int exponent, bint whole) noexcept nogil
cdef void tick_world_destroy(TickWorld* world) noexcept nogil
# False at the end of the tape; and where the world failed.
cdef bint tick_advance(TickWorld* world, i64 until_ns) noexcept nogil
# To the next row or answer that is received here, at most so far.
cdef bint tick_next(TickWorld* world, i64 until_ns) noexcept nogil
# To the end of the tape, with a decision after each step: how many there were.
cdef Py_ssize_t tick_run(
    TickWorld* world, Decide decide, void* maker, i64 step_ns
) noexcept nogil
# A new order: its place, or -1 where there is no room.
cdef int tick_send(
    TickWorld* world, bint bid, i64 price, i64 lots, i64 tag, bint post_only, bint rests
) noexcept nogil
# False where there is no room, or the venue cannot. Lots are of the whole order.
cdef bint tick_amend(TickWorld* world, int order, i64 price, i64 lots) noexcept nogil
cdef bint tick_cancel(TickWorld* world, int order) noexcept nogil
# Give back the places of orders that ended.
cdef void tick_sweep(TickWorld* world) noexcept nogil
cdef void tick_look_away(TickWorld* world) noexcept nogil
