"""A component ends when it is told to, or when a part of it fails; then all of it has ended."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest

from alp.errors import ConfigError
from alp.services.tasks import obeying_signals, run_parts

pytestmark = pytest.mark.timed


async def for_ever(ended: list[str]) -> None:
    try:
        await asyncio.Event().wait()
    finally:
        ended.append("for ever")


def test_parts_run_until_the_component_is_told_to_stop_by_a_signal() -> None:
    async def test() -> None:
        ended: list[str] = []
        told: list[str] = []
        stop = asyncio.Event()
        with obeying_signals(stop.set, SIGUSR1=lambda: told.append("usr1")):
            os.kill(os.getpid(), signal.SIGUSR1)
            while not told:
                await asyncio.sleep(0)
            assert not stop.is_set()
            asyncio.get_running_loop().call_soon(os.kill, os.getpid(), signal.SIGTERM)
            async with asyncio.timeout(60):
                await run_parts(stop, for_ever(ended))
        assert ended == ["for ever"]
        assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL

    asyncio.run(test())


def test_a_part_that_fails_ends_the_others_and_is_what_is_raised() -> None:
    async def fails() -> None:
        raise ExceptionGroup("many", [ValueError("odd"), ConfigError("the cause")])

    async def test() -> None:
        ended: list[str] = []
        with pytest.raises(ConfigError, match="the cause"):
            await run_parts(asyncio.Event(), for_ever(ended), fails())
        assert ended == ["for ever"]

    asyncio.run(test())


def test_a_part_that_comes_to_its_end_ends_the_component() -> None:
    async def test() -> None:
        ended: list[str] = []
        async with asyncio.timeout(60):
            await run_parts(asyncio.Event(), for_ever(ended), asyncio.sleep(0))
        assert ended == ["for ever"]

    asyncio.run(test())
