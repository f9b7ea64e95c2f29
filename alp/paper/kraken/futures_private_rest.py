"""Kraken Futures' private REST: orders only here, and statuses that refuse within a success."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from alp.paper.accounts import READ, TRADE, Account, ApiKey, RateWindow
from alp.paper.asked import instant_ns, parameters, steps, texts
from alp.paper.desk import Desk
from alp.paper.kraken.futures_forms import (
    Row,
    coins,
    event_order,
    executions,
    fill,
    moment,
    name_of,
    open_order,
    order_status,
    position,
    wealth,
)
from alp.paper.kraken.futures_requests import Problem, price_of, size_of, status_of, ticket_of
from alp.paper.market import Market
from alp.paper.order_uuids import number_of_uuid
from alp.paper.orders import Order, Refusal, Refused, State, Ticket, Tif, Why
from alp.paper.private import ACCOUNT, AMEND, CANCEL, CANCEL_ALL, DEAD_MAN, NEW, QUERY
from alp.paper.protocol import Reply, Request
from alp.venues.kraken.signing import verify_futures_request
from alp.venues.signing import AuthenticationError, Reason

ROOT = "/derivatives/api/v3/"
SECOND = 10**9
POINTS, SPAN_NS = 500, 10 * SECOND
BATCH_POINTS, OLD_FILLS_POINTS = 9, 25
MOST_TIMEOUT_S = 86_400
MOST_LEVERAGE = 50
PAGE = 100
STATUS_NS = 5 * SECOND
"""How long an order that has ended is among the statuses."""
Params = Mapping[str, Any]


class KrakenFuturesRest:
    """Answers requests."""

    def __init__(
        self, desk: Desk, markets: Mapping[str, Market], now_ns: Callable[[], int]
    ) -> None:
        self._desk = desk
        self._markets = markets
        self._now_ns = now_ns
        self._windows: dict[str, RateWindow] = {}
        self._methods: dict[str, tuple[str, int, Callable[[Account, Params], Row]]] = {
            "sendorder": (NEW, 10, lambda *asked: {"sendStatus": self._send(*asked)}),
            "editorder": (AMEND, 10, lambda *asked: {"editStatus": self._edit(*asked)}),
            "cancelorder": (CANCEL, 10, lambda *asked: {"cancelStatus": self._cancel(*asked)}),
            "batchorder": (NEW, BATCH_POINTS, self._batch),
            "cancelallorders": (CANCEL_ALL, 25, self._cancel_all),
            "cancelallordersafter": (DEAD_MAN, 25, self._dead_man),
            "openorders": (QUERY, 2, self._open_orders),
            "orders/status": (QUERY, 1, self._statuses),
            "fills": (QUERY, 2, self._fills),
            "openpositions": (ACCOUNT, 2, self._positions),
            "accounts": (ACCOUNT, 2, self._accounts),
            "leveragepreferences": (ACCOUNT, 2, self._leverage),
        }

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: it is no private one."""
        return self._methods.get(request.path.removeprefix(ROOT), ("",))[0]

    def answer(self, request: Request) -> Reply:
        """Answer a private request."""
        kind, points, method = self._methods[request.path.removeprefix(ROOT)]
        try:
            account, key = self._who(request)
            params = parameters(request.raw_query, request.body)
            self._count(key.name, points + _more_points(request.path, params))
            asks = kind in (QUERY, ACCOUNT) and request.method != "PUT"
            if (READ if asks else TRADE) not in key.permissions:
                raise Problem("authenticationError")
            return Reply(200, self.success(method(account, params)))
        except Problem as problem:
            return Reply(200, self.failure(str(problem)))

    def success(self, content: Row) -> bytes:
        """Return the body of an answer."""
        now = moment(self._now_ns())
        return orjson.dumps({"result": "success", **content, "serverTime": now})

    def failure(self, error: str) -> bytes:
        """Return the body of an error."""
        now = moment(self._now_ns())
        return orjson.dumps({"result": "error", "error": error, "serverTime": now})

    def _who(self, request: Request) -> tuple[Account, ApiKey]:
        found = self._desk.accounts.find(request.headers.get("APIKey"))
        if found is None:
            raise Problem("authenticationError")
        account, key = found
        try:
            nonce = verify_futures_request(
                key.credentials,
                request.raw_path,
                request.raw_query,
                request.body,
                key=key.name,
                authent=request.headers.get("Authent"),
                nonce=request.headers.get("Nonce"),
                after=key.last_nonce,
            )
        except AuthenticationError as error:
            wrong = error.reason is Reason.NONCE
            raise Problem("nonceBelowThreshold" if wrong else "authenticationError") from error
        key.last_nonce = nonce or key.last_nonce
        return account, key

    def _count(self, key: str, points: int) -> None:
        now = self._now_ns()
        window = self._windows.setdefault(key, RateWindow(POINTS, SPAN_NS))
        if window.add(now, points) > window.limit:
            window.add(now, -points)
            raise Problem("apiLimitExceeded")

    # Orders

    def _send(self, account: Account, params: Params) -> Row:
        received = {"receivedTime": moment(self._now_ns())}
        try:
            ticket = ticket_of(params, self._markets)
            if ticket.client_id and self._desk.order(account.name, client_id=ticket.client_id):
                raise Refused(Refusal.DUPLICATE_ID)
            order, status = self._placed(account.name, ticket)
        except Refused as refused:
            return {"status": status_of(refused), **received, "orderEvents": []}
        market = self._markets[order.symbol]
        names = {"order_id": name_of(order)}
        if order.client_id:
            names["cliOrdId"] = order.client_id
        about = event_order(order, market)
        if status != "placed":
            reason = {"postWouldExecute": "POST_WOULD_EXECUTE", "selfFill": "SELF_FILL"}
            event = {"uid": name_of(order), "order": about, "type": "REJECT"}
            events = [{**event, "reason": reason.get(status, "IOC_WOULD_NOT_EXECUTE")}]
        else:
            events = executions(self._trades(order), market)
            if order.is_open or not events:
                placed: Row = {"order": about, "reducedQuantity": None, "type": "PLACE"}
                events.append(placed)
        return {**names, "status": status, **received, "orderEvents": events}

    def _trades(self, order: Order) -> list[Any]:
        trades = self._desk.trades_of(order.account, order.symbol)
        return [each for each in trades if each.order is order]

    def _placed(self, account: str, ticket: Ticket) -> tuple[Order, str]:
        """Take an order, or refuse it in a way that its owner hears of on the feeds too."""
        at_once = ticket.tif is not Tif.GTC and ticket.price is not None
        if at_once and not self._desk.would_take(ticket, ticket.price or 0):
            return self._stillborn(account, ticket, Why.IMMEDIATE), "iocWouldNotExecute"
        try:
            order = self._desk.place(account, ticket)
        except Refused as refused:
            ends = {Refusal.POST_ONLY: Why.POST_ONLY, Refusal.FILL_OR_KILL: Why.IMMEDIATE}
            if refused.reason not in ends:
                raise
            order = self._stillborn(account, ticket, ends[refused.reason])
            return order, status_of(refused)
        if order.why is Why.PREVENTION and not order.filled:
            return order, "selfFill"
        return order, "placed"

    def _stillborn(self, account: str, ticket: Ticket, why: Why) -> Order:
        ticket.notes["stillborn"] = True
        return self._desk.stillborn(account, ticket, why)

    def _find(self, account: Account, params: Params) -> Order | None:
        name = params.get("order_id") or params.get("orderId")
        if name:
            number = number_of_uuid("order", str(name))
            return None if number is None else self._desk.order(account.name, number=number)
        client_id = params.get("cliOrdId")
        if not client_id:
            raise Problem("requiredArgumentMissing: order_id")
        return self._desk.order(account.name, client_id=str(client_id))

    def _edit(self, account: Account, params: Params) -> Row:
        received = {"receivedTime": moment(self._now_ns())}
        order = self._find(account, params)
        if order is None or not order.is_open:
            return {"status": "orderForEditNotFound", **received, "orderEvents": []}
        names = {"orderId": name_of(order)}
        market = self._markets[order.symbol]
        old, had, filled = event_order(order, market), order.trades, order.filled
        try:
            changed = self._change(order, params, market)
        except Refused as refused:
            return {"status": status_of(refused), **names, **received, "orderEvents": []}
        if not changed:
            event = {"uid": names["orderId"], "order": old, "reason": "EDIT_HAS_NO_EFFECT"}
            events: list[Row] = [{**event, "type": "REJECT"}]
        else:
            new = event_order(order, market)
            events = [{"old": old, "new": new, "reducedQuantity": None, "type": "EDIT"}]
            events += executions(self._trades(order)[had:], market, filled)
        status = "filled" if order.state is State.FILLED else "edited"
        return {"status": status, **names, **received, "orderEvents": events}

    def _change(self, order: Order, params: Params, market: Market) -> bool:
        """Change an order; its size in the request is what is to stay open."""
        price, quantity = order.price, order.quantity
        if params.get("limitPrice") not in (None, ""):
            price = price_of(params["limitPrice"], market)
        if params.get("size") not in (None, ""):
            quantity = order.filled + size_of(params["size"], market)
        if (price, quantity) == (order.price, order.quantity):
            return False
        if order.ticket.post_only and self._desk.would_take(order, price):
            raise Refused(Refusal.POST_ONLY)
        self._desk.amend(order, price=price, quantity=quantity, keep=True)
        return True

    def _cancel(self, account: Account, params: Params) -> Row:
        received = {"receivedTime": moment(self._now_ns())}
        order = self._find(account, params)
        if order is None or not order.is_open:
            filled = order is not None and order.state is State.FILLED
            return {"status": "filled" if filled else "notFound", **received}
        self._desk.cancel(order)
        events = [self._cancelled(order)]
        names = {"order_id": name_of(order)}
        return {"status": "cancelled", **names, **received, "orderEvents": events}

    def _cancelled(self, order: Order) -> Row:
        about = event_order(order, self._markets[order.symbol])
        return {"uid": name_of(order), "order": about, "type": "CANCEL"}

    def _batch(self, account: Account, params: Params) -> Row:
        commands = {"send": self._send, "edit": self._edit, "cancel": self._cancel}
        rows = []
        for each in _batch_of(params):
            command = commands.get(str(each.get("order")))
            if command is None:
                raise Problem("invalidArgument: order")
            tag = {"order_tag": each["order_tag"]} if "order_tag" in each else {}
            row = command(account, each)
            row["dateTimeReceived"] = row.pop("receivedTime")
            rows.append({**tag, **row})
        return {"batchStatus": rows}

    def _cancel_all(self, account: Account, params: Params) -> Row:
        symbol = str(params.get("symbol") or "").upper() or None
        orders = self._desk.cancel_all(account.name, symbol)
        names = [
            {"order_id": name_of(each), **({"cliOrdId": each.client_id} if each.client_id else {})}
            for each in orders
        ]
        status = {
            "receivedTime": moment(self._now_ns()),
            "cancelOnly": symbol or "all",
            "status": "cancelled" if orders else "noOrdersToCancel",
            "cancelledOrders": names,
            "orderEvents": [self._cancelled(each) for each in orders],
        }
        return {"cancelStatus": status}

    def _dead_man(self, account: Account, params: Params) -> Row:
        seconds = steps(params.get("timeout"), 0)
        if seconds is None or not 0 <= seconds <= MOST_TIMEOUT_S:
            raise Problem("invalidArgument: timeout")
        self._desk.dead_man(account.name, None, seconds * SECOND)
        now = self._now_ns()
        trigger = moment(now + seconds * SECOND) if seconds else "0"
        return {"status": {"currentTime": moment(now), "triggerTime": trigger}}

    # Questions

    def _open_orders(self, account: Account, params: Params) -> Row:
        opened = self._desk.open_orders(account.name)
        return {"openOrders": [open_order(each, self._markets[each.symbol]) for each in opened]}

    def _statuses(self, account: Account, params: Params) -> Row:
        since, rows = self._now_ns() - STATUS_NS, []
        names = [{"order_id": each} for each in texts(params.get("orderIds"))]
        for named in names + [{"cliOrdId": each} for each in texts(params.get("cliOrdIds"))]:
            order = self._find(account, named)
            if order is not None and (order.is_open or order.updated_ns >= since):
                rows.append(order_status(order, self._markets[order.symbol]))
        return {"orders": rows}

    def _fills(self, account: Account, params: Params) -> Row:
        before = instant_ns(params.get("lastFillTime"))
        trades = [
            each
            for each in reversed(self._desk.trades_of(account.name))
            if before is None or each.at_ns < before
        ]
        rows = [fill(each, self._markets[each.order.symbol]) for each in trades[:PAGE]]
        return {"fills": rows}

    def _positions(self, account: Account, params: Params) -> Row:
        at_ns = self._now_ns()
        held = [symbol for symbol, each in account.positions.items() if each.quantity]
        rows = [position(account, self._markets[symbol], at_ns) for symbol in held]
        return {"openPositions": rows}

    def _leverage(self, account: Account, params: Params) -> Row:
        """Set what a PUT asks for, and tell of what a GET does."""
        symbol, wanted = str(params.get("symbol") or "").upper(), params.get("maxLeverage")
        if wanted is None:
            rows = [
                {"symbol": each, "maxLeverage": float(leverage)}
                for each, leverage in account.leverage.items()
            ]
            return {"leveragePreferences": rows}
        leverage = steps(wanted, 0)
        if symbol not in self._markets or leverage is None or not 1 <= leverage <= MOST_LEVERAGE:
            raise Problem("invalidArgument: maxLeverage")
        account.leverage[symbol] = leverage
        return {}

    def _accounts(self, account: Account, params: Params) -> Row:
        opened = self._desk.open_orders(account.name)
        found = wealth(account, self._desk.ledger, opened)
        total, free = (coins(sum(each[side] for each in found.values())) for side in (0, 1))
        currencies = {
            asset: {
                "quantity": coins(amount),
                "value": coins(amount),
                "collateral": coins(amount),
                "available": coins(available),
            }
            for asset, (amount, available) in found.items()
        }
        flex = {
            "type": "multiCollateralMarginAccount",
            "currencies": currencies,
            "balanceValue": total,
            "portfolioValue": total,
            "collateralValue": total,
            "initialMargin": total - free,
            "availableMargin": free,
            "marginEquity": total,
            "pnl": 0.0,
            "unrealizedFunding": 0.0,
        }
        return {"accounts": {"flex": flex, "cash": {"type": "cashAccount", "balances": {}}}}


def _batch_of(params: Params) -> list[Row]:
    try:
        given: Any = orjson.loads(str(params.get("json") or "{}"))
    except ValueError:
        given = {}
    rows = given.get("batchOrder") if isinstance(given, dict) else None
    if not isinstance(rows, list) or not rows or not all(isinstance(each, dict) for each in rows):
        raise Problem("invalidArgument: json")
    return rows


def _more_points(path: str, params: Params) -> int:
    """Return what a request costs above its like: a batch for each order, and old fills."""
    name = path.removeprefix(ROOT)
    if name == "batchorder":
        return len(_batch_of(params))
    return OLD_FILLS_POINTS - 2 if name == "fills" and params.get("lastFillTime") else 0
