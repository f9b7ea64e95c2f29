"""Markets of the sessions among the fixtures beside the project, message by message as recorded.

When a session is over, changes made up from a seed go on from its last book.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

from alp.paper.book import ASK, BID, Change, PlainBook
from alp.paper.market import Event, Market


def _rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _read(raw: str) -> Any:
    """Parse with every number as a decimal that keeps its zeros."""
    return json.loads(raw, parse_float=Decimal)


def _decimals(values: list[str]) -> int:
    exponents = [Decimal(value).as_tuple().exponent for value in values]
    return max(0, *(-exponent for exponent in exponents if isinstance(exponent, int)))


class _Scale:
    """Turns texts into whole numbers with as many decimals as the recording has."""

    def __init__(self, prices: list[str], quantities: list[str]) -> None:
        self.price_decimals = _decimals(prices)
        self.quantity_decimals = _decimals(quantities)

    def change(self, bid: bool, price: str, quantity: str) -> Change:
        return (
            bid,
            int(Decimal(price).scaleb(self.price_decimals)),
            int(Decimal(quantity).scaleb(self.quantity_decimals)),
        )

    def book(self, changes: list[Change]) -> PlainBook:
        found = PlainBook(self.price_decimals, self.quantity_decimals)
        found.apply(changes)
        return found


Level = tuple[bool, str, str]


def _market(
    symbol: str,
    snapshot: list[Level],
    updates: list[tuple[list[Level], bytes | None, tuple[int, int, int | None] | None]],
    **more: int,
) -> Market:
    every = [level for levels, _, _ in updates for level in levels] + snapshot
    scale = _Scale([level[1] for level in every], [level[2] for level in every])
    events = [
        Event([scale.change(*level) for level in levels], raw, ids) for levels, raw, ids in updates
    ]
    book = scale.book([scale.change(*level) for level in snapshot])
    return Market(symbol, book, recorded=iter(events), **more)


def _pairs(row: Any, bids: str, asks: str) -> list[Level]:
    return [
        (bid, price, quantity)
        for bid, name in ((BID, bids), (ASK, asks))
        for price, quantity in row[name]
    ]


def binance(path: Path, symbol: str) -> Market:
    """Return a recorded product of Binance's futures or spot; it begins with the REST answer."""
    first = None
    last_id = 0
    updates = []
    for row in _rows(path):
        if row["symbol"] != symbol:
            continue
        raw = _read(row["raw"])
        if row["channel"] == "rest.depth":
            first, last_id = _pairs(raw, "bids", "asks"), raw["lastUpdateId"]
        elif row["channel"] == "depth@100ms":
            data = raw["data"]
            if data["u"] > last_id:
                ids = (data["U"], data["u"], data.get("pu"))
                payload = row["raw"].partition('"data":')[2][:-1].encode()
                updates.append((_pairs(data, "b", "a"), payload, ids))
    assert first is not None
    return _market(symbol, first, updates, last_id=last_id)


def coinbase(path: Path, symbol: str) -> Market:
    """Return a product of the older feed; its levels are sent in the newer feed's messages."""
    first: list[Level] = []
    updates = []
    for row in _rows(path):
        raw = _read(row["raw"])
        if row["symbol"] != symbol:
            continue
        if raw["type"] == "snapshot":
            first = _pairs(raw, "bids", "asks")
        elif raw["type"] == "l2update":
            levels = [(side == "buy", price, size) for side, price, size in raw["changes"]]
            updates.append((levels, None, None))
    return _market(symbol, first, updates)


def _kraken_levels(row: Any) -> list[Level]:
    return [
        (bid, str(level["price"]), str(level["qty"]))
        for bid, name in ((BID, "bids"), (ASK, "asks"))
        for level in row[name]
    ]


def kraken_spot(path: Path) -> Market:
    """Return the product of a recorded session of Kraken spot, with the depth of its book."""
    first: list[Level] | None = None
    symbol, depth = "", 0
    updates = []
    for row in _rows(path):
        raw = _read(row["raw"])
        if raw.get("method") == "subscribe":
            depth = raw["result"]["depth"]
        if raw.get("channel") != "book":
            continue
        (data,) = raw["data"]
        if first is None:
            symbol, first = data["symbol"], _kraken_levels(data)
        else:
            updates.append((_kraken_levels(data), row["raw"].encode(), None))
    assert first is not None
    return _market(symbol, first, updates, depth=depth)


def kraken_futures(path: Path, symbol: str) -> Market:
    """Return a recorded contract of Kraken Futures."""
    first: list[Level] = []
    last_id = 0
    updates = []
    for row in _rows(path):
        if row["symbol"] != symbol:
            continue
        raw = _read(row["raw"])
        if row["channel"] == "ws.book_snapshot":
            first, last_id = _kraken_levels(raw), raw["seq"]
        elif row["channel"] == "ws.book":
            level = (raw["side"] == "buy", str(raw["price"]), str(raw["qty"]))
            ids = (raw["seq"], raw["seq"], raw["seq"] - 1)
            updates.append(([level], row["raw"].encode(), ids))
    return _market(symbol, first, updates, last_id=last_id)
