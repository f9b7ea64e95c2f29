"""What the order entry of Binance's exchanges has in common: calls, their answers, their pages.

Sources: developers.binance.com, "Trade" and "Account" of USDⓈ-M futures and of spot, REST and
WebSocket API, and the general information of both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace

import orjson

from alp._core.order_life import OrderEvent
from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Endpoints
from alp.venues.binance import order_errors as errors
from alp.venues.binance import order_rows as rows_of
from alp.venues.binance.common import HOUR
from alp.venues.binance.order_rows import MILLISECOND, array
from alp.venues.binance.replies import SHOWN, Reply, counters, failed, refuses, reply
from alp.venues.binance.signing import key_header, sign_call, sign_logon, sign_request
from alp.venues.credentials import Kind
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.order_facts import client_id as client_id_in
from alp.venues.order_facts import refused, undecided, unknown
from alp.venues.orders import (
    Action,
    Answer,
    Call,
    Capability,
    Command,
    Fact,
    Outcome,
    Policy,
    Signer,
    StreamPlan,
    TimeInForce,
)
from alp.venues.signing import SignedRequest, Value

PAGE = 1000
"""Trades in an answer, at most."""
OPENED, LOGGED_ON, LOGGED_ON_FOR_EVENTS, EVENTS, PING = (
    "alp-open",
    "alp-logon",
    "alp-logon-for-events",
    "alp-events",
    "alp-ping",
)
"""References of messages that open a socket, and of its sign of life."""

STATUS = "session.status"
"""Answered on both exchanges, logged on or not."""
STP = "EXPIRE_MAKER"
"""An order of ours that takes wins over one that rests: the hedge goes through."""


_SERIOUS = (
    Policy.RETRY_NOW,
    Policy.REQUOTE,
    Policy.FIX_CONFIG,
    Policy.PAUSE_SIDE,
    Policy.PAUSE_SYMBOL,
    Policy.RESYNC_STATE,
    Policy.QUERY,
    Policy.RETRY_AFTER,
    Policy.RESYNC_CLOCK,
    Policy.HALT,
)
"""Of a batch's errors the most serious is its policy."""

Reader = Callable[[Call, object, Mapping[str, Instrument]], Outcome]


