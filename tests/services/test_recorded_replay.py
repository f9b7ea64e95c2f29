"""From a venue to a recording, from there to the bus and to other forms: the same book."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from test_recorder import binance, coinbase, kraken, recording
from test_replay import replayed
from waits import run

from alp._core.wire import BboMessage, BookStatusMessage, InstrumentFields
from alp.paper.faults.script import Fault
from alp.paper.market import Market
from alp.paper.protocol import Protocol
from alp.recording.convert import ALP, CRYPTOFEED, convert
from alp.recording.info import ConnectionInfo, recording_info
from alp.recording.npz import write_npz
from alp.recording.verify_feed import verify_feed

pytestmark = pytest.mark.timed


@pytest.mark.parametrize("make", [binance, coinbase, kraken])
def test_what_was_recorded_goes_on_the_bus_and_into_other_forms(
    tmp_path: Path, make: Callable[[], Protocol]
) -> None:
    touch: list[Decimal] = []
    files: list[Path] = []

    async def test() -> None:
        async with recording(tmp_path, make(), "--rotate", "1s") as made:
            await made.begun()
            await asyncio.sleep(1)
            made.exchange.apply(Fault.DROP)
            await asyncio.sleep(3)
            made.exchange.rate = 0
            await asyncio.sleep(1)
            await made.stop()
            (market,) = made.exchange.markets.values()
            touch.extend(in_decimals(market))
            files.extend(made.files)

    run(test())
    assert len(files) > 1
    assert sum(each.opened for path in files for each in info(path)) >= 2

    report, reader = replayed(tmp_path, files)
    last = reader.of(BboMessage)[-1]
    told = reader.of(InstrumentFields)[-1]
    scales = (told.price_decimals, told.quantity_decimals) * 2
    assert [Decimal(each).scaleb(-by) for each, by in zip(last[1:], scales, strict=True)] == touch
    lives = [each.live for each in reader.of(BookStatusMessage)]
    assert lives[-1] is False
    assert lives.count(True) >= 2  # before and after the loss
    [book] = report.books
    bid = [float(each) for each in book["bid"]]

    one, theirs = tmp_path / "one.alprec.zst", tmp_path / "theirs.jsonl.zst"
    convert(files, one, ALP)
    convert([one], theirs, CRYPTOFEED)
    books = verify_feed(files).books
    assert verify_feed([one]).books == books
    assert verify_feed([theirs]).books[0].bid == books[0].bid
    assert books[0].bid is not None
    assert [float(each) for each in books[0].bid] == bid
    again, _ = replayed(tmp_path, [one])
    assert again.books == report.books
    assert again.published["quotes"] == report.published["quotes"]

    events = write_npz([one], tmp_path / "x.npz")
    assert events.touch is not None
    assert events.touch[0] == bid[0]
    assert events.unreadable == 0


def in_decimals(market: Market) -> list[Decimal]:
    """The market's touch as the venue writes it."""
    touch = market.book.touch()
    assert touch is not None
    scales = (market.book.price_decimals, market.book.quantity_decimals) * 2
    return [Decimal(each).scaleb(-by) for each, by in zip(touch, scales, strict=True)]


def info(path: Path) -> list[ConnectionInfo]:
    return list(recording_info(path).connections.values())
