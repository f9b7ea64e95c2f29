"""Matches orders of ours with one market's book, as its venue would have.

Resting orders wait behind what was visible when they came, see :class:`QueueModel`; they are filled
by trades that reach them and by levels of the other side at their price or through it. Orders
that can trade take the visible book, and what they took is not there again until the level is
told anew. Two orders of ours meet by price and time as any two would.
"""

from enum import IntEnum
from typing import NamedTuple

from libc.stdlib cimport calloc, free
from libc.string cimport memmove

from alp._core.market_ladder cimport (
    Ladder,
    Level,
    ladder_best,
    ladder_level,
    ladder_put,
)
from alp._core.queue_models cimport (
    AHEAD_BITS,
    LARGEST_EXPONENT,
    largest_quantity,
    queue_after_change,
    queue_after_removal,
    queue_after_trade,
    queue_ahead_share,
    queue_at_end,
    queue_trade_reaches,
)

LARGEST = 2**48 - 1
MARKET_PRICE = 2**60


class QueueModel(IntEnum):
    """What a smaller level says of an order that waits in it."""

    CONSERVATIVE = QUEUE_CONSERVATIVE
    """Only trades bring it forward; what left otherwise was behind it, as far as it can be."""
    POWER = QUEUE_POWER
    """What left was ahead with probability aheadⁿ / (aheadⁿ + behindⁿ); its expectation counts."""
    LOG = QUEUE_LOG
    """The same with log(1 + quantity)."""
    FIFO = QUEUE_FIFO
    """Each order that leaves is named, see :meth:`Matcher.removal`."""


class Prevention(IntEnum):
    """What happens when an order meets one of its own account; the mode is the taker's."""

    NONE = PREVENT_NONE
    TAKER = PREVENT_TAKER
    MAKER = PREVENT_MAKER
    BOTH = PREVENT_BOTH
    DECREMENT = PREVENT_DECREMENT


class MatchKind(IntEnum):
    """What a match did to an order."""

    FILL = MATCH_FILL
    EXPIRED = MATCH_EXPIRED
    PREVENTED = MATCH_PREVENTED


class OrderMatch(NamedTuple):
    """One side of a match; two orders of ours make two of them, the taker's first."""

    place: int
    other: int
    kind: int
    maker: bool
    price: int
    quantity: int
    left: int


class Placed(NamedTuple):
    """What became of an order at once: its place, whether it rests, what is left, its matches."""

    place: int
    rests: bool
    left: int
    matches: list[OrderMatch]


cdef inline i64 _key(bint bid, i64 price) noexcept nogil:
    return price if bid else -price


cdef inline i64 _at_most(i64 quantity) noexcept nogil:
    if quantity > largest_quantity():
        return largest_quantity()
    return quantity if quantity > 0 else 0


cdef int matching_create(
    Matching* market, int model, int exponent, int orders, int levels, int room
) noexcept nogil:
    cdef int place, side
    market.model = model
    market.exponent = exponent
    market.capacity = orders
    market.room = room
    market.orders = <Resting*>calloc(orders, sizeof(Resting))
    market.matches = <Match*>calloc(room, sizeof(Match))
    for side in range(2):
        market.first[side] = NOBODY
        market.sides[side].capacity = levels
        market.sides[side].levels = <Level*>calloc(levels, sizeof(Level))
    if (
        market.orders == NULL
        or market.matches == NULL
        or market.sides[0].levels == NULL
        or market.sides[1].levels == NULL
    ):
        return -1
    for place in range(orders):
        market.orders[place].next = place + 1 if place + 1 < orders else NOBODY
    market.free = 0
    return 0


cdef void matching_destroy(Matching* market) noexcept nogil:
    free(market.orders)
    free(market.matches)
    free(market.sides[0].levels)
    free(market.sides[1].levels)


cdef inline void _record(
    Matching* market, int place, int other, int kind, bint maker, i64 price, i64 quantity
) noexcept nogil:
    cdef Match* match = market.matches + market.found
    match.order = place
    match.other = other
    match.kind = kind
    match.maker = maker
    match.price = price
    match.quantity = quantity
    match.left = market.orders[place].left
    market.found += 1


cdef inline void _fill_maker(Matching* market, int place, int other, i64 lots) noexcept nogil:
    """Let a resting order trade at its price; it leaves its queue when nothing is left of it."""
    cdef Resting* order = market.orders + place
    order.left -= lots
    _record(market, place, other, MATCH_FILL, True, order.price, lots)
    if order.left == 0:
        matching_unlink(market, place)
        matching_free(market, place)


