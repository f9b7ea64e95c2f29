"""Coinbase Advanced's private side: tokens, orders by REST, and the user channel."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import orjson
import pytest
from asking import Clock, answered, connected, request_of, said, told
from client_world import market

from alp.paper.accounts import READ
from alp.paper.coinbase.private import (
    SNAPSHOT_ORDERS,
    CoinbasePrivate,
    known_credentials,
)
from alp.paper.coinbase.public import Coinbase
from alp.paper.market import Event
from alp.paper.order_uuids import number_of_uuid, uuid_of
from alp.paper.private import ACCOUNT, AMEND, CANCEL, NEW, QUERY, STREAM_KEY
from alp.paper.protocol import Peer, Reply
from alp.venues.coinbase.signing import make_token, sign_request
from alp.venues.credentials import Credentials

ROOT = "/api/v3/brokerage/"
FIRST, SECOND, WITHDRAWER = known_credentials()
LOT = 10**8


class Venue:
    def __init__(self) -> None:
        self.clock = Clock()
        self.protocol = Coinbase([market("ETH-USD")], clock_ns=self.clock)
        side = self.protocol.private
        assert isinstance(side, CoinbasePrivate)
        self.side = side
        self.number = 0

    def token(self, credentials: Credentials = FIRST, uri: str | None = None) -> str:
        now_s = self.clock.now_ns // 10**9
        return make_token(credentials, now_s=now_s, nonce="a nonce", uri=uri)

    def reply(
        self, method: str, target: str, body: Any = None, credentials: Credentials = FIRST
    ) -> Reply:
        data = b"" if body is None else orjson.dumps(body)
        now_s = self.clock.now_ns // 10**9
        signed = sign_request(
            credentials, method, ROOT + target, data, now_s=now_s, nonce="a nonce"
        )
        return answered(self.side, signed)

    def get(self, target: str, credentials: Credentials = FIRST) -> Any:
        reply = self.reply("GET", target, None, credentials)
        assert reply.status == 200, reply.body
        return orjson.loads(reply.body)

    def post(self, target: str, body: Any, credentials: Credentials = FIRST) -> Any:
        reply = self.reply("POST", target, body, credentials)
        assert reply.status == 200, reply.body
        return orjson.loads(reply.body)

    def order(self, kind: str = "limit_limit_gtc", /, **more: Any) -> Any:
        """Place an order; keys that are a configuration's go there."""
        self.number += 1
        asked = {"client_order_id": f"alp-{self.number}", "product_id": "ETH-USDC", "side": "BUY"}
        asked |= {name: more.pop(name) for name in list(more) if name in asked}
        if kind == "market_market_ioc":
            configuration = more
        else:
            configuration = {"base_size": "1", "limit_price": "1990", **more}
        return self.post("orders", {**asked, "order_configuration": {kind: configuration}})

    def listen(self, credentials: Credentials = FIRST, **more: Any) -> tuple[Peer, list[Any]]:
        peer = connected(self.side)
        asked = {"type": "subscribe", "channel": "user", "jwt": self.token(credentials), **more}
        return peer, said(self.side, peer, asked)

    def trade(self, bought: bool, price: int, quantity: int) -> None:
        found = self.protocol.markets["ETH-USD"]
        found.happen(Event([], trades=((bought, price * 100, quantity * LOT),)))
        self.side.desk.happened(found)


@pytest.fixture
def venue() -> Venue:
    return Venue()


def rows(messages: list[Any]) -> Iterator[Any]:
    for message in messages:
        for event in message.get("events", ()):
            yield from event.get("orders", ())


def statuses(messages: list[Any]) -> list[str]:
    return [row["status"] for row in rows(messages)]


def id_of(answer: Any) -> str:
    assert answer["success"], answer
    return str(answer["success_response"]["order_id"])


def reason_of(answer: Any) -> str:
    assert not answer["success"]
    return str(answer["error_response"]["new_order_failure_reason"])


def test_names_are_uuids_that_are_read_again() -> None:
    names = [uuid_of("order", number) for number in range(8_000_000_000, 8_000_001_000)]
    assert len(set(names)) == 1000
    assert names[5][14] == "4"
    assert number_of_uuid("order", names[5]) == 8_000_000_005
    assert number_of_uuid("trade", names[5]) is None
    assert number_of_uuid("order", "no uuid") is None


