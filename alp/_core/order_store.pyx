"""Where orders are kept: found by either id, counted at worst, each trade once; all in C.

An event costs a look-up, a merge and a few additions; no memory is taken after the table was made.
Exposure is kept by difference: an order counts with what may still be filled of it, at the dearest
price it may rest at, until it is proven to have ended.
"""

from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset

from alp._core.order_life cimport (
    EVENT_FILL,
    EVENT_REPLACED,
    FLAG_ID_TAKEN,
    FLAG_MALFORMED,
    FLAG_MEMORY,
    FLAG_TRADE_DIFFERS,
    LifeEvent,
    OrderLife,
    is_terminal,
    life_derive,
    life_merge,
    life_open,
    open_notional,
)
from alp._core.uint256 cimport i64, i128, u64
from alp._core.wire cimport CLIENT_ID, VENUE_ID

cdef extern from *:
    int popcount "__builtin_popcount"(unsigned int) nogil


cdef u64 hash_bytes(const char* text, int room) noexcept nogil:
    """FNV-1a of a text up to its end, mixed; never 0."""
    cdef u64 value = <u64>0xCBF29CE484222325
    cdef int i = 0
    while i < room and text[i]:
        value = (value ^ <unsigned char>text[i]) * <u64>0x100000001B3
        i += 1
    return _mix(value)


cdef inline u64 _mix(u64 value) noexcept nogil:
    value = (value ^ (value >> 33)) * <u64>0xFF51AFD7ED558CCD
    value ^= value >> 33
    return value if value else 1


cdef void _index_put(Index* index, u64 hash, int value) noexcept nogil:
    cdef int at = <int>(hash & <u64>index.mask)
    while index.hashes[at]:
        at = (at + 1) & index.mask
    index.hashes[at], index.values[at] = hash, value


cdef void _index_drop(Index* index, u64 hash, int value) noexcept nogil:
    """Take an entry out and move up those that it kept from their place."""
    cdef int at = <int>(hash & <u64>index.mask)
    cdef int gap, home
    while index.hashes[at] != hash or index.values[at] != value:
        if index.hashes[at] == 0:
            return
        at = (at + 1) & index.mask
    gap = at
    while True:
        at = (at + 1) & index.mask
        if index.hashes[at] == 0:
            break
        home = <int>(index.hashes[at] & <u64>index.mask)
        if ((at - home) & index.mask) >= ((at - gap) & index.mask):
            index.hashes[gap], index.values[gap] = index.hashes[at], index.values[at]
            gap = at
    index.hashes[gap] = 0


cdef int orders_by_client(const Orders* orders, const char* client_id) noexcept nogil:
    """Return the place of an order by our id, -1 where there is none."""
    cdef u64 hash = hash_bytes(client_id, CLIENT_ID)
    cdef int at = <int>(hash & <u64>orders.by_client.mask)
    cdef int place
    while orders.by_client.hashes[at]:
        if orders.by_client.hashes[at] == hash:
            place = orders.by_client.values[at]
            if memcmp(orders.orders[place].client_id, client_id, CLIENT_ID) == 0:
                return place
        at = (at + 1) & orders.by_client.mask
    return -1


cdef int _find_id(const Orders* orders, const char* venue_id, u64 hash) noexcept nogil:
    """The entry of a venue's id: the order's place times MOST_VENUE_IDS, and which of its ids."""
    cdef int at = <int>(hash & <u64>orders.by_venue.mask)
    cdef int entry
    cdef const Order* order
    while orders.by_venue.hashes[at]:
        if orders.by_venue.hashes[at] == hash:
            entry = orders.by_venue.values[at]
            order = &orders.orders[entry / MOST_VENUE_IDS]
            if memcmp(order.ids[entry % MOST_VENUE_IDS].text, venue_id, VENUE_ID) == 0:
                return entry
        at = (at + 1) & orders.by_venue.mask
    return -1


cdef int orders_by_venue(const Orders* orders, const char* venue_id) noexcept nogil:
    """Return the place of an order by any id the venue gave it, -1 where there is none."""
    cdef int entry = _find_id(orders, venue_id, hash_bytes(venue_id, VENUE_ID))
    return -1 if entry < 0 else entry / MOST_VENUE_IDS


