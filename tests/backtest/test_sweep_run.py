"""Whole sweeps on the recorded day that ships with the project, with real worker processes."""

from __future__ import annotations

import gzip
import json
import os
import shutil
import signal
from dataclasses import replace
from pathlib import Path

import jsonschema
import optuna
import pytest

from alp.backtest.run import run_backtest
from alp.backtest.sweep.crew import Crew, Lost
from alp.backtest.sweep.objectives import read_objectives
from alp.backtest.sweep.results import SweepResults
from alp.backtest.sweep.run import Plan, Sweep, run_sweep, write_sweep
from alp.backtest.sweep.space_file import read_space
from alp.backtest.sweep.worker import Done, Job, Refused, Task
from alp.errors import ConfigError, DataError
from alp.strategy.loading import load_manifest, with_values
from alp.strategy.manifest import Strategy

GRID = ["ranges.baseSpreadBps=[100, 300]", "rebalance.cooldown=[10m, 1h]"]
PLAN = Plan(space=read_space(None, GRID), objectives=read_objectives(()))


@pytest.fixture(scope="module")
def examples(root: Path) -> Path:
    return root / "examples"


@pytest.fixture(scope="module")
def strategy(examples: Path) -> Strategy:
    """Six hours of the 30 bps pool: a tenth of a second."""
    whole = load_manifest(examples / "eth-usdc-30bps.yaml")
    return with_values(whole, {"spec.backtest.window.end": "2024-01-05T06:00:00Z"})


