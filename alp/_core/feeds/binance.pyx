"""Binance's public messages: depth differences and snapshots, best quotes, trades, control answers.

Streams come bare or wrapped in ``{"stream", "data"}``. A REST snapshot names no symbol: it is
understood where the connection carries one symbol, or wrapped by the session with its stream name.
Members may come in any order; the levels are read where they stand once the symbol is known, which
it is in every message Binance sends, and otherwise at the end.
"""

from alp._core.feeds.frame cimport (
    FRAME_ACCEPTED,
    FRAME_DATA,
    FRAME_OTHER,
    FRAME_REFUSED,
    FRAME_STATUS,
    MOST_NAME,
    NONE_ID,
    NO_PRODUCT,
    UNKNOWN_SYMBOL,
    UPDATE_DELTA,
    UPDATE_QUOTE,
    UPDATE_SNAPSHOT,
    UPDATE_TRADES,
    Frame,
    Levels,
    Symbol,
    Symbols,
    Trade,
    Update,
    frame_add,
    frame_begin,
    frame_end,
    level_add,
    symbol_find,
    trade_add,
)
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
    decimal,
    expect,
    integer,
    key,
    milliseconds,
    more,
    natural,
    natural_at,
    open_text,
    quick_steps,
    pass_over,
    quoted_steps,
    refuse,
    skip_spaces,
    skip_value,
    steps_of,
    string,
    text_is,
    value_ends,
)
from alp._core.uint256 cimport i64

cdef enum:
    SHORTEST_LEVEL = 8          # less one: ["1","1"]

cdef enum Event:
    NO_EVENT = 0
    DEPTH = 1
    TICKER = 2
    AGG_TRADE = 3
    TRADE = 4
    SHUTDOWN = 5
    OTHER_EVENT = 6

# What one payload says, before its symbol's scale is known.
cdef struct Payload:
    int event
    int symbol
    bint has_symbol
    i64 event_ms
    i64 trade_ms
    i64 first_id
    i64 last_id
    i64 previous_id
    i64 snapshot_id
    const char* price           # where a value begins, NULL where it is not there
    const char* quantity
    const char* bids            # "b", "bids"
    const char* asks
    const char* bid_quantity    # "B"
    const char* ask_quantity
    const char* trade_id        # "t"; an aggregate trade's is "a"
    const char* buyer_is_maker
    bint levels_read
    Text name
    Text error                  # "error" or "code" as it stands
    Text message                # "msg", which says it better


cdef inline bint _is_levels(const char* where) noexcept nogil:
    return where != NULL and where[0] == 91


cdef void _levels(Cursor* c, const Symbol* symbol, Levels* levels) noexcept nogil:
    """``[["price","quantity"], ...]``, the bulk of all that Binance sends."""
    cdef i64 price, quantity
    cdef const char* p
    if not begin(c, 91, 93):
        return
    while True:
        p = c.at
        # As Binance writes it; anything else takes the long way.
        if c.end - p > SHORTEST_LEVEL and p[0] == 91 and p[1] == 34:
            p += 2
            if (
                quick_steps(&p, &symbol.price, &price) and c.end - p > 5
                and p[1] == 44 and p[2] == 34
            ):
                p += 3
                if (
                    quick_steps(&p, &symbol.quantity, &quantity) and c.end - p > 2
                    and p[1] == 93
                ):
                    if level_add(levels, c, price, quantity):
                        return
                    c.at = p + 2
                    if p[2] == 44:
                        c.at += 1
                        continue
                    if more(c, 93):
                        continue
                    return
        _spaced_level(c, symbol, levels)
        if not more(c, 93):
            return


cdef bint _spaced_rest(Cursor* c, const Symbol* symbol, Levels* levels, i64 price) noexcept nogil:
    """The rest of a level after the digits of its price."""
    cdef i64 quantity
    if c.at >= c.end or c.at[0] != 34:
        return refuse(c, FAULT_NUMBER)
    c.at += 1
    expect(c, 44)
    quantity = quoted_steps(c, &symbol.quantity)
    while more(c, 93):
        skip_value(c)
    if c.fault:
        return False
    if price < 0 or quantity < 0:
        return refuse(c, FAULT_VALUE)
    level_add(levels, c, price, quantity)
    return c.fault == 0


