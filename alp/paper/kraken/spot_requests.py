"""Orders as Kraken's clients ask for them, spot: WebSocket version 2, and REST made the same.

What cannot be is refused in the venue's own words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from alp._core.matching import Prevention
from alp.paper.asked import instant_ns, number, size, steps, texts, whether
from alp.paper.market import Market
from alp.paper.orders import COIN, Refusal, Refused, Said, Ticket, Tif

MOST_IN_BATCH, FEWEST_IN_BATCH = 15, 2
MOST_CANCELS = 50
DEADLINE_NS = (500_000_000, 60_000_000_000)
"""How far from now a deadline may be."""
_SECOND = 1_000_000_000
_CLIENT_ID = re.compile(
    r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{32}|[!-~]{1,18}"
)
PREVENTIONS = {
    "cancel_newest": Prevention.TAKER,
    "cancel_oldest": Prevention.MAKER,
    "cancel_both": Prevention.BOTH,
}
_OLD_NAMES = {
    "XBT": "BTC",
    "XDG": "DOGE",
    "XXBT": "BTC",
    "XETH": "ETH",
    "ZUSD": "USD",
    "ZEUR": "EUR",
}
WORDS = {
    Refusal.SYMBOL: "EQuery:Unknown asset pair",
    Refusal.PRECISION: "EOrder:Tick size check failed",
    Refusal.PRICE_FILTER: "EOrder:Tick size check failed",
    Refusal.PRICE_BAND: "EOrder:Invalid price",
    Refusal.SIZE_FILTER: "EGeneral:Invalid arguments:volume minimum not met",
    Refusal.NOTIONAL_FILTER: "EOrder:Cost minimum not met",
    Refusal.TOO_MANY: "EOrder:Orders limit exceeded",
    Refusal.DUPLICATE_ID: "EGeneral:Invalid arguments:cl_ord_id not unique",
    Refusal.POST_ONLY: "EOrder:Post only order",
    Refusal.BALANCE: "EOrder:Insufficient funds",
    Refusal.UNKNOWN_ORDER: "EOrder:Unknown order",
    Refusal.PERMISSION: "EGeneral:Permission denied",
    Refusal.HALTED: "EService:Market in cancel_only mode",
    Refusal.RATE: "EOrder:Rate limit exceeded",
    Refusal.EXPIRY: "EGeneral:Invalid arguments:expiretm",
}


def words(refused: Refused) -> str:
    """Return what the venue says of a refusal."""
    if isinstance(refused, Said):
        return str(refused)
    return WORDS.get(refused.reason, "EGeneral:Invalid arguments")


def ticket_of(params: Mapping[str, Any], markets: Mapping[str, Market], now_ns: int) -> Ticket:
    """Read the parameters of ``add_order``.

    Raises
    ------
    Refused
        If the venue would not take it, whatever its books are like.
    """
    symbol, kind, side = (params.get(each) for each in ("symbol", "order_type", "side"))
    market = markets.get(symbol) if isinstance(symbol, str) else None
    if market is None:
        raise Said("EQuery:Unknown asset pair")
    if kind not in ("limit", "market"):
        raise Said("EGeneral:Invalid arguments:ordertype")
    if side not in ("buy", "sell"):
        raise Said("EGeneral:Invalid arguments:side")
    check_deadline(params.get("deadline"), now_ns)
    force = str(params.get("time_in_force") or ("gtc" if kind == "limit" else "ioc")).upper()
    prevention = str(params.get("stp_type") or "cancel_newest").lower().replace("-", "_")
    if force not in tuple(Tif) or prevention not in PREVENTIONS:
        raise Said("EGeneral:Invalid arguments")
    post_only = whether(params.get("post_only"))
    if post_only and (kind == "market" or force in (Tif.IOC, Tif.FOK)):
        raise Said("EGeneral:Invalid arguments:post_only")
    if whether(params.get("reduce_only")):
        raise Said("EOrder:Reduce only:No position exists")
    quantity, quote = _amounts(params, market)
    userref = _userref(params.get("order_userref"))
    return Ticket(
        symbol=market.symbol,
        bid=side == "buy",
        quantity=quantity,
        quote=quote,
        price=price_of(params.get("limit_price"), market) if kind == "limit" else None,
        client_id=_client_id(params.get("cl_ord_id"), userref),
        tif=Tif(force) if kind == "limit" else Tif.IOC,
        post_only=post_only,
        prevention=PREVENTIONS[prevention],
        expires_ns=_expiry(params.get("expire_time"), now_ns) if force == Tif.GTD else 0,
        notes={"userref": userref},
    )


def check_deadline(value: object, now_ns: int) -> None:
    """Refuse a deadline that is over or so far away that the venue does not take it.

    Raises
    ------
    Refused
        If it is that, or no time at all.
    """
    if value is None:
        return
    deadline_ns = instant_ns(value)
    if deadline_ns is None or deadline_ns > now_ns + DEADLINE_NS[1]:
        raise Said("EGeneral:Invalid arguments:deadline")
    if deadline_ns < now_ns + DEADLINE_NS[0]:
        raise Said("EService:Deadline elapsed")


def price_of(value: object, market: Market) -> int:
    """Read a limit price in ticks.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    off_grid = Said("EOrder:Tick size check failed")
    return size(value, market.book.price_decimals, Said("EOrder:Invalid price"), off_grid)


