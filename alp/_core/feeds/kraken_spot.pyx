"""Kraken spot's public messages: books with checksums, trades, tickers, heartbeats, answers.

A channel's message holds one element of data for each product, an answer names the method it is
to. Prices and quantities are bare numbers with their zeros. A trade's side is the taker's.
"""

from libc.string cimport memset

from alp._core.feeds.frame cimport (
    FRAME_ACCEPTED,
    FRAME_DATA,
    FRAME_HEARTBEAT,
    FRAME_REFUSED,
    FRAME_STATUS,
    NO_PRODUCT,
    NONE_ID,
    UNKNOWN_SYMBOL,
    UPDATE_DELTA,
    UPDATE_SNAPSHOT,
    UPDATE_TRADES,
    UPDATE_TRADE_HISTORY,
    Frame,
    Levels,
    Products,
    Quote,
    Symbols,
    Trade,
    Update,
    frame_add,
    frame_begin,
    frame_end,
    products_pass,
    products_take,
    quote_add,
    symbol_find,
    trade_add,
)
from alp._core.feeds.kraken_levels cimport kraken_levels
from alp._core.feeds.scan cimport (
    FAULT_MISSING,
    FAULT_NUMBER,
    FAULT_SYNTAX,
    FAULT_VALUE,
    Cursor,
    Text,
    adopt_fault,
    amount_at,
    at_value,
    begin,
    boolean,
    integer,
    key,
    more,
    natural,
    open_text,
    pass_over,
    refuse,
    rfc3339_ns,
    skip_spaces,
    skip_value,
    string,
    text_is,
)
from alp._core.uint256 cimport i64, u32

cdef enum Channel:
    NO_CHANNEL = 0
    BOOK = 1
    TRADE = 2
    TICKER = 3
    HEARTBEAT = 4
    STATUS = 5
    OTHER_CHANNEL = 6

cdef enum MessageType:
    NO_TYPE = 0
    SNAPSHOT = 1
    UPDATE = 2

cdef enum Method:
    NO_METHOD = 0
    SUBSCRIPTION = 1            # or its end
    PONG = 2
    OTHER_METHOD = 3

# A message's members outside its data.
cdef struct Payload:
    int channel
    int type
    int method
    bint success
    bint has_success
    Text name                   # of the channel or method
    Text error
    const char* data            # NULL where there is none
    bint data_read


cdef int _channel(Text name) noexcept nogil:
    if text_is(name, b"book", 4):
        return BOOK
    if text_is(name, b"trade", 5):
        return TRADE
    if text_is(name, b"ticker", 6):
        return TICKER
    if text_is(name, b"heartbeat", 9):
        return HEARTBEAT
    if text_is(name, b"status", 6):
        return STATUS
    return OTHER_CHANNEL


cdef int _type(Text name) noexcept nogil:
    if text_is(name, b"update", 6):
        return UPDATE
    if text_is(name, b"snapshot", 8):
        return SNAPSHOT
    return NO_TYPE


cdef int _method(Text name) noexcept nogil:
    if text_is(name, b"subscribe", 9) or text_is(name, b"unsubscribe", 11):
        return SUBSCRIPTION
    return PONG if text_is(name, b"pong", 4) else OTHER_METHOD


cdef bint _side(
    Cursor* c, Symbols* symbols, int symbol, Levels* levels, const char** where
) noexcept nogil:
    """One side of a book: whether it was read, which it is if its product is known."""
    if where[0] != NULL:
        refuse(c, FAULT_SYNTAX)
    where[0] = c.at
    if symbol < 0:
        skip_value(c)
        return False
    kraken_levels(c, &symbols.rows[symbol], levels)
    return True


cdef void _late_side(
    Cursor* c, Symbols* symbols, int symbol, Levels* levels, const char* where
) noexcept nogil:
    cdef Cursor there = at_value(c, where)
    kraken_levels(&there, &symbols.rows[symbol], levels)
    adopt_fault(c, &there)