@pytest.mark.parametrize("credentials", [FIRST, SECOND], ids=["ES256", "EdDSA"])
def test_each_request_needs_a_token_of_its_own(venue: Venue, credentials: Credentials) -> None:
    assert venue.get("accounts", credentials)["size"] == 3
    now_s = venue.clock.now_ns // 10**9
    signed = sign_request(credentials, "GET", f"{ROOT}accounts", now_s=now_s, nonce="n")
    for target, status in (("accounts?limit=1", 200), ("orders/historical/batch", 401)):
        signed = type(signed)("GET", ROOT + target, signed.headers)
        assert answered(venue.side, signed).status == status
    late = sign_request(credentials, "GET", f"{ROOT}accounts", now_s=now_s - 300, nonce="n")
    refused = answered(venue.side, late)
    assert refused.status == 401
    assert orjson.loads(refused.body)["code"] == 16
    bare = type(signed)("GET", f"{ROOT}accounts", {})
    assert answered(venue.side, bare).status == 401


def test_keys_may_be_revoked_or_not_trade(venue: Venue) -> None:
    key = venue.side.desk.accounts.by_name["first"].keys[0]
    key.permissions = frozenset({READ})
    assert venue.reply("POST", "orders", {}).status == 403
    assert venue.get("key_permissions")["can_trade"] is False
    assert venue.get("key_permissions", WITHDRAWER)["can_transfer"] is True
    venue.side.revoke()
    assert venue.reply("GET", "accounts").status == 401
    assert venue.listen()[1] == [{"type": "error", "message": "authentication failure"}]


def test_thirty_requests_a_second_are_answered_and_told_of_in_headers(venue: Venue) -> None:
    replies = [venue.reply("GET", "key_permissions") for _ in range(31)]
    assert replies[0].headers["x-ratelimit-limit"] == "30"
    assert replies[0].headers["x-ratelimit-remaining"] == "29"
    assert [each.status for each in replies] == [200] * 30 + [429]
    assert orjson.loads(replies[-1].body)["errors"][0]["id"] == "rate_limit_exceeded"
    venue.clock.pass_s(1)
    assert venue.reply("GET", "key_permissions").status == 200


def test_the_life_of_an_order_on_the_user_channel(venue: Venue) -> None:
    peer, first = venue.listen(product_ids=["ETH-USDC"])
    assert [each["channel"] for each in first] == ["user", "subscriptions"]
    assert first[0]["events"][0]["type"] == "snapshot"
    name = id_of(venue.order(limit_price="1999", base_size="2", post_only=True))
    news = told(peer)
    assert statuses(news) == ["PENDING", "OPEN"]
    assert [each["sequence_num"] for each in (*first, *news)] == [0, 1, 2, 3]
    (*_, row) = rows(news)
    assert (row["order_id"], row["client_order_id"], row["post_only"]) == (name, "alp-1", "true")
    assert (row["leaves_quantity"], row["cumulative_quantity"]) == ("2", "0")
    venue.trade(False, 1999, 6)
    (row,) = rows(told(peer))
    assert (row["status"], row["cumulative_quantity"], row["leaves_quantity"]) == ("OPEN", "1", "1")
    assert (row["filled_value"], row["avg_price"], row["total_fees"]) == ("1999", "1999", "11.994")
    venue.trade(False, 1999, 6)
    (row,) = rows(told(peer))
    assert (row["status"], row["leaves_quantity"], row["number_of_fills"]) == ("FILLED", "0", "2")
    assert all(isinstance(each, str) for each in row.values())


def test_cancels_are_queued_and_done_a_little_later(venue: Venue) -> None:
    peer, _ = venue.listen()
    name = id_of(venue.order())
    told(peer)
    cancel = {"order_ids": [name, "nobody's"]}
    results = venue.post("orders/batch_cancel", cancel)["results"]
    assert [each["failure_reason"] for each in results] == [
        "UNKNOWN_CANCEL_FAILURE_REASON",
        "UNKNOWN_CANCEL_ORDER",
    ]
    again = venue.post("orders/batch_cancel", {"order_ids": [name]})["results"]
    assert again[0]["failure_reason"] == "DUPLICATE_CANCEL_REQUEST"
    assert statuses(told(peer)) == ["CANCEL_QUEUED"]
    assert venue.get(f"orders/historical/{name}")["order"]["pending_cancel"] is True
    venue.side.beat()
    (row,) = rows(told(peer))
    assert (row["status"], row["cancel_reason"]) == ("CANCELLED", "User requested cancel")
    late = venue.post("orders/batch_cancel", {"order_ids": [name]})["results"]
    assert late[0]["failure_reason"] == "UNKNOWN_CANCEL_ORDER"


