"""Waiting for an event, but not for ever."""

from __future__ import annotations

import asyncio


async def waited(event: asyncio.Event, seconds: float) -> bool:
    """Wait for an event and clear it; return whether it came in time.

    ``asyncio.wait_for`` is not used: where the event and a cancellation come together it loses the
    cancellation (CPython 3.11).
    """
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    event.clear()
    return True
