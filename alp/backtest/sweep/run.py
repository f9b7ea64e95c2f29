"""One sweep from a manifest and a space to its table: this process's part of the study.

The parent asks the study for trials, hands them to workers, and records what they answer; it alone
touches the storage. Workers only run backtests.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import Literal

from alp.backtest.compared import ComparedRun
from alp.backtest.sweep.crew import Crew, Lost
from alp.backtest.sweep.objectives import Objective
from alp.backtest.sweep.outcome import Outcome
from alp.backtest.sweep.owners import BEAT_S, GRACE_S, Owner, Watch
from alp.backtest.sweep.ranking import rank
from alp.backtest.sweep.record import study_record
from alp.backtest.sweep.results import SweepResults, compared_runs, sweep_results
from alp.backtest.sweep.samplers import Sampler, choose_sampler
from alp.backtest.sweep.space import Space
from alp.backtest.sweep.space_file import check_space
from alp.backtest.sweep.storage import guarded, open_storage
from alp.backtest.sweep.study import Row, Status, SweepStudy, Ticket
from alp.backtest.sweep.worker import Done, Failed, Job, Refused, Reply, Stopped, Task, results_path
from alp.errors import ConfigError, DataError, RpcError
from alp.strategy.manifest import Strategy

TRIALS = 100
"""Trials of a search where nobody says."""

POLL_S = 0.5
TIDY_EVERY = 20

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What a sweep shall do.

    Parameters
    ----------
    trials
        Trials in all, those of earlier runs included; None is the whole grid, or 100 of a search.
    jobs
        Worker processes.
    timeout_s
        Seconds after which no trial is begun.
    storage
        Path of a journal file or a database's URL; None is ``study.journal`` in the output folder.
    study
        The study's name; None is the strategy's.
    keep
        How many of the best keep their whole ``results.json``.
    """

    space: Space
    objectives: tuple[Objective, ...]
    sampler: Sampler = "auto"
    seed: int = 0
    trials: int | None = None
    jobs: int = 1
    timeout_s: float | None = None
    storage: str | None = None
    study: str | None = None
    keep: int = 1
    grace_s: float = GRACE_S


@dataclass(frozen=True)
class Progress:
    """How far a study is."""

    done: int
    """Trials that are over, in whatever way."""
    wanted: int
    pruned: int
    failed: int
    best: Row | None


@dataclass(frozen=True)
class Sweep:
    """What a sweep leaves."""

    results: SweepResults
    runs: list[ComparedRun]
    """For the comparison page, by index."""
    ended: Literal["finished", "timeout", "interrupted"]
    ran: int
    """Trials that this process ran to their end."""
    seconds: float
    """Time they took it."""
    kept: dict[int, Path]
    """Index -> ``results.json`` of the best."""


def available_cpus() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run_sweep(
    strategy: Strategy,
    folder: Path,
    plan: Plan,
    output: Path,
    *,
    progress: Callable[[Progress], None] = lambda _: None,
    stop: Callable[[], bool] = lambda: False,
) -> Sweep:
    """Run what is left of a study, and return what it found so far.

    Parameters
    ----------
    strategy
        The manifest that is varied.
    folder
        Where relative data paths begin.
    output
        Folder for the journal and the kept results; made if it is not there.
    progress
        Told after every trial, and now and then.
    stop
        Asked all the time; once true, running trials are given back and the sweep ends.

    Raises
    ------
    ConfigError
        If the space, the sampler or the study do not fit the manifest or each other.
    DataError
        If a data file is missing, cannot be trusted, or changes on the way.
    RpcError
        If the storage fails.
    """
    check_space(strategy, plan.space)
    sampler = choose_sampler(plan.sampler, plan.space, len(plan.objectives))
    wanted = _wanted(plan, sampler)
    output.mkdir(parents=True, exist_ok=True)
    record = study_record(strategy, folder, plan.space, plan.objectives, sampler, plan.seed)
    where = plan.storage or str(output / "study.journal")
    storage = open_storage(where)
    owner = Owner.this_process()
    with guarded(where):
        study = SweepStudy(
            storage,
            plan.study or strategy.name,
            record,
            space=plan.space,
            objectives=plan.objectives,
            sampler=sampler,
            seed=plan.seed,
            trials=wanted,
            owner=owner,
            watch=Watch(owner.machine, plan.grace_s),
        )
        keep_in = output / "results" if plan.keep else None
        running = _Running(study, where, plan, record["data"], keep_in, progress)
        task = Task(strategy, folder.absolute(), keep_in and keep_in.absolute())
        ended = running.work(task, stop)
        rows = study.rows()
    return Sweep(
        results=sweep_results(
            study.name, record, strategy, plan.space, plan.objectives, rows, wanted
        ),
        runs=compared_runs(plan.space, rows),
        ended=ended,
        ran=running.ran,
        seconds=running.seconds,
        kept=running.tidy(rows),
    )


def _wanted(plan: Plan, sampler: Sampler) -> int:
    if sampler != "grid":
        return TRIALS if plan.trials is None else plan.trials
    size = plan.space.size
    assert size is not None
    if plan.trials is not None:
        raise ConfigError(
            f"a grid has as many trials as points, {size:,}",
            hint=f"leave out --trials, or draw {plan.trials:,} points with --sampler random",
        )
    return size


