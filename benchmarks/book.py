#!/usr/bin/env python3
"""From raw JSON to the best bid and ask: alp's feed beside a C++ floor and books of Python.

    python benchmarks/book.py            # a generated stream, and the recorded one where it is
    python benchmarks/book.py --quick    # a second, no peers: does it run

CPU time of one core, best of n, one run; only ratios inside it mean anything. Everybody gets the
same messages of Binance futures and must end on the same touch. The floor knows the order of the
keys and checks nothing; alp takes members in any order, checks every byte and the continuity.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import platform
import random
import re
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.measure import (  # noqa: E402
    ChildFailed,
    child,
    environment_python,
    load,
    pin,
    write_report,
)

from alp._core.feed import Feed  # noqa: E402


@dataclass(frozen=True)
class Peer:
    """A program that goes the same way, in an environment of its own."""

    name: str
    environment: str
    packages: tuple[str, ...]
    script: str
    repeat: int


PEERS = (
    Peer(
        "orjson + sortedcontainers",
        "book",
        ("orjson==3.11.4", "sortedcontainers==2.4.0"),
        "book_sorted.py",
        2,
    ),
    Peer("nautilus_trader 1.221", "nautilus", ("nautilus_trader==1.221.0",), "book_nautilus.py", 2),
)
CAPTURE = "binance_usdm_ethusdt_20240808.jsonl.gz"
TICK = 100


@dataclass(frozen=True)
class Stream:
    """Depth messages and the snapshot before them."""

    name: str
    messages: Path
    snapshot: Path


def generated(folder: Path, count: int, seed: int) -> Stream:
    """A market like the recorded one: changes cluster at the touch, a tenth lie far away."""
    chance = random.Random(seed)
    middle, last = 268_000, 1_000
    sides: dict[str, dict[int, int]] = {
        name: {middle + sign * (n + 1): chance.randint(1, 99_999) for n in range(1_000)}
        for name, sign in (("b", -1), ("a", 1))
    }
    snapshot = {"lastUpdateId": last, "bids": told(sides["b"]), "asks": told(sides["a"])}
    lines = []
    for _ in range(count):
        middle += chance.choice((-3, -1, 0, 0, 0, 1, 3))
        changes: dict[str, dict[int, int]] = {}
        for name, sign in (("b", -1), ("a", 1)):
            # Whoever is in the way of the market is taken out.
            gone = (middle - sign * step for step in range(4))
            change = {price: 0 for price in gone if price in sides[name]}
            for _ in range(chance.randint(3, 11)):
                distance = 1 + int(chance.paretovariate(0.45) - 1) % 200_000
                lots = 0 if chance.random() < 0.13 else chance.randint(1, 999_999)
                change[middle + sign * distance] = lots
            for price, lots in change.items():
                if lots:
                    sides[name][price] = lots
                else:
                    sides[name].pop(price, None)
            changes[name] = change
        data = {"e": "depthUpdate", "E": 1, "T": 1, "s": "ETHUSDT", "U": last, "u": last + 9}
        body = {**data, "pu": last, "b": told(changes["b"]), "a": told(changes["a"])}
        lines.append(compact({"stream": "ethusdt@depth", "data": body}))
        last += 9
    return written(folder, "generated", lines, snapshot)


def told(levels: dict[int, int]) -> list[list[str]]:
    """Write levels as the venue does."""
    return [[f"{price / TICK:.2f}", f"{lots / 1000:.3f}"] for price, lots in levels.items()]


def recorded(folder: Path, shared: Path) -> Stream | None:
    """The depth messages of a recorded quarter of an hour."""
    path = shared / "data" / "B_l2_raw" / CAPTURE
    if not path.is_file():
        return None
    lines, snapshot = [], {}
    with gzip.open(path, "rt") as file:
        for line in file:
            text = line.partition(" ")[2].strip()
            if '"depthUpdate"' in text:
                lines.append(text)
            elif '"lastUpdateId"' in text:
                snapshot = json.loads(text)
    lines = [line for line in lines if last_id(line) >= snapshot["lastUpdateId"]]
    return written(folder, "recorded", lines, snapshot)


def last_id(line: str) -> int:
    found = re.search(r'"u":(\d+)', line)
    assert found is not None
    return int(found[1])


def compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"))


def written(folder: Path, name: str, lines: list[str], snapshot: dict[str, Any]) -> Stream:
    stream = Stream(name, folder / f"{name}.ndjson", folder / f"{name}.snapshot.json")
    stream.messages.write_text("".join(line + "\n" for line in lines))
    stream.snapshot.write_text(compact(snapshot))
    return stream


def ours(stream: Stream) -> tuple[float, dict[str, int], list[float]]:
    """CPU nanoseconds a message, what was counted, and the touch at the end."""
    messages, snapshot = stream.messages.read_bytes(), stream.snapshot.read_bytes()
    feed = Feed("binance-usdm", [("ETHUSDT", 2, 1, 3, 1)])
    feed.feed(snapshot)
    start = time.process_time()
    count = feed.feed_lines(messages)
    spent = time.process_time() - start
    touch = feed.touch(0)
    if touch is None:
        raise SystemExit(f"alp's book is not live at the end: {feed.status(0)[1]}")
    return spent * 1e9 / count, feed.counts, [touch[0] / TICK, touch[2] / TICK]


def build_floor(folder: Path) -> Path | None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    if compiler is None:
        print("  C++ floor: skipped, no C++ compiler")
        return None
    binary = folder / "book_floor"
    source = ROOT / "benchmarks" / "book_floor.cpp"
    child([compiler, "-O3", "-march=native", "-std=c++17", source, "-o", binary])
    return binary


def row(name: str, ns: float, levels: int, messages: int, ratio: str = "") -> dict[str, Any]:
    per_level = ns * messages / levels
    print(f"  {name:<28}{ns:>10.0f} ns/message{per_level:>9.1f} ns/level  {ratio}", flush=True)
    return {"name": name, "ns_per_message": ns, "ns_per_level": per_level}


def compare(
    stream: Stream, folder: Path, cache: Path, repeat: int, quick: bool
) -> list[dict[str, Any]]:
    """Measure everybody on one stream; a row for each."""
    floor = build_floor(folder)
    best = {"alp": float("inf"), "floor": float("inf")}
    for _ in range(repeat):  # in turn, so that both meet the same neighbours
        ns, counts, touch = ours(stream)
        best["alp"] = min(best["alp"], ns)
        if floor is not None:
            best["floor"] = min(best["floor"], child([floor, stream.messages, 1]).record["ns"])
    ns = best["alp"]
    messages, levels = counts["deltas"], counts["level_changes"]
    snapshot_levels = sum(
        len(side)
        for side in json.loads(stream.snapshot.read_text()).values()
        if isinstance(side, list)
    )
    levels -= snapshot_levels
    print(f"{stream.name}: {messages:,} messages, {levels / messages:.1f} changes each")
    rows = [row("alp", ns, levels, messages)]
    if floor is not None:
        said = f"alp takes {ns / best['floor']:.2f} x"
        rows.append(row("C++ floor", best["floor"], levels, messages, said))
    for peer in () if quick else PEERS:
        try:
            python = environment_python(cache, peer.environment, peer.packages)
            script = ROOT / "benchmarks" / "peers" / peer.script
            found = child([python, script, stream.messages, stream.snapshot, peer.repeat]).record
        except (ChildFailed, OSError) as failure:
            print(f"  {peer.name}: skipped, {str(failure)[-200:]}")
            continue
        if found["touch"] != touch:
            raise SystemExit(f"the books end apart: alp {touch}, {peer.name} {found['touch']}")
        rows.append(row(peer.name, found["ns"], levels, messages, f"{found['ns'] / ns:.1f} x alp"))
    return [{"stream": stream.name, **each, "of_alp": each["ns_per_message"] / ns} for each in rows]


def main() -> None:
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alp-benchmarks"
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few messages and no peers")
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=default)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"best CPU time of {given.repeat}"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        streams: list[Stream | None] = [generated(folder, 500 if given.quick else 40_000, seed=42)]
        if not given.quick:
            streams.append(recorded(folder, given.shared))
        number_of_runs = 2 if given.quick else given.repeat
        rows = [
            found
            for stream in streams
            if stream is not None
            for found in compare(stream, folder, given.cache, number_of_runs, given.quick)
        ]
    write_report(given.json, "book", rows)


if __name__ == "__main__":
    main()
