"""``alp data tape``, and tapes looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alp.backtest.tick_file import open_tape
from alp.cli.app import root as command_line
from alp.recording.npz import write_npz
from tests.recording.test_verify_feed import capture, stream


def alp(*words: object) -> Result:
    return CliRunner().invoke(command_line, [str(word) for word in words])


@pytest.fixture
def source(tmp_path: Path) -> Path:
    _, lines = stream(count=40)
    return capture(tmp_path, [b"%d %b" % (10**18 + n, line) for n, line in enumerate(lines)])


def test_a_capture_becomes_a_tape_that_inspects_as_sound(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "eth.alptape"
    done = alp("data", "tape", source, target)
    assert done.exit_code == 0, done.output
    assert f"{open_tape(target).facts.rows:,} rows" in done.output
    looked = alp("data", "inspect", "--json", target)
    [report] = json.loads(looked.output)
    assert (report["kind"], report["format"], report["sound"]) == ("tape", "alp.tape/1", True)
    assert report["facts"]["tick_size"] == "0.01"
    assert looked.exit_code == 0


def test_an_event_array_needs_its_grid_and_a_capture_has_one(tmp_path: Path, source: Path) -> None:
    write_npz([source], tmp_path / "eth.npz")
    target = tmp_path / "eth.alptape"
    asked = alp("data", "tape", tmp_path / "eth.npz", target)
    assert asked.exit_code == 2
    assert "--tick-size" in asked.output
    grid = ("--tick-size", "0.01", "--lot-size", "0.001")
    assert alp("data", "tape", *grid, source, target).exit_code == 2
    assert not target.exists()
    done = alp("data", "tape", *grid, "--json", tmp_path / "eth.npz", target)
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["sha256"] == open_tape(target).facts.sha256


def test_a_damaged_tape_is_named_among_other_files(tmp_path: Path, source: Path) -> None:
    target = tmp_path / "eth.alptape"
    alp("data", "tape", source, target)
    content = target.read_bytes()
    target.write_bytes(content[:-1])
    looked = alp("data", "inspect", target)
    assert looked.exit_code == 4
    assert "cut off" in looked.output


def test_a_tape_is_not_written_over_its_source(source: Path) -> None:
    before = source.read_bytes()
    assert alp("data", "tape", source, source).exit_code == 3
    assert source.read_bytes() == before
