"""Binance's public messages, read as the plain twin reads them."""

from __future__ import annotations

from itertools import permutations
from pathlib import Path

import pytest
from feed_cases import Compared, capture, committed, fixture, product

BINANCE = Compared("binance", [product("ETHUSDT"), product("BTCUSDT")])
ALONE = Compared("binance", [product("ETHUSDT", 2, 3)])
DEPTH = (
    '{"e":"depthUpdate","E":1700000000001,"T":1700000000000,"s":"%s","U":%s,"u":12,"pu":9,'
    '"b":[%s],"a":[%s]}'
)

OWN = {
    "changes": (DEPTH % ("ETHUSDT", 10, '["2000.10","0.000"]', '["2000.20","3"]')).encode(),
    "other product": (DEPTH % ("DOTUSDT", 10, '["43.5","1"]', "")).encode(),
    "partial book": b'{"stream":"ethusdt@depth5@100ms","data":{"lastUpdateId":160,'
    b'"bids":[["2000.10","10"]],"asks":[["2000.20","100.5"]]}}',
    "trade": b'{"e":"trade","E":1639351062244,"s":"ETHUSDT","t":705291099,"p":"4149.74",'
    b'"q":"0.438","b":7038593583,"a":7038593613,"T":1639351062243,"m":true,"M":true}',
    "best": b'{"u":400900217,"s":"ETHUSDT","b":"25.35","B":"31.21","a":"25.36","A":"40.66"}',
    "accepted": b'{"result":null,"id":1}',
    "rest error": b'{"code":-1121,"msg":"Invalid symbol."}',
    "shutdown": b'{"e":"serverShutdown","E":1770123456789}',
    "unknown": b'{"e":"24hrTicker","E":123456789,"s":"ETHUSDT","p":"0.0015","B":"10"}',
}


@pytest.fixture(scope="module")
def messages(root: Path) -> list[bytes]:
    return [
        *committed(root, "binance-usdm-2024-08-08.jsonl"),
        *committed(root, "binance-spot-2021-04-04.jsonl"),
        *OWN.values(),
    ]


def test_every_kind_of_message_says_what_the_twin_reads(messages: list[bytes]) -> None:
    found = BINANCE.all_same(messages)
    assert {"snapshot", "delta", "trades", "quote", "other"} <= found.keys()
    assert {"accepted", "refused", "status"} <= found.keys()


def test_members_may_come_in_any_order(messages: list[bytes]) -> None:
    for each in messages:
        BINANCE.in_any_order(each)


def test_a_damaged_message_is_refused_or_read_as_it_stands(messages: list[bytes]) -> None:
    for each in messages:
        BINANCE.survives(each)


def test_a_snapshot_by_rest_belongs_to_the_connections_only_product() -> None:
    snapshot = b'{"lastUpdateId":5,"E":1,"T":2,"bids":[["2000.1","1"]],"asks":[["2000.2","0.5"]]}'
    found = ALONE.same(snapshot)["updates"][0]
    assert (found["symbol"], found["ids"]) == ("ETHUSDT", (None, None, 5))
    assert (found["bids"], found["asks"]) == ([(200010, 1000)], [(200020, 500)])


def test_a_refusal_is_quoted_as_it_is_written() -> None:
    found = ALONE.same(b'{"error":{"code":2,"msg":"Invalid request"},"id":3}')
    assert (found["kind"], found["request"]) == ("refused", 3)
    assert found["note"] == '{"code":2,"msg":"Invalid request"}'


def test_a_refusal_within_a_stream_keeps_its_words() -> None:
    found = ALONE.same(b'{"stream":"ethusdt@depth","data":{"code":-1,"msg":"no such stream"}}')
    assert (found["kind"], found["note"]) == ("refused", "no such stream")


def test_a_buying_maker_means_that_the_aggressor_sold() -> None:
    found = ALONE.same(OWN["trade"])
    assert found["updates"][0]["trades"] == [(705291099, 414974, 438, -1, 1639351062243000000)]


