"""Order entry of Kraken Futures: bytes out, bytes in."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from accounts import KRAKEN
from hypothesis import given, settings
from hypothesis import strategies as st
from order_kit import (
    FUTURES,
    NOW_NS,
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

from alp._core.order_life import OrderEvent
from alp.errors import ConfigError
from alp.venues.kraken.futures_orders import KrakenFuturesOrders
from alp.venues.kraken.order_errors import FUTURES as ERRORS
from alp.venues.kraken.signing import verify_futures_request
from alp.venues.orders import Action, Call, Command, Policy, TimeInForce
from alp.venues.registry import orders_for

TIME = "2026-09-21T14:13:20.123Z"


@pytest.fixture
def adapter() -> KrakenFuturesOrders:
    return KrakenFuturesOrders()


def asked(call: Call) -> tuple[str, str, dict[str, str]]:
    """Method, path and parameters of a request, whose signature is good."""
    request = call.request
    assert request is not None
    path, _, query = request.target.partition("?")
    verify_futures_request(
        KRAKEN,
        path,
        query,
        request.body,
        key=request.headers["APIKey"],
        authent=request.headers["Authent"],
    )
    data = query or request.body.decode()
    return request.method, path.rpartition("/")[2], dict(parse_qsl(data))


def success(**members: Any) -> dict[str, Any]:
    return {"result": "success", **members, "serverTime": TIME}


def sent(status: str = "placed", **members: Any) -> dict[str, Any]:
    row = {"order_id": "K-1", "cliOrdId": "alp-1-1", "status": status, "receivedTime": TIME}
    return success(sendStatus={**row, **members})


@pytest.mark.parametrize(
    ("changes", "kind"),
    [
        ({}, "post"),
        ({"post_only": False}, "lmt"),
        ({"post_only": False, "time_in_force": TimeInForce.IOC}, "ioc"),
        ({"post_only": False, "time_in_force": TimeInForce.FOK}, "fok"),
    ],
)
def test_an_order_is_a_signed_form(
    adapter: KrakenFuturesOrders, changes: dict[str, Any], kind: str
) -> None:
    call = adapter.commands([new(FUTURES, reduce_only=True, **changes)], signer(), socket=False)
    assert asked(call) == (
        "POST",
        "sendorder",
        {
            "orderType": kind,
            "symbol": "PF_ETHUSD",
            "side": "buy",
            "size": "0.050",
            "limitPrice": "2650.1",
            "cliOrdId": "alp-1-1",
            "reduceOnly": "true",
        },
    )
    assert (call.weight, call.orders) == (10, 1)


def test_the_size_of_an_edit_is_what_shall_stay_open(adapter: KrakenFuturesOrders) -> None:
    call = adapter.commands([amend(FUTURES, filled=20)], signer(), socket=False)
    terms = {"orderId": "V-1", "limitPrice": "2650.0", "size": "0.030"}
    assert asked(call) == ("POST", "editorder", terms)
    call = adapter.commands([cancel(FUTURES, venue_id="")], signer(), socket=False)
    assert asked(call) == ("POST", "cancelorder", {"cliOrdId": "alp-1-1"})


def test_several_commands_are_a_batch(adapter: KrakenFuturesOrders) -> None:
    call = adapter.commands([new(FUTURES, 1), new(FUTURES, 2)], signer(), socket=False)
    method, path, params = asked(call)
    assert (method, path, call.weight) == ("POST", "batchorder", 11)
    rows = json.loads(params["json"])["batchOrder"]
    assert [(each["order"], each["order_tag"], each["cliOrdId"]) for each in rows] == [
        ("send", "0", "alp-1-1"),
        ("send", "1", "alp-1-2"),
    ]


@pytest.mark.parametrize(
    "commands",
    [
        [new(FUTURES, time_in_force=TimeInForce.IOC)],
        [amend(FUTURES, filled=50)],
        [new(FUTURES, price=0)],
        [new(FUTURES, 1), cancel(FUTURES, 2)],
        [new(FUTURES, number) for number in range(11)],
    ],
)
def test_what_the_venue_cannot_do_is_refused_before_it_is_sent(
    adapter: KrakenFuturesOrders, commands: list[Command]
) -> None:
    with pytest.raises(ConfigError):
        adapter.commands(commands, signer(), socket=False)
    with pytest.raises(ConfigError, match="REST only"):
        adapter.commands([new(FUTURES)], signer(), socket=True)


def test_an_order_that_was_placed_is_accepted(adapter: KrakenFuturesOrders) -> None:
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    outcome = read(adapter, call, sent(), FUTURES)
    (fact,) = outcome.facts
    assert (fact.kind, fact.venue_id) == (OrderEvent.ACKED, "K-1")
    assert (outcome.policy, outcome.venue_ns) == (None, NOW_NS + 123_000_000)
    other = read(adapter, call, sent(cliOrdId="alp-1-2"), FUTURES)
    assert kinds(other) == [OrderEvent.UNKNOWN]


@pytest.mark.parametrize(("word", "meaning"), ERRORS.items())
def test_success_of_a_request_does_not_mean_that_it_was_done(
    adapter: KrakenFuturesOrders, word: str, meaning: Any
) -> None:
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    outcome = read(adapter, call, sent(word), FUTURES)
    (fact,) = outcome.facts
    if word == "selfFill":
        assert (fact.kind, fact.cumulative) == (OrderEvent.EXPIRED, 0)
        return
    assert (fact.kind, fact.reason) == (OrderEvent.REJECTED, meaning.reason)
    assert (outcome.policy, outcome.retry_ns) == (meaning.policy, meaning.retry_ns)
    failed = read(adapter, call, {"result": "error", "error": word, "serverTime": TIME}, FUTURES)
    assert (failed.facts, failed.policy) == (outcome.facts, outcome.policy)
    call = adapter.commands([amend(FUTURES)], signer(), socket=False)
    outcome = read(adapter, call, success(editStatus={"status": word}), FUTURES)
    assert (kinds(outcome), outcome.policy) == ([OrderEvent.AMEND_REFUSED], meaning.policy)


@pytest.mark.parametrize("word", ["clientOrderIdAlreadyExist", "Server Error", "somethingNew"])
def test_what_may_have_been_done_is_unknown(adapter: KrakenFuturesOrders, word: str) -> None:
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    for answer in (sent(word), {"result": "error", "error": word}):
        outcome = read(adapter, call, answer, FUTURES)
        assert (kinds(outcome), outcome.policy) == ([OrderEvent.UNKNOWN], Policy.QUERY)


@pytest.mark.parametrize(
    ("status", "body", "policy", "kind"),
    [
        (429, b"", Policy.RETRY_AFTER, OrderEvent.REJECTED),
        (401, b"", Policy.HALT, OrderEvent.REJECTED),
        (503, b"", Policy.QUERY, OrderEvent.UNKNOWN),
        (404, {"status": 404, "error": "Not Found"}, Policy.QUERY, OrderEvent.UNKNOWN),
        (
            400,
            {"status": "BAD_REQUEST", "result": "error", "errors": [{"code": 11}]},
            Policy.FIX_CONFIG,
            OrderEvent.REJECTED,
        ),
    ],
)
def test_statuses(
    adapter: KrakenFuturesOrders, status: int, body: Any, policy: Policy, kind: OrderEvent
) -> None:
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    outcome = read(adapter, call, body, FUTURES, status=status)
    assert (outcome.policy, kinds(outcome)) == (policy, [kind])


def test_an_order_that_found_nothing_at_once_has_ended(adapter: KrakenFuturesOrders) -> None:
    order = new(FUTURES, time_in_force=TimeInForce.IOC, post_only=False)
    call = adapter.commands([order], signer(), socket=False)
    (fact,) = read(adapter, call, sent("iocWouldNotExecute"), FUTURES).facts
    assert (fact.kind, fact.cumulative) == (OrderEvent.EXPIRED, 0)


def canceled(filled: float) -> dict[str, Any]:
    order = {
        "orderId": "V-1",
        "cliOrdId": "alp-1-1",
        "type": "lmt",
        "symbol": "pf_ethusd",
        "side": "buy",
        "quantity": 0.05,
        "filled": filled,
        "limitPrice": 2650.1,
    }
    return {
        "status": "cancelled",
        "order_id": "V-1",
        "receivedTime": TIME,
        "orderEvents": [{"uid": "V-1", "order": order, "type": "CANCEL"}],
    }


def test_a_cancel_tells_what_was_filled(adapter: KrakenFuturesOrders) -> None:
    call = adapter.commands([cancel(FUTURES)], signer(), socket=False)
    outcome = read(adapter, call, success(cancelStatus=canceled(0.02)), FUTURES)
    assert kinds(outcome) == [OrderEvent.CANCEL_ACCEPTED, OrderEvent.CANCELED]
    assert outcome.facts[1].cumulative == 20
    another = adapter.commands([cancel(FUTURES, 2)], signer(), socket=False)
    outcome = read(adapter, another, success(cancelStatus=canceled(0.02)), FUTURES)
    assert kinds(outcome) == [OrderEvent.CANCEL_ACCEPTED]
    for status, policy in (("filled", Policy.RESYNC_STATE), ("notFound", Policy.RESYNC_STATE)):
        outcome = read(adapter, call, success(cancelStatus={"status": status}), FUTURES)
        assert (kinds(outcome), outcome.policy) == ([OrderEvent.CANCEL_REFUSED], policy)


def test_of_a_batch_each_command_has_its_own_end(adapter: KrakenFuturesOrders) -> None:
    orders = [new(FUTURES, number) for number in range(1, 5)]
    call = adapter.commands(orders, signer(), socket=False)
    rows = [
        {"status": "insufficientAvailableFunds", "order_tag": "1"},
        {"status": "placed", "order_tag": "0", "order_id": "K-1"},
        {"status": "placed", "order_tag": "3"},
    ]
    outcome = read(adapter, call, success(batchStatus=rows), FUTURES)
    ends = {fact.client_id: fact.kind for fact in outcome.facts}
    assert ends == {
        "alp-1-1": OrderEvent.ACKED,
        "alp-1-2": OrderEvent.REJECTED,
        "alp-1-3": OrderEvent.UNKNOWN,
        "alp-1-4": OrderEvent.UNKNOWN,
    }
    assert outcome.policy is Policy.QUERY


OPEN = {
    "order_id": "V-1",
    "cliOrdId": "alp-1-1",
    "symbol": "PF_ETHUSD",
    "side": "buy",
    "orderType": "lmt",
    "limitPrice": 2650.1,
    "unfilledSize": 0.03,
    "filledSize": 0.02,
    "receivedTime": TIME,
    "status": "partiallyFilled",
    "reduceOnly": False,
}
FILL = {
    "fill_id": "F-1",
    "symbol": "PF_ETHUSD",
    "side": "buy",
    "order_id": "V-1",
    "cliOrdId": "alp-1-1",
    "size": 0.02,
    "price": 2650.1,
    "fillTime": TIME,
    "fillType": "maker",
}


def test_open_orders(adapter: KrakenFuturesOrders) -> None:
    (call,) = adapter.open_orders([FUTURES], signer())
    foreign = {**OPEN, "symbol": "PI_XBTUSD"}
    (order,) = read(adapter, call, success(openOrders=[OPEN, foreign]), FUTURES).orders
    assert (order.client_id, order.venue_id, order.side) == ("alp-1-1", "V-1", 1)
    assert (order.price, order.quantity, order.filled) == (26_501, 50, 20)


def test_a_query_finds_what_is_open(adapter: KrakenFuturesOrders) -> None:
    for command in (amend(FUTURES), new(FUTURES)):
        call = adapter.query(command, signer())
        assert asked(call)[:2] == ("GET", "openorders")
        (fact,) = read(adapter, call, success(openOrders=[OPEN]), FUTURES).facts
        assert (fact.kind, fact.command, fact.venue_id) == (OrderEvent.FOUND, command.number, "V-1")
        assert (fact.price, fact.quantity, fact.cumulative) == (26_501, 50, 20)


@pytest.mark.parametrize(
    ("command", "fills", "told"),
    [
        (new(FUTURES), [], ["NOT_FOUND"]),
        (amend(FUTURES), [], ["CANCELED"]),
        (new(FUTURES), [FILL], ["FILL", "CANCELED"]),
        (new(FUTURES, time_in_force=TimeInForce.IOC), [FILL], ["FILL", "EXPIRED"]),
        (
            new(FUTURES),
            [
                FILL,
                {**FILL, "fill_id": "F-2", "size": 0.03},
                {**FILL, "order_id": "x", "cliOrdId": "y"},
            ],
            ["FILL", "FILL", "FILLED"],
        ),
    ],
)
def test_what_is_not_open_ended_with_its_trades(
    adapter: KrakenFuturesOrders, command: Command, fills: list[Any], told: list[str]
) -> None:
    outcome = read(adapter, adapter.query(command, signer()), success(openOrders=[]), FUTURES)
    assert outcome.more is not None
    call = outcome.more(signer())
    assert asked(call) == ("GET", "fills", {})
    outcome = read(adapter, call, success(fills=fills), FUTURES)
    assert [fact.kind.name for fact in outcome.facts] == told
    assert outcome.facts[-1].cumulative == {"FILLED": 50}.get(
        told[-1], 20 if fills else 0 if command.venue_id else -1
    )


def test_trades_of_an_order_are_added_up_over_pages(adapter: KrakenFuturesOrders) -> None:
    def page(first: int, second: int, size: float) -> list[dict[str, Any]]:
        return [
            {
                **FILL,
                "fill_id": f"F-{n}",
                "size": size,
                "fillTime": f"2026-09-21T14:13:{second}.000Z",
            }
            for n in range(first, first + 100)
        ]

    command = new(FUTURES, quantity=150, sent_ns=NOW_NS - 60 * 10**9)
    outcome = read(adapter, adapter.query(command, signer()), success(openOrders=[]), FUTURES)
    assert outcome.more is not None
    outcome = read(adapter, outcome.more(signer()), success(fills=page(0, 20, 0.001)), FUTURES)
    assert len(outcome.facts) == 100
    assert outcome.more is not None
    call = outcome.more(signer())
    assert asked(call)[2] == {"lastFillTime": "2026-09-21T14:13:20.000Z"}
    assert call.weight == 25
    early = [{**each, "fillTime": "2026-09-21T14:00:00.000Z"} for each in page(50, 10, 0.001)]
    outcome = read(adapter, call, success(fills=early), FUTURES)
    assert outcome.more is None
    assert outcome.facts[-1].kind is OrderEvent.FILLED
    assert (outcome.facts[-1].cumulative, len(outcome.facts)) == (150, 51)


def test_pages_that_do_not_go_further_back_end_the_search(adapter: KrakenFuturesOrders) -> None:
    full = [{**FILL, "fill_id": f"F-{n}", "size": 0.001} for n in range(100)]
    command = new(FUTURES, quantity=150, sent_ns=0)
    outcome = read(adapter, adapter.query(command, signer()), success(openOrders=[]), FUTURES)
    for _ in range(2):
        assert outcome.more is not None
        outcome = read(adapter, outcome.more(signer()), success(fills=full), FUTURES)
    assert outcome.more is None
    assert (outcome.facts[-1].kind, outcome.facts[-1].cumulative) == (OrderEvent.CANCELED, 100)


def test_trades_go_back_to_the_time_asked_for(adapter: KrakenFuturesOrders) -> None:
    call = adapter.trades(FUTURES, NOW_NS, signer())
    early = {**FILL, "fill_id": "F-0", "fillTime": "2026-09-21T14:13:19.000Z"}
    rows = [FILL, {**FILL, "symbol": "PI_XBTUSD"}, early]
    outcome = read(adapter, call, success(fills=rows), FUTURES)
    (fact,) = outcome.facts
    assert (fact.trade_id, fact.price, fact.quantity) == ("F-1", 26_501, 20)
    assert (fact.liquidity, fact.at_ns) == (1, NOW_NS + 123_000_000)
    full = [{**FILL, "fill_id": f"F-{number}"} for number in range(100)]
    outcome = read(adapter, call, success(fills=full), FUTURES)
    assert outcome.more is not None
    again = read(adapter, outcome.more(signer()), success(fills=full), FUTURES)
    assert again.more is None  # a page that does not go further back is the last


def test_balances_and_positions(adapter: KrakenFuturesOrders) -> None:
    wallets, positions = adapter.account([FUTURES], signer())
    flex = {"currencies": {"USD": {"quantity": 1000.5, "available": 900.000000019}}}
    outcome = read(adapter, wallets, success(accounts={"flex": flex, "cash": {}}), FUTURES)
    (balance,) = outcome.balances
    assert (balance.asset, balance.total, balance.available) == (
        "USD",
        100_050_000_000,
        90_000_000_001,
    )
    row = {"side": "short", "symbol": "PF_ETHUSD", "price": 2650.149993345933, "size": 0.05}
    (position,) = read(adapter, positions, success(openPositions=[row]), FUTURES).positions
    assert (position.symbol, position.quantity, position.entry_price) == ("PF_ETHUSD", -50, 26_501)
    (position,) = read(adapter, positions, success(openPositions=[]), FUTURES).positions
    assert position.quantity == 0


def test_cancel_all_the_timer_and_the_clock(adapter: KrakenFuturesOrders) -> None:
    call = adapter.cancel_all(FUTURES, signer())
    assert asked(call) == ("POST", "cancelallorders", {"symbol": "PF_ETHUSD"})
    assert asked(adapter.cancel_all(None, signer()))[2] == {}
    (fact,) = read(adapter, call, success(cancelStatus=canceled(0)), FUTURES).facts
    assert (fact.kind, fact.client_id, fact.cumulative) == (OrderEvent.CANCELED, "alp-1-1", 0)
    call = adapter.dead_man(None, adapter.dead_man_ns, signer()) or call
    assert asked(call) == ("POST", "cancelallordersafter", {"timeout": "60"})
    assert read(adapter, call, success(status={})).policy is None
    assert read(adapter, adapter.time(), success(tickers=[])).venue_ns == NOW_NS + 123_000_000
    assert adapter.permissions(signer()) is None
    assert adapter.order_socket(signer(), "") is None


def test_every_exchange_has_its_order_entry() -> None:
    for exchange in ("coinbase-spot", "kraken-spot", "kraken-futures"):
        made = orders_for(exchange)
        assert made.exchange == exchange
        assert all(count > 0 for count in made.most_in_batch.values())
        assert made.most_in_batch.get(Action.NEW, 1) >= 1


CALLS = {
    "new": ([new(FUTURES)], sent()),
    "edit": ([amend(FUTURES)], success(editStatus={"status": "edited", "orderId": "V-1"})),
    "cancel": ([cancel(FUTURES)], success(cancelStatus=canceled(0.02))),
    "batch": (
        [new(FUTURES, 1), new(FUTURES, 2)],
        success(
            batchStatus=[
                {"status": "placed", "order_tag": "0", "order_id": "K-1"},
                {"status": "postWouldExecute", "order_tag": "1"},
            ]
        ),
    ),
}
STATUSES = st.sampled_from([200, 400, 401, 404, 429, 500, 503])


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=150, deadline=None)
@given(data=st.data(), status=STATUSES)
def test_whatever_is_answered_no_command_is_lost(
    name: str, data: st.DataObject, status: int
) -> None:
    adapter = KrakenFuturesOrders()
    commands, answer = CALLS[name]
    call = adapter.commands(commands, signer(), socket=False)
    survives(adapter, call, data.draw(damaged(answer)), status, named(FUTURES))


ASKED: dict[str, tuple[Any, Any]] = {
    "query": (lambda it: it.query(amend(FUTURES), signer()), success(openOrders=[OPEN])),
    "open": (lambda it: it.open_orders([FUTURES], signer())[0], success(openOrders=[OPEN])),
    "trades": (lambda it: it.trades(FUTURES, 0, signer()), success(fills=[FILL])),
    "accounts": (
        lambda it: it.account([FUTURES], signer())[0],
        success(accounts={"flex": {"currencies": {"USD": {"quantity": 1, "available": 1}}}}),
    ),
    "positions": (
        lambda it: it.account([FUTURES], signer())[1],
        success(openPositions=[{"side": "long", "symbol": "PF_ETHUSD", "price": 1, "size": 1}]),
    ),
    "all": (lambda it: it.cancel_all(None, signer()), success(cancelStatus=canceled(0))),
    "time": (lambda it: it.time(), success(tickers=[])),
}


@pytest.mark.parametrize("name", ASKED)
@settings(max_examples=100, deadline=None)
@given(data=st.data(), status=STATUSES)
def test_whatever_is_answered_to_a_question_nothing_is_raised(
    name: str, data: st.DataObject, status: int
) -> None:
    adapter = KrakenFuturesOrders()
    ask, answer = ASKED[name]
    outcome = survives(adapter, ask(adapter), data.draw(damaged(answer)), status, named(FUTURES))
    if outcome.more is not None:
        call = outcome.more(signer())
        survives(adapter, call, data.draw(damaged(success(fills=[FILL]))), status, named(FUTURES))
