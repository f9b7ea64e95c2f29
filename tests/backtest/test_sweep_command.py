"""``alp sweep`` as a person runs it: one line, again after a crash, on several machines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import optuna
import pytest

from alp.backtest.sweep.results import SweepResults
from alp.backtest.sweep.storage import open_storage
from alp.cli.app import root as alp

WAIT_S = 120


@pytest.fixture(scope="module")
def manifest(root: Path) -> Path:
    return root / "examples" / "eth-usdc-30bps.yaml"


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "alp", "sweep", *map(str, arguments)]


@contextmanager
def started(*arguments: object) -> Iterator[subprocess.Popen[str]]:
    environment = {**os.environ, "COLUMNS": "100"}
    process = subprocess.Popen(
        command(*arguments),
        cwd=Path(__file__).parents[2],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def run(*arguments: object) -> tuple[int, str, str]:
    with started(*arguments) as process:
        out, err = process.communicate(timeout=WAIT_S)
        return process.returncode, out, err


def invoke(
    capsys: pytest.CaptureFixture[str], *arguments: object, **environment: str
) -> tuple[int, str, str]:
    """The command in this process: the same code without an interpreter's start."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, value)
        with pytest.raises(SystemExit) as ended:
            alp.main(["sweep", *map(str, arguments)])
    found = capsys.readouterr()
    return int(ended.value.code or 0), found.out, found.err


def trials(storage: Path) -> list[optuna.trial.FrozenTrial]:
    if not storage.exists():
        return []
    opened = open_storage(str(storage))
    studies = opened.get_all_studies()
    return opened.get_all_trials(studies[0]._study_id) if studies else []


def finished(journal: Path) -> int:
    """How many trials are complete, at a glance."""
    return journal.read_bytes().count(b'"state":1,') if journal.exists() else 0


def begun(journal: Path) -> int:
    return journal.read_bytes().count(b'{"alp:owner":')


def count(storage: Path) -> Counter[str]:
    return Counter(trial.state.name for trial in trials(storage))


