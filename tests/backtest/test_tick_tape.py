"""Tapes: what was recorded by others and by alp, as rows that the tick-level backtest plays."""

from __future__ import annotations

import json
import tracemalloc
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from alp._core.tape import LATENCY_ROW, TapeBit
from alp._core.tick_replay import TickReplay
from alp.backtest.tick_file import (
    MAGIC,
    PAGE,
    ROW,
    Grid,
    Rows,
    TapeFacts,
    check_tape,
    is_tape,
    lots_of,
    open_tape,
    write_tape,
)
from alp.backtest.tick_tape import (
    recorded_latency,
    tape_of_array,
    tape_of_captures,
    tape_of_events,
)
from alp.errors import DataError
from alp.recording.npz import (
    BUY,
    CLEAR,
    DEPTH,
    EVENT,
    EXCHANGE,
    LOCAL,
    SELL,
    SNAPSHOT,
    TRADE,
    write_npz,
)
from tests.recording.test_verify_feed import capture, stream

GRID = Grid(Decimal("0.01"), Decimal("0.001"))
BOTH = EXCHANGE | LOCAL
Event = tuple[int, int, int, float, float]

EVENTS: list[Event] = [
    (CLEAR | BOTH, 10, 12, 0.0, 0.0),
    (SNAPSHOT | BUY | BOTH, 10, 12, 100.01, 0.3),
    (SNAPSHOT | SELL | BOTH, 10, 12, 100.07, 2.0),
    (TRADE | SELL | BOTH, 20, 21, 100.01, 0.1),
    (DEPTH | BUY | BOTH, 20, 21, 100.01, 0.2),
    (DEPTH | SELL | BOTH, 30, 31, 100.07, 0.0),
]


def events(rows: list[Event]) -> Rows:
    return np.array([(*row, 0, 0, 0.0) for row in rows], EVENT)


def made(folder: Path, rows: list[Event]) -> Rows:
    target = folder / "t.alptape"
    tape_of_array(events(rows), target, GRID)
    return open_tape(target).rows


def plain(rows: Rows) -> list[tuple[int, int, int, int, TapeBit]]:
    """Times, price, lots, and bits."""
    return [
        (
            int(row["exchange_ns"]),
            int(row["local_ns"]),
            int(row["price"]),
            int(lots),
            TapeBit(int(row["size"]) & 0xFFFF),
        )
        for row, lots in zip(rows, lots_of(rows), strict=True)
    ]


def test_events_become_ticks_and_lots(tmp_path: Path) -> None:
    both, bid = TapeBit.EXCHANGE | TapeBit.LOCAL, TapeBit.BID
    assert plain(made(tmp_path, EVENTS)) == [
        (10, 12, 0, 0, TapeBit.CLEAR | both),
        (10, 12, 10001, 300, TapeBit.LEVEL | bid | both),
        (10, 12, 10007, 2000, TapeBit.LEVEL | both),
        (20, 21, 10001, 100, TapeBit.TRADE | both),
        (20, 21, 10001, 200, TapeBit.LEVEL | bid | both),
        (30, 31, 10007, 0, TapeBit.LEVEL | both),
    ]


