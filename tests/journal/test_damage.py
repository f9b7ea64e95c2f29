"""Whatever happens to the bytes, nothing wrong is believed and nothing is lost silently."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from journal_world import ETH, NOW, PERP, PROCESS, SMALL, Account, open_journal, picture

from alp._core.checksum import crc32_of
from alp._core.journal_records import (
    FILE_HEAD_BYTES,
    RECORD_SIZES,
    SCHEMA,
    RecordKind,
    frame,
    whole_records,
)
from alp.errors import ConfigError, DataError
from alp.journal.folder import CHECKPOINT, SEGMENT, Folder
from alp.journal.journal import Journal
from alp.journal.layout import HEAD, Record, decode, encode
from alp.journal.read import JournalState, read_journal

STEPS = 14


class Written:
    """A journal of a few records, and what the table was after each of them."""

    def __init__(self, path: Path, commit_until: int = STEPS) -> None:
        self.path = path
        journal = open_journal(path)
        account = Account(journal, 5)
        self.pictures = {0: picture(journal.orders)}
        while journal.writer.appended < STEPS:
            account.step()
            if journal.writer.appended <= commit_until:
                journal.writer.commit()
            self.pictures[journal.writer.appended] = picture(journal.orders)
        journal.writer.commit()
        ((_, self.segment),) = Folder(path).files(SEGMENT)[:1]
        self.data = self.segment.read_bytes()
        self.records = whole_records(self.data, FILE_HEAD_BYTES)
        self.end = sum(self.records[-1])
        self.data = self.data[: self.end + 512]
        for _, other in Folder(path).files(SEGMENT)[1:]:
            other.unlink(missing_ok=True)
        journal.writer.stop()

    def read(self, data: bytes) -> JournalState:
        self.segment.write_bytes(data)
        state = read_journal(Folder(self.path))
        assert state is not None
        return state


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Written:
    return Written(tmp_path_factory.mktemp("written"))


@pytest.fixture(scope="module")
def unsafe(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """All of it was written in one barrier: nobody had been told that any of it is safe."""
    return Written(tmp_path_factory.mktemp("unsafe"), commit_until=0)


@pytest.mark.parametrize("padded", [False, True])
def test_cut_at_every_byte_it_says_what_was_whole(written: Written, padded: bool) -> None:
    ends = [FILE_HEAD_BYTES, *(at + size for at, size in written.records)]
    for cut in range(FILE_HEAD_BYTES, written.end + 1):
        data = written.data[:cut]
        data = data.ljust(written.end + 512, b"\0") if padded else data
        state = written.read(data)
        # what a record ends with may be zeros, as what was reserved is
        whole = sum(data[:end] == written.data[:end] for end in ends[1:])
        assert state.replay.sequence == whole
        assert picture(state.orders) == written.pictures[whole]
        assert bool(state.damages) is bool(data[ends[whole] :].strip(b"\0"))
        assert not state.lost


def test_any_flipped_bit_is_found_and_what_was_safe_behind_it_is_lost_loudly(
    written: Written,
) -> None:
    record = 0
    for offset in range(FILE_HEAD_BYTES, written.end):
        while offset >= sum(written.records[record]):
            record += 1
        damaged = bytearray(written.data)
        damaged[offset] ^= 1 << offset % 8
        state = written.read(bytes(damaged))
        assert state.replay.sequence == record
        assert picture(state.orders) == written.pictures[record]
        (damage,) = state.damages
        assert damage.offset == written.records[record][0]
        # the last record is followed by none that tells whether it had been safe
        assert damage.lost is (record < len(written.records) - 1)
        assert damage.records >= len(written.records) - record - 2


def test_a_hole_in_what_nobody_was_told_is_a_torn_end(unsafe: Written) -> None:
    at, size = unsafe.records[4]
    holed = unsafe.data[:at] + bytes(size) + unsafe.data[at + size :]
    state = unsafe.read(holed)
    (damage,) = state.damages
    assert not damage.lost
    assert damage.records == len(unsafe.records) - 5
    assert picture(state.orders) == unsafe.pictures[4]


SAFE = 6


@pytest.fixture(scope="module")
def half_safe(tmp_path_factory: pytest.TempPathFactory) -> Written:
    """The first records were synced one by one, the others were being written in one barrier."""
    return Written(tmp_path_factory.mktemp("half"), commit_until=SAFE)


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_power_cut_in_a_barrier_takes_nothing_that_was_acknowledged(
    half_safe: Written, data: st.DataObject
) -> None:
    """Of what was not synced any sectors may be on the disk, in any order of writing."""
    begin = sum(half_safe.records[SAFE - 1])
    after = bytearray(half_safe.data)
    sectors = range(begin // 64, len(after) // 64 + 1)  # smaller than real ones: more cases
    for sector in data.draw(st.sets(st.sampled_from(sectors))):
        first, last = max(sector * 64, begin), min((sector + 1) * 64, len(after))
        after[first:last] = bytes(max(last - first, 0))
    state = half_safe.read(bytes(after))
    assert state.replay.sequence >= SAFE
    assert not state.lost
    assert picture(state.orders) == half_safe.pictures[state.replay.sequence]


def test_ids_behind_damage_are_to_be_asked_about(written: Written) -> None:
    damaged = bytearray(written.data)
    damaged[written.records[0][0] + 40] ^= 1
    state = written.read(bytes(damaged))
    mentioned = set()
    for at, size in written.records[1:]:
        record = decode(written.data, at, size)
        assert record is not None
        if "client_id" in record.members:
            mentioned.add(record.text("client_id"))
    assert set(state.suspects) == mentioned


def copy_of(written: Written, path: Path) -> Path:
    written.segment.write_bytes(written.data)
    shutil.copytree(written.path, path)
    return path


def test_a_restart_after_damage_keeps_the_evidence_and_goes_on(
    written: Written, tmp_path: Path
) -> None:
    path = copy_of(written, tmp_path / "copy")
    ((_, segment),) = Folder(path).files(SEGMENT)
    data = bytearray(segment.read_bytes())
    data[written.records[6][0] + 50] ^= 4
    segment.write_bytes(data)
    journal = open_journal(path)
    assert journal.before is not None
    assert journal.before.lost
    assert journal.suspects
    assert journal.writer.appended == STEPS
    assert (path / f"{segment.name}.damaged").read_bytes() == data
    journal.close()
    state = read_journal(Folder(path))
    assert state is not None
    assert not state.damages
    again = open_journal(path)
    assert again.before is not None
    assert not again.before.damages
    again.close()


def test_without_a_whole_checkpoint_all_is_lost_and_all_is_suspect(
    written: Written, tmp_path: Path
) -> None:
    path = copy_of(written, tmp_path / "copy")
    ((_, checkpoint),) = Folder(path).files(CHECKPOINT)
    data = bytearray(checkpoint.read_bytes())
    for offset in range(len(data)):
        damaged = bytearray(data)
        damaged[offset] ^= 1 << offset % 8
        checkpoint.write_bytes(damaged)
        state = read_journal(Folder(path))
        assert state is not None
        assert state.lost
        assert state.instruments == ()
        assert state.highest == STEPS
        assert state.suspects
    old_token = int(next(path.glob("fence-*")).name.removeprefix("fence-"))
    journal = open_journal(path)
    assert journal.token > old_token
    assert journal.writer.appended == STEPS
    journal.close()


def test_an_older_checkpoint_serves_and_a_missing_file_is_a_loss(tmp_path: Path) -> None:
    journal = open_journal(tmp_path, SMALL)
    account = Account(journal, 1)
    folder = Folder(tmp_path)
    while len(folder.files(CHECKPOINT)) < 2 or folder.files(CHECKPOINT)[0][0] == 1:
        account.step()
        journal.writer.commit()
        journal.tend()
    journal.close()
    whole = read_journal(folder)
    assert whole is not None
    newest, path = folder.files(CHECKPOINT)[-1]
    path.unlink()
    state = read_journal(folder)
    assert state is not None
    assert not state.damages
    assert picture(state.orders) == picture(whole.orders)
    folder.path_of(SEGMENT, newest).unlink()
    state = read_journal(folder)
    assert state is not None
    assert state.lost


def with_schema(data: bytes, schema: int) -> bytes:
    head = bytearray(data[:FILE_HEAD_BYTES])
    head[8:10] = schema.to_bytes(2, "little")
    head[-4:] = crc32_of(bytes(head[:-4])).to_bytes(4, "little")
    return bytes(head) + data[FILE_HEAD_BYTES:]


def test_a_newer_schema_is_refused_with_what_to_do_and_nothing_is_touched(
    written: Written, tmp_path: Path
) -> None:
    path = copy_of(written, tmp_path / "copy")
    ((_, segment),) = Folder(path).files(SEGMENT)
    segment.write_bytes(with_schema(segment.read_bytes(), SCHEMA + 1))
    before = sorted(each.name for each in path.iterdir())
    with pytest.raises(DataError, match=f"schema {SCHEMA + 1}") as refused:
        open_journal(path)
    assert refused.value.hint is not None
    assert "do not delete" in refused.value.hint
    assert sorted(each.name for each in path.iterdir()) == before


def test_an_older_schema_with_shorter_records_is_read(written: Written) -> None:
    data = with_schema(written.data[:FILE_HEAD_BYTES], 0)
    for at, size in written.records:
        record = decode(written.data, at, size)
        assert record is not None
        body = written.data[at + HEAD.size : at + size]
        if record.kind is RecordKind.FACT:
            body = body[:-16]  # as if the asset of the fee had come later
        data += frame(record.kind, body, record.sequence, record.durable, record.at_ns)
    state = written.read(data)
    assert not state.damages
    assert picture(state.orders) == written.pictures[STEPS]


def test_another_accounts_journal_is_refused(tmp_path: Path) -> None:
    open_journal(tmp_path).close()
    with pytest.raises(ConfigError, match="'test', not of 'other'"):
        Journal(tmp_path, "other", (ETH, PERP), now_ns=lambda: NOW, options=PROCESS)


def test_python_and_c_agree_on_every_record(written: Written) -> None:
    for kind, size in RECORD_SIZES.items():
        body = bytes((7 * at + 1) % 120 for at in range(size - HEAD.size))
        data = frame(kind, body, 5, 4, NOW)
        assert len(data) == size
        record = decode(data, 0, size)
        assert record is not None
        assert (record.kind, record.sequence, record.durable, record.at_ns) == (kind, 5, 4, NOW)
        again = decode(encode(record), 0, size)
        assert again == record
    kinds = set()
    for at, size in written.records:
        record = decode(written.data, at, size)
        assert record is not None
        kinds.add(record.kind)
        assert encode(record) == written.data[at : at + size]
    assert {RecordKind.INTENT, RecordKind.FACT} <= kinds


def test_a_record_of_a_size_that_cannot_be_is_refused() -> None:
    for size in (3, 1_000):
        with pytest.raises(ValueError, match="a record of"):
            frame(RecordKind.CLOSED, bytes(size), 1, 0, 0)


def test_an_unknown_kind_is_passed_over() -> None:
    data = frame(99, bytes(8), 1, 0, NOW)
    assert decode(data, 0, len(data)) is None
    assert isinstance(decode(frame(11, bytes(8), 1, 0, NOW), 0, 40), Record)
