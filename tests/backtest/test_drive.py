"""What models may see of the past: each price once, and the mean tick of a window."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.estimators import EwmaVolatility
from alp._core.minute_grid import MinuteGrid
from alp._core.price_history import PriceHistory

SECOND_NS = 10**9
# Batches of (gap to the price before in seconds, tick), and after how many rows someone reads.
batches = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 90), st.integers(-300, 300)), min_size=1, max_size=9),
        st.lists(st.integers(0, 9), max_size=3),
    ),
    min_size=1,
    max_size=6,
)


def columns(rows: list[tuple[int, int]], after_ns: int) -> tuple[np.ndarray, np.ndarray]:
    gaps = np.array([gap for gap, _ in rows], np.int64) * SECOND_NS
    ticks = np.array([tick for _, tick in rows], np.float64)
    return after_ns + np.cumsum(gaps), 1.0001 ** (ticks / 2.0)


def plain_mean(seen: list[tuple[int, float]], now_ns: int, window_ns: int) -> Fraction | None:
    """The mean tick in exact steps, or None where the window reaches beyond the first price."""
    start_ns = now_ns - window_ns
    if not seen or seen[0][0] > start_ns:
        return None
    total = Fraction()
    for (ts_ns, root), (following_ns, _) in itertools.pairwise([*seen, (now_ns, 0.0)]):
        held_ns = min(following_ns, now_ns) - max(ts_ns, start_ns)
        if held_ns > 0:
            total += Fraction(2.0 * math.log(root) / math.log(1.0001)) * held_ns
    return total / window_ns


@given(batches, st.integers(1, 400), st.integers(0, 100))
def test_every_price_is_read_once_and_the_mean_is_that_of_the_window(
    parts: list[tuple[list[tuple[int, int]], list[int]]], window_s: int, later_s: int
) -> None:
    history = PriceHistory(10_000 * SECOND_NS)
    seen: list[tuple[int, float]] = []
    read: list[tuple[int, float]] = []
    now_ns = 0
    for rows, stops in parts:
        times, roots = columns(rows, now_ns)
        now_ns = int(times[-1])
        history.begin(times, roots)
        for stop in sorted(min(stop, len(rows)) for stop in stops):
            history.reach(stop)
            for slice_times, slice_roots in history.unread():
                read += zip(slice_times.tolist(), slice_roots.tolist(), strict=True)
            assert history.waiting == 0
        history.reach(len(rows))
        seen += zip(times.tolist(), roots.tolist(), strict=True)
        assert history.waiting == len(seen) - len(read)
    for slice_times, slice_roots in history.unread():
        read += zip(slice_times.tolist(), slice_roots.tolist(), strict=True)
    assert read == seen
    now_ns += later_s * SECOND_NS
    expected = plain_mean(seen, now_ns, window_s * SECOND_NS)
    found = history.twap_tick(now_ns, window_s * SECOND_NS)
    if expected is None:
        assert found is None
    else:
        assert found is not None
        assert found - 1e-6 <= expected <= found + 1 + 1e-6


def test_what_is_too_long_ago_is_forgotten() -> None:
    history = PriceHistory(60 * SECOND_NS)
    for minute in range(10):
        times, roots = columns([(0, 7), (30, 7)], minute * 60 * SECOND_NS)
        history.begin(times, roots)
        history.reach(2)
    now_ns = 570 * SECOND_NS
    assert history.twap_tick(now_ns, 60 * SECOND_NS) in (6, 7)
    assert history.twap_tick(now_ns, 400 * SECOND_NS) is None


def test_there_is_no_mean_of_nothing() -> None:
    history = PriceHistory(60 * SECOND_NS)
    assert history.twap_tick(0, 1) is None
    history.begin(np.zeros(2, np.int64), np.ones(2))
    assert history.twap_tick(0, 1) is None


def test_columns_that_do_not_fit_are_refused() -> None:
    history = PriceHistory(60 * SECOND_NS)
    with pytest.raises(ValueError, match="no row 0"):
        history.reach(0)
    with pytest.raises(ValueError, match="differ in length"):
        history.begin(np.zeros(2, np.int64), np.ones(1))
    history.begin(np.zeros(2, np.int64), np.ones(2))
    history.reach(2)
    for row in (1, 3):
        with pytest.raises(ValueError, match=f"no row {row}"):
            history.reach(row)


@given(st.lists(st.integers(-300, 300), min_size=1, max_size=40), st.booleans(), st.integers(1, 5))
def test_a_grid_is_fed_the_prices_that_reading_them_would_give(
    moves: list[int], inverse: bool, cut: int
) -> None:
    fed, read = (MinuteGrid(EwmaVolatility(3600 * SECOND_NS), False) for _ in range(2))
    histories = [PriceHistory(0), PriceHistory(0)]
    scale = 10.0**12
    times, roots = columns([(40, tick) for tick in moves], 0)
    for first in range(0, len(times), cut):
        for history in histories:
            rows = slice(first, first + cut)
            history.begin(times[rows], roots[rows])
            history.reach(len(times[rows]))
        if first % 3 == 0:
            histories[0].feed(fed, inverse, scale)
    histories[0].feed(fed, inverse, scale)
    assert histories[0].waiting == 0
    for slice_times, slice_roots in histories[1].unread():
        square = slice_roots * slice_roots
        read.take(slice_times, (1.0 / square if inverse else square) * scale)
    assert fed.finished() == read.finished()


def test_a_root_that_is_no_price_is_refused() -> None:
    history = PriceHistory(0)
    history.begin(np.array([0]), np.array([np.nan]))
    history.reach(1)
    with pytest.raises(ValueError, match="not a positive number"):
        history.feed(MinuteGrid(EwmaVolatility(SECOND_NS), False), False, 1.0)
