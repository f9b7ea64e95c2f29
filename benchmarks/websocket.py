#!/usr/bin/env python3
"""From the socket to the book: alp's listener beside a C++ receiver and a C++ parser.

    python benchmarks/websocket.py            # a generated stream, and the recorded one if there
    python benchmarks/websocket.py --quick    # a second: does it run

A server sends frames as fast as they are taken, over loopback, on the other core. Counted is the
CPU time of the receiver, best of n, one run. The floor is the sum of two programs that each do a
part and check nothing: one receives and finds the frames, the other parses and keeps the book.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from book import Stream, build_floor, generated, recorded  # noqa: E402
from peers.measure import child, pin  # noqa: E402

SIDE = ROOT / "benchmarks" / "peers" / "websocket_side.py"


@contextmanager
def server(stream: Stream) -> Iterator[int]:
    process = subprocess.Popen(
        [sys.executable, str(SIDE), "serve", str(stream.messages)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"]
    finally:
        process.kill()
        process.wait()


def build_receiver(folder: Path) -> Path | None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        return None
    binary = folder / "websocket_floor"
    source = ROOT / "benchmarks" / "websocket_floor.cpp"
    child([compiler, "-O3", "-march=native", "-std=c++17", source, "-o", binary])
    return binary


def best(runs: list[dict[str, Any]]) -> dict[str, Any]:
    return min(runs, key=lambda record: record["ns"])


def compare(stream: Stream, folder: Path, repeat: int) -> None:
    count = sum(1 for _ in stream.messages.open("rb"))
    receiver, parser = build_receiver(folder), build_floor(folder)
    ours, published, received = [], [], []
    endpoint = f"ipc://{folder}/bus"
    with server(stream) as port:
        for _ in range(repeat):
            python = [sys.executable, SIDE, "read", port, stream.snapshot]
            ours.append(child(python).record)
            published.append(child([*python, endpoint]).record)
            if receiver is not None:
                received.append(child([receiver, port, count]).record)
    print(
        f"{stream.name}: {count:,} messages of {stream.messages.stat().st_size / count:.0f} bytes"
    )
    alp = best(ours)
    print(f"  {'alp: receive, parse, book':<36}{alp['ns']:>8.0f} ns/message")
    sent = best(published)
    quotes = sent["published"] / sent["messages"]
    print(
        f"  {'and every touch published':<36}{sent['ns']:>8.0f} ns/message"
        f"   {quotes:.2f} quotes each"
    )
    if receiver is None or parser is None:
        print("  floor: skipped, no C++ compiler")
        return
    parsed = child([parser, stream.messages, max(repeat, 3)]).record["ns"]
    receive = best(received)["ns"]
    print(f"  {'C++: receive':<36}{receive:>8.0f} ns/message")
    print(f"  {'C++: parse, book':<36}{parsed:>8.0f} ns/message")
    print(f"  alp takes {alp['ns'] / (receive + parsed):.2f} x the floors' sum")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few messages")
    parser.add_argument("--repeat", type=int, default=9)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    given = parser.parse_args()
    repeat = 1 if given.quick else given.repeat
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, "
        f"best CPU time of {repeat}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        streams = [generated(folder, 2_000 if given.quick else 100_000, seed=42)]
        found = None if given.quick else recorded(folder, given.shared)
        for stream in [*streams, *([found] if found else [])]:
            compare(stream, folder, repeat)


if __name__ == "__main__":
    main()
