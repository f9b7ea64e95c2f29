#!/usr/bin/env python3
"""The intent journal: appending, and making durable for one or for many, beside two peers.

    python benchmarks/journal.py
    python benchmarks/journal.py --quick    # few records: does it run

Peers: JSON lines with ``fdatasync`` after each, and SQLite with a write-ahead log and
``synchronous=FULL``. What a barrier costs is the disk's: compare figures of one run only. With so
many waiting, each asks again as soon as it was answered.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from peers.measure import load, write_report  # noqa: E402

from alp._core.gate import (  # noqa: E402
    NO_LIMIT,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    RiskApproved,
)
from alp._core.journal import JournalMode  # noqa: E402
from alp._core.order_life import OrderEvent  # noqa: E402
from alp._core.wire import HeaderFields, OrderCommandMessage, encode  # noqa: E402
from alp.journal.journal import Journal, JournalOptions  # noqa: E402
from alp.journal.read import JournalInstrument  # noqa: E402

NOW = 1_800_000_000 * 10**9
ETH = JournalInstrument("kraken-spot", "ETH/USD", 0, 1, 2, 1, 8, 1)


def open_journal(folder: Path, mode: JournalMode) -> Journal:
    options = JournalOptions(mode=mode, segment_bytes=64 << 20)
    return Journal(folder, "bench", [ETH], now_ns=lambda: NOW, options=options)


def approval(journal: Journal) -> RiskApproved:
    gate = Gate(journal.orders)
    gate.fence(journal.token)
    gate.set_account(AccountRules(0, 1, 0, NO_LIMIT, NO_LIMIT))
    gate.set_venue(0, 0, 1, 0)
    gate.set_combined(0, NO_LIMIT)
    most = NO_LIMIT
    rules = InstrumentRules(True, 0, most, most, most, most, 9_000, 900, most, most, 64, 0)
    gate.set_instrument(0, rules)
    gate.see_book(0, True, NOW)
    gate.see_reference(0, 999, 1_001, NOW)
    gate.see_clock(0, NOW)
    gate.set_state(GateState.ACTIVE)
    header = HeaderFields(0, 0, 0, 0, 0)
    command = OrderCommandMessage(header, "t-00000a000001", journal.token, 990, 5, 0, 1, 1, 1, 1)
    approved = gate.approve(encode(command), NOW)
    if not isinstance(approved, RiskApproved):
        raise AssertionError(f"refused: {approved!r}")
    return approved


def append_ns(folder: Path, records: int) -> dict[str, float]:
    """One append, from Python, in batches that fit the memory; writing is not in it."""
    journal = open_journal(folder, JournalMode.PROCESS)
    approved, writer = approval(journal), journal.writer
    batch = 3_000
    found = {"append: intent": 1e9, "append: fact": 1e9}
    for _ in range(max(records // batch, 2)):
        start = time.perf_counter_ns()
        for _ in range(batch):
            writer.intent(approved, NOW)
        took = (time.perf_counter_ns() - start) / batch
        found["append: intent"] = min(found["append: intent"], took)
        writer.commit()
        start = time.perf_counter_ns()
        for _ in range(batch):
            writer.fact("t-00000a000001", OrderEvent.ACKED, at_ns=NOW, venue_id="OXZPAJ-1")
        took = (time.perf_counter_ns() - start) / batch
        found["append: fact"] = min(found["append: fact"], took)
        writer.commit()
    journal.close()
    return found


def median_and_worst(times: list[int]) -> tuple[float, float]:
    times.sort()
    return times[len(times) // 2] / 1e3, times[-(-len(times) * 99 // 100) - 1] / 1e3


def timed(count: int, once: Callable[[], object]) -> tuple[float, float]:
    times = []
    for _ in range(count):
        start = time.perf_counter_ns()
        once()
        times.append(time.perf_counter_ns() - start)
    return median_and_worst(times)


def barrier_us(folder: Path, mode: JournalMode, count: int) -> tuple[float, float]:
    """Append one intent and wait, blocking: p50 and p99, microseconds."""
    journal = open_journal(folder, mode)
    approved, writer = approval(journal), journal.writer
    found = timed(count, lambda: writer.commit(writer.intent(approved, NOW)))
    journal.close()
    return found


def awaited(folder: Path, waiting: int, rounds: int) -> tuple[float, float, float]:
    """Many who append and await: records a second, p50 and p99 in microseconds."""
    journal = open_journal(folder, JournalMode.GROUP)
    approved, writer = approval(journal), journal.writer
    times: list[int] = []

    async def one() -> None:
        for _ in range(rounds):
            start = time.perf_counter_ns()
            await journal.durable(writer.intent(approved, NOW))
            times.append(time.perf_counter_ns() - start)

    async def run() -> None:
        await asyncio.gather(*(one() for _ in range(waiting)))

    start = time.perf_counter()
    asyncio.run(run())
    rate = waiting * rounds / (time.perf_counter() - start)
    journal.close()
    return rate, *median_and_worst(times)


INTENT = {
    "kind": "intent", "client_id": "t-00000a000001", "instrument": 0, "action": 1, "side": 1,
    "price": 990, "quantity": 5, "number": 0, "token": 1, "approval": 1, "at_ns": NOW,
}  # fmt: skip


def json_us(folder: Path, count: int) -> tuple[float, float]:
    with (folder / "peer.jsonl").open("ab", buffering=0) as file:

        def once() -> None:
            file.write(json.dumps(INTENT).encode() + b"\n")
            os.fdatasync(file.fileno())

        return timed(count, once)


def sqlite_us(folder: Path, count: int) -> tuple[float, float]:
    base = sqlite3.connect(folder / "peer.sqlite", isolation_level=None)
    base.execute("PRAGMA journal_mode=WAL")
    base.execute("PRAGMA synchronous=FULL")
    columns = ", ".join(INTENT)
    base.execute(f"CREATE TABLE intents ({columns})")
    places = ", ".join("?" * len(INTENT))
    insert = f"INSERT INTO intents VALUES ({places})"
    found = timed(count, lambda: base.execute(insert, tuple(INTENT.values())))
    base.close()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few records")
    parser.add_argument("--folder", type=Path, help="on the disk to measure; default: temporary")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    count = 20 if given.quick else 500
    print(f"{platform.machine()}, Python {platform.python_version()}, {load()}")
    rows: list[dict[str, object]] = []

    def row(name: str, figures: dict[str, float]) -> None:
        rows.append({"name": name, **figures})
        texts = (f"{what} {value:,.1f}" for what, value in figures.items())
        print(f"  {name:<36}{'   '.join(texts)}", flush=True)

    with tempfile.TemporaryDirectory(dir=given.folder) as name:
        folder = Path(name)
        for what, value in append_ns(folder / "append", count * 60).items():
            row(what, {"ns": value})
        for mode in (JournalMode.SYNC, JournalMode.PROCESS):
            p50, p99 = barrier_us(folder / mode.name, mode, count)
            row(f"intent and barrier, {mode.name}", {"p50 us": p50, "p99 us": p99})
        for peer, measure in (("JSON and fdatasync", json_us), ("SQLite, WAL", sqlite_us)):
            p50, p99 = measure(folder, count)
            row(f"peer: {peer}", {"p50 us": p50, "p99 us": p99})
        for waiting in (1, 8, 64):
            rate, p50, p99 = awaited(folder / str(waiting), waiting, count // 4)
            figures = {"records/s": rate, "p50 us": p50, "p99 us": p99}
            row(f"GROUP, {waiting} waiting", figures)
    write_report(given.json, "journal", rows)


if __name__ == "__main__":
    main()
