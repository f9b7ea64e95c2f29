"""Order entry of Coinbase Advanced Trade, spot: by REST, and told on the user channel.

Sources: docs.cdp.coinbase.com, Advanced Trade "Create Order", "Edit Order", "Cancel Orders", "List
Orders", "Get Order", "List Fills", "List Accounts", "Get API Key Permissions", "Get Server Time"
and "WebSocket Channels".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.coinbase import order_answers
from alp.venues.coinbase.order_requests import API, MOST_CANCELS, Requests
from alp.venues.coinbase.order_stream import CHANNELS, UserReader
from alp.venues.coinbase.signing import make_token
from alp.venues.instruments import Instrument
from alp.venues.order_facts import SECOND
from alp.venues.orders import (
    Action,
    Answer,
    Call,
    Capability,
    Command,
    Outcome,
    Signer,
    StreamPlan,
    TimeInForce,
)
from alp.venues.signing import SignedRequest
from alp.venues.sought import Sought

PRODUCTION = Endpoints(
    "https://api.coinbase.com",
    "wss://advanced-trade-ws.coinbase.com",
    "wss://advanced-trade-ws-user.coinbase.com",
)


class CoinbaseOrders:
    """``coinbase-spot``.

    Orders are changed and canceled by the venue's id only. The user channel tells running totals;
    each trade with its fee is asked for by REST.

    Parameters
    ----------
    endpoints
        Where it is.
    """

    exchange = "coinbase-spot"
    capabilities = Capability.AMEND_PRICE | Capability.AMEND_MORE | Capability.AMEND_LESS
    capabilities |= Capability.AMEND_KEEPS_PRIORITY
    most_in_batch: Mapping[Action, int] = {Action.CANCEL: MOST_CANCELS}
    # 30 requests a second, and no limit of orders beside.
    weight_per_minute = 1800
    weight_window_s = 1
    orders_per_10s = 300
    not_found_ns = 30 * SECOND
    dead_man_ns = 0

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        self.endpoints = endpoints
        self._requests = Requests(endpoints.rest)

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of one order, one edit, or of cancels.

        Raises
        ------
        ConfigError
            If the venue cannot do this, or its id of an order is needed and not known.
        """
        given = tuple(commands)
        first = given[0]
        if socket:
            raise ConfigError(f"{self.exchange} takes orders by REST only")
        alike = all(each.action is first.action for each in given)
        if not alike or len(given) > self.most_in_batch.get(first.action, 1):
            raise ConfigError(f"{self.exchange} does not take {len(given)} of these at once")
        if first.action is not Action.CANCEL:
            self._check(first)
        request = self._requests.commands(given, signer)
        orders = 0 if first.action is Action.CANCEL else 1
        return Call(first.action.name.lower(), request, commands=given, orders=orders)

    def _check(self, command: Command) -> None:
        immediate = command.time_in_force is not TimeInForce.GTC
        if command.price <= 0 or command.quantity <= 0:
            raise ConfigError(f"{self.exchange}: {command.client_id} lacks a price or a quantity")
        if command.reduce_only:
            raise ConfigError(f"{self.exchange} has no orders that only reduce")
        if immediate and command.post_only:
            raise ConfigError(f"{self.exchange}: what is post-only cannot be immediate")
        if immediate and command.action is Action.AMEND:
            raise ConfigError(f"{self.exchange} edits only what stays until it is canceled")

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        """Return the first of the calls that list what is open and cancel it, 100 by 100."""
        return self._requests.listing(
            "cancel-all", instrument.symbol if instrument else "", "", signer
        )

    def query(self, command: Command, signer: Signer) -> Call:
        """Ask for one order: by the venue's id, or in the lists of open and of all orders."""
        sought = Sought.of(command)
        if not command.venue_id:
            return self._requests.seeking(sought, "", signer, is_open=True)
        request = self._requests.get(signer, f"orders/historical/{command.venue_id}")
        return Call("query", request, context=sought.text())

    def whose(
        self,
        instrument: Instrument,  # noqa: ARG002
        venue_id: str,
        signer: Signer,
    ) -> Call | None:
        """Ask for an order by the venue's id: fills name no other."""
        return Call("whose", self._requests.get(signer, f"orders/historical/{venue_id}"))

    def open_orders(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        """Ask for what is open, of each product."""
        return [
            self._requests.listing("open-orders", each.symbol, "", signer) for each in instruments
        ]

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        """Ask for our trades since a time."""
        return self._requests.fills(instrument.symbol, since_ns, "", signer)

    def account(
        self,
        instruments: Sequence[Instrument],  # noqa: ARG002
        signer: Signer,
    ) -> Sequence[Call]:
        """Ask for balances."""
        return [self._requests.accounts("", signer)]

    def permissions(self, signer: Signer) -> Call | None:
        """Ask what the key may do."""
        return Call("permissions", self._requests.get(signer, "key_permissions"))

    def time(self) -> Call:
        """Ask for the venue's clock."""
        return Call("time", SignedRequest("GET", f"{API}time", {}), weight=0)

    def dead_man(
        self,
        instrument: Instrument | None,  # noqa: ARG002
        timeout_ns: int,  # noqa: ARG002
        signer: Signer,  # noqa: ARG002
    ) -> Call | None:
        """Return None: the venue has no timer, so a process of its own has to watch."""
        return None

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        """Read the answer to one of the calls above."""
        return order_answers.read(self._requests, call, answer, instruments)

    def stream(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how the user channel is subscribed to; its tokens are good for two minutes."""
        return StreamPlan(
            self.endpoints.orders or self.endpoints.stream,
            tuple(self._subscription(channel, signer) for channel in CHANNELS),
            # Heartbeats come every second: ten that lack are no jitter.
            silence_ns=10 * SECOND,
        )

    def _subscription(self, channel: str, signer: Signer) -> bytes:
        now_s = signer.now_ns() // SECOND
        token = make_token(signer.credentials, now_s=now_s, nonce=signer.random_hex())
        return orjson.dumps(
            {"type": "subscribe", "product_ids": [], "channel": channel, "jwt": token}
        )

    def stream_key(self, signer: Signer, key: str) -> Call | None:  # noqa: ARG002
        """Return None: each subscription is signed."""
        return None

    def order_socket(self, signer: Signer, key: str) -> StreamPlan | None:  # noqa: ARG002
        """Return None: orders go by REST only."""
        return None

    def reader(
        self,
        signer: Signer,  # noqa: ARG002
        instruments: Mapping[str, Instrument],
    ) -> UserReader:
        """Return a reader for a new connection."""
        return UserReader(instruments)
