"""What a system is made of: each part a process, with what it waits for and how it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import Any

from alp.errors import ConfigError, ExitCode


class Role(IntEnum):
    """What a part does; a system is stopped in this order, the smallest first.

    Whatever wants orders goes before what owns them, what counts them after it, and the watchdog
    last of all that is alp's own; a simulated exchange is the world, which outlives them.
    """

    MAKER = 10
    LP_AGENT = 11
    HANDLER = 20
    POSITIONS = 30
    QUOTES = 31
    WATCHDOG = 40
    EXCHANGE = 50

    @property
    def quotes(self) -> bool:
        """Whether it wants orders: it is stopped as soon as anything fails."""
        return self in (Role.MAKER, Role.LP_AGENT)


class Ready(StrEnum):
    """How it is known that a part can be used."""

    READYZ = "readyz"
    """``/readyz`` says so."""
    ANSWERS = "answers"
    """It answers HTTP at all: an exchange has no such page."""


NEVER_AGAIN = frozenset(
    int(each) for each in (ExitCode.USAGE, ExitCode.CONFIG, ExitCode.DATA, ExitCode.CORRUPT)
)
"""Exit statuses after which the same command would end the same way."""


@dataclass(frozen=True)
class Restart:
    """What is done about a part that ended without being told to.

    Attributes
    ----------
    most
        It is started again so often within `window_s`; the next time it has failed. 0: never.
    first_s, longest_s
        Pause before it is started again, doubled each time.
    never_after
        Exit statuses after which it is not started again.
    """

    most: int = 5
    window_s: float = 300.0
    first_s: float = 0.5
    longest_s: float = 30.0
    never_after: frozenset[int] = NEVER_AGAIN


@dataclass(frozen=True)
class Part:
    """One process.

    Attributes
    ----------
    command
        Arguments of ``alp``. No secret is in them.
    environment
        Names of the variables with keys that it may see; others' are withheld from it.
    sockets
        What it binds on the bus: what it is for to the endpoint.
    health
        ``HOST:PORT`` where it answers HTTP.
    ready
        How one knows that it can be used.
    state
        Folder that it writes to.
    needs
        Names of the parts that have to be ready before it is started.
    stop_s
        After the signal to stop it has so long.
    account
        Of a handler or watchdog: whose account, as journals call it.
    """

    name: str
    role: Role
    command: tuple[str, ...]
    health: str
    ready: Ready = Ready.READYZ
    environment: tuple[str, ...] = ()
    sockets: Mapping[str, str] = field(default_factory=dict)
    state: str = ""
    needs: tuple[str, ...] = ()
    restart: Restart = Restart()
    stop_s: float = 10.0
    account: str = ""
    venues: tuple[str, ...] = ()

    @property
    def ready_url(self) -> str:
        """What is asked whether it is ready."""
        return f"http://{self.health}/{'readyz' if self.ready is Ready.READYZ else ''}"

    @property
    def metrics_url(self) -> str | None:
        """Where its metrics are; None where it has none."""
        return f"http://{self.health}/metrics" if self.ready is Ready.READYZ else None


@dataclass(frozen=True)
class Plan:
    """A whole system.

    Attributes
    ----------
    strategy
        Name of it.
    mode
        ``paper`` or ``run``.
    parts
        Each after those it needs.
    manifest
        The file that the parts read.
    written
        What that file is to hold; None where it is a person's own, and stays as it is.
    folders
        To be made, for nobody else to enter, before anything starts.
    page
        ``HOST:PORT`` of the page about the whole.
    state
        Folder of journals and kill switch.
    notes
        What a person should know about it.
    """

    strategy: str
    mode: str
    parts: tuple[Part, ...]
    manifest: str
    written: str | None
    folders: tuple[str, ...]
    page: str
    state: str
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        known: set[str] = set()
        for part in self.parts:
            missing = [each for each in part.needs if each not in known]
            if missing:
                raise ConfigError(f"{part.name} needs {missing[0]}, which is not before it")
            if part.name in known:
                raise ConfigError(f"two parts are called {part.name}")
            known.add(part.name)

    def part(self, name: str) -> Part:
        """Return the part with this name."""
        return next(each for each in self.parts if each.name == name)

    def stopping(self) -> list[list[Part]]:
        """Return the parts as they are stopped: those of one list together."""
        roles = sorted({each.role for each in self.parts})
        return [[each for each in self.parts if each.role is role] for role in roles]

    def as_dict(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {
            "strategy": self.strategy,
            "mode": self.mode,
            "manifest": self.manifest,
            "state": self.state,
            "page": f"http://{self.page}",
            "notes": list(self.notes),
            "parts": [_part_dict(each) for each in self.parts],
            "stop_order": [[each.name for each in group] for group in self.stopping()],
        }

    def text(self) -> str:
        """Return it for people."""
        lines = [f"{self.strategy}, {self.mode}: {len(self.parts)} processes"]
        lines += [f"  manifest  {self.manifest}", f"  state     {self.state}"]
        lines += [f"  page      http://{self.page}", ""]
        for part in self.parts:
            lines += [part.name, f"  {_command_text(part.command)}"]
            lines += [f"  ready when  {part.ready_url} {_SAYS[part.ready]}"]
            lines += [f"  on the bus  {what} {where}" for what, where in part.sockets.items()]
            if part.needs:
                lines.append(f"  after       {', '.join(part.needs)}")
            if part.environment:
                lines.append(f"  may see     {', '.join(part.environment)}")
            lines += [f"  {line}" for line in _ending(part)]
            lines.append("")
        groups = [", ".join(each.name for each in group) for group in self.stopping()]
        lines.append("stopped in this order: " + "; ".join(groups))
        lines += [f"note: {each}" for each in self.notes]
        return "\n".join(lines) + "\n"


_SAYS = {Ready.READYZ: "says so", Ready.ANSWERS: "answers"}


def _part_dict(part: Part) -> dict[str, Any]:
    restart = part.restart
    return {
        "name": part.name,
        "role": part.role.name.lower(),
        "command": ["alp", *part.command],
        "environment": list(part.environment),
        "sockets": dict(part.sockets),
        "ready": part.ready_url,
        "metrics": part.metrics_url,
        "state": part.state,
        "needs": list(part.needs),
        "account": part.account,
        "venues": list(part.venues),
        "stop_s": part.stop_s,
        "restart": {
            "most": restart.most,
            "window_s": restart.window_s,
            "never_after": sorted(restart.never_after),
        },
    }


def _ending(part: Part) -> list[str]:
    restart = part.restart
    if not restart.most:
        how = "if it ends by itself: everything is stopped"
    else:
        statuses = ", ".join(map(str, sorted(restart.never_after)))
        how = (
            f"if it ends by itself: started again, {restart.most} times within "
            f"{restart.window_s:g} s, but not after exit status {statuses}"
        )
    return [how, f"when stopped: has {part.stop_s:g} s"]


def _command_text(command: Sequence[str]) -> str:
    import shlex

    return shlex.join(["alp", *command])
