"""What is sent to Binance for orders: every byte of it, and what the venue cannot do."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from accounts import HMAC, asymmetric
from binance_private import (
    EXCHANGES,
    NOW_MS,
    NOW_NS,
    PRODUCTS,
    SPOT,
    USDM,
    call_of,
    command,
    product,
    signer,
)

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.binance.signing import verify_call, verify_request
from alp.venues.credentials import Credentials
from alp.venues.orders import Action, Call, Capability, TimeInForce
from alp.venues.registry import orders_for

BY_NAME = dict(zip(EXCHANGES, (USDM, SPOT), strict=True))


def sent(call: Call, credentials: Credentials = HMAC) -> tuple[str, str, dict[str, str]]:
    """Return method, path and parameters of a request whose signature is right."""
    request = call.request
    assert request is not None
    target = urlsplit(request.target)
    params = verify_request(
        credentials,
        target.query,
        request.body,
        key=request.headers["X-MBX-APIKEY"],
        now_ms=NOW_MS,
    )
    for added in ("timestamp", "recvWindow"):
        params.pop(added)
    return request.method, target.path, params


def test_a_new_order_on_usdm_only_rests() -> None:
    call = call_of(USDM, command("binance-usdm"))
    assert sent(call) == (
        "POST",
        "/fapi/v1/order",
        {
            "symbol": "ETHUSDC",
            "side": "BUY",
            "quantity": "0.250",
            "price": "2481.30",
            "type": "LIMIT",
            "timeInForce": "GTX",
            "newClientOrderId": "alp-7-000001",
            "newOrderRespType": "ACK",
            "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    )
    assert (call.name, call.weight, call.orders) == ("new", 0, 1)


def test_an_order_that_takes_asks_what_became_of_it() -> None:
    hedge = command(
        "binance-usdm",
        side=-1,
        post_only=False,
        time_in_force=TimeInForce.IOC,
        reduce_only=True,
    )
    params = sent(call_of(USDM, hedge))[2]
    assert params["timeInForce"] == "IOC"
    assert params["newOrderRespType"] == "RESULT"
    assert (params["side"], params["reduceOnly"]) == ("SELL", "true")
    spot = command("binance-spot", post_only=False, time_in_force=TimeInForce.FOK)
    params = sent(call_of(SPOT, spot))[2]
    assert (params["type"], params["timeInForce"]) == ("LIMIT", "FOK")
    assert params["newOrderRespType"] == "FULL"


def test_a_new_order_on_spot_only_rests() -> None:
    call = call_of(SPOT, command("binance-spot", price=248_130))
    assert sent(call) == (
        "POST",
        "/api/v3/order",
        {
            "symbol": "ETHUSDC",
            "side": "BUY",
            "type": "LIMIT_MAKER",
            "quantity": "0.0250",
            "price": "2481.30",
            "newClientOrderId": "alp-7-000001",
            "newOrderRespType": "RESULT",
            "selfTradePreventionMode": "EXPIRE_MAKER",
        },
    )
    assert (call.weight, call.orders) == (1, 1)


def test_an_amend_names_the_order_by_our_id_and_keeps_it() -> None:
    call = call_of(USDM, command("binance-usdm", Action.AMEND))
    assert sent(call) == (
        "PUT",
        "/fapi/v1/order",
        {
            "symbol": "ETHUSDC",
            "origClientOrderId": "alp-7-000001",
            "side": "BUY",
            "quantity": "0.250",
            "price": "2481.30",
        },
    )
    call = call_of(SPOT, command("binance-spot", Action.AMEND))
    assert sent(call) == (
        "PUT",
        "/api/v3/order/amend/keepPriority",
        {
            "symbol": "ETHUSDC",
            "origClientOrderId": "alp-7-000001",
            "newQty": "0.0250",
            "newClientOrderId": "alp-7-000001",
        },
    )
    assert (call.weight, call.orders) == (4, 0)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_cancel_names_the_order_by_our_id_or_else_by_the_venues(exchange: str) -> None:
    adapter = BY_NAME[exchange]
    call = call_of(adapter, command(exchange, Action.CANCEL))
    method, path, params = sent(call)
    assert (method, path.rpartition("/")[2]) == ("DELETE", "order")
    assert params == {"symbol": "ETHUSDC", "origClientOrderId": "alp-7-000001"}
    call = call_of(adapter, command(exchange, Action.CANCEL, client_id="", venue_id="991"))
    assert sent(call)[2] == {"symbol": "ETHUSDC", "orderId": "991"}


def test_a_batch_is_one_request() -> None:
    ids = [f"alp-7-{number}" for number in range(5)]
    call = call_of(USDM, *(command("binance-usdm", client_id=each) for each in ids))
    method, path, params = sent(call)
    assert (method, path, call.weight, call.orders) == ("POST", "/fapi/v1/batchOrders", 5, 5)
    rows = json.loads(params.pop("batchOrders"))
    assert params == {}
    assert [row["newClientOrderId"] for row in rows] == ids
    there = call_of(USDM, *(command("binance-usdm", client_id=each) for each in ids), socket=True)
    assert there.message is None, "the socket takes one at a time"
    assert sent(there)[:2] == (method, path)
    alone = sent(call_of(USDM, command("binance-usdm", client_id="alp-7-0")))[2]
    assert rows[0] == alone
    amends = [command("binance-usdm", Action.AMEND, client_id=each) for each in ids]
    method, path, params = sent(call_of(USDM, *amends))
    assert (method, path) == ("PUT", "/fapi/v1/batchOrders")
    assert json.loads(params["batchOrders"])[4]["origClientOrderId"] == "alp-7-4"
    cancels = [command("binance-usdm", Action.CANCEL, client_id=each) for each in ids]
    method, path, params = sent(call_of(USDM, *cancels))
    assert (method, path) == ("DELETE", "/fapi/v1/batchOrders")
    assert params == {
        "symbol": "ETHUSDC",
        "origClientOrderIdList": '["alp-7-0","alp-7-1","alp-7-2","alp-7-3","alp-7-4"]',
    }


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize("kind", ["hmac", "rsa", "ed25519"])
def test_on_a_socket_each_message_is_signed_unless_the_connection_is_ours(
    exchange: str, action: Action, kind: str
) -> None:
    credentials = HMAC if kind == "hmac" else asymmetric(kind)
    adapter = BY_NAME[exchange]
    call = adapter.commands([command(exchange, action)], signer(credentials), socket=True)
    assert call.request is None
    assert call.message is not None
    message = json.loads(call.message)
    assert message["id"] == call.reference == f"{1:032x}"
    method = {
        Action.NEW: "order.place",
        Action.AMEND: "order.modify" if adapter is USDM else "order.amend.keepPriority",
        Action.CANCEL: "order.cancel",
    }
    assert message["method"] == method[action]
    params: dict[str, Any] = message["params"]
    if kind == "ed25519":
        assert params.pop("timestamp") == NOW_MS
    else:
        verify_call(credentials, params, now_ms=NOW_MS)
        for added in ("apiKey", "timestamp", "signature"):
            params.pop(added)
    assert params == sent(call_of(adapter, command(exchange, action)))[2]


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("kind", ["hmac", "rsa", "ed25519"])
def test_sockets_are_opened_by_the_best_means_a_key_has(exchange: str, kind: str) -> None:
    account = signer(HMAC if kind == "hmac" else asymmetric(kind))
    adapter = BY_NAME[exchange]
    plan = adapter.order_socket(account, "")
    assert plan is not None
    [opening] = (json.loads(message) for message in plan.opening)
    if kind == "ed25519":
        assert opening["method"] == "session.logon"
        verify_call(account.credentials, opening["params"], now_ms=NOW_MS)
    else:
        assert opening == {"id": "alp-open", "method": "session.status"}
    assert plan.ping_ns < plan.silence_ns
    assert plan.lifetime_ns < 24 * 3600 * 10**9
    events = adapter.stream(account, "KEY")
    if exchange == "binance-usdm":
        assert events.url == "wss://fstream.binance.com/private/ws?listenKey=KEY"
        assert events.renew_ns == 30 * 60 * 10**9
    else:
        assert events.url == plan.url == "wss://ws-api.binance.com:443/ws-api/v3"
        [opening] = (json.loads(message) for message in events.opening)
        verify_call(account.credentials, opening["params"], now_ms=NOW_MS)
        wanted = "session.logon" if kind == "ed25519" else "userDataStream.subscribe.signature"
        assert opening["method"] == wanted


def test_a_listen_key_is_asked_for_and_prolonged_by_the_name_of_the_account_alone() -> None:
    for key, method in (("", "POST"), ("abc", "PUT")):
        call = USDM.stream_key(signer(), key)
        assert call is not None
        assert call.request is not None
        assert call.request.method == method
        assert call.request.target == "/fapi/v1/listenKey"
        assert call.request.headers == {"X-MBX-APIKEY": HMAC.key}
    assert SPOT.stream_key(signer(), "") is None
    with pytest.raises(ConfigError, match="listen key"):
        USDM.stream(signer(), "")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_is_known_is_asked_for(exchange: str) -> None:
    adapter, account = BY_NAME[exchange], signer()
    eth = PRODUCTS[exchange]["ETHUSDC"]
    base = "/fapi/v1" if adapter is USDM else "/api/v3"
    call = adapter.query(command(exchange), account)
    assert sent(call) == (
        "GET",
        f"{base}/order",
        {"symbol": "ETHUSDC", "origClientOrderId": "alp-7-000001"},
    )
    btc = product(exchange, "BTCUSDC")
    calls = adapter.open_orders([eth, btc], account)
    assert [sent(each)[1:] for each in calls] == [
        (f"{base}/openOrders", {"symbol": "ETHUSDC"}),
        (f"{base}/openOrders", {"symbol": "BTCUSDC"}),
    ]
    paths = [sent(each)[1] for each in adapter.account([eth], account)]
    futures = ["/fapi/v3/balance", "/fapi/v3/positionRisk"]
    assert paths == (futures if adapter is USDM else ["/api/v3/account"])
    asked = adapter.permissions(account)
    assert asked is not None
    wanted = "/fapi/v1/accountConfig" if adapter is USDM else "/sapi/v1/account/apiRestrictions"
    assert sent(asked)[1] == wanted
    clock = adapter.time().request
    assert clock is not None
    assert (clock.method, clock.target, clock.headers) == ("GET", f"{base}/time", {})
    method, path, params = sent(adapter.cancel_all(eth, account))
    assert (method, params) == ("DELETE", {"symbol": "ETHUSDC"})
    assert path == f"{base}/{'allOpenOrders' if adapter is USDM else 'openOrders'}"


def test_only_usdm_has_a_timer() -> None:
    eth = PRODUCTS["binance-usdm"]["ETHUSDC"]
    call = USDM.dead_man(eth, USDM.dead_man_ns, signer())
    assert call is not None
    assert sent(call) == (
        "POST",
        "/fapi/v1/countdownCancelAll",
        {"symbol": "ETHUSDC", "countdownTime": "30000"},
    )
    assert call.weight == 10
    assert SPOT.dead_man(PRODUCTS["binance-spot"]["ETHUSDC"], 1, signer()) is None
    assert SPOT.dead_man_ns == 0
    assert Capability.DEAD_MAN_SYMBOL in USDM.capabilities
    assert Capability.DEAD_MAN_SYMBOL not in SPOT.capabilities


def test_trades_are_asked_for_in_windows_that_the_venue_allows() -> None:
    hour_ns = 3600 * 10**9
    for exchange, days in (("binance-usdm", 7), ("binance-spot", 1)):
        adapter, eth = BY_NAME[exchange], PRODUCTS[exchange]["ETHUSDC"]
        recent = sent(adapter.trades(eth, NOW_NS - hour_ns, signer()))[2]
        assert recent == {
            "symbol": "ETHUSDC",
            "startTime": str(NOW_MS - 3_600_000),
            "limit": "1000",
        }
        long_ago = sent(adapter.trades(eth, NOW_NS - 10 * 24 * hour_ns, signer()))[2]
        span = int(long_ago["endTime"]) - int(long_ago["startTime"])
        assert span == days * 24 * 3_600_000 - 1


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_what_cannot_be_is_refused_before_it_is_sent(exchange: str) -> None:
    adapter = BY_NAME[exchange]
    ok = command(exchange)
    impossible = [
        [],
        [command(exchange, client_id="")],
        [command(exchange, price=0)],
        [command(exchange, quantity=0)],
        [command(exchange, side=0)],
        [command(exchange, time_in_force=TimeInForce.IOC)],
        [ok, command(exchange, Action.CANCEL)],
        [ok] * 6,
        [command(exchange, Action.CANCEL, client_id="")],
    ]
    if exchange == "binance-spot":
        other = command(exchange, client_id="alp-7-000002")
        impossible += [[ok, other], [command(exchange, reduce_only=True)]]
    for commands in impossible:
        with pytest.raises(ConfigError):
            adapter.commands(commands, signer(), socket=False)
    with pytest.raises(ConfigError):
        adapter.cancel_all(None, signer())


def test_a_batch_of_cancels_is_by_ids_of_one_kind_and_a_timer_of_one_product() -> None:
    foreign = command("binance-usdm", Action.CANCEL, client_id="", venue_id="17")
    ours = command("binance-usdm", Action.CANCEL, venue_id="18")
    both = sent(call_of(USDM, foreign, ours))[2]
    assert both == {"symbol": "ETHUSDC", "orderIdList": "[17,18]"}
    mixed = [foreign, command("binance-usdm", Action.CANCEL)]
    with pytest.raises(ConfigError):
        USDM.commands(mixed, signer(), socket=False)
    with pytest.raises(ConfigError):
        USDM.dead_man(None, 1, signer())


def test_nothing_that_authenticates_is_shown() -> None:
    call = call_of(USDM, command("binance-usdm"))
    assert repr(call) == "Call(new, SignedRequest(POST /fapi/v1/order))"
    assert repr(call_of(USDM, command("binance-usdm"), socket=True)) == f"Call(new, {1:032x})"


def test_the_socket_for_orders_is_where_the_stream_is_unless_said_otherwise() -> None:
    here = orders_for("binance-spot", Endpoints("http://h:1/", "ws://h:1/"))
    assert here.endpoints == Endpoints("http://h:1", "ws://h:1", "ws://h:1")
    moved = orders_for("binance-usdm", Endpoints("", "", "wss://elsewhere"))
    assert moved.endpoints == Endpoints(
        "https://fapi.binance.com", "wss://fstream.binance.com", "wss://elsewhere"
    )
    with pytest.raises(ConfigError, match="sends no orders"):
        orders_for("nowhere")


def test_parameters_are_escaped_in_the_form_that_is_signed() -> None:
    call = call_of(USDM, *(command("binance-usdm", client_id=f"a-{n}") for n in range(2)))
    assert call.request is not None
    pairs = dict(parse_qsl(call.request.body.decode()))
    assert json.loads(pairs["batchOrders"])[1]["newClientOrderId"] == "a-1"
    assert b"%22" in call.request.body
