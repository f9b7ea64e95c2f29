"""Coinbase Exchange's feed: level 2, matches, tickers, heartbeats, answers, errors.

Each message is flat and names its type. Prices and quantities are texts; a match's side is the
maker's and is turned round. The numbers called ``sequence`` count the product's full order feed,
of which these channels show a part: they are kept as ``last_id`` and prove nothing.
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
from alp._core.feeds.scan cimport (
    FAULT_MISSING,
    FAULT_SYNTAX,
    FAULT_VALUE,
    Cursor,
    Text,
    adopt_fault,
    amount,
    amount_at,
    at_value,
    begin,
    expect,
    key,
    more,
    natural_at,
    open_text,
    pass_over,
    refuse,
    rfc3339_ns,
    skip_value,
    string,
    text_is,
)
from alp._core.uint256 cimport i64

cdef enum Type:
    NO_TYPE = 0
    SNAPSHOT = 1
    L2UPDATE = 2
    MATCH = 3
    LAST_MATCH = 4
    TICKER = 5
    HEARTBEAT = 6
    SUBSCRIPTIONS = 7
    ERROR = 8
    STATUS = 9
    OTHER_TYPE = 10

# Levels: where they stand, and whether they were read there.
cdef struct Rows:
    const char* where
    bint read

# What a message says, before its type and its symbol are known.
cdef struct Payload:
    int type
    Text type_name
    int symbol
    Text product
    Rows bids
    Rows asks
    Rows changes
    const char* price           # where a value begins, NULL where it is not there
    const char* size
    const char* side
    const char* trade_id
    const char* sequence
    const char* time
    const char* message
    Quote quote


cdef int _type(Text name) noexcept nogil:
    if text_is(name, b"l2update", 8):
        return L2UPDATE
    if text_is(name, b"match", 5):
        return MATCH
    if text_is(name, b"heartbeat", 9):
        return HEARTBEAT
    if text_is(name, b"ticker", 6):
        return TICKER
    if text_is(name, b"snapshot", 8):
        return SNAPSHOT
    if text_is(name, b"last_match", 10):
        return LAST_MATCH
    if text_is(name, b"subscriptions", 13):
        return SUBSCRIPTIONS
    if text_is(name, b"error", 5):
        return ERROR
    if text_is(name, b"status", 6):
        return STATUS
    return OTHER_TYPE


cdef inline int _side(Cursor* c) noexcept nogil:
    """1 for buy, -1 for sell."""
    cdef Text name = string(c)
    if text_is(name, b"buy", 3):
        return 1
    if text_is(name, b"sell", 4):
        return -1
    return refuse(c, FAULT_VALUE)


cdef inline void _pair(Cursor* c, const Symbol* symbol, Levels* levels) noexcept nogil:
    """``"price","size"]``"""
    cdef i64 price = amount(c, &symbol.price, True)
    cdef i64 quantity
    expect(c, 44)
    quantity = amount(c, &symbol.quantity, True)
    expect(c, 93)
    if c.fault == 0:
        level_add(levels, c, price, quantity)


cdef void _levels(Cursor* c, const Symbol* symbol, Levels* levels) noexcept nogil:
    """``[["price","size"], ...]``"""
    if begin(c, 91, 93):
        while True:
            expect(c, 91)
            _pair(c, symbol, levels)
            if not more(c, 93):
                break


cdef void _changes(Frame* frame, Cursor* c, const Symbol* symbol) noexcept nogil:
    """``[["buy","price","size"], ...]``"""
    cdef int side
    if begin(c, 91, 93):
        while True:
            expect(c, 91)
            side = _side(c)
            expect(c, 44)
            _pair(c, symbol, &frame.bids if side > 0 else &frame.asks)
            if not more(c, 93):
                break


cdef void _read_rows(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Rows* rows
) noexcept nogil:
    cdef const Symbol* symbol = &symbols.rows[payload.symbol]
    rows.read = True
    if rows == &payload.changes:
        _changes(frame, c, symbol)
    else:
        _levels(c, symbol, &frame.bids if rows == &payload.bids else &frame.asks)


cdef void _rows(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Rows* rows, int type
) noexcept nogil:
    """Levels are read where they stand if their type and product came before, as they do."""
    if rows.where != NULL:
        refuse(c, FAULT_SYNTAX)
        return
    rows.where = c.at
    if payload.type == type and payload.symbol >= 0:
        _read_rows(frame, symbols, c, payload, rows)
    else:
        skip_value(c)


cdef void _late_rows(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Rows* rows
) noexcept nogil:
    cdef Cursor there
    if rows.where == NULL:
        refuse(c, FAULT_MISSING)
    elif payload.symbol >= 0 and not rows.read:
        there = at_value(c, rows.where)
        _read_rows(frame, symbols, &there, payload, rows)
        adopt_fault(c, &there)


cdef void _member(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Text name
) noexcept nogil:
    if text_is(name, b"type", 4):
        payload.type_name = string(c)
        payload.type = _type(payload.type_name)
    elif text_is(name, b"product_id", 10):
        payload.product = string(c)
        payload.symbol = symbol_find(symbols, payload.product)
    elif text_is(name, b"changes", 7):
        _rows(frame, symbols, c, payload, &payload.changes, L2UPDATE)
    elif text_is(name, b"bids", 4):
        _rows(frame, symbols, c, payload, &payload.bids, SNAPSHOT)
    elif text_is(name, b"asks", 4):
        _rows(frame, symbols, c, payload, &payload.asks, SNAPSHOT)
    elif text_is(name, b"time", 4):
        payload.time = pass_over(c)
    elif text_is(name, b"sequence", 8):
        payload.sequence = pass_over(c)
    elif text_is(name, b"price", 5):
        payload.price = pass_over(c)
    elif text_is(name, b"size", 4):
        payload.size = pass_over(c)
    elif text_is(name, b"side", 4):
        payload.side = pass_over(c)
    elif text_is(name, b"trade_id", 8):
        payload.trade_id = pass_over(c)
    elif text_is(name, b"best_bid", 8):
        payload.quote.bid = pass_over(c)
    elif text_is(name, b"best_bid_size", 13):
        payload.quote.bid_quantity = pass_over(c)
    elif text_is(name, b"best_ask", 8):
        payload.quote.ask = pass_over(c)
    elif text_is(name, b"best_ask_size", 13):
        payload.quote.ask_quantity = pass_over(c)
    elif text_is(name, b"message", 7):
        payload.message = pass_over(c)
    else:
        skip_value(c)


cdef i64 _time(Cursor* c, const char* where) noexcept nogil:
    """A time that was passed over, 0 where there is none."""
    cdef Cursor there
    cdef i64 time
    if where == NULL:
        return 0
    there = at_value(c, where)
    time = rfc3339_ns(&there, string(&there))
    adopt_fault(c, &there)
    return time


cdef i64 _sequence(Cursor* c, const Payload* payload) noexcept nogil:
    """The product's sequence number, NONE_ID where there is none."""
    return NONE_ID if payload.sequence == NULL else natural_at(c, payload.sequence)


