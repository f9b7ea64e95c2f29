"""A and k are found in simulated arrivals, and refused where there is too little to find."""

import math

import numpy as np
import pytest

from alp.errors import DataError
from alp.models.intensity import depths_of_swaps, depths_of_trades, fit_intensity


def _arrivals(scale, decay, seconds, seed):
    """Depths of Poisson arrivals of both sides with rate ``2 A exp(-k delta)``."""
    random = np.random.default_rng(seed)
    count = random.poisson(2 * scale * seconds)
    return random.exponential(1 / decay, count)


@pytest.mark.parametrize(("scale", "decay"), [(140.0, 1.5), (0.9, 0.3), (0.02, 12.0)])
def test_known_intensities_are_found(scale, decay):
    seconds = 20_000 / scale
    fits = [fit_intensity(_arrivals(scale, decay, seconds, seed), seconds) for seed in range(20)]
    assert np.mean([fit.intensity.scale for fit in fits]) == pytest.approx(scale, rel=0.02)
    assert np.mean([fit.intensity.decay for fit in fits]) == pytest.approx(decay, rel=0.02)
    assert min(fit.r_squared for fit in fits) > 0.99


def test_the_fit_says_what_it_rests_on():
    depths = _arrivals(1.0, 2.0, 1_000.0, 1)
    fit = fit_intensity(depths, 1_000.0, distances=np.array([0.1, 0.5, 1.0, 1.5]))
    assert fit.arrivals == len(depths)
    assert fit.distances == (0.1, 0.5, 1.0, 1.5)
    assert fit.hits[0] == np.sum(depths >= 0.1)
    assert fit.rates[0] == pytest.approx(fit.hits[0] / 2_000)
    assert fit.intensity.rate(0.5) == pytest.approx(fit.rates[1], rel=0.1)


def test_one_side_alone_has_its_own_rate():
    depths = _arrivals(1.0, 2.0, 1_000.0, 1)
    both, one = fit_intensity(depths, 1_000.0), fit_intensity(depths, 1_000.0, sides=1)
    assert one.intensity.scale == pytest.approx(2 * both.intensity.scale)
    assert one.intensity.decay == pytest.approx(both.intensity.decay)


def test_distances_that_were_hardly_hit_are_left_out():
    depths = _arrivals(1.0, 2.0, 1_000.0, 2)
    fit = fit_intensity(depths, 1_000.0, distances=np.array([0.1, 0.5, 1.0, 50.0]))
    assert fit.distances == (0.1, 0.5, 1.0)


def test_a_poor_line_has_a_poor_r_squared():
    # Two sizes of order only: the rate is a staircase, not an exponential.
    depths = np.concatenate([np.full(900, 1.0), np.full(100, 10.0)])
    fit = fit_intensity(depths, 100.0, distances=np.linspace(0.5, 9.5, 10))
    assert fit.r_squared < 0.7


@pytest.mark.parametrize(
    ("depths", "message"),
    [
        (np.ones(99), "too few"),
        (np.ones(500), "different distances"),
        (np.full(200, math.nan), "positive numbers"),
        (np.concatenate([np.ones(200), [-1.0]]), "positive numbers"),
    ],
)
def test_too_little_or_impossible_data_is_refused(depths, message):
    with pytest.raises(DataError, match=message):
        fit_intensity(depths, 100.0)


def test_a_rate_that_does_not_fall_is_refused():
    with pytest.raises(DataError, match="does not fall"):
        fit_intensity(np.full(500, 9.0), 100.0, distances=np.array([1.0, 2.0, 3.0]))


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.inf])
def test_a_window_without_length_is_refused(seconds):
    with pytest.raises(DataError, match="window"):
        fit_intensity(np.ones(500), seconds)


def test_prints_of_one_sweep_are_one_order_as_deep_as_its_farthest():
    ts_ns, depths = depths_of_trades(
        np.array([10, 10, 10, 10, 20, 30]),
        np.array([101.0, 103.0, 102.0, 98.0, 99.0, 100.5]),
        np.array([1, 1, 1, -1, 1, 0]),
        np.full(6, 100.0),
    )
    # At 10: a buy up to 103 and a sell down to 98. At 20 a buy below mid has no depth. At 30 the
    # side is not known.
    assert sorted(zip(ts_ns.tolist(), depths.tolist(), strict=True)) == [(10, 2.0), (10, 3.0)]


def test_trades_that_do_not_fit_together_are_refused():
    arrays = [np.array([1, 2]), np.array([1.0, 1.0]), np.array([1, 1]), np.array([1.0])]
    with pytest.raises(DataError, match="length"):
        depths_of_trades(*arrays)
    arrays[3] = np.array([1.0, 1.0])
    arrays[0] = np.array([2, 1])
    with pytest.raises(DataError, match="time order"):
        depths_of_trades(*arrays)


def test_swaps_reach_as_deep_as_they_move_the_pool():
    got = depths_of_swaps(np.array([100.0, 101.0, 101.0]), np.array([101.0, 101.0, 98.0]))
    assert got.tolist() == [1.0, 3.0]
