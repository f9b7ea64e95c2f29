"""Makes seeded market data for measuring speed and memory; nobody should trade on it."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

START = datetime(2023, 1, 1, tzinfo=UTC)
# 2000 USDC per WETH, as the pool writes it.
FIRST_TICK = 200_311
BLOCK_S = 12
BATCH = 65_536
LOWEST, HIGHEST = 4295128740, 1461446703485210103287273052203988822378723970341


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


def ladder() -> list[tuple[int, int]]:
    """Return (tick, liquidityNet) of a pool with steps of liquidity around the first price."""
    steps = [(110_000, 290_000, 10**18), (190_000, 210_000, 4 * 10**18)]
    centre = FIRST_TICK // 10 * 10
    steps += [(centre - 1300 - 200 * n, centre + 1300 + 200 * n, 10**18) for n in range(6)]
    nets: dict[int, int] = {}
    for lower, upper, liquidity in steps:
        nets[lower] = nets.get(lower, 0) + liquidity
        nets[upper] = nets.get(upper, 0) - liquidity
    return sorted(nets.items())


def swap_events(count: int, seed: int) -> Iterator[Any]:
    """Yield POOL_EVENT arrays of swaps that a 5 bps pool really executed, four a block."""
    from alp._core.pool import Pool
    from alp._core.tickmath import get_sqrt_ratio_at_tick
    from alp.data.events import EventColumns
    from alp.data.schema import EventKind

    draw = random.Random(seed)
    pool = Pool(500, 10)
    pool.initialize(get_sqrt_ratio_at_tick(FIRST_TICK), int(START.timestamp()))
    pool.load_liquidity(ladder())
    events = EventColumns()
    for index in range(count):
        second = int(START.timestamp()) + index // 4 * BLOCK_S
        # Sell token0 the more likely the higher it is: the walk stays on the ladder.
        sell0 = draw.random() < 0.5 + (pool.tick - FIRST_TICK) / 4_000
        size = draw.lognormvariate(0.0, 1.5)
        amount = int(size * 4e9) if sell0 else int(size * 2e18)
        amounts = pool.swap(sell0, amount, LOWEST if sell0 else HIGHEST, second)
        events.add(
            index + 1,
            EventKind.SWAP,
            (second * 10**9, second // BLOCK_S, index % 4),
            (*amounts, pool.liquidity),
            price=(pool.sqrt_price_x96, pool.tick),
        )
        if len(events) == BATCH:
            yield events.array()
            events = EventColumns()
    if len(events):
        yield events.array()


def swaps_store(folder: Path, count: int, seed: int) -> tuple[Path, Path]:
    """Write swaps and the pool's liquidity in alp's own form once; return both paths."""
    from alp.data.liquidity import net_rows
    from alp.data.schema import Kind
    from alp.data.store import write_store

    swaps = folder / f"swaps-{count}-{seed}.parquet"
    liquidity = folder / f"swaps-{count}-{seed}.liquidity.parquet"
    if not liquidity.is_file():
        write_store(swaps, Kind.POOL_EVENTS, swap_events(count, seed), lambda: {"sources": []})
        write_store(liquidity, Kind.LIQUIDITY, [net_rows(dict(ladder()))], lambda: {"sources": []})
    return swaps, liquidity
