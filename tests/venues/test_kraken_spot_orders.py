"""Order entry of Kraken spot: bytes out, bytes in."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import pytest
from accounts import KEY, KRAKEN
from hypothesis import given, settings
from hypothesis import strategies as st
from order_kit import (
    BTC,
    NOW_NS,
    SPOT,
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
from alp.venues.kraken.order_errors import SPOT as ERRORS
from alp.venues.kraken.order_errors import spot_meaning
from alp.venues.kraken.rate_counter import TIERS, batch_cost, cost
from alp.venues.kraken.signing import verify_request
from alp.venues.kraken.spot_orders import KrakenSpotOrders
from alp.venues.orders import Action, Call, Command, Outcome, Policy, TimeInForce

TIMES = {"time_in": "2026-01-21T12:33:34.457870Z", "time_out": "2026-01-21T12:33:34.460575Z"}


@pytest.fixture
def adapter() -> KrakenSpotOrders:
    made = KrakenSpotOrders()
    made.order_socket(signer(), "TOKEN")
    return made


def sent(call: Call) -> Any:
    """The message of a call, its numbers as they are written."""
    assert call.message is not None
    return json.loads(call.message, parse_float=str, parse_int=str)


def form(call: Call) -> tuple[str, dict[str, str]]:
    """Method and parameters of a request, whose signature is good."""
    request = call.request
    assert request is not None
    verify_request(
        KRAKEN,
        request.target,
        request.body,
        key=request.headers["API-Key"],
        signature=request.headers["API-Sign"],
        is_json=request.headers["Content-Type"] == "application/json",
    )
    if request.headers["Content-Type"] == "application/json":
        params = json.loads(request.body)
    else:
        params = dict(parse_qsl(request.body.decode(), strict_parsing=True))
    del params["nonce"]
    return request.target.rpartition("/")[2], params


def replied(call: Call, result: Any = None, error: str = "") -> dict[str, Any]:
    """An answer on the WebSocket."""
    told = {"error": error} if error else {"result": result}
    reference = int(call.reference)
    return {"method": "any", "req_id": reference, "success": not error, **told, **TIMES}


def test_an_order_by_socket_has_bare_numbers_with_the_decimals_of_the_grid(
    adapter: KrakenSpotOrders,
) -> None:
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    message = sent(call)
    assert message["method"] == "add_order"
    assert message["req_id"] == call.reference
    assert message["params"] == {
        "order_type": "limit",
        "side": "buy",
        "order_qty": "0.05000000",
        "limit_price": "2650.10",
        "time_in_force": "gtc",
        "post_only": True,
        "fee_preference": "quote",
        "cl_ord_id": "alp-1-1",
        "symbol": "ETH/USDC",
        "token": "TOKEN",
    }
    assert b'"order_qty":0.05000000,' in (call.message or b"")


def test_an_order_by_rest_is_a_signed_form(adapter: KrakenSpotOrders) -> None:
    sell = new(
        BTC, side=-1, post_only=False, time_in_force=TimeInForce.IOC, price=8_000_000, quantity=1
    )
    call = adapter.commands([sell], signer(), socket=False)
    assert form(call) == (
        "AddOrder",
        {
            "pair": "XBTUSD",
            "ordertype": "limit",
            "type": "sell",
            "volume": "0.00000001",
            "price": "80000.00",
            "oflags": "fciq",
            "cl_ord_id": "alp-1-1",
            "timeinforce": "IOC",
        },
    )
    assert call.request is not None
    assert call.request.headers["API-Key"] == KEY
    assert (call.weight, call.orders) == (0, 1)


@given(price=st.integers(1, 2**50), quantity=st.integers(1, 2**50), decimals=st.integers(0, 10))
def test_what_is_sent_is_the_price_and_the_quantity_exactly(
    price: int, quantity: int, decimals: int
) -> None:
    adapter = KrakenSpotOrders()
    adapter.order_socket(signer(), "T")
    grid = replace(SPOT.price, decimals=decimals)
    instrument = replace(SPOT, price=grid)
    command = new(instrument, price=price, quantity=quantity)
    params = sent(adapter.commands([command], signer(), socket=True))["params"]
    _, rest = form(adapter.commands([command], signer(), socket=False))
    assert params["limit_price"] == rest["price"]
    assert Decimal(rest["price"]) == grid.value(price)
    assert SPOT.order_quantity.count(params["order_qty"]) == quantity
    assert SPOT.order_quantity.count(rest["volume"]) == quantity


def test_an_amend_and_a_cancel_name_the_venues_id_or_ours(adapter: KrakenSpotOrders) -> None:
    message = sent(adapter.commands([amend(SPOT)], signer(), socket=True))
    assert message["method"] == "amend_order"
    assert message["params"] == {
        "order_id": "V-1",
        "order_qty": "0.05000000",
        "limit_price": "2650.09",
        "post_only": True,
        "token": "TOKEN",
    }
    unnamed = cancel(SPOT, venue_id="")
    message = sent(adapter.commands([unnamed], signer(), socket=True))
    assert message["method"] == "cancel_order"
    assert message["params"] == {"cl_ord_id": ["alp-1-1"], "token": "TOKEN"}
    assert form(adapter.commands([unnamed], signer(), socket=False)) == (
        "CancelOrder",
        {"cl_ord_id": "alp-1-1"},
    )
    method, params = form(adapter.commands([amend(SPOT)], signer(), socket=False))
    assert (method, params["txid"], params["order_qty"]) == ("AmendOrder", "V-1", "0.05000000")


def test_batches_go_in_one_message(adapter: KrakenSpotOrders) -> None:
    orders = [new(SPOT, number) for number in range(1, 4)]
    message = sent(adapter.commands(orders, signer(), socket=True))
    assert (message["method"], message["params"]["symbol"]) == ("batch_add", "ETH/USDC")
    assert [each["cl_ord_id"] for each in message["params"]["orders"]] == [
        each.client_id for each in orders
    ]
    method, params = form(adapter.commands(orders, signer(), socket=False))
    assert (method, params["pair"], len(params["orders"])) == ("AddOrderBatch", "ETHUSDC", 3)
    cancels = [cancel(SPOT, 1), cancel(SPOT, 2, venue_id="")]
    message = sent(adapter.commands(cancels, signer(), socket=True))
    assert message["method"] == "batch_cancel"
    assert (message["params"]["orders"], message["params"]["cl_ord_id"]) == (["V-1"], ["alp-1-2"])
    method, params = form(adapter.commands(cancels, signer(), socket=False))
    assert method == "CancelOrderBatch"
    assert params == {"orders": ["V-1"], "cl_ord_ids": ["alp-1-2"]}


@pytest.mark.parametrize(
    "commands",
    [
        [new(SPOT, reduce_only=True)],
        [new(SPOT, time_in_force=TimeInForce.IOC)],
        [new(SPOT, price=0)],
        [new(SPOT, number) for number in range(16)],
        [amend(SPOT, 1), amend(SPOT, 2)],
        [new(SPOT, 1), new(BTC, 2)],
        [new(SPOT, 1), cancel(SPOT, 2)],
    ],
)
def test_what_the_venue_cannot_do_is_refused_before_it_is_sent(
    adapter: KrakenSpotOrders, commands: list[Command]
) -> None:
    with pytest.raises(ConfigError):
        adapter.commands(commands, signer(), socket=False)


def test_a_message_has_the_token_of_its_own_socket(adapter: KrakenSpotOrders) -> None:
    adapter.stream(signer(), "ANOTHER")
    call = adapter.commands([cancel(SPOT)], signer(), socket=True)
    assert sent(call)["params"]["token"] == "TOKEN"


def test_without_a_token_there_is_no_message() -> None:
    with pytest.raises(ConfigError, match="no socket"):
        KrakenSpotOrders().commands([new(SPOT)], signer(), socket=True)


def test_an_acceptance_names_the_venues_id(adapter: KrakenSpotOrders) -> None:
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    result = {"order_id": "OXZPAJ-ONWQU-KMAMPL", "cl_ord_id": "alp-1-1"}
    outcome = read(adapter, call, replied(call, result), SPOT)
    assert outcome.policy is None
    (fact,) = outcome.facts
    assert (fact.kind, fact.venue_id) == (OrderEvent.ACKED, "OXZPAJ-ONWQU-KMAMPL")
    rest = adapter.commands([new(SPOT)], signer(), socket=False)
    for warnings in ([], ["WGeneral:Something"]):
        answer = {"error": warnings, "result": {"txid": ["O-1"]}}
        (fact,) = read(adapter, rest, answer, SPOT).facts
        assert (fact.kind, fact.venue_id) == (OrderEvent.ACKED, "O-1")


@pytest.mark.parametrize(("error", "meaning"), ERRORS)
def test_every_error_is_a_refusal_by_both_ways_or_leaves_the_end_open(
    adapter: KrakenSpotOrders, error: str, meaning: Any
) -> None:
    for command, refused in (
        (new(SPOT), OrderEvent.REJECTED),
        (amend(SPOT), OrderEvent.AMEND_REFUSED),
        (cancel(SPOT), OrderEvent.CANCEL_REFUSED),
    ):
        call = adapter.commands([command], signer(), socket=True)
        outcome = read(adapter, call, replied(call, error=error), SPOT)
        assert (kinds(outcome), outcome.policy) == ([refused], meaning.policy)
        rest = adapter.commands([command], signer(), socket=False)
        assert read(adapter, rest, {"error": [error]}, SPOT) == outcome
        assert outcome.retry_ns == meaning.retry_ns
    assert spot_meaning(error + " by the way") is meaning


@pytest.mark.parametrize(
    "error",
    [
        "EService:Timeout",
        "EService:Unavailable",
        "EGeneral:Internal error",
        "EOrder:Duplicate cl_ord_id",
        "EGeneral:Invalid arguments:cl_ord_id already in use",
        "EGeneral:Invalid arguments:cl_ord_id not unique",
        "Ouch",
        "E",
    ],
)
def test_what_may_have_been_done_is_unknown(adapter: KrakenSpotOrders, error: str) -> None:
    orders = [new(SPOT, 1), new(SPOT, 2)]
    call = adapter.commands(orders, signer(), socket=True)
    outcome = read(adapter, call, replied(call, error=error), SPOT)
    assert kinds(outcome) == [OrderEvent.UNKNOWN] * 2
    assert outcome.policy is Policy.QUERY
    call = adapter.commands([amend(SPOT)], signer(), socket=False)
    outcome = read(adapter, call, {"error": [error]}, SPOT)
    assert kinds(outcome) == [OrderEvent.AMEND_UNKNOWN]


def test_statuses_say_something_where_the_body_does_not(adapter: KrakenSpotOrders) -> None:
    call = adapter.commands([new(SPOT)], signer(), socket=False)
    for status, policy, kind in (
        (429, Policy.RETRY_AFTER, OrderEvent.REJECTED),
        (403, Policy.HALT, OrderEvent.REJECTED),
        (502, Policy.QUERY, OrderEvent.UNKNOWN),
        (200, Policy.QUERY, OrderEvent.UNKNOWN),
    ):
        outcome = read(adapter, call, b"<html>", SPOT, status=status)
        assert (outcome.policy, kinds(outcome)) == (policy, [kind])


def test_of_a_batch_each_order_has_its_own_end(adapter: KrakenSpotOrders) -> None:
    orders = [new(SPOT, number) for number in range(1, 4)]
    for socket in (True, False):
        call = adapter.commands(orders, signer(), socket=socket)
        name = "order_id" if socket else "txid"
        rows = [{name: "O-1"}, {"error": "EOrder:Post only order"}]
        value = replied(call, rows) if socket else {"error": [], "result": {"orders": rows}}
        outcome = read(adapter, call, value, SPOT)
        assert kinds(outcome) == [OrderEvent.ACKED, OrderEvent.REJECTED, OrderEvent.UNKNOWN]
        assert outcome.facts[1].reason is RejectReason.POST_ONLY
        assert outcome.policy is Policy.QUERY


def test_cancels_of_which_some_were_not_done_are_all_unknown(adapter: KrakenSpotOrders) -> None:
    cancels = [cancel(SPOT, number) for number in range(1, 4)]
    call = adapter.commands(cancels, signer(), socket=True)
    done = {**replied(call), "orders_cancelled": 3}
    assert kinds(read(adapter, call, done, SPOT)) == [OrderEvent.CANCEL_ACCEPTED] * 3
    done["orders_cancelled"] = 2
    assert kinds(read(adapter, call, done, SPOT)) == [OrderEvent.CANCEL_UNKNOWN] * 3
    call = adapter.commands(cancels, signer(), socket=False)
    done = {"error": [], "result": {"count": 3}}
    assert kinds(read(adapter, call, done, SPOT)) == [OrderEvent.CANCEL_ACCEPTED] * 3


def test_an_answer_to_another_message_says_nothing(adapter: KrakenSpotOrders) -> None:
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    other = {**replied(call, {"order_id": "O-1"}), "req_id": 1}
    assert kinds(read(adapter, call, other, SPOT)) == [OrderEvent.UNKNOWN]
    strange = replied(call, {"order_id": "O-1", "cl_ord_id": "alp-1-2"})
    assert kinds(read(adapter, call, strange, SPOT)) == [OrderEvent.UNKNOWN]


def test_costs_are_those_of_the_venues_counter() -> None:
    second = 10**9
    ages = (0, 5, 10, 15, 45, 90, 300)
    assert [cost(Action.CANCEL, age * second) for age in ages] == [8, 6, 5, 4, 2, 1, 0]
    assert [cost(Action.AMEND, age * second) for age in ages[:4]] == [4, 3, 2, 1]
    assert cost(Action.NEW, 0) + cost(Action.CANCEL, 4 * second) == 9
    assert batch_cost([new(SPOT, number) for number in range(5)], NOW_NS) == 3
    aged = [replace(cancel(SPOT, 1), sent_ns=NOW_NS - 12 * second), cancel(SPOT, 2, sent_ns=0)]
    assert batch_cost(aged, NOW_NS) == 5 + 8
    assert TIERS["intermediate"].per_10s == 23


ORDER = {
    "refid": None,
    "cl_ord_id": "alp-1-1",
    "status": "open",
    "opentm": 1789999999.4808,
    "descr": {
        "pair": "ETHUSDC",
        "type": "buy",
        "ordertype": "limit",
        "price": "2650.10",
        "order": "",
    },
    "vol": "0.05000000",
    "vol_exec": "0.02000000",
    "oflags": "post,fciq",
}


@pytest.mark.parametrize(
    ("changes", "kind", "reason"),
    [
        ({}, OrderEvent.FOUND, 0),
        ({"status": "pending"}, OrderEvent.ACKED, 0),
        ({"status": "closed", "vol_exec": "0.05"}, OrderEvent.FILLED, 0),
        ({"status": "canceled", "reason": "User requested"}, OrderEvent.CANCELED, 0),
        (
            {"status": "canceled", "reason": "Post only order", "vol_exec": "0"},
            OrderEvent.REJECTED,
            1,
        ),
        ({"status": "expired"}, OrderEvent.EXPIRED, 0),
    ],
)
def test_a_query_tells_what_an_order_is(
    adapter: KrakenSpotOrders, changes: dict[str, Any], kind: OrderEvent, reason: int
) -> None:
    call = adapter.query(amend(SPOT), signer())
    assert form(call) == ("QueryOrders", {"txid": "V-1"})
    row = {**ORDER, **changes}
    outcome = read(adapter, call, {"error": [], "result": {"V-1": row}}, SPOT)
    (fact,) = outcome.facts
    assert (fact.kind, fact.reason, fact.client_id) == (kind, reason, "alp-1-1")
    assert fact.cumulative == SPOT.order_quantity.count(row["vol_exec"])
    if kind is OrderEvent.FOUND:
        assert (fact.command, fact.price, fact.quantity) == (1, 265_010, 5_000_000)


def test_an_order_without_the_venues_id_is_sought_among_the_open_and_then_all_others(
    adapter: KrakenSpotOrders,
) -> None:
    call = adapter.query(new(SPOT), signer())
    assert form(call) == ("OpenOrders", {"cl_ord_id": "alp-1-1"})
    found = read(adapter, call, {"error": [], "result": {"open": {"O-1": ORDER}}}, SPOT)
    assert [(each.kind, each.venue_id) for each in found.facts] == [(OrderEvent.FOUND, "O-1")]

    outcome = read(adapter, call, {"error": [], "result": {"open": {}}}, SPOT)
    assert outcome.facts == ()
    assert outcome.more is not None
    call = outcome.more(signer())
    start = str(NOW_NS // 10**9 - 1 - 60)
    assert form(call) == ("ClosedOrders", {"cl_ord_id": "alp-1-1", "ofs": "0", "start": start})

    other = {**ORDER, "cl_ord_id": "other"}
    outcome = read(
        adapter, call, {"error": [], "result": {"closed": {"O-2": other}, "count": 2}}, SPOT
    )
    assert outcome.more is not None
    call = outcome.more(signer())
    assert form(call)[1]["ofs"] == "1"
    end = {"error": [], "result": {"closed": {}, "count": 2}}
    assert kinds(read(adapter, call, end, SPOT)) == [OrderEvent.NOT_FOUND]


def test_an_order_that_does_not_say_whose_it_is_proves_nothing(adapter: KrakenSpotOrders) -> None:
    call = adapter.query(new(SPOT), signer())
    unnamed = {name: value for name, value in ORDER.items() if name != "cl_ord_id"}
    outcome = read(adapter, call, {"error": [], "result": {"open": {"O-1": unnamed}}}, SPOT)
    assert (outcome.facts, outcome.policy, outcome.more) == ((), Policy.QUERY, None)


def test_an_unknown_id_was_never_there(adapter: KrakenSpotOrders) -> None:
    call = adapter.query(amend(SPOT), signer())
    for answer in ({"error": ["EOrder:Unknown order"]}, {"error": [], "result": {}}):
        assert kinds(read(adapter, call, answer, SPOT)) == [OrderEvent.NOT_FOUND]
    outcome = read(adapter, call, {"error": ["EService:Unavailable"]}, SPOT)
    assert (outcome.facts, outcome.policy) == ((), Policy.QUERY)


def test_open_orders_of_products_that_are_traded_are_told(adapter: KrakenSpotOrders) -> None:
    (call,) = adapter.open_orders([SPOT, BTC], signer())
    old = {**ORDER, "descr": {**ORDER["descr"], "pair": "XBTUSD", "type": "sell"}}
    foreign = {**ORDER, "descr": {**ORDER["descr"], "pair": "DOGEUSD", "price": "weird"}}
    rows = {"O-1": ORDER, "O-2": old, "O-3": foreign}
    outcome = read(adapter, call, {"error": [], "result": {"open": rows}}, SPOT, BTC)
    assert [(each.venue_id, each.symbol, each.side) for each in outcome.orders] == [
        ("O-1", "ETH/USDC", 1),
        ("O-2", "BTC/USD", -1),
    ]
    first = outcome.orders[0]
    assert (first.price, first.quantity, first.filled) == (265_010, 5_000_000, 2_000_000)
    assert first.at_ns == 1_789_999_999_480_800_000


TRADE = {
    "ordertxid": "O-1",
    "postxid": "P-1",
    "pair": "ETHUSDC",
    "time": 1790000001.5,
    "type": "sell",
    "price": "2650.10000",
    "cost": "53.00200",
    "fee": "0.132505",
    "vol": "0.02000000",
    "trade_id": 93748276,
    "maker": True,
}


def test_trades_are_fills_with_exact_fees_page_by_page(adapter: KrakenSpotOrders) -> None:
    call = adapter.trades(SPOT, NOW_NS + 1, signer())
    assert form(call) == ("TradesHistory", {"start": "1789999999", "ofs": "0"})
    early = {**TRADE, "time": 1789999999.9}
    rows = {"T-1": TRADE, "T-2": early, "T-3": {**TRADE, "pair": "XXBTZUSD"}}
    outcome = read(adapter, call, {"error": [], "result": {"trades": rows, "count": 4}}, SPOT, BTC)
    (fact,) = outcome.facts
    assert (fact.kind, fact.trade_id, fact.venue_id) == (OrderEvent.FILL, "T-1", "O-1")
    assert (fact.price, fact.quantity, fact.side) == (265_010, 2_000_000, -1)
    assert (fact.fee, fact.fee_asset, fact.liquidity) == (13_250_500, "USDC", 1)
    assert fact.at_ns == 1_790_000_001_500_000_000
    assert outcome.more is not None
    assert form(outcome.more(signer()))[1]["ofs"] == "3"


def test_balances_have_everybodys_names_and_what_is_free(adapter: KrakenSpotOrders) -> None:
    (call,) = adapter.account([SPOT], signer())
    rows = {
        "XXBT": {"balance": "1.0000000019", "hold_trade": "0.2500000001"},
        "ZUSD": {"balance": "10"},
        "ETH.S": {"balance": "1"},
    }
    outcome = read(adapter, call, {"error": [], "result": rows})
    assert [(each.asset, each.total, each.available) for each in outcome.balances] == [
        ("BTC", 100_000_000, 74_999_999),
        ("USD", 1_000_000_000, 1_000_000_000),
        ("ETH.S", 100_000_000, 100_000_000),
    ]


def test_the_clock_the_token_and_the_timer(adapter: KrakenSpotOrders) -> None:
    outcome = read(adapter, adapter.time(), {"error": [], "result": {"unixtime": 1790000000}})
    assert outcome.venue_ns == NOW_NS
    call = adapter.stream_key(signer(), "")
    assert call is not None
    assert read(adapter, call, {"error": [], "result": {"token": "T", "expires": 900}}).text == "T"
    call = adapter.dead_man(None, adapter.dead_man_ns, signer())
    assert call is not None
    assert form(call) == ("CancelAllOrdersAfter", {"timeout": "60"})
    answer = {"error": [], "result": {"currentTime": "x", "triggerTime": "y"}}
    assert read(adapter, call, answer).policy is None
    assert read(adapter, call, {"error": ["EAPI:Invalid nonce"]}).policy is Policy.RESYNC_CLOCK
    call = adapter.cancel_all(None, signer())
    assert form(call) == ("CancelAll", {})


def test_what_a_key_may_do(adapter: KrakenSpotOrders) -> None:
    call = adapter.permissions(signer())
    assert call is not None
    assert form(call) == ("GetApiKeyInfo", {})

    def told(*names: str) -> Outcome:
        result = {"apiKeyName": "mm", "nonceWindow": 0, "permissions": names}
        return read(adapter, call, {"error": [], "result": result})

    may = told("query-funds", "query-open-trades", "modify-trades", "close-trades")
    assert (may.permissions, may.text) == ({"read", "trade", "cancel"}, "")
    assert "withdraw" in told("query-funds", "withdraw-funds", "modify-trades").permissions
    assert told("close-trades", "a-name-of-next-year").permissions == {"cancel"}
    assert told().permissions == frozenset()
    unknown = read(adapter, call, {"error": ["EGeneral:Unknown method"]})
    assert unknown.permissions == {"read", "trade"}
    assert unknown.text == "EGeneral:Unknown method"
    assert read(adapter, call, {"error": ["EAPI:Invalid key"]}).policy is Policy.HALT
    assert read(adapter, call, {"error": [], "result": {}}).permissions == frozenset()
    assert read(adapter, call, {"error": [], "result": {}}).policy is Policy.QUERY


def test_where_it_is_may_be_elsewhere() -> None:
    plan = KrakenSpotOrders().stream(signer(), "T")
    assert plan.url == "wss://ws-auth.kraken.com/v2"
    assert [json.loads(each)["params"]["channel"] for each in plan.opening] == [
        "executions",
        "balances",
    ]


CALLS = {
    "new": ([new(SPOT)], {"order_id": "O-1", "cl_ord_id": "alp-1-1"}, {"txid": ["O-1"]}),
    "batch": (
        [new(SPOT, 1), new(SPOT, 2)],
        [{"order_id": "O-1", "cl_ord_id": "alp-1-1"}, {"error": "EOrder:Post only order"}],
        {"orders": [{"txid": "O-1"}, {"error": "EOrder:Insufficient funds"}]},
    ),
    "amend": ([amend(SPOT)], {"amend_id": "A-1"}, {"amend_id": "A-1"}),
    "cancel": ([cancel(SPOT)], {"order_id": "V-1"}, {"count": 1}),
    "cancels": (
        [cancel(SPOT, 1), cancel(SPOT, 2)],
        {"orders_cancelled": 2},
        {"count": 2},
    ),
}


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), socket=st.booleans(), status=st.sampled_from([0, 200, 400, 429, 500, 520]))
def test_whatever_is_answered_no_command_is_lost(
    name: str, data: st.DataObject, socket: bool, status: int
) -> None:
    adapter = KrakenSpotOrders()
    adapter.order_socket(signer(), "T")
    commands, reply, result = CALLS[name]
    call = adapter.commands(commands, signer(), socket=socket)
    answer = replied(call, reply) if socket else {"error": [], "result": result}
    raw = data.draw(damaged(answer))
    survives(adapter, call, raw, status, named(SPOT))


ASKED: dict[str, tuple[Any, Any]] = {
    "query": (lambda it: it.query(amend(SPOT), signer()), {"V-1": ORDER}),
    "query-open": (lambda it: it.query(new(SPOT), signer()), {"open": {"O-1": ORDER}}),
    "open": (lambda it: it.open_orders([SPOT], signer())[0], {"open": {"O-1": ORDER}}),
    "trades": (lambda it: it.trades(SPOT, 0, signer()), {"trades": {"T-1": TRADE}, "count": 1}),
    "balances": (lambda it: it.account([SPOT], signer())[0], {"ETH": {"balance": "1.5"}}),
    "time": (lambda it: it.time(), {"unixtime": 1790000000}),
    "key": (lambda it: it.stream_key(signer(), ""), {"token": "T"}),
    "all": (lambda it: it.cancel_all(None, signer()), {"count": 3}),
}


@pytest.mark.parametrize("name", ASKED)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), status=st.sampled_from([200, 400, 429, 500]))
def test_whatever_is_answered_to_a_question_nothing_is_raised(
    name: str, data: st.DataObject, status: int
) -> None:
    adapter = KrakenSpotOrders()
    ask, result = ASKED[name]
    call = ask(adapter)
    outcome = survives(
        adapter, call, data.draw(damaged({"error": [], "result": result})), status, named(SPOT)
    )
    if outcome.more is not None:
        outcome.more(signer())
