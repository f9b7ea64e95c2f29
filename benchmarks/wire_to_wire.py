#!/usr/bin/env python3
"""From a depth frame that leaves an exchange to the signed order that is back there, on loopback.

    python benchmarks/wire_to_wire.py
    python benchmarks/wire_to_wire.py --quick    # few messages: does it run

Two processes, on two cores where there are so many, and two WebSockets: market data one way, orders
of Binance's WebSocket API the other. alp sleeps between frames, as it does when it is used; the
exchange never does. Wall time, without the first fifth. All orders are verified as the venue would.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

import picows  # noqa: E402
from book import Stream, generated  # noqa: E402
from peers.kernel import build_kernel  # noqa: E402
from peers.measure import load, write_report  # noqa: E402
from tick_to_order import CLOCK_MS, SECRET, first_bid, opened, product, spread  # noqa: E402

from alp._core.feed import Feed  # noqa: E402
from alp.venues.binance import signing  # noqa: E402
from alp.venues.credentials import Secret, credentials_of  # noqa: E402
from alp.venues.order_writers import order_writer  # noqa: E402

EXCHANGE = ROOT / "benchmarks" / "peers" / "wire_to_wire_exchange.py"
PAUSE_NS = 200_000
READY = b" " * 200
"""Sent when both sockets are there; the exchange then begins."""


@contextmanager
def exchange(stream: Stream, seen: Path) -> Iterator[tuple[int, subprocess.Popen[str]]]:
    process = subprocess.Popen(
        [sys.executable, str(EXCHANGE), str(stream.messages), str(PAUSE_NS), str(seen)],
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        yield json.loads(process.stdout.readline())["port"], process
    finally:
        process.kill()
        process.wait()


async def trade(trader: Any, port: int) -> None:
    """Connect both sockets and answer until the exchange hangs up."""
    url = f"ws://127.0.0.1:{port}/"
    market, _ = await picows.ws_connect(lambda: trader, url)
    orders, _ = await picows.ws_connect(picows.WSListener, url)
    trader.orders = orders
    orders.send(picows.WSMsgType.TEXT, READY)
    await market.wait_disconnected()
    await orders.wait_disconnected()


def measure(kernel: Any, stream: Stream, folder: Path) -> dict[str, np.ndarray]:
    """Nanoseconds of each part, for each frame."""
    count = stream.messages.read_bytes().count(b"\n")
    feed = Feed("binance-usdm", [product().feed_row])
    feed.feed(stream.snapshot.read_bytes())
    gate = opened(first_bid(stream))
    credentials = credentials_of("alp-bench", secret=Secret(SECRET))
    writer = order_writer("binance-usdm", gate.orders, [product()], credentials, socket=True)
    arrived, ready, left = (np.zeros(count, np.int64) for _ in range(3))
    trader = kernel.Trader(feed, gate, writer, CLOCK_MS, arrived, ready, left)
    seen = folder / "seen.json"
    with exchange(stream, seen) as (port, process):
        runner(trade(trader, port))
        if process.wait() or trader.count != count:
            raise SystemExit(f"{trader.count} of {count} frames were answered")
    found = json.loads(seen.read_text())
    for number, text in enumerate(found["orders"]):
        params = json.loads(text)["params"]
        signing.verify_call(credentials, params, now_ms=CLOCK_MS + number)
    sent, back = np.array(found["sent"]), np.array(found["back"])
    return {
        "frame leaves, alp wakes and has it": arrived - sent,
        "book, gate, signed bytes": ready - arrived,
        "bytes ready until the exchange has them": back - ready,
        "  of which handing them to the kernel": left - ready,
        "wire to wire": back - sent,
    }


def runner(main: Any) -> None:
    """Run on the loop that alp runs on."""
    try:
        import uvloop
    except ImportError:
        asyncio.run(main)
    else:
        uvloop.run(main)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few messages")
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    if (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        cores = os.sched_getaffinity(0)
        os.sched_setaffinity(0, {max(cores)})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kernel = build_kernel("tick_to_order_kernel", folder / "kernel")
        stream = generated(folder, 300 if given.quick else 10_000, seed=42)
        parts = measure(kernel, stream, folder)
    count = len(parts["wire to wire"])
    print(f"{platform.machine()}, Python {platform.python_version()}, {load()}, {count:,} frames")
    print(f"{'':<44}{'p50':>9}{'p99':>9}{'least':>9}")
    rows = []
    for part, spent in parts.items():
        found = {figure: value / 1000 for figure, value in spread(spent).items()}
        print(f"  {part:<42}{found['p50']:>9.1f}{found['p99']:>9.1f}{found['least']:>9.1f} us")
        rows.append({"name": part, **{f"{figure}_us": value for figure, value in found.items()}})
    write_report(given.json, "wire to wire", rows)


if __name__ == "__main__":
    main()
