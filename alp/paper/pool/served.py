"""A strategy's simulated chain, made from its manifest and served until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import uvloop
from prometheus_client import CollectorRegistry

from alp._core.pool import Pool
from alp.backtest.drive import BLOCK_NS
from alp.backtest.setup import open_inputs, open_recording
from alp.bus.addresses import IPC, claimed
from alp.data.schema import Kind
from alp.errors import ConfigError
from alp.models.pair import TokenPair
from alp.observe.web import Health, Web
from alp.paper.pool.chain import GWEI, ChainSettings, SimulatedChain
from alp.paper.pool.file import read_chain_faults
from alp.paper.pool.flow import Flow, GeneratedFlow, MadeUp, RecordedFlow
from alp.paper.pool.mids import follow_quotes
from alp.paper.pool.server import ChainServer
from alp.strategy.manifest import Strategy

SECOND = 10**9
START_NS = 1_704_412_800 * SECOND
"""When a made-up market begins: 2024-01-05."""
FIRST_BLOCK = 18_937_382
LIQUIDITY_QUOTE = 20_000_000
"""Worth of the made-up pool's liquidity within a factor of e of the price, whole quote tokens."""
SPAN_TICKS = 10_000
UNLIMITED_WEI = 10**24
WEI = 10**18


@dataclass(frozen=True)
class Wanted:
    """What is to be served, and where.

    Attributes
    ----------
    price
        At the start of a made-up market; None waits for the first one of `quotes`.
    quotes
        Where a quote server publishes and answers, for a made-up market to follow.
    health
        ``HOST:PORT`` of probes; None serves none.
    """

    path: Path
    rate: float = 1.0
    made_up: bool = False
    price: Decimal | None = None
    seed: int = 1
    faults: Path | None = None
    quotes: tuple[str, str] | None = None
    health: str | None = None


@dataclass(frozen=True)
class Served:
    """What it came to."""

    block: int
    waiting: int
    counts: dict[str, int]


