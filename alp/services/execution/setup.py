"""What an execution handler needs before it begins: whose account, where, with which journal."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from alp.bus.sockets import CurveKeys
from alp.errors import ConfigError, VenueError
from alp.journal.ids import DIGITS
from alp.journal.journal import Journal, JournalOptions
from alp.services.execution.account import MOST_ENDED
from alp.services.execution.limits import AccountVenue, account_venues, journal_instruments
from alp.services.market.feeds import products_of
from alp.strategy.manifest import Strategy
from alp.strategy.venues import Venue
from alp.venues.adapter import Endpoints
from alp.venues.http import Budget, Http
from alp.venues.registry import adapter_for

logger = logging.getLogger(__name__)

SECOND = 10**9
MOST_NAME = 48
TAG_LENGTH = 5


@dataclass(frozen=True)
class Placement:
    """Where one process works.

    Attributes
    ----------
    venue
        Name of a venue of the manifest: its account is the one to own.
    state
        Folder of the strategy's state: kill switch and journals.
    commands
        Where commands are taken.
    publish, recall
        Where reports go out, and where late subscribers are answered.
    quotes
        Where the quote server publishes and answers.
    keys
        Folder of the account's keys; the environment by default.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    """

    venue: str
    state: Path
    commands: str
    publish: str
    recall: str
    quotes: tuple[str, str]
    keys: Path | None = None
    health: str | None = None
    curve: CurveKeys | None = None


def account_name(venue: Venue) -> str:
    """Return what an account is called: in its journal, its folder and its logs."""
    return venue.account


def tag_of(strategy: Strategy, account: str) -> str:
    """Return what all client ids of an account begin with: another strategy's never do."""
    namespace = strategy.metadata.namespace or ""
    text = f"{namespace}/{strategy.name}/{account}"
    number = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
    return "".join(DIGITS[number // 36**place % 36] for place in range(TAG_LENGTH))


def endpoints_of(strategy: Strategy, venue: Venue) -> Endpoints:
    """Return where a venue is.

    Raises
    ------
    ConfigError
        If orders would leave that the manifest's mode does not mean to send.
    """
    given = venue.endpoints
    if strategy.spec.mode == "shadow":
        raise ConfigError("spec.mode is shadow, which sends nothing: there is nothing to execute")
    if strategy.spec.mode == "paper" and not (given.rest and given.stream):
        raise ConfigError(
            f"spec.mode is paper, and venue {venue.name} would be the real {venue.exchange}",
            hint="name a simulated one: `alp venue` prints its spec.venues[].endpoints",
        )
    return Endpoints(given.rest or "", given.stream or "", given.orders or "")


async def load_products(strategy: Strategy, name: str, endpoints: Endpoints) -> list[AccountVenue]:
    """Ask a venue what an account's products are, until it says it.

    Raises
    ------
    ConfigError
        If it does not know one.
    """
    venues = account_venues(strategy, name)
    exchange = venues[0][1].exchange
    market = adapter_for(exchange, endpoints)
    symbols = [venue.symbol for _, venue in venues]
    async with Http(market.endpoints.rest, Budget(market.weight_per_minute // 4)) as http:
        while True:
            try:
                found = await market.instruments(http, symbols)
            except VenueError as error:
                logger.warning("%s: no instruments: %s", exchange, error)
                await asyncio.sleep(max(error.retry_ns / SECOND, 1.0))
                continue
            return [
                AccountVenue(index, venue, instrument)
                for (index, venue), instrument in zip(venues, found, strict=True)
            ]


def open_journal(
    strategy: Strategy,
    account: str,
    folder: Path,
    products: Sequence[AccountVenue],
    on_broken: Callable[[OSError], object],
) -> Journal:
    """Open the journal of an account, for this process alone.

    Parameters
    ----------
    on_broken
        Is told, in any thread, when nothing can be written any more.

    Raises
    ------
    ConfigError, DataError, OSError
        See :class:`alp.journal.journal.Journal`.
    """
    journal = Journal(
        folder / account,
        f"{strategy.name}/{account}"[:MOST_NAME],
        journal_instruments(strategy, products),
        now_ns=time.time_ns,
        options=JournalOptions(orders=2 * MOST_ENDED, trades=8 * MOST_ENDED),
        on_broken=on_broken,
    )
    if journal.before is not None:
        for damage in journal.before.damages:
            logger.error("the journal was damaged: %s", damage)
        left = sum(len(journal.orders.open_orders(each.index)) for each in products)
        logger.info("by the journal %d orders may be open", left)
        if journal.suspects:
            logger.warning(
                "the journal does not vouch for %d orders: those that are open will be adopted: %s",
                len(journal.suspects),
                ", ".join(journal.suspects[:20]),
            )
    return journal


def bus_numbers(strategy: Strategy) -> list[int]:
    """Return by which number each venue's product is named on the bus."""
    numbers = {
        (each.exchange, each.symbol, each.endpoints): each.index for each in products_of(strategy)
    }
    found = []
    for venue in strategy.spec.venues:
        endpoints = Endpoints(venue.endpoints.rest or "", venue.endpoints.stream or "")
        found.append(numbers[venue.exchange, venue.symbol, endpoints])
    return found
