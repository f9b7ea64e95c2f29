# Orders of ours against one market's book: price-time priority, and a model of the queues.
#
# Prices are ticks, quantities lots. Memory is taken once. A paper exchange and a backtest feed the
# same events: level changes, trades, and what is done to our orders.

from alp._core.market_ladder cimport Ladder
from alp._core.queue_models cimport (
    QUEUE_CONSERVATIVE,
    QUEUE_FIFO,
    QUEUE_LOG,
    QUEUE_POWER,
)
from alp._core.uint256 cimport i64, u64

cdef enum:                      # Prevention: of a taker that meets an order of its own account
    PREVENT_NONE = 0            # they trade
    PREVENT_TAKER = 1           # what is left of the taker ends
    PREVENT_MAKER = 2           # the resting order ends
    PREVENT_BOTH = 3
    PREVENT_DECREMENT = 4       # both lose the smaller quantity, untraded

cdef enum:                      # what a match did to an order
    MATCH_FILL = 1
    MATCH_EXPIRED = 2           # self-trade prevention ended it with so much left
    MATCH_PREVENTED = 3         # self-trade prevention took so much from it

cdef enum:
    NOBODY = -1                 # in place of an order: the market
    NO_PLACE = -1               # the table of orders is full
    DONE = 1
    MORE = 2                    # the room for matches is full: take them, and go on

cdef struct Resting:
    i64 price
    i64 left
    i64 ahead                   # 2^-AHEAD_BITS lots of the market
    i64 traded                  # at its price since the level was last told
    u64 entered
    int account
    int prevention
    int next                    # behind it on its side, or the next free place
    int previous
    bint bid
    bint rests
    bint used

cdef struct Match:
    int order
    int other                   # NOBODY: the market
    int kind
    bint maker
    i64 price
    i64 quantity
    i64 left

cdef struct Matching:
    int model
    int exponent
    int capacity
    int resting
    int free
    int found
    int room
    int first[2]                # resting, best first; asks, bids
    u64 stamp                   # the last entry into a queue
    Ladder sides[2]
    Resting* orders
    Match* matches

# 0, or -1 where there is no memory.
cdef int matching_create(
    Matching* market, int model, int exponent, int orders, int levels, int room
) noexcept nogil
cdef void matching_destroy(Matching* market) noexcept nogil
# The market's book: a level has this size now. Matches are appended, at most one of each order.
cdef void matching_level(Matching* market, bint bid, i64 price, i64 size) noexcept nogil
# No level farther than so many is known any more.
cdef void matching_cut(Matching* market, int levels) noexcept nogil
# Somebody bought or sold.
cdef void matching_trade(Matching* market, bint bought, i64 price, i64 lots) noexcept nogil
# A named order of the market left, where the venue tells (FIFO); it entered after our `entered`.
cdef void matching_removal(
    Matching* market, bint bid, i64 price, i64 lots, u64 entered
) noexcept nogil
# A new order, not matched yet: its place, or NO_PLACE.
cdef int matching_open(
    Matching* market, int account, bint bid, i64 price, i64 lots, int prevention
) noexcept nogil
# Let it take what it can: DONE, or MORE when the matches have to be taken before it goes on.
cdef int matching_take(Matching* market, int place) noexcept nogil
# Let what is left of it wait at the end of its queue.
cdef void matching_rest(Matching* market, int place) noexcept nogil
# Take it out of its queue, with its place kept; and give the place up.
cdef void matching_unlink(Matching* market, int place) noexcept nogil
cdef void matching_free(Matching* market, int place) noexcept nogil
# How many lots an order could take at once, up to `most`, orders of one account left out.
cdef i64 matching_available(
    const Matching* market, bint bid, i64 price, i64 most, int without
) noexcept nogil
# What is visible and not taken at a price.
cdef i64 matching_visible(const Matching* market, bint bid, i64 price) noexcept nogil


cdef class Matcher:
    cdef Matching market
    cdef readonly object model

    cdef Resting* _resting(self, int place) except NULL
    cdef object _settle(self, int place, bint rest)
    cdef list _matches(self)
