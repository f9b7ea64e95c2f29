"""The venues' rules by which a snapshot and differences become an order book that can be trusted.

Binance: https://developers.binance.com, "How to manage a local order book correctly"; Kraken:
"Book checksum" of the WebSocket v2 guides; Coinbase Advanced: ``sequence_num`` of the connection.
Any gap, any wrong sum and any crossed book empties the book until it was rebuilt from a snapshot.
"""

from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memmove, memset

from alp._core.book cimport (
    BookState,
    Level,
    book_clear,
    book_crossed,
    book_settle,
    side_set,
    side_truncate,
)
from alp._core.checksum cimport kraken_checksum
from alp._core.feeds.frame cimport NONE_ID, UPDATE_SNAPSHOT, Frame, Symbol, Update
from alp._core.uint256 cimport i64

REASONS = {
    NO_REASON: "",
    STARTED: "nothing received yet",
    GAP: "an update is missing",
    CROSSED: "the book is crossed",
    BAD_CHECKSUM: "the checksum differs",
    OLD_SNAPSHOT: "the snapshot is older than the differences",
    LOST: "the connection was lost, or lost messages",
    OVERFLOW: "too many differences waiting for a snapshot",
    MALFORMED: "a message could not be read",
    NO_CHECKSUM: "an update came without its checksum",
    SILENT: "nothing came for too long",
}


cdef int sync_create(Sync* sync, int rule, i64 depth) noexcept nogil:
    """Nonzero where memory ran out."""
    memset(sync, 0, sizeof(Sync))
    sync.rule = rule
    sync.depth = depth
    sync.status = WAITING
    sync.reason = STARTED
    sync.last_id = NONE_ID
    if rule == RULE_PREVIOUS_ID or rule == RULE_NEXT_ID:
        sync.waiting = <Waiting*>malloc(MOST_WAITING_UPDATES * sizeof(Waiting))
        sync.levels = <Level*>malloc(MOST_WAITING_LEVELS * sizeof(Level))
        return sync.waiting == NULL or sync.levels == NULL
    return 0


cdef void sync_destroy(Sync* sync) noexcept nogil:
    free(sync.waiting)
    free(sync.levels)
    sync.waiting = NULL
    sync.levels = NULL


cdef void sync_reset(Sync* sync, BookState* book, int reason) noexcept nogil:
    sync.status = WAITING
    sync.reason = reason
    sync.last_id = NONE_ID
    sync.waiting_count = sync.level_count = 0
    book_clear(book)


cdef int _invalid(Sync* sync, BookState* book, int reason) noexcept nogil:
    sync_reset(sync, book, reason)
    return INVALID


cdef int _set_all(
    BookState* book, const Level* bids, int bid_count, const Level* asks, int ask_count
) noexcept nogil:
    cdef int failed = 0
    cdef int i
    for i in range(bid_count):
        failed |= side_set(&book.bids, bids[i].price, bids[i].quantity)
    for i in range(ask_count):
        failed |= side_set(&book.asks, asks[i].price, asks[i].quantity)
    return failed or book_settle(book)


cdef int _apply(
    Sync* sync, BookState* book, const Symbol* symbol, const Frame* frame, const Update* update
) noexcept nogil:
    """Apply an update that continues the book, and look at the outcome."""
    if _set_all(
        book,
        &frame.bids.rows[update.bids_begin], update.bids_end - update.bids_begin,
        &frame.asks.rows[update.asks_begin], update.asks_end - update.asks_begin,
    ):
        return _invalid(sync, book, OVERFLOW)
    if sync.depth:
        side_truncate(&book.bids, sync.depth)
        side_truncate(&book.asks, sync.depth)
    if sync.rule == RULE_CHECKSUM:
        if not update.has_checksum:
            return _invalid(sync, book, NO_CHECKSUM)
        sync.checksums += 1
        if kraken_checksum(book, &symbol.price, &symbol.quantity) != update.checksum:
            return _invalid(sync, book, BAD_CHECKSUM)
        sync.checksums_equal += 1
    if book_crossed(book):
        return _invalid(sync, book, CROSSED)
    sync.last_id = update.last_id
    return APPLIED


cdef int _keep(Sync* sync, BookState* book, const Frame* frame, const Update* update) noexcept nogil:
    """Put a difference by until the snapshot comes."""
    cdef int bids = update.bids_end - update.bids_begin
    cdef int asks = update.asks_end - update.asks_begin
    cdef Waiting* waiting
    if (
        sync.waiting_count == MOST_WAITING_UPDATES
        or sync.level_count + bids + asks > MOST_WAITING_LEVELS
    ):
        return _invalid(sync, book, OVERFLOW)
    waiting = &sync.waiting[sync.waiting_count]
    sync.waiting_count += 1
    waiting.first_id = update.first_id
    waiting.last_id = update.last_id
    waiting.previous_id = update.previous_id
    waiting.bids_begin = sync.level_count
    memcpy(
        sync.levels + sync.level_count, &frame.bids.rows[update.bids_begin], bids * sizeof(Level)
    )
    sync.level_count += bids
    waiting.bids_end = waiting.asks_begin = sync.level_count
    memcpy(
        sync.levels + sync.level_count, &frame.asks.rows[update.asks_begin], asks * sizeof(Level)
    )
    sync.level_count += asks
    waiting.asks_end = sync.level_count
    return KEPT


