"""Error, lag and cost of a hedge, counted by hand and against numpy."""

import json
import math

import numpy as np
import pytest

from alp.errors import DataError
from alp.models.hedge_meter import HedgeMeter

SECOND = 1_000_000_000
ETHER = 10**18


def test_an_inventory_counts_for_as_long_as_it_stood():
    meter = HedgeMeter(18)
    for at, held, mid in ((0, ETHER, 100.0), (1, 3 * ETHER, 101.0), (4, 0, 99.0), (5, 0, 98.0)):
        meter.observe(at * SECOND, held, mid, 0)
    got = meter.metrics
    assert got.error_mean_raw == pytest.approx((1 * 1 + 3 * 3 + 0) / 5 * ETHER)
    assert got.error_rms_raw == pytest.approx(math.sqrt((1 + 9 * 3) / 5) * ETHER)
    assert got.error_max_raw == 3 * ETHER
    # One ether gained 1, three lost 2 each.
    assert got.tracking_quote == pytest.approx(1 - 6)
    assert got.error_quote == pytest.approx(math.sqrt(1 + 36))


def test_it_is_what_numpy_says():
    draw = np.random.default_rng(1)
    times = np.cumsum(draw.integers(1, 10, 500)) * SECOND
    held = draw.integers(-1_000, 1_000, 500)
    mids = 100 + np.cumsum(draw.standard_normal(500)) * 0.1
    meter = HedgeMeter(0)
    for row in zip(times.tolist(), held.tolist(), mids.tolist(), strict=True):
        meter.observe(*row, 100)
    stood, moved = np.diff(times), held[:-1] * np.diff(mids)
    got = meter.metrics
    assert got.error_mean_raw == pytest.approx((abs(held[:-1]) * stood).sum() / stood.sum())
    assert got.error_quote == pytest.approx(np.sqrt((moved**2).sum()))
    assert got.tracking_quote == pytest.approx(moved.sum())


def test_a_lag_is_from_leaving_the_tolerance_to_coming_back():
    meter = HedgeMeter(0)
    for at, held in (
        (0, 5),
        (1, 11),
        (2, -30),
        (5, 10),
        (6, 0),
        (7, 99),
        (8, 1),
        (9, 20),
        (11, 21),
    ):
        meter.observe(at * SECOND, held, 1.0, 10)
    got = meter.metrics
    assert (got.lags, got.lag_mean_ns) == (2, 2.5 * SECOND)
    assert (got.lag_median_ns, got.lag_longest_ns) == (4 * SECOND, 4 * SECOND)
    assert got.outside_ns == 2 * SECOND


def test_cost_is_fees_and_what_was_paid_beyond_mid():
    meter = HedgeMeter(18)
    meter.fill(2 * ETHER, 101.0, 100.0, 0.5)
    assert meter.metrics.cost_quote == pytest.approx(2.5)
    meter.fill(-ETHER, 101.0, 100.0, -0.25)
    got = meter.metrics
    assert got.cost_quote == pytest.approx(1.25)
    assert (got.trades, got.volume_raw) == (2, 3 * ETHER)


def test_before_anything_nothing_is_claimed():
    got = HedgeMeter(18).metrics
    assert (got.error_mean_raw, got.lags, got.lag_mean_ns, got.lag_median_ns) == (
        0.0,
        0,
        None,
        None,
    )


def test_a_restart_changes_nothing():
    one, other = HedgeMeter(18), HedgeMeter(18)
    for i in range(200):
        if i == 100:
            other.restore(json.loads(json.dumps(one.snapshot())))
        for meter in (one, other) if i >= 100 else (one,):
            meter.observe(i * SECOND, (i * 37 % 11 - 5) * ETHER, 100.0 + i % 7, ETHER)
            meter.fill(ETHER, 101.0, 100.0, 0.1)
    assert one.metrics == other.metrics


def test_time_and_price_that_cannot_be_are_refused():
    meter = HedgeMeter(18)
    meter.observe(5, 0, 1.0, 0)
    with pytest.raises(DataError, match="went back"):
        meter.observe(4, 0, 1.0, 0)
    with pytest.raises(DataError, match="not a positive"):
        meter.observe(6, 0, math.nan, 0)
