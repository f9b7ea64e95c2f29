"""What liquidity earns: fee income observed in a pool, shared by liquidity; which tier pays.

Floats in raw quote units per second. The formulas assume that liquidity near the price stays as it
was observed and that a new position takes its pro-rata share of every swap's fee.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from alp.models.lvr import price_root
from alp.models.pair import TokenPair
from alp.models.quoting import require_not_negative, require_positive

_Q128 = 1 << 128
_Q256 = 1 << 256


@dataclass(frozen=True, slots=True)
class FeeEstimate:
    """Fee income of a pool over a recent window.

    Parameters
    ----------
    income_quote_per_s
        What all liquidity in range earned together, raw quote per second, after the protocol's
        share.
    active_liquidity
        Liquidity in range that is not ours.
    """

    income_quote_per_s: float
    active_liquidity: int

    def __post_init__(self) -> None:
        require_not_negative(
            income_quote_per_s=self.income_quote_per_s,
            active_liquidity=float(self.active_liquidity),
        )

    def income(self, liquidity: float) -> float:
        """Return raw quote per second that `liquidity` more would earn while in range."""
        total = self.active_liquidity + liquidity
        return self.income_quote_per_s * liquidity / total if total > 0 else 0.0

    @classmethod
    def from_volume(
        cls, pair: TokenPair, volume_quote_raw: int, seconds: float, active_liquidity: int
    ) -> FeeEstimate:
        """Estimate from traded volume: `pair`'s fee on every raw unit of quote."""
        require_positive(seconds=seconds)
        return cls(volume_quote_raw * pair.fee_pips * 1e-6 / seconds, active_liquidity)

    @classmethod
    def from_fee_growth(
        cls,
        pair: TokenPair,
        growth_x128: tuple[int, int],
        seconds: float,
        pool_liquidity: int,
        own_liquidity: int,
        sqrt_price_x96: int,
    ) -> FeeEstimate:
        """Estimate from what ``feeGrowthGlobal{0,1}X128`` gained over a window.

        Parameters
        ----------
        growth_x128
            Differences of token0's and token1's counter, modulo ``2**256``.
        seconds
            Length of the window.
        pool_liquidity, own_liquidity
            The pool's active liquidity, and how much of it is ours.
        """
        require_positive(seconds=seconds)
        gained = [(growth % _Q256) * pool_liquidity / _Q128 for growth in growth_x128]
        base, quote = (gained[0], gained[1]) if pair.base_is_token0 else (gained[1], gained[0])
        worth = base * price_root(pair, sqrt_price_x96) ** 2 + quote
        return cls(worth / seconds, pool_liquidity - own_liquidity)


def fee_to_lvr(estimate: FeeEstimate, root: float, sigma: float) -> float:
    """Return fees per unit of loss against rebalancing for liquidity in range; inf without loss.

    ``4 F / (L sigma^2 root)``: the width of the range does not matter, only who shares the fees.
    """
    loss = estimate.active_liquidity * sigma * sigma * root / 4.0
    return estimate.income_quote_per_s / loss if loss > 0.0 else math.inf


def arbitrage_share(fee_pips: int, sigma: float, block_time_s: float) -> float:
    """Return the part of LVR that arbitrageurs keep in a pool with this fee.

    Milionis, Moallemi & Roughgarden (2023), for blocks that arrive as a Poisson process and a
    fee small against 1: ``1 / (1 + sqrt(2 / dt) * fee / sigma)``. The rest of LVR flows back as
    fees paid by the arbitrageurs themselves.
    """
    require_positive(sigma=sigma, block_time_s=block_time_s)
    fee = -math.log1p(-fee_pips * 1e-6)
    return 1.0 / (1.0 + math.sqrt(2.0 / block_time_s) * fee / sigma)


def tier_fee_to_lvr(
    fee_pips: int,
    noise_volume_quote_per_s: float,
    active_liquidity: int,
    root: float,
    sigma: float,
    block_time_s: float,
) -> float:
    """Return expected fees over LVR in a fee tier: noise traders' fees plus arbitrageurs'.

    Parameters
    ----------
    noise_volume_quote_per_s
        Volume in raw quote per second that does not come from arbitrage.
    active_liquidity
        Liquidity in range that shares it.
    """
    noise = FeeEstimate(noise_volume_quote_per_s * fee_pips * 1e-6, active_liquidity)
    from_arbitrage = 1.0 - arbitrage_share(fee_pips, sigma, block_time_s)
    return fee_to_lvr(noise, root, sigma) + from_arbitrage
