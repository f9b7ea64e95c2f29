"""A strategy's simulated chain, made from its manifest and served until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import uvloop

from alp._core.pool import Pool
from alp.backtest.drive import BLOCK_NS
from alp.backtest.setup import open_inputs, open_recording
from alp.bus.addresses import IPC, claimed
from alp.data.schema import Kind
from alp.errors import ConfigError
from alp.models.pair import TokenPair
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
    quotes
        Where a quote server publishes and answers, for a made-up market to follow.
    """

    path: Path
    rate: float = 1.0
    made_up: bool = False
    price: Decimal | None = None
    seed: int = 1
    faults: Path | None = None
    quotes: tuple[str, str] | None = None


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
            raise ConfigError("a made-up market needs a price to begin with", hint="--price QUOTE")
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
        See :func:`make_chain`; or if the socket is taken.
    """
    chain = make_chain(strategy, wanted)
    block_s = BLOCK_NS / SECOND / wanted.rate if wanted.rate else 0.0
    with claimed(f"{IPC}{wanted.path}"):
        uvloop.run(_serve(chain, wanted, block_s, served))
    return Served(chain.head.number, chain.waiting, chain.counts)


async def _serve(
    chain: SimulatedChain, wanted: Wanted, block_s: float, served: Callable[[], None]
) -> None:
    server = ChainServer(chain, wanted.path, block_s)
    flow = chain.flow
    if isinstance(flow, GeneratedFlow):
        flow.reference = lambda: server.reference
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stop.set)
    following = None
    if wanted.quotes is not None:
        following = loop.create_task(follow_quotes(wanted.quotes, server.refer))
    try:
        await server.run(stop, served)
    finally:
        if following is not None:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
