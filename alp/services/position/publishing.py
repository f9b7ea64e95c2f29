"""What the bus hears of the ledger: what is held, place by place and in all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction

from alp._core.wire import HeaderFields, InventoryMessage, PositionMessage
from alp.bus.sources import CHAIN, COMBINED, Source
from alp.ledger.accounts import Account, Kind
from alp.ledger.assets import Asset
from alp.ledger.books import Snapshot
from alp.models.pair import TokenPair
from alp.services.position.accounts import BALANCE_DECIMALS, PAR, VenueAccount
from alp.services.position.chain_leg import ChainLeg


class Combined:
    """Makes messages of a snapshot.

    The base of a venue is its contracts, or what it holds of the base asset. All amounts are in
    the raw units of the pool's tokens, rounded down. `delta` of a venue is its base less what
    was adopted of it on spot: an account begins with what it may sell.
    """

    def __init__(
        self,
        accounts: Sequence[VenueAccount],
        pair: TokenPair,
        chain: ChainLeg,
    ) -> None:
        self._accounts = accounts
        self._pair = pair
        self._chain = chain

    def messages(self, snapshot: Snapshot) -> Iterator[InventoryMessage | PositionMessage]:
        """Yield what is held: each product, the chain's part, and everything together."""
        base, quote, delta = 0, 0, 0
        for account in self._accounts:
            counted: set[str] = set()
            for product in account.products:
                market = product.market
                held = snapshot.balances.get(account.account(market.base.name), 0)
                cash = snapshot.balances.get(account.account(market.quote.name), 0)
                lot = market.base.raw(market.lot_size)
                header = self._header(product.index, snapshot)
                yield PositionMessage(header, held // lot, 0, _coins(cash, market.quote))
                mine = self._base(held, market.base)
                moved = mine
                if not account.futures:
                    # What was adopted came from there, so that it is negative.
                    opening = Account(Kind.OPENING, account.name, market.base.name)
                    moved = self._base(held + snapshot.balances.get(opening, 0), market.base)
                money = 0
                if market.quote.name in PAR or market.quote.name == self._pair.quote_symbol:
                    margin = snapshot.balances.get(account.margin(market.quote.name), 0)
                    money = self._quote(cash + margin, market.quote)
                yield InventoryMessage(header, mine, money, moved, 0, 0)
                if market.base.name not in counted:
                    base, delta = base + mine, delta + moved
                if market.quote.name not in counted:
                    quote += money
                counted |= {market.base.name, market.quote.name}
        newest = self._chain.newest
        block = epoch = 0
        if newest is not None:
            yield newest._replace(header=self._header(CHAIN, snapshot))
            base, quote, delta = base + newest.base, quote + newest.quote, delta + newest.delta
            block, epoch = newest.block, newest.epoch
        header = self._header(COMBINED, snapshot)
        yield InventoryMessage(header, base, quote, delta, block, epoch)

    def _header(self, instrument: int, snapshot: Snapshot) -> HeaderFields:
        return HeaderFields(int(Source.POSITIONS), instrument, 0, snapshot.at_ns, 0)

    def _base(self, amount: int, asset: Asset) -> int:
        return _units(amount, asset, self._pair.base_decimals)

    def _quote(self, amount: int, asset: Asset) -> int:
        return _units(amount, asset, self._pair.quote_decimals)


def _units(amount: int, asset: Asset, decimals: int) -> int:
    return int(Fraction(amount, 10**asset.decimals) * 10**decimals // 1)


def _coins(amount: int, asset: Asset) -> int:
    return _units(amount, asset, BALANCE_DECIMALS)
