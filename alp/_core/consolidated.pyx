"""The books of several venues as one.

A venue's tick and lot are whole multiples of the finest common ones, so every level has an exact
price and quantity on the common grid. Only live books take part, each at every call anew: what a
venue shows while its book is being rebuilt is nobody's quote.
"""

from libc.stdlib cimport free, realloc
from libc.string cimport memset

from math import gcd

from alp._core.book cimport Level, Side, side_at, side_best, side_depth
from alp._core.feed cimport Feed
from alp._core.sync cimport LIVE
from alp._core.uint256 cimport ctz64, i64, u64, u128, u128_to_int

cdef extern from *:
    int count_bits "__builtin_popcountll"(unsigned long long) noexcept nogil

cdef enum:
    FIRST_LEVELS = 64
    MORE = 8                    # times as many where those were too few

_FACTOR_LIMIT = 1 << 56


def _common(grids):
    """The finest grid that all share: (decimals, step), and each one's step in units of it."""
    decimals = max(places for places, _ in grids)
    units = [step * 10 ** (decimals - places) for places, step in grids]
    step = gcd(*units)
    factors = [unit // step for unit in units]
    while decimals and step % 10 == 0:
        decimals, step = decimals - 1, step // 10
    return (decimals, step), factors


cdef inline const Side* _side(const Venue* venue, bint bid) noexcept nogil:
    return &venue.market.book.bids if bid else &venue.market.book.asks


cdef inline bint _is_live(const Venue* venue) noexcept nogil:
    return venue.market.sync.status == LIVE


cdef tuple _bits(u64 venues):
    found = []
    while venues:
        found.append(ctz64(venues))
        venues &= venues - 1
    return tuple(found)


cdef class Consolidated:
    """A view of several books of the same thing.

    It reads the feeds' books when it is asked and keeps nothing of them; the feeds must not be fed
    from another thread meanwhile.

    Parameters
    ----------
    venues
        ``(feed, symbol index, price decimals, price step, quantity decimals, quantity step)`` each,
        at most 64: a tick is ``price step * 10**-price decimals`` of what is common to all, and a
        lot likewise. That is the feed's own grid, unless a venue counts otherwise, as in contracts.

    Attributes
    ----------
    price_grid, quantity_grid
        ``(decimals, step)``: all prices and quantities here are multiples of ``step * 10**-decimals``.

    Raises
    ------
    ValueError
        If there is none or too many, a grid cannot be, or a book is named twice.
    OverflowError
        If the grids are so far apart that 56 bits do not hold a step in common units.
    """

    def __cinit__(self, venues):
        rows = list(venues)
        memset(self.venues, 0, sizeof(self.venues))
        if not 0 < len(rows) <= MOST_VENUES:
            raise ValueError(f"{len(rows)} venues: from 1 to {MOST_VENUES} can be consolidated")
        for _, _, *grids in rows:
            for decimals, step in (grids[:2], grids[2:]):
                if not 0 <= decimals <= 18 or step <= 0:
                    raise ValueError(f"a step of {step} * 10**-{decimals}")
        self.price_grid, prices = _common([row[2:4] for row in rows])
        self.quantity_grid, quantities = _common([row[4:6] for row in rows])
        if max(*prices, *quantities) >= _FACTOR_LIMIT:
            raise OverflowError("the venues' grids are too far apart to be brought to one")
        self._feeds = []
        for row, price_factor, quantity_factor in zip(rows, prices, quantities):
            self._add(row, price_factor, quantity_factor)

    cdef int _add(self, row, price_unit, quantity_unit) except -1:
        cdef Feed feed = row[0]
        cdef Venue* venue = &self.venues[self.count]
        cdef int i
        venue.market = feed._market(row[1])
        for i in range(self.count):
            if self.venues[i].market == venue.market:
                raise ValueError(f"venues {i} and {self.count} are the same book")
        venue.price_factor = price_unit
        venue.quantity_factor = quantity_unit
        self._feeds.append(feed)
        self.count += 1
        return 0

    def __dealloc__(self):
        cdef int i
        for i in range(self.count):
            free(self.venues[i].levels)
        free(self.merged)

    cdef u64 taking_part(self) noexcept nogil:
        cdef u64 found = 0
        cdef int i
        for i in range(self.count):
            if _is_live(&self.venues[i]):
                found |= <u64>1 << i
        return found

    cdef bint best(self, bint bid, Merged* level) noexcept nogil:
        cdef const Venue* venue
        cdef i64 tick, lots
        cdef u128 price
        cdef int i
        level.venues = 0
        for i in range(self.count):
            venue = &self.venues[i]
            if not _is_live(venue) or not side_best(_side(venue, bid), &tick, &lots):
                continue
            price = <u128>tick * venue.price_factor
            if level.venues == 0 or (price > level.price if bid else price < level.price):
                level.price = price
                level.quantity = 0
                level.venues = 0
            if price == level.price:
                level.quantity += <u128>lots * venue.quantity_factor
                level.venues |= <u64>1 << i
        return level.venues != 0

    cdef int _gather(self, bint bid, Py_ssize_t most) noexcept nogil:
        """Read up to ``most`` levels of each live book; nonzero where memory ran out."""
        cdef Venue* venue
        cdef Level* levels
        cdef Py_ssize_t wanted
        cdef int i
        for i in range(self.count):
            venue = &self.venues[i]
            venue.count = venue.next = 0
            if not _is_live(venue):
                continue
            wanted = min(most, <Py_ssize_t>_side(venue, bid).count)
            if wanted > venue.room:
                wanted = max(wanted, FIRST_LEVELS)
                levels = <Level*>realloc(venue.levels, wanted * sizeof(Level))
                if levels == NULL:
                    return 1
                venue.levels = levels
                venue.room = wanted
            wanted = min(most, <Py_ssize_t>_side(venue, bid).count)
            venue.count = side_depth(_side(venue, bid), venue.levels, wanted)
            if venue.count < 0:
                venue.count = 0
                return 1
        return 0

    cdef Py_ssize_t merge(self, bint bid, Py_ssize_t most) noexcept nogil:
        cdef Venue* venue
        cdef Merged* merged
        cdef Py_ssize_t found = 0
        cdef Py_ssize_t levels = 0
        cdef u128 price
        cdef int i
        if self._gather(bid, most):
            return -1
        for i in range(self.count):
            levels += self.venues[i].count
        most = min(most, levels)
        if most > self.room:
            merged = <Merged*>realloc(self.merged, most * sizeof(Merged))
            if merged == NULL:
                return -1
            self.merged = merged
            self.room = most
        while found < most:
            merged = &self.merged[found]
            merged.venues = 0
            for i in range(self.count):
                venue = &self.venues[i]
                if venue.next == venue.count:
                    continue
                price = <u128>venue.levels[venue.next].price * venue.price_factor
                if merged.venues == 0 or (price > merged.price if bid else price < merged.price):
                    merged.price = price
                    merged.venues = 0
                if price == merged.price:
                    merged.venues |= <u64>1 << i
            if merged.venues == 0:
                break
            merged.quantity = 0
            for i in range(self.count):
                if merged.venues >> i & 1:
                    venue = &self.venues[i]
                    merged.quantity += (
                        <u128>venue.levels[venue.next].quantity * venue.quantity_factor
                    )
                    venue.next += 1
            found += 1
        return found

    @property
    def live(self):
        """Which venues take part now, by their place in the list."""
        return _bits(self.taking_part())

    cdef object _most(self, bint bid):
        cdef Merged level
        if not self.best(bid, &level):
            return None
        return u128_to_int(level.price), u128_to_int(level.quantity), _bits(level.venues)

    @property
    def best_bid(self):
        """(price, quantity of all, which venues) of the best bid, or None."""
        return self._most(True)

    @property
    def best_ask(self):
        """(price, quantity of all, which venues) of the best ask, or None."""
        return self._most(False)

    @property
    def crossing(self):
        """By how much the best bid is above the best ask; 0 where they are equal, None where below.

        No live book crosses itself, so it is always one venue's bid and another's ask.
        """
        cdef Merged bid, ask
        if not self.best(True, &bid) or not self.best(False, &ask) or bid.price < ask.price:
            return None
        return u128_to_int(bid.price - ask.price)

    cdef list _levels(self, bint bid, Py_ssize_t most):
        cdef Py_ssize_t found, i
        with nogil:
            found = self.merge(bid, most)
        if found < 0:
            raise MemoryError
        return [
            (u128_to_int(self.merged[i].price), u128_to_int(self.merged[i].quantity),
             count_bits(self.merged[i].venues))
            for i in range(found)
        ]

    def depth(self, bint bid, Py_ssize_t most):
        """Return up to ``most`` levels, best first: ``(price, quantity of all, number of venues)``."""
        return self._levels(bid, max(most, 0))

    def by_venue(self, bint bid, price):
        """Return ``(venue, quantity)`` of those that have something at a price."""
        cdef const Venue* venue
        cdef int i
        found = []
        for i in range(self.count):
            venue = &self.venues[i]
            tick, rest = divmod(price, venue.price_factor)
            if rest or not 0 <= tick < 1 << 63 or not _is_live(venue):
                continue
            lots = side_at(_side(venue, bid), tick)
            if lots:
                found.append((i, lots * venue.quantity_factor))
        return found

    def volume_to(self, bint bid, price):
        """Return the quantity of one side of all at ``price`` or better."""
        cdef Py_ssize_t most = FIRST_LEVELS
        while True:
            levels = self._levels(bid, most)
            better = [
                quantity for level, quantity, _ in levels
                if (level >= price if bid else level <= price)
            ]
            if len(better) < most:
                return sum(better)
            most *= MORE

    def cost_of(self, bint bid, quantity):
        """Return ``(filled, price times quantity)`` of taking up to ``quantity`` from one side of all.

        Both in units of the common grids; the average price is the second over the first.
        """
        cdef Py_ssize_t most = FIRST_LEVELS
        wanted = max(quantity, 0)
        while True:
            levels = self._levels(bid, most)
            left, cost = wanted, 0
            for price, there, _ in levels:
                part = min(left, there)
                cost += part * price
                left -= part
                if left == 0:
                    break
            if left == 0 or len(levels) < most:
                return wanted - left, cost
            most *= MORE
