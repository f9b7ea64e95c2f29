"""Order entry of Coinbase Advanced Trade: bytes out, bytes in."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_kit import (
    COINBASE,
    COINBASE_FILL,
    NOW_NS,
    USDC,
    amend,
    cancel,
    damaged,
    kinds,
    named,
    new,
    read,
    signer,
    survives,
)

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.coinbase.order_errors import CANCELS, REASONS, meaning_of
from alp.venues.coinbase.order_requests import time_text
from alp.venues.coinbase.orders import CoinbaseOrders
from alp.venues.coinbase.signing import verify_request, verify_token
from alp.venues.orders import Answer, Call, Capability, Command, Policy, Signer, TimeInForce

API = "/api/v3/brokerage/"


@pytest.fixture
def adapter() -> CoinbaseOrders:
    return CoinbaseOrders()


@pytest.fixture
def owner() -> Signer:
    return signer(COINBASE)


def asked(call: Call) -> tuple[str, str, Any]:
    """Method, path and parameters of a request, whose token is good."""
    request = call.request
    assert request is not None
    path, _, query = request.target.partition("?")
    verify_request(
        COINBASE,
        request.method,
        path,
        authorization=request.headers["Authorization"],
        now_s=NOW_NS // 10**9,
    )
    params = json.loads(request.body) if request.body else dict(parse_qsl(query))
    return request.method, path.removeprefix(API), params


def accepted(order_id: str = "CB-1", client_id: str = "alp-1-1") -> dict[str, Any]:
    row = {"order_id": order_id, "product_id": "ETH-USDC", "client_order_id": client_id}
    return {"success": True, "success_response": row}


def failed(reason: str, preview: str = "UNKNOWN_PREVIEW_FAILURE_REASON") -> dict[str, Any]:
    row = {
        "error": "UNKNOWN_FAILURE_REASON",
        "message": "",
        "preview_failure_reason": preview,
        "new_order_failure_reason": reason,
    }
    return {"success": False, "failure_reason": "UNKNOWN_FAILURE_REASON", "error_response": row}


@pytest.mark.parametrize(
    ("changes", "configuration"),
    [
        (
            {},
            {
                "limit_limit_gtc": {
                    "base_size": "0.05000000",
                    "limit_price": "2650.10",
                    "post_only": True,
                }
            },
        ),
        (
            {"post_only": False},
            {
                "limit_limit_gtc": {
                    "base_size": "0.05000000",
                    "limit_price": "2650.10",
                    "post_only": False,
                }
            },
        ),
        (
            {"time_in_force": TimeInForce.IOC, "post_only": False},
            {"sor_limit_ioc": {"base_size": "0.05000000", "limit_price": "2650.10"}},
        ),
        (
            {"time_in_force": TimeInForce.FOK, "post_only": False},
            {"limit_limit_fok": {"base_size": "0.05000000", "limit_price": "2650.10"}},
        ),
    ],
)
def test_an_order_is_a_signed_request(
    adapter: CoinbaseOrders, owner: Signer, changes: dict[str, Any], configuration: Any
) -> None:
    call = adapter.commands([new(USDC, **changes)], owner, socket=False)
    assert asked(call) == (
        "POST",
        "orders",
        {
            "client_order_id": "alp-1-1",
            "product_id": "ETH-USDC",
            "side": "BUY",
            "order_configuration": configuration,
        },
    )


def test_an_edit_names_price_and_total_size(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.commands([amend(USDC)], owner, socket=False)
    terms = {"order_id": "V-1", "price": "2650.09", "size": "0.05000000"}
    assert asked(call) == ("POST", "orders/edit", terms)


def test_orders_are_canceled_by_the_venues_ids_only(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.commands([cancel(USDC, 1), cancel(USDC, 2)], owner, socket=False)
    assert asked(call) == ("POST", "orders/batch_cancel", {"order_ids": ["V-1", "V-2"]})
    assert not adapter.capabilities & Capability.CANCEL_BY_CLIENT_ID
    for command in (cancel(USDC, venue_id=""), amend(USDC, venue_id="")):
        with pytest.raises(ConfigError, match="not known yet"):
            adapter.commands([command], owner, socket=False)


@pytest.mark.parametrize(
    "commands",
    [
        [new(USDC, reduce_only=True)],
        [new(USDC, time_in_force=TimeInForce.IOC)],
        [amend(USDC, time_in_force=TimeInForce.IOC, post_only=False)],
        [new(USDC, quantity=0)],
        [new(USDC, 1), new(USDC, 2)],
        [cancel(USDC, number) for number in range(101)],
        [cancel(USDC, 1), amend(USDC, 2)],
    ],
)
def test_what_the_venue_cannot_do_is_refused_before_it_is_sent(
    adapter: CoinbaseOrders, owner: Signer, commands: list[Command]
) -> None:
    with pytest.raises(ConfigError):
        adapter.commands(commands, owner, socket=False)


def test_there_is_no_socket_for_orders_and_no_timer(adapter: CoinbaseOrders, owner: Signer) -> None:
    with pytest.raises(ConfigError, match="REST only"):
        adapter.commands([new(USDC)], owner, socket=True)
    assert adapter.order_socket(owner, "") is None
    assert adapter.dead_man(None, 60 * 10**9, owner) is None
    assert (adapter.stream_key(owner, ""), adapter.dead_man_ns) == (None, 0)


def test_a_token_names_the_host_that_is_asked(owner: Signer) -> None:
    elsewhere = CoinbaseOrders(Endpoints("http://127.0.0.1:8080", "ws://127.0.0.1:8080"))
    call = elsewhere.commands([new(USDC)], owner, socket=False)
    assert call.request is not None
    token = call.request.headers["Authorization"].removeprefix("Bearer ")
    claims = verify_token(COINBASE, token, now_s=NOW_NS // 10**9)
    assert claims["uri"] == f"POST 127.0.0.1:8080{API}orders"
    assert elsewhere.stream(owner, "").url == "ws://127.0.0.1:8080"


def test_success_is_an_acceptance(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.commands([new(USDC)], owner, socket=False)
    (fact,) = read(adapter, call, accepted(), USDC).facts
    assert (fact.kind, fact.venue_id) == (OrderEvent.ACKED, "CB-1")
    other = read(adapter, call, accepted(client_id="alp-1-2"), USDC)
    assert kinds(other) == [OrderEvent.UNKNOWN]
    call = adapter.commands([amend(USDC)], owner, socket=False)
    (fact,) = read(adapter, call, {"success": True}, USDC).facts
    assert (fact.kind, fact.command) == (OrderEvent.AMEND_ACKED, 1)


@pytest.mark.parametrize(("part", "meaning"), REASONS)
def test_a_failure_is_a_refusal_by_its_most_telling_reason(
    adapter: CoinbaseOrders, owner: Signer, part: str, meaning: Any
) -> None:
    call = adapter.commands([new(USDC)], owner, socket=False)
    for answer in (failed(part), failed("UNKNOWN_FAILURE_REASON", f"PREVIEW_{part}")):
        outcome = read(adapter, call, answer, USDC)
        (fact,) = outcome.facts
        assert outcome.policy is meaning.policy
        if meaning.policy is Policy.QUERY:
            assert fact.kind is OrderEvent.UNKNOWN
        else:
            assert (fact.kind, fact.reason) == (OrderEvent.REJECTED, meaning.reason)
    call = adapter.commands([amend(USDC)], owner, socket=False)
    for errors in ({"edit_failure_reason": part}, [{"edit_failure_reason": part}]):
        outcome = read(adapter, call, {"success": False, "errors": errors}, USDC)
        assert outcome.policy is meaning.policy
        unknown = meaning.policy is Policy.QUERY
        assert kinds(outcome) == [OrderEvent.AMEND_UNKNOWN if unknown else OrderEvent.AMEND_REFUSED]


def test_a_failure_without_a_reason_leaves_the_end_open_and_a_new_reason_does_not(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    call = adapter.commands([new(USDC)], owner, socket=False)
    outcome = read(adapter, call, failed("UNKNOWN_FAILURE_REASON"), USDC)
    assert (kinds(outcome), outcome.policy) == ([OrderEvent.UNKNOWN], Policy.QUERY)
    outcome = read(adapter, call, failed("MOON_IN_THE_WRONG_HOUSE"), USDC)
    assert (kinds(outcome), outcome.policy) == ([OrderEvent.REJECTED], Policy.RESYNC_STATE)
    assert outcome.text == "MOON_IN_THE_WRONG_HOUSE"
    assert meaning_of(["", "PREVIEW_INSUFFICIENT_FUND"])[1].reason is RejectReason.BALANCE


@pytest.mark.parametrize(
    ("status", "body", "policy", "kind"),
    [
        (429, {"errors": [{"id": "rate_limit_exceeded"}]}, Policy.RETRY_AFTER, OrderEvent.REJECTED),
        (401, b"Unauthorized\n", Policy.HALT, OrderEvent.REJECTED),
        (403, {"error": "PERMISSION_DENIED"}, Policy.HALT, OrderEvent.REJECTED),
        (400, {"error": "INVALID_ARGUMENT"}, Policy.FIX_CONFIG, OrderEvent.REJECTED),
        (400, b"<html>", Policy.QUERY, OrderEvent.UNKNOWN),
        (500, {"error": "INTERNAL"}, Policy.QUERY, OrderEvent.UNKNOWN),
        (503, b"", Policy.QUERY, OrderEvent.UNKNOWN),
        (200, b"", Policy.QUERY, OrderEvent.UNKNOWN),
    ],
)
def test_statuses(
    adapter: CoinbaseOrders,
    owner: Signer,
    status: int,
    body: Any,
    policy: Policy,
    kind: OrderEvent,
) -> None:
    call = adapter.commands([new(USDC)], owner, socket=False)
    outcome = read(adapter, call, body, USDC, status=status)
    assert (outcome.policy, kinds(outcome)) == (policy, [kind])


def test_each_cancel_has_its_own_end(adapter: CoinbaseOrders, owner: Signer) -> None:
    reasons = ["", *CANCELS, "DUPLICATE_CANCEL_REQUEST", "UNKNOWN_CANCEL_FAILURE_REASON"]
    cancels = [cancel(USDC, number) for number in range(len(reasons) + 1)]
    call = adapter.commands(cancels, owner, socket=False)
    rows = [
        {"success": not reason, "failure_reason": reason, "order_id": f"V-{number}"}
        for number, reason in enumerate(reasons)
    ]
    outcome = read(adapter, call, {"results": rows[::-1]}, USDC)
    assert kinds(outcome) == [
        OrderEvent.CANCEL_ACCEPTED,
        *[OrderEvent.CANCEL_REFUSED] * len(CANCELS),
        OrderEvent.CANCEL_ACCEPTED,
        OrderEvent.CANCEL_UNKNOWN,
        OrderEvent.CANCEL_UNKNOWN,
    ]
    assert outcome.policy is Policy.QUERY


def test_the_venues_own_count_of_requests_is_passed_on(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    call = adapter.commands([new(USDC)], owner, socket=False)
    headers = {"X-RateLimit-Limit": "30", "x-ratelimit-remaining": "28"}
    answer = Answer(json.dumps(accepted()).encode(), 200, headers)
    assert adapter.read(call, answer, named(USDC)).spent == {"requests-1s": 2}


ORDER = {
    "order_id": "V-1",
    "product_id": "ETH-USDC",
    "order_configuration": {
        "limit_limit_gtc": {"base_size": "0.05", "limit_price": "2650.1", "post_only": True}
    },
    "side": "BUY",
    "client_order_id": "alp-1-1",
    "status": "OPEN",
    "created_time": "2026-09-30T02:40:00.5Z",
    "filled_size": "0.02",
    "pending_cancel": False,
    "reject_reason": "REJECT_REASON_UNSPECIFIED",
    "last_fill_time": None,
    "edit_history": [],
}


@pytest.mark.parametrize(
    ("changes", "told", "reason"),
    [
        ({}, ["FOUND"], 0),
        ({"status": "PENDING", "filled_size": "0"}, ["ACKED"], 0),
        ({"status": "CANCEL_QUEUED"}, ["ACKED", "CUMULATIVE"], 0),
        ({"pending_cancel": True}, ["ACKED", "CUMULATIVE"], 0),
        ({"status": "FILLED", "filled_size": "0.05"}, ["FILLED"], 0),
        ({"status": "CANCELLED"}, ["CANCELED"], 0),
        ({"status": "EXPIRED"}, ["EXPIRED"], 0),
        (
            {"status": "FAILED", "filled_size": "0", "reject_reason": "INSUFFICIENT_FUND"},
            ["REJECTED"],
            RejectReason.BALANCE,
        ),
        ({"status": "FAILED"}, ["CANCELED"], 0),
        ({"status": "UNKNOWN_ORDER_STATUS"}, [], 0),
    ],
)
def test_a_query_tells_what_an_order_is(
    adapter: CoinbaseOrders, owner: Signer, changes: dict[str, Any], told: list[str], reason: int
) -> None:
    call = adapter.query(amend(USDC), owner)
    assert asked(call)[:2] == ("GET", "orders/historical/V-1")
    outcome = read(adapter, call, {"order": {**ORDER, **changes}}, USDC)
    assert [fact.kind.name for fact in outcome.facts] == told
    assert (outcome.policy is Policy.QUERY) == (not told)
    if told:
        assert (outcome.facts[0].reason, outcome.facts[0].venue_id) == (reason, "V-1")
    if told == ["FOUND"]:
        (fact,) = outcome.facts
        assert (fact.command, fact.price, fact.quantity, fact.cumulative) == (
            1,
            265_010,
            5_000_000,
            2_000_000,
        )
        assert fact.at_ns == 1_790_736_000_500_000_000


def test_terms_are_those_of_the_newest_edit(adapter: CoinbaseOrders, owner: Signer) -> None:
    edits = [
        {"price": "2650.08", "size": "0.06", "replace_accept_timestamp": "2026-09-30T03:00:00Z"},
        {"price": "2650.09", "size": "0.07", "replace_accept_timestamp": "2026-09-30T02:50:00Z"},
    ]
    call = adapter.query(amend(USDC), owner)
    for history in (edits, edits[::-1]):
        (fact,) = read(adapter, call, {"order": {**ORDER, "edit_history": history}}, USDC).facts
        assert (fact.price, fact.quantity) == (265_008, 6_000_000)


def test_an_order_of_another_product_is_not_the_one_that_was_sent(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    call = adapter.query(amend(USDC), owner)
    outcome = read(adapter, call, {"order": {**ORDER, "product_id": "ETH-USD"}}, USDC)
    assert (outcome.facts, outcome.policy) == ((), Policy.QUERY)


def test_an_order_that_is_not_there(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.query(amend(USDC), owner)
    outcome = read(adapter, call, {"error": "NOT_FOUND"}, USDC, status=404)
    assert kinds(outcome) == [OrderEvent.NOT_FOUND]
    outcome = read(adapter, call, b"<html>", USDC, status=404)
    assert (outcome.facts, outcome.policy) == ((), Policy.QUERY)


def test_an_order_without_the_venues_id_is_sought_in_the_lists(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    call = adapter.query(new(USDC), owner)
    assert asked(call) == (
        "GET",
        "orders/historical/batch",
        {"product_ids": "ETH-USDC", "limit": "250", "order_status": "OPEN"},
    )
    found = read(adapter, call, {"orders": [ORDER], "has_next": False, "cursor": ""}, USDC)
    assert kinds(found) == [OrderEvent.FOUND]

    other = {**ORDER, "client_order_id": "other"}
    paged = read(adapter, call, {"orders": [other], "has_next": True, "cursor": "c2"}, USDC)
    assert paged.more is not None
    assert asked(paged.more(owner))[2]["cursor"] == "c2"
    outcome = read(adapter, call, {"orders": [], "has_next": False, "cursor": ""}, USDC)
    assert outcome.more is not None
    call = outcome.more(owner)
    start = time_text(NOW_NS - 61 * 10**9)
    assert asked(call)[2] == {"product_ids": "ETH-USDC", "limit": "250", "start_date": start}
    outcome = read(adapter, call, {"orders": [], "has_next": True, "cursor": "c3"}, USDC)
    assert outcome.more is not None
    last = {"orders": [other], "has_next": False, "cursor": ""}
    assert kinds(read(adapter, outcome.more(owner), last, USDC)) == [OrderEvent.NOT_FOUND]


def test_open_orders_page_by_page(adapter: CoinbaseOrders, owner: Signer) -> None:
    (call,) = adapter.open_orders([USDC], owner)
    market = {**ORDER, "order_configuration": {"market_market_ioc": {"quote_size": "10"}}}
    foreign = {**ORDER, "product_id": "BTC-USD"}
    rows = [ORDER, market, foreign]
    outcome = read(adapter, call, {"orders": rows, "has_next": True, "cursor": "c2"}, USDC)
    (order,) = outcome.orders
    assert (order.client_id, order.venue_id, order.side) == ("alp-1-1", "V-1", 1)
    assert (order.price, order.quantity, order.filled) == (265_010, 5_000_000, 2_000_000)
    assert outcome.more is not None
    assert asked(outcome.more(owner))[2]["cursor"] == "c2"


def test_cancel_all_lists_and_cancels_until_the_list_ends(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    call = adapter.cancel_all(USDC, owner)
    assert asked(call)[2] == {"order_status": "OPEN", "limit": "100", "product_ids": "ETH-USDC"}
    outcome = read(adapter, call, {"orders": [ORDER], "has_next": True, "cursor": "c2"})
    assert outcome.more is not None
    call = outcome.more(owner)
    assert asked(call) == ("POST", "orders/batch_cancel", {"order_ids": ["V-1"]})
    rows = [{"success": False, "failure_reason": "ORDER_IS_FULLY_FILLED", "order_id": "V-1"}]
    outcome = read(adapter, call, {"results": rows})
    assert outcome.policy is Policy.RESYNC_STATE
    assert outcome.more is not None
    call = outcome.more(owner)
    assert asked(call)[2]["cursor"] == "c2"
    outcome = read(adapter, call, {"orders": [], "has_next": False, "cursor": ""})
    assert (outcome.more, outcome.policy) == (None, None)
    assert "product_ids" not in asked(adapter.cancel_all(None, owner))[2]


def test_trades_are_fills_with_exact_fees(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.trades(USDC, NOW_NS + 5, owner)
    assert asked(call)[2] == {
        "product_ids": "ETH-USDC",
        "start_sequence_timestamp": "2026-09-21T14:13:20.000000005Z",
        "limit": "250",
    }
    outcome = read(adapter, call, {"fills": [COINBASE_FILL], "cursor": "c2"}, USDC)
    (fact,) = outcome.facts
    assert (fact.kind, fact.venue_id, fact.trade_id) == (OrderEvent.FILL, "V-1", "T-1")
    assert (fact.price, fact.quantity, fact.side, fact.liquidity) == (265_010, 2_000_000, 1, 1)
    assert (fact.fee, fact.fee_asset) == (13_250_500, "USDC")
    assert fact.at_ns == 1_790_736_003_123_456_789
    assert outcome.more is not None
    assert asked(outcome.more(owner))[2]["cursor"] == "c2"
    quoted = {**COINBASE_FILL, "size": "53.002", "size_in_quote": True}
    assert read(adapter, call, {"fills": [quoted], "cursor": ""}, USDC).facts == ()
    odd = read(
        adapter, call, {"fills": [{**COINBASE_FILL, "trade_type": "REVERSAL"}], "cursor": ""}, USDC
    )
    assert (odd.facts, odd.policy, odd.more) == ((), Policy.RESYNC_STATE, None)


def test_accounts_permissions_and_the_clock(adapter: CoinbaseOrders, owner: Signer) -> None:
    (call,) = adapter.account([USDC], owner)
    row = {
        "currency": "USDC",
        "available_balance": {"value": "10.5", "currency": "USDC"},
        "hold": {"value": "0.25", "currency": "USDC"},
    }
    outcome = read(adapter, call, {"accounts": [row], "has_next": True, "cursor": "c2"})
    (balance,) = outcome.balances
    assert (balance.asset, balance.total, balance.available) == (
        "USDC",
        1_075_000_000,
        1_050_000_000,
    )
    assert outcome.more is not None
    call = adapter.permissions(owner) or call
    may = {"can_view": True, "can_trade": True, "can_transfer": True, "portfolio_uuid": "p"}
    assert read(adapter, call, may).permissions == {"read", "trade", "withdraw"}
    may["can_transfer"] = False
    assert read(adapter, call, may).permissions == {"read", "trade"}
    clock = {
        "iso": "2026-09-21T14:13:20Z",
        "epochSeconds": "1790000000",
        "epochMillis": "1790000000123",
    }
    assert read(adapter, adapter.time(), clock).venue_ns == NOW_NS + 123_000_000


CALLS = {
    "new": ([new(USDC)], accepted()),
    "refused": ([new(USDC)], failed("INSUFFICIENT_FUND")),
    "edit": ([amend(USDC)], {"success": False, "errors": [{"edit_failure_reason": "X"}]}),
    "cancel": (
        [cancel(USDC, 1), cancel(USDC, 2)],
        {
            "results": [
                {"success": True, "failure_reason": "", "order_id": "V-1"},
                {"success": False, "failure_reason": "UNKNOWN_CANCEL_ORDER", "order_id": "V-2"},
            ]
        },
    ),
}
STATUSES = st.sampled_from([200, 400, 401, 404, 429, 500, 503])


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), status=STATUSES)
def test_whatever_is_answered_no_command_is_lost(
    name: str, data: st.DataObject, status: int
) -> None:
    adapter = CoinbaseOrders()
    commands, answer = CALLS[name]
    call = adapter.commands(commands, signer(COINBASE), socket=False)
    survives(adapter, call, data.draw(damaged(answer)), status, named(USDC))


LIST = {"orders": [ORDER], "has_next": True, "cursor": "c"}
ASKED: dict[str, tuple[Any, Any]] = {
    "query": (lambda it, by: it.query(amend(USDC), by), {"order": ORDER}),
    "lists": (lambda it, by: it.query(new(USDC), by), LIST),
    "open": (lambda it, by: it.open_orders([USDC], by)[0], LIST),
    "all": (lambda it, by: it.cancel_all(USDC, by), LIST),
    "trades": (lambda it, by: it.trades(USDC, 0, by), {"fills": [COINBASE_FILL], "cursor": "c"}),
    "accounts": (
        lambda it, by: it.account([USDC], by)[0],
        {
            "accounts": [
                {"currency": "A", "available_balance": {"value": "1"}, "hold": {"value": "1"}}
            ]
        },
    ),
    "permissions": (lambda it, by: it.permissions(by), {"can_view": True, "can_trade": True}),
    "time": (lambda it, by: it.time(), {"epochMillis": "1790000000123"}),
}


@pytest.mark.parametrize("name", ASKED)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), status=STATUSES)
def test_whatever_is_answered_to_a_question_nothing_is_raised(
    name: str, data: st.DataObject, status: int
) -> None:
    adapter, by = CoinbaseOrders(), signer(COINBASE)
    ask, answer = ASKED[name]
    outcome = survives(adapter, ask(adapter, by), data.draw(damaged(answer)), status, named(USDC))
    if outcome.more is not None:
        outcome.more(by)
