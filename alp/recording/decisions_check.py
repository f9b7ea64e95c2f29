"""Decisions made again: a desk made alike is told the same, and has to answer the same bytes.

Compared is every wish, and the desk's whole state wherever a segment ends and the next goes on, so
a state that drifts is found before it shows in a wish. The first difference ends a check: what
follows from it says nothing more.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from alp._core.desk_log import encode_plain, encode_wish
from alp.models.desk import Desk, Event, Wish
from alp.recording.decisions_file import (
    Cause,
    DeskHeader,
    Ended,
    Logged,
    Raised,
    Segment,
    segments_of,
)

Make = Callable[[DeskHeader], Desk]
_TOLD = 10_000
_ABSENT = object()


@dataclass(frozen=True)
class Difference:
    """Where a replay left its record.

    Parameters
    ----------
    what
        In words.
    path, record, offset
        The segment, the record's number in the session, the byte where it begins.
    event, event_record
        What the desk was told last, and that record's number.
    recorded, replayed
        The wishes, where there were any.
    fields
        (name, recorded, replayed) of each member that differs, as Python writes them.
    """

    what: str
    path: Path
    record: int
    offset: int
    event: Event | None = None
    event_record: int = -1
    recorded: Wish | None = None
    replayed: Wish | None = None
    fields: Sequence[tuple[str, str, str]] = ()


@dataclass
class CheckReport:
    """What was compared, and the first difference."""

    segments: int = 0
    sessions: int = 0
    events: Counter[str] = field(default_factory=Counter)
    wishes: int = 0
    states: int = 0
    first_ns: int | None = None
    last_ns: int | None = None
    notes: list[str] = field(default_factory=list)
    difference: Difference | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        found = self.difference
        return {
            "same": found is None,
            "segments": self.segments,
            "sessions": self.sessions,
            "events": dict(self.events),
            "wishes": self.wishes,
            "states": self.states,
            "first_ns": self.first_ns,
            "last_ns": self.last_ns,
            "notes": self.notes,
            "difference": found
            and {
                "what": found.what,
                "path": str(found.path),
                "record": found.record,
                "offset": found.offset,
                "event": repr(found.event),
                "event_record": found.event_record,
                "recorded": found.recorded and found.recorded._asdict(),
                "replayed": found.replayed and found.replayed._asdict(),
                "fields": [list(each) for each in found.fields],
            },
        }


class _Differs(Exception):  # noqa: N818 - it is an outcome
    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.what)
        self.difference = difference


def check(path: Path, make: Make, told: Callable[[int], None] = lambda _: None) -> CheckReport:
    """Make the decisions of a folder or of one segment again.

    Parameters
    ----------
    make
        Makes the desk of a header; its state is restored afterwards.
    told
        Called now and then with the number of records since the last call.

    Raises
    ------
    DataError
        If a segment is no log of decisions, of a newer version, or damaged.
    """
    one = _Check(make, told)
    try:
        for each in segments_of(path):
            one.segment(Segment(each))
    except _Differs as differs:
        one.report.difference = differs.difference
    else:
        one.end_session()
    finally:
        one.end()
    return one.report


def differences(
    recorded: object, replayed: object, name: str = ""
) -> Iterator[tuple[str, str, str]]:
    """Yield (name, recorded, replayed) of every plain value that is not the same, type included."""
    if isinstance(recorded, Mapping) and isinstance(replayed, Mapping):
        for key in dict.fromkeys([*recorded, *replayed]):
            yield from differences(
                recorded.get(key, _ABSENT),
                replayed.get(key, _ABSENT),
                f"{name}.{key}" if name else str(key),
            )
        if list(recorded) != list(replayed) and recorded.keys() == replayed.keys():
            yield f"{name} (order)", ", ".join(recorded), ", ".join(replayed)
        return
    rows = (list, tuple)
    if isinstance(recorded, rows) and isinstance(replayed, rows) and len(recorded) == len(replayed):
        for number, pair in enumerate(zip(recorded, replayed, strict=True)):
            yield from differences(*pair, f"{name}[{number}]")
        return
    if not _same(recorded, replayed):
        yield name, _written(recorded), _written(replayed)


def _same(recorded: object, replayed: object) -> bool:
    if recorded is _ABSENT or replayed is _ABSENT:
        return False
    try:
        return encode_plain(recorded) == encode_plain(replayed)
    except (TypeError, ValueError, OverflowError):
        return False


def _written(value: object) -> str:
    return "nothing" if value is _ABSENT else repr(value)


class _Check:
    """One check on its way."""

    def __init__(self, make: Make, told: Callable[[int], None]) -> None:
        self.report = CheckReport()
        self._make = make
        self._told = told
        self._desk: Desk | None = None
        self._session = self._number = self._next = -1
        self._whole = self._closed = False
        self._waiting: deque[Wish] = deque()
        self._raised: str | None = None
        self._event: Logged | None = None
        self._at: Segment | None = None

    def end(self) -> None:
        """Close the desk."""
        if self._desk is not None:
            self._desk.close()
            self._desk = None

    def end_session(self) -> None:
        """Note where the writer did not."""
        if self._session >= 0 and not self._closed:
            self.report.notes.append(
                f"session {self._session} was not closed: its writer was killed, or still writes"
            )

    def segment(self, segment: Segment) -> None:
        """Compare a segment."""
        self._at = segment
        self._take_up(segment)
        self.report.segments += 1
        self._whole = self._closed = False
        records = 0
        for logged in segment.records():
            self._record(logged)
            self._next = logged.number + 1
            records += 1
            if records % _TOLD == 0:
                self._told(_TOLD)
        self._told(records % _TOLD)
        name = segment.path.name
        if segment.torn_bytes:
            where = segment.size - segment.torn_bytes
            self.report.notes.append(
                f"{name}: torn: {segment.torn_bytes:,} bytes after byte {where:,}"
            )

    def _take_up(self, segment: Segment) -> None:
        head = segment.head
        state = encode_plain(head.snapshot)
        if (
            self._desk is not None
            and self._whole
            and head.cause == Cause.SIZE_OR_AGE
            and (head.session, head.number, head.first_record)
            == (self._session, self._number + 1, self._next)
        ):
            self._compare_state(head.snapshot, state, "the desk's state at the segment's head")
        else:
            if self._number >= 0 and head.number != self._number + 1:
                self.report.notes.append(
                    f"segments {self._number + 1} to {head.number - 1} are missing"
                )
            self.end()
            self._event = None
            self._desk = self._make(head.header)
            self._desk.restore(head.snapshot)
            self._compare_state(head.snapshot, state, "the state that was restored")
        if head.session != self._session:
            self.end_session()
            self.report.sessions += 1
        self._session, self._number = head.session, head.number
        self._waiting.clear()
        self._raised = None

    def _compare_state(self, recorded: Any, state: bytes, what: str) -> None:
        assert self._desk is not None
        replayed = self._desk.snapshot()
        self.report.states += 1
        if encode_plain(replayed) != state:
            fields = tuple(differences(recorded, replayed))
            raise self._differs(f"{what} differs", None, fields=fields)

    def _record(self, logged: Logged) -> None:
        what = logged.what
        if isinstance(what, Wish):
            self._wish(logged, what)
        elif isinstance(what, Raised):
            if what.error != self._raised:
                fields = (("raised", what.error, str(self._raised)),)
                raise self._differs("the desk did not fail as recorded", logged, fields=fields)
            self._raised = None
        elif isinstance(what, Ended):
            self._ended(logged, what)
        else:
            self._answered(logged)
            self._tell(logged, what)

    def _tell(self, logged: Logged, event: Event) -> None:
        assert self._desk is not None
        report = self.report
        report.events[type(event).__name__] += 1
        report.last_ns = event.at_ns
        if report.first_ns is None:
            report.first_ns = event.at_ns
        self._event = logged
        try:
            self._waiting.extend(self._desk.on(event))
        except Exception as error:  # what a desk raises is part of what it does
            self._raised = f"{type(error).__name__}: {error}"

    def _wish(self, logged: Logged, recorded: Wish) -> None:
        if not self._waiting:
            why = f"; it raised {self._raised}" if self._raised else ""
            raise self._differs(f"the replay has no wish here{why}", logged, recorded)
        replayed = self._waiting.popleft()
        try:
            same = replayed.at_ns == recorded.at_ns and encode_wish(replayed) == logged.payload
        except (TypeError, ValueError, OverflowError):
            same = False
        if not same:
            raise self._differs("the wishes differ", logged, recorded, replayed)
        self.report.wishes += 1

    def _ended(self, logged: Logged, ended: Ended) -> None:
        self._closed = ended.cause == Cause.CLOSED
        if ended.lost:
            assert self._at is not None
            self.report.notes.append(
                f"{self._at.path.name}: ends with a hole: {ended.lost:,} records were not written"
            )
        else:
            self._answered(logged)
            self._whole = True
        self._waiting.clear()
        self._raised = None

    def _answered(self, logged: Logged) -> None:
        """Insist that what the replay wished was in the record by now."""
        if self._waiting:
            raise self._differs("the record has no wish here", logged, None, self._waiting[0])
        if self._raised is not None:
            fields = (("raised", "nothing", self._raised),)
            raise self._differs("the desk failed, which is not recorded", logged, fields=fields)

    def _differs(
        self,
        what: str,
        logged: Logged | None,
        recorded: Wish | None = None,
        replayed: Wish | None = None,
        *,
        fields: Sequence[tuple[str, str, str]] = (),
    ) -> _Differs:
        assert self._at is not None
        if recorded is not None and replayed is not None:
            fields = tuple(differences(recorded._asdict(), replayed._asdict()))
        before = self._event
        event = before.what if before is not None else None
        assert not isinstance(event, Wish | Raised | Ended)
        return _Differs(
            Difference(
                what,
                self._at.path,
                self._at.head.first_record if logged is None else logged.number,
                self._at.begins if logged is None else logged.offset,
                event,
                -1 if before is None else before.number,
                recorded,
                replayed,
                fields,
            )
        )
