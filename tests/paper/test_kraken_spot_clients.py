"""Clients of Kraken spot that are none of ours trade on the simulated one.

ccxt and the Kraken SDK sign, ask for tokens, place, amend, cancel and hear of fills, each its way.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_world import ccxt_client, market, trade, watched
from waits import run, until

from alp.paper.accounts import KEY, SECRET_BASE64
from alp.paper.exchange import Exchange
from alp.paper.kraken.spot import KrakenSpot

pytestmark = pytest.mark.timed

ETH = "ETH/USDC"


def venue() -> Exchange:
    return Exchange(KrakenSpot([market(ETH)]), rate=0)


async def with_ccxt(exchange: Exchange, client: Any) -> None:
    assert (await client.fetch_ticker(ETH))["ask"] == 2001
    assert set(await client.fetch_currencies()) == {"ETH", "USDC"}
    assert (await client.fetch_balance())["total"] == {"ETH": 1e6, "USDC": 1e6}
    more = {"clientOrderId": "alp-1-000001", "postOnly": True}
    placed = await client.create_order(ETH, "limit", "buy", 2, 1998.5, more)
    await client.edit_order(placed["id"], ETH, "limit", "buy", 1.5, 1999)
    (order,) = await client.fetch_open_orders(ETH)
    assert (order["id"], order["clientOrderId"]) == (placed["id"], "alp-1-000001")
    assert (order["price"], order["amount"], order["status"]) == (1999, 1.5, "open")

    await watched(client.watch_orders, lambda seen: seen[-1]["id"] == placed["id"])
    trade(exchange, ETH, 1999, 6, bought=False)
    heard = await watched(lambda: client.watch_my_trades(ETH), bool)
    assert (heard[-1]["order"], heard[-1]["amount"]) == (placed["id"], 1)
    (fill,) = await client.fetch_my_trades(ETH)
    assert (fill["price"], fill["amount"], fill["takerOrMaker"]) == (1999, 1, "maker")
    assert fill["fee"] == {"cost": 4.9975, "currency": "USDC"}

    gone = asyncio.create_task(
        watched(client.watch_orders, lambda seen: seen[-1]["status"] == "canceled")
    )
    cancelled = await client.cancel_order(placed["id"], ETH)
    assert cancelled["info"]["result"] == {"count": 1}
    assert (await gone)[-1]["id"] == placed["id"]
    (ended,) = await client.fetch_closed_orders(ETH)
    assert (ended["status"], ended["filled"], ended["average"]) == ("canceled", 1, 1999)
    with pytest.raises(Exception, match="EOrder:Unknown order") as error:
        await client.cancel_order(placed["id"], ETH)
    assert type(error.value).__name__ == "OrderNotFound"


async def with_ccxt_on_the_socket(exchange: Exchange, client: Any) -> None:
    before = await client.watch_balance()
    placed = await client.create_order_ws(ETH, "limit", "sell", 1, 2005, {"clientOrderId": "x"})
    edited = await client.edit_order_ws(placed["id"], ETH, "limit", "sell", 1.5, 2004)
    assert edited["id"] == placed["id"], "an amend keeps the order"
    taken = await client.create_order_ws(ETH, "market", "buy", 2)
    assert taken["id"] != placed["id"]
    after = await watched(client.watch_balance, lambda seen: seen["ETH"]["total"] != 1e6)
    assert (before["ETH"]["total"], after["ETH"]["total"]) == (1e6, 1e6 + 2)
    await client.cancel_order_ws(placed["id"])
    assert await client.fetch_open_orders(ETH) == []


@pytest.mark.parametrize("test", [with_ccxt, with_ccxt_on_the_socket])
def test_ccxt_trades(test: Any) -> None:
    async def trades() -> None:
        async with venue() as exchange:
            client = ccxt_client("kraken", exchange, apiKey=KEY, secret=SECRET_BASE64)
            try:
                await test(exchange, client)
            finally:
                await client.close()

    run(trades())


def test_kraken_s_sdk_trades() -> None:
    spot = pytest.importorskip("kraken.spot", reason="needs python-kraken-sdk, of the extra `test`")

    async def by_rest(exchange: Exchange) -> None:
        client = spot.SpotAsyncClient(KEY, SECRET_BASE64, url=exchange.rest_url)
        try:
            order = {"pair": "ETHUSDC", "type": "buy", "ordertype": "limit", "oflags": "post"}
            order |= {"volume": "2", "price": "1998.5", "cl_ord_id": "sdk-1"}
            placed = await client.request("POST", "/0/private/AddOrder", params=order)
            (txid,) = placed["txid"]
            amend = {"txid": txid, "limit_price": "1999", "order_qty": "1"}
            assert (await client.request("POST", "/0/private/AmendOrder", params=amend))["amend_id"]
            opened = await client.request("POST", "/0/private/OpenOrders", params={})
            assert opened["open"][txid]["vol"] == "1.00000000"
            trade(exchange, ETH, 1999, 6, bought=False)
            closed = await client.request("POST", "/0/private/ClosedOrders", params={})
            assert closed["closed"][txid]["status"] == "closed"
            history = await client.request("POST", "/0/private/TradesHistory", params={})
            assert [each["ordertxid"] for each in history["trades"].values()] == [txid]
        finally:
            await client.close()

    async def batches(exchange: Exchange) -> None:
        trading = spot.Trade(KEY, SECRET_BASE64, url=exchange.rest_url)
        row = {"ordertype": "limit", "type": "sell", "volume": "1", "price": "2005"}
        placed = await asyncio.to_thread(trading.create_order_batch, [row, row], "ETHUSDC")
        names = [each["txid"] for each in placed["orders"]]
        gone = await asyncio.to_thread(trading.cancel_order_batch, names)
        assert gone == {"count": 2}

    async def on_the_socket(exchange: Exchange) -> None:
        told: list[Any] = []

        async def hear(message: Any) -> None:
            told.append(message)

        def rows(kind: str) -> list[Any]:
            news = [each for each in told if each.get("channel") == "executions"]
            return [row for each in news for row in each["data"] if row["exec_type"] == kind]

        client = spot.SpotWSClient(
            KEY,
            SECRET_BASE64,
            callback=hear,
            no_public=True,
            rest_url=exchange.rest_url,
            auth_ws_url=exchange.stream_url,
        )
        await client.start()
        try:
            await client.subscribe(params={"channel": "executions"})
            order = {"order_type": "limit", "side": "buy", "order_qty": 1, "symbol": ETH}
            order |= {"limit_price": 1999, "post_only": True, "cl_ord_id": "sdk-2"}
            await client.send_message({"method": "add_order", "params": order})
            await until(lambda: rows("new"))
            trade(exchange, ETH, 1999, 6, bought=False)
            await until(lambda: rows("filled"))
            assert [each["last_qty"] for each in rows("trade")] == [1]
            await client.send_message({"method": "add_order", "params": order})
            await until(lambda: len(rows("new")) == 2)
            named = {"cl_ord_id": ["sdk-2"]}
            await client.send_message({"method": "cancel_order", "params": named})
            await until(lambda: rows("canceled"))
            assert rows("canceled")[0]["reason"] == "User requested"
            crossing = {**order, "limit_price": 2001}
            await client.send_message({"method": "add_order", "params": crossing})
            await until(lambda: len(rows("canceled")) == 2)
            assert rows("canceled")[1]["reason"] == "Post only order"
        finally:
            await client.close()

    async def trades() -> None:
        async with venue() as exchange:
            await by_rest(exchange)
            await batches(exchange)
            await on_the_socket(exchange)

    run(trades())
