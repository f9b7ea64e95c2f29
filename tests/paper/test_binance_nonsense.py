"""Whatever is sent to the simulated Binance, it answers, in JSON, and goes on."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from binance_world import ED25519, FIRST, LIMIT, SYMBOL

from alp.paper.binance.public import Binance
from alp.paper.binance.routes import SESSION, SPOT, SPOT_CALLS, USDM, USDM_CALLS
from alp.paper.market import Market
from alp.paper.protocol import Peer, Request
from alp.venues.binance.signing import key_header, sign_call, sign_request

NAMES = [
    *LIMIT,
    "price",
    "quantity",
    "newClientOrderId",
    "origClientOrderId",
    "orderId",
    "reduceOnly",
    "newQty",
    "quoteOrderQty",
    "cancelReplaceMode",
    "cancelOrderId",
    "batchOrders",
    "orderIdList",
    "countdownTime",
    "goodTillDate",
    "startTime",
    "limit",
    "fromId",
    "leverage",
    "marginType",
    "dualSidePosition",
    "priceMatch",
    "selfTradePreventionMode",
    "newOrderRespType",
    "listenKey",
]
TEXTS = [
    "",
    "0",
    "-1",
    "1",
    "1990.00",
    "1e9",
    "NaN",
    "١",
    "9" * 30,
    "true",
    "null",
    "[]",
    "[1]",
    '[{"symbol":"ETHUSDC","price":[]}]',
    "[" * 500,
    "GTC",
    "GTX",
    "GTD",
    "IOC",
    "LIMIT",
    "MARKET",
    "LIMIT_MAKER",
    "BUY",
    "SELL",
    "QUEUE_5",
    "ALLOW_FAILURE",
    "\ud7ff\U0001f600",
    "8000000002",
    "a",
]
GOOD = {**LIMIT, "price": "1990.00", "quantity": "1"}


def some(random: Random) -> dict[str, str]:
    params = dict(GOOD) if random.random() < 0.8 else {}
    for _ in range(random.randint(0, 4)):
        name = random.choice(NAMES)
        if random.random() < 0.2:
            params.pop(name, None)
        else:
            params[name] = random.choice(TEXTS)
    return params


def protocol(futures: bool) -> Binance:
    return Binance([Market.made_up(SYMBOL, quantity_decimals=3)], futures=futures)


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_requests_with_nonsense_are_answered(futures: bool) -> None:
    made, random = protocol(futures), Random(5)
    private: Any = made.private
    private.limits.weight_limit = 10**9
    private.limits.order_limits = [(*row[:2], 10**9) for row in private.limits.order_limits]
    codes = set()
    for _ in range(150):
        for method, path in USDM if futures else SPOT:
            signed = sign_request(FIRST, method, path, some(random), timestamp_ms=made.now_ms())
            _, _, query = signed.target.partition("?")
            request = Request(method, path, path, query, {}, signed.headers, signed.body, "here")
            reply = private.answer(request)
            answer = json.loads(reply.body)
            assert 200 <= reply.status < 500
            codes.add(answer.get("code", 0) if isinstance(answer, dict) else 0)
    assert {0, -1102, -1121, -2013} <= codes


@pytest.mark.parametrize("futures", [True, False], ids=["usdm", "spot"])
def test_calls_with_nonsense_are_answered(futures: bool) -> None:
    made, random = protocol(futures), Random(6)
    private: Any = made.private
    private.limits.weight_limit = 10**9
    peer = Peer("/ws-fapi/v1" if futures else "/ws-api/v3")
    values = [*TEXTS, 1, 1.5, True, None, [], {}, [1], {"a": 1}]
    methods = [*(USDM_CALLS if futures else SPOT_CALLS), *SESSION, "x", None, 3, "ping"]
    for _ in range(3000):
        method, params = random.choice(methods), dict(some(random))
        if random.random() < 0.8:
            credentials = random.choice((FIRST, ED25519))
            params = dict(sign_call(credentials, params, timestamp_ms=made.now_ms()))  # type: ignore[arg-type]
        message: dict[str, Any] = {"id": random.choice(values), "method": method, "params": params}
        if random.random() < 0.3:
            message["params"] = random.choice(values)
        elif random.random() < 0.3:
            params[random.choice(["apiKey", "signature", "timestamp"])] = random.choice(values)
        data = json.dumps(message)
        private.command_in(peer, message)
        (reply,) = private.take(peer, message, data)
        answer = json.loads(reply)
        assert 200 <= answer["status"] < 500
        assert ("result" in answer) != ("error" in answer)


def test_a_key_without_a_signature_is_enough_only_for_its_stream() -> None:
    made = protocol(True)
    assert made.private is not None
    for method, path in USDM:
        request = Request(method, path, path, "symbol=ETHUSDC", {}, key_header(FIRST), b"", "here")
        reply = made.private.answer(request)
        assert reply is not None
        if (path, method) != ("/fapi/v1/listenKey", "DELETE") and not USDM[method, path].signed:
            assert reply.status == 200
        elif USDM[method, path].signed:
            assert reply.status == 400
            assert json.loads(reply.body)["code"] == -1102
