"""Kraken Futures' private side: who is believed, statuses of orders, and the feeds."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from asking import Clock, answered, connected, request_of, said, told
from client_world import market

from alp.paper.accounts import KEY, OTHER_KEY, OTHER_SECRET_BASE64, READ, SECRET_BASE64
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.futures_private import FEEDS, KrakenFuturesPrivate
from alp.paper.market import Event
from alp.paper.private import ACCOUNT, AMEND, CANCEL, CANCEL_ALL, DEAD_MAN, NEW, QUERY, STREAM_KEY
from alp.paper.protocol import Peer
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.kraken.signing import sign_challenge, sign_futures_request

ETH = "PF_ETHUSD"
ROOT = "/derivatives/api/v3/"
FIRST = credentials_of(KEY, secret=Secret(SECRET_BASE64))
SECOND = credentials_of(OTHER_KEY, secret=Secret(OTHER_SECRET_BASE64))


class Venue:
    def __init__(self) -> None:
        self.clock = Clock()
        self.protocol = KrakenFutures([market(ETH, 1, 3)], clock_ns=self.clock)
        side = self.protocol.private
        assert isinstance(side, KrakenFuturesPrivate)
        self.side = side

    def ask(
        self,
        method: str,
        name: str,
        params: Any = (),
        credentials: Credentials = FIRST,
        **more: Any,
    ) -> Any:
        signed = sign_futures_request(credentials, method, ROOT + name, params, **more)
        return orjson.loads(answered(self.side, signed).body)

    def post(self, name: str, credentials: Credentials = FIRST, /, **params: Any) -> Any:
        return self.ask("POST", name, params, credentials)

    def get(self, name: str, credentials: Credentials = FIRST, /, **params: Any) -> Any:
        return self.ask("GET", name, params, credentials)

    def send(self, credentials: Credentials = FIRST, /, **more: Any) -> Any:
        order = {"orderType": "lmt", "symbol": ETH, "side": "buy", "size": "1"}
        params = {**order, "limitPrice": "1990", **more}
        answer = self.post("sendorder", credentials, **params)
        assert answer["result"] == "success", answer
        return answer["sendStatus"]

    def listen(self, *feeds: str, credentials: Credentials = FIRST) -> tuple[Peer, list[Any]]:
        peer = connected(self.side)
        asked = {"event": "challenge", "api_key": credentials.key}
        (challenge,) = said(self.side, peer, asked)
        signed = sign_challenge(credentials, challenge["message"])
        replies = []
        for feed in feeds:
            replies += said(self.side, peer, {"event": "subscribe", "feed": feed, **signed})
        return peer, replies

    def trade(self, bought: bool, price: int, quantity: int) -> None:
        found = self.protocol.markets[ETH]
        found.happen(Event([], trades=((bought, price * 10, quantity * 1000),)))
        self.side.desk.happened(found)


@pytest.fixture
def venue() -> Venue:
    return Venue()


def kinds(events: list[Any]) -> list[str]:
    return [each["type"] for each in events]


def test_requests_are_believed_by_authent_with_or_without_a_nonce(venue: Venue) -> None:
    assert venue.get("openorders")["openOrders"] == []
    assert venue.ask("GET", "openorders", nonce=5)["result"] == "success"
    assert venue.ask("GET", "openorders", nonce=5)["error"] == "nonceBelowThreshold"
    wrong = credentials_of(KEY, secret=Secret(OTHER_SECRET_BASE64))
    assert venue.get("openorders", wrong)["error"] == "authenticationError"
    nobody = credentials_of("nobody", secret=Secret(SECRET_BASE64))
    assert venue.get("openorders", nobody)["error"] == "authenticationError"
    venue.side.desk.accounts.by_name["first"].keys[0].permissions = frozenset({READ})
    assert venue.post("cancelallorders")["error"] == "authenticationError"
    venue.side.revoke()
    assert venue.get("openorders")["error"] == "authenticationError"


def test_requests_cost_points(venue: Venue) -> None:
    for _ in range(50):
        venue.post("cancelorder", order_id="none")
    assert venue.get("accounts")["error"] == "apiLimitExceeded"
    venue.clock.pass_s(10)
    assert venue.get("accounts")["result"] == "success"
    for _ in range(19):
        assert venue.get("fills", lastFillTime="2026-01-01T00:00:00.000Z")["result"] == "success"
    rows = [{"order": "cancel", "order_id": str(number)} for number in range(15)]
    batch = {"json": orjson.dumps({"batchOrder": rows}).decode()}
    assert venue.post("batchorder", **batch)["error"] == "apiLimitExceeded", "9, and 15 for orders"


def test_the_life_of_an_order(venue: Venue) -> None:
    peer, first = venue.listen("open_orders", "fills")
    assert [each.get("event", each["feed"]) for each in first] == [
        "subscribed",
        "open_orders_snapshot",
        "subscribed",
        "fills_snapshot",
    ]
    sent = venue.send(orderType="post", limitPrice="1999", size="2", cliOrdId="alp-1")
    assert (sent["status"], sent["cliOrdId"], kinds(sent["orderEvents"])) == (
        "placed",
        "alp-1",
        ["PLACE"],
    )
    (news,) = told(peer)
    assert (news["feed"], news["reason"]) == ("open_orders", "new_placed_order_by_user")
    assert (news["order"]["qty"], news["order"]["filled"], news["order"]["direction"]) == (2, 0, 0)
    venue.trade(False, 1999, 6)
    fill, change = told(peer)
    (row,) = fill["fills"]
    assert (row["seq"], row["qty"], row["price"], row["fill_type"]) == (0, 1, 1999, "maker")
    assert (row["cli_ord_id"], row["fee_paid"]) == ("alp-1", 0.3998)
    assert (change["reason"], change["order"]["qty"]) == ("partial_fill", 1)
    (opened,) = venue.get("openorders")["openOrders"]
    assert (opened["status"], opened["unfilledSize"], opened["orderType"]) == (
        "partiallyFilled",
        1,
        "post",
    )
    venue.trade(False, 1999, 6)
    fill, end = told(peer)
    assert fill["fills"][0]["seq"] == 1
    assert (end["is_cancel"], end["reason"], end["cli_ord_id"]) == (True, "full_fill", "alp-1")
    assert "order" not in end
    cancel = venue.post("cancelorder", cliOrdId="alp-1")["cancelStatus"]
    assert cancel["status"] == "filled"


def test_a_taker_is_told_of_executions_in_the_answer(venue: Venue) -> None:
    sent = venue.send(limitPrice="2002", size="12")
    assert sent["status"] == "placed"
    assert kinds(sent["orderEvents"]) == ["EXECUTION", "EXECUTION", "PLACE"]
    first, second, _ = sent["orderEvents"]
    assert (first["price"], first["amount"]) == (2001, 5)
    assert second["orderPriorExecution"]["filled"] == 5
    assert [each["size"] for each in venue.get("fills")["fills"]] == [5, 5]
    venue.post("cancelallorders")
    market_order = venue.send(orderType="mkt", side="sell", size="1")
    assert kinds(market_order["orderEvents"]) == ["EXECUTION"]


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"orderType": "post", "limitPrice": "2001"}, "postWouldExecute"),
        ({"orderType": "ioc", "limitPrice": "2000"}, "iocWouldNotExecute"),
        ({"orderType": "fok", "limitPrice": "2001", "size": "6"}, "iocWouldNotExecute"),
        ({"orderType": "stp"}, "invalidOrderType"),
        ({"side": "long"}, "invalidSide"),
        ({"size": "0"}, "invalidSize"),
        ({"size": "0.0001"}, "invalidSize"),
        ({"limitPrice": "1990.05"}, "invalidPrice"),
        ({"limitPrice": "nan"}, "invalidPrice"),
        ({"size": "100000"}, "insufficientAvailableFunds"),
        ({"reduceOnly": "true"}, "wouldNotReducePosition"),
        ({"cliOrdId": "x" * 101}, "clientOrderIdTooLong"),
        ({"cliOrdId": "taken"}, "clientOrderIdAlreadyExist"),
    ],
)
def test_refusals_are_statuses_of_a_success(
    venue: Venue, more: dict[str, Any], status: str
) -> None:
    venue.send(cliOrdId="taken")
    assert venue.send(**more)["status"] == status
    assert len(venue.get("openorders")["openOrders"]) == 1


def test_an_account_does_not_trade_with_itself(venue: Venue) -> None:
    venue.send(limitPrice="2000")
    assert venue.send(limitPrice="2000", side="sell")["status"] == "selfFill"
    assert len(venue.get("openorders")["openOrders"]) == 1


def test_what_a_request_lacks_is_an_error(venue: Venue) -> None:
    answer = venue.post("sendorder", orderType="lmt", symbol=ETH, side="buy")
    assert answer["error"] == "requiredArgumentMissing: size"
    order = {"orderType": "lmt", "side": "buy", "size": "1", "limitPrice": "1"}
    assert venue.post("sendorder", symbol="PF_XYZUSD", **order)["error"].startswith("invalidArg")
    assert venue.post("cancelorder")["error"].startswith("requiredArgument")
    venue.side.desk.accounts.by_name["first"].frozen = True
    assert venue.post("sendorder", symbol=ETH, **order)["error"] == "accountInactive"


def test_post_only_orders_that_fail_are_told_on_the_verbose_feed(venue: Venue) -> None:
    peer, _ = venue.listen("open_orders")
    verbose, _ = venue.listen("open_orders_verbose")
    sent = venue.send(orderType="post", limitPrice="2001", cliOrdId="crossing")
    assert sent["orderEvents"][0]["reason"] == "POST_WOULD_EXECUTE"
    assert not told(peer)
    (end,) = told(verbose)
    assert (end["order_id"], end["cli_ord_id"]) == (sent["order_id"], "crossing")
    assert end["reason"] == "post_order_failed_because_it_would_filled"


def test_an_edit_says_what_is_to_stay_open(venue: Venue) -> None:
    peer, _ = venue.listen("open_orders")
    name = venue.send(orderType="post", limitPrice="1999", size="2", cliOrdId="e")["order_id"]
    venue.trade(False, 1999, 6)
    told(peer)
    edit = venue.post("editorder", orderId=name, size="3", limitPrice="1998")["editStatus"]
    assert (edit["status"], kinds(edit["orderEvents"])) == ("edited", ["EDIT"])
    (change,) = told(peer)
    assert (change["reason"], change["order"]["qty"]) == ("edited_by_user", 3)
    same = venue.post("editorder", cliOrdId="e", size="3", limitPrice="1998")["editStatus"]
    assert same["orderEvents"][0]["reason"] == "EDIT_HAS_NO_EFFECT"
    crossing = venue.post("editorder", cliOrdId="e", limitPrice="2001")["editStatus"]
    assert crossing["status"] == "postWouldExecute"
    assert venue.get("openorders")["openOrders"][0]["limitPrice"] == 1998
    unknown = venue.post("editorder", cliOrdId="nobody's", size="1")["editStatus"]
    assert unknown["status"] == "orderForEditNotFound"
    taking = venue.send(limitPrice="1990", size="1")["order_id"]
    filled = venue.post("editorder", orderId=taking, limitPrice="2001")["editStatus"]
    assert (filled["status"], kinds(filled["orderEvents"])) == ("filled", ["EDIT", "EXECUTION"])


def test_batches_answer_each_order_by_its_tag(venue: Venue) -> None:
    name = venue.send()["order_id"]
    send = {"order": "send", "orderType": "lmt", "symbol": ETH, "side": "buy", "size": 1}
    rows = [
        {**send, "order_tag": "1", "limitPrice": 1980, "cliOrdId": "b"},
        {**send, "order_tag": "2", "limitPrice": 1980.05},
        {"order": "edit", "order_tag": "3", "order_id": name, "limitPrice": 1985},
        {"order": "cancel", "order_tag": "4", "order_id": name},
    ]
    answer = venue.post("batchorder", json=orjson.dumps({"batchOrder": rows}).decode())
    found = {each["order_tag"]: each["status"] for each in answer["batchStatus"]}
    assert found == {"1": "placed", "2": "invalidPrice", "3": "edited", "4": "cancelled"}
    assert venue.post("batchorder", json="{}")["error"] == "invalidArgument: json"


def test_all_orders_end_at_once_or_when_the_timer_runs_out(venue: Venue) -> None:
    timers = Clock()
    venue.side.desk._steady_ns = timers
    peer, _ = venue.listen("open_orders")
    venue.send(cliOrdId="a")
    ended = venue.post("cancelallorders", symbol=ETH.lower())["cancelStatus"]
    assert [each["cliOrdId"] for each in ended["cancelledOrders"]] == ["a"]
    assert kinds(ended["orderEvents"]) == ["CANCEL"]
    assert venue.post("cancelallorders")["cancelStatus"]["status"] == "noOrdersToCancel"
    venue.send(cliOrdId="b")
    status = venue.post("cancelallordersafter", timeout="60")["status"]
    assert set(status) == {"currentTime", "triggerTime"}
    timers.pass_s(60)
    venue.side.beat()
    assert [each["reason"] for each in told(peer)][-1] == "dead_man_switch"
    assert venue.post("cancelallordersafter", timeout="0")["status"]["triggerTime"] == "0"


def test_positions_and_balances_are_asked_for_and_told(venue: Venue) -> None:
    peer, first = venue.listen("balances", "open_positions")
    assert first[1]["feed"] == "balances_snapshot"
    assert first[1]["flex_futures"]["currencies"]["USD"]["quantity"] == 1e6
    assert first[3] == {**first[3], "feed": "open_positions", "positions": []}
    venue.send(limitPrice="2001", size="2")
    news = {each["feed"]: each for each in told(peer)}
    (held,) = news["open_positions"]["positions"]
    assert (held["balance"], held["entry_price"], held["mark_price"]) == (2, 2001, 2000)
    assert news["balances"]["flex_futures"]["currencies"]["USD"]["quantity"] == 1e6 - 2.001
    (position,) = venue.get("openpositions")["openPositions"]
    assert (position["side"], position["size"], position["price"]) == ("long", 2, 2001)
    closing = {"side": "sell", "orderType": "post", "limitPrice": "2005"}
    assert venue.send(**closing, reduceOnly="true", size="2")["status"] == "placed"
    flex = venue.get("accounts")["accounts"]["flex"]
    assert 0 < flex["availableMargin"] < flex["balanceValue"]


def test_leverage_is_set_and_told(venue: Venue) -> None:
    assert venue.get("leveragepreferences")["leveragePreferences"] == []
    assert venue.ask("PUT", "leveragepreferences", {"symbol": ETH, "maxLeverage": "5"})["result"]
    (row,) = venue.get("leveragepreferences")["leveragePreferences"]
    assert row == {"symbol": ETH, "maxLeverage": 5}
    for wrong in ({"symbol": ETH, "maxLeverage": "0"}, {"symbol": "X", "maxLeverage": "5"}):
        assert venue.ask("PUT", "leveragepreferences", wrong)["error"].startswith("invalidArg")
    venue.side.desk.accounts.by_name["first"].keys[0].permissions = frozenset({READ})
    refused = venue.ask("PUT", "leveragepreferences", {"symbol": ETH, "maxLeverage": "5"})
    assert refused["error"] == "authenticationError"


def test_recent_ends_are_among_the_statuses(venue: Venue) -> None:
    name = venue.send()["order_id"]
    venue.post("cancelorder", order_id=name)
    (row,) = venue.get("orders/status", orderIds=name)["orders"]
    assert (row["status"], row["order"]["orderId"]) == ("CANCELLED", name)
    venue.clock.pass_s(6)
    assert venue.get("orders/status", orderIds=name)["orders"] == []


def test_feeds_need_the_challenge_of_their_connection(venue: Venue) -> None:
    peer = connected(venue.side)
    refused = "Failed to subscribe to authenticated feed"
    signed = sign_challenge(FIRST, "an old challenge")
    subscribe = {"event": "subscribe", "feed": "fills", **signed}
    assert said(venue.side, peer, subscribe)[0]["message"] == refused
    nobody = {"event": "challenge", "api_key": "nobody"}
    assert said(venue.side, peer, nobody)[0]["message"] == refused
    assert len({venue.listen(each)[1][0]["original_challenge"] for each in FEEDS}) == len(FEEDS)


def test_nobody_hears_of_others(venue: Venue) -> None:
    first, _ = venue.listen(*FEEDS)
    second, _ = venue.listen(*FEEDS, credentials=SECOND)
    venue.send()
    assert told(first)
    assert not told(second)
    assert venue.get("openorders", SECOND)["openOrders"] == []


def test_rules_that_change_are_told_and_kept(venue: Venue) -> None:
    venue.side.desk.coarsen()
    answer = venue.protocol.rest(f"{ROOT}instruments", {})
    assert answer is not None
    (row,) = orjson.loads(answer[1])["instruments"]
    assert (row["tickSize"], row["contractValueTradePrecision"]) == (1.0, 2)
    assert venue.send(limitPrice="1990.5")["status"] == "invalidPrice"
    assert venue.send(size="0.005")["status"] == "invalidSize"
    venue.side.desk.halted = True
    assert venue.send()["status"] == "marketSuspended"


def test_commands_have_kinds_and_troubles_are_the_venues(venue: Venue) -> None:
    found = {
        "sendorder": NEW,
        "batchorder": NEW,
        "editorder": AMEND,
        "cancelorder": CANCEL,
        "cancelallorders": CANCEL_ALL,
        "cancelallordersafter": DEAD_MAN,
        "openorders": QUERY,
        "accounts": ACCOUNT,
        "instruments": "",
    }
    for name, kind in found.items():
        request = request_of(sign_futures_request(FIRST, "GET", ROOT + name))
        assert venue.side.command_of(request) == kind
        if not kind:
            assert venue.side.answer(request) is None
    peer = connected(venue.side)
    assert venue.side.command_in(peer, {"event": "challenge"}) == STREAM_KEY
    assert venue.side.command_in(peer, {"event": "subscribe", "feed": "book"}) == ""
    for what, status, error in (
        ("", 500, "Server Error"),
        ("504", 504, "Server Error"),
        ("maintenance", 503, "unavailable"),
    ):
        answer = venue.side.trouble(what, 503, None)
        assert (answer[0], orjson.loads(answer[1])["error"]) == (status, error)
    limited = orjson.loads(venue.side.trouble("status", 429, None)[1])
    assert limited["error"] == "apiLimitExceeded"
    assert b"alert" in venue.side.trouble("", 503, {})[1]
