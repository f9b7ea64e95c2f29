"""Whatever is sent to the simulated Coinbase and Kraken, they answer, in JSON, and go on."""

from __future__ import annotations

import json
from random import Random
from typing import Any

from asking import Clock
from client_world import market

from alp.paper.accounts import KEY, SECRET_BASE64
from alp.paper.coinbase.private import known_credentials
from alp.paper.coinbase.public import Coinbase
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.protocol import Peer, Protocol, Request
from alp.venues.coinbase import signing as coinbase
from alp.venues.credentials import Secret, credentials_of
from alp.venues.kraken import signing as kraken
from alp.venues.signing import SignedRequest

FIRST = credentials_of(KEY, secret=Secret(SECRET_BASE64))
COIN = known_credentials()[0]
ROUNDS = 400
VALUES: list[Any] = [
    *("", "0", "-1", "1", "1990.00", "1e9", "1e999999999", "1e-999999999", "NaN", "Infinity"),
    *("١", "²", "9" * 40, "true", "null", "[]", "\ud7ff\U0001f600", "2026-09-30T00:00:00Z"),
    *("2026-13-30T00:00:00Z", "post", "ioc", "fok", "GTC", "buy", "SELL", "limit", "market"),
    *(0, 1, -1, 1.5, 1e300, 2**63, True, None, [], {}, [1], [[]], [{}], {"a": 1}, ["x"] * 3),
]


def nonsense(random: Random, good: dict[str, Any]) -> dict[str, Any]:
    found = dict(good) if random.random() < 0.8 else {}
    for _ in range(random.randint(0, 3)):
        name = random.choice(list(good))
        if random.random() < 0.2:
            found.pop(name, None)
        else:
            found[name] = random.choice(VALUES)
    return found


def asked(protocol: Protocol, signed: SignedRequest) -> Any:
    path, _, query = signed.target.partition("?")
    request = Request(signed.method, path, path, query, {}, signed.headers, signed.body, "here")
    assert protocol.private is not None
    reply = protocol.private.answer(request)
    assert reply is not None
    assert 200 <= reply.status < 500
    return json.loads(reply.body)


KRAKEN_FORM = {
    "pair": "ETHUSDC",
    "type": "buy",
    "ordertype": "limit",
    "volume": "1",
    "price": "1990",
    "cl_ord_id": "a",
    "userref": 0,
    "oflags": "post",
    "timeinforce": "GTC",
    "deadline": "",
    "validate": "",
    "expiretm": 0,
    "stptype": "",
    "txid": "OAAAAA-AAAAA-AAAAAA",
    "ofs": 0,
    "orders": [{}, {}],
    "cl_ord_ids": [],
    "timeout": 60,
    "order_qty": 1,
    "limit_price": 1,
    "start": 0,
    "end": 0,
    "trades": True,
    "post_only": True,
}


def test_kraken_spot_answers_nonsense() -> None:
    random, clock = Random(1), Clock()
    protocol = KrakenSpot([market("ETH/USDC")], clock_ns=clock)
    names = ["AddOrder", "AddOrderBatch", "AmendOrder", "EditOrder", "CancelOrder", "CancelAll"]
    names += ["CancelOrderBatch", "CancelAllOrdersAfter", "OpenOrders", "ClosedOrders"]
    names += ["QueryOrders", "TradesHistory", "QueryTrades", "BalanceEx", "TradeVolume", "X"]
    least = ("pair", "type", "ordertype", "volume", "price")
    heard, nonce = set(), 0
    for _ in range(ROUNDS):
        clock.pass_s(10)
        for name in names:
            nonce += 1
            fields = {each: KRAKEN_FORM[each] for each in least} if random.random() < 0.5 else {}
            fields |= nonsense(random, KRAKEN_FORM)
            path = f"/0/private/{name}"
            answer = asked(protocol, kraken.sign_json_request(FIRST, path, fields, nonce=nonce))
            heard |= {*answer["error"]} or {""}
    assert {"", "EGeneral:Unknown method", "EOrder:Unknown order"} <= heard
    assert "EAPI:Invalid signature" not in heard


