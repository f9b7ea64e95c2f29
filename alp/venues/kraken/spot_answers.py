"""What Kraken spot answers: to commands, on its WebSocket and by REST, and to questions by REST."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import orjson

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.kraken import spot_requests
from alp.venues.kraken.names import asset_name, by_pair
from alp.venues.kraken.order_errors import Meaning, by_status, spot_meaning
from alp.venues.order_facts import (
    MOST_TEXT,
    SECOND,
    balance_units,
    client_id,
    done,
    fee_units,
    instrument_of,
    lots,
    not_done,
    refused,
    seconds_ns,
    text_or_empty,
    ticks,
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

EXCHANGE = "kraken-spot"
SIDES = {"buy": 1, "sell": -1}
UNKNOWN_METHOD = "EGeneral:Unknown method"
PERMISSIONS = {
    "query-open-trades": "read",
    "modify-trades": "trade",
    "close-trades": "cancel",
    "withdraw-funds": "withdraw",
}
_ENDS = {
    "closed": OrderEvent.FILLED,
    "canceled": OrderEvent.CANCELED,
    "expired": OrderEvent.EXPIRED,
}


def is_post_only(reason: str) -> bool:
    """Return whether an order was canceled because it would have traded at once."""
    return "post only" in reason.lower()


def read(call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
    """Read the answer to any call."""
    try:
        body = read_object(EXCHANGE, answer.body)
        if call.message is not None:
            return _read_reply(call, body)
        errors = [str(each) for each in body.rows("error") if not str(each).startswith("W")]
        if errors:
            return _failed(call, errors[0], spot_meaning(errors[0]))
        if answer.status not in (0, 200):
            raise VenueError(f"{EXCHANGE}: status {answer.status}")
        if call.commands:
            return _read_done(call, body.inner("result"))
        return _read_facts(call, body, instruments)
    except VenueError as error:
        meaning = by_status(answer.status)
        if meaning is not None:
            return not_done(call, *meaning[:2], f"status {answer.status}", meaning.retry_ns)
        return undecided(call, str(error))


def _failed(call: Call, error: str, meaning: Meaning) -> Outcome:
    if call.name == "query" and meaning.reason is RejectReason.UNKNOWN_ORDER:
        return Outcome((Sought.read(call.context).not_found(),), text=error[:MOST_TEXT])
    if call.name == "whose" and meaning.reason is RejectReason.UNKNOWN_ORDER:
        return Outcome()
    if call.name == "permissions" and error.startswith(UNKNOWN_METHOD):
        return Outcome(permissions=frozenset({"read", "trade"}), text=error[:MOST_TEXT])
    return not_done(call, meaning.policy, meaning.reason, error, meaning.retry_ns)


def _read_reply(call: Call, body: Fields) -> Outcome:
    """Read an answer on the WebSocket."""
    if str(body.whole("req_id")) != call.reference:
        body.fail("is to another message")
    if not body.flag("success"):
        error = body.text("error")
        return _failed(call, error, spot_meaning(error))
    if call.commands[0].action is Action.NEW and len(call.commands) > 1:
        return _each(call, body.rows("result"), "order_id")
    if len(call.commands) > 1:
        # The documentation has the count beside the result, a simulator may have it within.
        row = body if "orders_cancelled" in body else body.inner("result")
        return _counted(call, row.whole("orders_cancelled"))
    return _single(call, body.inner("result"), "order_id")


def _read_done(call: Call, result: Fields) -> Outcome:
    """Read an answer by REST without an error."""
    if call.commands[0].action is Action.CANCEL:
        return _counted(call, result.whole("count"))
    if call.commands[0].action is Action.AMEND:
        return _single(call, result, "")
    if len(call.commands) > 1:
        return _each(call, result.rows("orders"), "txid")
    ids = result.rows("txid")
    if len(ids) != 1:
        result.fail(f"has {len(ids)} ids for one order")
    return _single(call, Fields(EXCHANGE, "the answer", {"txid": ids[0]}), "txid")


def _single(call: Call, result: Fields, name: str) -> Outcome:
    command = call.commands[0]
    if command.action is Action.AMEND:
        result.text("amend_id")
        return Outcome((done(command),))
    _check_id(command, result)
    return Outcome((done(command, venue_id(result, name)),))


def _check_id(command: Command, result: Fields) -> None:
    named = text_or_empty(result, "cl_ord_id")
    if named and named != command.client_id:
        result.fail(f"is about {named}")


def _each(call: Call, rows: list[object], name: str) -> Outcome:
    """Read the elements of a batch; what became of one that lacks is not known."""
    if len(rows) > len(call.commands):
        raise VenueError(f"{EXCHANGE}: {len(rows)} answers to {len(call.commands)} orders")
    facts: list[Fact] = []
    worst: Meaning | None = None
    text = ""
    for index, command in enumerate(call.commands):
        fact, meaning, error = _element(command, rows[index] if index < len(rows) else None, name)
        facts.append(fact)
        if meaning is not None and (worst is None or meaning.policy is Policy.QUERY):
            worst, text = meaning, error
    if worst is None:
        return Outcome(tuple(facts))
    return Outcome(tuple(facts), worst.policy, worst.retry_ns, text[:MOST_TEXT])


def _element(command: Command, row: object, name: str) -> tuple[Fact, Meaning | None, str]:
    try:
        fields = Fields(EXCHANGE, "an order of the answer", row)
        if "error" not in fields:
            _check_id(command, fields)
            return done(command, venue_id(fields, name)), None, ""
        error = fields.text("error")
    except VenueError as problem:
        return unknown(command), Meaning(Policy.QUERY), str(problem)
    meaning = spot_meaning(error)
    if meaning.policy is Policy.QUERY:
        return unknown(command), meaning, error
    return refused(command, meaning.reason), meaning, error


def _counted(call: Call, count: int) -> Outcome:
    """Read how many orders were canceled; where some were not, it is not said which."""
    if count != len(call.commands):
        return undecided(call, f"{count} of {len(call.commands)} were canceled")
    return Outcome(tuple(done(command) for command in call.commands))


def _read_facts(call: Call, body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    result = body.inner("result")
    if call.name == "query":
        return _read_query(Sought.read(call.context), result, instruments)
    if call.name == "whose":
        return Outcome(text=_client_of(call.context, result))
    if call.name == "query-open":
        return _read_sought_open(Sought.read(call.context), result, instruments)
    if call.name == "query-closed":
        return _read_sought_closed(call.context, result, instruments)
    if call.name == "open-orders":
        return _read_open(result, instruments)
    if call.name == "trades":
        return _read_trades(call.context, result, instruments)
    if call.name == "balances":
        return _read_balances(result)
    if call.name == "time":
        return Outcome(venue_ns=result.whole("unixtime") * SECOND)
    if call.name == "stream-key":
        return Outcome(text=result.text("token"))
    if call.name == "permissions":
        said = {str(each) for each in result.rows("permissions")}
        return Outcome(permissions=frozenset(PERMISSIONS[each] for each in said & set(PERMISSIONS)))
    return Outcome()  # cancel-all and dead-man: what follows is told by the stream


def _read_query(sought: Sought, result: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    rows = dict(result.items())
    if sought.venue_id not in rows:
        return Outcome((sought.not_found(),))
    row = Fields(EXCHANGE, sought.venue_id, rows[sought.venue_id])
    return Outcome(_state(sought, sought.venue_id, row, instruments))


def _client_of(name: str, result: Fields) -> str:
    rows = dict(result.items())
    return client_id(Fields(EXCHANGE, name, rows[name]), "cl_ord_id") if name in rows else ""


def _ours(sought: Sought, rows: Fields) -> tuple[str, Fields] | None:
    """Return the order sought and its id.

    Raises
    ------
    VenueError
        If an order does not say whose it is: it may be this one.
    """
    found = None
    for name, each in rows.items():
        row = Fields(EXCHANGE, name, each)
        if row.text("cl_ord_id") == sought.client_id:
            found = name, row
    return found


def _read_sought_open(
    sought: Sought, result: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    found = _ours(sought, result.inner("open"))
    if found is None:
        return Outcome(more=partial(spot_requests.ended, sought, 0))
    return Outcome(_state(sought, *found, instruments))


def _read_sought_closed(
    context: str, result: Fields, instruments: Mapping[str, Instrument]
) -> Outcome:
    offset, _, about = context.partition(" ")
    sought = Sought.read(about)
    rows = result.inner("closed")
    found = _ours(sought, rows)
    if found is not None:
        return Outcome(_state(sought, *found, instruments))
    following = int(offset) + len(rows.items())
    if rows.items() and "count" in result and following < result.whole("count"):
        return Outcome(more=partial(spot_requests.ended, sought, following))
    return Outcome((sought.not_found(),))


def _state(
    sought: Sought, name: str, row: Fields, instruments: Mapping[str, Instrument]
) -> tuple[Fact, ...]:
    """Return what an order is by REST."""
    instrument = instruments.get(sought.symbol)
    if instrument is None:
        row.fail(f"is of {sought.symbol}, which is not traded here")
    if len(name) > 48 or not name.isascii():
        row.fail("has an id that cannot be kept")
    status = row.text("status")
    filled = lots(instrument, row, "vol_exec")
    kind = _ENDS.get(status, OrderEvent.ACKED)
    reason = RejectReason.NONE
    price = quantity = 0
    if status == "open":
        kind = OrderEvent.FOUND
        price = ticks(instrument, row.inner("descr"), "price")
        quantity = lots(instrument, row, "vol")
    elif status == "canceled" and is_post_only(text_or_empty(row, "reason")):
        kind, reason = OrderEvent.REJECTED, RejectReason.POST_ONLY
    elif status != "pending" and status not in _ENDS:
        row.fail(f"has status {status}")
    fact = Fact(
        kind,
        sought.client_id,
        name,
        sought.symbol,
        command=sought.number if kind is OrderEvent.FOUND else 0,
        price=price,
        quantity=quantity,
        cumulative=filled,
        reason=reason,
        side=sought.side,
        at_ns=seconds_ns(row, "closetm") or seconds_ns(row, "opentm"),
    )
    return (fact,)


def _read_open(result: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    pairs = by_pair(instruments)
    orders = []
    for name, each in result.inner("open").items():
        row = Fields(EXCHANGE, name, each)
        terms = row.inner("descr")
        instrument = instrument_of(pairs, terms, "pair")
        if instrument is None:
            continue
        orders.append(
            LiveOrder(
                text_or_empty(row, "cl_ord_id"),
                name,
                instrument.symbol,
                _side(terms),
                ticks(instrument, terms, "price"),
                lots(instrument, row, "vol"),
                lots(instrument, row, "vol_exec"),
                seconds_ns(row, "opentm"),
            )
        )
    return Outcome(orders=tuple(orders))


def _side(row: Fields) -> int:
    side = SIDES.get(row.text("type"))
    if side is None:
        row.fail("is neither bought nor sold")
    return side


def _read_trades(context: str, result: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    symbol, since_ns, offset = orjson.loads(context)
    pairs = by_pair(instruments)
    rows = result.inner("trades").items()
    facts = []
    for name, each in rows:
        row = Fields(EXCHANGE, name, each)
        instrument = instrument_of(pairs, row, "pair")
        at_ns = seconds_ns(row, "time")
        if instrument is None or instrument.symbol != symbol or at_ns < since_ns:
            continue
        facts.append(
            Fact(
                OrderEvent.FILL,
                client_id(row, "cl_ord_id"),
                venue_id(row, "ordertxid"),
                symbol,
                price=ticks(instrument, row, "price"),
                quantity=lots(instrument, row, "vol"),
                trade_id=name,
                side=_side(row),
                fee=fee_units(row.number("fee")),
                fee_asset=instrument.quote,
                liquidity=_liquidity(row),
                at_ns=at_ns,
            )
        )
    following = offset + len(rows)
    if rows and "count" in result and following < result.whole("count"):
        page = partial(spot_requests.trades, symbol, since_ns, following)
        return Outcome(tuple(facts), more=page)
    return Outcome(tuple(facts))


def _liquidity(row: Fields) -> int:
    if "maker" not in row:
        return 0
    return 1 if row.flag("maker") else 2


def _read_balances(result: Fields) -> Outcome:
    balances = []
    for name, each in result.items():
        row = Fields(EXCHANGE, name, each)
        total = balance_units(row.number("balance"))
        held = fee_units(row.number("hold_trade")) if "hold_trade" in row else 0
        balances.append(Balance(asset_name(name), total, total - held))
    return Outcome(balances=tuple(balances))
