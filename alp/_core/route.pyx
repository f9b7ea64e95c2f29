"""Where an order goes: the venue that is best after fees, as much as each may have.

Prices and quantities of venues with other ticks and lots are compared in units common to all, as in
``consolidated``; a fee widens a price by a whole number of 10**-8. Nothing is rounded before it is
compared, and equal candidates are taken in their order: the same input gives the same orders.
"""

from enum import IntEnum, IntFlag
from typing import NamedTuple

from libc.stdlib cimport free, realloc
from libc.string cimport memset

from alp._core.book cimport Level
from alp._core.uint256 cimport i64, i128, u64, u128, u128_to_int

from alp._core.consolidated import _common

cdef enum:
    MOST_WEIGHT = 65536
    MOST_LEVELS_READ = 4096


cdef inline i64 most() noexcept nogil:
    """Of a price, a quantity or a position: a price with its factor and fee fits 128 bits."""
    return <i64>1 << 40


class RoutePolicy(IntEnum):
    """How what rests is divided."""

    BEST = POLICY_BEST
    SHARE = POLICY_SHARE


class RouteShort(IntFlag):
    """Why something of a quantity is left."""

    NO_VENUE = SHORT_NO_VENUE
    ROOM = SHORT_ROOM
    DEPTH = SHORT_DEPTH
    SLIPPAGE = SHORT_SLIPPAGE
    MINIMUM = SHORT_MINIMUM
    LOT = SHORT_LOT


class RouteOptions(NamedTuple):
    """How routes are chosen.

    ``lean`` is by how much, in 10**-8 of the price, a venue whose position is at its limit is worse
    for more of it, and better for less. ``whole``: all of a quantity or nothing.
    """

    policy: RoutePolicy = RoutePolicy.BEST
    lean: int = 0
    slippage_bps: int = 0
    whole: bool = False


class RouteFields(NamedTuple):
    """One account at one venue, as an order for one side finds it.

    Factors are the common units in a tick and in a lot; ``fee`` is in 10**-8 of the notional,
    ``minimum_notional`` in ticks times lots; ``room`` is how many lots may be added on this side.
    """

    price_factor: int
    quantity_factor: int
    price: int = 0
    fee: int = 0
    room: int = 0
    minimum: int = 1
    maximum: int = 1 << 40
    minimum_notional: int = 0
    weight: int = 1
    position: int = 0
    limit: int = 0
    healthy: bool = True


class RoutedOrder(NamedTuple):
    """An order to be sent: the route by its index, the price in its ticks, its lots."""

    route: int
    price: int
    lots: int


class RoutedLeg(NamedTuple):
    """What a route has in all: its worst price, and ticks times lots of what is expected."""

    route: int
    lots: int
    worst: int
    cost: int


class RouteAnswer(NamedTuple):
    """Orders, what each route has, what is left in common units, and why."""

    orders: list[RoutedOrder]
    legs: list[RoutedLeg]
    left: int
    short: RouteShort


class RouteError(ValueError):
    """A route, or a wish, that cannot be."""


def common_grid(grids):
    """Return the finest grid that all share, and each one's step in units of it.

    Parameters
    ----------
    grids
        ``(decimals, step)`` each: a step is ``step * 10**-decimals``.
    """
    return _common(grids)


cdef inline u128 _price(const Route* route, i64 ticks) noexcept nogil:
    return <u128>ticks * route.price_factor


cdef inline u128 _effective(const Route* route, i64 ticks, int side) noexcept nogil:
    """What a unit costs a buyer, or brings a seller, in 10**-8 of common units."""
    return _price(route, ticks) * <u128>(FEE_UNIT + (route.charge if side > 0 else -route.charge))


cdef inline bint _better(u128 one, u128 other, int side) noexcept nogil:
    return one < other if side > 0 else one > other


cdef void _begin(Route* route, int side, i64 most, const RouteRules* rules) noexcept nogil:
    """Its charge, what it may have at most, and that it has nothing yet."""
    cdef i128 lean = 0
    cdef i128 toward
    if route.limit:
        toward = <i128>route.position * side
        toward = max(<i128>-route.limit, min(<i128>route.limit, toward))
        lean = toward * rules.lean
        # towards zero in both directions, whatever the sign
        lean = lean / route.limit if lean >= 0 else -(-lean / route.limit)
    route.charge = route.fee + <i64>lean
    route.charge = max(<i64>-MOST_FEE, min(<i64>MOST_FEE, route.charge))
    route.most = most
    route.lots = route.worst = 0
    route.cost = 0
    route.next = 0
    route.level_left = route.levels[0].quantity if route.depth else 0


