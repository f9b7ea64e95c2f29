"""Tapes for the tick-level backtest, made of what others and alp recorded.

From event arrays of hftbacktest 2 (:mod:`alp.recording.npz`) and from captures of venues' messages,
which go through the same feed handlers as live. Rows are made a chunk at a time.

A row holds for the exchange's side in the order of the exchange's times and for the local side in
the order of receipt. What comes later in the source than it should by one of these times counts
then as happening with the row before it; how many such there were is noted on the tape.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alp._core.tape import LATENCY_ROW, LOTS_SHIFT, MOST_LOTS, TapeBit
from alp.backtest.tick_file import ROW, Grid, Rows, TapeFacts, write_tape
from alp.errors import DataError
from alp.recording.npz import (
    BUY,
    CLEAR,
    DEPTH,
    EXCHANGE,
    LOCAL,
    SELL,
    SNAPSHOT,
    TRADE,
    is_npz,
    read_npz,
    recorded_events,
)

OFF_GRID = 1e-3
"""Of a step: what farther from the grid is no rounding of a double."""
_KINDS = {
    DEPTH: TapeBit.LEVEL,
    SNAPSHOT: TapeBit.LEVEL,
    TRADE: TapeBit.TRADE,
    CLEAR: TapeBit.CLEAR,
}


def tape_of_events(
    paths: Sequence[Path], target: Path, grid: Grid, *, venue: str = "", symbol: str = ""
) -> TapeFacts:
    """Make a tape of hftbacktest's files that follow each other.

    Raises
    ------
    DataError
        If a file is no such array, or an event is off the grid or of a kind that a book by level
        does not have.
    """
    source = paths[0]
    for path in paths:
        if not is_npz(path):
            raise DataError("not an event array of hftbacktest 2", path=path)
    events = (chunk for path in paths for chunk in read_npz(path))
    names = tuple(path.name for path in paths)
    return _write(events, target, TapeFacts(venue, symbol, grid, names), source)


def tape_of_array(events: Rows, target: Path, grid: Grid) -> TapeFacts:
    """Make a tape of an array of hftbacktest's events in memory, see :func:`tape_of_events`."""
    return _write([events], target, TapeFacts("", "", grid), target)


def tape_of_captures(
    paths: Sequence[Path],
    target: Path,
    *,
    symbol: str | None = None,
    venue: str | None = None,
    progress: Callable[[int], None] | None = None,
) -> TapeFacts:
    """Make a tape of one product of captures that follow each other, alp's recordings among them.

    Parameters
    ----------
    symbol
        The product, by the venue's name; may be left out where the capture is about one.
    venue
        Whose messages; found out by default.
    progress
        Told how many messages were taken since the last time.

    Raises
    ------
    DataError
        If a file is no capture, the product is not in it, or neither side's time is known.
    """
    with (
        tempfile.TemporaryDirectory(dir=target.parent, prefix=".alp-tape-") as folder,
        recorded_events(
            paths, Path(folder), symbol=symbol, venue=venue, progress=progress
        ) as recorded,
    ):
        report = recorded.report
        steps = (Decimal(1).scaleb(-places) for places in recorded.decimals)
        facts = TapeFacts(
            report.venue, report.symbol, Grid(*steps), tuple(path.name for path in paths)
        )
        notes = {
            "messages could not be read": report.unreadable,
            "rows came after a younger one": report.late,
            "times of receipt ran backwards": report.backwards,
        }
        facts.notes = tuple(f"{count} {what}" for what, count in notes.items() if count)
        return _write(recorded.chunks, target, facts, paths[0])


def _write(events: Iterable[Rows], target: Path, facts: TapeFacts, source: Path) -> TapeFacts:
    maker = _RowMaker(facts.grid, source)

    def chunks() -> Iterator[Rows]:
        for chunk in events:
            yield maker.rows(chunk)
        facts.notes += tuple(maker.notes())

    return write_tape(target, facts, chunks())