def quantity_of(value: object, market: Market) -> int:
    """Read a quantity in lots.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    wrong = Said("EGeneral:Invalid arguments:volume")
    return size(value, market.book.quantity_decimals, wrong, wrong)


def _amounts(params: Mapping[str, Any], market: Market) -> tuple[int, int]:
    """Return lots, and what is to be spent where a market order says that instead."""
    cash = number(params.get("cash_order_qty"))
    if cash is not None and params.get("order_type") == "market" and params.get("side") == "buy":
        return 0, int(cash * COIN)
    return quantity_of(params.get("order_qty"), market), 0


def _client_id(value: object, userref: int) -> str:
    if value is None:
        return ""
    if not isinstance(value, str) or not _CLIENT_ID.fullmatch(value):
        raise Said("EGeneral:Invalid arguments:cl_ord_id")
    if userref:
        raise Said("EGeneral:Invalid arguments:cl_ord_id and userref are mutually exclusive")
    return value


def _userref(value: object) -> int:
    found = steps(value, 0) if value is not None else 0
    if found is None or not -(2**31) <= found < 2**31:
        raise Said("EGeneral:Invalid arguments:userref")
    return found


def _expiry(value: object, now_ns: int) -> int:
    expires_ns = instant_ns(value)
    if expires_ns is None and isinstance(value, str) and re.fullmatch(r"\+?[0-9]{1,11}", value):
        expires_ns = int(value) * _SECOND + (now_ns if value.startswith("+") else 0)
    if expires_ns is None or expires_ns <= now_ns:
        raise Said("EGeneral:Invalid arguments:expiretm")
    return expires_ns


def symbol_of(pair: object, markets: Mapping[str, Market]) -> str:
    """Return the product that REST names in one of its ways; empty where it is none."""
    if not isinstance(pair, str):
        return ""
    return next((symbol for symbol in markets if pair in rest_names(symbol)), "")


def rest_names(symbol: str) -> set[str]:
    """Return what REST calls a product: without the bar, and with the old names of assets."""
    bases, quotes = (
        {each, *(old for old, new in _OLD_NAMES.items() if new == each)}
        for each in symbol.split("/")
    )
    return {f"{base}{bar}{quote}" for base in bases for quote in quotes for bar in ("", "/")}


def from_rest(fields: Mapping[str, Any], markets: Mapping[str, Market]) -> dict[str, Any]:
    """Return the parameters of ``add_order`` that mean what a form of ``AddOrder`` does."""
    flags = str(fields.get("oflags") or "").split(",")
    names = {
        "side": "type",
        "order_type": "ordertype",
        "cash_order_qty" if "viqc" in flags else "order_qty": "volume",
        "limit_price": "price",
        "time_in_force": "timeinforce",
        "expire_time": "expiretm",
        "cl_ord_id": "cl_ord_id",
        "order_userref": "userref",
        "stp_type": "stptype",
        "deadline": "deadline",
        "reduce_only": "reduce_only",
    }
    found = {name: fields[old] for name, old in names.items() if fields.get(old) is not None}
    return {
        **found,
        "symbol": symbol_of(fields.get("pair"), markets),
        "post_only": "post" in flags,
    }


def named_orders(params: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return what a cancel names: pairs of the name's kind and the name.

    Raises
    ------
    Refused
        If it names nothing, or orders in two ways.
    """
    kinds = [each for each in ("order_id", "cl_ord_id", "order_userref") if params.get(each)]
    if len(kinds) != 1:
        raise Said("EGeneral:Invalid arguments")
    return [(kinds[0], name) for name in texts(params[kinds[0]])]
