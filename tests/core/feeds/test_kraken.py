"""Kraken spot, WebSocket version 2: every public message, read as the plain twin reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from feed_cases import Compared, capture, committed, fixture, product

KRAKEN = Compared("kraken", [product("ETH/USD", 2), product("BTC/USD", 1)])
TIME = '"timestamp":"2026-08-02T04:23:43.217117Z"'
BOOK = '{"symbol":"%s","bids":[%s],"asks":[%s],"checksum":3730778136,' + TIME + "}"
TRADE = (
    '{"symbol":"%s","side":"%s","price":1877.50,"qty":0.47001888,"ord_type":"market",'
    '"trade_id":%d,' + TIME + "}"
)


def message(channel: str, kind: str, *data: str) -> bytes:
    return f'{{"channel":"{channel}","type":"{kind}","data":[{",".join(data)}]}}'.encode()


def level(price: str, quantity: str) -> str:
    return f'{{"price":{price},"qty":{quantity}}}'


OWN = {
    "several products": message(
        "book",
        "update",
        BOOK % ("ETH/USD", "", level("1877.61", "0.00000000")),
        BOOK % ("SOL/USD", level("80", "1"), ""),
        BOOK % ("BTC/USD", level("63004.9", "1e-8") + "," + level("6.3E+4", "2"), ""),
    ),
    "trade history": message(
        "trade",
        "snapshot",
        TRADE % ("ETH/USD", "buy", 3),
        TRADE % ("BTC/USD", "sell", 2),
        TRADE % ("SOL/USD", "sell", 8),
        TRADE % ("ETH/USD", "sell", 1),
    ),
    "ticker": message(
        "ticker",
        "update",
        '{"symbol":"ETH/USD","bid":1877.50,"bid_qty":740.0,"ask":1877.51,"ask_qty":0.00000001,'
        '"last":1877.5,"volume":997038.98383185,"change":-0.00017}',
    ),
    "empty side": message("ticker", "update", '{"symbol":"ETH/USD","bid":null,"ask":1877.51}'),
    "status": b'{"channel":"status","type":"update","data":[{"version":"2.0.10",'
    b'"system":"cancel_only","api_version":"v2","connection_id":15413894943188002760}]}',
    "failure": b'{"error":"Currency pair not supported ETH/ZZZ","method":"subscribe",'
    b'"success":false,"symbol":"ETH/ZZZ","req_id":8}',
    "pong": b'{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z"}',
    "candles": message("ohlc", "update", '{"symbol":"ETH/USD","open":0.5624}'),
    "instruments": b'{"channel":"instrument","type":"snapshot","data":{"assets":[],"pairs":[]}}',
    "unknown": b'{"method":"other","result":["a",1]}',
}


@pytest.fixture(scope="module")
def messages(root: Path) -> list[bytes]:
    return [*committed(root, "kraken-spot-2026-07-07.jsonl"), *OWN.values()]


def test_every_kind_of_message_says_what_the_twin_reads(messages: list[bytes]) -> None:
    found = KRAKEN.all_same(messages)
    assert {"snapshot", "delta", "trades", "trade history", "quote", "heartbeat"} <= found.keys()
    assert {"accepted", "refused", "status", "other"} <= found.keys()


def test_members_may_come_in_any_order(messages: list[bytes]) -> None:
    for each in messages:
        KRAKEN.in_any_order(each)


def test_a_damaged_message_is_refused_or_read_as_it_stands(messages: list[bytes]) -> None:
    for each in messages:
        KRAKEN.survives(each)


def test_numbers_are_read_exactly_in_any_form() -> None:
    found = KRAKEN.same(OWN["several products"])
    assert [each["symbol"] for each in found["updates"]] == ["ETH/USD", None, "BTC/USD"]
    assert found["updates"][0]["asks"] == [(187761, 0)]
    assert found["updates"][2]["bids"] == [(630049, 1), (630000, 200000000)]
    assert found["updates"][0]["checksum"] == 3730778136


def test_a_takers_side_is_the_aggressors() -> None:
    found = KRAKEN.same(message("trade", "update", TRADE % ("ETH/USD", "buy", 3)))
    assert found["updates"][0]["trades"] == [(3, 187750, 47001888, 1, 1785644623217117000)]


def test_a_refusal_says_why_and_about_what() -> None:
    found = KRAKEN.same(OWN["failure"])
    assert found["kind"] == "refused"
    assert found["note"] == "Currency pair not supported ETH/ZZZ"
    assert (found["about"], found["request"]) == ("ETH/ZZZ", 8)


def test_a_status_names_the_systems_state_and_its_long_connection_id_does_not_matter() -> None:
    assert KRAKEN.same(OWN["status"])["note"] == "cancel_only"


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (message("book", "update", BOOK % ("ETH/USD", level("1877.615", "1"), "")), "step"),
        (message("book", "update", BOOK % ("ETH/USD", level("01", "1"), "")), "number"),
        (message("book", "update", BOOK % ("ETH/USD", level('"1"', "1"), "")), "number"),
        (message("book", "update", BOOK % ("ETH/USD", level("-1", "1"), "")), "cannot"),
        (message("book", "update", BOOK % ("ETH/USD", '{"price":1}', "")), "missing"),
        (message("book", "other", BOOK % ("ETH/USD", "", "")), "cannot"),
        (message("book", "update", '{"symbol":"ETH/USD","bids":[],"asks":[]}'), "missing"),
        (message("trade", "update", TRADE % ("ETH/USD", "BUY", 3)), "cannot"),
        (b'{"channel":"book","type":"update"}', "missing"),
        (b'{"method":"subscribe"}', "missing"),
        (b"[0,{}]", "JSON"),
    ],
)
def test_a_wrong_message_has_its_fault(wrong: bytes, fault: str) -> None:
    assert fault in KRAKEN.refused(wrong)


def test_the_recorded_sessions_say_what_the_twin_reads(shared: Path) -> None:
    found = KRAKEN.all_same(
        capture(shared, "kraken_v2_ETHUSD_BTCUSD_book10_trades_2026-07-07.ndjson.gz")
    )
    assert (found["messages"], found["delta"], found["snapshot"]) == (3000, 2960, 2)
    found = KRAKEN.all_same(fixture(shared, "kraken_v2_ETHUSD_d25_session.jsonl"))
    assert (found["messages"], found["delta"]) == (1170, 1128)
    found = KRAKEN.all_same(fixture(shared, "kraken_v2_BTCUSD_d10_session.jsonl"))
    assert (found["messages"], found["delta"], found["snapshot"]) == (377, 296, 5)
