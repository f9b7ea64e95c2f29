"""What clients ask Binance of an account beside its orders: income, counters, orders on trial."""

from __future__ import annotations

import asyncio

import pytest
from binance_world import LIMIT, SYMBOL, BinanceWorld

pytestmark = pytest.mark.timed


def test_futures_tell_what_fills_earned_and_cost() -> None:
    async def run() -> None:
        async with BinanceWorld() as world:
            market = {"symbol": SYMBOL, "type": "MARKET", "quantity": "1"}
            await world.rest("POST", world.order, {**market, "side": "BUY"})
            await world.rest("POST", world.order, {**market, "side": "SELL"})
            _, rows = await world.rest("GET", "/fapi/v1/income")
            told = [(row["incomeType"], float(row["income"]), row["asset"]) for row in rows]
            assert told == [
                ("COMMISSION", pytest.approx(-2001 * 0.0005), "USDC"),
                ("COMMISSION", pytest.approx(-1999 * 0.0005), "USDC"),
                ("REALIZED_PNL", -2, "USDC"),
            ]
            one = {"incomeType": "REALIZED_PNL", "limit": "1"}
            assert (await world.rest("GET", "/fapi/v1/income", one))[1] == rows[-1:]

    asyncio.run(run())


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_orders_are_tried_and_counted(futures: bool) -> None:
    root = "/fapi/v1" if futures else "/api/v3"

    async def run() -> None:
        async with BinanceWorld(futures=futures) as world:
            order = {**LIMIT, "quantity": "1", "price": "1990"}
            assert await world.rest("POST", f"{world.order}/test", order) == (200, {})
            status, _ = await world.rest("POST", f"{world.order}/test", {**order, "price": "x"})
            assert status == 400
            assert world.desk.orders("first") == []
            await world.rest("POST", world.order, order)
            _, rows = await world.rest("GET", f"{root}/rateLimit/order")
            assert [row["count"] for row in rows] == [1, 1]
            assert {row["rateLimitType"] for row in rows} == {"ORDERS"}

    asyncio.run(run())
