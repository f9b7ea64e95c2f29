"""The view beside a real ``alp paper``: what it sees, and what its keys do at the exchange."""

from __future__ import annotations

import asyncio
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
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import zmq.asyncio
from paper_world import ROOT, SOON_S, Paper
from test_paper_command import Quoter
from waits import run, until

from alp.bus.commands import CommandClient
from alp.system.status import pages_of
from alp.watch.app import LEAVE, WatchApp
from alp.watch.attach import Attached

pytestmark = pytest.mark.timed
COLOUR = re.compile(rb"\x1b\[[0-9;]*\b(3[0-8]|4[0-8]|9[0-7]|10[0-7])\b[0-9;]*m")


@pytest.fixture
def paper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Paper]:
    made = Paper(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(made.runtime))
    yield made
    made.kill()


@asynccontextmanager
async def quoting(quoter: Quoter, commands: str) -> AsyncIterator[None]:
    """Want four orders to rest, again and again."""
    context = zmq.asyncio.Context()

    async def again() -> None:
        with CommandClient(context, commands) as client:
            while True:
                with contextlib.suppress(TimeoutError):
                    await quoter.quote(client)
                await asyncio.sleep(0.3)

    task = asyncio.create_task(again())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        context.destroy(linger=0)


def test_keys_of_the_view_pause_kill_and_release_at_the_exchange(paper: Paper) -> None:
    async def test() -> None:
        paper.start()
        parts = await paper.ready()
        handler = parts["handler-perp"]
        quoter = Quoter(handler["sockets"]["commands"], parts["exchange-binance-usdm"]["health"])
        attached = Attached(lambda: next(iter(pages_of("tried")), None), "tried")
        app = WatchApp(attached.as_json, attached.run)

        def gate() -> str:
            return app.seen["gates"][0]["gate"] if app.seen.get("gates") else ""

        async with quoting(quoter, handler["sockets"]["commands"]), app.run_test() as pilot:
            await until(lambda: len(quoter.resting()) == 4, SOON_S)
            await until(lambda: len(app.seen["orders"]) == 4, SOON_S)
            await until(lambda: app.seen["system"]["fresh"] and gate() == "active", SOON_S)
            book = app.seen["books"][0]
            assert book["live"]
            own = [each for side in ("bids", "asks") for each in book[side] if each["own"]]
            assert len(own) == 4
            await until(lambda: len(app.seen["quotes"]) == 4, SOON_S)
            await until(lambda: all(each["wished"] for each in app.seen["quotes"]), SOON_S)
            assert app.seen["lines"]

            await pilot.press("p")
            await until(lambda: not quoter.resting(), SOON_S)
            await until(lambda: gate() == "halted", SOON_S)
            assert any("pause" in each for each in app.seen["gates"][0]["reasons"])
            await pilot.press("p")
            await until(lambda: len(quoter.resting()) == 4, SOON_S)

            await pilot.press("k")
            await until(lambda: len(app.screen_stack) == 2)
            assert len(quoter.resting()) == 4
            await pilot.press("y")
            await until(lambda: not quoter.resting(), SOON_S)
            await until(lambda: gate() == "killed", SOON_S)
            await asyncio.sleep(1.0)
            assert not quoter.resting()
            await pilot.press("r")
            await until(lambda: len(app.screen_stack) == 2)
            await pilot.press("y")
            await until(lambda: len(quoter.resting()) == 4, SOON_S)

            os.kill(paper.parts()["quotes"]["pid"], signal.SIGSTOP)
            try:
                await until(lambda: not app.seen["books"][0]["live"], SOON_S)
                assert "silent" in app.seen["books"][0]["why_not"]
                assert not app.seen["system"]["fresh"]
            finally:
                os.kill(paper.parts()["quotes"]["pid"], signal.SIGCONT)
            await until(lambda: app.seen["books"][0]["live"], SOON_S)
            await pilot.press("q")
        assert app.return_value == LEAVE
        assert paper.process is not None
        assert paper.process.poll() is None

        told = paper.alp("watch", str(paper.manifest), "--once", "--json")
        assert told.returncode == 0, told.stderr
        look = json.loads(told.stdout)
        assert look["system"]["fresh"], look["system"]
        assert look["books"][0]["live"]
        text = paper.alp("watch", str(paper.manifest), "--once")
        assert text.returncode == 0, text.stderr
        assert "BOOKS" in text.stdout
        assert "\x1b" not in text.stdout
        refused = paper.alp("watch", str(paper.manifest))
        assert refused.returncode == 2
        assert "no terminal" in refused.stderr
        assert paper.interrupt() == 0, paper.text
        gone = paper.alp("watch", str(paper.manifest), "--once")
        assert gone.returncode == 5
        assert "no system of tried runs here" in gone.stderr

    run(test(), 5 * SOON_S)


class Terminal:
    """A command in a terminal of 80 columns and 24 rows."""

    def __init__(self, paper: Paper, *arguments: str, **environment: str) -> None:
        self._main, other = pty.openpty()
        self.shown = b""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "alp", *arguments],
            env={
                **paper.environment,
                "TERM": "xterm-256color",
                "COLUMNS": "80",
                "LINES": "24",
                **environment,
            },
            cwd=ROOT,
            stdin=other,
            stdout=other,
            stderr=other,
            start_new_session=True,
        )
        os.close(other)

    def read(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if select.select([self._main], [], [], 0.1)[0]:
                try:
                    self.shown += os.read(self._main, 1 << 16)
                except OSError:
                    return

    def until(self, text: bytes) -> None:
        end = time.monotonic() + SOON_S
        while text not in self.shown:
            assert time.monotonic() < end, self.shown[-3000:]
            assert self.process.poll() is None or select.select([self._main], [], [], 0)[0], (
                self.shown[-3000:]
            )
            self.read(0.2)

    def press(self, keys: bytes) -> None:
        os.write(self._main, keys)

    def ended(self) -> int:
        end = time.monotonic() + SOON_S
        while self.process.poll() is None and time.monotonic() < end:
            self.read(0.2)
        self.read(0.5)
        return self.process.wait(1)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self._main)


def test_paper_with_its_view_is_left_by_q_and_stopped_by_control_c(paper: Paper) -> None:
    state = str(paper.state)
    terminal = Terminal(
        paper, "paper", str(paper.manifest), "--watch", "--state", state, NO_COLOR="1"
    )
    try:
        terminal.until(b"tried paper")
        terminal.until(b"ready")
        terminal.until(b"live")
        assert not COLOUR.search(terminal.shown)
        terminal.press(b"q")
        terminal.until(b"tried goes on; Ctrl-C stops it")
        assert paper.page("/readyz")[0] == 200
        os.kill(terminal.process.pid, signal.SIGINT)
        assert terminal.ended() == 0, terminal.shown[-3000:]
        assert b"nothing is left" in terminal.shown
        assert "everything is ready" in (paper.state / "system.log").read_text()
        assert paper.note is None
    finally:
        terminal.close()


def test_control_c_in_the_view_of_ones_own_system_stops_it(paper: Paper) -> None:
    terminal = Terminal(paper, "paper", str(paper.manifest), "--watch", "--state", str(paper.state))
    try:
        terminal.until(b"live")
        assert COLOUR.search(terminal.shown)
        terminal.press(b"\x03")
        assert terminal.ended() == 0, terminal.shown[-3000:]
        assert b"nothing is left" in terminal.shown
        assert paper.note is None
    finally:
        terminal.close()
