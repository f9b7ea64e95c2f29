"""Starts execution handlers and quote servers as processes, quickly: see zygote.py."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
ROOT = FOLDER.parent.parent


class Zygote:
    """Starts processes.

    Parameters
    ----------
    keys
        What their environment has beside this one's.
    """

    def __init__(self, keys: Mapping[str, str]) -> None:
        self._keys = dict(keys)

    async def __aenter__(self) -> Zygote:
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(FOLDER / "zygote.py"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._process.kill()
        await self._process.wait()

    async def start(
        self, arguments: list[str], output: Path, point: str = "", passes: int = 1
    ) -> int:
        """Start ``alp`` with these arguments, and return the process's id."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        order = {
            "arguments": arguments,
            "environment": self._keys,
            "output": str(output),
            "point": point,
            "passes": passes,
        }
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        return int(await self._process.stdout.readline())


def is_alive(pid: int) -> bool:
    """Whether a process that a zygote started is still there."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def tell(pid: int, number: int) -> None:
    """Send a signal to a process, which may be gone."""
    if pid > 0:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return
