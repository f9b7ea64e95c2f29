"""Coinbase Advanced's public messages: level 2, trades, tickers, heartbeats, answers, errors.

A message belongs to a channel and holds events; each carries the connection's sequence number,
without which a known channel's message is refused. Prices and quantities are texts. A trade's side
is the maker's: it is turned round to the aggressor's.
"""

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
    Products,
    Quote,
    Symbol,
    Symbols,
    Trade,
    Update,
    frame_add,
    frame_begin,
    frame_end,
    level_add,
    products_pass,
    products_take,
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
    key,
    more,
    natural,
    open_text,
    pass_over,
    refuse,
    rfc3339_ns,
    skip_value,
    string,
    text_integer,
    text_is,
)
from alp._core.uint256 cimport i64

cdef enum Channel:
    NO_CHANNEL = 0
    LEVEL2 = 1
    MARKET_TRADES = 2
    TICKER = 3
    HEARTBEATS = 4
    SUBSCRIPTIONS = 5
    STATUS = 6
    OTHER_CHANNEL = 7

cdef enum EventType:
    NO_TYPE = 0
    SNAPSHOT = 1
    UPDATE = 2


cdef int _channel(Text name) noexcept nogil:
    if text_is(name, b"l2_data", 7):
        return LEVEL2
    if text_is(name, b"market_trades", 13):
        return MARKET_TRADES
    if text_is(name, b"ticker", 6) or text_is(name, b"ticker_batch", 12):
        return TICKER
    if text_is(name, b"heartbeats", 10):
        return HEARTBEATS
    if text_is(name, b"subscriptions", 13):
        return SUBSCRIPTIONS
    if text_is(name, b"status", 6):
        return STATUS
    return OTHER_CHANNEL


cdef int _event_type(Cursor* c) noexcept nogil:
    cdef Text name = string(c)
    if text_is(name, b"snapshot", 8):
        return SNAPSHOT
    if text_is(name, b"update", 6):
        return UPDATE
    return refuse(c, FAULT_VALUE)


cdef void _level(Frame* frame, Cursor* c, const Symbol* symbol, Text* time) noexcept nogil:
    cdef i64 price = NONE_ID
    cdef i64 quantity = NONE_ID
    cdef int side = 0
    cdef Text name
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"side", 4):
                name = string(c)
                side = 1 if text_is(name, b"bid", 3) else -1 if text_is(name, b"offer", 5) else 0
                if side == 0:
                    refuse(c, FAULT_VALUE)
            elif text_is(name, b"event_time", 10):
                time[0] = string(c)
            elif text_is(name, b"price_level", 11):
                price = amount(c, &symbol.price, True)
            elif text_is(name, b"new_quantity", 12):
                quantity = amount(c, &symbol.quantity, True)
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if c.fault:
        return
    if side == 0 or price == NONE_ID or quantity == NONE_ID:
        refuse(c, FAULT_MISSING)
        return
    level_add(&frame.bids if side > 0 else &frame.asks, c, price, quantity)


cdef void _levels(Frame* frame, Cursor* c, const Symbol* symbol, Text* time) noexcept nogil:
    if begin(c, 91, 93):
        while True:
            _level(frame, c, symbol, time)
            if not more(c, 93):
                break


cdef void _level2_event(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    """One product's snapshot or changes; the levels are read where they stand if it is known."""
    cdef int bids = frame.bids.count
    cdef int asks = frame.asks.count
    cdef int kind = NO_TYPE
    cdef int symbol = NO_PRODUCT
    cdef const char* rows = NULL
    cdef bint rows_read = False
    cdef Cursor there
    cdef Text name, time
    cdef Update* update
    time.length = 0
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"type", 4):
                kind = _event_type(c)
            elif text_is(name, b"product_id", 10):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"updates", 7):
                if rows != NULL:
                    refuse(c, FAULT_SYNTAX)
                rows = c.at
                if symbol >= 0:
                    rows_read = True
                    _levels(frame, c, &symbols.rows[symbol], &time)
                else:
                    skip_value(c)
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if kind == NO_TYPE or symbol == NO_PRODUCT or rows == NULL:
        refuse(c, FAULT_MISSING)
    if c.fault:
        return
    if symbol >= 0 and not rows_read:
        there = at_value(c, rows)
        _levels(frame, &there, &symbols.rows[symbol], &time)
        adopt_fault(c, &there)
    update = frame_add(frame, c, UPDATE_SNAPSHOT if kind == SNAPSHOT else UPDATE_DELTA, symbol)
    if update == NULL:
        return
    update.bids_begin, update.bids_end = bids, frame.bids.count
    update.asks_begin, update.asks_end = asks, frame.asks.count
    if time.length:
        update.exchange_ns = rfc3339_ns(c, time)


