"""Tapes of a few rows, written as they would be told."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from alp._core.tape import LATENCY_ROW, LOTS_SHIFT, REMOVAL_ROW, TAPE_ROW, TapeBit

BID, ASK = True, False
BOTH = TapeBit.EXCHANGE | TapeBit.LOCAL
Row = tuple[int, int, int, int]
Array = npt.NDArray[Any]


def size(kind: int, bid: bool, lots: int, sides: int = BOTH) -> int:
    return lots << LOTS_SHIFT | kind | sides | (TapeBit.BID if bid else 0)


def level(at: int, bid: bool, price: int, lots: int, received: int | None = None) -> Row:
    return at, at if received is None else received, price, size(TapeBit.LEVEL, bid, lots)


def trade(at: int, bought: bool, price: int, lots: int, received: int | None = None) -> Row:
    return at, at if received is None else received, price, size(TapeBit.TRADE, bought, lots)


def clear(at: int) -> Row:
    return at, at, 0, size(TapeBit.CLEAR, False, 0)


def removal(at: int, bid: bool, price: int, lots: int, entered: int) -> Row:
    return at, entered, price, lots << LOTS_SHIFT | (TapeBit.BID if bid else 0)


def tape(*rows: Row) -> Array:
    return np.array(list(rows), list(TAPE_ROW))


def removals(*rows: Row) -> Array:
    return np.array(list(rows), list(REMOVAL_ROW))


def latencies(*rows: tuple[int, int, int]) -> Array:
    return np.array(list(rows), list(LATENCY_ROW))
