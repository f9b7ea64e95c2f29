"""Kraken Futures, WebSocket version 1: every public message, read as the plain twin reads it."""

from __future__ import annotations

from pathlib import Path

import pytest
from feed_cases import Compared, committed, fixture, product

FUTURES = Compared(
    "kraken-futures",
    [product("PI_LTCUSD", 2, 3), product("FI_ETHUSD_211231", 2, 3), product("PF_ETHUSD", 1, 3)],
)
TRADE = (
    '{"feed":"trade","product_id":"PF_ETHUSD","uid":"bee759b2","side":"%s","type":"fill",'
    '"seq":%d,"time":1627483389597,"qty":1.0,"price":1877.5}'
)
CHANGE = (
    '{"feed":"book","product_id":"%s","side":"%s","seq":%s,"price":%s,"qty":%s,'
    '"timestamp":1612269953629}'
)

OWN = {
    "snapshot": b'{"feed":"book_snapshot","product_id":"PF_ETHUSD","timestamp":1612269825817,'
    b'"seq":326072249,"tickSize":null,"bids":[{"price":1877.5,"qty":0.385},{"price":1.8e3,"qty":1}]'
    b',"asks":[{"price":4.0e4,"qty":20598.0}]}',
    "change": (CHANGE % ("PF_ETHUSD", "sell", "7", "34981", "0")).encode(),
    "unknown product": (CHANGE % ("PI_XBTUSD", "sell", "7", '"odd"', "{}")).encode(),
    "trade": (TRADE % ("sell", 3732)).encode(),
    "trade history": (
        '{"feed":"trade_snapshot","product_id":"PF_ETHUSD","trades":['
        + ",".join([TRADE % ("buy", 12), TRADE % ("sell", 11)])
        + "]}"
    ).encode(),
    "ticker": b'{"time":1783587648112,"product_id":"PF_ETHUSD","funding_rate":0.03,"feed":"ticker",'
    b'"premium":-0.0,"bid":1751.6,"ask":1751.7,"bid_size":1.459,"ask_size":2.886,"volume":57204.1}',
    "ticker of one side": b'{"feed":"ticker_lite","product_id":"PF_ETHUSD","ask":1751.7}',
    "heartbeat": b'{"feed":"heartbeat","time":1783587648112}',
    "subscribed": b'{"event":"subscribed","feed":"ticker","product_ids":["PF_ETHUSD","PI_LTCUSD"]}',
    "error": b'{"event":"error","message":"Invalid product id"}',
    "alert": b'{"event":"alert","message":"Bad request"}',
    "unknown feed": b'{"feed":"open_orders","orders":[],"time":1783587648112}',
    "challenge": b'{"event":"challenge","message":"226aee50-88fc-4618-a42a-34f7709570b2"}',
}


@pytest.fixture(scope="module")
def messages(root: Path) -> list[bytes]:
    return [*committed(root, "kraken-futures-2021-07-22.jsonl"), *OWN.values()]


def test_every_kind_of_message_says_what_the_twin_reads(messages: list[bytes]) -> None:
    found = FUTURES.all_same(messages)
    assert {"snapshot", "delta", "trades", "trade history", "quote", "heartbeat"} <= found.keys()
    assert {"accepted", "refused", "status", "other"} <= found.keys()


def test_members_may_come_in_any_order(messages: list[bytes]) -> None:
    for each in messages:
        FUTURES.in_any_order(each)


def test_a_damaged_message_is_refused_or_read_as_it_stands(messages: list[bytes]) -> None:
    for each in messages:
        FUTURES.survives(each)


def test_each_change_follows_the_one_before_of_its_product() -> None:
    found = FUTURES.same(OWN["change"])
    assert found["updates"][0]["ids"] == (6, 7, 7)
    assert found["updates"][0]["asks"] == [(349810, 0)]
    assert FUTURES.same(OWN["snapshot"])["updates"][0]["ids"] == (None, None, 326072249)


def test_floats_are_read_exactly() -> None:
    found = FUTURES.same(OWN["snapshot"])["updates"][0]
    assert found["bids"] == [(18775, 385), (18000, 1000)]
    assert found["asks"] == [(400000, 20598000)]


def test_a_takers_side_is_the_aggressors() -> None:
    found = FUTURES.same(OWN["trade"])
    assert found["updates"][0]["trades"] == [(3732, 18775, 1000, -1, 1627483389597000000)]


def test_an_answer_names_its_product_and_a_refusal_its_reason() -> None:
    assert FUTURES.same(OWN["subscribed"])["about"] == "PF_ETHUSD"
    assert FUTURES.same(OWN["error"])["note"] == "Invalid product id"


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (CHANGE % ("PF_ETHUSD", "sell", "7", "1877.55", "0"), "step"),
        (CHANGE % ("PF_ETHUSD", "sell", "7", "-1", "0"), "cannot"),
        (CHANGE % ("PF_ETHUSD", "bid", "7", "1", "0"), "cannot"),
        (CHANGE % ("PF_ETHUSD", "buy", "7.5", "1", "0"), "number"),
        (CHANGE % ("PF_ETHUSD", "buy", "-7", "1", "0"), "cannot"),
        ('{"feed":"book","product_id":"PF_ETHUSD","side":"buy","price":1,"qty":1}', "missing"),
        ('{"feed":"book_snapshot","product_id":"PF_ETHUSD","seq":1,"bids":[]}', "missing"),
        ('{"feed":"trade_snapshot","product_id":"PF_ETHUSD"}', "missing"),
        ('{"feed":"ticker"}', "missing"),
        ('{"feed":"heartbeat"', "JSON"),
    ],
)
def test_a_wrong_message_has_its_fault(wrong: str, fault: str) -> None:
    assert fault in FUTURES.refused(wrong.encode())


def test_the_recorded_session_says_what_the_twin_reads(shared: Path) -> None:
    found = FUTURES.all_same(fixture(shared, "kraken_futures_book_session.jsonl"))
    assert (found["delta"], found["snapshot"], found["quote"]) == (738, 2, 21)
    assert found["trade history"] == 2
