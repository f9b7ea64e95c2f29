"""The exchange's side of a backtest on levels and trades; see ``tick_venue.pxd``.

What fills a resting order, and in which order events count, is written down once, here; the paper
exchanges do the same to many accounts in ``matching``. The recorded market does not know of our
orders: it trades as it did, and what we take is there again when its level is told anew.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from alp._core.book cimport (
    Level,
    book_clear,
    book_create,
    book_destroy,
    side_at,
    side_best,
    side_depth,
)
from alp._core.queue_models cimport (
    AHEAD_BITS,
    QUEUE_FIFO,
    queue_after_change,
    queue_after_removal,
    queue_after_trade,
    queue_at_end,
    queue_trade_reaches,
)


cdef int tick_venue_create(TickVenue* venue, int model, int exponent, bint whole) noexcept nogil:
    cdef int side
    venue.model = model
    venue.exponent = exponent
    venue.whole = whole
    venue.found = 0
    venue.room = MOST_RESTING + MOST_TAKEN
    for side in range(2):
        venue.queues[side].count = venue.taken[side].count = 0
        venue.marks[side] = 0
    venue.engaged = False
    venue.fills = <Fill*>calloc(venue.room, sizeof(Fill))
    return -1 if book_create(&venue.book) or venue.fills == NULL else 0


cdef void tick_venue_destroy(TickVenue* venue) noexcept nogil:
    book_destroy(&venue.book)
    free(venue.fills)
    venue.fills = NULL


cdef void tick_venue_clear(TickVenue* venue) noexcept nogil:
    """Begin the book anew: our orders stay, with what was ahead of them."""
    book_clear(&venue.book)
    venue.taken[0].count = venue.taken[1].count = 0
    _engage(venue)


cdef inline u64 _mark(i64 price) noexcept nogil:
    return <u64>1 << (<u64>price & 63)


cdef void _engage(TickVenue* venue) noexcept nogil:
    venue.engaged = (
        venue.queues[0].count + venue.queues[1].count
        + venue.taken[0].count + venue.taken[1].count
    ) != 0


cdef void _remove(TickVenue* venue, bint bid, int at) noexcept nogil:
    cdef Queue* queue = &venue.queues[bid]
    cdef int place
    queue.count -= 1
    memmove(queue.waiting + at, queue.waiting + at + 1, (queue.count - at) * sizeof(Waiting))
    venue.marks[bid] = 0
    for place in range(queue.count):
        venue.marks[bid] |= _mark(queue.waiting[place].price)
    _engage(venue)


cdef inline void _fill(
    TickVenue* venue, i64 now, Waiting* waiting, i64 lots, i64 ahead, int cause
) noexcept nogil:
    cdef Fill* fill = venue.fills + venue.found
    waiting.left -= lots
    fill.at_ns = now
    fill.price = waiting.price
    fill.lots = lots
    fill.left = waiting.left
    fill.ahead = ahead
    fill.joined = waiting.joined
    fill.order = waiting.order
    fill.cause = cause
    venue.found += 1


cdef void _drop_filled(TickVenue* venue, bint bid) noexcept nogil:
    cdef int at = venue.queues[bid].count - 1
    while at >= 0:
        if venue.queues[bid].waiting[at].left == 0:
            _remove(venue, bid, at)
        at -= 1


cdef inline i64 _taken_at(const TakenLevels* taken, i64 price) noexcept nogil:
    cdef int at
    for at in range(taken.count):
        if taken.levels[at].price == price:
            return taken.levels[at].lots
    return 0


cdef void _note_taken(TakenLevels* taken, i64 price, i64 lots) noexcept nogil:
    """Remember what of a level is gone; where there is no room, the oldest is forgotten."""
    cdef int at
    for at in range(taken.count):
        if taken.levels[at].price == price:
            taken.levels[at].lots += lots
            return
    if taken.count == MOST_TAKEN:
        taken.count -= 1
        memmove(taken.levels, taken.levels + 1, taken.count * sizeof(Taken))
    taken.levels[taken.count].price = price
    taken.levels[taken.count].lots = lots
    taken.count += 1


cdef void tick_venue_told(TickVenue* venue, bint bid, i64 price) noexcept nogil:
    cdef TakenLevels* taken = &venue.taken[bid]
    cdef int at
    for at in range(taken.count):
        if taken.levels[at].price == price:
            taken.count -= 1
            memmove(
                taken.levels + at, taken.levels + at + 1, (taken.count - at) * sizeof(Taken)
            )
            _engage(venue)
            return


cdef void tick_venue_requeue(TickVenue* venue, bint bid, i64 price, i64 lots) noexcept nogil:
    """Let a change of a level move our orders in it; the book has it as it was."""
    cdef Queue* queue = &venue.queues[bid]
    cdef i64 before = side_at(&venue.book.bids if bid else &venue.book.asks, price)
    cdef Waiting* waiting
    cdef int at
    for at in range(queue.count):
        waiting = queue.waiting + at
        if waiting.price == price:
            waiting.ahead = queue_after_change(
                venue.model, venue.exponent, waiting.ahead, before, lots, waiting.traded
            )
            waiting.traded = 0


cdef void tick_venue_removal(
    TickVenue* venue, bint bid, i64 price, i64 lots, i64 entered_ns
) noexcept nogil:
    """Let an order that left move ours that came after it."""
    cdef Queue* queue = &venue.queues[bid]
    cdef int at
    if venue.model != QUEUE_FIFO or not venue.marks[bid] >> (<u64>price & 63) & 1:
        return
    for at in range(queue.count):
        if queue.waiting[at].price == price:
            queue.waiting[at].ahead = queue_after_removal(
                queue.waiting[at].ahead, lots, <u64>entered_ns,
                <u64>queue.waiting[at].entered_ns,
            )


cdef void tick_venue_cross(TickVenue* venue, i64 now, bint bid, i64 price, i64 lots) noexcept nogil:
    """Let a level of the market fill our orders of the other side that it meets."""
    cdef Queue* queue = &venue.queues[not bid]
    cdef Waiting* waiting
    cdef int at = 0
    cdef i64 part
    while at < queue.count and lots > 0:
        waiting = queue.waiting + at
        if is_better(bid, waiting.price, price):
            break
        part = waiting.left if venue.whole else min(waiting.left, lots)
        if not venue.whole:
            lots -= part
            _note_taken(&venue.taken[bid], price, part)
        _fill(venue, now, waiting, part, waiting.ahead, FILL_CROSSED)
        at += 1
    if at:
        _drop_filled(venue, not bid)


cdef void tick_venue_trade(
    TickVenue* venue, i64 now, bint bought, i64 price, i64 lots
) noexcept nogil:
    cdef bint bid = not bought
    cdef Queue* queue = &venue.queues[bid]
    cdef Waiting* waiting
    cdef int at = 0, cause, found = venue.found
    cdef i64 ahead, reached, left = lots
    while at < queue.count:
        waiting = queue.waiting + at
        if is_better(bid, price, waiting.price):
            break
        at += 1
        ahead = waiting.ahead
        cause = FILL_TRADED_THROUGH
        reached = left
        if waiting.price == price:
            cause = FILL_AT_TURN
            reached = queue_trade_reaches(ahead, left)
            waiting.traded += lots
            waiting.ahead = queue_after_trade(ahead, left)
        if reached <= 0:
            continue
        if venue.whole:
            reached = waiting.left
        else:
            reached = min(reached, waiting.left)
            left -= reached
        _fill(venue, now, waiting, reached, ahead, cause)
    if venue.found > found:
        _drop_filled(venue, bid)


cdef bint tick_venue_crosses(const TickVenue* venue, bint bid, i64 price) noexcept nogil:
    cdef const Side* side = &venue.book.asks if bid else &venue.book.bids
    cdef const TakenLevels* taken = &venue.taken[not bid]
    cdef Level levels[MOST_TAKEN + 1]
    cdef Py_ssize_t found, at
    cdef i64 best, lots
    if not side_best(side, &best, &lots) or is_better(bid, best, price):
        return False
    if taken.count == 0:
        return True
    found = side_depth(side, levels, MOST_TAKEN + 1)
    for at in range(found):
        if is_better(bid, levels[at].price, price):
            return False
        if levels[at].quantity > _taken_at(taken, levels[at].price):
            return True
    return False


cdef i64 tick_venue_take(
    TickVenue* venue, i64 now, int order, bint bid, i64 price, i64 lots
) noexcept nogil:
    cdef Level levels[MOST_TAKEN]
    cdef TakenLevels* taken = &venue.taken[not bid]
    cdef Py_ssize_t found = side_depth(
        &venue.book.asks if bid else &venue.book.bids, levels, MOST_TAKEN
    )
    cdef Py_ssize_t at = 0
    cdef i64 part
    cdef Waiting taker
    taker.order = order
    taker.left = lots
    taker.joined = 0
    while at < found and taker.left > 0:
        if is_better(bid, levels[at].price, price):
            break
        taker.price = levels[at].price
        part = min(taker.left, levels[at].quantity - _taken_at(taken, taker.price))
        if part > 0:
            _note_taken(taken, taker.price, part)
            _fill(venue, now, &taker, part, 0, FILL_TAKEN)
        at += 1
    _engage(venue)
    return taker.left


cdef bint tick_venue_rest(
    TickVenue* venue, i64 now, int order, bint bid, i64 price, i64 lots, i64 left
) noexcept nogil:
    cdef Queue* queue = &venue.queues[bid]
    cdef Waiting* waiting
    cdef int at = queue.count
    if queue.count == MOST_RESTING:
        return False
    while at > 0 and is_better(bid, price, queue.waiting[at - 1].price):
        queue.waiting[at] = queue.waiting[at - 1]
        at -= 1
    waiting = queue.waiting + at
    waiting.price = price
    waiting.lots = lots
    waiting.left = left
    waiting.order = order
    waiting.traded = 0
    waiting.entered_ns = now
    waiting.ahead = queue_at_end(
        side_at(&venue.book.bids if bid else &venue.book.asks, price)
        - _taken_at(&venue.taken[bid], price)
    )
    waiting.joined = waiting.ahead >> AHEAD_BITS
    queue.count += 1
    venue.marks[bid] |= _mark(price)
    venue.engaged = True
    return True


cdef Waiting* tick_venue_find(TickVenue* venue, int order, bint bid) noexcept nogil:
    cdef Queue* queue = &venue.queues[bid]
    cdef int at
    for at in range(queue.count):
        if queue.waiting[at].order == order:
            return queue.waiting + at
    return NULL


cdef i64 tick_venue_cancel(TickVenue* venue, int order, bint bid) noexcept nogil:
    cdef Waiting* waiting = tick_venue_find(venue, order, bid)
    cdef i64 left
    if waiting == NULL:
        return -1
    left = waiting.left
    _remove(venue, bid, <int>(waiting - venue.queues[bid].waiting))
    return left