cdef int _best_open(const Route* routes, int count, int side) noexcept nogil:
    cdef int at
    cdef int best = -1
    for at in range(count):
        if routes[at].open and (
            best < 0 or _better(
                _effective(&routes[at], routes[at].price, side),
                _effective(&routes[best], routes[best].price, side), side,
            )
        ):
            best = at
    return best


cdef void _give(Route* route, i64 lots, u128* left) noexcept nogil:
    route.lots += lots
    route.cost += <i128>lots * route.price
    route.worst = route.price
    left[0] -= <u128>lots * route.quantity_factor


cdef u128 _by_weight(
    Route* routes, int count, u128 quantity, int* short_by
) noexcept nogil:
    """Give each its share; what one has no room for is shared among the others."""
    cdef int at
    cdef bint full = True
    cdef u128 left = quantity
    cdef u128 sharing
    cdef u128 weights
    cdef i64 lots
    while full:
        full = False
        sharing, weights = left, 0
        for at in range(count):
            if routes[at].open:
                weights += <u128>routes[at].weight
        if weights == 0:
            return left
        for at in range(count):
            if not routes[at].open:
                continue
            if sharing * <u128>routes[at].weight / weights >= <u128>routes[at].most * (
                routes[at].quantity_factor
            ):
                _give(&routes[at], routes[at].most, &left)
                routes[at].open = False
                if routes[at].most == routes[at].room:
                    short_by[0] |= SHORT_ROOM
                full = True
    for at in range(count):
        if routes[at].open:
            lots = <i64>(sharing * <u128>routes[at].weight / weights / routes[at].quantity_factor)
            _give(&routes[at], lots, &left)
    return left


cdef u128 _make(
    Route* routes, int count, int side, u128 quantity, const RouteRules* rules, int* short_by
) noexcept nogil:
    cdef u128 left = quantity
    cdef u128 fits
    cdef int best
    cdef Route* route
    if rules.policy == POLICY_SHARE:
        left = _by_weight(routes, count, quantity, short_by)
    while left:
        best = _best_open(routes, count, side)
        if best < 0:
            return left
        route = &routes[best]
        route.open = False
        fits = left / route.quantity_factor
        if fits > <u128>(route.most - route.lots):
            fits = <u128>(route.most - route.lots)
            if route.most == route.room:
                short_by[0] |= SHORT_ROOM
        if fits:
            _give(route, <i64>fits, &left)
        if left < route.quantity_factor:
            short_by[0] |= SHORT_LOT
    return left


cdef u128 _take(
    Route* routes, int count, int side, u128 quantity, u128 reference, const RouteRules* rules,
    int* short_by
) noexcept nogil:
    """Take level after level, at each step where it is best after fees."""
    cdef u128 left = quantity
    cdef u128 fits, most
    cdef u128 bps = <u128>rules.slippage_bps
    cdef int best
    cdef Route* route
    while left:
        best = _best_open(routes, count, side)
        if best < 0:
            return left
        route = &routes[best]
        fits = left / route.quantity_factor
        most = _price(route, route.price) * 10_000
        if (side > 0 and most > reference * (10_000 + bps)) or (
            side < 0 and most + reference * bps < reference * 10_000
        ):
            short_by[0] |= SHORT_SLIPPAGE
            route.open = False
        elif fits == 0:
            short_by[0] |= SHORT_LOT
            route.open = False
        elif route.lots == route.most:
            if route.most == route.room:
                short_by[0] |= SHORT_ROOM
            route.open = False
        else:
            fits = min(fits, <u128>(route.most - route.lots))
            fits = min(fits, <u128>route.level_left)
            _give(route, <i64>fits, &left)
            route.level_left -= <i64>fits
            if route.level_left == 0:
                route.next += 1
                if route.next == route.depth:
                    short_by[0] |= SHORT_DEPTH
                    route.open = False
                else:
                    route.price = route.levels[route.next].price
                    route.level_left = route.levels[route.next].quantity
    return left


cdef i64 route_pieces(const Route* route) noexcept nogil:
    """Into how many orders its lots go."""
    return (route.lots + route.maximum - 1) / route.maximum


cdef bint _fits(const Route* route, i64 lots) noexcept nogil:
    """Whether one order of so many lots is large enough for the venue."""
    return lots >= route.minimum and <i128>lots * route.worst >= route.minimum_notional