def test_a_tape_says_what_it_is_and_checks_clean(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    tape_of_array(events(EVENTS), target, GRID)
    tape = open_tape(target)
    facts = tape.facts
    assert (facts.grid, facts.rows) == (GRID, 6)
    assert facts.counts == {"level": 4, "trade": 1, "clear": 1}
    assert (facts.first_ns, facts.last_ns) == (10, 30)
    assert is_tape(target)
    assert check_tape(tape) == []
    assert target.stat().st_size == PAGE + 6 * 32


def test_a_mapped_tape_is_played(tmp_path: Path) -> None:
    replay = TickReplay(made(tmp_path, EVENTS), check=False)
    assert replay.advance(20 - replay.now_ns)
    assert replay.touch == (10001, 300, 10007, 2000)
    assert replay.advance(11)
    assert replay.touch is None
    assert replay.traded[:3] == (1, 0, 100)


def test_what_is_of_one_side_only_waits_for_nobody(tmp_path: Path) -> None:
    """A row that arrived late stands twice; each column is that of the row before where not its."""
    rows = made(
        tmp_path,
        [
            (DEPTH | BUY | BOTH, 10, 12, 100.0, 1.0),
            (DEPTH | BUY | EXCHANGE, 15, 90, 100.01, 1.0),
            (DEPTH | BUY | BOTH, 20, 22, 100.02, 1.0),
            (DEPTH | BUY | LOCAL, 15, 90, 100.01, 1.0),
        ],
    )
    assert rows["exchange_ns"].tolist() == [10, 15, 20, 20]
    assert rows["local_ns"].tolist() == [12, 12, 22, 90]


def test_times_that_fall_are_set_to_the_row_before_and_noted(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    facts = tape_of_array(
        events([EVENTS[1], EVENTS[3], (TRADE | SELL | BOTH, 15, 21, 100.01, 0.1)]), target, GRID
    )
    assert facts.notes == ("1 times before the row before were set to it",)
    assert open_tape(target).rows["exchange_ns"].tolist() == [10, 20, 20]


def test_chunks_follow_each_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = made(tmp_path, EVENTS)
    monkeypatch.setattr("alp.backtest.tick_tape.read_npz", lambda path: iter([path]))
    monkeypatch.setattr("alp.backtest.tick_tape.is_npz", lambda path: True)

    class Part(np.ndarray):  # a path that is its own content
        name = "part"

    parts = [events(EVENTS[start : start + 2]).view(Part) for start in (0, 2, 4)]
    facts = tape_of_events(parts, tmp_path / "parts.alptape", GRID)  # type: ignore[arg-type]
    assert open_tape(tmp_path / "parts.alptape").rows.tobytes() == whole.tobytes()
    assert facts.sources == ("part",) * 3


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ((DEPTH | BUY | BOTH, 10, 12, 100.005, 1.0), "a price off the grid of 0.01: 100.005"),
        ((DEPTH | BUY | BOTH, 10, 12, 100.0, 0.0004), "a quantity off the grid"),
        ((DEPTH | BUY | BOTH, 10, 12, float("nan"), 1.0), "a price off the grid"),
        ((DEPTH | BUY | BOTH, 10, 12, 0.0, 1.0), "price is not above zero"),
        ((TRADE | BUY | BOTH, 10, 12, 100.0, 0.0), "a trade of nothing"),
        ((11 | BUY | BOTH, 10, 12, 100.0, 1.0), "an event of no book by level"),
        ((CLEAR | BUY | BOTH, 10, 12, 100.0, 1.0), "one side of the book is cleared"),
        ((DEPTH | BUY, 10, 12, 100.0, 1.0), "of no side"),
        ((DEPTH | BUY | BOTH, 10, 12, 100.0, 1e13), "more lots"),
    ],
)
def test_an_event_that_a_row_cannot_say_is_refused_with_its_number(
    tmp_path: Path, event: Event, why: str
) -> None:
    with pytest.raises(DataError, match=f":1: .*{why}|:1: {why}") as caught:
        tape_of_array(events([EVENTS[1], event]), tmp_path / "t.alptape", GRID)
    assert caught.value.row == 1
    assert not list(tmp_path.iterdir())


