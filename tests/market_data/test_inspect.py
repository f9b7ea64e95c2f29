"""``alp data inspect``: everything about a file at once, faults collected with their first row."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from logs import burn, down, mint, raw_csv, short_history, swap, up

from alp.cli.data import data
from alp.data.inspect import FileReport, inspect_files
from alp.errors import ConfigError

DAY = "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"


def inspect(path: Path, **options: Any) -> FileReport:
    (report,) = inspect_files([path], **options)
    return report


def codes(report: FileReport) -> dict[str, tuple[int | None, int]]:
    """First row and count of each finding."""
    return {each.code: (each.row, each.count) for each in report.findings}


def test_the_sample_day_is_described(day: Path, pair) -> None:
    report = inspect(day / DAY, pair=pair)
    assert report.sound
    assert (report.format, report.kind, report.rows) == ("raw-logs-csv", "pool_events", 6234)
    assert (report.compression, report.bytes) == ("gzip", 622842)
    facts = report.facts
    assert facts["events"] == {"swap": 6046, "mint": 54, "burn": 69, "collect": 65}
    assert facts["price_unit"] == "USDC per WETH"
    assert (round(facts["price_low"], 2), round(facts["price_high"], 2)) == (2195.09, 2285.5)
    assert facts["in0"] == "124709318603849"
    assert facts["just_in_time_positions"] == 29
    assert codes(report) == {"liquidity-spike": (185, 28)}
    assert report.gaps[0]["seconds"] == 120.0


def test_prices_without_a_pair_are_raw(day: Path) -> None:
    facts = inspect(day / DAY).facts
    assert facts["price_unit"] == "raw token1 per raw token0"
    assert 4.3e8 < facts["price_low"] < facts["price_high"] < 4.6e8


def test_all_faults_of_a_file_are_collected(write) -> None:
    logs = [
        down(0),
        swap(5, 5, -1).at(101),
        up(-3).at(102),
        up(5).at(102),
        down(4).at(90, seconds=10),
        swap(5, -5, 3, price=1 << 96).at(104),
    ]
    report = inspect(write(raw_csv(logs)))
    assert not report.sound
    assert codes(report) == {
        "time-back": (6, 1),
        "repeated": (5, 1),
        "order": (6, 1),
        "amount-signs": (3, 1),
        "tick-price": (7, 1),
        "price-against-amounts": (4, 1),
    }
    assert all(each.hint for each in report.findings)


def test_reading_stops_where_a_row_cannot_be_decoded(write) -> None:
    report = inspect(write(raw_csv(short_history()) + "torn"))
    assert report.rows == 6
    assert report.error.row == 8
    assert "columns" in report.error.message
    assert not report.sound


def test_swaps_without_liquidity_and_just_in_time_liquidity_are_counted(write) -> None:
    logs = [
        down(0),
        mint(-10, 10, 10**20).at(101, 0),
        down(-1, liquidity=10**18 + 10**20).at(101, 1),
        burn(-10, 10, 10**20).at(101, 2),
        swap(0, 0, -400, liquidity=0).at(102),
    ]
    report = inspect(write(raw_csv(logs)))
    assert report.facts["just_in_time_positions"] == 1
    assert report.facts["swaps_without_liquidity"] == 1
    assert codes(report) == {"liquidity-spike": (4, 1)}
    assert report.sound


def test_a_jump_of_the_price_is_a_warning(write) -> None:
    report = inspect(write(raw_csv([down(0), down(-100).at(101), down(-1000).at(102)])))
    assert codes(report) == {"price-jump": (4, 1)}
    assert "9.4%" in report.findings[0].message
    assert report.sound


def test_the_longest_pauses_are_told_with_their_place(write) -> None:
    logs = [down(-at).at(100 + at, seconds=at * 10 + (500 if at > 3 else 0)) for at in range(6)]
    first, *_ = inspect(write(raw_csv(logs))).gaps
    assert first == {"seconds": 510.0, "after_ns": (1_704_412_830) * 10**9, "row": 6}


def test_candles_trades_liquidity_and_fees_are_described(day: Path, excerpts: Path, write) -> None:
    candles = inspect(day / "binance-ethusdt-5m-2024-01-05.parquet").facts
    assert (candles["period_seconds"], candles["tick_size"]) == (300.0, "0.01")
    assert candles["volume"] == "405568.0006"
    trades = inspect(excerpts / "gemini-trades-2021-07-01.csv").facts
    assert trades["bought"] + trades["sold"] == 100
    bars = inspect(excerpts / "pool-minutes-2022-07-19.csv").facts
    assert bars["bars_without_liquidity"] == 0
    liquidity = inspect(day / "ethereum-usdc-weth-5bps-2024-01-05.liquidity.csv").facts
    assert liquidity["liquidity_high"] == "17329865870379177872"
    fees = inspect(write("block,base_fee_gwei\n1,20\n2,25.5\n")).facts
    assert fees == {"base_fee_gwei_low": 20.0, "base_fee_gwei_high": 25.5}


def test_negative_active_liquidity_is_a_warning(write) -> None:
    import numpy as np

    from alp.data import Kind
    from alp.data.liquidity import net_rows
    from alp.data.store import write_store

    path = write("x").with_name("liquidity.parquet")
    write_store(path, Kind.LIQUIDITY, [net_rows({0: 5, 10: -7, 20: 2})], dict)
    report = inspect(path)
    assert codes(report) == {"negative-liquidity": (2, 1)}
    assert np.isfinite(report.rows)


def test_files_are_looked_at_on_their_own_unless_told(write) -> None:
    first = write(raw_csv(short_history()), "a.csv")
    again = write(raw_csv(short_history()), "b.csv")
    assert all(report.sound for report in inspect_files([first, again]))
    _, second = inspect_files([first, again], together=True)
    assert {"time-back", "order"} <= set(codes(second))
    assert "(against the end of a.csv)" in second.findings[0].message


def test_a_missing_pair_is_told_for_the_file_alone(excerpts: Path, write) -> None:
    reports = inspect_files(
        [excerpts / "pool-ohlc-2023-12-27.csv", write("block,base_fee_wei\n1,2\n")]
    )
    assert [report.sound for report in reports] == [False, True]
    assert "--pair" in reports[0].error.hint or "--tokens" in reports[0].error.hint


def test_a_wrong_option_is_refused_at_once(write) -> None:
    with pytest.raises(ConfigError):
        inspect_files([write("x\n")], colour="red")


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(data, [str(each) for each in arguments])


def test_the_command_prints_and_exits_by_soundness(day: Path, write) -> None:
    good = run("inspect", "--tokens", "USDC:6/WETH:18", day / DAY)
    assert good.exit_code == 0
    assert "6,046 swap" in good.output
    assert "USDC per WETH" in good.output
    bad = run("inspect", day / DAY, write(raw_csv([down(0), down(1).at(101)])))
    assert bad.exit_code == 4
    assert "row 3: the price moved against the swap's amounts" in bad.output
    missing = run("inspect", "nowhere.csv")
    assert missing.exit_code == 4
    assert "No such file" in missing.output


def test_the_command_prints_json(day: Path, write) -> None:
    result = run("inspect", "--json", day / DAY, write(""))
    assert result.exit_code == 4
    first, second = json.loads(result.output)
    assert (first["rows"], first["sound"]) == (6234, True)
    assert second["error"]["message"] == "the file is empty"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--tokens", "USDC/WETH"), "not two tokens with decimals"),
        (("--tokens", "WBTC:8/WETH:18"), "which is the risky one"),
        (("--tokens", "USDC:6/WETH:18", "--base", "DAI"), "--base DAI is none"),
    ],
)
def test_tokens_that_are_not_understood_are_refused(
    write, arguments: tuple[str, ...], message: str
) -> None:
    result = run("inspect", *arguments, write("x\n"))
    assert message in str(result.exception)


@pytest.mark.parametrize("base", ["WETH", "USDC"])
def test_the_base_may_be_either_token(day: Path, base: str) -> None:
    result = run("inspect", "--tokens", "USDC:6/WETH:18", "--base", base, day / DAY)
    assert f"per {base}" in result.output


def test_the_liquidity_command_writes_what_is_shipped(day: Path, tmp_path: Path) -> None:
    target = tmp_path / "liquidity.csv"
    result = run("liquidity", "--tokens", "USDC:6/WETH:18", day / DAY, target)
    assert result.exit_code == 0, result.output
    assert "39 of 42 buckets observed, 3 solved" in result.output
    shipped = day / "ethereum-usdc-weth-5bps-2024-01-05.liquidity.csv"
    assert target.read_bytes() == shipped.read_bytes()


def test_the_convert_command_tells_what_it_did(day: Path, tmp_path: Path) -> None:
    target = tmp_path / "day.parquet"
    result = run("convert", day / DAY, target)
    assert result.output == f"{target}: 6,234 rows of pool_events\n"
    again = run(
        "convert", "--json", "--kind", "bars", "--period", "1h", target, tmp_path / "h.parquet"
    )
    assert json.loads(again.output)["rows"] == 24


def test_help_teaches_by_example() -> None:
    for command in ("inspect", "convert", "liquidity", "fetch"):
        result = run(command, "--help")
        assert result.exit_code == 0
        assert f"alp data {command}" in result.output.partition("Examples:")[2]
