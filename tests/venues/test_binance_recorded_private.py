"""Recorded and documented messages of Binance's private side, every one that alp reads."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
from binance_private import SPOT, USDM, signer

from alp._core.order_life import OrderEvent
from alp.venues.instruments import Grid, Instrument
from alp.venues.orders import Action, Answer, Call, Command, OrderAdapter, Outcome, Policy

FINE = Grid(8, 1)
ADAPTERS = {"usdm": USDM, "spot": SPOT}
CANCELS = {"rest.order.cancel", "wsapi.order.cancel", "rest.CancelOrder", "ws.CancelOrder"}
AMENDS = {"wsapi.order.modify", "rest.EditOrder", "rest.AmendOrder", "ws.AmendOrder"}
PLACED = {
    "wsapi.order.place",
    "rest.order.place",
    "rest.PlaceOrder",
    "ws.PlaceOrder",
    "rest.new_order_full_response",
}
OPEN = {"rest.openOrders", "rest.GetOpenOrders", "rest.all_orders_response"}
QUERIES = {"rest.order_response", "ws.GetOrder"}


def records(shared: Path, product: str) -> list[dict[str, Any]]:
    path = shared / f"venues/fixtures/public/binance_{product}_messages.jsonl"
    found = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return [record for record in found if record["product"] == product]


def instrument(product: str, symbol: str) -> Instrument:
    exchange = f"binance-{product}"
    return Instrument(exchange, symbol, symbol, "A", "B", FINE, FINE, FINE, Decimal(FINE.increment))


class Anything(dict[str, Instrument]):
    """Knows every product."""

    def __init__(self, product: str) -> None:
        super().__init__()
        self.product = product

    def get(self, symbol: str, default: Any = None) -> Any:
        return instrument(self.product, symbol)

    def __contains__(self, symbol: object) -> bool:
        return True

    def __getitem__(self, symbol: str) -> Instrument:
        return instrument(self.product, symbol)


def inner(raw: str) -> Any:
    value = json.loads(raw)
    result = value.get("result", value) if isinstance(value, dict) else value
    return result.get("amendedOrder", result) if isinstance(result, dict) else result


def answered(adapter: OrderAdapter, product: str, call: Call, raw: str) -> Outcome:
    value = json.loads(raw)
    socket = isinstance(value, dict) and "status" in value and "id" in value
    status = 0 if socket else 400 if isinstance(value, dict) and "msg" in value else 200
    return adapter.read(call, Answer(raw.encode(), status), Anything(product))


def command(product: str, action: Action, row: Any) -> Command:
    row = row if isinstance(row, dict) and "symbol" in row else {}
    ours = row.get("origClientOrderId") or row.get("clientOrderId") or "x"
    side = -1 if row.get("side") == "SELL" else 1
    return Command(
        action,
        instrument(product, row.get("symbol", "BTCUSDT")),
        ours[:24],
        side=side,
        price=1,
        quantity=1,
        number=int(action is not Action.NEW),
    )


def order_call(adapter: OrderAdapter, product: str, record: dict[str, Any]) -> Call | None:
    channel = record["channel"]
    kinds = ((PLACED, Action.NEW), (AMENDS, Action.AMEND), (CANCELS, Action.CANCEL))
    for channels, action in kinds:
        if channel in channels:
            row = inner(record["raw"])
            return adapter.commands([command(product, action, row)], signer(), socket=False)
    if channel in QUERIES:
        return adapter.query(command(product, Action.NEW, inner(record["raw"])), signer())
    if channel in OPEN:
        return adapter.open_orders([instrument(product, "BTCUSDT")], signer())[0]
    return None


@pytest.mark.parametrize("product", ["usdm", "spot"])
def test_answers_about_orders(shared: Path, product: str) -> None:
    adapter, seen = ADAPTERS[product], Counter[str]()
    for record in records(shared, product):
        call = order_call(adapter, product, record)
        if call is None:
            continue
        outcome = answered(adapter, product, call, record["raw"])
        seen[call.name] += 1
        if call.name == "open-orders":
            assert outcome.policy is None, outcome.text
            assert len(outcome.orders) == len(json.loads(record["raw"]))
            continue
        # What these examples have beside orders that alp sends, market and trailing orders, has no
        # price; and a client's id may be longer than those of alp.
        row = inner(record["raw"])
        error = "error" in json.loads(record["raw"])
        ours = "clientOrderId" in row and len(command(product, Action.NEW, row).client_id) < 24
        if (not error and not ours) or row.get("price") in ("0", "0.00000000"):
            continue
        assert outcome.facts
        kinds = {fact.kind for fact in outcome.facts}
        unknown = {OrderEvent.UNKNOWN, OrderEvent.AMEND_UNKNOWN, OrderEvent.CANCEL_UNKNOWN}
        assert not kinds & unknown, (outcome.text, record["raw"])
        assert outcome.policy is None or error
    assert seen["cancel"] >= 3
    assert seen["new"] >= 2
    assert seen["open-orders"] >= 1


@pytest.mark.parametrize("product", ["usdm", "spot"])
def test_events_of_the_private_stream(shared: Path, product: str) -> None:
    reader = ADAPTERS[product].reader(signer(), Anything(product))
    said: Counter[str] = Counter()
    for record in records(shared, product):
        value = json.loads(record["raw"])
        row = value if isinstance(value, dict) else {}
        event = row.get("event") or row.get("data") or row
        name = event.get("e") if isinstance(event, dict) else None
        if name is None or record["channel"].startswith("rest."):
            continue
        news = reader.read(record["raw"].encode())
        said[name] += 1
        said.update(fact.kind.name for fact in news.facts)
        if name in ("ORDER_TRADE_UPDATE", "executionReport"):
            order = event.get("o", event) if name == "ORDER_TRADE_UPDATE" else event
            pending = order["x"] == "CALCULATED" and order["l"] in ("0", "0.000")
            assert news.facts or pending, record["raw"]
        elif name in ("ACCOUNT_UPDATE", "outboundAccountPosition"):
            assert news.balances or news.positions
    expected = {
        "usdm": {"ORDER_TRADE_UPDATE": 16, "TRADE_LITE": 1, "FILL": 9, "ACCOUNT_UPDATE": 5},
        "spot": {"executionReport": 20, "FILL": 4, "CANCELED": 2, "eventStreamTerminated": 1},
    }
    for kind, least in expected[product].items():
        assert said[kind] >= least, said


@pytest.mark.parametrize("product", ["usdm", "spot"])
def test_questions_about_the_account(shared: Path, product: str) -> None:
    adapter = ADAPTERS[product]
    eth = instrument(product, "BTCUSDT")
    account = {call.name: call for call in adapter.account([eth], signer())}
    calls = {
        "rest.balance": account.get("balances"),
        "rest.GetBalances": account.get("balances"),
        "wsapi.account.balance": account.get("balances"),
        "rest.userTrades": adapter.trades(instrument(product, "BTCUSDT"), 0, signer()),
        "rest.position_risk": account.get("positions"),
        "rest.account_response": account.get("account"),
        "http_spot_wallet_account": account.get("account"),
        "ws.GetAccountInfo": account.get("account"),
        "rest.GetAccountInfo": adapter.permissions(signer()) if product == "usdm" else None,
        "rest.server_time_response": adapter.time(),
        "rest.openOrders.cancel": adapter.cancel_all(eth, signer()),
        "rest.cancel_open_orders_response": adapter.cancel_all(eth, signer()),
        "rest.CancelAllOrdersAfterTimeout": adapter.dead_man(eth, 1, signer()),
    }
    tried = 0
    for record in records(shared, product):
        call = calls.get(record["channel"])
        if call is None:
            continue
        outcome = answered(adapter, product, call, record["raw"])
        assert outcome.policy is None, (record["channel"], outcome.text)
        tried += 1
    assert tried >= 5


def test_documented_errors_are_all_known(shared: Path) -> None:
    tried = 0
    for product, adapter in ADAPTERS.items():
        for record in records(shared, product):
            if record["channel"] != "rest.error":
                continue
            call = adapter.commands([command(product, Action.CANCEL, {})], signer(), socket=False)
            outcome = answered(adapter, product, call, record["raw"])
            assert outcome.policy is not None
            policies = {Policy.FIX_CONFIG} if "-4014" in outcome.text else set(Policy)
            assert outcome.policy in policies
            tried += 1
    assert tried >= 12


def vector(shared: Path, channel: str) -> dict[str, Any]:
    path = shared / "venues/fixtures/public/signed_vectors.jsonl"
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return next(row for row in rows if row["channel"] == f"auth.{channel}")


def eth(product: str) -> Instrument:
    cents = Grid(2, 1)
    lots = Grid(3, 1) if product == "usdm" else Grid(4, 1)
    exchange = f"binance-{product}"
    return Instrument(
        exchange, "ETHUSDC", "ETHUSDC", "ETH", "USDC", cents, lots, lots, lots.increment
    )


@pytest.mark.parametrize(
    ("channel", "product", "changes"),
    [
        ("fapi_new_order_gtx", "usdm", {"price": 199_950, "quantity": 50}),
        ("fapi_cancel_by_client_id", "usdm", {"action": Action.CANCEL}),
        (
            "fapi_modify_order",
            "usdm",
            {
                "action": Action.AMEND,
                "client_id": "",
                "venue_id": "8389765",
                "price": 199_940,
                "quantity": 60,
            },
        ),
        (
            "spot_limit_maker",
            "spot",
            {"client_id": "alp-1-000003", "side": -1, "price": 210_000, "quantity": 100},
        ),
        (
            "spot_cancel",
            "spot",
            {"action": Action.CANCEL, "client_id": "", "venue_id": "55471195855"},
        ),
    ],
)
def test_what_another_client_signed_is_asked_for_alike(
    shared: Path, channel: str, product: str, changes: dict[str, Any]
) -> None:
    """ccxt's parameters are among those of alp, to the letter."""
    given: dict[str, Any] = {"action": Action.NEW, "client_id": "alp-1-000001", "side": 1}
    order = Command(instrument=eth(product), **(given | changes))
    request = ADAPTERS[product].commands([order], signer(), socket=False).request
    assert request is not None
    theirs = vector(shared, channel)
    target, parts = urlsplit(request.target), urlsplit(theirs["url"])
    assert (request.method, target.path) == (theirs["method"], parts.path)
    ours = dict(parse_qsl(target.query or request.body.decode()))
    wanted = dict(parse_qsl(parts.query or theirs["body"]))
    for added in ("timestamp", "recvWindow", "signature"):
        assert ours.pop(added)
        wanted.pop(added)
    assert wanted.items() <= ours.items()


@pytest.mark.parametrize(
    ("channel", "product", "name"),
    [
        ("fapi_countdown_cancel_all", "usdm", "dead-man"),
        ("fapi_open_orders", "usdm", "open-orders"),
        ("spot_account", "spot", "account"),
    ],
)
def test_what_another_client_asks_is_asked_alike(
    shared: Path, channel: str, product: str, name: str
) -> None:
    adapter = ADAPTERS[product]
    calls = [
        adapter.dead_man(eth(product), 5 * 10**9, signer()),
        *adapter.open_orders([eth(product)], signer()),
        *adapter.account([eth(product)], signer()),
    ]
    request = next(call.request for call in calls if call is not None and call.name == name)
    assert request is not None
    theirs = vector(shared, channel)
    target, parts = urlsplit(request.target), urlsplit(theirs["url"])
    assert (request.method, target.path) == (theirs["method"], parts.path)
    ours = dict(parse_qsl(target.query or request.body.decode()))
    wanted = dict(parse_qsl(parts.query or theirs["body"]))
    names = set(wanted) - {"timestamp", "recvWindow", "signature"}
    assert {each: ours[each] for each in names} == {each: wanted[each] for each in names}
