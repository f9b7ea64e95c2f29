"""orjson, sortedcontainers and hmac, from a depth message to a signed order; prints one JSON."""

from __future__ import annotations

import hashlib
import hmac
import json
import sys
import time
from pathlib import Path

import orjson
from sortedcontainers import SortedDict


def spread(spent: list[int]) -> dict[str, int]:
    """The middle, the slow end and the least, without the first fifth."""
    kept = sorted(spent[len(spent) // 5 :])
    return {"p50": kept[len(kept) // 2], "p99": kept[len(kept) * 99 // 100], "least": kept[0]}


def main() -> None:
    """Usage: tick_to_order_sorted.py MESSAGES SNAPSHOT KEY MILLISECONDS."""
    messages = Path(sys.argv[1]).read_bytes().splitlines()
    snapshot = json.loads(Path(sys.argv[2]).read_bytes())
    key, clock_ms = sys.argv[3].encode(), int(sys.argv[4])
    bids, asks = (
        SortedDict({float(price): float(lots) for price, lots in snapshot[side]})
        for side in ("bids", "asks")
    )
    book, order, text = [], [], ""
    for number, message in enumerate(messages):
        start = time.perf_counter_ns()
        data = orjson.loads(message)["data"]
        for side, changes in ((bids, data["b"]), (asks, data["a"])):
            for price_text, lots_text in changes:
                lots = float(lots_text)
                if lots:
                    side[float(price_text)] = lots
                else:
                    side.pop(float(price_text), None)
        bid = bids.peekitem(-1)[0]
        ready = time.perf_counter_ns()
        text = (
            f"symbol=ETHUSDT&side=BUY&quantity=0.100&price={bid - 0.05:.2f}&type=LIMIT&"
            f"timeInForce=GTX&newClientOrderId=t2o-{number + 1:07}&newOrderRespType=ACK&"
            f"selfTradePreventionMode=EXPIRE_MAKER&recvWindow=5000&timestamp={clock_ms + number}"
        )
        text += "&signature=" + hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
        done = time.perf_counter_ns()
        book.append(ready - start)
        order.append(done - start)
    print(json.dumps({"book": spread(book), "order": spread(order), "last": text}))


if __name__ == "__main__":
    main()
