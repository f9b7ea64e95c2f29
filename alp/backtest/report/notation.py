"""Numbers, times and durations as a reader sees them: units, fixed digits, a true minus sign.

Rounding happens here and nowhere before: amounts arrive exact and leave as text. How many digits
are shown follows the size of the run, so that USDC gets cents and WETH enough to mean something.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal
from math import floor, log10
from typing import Self

from alp.backtest.results import Results

NONE = "–"
"""Shown where a value is not known."""

_ROUND = Context(prec=2000, rounding=ROUND_HALF_EVEN)
_UNITS = ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s"))
_SECOND_NS = 1_000_000_000


def number(value: Decimal | float | None, digits: int, *, sign: bool = False) -> str:
    """Write a number with grouped thousands and a fixed number of digits after the point.

    Parameters
    ----------
    value
        The number; None gives a dash.
    digits
        Digits after the point; halves round to even.
    sign
        Also write the plus of a positive number.
    """
    if value is None:
        return NONE
    exact = value if isinstance(value, Decimal) else Decimal(repr(float(value)))
    rounded = exact.quantize(Decimal(1).scaleb(-digits), context=_ROUND)
    if not rounded:
        return f"{abs(rounded):.{digits}f}"
    text = f"{rounded:{'+' if sign else ''},.{digits}f}"
    return text.replace("-", "−")


def statistic(value: float | None, *, sign: bool = False) -> str:
    """Write a number of unknown size with four significant digits."""
    if not value:
        return NONE if value is None else "0"
    if abs(value) < 1e-6:
        return f"{value:{'+' if sign else ''}.3e}".replace("-", "−")
    return number(value, max(0, 3 - floor(log10(abs(value)))), sign=sign)


def count(value: int) -> str:
    """Write an integer with grouped thousands."""
    return f"{value:,}"


def percent(fraction: float | None, digits: int = 1, *, sign: bool = False) -> str:
    """Write a fraction as percent: 0.2 is ``20.0 %``."""
    if fraction is None:
        return NONE
    return f"{number(fraction * 100, digits, sign=sign)} %"


def instant(ts_ns: int, *, seconds: bool = False) -> str:
    """Write an instant as UTC date and time."""
    moment = datetime.fromtimestamp(ts_ns // _SECOND_NS, UTC)
    return moment.strftime("%Y-%m-%d %H:%M:%S" if seconds else "%Y-%m-%d %H:%M")


def duration(span_ns: int) -> str:
    """Write a duration in its two largest units: ``21 d``, ``3 h 20 min``, ``0.5 s``."""
    if span_ns < 10 * _SECOND_NS and span_ns % _SECOND_NS:
        return f"{number(span_ns / _SECOND_NS, 3).rstrip('0')} s"
    seconds = span_ns // _SECOND_NS
    words = []
    for size, unit in _UNITS:
        whole, seconds = divmod(seconds, size)
        if whole:
            words.append(f"{whole} {unit}")
        elif words:
            break
    return " ".join(words[:2]) or "0 s"


def fee_tier(fee_pips: int) -> str:
    """Write a fee tier in bps: 500 is ``5 bps``."""
    return f"{fee_pips / 100:g} bps"


def words(code: str) -> str:
    """Write a snake_case code or name as words."""
    return code.replace("_", " ")


@dataclass(frozen=True)
class Notation:
    """The digits that suit one run, and the names of its tokens."""

    base: str
    quote: str
    quote_digits: int
    base_digits: int
    price_digits: int

    @classmethod
    def of(cls, results: Results) -> Self:
        """Choose the digits for a run by the size of its NAV, inventory and prices."""
        prices = [price for price in results.series.price if price]
        inventory = results.inventory
        return cls(
            base=results.pair.base,
            quote=results.pair.quote,
            quote_digits=_digits(float(max(abs(results.nav.start), abs(results.nav.end)))),
            base_digits=_digits(float(max(inventory.start_base, inventory.end_base)), least=4),
            price_digits=_digits(max(prices, default=1000.0)),
        )

    def money(self, value: Decimal | float | None, *, sign: bool = False, fine: int = 0) -> str:
        """Write a quote amount without its unit; ``fine`` adds digits."""
        return number(value, self.quote_digits + fine, sign=sign)

    def in_quote(self, value: Decimal | float | None, *, sign: bool = False) -> str:
        """Write a quote amount with its unit."""
        return f"{self.money(value, sign=sign)} {self.quote}"

    def amount(self, value: Decimal | float | None, *, sign: bool = False) -> str:
        """Write a base amount without its unit."""
        return number(value, self.base_digits, sign=sign)

    def in_base(self, value: Decimal | float | None) -> str:
        """Write a base amount with its unit."""
        return f"{self.amount(value)} {self.base}"

    def price(self, value: Decimal | float | None) -> str:
        """Write a price, quote per base, without its unit."""
        return number(value, self.price_digits)


def _digits(size: float, least: int = 2) -> int:
    """Digits after the point that show six significant ones, between ``least`` and 12."""
    if size <= 0:
        return least
    return min(12, max(least, 5 - floor(log10(size))))
