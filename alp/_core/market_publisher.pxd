# From books to the bus: what changed goes out, no more often than a reader wants it.

from alp._core.book cimport Level
from alp._core.feed cimport Feed
from alp._core.outlet cimport Outlet
from alp._core.uint256 cimport i64
from alp._core.wire cimport Bbo, u16, u32w

cdef struct Route:
    u16 instrument
    int levels                  # of each side in a Depth; 0: none is sent
    bint trades
    i64 quote_interval_ns       # between two Bbo, 0 sends every change
    i64 depth_interval_ns
    i64 quote_sent_ns
    i64 depth_sent_ns
    bint quote_due              # held back by its interval
    bint depth_due
    u32w conflated              # changes since the last Depth
    int live                    # as told; -1 before anything was
    int reason
    Bbo bbo                     # as sent
    i64 trade_id                # of the newest sent

cdef struct PublishCounts:
    i64 quotes
    i64 depths
    i64 trades
    i64 statuses
    i64 conflated               # changes of a quote that were not sent, a newer one was
    i64 repeated_trades
    i64 missing_trades          # by their numbers, where the venue counts them one by one

cdef class MarketPublisher:
    cdef Outlet outlet
    cdef Route* routes
    cdef char* depth            # of the message being made
    cdef readonly int count
    cdef PublishCounts sent

cdef class Lane:
    cdef readonly Feed feed
    cdef readonly MarketPublisher publisher
    cdef int* route_of          # by the feed's symbol, -1: not published
    cdef readonly bint leading
    cdef void publish(self, i64 now_ns) noexcept nogil
    cdef void _publish_market(self, int symbol, i64 now_ns) noexcept nogil
    cdef bint _flush(self, i64 now_ns) noexcept nogil
