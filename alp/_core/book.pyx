"""The order book of one instrument, by level; see ``book.pxd`` for its shape."""

from libc.stdlib cimport calloc, free, malloc, qsort
from libc.string cimport memset

from alp._core.uint256 cimport clz64, ctz64, i64, i128, u64, u128, u128_to_int

cdef enum:
    FIRST_FAR_ROOM = 1024
    # Where the best level is put when the window moves, and how far it may wander.
    HOME = 8192                 # from the window's better edge
    NEAREST = 1024
    FARTHEST = 16384


cdef inline u64 _hash(i64 price) noexcept nogil:
    cdef u64 x = <u64>price * <u64>0x9E3779B97F4A7C15
    return x ^ (x >> 32)


cdef int far_create(FarLevels* far, i64 room) noexcept nogil:
    far.places = <Level*>calloc(room, sizeof(Level))
    far.used = <unsigned char*>calloc(room, 1)
    far.room = room
    far.taken = far.count = 0
    return 0 if far.places != NULL and far.used != NULL else 1


cdef void far_destroy(FarLevels* far) noexcept nogil:
    free(far.places)
    free(far.used)
    far.places = NULL
    far.used = NULL


cdef int far_rehash(FarLevels* far) noexcept nogil:
    """Make room: tombstones go, and twice the places come where levels fill half of them."""
    cdef FarLevels old = far[0]
    cdef i64 i
    if far_create(far, 2 * old.room if 2 * old.count > old.room else old.room):
        far_destroy(far)
        far[0] = old
        return 1
    for i in range(old.room):
        if old.used[i] and old.places[i].quantity:
            far_set(far, old.places[i].price, old.places[i].quantity)
    far_destroy(&old)
    return 0


cdef i64 far_find(const FarLevels* far, i64 price) noexcept nogil:
    """Its place, or the free one where it would go."""
    cdef u64 mask = <u64>far.room - 1
    cdef u64 place = _hash(price) & mask
    while far.used[place] and far.places[place].price != price:
        place = (place + 1) & mask
    return <i64>place


cdef int far_set(FarLevels* far, i64 price, i64 quantity) noexcept nogil:
    """Set or remove a level; -1 where memory ran out, else the change in the number of levels + 1."""
    cdef i64 place = far_find(far, price)
    cdef bint before
    if not far.used[place]:
        if quantity == 0:
            return 1
        if 4 * (far.taken + 1) > 3 * far.room:
            if far_rehash(far):
                return -1
            place = far_find(far, price)
        far.used[place] = 1
        far.taken += 1
        far.places[place].price = price
        far.places[place].quantity = 0
    before = far.places[place].quantity != 0
    far.places[place].quantity = quantity
    far.count += (quantity != 0) - before
    return 1 + (quantity != 0) - before


cdef int side_create(Side* side, bint bid) noexcept nogil:
    memset(side, 0, sizeof(Side))
    side.bid = bid
    side.best = -1
    side.quantity = <i64*>calloc(SLOTS, sizeof(i64))
    return far_create(&side.far, FIRST_FAR_ROOM) or side.quantity == NULL


cdef void side_clear(Side* side) noexcept nogil:
    memset(side.quantity, 0, SLOTS * sizeof(i64))
    memset(side.words, 0, sizeof(side.words))
    memset(side.groups, 0, sizeof(side.groups))
    memset(side.far.used, 0, side.far.room)
    side.far.taken = side.far.count = side.count = 0
    side.best = -1
    side.astray = False


cdef int book_create(BookState* book) noexcept nogil:
    cdef int failed = side_create(&book.bids, True)
    return side_create(&book.asks, False) or failed


cdef void side_destroy(Side* side) noexcept nogil:
    free(side.quantity)
    side.quantity = NULL
    far_destroy(&side.far)


cdef void book_destroy(BookState* book) noexcept nogil:
    side_destroy(&book.bids)
    side_destroy(&book.asks)


cdef void book_clear(BookState* book) noexcept nogil:
    side_clear(&book.bids)
    side_clear(&book.asks)


