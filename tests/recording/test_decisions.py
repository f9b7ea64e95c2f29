"""The log of decisions: what is written is read again, in segments, whatever the disk does."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.desk_log import decode_plain, encode_plain
from alp.errors import ConfigError, DataError
from alp.models.desk import (
    EVENTS,
    BookState,
    Event,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    Paused,
    PoolPrice,
    Tick,
    Top,
    Traded,
    Wish,
)
from alp.recording import decisions
from alp.recording.decisions import DeskLog, RecordedDesk, mend
from alp.recording.decisions_check import check
from alp.recording.decisions_file import (
    Cause,
    DeskHeader,
    Ended,
    Segment,
    read_desk_log,
    segments_of,
)
from alp.recording.decisions_lookup import Decisions
from tests.recording.decisions_world import SmallDesk, header, made, market, record

WIDE = st.integers(-(1 << 300), 1 << 300)
TIME = st.integers(-(1 << 63), (1 << 63) - 1)
SMALL = st.integers(0, 63)
EVENT = st.one_of(
    st.builds(Top, SMALL, TIME, WIDE, WIDE, WIDE, WIDE, WIDE),
    st.builds(Traded, SMALL, TIME, WIDE, WIDE, st.sampled_from([-1, 0, 1]), WIDE),
    st.builds(BookState, SMALL, TIME, st.booleans()),
    st.builds(Filled, SMALL, TIME, st.sampled_from([-1, 1]), WIDE, WIDE, st.booleans()),
    st.builds(Held, SMALL, TIME, WIDE),
    st.builds(LpHeld, TIME, WIDE, WIDE, WIDE, WIDE, WIDE),
    st.builds(PoolPrice, TIME, WIDE),
    st.builds(Gated, SMALL, TIME, st.sampled_from(GateState), WIDE, WIDE),
    st.builds(Paused, TIME, st.booleans()),
    st.builds(Tick, TIME),
)
PLAIN = st.recursive(
    st.none() | st.booleans() | WIDE | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
LEVELS = st.lists(st.tuples(WIDE, WIDE), max_size=4).map(tuple)
WISH = st.builds(
    Wish, WIDE, SMALL, TIME, TIME, LEVELS, LEVELS, st.dictionaries(st.text(), PLAIN, max_size=4)
)


def logged(folder: Path) -> list[Any]:
    return [each.what for each in read_desk_log(folder)[1] if not isinstance(each.what, Ended)]


def test_every_kind_of_event_is_among_those_tested() -> None:
    assert {type(event) for event in market(2000)} == set(EVENTS)


@given(st.lists(EVENT | WISH, max_size=30))
def test_what_is_logged_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, written: list[Event | Wish]
) -> None:
    folder = tmp_path_factory.mktemp("log")
    log = DeskLog(folder, header(), segment_ns=1 << 62)
    log.begin({})
    for each in written:
        log.wish(each) if isinstance(each, Wish) else log.event(each)
        if log.due:
            log.begin({})
    log.close()
    assert not log.failed
    found = logged(folder)
    assert [type(each) for each in found] == [type(each) for each in written]
    assert repr(found) == repr(written)  # as texts: a float that is no number equals none


@given(PLAIN)
def test_a_plain_value_comes_back_with_its_types(value: object) -> None:
    assert repr(decode_plain(encode_plain(value))) == repr(value)


@pytest.mark.parametrize(("one", "other"), [(1, 1.0), (True, 1), (0.0, -0.0), ("1", b"1")])
def test_values_that_compare_equal_have_other_bytes(one: object, other: object) -> None:
    assert encode_plain(one) != encode_plain(other)


@given(st.binary(max_size=60))
def test_bytes_that_are_no_value_are_refused(data: bytes) -> None:
    try:
        value = decode_plain(data)
    except ValueError:
        return
    decode_plain(encode_plain(value))


def test_a_header_is_read_as_it_was_given(tmp_path: Path) -> None:
    record(tmp_path, 3)
    head, _ = read_desk_log(tmp_path)
    assert head == header()


def test_segments_end_at_their_size_and_begin_with_the_state(tmp_path: Path) -> None:
    record(tmp_path, 2000, segment_bytes=10_000)
    found = [Segment(path).head for path in segments_of(tmp_path)]
    assert len(found) > 5
    assert [head.number for head in found] == list(range(1, len(found) + 1))
    assert {head.session for head in found} == {1}
    assert [head.cause for head in found[1:]] == [Cause.SIZE_OR_AGE] * (len(found) - 1)
    wishes = [each for each in logged(tmp_path) if isinstance(each, Wish)]
    for path, head in zip(segments_of(tmp_path)[1:], found[1:], strict=True):
        first = next(each for each in Segment(path).records() if isinstance(each.what, Wish))
        assert first.what.number == head.snapshot["number"] + 1
        assert path.stat().st_size < Segment(path).begins + 10_500
    assert [wish.number for wish in wishes] == list(range(1, len(wishes) + 1))


def test_segments_end_at_their_age(tmp_path: Path) -> None:
    record(tmp_path, 2000, segment_ns=2 * 10**9)
    assert len(segments_of(tmp_path)) >= 4


def test_old_segments_are_deleted_and_the_others_still_replay(tmp_path: Path) -> None:
    record(tmp_path, 3000, segment_bytes=10_000, keep=3)
    paths = segments_of(tmp_path)
    assert len(paths) == 3
    assert Segment(paths[0]).head.number > 3
    report = check(tmp_path, made)
    assert report.difference is None
    assert report.wishes > 80


def test_another_session_goes_on_in_another_segment(tmp_path: Path) -> None:
    record(tmp_path, 100)
    record(tmp_path, 100, seed=8)
    heads = [Segment(path).head for path in segments_of(tmp_path)]
    assert [(head.number, head.session) for head in heads] == [(1, 1), (2, 2)]
    assert check(tmp_path, made).sessions == 2


def test_a_desk_changed_by_other_means_goes_on_in_another_segment(tmp_path: Path) -> None:
    log = DeskLog(tmp_path, header())
    desk = made(log.header)
    recorded = RecordedDesk(desk, log)
    events = list(market(200))
    for event in events[:100]:
        recorded.on(event)
    desk.held += 12_345
    recorded.renew()
    for event in events[100:]:
        recorded.on(event)
    recorded.close()
    assert [Segment(path).head.cause for path in segments_of(tmp_path)] == [
        Cause.BEGIN,
        Cause.RESTORED,
    ]
    assert check(tmp_path, made).difference is None


def test_a_folder_has_one_writer(tmp_path: Path) -> None:
    log = DeskLog(tmp_path, header())
    with pytest.raises(ConfigError, match="another process writes"):
        DeskLog(tmp_path, header())
    log.close()
    DeskLog(tmp_path, header()).close()


def test_what_finds_no_room_is_counted_and_leaves_a_hole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = threading.Event()
    put: Callable[..., None] = decisions._Files.put
    monkeypatch.setattr(
        decisions._Files, "put", lambda self, part: (disk.wait(60), put(self, part))[1]
    )
    log = DeskLog(tmp_path, header(), room=4096)
    desk = made(log.header)
    recorded = RecordedDesk(desk, log)
    events = market(100_000)
    while not log.counts["lost"]:
        recorded.on(next(events))
    for _ in range(50):
        recorded.on(next(events))
    disk.set()
    while log.counts["segments"] < 2:
        recorded.on(next(events))
    for _ in range(50):
        recorded.on(next(events))
    recorded.close()
    assert log.counts["holes"] >= 1
    ends = [each.what for each in read_desk_log(tmp_path)[1] if isinstance(each.what, Ended)]
    assert ends[0].cause == Cause.HOLE
    assert sum(end.lost for end in ends) == log.counts["lost"] >= 50
    assert Segment(segments_of(tmp_path)[1]).head.cause == Cause.HOLE
    report = check(tmp_path, made)
    assert report.difference is None
    assert any("hole" in note for note in report.notes)


def test_a_full_disk_ends_the_recording_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = [60_000]
    write = os.write

    def filling(fd: int, data: Any) -> int:
        if left[0] <= 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        wrote = write(fd, bytes(data)[: left[0]])
        left[0] -= wrote
        return wrote

    monkeypatch.setattr(decisions.os, "write", filling)
    log = DeskLog(tmp_path, header())
    desk = made(log.header)
    recorded = RecordedDesk(desk, log)
    events = market(1_000_000)
    while not log.failed:
        recorded.on(next(events))
    told = desk.number
    for event in market(1000):
        recorded.on(event)
    recorded.close()
    assert "No space left" in log.failed
    assert desk.number > told
    assert log.counts["lost"] >= 1000
    assert check(tmp_path, made).difference is None


def test_what_cannot_be_recorded_ends_the_recording_and_says_why(tmp_path: Path) -> None:
    class Decimals(SmallDesk):
        def on(self, event: Event) -> Any:
            return [wish._replace(why={"x": object()}) for wish in super().on(event)]

    log = DeskLog(tmp_path, header())
    recorded = RecordedDesk(Decimals(2.5), log)
    for event in market(100):
        recorded.on(event)
    assert "no plain value" in log.failed
    recorded.close()


def test_wishes_are_found_by_number_and_by_time(tmp_path: Path) -> None:
    record(tmp_path, 3000, segment_bytes=20_000)
    every = [each.what for each in read_desk_log(tmp_path)[1]]
    index = Decisions(tmp_path)
    event = None
    latest: dict[int, Wish] = {}
    for what in every:
        if isinstance(what, Wish):
            found = index.wish(what.number)
            assert found is not None
            assert (found.wish, found.event) == (what, event)
            latest[what.instrument] = what
        elif not isinstance(what, Ended):
            event = what
            for product, wish in latest.items():
                if wish.number % 50 == 0:
                    at = index.at(product, what.at_ns - 1)  # its own wish is of this time
                    assert at is not None
                    assert at.wish == wish
    assert index.wish(10**9) is None
    assert index.wish(0) is None
    assert index.at(0, 0) is None
    assert index.at(5, 1 << 62) is None


@pytest.mark.parametrize("file", ["header", "records"])
def test_a_newer_version_is_refused(tmp_path: Path, file: str) -> None:
    record(tmp_path, 20)
    (path,) = segments_of(tmp_path)
    data = bytearray(path.read_bytes())
    if file == "header":
        data[8] += 1
    else:
        log = DeskLog(tmp_path / "other", header())
        log.begin({})
        log._records.other(40, 1, b"")
        log.close()
        (path,) = segments_of(tmp_path / "other")
        data = bytearray(path.read_bytes())
    path.write_bytes(data)
    with pytest.raises(DataError, match=r"version 2; this alp|kind 40, which this alp does not"):
        list(read_desk_log(path)[1])


def test_a_record_of_an_older_alp_takes_the_defaults_of_what_it_lacks(tmp_path: Path) -> None:
    log = DeskLog(tmp_path, header())
    log.begin({})
    log._records.other(8, 5, bytes([0, 1, 2]))  # Gated without room
    log.close()
    assert logged(tmp_path) == [Gated(0, 5, GateState.REDUCING)]


KILLED = """
import sys
from pathlib import Path
from alp.recording.decisions import DeskLog, RecordedDesk
from tests.recording.decisions_world import header, made, market
log = DeskLog(Path(sys.argv[1]), header(), segment_bytes=200_000, keep=1000)
recorded = RecordedDesk(made(log.header), log)
for number, event in enumerate(market(10_000_000, int(sys.argv[2]))):
    recorded.on(event)
    if number % 20_000 == 0:
        print(number, flush=True)
