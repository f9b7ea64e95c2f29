"""Whatever bytes come back: nothing raises, and every command of a call has at least one fact."""

from __future__ import annotations

import json
from typing import Any

import pytest
from binance_private import (
    EXCHANGES,
    NOW_NS,
    PRODUCTS,
    SPOT,
    USDM,
    command,
    order,
    signer,
    spot_event,
    usdm_event,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.order_life import OrderEvent
from alp._core.orders import OrderTable
from alp.errors import VenueError
from alp.venues.orders import Action, Answer, Call, Fact, OrderAdapter, Policy

BY_NAME = dict(zip(EXCHANGES, (USDM, SPOT), strict=True))
OF_ACTION = {
    Action.NEW: {OrderEvent.ACKED, OrderEvent.REJECTED, OrderEvent.UNKNOWN},
    Action.AMEND: {OrderEvent.AMEND_ACKED, OrderEvent.AMEND_REFUSED, OrderEvent.AMEND_UNKNOWN},
    Action.CANCEL: {
        OrderEvent.CANCEL_ACCEPTED,
        OrderEvent.CANCEL_REFUSED,
        OrderEvent.CANCEL_UNKNOWN,
    },
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**30), 10**30),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["", "0", "-1", "1e5000", "9" * 30, "NaN", "Infinity", "٣", " 1 ", "-0"]),
    st.builds(list),
    st.builds(dict),
    st.builds(lambda: [[]]),
)
JSON = st.recursive(
    ODD, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner), max_leaves=9
)
STATUSES = st.sampled_from([0, 200, 201, 301, 400, 403, 404, 418, 429, 500, 502, 503, 504])


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    rows: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        rows = list(value.items())
    elif isinstance(value, list):
        rows = list(enumerate(value))
    inner = [place for name, each in rows for place in places(each, (*path, name))]
    return [path] * bool(path) + inner


def damaged(draw: st.DrawFn, value: Any) -> bytes:
    """Return a message with some members replaced or left out, cut, or with bytes changed."""
    value = json.loads(json.dumps(value))
    for _ in range(draw(st.integers(0, 3))):
        found = places(value)
        if not found:
            break
        *way, last = draw(st.sampled_from(found))
        at = value
        for step in way:
            at = at[step]
        if draw(st.booleans()) and isinstance(at, dict):
            del at[last]
        else:
            at[last] = draw(ODD)
    body = bytearray(json.dumps(value).encode())
    for _ in range(draw(st.integers(0, 2))):
        body[draw(st.integers(0, len(body) - 1))] = draw(st.integers(0, 255))
    return bytes(body[: draw(st.one_of(st.just(len(body)), st.integers(0, len(body))))])


def call_of_some(
    draw: st.DrawFn, adapter: OrderAdapter, exchange: str
) -> tuple[Call, list[dict[str, Any]]]:
    action = draw(st.sampled_from(Action))
    most = adapter.most_in_batch.get(action, 1)
    count = draw(st.integers(1, most))
    commands = [
        command(exchange, action, client_id=f"alp-7-{number}", number=int(action is not Action.NEW))
        for number in range(count)
    ]
    call = adapter.commands(commands, signer(), socket=count == 1 and draw(st.booleans()))
    rows = []
    for each in commands:
        status = draw(st.sampled_from(["NEW", "FILLED", "CANCELED", "EXPIRED", "REJECTED"]))
        said = order(exchange, clientOrderId=each.client_id, status=status)
        error = {"code": draw(st.sampled_from([-2010, -1007, -5022, -2011, 7])), "msg": "text"}
        rows.append(draw(st.sampled_from([said, said, error])))
    return call, rows


@st.composite
def answers(draw: st.DrawFn, exchange: str) -> tuple[Call, Answer]:
    adapter = BY_NAME[exchange]
    call, rows = call_of_some(draw, adapter, exchange)
    value: Any = rows if len(rows) > 1 else rows[0]
    status = draw(STATUSES)
    if status == 0:
        value = {"id": call.reference, "status": 200, "result": value, "rateLimits": [{}]}
    body = draw(st.one_of(st.just(b""), st.binary(), JSON.map(lambda v: json.dumps(v).encode())))
    if draw(st.integers(0, 3)):
        body = damaged(draw, value)
    headers = draw(
        st.dictionaries(st.sampled_from(["Retry-After", "X-MBX-USED-WEIGHT-1M"]), st.text())
    )
    return call, Answer(body, status, headers, draw(st.sampled_from([0, NOW_NS])))


