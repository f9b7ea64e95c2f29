"""The exchanges that alp knows, by the names of the manifest."""

from __future__ import annotations

from collections.abc import Callable

from alp.errors import ConfigError
from alp.venues.adapter import Endpoints, MarketAdapter
from alp.venues.binance import signing as binance_signing
from alp.venues.binance import spot_market as binance_spot
from alp.venues.binance import spot_orders, usdm_orders
from alp.venues.binance import usdm_market as binance_usdm
from alp.venues.coinbase import market as coinbase
from alp.venues.coinbase import orders as coinbase_orders
from alp.venues.coinbase import signing as coinbase_signing
from alp.venues.credentials import Credentials
from alp.venues.kraken import futures_market as kraken_futures
from alp.venues.kraken import futures_orders as kraken_futures_orders
from alp.venues.kraken import signing as kraken_signing
from alp.venues.kraken import spot_market as kraken_spot
from alp.venues.kraken import spot_orders as kraken_spot_orders
from alp.venues.orders import OrderAdapter

_ADAPTERS: dict[str, tuple[Callable[[Endpoints], MarketAdapter], Endpoints]] = {
    "binance-usdm": (binance_usdm.UsdmMarket, binance_usdm.PRODUCTION),
    "binance-spot": (binance_spot.SpotMarket, binance_spot.PRODUCTION),
    "coinbase-spot": (coinbase.CoinbaseMarket, coinbase.PRODUCTION),
    "kraken-spot": (kraken_spot.KrakenSpotMarket, kraken_spot.PRODUCTION),
    "kraken-futures": (kraken_futures.KrakenFuturesMarket, kraken_futures.PRODUCTION),
}
_ORDERS: dict[str, tuple[Callable[[Endpoints], OrderAdapter], Endpoints]] = {
    "binance-usdm": (usdm_orders.UsdmOrders, usdm_orders.PRODUCTION),
    "binance-spot": (spot_orders.SpotOrders, spot_orders.PRODUCTION),
    "coinbase-spot": (coinbase_orders.CoinbaseOrders, coinbase_orders.PRODUCTION),
    "kraken-spot": (kraken_spot_orders.KrakenSpotOrders, kraken_spot_orders.PRODUCTION),
    "kraken-futures": (kraken_futures_orders.KrakenFuturesOrders, kraken_futures.PRODUCTION),
}
_SIGNING: dict[str, Callable[[Credentials], None]] = {
    "binance-usdm": binance_signing.check,
    "binance-spot": binance_signing.check,
    "coinbase-spot": coinbase_signing.check,
    "kraken-spot": kraken_signing.check,
    "kraken-futures": kraken_signing.check,
}
EXCHANGES = tuple(_ADAPTERS)


def adapter_for(exchange: str, endpoints: Endpoints | None = None) -> MarketAdapter:
    """Return the adapter of an exchange.

    Parameters
    ----------
    exchange
        One of :data:`EXCHANGES`.
    endpoints
        Where it is, other than in production; an empty text leaves one as it is.

    Raises
    ------
    ConfigError
        If alp has no such adapter.
    """
    if exchange not in _ADAPTERS:
        raise ConfigError(
            f"no adapter for exchange {exchange!r}", hint=f"there are {', '.join(EXCHANGES)}"
        )
    make, production = _ADAPTERS[exchange]
    given = endpoints or production
    return make(
        Endpoints(
            (given.rest or production.rest).rstrip("/"),
            (given.stream or production.stream).rstrip("/"),
        )
    )


def orders_for(exchange: str, endpoints: Endpoints | None = None) -> OrderAdapter:
    """Return the order entry of an exchange.

    Parameters
    ----------
    endpoints
        Where it is, other than in production; an empty text leaves one as it is, but where a
        stream is named and the socket for orders is not, that is there too.

    Raises
    ------
    ConfigError
        If alp sends no orders there.
    """
    if exchange not in _ORDERS:
        raise ConfigError(
            f"alp sends no orders to {exchange!r}", hint=f"it does to {', '.join(_ORDERS)}"
        )
    make, production = _ORDERS[exchange]
    given = endpoints or production
    return make(
        Endpoints(
            (given.rest or production.rest).rstrip("/"),
            (given.stream or production.stream).rstrip("/"),
            (given.orders or given.stream or production.orders).rstrip("/"),
        )
    )


def check_credentials(exchange: str, credentials: Credentials) -> None:
    """Refuse credentials that cannot sign for an exchange, before anything is sent.

    Parameters
    ----------
    exchange
        One of :data:`EXCHANGES`.

    Raises
    ------
    ConfigError
        If they are of a kind that it does not take, or not in its form.
    """
    _SIGNING[exchange](credentials)
