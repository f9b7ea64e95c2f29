"""Coinbase's two feeds: every public message, read as the plain twin reads it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from feed_cases import Compared, capture, committed, fixture, product

ADVANCED = Compared("coinbase", [product("ETH-USD", 2), product("BTC-USD", 2)])
EXCHANGE = Compared(
    "coinbase-exchange", [product("ETH-USD", 2), product("BTC-USD", 2), product("SKL-GBP", 4, 1)]
)
LEVEL = '{"side":"%s","event_time":"2026-08-09T21:05:48.5Z","price_level":"%s","new_quantity":"%s"}'
TRADE = (
    '{"product_id":"%s","trade_id":"%d","price":"1919.41","size":"0.5",'
    '"time":"2026-08-09T21:05:48.02025Z","side":"%s"}'
)


def advanced(channel: str, *events: str, number: int = 7) -> bytes:
    return (
        f'{{"channel":"{channel}","timestamp":"2026-08-09T21:05:48.856364007Z",'
        f'"sequence_num":{number},"events":[{",".join(events)}]}}'
    ).encode()


def level2(kind: str, name: str, *levels: str) -> str:
    return f'{{"type":"{kind}","product_id":"{name}","updates":[{",".join(levels)}]}}'


def trades(kind: str, *rows: str) -> str:
    return f'{{"type":"{kind}","trades":[{",".join(rows)}]}}'


def ticker(name: str, **members: str | None) -> str:
    return json.dumps(
        {"type": "update", "tickers": [{"type": "ticker", "product_id": name, **members}]}
    )


OWN = {
    "snapshot": advanced(
        "l2_data",
        level2(
            "snapshot", "ETH-USD", LEVEL % ("bid", "1919.4", "1"), LEVEL % ("offer", "1920", "2")
        ),
    ),
    "several events": advanced(
        "l2_data",
        level2("update", "ETH-USD", LEVEL % ("bid", "1919.4", "0")),
        level2("update", "SOL-USD", LEVEL % ("bid", "80", "1")),
        level2("update", "BTC-USD", LEVEL % ("offer", "65000.01", "0.00000001")),
    ),
    "several products' trades": advanced(
        "market_trades",
        trades(
            "snapshot",
            TRADE % ("ETH-USD", 3, "SELL"),
            TRADE % ("SOL-USD", 9, "BUY"),
            TRADE % ("BTC-USD", 5, "BUY"),
            TRADE % ("ETH-USD", 2, "BUY"),
        ),
    ),
    "quote of one side": advanced(
        "ticker", ticker("ETH-USD", best_bid="", best_ask="1919.49", best_ask_quantity="0.5")
    ),
    "batch without quotes": advanced("ticker_batch", ticker("ETH-USD", price="1919.41")),
    "status": advanced("status", '{"type":"snapshot","products":[{"id":"ETH-USD"}]}'),
    "heartbeat": advanced("heartbeats", '{"current_time":"now","heartbeat_counter":3}'),
    "no event": advanced("l2_data"),
    "error": b'{"type":"error","message":"authentication failure"}',
    "unknown": b'{"type":"news","text":[1,{"a":null}]}',
}
EXCHANGE_OWN = {
    "snapshot": b'{"type":"snapshot","product_id":"ETH-USD","asks":[["1920.00","2.00000000"]],'
    b'"bids":[["1919.99","1"],["1919.98","0.5"]],"time":"2026-07-07T22:58:17.050195Z"}',
    "unknown product": b'{"type":"l2update","product_id":"SOL-USD","changes":[["buy","1","2"]]}',
    "error": b'{"type":"error","message":"Failed to subscribe","reason":"no such product"}',
    "ticker": b'{"type":"ticker","sequence":5,"product_id":"ETH-USD","price":"1919",'
    b'"best_bid":"1918.99","best_bid_size":"0.1","best_ask":"1919.01","best_ask_size":"0.2",'
    b'"time":"2026-07-07T22:58:17.050195Z","trade_id":8}',
    "status": b'{"type":"status","products":[{"id":"ETH-USD"}],"currencies":[]}',
    "full feed": b'{"type":"received","product_id":"ETH-USD","size":"x","side":"buy"}',
}


@pytest.fixture(scope="module")
def advanced_messages(root: Path) -> list[bytes]:
    return [*committed(root, "coinbase-advanced-2026-08-09.jsonl"), *OWN.values()]


@pytest.fixture(scope="module")
def exchange_messages(root: Path) -> list[bytes]:
    return [
        *committed(root, "coinbase-exchange-2026-07-07.jsonl"),
        *committed(root, "coinbase-exchange-2021-04-17.jsonl"),
        *EXCHANGE_OWN.values(),
    ]


def test_every_kind_of_message_says_what_the_twin_reads(
    advanced_messages: list[bytes], exchange_messages: list[bytes]
) -> None:
    found = ADVANCED.all_same(advanced_messages)
    assert {"snapshot", "delta", "trades", "trade history", "quote", "heartbeat"} <= found.keys()
    assert {"accepted", "refused", "status", "other"} <= found.keys()
    found = EXCHANGE.all_same(exchange_messages)
    assert {"snapshot", "delta", "trades", "trade history", "quote", "heartbeat"} <= found.keys()
    assert {"accepted", "refused", "status", "other"} <= found.keys()


def test_members_may_come_in_any_order(
    advanced_messages: list[bytes], exchange_messages: list[bytes]
) -> None:
    for compared, messages in ((ADVANCED, advanced_messages), (EXCHANGE, exchange_messages)):
        for message in messages:
            compared.in_any_order(message)


def test_a_damaged_message_is_refused_or_read_as_it_stands(
    advanced_messages: list[bytes], exchange_messages: list[bytes]
) -> None:
    for compared, messages in ((ADVANCED, advanced_messages), (EXCHANGE, exchange_messages)):
        for message in messages:
            compared.survives(message)


def test_a_makers_side_becomes_the_aggressors() -> None:
    found = ADVANCED.same(
        advanced("market_trades", trades("update", TRADE % ("ETH-USD", 1, "SELL")))
    )
    time_ns = 1786309548020250000
    assert found["updates"][0]["trades"] == [(1, 191941, 50000000, 1, time_ns)]
    match = (
        b'{"type":"match","trade_id":4,"side":"sell","size":"0.2","price":"1919.5",'
        b'"product_id":"ETH-USD","sequence":9,"time":"2026-08-09T21:05:48.02025Z"}'
    )
    found = EXCHANGE.same(match)
    assert found["updates"][0]["trades"] == [(4, 191950, 20000000, 1, time_ns)]


def test_trades_of_several_products_in_one_event_are_an_update_each() -> None:
    found = ADVANCED.same(OWN["several products' trades"])
    assert [(each["symbol"], [row[0] for row in each["trades"]]) for each in found["updates"]] == [
        ("ETH-USD", [3, 2]),
        (None, []),
        ("BTC-USD", [5]),
    ]


def test_an_unknown_product_is_named_unknown_and_its_levels_are_left() -> None:
    found = ADVANCED.same(advanced("l2_data", level2("update", "SOL-USD", '{"odd":true}')))
    assert found["updates"][0]["symbol"] is None
    assert found["updates"][0]["bids"] == []


@pytest.mark.parametrize(
    ("message", "fault"),
    [
        (advanced("l2_data", level2("update", "ETH-USD", LEVEL % ("bid", "1.001", "1"))), "step"),
        (advanced("l2_data", level2("update", "ETH-USD", LEVEL % ("bid", "1", "-1"))), "cannot"),
        (advanced("l2_data", level2("update", "ETH-USD", LEVEL % ("ask", "1", "1"))), "cannot"),
        (advanced("l2_data", level2("change", "ETH-USD")), "cannot"),
        (advanced("l2_data", level2("update", "ETH-USD", '{"side":"bid"}')), "missing"),
        (advanced("l2_data", '{"type":"update","updates":[]}'), "missing"),
        (advanced("l2_data").replace(b'"sequence_num":7,', b""), "missing"),
        (b'{"channel":"l2_data","sequence_num":1}', "missing"),
        (advanced("l2_data", number=-4), "cannot"),
        (advanced("heartbeats") + b"}", "JSON"),
        (b"[]", "JSON"),
    ],
)
def test_a_wrong_message_has_its_fault(message: bytes, fault: str) -> None:
    assert fault in ADVANCED.refused(message)


def test_a_fault_late_in_a_message_leaves_nothing_of_it() -> None:
    sound = level2("update", "ETH-USD", LEVEL % ("bid", "1", "1"))
    broken = level2("update", "BTC-USD", LEVEL % ("bid", "1", "x"))
    assert ADVANCED.refused(advanced("l2_data", sound, broken))
    assert ADVANCED.same(advanced("l2_data"))["updates"] == []


def test_the_recorded_sessions_say_what_the_twin_reads(shared: Path) -> None:
    found = ADVANCED.all_same(
        capture(shared, "coinbase_advanced_ETH-USD_BTC-USD_2026-08-09.jsonl.zst")
    )
    assert (found["messages"], found["delta"], found["snapshot"]) == (1030, 773, 2)
    found = EXCHANGE.all_same(
        capture(shared, "coinbase_exchange_ETH-USD_BTC-USD_level2_50_matches_2026-07-07.ndjson.gz")
    )
    assert (found["messages"], found["delta"], found["trades"]) == (2456, 1898, 435)
    found = EXCHANGE.all_same(fixture(shared, "coinbase_exchange_feed_session.jsonl"))
    assert (found["messages"], found["delta"]) == (375, 365)