cdef inline int _continues(
    const Sync* sync, i64 first_id, i64 last_id, i64 previous_id
) noexcept nogil:
    """Whether a difference is next (APPLIED), old (STALE) or leaves one out (INVALID)."""
    if sync.rule == RULE_NEXT_ID:
        if last_id <= sync.last_id:
            return STALE
        if sync.fresh:
            return APPLIED if first_id <= sync.last_id + 1 else INVALID
        return APPLIED if first_id == sync.last_id + 1 else INVALID
    if sync.fresh:
        if last_id < sync.last_id:
            return STALE
        return APPLIED if first_id <= sync.last_id else INVALID
    if last_id <= sync.last_id:
        return STALE
    return APPLIED if previous_id == sync.last_id else INVALID


cdef void _forget_first(Sync* sync, int count) noexcept nogil:
    """Drop the oldest waiting differences; what remains moves to the front."""
    cdef int levels = 0
    cdef int i
    if count == 0:
        return
    levels = sync.waiting[count - 1].asks_end
    sync.waiting_count -= count
    sync.level_count -= levels
    memmove(sync.waiting, sync.waiting + count, sync.waiting_count * sizeof(Waiting))
    memmove(sync.levels, sync.levels + levels, sync.level_count * sizeof(Level))
    for i in range(sync.waiting_count):
        sync.waiting[i].bids_begin -= levels
        sync.waiting[i].bids_end -= levels
        sync.waiting[i].asks_begin -= levels
        sync.waiting[i].asks_end -= levels


cdef int _replay(Sync* sync, BookState* book) noexcept nogil:
    """Apply what waited, from the snapshot on."""
    cdef Waiting* waiting
    cdef int i = 0
    cdef int verdict
    while i < sync.waiting_count:
        waiting = &sync.waiting[i]
        verdict = _continues(sync, waiting.first_id, waiting.last_id, waiting.previous_id)
        if verdict == INVALID:
            if sync.fresh:
                # The snapshot is too old for what waits; a newer one will do.
                _forget_first(sync, i)
                book_clear(book)
                sync.reason = OLD_SNAPSHOT
                sync.last_id = NONE_ID
                return INVALID
            return _invalid(sync, book, GAP)
        if verdict == APPLIED:
            if _set_all(
                book,
                sync.levels + waiting.bids_begin, waiting.bids_end - waiting.bids_begin,
                sync.levels + waiting.asks_begin, waiting.asks_end - waiting.asks_begin,
            ):
                return _invalid(sync, book, OVERFLOW)
            sync.last_id = waiting.last_id
            sync.fresh = False
        i += 1
    sync.waiting_count = sync.level_count = 0
    if book_crossed(book):
        return _invalid(sync, book, CROSSED)
    return APPLIED


cdef int _snapshot(
    Sync* sync, BookState* book, const Symbol* symbol, const Frame* frame, const Update* update
) noexcept nogil:
    cdef int verdict
    if sync.status == LIVE and (sync.rule == RULE_PREVIOUS_ID or sync.rule == RULE_NEXT_ID):
        return STALE            # one was asked for too many
    book_clear(book)
    verdict = _apply(sync, book, symbol, frame, update)
    if verdict != APPLIED:
        return verdict
    sync.fresh = True
    if sync.rule == RULE_PREVIOUS_ID or sync.rule == RULE_NEXT_ID:
        verdict = _replay(sync, book)
        if verdict != APPLIED:
            return verdict
    sync.status = LIVE
    sync.reason = NO_REASON
    return APPLIED


cdef int _by_ids(
    Sync* sync, BookState* book, const Symbol* symbol, const Frame* frame, const Update* update
) noexcept nogil:
    """A difference under Binance's rules."""
    cdef int verdict
    if sync.status == WAITING:
        return _keep(sync, book, frame, update)
    verdict = _continues(sync, update.first_id, update.last_id, update.previous_id)
    if verdict == STALE:
        return STALE
    if verdict == INVALID:
        # What came after the gap belongs to the next book.
        sync_reset(sync, book, OLD_SNAPSHOT if sync.fresh else GAP)
        _keep(sync, book, frame, update)
        return INVALID
    verdict = _apply(sync, book, symbol, frame, update)
    sync.fresh = False
    return verdict


cdef int sync_update(
    Sync* sync, BookState* book, const Symbol* symbol, const Frame* frame, const Update* update
) noexcept nogil:
    """Take a snapshot or a difference; says what became of it."""
    if update.kind == UPDATE_SNAPSHOT:
        return _snapshot(sync, book, symbol, frame, update)
    if sync.rule == RULE_PREVIOUS_ID or sync.rule == RULE_NEXT_ID:
        return _by_ids(sync, book, symbol, frame, update)
    if sync.status == WAITING:
        return IGNORED
    if sync.rule == RULE_SEQUENCE:
        if update.last_id <= sync.last_id:
            return STALE
        if update.last_id != sync.last_id + 1:
            return _invalid(sync, book, GAP)
    return _apply(sync, book, symbol, frame, update)
