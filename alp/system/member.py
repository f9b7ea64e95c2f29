"""A part of a running system: its process, how often it died, and what it says of itself."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from alp.system.child import Child
from alp.system.parts import Part

HEALTHY_S = 60.0
"""What ran for so long begins again with the shortest pause."""
MOST_REASONS = 20


class Stage(StrEnum):
    """Where a part is in its life."""

    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    UNREADY = "not ready"
    PAUSING = "to be started again"
    STOPPING = "stopping"
    ENDED = "ended"
    FAILED = "failed"

    @property
    def runs(self) -> bool:
        """Whether there is a process."""
        return self in (Stage.STARTING, Stage.READY, Stage.UNREADY, Stage.STOPPING)


@dataclass
class Member:
    """One part while the system runs.

    Attributes
    ----------
    starts
        How often its process was started.
    status
        How its last process ended: exit status, or minus the signal; None while none has.
    reasons, detail
        What ``/readyz`` said last.
    answered_s
        When it last answered, on the monotonic clock.
    told
        It was asked to stop.
    answered
        Its present process, or one before it, has answered: it has begun its work.
    """

    part: Part
    stage: Stage = Stage.WAITING
    child: Child | None = None
    starts: int = 0
    status: int | None = None
    reasons: list[str] = field(default_factory=list)
    detail: dict[str, Any] = field(default_factory=dict)
    answered_s: float = 0.0
    began_s: float = 0.0
    told: bool = False
    answered: bool = False
    _deaths: deque[float] = field(default_factory=deque)
    _pause_s: float = 0.0

    @property
    def ready(self) -> bool:
        """Whether it can be used."""
        return self.stage is Stage.READY

    @property
    def why_not(self) -> str:
        """Why it cannot be used, in a few words."""
        if self.stage in (Stage.STARTING, Stage.UNREADY) and self.reasons:
            return f"{self.stage}: {'; '.join(self.reasons)}"
        return self.stage

    def begun(self, child: Child) -> None:
        """Note that its process was started."""
        self.child = child
        self.starts += 1
        self.began_s = self.answered_s = time.monotonic()
        self.reasons, self.detail = [], {}
        self.stage = Stage.STARTING

    def heard(self, ok: bool, body: Mapping[str, Any]) -> bool:
        """Take what it says of itself; return whether its readiness changed."""
        self.answered_s = time.monotonic()
        self.answered = True
        before = self.stage
        if before not in (Stage.STARTING, Stage.READY, Stage.UNREADY):
            return False
        detail = dict(body)
        detail.pop("ok", None)
        reasons = detail.pop("reasons", [])
        self.reasons = [str(each) for each in reasons][:MOST_REASONS]
        self.detail = detail
        if ok:
            self.stage = Stage.READY
        elif before is Stage.READY:
            self.stage = Stage.UNREADY
        return self.stage is not before

    def died(self, status: int) -> float | None:
        """Note that it ended by itself; return the pause before the next start, None: no more."""
        self.status, self.child = status, None
        self.reasons, self.detail = [], {}
        restart, now = self.part.restart, time.monotonic()
        if now - self.began_s >= HEALTHY_S:
            self._pause_s = 0.0
        self._deaths.append(now)
        while self._deaths and now - self._deaths[0] > restart.window_s:
            self._deaths.popleft()
        if status in restart.never_after or len(self._deaths) > restart.most:
            self.stage = Stage.FAILED
            return None
        self._pause_s = min(max(2 * self._pause_s, restart.first_s), restart.longest_s)
        self.stage = Stage.PAUSING
        return self._pause_s

    def ended(self, status: int) -> None:
        """Note that it ended when it was told to."""
        self.status, self.child = status, None
        self.stage = Stage.ENDED

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        part = self.part
        return {
            "name": part.name,
            "role": part.role.name.lower(),
            "stage": str(self.stage),
            "pid": None if self.child is None else self.child.pid,
            "starts": self.starts,
            "last_status": self.status,
            "up_s": round(time.monotonic() - self.began_s, 1) if self.stage.runs else None,
            "reasons": self.reasons,
            "health": f"http://{part.health}",
            "ready_url": part.ready_url,
            "metrics": part.metrics_url,
            "sockets": dict(part.sockets),
            "account": part.account,
            "venues": list(part.venues),
        }


def how_ended(status: int) -> str:
    """Return an end in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    import signal

    try:
        return f"was ended by {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by signal {-status}"
