# A recorded market as both sides of a backtest read it: rows in the order of the exchange's times,
# and of receipt. Neither column ever falls; a row out of order is there twice, once for each side,
# and carries in the other column the time of the row before it.

from alp._core.uint256 cimport i64, u64

cdef enum:                      # bits of `size`; exactly one of the first three
    TAPE_LEVEL = 1              # a level has this many lots now; 0: it is gone
    TAPE_TRADE = 2
    TAPE_CLEAR = 4              # the book begins anew
    TAPE_BID = 8                # of the bids; of a trade: somebody bought
    TAPE_EXCHANGE = 16          # it happened at the exchange
    TAPE_LOCAL = 32             # it was received
    TAPE_BITS = 16              # and the lots are above them

cdef struct TapeRow:
    i64 exchange_ns
    i64 local_ns
    i64 price                   # ticks
    u64 size                    # lots << TAPE_BITS, and the bits

# An order of the market that is gone or became smaller, other than by a trade, where the venue names
# orders: what queues first in, first out are moved by.
cdef struct RemovalRow:
    i64 exchange_ns
    i64 entered_ns              # when it joined its queue
    i64 price
    u64 size                    # lots that left; of the bits only TAPE_BID

# How long messages took, from a moment on.
cdef struct LatencyRow:
    i64 at_ns
    i64 entry_ns                # from here to the exchange
    i64 answer_ns               # and back
