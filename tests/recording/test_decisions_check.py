"""Parity: a desk told the recorded events wishes the recorded bytes, or the first difference."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from alp.errors import ConfigError
from alp.models.desk import Event, Paused, Top, Wish
from alp.recording.decisions import DeskLog, RecordedDesk
from alp.recording.decisions_check import check, differences
from alp.recording.decisions_desk import maker_of
from alp.recording.decisions_file import DeskHeader, read_desk_log, segments_of
from tests.recording.decisions_world import (
    EXAMPLE,
    INSTRUMENTS,
    FailingDesk,
    GuessingDesk,
    SmallDesk,
    header,
    made,
    market,
    record,
)


def test_the_same_desk_decides_the_same(tmp_path: Path) -> None:
    desk = record(tmp_path, 3000, segment_bytes=20_000)
    report = check(tmp_path, made)
    assert report.difference is None
    assert report.wishes == desk.number
    assert sum(report.events.values()) == 3000
    assert report.states == report.segments == len(segments_of(tmp_path)) > 1


def test_a_desk_that_guesses_is_caught_at_its_first_wish(tmp_path: Path) -> None:
    record(tmp_path, 300)
    report = check(tmp_path, lambda one: made(one, GuessingDesk))
    found = report.difference
    assert found is not None
    assert report.wishes == 0
    assert found.recorded is not None
    assert found.recorded.number == 1
    assert [name for name, _, _ in found.fields] == ["until_ns"]


def test_a_changed_parameter_is_caught_where_it_first_matters(tmp_path: Path) -> None:
    record(tmp_path, 2000, segment_bytes=20_000)
    held = 0
    every = list(read_desk_log(tmp_path)[1])
    for expected in every:  # the aversion to what is held matters once something is
        if isinstance(expected.what, Wish) and expected.what.why["held"]:
            break
        held += 1
    assert held > 5
    report = check(tmp_path, lambda _: SmallDesk(2.5000001))
    found = report.difference
    assert found is not None
    assert (found.record, found.recorded) == (expected.number, expected.what)
    assert isinstance(found.event, Top)
    assert found.event == every[held - 1].what
    assert found.event_record == every[held - 1].number
    assert [name for name, _, _ in found.fields] == ["why.shift"]


def test_a_state_that_drifts_is_caught_before_it_shows(tmp_path: Path) -> None:
    class Drifting(SmallDesk):
        def on(self, event: Event) -> Any:
            wishes = super().on(event)
            if isinstance(event, Paused):
                self.smooth["9"] = 1.0
            return wishes

    record(tmp_path, 2000, segment_bytes=20_000)
    found = check(tmp_path, lambda _: Drifting(2.5)).difference
    assert found is not None
    assert found.what == "the desk's state at the segment's head differs"
    assert found.fields == (("smooth.9", "nothing", "1.0"),)


def test_a_restore_that_forgets_is_caught(tmp_path: Path) -> None:
    class Forgetting(SmallDesk):
        def restore(self, state: dict[str, Any]) -> None:
            super().restore({**state, "held": 0})

    record(tmp_path, 2000, segment_bytes=20_000, keep=2)
    found = check(tmp_path, lambda _: Forgetting(2.5)).difference
    assert found is not None
    assert found.what == "the state that was restored differs"
    assert [name for name, _, _ in found.fields] == ["held"]


@pytest.mark.parametrize("more", [True, False])
def test_a_wish_too_many_or_too_few_is_caught(tmp_path: Path, more: bool) -> None:
    class Silent(SmallDesk):
        def on(self, event: Event) -> Any:
            wishes = super().on(event)
            return () if self.number == 20 else wishes

    log = DeskLog(tmp_path, header())
    recorded = RecordedDesk(Silent(2.5) if more else SmallDesk(2.5), log)
    for event in market(300):
        recorded.on(event)
    recorded.close()
    report = check(tmp_path, lambda _: SmallDesk(2.5) if more else Silent(2.5))
    found = report.difference
    assert found is not None
    assert report.wishes == 19
    assert found.what == f"the {'record' if more else 'replay'} has no wish here"
    wish = found.replayed if more else found.recorded
    assert wish is not None
    assert wish.number == 20


def test_a_desk_that_failed_has_to_fail_again(tmp_path: Path) -> None:
    log = DeskLog(tmp_path, header())
    recorded = RecordedDesk(FailingDesk(2.5), log)
    failed = 0
    for event in market(300):
        try:
            recorded.on(event)
        except ArithmeticError:
            failed += 1
    recorded.close()
    assert failed
    assert check(tmp_path, lambda one: made(one, FailingDesk)).difference is None
    found = check(tmp_path, made).difference
    assert found is not None
    assert found.what == "the desk did not fail as recorded"
    record(tmp_path / "fine", 300)
    found = check(tmp_path / "fine", lambda one: made(one, FailingDesk)).difference
    assert found is not None
    assert found.what == "the desk failed, which is not recorded"


def test_missing_segments_are_noted_and_the_rest_is_compared(tmp_path: Path) -> None:
    record(tmp_path, 3000, segment_bytes=10_000)
    paths = segments_of(tmp_path)
    paths[2].unlink()
    paths[3].unlink()
    report = check(tmp_path, made)
    assert report.difference is None
    assert report.notes == ["segments 3 to 4 are missing"]


def test_differences_tell_types_order_and_what_is_absent() -> None:
    recorded = {"a": 1, "b": [1, {"c": 0.0}], "d": 1}
    replayed = {"a": 1.0, "b": [1, {"c": -0.0}], "e": 2}
    assert list(differences(recorded, replayed)) == [
        ("a", "1", "1.0"),
        ("b[1].c", "0.0", "-0.0"),
        ("d", "1", "nothing"),
        ("e", "nothing", "2"),
    ]
    assert list(differences({"a": 1, "b": 2}, {"b": 2, "a": 1})) == [(" (order)", "a, b", "b, a")]


def test_a_log_does_not_choose_code_that_is_not_ours() -> None:
    other = DeskHeader(EXAMPLE.read_bytes(), "os:system", {}, INSTRUMENTS)
    with pytest.raises(ConfigError, match="not alp's own"):
        maker_of()(other)
    with pytest.raises(ConfigError, match="no desk"):
        maker_of("alp.nowhere:nothing")(other)
    with pytest.raises(ConfigError, match="which is no Desk"):
        maker_of("builtins:print")(DeskHeader(EXAMPLE.read_bytes(), "", {}, INSTRUMENTS))


def test_a_desk_is_made_from_the_recorded_manifest(tmp_path: Path) -> None:
    record(tmp_path, 10)
    head, _ = read_desk_log(tmp_path)
    desk = maker_of("tests.recording.decisions_world:small")(head)
    assert isinstance(desk, SmallDesk)


def alp(*arguments: object) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "alp", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=EXAMPLE.parents[1],
    )
    return done.returncode, done.stdout, done.stderr


@pytest.fixture
def log(tmp_path: Path) -> Path:
    head = header(half_spread=4)
    one = DeskLog(tmp_path / "log", head, segment_bytes=20_000)
    recorded = RecordedDesk(maker_of("tests.recording.decisions_world:small")(head), one)
    for event in market(1000):
        recorded.on(event)
    recorded.close()
    return tmp_path / "log"


@pytest.mark.timed
def test_the_command_says_that_all_is_the_same(log: Path) -> None:
    status, out, _ = alp(
        "replay", "--check", log, "--desk", "tests.recording.decisions_world:small"
    )
    assert status == 0
    assert out.startswith(f"{log}: the same\n")
    assert "events   1,000" in out


@pytest.mark.timed
def test_the_command_prints_the_first_difference(log: Path, tmp_path: Path) -> None:
    text = EXAMPLE.read_text()
    changed = tmp_path / "other.yaml"
    line = next(line for line in text.splitlines() if "riskAversion" in line)
    changed.write_text(text.replace(line, line.split(":")[0] + ": 0.75"))
    given = ("--desk", "tests.recording.decisions_world:small", "--manifest", changed)
    status, out, _ = alp("replay", "--check", log, *given)
    assert status == 1
    assert "the wishes differ" in out
    assert "after  record" in out
    assert "why.shift" in out
    status, out, _ = alp("replay", "--check", log, *given, "--json")
    assert status == 1
    (report,) = json.loads(out)
    assert report["same"] is False
    assert "why.shift" in [name for name, _, _ in report["difference"]["fields"]]


@pytest.mark.timed
def test_the_command_refuses_what_does_not_fit(log: Path) -> None:
    assert alp("replay", "--check", log)[0] == 3  # a desk that is not alp's own, not chosen
    assert alp("replay", log)[0] == 2
    assert alp("replay", "--check", log, "--speed", "max")[0] == 2
    assert alp("replay", EXAMPLE, "--desk", "a:b")[0] == 2
    assert alp("replay", "--check", EXAMPLE)[0] == 4
