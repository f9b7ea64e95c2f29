"""What Coinbase Advanced Trade answers by REST: to commands and to questions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

import orjson

from alp._core.order_life import OrderEvent
from alp.errors import VenueError
from alp.venues.coinbase.order_errors import ALREADY_ASKED, CANCELS, Meaning, by_status, meaning_of
from alp.venues.coinbase.order_requests import Requests
from alp.venues.coinbase.order_states import (
    EXCHANGE,
    WAITING,
    alive,
    end_of,
    side_of,
)
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.order_facts import (
    MOST_TEXT,
    balance_units,
    client_id,
    done,
    fee_units,
    lots,
    milliseconds_ns,
    not_done,
    refused,
    text_or_empty,
    ticks,
    time_ns,
    undecided,
    unknown,
    venue_id,
)
from alp.venues.orders import (
    Action,
    Answer,
    Balance,
    Call,
    Command,
    Fact,
    LiveOrder,
    Outcome,
    Policy,
)
from alp.venues.sought import Sought

NOT_THERE = 404
_PERMISSIONS = {"can_view": "read", "can_trade": "trade", "can_transfer": "withdraw"}
_LIMITED = ("limit_limit_gtc", "limit_limit_gtd", "limit_limit_fok", "sor_limit_ioc")


def read(
    requests: Requests, call: Call, answer: Answer, instruments: Mapping[str, Instrument]
) -> Outcome:
    """Read the answer to any call."""
    return replace(_read(requests, call, answer, instruments), spent=_spent(answer.headers))


def _spent(headers: Mapping[str, str]) -> dict[str, int]:
    """Return how many requests of this second are used, by the venue's own count."""
    found = {name.lower(): text for name, text in headers.items()}
    limit = found.get("x-ratelimit-limit", "")
    remaining = found.get("x-ratelimit-remaining", "")
    if not (limit.isdecimal() and remaining.isdecimal() and len(limit + remaining) < 20):
        return {}
    return {"requests-1s": max(int(limit) - int(remaining), 0)}


def _read(
    requests: Requests, call: Call, answer: Answer, instruments: Mapping[str, Instrument]
) -> Outcome:
    told = False
    try:
        body = read_object(EXCHANGE, answer.body)
        told = body.has_text("error") or body.has_text("message")
        if answer.status in (0, 200):
            if call.commands:
                return _read_done(call, body)
            return _read_facts(requests, call, body, instruments)
        problem = text_or_empty(body, "error") or f"status {answer.status}"
    except VenueError as error:
        problem = str(error)
    meaning = by_status(answer.status, told=told)
    if meaning is None:
        return undecided(call, problem)
    if call.name == "query" and answer.status == NOT_THERE and told:
        return Outcome((Sought.read(call.context).not_found(),), text=problem[:MOST_TEXT])
    if call.name == "whose" and answer.status == NOT_THERE and told:
        return Outcome()
    return not_done(call, meaning.policy, meaning.reason, problem, meaning.retry_ns)


def _read_done(call: Call, body: Fields) -> Outcome:
    command = call.commands[0]
    if command.action is Action.CANCEL:
        return _read_cancels(call, body)
    if body.flag("success"):
        if command.action is Action.AMEND:
            return Outcome((done(command),))
        row = body.inner("success_response")
        named = text_or_empty(row, "client_order_id")
        if named and named != command.client_id:
            row.fail(f"is about {named}")
        return Outcome((done(command, venue_id(row, "order_id")),))
    reason, meaning = meaning_of(_reasons(body))
    return not_done(call, meaning.policy, meaning.reason, reason, meaning.retry_ns)


def _reasons(body: Fields) -> list[str]:
    """Return all reasons that a refusal names: the fields are several, and only one is telling."""
    rows: list[Fields] = [body]
    for name in ("error_response", "errors"):
        if name not in body:
            continue
        member = dict(body.items())[name]
        rows += [
            Fields(EXCHANGE, name, each)
            for each in (member if isinstance(member, list) else [member])
        ]
    names = (
        "new_order_failure_reason",
        "edit_failure_reason",
        "edit_order_failure_reason",
        "preview_failure_reason",
        "failure_reason",
        "error",
    )
    return [text_or_empty(row, name) for name in names for row in rows]


