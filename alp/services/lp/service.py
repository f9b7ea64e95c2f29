"""The LP agent as a process: the chain, the bus, probes, the kill switch, and an end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvloop
import zmq
from prometheus_client import CollectorRegistry

from alp._core.wire import HeaderFields, HeartbeatMessage, InventoryMessage, encode
from alp.bus.addresses import claimed
from alp.bus.sockets import CurveKeys, Publisher
from alp.bus.sources import Source
from alp.chain.port import Mined
from alp.chain.remote import RemoteChain, socket_of
from alp.errors import ConfigError, RpcError
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.services.execution.kill_switch import KillSwitch
from alp.services.lp.agent import Inventory, LpAgent
from alp.services.lp.memory import MemoryFile
from alp.services.lp.metrics import LpMetrics
from alp.services.lp.saga import Saga, SagaRules
from alp.services.tasks import obeying_signals, run_parts
from alp.strategy.manifest import Strategy
from alp.venues.backoff import Backoff

logger = logging.getLogger(__name__)

SECOND = 10**9
BEAT_S = 0.5
ANSWER_S = 0.05
MOST_PAUSE_NS = 10 * SECOND
SILENT_BLOCKS = 5
"""Blocks' time after which a chain that says nothing is called silent."""
STOP_LOOK_S = 0.05


@dataclass(frozen=True)
class Placement:
    """Where one process works.

    Attributes
    ----------
    chain
        Address of the chain: ``paper://PATH`` of a simulated one's socket.
    state
        Folder of the strategy's state: kill switch and the agent's memory.
    publish, recall
        Where the inventory goes out, and where late subscribers are answered.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    confirmations
        See :class:`~alp.services.lp.saga.SagaRules`.
    block_s
        Real seconds between two blocks: how long a silence is none.
    """

    chain: str
    state: Path
    publish: str
    recall: str
    health: str | None = None
    curve: CurveKeys | None = None
    confirmations: int = 2
    block_s: float = 12.0


