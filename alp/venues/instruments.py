"""What a venue trades: grids of prices and quantities, minimums, and whether it trades now."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Self

from alp.errors import VenueError

_PLAIN = re.compile(r"(-?)([0-9]{1,40})(?:\.([0-9]{1,40}))?").fullmatch
_MOST = 2**63 - 1
_SHOWN = 40


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

    def text(self, count: int) -> str:
        """Return what so many steps are, with all decimals of the grid: ``2481.30``."""
        units = str(abs(count) * self.step)
        if self.decimals:
            units = units.rjust(self.decimals + 1, "0")
            units = f"{units[: -self.decimals]}.{units[-self.decimals :]}"
        return f"-{units}" if count < 0 else units

    def count(self, text: str) -> int:
        """Return how many steps a number is; exactly, whatever zeros it is written with.

        Raises
        ------
        VenueError
            If it is no number in plain decimals, is not on the grid, or has more than 63 bits.
        """
        match = _PLAIN(text)
        if match is None:
            raise VenueError(f"{text[:_SHOWN]!r} is no number in plain decimals")
        sign, whole, fraction = match.groups("")
        kept, beyond = fraction[: self.decimals], fraction[self.decimals :]
        count, rest = divmod(int(whole + kept.ljust(self.decimals, "0")), self.step)
        if rest or beyond.strip("0") or count > _MOST:
            raise VenueError(f"{text[:_SHOWN]} is no multiple of {self.increment}")
        return -count if sign else count


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
