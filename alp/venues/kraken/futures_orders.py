"""Order entry of Kraken Futures: by REST, and told on the WebSocket.

Sources: docs.kraken.com, futures REST "Send order", "Edit order", "Cancel order", "Cancel all
orders", "Dead man's switch", "Batch order management", "Get open orders", "Get open positions",
"Get wallets", "Get your fills".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import orjson

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.instruments import Instrument
from alp.venues.kraken import futures_answers, futures_requests
from alp.venues.kraken.futures_market import PRODUCTION
from alp.venues.kraken.futures_requests import API, MOST_IN_BATCH, get, post
from alp.venues.kraken.futures_stream import FuturesReader
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

COMMAND_WEIGHT = 10
BATCH_WEIGHT = 9
"""Of a batch, and one more for each command."""
ALL_WEIGHT = 25
QUESTION_WEIGHT = 2


class KrakenFuturesOrders:
    """``kraken-futures``.

    An order that is not open is looked for among the trades, which say how much of it was filled:
    the venue tells no more of orders that ended some seconds ago.

    Parameters
    ----------
    endpoints
        Where it is; ``/derivatives/api/v3`` and ``/ws/v1`` are added.
    """

    exchange = "kraken-futures"
    capabilities = (
        Capability.CANCEL_BY_CLIENT_ID
        | Capability.CANCEL_ALL_SYMBOL
        | Capability.CANCEL_ALL_ACCOUNT
        | Capability.DEAD_MAN_ACCOUNT
        | Capability.AMEND_PRICE
        | Capability.AMEND_MORE
        | Capability.AMEND_LESS
        | Capability.REDUCE_ONLY
        | Capability.FILLS_STREAMED
        | Capability.BALANCES_STREAMED
        | Capability.POSITIONS
    )
    most_in_batch: Mapping[Action, int] = dict.fromkeys(Action, MOST_IN_BATCH)
    # 500 points in 10 s.
    weight_per_minute = 3000
    weight_window_s = 10
    orders_per_10s = 50
    not_found_ns = 10 * SECOND
    dead_man_ns = 60 * SECOND

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        self.endpoints = endpoints

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of commands of one action.

        Raises
        ------
        ConfigError
            If the venue cannot do this.
        """
        given = tuple(commands)
        first = given[0]
        if socket:
            raise ConfigError(f"{self.exchange} takes orders by REST only")
        alike = all(each.action is first.action for each in given)
        if not alike or len(given) > self.most_in_batch[first.action]:
            raise ConfigError(f"{self.exchange} does not take {len(given)} of these at once")
        for each in given:
            self._check(each)
        return Call(
            first.action.name.lower(),
            futures_requests.commands(given, signer),
            commands=given,
            weight=COMMAND_WEIGHT if len(given) == 1 else BATCH_WEIGHT + len(given),
            orders=len(given),
        )

    def _check(self, command: Command) -> None:
        if command.action is Action.CANCEL:
            return
        if command.price <= 0 or command.quantity <= command.filled:
            raise ConfigError(f"{self.exchange}: {command.client_id} lacks a price or a quantity")
        if command.post_only and command.time_in_force is not TimeInForce.GTC:
            raise ConfigError(f"{self.exchange}: what is post-only cannot be immediate")

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        """Return the call that cancels everything of a product, or of the account."""
        params = {"symbol": instrument.symbol} if instrument else {}
        return Call("cancel-all", post(signer, "cancelallorders", params), weight=ALL_WEIGHT)

    def dead_man(
        self,
        instrument: Instrument | None,  # noqa: ARG002
        timeout_ns: int,
        signer: Signer,
    ) -> Call | None:
        """Set the timer of the account, in whole seconds."""
        params = {"timeout": str(-(-timeout_ns // SECOND))}
        return Call("dead-man", post(signer, "cancelallordersafter", params), weight=ALL_WEIGHT)

    def query(self, command: Command, signer: Signer) -> Call:
        """Ask for one order among the open ones, then for its trades."""
        context = Sought.of(command).text()
        return Call("query", get(signer, "openorders"), weight=QUESTION_WEIGHT, context=context)

    def whose(
        self,
        instrument: Instrument,  # noqa: ARG002
        venue_id: str,  # noqa: ARG002
        signer: Signer,  # noqa: ARG002
    ) -> Call | None:
        """Return None: fills name our ids."""
        return None

    def open_orders(
        self,
        instruments: Sequence[Instrument],  # noqa: ARG002
        signer: Signer,
    ) -> Sequence[Call]:
        """Ask for what is open in the account."""
        return [Call("open-orders", get(signer, "openorders"), weight=QUESTION_WEIGHT)]

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        """Ask for our trades, the newest first."""
        return futures_requests.trades(instrument.symbol, since_ns, "", signer)

    def account(
        self,
        instruments: Sequence[Instrument],  # noqa: ARG002
        signer: Signer,
    ) -> Sequence[Call]:
        """Ask for balances and positions."""
        return [
            Call("balances", get(signer, "accounts"), weight=QUESTION_WEIGHT),
            Call("positions", get(signer, "openpositions"), weight=QUESTION_WEIGHT),
        ]

    def permissions(self, signer: Signer) -> Call | None:  # noqa: ARG002
        """Return None: the venue does not say what a key may do."""
        return None

    def time(self) -> Call:
        """Ask for the venue's clock, which every answer tells."""
        return Call("time", SignedRequest("GET", f"{API}tickers", {}))

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        """Read the answer to one of the calls above."""
        return futures_answers.read(call, answer, instruments)

    def stream(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how a challenge is asked for; its answer carries the subscriptions."""
        asking = {"event": "challenge", "api_key": signer.credentials.key}
        # The venue answers each ping, so they also show that it lives.
        return StreamPlan(
            f"{self.endpoints.stream}/ws/v1",
            (orjson.dumps(asking),),
            silence_ns=15 * SECOND,
            ping=b'{"event":"ping"}',
            ping_ns=5 * SECOND,
        )

    def stream_key(self, signer: Signer, key: str) -> Call | None:  # noqa: ARG002
        """Return None: each subscription is signed."""
        return None

    def order_socket(self, signer: Signer, key: str) -> StreamPlan | None:  # noqa: ARG002
        """Return None: orders go by REST only."""
        return None

    def reader(self, signer: Signer, instruments: Mapping[str, Instrument]) -> FuturesReader:
        """Return a reader for a new connection."""
        return FuturesReader(signer, instruments)
