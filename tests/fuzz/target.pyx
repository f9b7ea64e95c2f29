"""What is asked of a feed handler for any bytes, without a Python object in the loop.

An input is messages, a line each; a line of one ``!`` says that the connection was lost. Two feeds
take them, each message from a block of memory of its own: the first from one that ends where the
message does, so that reading on is seen; the second from one with digits and quotes after it, and
with a parser whose memory was filled with rubbish. Both must come to the same.
"""

from libc.stdio cimport fprintf, stderr
from libc.stdlib cimport abort, free, malloc
from libc.string cimport memchr, memcmp, memcpy, memset

from fuzz_inputs import products_of

from alp._core.book cimport BookState, Level, Side, book_crossed, side_depth
from alp._core.feed cimport Feed, Market
from alp._core.feeds.frame cimport MOST_UPDATES, UNKNOWN_SYMBOL, UPDATE_QUOTE, Frame, Update
from alp._core.feeds.scan cimport Text
from alp._core.sync cimport LIVE, LOST, WAITING, sync_reset
from alp._core.uint256 cimport i64, u64

cdef enum:
    MOST_LEVELS = 65536
    RUBBISH_ROWS = 256
    TAIL = 64

cdef Feed first
cdef Feed second
cdef Level* levels = <Level*>malloc(MOST_LEVELS * sizeof(Level))

def prepare(str venue):
    """Make the feeds; return the address of the function that takes an input."""
    global first, second
    depth = 10 if venue == "kraken" else 0
    first, second = (Feed(venue, products_of(venue), depth) for _ in range(2))
    return <size_t>&take_input


cdef void wrong(const char* what) noexcept nogil:
    fprintf(stderr, b"oracle: %s\n", what)
    abort()


cdef inline u64 mixed(u64 sum, i64 value) noexcept nogil:
    sum = (sum ^ <u64>value) * <u64>0x9E3779B97F4A7C15
    return sum ^ (sum >> 29)


cdef u64 side_sum(const Side* side, u64 sum) noexcept nogil:
    """A hash of a side's levels, each of which must be in order and not empty."""
    cdef Py_ssize_t count = side_depth(side, levels, MOST_LEVELS)
    cdef Py_ssize_t i
    if count < 0:
        return sum
    if count != min(<Py_ssize_t>side.count, <Py_ssize_t>MOST_LEVELS):
        wrong(b"a side has not as many levels as it counts")
    for i in range(count):
        if levels[i].quantity <= 0 or levels[i].price < 0:
            wrong(b"a level that cannot be")
        if i and (levels[i].price >= levels[i - 1].price) == side.bid:
            wrong(b"levels out of order")
        sum = mixed(mixed(sum, levels[i].price), levels[i].quantity)
    return sum


cdef u64 market_sum(const Market* market) noexcept nogil:
    """A hash of all that a reader of the book sees."""
    cdef u64 sum = mixed(mixed(7, market.sync.status), market.sync.last_id)
    return side_sum(&market.book.asks, mixed(side_sum(&market.book.bids, sum), -1))


cdef void check_market(const Market* market) noexcept nogil:
    if market.sync.status == LIVE:
        if book_crossed(&market.book):
            wrong(b"a live book is crossed")
    elif market.book.bids.count or market.book.asks.count:
        wrong(b"a book that was given up has levels")


cdef void check_text(Text text, const char* message, Py_ssize_t size) noexcept nogil:
    if text.length and not (message <= text.at and text.at + text.length <= message + size):
        wrong(b"a text is not of this message")


cdef void check_frame(Feed feed, int fault, const char* message, Py_ssize_t size) noexcept nogil:
    """What holds for every parsed message."""
    cdef Frame* frame = &feed.frame
    cdef const Update* update
    cdef int i
    if fault != frame.fault:
        wrong(b"the fault returned is not the frame's")
    if fault:
        if frame.count or frame.bids.count or frame.asks.count or frame.trades.count:
            wrong(b"a faulty message left something behind")
        if not 0 <= frame.fault_at <= size:
            wrong(b"the fault is outside the message")
        return
    if not 0 <= frame.count <= MOST_UPDATES or frame.exchange_ns < -(<i64>1 << 61):
        wrong(b"a frame that cannot be")
    check_text(frame.note, message, size)
    check_text(frame.about, message, size)
    for i in range(frame.bids.count):
        if frame.bids.rows[i].price < 0 or frame.bids.rows[i].quantity < 0:
            wrong(b"a negative bid")
    for i in range(frame.asks.count):
        if frame.asks.rows[i].price < 0 or frame.asks.rows[i].quantity < 0:
            wrong(b"a negative ask")
    for i in range(frame.trades.count):
        if frame.trades.rows[i].price < 0 or frame.trades.rows[i].quantity < 0:
            wrong(b"a negative trade")
    for i in range(frame.count):
        update = &frame.updates[i]
        if not UNKNOWN_SYMBOL <= update.symbol < feed.count:
            wrong(b"a product that is none")
        if not (
            0 <= update.bids_begin <= update.bids_end <= frame.bids.count
            and 0 <= update.asks_begin <= update.asks_end <= frame.asks.count
            and 0 <= update.trades_begin <= update.trades_end <= frame.trades.count
        ):
            wrong(b"a slice outside its array")
        if update.kind == UPDATE_QUOTE and (
            update.bids_end - update.bids_begin > 1 or update.asks_end - update.asks_begin > 1
        ):
            wrong(b"a quote of more than one level")


