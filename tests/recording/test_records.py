"""Recordings: every byte and time comes back, and a killed writer loses one block at most."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from pathlib import Path

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from alp.errors import DataError
from alp.recording import records
from alp.recording.records import (
    CLOSED,
    CONNECTED,
    HEADER,
    MESSAGE,
    Record,
    Recorder,
    Torn,
    header_of,
    mend,
    read_records,
)

SECOND_NS = 10**9
FACTS = {"venue": "binance-usdm", "symbols": ["ETHUSDT"]}


def recorded(folder: Path, count: int = 50, **options: int) -> Recorder:
    with Recorder(folder, "eth", FACTS, **options) as recorder:
        recorder.event(CONNECTED, 1, 0, "wss://x")
        for number in range(count):
            recorder.message(1, number * SECOND_NS // 4, b'{"n":%d}' % number)
        recorder.event(CLOSED, 1, count * SECOND_NS, "1006")
    return recorder


contents = st.lists(
    st.tuples(st.integers(0, 65_535), st.integers(0, 5 * SECOND_NS), st.binary(max_size=300)),
    max_size=30,
)


@settings(deadline=None, max_examples=50)
@given(contents)
def test_everything_comes_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[int, int, bytes]]
) -> None:
    folder = tmp_path_factory.mktemp("all")
    ns, expected = 0, []
    with Recorder(folder, "x", FACTS) as recorder:
        for connection, gap_ns, content in rows:
            ns += gap_ns
            recorder.message(connection, ns, content)
            expected.append(Record(MESSAGE, connection, ns, content))
    found = [record for path in recorder.files for record in read_records(path)]
    assert [record for record in found if record.kind == MESSAGE] == expected
    assert sum(record.kind == HEADER for record in found) == len(recorder.files)


def test_a_file_says_what_it_holds(tmp_path: Path) -> None:
    [path] = recorded(tmp_path).files
    assert header_of(path) == {"format": "alp.recording/1", **FACTS}
    kinds = [record.kind for record in read_records(path)]
    assert kinds == [HEADER, CONNECTED, *[MESSAGE] * 50, CLOSED]


def test_files_end_by_time_and_by_size_and_each_has_its_header(tmp_path: Path) -> None:
    by_time = recorded(tmp_path / "time", rotate_ns=5 * SECOND_NS)
    assert len(by_time.files) == 3
    by_size = recorded(tmp_path / "size", rotate_bytes=1)
    assert len(by_size.files) > 5
    for recorder in (by_time, by_size):
        assert all(header_of(path)["venue"] == "binance-usdm" for path in recorder.files)
        texts = [
            record.content
            for path in recorder.files
            for record in read_records(path)
            if record.kind == MESSAGE
        ]
        assert texts == [b'{"n":%d}' % number for number in range(50)]


@pytest.mark.parametrize("with_index", [True, False])
def test_reading_begins_where_it_is_told(tmp_path: Path, with_index: bool) -> None:
    [path] = recorded(tmp_path).files
    if not with_index:
        Path(f"{path}.index").unlink()
    whole = list(read_records(path))
    for from_ns in (0, 1, 3 * SECOND_NS, 10**18):
        expected = [record for record in whole if record.ns >= from_ns]
        assert list(read_records(path, from_ns=from_ns)) == expected
    if with_index:
        assert records._offset(path, 6 * SECOND_NS) > 0


def test_a_file_cut_at_any_byte_gives_its_whole_blocks(tmp_path: Path) -> None:
    [path] = recorded(tmp_path).files
    packed = path.read_bytes()
    whole = list(read_records(path))
    cut = tmp_path / "cut.alprec.zst"
    for size in range(len(packed)):
        cut.write_bytes(packed[:size])
        torn: list[Torn] = []
        found = list(read_records(cut, torn=torn))
        assert found == whole[: len(found)]
        assert bool(torn) == (sum(each.size for each in torn) > 0)
        if torn:
            assert torn[0].offset + torn[0].size == size
            with pytest.raises(DataError, match="ends in the middle of a block"):
                list(read_records(cut))
            assert mend(cut) == torn[0]
            assert list(read_records(cut)) == found
        else:
            assert mend(cut) is None


def test_a_damaged_byte_is_found(tmp_path: Path) -> None:
    [path] = recorded(tmp_path).files
    packed = bytearray(path.read_bytes())
    whole = list(read_records(path))
    for at in range(0, len(packed), 7):
        packed[at] ^= 0x55
        path.write_bytes(packed)
        try:
            found = list(read_records(path, torn=[]))
        except DataError:
            pass
        else:
            # A block cut short at the end of the file is told as torn.
            assert found == whole[: len(found)]
            assert len(found) < len(whole)
        packed[at] ^= 0x55


def _write_for_ever(folder: Path) -> None:
    recorder = Recorder(folder, "eth", FACTS)
    number = 0
    while True:
        recorder.message(1, number * SECOND_NS // 50, b'{"n":%d}' % number)
        number += 1
        time.sleep(0.0002)


def test_a_killed_writer_leaves_whole_blocks(tmp_path: Path) -> None:
    process = multiprocessing.get_context("spawn").Process(
        target=_write_for_ever, args=(tmp_path,), daemon=True
    )
    process.start()
    try:
        end = time.monotonic() + 30
        while time.monotonic() < end:
            if sum(path.stat().st_size for path in tmp_path.glob("*.zst")) > 4_000:
                break
            time.sleep(0.02)
        assert process.pid is not None
        os.kill(process.pid, signal.SIGKILL)
        process.join(10)
    finally:
        process.kill()
    [path] = tmp_path.glob("*.zst")
    mend(path)
    texts = [record.content for record in read_records(path) if record.kind == MESSAGE]
    assert texts == [b'{"n":%d}' % number for number in range(len(texts))]
    assert len(texts) > 100


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"not zstandard at all", "damaged"),
        (zstandard.compress(b"hello"), "cut off"),
        (zstandard.compress(bytes(40)), "not a recording"),
        (zstandard.compress(b"\x09" * 40), "no record"),
    ],
)
def test_what_is_no_recording_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "x.alprec.zst"
    path.write_bytes(content)
    with pytest.raises(DataError, match=what):
        header_of(path)


def test_another_version_is_refused_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(records, "FORMAT", "alp.recording/2")
    [path] = recorded(tmp_path).files
    monkeypatch.undo()
    with pytest.raises(DataError, match=r"'alp\.recording/2', this build reads"):
        header_of(path)
