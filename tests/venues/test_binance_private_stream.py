"""What Binance's private streams and order sockets say."""

from __future__ import annotations

import json
from typing import Any

import pytest
from accounts import HMAC
from binance_private import (
    NOW_MS,
    NOW_NS,
    PRODUCTS,
    SPOT,
    USDM,
    kinds,
    signer,
    spot_event,
    usdm_event,
)

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.orders import Balance, Fact, PositionNews, StreamNews

E = OrderEvent


def usdm(value: object) -> StreamNews:
    reader = USDM.reader(signer(HMAC), PRODUCTS["binance-usdm"])
    return reader.read(json.dumps(value).encode())


def spot(value: object) -> StreamNews:
    reader = SPOT.reader(signer(HMAC), PRODUCTS["binance-spot"])
    return reader.read(json.dumps(value).encode())


TRADE = {"l": "0.1", "L": "2481.3", "z": "0.1", "t": 91, "n": "0.00496260", "N": "USDC", "m": True}


def test_a_trade_has_its_id_price_quantity_total_and_fee() -> None:
    news = usdm(usdm_event("TRADE", "PARTIALLY_FILLED", **TRADE))
    assert news.facts == (
        Fact(
            E.FILL,
            "alp-7-000001",
            "8389765123",
            "ETHUSDC",
            price=24_813,
            quantity=100,
            cumulative=100,
            trade_id="91",
            side=1,
            fee=496_260,
            fee_asset="USDC",
            liquidity=1,
            at_ns=NOW_NS,
        ),
    )


def test_the_last_trade_ends_the_order() -> None:
    for news in (
        usdm(usdm_event("TRADE", "FILLED", **TRADE)),
        spot(spot_event("TRADE", "FILLED", **TRADE, q="0.1", p="2481.3")),
    ):
        assert kinds(news.facts) == ["FILL", "FILLED"]
        assert news.facts[1].cumulative == news.facts[0].quantity


def test_the_short_form_of_a_trade_is_the_same_trade() -> None:
    short = {
        "e": "TRADE_LITE",
        "E": NOW_MS,
        "T": NOW_MS,
        "s": "ETHUSDC",
        "c": "alp-7-000001",
        "S": "BUY",
        "q": "0.250",
        "p": "2481.30",
        "i": 8_389_765_123,
        "l": "0.1",
        "L": "2481.3",
        "t": 91,
        "m": True,
    }
    [fact] = usdm(short).facts
    [full] = usdm(usdm_event("TRADE", "PARTIALLY_FILLED", **TRADE)).facts
    same = ("kind", "client_id", "venue_id", "trade_id", "price", "quantity", "side", "liquidity")
    assert [getattr(fact, name) for name in same] == [getattr(full, name) for name in same]
    assert (fact.cumulative, fact.fee_asset) == (-1, "")


@pytest.mark.parametrize(
    ("kind", "status", "changes", "said"),
    [
        ("NEW", "NEW", {}, ["ACKED"]),
        ("CANCELED", "CANCELED", {"z": "0.1"}, ["CANCELED"]),
        ("CANCELED", "PENDING_CANCEL", {"z": "0.1"}, ["CUMULATIVE"]),
        ("EXPIRED", "EXPIRED", {}, ["EXPIRED"]),
        ("EXPIRED", "EXPIRED_IN_MATCH", {}, ["EXPIRED"]),
        ("REJECTED", "REJECTED", {}, ["REJECTED"]),
        ("TRADE", "PARTIALLY_FILLED", {"z": "0.1"}, ["CUMULATIVE"]),
        ("TRADE", "CANCELED", {}, ["CANCELED"]),
    ],
)
def test_both_exchanges_use_the_same_words(
    kind: str, status: str, changes: dict[str, Any], said: list[str]
) -> None:
    assert kinds(usdm(usdm_event(kind, status, **changes)).facts) == said
    assert kinds(spot(spot_event(kind, status, **changes)).facts) == said


def test_an_end_says_how_much_was_filled() -> None:
    [fact] = usdm(usdm_event("CANCELED", "CANCELED", z="0.1")).facts
    assert (fact.cumulative, fact.side, fact.at_ns) == (100, 1, NOW_NS)


