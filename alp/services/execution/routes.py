"""The manifest's accounts as the router counts them: every price and size a whole number of units.

Sizes are in units of 10**-12 base and prices in units of 10**-12 quote, whatever a venue's ticks,
lots and contracts are; so what a venue is given can be compared and added up exactly.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from fractions import Fraction

from alp._core.gate import NO_LIMIT
from alp.errors import ConfigError
from alp.services.execution.limits import UNITS, AccountVenue, instrument_rules, units_of_lot
from alp.strategy.manifest import Strategy
from alp.venues.instruments import Trading

FEE_UNITS = 10_000
"""Of a basis point: fees are counted in 10**-8."""
MOST_WEIGHT = 1 << 16
MOST_FACTOR = 1 << 55
MOST = 1 << 40
"""Lots, where nothing limits them."""


@dataclass(frozen=True, slots=True)
class Route:
    """One account's product, as far as it stays the same.

    Attributes
    ----------
    index
        Its venue's place in the manifest.
    market
        Where its book is: accounts that share one share its depth. Products whose data come under
        one symbol, as Coinbase's against USD and USDC do, have one book.
    tick, lot, book_lot
        Units of a price step, of an order's quantity step, and of the book's.
    maker_fee, taker_fee
        In 10**-8 of the notional.
    weight
        Of its share.
    minimum, maximum
        Lots of one order.
    notional_minimum, notional_maximum
        Ticks times lots of one order.
    position_maximum
        Lots, open orders at their worst included; 0 where there is no limit.
    """

    index: int
    name: str
    account: str
    market: tuple[object, ...]
    tick: int
    lot: int
    book_lot: int
    maker_fee: int
    taker_fee: int
    weight: int
    minimum: int
    maximum: int
    notional_minimum: int
    notional_maximum: int
    position_maximum: int
    makes: bool
    takes: bool


def make_routes(strategy: Strategy, products: Sequence[AccountVenue]) -> list[Route]:
    """Return the route of each product.

    Raises
    ------
    ConfigError
        If a product's steps are no whole units, or its limits let nothing through.
    """
    weights = _weights(strategy)
    return [_route(strategy, each, weights[each.index]) for each in products]


def together(routes: Sequence[Route]) -> list[list[int]]:
    """Return which routes, by their place in the list, share a book with another."""
    markets: dict[tuple[object, ...], list[int]] = {}
    for at, route in enumerate(routes):
        markets.setdefault(route.market, []).append(at)
    return [found for found in markets.values() if len(found) > 1]


def _weights(strategy: Strategy) -> list[int]:
    """Return the shares as whole numbers: exactly, where their common denominator allows it."""
    given = [None if each.share is None else Fraction(each.share) for each in strategy.spec.venues]
    rest = 1 - sum((each for each in given if each is not None), Fraction())
    equal = rest / max(given.count(None), 1)
    shares = [equal if each is None else each for each in given]
    whole = min(math.lcm(*(each.denominator for each in shares)), MOST_WEIGHT)
    return [round(each * whole) for each in shares]


def _route(strategy: Strategy, product: AccountVenue, weight: int) -> Route:
    instrument, venue = product.instrument, product.venue
    field = f"spec.venues[{product.index}]"
    rules = instrument_rules(product, strategy)
    tick, grid = instrument.price.increment, instrument.order_quantity
    lot_base = grid.increment * instrument.contract_size
    least = max(instrument.min_quantity / grid.increment, venue.order.min_base / lot_base)
    most = [rules.size_max, MOST]
    if instrument.max_quantity is not None:
        most.append(int(instrument.max_quantity / grid.increment))
    minimum = max(int(least.to_integral(ROUND_CEILING)), 1)
    if min(most) < minimum:
        raise ConfigError(
            f"{field}.order: no order is both at least {minimum * lot_base} and at most "
            f"{min(most) * lot_base} base"
        )
    notional = (instrument.min_notional or Decimal(0)) / (tick * lot_base)
    return Route(
        product.index,
        venue.name,
        venue.account,
        (venue.exchange, instrument.feed_symbol, venue.endpoints),
        _units(tick, f"{field}: a tick of {instrument.symbol}"),
        units_of_lot(instrument),
        _units(
            instrument.quantity.increment * instrument.contract_size,
            f"{field}: a lot of the book of {instrument.symbol}",
        ),
        _fee(venue.maker_fee_bps, f"{field}.makerFeeBps"),
        _fee(venue.taker_fee_bps, f"{field}.takerFeeBps"),
        weight,
        minimum,
        min(most),
        int(notional.to_integral(ROUND_CEILING)),
        rules.notional_max,
        0 if rules.position_max == NO_LIMIT else rules.position_max,
        makes=instrument.trading in (Trading.OPEN, Trading.POST_ONLY),
        takes=instrument.trading is Trading.OPEN,
    )


def _units(step: Decimal, what: str) -> int:
    units = step * UNITS
    if units != int(units) or not 0 < units < MOST_FACTOR:
        raise ConfigError(f"{what} is {step}, which cannot be counted in units of 1/{UNITS}")
    return int(units)


def _fee(bps: Decimal, field: str) -> int:
    fee = bps * FEE_UNITS
    if fee != int(fee):
        raise ConfigError(f"{field}: {bps} is finer than 1/{FEE_UNITS} bps")
    return int(fee)
