"""The agent's memory on disk: one small file, replaced as a whole or not at all.

It is written before a transaction leaves, and when a plan has ended. Without it the agent starts
from what the chain says.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alp.chain.port import Bundle
from alp.chain.port_json import bundle_values, read_bundle
from alp.errors import ConfigError, Corrupt, DataError
from alp.models.lp_state import LpState
from alp.services.lp.saga import Saga

FILE = "lp-agent.json"
LOCK = "lp-agent.lock"
VERSION = 1


@dataclass
class Memory:
    """What the agent remembers.

    Attributes
    ----------
    chain_id
        Of which chain.
    core
        The pure core's state.
    saga
        The plan under way.
    bundle
        What its newest transaction does; None where it was taken back and only waits again.
    ended
        The last plan that ended, for as long as its block could be taken back.
    core_before
        The core's state while that plan was still under way.
    epoch
        Block, or later, at which the ranges became what they are.
    ranges
        The ranges as last published: ticks and liquidity.
    first_sqrt_price_x96
        The price at the very first start; sizes without a number in the manifest follow it.
    """

    chain_id: int
    first_sqrt_price_x96: int
    core: LpState = field(default_factory=LpState)
    saga: Saga = field(default_factory=Saga)
    bundle: Bundle | None = None
    ended: Saga | None = None
    core_before: LpState | None = None
    epoch: int = 0
    ranges: tuple[tuple[int, int, int], ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return plain values; integers of any size stay integers."""
        return {
            "version": VERSION,
            "chain_id": self.chain_id,
            "first_sqrt_price_x96": self.first_sqrt_price_x96,
            "core": self.core.to_dict(),
            "saga": self.saga.to_dict(),
            "bundle": None if self.bundle is None else bundle_values(self.bundle),
            "ended": None if self.ended is None else self.ended.to_dict(),
            "core_before": None if self.core_before is None else self.core_before.to_dict(),
            "epoch": self.epoch,
            "ranges": [list(each) for each in self.ranges],
        }

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Memory:
        """Return what :meth:`to_dict` wrote.

        Raises
        ------
        Corrupt
            If it is none of this version.
        """
        if values.get("version") != VERSION:
            raise Corrupt(f"the agent's memory has version {values.get('version')!r}")
        ended, before, bundle = values["ended"], values["core_before"], values["bundle"]
        return cls(
            values["chain_id"],
            values["first_sqrt_price_x96"],
            LpState.from_dict(values["core"]),
            Saga.from_dict(values["saga"]),
            None if bundle is None else read_bundle(bundle),
            None if ended is None else Saga.from_dict(ended),
            None if before is None else LpState.from_dict(before),
            values["epoch"],
            tuple((lower, upper, liquidity) for lower, upper, liquidity in values["ranges"]),
        )


class MemoryFile:
    """The file in a strategy's state folder.

    Parameters
    ----------
    folder
        See :func:`alp.services.execution.kill_switch.state_folder`.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / FILE
        self.writes = 0
        self._written = b""

    @contextmanager
    def held(self) -> Iterator[None]:
        """Own it: one agent for a wallet.

        Raises
        ------
        ConfigError
            If another process does.
        """
        descriptor = os.open(
            self.path.with_name(LOCK), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600
        )
        try:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ConfigError(f"{self.path.parent}: another LP agent works there") from None
            yield
        finally:
            os.close(descriptor)

    def read(self) -> Memory | None:
        """Return what is remembered; None where there is no file.

        Raises
        ------
        Corrupt
            If it is damaged: a person decides whether to start without it.
        """
        try:
            text = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            digest, _, body = text.partition(b"\n")
            if hashlib.sha256(body).hexdigest().encode() != digest:
                raise Corrupt("its checksum is wrong")
            found = Memory.from_dict(json.loads(body))
        except (ValueError, KeyError, TypeError, AttributeError, Corrupt, DataError) as error:
            raise Corrupt(
                f"{self.path}: damaged: {error}",
                hint="move it away: the agent then starts from what the chain says",
            ) from error
        self._written = text
        return found

    def write(self, memory: Memory) -> None:
        """Replace the file; when this returns it survives the machine.

        Raises
        ------
        OSError
            If it could not; the file is what it was.
        """
        body = json.dumps(memory.to_dict(), separators=(",", ":")).encode()
        text = hashlib.sha256(body).hexdigest().encode() + b"\n" + body
        if text == self._written:
            return
        beside = self.path.with_suffix(".new")
        try:
            with beside.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                beside.unlink()
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        self._written = text
        self.writes += 1