def test_an_order_may_be_filled_before_its_cancel_is_done(venue: Venue) -> None:
    peer, _ = venue.listen()
    name = id_of(venue.order(limit_price="1999"))
    venue.post("orders/batch_cancel", {"order_ids": [name]})
    venue.trade(False, 1999, 7)
    venue.side.beat()
    assert statuses(told(peer))[-1] == "FILLED"
    results = venue.post("orders/batch_cancel", {"order_ids": [name]})["results"]
    assert results[0]["failure_reason"] == "ORDER_IS_FULLY_FILLED"


def test_the_same_client_id_is_the_same_order(venue: Venue) -> None:
    name = id_of(venue.order(client_order_id="once"))
    assert id_of(venue.order(client_order_id="once")) == name
    other = venue.order(client_order_id="once", limit_price="1991")
    assert reason_of(other) == "DUPLICATE_CLIENT_ORDER_ID"
    assert len(venue.side.desk.open_orders("first")) == 1
    assert id_of(venue.post("orders", _asked("once"), SECOND)) != name


def _asked(client_id: str) -> Any:
    configuration = {"limit_limit_gtc": {"base_size": "1", "limit_price": "1990"}}
    asked = {"client_order_id": client_id, "product_id": "ETH-USDC", "side": "BUY"}
    return {**asked, "order_configuration": configuration}


@pytest.mark.parametrize(
    ("kind", "more", "reason"),
    [
        (
            "limit_limit_gtc",
            {"limit_price": "2001", "post_only": True},
            "INVALID_LIMIT_PRICE_POST_ONLY",
        ),
        ("limit_limit_gtc", {"product_id": "ETH-EUR"}, "INVALID_PRODUCT_ID"),
        ("limit_limit_gtc", {"limit_price": "1990.001"}, "INVALID_PRICE_PRECISION"),
        ("limit_limit_gtc", {"limit_price": "-1"}, "INVALID_LIMIT_PRICE"),
        ("limit_limit_gtc", {"base_size": "0.000000001"}, "INVALID_SIZE_PRECISION"),
        ("limit_limit_gtc", {"base_size": "0"}, "BASE_SIZE_TOO_SMALL"),
        ("limit_limit_gtc", {"base_size": "10000000"}, "BASE_SIZE_TOO_LARGE"),
        ("limit_limit_gtc", {"base_size": "0.0001"}, "QUOTE_SIZE_TOO_SMALL"),
        ("limit_limit_gtc", {"base_size": "600"}, "INSUFFICIENT_FUND"),
        ("limit_limit_gtd", {"end_time": "2020-01-01T00:00:00Z"}, "INVALID_END_TIME"),
        ("twap_limit_gtd", {}, "UNSUPPORTED_ORDER_CONFIGURATION"),
    ],
)
def test_refusals_are_successful_answers(
    venue: Venue, kind: str, more: dict[str, Any], reason: str
) -> None:
    peer, _ = venue.listen()
    assert reason_of(venue.order(kind, **more)) == reason
    assert not told(peer), "nothing happened"


def test_orders_that_do_not_wait(venue: Venue) -> None:
    peer, _ = venue.listen()
    venue.order("sor_limit_ioc", limit_price="2001", base_size="7")
    *_, row = rows(told(peer))
    assert (row["status"], row["cumulative_quantity"]) == ("CANCELLED", "5")
    venue.order("limit_limit_fok", limit_price="2001", base_size="1")
    assert statuses(told(peer))[-1] == "CANCELLED", "there is nothing left at that price"
    venue.order("market_market_ioc", quote_size="1001")
    *_, row = rows(told(peer))
    assert (row["status"], row["order_type"]) == ("FILLED", "Market")
    bought = venue.get("orders/historical/fills?limit=1")["fills"][0]
    assert (bought["liquidity_indicator"], bought["price"]) == ("TAKER", "2002")


def test_an_order_ends_at_its_time(venue: Venue) -> None:
    peer, _ = venue.listen()
    id_of(venue.order("limit_limit_gtd", end_time="2026-09-21T14:14:20Z"))
    venue.clock.pass_s(61)
    venue.side.beat()
    assert statuses(told(peer))[-1] == "EXPIRED"


