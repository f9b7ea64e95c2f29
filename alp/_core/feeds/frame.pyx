"""Parsed messages of the venues, and a parser for tests and tools to look at them from Python."""

from libc.stdlib cimport malloc, free, realloc
from libc.string cimport memcpy, memset

from alp._core.feeds.binance cimport parse_binance
from alp._core.feeds.coinbase cimport parse_coinbase
from alp._core.feeds.coinbase_exchange cimport parse_coinbase_exchange
from alp._core.feeds.kraken_futures cimport parse_kraken_futures
from alp._core.feeds.kraken_spot cimport parse_kraken_spot
from alp._core.feeds.scan cimport amount_at, is_nothing
from alp._core.uint256 cimport i64

cdef enum:
    FIRST_LEVELS = 4096
    FIRST_TRADES = 1024
    MOST_ROWS = 4194304

FRAME_KINDS = {
    FRAME_DATA: "data",
    FRAME_HEARTBEAT: "heartbeat",
    FRAME_ACCEPTED: "accepted",
    FRAME_REFUSED: "refused",
    FRAME_STATUS: "status",
    FRAME_OTHER: "other",
}
UPDATE_KINDS = {
    UPDATE_SNAPSHOT: "snapshot",
    UPDATE_DELTA: "delta",
    UPDATE_QUOTE: "quote",
    UPDATE_TRADES: "trades",
    UPDATE_TRADE_HISTORY: "trade history",
}
FAULTS = {
    1: "not the JSON that was expected",
    2: "not a number, or one beyond 63 bits",
    3: "a number that is no whole multiple of the instrument's step",
    4: "a field is missing",
    5: "nested too deeply, or too many parts",
    6: "a known field with a value that cannot be",
    7: "no memory",
}
PRECISION = FAULTS[3]


cdef int frame_create(Frame* frame) noexcept nogil:
    memset(frame, 0, sizeof(Frame))
    frame.bids.room = frame.asks.room = FIRST_LEVELS
    frame.trades.room = FIRST_TRADES
    frame.bids.rows = <Level*>malloc(FIRST_LEVELS * sizeof(Level))
    frame.asks.rows = <Level*>malloc(FIRST_LEVELS * sizeof(Level))
    frame.trades.rows = <Trade*>malloc(FIRST_TRADES * sizeof(Trade))
    return frame.bids.rows == NULL or frame.asks.rows == NULL or frame.trades.rows == NULL


cdef void frame_destroy(Frame* frame) noexcept nogil:
    free(frame.bids.rows)
    free(frame.asks.rows)
    free(frame.trades.rows)


cdef int symbols_add(Symbols* symbols, tuple product) except -1:
    """Add a product, see :class:`Parser`; raises ValueError where it cannot be."""
    cdef Symbol* row
    cdef int price_decimals, quantity_decimals
    cdef i64 price_step, quantity_step
    cdef bytes raw
    name, price_decimals, price_step, quantity_decimals, quantity_step = product
    raw = name.encode()
    if symbols.count == MOST_SYMBOLS:
        raise ValueError(f"more than {MOST_SYMBOLS} symbols on one connection")
    if not 0 < len(raw) <= MOST_NAME:
        raise ValueError(f"symbol {name!r} is empty or longer than {MOST_NAME} bytes")
    for decimals, step in ((price_decimals, price_step), (quantity_decimals, quantity_step)):
        if not 0 <= decimals <= 18 or step <= 0:
            raise ValueError(f"{name}: a step of {step} * 10**-{decimals}")
    row = &symbols.rows[symbols.count]
    memcpy(row.name, <const char*>raw, len(raw))
    row.length = len(raw)
    row.price.decimals, row.price.step = price_decimals, price_step
    row.quantity.decimals, row.quantity.step = quantity_decimals, quantity_step
    symbols.count += 1
    return 0


cdef int levels_grow(Levels* levels) noexcept nogil:
    cdef Level* rows
    if levels.room >= MOST_ROWS:
        return 1
    rows = <Level*>realloc(levels.rows, 2 * levels.room * sizeof(Level))
    if rows == NULL:
        return 1
    levels.rows = rows
    levels.room *= 2
    return 0


cdef int trades_grow(Trades* trades) noexcept nogil:
    cdef Trade* rows
    if trades.room >= MOST_ROWS:
        return 1
    rows = <Trade*>realloc(trades.rows, 2 * trades.room * sizeof(Trade))
    if rows == NULL:
        return 1
    trades.rows = rows
    trades.room *= 2
    return 0


