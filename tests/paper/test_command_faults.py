"""What can go wrong with commands, and with what is told of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import aiohttp
import pytest
from binance_world import LIMIT, SYMBOL, BinanceWorld
from waits import until

from alp.errors import ConfigError
from alp.paper.faults.file import faults_of
from alp.paper.faults.script import CommandAct, CommandFault
from alp.strategy.document import read_document

pytestmark = pytest.mark.timed

GOOD = """\
commands:
- {on: new, after: 1, times: 2, fault: lose-answer}
- {on: cancel, fault: unknown, form: "-1007", done: false}
- {on: any, fault: status, status: 429, retryAfter: 2500ms}
- {on: amend, fault: delay, delay: 250ms}
- {on: any, fault: maintenance, lasts: 5s}
- {on: query, fault: skew, skew: -2s}
- {on: stream, fault: gap, times: 3}
"""


def test_a_script_says_what_happens_to_which_command() -> None:
    found = faults_of(read_document(GOOD.encode(), "faults.yaml")).script.acts_on_commands
    assert found == [
        CommandAct("new", CommandFault.LOSE_ANSWER, after=1, times=2),
        CommandAct("cancel", CommandFault.UNKNOWN, form="-1007", done=False),
        CommandAct("any", CommandFault.STATUS, status=429, headers={"Retry-After": "3"}),
        CommandAct("amend", CommandFault.DELAY, delay_ms=250),
        CommandAct("any", CommandFault.MAINTENANCE, delay_ms=5000),
        CommandAct("query", CommandFault.SKEW, skew_ns=-2_000_000_000),
        CommandAct("stream", CommandFault.GAP, times=3),
    ]


def test_faults_are_counted_by_kind() -> None:
    script = faults_of(read_document(GOOD.encode(), "faults.yaml")).script
    due = [[act.fault.name for act in script.commands_due("new")] for _ in range(4)]
    assert due == [["STATUS", "MAINTENANCE"], ["LOSE_ANSWER"], ["LOSE_ANSWER"], []]
    assert [act.fault.name for act in script.commands_due("stream")] == ["GAP"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("commands: [{fault: delay}]", "commands[0].on: is required"),
        ("commands: [{on: new}]", "commands[0].fault: is required"),
        ("commands: [{on: nw, fault: delay}]", "nw is not a kind of command; did you mean new?"),
        ("commands: [{on: new, fault: dely}]", "dely is not a fault; did you mean delay?"),
        ("commands: [{on: new, fault: gap}]", "gap happens to private messages: on: stream"),
        ("commands: [{on: stream, fault: delay}]", "delay happens to commands"),
        ("commands: [{on: new, fault: status}]", "commands[0].status: is required"),
        ("commands: [{on: new, fault: delay, form: x}]", "form: is nothing that delay has"),
        ("commands: [{on: new, fault: unknown, done: perhaps}]", "perhaps is neither true nor"),
        ("commands: [{on: new, fault: hold, delay: 3}]", "delay: '3' has no unit"),
    ],
)
def test_what_is_wrong_with_a_script_is_named(text: str, words: str) -> None:
    with pytest.raises(ConfigError) as error:
        faults_of(read_document(text.encode(), "faults.yaml"))
    assert words in str(error.value)


def run(test: Callable[[BinanceWorld], Coroutine[Any, Any, None]], *, futures: bool = True) -> None:
    async def inside() -> None:
        async with BinanceWorld(futures=futures) as world:
            await test(world)

    asyncio.run(inside())


def fail(world: BinanceWorld, on: str, fault: CommandFault, **more: Any) -> None:
    world.exchange.script.command(on, fault, **more)


PRICED = {**LIMIT, "price": "1990.00", "quantity": "1"}


@pytest.mark.parametrize(
    ("fault", "orders"), [(CommandFault.LOSE_REQUEST, 0), (CommandFault.LOSE_ANSWER, 1)]
)
def test_a_request_or_its_answer_is_lost(fault: CommandFault, orders: int) -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "new", fault, after=1)
        assert (await world.place("1990.00"))[0] == 200
        with pytest.raises(aiohttp.ClientError):
            await world.place("1990.00", newClientOrderId="lost")
        assert len(world.desk.open_orders("first")) == 1 + orders
        assert (await world.named("GET", "lost"))[0] == (200 if orders else 400)
        api = await world.api()
        fail(world, "new", fault)
        calling = asyncio.create_task(api.call("order.place", PRICED))
        await until(lambda: api.closed)
        calling.cancel()
        assert api.received == []
        assert len(world.desk.open_orders("first")) == 1 + 2 * orders

    run(test)


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [("", 503, -1007), ("-1006", 400, -1006), ("-1007", 408, -1007), ("503", 503, -1000)],
)
@pytest.mark.parametrize("done", [True, False])
def test_the_venue_does_not_know(form: str, status: int, code: int, done: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "new", CommandFault.UNKNOWN, form=form, done=done, times=2)
        answer = await world.place("1990.00", newClientOrderId="a")
        assert (answer[0], answer[1]["code"]) == (status, code)
        assert (await world.named("GET", "a"))[0] == (200 if done else 400)
        api = await world.api()
        told = await api.call("order.place", PRICED)
        assert (told["status"], told["error"]["code"]) == (status, code)
        assert len(world.desk.open_orders("first")) == (2 if done else 0)

    run(test)


def test_a_status_refuses_with_its_headers() -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "any", CommandFault.STATUS, status=418, headers={"Retry-After": "120"})
        status, answer = await world.place("1990.00")
        assert (status, answer["code"], world.headers["Retry-After"]) == (418, -1003, "120")
        fail(world, "new", CommandFault.STATUS, status=503, form="overload")
        assert (await world.place("1990.00"))[1]["code"] == -1008
        fail(world, "new", CommandFault.STATUS, status=503)
        assert (await world.place("1990.00"))[1]["msg"] == "Service Unavailable."
        assert not world.desk.orders("first")

    run(test)


def test_fills_come_before_a_delayed_answer() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        fail(world, "new", CommandFault.DELAY, delay_ms=60_000)
        task = asyncio.create_task(world.place("2001.00"))
        await stream.until(lambda event: event["e"] == "TRADE_LITE")
        assert not task.done()
        task.cancel()

    run(test)


def test_what_is_held_is_not_done_yet() -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "new", CommandFault.HOLD, delay_ms=600_000, times=2)
        api, private = await world.api(), world.exchange.private
        assert private is not None
        tasks = [
            asyncio.create_task(each)
            for each in (world.place("1990.00"), api.call("order.place", PRICED))
        ]
        await until(lambda: private.commands == 2)
        assert (await world.rest("GET", "/fapi/v1/openOrders", {"symbol": SYMBOL}))[1] == []
        for task in tasks:
            task.cancel()

    run(test)


def test_what_is_held_is_done_later() -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "new", CommandFault.HOLD, delay_ms=20, times=2)
        api = await world.api()
        assert (await world.place("1990.00"))[0] == 200
        assert (await api.call("order.place", PRICED))["status"] == 200

    run(test)


def test_keys_are_revoked_in_the_middle() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        await world.place("1990.00")
        fail(world, "new", CommandFault.REVOKE)
        for _ in range(2):
            status, answer = await world.place("1990.00")
            assert (status, answer["code"]) == (401, -2015)
        await stream.until(lambda event: event["e"] == "listenKeyExpired")
        assert len(world.desk.open_orders("first")) == 1

    run(test)


def test_stream_keys_end_in_the_middle() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        fail(world, "query", CommandFault.EXPIRE_KEYS)
        await world.named("GET", "a")
        await stream.until(lambda event: event["e"] == "listenKeyExpired")
        again = await world.user_stream()
        await world.place("1990.00", newClientOrderId="b")
        await again.until(lambda event: event["o"]["c"] == "b")
        assert len(stream.received) == 1

    run(test)


def test_a_frozen_account_cancels() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.00", newClientOrderId="a")
        fail(world, "new", CommandFault.FREEZE)
        assert (await world.place("1990.00"))[1]["code"] == -2015
        assert (await world.named("DELETE", "a"))[0] == 200

    run(test)


def test_maintenance_ends() -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "any", CommandFault.MAINTENANCE, delay_ms=300)
        assert (await world.place("1990.00"))[0] == 503
        while (await world.place("1990.00"))[0] != 200:
            await asyncio.sleep(0.02)

    run(test)


def test_the_clock_is_set_while_it_runs() -> None:
    async def test(world: BinanceWorld) -> None:
        before = world.protocol.now_ms()
        fail(world, "query", CommandFault.SKEW, skew_ns=60 * 10**9)
        assert (await world.named("GET", "a"))[1]["code"] == -1021
        assert world.protocol.now_ms() >= before + 60_000

    run(test)


def test_rules_change_while_orders_rest() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.05", "1.001", newClientOrderId="a")
        fail(world, "query", CommandFault.RULES)
        assert (await world.named("GET", "a"))[1]["status"] == "NEW"
        assert (await world.place("1990.05", "1"))[1]["code"] == -4014
        assert (await world.place("1990.10", "1.001"))[1]["code"] == -4003
        _, answer = await world.send("GET", "/fapi/v1/exchangeInfo", {})
        filters = {row["filterType"]: row for row in answer["symbols"][0]["filters"]}
        assert filters["PRICE_FILTER"]["tickSize"] == "0.10"
        assert filters["LOT_SIZE"]["stepSize"] == "0.010"
        assert (await world.place("1990.10", "1.01"))[0] == 200

    run(test)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        (CommandFault.GAP, [2, 3]),
        (CommandFault.DUPLICATE, [1, 1, 2, 3]),
        (CommandFault.REORDER, [2, 1, 3]),
    ],
)
def test_private_messages_are_lost_doubled_and_mixed(
    fault: CommandFault, expected: list[int]
) -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        fail(world, "stream", fault)
        for number in (1, 2, 3):
            await world.place("1990.00", newClientOrderId=str(number))
        await stream.until(lambda event: event["o"]["c"] == "3")
        assert [int(event["o"]["c"]) for event in stream.received] == expected

    run(test)


def test_a_silent_stream_is_silent_until_it_is_opened_anew() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        fail(world, "stream", CommandFault.SILENCE)
        await world.place("1990.00", newClientOrderId="1")
        again = await world.user_stream()
        await world.place("1990.00", newClientOrderId="2")
        await again.until(lambda event: event["o"]["c"] == "2")
        assert stream.received == []

    run(test)


def test_nothing_is_wrong_with_public_requests() -> None:
    async def test(world: BinanceWorld) -> None:
        fail(world, "any", CommandFault.STATUS, status=500)
        assert (await world.send("GET", "/fapi/v1/time", {}))[0] == 200
        assert (await world.place("1990.00"))[0] == 500

    run(test)
