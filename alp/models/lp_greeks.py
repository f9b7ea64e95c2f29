"""Delta and gamma of the LP leg, exact, and how much base it will hold after a move.

A position's worth is ``V(P) = base(P) P + quote(P)`` with ``P`` in raw quote per raw base. By the
envelope theorem ``V' = base``, and inside the range ``V'' = -L / (2 P^(3/2))``; outside it is 0.
The sqrt price is an integer and everything here is rational in it, so delta and gamma are
Fractions without rounding. What the leg *holds* is an integer: what burning, collecting and the
wallet would give, rounded down as ``LiquidityAmounts`` does. Uncollected fees are held, but that
they grow while the price moves is not part of delta.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from alp._core.holdings import (
    first_price_with_token0_at_most,
    held_amounts,
    last_price_with_token1_at_most,
)
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.errors import DataError
from alp.models.lp_types import PositionView
from alp.models.pair import Q96, TokenPair
from alp.models.triggers import MAX_SQRT_RATIO, MIN_SQRT_RATIO

_BPS = 10_000


class Greeks(NamedTuple):
    """The LP leg at one price.

    Attributes
    ----------
    base, quote
        Raw units held: positions, uncollected fees and wallet, as the contracts round.
    delta
        ``dV/dP`` in raw base: `base` before its rounding, never less than it.
    gamma
        ``d2V/dP2`` in raw base per unit of raw price, never positive. On a border of a range it
        is that of the side which the contract calls active there.
    """

    sqrt_price_x96: int
    base: int
    quote: int
    delta: Fraction
    gamma: Fraction

    def target_drift(self, pair: TokenPair, share_bps: int) -> Fraction:
        """Return how a target that is a share of the value moves with price, base per price.

        ``d/dP (s V / P) = -s quote / P^2``: the base moves with gamma, its worth cancels.
        """
        price = raw_price(pair, self.sqrt_price_x96)
        return -Fraction(share_bps, _BPS) * self.quote / (price * price)

    def whole_gamma(self, pair: TokenPair) -> float:
        """Return gamma in whole base per unit of price in whole tokens."""
        return float(self.gamma * _price_scale(pair) / 10**pair.base_decimals)


class Need(NamedTuple):
    """Base that a hedge has to trade to undo a move, raw, not negative."""

    buy: int
    sell: int


class Segment(NamedTuple):
    """A stretch of the pool's sqrt price without a border inside.

    Attributes
    ----------
    sqrt_lower_x96, sqrt_upper_x96
        Its ends; the lower one belongs to it.
    liquidity
        Of all our ranges that are active in it.
    base_lower, base_upper
        Raw base held at the two ends.
    """

    sqrt_lower_x96: int
    sqrt_upper_x96: int
    liquidity: int
    base_lower: int
    base_upper: int


@dataclass(frozen=True, slots=True)
class LpLeg:
    """Ranges and wallet: everything that the liquidity agent holds in the pool's tokens.

    Parameters
    ----------
    pair
        The pool's tokens.
    positions
        Open ranges with their uncollected fees; the same ticks may come more than once.
    wallet_base, wallet_quote
        Raw tokens outside positions.

    Raises
    ------
    DataError
        If a range's ticks are not in order, or an amount is negative.
    """

    pair: TokenPair
    positions: tuple[PositionView, ...]
    wallet_base: int = 0
    wallet_quote: int = 0

    def __post_init__(self) -> None:
        for held in self.positions:
            if held.tick_lower >= held.tick_upper:
                raise DataError(f"range [{held.tick_lower}, {held.tick_upper}) is empty")
            if min(held.liquidity, held.fees0, held.fees1) < 0:
                raise DataError(f"range {held.ticks}: negative liquidity or fees")
        if min(self.wallet_base, self.wallet_quote) < 0:
            raise DataError("a wallet holds a negative amount")

    def amounts(self, sqrt_price_x96: int) -> tuple[int, int]:
        """Return ``(base, quote)`` held at a price, raw, as the contracts round."""
        base, quote = self.pair.join(*held_amounts(sqrt_price_x96, self._rows))
        idle_base, idle_quote = self._idle
        return base + idle_base, quote + idle_quote

    def base(self, sqrt_price_x96: int) -> int:
        """Return the raw base held at a price; it never rises with the price."""
        return self.amounts(sqrt_price_x96)[0]

    def greeks(self, sqrt_price_x96: int) -> Greeks:
        """Return amounts, delta and gamma at a price.

        Raises
        ------
        DataError
            If it is not a price that a pool can have.
        """
        _check_price(sqrt_price_x96)
        base, quote = self.amounts(sqrt_price_x96)
        delta, active = Fraction(self._idle[0]), 0
        for held in self.positions:
            lower, upper = _ends(held)
            delta += held.liquidity * _base_per_liquidity(self.pair, sqrt_price_x96, lower, upper)
            active += held.liquidity * (lower <= sqrt_price_x96 < upper)
        root = exact_root(self.pair, sqrt_price_x96)
        return Greeks(sqrt_price_x96, base, quote, delta, -active / (2 * root**3))

    def value(self, sqrt_price_x96: int) -> Fraction:
        """Return the leg's worth in raw quote with nothing rounded: the curve delta is of."""
        root = exact_root(self.pair, sqrt_price_x96)
        worth = self.greeks(sqrt_price_x96).delta * root * root + self._idle[1]
        for held in self.positions:
            first, second = (exact_root(self.pair, end) for end in _ends(held))
            low, high = min(first, second), max(first, second)
            worth += held.liquidity * (min(max(root, low), high) - low)
        return worth

    def segments(self) -> tuple[Segment, ...]:
        """Return base held as a function of price, piece by piece, over all pool prices.

        Within a piece base is linear in ``1 / root``, with the piece's liquidity as its slope.
        """
        ends = {MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1}
        ends.update(end for held in self.positions for end in _ends(held) if end < MAX_SQRT_RATIO)
        borders = sorted(ends)
        pieces = []
        for lower, upper in pairwise(borders):
            active = sum(
                held.liquidity
                for held in self.positions
                if _ends(held)[0] <= lower and upper <= _ends(held)[1]
            )
            pieces.append(Segment(lower, upper, active, self.base(lower), self.base(upper)))
        return tuple(pieces)

    def need(self, sqrt_price_x96: int, *, up_bps: int, down_bps: int) -> Need:
        """Return what a hedge must buy if the price rises so far, and sell if it falls so far.

        Base held is monotone in the price, so nothing in between asks for more.
        """
        now = self.base(sqrt_price_x96)
        risen = self.base(moved(self.pair, sqrt_price_x96, up_bps))
        fallen = self.base(moved(self.pair, sqrt_price_x96, -down_bps))
        return Need(buy=now - risen, sell=fallen - now)

    def reach(self, sqrt_price_x96: int, capacity: Need) -> tuple[int, int]:
        """Return the least and the greatest sqrt price at which `capacity` still undoes the move.

        In the pool's order: for a base that is token1 the least sqrt price is the highest price.

        Raises
        ------
        ValueError
            If there are more than 64 ranges.
        """
        held = self.base(sqrt_price_x96) - self._idle[0]
        # Less base than `least`, or more than `most`, is more than the hedge can undo.
        least, most = held - capacity.buy, held + capacity.sell
        lowest, highest = MIN_SQRT_RATIO, MAX_SQRT_RATIO - 1
        if self.pair.base_is_token0:
            lowest = first_price_with_token0_at_most(self._rows, most)
            if least > 0:
                highest = first_price_with_token0_at_most(self._rows, least - 1) - 1
        else:
            highest = last_price_with_token1_at_most(self._rows, most)
            if least > 0:
                lowest = last_price_with_token1_at_most(self._rows, least - 1) + 1
        return lowest, highest

    @property
    def _rows(self) -> list[tuple[int, int, int]]:
        return [(held.tick_lower, held.tick_upper, held.liquidity) for held in self.positions]

    @property
    def _idle(self) -> tuple[int, int]:
        """Raw base and quote whose amounts do not depend on the price."""
        base, quote = self.pair.join(
            sum(held.fees0 for held in self.positions),
            sum(held.fees1 for held in self.positions),
        )
        return self.wallet_base + base, self.wallet_quote + quote


