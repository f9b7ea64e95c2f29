"""The ledger: events with proof in, entries on disk, deltas and snapshots out.

Each call of :meth:`Ledger.apply` is one transaction: all of it is durable when it returns, or
nothing was booked. A proof is booked once, so whatever was not acknowledged may be applied again.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from types import TracebackType

from sqlalchemy import Connection

from alp.dsn import shown
from alp.errors import AlpError, DataError
from alp.ledger.accounts import Posting
from alp.ledger.assets import Assets
from alp.ledger.booking import postings_of, reversal
from alp.ledger.books import Books, Delta, Snapshot
from alp.ledger.database import guarded, open_engine
from alp.ledger.events import Event, Mark, Reorganisation, content_of
from alp.ledger.migrate import migrate, require_newest, revision
from alp.ledger.store import (
    REVERSAL,
    Booked,
    Draft,
    add_orphans,
    become_writer,
    booked_by_proof,
    hold,
    live_entries_of_blocks,
    postings_of_entry,
    read_accounts,
    read_assets,
    read_books,
    read_orphans,
    remove_orphans,
    write_state,
)

Input = Event | Mark | Reorganisation

MARK = "mark"
"""The kind of a delta that is a mark."""

_BATCH = 5_000


class ConflictError(DataError):
    """One proof came with two contents; neither can be believed without asking the source."""


@dataclass(slots=True)
class Counts:
    """What became of the events of this process."""

    booked: int = 0
    duplicate: int = 0
    """Known by proof, with the same content."""
    orphaned: int = 0
    """Proven by a block that is not canonical."""
    reversed: int = 0
    marks: int = 0


class Ledger:
    """The one writer of a ledger.

    Parameters
    ----------
    place
        Path of an SQLite file, or a URL of PostgreSQL. Where there is no ledger, one is made.
    assets
        What the ledger has to know at least; what it knew before stays.
    holder
        Who writes, for the message that the writer before it gets.

    Raises
    ------
    ConfigError
        If the ledger has to be migrated first, or its units differ.
    RpcError
        If the database cannot be reached.
    """

    def __init__(self, place: str, assets: Assets, *, holder: str = "") -> None:
        self.place = place
        self.counts = Counts()
        self._engine = open_engine(place)
        self._connection: Connection | None = None
        self._stale = True
        with guarded(place):
            with self._engine.connect() as connection:
                empty = revision(connection) is None
            if empty:
                migrate(self._engine, shown(place))
            with self._engine.begin() as connection:
                require_newest(connection, shown(place))
                self.epoch = become_writer(connection, assets, holder)
                self.assets = Assets(assets.quote, tuple(read_assets(connection)))
                self._load(connection)
            self._stale = False

    def apply(self, events: Iterable[Input]) -> list[Delta]:
        """Book events in their order; return what they changed.

        What is known by its proof is left out, and so is what a block says that is not canonical.

        Raises
        ------
        ConflictError
            If a proof is known with other content, or comes with two contents here.
        FencedError
            If another writer has taken the ledger over.
        DataError
            If an event names an unknown asset, or an amount is too large.
        RpcError
            If the database failed. Whether the events were booked shows when they are applied
            again.
        """
        batch = list(events)
        with guarded(self.place):
            if self._stale:
                self._read()
            counts = Counts()
            # Until the transaction has ended, what is in memory is ahead of what is on disk.
            self._stale = True
            with self._transaction() as connection:
                deltas = _Booking(self, connection, counts).book(batch)
            self._stale = False
        for name in Counts.__slots__:
            setattr(self.counts, name, getattr(self.counts, name) + getattr(counts, name))
        return deltas

    def load(self, events: Iterable[Input], batch: int = _BATCH) -> int:
        """Book any number of events, some at a time; return how many came."""
        source, total = iter(events), 0
        while some := list(islice(source, batch)):
            self.apply(some)
            total += len(some)
        return total

    def snapshot(self) -> Snapshot:
        """Return the whole state as the newest transaction left it."""
        with guarded(self.place):
            if self._stale:
                self._read()
        return self.books.snapshot()

    def close(self) -> None:
        """Let go of the database."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._engine.dispose()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> None:
        self.close()

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        if self._connection is None:
            self._connection = self._engine.connect()
        try:
            with self._connection.begin():
                hold(self._connection, self.epoch)
                yield self._connection
        except AlpError:
            raise
        except BaseException:
            self._connection.close()
            self._connection = None
            raise

    def _read(self) -> None:
        with self._transaction() as connection:
            self._load(connection)
        self._stale = False

    def _load(self, connection: Connection) -> None:
        self.books: Books = read_books(connection)
        self.account_ids = read_accounts(connection)
        self.orphans = read_orphans(connection)


