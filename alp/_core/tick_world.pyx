"""A recorded market with orders of ours in it, on two sides of a latency; see ``tick_world.pxd``.

What happens at one moment at the exchange happens in this order: removals of named orders, rows of
the tape, requests of ours. What is known here at one moment: rows, then answers. A request never
overtakes the one before it, an answer never the one before it, however their latencies fall.
"""

from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memset

from alp._core.book cimport (
    SLOTS,
    Side,
    book_clear,
    book_create,
    book_destroy,
    book_settle,
    side_put,
    side_set,
)
from alp._core.tape cimport (
    TAPE_BID,
    TAPE_BITS,
    TAPE_CLEAR,
    TAPE_EXCHANGE,
    TAPE_LEVEL,
    TAPE_LOCAL,
    TAPE_TRADE,
    LatencyRow,
    RemovalRow,
    TapeRow,
)
from alp._core.tick_venue cimport (
    FILL_TAKEN,
    NO_ORDER,
    Fill,
    Waiting,
    tick_venue_cancel,
    tick_venue_clear,
    tick_venue_concerns,
    tick_venue_create,
    tick_venue_crosses,
    tick_venue_destroy,
    tick_venue_find,
    tick_venue_level,
    tick_venue_removal,
    tick_venue_rest,
    tick_venue_take,
    tick_venue_trade,
)
from alp._core.uint256 cimport u64

cdef enum:
    FIRST_FILLS = 4096
    RING = MOST_UNDER_WAY       # a power of two
    PLAIN = TAPE_LEVEL | TAPE_EXCHANGE | TAPE_LOCAL

cdef i64 NEVER = 0x7FFFFFFFFFFFFFFF


cdef int tick_world_create(TickWorld* world, int model, int exponent, bint whole) noexcept nogil:
    cdef int place
    world.orders = <TickOrder*>calloc(MOST_ORDERS, sizeof(TickOrder))
    world.free_places = <int*>calloc(MOST_ORDERS, sizeof(int))
    world.requests = <Request*>calloc(RING, sizeof(Request))
    world.answers = <Answer*>calloc(RING, sizeof(Answer))
    world.fills = <FillRow*>malloc(FIRST_FILLS * sizeof(FillRow))
    world.fill_room = FIRST_FILLS
    if (
        tick_venue_create(&world.venue, model, exponent, whole)
        or book_create(&world.book)
        or world.orders == NULL or world.free_places == NULL
        or world.requests == NULL or world.answers == NULL or world.fills == NULL
    ):
        return -1
    for place in range(MOST_ORDERS):
        world.free_places[place] = MOST_ORDERS - 1 - place
    world.free_count = MOST_ORDERS
    tick_look_away(world)
    return 0


cdef void tick_world_destroy(TickWorld* world) noexcept nogil:
    tick_venue_destroy(&world.venue)
    book_destroy(&world.book)
    free(world.orders)
    free(world.free_places)
    free(world.requests)
    free(world.answers)
    free(world.fills)


cdef inline const LatencyRow* _latency(
    const TickWorld* world, Py_ssize_t* at, i64 now
) noexcept nogil:
    """The last row at or before a time, or the first; times only rise."""
    while at[0] + 1 < world.latency_count and world.latency[at[0] + 1].at_ns <= now:
        at[0] += 1
    return world.latency + at[0]


cdef inline Request* _request(TickWorld* world, int at) noexcept nogil:
    return world.requests + ((world.request_first + at) & (RING - 1))


cdef inline Answer* _answer(TickWorld* world, int at) noexcept nogil:
    return world.answers + ((world.answer_first + at) & (RING - 1))


cdef Answer* _answer_at(TickWorld* world, i64 now) noexcept nogil:
    """Room for an answer that leaves the exchange now; NULL where there is none."""
    cdef Answer* answer
    cdef i64 at_ns = now + (
        _latency(world, &world.answer_at, now).answer_ns
        if world.latency_count else world.answer_ns
    )
    if world.answer_count == RING:
        world.failed = 1
        return NULL
    if world.answer_count:
        at_ns = max(at_ns, _answer(world, world.answer_count - 1).at_ns)
    answer = _answer(world, world.answer_count)
    world.answer_count += 1
    answer.at_ns = at_ns
    answer.venue_ns = now
    return answer


