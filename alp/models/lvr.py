"""A position as a curve over price: value, delta, gamma, loss against rebalancing, against holding.

Amounts and ledger values are exact integers: raw token units, and raw quote times ``2**96`` for
values. The floats are for models and reports, in raw quote units, with the price written as its
square root, ``root = sqrt(raw quote per raw base)``, whichever token is token0.

Loss-versus-rebalancing is Milionis, Moallemi, Roughgarden & Zhang (2022): a position in range
loses ``L sigma^2 root / 4`` per second to those who trade against its stale price, where ``sigma``
is the volatility of the log-price. Its profit is fees - LVR + that of the rebalancing portfolio.
"""

from __future__ import annotations

import math
from typing import NamedTuple

from alp._core.holdings import position_amounts
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.models.pair import Q96, TokenPair


def value_x96(pair: TokenPair, amount_base: int, amount_quote: int, sqrt_price_x96: int) -> int:
    """Return what the amounts are worth, exact, in raw quote times ``2**96``.

    With the amounts of the first day and the price of today it is the value of having held.
    """
    return amount_base * pair.mark_x96(sqrt_price_x96) + (amount_quote << 96)


def position_value_x96(
    pair: TokenPair, sqrt_price_x96: int, tick_lower: int, tick_upper: int, liquidity: int
) -> int:
    """Return what the position's principal is worth, exact, in raw quote times ``2**96``."""
    amounts = position_amounts(sqrt_price_x96, tick_lower, tick_upper, liquidity)
    return value_x96(pair, *pair.join(*amounts), sqrt_price_x96)


def impermanent_loss_x96(
    pair: TokenPair,
    held: tuple[int, int],
    deposited: tuple[int, int],
    sqrt_price_x96: int,
) -> int:
    """Return value minus hold value (negative for a loss), in raw quote times ``2**96``.

    Parameters
    ----------
    held
        ``(base, quote)`` raw amounts of the position now, without fees.
    deposited
        ``(base, quote)`` raw amounts put in at the start.
    """
    now = value_x96(pair, *held, sqrt_price_x96)
    return now - value_x96(pair, *deposited, sqrt_price_x96)


def price_root(pair: TokenPair, sqrt_price_x96: int) -> float:
    """Return ``sqrt(raw quote per raw base)``."""
    return sqrt_price_x96 / Q96 if pair.base_is_token0 else Q96 / sqrt_price_x96


class PositionCurve(NamedTuple):
    """A position's value as a function of the price root, in floats.

    Parameters
    ----------
    liquidity
        ``L`` of the contract.
    root_lower, root_upper
        Price roots of the range's ends, in quote per base: lower < upper.
    """

    liquidity: float
    root_lower: float
    root_upper: float

    @classmethod
    def of(cls, pair: TokenPair, tick_lower: int, tick_upper: int, liquidity: int) -> PositionCurve:
        """Return the curve of the contract's position."""
        first = price_root(pair, get_sqrt_ratio_at_tick(tick_lower))
        second = price_root(pair, get_sqrt_ratio_at_tick(tick_upper))
        if first > second:
            first, second = second, first
        return cls(float(liquidity), first, second)

    def in_range(self, root: float) -> bool:
        """Whether the position earns fees at this price."""
        return self.root_lower <= root < self.root_upper

    def base(self, root: float) -> float:
        """Return raw base held: ``L (1/root - 1/root_upper)`` inside the range."""
        if root <= self.root_lower:
            return self.liquidity * (1.0 / self.root_lower - 1.0 / self.root_upper)
        if root >= self.root_upper:
            return 0.0
        return self.liquidity * (1.0 / root - 1.0 / self.root_upper)

    def quote(self, root: float) -> float:
        """Return raw quote held: ``L (root - root_lower)`` inside the range."""
        return self.liquidity * (min(max(root, self.root_lower), self.root_upper) - self.root_lower)

    def value(self, root: float) -> float:
        """Return the principal's worth in raw quote, ``V(P)``."""
        return self.base(root) * root * root + self.quote(root)

    def delta(self, root: float) -> float:
        """Return ``dV/dP``, raw base: by the envelope theorem it is the base held."""
        return self.base(root)

    def gamma(self, root: float) -> float:
        """Return ``d2V/dP2 = -L / (2 P^(3/2))`` inside the range, 0 outside."""
        return -self.liquidity / (2.0 * root**3) if self.in_range(root) else 0.0

    def lvr_rate(self, root: float, sigma: float) -> float:
        """Return the loss against rebalancing in raw quote per second, ``L sigma^2 root / 4``.

        Parameters
        ----------
        sigma
            Volatility of the log-price per square-root second.
        """
        return self.liquidity * sigma * sigma * root / 4.0 if self.in_range(root) else 0.0

    def time_in_range(self, root: float, sigma: float, horizon_s: float) -> float:
        """Return the expected share of `horizon_s` that the price spends in the range.

        For a Brownian log-price without drift: exact for that process.
        """
        if sigma <= 0.0 or horizon_s <= 0.0:
            return 1.0 if self.in_range(root) else 0.0
        scale = sigma * math.sqrt(horizon_s)
        below = 2.0 * math.log(self.root_lower / root) / scale
        above = 2.0 * math.log(self.root_upper / root) / scale
        return _time_above(below) - _time_above(above)


def _time_above(level: float) -> float:
    """Return the expected share of time that B, standard at the horizon, is above `level`.

    The integral of P(B_t > level) over t in [0, 1]: ``(1 + u^2) Q(u) - u phi(u)`` for u >= 0.
    """
    height = abs(level)
    if height > 38.0:  # phi underflows
        above = 0.0
    else:
        tail = 0.5 * math.erfc(height / math.sqrt(2.0))
        density = math.exp(-0.5 * height * height) / math.sqrt(2.0 * math.pi)
        above = max((1.0 + height * height) * tail - height * density, 0.0)
    return above if level >= 0.0 else 1.0 - above
