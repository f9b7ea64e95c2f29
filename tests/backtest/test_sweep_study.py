"""A study: who gets which trial, and what becomes of those that nobody ends."""

from __future__ import annotations

from typing import Any

import pytest
from backtest.builders import realistic_results
from optuna.storages import BaseStorage, InMemoryStorage

from alp.backtest.sweep.objectives import read_objectives
from alp.backtest.sweep.outcome import Outcome
from alp.backtest.sweep.owners import Owner, Watch
from alp.backtest.sweep.results import compared_runs
from alp.backtest.sweep.samplers import Sampler, choose_sampler
from alp.backtest.sweep.space_file import read_space
from alp.backtest.sweep.study import ATTEMPTS, Status, SweepStudy, Ticket
from alp.errors import ConfigError

GRID = read_space(None, ["ranges.baseSpreadBps=100:300:100", "rebalance.cooldown=[10m, 1h]"])
SPANS = read_space(None, ["model.riskAversion=0.01..1:log", "ranges.baseSpreadBps=50..400"])
RESULTS = realistic_results(hours=48)
OUTCOME = Outcome.of(RESULTS, RESULTS.to_json_bytes())


class Machines:
    """A clock, and any number of sweep processes on machines of their own."""

    def __init__(self, storage: BaseStorage | None = None) -> None:
        self.storage = InMemoryStorage() if storage is None else storage
        self.now_s = 0.0

    def study(self, host: str = "a", **changes: Any) -> SweepStudy:
        wanted: dict[str, Any] = {"space": GRID, "sampler": "grid", "seed": 0, "trials": 6}
        wanted |= {"objectives": read_objectives(())} | changes
        record = {
            "schema": "alp.sweep/1",
            "alp_version": "1",
            "manifest_sha256": "0" * 64,
            "data": {"pool.csv": ["1" * 64]},
            "space": wanted["space"].written(),
            "sampler": wanted["sampler"],
            "seed": wanted["seed"],
            "objectives": [f"{each.name}:{each.direction}" for each in wanted["objectives"]],
        } | wanted.pop("record", {})
        return SweepStudy(
            self.storage,
            "eth",
            record,
            owner=Owner(f"{host}/boot", 1, f"process-{host}"),
            watch=Watch(f"{host}/boot", grace_s=90.0, clock=lambda: self.now_s),
            **wanted,
        )


def take(study: SweepStudy) -> Ticket:
    ticket = study.next()
    assert ticket is not None
    return ticket


def points(study: SweepStudy) -> list[tuple[object, ...]]:
    return [tuple(GRID.values(row.samples).values()) for row in study.rows()]


def test_a_grid_is_handed_out_once_and_in_order() -> None:
    study = Machines().study()
    for index in range(6):
        ticket = take(study)
        assert ticket.index == index
        study.finish(ticket, (float(index),), None)
    assert study.next() is None
    assert points(study) == [(bps, wait) for bps in (100, 200, 300) for wait in ("10m", "1h")]


def test_two_processes_share_a_grid_without_overlap() -> None:
    machines = Machines()
    one, two = machines.study("a"), machines.study("b")
    taken = [take(study).index for _ in range(3) for study in (one, two)]
    assert taken == [0, 1, 2, 3, 4, 5]
    assert one.next() is None
    assert two.next() is None


def test_a_trial_given_back_is_run_again_with_its_index_and_parameters() -> None:
    study = Machines().study()
    first, second = take(study), take(study)
    study.give_back(first)
    again = take(study)
    assert (again.index, again.values) == (first.index, first.values)
    study.finish(second, (1.0,), None)
    study.finish(again, (2.0,), None)
    assert [(row.index, row.values) for row in study.rows()] == [(0, (2.0,)), (1, (1.0,))]
    assert take(study).index == 2


def test_the_trials_of_a_process_that_fell_silent_are_recovered_by_another() -> None:
    machines = Machines()
    dead, alive = machines.study("dead"), machines.study("alive")
    lost = [take(dead), take(dead)]
    dead.finish(lost[0], (7.0,), None)
    assert alive.recover() == 0
    machines.now_s = 60.0
    dead.beat()
    assert alive.recover() == 0
    machines.now_s = 140.0
    assert alive.recover() == 0
    machines.now_s = 151.0
    assert alive.recover() == 1
    assert take(alive).index == 1
    assert alive.rows()[0].values == (7.0,)


def test_a_process_that_wakes_up_after_its_trial_was_taken_changes_nothing() -> None:
    machines = Machines()
    slow, other = machines.study("slow"), machines.study("other")
    ticket = take(slow)
    other.recover()
    machines.now_s = 91.0
    assert other.recover() == 1
    again = take(other)
    other.finish(again, (1.0,), OUTCOME)
    slow.finish(ticket, (99.0,), OUTCOME)
    slow.give_back(ticket)
    assert [row.values for row in other.rows()] == [(1.0,)]
    assert take(slow).index == 1


def test_a_trial_that_keeps_killing_its_worker_fails_for_good() -> None:
    study = Machines().study()
    for attempt in range(1, ATTEMPTS + 1):
        ticket = take(study)
        assert (ticket.index, ticket.attempt) == (0, attempt)
        study.give_back(ticket, lost="was killed by SIGKILL")
    assert take(study).index == 1
    failed = study.rows()[0]
    assert failed.status is Status.FAILED
    assert failed.reason == "its worker was killed by SIGKILL, 3 times"


