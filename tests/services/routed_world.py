"""Accounts with books, drawn at random, and the same in exact fractions."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any

from account_world import manifest
from hypothesis import strategies as st
from plain_route import PlainRoute

from alp._core.gate import GateState
from alp.services.execution.limits import UNITS, AccountVenue
from alp.services.execution.route_terms import VenueState, Want
from alp.services.execution.router import Router
from alp.strategy.manifest import Strategy
from alp.venues.instruments import Grid, Instrument

EXCHANGES = ("binance-usdm", "binance-spot", "coinbase-spot", "kraken-spot")
TICKS = ("0.01", "0.05", "0.1", "0.001", "0.25")
LOTS = ("0.001", "0.00000001", "0.01", "0.005")
POLICIES = ("bestPrice", "inventory", "share")
SHARES = {
    1: ("1",),
    2: ("0.7", "0.3"),
    3: ("0.5", "0.5", "0"),
    4: ("0.1", "0.2", "0.3", "0.4"),
}
MID = Fraction(100)


def instrument(
    exchange: str, symbol: str, tick: str, lot: str, book_lot: str, **more: Any
) -> Instrument:
    return Instrument(
        exchange,
        symbol,
        symbol,
        "ETH",
        "USDC",
        price=Grid.of(Decimal(tick)),
        quantity=Grid.of(Decimal(book_lot)),
        order_quantity=Grid.of(Decimal(lot)),
        **{"min_quantity": Decimal(lot), **more},
    )


def router_of(strategy: Strategy, instruments: list[Instrument]) -> Router:
    venues = strategy.spec.venues
    return Router(
        strategy,
        [
            AccountVenue(index, venue, each)
            for index, (venue, each) in enumerate(zip(venues, instruments, strict=True))
        ],
    )


@dataclass
class Routed:
    """What a router is asked."""

    strategy: Strategy
    instruments: list[Instrument]
    states: dict[int, VenueState]
    want: Want

    def tick(self, at: int) -> Fraction:
        return Fraction(self.instruments[at].price.increment)

    def lot(self, at: int) -> Fraction:
        each = self.instruments[at]
        return Fraction(each.order_quantity.increment * each.contract_size)

    def book(self, at: int) -> list[tuple[Fraction, Fraction]]:
        """The other side's levels within the limit: money and base."""
        each, state, want = self.instruments[at], self.states[at], self.want
        lot = Fraction(each.quantity.increment * each.contract_size)
        return [
            (price * self.tick(at), lots * lot)
            for price, lots in (state.asks if want.side > 0 else state.bids)
            if not want.price or want.side * price * self.tick(at) * UNITS <= want.side * want.price
        ]

    @property
    def mid(self) -> Fraction:
        both = [
            (state.bids[0][0] * self.tick(at), state.asks[0][0] * self.tick(at))
            for at, state in self.states.items()
            if state.fresh and state.bids and state.asks
        ]
        if not both:
            return Fraction(0)
        return (max(bid for bid, _ in both) + min(ask for _, ask in both)) / 2

    @property
    def slippage(self) -> Fraction:
        return Fraction(self.strategy.spec.execution.routing.max_slippage_bps, 10_000)

    def resting(self, at: int) -> Fraction:
        """The price to rest at."""
        state, want, tick = self.states[at], self.want, self.tick(at)
        limit = Fraction(want.price, UNITS) / tick
        if want.side > 0:
            return min(floor(limit), *[price - 1 for price, _ in state.asks[:1]], 10**9) * tick
        return max(ceil(limit), *[price + 1 for price, _ in state.bids[:1]], 0) * tick

    def room(self, at: int) -> Fraction:
        """Base that may be added."""
        state, side = self.states[at], self.want.side
        could = state.position * side + (state.open_buys if side > 0 else state.open_sells)
        most = self.strategy.spec.limits.max_venue_base
        assert most is not None
        room = Fraction(most) - could * self.lot(at)
        return min(room, -could * self.lot(at)) if state.gate is GateState.REDUCING else room

    def healthy(self, at: int) -> bool:
        state = self.states[at]
        return state.fresh and state.gate is not GateState.HALTED and state.orders_left > 0

    def plain(self, at: int) -> PlainRoute:
        """One account in fractions."""
        spec, each, state, want = (
            self.strategy.spec, self.instruments[at], self.states[at], self.want
        )  # fmt: skip
        venue, lot, tick = spec.venues[at], self.lot(at), self.tick(at)
        levels = self.book(at)
        if want.takes:
            prices = [price for price, _ in levels]
            price = min(max(prices, default=Fraction(0)), self.mid * (1 + self.slippage))
            price = floor(price / tick) * tick
        else:
            price = self.resting(at)
        minimum = max(
            ceil(Fraction(each.min_quantity) / Fraction(each.order_quantity.increment)),
            ceil(Fraction(venue.order.min_base) / lot),
            1,
        )
        limits = [Fraction(spec.limits.max_venue_base or 0)]
        if venue.order.max_base is not None:
            limits = [Fraction(venue.order.max_base)]
        if price > 0:
            limits.append(Fraction(spec.limits.max_order_notional or 0) / price)
        maximum = floor(min(limits) / lot)
        room = min(floor(self.room(at) / lot), min(state.orders_left, 64) * maximum)
        book, before, units = [], 0, Fraction(0)
        for each_price, base in levels:
            units += base
            lots = floor(units / lot) - before
            if lots:
                book.append((each_price, lots))
                before += lots
        routing = spec.execution.routing
        return PlainRoute(
            tick,
            lot,
            price,
            Fraction(venue.taker_fee_bps if want.takes else venue.maker_fee_bps) / 10_000,
            max(room, 0),
            minimum,
            max(maximum, minimum),
            Fraction(each.min_notional or 0),
            round(Fraction(spec.venue_shares()[venue.name]) * 10),
            state.position if routing.policy == "inventory" else 0,
            floor(Fraction(spec.limits.max_venue_base or 0) / lot),
            self.healthy(at) and price > 0 and room >= minimum and maximum >= minimum,
            book,
        )


