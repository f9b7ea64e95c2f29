"""Kraken Futures' public messages: books, trades, tickers, heartbeats, answers, errors.

A message is flat and names its feed, or an event about the connection. Numbers are bare, written
as floats or whole. A book counts its product's changes one by one, a message each; a trade's
``seq`` counts the product's trades and is taken for its id, the venue's own being a UUID.
"""

from libc.string cimport memset

from alp._core.feeds.frame cimport (
    FRAME_ACCEPTED,
    FRAME_DATA,
    FRAME_HEARTBEAT,
    FRAME_REFUSED,
    FRAME_STATUS,
    NONE_ID,
    NO_PRODUCT,
    UNKNOWN_SYMBOL,
    UPDATE_DELTA,
    UPDATE_SNAPSHOT,
    UPDATE_TRADES,
    UPDATE_TRADE_HISTORY,
    Frame,
    Levels,
    Quote,
    Symbol,
    Symbols,
    Trade,
    Update,
    frame_add,
    frame_begin,
    frame_end,
    level_add,
    quote_add,
    symbol_find,
    trade_add,
)
from alp._core.feeds.kraken_levels cimport kraken_levels
from alp._core.feeds.scan cimport (
    FAULT_MISSING,
    FAULT_SYNTAX,
    FAULT_VALUE,
    Cursor,
    Text,
    adopt_fault,
    amount_at,
    at_value,
    begin,
    key,
    milliseconds,
    more,
    natural,
    open_text,
    pass_over,
    refuse,
    skip_value,
    string,
    text_is,
)
from alp._core.uint256 cimport i64

cdef enum Feed:
    NO_FEED = 0
    BOOK = 1
    BOOK_SNAPSHOT = 2
    TRADE = 3
    TRADE_SNAPSHOT = 4
    TICKER = 5
    HEARTBEAT = 6
    OTHER_FEED = 7

# What a message or one trade says, before its feed and its product are known.
cdef struct Payload:
    int feed
    Text feed_name
    Text event
    Text message
    int symbol
    Text product
    i64 seq
    i64 time_ms
    int side                    # 1 buy, -1 sell
    const char* price           # where a value begins, NULL where it is not there
    const char* quantity
    const char* bids
    const char* asks
    const char* trades
    bint bids_read
    bint asks_read
    Quote quote


cdef int _feed(Text name) noexcept nogil:
    if text_is(name, b"book", 4):
        return BOOK
    if text_is(name, b"trade", 5):
        return TRADE
    if text_is(name, b"ticker", 6) or text_is(name, b"ticker_lite", 11):
        return TICKER
    if text_is(name, b"book_snapshot", 13):
        return BOOK_SNAPSHOT
    if text_is(name, b"trade_snapshot", 14):
        return TRADE_SNAPSHOT
    if text_is(name, b"heartbeat", 9):
        return HEARTBEAT
    return OTHER_FEED


cdef void _begin(Payload* payload) noexcept nogil:
    memset(payload, 0, sizeof(Payload))
    payload.symbol = NO_PRODUCT
    payload.seq = NONE_ID


cdef bint _side(
    Symbols* symbols, Cursor* c, Payload* payload, Levels* levels, const char** where
) noexcept nogil:
    """One side of a snapshot: whether it was read, which it is if its product is known."""
    if where[0] != NULL:
        refuse(c, FAULT_SYNTAX)
    where[0] = c.at
    if payload.feed != BOOK_SNAPSHOT or payload.symbol < 0:
        skip_value(c)
        return False
    kraken_levels(c, &symbols.rows[payload.symbol], levels)
    return True


cdef void _late_side(
    Symbols* symbols, Cursor* c, Payload* payload, Levels* levels, const char* where
) noexcept nogil:
    cdef Cursor there = at_value(c, where)
    kraken_levels(&there, &symbols.rows[payload.symbol], levels)
    adopt_fault(c, &there)


cdef void _product_list(Cursor* c, Payload* payload) noexcept nogil:
    """Of ``["PI_XBTUSD", ...]`` the first."""
    cdef Text name
    if begin(c, 91, 93):
        while True:
            name = string(c)
            if payload.product.length == 0:
                payload.product = name
            if not more(c, 93):
                return


