"""A script of pathologies as a YAML file, checked as a whole, every fault of it named by its field.

::

    connections:
      - {connection: 1, after: 100, fault: gap, count: 2}
      - {connection: every, after: 500, fault: drop}
    rest:
      - {path: depth, status: 429, times: 2, retryAfter: 3s}
    commands:
      - {on: new, after: 3, fault: lose-answer}
      - {on: cancel, fault: unknown, form: "-1007", done: false}
      - {on: stream, fault: gap, times: 2}
    random: {seed: 7, mean: 20s, faults: [drop, half-open]}
    clockSkew: -1500ms
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, TypeVar

from alp.paper.faults.chaos import FAULTS
from alp.paper.faults.script import EVERY, STREAM_FAULTS, CommandFault, Fault, Script
from alp.paper.private import ANY, COMMANDS, STREAM
from alp.strategy.document import Document, read_document
from alp.strategy.loading import read_file
from alp.strategy.problems import ManifestError, Path, Problem
from alp.strategy.suggest import nearest
from alp.strategy.units import read_duration

SECOND, MILLISECOND = 10**9, 10**6
T = TypeVar("T")
MOST = 10**9
_NAMES = {str(each).replace("_", "-"): each for each in Fault}
_NEEDS = {
    Fault.CLOSE: "code",
    Fault.GAP: "count",
    Fault.DUPLICATE: "count",
    Fault.REORDER: "count",
    Fault.CHECKSUM: "count",
    Fault.TRICKLE: "size",
    Fault.FRAGMENT: "size",
    Fault.DELAY: "delay",
}
"""The one field that a fault has besides."""
_COMMAND_NAMES = {str(each).replace("_", "-"): each for each in CommandFault}
_COMMAND_NEEDS = {
    CommandFault.DELAY: ("delay",),
    CommandFault.HOLD: ("delay",),
    CommandFault.STATUS: ("status", "retryAfter", "form"),
    CommandFault.UNKNOWN: ("form", "done"),
    CommandFault.MAINTENANCE: ("lasts",),
    CommandFault.SKEW: ("skew",),
}
"""The fields that a fault of commands has besides."""


@dataclass(frozen=True, slots=True)
class RandomFaults:
    """Faults at random times: seconds between two on average, and which."""

    seed: int
    mean_s: float
    faults: tuple[Fault, ...]


@dataclass
class FaultFile:
    """What a file says.

    Attributes
    ----------
    skew_ns
        How far the venue's clock is ahead of the true one.
    """

    script: Script = field(default_factory=Script)
    random: RandomFaults | None = None
    skew_ns: int = 0


def read_faults(path: FilePath) -> FaultFile:
    """Read and check a file.

    Raises
    ------
    ManifestError
        If anything is wrong with it; the message names every fault that was found.
    ConfigError
        If it cannot be read.
    """
    return faults_of(read_document(read_file(path), str(path)))


def faults_of(document: Document) -> FaultFile:
    """Return what a parsed document says, see :func:`read_faults`."""
    reader = _Reader(document)
    found = reader.read()
    if reader.problems:
        raise ManifestError(document.name, reader.problems)
    return found


class _Reader:
    """Reads one document and collects what is wrong with it."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self.problems: list[Problem] = []

    def read(self) -> FaultFile:
        found = FaultFile()
        fields = ("connections", "rest", "commands", "random", "clockSkew")
        top = self._mapping((), self._document.value, fields)
        for path, row in self._rows(top, "connections"):
            self._connection(found.script, path, row)
        for path, row in self._rows(top, "rest"):
            self._refusal(found.script, path, row)
        for path, row in self._rows(top, "commands"):
            self._command(found.script, path, row)
        if "random" in top:
            found.random = self._random(("random",), top["random"])
        found.skew_ns = self._duration(top, (), "clockSkew", 0, signed=True)
        return found

    def _refuse(self, path: Path, message: str) -> None:
        self.problems.append(Problem(path, message, *(self._document.place(path) or ())))

    def _mapping(self, path: Path, value: Any, fields: Iterable[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self._refuse(path, "must be a mapping (indented fields)")
            return {}
        known = tuple(fields)
        for name in value:
            if name not in known:
                near = nearest(str(name), known)
                hint = f"did you mean {near}?" if near else f"there are {', '.join(known)}"
                self._refuse((*path, name), f"is not a field; {hint}")
        return {name: each for name, each in value.items() if name in known and each is not None}

    def _rows(self, top: dict[str, Any], name: str) -> Iterable[tuple[Path, Any]]:
        rows = top.get(name, [])
        if not isinstance(rows, list):
            self._refuse((name,), "must be a list (lines that begin with -)")
            return []
        return [((name, number), row) for number, row in enumerate(rows)]

    def _integer(
        self, row: dict[str, Any], path: Path, name: str, default: int | None, low: int, high: int
    ) -> int:
        value = row.get(name, default)
        if value is None:
            self._refuse((*path, name), "is required")
        elif isinstance(value, bool) or not isinstance(value, int):
            self._refuse((*path, name), f"{value!s} is not a whole number")
        elif not low <= value <= high:
            self._refuse((*path, name), f"{value} is out of bounds; allowed: {low} to {high}")
        else:
            return value
        return low

    def _duration(
        self, row: dict[str, Any], path: Path, name: str, default: int, *, signed: bool = False
    ) -> int:
        """Return nanoseconds."""
        if name not in row:
            return default
        text = str(row[name])
        sign = -1 if signed and text.startswith("-") else 1
        try:
            return sign * read_duration(text.removeprefix("-") if sign < 0 else text)
        except ValueError as error:
            self._refuse((*path, name), f"{text!r} {error}")
            return default

    def _fault(self, path: Path, value: Any) -> Fault | None:
        return self._one_of(path, value, _NAMES, "a fault")

    def _one_of(self, path: Path, value: Any, names: Mapping[str, T], what: str) -> T | None:
        if value is None:
            self._refuse(path, "is required")
            return None
        found = names.get(str(value))
        if found is None:
            near = nearest(str(value), names)
            hint = f"did you mean {near}?" if near else f"allowed: {', '.join(names)}"
            self._refuse(path, f"{value!s} is not {what}; {hint}")
        return found

    def _command(self, script: Script, path: Path, value: Any) -> None:
        common = ("on", "after", "times", "fault")
        own = tuple(dict.fromkeys(each for row in _COMMAND_NEEDS.values() for each in row))
        row = self._mapping(path, value, (*common, *own))
        fault = self._one_of((*path, "fault"), row.get("fault"), _COMMAND_NAMES, "a fault")
        kinds = {each: each for each in (*COMMANDS, ANY, STREAM)}
        kind = self._one_of((*path, "on"), row.get("on"), kinds, "a kind of command")
        after = self._integer(row, path, "after", 0, 0, MOST)
        times = self._integer(row, path, "times", 1, 1, MOST)
        if fault is None or kind is None:
            return
        if (kind == STREAM) != (fault in STREAM_FAULTS):
            whose = "private messages: on: stream" if fault in STREAM_FAULTS else "commands"
            self._refuse((*path, "on"), f"{row['fault']} happens to {whose}")
        for name in own:
            if name in row and name not in _COMMAND_NEEDS.get(fault, ()):
                self._refuse((*path, name), f"is nothing that {row['fault']} has")
        more: dict[str, Any] = {"after": after, "times": times}
        if fault in (CommandFault.DELAY, CommandFault.HOLD):
            more["delay_ms"] = self._duration(row, path, "delay", 100 * MILLISECOND) // MILLISECOND
        elif fault is CommandFault.MAINTENANCE:
            more["delay_ms"] = self._duration(row, path, "lasts", SECOND) // MILLISECOND
        elif fault is CommandFault.SKEW:
            more["skew_ns"] = self._duration(row, path, "skew", 0, signed=True)
        elif fault is CommandFault.STATUS:
            more["status"] = self._integer(row, path, "status", None, 400, 599)
            wait_ns = self._duration(row, path, "retryAfter", -1)
            if wait_ns >= 0:
                more["headers"] = {"Retry-After": str(-(-wait_ns // SECOND))}
        elif fault is CommandFault.UNKNOWN:
            more["done"] = self._flag(row, path, "done", True)
        if "form" in row:
            more["form"] = str(row["form"])
        script.command(kind, fault, **more)

    def _flag(self, row: dict[str, Any], path: Path, name: str, default: bool) -> bool:
        value = row.get(name, default)
        if not isinstance(value, bool):
            self._refuse((*path, name), f"{value!s} is neither true nor false")
            return default
        return value

    def _connection(self, script: Script, path: Path, value: Any) -> None:
        every = ("connection", "after", "fault", "code", "count", "size", "delay")
        row = self._mapping(path, value, every)
        fault = self._fault((*path, "fault"), row.get("fault"))
        number = EVERY
        if row.get("connection") != "every":
            number = self._integer(row, path, "connection", None, 1, MOST)
        after = self._integer(row, path, "after", 0, 0, MOST)
        if fault is None:
            return
        own = _NEEDS.get(fault)
        for name in ("code", "count", "size", "delay"):
            if name in row and name != own:
                self._refuse((*path, name), f"is nothing that {row['fault']} has")
        more = {}
        if own == "delay":
            more["delay_ms"] = self._duration(row, path, "delay", 100 * MILLISECOND) // MILLISECOND
        elif own is not None:
            low, high = (1000, 4999) if own == "code" else (1, MOST)
            default = {"code": 1000, "count": 1, "size": 64}[own]
            more[own] = self._integer(row, path, own, default, low, high)
        script.at(number, after, fault, **more)

    def _refusal(self, script: Script, path: Path, value: Any) -> None:
        row = self._mapping(path, value, ("path", "status", "times", "retryAfter"))
        status = self._integer(row, path, "status", None, 400, 599)
        times = self._integer(row, path, "times", 1, 1, 10_000)
        wait_ns = self._duration(row, path, "retryAfter", -1)
        wait_s = None if wait_ns < 0 else -(-wait_ns // SECOND)
        script.rest(status, times=times, path=str(row.get("path", "")), retry_after_s=wait_s)

    def _random(self, path: Path, value: Any) -> RandomFaults:
        row = self._mapping(path, value, ("seed", "mean", "faults"))
        seed = self._integer(row, path, "seed", 1, 0, MOST)
        mean_ns = self._duration(row, path, "mean", 20 * SECOND)
        if mean_ns <= 0:
            self._refuse((*path, "mean"), "must be longer than nothing")
        names = row.get("faults")
        if names is None:
            return RandomFaults(seed, mean_ns / SECOND, FAULTS)
        if not isinstance(names, list) or not names:
            self._refuse((*path, "faults"), "must be a list of faults")
            names = []
        found = [self._fault((*path, "faults", at), name) for at, name in enumerate(names)]
        return RandomFaults(seed, mean_ns / SECOND, tuple(each for each in found if each))
