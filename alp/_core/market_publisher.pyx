"""Publishing books and trades on the bus: every change, or the newest state at most so often.

A :class:`Lane` is one connection's way to the bus. Where two connections carry the same products,
while one is being replaced, both may publish trades (each is sent once, by its number), but only
the lane that leads publishes books.
"""

from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memset

from alp._core.book cimport Level, side_best, side_depth
from alp._core.feed cimport (
    BOOK_CHANGED,
    QUOTE_CHANGED,
    STATUS_CHANGED,
    TRADED,
    Feed,
    Market,
)
from alp._core.feeds.frame cimport NONE_ID, UPDATE_TRADES, Trade, Update
from alp._core.outlet cimport MOST_INSTRUMENTS, Outlet, realtime_ns
from alp._core.sync cimport LIVE
from alp._core.uint256 cimport i64, u64
from alp._core.wire cimport (
    KIND_BBO,
    KIND_BOOK_STATUS,
    KIND_DEPTH,
    KIND_TRADE,
    MOST_LEVELS,
    Bbo,
    BookStatus,
    Depth,
    TradeMessage,
    depth_size,
    fill_header,
)

cdef extern from *:
    int count_trailing_zeros "__builtin_ctzll"(u64) nogil


cdef void _send_trade(
    MarketPublisher to, Route* route, const Trade* trade, bint numbered
) noexcept nogil:
    cdef TradeMessage message
    if numbered and trade.id != NONE_ID:
        if trade.id <= route.trade_id:
            to.sent.repeated_trades += 1
            return
        if route.trade_id != NONE_ID:
            to.sent.missing_trades += trade.id - route.trade_id - 1
        route.trade_id = trade.id
    memset(&message, 0, sizeof(TradeMessage))
    fill_header(&message.header, KIND_TRADE, 0, route.instrument, 0, trade.exchange_ns, 0)
    message.id, message.price, message.quantity = trade.id, trade.price, trade.quantity
    message.aggressor = <signed char>trade.aggressor
    to.outlet.send(&message.header, sizeof(TradeMessage))
    to.sent.trades += 1


cdef void _send_trades(
    MarketPublisher to, Route* route, Feed feed, const Update* update
) noexcept nogil:
    """Oldest first; Coinbase lists the newest first."""
    cdef const Trade* trades = feed.frame.trades.rows
    cdef int i = update.trades_begin
    cdef int last = update.trades_end - 1
    cdef int step = 1
    if i > last:
        return
    if trades[i].id > trades[last].id:
        i, last, step = last, i, -1
    while True:
        _send_trade(to, route, &trades[i], feed.numbers_trades)
        if i == last:
            return
        i += step


cdef void _send_status(MarketPublisher to, Route* route, const Market* market) noexcept nogil:
    cdef BookStatus message
    cdef int live = market.sync.status == LIVE
    if live == route.live and market.sync.reason == route.reason:
        return
    route.live, route.reason = live, market.sync.reason
    memset(&message, 0, sizeof(BookStatus))
    fill_header(
        &message.header, KIND_BOOK_STATUS, 0, route.instrument, 0, market.exchange_ns, 0
    )
    message.live, message.reason = <unsigned char>live, <unsigned char>market.sync.reason
    message.since_ns = realtime_ns()
    to.outlet.send(&message.header, sizeof(BookStatus))
    to.sent.statuses += 1
    if live:                    # the first quote of a new book is news, whatever it says
        route.bbo.header.kind = 0
        route.quote_due = route.depth_due = True
        route.quote_sent_ns = route.depth_sent_ns = 0


cdef void _read_bbo(const Market* market, Bbo* bbo) noexcept nogil:
    """The touch of the book, or the venue's own best quote where that is newer."""
    cdef i64 price = 0
    cdef i64 quantity = 0
    if market.quote.last_id > market.sync.last_id:
        bbo.bid, bbo.bid_quantity = market.quote.bid, market.quote.bid_quantity
        bbo.ask, bbo.ask_quantity = market.quote.ask, market.quote.ask_quantity
        bbo.header.exchange_ns = market.quote.exchange_ns
        return
    bbo.header.exchange_ns = market.exchange_ns
    side_best(&market.book.bids, &price, &quantity)
    bbo.bid, bbo.bid_quantity = price, quantity
    price = quantity = 0
    side_best(&market.book.asks, &price, &quantity)
    bbo.ask, bbo.ask_quantity = price, quantity


