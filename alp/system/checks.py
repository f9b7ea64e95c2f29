"""What a doctor found: one line each, with what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    SKIPPED = "skipped"


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes
    ----------
    subject
        Of what: the machine, an account, a product.
    name
        What was looked at.
    found
        What there is.
    remedy
        What to do; empty where nothing is to be done.
    """

    subject: str
    name: str
    verdict: Verdict
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, str]:
        """Return plain values for JSON."""
        return {
            "subject": self.subject,
            "check": self.name,
            "verdict": str(self.verdict),
            "found": self.found,
            "remedy": self.remedy,
        }


def ok(subject: str, name: str, found: str) -> Check:
    """Return a check that is passed."""
    return Check(subject, name, Verdict.OK, found)


def warning(subject: str, name: str, found: str, remedy: str) -> Check:
    """Return a check that a person should know of."""
    return Check(subject, name, Verdict.WARNING, found, remedy)


def fault(subject: str, name: str, found: str, remedy: str) -> Check:
    """Return a check with which it will not run."""
    return Check(subject, name, Verdict.FAULT, found, remedy)


def skipped(subject: str, name: str, why: str) -> Check:
    """Return a check that could not be made."""
    return Check(subject, name, Verdict.SKIPPED, why)
