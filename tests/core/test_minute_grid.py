"""Prices on a one-minute grid: the plain grouping's minutes, however the prices come in slices."""

from __future__ import annotations

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from alp._core.estimators import (
    EwmaVolatility,
    ParkinsonVolatility,
    RealisedVolatility,
    Volatility,
)
from alp._core.minute_grid import MinuteGrid

MINUTE_NS = 60_000_000_000
START_NS = 1_704_412_800_000_000_000

Rows = list[tuple[int, float]]

# Gaps of nothing, of seconds and of hours; slices of any length.
steps = st.tuples(
    st.sampled_from([0, 1, 12_000_000_000, MINUTE_NS, 7 * MINUTE_NS]) | st.integers(0, 10**13),
    st.floats(1e-6, 1e6),
)
slices = st.lists(st.lists(steps, max_size=12), max_size=8)


def rows_of(batches: list[Rows]) -> list[Rows]:
    """Turn gaps into times."""
    ts_ns, timed = START_NS, []
    for batch in batches:
        rows = []
        for gap, price in batch:
            ts_ns += gap
            rows.append((ts_ns, price))
        timed.append(rows)
    return timed


def feed(grid: MinuteGrid, rows: Rows) -> None:
    times = np.array([ts_ns for ts_ns, _ in rows], dtype=np.int64)
    grid.take(times, np.array([price for _, price in rows], dtype=np.float64))


def kinds() -> list[Volatility]:
    hour = 60 * MINUTE_NS
    return [EwmaVolatility(hour), RealisedVolatility(hour), ParkinsonVolatility(MINUTE_NS, hour)]


@settings(deadline=None)
@given(slices, st.sampled_from([0, 1, 2]))
def test_finished_minutes_are_fed_at_their_end(batches: list[Rows], kind: int) -> None:
    fed, plain = kinds()[kind], kinds()[kind]
    grid = MinuteGrid(fed, False)
    timed = rows_of(batches)
    for rows in timed:
        feed(grid, rows)
    minutes = groupby((row for rows in timed for row in rows), key=lambda row: row[0] // MINUTE_NS)
    closes = [(minute, list(rows)[-1][1]) for minute, rows in minutes]
    for minute, close in closes[:-1]:
        plain.update((minute + 1) * MINUTE_NS, close)
    assert grid.finished() == [close for _, close in closes[:-1]]
    assert fed.snapshot() == plain.snapshot()


@settings(deadline=None)
@given(slices)
def test_an_estimator_of_ranges_takes_every_price(batches: list[Rows]) -> None:
    _, _, fed = kinds()
    _, _, plain = kinds()
    grid, gridded = MinuteGrid(fed, True), MinuteGrid(kinds()[0], False)
    for rows in rows_of(batches):
        feed(grid, rows)
        feed(gridded, rows)
        for ts_ns, price in rows:
            plain.update(ts_ns, price)
    assert fed.snapshot() == plain.snapshot()
    assert grid.finished() == gridded.finished()


def test_many_minutes_are_remembered() -> None:
    grid = MinuteGrid(kinds()[0], False)
    times = START_NS + np.arange(5_000, dtype=np.int64) * MINUTE_NS
    grid.take(times, np.arange(1.0, 5_001.0))
    assert grid.finished() == np.arange(1.0, 5_000.0).tolist()


def test_a_strided_view_is_taken_as_it_is() -> None:
    rows = np.zeros(3, dtype=[("ts_ns", "i8"), ("price", "f8")])
    rows["ts_ns"] = START_NS + np.arange(3) * MINUTE_NS
    rows["price"] = [1.0, 2.0, 3.0]
    grid = MinuteGrid(kinds()[0], False)
    grid.take(rows["ts_ns"], rows["price"])
    assert grid.finished() == [1.0, 2.0]


@pytest.mark.parametrize("price", [0.0, -1.0, float("nan"), float("inf")])
def test_what_is_no_price_is_refused(price: float) -> None:
    grid = MinuteGrid(kinds()[0], False)
    with pytest.raises(ValueError, match="not a positive number"):
        feed(grid, [(START_NS, 1.0), (START_NS, price)])


def test_time_does_not_run_backwards() -> None:
    grid = MinuteGrid(kinds()[0], False)
    feed(grid, [(START_NS, 1.0)])
    with pytest.raises(ValueError, match="after one at"):
        feed(grid, [(START_NS - 1, 1.0)])
    with pytest.raises(ValueError, match="differ in length"):
        grid.take(np.zeros(2, np.int64), np.ones(1))
