"""A study in its storage: which trials there are, who runs them, what came of them.

A trial is known by its index, 0 to N - 1. Optuna's own numbers differ from it where a trial had to
be run again: the one that was lost is failed, and a new one takes its index, which gives it the
same parameters in a grid or a random search.
Any number of processes may work on one study; the storage decides who gets a trial, and each
process puts back what it finds abandoned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any

import optuna
from optuna.exceptions import DuplicatedStudyError, UpdateFinishedTrialError
from optuna.storages import BaseStorage
from optuna.trial import FrozenTrial, Trial, TrialState, create_trial

from alp.backtest.sweep.objectives import Direction, Objective
from alp.backtest.sweep.outcome import Outcome
from alp.backtest.sweep.owners import Owner, Watch
from alp.backtest.sweep.record import check_same
from alp.backtest.sweep.samplers import IndexedSampler, Sampler, distribution
from alp.backtest.sweep.space import Sample, Space

ATTEMPTS = 3
"""How often a trial is begun before it is given up: it may be what kills its worker."""

_RECORD = "alp:record"
_INDEX = "alp:index"
_ATTEMPT = "alp:attempt"
_OWNER = "alp:owner"
_REASON = "alp:reason"
_OUTCOME = "alp:outcome"


class Status(Enum):
    """How far a trial is."""

    WAITING = "waiting"
    RUNNING = "running"
    COMPLETE = "complete"
    PRUNED = "pruned"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether nothing more will come."""
        return self not in (Status.WAITING, Status.RUNNING)


@dataclass(frozen=True)
class Row:
    """One trial as it stands."""

    index: int
    status: Status
    samples: dict[str, Sample]
    values: tuple[float, ...] | None
    """The objectives, in their order."""
    reason: str
    stored: dict[str, Any] | None
    """The outcome as the study holds it."""

    @property
    def outcome(self) -> Outcome | None:
        """What is kept of its run, if it ran to its end."""
        return None if self.stored is None else Outcome.from_json(self.stored)


@dataclass(frozen=True)
class Ticket:
    """A trial that this process runs."""

    index: int
    attempt: int
    values: dict[str, Any]
    """Field -> value, as YAML would hold it."""
    trial: Trial


class SweepStudy:
    """One process's view of a study.

    Parameters
    ----------
    storage
        Open storage.
    name
        The study's name in it.
    record
        What identifies it, see :func:`~alp.backtest.sweep.record.study_record`.
    trials
        How many trials the study shall have in all.
    watch
        Finds dead owners.

    Raises
    ------
    ConfigError
        If a study of that name was begun with another record.
    """

    def __init__(
        self,
        storage: BaseStorage,
        name: str,
        record: dict[str, Any],
        *,
        space: Space,
        objectives: Sequence[Objective],
        sampler: Sampler,
        seed: int,
        trials: int,
        owner: Owner,
        watch: Watch,
    ) -> None:
        self.name = name
        self.trials = trials
        self._space = space
        self._owner = owner
        self._watch = watch
        self._beat = 0
        self._distributions = {each.field: distribution(each) for each in space.parameters}
        directions = [each.direction for each in objectives]
        chooser = IndexedSampler(sampler, space, seed, self._index_of)
        self._study = _open_study(storage, name, record, directions, chooser)
        self.beat()

    def beat(self) -> None:
        """Tell the other processes that this one lives."""
        self._beat += 1
        self._study.set_user_attr(self._owner.key, self._owner.state(self._beat))

    def next(self) -> Ticket | None:
        """Take a trial that nobody runs; None where there is none now."""
        while True:
            known = self._study.get_trials(deepcopy=False)
            waiting = any(trial.state is TrialState.WAITING for trial in known)
            if not waiting and len(_fresh(known)) >= self.trials:
                return None
            trial = self._study.ask(self._distributions)
            found = _indexed(self._study.get_trials(deepcopy=False))
            index = next(index for index, each in found if each.number == trial.number)
            if index >= self.trials or _is_surplus(found, index, trial.number):
                self._study.tell(trial, state=TrialState.FAIL)
                continue
            trial.set_user_attr(_OWNER, self._owner.key)
            values = self._space.values(trial.params)
            return Ticket(index, int(trial.user_attrs.get(_ATTEMPT, 1)), values, trial)

    def finish(
        self,
        ticket: Ticket,
        values: Sequence[float] | None,
        outcome: Outcome | None,
        reason: str = "",
    ) -> None:
        """Record what came of a trial; without values it is pruned, for the reason given."""
        state = TrialState.PRUNED if values is None else TrialState.COMPLETE
        self._tell(ticket, state, values, outcome, reason)

    def fail(self, ticket: Ticket, reason: str) -> None:
        """Record that a trial failed and would fail again."""
        self._tell(ticket, TrialState.FAIL, None, None, reason)

    def give_back(self, ticket: Ticket, *, lost: str = "") -> None:
        """Let somebody run a trial again, from its beginning.

        Parameters
        ----------
        lost
            How its worker died, if it did; after :data:`ATTEMPTS` of that the trial has failed.
        """
        attempts = ticket.attempt + bool(lost)
        if attempts > ATTEMPTS:
            self.fail(ticket, f"its worker {lost}, {ATTEMPTS} times")
        elif self._drop(ticket.trial.number):
            self._queue(ticket.index, attempts)

    def recover(self) -> int:
        """Put abandoned trials back into the queue; return how many."""
        known = self._study.get_trials(deepcopy=False)
        beats = self._study.user_attrs
        found = _indexed(known)
        recovered = 0
        for index, trial in found:
            if trial.state is TrialState.RUNNING and self._abandoned(trial, beats):
                attempt = int(trial.user_attrs.get(_ATTEMPT, 1)) + 1
                if not self._drop(trial.number):
                    continue
                if attempt > ATTEMPTS:
                    self._give_up(index, trial)
                else:
                    self._queue(index, attempt)
                    recovered += 1
        return recovered + self._queue_forgotten(found)

    def rows(self) -> list[Row]:
        """Return all trials by index, unfinished ones too."""
        best: dict[int, Row] = {}
        for index, trial in _indexed(self._study.get_trials(deepcopy=False)):
            status = _status(trial)
            if status is not None and (index not in best or not best[index].status.final):
                best[index] = _row(index, status, trial)
        return [best[index] for index in sorted(best)]

    def _tell(
        self,
        ticket: Ticket,
        state: TrialState,
        values: Sequence[float] | None,
        outcome: Outcome | None,
        reason: str,
    ) -> None:
        """Finish a trial, unless another process thought this one dead and took it away."""
        try:
            if outcome is not None:
                ticket.trial.set_user_attr(_OUTCOME, outcome.to_json())
            if reason or state is TrialState.FAIL:
                ticket.trial.set_user_attr(_REASON, reason)
        except UpdateFinishedTrialError:
            return
        self._study.tell(ticket.trial, values, state=state, skip_if_finished=True)

    def _drop(self, number: int) -> bool:
        """Fail a running trial; False where another process was first."""
        try:
            self._study.tell(number, state=TrialState.FAIL)
        except (ValueError, UpdateFinishedTrialError):
            return False
        return True

    def _queue(self, index: int, attempt: int) -> None:
        """Let an index be drawn again; a search must draw it, to know it as one of its own."""
        self._study.enqueue_trial({}, user_attrs={_INDEX: index, _ATTEMPT: attempt})

    def _give_up(self, index: int, trial: FrozenTrial) -> None:
        reason = f"the sweep that ran it died, {ATTEMPTS} times"
        self._study.add_trial(
            create_trial(
                state=TrialState.FAIL,
                params=trial.params,
                distributions=trial.distributions,
                user_attrs={_INDEX: index, _REASON: reason},
            )
        )

    def _abandoned(self, trial: FrozenTrial, beats: Mapping[str, Any]) -> bool:
        owner = trial.user_attrs.get(_OWNER)
        if owner == self._owner.key:
            return False
        return self._watch.gone(owner or f"trial {trial.number}", beats.get(owner or ""))

    def _queue_forgotten(self, found: Sequence[tuple[int, FrozenTrial]]) -> int:
        """Queue indices whose trials were all dropped: their process died before it queued them."""
        alive = {index for index, trial in found if _status(trial) is not None}
        dropped = {index: trial for index, trial in found if index < self.trials}
        forgotten = [index for index in dropped if index not in alive]
        for index in forgotten:
            self._queue(index, int(dropped[index].user_attrs.get(_ATTEMPT, 1)))
        return len(forgotten)

    def _index_of(self, trial: FrozenTrial) -> int:
        found = _indexed(self._study.get_trials(deepcopy=False))
        return next(index for index, each in found if each.number == trial.number)


