"""What Coinbase Advanced Trade is sent for orders: all of it by REST."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import orjson

from alp.errors import ConfigError
from alp.venues.coinbase.signing import sign_request
from alp.venues.order_facts import SECOND
from alp.venues.orders import Action, Call, Command, Signer, TimeInForce
from alp.venues.signing import Params, SignedRequest, pairs_of, percent_encoded
from alp.venues.sought import Sought

API = "/api/v3/brokerage/"
PAGE = 250
MOST_CANCELS = 100
EARLIER_NS = 60 * SECOND
"""How much before it was sent an order is looked for: clocks differ."""
_CONFIGURATIONS = {
    TimeInForce.GTC: "limit_limit_gtc",
    TimeInForce.IOC: "sor_limit_ioc",
    TimeInForce.FOK: "limit_limit_fok",
}
_SIDES = {1: "BUY", -1: "SELL"}


class Requests:
    """Signs requests for one place.

    Parameters
    ----------
    rest
        Its base URL, whose host the tokens name.
    """

    def __init__(self, rest: str) -> None:
        self._host = urlsplit(rest).netloc

    def post(self, signer: Signer, path: str, body: dict[str, Any]) -> SignedRequest:
        """Return a request with a body."""
        return self._signed(signer, "POST", API + path, orjson.dumps(body))

    def get(self, signer: Signer, path: str, params: Params = ()) -> SignedRequest:
        """Return a request with a query."""
        query = percent_encoded(pairs_of(params))
        return self._signed(signer, "GET", f"{API}{path}?{query}" if query else API + path)

    def _signed(self, signer: Signer, method: str, target: str, body: bytes = b"") -> SignedRequest:
        return sign_request(
            signer.credentials,
            method,
            target,
            body,
            now_s=signer.now_ns() // SECOND,
            nonce=signer.random_hex(),
            host=self._host,
        )

    def commands(self, commands: Sequence[Command], signer: Signer) -> SignedRequest:
        """Return the request of commands of one action.

        Raises
        ------
        ConfigError
            If an order's id at the venue is needed and not known.
        """
        first = commands[0]
        if first.action is Action.NEW:
            return self.post(signer, "orders", _order(first))
        for each in commands:
            if not each.venue_id:
                raise ConfigError(
                    f"coinbase-spot: the venue's id of {each.client_id} is not known yet",
                    hint="query the order first: it is changed and canceled by that id only",
                )
        if first.action is Action.CANCEL:
            return self.cancels([each.venue_id for each in commands], signer)
        terms = {"order_id": first.venue_id, "price": _price(first), "size": _quantity(first)}
        return self.post(signer, "orders/edit", terms)

    def cancels(self, ids: Sequence[str], signer: Signer) -> SignedRequest:
        """Return the request to cancel orders by the venue's ids."""
        return self.post(signer, "orders/batch_cancel", {"order_ids": list(ids)})

    def canceling(self, ids: Sequence[str], cursor: str, symbol: str, signer: Signer) -> Call:
        """Cancel orders that a list had, and remember where the list goes on."""
        context = orjson.dumps([symbol, cursor]).decode()
        return Call("cancel-listed", self.cancels(ids, signer), context=context)

    def listing(self, name: str, symbol: str, cursor: str, signer: Signer) -> Call:
        """Ask for a page of what is open, of one product or of all."""
        params = {"order_status": "OPEN", "limit": str(MOST_CANCELS)}
        if symbol:
            params["product_ids"] = symbol
        if cursor:
            params["cursor"] = cursor
        return Call(name, self.get(signer, "orders/historical/batch", params), context=symbol)

    def seeking(self, sought: Sought, cursor: str, signer: Signer, *, is_open: bool) -> Call:
        """Ask for the page of orders in which one of ours may be."""
        params = {"product_ids": sought.symbol, "limit": str(PAGE)}
        if is_open:
            params["order_status"] = "OPEN"
        elif sought.sent_ns:
            params["start_date"] = time_text(sought.sent_ns - EARLIER_NS)
        if cursor:
            params["cursor"] = cursor
        name = "query-open" if is_open else "query-all"
        request = self.get(signer, "orders/historical/batch", params)
        return Call(name, request, context=sought.text())

    def fills(self, symbol: str, since_ns: int, cursor: str, signer: Signer) -> Call:
        """Ask for a page of our trades since a time."""
        params = {
            "product_ids": symbol,
            "start_sequence_timestamp": time_text(since_ns),
            "limit": str(PAGE),
        }
        if cursor:
            params["cursor"] = cursor
        context = orjson.dumps([symbol, since_ns]).decode()
        return Call("trades", self.get(signer, "orders/historical/fills", params), context=context)

    def accounts(self, cursor: str, signer: Signer) -> Call:
        """Ask for a page of balances."""
        params = {"limit": str(PAGE)}
        if cursor:
            params["cursor"] = cursor
        return Call("balances", self.get(signer, "accounts", params))


def time_text(at_ns: int) -> str:
    """Return a time as RFC 3339, with all nine decimals."""
    whole = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=max(at_ns, 0) // SECOND)
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{max(at_ns, 0) % SECOND:09d}Z"


def _order(command: Command) -> dict[str, Any]:
    terms: dict[str, Any] = {"base_size": _quantity(command), "limit_price": _price(command)}
    if command.time_in_force is TimeInForce.GTC:
        terms["post_only"] = command.post_only
    return {
        "client_order_id": command.client_id,
        "product_id": command.instrument.symbol,
        "side": _SIDES[command.side],
        "order_configuration": {_CONFIGURATIONS[command.time_in_force]: terms},
    }


def _price(command: Command) -> str:
    return command.instrument.price.text(command.price)


def _quantity(command: Command) -> str:
    return command.instrument.order_quantity.text(command.quantity)