cdef void _number_member(Symbols* symbols, Cursor* c, Payload* payload, Text name) noexcept nogil:
    if text_is(name, b"price", 5):
        payload.price = pass_over(c)
    elif text_is(name, b"qty", 3):
        payload.quantity = pass_over(c)
    elif text_is(name, b"seq", 3):
        payload.seq = natural(c)
    elif text_is(name, b"timestamp", 9) or text_is(name, b"time", 4):
        payload.time_ms = milliseconds(c)
    elif text_is(name, b"bid", 3):
        payload.quote.bid = pass_over(c)
    elif text_is(name, b"bid_size", 8):
        payload.quote.bid_quantity = pass_over(c)
    elif text_is(name, b"ask", 3):
        payload.quote.ask = pass_over(c)
    elif text_is(name, b"ask_size", 8):
        payload.quote.ask_quantity = pass_over(c)
    else:
        skip_value(c)


cdef void _member(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Text name
) noexcept nogil:
    if text_is(name, b"feed", 4):
        payload.feed_name = string(c)
        payload.feed = _feed(payload.feed_name)
    elif text_is(name, b"product_id", 10):
        payload.product = string(c)
        payload.symbol = symbol_find(symbols, payload.product)
    elif text_is(name, b"side", 4):
        name = string(c)
        payload.side = text_is(name, b"buy", 3) - text_is(name, b"sell", 4)
        if payload.side == 0:
            refuse(c, FAULT_VALUE)
    elif text_is(name, b"bids", 4):
        payload.bids_read = _side(symbols, c, payload, &frame.bids, &payload.bids)
    elif text_is(name, b"asks", 4):
        payload.asks_read = _side(symbols, c, payload, &frame.asks, &payload.asks)
    elif text_is(name, b"trades", 6):
        payload.trades = pass_over(c)
    elif text_is(name, b"event", 5):
        payload.event = string(c)
    elif text_is(name, b"message", 7):
        payload.message = string(c)
    elif text_is(name, b"product_ids", 11):
        _product_list(c, payload)
    else:
        _number_member(symbols, c, payload, name)