cdef void _cross(Matching* market, bint bid, i64 price) noexcept nogil:
    """Let a level of the market trade with our resting orders that it meets."""
    cdef Level* level = ladder_level(&market.sides[bid], _key(bid, price))
    cdef int place = market.first[not bid], behind
    cdef i64 lots
    while level != NULL and place != NOBODY and level.size > level.taken:
        if _key(not bid, market.orders[place].price) < _key(not bid, price):
            break
        behind = market.orders[place].next
        lots = min(market.orders[place].left, level.size - level.taken)
        level.taken += lots
        _fill_maker(market, place, NOBODY, lots)
        place = behind


cdef void matching_level(Matching* market, bint bid, i64 price, i64 size) noexcept nogil:
    cdef i64 after = _at_most(size)
    cdef i64 before = ladder_put(&market.sides[bid], _key(bid, price), after)
    cdef int place = market.first[bid]
    cdef Resting* order
    while place != NOBODY:
        order = market.orders + place
        if _key(bid, order.price) < _key(bid, price):
            break
        if order.price == price:
            order.ahead = queue_after_change(
                market.model, market.exponent, order.ahead, before, after, order.traded
            )
            order.traded = 0
        place = order.next
    if after:
        _cross(market, bid, price)


cdef void matching_cut(Matching* market, int levels) noexcept nogil:
    cdef int side, gone
    cdef Ladder* ladder
    for side in range(2):
        ladder = &market.sides[side]
        gone = ladder.count - levels
        if gone > 0:
            memmove(ladder.levels, ladder.levels + gone, levels * sizeof(Level))
            ladder.count = levels


cdef void matching_trade(Matching* market, bint bought, i64 price, i64 lots) noexcept nogil:
    cdef bint bid = not bought
    cdef int place = market.first[bid], behind
    cdef i64 left = _at_most(lots), filled
    cdef Resting* order
    lots = left
    while place != NOBODY:  # to the last at the price: each remembers what was traded there
        order = market.orders + place
        if _key(bid, order.price) < _key(bid, price):
            break
        behind = order.next
        filled = left
        if order.price == price:
            order.traded = _at_most(order.traded + lots)
            filled = queue_trade_reaches(order.ahead, left)
            order.ahead = queue_after_trade(order.ahead, left)
        if filled > 0:
            filled = min(filled, order.left)
            left -= filled
            _fill_maker(market, place, NOBODY, filled)
        place = behind


cdef void matching_removal(
    Matching* market, bint bid, i64 price, i64 lots, u64 entered
) noexcept nogil:
    cdef int place = market.first[bid]
    cdef Resting* order
    while place != NOBODY:
        order = market.orders + place
        if order.price == price:
            order.ahead = queue_after_removal(order.ahead, _at_most(lots), entered, order.entered)
        place = order.next


cdef int matching_open(
    Matching* market, int account, bint bid, i64 price, i64 lots, int prevention
) noexcept nogil:
    cdef int place = market.free
    cdef Resting* order
    if place == NOBODY:
        return NO_PLACE
    order = market.orders + place
    market.free = order.next
    order.account = account
    order.bid = bid
    order.price = price
    order.left = lots
    order.prevention = prevention
    order.rests = False
    order.used = True
    order.traded = 0
    order.ahead = 0
    return place


cdef inline void _consume(Matching* market, bint bid, i64 price, i64 lots) noexcept nogil:
    """Bring forward our orders at a price of whose level one of ours took so much."""
    cdef int place = market.first[bid]
    while place != NOBODY and market.orders[place].price == price:
        market.orders[place].ahead = queue_after_trade(market.orders[place].ahead, lots)
        place = market.orders[place].next


cdef inline void _expire(Matching* market, int place, int other, bint maker) noexcept nogil:
    cdef Resting* order = market.orders + place
    cdef i64 left = order.left
    order.left = 0
    _record(market, place, other, MATCH_EXPIRED, maker, order.price, left)
    if maker:
        matching_unlink(market, place)
        matching_free(market, place)


cdef void _prevent(Matching* market, int place, int first) noexcept nogil:
    """Do what the taker's mode says instead of a trade with its own account."""
    cdef Resting* taker = market.orders + place
    cdef Resting* maker = market.orders + first
    cdef i64 lots = min(taker.left, maker.left)
    if taker.prevention == PREVENT_DECREMENT:
        taker.left -= lots
        maker.left -= lots
        _record(market, place, first, MATCH_PREVENTED, False, maker.price, lots)
        _record(market, first, place, MATCH_PREVENTED, True, maker.price, lots)
        if maker.left == 0:
            matching_unlink(market, first)
            matching_free(market, first)
        return
    if taker.prevention != PREVENT_TAKER:
        _expire(market, first, place, True)
    if taker.prevention != PREVENT_MAKER:
        _expire(market, place, first, False)


