"""Books of whole captures: our own small ones, and those of the shared folder."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from alp.cli.app import root as command_line
from alp.errors import DataError
from alp.recording.verify_feed import verify_feed
from tests.core.test_feed import Exchange

Lines = list[bytes]


def capture(folder: Path, lines: Lines, name: str = "capture.ndjson") -> Path:
    path = folder / name
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return path


def stream(seed: int = 1, *, spot: bool = False, count: int = 50) -> tuple[Exchange, Lines]:
    exchange = Exchange(spot, random.Random(seed))
    lines = [exchange.change().encode() for _ in range(3)]
    lines.append(exchange.snapshot().encode())
    lines += [exchange.change().encode() for _ in range(count)]
    return exchange, lines


@pytest.mark.parametrize("spot", [False, True])
def test_a_capture_is_rebuilt_to_the_venues_last_book(tmp_path: Path, spot: bool) -> None:
    exchange, lines = stream(spot=spot)
    report = verify_feed([capture(tmp_path, lines)])
    assert report.ok, report.faults
    assert report.venue == ("binance-spot" if spot else "binance-usdm")
    [book] = report.books
    bids, asks = exchange.levels
    assert book.bid == (Decimal(bids[0][0]) / 100, Decimal(bids[0][1]) / 1000)
    assert book.ask == (Decimal(asks[0][0]) / 100, Decimal(asks[0][1]) / 1000)
    assert book.levels == (len(bids), len(asks))
    assert report.messages == len(lines)


def test_files_in_order_are_one_capture(tmp_path: Path) -> None:
    _, lines = stream()
    files = [
        capture(tmp_path, part, f"{number}.ndjson")
        for number, part in enumerate((lines[:20], lines[20:]))
    ]
    assert verify_feed(files).ok
    assert not verify_feed(files[::-1]).ok


def cut(lines: Lines) -> Lines:
    return [*lines[:30], lines[30][:40], *lines[31:]]


@pytest.mark.parametrize(
    ("spoil", "what"),
    [
        (lambda lines: [*lines[:30], *lines[31:]], "an update is missing"),
        (lambda lines: [*lines[:30], lines[31], lines[30], *lines[32:]], "an update is missing"),
        (cut, "unreadable: not the JSON that was expected"),
        (lambda lines: [line for line in lines if b"lastUpdateId" not in line], "no snapshot"),
    ],
    ids=["gap", "swapped", "cut", "no snapshot"],
)
def test_every_fault_is_named(tmp_path: Path, spoil: Callable[[Lines], Lines], what: str) -> None:
    _, lines = stream()
    report = verify_feed([capture(tmp_path, spoil(lines))])
    assert not report.ok
    assert any(what in fault for fault in report.faults), report.faults


def test_a_repeated_difference_is_no_fault(tmp_path: Path) -> None:
    _, lines = stream()
    assert verify_feed([capture(tmp_path, [*lines[:30], lines[29], *lines[30:]])]).ok


@pytest.mark.parametrize("spot", [False, True])
def test_a_capture_without_its_snapshot_is_partial_if_that_is_accepted(
    tmp_path: Path, spot: bool
) -> None:
    _, lines = stream(spot=spot)
    without = [line for line in lines if b"lastUpdateId" not in line]
    path = capture(tmp_path, without)
    report = verify_feed([path], partial=True)
    assert report.ok, report.faults
    assert report.books[0].partial
    gap = capture(tmp_path, [*without[:20], *without[21:]], "gap.ndjson")
    assert "an update is missing" in verify_feed([gap], partial=True).faults


def test_decimals_that_come_late_are_learned(tmp_path: Path) -> None:
    exchange, lines = stream(count=6_000)
    finer = json.loads(exchange.change())
    finer["data"]["b"] = [["1900.12345", "0.0000001"]]
    report = verify_feed([capture(tmp_path, [*lines, json.dumps(finer).encode()])])
    assert report.ok, report.faults


def test_unknown_symbols_and_foreign_files_are_said(tmp_path: Path) -> None:
    _, lines = stream()
    path = capture(tmp_path, lines)
    with pytest.raises(DataError, match="no message about BTCUSDT") as caught:
        verify_feed([path], symbols=["BTCUSDT"])
    assert "ETHUSDT" in (caught.value.hint or "")
    with pytest.raises(DataError, match="no venue that alp knows"):
        verify_feed([capture(tmp_path, [b'{"a":1}'], "other.ndjson")])


def test_the_command_prints_books_and_exits_by_what_it_found(tmp_path: Path) -> None:
    _, lines = stream()
    good = capture(tmp_path, lines, "good.ndjson")
    bad = capture(tmp_path, [*lines[:30], *lines[31:]], "bad.ndjson")
    empty = capture(tmp_path, [], "empty")

    def verified(*arguments: object) -> Result:
        return CliRunner().invoke(command_line, ["verify", "feed", *map(str, arguments)])

    found = verified(good)
    assert (found.exit_code, found.stdout.splitlines()[-1].strip()) == (0, "no fault")
    told = json.loads(verified("--json", good).stdout)
    assert told["ok"] is True
    assert told["books"][0]["symbol"] == "ETHUSDT"
    found = verified(bad)
    assert found.exit_code == 1
    assert "fault: an update is missing" in found.stdout
    assert "cannot be trusted" in found.stderr
    assert verified(empty).exit_code == 4


SESSIONS = {
    "binance_usdm_ethusdt_20240808.jsonl.gz": 0,
    "binance_cm_ethusd_perp_20240808.jsonl.gz": 0,
    "binance_spot_btcusdt_20240808.jsonl.gz": 0,
    "binance_spot_mixed_incl_ETHUSDT_2021-04-04.txt.gz": 0,
    "coinbase_advanced_ETH-USD_BTC-USD_2026-08-09.jsonl.zst": 0,
    "coinbase_exchange_ETH-USD_BTC-USD_level2_50_matches_2026-07-07.ndjson.gz": 0,
    "kraken_v2_ETHUSD_BTCUSD_book10_trades_2026-07-07.ndjson.gz": 2_962,
    "binance_usdm_sync_session.jsonl": 0,
    "binance_spot_sync_session.jsonl": 0,
    "coinbase_exchange_feed_session.jsonl": 0,
    "kraken_futures_book_session.jsonl": 0,
    "kraken_v2_BTCUSD_d10_session.jsonl": 301,
    "kraken_v2_ETHUSD_d25_session.jsonl": 1_129,
}


@pytest.mark.parametrize("name", SESSIONS)
def test_recorded_sessions_rebuild_without_a_fault(shared: Path, name: str) -> None:
    folders = (shared / "data" / "B_l2_raw", shared / "venues" / "fixtures" / "public")
    path = next(folder / name for folder in folders if (folder / name).exists())
    report = verify_feed([path])
    assert report.ok, report.faults
    assert report.books
    assert all(book.live for book in report.books)
    assert sum(book.checksums for book in report.books) == SESSIONS[name]
    assert sum(book.checksums_equal for book in report.books) == SESSIONS[name]


def test_two_days_of_one_market_go_on_without_a_gap(shared: Path) -> None:
    folder = shared / "data" / "B_l2_raw"
    days = [folder / f"binance_spot_ethusdt_{day}.jsonl.gz" for day in ("20240808", "20240809")]
    assert verify_feed(days).ok
    assert not verify_feed(days[1:]).ok
    assert verify_feed(days[1:], partial=True).ok


def test_the_capture_that_the_documents_show_has_no_fault(root: Path) -> None:
    report = verify_feed([root / "tests" / "data" / "feeds" / "kraken-spot-2026-07-07.jsonl"])
    assert report.ok, report.faults
    assert {book.symbol: book.checksums_equal for book in report.books} == {
        "BTC/USD": 3,
        "ETH/USD": 3,
    }
