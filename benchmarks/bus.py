#!/usr/bin/env python3
"""A best quote from one process to another over ZMQ ipc: alp beside C and Python on one libzmq.

    python benchmarks/bus.py             # 9 bursts of each, in turn
    python benchmarks/bus.py --quick     # one short burst of each: does it run

One way, from the sender's stamp to the receiver's clock, wall time. A message leaves when the one
before has arrived and a gap is over. Bursts of all take turns in one run, so that all meet the same
neighbours; the figures are the medians of the bursts' percentiles. Blocking: sender and receiver on
a core each. Polling: the receiver never sleeps, nobody is pinned. C opens the same libzmq that
pyzmq brings.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
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
Burst = dict[str, float]


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


def burst(
    command: Sequence[str], tail: Sequence[str], folder: Path, count: int, polling: bool
) -> Burst:
    """Run a receiver and a sender to their ends."""
    shared = folder / "shared"
    shared.write_bytes(bytes(4096))
    for old in folder.glob("hop*"):
        old.unlink()
    cores = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []
    pinned = not polling and len(cores) > 1
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{folder / 'kernel'}"}
    sides = []
    for role, core in (
        ("receive", cores[1] if pinned else -1),
        ("send", cores[0] if pinned else -1),
    ):
        words = [f"ipc://{folder}/hop", str(shared), str(count), str(GAP_NS), str(int(polling))]
        sides.append(
            subprocess.Popen(
                [*command, role, *words, str(core), *tail],
                env=environment,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    try:
        told = [side.communicate(timeout=LIMIT_S) for side in sides]
    except subprocess.TimeoutExpired as expired:
        raise ChildFailed(f"a burst took longer than {LIMIT_S} s") from expired
    finally:
        for side in sides:
            side.kill()
            side.wait()
    for side, (_, complaint) in zip(sides, told, strict=True):
        if side.returncode:
            raise ChildFailed(f"{command[0]} ended with {side.returncode}: {complaint[-1000:]}")
    return dict(json.loads(told[0][0]))


def run(folder: Path, bursts: int, count: int) -> list[dict[str, Any]]:
    """All bursts in turn; a row for each program and mode."""
    build_kernel("bus_kernel", folder / "kernel")
    floor = build_floor(folder)
    side = str(ROOT / "benchmarks" / "peers" / "bus_side.py")
    commands = {
        "alp": ([sys.executable, side, "alp"], []),
        "c": ([floor[0]], floor[1:]) if floor else None,
        "pyzmq": ([sys.executable, side, "pyzmq"], []),
    }
    found: dict[tuple[str, bool], list[Burst]] = {}
    for turn in range(bursts):
        # Whoever comes first in one turn comes last in the next.
        order = list(commands)[:: 1 if turn % 2 else -1]
        for polling in (False, True):
            for name in order:
                command = commands[name]
                if command is not None:
                    measured = burst(*command, folder, count, polling)
                    found.setdefault((name, polling), []).append(measured)
    return [
        {
            "name": NAMES[name],
            "mode": "polling" if polling else "blocking",
            "p50_us": statistics.median(each["p50"] for each in measured) / 1e3,
            "p99_us": statistics.median(each["p99"] for each in measured) / 1e3,
            "least_p50_us": min(each["p50"] for each in measured) / 1e3,
            "bursts": [each["p50"] / 1e3 for each in measured],
        }
        for (name, polling), measured in sorted(found.items(), key=lambda item: item[0][1])
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="one short burst of each")
    parser.add_argument("--bursts", type=int, default=9)
    parser.add_argument("--messages", type=int, default=3_000, help="of one burst")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    bursts, count = (1, 300) if given.quick else (given.bursts, given.messages)
    print(
        f"{platform.machine()}, Python {platform.python_version()}, libzmq {zmq.zmq_version()}, "
        f"{load()}, {bursts} bursts of {count} messages of 64 bytes"
    )
    with tempfile.TemporaryDirectory() as name:
        rows = run(Path(name), bursts, count)
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
