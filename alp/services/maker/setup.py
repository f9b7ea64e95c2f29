"""What a market maker needs before it begins: where everybody is, and what its products are."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from alp.bus.sockets import CurveKeys
from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.models.desk import DeskInstrument
from alp.services.execution.limits import AccountVenue, account_venues, smallest_order
from alp.services.execution.setup import endpoints_of, load_products
from alp.strategy.manifest import Strategy

Endpoints = tuple[str, str]
"""Where a component publishes, and where it answers late subscribers."""


@dataclass(frozen=True)
class Handlers:
    """Where an account's handler is.

    Attributes
    ----------
    commands
        Where it takes what shall rest.
    orders
        Where it says what became of it.
    """

    commands: str
    orders: Endpoints


@dataclass(frozen=True)
class Placement:
    """Where one process works.

    Attributes
    ----------
    state
        Folder of the strategy's state: kill switch, the desk's memory, its log.
    quotes
        Where the quote server is.
    handlers
        By the name of the first venue of each account.
    lp
        Where the LP leg is told; None where nobody tells it, and the venues count alone.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    """

    state: Path
    quotes: Endpoints
    handlers: Mapping[str, Handlers]
    lp: Endpoints | None = None
    health: str | None = None
    curve: CurveKeys | None = None


@dataclass(frozen=True)
class QuotedAccount:
    """One account that is quoted."""

    name: str
    source: int
    venues: tuple[int, ...]
    handlers: Handlers


def accounts(strategy: Strategy, placement: Placement) -> list[QuotedAccount]:
    """Return the accounts of a strategy, each with its handler.

    Raises
    ------
    ConfigError
        If there is none, or one without a handler.
    """
    found: list[QuotedAccount] = []
    known: set[int] = set()
    for place, venue in enumerate(strategy.spec.venues):
        if place in known:
            continue
        mine = tuple(each for each, _ in account_venues(strategy, venue.name))
        known.update(mine)
        if venue.name not in placement.handlers:
            raise ConfigError(f"it is not said where the handler of {venue.name} is")
        source = int(Source.EXECUTION) + mine[0]
        found.append(QuotedAccount(venue.name, source, mine, placement.handlers[venue.name]))
    if not found:
        raise ConfigError("spec.venues is empty: there is nothing to quote")
    return found


async def load_instruments(strategy: Strategy, quoted: list[QuotedAccount]) -> list[DeskInstrument]:
    """Ask the venues what the products are, until they say it; by their places in the manifest.

    Raises
    ------
    ConfigError
        If a venue does not know one.
    """
    asked = (
        load_products(
            strategy, each.name, endpoints_of(strategy, strategy.spec.venues[each.venues[0]])
        )
        for each in quoted
    )
    answers = await asyncio.gather(*asked)
    found = [desk_instrument(each) for products in answers for each in products]
    return sorted(found, key=lambda each: each.index)


def desk_instrument(product: AccountVenue) -> DeskInstrument:
    """Return a product as a desk counts it: in lots of base."""
    known = product.instrument
    lot = known.order_quantity.increment
    most = known.max_quantity
    return DeskInstrument(
        product.index,
        product.venue.name,
        product.venue.exchange,
        product.venue.symbol,
        known.price.increment,
        lot * known.contract_size,
        smallest_order(product),
        1 << 40 if most is None else max(1, int(most / lot)),
    )
