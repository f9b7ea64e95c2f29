"""A damaged log of decisions: found at every byte, told from one that is torn."""

from __future__ import annotations

from pathlib import Path

import pytest

from alp.errors import DataError
from alp.recording.decisions import DeskLog, RecordedDesk
from alp.recording.decisions_file import DeskHeader, Ended, Logged, Segment, segments_of
from tests.recording.decisions_world import SmallDesk, market


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    log = DeskLog(folder, DeskHeader(b"a: 1", "x:y"))  # an example's manifest is most of a head
    recorded = RecordedDesk(SmallDesk(2.5), log)
    for event in market(16):
        recorded.on(event)
    recorded.close()
    (path,) = segments_of(folder)
    return path


def read(path: Path, data: bytes) -> tuple[list[Logged], int]:
    path.write_bytes(data)
    segment = Segment(path)
    return list(segment.records()), segment.torn_bytes


def test_damage_is_found_at_every_byte(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    for at in range(len(data)):
        for flip in (0x01, 0x80):
            damaged = bytearray(data)
            damaged[at] ^= flip
            with pytest.raises(DataError):
                read(tmp_path / "damaged", bytes(damaged))


def test_a_file_cut_anywhere_has_the_records_before(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    segment = Segment(whole)
    every = list(segment.records())
    ends = [each.offset for each in every[1:]] + [len(data)]
    for size in range(len(data)):
        if size < segment.begins:
            with pytest.raises(DataError):
                read(tmp_path / "cut", data[:size])
            continue
        records, torn = read(tmp_path / "cut", data[:size])
        assert records == every[: sum(end <= size for end in ends)]
        assert torn == size - max([segment.begins, *(end for end in ends if end <= size)])


def test_zeros_behind_what_was_written_are_torn(whole: Path, tmp_path: Path) -> None:
    data = whole.read_bytes()
    every = list(Segment(whole).records())
    records, torn = read(tmp_path / "zeros", data[: every[-1].offset] + bytes(4096))
    assert records == every[:-1]
    assert torn == 4096


def test_bytes_behind_the_end_are_damage(whole: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="bytes behind its end"):
        read(tmp_path / "more", whole.read_bytes() + b"\0")


@pytest.mark.parametrize("change", ["missing", "twice", "swapped"])
def test_a_record_out_of_its_place_is_damage(whole: Path, tmp_path: Path, change: str) -> None:
    data = whole.read_bytes()
    every = list(Segment(whole).records())
    assert isinstance(every[-1].what, Ended)
    a, b, c = (each.offset for each in every[5:8])
    middle = {
        "missing": data[b:c],
        "twice": data[a:b] * 2 + data[b:c],
        "swapped": data[b:c] + data[a:b],
    }
    with pytest.raises(DataError, match="damaged"):
        read(tmp_path / "changed", data[:a] + middle[change] + data[c:])
