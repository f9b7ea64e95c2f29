"""Binance's private requests and calls: what each path and each method is, and what it costs."""

from __future__ import annotations

from dataclasses import dataclass

from alp.paper.private import (
    ACCOUNT,
    AMEND,
    CANCEL,
    CANCEL_ALL,
    DEAD_MAN,
    NEW,
    QUERY,
    STREAM_KEY,
)


@dataclass(frozen=True, slots=True)
class Route:
    """One of them.

    Attributes
    ----------
    does
        Name of what answers it, see :class:`alp.paper.binance.private.BinancePrivate`.
    weight
        Of the address.
    orders
        Of the account.
    signed
        Otherwise it only names its key.
    all_weight
        Without a symbol; 0: the same.
    """

    does: str
    command: str
    weight: int = 1
    orders: int = 0
    signed: bool = True
    all_weight: int = 0


_KEY = "/sapi/v1/account/apiRestrictions"
_COINS = "/sapi/v1/capital/config/getall"
_ORDER, _BATCH, _LISTEN = "/fapi/v1/order", "/fapi/v1/batchOrders", "/fapi/v1/listenKey"
_DUAL, _MULTI = "/fapi/v1/positionSide/dual", "/fapi/v1/multiAssetsMargin"
_BOTH = {
    ("GET", _KEY): Route("restrictions", ACCOUNT),
    ("GET", _COINS): Route("coins", ACCOUNT, 10),
    ("GET", "/sapi/v1/asset/tradeFee"): Route("trade_fees", ACCOUNT),
    ("GET", "/sapi/v1/margin/allPairs"): Route("margin_pairs", ACCOUNT, signed=False),
    ("GET", "/sapi/v1/margin/isolated/allPairs"): Route("margin_pairs", ACCOUNT, 10),
}
USDM = {
    **_BOTH,
    ("POST", _ORDER): Route("place", NEW, 0, 1),
    ("PUT", _ORDER): Route("modify", AMEND, 0, 1),
    ("DELETE", _ORDER): Route("cancel", CANCEL),
    ("GET", _ORDER): Route("query", QUERY),
    ("POST", f"{_ORDER}/test"): Route("test", QUERY),
    ("GET", "/fapi/v1/income"): Route("income", ACCOUNT, 30),
    ("GET", "/fapi/v1/rateLimit/order"): Route("order_counts", ACCOUNT),
    ("POST", _BATCH): Route("place_batch", NEW, 5, 5),
    ("PUT", _BATCH): Route("modify_batch", AMEND, 5, 5),
    ("DELETE", _BATCH): Route("cancel_batch", CANCEL),
    ("GET", "/fapi/v1/openOrder"): Route("query_open", QUERY),
    ("GET", "/fapi/v1/openOrders"): Route("open_orders", QUERY, 1, all_weight=40),
    ("GET", "/fapi/v1/allOrders"): Route("all_orders", QUERY, 5),
    ("DELETE", "/fapi/v1/allOpenOrders"): Route("cancel_all", CANCEL_ALL),
    ("POST", "/fapi/v1/countdownCancelAll"): Route("countdown", DEAD_MAN, 10),
    ("GET", "/fapi/v1/userTrades"): Route("trades", QUERY, 5),
    ("POST", _LISTEN): Route("start_stream", STREAM_KEY, signed=False),
    ("PUT", _LISTEN): Route("keep_stream", STREAM_KEY, signed=False),
    ("DELETE", _LISTEN): Route("stop_stream", STREAM_KEY, signed=False),
    ("POST", "/fapi/v1/leverage"): Route("leverage", ACCOUNT),
    ("GET", "/fapi/v1/leverageBracket"): Route("brackets", ACCOUNT),
    ("POST", "/fapi/v1/marginType"): Route("margin_type", ACCOUNT),
    ("GET", _DUAL): Route("one_way", ACCOUNT, 30),
    ("POST", _DUAL): Route("set_one_way", ACCOUNT),
    ("GET", _MULTI): Route("single_asset", ACCOUNT, 30),
    ("POST", _MULTI): Route("set_single_asset", ACCOUNT),
    ("GET", "/fapi/v1/commissionRate"): Route("commission", ACCOUNT, 20),
    ("GET", "/fapi/v1/symbolConfig"): Route("symbol_config", ACCOUNT, 5),
    ("GET", "/fapi/v1/accountConfig"): Route("account_config", ACCOUNT, 5),
    **{
        ("GET", f"/fapi/{version}/{name}"): Route(does, ACCOUNT, 5)
        for version in ("v2", "v3")
        for name, does in (
            ("account", "account"),
            ("balance", "balance"),
            ("positionRisk", "positions"),
        )
    },
}
USDM_CALLS = {
    "order.place": Route("place", NEW, 0, 1),
    "order.modify": Route("modify", AMEND, 0, 1),
    "order.cancel": Route("cancel", CANCEL),
    "order.status": Route("query", QUERY),
    "account.status": Route("account", ACCOUNT, 5),
    "v2/account.status": Route("account", ACCOUNT, 5),
    "account.balance": Route("balance", ACCOUNT, 5),
    "v2/account.balance": Route("balance", ACCOUNT, 5),
    "account.position": Route("positions", ACCOUNT, 5),
    "v2/account.position": Route("positions", ACCOUNT, 5),
    "userDataStream.start": Route("start_stream", STREAM_KEY, 5, signed=False),
    "userDataStream.ping": Route("keep_stream", STREAM_KEY, 1, signed=False),
    "userDataStream.stop": Route("stop_stream", STREAM_KEY, 1, signed=False),
}
_SPOT_ORDER, _SPOT_LISTEN = "/api/v3/order", "/api/v3/userDataStream"
SPOT = {
    **_BOTH,
    ("POST", _SPOT_ORDER): Route("place", NEW, 1, 1),
    ("POST", "/api/v3/order/test"): Route("test", QUERY, 1),
    ("DELETE", _SPOT_ORDER): Route("cancel", CANCEL),
    ("GET", _SPOT_ORDER): Route("query", QUERY, 4),
    ("PUT", "/api/v3/order/amend/keepPriority"): Route("amend", AMEND, 4),
    ("POST", "/api/v3/order/cancelReplace"): Route("replace", AMEND, 1, 1),
    ("GET", "/api/v3/openOrders"): Route("open_orders", QUERY, 6, all_weight=80),
    ("DELETE", "/api/v3/openOrders"): Route("cancel_all", CANCEL_ALL),
    ("GET", "/api/v3/allOrders"): Route("all_orders", QUERY, 20),
    ("GET", "/api/v3/myTrades"): Route("trades", QUERY, 20),
    ("GET", "/api/v3/rateLimit/order"): Route("order_counts", ACCOUNT, 40),
    ("GET", "/api/v3/account"): Route("spot_account", ACCOUNT, 20),
    ("GET", "/api/v3/account/commission"): Route("spot_commission", ACCOUNT, 20),
    # Binance has ended these; clients that still use them get their events.
    ("POST", _SPOT_LISTEN): Route("start_stream", STREAM_KEY, 2, signed=False),
    ("PUT", _SPOT_LISTEN): Route("keep_stream", STREAM_KEY, 2, signed=False),
    ("DELETE", _SPOT_LISTEN): Route("stop_stream", STREAM_KEY, 2, signed=False),
}
SPOT_CALLS = {
    "order.place": Route("place", NEW, 1, 1),
    "order.test": Route("test", QUERY, 1),
    "order.cancel": Route("cancel", CANCEL),
    "order.status": Route("query", QUERY, 4),
    "order.amend.keepPriority": Route("amend", AMEND, 4),
    "order.cancelReplace": Route("replace", AMEND, 1, 1),
    "openOrders.status": Route("open_orders", QUERY, 6, all_weight=80),
    "openOrders.cancelAll": Route("cancel_all", CANCEL_ALL),
    "allOrders": Route("all_orders", QUERY, 20),
    "myTrades": Route("trades", QUERY, 20),
    "account.status": Route("spot_account", ACCOUNT, 20),
    "account.commission": Route("spot_commission", ACCOUNT, 20),
    "account.rateLimits.orders": Route("order_counts", ACCOUNT, 40),
    "userDataStream.subscribe": Route("subscribe", STREAM_KEY, 2),
    "userDataStream.subscribe.signature": Route("subscribe", STREAM_KEY, 2),
    "userDataStream.unsubscribe": Route("unsubscribe", STREAM_KEY, 2, signed=False),
}
"""Of the WebSocket API; those about the session are the same for both."""
PUBLIC_CALLS = {
    "ping": "ping",
    "time": "time",
    "exchangeInfo": "exchangeInfo",
    "depth": "depth",
    "trades.recent": "trades",
    "trades.historical": "historicalTrades",
    "trades.aggregate": "aggTrades",
    "klines": "klines",
    "uiKlines": "uiKlines",
    "avgPrice": "avgPrice",
    "ticker.24hr": "ticker/24hr",
    "ticker.price": "ticker/price",
    "ticker.book": "ticker/bookTicker",
}
"""What calls ask of the market: the ends of the paths that say the same by REST."""
SESSION = ("session.logon", "session.status", "session.logout")
