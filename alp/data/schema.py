"""The arrays every reader yields and every engine takes: packed, little-endian, fixed forever.

A quantity wider than 64 bits is a row of unsigned 64-bit limbs, lowest first. Signed quantities
(`amount0`, `amount1`, `liquidity_net`) are two's complement over all their limbs. Times are
nanoseconds since 1970-01-01 UTC.

=============  =========  ================================================================
array          row        one row is
=============  =========  ================================================================
POOL_EVENT     160 bytes  one log of a pool contract, in chain order
BAR            192 bytes  a pool's prices and token flow over one period
CANDLE         56 bytes   a venue's prices and volume over one period
TRADE          32 bytes   one trade of a venue
LIQUIDITY      24 bytes   the change of active liquidity at one tick, going up
BASE_FEE       24 bytes   the base fee of one block, or from one moment on
=============  =========  ================================================================
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum, StrEnum
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
"""A structured array of one of the dtypes below."""


class Kind(StrEnum):
    """What the rows of a source are; the value is the name used in files and options."""

    POOL_EVENTS = "pool_events"
    BARS = "bars"
    CANDLES = "candles"
    TRADES = "trades"
    LIQUIDITY = "liquidity"
    BASE_FEE = "base_fee"


class EventKind(IntEnum):
    """``POOL_EVENT['kind']``."""

    SWAP = 1
    MINT = 2
    BURN = 3
    COLLECT = 4
    FLASH = 5
    OTHER = 6


class OtherEvent(IntEnum):
    """``POOL_EVENT['tick_lower']`` of an event of kind ``OTHER``: which one it is."""

    INITIALIZE = 1
    """sqrt_price_x96 and tick are the pool's first price."""
    INCREASE_CARDINALITY = 2
    """amount0 = old, amount1 = new ``observationCardinalityNext``."""
    SET_FEE_PROTOCOL = 3
    """amount0, amount1 = the new protocol fee denominators of token0 and token1."""
    COLLECT_PROTOCOL = 4
    """amount0, amount1 = what was taken."""


POOL_EVENT = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("block", "<i8"),
        ("log_index", "<i4"),
        ("kind", "u1"),
        ("pad", "u1", (3,)),
        ("tick_lower", "<i4"),
        ("tick_upper", "<i4"),
        ("tick", "<i4"),
        ("pad2", "u1", (4,)),
        ("owner", "<u8"),
        ("amount0", "<u8", (4,)),
        ("amount1", "<u8", (4,)),
        ("sqrt_price_x96", "<u8", (4,)),
        ("liquidity", "<u8", (2,)),
    ]
)
"""One log of a pool.

`owner` is the last 8 bytes of the owner's (Mint, Burn, Collect) or sender's (Swap, Flash)
address. `amount0` and `amount1` are as the contract emitted them: signed for a Swap (positive
into the pool), never negative otherwise. `liquidity` is the pool's active liquidity after a
Swap and the position's change for a Mint or Burn. A Flash has what was paid on top in
`amount0`/`amount1`, the borrowed token0 in `sqrt_price_x96` and the borrowed token1 in
`liquidity`. For OTHER see :class:`OtherEvent`. Fields an event does not have are zero.
"""

BAR = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("period_ns", "<i8"),
        ("open_x96", "<u8", (4,)),
        ("high_x96", "<u8", (4,)),
        ("low_x96", "<u8", (4,)),
        ("close_x96", "<u8", (4,)),
        ("in0", "<u8", (2,)),
        ("in1", "<u8", (2,)),
        ("liquidity", "<u8", (2,)),
    ]
)
"""A pool's period: sqrt prices (high and low by sqrt price), token amounts into the pool, and
the active liquidity at its end (0 where the source does not say)."""

CANDLE = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("period_ns", "<i8"),
        ("open", "<i8"),
        ("high", "<i8"),
        ("low", "<i8"),
        ("close", "<i8"),
        ("volume", "<i8"),
    ]
)
"""A venue's period: prices in ticks, volume in lots, `ts_ns` its open time."""

TRADE = np.dtype(
    [
        ("ts_ns", "<i8"),
        ("price", "<i8"),
        ("quantity", "<i8"),
        ("side", "i1"),
        ("pad", "u1", (7,)),
    ]
)
"""A venue's trade: price in ticks, quantity in lots, `side` of the aggressor (+1 bought, -1 sold,
0 unknown)."""

LIQUIDITY = np.dtype([("tick", "<i4"), ("pad", "<i4"), ("liquidity_net", "<u8", (2,))])
"""What is added to active liquidity when the price crosses `tick` upwards (int128)."""

BASE_FEE = np.dtype([("ts_ns", "<i8"), ("block", "<i8"), ("base_fee_wei", "<u8")])
"""A base fee. `block` or `ts_ns` is -1 where the source does not say."""

DTYPES: dict[Kind, np.dtype[Any]] = {
    Kind.POOL_EVENTS: POOL_EVENT,
    Kind.BARS: BAR,
    Kind.CANDLES: CANDLE,
    Kind.TRADES: TRADE,
    Kind.LIQUIDITY: LIQUIDITY,
    Kind.BASE_FEE: BASE_FEE,
}

MIN_TICK = -887272
MAX_TICK = 887272
MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342


def limbs(values: Iterable[int], width: int) -> npt.NDArray[np.uint64]:
    """Return integers as rows of `width` 64-bit limbs, lowest first, two's complement.

    Returns
    -------
    ndarray of uint64, shape ``(len(values), width)``

    Raises
    ------
    OverflowError
        If a value needs more than ``64 * width`` bits.
    """
    size = 8 * width
    joined = b"".join(
        value.to_bytes(size, "little")
        if value >= 0
        else value.to_bytes(size, "little", signed=True)
        for value in values
    )
    return np.frombuffer(joined, dtype="<u8").reshape(-1, width)


def unsigned(row: npt.NDArray[np.uint64]) -> int:
    """Return one row of limbs as an unsigned integer."""
    return int.from_bytes(row.tobytes(), "little")


def signed(row: npt.NDArray[np.uint64]) -> int:
    """Return one row of limbs as a two's complement integer."""
    return int.from_bytes(row.tobytes(), "little", signed=True)


def unsigned_list(rows: npt.NDArray[np.uint64]) -> list[int]:
    """Return rows of limbs, shape ``(n, width)``, as unsigned integers."""
    return _integers(rows, negative=False)


def signed_list(rows: npt.NDArray[np.uint64]) -> list[int]:
    """Return rows of limbs, shape ``(n, width)``, as two's complement integers."""
    return _integers(rows, negative=True)


def _integers(rows: npt.NDArray[np.uint64], *, negative: bool) -> list[int]:
    size = 8 * rows.shape[1]
    raw = np.ascontiguousarray(rows).tobytes()
    return [
        int.from_bytes(raw[start : start + size], "little", signed=negative)
        for start in range(0, len(raw), size)
    ]


def to_float(rows: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Return rows of unsigned limbs as floats, correct to about one unit in the last place."""
    total = np.zeros(len(rows))
    for index in range(rows.shape[1] - 1, -1, -1):
        total = total * 2.0**64 + rows[:, index]
    return total


def is_negative(rows: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return which rows of two's complement limbs are below zero."""
    negative: npt.NDArray[np.bool_] = (rows[:, -1] >> np.uint64(63)).astype(np.bool_)
    return negative


def is_zero(rows: npt.NDArray[np.uint64]) -> npt.NDArray[np.bool_]:
    """Return which rows of limbs are all zero."""
    zero: npt.NDArray[np.bool_] = np.logical_not(rows.any(axis=1))
    return zero
