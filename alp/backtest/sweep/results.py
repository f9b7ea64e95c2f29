"""What a sweep found: one typed tree, written as ``sweep.json`` (``alp.sweep/1``).

Canonical like ``results.json``: sorted keys, no time, no path, no storage. A grid gives the same
bytes however many processes ran it, and however often it was stopped on the way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from alp.backtest import codec
from alp.backtest.codec import Record
from alp.backtest.compared import ComparedRun, Scalar
from alp.backtest.provenance import StrategyFacts
from alp.backtest.sweep.objectives import Objective
from alp.backtest.sweep.ranking import rank
from alp.backtest.sweep.record import SCHEMA
from alp.backtest.sweep.space import Choices, Parameter, Space, write_value
from alp.backtest.sweep.study import Row, Status
from alp.errors import DataError
from alp.strategy.manifest import Strategy


@dataclass(frozen=True, slots=True, kw_only=True)
class ObjectiveFacts(Record):
    """What was looked for."""

    name: str
    """A number of ``metrics``."""
    direction: Literal["maximize", "minimize"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterFacts(Record):
    """What was varied."""

    field: str
    """Path in the manifest."""
    values: str
    """As it is written: ``50:400:50``, ``0.01..1:log``, ``[5m, 30m]``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialFacts(Record):
    """One trial that is over."""

    index: int
    """0 is the first; in a grid the last parameter changes fastest."""
    status: Literal["complete", "pruned", "failed"]
    """``pruned`` is an invalid combination, or one without the objective's number."""
    reason: str
    """Why it is not complete; empty for one that is."""
    parameters: dict[str, Any]
    """Field -> value; decimal numbers as strings, as in the manifest."""
    rank: int | None = None
    """1 is the best; only of a complete trial."""
    front: int | None = None
    """1 where no other trial is better in every objective."""
    metrics: dict[str, float | None] = field(default_factory=dict)
    """Headline numbers by name; ``alp sweep --help`` lists them."""
    attribution: dict[str, Decimal] = field(default_factory=dict)
    """Parts of the change of NAV and their total, in quote, exact."""
    results_sha256: str | None = None
    """SHA-256 of the run's ``results.json``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepResults(Record):
    """Everything a sweep found."""

    SCHEMA: ClassVar[str] = SCHEMA

    alp_version: str
    study: str
    strategy: StrategyFacts
    """The manifest before anything was varied."""
    data: dict[str, list[str]]
    """SHA-256 of every data file, by name."""
    sampler: str
    seed: int
    objectives: tuple[ObjectiveFacts, ...]
    space: tuple[ParameterFacts, ...]
    wanted: int
    """Trials asked for."""
    trials: tuple[TrialFacts, ...]
    """Those that are over, by index."""
    schema: Literal["alp.sweep/1"] = "alp.sweep/1"

    def count(self, status: Literal["complete", "pruned", "failed"]) -> int:
        """Return how many trials ended in that way."""
        return sum(trial.status == status for trial in self.trials)

    def ranked(self) -> list[TrialFacts]:
        """Return the complete trials, the best first."""
        complete = [trial for trial in self.trials if trial.rank is not None]
        return sorted(complete, key=lambda trial: trial.rank or 0)

    def to_json_bytes(self) -> bytes:
        """Canonical UTF-8 JSON: sorted keys, two-space indent, a newline at the end."""
        return codec.to_json_bytes(self)

    @classmethod
    def read(cls, path: str | Path) -> Self:
        """Read a sweep's file.

        Raises
        ------
        DataError
            If the file cannot be read or is not a sweep of this version.
        """
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise DataError(error.strerror or str(error), path=path) from error
        return codec.from_json(cls, content, path=path)


def sweep_results(
    study: str,
    record: dict[str, Any],
    strategy: Strategy,
    space: Space,
    objectives: Sequence[Objective],
    rows: Sequence[Row],
    wanted: int,
) -> SweepResults:
    """Return what the study's trials come to.

    Parameters
    ----------
    record
        See :func:`alp.backtest.sweep.record.study_record`.
    rows
        The study's trials; those that are not over are left out.
    """
    places = rank({row.index: row.values for row in rows if row.values is not None}, objectives)
    trials = []
    for row in rows:
        if not row.status.final:
            continue
        outcome, place = row.outcome, places.get(row.index)
        trials.append(
            TrialFacts(
                index=row.index,
                status=_STATUS[row.status],
                reason=row.reason,
                parameters=parameters(space, row),
                rank=None if place is None else place.rank,
                front=None if place is None else place.front,
                metrics={} if outcome is None else outcome.metrics,
                attribution={}
                if outcome is None
                else {name: Decimal(text) for name, text in outcome.attribution.items()},
                results_sha256=None if outcome is None else outcome.results_sha256,
            )
        )
    return SweepResults(
        alp_version=record["alp_version"],
        study=study,
        strategy=StrategyFacts(
            name=strategy.name,
            manifest_sha256=record["manifest_sha256"],
            parameters=strategy.effective()["spec"],
        ),
        data=record["data"],
        sampler=record["sampler"],
        seed=record["seed"],
        objectives=tuple(
            ObjectiveFacts(name=each.name, direction=each.direction) for each in objectives
        ),
        space=tuple(
            ParameterFacts(field=name, values=text) for name, text in space.written().items()
        ),
        wanted=wanted,
        trials=tuple(trials),
    )


_STATUS: dict[Status, Literal["complete", "pruned", "failed"]] = {
    Status.COMPLETE: "complete",
    Status.PRUNED: "pruned",
    Status.FAILED: "failed",
}


def parameters(space: Space, row: Row) -> dict[str, Any]:
    """Return a trial's values by field; nothing for one that died before it had any."""
    return space.values(row.samples) if set(row.samples) == set(space.fields) else {}


def compared_runs(space: Space, rows: Sequence[Row]) -> list[ComparedRun]:
    """Return the runs that the comparison page shows, by index."""
    runs = []
    for row in rows:
        outcome = row.outcome
        if outcome is not None:
            values = parameters(space, row)
            shown = dict(_shown(each, values[each.field]) for each in space.parameters)
            runs.append(outcome.compared(f"trial {row.index}", shown))
    return runs


def _shown(parameter: Parameter, value: Any) -> tuple[str, Scalar]:
    """Return name and value for a table or an axis; a number's unit goes to its name."""
    unit = "" if isinstance(parameter, Choices) else parameter.unit
    if not unit:
        return parameter.field, _scalar(value)
    return f"{parameter.field}, {unit}", _scalar(Decimal(value.removesuffix(unit)))


def _scalar(value: Any) -> Scalar:
    if isinstance(value, Decimal):
        return float(value)
    if value is None or isinstance(value, bool | int | str):
        return value
    return write_value(value)
