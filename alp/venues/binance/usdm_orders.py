"""Orders on Binance USDⓈ-M futures; one-way position mode."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from alp.errors import ConfigError, VenueError
from alp.venues.adapter import SECOND, Endpoints
from alp.venues.binance import order_rows as rows_of
from alp.venues.binance import orders_common as common
from alp.venues.binance import usdm_market
from alp.venues.binance.common import HOUR
from alp.venues.binance.order_rows import MILLISECOND, array
from alp.venues.binance.usdm_stream import STILL_THERE, UsdmReader
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Action,
    Balance,
    Call,
    Capability,
    Command,
    Outcome,
    Policy,
    PositionNews,
    Signer,
    StreamPlan,
)
from alp.venues.signing import Value

PRODUCTION = Endpoints(
    usdm_market.PRODUCTION.rest, usdm_market.PRODUCTION.stream, "wss://ws-fapi.binance.com"
)
ONE_WAY = "the account is in hedge mode; alp needs one-way mode"
_IS_KEY = re.compile(r"[A-Za-z0-9_-]{1,256}").fullmatch
_ORDER, _BATCH, _KEY = "/fapi/v1/order", "/fapi/v1/batchOrders", "/fapi/v1/listenKey"


class UsdmOrders(common.BinanceOrders):
    """``binance-usdm``: orders by REST or WebSocket API, events on a stream that a key opens.

    An amend re-queues the order; one that would cross, or asks for no more than is filled, cancels
    it.

    Parameters
    ----------
    endpoints
        Where it is; ``/private/ws`` is added to the stream, ``/ws-fapi/v1`` to the orders' socket.
    """

    exchange = "binance-usdm"
    capabilities = (
        Capability.CANCEL_BY_CLIENT_ID
        | Capability.CANCEL_ALL_SYMBOL
        | Capability.DEAD_MAN_SYMBOL
        | Capability.AMEND_PRICE
        | Capability.AMEND_MORE
        | Capability.AMEND_LESS
        | Capability.SOCKET_ORDERS
        | Capability.REDUCE_ONLY
        | Capability.FILLS_STREAMED
        | Capability.BALANCES_STREAMED
        | Capability.POSITIONS
    )
    most_in_batch: Mapping[Action, int] = {Action.NEW: 5, Action.AMEND: 5, Action.CANCEL: 10}
    weight_per_minute = 2400
    orders_per_10s = 300
    dead_man_ns = 30 * SECOND
    forgets_ns = 3 * 24 * HOUR

    prefix = "/fapi/v1"
    trades_path = "/fapi/v1/userTrades"
    trades_weight = 5
    trades_window_ms = 7 * 24 * 3600 * 1000 - 1
    query_weight = 1
    open_orders_weight = 1
    socket_path = "/ws-fapi/v1"
    methods: Mapping[Action, str] = {
        Action.NEW: "order.place",
        Action.AMEND: "order.modify",
        Action.CANCEL: "order.cancel",
    }
    places: Mapping[Action, tuple[str, str]] = {
        Action.NEW: ("POST", _ORDER),
        Action.AMEND: ("PUT", _ORDER),
        Action.CANCEL: ("DELETE", _ORDER),
    }

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        super().__init__(endpoints)
        self._readers |= {
            "balances": self._read_balances,
            "positions": self._read_positions,
            "dead-man": self._read_dead_man,
            "stream-key": self._read_key,
        }

    def _cost(self, action: Action, count: int) -> tuple[int, int]:
        if action is Action.CANCEL:
            return 1, 0
        return (0, 1) if count == 1 else (5, count)

    def _params(self, command: Command) -> dict[str, Value]:
        if command.action is Action.CANCEL:
            return self.named(command)
        instrument = command.instrument
        terms: dict[str, Value] = {
            "side": rows_of.SIDES[command.side],
            "quantity": instrument.order_quantity.text(command.quantity),
            "price": instrument.price.text(command.price),
        }
        if command.action is Action.AMEND:
            return self.named(command) | terms
        params = {"symbol": instrument.symbol, **terms, "type": "LIMIT"}
        params["timeInForce"] = "GTX" if command.post_only else command.time_in_force.name
        params["newClientOrderId"] = command.client_id
        # What rests is acknowledged at once; what takes answers with what became of it.
        params["newOrderRespType"] = "ACK" if command.post_only else "RESULT"
        params["selfTradePreventionMode"] = common.STP
        if command.reduce_only:
            params["reduceOnly"] = "true"
        return params

    def commands(self, commands: Sequence[Command], signer: Signer, *, socket: bool) -> Call:
        """Return the call of commands; a batch goes by REST, with or without a socket.

        Raises
        ------
        ConfigError
            If the venue cannot do this.
        """
        if len(commands) <= 1:
            return super().commands(commands, signer, socket=socket)
        self.checked(commands)
        action = commands[0].action
        params: dict[str, Value]
        if action is Action.CANCEL:
            params = {"symbol": commands[0].instrument.symbol}
            if all(command.client_id for command in commands):
                ids = common.json_list(command.client_id for command in commands)
                params["origClientOrderIdList"] = ids
            elif all(command.venue_id.isdecimal() for command in commands):
                params["orderIdList"] = common.json_list(int(each.venue_id) for each in commands)
            else:
                raise ConfigError("a batch of cancels is by ids of one kind")
        else:
            params = {"batchOrders": common.json_list(map(self._params, commands))}
        weight, orders = self._cost(action, len(commands))
        return Call(
            action.name.lower(),
            self._signed(self.places[action][0], _BATCH, params, signer),
            commands=tuple(commands),
            weight=weight,
            orders=orders,
        )

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        """Cancel everything of a product; the stream tells of each order, the answer of none.

        Raises
        ------
        ConfigError
            If no product is named.
        """
        if instrument is None:
            raise ConfigError(f"{self.exchange} cancels all of one product, not of the account")
        params: dict[str, Value] = {"symbol": instrument.symbol}
        path = f"{self.prefix}/allOpenOrders"
        return Call("cancel-all", self._signed("DELETE", path, params, signer))

    def _read_cancel_all(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        answer = Fields(self.exchange, "the answer", result)
        if answer.whole("code") != 200:
            answer.fail("does not say that it was done")
        return Outcome()

    def _parts(self, fields: Fields) -> tuple[bool, bool]:
        return rows_of.side_of(fields, "side") == rows_of.BUY, fields.flag("maker")

    def account(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:
        """Ask for balances and positions; a product that is not in the answer has none."""
        asked = " ".join(instrument.symbol for instrument in instruments)
        return [
            self._ask("balances", "/fapi/v3/balance", {}, signer, weight=5),
            self._ask("positions", "/fapi/v3/positionRisk", {}, signer, weight=5, context=asked),
        ]

    def _read_balances(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        rows = (Fields(self.exchange, "a balance", row) for row in array(self.exchange, result))
        return Outcome(
            balances=tuple(
                Balance(
                    row.text("asset"),
                    rows_of.balance(row, "balance"),
                    rows_of.balance(row, "availableBalance"),
                )
                for row in rows
            )
        )

    def _read_positions(
        self, call: Call, result: object, instruments: Mapping[str, Instrument]
    ) -> Outcome:
        found = {symbol: PositionNews(symbol, 0) for symbol in call.context.split()}
        for each in array(self.exchange, result):
            row = Fields(self.exchange, "a position", each)
            symbol = row.text("symbol")
            if symbol not in found:
                continue
            if symbol not in instruments:
                row.fail(f"is of {symbol}, which is not known here")
            if row.text("positionSide") != "BOTH":
                return Outcome(policy=Policy.HALT, text=ONE_WAY)
            instrument = instruments[symbol]
            found[symbol] = PositionNews(
                symbol,
                rows_of.signed_steps(row, "positionAmt", instrument.order_quantity),
                rows_of.entry_ticks(row, "entryPrice", instrument.price),
            )
        return Outcome(positions=tuple(found.values()))

    def permissions(self, signer: Signer) -> Call:
        """Ask what the account may do; whether the key may withdraw is not said here."""
        return self._ask("permissions", "/fapi/v1/accountConfig", {}, signer, weight=5)

    def _read_permissions(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        row = Fields(self.exchange, "the account", result)
        trades = row.flag("canTrade")
        if row.optional_flag("dualSidePosition"):
            return Outcome(policy=Policy.HALT, text=ONE_WAY)
        allowed = frozenset({"read", "trade"} if trades else {"read"})
        return Outcome(permissions=allowed, text="the venue says it of the account only")

    def dead_man(self, instrument: Instrument | None, timeout_ns: int, signer: Signer) -> Call:
        """Set the timer of a product.

        Raises
        ------
        ConfigError
            If no product is named.
        """
        if instrument is None:
            raise ConfigError(f"{self.exchange} has a timer for each product, none for the account")
        params: dict[str, Value] = {
            "symbol": instrument.symbol,
            "countdownTime": timeout_ns // MILLISECOND,
        }
        path = f"{self.prefix}/countdownCancelAll"
        return Call("dead-man", self._signed("POST", path, params, signer), weight=10)

    def _read_dead_man(self, call: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        row = Fields(self.exchange, f"the answer to {call.name}", result)
        row.whole("countdownTime")
        return Outcome()

    def stream_key(self, signer: Signer, key: str) -> Call:
        """Ask for a listen key, or prolong it; where that fails the venue wants a new one."""
        method = "PUT" if key else "POST"
        return Call("stream-key", common.key_request(signer, method, _KEY), context=key)

    def _read_key(self, call: Call, result: object, _: Mapping[str, Instrument]) -> Outcome:
        row = Fields(self.exchange, "the answer", result)
        if "listenKey" not in row and call.context:
            return Outcome(text=call.context)
        key = row.text("listenKey")
        if not _IS_KEY(key):
            raise VenueError(f"{self.exchange}: a listen key that is none")
        return Outcome(text=key)

    def stream(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how the private stream is opened.

        Raises
        ------
        ConfigError
            If there is no key.
        """
        if not key:
            raise ConfigError(f"{self.exchange}: the private stream needs a listen key")
        return StreamPlan(
            f"{self.endpoints.stream}/private/ws?listenKey={key}",
            (STILL_THERE,),
            renew_ns=HOUR // 2,
            lifetime_ns=23 * HOUR,
            silence_ns=15 * SECOND,
            ping=STILL_THERE,
            ping_ns=5 * SECOND,
        )

    def reader(self, signer: Signer, instruments: Mapping[str, Instrument]) -> UsdmReader:  # noqa: ARG002
        """Return a reader for a new connection."""
        return UsdmReader(instruments)
