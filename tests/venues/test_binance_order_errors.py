"""What Binance's errors mean: which are refusals, which leave everything open, how long to wait."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from binance_private import (
    EXCHANGES,
    NOW_MS,
    NOW_NS,
    PRODUCTS,
    SPOT,
    USDM,
    call_of,
    command,
    kinds,
    read,
    signer,
)

from alp._core.order_life import RejectReason
from alp.venues.adapter import SECOND
from alp.venues.binance.order_errors import LONGEST_BAN_NS, OF_SEVERAL_KINDS, TABLES, TEXTS, Ruling
from alp.venues.orders import Action, Answer, Call, OrderAdapter, Outcome, Policy

BY_NAME = dict(zip(EXCHANGES, (USDM, SPOT), strict=True))
REFUSED = {Action.NEW: "REJECTED", Action.AMEND: "AMEND_REFUSED", Action.CANCEL: "CANCEL_REFUSED"}
UNKNOWN = {Action.NEW: "UNKNOWN", Action.AMEND: "AMEND_UNKNOWN", Action.CANCEL: "CANCEL_UNKNOWN"}


def told(ruling: Ruling) -> str:
    return "refused" if ruling.known else "unknown"


def answered(
    adapter: OrderAdapter,
    body: Any,
    status: int = 400,
    action: Action = Action.NEW,
    headers: dict[str, str] | None = None,
) -> Outcome:
    call = call_of(adapter, command(adapter.exchange, action))
    return read(adapter, call, body, status, headers)


@pytest.mark.parametrize("action", Action)
@pytest.mark.parametrize(
    ("exchange", "code"), [(exchange, code) for exchange in EXCHANGES for code in TABLES[exchange]]
)
def test_every_code_that_is_listed_is_a_refusal_or_leaves_it_open(
    exchange: str, code: int, action: Action
) -> None:
    ruling = TABLES[exchange][code]
    outcome = answered(BY_NAME[exchange], {"code": code, "msg": "whatever"}, 400, action)
    assert kinds(outcome.facts) == [(REFUSED if ruling.known else UNKNOWN)[action]]
    assert outcome.policy is ruling.policy
    assert outcome.text == f"{code} whatever"
    assert (outcome.retry_ns > 0) == (ruling.policy is Policy.RETRY_AFTER)
    if ruling.known:
        assert outcome.facts[0].reason is ruling.reason
    if not ruling.known:
        assert outcome.policy is Policy.QUERY


@pytest.mark.parametrize(
    ("text", "kind", "reason", "policy"),
    [
        (
            "Order would immediately match and take.",
            "REJECTED",
            RejectReason.POST_ONLY,
            Policy.REQUOTE,
        ),
        (
            "Account has insufficient balance for requested action.",
            "REJECTED",
            RejectReason.BALANCE,
            Policy.PAUSE_SIDE,
        ),
        ("Duplicate order sent.", "UNKNOWN", RejectReason.NONE, Policy.QUERY),
        ("Market is closed.", "REJECTED", RejectReason.HALTED, Policy.PAUSE_SYMBOL),
        ("Something new.", "REJECTED", RejectReason.OTHER, Policy.FIX_CONFIG),
    ],
)
def test_one_code_of_spot_means_what_its_text_says(
    text: str, kind: str, reason: RejectReason, policy: Policy
) -> None:
    outcome = answered(SPOT, {"code": -2010, "msg": text})
    assert kinds(outcome.facts) == [kind]
    assert outcome.facts[0].reason is reason
    assert outcome.policy is policy


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("PRICE_FILTER", RejectReason.PRICE_FILTER),
        ("PERCENT_PRICE_BY_SIDE", RejectReason.PRICE_FILTER),
        ("LOT_SIZE", RejectReason.SIZE_FILTER),
        ("MIN_NOTIONAL", RejectReason.NOTIONAL_FILTER),
        ("NOTIONAL", RejectReason.NOTIONAL_FILTER),
        ("MAX_NUM_ORDERS", RejectReason.RATE),
    ],
)
def test_a_filter_is_named_in_the_text(name: str, reason: RejectReason) -> None:
    outcome = answered(SPOT, {"code": -1013, "msg": f"Filter failure: {name}"})
    assert outcome.facts[0].reason is reason


def test_an_order_that_is_there_already_is_not_refused() -> None:
    """Ids are used once, so whoever sent it first was us."""
    outcome = answered(USDM, {"code": -4116, "msg": "ClientOrderId is duplicated."})
    assert kinds(outcome.facts) == ["UNKNOWN"]
    assert outcome.policy is Policy.QUERY


@pytest.mark.parametrize(
    ("body", "status", "known", "policy"),
    [
        ({"code": -1000, "msg": "An unknown error occurred"}, 500, False, Policy.QUERY),
        ({"code": -2010, "msg": "Order would immediately match and take."}, 500, True, None),
        ({"code": -3041, "msg": "new"}, 400, True, Policy.FIX_CONFIG),
        ({"code": -3041, "msg": "new"}, 200, False, Policy.QUERY),
        ({"code": -3041, "msg": "new"}, 500, False, Policy.QUERY),
        ({"code": -1099, "msg": "new"}, 400, False, Policy.QUERY),
        (
            {"msg": "Unknown error, please check your request or try again later.", "code": -1},
            503,
            False,
            Policy.QUERY,
        ),
        ({"code": -1, "msg": "Service Unavailable."}, 503, True, Policy.RETRY_AFTER),
        (
            {"code": -1, "msg": "Internal error; unable to process your request."},
            503,
            True,
            Policy.RETRY_AFTER,
        ),
        (
            {"code": -1001, "msg": "Internal error; unable to process your request."},
            503,
            False,
            Policy.QUERY,
        ),
        ({"code": -1008, "msg": "Request throttled by system-level protection."}, 503, True, None),
        (b"<html>503 Service Temporarily Unavailable</html>", 503, False, Policy.QUERY),
        (b"", 502, False, Policy.QUERY),
        (b"", 504, False, Policy.QUERY),
        (b"<html>404</html>", 404, False, Policy.QUERY),
        (b"<html>403</html>", 403, True, Policy.RETRY_AFTER),
        (b"", 429, True, Policy.RETRY_AFTER),
        (b"", 418, True, Policy.RETRY_AFTER),
        (b"", 301, False, Policy.QUERY),
        (b"", 200, False, Policy.QUERY),
        ([1], 400, False, Policy.QUERY),
        ({"code": True, "msg": 5}, 400, False, Policy.QUERY),
    ],
)
@pytest.mark.parametrize("exchange", EXCHANGES)
def test_only_what_certainly_was_not_done_is_a_refusal(
    exchange: str, body: object, status: int, known: bool, policy: Policy | None
) -> None:
    for action in Action:
        outcome = answered(BY_NAME[exchange], body, status, action)
        assert kinds(outcome.facts) == [(REFUSED if known else UNKNOWN)[action]]
        assert outcome.policy is (policy or outcome.policy)
        assert outcome.policy is not None


def test_how_long_to_wait_is_what_the_venue_says() -> None:
    weighty = {"code": -1003, "msg": "Too many requests; current limit is 2400."}
    told = answered(USDM, weighty, 429, headers={"Retry-After": "17"})
    assert (told.policy, told.retry_ns) == (Policy.RETRY_AFTER, 17 * SECOND)
    assert answered(USDM, weighty, 429, headers={"retry-after": "5"}).retry_ns == 5 * SECOND
    assert answered(USDM, weighty, 429).retry_ns == 10 * SECOND
    assert answered(USDM, weighty, 429, headers={"Retry-After": "soon"}).retry_ns == 10 * SECOND
    assert answered(USDM, b"", 418).retry_ns == 120 * SECOND


def test_a_ban_lasts_until_its_end_and_no_longer_than_bans_can() -> None:
    until = NOW_MS + 300_000
    text = f"Way too many requests; IP(1.2.3.4) banned until {until}. Please use the websocket."
    banned = answered(USDM, {"code": -1003, "msg": text}, 418)
    assert banned.retry_ns == 300 * SECOND
    beyond = {"code": -1003, "msg": "banned until 9999999999999."}
    assert answered(USDM, beyond, 418).retry_ns == LONGEST_BAN_NS
    past = {"code": -1003, "msg": "banned until 1000000000000."}
    assert answered(USDM, past, 418).retry_ns == 120 * SECOND


def test_on_the_socket_the_end_of_a_ban_is_a_member() -> None:
    call = call_of(SPOT, command("binance-spot"), socket=True)
    data = {"serverTime": NOW_MS, "retryAfter": NOW_MS + 40_000}
    error = {"code": -1003, "msg": "Way too much request weight used.", "data": data}
    body = json.dumps({"id": call.reference, "status": 418, "error": error}).encode()
    answer = Answer(body, received_ns=NOW_NS)
    outcome = SPOT.read(call, answer, PRODUCTS["binance-spot"])
    assert outcome.retry_ns == 120 * SECOND
    assert kinds(outcome.facts) == ["REJECTED"]
    assert outcome.facts[0].reason is RejectReason.RATE
    data["retryAfter"] = NOW_MS + 400_000
    body = json.dumps({"id": call.reference, "status": 418, "error": error}).encode()
    assert SPOT.read(call, Answer(body, received_ns=NOW_NS), {}).retry_ns == 400 * SECOND


def test_a_question_that_fails_has_a_policy_and_no_facts() -> None:
    calls: list[Call] = [USDM.time(), *USDM.account([], signer())]
    calls.append(USDM.query(command("binance-usdm"), signer()))
    for call in calls:
        for body, status in ((b"", 500), ({"code": -1021, "msg": "Timestamp"}, 400)):
            outcome = read(USDM, call, body, status)
            assert outcome.facts == ()
            assert outcome.policy is (Policy.QUERY if status == 500 else Policy.RESYNC_CLOCK)


def test_the_documents_list_every_code_with_its_meaning(root: Path) -> None:
    page = (root / "docs" / "order-entry.md").read_text(encoding="utf-8")
    for exchange in EXCHANGES:
        row = rf"\| `{exchange}` \| (\w+) \| (\w+) \| ([a-z-]+) \| (-[-0-9, ]+) \|"
        listed = {
            int(code): (done, reason, policy)
            for done, reason, policy, codes in re.findall(row, page)
            for code in codes.split(", ")
        }
        assert listed == {
            code: (told(ruling), ruling.reason.name, ruling.policy)
            for code, ruling in TABLES[exchange].items()
        }
    for part, ruling in TEXTS:
        assert f"| {part} | {told(ruling)} | {ruling.reason.name} | {ruling.policy} |" in page
    assert ", ".join(str(code) for code in sorted(OF_SEVERAL_KINDS, reverse=True)) in page
