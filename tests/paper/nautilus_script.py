"""A live node of nautilus_trader trades at REST STREAM usdm|spot. Run by its own interpreter.

It reconciles, places an order that rests, amends it on futures, takes with another, cancels the
first, and says the events of its orders, one a line.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from nautilus_trader.adapters.binance import (
    BINANCE,
    BinanceAccountType,
    BinanceDataClientConfig,
    BinanceExecClientConfig,
    BinanceLiveDataClientFactory,
    BinanceLiveExecClientFactory,
)
from nautilus_trader.config import (
    InstrumentProviderConfig,
    LoggingConfig,
    StrategyConfig,
    TradingNodeConfig,
)
from nautilus_trader.live.node import TradingNode
from nautilus_trader.model.enums import OrderSide, TimeInForce
from nautilus_trader.model.identifiers import InstrumentId, TraderId
from nautilus_trader.trading.strategy import Strategy

REST, STREAM, PRODUCT = sys.argv[1:]
FUTURES = PRODUCT == "usdm"
NAME = InstrumentId.from_str("ETHUSDC-PERP.BINANCE" if FUTURES else "ETHUSDC.BINANCE")


def say(*words: object) -> None:
    print(*words, flush=True)


class Trade(Strategy):  # type: ignore[misc]
    def on_start(self) -> None:
        self.product = self.cache.instrument(NAME)
        self.taker: Any = None
        self.maker = self.limit(0.5, 1990, post_only=True)

    def limit(self, quantity: float, price: float, **more: Any) -> Any:
        size, limit = self.product.make_qty(quantity), self.product.make_price(price)
        order = self.order_factory.limit(NAME, OrderSide.BUY, size, limit, **more)
        self.submit_order(order)
        return order

    def on_order_accepted(self, event: Any) -> None:
        maker = event.client_order_id == self.maker.client_order_id
        say("accepted", "maker" if maker else "taker")
        if maker and FUTURES:
            size, limit = self.product.make_qty(0.6), self.product.make_price(1991)
            self.modify_order(self.maker, quantity=size, price=limit)
        elif maker:
            self.take()

    def take(self) -> None:
        self.taker = self.limit(0.05, 2001, time_in_force=TimeInForce.IOC)

    def on_order_updated(self, event: Any) -> None:
        if self.taker is None:
            say("updated", event.price)
            self.take()

    def on_order_filled(self, event: Any) -> None:
        say("filled", float(event.last_px), float(event.last_qty))
        self.cancel_order(self.maker)

    def on_order_canceled(self, event: Any) -> None:
        say("canceled")
        os._exit(0)

    def on_stop(self) -> None:
        say("stopped")


def main() -> None:
    clients: dict[str, Any] = {
        "api_key": "probe-key",
        "api_secret": "probe-secret",
        "account_type": BinanceAccountType.USDT_FUTURES if FUTURES else BinanceAccountType.SPOT,
        "base_url_http": REST,
        "base_url_ws": STREAM,
        "instrument_provider": InstrumentProviderConfig(load_all=True),
    }
    config = TradingNodeConfig(
        trader_id=TraderId("ALP-001"),
        logging=LoggingConfig(log_level="ERROR"),
        data_clients={BINANCE: BinanceDataClientConfig(**clients)},
        exec_clients={BINANCE: BinanceExecClientConfig(**clients)},
    )
    node = TradingNode(config=config)
    node.add_data_client_factory(BINANCE, BinanceLiveDataClientFactory)
    node.add_exec_client_factory(BINANCE, BinanceLiveExecClientFactory)
    node.build()
    node.trader.add_strategy(Trade(StrategyConfig(strategy_id="S-1")))
    node.run()


main()