cdef void _object(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    if begin(c, 123, 125):
        while True:
            _member(frame, symbols, c, payload, key(c))
            if not more(c, 125):
                break


cdef void _change(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    """One level."""
    cdef Update* update
    cdef const Symbol* symbol
    cdef i64 price, quantity
    if payload.seq == NONE_ID or payload.side == 0:
        refuse(c, FAULT_MISSING)
    update = frame_add(frame, c, UPDATE_DELTA, payload.symbol)
    if update == NULL:
        return
    update.first_id = update.last_id = payload.seq
    update.previous_id = payload.seq - 1
    if payload.symbol == UNKNOWN_SYMBOL:
        return
    symbol = &symbols.rows[payload.symbol]
    price = amount_at(c, payload.price, &symbol.price, False)
    quantity = amount_at(c, payload.quantity, &symbol.quantity, False)
    level_add(&frame.bids if payload.side > 0 else &frame.asks, c, price, quantity)
    update.bids_end = frame.bids.count
    update.asks_end = frame.asks.count


cdef void _snapshot(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    cdef Update* update
    if payload.bids == NULL or payload.asks == NULL or payload.seq == NONE_ID:
        refuse(c, FAULT_MISSING)
    if c.fault:
        return
    if payload.symbol >= 0 and not payload.bids_read:
        _late_side(symbols, c, payload, &frame.bids, payload.bids)
    if payload.symbol >= 0 and not payload.asks_read:
        _late_side(symbols, c, payload, &frame.asks, payload.asks)
    update = frame_add(frame, c, UPDATE_SNAPSHOT, payload.symbol)
    if update == NULL:
        return
    update.bids_begin = update.asks_begin = 0       # one snapshot a message
    update.last_id = payload.seq


cdef void _trade(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    """Add a trade to the frame's only update."""
    cdef Trade* trade
    cdef const Symbol* symbol
    if payload.seq == NONE_ID or payload.side == 0 or payload.time_ms == 0:
        refuse(c, FAULT_MISSING)
    if payload.symbol != frame.updates[0].symbol:
        refuse(c, FAULT_VALUE)
    if c.fault or payload.symbol == UNKNOWN_SYMBOL:
        return
    trade = trade_add(&frame.trades, c)
    if trade == NULL:
        return
    symbol = &symbols.rows[payload.symbol]
    trade.id = payload.seq
    trade.price = amount_at(c, payload.price, &symbol.price, False)
    trade.quantity = amount_at(c, payload.quantity, &symbol.quantity, False)
    trade.exchange_ns = payload.time_ms * 1000000
    trade.aggressor = payload.side


cdef void _trade_history(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload
) noexcept nogil:
    """The last trades of one product; each may repeat its product."""
    cdef Payload row
    cdef Cursor there
    if payload.trades == NULL:
        refuse(c, FAULT_MISSING)
        return
    if frame_add(frame, c, UPDATE_TRADE_HISTORY, payload.symbol) == NULL:
        return
    there = at_value(c, payload.trades)
    if begin(&there, 91, 93):
        while True:
            _begin(&row)
            row.symbol = payload.symbol
            _object(frame, symbols, &there, &row)
            _trade(frame, symbols, &there, &row)
            payload.time_ms = max(payload.time_ms, row.time_ms)
            if not more(&there, 93):
                break
    adopt_fault(c, &there)


cdef void _data(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    """A message of one product: one update at most."""
    cdef Update* update = &frame.updates[0]
    if payload.symbol == NO_PRODUCT:
        refuse(c, FAULT_MISSING)
        return
    frame.kind = FRAME_DATA
    if payload.feed == BOOK:
        _change(frame, symbols, c, payload)
    elif payload.feed == BOOK_SNAPSHOT:
        _snapshot(frame, symbols, c, payload)
    elif payload.feed == TICKER:
        quote_add(frame, symbols, c, payload.symbol, &payload.quote, False)
    elif payload.feed == TRADE_SNAPSHOT:
        _trade_history(frame, symbols, c, payload)
    elif frame_add(frame, c, UPDATE_TRADES, payload.symbol) != NULL:
        _trade(frame, symbols, c, payload)
        update.last_id = payload.seq
    frame.exchange_ns = payload.time_ms * 1000000
    if frame.count:
        update.bids_end = frame.bids.count
        update.asks_end = frame.asks.count
        update.trades_end = frame.trades.count
        update.exchange_ns = frame.exchange_ns


cdef void _control(Frame* frame, Payload* payload) noexcept nogil:
    """Messages about the connection, and feeds nobody knows."""
    cdef Text event = payload.event
    frame.about = payload.product
    if payload.feed == HEARTBEAT or text_is(event, b"pong", 4):
        frame.kind = FRAME_HEARTBEAT
        frame.exchange_ns = payload.time_ms * 1000000
    elif text_is(event, b"subscribed", 10) or text_is(event, b"unsubscribed", 12):
        frame.kind = FRAME_ACCEPTED
    elif (
        text_is(event, b"error", 5) or text_is(event, b"alert", 5)
        or text_is(event, b"subscribed_failed", 17) or text_is(event, b"unsubscribed_failed", 19)
    ):
        frame.kind = FRAME_REFUSED
        frame.note = payload.message if payload.message.length else event
    elif text_is(event, b"info", 4):
        frame.kind = FRAME_STATUS
        frame.note = event
    else:
        frame.note = event if event.length else payload.feed_name


cdef int parse_kraken_futures(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil:
    """Parse one message; returns its fault."""
    cdef Cursor c = open_text(message, size)
    cdef Payload payload
    _begin(&payload)
    frame_begin(frame)
    _object(frame, symbols, &c, &payload)
    if c.fault == 0 and c.at != c.end:
        refuse(&c, FAULT_SYNTAX)
    if c.fault == 0:
        # An answer names the feed that it is about.
        if payload.event.length == 0 and NO_FEED < payload.feed <= TICKER:
            _data(frame, symbols, &c, &payload)
        else:
            _control(frame, &payload)
    return frame_end(frame, &c, message)