@pytest.mark.parametrize(
    ("wrong", "fault"),
    [
        (DEPTH % ("ETHUSDT", 10, '["2000.101","1"]', ""), "step"),
        (DEPTH % ("ETHUSDT", 10, '["2000.10","0.0001"]', ""), "step"),
        (DEPTH % ("ETHUSDT", 10, '["-2000.10","1"]', ""), "cannot"),
        (DEPTH % ("ETHUSDT", 10, '["","1"]', ""), "number"),
        (DEPTH % ("ETHUSDT", 10, '["1.","1"]', ""), "number"),
        (DEPTH % ("ETHUSDT", 10, '["1"]', ""), "JSON"),
        (DEPTH % ("ETHUSDT", 10, "[1,2]", ""), "JSON"),
        (DEPTH % ("ETHUSDT", "9223372036854775808", "", ""), "63 bits"),
        ('{"e":"depthUpdate","s":"ETHUSDT","U":1,"u":2,"b":[]}', "missing"),
        ('{"e":"trade","s":"ETHUSDT","p":"1","q":"1"}', "missing"),
    ],
)
def test_a_wrong_message_has_its_fault(wrong: str, fault: str) -> None:
    assert fault in ALONE.refused(wrong.encode())


@pytest.mark.parametrize("again", ['"a":[["2000.30","1"]]', '"asks":[]', '"bids":[]', '"b":[]'])
def test_a_side_that_comes_twice_is_refused(again: str) -> None:
    """Fuzzing found ``asks`` beside ``a`` put together into one side."""
    snapshot = '{"lastUpdateId":5,"bids":[["2000.1","1"]],"asks":[["2000.2","0.5"]]%s}'
    assert ALONE.parser.parse((snapshot % "").encode())["fault"] is None
    assert "JSON" in ALONE.parser.parse((snapshot % f",{again}").encode())["fault"]


@pytest.mark.parametrize("levels", ['"b":[["2000.30","1"]]', '"asks":[]'])
def test_a_wrapper_with_levels_of_its_own_is_refused(levels: str) -> None:
    """Fuzzing found them put together with those of the message that it wraps."""
    stream = '"stream":"ethusdt@depth20"'
    data = '"data":{"lastUpdateId":5,"bids":[["2000.1","1"]],"asks":[["2000.2","0.5"]]}'
    own = '"s":"ETHUSDT",' + levels
    assert ALONE.parser.parse(f"{{{stream},{data}}}".encode())["fault"] is None
    for members in permutations((stream, data, own)):
        assert "JSON" in ALONE.parser.parse(f"{{{','.join(members)}}}".encode())["fault"]


def test_the_sessions_of_the_fixtures_say_what_the_twin_reads(shared: Path) -> None:
    found = BINANCE.all_same(fixture(shared, "binance_usdm_sync_session.jsonl"))
    assert (found["messages"], found["delta"], found["quote"]) == (887, 444, 393)
    found = BINANCE.all_same(fixture(shared, "binance_spot_sync_session.jsonl"))
    assert (found["messages"], found["delta"], found["quote"]) == (229, 152, 74)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "symbol", "messages"),
    [
        ("binance_usdm_ethusdt_20240808.jsonl.gz", "ETHUSDT", 74655),
        ("binance_cm_ethusd_perp_20240808.jsonl.gz", "ETHUSD_PERP", 40454),
        ("binance_spot_ethusdt_20240808.jsonl.gz", "ETHUSDT", 33618),
        ("binance_spot_ethusdt_20240809.jsonl.gz", "ETHUSDT", 46126),
        ("binance_spot_btcusdt_20240808.jsonl.gz", "BTCUSDT", 41249),
        ("binance_spot_mixed_incl_ETHUSDT_2021-04-04.txt.gz", "ETHUSDT", 4719),
    ],
)
def test_a_capture_says_what_the_twin_reads(
    shared: Path, name: str, symbol: str, messages: int
) -> None:
    found = Compared("binance", [product(symbol)]).all_same(capture(shared, name))
    assert found["messages"] == messages