def world_of(random: Random, *, apart: bool) -> Routed:
    """Up to four accounts; ``apart``: each in a market of its own."""
    pick = random.choice
    count = random.randint(1 if apart else 2, 4)
    chosen = [EXCHANGES[at] if apart else pick(EXCHANGES[:2]) for at in range(count)]
    grids = {each: (pick(TICKS), pick(LOTS), pick(LOTS)) for each in EXCHANGES}
    limits = {"maxVenueBase": pick(("2", "5")), "maxOrderNotional": pick(("170", "20000", "20000"))}
    least = {each: pick((1, 1, 7, 90)) * Decimal(grids[each][1]) for each in EXCHANGES}
    notionals = {each: pick((None, None, Decimal(5))) for each in EXCHANGES}
    instruments = [
        instrument(
            each, "ETHUSDC", *grids[each], min_quantity=least[each], min_notional=notionals[each]
        )
        for each in chosen
    ]
    shares = SHARES[count]
    venues = [
        {
            "name": f"v{at}",
            "exchange": exchange,
            "symbol": "ETHUSDC",
            "makerFeeBps": pick(("-0.5", "0", "1.8", "10")),
            "takerFeeBps": pick(("2", "5", "4.5", "26")),
            "order": pick(({}, {"maxBase": "1.5"}, {"minBase": "0.4"})),
            "share": Decimal(shares[at]),
        }
        for at, exchange in enumerate(chosen)
    ]
    routing = {
        "policy": pick(POLICIES),
        "leanBps": pick((1, 10, 100)),
        "maxSlippageBps": pick((5, 20, 200)),
    }
    strategy = manifest(venues=venues, limits=limits, execution={"routing": routing})
    books = {each: _book(random, *grids[each]) for each in EXCHANGES}
    states = {
        at: _state(random, grids[exchange][1], books[exchange])
        for at, exchange in enumerate(chosen)
    }
    takes = pick((True, False))
    price = 0 if takes and pick((True, False)) else random.randint(99_800, 100_200) * UNITS // 1000
    size = pick((random.randrange(8 * UNITS), UNITS, 3 * UNITS, UNITS // 100))
    if not apart:
        size = random.randrange(9 * UNITS)
    return Routed(strategy, instruments, states, Want(pick((1, -1)), size, price, takes))


def worlds(*, apart: bool) -> st.SearchStrategy[Routed]:
    """Worlds by their seed: drawing each of their numbers would take longer than the test."""
    return st.integers(0, 2**32).map(lambda seed: world_of(Random(seed), apart=apart))


def _book(random: Random, tick: str, lot: str, book_lot: str) -> tuple[Any, Any]:
    """Bids and asks in a market's ticks and lots; a side may be empty."""
    middle = round(MID / Fraction(tick)) + random.randint(-2, 2)
    sides = []
    for side in (-1, 1):
        levels = []
        for at in range(random.choice((0, 1, 2, 3, 4, 4, 4, 4))):
            base = Fraction(random.randint(1, 30 * 10**8), 10**9)
            levels.append((middle + side * (at + 1), max(1, round(base / Fraction(book_lot)))))
        sides.append(tuple(levels))
    return sides[0], sides[1]


def _state(random: Random, lot: str, book: tuple[Any, Any]) -> VenueState:
    def lots(tenths: int) -> int:
        return round(Fraction(random.randint(0, tenths), 10) / Fraction(lot))

    return VenueState(
        *book,
        fresh=random.random() < 0.95,
        gate=random.choice([*[GateState.ACTIVE] * 12, *[GateState.REDUCING] * 2, GateState.HALTED]),
        orders_left=random.choice((0, 1, 2, *[50] * 12)),
        position=lots(50) * random.choice((-1, 1)),
        open_buys=lots(20) * random.choice((0, 1)),
        open_sells=lots(20) * random.choice((0, 1)),
    )
