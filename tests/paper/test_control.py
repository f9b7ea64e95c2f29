"""A test in another process sees a venue's truth, and lets things go wrong."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from binance_world import BinanceWorld

pytestmark = pytest.mark.timed


def run(test: Callable[[BinanceWorld], Coroutine[Any, Any, None]], *, control: bool = True) -> None:
    async def inside() -> None:
        async with BinanceWorld() as world:
            world.exchange.control = control
            await test(world)

    asyncio.run(inside())


def test_the_state_is_what_the_venue_knows() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.00", newClientOrderId="a")
        await world.place("2001.00", "2", newClientOrderId="b")
        status, state = await world.send("GET", "/-/state", {})
        assert (status, state["exchange"], state["commands"]) == (200, "binance-usdm", 2)
        first = state["accounts"]["first"]
        assert [(row["client_id"], row["state"], row["filled"]) for row in first["orders"]] == [
            ("a", "open", 0),
            ("b", "filled", 2000),
        ]
        (fill,) = first["fills"]
        assert (fill["client_id"], fill["price"], fill["quantity"]) == ("b", 200_100, 2000)
        assert first["positions"] == {"ETHUSDC": 2000}
        assert state["accounts"]["second"]["orders"] == []

    run(test)


def test_faults_are_added_while_it_runs() -> None:
    async def test(world: BinanceWorld) -> None:
        script = b"commands: [{on: new, after: 1, fault: status, status: 503}]"
        assert (await world.send("POST", "/-/faults", {}, script))[0] == 200
        answers = [(await world.place("1990.00"))[0] for _ in range(3)]
        assert answers == [200, 503, 200]
        script = b"rest: [{path: time, status: 418}]"
        assert (await world.send("POST", "/-/faults", {}, script))[1] == {"added": 1}
        url = world.exchange.rest_url + "/fapi/v1/time"
        async with world.http.get(url) as answer:
            assert answer.status == 418

    run(test)


def test_what_is_wrong_with_added_faults_is_told() -> None:
    async def test(world: BinanceWorld) -> None:
        status, answer = await world.send("POST", "/-/faults", {}, b"commands: [{on: new}]")
        assert status == 400
        assert "commands[0].fault: is required" in answer["error"]
        assert (await world.send("POST", "/-/state", {}))[0] == 404

    run(test)


def test_nothing_is_told_unless_it_was_asked_for() -> None:
    async def test(world: BinanceWorld) -> None:
        status, answer = await world.send("GET", "/-/state", {})
        assert status == 404
        assert "accounts" not in answer

    run(test, control=False)


async def act(world: BinanceWorld, what: Any) -> tuple[int, Any]:
    status, told = await world.send("POST", "/-/acts", {}, json.dumps(what).encode())
    return status, told


def test_one_thing_can_happen_now() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.00", "2", newClientOrderId="a")
        trade = {"act": "trade", "symbol": "ETHUSDC", "price": "1990.00", "quantity": "0.5"}
        status, _ = await act(world, {**trade, "bought": False})
        assert status == 200
        _, state = await world.send("GET", "/-/state", {})
        (order,) = state["accounts"]["first"]["orders"]
        assert (order["filled"], order["state"]) == (500, "open")
        status, _ = await act(world, {"act": "fee-token", "asset": "BNB", "price": "600"})
        assert status == 200
        await act(world, {**trade, "bought": False})
        _, state = await world.send("GET", "/-/state", {})
        assert [row["fee_asset"] for row in state["accounts"]["first"]["fills"]] == ["USDC", "BNB"]
        assert len(state["touches"]["ETHUSDC"]) == 4
        status, _ = await act(world, {"act": "apply", "fault": "half-open"})
        assert status == 200

    run(test)


@pytest.mark.parametrize(
    "wrong",
    [
        {"act": "dance"},
        {},
        {"act": "trade", "symbol": "ETHUSDC"},
        {"act": "trade", "symbol": "NONE", "price": "1", "quantity": "1", "bought": True},
        {"act": "apply", "fault": "none"},
        [],
    ],
)
def test_an_act_that_is_none_is_refused(wrong: Any) -> None:
    async def test(world: BinanceWorld) -> None:
        status, told = await act(world, wrong)
        assert status == 400
        assert told["error"]

    run(test)
