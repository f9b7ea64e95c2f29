#!/usr/bin/env python3
"""From a depth message to signed order bytes, in process: alp beside a C++ floor and other engines.

    python benchmarks/tick_to_order.py            # a generated stream, and the recorded one
    python benchmarks/tick_to_order.py --quick    # few messages, no peers: does it run

Wall time of each message on one core, without the first fifth; only ratios inside one run mean
anything. Everybody gets the same messages of Binance futures, keeps the book, and at each orders
0.1 at five ticks behind the best bid, post-only, signed. alp alone checks the message, proves the
book's continuity, asks a risk gate and tracks the order; nobody sends anything.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import statistics
import sys
import tempfile
import time
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]

from book import Stream, generated, recorded  # noqa: E402
from cryptography.hazmat.primitives.asymmetric import ec  # noqa: E402
from cryptography.hazmat.primitives.serialization import (  # noqa: E402
    Encoding,
    NoEncryption,
    PrivateFormat,
)
from peers.kernel import build_kernel  # noqa: E402
from peers.measure import (  # noqa: E402
    ChildFailed,
    child,
    environment_python,
    load,
    pin,
    write_report,
)

from alp._core.feed import Feed  # noqa: E402
from alp._core.gate import (  # noqa: E402
    NO_LIMIT,
    AccountRules,
    Gate,
    GateState,
    InstrumentRules,
    Refusal,
)
from alp._core.orders import OrderTable  # noqa: E402
from alp._core.wire import HeaderFields, OrderCommandMessage, encode  # noqa: E402
from alp.venues.credentials import Credentials, Secret, credentials_of  # noqa: E402
from alp.venues.instruments import Grid, Instrument  # noqa: E402
from alp.venues.order_writers import order_writer, request_of  # noqa: E402
from alp.venues.orders import Signer  # noqa: E402
from alp.venues.signing import Nonces  # noqa: E402

SECRET = "S" * 64
CLOCK_MS = 1_700_000_000_000
RESTING = 8
YEAR = 365 * 86_400 * 10**9


@dataclass(frozen=True)
class Peer:
    """A program that goes the same way, in an environment of its own, with so many messages."""

    name: str
    environment: str
    packages: tuple[str, ...]
    script: str
    count: int
    target: int


PEERS = (
    Peer(
        "orjson + sortedcontainers + hmac",
        "book",
        ("orjson==3.11.4", "sortedcontainers==2.4.0"),
        "tick_to_order_sorted.py",
        5_000,
        0,
    ),
    Peer("ccxt.pro 4.5.90", "ccxt", ("ccxt==4.5.90",), "tick_to_order_ccxt.py", 2_000, 15),
    Peer(
        "nautilus_trader 1.221, live",
        "nautilus",
        ("nautilus_trader==1.221.0",),
        "tick_to_order_nautilus.py",
        1_000,
        50,
    ),
)

# Venue, symbol, on a WebSocket, whether its texts are signed.
DIALECTS = (
    ("binance-usdm", "ETHUSDT", False, True),
    ("binance-usdm", "ETHUSDT", True, True),
    ("binance-usdm", "ETHUSDT", True, False),
    ("binance-spot", "ETHUSDT", False, True),
    ("kraken-spot", "ETH/USD", True, False),
    ("kraken-futures", "PF_ETHUSD", False, True),
    ("coinbase-spot", "ETH-USDC", False, False),
)


def named_streams(stream: Stream) -> Stream:
    """Name the streams as a venue does now; one of the peers looks at it."""
    text = stream.messages.read_text()
    for before in ("@depth@0ms", "@depth"):
        text = text.replace(f'{before}"', '@depth@100ms"')
    stream.messages.write_text(text)
    return stream


def product(exchange: str = "binance-usdm", symbol: str = "ETHUSDT") -> Instrument:
    """Ticks of a cent, lots of a thousandth."""
    lots = Grid(3, 1)
    return Instrument(exchange, symbol, symbol, "ETH", "USDT", Grid(2, 1), lots, lots, Decimal(0))


def opened(bid: int) -> Gate:
    """A gate with every limit set and none reached, and own orders far on the other side."""
    gate = Gate(OrderTable([(0, 1)], capacity=4096))
    gate.fence(1)
    gate.set_account(AccountRules(1, 1 << 20, 10, 10**8, YEAR))
    gate.set_venue(0, 1, 1 << 20, 16)
    gate.set_combined(0, 1 << 40)
    rules = InstrumentRules(
        allowed=True,
        size_max=1_000,
        notional_max=10**9,
        open_notional_max=NO_LIMIT,
        position_max=1 << 40,
        collar_bps=9_000,
        collar_ticks=300_000,
        reference_age_ns=YEAR,
        book_age_ns=10**9,
        fills_max=50,
        fill_window_ns=1,
    )
    gate.set_instrument(0, rules)
    now_ns = time.monotonic_ns()
    gate.see_book(0, True, now_ns)
    gate.see_reference(0, bid - 1, bid + 1, now_ns)
    gate.see_clock(10**6, now_ns)
    gate.set_state(GateState.ACTIVE)
    for number in range(RESTING):
        if isinstance(gate.approve(command(number, -1, bid + 100_000 + number), now_ns), Refusal):
            raise SystemExit("the gate refuses what rests")
    return gate


def command(number: int, side: int, price: int) -> bytes:
    header = HeaderFields(0, 0, 0, 0, 0)
    return encode(OrderCommandMessage(header, f"rest-{number}", 1, price, 10, 0, 1, side, 1, 1))


def first_bid(stream: Stream) -> int:
    """The best bid after the first message: the snapshot alone is no live book."""
    feed = Feed("binance-usdm", [product().feed_row])
    feed.feed(stream.snapshot.read_bytes())
    feed.feed(stream.messages.read_bytes().partition(b"\n")[0])
    touch = feed.touch(0)
    assert touch is not None
    return touch[0]


def ours(kernel: Any, stream: Stream) -> dict[str, Any]:
    """Nanoseconds of each stage, and the last text."""
    feed = Feed("binance-usdm", [product().feed_row])
    feed.feed(stream.snapshot.read_bytes())
    messages = stream.messages.read_bytes()
    bid = first_bid(stream)
    gate = opened(bid)
    credentials = credentials_of("alp-bench", secret=Secret(SECRET))
    writer = order_writer("binance-usdm", gate.orders, [product()], credentials)
    spent = [np.zeros(messages.count(b"\n"), np.int64) for _ in range(3)]
    last = bytearray(kernel.NEEDED)
    count, size = kernel.ticks(feed, gate, writer, messages, CLOCK_MS, *spent, last)
    stages = dict(zip(("book", "gate", "order"), map(spread, spent), strict=True))
    states = np.zeros(count, np.int64)
    kernel.states(opened(bid), bid, count, states)
    return {**stages, "states": spread(states), "last": last[:size].decode()}


def spread(spent: np.ndarray) -> dict[str, int]:
    """The middle, the slow end and the least, without the first fifth."""
    kept = np.sort(spent[len(spent) // 5 :])
    middle, slow = kept[len(kept) // 2], kept[len(kept) * 99 // 100]
    return {"p50": int(middle), "p99": int(slow), "least": int(kept[0])}


def build_floor(folder: Path) -> Path | None:
    compiler = shutil.which("g++") or shutil.which("clang++")
    source = ROOT / "benchmarks" / "tick_to_order_floor.cpp"
    binary = folder / "tick_to_order_floor"
    if compiler is None:
        print("  C++ floor: skipped, no C++ compiler")
        return None
    try:
        child(
            [compiler, "-O3", "-march=native", "-std=c++17", source, "-lcrypto", "-o", binary],
        )
    except ChildFailed as failure:
        print(f"  C++ floor: skipped, it needs OpenSSL's headers: {str(failure)[-200:]}")
        return None
    return binary


def middle(runs: list[dict[str, Any]], stage: str, figure: str) -> float:
    """The median of a figure over the runs."""
    return statistics.median(run[stage][figure] for run in runs)


def row(name: str, runs: list[dict[str, Any]], stage: str, said: str = "") -> dict[str, Any]:
    found = {each: middle(runs, stage, each) / 1000 for each in ("p50", "p99", "least")}
    print(
        f"  {name:<46}{found['p50']:>9.2f}{found['p99']:>9.2f}{found['least']:>9.2f} us  {said}",
        flush=True,
    )
    return {"name": name, **{f"{each}_us": value for each, value in found.items()}}


def compare(
    kernel: Any, stream: Stream, folder: Path, cache: Path, repeat: int, quick: bool
) -> list[dict[str, Any]]:
    """Measure everybody on one stream; a row for each figure."""
    floor = build_floor(folder)
    arguments = [stream.messages, stream.snapshot, SECRET, str(CLOCK_MS)]
    mine, bare = [], []
    for _ in range(repeat):  # in turn, so that both meet the same neighbours
        mine.append(ours(kernel, stream))
        if floor is not None:
            bare.append(child([floor, *arguments]).record)
            if bare[-1]["last"] != mine[-1]["last"]:
                raise SystemExit(f"not the same bytes:\n{bare[-1]['last']}\n{mine[-1]['last']}")
    count = stream.messages.read_bytes().count(b"\n")
    print(f"{stream.name}: {count:,} messages{'p50':>29}{'p99':>9}{'least':>9}")
    rows = [
        row("alp: book ready", mine, "book"),
        row("alp: approved by the gate", mine, "gate"),
        row("alp: signed order ready", mine, "order"),
        row("alp: approval and three order events", mine, "states"),
    ]
    if bare:
        times = statistics.median(
            own["order"]["p50"] / other["order"]["p50"]
            for own, other in zip(mine, bare, strict=True)
        )
        state = statistics.median(
            own["states"]["p50"] / other["order"]["p50"]
            for own, other in zip(mine, bare, strict=True)
        )
        rows.append(row("C++ floor: book ready", bare, "book"))
        said = f"alp takes {times:.2f} x (target 5), its gate and states {state:.2f} x (target 1)"
        rows.append(row("C++ floor: signed order ready", bare, "order", said))
        rows[-1] |= {"alp_times": times, "states_times": state}
    for peer in () if quick else PEERS:
        short = shortened(stream, folder, peer.count)
        before = ours(kernel, short)
        try:
            record = run_peer(peer, short, cache)
        except (ChildFailed, OSError) as failure:
            print(f"  {peer.name}: skipped, {str(failure)[-300:]}")
            continue
        after = ours(kernel, short)
        if wanted(record["last"]) != wanted(after["last"]):
            raise SystemExit(f"{peer.name} orders something else: {record['last']}")
        times = record["order"]["p50"] / middle([before, after], "order", "p50")
        said = f"{times:.0f} x alp" + (f" (target {peer.target})" if peer.target else "")
        rows.append(row(f"{peer.name}: book ready", [record], "book"))
        rows.append({**row(f"{peer.name}: order", [record], "order", said), "of_alp": times})
    return [{"stream": stream.name, **each} for each in rows]


def run_peer(peer: Peer, stream: Stream, cache: Path) -> dict[str, Any]:
    """Run another engine on a stream.

    Raises
    ------
    ChildFailed
        If it cannot be installed, or fails.
    """
    python = environment_python(cache, peer.environment, peer.packages)
    script = ROOT / "benchmarks" / "peers" / peer.script
    return child([python, script, stream.messages, stream.snapshot, SECRET, str(CLOCK_MS)]).record


def shortened(stream: Stream, folder: Path, count: int) -> Stream:
    """The first messages of a stream."""
    messages = folder / f"{stream.name}-{count}.ndjson"
    lines = stream.messages.read_bytes().splitlines(keepends=True)[:count]
    messages.write_bytes(b"".join(lines))
    return Stream(stream.name, messages, stream.snapshot)


def wanted(text: str) -> tuple[str, ...]:
    """What an order says of itself: side, price, quantity."""
    fields = parse_qs(text.partition("?")[2] or text)
    numbers = (str(Decimal(fields[name][0]).normalize()) for name in ("price", "quantity"))
    return (fields["side"][0], *numbers)


def by_venue(kernel: Any, calls: int, repeat: int) -> list[dict[str, Any]]:
    """What it takes to write one new order for each venue, and Coinbase's token in Python."""
    print(f"written without Python, mean of {calls:,} calls, best of {repeat}")
    rows = []
    for exchange, symbol, socket, signed in DIALECTS:
        secret = "U" * 64 if exchange == "kraken-futures" else SECRET
        credentials = credentials_of("alp-bench", secret=Secret(secret)) if signed else None
        instrument, spent = product(exchange, symbol), []
        for _ in range(repeat):
            gate = opened(268_000)
            writer = order_writer(exchange, gate.orders, [instrument], credentials, socket=socket)
            if exchange == "kraken-spot":
                writer.set_token(b"t" * 43)
            to = bytearray(kernel.NEEDED)
            spent.append(kernel.write_ns(gate, writer, 268_000, CLOCK_MS, calls, to))
        ns = min(spent)
        name = f"{exchange}, {'WebSocket' if socket else 'REST'}, {'' if signed else 'un'}signed"
        print(f"  {name:<46}{ns:>9.0f} ns", flush=True)
        rows.append({"name": name, "ns": ns})
    return rows