@dataclass
class _RowMaker:
    """Turns events into rows, and remembers where it is."""

    grid: Grid
    source: Path
    taken: int = 0
    unsided: int = 0
    moved: int = 0
    last: dict[str, int] = field(default_factory=dict)

    def notes(self) -> Iterator[str]:
        if self.unsided:
            yield f"{self.unsided} trades of no side were left out"
        if self.moved:
            yield f"{self.moved} times before the row before were set to it"

    def rows(self, events: Rows) -> Rows:
        flags = events["ev"]
        kinds = flags & np.uint64(0xFF)
        self._refuse(~np.isin(kinds, list(_KINDS)), "an event of no book by level", kinds)
        sided = flags & np.uint64(BUY | SELL)
        one_sided = (kinds == CLEAR) & ((sided == BUY) | (sided == SELL))
        self._refuse(one_sided, "one side of the book is cleared", flags)
        self._refuse(flags & np.uint64(EXCHANGE | LOCAL) == 0, "it is of no side", flags)
        unsided = (kinds == TRADE) & (sided == 0)
        bits = np.zeros(len(events), np.uint64)
        for kind, bit in _KINDS.items():
            bits[kinds == kind] = bit
        for flag, bit in (
            (BUY, TapeBit.BID),
            (EXCHANGE, TapeBit.EXCHANGE),
            (LOCAL, TapeBit.LOCAL),
        ):
            bits[flags & np.uint64(flag) != 0] |= np.uint64(bit)
        told = bits & np.uint64(TapeBit.CLEAR) == 0
        bits[~told] &= ~np.uint64(TapeBit.BID)
        lots = self._steps(events["qty"], self.grid.lot_size, told, "quantity")
        self._refuse(lots > MOST_LOTS, "more lots than a row holds", lots)
        rows = np.zeros(len(events), ROW)
        rows["price"] = self._steps(events["px"], self.grid.tick_size, told, "price")
        rows["size"] = lots.astype(np.uint64) << np.uint64(LOTS_SHIFT) | bits
        for column, times, bit in (
            ("exchange_ns", "exch_ts", TapeBit.EXCHANGE),
            ("local_ns", "local_ts", TapeBit.LOCAL),
        ):
            rows[column] = self._times(column, events[times], bits & np.uint64(bit) != 0)
        self.taken += len(events)
        self.unsided += int(unsided.sum())
        return rows[~unsided] if unsided.any() else rows

    def _times(
        self, column: str, times: npt.NDArray[np.int64], mine: npt.NDArray[np.bool_]
    ) -> npt.NDArray[np.int64]:
        """Return times that never fall; rows that are of the other side take the one before."""
        if not len(times):
            return times
        first = int(times[mine][0]) if mine.any() else int(times[0])
        before = self.last.get(column, first)
        raised = np.maximum.accumulate(np.where(mine, times, before))
        raised = np.maximum(raised, before)
        self.moved += int(np.count_nonzero(mine & (raised != times)))
        self.last[column] = int(raised[-1])
        return raised

    def _steps(
        self, values: npt.NDArray[np.float64], step: Decimal, told: npt.NDArray[np.bool_], name: str
    ) -> npt.NDArray[np.int64]:
        """Return a column in steps of the grid; doubles are near them, or the grid is wrong."""
        exact = np.where(told, values, 0.0) / float(step)
        found = np.rint(exact)
        slack = np.maximum(OFF_GRID, np.abs(found) * 1e-12)
        wrong = ~(np.abs(exact - found) <= slack)  # written so that NaN is wrong too
        self._refuse(wrong, f"a {name} off the grid of {step}", values)
        steps: npt.NDArray[np.int64] = found.astype(np.int64)
        return steps

    def _refuse(
        self, wrong: npt.NDArray[np.bool_], why: str, values: npt.NDArray[np.generic]
    ) -> None:
        if wrong.any():
            at = int(np.flatnonzero(wrong)[0])
            raise DataError(f"{why}: {values[at]}", path=self.source, row=self.taken + at)


def recorded_latency(
    requested_ns: npt.ArrayLike, venue_ns: npt.ArrayLike, answered_ns: npt.ArrayLike
) -> Rows:
    """Return how long commands took, for :class:`alp._core.tick_replay.TickReplay`.

    Parameters
    ----------
    requested_ns, venue_ns, answered_ns
        When each command was sent, reached the exchange, and its answer was here; one clock, or
        clocks whose difference was taken off. Commands that never came have a ``venue_ns`` of 0 and
        are left out.

    Raises
    ------
    DataError
        If one arrived before it was sent, or there is none.
    """
    sent, there, back = (
        np.asarray(each, np.int64) for each in (requested_ns, venue_ns, answered_ns)
    )
    came = there > 0
    sent, there, back = sent[came], there[came], back[came]
    if not len(sent):
        raise DataError("no command that reached the exchange")
    early = (there < sent) | (back < there)
    if early.any():
        at = int(np.flatnonzero(early)[0])
        raise DataError(
            f"a command sent at {sent[at]} was there at {there[at]} and answered at {back[at]}",
            hint="the clocks differ: take their difference off venue_ns",
        )
    order = np.argsort(sent, kind="stable")
    rows = np.zeros(len(sent), list(LATENCY_ROW))
    rows["at_ns"], rows["entry_ns"], rows["answer_ns"] = sent, there - sent, back - there
    return rows[order]
