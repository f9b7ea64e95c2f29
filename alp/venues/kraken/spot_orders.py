"""Order entry of Kraken spot: by WebSocket version 2, and by REST.

Sources: docs.kraken.com, "Add Order", "Amend Order", "Cancel Order", "Batch Add", "Batch Cancel" of
the WebSocket API v2, and their twins of spot REST with "Get Open Orders", "Get Closed Orders",
"Query Orders Info", "Get Trades History", "Get Extended Balance", "Get Websockets Token".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.instruments import Instrument
from alp.venues.kraken import spot_answers, spot_requests
from alp.venues.kraken.rate_counter import TIERS, batch_cost
from alp.venues.kraken.spot_requests import signed
from alp.venues.kraken.spot_stream import OPENED, SpotReader
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

PRODUCTION = Endpoints("https://api.kraken.com", "wss://ws.kraken.com", "wss://ws-auth.kraken.com")
PING = orjson.dumps({"method": "ping", "req_id": 0})
CHANNELS: dict[str, dict[str, bool]] = {
    "executions": {"snap_orders": True, "snap_trades": False, "order_status": True},
    "balances": {"snapshot": True},
}


class KrakenSpotOrders:
    """``kraken-spot``. One for each account: it keeps the token of the newest socket for orders.

    Fees are asked for in the quote asset, so that what is bought arrives whole.

    Parameters
    ----------
    endpoints
        Where it is; ``/v2`` is added to that of orders.
    """

    exchange = "kraken-spot"
    capabilities = (
        Capability.CANCEL_BY_CLIENT_ID
        | Capability.CANCEL_ALL_ACCOUNT
        | Capability.DEAD_MAN_ACCOUNT
        | Capability.AMEND_PRICE
        | Capability.AMEND_MORE
        | Capability.AMEND_LESS
        | Capability.AMEND_KEEPS_PRIORITY
        | Capability.SOCKET_ORDERS
        | Capability.FILLS_STREAMED
        | Capability.BALANCES_STREAMED
        | Capability.ONE_AT_A_TIME
    )
    most_in_batch: Mapping[Action, int] = {Action.NEW: 15, Action.CANCEL: 50}
    # Of an account of the tier "intermediate", which whoever trades by program has.
    # A counter of 20 that falls by one in two seconds: 13 at once and 27 in a minute are less.
    weight_per_minute = 40
    orders_per_10s = TIERS["intermediate"].per_10s
    counter = TIERS["intermediate"]
    # An order waits up to 5 s for its turn before the venue gives it up.
    not_found_ns = 10 * SECOND
    dead_man_ns = 60 * SECOND

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        self.endpoints = endpoints
        self._token = ""

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of commands of one action, of one pair.

        Raises
        ------
        ConfigError
            If the venue cannot do this, or no socket was opened yet.
        """
        given = tuple(commands)
        self._check(given)
        name = given[0].action.name.lower()
        orders = batch_cost(given, signer.now_ns())
        if not socket:
            request = spot_requests.request(given, signer)
            return Call(name, request, commands=given, weight=0, orders=orders)
        if not self._token:
            raise ConfigError(f"{self.exchange}: no socket was opened")
        number = signer.nonces.next()
        message = spot_requests.message(given, self._token, number)
        return Call(name, None, message, str(number), given, weight=0, orders=orders)

    def _check(self, commands: tuple[Command, ...]) -> None:
        first = commands[0]
        together = all(
            (each.action, each.instrument) == (first.action, first.instrument) for each in commands
        )
        if not together or len(commands) > self.most_in_batch.get(first.action, 1):
            raise ConfigError(f"{self.exchange} does not take {len(commands)} of these at once")
        for each in commands:
            if each.action is Action.CANCEL:
                continue
            if each.price <= 0 or each.quantity <= 0:
                raise ConfigError(f"{self.exchange}: {each.client_id} lacks a price or a quantity")
            if each.reduce_only:
                raise ConfigError(f"{self.exchange} reduces only what was bought on margin")
            if each.post_only and each.time_in_force is not TimeInForce.GTC:
                raise ConfigError(f"{self.exchange}: what is post-only cannot be immediate")

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:  # noqa: ARG002
        """Return the call that cancels everything of the account: there is none for one pair."""
        return Call("cancel-all", signed(signer, "CancelAll", {}), weight=0)

    def dead_man(
        self,
        instrument: Instrument | None,  # noqa: ARG002
        timeout_ns: int,
        signer: Signer,
    ) -> Call | None:
        """Set the timer of the account, in whole seconds."""
        params = {"timeout": str(-(-timeout_ns // SECOND))}
        return Call("dead-man", signed(signer, "CancelAllOrdersAfter", params), weight=0)

    def query(self, command: Command, signer: Signer) -> Call:
        """Ask for one order: by the venue's id, or by ours among the open ones, then the others."""
        context = Sought.of(command).text()
        if command.venue_id:
            request = signed(signer, "QueryOrders", {"txid": command.venue_id})
            return Call("query", request, context=context)
        request = signed(signer, "OpenOrders", {"cl_ord_id": command.client_id})
        return Call("query-open", request, context=context)

    def whose(
        self,
        instrument: Instrument,  # noqa: ARG002
        venue_id: str,
        signer: Signer,
    ) -> Call | None:
        """Ask for an order by the venue's id: the list of trades need not name another."""
        request = signed(signer, "QueryOrders", {"txid": venue_id})
        return Call("whose", request, context=venue_id)

    def open_orders(
        self,
        instruments: Sequence[Instrument],  # noqa: ARG002
        signer: Signer,
    ) -> Sequence[Call]:
        """Ask for what is open in the account."""
        return [Call("open-orders", signed(signer, "OpenOrders", {}))]

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        """Ask for our trades, the newest first."""
        return spot_requests.trades(instrument.symbol, since_ns, 0, signer)

    def account(
        self,
        instruments: Sequence[Instrument],  # noqa: ARG002
        signer: Signer,
    ) -> Sequence[Call]:
        """Ask for balances."""
        return [Call("balances", signed(signer, "BalanceEx", {}))]

    def permissions(self, signer: Signer) -> Call | None:
        """Ask what the key may do; every key may ask that."""
        return Call("permissions", signed(signer, "GetApiKeyInfo", {}))

    def time(self) -> Call:
        """Ask for the venue's clock, which it tells in whole seconds."""
        return Call("time", SignedRequest("GET", "/0/public/Time", {}), weight=0)

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        """Read the answer to one of the calls above."""
        return spot_answers.read(call, answer, instruments)

    def stream(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how executions and balances are subscribed to."""
        opening = [
            orjson.dumps(
                {
                    "method": "subscribe",
                    "params": {"channel": channel, **options, "token": key},
                    "req_id": number,
                }
            )
            for number, (channel, options) in enumerate(CHANNELS.items(), OPENED + 1)
        ]
        return self._plan(*opening)

    def order_socket(self, signer: Signer, key: str) -> StreamPlan | None:  # noqa: ARG002
        """Return how a socket for orders is opened: by a ping, without subscribing."""
        self._token = key
        return self._plan(orjson.dumps({"method": "ping", "req_id": OPENED}))

    def _plan(self, *opening: bytes) -> StreamPlan:
        # The venue closes what has no traffic for 60 s, and sends heartbeats to subscribers only.
        url = f"{self.endpoints.orders or self.endpoints.stream}/v2"
        return StreamPlan(url, opening, silence_ns=30 * SECOND, ping=PING, ping_ns=10 * SECOND)

    def stream_key(self, signer: Signer, key: str) -> Call | None:  # noqa: ARG002
        """Ask for a token: good for 15 minutes, and for as long as its connection lives."""
        return Call("stream-key", signed(signer, "GetWebSocketsToken", {}))

    def reader(
        self,
        signer: Signer,  # noqa: ARG002
        instruments: Mapping[str, Instrument],
    ) -> SpotReader:
        """Return a reader for a new connection."""
        return SpotReader(instruments)
