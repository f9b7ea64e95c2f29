"""Candles and trades of a venue: units found, every value vouched for."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from alp.data import Kind, open_source
from alp.errors import ConfigError, DataError

CANDLES = "timestamp,open,high,low,close,volume\n"
ROWS = (
    "2024-01-05 00:00:00,2200.1,2201.25,2199,2200,10.5\n"
    "2024-01-05 00:05:00,2200,2200,2190.5,2195,0\n"
    "2024-01-05 00:10:00,2195,2196,2194,2196,1.125\n"
)


def test_candles_of_the_sample_day_are_read(day: Path) -> None:
    source = open_source(day / "binance-ethusdt-5m-2024-01-05.parquet")
    candles = source.read()
    assert (source.kind, len(candles)) == (Kind.CANDLES, 288)
    assert (source.tick_size, source.lot_size) == (Decimal("0.01"), Decimal("0.0001"))
    assert source.period_ns == 300 * 10**9
    assert candles["ts_ns"][0] == 1_704_412_800 * 10**9
    assert (candles["low"] <= candles["high"]).all()
    assert candles["close"].min() * Decimal("0.01") == Decimal("2208.01")


def test_candles_as_csv_have_the_finest_units_they_need(write) -> None:
    source = open_source(write(CANDLES + ROWS))
    candles = source.read()
    assert (source.tick_size, source.lot_size) == (Decimal("0.01"), Decimal("0.001"))
    assert candles["open"].tolist() == [220010, 220000, 219500]
    assert candles["high"].tolist() == [220125, 220000, 219600]
    assert candles["volume"].tolist() == [10500, 0, 1125]
    assert source.notes == ["price unit 0.01, volume unit 0.001"]


def test_units_may_be_given(write) -> None:
    options = {"tick_size": Decimal("0.05"), "lot_size": Decimal("0.125")}
    source = open_source(write(CANDLES + ROWS), **options)
    assert source.read()["high"].tolist() == [44025, 44000, 43920]
    coarse = open_source(write(CANDLES + ROWS), tick_size=Decimal(1))
    assert coarse.read()["high"].tolist() == [2201, 2200, 2196]
    assert "'high' rounded to multiples of 1" in coarse.notes


def test_prices_that_are_no_decimals_are_rounded_and_noted(write) -> None:
    text = CANDLES + "1704412800,0.3333333333333333,0.4,0.3,0.35,1\n1704413100,0.3,0.3,0.3,0.3,1\n"
    source = open_source(write(text))
    assert source.read()["open"].tolist() == [33333333, 30000000]
    assert "prices have more than 8 decimal places: rounded to them" in source.notes


@pytest.mark.parametrize(
    ("head", "time"),
    [
        ("Open Time,Open,High,Low,Close,Volume\n", "1704412800000"),
        ("date,open,high,low,close,volume\n", "2024-01-05T00:00:00Z"),
        ("unix,open,high,low,close,volume\n", "1704412800"),
        ("ts,open,high,low,close,volume\n", "1704412800000000"),
    ],
)
def test_the_time_goes_by_several_names_and_units(write, head: str, time: str) -> None:
    text = f"{head}{time},2200,2200,2200,2200,1\n"
    candles = open_source(write(text), period_ns=60 * 10**9).read()
    assert candles["ts_ns"].tolist() == [1_704_412_800 * 10**9]


def test_an_archive_of_binance_has_no_header(write) -> None:
    row = "1704412800000,2200.10,2201.00,2199.00,2200.00,10.5,1704412859999,23100,5,4.1,9020,0\n"
    text = row + row.replace("1704412800000", "1704412860000")
    source = open_source(write(text))
    assert source.kind is Kind.CANDLES
    assert source.read()["high"].tolist() == [22010, 22010]
    assert "no header: read as Binance klines" in source.notes


BAD_CANDLES = {
    "nan": ("2024-01-05 00:05:00,2200,nan,2190,2195,0\n", "is not a finite number"),
    "infinity": ("2024-01-05 00:05:00,2200,inf,2190,2195,0\n", "is not a finite number"),
    "text": ("2024-01-05 00:05:00,2200,high,2190,2195,0\n", "is not a number"),
    "empty": ("2024-01-05 00:05:00,2200,,2190,2195,0\n", "is not a number"),
    "zero price": ("2024-01-05 00:05:00,2200,2200,0,2195,0\n", "price is not above zero"),
    "negative volume": ("2024-01-05 00:05:00,2200,2200,2195,2195,-1\n", "volume is negative"),
    "high below close": ("2024-01-05 00:05:00,2200,2200,2195,2205,1\n", "high and low do not hold"),
    "low above open": ("2024-01-05 00:05:00,2200,2205,2202,2205,1\n", "high and low do not hold"),
    "the same time": ("2024-01-05 00:00:00,2200,2200,2200,2200,1\n", "same time as the row before"),
    "an earlier time": ("2024-01-04 00:00:00,2200,2200,2200,2200,1\n", "time goes back"),
    "off the grid": ("2024-01-05 00:07:00,2200,2200,2200,2200,1\n", "whole number of periods"),
    "too few fields": ("2024-01-05 00:05:00,2200,2200,2200\n", "has 4 fields, the first line 6"),
}


@pytest.mark.parametrize("name", BAD_CANDLES)
def test_a_candle_that_cannot_be_is_refused(name: str, write) -> None:
    row, message = BAD_CANDLES[name]
    first = ROWS.splitlines(keepends=True)[0]
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(CANDLES + first + row), period_ns=300 * 10**9).read()
    assert caught.value.row == 3
    assert caught.value.hint


def test_a_number_beyond_int64_is_refused(write) -> None:
    text = CANDLES + "2024-01-05,2e12,2e12,2e12,2e12,1\n2024-01-06,2e12,2e12,2e12,2e12,1\n"
    with pytest.raises(DataError, match="'open' is too large"):
        open_source(write(text), tick_size=Decimal("1e-8"), kind="candles").read()


def test_one_candle_does_not_tell_its_length(write) -> None:
    with pytest.raises(DataError, match="does not tell its length"):
        open_source(write(CANDLES + ROWS.splitlines()[0] + "\n"))


def test_a_header_without_candles_is_refused(write) -> None:
    with pytest.raises(DataError, match="no candles"):
        open_source(write(CANDLES))


def parquet(path: Path, **changes: Callable[[Any], Any]) -> Path:
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = datetime(2024, 1, 5, tzinfo=UTC)
    table = {
        "date": pa.array(
            [start + timedelta(minutes=at) for at in range(4)], pa.timestamp("ms", "UTC")
        ),
        **{name: pa.array([2200.5] * 4) for name in ("open", "high", "low", "close")},
        "volume": pa.array([1.0, 2.0, 3.0, 4.0]),
    }
    for name, change in changes.items():
        table[name] = change(table[name])
    pq.write_table(pa.table(table), path)
    return path


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_of_any_unit_are_read(tmp_path: Path, unit: str) -> None:
    import pyarrow as pa

    path = parquet(tmp_path / "c.parquet", date=lambda old: old.cast(pa.timestamp(unit, "UTC")))
    expected = [(1_704_412_800 + 60 * at) * 10**9 for at in range(4)]
    assert open_source(path).read()["ts_ns"].tolist() == expected


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_parquet_times_as_numbers_are_read(tmp_path: Path, unit: str) -> None:
    import pyarrow as pa

    path = parquet(
        tmp_path / "c.parquet",
        date=lambda old: old.cast(pa.timestamp(unit, "UTC")).cast(pa.int64()),
    )
    assert open_source(path).read()["ts_ns"][1] == 1_704_412_860 * 10**9


def test_parquet_times_without_a_zone_are_utc_and_noted(tmp_path: Path) -> None:
    import pyarrow as pa

    source = open_source(
        parquet(tmp_path / "c.parquet", date=lambda old: old.cast(pa.timestamp("ms")))
    )
    assert source.read()["ts_ns"][0] == 1_704_412_800 * 10**9
    assert "times carry no zone: read as UTC" in source.notes


def test_an_empty_value_of_parquet_is_named_by_its_row(tmp_path: Path) -> None:
    import pyarrow as pa

    path = parquet(tmp_path / "c.parquet", close=lambda _: pa.array([1.0, None, 1.0, 1.0]))
    with pytest.raises(DataError, match="'close' is empty") as caught:
        open_source(path)
    assert caught.value.row == 2


def test_a_cut_parquet_file_is_refused(tmp_path: Path) -> None:
    path = parquet(tmp_path / "c.parquet")
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(DataError, match="not a complete parquet file"):
        open_source(path)


def test_files_of_candles_share_the_finest_unit(write) -> None:
    first = write(CANDLES + ROWS, "a.csv")
    second = write(CANDLES + ROWS.replace("-05 ", "-06 ").replace("2200.1,", "2200.123,"), "b.csv")
    source = open_source([first, second])
    assert source.tick_size == Decimal("0.001")
    assert source.read()["open"].tolist()[:4] == [2200100, 2200000, 2195000, 2200123]


def test_trades_say_who_was_the_aggressor(excerpts: Path) -> None:
    source = open_source(excerpts / "gemini-trades-2021-07-01.csv")
    trades = source.read()
    assert (source.kind, len(trades)) == (Kind.TRADES, 100)
    first = trades[0]
    assert first["ts_ns"] == 1_625_097_621_647 * 10**6
    assert first["price"] * source.tick_size == Decimal("2278.15")
    assert first["quantity"] * source.lot_size == Decimal("0.0409")
    assert trades["side"].tolist()[:3] == [-1, -1, 1]


TRADES = (
    "timestamp,price,volume,direction\n"
    "1704067204.209,2283.84,0.022,sell\n"
    "1704067204.218,2283.9,1,buy\n"
)


def test_sides_may_be_words(write) -> None:
    assert open_source(write(TRADES)).read()["side"].tolist() == [-1, 1]


def test_without_a_side_it_is_unknown_and_noted(write) -> None:
    source = open_source(write("time,price,qty\n1704067204,2283.84,0.022\n"))
    assert source.read()["side"].tolist() == [0]
    assert "sides are unknown" in source.notes[0]


def test_archives_of_trades_have_no_header(write) -> None:
    text = (
        "1,2283.84,0.022,50.2,1704067204209,True,True\n"
        "2,2283.85,0.1,228.3,1704067204300,False,True\n"
    )
    assert open_source(write(text)).read()["side"].tolist() == [-1, 1]
    aggregated = "1,2283.84,0.022,1,3,1704067204209,True,True\n"
    assert open_source(write(aggregated, "b.csv")).read()["price"].tolist() == [228384]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("2283.9", "0", "'price' is not above zero"),
        ("2283.9", "nan", "'price' is not above zero"),
        ("2283.9", "x", "'price' is not a number"),
        (",1,buy", ",-1,buy", "'volume' is not above zero"),
        ("buy", "hold", "'direction' is no side"),
        ("1704067204.218", "1704067204.1", "the time goes back"),
    ],
)
def test_a_trade_that_cannot_be_is_refused(write, old: str, new: str, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(TRADES.replace(old, new))).read()
    assert caught.value.row == 3


def test_a_price_off_the_tick_given_is_refused(write) -> None:
    with pytest.raises(DataError, match=r"no multiple of 0.05"):
        open_source(write(TRADES), tick_size=Decimal("0.05")).read()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("block_number,base_fee_per_gas\n100,20000000000\n101,20500000000\n", [20e9, 20.5e9]),
        ("number,baseFeePerGas\n100,20000000000\n", [20e9]),
        ("timestamp,base_fee_gwei\n2024-01-05,20.5\n2024-01-06,21\n", [20.5e9, 21e9]),
        ("block,timestamp,base_fee_wei\n100,1704412800,7\n", [7]),
    ],
)
def test_base_fees_are_wei_whatever_the_column_says(
    write, text: str, expected: list[float]
) -> None:
    source = open_source(write(text))
    assert source.kind is Kind.BASE_FEE
    assert source.read()["base_fee_wei"].tolist() == expected


def test_what_a_base_fee_row_does_not_say_is_minus_one(write) -> None:
    by_block = open_source(write("block,base_fee_wei\n100,7\n", "a.csv")).read()
    by_time = open_source(write("timestamp,base_fee_wei\n2024-01-05,7\n", "b.csv")).read()
    assert (by_block["ts_ns"][0], by_block["block"][0]) == (-1, 100)
    assert (by_time["ts_ns"][0], by_time["block"][0]) == (1_704_412_800 * 10**9, -1)


def test_the_unit_of_a_base_fee_must_be_known(write) -> None:
    path = write("block,base_fee\n100,25\n")
    with pytest.raises(DataError, match="does not say its unit"):
        open_source(path)
    assert open_source(path, unit="gwei").read()["base_fee_wei"].tolist() == [25 * 10**9]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base_fee_wei\n7\n", "neither a block nor a time"),
        ("block,base_fee_wei\n100,7\n99,7\n", "the block goes back"),
        ("block,base_fee_wei\n100,-7\n", "no possible base fee"),
        ("block,base_fee_wei\n100,1.5\n", "not a whole number of wei"),
        ("block,base_fee_wei\n100,nan\n", "no possible base fee"),
        ("timestamp,base_fee_wei\n2024-01-06,7\n2024-01-05,7\n", "the time goes back"),
    ],
)
def test_a_base_fee_that_cannot_be_is_refused(write, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        open_source(write(text)).read()


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"PK\x03\x04 workbook", "a.xlsx", "zip archive or a spreadsheet"),
        (b"ARROW1 feather", "a.feather", "Arrow/Feather"),
        (b'1722 {"stream": "x"}\n', "a.jsonl", "JSON lines"),
        (b"time_seconds,bid_price_bid_size,ask_price_ask_size\n", "a.csv", "best bids and asks"),
        (b"name,colour\nx,red\n", "a.csv", "not a format alp reads .columns: name, colour"),
    ],
)
def test_what_cannot_be_read_says_what_it_seems_to_be(
    write, content: bytes, name: str, message: str
) -> None:
    with pytest.raises(DataError, match=message) as caught:
        open_source(write(content, name))
    assert caught.value.hint


def test_a_format_may_be_named(write) -> None:
    assert open_source(write(CANDLES + ROWS), format="candles-csv").format == "candles-csv"
    with pytest.raises(ConfigError, match="no format is called 'candle'"):
        open_source(write(CANDLES + ROWS), format="candle")


def test_numpy_rows_are_what_compiled_code_reads(write) -> None:
    assert open_source(write(CANDLES + ROWS)).read().flags.c_contiguous
    assert np.dtype("<i8") == open_source(write(CANDLES + ROWS)).read()["close"].dtype
