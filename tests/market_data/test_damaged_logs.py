"""Every fault of a file of pool events is refused with its place and remedy, never mended."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from logs import COLUMNS, TOPICS, Log, burn, down, mint, raw_csv, short_history, swap, up, word

from alp.data import open_source
from alp.errors import ConfigError, DataError
from alp.models.pair import TokenPair


def refusal(path: Path | list[Path], **options: object) -> DataError:
    with pytest.raises(DataError) as caught:
        for _ in open_source(path, **options).batches():
            pass
    assert caught.value.hint, "every refusal has a remedy"
    assert caught.value.path in ([path] if isinstance(path, Path) else path)
    return caught.value


def with_log(at: int, change: Callable[[Log], Log]) -> str:
    logs = short_history()
    logs[at] = change(logs[at])
    return raw_csv(logs)


def with_text(at: int, old: str, new: str) -> str:
    lines = raw_csv(short_history()).splitlines(keepends=True)
    assert old in lines[at + 1]
    lines[at + 1] = lines[at + 1].replace(old, new, 1)
    return "".join(lines)


def data(log: Log, *, words: int | None = None, set_word: tuple[int, int] | None = None) -> Log:
    body = log.data[2:]
    pieces = [body[start : start + 64] for start in range(0, len(body), 64)]
    if set_word is not None:
        pieces[set_word[0]] = word(set_word[1])
    return replace(log, data="0x" + "".join(pieces[:words]))


def topics(log: Log, change: Callable[[tuple[str, ...]], tuple[str, ...]]) -> Log:
    return replace(log, topics=change(log.topics))


FAULTS = {
    "a torn row": ("".join(with_text(2, "102,", "102\n").splitlines(True)[:4]), 4, "columns"),
    "an unclosed quote": (with_text(2, ']"', "]"), 4, "columns"),
    "a block that is no number": (with_text(2, "102,", "1e2,"), 4, "not a whole number"),
    "a log index that is negative": (with_text(2, ",1,0,", ",1,-4,"), 4, "not a whole number"),
    "a log index beyond 31 bits": (with_text(3, ",1,4,", ",1,4294967297,"), 5, "whole number"),
    "a time that is none": (with_text(2, "00:00:24", "00:00:6x"), 4, "not a time"),
    "a time in the wrong unit": (with_text(0, "2024-01-05 00:00:00", "170441280"), 2, "2015"),
    "a time that goes back": (
        with_log(3, lambda log: replace(log, time="2024-01-04 00:00:00")), 5, "time goes back"),
    "rows out of order": (raw_csv([down(0).at(101), down(-1).at(100, seconds=12)]), 3, "go back"),
    "a row twice": (raw_csv([down(0), down(0)]), 3, "same block and log index"),
    "too few topics": (
        with_log(2, lambda log: topics(log, lambda t: t[:2])), 4, "number of topics"),
    "too many topics": (
        with_log(2, lambda log: topics(log, lambda t: (*t, t[1]))), 4, "number of topics"),
    "five topics": (with_log(2, lambda log: topics(log, lambda t: t * 2)), 4, "one to four"),
    "no topics": (with_log(2, lambda log: topics(log, lambda _: ())), 4, "one to four"),
    "a short topic": (with_text(2, TOPICS["Swap"], TOPICS["Swap"][:-1]), 4, "one to four"),
    "a long topic": (with_text(2, TOPICS["Swap"], TOPICS["Swap"] + "0"), 4, "one to four"),
    "another contract's event": (
        with_log(2, lambda log: topics(log, lambda t: ("0x" + "77" * 32, *t[1:]))),
        4, "no event of a Uniswap V3 pool"),
    "data that is cut": (with_log(2, lambda log: data(log, words=4)), 4, "length"),
    "data that is cut within a word": (raw_csv(short_history())[:-9] + "\n", 7, "length"),
    "data without 0x": (
        with_log(2, lambda log: replace(log, data=log.data[2:])), 4, "length"),
    "data that is no hex": (
        with_log(2, lambda log: replace(log, data=log.data[:-1] + "g")), 4, "not hex"),
    "a price beyond uint160": (
        with_log(2, lambda log: data(log, set_word=(2, 1 << 160))), 4, "does not fit"),
    "liquidity below zero": (
        with_log(2, lambda log: data(log, set_word=(3, -1))), 4, "does not fit"),
    "a tick beyond int24": (
        with_log(2, lambda log: data(log, set_word=(4, 1 << 23))), 4, "does not fit"),
    "minted liquidity below zero": (
        with_log(0, lambda log: data(log, set_word=(1, -5))), 2, "does not fit"),
    "burned liquidity below zero": (
        with_log(4, lambda log: data(log, set_word=(0, -5))), 6, "does not fit"),
    "a range beyond int24": (
        with_log(0, lambda log: topics(log, lambda t: (*t[:3], "0x" + word(1 << 23)))),
        2, "does not fit"),
    "amounts of one sign": (raw_csv([swap(5, 6, 0)]), 2, "same sign"),
    "amounts that are both negative": (raw_csv([swap(-5, -6, 0)]), 2, "same sign"),
    "a tick that is not the price's": (
        with_log(2, lambda log: data(log, set_word=(4, 4))), 4, "disagree"),
    "a price of zero": (with_log(2, lambda log: data(log, set_word=(2, 0))), 4, "outside what"),
    "a price that moves the wrong way": (raw_csv([down(0), down(5).at(101)]), 3, "moved against"),
    "two pools mixed": (
        raw_csv([down(0), up(4000).at(101), up(1).at(102)]), 4, "moved against"),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_row(name: str, write) -> None:
    text, row, message = FAULTS[name]
    error = refusal(write(text))
    assert message in str(error)
    assert error.row == row
    assert str(error).startswith(f"{error.path}:{row}: ")


@pytest.mark.parametrize("name", FAULTS)
def test_rows_before_a_fault_are_sound(name: str, write) -> None:
    text, row, _ = FAULTS[name]
    batches = open_source(write(text)).batches(1)
    for _ in range(row - 2):
        assert len(next(batches)) == 1
    with pytest.raises(DataError):
        next(batches)


def test_a_swap_may_end_on_a_tick_going_down(write) -> None:
    """The contract leaves tick one below the price's own when an initialised tick is crossed."""
    from alp._core.tickmath import get_sqrt_ratio_at_tick

    log = swap(5, -5, -11, price=get_sqrt_ratio_at_tick(-10))
    assert open_source(write(raw_csv([log]))).read()["tick"].tolist() == [-11]


