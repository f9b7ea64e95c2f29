"""One exchange as a process: made from what was asked for, and ended by a signal."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import uvloop

from alp._core.matching import QueueModel
from alp.errors import ConfigError
from alp.paper.certificate import certificate
from alp.paper.exchange import Exchange
from alp.paper.faults.chaos import Chaos
from alp.paper.faults.file import FaultFile
from alp.paper.key_folder import share_keys
from alp.paper.own_accounts import hold_base, open_accounts
from alp.paper.recorded import Recorded
from alp.paper.venues import VENUES, check_symbol, made_up

logger = logging.getLogger(__name__)

_FAMILIES = {"coinbase-exchange": "coinbase"}
TIDY_S = 0.5
"""At most, for the last connections to end."""


@dataclass(frozen=True)
class Wanted:
    """What to serve.

    Attributes
    ----------
    exchange
        One of :data:`alp.paper.venues.VENUES`.
    products
        Symbols; with a recording also ``SYMBOL=RECORDED``, its name there. Empty: the exchange's
        usual one, or all of the recording.
    recordings
        Files that are one capture; none: markets are made up.
    speed
        Recorded seconds in one second; None: as fast as readers take it.
    rate
        Made-up events a second in each market, after the recording too; 0: it stands still.
    tls
        Folder of a certificate; it is made there if need be. None: plain.
    keys
        Folder of the accounts' keys; they are written there, or taken from there. None: those that
        everybody knows.
    queue
        How resting orders move forward.
    control
        Whether tests may ask for its truth and for more faults.
    accounts
        Names of the accounts, with new keys; empty: the two that everybody knows.
    base
        What each begins with of the assets that are traded, 10⁻⁸ each; None: a million.
    """

    exchange: str
    products: tuple[str, ...] = ()
    recordings: tuple[Path, ...] = ()
    speed: float | None = 1.0
    seed: int = 1
    rate: float = 20.0
    host: str = "127.0.0.1"
    port: int = 0
    faults: FaultFile = field(default_factory=FaultFile)
    tls: Path | None = None
    keys: Path | None = None
    queue: QueueModel = QueueModel.CONSERVATIVE
    control: bool = False
    accounts: tuple[str, ...] = ()
    base: int | None = None


@dataclass(frozen=True)
class Served:
    """What was done until the end."""

    connections: int
    requests: int
    events: int
    trades: int
    faults: int
    orders: int
    fills: int


def exchange_of(wanted: Wanted) -> Exchange:
    """Make an exchange that does not listen yet.

    Raises
    ------
    ConfigError
        If a product is none of the exchange's, or no certificate can be made, or keys not read.
    DataError
        If a recording cannot be read, or has no such product.
    """
    source = _recorded(wanted) if wanted.recordings else None
    markets = (
        made_up(wanted.exchange, wanted.products, wanted.seed) if source is None else source.markets
    )
    protocol = VENUES[wanted.exchange].make(markets)
    protocol.skew_ns = wanted.faults.skew_ns
    if protocol.private is not None:
        desk = protocol.private.desk
        desk.model = wanted.queue
        if wanted.accounts:
            open_accounts(desk, wanted.accounts)
        if wanted.base is not None:
            hold_base(desk, wanted.base)
        if wanted.keys is not None:
            share_keys(desk.accounts, wanted.keys)
    tls: ssl.SSLContext | None = None
    if wanted.tls is not None:
        tls, _ = certificate(wanted.tls, wanted.host)
    return Exchange(
        protocol,
        rate=wanted.rate,
        source=source,
        script=wanted.faults.script,
        tls=tls,
        host=wanted.host,
        port=wanted.port,
        control=wanted.control,
    )


def _recorded(wanted: Wanted) -> Recorded:
    pairs = [each.partition("=") for each in wanted.products]
    names = {recorded or served: served for served, _, recorded in pairs}
    if len(set(names.values())) < len(pairs):
        raise ConfigError("a product is given twice")
    source = Recorded(wanted.recordings, names, speed=wanted.speed, seed=wanted.seed)
    family = _FAMILIES.get(source.feed, source.feed)
    family = "binance" if family.startswith("binance") else family
    renamed = {served for served, equals, _ in pairs if equals}
    for market in source.markets:
        if family != VENUES[wanted.exchange].family and market.symbol not in renamed:
            raise ConfigError(
                f"the recording is of {source.feed}, whose names are not {wanted.exchange}'s",
                hint=f"say what it is to be called: --product SYMBOL={market.symbol}",
            )
        check_symbol(wanted.exchange, market.symbol)
    return source


def serve(wanted: Wanted, ready: Callable[[Exchange], None]) -> Served:
    """Serve until SIGTERM or SIGINT.

    Parameters
    ----------
    ready
        Called when it listens.

    Raises
    ------
    ConfigError
        See :func:`exchange_of`; or if it cannot listen there.
    DataError
        See :func:`exchange_of`; or if a recording is damaged farther on.
    """
    exchange = exchange_of(wanted)
    return uvloop.run(_serve(exchange, wanted, ready))


async def _serve(exchange: Exchange, wanted: Wanted, ready: Callable[[Exchange], None]) -> Served:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await exchange.start()
    except OSError as error:
        why = error.strerror or error
        raise ConfigError(f"cannot listen on {wanted.host}:{wanted.port}: {why}") from error
    chaos = _chaos(exchange, wanted)
    work = [asyncio.create_task(exchange.served()), asyncio.create_task(stop.wait())]
    if chaos is not None:
        work.append(asyncio.create_task(chaos.run()))
    try:
        ready(exchange)
        done, _ = await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(exchange.stop(), TIDY_S)
    markets, private = exchange.markets.values(), exchange.protocol.private
    return Served(
        exchange.opened,
        sum(exchange.requests.values()),
        sum(each.events for each in markets),
        sum(each.trades for each in markets),
        0 if chaos is None else len(chaos.happened),
        0 if private is None else private.desk.placed,
        0 if private is None else len(private.desk.trades),
    )


def _chaos(exchange: Exchange, wanted: Wanted) -> Chaos | None:
    random = wanted.faults.random
    if random is None:
        return None

    def tell(what: str) -> None:
        logger.info("fault: %s", what)

    return Chaos(exchange, random.seed, random.mean_s, tell, random.faults)
