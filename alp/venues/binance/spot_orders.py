"""Orders on Binance spot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints
from alp.venues.binance import order_rows as rows_of
from alp.venues.binance import orders_common as common
from alp.venues.binance import spot_market
from alp.venues.binance.order_errors import Ruling
from alp.venues.binance.order_rows import array
from alp.venues.binance.replies import Reply
from alp.venues.binance.spot_stream import SpotReader
from alp.venues.credentials import Kind
from alp.venues.fields import Fields
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Action,
    Balance,
    Call,
    Capability,
    Command,
    Fact,
    Outcome,
    Signer,
    StreamPlan,
)
from alp.venues.signing import Value

PRODUCTION = Endpoints(
    spot_market.PRODUCTION.rest, spot_market.PRODUCTION.stream, "wss://ws-api.binance.com:443"
)
NO_OPEN_ORDERS = -2011
NO_SUCH_PAGE = 404
_ORDER = "/api/v3/order"
_PERMISSIONS = {
    "enableReading": "read",
    "enableSpotAndMarginTrading": "trade",
    "enableWithdrawals": "withdraw",
}


class SpotOrders(common.BinanceOrders):
    """``binance-spot``: orders by REST or WebSocket API, events on the latter.

    An amend only lowers the quantity, and keeps the order's place. The venue's cancel-and-replace
    is no amend: it makes another order, whose fills count from 0, and what was filled before the
    cancel took effect would be asked for once more.

    Parameters
    ----------
    endpoints
        Where it is; ``/ws-api/v3`` is added to the orders' socket.
    """

    exchange = "binance-spot"
    capabilities = (
        Capability.CANCEL_BY_CLIENT_ID
        | Capability.CANCEL_ALL_SYMBOL
        | Capability.AMEND_LESS
        | Capability.AMEND_KEEPS_PRIORITY
        | Capability.SOCKET_ORDERS
        | Capability.FILLS_STREAMED
        | Capability.BALANCES_STREAMED
    )
    most_in_batch: Mapping[Action, int] = {}
    weight_per_minute = 6000
    orders_per_10s = 100

    prefix = "/api/v3"
    trades_path = "/api/v3/myTrades"
    trades_weight = 20
    trades_window_ms = 24 * 3600 * 1000 - 1
    query_weight = 4
    open_orders_weight = 6
    socket_path = "/ws-api/v3"
    methods: Mapping[Action, str] = {
        Action.NEW: "order.place",
        Action.AMEND: "order.amend.keepPriority",
        Action.CANCEL: "order.cancel",
    }
    places: Mapping[Action, tuple[str, str]] = {
        Action.NEW: ("POST", _ORDER),
        Action.AMEND: ("PUT", f"{_ORDER}/amend/keepPriority"),
        Action.CANCEL: ("DELETE", _ORDER),
    }

    def __init__(self, endpoints: Endpoints = PRODUCTION) -> None:
        super().__init__(endpoints)
        self._readers["account"] = self._read_account

    def _cost(self, action: Action, count: int) -> tuple[int, int]:  # noqa: ARG002
        if action is Action.AMEND:
            return 4, 0
        return 1, int(action is Action.NEW)

    def _check_new(self, command: Command) -> None:
        super()._check_new(command)
        if command.reduce_only:
            raise ConfigError(f"{self.exchange} has no positions, and nothing that only reduces")

    def _params(self, command: Command) -> dict[str, Value]:
        if command.action is Action.CANCEL:
            return self.named(command)
        quantity = command.instrument.order_quantity.text(command.quantity)
        if command.action is Action.AMEND:
            # Without it the venue would give the order a new id.
            kept: dict[str, Value] = {"newQty": quantity}
            if command.client_id:
                kept["newClientOrderId"] = command.client_id
            return self.named(command) | kept
        params: dict[str, Value] = {
            "symbol": command.instrument.symbol,
            "side": rows_of.SIDES[command.side],
            "type": "LIMIT_MAKER" if command.post_only else "LIMIT",
        }
        if not command.post_only:
            params["timeInForce"] = command.time_in_force.name
        return params | {
            "quantity": quantity,
            "price": command.instrument.price.text(command.price),
            "newClientOrderId": command.client_id,
            "newOrderRespType": "RESULT" if command.post_only else "FULL",
            "selfTradePreventionMode": common.STP,
        }

    def _order_of(self, command: Command, result: object) -> Fields:
        fields = super()._order_of(command, result)
        return fields.inner("amendedOrder") if "amendedOrder" in fields else fields

    def cancel_all(self, instrument: Instrument | None, signer: Signer) -> Call:
        """Cancel everything of a product.

        Raises
        ------
        ConfigError
            If no product is named.
        """
        if instrument is None:
            raise ConfigError(f"{self.exchange} cancels all of one product, not of the account")
        params: dict[str, Value] = {"symbol": instrument.symbol}
        return Call("cancel-all", self._signed("DELETE", "/api/v3/openOrders", params, signer))

    def _read_error(self, call: Call, found: Reply, ruling: Ruling) -> Outcome:
        if call.name == "cancel-all" and found.code == NO_OPEN_ORDERS and ruling.known:
            return Outcome(text=found.text, spent=found.spent)
        if call.name == "permissions" and found.status == NO_SUCH_PAGE:
            return Outcome(permissions=frozenset({"read", "trade"}), text=found.text)
        return super()._read_error(call, found, ruling)

    def _read_cancel_all(
        self, _: Call, result: object, instruments: Mapping[str, Instrument]
    ) -> Outcome:
        said: list[Fact] = []
        for each in array(self.exchange, result):
            row = Fields(self.exchange, "a cancelled order", each)
            listed = row.rows("orderReports") if "orderReports" in row else [each]
            for order in listed:
                fields = Fields(self.exchange, "a cancelled order", order)
                instrument = instruments.get(fields.text("symbol"))
                if instrument is not None:
                    found = rows_of.report(fields, instrument)
                    said += rows_of.ending(found, instrument.symbol)
        return Outcome(tuple(said))

    def _parts(self, fields: Fields) -> tuple[bool, bool]:
        return fields.flag("isBuyer"), fields.flag("isMaker")

    def account(self, instruments: Sequence[Instrument], signer: Signer) -> Sequence[Call]:  # noqa: ARG002
        """Ask for balances."""
        params: dict[str, Value] = {"omitZeroBalances": "true"}
        return [self._ask("account", "/api/v3/account", params, signer, weight=20)]

    def _read_account(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        balances = []
        for each in Fields(self.exchange, "the account", result).rows("balances"):
            row = Fields(self.exchange, "a balance", each)
            free, locked = rows_of.balance(row, "free"), rows_of.balance(row, "locked")
            balances.append(Balance(row.text("asset"), free + locked, free))
        return Outcome(balances=tuple(balances))

    def permissions(self, signer: Signer) -> Call:
        """Ask what the key may do; a test system has no such page, and nothing to withdraw."""
        return self._ask("permissions", "/sapi/v1/account/apiRestrictions", {}, signer, weight=1)

    def _read_permissions(self, _: Call, result: object, __: Mapping[str, Instrument]) -> Outcome:
        row = Fields(self.exchange, "the key", result)
        granted = {name for member, name in _PERMISSIONS.items() if row.flag(member)}
        return Outcome(permissions=frozenset(granted))

    def dead_man(self, instrument: Instrument | None, timeout_ns: int, signer: Signer) -> None:
        """Return None: the venue has no timer."""

    def stream_key(self, signer: Signer, key: str) -> None:
        """Return None: messages on the socket open the stream."""

    def stream(self, signer: Signer, key: str) -> StreamPlan:  # noqa: ARG002
        """Return how the private stream is opened; its messages are for one opening only."""
        if signer.credentials.kind is Kind.ED25519:
            opening = common.logon(signer, common.LOGGED_ON_FOR_EVENTS)
        else:
            method = "userDataStream.subscribe.signature"
            opening = common.signed_message(signer, common.EVENTS, method)
        return self._socket_plan(opening)

    def reader(self, signer: Signer, instruments: Mapping[str, Instrument]) -> SpotReader:  # noqa: ARG002
        """Return a reader for a new connection."""
        return SpotReader(instruments)
