"""Answers about products, as the venues' documentation shows them, cut to what matters.

Members are those of developers.binance.com "Exchange Information" (USDⓈ-M and spot),
docs.cdp.coinbase.com "Get Public Product", docs.kraken.com "Get Tradable Asset Pairs" and
"Get instruments"; the values are ours.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from alp.errors import VenueError


class Http:
    """Answers with what it was given and keeps what was asked."""

    def __init__(self, **answers: Any) -> None:
        self._answers = {
            path: body if isinstance(body, bytes) else json.dumps(body).encode()
            for path, body in answers.items()
        }
        self.asked: list[tuple[str, int]] = []

    async def get(self, path: str, *, weight: int = 1) -> bytes:
        self.asked.append((path, weight))
        if path not in self._answers:
            raise VenueError(f"{path}: status 404", status=404)
        return self._answers[path]


def without(answer: Any, *path: str | int) -> Any:
    """Return a copy without the member at the end of the path."""
    found = copy.deepcopy(answer)
    at = found
    for step in path[:-1]:
        at = at[step]
    del at[path[-1]]
    return found


def changed(answer: Any, value: Any, *path: str | int) -> Any:
    """Return a copy in which the member at the end of the path is another."""
    found = copy.deepcopy(answer)
    at = found
    for step in path[:-1]:
        at = at[step]
    at[path[-1]] = value
    return found


BINANCE_USDM = {
    "timezone": "UTC",
    "futuresType": "U_MARGINED",
    "rateLimits": [{"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "limit": 2400}],
    "symbols": [
        {"symbol": "OTHER"},
        {
            "symbol": "ETHUSDC",
            "pair": "ETHUSDC",
            "contractType": "PERPETUAL",
            "status": "TRADING",
            "baseAsset": "ETH",
            "quoteAsset": "USDC",
            "marginAsset": "USDC",
            "pricePrecision": 2,
            "quantityPrecision": 3,
            "baseAssetPrecision": 8,
            "quotePrecision": 8,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "39.86",
                    "maxPrice": "306177",
                    "tickSize": "0.10",
                },
                {
                    "filterType": "LOT_SIZE",
                    "stepSize": "0.001",
                    "minQty": "0.001",
                    "maxQty": "10000",
                },
                {"filterType": "MAX_NUM_ORDERS", "limit": 200},
                {"filterType": "MIN_NOTIONAL", "notional": "20"},
            ],
        },
    ],
}
BINANCE_SPOT = {
    "timezone": "UTC",
    "symbols": [
        {
            "symbol": "ETHUSDC",
            "status": "TRADING",
            "baseAsset": "ETH",
            "baseAssetPrecision": 8,
            "quoteAsset": "USDC",
            "quotePrecision": 8,
            "filters": [
                {
                    "filterType": "PRICE_FILTER",
                    "minPrice": "0.01000000",
                    "maxPrice": "1000000.00000000",
                    "tickSize": "0.01000000",
                },
                {
                    "filterType": "LOT_SIZE",
                    "minQty": "0.00010000",
                    "maxQty": "9000.00000000",
                    "stepSize": "0.00010000",
                },
                {
                    "filterType": "NOTIONAL",
                    "minNotional": "5.00000000",
                    "applyMinToMarket": True,
                    "maxNotional": "9000000.00000000",
                },
            ],
        }
    ],
}
COINBASE = {
    "product_id": "ETH-USDC",
    "price": "2666.08",
    "base_increment": "0.00000001",
    "quote_increment": "0.01",
    "quote_min_size": "1",
    "quote_max_size": "150000000",
    "base_min_size": "0.00000001",
    "base_max_size": "42000",
    "is_disabled": False,
    "status": "online",
    "cancel_only": False,
    "limit_only": False,
    "post_only": False,
    "trading_disabled": False,
    "auction_mode": False,
    "product_type": "SPOT",
    "quote_currency_id": "USDC",
    "base_currency_id": "ETH",
    "alias": "ETH-USD",
    "alias_to": [],
    "view_only": False,
    "price_increment": "0.01",
}
KRAKEN_SPOT = {
    "error": [],
    "result": {
        "XXBTZUSD": {
            "altname": "XBTUSD",
            "wsname": "XBT/USD",
            "base": "XXBT",
            "quote": "ZUSD",
            "pair_decimals": 1,
            "lot_decimals": 8,
            "ordermin": "0.00005",
            "costmin": "0.5",
            "tick_size": "0.1",
            "status": "online",
        }
    },
}
KRAKEN_FUTURES = (
    b'{"result":"success","serverTime":"2026-05-30T00:00:00Z","instruments":['
    b'{"symbol":"PI_XBTUSD","type":"futures_inverse","underlying":"rr_xbtusd","tickSize":0.5,'
    b'"contractSize":1,"tradeable":true,"contractValueTradePrecision":0,"postOnly":false,'
    b'"base":"BTC","quote":"USD","pair":"BTC:USD"},'
    b'{"symbol":"PF_ETHUSD","type":"flexible_futures","tickSize":0.1,"contractSize":1,'
    b'"tradeable":true,"maxPositionSize":16000.0,"contractValueTradePrecision":3,'
    b'"postOnly":false,"base":"ETH","quote":"USD","pair":"ETH:USD"},'
    b'{"symbol":"PF_PEPEUSD","type":"flexible_futures","tickSize":1e-10,"contractSize":1,'
    b'"tradeable":true,"maxPositionSize":1000000000000.0,"contractValueTradePrecision":-3,'
    b'"postOnly":false,"base":"PEPE","quote":"USD","pair":"PEPE:USD"},'
    b'{"symbol":"PF_XBTUSD","type":"flexible_futures","tickSize":1,"contractSize":1,'
    b'"tradeable":false,"contractValueTradePrecision":4,"base":"XBT","quote":"USD"}]}'
)