cdef void _quote_side(
    Cursor* c, const Symbol* symbol, Levels* levels, const char* price, const char* quantity,
    bint quoted
) noexcept nogil:
    cdef i64 ticks
    cdef i64 lots = 0
    if is_nothing(price):
        return
    ticks = amount_at(c, price, &symbol.price, quoted)
    if not is_nothing(quantity):
        lots = amount_at(c, quantity, &symbol.quantity, quoted)
    level_add(levels, c, ticks, lots)


cdef Update* quote_add(
    Frame* frame, Symbols* symbols, Cursor* c, int symbol, const Quote* quote, bint quoted
) noexcept nogil:
    cdef Update* update
    if c.fault or (is_nothing(quote.bid) and is_nothing(quote.ask)):
        return NULL
    update = frame_add(frame, c, UPDATE_QUOTE, symbol)
    if update == NULL or symbol == UNKNOWN_SYMBOL:
        return update
    _quote_side(c, &symbols.rows[symbol], &frame.bids, quote.bid, quote.bid_quantity, quoted)
    _quote_side(c, &symbols.rows[symbol], &frame.asks, quote.ask, quote.ask_quantity, quoted)
    update.bids_end = frame.bids.count
    update.asks_end = frame.asks.count
    return update


cdef ParseFrame parser_of(str venue) except NULL:
    if venue == "binance":
        return parse_binance
    if venue == "coinbase":
        return parse_coinbase
    if venue == "coinbase-exchange":
        return parse_coinbase_exchange
    if venue == "kraken":
        return parse_kraken_spot
    if venue == "kraken-futures":
        return parse_kraken_futures
    raise ValueError(f"no parser for {venue!r}")


cdef object _text(Text text):
    return text.at[:text.length].decode("utf-8", "replace") if text.length else ""


cdef class Parser:
    """Parses messages of one venue.

    Parameters
    ----------
    venue
        ``binance``, ``coinbase``, ``coinbase-exchange``, ``kraken`` or ``kraken-futures``.
    symbols
        ``(name, price decimals, price step, quantity decimals, quantity step)`` each: a price is
        a multiple of ``step * 10**-decimals``.
    """

    def __cinit__(self, str venue not None, symbols):
        self.parse_frame = parser_of(venue)
        if frame_create(&self.frame):
            raise MemoryError
        memset(&self.symbols, 0, sizeof(Symbols))
        for row in symbols:
            symbols_add(&self.symbols, row)

    def __dealloc__(self):
        frame_destroy(&self.frame)

    def parse(self, const unsigned char[::1] message not None):
        """Return what a message says, as plain values; ``fault`` is None where it could be read."""
        cdef Frame* frame = &self.frame
        cdef Py_ssize_t size = message.shape[0]
        cdef const char* start = <const char*>&message[0] if size else NULL
        if size == 0:
            return {"fault": FAULTS[1], "fault_at": 0}
        with nogil:
            self.parse_frame(frame, &self.symbols, start, size)
        if frame.fault:
            return {"fault": FAULTS[frame.fault], "fault_at": frame.fault_at}
        return {
            "fault": None,
            "kind": FRAME_KINDS[frame.kind],
            "sequence": None if frame.sequence == NONE_ID else frame.sequence,
            "request": None if frame.request == NONE_ID else frame.request,
            "exchange_ns": frame.exchange_ns,
            "note": _text(frame.note),
            "about": _text(frame.about),
            "updates": [self._update(&frame.updates[i]) for i in range(frame.count)],
        }

    cdef dict _update(self, const Update* update):
        cdef Symbol* row
        cdef str name = None
        if update.symbol != UNKNOWN_SYMBOL:
            row = &self.symbols.rows[update.symbol]
            name = row.name[:row.length].decode()
        return {
            "kind": UPDATE_KINDS[update.kind],
            "symbol": name,
            "exchange_ns": update.exchange_ns,
            "ids": tuple(
                None if each == NONE_ID else each
                for each in (update.previous_id, update.first_id, update.last_id)
            ),
            "checksum": update.checksum if update.has_checksum else None,
            "bids": [
                (self.frame.bids.rows[i].price, self.frame.bids.rows[i].quantity)
                for i in range(update.bids_begin, update.bids_end)
            ],
            "asks": [
                (self.frame.asks.rows[i].price, self.frame.asks.rows[i].quantity)
                for i in range(update.asks_begin, update.asks_end)
            ],
            "trades": [
                (
                    self.frame.trades.rows[i].id,
                    self.frame.trades.rows[i].price,
                    self.frame.trades.rows[i].quantity,
                    self.frame.trades.rows[i].aggressor,
                    self.frame.trades.rows[i].exchange_ns,
                )
                for i in range(update.trades_begin, update.trades_end)
            ],
        }