cdef void _send_bbo(
    MarketPublisher to, Route* route, const Market* market, i64 now_ns
) noexcept nogil:
    cdef Bbo message
    _read_bbo(market, &message)
    if (
        route.bbo.header.kind == KIND_BBO
        and message.bid == route.bbo.bid and message.bid_quantity == route.bbo.bid_quantity
        and message.ask == route.bbo.ask and message.ask_quantity == route.bbo.ask_quantity
    ):
        route.quote_due = False
        return
    if route.quote_interval_ns and now_ns - route.quote_sent_ns < route.quote_interval_ns:
        route.quote_due = True
        return
    fill_header(
        &message.header, KIND_BBO, 0, route.instrument, 0, message.header.exchange_ns, 0
    )
    route.bbo = message
    route.quote_due = False
    route.quote_sent_ns = now_ns
    to.outlet.send(&message.header, sizeof(Bbo))
    to.sent.quotes += 1


cdef void _send_depth(
    MarketPublisher to, Route* route, const Market* market, i64 now_ns
) noexcept nogil:
    cdef Depth* message = <Depth*>to.depth
    cdef Level* levels = <Level*>(to.depth + sizeof(Depth))
    cdef int bids, asks
    if route.depth_interval_ns and now_ns - route.depth_sent_ns < route.depth_interval_ns:
        route.depth_due = True
        return
    bids = <int>side_depth(&market.book.bids, levels, route.levels)
    asks = <int>side_depth(&market.book.asks, levels + bids, route.levels)
    fill_header(
        &message.header, KIND_DEPTH, 0, route.instrument, 0, market.exchange_ns, 0
    )
    message.bids, message.asks = <u16>bids, <u16>asks
    message.conflated = route.conflated
    route.conflated = 0
    route.depth_due = False
    route.depth_sent_ns = now_ns
    to.outlet.send(&message.header, depth_size(bids, asks))
    to.sent.depths += 1


cdef class MarketPublisher:
    """What is published of which instrument, and how often.

    Parameters
    ----------
    outlet
        Where it goes.
    routes
        ``(instrument, levels, trades, quote interval, depth interval)`` each: its index on the
        bus, levels of each side in a Depth (0: no Depth), whether trades are sent, and the least
        nanoseconds between two messages (0: every change is sent).

    Raises
    ------
    ValueError
        If an index or a number of levels is out of range.
    """

    def __cinit__(self, Outlet outlet not None, routes):
        cdef Route* route
        cdef int i
        rows = list(routes)
        self.outlet = outlet
        self.count = len(rows)
        self.routes = <Route*>calloc(max(self.count, 1), sizeof(Route))
        self.depth = <char*>malloc(depth_size(MOST_LEVELS, MOST_LEVELS))
        if self.routes == NULL or self.depth == NULL:
            raise MemoryError
        for i, (instrument, levels, trades, quote_ns, depth_ns) in enumerate(rows):
            if not 0 <= instrument < MOST_INSTRUMENTS:
                raise ValueError(f"instrument {instrument} is not below {MOST_INSTRUMENTS}")
            if not 0 <= levels <= MOST_LEVELS:
                raise ValueError(f"{levels} levels; a Depth has 0 to {MOST_LEVELS}")
            route = &self.routes[i]
            route.instrument, route.levels, route.trades = instrument, levels, trades
            route.quote_interval_ns, route.depth_interval_ns = quote_ns, depth_ns
            route.live = -1
            route.trade_id = NONE_ID

    def __dealloc__(self):
        free(self.routes)
        free(self.depth)

    @property
    def counts(self):
        """Messages sent by kind, and what was left out."""
        return {
            "quotes": self.sent.quotes,
            "depths": self.sent.depths,
            "trades": self.sent.trades,
            "statuses": self.sent.statuses,
            "conflated": self.sent.conflated,
            "repeated_trades": self.sent.repeated_trades,
            "missing_trades": self.sent.missing_trades,
        }


