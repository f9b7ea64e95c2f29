"""ccxt and the Kraken SDK trade on the simulated Kraken Futures: REST, and signed feeds."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from client_world import ccxt_client, market, trade, watched
from waits import run, until

from alp.paper.accounts import KEY, SECRET_BASE64
from alp.paper.exchange import Exchange
from alp.paper.kraken.futures import KrakenFutures

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


def test_kraken_s_sdk_trades(monkeypatch: pytest.MonkeyPatch) -> None:
    futures = pytest.importorskip(
        "kraken.futures", reason="needs python-kraken-sdk, of the extra `test`"
    )
    import kraken.futures.websocket as connector

    connect = connector.connect

    def plainly(url: str, **more: Any) -> Any:
        """Connect without TLS; the client knows nothing else."""
        return connect(url.replace("wss://", "ws://", 1), **more)

    monkeypatch.setattr(connector, "connect", plainly)

    async def with_sdk(exchange: Exchange) -> None:
        told: list[Any] = []

        async def hear(message: Any) -> None:
            told.append(message)

        def feeds() -> list[str]:
            return [each.get("feed", "") for each in told if "event" not in each]

        address = exchange.stream_url.removeprefix("ws://") + "/ws/v1"
        stream = futures.FuturesWSClient(KEY, SECRET_BASE64, url=address, callback=hear)
        trading = futures.Trade(KEY, SECRET_BASE64, url=exchange.rest_url)
        user = futures.User(KEY, SECRET_BASE64, url=exchange.rest_url)
        order = {"orderType": "post", "symbol": ETH, "side": "buy", "size": 1}
        order |= {"limitPrice": 1998, "cliOrdId": "sdk-1"}
        await stream.start()
        try:
            for feed in ("fills", "open_orders"):
                await stream.subscribe(feed=feed)
            await until(lambda: feeds() == ["fills_snapshot", "open_orders_snapshot"])
            sent = await asyncio.to_thread(lambda: trading.create_order(**order))
            assert sent["sendStatus"]["status"] == "placed"
            edit = {"cliOrdId": "sdk-1", "limitPrice": 1999}
            edited = await asyncio.to_thread(lambda: trading.edit_order(**edit))
            assert edited["editStatus"]["status"] == "edited"
            trade(exchange, ETH, 1999, 7, bought=False)
            await until(lambda: feeds()[-2:] == ["fills", "open_orders"])
            assert told[-1]["reason"] == "full_fill"
            (fill,) = (await asyncio.to_thread(trading.get_fills))["fills"]
            assert (fill["cliOrdId"], fill["fillType"]) == ("sdk-1", "maker")
            (held,) = (await asyncio.to_thread(user.get_open_positions))["openPositions"]
            assert (held["side"], held["size"]) == ("long", 1)
            again = {**order, "cliOrdId": "sdk-2"}
            await asyncio.to_thread(lambda: trading.create_order(**again))
            cancel = [{"order": "cancel", "cliOrdId": "sdk-2"}]
            batch = await asyncio.to_thread(trading.create_batch_order, cancel)
            assert [each["status"] for each in batch["batchStatus"]] == ["cancelled"]
            await until(lambda: told[-1].get("reason") == "cancelled_by_user")
        finally:
            closing = asyncio.create_task(stream.close())
            await asyncio.sleep(0)
            # It only looks whether it is to end when it has read something, or after ten seconds.
            await asyncio.to_thread(lambda: trading.create_order(**{**order, "cliOrdId": "sdk-3"}))
            await closing

    async def trades() -> None:
        async with Exchange(KrakenFutures([market(ETH, 1, 3)]), rate=0) as exchange:
            await with_sdk(exchange)

    run(trades())
