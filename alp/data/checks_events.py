"""What a pool's events must satisfy: chain order, and prices that agree with ticks and amounts."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from alp.data.checks_base import REPEATED, SORT, Bools, Checker, Lines
from alp.data.findings import Findings
from alp.data.schema import (
    MAX_TICK,
    MIN_TICK,
    Array,
    EventKind,
    is_negative,
    is_zero,
    to_float,
)

if TYPE_CHECKING:
    from alp.data.options import ReadOptions
    from alp.data.reader import Reader

_LOG_TICK_BASE = math.log(1.0001)
_TICK_SLACK = 1e-6


class EventChecker(Checker):
    """Pool events: chain order, and prices that agree with ticks and amounts."""

    def __init__(self, options: ReadOptions, findings: Findings | None = None) -> None:
        super().__init__(options, findings)
        self._last_key: tuple[int, int] | None = None
        self._last_price: npt.NDArray[np.uint64] | None = None
        self._wrong = self._wrong_row = 0

    def check(self, array: Array, rows: Lines) -> None:
        """Check order, then what a swap must satisfy."""
        self._order(array, rows)
        swaps = array["kind"] == EventKind.SWAP
        if swaps.all():  # nearly always, and a copy less
            self._swaps(array, rows)
        elif swaps.any():
            self._swaps(array[swaps], rows[swaps])

    def _order(self, array: Array, rows: Lines) -> None:
        block, index = array["block"], array["log_index"].astype(np.int64)
        last = self._last_key or (int(block[0]), int(index[0]) - 1)
        block_step = np.diff(block, prepend=last[0])
        index_step = np.diff(index, prepend=last[1])
        self.refuse(
            "repeated",
            (block_step == 0) & (index_step == 0),
            rows,
            "the same block and log index as the row before",
            REPEATED,
        )
        self.refuse(
            "order",
            (block_step < 0) | ((block_step == 0) & (index_step < 0)),
            rows,
            "block and log index go back",
            SORT,
        )
        self._last_key = (int(block[-1]), int(index[-1]))

    def _swaps(self, swaps: Array, rows: Lines) -> None:
        amount0, amount1 = swaps["amount0"], swaps["amount1"]
        in0 = ~is_negative(amount0) & ~is_zero(amount0)
        in1 = ~is_negative(amount1) & ~is_zero(amount1)
        same_sign = (in0 & in1) | (is_negative(amount0) & is_negative(amount1))
        self.refuse(
            "amount-signs",
            same_sign,
            rows,
            "a swap's amounts have the same sign",
            "columns are mixed up or a sign was lost: take the file again from its source",
        )
        price, tick = swaps["sqrt_price_x96"], swaps["tick"]
        impossible = is_zero(price) | (tick < MIN_TICK) | (tick > MAX_TICK)
        self.refuse(
            "price-impossible",
            impossible,
            rows,
            "the price or tick is outside what a pool can have",
            "take the file again from its source",
        )
        root = np.where(impossible, 1.0, to_float(price))
        position = 2.0 * (np.log(root) - 96.0 * math.log(2.0)) / _LOG_TICK_BASE
        # A swap that ends exactly on an initialised tick going down leaves tick one below.
        apart = (position < tick - _TICK_SLACK) | (position > tick + 1 + _TICK_SLACK)
        self.refuse(
            "tick-price",
            apart & ~impossible,
            rows,
            "tick and sqrtPriceX96 disagree",
            "the row is damaged or was rounded (by a spreadsheet?): take it again from its source",
        )
        self.plausible(position * _LOG_TICK_BASE, rows)
        self._direction(price, in0 & ~same_sign, in1 & ~same_sign, rows)

    def _direction(
        self, price: npt.NDArray[np.uint64], in0: Bools, in1: Bools, rows: Lines
    ) -> None:
        """Token0 in moves the price down, token1 in moves it up: from swap to swap, always."""
        before = price[:1] if self._last_price is None else self._last_price
        step = _compare(price, np.concatenate((before, price[:-1])))
        wrong = (in0 & (step > 0)) | (in1 & (step < 0))
        if self.file_rows == 0 and self._last_price is not None and wrong[0]:
            self.reader.notes.add("swaps are missing between this file and the one before")
            wrong[0] = False
        self._last_price = price[-1:].copy()
        if self.options.strict:
            self.refuse(
                "price-against-amounts",
                wrong,
                rows,
                "the price moved against the swap's amounts",
                "swaps before this row are missing, or two pools are mixed in one file; to go on "
                "regardless set the option strict to false",
            )
        elif wrong.any():
            self._wrong += int(wrong.sum())
            self._wrong_row = self._wrong_row or int(rows[int(np.argmax(wrong))])

    def start(self, reader: Reader) -> None:
        """Begin a file."""
        super().start(reader)
        self._wrong = self._wrong_row = 0

    def finish(self) -> None:
        """Say how many swaps must be missing, where that is no reason to stop."""
        if self._wrong:
            self.reader.notes.add(
                f"the price moved against the amounts of {self._wrong} swaps, first in row "
                f"{self._wrong_row}: swaps are missing before them"
            )


def _compare(left: npt.NDArray[np.uint64], right: npt.NDArray[np.uint64]) -> npt.NDArray[np.int8]:
    """Return -1, 0 or 1 for each pair of rows of limbs, compared as unsigned integers."""
    result = np.zeros(len(left), np.int8)
    for limb in range(left.shape[1]):
        greater, less = left[:, limb] > right[:, limb], left[:, limb] < right[:, limb]
        result = np.where(greater, 1, np.where(less, -1, result)).astype(np.int8)
    return result