cdef int matching_take(Matching* market, int place) noexcept nogil:
    cdef Resting* taker = market.orders + place
    cdef Resting* maker
    cdef bint other = not taker.bid
    cdef Level* level
    cdef int first
    cdef i64 limit = _key(other, taker.price), market_key, own_key, lots, ahead
    while taker.left > 0:
        if market.found + 2 > market.room:
            return MORE
        level = ladder_best(&market.sides[other])
        first = market.first[other]
        if level != NULL and level.key < limit:
            level = NULL
        if first != NOBODY and _key(other, market.orders[first].price) < limit:
            first = NOBODY
        if level == NULL and first == NOBODY:
            return DONE
        if first == NOBODY or (
            level != NULL and level.key > _key(other, market.orders[first].price)
        ):
            lots = min(taker.left, level.size - level.taken)
        else:
            maker = market.orders + first
            own_key = _key(other, maker.price)
            ahead = (maker.ahead + ((<i64>1 << AHEAD_BITS) - 1)) >> AHEAD_BITS
            if level == NULL or level.key < own_key or ahead == 0:
                if maker.account == taker.account and taker.prevention != PREVENT_NONE:
                    _prevent(market, place, first)
                    continue
                lots = min(taker.left, maker.left)
                taker.left -= lots
                _record(market, place, first, MATCH_FILL, False, maker.price, lots)
                _fill_maker(market, first, place, lots)
                continue
            lots = min(taker.left, min(level.size - level.taken, ahead))
        market_key = level.key
        level.taken += lots
        taker.left -= lots
        _record(market, place, NOBODY, MATCH_FILL, False, _key(other, market_key), lots)
        _consume(market, other, _key(other, market_key), lots)
    return DONE


cdef void matching_rest(Matching* market, int place) noexcept nogil:
    cdef Resting* order = market.orders + place
    cdef bint bid = order.bid
    cdef int behind = market.first[bid], before = NOBODY
    while behind != NOBODY:
        if _key(bid, market.orders[behind].price) < _key(bid, order.price):
            break
        before = behind
        behind = market.orders[behind].next
    order.next = behind
    order.previous = before
    if before == NOBODY:
        market.first[bid] = place
    else:
        market.orders[before].next = place
    if behind != NOBODY:
        market.orders[behind].previous = place
    market.stamp += 1
    order.entered = market.stamp
    order.ahead = queue_at_end(matching_visible(market, bid, order.price))
    order.traded = 0
    order.rests = True
    market.resting += 1


cdef void matching_unlink(Matching* market, int place) noexcept nogil:
    cdef Resting* order = market.orders + place
    if not order.rests:
        return
    if order.previous == NOBODY:
        market.first[order.bid] = order.next
    else:
        market.orders[order.previous].next = order.next
    if order.next != NOBODY:
        market.orders[order.next].previous = order.previous
    order.rests = False
    market.resting -= 1


cdef void matching_free(Matching* market, int place) noexcept nogil:
    cdef Resting* order = market.orders + place
    order.used = False
    order.next = market.free
    market.free = place


cdef i64 matching_available(
    const Matching* market, bint bid, i64 price, i64 most, int without
) noexcept nogil:
    cdef bint other = not bid
    cdef const Ladder* ladder = &market.sides[other]
    cdef int at = ladder.count - 1, place = market.first[other]
    cdef i64 limit = _key(other, price), found = 0
    while at >= 0 and found < most and ladder.levels[at].key >= limit:
        found += ladder.levels[at].size - ladder.levels[at].taken
        at -= 1
    while place != NOBODY and found < most:
        if _key(other, market.orders[place].price) < limit:
            break
        if market.orders[place].account != without:
            found += market.orders[place].left
        place = market.orders[place].next
    return min(found, most)


cdef i64 matching_visible(const Matching* market, bint bid, i64 price) noexcept nogil:
    cdef Level* level = ladder_level(&market.sides[bid], _key(bid, price))
    return 0 if level == NULL else level.size - level.taken