cdef int _note_id(Orders* orders, int place, const char* venue_id, bint replaced) noexcept nogil:
    """Know an order by an id too; 1: it is news, -1: another order's, or there is no place."""
    cdef u64 hash = hash_bytes(venue_id, VENUE_ID)
    cdef int entry = _find_id(orders, venue_id, hash)
    cdef Order* order = &orders.orders[place]
    cdef int which
    if entry >= 0:
        if entry / MOST_VENUE_IDS != place:
            order.life.sticky |= FLAG_ID_TAKEN
            return -1
        which = entry % MOST_VENUE_IDS
        if not replaced or order.ids[which].replaced:
            return 0
        order.ids[which].replaced = True
        return 1
    which = 0
    while which < MOST_VENUE_IDS and order.ids[which].hash:
        which += 1
    if which == MOST_VENUE_IDS:
        which = 0
        while which < MOST_VENUE_IDS and not order.ids[which].replaced:
            which += 1
        if which == MOST_VENUE_IDS:
            order.life.sticky |= FLAG_MEMORY
            return -1
        _index_drop(&orders.by_venue, order.ids[which].hash, place * MOST_VENUE_IDS + which)
    order.ids[which].hash = hash
    order.ids[which].replaced = replaced
    memcpy(order.ids[which].text, venue_id, VENUE_ID)
    _index_put(&orders.by_venue, hash, place * MOST_VENUE_IDS + which)
    return 1


cdef bint _note_ids(Orders* orders, int place, const LifeEvent* event) noexcept nogil:
    """Take the ids of an event over; an order has one that no other replaced."""
    cdef Order* order = &orders.orders[place]
    cdef bint news = False
    cdef int current = 0
    cdef int which
    if event.kind == EVENT_REPLACED and event.replaced[0]:
        news = _note_id(orders, place, event.replaced, True) > 0
    if event.venue_id[0]:
        news |= _note_id(orders, place, event.venue_id, False) > 0
    if news:
        for which in range(MOST_VENUE_IDS):
            if order.ids[which].hash and not order.ids[which].replaced:
                current += 1
        order.life.two_ids = current > 1
    return news


cdef inline u64 _trade_bucket(const Orders* orders, int place, u64 id) noexcept nogil:
    return _mix(id ^ (<u64>place << 32)) & <u64>orders.trade_mask


cdef inline void _add_traded(OrderLife* life, i64 quantity) noexcept nogil:
    cdef i64 room = most_traded() - life.traded
    life.traded += quantity if quantity < room else room


cdef int _note_trade(Orders* orders, int place, const LifeEvent* event) noexcept nogil:
    """Count a trade once, however often it is told; of two tellings the larger."""
    cdef u64 bucket = _trade_bucket(orders, place, event.trade)
    cdef int at = orders.trade_buckets[bucket]
    cdef OrderLife* life = &orders.orders[place].life
    cdef Trade* trade
    while at >= 0:
        trade = &orders.trades[at]
        if trade.id == event.trade and trade.order == place:
            if trade.quantity == event.quantity and trade.price == event.price:
                return REPEATED
            life.sticky |= FLAG_TRADE_DIFFERS
            if event.quantity > trade.quantity:
                _add_traded(life, event.quantity - trade.quantity)
                trade.quantity, trade.price = event.quantity, event.price
            elif event.quantity == trade.quantity and event.price > trade.price:
                trade.price = event.price
            return NEWS
        at = trade.next_same
    at = orders.free_trade
    if at < 0:
        life.sticky |= FLAG_MEMORY
        return NO_ROOM
    trade = &orders.trades[at]
    orders.free_trade = trade.next_order
    trade.id, trade.quantity, trade.price, trade.order = (
        event.trade, event.quantity, event.price, place
    )
    trade.next_same = orders.trade_buckets[bucket]
    orders.trade_buckets[bucket] = at
    trade.next_order = orders.orders[place].trades
    orders.orders[place].trades = at
    _add_traded(life, event.quantity)
    return NEWS


