"""A wish found in a log of decisions: by its number, or by a product and a time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from alp.errors import DataError
from alp.models.desk import Event, Wish
from alp.recording.decisions_file import Ended, Raised, Segment, SegmentHead, segments_of

_NUMBER, _INSTRUMENT, _AT_NS, _RECORD, _OFFSET = range(5)


@dataclass(frozen=True)
class Found:
    """A wish, the event it answers, and where it stands."""

    wish: Wish
    event: Event | None
    head: SegmentHead
    path: Path
    record: int
    offset: int


class Decisions:
    """Finds wishes in a folder or in one segment; a segment is read once, when it is needed.

    Raises
    ------
    DataError
        If there is no log of decisions, it is of a newer version, or damaged.
    """

    def __init__(self, path: Path) -> None:
        self._segments = [_Indexed(each) for each in reversed(segments_of(path))]

    def wish(self, number: int) -> Found | None:
        """Return the newest wish of a number; None where there is none."""
        for each in self._segments:
            if each.first_number is None or each.first_number > number:
                continue
            rows = np.flatnonzero(each.wishes[:, _NUMBER] == number)
            if len(rows):
                return each.found(int(rows[-1]))
        return None

    def at(self, instrument: int, at_ns: int) -> Found | None:
        """Return the last wish for a product up to a time, whether or not it still held."""
        for each in self._segments:
            if each.first_ns is None or each.first_ns > at_ns:
                continue
            wishes = each.wishes
            mine = (wishes[:, _INSTRUMENT] == instrument) & (wishes[:, _AT_NS] <= at_ns)
            rows = np.flatnonzero(mine)
            if len(rows):
                return each.found(int(rows[-1]))
        return None


class _Indexed:
    """A segment and where its wishes are."""

    def __init__(self, path: Path) -> None:
        self.segment = Segment(path)
        self._wishes: npt.NDArray[np.int64] | None = None
        self.first_number: int | None = None
        self.first_ns: int | None = None
        for first in self._read(1):
            self.first_number, self.first_ns = int(first[_NUMBER]), int(first[_AT_NS])

    def _read(self, most: int = 1 << 62) -> npt.NDArray[np.int64]:
        try:
            return self.segment.reader().wishes(most)
        except ValueError as error:
            raise DataError(str(error), path=self.segment.path) from error

    @property
    def wishes(self) -> npt.NDArray[np.int64]:
        """A row for each wish."""
        if self._wishes is None:
            self._wishes = self._read()
        return self._wishes

    def found(self, row: int) -> Found:
        """Return a row's wish; the event it answers is behind the wish before it, or further."""
        wanted = int(self.wishes[row, _RECORD])
        for begin in (row - 1, -1):
            event: Event | None = None
            offset = int(self.wishes[begin, _OFFSET]) if begin >= 0 else None
            number = int(self.wishes[begin, _RECORD]) if begin >= 0 else None
            for logged in self.segment.records(offset, number):
                if logged.number == wanted and isinstance(logged.what, Wish):
                    break
                if not isinstance(logged.what, Wish | Raised | Ended):
                    event = logged.what
            if event is not None or begin < 0:
                break
        assert isinstance(logged.what, Wish)
        return Found(
            logged.what, event, self.segment.head, self.segment.path, wanted, logged.offset
        )