cdef void _say(
    TickWorld* world, i64 now, int order, int kind, i64 price, i64 lots, i64 left
) noexcept nogil:
    cdef Answer* answer = _answer_at(world, now)
    if answer != NULL:
        answer.order = order
        answer.kind = kind
        answer.price = price
        answer.lots = lots
        answer.left = left


cdef void _tell_fills(TickWorld* world) noexcept nogil:
    cdef Fill* fill
    cdef Answer* answer
    cdef int at
    for at in range(world.venue.found):
        fill = world.venue.fills + at
        answer = _answer_at(world, fill.at_ns)
        if answer == NULL:
            break
        answer.order = fill.order
        answer.kind = ANSWER_FILLED
        answer.price = fill.price
        answer.lots = fill.lots
        answer.left = fill.left
        answer.ahead = fill.ahead
        answer.joined = fill.joined
        answer.cause = fill.cause
    world.venue.found = 0


cdef void _place(TickWorld* world, const Request* request, i64 left, bint amended) noexcept nogil:
    """Let an order, or what an amend left of it, take what it can and wait with the rest."""
    cdef int place = request.order
    cdef TickOrder* order = world.orders + place
    if tick_venue_crosses(&world.venue, order.bid, request.price):
        left = tick_venue_take(
            &world.venue, request.at_ns, place, order.bid, request.price, left
        )
        _tell_fills(world)
    if left == 0:
        return
    if not order.rests:
        _say(world, request.at_ns, place, ANSWER_EXPIRED, request.price, request.lots, left)
    elif not tick_venue_rest(
        &world.venue, request.at_ns, place, order.bid, request.price, request.lots, left
    ):
        _say(world, request.at_ns, place, ANSWER_REFUSED, request.price, request.lots, left)
    elif not amended:
        _say(world, request.at_ns, place, ANSWER_ACKED, request.price, request.lots, left)


cdef void _amend(TickWorld* world, const Request* request) noexcept nogil:
    cdef int place = request.order
    cdef TickOrder* order = world.orders + place
    cdef Waiting* waiting = tick_venue_find(&world.venue, place, order.bid)
    cdef i64 at_ns = request.at_ns
    cdef i64 left
    if waiting == NULL:
        _say(world, at_ns, place, ANSWER_NOT_FOUND, request.price, request.lots, 0)
        return
    left = request.lots - (waiting.lots - waiting.left)
    if left <= 0 or (
        order.post_only and request.price != waiting.price
        and tick_venue_crosses(&world.venue, order.bid, request.price)
    ):
        left = tick_venue_cancel(&world.venue, place, order.bid)
        _say(world, at_ns, place, ANSWER_CANCELED, request.price, request.lots, left)
        return
    _say(world, at_ns, place, ANSWER_AMENDED, request.price, request.lots, left)
    if world.amends == AMEND_KEEPS and request.price == waiting.price and left <= waiting.left:
        waiting.lots = request.lots
        waiting.left = left
        return
    tick_venue_cancel(&world.venue, place, order.bid)
    _place(world, request, left, True)


cdef void _arrive(TickWorld* world, const Request* request) noexcept nogil:
    """Let a command of ours reach the exchange."""
    cdef int place = request.order
    cdef TickOrder* order = world.orders + place
    cdef i64 left
    if request.action == TICK_AMEND:
        _amend(world, request)
    elif request.action == TICK_CANCEL:
        left = tick_venue_cancel(&world.venue, place, order.bid)
        if left < 0:
            _say(world, request.at_ns, place, ANSWER_NOT_FOUND, request.price, request.lots, 0)
        else:
            _say(world, request.at_ns, place, ANSWER_CANCELED, request.price, request.lots, left)
    elif order.post_only and tick_venue_crosses(&world.venue, order.bid, request.price):
        _say(
            world, request.at_ns, place, ANSWER_REFUSED, request.price, request.lots,
            request.lots,
        )
    else:
        _place(world, request, request.lots, False)