class _Running:
    """The trials of one process, from the study to the workers and back."""

    def __init__(
        self,
        study: SweepStudy,
        where: str,
        plan: Plan,
        data: dict[str, list[str]],
        keep_in: Path | None,
        progress: Callable[[Progress], None],
    ) -> None:
        self._study = study
        self._where = where
        self._plan = plan
        self._data = data
        self._keep_in = keep_in
        self._progress = progress
        self._tickets: dict[int, Ticket] = {}
        self._begun_s = self._beat_s = monotonic()
        self._finished_s = self._begun_s
        self.ran = 0

    @property
    def seconds(self) -> float:
        """Time from the first trial's begin to the last one's end."""
        return self._finished_s - self._begun_s

    def work(
        self, task: Task, stop: Callable[[], bool]
    ) -> Literal["finished", "timeout", "interrupted"]:
        """Run trials until there are none left, or somebody stops it."""
        if task.keep_in is not None:
            task.keep_in.mkdir(parents=True, exist_ok=True)
        self._study.recover()
        try:
            with Crew(task, self._plan.jobs) as crew:
                while not self._report():
                    if stop():
                        return "interrupted"
                    late = self._is_late()
                    if late and not self._tickets:
                        return "timeout"
                    if not late:
                        self._fill(crew)
                    for reply in crew.wait(POLL_S):
                        self._take(reply)
                    self._tend()
        finally:
            self._give_back()
        return "finished"

    def tidy(self, rows: Sequence[Row]) -> dict[int, Path]:
        """Delete the results of all finished trials but the best; return these."""
        if self._keep_in is None:
            return {}
        values = {row.index: row.values for row in rows if row.values is not None}
        best = list(rank(values, self._plan.objectives))[: self._plan.keep]
        kept = {index: results_path(self._keep_in, index) for index in best}
        for row in rows:
            if row.status.final and row.index not in kept:
                results_path(self._keep_in, row.index).unlink(missing_ok=True)
        return {index: path for index, path in kept.items() if path.exists()}

    def _fill(self, crew: Crew) -> None:
        while crew.free and (ticket := self._study.next()) is not None:
            self._tickets[ticket.index] = ticket
            crew.give(Job(ticket.index, ticket.values))

    def _take(self, reply: Reply | Lost) -> None:
        ticket = self._tickets[reply.index]
        if isinstance(reply, Stopped):
            raise reply.error()
        if isinstance(reply, Done):
            self._finish(ticket, reply.outcome)
        elif isinstance(reply, Refused):
            self._study.finish(ticket, None, None, reply.reason)
        elif isinstance(reply, Failed):
            _log.error("trial %d failed\n%s", reply.index, reply.trace)
            self._study.fail(ticket, reply.reason)
        else:
            _log.warning("trial %d: its worker %s", reply.index, reply.how)
            self._study.give_back(ticket, lost=reply.how)
        del self._tickets[reply.index]
        self.ran += not isinstance(reply, Lost)
        self._finished_s = monotonic()
        if self.ran % TIDY_EVERY == 0:
            self.tidy(self._study.rows())

    def _finish(self, ticket: Ticket, outcome: Outcome) -> None:
        for name, sha256 in outcome.data.items():
            if sha256 not in self._data.get(name, [sha256]):
                raise DataError(
                    "changed while the sweep ran", path=name, hint="begin another study"
                )
        found = [outcome.metrics[each.name] for each in self._plan.objectives]
        values = [value for value in found if value is not None]
        if len(values) == len(found):
            self._study.finish(ticket, values, outcome)
            return
        unknown = [
            each.name
            for each, value in zip(self._plan.objectives, found, strict=True)
            if value is None
        ]
        self._study.finish(ticket, None, outcome, f"this run has no {' and no '.join(unknown)}")

    def _tend(self) -> None:
        """Show that this process lives, and look for the trials of those that do not."""
        now_s = monotonic()
        if now_s - self._beat_s >= BEAT_S:
            self._beat_s = now_s
            self._study.beat()
            self._study.recover()
        elif not self._tickets:
            self._study.recover()

    def _report(self) -> bool:
        """Tell how far the study is, and return whether all of it is over."""
        rows = [row for row in self._study.rows() if row.status.final]
        complete = [row for row in rows if row.values is not None]
        signs = [objective.sign() for objective in self._plan.objectives]

        def cost(row: Row) -> tuple[float, int]:
            assert row.values is not None
            return signs[0] * row.values[0], row.index

        self._progress(
            Progress(
                done=len(rows),
                wanted=self._study.trials,
                pruned=sum(row.status is Status.PRUNED for row in rows),
                failed=sum(row.status is Status.FAILED for row in rows),
                best=min(complete, key=cost, default=None),
            )
        )
        return sum(row.index < self._study.trials for row in rows) >= self._study.trials

    def _is_late(self) -> bool:
        limit_s = self._plan.timeout_s
        return limit_s is not None and monotonic() - self._begun_s >= limit_s

    def _give_back(self) -> None:
        """Let others run what this process began and will not end."""
        # A storage that fails here leaves them running by nobody, and those are recovered.
        with contextlib.suppress(RpcError), guarded(self._where):
            for ticket in self._tickets.values():
                self._study.give_back(ticket)
        self._tickets.clear()


def write_sweep(sweep: Sweep, output: Path) -> list[Path]:
    """Write ``sweep.json`` and, if any trial ran to its end, ``compare.html``; return the files."""
    from alp.backtest.compare import render_comparison
    from alp.backtest.compared import METRICS

    files = {output / "sweep.json": sweep.results.to_json_bytes()}
    if sweep.runs:
        known = {metric.name for metric in METRICS}
        name = sweep.results.objectives[0].name
        page = render_comparison(
            sweep.runs,
            title=f"{sweep.results.study}: {len(sweep.runs)} runs",
            objective=name if name in known else "nav_change_bps",
        )
        files[output / "compare.html"] = page.encode()
    for path, content in files.items():
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(content)
        part.replace(path)
    return list(files)