cdef class Lane:
    """One connection's way to the bus.

    Parameters
    ----------
    routes
        The route of each of the feed's symbols, by its place in the publisher's; -1: none.
    leading
        Whether its books are published from the beginning.
    """

    def __cinit__(
        self, MarketPublisher publisher not None, Feed feed not None, routes, bint leading=True
    ):
        cdef int i
        rows = list(routes)
        if len(rows) != feed.count:
            raise ValueError(f"{len(rows)} routes for {feed.count} products")
        self.publisher, self.feed, self.leading = publisher, feed, leading
        self.route_of = <int*>malloc(max(feed.count, 1) * sizeof(int))
        if self.route_of == NULL:
            raise MemoryError
        for i, route in enumerate(rows):
            if not -1 <= route < publisher.count:
                raise ValueError(f"no route {route}")
            self.route_of[i] = route

    def __dealloc__(self):
        free(self.route_of)

    cdef void _publish_market(self, int symbol, i64 now_ns) noexcept nogil:
        cdef Market* market = &self.feed.markets[symbol]
        cdef Route* route = &self.publisher.routes[self.route_of[symbol]]
        cdef int changed = market.changed
        cdef bint quote_due = route.quote_due
        cdef bint depth_due = route.depth_due
        market.changed = 0
        if not self.leading:
            return
        if changed & STATUS_CHANGED or route.live < 0:
            _send_status(self.publisher, route, market)
        if market.sync.status != LIVE:
            route.quote_due = route.depth_due = False
            return
        if changed & (BOOK_CHANGED | QUOTE_CHANGED) or route.quote_due:
            if changed and quote_due:
                self.publisher.sent.conflated += 1
            _send_bbo(self.publisher, route, market, now_ns)
        if route.levels and (changed & BOOK_CHANGED or route.depth_due):
            if changed & BOOK_CHANGED and depth_due:
                route.conflated += 1
            _send_depth(self.publisher, route, market, now_ns)

    cdef void publish(self, i64 now_ns) noexcept nogil:
        """Send what the last message changed; right after `Feed.take`."""
        cdef const Update* update
        cdef Route* route
        cdef int i, symbol
        cdef u64 dirty = self.feed.dirty
        if dirty == 0:
            return
        for i in range(self.feed.frame.count):
            update = &self.feed.frame.updates[i]
            symbol = update.symbol
            if update.kind != UPDATE_TRADES or symbol < 0 or self.route_of[symbol] < 0:
                continue
            route = &self.publisher.routes[self.route_of[symbol]]
            if not route.trades or not self.feed.markets[symbol].changed & TRADED:
                continue
            if not self.leading and not self.feed.numbers_trades:
                continue
            _send_trades(self.publisher, route, self.feed, update)
        self.feed.dirty = 0
        while dirty:
            symbol = count_trailing_zeros(dirty)
            dirty &= dirty - 1
            if self.route_of[symbol] >= 0:
                self._publish_market(symbol, now_ns)
            else:
                self.feed.markets[symbol].changed = 0

    cdef bint _flush(self, i64 now_ns) noexcept nogil:
        cdef bint left = False
        cdef int i
        cdef Route* route
        for i in range(self.feed.count):
            if self.route_of[i] < 0:
                continue
            route = &self.publisher.routes[self.route_of[i]]
            if route.quote_due or route.depth_due:
                self._publish_market(i, now_ns)
                left = left or route.quote_due or route.depth_due
        return left

    def take(self, const unsigned char[::1] message not None, i64 now_ns):
        """Give the feed a message and publish what it changed; return why it was unreadable.

        Returns None for a message that was read.
        """
        fault = self.feed.feed(message, now_ns)
        with nogil:
            self.publish(now_ns)
        return fault

    def changed(self, i64 now_ns):
        """Publish what changed without a message, as by :meth:`Feed.lost`."""
        with nogil:
            self.feed.frame.count = 0
            self.publish(now_ns)

    def flush(self, i64 now_ns):
        """Publish what an interval held back and may go now; return whether more waits."""
        return self._flush(now_ns)

    def lead(self, i64 now_ns):
        """Publish this lane's books from now on, as they are."""
        cdef int i
        self.leading = True
        for i in range(self.feed.count):
            if self.route_of[i] >= 0:
                self.feed.markets[i].changed |= STATUS_CHANGED | BOOK_CHANGED
                self._publish_market(i, now_ns)

    def follow(self):
        """Publish books no longer; trades go on."""
        self.leading = False