@pytest.fixture(scope="module")
def one(strategy: Strategy, examples: Path, tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """The grid, run by one worker."""
    return run_sweep(strategy, examples, PLAN, tmp_path_factory.mktemp("one"))


def test_every_point_of_the_grid_is_a_backtest_with_these_values(
    one: Sweep, strategy: Strategy, examples: Path
) -> None:
    assert (one.ended, one.ran) == ("finished", 4)
    assert [trial.index for trial in one.results.trials] == [0, 1, 2, 3]
    best = one.results.ranked()[0]
    expected = run_backtest(with_values(strategy, best.parameters), examples)
    assert best.attribution["total"] == expected.nav.change
    assert best.metrics["nav_change"] == float(expected.nav.change)
    assert one.kept[best.index].read_bytes() == expected.to_json_bytes()
    others = [trial.metrics["nav_change"] for trial in one.results.ranked()[1:]]
    assert all(other is not None and other <= float(expected.nav.change) for other in others)


def test_a_grid_gives_the_same_files_however_many_workers_ran_it(
    one: Sweep, strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    two = run_sweep(strategy, examples, replace(PLAN, jobs=2), tmp_path / "b")
    for name, sweep in (("one", one), ("two", two)):
        (tmp_path / name).mkdir()
        write_sweep(sweep, tmp_path / name)
    for name in ("sweep.json", "compare.html"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()
    found = SweepResults.read(tmp_path / "one" / "sweep.json")
    assert found.to_json_bytes() == (tmp_path / "two" / "sweep.json").read_bytes()


def test_the_published_schema_accepts_a_sweep_and_refuses_another_version(
    one: Sweep, root: Path
) -> None:
    judge = jsonschema.Draft202012Validator(
        json.loads((root / "docs" / "reference" / "sweep.schema.json").read_text())
    )
    found = json.loads(one.results.to_json_bytes())
    judge.validate(found)
    assert not judge.is_valid({**found, "schema": "alp.sweep/2"})


def test_an_invalid_combination_is_pruned_with_its_reason(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    space = read_space(None, ["ranges.minWidthBps=[100, 900]", "ranges.maxWidthBps=[800, 2000]"])
    sweep = run_sweep(strategy, examples, replace(PLAN, space=space), tmp_path)
    statuses = {trial.index: trial.status for trial in sweep.results.trials}
    assert statuses == {0: "complete", 1: "complete", 2: "pruned", 3: "pruned"}
    assert sweep.results.trials[2].reason == (
        "spec.ranges.minWidthBps: 900 is more than maxWidthBps, 800"
    )
    assert sweep.results.trials[2].parameters == {
        "spec.ranges.minWidthBps": 900,
        "spec.ranges.maxWidthBps": 800,
    }
    assert len(sweep.runs) == 2


def test_a_run_without_the_number_that_is_looked_for_is_pruned_but_kept(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    idle = with_values(strategy, {"spec.rebalance.maxGasQuote": 0})
    space = read_space(None, ["ranges.baseSpreadBps=[200]"])
    plan = replace(PLAN, space=space, objectives=read_objectives(["fees_to_lvr"]))
    sweep = run_sweep(idle, examples, plan, tmp_path)
    (trial,) = sweep.results.trials
    assert (trial.status, trial.reason) == ("pruned", "this run has no fees_to_lvr")
    assert trial.metrics["nav_change"] is not None


def test_a_sweep_that_was_stopped_goes_on_where_it_was(
    one: Sweep, strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    seen: list[int] = []
    first = run_sweep(
        strategy,
        examples,
        PLAN,
        tmp_path,
        progress=lambda now: seen.append(now.done),
        stop=lambda: bool(seen) and seen[-1] >= 2,
    )
    assert (first.ended, first.ran) == ("interrupted", 2)
    second = run_sweep(strategy, examples, PLAN, tmp_path)
    assert (second.ended, second.ran) == ("finished", 2)
    assert second.results == one.results
    third = run_sweep(strategy, examples, PLAN, tmp_path)
    assert (third.ran, third.results) == (0, one.results)
    assert third.kept.keys() == one.kept.keys()


def test_after_its_time_is_up_a_sweep_begins_no_trial(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    sweep = run_sweep(strategy, examples, replace(PLAN, timeout_s=0.0), tmp_path)
    assert (sweep.ended, sweep.ran, sweep.results.trials) == ("timeout", 0, ())


def test_a_database_holds_a_study_as_a_journal_does(
    one: Sweep, strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    plan = replace(PLAN, storage=f"sqlite:///{tmp_path}/study.db")
    assert run_sweep(strategy, examples, plan, tmp_path).results == one.results
    assert run_sweep(strategy, examples, plan, tmp_path / "again").ran == 0
    assert not (tmp_path / "study.journal").exists()


def test_of_all_results_only_the_best_are_kept(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    sweep = run_sweep(strategy, examples, replace(PLAN, keep=2), tmp_path)
    best = [trial.index for trial in sweep.results.ranked()[:2]]
    assert list(sweep.kept) == best
    assert sorted(path.name for path in (tmp_path / "results").iterdir()) == sorted(
        f"trial-{index}.json" for index in best
    )
    none = run_sweep(strategy, examples, replace(PLAN, keep=0), tmp_path / "none")
    assert none.kept == {}
    assert not (tmp_path / "none" / "results").exists()


def copied(examples: Path, folder: Path) -> Path:
    """A copy of the examples whose data may be spoilt."""
    shutil.copytree(examples, folder)
    return folder


POOL = "data/ethereum-usdc-weth-30bps-2024-01-05.raw.csv.gz"


def test_data_that_cannot_be_trusted_stops_everything(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    folder = copied(examples, tmp_path / "examples")
    rows = gzip.decompress((folder / POOL).read_bytes()).splitlines(keepends=True)
    (folder / POOL).write_bytes(gzip.compress(b"".join([*rows[:40], b"nonsense\n", *rows[40:]])))
    with pytest.raises(DataError, match=r"raw\.csv\.gz"):
        run_sweep(strategy, folder, PLAN, tmp_path / "out")
    study = optuna.load_study(study_name=None, storage=_journal(tmp_path / "out" / "study.journal"))
    assert not [trial for trial in study.trials if trial.state.name in ("COMPLETE", "RUNNING")]


def _journal(path: Path) -> optuna.storages.BaseStorage:
    backend = optuna.storages.journal.JournalFileBackend(str(path))
    return optuna.storages.JournalStorage(backend)


def test_data_that_changes_on_the_way_stops_everything(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    folder = copied(examples, tmp_path / "examples")

    packed = gzip.compress(gzip.decompress((folder / POOL).read_bytes()), compresslevel=1, mtime=0)
    (folder / "new").write_bytes(packed)

    def repack(_: object) -> None:
        if (folder / "new").exists():
            (folder / "new").replace(folder / POOL)

    with pytest.raises(DataError, match="changed while the sweep ran"):
        run_sweep(strategy, folder, PLAN, tmp_path / "out", progress=repack)
    (folder / POOL).write_bytes((examples / POOL).read_bytes() + b"\0")
    with pytest.raises(ConfigError, match=r"the data files .*raw\.csv\.gz changed"):
        run_sweep(strategy, folder, PLAN, tmp_path / "out")


def test_a_missing_data_file_is_named_before_anything_runs(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    data = "spec.backtest.data.pool.path"
    space = read_space(None, [f"{data}=[{POOL}, data/absent.csv]"])
    with pytest.raises(DataError, match=r"absent\.csv"):
        run_sweep(strategy, examples, replace(PLAN, space=space), tmp_path)


def test_every_data_file_of_the_space_is_in_the_record(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    shorter = tmp_path / "shorter.csv"
    rows = gzip.decompress((examples / POOL).read_bytes()).splitlines(keepends=True)
    shorter.write_bytes(b"".join(rows[: len(rows) // 2]))
    space = read_space(None, [f"spec.backtest.data.pool.path=[{POOL}, {shorter}]"])
    sweep = run_sweep(strategy, examples, replace(PLAN, space=space), tmp_path)
    assert sweep.results.count("complete") == 2
    assert set(sweep.results.data) == {
        "shorter.csv",
        Path(POOL).name,
        "ethereum-usdc-weth-30bps-2024-01-05.liquidity.csv",
    }


def test_a_grid_with_a_number_of_trials_of_its_own_is_refused(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="as many trials as points, 4"):
        run_sweep(strategy, examples, replace(PLAN, trials=3), tmp_path)


@pytest.mark.parametrize("sampler", ["tpe", "nsga2", "random"])
def test_a_search_repeats_itself_with_the_same_seed(
    sampler: str, strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    texts = ["ranges.baseSpreadBps=100..400", "model.riskAversion=0.01..1:log"]
    plan = Plan(
        space=read_space(None, texts),
        objectives=read_objectives(["nav_change_bps", "max_drawdown_bps"]),
        sampler=sampler,  # type: ignore[arg-type]
        seed=3,
        trials=4,
    )
    first = run_sweep(strategy, examples, plan, tmp_path / "a").results
    assert run_sweep(strategy, examples, plan, tmp_path / "b").results == first
    assert first.count("complete") == 4
    assert first.ranked()[0].front == 1


def test_a_worker_that_is_killed_is_replaced(
    strategy: Strategy, examples: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    give = Crew.give
    killed: list[int] = []

    def giving(crew: Crew, job: Job) -> None:
        give(crew, job)
        if job.index == 1 and not killed:
            killed.append(job.index)
            for pid in crew.pids:
                os.kill(pid, signal.SIGKILL)

    monkeypatch.setattr(Crew, "give", giving)
    sweep = run_sweep(strategy, examples, PLAN, tmp_path)
    assert killed == [1]
    assert (sweep.ran, sweep.results.count("complete")) == (4, 4)


def test_a_worker_is_not_told_where_the_study_lives(
    strategy: Strategy, examples: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALP_SWEEP_STORAGE", "postgresql://anna:hunter2@localhost/studies")
    with Crew(Task(strategy, examples, None), jobs=1) as crew:
        crew.give(Job(0, {"spec.ranges.minWidthBps": 90_000}))
        crew.wait(60.0)
        told = Path(f"/proc/{crew.pids[0]}/environ")
        if not told.exists():
            pytest.skip("needs /proc/PID/environ (Linux)")
        assert b"hunter2" not in told.read_bytes()


def test_a_crew_tells_how_its_worker_died(
    strategy: Strategy, examples: Path, tmp_path: Path
) -> None:
    with Crew(Task(strategy, examples, None), jobs=1) as crew:
        crew.give(Job(7, {"spec.ranges.minWidthBps": 90_000}))
        (refused,) = crew.wait(60.0)
        assert isinstance(refused, Refused)
        crew.give(Job(8, {}))
        os.kill(crew.pids[0], signal.SIGKILL)
        (lost,) = crew.wait(60.0)
        assert lost == Lost(8, "was killed by SIGKILL")
        crew.give(Job(8, {}))
        (done,) = crew.wait(60.0)
        assert isinstance(done, Done)
