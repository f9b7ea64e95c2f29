"""Many faults of every kind, one after another: in the end the books are the venue's."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from chaos import MADE_UP, Chaos
from exchange import Exchange
from test_session import _impatient, in_the_end_equal, run, running  # noqa: F401

FAULTS = 10


@pytest.mark.slow
@pytest.mark.parametrize(("seed", "name"), list(enumerate(MADE_UP)))
def test_a_session_survives_a_random_sequence_of_faults(seed: int, name: str) -> None:
    async def test() -> None:
        async with (
            Exchange(MADE_UP[name](seed), rate=200, heartbeat_s=0.1, ping_s=0.1) as exchange,
            running(
                exchange, silence_ns=10**9, channel_silence_ns=10**9, ping_ns=10**9 // 4
            ) as made,
        ):
            await in_the_beginning(exchange)
            chaos = Chaos(exchange, seed, 0.2)
            await chaos.run(FAULTS)
            for planned in list(exchange.script.answers):
                exchange.script.answers.remove(planned)
            # Silence and a half-open socket need the market to go on in order to be noticed.
            await asyncio.sleep(2)
            await in_the_end_equal(exchange, made)

    run(test())


async def in_the_beginning(exchange: Exchange) -> None:
    while not exchange.subscriptions["book"]:
        await asyncio.sleep(0.01)


def test_the_same_seed_is_the_same_sequence() -> None:
    async def faults(seed: int) -> list[str]:
        exchange = Exchange(MADE_UP["binance-usdm"](1))
        chaos = Chaos(exchange, seed, 0.0001)
        await chaos.run(30)
        return chaos.happened

    async def test() -> None:
        first = await faults(1)
        assert await faults(1) == first
        assert await faults(2) != first

    run(test())


def test_it_runs_as_a_process_of_its_own(root: Path) -> None:
    file = root / "tests" / "venues" / "chaos.py"
    server = subprocess.Popen(
        [sys.executable, str(file), "kraken-futures", "--rate", "10"],
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
        env={"PYTHONPATH": str(root)},
    )
    try:
        assert server.stdout is not None
        told = json.loads(server.stdout.readline())
        assert told["stream"].startswith("ws://127.0.0.1:")
        assert told["symbols"] == ["PF_ETHUSD"]
        server.send_signal(signal.SIGTERM)
        out, _ = server.communicate(timeout=20)
        assert json.loads(out)["opened"] == 0
    finally:
        server.kill()