cdef void _book(Frame* frame, Symbols* symbols, Cursor* c, int type) noexcept nogil:
    """One product's snapshot or changes; the checksum is that of the book after them."""
    cdef int bids_begin = frame.bids.count
    cdef int asks_begin = frame.asks.count
    cdef int symbol = NO_PRODUCT
    cdef const char* bids = NULL
    cdef const char* asks = NULL
    cdef bint bids_read = False
    cdef bint asks_read = False
    cdef i64 checksum = NONE_ID
    cdef i64 time_ns = 0
    cdef Text name
    cdef Update* update
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"symbol", 6):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"bids", 4):
                bids_read = _side(c, symbols, symbol, &frame.bids, &bids)
            elif text_is(name, b"asks", 4):
                asks_read = _side(c, symbols, symbol, &frame.asks, &asks)
            elif text_is(name, b"checksum", 8):
                checksum = natural(c)
                if checksum >> 32:
                    refuse(c, FAULT_NUMBER)
            elif text_is(name, b"timestamp", 9):
                time_ns = rfc3339_ns(c, string(c))
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if symbol == NO_PRODUCT or bids == NULL or asks == NULL or checksum == NONE_ID:
        refuse(c, FAULT_MISSING)
    if c.fault:
        return
    if symbol >= 0 and not bids_read:
        _late_side(c, symbols, symbol, &frame.bids, bids)
    if symbol >= 0 and not asks_read:
        _late_side(c, symbols, symbol, &frame.asks, asks)
    update = frame_add(frame, c, UPDATE_SNAPSHOT if type == SNAPSHOT else UPDATE_DELTA, symbol)
    if update == NULL:
        return
    update.bids_begin, update.bids_end = bids_begin, frame.bids.count
    update.asks_begin, update.asks_end = asks_begin, frame.asks.count
    update.has_checksum = True
    update.checksum = <u32>checksum
    update.exchange_ns = time_ns


cdef void _trade(
    Frame* frame, Symbols* symbols, Cursor* c, int type, Products* products
) noexcept nogil:
    cdef int symbol = NO_PRODUCT
    cdef int aggressor = 0
    cdef i64 id = NONE_ID
    cdef i64 time_ns = 0
    cdef const char* price = NULL
    cdef const char* quantity = NULL
    cdef bint first = products.wanted == NO_PRODUCT
    cdef Text name
    cdef Trade* trade
    cdef Update* update
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"symbol", 6):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"side", 4):
                name = string(c)
                aggressor = text_is(name, b"buy", 3) - text_is(name, b"sell", 4)
                if aggressor == 0:
                    refuse(c, FAULT_VALUE)
            elif text_is(name, b"price", 5):
                price = pass_over(c)
            elif text_is(name, b"qty", 3):
                quantity = pass_over(c)
            elif text_is(name, b"trade_id", 8):
                id = natural(c)
            elif text_is(name, b"timestamp", 9):
                time_ns = rfc3339_ns(c, string(c))
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if symbol == NO_PRODUCT or aggressor == 0 or id == NONE_ID or time_ns == 0:
        refuse(c, FAULT_MISSING)
    if c.fault or not products_take(products, symbol):
        return
    if first:
        frame_add(
            frame, c, UPDATE_TRADE_HISTORY if type == SNAPSHOT else UPDATE_TRADES, symbol
        )
    if c.fault:
        return
    update = &frame.updates[frame.count - 1]
    update.exchange_ns = max(update.exchange_ns, time_ns)
    if symbol == UNKNOWN_SYMBOL:
        return
    trade = trade_add(&frame.trades, c)
    if trade == NULL:
        return
    trade.id = id
    trade.price = amount_at(c, price, &symbols.rows[symbol].price, False)
    trade.quantity = amount_at(c, quantity, &symbols.rows[symbol].quantity, False)
    trade.exchange_ns = time_ns
    trade.aggressor = aggressor
    update.trades_end = frame.trades.count


cdef void _trades(Frame* frame, Symbols* symbols, Cursor* c, int type) noexcept nogil:
    """Trades, most often of one product; a pass for each product."""
    cdef Products products
    cdef Cursor there = c[0]
    products.done = 0
    products.unknown_done = False
    products.wanted = NO_PRODUCT
    products.left = True
    while products.left and c.fault == 0:
        products_pass(&products)
        c.at = there.at
        if begin(c, 91, 93):
            while True:
                _trade(frame, symbols, c, type, &products)
                if not more(c, 93):
                    break


cdef void _ticker(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    cdef int symbol = NO_PRODUCT
    cdef i64 time_ns = 0
    cdef Quote quote
    cdef Text name
    cdef Update* update
    quote.bid = quote.bid_quantity = quote.ask = quote.ask_quantity = NULL
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"symbol", 6):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"bid", 3):
                quote.bid = pass_over(c)
            elif text_is(name, b"bid_qty", 7):
                quote.bid_quantity = pass_over(c)
            elif text_is(name, b"ask", 3):
                quote.ask = pass_over(c)
            elif text_is(name, b"ask_qty", 7):
                quote.ask_quantity = pass_over(c)
            elif text_is(name, b"timestamp", 9):
                time_ns = rfc3339_ns(c, string(c))
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if symbol == NO_PRODUCT:
        refuse(c, FAULT_MISSING)
    update = quote_add(frame, symbols, c, symbol, &quote, False)
    if update != NULL:
        update.exchange_ns = time_ns