def exact_root(pair: TokenPair, sqrt_price_x96: int) -> Fraction:
    """Return ``sqrt(raw quote per raw base)``, exact for the integer that it is given."""
    root = Fraction(sqrt_price_x96, Q96)
    return root if pair.base_is_token0 else 1 / root


def raw_price(pair: TokenPair, sqrt_price_x96: int) -> Fraction:
    """Return raw quote per raw base, exact for the integer that it is given."""
    return exact_root(pair, sqrt_price_x96) ** 2


def moved(pair: TokenPair, sqrt_price_x96: int, move_bps: int) -> int:
    """Return the sqrt price after the price, quote per base, moved; within the pool's domain.

    Raises
    ------
    DataError
        If the move leaves nothing of the price.
    """
    if move_bps <= -_BPS:
        raise DataError(f"a move of {move_bps} bps leaves no price")
    ratio = Fraction(_BPS + move_bps, _BPS)
    return moved_by_ratio(pair, sqrt_price_x96, ratio)


def moved_by_ratio(pair: TokenPair, sqrt_price_x96: int, ratio: Fraction) -> int:
    """Return the sqrt price at `ratio` times the price, rounded down, within the pool's domain."""
    if not pair.base_is_token0:
        ratio = 1 / ratio
    square = sqrt_price_x96 * sqrt_price_x96 * ratio.numerator // ratio.denominator
    return min(max(math.isqrt(square), MIN_SQRT_RATIO), MAX_SQRT_RATIO - 1)


def _check_price(sqrt_price_x96: int) -> None:
    if not MIN_SQRT_RATIO <= sqrt_price_x96 < MAX_SQRT_RATIO:
        raise DataError(f"sqrt price {sqrt_price_x96} is none that a pool can have")


def _ends(held: PositionView) -> tuple[int, int]:
    return get_sqrt_ratio_at_tick(held.tick_lower), get_sqrt_ratio_at_tick(held.tick_upper)


def _base_per_liquidity(pair: TokenPair, sqrt_price: int, lower: int, upper: int) -> Fraction:
    """Return ``1/root - 1/root_upper``, clamped to the range: base of one unit of liquidity."""
    at = min(max(sqrt_price, lower), upper)
    if pair.base_is_token0:
        return Fraction(Q96 * (upper - at), at * upper)
    return Fraction(at - lower, Q96)


def _price_scale(pair: TokenPair) -> Fraction:
    """Raw price of one whole quote per whole base."""
    return Fraction(10) ** (pair.quote_decimals - pair.base_decimals)