class LpService:
    """Owns a strategy's positions in its pool.

    Raises
    ------
    ConfigError
        If the manifest's mode does not allow it, or the chain has no such address.
    """

    def __init__(self, strategy: Strategy, placement: Placement) -> None:
        if strategy.spec.mode != "paper":
            raise ConfigError(
                f"spec.mode is {strategy.spec.mode}: the LP agent has a simulated chain only",
                hint="set spec.mode: paper",
            )
        self._strategy = strategy
        self._placement = placement
        self.kill_switch = KillSwitch(placement.state)
        self._file = MemoryFile(placement.state)
        self.chain = RemoteChain(
            socket_of(placement.chain), strategy.name, strategy.spec.pool.network.chain_id
        )
        self.agent = LpAgent(
            strategy,
            self.chain,
            self._file,
            rules=SagaRules(confirmations=placement.confirmations),
            may_act=self._may_act,
            tell=self._tell,
        )
        self._watch = LoopWatch()
        self._told_to_stop = asyncio.Event()
        self._stop = asyncio.Event()
        self._begun_ns = time.monotonic_ns()
        self.began = False
        self.trouble = "the chain was not read yet"
        self.web: Web | None = None

    @property
    def writes(self) -> int:
        """How often the memory was written."""
        return self._file.writes

    @property
    def silent_s(self) -> float | None:
        """Seconds since the chain was read; None before it was."""
        heard_ns = self.agent.heard_ns
        return None if heard_ns is None else (time.monotonic_ns() - heard_ns) / SECOND

    async def run(self) -> Saga | None:
        """Work until SIGTERM or SIGINT; return the plan that is still under way, if one is.

        Raises
        ------
        ConfigError
            If an address is taken, or another agent works in this folder.
        Corrupt
            If the memory is damaged.
        OSError
            If the memory cannot be written.
        """
        placement = self._placement
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(self._file.held())
            stack.enter_context(obeying_signals(self._told_to_stop.set))
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.term)
            self._bus = Publisher(
                context, placement.publish, placement.recall, Source.LP_AGENT, placement.curve
            )
            stack.callback(lambda: self._bus.close(linger_ms=200))
            if placement.health is not None:
                self.web = await stack.enter_async_context(self._make_web(placement.health))
            stack.push_async_callback(self.chain.close)
            await run_parts(
                self._stop,
                self._work(),
                self._end_in_order(),
                self._beat(),
                self._answer(),
                self._watch.run(),
            )
        if not self.began or self.agent.saga.is_idle:
            return None
        return self.agent.saga

    def _may_act(self) -> bool:
        return not self._told_to_stop.is_set() and not self.kill_switch.is_set

    async def _work(self) -> None:
        """Follow the chain; where it is not reached, try again."""
        backoff = Backoff(Random(), most_ns=MOST_PAUSE_NS)  # noqa: S311 - spreads attempts
        while True:
            try:
                await self._follow(backoff)
            except RpcError as error:
                self.agent.counts["lost chains"] += 1
                self.trouble = error.message
                logger.warning("%s", error)
            await asyncio.sleep(backoff.next_ns() / SECOND)

    async def _follow(self, backoff: Backoff) -> None:
        events = self.chain.events()
        # From the first event on none is missed: only then is read what there was before.
        first = await anext(events)
        if not self.began:
            await self.agent.begin()
            self.began = True
            logger.info("at block %d", first.block.number)
        else:
            await self.agent.catch_up()
            await self.agent.look()
        self.trouble = ""
        backoff.reset()
        async for event in events:
            await self.agent.heard(event)
            if isinstance(event, Mined):
                await self.agent.look()

    async def _end_in_order(self) -> None:
        """Begin no plan any more, and give one that is under way its time."""
        await self._told_to_stop.wait()
        end = time.monotonic_ns() + self._strategy.spec.execution.stop_within
        while self.began and not self.agent.saga.is_idle and time.monotonic_ns() < end:
            await asyncio.sleep(STOP_LOOK_S)
        self._stop.set()

    # the bus

    def _header(self, ts_ns: int = 0) -> HeaderFields:
        return HeaderFields(Source.LP_AGENT, 0, 0, ts_ns, 0)

    def _tell(self, found: Inventory) -> None:
        self._bus.publish(
            encode(
                InventoryMessage(
                    self._header(found.ts_ns),
                    found.base,
                    found.quote,
                    found.delta,
                    found.block,
                    found.epoch,
                )
            )
        )

    async def _beat(self) -> None:
        """Say that this process lives; that the chain does, only a new inventory says."""
        config = int(self._strategy.fingerprint()[:16], 16)
        while True:
            uptime = time.monotonic_ns() - self._begun_ns
            self._bus.publish(encode(HeartbeatMessage(self._header(), uptime, config)))
            await asyncio.sleep(BEAT_S)

    async def _answer(self) -> None:
        while True:
            self._bus.answer()
            await asyncio.sleep(ANSWER_S)

    # probes

    def _make_web(self, address: str) -> Web:
        registry = CollectorRegistry()
        registry.register(LpMetrics(self._strategy.name, self, self._watch))
        return Web(
            address,
            alive=self._watch.alive,
            ready=self.ready,
            registry=registry,
            pages={"/positions": self.positions},
        )

    def ready(self) -> Health:
        """Return whether what is published is true now, and plans may begin."""
        reasons = [f"chain: {self.trouble}"] if self.trouble else []
        silent_s = self.silent_s
        if silent_s is not None and silent_s > SILENT_BLOCKS * self._placement.block_s:
            reasons.append(f"chain: no block for {silent_s:.0f} s")
        if self.kill_switch.is_set:
            reasons.append(f"killed: {self.kill_switch.reason or 'the kill switch is set'}")
        if self._told_to_stop.is_set():
            reasons.append("stopping")
        return Health(not reasons, reasons, self.positions())

    def positions(self) -> dict[str, Any]:
        """Return what is held and what is under way, for people: raw amounts as text."""
        agent = self.agent
        if not self.began or agent.view is None or agent.inventory is None:
            return {}
        saga, found = agent.saga, agent.inventory
        return {
            "block": found.block,
            "epoch": found.epoch,
            "base": str(found.base),
            "quote": str(found.quote),
            "delta": str(found.delta),
            "positions": [
                {**each._asdict(), "liquidity": str(each.liquidity)}
                for each in agent.view.account.positions
            ],
            "plan": {
                "stage": saga.stage.value,
                "id": saga.plan_id,
                "nonce": saga.nonce,
                "transactions": [each.tx for each in saga.attempts],
            },
        }


async def _run(strategy: Strategy, placement: Placement) -> Saga | None:
    return await LpService(strategy, placement).run()


def serve(strategy: Strategy, placement: Placement) -> Saga | None:
    """Run an LP agent in this process until it is told to stop; return the plan under way.

    Raises
    ------
    ConfigError, Corrupt, OSError
        See :class:`LpService`; or if another process publishes where this one would.
    """
    with claimed(placement.publish):
        return uvloop.run(_run(strategy, placement))