cdef inline int _below(const Side* side, int slot) noexcept nogil:
    """The highest slot with a level below ``slot``, or -1."""
    cdef int word = slot >> 6
    cdef int group
    cdef u64 bits = side.words[word] & ((<u64>1 << (slot & 63)) - 1)
    if bits:
        return word * 64 + 63 - clz64(bits)
    group = word >> 6
    bits = side.groups[group] & ((<u64>1 << (word & 63)) - 1)
    while bits == 0:
        group -= 1
        if group < 0:
            return -1
        bits = side.groups[group]
    word = group * 64 + 63 - clz64(bits)
    return word * 64 + 63 - clz64(side.words[word])


cdef inline int _above(const Side* side, int slot) noexcept nogil:
    """The lowest slot with a level above ``slot``, or -1."""
    cdef int word = slot >> 6
    cdef int group
    # two shifts, since one by 64 is undefined
    cdef u64 bits = side.words[word] & (<u64>0xFFFFFFFFFFFFFFFF << (slot & 63) << 1)
    if bits:
        return word * 64 + ctz64(bits)
    group = word >> 6
    bits = side.groups[group] & (<u64>0xFFFFFFFFFFFFFFFF << (word & 63) << 1)
    while bits == 0:
        group += 1
        if group == GROUPS:
            return -1
        bits = side.groups[group]
    word = group * 64 + ctz64(bits)
    return word * 64 + ctz64(side.words[word])


cdef inline int _next(const Side* side, int slot) noexcept nogil:
    """The next worse slot with a level, or -1."""
    return _below(side, slot) if side.bid else _above(side, slot)


cdef void side_lost_best(Side* side) noexcept nogil:
    side.best = _next(side, side.best)
    if side.best < 0 and side.far.count:
        side.astray = True


cdef int side_set_far(Side* side, i64 price, i64 quantity) noexcept nogil:
    cdef int change = far_set(&side.far, price, quantity)
    if change < 0:
        return 1
    side.count += change - 1
    if quantity and (side.best < 0 or (price > side.base if side.bid else price < side.base)):
        side.astray = True
    return 0


cdef i64 _best_far(const Side* side) noexcept nogil:
    """The best far price; there is one."""
    cdef i64 i
    cdef i64 best = 0
    cdef bint found = False
    for i in range(side.far.room):
        if side.far.used[i] and side.far.places[i].quantity:
            if not found or (
                side.far.places[i].price > best if side.bid else side.far.places[i].price < best
            ):
                best = side.far.places[i].price
                found = True
    return best


cdef int _move_window(Side* side, i64 best) noexcept nogil:
    """Put the window where ``best`` is at home; levels change between it and the far ones."""
    cdef i64 base = best + HOME - SLOTS if side.bid else best - HOME
    cdef i64 count = side.count
    cdef i64 i
    cdef int slot, word
    cdef u64 bits
    cdef FarLevels* far = &side.far
    # Everything goes into the table, the window is emptied, and what is near comes back.
    for word in range(WORDS):
        bits = side.words[word]
        while bits:
            slot = word * 64 + ctz64(bits)
            bits &= bits - 1
            if far_set(far, side.base + slot, side.quantity[slot]) < 0:
                return 1
            side.quantity[slot] = 0
        side.words[word] = 0
    memset(side.groups, 0, sizeof(side.groups))
    side.base = base
    side.best = -1
    for i in range(far.room):
        if far.used[i] and far.places[i].quantity and 0 <= far.places[i].price - base < SLOTS:
            side_set(side, far.places[i].price, far.places[i].quantity)
            far.places[i].quantity = 0
            far.count -= 1
    side.count = count
    side.astray = False
    return 0


cdef int _settle(Side* side) noexcept nogil:
    cdef i64 best
    cdef int from_edge
    if side.best < 0 and side.far.count == 0:
        side.astray = False
        return 0
    if side.astray or side.best < 0:
        best = side.base + side.best
        if side.far.count:
            if side.best < 0:
                best = _best_far(side)
            else:
                best = max(best, _best_far(side)) if side.bid else min(best, _best_far(side))
        if side.best >= 0 and best == side.base + side.best:
            side.astray = False
            return 0
        return _move_window(side, best)
    from_edge = SLOTS - 1 - side.best if side.bid else side.best
    if NEAREST <= from_edge < FARTHEST:
        return 0
    return _move_window(side, side.base + side.best)


