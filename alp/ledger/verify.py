"""Holding a ledger to itself: every entry is booked again from its event, and must be the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain

from sqlalchemy import Connection, Engine

from alp.errors import Corrupt, DataError
from alp.ledger.accounts import Posting
from alp.ledger.booking import check, postings_of, reversal
from alp.ledger.books import Books
from alp.ledger.database import reading
from alp.ledger.events import Proof, event_of
from alp.ledger.migrate import require_newest
from alp.ledger.store import (
    REVERSAL,
    Booked,
    postings_of_entry,
    read_books,
    read_orphans,
    read_quote,
    stream_entries,
    stream_marks,
    stream_postings,
)

_MOST_FAULTS = 100


@dataclass(slots=True)
class Verification:
    """What was found; a ledger without faults is whole."""

    sequence: int = 0
    entries: int = 0
    postings: int = 0
    marks: int = 0
    faults: list[str] = field(default_factory=list)
    """Each names its entry; the first hundred."""

    @property
    def whole(self) -> bool:
        """Whether nothing was found."""
        return not self.faults

    def fault(self, text: str) -> None:
        """Note one."""
        if len(self.faults) < _MOST_FAULTS:
            self.faults.append(text)


def verify(engine: Engine, place: str) -> Verification:
    """Book all events again, in memory that does not grow with them, and compare.

    Sums, sequence, postings against the events they came from, reversals against what they
    reverse, blocks that are not canonical, and the state against what all of it leads to.

    Raises
    ------
    ConfigError, DataError
        If there is no ledger, or it is of another revision.
    """
    with reading(engine) as connection:
        require_newest(connection, place)
        checked = _Check(connection, read_quote(connection))
        try:
            stored = read_books(connection)
        except Corrupt as error:
            checked.found.fault(str(error))
            stored = checked.books
        try:
            return checked.run(stored)
        except Corrupt as error:
            checked.found.fault(str(error))
            return checked.found


class _Check:
    def __init__(self, connection: Connection, quote: str) -> None:
        self.connection = connection
        self.books = Books(quote)
        self.found = Verification()
        self.orphans = read_orphans(connection)

    def run(self, stored: Books) -> Verification:
        """Walk entries and marks by their common sequence."""
        found = self.found
        marks = stream_marks(self.connection)
        entries = _with_postings(
            stream_entries(self.connection), stream_postings(self.connection), found
        )
        mark, pair = next(marks, None), next(entries, None)
        while mark is not None or pair is not None:
            if pair is None or (mark is not None and mark[0] < pair[0].sequence):
                assert mark is not None
                self._sequence(mark[0])
                self.books.mark(mark[2], mark[1], mark[3])
                found.marks += 1
                mark = next(marks, None)
            else:
                self._sequence(pair[0].sequence)
                self._entry(*pair)
                pair = next(entries, None)
        found.sequence = self.books.sequence
        if not found.faults and self.books.state() != stored.state():
            found.fault(
                f"the state at {stored.sequence} is not what the entries up to"
                f" {self.books.sequence} lead to"
            )
        return found

    def _sequence(self, number: int) -> None:
        if number != self.books.sequence + 1:
            self.found.fault(f"entry {number}: the one before it has {self.books.sequence}")
            self.books.sequence = number - 1

    def _entry(self, entry: Booked, postings: list[Posting]) -> None:
        found = self.found
        found.entries += 1
        found.postings += len(postings)
        try:
            check(postings, entry.sequence)
            wanted = self._wanted(entry)
            if postings != wanted:
                found.fault(
                    f"entry {entry.sequence} ({entry.proof}): its postings are not those of its"
                    f" event, {entry.kind} {entry.content}"
                )
        except (Corrupt, DataError) as error:
            found.fault(f"entry {entry.sequence} ({entry.proof}): {error}")
        if entry.block in self.orphans and entry.reversed_by is None:
            found.fault(f"entry {entry.sequence} ({entry.proof}): its block is not canonical")
        self.books.post(entry.at_ns, postings)

    def _wanted(self, entry: Booked) -> list[Posting]:
        if entry.kind != REVERSAL:
            proof = Proof(entry.proof, entry.block or "")
            event = event_of(entry.kind, proof, entry.at_ns, entry.content)
            return postings_of(event, self.books.balances)
        if entry.reverses is None or entry.reverses >= entry.sequence:
            raise Corrupt("a reversal of nothing")
        return reversal(postings_of_entry(self.connection, entry.reverses))


def _with_postings(
    entries: Iterator[Booked], postings: Iterator[tuple[int, Posting]], found: Verification
) -> Iterator[tuple[Booked, list[Posting]]]:
    """Join two streams by the sequence of the entry; a posting without one is a fault."""
    ahead = next(postings, None)
    for entry in chain(entries, (None,)):
        mine = []
        while ahead is not None and (entry is None or ahead[0] <= entry.sequence):
            if entry is not None and ahead[0] == entry.sequence:
                mine.append(ahead[1])
            else:
                found.fault(f"posting of {ahead[0]}: there is no such entry")
            ahead = next(postings, None)
        if entry is not None:
            yield entry, mine
