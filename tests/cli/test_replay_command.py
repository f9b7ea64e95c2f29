"""``alp replay`` as a process: its ends, its summary, its place on the machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.recording.test_replay import timed
from tests.recording.test_verify_feed import capture, stream

pytestmark = pytest.mark.timed


@pytest.fixture
def runtime(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "r"
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))
    return folder


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    _, lines = stream(count=100)
    return capture(tmp_path, timed(lines))


def alp(*arguments: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "alp", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ended(process: subprocess.Popen[str], seconds: float = 60) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=seconds)
    finally:
        process.kill()
    return process.returncode, out, err


@pytest.fixture
def slow(runtime: Path, recording: Path) -> Iterator[subprocess.Popen[str]]:
    process = alp("replay", recording, "--json")
    assert process.stderr is not None
    assert process.stderr.readline().startswith("publishing on ipc://")
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_at_full_speed_it_sends_all_and_says_so(runtime: Path, recording: Path) -> None:
    code, out, err = ended(alp("replay", recording, "--speed", "max"))
    assert code == 0, err
    assert out.startswith("binance-usdm: 104 messages")
    assert "published: " in out
    assert "ETHUSDT         bid " in out
    assert "publishing on ipc://" in err
    assert list(runtime.glob("alp-*/replay"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_it_with_its_summary(
    slow: subprocess.Popen[str], number: signal.Signals
) -> None:
    time.sleep(1.0)
    slow.send_signal(number)
    code, out, err = ended(slow, 10)
    assert code == 130, err
    assert "Traceback" not in err
    report = json.loads(out)
    assert report["finished"] is False
    assert 0 < report["messages"] < 104


def test_a_second_publisher_in_the_same_place_is_refused(
    slow: subprocess.Popen[str], recording: Path
) -> None:
    time.sleep(0.5)
    code, _, err = ended(alp("replay", recording))
    assert code == 3
    assert "another process publishes" in err


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--speed", "0"], 2),
        (["--speed", "fast"], 2),
        (["--from", "noon"], 2),
        (["--symbol", "DOGE"], 4),
        (["--publish", "tcp://127.0.0.1"], 3),
        (["--publish", "ipc:///" + "x" * 120], 3),
    ],
)
def test_what_cannot_be_is_refused(
    runtime: Path, recording: Path, arguments: list[str], code: int
) -> None:
    got, _, err = ended(alp("replay", recording, *arguments))
    assert got == code, err


def test_a_damaged_file_ends_it_with_what_was_sent(runtime: Path, tmp_path: Path) -> None:
    _, lines = stream(count=30)
    path = capture(tmp_path, [*timed(lines), b"no time at all"])
    code, out, err = ended(alp("replay", path, "--speed", "max"))
    assert code == 4
    assert "not a line of this capture" in err
    assert os.linesep not in err.splitlines()[-1]
    assert out == ""  # it is read through before anything is sent
