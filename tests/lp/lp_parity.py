"""The same flow to a backtest and to the agent on a simulated chain: one event in each block."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml
from lp_chain_world import World

from alp.backtest.engine import Decision, Engine
from alp.backtest.gas import GasPrice, NativePrice
from alp.backtest.markouts import Markouts
from alp.backtest.setup import Inputs, Setup, open_inputs, open_recording
from alp.backtest.swap_driver import SwapDriver
from alp.models.lp_core import LpCore
from alp.paper.pool.chain import ChainSettings, SimulatedChain
from alp.paper.pool.flow import RecordedFlow
from alp.services.lp.saga import SagaRules
from alp.strategy.loading import load_manifest

BLOCK_NS = 12 * 10**9
ACCOUNT = "agent"


class Answer(NamedTuple):
    """A decision in the words that both have: made when, on what, and what came of it."""

    block: int
    reason: str
    ranges: tuple[Any, ...]
    sqrt_price_x96: int


class Recording(NamedTuple):
    pool: Any
    rows: Any
    ts_ns: int
    block: int


def strategy_of(root: Path, **rebalance: Any):
    text = (root / "examples" / "eth-usdc.yaml").read_text(encoding="utf-8")
    document = yaml.safe_load(text)
    spec = document["spec"]
    spec["hedge"] = {"enabled": False}
    spec["venues"] = []
    spec["ranges"] |= {"baseSpreadBps": 30, "minWidthBps": 15, "maxWidthBps": 150}
    spec["rebalance"] |= {
        "priceMoveBps": 20,
        "inventoryDeviationBps": 3000,
        "weighBenefit": False,
        "maxGasQuote": "1000000",
        "twapGuardBps": 0,
        **rebalance,
    }
    spec["backtest"]["fidelity"] = "reexecute"
    spec["backtest"]["window"] = {}
    return load_manifest(document)


def recording(root: Path, strategy: Any, events: int) -> Recording:
    """The first events of the example's day, each in a block of its own, twelve seconds apart."""
    inputs = open_inputs(strategy.spec, strategy.pair(), root / "examples")
    opening = open_recording(strategy.spec, strategy.pair(), inputs)
    rows = np.concatenate(list(islice(opening.batches, 4)))[:events].copy()
    rows["block"] = opening.block + 1 + np.arange(len(rows))
    rows["ts_ns"] = opening.ts_ns + BLOCK_NS * (1 + np.arange(len(rows)))
    return Recording(opening.pool, rows, opening.ts_ns, opening.block)


def backtest(strategy: Any, recorded: Recording) -> tuple[list[Answer], list[Decision], Engine]:
    """Every plan and refusal of a backtest, in order, with the engine after it."""
    spec, pair = strategy.spec, strategy.pair()
    gas = spec.backtest.gas
    driver = SwapDriver(
        pair,
        recorded.pool.copy(),
        iter([recorded.rows]),
        reexecute=True,
        mark_every_ns=60 * 10**9,
        ts_ns=recorded.ts_ns,
        block=recorded.block,
        keep_ns=max(spec.rebalance.twap_window, 60_000_000_000) * 2,
        markouts=Markouts(()),
    )
    engine = Engine(
        Setup(
            spec=spec,
            pair=pair,
            inputs=Inputs(),
            driver=driver,
            markouts=Markouts(()),
            gas_price=GasPrice.constant(gas.base_fee_gwei, gas.priority_fee_gwei),
            native=NativePrice(True, None),
            start_ns=recorded.ts_ns,
            end_ns=None,
            lp_fidelity="reexecute",
            liquidity_source="snapshot",
        )
    )
    answers: list[Answer] = []
    engine.core = _Listening(engine.core, answers)  # type: ignore[assignment]
    record = engine.run()
    return answers, record.decisions, engine


class _Listening:
    """A core, and what it answered."""

    def __init__(self, core: LpCore, answers: list[Answer]) -> None:
        self._core, self._answers = core, answers

    def __getattr__(self, name: str) -> Any:
        return getattr(self._core, name)

    def step(self, seen: Any) -> Any:
        answer = self._core.step(seen)
        note(self._answers, seen, answer)
        return answer


def note(answers: list[Answer], seen: Any, answer: Any) -> None:
    plan = answer if hasattr(answer, "actions") else None
    if plan is not None:
        answers.append(Answer(seen.block, plan.reason.value, plan.ranges, seen.sqrt_price_x96))
    elif answer.refusal is not None:
        answers.append(Answer(seen.block, answer.refusal.reason.value, (), seen.sqrt_price_x96))


async def on_chain(folder: Path, strategy: Any, recorded: Recording) -> tuple[list[Answer], World]:
    """Every plan and refusal of the agent over the same events."""
    spec, pair = strategy.spec, strategy.pair()
    gas = spec.backtest.gas
    flow = RecordedFlow(
        iter([recorded.rows]), recorded.block - 1, recorded.ts_ns - BLOCK_NS, block_ns=BLOCK_NS
    )
    settings = ChainSettings(base_fee_wei=int(gas.base_fee_gwei * 10**9), gas=gas.units)
    chain = SimulatedChain(recorded.pool.copy(), flow, settings)
    wallet = pair.split(
        pair.to_raw_base(spec.inventory.base), pair.to_raw_quote(spec.inventory.quote)
    )
    chain.fund(ACCOUNT, *wallet, 10**24)
    world = World(folder, strategy, chain, SagaRules(confirmations=1))
    answers: list[Answer] = []
    await world.begin()
    world.agent.core = _Listening(world.agent.core, answers)  # type: ignore[assignment]
    # What was decided at the first block, before anybody listened.
    first = world.decided[0]
    assert first.plan is not None
    price = chain.view(ACCOUNT).pool.sqrt_price_x96
    answers.append(Answer(first.block, first.plan.reason.value, first.plan.ranges, price))
    await world.run(len(recorded.rows))
    return answers, world