def test_an_amend_has_its_terms_and_no_number() -> None:
    [fact] = usdm(usdm_event("AMENDMENT", "PARTIALLY_FILLED", z="0.1", p="2481.2", q="0.3")).facts
    assert (fact.kind, fact.command) == (E.AMEND_ACKED, 0)
    assert (fact.price, fact.quantity, fact.cumulative) == (24_812, 300, 100)
    [fact] = spot(spot_event("REPLACED", "NEW", q="0.02000000", C="alp-7-000001", c="x")).facts
    assert (fact.kind, fact.client_id, fact.quantity) == (E.AMEND_ACKED, "alp-7-000001", 200)


def test_a_cancel_on_spot_has_an_id_of_its_own_and_names_the_order_beside() -> None:
    event = spot_event("CANCELED", "CANCELED", c="the-cancel", C="alp-7-000001")
    assert spot(event).facts[0].client_id == "alp-7-000001"


def test_prevention_of_a_trade_with_oneself_ends_the_order_or_says_nothing() -> None:
    ended = spot_event("TRADE_PREVENTION", "EXPIRED_IN_MATCH", l="0.1", L="2481.3")
    assert kinds(spot(ended).facts) == ["EXPIRED"]
    lowered = spot_event("TRADE_PREVENTION", "NEW", l="0.1", L="2481.3")
    assert spot(lowered).facts == ()


def test_a_rejection_says_why() -> None:
    [fact] = spot(spot_event("REJECTED", "REJECTED", r="INSUFFICIENT_BALANCES")).facts
    assert fact.reason is RejectReason.BALANCE
    [fact] = spot(spot_event("REJECTED", "REJECTED", r="SOMETHING_NEW")).facts
    assert fact.reason is RejectReason.OTHER


def test_orders_of_the_venues_own_are_fills_of_a_stranger() -> None:
    event = usdm_event(
        "CALCULATED", "NEW_ADL", **(TRADE | {"c": "adl_autoclose"}), o="MARKET", p="0"
    )
    [fact] = usdm(event).facts
    assert (fact.kind, fact.client_id, fact.trade_id) == (E.FILL, "adl_autoclose", "91")
    event = usdm_event("CALCULATED", "FILLED", **(TRADE | {"c": "autoclose-1234567890123456789"}))
    assert usdm(event).facts[0].client_id == ""
    pending = usdm_event("CALCULATED", "NEW", c="autoclose-1")
    assert usdm(pending).facts == ()


def test_products_that_do_not_count_here_are_passed_over() -> None:
    event = usdm_event("NEW", "NEW", s="DOGEUSDC", p="0.123456789", q="1000000")
    assert usdm(event) == StreamNews()
    assert spot(spot_event("NEW", "NEW", s="DOGEUSDC")) == StreamNews()
    assert usdm({"e": "TRADE_LITE", "s": "DOGEUSDC"}) == StreamNews()


@pytest.mark.parametrize("name", ["data", "event"])
def test_events_come_wrapped_and_bare(name: str) -> None:
    event = usdm_event("NEW", "NEW")
    assert usdm({"stream": "key", name: event}) == usdm(event) != StreamNews()
    event = spot_event("NEW", "NEW")
    assert spot({"subscriptionId": 0, name: event}) == spot(event) != StreamNews()


def test_balances_and_positions_are_what_changed() -> None:
    event = {
        "e": "ACCOUNT_UPDATE",
        "E": NOW_MS,
        "T": NOW_MS,
        "a": {
            "m": "ORDER",
            "B": [{"a": "USDC", "wb": "-0.05106850", "cw": "1", "bc": "0"}],
            "P": [
                {"s": "ETHUSDC", "pa": "-0.25", "ep": "2481.35", "ps": "BOTH", "bep": 51078.7},
                {"s": "ETHUSDC", "pa": "1", "ep": "1", "ps": "LONG"},
                {"s": "DOGEUSDC", "pa": "1", "ep": "1", "ps": "BOTH"},
            ],
        },
    }
    news = usdm(event)
    assert news.balances == (Balance("USDC", -5_106_850),)
    assert news.positions == (PositionNews("ETHUSDC", -250, 24_814),)
    event = {
        "e": "outboundAccountPosition",
        "E": NOW_MS,
        "B": [{"a": "ETH", "f": "10000.000000", "l": "0.000001"}],
    }
    assert spot(event).balances == (Balance("ETH", 1_000_000_000_100, 1_000_000_000_000),)


