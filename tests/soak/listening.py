"""The reader of a soak as a process: takes everything from the bus and keeps account of it.

It prints one line when it listens, and, when its input ends, what it saw.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from typing import Any

import zmq

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    InstrumentFields,
    TradeFields,
    decode,
)
from alp.bus.sockets import Subscriber

JOINING_S = 1.0
"""What was sent before the bus told of its last messages is still read, and known already."""
NAMES = {
    BboMessage: "quotes",
    DepthMessage: "depths",
    TradeFields: "trades",
    BookStatusMessage: "statuses",
}


class Account:
    """What was received, topic by topic, apart from the bus's own account."""

    def __init__(self) -> None:
        self.kinds: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.last: dict[tuple[type[Any], int], Any] = {}
        self._sequences: dict[tuple[type[Any], int, int], int] = {}
        self._was_live: set[int] = set()

    def take(self, message: Any, *, told_again: bool = False) -> None:
        """Look at a message; `told_again` are the last ones from before this reader came."""
        header = message.header
        kind = type(message)
        topic = (kind, header.source, header.instrument)
        before = self._sequences.get(topic)
        if before is not None and header.sequence != before + 1:
            what = "repeated" if header.sequence <= before else "missing"
            self.faults[f"{what} messages on the bus"] += abs(header.sequence - before - 1)
        self._sequences[topic] = header.sequence
        self.last[kind, header.instrument] = message
        if not told_again:
            self.kinds[NAMES.get(kind, "others")] += 1
        if kind is BboMessage and message.bid >= message.ask:
            self.faults["crossed quotes"] += 1
        elif kind is BookStatusMessage:
            if message.live:
                self._was_live.add(header.instrument)
            elif header.instrument in self._was_live:
                self.faults["books that did not stay live"] += 1

    def books(self) -> dict[str, Any]:
        """Return the last word on each instrument, in whole steps."""
        found = {}
        for (kind, index), told in self.last.items():
            if kind is not InstrumentFields:
                continue
            quote = self.last.get((BboMessage, index))
            depth = self.last.get((DepthMessage, index))
            status = self.last.get((BookStatusMessage, index))
            found[f"{told.exchange} {told.symbol}"] = {
                "price": [told.price_decimals, told.price_step],
                "quantity": [told.quantity_decimals, told.quantity_step],
                "quote": quote and quote[1:],
                "bids": depth and depth.bids,
                "asks": depth and depth.asks,
                "live": status is not None and status.live,
            }
        return found


def listen(endpoints: tuple[str, str], ended: threading.Event) -> dict[str, Any]:
    """Read until told to end and nothing more comes."""
    account = Account()
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    with Subscriber(context, [endpoints]) as subscriber:
        for each in subscriber.recall(10_000):
            account.take(decode(each), told_again=True)
        print("listening", flush=True)
        begun = time.monotonic()
        inlet = subscriber.inlet
        known = 0
        while subscriber.socket.poll(100) or not ended.is_set():
            for each in iter(subscriber.take, None):
                account.take(decode(each))
            if time.monotonic() - begun < JOINING_S:
                known = inlet.repeated
        seconds = time.monotonic() - begun
        for name in ("lost", "gaps", "restarts", "repeated", "refused"):
            if count := getattr(inlet, name) - (known if name == "repeated" else 0):
                account.faults[f"the bus's own account: {name}"] = count
    context.term()
    return {
        "seconds": seconds,
        "messages": dict(account.kinds),
        "faults": dict(account.faults),
        "books": account.books(),
    }


def main(endpoint: str, recall_endpoint: str) -> None:
    ended = threading.Event()

    def wait() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait, daemon=True).start()
    print(json.dumps(listen((endpoint, recall_endpoint), ended)), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
