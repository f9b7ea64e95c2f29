"""Asking parts how they are, over HTTP on this machine."""

from __future__ import annotations

import asyncio
from typing import Any, Self

import aiohttp
import orjson

from alp.system.parts import Part, Ready

TIMEOUT_S = 2.0
MOST_BYTES = 1 << 20


class Probes:
    """Asks; a context, as it keeps connections."""

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=TIMEOUT_S), trust_env=False
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def ask(self, part: Part) -> tuple[bool, dict[str, Any]] | None:
        """Return whether a part is ready, and what it says; None where it does not answer."""
        try:
            async with self._session.get(part.ready_url) as answer:
                body = await answer.content.read(MOST_BYTES)
        except (aiohttp.ClientError, TimeoutError, asyncio.IncompleteReadError, OSError):
            return None
        if part.ready is Ready.ANSWERS:
            return True, {}
        try:
            said = orjson.loads(body)
        except ValueError:
            return False, {"reasons": [f"its answer, with status {answer.status}, is no JSON"]}
        return answer.status == 200, said if isinstance(said, dict) else {}
