"""How careful to be: four levels that are climbed at once and left one at a time.

A measure asks for a level where it passes that level's bound. More caution is taken at once; less
only after the measure has stayed under the bound, less a hysteresis, for the dwell time, and then
one level, for each of which the dwell begins anew. So a measure that crosses a bound to and fro
changes nothing, and a level is never left by a single good observation.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any, NamedTuple

from alp.errors import ConfigError


class Level(IntEnum):
    """What may be done; each level forbids what the one before it forbade."""

    NORMAL = 0
    """Everything."""
    WIDEN = 1
    """Quotes stand further away."""
    REDUCE = 2
    """Only what makes the combined inventory smaller; no new ranges."""
    SUSPEND = 3
    """No new order at all; a person is told."""


class Demand(NamedTuple):
    """What a measure asks for.

    Attributes
    ----------
    enter
        The highest level whose bound it passes.
    hold
        The highest level whose bound, less the hysteresis, it passes: never below `enter`.
    cause
        Why, in a word that code, metrics and pages share.
    numbers
        The numbers behind it, for people.
    """

    enter: Level
    hold: Level
    cause: str
    numbers: str = ""


class Transition(NamedTuple):
    """One change of level, with what made it."""

    ts_ns: int
    before: Level
    after: Level
    cause: str
    numbers: str

    def explain(self) -> str:
        """Return it as a line for a log."""
        tail = f" ({self.numbers})" if self.numbers else ""
        return f"{self.before.name} -> {self.after.name}: {self.cause}{tail}"


@dataclass(frozen=True, slots=True)
class Bounds:
    """Where the levels begin, in the measure's unit; rising.

    Parameters
    ----------
    widen, reduce, suspend
        The level begins where the measure is greater.
    """

    widen: float
    reduce: float
    suspend: float

    def __post_init__(self) -> None:
        if not 0.0 < self.widen <= self.reduce <= self.suspend:
            raise ConfigError(
                f"bounds {self.widen}, {self.reduce}, {self.suspend} must be positive and rising"
            )

    def level(self, measure: float, scale: float = 1.0) -> Level:
        """Return the highest level whose bound, times `scale`, the measure passes."""
        for level, bound in (
            (Level.SUSPEND, self.suspend),
            (Level.REDUCE, self.reduce),
            (Level.WIDEN, self.widen),
        ):
            if not measure <= bound * scale:
                return level
        return Level.NORMAL


CALM = "CALM"
"""Cause of a step down: the dwell time passed below the bound."""
UNSEEN = "UNSEEN"
"""Nothing was ever observed."""


class CautionLadder:
    """The level now; deterministic, no clock of its own.

    It starts at SUSPEND, because nothing is known, and takes the first demand as it is.

    Parameters
    ----------
    dwell_ns
        Time that a measure must be calm before a level is left downwards.
    """

    def __init__(self, dwell_ns: int) -> None:
        if dwell_ns < 0:
            raise ConfigError(f"dwell time {dwell_ns} ns is negative")
        self.dwell_ns = dwell_ns
        self.level = Level.SUSPEND
        self.cause = UNSEEN
        self._seen = False
        self._calm_since_ns: int | None = None
        self._counts: dict[str, int] = {}

    @property
    def counts(self) -> dict[str, int]:
        """How often each change of level happened, by ``BEFORE_AFTER_CAUSE``."""
        return dict(self._counts)

    def step(self, ts_ns: int, demand: Demand) -> Transition | None:
        """Take what the measure asks for at `ts_ns`; return the change of level, if one."""
        if not self._seen or demand.enter > self.level:
            self._seen = True
            self._calm_since_ns = None
            self.cause = demand.cause
            return self._move(ts_ns, demand.enter, demand.cause, demand.numbers)
        if demand.hold >= self.level:
            self._calm_since_ns = None
            if demand.enter == self.level:
                self.cause = demand.cause
            return None
        if self._calm_since_ns is None:
            self._calm_since_ns = ts_ns
        if ts_ns - self._calm_since_ns < self.dwell_ns:
            return None
        lower = Level(self.level - 1)
        self._calm_since_ns = ts_ns if demand.hold < lower else None
        self.cause = CALM
        return self._move(ts_ns, lower, CALM, demand.numbers)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "level": self.level.name,
            "cause": self.cause,
            "seen": self._seen,
            "calm_since_ns": self._calm_since_ns,
            "counts": dict(self._counts),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        self.level = Level[state["level"]]
        self.cause = state["cause"]
        self._seen = state["seen"]
        self._calm_since_ns = state["calm_since_ns"]
        self._counts = dict(state["counts"])

    def _move(self, ts_ns: int, after: Level, cause: str, numbers: str) -> Transition | None:
        before, self.level = self.level, after
        if before is after:
            return None
        name = f"{before.name}_{after.name}_{cause}"
        self._counts[name] = self._counts.get(name, 0) + 1
        return Transition(ts_ns, before, after, cause, numbers)