def made_pool(pair: TokenPair, price: Decimal, liquidity_quote: int) -> Pool:
    """Return a pool with the same liquidity on either side of a price, of somebody else."""
    from alp._core.liquidity_amounts import get_liquidity_for_amounts
    from alp._core.tickmath import get_sqrt_ratio_at_tick

    pool = Pool(pair.fee_pips, pair.tick_spacing)
    pool.initialize(pair.price_to_sqrt_x96(price), START_NS // SECOND)
    middle = pool.tick // pair.tick_spacing * pair.tick_spacing
    span = SPAN_TICKS // pair.tick_spacing * pair.tick_spacing
    half = pair.to_raw_quote(Decimal(liquidity_quote) / 2)
    base = int(half * Fraction(10) ** (pair.base_decimals - pair.quote_decimals) / Fraction(price))
    liquidity = get_liquidity_for_amounts(
        pool.sqrt_price_x96,
        get_sqrt_ratio_at_tick(middle - span),
        get_sqrt_ratio_at_tick(middle + span),
        *pair.split(base, half),
    )
    pool.mint(1, middle - span, middle + span, liquidity, START_NS // SECOND)
    return pool


def make_chain(strategy: Strategy, wanted: Wanted) -> SimulatedChain:
    """Return a strategy's chain at its first block, the account funded.

    Raises
    ------
    ConfigError, DataError
        If there is neither a recording of events nor a price, or a file is wrong.
    """
    spec, pair = strategy.spec, strategy.pair()
    gas = spec.backtest.gas
    settings = ChainSettings(
        chain_id=spec.pool.network.chain_id,
        latency_blocks=max(1, spec.backtest.latency.chain_blocks),
        base_fee_wei=int(gas.base_fee_gwei * GWEI),
        gas=gas.units,
        seed=wanted.seed,
    )
    pool, flow = _market(strategy, wanted)
    script = None if wanted.faults is None else read_chain_faults(wanted.faults)
    chain = SimulatedChain(pool, flow, settings, script)
    amounts = pair.split(
        pair.to_raw_base(spec.inventory.base), pair.to_raw_quote(spec.inventory.quote)
    )
    given = spec.inventory.gas
    chain.fund(strategy.name, *amounts, UNLIMITED_WEI if given is None else int(given * WEI))
    return chain


def _market(strategy: Strategy, wanted: Wanted) -> tuple[Pool, Flow]:
    spec, pair = strategy.spec, strategy.pair()
    if wanted.quotes is not None and not wanted.made_up:
        raise ConfigError("a recording follows nobody's quotes", hint="--made-up --price QUOTE")
    if wanted.made_up:
        if wanted.price is None or wanted.price <= 0:
            raise ConfigError(
                "a made-up market needs a price to begin with",
                hint="--price QUOTE, or --quotes ENDPOINT",
            )
        flow = GeneratedFlow(
            pair,
            Fraction(wanted.price),
            FIRST_BLOCK - 1,
            START_NS - BLOCK_NS,
            block_ns=BLOCK_NS,
            market=MadeUp(seed=wanted.seed),
        )
        return made_pool(pair, wanted.price, LIQUIDITY_QUOTE), flow
    folder = strategy.source.parent if strategy.source is not None else Path()
    inputs = open_inputs(spec, pair, folder)
    if inputs.pool is None or inputs.pool.kind is not Kind.POOL_EVENTS:
        raise ConfigError(
            "spec.backtest.data.pool: a chain replays events of a pool, and this is none",
            hint="make the market up: --made-up --price QUOTE",
        )
    opening = open_recording(spec, pair, inputs)
    recorded = RecordedFlow(
        opening.batches, opening.block - 1, opening.ts_ns - BLOCK_NS, block_ns=BLOCK_NS
    )
    return opening.pool, recorded


def serve(strategy: Strategy, wanted: Wanted, served: Callable[[], None]) -> Served:
    """Serve a strategy's chain until SIGTERM or SIGINT.

    Raises
    ------
    ConfigError, DataError
        See :func:`make_chain`; or if the socket or the address of the probes is taken.
    """
    waits = wanted.made_up and wanted.price is None and wanted.quotes is not None
    chain = None if waits else make_chain(strategy, wanted)
    with claimed(f"{IPC}{wanted.path}"):
        chain = uvloop.run(_Serving(strategy, wanted, chain).run(served))
    if chain is None:
        return Served(0, 0, {})
    return Served(chain.head.number, chain.waiting, chain.counts)


class _Serving:
    """One process's chain, its probes, and the price it follows."""

    def __init__(self, strategy: Strategy, wanted: Wanted, chain: SimulatedChain | None) -> None:
        self._strategy = strategy
        self._wanted = wanted
        self._chain = chain
        self._server: ChainServer | None = None
        self._reference: Fraction | None = None
        self._heard = asyncio.Event()

    async def run(self, served: Callable[[], None]) -> SimulatedChain | None:
        """Serve until told to stop; return the chain, None where it never began."""
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(each, stop.set)
        async with contextlib.AsyncExitStack() as stack:
            if self._wanted.health is not None:
                web = Web(
                    self._wanted.health,
                    alive=lambda: Health(ok=True),
                    ready=self._ready,
                    registry=CollectorRegistry(),
                )
                await stack.enter_async_context(web)
            if self._wanted.quotes is not None:
                following = loop.create_task(follow_quotes(self._wanted.quotes, self._refer))
                stack.push_async_callback(_end, following)
            if self._chain is None and not await self._first_price(stop):
                return None
            assert self._chain is not None
            block_s = BLOCK_NS / SECOND / self._wanted.rate if self._wanted.rate else 0.0
            server = self._server = ChainServer(self._chain, self._wanted.path, block_s)
            server.refer(self._reference)
            flow = self._chain.flow
            if isinstance(flow, GeneratedFlow):
                flow.reference = lambda: server.reference
            await server.run(stop, served)
        return self._chain

    def _refer(self, price: Fraction | None) -> None:
        self._reference = price
        if price is not None:
            self._heard.set()
        if self._server is not None:
            self._server.refer(price)

    def _ready(self) -> Health:
        if self._chain is None:
            return Health(ok=False, reasons=["no price was heard to begin with"])
        head = self._chain.head
        return Health(ok=self._server is not None, detail={"block": head.number})

    async def _first_price(self, stop: asyncio.Event) -> bool:
        waiting = [asyncio.create_task(each.wait()) for each in (self._heard, stop)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        if self._reference is None:
            return False
        price = Decimal(self._reference.numerator) / self._reference.denominator
        self._chain = make_chain(self._strategy, replace(self._wanted, price=price))
        return True


async def _end(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
