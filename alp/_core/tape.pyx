"""Rows of a recorded market for backtests on levels and trades; see ``tape.pxd``."""

from enum import IntFlag
from typing import NamedTuple

import numpy as np

from alp._core.queue_models cimport largest_quantity
from alp._core.uint256 cimport i64, u64

TAPE_ROW = (
    ("exchange_ns", "<i8"),
    ("local_ns", "<i8"),
    ("price", "<i8"),
    ("size", "<u8"),
)
REMOVAL_ROW = (
    ("exchange_ns", "<i8"),
    ("entered_ns", "<i8"),
    ("price", "<i8"),
    ("size", "<u8"),
)
LATENCY_ROW = (("at_ns", "<i8"), ("entry_ns", "<i8"), ("answer_ns", "<i8"))
LOTS_SHIFT = TAPE_BITS
MOST_LOTS = largest_quantity()


class TapeBit(IntFlag):
    """What a row is: one of the first three; whose; and for which sides it holds."""

    LEVEL = TAPE_LEVEL
    TRADE = TAPE_TRADE
    CLEAR = TAPE_CLEAR
    BID = TAPE_BID
    EXCHANGE = TAPE_EXCHANGE
    LOCAL = TAPE_LOCAL


class TapeFault(NamedTuple):
    """The first row that is wrong, and why."""

    row: int
    why: str


cdef enum:
    GOOD = 0
    EXCHANGE_FALLS = 1
    LOCAL_FALLS = 2
    NO_KIND = 3
    NO_SIDE = 4
    NO_PRICE = 5
    NO_LOTS = 6
    UNKNOWN_BITS = 7

_WHY = {
    EXCHANGE_FALLS: "the exchange's time is before that of the row before",
    LOCAL_FALLS: "the time of receipt is before that of the row before",
    NO_KIND: "it is not one of a level, a trade and a clearing",
    NO_SIDE: "it holds neither for the exchange nor for the receiver",
    NO_PRICE: "its price is not above zero",
    NO_LOTS: "a trade of nothing",
    UNKNOWN_BITS: "it has bits of no meaning",
}


cdef int _fault(const TapeRow* row) noexcept nogil:
    cdef u64 kind = row.size & (TAPE_LEVEL | TAPE_TRADE | TAPE_CLEAR)
    if kind == 0 or kind & (kind - 1):
        return NO_KIND
    if not row.size & (TAPE_EXCHANGE | TAPE_LOCAL):
        return NO_SIDE
    if row.size & 0xFFFF & ~<u64>(
        TAPE_LEVEL | TAPE_TRADE | TAPE_CLEAR | TAPE_BID | TAPE_EXCHANGE | TAPE_LOCAL
    ):
        return UNKNOWN_BITS
    if kind == TAPE_CLEAR:
        return GOOD
    if row.price <= 0:
        return NO_PRICE
    return NO_LOTS if kind == TAPE_TRADE and row.size >> TAPE_BITS == 0 else GOOD


def tape_fault(rows, after=None):
    """Return the first row of a tape that is wrong, a :class:`TapeFault`, or None.

    Parameters
    ----------
    rows
        Rows of :data:`TAPE_ROW`.
    after
        The two times of the row before the first.

    Raises
    ------
    ValueError
        If they are other rows.
    """
    cdef const unsigned char[::1] view
    cdef const TapeRow* row
    cdef const TapeRow* end
    cdef i64 exchange_ns, local_ns
    cdef int fault = GOOD
    if rows.dtype != np.dtype(list(TAPE_ROW)) or not rows.flags.c_contiguous:
        raise ValueError("the tape is of other rows")
    if not len(rows):
        return None
    view = rows.view(np.uint8)
    row = <const TapeRow*>&view[0]
    end = row + len(rows)
    exchange_ns, local_ns = (row.exchange_ns, row.local_ns) if after is None else after
    with nogil:
        while row < end:
            if row.exchange_ns < exchange_ns:
                fault = EXCHANGE_FALLS
            elif row.local_ns < local_ns:
                fault = LOCAL_FALLS
            else:
                fault = _fault(row)
            if fault:
                break
            exchange_ns, local_ns = row.exchange_ns, row.local_ns
            row += 1
    return TapeFault(row - <const TapeRow*>&view[0], _WHY[fault]) if fault else None
