"""What Kraken Futures answers by REST: to commands and to questions.

Trades have no fees here: these are told by the stream only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial

import orjson

from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import VenueError
from alp.venues.fields import Fields, read_object
from alp.venues.instruments import Instrument
from alp.venues.kraken import futures_requests
from alp.venues.kraken.futures_requests import FILLS_IN_PAGE
from alp.venues.kraken.order_errors import NOBODY_KNOWS, Meaning, by_status, futures_meaning
from alp.venues.order_facts import (
    MOST_TEXT,
    SECOND,
    balance_units,
    client_id,
    done,
    lots,
    nearest_step,
    not_done,
    refused,
    text_or_empty,
    ticks,
    time_ns,
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
    PositionNews,
)
from alp.venues.sought import Sought

EXCHANGE = "kraken-futures"
SIDES = {"buy": 1, "sell": -1}
EARLIER_NS = 60 * SECOND
"""How much before it was sent an order's trades are looked for: clocks differ."""
WRONG_REQUEST = Meaning(Policy.FIX_CONFIG)
EXPIRED_AT_ONCE = ("iocWouldNotExecute", "selfFill")
"""Of a new order: ended by its time in force, or so as not to trade with an own one."""
_DONE = {
    Action.NEW: ("placed", "partiallyFilled", "filled"),
    Action.AMEND: ("edited", "partiallyFilled", "filled"),
    Action.CANCEL: ("cancelled",),
}
_STATUS = {Action.NEW: "sendStatus", Action.AMEND: "editStatus", Action.CANCEL: "cancelStatus"}
_GONE = Meaning(Policy.RESYNC_STATE, RejectReason.UNKNOWN_ORDER)


