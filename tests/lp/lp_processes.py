"""``alp chain`` and ``alp lp-agent`` as processes, and what the agent says on the bus."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import zmq
from kill_venues import free_port

from alp._core.liquidity_amounts import get_amounts_for_liquidity
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp._core.wire import HeartbeatMessage, InventoryMessage, decode
from alp.bus.sockets import Subscriber
from alp.chain.remote import RemoteChain

NAME = "pooled"
SOON_S = 30.0
MANIFEST = """\
apiVersion: alp.dev/v1alpha1
kind: Strategy
metadata: {name: pooled}
spec:
  pool: {chain: ethereum, base: WETH, quote: USDC, feeTier: 500}
  inventory: {base: "10", quote: "22500"}
  model: {intensity: {A: 0.9, k: 0.3}}
  ranges: {baseSpreadBps: 60, minWidthBps: 30, maxWidthBps: 300}
  rebalance: {inventoryDeviationBps: 1000, priceMoveBps: 20, cooldown: 1m, maxGasQuote: "1000000",
              weighBenefit: false, twapGuardBps: 0}
  execution: {stopWithin: 1s}
"""


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "alp", *arguments]


@dataclass
class Agent:
    """One process; its log is a file."""

    process: subprocess.Popen[bytes]
    port: int
    log: Path

    def page(self, path: str) -> tuple[int, Any]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                text = answer.read()
                return answer.status, json.loads(text) if path != "/metrics" else text.decode()
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read())
        except OSError as error:
            return 0, str(error)

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(by)
        return self.process.wait(SOON_S)

    @property
    def text(self) -> str:
        return self.log.read_text()


@dataclass
class Stage:
    """The chain and whoever works on it."""

    root: Path
    folder: Path
    agents: list[Agent] = field(default_factory=list)
    heard: list[InventoryMessage] = field(default_factory=list)
    beats: int = 0

    @property
    def manifest(self) -> Path:
        return self.folder / "strategy.yaml"

    @property
    def chain(self) -> str:
        return f"paper://{self.folder}/chain.sock"

    @property
    def bus(self) -> str:
        return f"ipc://{self.folder}/lp.ipc"

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, "PYTHONPATH": str(self.root)}

    def alp(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(*arguments),
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def agent(self, *more: str) -> Agent:
        log, port = self.folder / f"agent-{len(self.agents)}.log", free_port()
        with log.open("wb") as file:
            process = subprocess.Popen(
                command(
                    *("lp-agent", str(self.manifest), "--chain", self.chain),
                    *("--state", str(self.folder), "--publish", self.bus),
                    *("--health", f"127.0.0.1:{port}", "--block-time", "0.2", *more),
                ),
                cwd=self.root,
                env=self.environment,
                stdout=file,
                stderr=file,
            )
        self.agents.append(Agent(process, port, log))
        return self.agents[-1]

    def asked(self, **what: Any) -> dict[str, Any]:
        """Ask the simulation for what no chain can do."""

        async def ask() -> Any:
            chain = RemoteChain(Path(self.chain.removeprefix("paper://")), NAME, 1)
            try:
                return await chain.control(**what)
            finally:
                await chain.close()

        return asyncio.run(ask())

    def truths(self) -> dict[int, tuple[int, int]]:
        """By block what the account holds, base and quote, as far as the chain still knows."""

        async def ask() -> dict[int, tuple[int, int]]:
            chain = RemoteChain(Path(self.chain.removeprefix("paper://")), NAME, 1)
            found = {}
            try:
                for mined in await chain.recent(40):
                    found[mined.block.number] = held(await chain.view(mined.block.hash))
            finally:
                await chain.close()
            return found

        return asyncio.run(ask())

    def view(self) -> Any:
        async def ask() -> Any:
            chain = RemoteChain(Path(self.chain.removeprefix("paper://")), NAME, 1)
            try:
                return await chain.view()
            finally:
                await chain.close()

        return asyncio.run(ask())

    def until(self, true: Any, subscriber: Subscriber | None = None) -> None:
        end = time.monotonic() + SOON_S
        while not true():
            if subscriber is not None:
                self.listen(subscriber)
            assert time.monotonic() < end, [each.text[-3000:] for each in self.agents[-1:]]
            time.sleep(0.05)

    def listen(self, subscriber: Subscriber) -> None:
        while (data := subscriber.take()) is not None:
            said = decode(data)
            if isinstance(said, InventoryMessage):
                self.heard.append(said)
            elif isinstance(said, HeartbeatMessage):
                self.beats += 1

    def hear(self) -> Subscriber:
        context: zmq.Context[zmq.Socket[bytes]] = zmq.Context.instance()
        return Subscriber(context, [(self.bus, self.bus.replace(".ipc", ".recall.ipc"))])


def held(view: Any) -> tuple[int, int]:
    """Base and quote of an account by the periphery's library; USDC is token0."""
    amounts = [view.account.amount0, view.account.amount1]
    for each in view.account.positions:
        two = get_amounts_for_liquidity(
            view.pool.sqrt_price_x96,
            get_sqrt_ratio_at_tick(each.tick_lower),
            get_sqrt_ratio_at_tick(each.tick_upper),
            each.liquidity,
        )
        amounts = [amounts[0] + two[0] + each.fees0, amounts[1] + two[1] + each.fees1]
    return amounts[1], amounts[0]


@contextmanager
def stage(root: Path, folder: Path, *more: str) -> Iterator[Stage]:
    """Run a chain with a made-up market; at the end it stops with 0."""
    here = Stage(root, folder)
    here.manifest.write_text(MANIFEST)
    arguments = ("chain", str(here.manifest), "--socket", str(folder / "chain.sock"), "--json")
    process = subprocess.Popen(
        command(*arguments, "--made-up", "--price", "2250", *more),
        cwd=root,
        env=here.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        assert json.loads(line)["chain"] == here.chain
        yield here
        process.send_signal(signal.SIGTERM)
        out, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors, errors
        assert json.loads(out)["block"] > 0
    finally:
        for each in here.agents:
            each.process.kill()
            each.process.wait()
        process.kill()
        process.communicate()