cdef void _spaced_level(Cursor* c, const Symbol* symbol, Levels* levels) noexcept nogil:
    """One level with spaces or further elements in it."""
    cdef i64 price
    expect(c, 91)
    skip_spaces(c)
    expect(c, 34)
    price = steps_of(c, decimal(c), &symbol.price)
    if c.fault == 0:
        _spaced_rest(c, symbol, levels, price)


cdef int _event(Text name) noexcept nogil:
    if text_is(name, b"depthUpdate", 11):
        return DEPTH
    if text_is(name, b"bookTicker", 10):
        return TICKER
    if text_is(name, b"aggTrade", 8):
        return AGG_TRADE
    if text_is(name, b"trade", 5):
        return TRADE
    if text_is(name, b"serverShutdown", 14):
        return SHUTDOWN
    return OTHER_EVENT


cdef void _side(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, bint bids
) noexcept nogil:
    """Levels or a price under ``b``, ``a``, ``bids`` or ``asks``: read now where that is possible.

    A side may only come once: of ``a`` beside ``asks`` no one knows which is the book.
    """
    skip_spaces(c)
    if (payload.bids if bids else payload.asks) != NULL:
        refuse(c, FAULT_SYNTAX)
        return
    if bids:
        payload.bids = c.at
    else:
        payload.asks = c.at
    if (
        c.at < c.end and c.at[0] == 91 and payload.has_symbol
        and payload.symbol != UNKNOWN_SYMBOL
    ):
        payload.levels_read = True
        _levels(c, &symbols.rows[payload.symbol], &frame.bids if bids else &frame.asks)
    else:
        skip_value(c)


cdef void _one_letter(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, char name
) noexcept nogil:
    """A member with a name of one letter, as stream payloads have them."""
    skip_spaces(c)
    if name == 98:                                  # b
        _side(frame, symbols, c, payload, True)
    elif name == 97:                                # a: asks, best ask, or a trade's id
        _side(frame, symbols, c, payload, False)
    elif name == 69:                                # E
        payload.event_ms = milliseconds(c)
    elif name == 84:                                # T
        payload.trade_ms = milliseconds(c)
    elif name == 85:                                # U
        payload.first_id = natural(c)
    elif name == 117:                               # u
        payload.last_id = natural(c)
    elif name == 115:                               # s
        payload.name = string(c)
        payload.symbol = symbol_find(symbols, payload.name)
        payload.has_symbol = True
    elif name == 101:                               # e
        payload.name = string(c)
        payload.event = _event(payload.name)
        if payload.event == OTHER_EVENT:
            frame.note = payload.name
    elif name == 112:                               # p
        payload.price = c.at
        skip_value(c)
    elif name == 113:                               # q
        payload.quantity = c.at
        skip_value(c)
    elif name == 66:                                # B
        payload.bid_quantity = c.at
        skip_value(c)
    elif name == 65:                                # A
        payload.ask_quantity = c.at
        skip_value(c)
    elif name == 116:                               # t
        payload.trade_id = pass_over(c)
    elif name == 109:                               # m
        payload.buyer_is_maker = pass_over(c)
    else:
        skip_value(c)


cdef void _member(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, Text name
) noexcept nogil:
    if name.length == 1:
        _one_letter(frame, symbols, c, payload, name.at[0])
    elif text_is(name, b"pu", 2):
        payload.previous_id = natural(c)
    elif text_is(name, b"lastUpdateId", 12):
        payload.snapshot_id = natural(c)
    elif text_is(name, b"bids", 4):
        _side(frame, symbols, c, payload, True)
    elif text_is(name, b"asks", 4):
        _side(frame, symbols, c, payload, False)
    elif text_is(name, b"id", 2):
        skip_spaces(c)
        if c.at < c.end and (c.at[0] == 34 or c.at[0] == 110):
            skip_value(c)                           # a text or null: not one of our requests
        else:
            frame.request = integer(c)
        if frame.kind == FRAME_OTHER:
            frame.kind = FRAME_ACCEPTED
    elif text_is(name, b"error", 5) or text_is(name, b"code", 4):
        frame.kind = FRAME_REFUSED
        skip_spaces(c)
        payload.error.at = c.at
        skip_value(c)
        payload.error.length = c.at - payload.error.at
    elif text_is(name, b"msg", 3):
        payload.message = string(c)
    else:
        skip_value(c)


