"""What a venue trades: grids of prices and quantities, minimums, and whether it trades now."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from alp.errors import VenueError


@dataclass(frozen=True, slots=True)
class Grid:
    """The values that a price or a quantity can take: whole multiples of ``step · 10⁻ᵈᵉᶜⁱᵐᵃˡˢ``."""

    decimals: int
    step: int

    @classmethod
    def of(cls, increment: Decimal) -> Self:
        """Return the grid of an increment as a venue writes it: ``0.10``, ``1e-08``, ``0.5``.

        Raises
        ------
        VenueError
            If it is not positive.
        """
        if not increment.is_finite() or increment <= 0:
            raise VenueError(f"an increment of {increment} is none")
        exponent = increment.normalize().as_tuple().exponent
        assert isinstance(exponent, int)
        decimals = max(-exponent, 0)
        return cls(decimals, int(increment.scaleb(decimals)))

    @property
    def increment(self) -> Decimal:
        """The distance of two neighbours."""
        return Decimal(self.step).scaleb(-self.decimals)

    def value(self, count: int) -> Decimal:
        """Return what so many steps are."""
        return Decimal(count * self.step).scaleb(-self.decimals)


class Trading(StrEnum):
    """What a venue allows in a product."""

    OPEN = "open"
    POST_ONLY = "post-only"
    CANCEL_ONLY = "cancel-only"
    HALTED = "halted"


@dataclass(frozen=True, slots=True)
class Instrument:
    """A product of one venue.

    Attributes
    ----------
    exchange
        As the manifest writes it: ``binance-usdm``.
    symbol
        As orders write it: ``ETH-USDC``.
    feed_symbol
        As the venue's market data writes it: Coinbase answers ``ETH-USD`` for it.
    price, quantity
        Grids of the levels of the book. A book can hold orders from before a venue made its
        grid for orders coarser.
    order_quantity
        Grid of the quantities of orders.
    contract_size
        Base per unit of quantity: 1 on spot.
    """

    exchange: str
    symbol: str
    feed_symbol: str
    base: str
    quote: str
    price: Grid
    quantity: Grid
    order_quantity: Grid
    min_quantity: Decimal
    max_quantity: Decimal | None = None
    min_notional: Decimal | None = None
    contract_size: Decimal = Decimal(1)
    trading: Trading = Trading.OPEN

    @property
    def feed_row(self) -> tuple[str, int, int, int, int]:
        """What :class:`alp._core.feed.Feed` needs of it."""
        return (
            self.feed_symbol,
            self.price.decimals,
            self.price.step,
            self.quantity.decimals,
            self.quantity.step,
        )
