#!/usr/bin/env python3
"""A best quote from one process to another over ZMQ ipc: alp beside C and Python on one libzmq.

    python benchmarks/bus.py             # 60 bursts of each, in turn
    python benchmarks/bus.py --quick     # two short bursts of each: does it run

One way, from the sender's stamp to the receiver's clock, wall time. A message leaves when the one
before has arrived and a gap is over; the sender stays awake meanwhile, but yields its core. Bursts
of all take turns in one run, so that all meet the same neighbours; the figures are the medians of
the bursts' percentiles. Blocking: sender and receiver on a core each. Polling: the receiver never
sleeps, nobody is pinned. C opens the same libzmq that pyzmq brings.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import zmq

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.kernel import build_kernel  # noqa: E402
from peers.measure import ChildFailed, child, load, write_report  # noqa: E402

from alp.bus import native  # noqa: E402

GAP_NS = 100_000
LIMIT_S = 120
NAMES = {"alp": "alp, compiled", "c": "C libzmq", "pyzmq": "pyzmq"}
SETTLE_S = 0.5


@dataclass(frozen=True)
class Plan:
    """How much is measured."""

    bursts: int
    count: int


def library() -> str | None:
    """The path of the libzmq in this process; None where the system does not tell."""
    address = native.functions()[0]
    try:
        lines = Path("/proc/self/maps").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    for line in lines:
        span, *rest = line.split(None, 5)
        low, high = (int(part, 16) for part in span.split("-"))
        if low <= address < high and len(rest) == 5:
            return rest[4]
    return None


def build_floor(folder: Path) -> list[str] | None:
    """The C side's command, without its last argument; None where it cannot be built."""
    path = library()
    if path is None:
        print("  C libzmq: skipped, the library's path is not known here")
        return None
    binary = folder / "bus_floor"
    source = ROOT / "benchmarks" / "bus_floor.cpp"
    try:
        child(["g++", "-O3", "-std=c++17", source, "-o", binary, "-ldl"])
    except (ChildFailed, OSError) as failure:
        print(f"  C libzmq: skipped, {str(failure)[-200:]}")
        return None
    return [str(binary), path]


class Pair:
    """A sender and a receiver that wait for their turns."""

    def __init__(
        self, command: Sequence[str], tail: Sequence[str], folder: Path, plan: Plan, polling: bool
    ) -> None:
        folder.mkdir()
        path = folder / "shared"
        path.write_bytes(bytes(4096))
        with path.open("r+b") as file:
            self._numbers = memoryview(mmap.mmap(file.fileno(), 4096)).cast("q")
        cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
        pinned = not polling and len(cores) > 1
        environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder.parent / 'kernel'}"}
        words = [f"ipc://{folder}/hop", path, plan.bursts, plan.count, GAP_NS, int(polling)]
        self._sides = [
            subprocess.Popen(
                [*command, role, *map(str, words), str(cores[at] if pinned else -1), *tail],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for at, role in enumerate(("send", "receive"))
        ]
        self._wait(0, 1)

    def _wait(self, at: int, least: int) -> None:
        end = time.monotonic() + LIMIT_S
        while self._numbers[at] < least:
            dead = [side for side in self._sides if side.poll()]
            if dead or time.monotonic() > end:
                complaint = dead[0].communicate()[1][-1000:] if dead else "it took too long"
                raise ChildFailed(f"a side of the bus failed: {complaint}")
            time.sleep(0.002)

    def turn(self, number: int) -> None:
        """Run one burst to its end."""
        self._numbers[2] = number + 1
        self._wait(3, number + 1)

    def percentiles(self) -> dict[str, list[int]]:
        """What the receiver found, burst by burst."""
        output, complaint = self._sides[1].communicate(timeout=LIMIT_S)
        if self._sides[1].returncode:
            raise ChildFailed(f"the receiver failed: {complaint[-1000:]}")
        return dict(json.loads(output))

    def close(self) -> None:
        for side in self._sides:
            side.kill()
            side.communicate()


def run(folder: Path, plan: Plan) -> list[dict[str, Any]]:
    """All bursts in turn; a row for each program and mode."""
    build_kernel("bus_kernel", folder / "kernel")
    floor = build_floor(folder)
    side = str(ROOT / "benchmarks" / "peers" / "bus_side.py")
    commands: dict[str, tuple[list[str], list[str]]] = {
        "alp": ([sys.executable, side, "alp"], []),
        "pyzmq": ([sys.executable, side, "pyzmq"], []),
    }
    if floor:
        commands["c"] = (floor[:1], floor[1:])
    rows = []
    for polling in (False, True):
        mode = "polling" if polling else "blocking"
        pairs: dict[str, Pair] = {}
        try:
            for name, command in commands.items():
                pairs[name] = Pair(*command, folder / f"{name}-{mode}", plan, polling)
            time.sleep(SETTLE_S)  # until the senders know the subscriptions
            for number in range(plan.bursts):
                # Each is first, second and last equally often.
                names = list(pairs)[number % len(pairs) :] + list(pairs)[: number % len(pairs)]
                for name in names:
                    pairs[name].turn(number)
            rows += [summary(name, mode, pair.percentiles()) for name, pair in pairs.items()]
        finally:
            for pair in pairs.values():
                pair.close()
    return rows


def summary(name: str, mode: str, found: dict[str, list[int]]) -> dict[str, Any]:
    return {
        "name": NAMES[name],
        "mode": mode,
        "p50_us": statistics.median(found["p50"]) / 1e3,
        "p99_us": statistics.median(found["p99"]) / 1e3,
        "least_p50_us": min(found["p50"]) / 1e3,
        "bursts": [each / 1e3 for each in found["p50"]],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="two short bursts of each")
    parser.add_argument("--bursts", type=int, default=60)
    parser.add_argument("--messages", type=int, default=300, help="of one burst")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    bursts, count = (2, 100) if given.quick else (given.bursts, given.messages)
    print(
        f"{platform.machine()}, Python {platform.python_version()}, libzmq {zmq.zmq_version()}, "
        f"{load()}, {bursts} bursts of {count} messages of 64 bytes"
    )
    with tempfile.TemporaryDirectory() as name:
        rows = run(Path(name), Plan(bursts, count))
    p50 = {(row["name"], row["mode"]): row["p50_us"] for row in rows}
    for row in rows:
        beside = row["p50_us"] / p50[NAMES["alp"], row["mode"]]
        print(
            f"  {row['name']:<15}{row['mode']:<10}p50 {row['p50_us']:>7.1f} us   p99 "
            f"{row['p99_us']:>7.1f} us   quietest p50 {row['least_p50_us']:>6.1f} us"
            f"{beside:>8.2f} x alp's p50"
        )
    blocking, polling = (p50[NAMES["alp"], mode] for mode in ("blocking", "polling"))
    print(f"alp polling takes {polling / blocking:.2f} x blocking (to be at most 0.5)")
    if (NAMES["c"], "blocking") in p50:
        ratio = blocking / p50[NAMES["c"], "blocking"]
        print(f"alp blocking takes {ratio:.2f} x C's (to be at most 1)")
    write_report(given.json, "bus", rows)


if __name__ == "__main__":
    main()
