"""When messages are due again, and what a recording is about before it is replayed."""

from __future__ import annotations

from pathlib import Path

import pytest

from alp.errors import DataError
from alp.recording.records import CONNECTED, Recorder
from alp.recording.replay import Pace, survey
from tests.recording.test_verify_feed import capture, stream

SECOND = 10**9


class Clock:
    def __init__(self) -> None:
        self.ns = 17

    def __call__(self) -> int:
        return self.ns


@pytest.mark.parametrize("speed", [0.5, 1.0, 10.0])
def test_messages_are_due_as_far_apart_as_they_were(speed: float) -> None:
    clock = Clock()
    pace = Pace(speed, clock)
    assert pace.delay_ns(1_700_000_000 * SECOND) == 0
    assert pace.delay_ns(1_700_000_010 * SECOND) == 10 * SECOND / speed
    clock.ns += int(10 * SECOND / speed)
    assert pace.delay_ns(1_700_000_010 * SECOND) == 0
    assert pace.late_ns == 0


def test_who_is_late_catches_up() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    pace.delay_ns(5 * SECOND)
    clock.ns += 3 * SECOND
    assert pace.delay_ns(6 * SECOND) == 0
    assert pace.late_ns == 2 * SECOND
    assert pace.delay_ns(9 * SECOND) == 1 * SECOND


def test_as_fast_as_it_goes_never_waits() -> None:
    pace = Pace(None, Clock())
    assert [pace.delay_ns(at * SECOND) for at in (1, 100, 10_000)] == [0, 0, 0]
    assert pace.late_ns == 0


def test_messages_without_a_time_or_before_the_first_are_due_at_once() -> None:
    clock = Clock()
    pace = Pace(1.0, clock)
    assert pace.delay_ns(0) == 0
    clock.ns += 50 * SECOND
    assert pace.delay_ns(100 * SECOND) == 0  # the first with a time begins it
    assert pace.delay_ns(101 * SECOND) == 1 * SECOND
    assert pace.delay_ns(99 * SECOND) == 0
    assert pace.late_ns == 0


def timed(lines: list[bytes], begun_ns: int = 1_700_000_000 * SECOND) -> list[bytes]:
    return [b"%019d %b" % (begun_ns + n * SECOND, line) for n, line in enumerate(lines)]


def test_a_survey_tells_decimals_and_times(tmp_path: Path) -> None:
    _, lines = stream(count=20)
    found = survey([capture(tmp_path, timed(lines))])
    assert found.identity.rows() == [("ETHUSDT", 2, 1, 3, 1)]
    assert found.first_ns == 1_700_000_000 * SECOND
    assert found.last_ns == (1_700_000_000 + len(lines) - 1) * SECOND


def test_a_finer_price_at_the_very_end_is_known_from_the_beginning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("alp.recording.replay.ENOUGH", 5)
    _, lines = stream(count=20)
    finer = (
        lines[-1].replace(b'"a": [', b'"a": [["3000.00001", "1.0000001"], ').replace(b"], ]", b"]]")
    )
    assert finer != lines[-1]
    found = survey([capture(tmp_path, [*lines[:-1], finer])])
    assert found.identity.rows() == [("ETHUSDT", 5, 1, 7, 1)]


def test_a_header_with_instruments_is_believed(tmp_path: Path) -> None:
    facts = {"venue": "kraken-spot", "depth": 10, "instruments": [["ETH/USDC", 2, 5, 8, 1]]}
    with Recorder(tmp_path, "x", facts) as recorder:
        recorder.event(CONNECTED, 1, 1, "wss://x")
        recorder.message(1, 1, b"{}")
    found = survey(recorder.files)
    assert (found.identity.venue, found.identity.depth) == ("kraken", 10)
    assert found.identity.rows() == [("ETH/USDC", 2, 5, 8, 1)]
    with pytest.raises(DataError, match="no message about BTC/USD"):
        survey(recorder.files, symbols=["BTC/USD"])


def test_a_header_without_the_depth_of_a_checksum_is_not_enough(tmp_path: Path) -> None:
    facts = {"venue": "kraken", "instruments": [["ETH/USDC", 2, 5, 8, 1]]}
    with Recorder(tmp_path, "x", facts) as recorder:
        recorder.message(1, 1, b"{}")
    with pytest.raises(DataError, match="of no venue"):
        survey(recorder.files)


def test_what_has_no_book_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="of no venue that alp knows"):
        survey([capture(tmp_path, [b'{"hello":1}'])])
    with pytest.raises(DataError, match="no order book"):
        survey([capture(tmp_path, [b'{"hello":1}'])], venue="kraken")