def test_a_preview_says_what_an_order_would_cost_and_places_none(venue: Venue) -> None:
    limit = {"base_size": "2", "limit_price": "1990", "post_only": True}
    asked = {"product_id": "ETH-USDC", "side": "BUY"}
    asked["order_configuration"] = {"limit_limit_gtc": limit}
    said = venue.post("orders/preview", asked)
    assert (said["errs"], said["order_total"], said["base_size"]) == ([], "3980", "2")
    limit["limit_price"] = "1990.001"
    assert venue.post("orders/preview", asked)["errs"][0].startswith("PREVIEW_INVALID")
    assert venue.side.desk.orders("first") == []
    (portfolio,) = venue.get("portfolios")["portfolios"]
    assert portfolio["uuid"] == venue.get("key_permissions")["portfolio_uuid"]


def test_edits_keep_the_order_and_say_what_is_wrong(venue: Venue) -> None:
    name = id_of(venue.order(limit_price="1999", base_size="2", post_only=True))
    edit = {"order_id": name, "price": "1998.5", "size": "3"}
    assert venue.post("orders/edit_preview", edit)["errors"] == []
    assert venue.post("orders/edit", edit)["success"]
    order = venue.get(f"orders/historical/{name}")["order"]
    limit = order["order_configuration"]["limit_limit_gtc"]
    assert (limit["limit_price"], limit["base_size"]) == ("1998.5", "3")
    assert len(order["edit_history"]) == 1
    crossing = venue.post("orders/edit", {"order_id": name, "price": "2001", "size": "3"})
    assert crossing["errors"][0]["preview_failure_reason"].endswith("INVALID_LIMIT_PRICE_POST_ONLY")
    unknown = venue.post("orders/edit", {"order_id": "x", "price": "1", "size": "1"})
    assert unknown["errors"][0]["edit_failure_reason"] == "ORDER_NOT_FOUND"
    venue.post("orders/edit", {"order_id": name, "price": "1999", "size": "3"})
    venue.trade(False, 1999, 6)
    small = venue.post("orders/edit", {"order_id": name, "price": "1999", "size": "1"})
    assert small["errors"][0]["edit_failure_reason"] == "CANNOT_EDIT_TO_BELOW_FILLED_SIZE"


def test_lists_are_filtered_and_come_in_pages(venue: Venue) -> None:
    names = [id_of(venue.order(limit_price=str(1900 + number))) for number in range(5)]
    venue.post("orders/batch_cancel", {"order_ids": names[:2]})
    venue.side.beat()
    page = venue.get("orders/historical/batch?order_status=OPEN&product_ids=ETH-USDC&limit=2")
    assert [each["order_id"] for each in page["orders"]] == names[4:2:-1]
    assert page["has_next"]
    rest = venue.get(f"orders/historical/batch?order_status=OPEN&cursor={page['cursor']}")
    assert [each["order_id"] for each in rest["orders"]] == [names[2]]
    assert (rest["has_next"], rest["cursor"]) == (False, "")
    two = "order_status=CANCELLED&order_status=FILLED"
    assert len(venue.get(f"orders/historical/batch?{two}")["orders"]) == 2
    assert venue.get("orders/historical/batch?product_ids=ETH-USD")["orders"] == []
    assert venue.get("orders/historical/batch", SECOND)["orders"] == []
    assert venue.reply("GET", f"orders/historical/{names[0]}", None, SECOND).status == 404


def test_fills_are_listed_by_order_and_time(venue: Venue) -> None:
    name = id_of(venue.order(limit_price="2001", base_size="2"))
    venue.clock.pass_s(10)
    venue.order(limit_price="2001")
    fills = venue.get(f"orders/historical/fills?order_ids={name}")["fills"]
    assert [(each["price"], each["size"], each["side"]) for each in fills] == [("2001", "2", "BUY")]
    since = fills[0]["sequence_timestamp"].replace(":20.", ":25.")
    late = venue.get(f"orders/historical/fills?start_sequence_timestamp={since}")["fills"]
    assert [each["size"] for each in late] == ["1"]


def test_an_alias_has_wallets_and_orders_of_its_own(venue: Venue) -> None:
    id_of(venue.order(product_id="ETH-USD"))
    id_of(venue.order(product_id="ETH-USDC", limit_price="1000"))
    wallets = {each["currency"]: each for each in venue.get("accounts?limit=250")["accounts"]}
    assert wallets["USD"]["hold"]["value"] == str(1990 + 1990 * 0.012)
    assert wallets["USDC"]["hold"]["value"] == "1012"
    assert wallets["USDC"]["available_balance"]["value"] == "998988"
    assert venue.get(f"accounts/{wallets['ETH']['uuid']}")["account"]["currency"] == "ETH"
    venue.trade(False, 1990, 1)
    assert [each.symbol for each in venue.side.desk.open_orders("first")] == ["ETH-USDC"]
    venue.trade(False, 1000, 1)
    assert not venue.side.desk.open_orders("first")


