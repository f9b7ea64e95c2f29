"""ccxt trades on the simulated Kraken Futures: REST, and feeds behind a signed challenge."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_world import ccxt_client, market, trade, watched
from waits import run

from alp.paper.accounts import KEY, SECRET_BASE64
from alp.paper.exchange import Exchange
from alp.paper.kraken_futures import KrakenFutures

pytestmark = pytest.mark.timed

ETH, SYMBOL = "PF_ETHUSD", "ETH/USD:USD"


async def with_ccxt(exchange: Exchange, client: Any) -> None:
    assert (await client.fetch_ticker(SYMBOL))["ask"] == 2001
    await client.set_leverage(5, SYMBOL)
    assert (await client.fetch_leverage(SYMBOL))["longLeverage"] == 5
    assert (await client.fetch_balance())["total"] == {"USD": 1e6}
    resting = {"clientOrderId": "alp-1-000001", "postOnly": True}
    placed = await client.create_order(SYMBOL, "limit", "buy", 2, 1998.5, resting)
    assert (placed["status"], placed["clientOrderId"]) == ("open", "alp-1-000001")
    edited = await client.edit_order(placed["id"], SYMBOL, "limit", "buy", 1.5, 1999)
    assert edited["id"] == placed["id"]
    (order,) = await client.fetch_open_orders(SYMBOL)
    assert (order["id"], order["amount"]) == (placed["id"], 1.5)
    with pytest.raises(Exception, match="postWouldExecute") as crossing:
        await client.create_order(SYMBOL, "limit", "buy", 1, 2001, {"postOnly": True})
    assert type(crossing.value).__name__ == "OrderImmediatelyFillable"

    await watched(client.watch_orders, lambda seen: seen[-1]["id"] == placed["id"])
    trades = asyncio.create_task(watched(client.watch_my_trades, len))
    await watched(client.watch_balance, bool)
    trade(exchange, ETH, 1999, 6, bought=False)
    (heard,) = await trades
    assert (heard["order"], heard["amount"], heard["takerOrMaker"]) == (placed["id"], 1, "maker")
    (fill,) = await client.fetch_my_trades(SYMBOL)
    assert (fill["id"], fill["price"], fill["side"]) == (heard["id"], 1999, "buy")
    (position,) = await client.fetch_positions([SYMBOL])
    assert (position["side"], position["contracts"], position["entryPrice"]) == ("long", 1, 1999)

    gone = asyncio.create_task(
        watched(client.watch_orders, lambda seen: seen[-1]["status"] == "canceled")
    )
    await client.cancel_order(placed["id"])
    assert (await gone)[-1]["id"] == placed["id"]
    with pytest.raises(Exception, match="notFound"):
        await client.cancel_order(placed["id"])
    await client.create_order(SYMBOL, "market", "sell", 1)
    assert await client.fetch_positions([SYMBOL]) == []
    answer = await client.cancel_all_orders_after(60_000)
    assert answer["result"] == "success"


def test_ccxt_trades() -> None:
    async def trades() -> None:
        async with Exchange(KrakenFutures([market(ETH, 1, 3)]), rate=0) as exchange:
            client = ccxt_client("krakenfutures", exchange, apiKey=KEY, secret=SECRET_BASE64)
            try:
                await with_ccxt(exchange, client)
            finally:
                await client.close()

    run(trades())
