"""Markouts wait for their horizon, use only prices that were seen, and do not depend on chunks."""

from __future__ import annotations

import numpy as np
import pytest

from alp.backtest.markouts import Markouts

SECOND = 10**9


def run(chunks: int, horizons: tuple[int, ...]) -> Markouts:
    rng = np.random.default_rng(3)
    times = np.sort(rng.integers(0, 3600, 400)) * SECOND
    price = 2000 + np.cumsum(rng.normal(0, 1, 400))
    d_base = np.where(rng.random(400) < 0.5, rng.normal(0, 1, 400), 0.0)
    made = Markouts(horizons)
    for part in np.array_split(np.arange(400), chunks):
        made.add(times[part], price[part], d_base[part], -d_base[part] * price[part])
    return made


def test_a_trade_is_worth_its_base_at_the_later_price_and_its_quote() -> None:
    made = Markouts((60 * SECOND,))
    times = np.array([0, 30, 60, 90]) * SECOND
    price = np.array([100.0, 110.0, 120.0, 130.0])
    made.add(times, price, np.array([2.0, 0, 0, 0]), np.array([-200.0, 0, 0, 0]))
    (summary,) = made.summaries()
    assert summary.total_quote == pytest.approx(40.0)
    assert summary.mean_bps == pytest.approx(2000.0)
    assert (summary.trades, summary.unresolved, sum(summary.counts)) == (1, 0, 1)


def test_the_price_between_observations_is_the_last_one_seen() -> None:
    made = Markouts((45 * SECOND,))
    made.add(
        np.array([0, 30, 60]) * SECOND,
        np.array([100.0, 90.0, 500.0]),
        np.array([1.0, 0, 0]),
        np.array([-100.0, 0, 0]),
    )
    assert made.summaries()[0].total_quote == pytest.approx(-10.0)


def test_a_horizon_beyond_the_data_is_unresolved_not_guessed() -> None:
    made = Markouts((3600 * SECOND,))
    made.add(np.array([0, SECOND]), np.array([1.0, 2.0]), np.array([1.0, 1.0]), np.array([1.0, 1]))
    (summary,) = made.summaries()
    assert (summary.trades, summary.unresolved, summary.counts) == (2, 2, ())


@pytest.mark.parametrize("chunks", [2, 7, 400])
def test_cutting_the_data_changes_nothing(chunks: int) -> None:
    horizons = (1 * SECOND, 60 * SECOND, 600 * SECOND)
    whole, cut = run(1, horizons).summaries(), run(chunks, horizons).summaries()
    for one, other in zip(whole, cut, strict=True):
        assert one.counts == other.counts
        assert one.unresolved == other.unresolved
        assert one.total_quote == pytest.approx(other.total_quote, abs=1e-9)