def test_a_swap_of_one_unit_may_give_nothing(write) -> None:
    assert len(open_source(write(raw_csv([swap(1, 0, 0)]))).read()) == 1


def test_a_swap_without_liquidity_is_no_fault(write) -> None:
    assert len(open_source(write(raw_csv([swap(0, 0, -400, liquidity=0)]))).read()) == 1


def test_missing_swaps_can_be_accepted_and_are_counted(write) -> None:
    logs = [down(0), down(5).at(101), up(6).at(102), up(2).at(103)]
    source = open_source(write(raw_csv(logs)), strict=False)
    assert len(source.read()) == 4
    assert source.notes == [
        "the price moved against the amounts of 2 swaps, first in row 3: swaps are missing "
        "before them"
    ]


@pytest.mark.parametrize("cut", [30, 200, -9])
def test_a_cut_gzip_file_is_refused_where_it_ends(write, cut: int) -> None:
    path = write(raw_csv([down(-at).at(100 + at) for at in range(300)]), "x.csv.gz")
    path.write_bytes(path.read_bytes()[:cut])
    error = refusal(path)
    assert "ends in the middle of the compressed stream" in str(error)


def test_a_damaged_gzip_file_is_refused(write) -> None:
    path = write(raw_csv([down(-at).at(100 + at) for at in range(3000)]), "x.csv.gz")
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert refusal(path).row > 1


def test_a_cut_zstd_file_is_refused(write) -> None:
    path = write(raw_csv([down(-at).at(100 + at) for at in range(300)]), "x.csv.zst")
    path.write_bytes(path.read_bytes()[:-20])
    refusal(path)


def test_an_empty_file_is_refused(write) -> None:
    assert "empty" in str(refusal(write("")))
    assert "empty" in str(refusal(write(gzip.compress(b""), "x.csv")))


def test_a_file_with_a_header_only_is_refused(write) -> None:
    assert "no rows" in str(refusal(write(raw_csv([]))))
    assert "no rows" in str(refusal(write(raw_csv([]).rstrip("\n"))))


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    assert "No such file" in str(refusal(tmp_path / "none.csv"))


def test_a_folder_is_refused(tmp_path: Path) -> None:
    assert "cannot be read" in str(refusal(tmp_path))


