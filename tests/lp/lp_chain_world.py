"""A simulated chain and an agent on it, in one process and without waiting."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

from alp._core.pool import Pool
from alp.chain.port import ChainEvent
from alp.paper.pool.chain import ChainSettings, SimulatedChain
from alp.paper.pool.flow import GeneratedFlow, MadeUp
from alp.paper.pool.local import LocalChain
from alp.paper.pool.script import ChainScript
from alp.services.lp.agent import Decided, Inventory, LpAgent
from alp.services.lp.memory import MemoryFile
from alp.services.lp.saga import SagaRules
from alp.strategy.loading import load_manifest

SECOND = 10**9
START_NS = 1_704_412_800 * SECOND
FIRST = 18_937_382
BLOCK_NS = 12 * SECOND
ACCOUNT = "agent"
LIQUIDITY = 20 * 10**18


def manifest(**rebalance: Any):
    return load_manifest(
        {
            "apiVersion": "alp.dev/v1alpha1",
            "kind": "Strategy",
            "metadata": {"name": "pooled"},
            "spec": {
                "pool": {"chain": "ethereum", "base": "WETH", "quote": "USDC", "feeTier": 500},
                "inventory": {"base": "10", "quote": "22500"},
                "model": {"intensity": {"A": 0.9, "k": 0.3}},
                "ranges": {"baseSpreadBps": 60, "minWidthBps": 30, "maxWidthBps": 300},
                "rebalance": {
                    "inventoryDeviationBps": 3000,
                    "priceMoveBps": 50,
                    "cooldown": "1m",
                    "maxGasQuote": "1000000",
                    "weighBenefit": False,
                    "twapGuardBps": 0,
                    **rebalance,
                },
            },
        }
    )


def made_pool(pair, price: Fraction, liquidity: int = LIQUIDITY) -> Pool:
    """A pool with the same liquidity everywhere near the price, of somebody else."""
    from decimal import Decimal

    pool = Pool(pair.fee_pips, pair.tick_spacing)
    pool.initialize(pair.price_to_sqrt_x96(Decimal(str(float(price)))), START_NS // SECOND)
    middle = pool.tick // 60 * 60
    pool.mint(1, middle - 60_000, middle + 60_000, liquidity, START_NS // SECOND)
    return pool


def made_chain(
    strategy=None,
    *,
    seed: int = 1,
    script: ChainScript | None = None,
    move: float = 1.5e-3,
    **settings: Any,
) -> SimulatedChain:
    strategy = strategy or manifest()
    pair = strategy.pair()
    price = Fraction(2250)
    flow = GeneratedFlow(
        pair,
        price,
        FIRST - 1,
        START_NS - BLOCK_NS,
        block_ns=BLOCK_NS,
        market=MadeUp(seed=seed, move_per_block=move),
    )
    chain = SimulatedChain(
        made_pool(pair, price), flow, ChainSettings(seed=seed, **settings), script
    )
    spec = strategy.spec
    amounts = pair.split(
        pair.to_raw_base(spec.inventory.base), pair.to_raw_quote(spec.inventory.quote)
    )
    chain.fund(ACCOUNT, *amounts, 10**21)
    return chain


@dataclass
class World:
    """An agent and its chain; `kill` forgets everything that is not on the disk."""

    folder: Path
    strategy: Any
    chain: SimulatedChain
    rules: SagaRules = field(default_factory=SagaRules)
    told: list[Inventory] = field(default_factory=list)
    decided: list[Decided] = field(default_factory=list)
    may_act: bool = True

    def __post_init__(self) -> None:
        self.port = LocalChain(self.chain, ACCOUNT)
        self.agent = self._agent()

    def _agent(self) -> LpAgent:
        return LpAgent(
            self.strategy,
            self.port,
            MemoryFile(self.folder),
            rules=self.rules,
            may_act=lambda: self.may_act,
            tell=self.told.append,
            decided=self.decided.append,
            clock_ns=lambda: 0,
        )

    async def begin(self) -> None:
        await self.agent.begin()

    async def kill(self) -> None:
        self.agent = self._agent()
        await self.agent.begin()

    async def step(self) -> list[ChainEvent]:
        """Let a slot pass and the agent look."""
        events = self.port.mine()
        for event in events:
            await self.agent.heard(event)
        if events:
            await self.agent.look()
        return events

    async def run(self, blocks: int) -> None:
        for _ in range(blocks):
            await self.step()

    def check(self) -> None:
        """What was published last is what the chain says, counted in another way."""
        last, pair = self.told[-1], self.strategy.pair()
        assert last.block == self.chain.head.number
        purse = self.chain._purses[ACCOUNT]
        amounts = [purse.amount0, purse.amount1]
        contracts = self.chain._contracts
        pool = self.chain.pool.copy()
        for held in contracts.manager.tokens_of(purse.owner).values():
            ticks = held.tick_lower, held.tick_upper
            owner = contracts.manager.address
            pool.burn(owner, *ticks, held.liquidity, self.chain.head.ts_ns // SECOND)
            got = pool.collect(owner, *ticks, 2**128 - 1, 2**128 - 1)
            amounts = [amounts[0] + got[0], amounts[1] + got[1]]
        assert pair.split(last.base, last.quote) == tuple(amounts)