def applied(facts: tuple[Fact, ...]) -> None:
    """Take facts in; a table of orders raises at what does not fit it."""
    table = OrderTable([(0, 1)])
    for fact in facts:
        if fact.client_id not in table:
            table.open(fact.client_id, 0, 1, 24_813, 250)
        table.apply(fact.client_id, fact.kind, **fact.terms(fact.at_ns))


@pytest.mark.parametrize("exchange", EXCHANGES)
@settings(max_examples=150)
@given(data=st.data())
def test_no_answer_raises_or_loses_a_command(exchange: str, data: st.DataObject) -> None:
    call, answer = data.draw(answers(exchange))
    outcome = BY_NAME[exchange].read(call, answer, PRODUCTS[exchange])
    for each in call.commands:
        said = {fact.kind for fact in outcome.facts if fact.client_id == each.client_id}
        assert len(said & OF_ACTION[each.action]) == 1
    assert all(fact.symbol == "ETHUSDC" for fact in outcome.facts)
    assert outcome.retry_ns >= 0
    applied(outcome.facts)


@pytest.mark.parametrize("exchange", EXCHANGES)
@settings(max_examples=80)
@given(data=st.data())
def test_no_answer_to_a_question_raises(exchange: str, data: st.DataObject) -> None:
    adapter, products = BY_NAME[exchange], PRODUCTS[exchange]
    eth, account = products["ETHUSDC"], signer()
    asked = [
        adapter.query(command(exchange), account),
        *adapter.open_orders([eth], account),
        *adapter.account([eth], account),
        adapter.trades(eth, NOW_NS - 10**15, account),
        adapter.permissions(account),
        adapter.time(),
        adapter.cancel_all(eth, account),
        adapter.dead_man(eth, 10**9, account),
        adapter.stream_key(account, ""),
    ]
    call = data.draw(st.sampled_from([each for each in asked if each is not None]))
    row = order(
        exchange,
        id=5,
        qty="0.1",
        commission="0.1",
        commissionAsset="A",
        maker=True,
        isMaker=True,
        isBuyer=True,
        asset="USDC",
        balance="1",
        availableBalance="1",
        positionSide="BOTH",
        positionAmt="1",
        entryPrice="1.5",
        free="1",
        locked="1",
        canTrade=True,
        serverTime=1,
        code=200,
    )
    value = data.draw(st.sampled_from([row, [row], {**row, "balances": [row]}]))
    body = damaged(data.draw, value)
    outcome = adapter.read(call, Answer(body, data.draw(STATUSES), {}, NOW_NS), products)
    if outcome.more is not None:
        assert outcome.more(account).name == "trades"
    if outcome.policy is Policy.QUERY:
        assert not outcome.facts
    applied(tuple(fact for fact in outcome.facts if fact.client_id))


@pytest.mark.parametrize("exchange", EXCHANGES)
@settings(max_examples=150)
@given(data=st.data())
def test_every_message_of_a_stream_is_read_or_refused_whole(
    exchange: str, data: st.DataObject
) -> None:
    adapter, products = BY_NAME[exchange], PRODUCTS[exchange]
    make = usdm_event if adapter is USDM else spot_event
    kinds = ["NEW", "TRADE", "CANCELED", "EXPIRED", "REPLACED", "AMENDMENT", "REJECTED"]
    kind = data.draw(st.sampled_from(kinds))
    trade = {"l": "0.1", "L": "2481.3", "z": "0.1", "t": 91, "n": "0.1", "N": "USDC", "m": True}
    event = make(kind, data.draw(st.sampled_from(["NEW", "FILLED", "CANCELED"])), **trade)
    wrapped = data.draw(st.sampled_from([event, {"data": event}, {"event": event}]))
    whatever = JSON.map(lambda value: json.dumps(value).encode()) | st.binary()
    message = damaged(data.draw, wrapped) if data.draw(st.booleans()) else data.draw(whatever)
    reader = adapter.reader(signer(), products)
    try:
        news = reader.read(message)
    except VenueError:
        return
    assert {fact.symbol for fact in news.facts} <= {"ETHUSDC"}
    applied(tuple(fact for fact in news.facts if fact.client_id))
