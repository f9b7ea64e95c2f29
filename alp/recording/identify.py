"""Whose messages a capture holds, which products, and the decimals they are quoted in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import orjson

from alp._core.feed import VENUES as FEED_VENUES
from alp.errors import DataError
from alp.recording.captures import REST, Message

VENUES = tuple(FEED_VENUES)
# Kraken sums the digits as written, so its trailing zeros count.
_ZEROS_COUNT = frozenset({"kraken"})
ENOUGH = 5_000
"""Messages looked at."""


@dataclass
class Product:
    """Most decimals seen of a product's prices and quantities, and the steps of the last one."""

    price: int = 0
    quantity: int = 0
    price_step: int = 1
    quantity_step: int = 1


@dataclass
class Identity:
    """What a capture is about.

    Attributes
    ----------
    venue
        One of :data:`VENUES`.
    products
        By the venue's own name for them.
    depth
        Levels of the book subscribed to, where an answer to the subscription says so.
    inline
        Binance's snapshots stand among a connection's own messages: each connection has its books.
    """

    venue: str
    products: dict[str, Product] = field(default_factory=dict)
    depth: int = 0
    inline: bool = False

    def rows(self) -> list[tuple[str, int, int, int, int]]:
        """Return the products as :class:`alp._core.feed.Feed` takes them."""
        return [
            (name, each.price, each.price_step, each.quantity, each.quantity_step)
            for name, each in self.products.items()
        ]

    def widen(self, message: bytes, hint: str | None = None) -> bool:
        """Learn more decimals from a message; whether there were any."""
        before = {name: (each.price, each.quantity) for name, each in self.products.items()}
        _learn(self, _parsed(message), hint)
        return any(
            (each.price, each.quantity) != before.get(name) for name, each in self.products.items()
        )


def identify(messages: Iterable[Message], venue: str | None = None) -> Identity:
    """Look at the first messages of a capture.

    Raises
    ------
    DataError
        If they are of no venue known.
    """
    identity: Identity | None = None if venue is None else Identity(venue)
    waiting: list[tuple[Any, str | None]] = []
    inline = False
    for count, message in enumerate(messages):
        if count == ENOUGH:
            break
        inline = inline or _is_inline(message)
        row = _parsed(message.text)
        if not isinstance(row, dict):
            continue
        waiting.append((row, message.symbol))
        if identity is None:
            found = _venue(row)
            if found is not None:
                identity = Identity(found)
        if identity is not None:
            for each, hint in waiting:
                _learn(identity, each, hint)
            waiting.clear()
    if identity is None:
        raise DataError(
            "the messages are of no venue that alp knows",
            hint=f"say whose they are: --venue {'|'.join(VENUES)}",
        )
    identity.inline = inline
    return identity


def _is_inline(message: Message) -> bool:
    """Whether an answer by REST came on a connection of its own name."""
    named = message.connection not in ("", REST)
    return message.inline or (named and b'"lastUpdateId"' in message.text)


def before_first(venue: str, text: bytes) -> Iterable[tuple[str, int]]:
    """Yield (product, id) of each difference in a message: the id just before it began."""
    row = _parsed(text)
    if not isinstance(row, dict):
        return
    data = row.get("data", row)
    if venue.startswith("binance"):
        if isinstance(data, dict) and data.get("e") == "depthUpdate":
            yield data["s"], int(data["U"]) - (venue == "binance-spot")
    elif venue == "coinbase" and row.get("channel") == "l2_data":
        yield from ((event["product_id"], 0) for event in row["events"])
    elif venue == "coinbase-exchange" and row.get("type") == "l2update":
        yield row["product_id"], 0
    elif venue == "kraken-futures" and row.get("feed") == "book" and "seq" in row:
        yield row["product_id"], int(row["seq"]) - 1


def _parsed(text: bytes) -> Any:
    try:
        orjson.loads(text)  # bounds how deeply it is nested
        return json.loads(text, parse_float=str, parse_int=str)
    except (ValueError, RecursionError):
        return None


def _venue(row: Mapping[str, Any]) -> str | None:
    data = row.get("data", row)
    if isinstance(data, dict) and data.get("e") == "depthUpdate":
        if "pu" not in data:
            return "binance-spot"
        return "binance-coinm" if "_" in data.get("s", "") else "binance-usdm"
    if row.get("channel") == "l2_data":
        return "coinbase"
    if row.get("channel") == "book" and isinstance(row.get("data"), list):
        return "kraken"
    if row.get("feed") in {"book", "book_snapshot"}:
        return "kraken-futures"
    if row.get("type") in {"snapshot", "l2update"} and "product_id" in row:
        return "coinbase-exchange"
    return None


