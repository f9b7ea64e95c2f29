"""Coinbase Advanced's private REST: a token for each request, and orders only here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar
from urllib.parse import parse_qs

import orjson

from alp.paper.accounts import READ, TRADE, WITHDRAW, Account, ApiKey, RateWindow
from alp.paper.asked import instant_ns, steps
from alp.paper.coinbase.forms import (
    PORTFOLIO,
    Form,
    Row,
    amount,
    fees_of,
    fill,
    old_wallet,
    plain,
    wallet_of,
)
from alp.paper.coinbase.requests import (
    REASONS,
    UNKNOWN,
    failure,
    price_of,
    size_of,
    ticket_of,
    word,
)
from alp.paper.desk import Desk
from alp.paper.market import Market
from alp.paper.order_uuids import number_of_uuid, uuid_of
from alp.paper.orders import Order, Refusal, Refused, State, Ticket, Tif, Why
from alp.paper.private import ACCOUNT, AMEND, CANCEL, NEW, QUERY
from alp.paper.protocol import Reply, Request, compact
from alp.venues.coinbase.signing import read_token, verify_request
from alp.venues.signing import AuthenticationError

ROOT = "/api/v3/brokerage/"
OLD_ACCOUNTS = "/v2/accounts"
"""Of the older interface, which some clients still ask for balances."""
REQUESTS_PER_SECOND = 30
MOST_CANCELS = 100
PAGE, MOST_ROWS = 100, 1000
SECOND = 10**9
_BEARER = "Bearer "
_ENDED = {"FILLED": State.FILLED, "CANCELLED": State.CANCELED, "EXPIRED": State.EXPIRED}
Each = TypeVar("Each")
Queries = Mapping[str, list[str]]


class NotServed(Exception):  # noqa: N818 - an answer, not a failure
    """A request that is answered with a status that is no success."""

    def __init__(self, status: int, error: str, code: int, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, compact({"error": error, "code": code, "message": message}))


UNAUTHORIZED = 401, "UNAUTHORIZED", 16, "Unauthorized"


class CoinbaseRest:
    """Answers requests.

    Parameters
    ----------
    tell_queued
        Hears of an order whose cancel was taken and is not done yet.
    """

    def __init__(
        self,
        desk: Desk,
        markets: Mapping[str, Market],
        now_ns: Callable[[], int],
        tell_queued: Callable[[Order], None],
    ) -> None:
        self._desk = desk
        self._markets = markets
        self._now_ns = now_ns
        self._windows: dict[str, RateWindow] = {}
        self._queued: list[Order] = []
        self._tell_queued = tell_queued
        self._posts: dict[str, tuple[str, Callable[[Account, Row], Row]]] = {
            "orders": (NEW, self._place),
            "orders/batch_cancel": (CANCEL, self._cancel),
            "orders/edit": (AMEND, self._edit),
            "orders/edit_preview": (QUERY, self._edit_preview),
            "orders/preview": (QUERY, self._preview),
        }
        self._gets: dict[str, tuple[str, Callable[[Account, ApiKey, Queries], Row]]] = {
            "orders/historical/batch": (QUERY, self._orders),
            "orders/historical/fills": (QUERY, self._fills),
            "accounts": (ACCOUNT, self._accounts),
            OLD_ACCOUNTS: (ACCOUNT, self._old_accounts),
            "transaction_summary": (ACCOUNT, self._summary),
            "key_permissions": (ACCOUNT, self._permissions),
            "portfolios": (ACCOUNT, self._portfolios),
        }
        self._named: dict[str, tuple[str, Callable[[Account, str], Row]]] = {
            "orders/historical/": (QUERY, self._order),
            "accounts/": (ACCOUNT, self._account),
        }

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: it is no private one."""
        path = request.path.removeprefix(ROOT)
        table: Mapping[str, tuple[str, Any]] = (
            self._posts if request.method == "POST" else self._gets
        )
        if path in table:
            return table[path][0]
        named = request.method == "GET" and next(
            (each for each in self._named if path.startswith(each)), ""
        )
        return self._named[named][0] if named else ""

    def answer(self, request: Request, kind: str) -> Reply:
        """Answer a private request."""
        headers: dict[str, str] = {}
        try:
            account, key = self.who(request)
            headers, allowed = self._counted(account.name)
            if not allowed:
                return Reply(429, too_many(), headers)
            if (TRADE if kind in (NEW, AMEND, CANCEL) else READ) not in key.permissions:
                raise NotServed(403, "PERMISSION_DENIED", 7, "Missing required scopes")
            return Reply(200, compact(self._done(request, account, key)), headers)
        except NotServed as problem:
            return Reply(problem.reply.status, problem.reply.body, headers)

    def _done(self, request: Request, account: Account, key: ApiKey) -> Row:
        path = request.path.removeprefix(ROOT)
        if request.method == "POST":
            try:
                body = orjson.loads(request.body)
            except ValueError:
                body = None
            if not isinstance(body, dict):
                raise NotServed(400, "INVALID_ARGUMENT", 3, "the body is no object")
            return self._posts[path][1](account, body)
        if path in self._gets:
            return self._gets[path][1](account, key, parse_qs(request.raw_query))
        beginning = next(each for each in self._named if path.startswith(each))
        return self._named[beginning][1](account, path.removeprefix(beginning))

    def who(self, request: Request) -> tuple[Account, ApiKey]:
        """Return whose request it is, and by which key.

        Raises
        ------
        NotServed
            If it is not believed.
        """
        authorization = request.headers.get("Authorization", "")
        found = self.owner(authorization.removeprefix(_BEARER))
        if found is None:
            raise NotServed(*UNAUTHORIZED)
        try:
            verify_request(
                found[1].credentials,
                request.method,
                request.raw_path,
                authorization=authorization,
                now_s=self._now_ns() // SECOND,
            )
        except AuthenticationError as error:
            raise NotServed(*UNAUTHORIZED) from error
        return found

    def owner(self, token: str) -> tuple[Account, ApiKey] | None:
        """Return who a token says it is of, unproven; None where it is nobody."""
        try:
            name = read_token(token)[0].get("kid")
        except AuthenticationError:
            return None
        return self._desk.accounts.find(name if isinstance(name, str) else None)

    def _counted(self, account: str) -> tuple[dict[str, str], bool]:
        now = self._now_ns()
        window = self._windows.setdefault(account, RateWindow(REQUESTS_PER_SECOND, SECOND))
        used = window.add(now)
        headers = {
            "x-ratelimit-limit": str(window.limit),
            "x-ratelimit-remaining": str(max(0, window.limit - used)),
            "x-ratelimit-reset": str((now + window.rest_ns(now)) // SECOND),
        }
        return headers, used <= window.limit

    # Orders

    def _place(self, account: Account, body: Row) -> Row:
        client_id = body.get("client_order_id")
        if not isinstance(client_id, str) or not client_id:
            raise NotServed(400, "INVALID_ARGUMENT", 3, "client_order_id is required")
        asked = body.get("order_configuration")
        try:
            before = self._desk.order(account.name, client_id=client_id)
            if before is None:
                return self._taken(self._placed(account.name, ticket_of(body, self._markets)))
            if before.ticket.notes["configuration"] != asked or before.symbol != body.get(
                "product_id"
            ):
                raise Refused(Refusal.DUPLICATE_ID)
            return self._taken(before)
        except Refused as refused:
            reason = self._reason(refused, body)
            said = {"success": False, "failure_reason": UNKNOWN, "order_id": ""}
            return {**said, "error_response": failure(reason), "order_configuration": asked}

    def _reason(self, refused: Refused, body: Row) -> str:
        """Return the venue's word; too much is not too little."""
        if refused.reason is Refusal.SIZE_FILTER:
            ticket = ticket_of(body, self._markets)
            if ticket.quantity > self._desk.rule(ticket.symbol).max_quantity:
                return "BASE_SIZE_TOO_LARGE"
        return word(refused)

    def _placed(self, account: str, ticket: Ticket) -> Order:
        try:
            return self._desk.place(account, ticket)
        except Refused as refused:
            if refused.reason is not Refusal.FILL_OR_KILL:
                raise
            return self._desk.stillborn(account, ticket, Why.IMMEDIATE)

    def _taken(self, order: Order) -> Row:
        return {
            "success": True,
            "failure_reason": UNKNOWN,
            "order_id": uuid_of("order", order.number),
            "success_response": {
                "order_id": uuid_of("order", order.number),
                "product_id": order.symbol,
                "side": "BUY" if order.bid else "SELL",
                "client_order_id": order.client_id,
                "attached_order_id": "",
            },
            "order_configuration": self._form(order).configuration(),
        }

    def _find(self, account: str, name: object) -> Order | None:
        number = number_of_uuid("order", name) if isinstance(name, str) else None
        return None if number is None else self._desk.order(account, number=number)

    def _cancel(self, account: Account, body: Row) -> Row:
        names = body.get("order_ids")
        if not isinstance(names, list) or not 1 <= len(names) <= MOST_CANCELS:
            raise NotServed(400, "INVALID_ARGUMENT", 3, "order_ids: between 1 and 100")
        results = []
        for name in names:
            reason = self._queue(self._find(account.name, name))
            success = reason == "UNKNOWN_CANCEL_FAILURE_REASON"
            results.append({"success": success, "failure_reason": reason, "order_id": str(name)})
        return {"results": results}

    def _queue(self, order: Order | None) -> str:
        """Take a cancel, which is done a little later; return the reason why not."""
        if order is None:
            return "UNKNOWN_CANCEL_ORDER"
        if not order.is_open:
            filled = order.state is State.FILLED
            return "ORDER_IS_FULLY_FILLED" if filled else "UNKNOWN_CANCEL_ORDER"
        if order.ticket.notes.get("cancel_queued"):
            return "DUPLICATE_CANCEL_REQUEST"
        order.ticket.notes["cancel_queued"] = True
        self._queued.append(order)
        self._tell_queued(order)
        return "UNKNOWN_CANCEL_FAILURE_REASON"

    def cancel_what_is_queued(self) -> None:
        """Do the cancels that were taken."""
        queued, self._queued = self._queued, []
        for order in queued:
            if order.is_open:
                self._desk.cancel(order)

    def _edit(self, account: Account, body: Row) -> Row:
        try:
            order, price, size = self._edited(account, body)
            if (price, size) != (order.price, order.quantity):
                if order.ticket.post_only and self._desk.would_take(order, price):
                    raise Refused(Refusal.POST_ONLY)
                self._desk.amend(order, price=price, quantity=size, keep=True)
        except Refused as refused:
            error = edit_failure(refused)
            return {"success": False, "error_response": error, "errors": [error]}
        edits = order.ticket.notes.setdefault("edits", [])
        form = self._form(order)
        at = form.streamed("")["creation_time"]
        size_text = form.quantity(order.quantity)
        edits.append({"price": form.price, "size": size_text, "replace_accept_timestamp": at})
        done = {"order_id": uuid_of("order", order.number)}
        return {"success": True, "success_response": done, "errors": []}

    def _edited(self, account: Account, body: Row) -> tuple[Order, int, int]:
        """Return an order, and price and size that it is to have.

        Raises
        ------
        Refused
            If it cannot be edited.
        """
        order = self._find(account.name, body.get("order_id"))
        if order is None or not order.is_open:
            raise Refused(Refusal.UNKNOWN_ORDER, "ORDER_NOT_FOUND")
        if order.ticket.price is None or order.ticket.tif is not Tif.GTC:
            raise Refused(Refusal.UNSUPPORTED, "ONLY_LIMIT_ORDER_EDITS_SUPPORTED")
        market = self._markets[order.symbol]
        price = price_of(body["price"], market) if body.get("price") else order.price
        size = size_of(body["size"], market) if body.get("size") else order.quantity
        if size <= order.filled:
            raise Refused(Refusal.SIZE_FILTER, "CANNOT_EDIT_TO_BELOW_FILLED_SIZE")
        return order, price, size

    def _edit_preview(self, account: Account, body: Row) -> Row:
        try:
            order, price, size = self._edited(account, body)
        except Refused as refused:
            return {"errors": [edit_failure(refused)]}
        book = self._markets[order.symbol].book
        total = self._desk.ledger.amount(order.symbol, price, size)
        bid, _, ask, _ = book.touch() or (0, 0, 0, 0)
        return {
            "errors": [],
            "slippage": "0",
            "order_total": amount(total),
            "commission_total": amount(total * account.maker_pips // 10**6),
            "quote_size": amount(total),
            "base_size": plain(book.quantity(size)),
            "best_bid": plain(book.price(bid)),
            "best_ask": plain(book.price(ask)),
            "average_filled_price": self._form(order).average,
        }

    def _preview(self, account: Account, body: Row) -> Row:
        try:
            ticket = ticket_of(body, self._markets)
        except Refused as refused:
            return {"errs": [f"PREVIEW_{self._reason(refused, body)}"]}
        book = self._markets[ticket.symbol].book
        bid, _, ask, _ = book.touch() or (0, 0, 0, 0)
        price = ticket.price or (ask if ticket.bid else bid)
        total = ticket.quote or self._desk.ledger.amount(ticket.symbol, price, ticket.quantity)
        pips = account.maker_pips if ticket.post_only else account.taker_pips
        return {
            "errs": [],
            "warning": [],
            "order_total": amount(total),
            "commission_total": amount(total * pips // 10**6),
            "quote_size": amount(total),
            "base_size": plain(book.quantity(ticket.quantity)),
            "best_bid": plain(book.price(bid)),
            "best_ask": plain(book.price(ask)),
            "is_max": False,
            "slippage": "0",
            "preview_id": uuid_of("preview", 1),
        }

    # Questions

    def _form(self, order: Order) -> Form:
        return Form(order, self._markets[order.symbol])

    def _row(self, order: Order) -> Row:
        last_ns = 0
        if order.trades:
            trades = self._desk.trades_of(order.account, order.symbol)
            last_ns = max((each.at_ns for each in trades if each.order is order), default=0)
        return self._form(order).historical(last_ns)

    def _order(self, account: Account, name: str) -> Row:
        order = self._find(account.name, name)
        if order is None:
            raise NotServed(404, "NOT_FOUND", 5, "order with this orderID was not found")
        return {"order": self._row(order)}

    def _orders(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        orders = [
            each
            for each in reversed(self._desk.orders(account.name))
            if _among(queries, ("product_ids", "product_id"), each.symbol)
            and _among(queries, ("order_ids",), uuid_of("order", each.number))
            and _among(queries, ("order_side",), "BUY" if each.bid else "SELL")
            and _has_status(queries, each)
            and _within(queries, ("start_date", "end_date"), each.created_ns)
        ]
        page, cursor = _page(orders, queries, lambda order: uuid_of("order", order.number))
        return {
            "orders": [self._row(each) for each in page],
            "sequence": "0",
            "has_next": bool(cursor),
            "cursor": cursor,
            "proof_token_required": False,
        }

    def _fills(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        fills = [
            each
            for each in reversed(self._desk.trades_of(account.name))
            if _among(queries, ("product_ids", "product_id"), each.order.symbol)
            and _among(queries, ("order_ids", "order_id"), uuid_of("order", each.order.number))
            and _among(queries, ("trade_ids",), uuid_of("execution", each.number))
            and _within(queries, ("start_sequence_timestamp", "end_sequence_timestamp"), each.at_ns)
        ]
        page, cursor = _page(fills, queries, lambda each: uuid_of("trade", each.number))
        rows = [fill(each, self._markets[each.order.symbol]) for each in page]
        return {"fills": rows, "cursor": cursor}

    def _accounts(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        wallets = [wallet_of(account, asset) for asset in sorted(account.balances)]
        page, cursor = _page(wallets, queries, lambda row: str(row["uuid"]))
        return {"accounts": page, "has_next": bool(cursor), "cursor": cursor, "size": len(page)}

    def _old_accounts(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        rows = [wallet_of(account, asset) for asset in sorted(account.balances)]
        pages = {"ending_before": None, "starting_after": None, "limit": len(rows), "order": "desc"}
        more = {"previous_uri": None, "next_uri": None}
        return {"pagination": {**pages, **more}, "data": [old_wallet(each) for each in rows]}

    def _account(self, account: Account, name: str) -> Row:
        for asset in account.balances:
            if (found := wallet_of(account, asset))["uuid"] == name:
                return {"account": found}
        raise NotServed(404, "NOT_FOUND", 5, "account not found")

    def _summary(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        return fees_of(account)

    def _portfolios(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        row = {"name": "Default", "uuid": PORTFOLIO, "type": "DEFAULT", "deleted": False}
        return {"portfolios": [row]}

    def _permissions(self, account: Account, key: ApiKey, queries: Queries) -> Row:
        return {
            "can_view": READ in key.permissions,
            "can_trade": TRADE in key.permissions,
            "can_transfer": WITHDRAW in key.permissions,
            "portfolio_uuid": PORTFOLIO,
            "portfolio_type": "DEFAULT",
        }


def edit_failure(refused: Refused) -> Row:
    """Return why an order was not edited."""
    text = str(refused)
    known = text if text.isupper() else ""
    unknown = "UNKNOWN_EDIT_ORDER_FAILURE_REASON"
    if refused.reason in REASONS and not known:
        preview = f"PREVIEW_{REASONS[refused.reason]}"
        return {"edit_failure_reason": unknown, "preview_failure_reason": preview}
    preview = "UNKNOWN_PREVIEW_FAILURE_REASON"
    return {"edit_failure_reason": known or unknown, "preview_failure_reason": preview}


def too_many() -> bytes:
    """Return the body of a 429."""
    message = "Your account has exceeded its request limit"
    return compact({"errors": [{"id": "rate_limit_exceeded", "message": message}]})


def _values(queries: Queries, names: tuple[str, ...]) -> list[str]:
    return [each for name in names for text in queries.get(name, []) for each in text.split(",")]


def _among(queries: Queries, names: tuple[str, ...], value: str) -> bool:
    wanted = _values(queries, names)
    return not wanted or value in wanted


def _has_status(queries: Queries, order: Order) -> bool:
    wanted = _values(queries, ("order_status",))
    if not wanted or (order.is_open and "OPEN" in wanted):
        return True
    return any(_ENDED.get(each) is order.state for each in wanted)


def _within(queries: Queries, names: tuple[str, str], at_ns: int) -> bool:
    start, end = (instant_ns(queries[name][0]) if name in queries else None for name in names)
    return (start is None or at_ns >= start) and (end is None or at_ns < end)


def _page(
    rows: list[Each], queries: Queries, name: Callable[[Each], str]
) -> tuple[list[Each], str]:
    """Return one page, and the cursor of the next; empty: there is none."""
    limit = steps(queries.get("limit", [""])[0], 0) or PAGE
    count = limit if 0 < limit <= MOST_ROWS else PAGE
    after = queries.get("cursor", [""])[0]
    begin = next((at + 1 for at, each in enumerate(rows) if after and name(each) == after), 0)
    page = rows[begin : begin + count]
    more = page and begin + count < len(rows)
    return page, name(page[-1]) if more else ""
