"""Pool flow made from a CEX price series: arbitrage drives the pool to its fee band.

For windows that have only CEX data. At each point of the price path an arbitrageur trades the pool
until its price is one fee away from the CEX price, and no further: buying below ``S * (1 - fee)``
and selling above ``S / (1 - fee)`` pays nothing. Flow that is not arbitrage is missing on purpose,
so fees are a lower bound.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from fractions import Fraction
from math import isqrt

import numpy as np
import numpy.typing as npt

from alp.data.schema import POOL_EVENT
from alp.models.pair import TokenPair

KIND_BAND = 16
"""A POOL_EVENT kind of the replay's own: bring the price inside [sqrt_price_x96, amount0]."""

PIPS = 1_000_000
_BLOCK_NS = 12_000_000_000


def candle_path(candle: np.void) -> tuple[tuple[int, int], ...]:
    """Return the four points of a candle in their assumed order as (ts_ns, price_ticks).

    A rising candle is taken as open, low, high, close, a falling one as open, high, low, close, at
    the quarters of its interval; the close falls on the last nanosecond of it.
    """
    start, period = int(candle["ts_ns"]), int(candle["period_ns"])
    opened, closed = int(candle["open"]), int(candle["close"])
    low, high = int(candle["low"]), int(candle["high"])
    middle = (low, high) if closed >= opened else (high, low)
    return (
        (start, opened),
        (start + period // 4, middle[0]),
        (start + period // 2, middle[1]),
        (start + period - 1, closed),
    )


def band_x96(pair: TokenPair, price: Fraction) -> tuple[int, int]:
    """Return the sqrt prices (lower, upper) between which arbitrage against ``price`` loses.

    Parameters
    ----------
    price
        Quote per base in whole tokens.
    """
    keep = Fraction(PIPS - pair.fee_pips, PIPS)
    bounds = sorted((_sqrt_x96(pair, price * keep), _sqrt_x96(pair, price / keep)))
    return bounds[0], bounds[1]


def _sqrt_x96(pair: TokenPair, price: Fraction) -> int:
    raw = price * Fraction(10) ** (pair.quote_decimals - pair.base_decimals)
    if not pair.base_is_token0:
        raw = 1 / raw
    return isqrt((raw.numerator << 192) // raw.denominator)


def arbitrage_events(
    candles: Iterator[npt.NDArray[np.void]],
    pair: TokenPair,
    tick_size: Decimal,
    *,
    block_ns: int = _BLOCK_NS,
) -> Iterator[npt.NDArray[np.void]]:
    """Yield POOL_EVENT arrays of kind :data:`KIND_BAND`, four for each candle.

    Parameters
    ----------
    candles
        CANDLE arrays in time order.
    tick_size
        Quote per base of one price tick.
    block_ns
        Block time used to number blocks from the time.
    """
    tick = Fraction(tick_size)
    for batch in candles:
        events = np.zeros(4 * len(batch), POOL_EVENT)
        events["kind"] = KIND_BAND
        row = 0
        for candle in batch:
            for ts_ns, ticks in candle_path(candle):
                lower, upper = band_x96(pair, ticks * tick)
                event = events[row]
                event["ts_ns"] = ts_ns
                event["block"] = ts_ns // block_ns
                event["log_index"] = row & 3
                event["sqrt_price_x96"] = _limbs(lower)
                event["amount0"] = _limbs(upper)
                row += 1
        yield events


def _limbs(value: int) -> tuple[int, int, int, int]:
    mask = (1 << 64) - 1
    return value & mask, (value >> 64) & mask, (value >> 128) & mask, value >> 192
