"""NAV and its parts at a moment, from the compiled books and a sample of the positions."""

from __future__ import annotations

from typing import NamedTuple

from alp._core.errors import Imbalance
from alp._core.lp_books import Balances
from alp._core.lp_ledger import MARK_SCALE
from alp.errors import Corrupt

LedgerSample = tuple[int, int, int, int, int, int, int, float, float]
"""Time, mark, base, quote, price, lvr, fees, fee growth of token0 and token1: what a replay says
of all positions together."""


def worth(base_raw: int, quote_raw: int, mark: int) -> int:
    """Return the ledger value of two raw amounts at a mark price."""
    return base_raw * mark + quote_raw * MARK_SCALE


class Snapshot(NamedTuple):
    """NAV and cumulative parts at one moment, ledger units; inventories in raw base units."""

    ts_ns: int
    mark: int
    nav: int
    parts: tuple[int, ...]
    lp_base: int
    cefi_base: int


def add_up(balances: Balances, positions: LedgerSample) -> Snapshot:
    """Return NAV and parts at a sample of the positions, repriced to its mark.

    Raises
    ------
    Corrupt
        If the parts do not add up to the change of NAV exactly.
    """
    try:
        return Snapshot(*balances.at(positions))
    except Imbalance as error:
        raise Corrupt(str(error)) from error
