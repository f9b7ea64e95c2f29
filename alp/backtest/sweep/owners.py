"""Who runs a trial, and whether they still live: a process id here, a heartbeat elsewhere.

No clock is compared between machines: an owner is gone when its heartbeat has not changed for a
while as seen from here.
"""

from __future__ import annotations

import os
import platform
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic

BEAT_S = 15.0
"""Seconds between the heartbeats of a running sweep."""

GRACE_S = 90.0
"""Seconds without a heartbeat after which a sweep counts as dead."""


def this_machine() -> str:
    """Name the machine, boot and process namespace in which process ids mean something."""
    parts = [platform.node()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
    with suppress(OSError):
        parts.append(str(Path("/proc/self/ns/pid").readlink()))
    return "/".join(parts)


@dataclass(frozen=True)
class Owner:
    """One sweep process."""

    machine: str
    pid: int
    token: str
    """Tells it from an earlier process of the same id."""

    @classmethod
    def this_process(cls) -> Owner:
        """Return a new owner for this process."""
        return cls(this_machine(), os.getpid(), uuid.uuid4().hex)

    @property
    def key(self) -> str:
        """Name under which its heartbeat is stored."""
        return f"alp:owner:{self.token}"

    def state(self, beat: int) -> dict[str, str | int]:
        """Return what is stored as its heartbeat; `beat` counts up."""
        return {"machine": self.machine, "pid": self.pid, "beat": beat}


@dataclass
class Watch:
    """Finds out which owners are gone.

    Parameters
    ----------
    grace_s
        Seconds of silence until an owner counts as dead.
    clock
        Seconds that never go back.
    """

    machine: str
    grace_s: float = GRACE_S
    clock: Callable[[], float] = monotonic
    _seen: dict[str, tuple[object, float]] = field(default_factory=dict)

    def gone(self, key: str, state: dict[str, str | int] | None) -> bool:
        """Tell whether the owner with this heartbeat is dead.

        Parameters
        ----------
        key
            What it is remembered by.
        state
            Its stored heartbeat; None where it left none.
        """
        if state is not None and state["machine"] == self.machine and not _alive(int(state["pid"])):
            return True
        now_s = self.clock()
        last, since_s = self._seen.get(key, (None, now_s))
        if key not in self._seen or last != state:
            self._seen[key] = (state, now_s)
            return False
        return now_s - since_s > self.grace_s


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
