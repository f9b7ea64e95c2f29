# All orders of an account, found by either id, and what they may still do to the position.
#
# Memory is taken once. Prices are ticks, quantities lots of the instrument that an order names.

from alp._core.order_life cimport LifeEvent, OrderLife
from alp._core.uint256 cimport i64, i128, u64
from alp._core.wire cimport CLIENT_ID, VENUE_ID

cdef enum:
    MOST_VENUE_IDS = 4          # of one order
    FILL_TIMES = 64             # kept of each side of an instrument
    BUY = 0
    SELL = 1

cdef enum:                      # Outcome of an event
    NEWS = 1
    REPEATED = 2                # known already: nothing changed
    STRANGER = 3                # about no order here
    IMPOSSIBLE = 4              # it can be about no order
    NO_ROOM = 5                 # the memory for trades or amends is full

cdef enum:                      # why an order was not opened
    ID_IN_USE = -1
    TABLE_FULL = -2
    BAD_TERMS = -3

cdef struct VenueId:
    u64 hash                    # 0: this place is free
    bint replaced
    char text[VENUE_ID]

cdef struct Order:
    OrderLife life
    u64 client_hash
    int instrument
    int next                    # of the open orders of its instrument and side, or of the free
    int previous
    bint listed                 # among those
    bint used
    int trades                  # the newest of its trades
    unsigned int commands       # numbers given to its amends and cancels
    i128 notional               # its part of the exposure, as counted
    i64 open_quantity
    VenueId ids[MOST_VENUE_IDS]
    char client_id[CLIENT_ID]

cdef struct Trade:
    u64 id
    i64 quantity
    i64 price
    int order
    int next_same               # with the same hash
    int next_order              # of the same order, or free

cdef struct Index:              # open addressing, linear, no tombstones
    u64* hashes                 # 0: free
    int* values
    int mask

cdef struct InstrumentBook:
    int group
    i64 unit                    # of the group, in one lot
    i128 position
    i128 open_quantity[2]       # at worst
    i128 open_notional[2]
    int first[2]                # open orders
    i64 fill_ns[2][FILL_TIMES]
    i64 fills[2]

cdef struct GroupBook:
    i128 net                    # positions and what is held elsewhere
    i128 external
    i128 open_quantity[2]

cdef struct OrderCounts:
    i64 events
    i64 repeated
    i64 strangers
    i64 impossible
    i64 no_room
    i64 contradictions          # raised so far
    i64 contradictory           # orders that have one now
    i64 live

cdef struct Orders:
    int capacity
    int trade_capacity
    int instruments
    int groups
    int free_order
    int free_trade
    int trade_mask
    Order* orders
    Trade* trades
    int* trade_buckets
    Index by_client
    Index by_venue
    InstrumentBook* books
    GroupBook* totals
    OrderCounts counts


cdef inline i64 largest() noexcept nogil:
    """Of a price, a quantity, or units in a lot: products and sums of a table fit 128 bits.

    A million orders of the largest price and quantity add up to 2**116; the collar's 10,000 times
    a price and a number of basis points of 62 bits stay below 2**112. In lots of 10**-8 it is
    2.8 million units.
    """
    return <i64>1 << 48


cdef inline i64 most_traded() noexcept nogil:
    """Of one order: what is told beyond it, which no order may have, adds nothing."""
    return <i64>1 << 62


cdef u64 hash_bytes(const char* text, int room) noexcept nogil
# The order's place, or why there is none.
cdef int orders_open(
    Orders* orders, const char* client_id, int instrument, int side, i64 price, i64 quantity
) noexcept nogil
cdef int orders_apply(Orders* orders, int place, const LifeEvent* event) noexcept nogil
cdef int orders_by_client(const Orders* orders, const char* client_id) noexcept nogil
cdef int orders_by_venue(const Orders* orders, const char* venue_id) noexcept nogil
# 0, or -1 for an order that has not ended.
cdef int orders_release(Orders* orders, int place) noexcept nogil
cdef int orders_create(
    Orders* orders, int capacity, int trades, int instruments, int groups
) noexcept nogil
cdef void orders_destroy(Orders* orders) noexcept nogil
