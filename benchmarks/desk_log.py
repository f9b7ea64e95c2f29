#!/usr/bin/env python3
"""The log of decisions: what an event and a wish cost the desk that is recorded, and reading.

    python benchmarks/desk_log.py
    python benchmarks/desk_log.py --quick    # few records: does it run

Beside it: a line of JSON for each record, made by orjson and written at once, as a desk without a
log of its own would have it. A desk that does nothing is what both are measured with.
"""

from __future__ import annotations

import argparse
import platform
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import orjson

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.measure import load, write_report  # noqa: E402

from alp.models.desk import Desk, Event, Tick, Top, Wish  # noqa: E402
from alp.recording.decisions import DeskLog, RecordedDesk  # noqa: E402
from alp.recording.decisions_check import check  # noqa: E402
from alp.recording.decisions_file import DeskHeader  # noqa: E402
from alp.recording.decisions_lookup import Decisions  # noqa: E402

NOW = 1_800_000_000 * 10**9
WHY = {
    "fair": 350_000.5,
    "reservation": 349_998.25,
    "sigma": 1.25,
    "inventory": {"cefi_lots": -120, "lp_delta": -(10**18), "combined": -1.25},
    "bound": ["room", "touch"],
}


class Idle(Desk):
    """Wishes once in `every` events, always the same."""

    def __init__(self, every: int) -> None:
        self.every, self.number = every, 0

    def on(self, event: Event) -> Sequence[Wish]:
        self.number += 1
        if self.number % self.every:
            return ()
        levels = ((349_990, 10), (349_989, 20), (349_988, 40))
        until_ns = event.at_ns + 10**9
        return (Wish(self.number, 0, event.at_ns, until_ns, levels, levels, WHY),)

    def snapshot(self) -> dict[str, int]:
        return {"number": self.number}

    def restore(self, state: dict[str, int]) -> None:
        self.number = state["number"]


def events(count: int) -> list[Event]:
    return [
        Top(i % 4, NOW + i * 10_000, 350_000 + i % 7, 500, 350_003, 700, NOW + i * 10_000 - 10**6)
        if i % 8
        else Tick(NOW + i * 10_000)
        for i in range(count)
    ]


def each_ns(on: Callable[[Event], object], told: Sequence[Event]) -> tuple[float, int, int]:
    """Return the mean of this thread's own time, and p99 and greatest of one in sixteen, in ns."""
    clock = time.perf_counter_ns
    sampled = []
    begun = time.thread_time_ns()
    for number, event in enumerate(told):
        if number & 15:
            on(event)
        else:
            before = clock()
            on(event)
            sampled.append(clock() - before)
    mean = (time.thread_time_ns() - begun) / len(told)
    sampled.sort()
    return mean, sampled[len(sampled) * 99 // 100], sampled[-1]


def json_lines(desk: Desk, path: Path) -> Callable[[Event], object]:
    file = path.open("wb")

    def on(event: Event) -> Sequence[Wish]:
        file.write(orjson.dumps([type(event).__name__, *event], option=orjson.OPT_APPEND_NEWLINE))
        wishes = desk.on(event)
        for wish in wishes:
            file.write(orjson.dumps(["Wish", *wish], option=orjson.OPT_APPEND_NEWLINE))
        file.flush()
        return wishes

    return on


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--report", type=Path)
    options = parser.parse_args()
    count = 20_000 if options.quick else 1_000_000
    told = events(count)
    rows: dict[str, object] = {}
    for every in (1_000_000_000, 1):
        what = "an event" if every > 1 else "an event and its wish"
        bare = each_ns(Idle(every).on, told)
        with tempfile.TemporaryDirectory() as name:
            log = DeskLog(Path(name) / "log", DeskHeader(b"", ""), room=64 << 20)
            desk = RecordedDesk(Idle(every), log)
            logged = each_ns(desk.on, told)
            desk.close()
            counts = log.counts
            lines = each_ns(json_lines(Idle(every), Path(name) / "lines"), told)
            line_bytes = (Path(name) / "lines").stat().st_size
            begun = time.perf_counter()
            report = check(Path(name) / "log", lambda _, every=every: Idle(every))
            checked_s = time.perf_counter() - begun
            assert report.difference is None
            begun = time.perf_counter()
            found = Decisions(Path(name) / "log").wish(count)
            looked_s = time.perf_counter() - begun
            assert (found is None) == (every > 1)
        rows[what] = {
            "log_ns": logged[0] - bare[0],
            "log_p99_ns": logged[1],
            "log_worst_ns": logged[2],
            "json_ns": lines[0] - bare[0],
            "json_p99_ns": lines[1],
            "bytes": counts["bytes"] / count,
            "json_bytes": line_bytes / count,
            "lost": counts["lost"],
            "checked_per_s": count / checked_s,
            "lookup_ms": looked_s * 1e3,
        }
        print(f"{what}")
        print(f"  log        {logged[0] - bare[0]:8,.0f} ns, p99 {logged[1]:,} ns with the desk,"
              f" worst {logged[2] / 1e6:.1f} ms, {counts['bytes'] / count:.0f} bytes,"
              f" {counts['lost']} lost")  # fmt: skip
        print(f"  JSON lines {lines[0] - bare[0]:8,.0f} ns, p99 {lines[1]:,} ns with the desk,"
              f" {line_bytes / count:.0f} bytes")  # fmt: skip
        print(f"  checked    {count / checked_s:8,.0f} events a second")
        print(f"  a lookup   {looked_s * 1e3:8.1f} ms, the segment's index made for it")
    print(f"{platform.machine()}, Python {platform.python_version()}, load {load()}")
    if options.report:
        write_report(options.report, {"load": load(), "rows": rows})


if __name__ == "__main__":
    main()
