"""Private messages that venues sent, or that their documentation shows, as they were written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from order_kit import (
    BTC,
    COINBASE,
    FUTURES,
    SPOT,
    USDC,
    amend,
    cancel,
    named,
    new,
    read,
    signer,
)

from alp._core.order_life import OrderEvent, RejectReason
from alp.venues.coinbase.orders import CoinbaseOrders
from alp.venues.instruments import Grid, Instrument
from alp.venues.kraken.futures_orders import KrakenFuturesOrders
from alp.venues.kraken.spot_orders import KrakenSpotOrders
from alp.venues.orders import Call, Fact, Policy

TETHER = replace(BTC, symbol="BTC/USDT", quote="USDT", price=Grid(1, 1))
KAR = replace(BTC, symbol="KAR/USD", base="KAR", price=Grid(5, 1))
INVERSE = replace(
    FUTURES,
    symbol="PI_XBTUSD",
    feed_symbol="PI_XBTUSD",
    price=Grid(1, 5),
    quantity=Grid(0, 1),
    order_quantity=Grid(0, 1),
)
FLEXIBLE = replace(INVERSE, symbol="PF_XBTUSD", order_quantity=Grid(4, 1))
CASH = replace(USDC, symbol="BTC-USD")


@pytest.fixture
def messages(shared: Path) -> Any:
    folder = shared / "venues/fixtures/public"

    def find(file: str, *beginnings: str) -> Iterator[tuple[str, bytes]]:
        for line in (folder / f"{file}.jsonl").read_text().splitlines():
            row = json.loads(line)
            if row["direction"] == "in" and row["channel"].startswith(beginnings):
                yield row["channel"], row["raw"].encode()

    return find


def test_kraken_executions(messages: Any) -> None:
    adapter = KrakenSpotOrders()
    facts: list[Fact] = []
    count = 0
    for _, raw in messages("kraken_spot_messages", "ws.executions"):
        # Excerpts: each is read as the next of a stream.
        reader = adapter.reader(signer(), named(TETHER, KAR, SPOT))
        before = json.loads(raw)["sequence"] - 1
        begun = {"channel": "executions", "type": "snapshot", "data": [], "sequence": before}
        reader.read(json.dumps(begun).encode())
        facts += reader.read(raw).facts
        count += 1
    assert count >= 6
    found = [fact.kind.name for fact in facts]
    assert found == ["ACKED", "CANCELED", "FILL", "FILL", "FILLED"]
    taker, maker = facts[2], facts[3]
    assert (taker.symbol, taker.price, taker.quantity) == ("KAR/USD", 12_100, 10_502_014_889)
    assert (taker.fee, taker.fee_asset, taker.liquidity) == (5_083_000, "USD", 2)
    assert (maker.client_id, maker.fee, maker.liquidity) == ("alp-1-000001", 13_250_000, 1)


def test_kraken_replies(messages: Any) -> None:
    adapter = KrakenSpotOrders()
    adapter.order_socket(signer(), "T")
    policies = {}
    for _, raw in messages("kraken_spot_messages", "ws.private.error"):
        call = adapter.commands([new(SPOT)], signer(), socket=True)
        told = json.loads(raw)
        reader = adapter.reader(signer(), named(SPOT))
        assert reader.read(raw).reference == str(told["req_id"])
        answer = {**told, "req_id": int(call.reference)}
        policies[told["error"]] = read(adapter, call, answer, SPOT).policy
    assert policies == {
        "EOrder:Unknown order": Policy.RESYNC_STATE,
        "EOrder:Post only order": Policy.REQUOTE,
        "EOrder:Insufficient funds": Policy.PAUSE_SIDE,
        "EService:Deadline elapsed": Policy.REQUOTE,
        "EGeneral:Permission denied": Policy.HALT,
    } | {error: policies[error] for error in policies if "Invalid arguments" in error}


def test_kraken_answers_by_rest(messages: Any) -> None:
    adapter = KrakenSpotOrders()
    wide = replace(BTC, symbol="BTC/USDT", quote="USDT", price=Grid(5, 1))
    ether = replace(wide, symbol="ETH/USDT", base="ETH")
    (opened,) = [raw for _, raw in messages("kraken_spot_messages", "http_open_orders")]
    (call,) = adapter.open_orders([wide], signer())
    orders = read(adapter, call, opened, wide, ether).orders
    assert [(each.symbol, each.side, each.price) for each in orders] == [
        ("BTC/USDT", 1, 2_950_000_000),
        ("ETH/USDT", -1, 0),
    ]
    (placed,) = [raw for _, raw in messages("kraken_spot_messages", "http_add_order_spot")]
    call = adapter.commands([new(SPOT)], signer(), socket=False)
    assert read(adapter, call, placed, SPOT).facts[0].venue_id == "OUF4EM-FRGI2-MQMWZD"
    (several,) = [raw for _, raw in messages("kraken_spot_messages", "rest.PlaceMultipleOrders")]
    call = adapter.commands([new(SPOT, 1), new(SPOT, 2)], signer(), socket=False)
    assert [fact.kind for fact in read(adapter, call, several, SPOT).facts] == [
        OrderEvent.ACKED,
        OrderEvent.ACKED,
    ]
    (timer,) = [raw for _, raw in messages("kraken_spot_messages", "rest.CancelAllOrdersAfter")]
    call = adapter.dead_man(None, 60 * 10**9, signer()) or call
    assert read(adapter, call, timer).policy is None
    (held,) = [raw for _, raw in messages("kraken_spot_messages", "ws.private")][1:2]
    balances = adapter.reader(signer(), {}).read(held).balances
    assert [(each.asset, each.total) for each in balances] == [("USDT", 10_000_000_000)]


FILES = "kraken_futures_messages"


def test_kraken_futures_feeds(messages: Any) -> None:
    facts: list[Fact] = []
    positions = []
    for _, raw in messages(FILES, "ws.", "ws_futures_"):
        told = json.loads(raw)
        if not str(told.get("feed", "")).startswith(("open_", "fills")) or "event" in told:
            continue
        reader = KrakenFuturesOrders().reader(signer(), named(INVERSE, FLEXIBLE))
        news = reader.read(raw)
        assert not news.lost
        facts += news.facts
        positions += news.positions
    kinds = {fact.kind for fact in facts}
    assert kinds == {
        OrderEvent.ACKED,
        OrderEvent.FOUND,
        OrderEvent.FILL,
        OrderEvent.FILLED,
        OrderEvent.CANCELED,
        OrderEvent.REJECTED,
    }
    refused = [fact for fact in facts if fact.kind is OrderEvent.REJECTED]
    assert {fact.reason for fact in refused} == {RejectReason.POST_ONLY}
    first = next(fact for fact in facts if fact.trade_id.startswith("21851c83"))
    # A fee of 5.2e-9 is less than the unit: it is rounded up.
    assert (first.price, first.quantity, first.fee, first.fee_asset) == (77_017, 1, 1, "BTC")
    assert (1, 80_025) in {(each.quantity, each.entry_price) for each in positions}


def futures_answer(messages: Any, channel: str, which: int = 0) -> bytes:
    return [raw for name, raw in messages(FILES, channel) if name == channel][which]


@pytest.mark.parametrize(
    ("channel", "which", "kinds"),
    [
        ("rest.send_order", 0, ["ACKED"]),
        ("rest.edit_order", 0, ["AMEND_ACKED"]),
        ("rest.edit_order", 1, ["AMEND_ACKED"]),
        ("rest.edit_order", 2, ["AMEND_ACKED"]),
        ("rest.cancel_order", 0, ["CANCEL_REFUSED"]),
        ("rest.CancelOrder", 0, ["CANCEL_ACCEPTED", "CANCELED"]),
        ("http_cancel_order_futures", 0, ["CANCEL_ACCEPTED"]),
        ("rest.rest_error", 0, ["UNKNOWN"]),
    ],
)
def test_kraken_futures_answers(messages: Any, channel: str, which: int, kinds: list[str]) -> None:
    adapter = KrakenFuturesOrders()
    raw = futures_answer(messages, channel, which)
    name = json.loads(raw).get("sendStatus", {}).get("cliOrdId", "alp-1-1")
    command: Any = new(INVERSE, client_id=name, price=1, quantity=1)
    if kinds[0].startswith("AMEND"):
        command = amend(INVERSE, price=1, quantity=1)
    elif kinds[0].startswith("CANCEL"):
        command = cancel(INVERSE, venue_id="")
    call = adapter.commands([command], signer(), socket=False)
    outcome = read(adapter, call, raw, INVERSE)
    assert [fact.kind.name for fact in outcome.facts] == kinds


def test_kraken_futures_questions(messages: Any) -> None:
    adapter = KrakenFuturesOrders()
    ether = replace(INVERSE, symbol="PI_ETHUSD", price=Grid(2, 5))
    (call,) = adapter.open_orders([INVERSE], signer())
    orders = read(
        adapter, call, futures_answer(messages, "http_futures_open_orders"), INVERSE
    ).orders
    assert [(each.client_id, each.quantity, each.filled) for each in orders] == [
        ("my-client-order-123", 7000, 2000)
    ]
    _, call = adapter.account([INVERSE, ether], signer())
    raw = futures_answer(messages, "http_futures_open_positions")
    positions = read(adapter, call, raw, INVERSE, ether).positions
    assert [(each.symbol, each.quantity) for each in positions] == [
        ("PI_XBTUSD", -8000),
        ("PI_ETHUSD", 12000),
    ]
    raw = futures_answer(messages, "rest.cancel_all_orders")
    (fact,) = read(adapter, adapter.cancel_all(None, signer()), raw, INVERSE).facts
    assert (fact.kind, fact.cumulative) == (OrderEvent.CANCELED, 0)


def coinbase(messages: Any, channel: str) -> bytes:
    return next(raw for _, raw in messages("coinbase_messages", channel))


def asked(adapter: CoinbaseOrders, what: str) -> Call:
    owner = signer(COINBASE)
    if what == "accounts":
        return adapter.account([], owner)[0]
    return adapter.open_orders([CASH], owner)[0]


def test_coinbase_answers(messages: Any) -> None:
    adapter = CoinbaseOrders()
    outcome = read(adapter, asked(adapter, "accounts"), coinbase(messages, "http_accounts"))
    assert [(each.asset, each.total) for each in outcome.balances] == [
        ("BTC", 123_956_789),
        ("USD", 1_045_050_000_000),
    ]
    raw = coinbase(messages, "http_orders_list")
    (order,) = read(adapter, asked(adapter, "orders"), raw, CASH).orders
    assert (order.price, order.quantity, order.filled) == (4_500_000, 1_000_000, 0)
    command = new(CASH, venue_id="0000-000000-000000")
    call = adapter.query(command, signer(COINBASE))
    (fact,) = read(adapter, call, coinbase(messages, "http_order"), CASH).facts
    assert (fact.kind, fact.price, fact.cumulative) == (OrderEvent.FOUND, 1_000_000, 100_000)


def test_coinbase_user_channel(messages: Any) -> None:
    kinds = []
    products: dict[str, Instrument] = named(CASH, USDC)
    for _, raw in messages("coinbase_messages", "ws.user", "ws.User", "ws_user"):
        reader = CoinbaseOrders().reader(signer(COINBASE), products)
        for number in range(json.loads(raw)["sequence_num"]):
            beat = {"channel": "heartbeats", "sequence_num": number, "events": []}
            reader.read(json.dumps(beat).encode())
        news = reader.read(raw)
        assert not news.lost
        kinds += [fact.kind.name for fact in news.facts]
    assert kinds.count("FILLED") == 2
    assert {"ACKED", "FILLED", "REJECTED"} <= set(kinds)
    error = coinbase(messages, "ws.error")
    assert CoinbaseOrders().reader(signer(COINBASE), products).read(error).lost
