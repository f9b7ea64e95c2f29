"""What Kraken spot is sent: messages of its WebSocket version 2 and their twins by REST."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from alp.venues.kraken.names import pair_name
from alp.venues.kraken.signing import sign_json_request, sign_request
from alp.venues.order_facts import SECOND
from alp.venues.orders import Action, Call, Command, Signer, TimeInForce
from alp.venues.signing import SignedRequest
from alp.venues.sought import Sought

PRIVATE = "/0/private/"
EARLIER_S = 60
"""How much before it was sent an order is looked for: clocks differ."""
_SIDES = {1: "buy", -1: "sell"}


def signed(signer: Signer, method: str, params: Mapping[str, str]) -> SignedRequest:
    """Return a request with a form."""
    nonce = signer.nonces.next()
    return sign_request(signer.credentials, PRIVATE + method, params, nonce=nonce)


def request(commands: Sequence[Command], signer: Signer) -> SignedRequest:
    """Return the request of commands of one action, of one pair."""
    first = commands[0]
    pair = pair_name(first.instrument)
    if first.action is Action.NEW:
        if len(commands) == 1:
            return signed(signer, "AddOrder", {"pair": pair, **_form(first)})
        rows = [_form(each) for each in commands]
        return _signed_json(signer, "AddOrderBatch", {"pair": pair, "orders": rows})
    if first.action is Action.AMEND:
        params = {
            **_named(first, "txid"),
            "order_qty": _quantity(first),
            "limit_price": _price(first),
            "post_only": "true" if first.post_only else "false",
        }
        return signed(signer, "AmendOrder", params)
    if len(commands) == 1:
        return signed(signer, "CancelOrder", _named(first, "txid"))
    lists = dict(zip(("orders", "cl_ord_ids"), _ids(commands), strict=True))
    return _signed_json(
        signer, "CancelOrderBatch", {name: ids for name, ids in lists.items() if ids}
    )


def message(commands: Sequence[Command], token: str, number: int) -> bytes:
    """Return the message of commands of one action, of one pair.

    Parameters
    ----------
    number
        By which the answer is known.
    """
    method, params = _message(commands)
    return orjson.dumps({"method": method, "params": {**params, "token": token}, "req_id": number})


def _message(commands: Sequence[Command]) -> tuple[str, dict[str, Any]]:
    first = commands[0]
    symbol = {"symbol": first.instrument.symbol}
    if first.action is Action.NEW:
        if len(commands) == 1:
            return "add_order", {**_order(first), **symbol}
        return "batch_add", {**symbol, "orders": [_order(each) for each in commands]}
    if first.action is Action.AMEND:
        return "amend_order", {
            **_named(first, "order_id"),
            "order_qty": orjson.Fragment(_quantity(first)),
            "limit_price": orjson.Fragment(_price(first)),
            "post_only": first.post_only,
        }
    venue_ids, client_ids = _ids(commands)
    if len(commands) > 1:
        return "batch_cancel", {"orders": venue_ids, "cl_ord_id": client_ids}
    return "cancel_order", {"order_id": venue_ids} if venue_ids else {"cl_ord_id": client_ids}


def ended(sought: Sought, offset: int, signer: Signer) -> Call:
    """Ask for an order of ours among those that ended."""
    params = {"cl_ord_id": sought.client_id, "ofs": str(offset)}
    if sought.sent_ns:
        params["start"] = str(sought.sent_ns // SECOND - EARLIER_S)
    context = f"{offset} {sought.text()}"
    return Call("query-closed", signed(signer, "ClosedOrders", params), context=context)


def trades(symbol: str, since_ns: int, offset: int, signer: Signer) -> Call:
    """Ask for trades since a time, the newest first, leaving out so many."""
    # It begins after the second it is given.
    params = {"start": str(max(since_ns // SECOND - 1, 0)), "ofs": str(offset)}
    context = orjson.dumps([symbol, since_ns, offset]).decode()
    return Call("trades", signed(signer, "TradesHistory", params), weight=2, context=context)


def _signed_json(signer: Signer, method: str, params: Mapping[str, Any]) -> SignedRequest:
    nonce = signer.nonces.next()
    return sign_json_request(signer.credentials, PRIVATE + method, params, nonce=nonce)


def _price(command: Command) -> str:
    return command.instrument.price.text(command.price)


def _quantity(command: Command) -> str:
    return command.instrument.order_quantity.text(command.quantity)


def _order(command: Command) -> dict[str, Any]:
    """Return an order as the WebSocket takes it: numbers bare, with all decimals of their grids."""
    return {
        "order_type": "limit",
        "side": _SIDES[command.side],
        "order_qty": orjson.Fragment(_quantity(command)),
        "limit_price": orjson.Fragment(_price(command)),
        "time_in_force": command.time_in_force.name.lower(),
        "post_only": command.post_only,
        "fee_preference": "quote",
        "cl_ord_id": command.client_id,
    }


def _form(command: Command) -> dict[str, str]:
    """Return an order as REST takes it."""
    order = {
        "ordertype": "limit",
        "type": _SIDES[command.side],
        "volume": _quantity(command),
        "price": _price(command),
        "oflags": "post,fciq" if command.post_only else "fciq",
        "cl_ord_id": command.client_id,
    }
    if command.time_in_force is not TimeInForce.GTC:
        order["timeinforce"] = command.time_in_force.name
    return order


def _named(command: Command, name: str) -> dict[str, str]:
    """Name an order by the venue's id, or by ours as long as there is none."""
    if command.venue_id:
        return {name: command.venue_id}
    return {"cl_ord_id": command.client_id}


def _ids(commands: Sequence[Command]) -> tuple[list[str], list[str]]:
    return (
        [each.venue_id for each in commands if each.venue_id],
        [each.client_id for each in commands if not each.venue_id],
    )
