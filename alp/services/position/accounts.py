"""What is booked where: the accounts of a strategy in the words of its ledger."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from alp.bus.sources import Source
from alp.errors import ConfigError
from alp.ledger.accounts import Account, Kind, Place, venue
from alp.ledger.assets import VENUE_DECIMALS, Asset, Assets
from alp.ledger.markets import Market
from alp.services.execution.limits import AccountVenue
from alp.strategy.manifest import Strategy

BALANCE_DECIMALS = 8
"""Of balances and fees, as adapters and the bus tell them."""
PAR = frozenset({"USD", "USDC", "USDT", "DAI"})
"""What counts as one of another of these; a quote that is none of them has no mark."""
_BY_MARKET = ("binance-",)
"""Exchanges that count trades in each market by itself."""


@dataclass(frozen=True, slots=True)
class Product:
    """One product of an account: what the venue says of it, and how its trades are booked."""

    traded: AccountVenue
    market: Market

    @property
    def index(self) -> int:
        """Its venue's place in the manifest."""
        return self.traded.index

    @property
    def rounds(self) -> bool:
        """Whether a trade may cost parts of the smallest amount that the venue keeps."""
        step = self.market.tick_size * self.market.lot_size
        return bool(step.scaleb(BALANCE_DECIMALS) % 1)


@dataclass(frozen=True, slots=True)
class VenueAccount:
    """One account at a venue.

    Attributes
    ----------
    name
        Its owner's name in the ledger, as journals call it.
    source
        Its handler's number on the bus.
    futures
        The venue keeps positions in contracts.
    """

    name: str
    source: int
    futures: bool
    products: tuple[Product, ...]

    @property
    def place(self) -> Place:
        """Where its balances are booked."""
        return venue(self.name)

    def product(self, index: int) -> Product | None:
        """Return a product by its number on the bus; None: it is another account's."""
        return next((each for each in self.products if each.index == index), None)

    def of_symbol(self, symbol: str) -> Product | None:
        """Return a product by its name at the venue."""
        return next((each for each in self.products if each.market.symbol == symbol), None)

    def account(self, asset: str) -> Account:
        """Return where an asset of it is booked."""
        return Account(*self.place, asset)

    def margin(self, asset: str) -> Account:
        """Return where the price of contracts waits until it is settled."""
        return Account(Kind.MARGIN, self.name, asset)


def contract_of(symbol: str, account: str) -> str:
    """Return what a contract is called in the ledger; its cost is that of one account."""
    return f"{symbol}@{account}"


def venue_account(
    strategy: Strategy, name: str, products: Sequence[AccountVenue], *, futures: bool
) -> VenueAccount:
    """Return an account with the markets of its products."""
    known = _chain_assets(strategy)

    def made(each: AccountVenue) -> Product:
        said = each.instrument
        lot = said.order_quantity.increment * said.contract_size
        base = contract_of(said.symbol, name) if futures else said.base
        market = Market(
            venue(name),
            said.symbol,
            known.get(base) or Asset(base, max(VENUE_DECIMALS, _places(lot))),
            known.get(said.quote)
            or Asset(said.quote, max(VENUE_DECIMALS, _places(said.price.increment * lot))),
            said.price.increment,
            lot,
            margined=futures,
            ids_by_market=said.exchange.startswith(_BY_MARKET),
        )
        return Product(each, market)

    source = int(Source.EXECUTION) + min(each.index for each in products)
    return VenueAccount(name, source, futures, tuple(made(each) for each in products))


def assets_of(strategy: Strategy, accounts: Iterable[VenueAccount]) -> Assets:
    """Return the table of a ledger that holds all of it; values are in the pool's quote token.

    Raises
    ------
    ConfigError
        If one asset would have two units.
    """
    chain = _chain_assets(strategy)
    quote = chain[strategy.spec.pool.quote]
    others = dict(chain)
    for account in accounts:
        for product in account.products:
            for asset in (product.market.base, product.market.quote):
                before = others.setdefault(asset.name, asset)
                if before != asset:
                    raise ConfigError(
                        f"{asset.name} has {before.decimals} decimals at one venue and "
                        f"{asset.decimals} at another",
                        hint="trade products with the same grids, or run two strategies",
                    )
    return Assets(quote, tuple(others.values()))


def _chain_assets(strategy: Strategy) -> dict[str, Asset]:
    """Return the pool's tokens, and native token, with units fine enough for venues too."""
    pool, pair = strategy.spec.pool, strategy.pair()
    base = max(VENUE_DECIMALS, pair.base_decimals)
    quote = max(VENUE_DECIMALS, pair.quote_decimals)
    found = {pool.base: Asset(pool.base, base), pool.quote: Asset(pool.quote, quote)}
    native = pool.network.native
    found.setdefault(native, Asset(native, 18))
    return found


def _places(step: Decimal) -> int:
    exponent = step.normalize().as_tuple().exponent
    assert isinstance(exponent, int)
    return max(-exponent, 0)
