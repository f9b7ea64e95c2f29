"""The compiled way through a CSV file gives what the plain Python way gives, to the last bit."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from alp._core.csv_columns import CELL_CODES
from alp.data import columns, open_source
from alp.data.candle_bars import PoolPrices
from alp.data.candle_units import CandleTable
from alp.data.columns import Wanted, read_table
from alp.data.files import InputFile
from alp.data.schema import BAR, Array
from alp.data.table import Cells, Line, csv_rows
from alp.errors import DataError
from alp.models.pair import TokenPair

PRICES = st.one_of(
    st.builds(round, st.floats(1e-5, 1e6), st.integers(2, 14)).filter(lambda price: price > 0),
    st.floats(1e-12, 1e12),
    # Exact squares, and numbers whose inverse is as long as they are.
    st.builds(lambda root, places: float(f"{root * root}e-{places}"),
              st.integers(1, 4000), st.integers(0, 12)),
    st.builds(lambda two, five: float(f"{2**two * 5**five}e-12"),
              st.integers(0, 20), st.integers(0, 10)),
)  # fmt: skip
VOLUMES = st.one_of(st.just(0.0), st.floats(1e-9, 1e7), st.integers(1, 10**6).map(float))
PAIRS = st.builds(
    TokenPair,
    st.just("BASE"),
    st.just("QUOTE"),
    st.sampled_from([18, 8, 6]),
    st.sampled_from([6, 18]),
    st.booleans(),
    st.just(500),
    st.just(10),
)


@settings(max_examples=400, deadline=None)
@given(
    PAIRS,
    st.lists(st.tuples(PRICES, PRICES, PRICES, PRICES, VOLUMES), min_size=1, max_size=6),
    st.sampled_from(["quotePerBase", "basePerQuote"]),
    st.sampled_from(["raw", "tokens"]),
)
@example(
    TokenPair("WETH", "USDC", 18, 6, False, 500, 10),
    [(0.0004, 0.00041209, 0.00044521, 0.0009, 2.5), (0.0003, 0.0006, 0.0007, 0.0007, 3.0)],
    "basePerQuote",
    "tokens",
)
def test_bars_are_those_of_the_definition_in_decimal(
    pair: TokenPair, candles: list[tuple[float, ...]], direction: Any, unit: Any
) -> None:
    table = CandleTable(
        np.arange(len(candles)), *(np.array(column) for column in zip(*candles, strict=True))
    )
    reader: Any = SimpleNamespace(options=SimpleNamespace(pair=pair, direction=direction))
    prices = PoolPrices(reader)
    prices.volume_unit = unit
    try:
        expected = prices.bars_by_decimal(table, 60)
    except OverflowError:
        return
    np.testing.assert_array_equal(prices.bars(table, np.arange(len(candles)), 60), expected)


def test_usual_prices_need_no_decimal(pair: TokenPair, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(7)
    for inverted in (True, False):
        quotes = np.round(1500 + 2500 * generator.random((4, 5000)), 3)
        values = np.round(1 / quotes, 14) if inverted else quotes
        table = CandleTable(np.arange(5000), *values, 1e19 * generator.random(5000))
        direction = "basePerQuote" if inverted else "quotePerBase"
        reader: Any = SimpleNamespace(options=SimpleNamespace(pair=pair, direction=direction))
        prices = PoolPrices(reader)
        prices.volume_unit = "raw"
        slow: list[int] = []

        def count(table: CandleTable, period_ns: int, slow: list[int] = slow) -> Array:
            slow.append(len(table.ts_ns))
            return np.zeros(len(table.ts_ns), BAR)

        monkeypatch.setattr(prices, "bars_by_decimal", count)
        prices.bars(table, np.arange(5000), 60)
        assert sum(slow) <= 25


CELLS = st.one_of(
    st.sampled_from(
        ["1", "-1", "+1", "007", "3.0", "3.", "3.5", " 4", "4 ", " 4.0", "1_000", "", "-", "nan",
         "1e5", "1e400", "0x1f", "ä", "-0", str(2**63), str(2**128), str(2**160), str(2**255)]
    ),
    st.integers(-(2**256), 2**256).map(str),
    st.floats().map(repr),
    st.sampled_from(["2024-01-05", "2024-01-05 00:00:01", " 1704412800 ", "1704412800.5", "soon"]),
    st.sampled_from(["0x" + "ab" * 20, "0xABCDEF0123456789", "beef", "0x" + "xy" * 20]),
)  # fmt: skip
FIELDS = st.one_of(CELLS, CELLS.map('"{}"'.format), st.just('"a\nb"'), st.just('"a""b"'))
TEXTS = st.tuples(
    st.lists(
        st.tuples(
            st.lists(FIELDS, min_size=2, max_size=2).map(",".join),
            st.sampled_from(["\n", "\n", "\n", "\r\n", "\n\n", "\r"]),
        ).map("".join),
        max_size=6,
    ).map("".join),
    st.sampled_from(["", "1,2", "\n", '1,"2', "1\n", "1,2,3\n"]),
).map("".join)


def expected_rows(file: InputFile, cell: str) -> list[tuple[int, Any]] | str:
    """Rows as the csv module and `Cells` read them, or what they refuse."""
    cells = Cells(file, ("a", "b"))
    try:
        return [(line.number, python_value(cells, line, cell)) for line in csv_rows(file)]
    except DataError as error:
        return error.message if "not readable as CSV" not in error.message else "unreadable"


def python_value(cells: Cells, line: Line, cell: str) -> Any:
    if cell == "time":
        return cells.time_ns(line, 1)
    if cell == "float":
        return cells.number(line, 1)
    if cell == "word":
        word = line.fields[1].strip().upper()[:8]
        if not word.isascii():  # whoever asks for words knows them: these are none
            raise cells.fault(line, 1, "is none of them")
        return word
    if cell == "hex_tail":
        try:
            return int(line.fields[1][-16:], 16) & (2**64 - 1)
        except ValueError:
            raise cells.fault(line, 1, "is not an address") from None
    low, high = {
        "int64": (-(2**63), 2**63 - 1),
        "uint128": (0, 2**128 - 1),
        "uint160": (0, 2**160 - 1),
        "int256": (-(2**255) + 1, 2**255 - 1),
    }[cell]
    return cells.integer(line, 1, low=low, high=high)


def plain(value: Any, cell: str) -> Any:
    if cell in ("uint128", "uint160", "int256"):
        return int.from_bytes(value.tobytes(), "little", signed=cell == "int256")
    return value.item().decode() if cell == "word" else value.item()


@settings(
    max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.sampled_from(sorted(CELL_CODES)), TEXTS, st.integers(1, 5), st.integers(3, 40))
def test_columns_are_those_of_the_csv_module(
    tmp_path: Path, cell: Any, text: str, max_rows: int, block: int
) -> None:
    path = tmp_path / "cells.csv"
    path.write_text("a,b\n" + text, encoding="utf-8", newline="")
    file = InputFile(path)
    whole = file.blocks
    file.blocks = lambda size=block: whole(size)  # type: ignore[method-assign]
    cells = Cells(file, ("a", "b"))
    found: list[tuple[int, Any]] | str = []
    try:
        pieces = read_table(
            file, [Wanted(1, cell)], lambda line: [python_value(cells, line, cell)], max_rows
        )
        for piece in pieces:
            assert 0 < len(piece.rows) <= max_rows
            for row, value in zip(piece.rows.tolist(), piece.values[0], strict=True):
                found.append((row, plain(value, cell)))
    except DataError as error:
        found = error.message if "not readable as CSV" not in error.message else "unreadable"
    expected = expected_rows(InputFile(path), cell)
    if isinstance(found, str) and isinstance(expected, str):
        return  # a file with several faults: which is met first depends on the pieces
    assert found == expected


def test_the_row_of_a_fault_is_exact_among_quotes_blanks_and_bad_bytes(write) -> None:
    header = "timestamp,open,high,low,close,volume\n"
    good = "2024-01-05 00:00:00,2000,2000,2000,2000,1\n"
    quoted = '"2024-01-05 00:01:00","2000","2000",2000,2000,1\n'
    for bad, message in (
        (b"2024-01-05 00:02:00,2000,2000,2000,x,1\n", "'close' is not a number"),
        (b"2024-01-05 00:02:00,2000,2000,2000,\xff,1\n", "not readable as CSV"),
        (b"2024-01-05 00:02:00,2000,2000,2000,1\n", "has 5 fields, the first line 6"),
    ):
        content = (header + good + "\n" + quoted).encode() + bad + good.encode()
        with pytest.raises(DataError, match=message) as caught:
            open_source(write(content), kind="candles")
        assert caught.value.row == 5


def test_a_line_longer_than_a_block_is_read(write, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write("a,b\n" + "1," + "0" * 500 + "7\n2,8\n")
    file = InputFile(path)
    monkeypatch.setattr(file, "blocks", lambda: InputFile(path).blocks(16))
    cells = Cells(file, ("a", "b"))
    pieces = read_table(
        file, [Wanted(1, "int64")], lambda line: [cells.integer(line, 1)], max_rows=10
    )
    assert [piece.values[0].tolist() for piece in pieces] == [[7, 8]]


def test_every_kind_of_cell_has_a_column_to_go_to() -> None:
    assert set(columns._DTYPES) == set(CELL_CODES)
    assert dataclasses.is_dataclass(CandleTable)
