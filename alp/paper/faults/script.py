"""What can go wrong, and a script of when."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum, auto
from typing import Any, Self

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


class CommandFault(StrEnum):
    """What can happen to a command: a private request or message."""

    LOSE_REQUEST = auto()
    """It is not done, and its connection is reset."""
    LOSE_ANSWER = auto()
    """It is done, and its connection is reset."""
    DELAY = auto()
    """It is done, its events are told, and its answer comes ``delay_ms`` later."""
    HOLD = auto()
    """It is done ``delay_ms`` later."""
    STATUS = auto()
    """It is not done, and answered with ``status`` and ``headers``."""
    UNKNOWN = auto()
    """The venue says that it does not know the outcome, in its ``form``; ``done`` says whether."""
    REVOKE = auto()
    """No key is believed from now on."""
    NONCE_RESET = auto()
    """All nonces up to now are too low."""
    FREEZE = auto()
    """The accounts may only cancel and read from now on."""
    MAINTENANCE = auto()
    """Nothing private is done for ``delay_ms``."""
    EXPIRE_KEYS = auto()
    """What opens private streams ends: Binance's listenKeys."""
    RULES = auto()
    """Ticks and lots are ten times what they were from now on."""
    SKEW = auto()
    """The venue's clock is ``skew_ns`` ahead of what it was."""
    GAP = auto()
    """A private message is not sent."""
    DUPLICATE = auto()
    """A private message is sent twice."""
    REORDER = auto()
    """A private message comes after the next one."""
    SILENCE = auto()
    """Nothing private is sent on a connection any more."""


STREAM_FAULTS = (
    CommandFault.GAP,
    CommandFault.DUPLICATE,
    CommandFault.REORDER,
    CommandFault.SILENCE,
)
"""Those of private messages; the others are of commands."""


@dataclass(slots=True)
class CommandAct:
    """A fault of commands of one kind, and how often it is still to happen.

    Attributes
    ----------
    on
        One of :data:`alp.paper.private.COMMANDS`, ``any``, or ``stream`` for private messages.
    after
        Of these, so many pass before.
    times
        So many then do not.
    form
        A venue's own spelling, such as Binance's ``-1007``; empty: its usual one.
    """

    on: str
    fault: CommandFault
    after: int = 0
    times: int = 1
    status: int = 503
    headers: dict[str, str] = field(default_factory=dict)
    delay_ms: int = 100
    done: bool = True
    form: str = ""
    skew_ns: int = 0


@dataclass
class Script:
    """What goes wrong when.

    Attributes
    ----------
    acts
        By number of the connection, from 1 or :data:`EVERY`, and book messages sent on it before.
    answers
        Refusals to come; each is for one request.
    acts_on_commands
        Faults of private requests and messages.
    """

    acts: dict[tuple[int, int], list[Act]] = field(default_factory=dict)
    answers: deque[Refusal] = field(default_factory=deque)
    acts_on_commands: list[CommandAct] = field(default_factory=list)

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

    def command(self, on: str, fault: CommandFault, **more: Any) -> Self:
        """Let a fault happen to commands of a kind; `more` as in :class:`CommandAct`."""
        self.acts_on_commands.append(CommandAct(on, fault, **more))
        return self

    def commands_due(self, kind: str) -> list[CommandAct]:
        """Count a command, or a private message, and return what happens to it."""
        due = []
        for act in list(self.acts_on_commands):
            if act.on != kind and (act.on != "any" or kind == "stream"):
                continue
            if act.after > 0:
                act.after -= 1
                continue
            due.append(act)
            act.times -= 1
            if act.times <= 0:
                self.acts_on_commands.remove(act)
        return due