def test_what_ends_a_stream_is_said() -> None:
    assert usdm({"e": "listenKeyExpired", "E": NOW_MS}).lost == "listenKeyExpired"
    ended = {"subscriptionId": 0, "event": {"e": "eventStreamTerminated", "E": NOW_MS}}
    assert spot(ended).lost == "eventStreamTerminated"
    closing = {"stream": "!serverShutdown", "data": {"e": "serverShutdown", "E": NOW_MS}}
    assert spot(closing).lost == "serverShutdown"


@pytest.mark.parametrize("name", ["balanceUpdate", "ACCOUNT_CONFIG_UPDATE", "SOMETHING_NEW"])
def test_events_that_say_nothing_of_orders_are_passed_over(name: str) -> None:
    for read in (usdm, spot):
        assert read({"e": name, "E": NOW_MS, "whatever": [1]}) == StreamNews()


def test_an_answer_is_for_whoever_has_its_reference() -> None:
    for read in (usdm, spot):
        for answer in (
            {"id": "abc", "status": 200, "result": {"orderId": 1}},
            {"id": "abc", "status": 400, "error": {"code": -2010, "msg": "…"}},
        ):
            assert read(answer) == StreamNews(reference="abc")
        assert read({"id": None, "status": 400, "error": {"code": -1, "msg": ""}}) == StreamNews()
        assert read({"id": None, "error": {"code": 2, "msg": "Invalid request"}}) == StreamNews()
        assert read({"id": "alp-ping", "status": 200, "result": {}}) == StreamNews()


def test_a_connection_whose_key_was_revoked_is_lost() -> None:
    error = {"code": -2015, "msg": "Invalid API-key, IP, or permissions for action."}
    for read in (usdm, spot):
        news = read({"id": None, "status": 401, "error": error})
        assert news.lost == "-2015 Invalid API-key, IP, or permissions for action."


def test_a_socket_is_ready_when_it_answered() -> None:
    for read in (usdm, spot):
        for reference in ("alp-open", "alp-logon"):
            assert read({"id": reference, "status": 200, "result": {}}).ready
            refused = {"code": -1022, "msg": "Signature for this request is not valid."}
            news = read({"id": reference, "status": 400, "error": refused})
            assert not news.ready
            assert news.lost == "-1022 Signature for this request is not valid."
    assert usdm({"result": ["key"], "id": 1_000_000}).ready


def test_events_of_spot_are_subscribed_to_after_the_logon() -> None:
    news = spot({"id": "alp-logon-for-events", "status": 200, "result": {"apiKey": "k"}})
    assert not news.ready
    [message] = (json.loads(reply) for reply in news.replies)
    assert message == {"id": "alp-events", "method": "userDataStream.subscribe"}
    assert spot({"id": "alp-events", "status": 200, "result": {"subscriptionId": 0}}).ready
    refused = {"id": "alp-events", "status": 409, "error": {"code": -2035, "msg": "Active"}}
    assert spot(refused).lost == "-2035 Active"


@pytest.mark.parametrize(
    "wrong",
    [
        {"p": "2481.301", "x": "AMENDMENT"},
        {"l": 0.1},
        {"l": "1e-1"},
        {"l": "0.0001"},
        {"z": "-1"},
        {"L": "0"},
        {"t": 0},
        {"i": None},
        {"S": "LONG"},
        {"x": "SOMETHING"},
        {"n": "lots"},
        {"s": None},
    ],
)
def test_nothing_counts_of_an_event_with_something_that_cannot_be(wrong: dict[str, Any]) -> None:
    event = usdm_event("TRADE", "FILLED", **TRADE)
    event["o"] |= wrong
    with pytest.raises(VenueError):
        usdm(event)


@pytest.mark.parametrize("message", [b"", b"{", b"[]", b"null", b"7", b"{}", b'{"e":5}', b"\xff"])
def test_what_is_no_message_is_an_error(message: bytes) -> None:
    for adapter in (USDM, SPOT):
        with pytest.raises(VenueError):
            adapter.reader(signer(), {}).read(message)


def test_a_fee_finer_than_can_be_counted_is_rounded_and_the_trade_counts() -> None:
    event = usdm_event("TRADE", "PARTIALLY_FILLED", **(TRADE | {"n": "0.000000011"}))
    assert usdm(event).facts[0].fee == 2