def token_ns(calls: int) -> float:
    """Nanoseconds of the token around Coinbase's body, in Python."""
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    credentials = credentials_of("alp-bench", private_key=Secret(pem))
    gate = opened(268_000)
    approved = gate.approve(command(99, 1, 267_990), time.monotonic_ns())
    assert not isinstance(approved, Refusal)
    writer = order_writer("coinbase-spot", gate.orders, [product("coinbase-spot", "ETH-USDC")])
    written = writer.write(approved, CLOCK_MS)
    signer = signer_of(credentials)
    start = time.perf_counter_ns()
    for _ in range(calls):
        request_of("coinbase-spot", written, signer)
    return (time.perf_counter_ns() - start) / calls


def signer_of(credentials: Credentials) -> Signer:
    return Signer(credentials, time.time_ns, Nonces(time.time_ns), lambda: "0" * 32)


def main() -> None:
    default = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "alp-benchmarks"
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="few messages and no peers")
    parser.add_argument("--repeat", type=int, default=11)
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    parser.add_argument("--cache", type=Path, default=default)
    parser.add_argument("--json", type=Path, help="also write the figures to this file")
    given = parser.parse_args()
    repeat = 2 if given.quick else given.repeat
    print(
        f"{platform.machine()}, Python {platform.python_version()}, {pin()}, {load()}, "
        f"medians of {repeat} runs in turn"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        kernel = build_kernel("tick_to_order_kernel", folder / "kernel")
        streams: list[Stream | None] = [generated(folder, 500 if given.quick else 20_000, seed=42)]
        if not given.quick:
            streams.append(recorded(folder, given.shared))
        rows: list[dict[str, Any]] = []
        for stream in streams:
            if stream is not None:
                shown = named_streams(stream)
                rows += compare(kernel, shown, folder, given.cache, repeat, given.quick)
        rows += by_venue(kernel, 2_000 if given.quick else 200_000, repeat)
        ns = min(token_ns(20 if given.quick else 500) for _ in range(repeat))
        print(f"  {'coinbase-spot, token by ES256 in Python':<46}{ns:>9.0f} ns")
        rows.append({"name": "coinbase token", "ns": ns})
    write_report(given.json, "tick to order", rows)


if __name__ == "__main__":
    main()