cdef class Matcher:
    """Orders of ours in one market.

    Parameters
    ----------
    model
        How queues move, see :class:`QueueModel`.
    exponent
        Of :attr:`QueueModel.POWER`: 1 to 3.
    orders
        Most that rest at a time.
    levels
        Of each side of the market's book; farther ones are not kept.

    Raises
    ------
    ValueError
        If there is no such model, exponent or size.
    """

    def __cinit__(
        self, model=QueueModel.CONSERVATIVE, *, int exponent=2, int orders=4096, int levels=16384
    ):
        self.model = QueueModel(model)
        if not 1 <= exponent <= LARGEST_EXPONENT:
            raise ValueError(f"exponent is 1 to {LARGEST_EXPONENT}")
        if not 1 <= orders <= 1 << 20 or not 1 <= levels <= 1 << 20:
            raise ValueError("orders and levels are 1 to 1048576")
        if matching_create(&self.market, model, exponent, orders, levels, 2 * orders + 64):
            raise MemoryError

    def __dealloc__(self):
        matching_destroy(&self.market)

    def __len__(self):
        return self.market.resting

    def level(self, bint bid, i64 price, i64 quantity):
        """Set a level of the market's book; 0 removes it. Return what it did to our orders."""
        with nogil:
            matching_level(&self.market, bid, price, quantity)
        return self._matches()

    def trade(self, bint bought, i64 price, i64 quantity):
        """Let somebody trade. Return what it did to our orders.

        Trades are told before the change of the level that they caused, or long after it; never
        is a quantity counted for both.
        """
        with nogil:
            matching_trade(&self.market, bought, price, quantity)
        return self._matches()

    def removal(self, bint bid, i64 price, i64 quantity, u64 entered):
        """Let a named order of the market leave, where the venue names them.

        `entered` is :attr:`stamp` when it came: it was ahead of our orders that came later.
        """
        with nogil:
            matching_removal(&self.market, bid, price, quantity, entered)

    def cut(self, int levels):
        """Forget what is farther than so many levels."""
        with nogil:
            matching_cut(&self.market, levels)

    def place(self, int account, bint bid, i64 price, i64 quantity, *, prevention=0, rest=True):
        """Let an order take what it can; with `rest` what is left waits.

        Raises
        ------
        ValueError
            If price or quantity are none.
        MemoryError
            If there is no room for one more.
        """
        if not 0 < price <= MARKET_PRICE or not 0 < quantity <= LARGEST:
            raise ValueError("an order has a price and a quantity")
        cdef int place = matching_open(
            &self.market, account, bid, price, quantity, Prevention(prevention)
        )
        if place == NO_PLACE:
            raise MemoryError("no room for one more order")
        return self._settle(place, rest)

    def amend(self, int place, i64 price, i64 left, *, bint keep=False):
        """Let a resting order have this price, and so much left.

        Parameters
        ----------
        keep
            Whether less at the same price keeps its place in the queue. In every other case the
            order is as good as new, and takes what it can first.
        """
        cdef Resting* order = self._resting(place)
        if not 0 < price <= MARKET_PRICE or not 0 < left <= LARGEST:
            raise ValueError("an order has a price and a quantity")
        if keep and price == order.price and left <= order.left:
            order.left = left
            return Placed(place, True, left, [])
        matching_unlink(&self.market, place)
        order.price = price
        order.left = left
        return self._settle(place, True)

    def cancel(self, int place):
        """Take a resting order out; return what was left of it."""
        cdef i64 left = self._resting(place).left
        matching_unlink(&self.market, place)
        matching_free(&self.market, place)
        return left

    def ahead(self, int place):
        """Return the lots expected before a resting order, rounded up."""
        cdef i64 units = self._resting(place).ahead
        return (units + ((<i64>1 << AHEAD_BITS) - 1)) >> AHEAD_BITS

    def available(self, bint bid, i64 price, i64 most=LARGEST, int without=NOBODY):
        """Return how much an order could take at once; not of the account `without`."""
        return matching_available(&self.market, bid, price, most, without)

    def visible(self, bint bid, i64 price):
        """Return what is left of a level of the market."""
        return matching_visible(&self.market, bid, price)

    @property
    def stamp(self):
        """The last entry of an order of ours into a queue."""
        return self.market.stamp

    cdef Resting* _resting(self, int place) except NULL:
        if not 0 <= place < self.market.capacity or not self.market.orders[place].rests:
            raise KeyError(place)
        return self.market.orders + place

    cdef object _settle(self, int place, bint rest):
        cdef list found = []
        cdef int state = MORE
        cdef Resting* order = self.market.orders + place
        while state == MORE:
            with nogil:
                state = matching_take(&self.market, place)
            found += self._matches()
        left = order.left
        if left and rest:
            matching_rest(&self.market, place)
            return Placed(place, True, left, found)
        matching_free(&self.market, place)
        return Placed(place, False, left, found)

    cdef list _matches(self):
        cdef list found = []
        cdef Match* match
        cdef int at
        for at in range(self.market.found):
            match = self.market.matches + at
            found.append(
                OrderMatch(
                    match.order,
                    match.other,
                    match.kind,
                    match.maker != 0,
                    match.price,
                    match.quantity,
                    match.left,
                )
            )
        self.market.found = 0
        return found


def ahead_share(model, i64 ahead, i64 behind, *, int exponent=2):
    """Return the probability that what left a level was ahead of us, in 2^-30."""
    return queue_ahead_share(QueueModel(model), exponent, ahead, behind)
