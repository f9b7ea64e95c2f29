"""``alp venue`` as a process of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from usdm_stream import UsdmStream

from alp.venues.adapter import Endpoints

STEP_NS = 10_000_000
BEGIN_NS = 1_790_000_000 * 10**9


@dataclass
class Venue:
    """A running one; ``end`` has what it said last."""

    process: subprocess.Popen[str]
    told: dict[str, Any]
    end: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.told["exchange"])

    @property
    def rest_url(self) -> str:
        return str(self.told["rest"])

    @property
    def stream_url(self) -> str:
        return str(self.told["stream"])

    @property
    def endpoints(self) -> Endpoints:
        return Endpoints(self.rest_url, self.stream_url)


def environment(root: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(root)}


def alp(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command that ends by itself."""
    return subprocess.run(
        [sys.executable, "-m", "alp", *arguments],
        cwd=root,
        env=environment(root),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@contextmanager
def venue(root: Path, *arguments: str, by: signal.Signals = signal.SIGTERM) -> Iterator[Venue]:
    """Run a venue; at the end it is told to stop, and does, with 0."""
    process = subprocess.Popen(
        [sys.executable, "-m", "alp", "--log-level", "warning", "venue", *arguments, "--json"],
        cwd=root,
        env=environment(root),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, process.communicate()[1]
        running = Venue(process, json.loads(line))
        yield running
        process.send_signal(by)
        out, errors = process.communicate(timeout=30)
        assert process.returncode == 0, errors
        assert "Traceback" not in errors, errors
        running.end = json.loads(out)
    finally:
        process.kill()
        process.communicate()


def capture(path: Path, messages: int, *, seed: int = 1) -> UsdmStream:
    """Write a capture of Binance USD-M; return the stream whose book is that of its end."""
    stream = UsdmStream(seed=seed, levels=60)
    lines = [stream.message(), b'{"stream":"ethusdc@depth","data":%b}' % stream.snapshot()]
    lines += stream.messages(messages)
    rows = [b"%d %b\n" % (BEGIN_NS + at * STEP_NS, line) for at, line in enumerate(lines)]
    path.write_bytes(b"".join(rows))
    return stream
