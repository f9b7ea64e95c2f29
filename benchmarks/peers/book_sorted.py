"""A book of orjson and sortedcontainers, as one writes it in an afternoon; prints one JSON line."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

import orjson
from sortedcontainers import SortedDict


def once(messages: list[bytes], snapshot: dict) -> tuple[float, float, float]:
    """Apply every message and read the best levels after each; CPU seconds and the last touch."""
    bids, asks = (
        SortedDict({float(price): float(lots) for price, lots in snapshot[side]})
        for side in ("bids", "asks")
    )
    start = time.process_time()
    for message in messages:
        data = orjson.loads(message)["data"]
        for side, changes in ((bids, data["b"]), (asks, data["a"])):
            for text, lots_text in changes:
                price, lots = float(text), float(lots_text)
                if lots:
                    side[price] = lots
                else:
                    side.pop(price, None)
        bid, ask = bids.peekitem(-1)[0], asks.peekitem(0)[0]
    return time.process_time() - start, bid, ask


def main() -> None:
    """Usage: book_sorted.py STREAM SNAPSHOT REPEATS."""
    messages = Path(sys.argv[1]).read_bytes().splitlines()
    snapshot = json.loads(Path(sys.argv[2]).read_bytes())
    runs = [once(messages, snapshot) for _ in range(int(sys.argv[3]))]
    spent, bid, ask = min(runs)
    print(json.dumps({"ns": spent * 1e9 / len(messages), "touch": [bid, ask]}))


if __name__ == "__main__":
    main()