class _Booking:
    """One transaction's way from events to rows."""

    def __init__(self, ledger: Ledger, connection: Connection, counts: Counts) -> None:
        self.books, self.assets, self.orphans = ledger.books, ledger.assets, ledger.orphans
        self.connection = connection
        self.counts = counts
        self.draft = Draft(ledger.account_ids)
        self.known: dict[str, Booked] = {}
        self.deltas: list[Delta] = []

    def book(self, events: list[Input]) -> list[Delta]:
        proofs = [each.proof.key for each in events if isinstance(each, Event)]
        self.known = booked_by_proof(self.connection, proofs)
        before = self.books.sequence
        for each in events:
            if isinstance(each, Event):
                self._event(each)
            elif isinstance(each, Mark):
                self._mark(each)
            else:
                self._reorganisation(each)
        self.draft.flush(self.connection)
        if self.books.sequence != before:
            write_state(self.connection, self.books)
        return self.deltas

    def _event(self, event: Event) -> None:
        proof = event.proof
        content = content_of(event)
        known = self.known.get(proof.key)
        life = 0
        if known is not None:
            if known.kind != event.kind or known.content != content:
                raise ConflictError(
                    f"{proof.key} is booked as entry {known.sequence}, {known.kind}"
                    f" {known.content}, and came again as {event.kind} {content}",
                    hint="ask the source which is true; nothing of this call was booked",
                )
            if known.reversed_by is None:
                self.counts.duplicate += 1
                return
            life = known.life + 1
        if proof.block in self.orphans:
            self.counts.orphaned += 1
            return
        postings = postings_of(event, self.books.balances)
        for account, _ in postings:
            if account[2] not in self.assets:
                self.assets[account[2]]  # raises, with what is known
        entry = Booked(
            self.books.sequence + 1,
            event.at_ns,
            event.kind,
            proof.key,
            life,
            proof.block or None,
            None,
            content,
        )
        self.known[proof.key] = entry
        self.counts.booked += 1
        self._post(entry, postings)

    def _post(self, entry: Booked, postings: list[Posting]) -> None:
        self.draft.entry(entry, postings)
        changes = self.books.post(entry.at_ns, postings)
        self.deltas.append(
            Delta(entry.sequence, entry.at_ns, entry.kind, entry.proof, changes, entry.reverses)
        )

    def _mark(self, mark: Mark) -> None:
        self.assets[mark.asset]
        self.books.mark(mark.asset, mark.at_ns, mark.mark_x96)
        sequence = self.books.sequence
        self.draft.mark(sequence, mark.at_ns, mark.asset, mark.mark_x96)
        self.deltas.append(
            Delta(sequence, mark.at_ns, MARK, mark.asset, (), mark_x96=mark.mark_x96)
        )
        self.counts.marks += 1

    def _reorganisation(self, event: Reorganisation) -> None:
        self.draft.flush(self.connection)
        orphaned, canonical = event.keys(event.orphaned), event.keys(event.canonical)
        if canonical:
            remove_orphans(self.connection, canonical)
            self.orphans.difference_update(canonical)
        add_orphans(self.connection, orphaned, event.at_ns)
        self.orphans.update(orphaned)
        for entry in live_entries_of_blocks(self.connection, orphaned):
            self._reverse(entry, event.at_ns)

    def _reverse(self, entry: Booked, at_ns: int) -> None:
        postings = reversal(postings_of_entry(self.connection, entry.sequence))
        content = json.dumps({"block": entry.block}, separators=(",", ":"))
        undone = Booked(
            self.books.sequence + 1,
            at_ns,
            REVERSAL,
            f"{REVERSAL}|{entry.sequence}",
            0,
            None,
            entry.sequence,
            content,
        )
        self._post(undone, postings)
        self.counts.reversed += 1
        if entry.proof in self.known:
            self.known[entry.proof] = entry._replace(reversed_by=undone.sequence)