class BinanceOrders(ABC):
    """What the adapters of Binance's exchanges share; see :class:`alp.venues.orders.OrderAdapter`.

    Parameters
    ----------
    endpoints
        Where it is.
    """

    exchange: str
    capabilities: Capability
    most_in_batch: Mapping[Action, int]
    weight_per_minute: int
    orders_per_10s: int
    # The venue takes no order that is older than the recvWindow of 5 s, so after twice that one
    # that is not found will not be there later either.
    not_found_ns = 10 * SECOND
    dead_man_ns = 0
    forgets_ns = 0
    """An order that ended without a trade is not found any more when it is so old; 0: it is."""

    prefix: str
    """Of REST: ``/fapi/v1``."""
    trades_path: str
    trades_weight: int
    trades_window_ms: int
    """The longest time that one request may ask for."""
    query_weight: int
    open_orders_weight: int
    socket_path: str
    methods: Mapping[Action, str]
    """Of the WebSocket API."""
    places: Mapping[Action, tuple[str, str]]
    """Method and path of REST."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._readers: dict[str, Reader] = {
            **{action.name.lower(): self._read_commands for action in Action},
            "cancel-all": self._read_cancel_all,
            "query": self._read_query,
            "whose": self._read_whose,
            "open-orders": self._read_open_orders,
            "trades": self._read_trades,
            "permissions": self._read_permissions,
            "time": self._read_time,
        }

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of a command; the venue takes one at a time.

        Raises
        ------
        ConfigError
            If the venue cannot do this.
        """
        first = self.checked(commands)
        params = self._params(first)
        name = first.action.name.lower()
        weight, orders = self._cost(first.action, 1)
        request: SignedRequest | None = None
        message, reference = None, ""
        if socket:
            message, reference = self._message(self.methods[first.action], params, signer)
        else:
            request = self._signed(*self.places[first.action], params, signer)
        return Call(name, request, message, reference, tuple(commands), weight, orders)

    def checked(self, commands: Sequence[Command]) -> Command:
        """Return the first of commands that may be sent together.

        Raises
        ------
        ConfigError
            If they may not.
        """
        if not commands:
            raise ConfigError("a call of no commands")
        first = commands[0]
        most = self.most_in_batch.get(first.action, 1)
        if len(commands) > most:
            raise ConfigError(f"{self.exchange} takes {most} {first.action.name} in one call")
        for command in commands:
            if (command.action, command.instrument) != (first.action, first.instrument):
                raise ConfigError("the commands of one call are of one action and one product")
            if not (command.client_id or command.venue_id):
                raise ConfigError("a command names its order by neither id")
            if command.action is not Action.CANCEL and not (
                command.price > 0 and command.quantity > 0 and command.side in rows_of.SIDES
            ):
                raise ConfigError(f"{command.client_id} has no side, price or quantity")
            if command.action is Action.NEW:
                self._check_new(command)
        return first

    def _check_new(self, command: Command) -> None:
        if not command.client_id:
            raise ConfigError("a new order needs an id of ours")
        if command.post_only and command.time_in_force is not TimeInForce.GTC:
            raise ConfigError(
                f"{command.client_id}: what only rests cannot be {command.time_in_force.name}"
            )

    @abstractmethod
    def _cost(self, action: Action, count: int) -> tuple[int, int]:
        """Return what so many commands cost: weight, and orders."""

    @abstractmethod
    def _params(self, command: Command) -> dict[str, Value]:
        """Return the parameters of a command."""

    @staticmethod
    def named(command: Command) -> dict[str, Value]:
        """Return the parameters that name an order that is there."""
        product = {"symbol": command.instrument.symbol}
        if command.client_id:
            return {**product, "origClientOrderId": command.client_id}
        return {**product, "orderId": command.venue_id}

    def _signed(
        self, method: str, path: str, params: Mapping[str, Value], signer: Signer
    ) -> SignedRequest:
        stamp = signer.now_ns() // MILLISECOND
        return sign_request(signer.credentials, method, path, params, timestamp_ms=stamp)

    def _message(
        self, method: str, params: Mapping[str, Value], signer: Signer
    ) -> tuple[bytes, str]:
        """Return a message of the WebSocket API; after a logon it needs no signature."""
        stamp = signer.now_ns() // MILLISECOND
        reference = signer.random_hex()[:32]
        if signer.credentials.kind is Kind.ED25519:
            signed: dict[str, Value] = {**params, "timestamp": stamp}
        else:
            signed = sign_call(signer.credentials, params, timestamp_ms=stamp)
        return socket_message(reference, method, signed), reference

    def _ask(
        self,
        name: str,
        path: str,
        params: Mapping[str, Value],
        signer: Signer,
        *,
        weight: int,
        context: str = "",
    ) -> Call:
        request = self._signed("GET", path, params, signer)
        return Call(name, request, weight=weight, context=context)

    def query(self, command: Command, signer: Signer) -> Call:
        """Ask for one order; its number names the last command whose effect the answer shows."""
        return self._ask(
            "query",
            f"{self.prefix}/order",
            self.named(command),
            signer,
            weight=self.query_weight,
            context=(
                f"{command.number} {command.sent_ns} {command.instrument.symbol} "
                f"{command.client_id}"
            ),
        )

    def whose(self, instrument: Instrument, venue_id: str, signer: Signer) -> Call | None:
        """Ask for an order by the venue's id: trades name no other."""
        return self._ask(
            "whose",
            f"{self.prefix}/order",
            {"symbol": instrument.symbol, "orderId": venue_id},
            signer,
            weight=self.query_weight,
        )

    def open_orders(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        """Ask for what is open, product by product: all at once would cost more."""
        return [
            self._ask(
                "open-orders",
                f"{self.prefix}/openOrders",
                {"symbol": instrument.symbol},
                signer,
                weight=self.open_orders_weight,
            )
            for instrument in instruments
        ]

    def trades(self, instrument: Instrument, since_ns: int, signer: Signer) -> Call:
        """Ask for our trades since a time, window by window until now, oldest first."""
        now_ms = signer.now_ns() // MILLISECOND
        return self._trades_since(instrument.symbol, since_ns // MILLISECOND, now_ms, signer)

    def _trades_since(self, symbol: str, since_ms: int, until_ms: int, signer: Signer) -> Call:
        end_ms = since_ms + self.trades_window_ms
        if end_ms >= until_ms:
            return self._trades(symbol, {"startTime": since_ms}, signer, "")
        window = {"startTime": since_ms, "endTime": end_ms}
        return self._trades(symbol, window, signer, f"{end_ms} {until_ms}")

    def _trades(self, symbol: str, which: Mapping[str, Value], signer: Signer, rest: str) -> Call:
        return self._ask(
            "trades",
            self.trades_path,
            {"symbol": symbol, **which, "limit": PAGE},
            signer,
            weight=self.trades_weight,
            context=f"{symbol} {rest}".strip(),
        )

    def time(self) -> Call:
        """Ask for the venue's clock."""
        return Call("time", SignedRequest("GET", f"{self.prefix}/time", {}))

    def order_socket(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how the socket for orders is opened; its messages are for one opening only."""
        if signer.credentials.kind is Kind.ED25519:
            opening = logon(signer, LOGGED_ON)
        else:
            opening = socket_message(OPENED, STATUS, {})
        return self._socket_plan(opening)

    def _socket_plan(self, opening: bytes) -> StreamPlan:
        return StreamPlan(
            f"{self.endpoints.orders}{self.socket_path}",
            (opening,),
            lifetime_ns=23 * HOUR,
            silence_ns=15 * SECOND,
            ping=socket_message(PING, STATUS, {}),
            ping_ns=5 * SECOND,
        )

    def read(self, call: Call, answer: Answer, instruments: Mapping[str, Instrument]) -> Outcome:
        """Read an answer; see :meth:`alp.venues.orders.OrderAdapter.read`."""
        try:
            found = reply(self.exchange, answer)
        except VenueError as error:
            return _lost(call, str(error), counters(answer.headers))
        if found.ruling is not None:
            return self._read_error(call, found, found.ruling)
        try:
            outcome = self._readers[call.name](call, found.result, instruments)
        except VenueError as error:
            return _lost(call, str(error), found.spent)
        return replace(outcome, spent=found.spent)

    def _read_error(self, call: Call, found: Reply, ruling: errors.Ruling) -> Outcome:
        if call.name == "query" and ruling.known:
            missing = self._missing(call, found)
            if missing is not None:
                return Outcome((missing,), text=found.text, spent=found.spent)
        if call.name == "whose" and found.code in (errors.NO_SUCH_ORDER, errors.ARCHIVED):
            return Outcome(spent=found.spent)
        return Outcome(
            tuple(_undone(command, ruling) for command in call.commands),
            ruling.policy,
            found.retry_ns,
            found.text,
            found.spent,
        )

    def _missing(self, call: Call, found: Reply) -> Fact | None:
        """Return what it means that an order is not found; None where the error is another."""
        _, sent_ns, symbol, client_id = call.context.split(" ", 3)
        age_ns = found.received_ns - int(sent_ns) if int(sent_ns) else 0
        forgotten = 0 < self.forgets_ns < age_ns and found.code == errors.NO_SUCH_ORDER
        if forgotten or found.code == errors.ARCHIVED:
            return Fact(OrderEvent.CANCELED, client_id, symbol=symbol, cumulative=0)
        if found.code == errors.NO_SUCH_ORDER:
            return Fact(OrderEvent.NOT_FOUND, client_id, symbol=symbol)
        return None

    def _read_commands(self, call: Call, result: object, _: Mapping[str, Instrument]) -> Outcome:
        if len(call.commands) == 1:
            fields = self._order_of(call.commands[0], result)
            return Outcome(
                tuple(rows_of.READERS[call.commands[0].action](call.commands[0], fields))
            )
        return self._read_batch(call, array(self.exchange, result))

    def _order_of(self, command: Command, result: object) -> Fields:
        return Fields(self.exchange, f"the order {command.client_id}", result)

    def _read_batch(self, call: Call, rows: Sequence[object]) -> Outcome:
        """Read a batch: an answer for each command, in their order, or it says nothing of any."""
        if len(rows) != len(call.commands):
            raise VenueError(f"{self.exchange}: {len(rows)} of {len(call.commands)} answers")
        said: list[Fact] = []
        worst = Outcome()
        for command, row in zip(call.commands, rows, strict=True):
            one = self._read_element(command, row)
            said += one.facts
            worst = max(worst, one, key=_seriousness)
        return replace(worst, facts=tuple(said))

    def _read_element(self, command: Command, row: object) -> Outcome:
        if refuses(row):
            # An element has no status of its own; what is listed decides.
            found = failed(self.exchange, 400, row, Answer(b""), {})
            assert found.ruling is not None
            fact = _undone(command, found.ruling)
            return Outcome((fact,), found.ruling.policy, found.retry_ns, found.text)
        try:
            fields = self._order_of(command, row)
            return Outcome(tuple(rows_of.READERS[command.action](command, fields)))
        except VenueError as error:
            return Outcome((unknown(command),), Policy.QUERY, text=str(error)[:SHOWN])

    @abstractmethod
    def _read_cancel_all(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        """Read the answer to a cancel of everything."""

    @abstractmethod
    def _read_permissions(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        """Read what the key may do."""

    def _read_query(
        self, call: Call, result: object, instruments: Mapping[str, Instrument]
    ) -> Outcome:
        number, _, symbol, client_id = call.context.split(" ", 3)
        fields = Fields(self.exchange, f"the order {client_id}", result)
        if symbol not in instruments:
            fields.fail(f"is of {symbol}, which is not known here")
        fact = rows_of.found_order(fields, instruments[symbol], int(number))
        if client_id and fact.client_id != client_id:
            fields.fail(f"is {fact.client_id!r}")
        return Outcome((fact,))

    def _read_whose(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        fields = Fields(self.exchange, "an order", result)
        return Outcome(text=client_id_in(fields, "clientOrderId"))

    def _read_open_orders(
        self, _: Call, result: object, instruments: Mapping[str, Instrument]
    ) -> Outcome:
        rows = array(self.exchange, result)
        return Outcome(orders=rows_of.live_orders(self.exchange, rows, instruments))

    def _read_trades(
        self, call: Call, result: object, instruments: Mapping[str, Instrument]
    ) -> Outcome:
        symbol, *window = call.context.split(" ")
        if symbol not in instruments:
            raise VenueError(f"{self.exchange}: trades of {symbol}, which is not known here")
        rows = array(self.exchange, result)
        fills = tuple(self._trade(row, instruments[symbol]) for row in rows)
        return Outcome(fills, more=self._more_trades(symbol, fills, [int(ms) for ms in window]))

    def _more_trades(
        self, symbol: str, fills: Sequence[Fact], window: Sequence[int]
    ) -> Callable[[Signer], Call] | None:
        if len(fills) >= PAGE or (fills and window):
            after = 1 + max(int(fill.trade_id) for fill in fills)
            return lambda signer: self._trades(symbol, {"fromId": after}, signer, "")
        if window:
            end_ms, until_ms = window
            return lambda signer: self._trades_since(symbol, end_ms, until_ms, signer)
        return None

    def _trade(self, row: object, instrument: Instrument) -> Fact:
        fields = Fields(self.exchange, "a trade", row)
        if fields.text("symbol") != instrument.symbol:
            fields.fail(f"is of {fields.text('symbol')}, not of {instrument.symbol}")
        buyer, maker = self._parts(fields)
        return Fact(
            OrderEvent.FILL,
            "",
            rows_of.identity(fields, "orderId"),
            instrument.symbol,
            price=rows_of.size(fields, "price", instrument.price),
            quantity=rows_of.size(fields, "qty", instrument.order_quantity),
            trade_id=rows_of.identity(fields, "id"),
            side=rows_of.BUY if buyer else rows_of.SELL,
            fee=rows_of.fee(fields, "commission"),
            fee_asset=fields.text("commissionAsset"),
            liquidity=rows_of.MAKER if maker else rows_of.TAKER,
            at_ns=rows_of.milliseconds(fields, "time"),
        )

    @abstractmethod
    def _parts(self, fields: Fields) -> tuple[bool, bool]:
        """Return whether we bought, and whether our order rested."""

    def _read_time(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        fields = Fields(self.exchange, "the time", result)
        if "serverTime" not in fields:
            fields.fail("is none")
        return Outcome(venue_ns=rows_of.milliseconds(fields, "serverTime"))


def key_request(signer: Signer, method: str, path: str) -> SignedRequest:
    """Return a request that only names the account."""
    return SignedRequest(method, path, key_header(signer.credentials))


def logon(signer: Signer, reference: str) -> bytes:
    """Return the message that makes a connection ours; Ed25519 keys only."""
    params = sign_logon(signer.credentials, timestamp_ms=signer.now_ns() // MILLISECOND)
    return socket_message(reference, "session.logon", params)


def signed_message(signer: Signer, reference: str, method: str) -> bytes:
    """Return a message of the WebSocket API that is signed by itself."""
    params = sign_call(signer.credentials, timestamp_ms=signer.now_ns() // MILLISECOND)
    return socket_message(reference, method, params)


def socket_message(reference: str, method: str, params: Mapping[str, Value]) -> bytes:
    """Return a message of the WebSocket API."""
    message: dict[str, object] = {"id": reference, "method": method}
    return orjson.dumps({**message, "params": dict(params)} if params else message)


def json_list(rows: Iterable[object]) -> str:
    """Return a parameter that is a list: JSON without blanks."""
    return orjson.dumps(list(rows)).decode()


def _undone(command: Command, ruling: errors.Ruling) -> Fact:
    return refused(command, ruling.reason) if ruling.known else unknown(command)


def _seriousness(outcome: Outcome) -> int:
    return -1 if outcome.policy is None else _SERIOUS.index(outcome.policy)


def _lost(call: Call, text: str, spent: Mapping[str, int]) -> Outcome:
    return replace(undecided(call, text), spent=spent)
