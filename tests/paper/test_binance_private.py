"""The simulated Binance says what Binance says, USD-M futures and spot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from binance_world import ED25519, FIRST, LIMIT, SECOND, SYMBOL, WITHDRAW, BinanceWorld

from alp.venues.binance.signing import key_header, sign_call, sign_payload, sign_request

pytestmark = pytest.mark.timed

Test = Callable[[BinanceWorld], Coroutine[Any, Any, None]]


def run(test: Test, *, futures: bool = True) -> None:
    async def inside() -> None:
        async with BinanceWorld(futures=futures) as world:
            await test(world)

    asyncio.run(inside())


def both(test: Callable[[bool], None]) -> Callable[[bool], None]:
    return pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])(test)


@both
def test_parameters_come_in_the_query_the_body_or_both(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        params = {**LIMIT, "price": "1990.00", "quantity": "1"}
        for in_body in (True, False):
            status, answer = await world.rest("POST", world.order, params, in_body=in_body)
            assert (status, answer["symbol"]) == (200, SYMBOL)
        query = "symbol=ETHUSDC&side=BUY&type=LIMIT&timeInForce=GTC"
        body = f"price=1990.00&quantity=1&timestamp={world.protocol.now_ms()}"
        signature = sign_payload(FIRST, (query + body).encode())
        target = f"{world.order}?{query}"
        data = f"{body}&signature={signature}".encode()
        headers = key_header(FIRST) | {"Content-Type": "application/x-www-form-urlencoded"}
        status, answer = await world.send("POST", target, headers, data)
        assert (status, answer["symbol"]) == (200, SYMBOL)

    run(test, futures=futures)


@both
def test_who_is_not_believed_is_told_why(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        params = {**LIMIT, "price": "1990.00", "quantity": "1"}
        now = world.protocol.now_ms()
        good = sign_request(FIRST, "POST", world.order, params, timestamp_ms=now)
        headers = {name: text for name, text in good.headers.items() if "APIKEY" not in name}

        async def code(headers: dict[str, str], body: bytes) -> tuple[int, int]:
            status, answer = await world.send("POST", good.target, headers, body)
            return status, answer["code"]

        assert await code(headers, good.body) == (401, -2014)
        assert await code({**headers, "X-MBX-APIKEY": "nobody"}, good.body) == (401, -2015)
        assert await code({**headers, "X-MBX-APIKEY": "other-key"}, good.body) == (400, -1022)
        changed = good.body.replace(b"1990.00", b"1990.01")
        assert await code(good.headers, changed) == (400, -1022)
        assert await code(good.headers, good.body.rpartition(b"&")[0]) == (400, -1102)
        for late_ms in (5100, -1100):
            status, answer = await world.rest("POST", world.order, params, late_ms=late_ms)
            assert (status, answer["code"]) == (400, -1021)
        assert not world.desk.orders("first")

    run(test, futures=futures)


@both
def test_ed25519_keys_sign_too(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        params = {**LIMIT, "price": "1990.00", "quantity": "1"}
        status, _ = await world.rest("POST", world.order, params, by=ED25519)
        assert status == 200

    run(test, futures=futures)


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"symbol": "NOSUCH"}, -1121),
        ({"side": "HOLD"}, -1117),
        ({"type": "STOP"}, -4120),
        ({"type": "OCO"}, -1116),
        ({"timeInForce": "EVER"}, -1115),
        ({"quantity": "0.0001"}, -1111),
        ({"quantity": "0"}, -4003),
        ({"quantity": "0.002"}, -4164),
        ({"price": "1990.001"}, -1111),
        ({"price": "0"}, -4014),
        ({"price": "3000"}, -4016),
        ({"price": "2001", "timeInForce": "GTX"}, -5022),
        ({"price": "2001", "timeInForce": "FOK", "quantity": "11"}, -5021),
        ({"reduceOnly": "true"}, -2022),
        ({"quantity": "50000"}, -2019),
        ({"newClientOrderId": "no blanks"}, -4015),
        ({"timeInForce": "GTD", "goodTillDate": "1"}, -5040),
        ({"positionSide": "LONG"}, -4061),
        ({"selfTradePreventionMode": "MAYBE"}, -5039),
        ({"selfTradePreventionMode": "DECREMENT"}, -5039),
    ],
)
def test_futures_refuse_an_order_with_their_codes(params: dict[str, str], code: int) -> None:
    async def test(world: BinanceWorld) -> None:
        status, answer = await world.place(**{"price": "1990.00", **params})
        assert (status, answer["code"]) == (400, code)
        assert not world.desk.orders("first")

    run(test)


@pytest.mark.parametrize(
    ("params", "code", "words"),
    [
        ({"type": "LIMIT_MAKER", "timeInForce": "", "price": "2001"}, -2010, "immediately match"),
        ({"quantity": "0.001"}, -1013, "NOTIONAL"),
        ({"price": "1990.001"}, -1111, "too much precision"),
        ({"price": "9000"}, -1013, "PERCENT_PRICE_BY_SIDE"),
        ({"quantity": "0"}, -1013, "LOT_SIZE"),
        ({"quantity": "100000"}, -2010, "insufficient balance"),
        ({"timeInForce": "GTX"}, -1115, "timeInForce"),
        ({"newClientOrderId": "open"}, -2010, "Duplicate order sent"),
    ],
)
def test_spot_refuses_an_order_with_its_words(
    params: dict[str, str], code: int, words: str
) -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1980.00", newClientOrderId="open")
        status, answer = await world.place(**{"price": "1990.00", **params})
        assert (status, answer["code"]) == (400, code)
        assert words in answer["msg"]

    run(test, futures=False)


@both
def test_unknown_orders_are_unknown_in_the_words_of_the_question(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        await world.rest(
            "POST",
            world.order,
            {**LIMIT, "price": "1990.00", "quantity": "1", "newClientOrderId": "theirs"},
            by=SECOND,
        )
        for client_id in ("never", "theirs"):
            assert (await world.named("GET", client_id))[1]["code"] == -2013
            assert (await world.named("DELETE", client_id))[1]["code"] == -2011
        await world.place("1990.00", newClientOrderId="mine")
        assert (await world.named("DELETE", "mine"))[1]["status"] == "CANCELED"
        assert (await world.named("DELETE", "mine"))[1]["code"] == -2011
        assert (await world.named("GET", "mine"))[1]["status"] == "CANCELED"

    run(test, futures=futures)


def test_an_ack_tells_that_it_came_and_a_result_what_became_of_it() -> None:
    async def test(world: BinanceWorld) -> None:
        _, answer = await world.place("2001.00")
        assert (answer["status"], answer["executedQty"]) == ("NEW", "0.000")
        _, answer = await world.place("2001.00", newOrderRespType="RESULT")
        assert (answer["status"], answer["executedQty"]) == ("FILLED", "1.000")
        assert float(answer["avgPrice"]) == 2001

    run(test)


def test_spot_answers_with_fills() -> None:
    async def test(world: BinanceWorld) -> None:
        _, answer = await world.place("2002.00", "15")
        rows = [(row["price"], row["qty"], row["commissionAsset"]) for row in answer["fills"]]
        assert rows == [
            ("2001.00000000", "10.00000000", "ETH"),
            ("2002.00000000", "5.00000000", "ETH"),
        ]
        _, answer = await world.place("1990.00", newOrderRespType="ACK")
        assert "status" not in answer
        _, answer = await world.place("2002.00", "15", timeInForce="FOK")
        assert (answer["status"], answer["executedQty"]) == ("EXPIRED", "0.00000000")

    run(test, futures=False)


def test_futures_modify_and_what_it_can_do_to_an_order() -> None:
    async def test(world: BinanceWorld) -> None:
        async def modify(client_id: str, price: str, quantity: str) -> Any:
            params = {"symbol": SYMBOL, "side": "BUY", "origClientOrderId": client_id}
            params |= {"price": price, "quantity": quantity}
            return (await world.rest("PUT", world.order, params))[1]

        await world.place("1990.00", newClientOrderId="a", timeInForce="GTX")
        answer = await modify("a", "1991.00", "2")
        assert (answer["price"], answer["origQty"], answer["status"]) == ("1991.00", "2.000", "NEW")
        assert (await modify("a", "1991.00", "2"))["code"] == -5027
        assert (await modify("a", "1991.001", "2"))["code"] == -1111
        assert (await modify("b", "1991.00", "2"))["code"] == -2013
        world.trade(False, 199_000, 1500)
        assert (await modify("a", "1991.00", "1.500"))["status"] == "CANCELED"
        await world.place("1990.00", newClientOrderId="c", timeInForce="GTX")
        assert (await modify("c", "2001.00", "1"))["status"] == "CANCELED"
        assert world.desk.open_orders("first") == []

    run(test)


def test_spot_amends_down_and_keeps_its_place() -> None:
    async def test(world: BinanceWorld) -> None:
        _, placed = await world.place("1999.00", "2", newClientOrderId="a")
        order = world.desk.order("first", client_id="a")
        assert order is not None
        world.trade(False, 199_900, 40_000)
        params = {"symbol": SYMBOL, "orderId": placed["orderId"]}
        path = "/api/v3/order/amend/keepPriority"
        status, answer = await world.rest("PUT", path, {**params, "newQty": "1.5"})
        assert (status, answer["amendedOrder"]["origQty"]) == (200, "1.50000000")
        assert world.desk.ahead(order) == 60_000
        status, answer = await world.rest("PUT", path, {**params, "newQty": "1.6"})
        assert (status, answer["code"]) == (400, -2038)

    run(test, futures=False)


def test_spot_cancels_and_replaces_in_one() -> None:
    async def test(world: BinanceWorld) -> None:
        async def replace(old: str, price: str, mode: str) -> Any:
            params = {**LIMIT, "price": price, "quantity": "1", "cancelReplaceMode": mode}
            params["cancelOrigClientOrderId"] = old
            return await world.rest("POST", "/api/v3/order/cancelReplace", params)

        await world.place("1990.00", newClientOrderId="a")
        status, answer = await replace("a", "1991.00", "STOP_ON_FAILURE")
        assert (status, answer["newOrderResponse"]["price"]) == (200, "1991.00000000")
        assert answer["cancelResponse"]["origClientOrderId"] == "a"
        assert answer["cancelResponse"]["clientOrderId"] != "a"
        status, answer = await replace("a", "1992.00", "STOP_ON_FAILURE")
        assert (status, answer["code"]) == (400, -2022)
        assert answer["data"]["newOrderResult"] == "NOT_ATTEMPTED"
        status, answer = await replace("a", "1992.00", "ALLOW_FAILURE")
        assert (status, answer["code"]) == (409, -2021)
        assert len(world.desk.open_orders("first")) == 2

    run(test, futures=False)


def test_batches_of_futures_answer_each_for_itself() -> None:
    async def test(world: BinanceWorld) -> None:
        path = "/fapi/v1/batchOrders"
        rows = [
            {**LIMIT, "price": price, "quantity": 1, "newClientOrderId": name}
            for name, price in (("a", "1990.00"), ("b", "5000"), ("c", 1991.5))
        ]
        status, answer = await world.rest("POST", path, {"batchOrders": json.dumps(rows)})
        assert status == 200
        assert [row.get("code", row.get("status")) for row in answer] == ["NEW", -4016, "NEW"]
        names = json.dumps(["a", "b", "c"])
        params = {"symbol": SYMBOL, "origClientOrderIdList": names}
        _, answer = await world.rest("DELETE", path, params)
        found = [row.get("code", row.get("status")) for row in answer]
        assert found == ["CANCELED", -2011, "CANCELED"]
        many = json.dumps(rows * 2)
        assert (await world.rest("POST", path, {"batchOrders": many}))[1]["code"] == -1130

    run(test)


@both
def test_all_of_a_symbol_are_cancelled(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        path = "/fapi/v1/allOpenOrders" if futures else "/api/v3/openOrders"
        for _ in range(3):
            await world.place("1990.00")
        status, answer = await world.rest("DELETE", path, {"symbol": SYMBOL})
        assert status == 200
        assert answer["code"] == 200 if futures else len(answer) == 3
        status, answer = await world.rest("DELETE", path, {"symbol": SYMBOL})
        assert answer["code"] == (200 if futures else -2011)

    run(test, futures=futures)


@both
def test_an_order_that_meets_its_own_account_ends_it(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        await world.place("2000.00", newClientOrderId="a")
        taker = {"side": "SELL", "newClientOrderId": "b"}
        await world.place("2000.00", **taker, selfTradePreventionMode="EXPIRE_MAKER")
        if futures:
            event = await stream.until(lambda row: row.get("o", {}).get("X") == "EXPIRED_IN_MATCH")
            assert (event["o"]["c"], event["o"]["x"]) == ("a", "EXPIRED")
        else:
            row = await stream.until(
                lambda row: row.get("event", {}).get("x") == "TRADE_PREVENTION"
            )
            assert (row["event"]["c"], row["event"]["X"]) == ("a", "EXPIRED_IN_MATCH")
        assert (await world.named("GET", "a"))[1]["status"] == "EXPIRED_IN_MATCH"
        assert (await world.named("GET", "b"))[1]["status"] == "NEW"
        assert not world.desk.trades

    run(test, futures=futures)


def test_the_countdown_cancels_and_is_answered_in_text() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.00", newClientOrderId="a")
        path = "/fapi/v1/countdownCancelAll"
        params = {"symbol": SYMBOL, "countdownTime": 30_000}
        _, answer = await world.rest("POST", path, params)
        assert answer == {"symbol": SYMBOL, "countdownTime": "30000"}
        assert world.desk.dead_man_left_ns("first", SYMBOL) > 20 * 10**9
        stream = await world.user_stream()
        await world.rest("POST", path, {**params, "countdownTime": 10})
        event = await stream.until(lambda event: event["e"] == "ORDER_TRADE_UPDATE")
        assert (event["o"]["c"], event["o"]["X"]) == ("a", "CANCELED")

    run(test)


def test_listen_keys_are_the_same_until_they_end() -> None:
    async def test(world: BinanceWorld) -> None:
        _, first = await world.listen_key()
        assert await world.listen_key() == (200, first)
        stream = await world.user_stream()
        assert await world.listen_key("PUT") == (200, first)
        private: Any = world.protocol.private
        private.listen_key_ns = 0
        await world.listen_key("PUT")
        event = await stream.until(lambda event: event["e"] == "listenKeyExpired")
        assert event["listenKey"] == first["listenKey"]
        status, answer = await world.listen_key("PUT")
        assert (status, answer["code"]) == (400, -1125)
        private.listen_key_ns = 10**12
        _, second = await world.listen_key()
        assert second != first
        assert await world.listen_key("DELETE") == (200, {})
        assert (await world.listen_key("DELETE"))[1]["code"] == -1125

    run(test)


def test_a_stream_can_ask_for_some_events() -> None:
    async def test(world: BinanceWorld) -> None:
        _, answer = await world.listen_key()
        key = answer["listenKey"]
        some = await world.open(f"/private/ws?listenKey={key}&events=ACCOUNT_UPDATE")
        wrapped = await world.open(f"/private/stream?streams={key}")
        await world.place("2001.00")
        await wrapped.until(lambda event: event["data"]["e"] == "ACCOUNT_UPDATE")
        assert {event["stream"] for event in wrapped.received} == {key}
        await some.until(lambda event: True)
        assert {event["e"] for event in some.received} == {"ACCOUNT_UPDATE"}

    run(test)


@both
def test_calls_of_the_socket_do_what_requests_do(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        api = await world.api()
        params = {**LIMIT, "price": "1990.00", "quantity": 1, "newClientOrderId": "a"}
        answer = await api.call("order.place", params)
        assert (answer["status"], answer["result"]["clientOrderId"]) == (200, "a")
        kinds = {row["rateLimitType"] for row in answer["rateLimits"]}
        assert kinds == {"REQUEST_WEIGHT", "ORDERS"}
        named = {"symbol": SYMBOL, "origClientOrderId": "a"}
        assert (await api.call("order.status", named))["result"]["status"] == "NEW"
        answer = await api.call("order.place", {**params, "price": "1990.5"})
        assert answer["error"]["code"] == (-4116 if futures else -2010)
        assert (await api.call("order.cancel", named))["result"]["status"] == "CANCELED"
        answer = await api.call("order.cancel", named)
        assert (answer["status"], answer["error"]["code"]) == (400, -2011)
        answer = await api.call("order.cancel", named, None)
        assert (answer["status"], answer["error"]["code"]) == (401, -2014)
        assert (await api.call("no.such", {}, None))["error"]["code"] == -1000
        assert (await api.call("time", {}, None))["result"]["serverTime"] > 0
        await api.socket.send_str("no json")
        wrong = await api.until(lambda message: message["id"] is None)
        assert wrong["error"] == {"code": -1000, "msg": "Invalid JSON request."}

    run(test, futures=futures)


def test_numbers_of_a_call_are_signed_as_they_are_written() -> None:
    async def test(world: BinanceWorld) -> None:
        api = await world.api()
        params = {**LIMIT, "price": "1990.50", "quantity": "1"}
        signed = sign_call(FIRST, params, timestamp_ms=world.protocol.now_ms())
        message = json.dumps({"id": "7", "method": "order.place", "params": signed})
        await api.socket.send_str(message.replace('"1990.50"', "1990.50"))
        answer = await api.until(lambda message: message["id"] == "7")
        assert (answer["status"], answer["result"]["price"]) == (200, "1990.50")

    run(test)


@both
def test_a_session_signs_once(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        api = await world.api()
        params = {**LIMIT, "price": "1990.00", "quantity": "1"}
        unsigned = {**params, "timestamp": world.protocol.now_ms()}
        assert (await api.call("order.place", unsigned, None))["status"] == 401
        assert (await api.call("session.logon", {}))["status"] == 400
        answer = await api.call("session.logon", {}, ED25519)
        assert answer["result"]["apiKey"] == "probe-ed25519"
        assert (await api.call("order.place", unsigned, None))["status"] == 200
        assert (await api.call("session.status", {}, None))["result"]["apiKey"] == "probe-ed25519"
        assert (await api.call("session.logout", {}, None))["result"]["apiKey"] is None
        assert (await api.call("order.place", unsigned, None))["status"] == 401

    run(test, futures=futures)


def test_spot_s_events_come_on_the_socket_of_the_subscription() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        await world.place("2001.00", newClientOrderId="a")
        await world.place("1990.00", newClientOrderId="b")
        _, canceled = await world.named("DELETE", "b")
        last = await stream.until(lambda row: row.get("event", {}).get("x") == "CANCELED")
        assert last["subscriptionId"] == 0
        assert (last["event"]["C"], last["event"]["c"]) == ("b", canceled["clientOrderId"])
        events = [row["event"] for row in stream.received if "event" in row]
        steps = [(row["c"], row["x"], row["X"]) for row in events if row["e"] == "executionReport"]
        assert steps[:3] == [
            ("a", "NEW", "NEW"),
            ("a", "TRADE", "FILLED"),
            ("b", "NEW", "NEW"),
        ]
        trade = next(row for row in events if row.get("x") == "TRADE")
        assert (trade["L"], trade["l"], trade["n"], trade["N"]) == (
            "2001.00000000",
            "1.00000000",
            "0.00100000",
            "ETH",
        )
        balances = [row for row in events if row["e"] == "outboundAccountPosition"]
        assert {row["a"] for row in balances[-1]["B"]} == {"ETH", "USDC"}
        world.desk.transfer("first", "ETH", 5)
        world.exchange.step(0)
        row = await stream.until(lambda row: row.get("event", {}).get("e") == "balanceUpdate")
        assert row["event"]["d"] == "0.00000005"

    run(test, futures=False)


def test_spot_still_has_the_listen_keys_of_before() -> None:
    async def test(world: BinanceWorld) -> None:
        _, answer = await world.send("POST", "/api/v3/userDataStream", key_header(FIRST))
        bare = await world.open(f"/ws/{answer['listenKey']}")
        wrapped = await world.open(f"/stream?streams={answer['listenKey']}")
        await world.place("1990.00", newClientOrderId="a")
        assert (await bare.until(lambda row: row["e"] == "executionReport"))["c"] == "a"
        row = await wrapped.until(lambda row: row["data"]["e"] == "executionReport")
        assert row["stream"] == answer["listenKey"]

    run(test, futures=False)


@both
def test_counters_are_told_and_too_much_is_refused_and_then_banned(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        private: Any = world.protocol.private
        await world.place("1990.00")
        assert world.headers["X-MBX-ORDER-COUNT-10S"] == "1"
        assert "X-MBX-USED-WEIGHT-1M" in world.headers
        name, count, _ = private.limits.order_limits[0]
        private.limits.order_limits[0] = (name, count, 2)
        await world.place("1990.00")
        answers = [await world.place("1990.00") for _ in range(2)]
        assert (429, -1015) in [(status, answer.get("code")) for status, answer in answers]
        private.limits.weight_limit = 3
        path = "/fapi/v1/openOrders" if futures else "/api/v3/openOrders"
        status, answer = await world.rest("GET", path)
        assert (status, answer["code"]) == (429, -1003)
        assert int(world.headers["Retry-After"]) >= 1
        for _ in range(25):
            status, answer = await world.rest("GET", path)
        assert (status, answer["code"]) == (418, -1003)
        assert "banned until" in answer["msg"]

    run(test, futures=futures)


def test_a_filled_order_of_spot_gives_its_count_back() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("1990.00")
        await world.place("2001.00")
        assert world.headers["X-MBX-ORDER-COUNT-10S"] == "1"

    run(test, futures=False)


def test_the_account_of_futures_is_told_in_each_of_its_ways() -> None:
    async def test(world: BinanceWorld) -> None:
        await world.place("2001.00", "2")
        _, balances = await world.rest("GET", "/fapi/v3/balance")
        _, account = await world.rest("GET", "/fapi/v2/account")
        _, (position,) = await world.rest("GET", "/fapi/v3/positionRisk", {"symbol": SYMBOL})
        assert (position["positionAmt"], position["entryPrice"]) == ("2.000", "2001")
        assert float(position["unRealizedProfit"]) == -2
        assert account["totalWalletBalance"] == balances[0]["balance"] == "999997.99900000"
        _, (trade,) = await world.rest("GET", "/fapi/v1/userTrades", {"symbol": SYMBOL})
        assert (trade["qty"], trade["commission"], trade["maker"]) == ("2.000", "2.00100000", False)
        for path in (
            "accountConfig",
            "symbolConfig",
            "positionSide/dual",
            "multiAssetsMargin",
            "leverageBracket",
        ):
            assert (await world.rest("GET", f"/fapi/v1/{path}"))[0] == 200
        params = {"symbol": SYMBOL, "leverage": 7}
        assert (await world.rest("POST", "/fapi/v1/leverage", params))[1]["leverage"] == 7
        _, answer = await world.rest("GET", "/fapi/v1/commissionRate", {"symbol": SYMBOL})
        assert answer["makerCommissionRate"] == "0.000200"

    run(test)


def test_funding_is_paid_every_eight_hours_of_the_venue_s_clock() -> None:
    async def test(world: BinanceWorld) -> None:
        stream = await world.user_stream()
        await world.place("2001.00")
        world.protocol.skew_ns += 8 * 3600 * 10**9
        event = await stream.until(
            lambda event: event["e"] == "ACCOUNT_UPDATE" and event["a"]["m"] == "FUNDING_FEE"
        )
        paid = 2001 * 0.0005 + 2000 * 0.0001
        assert float(event["a"]["B"][0]["wb"]) == pytest.approx(1_000_000 - paid)

    run(test)


@both
def test_a_key_says_what_it_may_do(futures: bool) -> None:
    async def test(world: BinanceWorld) -> None:
        path = "/sapi/v1/account/apiRestrictions"
        for key, withdraws in ((FIRST, False), (WITHDRAW, True)):
            _, answer = await world.rest("GET", path, by=key)
            assert answer["enableWithdrawals"] is withdraws
            account = "/fapi/v3/account" if futures else "/api/v3/account"
            assert (await world.rest("GET", account, by=key))[1]["canWithdraw"] is withdraws
        found = world.desk.accounts.find("probe-key")
        assert found is not None
        found[1].permissions = frozenset({"read"})
        status, answer = await world.place()
        assert (status, answer["code"]) == (401, -2015)
        found[1].revoked = True
        assert (await world.rest("GET", path))[0] == 401

    run(test, futures=futures)
