"""The moments a report looks at: rows of the attribution, and fewer or more points for drawing.

A replay takes samples of the positions while it runs; what was held outside them at the time is
kept beside each, as a reference. Nothing is added up before the end of the run: most points of a
long run's curve are thinned out before that.
"""

from __future__ import annotations

from collections.abc import Iterable

from alp._core.lp_ledger import LedgerSample
from alp.backtest.book import Balances, Snapshot

MINUTE_NS = 60_000_000_000
MOST_POINTS = 400
FINEST = 12
"""Points of the curve for each row of the attribution, to begin with."""

Point = tuple[LedgerSample, Balances]


class Sampling:
    """Samples of a run, at the multiples of one interval of time.

    Parameters
    ----------
    every_ns
        Between rows of the attribution.

    Attributes
    ----------
    step_ns
        How often samples are wanted now: as the curve grows, it is thinned and the step widened.
    """

    def __init__(self, every_ns: int) -> None:
        self.every_ns = every_ns
        fine = every_ns >= FINEST * MINUTE_NS and every_ns % FINEST == 0
        self._parts = FINEST if fine else 1
        self._curve_step_ns = every_ns // self._parts
        self._rows: list[Point] = []
        self._curve: list[Point] = []

    @property
    def step_ns(self) -> int:
        """Time between samples."""
        return min(self._curve_step_ns, self.every_ns)

    def add(self, samples: Iterable[LedgerSample], balances: Balances) -> None:
        """Take samples of the positions and what was held outside them all the while."""
        for sample in samples:
            point = (sample, balances)
            if sample[0] % self.every_ns == 0:
                self._rows.append(point)
            if sample[0] % self._curve_step_ns == 0:
                self._curve.append(point)
                if len(self._curve) > MOST_POINTS:
                    self._thin()

    def add_end(self, sample: LedgerSample, balances: Balances) -> None:
        """Take the first or last moment of the run, wherever it lies."""
        point = (sample, balances)
        for points in (self._rows, self._curve):
            if points and points[-1][0][0] == sample[0]:
                points.pop()
            points.append(point)

    def _thin(self) -> None:
        if self._parts > 1:
            factor = 2 if self._parts % 2 == 0 else self._parts
            self._parts //= factor
        else:
            factor = 2
        self._curve_step_ns *= factor
        step_ns = self._curve_step_ns
        first = self._curve[0]
        self._curve = [
            point for point in self._curve if point is first or point[0][0] % step_ns == 0
        ]

    def rows(self) -> list[Snapshot]:
        """Return the rows of the attribution; the books are checked at each."""
        return [balances.snapshot(sample) for sample, balances in self._rows]

    def curve(self) -> list[Snapshot]:
        """Return the points to draw."""
        return [balances.snapshot(sample) for sample, balances in self._curve]
