"""What Coinbase Advanced says of orders, fills and accounts: by REST and on the user channel.

Numbers are texts without zeros at their end.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from alp.paper.accounts import Account
from alp.paper.book import text
from alp.paper.market import MILLISECOND, Market
from alp.paper.order_uuids import uuid_of
from alp.paper.orders import Order, State, Tif, Trade, Why
from alp.paper.protocol import stamp

PORTFOLIO = uuid_of("user", 1)
NEVER = "0001-01-01T00:00:00Z"
Row = dict[str, Any]
_FORCES = {
    Tif.GTC: "GOOD_UNTIL_CANCELLED",
    Tif.GTD: "GOOD_UNTIL_DATE_TIME",
    Tif.IOC: "IMMEDIATE_OR_CANCEL",
    Tif.FOK: "FILL_OR_KILL",
}
_CANCELED = {
    Why.REQUEST: "User requested cancel",
    Why.IMMEDIATE: "IOC or FOK order not filled",
    Why.PREVENTION: "Self trade prevention",
    Why.AMENDED: "User requested cancel",
    Why.POST_ONLY: "Post only",
    Why.VENUE: "Internal cancel",
}


def plain(digits: str) -> str:
    """Write a number without zeros at its end."""
    return digits.rstrip("0").rstrip(".") if "." in digits else digits


def amount(value: int, decimals: int = 8) -> str:
    """Write a whole number of the last decimal."""
    return f"-{amount(-value, decimals)}" if value < 0 else plain(text(value, decimals))


def moment(at_ns: int) -> str:
    """Write a time."""
    return stamp(at_ns // MILLISECOND)


def wallet_of(account: Account, asset: str) -> Row:
    """Return a row of the accounts: one for each currency."""
    held, locked = account.balances.get(asset, 0), account.locked.get(asset, 0)
    name = int.from_bytes(f"{account.name}.{asset}".encode()[-12:], "big")
    is_cash = asset in ("USD", "EUR", "GBP")
    return {
        "uuid": uuid_of("wallet", name),
        "name": f"{asset} Wallet",
        "currency": asset,
        "available_balance": {"value": amount(held - locked), "currency": asset},
        "default": True,
        "active": True,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00Z",
        "deleted_at": None,
        "type": "ACCOUNT_TYPE_FIAT" if is_cash else "ACCOUNT_TYPE_CRYPTO",
        "ready": True,
        "hold": {"value": amount(locked), "currency": asset},
        "retail_portfolio_id": PORTFOLIO,
        "platform": "ACCOUNT_PLATFORM_CONSUMER",
    }


def old_wallet(wallet: Row) -> Row:
    """Return the same in the form of the older interface: free and held together."""
    held = (wallet[name]["value"] for name in ("available_balance", "hold"))
    total = format(sum(map(Decimal, held), Decimal(0)), "f")
    code = wallet["currency"]
    return {
        "id": wallet["uuid"],
        "name": wallet["name"],
        "primary": False,
        "type": "wallet",
        "currency": {"code": code, "name": code, "exponent": 8, "type": "crypto"},
        "balance": {"amount": total, "currency": code},
        "created_at": wallet["created_at"],
        "updated_at": wallet["updated_at"],
        "resource": "account",
        "resource_path": f"/v2/accounts/{wallet['uuid']}",
        "allow_deposits": True,
        "allow_withdrawals": True,
    }


def status_of(order: Order) -> str:
    """Return how an order is."""
    if order.state is State.FILLED:
        return "FILLED"
    if order.state is State.OPEN:
        return "CANCEL_QUEUED" if order.ticket.notes.get("cancel_queued") else "OPEN"
    return "EXPIRED" if order.why is Why.TIME else "CANCELLED"


class Form:
    """The texts of one order."""

    def __init__(self, order: Order, market: Market) -> None:
        self.order = order
        self._book = market.book
        self._value_decimals = market.book.price_decimals + market.book.quantity_decimals

    def quantity(self, lots: int) -> str:
        """Write a quantity."""
        return plain(self._book.quantity(lots))

    @property
    def price(self) -> str:
        """The limit price; a market order has none."""
        if self.order.ticket.price is None:
            return ""
        return plain(self._book.price(self.order.price))

    @property
    def value(self) -> str:
        """Of what was filled, without fees."""
        return amount(self.order.value, self._value_decimals)

    @property
    def value_after_fees(self) -> str:
        """What was paid or received for it."""
        value = Decimal(self.order.value).scaleb(-self._value_decimals)
        fee = Decimal(self.order.fee).scaleb(-8)
        return plain(format(value + fee if self.order.bid else value - fee, "f"))

    @property
    def average(self) -> str:
        """Its price on average, to sixteen digits."""
        if not self.order.filled:
            return "0"
        value = Decimal(self.order.value).scaleb(-self._book.price_decimals)
        return plain(format((value / self.order.filled).normalize().__round__(12), "f"))

    @property
    def completion(self) -> str:
        """How much of it was filled, percent."""
        return amount(self.order.filled * 10_000 // max(1, self.order.quantity), 2)

    @property
    def held(self) -> str:
        """What it may still cost."""
        return amount(self.order.locked)

    @property
    def cancel_message(self) -> str:
        """Why it ended."""
        return (
            _CANCELED.get(self.order.why, "")
            if self.order.state is State.CANCELED
            or (self.order.state is State.EXPIRED and self.order.why is not Why.TIME)
            else ""
        )

    def streamed(self, status: str) -> Row:
        """Return it as the user channel has it."""
        order, ticket = self.order, self.order.ticket
        left = order.left if order.is_open else 0
        ends = moment(ticket.expires_ns) if ticket.expires_ns else NEVER
        return {
            "avg_price": self.average,
            "cancel_reason": self.cancel_message,
            "client_order_id": order.client_id,
            "completion_percentage": self.completion,
            "contract_expiry_type": "UNKNOWN_CONTRACT_EXPIRY_TYPE",
            "cumulative_quantity": self.quantity(order.filled),
            "filled_value": self.value,
            "leaves_quantity": self.quantity(left),
            "limit_price": self.price,
            "number_of_fills": str(order.trades),
            "order_id": uuid_of("order", order.number),
            "order_side": "BUY" if order.bid else "SELL",
            "order_type": "Limit" if ticket.price is not None else "Market",
            "outstanding_hold_amount": self.held,
            "post_only": "true" if ticket.post_only else "false",
            "product_id": order.symbol,
            "product_type": "SPOT",
            "reject_reason": "",
            "retail_portfolio_id": PORTFOLIO,
            "risk_managed_by": "UNKNOWN_RISK_MANAGEMENT_TYPE",
            "status": status,
            "stop_price": "",
            "time_in_force": _FORCES[ticket.tif],
            "total_fees": amount(order.fee),
            "total_value_after_fees": self.value_after_fees,
            "trigger_status": "INVALID_ORDER_TYPE",
            "creation_time": moment(order.created_ns),
            "end_time": ends,
            "start_time": NEVER,
        }

    def historical(self, last_fill_ns: int) -> Row:
        """Return it as REST has it."""
        order, ticket = self.order, self.order.ticket
        return {
            "order_id": uuid_of("order", order.number),
            "product_id": order.symbol,
            "user_id": uuid_of("user", 2),
            "order_configuration": self.configuration(),
            "side": "BUY" if order.bid else "SELL",
            "client_order_id": order.client_id,
            "status": status_of(order),
            "time_in_force": _FORCES[ticket.tif],
            "created_time": moment(order.created_ns),
            "completion_percentage": self.completion,
            "filled_size": self.quantity(order.filled),
            "average_filled_price": self.average,
            "fee": "",
            "number_of_fills": str(order.trades),
            "filled_value": self.value,
            "pending_cancel": bool(order.is_open and ticket.notes.get("cancel_queued")),
            "size_in_quote": bool(ticket.quote),
            "total_fees": amount(order.fee),
            "size_inclusive_of_fees": False,
            "total_value_after_fees": self.value_after_fees,
            "trigger_status": "INVALID_ORDER_TYPE",
            "order_type": "LIMIT" if ticket.price is not None else "MARKET",
            "reject_reason": "REJECT_REASON_UNSPECIFIED",
            "settled": order.state is State.FILLED,
            "product_type": "SPOT",
            "reject_message": "",
            "cancel_message": self.cancel_message,
            "order_placement_source": "RETAIL_ADVANCED",
            "outstanding_hold_amount": self.held,
            "is_liquidation": False,
            "last_fill_time": moment(last_fill_ns) if last_fill_ns else None,
            "edit_history": ticket.notes.get("edits", []),
            "leverage": "",
            "margin_type": "UNKNOWN_MARGIN_TYPE",
            "retail_portfolio_id": PORTFOLIO,
            "originating_order_id": "",
            "attached_order_id": "",
        }

    def configuration(self) -> Row:
        """Return it as it was asked for, with what became of price and size by edits."""
        order, ticket = self.order, self.order.ticket
        size = {"base_size": self.quantity(order.quantity)}
        if ticket.price is None:
            return {
                "market_market_ioc": {"quote_size": amount(ticket.quote)} if ticket.quote else size
            }
        limit = {**size, "limit_price": self.price}
        if ticket.tif is Tif.IOC:
            return {"sor_limit_ioc": limit}
        if ticket.tif is Tif.FOK:
            return {"limit_limit_fok": limit}
        limit["post_only"] = ticket.post_only  # type: ignore[assignment]
        if ticket.tif is Tif.GTD:
            return {"limit_limit_gtd": {**limit, "end_time": moment(ticket.expires_ns)}}
        return {"limit_limit_gtc": limit}


def fill(trade: Trade, market: Market) -> Row:
    """Return a fill as REST has it."""
    order, book = trade.order, market.book
    return {
        "entry_id": uuid_of("trade", trade.number),
        "trade_id": uuid_of("execution", trade.number),
        "order_id": uuid_of("order", order.number),
        "trade_time": moment(trade.at_ns),
        "trade_type": "FILL",
        "price": plain(book.price(trade.price)),
        "size": plain(book.quantity(trade.quantity)),
        "commission": amount(trade.fee),
        "product_id": order.symbol,
        "sequence_timestamp": moment(trade.at_ns),
        "liquidity_indicator": "MAKER" if trade.maker else "TAKER",
        "size_in_quote": False,
        "user_id": uuid_of("user", 2),
        "side": "BUY" if order.bid else "SELL",
        "retail_portfolio_id": PORTFOLIO,
    }


def fees_of(account: Account) -> Row:
    """Return what an account pays: the answer of ``transaction_summary``."""
    tier = {
        "pricing_tier": "Advanced 1",
        "usd_from": "0",
        "usd_to": "10000",
        "taker_fee_rate": amount(account.taker_pips, 6),
        "maker_fee_rate": amount(account.maker_pips, 6),
        "aop_from": "",
        "aop_to": "",
    }
    return {
        "total_volume": 0,
        "total_fees": 0,
        "fee_tier": tier,
        "margin_rate": None,
        "goods_and_services_tax": None,
        "advanced_trade_only_volume": 0,
        "advanced_trade_only_fees": 0,
        "coinbase_pro_volume": 0,
        "coinbase_pro_fees": 0,
        "total_balance": "",
        "has_promo_fee": False,
    }