def test_trades_of_no_side_are_left_out_and_noted(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    facts = tape_of_array(
        events([EVENTS[1], (TRADE | BOTH, 10, 12, 100.0, 1.0), EVENTS[3]]), target, GRID
    )
    assert facts.notes == ("1 trades of no side were left out",)
    assert facts.rows == 2


def test_a_capture_ends_with_the_venues_last_book(tmp_path: Path) -> None:
    exchange, lines = stream(count=200)
    source = capture(tmp_path, [b"%d %b" % (10**18 + n, line) for n, line in enumerate(lines)])
    target = tmp_path / "t.alptape"
    facts = tape_of_captures([source], target)
    assert facts.venue == "binance-usdm"
    assert facts.grid == GRID
    tape = open_tape(target)
    assert [each for each in check_tape(tape) if each.severity == "error"] == []
    replay = TickReplay(tape.rows)
    while replay.advance(10**15):
        pass
    bids, asks = exchange.levels
    assert replay.depth(True, 1000) == [tuple(level) for level in bids]
    assert replay.depth(False, 1000) == [tuple(level) for level in asks]


def test_a_capture_and_the_event_array_of_it_make_one_tape(tmp_path: Path) -> None:
    _, lines = stream(count=100)
    source = capture(tmp_path, [b"%d %b" % (10**18 + n, line) for n, line in enumerate(lines)])
    tape_of_captures([source], tmp_path / "a.alptape")
    write_npz([source], tmp_path / "events.npz")
    tape_of_events([tmp_path / "events.npz"], tmp_path / "b.alptape", GRID)
    one, other = (open_tape(tmp_path / f"{name}.alptape") for name in "ab")
    assert one.facts.sha256 == other.facts.sha256


def test_a_damaged_or_strange_file_is_refused(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    tape_of_array(events(EVENTS), target, GRID)
    whole = target.read_bytes()
    for content, why in [
        (b"something else", "not a tape"),
        (whole[:-1], "cut off"),
        (whole + b"x", "longer than it says"),
        (whole[:PAGE].replace(b"alp.tape/1", b"alp.tape/9") + whole[PAGE:], "version"),
        (MAGIC + b"{" + whole[len(MAGIC) + 1 :][1:], "damaged"),
    ]:
        target.write_bytes(content)
        with pytest.raises(DataError, match=why):
            open_tape(target)


def test_a_changed_row_is_found(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    tape_of_array(events(EVENTS), target, GRID)
    content = bytearray(target.read_bytes())
    content[PAGE + 32 + 16] ^= 1  # a price
    target.write_bytes(content)
    assert [each.code for each in check_tape(open_tape(target))] == ["sha256"]
    content[PAGE + 32 + 7] = 0x80  # a time long ago
    target.write_bytes(content)
    [fault] = check_tape(open_tape(target))
    assert (fault.severity, fault.code, fault.row) == ("error", "row", 1)


def test_gaps_clocks_and_missing_trades_are_told(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    minute = 60 * 10**9
    tape_of_array(
        events(
            [
                (DEPTH | BUY | BOTH, 10, 12, 100.0, 1.0),
                (DEPTH | BUY | BOTH, 2 * minute, 2 * minute - 5, 100.01, 1.0),
            ]
        ),
        target,
        GRID,
    )
    found = {each.code: each for each in check_tape(open_tape(target))}
    assert set(found) == {"gap", "early", "no-trade"}
    assert found["gap"].row == found["early"].row == 1
    assert {each.severity for each in found.values()} == {"warning"}


def test_nothing_makes_no_tape(tmp_path: Path) -> None:
    facts = TapeFacts("", "", GRID)
    with pytest.raises(DataError, match="no rows"):
        write_tape(tmp_path / "t.alptape", facts, [np.zeros(0, ROW)])
    with pytest.raises(DataError, match="no steps"):
        Grid(Decimal(0), Decimal(1))
    assert not list(tmp_path.iterdir())


def test_the_first_page_is_one_line_of_json(tmp_path: Path) -> None:
    target = tmp_path / "t.alptape"
    tape_of_array(events(EVENTS), target, GRID)
    line = target.read_bytes()[len(MAGIC) : PAGE].split(b"\n")[0]
    held = json.loads(line)
    assert held["format"] == "alp.tape/1"
    assert held["grid"] == {"tick_size": "0.01", "lot_size": "0.001"}


def test_recorded_times_of_commands_become_latencies() -> None:
    rows = recorded_latency([20, 10, 30], [25, 12, 0], [26, 19, 0])
    assert rows.dtype == np.dtype(list(LATENCY_ROW))
    assert rows.tolist() == [(10, 2, 7), (20, 5, 1)]
    with pytest.raises(DataError, match="sent at 10 was there at 9"):
        recorded_latency([10], [9], [11])
    with pytest.raises(DataError, match="no command"):
        recorded_latency([10], [0], [0])


def test_memory_is_that_of_a_chunk(tmp_path: Path) -> None:
    rows = np.zeros(600_000, EVENT)
    rows["ev"] = DEPTH | BUY | BOTH
    rows["exch_ts"] = rows["local_ts"] = np.arange(len(rows))
    rows["px"] = 100.0
    np.savez(tmp_path / "events.npz", data=rows)
    whole = rows.nbytes
    del rows
    tracemalloc.start()
    try:
        tape_of_events([tmp_path / "events.npz"], tmp_path / "t.alptape", GRID)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < whole / 2