cdef int book_settle(BookState* book) noexcept nogil:
    """After a message's last change: the best levels are right and the windows are in place."""
    return _settle(&book.bids) or _settle(&book.asks)


cdef inline int _worst(const Side* side) noexcept nogil:
    """The worst slot with a level; there is one."""
    if side.quantity[0 if side.bid else SLOTS - 1]:
        return 0 if side.bid else SLOTS - 1
    return _above(side, 0) if side.bid else _below(side, SLOTS - 1)


cdef void _drop_worst_far(Side* side) noexcept nogil:
    cdef FarLevels* far = &side.far
    cdef i64 worst = -1
    cdef i64 i
    for i in range(far.room):
        if far.used[i] and far.places[i].quantity:
            if worst < 0 or (
                far.places[i].price < far.places[worst].price if side.bid
                else far.places[i].price > far.places[worst].price
            ):
                worst = i
    far.places[worst].quantity = 0
    far.count -= 1
    side.count -= 1


cdef void side_truncate(Side* side, i64 depth) noexcept nogil:
    # Far levels are worse than all of the window once the book is settled.
    while side.count > depth:
        if side.far.count:
            _drop_worst_far(side)
        else:
            side_set(side, side.base + _worst(side), 0)


cdef int _rising(const void* a, const void* b) noexcept nogil:
    cdef i64 left = (<const Level*>a).price
    cdef i64 right = (<const Level*>b).price
    return (left > right) - (left < right)


cdef Py_ssize_t _far_depth(const Side* side, Level* levels, Py_ssize_t most) noexcept nogil:
    """The best far levels beyond the window, sorted; -1 where memory ran out."""
    cdef Level* all = <Level*>malloc(side.far.count * sizeof(Level))
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t taken, k
    cdef i64 i
    if all == NULL:
        return -1
    for i in range(side.far.room):
        if side.far.used[i] and side.far.places[i].quantity:
            all[found] = side.far.places[i]
            found += 1
    qsort(all, found, sizeof(Level), _rising)
    taken = min(found, most)
    for k in range(taken):
        levels[k] = all[found - 1 - k] if side.bid else all[k]
    free(all)
    return taken


cdef Py_ssize_t side_depth(const Side* side, Level* levels, Py_ssize_t most) noexcept nogil:
    """Write up to ``most`` levels, best first; how many, or -1 where memory ran out.

    Allocates only where the window holds fewer.
    """
    cdef Py_ssize_t found = 0
    cdef Py_ssize_t more
    cdef int slot = side.best
    while slot >= 0 and found < most:
        levels[found].price = side.base + slot
        levels[found].quantity = side.quantity[slot]
        found += 1
        slot = _next(side, slot)
    if found == most or side.far.count == 0:
        return found
    more = _far_depth(side, levels + found, most - found)
    return -1 if more < 0 else found + more


cdef i64 side_at(const Side* side, i64 price) noexcept nogil:
    cdef u64 slot = <u64>price - <u64>side.base
    cdef i64 place
    if slot < <u64>SLOTS:
        return side.quantity[slot]
    place = far_find(&side.far, price)
    return side.far.places[place].quantity if side.far.used[place] else 0


