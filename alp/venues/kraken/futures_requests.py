"""What Kraken Futures is sent for orders: all of it by REST."""

from __future__ import annotations

from collections.abc import Sequence

import orjson

from alp.venues.kraken.signing import sign_futures_request
from alp.venues.orders import Action, Call, Command, Signer, TimeInForce
from alp.venues.signing import Params, SignedRequest
from alp.venues.sought import Sought

API = "/derivatives/api/v3/"
MOST_IN_BATCH = 10
FILLS_IN_PAGE = 100
FILLS_WEIGHT = 25
"""Of a page of fills that is not the newest; that costs 2."""
_SIDES = {1: "buy", -1: "sell"}
_TYPES = {TimeInForce.GTC: "lmt", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok"}
_WORDS = {Action.NEW: "send", Action.AMEND: "edit", Action.CANCEL: "cancel"}


def post(signer: Signer, path: str, params: Params = ()) -> SignedRequest:
    """Return a request with a form. The venue does without nonces, so these may overtake."""
    return sign_futures_request(signer.credentials, "POST", API + path, params)


def get(signer: Signer, path: str, params: Params = ()) -> SignedRequest:
    """Return a request with a query."""
    return sign_futures_request(signer.credentials, "GET", API + path, params)


def commands(given: Sequence[Command], signer: Signer) -> SignedRequest:
    """Return the request of commands of one action."""
    if len(given) == 1:
        return post(signer, f"{_WORDS[given[0].action]}order", _terms(given[0]))
    rows = [
        {"order": _WORDS[each.action], "order_tag": str(number), **_terms(each)}
        for number, each in enumerate(given)
    ]
    return post(signer, "batchorder", {"json": orjson.dumps({"batchOrder": rows}).decode()})


def fills(name: str, context: str, before: str, signer: Signer) -> Call:
    """Ask for the newest of our trades, or for those before a time as the venue wrote it."""
    params = {"lastFillTime": before} if before else {}
    weight = FILLS_WEIGHT if before else 2
    return Call(name, get(signer, "fills", params), weight=weight, context=context)


def ended(sought: Sought, found: dict[str, int], before: str, signer: Signer) -> Call:
    """Ask for the trades of an order that is not open.

    Parameters
    ----------
    found
        Its trades on the pages read so far, in lots.
    """
    context = orjson.dumps([sought.text(), found, before]).decode()
    return fills("query-fills", context, before, signer)


def trades(symbol: str, since_ns: int, before: str, signer: Signer) -> Call:
    """Ask for a page of our trades since a time, the newest first."""
    context = orjson.dumps([symbol, since_ns, before]).decode()
    return fills("trades", context, before, signer)


def _terms(command: Command) -> dict[str, str]:
    instrument = command.instrument
    if command.action is Action.CANCEL:
        return _named(command, "order_id")
    price = instrument.price.text(command.price)
    if command.action is Action.AMEND:
        # The size of an edit is what shall stay open.
        size = instrument.order_quantity.text(command.quantity - command.filled)
        return {**_named(command, "orderId"), "limitPrice": price, "size": size}
    terms = {
        "orderType": "post" if command.post_only else _TYPES[command.time_in_force],
        "symbol": instrument.symbol,
        "side": _SIDES[command.side],
        "size": instrument.order_quantity.text(command.quantity),
        "limitPrice": price,
        "cliOrdId": command.client_id,
    }
    if command.reduce_only:
        terms["reduceOnly"] = "true"
    return terms


def _named(command: Command, name: str) -> dict[str, str]:
    """Name an order by the venue's id, or by ours as long as there is none."""
    if command.venue_id:
        return {name: command.venue_id}
    return {"cliOrdId": command.client_id}
