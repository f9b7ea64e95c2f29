"""What a caller may say about a file that the file itself does not."""

from __future__ import annotations

from dataclasses import dataclass, fields
from decimal import Decimal
from typing import Any, Literal

from alp.errors import ConfigError
from alp.models.pair import TokenPair

Direction = Literal["auto", "quotePerBase", "basePerQuote"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """Options of :func:`alp.data.open_source`.

    Parameters
    ----------
    pair
        The pool's tokens; needed where prices must become sqrt prices.
    pool
        Address of the pool to keep in a file of several.
    tick_size, lot_size
        A venue's price and quantity units; found from the values where not given.
    direction
        How prices of a price file are quoted.
    period_ns
        Length of a bar or candle; found from the times where not given.
    at_block
        Block at whose end initial liquidity is wanted (histories of mints and burns).
    utc_offset_hours
        What the file's clock is ahead of UTC; taken off every time of the file.
    unit
        Unit of a base fee column without one in its name.
    strict
        Refuse pool events whose prices contradict their amounts. Without it they are counted in
        the notes.
    """

    pair: TokenPair | None = None
    pool: str | None = None
    tick_size: Decimal | None = None
    lot_size: Decimal | None = None
    direction: Direction = "auto"
    period_ns: int | None = None
    at_block: int | None = None
    utc_offset_hours: int | None = None
    unit: Literal["wei", "gwei"] | None = None
    strict: bool = True

    @classmethod
    def of(cls, pair: TokenPair | None, options: dict[str, Any]) -> ReadOptions:
        """Build options from keywords.

        Raises
        ------
        ConfigError
            For a keyword that is no option.
        """
        known = {each.name for each in fields(cls)}
        unknown = sorted(set(options) - known)
        if unknown:
            raise ConfigError(
                f"unknown data option {', '.join(unknown)}",
                hint=f"options are {', '.join(sorted(known))}",
            )
        return cls(pair=pair, **options)
