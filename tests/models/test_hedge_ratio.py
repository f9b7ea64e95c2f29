"""The minimum-variance ratio and the correlation, over a window of joint samples."""

import json
import math

import numpy as np
import pytest

from alp.errors import ConfigError, DataError
from alp.models.hedge_ratio import HedgeRatioEstimator

MINUTE = 60_000_000_000
WINDOW = 200 * MINUTE


def _walk(count, correlation=0.9, beta=1.2, seed=1):
    """Returns with ``Cov/Var = beta`` and the given correlation."""
    random = np.random.default_rng(seed)
    venue = random.standard_normal(count) * 1e-3
    noise = random.standard_normal(count) * 1e-3
    own = beta * math.sqrt(1 / correlation**2 - 1) if correlation else 1.0
    pool = (beta * venue if correlation else 0.0) + own * noise
    return 2_268 * np.exp(np.cumsum(pool)), 2_270 * np.exp(np.cumsum(venue))


def _fed(pool, venue, window_ns=WINDOW):
    estimator = HedgeRatioEstimator(window_ns, MINUTE)
    for i, (mine, theirs) in enumerate(zip(pool.tolist(), venue.tolist(), strict=True)):
        estimator.update(i * MINUTE, mine, theirs)
    return estimator


@pytest.mark.parametrize("count", [40, 201, 5_000])
def test_it_is_covariance_over_variance_of_the_window(count):
    pool, venue = _walk(count)
    estimator = _fed(pool, venue)
    mine, theirs = (np.diff(np.log(each))[-200:] for each in (pool, venue))
    cov = np.cov(mine, theirs, bias=True)
    assert estimator.samples == min(count - 1, 200)
    assert estimator.ratio == pytest.approx(cov[0, 1] / cov[1, 1], rel=1e-9)
    assert estimator.correlation == pytest.approx(np.corrcoef(mine, theirs)[0, 1], rel=1e-9)


def test_a_known_ratio_and_correlation_are_found():
    estimator = _fed(*_walk(4_001), window_ns=4_000 * MINUTE)
    assert estimator.ratio == pytest.approx(1.2, abs=0.04)
    assert estimator.correlation == pytest.approx(0.9, abs=0.02)


def test_it_decorrelates_when_the_prices_do():
    estimator = _fed(*_walk(500))
    pool, venue = _walk(300, correlation=0.0, seed=2)
    for i in range(300):
        estimator.update((500 + i) * MINUTE, pool[i], venue[i])
    assert abs(estimator.correlation) < 0.2


def test_before_thirty_samples_nothing_is_claimed():
    estimator = _fed(*_walk(30))
    assert estimator.samples == 29
    assert estimator.ratio is None
    assert estimator.correlation is None


def test_a_price_that_does_not_move_has_no_ratio():
    frozen = np.full(100, 2_268.0)
    moving = _walk(100)[0]
    assert _fed(moving, frozen).ratio is None
    assert _fed(moving, frozen).correlation is None
    assert _fed(frozen, moving).ratio == pytest.approx(0.0, abs=1e-12)
    assert _fed(frozen, moving).correlation is None


def test_between_samples_prices_are_not_looked_at():
    estimator = HedgeRatioEstimator(WINDOW, MINUTE)
    estimator.update(0, 1.0, 1.0)
    estimator.update(MINUTE - 1, math.nan, -1.0)
    assert estimator.samples == 0


def test_a_price_that_is_none_is_refused():
    estimator = HedgeRatioEstimator(WINDOW, MINUTE)
    with pytest.raises(DataError):
        estimator.update(0, math.nan, 1.0)


def test_a_window_too_short_for_an_estimate_is_refused():
    with pytest.raises(ConfigError, match="fewer than 30"):
        HedgeRatioEstimator(29 * MINUTE, MINUTE)


def test_a_restart_changes_nothing():
    pool, venue = _walk(700)
    one = _fed(pool[:400], venue[:400])
    other = HedgeRatioEstimator(WINDOW, MINUTE)
    other.restore(json.loads(json.dumps(one.snapshot())))
    for i in range(400, 700):
        one.update(i * MINUTE, pool[i], venue[i])
        other.update(i * MINUTE, pool[i], venue[i])
    assert (one.ratio, one.correlation) == (other.ratio, other.correlation)


@pytest.mark.parametrize("seed", range(40))
def test_no_other_ratio_leaves_less_variance(seed):
    draw = np.random.default_rng(seed)
    pool, venue = _walk(260, draw.uniform(0.05, 0.999), draw.uniform(0.2, 3.0), seed)
    estimator = _fed(pool, venue)
    mine, theirs = (np.diff(np.log(each))[-200:] for each in (pool, venue))
    assert estimator.ratio == pytest.approx(np.polyfit(theirs, mine, 1)[0], rel=1e-9)
    left = np.var(mine - estimator.ratio * theirs)
    assert left == pytest.approx(np.var(mine) * (1 - estimator.correlation**2), rel=1e-7)
    for other in (0.9, 0.99, 1.01, 1.1):
        assert np.var(mine - other * estimator.ratio * theirs) > left