cdef void _forget_trades(Orders* orders, int place) noexcept nogil:
    cdef int at = orders.orders[place].trades
    cdef int following
    cdef int* link
    while at >= 0:
        link = &orders.trade_buckets[_trade_bucket(orders, place, orders.trades[at].id)]
        while link[0] != at:
            link = &orders.trades[link[0]].next_same
        link[0] = orders.trades[at].next_same
        following = orders.trades[at].next_order
        orders.trades[at].next_order = orders.free_trade
        orders.free_trade = at
        at = following
    orders.orders[place].trades = -1


cdef void _list(Orders* orders, int place, bint listed) noexcept nogil:
    """Put an order among the open ones of its instrument and side, or take it out."""
    cdef Order* order = &orders.orders[place]
    cdef int* first = &orders.books[order.instrument].first[BUY if order.life.side > 0 else SELL]
    if order.listed == listed:
        return
    order.listed = listed
    if listed:
        order.previous, order.next = -1, first[0]
        if first[0] >= 0:
            orders.orders[first[0]].previous = place
        first[0] = place
        orders.counts.live += 1
        return
    if order.previous >= 0:
        orders.orders[order.previous].next = order.next
    else:
        first[0] = order.next
    if order.next >= 0:
        orders.orders[order.next].previous = order.previous
    orders.counts.live -= 1


cdef void _recount(Orders* orders, int place, i64 filled, i64 at_ns) noexcept nogil:
    """Bring position and exposure up to what the order now is."""
    cdef Order* order = &orders.orders[place]
    cdef OrderLife* life = &order.life
    cdef InstrumentBook* book = &orders.books[order.instrument]
    cdef GroupBook* total = &orders.totals[book.group]
    cdef int side = BUY if life.side > 0 else SELL
    cdef i64 more = life.filled - filled
    cdef i64 opened = life.open_quantity - order.open_quantity
    cdef i128 notional = open_notional(life)
    if more:
        book.position += more * life.side
        total.net += <i128>more * life.side * book.unit
        book.fill_ns[side][book.fills[side] % FILL_TIMES] = at_ns
        book.fills[side] += 1
    book.open_quantity[side] += opened
    total.open_quantity[side] += <i128>opened * book.unit
    book.open_notional[side] += notional - order.notional
    order.open_quantity, order.notional = life.open_quantity, notional
    _list(orders, place, not is_terminal(life.state))


cdef int orders_open(
    Orders* orders, const char* client_id, int instrument, int side, i64 price, i64 quantity
) noexcept nogil:
    """Begin an order's life: from here on it counts."""
    cdef int place = orders.free_order
    cdef Order* order
    if instrument < 0 or instrument >= orders.instruments or (side != 1 and side != -1):
        return BAD_TERMS
    if not (0 < price <= largest() and 0 < quantity <= largest()) or client_id[0] == 0:
        return BAD_TERMS
    if orders_by_client(orders, client_id) >= 0:
        return ID_IN_USE
    if place < 0:
        return TABLE_FULL
    order = &orders.orders[place]
    orders.free_order = order.next
    memset(order, 0, sizeof(Order))
    order.used = True
    order.instrument = instrument
    order.trades = -1
    memcpy(order.client_id, client_id, CLIENT_ID)
    order.client_hash = hash_bytes(client_id, CLIENT_ID)
    _index_put(&orders.by_client, order.client_hash, place)
    life_open(&order.life, side, price, quantity)
    _recount(orders, place, 0, 0)
    return place