def test_a_snapshot_has_all_that_is_open_in_parts(venue: Venue) -> None:
    for number in range(SNAPSHOT_ORDERS + 3):
        venue.clock.pass_s(0.1)
        venue.order(limit_price=str(1900 + number), base_size="0.1")
    _, first = venue.listen()
    parts = [len(each["events"][0]["orders"]) for each in first[:-1]]
    assert parts == [SNAPSHOT_ORDERS, 3]
    assert "perpetual_futures_positions" in first[0]["events"][0]["positions"]


def test_nobody_hears_of_others_or_of_other_products(venue: Venue) -> None:
    second, _ = venue.listen(SECOND)
    other, _ = venue.listen(product_ids=["ETH-USD"])
    venue.order()
    assert not told(second)
    assert not told(other)
    peer, _ = venue.listen()
    message = {"type": "unsubscribe", "channel": "user", "jwt": venue.token()}
    (reply,) = said(venue.side, peer, message)
    assert reply["channel"] == "subscriptions"
    venue.order()
    assert not told(peer)


def test_a_subscription_needs_a_token(venue: Venue) -> None:
    peer = connected(venue.side)
    refused = [{"type": "error", "message": "authentication failure"}]
    assert said(venue.side, peer, {"type": "subscribe", "channel": "user"}) == refused
    stranger = {"type": "subscribe", "channel": "user", "jwt": venue.token(FIRST)[:-4] + "AAAA"}
    assert said(venue.side, peer, stranger) == refused
    assert peer.account == ""


def test_products_are_there_for_accounts_too(venue: Venue) -> None:
    assert venue.get("products/ETH-USDC")["alias"] == "ETH-USD"
    assert venue.get("products")["num_products"] == 2
    assert venue.get("product_book?product_id=ETH-USDC&limit=1")["pricebook"]["bids"]
    best = venue.get("best_bid_ask")["pricebooks"]
    assert [each["product_id"] for each in best] == ["ETH-USD", "ETH-USDC"]
    assert venue.get("transaction_summary")["fee_tier"]["maker_fee_rate"] == "0.006"


def test_rules_that_change_are_told_and_kept(venue: Venue) -> None:
    venue.side.desk.coarsen()
    product = venue.get("products/ETH-USDC")
    assert (product["price_increment"], product["base_increment"]) == ("0.10", "0.00000010")
    assert reason_of(venue.order(limit_price="1990.05")) == "INVALID_PRICE_PRECISION"
    id_of(venue.order(limit_price="1990.1"))
    venue.side.desk.halted = True
    assert reason_of(venue.order()) == "TRADING_DISABLED"
    assert venue.get("products/ETH-USDC")["cancel_only"] is True


def test_commands_have_kinds_and_troubles_are_the_venues(venue: Venue) -> None:
    kinds = {
        ("POST", "orders"): NEW,
        ("POST", "orders/batch_cancel"): CANCEL,
        ("POST", "orders/edit"): AMEND,
        ("GET", "orders/historical/batch"): QUERY,
        ("GET", "orders/historical/some-id"): QUERY,
        ("GET", "accounts"): ACCOUNT,
        ("GET", "market/products"): "",
        ("GET", "time"): "",
    }
    for (method, path), kind in kinds.items():
        signed = sign_request(FIRST, method, ROOT + path, now_s=1, nonce="n")
        assert venue.side.command_of(request_of(signed)) == kind
        if not kind:
            assert venue.side.answer(request_of(signed)) is None
    peer = connected(venue.side)
    assert venue.side.command_in(peer, {"channel": "user"}) == STREAM_KEY
    assert venue.side.command_in(peer, {"channel": "level2"}) == ""
    assert venue.side.trouble("", 503, None)[0] == 503
    assert venue.side.trouble("504", 503, None)[0] == 504
    assert venue.side.trouble("status", 429, None)[0] == 429
    assert b"UNAUTHORIZED" in venue.side.trouble("status", 401, None)[1]
    assert b"authentication failure" in venue.side.trouble("", 503, {})[1]
