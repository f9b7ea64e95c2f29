#!/usr/bin/env python3
"""The ledger: fills into SQLite and PostgreSQL, replays, verification, and memory of a rebuild.

    python benchmarks/ledger.py
    python benchmarks/ledger.py --quick             # few fills: does it run
    python benchmarks/ledger.py --fills 1000000     # a rebuild of a million, and its memory

Each fill is one entry of six postings: base, quote and a fee in a third asset, each with its
counterpart. One call of ``apply`` is one durable transaction; the batch says how many fills share
one. PostgreSQL runs in a throw-away cluster, and is left out where there is none.
"""

from __future__ import annotations

import argparse
import platform
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks"), str(ROOT / "tests")]

from peers.measure import load, write_report  # noqa: E402
from postgres_world import PostgresServer, postgres_folder  # noqa: E402

from alp.ledger.accounts import venue  # noqa: E402
from alp.ledger.assets import Asset, Assets  # noqa: E402
from alp.ledger.database import open_engine  # noqa: E402
from alp.ledger.events import Fill, Mark, venue_proof  # noqa: E402
from alp.ledger.ledger import Ledger  # noqa: E402
from alp.ledger.verify import verify  # noqa: E402

USDC = Asset("USDC", 12)
ASSETS = Assets(USDC, (Asset("ETH", 18), Asset("BNB", 12)))
POSTINGS = 6
NOW = 1_800_000_000 * 10**9
BINANCE = venue("binance")


def fills(first: int, count: int) -> Iterator[Fill]:
    for number in range(first, first + count):
        lots = 1 + number % 9
        proof = venue_proof("binance", "trade", str(number), "ETHUSDC")
        yield Fill(
            proof, NOW + number * 10**6, BINANCE, "ETH", "USDC", 1 if number * 7 % 13 < 6 else -1,
            lots * 10**16, lots * 20 * 10**12 + number % 1_000, 10**6, "BNB",
        )  # fmt: skip


def memory_mb() -> float:
    """The largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def measured(place: str, count: int, batches: list[int]) -> dict[str, float]:
    found = {}
    first = 0
    with Ledger(place, ASSETS) as ledger:
        marks = [Mark(name, NOW, ASSETS.mark_x96(name, "2000")) for name in ("ETH", "BNB")]
        ledger.apply(marks)
        for batch in batches:
            # Small ones wait for the disk each time: fewer of them tell as much.
            some = count if batch == batches[-1] else max(batch, min(count, 300 * batch))
            begin, busy = time.perf_counter(), time.process_time()
            ledger.load(fills(first, some), batch)
            seconds = time.perf_counter() - begin
            found[f"postings/s, {batch:,} fills a transaction"] = some * POSTINGS / seconds
            if batch == batches[-1]:
                found["µs a fill"] = seconds / some * 1e6
                found["of it our CPU"] = (time.process_time() - busy) / some * 1e6
                found["peak memory after it, MB"] = memory_mb()
            first += some
        begin = time.perf_counter()
        again = min(count, 100_000)
        ledger.load(fills(0, again), batches[-1])
        found["replayed fills/s"] = again / (time.perf_counter() - begin)
        if ledger.counts.booked != first:
            raise AssertionError(ledger.counts)
    begin = time.perf_counter()
    result = verify(open_engine(place), place)
    found["verified postings/s"] = result.postings / (time.perf_counter() - begin)
    found["peak memory in all, MB"] = memory_mb()
    if not result.whole or result.entries != first:
        raise AssertionError(result)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--fills", type=int, default=50_000)
    parser.add_argument("--json", type=Path, help="write the figures there")
    options = parser.parse_args()
    count = 1_000 if options.quick else options.fills
    batches = [1, 100, 5_000]
    rows: dict[str, dict[str, float]] = {}
    before = memory_mb()
    with tempfile.TemporaryDirectory() as folder:
        rows["SQLite"] = measured(str(Path(folder) / "ledger.db"), count, batches)
    programs = postgres_folder()
    if programs is None:
        print("no PostgreSQL here: bash .ci/setup-postgres")
    else:
        server = PostgresServer(programs)
        try:
            rows["PostgreSQL"] = measured(server.new_database(), count, batches)
        finally:
            server.stop()
    print(f"{count:,} fills, {platform.machine()}, Python {platform.python_version()}")
    print(f"memory before: {before:.0f} MB; {load()}")
    names = list(rows["SQLite"])
    print(f"{'':<40}" + "".join(f"{name:>14}" for name in rows))
    for name in names:
        print(f"{name:<40}" + "".join(f"{row[name]:>14,.0f}" for row in rows.values()))
    write_report(options.json, "ledger", [{"database": name, **row} for name, row in rows.items()])


if __name__ == "__main__":
    main()
