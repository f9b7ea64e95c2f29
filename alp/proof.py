"""What a proof comes to: how many of each kind were tried, and how many were equal."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar


class Differs(Protocol):
    """The first place where alp and a record disagree."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain data."""
        ...


D = TypeVar("D", bound=Differs)


@dataclass
class Report(Generic[D]):
    """What came of one file.

    Attributes
    ----------
    unknown
        Records of a kind that alp does not know: faults, not skipped.
    """

    path: Path
    tried: Counter[str] = field(default_factory=Counter)
    equal: Counter[str] = field(default_factory=Counter)
    unknown: Counter[str] = field(default_factory=Counter)
    first_difference: D | None = None

    @property
    def ok(self) -> bool:
        """True where everything was understood and equal, and there was something to try."""
        return bool(self.tried) and not self.unknown and self.tried == self.equal

    def as_dict(self) -> dict[str, Any]:
        """Return the report as plain data."""
        first = self.first_difference
        return {
            "path": str(self.path),
            "ok": self.ok,
            "tried": self.tried.total(),
            "equal": self.equal.total(),
            "kinds": {
                kind: {"tried": count, "equal": self.equal[kind]}
                for kind, count in sorted(self.tried.items())
            },
            "unknown": dict(sorted(self.unknown.items())),
            "first_difference": None if first is None else first.as_dict(),
        }