"""


@pytest.mark.timed
def test_a_session_killed_in_the_middle_replays_to_the_same_decisions(tmp_path: Path) -> None:
    for life in range(3):
        process = subprocess.Popen(
            [sys.executable, "-c", KILLED, str(tmp_path), str(life)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None
        for _ in range(3):
            assert process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.wait(60)
        process.stdout.close()
    record(tmp_path, 100)
    report = check(tmp_path, made)
    assert report.difference is None
    assert report.sessions == 4
    assert report.wishes > 10_000
    assert sum("was not closed" in note for note in report.notes) == 3, report.notes


def test_a_torn_end_is_cut_when_the_next_session_begins(tmp_path: Path) -> None:
    record(tmp_path, 100)
    (path,) = segments_of(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-40])
    records = list(Segment(path).records())
    log = DeskLog(tmp_path, header())
    assert log.counts["mended_bytes"] > 0
    log.close()
    assert list(Segment(path).records()) == records
    assert mend(path) == 0


def test_a_name_that_is_no_log_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no log of decisions"):
        read_desk_log(tmp_path)
    other = tmp_path / "file"
    other.write_bytes(b"")
    with pytest.raises(DataError, match="not a log of decisions"):
        read_desk_log(other)


def test_the_manifest_is_kept_byte_for_byte(tmp_path: Path) -> None:
    manifest = bytes(range(256))
    log = DeskLog(tmp_path, DeskHeader(manifest, "x:y"))
    log.begin({})
    log.close()
    assert read_desk_log(tmp_path)[0].manifest == manifest