def _read_cancels(call: Call, body: Fields) -> Outcome:
    """Read what became of each cancel; of one that is not there it is not known."""
    results: dict[str, Fields] = {}
    for each in body.rows("results"):
        row = Fields(EXCHANGE, "a result of the answer", each)
        results[row.text("order_id")] = row
    facts: list[Fact] = []
    worst: Meaning | None = None
    text = ""
    for command in call.commands:
        fact, meaning, reason = _canceled(command, results.get(command.venue_id))
        facts.append(fact)
        if meaning is not None and (worst is None or meaning.policy is Policy.QUERY):
            worst, text = meaning, reason
    if worst is None:
        return Outcome(tuple(facts))
    return Outcome(tuple(facts), worst.policy, worst.retry_ns, text[:MOST_TEXT])


def _canceled(command: Command, row: Fields | None) -> tuple[Fact, Meaning | None, str]:
    if row is None:
        return unknown(command), Meaning(Policy.QUERY), "an order is not in the answer"
    try:
        success = row.flag("success")
    except VenueError as error:
        return unknown(command), Meaning(Policy.QUERY), str(error)
    reason = text_or_empty(row, "failure_reason")
    if success or reason == ALREADY_ASKED:
        return done(command), None, ""
    meaning = CANCELS.get(reason)
    if meaning is None:
        return unknown(command), Meaning(Policy.QUERY), reason
    return refused(command, meaning.reason), meaning, reason


