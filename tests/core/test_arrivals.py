"""Online calibration: against the notebook's arrays, alp.models.intensity, and its own window."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_arrivals import NEVER, depths_and_moves, notebook_fit

from alp._core.arrivals import ArrivalEstimator, FitUnit, Readiness
from alp.models.intensity import fit_intensity

INTERVAL = 100_000_000
INTERVAL_S = 0.1
NOTEBOOK = {
    "least_arrivals": 0,
    "least_hits": 1,
    "sides": 1,
    "unit": FitUnit.BINS,
    "weighted": False,
}


def market(count, seed, *, rate=0.6, mean_depth=6.0):
    """A random walk, and trades that reach an exponential depth from it."""
    random = np.random.default_rng(seed)
    bids = 100_000 + np.cumsum(random.integers(-2, 3, count))
    asks = bids + random.integers(1, 4, count)
    mids = (bids + asks) / 2.0
    before = np.concatenate([[mids[0]], mids[:-1]])
    bought = np.where(
        random.random(count) < rate,
        np.ceil(before + random.exponential(mean_depth, count)).astype(np.int64),
        NEVER,
    )
    sold = np.where(
        random.random(count) < rate,
        np.floor(before - random.exponential(mean_depth, count)).astype(np.int64),
        NEVER,
    )
    return [column.tolist() for column in (bids, asks, bought, sold)]


def feed(estimator, columns, first=0):
    """Sample all of it; the numbers of the samples that fitted anew."""
    return [
        at
        for at, row in enumerate(zip(*columns, strict=True))
        if estimator.sample((first + at + 1) * INTERVAL, *row)
    ]


def test_the_fit_is_the_notebooks():
    columns = market(6_151, seed=1)
    estimator = ArrivalEstimator(**NOTEBOOK)
    assert feed(estimator, columns) == [6_000, 6_050, 6_100, 6_150]
    depths, moves = depths_and_moves(*columns)
    wanted = notebook_fit(depths[-6_000:], moves[-6_000:], most_bins=70, interval_s=INTERVAL_S)
    found = estimator.calibration
    assert (found.scale, found.decay, found.sigma) == pytest.approx(wanted, rel=1e-12)
    assert found.fitted_ns == 6_151 * INTERVAL


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32),
    st.integers(20, 90),
    st.integers(1, 7),
    st.integers(3, 30),
    st.floats(0.3, 0.9),
)
def test_any_window_fits_as_the_notebook_would(seed, window, every, bins, rate):
    columns = market(window + 41, seed, rate=rate)
    estimator = ArrivalEstimator(
        **NOTEBOOK, window=window, refit_every=every, most_bins=bins, drift_samples=5
    )
    depths, moves = depths_and_moves(*columns)
    for at, row in enumerate(zip(*columns, strict=True)):
        fitted = estimator.sample((at + 1) * INTERVAL, *row)
        assert not fitted or (at % every == 0 and at + 1 >= window)
        if fitted:
            part = slice(at + 1 - window, at + 1)
            wanted = notebook_fit(depths[part], moves[part], most_bins=bins, interval_s=INTERVAL_S)
            found = estimator.calibration
            assert (found.scale, found.decay, found.sigma) == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("bin_half_ticks", [1, 2, 3])
def test_a_weighted_fit_in_ticks_is_that_of_the_models(bin_half_ticks):
    columns = market(2_000, seed=3)
    estimator = ArrivalEstimator(
        window=2_000, refit_every=1, bin_half_ticks=bin_half_ticks, most_bins=25
    )
    feed(estimator, columns)
    bids, asks, bought, sold = (np.array(column) for column in columns)
    mids = (bids + asks)[:-1] / 2.0
    depths = np.concatenate(
        [(bought[1:] - mids)[bought[1:] != NEVER], (mids - sold[1:])[sold[1:] != NEVER]]
    )
    grid = np.arange(1, 26) * bin_half_ticks / 2.0
    wanted = fit_intensity(depths[depths > 0], 200.0, distances=grid)
    found = estimator.calibration
    assert found.scale == pytest.approx(wanted.intensity.scale, rel=1e-12)
    assert found.decay == pytest.approx(wanted.intensity.decay, rel=1e-12)
    assert found.r_squared == pytest.approx(wanted.r_squared, rel=1e-9)
    assert found.arrivals == wanted.arrivals
    assert found.distances == len(wanted.distances)


def test_what_was_put_in_comes_out():
    random = np.random.default_rng(5)
    estimator = ArrivalEstimator(window=60_000, refit_every=100, most_bins=40)
    decay, chance, mid = 0.25, 0.05, 200_000
    for at in range(60_100):
        bought = sold = NEVER
        if random.random() < chance:
            bought = math.floor(mid + random.exponential(1 / decay) + 0.5)
        if random.random() < chance:
            sold = math.ceil(mid - random.exponential(1 / decay) - 0.5)
        estimator.sample((at + 1) * INTERVAL, mid - 1, mid + 1, bought, sold)
        mid += int(random.integers(-1, 2))
    found = estimator.calibration
    assert found.decay == pytest.approx(decay, rel=0.03)
    # Rounding outwards by half a tick on average lifts the rate by exp(k / 2), about.
    assert found.scale == pytest.approx(chance / INTERVAL_S * math.exp(decay / 2), rel=0.06)
    assert found.sigma == pytest.approx(math.sqrt(2 / 3 / INTERVAL_S), rel=0.02)


def test_sigma_is_exact_however_large_the_moves():
    estimator = ArrivalEstimator(**NOTEBOOK, window=4, refit_every=1, drift_samples=1)
    mids = [10**9, 2 * 10**9, 10**9 + 1, 3, 10**9]
    for at, mid in enumerate(mids):
        estimator.sample((at + 1) * INTERVAL, mid, mid, mid + 3, mid - 3)
    snapshot = estimator.snapshot()
    moves = [move for move in snapshot["moves"] if move is not None]
    most = 2**30 - 1
    assert moves == [most, -most, -most, most]


@pytest.mark.parametrize(
    ("row", "lacking"),
    [
        ((100, 101), Readiness.FEW_ARRIVALS),
        ((100, 101, 101), Readiness.FEW_DISTANCES),
        ((100, 101, 110), Readiness.NOT_FALLING),
        ((0, 101, 110), Readiness.FEW_ARRIVALS | Readiness.FEW_MOVES),
    ],
)
def test_readiness_says_what_is_missing(row, lacking):
    estimator = ArrivalEstimator(window=200, refit_every=1, least_arrivals=50)
    assert not estimator.ready
    assert estimator.calibration.lacking == Readiness.FEW_SAMPLES
    for at in range(200):
        assert not estimator.sample((at + 1) * INTERVAL, *row)
    assert estimator.calibration.lacking == lacking
    assert not estimator.ready
    assert math.isnan(estimator.calibration.scale)


def test_a_fit_that_fails_keeps_the_last_one_and_its_time():
    estimator = ArrivalEstimator(**NOTEBOOK, window=100, refit_every=1, drift_samples=5)
    fitted = feed(estimator, market(100, seed=2))
    good = estimator.calibration
    for at in range(100, 300):
        if estimator.sample((at + 1) * INTERVAL, 100_000, 100_001):
            fitted.append(at)
            good = estimator.calibration
    now = estimator.calibration
    assert fitted[-1] < 200
    assert (now.scale, now.decay) == (good.scale, good.decay)
    assert now.fitted_ns == (fitted[-1] + 1) * INTERVAL
    assert now.lacking == Readiness.FEW_DISTANCES
    assert estimator.ready


def test_an_outage_counts_neither_as_a_move_nor_as_an_arrival():
    estimator = ArrivalEstimator(**NOTEBOOK, window=10, refit_every=1, drift_samples=2)
    estimator.sample(INTERVAL, 100, 101)
    estimator.sample(2 * INTERVAL, 100, 101, 105, 99)
    estimator.sample(4 * INTERVAL, 200, 201, 205, 199)
    estimator.sample(5 * INTERVAL, 201, 202, 203)
    state = estimator.snapshot()
    assert state["bought"] == [0, 9, 0, 5]
    assert state["moves"] == [None, 0, None, 2]


def test_an_empty_side_leaves_no_mid_behind():
    estimator = ArrivalEstimator(window=10, refit_every=1, drift_samples=2)
    for at, (bid, ask) in enumerate([(100, 101), (100, 0), (100, 101), (102, 101), (100, 101)]):
        estimator.sample((at + 1) * INTERVAL, bid, ask, 103, 98)
    state = estimator.snapshot()
    assert state["moves"] == [None, None, None, None, None]
    assert state["bought"] == [0, 5, 0, 5, 0]
    assert state["sold"] == [0, 5, 0, 5, 0]


def test_the_drift_is_that_of_the_last_samples():
    estimator = ArrivalEstimator(window=20, refit_every=1, drift_samples=4)
    mids = [100, 103, 101, 108, 110, 109, 115, 90, 91, 92, 93]
    for at, mid in enumerate(mids * 3):
        estimator.sample((at + 1) * INTERVAL, mid, mid + 1)
        if at >= 4:
            seen = (mids * 3)[at] - (mids * 3)[at - 4]
            assert estimator.calibration.drift == pytest.approx(seen / 0.4)


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 2**32), st.integers(1, 120))
def test_what_was_restored_goes_on_with_the_same_bits(seed, cut):
    columns = market(160, seed)
    options = {**NOTEBOOK, "window": 50, "refit_every": 3, "drift_samples": 7}
    whole, first = ArrivalEstimator(**options), ArrivalEstimator(**options)
    feed(whole, columns)
    feed(first, [column[:cut] for column in columns])
    second = ArrivalEstimator(**options)
    second.restore(json.loads(json.dumps(first.snapshot())))
    feed(second, [column[cut:] for column in columns], first=cut)
    assert second.snapshot() == whole.snapshot()
    assert repr(second.calibration) == repr(whole.calibration)


def test_damaged_snapshots_are_refused():
    estimator = ArrivalEstimator(window=50, refit_every=1)
    feed(estimator, market(60, seed=1))
    good = estimator.snapshot()
    other = ArrivalEstimator(window=40, refit_every=1)
    with pytest.raises(ValueError, match="more than the window"):
        other.restore(good)
    for name, value in (("bought", 5_000), ("sold", -1), ("moves", 2**31)):
        with pytest.raises(ValueError, match="half ticks"):
            estimator.restore({**good, name: [value, *good[name][1:]]})
    with pytest.raises(ValueError, match="none"):
        estimator.restore({**good, "fit": {**good["fit"], "scale": math.nan}})


def test_recent_trades_make_it_ready():
    random = np.random.default_rng(9)
    count = 4_000
    times = np.cumsum(random.integers(1, 150_000_000, count))
    mids = 50_000 + np.cumsum(random.integers(-1, 2, count))
    bought = (random.random(count) < 0.5).astype(np.uint8)
    reach = np.ceil(random.exponential(5.0, count)).astype(np.int64)
    estimator = ArrivalEstimator(window=3_000)
    estimator.warm_up(times, np.where(bought, mids + reach, mids - reach), bought)
    assert estimator.ready
    found = estimator.calibration
    assert found.decay > 0
    assert found.sigma > 0
    # A book that begins much later goes on; the time between is not a move.
    estimator.sample(int(times[-1]) + 10**12, 60_000, 60_001, 60_005)
    assert estimator.snapshot()["moves"][-1] is None


def test_a_warm_up_takes_the_last_prices_as_the_book():
    estimator = ArrivalEstimator(window=10, drift_samples=2)
    times = np.array([0, 10, INTERVAL + 5, INTERVAL + 6, 3 * INTERVAL + 1], np.int64)
    prices = np.array([101, 99, 103, 98, 104], np.int64)
    bought = np.array([1, 0, 1, 0, 1], np.uint8)
    estimator.warm_up(times, prices, bought)
    state = estimator.snapshot()
    # Mids 100, then 100.5, then nothing traded, then (98 + 104) / 2.
    assert state["moves"] == [None, 1, 0, 1]
    assert state["bought"] == [0, 6, 0, 7]
    assert state["sold"] == [0, 4, 0, 0]


@pytest.mark.parametrize(
    ("times", "prices", "bought"),
    [([1, 2], [5], [1]), ([2, 1], [5, 5], [1, 0]), ([1], [0], [1])],
)
def test_a_warm_up_of_nonsense_is_refused(times, prices, bought):
    with pytest.raises(ValueError, match=r"differ|older"):
        ArrivalEstimator().warm_up(
            np.array(times, np.int64), np.array(prices, np.int64), np.array(bought, np.uint8)
        )


@pytest.mark.parametrize(
    "changes",
    [
        {"interval_ns": 0},
        {"window": 1},
        {"window": 2**21},
        {"refit_every": 0},
        {"least_samples": 1},
        {"least_hits": 0},
        {"drift_samples": 0},
        {"drift_samples": 6001},
        {"sides": 3},
        {"bin_half_ticks": 0},
        {"most_bins": 2},
        {"most_bins": 1025},
        {"unit": 7},
    ],
)
def test_numbers_out_of_bounds_are_refused(changes):
    with pytest.raises(ValueError, match=r"\w"):
        ArrivalEstimator(**changes)
