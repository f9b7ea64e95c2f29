"""The two tokens of a pool in words of the trade: base and quote, price and raw amount.

Everything on the contract's side of this class is an integer in raw token units and a
``sqrtPriceX96`` of token1 per token0; everything on the human side is a price in quote per base.
Which of the two tokens is token0 is decided by their addresses and is known only here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction

from alp.errors import ConfigError

Q96 = 1 << 96
Q192 = 1 << 192
_Q288 = 1 << 288

# A sqrt price has up to 160 bits, so neighbours differ by 2e-48 relative or more: 60 digits
# tell any two of them apart.
_DIGITS = 60
_TICK_BASE = 1.0001
_LOG_TICK_BASE = math.log(_TICK_BASE)
# A float price on a tick boundary is off by up to 1e-9 ticks at the ends of the range.
_TICK_SNAP = 1e-7
_MOST_DECIMALS = 77
_POWERS_OF_TEN: tuple[int, ...] = tuple(10**places for places in range(_MOST_DECIMALS + 1))


@dataclass(frozen=True, slots=True)
class TokenPair:
    """A pool's risky token (base) and its money (quote), with their units and order.

    Parameters
    ----------
    base_symbol, quote_symbol
        Names for people, for example ``WETH`` and ``USDC``.
    base_decimals, quote_decimals
        Decimal places of one whole token, as ERC-20 ``decimals()`` says.
    base_is_token0
        Whether the base token's address is the lower one.
    fee_pips
        The pool's fee in millionths: 500 is 5 bps.
    tick_spacing
        Usable ticks are the multiples of it.
    """

    base_symbol: str
    quote_symbol: str
    base_decimals: int
    quote_decimals: int
    base_is_token0: bool
    fee_pips: int
    tick_spacing: int

    def __post_init__(self) -> None:
        for name, value in (("base", self.base_decimals), ("quote", self.quote_decimals)):
            if not 0 <= value <= _MOST_DECIMALS:
                raise ConfigError(f"{name} token: {value} decimals do not fit a uint256 amount")
        if not 0 < self.fee_pips < 1_000_000:
            raise ConfigError(f"fee {self.fee_pips} pips is not between 0 and 1000000")
        if not 0 < self.tick_spacing < 16_384:
            raise ConfigError(f"tick spacing {self.tick_spacing} is not between 0 and 16384")

    @property
    def _raw_per_human(self) -> Fraction:
        """Raw quote units per raw base unit for a price of one quote per base."""
        return Fraction(10) ** (self.quote_decimals - self.base_decimals)

    def price_to_sqrt_x96(self, price: Decimal) -> int:
        """Return the greatest sqrt price whose token1/token0 ratio does not exceed `price`'s.

        Parameters
        ----------
        price
            Quote per base, in whole tokens.

        Raises
        ------
        ConfigError
            If `price` is not a positive finite number.
        """
        if not price.is_finite() or price <= 0:
            raise ConfigError(f"price {price} is not a positive number")
        raw = Fraction(*price.as_integer_ratio()) * self._raw_per_human
        if not self.base_is_token0:
            raw = 1 / raw
        return math.isqrt(raw.numerator * Q192 // raw.denominator)

    def sqrt_x96_to_decimal(self, sqrt_price_x96: int) -> Decimal:
        """Return quote per base with 60 digits, so that `price_to_sqrt_x96` gives the input back.

        The last digit is rounded towards the sqrt price's own side of the boundary.
        """
        ratio = Fraction(sqrt_price_x96 * sqrt_price_x96, Q192)
        if not self.base_is_token0:
            ratio = 1 / ratio
        ratio /= self._raw_per_human
        rounding = ROUND_CEILING if self.base_is_token0 else ROUND_FLOOR
        context = Context(prec=_DIGITS, rounding=rounding, Emin=-9999, Emax=9999)
        # Integers of more than 60 digits divide exactly: only the quotient is rounded.
        return context.divide(Decimal(ratio.numerator), Decimal(ratio.denominator))

    def sqrt_x96_to_price(self, sqrt_price_x96: int) -> float:
        """Return quote per base in whole tokens, as a float for models and reports."""
        root = sqrt_price_x96 / Q96
        ratio = root * root if self.base_is_token0 else 1.0 / (root * root)
        return ratio * 10.0 ** (self.base_decimals - self.quote_decimals)

    def mark_x96(self, sqrt_price_x96: int) -> int:
        """Return ``floor(raw quote per raw base * 2**96)``, the ledger's exact mark price.

        For a base that is token1 the division is done in two floored steps, as the ledger does.
        """
        if self.base_is_token0:
            return (sqrt_price_x96 * sqrt_price_x96) >> 96
        return (_Q288 // sqrt_price_x96) // sqrt_price_x96

    def tick_to_price(self, tick: int) -> float:
        """Return quote per base at the lower edge of `tick`."""
        exponent = tick if self.base_is_token0 else -tick
        ratio: float = _TICK_BASE**exponent
        return ratio * 10.0 ** (self.base_decimals - self.quote_decimals)

    def price_to_tick(self, price: float) -> int:
        """Return the tick whose interval holds `price`; a price on a boundary reads as that tick.

        Raises
        ------
        ConfigError
            If `price` is not a positive finite number.
        """
        if not (math.isfinite(price) and price > 0.0):
            raise ConfigError(f"price {price} is not a positive number")
        raw = math.log(price) + (self.quote_decimals - self.base_decimals) * math.log(10.0)
        position = (raw if self.base_is_token0 else -raw) / _LOG_TICK_BASE
        nearest = round(position)
        return nearest if abs(position - nearest) < _TICK_SNAP else math.floor(position)

    def to_raw_base(self, amount: Decimal) -> int:
        """Return `amount` of base in raw units.

        Raises
        ------
        ConfigError
            If `amount` is not a whole number of raw units.
        """
        return _to_raw(amount, self.base_decimals, self.base_symbol)

    def to_raw_quote(self, amount: Decimal) -> int:
        """Return `amount` of quote in raw units.

        Raises
        ------
        ConfigError
            If `amount` is not a whole number of raw units.
        """
        return _to_raw(amount, self.quote_decimals, self.quote_symbol)

    def from_raw_base(self, raw: int) -> Decimal:
        """Return raw base units as an exact number of whole tokens."""
        return _from_raw(raw, self.base_decimals)

    def from_raw_quote(self, raw: int) -> Decimal:
        """Return raw quote units as an exact number of whole tokens."""
        return _from_raw(raw, self.quote_decimals)

    def whole_base(self, raw: int) -> float:
        """Return raw base units as whole tokens, the float nearest to `from_raw_base`."""
        return raw / _POWERS_OF_TEN[self.base_decimals]

    def whole_quote(self, raw: int) -> float:
        """Return raw quote units as whole tokens, the float nearest to `from_raw_quote`."""
        return raw / _POWERS_OF_TEN[self.quote_decimals]

    def split(self, amount_base: int, amount_quote: int) -> tuple[int, int]:
        """Return ``(amount0, amount1)`` of an amount in base and quote."""
        if self.base_is_token0:
            return amount_base, amount_quote
        return amount_quote, amount_base

    def join(self, amount0: int, amount1: int) -> tuple[int, int]:
        """Return ``(amount_base, amount_quote)`` of an amount in token0 and token1."""
        if self.base_is_token0:
            return amount0, amount1
        return amount1, amount0


def _to_raw(amount: Decimal, decimals: int, symbol: str) -> int:
    if not amount.is_finite():
        raise ConfigError(f"{amount} {symbol} is not a number")
    numerator, denominator = amount.as_integer_ratio()
    scale: int = 10**decimals
    raw, remainder = divmod(numerator * scale, denominator)
    if remainder:
        raise ConfigError(
            f"{amount} {symbol} has more than the token's {decimals} decimal places",
            hint=f"round it to a multiple of 1e-{decimals}",
        )
    return raw


def _from_raw(raw: int, decimals: int) -> Decimal:
    sign, digits, _ = Decimal(raw).as_tuple()
    return Decimal((sign, digits, -decimals))