cdef void check_texts(Text one, Text other) noexcept nogil:
    if one.length != other.length or (one.length and memcmp(one.at, other.at, one.length)):
        wrong(b"two parsers read two texts")


cdef void compare_frames(const Frame* one, const Frame* other) noexcept nogil:
    cdef const Update* left
    cdef const Update* right
    cdef int i
    if (
        one.fault != other.fault or one.fault_at != other.fault_at or one.count != other.count
        or one.bids.count != other.bids.count or one.asks.count != other.asks.count
        or one.trades.count != other.trades.count
    ):
        wrong(b"two parsers differ")
    if one.fault:
        return
    if (
        one.kind != other.kind or one.sequence != other.sequence or one.request != other.request
        or one.exchange_ns != other.exchange_ns
    ):
        wrong(b"two parsers read two frames")
    check_texts(one.note, other.note)
    check_texts(one.about, other.about)
    for i in range(one.count):
        left, right = &one.updates[i], &other.updates[i]
        if (
            left.kind != right.kind or left.symbol != right.symbol
            or left.exchange_ns != right.exchange_ns or left.first_id != right.first_id
            or left.last_id != right.last_id or left.previous_id != right.previous_id
            or left.has_checksum != right.has_checksum or left.checksum != right.checksum
            or left.bids_end != right.bids_end or left.asks_end != right.asks_end
            or left.trades_end != right.trades_end
        ):
            wrong(b"two parsers read two updates")
    if (
        memcmp(one.bids.rows, other.bids.rows, one.bids.count * sizeof(Level))
        or memcmp(one.asks.rows, other.asks.rows, one.asks.count * sizeof(Level))
    ):
        wrong(b"two parsers read two levels")
    for i in range(one.trades.count):
        if (
            one.trades.rows[i].id != other.trades.rows[i].id
            or one.trades.rows[i].price != other.trades.rows[i].price
            or one.trades.rows[i].quantity != other.trades.rows[i].quantity
            or one.trades.rows[i].exchange_ns != other.trades.rows[i].exchange_ns
            or one.trades.rows[i].aggressor != other.trades.rows[i].aggressor
        ):
            wrong(b"two parsers read two trades")


cdef void take_message(const char* message, Py_ssize_t size) noexcept nogil:
    cdef char* exact = <char*>malloc(size)
    cdef char* followed = <char*>malloc(size + TAIL)
    cdef u64 before[8]
    cdef u64 after
    cdef int fault, i
    if exact == NULL or followed == NULL:
        abort()
    memcpy(exact, message, size)
    memcpy(followed, message, size)
    for i in range(TAIL):
        followed[size + i] = b'1"],}0.e'[i % 8]
    memset(second.frame.bids.rows, 0xA5, RUBBISH_ROWS * sizeof(Level))
    memset(second.frame.asks.rows, 0xA5, RUBBISH_ROWS * sizeof(Level))
    memset(second.frame.updates, 0xA5, sizeof(second.frame.updates))
    memset(second.frame.trades.rows, 0xA5, RUBBISH_ROWS * sizeof(second.frame.trades.rows[0]))
    second.symbols.last = 1
    for i in range(first.count):
        before[i] = market_sum(&first.markets[i])
    fault = first.take(exact, size, 5)
    check_frame(first, fault, exact, size)
    second.take(followed, size, 5)
    compare_frames(&first.frame, &second.frame)
    for i in range(first.count):
        check_market(&first.markets[i])
        after = market_sum(&first.markets[i])
        if after != market_sum(&second.markets[i]):
            wrong(b"two books of the same messages differ")
        if fault and after != before[i] and first.markets[i].sync.status != WAITING:
            wrong(b"a faulty message changed a book")
    free(exact)
    free(followed)


cdef bint is_empty(const BookState* book) noexcept nogil:
    return not (
        book.bids.count or book.asks.count or book.bids.far.taken or book.asks.far.taken
    )


cdef void forget(Feed feed) noexcept nogil:
    """As at the start; emptying what is empty would take most of the time."""
    cdef Market* market
    cdef int i
    for i in range(feed.count):
        market = &feed.markets[i]
        if not is_empty(&market.book):
            sync_reset(&market.sync, &market.book, LOST)
        market.sync.status = WAITING
        market.sync.last_id = -1
        market.sync.waiting_count = market.sync.level_count = 0
        market.sync.fresh = False
        market.changed = 0
        market.quote.last_id = -1
    feed.sequence = -1
    memset(&feed.counters, 0, sizeof(feed.counters))


cdef void take_input(const char* data, Py_ssize_t size) noexcept nogil:
    cdef const char* end = data + size
    cdef const char* newline
    forget(first)
    forget(second)
    while data < end:
        newline = <const char*>memchr(data, 10, end - data)
        if newline == NULL:
            newline = end
        if newline - data == 1 and data[0] == 33:
            first.lose(LOST)
            second.lose(LOST)
            first.sequence = second.sequence = -1
        elif newline > data:
            take_message(data, newline - data)
        data = newline + 1
