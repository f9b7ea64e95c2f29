# Continuity of one book: when what was received is the venue's book, and why it is not.
#
# Pure: updates go in, a verdict comes out, the book is changed only by verdicts that say so.

from alp._core.book cimport BookState, Level
from alp._core.feeds.frame cimport Frame, Symbol, Update
from alp._core.uint256 cimport i64

cdef enum SyncRule:
    RULE_PREVIOUS_ID = 1        # Binance futures: pu is u of the update before
    RULE_NEXT_ID = 2            # Binance spot: U is u of the update before + 1
    RULE_CONNECTION = 3         # Coinbase: the connection counts its frames, the book none
    RULE_SEQUENCE = 4           # Kraken Futures: each product counts its updates
    RULE_CHECKSUM = 5           # Kraken spot: the best ten levels are summed
    RULE_NONE = 6               # Coinbase Exchange: nothing to go by

cdef enum SyncStatus:
    WAITING = 1                 # for a snapshot; differences are kept where the rule needs them
    LIVE = 2                    # the book is the venue's

cdef enum SyncReason:
    NO_REASON = 0
    STARTED = 1                 # nothing received yet
    GAP = 2                     # an update is missing
    CROSSED = 3                 # best bid at or above best ask
    BAD_CHECKSUM = 4
    OLD_SNAPSHOT = 5            # it ends before the first difference begins
    LOST = 6                    # the connection is gone, or it lost frames
    OVERFLOW = 7                # more differences waiting than there is room for
    MALFORMED = 8               # a message about it could not be read
    NO_CHECKSUM = 9             # an update without the sum that should prove it
    SILENT = 10                 # nothing came for too long

cdef enum SyncVerdict:
    APPLIED = 1                 # the book changed and is right
    KEPT = 2                    # waits for the snapshot
    STALE = 3                   # older than the book, or twice the same: dropped
    IGNORED = 4                 # no snapshot yet, and the rule keeps nothing
    INVALID = 5                 # the book is not to be used; see the reason

cdef enum:
    MOST_WAITING_UPDATES = 4096
    MOST_WAITING_LEVELS = 1048576

cdef struct Waiting:
    i64 first_id
    i64 last_id
    i64 previous_id
    int bids_begin, bids_end
    int asks_begin, asks_end

cdef struct Sync:
    int rule
    int status
    int reason                  # why it is not live
    i64 depth                   # levels kept of each side, 0 for all
    i64 last_id
    bint fresh                  # no difference was applied since the snapshot
    i64 checksums               # tried
    i64 checksums_equal
    int waiting_count
    int level_count
    Waiting* waiting
    Level* levels

cdef int sync_create(Sync* sync, int rule, i64 depth) noexcept nogil
cdef void sync_destroy(Sync* sync) noexcept nogil
# Forget everything; the book is emptied.
cdef void sync_reset(Sync* sync, BookState* book, int reason) noexcept nogil
cdef int sync_update(
    Sync* sync, BookState* book, const Symbol* symbol, const Frame* frame, const Update* update
) noexcept nogil
