"""degenbot's swap calculation on given pool states; runs in an environment of its own.

Input: JSON lines, one swap each, with the pool's state before it. Output: one JSON object.
degenbot computes amounts, price and tick only; it keeps no fees and no oracle.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path

from degenbot.uniswap.types import UniswapV3BitmapAtWord, UniswapV3LiquidityAtTick
from degenbot.uniswap.v3_liquidity_pool import UniswapV3Pool

REPEAT = 3


def bare_pool(fee: int, spacing: int) -> UniswapV3Pool:
    """A pool without a chain behind it: all ticks are given, so nothing is ever fetched."""
    pool = UniswapV3Pool.__new__(UniswapV3Pool)
    pool.fee = fee
    pool.tick_spacing = spacing
    pool.sparse_liquidity_map = False
    return pool


def state_of(pool: UniswapV3Pool, swap: dict) -> object:
    ticks = {
        tick: UniswapV3LiquidityAtTick(liquidity_net=int(net), liquidity_gross=int(gross))
        for tick, net, gross in swap["ticks"]
    }
    words: dict[int, int] = {}
    for tick in ticks:
        place = tick // pool.tick_spacing
        words[place >> 8] = words.get(place >> 8, 0) | 1 << (place & 255)
    return UniswapV3Pool.PoolState(
        pool="0x0000000000000000000000000000000000000000",
        liquidity=int(swap["liquidity"]),
        sqrt_price_x96=int(swap["sqrt_price_x96"]),
        tick=swap["tick"],
        tick_bitmap={word: UniswapV3BitmapAtWord(bitmap=bits) for word, bits in words.items()},
        tick_data=ticks,
    )


def main() -> None:
    micros, equal = [], 0
    for line in Path(sys.argv[1]).read_text().splitlines():
        swap = json.loads(line)
        pool = bare_pool(swap["fee"], swap["tick_spacing"])
        state = state_of(pool, swap)
        amount, limit = int(swap["amount"]), int(swap["limit"])
        expected = [int(value) for value in swap["amounts"]]
        found: list[int] = []
        start = time.process_time_ns()
        for _ in range(REPEAT):
            try:
                result = pool._calculate_swap(swap["zero_for_one"], amount, limit, state)
                found = list(result[:2])
            except Exception:  # whatever it is, the amounts are not there
                found = []
        micros.append((time.process_time_ns() - start) / 1000 / REPEAT)
        equal += found == expected
    print(
        json.dumps(
            {
                "swaps": len(micros),
                "equal": equal,
                "mean_us": statistics.mean(micros),
                "median_us": statistics.median(micros),
            }
        )
    )


if __name__ == "__main__":
    main()
