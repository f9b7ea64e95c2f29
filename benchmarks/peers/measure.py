"""Measures child processes: CPU seconds, wall seconds and peak memory of each alone."""

from __future__ import annotations

import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

MEGABYTE = 1_000_000
# ru_maxrss is in bytes on macOS and in KiB elsewhere.
_MAXRSS_UNIT = 1 if sys.platform == "darwin" else 1024


class ChildFailed(RuntimeError):
    """A child process ended with an error; the message has the end of what it printed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process used."""

    cpu_s: float
    wall_s: float
    peak_bytes: int
    output: str

    @property
    def record(self) -> dict:
        """The JSON object in the last line it printed."""
        return json.loads(self.output.strip().splitlines()[-1])


def child(
    command: Sequence[str | Path],
    *,
    environment: Mapping[str, str] | None = None,
    folder: Path | None = None,
) -> Usage:
    """Run a command to its end.

    Raises
    ------
    ChildFailed
        If it ends with a status other than 0.
    """
    with tempfile.TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env={**os.environ, **(environment or {})},
            cwd=folder,
        )
        _, status, used = os.wait4(process.pid, 0)
        wall_s = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        text = output.read().decode(errors="replace")
    if process.returncode:
        raise ChildFailed(f"{command[0]} ended with {process.returncode}: {text[-2000:]}")
    return Usage(used.ru_utime + used.ru_stime, wall_s, used.ru_maxrss * _MAXRSS_UNIT, text)


def pin() -> str:
    """Keep this process and its children on one core; say which, or why not."""
    if not hasattr(os, "sched_setaffinity"):
        return "not pinned (this system cannot)"
    core = max(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {core})
    return f"pinned to core {core}"


def spread(seconds: Sequence[float], *, per: float = 1.0) -> str:
    """Write the median and the range of `per / seconds`, as rates."""
    rates = sorted(per / each for each in seconds)
    return f"{number(statistics.median(rates))} ({number(rates[0])}-{number(rates[-1])})"


def number(value: float) -> str:
    """Write a figure with three significant digits."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.3g}{letter}"
    return f"{value:.3g}"


def load() -> str:
    """Say how busy the machine is: the mean number of running processes of the last minute."""
    return f"load {os.getloadavg()[0]:.2f}"


def write_report(path: Path | None, what: str, rows: Sequence[Mapping[str, object]]) -> None:
    """Write a run's figures as JSON, with what they depend on; nothing where no path was given."""
    if path is None:
        return
    machine = {
        "machine": platform.machine(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    path.write_text(json.dumps({"benchmark": what, "on": machine, "rows": rows}, indent=1) + "\n")


def environment_python(cache: Path, name: str, packages: Sequence[str]) -> Path:
    """Return the Python of a virtual environment with these packages, made at the first call.

    Raises
    ------
    ChildFailed
        If the packages cannot be installed.
    """
    folder = cache / name
    python = folder / "bin" / "python"
    stamp = folder / "installed"
    if not stamp.is_file() or stamp.read_text() != " ".join(packages):
        venv.create(folder, with_pip=True, clear=True)
        child([python, "-m", "pip", "install", "--quiet", *packages])
        stamp.write_text(" ".join(packages))
    return python
