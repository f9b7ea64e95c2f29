# One connection's market data: messages in, books that are known to be right out.

from alp._core.book cimport BookState
from alp._core.feeds.frame cimport MOST_SYMBOLS, Frame, ParseFrame, Symbols
from alp._core.sync cimport Sync
from alp._core.uint256 cimport i64, u64

cdef enum:
    REASON_COUNT = 11
    EXCERPT_BYTES = 200         # kept of a message that could not be read

# What a message changed about one product; a bit each.
cdef enum Change:
    BOOK_CHANGED = 1
    STATUS_CHANGED = 2          # live or not
    QUOTE_CHANGED = 4
    TRADED = 8

cdef struct Counters:
    i64 messages
    i64 bytes
    i64 snapshots
    i64 deltas
    i64 level_changes
    i64 quotes
    i64 trades
    i64 heartbeats
    i64 refused
    i64 others                  # well formed, of a kind not known
    i64 unknown_symbols
    i64 malformed
    i64 stale                   # dropped as older than the book
    i64 ignored                 # before a snapshot, where the rule keeps nothing
    i64 lost_frames             # of the connection's own numbers
    i64 invalid[REASON_COUNT]   # books given up, by reason of sync

cdef struct Quote:
    i64 bid
    i64 bid_quantity
    i64 ask
    i64 ask_quantity
    i64 last_id                 # of the book it is of, NONE_ID where the venue does not tell
    i64 exchange_ns

# When the last message of each kind came, by the caller's clock; 0 for none yet.
cdef struct Received:
    i64 book
    i64 quote
    i64 trade

cdef struct Market:
    BookState book
    Sync sync
    Quote quote                 # of the venue's own best-quote stream
    i64 exchange_ns             # of the last update applied
    Received received
    i64 snapshots
    int changed                 # Change bits since the reader last cleared them

cdef class Feed:
    cdef Frame frame
    cdef Symbols symbols
    cdef ParseFrame parse_frame
    cdef Market* markets
    cdef int count
    cdef i64 sequence
    cdef bint numbers_trades    # one by one: a missing or repeated one shows
    cdef u64 dirty              # bit by symbol: its market's `changed` is not 0
    cdef u64 turned             # bit by symbol: its book came or went; whoever acts on it clears it
    cdef Counters counters
    cdef int fault              # of the last message that could not be read
    cdef int excerpt_size
    cdef char excerpt_bytes[EXCERPT_BYTES]
    cdef int take(self, const char* message, Py_ssize_t size, i64 received_ns) noexcept nogil
    cdef void lose(self, int reason) noexcept nogil
    cdef void _give_up(self, int symbol, int reason) noexcept nogil
    cdef void _unreadable(self, const char* message, Py_ssize_t size, int fault) noexcept nogil
    cdef int _venue(self, str venue) except -1
    cdef Market* _market(self, int symbol) except NULL


cdef inline void mark(Feed feed, int symbol, int change) noexcept nogil:
    feed.markets[symbol].changed |= change
    feed.dirty |= <u64>1 << symbol
    if change & STATUS_CHANGED:
        feed.turned |= <u64>1 << symbol