def _learn(identity: Identity, row: Any, hint: str | None) -> None:
    if not isinstance(row, dict):
        return
    count_zeros = identity.venue in _ZEROS_COUNT
    # A damaged message teaches nothing from where it is damaged.
    with suppress(AttributeError, KeyError, TypeError, ValueError):
        for name, levels in _READERS[identity.venue](row, hint, identity):
            product = identity.products.setdefault(name, Product())
            for price, quantity in levels:
                product.price = max(product.price, _decimals(price, count_zeros))
                product.quantity = max(product.quantity, _decimals(quantity, count_zeros))


def _decimals(text: str, count_zeros: bool) -> int:
    mantissa, _, exponent = text.lower().partition("e")
    _, _, fraction = mantissa.partition(".")
    if not count_zeros:
        fraction = fraction.rstrip("0")
    return max(0, len(fraction) - int(exponent or 0))


Found = Iterable[tuple[str, Iterable[tuple[str, str]]]]


def _binance(row: dict[str, Any], hint: str | None, identity: Identity) -> Found:
    data = row.get("data", row)
    if not isinstance(data, dict):
        return
    if data.get("e") == "depthUpdate":
        yield data["s"], (tuple(level[:2]) for level in (*data["b"], *data["a"]))
    elif "lastUpdateId" in data and "bids" in data:
        name = hint or row.get("stream", "").partition("@")[0].upper()
        name = name or (next(iter(identity.products)) if len(identity.products) == 1 else "")
        if name:
            yield name, (tuple(level[:2]) for level in (*data["bids"], *data["asks"]))
    elif data.get("e") in {"trade", "aggTrade"}:
        yield data["s"], [(data["p"], data["q"])]
    elif {"s", "b", "B", "a", "A"} <= data.keys() and isinstance(data["b"], str):
        yield data["s"], [(data["b"], data["B"]), (data["a"], data["A"])]


def _coinbase(row: dict[str, Any], _hint: str | None, _identity: Identity) -> Found:
    if row.get("channel") == "l2_data":
        for event in row["events"]:
            yield (
                event["product_id"],
                ((each["price_level"], each["new_quantity"]) for each in event["updates"]),
            )
    elif row.get("channel") == "market_trades":
        for event in row["events"]:
            for trade in event["trades"]:
                yield trade["product_id"], [(trade["price"], trade["size"])]


def _coinbase_exchange(row: dict[str, Any], _hint: str | None, _identity: Identity) -> Found:
    kind = row.get("type")
    if kind == "snapshot":
        yield row["product_id"], (tuple(level[:2]) for level in (*row["bids"], *row["asks"]))
    elif kind == "l2update":
        yield row["product_id"], ((price, size) for _, price, size in row["changes"])
    elif kind in {"match", "last_match"}:
        yield row["product_id"], [(row["price"], row["size"])]


def _kraken(row: dict[str, Any], _hint: str | None, identity: Identity) -> Found:
    if row.get("method") == "subscribe" and "depth" in (row.get("result") or {}):
        identity.depth = int(row["result"]["depth"])
    if row.get("channel") != "book":
        return
    for each in row["data"]:
        levels = [(level["price"], level["qty"]) for level in (*each["bids"], *each["asks"])]
        if row.get("type") == "snapshot" and not identity.depth:
            identity.depth = max(len(each["bids"]), len(each["asks"]))
        yield each["symbol"], levels


def _kraken_futures(row: dict[str, Any], _hint: str | None, _identity: Identity) -> Found:
    feed = row.get("feed")
    if feed == "book_snapshot":
        levels = (*row["bids"], *row["asks"])
        yield row["product_id"], ((str(each["price"]), str(each["qty"])) for each in levels)
    elif feed in {"book", "trade"} and "price" in row:
        yield row["product_id"], [(str(row["price"]), str(row["qty"]))]


_READERS = {
    "binance-usdm": _binance,
    "binance-coinm": _binance,
    "binance-spot": _binance,
    "coinbase": _coinbase,
    "coinbase-exchange": _coinbase_exchange,
    "kraken": _kraken,
    "kraken-futures": _kraken_futures,
}
