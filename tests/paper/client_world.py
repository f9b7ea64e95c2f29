"""Other people's clients, at an exchange that stands still but for what tests let happen."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from test_third_parties import redirected

from alp.paper.book import PlainBook
from alp.paper.exchange import Exchange
from alp.paper.market import Event, Market

BID, ASK = True, False


def market(symbol: str, price_decimals: int = 2, quantity_decimals: int = 8) -> Market:
    """1999 / 2001, with 5 on each of two levels a side."""
    tick, lot = 10**price_decimals, 10**quantity_decimals
    book = PlainBook(price_decimals, quantity_decimals)
    book.replace(BID, [(1999 * tick, 5 * lot), (1998 * tick, 5 * lot)])
    book.replace(ASK, [(2001 * tick, 5 * lot), (2002 * tick, 5 * lot)])
    return Market(symbol, book)


def trade(exchange: Exchange, symbol: str, price: int, quantity: int, *, bought: bool) -> None:
    """Let somebody trade; amounts of whole coins."""
    book = exchange.markets[symbol].book
    made = (bought, price * 10**book.price_decimals, quantity * 10**book.quantity_decimals)
    exchange.happen(symbol, Event([], trades=(made,)))


def ccxt_client(name: str, exchange: Exchange, **account: str) -> Any:
    ccxt = pytest.importorskip("ccxt.pro", reason="needs ccxt, of the extra `test`")
    options = {"fetchCurrencies": False}
    client = getattr(ccxt, name)({"enableRateLimit": False, "options": options, **account})
    client.urls["api"] = redirected(client.urls["api"], exchange.rest_url, exchange.stream_url)
    client.has["fetchCurrencies"] = False
    return client


async def watched(
    watch: Callable[[], Awaitable[Any]], holds: Callable[[Any], bool], within_s: float = 15.0
) -> Any:
    """Watch until what a client has seen is as it is to be; return that."""
    async with asyncio.timeout(within_s):
        while True:
            seen = await watch()
            if holds(seen):
                return seen
