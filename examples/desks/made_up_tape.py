"""Makes up a tape for trying things out: levels and trades around the price of a recorded pool.

    python examples/desks/made_up_tape.py examples/eth-usdc.yaml TARGET.alptape [HOURS]

It is no market: once a second five levels a side stand around the price of the pool's last swap,
somebody trades, and queues grow and shrink. The same recording gives the same tape.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from alp._core.tape import LOTS_SHIFT, TAPE_ROW, TapeBit
from alp.backtest.drive import prices_of, roots_of
from alp.backtest.setup import open_inputs
from alp.backtest.tick_file import Grid, TapeFacts, write_tape
from alp.data.schema import EventKind
from alp.strategy.loading import load_manifest

SECOND_NS = 10**9
DELAY_NS = 3_000_000
GRID = Grid(Decimal("0.01"), Decimal("0.0001"))
BOTH = TapeBit.EXCHANGE | TapeBit.LOCAL


def prices(manifest: Path, hours: float) -> Iterator[tuple[int, int]]:
    """Yield a time and a price in ticks for every second."""
    spec = load_manifest(manifest).spec
    pair = spec.pool.pair()
    pool = open_inputs(spec, pair, manifest.parent).pool
    assert pool is not None
    now_ns, price = 0, 0
    end_ns = 1 << 62
    for batch in pool.batches():
        swaps = batch[batch["kind"] == EventKind.SWAP]
        for swap, dollars in zip(
            swaps, prices_of(pair, roots_of(swaps["sqrt_price_x96"])), strict=True
        ):
            if not now_ns:
                now_ns = int(swap["ts_ns"])
                end_ns = now_ns + int(hours * 3600) * SECOND_NS
            while price and now_ns < min(int(swap["ts_ns"]), end_ns):
                yield now_ns, price
                now_ns += SECOND_NS
            price = int(dollars / float(GRID.tick_size))


def rows(manifest: Path, hours: float, seed: int = 1) -> Iterator[Any]:
    """Yield the tape's rows, an array for every few thousand."""
    random = Random(seed)
    standing: dict[tuple[bool, int], int] = {}
    found: list[tuple[int, int, int, int]] = []

    def say(at_ns: int, kind: TapeBit, bid: bool, price: int, lots: int) -> None:
        bits = kind | BOTH | (TapeBit.BID if bid else 0)
        found.append((at_ns, at_ns + DELAY_NS, price, lots << LOTS_SHIFT | bits))

    for at_ns, price in prices(manifest, hours):
        bought = random.random() < 0.5
        best = [level for bid, level in standing if bid != bought]
        if best and random.random() < 0.3:
            at = min(best) if bought else max(best)
            lots = min(random.randrange(100, 30_000), standing[not bought, at])
            say(at_ns, TapeBit.TRADE, bought, at, lots)
        wanted = {
            (bid, price - step if bid else price + step): random.randrange(1_000, 40_000)
            for bid in (True, False)
            for step in range(1, 6)
        }
        for side, level in standing.keys() - wanted.keys():
            say(at_ns, TapeBit.LEVEL, side, level, 0)
        for (side, level), lots in wanted.items():
            if (side, level) not in standing or random.random() < 0.2:
                say(at_ns, TapeBit.LEVEL, side, level, lots)
                standing[side, level] = lots
        standing = {key: standing[key] for key in wanted}
        if len(found) > 4096:
            yield np.array(found, list(TAPE_ROW))
            found.clear()
    yield np.array(found, list(TAPE_ROW))


def make(manifest: Path, target: Path, hours: float = 24.0) -> TapeFacts:
    """Write the tape."""
    facts = TapeFacts("binance-spot", "ETHUSDT", GRID, (manifest.name,), ("made up",))
    return write_tape(target, facts, rows(manifest, hours))


if __name__ == "__main__":
    made = make(Path(sys.argv[1]), Path(sys.argv[2]), float((sys.argv[3:] or ["24"])[0]))
    print(f"{sys.argv[2]}: {made.rows:,} rows")