cdef int _smallest(const Route* routes, int count, int side) noexcept nogil:
    """The route whose orders are too small, of several the dearest; -1 where none are."""
    cdef int at
    cdef int worst = -1
    for at in range(count):
        if routes[at].lots == 0 or _fits(&routes[at], routes[at].lots / route_pieces(&routes[at])):
            continue
        if worst < 0 or not _better(
            _effective(&routes[at], routes[at].worst, side),
            _effective(&routes[worst], routes[worst].worst, side), side,
        ):
            worst = at
    return worst


cdef int _open(
    Route* routes, int count, int side, const i64* most, bint taking, const RouteRules* rules
) noexcept nogil:
    """Begin anew with the routes that may have something; how many there are."""
    cdef int at
    cdef int eligible = 0
    cdef Route* route
    for at in range(count):
        route = &routes[at]
        _begin(route, side, most[at], rules)
        if taking and route.depth:
            route.price = route.levels[0].price
        route.open = (
            route.healthy and route.most > 0 and route.price > 0
            and (route.depth > 0 if taking else rules.policy != POLICY_SHARE or route.weight > 0)
        )
        eligible += route.open
    return eligible


cdef u128 _reference(const Route* routes, int count, int side) noexcept nogil:
    cdef u128 best = 0
    cdef int at
    for at in range(count):
        if routes[at].open and (
            best == 0 or _better(_price(&routes[at], routes[at].price), best, side)
        ):
            best = _price(&routes[at], routes[at].price)
    return best


cdef u128 _route(
    Route* routes, int count, int side, u128 quantity, u128 reference, bint taking,
    const RouteRules* rules, int* short_by
) noexcept nogil:
    """Divide a quantity; where a route's orders are too small it has fewer, or none, and all again."""
    cdef i64 most[MOST_ROUTES]
    cdef bint cut[MOST_ROUTES]
    cdef int at, small
    cdef int found = 0
    cdef u128 left
    for at in range(count):
        if routes[at].room / routes[at].maximum >= MOST_PIECES:
            routes[at].room = routes[at].maximum * MOST_PIECES
        most[at], cut[at] = routes[at].room, False
    while True:
        short_by[0] = found
        if _open(routes, count, side, most, taking, rules) == 0:
            short_by[0] = 0 if quantity == 0 else found if found else SHORT_NO_VENUE
            return quantity
        if taking:
            reference = reference if reference else _reference(routes, count, side)
            left = _take(routes, count, side, quantity, reference, rules, short_by)
        else:
            left = _make(routes, count, side, quantity, rules, short_by)
        small = _smallest(routes, count, side)
        if small < 0:
            break
        found = SHORT_MINIMUM
        most[small] = 0
        if not cut[small] and _fits(&routes[small], routes[small].maximum):
            most[small] = (route_pieces(&routes[small]) - 1) * routes[small].maximum
        cut[small] = True
    if left == 0:
        short_by[0] = 0
    elif rules.whole:
        for at in range(count):
            routes[at].lots = routes[at].worst = 0
            routes[at].cost = 0
        return quantity
    return left


cdef u128 route_make(
    Route* routes, int count, int side, u128 quantity, const RouteRules* rules, int* short_by
) noexcept nogil:
    """Divide what shall rest."""
    return _route(routes, count, side, quantity, 0, False, rules, short_by)


cdef u128 route_take(
    Route* routes, int count, int side, u128 quantity, u128 reference, const RouteRules* rules,
    int* short_by
) noexcept nogil:
    """Divide what shall be taken from the books."""
    return _route(routes, count, side, quantity, reference, True, rules, short_by)


cdef u128 _wide(object value) except? 0:
    if not 0 <= value < 1 << 96:
        raise RouteError(f"{value} is no quantity or price in common units")
    return (<u128><u64>(value >> 64) << 64) | <u64>(value & 0xFFFFFFFFFFFFFFFF)


