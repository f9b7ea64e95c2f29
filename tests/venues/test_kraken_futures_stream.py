"""What Kraken Futures' private feeds say of orders, trades, balances and positions."""

from __future__ import annotations

import json
from typing import Any

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
    end_of,
    named,
    new,
    read,
    read_all,
    reads_or_refuses,
    signer,
)

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.errors import VenueError
from alp.venues.kraken.futures_orders import KrakenFuturesOrders
from alp.venues.kraken.futures_stream import FEEDS, FuturesReader
from alp.venues.kraken.signing import verify_challenge

MS = NOW_NS // 10**6
NAMES = {"order_id": "V-1", "cli_ord_id": "alp-1-1"}


@pytest.fixture
def reader() -> FuturesReader:
    return KrakenFuturesOrders().reader(signer(), named(FUTURES))


def told(reason: str, *, ended: bool = False, **changes: Any) -> dict[str, Any]:
    order = {
        **NAMES,
        "instrument": "PF_ETHUSD",
        "time": MS,
        "last_update_time": MS + 1,
        "qty": 0.05,
        "filled": 0.0,
        "limit_price": 2650.1,
        "stop_price": 0.0,
        "type": "limit",
        "direction": 0,
        "reduce_only": False,
    }
    return {
        "feed": "open_orders_verbose",
        "order": {**order, **changes},
        "is_cancel": ended,
        "reason": reason,
    }


def ended(reason: str) -> dict[str, Any]:
    return {"feed": "open_orders_verbose", "order_id": "V-1", "is_cancel": True, "reason": reason}


def filled(number: int, quantity: float, **changes: Any) -> dict[str, Any]:
    fill = {
        **NAMES,
        "instrument": "PF_ETHUSD",
        "time": MS,
        "price": 2650.1,
        "seq": number,
        "buy": True,
        "qty": quantity,
        "fill_id": f"F-{number}",
        "fill_type": "maker",
        "fee_paid": 0.0068558892,
        "fee_currency": "USD",
    }
    return {"feed": "fills", "username": "u", "fills": [{**fill, **changes}]}


LIFE = [
    told("new_placed_order_by_user"),
    told("edited_by_user", qty=0.04, limit_price=2650.0),
    told("partial_fill", qty=0.03, filled=0.01),
    filled(7, 0.01),
    told("full_fill", ended=True, qty=0.0, filled=0.04),
    filled(8, 0.03),
]


def test_a_challenge_is_answered_with_signed_subscriptions(reader: FuturesReader) -> None:
    plan = KrakenFuturesOrders().stream(signer(), "")
    assert plan.url == "wss://futures.kraken.com/ws/v1"
    assert json.loads(plan.opening[0]) == {"event": "challenge", "api_key": "alp-test"}
    assert not reader.read(b'{"event":"info","version":1}').ready
    challenge = "226aee50-88fc-4618-a42a-34f7709570b2"
    news = reader.read(json.dumps({"event": "challenge", "message": challenge}).encode())
    replies = [json.loads(each) for each in news.replies]
    assert tuple(each["feed"] for each in replies) == FEEDS
    for each in replies:
        verify_challenge(KRAKEN, challenge, each)
    ready = [
        reader.read(json.dumps({"event": "subscribed", "feed": feed}).encode()).ready
        for feed in FEEDS
    ]
    assert ready == [False, False, False, True]
    error = {"event": "error", "message": "Invalid challenge"}
    assert reader.read(json.dumps(error).encode()).lost == "Invalid challenge"


def test_the_life_of_an_order(reader: FuturesReader) -> None:
    facts = read_all(reader, LIFE)
    assert [fact.kind.name for fact in facts] == [
        "ACKED",
        "AMEND_ACKED",
        "ACKED",
        "CUMULATIVE",
        "FILL",
        "FILLED",
        "FILL",
    ]
    assert {(fact.client_id, fact.venue_id, fact.symbol, fact.side) for fact in facts} == {
        ("alp-1-1", "V-1", "PF_ETHUSD", 1)
    }
    assert (facts[1].command, facts[1].price, facts[1].quantity) == (0, 26_500, 40)
    assert (facts[3].cumulative, facts[5].cumulative) == (10, 40)
    fill = facts[4]
    assert (fill.trade_id, fill.quantity, fill.price, fill.liquidity) == ("F-7", 10, 26_501, 1)
    assert (fill.fee, fill.fee_asset, fill.at_ns) == (685_589, "USD", NOW_NS)


def test_in_whatever_order_facts_come_the_end_is_the_same(reader: FuturesReader) -> None:
    adapter = KrakenFuturesOrders()
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    answer = {"result": "success", "sendStatus": {"order_id": "V-1", "status": "placed"}}
    acked = read(adapter, call, answer, FUTURES).facts
    command = amend(FUTURES, price=26_500, quantity=40)
    assert end_of(command, [*acked, *read_all(reader, LIFE)]) == (OrderState.FILLED, 40)