cdef int _happen(TickWorld* world, const TapeRow* row) noexcept nogil:
    """Let a row happen at the exchange."""
    cdef bint bid = row.size & TAPE_BID != 0
    cdef i64 lots = <i64>(row.size >> TAPE_BITS)
    if row.size & TAPE_LEVEL:
        if tick_venue_level(&world.venue, row.exchange_ns, bid, row.price, lots):
            return 1
    elif row.size & TAPE_CLEAR:
        tick_venue_clear(&world.venue)
    elif world.venue.engaged:
        tick_venue_trade(&world.venue, row.exchange_ns, bid, row.price, lots)
    if world.venue.found:
        _tell_fills(world)
    return 0


cdef int _learn(TickWorld* world, const TapeRow* row) noexcept nogil:
    """Let a row be received here."""
    cdef bint bid = row.size & TAPE_BID != 0
    cdef i64 lots = <i64>(row.size >> TAPE_BITS)
    cdef Side* side = &world.book.bids if bid else &world.book.asks
    if row.size & TAPE_LEVEL:
        return side_set(side, row.price, lots) or (side.astray and book_settle(&world.book))
    if row.size & TAPE_TRADE:
        _learn_trade(&world.traded, bid, row.price, lots)
    else:
        book_clear(&world.book)
    return 0


cdef inline void _learn_trade(Traded* traded, bint bought, i64 price, i64 lots) noexcept nogil:
    traded.count += 1
    if bought:
        traded.bought_lots += lots
        traded.highest_bought = max(traded.highest_bought, price)
    else:
        traded.sold_lots += lots
        if traded.lowest_sold < 0 or price < traded.lowest_sold:
            traded.lowest_sold = price


cdef const TapeRow* _both_to(
    TickWorld* world, const TapeRow* row, i64 limit, i64 until
) noexcept nogil:
    """Play rows on both sides at once while both are to see them; return the first that is left.

    Nothing here looks at the exchange before the time is reached, and nothing there looks here: in
    which order the two books learn of it is all the same, and read once it costs half.
    """
    cdef const TapeRow* end = world.rows + world.count
    cdef TickVenue* venue = &world.venue
    cdef Side* there
    cdef Side* here
    cdef u64 slot
    cdef bint bid
    while row < end and row.exchange_ns <= limit and row.local_ns <= until:
        if row.size & PLAIN != PLAIN:
            if row.size & TAPE_EXCHANGE and _happen(world, row):
                world.failed = 1
            if row.size & TAPE_LOCAL and _learn(world, row):
                world.failed = 1
            if world.failed:
                break
            row += 1
            continue
        bid = row.size & TAPE_BID != 0
        there = &venue.book.bids if bid else &venue.book.asks
        here = &world.book.bids if bid else &world.book.asks
        slot = <u64>(row.price - there.base)
        if (
            slot >= <u64>SLOTS or there.base != here.base
            or tick_venue_concerns(venue, bid, row.price)
        ):
            if _happen(world, row) or _learn(world, row):
                world.failed = 1
                break
        else:
            side_put(there, slot, <i64>(row.size >> TAPE_BITS))
            side_put(here, slot, <i64>(row.size >> TAPE_BITS))
            if there.astray | here.astray:
                world.failed |= book_settle(&venue.book) | book_settle(&world.book)
        row += 1
    return row


cdef inline i64 _removed_ns(const TickWorld* world) noexcept nogil:
    if world.removal_at == world.removal_count:
        return NEVER
    return world.removals[world.removal_at].exchange_ns


cdef void _remove_next(TickWorld* world) noexcept nogil:
    cdef const RemovalRow* removal = world.removals + world.removal_at
    world.removal_at += 1
    tick_venue_removal(
        &world.venue, removal.size & TAPE_BID != 0, removal.price,
        <i64>(removal.size >> TAPE_BITS), removal.entered_ns,
    )


