"""The ledger as the position server's one thread works on it: apply, look up, and never half."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from alp.errors import AlpError, DataError, RpcError
from alp.ledger.assets import Asset, Assets
from alp.ledger.books import Delta, Snapshot
from alp.ledger.database import guarded, open_engine, reading
from alp.ledger.events import Event, Fee, Fill, Proof, event_of
from alp.ledger.ledger import ConflictError, Input, Ledger
from alp.ledger.store import FencedError, booked_by_proof, stream_entries
from alp.services.position.intake import Trades

logger = logging.getLogger(__name__)

SECOND = 10**9
SLACK_NS = 600 * SECOND
"""Entries may be booked so long after one of a later time."""


class Applied(NamedTuple):
    """What became of some events."""

    deltas: list[Delta]
    snapshot: Snapshot
    refused: list[str]
    """Why single ones were not booked."""
    took_ns: int


class Keeper:
    """Holds the ledger; every method is called from one thread.

    Raises
    ------
    ConfigError, RpcError
        See :class:`alp.ledger.ledger.Ledger`.
    """

    def __init__(self, place: str, assets: Assets, holder: str) -> None:
        self._place, self._holder = place, holder
        self._assets = assets
        self.ledger = Ledger(place, assets, holder=holder)
        self._engine = open_engine(place)
        self._booked, self._duplicate = 0, 0
        self._past: deque[tuple[int, int]] = deque()

    @property
    def counts(self) -> dict[str, int]:
        """How many events were booked, and how many were known already."""
        counts = self.ledger.counts
        return {
            "booked": self._booked + counts.booked,
            "duplicate": self._duplicate + counts.duplicate,
            "marks": counts.marks,
        }

    def apply(self, events: Sequence[Input]) -> Applied:
        """Book events; one that cannot be booked does not keep back the others.

        Raises
        ------
        FencedError
            If another process has taken the ledger over.
        RpcError
            If the database failed; the same events may be applied again.
        """
        begun_ns = time.monotonic_ns()
        self._learn(events)
        refused: list[str] = []
        try:
            deltas = self.ledger.apply(events)
        except (FencedError, RpcError):
            raise
        except (ConflictError, DataError) as first:
            logger.error("%s", first)
            deltas = self._one_by_one(events, refused)
        return Applied(deltas, self.ledger.snapshot(), refused, time.monotonic_ns() - begun_ns)

    def _one_by_one(self, events: Iterable[Input], refused: list[str]) -> list[Delta]:
        deltas = []
        for event in events:
            try:
                deltas += self.ledger.apply([event])
            except (FencedError, RpcError):
                raise
            except (ConflictError, DataError) as error:
                refused.append(error.message)
        return deltas

    def _learn(self, events: Sequence[Input]) -> None:
        """Let the ledger know assets that it has not heard of: a fee may be in any token."""
        names = {getattr(event, "asset", "") for event in events if isinstance(event, Event)} - set(
            self.ledger.assets
        )
        names.discard("")
        if not names:
            return
        logger.info("new in the ledger: %s", ", ".join(sorted(names)))
        known = self.ledger.assets
        more = tuple(Asset(each) for each in sorted(names))
        self._booked += self.ledger.counts.booked
        self._duplicate += self.ledger.counts.duplicate
        self.ledger.close()
        self.ledger = Ledger(
            self._place, Assets(known.quote, (*known.values(), *more)), holder=self._holder
        )

    def snapshot(self) -> Snapshot:
        """Return the whole state."""
        return self.ledger.snapshot()

    def times(self, proofs: Iterable[Proof]) -> dict[str, int]:
        """Return when events happened, of those that are booked."""
        with guarded(self._place), reading(self._engine) as connection:
            found = booked_by_proof(connection, [each.key for each in proofs])
        return {key: each.at_ns for key, each in found.items()}

    def trades(self, owner: str, since_ns: int) -> Trades:
        """Return the ledger's view of an account's trades since a time, and some before it."""
        rows, old, floor = [], 0, self._floor(since_ns - SLACK_NS)
        with guarded(self._place), reading(self._engine) as connection:
            for row in stream_entries(connection, newest=_MOST_ENTRIES):
                mine = row.proof.startswith(f"{owner}|")
                # One of long ago may have been told late; so many in a row were not.
                old += mine and row.kind == Fill.kind and row.at_ns < since_ns - SLACK_NS
                if old > _MOST_OLD or row.sequence <= floor:
                    break
                if mine and row.reversed_by is None and row.kind in (Fill.kind, Fee.kind):
                    rows.append(row)
        view = Trades()
        for row in rows:
            view.add([event_of(row.kind, Proof(row.proof), row.at_ns, row.content)], row.sequence)
        return view

    def _floor(self, before_ns: int) -> int:
        """Return up to which entry all were booked before a time, as far as it is remembered."""
        self._past.append((time.time_ns(), self.ledger.books.sequence))
        while len(self._past) > 1 and self._past[1][0] < before_ns:
            self._past.popleft()
        at_ns, sequence = self._past[0]
        return sequence if at_ns < before_ns else 0

    def newest_fill_ns(self, owner: str) -> int | None:
        """Return when the newest trade of an account happened; None: the ledger has none."""
        with guarded(self._place), reading(self._engine) as connection:
            for row in stream_entries(connection):
                if row.kind == Fill.kind and row.proof.startswith(f"{owner}|"):
                    newest = row.at_ns
                    break
            else:
                return None
        return newest

    def close(self) -> None:
        """Let go of the database."""
        try:
            self.ledger.close()
        except AlpError as error:
            logger.warning("%s", error)
        self._engine.dispose()


_MOST_ENTRIES = 200_000
_MOST_OLD = 1_000
