"""nautilus_trader's own way from Binance's raw JSON to its order book; prints one JSON line.

Its adapter decodes every message twice (the stream's name first, then the whole), makes deltas of
it, and applies them to the book in Rust; the same is done here, without its message bus.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceDataMsgWrapper,
    BinanceOrderBookData,
    BinanceOrderBookDelta,
    BinanceOrderBookMsg,
)
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType
from nautilus_trader.model.identifiers import InstrumentId

INSTRUMENT = InstrumentId.from_str("ETHUSDT-PERP.BINANCE")


def primed(snapshot: dict[str, Any]) -> OrderBook:
    """A book with the snapshot in it."""
    book = OrderBook(INSTRUMENT, BookType.L2_MBP)
    levels = {
        side: [BinanceOrderBookDelta(price, size) for price, size in snapshot[name]]
        for side, name in (("b", "bids"), ("a", "asks"))
    }
    data = BinanceOrderBookData(
        e="depthUpdate", E=1, T=1, s="ETHUSDT", U=0, u=snapshot["lastUpdateId"], **levels
    )
    book.apply_deltas(data.parse_to_order_book_deltas(INSTRUMENT, ts_init=0, snapshot=True))
    return book


def once(messages: list[bytes], snapshot: dict[str, Any]) -> tuple[float, float, float]:
    """Apply every message and read the best prices after each; CPU seconds and the last touch."""
    book = primed(snapshot)
    wrapper = msgspec.json.Decoder(BinanceDataMsgWrapper)
    depth = msgspec.json.Decoder(BinanceOrderBookMsg)
    bid = ask = None
    start = time.process_time()
    for message in messages:
        if "@depth" not in wrapper.decode(message).stream:
            continue
        data = depth.decode(message).data
        book.apply_deltas(data.parse_to_order_book_deltas(INSTRUMENT, ts_init=1))
        bid, ask = book.best_bid_price(), book.best_ask_price()
    return time.process_time() - start, float(bid or 0), float(ask or 0)


def main() -> None:
    """Usage: book_nautilus.py STREAM SNAPSHOT REPEATS."""
    messages = Path(sys.argv[1]).read_bytes().splitlines()
    snapshot = json.loads(Path(sys.argv[2]).read_bytes())
    runs = [once(messages, snapshot) for _ in range(int(sys.argv[3]))]
    spent, bid, ask = min(runs)
    print(json.dumps({"ns": spent * 1e9 / len(messages), "touch": [bid, ask]}))


if __name__ == "__main__":
    main()
