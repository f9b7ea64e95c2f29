"""A tenth of the soak, made up where nothing is recorded; and that it sees what it is to see."""

from __future__ import annotations

import json
import sys
from array import array
from pathlib import Path
from random import Random
from typing import Any

import pytest
from listening import Account
from market_data import Soak, differences, soaking
from processes import MEGABYTE, trend
from recordings import Laps, Update

from alp._core.wire import BboMessage, BookStatusMessage, HeaderFields
from alp.paper.book import PlainBook


def soak_for(seconds: float, shared: Path | None) -> Any:
    return soaking(
        seconds=seconds,
        speed=20,
        shared=shared,
        seed=3,
        every_s=seconds / 24,
        tell=lambda line: print(line, file=sys.stderr),
    )


@pytest.mark.slow
def test_a_minute_of_streams_loses_nothing_and_does_not_grow(root: Path) -> None:
    shared = root.parent / "shared"
    with soak_for(60, shared if shared.is_dir() else None) as soak:
        summary = soak.run()
    assert summary.ok, json.dumps(vars(summary), indent=1)
    assert summary.figures["books_compared"] == (6 if summary.recorded else 5)
    assert summary.figures["messages_per_second"] > 1_000


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ("gap", ["books given up", "books that did not stay live", "messages missing by a conn"]),
        ("drop", ["connections ended", "connections were opened"]),
        ("garbage", ["messages that could not be read"]),
    ],
)
def test_a_soak_in_which_something_breaks_says_so(fault: str, told: list[str]) -> None:
    class Broken(Soak):
        def _progress(self, sample: Any) -> None:
            super()._progress(sample)
            if len(self.samples) == 6:
                self.exchanges.ask(fault)

    with soak_for(8, None) as soak:
        soak.__class__ = Broken
        summary = soak.run()
    found = "\n".join(summary.faults)
    assert [each for each in told if each not in found] == []


def line_of(slope: float, noise: float, seed: int) -> tuple[list[float], list[float]]:
    random = Random(seed)
    times = [5.0 * index for index in range(121)]
    start = [8e6 * max(0, 1 - at / 100) for at in times]
    return times, [
        6e7 - first + slope * at + random.gauss(0, noise)
        for at, first in zip(times, start, strict=True)
    ]


@pytest.mark.parametrize("seed", range(20))
def test_memory_that_only_wavers_does_not_grow_and_one_that_leaks_does(seed: int) -> None:
    times, flat = line_of(0, 2e5, seed)
    assert not trend(times, flat, 600).grows
    times, leaking = line_of(4_000, 2e5, seed)
    found = trend(times, leaking, 600)
    assert found.grows
    assert found.growth == pytest.approx(4_000 * 600, rel=0.3)


def test_what_grows_by_less_than_a_megabyte_is_no_leak_yet() -> None:
    times = [5.0 * index for index in range(121)]
    values = [6e7 + MEGABYTE * 0.9 * at / 600 for at in times]
    assert not trend(times, values, 600).grows


def test_a_trend_needs_three_points_after_the_first_quarter() -> None:
    with pytest.raises(ValueError, match="too few samples"):
        trend([0, 10, 20, 30], [1, 1, 1, 1], 60)


def quote(sequence: int, bid: int = 99, ask: int = 101, instrument: int = 0) -> BboMessage:
    return BboMessage(HeaderFields(1, instrument, sequence, 0, 0), bid, 1, ask, 1)


def test_the_reader_counts_by_topic_what_is_missing_repeated_or_crossed() -> None:
    account = Account()
    for each in (
        quote(1),
        quote(2),
        quote(1, instrument=1),
        quote(5),
        quote(5),
        quote(6, 101, 101),
    ):
        account.take(each)
    assert account.faults == {
        "missing messages on the bus": 2,
        "repeated messages on the bus": 1,
        "crossed quotes": 1,
    }
    assert account.kinds == {"quotes": 6}


def test_a_book_that_was_never_live_yet_is_no_fault_and_one_that_was_is() -> None:
    account = Account()
    for sequence, live in enumerate([False, True]):
        account.take(BookStatusMessage(HeaderFields(1, 0, sequence, 0, 0), live, 0, 0))
    assert not account.faults
    account.take(BookStatusMessage(HeaderFields(1, 0, 2, 0, 0), False, 2, 0))
    assert account.faults == {"books that did not stay live": 1}


def test_a_book_differs_by_price_quantity_and_level() -> None:
    book = {"bids": [["99.0", "1"], ["98.5", "2"]], "asks": [["100.5", "3"]]}
    heard: dict[str, Any] = {
        "live": True,
        "price": [2, 50],
        "quantity": [0, 1],
        "quote": [198, 1, 201, 3],
        "bids": [[198, 1], [197, 2]],
        "asks": [[201, 3]],
    }
    assert list(differences("ETH", book, heard)) == []
    assert len(list(differences("ETH", book, {**heard, "quote": [198, 1, 201, 4]}))) == 1
    assert len(list(differences("ETH", book, {**heard, "bids": [[198, 1]]}))) == 1
    assert list(differences("ETH", book, {**heard, "live": False})) == ["ETH: not live at the end"]


def test_laps_bring_the_book_back_and_their_numbers_go_on() -> None:
    book = PlainBook(0, 0, bids={9: 1, 8: 1}, asks={11: 1})
    updates = [
        Update(array("q", [1, 9, 0, 1, 7, 4]), b'"seq":12', (11, 12)),
        Update(array("q", [0, 11, 2]), b'"seq":13', (13, 13)),
    ]
    asked: list[tuple[int, int | None]] = []

    def renumber(text: bytes, shift: int, previous: int | None) -> bytes:
        asked.append((shift, previous))
        return text

    laps = Laps(book, 10, updates, renumber)
    ids = []
    for event in (next(laps) for _ in range(6)):
        book.apply(event.changes)
        ids.append(event.ids)
        if event.raw is None:
            assert (book.bids, book.asks) == ({9: 1, 8: 1}, {11: 1})
    assert ids == [
        (11, 12, 10),
        (13, 13, 12),
        (14, 16, 13),
        (17, 18, 16),
        (19, 19, 18),
        (20, 22, 19),
    ]
    assert asked == [(0, None), (0, None), (6, 16), (6, None)]


def test_the_change_that_brings_a_book_back_is_newer_than_every_quote() -> None:
    book = PlainBook(0, 0, bids={9: 1}, asks={11: 1})
    updates = [Update(array("q", [1, 9, 2]), b"", (11, 12))]
    laps = Laps(book, 10, updates, lambda text, _shift, _previous: text)
    book.apply(next(laps).changes)
    laps.quoted_id = 40
    back = next(laps)
    assert back.ids == (13, 41, 12)
    assert next(laps).ids == (42, 43, 41)