def _open_study(
    storage: BaseStorage,
    name: str,
    record: dict[str, Any],
    directions: Sequence[Direction],
    sampler: IndexedSampler,
) -> optuna.Study:
    """Make or load a study; of two that make it at once with different records, one is refused."""
    try:
        study = optuna.create_study(
            storage=storage, study_name=name, directions=[*directions], sampler=sampler
        )
    except DuplicatedStudyError:
        study = optuna.load_study(storage=storage, study_name=name, sampler=sampler)
    if _RECORD not in study.user_attrs and not study.get_trials(deepcopy=False):
        study.set_user_attr(_RECORD, record)
    check_same(name, study.user_attrs.get(_RECORD), record)
    return study


def _fresh(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Return the trials that were not queued for an index."""
    return [trial for trial in trials if _INDEX not in trial.user_attrs]


def _indexed(trials: Sequence[FrozenTrial]) -> list[tuple[int, FrozenTrial]]:
    """Return each trial with its index: the one it was queued for, or the next one free."""
    found, fresh = [], 0
    for trial in sorted(trials, key=lambda each: each.number):
        queued = trial.user_attrs.get(_INDEX)
        found.append((fresh if queued is None else int(queued), trial))
        fresh += queued is None
    return found


def _is_surplus(found: Sequence[tuple[int, FrozenTrial]], index: int, number: int) -> bool:
    """Tell whether another trial of the same index is done, or was there first."""
    for other, trial in found:
        if other != index or trial.number == number:
            continue
        status = _status(trial)
        if status is not None and (status.final or trial.number < number):
            return True
    return False


def _status(trial: FrozenTrial) -> Status | None:
    """Return how far a trial is; None for one that was dropped, so that another could run it."""
    if trial.state is TrialState.FAIL:
        return Status.FAILED if _REASON in trial.user_attrs else None
    return {
        TrialState.WAITING: Status.WAITING,
        TrialState.RUNNING: Status.RUNNING,
        TrialState.COMPLETE: Status.COMPLETE,
        TrialState.PRUNED: Status.PRUNED,
    }[trial.state]


def _row(index: int, status: Status, trial: FrozenTrial) -> Row:
    return Row(
        index=index,
        status=status,
        samples=dict(trial.params),
        values=tuple(trial.values) if trial.values is not None else None,
        reason=trial.user_attrs.get(_REASON, ""),
        stored=trial.user_attrs.get(_OUTCOME),
    )
