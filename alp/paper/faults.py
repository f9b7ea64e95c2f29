"""What can go wrong, and a script of when."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Self

EVERY = 0
"""In place of a connection's number."""


class Fault(StrEnum):
    """What can happen to a connection."""

    CLOSE = auto()
    """The venue closes it, with ``code``."""
    DROP = auto()
    """The TCP connection is reset: no close frame."""
    HALF_OPEN = auto()
    """Nothing is read or written any more, and the socket stays."""
    SILENCE = auto()
    """No more data of what is subscribed to; heartbeats, pings and pongs go on, and a new
    subscription ends it."""
    GAP = auto()
    """``count`` book messages are not sent."""
    DUPLICATE = auto()
    """``count`` book messages are sent twice."""
    REORDER = auto()
    """``count`` book messages come after the next one."""
    CHECKSUM = auto()
    """``count`` book messages have a wrong checksum (Kraken)."""
    DELAY = auto()
    """Everything from now on comes ``delay_ms`` later."""
    TRICKLE = auto()
    """Everything from now on comes in writes of ``size`` bytes."""
    FRAGMENT = auto()
    """Every message from now on comes in frames of ``size`` bytes."""
    GARBAGE = auto()
    """A message that is no JSON."""
    SHUTDOWN = auto()
    """Binance's word that it will close the connection."""


@dataclass(frozen=True, slots=True)
class Act:
    """A fault and what it needs.

    Attributes
    ----------
    code
        Of a close frame.
    count
        Book messages.
    size
        Bytes.
    delay_ms
        Milliseconds.
    """

    fault: Fault
    code: int = 1000
    count: int = 1
    size: int = 64
    delay_ms: int = 100


@dataclass(frozen=True, slots=True)
class Refusal:
    """An answer by REST that is no success, to the next requests with ``path`` in their path."""

    path: str
    status: int
    headers: dict[str, str]


@dataclass
class Script:
    """What goes wrong when.

    Attributes
    ----------
    acts
        By number of the connection, from 1 or :data:`EVERY`, and book messages sent on it before.
    answers
        Refusals to come; each is for one request.
    """

    acts: dict[tuple[int, int], list[Act]] = field(default_factory=dict)
    answers: deque[Refusal] = field(default_factory=deque)

    def at(self, connection: int, sent: int, fault: Fault, **more: int) -> Self:
        """Let a fault happen to a connection (from 1) before its next book message after `sent`."""
        self.acts.setdefault((connection, sent), []).append(Act(fault, **more))
        return self

    def due(self, connection: int, sent: int) -> list[Act]:
        """Return what happens to a connection now."""
        return self.acts.pop((connection, sent), []) + self.acts.get((EVERY, sent), [])

    def rest(
        self, status: int, *, times: int = 1, path: str = "", retry_after_s: int | None = None
    ) -> Self:
        """Answer the next requests whose path has `path` in it with a status that is no success."""
        headers = {} if retry_after_s is None else {"Retry-After": str(retry_after_s)}
        self.answers.extend([Refusal(path, status, headers)] * times)
        return self

    def answer(self, path: str) -> Refusal | None:
        """Take the refusal of a request; None where it is to be answered."""
        for planned in self.answers:
            if planned.path in path:
                self.answers.remove(planned)
                return planned
        return None
