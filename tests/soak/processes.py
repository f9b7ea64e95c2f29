"""A soak's processes: spoken to by lines, and watched from Linux's ``/proc``."""

from __future__ import annotations

import json
import math
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
MEGABYTE = 1 << 20
MOST_GROWTH = MEGABYTE
"""Bytes over the whole run; a slope must be above this and above its own noise."""
SIGMAS = 3.0


@dataclass(frozen=True)
class Trend:
    """A straight line through the resident memory, the first quarter of the time left out."""

    slope: float
    """Bytes a second."""
    error: float
    """Its standard error."""
    growth: float
    """Bytes over the whole run, were it to go on so."""
    first: int
    last: int

    @property
    def grows(self) -> bool:
        """Whether it rises beyond its noise, and enough to matter."""
        return self.slope > SIGMAS * self.error and self.growth > MOST_GROWTH


def trend(times: Sequence[float], values: Sequence[float], seconds: float) -> Trend:
    """Fit a line by least squares; it needs three points after the first quarter of `seconds`."""
    points = [(at, value) for at, value in zip(times, values, strict=True) if at >= seconds / 4]
    if len(points) < 3:
        raise ValueError("too few samples for a trend")
    count = len(points)
    mean_at = sum(at for at, _ in points) / count
    mean = sum(value for _, value in points) / count
    spread = sum((at - mean_at) ** 2 for at, _ in points)
    slope = sum((at - mean_at) * (value - mean) for at, value in points) / spread
    rest = sum((value - mean - slope * (at - mean_at)) ** 2 for at, value in points)
    error = math.sqrt(rest / (count - 2) / spread)
    return Trend(slope, error, slope * seconds, int(points[0][1]), int(points[-1][1]))


class Child:
    """A process that is spoken to by lines."""

    def __init__(self, name: str, arguments: Sequence[str], errors: Path) -> None:
        self.name = name
        path = [str(HERE.parent / "venues"), *filter(None, [os.environ.get("PYTHONPATH")])]
        self.errors = errors
        with errors.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=file,
                text=True,
                env={**os.environ, "PYTHONPATH": os.pathsep.join(path)},
                cwd=ROOT,
            )

    @property
    def pid(self) -> int:
        return self.process.pid

    def line(self) -> str:
        """Return the next line that it says."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError(f"{self.name} ended: {self.errors.read_text()[-2000:]}")
        return line

    def ask(self, question: str) -> Any:
        """Send a line and read the answer."""
        assert self.process.stdin is not None
        print(question, file=self.process.stdin, flush=True)
        return json.loads(self.line())

    def close_input(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.close()

    def end(self) -> None:
        """Leave nothing behind."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                pipe.close()


def resident_bytes(pid: int) -> int:
    """Return the memory that a process holds, from Linux's ``/proc``."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def cpu_seconds(pid: int) -> float:
    """Return the processor time that a process took."""
    after_name = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
