"""What Coinbase's user channel says of orders."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from order_kit import (
    COINBASE,
    COINBASE_FILL,
    NOW_NS,
    USDC,
    cancel,
    damaged,
    end_of,
    ends_of,
    named,
    new,
    read,
    read_all,
    reads_or_refuses,
    signer,
)

from alp._core.order_life import OrderEvent, OrderState, RejectReason
from alp.errors import VenueError
from alp.venues.coinbase.orders import CoinbaseOrders
from alp.venues.coinbase.signing import verify_token
from alp.venues.orders import Signer, StreamNews


@pytest.fixture
def adapter() -> CoinbaseOrders:
    return CoinbaseOrders()


@pytest.fixture
def owner() -> Signer:
    return signer(COINBASE)


def accepted(order_id: str = "CB-1", client_id: str = "alp-1-1") -> dict[str, Any]:
    row = {"order_id": order_id, "product_id": "ETH-USDC", "client_order_id": client_id}
    return {"success": True, "success_response": row}


def frame(number: int, *orders: dict[str, Any], kind: str = "update") -> dict[str, Any]:
    return {
        "channel": "user",
        "client_id": "",
        "timestamp": "2026-09-30T02:40:00.000000001Z",
        "sequence_num": number,
        "events": [{"type": kind, "orders": list(orders)}],
    }


def told(status: str, filled: str = "0", **changes: Any) -> dict[str, Any]:
    row = {
        "avg_price": "0",
        "cancel_reason": "",
        "client_order_id": "alp-1-1",
        "cumulative_quantity": filled,
        "filled_value": "0",
        "leaves_quantity": "0.05",
        "limit_price": "2650.1",
        "order_id": "V-1",
        "order_side": "BUY",
        "order_type": "Limit",
        "product_id": "ETH-USDC",
        "reject_reason": "",
        "status": status,
    }
    return {**row, **changes}


SUBSCRIBED = {
    "channel": "subscriptions",
    "timestamp": "2026-09-30T02:40:00Z",
    "sequence_num": 2,
    "events": [{"subscriptions": {"heartbeats": ["heartbeats"], "user": ["all"]}}],
}
BEAT = {"channel": "heartbeats", "sequence_num": 3, "events": [{"heartbeat_counter": 1}]}
LIFE = [
    {**SUBSCRIBED, "sequence_num": 0, "events": [{"subscriptions": {"heartbeats": ["x"]}}]},
    frame(1, kind="snapshot"),
    SUBSCRIBED,
    BEAT,
    frame(4, told("PENDING")),
    frame(5, told("OPEN")),
    frame(6, told("OPEN", "0.02"), told("OPEN", client_order_id="x" * 36, product_id="BTC-USD")),
    frame(7, told("FILLED", "0.05")),
]


def test_running_totals_are_told_on_the_user_channel(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    plan = adapter.stream(owner, "")
    assert plan.url == "wss://advanced-trade-ws-user.coinbase.com"
    opening = [json.loads(each) for each in plan.opening]
    assert [each["channel"] for each in opening] == ["heartbeats", "user"]
    for each in opening:
        assert "uri" not in verify_token(COINBASE, each["jwt"], now_s=NOW_NS // 10**9)
    facts = read_all(adapter.reader(owner, named(USDC)), LIFE)
    assert [fact.kind.name for fact in facts] == ["ACKED", "ACKED", "ACKED", "CUMULATIVE", "FILLED"]
    assert facts[3].cumulative == 2_000_000
    assert (facts[4].client_id, facts[4].venue_id, facts[4].cumulative) == (
        "alp-1-1",
        "V-1",
        5_000_000,
    )
    assert facts[0].at_ns == 1_790_736_000_000_000_001


def test_in_whatever_order_facts_come_the_end_is_the_same(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    facts = read_all(adapter.reader(owner, named(USDC)), LIFE)
    call = adapter.commands([new(USDC)], owner, socket=False)
    acked = read(adapter, call, accepted("V-1"), USDC).facts
    trades = read(
        adapter,
        adapter.trades(USDC, 0, owner),
        {
            "fills": [COINBASE_FILL, {**COINBASE_FILL, "trade_id": "T-2", "size": "0.03"}],
            "cursor": "",
        },
        USDC,
    ).facts
    assert end_of(new(USDC), [*acked, *facts, *trades]) == (OrderState.FILLED, 5_000_000)


def test_a_refusal_may_come_later(adapter: CoinbaseOrders, owner: Signer) -> None:
    late = told("FAILED", reject_reason="INVALID_LIMIT_PRICE_POST_ONLY")
    (fact,) = read_all(adapter.reader(owner, named(USDC)), [frame(0, late)])
    assert (fact.kind, fact.reason) == (OrderEvent.REJECTED, RejectReason.POST_ONLY)
    call = adapter.commands([new(USDC)], owner, socket=False)
    acked = read(adapter, call, accepted("V-1"), USDC).facts
    assert end_of(new(USDC), [*acked, fact]) == (OrderState.REJECTED, 0)


def test_a_queued_cancel_is_no_end(adapter: CoinbaseOrders, owner: Signer) -> None:
    call = adapter.commands([cancel(USDC)], owner, socket=False)
    queued = {"results": [{"success": True, "failure_reason": "", "order_id": "V-1"}]}
    answered = read(adapter, call, queued, USDC).facts
    frames = [frame(0, told("OPEN", "0.02")), frame(1, told("CANCEL_QUEUED", "0.02"))]
    facts = read_all(adapter.reader(owner, named(USDC)), frames)
    states = {state for state, *_ in ends_of(cancel(USDC), [*answered, *facts])}
    assert states == {OrderState.PENDING_CANCEL}
    ended = read_all(
        adapter.reader(owner, named(USDC)), [*frames, frame(2, told("CANCELLED", "0.02"))]
    )
    assert end_of(cancel(USDC), [*answered, *ended]) == (OrderState.CANCELED, 2_000_000)


def test_a_stream_is_ready_once_both_channels_are_there(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    reader = adapter.reader(owner, named(USDC))
    ready = [reader.read(json.dumps(each).encode()).ready for each in LIFE[:4]]
    assert ready == [False, False, True, False]


def test_a_gap_ends_the_belief_in_a_stream(adapter: CoinbaseOrders, owner: Signer) -> None:
    reader = adapter.reader(owner, named(USDC))
    read_all(reader, LIFE[:5])
    assert reader.read(json.dumps(LIFE[4]).encode()) == StreamNews()
    assert reader.read(json.dumps(LIFE[6]).encode()).lost == "6 after 4"
    assert adapter.reader(owner, named(USDC)).read(json.dumps(LIFE[1]).encode()).lost
    error = {"type": "error", "message": "authentication failure"}
    assert reader.read(json.dumps(error).encode()).lost == "authentication failure"
    unknown = frame(5, told("UNKNOWN_ORDER_STATUS"))
    assert "V-1" in reader.read(json.dumps(unknown).encode()).lost


def test_a_value_off_the_grid_makes_nothing_of_the_message_count(
    adapter: CoinbaseOrders, owner: Signer
) -> None:
    reader = adapter.reader(owner, named(USDC))
    bad = frame(0, told("OPEN"), told("OPEN", "0.000000001"))
    with pytest.raises(VenueError, match="no multiple"):
        reader.read(json.dumps(bad).encode())
    assert reader.read(json.dumps(frame(0, told("OPEN"))).encode()).facts


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_whatever_a_stream_says_it_is_read_or_refused(data: st.DataObject) -> None:
    reader = CoinbaseOrders().reader(signer(COINBASE), named(USDC))
    for message in LIFE:
        whole = data.draw(st.booleans())
        reads_or_refuses(
            reader, json.dumps(message).encode() if whole else data.draw(damaged(message))
        )
