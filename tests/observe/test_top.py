"""What ``alp top`` keeps of the bus, and what it draws."""

from __future__ import annotations

import io
from typing import Any

from rich.console import Console

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    DepthMessage,
    HeaderFields,
    HeartbeatMessage,
    InstrumentFields,
    TradeFields,
    encode,
)
from alp.observe.top import SECOND, Board, Losses, draw

T0 = 1_000 * SECOND


def header(sequence: int = 1, instrument: int = 0, source: int = 1) -> HeaderFields:
    return HeaderFields(source, instrument, sequence, 5, 6)


def told(instrument: int = 0, symbol: str = "ETHUSDT") -> InstrumentFields:
    return InstrumentFields(header(1, instrument), "binance-usdm", symbol, 5, 1, 2, 3, 1)


def board_of(*messages: Any, now_ns: int = T0) -> Board:
    board = Board()
    for message in messages:
        board.take(encode(message), now_ns)
    return board


LIVE = BookStatusMessage(header(), True, 0, 0)
BBO = BboMessage(header(), 40_000, 1_500, 40_002, 20)
DEPTH = DepthMessage(header(), ((40_000, 1_500), (39_999, 3_000)), ((40_002, 20),), 0)
TRADE = TradeFields(header(), 7, 40_002, 10, 1)


def drawn(board: Board, losses: Losses | None = None, now_ns: int = T0, **options: Any) -> str:
    console = Console(file=io.StringIO(), width=160)
    wanted = {"symbol": None, "levels": 10, **options}
    console.print(draw(board, losses or Losses(), "ipc://q", now_ns, **wanted))
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_prices_and_quantities_are_the_venues_own() -> None:
    [row] = board_of(told(), LIVE, BBO, DEPTH, TRADE).as_dict(T0, Losses(), 1)["markets"]
    assert row["bid"] == ["2000.00", "1.500"]
    assert row["ask"] == ["2000.10", "0.020"]
    assert (row["spread_ticks"], row["spread_bps"]) == (2, 0.5)
    assert (row["bids"], row["asks"]) == ([["2000.00", "1.500"]], [["2000.10", "0.020"]])
    assert row["last_trade"]["price"] == "2000.10"
    assert row["last_trade"]["aggressor"] == "bought"


def test_a_book_that_is_not_right_shows_why_and_no_price() -> None:
    board = board_of(told(), LIVE, BBO, DEPTH, BookStatusMessage(header(2), False, 2, 0))
    [row] = board.as_dict(T0, Losses(), 5)["markets"]
    assert (row["live"], row["why_not"]) == (False, "an update is missing")
    assert (row["bid"], row["spread_ticks"], row["bids"]) == (None, None, [])
    assert "an update is missing" in drawn(board)
    assert "2000.00" not in drawn(board)


def test_a_side_without_a_level_is_empty() -> None:
    one_sided = BboMessage(header(), 40_000, 1_500, 0, 0)
    [row] = board_of(told(), LIVE, one_sided).as_dict(T0, Losses(), 5)["markets"]
    assert (row["bid"], row["ask"], row["spread_bps"]) == (["2000.00", "1.500"], None, None)


def test_before_it_is_told_what_a_tick_is_it_says_ticks() -> None:
    board = board_of(LIVE, BBO)
    [row] = board.as_dict(T0, Losses(), 5)["markets"]
    assert row["bid"] == ["40000 ticks", "1500 lots"]
    assert "#0" in drawn(board)


def test_updates_are_counted_by_their_numbers() -> None:
    board = board_of(told(), LIVE)
    for second in range(10):
        sequence = 1 + 50 * second  # the others were passed over
        board.take(encode(BBO._replace(header=header(sequence))), T0 + second * SECOND)
    [market] = board.markets.values()
    rate = market.rate(T0 + 9 * SECOND)
    assert rate is not None
    assert 45 <= rate <= 55
    assert market.rate(T0 + 60 * SECOND) == 0
    assert len(market.updates) < 10


def test_there_is_no_rate_of_one_message() -> None:
    [market] = board_of(told(), LIVE, BBO).markets.values()
    assert market.rate(T0) is None


def test_a_source_that_began_anew_takes_its_old_markets_away() -> None:
    board = board_of(HeartbeatMessage(header(), 100 * SECOND, 1), told(), LIVE, BBO)
    later = T0 + 20 * SECOND
    gone = told(1, "BTCUSDT")
    board.take(encode(gone), later)
    board.take(encode(LIVE._replace(header=header(1, 1))), later)
    board.take(encode(HeartbeatMessage(header(2), 5 * SECOND, 1)), later)
    assert [each.told.symbol for each in board.markets.values() if each.told] == ["BTCUSDT"]


def test_messages_of_other_parts_are_passed_over() -> None:
    from alp._core.wire import GateMessage

    board = board_of(GateMessage(header(), True, False, 1, "stop"))
    assert board.markets == {}
    assert board.heard_ns == T0


def test_it_says_what_it_waits_for() -> None:
    assert drawn(Board()).strip() == "waiting for ipc://q"
    board = board_of(told(), LIVE, BBO)
    assert "1 of 1 books live" in drawn(board)
    assert "silent for 60 s, waiting for ipc://q" in drawn(board, now_ns=T0 + 60 * SECOND)


def test_losses_are_shown() -> None:
    text = drawn(board_of(told(), LIVE, BBO), Losses(1_000, 7, 2, 1))
    assert "1,000 messages" in text
    assert "lost 7 in 2 gaps" in text
    assert "restarted 1 times" in text


def test_the_depth_of_the_chosen_market_is_drawn() -> None:
    board = board_of(told(), LIVE, BBO, DEPTH, told(1, "BTCUSDT"))
    text = drawn(board, symbol="ETHUSDT")
    assert "binance-usdm ETHUSDT" in text
    longest = max(line.count("█") for line in text.splitlines())
    assert longest >= 24
    assert "1999.95" in text
    assert "1999.95" not in drawn(board, symbol="ETHUSDT", levels=1)
    assert "█" not in drawn(board, symbol="ETHUSDT", levels=0)
    assert "no market DOGE here" in drawn(board, symbol="DOGE")
