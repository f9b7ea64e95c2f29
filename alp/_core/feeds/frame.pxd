# What a feed handler makes of one message of a venue, before anything is applied.
#
# A message is parsed as a whole into flat arrays that are kept from message to message; updates are
# slices of them. Only a message larger than any before makes an array grow.

from alp._core.book cimport Level
from alp._core.feeds.scan cimport FAULT_DEPTH, FAULT_MEMORY, Cursor, Scale, Text
from alp._core.uint256 cimport i64, u32, u64

cdef enum FrameKind:
    FRAME_DATA = 1              # updates, possibly of products nobody asked for
    FRAME_HEARTBEAT = 2
    FRAME_ACCEPTED = 3          # an answer to a subscription
    FRAME_REFUSED = 4           # the venue says no
    FRAME_STATUS = 5            # about the venue itself
    FRAME_OTHER = 6             # well formed, but nothing this handler knows

cdef enum UpdateKind:
    UPDATE_SNAPSHOT = 1         # replaces the book
    UPDATE_DELTA = 2            # absolute quantities of the levels named
    UPDATE_QUOTE = 3            # best bid and ask, one level each
    UPDATE_TRADES = 4
    UPDATE_TRADE_HISTORY = 5    # trades from before the subscription

cdef enum:
    MOST_SYMBOLS = 64
    MOST_NAME = 32
    MOST_UPDATES = 64
    UNKNOWN_SYMBOL = -1
    NO_PRODUCT = -2
    NONE_ID = -1                # an id or sequence number that the message does not have

cdef struct Symbol:
    char name[MOST_NAME]
    Py_ssize_t length
    Scale price
    Scale quantity

cdef struct Symbols:
    Symbol rows[MOST_SYMBOLS]
    int count
    int last                    # the one found last: most feeds carry few

cdef struct Trade:
    i64 id
    i64 price
    i64 quantity
    i64 exchange_ns
    int aggressor               # 1 bought, -1 sold

cdef struct Levels:
    Level* rows
    int count
    int room

cdef struct Trades:
    Trade* rows
    int count
    int room

cdef struct Update:
    int kind
    int symbol                  # index, or UNKNOWN_SYMBOL
    i64 exchange_ns             # the venue's time, 0 where it gives none
    i64 first_id                # of the changes in it
    i64 last_id
    i64 previous_id             # last_id of the update before
    bint has_checksum
    u32 checksum
    int bids_begin, bids_end
    int asks_begin, asks_end
    int trades_begin, trades_end

cdef struct Frame:
    int kind
    int fault                   # of scan; nothing in the frame counts then
    Py_ssize_t fault_at         # offset in the message
    i64 sequence                # of the connection
    i64 exchange_ns
    i64 request                 # id of the request that is answered
    Text note                   # what a refusal says, or the type of what is unknown
    Text about                  # name of the product a control message is about
    Levels bids
    Levels asks
    Trades trades
    int count
    Update updates[MOST_UPDATES]

# Where the parts of a best quote stand in a message.
cdef struct Quote:
    const char* bid
    const char* bid_quantity
    const char* ask
    const char* ask_quantity

# Rows of several products in one array become one update for each product, a pass for each.
cdef struct Products:
    u64 done                    # bit by symbol
    bint unknown_done
    int wanted                  # of this pass, NO_PRODUCT until its first row
    bint left                   # whether rows of others are left

ctypedef int (*ParseFrame)(Frame*, Symbols*, const char*, Py_ssize_t) noexcept nogil

cdef int frame_create(Frame* frame) noexcept nogil
cdef void frame_destroy(Frame* frame) noexcept nogil
# Of a venue's name; raises ValueError.
cdef ParseFrame parser_of(str venue) except NULL
cdef int symbols_add(Symbols* symbols, tuple product) except -1
cdef int levels_grow(Levels* levels) noexcept nogil
cdef int trades_grow(Trades* trades) noexcept nogil
# A best quote; a side whose price is missing, null or empty is left out, a quantity that the venue
# does not give is 0. NULL where there is no price at all, or after a fault.
cdef Update* quote_add(
    Frame* frame, Symbols* symbols, Cursor* c, int symbol, const Quote* quote, bint quoted
) noexcept nogil