cdef void _trade(Frame* frame, Symbols* symbols, Cursor* c, Products* products) noexcept nogil:
    cdef int symbol = NO_PRODUCT
    cdef int aggressor = 0
    cdef const char* price = NULL
    cdef const char* quantity = NULL
    cdef Text name, id, time
    cdef Trade* trade
    cdef Update* update
    id.length = time.length = 0
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"product_id", 10):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"trade_id", 8):
                id = string(c)
            elif text_is(name, b"price", 5):
                price = pass_over(c)
            elif text_is(name, b"size", 4):
                quantity = pass_over(c)
            elif text_is(name, b"time", 4):
                time = string(c)
            elif text_is(name, b"side", 4):         # the maker's
                name = string(c)
                aggressor = text_is(name, b"SELL", 4) - text_is(name, b"BUY", 3)
                if aggressor == 0:
                    refuse(c, FAULT_VALUE)
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if symbol == NO_PRODUCT or aggressor == 0:
        refuse(c, FAULT_MISSING)
    if c.fault or not products_take(products, symbol):
        return
    if frame.count == 0 or frame.updates[frame.count - 1].kind != NO_TYPE \
            or frame.updates[frame.count - 1].symbol != symbol:
        frame_add(frame, c, NO_TYPE, symbol)
    if c.fault or symbol == UNKNOWN_SYMBOL:
        return
    update = &frame.updates[frame.count - 1]
    trade = trade_add(&frame.trades, c)
    if trade == NULL:
        return
    trade.id = text_integer(c, id)
    trade.price = amount_at(c, price, &symbols.rows[symbol].price, True)
    trade.quantity = amount_at(c, quantity, &symbols.rows[symbol].quantity, True)
    trade.exchange_ns = rfc3339_ns(c, time)
    trade.aggressor = aggressor
    update.trades_end = frame.trades.count
    update.exchange_ns = max(update.exchange_ns, trade.exchange_ns)


