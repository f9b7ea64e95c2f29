"""Kraken's private REST, spot: signed forms and JSON in, and the venue's own shapes out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from alp.paper.accounts import READ, TRADE, WITHDRAW, ApiKey
from alp.paper.asked import number, parameters, texts, whether
from alp.paper.kraken.names import name_of, number_of
from alp.paper.kraken.spot_executions import (
    EXECUTION,
    ORDER,
    REASONS,
    Figures,
    Row,
    coins,
    rounded,
    status_of,
)
from alp.paper.kraken.spot_private import KrakenSpotTrading
from alp.paper.kraken.spot_requests import MOST_CANCELS, from_rest, symbol_of, words
from alp.paper.orders import Order, Refused, Said, Trade
from alp.paper.private import ACCOUNT, AMEND, CANCEL, CANCEL_ALL, DEAD_MAN, NEW, QUERY, STREAM_KEY
from alp.paper.protocol import Reply, Request, compact
from alp.venues.kraken.signing import verify_request
from alp.venues.signing import AuthenticationError, Reason

PRIVATE = "/0/private/"
LEDGER = "L"
SECOND = 10**9
PAGE = 50
"""Rows of an answer about the past."""
NOT_BELIEVED = {
    Reason.KEY: "EAPI:Invalid key",
    Reason.NONCE: "EAPI:Invalid nonce",
}
PERMISSIONS = {
    READ: ("query-funds", "query-open-trades", "query-closed-trades"),
    TRADE: ("modify-trades", "close-trades"),
    WITHDRAW: ("withdraw-funds",),
}
Fields = Mapping[str, Any]
Method = Callable[[str, Fields], Any]
Each = TypeVar("Each")


class KrakenSpotRest:
    """Answers requests; `old` is what REST calls an asset."""

    def __init__(self, trading: KrakenSpotTrading, old: Callable[[str], str]) -> None:
        self._trading = trading
        self._desk = trading.desk
        self._old = old
        self._methods: dict[str, tuple[str, int, Method | None]] = {
            "AddOrder": (NEW, 0, self._add),
            "AddOrderBatch": (NEW, 0, self._add_batch),
            "AmendOrder": (AMEND, 0, self._amend),
            "EditOrder": (AMEND, 0, self._edit),
            "CancelOrder": (CANCEL, 0, self._cancel),
            "CancelOrderBatch": (CANCEL, 0, self._cancel_batch),
            "CancelAll": (CANCEL_ALL, 0, self._cancel_all),
            "CancelAllOrdersAfter": (DEAD_MAN, 0, self._dead_man),
            "OpenOrders": (QUERY, 1, self._open_orders),
            "ClosedOrders": (QUERY, 1, self._closed_orders),
            "QueryOrders": (QUERY, 1, self._query_orders),
            "TradesHistory": (QUERY, 2, self._trades_history),
            "QueryTrades": (QUERY, 2, self._query_trades),
            "OpenPositions": (QUERY, 1, self._open_positions),
            "Balance": (ACCOUNT, 1, self._balance),
            "BalanceEx": (ACCOUNT, 1, self._balance_ex),
            "TradeBalance": (ACCOUNT, 1, self._trade_balance),
            "TradeVolume": (ACCOUNT, 1, self._trade_volume),
            "Ledgers": (QUERY, 2, self._ledgers),
            "GetApiKeyInfo": (ACCOUNT, 1, None),
            "GetWebSocketsToken": (STREAM_KEY, 1, None),
        }

    def command_of(self, request: Request) -> str:
        """Return what a request is; empty: it is no private one."""
        return self._methods.get(request.path.removeprefix(PRIVATE), ("",))[0]

    def answer(self, request: Request) -> Reply | None:
        """Answer a request; None where it is a public one."""
        name = request.path.removeprefix(PRIVATE)
        if name == request.path:
            return None
        if name not in self._methods:
            return _failed("EGeneral:Unknown method")
        kind, points, method = self._methods[name]
        fields = parameters(request.raw_query, request.body)
        try:
            account, key = self._who(request)
            needed = READ if kind in (QUERY, ACCOUNT, STREAM_KEY) else TRADE
            if needed not in key.permissions:
                raise Said("EGeneral:Permission denied")
            if points and not self._trading.request_allowed(key.name, points):
                raise Said("EAPI:Rate limit exceeded")
            if kind == ACCOUNT and method is None:
                result: Any = _key_info(key)
            elif method is None:
                result = {"token": self._trading.issue(account, key), "expires": 900}
            else:
                result = method(account, fields)
            return Reply(200, compact({"error": [], "result": result}))
        except Refused as refused:
            return _failed(words(refused))

    def _who(self, request: Request) -> tuple[str, ApiKey]:
        found = self._desk.accounts.find(request.headers.get("API-Key"))
        if found is None:
            raise Said("EAPI:Invalid key")
        account, key = found
        try:
            key.last_nonce = verify_request(
                key.credentials,
                request.raw_path,
                request.body,
                key=key.name,
                signature=request.headers.get("API-Sign"),
                is_json="json" in request.headers.get("Content-Type", ""),
                after=key.last_nonce,
            )
        except AuthenticationError as error:
            raise Said(NOT_BELIEVED.get(error.reason, "EAPI:Invalid signature")) from error
        return account.name, key

    # Commands

    def _add(self, account: str, fields: Fields) -> Any:
        params = from_rest(fields, self._trading.markets)
        if whether(fields.get("validate")):
            return {"descr": {"order": self._line(self._trading.ticket(account, params))}}
        order = self._trading.place(account, params)
        return {"descr": {"order": self._line(order)}, "txid": [name_of(ORDER, order.number)]}

    def _add_batch(self, account: str, fields: Fields) -> Any:
        markets = self._trading.markets
        symbol = symbol_of(fields.get("pair"), markets)
        rows = fields.get("orders")
        wanted = rows if isinstance(rows, list) else []
        asked = [from_rest(each, markets) for each in wanted if isinstance(each, dict)]
        validate = whether(fields.get("validate"))
        placed = self._trading.place_batch(account, symbol, asked, validate)
        return {"orders": [self._row_of_batch(each) for each in placed]}

    def _row_of_batch(self, placed: Order | Refused | None) -> Row:
        if isinstance(placed, Refused):
            return {"error": words(placed)}
        if placed is None:
            return {}
        return {"txid": name_of(ORDER, placed.number), "descr": {"order": self._line(placed)}}

    def _amend(self, account: str, fields: Fields) -> Any:
        order = self._one(account, fields)
        return {"amend_id": self._trading.amend(account, order, fields)}

    def _edit(self, account: str, fields: Fields) -> Any:
        old = self._one(account, fields)
        names = {"volume": "order_qty", "price": "limit_price", "userref": "order_userref"}
        asked: Row = {new: fields[name] for name, new in names.items() if name in fields}
        if "oflags" in fields:
            asked["post_only"] = "post" in str(fields["oflags"]).split(",")
        order = self._trading.edit(account, old, asked)
        figures = self._figures(order)
        return {
            "status": "ok",
            "txid": name_of(ORDER, order.number),
            "originaltxid": name_of(ORDER, old.number),
            "volume": figures.quantity,
            "price": figures.price,
            "orders_cancelled": 1,
            "descr": {"order": self._line(order)},
        }

    def _cancel(self, account: str, fields: Fields) -> Any:
        orders = self._named(account, fields)
        for order in orders:
            self._trading.cancel(account, order)
        return {"count": len(orders)}

    def _cancel_batch(self, account: str, fields: Fields) -> Any:
        given = fields.get("orders")
        rows = given if isinstance(given, list) else []
        names = [each.get("txid") if isinstance(each, dict) else each for each in rows]
        wanted = [{"txid": each} for each in names]
        wanted += [{"cl_ord_id": each} for each in texts(fields.get("cl_ord_ids"))]
        if not 1 <= len(wanted) <= MOST_CANCELS:
            raise Said("EGeneral:Invalid arguments:orders")
        count = 0
        for each in wanted:
            try:
                count += self._cancel(account, each)["count"]
            except Refused:
                continue  # counted by their absence, as the venue does
        return {"count": count}

    def _cancel_all(self, account: str, fields: Fields) -> Any:
        return {"count": len(self._desk.cancel_all(account))}

    def _dead_man(self, account: str, fields: Fields) -> Any:
        return self._trading.dead_man(account, fields.get("timeout"))

    # Questions

    def _open_orders(self, account: str, fields: Fields) -> Any:
        orders = self._wanted(self._desk.open_orders(account), fields)
        return {"open": {name_of(ORDER, each.number): self._row(each, fields) for each in orders}}

    def _closed_orders(self, account: str, fields: Fields) -> Any:
        ended = [each for each in self._desk.orders(account) if not each.is_open]
        ended = self._wanted(ended, fields)
        ended.sort(key=lambda order: (order.updated_ns, order.number), reverse=True)
        chosen = _between(ended, fields, lambda order: order.updated_ns)
        rows = {
            name_of(ORDER, each.number): self._row(each, fields) for each in _page(chosen, fields)
        }
        return {"closed": rows, "count": len(chosen)}

    def _query_orders(self, account: str, fields: Fields) -> Any:
        names = [each for text in texts(fields.get("txid")) for each in text.split(",")]
        if not names or len(names) > PAGE:
            raise Said("EGeneral:Invalid arguments:txid")
        orders = [self._trading.find(account, "order_id", each) for each in names]
        return {name_of(ORDER, each.number): self._row(each, fields) for each in orders}

    def _trades_history(self, account: str, fields: Fields) -> Any:
        trades = list(reversed(self._desk.trades_of(account)))
        chosen = _between(trades, fields, lambda trade: trade.at_ns)
        rows = {
            name_of(EXECUTION, each.number): self._trade(each) for each in _page(chosen, fields)
        }
        return {"trades": rows, "count": len(chosen)}

    def _query_trades(self, account: str, fields: Fields) -> Any:
        names = [each for text in texts(fields.get("txid")) for each in text.split(",")]
        wanted = {number_of(EXECUTION, each) for each in names}
        trades = [each for each in self._desk.trades_of(account) if each.number in wanted]
        if not names or len(trades) < len(wanted):
            raise Said("EGeneral:Invalid arguments:txid")
        return {name_of(EXECUTION, each.number): self._trade(each) for each in trades}

    def _open_positions(self, account: str, fields: Fields) -> Any:
        return {}

    def _balance(self, account: str, fields: Fields) -> Any:
        owner = self._desk.accounts.by_name[account]
        return {self._old(asset): coins(amount) for asset, amount in owner.balances.items()}

    def _balance_ex(self, account: str, fields: Fields) -> Any:
        owner = self._desk.accounts.by_name[account]
        return {
            self._old(asset): {
                "balance": coins(amount),
                "hold_trade": coins(owner.locked.get(asset, 0)),
            }
            for asset, amount in owner.balances.items()
        }

    def _trade_balance(self, account: str, fields: Fields) -> Any:
        """Return what all is worth in the asset asked for; 0 for what no market tells of."""
        asked = str(fields.get("asset") or "ZUSD")
        markets, worth = self._trading.markets, 0
        for asset, amount in self._desk.accounts.by_name[account].balances.items():
            if asked in (asset, self._old(asset), f"Z{asset}"):
                worth += amount
            for symbol, market in markets.items():
                base, quote = symbol.split("/")
                if base == asset and asked in (quote, self._old(quote), f"Z{quote}"):
                    middle = self._desk.ledger.middle(symbol)
                    worth += amount * middle // 10**market.book.price_decimals
        total, none = coins(worth), coins(0)
        free = {"eb": total, "tb": total, "e": total, "mf": total, "mfo": total}
        return {**free, **dict.fromkeys(("m", "uv", "n", "c", "v"), none)}

    def _ledgers(self, account: str, fields: Fields) -> Any:
        """Return what fills moved, newest first; each with the balance of now."""
        trades = list(reversed(self._desk.trades_of(account)))
        wanted = {each for text in texts(fields.get("asset")) for each in text.split(",")}
        rows = {
            name_of(LEDGER, 2 * trade.number + at): row
            for trade in _between(trades, fields, lambda trade: trade.at_ns)
            for at, row in enumerate(self._moved(trade))
            if not wanted - {"all"} or row["asset"] in wanted
        }
        names = _page(list(rows), fields)
        return {"ledger": {name: rows[name] for name in names}, "count": len(rows)}

    def _moved(self, trade: Trade) -> tuple[Row, Row]:
        symbol, sign = trade.order.symbol, 1 if trade.order.bid else -1
        base, quote = symbol.split("/")
        ledger = self._desk.ledger
        amounts = {
            base: sign * ledger.base_amount(symbol, trade.quantity),
            quote: -sign * ledger.amount(symbol, trade.price, trade.quantity),
        }
        row = {
            "refid": name_of(EXECUTION, trade.number),
            "time": trade.at_ns / SECOND,
            "type": "trade",
            "subtype": "tradespot",
            "aclass": "currency",
        }
        first, second = (
            {
                **row,
                "asset": self._old(asset),
                "amount": coins(amount),
                "fee": coins(trade.fee if asset == trade.fee_asset else 0),
                "balance": coins(self._desk.accounts.by_name[trade.order.account].balances[asset]),
            }
            for asset, amount in amounts.items()
        )
        return first, second

    def _trade_volume(self, account: str, fields: Fields) -> Any:
        owner = self._desk.accounts.by_name[account]
        markets = self._trading.markets
        symbols = [symbol_of(each, markets) for each in str(fields.get("pair") or "").split(",")]
        pairs = [self._pair(symbol) for symbol in symbols if symbol]
        rows = [
            {pair: {"fee": rounded(pips, 4, 4), "minfee": rounded(pips, 4, 4)} for pair in pairs}
            for pips in (owner.taker_pips, owner.maker_pips)
        ]
        return {"currency": "ZUSD", "volume": "0.0000", "fees": rows[0], "fees_maker": rows[1]}

    # Shapes

    def _one(self, account: str, fields: Fields) -> Order:
        orders = self._named(account, fields)
        if len(orders) != 1:
            raise Said("EGeneral:Invalid arguments")
        return orders[0]

    def _named(self, account: str, fields: Fields) -> list[Order]:
        txid, client_id = fields.get("txid"), fields.get("cl_ord_id")
        if client_id and not txid:
            return self._trading.named(account, "cl_ord_id", str(client_id))
        name = str(txid or "")
        kind = "order_userref" if name.lstrip("-").isdigit() else "order_id"
        return self._trading.named(account, kind, name)

    def _wanted(self, orders: Iterable[Order], fields: Fields) -> list[Order]:
        client_id, userref = fields.get("cl_ord_id"), fields.get("userref")
        return [
            each
            for each in orders
            if client_id in (None, "", each.client_id)
            and userref in (None, "", str(each.ticket.notes.get("userref")))
        ]

    def _figures(self, order: Order) -> Figures:
        return Figures(order, self._trading.markets[order.symbol])

    def _pair(self, symbol: str) -> str:
        return "".join(map(self._old, symbol.split("/")))

    def _line(self, wanted: Any) -> str:
        """Describe an order, or one that was only asked for."""
        book = self._trading.markets[wanted.symbol].book
        side = "buy" if wanted.bid else "sell"
        ticket = wanted.ticket if isinstance(wanted, Order) else wanted
        at = "market" if ticket.price is None else f"limit {book.price(wanted.price)}"
        return f"{side} {book.quantity(wanted.quantity)} {self._pair(wanted.symbol)} @ {at}"

    def _row(self, order: Order, fields: Fields) -> Row:
        figures = self._figures(order)
        is_limit = order.ticket.price is not None
        status = {"filled": "closed", "new": "open", "partially_filled": "open"}
        row: Row = {
            "refid": None,
            "userref": order.ticket.notes.get("userref", 0),
            **({"cl_ord_id": order.client_id} if order.client_id else {}),
            "status": status.get(status_of(order), status_of(order)),
            "opentm": order.created_ns / SECOND,
            "starttm": 0,
            "expiretm": order.ticket.expires_ns / SECOND,
            "descr": {
                "pair": self._pair(order.symbol),
                "type": "buy" if order.bid else "sell",
                "ordertype": "limit" if is_limit else "market",
                "price": figures.price if is_limit else "0",
                "price2": "0",
                "leverage": "none",
                "order": self._line(order),
                "close": "",
            },
            "vol": figures.quantity,
            "vol_exec": figures.filled,
            "cost": figures.cost,
            "fee": figures.fee,
            "price": figures.average,
            "stopprice": "0.00000",
            "limitprice": "0.00000",
            "misc": "",
            "oflags": "fciq,post" if order.ticket.post_only else "fciq",
        }
        if not order.is_open:
            row["reason"] = REASONS.get(order.why)
            row["closetm"] = order.updated_ns / SECOND
        if whether(fields.get("trades")):
            mine = self._desk.trades_of(order.account, order.symbol)
            row["trades"] = [
                name_of(EXECUTION, each.number) for each in mine if each.order is order
            ]
        return row

    def _trade(self, trade: Trade) -> Row:
        order = trade.order
        book = self._trading.markets[order.symbol].book
        return {
            "ordertxid": name_of(ORDER, order.number),
            "postxid": "TKH2SE-M7IF5-CFI7LT",
            "pair": self._pair(order.symbol),
            "time": trade.at_ns / SECOND,
            "type": "buy" if order.bid else "sell",
            "ordertype": "limit" if order.ticket.price is not None else "market",
            "price": book.price(trade.price),
            "cost": self._figures(order).money(trade.price * trade.quantity),
            "fee": rounded(trade.fee, 8, 8),
            "vol": book.quantity(trade.quantity),
            "margin": "0.00000",
            "leverage": "0",
            "misc": "",
            "trade_id": trade.number,
            "maker": trade.maker,
        }


def _failed(error: str) -> Reply:
    return Reply(200, compact({"error": [error]}))


def _between(rows: list[Each], fields: Fields, at_ns: Callable[[Each], int]) -> list[Each]:
    """Keep what is after `start` and not after `end`, seconds."""
    start, end = number(fields.get("start")), number(fields.get("end"))
    return [
        each
        for each in rows
        if (start is None or at_ns(each) > start * SECOND)
        and (end is None or at_ns(each) <= end * SECOND)
    ]


def _page(rows: list[Each], fields: Fields) -> list[Each]:
    first = number(fields.get("ofs"))
    begin = max(0, int(first)) if first is not None else 0
    return rows[begin : begin + PAGE]


def _key_info(key: ApiKey) -> Row:
    return {
        "apiKeyName": key.name,
        "apiKey": key.name,
        "nonce": str(key.last_nonce),
        "nonceWindow": 0,
        "permissions": [
            name for each, names in PERMISSIONS.items() if each in key.permissions for name in names
        ],
        "validUntil": "0",
        "queryFrom": "0",
        "queryTo": "0",
        "ipAllowlist": [],
    }
