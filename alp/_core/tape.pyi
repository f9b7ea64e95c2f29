from enum import IntFlag
from typing import Any, NamedTuple

import numpy.typing as npt

TAPE_ROW: tuple[tuple[str, str], ...]
REMOVAL_ROW: tuple[tuple[str, str], ...]
LATENCY_ROW: tuple[tuple[str, str], ...]
LOTS_SHIFT: int
MOST_LOTS: int

class TapeBit(IntFlag):
    LEVEL = 1
    TRADE = 2
    CLEAR = 4
    BID = 8
    EXCHANGE = 16
    LOCAL = 32

class TapeFault(NamedTuple):
    row: int
    why: str

def tape_fault(
    rows: npt.NDArray[Any], after: tuple[int, int] | None = None
) -> TapeFault | None: ...