def test_a_trial_that_keeps_killing_whole_sweeps_fails_for_good() -> None:
    machines = Machines()
    watcher = machines.study("watcher")
    for attempt in range(1, ATTEMPTS + 1):
        assert take(machines.study(f"m{attempt}")).attempt == attempt
        watcher.recover()
        machines.now_s += 91.0
        watcher.recover()
    failed = watcher.rows()[0]
    assert (failed.index, failed.status) == (0, Status.FAILED)
    assert failed.reason == "the sweep that ran it died, 3 times"
    assert take(watcher).index == 1


def test_a_trial_dropped_by_a_process_that_died_before_queueing_it_is_not_forgotten() -> None:
    machines = Machines()
    study = machines.study()
    ticket = take(study)
    ticket.trial.study.tell(ticket.trial.number, state=_fail())
    assert machines.study("b").recover() == 1
    assert take(study).index == 0


def test_an_index_queued_twice_is_run_once() -> None:
    machines = Machines()
    one, two = machines.study("a"), machines.study("b")
    ticket = take(one)
    ticket.trial.study.tell(ticket.trial.number, state=_fail())
    for study in (one, two):
        study._queue(0, 1)
    again, other = take(one), take(two)
    assert (again.index, other.index) == (0, 1)
    one.finish(again, (1.0,), None)
    assert [row.index for row in one.rows()] == [0, 1]


def _fail() -> Any:
    from optuna.trial import TrialState

    return TrialState.FAIL


def test_a_search_goes_on_to_more_trials_when_asked_again() -> None:
    machines = Machines()
    small = machines.study(space=SPANS, sampler="random", trials=2)
    for _ in range(2):
        small.finish(take(small), (0.0,), None)
    assert small.next() is None
    larger = machines.study("b", space=SPANS, sampler="random", trials=4)
    assert [take(larger).index, take(larger).index] == [2, 3]
    assert larger.next() is None


@pytest.mark.parametrize("sampler", ["random", "tpe", "nsga2"])
def test_a_search_that_was_interrupted_draws_what_it_would_have_drawn(sampler: Sampler) -> None:
    def run(*, interrupted: bool) -> list[object]:
        machines = Machines()
        study = machines.study(space=SPANS, sampler=sampler, seed=5, trials=24)
        while (ticket := study.next()) is not None:
            if interrupted and ticket.index in (3, 14) and ticket.attempt == 1:
                study.give_back(ticket, lost="was killed")
                study = machines.study(f"b{ticket.index}", space=SPANS, sampler=sampler, seed=5,
                                       trials=24)  # fmt: skip
                continue
            risk = float(ticket.values["spec.model.riskAversion"])
            study.finish(ticket, (-((risk - 0.2) ** 2),), None)
        return [row.samples for row in study.rows()]

    whole = run(interrupted=False)
    assert len({str(each) for each in whole}) > 20
    assert run(interrupted=True) == whole


def test_another_seed_draws_other_points() -> None:
    drawn = [
        take(Machines().study(space=SPANS, sampler="random", seed=seed)).values for seed in (1, 2)
    ]
    assert drawn[0] != drawn[1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"record": {"manifest_sha256": "f" * 64}}, "the manifest changed"),
        ({"record": {"alp_version": "2"}}, "the version of alp was 1, now 2"),
        ({"record": {"data": {"pool.csv": ["2" * 64]}}}, "the data files pool.csv changed"),
        ({"space": SPANS, "sampler": "random"}, "spec.model.riskAversion was None, now 0.01..1"),
        ({"seed": 9}, "the seed was 0, now 9"),
        ({"objectives": read_objectives(["fees"])}, "the objectives was nav_change_bps:maximize"),
    ],
)
def test_a_study_goes_on_only_with_what_it_was_begun_with(
    change: dict[str, Any], message: str
) -> None:
    machines = Machines()
    machines.study()
    with pytest.raises(ConfigError) as caught:
        machines.study("b", **change)
    assert message in str(caught.value)
    assert "--study NAME" in str(caught.value.hint)


def test_somebody_elses_study_is_left_alone() -> None:
    import optuna

    machines = Machines()
    theirs = optuna.create_study(storage=machines.storage, study_name="eth")
    theirs.tell(theirs.ask(), 1.0)
    with pytest.raises(ConfigError, match="was not made by alp sweep"):
        machines.study()


def test_an_outcome_comes_back_from_the_storage_as_it_was() -> None:
    study = Machines().study()
    study.finish(take(study), (1.0,), OUTCOME)
    stored = study.rows()[0].outcome
    assert stored == OUTCOME
    (run,) = compared_runs(GRID, study.rows())
    assert run.label == "trial 0"
    assert run.parameters == {
        "spec.ranges.baseSpreadBps": 100,
        "spec.rebalance.cooldown": "10m",
    }


def test_on_a_page_a_duration_is_a_number_with_its_unit_in_the_name() -> None:
    space = read_space(None, ["rebalance.cooldown=5m:15m:5m", "hedge.enabled=[true, false]"])
    study = Machines().study(space=space)
    study.finish(take(study), (1.0,), OUTCOME)
    (run,) = compared_runs(space, study.rows())
    assert run.parameters == {"spec.rebalance.cooldown, m": 5.0, "spec.hedge.enabled": True}


def test_a_grid_needs_steps_and_a_search_is_chosen_without_them() -> None:
    assert choose_sampler("auto", GRID, 1) == "grid"
    assert choose_sampler("auto", SPANS, 1) == "tpe"
    assert choose_sampler("auto", SPANS, 2) == "nsga2"
    with pytest.raises(ConfigError, match=r"0\.01\.\.1:log has no step, so there is no grid"):
        choose_sampler("grid", SPANS, 1)
    large = read_space(None, ["a=1:1000:1", "b=1:1000:1"])
    with pytest.raises(ConfigError, match="the grid has 1,000,000 points"):
        choose_sampler("grid", large, 1)
