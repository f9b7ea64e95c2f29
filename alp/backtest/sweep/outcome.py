"""What is kept of one trial: enough to rank and draw it, small enough for a study to store."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, replace
from typing import Any, Self

from alp.backtest.codec import decimal_text
from alp.backtest.compared import ComparedRun, Scalar
from alp.backtest.report.notation import Notation
from alp.backtest.results import Results
from alp.backtest.sweep.objectives import MEASURES


@dataclass(frozen=True)
class Outcome:
    """A finished run, reduced to a few kilobytes."""

    metrics: dict[str, float | None]
    """Every number of :data:`~alp.backtest.sweep.objectives.MEASURES`."""
    attribution: dict[str, str]
    """Parts of the change of NAV and their total, exact decimals in quote."""
    run: ComparedRun
    """What the comparison page shows; label and parameters are filled in later."""
    data: dict[str, str]
    """SHA-256 of every file read, by name."""
    results_sha256: str
    """SHA-256 of the run's ``results.json``."""

    @classmethod
    def of(cls, results: Results, content: bytes) -> Self:
        """Reduce a run.

        Parameters
        ----------
        content
            The run's canonical ``results.json``.
        """
        attribution = results.attribution
        parts = {**attribution.parts(), "total": attribution.total}
        return cls(
            metrics={name: _number(measure.of(results)) for name, measure in MEASURES.items()},
            attribution={name: decimal_text(value) for name, value in parts.items()},
            run=_rounded(ComparedRun.of("", {}, results)),
            data={file.path: file.sha256 for file in results.data},
            results_sha256=hashlib.sha256(content).hexdigest(),
        )

    def to_json(self) -> dict[str, Any]:
        """Return plain values that a study can store."""
        return asdict(self)

    @classmethod
    def from_json(cls, stored: dict[str, Any]) -> Self:
        """Read what :meth:`to_json` returned, after a way through JSON."""
        run = dict(stored["run"])
        for name in ("curve_ts_ns", "curve", "hodl"):
            run[name] = tuple(run[name])
        run["notation"] = Notation(**run["notation"])
        return cls(**{**stored, "run": ComparedRun(**run)})

    def compared(self, label: str, parameters: dict[str, Scalar]) -> ComparedRun:
        """Return the run as the comparison page takes it."""
        return replace(self.run, label=label, parameters=parameters)


def _rounded(run: ComparedRun) -> ComparedRun:
    """Drop the digits that no page shows; curves are most of what a study stores."""
    digits = run.notation.quote_digits

    def short(curve: tuple[float | None, ...]) -> tuple[float | None, ...]:
        return tuple(None if value is None else round(value, digits) for value in curve)

    return replace(run, curve=short(run.curve), hodl=short(run.hodl))


def _number(value: float | None) -> float | None:
    return None if value is None else float(value)
