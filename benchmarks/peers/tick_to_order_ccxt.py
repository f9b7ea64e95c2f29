"""ccxt.pro's own way from a depth message to a signed order; prints one JSON line.

Its message handler, then what ``create_order`` does before it sends: the request and its signature.
No network, no queue between the two.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

import ccxt.pro
import orjson

SYMBOL = "ETH/USDT:USDT"


def spread(spent: list[int]) -> dict[str, int]:
    """The middle, the slow end and the least, without the first fifth."""
    kept = sorted(spent[len(spent) // 5 :])
    return {"p50": kept[len(kept) // 2], "p99": kept[len(kept) * 99 // 100], "least": kept[0]}


class Client:
    """A connection that is not there."""

    url = "wss://fstream.binance.com/public/stream"

    def __init__(self) -> None:
        self.subscriptions: dict[str, Any] = {}
        self.futures: dict[str, Any] = {}

    def resolve(self, result: object, *_: object) -> object:
        """Take what a waiting caller would get."""
        return result

    def reject(self, error: Exception, *_: object) -> None:
        """Fail where a waiting caller would."""
        raise error


def market(exchange: Any) -> dict[str, Any]:
    """The one product, as its exchange information says."""
    return exchange.safe_market_structure(
        {
            "id": "ETHUSDT",
            "symbol": SYMBOL,
            "base": "ETH",
            "quote": "USDT",
            "settle": "USDT",
            "baseId": "ETH",
            "quoteId": "USDT",
            "settleId": "USDT",
            "type": "swap",
            "swap": True,
            "spot": False,
            "contract": True,
            "linear": True,
            "inverse": False,
            "contractSize": 1.0,
            "active": True,
            "precision": {"price": 0.01, "amount": 0.001},
            "limits": {"amount": {"min": 0.001}, "price": {}, "cost": {}},
            "info": {"orderTypes": ["LIMIT", "MARKET"], "orderType": ["LIMIT", "MARKET"]},
        }
    )


async def main() -> None:
    """Usage: tick_to_order_ccxt.py MESSAGES SNAPSHOT KEY MILLISECONDS."""
    messages = Path(sys.argv[1]).read_bytes().splitlines()
    snapshot = json.loads(Path(sys.argv[2]).read_bytes())
    exchange = ccxt.pro.binanceusdm({"apiKey": "alp-bench", "secret": sys.argv[3]})
    found = market(exchange)
    exchange.markets, exchange.symbols = {SYMBOL: found}, [SYMBOL]
    exchange.markets_by_id = {"ETHUSDT": [found]}
    sides = {
        side: [[float(price), float(lots)] for price, lots in snapshot[side]]
        for side in ("bids", "asks")
    }
    kept = exchange.order_book({"symbol": SYMBOL, **sides}, 1000)
    kept["nonce"] = snapshot["lastUpdateId"]
    exchange.orderbooks[SYMBOL] = kept
    client, book, order, signed = Client(), [], [], {}
    for message in messages:
        start = time.perf_counter_ns()
        exchange.handle_message(client, orjson.loads(message))
        bid = kept["bids"][0][0]
        ready = time.perf_counter_ns()
        request = exchange.create_order_request(
            SYMBOL, "limit", "buy", 0.1, bid - 0.05, {"postOnly": True}
        )
        signed = exchange.sign("order", ["fapiPrivate"], "POST", request)
        done = time.perf_counter_ns()
        book.append(ready - start)
        order.append(done - start)
    await exchange.close()
    print(json.dumps({"book": spread(book), "order": spread(order), "last": signed["body"]}))


if __name__ == "__main__":
    asyncio.run(main())
