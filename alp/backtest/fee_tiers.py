"""Which fee tier pays best for its adverse selection: fees earned per unit of LVR.

A unit of liquidity is held at every price while arbitrageurs keep each tier's pool price inside
its fee band around a reference price. Their trades pay ``fee`` on the way in and take the loss
versus rebalancing (LVR) out. Noise flow comes on top; it is known only for a tier whose own swaps
were recorded, so it is reported as what a tier *needs* to break even, never guessed.

Floats throughout: this is a statistic for choosing, not money.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

PIPS = 1_000_000
TIERS = (500, 3000, 10_000)


@dataclass(frozen=True)
class ArbitrageIncome:
    """Arbitrage-only income of one unit of liquidity in one tier, quote units.

    Attributes
    ----------
    fees, lvr
        Fees paid by arbitrageurs; what they took at the reference price before paying them (>= 0).
    trades
        How often the band was left.
    break_even_volume
        Further quote volume per unit of liquidity that would make fees equal LVR.
    """

    fee_pips: int
    fees: float
    lvr: float
    trades: int

    @property
    def ratio(self) -> float:
        """Fees over LVR; NaN where there was no LVR."""
        return self.fees / self.lvr if self.lvr > 0 else math.nan

    @property
    def break_even_volume(self) -> float:
        """Quote volume of noise flow still needed for fees to equal LVR."""
        return max(0.0, self.lvr - self.fees) / (self.fee_pips / PIPS)


def arbitrage_income(prices: npt.NDArray[np.float64], fee_pips: int) -> ArbitrageIncome:
    """Run arbitrage against a reference price path through one unit of liquidity.

    Parameters
    ----------
    prices
        Reference price, quote per base, in time order; the pool starts at the first.
    fee_pips
        The tier's fee in millionths.
    """
    fee = fee_pips / PIPS
    markup = fee / (1.0 - fee)
    pool = float(prices[0])
    fees = lvr = 0.0
    trades = 0
    for reference in prices[1:].tolist():
        low = reference * (1.0 - fee)
        high = reference / (1.0 - fee)
        target = low if pool < low else high if pool > high else pool
        if target == pool:
            continue
        root_before, root_after = math.sqrt(pool), math.sqrt(target)
        d_quote = root_after - root_before
        d_base = 1.0 / root_after - 1.0 / root_before
        lvr -= d_base * reference + d_quote
        fees += markup * (d_quote if d_quote > 0 else d_base * reference)
        pool = target
        trades += 1
    return ArbitrageIncome(fee_pips, fees, lvr, trades)


def observed_ratio(
    sqrt_prices: npt.NDArray[np.float64], fee_growth_quote: float
) -> tuple[float, float]:
    """Return (fees, LVR) of one unit of liquidity on a recorded path, quote units.

    Parameters
    ----------
    sqrt_prices
        Square root of quote per base after each observation, in human units.
    fee_growth_quote
        Fees earned by one unit of liquidity over the path, both tokens valued in quote.

    Notes
    -----
    Between neighbours the loss at the later price is ``(r1 - r0)^2 / r0`` with ``r`` the square
    root of the price.
    """
    before, after = sqrt_prices[:-1], sqrt_prices[1:]
    return fee_growth_quote, float(((after - before) ** 2 / before).sum())


def compare_tiers(
    prices: npt.NDArray[np.float64], tiers: Sequence[int] = TIERS
) -> list[ArbitrageIncome]:
    """Return the arbitrage-only income of each tier on one reference path."""
    return [arbitrage_income(prices, tier) for tier in tiers]