cdef void _book_update(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload
) noexcept nogil:
    cdef int kind = UPDATE_DELTA
    cdef Update* update
    if payload.type == SNAPSHOT:
        kind = UPDATE_SNAPSHOT
        _late_rows(frame, symbols, c, payload, &payload.bids)
        _late_rows(frame, symbols, c, payload, &payload.asks)
    else:
        _late_rows(frame, symbols, c, payload, &payload.changes)
    update = frame_add(frame, c, kind, payload.symbol)
    if update == NULL:
        return
    update.bids_begin = update.asks_begin = 0


cdef void _trade(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    cdef Update* update
    cdef Trade* trade
    cdef Cursor there
    update = frame_add(
        frame, c, UPDATE_TRADES if payload.type == MATCH else UPDATE_TRADE_HISTORY, payload.symbol
    )
    if update == NULL:
        return
    update.last_id = _sequence(c, payload)
    if payload.symbol == UNKNOWN_SYMBOL:
        return
    if payload.side == NULL:
        refuse(c, FAULT_MISSING)
    trade = trade_add(&frame.trades, c)
    if trade == NULL:
        return
    trade.id = natural_at(c, payload.trade_id)
    trade.price = amount_at(c, payload.price, &symbols.rows[payload.symbol].price, True)
    trade.quantity = amount_at(c, payload.size, &symbols.rows[payload.symbol].quantity, True)
    trade.exchange_ns = frame.exchange_ns
    there = at_value(c, payload.side)
    trade.aggressor = -_side(&there)                # the maker's, turned round
    adopt_fault(c, &there)


cdef void _quote(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    cdef Update* update = quote_add(frame, symbols, c, payload.symbol, &payload.quote, True)
    if update != NULL:
        update.last_id = _sequence(c, payload)


cdef void _control(Frame* frame, Cursor* c, Payload* payload) noexcept nogil:
    """Messages about the feed itself."""
    cdef Cursor there
    frame.about = payload.product
    if payload.type == HEARTBEAT:
        frame.kind = FRAME_HEARTBEAT
    elif payload.type == SUBSCRIPTIONS:
        frame.kind = FRAME_ACCEPTED
    elif payload.type == STATUS:
        frame.kind = FRAME_STATUS
        frame.note = payload.type_name
    elif payload.type == ERROR:
        frame.kind = FRAME_REFUSED
        if payload.message != NULL:
            there = at_value(c, payload.message)
            frame.note = string(&there)
            adopt_fault(c, &there)
    else:
        frame.note = payload.type_name


cdef void _conclude(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    """Turn what was read into updates."""
    cdef int i
    if c.fault:
        return
    if payload.type == NO_TYPE:
        return
    if payload.type < OTHER_TYPE:
        frame.exchange_ns = _time(c, payload.time)
    if payload.type > TICKER:
        _control(frame, c, payload)
        return
    if payload.symbol == NO_PRODUCT:
        refuse(c, FAULT_MISSING)
        return
    frame.kind = FRAME_DATA
    if payload.type == TICKER:
        _quote(frame, symbols, c, payload)
    elif payload.type == MATCH or payload.type == LAST_MATCH:
        _trade(frame, symbols, c, payload)
    else:
        _book_update(frame, symbols, c, payload)
    for i in range(frame.count):
        frame.updates[i].bids_end = frame.bids.count
        frame.updates[i].asks_end = frame.asks.count
        frame.updates[i].trades_end = frame.trades.count
        frame.updates[i].exchange_ns = frame.exchange_ns


cdef int parse_coinbase_exchange(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil:
    """Parse one message; returns its fault."""
    cdef Cursor c = open_text(message, size)
    cdef Payload payload
    memset(&payload, 0, sizeof(Payload))
    payload.symbol = NO_PRODUCT
    frame_begin(frame)
    if begin(&c, 123, 125):
        while True:
            _member(frame, symbols, &c, &payload, key(&c))
            if not more(&c, 125):
                break
    _conclude(frame, symbols, &c, &payload)
    if c.fault == 0 and c.at != c.end:
        refuse(&c, FAULT_SYNTAX)
    return frame_end(frame, &c, message)