cdef class Router:
    """Chooses routes; see :meth:`make` and :meth:`take`.

    Parameters
    ----------
    options
        A ``RouteOptions``.

    Raises
    ------
    RouteError
        If they cannot be.
    """

    def __cinit__(self, options):
        if not 0 <= options.lean <= MOST_FEE or not 0 <= options.slippage_bps <= 10_000:
            raise RouteError(f"no options: {options}")
        self.rules.policy = RoutePolicy(options.policy)
        self.rules.lean, self.rules.slippage_bps = options.lean, options.slippage_bps
        self.rules.whole = options.whole

    def __dealloc__(self):
        free(self.levels)

    cdef int _read(self, int side, object routes, object books) except -1:
        cdef Route* route
        cdef Py_ssize_t at = 0
        cdef Py_ssize_t total = sum([len(book) for book in books])
        cdef Level* larger
        if not 0 < len(routes) <= MOST_ROUTES:
            raise RouteError(f"{len(routes)} routes")
        if total > MOST_LEVELS_READ * len(routes):
            raise RouteError(f"{total} levels")
        if total > self.level_room:
            larger = <Level*>realloc(self.levels, total * sizeof(Level))
            if larger == NULL:
                raise MemoryError
            self.levels, self.level_room = larger, total
        for number, each in enumerate(routes):
            if (
                not 0 < each.price_factor < 1 << 56 or not 0 < each.quantity_factor < 1 << 56
                or not 0 <= each.price <= most() or not abs(each.fee) <= MOST_FEE
                or not 0 <= each.room <= most() or not 0 < each.minimum <= most()
                or not each.minimum <= each.maximum <= most()
                or not 0 <= each.minimum_notional < 1 << 62
                or not 0 <= each.weight <= MOST_WEIGHT
                or not abs(each.position) <= most() or not 0 <= each.limit <= most()
            ):
                raise RouteError(f"no route: {each}")
            route = &self.routes[<int>number]
            memset(route, 0, sizeof(Route))
            route.price_factor, route.quantity_factor = each.price_factor, each.quantity_factor
            route.price, route.fee, route.weight = each.price, each.fee, each.weight
            route.room, route.minimum, route.maximum = each.room, each.minimum, each.maximum
            route.minimum_notional, route.position = each.minimum_notional, each.position
            route.limit, route.healthy = each.limit, each.healthy
            if books:
                route.levels, route.depth = &self.levels[at], len(books[number])
                before = 0 if side > 0 else most() + 1
                for price, lots in books[number]:
                    if not 0 < price <= most() or not 0 < lots <= most():
                        raise RouteError(f"no level: {lots} lots at {price}")
                    if (price - before) * side <= 0:
                        raise RouteError(f"the level at {price} is not behind that at {before}")
                    before = price
                    self.levels[at].price, self.levels[at].quantity = price, lots
                    at += 1
        return 0

    def make(self, int side, quantity, routes):
        """Divide what shall rest over routes, each at its own price.

        Parameters
        ----------
        side
            1 buys, -1 sells.
        quantity
            In common units.
        routes
            Rows of ``RouteFields``.

        Raises
        ------
        RouteError
            If something of this cannot be.
        """
        return self._answer(side, quantity, routes, [], 0, False)

    def take(self, int side, quantity, routes, books, *, reference=0):
        """Divide what shall be taken at once, level by level, where it is best after fees.

        Nothing is taken further from the reference than ``slippage_bps``.

        Parameters
        ----------
        books
            For each route the other side's levels, best first: ``(ticks, lots)``.
        reference
            Price in common units that slippage counts from; 0 for the best there is.
        """
        if len(books) != len(routes):
            raise RouteError(f"{len(routes)} routes with {len(books)} books")
        return self._answer(side, quantity, routes, books, reference, True)

    def _answer(self, int side, quantity, routes, books, reference, bint taking):
        cdef u128 wanted = _wide(quantity)
        cdef u128 told = _wide(reference)
        cdef u128 left
        cdef int short_by = 0
        cdef int count = <int>len(routes)
        cdef int at
        cdef const Route* route
        if side != 1 and side != -1:
            raise RouteError(f"there is no side {side}")
        self._read(side, routes, books)
        with nogil:
            if taking:
                left = route_take(
                    self.routes, count, side, wanted, told, &self.rules, &short_by
                )
            else:
                left = route_make(self.routes, count, side, wanted, &self.rules, &short_by)
        orders, legs = [], []
        for at in range(count):
            route = &self.routes[at]
            if route.lots == 0:
                continue
            cost = (<object><i64>(route.cost >> 64) << 64) | <object><u64>route.cost
            legs.append(RoutedLeg(at, route.lots, route.worst, cost))
            pieces = route_pieces(route)
            least, more = divmod(route.lots, pieces)
            orders += [
                RoutedOrder(at, route.worst, least + (number < more)) for number in range(pieces)
            ]
        return RouteAnswer(orders, legs, u128_to_int(left), RouteShort(short_by))
