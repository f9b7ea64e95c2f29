"""nautilus_trader's live components from a depth message to a signed order; prints one JSON line.

Data client, data engine with its queue, strategy, risk engine, execution engine, execution client:
as a live node has them, on one loop. Instead of the HTTP request the clock is read.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
import urllib.parse
from pathlib import Path
from typing import Any

import uvloop
from nautilus_trader.adapters.binance.common.enums import BinanceAccountType
from nautilus_trader.adapters.binance.common.schemas.market import (
    BinanceOrderBookData,
    BinanceOrderBookDelta,
)
from nautilus_trader.adapters.binance.config import (
    BinanceDataClientConfig,
    BinanceExecClientConfig,
)
from nautilus_trader.adapters.binance.futures.data import BinanceFuturesDataClient
from nautilus_trader.adapters.binance.futures.execution import BinanceFuturesExecutionClient
from nautilus_trader.adapters.binance.futures.providers import BinanceFuturesInstrumentProvider
from nautilus_trader.adapters.binance.http.client import BinanceHttpClient
from nautilus_trader.common.component import LiveClock, MessageBus
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LiveDataEngineConfig,
    LiveExecEngineConfig,
    LiveRiskEngineConfig,
)
from nautilus_trader.live.data_engine import LiveDataEngine
from nautilus_trader.live.execution_engine import LiveExecutionEngine
from nautilus_trader.live.risk_engine import LiveRiskEngine
from nautilus_trader.model.book import OrderBook
from nautilus_trader.model.enums import BookType, OrderSide, TimeInForce
from nautilus_trader.portfolio.portfolio import Portfolio
from nautilus_trader.test_kit.providers import TestInstrumentProvider
from nautilus_trader.test_kit.stubs.component import TestComponentStubs
from nautilus_trader.test_kit.stubs.identifiers import TestIdStubs
from nautilus_trader.trading.strategy import Strategy

PRODUCT = TestInstrumentProvider.ethusdt_perp_binance()


def spread(spent: list[int]) -> dict[str, int]:
    """The middle, the slow end and the least, without the first fifth."""
    kept = sorted(spent[len(spent) // 5 :])
    return {"p50": kept[len(kept) // 2], "p99": kept[len(kept) * 99 // 100], "least": kept[0]}


class Quoting(Strategy):
    """Buys behind the best bid at each change."""

    def begin(self, snapshot: dict[str, Any]) -> None:
        """Take the snapshot over."""
        sides = {
            short: [BinanceOrderBookDelta(*level) for level in snapshot[side]]
            for short, side in (("b", "bids"), ("a", "asks"))
        }
        data = BinanceOrderBookData(
            e="depthUpdate", E=1, T=1, s="ETHUSDT", U=0, u=snapshot["lastUpdateId"], **sides
        )
        self.ladder = OrderBook(PRODUCT.id, BookType.L2_MBP)
        self.ladder.apply_deltas(data.parse_to_order_book_deltas(PRODUCT.id, 0, snapshot=True))
        self.quantity = PRODUCT.make_qty(0.1)
        self.ready_ns = 0

    def on_order_book_deltas(self, deltas: Any) -> None:
        """Apply them, and order."""
        self.ladder.apply_deltas(deltas)
        bid = self.ladder.best_bid_price()
        self.ready_ns = time.perf_counter_ns()
        price = PRODUCT.make_price(float(bid) - 0.05)
        self.submit_order(
            self.order_factory.limit(
                *(PRODUCT.id, OrderSide.BUY, self.quantity, price),
                time_in_force=TimeInForce.GTC,
                post_only=True,
            )
        )


class Sent:
    """Stands where the HTTP request would leave."""

    def __init__(self) -> None:
        self.event = asyncio.Event()
        self.at_ns = 0
        self.text = ""

    async def request(self, _: object, path: str, payload: Any = None, **__: object) -> None:
        """Note the time when method, path and signed query are there; never answer."""
        self.text = path + "?" + urllib.parse.urlencode(payload)
        self.at_ns = time.perf_counter_ns()
        self.event.set()
        await asyncio.sleep(3600)


async def main() -> None:
    """Usage: tick_to_order_nautilus.py MESSAGES SNAPSHOT KEY MILLISECONDS."""
    messages = Path(sys.argv[1]).read_bytes().splitlines()
    loop, clock, trader = asyncio.get_running_loop(), LiveClock(), TestIdStubs.trader_id()
    bus = MessageBus(trader_id=trader, clock=clock)
    cache = TestComponentStubs.cache()
    cache.add_instrument(PRODUCT)
    http = BinanceHttpClient(
        clock=clock, api_key="alp-bench", api_secret=sys.argv[3], base_url="https://127.0.0.1/"
    )
    sent = Sent()
    http.send_request = sent.request
    provider = BinanceFuturesInstrumentProvider(
        client=http, clock=clock, config=InstrumentProviderConfig()
    )
    provider.add(PRODUCT)
    portfolio = Portfolio(msgbus=bus, cache=cache, clock=clock)
    data_engine = LiveDataEngine(loop, bus, cache, clock, LiveDataEngineConfig())
    orders_engine = LiveExecutionEngine(
        loop, bus, cache, clock, LiveExecEngineConfig(reconciliation=False)
    )
    rates = LiveRiskEngineConfig(max_order_submit_rate="1000000/00:00:01")
    risk_engine = LiveRiskEngine(loop, portfolio, bus, cache, clock, rates)
    common = {
        "loop": loop,
        "client": http,
        "msgbus": bus,
        "cache": cache,
        "clock": clock,
        "instrument_provider": provider,
        "base_url_ws": "",
        "account_type": BinanceAccountType.USDT_FUTURES,
    }
    orders = BinanceFuturesExecutionClient(config=BinanceExecClientConfig(), **common)
    data = BinanceFuturesDataClient(config=BinanceDataClientConfig(), **common)
    data_engine.register_client(data)
    orders_engine.register_client(orders)
    strategy = Quoting()
    strategy.register(trader_id=trader, portfolio=portfolio, msgbus=bus, cache=cache, clock=clock)
    strategy.begin(json.loads(Path(sys.argv[2]).read_bytes()))
    bus.subscribe("data.book.deltas*", strategy.handle_order_book_deltas)
    for engine in (data_engine, risk_engine, orders_engine):
        engine.start()
    strategy.start()
    book, order = [], []
    for message in messages:
        sent.event.clear()
        for _ in range(5):  # whatever the order before left to do
            await asyncio.sleep(0)
        start = time.perf_counter_ns()
        data._handle_ws_message(message)
        await asyncio.wait_for(sent.event.wait(), 10)
        book.append(strategy.ready_ns - start)
        order.append(sent.at_ns - start)
    found = {"book": spread(book), "order": spread(order), "last": sent.text}
    print(json.dumps(found), flush=True)
    os._exit(0)  # its tasks wait for answers that never come


if __name__ == "__main__":
    uvloop.run(main())