def until(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def children(pid: int) -> list[int]:
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    if not listed.exists():
        pytest.skip("needs /proc/PID/task/PID/children (Linux)")
    return [int(each) for each in listed.read_text().split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


GRID = ("--param", "ranges.baseSpreadBps=100:300:100", "--param", "rebalance.cooldown=[10m, 1h]")
LONG = ("--param", "ranges.baseSpreadBps=100:340:10")  # 25 trials, long enough to be killed in
SHORT = ("--set", "backtest.window.end=2024-01-05T06:00:00Z")


def test_a_killed_sweep_leaves_nobody_behind_and_goes_on(manifest: Path, tmp_path: Path) -> None:
    journal = tmp_path / "out" / "study.journal"
    arguments = (manifest, *LONG, "--jobs", 1, "-o", tmp_path / "out")
    with started(*arguments) as process:
        until(lambda: finished(journal) >= 1)
        (worker,) = children(process.pid)
        os.kill(worker, signal.SIGSTOP)
        until(lambda: begun(journal) > finished(journal))
        process.send_signal(signal.SIGKILL)
        process.wait()
        os.kill(worker, signal.SIGCONT)
    until(lambda: not alive(worker))
    assert 0 < count(journal)["COMPLETE"] < 25
    assert count(journal)["RUNNING"] == 1

    code, out, err = run(*arguments, "--json")
    assert (code, err) == (0, "")
    assert json.loads(out)["complete"] == 25
    assert count(journal)["RUNNING"] == 0
    assert count(journal)["COMPLETE"] == 25, "what was done is not done again"
    assert count(journal)["FAIL"] == 1, "the one that was cut off"

    run(*arguments[:-1], tmp_path / "whole")
    resumed, whole = ((tmp_path / name / "sweep.json").read_bytes() for name in ("out", "whole"))
    assert resumed == whole


def test_ctrl_c_keeps_what_is_done_and_says_130(manifest: Path, tmp_path: Path) -> None:
    journal = tmp_path / "study.journal"
    arguments = (manifest, *LONG, "--jobs", 1, "-o", tmp_path)
    with started(*arguments) as process:
        until(lambda: finished(journal) >= 1)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=WAIT_S)
        assert process.returncode == 130
    assert err == "alp: interrupted\n"
    done = SweepResults.read(tmp_path / "sweep.json").count("complete")
    assert 0 < done < 25
    assert f"{done} of 25 trials done" in out
    assert (tmp_path / "compare.html").exists()
    assert count(journal)["RUNNING"] == 0
    assert count(journal)["WAITING"] <= 1
    code, out, _ = run(*arguments)
    assert code == 0
    assert "25 of 25 trials done" in out
    assert f"ran {25 - done} trials" in out


@pytest.mark.parametrize("database", [False, True])
def test_two_sweeps_on_one_storage_share_the_work(
    database: bool, manifest: Path, tmp_path: Path
) -> None:
    path = tmp_path / ("study.db" if database else "study.journal")
    storage = f"sqlite:///{path}" if database else str(path)
    arguments = (manifest, *SHORT, *GRID, "--jobs", 1, "--storage", storage, "--json")
    with (
        started(*arguments, "-o", tmp_path / "a") as one,
        started(*arguments, "-o", tmp_path / "b") as two,
    ):
        for process in (one, two):
            out, err = process.communicate(timeout=WAIT_S)
            assert (process.returncode, err) == (0, "")
            assert json.loads(out)["complete"] == 6
    pages = [(tmp_path / name / "sweep.json").read_bytes() for name in ("a", "b")]
    assert pages[0] == pages[1]
    opened = open_storage(storage)
    (study,) = opened.get_all_studies()
    states = Counter(trial.state.name for trial in opened.get_all_trials(study._study_id))
    assert states["COMPLETE"] == 6
    assert states["RUNNING"] == states["WAITING"] == 0


def test_the_table_shows_the_best_first_and_how_to_run_it_again(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = invoke(capsys, manifest, *SHORT, *GRID, "-o", tmp_path / "out", COLUMNS="100")
    assert (code, err) == (0, "")
    assert out.startswith("eth-usdc-30bps: 6 of 6 trials done\n")
    assert "baseSpreadBps" in out
    best = SweepResults.read(tmp_path / "out" / "sweep.json").ranked()[0]
    spread = best.parameters["spec.ranges.baseSpreadBps"]
    assert f"run trial {best.index} again: alp backtest" in out
    assert f"--set ranges.baseSpreadBps={spread}" in out
    assert str(tmp_path / "out" / "compare.html") in out
    code, out, _ = invoke(
        capsys, manifest, *SHORT, *GRID, "--seed", 1, "-o", tmp_path / "out", COLUMNS="100"
    )
    assert code == 3


def test_a_changed_manifest_does_not_go_on_with_the_study(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = (*GRID, "--timeout", "0s", "-o", tmp_path)
    assert invoke(capsys, manifest, *SHORT, *arguments)[0] == 0
    code, _, err = invoke(capsys, manifest, *arguments)
    assert code == 3
    assert "study 'eth-usdc-30bps' was begun with something else: the manifest changed" in err
    assert "--study NAME" in err
    assert invoke(capsys, manifest, *arguments, "--study", "other")[0] == 0


def test_where_every_combination_is_refused_the_sweep_fails(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    space = tmp_path / "space.yaml"
    space.write_text("parameters: {ranges.baseSpreadBps: [100, 200]}\n")
    blind = ("--set", "backtest.data.liquidity={source: none}")
    code, out, err = invoke(capsys, manifest, space, *blind, "-o", tmp_path)
    assert code == 3
    assert "2 of 2 trials done, 2 invalid" in out
    assert "no trial could be completed; the first says: spec.backtest.data.liquidity" in err
    assert SweepResults.read(tmp_path / "sweep.json").count("pruned") == 2
    assert not (tmp_path / "compare.html").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "there is no parameter to vary"),
        (("--param", "ranges.baseSpreadBps"), "is not FIELD=RANGE"),
        (("--param", "ranges.baseSpredBps=[1]"), "did you mean baseSpreadBps?"),
        ((*GRID, "--objective", "max_drawdown"), "did you mean max_drawdown_bps?"),
        ((*GRID, "--objective", "fees:up"), "fees: 'up' is neither maximize nor minimize"),
        ((*GRID, "--objective", "fees", "--objective", "fees"), "'fees' is given twice"),
    ],
)
def test_what_is_wrong_with_the_line_is_said(
    arguments: tuple[str, ...],
    message: str,
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, _, err = invoke(capsys, manifest, *arguments, "-o", tmp_path / "out")
    assert code == 3
    assert message in err
    assert not (tmp_path / "out").exists()


SECRET = "hunter2"
UNREACHABLE = f"postgresql://anna:{SECRET}@127.0.0.1:1/studies?sslpassword={SECRET}x"


@pytest.mark.parametrize("by_environment", [False, True])
def test_a_password_in_the_storage_is_never_printed(
    by_environment: bool, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments: tuple[Any, ...] = (manifest, *GRID, "-o", tmp_path, "--progress")
    environment = {"ALP_DEBUG": "1"}
    if by_environment:
        environment["ALP_SWEEP_STORAGE"] = UNREACHABLE
    else:
        arguments += ("--storage", UNREACHABLE)
    code, out, err = invoke(capsys, *arguments, **environment)
    assert code in (3, 5)
    assert "postgresql://127.0.0.1:1/studies" in err
    assert SECRET not in out + err


def test_an_unforeseen_failure_does_not_print_the_password_either(
    manifest: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise LookupError(f"nothing at {UNREACHABLE}")

    monkeypatch.setattr("alp.backtest.sweep.run.run_sweep", fail)
    code, out, err = invoke(
        capsys, manifest, *GRID, "-o", tmp_path, "--storage", UNREACHABLE, ALP_DEBUG="1"
    )
    assert code == 70
    assert "unexpected LookupError" in err
    assert SECRET not in out + err


def test_neither_files_nor_workers_know_the_storage(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    url = f"sqlite:///file:{tmp_path}/db?uri=true&vfs=unix&x={SECRET}"
    code, out, err = invoke(
        capsys, manifest, *SHORT, *GRID[:2], "-o", tmp_path / "out", "--storage", url
    )
    assert code == 0, err
    assert SECRET not in out + err
    for path in (tmp_path / "out").rglob("*"):
        if path.is_file():
            assert SECRET.encode() not in path.read_bytes()
