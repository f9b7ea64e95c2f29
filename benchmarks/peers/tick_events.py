"""A market of levels and trades as hftbacktest's events, generated here or by the shared program.

Like the recorded stream: bursts of level changes that cluster at the touch, a tenth of them far
away, trades before each burst, a touch that wanders and never crosses.
"""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import numpy as np

from alp.recording.npz import BUY, DEPTH, EVENT, EXCHANGE, LOCAL, SELL, SNAPSHOT, TRADE
from peers.measure import child

TICK, LOT = 100, 1000
BOTH = EXCHANGE | LOCAL
Row = tuple[int, int, int, float, float, int, int, float]


def generated(target: Path, bursts: int, seed: int) -> Path:
    """Write so many bursts of about 17 events."""
    chance = random.Random(seed)
    rows: list[Row] = []
    middle, now = 268_000, 10**18
    sides = [
        {middle + sign * (n + 1): chance.randint(1, 99_999) for n in range(1_000)}
        for sign in (-1, 1)
    ]
    for side, flag in zip(sides, (BUY, SELL), strict=True):
        rows += [row(SNAPSHOT | flag, now, now + 10**6, *level) for level in side.items()]
    for _ in range(bursts):
        now += 50_000_000
        for n in range(2):
            bought = chance.random() < 0.5
            price = min(sides[1]) if bought else max(sides[0])
            at = now - 40_000_000 + n * 10_000_000
            flag = BUY if bought else SELL
            rows.append(row(TRADE | flag, at, at + 10**6, price, chance.randint(1, 9_999)))
        middle += chance.choice((-3, -1, 0, 0, 0, 1, 3))
        received = now + 10**6 + chance.randrange(10**6)
        for side, flag, sign in zip(sides, (BUY, SELL), (-1, 1), strict=True):
            change = {price: 0 for step in range(4) if (price := middle - sign * step) in side}
            change[middle + sign] = chance.randint(1, 99_999)
            for _ in range(chance.randint(3, 11)):
                far = 2 + int(chance.paretovariate(0.45) - 1) % 200_000
                price = middle + sign * far
                change[price] = 0 if chance.random() < 0.13 else chance.randint(1, 999_999)
            for price, lots in change.items():
                rows.append(row(DEPTH | flag, now, received, price, lots))
                if lots:
                    side[price] = lots
                else:
                    side.pop(price, None)
    np.array(rows, EVENT).tofile(target)
    return target


def row(kind: int, exchange_ns: int, local_ns: int, price: int, lots: int) -> Row:
    return kind | BOTH, exchange_ns, local_ns, price / TICK, lots / LOT, 0, 0, 0.0


def shared_events(target: Path, bench: Path, bursts: int, build: Path) -> Path | None:
    """Let the shared generator write its stream; None where it or a compiler is not there."""
    compiler = shutil.which("g++") or shutil.which("clang++")
    source = bench / "gen.cpp"
    if compiler is None or not source.is_file():
        return None
    binary = build / "gen"
    child([compiler, "-O2", "-std=c++17", source, "-o", binary])
    # messages go nowhere: 8 best quotes and 2 trades to a burst, its seed
    child([binary, "/dev/null", build / "snapshot.json", bursts, 8, 2, 43, target])
    return target