def read(call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
    """Read the answer to any call."""
    try:
        body = read_object(EXCHANGE, answer.body)
        meaning, problem = _failure(body, answer.status)
        if meaning is None:
            outcome = (
                _read_done(call, body) if call.commands else _read_facts(call, body, instruments)
            )
            return replace(outcome, venue_ns=time_ns(body, "serverTime"))
    except VenueError as error:
        meaning = by_status(answer.status) or NOBODY_KNOWS
        problem = str(error)
    return not_done(call, meaning.policy, meaning.reason, problem, meaning.retry_ns)


def _failure(body: Fields, status: int) -> tuple[Meaning | None, str]:
    """Return what is wrong with a request as a whole."""
    result = text_or_empty(body, "result")
    if result == "success" and status in (0, 200):
        return None, ""
    problem = text_or_empty(body, "error") or f"status {status}"
    if result != "error":
        return by_status(status) or NOBODY_KNOWS, problem
    if text_or_empty(body, "status") == "BAD_REQUEST":
        return WRONG_REQUEST, problem
    return futures_meaning(problem), problem


def _read_done(call: Call, body: Fields) -> Outcome:
    if len(call.commands) == 1:
        told = [(call.commands[0], body.inner(_STATUS[call.commands[0].action]))]
    else:
        rows = [Fields(EXCHANGE, "a status", each) for each in body.rows("batchStatus")]
        told = _matched(call.commands, rows)
    facts: list[Fact] = []
    worst: Meaning | None = None
    text = ""
    for command, row in told:
        some, meaning, problem = _status(command, row)
        facts += some
        if meaning is not None and (worst is None or meaning.policy is Policy.QUERY):
            worst, text = meaning, problem
    lacking = [each for each in call.commands if not any(each is one for one, _ in told)]
    facts += [unknown(command) for command in lacking]
    if lacking:
        worst, text = NOBODY_KNOWS, f"{len(lacking)} commands are not in the answer"
    if worst is None:
        return Outcome(tuple(facts))
    return Outcome(tuple(facts), worst.policy, worst.retry_ns, text[:MOST_TEXT])


def _matched(commands: tuple[Command, ...], rows: list[Fields]) -> list[tuple[Command, Fields]]:
    """Find the element of each command: by its tag, or by an id of the order."""
    told: list[tuple[Command, Fields]] = []
    for number, command in enumerate(commands):
        names = {
            "order_tag": str(number),
            "cliOrdId": command.client_id,
            "order_id": command.venue_id,
            "orderId": command.venue_id,
        }
        for row in rows:
            if any(name and text_or_empty(row, key) == name for key, name in names.items()):
                told.append((command, row))
                break
    return told


def _status(command: Command, row: Fields) -> tuple[list[Fact], Meaning | None, str]:
    """Read what became of one command: success of the request does not mean that it was done."""
    try:
        status = row.text("status")
        if status in _DONE[command.action]:
            return _told_done(command, row), None, ""
        if command.action is Action.NEW and status in EXPIRED_AT_ONCE:
            ended = replace(done(command), kind=OrderEvent.EXPIRED, cumulative=0)
            return [ended], Meaning(Policy.REQUOTE), status
        if command.action is Action.CANCEL and status == "filled":
            return [refused(command, RejectReason.UNKNOWN_ORDER)], _GONE, status
        meaning = futures_meaning(status)
    except VenueError as error:
        return [unknown(command)], NOBODY_KNOWS, str(error)
    if meaning.policy is Policy.QUERY:
        return [unknown(command)], meaning, status
    return [refused(command, meaning.reason)], meaning, status


def _told_done(command: Command, row: Fields) -> list[Fact]:
    at_ns = time_ns(row, "receivedTime")
    if command.action is Action.NEW:
        named = text_or_empty(row, "cliOrdId")
        if named and named != command.client_id:
            row.fail(f"is about {named}")
        return [done(command, venue_id(row, "order_id"), at_ns)]
    facts = [done(command, at_ns=at_ns)]
    if command.action is Action.CANCEL:
        facts += [
            fact
            for fact in _ended(row, {command.instrument.symbol: command.instrument})
            if command.venue_id in ("", fact.venue_id)
        ]
    return facts


def _ended(row: Fields, instruments: Mapping[str, Instrument]) -> list[Fact]:
    """Return the orders that a cancel ended, with what was filled of each."""
    facts: list[Fact] = []
    for each in row.rows("orderEvents") if "orderEvents" in row else []:
        event = Fields(EXCHANGE, "an event", each)
        if text_or_empty(event, "type") != "CANCEL":
            continue
        order = event.inner("order")
        instrument = instruments.get(order.text("symbol").upper())
        if instrument is None:
            continue
        facts.append(
            Fact(
                OrderEvent.CANCELED,
                client_id(order, "cliOrdId"),
                venue_id(order, "orderId"),
                instrument.symbol,
                cumulative=lots(instrument, order, "filled"),
                side=_side(order),
                at_ns=time_ns(row, "receivedTime"),
            )
        )
    return facts


def _side(row: Fields) -> int:
    side = SIDES.get(row.text("side"))
    if side is None:
        row.fail("is neither bought nor sold")
    return side


def _read_facts(call: Call, body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    if call.name == "query":
        return _read_query(Sought.read(call.context), body, instruments)
    if call.name == "query-fills":
        return _read_ended(call.context, body, instruments)
    if call.name == "open-orders":
        return Outcome(orders=tuple(each for _, each in _open(body, instruments)))
    if call.name == "trades":
        return _read_trades(call.context, body, instruments)
    if call.name == "cancel-all":
        return Outcome(tuple(_ended(body.inner("cancelStatus"), instruments)))
    if call.name == "balances":
        return _read_balances(body)
    if call.name == "positions":
        return _read_positions(body, instruments)
    return Outcome()  # the clock, which every answer tells, and the timer


def _open(body: Fields, instruments: Mapping[str, Instrument]) -> list[tuple[Fields, LiveOrder]]:
    orders = []
    for each in body.rows("openOrders"):
        row = Fields(EXCHANGE, "an open order", each)
        instrument = instruments.get(row.text("symbol").upper())
        if instrument is None:
            continue
        filled = lots(instrument, row, "filledSize")
        order = LiveOrder(
            text_or_empty(row, "cliOrdId") or text_or_empty(row, "cli_ord_id"),
            venue_id(row, "order_id"),
            instrument.symbol,
            _side(row),
            ticks(instrument, row, "limitPrice") if "limitPrice" in row else 0,
            lots(instrument, row, "unfilledSize") + filled,
            filled,
            time_ns(row, "receivedTime"),
        )
        orders.append((row, order))
    return orders


def _read_query(sought: Sought, body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    """Look for an order among the open ones; what is not there has ended, or never was."""
    for row, order in _open(body, instruments):
        if not sought.venue_id and not order.client_id:
            continue  # alp names all of its orders
        ours = order.client_id == sought.client_id or order.venue_id == sought.venue_id
        if not ours:
            continue
        if not order.price or order.symbol != sought.symbol:
            row.fail("is not the order that was sent")
        fact = Fact(
            OrderEvent.FOUND,
            sought.client_id,
            order.venue_id,
            sought.symbol,
            command=sought.number,
            price=order.price,
            quantity=order.quantity,
            cumulative=order.filled,
            side=order.side,
            at_ns=order.at_ns,
        )
        return Outcome((fact,))
    return Outcome(more=partial(futures_requests.ended, sought, {}, ""))


def _page(
    body: Fields, symbol: str, instruments: Mapping[str, Instrument]
) -> tuple[Instrument, list[Fields], str]:
    """Return a page of our trades and where the next begins, as the venue wrote it."""
    instrument = instruments.get(symbol)
    if instrument is None:
        body.fail(f"is of {symbol}, which is not traded here")
    rows = [Fields(EXCHANGE, "a fill", each) for each in body.rows("fills")]
    oldest = min(rows, key=lambda row: time_ns(row, "fillTime"), default=None)
    following = ""
    if oldest is not None and len(rows) >= FILLS_IN_PAGE:
        if not time_ns(oldest, "fillTime"):
            oldest.fail("has no fillTime")
        following = oldest.text("fillTime")
    return instrument, rows, following


def _fill(instrument: Instrument, row: Fields) -> Fact:
    kind = text_or_empty(row, "fillType")
    return Fact(
        OrderEvent.FILL,
        client_id(row, "cliOrdId"),
        venue_id(row, "order_id"),
        instrument.symbol,
        price=ticks(instrument, row, "price"),
        quantity=lots(instrument, row, "size"),
        trade_id=row.text("fill_id"),
        side=_side(row),
        liquidity={"maker": 1, "taker": 2}.get(kind, 0),
        at_ns=time_ns(row, "fillTime"),
    )


def _read_ended(context: str, body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    """Add up the trades of an order that is not open: that is how it ended."""
    text, found, before = orjson.loads(context)
    sought = Sought.read(text)
    instrument, rows, following = _page(body, sought.symbol, instruments)
    facts: list[Fact] = []
    seen = set(found)
    for row in rows:
        if row.text("symbol").upper() != sought.symbol:
            continue
        named = text_or_empty(row, "cliOrdId") or text_or_empty(row, "cli_ord_id")
        if row.text("order_id") == sought.venue_id or named == sought.client_id:
            fact = replace(_fill(instrument, row), client_id=sought.client_id)
            found[fact.trade_id] = fact.quantity
            if fact.trade_id not in seen:
                facts.append(fact)
    early = min((time_ns(row, "fillTime") for row in rows), default=0)
    reached = sought.sent_ns and early < sought.sent_ns - EARLIER_NS
    if following and not reached and following != before:
        page = partial(futures_requests.ended, sought, found, following)
        return Outcome(tuple(facts), more=page)
    total = sum(found.values())
    if not total and not sought.venue_id:
        return Outcome((sought.not_found(),))
    kind = OrderEvent.EXPIRED if sought.immediate else OrderEvent.CANCELED
    if total == sought.quantity:
        kind = OrderEvent.FILLED
    end = replace(sought.not_found(), kind=kind, cumulative=total, side=sought.side)
    return Outcome((*facts, end))


def _read_trades(context: str, body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    symbol, since_ns, before = orjson.loads(context)
    instrument, rows, following = _page(body, symbol, instruments)
    ours = [_fill(instrument, row) for row in rows if row.text("symbol").upper() == symbol]
    facts = tuple(fact for fact in ours if fact.at_ns >= since_ns)
    early = min((time_ns(row, "fillTime") for row in rows), default=0)
    if following and early >= since_ns and following != before:
        return Outcome(facts, more=partial(futures_requests.trades, symbol, since_ns, following))
    return Outcome(facts)


def _read_balances(body: Fields) -> Outcome:
    accounts = body.inner("accounts")
    currencies = accounts.inner("flex").inner("currencies") if "flex" in accounts else None
    return Outcome(balances=() if currencies is None else flexible_balances(currencies))


def flexible_balances(currencies: Fields) -> tuple[Balance, ...]:
    """Return what the multi-collateral account holds."""
    balances = []
    for name, each in currencies.items():
        row = Fields(EXCHANGE, name, each)
        available = balance_units(row.number("available")) if "available" in row else None
        balances.append(Balance(name, balance_units(row.number("quantity")), available))
    return tuple(balances)


def _read_positions(body: Fields, instruments: Mapping[str, Instrument]) -> Outcome:
    """Return the position in each product; the venue leaves out those that are flat."""
    found = {symbol: PositionNews(symbol, 0) for symbol in instruments}
    for each in body.rows("openPositions"):
        row = Fields(EXCHANGE, "a position", each)
        instrument = instruments.get(row.text("symbol").upper())
        if instrument is None:
            continue
        side = {"long": 1, "short": -1}.get(row.text("side"))
        if side is None:
            row.fail("is neither long nor short")
        price = nearest_step(instrument.price, row.amount("price"))
        quantity = side * lots(instrument, row, "size")
        found[instrument.symbol] = PositionNews(instrument.symbol, quantity, price)
    return Outcome(positions=tuple(found.values()))
