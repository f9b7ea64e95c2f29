"""Orders as Kraken Futures' clients ask for them, and the statuses that refuse them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from alp._core.matching import Prevention
from alp.paper.asked import size, whether
from alp.paper.market import Market
from alp.paper.orders import Refusal, Refused, Said, Ticket, Tif

LONGEST_ID = 100
STATUSES = {
    Refusal.PRECISION: "invalidPrice",
    Refusal.PRICE_FILTER: "invalidPrice",
    Refusal.PRICE_BAND: "outsidePriceCollar",
    Refusal.SIZE_FILTER: "invalidSize",
    Refusal.NOTIONAL_FILTER: "invalidSize",
    Refusal.TOO_MANY: "tooManySmallOrders",
    Refusal.DUPLICATE_ID: "clientOrderIdAlreadyExist",
    Refusal.POST_ONLY: "postWouldExecute",
    Refusal.FILL_OR_KILL: "iocWouldNotExecute",
    Refusal.BALANCE: "insufficientAvailableFunds",
    Refusal.MARGIN: "insufficientAvailableFunds",
    Refusal.POSITION: "maxPositionViolation",
    Refusal.REDUCE_ONLY: "wouldNotReducePosition",
    Refusal.HALTED: "marketSuspended",
}
_TYPES = {
    "lmt": Tif.GTC,
    "post": Tif.GTC,
    "ioc": Tif.IOC,
    "fok": Tif.FOK,
    "mkt": Tif.IOC,
}


class Problem(Exception):  # noqa: N818 - an answer, not a failure
    """A request that is an error as a whole."""


def status_of(refused: Refused) -> str:
    """Return what the venue says of a refusal.

    Raises
    ------
    Problem
        If it is no status but an error of the request.
    """
    if isinstance(refused, Said):
        return str(refused)
    if refused.reason is Refusal.PERMISSION:
        raise Problem("accountInactive")
    return STATUSES.get(refused.reason, "invalidOrderType")


def ticket_of(params: Mapping[str, Any], markets: Mapping[str, Market]) -> Ticket:
    """Read a new order.

    Raises
    ------
    Refused
        If the venue would not take it, whatever its books are like.
    Problem
        If it lacks something.
    """
    for name in ("orderType", "symbol", "side", "size"):
        if params.get(name) in (None, ""):
            raise Problem(f"requiredArgumentMissing: {name}")
    market = markets.get(str(params["symbol"]).upper())
    if market is None:
        raise Problem("invalidArgument: symbol")
    kind = str(params["orderType"])
    if kind not in _TYPES:
        raise Said("invalidOrderType")
    if params["side"] not in ("buy", "sell"):
        raise Said("invalidSide")
    client_id = str(params.get("cliOrdId") or "")
    if len(client_id) > LONGEST_ID:
        raise Said("clientOrderIdTooLong")
    return Ticket(
        symbol=market.symbol,
        bid=params["side"] == "buy",
        quantity=size_of(params["size"], market),
        price=None if kind == "mkt" else price_of(params.get("limitPrice"), market),
        client_id=client_id,
        tif=_TYPES[kind],
        post_only=kind == "post",
        reduce_only=whether(params.get("reduceOnly")),
        prevention=Prevention.TAKER,
    )


def price_of(value: object, market: Market) -> int:
    """Read a limit price in ticks.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    wrong = Said("invalidPrice")
    return size(value, market.book.price_decimals, wrong, wrong)


def size_of(value: object, market: Market) -> int:
    """Read a size in lots.

    Raises
    ------
    Refused
        If it is not positive or not on the grid.
    """
    wrong = Said("invalidSize")
    return size(value, market.book.quantity_decimals, wrong, wrong)


def parts(symbol: str) -> tuple[str, str]:
    """Return base and quote of a contract: ``PF_XBTUSD``, ``FI_ETHUSD_211231``."""
    pair = symbol.split("_")[1] if "_" in symbol else symbol
    base, quote = (pair[:-3], pair[-3:]) if len(pair) > 3 else (pair, "USD")
    return base.replace("XBT", "BTC"), quote
