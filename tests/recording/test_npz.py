"""Events for hftbacktest: a book made of them is the book of the feed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from alp.cli.app import root as command_line
from alp.errors import DataError
from alp.recording import npz
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
    is_npz,
    npz_info,
    read_npz,
    write_npz,
)
from alp.recording.verify_feed import verify_feed
from tests.recording.test_verify_feed import capture, stream

Sides = tuple[dict[float, float], dict[float, float]]


def book_of(path: Path, side: int = LOCAL) -> Sides:
    """The book of one side, as hftbacktest makes it."""
    bids: dict[float, float] = {}
    asks: dict[float, float] = {}
    for rows in read_npz(path, 1000):
        for row in rows[rows["ev"] & np.uint64(side) != 0]:
            flags, price, quantity = int(row["ev"]), float(row["px"]), float(row["qty"])
            kind = flags & 0xFF
            if kind == CLEAR:
                bids.clear()
                asks.clear()
            elif kind in (DEPTH, SNAPSHOT):
                levels = bids if flags & BUY else asks
                assert bool(flags & BUY) != bool(flags & SELL)
                levels[price] = quantity
                if not quantity:
                    del levels[price]
    return bids, asks


def holds_for_both_sides_in_order(path: Path) -> None:
    rows = np.load(path)["data"]
    assert rows.dtype == EVENT
    for bit, times in ((EXCHANGE, "exch_ts"), (LOCAL, "local_ts")):
        mine = rows[rows["ev"] & np.uint64(bit) != 0]
        assert (np.diff(mine[times]) >= 0).all()
    plain = rows["ev"] & ~np.uint64(EXCHANGE | LOCAL)
    columns = ["exch_ts", "local_ts", "px", "qty"]
    seen = []
    for bit in (EXCHANGE, LOCAL):
        chosen = rows["ev"] & np.uint64(bit) != 0
        seen.append(
            sorted(zip(plain[chosen], *(rows[name][chosen] for name in columns), strict=True))
        )
    assert seen[0] == seen[1]


def test_a_stream_ends_in_the_feeds_book(tmp_path: Path) -> None:
    exchange, lines = stream(count=300)
    timed = [b"%019d %b" % (1_700_000_000 * 10**9 + n, line) for n, line in enumerate(lines)]
    target = tmp_path / "x.npz"
    report = write_npz([capture(tmp_path, timed)], target)
    bids, asks = exchange.levels
    for side in (LOCAL, EXCHANGE):
        found = book_of(target, side)
        assert found[0] == {price / 100: lots / 1000 for price, lots in bids}
        assert found[1] == {price / 100: lots / 1000 for price, lots in asks}
    assert (report.late, report.early, report.backwards) == (0, 0, 0)
    assert report.touch == (bids[0][0] / 100, asks[0][0] / 100)
    holds_for_both_sides_in_order(target)


def test_a_gap_clears_the_book(tmp_path: Path) -> None:
    _, lines = stream(count=50)
    timed = [b"%019d %b" % (1_700_000_000 * 10**9 + n, line) for n, line in enumerate(lines)]
    del timed[40]
    target = tmp_path / "x.npz"
    report = write_npz([capture(tmp_path, timed)], target)
    assert report.counts["clear"] == 2
    assert report.touch is None
    assert book_of(target) == ({}, {})


@pytest.mark.parametrize("chunk", [1, 7, npz.CHUNK])
def test_late_events_are_there_once_for_each_side(
    tmp_path: Path, chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(npz, "CHUNK", chunk)
    generator = np.random.default_rng(5)
    rows = np.zeros(500, EVENT)
    rows["ev"] = DEPTH | BUY
    rows["local_ts"] = np.arange(500)
    rows["exch_ts"] = np.arange(500) - generator.integers(0, 30, 500)
    rows["px"] = np.arange(500)
    rows.tofile(tmp_path / "rows")
    report = npz.NpzReport(tmp_path / "x.npz", "v", "s")
    chunks = npz._in_order(tmp_path / "rows", report)
    npz._pack(npz.RecordedEvents(report, (0, 0), chunks), report.path)
    holds_for_both_sides_in_order(report.path)
    late = int((rows["exch_ts"] < np.maximum.accumulate(rows["exch_ts"])).sum())
    assert report.rows == 500 + late
    assert [len(part) for part in read_npz(report.path, 300)] == [300, 300, report.rows - 600]


def test_without_receive_times_the_exchanges_stand_for_both(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"
    target = tmp_path / "x.npz"
    write_npz([source], target, symbol="ETH/USD")
    rows = np.load(target)["data"]
    assert (rows["exch_ts"] == rows["local_ts"]).all()
    assert rows["exch_ts"][0] > 1_700_000_000 * 10**9


def test_the_same_capture_gives_the_same_bytes(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"
    for name in ("a.npz", "b.npz"):
        write_npz([source], tmp_path / name, symbol="ETH/USD")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_product_must_be_named_where_there_are_several(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"
    with pytest.raises(DataError, match="which product"):
        write_npz([source], tmp_path / "x.npz")
    with pytest.raises(DataError, match="no message about DOGE"):
        write_npz([source], tmp_path / "x.npz", symbol="DOGE")
    assert [*tmp_path.iterdir()] == []


SESSIONS = {
    "binance_usdm_ethusdt_20240808.jsonl.gz": "ETHUSDT",
    "binance_spot_mixed_incl_ETHUSDT_2021-04-04.txt.gz": "ETHUSDT",
    "coinbase_advanced_ETH-USD_BTC-USD_2026-08-09.jsonl.zst": "ETH-USD",
    "coinbase_exchange_ETH-USD_BTC-USD_level2_50_matches_2026-07-07.ndjson.gz": "ETH-USD",
    "kraken_v2_ETHUSD_BTCUSD_book10_trades_2026-07-07.ndjson.gz": "ETH/USD",
}


@pytest.mark.parametrize("name", SESSIONS)
def test_events_of_recorded_sessions_make_the_same_book(
    shared: Path, tmp_path: Path, name: str
) -> None:
    source, symbol = shared / "data" / "B_l2_raw" / name, SESSIONS[name]
    target = tmp_path / "x.npz"
    report = write_npz([source], target, symbol=symbol)
    [book] = verify_feed([source], symbols=[symbol]).books
    assert book.bid is not None
    assert book.ask is not None
    for side in (LOCAL, EXCHANGE):
        bids, asks = book_of(target, side)
        if side == EXCHANGE and report.late:
            continue  # the exchange's own order is not the order of arrival
        assert (len(bids), len(asks)) == book.levels
        assert (max(bids), bids[max(bids)]) == tuple(map(float, book.bid))
        assert (min(asks), asks[min(asks)]) == tuple(map(float, book.ask))
    info = npz_info(target)
    assert info.in_order
    assert info.rows == report.rows
    assert info.sides["local"] == info.sides["exchange"] == report.rows - report.late
    assert report.counts["trade"] > 0


def test_the_commands_write_and_read_it(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"
    target = tmp_path / "x.npz"
    run = CliRunner()
    convert = ["recording", "convert", str(source), "-o", str(target)]
    assert run.invoke(command_line, convert).exit_code == 4
    assert run.invoke(command_line, [*convert, "--symbol", "ETH/USD"]).exit_code == 0
    [row] = json.loads(
        run.invoke(command_line, ["recording", "info", "--json", str(target)]).output
    )
    assert row["form"] == "hftbacktest-npz"
    assert row["events"]["counts"]["clear"] == 1
    back = ["recording", "convert", str(target), "-o", str(tmp_path / "x.alprec.zst")]
    refused = run.invoke(command_line, back)
    assert (refused.exit_code, "holds no messages" in refused.output) == (4, True)
    text = [*convert[:-1], str(tmp_path / "x.gz"), "--to", "messages", "--symbol", "ETH/USD"]
    assert run.invoke(command_line, text).exit_code == 2


def test_other_archives_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    np.savez(path, data=np.zeros(3))
    assert is_npz(path)
    with pytest.raises(DataError, match="not of hftbacktest 2's events"):
        list(read_npz(path))
    np.savez_compressed(path, data=np.zeros(5000, EVENT))
    assert sum(len(rows) for rows in read_npz(path, 999)) == 5000
    np.savez(path, other=np.zeros(3))
    with pytest.raises(DataError, match="not a file of hftbacktest"):
        list(read_npz(path))


def test_trades_keep_their_aggressor(root: Path, tmp_path: Path) -> None:
    source = root / "tests" / "data" / "feeds" / "coinbase-exchange-2026-07-07.jsonl"
    target = tmp_path / "x.npz"
    write_npz([source], target, symbol="ETH-USD")
    rows = np.load(target)["data"]
    trades = rows[(rows["ev"] & np.uint64(0xFF)) == TRADE]
    sides = {bool(int(each) & BUY) for each in trades["ev"]}
    messages = [json.loads(line) for line in source.read_bytes().splitlines() if b'"match"' in line]
    made = {each["side"] for each in messages if each.get("product_id") == "ETH-USD"}
    assert sides == {side == "sell" for side in made}  # the venue tells the maker's side
