"""The desk's memory: whole or not there."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from desk_world import World

from alp.models.desk import DeskInstrument
from alp.models.quoting_desk import QuotingDesk
from alp.services.maker.memory import Memory, MemoryFile, fingerprint_of


def test_what_was_written_is_read_and_a_desk_goes_on_with_it(tmp_path: Path) -> None:
    world = World().begin()
    world.delta = 3 * 10**17
    world.go(5)
    kept = Memory("mark", 2000.5, {"a": 7}, world.desk.snapshot())
    MemoryFile(tmp_path).write(kept)
    found = MemoryFile(tmp_path).read()
    assert found is not None
    assert (found.fingerprint, found.price, found.neutral) == ("mark", 2000.5, {"a": 7})
    other = QuotingDesk(world.desk.rules)
    other.restore(dict(found.snapshot))
    assert other.snapshot() == world.desk.snapshot()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"version": 1}', b'{"version": 99}'])
def test_what_is_no_memory_is_none(tmp_path: Path, content: bytes) -> None:
    file = MemoryFile(tmp_path)
    assert file.read() is None
    file.path.write_bytes(content)
    assert file.read() is None


def test_a_disk_that_is_full_is_counted_and_leaves_what_was_there(tmp_path: Path) -> None:
    file = MemoryFile(tmp_path)
    file.write(Memory("first", 1.0))
    beside = file.path.with_suffix(".new")
    beside.symlink_to("/dev/full")
    file.write(Memory("second", 2.0))
    assert (file.writes, file.failures) == (1, 1)
    found = MemoryFile(tmp_path).read()
    assert found is not None
    assert found.fingerprint == "first"


def test_a_grid_that_changed_is_another_market() -> None:
    one = DeskInstrument(0, "a", "binance-usdm", "ETHUSDC", Decimal("0.01"), Decimal("0.001"))
    other = DeskInstrument(0, "a", "binance-usdm", "ETHUSDC", Decimal("0.1"), Decimal("0.001"))
    assert fingerprint_of("x", [one]) != fingerprint_of("x", [other])
    assert fingerprint_of("x", [one]) == fingerprint_of("x", [one])
