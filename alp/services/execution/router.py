"""Which account gets what of an order, by the manifest's policy, and why another gets nothing.

What is decided here is exact: children and what is left add up to what was wanted, to the last
unit. It decides nothing about whether an order may leave; each child still passes its own account's
gate. docs/routing.md has the rules.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alp._core.gate import GateState
from alp._core.route import RouteAnswer, RouteError, RouteFields, RouteOptions, RoutePolicy
from alp._core.route import Router as Divider
from alp.errors import ConfigError
from alp.services.execution.limits import AccountVenue
from alp.services.execution.route_terms import (
    Child,
    Decision,
    LadderDecision,
    Level,
    Levels,
    Nothing,
    Share,
    VenueState,
    Want,
)
from alp.services.execution.routes import FEE_UNITS, MOST, Route, make_routes, together
from alp.strategy.manifest import Strategy

BPS = 10_000
MOST_CHILDREN = 64
"""Of one account."""
SILENT = VenueState()
_IDLE = RouteFields(1, 1, healthy=False)


class Router:
    """Divides orders among the accounts of a manifest.

    Parameters
    ----------
    products
        What the venues say of the manifest's products; of those that are left out nothing is known
        and they get nothing.

    Raises
    ------
    ConfigError
        If something cannot be counted exactly, or limits let nothing through.
    """

    def __init__(self, strategy: Strategy, products: Sequence[AccountVenue]) -> None:
        routing = strategy.spec.execution.routing
        if not products:
            raise ConfigError("there is no venue to route to", hint="spec.venues names them")
        self.routes = make_routes(strategy, products)
        self._together = together(self.routes)
        self._shares = routing.policy == "share"
        self._lean = routing.lean_bps * FEE_UNITS if routing.policy == "inventory" else 0
        self._slippage_bps = routing.max_slippage_bps
        self._divider = Divider(
            RouteOptions(
                RoutePolicy.SHARE if self._shares else RoutePolicy.BEST,
                self._lean,
                routing.max_slippage_bps,
            )
        )

    def route(self, want: Want, states: Mapping[int, VenueState]) -> Decision:
        """Divide one order.

        Parameters
        ----------
        states
            By the venue's place in the manifest; one that is missing counts as not heard of.

        Raises
        ------
        RouteError
            If there can be no such order, or a book is out of order.
        """
        if want.side not in (1, -1) or want.size < 0 or want.price < 0:
            raise RouteError(f"no order: {want}")
        if not (want.price or want.takes):
            raise RouteError("what rests needs a price")
        seen = [states.get(route.index, SILENT) for route in self.routes]
        nothing: dict[str, Nothing] = {}
        fields: list[RouteFields] = []
        books: list[Levels] = []
        # Twice the mid, as prices below are doubled: exact, whatever the ticks are.
        mid = self._mid(seen) if want.takes else 0
        for route, state in zip(self.routes, seen, strict=True):
            found = _unfit(route, state, want, mid)
            book: Levels = ()
            row = _IDLE
            if found is None and want.takes:
                book = _within(route, state.asks if want.side > 0 else state.bids, want)
                found = self._too_dear(route, book, want.side, mid)
            if found is None:
                price = (
                    self._worst(route, book, mid) if want.takes else _resting(route, state, want)
                )
                row = self._fields(route, state, want, price)
                if not row.healthy:
                    found = Nothing.PRICE if price < 1 else _no_room(state)
            if found is not None:
                nothing[route.name], book, row = found, (), _IDLE
            fields.append(row)
            books.append(book)
        if not want.takes:
            answer = self._divider.make(want.side, want.size, fields)
        else:
            self._part_books(fields, books, nothing, want.side, mid)
            answer = self._divider.take(want.side, want.size, fields, books, reference=mid)
        return self._decision(want, answer, nothing, fields)

    def ladder(self, wants: Sequence[Want], states: Mapping[int, VenueState]) -> LadderDecision:
        """Divide quotes, of each side the best first; what one leaves is added to the next.

        Orders that the ladder shall replace do not count as open.

        Raises
        ------
        RouteError
            If one of them cannot be, or takes.
        """
        now = dict(states)
        quotes: dict[int, tuple[list[Level], list[Level]]] = {}
        left = {1: 0, -1: 0}
        nothing: dict[str, Nothing] = {}
        for want in wants:
            if want.takes:
                raise RouteError(f"a quote does not take: {want}")
            carried = left.get(want.side, 0)
            decision = self.route(want._replace(size=want.size + carried), now)
            left[want.side] = decision.left
            for name, why in decision.nothing.items():
                nothing.setdefault(name, why)
            for child in decision.children:
                quotes.setdefault(child.instrument, ([], []))[want.side < 0].append(
                    (child.price, child.lots)
                )
                now[child.instrument] = _with_open(now[child.instrument], child)
        for route in self.routes:
            if route.index in quotes:
                nothing.pop(route.name, None)
        shares = {index: Share(tuple(bids), tuple(asks)) for index, (bids, asks) in quotes.items()}
        return LadderDecision(shares, left[1], left[-1], nothing)

    def _mid(self, seen: Sequence[VenueState]) -> int:
        """Return the mid of the best prices of all fresh books, doubled; 0 where there is none."""
        bid = ask = 0
        for route, state in zip(self.routes, seen, strict=True):
            if state.fresh and state.bids and state.asks:
                bid = max(bid, state.bids[0][0] * route.tick)
                here = state.asks[0][0] * route.tick
                ask = min(ask, here) if ask else here
        return bid + ask

    def _too_dear(self, route: Route, book: Levels, side: int, mid: int) -> Nothing | None:
        if not book:
            return Nothing.PRICE
        distance = side * (2 * book[0][0] * route.tick - mid)
        return Nothing.SLIPPAGE if distance * BPS > mid * self._slippage_bps else None

    def _worst(self, route: Route, book: Levels, mid: int) -> int:
        """Return the highest price, in ticks, that an order which takes may have."""
        highest = mid * (BPS + self._slippage_bps) // (2 * BPS * route.tick)
        return min(max(book[0][0], book[-1][0]), highest)

    def _fields(self, route: Route, state: VenueState, want: Want, price: int) -> RouteFields:
        """Return what the divider needs; not healthy where no order has room."""
        most = route.maximum
        if price > 0:
            most = min(most, route.notional_maximum // price)
        room = min(_room(route, state, want.side), min(state.orders_left, MOST_CHILDREN) * most)
        return RouteFields(
            2 * route.tick,
            route.lot,
            max(price, 0),
            route.taker_fee if want.takes else route.maker_fee,
            max(room, 0),
            route.minimum,
            max(most, route.minimum),
            route.notional_minimum,
            route.weight,
            state.position,
            route.position_maximum,
            price > 0 and room >= route.minimum <= most,
        )

    def _part_books(
        self,
        fields: list[RouteFields],
        books: list[Levels],
        nothing: dict[str, Nothing],
        side: int,
        mid: int,
    ) -> None:
        """Let accounts of one market see its depth once: the next one what the one before leaves.

        They differ in nothing but what they pay, so the cheapest comes first at every level.
        """
        for market in self._together:
            begin = 0
            found = [at for at in market if fields[at].healthy]
            for at in sorted(found, key=lambda at: self._charge(fields[at], side)):
                books[at] = _part(books[at], begin, begin + fields[at].room)
                begin += fields[at].room
                if self._too_dear(self.routes[at], books[at], side, mid) is not None:
                    nothing[self.routes[at].name] = Nothing.OTHERS
                    fields[at], books[at] = _IDLE, ()

    def _charge(self, row: RouteFields, side: int) -> int:
        """Return its fee with the lean of its position, in 10**-8."""
        if not row.limit:
            return row.fee
        toward = max(-row.limit, min(row.limit, row.position * side)) * self._lean
        lean = abs(toward) // row.limit
        return row.fee + (lean if toward > 0 else -lean)

    def _decision(
        self,
        want: Want,
        answer: RouteAnswer,
        nothing: dict[str, Nothing],
        fields: Sequence[RouteFields],
    ) -> Decision:
        routes = self.routes
        children = tuple(
            Child(
                routes[at].index,
                routes[at].name,
                routes[at].account,
                want.side,
                price,
                lots,
                want.takes,
            )
            for at, price, lots in answer.orders
        )
        served = {leg.route for leg in answer.legs}
        for at, route in enumerate(routes):
            if at in served or not fields[at].healthy:
                continue
            if want.size < route.minimum * route.lot:
                nothing[route.name] = Nothing.MINIMUM
            elif self._shares and not want.takes and not route.weight:
                nothing[route.name] = Nothing.SHARE
            elif answer.left < route.lot:
                nothing[route.name] = Nothing.OTHERS
            else:
                nothing[route.name] = Nothing.MINIMUM
        return Decision(children, answer.left, answer.short, nothing)


def _unfit(route: Route, state: VenueState, want: Want, mid: int) -> Nothing | None:
    """Return why an account may have nothing, whatever its book says."""
    if not state.fresh:
        return Nothing.STALE
    if state.gate not in (GateState.ACTIVE, GateState.REDUCING):
        return Nothing.HALTED
    if not (route.takes if want.takes else route.makes):
        return Nothing.TRADING
    if state.orders_left < 1:
        return Nothing.BUDGET
    if want.takes and not mid:
        return Nothing.MID
    return None


def _no_room(state: VenueState) -> Nothing:
    return Nothing.REDUCING if state.gate is GateState.REDUCING else Nothing.LIMIT


def _room(route: Route, state: VenueState, side: int) -> int:
    """Return how many lots may be added, as the account's gate counts them."""
    could = state.position * side + (state.open_buys if side > 0 else state.open_sells)
    room = route.position_maximum - could if route.position_maximum else MOST
    if state.gate is GateState.REDUCING:
        room = min(room, -could)
    return min(room, MOST)


