"""A question to the router from a file: venues, books and positions as people write them."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from alp._core.gate import GateState
from alp._core.route import RouteError
from alp.errors import ConfigError
from alp.services.execution.limits import UNITS, AccountVenue
from alp.services.execution.route_terms import Child, Decision, VenueState, Want
from alp.services.execution.router import Router
from alp.strategy.document import read_document
from alp.strategy.fields import Amount, Exact, PositiveAmount, Section
from alp.strategy.manifest import Strategy
from alp.strategy.problems import ManifestError, Problem
from alp.strategy.translate import explain_errors
from alp.strategy.venues import Venue
from alp.venues.instruments import Grid, Instrument

Side = tuple[tuple[PositiveAmount, PositiveAmount], ...]


class VenueNow(Section):
    """How an account and its market are; prices in quote, quantities in base."""

    bids: Side = ()
    asks: Side = ()
    fresh: Annotated[bool, Field(strict=True)] = True
    gate: Literal["active", "reducing", "halted"] = "active"
    orders_left: Annotated[int, Field(ge=0, strict=True)] = 100
    position: Exact = Decimal(0)
    open_buys: Amount = Decimal(0)
    open_sells: Amount = Decimal(0)


class Now(Section):
    """What a question's file holds."""

    venues: dict[str, VenueNow]


def read_now(path: Path) -> Now:
    """Read a file of books.

    Raises
    ------
    ManifestError
        If it is wrong, with every field that is.
    """
    document = read_document(path.read_bytes(), str(path))
    try:
        return Now.model_validate(document.value)
    except ValidationError as error:
        found = explain_errors(error.errors(include_url=False), document.value)
        raise ManifestError(
            document.name,
            [
                Problem(where, text, *(document.place(where) or (None, None)))
                for where, text in found.items()
            ],
        ) from None


class RouteQuestion:
    """A strategy's router without its venues: ticks and lots are the manifest's.

    Raises
    ------
    ConfigError
        If the manifest does not say one, or a name or a number of `now` fits no venue.
    """

    def __init__(self, strategy: Strategy, now: Now) -> None:
        self._products = {
            venue.name: AccountVenue(index, venue, _instrument(index, venue))
            for index, venue in enumerate(strategy.spec.venues)
        }
        self._router = Router(strategy, list(self._products.values()))
        unknown = sorted(set(now.venues) - set(self._products))
        if unknown:
            names = ", ".join(self._products)
            raise ConfigError(
                f"the manifest has no venue {unknown[0]!r}", hint=f"spec.venues has {names}"
            )
        self._states = {
            self._products[name].index: _state(self._products[name], each)
            for name, each in now.venues.items()
        }

    def ask(self, side: int, size: Decimal, price: Decimal | None, takes: bool) -> Decision:
        """Return where an order goes.

        Raises
        ------
        ConfigError
            If there can be no such order, or no such book.
        """
        want = Want(side, _units(size, "the size"), _units(price or Decimal(0), "the price"), takes)
        try:
            return self._router.route(want, self._states)
        except RouteError as error:
            raise ConfigError(str(error)) from error

    def written(self, decision: Decision) -> dict[str, Any]:
        """Return a decision as JSON holds it; numbers are exact texts."""
        return {
            "orders": [self._written(child) for child in decision.children],
            "left": _text(Decimal(decision.left) / UNITS),
            "short": [each.name for each in type(decision.short) if each in decision.short],
            "nothing": {name: str(why) for name, why in decision.nothing.items()},
        }

    def _written(self, child: Child) -> dict[str, Any]:
        instrument = self._products[child.venue].instrument
        return {
            "venue": child.venue,
            "account": child.account,
            "symbol": instrument.symbol,
            "side": "buy" if child.side > 0 else "sell",
            "size": _text(instrument.order_quantity.value(child.lots)),
            "price": _text(instrument.price.value(child.price)),
            "lots": child.lots,
            "ticks": child.price,
            "takes": child.takes,
        }


def _instrument(index: int, venue: Venue) -> Instrument:
    if venue.tick_size is None or venue.lot_size is None:
        field = "tickSize" if venue.tick_size is None else "lotSize"
        raise ConfigError(
            f"spec.venues[{index}].{field} is needed: the venue itself is not asked here"
        )
    lots = Grid.of(venue.lot_size)
    return Instrument(
        venue.exchange,
        venue.symbol,
        venue.symbol,
        "base",
        "quote",
        Grid.of(venue.tick_size),
        lots,
        lots,
        min_quantity=venue.lot_size,
    )


def _state(product: AccountVenue, now: VenueNow) -> VenueState:
    price, lots = product.instrument.price, product.instrument.order_quantity
    name = product.venue.name

    def levels(side: Side) -> Iterable[tuple[int, int]]:
        for each_price, size in side:
            yield _count(price, each_price, name), _count(lots, size, name)

    return VenueState(
        tuple(levels(now.bids)),
        tuple(levels(now.asks)),
        now.fresh,
        GateState[now.gate.upper()],
        now.orders_left,
        _count(lots, now.position, name),
        _count(lots, now.open_buys, name),
        _count(lots, now.open_sells, name),
    )


def _count(grid: Grid, value: Decimal, name: str) -> int:
    count = value / grid.increment
    if count != int(count):
        raise ConfigError(f"{name}: {value} is no multiple of {grid.increment}")
    return int(count)


def _units(value: Decimal, what: str) -> int:
    units = value * UNITS
    if units != int(units):
        raise ConfigError(f"{what}, {value}, is finer than 1/{UNITS}")
    return int(units)


def _text(value: Decimal) -> str:
    return f"{value.normalize():f}"
