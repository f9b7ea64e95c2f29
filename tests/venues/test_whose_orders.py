"""Asking a venue for the client's id of an order: what is sent, and what the answer says."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from accounts import HMAC
from order_kit import COINBASE, FUTURES, KRAKEN, SPOT, USDC, read, signer

from alp.venues.credentials import Credentials
from alp.venues.instruments import Instrument
from alp.venues.orders import Call, OrderAdapter, Policy
from alp.venues.registry import orders_for

pytestmark = pytest.mark.timed

ETHUSDC = replace(SPOT, exchange="binance-spot", symbol="ETHUSDC", feed_symbol="ETHUSDC")


@dataclass(frozen=True)
class Case:
    """A venue's way of saying it."""

    instrument: Instrument
    credentials: Credentials
    venue_id: str
    asks: tuple[str, str]
    """Of the request's target and body: what is to be in either."""
    ours: Any
    nobodys: Any
    missing: tuple[int, Any]


BINANCE = Case(
    ETHUSDC,
    HMAC,
    "77",
    ("/order", "orderId=77"),
    {"symbol": "ETHUSDC", "orderId": 77, "clientOrderId": "alp-1", "status": "FILLED"},
    {"symbol": "ETHUSDC", "orderId": 77, "status": "FILLED"},
    (400, {"code": -2013, "msg": "Order does not exist."}),
)
CASES = {
    "binance-usdm": BINANCE,
    "binance-spot": BINANCE,
    "coinbase-spot": Case(
        USDC,
        COINBASE,
        "c0-1",
        ("/orders/historical/c0-1", ""),
        {"order": {"order_id": "c0-1", "client_order_id": "alp-1", "order_type": "MARKET"}},
        {"order": {"order_id": "c0-1", "client_order_id": "x" * 200}},
        (404, {"error": "NOT_FOUND", "message": "no such order"}),
    ),
    "kraken-spot": Case(
        SPOT,
        KRAKEN,
        "OAAAAA-BBBBB-CCCCCC",
        ("/QueryOrders", "txid=OAAAAA-BBBBB-CCCCCC"),
        {"error": [], "result": {"OAAAAA-BBBBB-CCCCCC": {"cl_ord_id": "alp-1"}}},
        {"error": [], "result": {"OAAAAA-BBBBB-CCCCCC": {"userref": 3}}},
        (200, {"error": ["EOrder:Unknown order"]}),
    ),
}


def asked(name: str) -> tuple[Case, OrderAdapter, Call]:
    case, adapter = CASES[name], orders_for(name)
    call = adapter.whose(case.instrument, case.venue_id, signer(case.credentials))
    assert call is not None
    return case, adapter, call


@pytest.mark.parametrize("name", CASES)
def test_the_order_is_asked_for_by_the_venues_id(name: str) -> None:
    case, _, call = asked(name)
    assert call.request is not None
    assert not call.commands
    path, query = case.asks
    sent = f"{call.request.target} {call.request.body.decode()}"
    assert path in sent
    assert query in sent


@pytest.mark.parametrize("name", CASES)
def test_the_answer_is_the_clients_id_where_there_is_one(name: str) -> None:
    case, adapter, call = asked(name)
    known = case.instrument
    assert read(adapter, call, case.ours, known).text == "alp-1"
    nobodys = read(adapter, call, case.nobodys, known)
    assert (nobodys.text, nobodys.policy) == ("", None)
    status, said = case.missing
    missing = read(adapter, call, said, known, status=status)
    assert (missing.text, missing.policy, missing.facts) == ("", None, ())


@pytest.mark.parametrize("name", CASES)
def test_what_is_no_answer_says_nothing_of_the_order(name: str) -> None:
    case, adapter, call = asked(name)
    for status, said in ((503, {}), (200, [])):
        outcome = read(adapter, call, said, case.instrument, status=status)
        assert outcome.policy is not None
        assert outcome.policy is not Policy.HALT


def test_where_trades_name_our_ids_nobody_is_asked() -> None:
    assert orders_for("kraken-futures").whose(FUTURES, "v", signer(KRAKEN)) is None