cdef inline void frame_begin(Frame* frame) noexcept nogil:
    frame.kind = FRAME_OTHER
    frame.fault = 0
    frame.fault_at = 0
    frame.sequence = frame.request = NONE_ID
    frame.exchange_ns = 0
    frame.note.length = frame.about.length = 0
    frame.bids.count = frame.asks.count = frame.trades.count = 0
    frame.count = 0


cdef inline int frame_end(Frame* frame, const Cursor* c, const char* start) noexcept nogil:
    """Conclude: a fault anywhere empties the frame. Returns the fault."""
    frame.fault = c.fault
    if c.fault:
        frame.fault_at = c.at - start
        frame.count = 0
        frame.bids.count = frame.asks.count = frame.trades.count = 0
    return c.fault


cdef inline bint same_text(const char* name, Text text) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(text.length):
        if name[i] != text.at[i]:
            return False
    return True


cdef inline int symbol_find(Symbols* symbols, Text name) noexcept nogil:
    """Its index, or UNKNOWN_SYMBOL."""
    cdef int i
    cdef Symbol* row = &symbols.rows[symbols.last]
    if symbols.count and row.length == name.length and same_text(row.name, name):
        return symbols.last
    for i in range(symbols.count):
        row = &symbols.rows[i]
        if row.length == name.length and same_text(row.name, name):
            symbols.last = i
            return i
    return UNKNOWN_SYMBOL


cdef inline Update* frame_add(Frame* frame, Cursor* c, int kind, int symbol) noexcept nogil:
    """Another update, its slices empty and at the ends of the arrays; NULL after a fault."""
    cdef Update* update
    if c.fault:
        return NULL
    if frame.count == MOST_UPDATES:
        c.fault = FAULT_DEPTH
        return NULL
    update = &frame.updates[frame.count]
    frame.count += 1
    update.kind = kind
    update.symbol = symbol
    update.exchange_ns = 0
    update.first_id = update.last_id = update.previous_id = NONE_ID
    update.has_checksum = False
    update.checksum = 0
    update.bids_begin = update.bids_end = frame.bids.count
    update.asks_begin = update.asks_end = frame.asks.count
    update.trades_begin = update.trades_end = frame.trades.count
    return update


cdef inline int level_add(Levels* levels, Cursor* c, i64 price, i64 quantity) noexcept nogil:
    if levels.count == levels.room and levels_grow(levels):
        c.fault = FAULT_MEMORY
        return 1
    levels.rows[levels.count].price = price
    levels.rows[levels.count].quantity = quantity
    levels.count += 1
    return 0


cdef inline Trade* trade_add(Trades* trades, Cursor* c) noexcept nogil:
    cdef Trade* trade
    if c.fault:
        return NULL
    if trades.count == trades.room and trades_grow(trades):
        c.fault = FAULT_MEMORY
        return NULL
    trade = &trades.rows[trades.count]
    trades.count += 1
    trade.id = NONE_ID
    trade.price = trade.quantity = trade.exchange_ns = 0
    trade.aggressor = 0
    return trade


cdef inline void products_pass(Products* products) noexcept nogil:
    """Begin the next pass over the rows."""
    if products.wanted == UNKNOWN_SYMBOL:
        products.unknown_done = True
    elif products.wanted >= 0:
        products.done |= <u64>1 << products.wanted
    products.wanted = NO_PRODUCT
    products.left = False


cdef inline bint products_take(Products* products, int symbol) noexcept nogil:
    """Whether a row belongs to this pass."""
    if symbol == products.wanted:
        return True
    if symbol == UNKNOWN_SYMBOL:
        if products.unknown_done:
            return False
    elif products.done >> symbol & 1:
        return False
    if products.wanted == NO_PRODUCT:
        products.wanted = symbol
        return True
    products.left = True
    return False


cdef class Parser:
    cdef Frame frame
    cdef Symbols symbols
    cdef ParseFrame parse_frame
    cdef dict _update(self, const Update* update)