cdef inline void _late_levels(
    Cursor* c, const char* where, const Symbol* symbol, Levels* levels
) noexcept nogil:
    """Levels that came before the symbol."""
    cdef Cursor there = at_value(c, where)
    _levels(&there, symbol, levels)
    adopt_fault(c, &there)


cdef void _book_update(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, int kind
) noexcept nogil:
    cdef Update* update
    cdef const Symbol* symbol
    if not (_is_levels(payload.bids) and _is_levels(payload.asks)):
        refuse(c, FAULT_MISSING)
        return
    if payload.symbol == UNKNOWN_SYMBOL:
        frame.bids.count = frame.asks.count = 0
    elif not payload.levels_read:
        symbol = &symbols.rows[payload.symbol]
        _late_levels(c, payload.bids, symbol, &frame.bids)
        _late_levels(c, payload.asks, symbol, &frame.asks)
    update = frame_add(frame, c, kind, payload.symbol)
    if update == NULL:
        return
    update.bids_begin, update.bids_end = 0, frame.bids.count
    update.asks_begin, update.asks_end = 0, frame.asks.count
    update.first_id = payload.first_id
    update.last_id = payload.last_id
    update.previous_id = payload.previous_id


cdef void _quote(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    cdef Update* update
    cdef const Symbol* symbol
    cdef i64 price, quantity
    update = frame_add(frame, c, UPDATE_QUOTE, payload.symbol)
    if update == NULL:
        return
    update.last_id = payload.last_id
    if payload.symbol == UNKNOWN_SYMBOL:
        return
    symbol = &symbols.rows[payload.symbol]
    price = amount_at(c, payload.bids, &symbol.price, True)
    quantity = amount_at(c, payload.bid_quantity, &symbol.quantity, True)
    level_add(&frame.bids, c, price, quantity)
    price = amount_at(c, payload.asks, &symbol.price, True)
    quantity = amount_at(c, payload.ask_quantity, &symbol.quantity, True)
    level_add(&frame.asks, c, price, quantity)
    update.bids_end = frame.bids.count
    update.asks_end = frame.asks.count


cdef void _trade(Frame* frame, Symbols* symbols, Cursor* c, Payload* payload) noexcept nogil:
    cdef Update* update
    cdef const Symbol* symbol
    cdef Trade* trade
    cdef Cursor there
    cdef const char* id = payload.trade_id if payload.event == TRADE else payload.asks
    if payload.buyer_is_maker == NULL or id == NULL:
        refuse(c, FAULT_MISSING)
        return
    update = frame_add(frame, c, UPDATE_TRADES, payload.symbol)
    if update == NULL or payload.symbol == UNKNOWN_SYMBOL:
        return
    symbol = &symbols.rows[payload.symbol]
    trade = trade_add(&frame.trades, c)
    if trade == NULL:
        return
    trade.id = natural_at(c, id)
    trade.price = amount_at(c, payload.price, &symbol.price, True)
    trade.quantity = amount_at(c, payload.quantity, &symbol.quantity, True)
    trade.exchange_ns = payload.trade_ms * 1000000
    there = at_value(c, payload.buyer_is_maker)
    trade.aggressor = -1 if boolean(&there) else 1
    value_ends(&there)
    adopt_fault(c, &there)
    update.trades_end = frame.trades.count


cdef void _conclude(
    Frame* frame, Symbols* symbols, Cursor* c, Payload* payload, int from_stream
) noexcept nogil:
    """Turn a payload into an update once all of it was read."""
    if c.fault:
        return
    if frame.kind == FRAME_REFUSED:
        if payload.message.length:
            frame.note = payload.message
        elif payload.error.length:                  # a wrapper has neither
            frame.note = payload.error
        return
    if payload.event_ms > 0:                        # the wrapper of a payload has no time
        frame.exchange_ns = payload.event_ms * 1000000
    if payload.snapshot_id != NONE_ID and payload.event == NO_EVENT:
        if not payload.has_symbol:
            payload.symbol = from_stream
            if from_stream == NO_PRODUCT:           # a bare answer by REST
                payload.symbol = 0 if symbols.count == 1 else UNKNOWN_SYMBOL
        payload.last_id = payload.snapshot_id
        _book_update(frame, symbols, c, payload, UPDATE_SNAPSHOT)
    elif payload.event == DEPTH:
        if not payload.has_symbol or payload.first_id == NONE_ID or payload.last_id == NONE_ID:
            refuse(c, FAULT_MISSING)
            return
        _book_update(frame, symbols, c, payload, UPDATE_DELTA)
    elif payload.event == TICKER or (
        payload.event == NO_EVENT and payload.has_symbol and payload.bid_quantity != NULL
    ):
        _quote(frame, symbols, c, payload)
    elif payload.event == AGG_TRADE or payload.event == TRADE:
        if not payload.has_symbol:
            refuse(c, FAULT_MISSING)
            return
        _trade(frame, symbols, c, payload)
    elif payload.event == SHUTDOWN:
        frame.kind = FRAME_STATUS
        frame.note = payload.name
        return
    else:
        return
    if c.fault:
        return
    frame.kind = FRAME_DATA
    if frame.count:
        frame.updates[0].exchange_ns = (
            payload.trade_ms if payload.trade_ms > 0 else max(payload.event_ms, 0)
        ) * 1000000


cdef int _stream_symbol(Symbols* symbols, Text stream) noexcept nogil:
    """The symbol of ``ethusdt@depth5``: a stream's name has it in small letters."""
    cdef char name[MOST_NAME]
    cdef Text upper
    cdef Py_ssize_t i = 0
    while i < stream.length and i < MOST_NAME and stream.at[i] != 64:
        name[i] = stream.at[i] - 32 if 97 <= stream.at[i] <= 122 else stream.at[i]
        i += 1
    upper.at = name
    upper.length = i
    return symbol_find(symbols, upper)


cdef void _payload(
    Frame* frame, Symbols* symbols, Cursor* c, int from_stream, bint nested
) noexcept nogil:
    cdef Payload payload
    cdef Text name
    cdef bint has_stream = False
    cdef bint is_wrapper = False
    cdef const char* data = NULL            # where it came before its stream's name
    cdef Cursor there
    payload.event = NO_EVENT
    payload.symbol = UNKNOWN_SYMBOL
    payload.has_symbol = payload.levels_read = False
    payload.event_ms = payload.trade_ms = 0
    payload.first_id = payload.last_id = payload.previous_id = NONE_ID
    payload.snapshot_id = NONE_ID
    payload.price = payload.quantity = payload.bids = payload.asks = NULL
    payload.bid_quantity = payload.ask_quantity = NULL
    payload.trade_id = payload.buyer_is_maker = NULL
    payload.name.length = payload.error.length = payload.message.length = 0
    if begin(c, 123, 125):
        while True:
            name = key(c)
            if not nested and text_is(name, b"data", 4):
                is_wrapper = True
                if has_stream:
                    _payload(frame, symbols, c, from_stream, True)
                else:
                    data = pass_over(c)
            elif not nested and text_is(name, b"stream", 6):
                has_stream = True
                from_stream = _stream_symbol(symbols, string(c))
            else:
                _member(frame, symbols, c, &payload, name)
            if not more(c, 125):
                break
    if is_wrapper and (payload.bids != NULL or payload.asks != NULL):
        refuse(c, FAULT_SYNTAX)             # levels beside those of what it wraps: whose are they?
    if data != NULL and c.fault == 0:
        there = at_value(c, data)
        _payload(frame, symbols, &there, from_stream, True)
        adopt_fault(c, &there)
    if frame.kind != FRAME_DATA and frame.kind != FRAME_STATUS:
        _conclude(frame, symbols, c, &payload, from_stream)


cdef int parse_binance(
    Frame* frame, Symbols* symbols, const char* message, Py_ssize_t size
) noexcept nogil:
    """Parse one message; returns its fault."""
    cdef Cursor c = open_text(message, size)
    frame_begin(frame)
    _payload(frame, symbols, &c, NO_PRODUCT, False)
    if c.fault == 0 and c.at != c.end:
        refuse(&c, FAULT_SYNTAX)
    return frame_end(frame, &c, message)
