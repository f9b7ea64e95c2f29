"""The moments a report looks at: rows of the attribution, and fewer or more points for drawing.

A replay takes samples of the positions while it runs; what was held outside them at the time is
kept beside each, as a reference. Nothing is decoded or added up before the end of the run.
"""

from __future__ import annotations

import numpy as np

from alp._core.lp_books import Balances
from alp._core.lp_ledger import read_samples
from alp.backtest.book import LedgerSample, Snapshot, add_up
from alp.data.schema import Array

MINUTE_NS = 60_000_000_000
MOST_POINTS = 400
FINEST = 12
"""Points of the curve for each row of the attribution, to begin with."""


class Sampling:
    """Samples of a run, at the multiples of one interval of time.

    Parameters
    ----------
    every_ns
        Between rows of the attribution.
    """

    def __init__(self, every_ns: int) -> None:
        self.every_ns = every_ns
        fine = every_ns >= FINEST * MINUTE_NS and every_ns % FINEST == 0
        self._parts = FINEST if fine else 1
        self._finer = 0  # samples taken at the present step
        self._blocks: list[tuple[Array, Balances]] = []
        self._first: Snapshot | None = None
        self._last: Snapshot | None = None

    @property
    def step_ns(self) -> int:
        """Time between the samples wanted now: it widens as a run gets long."""
        return self.every_ns // self._parts

    def add(self, samples: Array, balances: Balances) -> None:
        """Take SAMPLE rows and what was held outside the positions all the while."""
        self._blocks.append((samples, balances))
        self._finer += len(samples)
        if self._parts > 1 and self._finer > MOST_POINTS:
            self._parts = _coarser(self._parts)
            self._finer = 0

    def begin(self, moment: Snapshot) -> None:
        """Set the first moment of the run, wherever it lies."""
        self._first = moment

    def end(self, moment: Snapshot) -> None:
        """Set the last moment of the run, wherever it lies."""
        self._last = moment

    def rows(self) -> list[Snapshot]:
        """Return the rows of the attribution; the books are checked at each."""
        return self._at(self.every_ns)

    def curve(self) -> list[Snapshot]:
        """Return the points to draw, evenly spaced but for the ends."""
        parts, step_ns = self._parts, self.step_ns
        while self._count(step_ns) > MOST_POINTS:
            step_ns *= parts // _coarser(parts) if parts > 1 else 2
            parts = _coarser(parts)
        return self._at(step_ns)

    def _count(self, step_ns: int) -> int:
        return sum(int((block["ts_ns"] % step_ns == 0).sum()) for block, _ in self._blocks)

    def _at(self, step_ns: int) -> list[Snapshot]:
        """Return the samples at multiples of a step, between the ends of the run."""
        found = [
            add_up(balances, sample)
            for block, balances in self._blocks
            for sample in _decoded(block[block["ts_ns"] % step_ns == 0])
        ]
        if self._first is not None:
            found.insert(0, self._first)
        if self._last is not None:
            if found and found[-1].ts_ns == self._last.ts_ns:
                found.pop()
            found.append(self._last)
        return found


def _coarser(parts: int) -> int:
    """Return the next smaller number of parts that nests in this one."""
    return parts // 2 if parts % 2 == 0 else 1


def _decoded(block: Array) -> list[LedgerSample]:
    return read_samples(np.ascontiguousarray(block).view(np.uint8)) if len(block) else []
