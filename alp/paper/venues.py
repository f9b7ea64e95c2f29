"""The exchanges that can be simulated, by the names of the manifest, and their made-up markets."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from alp.errors import ConfigError
from alp.paper.binance.public import Binance
from alp.paper.coinbase.public import Coinbase
from alp.paper.kraken.futures import KrakenFutures
from alp.paper.kraken.spot import KrakenSpot
from alp.paper.market import Market
from alp.paper.protocol import Protocol

SHORT = {"binance": "binance-usdm", "coinbase": "coinbase-spot", "kraken": "kraken-spot"}
"""Names for people."""


@dataclass(frozen=True, slots=True)
class Venue:
    """What can be simulated of an exchange.

    Attributes
    ----------
    make
        Its protocol, of some markets.
    family
        Recordings of a venue of the same family name products as this one does.
    symbol
        A product that it has where none is asked for.
    pattern
        What its symbols look like.
    price_decimals, quantity_decimals
        Of made-up markets.
    """

    make: Callable[[Iterable[Market]], Protocol]
    family: str
    symbol: str
    pattern: str
    price_decimals: int = 2
    quantity_decimals: int = 8


VENUES = {
    "binance-usdm": Venue(
        Binance, "binance", "ETHUSDC", r"[A-Z0-9]+(_[0-9]{6})?", quantity_decimals=3
    ),
    "binance-spot": Venue(
        partial(Binance, futures=False), "binance", "ETHUSDC", r"[A-Z0-9]+", quantity_decimals=4
    ),
    "coinbase-spot": Venue(Coinbase, "coinbase", "ETH-USD", r"[A-Z0-9]+-[A-Z0-9]+"),
    "kraken-spot": Venue(KrakenSpot, "kraken", "ETH/USDC", r"[A-Z0-9.]+/[A-Z0-9.]+"),
    "kraken-futures": Venue(
        KrakenFutures,
        "kraken-futures",
        "PF_ETHUSD",
        r"[PF][FIV]_[A-Z0-9]+(_[0-9]{6})?",
        price_decimals=1,
        quantity_decimals=3,
    ),
}
_PRICES = {"BTC": 65_000, "XBT": 65_000, "ETH": 2_000, "SOL": 150}
"""About where made-up markets of some assets begin; others begin at 100."""


def full_name(exchange: str) -> str:
    """Return an exchange's name as manifests write it.

    Raises
    ------
    ConfigError
        If it cannot be simulated.
    """
    name = SHORT.get(exchange, exchange)
    if name not in VENUES:
        known = ", ".join([*VENUES, *SHORT])
        raise ConfigError(f"no simulated exchange {exchange!r}", hint=f"there are {known}")
    return name


def check_symbol(exchange: str, symbol: str) -> None:
    """Refuse a symbol that the exchange would not have.

    Raises
    ------
    ConfigError
        If it does not look like one.
    """
    venue = VENUES[exchange]
    if not re.fullmatch(venue.pattern, symbol):
        raise ConfigError(f"{exchange} has no product like {symbol!r}", hint=f"try {venue.symbol}")


def made_up(exchange: str, symbols: Sequence[str] = (), seed: int = 1) -> list[Market]:
    """Return markets of these products; the same seed makes the same books and changes.

    Raises
    ------
    ConfigError
        If a symbol is none of the exchange's.
    """
    venue = VENUES[exchange]
    found = []
    for number, symbol in enumerate(symbols or (venue.symbol,)):
        check_symbol(exchange, symbol)
        asset = re.sub(r"^[PF][FIV]_", "", symbol)
        price = next((each for name, each in _PRICES.items() if asset.startswith(name)), 100)
        found.append(
            Market.made_up(
                symbol,
                seed=seed + number,
                middle=price * 10**venue.price_decimals,
                price_decimals=venue.price_decimals,
                quantity_decimals=venue.quantity_decimals,
            )
        )
    return found
