"""A connection's messages turned into books: parsing, continuity, counting; no I/O.

:meth:`Feed.take` is what a socket's listener calls for every message. It allocates nothing and
touches no Python object; a message that cannot be read changes no book by itself, but where the
venue's numbering would not show that it is missing, the books it may have been about are given up.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memchr, memcpy, memset

from alp._core.book cimport Level, Side, book_create, book_destroy, side_best, side_depth
from alp._core.feeds.frame cimport (
    FRAME_DATA,
    FRAME_HEARTBEAT,
    FRAME_REFUSED,
    NONE_ID,
    UNKNOWN_SYMBOL,
    UPDATE_QUOTE,
    UPDATE_SNAPSHOT,
    UPDATE_TRADE_HISTORY,
    UPDATE_TRADES,
    Update,
    frame_create,
    frame_destroy,
    parser_of,
    symbols_add,
)
from alp._core.sync cimport (
    APPLIED,
    IGNORED,
    INVALID,
    LIVE,
    LOST,
    MALFORMED,
    RULE_CHECKSUM,
    RULE_CONNECTION,
    RULE_NEXT_ID,
    RULE_NONE,
    RULE_PREVIOUS_ID,
    RULE_SEQUENCE,
    SILENT,
    STALE,
    sync_create,
    sync_destroy,
    sync_reset,
    sync_update,
)
from alp._core.uint256 cimport i64, u64

from alp._core.feeds.frame import FAULTS as _FAULTS
from alp._core.sync import REASONS as _REASONS

EXCERPT = EXCERPT_BYTES
"""Bytes kept of a message that could not be read."""


cdef int _book_update(Feed feed, const Update* update, i64 received_ns) noexcept nogil:
    cdef Market* market = &feed.markets[update.symbol]
    cdef int before = market.sync.status
    cdef int verdict = sync_update(
        &market.sync, &market.book, &feed.symbols.rows[update.symbol], &feed.frame, update
    )
    if update.kind == UPDATE_SNAPSHOT:
        feed.counters.snapshots += 1
        market.snapshots += 1
    else:
        feed.counters.deltas += 1
    feed.counters.level_changes += (
        update.bids_end - update.bids_begin + update.asks_end - update.asks_begin
    )
    market.received.book = received_ns
    if verdict == APPLIED:
        market.exchange_ns = update.exchange_ns
        mark(feed, update.symbol, BOOK_CHANGED)
    elif verdict == STALE:
        feed.counters.stale += 1
    elif verdict == IGNORED:
        feed.counters.ignored += 1
    elif verdict == INVALID:
        feed.counters.invalid[market.sync.reason] += 1
        mark(feed, update.symbol, BOOK_CHANGED)
    if market.sync.status != before or verdict == INVALID:
        mark(feed, update.symbol, STATUS_CHANGED)
    return verdict


cdef void _quote(Feed feed, const Update* update, i64 received_ns) noexcept nogil:
    cdef Market* market = &feed.markets[update.symbol]
    cdef const Level* bid = &feed.frame.bids.rows[update.bids_begin]
    cdef const Level* ask = &feed.frame.asks.rows[update.asks_begin]
    feed.counters.quotes += 1
    market.received.quote = received_ns
    if update.bids_end == update.bids_begin or update.asks_end == update.asks_begin:
        return
    market.quote.bid, market.quote.bid_quantity = bid.price, bid.quantity
    market.quote.ask, market.quote.ask_quantity = ask.price, ask.quantity
    market.quote.last_id = update.last_id
    market.quote.exchange_ns = update.exchange_ns
    mark(feed, update.symbol, QUOTE_CHANGED)


cdef bint _in_sequence(Feed feed) noexcept nogil:
    """Whether the frame is the connection's next; a jump gives up every book of it."""
    cdef i64 sequence = feed.frame.sequence
    if sequence == NONE_ID:
        return True
    if feed.sequence != NONE_ID:
        if sequence <= feed.sequence:
            feed.counters.stale += 1
            return False
        if sequence != feed.sequence + 1:
            feed.counters.lost_frames += sequence - feed.sequence - 1
            feed.lose(LOST)
    # The first frame seen may have any number: a book begins with its snapshot anyway.
    feed.sequence = sequence
    return True