def _resting(route: Route, state: VenueState, want: Want) -> int:
    """Return the tick to rest at: never worse than wanted, and never one that would take."""
    if want.side > 0:
        price = want.price // route.tick
        return min(price, state.asks[0][0] - 1) if state.asks else price
    price = -(-want.price // route.tick)
    return max(price, state.bids[0][0] + 1) if state.bids else price


def _within(route: Route, book: Levels, want: Want) -> Levels:
    """Return the levels at the limit price or better, in lots of orders.

    What a level has beyond whole lots counts at the next one: never nearer than it is.
    """
    end = len(book)
    if want.price:
        worst = want.side * want.price
        while end and want.side * book[end - 1][0] * route.tick > worst:
            end -= 1
    if route.lot == route.book_lot:
        return book if end == len(book) else book[:end]
    found = []
    units = given = 0
    for price, quantity in book[:end]:
        units += quantity * route.book_lot
        lots = units // route.lot - given
        if lots:
            found.append((price, lots))
            given += lots
    return found


def _part(book: Levels, begin: int, end: int) -> Levels:
    """Return what lies between two depths of a book."""
    found = []
    before = 0
    for price, lots in book:
        here = min(before + lots, end) - max(before, begin)
        if here > 0:
            found.append((price, here))
        before += lots
    return found


def _with_open(state: VenueState, child: Child) -> VenueState:
    if child.side > 0:
        return state._replace(
            open_buys=state.open_buys + child.lots, orders_left=state.orders_left - 1
        )
    return state._replace(
        open_sells=state.open_sells + child.lots, orders_left=state.orders_left - 1
    )