cdef int orders_apply(Orders* orders, int place, const LifeEvent* event) noexcept nogil:
    """Take in what happened to an order; says whether it was news."""
    cdef Order* order
    cdef OrderLife* life
    cdef unsigned int flags
    cdef i64 filled
    cdef int merged
    cdef int outcome = REPEATED
    orders.counts.events += 1
    if place < 0 or place >= orders.capacity or not orders.orders[place].used:
        orders.counts.strangers += 1
        return STRANGER
    order = &orders.orders[place]
    life = &order.life
    flags, filled = life.flags, life.filled
    if (
        event.price > largest() or event.quantity > largest() or event.cumulative > largest()
    ):
        life.sticky |= FLAG_MALFORMED
        merged = -1
    else:
        merged = life_merge(life, event)
    if merged == -1:
        orders.counts.impossible += 1
        outcome = IMPOSSIBLE
    elif merged == -2:
        outcome = NO_ROOM
    else:
        if merged:
            outcome = NEWS
        if event.kind == EVENT_FILL:
            merged = _note_trade(orders, place, event)
            if merged != REPEATED:
                outcome = merged
        if _note_ids(orders, place, event) and outcome == REPEATED:
            outcome = NEWS
        if event.command > order.commands:
            order.commands = event.command
    if outcome == REPEATED:
        orders.counts.repeated += 1
    elif outcome == NO_ROOM:
        orders.counts.no_room += 1
    life_derive(life)
    if life.flags != flags:
        orders.counts.contradictions += popcount(life.flags & ~flags)
        orders.counts.contradictory += (life.flags != 0) - (flags != 0)
    _recount(orders, place, filled, event.at_ns)
    return outcome


cdef int orders_release(Orders* orders, int place) noexcept nogil:
    cdef Order* order = &orders.orders[place]
    cdef int which
    if not is_terminal(order.life.state):
        return -1
    _forget_trades(orders, place)
    for which in range(MOST_VENUE_IDS):
        if order.ids[which].hash:
            _index_drop(&orders.by_venue, order.ids[which].hash, place * MOST_VENUE_IDS + which)
    _index_drop(&orders.by_client, order.client_hash, place)
    if order.life.flags:
        orders.counts.contradictory -= 1
    order.used = False
    order.next = orders.free_order
    orders.free_order = place
    return 0


cdef int _make_index(Index* index, int entries) noexcept nogil:
    cdef int room = 8
    while room < 2 * entries:
        room *= 2
    index.mask = room - 1
    index.hashes = <u64*>calloc(room, sizeof(u64))
    index.values = <int*>calloc(room, sizeof(int))
    return index.hashes == NULL or index.values == NULL


cdef int orders_create(
    Orders* orders, int capacity, int trades, int instruments, int groups
) noexcept nogil:
    """Take the memory; nonzero where there is not enough."""
    cdef int i
    cdef int buckets = 1
    while buckets < trades:
        buckets *= 2
    orders.capacity, orders.trade_capacity = capacity, trades
    orders.instruments, orders.groups = instruments, groups
    orders.orders = <Order*>calloc(capacity, sizeof(Order))
    orders.trades = <Trade*>calloc(trades, sizeof(Trade))
    orders.books = <InstrumentBook*>calloc(instruments, sizeof(InstrumentBook))
    orders.totals = <GroupBook*>calloc(groups, sizeof(GroupBook))
    orders.trade_buckets = <int*>calloc(buckets, sizeof(int))
    orders.trade_mask = buckets - 1
    if (
        _make_index(&orders.by_client, capacity)
        or _make_index(&orders.by_venue, capacity * MOST_VENUE_IDS)
        or orders.orders == NULL or orders.trades == NULL or orders.books == NULL
        or orders.totals == NULL or orders.trade_buckets == NULL
    ):
        return -1
    memset(orders.trade_buckets, -1, buckets * sizeof(int))
    for i in range(capacity):
        orders.orders[i].next = i + 1 if i + 1 < capacity else -1
    for i in range(trades):
        orders.trades[i].next_order = i + 1 if i + 1 < trades else -1
    for i in range(instruments):
        orders.books[i].unit = 1
        orders.books[i].first[BUY] = orders.books[i].first[SELL] = -1
    return 0


cdef void orders_destroy(Orders* orders) noexcept nogil:
    free(orders.orders)
    free(orders.trades)
    free(orders.trade_buckets)
    free(orders.books)
    free(orders.totals)
    free(orders.by_client.hashes)
    free(orders.by_client.values)
    free(orders.by_venue.hashes)
    free(orders.by_venue.values)
