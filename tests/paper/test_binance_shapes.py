"""What the simulated Binance answers and tells has the shape of what was recorded there."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from binance_world import LIMIT, SYMBOL, BinanceWorld

pytestmark = pytest.mark.timed

Test = Callable[[BinanceWorld], Coroutine[Any, Any, None]]


def run(test: Test, *, futures: bool = True) -> None:
    async def inside() -> None:
        async with BinanceWorld(futures=futures) as world:
            await test(world)

    asyncio.run(inside())


def shapes(file: Path, channel: str, kind: str = "recorded") -> list[dict[str, Any]]:
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    chosen = [row for row in rows if row["channel"] == channel and row["kind"] == kind]
    assert chosen
    found = [json.loads(row["raw"]) for row in chosen]
    return [row.get("data", row.get("event", row)) if type(row) is dict else row for row in found]


def types(value: Any) -> Any:
    """A message with the types of its values in place of them; of lists, the first element's."""
    if isinstance(value, dict):
        return {name: types(each) for name, each in value.items()}
    if isinstance(value, list):
        return [types(value[0])] if value else []
    return type(value).__name__


def holds(mine: Any, theirs: Any, but: frozenset[str] = frozenset()) -> None:
    """Whatever a recorded message has is in ours, of the same type."""
    for name, kind in theirs.items():
        if name in but:
            continue
        assert name in mine, name
        if isinstance(kind, dict):
            holds(mine[name], kind, but)
        elif isinstance(kind, list) and kind and isinstance(kind[0], dict):
            holds(mine[name][0], kind[0], but)
        elif kind != "NoneType" and mine[name] != "NoneType":
            assert mine[name] == kind, name


def test_events_and_answers_of_futures_have_the_shape_of_recorded_ones(shared: Path) -> None:
    file = shared / "venues" / "fixtures" / "public" / "binance_usdm_messages.jsonl"

    async def test(world: BinanceWorld) -> None:
        stream, api = await world.user_stream(), await world.api()
        _, placed = await world.place("1990.00", newClientOrderId="a")
        _, listed = await world.rest("GET", "/fapi/v1/openOrders", {"symbol": SYMBOL})
        _, canceled = await world.named("DELETE", "a")
        await world.place("2001.00")
        _, trades = await world.rest("GET", "/fapi/v1/userTrades", {"symbol": SYMBOL})
        _, balances = await world.rest("GET", "/fapi/v2/balance")
        call = await api.call("order.place", {**LIMIT, "price": "1990.00", "quantity": "1"})
        assert placed["status"] == "NEW"
        await stream.until(lambda event: event["e"] == "ACCOUNT_UPDATE")
        updates = [row for row in stream.received if row["e"] == "ORDER_TRADE_UPDATE"]
        account = [row for row in stream.received if row["e"] == "ACCOUNT_UPDATE"]
        for theirs in shapes(file, "user.ORDER_TRADE_UPDATE"):
            ours = next(row for row in updates if row["o"]["x"] == theirs["o"]["x"])
            holds(types(ours), types(theirs))
        for theirs in shapes(file, "user.ACCOUNT_UPDATE")[:1]:
            holds(types(account[0]), types(theirs))
        holds(types(canceled), types(shapes(file, "rest.order.cancel")[0]))
        holds(types(listed[0]), types(shapes(file, "rest.openOrders")[0][0]))
        holds(types(trades[0]), types(shapes(file, "rest.userTrades")[0][0]))
        their_balance = types(shapes(file, "rest.balance")[0][0])
        holds(types(balances[0]), their_balance, frozenset({"withdrawAvailable"}))
        theirs = next(
            row
            for row in shapes(file, "wsapi.order.cancel")
            if row.get("result", {}).get("cumQuote")
        )
        holds(types(call), types(theirs))

    run(test)


def test_events_and_answers_of_spot_have_the_shape_of_recorded_ones(shared: Path) -> None:
    file = shared / "venues" / "fixtures" / "public" / "binance_spot_messages.jsonl"

    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        await world.place("2001.00")
        _, placed = await world.place("1990.00", newClientOrderId="a")
        _, listed = await world.rest("GET", "/api/v3/openOrders", {"symbol": SYMBOL})
        await world.named("DELETE", "a")
        await stream.until(lambda row: row.get("event", {}).get("x") == "CANCELED")
        events = [row["event"] for row in stream.received if "event" in row]
        reports = {row["x"]: row for row in events if row["e"] == "executionReport"}
        for theirs in shapes(file, "user.executionReport"):
            holds(types(reports[theirs["x"]]), types(theirs), frozenset({"d", "D", "j", "J"}))
        theirs = shapes(file, "user.outboundAccountPosition")[0]
        ours = next(row for row in events if row["e"] == "outboundAccountPosition")
        holds(types(ours), types(theirs))
        holds(types(listed[0]), types(shapes(file, "rest.openOrders")[0][0]))
        of_margin = frozenset({"isIsolated"})
        holds(types(placed), types(shapes(file, "rest.order.place")[0]), of_margin)

    run(test, futures=False)
