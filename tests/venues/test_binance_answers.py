"""What Binance's answers say, as facts."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from binance_private import (
    EXCHANGES,
    NOW_MS,
    NOW_NS,
    PRODUCTS,
    SPOT,
    USDM,
    call_of,
    command,
    kinds,
    order,
    read,
    signer,
)

from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.orders import (
    ORDERS,
    WEIGHT,
    Action,
    Answer,
    Balance,
    Call,
    Command,
    Fact,
    Outcome,
    Policy,
    PositionNews,
)

BY_NAME = dict(zip(EXCHANGES, (USDM, SPOT), strict=True))
E = OrderEvent


def test_a_new_order_is_acknowledged_with_the_venues_id() -> None:
    call = call_of(USDM, command("binance-usdm"))
    outcome = read(USDM, call, order("binance-usdm"))
    assert outcome.facts == (
        Fact(
            E.ACKED,
            "alp-7-000001",
            "8389765123",
            "ETHUSDC",
            cumulative=0,
            side=1,
            at_ns=NOW_NS,
        ),
    )
    assert outcome.policy is None


def test_a_bare_acknowledgement_says_nothing_of_what_is_filled() -> None:
    call = call_of(SPOT, command("binance-spot"))
    bare = {"symbol": "ETHUSDC", "orderId": 7, "clientOrderId": "alp-7-000001"}
    [fact] = read(SPOT, call, bare | {"transactTime": NOW_MS}).facts
    assert (fact.kind, fact.venue_id, fact.cumulative) == (E.ACKED, "7", -1)


def test_an_order_that_took_tells_its_trades_fees_and_end() -> None:
    taker = command("binance-spot", post_only=False)
    fills = [
        {
            "price": "248.10000000",
            "qty": "0.02000000",
            "commission": "0.00000150",
            "commissionAsset": "BNB",
            "tradeId": 56,
        },
        {
            "price": "248.12000000",
            "qty": "0.00500000",
            "commission": "-0.00000001",
            "commissionAsset": "BNB",
            "tradeId": 57,
        },
    ]
    full = order("binance-spot", status="FILLED", executedQty="0.02500000", fills=fills)
    facts = read(SPOT, call_of(SPOT, taker), full).facts
    assert kinds(facts) == ["ACKED", "FILL", "FILL", "FILLED"]
    assert (facts[1].price, facts[1].quantity, facts[1].trade_id) == (24_810, 200, "56")
    assert (facts[1].fee, facts[1].fee_asset, facts[1].liquidity) == (150, "BNB", 2)
    assert facts[2].fee == -1
    assert facts[3].cumulative == 250


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ("NEW", ["ACKED"]),
        ("PARTIALLY_FILLED", ["ACKED"]),
        ("FILLED", ["ACKED", "FILLED"]),
        ("EXPIRED", ["ACKED", "EXPIRED"]),
        ("EXPIRED_IN_MATCH", ["ACKED", "EXPIRED"]),
        ("CANCELED", ["ACKED", "CANCELED"]),
        ("REJECTED", ["REJECTED"]),
        ("NEW_ADL", ["UNKNOWN"]),
    ],
)
def test_the_status_of_an_answer_says_whether_the_order_ended(status: str, said: list[str]) -> None:
    call = call_of(USDM, command("binance-usdm"))
    assert kinds(read(USDM, call, order("binance-usdm", status=status)).facts) == said


def test_an_amend_is_confirmed_with_its_terms_and_number() -> None:
    call = call_of(USDM, command("binance-usdm", Action.AMEND))
    answer = order("binance-usdm", price="2481.20", origQty="0.300", executedQty="0.1")
    [fact] = read(USDM, call, answer).facts
    assert (fact.kind, fact.command, fact.price, fact.quantity, fact.cumulative) == (
        E.AMEND_ACKED,
        3,
        24_812,
        300,
        100,
    )
    call = call_of(SPOT, command("binance-spot", Action.AMEND, quantity=200))
    amended = order("binance-spot", qty="0.02000000", origClientOrderId="alp-7-000001")
    amended.pop("origQty")
    answer = {"transactTime": NOW_MS, "executionId": 9, "amendedOrder": amended}
    [fact] = read(SPOT, call, answer).facts
    assert (fact.kind, fact.command, fact.quantity) == (E.AMEND_ACKED, 3, 200)


def test_an_order_that_its_amend_ended_has_not_the_new_terms() -> None:
    call = call_of(USDM, command("binance-usdm", Action.AMEND))
    answer = order("binance-usdm", status="CANCELED", executedQty="0.1")
    facts = read(USDM, call, answer).facts
    assert kinds(facts) == ["AMEND_REFUSED", "CANCELED"]
    assert (facts[0].command, facts[1].cumulative) == (3, 100)


def test_a_cancel_ends_the_order_with_what_was_filled() -> None:
    call = call_of(USDM, command("binance-usdm", Action.CANCEL))
    answer = order("binance-usdm", status="CANCELED", executedQty="0.125")
    facts = read(USDM, call, answer).facts
    assert kinds(facts) == ["CANCEL_ACCEPTED", "CANCELED"]
    assert (facts[0].command, facts[1].cumulative) == (3, 125)
    call = call_of(SPOT, command("binance-spot", Action.CANCEL))
    answer = order(
        "binance-spot",
        status="CANCELED",
        origClientOrderId="alp-7-000001",
        clientOrderId="the-cancel's-own",
    )
    facts = read(SPOT, call, answer).facts
    assert kinds(facts) == ["CANCEL_ACCEPTED", "CANCELED"]
    assert facts[1].client_id == "alp-7-000001"


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    "wrong",
    [
        {"clientOrderId": "another"},
        {"symbol": "BTCUSDC"},
        {"orderId": None},
        {"orderId": 2**70},
        {"orderId": -4},
        {"status": "WHATEVER"},
        {"executedQty": 0.1},
        {"executedQty": "0.00005"},
        {"executedQty": "-0.1"},
        {"price": "2481.301"},
    ],
)
def test_an_answer_that_is_not_about_the_command_leaves_its_outcome_unknown(
    exchange: str, action: Action, wrong: dict[str, Any]
) -> None:
    adapter = BY_NAME[exchange]
    call = call_of(adapter, command(exchange, action))
    outcome = read(adapter, call, order(exchange) | wrong)
    name = {Action.NEW: E.UNKNOWN, Action.AMEND: E.AMEND_UNKNOWN, Action.CANCEL: E.CANCEL_UNKNOWN}
    assert [fact.kind for fact in outcome.facts] == [name[action]]
    assert outcome.facts[0].client_id == "alp-7-000001"
    assert outcome.facts[0].command == call.commands[0].number
    assert outcome.policy is Policy.QUERY


def batch(action: Action = Action.NEW, count: int = 3) -> tuple[Call, list[Command]]:
    commands = [
        command("binance-usdm", action, client_id=f"alp-7-{number}") for number in range(count)
    ]
    return USDM.commands(commands, signer(), socket=False), commands


def test_each_of_a_batch_has_its_own_answer() -> None:
    call, _ = batch()
    rows = [
        order("binance-usdm", clientOrderId="alp-7-0"),
        {"code": -5022, "msg": "Due to the order could not be executed as maker …"},
        order("binance-usdm", clientOrderId="alp-7-2", orderId=12),
    ]
    outcome = read(USDM, call, rows)
    assert kinds(outcome.facts) == ["ACKED", "REJECTED", "ACKED"]
    assert outcome.facts[1].reason is RejectReason.POST_ONLY
    assert [fact.client_id for fact in outcome.facts] == ["alp-7-0", "alp-7-1", "alp-7-2"]
    assert outcome.policy is Policy.REQUOTE


def test_one_of_a_batch_that_cannot_be_read_is_unknown_and_the_others_are_not() -> None:
    call, _ = batch()
    rows = [
        order("binance-usdm", clientOrderId="alp-7-0"),
        {"code": -1007, "msg": "Timeout waiting for response from backend server."},
        {"clientOrderId": "alp-7-2"},
    ]
    outcome = read(USDM, call, rows)
    assert kinds(outcome.facts) == ["ACKED", "UNKNOWN", "UNKNOWN"]
    assert outcome.policy is Policy.QUERY


def test_a_batch_with_an_answer_missing_says_nothing_of_any() -> None:
    for action, unknown in ((Action.NEW, "UNKNOWN"), (Action.CANCEL, "CANCEL_UNKNOWN")):
        call, _ = batch(action)
        rows = [order("binance-usdm", clientOrderId=f"alp-7-{n}") for n in range(2)]
        outcome = read(USDM, call, rows)
        assert kinds(outcome.facts) == [unknown] * 3
        assert outcome.policy is Policy.QUERY


def test_the_most_serious_error_of_a_batch_is_its_policy() -> None:
    call, _ = batch()
    rows = [
        {"code": -5022, "msg": "post only"},
        {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."},
        {"code": -4164, "msg": "Order's notional must be no smaller than 20"},
    ]
    outcome = read(USDM, call, rows)
    assert [fact.reason.name for fact in outcome.facts] == ["POST_ONLY", "AUTH", "NOTIONAL_FILTER"]
    assert outcome.policy is Policy.HALT
    assert "-2015" in outcome.text


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(
    ("status", "kind"),
    [
        ("NEW", E.FOUND),
        ("PARTIALLY_FILLED", E.FOUND),
        ("FILLED", E.FILLED),
        ("CANCELED", E.CANCELED),
        ("EXPIRED", E.EXPIRED),
        ("EXPIRED_IN_MATCH", E.EXPIRED),
        ("REJECTED", E.REJECTED),
    ],
)
def test_a_query_finds_the_order_open_or_ended(
    exchange: str, status: str, kind: OrderEvent
) -> None:
    adapter = BY_NAME[exchange]
    call = adapter.query(command(exchange, Action.AMEND, number=4), signer())
    [fact] = read(adapter, call, order(exchange, status=status)).facts
    assert (fact.kind, fact.venue_id, fact.at_ns) == (kind, "8389765123", NOW_NS)
    if kind is E.FOUND:
        assert (fact.command, fact.price, fact.quantity) == (4, 24_813, 250)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_an_order_that_is_not_there_is_said_so_and_nothing_is_wrong(exchange: str) -> None:
    adapter = BY_NAME[exchange]
    call = adapter.query(command(exchange), signer())
    outcome = read(adapter, call, {"code": -2013, "msg": "Order does not exist."}, 400)
    assert kinds(outcome.facts) == ["NOT_FOUND"]
    assert outcome.facts[0].client_id == "alp-7-000001"
    assert outcome.policy is None
    for body, status in ((b"", 502), (b"{}", 200), ({"code": -1007, "msg": "Timeout"}, 408)):
        outcome = read(adapter, call, body, status)
        assert outcome.facts == ()
        assert outcome.policy is Policy.QUERY


def test_orders_that_the_venue_forgets_ended_without_a_trade() -> None:
    day_ns = 24 * 3600 * 10**9
    gone = {"code": -2013, "msg": "Order does not exist."}
    for days, said in ((2, "NOT_FOUND"), (4, "CANCELED")):
        old = command("binance-usdm", sent_ns=NOW_NS - days * day_ns)
        [fact] = read(USDM, USDM.query(old, signer()), gone, 400).facts
        assert fact.kind.name == said
    assert fact.cumulative == 0
    old = command("binance-spot", sent_ns=NOW_NS - 100 * day_ns)
    call = SPOT.query(old, signer())
    assert kinds(read(SPOT, call, gone, 400).facts) == ["NOT_FOUND"]
    archived = {"code": -2026, "msg": "Order was canceled or expired with no executed qty."}
    [fact] = read(SPOT, call, archived, 400).facts
    assert (fact.kind.name, fact.client_id, fact.cumulative) == ("CANCELED", "alp-7-000001", 0)
    unsure = read(SPOT, call, {"code": -1007, "msg": "Timeout"}, 400)
    assert unsure.facts == ()


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_open_orders_of_other_products_and_of_others_are_told_apart(exchange: str) -> None:
    adapter = BY_NAME[exchange]
    [call] = adapter.open_orders([PRODUCTS[exchange]["ETHUSDC"]], signer())
    rows = [
        order(exchange, status="PARTIALLY_FILLED", executedQty="0.010", time=NOW_MS),
        order(exchange, clientOrderId="a-program-of-somebody-else", orderId=8, side="SELL"),
        order(exchange, symbol="DOGEUSDC", price="0.1234567"),
    ]
    ours, theirs = read(adapter, call, rows).orders
    assert (ours.client_id, ours.filled, ours.side) == (
        "alp-7-000001",
        10 if adapter is USDM else 100,
        1,
    )
    assert (theirs.client_id, theirs.venue_id, theirs.side) == ("", "8", -1)
    assert read(adapter, call, []).orders == ()
    assert read(adapter, call, {}).policy is Policy.QUERY


def usdm_trade(number: int, **changes: Any) -> dict[str, Any]:
    return {
        "symbol": "ETHUSDC",
        "id": number,
        "orderId": 8_389_765_123,
        "side": "SELL",
        "price": "2481.40",
        "qty": "0.005",
        "commission": "0.00555670",
        "commissionAsset": "USDC",
        "time": NOW_MS,
        "maker": True,
    } | changes


def spot_trade(number: int) -> dict[str, Any]:
    return usdm_trade(number, price="248.14000000", qty="0.00500000", isBuyer=False, isMaker=True)


def params_of(call: Call) -> dict[str, list[str]]:
    assert call.request is not None
    return parse_qs(urlsplit(call.request.target).query)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_trades_are_fills_with_their_fee_and_the_venues_id(exchange: str) -> None:
    adapter, eth = BY_NAME[exchange], PRODUCTS[exchange]["ETHUSDC"]
    call = adapter.trades(eth, NOW_NS - 10**9, signer())
    row = usdm_trade(91) if adapter is USDM else spot_trade(91)
    outcome = read(adapter, call, [row])
    assert outcome.facts == (
        Fact(
            E.FILL,
            "",
            "8389765123",
            "ETHUSDC",
            price=24_814,
            quantity=5 if adapter is USDM else 50,
            trade_id="91",
            side=-1,
            fee=555_670,
            fee_asset="USDC",
            liquidity=1,
            at_ns=NOW_NS,
        ),
    )
    assert outcome.more is None


def test_pages_go_on_after_the_last_trade_until_one_is_not_full() -> None:
    eth = PRODUCTS["binance-usdm"]["ETHUSDC"]
    call = USDM.trades(eth, NOW_NS - 10**9, signer())
    outcome = read(USDM, call, [usdm_trade(number) for number in range(1, 1001)])
    assert len(outcome.facts) == 1000
    assert outcome.more is not None
    following = outcome.more(signer())
    assert params_of(following)["fromId"] == ["1001"]
    assert "startTime" not in params_of(following)
    assert read(USDM, following, [usdm_trade(1001)]).more is None


def test_windows_without_a_trade_are_passed_until_now() -> None:
    eth = PRODUCTS["binance-spot"]["ETHUSDC"]
    day_ns = 24 * 3600 * 10**9
    call = SPOT.trades(eth, NOW_NS - 3 * day_ns, signer())
    starts = [int(params_of(call)["startTime"][0])]
    while (more := read(SPOT, call, []).more) is not None:
        call = more(signer())
        starts.append(int(params_of(call)["startTime"][0]))
    assert len(starts) == 4
    assert starts[-1] > NOW_MS - 24 * 3_600_000
    assert "endTime" not in params_of(call)


def test_a_window_with_trades_is_followed_by_all_after_them() -> None:
    eth = PRODUCTS["binance-spot"]["ETHUSDC"]
    call = SPOT.trades(eth, NOW_NS - 3 * 24 * 3600 * 10**9, signer())
    more = read(SPOT, call, [spot_trade(41)]).more
    assert more is not None
    assert params_of(more(signer()))["fromId"] == ["42"]


def test_balances_and_positions_of_futures() -> None:
    balances, positions = USDM.account([PRODUCTS["binance-usdm"]["ETHUSDC"]], signer())
    rows = [{"asset": "USDC", "balance": "122.12345678", "availableBalance": "23.1"}]
    assert read(USDM, balances, rows).balances == (Balance("USDC", 12_212_345_678, 2_310_000_000),)
    row = {
        "symbol": "ETHUSDC",
        "positionSide": "BOTH",
        "positionAmt": "-0.015",
        "entryPrice": "2481.337",
    }
    other = row | {"symbol": "DOGEUSDC", "positionAmt": "1"}
    assert read(USDM, positions, [other, row]).positions == (PositionNews("ETHUSDC", -15, 24_813),)
    assert read(USDM, positions, []).positions == (PositionNews("ETHUSDC", 0),)
    hedged = read(USDM, positions, [row | {"positionSide": "SHORT"}])
    assert hedged.policy is Policy.HALT
    assert "one-way" in hedged.text


def test_balances_of_spot() -> None:
    [call] = SPOT.account([], signer())
    rows = [{"asset": "ETH", "free": "1.5", "locked": "0.00000001"}]
    [balance] = read(SPOT, call, {"balances": rows}).balances
    assert balance == Balance("ETH", 150_000_001, 150_000_000)


def test_what_a_key_may_do() -> None:
    call = SPOT.permissions(signer())
    assert call is not None
    told = {"enableReading": True, "enableSpotAndMarginTrading": True, "enableWithdrawals": True}
    assert read(SPOT, call, told).permissions == {"read", "trade", "withdraw"}
    safe = told | {"enableWithdrawals": False}
    assert read(SPOT, call, safe).permissions == {"read", "trade"}
    silent = read(SPOT, call, {"enableReading": True})
    assert (silent.permissions, silent.policy) == (frozenset(), Policy.QUERY)
    nobody_knows = read(SPOT, call, b"<html>not found</html>", 404)
    assert nobody_knows.permissions == {"read", "trade"}, "a test system"
    assert read(SPOT, call, b"", 502).permissions == frozenset()
    call = USDM.permissions(signer())
    assert call is not None
    account = {"canTrade": True, "canWithdraw": True, "dualSidePosition": False}
    assert read(USDM, call, account).permissions == {"read", "trade"}
    assert read(USDM, call, account | {"canTrade": False}).permissions == {"read"}
    assert read(USDM, call, account | {"dualSidePosition": True}).policy is Policy.HALT


def test_listen_keys() -> None:
    call = USDM.stream_key(signer(), "")
    assert call is not None
    assert read(USDM, call, {"listenKey": "abcDEF123"}).text == "abcDEF123"
    for wrong in ({}, {"listenKey": ""}, {"listenKey": "a&b"}, {"listenKey": "a b"}):
        assert read(USDM, call, wrong).policy is Policy.QUERY
    renewal = USDM.stream_key(signer(), "abc")
    assert renewal is not None
    assert read(USDM, renewal, {}).text == "abc"
    assert read(USDM, renewal, {"listenKey": "abc"}).text == "abc"
    gone = read(USDM, renewal, {"code": -1125, "msg": "This listenKey does not exist."}, 400)
    assert gone.policy is Policy.RESYNC_STATE


def test_cancelling_everything() -> None:
    eth = PRODUCTS["binance-usdm"]["ETHUSDC"]
    done = {"code": 200, "msg": "The operation of cancel all open order is done."}
    assert read(USDM, USDM.cancel_all(eth, signer()), done) == Outcome()
    call = SPOT.cancel_all(PRODUCTS["binance-spot"]["ETHUSDC"], signer())
    ended = order(
        "binance-spot",
        status="CANCELED",
        origClientOrderId="alp-7-000001",
        clientOrderId="x",
        executedQty="0.01000000",
    )
    listed = {"orderListId": 1929, "orderReports": [ended | {"orderId": 5}]}
    facts = read(SPOT, call, [ended, listed, ended | {"symbol": "BTCUSDC"}]).facts
    assert kinds(facts) == ["CANCELED", "CANCELED"]
    assert (facts[0].client_id, facts[0].cumulative) == ("alp-7-000001", 100)
    nothing = read(SPOT, call, {"code": -2011, "msg": "Unknown order sent."}, 400)
    assert (nothing.facts, nothing.policy) == ((), None)


def test_the_clock_and_the_timer() -> None:
    for adapter in (USDM, SPOT):
        assert read(adapter, adapter.time(), {"serverTime": NOW_MS}).venue_ns == NOW_NS
        assert read(adapter, adapter.time(), {}).policy is Policy.QUERY
    call = USDM.dead_man(PRODUCTS["binance-usdm"]["ETHUSDC"], 30 * 10**9, signer())
    assert call is not None
    assert read(USDM, call, {"symbol": "ETHUSDC", "countdownTime": "30000"}).policy is None


def test_counters_come_by_header_and_in_answers_of_the_socket() -> None:
    call = call_of(USDM, command("binance-usdm"))
    headers = {
        "X-MBX-USED-WEIGHT-1M": "21",
        "x-mbx-order-count-10s": "3",
        "X-MBX-ORDER-COUNT-1M": "14",
        "X-MBX-USED-WEIGHT": "9",
        "X-MBX-ORDER-COUNT-1D": "x",
    }
    spent = read(USDM, call, order("binance-usdm"), headers=headers).spent
    assert spent == {WEIGHT: 21, ORDERS: 3, "orders-1m": 14}
    refused = read(USDM, call, {"code": -5022, "msg": "post only"}, 400, headers)
    assert refused.spent == spent
    assert read(USDM, call, b"<html>", 200, headers).policy is Policy.QUERY
    limits = [
        {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "count": -1},
        {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "count": 1},
        {"rateLimitType": "ORDERS", "interval": "DAY", "intervalNum": 1, "count": 2},
        "whatever",
    ]
    call = call_of(USDM, command("binance-usdm"), socket=True)
    answer = {"id": call.reference, "status": 200, "result": order("binance-usdm")}
    body = json.dumps(answer | {"rateLimits": limits}).encode()
    outcome = USDM.read(call, Answer(body), PRODUCTS["binance-usdm"])
    assert kinds(outcome.facts) == ["ACKED"]
    assert outcome.spent == {ORDERS: 1, "orders-1d": 2}


def test_answers_of_the_socket_are_read_alike() -> None:
    products = PRODUCTS["binance-spot"]
    call = call_of(SPOT, command("binance-spot", Action.CANCEL), socket=True)
    error = {
        "id": call.reference,
        "status": 400,
        "error": {"code": -2011, "msg": "Unknown order sent."},
    }
    outcome = SPOT.read(call, Answer(json.dumps(error).encode()), products)
    assert kinds(outcome.facts) == ["CANCEL_REFUSED"]
    assert outcome.policy is Policy.QUERY
    for body in (
        {"id": call.reference, "status": 500, "error": {"code": -1000, "msg": "?"}},
        {"id": call.reference, "status": 504},
        {"id": call.reference, "status": 200},
        {"id": call.reference},
        [],
    ):
        outcome = SPOT.read(call, Answer(json.dumps(body).encode()), products)
        assert kinds(outcome.facts) == ["CANCEL_UNKNOWN"]
        assert outcome.policy is Policy.QUERY