cdef void _trades(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    """Trades of one event, most often of one product; a pass for each product."""
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
                _trade(frame, symbols, c, &products)
                if not more(c, 93):
                    break


cdef void _trades_event(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    cdef int first = frame.count
    cdef int kind = NO_TYPE
    cdef bint rows = False
    cdef Text name
    cdef int i
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"type", 4):
                kind = _event_type(c)
            elif text_is(name, b"trades", 6):
                if rows:
                    refuse(c, FAULT_SYNTAX)
                rows = True
                _trades(frame, symbols, c)
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if kind == NO_TYPE or not rows:
        refuse(c, FAULT_MISSING)
    for i in range(first, frame.count):
        frame.updates[i].kind = UPDATE_TRADE_HISTORY if kind == SNAPSHOT else UPDATE_TRADES


cdef void _ticker(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    cdef int symbol = NO_PRODUCT
    cdef Quote quote
    cdef Text name
    quote.bid = quote.bid_quantity = quote.ask = quote.ask_quantity = NULL
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"product_id", 10):
                symbol = symbol_find(symbols, string(c))
            elif text_is(name, b"best_bid", 8):
                quote.bid = pass_over(c)
            elif text_is(name, b"best_ask", 8):
                quote.ask = pass_over(c)
            elif text_is(name, b"best_bid_quantity", 17):
                quote.bid_quantity = pass_over(c)
            elif text_is(name, b"best_ask_quantity", 17):
                quote.ask_quantity = pass_over(c)
            else:
                skip_value(c)
            if not more(c, 125):
                break
    if symbol == NO_PRODUCT:
        refuse(c, FAULT_MISSING)
    quote_add(frame, symbols, c, symbol, &quote, True)


cdef void _ticker_event(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    cdef Text name
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if text_is(name, b"tickers", 7):
                if begin(c, 91, 93):
                    while True:
                        _ticker(frame, symbols, c)
                        if not more(c, 93):
                            break
            else:
                skip_value(c)
            if not more(c, 125):
                break


cdef void _events(Frame* frame, Symbols* symbols, Cursor* c, int channel) noexcept nogil:
    if channel > TICKER:
        skip_value(c)
    elif begin(c, 91, 93):
        while True:
            if channel == LEVEL2:
                _level2_event(frame, symbols, c)
            elif channel == MARKET_TRADES:
                _trades_event(frame, symbols, c)
            else:
                _ticker_event(frame, symbols, c)
            if not more(c, 93):
                break


cdef void _conclude(Frame* frame, Cursor* c, int channel, Text type, Text message) noexcept nogil:
    """What kind of message it was."""
    cdef int i
    if channel == NO_CHANNEL and text_is(type, b"error", 5):
        frame.kind = FRAME_REFUSED
        frame.note = message
        return
    if channel == NO_CHANNEL:
        frame.note = type
    if channel == NO_CHANNEL or channel == OTHER_CHANNEL:
        return
    if frame.sequence == NONE_ID:
        refuse(c, FAULT_MISSING)
    if channel <= TICKER:
        frame.kind = FRAME_DATA
    elif channel == HEARTBEATS:
        frame.kind = FRAME_HEARTBEAT
    elif channel == SUBSCRIPTIONS:
        frame.kind = FRAME_ACCEPTED
    else:
        frame.kind = FRAME_STATUS
    for i in range(frame.count):
        if frame.updates[i].exchange_ns == 0:
            frame.updates[i].exchange_ns = frame.exchange_ns


cdef void _message(Frame* frame, Symbols* symbols, Cursor* c) noexcept nogil:
    cdef int channel = NO_CHANNEL
    cdef const char* events = NULL
    cdef bint events_read = False
    cdef Cursor there
    cdef Text name, type, message
    type.length = message.length = 0
    if not begin(c, 123, 125):
        return
    while True:
        name = key(c)
        if text_is(name, b"channel", 7):
            name = string(c)
            channel = _channel(name)
            if channel == OTHER_CHANNEL or channel == STATUS:
                frame.note = name
        elif text_is(name, b"timestamp", 9):
            frame.exchange_ns = rfc3339_ns(c, string(c))
        elif text_is(name, b"sequence_num", 12):
            frame.sequence = natural(c)
        elif text_is(name, b"events", 6):
            if events != NULL:
                refuse(c, FAULT_SYNTAX)
            events = c.at
            if channel == NO_CHANNEL:
                skip_value(c)
            else:
                events_read = True
                _events(frame, symbols, c, channel)
        elif text_is(name, b"type", 4):
            type = string(c)
        elif text_is(name, b"message", 7):
            message = string(c)
        else:
            skip_value(c)
        if not more(c, 125):
            break
    if channel != NO_CHANNEL and channel <= TICKER and not events_read:
        if events == NULL:
            refuse(c, FAULT_MISSING)
            return
        there = at_value(c, events)
        _events(frame, symbols, &there, channel)
        adopt_fault(c, &there)
    if c.fault == 0:
        _conclude(frame, c, channel, type, message)


cdef int parse_coinbase(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil:
    """Parse one message; returns its fault."""
    cdef Cursor c = open_text(message, size)
    frame_begin(frame)
    _message(frame, symbols, &c)
    if c.fault == 0 and c.at != c.end:
        refuse(&c, FAULT_SYNTAX)
    return frame_end(frame, &c, message)
