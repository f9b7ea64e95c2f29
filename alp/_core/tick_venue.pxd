# The exchange's side of a backtest: its book, our orders in its queues, and what fills them.
#
# Prices are ticks, quantities lots, times nanoseconds UTC. Memory is taken once.

from alp._core.book cimport BookState, Side, book_settle, side_set
from alp._core.uint256 cimport i64, u64

cdef enum:
    MOST_RESTING = 256          # of ours, each side
    MOST_TAKEN = 256            # levels, each side, that orders of ours took from
    NO_ORDER = -1

cdef enum:                      # FillCause
    FILL_AT_TURN = 1            # a trade at its price came past what was ahead
    FILL_TRADED_THROUGH = 2     # a trade at a worse price
    FILL_CROSSED = 3            # a level of the other side came to its price or past it
    FILL_TAKEN = 4              # it took a level when it arrived

# An order of ours that waits at the exchange.
cdef struct Waiting:
    i64 price
    i64 lots                    # of the whole order
    i64 left
    i64 ahead                   # 2^-AHEAD_BITS lots
    i64 joined                  # what was ahead when it came, in lots
    i64 traded                  # at its price since the level was last told
    i64 entered_ns
    int order                   # what whoever owns it calls it

cdef struct Fill:
    i64 at_ns
    i64 price
    i64 lots
    i64 left
    i64 ahead                   # 2^-AHEAD_BITS lots, before what filled it
    i64 joined
    int order
    int cause

# Best first.
cdef struct Queue:
    Waiting waiting[MOST_RESTING]
    int count

# What orders of ours took of a level since it was last told.
cdef struct Taken:
    i64 price
    i64 lots

cdef struct TakenLevels:
    Taken levels[MOST_TAKEN]
    int count

cdef struct TickVenue:
    BookState book
    bint engaged                # something of ours waits, or took from a level as it is known
    u64 marks[2]                # a bit for each price modulo 64 at which something waits
    Queue queues[2]             # asks, bids
    TakenLevels taken[2]
    int model                   # QueueModel
    int exponent
    bint whole                  # what is reached is filled as a whole, however little traded
    Fill* fills                 # since somebody took them
    int found
    int room

# 0, or -1 where there is no memory.
cdef int tick_venue_create(TickVenue* venue, int model, int exponent, bint whole) noexcept nogil
cdef void tick_venue_destroy(TickVenue* venue) noexcept nogil
cdef void tick_venue_clear(TickVenue* venue) noexcept nogil
# A level with orders of ours becomes so many lots; it is told anew; it meets those of the other side.
cdef void tick_venue_requeue(TickVenue* venue, bint bid, i64 price, i64 lots) noexcept nogil
cdef void tick_venue_told(TickVenue* venue, bint bid, i64 price) noexcept nogil
cdef void tick_venue_cross(TickVenue* venue, i64 now, bint bid, i64 price, i64 lots) noexcept nogil
cdef void tick_venue_trade(
    TickVenue* venue, i64 now, bint bought, i64 price, i64 lots
) noexcept nogil
# An order that the venue names gave up so many lots.
cdef void tick_venue_removal(
    TickVenue* venue, bint bid, i64 price, i64 lots, i64 entered_ns
) noexcept nogil
# Whether a limit price meets lots of the other side that are still there.
cdef bint tick_venue_crosses(const TickVenue* venue, bint bid, i64 price) noexcept nogil
# Let it take what is visible up to its price; what is left of it.
cdef i64 tick_venue_take(
    TickVenue* venue, i64 now, int order, bint bid, i64 price, i64 lots
) noexcept nogil
# Let what is left of it wait at the end of its queue; false where there is no room.
cdef bint tick_venue_rest(
    TickVenue* venue, i64 now, int order, bint bid, i64 price, i64 lots, i64 left
) noexcept nogil
# Where it waits, or NULL.
cdef Waiting* tick_venue_find(TickVenue* venue, int order, bint bid) noexcept nogil
# Take it out; what was left of it, or -1 where it does not wait.
cdef i64 tick_venue_cancel(TickVenue* venue, int order, bint bid) noexcept nogil


cdef inline bint is_better(bint bid, i64 price, i64 other) noexcept nogil:
    return price > other if bid else price < other


cdef inline bint tick_venue_concerns(const TickVenue* venue, bint bid, i64 price) noexcept nogil:
    """Whether a change of a level may touch anything of ours; where not, only the book changes."""
    cdef const Queue* others = &venue.queues[not bid]
    return venue.engaged and (
        venue.marks[bid] >> (<u64>price & 63) & 1
        or venue.taken[bid].count
        or (others.count and not is_better(bid, others.waiting[0].price, price))
    )


cdef inline int tick_venue_level(
    TickVenue* venue, i64 now, bint bid, i64 price, i64 lots
) noexcept nogil:
    """A level of the market has so many lots now; -1 where memory ran out."""
    cdef Side* side = &venue.book.bids if bid else &venue.book.asks
    if venue.engaged:
        tick_venue_move(venue, bid, price, lots)
    if side_set(side, price, lots) or (side.astray and book_settle(&venue.book)):
        return -1
    if venue.engaged:
        tick_venue_meet(venue, now, bid, price, lots)
    return 0


cdef inline void tick_venue_move(TickVenue* venue, bint bid, i64 price, i64 lots) noexcept nogil:
    """Let a level's change, before it is in the book, move our orders in it."""
    if venue.marks[bid] >> (<u64>price & 63) & 1:
        tick_venue_requeue(venue, bid, price, lots)
    if venue.taken[bid].count:
        tick_venue_told(venue, bid, price)


cdef inline void tick_venue_meet(
    TickVenue* venue, i64 now, bint bid, i64 price, i64 lots
) noexcept nogil:
    """Let a level that is in the book fill our orders of the other side that it meets."""
    cdef Queue* others = &venue.queues[not bid]
    if lots and others.count and not is_better(bid, others.waiting[0].price, price):
        tick_venue_cross(venue, now, bid, price, lots)
