"""python-binance trades at REST given: ADDRESS usdm|spot. Run by its own interpreter; says JSON."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from binance import AsyncClient
from binance.exceptions import BinanceAPIException

ADDRESS, PRODUCT = sys.argv[1:]
AsyncClient.API_URL = ADDRESS + "/api"
AsyncClient.FUTURES_URL = ADDRESS + "/fapi"
NAMED = {"symbol": "ETHUSDC", "origClientOrderId": "pb-1"}
ORDER = {"symbol": "ETHUSDC", "side": "BUY", "quantity": "0.05"}


async def futures(client: Any) -> list[Any]:
    limit = {**ORDER, "type": "LIMIT", "timeInForce": "GTX", "newClientOrderId": "pb-1"}
    told = [(await client.futures_create_order(**limit, price="1990.5"))["status"]]
    changed = {**ORDER, **NAMED, "price": "1991.5"}
    told.append((await client.futures_modify_order(**changed))["price"])
    try:
        await client.futures_create_order(**{**limit, "newClientOrderId": "pb-2"}, price="2010")
    except BinanceAPIException as refused:
        told.append(refused.code)
    batch = [{**limit, "newClientOrderId": "pb-3", "price": "1990.5"}]
    told.append((await client.futures_place_batch_order(batchOrders=batch))[0]["status"])
    told.append((await client.futures_cancel_order(**NAMED))["status"])
    await client.futures_create_order(**ORDER, type="MARKET")
    told.append((await client.futures_account_trades(symbol="ETHUSDC"))[0]["price"])
    told.append((await client.futures_position_information(symbol="ETHUSDC"))[0]["positionAmt"])
    told.append((await client.futures_cancel_all_open_orders(symbol="ETHUSDC"))["code"])
    return told


async def spot(client: Any) -> list[Any]:
    limit = {**ORDER, "newClientOrderId": "pb-1", "price": "1990.5"}
    told = [(await client.create_order(**limit, type="LIMIT", timeInForce="GTC"))["status"]]
    try:
        await client.create_order(**{**limit, "price": "2010"}, type="LIMIT_MAKER")
    except BinanceAPIException as refused:
        told.append(refused.code)
    told.append((await client.get_order(**NAMED))["executedQty"])
    told.append((await client.cancel_order(**NAMED))["origClientOrderId"])
    bought = await client.order_market_buy(symbol="ETHUSDC", quoteOrderQty="100")
    told.append(bought["fills"][0]["price"])
    told.append((await client.get_asset_balance("ETH"))["free"])
    return told


async def main() -> None:
    client = AsyncClient("probe-key", "probe-secret")
    try:
        print(json.dumps(await (futures if PRODUCT == "usdm" else spot)(client)))
    finally:
        await client.close_connection()


asyncio.run(main())