def test_kraken_spot_answers_nonsense_on_the_socket() -> None:
    random, clock = Random(2), Clock()
    protocol = KrakenSpot([market("ETH/USDC")], clock_ns=clock)
    side: Any = protocol.private
    token = side.trading.issue("first", side.desk.accounts.by_name["first"].keys[0])
    methods = ["add_order", "batch_add", "amend_order", "edit_order", "cancel_order"]
    methods += ["batch_cancel", "cancel_all", "cancel_all_orders_after", "subscribe", "x", None]
    good = {
        "symbol": "ETH/USDC",
        "order_type": "limit",
        "side": "buy",
        "order_qty": 1,
        "limit_price": 1990,
        "cl_ord_id": "a",
        "order_id": "O",
        "order_userref": 0,
        "orders": [{}, {}],
        "timeout": 60,
        "deadline": None,
        "time_in_force": "gtc",
        "channel": "executions",
        "snap_orders": True,
        "validate": False,
        "expire_time": "",
    }
    done = 0
    for _ in range(10 * ROUNDS):
        clock.pass_s(1)
        peer = Peer()
        params: Any = {"token": token, **nonsense(random, good)}
        if random.random() < 0.1:
            params = random.choice(VALUES)
        message = {"method": random.choice(methods), "params": params}
        if not side.command_in(peer, message):
            continue
        for reply in side.take(peer, message, ""):
            answer = json.loads(reply)
            done += answer.get("success", False)
    assert done > ROUNDS // 4


def test_coinbase_answers_nonsense() -> None:
    random, clock = Random(3), Clock()
    protocol = Coinbase([market("ETH-USD")], clock_ns=clock)
    root = "/api/v3/brokerage/"
    limit = {"base_size": "1", "limit_price": "1990", "post_only": True, "end_time": "", "x": 1}
    order = {"client_order_id": "a", "product_id": "ETH-USDC", "side": "BUY", "order_ids": ["a"]}
    order |= {"order_id": "a", "price": "1", "size": "1", "order_configuration": {}}
    questions = ["orders/historical/batch", "orders/historical/fills", "accounts"]
    names = ["limit", "cursor", "order_status", "product_ids", "start_date", "order_ids"]
    kinds = ["limit_limit_gtc", "limit_limit_gtd", "sor_limit_ioc", "market_market_ioc", "twap"]
    succeeded = 0
    for number in range(ROUNDS):
        clock.pass_s(1)
        now_s = clock.now_ns // 10**9
        for path in ("orders", "orders/batch_cancel", "orders/edit", "orders/edit_preview"):
            body = nonsense(random, {**order, "client_order_id": str(number)})
            if random.random() < 0.8:
                wanted = random.choice(kinds)
                body["order_configuration"] = {wanted: nonsense(random, limit)}
            data = json.dumps(body).encode()
            signed = coinbase.sign_request(COIN, "POST", root + path, data, now_s=now_s, nonce="n")
            succeeded += asked(protocol, signed).get("success") is True
        for path in questions:
            query = f"{random.choice(names)}={random.choice(['', '0', '-1', 'x', '%FF', '2'])}"
            target = f"{root}{path}?{query}"
            asked(protocol, coinbase.sign_request(COIN, "GET", target, now_s=now_s, nonce="n"))
    assert succeeded > ROUNDS // 20
    side: Any = protocol.private
    for value in VALUES:
        for name in ("jwt", "product_ids", "type"):
            message = {"type": "subscribe", "channel": "user", name: value}
            assert all(json.loads(each) for each in side.take(Peer(), message, ""))


def test_kraken_futures_answers_nonsense() -> None:
    random, clock = Random(4), Clock()
    protocol = KrakenFutures([market("PF_ETHUSD", 1, 3)], clock_ns=clock)
    good = {
        "orderType": "lmt",
        "symbol": "PF_ETHUSD",
        "side": "buy",
        "size": "1",
        "limitPrice": "1990",
        "cliOrdId": "a",
        "order_id": "a",
        "reduceOnly": "false",
        "timeout": "60",
        "lastFillTime": "",
        "orderIds": "a",
        "json": "{}",
    }
    names = ["sendorder", "editorder", "cancelorder", "batchorder", "cancelallorders", "fills"]
    names += ["cancelallordersafter", "openorders", "orders/status", "accounts", "openpositions"]
    succeeded = 0
    for number in range(ROUNDS):
        clock.pass_s(10)
        for name in names:
            params = nonsense(random, {**good, "cliOrdId": str(number)})
            if random.random() < 0.5:
                rows = [nonsense(random, {**good, "order": "send"}) for _ in range(2)]
                params["json"] = json.dumps({"batchOrder": rows})
            texts = {key: str(value) for key, value in params.items()}
            path = f"/derivatives/api/v3/{name}"
            answer = asked(protocol, kraken.sign_futures_request(FIRST, "POST", path, texts))
            succeeded += answer["result"] == "success"
    assert succeeded > ROUNDS
    side: Any = protocol.private
    peer = Peer()
    for value in VALUES:
        for name in ("api_key", "feed", "original_challenge", "event"):
            message = {"event": "subscribe", "feed": "fills", "api_key": KEY, name: value}
            if side.command_in(peer, message):
                assert all(json.loads(each) for each in side.take(peer, message, ""))
