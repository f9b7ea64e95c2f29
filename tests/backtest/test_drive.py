"""What models may see of the past: each price once, and the mean tick of a window."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.twap import tick_time
from alp.backtest.drive import PriceHistory

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


def test_a_mean_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="needs prices"):
        tick_time(np.empty(0, np.int64), np.empty(0), 0, 1)
    with pytest.raises(ValueError, match="a time for each"):
        tick_time(np.zeros(2, np.int64), np.ones(1), 0, 1)