def _read_facts(
    requests: Requests, call: Call, body: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    if call.name == "query":
        sought = Sought.read(call.context)
        return Outcome(_state(sought, body.inner("order"), instruments))
    if call.name == "whose":
        return Outcome(text=client_id(body.inner("order"), "client_order_id"))
    if call.name in ("query-open", "query-all"):
        return _read_sought(requests, call, body, instruments)
    if call.name == "open-orders":
        return _read_open(requests, call.context, body, instruments)
    if call.name == "cancel-all":
        return _read_listed(requests, call.context, body)
    if call.name == "cancel-listed":
        return _read_canceled_list(requests, call.context, body)
    if call.name == "trades":
        return _read_fills(requests, call.context, body, instruments)
    if call.name == "balances":
        return _read_accounts(requests, body)
    if call.name == "permissions":
        granted = [word for name, word in _PERMISSIONS.items() if body.flag(name)]
        return Outcome(permissions=frozenset(granted))
    return Outcome(venue_ns=milliseconds_ns(body, "epochMillis"))


def _rows(body: Fields, name: str) -> list[Fields]:
    return [Fields(EXCHANGE, f"an element of {name}", each) for each in body.rows(name)]


def _cursor(body: Fields) -> str:
    """Return where the next page begins; empty where there is none."""
    cursor = text_or_empty(body, "cursor")
    return cursor if body.optional_flag("has_next") or "has_next" not in body else ""


def _read_sought(
    requests: Requests, call: Call, body: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    """Look for an order of ours: in all pages of what is open, then in all pages of everything."""
    sought = Sought.read(call.context)
    for row in _rows(body, "orders"):
        if text_or_empty(row, "client_order_id") == sought.client_id:
            return Outcome(_state(sought, row, instruments))
    is_open = call.name == "query-open"
    cursor = _cursor(body)
    if not cursor and not is_open:
        return Outcome((sought.not_found(),))
    return Outcome(more=partial(requests.seeking, sought, cursor, is_open=is_open and bool(cursor)))


def _state(sought: Sought, row: Fields, instruments: Mapping[str, Instrument]) -> tuple[Fact, ...]:
    """Return what an order is."""
    instrument = instruments.get(sought.symbol)
    if instrument is None or row.text("product_id") != sought.symbol:
        row.fail(f"is not of {sought.symbol}, or that is not traded here")
    status = row.text("status")
    filled = lots(instrument, row, "filled_size")
    fact = Fact(
        OrderEvent.ACKED,
        sought.client_id,
        venue_id(row, "order_id"),
        sought.symbol,
        cumulative=filled,
        side=sought.side,
        at_ns=time_ns(row, "last_fill_time") or time_ns(row, "created_time"),
    )
    end = end_of(status, filled, text_or_empty(row, "reject_reason"))
    if end is not None:
        kind, reason = end
        return (replace(fact, kind=kind, reason=reason),)
    if status not in WAITING:
        row.fail(f"is in state {status}")
    if status != "OPEN" or row.optional_flag("pending_cancel"):
        return tuple(alive(fact))
    price, quantity = _terms(instrument, row)
    found = replace(
        fact, kind=OrderEvent.FOUND, command=sought.number, price=price, quantity=quantity
    )
    return (found,)


def _terms(instrument: Instrument, row: Fields) -> tuple[int, int]:
    """Return price and total quantity of a limit order, as it was edited last."""
    edits = _rows(row, "edit_history") if "edit_history" in row else []
    if edits:
        newest = max(edits, key=lambda each: time_ns(each, "replace_accept_timestamp"))
        return ticks(instrument, newest, "price"), lots(instrument, newest, "size")
    terms = row.inner("order_configuration")
    name = next((each for each in _LIMITED if each in terms), None)
    if name is None:
        row.fail("is no limit order")
    limits = terms.inner(name)
    return ticks(instrument, limits, "limit_price"), lots(instrument, limits, "base_size")


def _read_open(
    requests: Requests, symbol: str, body: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    orders = []
    for row in _rows(body, "orders"):
        instrument = instruments.get(row.text("product_id"))
        if instrument is None or not _is_limited(row):
            continue
        price, quantity = _terms(instrument, row)
        orders.append(
            LiveOrder(
                text_or_empty(row, "client_order_id"),
                row.text("order_id"),
                instrument.symbol,
                side_of(row, "side"),
                price,
                quantity,
                lots(instrument, row, "filled_size"),
                time_ns(row, "created_time"),
            )
        )
    cursor = _cursor(body)
    more = partial(requests.listing, "open-orders", symbol, cursor) if cursor else None
    return Outcome(orders=tuple(orders), more=more)


def _is_limited(row: Fields) -> bool:
    """Return whether an order has one price and one quantity; all of ours do."""
    terms = row.inner("order_configuration")
    return any(name in terms for name in _LIMITED)


def _read_listed(requests: Requests, symbol: str, body: Fields) -> Outcome:
    ids = [row.text("order_id") for row in _rows(body, "orders")]
    if not ids:
        return Outcome()
    return Outcome(more=partial(requests.canceling, ids, _cursor(body), symbol))


def _read_canceled_list(requests: Requests, context: str, body: Fields) -> Outcome:
    symbol, cursor = orjson.loads(context)
    failed = [row for row in _rows(body, "results") if not row.flag("success")]
    more = partial(requests.listing, "cancel-all", symbol, cursor) if cursor else None
    if not failed:
        return Outcome(more=more)
    text = f"{len(failed)} were not canceled: {text_or_empty(failed[0], 'failure_reason')}"
    return Outcome(policy=Policy.RESYNC_STATE, text=text[:MOST_TEXT], more=more)


def _read_fills(
    requests: Requests, context: str, body: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    symbol, since_ns = orjson.loads(context)
    instrument = instruments.get(symbol)
    rows = _rows(body, "fills")
    facts: list[Fact] = []
    odd = ""
    for row in rows:
        if instrument is None or row.text("product_id") != symbol:
            continue
        if row.text("trade_type") != "FILL":
            odd = f"{row.text('trade_type')} of trade {row.text('trade_id')}"
        elif not row.optional_flag("size_in_quote"):  # such a size is of an order of somebody else
            facts.append(_fill(instrument, row))
    cursor = _cursor(body) if rows else ""
    more = partial(requests.fills, symbol, since_ns, cursor) if cursor else None
    policy = Policy.RESYNC_STATE if odd else None
    return Outcome(tuple(facts), policy, text=odd[:MOST_TEXT], more=more)


def _fill(instrument: Instrument, row: Fields) -> Fact:
    liquidity = {"MAKER": 1, "TAKER": 2}.get(text_or_empty(row, "liquidity_indicator"), 0)
    return Fact(
        OrderEvent.FILL,
        "",
        venue_id(row, "order_id"),
        instrument.symbol,
        price=ticks(instrument, row, "price"),
        quantity=lots(instrument, row, "size"),
        trade_id=row.text("trade_id"),
        side=side_of(row, "side"),
        fee=fee_units(row.number("commission")),
        fee_asset=instrument.quote,
        liquidity=liquidity,
        at_ns=time_ns(row, "trade_time"),
    )


def _read_accounts(requests: Requests, body: Fields) -> Outcome:
    balances: list[Balance] = []
    for row in _rows(body, "accounts"):
        available = balance_units(_amount(row, "available_balance"))
        total = available + balance_units(_amount(row, "hold"))
        balances.append(Balance(row.text("currency"), total, available))
    cursor = _cursor(body)
    more = partial(requests.accounts, cursor) if cursor else None
    return Outcome(balances=tuple(balances), more=more)


def _amount(row: Fields, name: str) -> Any:
    return row.inner(name).number("value")