def test_two_pools_by_address_are_refused_unless_one_is_chosen(write) -> None:
    logs = [down(0), replace(up(1).at(101), address="0x" + "22" * 20)]
    error = refusal(write(raw_csv(logs, (*COLUMNS, "address"))))
    assert (error.row, "--pool" in error.hint) == (3, True)


def test_an_address_that_is_none_is_refused(write) -> None:
    logs = [replace(down(0), address="0x12")]
    assert "20-byte address" in str(refusal(write(raw_csv(logs, (*COLUMNS, "address")))))


@pytest.mark.parametrize("missing", ["block_number", "block_timestamp", "log_index"])
def test_a_missing_column_is_named(write, missing: str) -> None:
    error = refusal(write(raw_csv(short_history(), [name for name in COLUMNS if name != missing])))
    assert missing in str(error)


def test_an_unknown_option_is_refused(write) -> None:
    with pytest.raises(ConfigError, match="unknown data option colour"):
        open_source(write(raw_csv([down(0)])), colour="red")


def test_no_file_is_refused() -> None:
    with pytest.raises(ConfigError, match="no data file"):
        open_source([])


def test_a_kind_a_file_cannot_have_is_refused(write) -> None:
    error = refusal(write(raw_csv([down(0)])), kind="trades")
    assert "cannot be read as trades" in str(error)
    assert "pool_events" in error.hint


def parts(write) -> list[Path]:
    first = [mint(-100, 100, 10**18), down(-5).at(101), up(3).at(102)]
    second = [up(7).at(103), burn(-100, 100, 10).at(104), down(0).at(105)]
    return [write(raw_csv(first), "first.csv"), write(raw_csv(second), "second.csv")]


def test_files_that_follow_each_other_are_one_source(write) -> None:
    source = open_source(parts(write))
    assert source.read()["block"].tolist() == [100, 101, 102, 103, 104, 105]
    assert [info.rows for info in source.describe()] == [3, 3]
    assert source.notes == []


def test_files_in_the_wrong_order_are_refused(write) -> None:
    first, second = parts(write)
    error = refusal([second, first])
    assert "the time goes back (against the end of second.csv)" in str(error)
    assert (error.path, error.row) == (first, 2)


def test_files_that_overlap_are_refused(write) -> None:
    first, _ = parts(write)
    again = write(raw_csv([up(3).at(102), up(7).at(103)]), "again.csv")
    error = refusal([first, again])
    assert "same block and log index as the row before (against the end of first.csv)" in str(error)


def test_swaps_missing_between_files_are_noted(write) -> None:
    first, _ = parts(write)
    later = write(raw_csv([up(-40).at(120), up(-30).at(121)]), "later.csv")
    source = open_source([first, later])
    assert len(source.read()) == 5
    assert source.notes == ["later.csv: swaps are missing between this file and the one before"]


def test_a_long_pause_between_files_is_noted(write) -> None:
    first, _ = parts(write)
    later = write(raw_csv([up(7).at(9000, seconds=20_000)]), "later.csv")
    source = open_source([first, later])
    source.read()
    assert source.notes == [
        "later.csv: begins 19976 s after the end of first.csv: rows may be missing between them"
    ]


def test_files_of_different_kinds_are_refused(write, day: Path) -> None:
    first, _ = parts(write)
    with pytest.raises(DataError, match="of different kinds"):
        open_source([first, day / "binance-ethusdt-5m-2024-01-05.parquet"])


@pytest.mark.parametrize("name", ["ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"])
def test_tokens_in_the_wrong_order_are_noticed(day: Path, name: str) -> None:
    swapped = TokenPair("WETH", "USDC", 18, 6, True, 500, 10)
    error = refusal(day / name, pair=swapped)
    assert error.row == 2
    assert "the price would be 1e+21 USDC per WETH" in str(error)
    assert "baseIsToken0" in error.hint
    refusal(day / name, pair=TokenPair("WETH", "USDC", 6, 18, False, 500, 10))


def test_bars_with_tokens_in_the_wrong_order_are_noticed(excerpts: Path) -> None:
    swapped = TokenPair("WETH", "USDC", 18, 6, True, 500, 10)
    error = refusal(excerpts / "pool-minutes-2022-07-19.csv", pair=swapped)
    assert "USDC per WETH" in str(error)


def test_a_clock_ahead_of_utc_can_be_set_right(write) -> None:
    source = open_source(write(raw_csv([down(0)])), utc_offset_hours=-5)
    assert source.read()["ts_ns"][0] == (1_704_412_800 + 5 * 3600) * 10**9
    assert source.notes == ["times are read as UTC-5"]