cdef i64 _venue_to(TickWorld* world, i64 until, bint to_answer) noexcept nogil:
    """Let the exchange's time pass: rows, and before a later row the commands that arrive.

    With ``to_answer`` no further than when the first answer is known here; returns how far.
    """
    cdef const TapeRow* row = world.rows + world.venue_at
    cdef const TapeRow* end = world.rows + world.count
    cdef i64 request_ns, removed_ns, limit
    while not world.failed:
        if to_answer and world.answer_count:
            until = min(until, _answer(world, 0).at_ns)
        request_ns = _request(world, 0).at_ns if world.request_count else NEVER
        removed_ns = _removed_ns(world)
        # a removal goes before the rows of its moment, a request after them
        limit = min(until, min(request_ns, removed_ns - 1))
        if row == world.rows + world.local_at and not to_answer:
            row = _both_to(world, row, limit, until)
            world.local_at = row - world.rows
        while row < end and row.exchange_ns <= limit and not world.failed:
            if row.size & TAPE_EXCHANGE and _happen(world, row):
                world.failed = 1
            if to_answer and world.answer_count:
                limit = min(limit, _answer(world, 0).at_ns)
            row += 1
        if to_answer and world.answer_count:
            until = min(until, _answer(world, 0).at_ns)
        if removed_ns <= min(until, request_ns):
            _remove_next(world)
        elif request_ns <= until:
            _arrive(world, _request(world, 0))
            world.request_first = (world.request_first + 1) & (RING - 1)
            world.request_count -= 1
        else:
            break
    world.venue_at = row - world.rows
    return until


cdef void _rows_to(TickWorld* world, i64 until, Py_ssize_t most) noexcept nogil:
    """Receive rows, not as many as ``most`` of the tape."""
    cdef const TapeRow* row = world.rows + world.local_at
    cdef const TapeRow* end = world.rows + most
    while row < end and row.local_ns <= until and not world.failed:
        if row.size & TAPE_LOCAL and _learn(world, row):
            world.failed = 1
        row += 1
    world.local_at = row - world.rows


cdef int _log(TickWorld* world, const Answer* answer) noexcept nogil:
    cdef FillRow* more
    cdef FillRow* fill
    cdef TickOrder* order = world.orders + answer.order
    if world.fill_count == world.fill_room:
        more = <FillRow*>realloc(world.fills, 2 * world.fill_room * sizeof(FillRow))
        if more == NULL:
            return 1
        world.fills = more
        world.fill_room *= 2
    fill = world.fills + world.fill_count
    world.fill_count += 1
    fill.at_ns = answer.at_ns
    fill.venue_ns = answer.venue_ns
    fill.price = answer.price
    fill.lots = answer.lots
    fill.left = answer.left
    fill.tag = order.tag
    fill.ahead = answer.ahead
    fill.joined = answer.joined
    fill.cause = answer.cause
    fill.bid = order.bid
    return 0


cdef void _hear_fill(TickWorld* world, const Answer* answer) noexcept nogil:
    cdef TickOrder* order = world.orders + answer.order
    cdef i64 value = answer.price * answer.lots
    order.left -= answer.lots
    world.position += answer.lots if order.bid else -answer.lots
    world.cash += -value if order.bid else value
    world.turnover += value
    if answer.cause == FILL_TAKEN:
        world.taken += value
    world.failed |= _log(world, answer)
    order.phase = PHASE_ENDED if order.left == 0 else PHASE_LIVE


cdef void _hear(TickWorld* world, const Answer* answer) noexcept nogil:
    cdef TickOrder* order = world.orders + answer.order
    if answer.kind == ANSWER_FILLED:
        _hear_fill(world, answer)
    elif answer.kind == ANSWER_ACKED:
        order.phase = PHASE_LIVE
    elif answer.kind == ANSWER_AMENDED:
        order.price = answer.price
        order.lots = answer.lots
        order.left = answer.left
        order.amending -= 1
    elif answer.kind != ANSWER_NOT_FOUND:
        order.phase = PHASE_ENDED
    if order.phase == PHASE_ENDED:
        order.canceling = False
        order.amending = 0


cdef void _answers_to(TickWorld* world, i64 until) noexcept nogil:
    while world.answer_count and _answer(world, 0).at_ns <= until:
        _hear(world, _answer(world, 0))
        world.answer_first = (world.answer_first + 1) & (RING - 1)
        world.answer_count -= 1


