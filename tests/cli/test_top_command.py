"""``alp top`` beside a real publisher: there, not there, gone and back."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import zmq
import zmq.auth

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    HeaderFields,
    HeartbeatMessage,
    InstrumentFields,
    encode,
)
from alp.bus.sockets import Publisher
from tests.recording.test_replay import timed
from tests.recording.test_verify_feed import capture, stream

pytestmark = pytest.mark.timed

HEADER = HeaderFields(1, 0, 0, 0, 0)


class Source:
    """A quote server in miniature."""

    def __init__(self, endpoints: tuple[str, str], symbol: str) -> None:
        self._context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
        self._bus = Publisher(self._context, *endpoints, 1)
        self._begun = time.monotonic_ns()
        self._bid = 200_000
        told = InstrumentFields(HEADER, "kraken", symbol, 1, 1, 2, 8, 1)
        for message in (told, BookStatusMessage(HEADER, True, 0, 0)):
            self._bus.publish(encode(message))

    def serve(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._bid += 1
            self._bus.publish(encode(BboMessage(HEADER, self._bid, 100, self._bid + 2, 100)))
            uptime = time.monotonic_ns() - self._begun
            self._bus.publish(encode(HeartbeatMessage(HEADER, uptime, 0)))
            if self._bus.recall_socket.poll(20):
                self._bus.answer()

    def close(self) -> None:
        self._bus.close()
        self._context.term()


@pytest.fixture
def endpoints(tmp_path: Path) -> tuple[str, str]:
    return f"ipc://{tmp_path}/q.ipc", f"ipc://{tmp_path}/q.recall.ipc"


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "alp", "top", *arguments]


def asked(source: Source, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run it once while a source serves."""
    process = subprocess.Popen(
        command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        end = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < end:
            source.serve(0.05)
        out, err = process.communicate(timeout=5)
    finally:
        process.kill()
    return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def test_one_frame_as_text_and_as_data(endpoints: tuple[str, str]) -> None:
    source = Source(endpoints, "ETH/USD")
    try:
        shown = asked(source, "--connect", endpoints[0], "--once")
        assert shown.returncode == 0, shown.stderr
        assert "kraken" in shown.stdout
        assert "ETH/USD" in shown.stdout
        assert "live" in shown.stdout
        data = asked(source, "--connect", endpoints[0], "--json")
        [market] = json.loads(data.stdout)["markets"]
        assert (market["symbol"], market["spread_ticks"], market["live"]) == ("ETH/USD", 2, True)
        assert market["bid"][1] == "0.00000100"
    finally:
        source.close()


def test_where_nothing_comes_it_says_so_in_time(endpoints: tuple[str, str]) -> None:
    begun = time.monotonic()
    run = subprocess.run(
        command("--connect", endpoints[0], "--once", "--timeout", "0.5"),
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    assert "nothing came from ipc://" in run.stderr
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize(
    "arguments",
    [[], ["--name", "a", "--connect", "ipc://x", "--once"], ["--name", "a"]],
    ids=["no source", "two sources", "no terminal"],
)
def test_what_cannot_be_is_refused(arguments: list[str]) -> None:
    run = subprocess.run(
        command(*arguments), capture_output=True, text=True, timeout=30, check=False
    )
    assert run.returncode == 2, run.stderr


class Terminal:
    """A process that believes to be looked at."""

    def __init__(self, arguments: list[str]) -> None:
        self.pid, self._master = pty.fork()
        if self.pid == 0:  # pragma: no cover - the child
            os.environ |= {"TERM": "xterm", "COLUMNS": "160", "LINES": "40"}
            os.execv(arguments[0], arguments)
        self.text = ""

    def read(self) -> None:
        while select.select([self._master], [], [], 0)[0]:
            try:
                part = os.read(self._master, 65_536)
            except OSError:
                return
            if not part:
                return
            plain = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", part)
            self.text += plain.decode("utf-8", "replace")

    def interrupt(self) -> int:
        os.kill(self.pid, signal.SIGINT)
        end = time.monotonic() + 10
        while time.monotonic() < end:
            self.read()
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.05)
        raise AssertionError("it does not end")

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self._master)


@pytest.fixture
def terminal(endpoints: tuple[str, str]) -> Iterator[Terminal]:
    one = Terminal(command("--connect", endpoints[0], "--interval", "0.1"))
    try:
        yield one
    finally:
        one.close()


def seen(terminal: Terminal, text: str, source: Source | None = None, seconds: float = 20) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if source is None:
            time.sleep(0.05)
        else:
            source.serve(0.05)
        terminal.read()
        if text in terminal.text:
            return True
    return False


def test_it_lives_through_a_source_that_comes_late_and_starts_again(
    terminal: Terminal, endpoints: tuple[str, str]
) -> None:
    assert seen(terminal, "waiting for ipc://"), terminal.text
    source = Source(endpoints, "ETH/USD")
    assert seen(terminal, "ETH/USD", source), terminal.text
    source.close()
    terminal.text = ""
    assert seen(terminal, "silent for"), terminal.text
    terminal.text = ""
    source = Source(endpoints, "BTC/USD")
    try:
        assert seen(terminal, "BTC/USD", source), terminal.text
        assert seen(terminal, "restarted", source), terminal.text
    finally:
        source.close()
    assert terminal.interrupt() == 0


def test_a_manifest_says_where_to_look(root: Path, tmp_path: Path) -> None:
    manifest = root / "examples" / "eth-usdc.yaml"
    run = subprocess.run(
        command(str(manifest), "--once", "--timeout", "0.2"),
        env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert run.returncode == 1
    [folder] = tmp_path.glob("alp-*/*")
    assert f"ipc://{folder}/quotes.ipc" in run.stderr


def test_an_encrypted_replay_is_seen_by_who_has_its_key(tmp_path: Path) -> None:
    _, server_secret = zmq.auth.create_certificates(tmp_path, "server")
    _, reader_secret = zmq.auth.create_certificates(tmp_path, "reader")
    _, lines = stream(count=100)
    path = capture(tmp_path, timed(lines))
    endpoint = f"ipc://{tmp_path}/q.ipc"
    options = ["--publish", endpoint, "--curve", server_secret]
    replay = subprocess.Popen(
        [sys.executable, "-m", "alp", "replay", str(path), *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    look = command("--connect", endpoint, "--json", "--timeout", "2")
    try:
        assert replay.stderr is not None
        replay.stderr.readline()
        plain = subprocess.run(look, capture_output=True, text=True, timeout=30, check=False)
        assert plain.returncode == 1
        keys = ["--curve", reader_secret, "--server-key", str(tmp_path / "server.key")]
        seen = subprocess.run(
            [*look, *keys], capture_output=True, text=True, timeout=30, check=False
        )
        assert seen.returncode == 0, seen.stderr
        assert json.loads(seen.stdout)["markets"][0]["symbol"] == "ETHUSDT"
    finally:
        replay.kill()
        replay.communicate()