cdef void _data(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    payload.data_read = True
    if payload.channel == TRADE:
        _trades(frame, symbols, c, payload.type)
    elif begin(c, 91, 93):
        while True:
            if payload.channel == BOOK:
                _book(frame, symbols, c, payload.type)
            else:
                _ticker(frame, symbols, c)
            if not more(c, 93):
                break


cdef void _status(Frame* frame, Cursor* c) noexcept nogil:
    """``[{"system":"online", ...}]``: what the system is goes into the note."""
    cdef Text name
    if not begin(c, 91, 93):
        return
    while True:
        if begin(c, 123, 125):
            while True:
                name = key(c)
                if text_is(name, b"system", 6):
                    frame.note = string(c)
                else:
                    skip_value(c)
                if not more(c, 125):
                    break
        if not more(c, 93):
            return


cdef void _result(Frame* frame, Cursor* c) noexcept nogil:
    """Of an answer: the product that it is about."""
    cdef Text name
    skip_spaces(c)
    if c.at < c.end and c.at[0] != 123:
        skip_value(c)
    elif begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"symbol", 6):
                frame.about = string(c)
            else:
                skip_value(c)
            if not more(c, 125):
                break


cdef void _member(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Text name
) noexcept nogil:
    if text_is(name, b"channel", 7):
        payload.name = string(c)
        payload.channel = _channel(payload.name)
    elif text_is(name, b"type", 4):
        payload.type = _type(string(c))
    elif text_is(name, b"data", 4):
        if payload.data != NULL:
            refuse(c, FAULT_SYNTAX)
        payload.data = c.at
        if NO_CHANNEL < payload.channel <= TICKER and payload.type != NO_TYPE:
            _data(frame, symbols, c, payload)
        else:
            skip_value(c)
    elif text_is(name, b"method", 6):
        payload.name = string(c)
        payload.method = _method(payload.name)
    elif text_is(name, b"success", 7):
        payload.success = boolean(c)
        payload.has_success = True
    elif text_is(name, b"error", 5):
        payload.error = string(c)
    elif text_is(name, b"symbol", 6):
        frame.about = string(c)
    elif text_is(name, b"result", 6):
        _result(frame, c)
    elif text_is(name, b"req_id", 6):
        frame.request = integer(c)
    else:
        skip_value(c)


cdef void _answer(Frame* frame, Cursor* c, Payload* payload) noexcept nogil:
    if payload.error.length or (payload.has_success and not payload.success):
        frame.kind = FRAME_REFUSED
        frame.note = payload.error
    elif payload.method == PONG:
        frame.kind = FRAME_HEARTBEAT
    elif payload.method == SUBSCRIPTION and payload.success:
        frame.kind = FRAME_ACCEPTED
    elif payload.method == SUBSCRIPTION:
        refuse(c, FAULT_MISSING)
    else:
        frame.note = payload.name


cdef void _conclude(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    """What kind of message it was; data that came before its channel is read now."""
    cdef Cursor there
    cdef int i
    if c.fault:
        return
    if payload.channel == NO_CHANNEL:
        _answer(frame, c, payload)
    elif payload.channel == HEARTBEAT:
        frame.kind = FRAME_HEARTBEAT
    elif payload.channel == OTHER_CHANNEL:
        frame.note = payload.name
    elif payload.data == NULL:
        refuse(c, FAULT_MISSING)
    elif payload.channel == STATUS:
        frame.kind = FRAME_STATUS
        there = at_value(c, payload.data)
        _status(frame, &there)
        adopt_fault(c, &there)
    else:
        frame.kind = FRAME_DATA
        if payload.type == NO_TYPE:
            refuse(c, FAULT_VALUE)
        elif not payload.data_read:
            there = at_value(c, payload.data)
            _data(frame, symbols, &there, payload)
            adopt_fault(c, &there)
        for i in range(frame.count):
            frame.exchange_ns = max(frame.exchange_ns, frame.updates[i].exchange_ns)


cdef int parse_kraken_spot(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil:
    """Parse one message; returns its fault."""
    cdef Cursor c = open_text(message, size)
    cdef Payload payload
    memset(&payload, 0, sizeof(Payload))
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
