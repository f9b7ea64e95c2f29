"""Kraken spot's private side: who is believed, what orders do, and what is told of them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from asking import Clock, answered, connected, request_of, said, told

from alp.paper.accounts import KEY, OTHER_KEY, OTHER_SECRET_BASE64, READ, SECRET_BASE64
from alp.paper.book import PlainBook
from alp.paper.kraken.names import name_of, number_of
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.kraken.spot_accounts import KrakenSpotPrivate
from alp.paper.kraken.spot_requests import rest_names, symbol_of
from alp.paper.market import Event, Market
from alp.paper.private import CANCEL, NEW, QUERY, STREAM_KEY
from alp.paper.protocol import Peer, Request
from alp.venues.credentials import Credentials, Secret, credentials_of
from alp.venues.kraken.signing import sign_json_request, sign_request

ETH = "ETH/USDC"
FIRST = credentials_of(KEY, secret=Secret(SECRET_BASE64))
SECOND = credentials_of(OTHER_KEY, secret=Secret(OTHER_SECRET_BASE64))
LOT = 10**8
BID, ASK = True, False


class Venue:
    """A venue whose market stands at 1999.00 / 2001.00, 5 ETH each, and its first account."""

    def __init__(self) -> None:
        book = PlainBook(2, 8)
        book.replace(BID, [(199_900, 5 * LOT), (199_800, 5 * LOT)])
        book.replace(ASK, [(200_100, 5 * LOT), (200_200, 5 * LOT)])
        self.clock = Clock()
        self.protocol = KrakenSpot([Market(ETH, book)], clock_ns=self.clock)
        side = self.protocol.private
        assert isinstance(side, KrakenSpotPrivate)
        self.side = side
        self.nonce = 1

    def rest(self, name: str, credentials: Credentials = FIRST, /, **params: Any) -> Any:
        """Ask; return the result, or the error."""
        self.nonce += 1
        path = f"/0/private/{name}"
        nested = any(isinstance(each, list | dict) for each in params.values())
        sign: Any = sign_json_request if nested else sign_request
        reply = answered(self.side, sign(credentials, path, params, nonce=self.nonce))
        assert reply.status == 200
        body = orjson.loads(reply.body)
        return body["error"][0] if body["error"] else body["result"]

    def private(self, credentials: Credentials = FIRST, *channels: str, **more: Any) -> Socket:
        socket = Socket(self, self.rest("GetWebSocketsToken", credentials)["token"])
        for channel in channels:
            socket.say("subscribe", channel=channel, **more)
        return socket

    def trade(self, bought: bool, price: int, quantity: int) -> None:
        market = self.protocol.markets[ETH]
        market.happen(Event([], trades=((bought, price, quantity),)))
        self.side.desk.happened(market)


class Socket:
    def __init__(self, venue: Venue, token: str) -> None:
        self.venue, self.token = venue, token
        self.peer: Peer = connected(venue.side)
        self.number = 0

    def say(self, method: str, **params: Any) -> list[Any]:
        self.number += 1
        message = {"method": method, "params": {"token": self.token, **params}}
        return said(self.venue.side, self.peer, message | {"req_id": self.number})

    def buy(self, price: float = 1990, quantity: float = 1, **more: Any) -> list[Any]:
        order = {"order_type": "limit", "side": "buy", "symbol": ETH, "limit_price": price}
        return self.say("add_order", **{**order, "order_qty": quantity, **more})

    def told(self) -> list[Any]:
        return told(self.peer)


@pytest.fixture
def venue() -> Venue:
    return Venue()


def executions(messages: list[Any]) -> list[Any]:
    return [row for each in messages if each.get("channel") == "executions" for row in each["data"]]


# Names


def test_names_look_like_the_venues_and_are_read_again() -> None:
    names = [name_of("O", number) for number in range(8_000_000_000, 8_000_001_000)]
    assert len(set(names)) == 1000
    assert all(len(each) == 19 and each[6] == each[12] == "-" for each in names)
    assert number_of("O", names[7]) == 8_000_000_007
    assert number_of("T", names[7]) is None
    assert number_of("O", "nonsense") is None


def test_rest_calls_a_product_by_many_names() -> None:
    assert {"XBTUSD", "XXBTZUSD", "BTC/USD"} <= rest_names("BTC/USD")
    assert symbol_of("ETHUSDC", {ETH: Market.made_up(ETH)}) == ETH
    assert symbol_of(None, {}) == ""


# Who is believed


def test_requests_are_believed_by_signature_and_growing_nonce(venue: Venue) -> None:
    assert set(venue.rest("Balance")) == {"ETH", "USDC"}
    wrong = credentials_of(KEY, secret=Secret(OTHER_SECRET_BASE64))
    assert venue.rest("Balance", wrong) == "EAPI:Invalid signature"
    nobody = credentials_of("nobody", secret=Secret(SECRET_BASE64))
    assert venue.rest("Balance", nobody) == "EAPI:Invalid key"
    venue.nonce = 1
    assert venue.rest("Balance") == "EAPI:Invalid nonce"
    venue.nonce = 100
    venue.side.reset_nonces()
    assert venue.rest("Balance") == "EAPI:Invalid nonce"


def test_a_key_that_was_revoked_or_may_only_read_does_not_trade(venue: Venue) -> None:
    order = {"pair": "ETHUSDC", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1990"}
    key = venue.side.desk.accounts.by_name["first"].keys[0]
    key.permissions = frozenset({READ})
    assert venue.rest("AddOrder", **order) == "EGeneral:Permission denied"
    assert venue.private().buy()[0]["error"] == "EGeneral:Permission denied"
    assert venue.rest("OpenOrders") == {"open": {}}
    socket = venue.private()
    venue.side.revoke()
    assert venue.rest("OpenOrders") == "EAPI:Invalid key"
    assert socket.buy()[0]["error"] == "ESession:Invalid session"


def test_every_message_needs_a_token_that_was_used_in_time(venue: Venue) -> None:
    used, unused = venue.private(FIRST, "executions"), venue.private()
    venue.clock.pass_s(901)
    assert used.buy()[0]["success"], "used in time, it is good as long as the connection is"
    assert unused.buy()[0]["error"] == "ESession:Invalid session"
    used.token = "invented"
    assert used.buy()[0]["error"] == "ESession:Invalid session"


def test_requests_that_are_no_orders_are_counted(venue: Venue) -> None:
    answers = [venue.rest("OpenOrders") for _ in range(21)]
    assert answers[-1] == "EAPI:Rate limit exceeded"
    assert answers[-2] == {"open": {}}
    venue.clock.pass_s(2)
    assert venue.rest("OpenOrders") == {"open": {}}
    venue.clock.pass_s(2)
    assert venue.rest("TradesHistory") == "EAPI:Rate limit exceeded", "costs two"


# Orders on the WebSocket


def test_the_life_of_an_order_is_told_as_the_venue_tells_it(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions")
    ack, *news = socket.buy(1990.5, 0.05, cl_ord_id="alp-1-000001", post_only=True)
    order_id = ack["result"]["order_id"]
    assert ack["method"] == "add_order"
    assert ack["success"]
    assert ack["req_id"] == 2
    assert ack["result"] == {"order_id": order_id, "cl_ord_id": "alp-1-000001"}
    first, second = executions(news)
    assert [each["sequence"] for each in news] == [2, 3]
    assert (first["exec_type"], first["order_status"]) == ("pending_new", "pending_new")
    assert first["limit_price"] == 1990.5
    assert first["order_qty"] == 0.05
    assert first["post_only"]
    assert set(second) == {"timestamp", "order_status", "exec_type", "cl_ord_id", "order_id"}
    amended = executions(socket.say("amend_order", cl_ord_id="alp-1-000001", limit_price=1991))
    assert amended[0]["exec_type"] == "amended"
    assert amended[0]["limit_price"] == 1991
    reply, news = socket.say("cancel_order", cl_ord_id=["alp-1-000001"])
    assert reply["result"]["order_id"] == order_id
    (end,) = news["data"]
    assert (end["exec_type"], end["reason"]) == ("canceled", "User requested")
    assert news["sequence"] == 5
    assert "symbol" not in end, "later messages are partial"


def test_numbers_are_bare_and_keep_their_zeros(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions")
    socket.say(
        "add_order", order_type="limit", side="buy", symbol=ETH, limit_price=1990, order_qty=1
    )
    socket.peer.outbox.clear()
    message = {"method": "add_order", "params": {"token": socket.token, "symbol": ETH}}
    message["params"] |= {"order_type": "limit", "side": "buy", "limit_price": 1990, "order_qty": 1}
    venue.side.take(socket.peer, message, "")
    raw = socket.peer.outbox[0]
    assert b'"limit_price":1990.00' in raw
    assert b'"order_qty":1.00000000' in raw


def test_a_fill_is_a_trade_and_the_last_one_is_followed_by_filled(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions", "balances")
    socket.say(
        "add_order", order_type="limit", side="buy", symbol=ETH, limit_price=1999, order_qty=2
    )
    venue.trade(False, 199_900, 6 * LOT)
    (trade,) = executions(news := socket.told())
    assert (trade["exec_type"], trade["order_status"]) == ("trade", "partially_filled")
    assert (trade["last_qty"], trade["last_price"], trade["liquidity_ind"]) == (1.0, 1999.0, "m")
    assert trade["fees"] == [{"asset": "USDC", "qty": 4.9975}]
    changes = {
        row["asset"]: row for each in news if each["channel"] == "balances" for row in each["data"]
    }
    assert changes["ETH"]["amount"] == 1.0
    assert (changes["USDC"]["amount"], changes["USDC"]["fee"]) == (-1999.0, 4.9975)
    assert changes["USDC"]["balance"] == 1_000_000 - 1999 - 4.9975
    venue.trade(False, 199_900, 6 * LOT)
    last, filled = executions(socket.told())
    assert (last["exec_type"], last["cum_qty"]) == ("trade", 2.0)
    assert (filled["exec_type"], filled["order_status"]) == ("filled", "filled")
    assert "last_qty" not in filled


def test_a_post_only_order_that_would_take_is_accepted_and_then_canceled(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions")
    ack, *news = socket.buy(2001, 1, post_only=True, cl_ord_id="crossing")
    assert ack["success"]
    first, last = executions(news)
    assert first["exec_type"] == "pending_new"
    assert (last["exec_type"], last["reason"]) == ("canceled", "Post only order")
    venue.side.trading.post_only_in_reply = True
    assert socket.buy(2001, 1, post_only=True)[0]["error"] == "EOrder:Post only order"


def test_an_amend_keeps_the_order_where_it_cannot_be_done(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions")
    socket.buy(1999, 2, cl_ord_id="a", post_only=True)
    refused = socket.say("amend_order", cl_ord_id="a", limit_price=2001, post_only=True)
    assert refused[0]["error"] == "EOrder:Post only order"
    venue.trade(False, 199_900, 6 * LOT)
    socket.told()
    reply, news = socket.say("amend_order", cl_ord_id="a", order_qty=1)
    assert reply["success"]
    assert news["data"][0]["exec_type"] == "canceled", "filled already"
    assert (
        socket.say("amend_order", cl_ord_id="a", order_qty=3)[0]["error"] == "EOrder:Unknown order"
    )


def test_an_edit_is_another_order(venue: Venue) -> None:
    socket = venue.private()
    old = socket.buy(1990, 1)[0]["result"]["order_id"]
    reply = socket.say("edit_order", order_id=old, symbol=ETH, limit_price=1991)[0]
    assert reply["result"]["original_order_id"] == old != reply["result"]["order_id"]
    (order,) = venue.side.desk.open_orders("first")
    assert (order.price, order.quantity) == (199_100, LOT)


def test_cancelling_several_is_answered_for_each(venue: Venue) -> None:
    socket = venue.private()
    ids = [socket.buy(1990 - number, 1)[0]["result"]["order_id"] for number in range(2)]
    replies = socket.say("cancel_order", order_id=[ids[0], "OAAAAA-BBBBB-CCCCCC", ids[1]])
    assert [each["success"] for each in replies] == [True, False, True]
    assert replies[1]["error"] == "EOrder:Unknown order"
    assert len({each["req_id"] for each in replies}) == 1
    assert socket.say("cancel_all")[0]["result"] == {"count": 0}


def test_batches_are_checked_whole_and_then_taken_one_by_one(venue: Venue) -> None:
    socket = venue.private()
    good = {"order_type": "limit", "side": "buy", "limit_price": 1990, "order_qty": 1}
    reply = socket.say("batch_add", symbol=ETH, orders=[good, {**good, "order_qty": 10**6}])[0]
    assert reply["success"]
    assert "order_id" in reply["result"][0]
    assert reply["result"][1]["error"] == "EOrder:Insufficient funds"
    reply = socket.say("batch_add", symbol=ETH, orders=[good, {**good, "order_type": "iceberg"}])[0]
    assert not reply["success"]
    assert len(venue.side.desk.open_orders("first")) == 1
    assert not socket.say("batch_add", symbol=ETH, orders=[good])[0]["success"]
    found = venue.side.desk.open_orders("first")[0]
    names = [name_of("O", found.number), "OAAAAA-BBBBB-CCCCCC"]
    assert socket.say("batch_cancel", orders=names)[0]["orders_cancelled"] == 1


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"symbol": "ETH/XYZ"}, "EQuery:Unknown asset pair"),
        ({"order_qty": 0.0001}, "EGeneral:Invalid arguments:volume minimum not met"),
        ({"order_qty": 0.000000001}, "EGeneral:Invalid arguments:volume"),
        ({"limit_price": 0.01, "order_qty": 1}, "EOrder:Cost minimum not met"),
        ({"limit_price": 1990.001}, "EOrder:Tick size check failed"),
        ({"limit_price": 0}, "EOrder:Invalid price"),
        ({"limit_price": "NaN"}, "EOrder:Invalid price"),
        ({"order_qty": 10_000_000}, "EGeneral:Invalid arguments:volume"),
        ({"order_qty": 600}, "EOrder:Insufficient funds"),
        ({"cl_ord_id": "more than eighteen characters"}, "EGeneral:Invalid arguments:cl_ord_id"),
        ({"cl_ord_id": "taken"}, "EGeneral:Invalid arguments:cl_ord_id not unique"),
        ({"deadline": "2020-01-01T00:00:00Z"}, "EService:Deadline elapsed"),
        ({"deadline": "2050-01-01T00:00:00Z"}, "EGeneral:Invalid arguments:deadline"),
        ({"time_in_force": "ioc", "post_only": True}, "EGeneral:Invalid arguments:post_only"),
    ],
)
def test_what_cannot_be_is_refused_in_the_venues_words(
    venue: Venue, more: dict[str, Any], error: str
) -> None:
    socket = venue.private()
    socket.buy(cl_ord_id="taken")
    reply = socket.buy(**{"price": 1990, "quantity": 1, **more})[0]
    assert reply == {**reply, "success": False, "error": error}


def test_a_client_id_is_free_again_when_its_order_has_ended(venue: Venue) -> None:
    socket = venue.private()
    socket.buy(cl_ord_id="again")
    socket.say("cancel_all")
    assert socket.buy(cl_ord_id="again")[0]["success"]


@pytest.mark.parametrize(
    ("prevention", "left"),
    [("cancel_newest", ["old"]), ("cancel_oldest", ["new"]), ("cancel_both", [])],
)
def test_an_account_does_not_trade_with_itself(
    venue: Venue, prevention: str, left: list[str]
) -> None:
    socket = venue.private(FIRST, "executions")
    socket.buy(2000, 1, cl_ord_id="old")
    sold = socket.buy(2000, 1, side="sell", stp_type=prevention, cl_ord_id="new")
    assert "trade" not in [each["exec_type"] for each in executions(sold)]
    assert [each.client_id for each in venue.side.desk.open_orders("first")] == left


def test_orders_of_an_account_are_counted_and_amending_is_cheaper(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions", ratecounter=True)
    news: list[Any] = []
    for _ in range(13):
        socket.buy(cl_ord_id="quick")
        news = socket.say("cancel_order", cl_ord_id=["quick"])
    assert executions(news)[0]["ratecount"] == 13 * 9
    for _ in range(8):
        assert socket.buy()[0]["success"]
    assert socket.buy()[0]["error"] == "EOrder:Rate limit exceeded"
    venue.clock.pass_s(0.5)
    assert socket.buy()[0]["success"], "it falls by 2.34 a second"


def test_the_dead_man_ends_all_orders_of_the_account(venue: Venue) -> None:
    timers = Clock()
    venue.side.desk._steady_ns = timers
    socket = venue.private(FIRST, "executions")
    socket.buy()
    result = socket.say("cancel_all_orders_after", timeout=60)[0]["result"]
    assert set(result) == {"currentTime", "triggerTime"}
    timers.pass_s(59)
    venue.side.beat()
    assert not socket.told()
    timers.pass_s(1)
    venue.side.beat()
    assert [each["exec_type"] for each in executions(socket.told())] == ["canceled"]
    assert socket.say("cancel_all_orders_after", timeout=0)[0]["result"]["triggerTime"] == "0"


def test_snapshots_have_what_is_open_and_what_was_traded(venue: Venue) -> None:
    socket = venue.private()
    socket.buy(1990, 1, cl_ord_id="open")
    socket.buy(2001, 1)
    other = venue.private()
    ack, snapshot = other.say("subscribe", channel="executions", snap_trades=True)
    assert ack["result"]["maxratecount"] == 125
    assert (snapshot["type"], snapshot["sequence"]) == ("snapshot", 1)
    assert [each["exec_type"] for each in snapshot["data"]] == ["new", "trade"]
    assert snapshot["data"][0]["cl_ord_id"] == "open"
    _, snapshot = other.say("subscribe", channel="balances")
    assert {each["asset"] for each in snapshot["data"]} == {"ETH", "USDC"}
    assert venue.private(SECOND).say("subscribe", channel="executions")[1]["data"] == []


def test_private_connections_have_heartbeats(venue: Venue) -> None:
    socket = venue.private(FIRST, "executions")
    assert venue.protocol.beat(socket.peer) == b'{"channel":"heartbeat"}'
    venue.protocol.take(socket.peer, {"method": "nonsense"})
    assert venue.protocol.beat(socket.peer) is not None


def test_nobody_hears_of_others(venue: Venue) -> None:
    first, second = venue.private(FIRST, "executions"), venue.private(SECOND, "executions")
    first.buy(2000, 1)
    assert not second.told()
    second.buy(2000, 1, side="sell")
    assert [each["exec_type"] for each in executions(first.told())] == ["trade", "filled"]
    assert venue.rest("CancelAll", SECOND) == {"count": 0}


def test_rules_that_change_are_told_and_kept(venue: Venue) -> None:
    venue.side.desk.coarsen()
    answer = venue.protocol.rest("/0/public/AssetPairs", {})
    assert answer is not None
    (pair,) = orjson.loads(answer[1])["result"].values()
    assert (pair["tick_size"], pair["lot_decimals"], pair["status"]) == ("0.10", 7, "online")
    socket = venue.private()
    assert socket.buy(1990.05)[0]["error"] == "EOrder:Tick size check failed"
    assert socket.buy(1990.1)[0]["success"]
    venue.side.desk.halted = True
    assert socket.buy(1990.1)[0]["error"] == "EService:Market in cancel_only mode"
    assert socket.say("cancel_all")[0]["result"] == {"count": 1}
    answer = venue.protocol.rest("/0/public/AssetPairs", {})
    assert answer is not None
    assert b"cancel_only" in answer[1]


# Orders by REST


def test_rest_places_amends_edits_and_cancels(venue: Venue) -> None:
    form = {"pair": "ETHUSDC", "type": "buy", "ordertype": "limit", "volume": "1", "price": "1990"}
    placed = venue.rest("AddOrder", **form, oflags="post", cl_ord_id="alp-1", userref=0)
    (txid,) = placed["txid"]
    assert placed["descr"]["order"] == "buy 1.00000000 ETHUSDC @ limit 1990.00"
    assert venue.rest("AddOrder", **form, validate="true").keys() == {"descr"}
    assert venue.rest("AmendOrder", cl_ord_id="alp-1", limit_price="1991.5")["amend_id"]
    row = venue.rest("OpenOrders", cl_ord_id="alp-1")["open"][txid]
    assert row["descr"]["price"] == "1991.50"
    assert row["oflags"] == "fciq,post"
    edited = venue.rest("EditOrder", txid=txid, pair="ETHUSDC", price="1992", volume="2")
    assert edited["originaltxid"] == txid
    rows = venue.rest("QueryOrders", txid=f"{txid},{edited['txid']}")
    assert [each["status"] for each in rows.values()] == ["canceled", "open"]
    assert venue.rest("CancelOrder", txid=edited["txid"]) == {"count": 1}
    assert venue.rest("CancelOrder", txid=edited["txid"]) == "EOrder:Unknown order"
    closed = venue.rest("ClosedOrders")
    assert closed["count"] == 2
    assert {each["reason"] for each in closed["closed"].values()} == {"User requested"}


def test_rest_batches_are_json(venue: Venue) -> None:
    row = {"ordertype": "limit", "type": "buy", "price": "1990", "volume": "1"}
    placed = venue.rest("AddOrderBatch", pair="ETHUSDC", orders=[row, {**row, "cl_ord_id": "b"}])
    names = [each["txid"] for each in placed["orders"]]
    assert len(names) == 2
    assert venue.rest("CancelOrderBatch", orders=[names[0]], cl_ord_ids=["b", "c"]) == {"count": 2}
    assert venue.rest("CancelAllOrdersAfter", timeout="60")["triggerTime"].endswith("Z")


def test_rest_tells_of_trades_and_balances(venue: Venue) -> None:
    form = {"pair": "ETHUSDC", "type": "buy", "ordertype": "market", "volume": "6"}
    venue.rest("AddOrder", **form)
    venue.rest("AddOrder", **{**form, "ordertype": "limit", "price": "1000"})
    history = venue.rest("TradesHistory")
    assert history["count"] == 2
    newest, oldest = history["trades"].values()
    assert (oldest["price"], oldest["vol"], oldest["maker"]) == ("2001.00", "5.00000000", False)
    assert (newest["price"], newest["cost"]) == ("2002.00", "2002.00000")
    assert venue.rest("QueryTrades", txid=next(iter(history["trades"]))).keys() == {
        next(iter(history["trades"]))
    }
    held = venue.rest("BalanceEx")
    assert held["ETH"] == {"balance": "1000006.00000000", "hold_trade": "0.00000000"}
    assert held["USDC"]["hold_trade"] == "6024.00000000", "with the fee at worst"
    assert venue.rest("TradeVolume", pair="ETHUSDC")["fees_maker"]["ETHUSDC"]["fee"] == "0.2500"
    assert venue.rest("OpenPositions") == {}
    ledgers = venue.rest("Ledgers", asset="ETH")
    moved = [(row["asset"], row["amount"]) for row in ledgers["ledger"].values()]
    assert moved == [("ETH", "1.00000000"), ("ETH", "5.00000000")]
    assert venue.rest("Ledgers")["count"] == 4
    spent = [row for row in venue.rest("Ledgers")["ledger"].values() if row["asset"] == "USDC"]
    assert [row["amount"] for row in spent] == ["-2002.00000000", "-10005.00000000"]
    worth = float(venue.rest("TradeBalance", asset="USDC")["eb"])
    held = venue.rest("Balance")
    assert worth == pytest.approx(float(held["USDC"]) + 2000 * float(held["ETH"]), rel=1e-3)


# For the script of faults


def test_commands_have_kinds_and_troubles_are_the_venues(venue: Venue) -> None:
    side, peer = venue.side, connected(venue.side)
    kinds = {
        "AddOrder": NEW,
        "CancelOrder": CANCEL,
        "OpenOrders": QUERY,
        "GetWebSocketsToken": STREAM_KEY,
    }
    for name, kind in kinds.items():
        signed = sign_request(FIRST, f"/0/private/{name}", {}, nonce=10**12)
        assert side.command_of(request_of(signed)) == kind
    public = Request("GET", "/0/public/Time", "/0/public/Time", "", {}, {})
    assert side.command_of(public) == ""
    assert side.answer(public) is None
    assert side.command_in(peer, {"method": "subscribe", "params": {"channel": "book"}}) == ""
    assert orjson.loads(side.trouble("", 503, None)[1]) == {"error": ["EService:Timeout"]}
    assert side.trouble("status", 429, None) == (429, b'{"error":["EAPI:Rate limit exceeded"]}')
    message = {"method": "add_order", "req_id": 9, "params": {}}
    trouble = orjson.loads(side.trouble("EService:Busy", 503, message)[1])
    assert (trouble["error"], trouble["req_id"], trouble["success"]) == ("EService:Busy", 9, False)
    unavailable = orjson.loads(side.trouble("maintenance", 503, message)[1])
    assert unavailable["error"] == "EService:Unavailable"
