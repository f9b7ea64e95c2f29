"""Orders as Coinbase's clients ask for them, and why they are refused."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alp._core.matching import Prevention
from alp.paper.asked import instant_ns, size, steps, whether
from alp.paper.market import Market
from alp.paper.orders import COIN, Refusal, Refused, Said, Ticket, Tif

REASONS = {
    Refusal.SYMBOL: "INVALID_PRODUCT_ID",
    Refusal.PRECISION: "INVALID_PRICE_PRECISION",
    Refusal.PRICE_FILTER: "INVALID_PRICE_PRECISION",
    Refusal.PRICE_BAND: "LIMIT_PRICE_TOO_FAR_FROM_MARKET",
    Refusal.SIZE_FILTER: "BASE_SIZE_TOO_SMALL",
    Refusal.NOTIONAL_FILTER: "QUOTE_SIZE_TOO_SMALL",
    Refusal.POST_ONLY: "INVALID_LIMIT_PRICE_POST_ONLY",
    Refusal.BALANCE: "INSUFFICIENT_FUND",
    Refusal.DUPLICATE_ID: "DUPLICATE_CLIENT_ORDER_ID",
    Refusal.HALTED: "TRADING_DISABLED",
    Refusal.EXPIRY: "INVALID_END_TIME",
    Refusal.TOO_MANY: "COMMANDER_REJECTED_NEW_ORDER",
    Refusal.PERMISSION: "COMMANDER_REJECTED_NEW_ORDER",
}
UNKNOWN = "UNKNOWN_FAILURE_REASON"
_FORCES = {
    "limit_limit_gtc": Tif.GTC,
    "limit_limit_gtd": Tif.GTD,
    "limit_limit_fok": Tif.FOK,
    "sor_limit_ioc": Tif.IOC,
    "market_market_ioc": Tif.IOC,
}


def word(refused: Refused) -> str:
    """Return what the venue calls a refusal."""
    return str(refused) if isinstance(refused, Said) else REASONS.get(refused.reason, UNKNOWN)


def failure(reason: str) -> dict[str, str]:
    """Return the ``error_response`` of an order that was not taken."""
    said = {"message": "", "error_details": ""}
    if reason == REASONS[Refusal.POST_ONLY]:
        return {**said, "error": UNKNOWN, "new_order_failure_reason": reason}
    preview = {"preview_failure_reason": f"PREVIEW_{reason}"}
    return {**said, "error": reason, **preview, "new_order_failure_reason": reason}


def ticket_of(body: Mapping[str, Any], markets: Mapping[str, Market]) -> Ticket:
    """Read a new order.

    Raises
    ------
    Refused
        If the venue would not take it, whatever its books are like.
    """
    product, side = body.get("product_id"), body.get("side")
    market = markets.get(product) if isinstance(product, str) else None
    if market is None:
        raise Said("INVALID_PRODUCT_ID")
    if side not in ("BUY", "SELL"):
        raise Said("INVALID_SIDE")
    given = body.get("order_configuration")
    configurations = given if isinstance(given, dict) else {}
    named = [each for each in configurations.items() if isinstance(each[1], dict)]
    if len(named) != 1 or named[0][0] not in _FORCES:
        raise Said("UNSUPPORTED_ORDER_CONFIGURATION")
    (name, wanted) = named[0]
    is_market = name == "market_market_ioc"
    quote = _quote(wanted.get("quote_size")) if is_market and "quote_size" in wanted else 0
    return Ticket(
        symbol=market.symbol,
        bid=side == "BUY",
        quantity=0 if quote else size_of(wanted.get("base_size"), market),
        quote=quote,
        price=None if is_market else price_of(wanted.get("limit_price"), market),
        client_id=str(body.get("client_order_id")),
        tif=_FORCES[name],
        post_only=whether(wanted.get("post_only")),
        prevention=Prevention.TAKER if body.get("self_trade_prevention_id") else Prevention.NONE,
        expires_ns=_end(wanted.get("end_time")) if name == "limit_limit_gtd" else 0,
        notes={"configuration": configurations},
    )


def price_of(value: object, market: Market) -> int:
    """Read a limit price in ticks.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    off_grid = Said("INVALID_PRICE_PRECISION")
    return size(value, market.book.price_decimals, Said("INVALID_LIMIT_PRICE"), off_grid)


def size_of(value: object, market: Market) -> int:
    """Read a size in lots.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    off_grid = Said("INVALID_SIZE_PRECISION")
    return size(value, market.book.quantity_decimals, Said("BASE_SIZE_TOO_SMALL"), off_grid)


def _quote(value: object) -> int:
    found = steps(value, 8)
    if found is None or found <= 0:
        raise Said("QUOTE_SIZE_TOO_SMALL")
    assert COIN == 10**8
    return found


def _end(value: object) -> int:
    end_ns = instant_ns(value)
    if end_ns is None:
        raise Said("INVALID_END_TIME")
    return end_ns
