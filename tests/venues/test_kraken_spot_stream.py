"""What Kraken spot's private stream says of orders and balances."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_kit import (
    SPOT,
    amend,
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
from alp.venues.kraken.spot_orders import KrakenSpotOrders
from alp.venues.orders import Call, StreamNews

TIMES = {"time_in": "2026-01-21T12:33:34.457870Z", "time_out": "2026-01-21T12:33:34.460575Z"}


@pytest.fixture
def adapter() -> KrakenSpotOrders:
    made = KrakenSpotOrders()
    made.order_socket(signer(), "TOKEN")
    return made


def replied(call: Call, result: Any = None, error: str = "") -> dict[str, Any]:
    """An answer on the WebSocket."""
    told = {"error": error} if error else {"result": result}
    reference = int(call.reference)
    return {"method": "add_order", "req_id": reference, "success": not error, **told, **TIMES}


def executions(sequence: int, *rows: dict[str, Any], kind: str = "update") -> dict[str, Any]:
    return {"channel": "executions", "type": kind, "data": list(rows), "sequence": sequence}


NAMES = {"order_id": "O-1", "cl_ord_id": "alp-1-1"}
WHEN = {"timestamp": "2026-01-22T06:06:19.833306Z"}
BEGUN = {
    **NAMES,
    **WHEN,
    "symbol": "ETH/USDC",
    "side": "buy",
    "order_type": "limit",
    "order_qty": 0.05,
    "limit_price": 2650.1,
    "cum_qty": 0,
}
LIFE = [
    executions(1, kind="snapshot"),
    executions(2, {**BEGUN, "exec_type": "pending_new", "order_status": "pending_new"}),
    executions(3, {**NAMES, **WHEN, "exec_type": "new", "order_status": "new"}),
    executions(
        4,
        {**NAMES, "exec_type": "amended", "order_status": "new", "limit_price": 2650.09},
    ),
    executions(
        5,
        {
            "order_id": "O-1",
            "exec_type": "trade",
            "order_status": "partially_filled",
            "exec_id": "T-1",
            "trade_id": 2001,
            "last_qty": 0.02,
            "last_price": 2650.09,
            "liquidity_ind": "m",
            "cum_qty": 0.02,
            "fees": [{"asset": "USDC", "qty": 0.13250450}],
        },
        {
            **NAMES,
            "exec_type": "trade",
            "order_status": "filled",
            "exec_id": "T-2",
            "last_qty": 0.03,
            "last_price": 2650.09,
            "liquidity_ind": "t",
            "cum_qty": 0.05,
            "fees": [{"asset": "USDC", "qty": 0.2}],
        },
    ),
    executions(6, {**NAMES, "exec_type": "filled", "order_status": "filled", "cum_qty": 0.05}),
]


def test_the_life_of_an_order_is_told_by_messages_that_hold_only_what_changed(
    adapter: KrakenSpotOrders,
) -> None:
    facts = read_all(adapter.reader(signer(), named(SPOT)), LIFE)
    assert [each.kind.name for each in facts] == ["ACKED", "AMEND_ACKED", "FILL", "FILL", "FILLED"]
    assert {(each.client_id, each.venue_id, each.symbol, each.side) for each in facts} == {
        ("alp-1-1", "O-1", "ETH/USDC", 1)
    }
    amended, first, second, filled = facts[1:]
    assert (amended.command, amended.price, amended.quantity) == (0, 265_009, 5_000_000)
    assert (first.trade_id, first.quantity, first.cumulative) == ("T-1", 2_000_000, 2_000_000)
    assert (first.fee, first.fee_asset, first.liquidity) == (13_250_450, "USDC", 1)
    assert (second.liquidity, filled.cumulative) == (2, 5_000_000)
    assert facts[0].at_ns == 1_769_061_979_833_306_000


def test_what_a_trade_costs_is_told_in_each_asset(adapter: KrakenSpotOrders) -> None:
    fees = [("USDC", 0.13), ("KFEE", 7), ("USDC", 0.02), ("ETH", 0.00001)]
    trade = {
        **NAMES,
        "exec_type": "trade",
        "order_status": "filled",
        "exec_id": "T-9",
        "last_qty": 0.05,
        "last_price": 2650.09,
        "cum_qty": 0.05,
    }
    for paid, told in (
        (fees, ("USDC", 15_000_000, (("KFEE", 700_000_000), ("ETH", 1_000)))),
        ([], ("", 0, ())),
    ):
        rows = [{"asset": asset, "qty": amount} for asset, amount in paid]
        life = [*LIFE[:3], executions(4, {**trade, "fees": rows})]
        fact = read_all(adapter.reader(signer(), named(SPOT)), life)[-1]
        assert (fact.fee_asset, fact.fee, fact.more_fees) == told


def test_in_whatever_order_facts_come_the_end_is_the_same(adapter: KrakenSpotOrders) -> None:
    facts = read_all(adapter.reader(signer(), named(SPOT)), LIFE)
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    result = {"order_id": "O-1", "cl_ord_id": "alp-1-1"}
    answered = [*read(adapter, call, replied(call, result), SPOT).facts, *facts]
    command = amend(SPOT, venue_id="O-1", price=265_009)
    assert end_of(command, answered) == (OrderState.FILLED, 5_000_000)


def test_a_post_only_order_that_would_trade_is_refused_by_the_stream(
    adapter: KrakenSpotOrders,
) -> None:
    ended = {
        **NAMES,
        **WHEN,
        "exec_type": "canceled",
        "order_status": "canceled",
        "cum_qty": 0.00000000,
        "reason": "Post only order",
    }
    messages = [*LIFE[:2], executions(3, ended)]
    (fact,) = read_all(adapter.reader(signer(), named(SPOT)), messages)
    assert (fact.kind, fact.reason) == (OrderEvent.REJECTED, RejectReason.POST_ONLY)
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    result = {"order_id": "O-1", "cl_ord_id": "alp-1-1"}
    acked = read(adapter, call, replied(call, result), SPOT).facts
    assert end_of(new(SPOT), [*acked, fact]) == (OrderState.REJECTED, 0)


def test_a_snapshot_tells_open_orders_with_their_terms(adapter: KrakenSpotOrders) -> None:
    row = {**BEGUN, "order_status": "partially_filled", "exec_type": "new", "cum_qty": 0.01}
    rows = [row, {**row, "order_id": "O-2", "order_status": "new"}]
    reader = adapter.reader(signer(), named(SPOT))
    fact, other = read_all(reader, [executions(1, *rows, kind="snapshot")])
    assert fact.kind is other.kind is OrderEvent.FOUND
    assert (fact.command, fact.price, fact.quantity, fact.cumulative) == (
        0,
        265_010,
        5_000_000,
        1_000_000,
    )


def test_a_gap_ends_the_belief_in_a_stream(adapter: KrakenSpotOrders) -> None:
    reader = adapter.reader(signer(), named(SPOT))
    read_all(reader, LIFE[:2])
    assert reader.read(json.dumps(LIFE[1]).encode()) == StreamNews()
    assert "executions: 5 after 2" in reader.read(json.dumps(LIFE[4]).encode()).lost
    fresh = adapter.reader(signer(), named(SPOT))
    assert fresh.read(json.dumps(LIFE[1]).encode()).lost


def test_a_value_off_the_grid_makes_nothing_of_the_message_count(adapter: KrakenSpotOrders) -> None:
    reader = adapter.reader(signer(), named(SPOT))
    read_all(reader, LIFE[:3])
    trade = json.loads(json.dumps(LIFE[4]))
    trade["sequence"] = 4
    trade["data"][1]["last_qty"] = 0.030000001
    with pytest.raises(VenueError, match="no multiple"):
        reader.read(json.dumps(trade).encode())
    trade["data"][1]["last_qty"] = 0.03
    assert len(reader.read(json.dumps(trade).encode()).facts) == 2


def test_what_is_remembered_of_orders_is_bounded(
    adapter: KrakenSpotOrders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alp.venues.kraken.spot_stream.MOST_ORDERS", 2)
    reader = adapter.reader(signer(), named(SPOT))
    begun = [{**BEGUN, "exec_type": "pending_new", "order_id": f"O-{n}"} for n in range(3)]
    read_all(reader, [executions(1, kind="snapshot"), executions(2, *begun)])
    ends = [{"exec_type": "canceled", "order_id": f"O-{n}"} for n in range(3)]
    facts = read_all(reader, [executions(3, *ends)])
    assert [fact.client_id for fact in facts] == ["", "alp-1-1", "alp-1-1"]


def test_orders_of_other_products_are_passed_over(adapter: KrakenSpotOrders) -> None:
    other = {**BEGUN, "symbol": "KAR/USD", "exec_type": "new", "order_qty": 0.123456789}
    messages = [executions(1, kind="snapshot"), executions(2, other)]
    assert read_all(adapter.reader(signer(), named(SPOT)), messages) == []


def test_a_stream_is_ready_when_both_channels_are_there(adapter: KrakenSpotOrders) -> None:
    reader = adapter.reader(signer(), named(SPOT))
    status = {"channel": "status", "type": "update", "data": [{"system": "online"}]}
    assert not reader.read(json.dumps(status).encode()).ready
    ready = []
    for channel in ("balances", "executions"):
        ack = {"method": "subscribe", "success": True, "result": {"channel": channel}, **TIMES}
        ready.append(reader.read(json.dumps(ack).encode()).ready)
    assert ready == [False, True]
    refused = {"method": "subscribe", "success": False, "error": "ESession:Invalid session"}
    assert reader.read(json.dumps(refused).encode()).lost == "ESession:Invalid session"


def test_an_order_socket_is_ready_when_its_ping_is_answered(adapter: KrakenSpotOrders) -> None:
    plan = adapter.order_socket(signer(), "T")
    assert plan is not None
    (ping,) = plan.opening
    reader = adapter.reader(signer(), named(SPOT))
    pong = {"method": "pong", "req_id": json.loads(ping)["req_id"]}
    assert reader.read(json.dumps(pong).encode()).ready
    assert plan.ping is not None
    later = {"method": "pong", "req_id": json.loads(plan.ping)["req_id"]}
    assert not reader.read(json.dumps(later).encode()).ready


def test_answers_to_orders_are_passed_on(adapter: KrakenSpotOrders) -> None:
    reader = adapter.reader(signer(), named(SPOT))
    call = adapter.commands([new(SPOT)], signer(), socket=True)
    answer = {**replied(call, {"order_id": "O-1"}), "method": "add_order"}
    assert reader.read(json.dumps(answer).encode()).reference == call.reference
    answer = {**replied(call, error="ESession:Invalid session"), "method": "add_order"}
    news = reader.read(json.dumps(answer).encode())
    assert (news.reference, news.lost) == (call.reference, "ESession:Invalid session")


def test_balances_are_streamed(adapter: KrakenSpotOrders) -> None:
    reader = adapter.reader(signer(), named(SPOT))
    row = {"asset": "USDC", "asset_class": "currency", "balance": 100.00000001, "wallets": []}
    told = {"channel": "balances", "type": "snapshot", "data": [row], "sequence": 1}
    (balance,) = reader.read(json.dumps(told).encode()).balances
    assert (balance.asset, balance.total, balance.available) == ("USDC", 10_000_000_001, None)


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_stream_says_it_is_read_or_refused(data: st.DataObject) -> None:
    reader = KrakenSpotOrders().reader(signer(), named(SPOT))
    for message in LIFE:
        raw = (
            data.draw(damaged(message))
            if data.draw(st.booleans())
            else json.dumps(message).encode()
        )
        reads_or_refuses(reader, raw)
