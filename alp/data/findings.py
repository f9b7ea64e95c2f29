"""What was found wrong or remarkable in data, with its place and remedy."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Severity = Literal["error", "warning"]


@dataclass(slots=True)
class Finding:
    """One kind of fault in one file.

    Attributes
    ----------
    severity
        ``error``: reading the file for a run is refused. ``warning``: look at it.
    code
        A short name that does not change.
    count
        How many rows have it.
    row
        The first of them: line of a text file, row of others.
    """

    severity: Severity
    code: str
    message: str
    row: int | None
    hint: str | None
    count: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)


@dataclass(slots=True)
class Findings:
    """The findings of one file, one for each code."""

    items: dict[str, Finding] = field(default_factory=dict)

    def add(self, finding: Finding) -> None:
        """Keep a finding, or count it with the earlier ones of its code."""
        known = self.items.get(finding.code)
        if known is None:
            self.items[finding.code] = finding
        else:
            known.count += finding.count

    def errors(self) -> list[Finding]:
        """Return the errors among them."""
        return [each for each in self.items.values() if each.severity == "error"]
