"""Where sockets are: nobody else's folder, nobody else's socket, no path that is cut off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from alp.bus import addresses
from alp.bus.addresses import (
    check_endpoint,
    chosen_endpoints,
    claimed,
    default_endpoints,
    recall_endpoint,
)
from alp.errors import ConfigError


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "r"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder / f"alp-{os.getuid()}"


def test_endpoints_are_in_a_folder_of_ones_own(runtime: Path) -> None:
    before = os.umask(0)
    try:
        endpoint, recall = default_endpoints("eth", "quotes")
    finally:
        os.umask(before)
    assert endpoint == f"ipc://{runtime}/eth/quotes.ipc"
    assert recall == f"ipc://{runtime}/eth/quotes.recall.ipc"
    for folder in (runtime, runtime / "eth"):
        assert folder.stat().st_mode & 0o777 == 0o700
    assert default_endpoints("eth", "quotes") == (endpoint, recall)


def test_without_a_runtime_folder_it_is_the_temporary_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(addresses.tempfile, "gettempdir", lambda: str(tmp_path))
    assert default_endpoints("eth", "quotes")[0].startswith(f"ipc://{tmp_path}/alp-")


def test_a_folder_that_others_can_enter_is_refused(runtime: Path) -> None:
    runtime.mkdir()
    runtime.chmod(0o755)
    with pytest.raises(ConfigError, match="others can enter"):
        default_endpoints("eth", "quotes")


def test_a_link_or_a_file_in_its_place_is_refused(runtime: Path, tmp_path: Path) -> None:
    runtime.symlink_to(tmp_path)
    with pytest.raises(ConfigError, match="somebody else's"):
        default_endpoints("eth", "quotes")
    runtime.unlink()
    runtime.write_text("")
    with pytest.raises(ConfigError, match="no place for sockets"):
        default_endpoints("eth", "quotes")


def test_somebody_elses_folder_is_refused(runtime: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stranger = os.getuid() + 1
    monkeypatch.setattr(addresses.os, "getuid", lambda: stranger)
    with pytest.raises(ConfigError, match="somebody else's"):
        default_endpoints("eth", "quotes")


@pytest.mark.parametrize("name", ["", "a/b", "..", ".hidden"])
def test_names_that_are_paths_are_refused(runtime: Path, name: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a socket"):
        default_endpoints(name, "quotes")


def test_a_path_that_is_too_long_is_refused_with_its_length() -> None:
    check_endpoint("ipc://" + "x" * 100)
    check_endpoint("tcp://" + "x" * 200)
    with pytest.raises(ConfigError, match="at most 100 bytes, not 101"):
        check_endpoint("ipc://" + "x" * 101)


def test_late_subscribers_are_answered_beside() -> None:
    assert recall_endpoint("ipc:///run/q.ipc") == "ipc:///run/q.recall.ipc"
    assert recall_endpoint("ipc:///run/q") == "ipc:///run/q.recall.ipc"
    assert recall_endpoint("tcp://127.0.0.1:5555") == "tcp://127.0.0.1:5556"
    for endpoint in ("tcp://127.0.0.1:*", "tcp://host", "tcp://h:65535"):
        with pytest.raises(ConfigError, match="late subscribers"):
            recall_endpoint(endpoint)


def test_what_is_told_goes_before_the_default(runtime: Path) -> None:
    default = default_endpoints("eth", "quotes")
    assert chosen_endpoints(None, None, "eth", "quotes") == default
    assert chosen_endpoints(None, "tcp://h:1", "eth", "quotes") == (default[0], "tcp://h:1")
    both = ("tcp://h:1", "tcp://h:2")
    assert chosen_endpoints("tcp://h:1", None, "eth", "quotes") == both
    assert chosen_endpoints("tcp://h:1", "ipc://x", "eth", "quotes") == ("tcp://h:1", "ipc://x")


def test_an_endpoint_is_one_processes(tmp_path: Path) -> None:
    endpoint = f"ipc://{tmp_path}/q.ipc"
    code = (
        "import sys, time\nfrom alp.bus.addresses import claimed\n"
        "with claimed(sys.argv[1]):\n    print('held', flush=True)\n    sys.stdin.read()\n"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", code, endpoint],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(ConfigError, match="another process publishes"), claimed(endpoint):
            pass
    finally:
        other.kill()
        other.communicate()
    with claimed(endpoint):
        pass
    with claimed("tcp://127.0.0.1:5"):
        pass