cdef bint _ended(const TickWorld* world) noexcept nogil:
    return world.venue_at == world.count and world.local_at == world.count


cdef bint _receive_to(TickWorld* world, i64 until_ns) noexcept nogil:
    _rows_to(world, until_ns, world.count)
    world.failed |= book_settle(&world.book) or book_settle(&world.venue.book)
    _answers_to(world, until_ns)
    world.now_ns = until_ns
    return not world.failed


cdef bint tick_advance(TickWorld* world, i64 until_ns) noexcept nogil:
    if _ended(world):
        return False
    _rows_to(world, until_ns, world.venue_at)
    _venue_to(world, until_ns, False)
    return _receive_to(world, until_ns)


cdef bint tick_next(TickWorld* world, i64 until_ns) noexcept nogil:
    cdef Py_ssize_t at = world.local_at
    if _ended(world):
        return False
    while at < world.count and not world.rows[at].size & TAPE_LOCAL:
        at += 1
    if at < world.count:
        until_ns = min(until_ns, world.rows[at].local_ns)
    return _receive_to(world, _venue_to(world, until_ns, True))


cdef Py_ssize_t tick_run(
    TickWorld* world, Decide decide, void* maker, i64 step_ns
) noexcept nogil:
    cdef Py_ssize_t steps = 0
    while tick_advance(world, world.now_ns + step_ns):
        decide(maker, world)
        steps += 1
    return steps


cdef bint _request_of(
    TickWorld* world, int place, int action, i64 price, i64 lots
) noexcept nogil:
    cdef Request* request
    cdef i64 at_ns = world.now_ns + (
        _latency(world, &world.entry_at, world.now_ns).entry_ns
        if world.latency_count else world.entry_ns
    )
    if world.request_count == RING:
        return False
    if world.request_count:
        at_ns = max(at_ns, _request(world, world.request_count - 1).at_ns)
    request = _request(world, world.request_count)
    world.request_count += 1
    request.at_ns = at_ns
    request.price = price
    request.lots = lots
    request.order = place
    request.action = action
    return True


cdef int tick_send(
    TickWorld* world, bint bid, i64 price, i64 lots, i64 tag, bint post_only, bint rests
) noexcept nogil:
    cdef int place
    cdef TickOrder* order
    if world.free_count == 0:
        return NO_ORDER
    place = world.free_places[world.free_count - 1]
    if not _request_of(world, place, TICK_NEW, price, lots):
        return NO_ORDER
    world.free_count -= 1
    order = world.orders + place
    memset(order, 0, sizeof(TickOrder))
    order.price = price
    order.lots = order.left = lots
    order.tag = tag
    order.phase = PHASE_SENT
    order.bid = bid
    order.post_only = post_only
    order.rests = rests
    world.active[world.active_count] = place
    world.active_count += 1
    world.sent += 1
    return place


cdef bint tick_amend(TickWorld* world, int order, i64 price, i64 lots) noexcept nogil:
    if world.amends == AMEND_NONE or not _request_of(world, order, TICK_AMEND, price, lots):
        return False
    world.orders[order].amending += 1
    world.amended += 1
    return True


cdef bint tick_cancel(TickWorld* world, int order) noexcept nogil:
    cdef TickOrder* known = world.orders + order
    if not _request_of(world, order, TICK_CANCEL, known.price, known.lots):
        return False
    known.canceling = True
    world.cancels += 1
    return True


cdef void tick_sweep(TickWorld* world) noexcept nogil:
    cdef int at, kept = 0
    for at in range(world.active_count):
        if world.orders[world.active[at]].phase == PHASE_ENDED:
            world.orders[world.active[at]].phase = PHASE_FREE
            world.free_places[world.free_count] = world.active[at]
            world.free_count += 1
        else:
            world.active[kept] = world.active[at]
            kept += 1
    world.active_count = kept


cdef void tick_look_away(TickWorld* world) noexcept nogil:
    memset(&world.traded, 0, sizeof(Traded))
    world.traded.highest_bought = world.traded.lowest_sold = -1
