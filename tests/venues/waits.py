"""Waiting in tests: for a condition, and for a test, but not for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from typing import Any


async def until(condition: Any, within_s: float = 15.0) -> None:
    """Wait until a condition holds; a test fails where it does not."""
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        await asyncio.sleep(0.005)


def run(test: Coroutine[Any, Any, None], within_s: float = 90.0) -> None:
    """Run a test to its end, but not for ever."""

    async def bounded() -> None:
        async with asyncio.timeout(within_s):
            await test

    asyncio.run(bounded())
