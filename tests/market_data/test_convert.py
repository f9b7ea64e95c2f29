"""alp's own parquet form: nothing lost, the same bytes every time, repairs only when asked."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from logs import down, raw_csv, short_history, up

from alp.data import Kind, open_source
from alp.data.convert import convert
from alp.data.schema import DTYPES
from alp.data.store import StoredParquet, write_store
from alp.errors import ConfigError, DataError

DAY = "ethereum-usdc-weth-5bps-2024-01-05.raw.csv.gz"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        (DAY, Kind.POOL_EVENTS),
        ("ethereum-usdc-weth-5bps-2024-01-05.liquidity.csv", Kind.LIQUIDITY),
        ("binance-ethusdt-5m-2024-01-05.parquet", Kind.CANDLES),
    ],
)
def test_a_converted_file_is_read_as_the_original(
    day: Path, tmp_path: Path, name: str, kind: Kind
) -> None:
    target = tmp_path / "out.parquet"
    done = convert(day / name, target)
    original, copy = open_source(day / name), open_source(target)
    np.testing.assert_array_equal(copy.read(), original.read())
    assert (copy.kind, copy.format, done.rows) == (kind, "alp-parquet", len(original.read()))
    assert (copy.tick_size, copy.lot_size) == (original.tick_size, original.lot_size)
    assert copy.period_ns == original.period_ns
    assert copy.notes[0] == f"converted from {name} (sha256 {original.sha256})"
    assert copy.notes[1:] == original.notes


def test_trades_minutes_and_base_fees_keep_their_units(
    excerpts: Path, write, tmp_path: Path
) -> None:
    fees = write("block,base_fee_gwei\n100,20.5\n", "fees.csv")
    for path in (
        excerpts / "gemini-trades-2021-07-01.csv",
        excerpts / "pool-minutes-2022-07-19.csv",
        fees,
    ):
        target = tmp_path / "out.parquet"
        convert(path, target)
        original, copy = open_source(path), open_source(target)
        np.testing.assert_array_equal(copy.read(), original.read())
        assert (copy.tick_size, copy.period_ns) == (original.tick_size, original.period_ns)


@pytest.mark.parametrize("kind", list(Kind))
def test_every_bit_of_every_kind_survives(
    kind: Kind, tmp_path_factory: pytest.TempPathFactory
) -> None:
    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.integers(0, 2**32), st.integers(0, 3))
    def survives(seed: int, rows: int) -> None:
        dtype = DTYPES[kind]
        raw = np.random.default_rng(seed).bytes(dtype.itemsize * rows)
        array = np.frombuffer(raw, dtype).copy()
        for name in dtype.names:
            if name.startswith("pad"):
                array[name] = 0
        path = tmp_path_factory.mktemp("store") / "x.parquet"
        about = {"tick_size": None, "lot_size": None, "period_ns": None, "sources": []}
        assert write_store(path, kind, [array[:1], array[1:]], lambda: about) == rows
        (reader,) = open_source(path).readers
        assert isinstance(reader, StoredParquet)
        pieces = [piece.array for piece in reader.read(2)]
        np.testing.assert_array_equal(np.concatenate([array[:0], *pieces]), array)

    survives()


def test_converting_twice_gives_the_same_bytes(day: Path, tmp_path: Path) -> None:
    one, two = tmp_path / "one.parquet", tmp_path / "two.parquet"
    convert(day / DAY, one)
    convert(day / DAY, two)
    assert one.read_bytes() == two.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one.parquet", "two.parquet"]


def test_files_are_joined_in_their_order(write, tmp_path: Path) -> None:
    history = short_history()
    paths = [write(raw_csv(history[:2]), "a.csv"), write(raw_csv(history[2:]), "b.csv")]
    convert(paths, tmp_path / "out.parquet")
    whole = open_source(write(raw_csv(history))).read()
    source = open_source(tmp_path / "out.parquet")
    np.testing.assert_array_equal(source.read(), whole)
    assert [note.split(" (")[0] for note in source.notes] == [
        "converted from a.csv",
        "converted from b.csv",
    ]


def test_events_can_be_written_as_bars(day: Path, tmp_path: Path) -> None:
    target = tmp_path / "bars.parquet"
    done = convert(day / DAY, target, kind="bars", period_ns=300 * 10**9)
    assert (done.kind, done.rows) == (Kind.BARS, 288)
    source = open_source(target)
    assert (source.kind, source.period_ns) == (Kind.BARS, 300 * 10**9)


def test_a_fault_leaves_no_file(write, tmp_path: Path) -> None:
    with pytest.raises(DataError):
        convert(write(raw_csv([down(0), down(5).at(101)])), tmp_path / "out.parquet")
    assert [path.name for path in tmp_path.iterdir()] == ["data.csv"]


def test_a_file_is_not_written_over_itself(day: Path, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    convert(day / DAY, target)
    with pytest.raises(ConfigError, match="over its own source"):
        convert(target, target)


def shuffled() -> str:
    history = short_history()
    return raw_csv([history[at] for at in (3, 0, 5, 1, 4, 2)])


def test_order_is_restored_only_when_asked(write, tmp_path: Path) -> None:
    path = write(shuffled())
    target = tmp_path / "out.parquet"
    with pytest.raises(DataError, match="the time goes back") as caught:
        convert(path, target)
    assert "--sort" in caught.value.hint
    convert(path, target, sort=True)
    expected = open_source(write(raw_csv(short_history()), "sound.csv")).read()
    source = open_source(target)
    np.testing.assert_array_equal(source.read(), expected)
    assert "sorted when converted: 0 rows left out" in source.notes


def test_identical_rows_are_dropped_only_when_asked(write, tmp_path: Path) -> None:
    history = short_history()
    path = write(raw_csv([*history, history[2]]))
    target = tmp_path / "out.parquet"
    with pytest.raises(DataError):
        convert(path, target, sort=True)
    done = convert(path, target, sort=True, drop_duplicates=True)
    assert (done.rows, done.dropped) == (6, 1)
    assert "sorted and repeats dropped when converted: 1 rows left out" in open_source(target).notes


def test_rows_that_only_share_their_place_stay_a_fault(write, tmp_path: Path) -> None:
    path = write(raw_csv([up(3), up(4)]))
    with pytest.raises(DataError, match="same block and log index"):
        convert(path, tmp_path / "out.parquet", sort=True, drop_duplicates=True)


def test_equal_trades_are_no_repeats(excerpts: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="two trades may be alike"):
        convert(
            excerpts / "gemini-trades-2021-07-01.csv", tmp_path / "x.parquet", drop_duplicates=True
        )


def metadata(path: Path, **changes: object) -> None:
    """Write a stored file again with other metadata."""
    import json

    import pyarrow.parquet as pq

    table = pq.read_table(path)
    about = json.loads(pq.read_metadata(path).metadata[b"alp"]) | changes
    pq.write_table(table.replace_schema_metadata({"alp": json.dumps(about)}), path)


def test_a_later_version_is_refused(write, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    convert(write(raw_csv(short_history())), target)
    metadata(target, version=2)
    with pytest.raises(
        DataError, match="version 2 of alp's parquet form, this alp reads 1"
    ) as caught:
        open_source(target)
    assert "upgrade alp" in caught.value.hint


def test_columns_of_another_kind_are_refused(write, tmp_path: Path) -> None:
    target = tmp_path / "out.parquet"
    convert(write(raw_csv(short_history())), target)
    metadata(target, kind="bars")
    with pytest.raises(DataError, match="'period_ns' is missing"):
        open_source(target)


def test_a_unit_given_is_kept_in_the_file(write, tmp_path: Path) -> None:
    text = "timestamp,open,high,low,close,volume\n2024-01-05,5,5,5,5,1\n2024-01-06,5,5,5,5,1\n"
    convert(write(text), tmp_path / "out.parquet", tick_size=Decimal("0.25"))
    source = open_source(tmp_path / "out.parquet")
    assert source.tick_size == Decimal("0.25")
    assert source.read()["open"].tolist() == [20, 20]
