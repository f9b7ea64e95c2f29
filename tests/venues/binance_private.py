"""Accounts, products and messages of Binance's private side; the messages are the tests' own."""

from __future__ import annotations

import itertools
import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from accounts import HMAC

from alp.venues.credentials import Credentials
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Action, Answer, Call, Command, Fact, OrderAdapter, Outcome, Signer
from alp.venues.registry import orders_for
from alp.venues.signing import Nonces

NOW_MS = 1_767_225_600_123
NOW_NS = NOW_MS * 1_000_000
EXCHANGES = ("binance-usdm", "binance-spot")
USDM, SPOT = (orders_for(exchange) for exchange in EXCHANGES)


def product(exchange: str, symbol: str = "ETHUSDC") -> Instrument:
    lots = Grid(3, 1) if exchange == "binance-usdm" else Grid(4, 1)
    price = Grid(2, 10) if exchange == "binance-usdm" else Grid(2, 1)
    return Instrument(
        exchange, symbol, symbol, "ETH", "USDC", price, lots, lots, Decimal(lots.increment)
    )


PRODUCTS = {exchange: {"ETHUSDC": product(exchange)} for exchange in EXCHANGES}


def signer(credentials: Credentials = HMAC) -> Signer:
    numbers = itertools.count(1)
    return Signer(
        credentials, lambda: NOW_NS, Nonces(lambda: NOW_NS), lambda: f"{next(numbers):032x}"
    )


def command(exchange: str, action: Action = Action.NEW, **changes: Any) -> Command:
    given: dict[str, Any] = {
        "client_id": "alp-7-000001",
        "side": 1,
        "price": 24_813,
        "quantity": 250,
        "number": 0 if action is Action.NEW else 3,
    }
    return Command(action, PRODUCTS[exchange]["ETHUSDC"], **(given | changes))


def call_of(adapter: OrderAdapter, *commands: Command, socket: bool = False) -> Call:
    return adapter.commands(commands, signer(), socket=socket)


def read(
    adapter: OrderAdapter,
    call: Call,
    value: object,
    status: int = 200,
    headers: dict[str, str] | None = None,
) -> Outcome:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    answer = Answer(body, status, headers or {}, NOW_NS)
    return adapter.read(call, answer, PRODUCTS[adapter.exchange])


def order(exchange: str, **changes: Any) -> dict[str, Any]:
    """An order as an answer shows it."""
    usdm = exchange == "binance-usdm"
    row = {
        "orderId": 8_389_765_123,
        "symbol": "ETHUSDC",
        "status": "NEW",
        "clientOrderId": "alp-7-000001",
        "price": "2481.30" if usdm else "248.13000000",
        "origQty": "0.250" if usdm else "0.02500000",
        "executedQty": "0.000" if usdm else "0.00000000",
        "timeInForce": "GTX" if usdm else "GTC",
        "type": "LIMIT" if usdm else "LIMIT_MAKER",
        "side": "BUY",
        "updateTime" if usdm else "transactTime": NOW_MS,
    }
    return row | changes


def kinds(facts: Sequence[Fact]) -> list[str]:
    return [fact.kind.name for fact in facts]


def usdm_event(kind: str, status: str, **changes: Any) -> dict[str, Any]:
    """An ORDER_TRADE_UPDATE."""
    row = {
        "s": "ETHUSDC",
        "c": "alp-7-000001",
        "S": "BUY",
        "o": "LIMIT",
        "f": "GTX",
        "q": "0.250",
        "p": "2481.30",
        "ap": "0",
        "sp": "0",
        "x": kind,
        "X": status,
        "i": 8_389_765_123,
        "l": "0",
        "z": "0",
        "L": "0",
        "T": NOW_MS,
        "t": 0,
        "m": False,
        "R": False,
        "ps": "BOTH",
    }
    return {"e": "ORDER_TRADE_UPDATE", "E": NOW_MS + 4, "T": NOW_MS, "o": row | changes}


def spot_event(kind: str, status: str, **changes: Any) -> dict[str, Any]:
    """An executionReport."""
    row = {
        "e": "executionReport",
        "E": NOW_MS + 4,
        "s": "ETHUSDC",
        "c": "alp-7-000001",
        "S": "BUY",
        "o": "LIMIT_MAKER",
        "f": "GTC",
        "q": "0.02500000",
        "p": "248.13000000",
        "C": "",
        "x": kind,
        "X": status,
        "r": "NONE",
        "i": 8_389_765_123,
        "l": "0.00000000",
        "z": "0.00000000",
        "L": "0.00000000",
        "n": "0",
        "N": None,
        "T": NOW_MS,
        "t": -1,
        "w": True,
        "m": False,
        "O": NOW_MS,
    }
    return row | changes
