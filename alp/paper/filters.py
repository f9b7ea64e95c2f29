"""What a venue's market lets pass: steps, sizes, and prices near the touch."""

from __future__ import annotations

from alp._core.matching import MARKET_PRICE
from alp.paper.book import PlainBook
from alp.paper.orders import Refusal, Refused, Rules

MARKET_BAND_BPS = 500
"""How far from the touch an order at any price trades at most."""


def worst_price(book: PlainBook, bid: bool) -> int:
    """Return where an order at any price stops; 0: there is nobody to trade with."""
    best = book.top(not bid)
    if best is None:
        return 0
    away = best * MARKET_BAND_BPS // 10_000
    return min(best + away, MARKET_PRICE) if bid else max(best - away, 1)


def check_size(rules: Rules, quantity: int) -> None:
    """Refuse a quantity between the steps or out of bounds.

    Raises
    ------
    Refused
        If it is.
    """
    if quantity % rules.lot or not rules.min_quantity <= quantity <= rules.max_quantity:
        raise Refused(Refusal.SIZE_FILTER)


def check_price(rules: Rules, book: PlainBook, bid: bool, price: int) -> None:
    """Refuse a price between the ticks, or on the wrong side of the band around the touch.

    Raises
    ------
    Refused
        If it is.
    """
    if not 0 < price < MARKET_PRICE or price % rules.tick:
        raise Refused(Refusal.PRICE_FILTER)
    touch = book.touch()
    if not rules.band_bps or touch is None:
        return
    middle = touch[0] + touch[2]
    if bid and 20_000 * price > middle * (10_000 + rules.band_bps):
        raise Refused(Refusal.PRICE_BAND)
    if not bid and 20_000 * price < middle * (10_000 - rules.band_bps):
        raise Refused(Refusal.PRICE_BAND)
