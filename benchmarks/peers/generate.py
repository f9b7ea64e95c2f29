"""Makes seeded market data for measuring speed and memory; nobody should trade on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

MINUTE_NS = 60_000_000_000
START = datetime(2023, 1, 1, tzinfo=UTC)


def minutes_csv(path: Path, count: int, seed: int) -> Path:
    """Write a random walk of minutes in the seed's format (WETH per USDC) once; return the path."""
    if path.is_file():
        return path
    draw = random.Random(seed)
    price = 1.0 / 2000.0
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="\n") as out:
        out.write("timestamp,open,high,low,close,volume\n")
        for index in range(count):
            when = START + timedelta(minutes=index)
            opened = price
            # 80 % a year, pulled back to the start so that a year stays in a plausible range.
            pull = 1e-5 * (1.0 / 2000.0 - price) / price
            price *= 1.0 + pull + draw.gauss(0.0, 0.0011)
            high = max(opened, price) * (1.0 + abs(draw.gauss(0.0, 0.0003)))
            low = min(opened, price) * (1.0 - abs(draw.gauss(0.0, 0.0003)))
            volume = draw.expovariate(1e-19)
            out.write(
                f"{when:%Y-%m-%d %H:%M:%S},{opened:.14f},{high:.14f},{low:.14f},{price:.14f},"
                f"{volume:.0f}\n"
            )
    partial.rename(path)
    return path
