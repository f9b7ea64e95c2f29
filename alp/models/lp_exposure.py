"""What the LP leg asks of the hedge, as a function of price: base held less its target."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

from alp.errors import ConfigError, DataError
from alp.models.inventory import target_base
from alp.models.lp_greeks import LpLeg, moved_by_ratio


@dataclass(frozen=True, slots=True)
class LpExposure:
    """The deviation of the LP leg from its target, now and after a move.

    Parameters
    ----------
    leg
        Ranges, fees and wallet.
    sqrt_price_x96
        The pool's price now.
    target_share_bps
        The target as a share of the leg's value, which moves with the price; None for a fixed one.
    fixed_target
        The fixed target, raw base.
    """

    leg: LpLeg
    sqrt_price_x96: int
    target_share_bps: int | None = None
    fixed_target: int = 0

    def __post_init__(self) -> None:
        share = self.target_share_bps
        if share is not None and not 0 <= share <= 10_000:
            raise ConfigError(f"target base share {share} bps: not 0..10000")

    def deviation(self) -> int:
        """Return base less target in raw base."""
        base, quote = self.leg.amounts(self.sqrt_price_x96)
        if self.target_share_bps is None:
            return base - self.fixed_target
        mark = self.leg.pair.mark_x96(self.sqrt_price_x96)
        return base - target_base(base, quote, mark, self.target_share_bps)

    def at(self, ratio: Fraction) -> LpExposure:
        """Return the exposure after the price became `ratio` times what it is.

        Raises
        ------
        DataError
            If the ratio is not positive.
        """
        if ratio <= 0:
            raise DataError(f"a price of {ratio} times itself is none")
        after = moved_by_ratio(self.leg.pair, self.sqrt_price_x96, ratio)
        return replace(self, sqrt_price_x96=after)

    def change(self, ratio: Fraction) -> int:
        """Return how the deviation changes if the price becomes `ratio` times what it is."""
        return self.at(ratio).deviation() - self.deviation()

    def gamma(self) -> float:
        """Return the deviation's slope in whole base per unit of price in whole tokens.

        That of the base held, less that of a target which is a share of the value.
        """
        pair = self.leg.pair
        got = self.leg.greeks(self.sqrt_price_x96)
        if self.target_share_bps is None:
            return got.whole_gamma(pair)
        slope = got.gamma - got.target_drift(pair, self.target_share_bps)
        return got._replace(gamma=slope).whole_gamma(pair)
