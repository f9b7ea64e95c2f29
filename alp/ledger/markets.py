"""From a trade in ticks and lots, as venues' adapters tell it, to amounts in the ledger's units."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from alp.errors import ConfigError, DataError
from alp.ledger.accounts import Place
from alp.ledger.assets import Asset
from alp.ledger.events import Fill, venue_proof


@dataclass(frozen=True, slots=True)
class Market:
    """A market at a venue account.

    Parameters
    ----------
    place
        Where its trades are booked.
    symbol
        The venue's name of it; part of the proof where trade ids are unique in one market only.
    base
        What is bought and sold; of a contract, the contract.
    tick_size
        Quote per base of one price tick.
    lot_size
        Base of one lot; of a contract, contracts times their size.
    margined
        It is a contract, see :class:`~alp.ledger.events.Fill`.
    ids_by_market
        The venue counts trades in each market by itself, as Binance does.
    """

    place: Place
    symbol: str
    base: Asset
    quote: Asset
    tick_size: Decimal
    lot_size: Decimal
    margined: bool = False
    ids_by_market: bool = False

    def __post_init__(self) -> None:
        if not (self.tick_size > 0 and self.lot_size > 0 and self.base.name != self.quote.name):
            raise ConfigError(f"{self.symbol}: sizes must be positive, and the assets two")

    def fill(
        self,
        trade_id: str,
        at_ns: int,
        side: int,
        price_ticks: int,
        lots: int,
        *,
        fee_amount: int = 0,
        fee_asset: str = "",
        quote_amount: int | None = None,
    ) -> Fill:
        """Return the event of a trade.

        Parameters
        ----------
        quote_amount
            What the venue says the trade cost, where it rounds; else it is price times quantity.

        Raises
        ------
        DataError
            If an amount is not a whole number of the ledger's units.
        """
        quantity = Fraction(self.lot_size) * lots
        base_amount = _whole(quantity, self.base, self.symbol, trade_id)
        if quote_amount is None:
            cost = quantity * Fraction(self.tick_size) * price_ticks
            quote_amount = _whole(cost, self.quote, self.symbol, trade_id)
        market = self.symbol if self.ids_by_market else ""
        return Fill(
            venue_proof(self.place.owner, "trade", trade_id, market),
            at_ns,
            self.place,
            self.base.name,
            self.quote.name,
            side,
            base_amount,
            quote_amount,
            fee_amount,
            fee_asset if fee_amount else "",
            self.margined,
        )


def _whole(amount: Fraction, asset: Asset, symbol: str, trade_id: str) -> int:
    raw = amount * 10**asset.decimals
    if raw.denominator != 1:
        raise DataError(
            f"{symbol} trade {trade_id}: {amount} {asset.name} is finer than 10^-{asset.decimals}",
            hint="the venue rounds it: book the amount that it tells",
        )
    return asset.checked(raw.numerator)
