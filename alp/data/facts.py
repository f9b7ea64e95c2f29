"""Counts and ranges of data of each kind, gathered in one pass with bounded memory."""

from __future__ import annotations

import heapq
import math
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from alp.data.findings import Finding
from alp.data.schema import Array

if TYPE_CHECKING:
    from alp.data.source import Source

Lines = npt.NDArray[np.int64]

_GAPS = 3
_JUMP = math.log(1.05)


class Facts:
    """Gathers what is common to all kinds: the longest pauses and the largest price jump."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self._last_ns: int | None = None
        self._longest: list[tuple[int, int, int]] = []
        self._last_log: float | None = None
        self._low, self._high = math.inf, -math.inf
        self._jump = (0.0, 0)
        self._jumps = 0

    def look(self, array: Array, rows: Lines) -> None:
        """Take a piece into account."""

    def result(self) -> dict[str, Any]:
        """Return the facts by name."""
        return {}

    def warnings(self) -> list[Finding]:
        """Return what deserves a look."""
        if not self._jumps:
            return []
        return [
            Finding(
                "warning",
                "price-jump",
                f"the price jumps by more than 5% between rows, at most by "
                f"{math.expm1(self._jump[0]):.1%}",
                self._jump[1],
                "a thin market, a hole in the data, or an outlier: look at the row",
                self._jumps,
            )
        ]

    def gaps(self) -> list[dict[str, Any]]:
        """Return the longest pauses, longest first."""
        return [
            {"seconds": length / 1e9, "after_ns": start, "row": row}
            for length, start, row in sorted(self._longest, reverse=True)
        ]

    def times(self, ts_ns: npt.NDArray[np.int64], rows: Lines, usual_ns: int = 0) -> None:
        """Remember the longest pauses that are longer than usual."""
        first = self._last_ns if self._last_ns is not None else int(ts_ns[0])
        step = np.diff(ts_ns, prepend=first)
        for at in np.argsort(step)[-_GAPS:]:
            if step[at] > usual_ns:
                entry = (int(step[at]), int(ts_ns[at] - step[at]), int(rows[at]))
                heapq.heappush(self._longest, entry)
                if len(self._longest) > _GAPS:
                    heapq.heappop(self._longest)
        self._last_ns = int(ts_ns[-1])

    def prices(self, logs: npt.NDArray[np.float64], rows: Lines) -> None:
        """Take logarithms of the price, row by row, into account."""
        if not len(logs):
            return
        self._low, self._high = min(self._low, logs.min()), max(self._high, logs.max())
        first = self._last_log if self._last_log is not None else float(logs[0])
        step = np.abs(np.diff(logs, prepend=first))
        self._jumps += int((step > _JUMP).sum())
        at = int(np.argmax(step))
        if step[at] > self._jump[0]:
            self._jump = (float(step[at]), int(rows[at]))
        self._last_log = float(logs[-1])

    def price_range(self) -> dict[str, Any]:
        """Return lowest and highest price in the unit of the rows."""
        if self._high < self._low:
            return {}
        return {"price_low": math.exp(self._low), "price_high": math.exp(self._high)}