cdef class Book:
    """An order book by level, for one instrument.

    Prices are whole ticks, quantities whole lots; both sides are empty at first. Best first
    everywhere: bids fall, asks rise.
    """

    def __cinit__(self):
        if book_create(&self.state):
            raise MemoryError

    def __dealloc__(self):
        book_destroy(&self.state)

    cdef const Side* _side(self, bint bid) noexcept nogil:
        return &self.state.bids if bid else &self.state.asks

    def clear(self):
        """Empty both sides."""
        book_clear(&self.state)

    def apply(self, bids, asks):
        """Set absolute quantities, ``(price, quantity)`` each; 0 removes a level.

        Raises
        ------
        ValueError
            If a quantity is negative; nothing was applied.
        MemoryError
            If there is no room; the book is empty then.
        """
        cdef i64 price, quantity
        cdef int failed = 0
        changes = [*bids], [*asks]
        for side in changes:
            for _, amount in side:
                if amount < 0:
                    raise ValueError(f"a quantity of {amount} lots")
        for price, quantity in changes[0]:
            failed |= side_set(&self.state.bids, price, quantity)
        for price, quantity in changes[1]:
            failed |= side_set(&self.state.asks, price, quantity)
        if failed or book_settle(&self.state):
            book_clear(&self.state)
            raise MemoryError

    def truncate(self, i64 depth):
        """Keep the best ``depth`` levels of each side."""
        side_truncate(&self.state.bids, depth)
        side_truncate(&self.state.asks, depth)

    @property
    def best_bid(self):
        """(price, quantity) of the best bid, or None."""
        return self._best(True)

    @property
    def best_ask(self):
        """(price, quantity) of the best ask, or None."""
        return self._best(False)

    def _best(self, bint bid):
        cdef i64 price, quantity
        if not side_best(self._side(bid), &price, &quantity):
            return None
        return price, quantity

    @property
    def crossed(self):
        """Whether the best bid is at or above the best ask."""
        return book_crossed(&self.state)

    @property
    def counts(self):
        """How many bids and asks there are."""
        return self.state.bids.count, self.state.asks.count

    def depth(self, bint bid, Py_ssize_t most):
        """Return up to ``most`` levels of one side, ``(price, quantity)``."""
        cdef const Side* side = self._side(bid)
        cdef Py_ssize_t room = min(max(most, 0), <Py_ssize_t>side.count)
        cdef Level* levels
        cdef Py_ssize_t found
        if room == 0:
            return []
        levels = <Level*>malloc(room * sizeof(Level))
        if levels == NULL:
            raise MemoryError
        try:
            found = side_depth(side, levels, room)
            if found < 0:
                raise MemoryError
            return [(levels[i].price, levels[i].quantity) for i in range(found)]
        finally:
            free(levels)

    def volume_to(self, bint bid, i64 price):
        """Return the lots of one side at ``price`` or better."""
        total = 0
        for level, quantity in self.depth(bid, self._side(bid).count):
            if (level < price) if bid else (level > price):
                break
            total += quantity
        return total

    def cost_of(self, bint bid, i64 quantity):
        """Return ``(lots filled, ticks times lots)`` of taking up to ``quantity`` from one side.

        The volume-weighted average price in ticks is the second over the first.
        """
        cdef u128 cost = 0
        cdef i64 left = quantity
        cdef i64 part
        cdef const Side* side = self._side(bid)
        cdef int slot = side.best
        while slot >= 0 and left > 0:
            part = min(left, side.quantity[slot])
            cost += <u128>part * <u128>(side.base + slot)
            left -= part
            slot = _next(side, slot)
        total = u128_to_int(cost)
        if left > 0 and side.far.count:
            for level, there in self.depth(bid, side.count)[side.count - side.far.count:]:
                part = min(left, <i64>there)
                total += part * level
                left -= part
                if left <= 0:
                    break
        return quantity - left, total

    def imbalance(self, Py_ssize_t levels):
        """Return ``(bids - asks) / (bids + asks)`` in lots over the best levels; 0.0 where empty."""
        bids = sum(quantity for _, quantity in self.depth(True, levels))
        asks = sum(quantity for _, quantity in self.depth(False, levels))
        return (bids - asks) / (bids + asks) if bids + asks else 0.0

    @property
    def microprice(self):
        """The touch weighted by the opposite quantities, in ticks; None where a side is empty."""
        cdef i64 bid, ask, bids, asks
        if not side_best(&self.state.bids, &bid, &bids):
            return None
        if not side_best(&self.state.asks, &ask, &asks):
            return None
        return (<double>bid * <double>asks + <double>ask * <double>bids) / (
            <double>asks + <double>bids
        )