def test_an_end_of_which_only_the_id_is_told_has_what_was_told_before(
    reader: FuturesReader,
) -> None:
    life = [told("new_placed_order_by_user"), told("partial_fill", qty=0.03, filled=0.02)]
    facts = read_all(reader, [*life, ended("cancelled_by_user")])
    assert (facts[-1].kind, facts[-1].client_id, facts[-1].cumulative) == (
        OrderEvent.CANCELED,
        "alp-1-1",
        20,
    )
    (unknown,) = read_all(
        KrakenFuturesOrders().reader(signer(), named(FUTURES)), [ended("cancelled_by_user")]
    )
    assert (unknown.kind, unknown.venue_id, unknown.cumulative) == (OrderEvent.CANCELED, "V-1", -1)


@pytest.mark.parametrize(
    ("reason", "kind", "why"),
    [
        ("post_order_failed_because_it_would_filled", OrderEvent.REJECTED, RejectReason.POST_ONLY),
        ("ioc_order_failed_because_it_would_not_be_executed", OrderEvent.EXPIRED, 0),
        ("contract_expired", OrderEvent.EXPIRED, 0),
        ("self_fill", OrderEvent.EXPIRED, 0),
        ("dead_man_switch", OrderEvent.CANCELED, 0),
        ("not_enough_margin", OrderEvent.CANCELED, 0),
        ("full_fill", OrderEvent.FILLED, 0),
    ],
)
def test_each_reason_is_an_end(
    reader: FuturesReader, reason: str, kind: OrderEvent, why: int
) -> None:
    (fact,) = read_all(reader, [{**ended(reason), "cli_ord_id": "alp-1-1"}])
    assert (fact.kind, fact.reason, fact.client_id) == (kind, why, "alp-1-1")


def test_a_refusal_is_told_twice_and_is_one(reader: FuturesReader) -> None:
    adapter = KrakenFuturesOrders()
    call = adapter.commands([new(FUTURES)], signer(), socket=False)
    status = {"order_id": "V-1", "status": "postWouldExecute"}
    refused = read(adapter, call, {"result": "success", "sendStatus": status}, FUTURES).facts
    facts = read_all(reader, [ended("post_order_failed_because_it_would_filled")])
    assert end_of(new(FUTURES), [*refused, *facts]) == (OrderState.REJECTED, 0)


def test_a_cancel_ends_with_what_was_filled(reader: FuturesReader) -> None:
    facts = read_all(reader, [told("partial_fill", qty=0.03, filled=0.02), filled(3, 0.02)])
    facts += read_all(reader, [ended("cancelled_by_user")])
    assert end_of(cancel(FUTURES), facts) == (OrderState.CANCELED, 20)


def test_a_snapshot_tells_open_orders_with_their_terms(reader: FuturesReader) -> None:
    order = told("", filled=0.02, qty=0.03)["order"]
    foreign = {**order, "instrument": "PI_XBTUSD", "qty": 0.00001}
    sold = {**order, "order_id": "V-2", "direction": 1}
    snapshot = {"feed": "open_orders_verbose_snapshot", "orders": [order, foreign, sold]}
    fact, other = read_all(reader, [snapshot])
    assert (fact.side, other.side) == (1, -1)
    assert fact.kind is OrderEvent.FOUND
    assert (fact.command, fact.price, fact.quantity, fact.cumulative) == (0, 26_501, 50, 20)


def test_a_gap_in_the_fills_ends_the_belief_in_a_stream(reader: FuturesReader) -> None:
    snapshot = {"feed": "fills_snapshot", "fills": [filled(3, 0.01)["fills"][0]]}
    assert len(read_all(reader, [snapshot, filled(4, 0.01), filled(4, 0.01)])) == 3
    assert reader.read(json.dumps(filled(6, 0.01)).encode()).lost == "fills: 6 after 4"


def test_a_value_off_the_grid_makes_nothing_of_the_message_count(reader: FuturesReader) -> None:
    bad = filled(3, 0.01)
    bad["fills"].append(filled(4, 0.0100001)["fills"][0])
    with pytest.raises(VenueError, match="no multiple"):
        reader.read(json.dumps(bad).encode())
    assert read_all(reader, [filled(3, 0.01)])


def test_balances_and_positions(reader: FuturesReader) -> None:
    flex = {"currencies": {"USD": {"quantity": 12.5, "available": 10}}}
    told = {"feed": "balances_snapshot", "account": "a", "flex_futures": flex, "seq": 0}
    (balance,) = reader.read(json.dumps(told).encode()).balances
    assert (balance.asset, balance.total, balance.available) == (
        "USD",
        1_250_000_000,
        1_000_000_000,
    )
    row = {"instrument": "PF_ETHUSD", "balance": -0.05, "entry_price": 2650.16}
    message = {"feed": "open_positions", "account": "a", "positions": [row]}
    (position,) = reader.read(json.dumps(message).encode()).positions
    assert (position.quantity, position.entry_price) == (-50, 26_502)
    message["positions"] = []
    (position,) = reader.read(json.dumps(message).encode()).positions
    assert (position.quantity, position.entry_price) == (0, 0)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_stream_says_it_is_read_or_refused(data: st.DataObject) -> None:
    reader = KrakenFuturesOrders().reader(signer(), named(FUTURES))
    for message in LIFE:
        whole = data.draw(st.booleans())
        reads_or_refuses(
            reader, json.dumps(message).encode() if whole else data.draw(damaged(message))
        )
