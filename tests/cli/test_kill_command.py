"""``alp kill`` and ``alp release``: what their exit statuses say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from alp.services.execution.kill_switch import KillSwitch


def alp(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alp", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    path = tmp_path / "strategy.yaml"
    path.write_text("apiVersion: alp.dev/v1alpha1\nkind: Strategy\nmetadata: {name: killed}\n")
    return path


def test_it_is_set_and_released_and_says_so(tmp_path: Path, manifest: Path) -> None:
    state = tmp_path / "state"
    done = alp("kill", manifest, "--state", state, "--reason", "looks wrong")
    assert done.returncode == 0
    assert "looks wrong" in done.stdout
    assert KillSwitch(state).is_set
    again = alp("kill", manifest, "--state", state)
    assert again.returncode == 0
    assert "looks wrong" in again.stdout
    released = alp("release", manifest, "--state", state)
    assert released.returncode == 0
    assert "looks wrong" in released.stdout
    assert not KillSwitch(state).is_set
    not_set = alp("release", manifest, "--state", state)
    assert not_set.returncode == 1
    assert "it was not set" in not_set.stderr


def test_where_no_handler_looks_it_is_set_with_a_warning(tmp_path: Path, manifest: Path) -> None:
    done = alp("kill", manifest, "--state", tmp_path / "state")
    assert done.returncode == 0
    assert "no handler was ever started with this folder of state" in done.stderr
    (tmp_path / "state" / "binance-usdm-account").mkdir()
    again = alp("kill", manifest, "--state", tmp_path / "state")
    assert again.returncode == 0
    assert again.stderr == ""


def test_what_cannot_be_set_is_refused(tmp_path: Path, manifest: Path) -> None:
    (tmp_path / "file").write_text("")
    for command in ("kill", "release"):
        done = alp(command, manifest, "--state", tmp_path / "file" / "below")
        assert done.returncode == 3
        assert "no place for the state" in done.stderr
    assert alp("kill", tmp_path / "nowhere.yaml").returncode == 2
