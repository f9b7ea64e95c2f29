"""Raw pool logs in every dress they come in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from logs import COLUMNS, OWNER, Log, down, mint, quoted, raw_csv, short_history, table, up

from alp.data import Kind, open_source
from alp.data.schema import EventKind, signed, unsigned


def test_the_sample_day_is_read(day: Path) -> None:
    source = open_source(day / "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz")
    events = source.read()
    assert (source.kind, source.format) == (Kind.POOL_EVENTS, "raw-logs-csv")
    kinds, counts = np.unique(events["kind"], return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {1: 6046, 2: 54, 3: 69, 4: 65}
    first = events[0]
    assert first["block"] == 18937382
    assert first["ts_ns"] == 1_704_412_823 * 10**9
    assert signed(first["amount0"]) == -22686110
    assert signed(first["amount1"]) == 10**16
    assert unsigned(first["sqrt_price_x96"]) == 1662995104975155420368771254341874
    assert unsigned(first["liquidity"]) == 12453647101533358277
    assert first["tick"] == 199045
    assert int(first["owner"]) == 0xC647D5A6CC9D4B2B7FAD - (0xC647 << 64)


def test_rows_come_in_pieces_of_any_size(day: Path) -> None:
    source = open_source(day / "ethereum-usdc-weth-30bps-2024-01-05.raw.csv.gz")
    whole = source.read()
    for size in (1, 7, 303, 304, 305):
        pieces = list(source.batches(size))
        assert max(map(len, pieces)) == min(size, 304)
        np.testing.assert_array_equal(np.concatenate(pieces), whole)


def test_rows_may_be_split_anywhere_between_blocks_of_the_file(
    write, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write(raw_csv(short_history()))
    whole = open_source(path).read()
    from alp.data.files import InputFile

    blocks = InputFile.blocks
    for size in (1, 13, 400):
        monkeypatch.setattr(InputFile, "blocks", lambda self, _=0, size=size: blocks(self, size))
        np.testing.assert_array_equal(open_source(path).read(), whole)


@pytest.mark.parametrize("name", ["logs.csv", "logs.csv.gz", "logs.csv.zst", "logs.dat"])
def test_compression_is_found_by_content(write, name: str) -> None:
    expected = open_source(write(raw_csv(short_history()), "expected.csv")).read()
    np.testing.assert_array_equal(
        open_source(write(raw_csv(short_history()), name)).read(), expected
    )


def test_a_compressed_file_under_a_plain_name_is_read(write) -> None:
    packed = write(raw_csv(short_history()), "logs.csv.gz")
    assert len(open_source(packed.rename(packed.with_name("logs.csv"))).read()) == 6


def test_several_gzip_members_are_one_file(write) -> None:
    text = raw_csv(short_history())
    half = text.index("\n", len(text) // 2) + 1
    parts = [write(text[:half], "a.gz").read_bytes(), write(text[half:], "b.gz").read_bytes()]
    assert len(open_source(write(b"".join(parts), "both")).read()) == 6


def test_columns_may_be_in_any_order(write) -> None:
    expected = open_source(write(raw_csv(short_history()))).read()
    mixed = raw_csv(short_history(), reversed(COLUMNS))
    np.testing.assert_array_equal(open_source(write(mixed, "mixed.csv")).read(), expected)


def test_topics_may_be_a_python_list_without_commas_inside_quotes(write) -> None:
    expected = open_source(write(raw_csv(short_history()))).read()
    rows = []
    for log in short_history():
        fields = log.fields() | {"topics": str(list(log.topics))}
        rows.append([fields[name] for name in COLUMNS])
    np.testing.assert_array_equal(
        open_source(write(table(rows, COLUMNS), "x.csv")).read(), expected
    )


def test_upper_case_hex_and_header_are_read(write) -> None:
    text = raw_csv([down(-5)])
    header, row = text.splitlines()
    upper = "\n".join((header.upper(), row.upper().replace("0X", "0x"), ""))
    expected = open_source(write(text)).read()
    np.testing.assert_array_equal(open_source(write(upper, "x.csv")).read(), expected)


def test_columns_of_the_position_manager_are_passed_over(excerpts: Path) -> None:
    source = open_source(excerpts / "raw-logs-proxy-columns-2022-01-05.csv")
    events = source.read()
    assert len(events) == 200
    assert events["ts_ns"][0] == 1_641_340_802 * 10**9
    assert set(events["kind"].tolist()) >= {EventKind.SWAP, EventKind.MINT}


def test_decoded_and_raw_logs_of_a_day_are_the_same_events(day: Path, excerpts: Path) -> None:
    raw = open_source(day / "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz").read()
    source = open_source(excerpts / "decoded-logs-2024-01-05.csv")
    decoded = source.read()
    assert source.notes == ["a Mint's owner is not in this format: its sender is taken"]
    expected = raw[: len(decoded)].copy()
    minted = expected["kind"] == EventKind.MINT
    assert minted.any()
    expected["owner"][minted] = decoded["owner"][minted]
    np.testing.assert_array_equal(decoded, expected)


@pytest.mark.parametrize(
    "time", ["2024-01-05T00:00:00Z", "2024-01-05 08:00:00+08:00", "1704412800", "1704412800000"]
)
def test_times_may_be_iso_or_unix(write, time: str) -> None:
    log = Log(down(0).topics, down(0).data, time=time)
    assert open_source(write(raw_csv([log]))).read()["ts_ns"][0] == 1_704_412_800 * 10**9


def test_line_ends_of_windows_and_a_byte_order_mark_are_read_and_noted(write) -> None:
    text = raw_csv(short_history())
    source = open_source(write(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "x.csv"))
    np.testing.assert_array_equal(source.read(), open_source(write(text)).read())
    assert source.notes == ["starts with a byte order mark", "lines end with CR LF"]


def test_a_last_row_without_line_end_is_read_and_noted(write) -> None:
    source = open_source(write(raw_csv(short_history()).rstrip("\n")))
    assert len(source.read()) == 6
    assert source.notes == ["the last row has no line end: the file may be cut off there"]


def test_empty_lines_are_no_rows_but_count_as_lines(write) -> None:
    lines = raw_csv(short_history()).splitlines()
    assert len(open_source(write("\n\n".join(lines) + "\n\n\n")).read()) == 6


def two_pools() -> list[Log]:
    ours, theirs = "0x" + "aA" * 20, "0x" + "BB" * 20
    logs = [down(-5).at(100), down(4000).at(101), down(-6).at(102), down(3999).at(103)]
    return [
        Log(log.topics, log.data, log.block, log.time, log.index, ours if at % 2 == 0 else theirs)
        for at, log in enumerate(logs)
    ]


def test_one_pool_of_several_is_kept_when_asked_for(write) -> None:
    path = write(raw_csv(two_pools(), (*COLUMNS, "address")))
    source = open_source(path, pool="0x" + "Aa" * 20)
    assert source.read()["tick"].tolist() == [-5, -6]
    assert source.notes == ["2 rows of other pools left out, as asked"]


def test_other_columns_are_ignored(write) -> None:
    rows = [[*(log.fields()[name] for name in COLUMNS), 'a "b", c'] for log in short_history()]
    assert len(open_source(write(table(rows, (*COLUMNS, "remark")))).read()) == 6
    assert quoted('a "b", c') == '"a ""b"", c"'


def test_the_owner_is_the_end_of_its_address(write) -> None:
    events = open_source(write(raw_csv([mint(-10, 10, 5), up(3).at(101)]))).read()
    assert {hex(owner) for owner in events["owner"].tolist()} == {"0x" + OWNER[-16:]}


def test_where_the_data_came_from_is_told(write) -> None:
    path = write(raw_csv(short_history()), "logs.csv.gz")
    (info,) = open_source(path).describe()
    assert info.as_dict() == {
        "path": "logs.csv.gz",
        "sha256": open_source(path).sha256,
        "format": "raw-logs-csv",
        "kind": "pool_events",
        "rows": 6,
        "start_ns": 1_704_412_800 * 10**9,
        "end_ns": 1_704_412_848 * 10**9,
        "notes": [],
    }
    assert len(info.sha256) == 64