cdef class Feed:
    """The books of one connection.

    Parameters
    ----------
    venue
        Whose messages: a key of :data:`VENUES`.
    symbols
        ``(name, price decimals, price step, quantity decimals, quantity step)`` each.
    depth
        Levels kept of each side; 0 keeps all. Kraken's checksum needs the depth subscribed to.
    """

    def __cinit__(self, str venue not None, symbols, i64 depth=0):
        cdef int i
        cdef int rule
        rows = list(symbols)
        self.sequence = NONE_ID
        memset(&self.counters, 0, sizeof(Counters))
        self.symbols.count = self.symbols.last = 0
        rule = self._venue(venue)
        self.numbers_trades = venue != "kraken-futures"
        if frame_create(&self.frame):
            raise MemoryError
        for row in rows:
            symbols_add(&self.symbols, row)
        self.count = self.symbols.count
        self.markets = <Market*>calloc(max(self.count, 1), sizeof(Market))
        if self.markets == NULL:
            raise MemoryError
        for i in range(self.count):
            if (
                book_create(&self.markets[i].book)
                or sync_create(&self.markets[i].sync, rule, depth)
            ):
                raise MemoryError
            self.markets[i].quote.last_id = NONE_ID

    cdef int _venue(self, str venue) except -1:
        if venue not in VENUES:
            raise ValueError(f"no feed handler for {venue!r}: {', '.join(VENUES)}")
        self.parse_frame = parser_of("binance" if venue.startswith("binance-") else venue)
        return VENUES[venue]

    def __dealloc__(self):
        cdef int i
        if self.markets != NULL:
            for i in range(self.count):
                book_destroy(&self.markets[i].book)
                sync_destroy(&self.markets[i].sync)
        free(self.markets)
        frame_destroy(&self.frame)

    cdef int take(self, const char* message, Py_ssize_t size, i64 received_ns) noexcept nogil:
        """Take one message; returns its fault."""
        cdef const Update* update
        cdef int i
        cdef int fault = self.parse_frame(&self.frame, &self.symbols, message, size)
        self.counters.messages += 1
        self.counters.bytes += size
        if fault:
            self._unreadable(message, size, fault)
            return fault
        if not _in_sequence(self):
            return 0
        if self.frame.kind == FRAME_HEARTBEAT:
            self.counters.heartbeats += 1
        elif self.frame.kind == FRAME_REFUSED:
            self.counters.refused += 1
        elif self.frame.kind != FRAME_DATA:
            self.counters.others += 1
        for i in range(self.frame.count):
            update = &self.frame.updates[i]
            if update.symbol == UNKNOWN_SYMBOL:
                self.counters.unknown_symbols += 1
            elif update.kind == UPDATE_QUOTE:
                _quote(self, update, received_ns)
            elif update.kind == UPDATE_TRADES or update.kind == UPDATE_TRADE_HISTORY:
                self.counters.trades += update.trades_end - update.trades_begin
                self.markets[update.symbol].received.trade = received_ns
                mark(self, update.symbol, TRADED)
            else:
                _book_update(self, update, received_ns)
        return 0

    cdef void _unreadable(self, const char* message, Py_ssize_t size, int fault) noexcept nogil:
        """Give up the books whose numbering cannot show that a message is missing."""
        cdef int i
        cdef int rule
        self.counters.malformed += 1
        self.fault = fault
        self.excerpt_size = <int>min(size, <Py_ssize_t>EXCERPT_BYTES)
        memcpy(self.excerpt_bytes, message, self.excerpt_size)
        for i in range(self.count):
            rule = self.markets[i].sync.rule
            if self.markets[i].sync.status == LIVE and rule in (RULE_CONNECTION, RULE_NONE):
                self._give_up(i, MALFORMED)

    cdef void _give_up(self, int symbol, int reason) noexcept nogil:
        cdef Market* market = &self.markets[symbol]
        if market.sync.status == LIVE:
            self.counters.invalid[reason] += 1
            mark(self, symbol, BOOK_CHANGED | STATUS_CHANGED)
        sync_reset(&market.sync, &market.book, reason)
        market.quote.last_id = NONE_ID

    cdef void lose(self, int reason) noexcept nogil:
        """Give up every book."""
        cdef int i
        for i in range(self.count):
            self._give_up(i, reason)

    def feed(self, const unsigned char[::1] message not None, i64 received_ns=0):
        """Take one message; return None, or why it could not be read.

        Parameters
        ----------
        message
            As received, one JSON text.
        received_ns
            When, by whatever clock the caller reads :meth:`received` with.
        """
        cdef Py_ssize_t size = message.shape[0]
        cdef int fault
        if size == 0:
            self.counters.messages += 1
            self._unreadable(b"", 0, 1)
            return _FAULTS[1]
        with nogil:
            fault = self.take(<const char*>&message[0], size, received_ns)
        return _FAULTS[fault] if fault else None

    def feed_lines(self, const unsigned char[::1] lines not None, i64 received_ns=0):
        """Take messages that end in newlines; return how many there were.

        What could not be read is counted, see :attr:`counts`.
        """
        cdef const char* at
        cdef const char* end
        cdef const char* newline
        cdef i64 count = 0
        if lines.shape[0] == 0:
            return 0
        at = <const char*>&lines[0]
        end = at + lines.shape[0]
        with nogil:
            while at < end:
                newline = <const char*>memchr(at, 10, end - at)
                if newline == NULL:
                    newline = end
                if newline > at:
                    self.take(at, newline - at, received_ns)
                    count += 1
                at = newline + 1
        return count

    def lost(self):
        """Say that the connection is gone: every book waits for its next snapshot."""
        self.lose(LOST)
        self.sequence = NONE_ID

    def silent(self, int symbol):
        """Give up a book of which nothing came for too long."""
        self._market(symbol)
        self._give_up(symbol, SILENT)

    def begin(self, int symbol, i64 last_id):
        """Take the book for empty and live up to an id: for a recording without its snapshot.

        Raises
        ------
        ValueError
            If the venue's rule needs the whole book.
        """
        cdef Market* market = self._market(symbol)
        if market.sync.rule == RULE_CHECKSUM:
            raise ValueError("a checksum cannot be tried without the snapshot")
        sync_reset(&market.sync, &market.book, 0)
        market.sync.status = LIVE
        market.sync.last_id = last_id
        market.sync.fresh = True

    cdef Market* _market(self, int symbol) except NULL:
        if not 0 <= symbol < self.count:
            raise IndexError(f"no symbol {symbol}")
        return &self.markets[symbol]

    def status(self, int symbol):
        """Return ``(live, why not)`` of the book of the symbol with this index."""
        cdef Market* market = self._market(symbol)
        return market.sync.status == LIVE, _REASONS[market.sync.reason]

    def touch(self, int symbol):
        """Return ``(bid, bid lots, ask, ask lots)``; None where the book is not live or one-sided."""
        cdef Market* market = self._market(symbol)
        cdef i64 bid, bids, ask, asks
        if market.sync.status != LIVE:
            return None
        if not side_best(&market.book.bids, &bid, &bids):
            return None
        if not side_best(&market.book.asks, &ask, &asks):
            return None
        return bid, bids, ask, asks

    def depth(self, int symbol, bint bid, Py_ssize_t most):
        """Return up to ``most`` levels of one side, best first."""
        cdef Market* market = self._market(symbol)
        cdef Level* levels
        cdef Py_ssize_t found
        cdef const Side* side
        side = &market.book.bids if bid else &market.book.asks
        most = min(max(most, 0), <Py_ssize_t>side.count)
        levels = <Level*>calloc(max(most, 1), sizeof(Level))
        if levels == NULL:
            raise MemoryError
        try:
            found = side_depth(side, levels, most)
            return [(levels[i].price, levels[i].quantity) for i in range(found)]
        finally:
            free(levels)

    @property
    def excerpt(self):
        """The beginning of the last message that could not be read, and why; None for none."""
        if not self.fault:
            return None
        return self.excerpt_bytes[:self.excerpt_size], _FAULTS[self.fault]

    def received(self, int symbol):
        """Return when the last message about the book, the best quote and trades came; 0: never."""
        cdef const Market* market = self._market(symbol)
        return market.received.book, market.received.quote, market.received.trade

    def waiting(self, int symbol):
        """Return how many differences wait for a snapshot."""
        return self._market(symbol).sync.waiting_count

    def exchange_ns(self, int symbol):
        """Return the venue's time of the last change of a book; 0 where it gives none."""
        return self._market(symbol).exchange_ns

    def snapshots(self, int symbol):
        """Return how many snapshots of a product came."""
        return self._market(symbol).snapshots

    def checksums(self, int symbol):
        """Return how many checksums were tried, and how many were equal."""
        cdef Market* market = self._market(symbol)
        return market.sync.checksums, market.sync.checksums_equal

    @property
    def counts(self):
        """What was received, by kind, and how often a book was given up, by reason."""
        return _counts(&self.counters)


cdef dict _counts(const Counters* counters):
    found = {
        "messages": counters.messages,
        "bytes": counters.bytes,
        "snapshots": counters.snapshots,
        "deltas": counters.deltas,
        "level_changes": counters.level_changes,
        "quotes": counters.quotes,
        "trades": counters.trades,
        "heartbeats": counters.heartbeats,
        "refused": counters.refused,
        "others": counters.others,
        "unknown_symbols": counters.unknown_symbols,
        "malformed": counters.malformed,
        "stale": counters.stale,
        "ignored": counters.ignored,
        "lost_frames": counters.lost_frames,
    }
    for reason, text in _REASONS.items():
        if counters.invalid[<int>reason]:
            found[f"invalid: {text}"] = counters.invalid[<int>reason]
    return found


VENUES = {
    "binance-usdm": RULE_PREVIOUS_ID,
    "binance-coinm": RULE_PREVIOUS_ID,
    "binance-spot": RULE_NEXT_ID,
    "coinbase": RULE_CONNECTION,
    "coinbase-exchange": RULE_NONE,
    "kraken": RULE_CHECKSUM,
    "kraken-futures": RULE_SEQUENCE,
}
