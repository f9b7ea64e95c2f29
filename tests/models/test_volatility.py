"""Volatility: right on known processes, causal, the same bits streamed or in an array."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import ConfigError, DataError
from alp.models.volatility import (
    EwmaVolatility,
    ParkinsonVolatility,
    RealisedVolatility,
    make_volatility,
    per_day,
    per_sqrt_second,
    per_year,
    sigma_after_each,
)

SECOND = 1_000_000_000
MAKERS = {
    "ewma": lambda: EwmaVolatility(600 * SECOND),
    "realised": lambda: RealisedVolatility(1_800 * SECOND),
    "parkinson": lambda: ParkinsonVolatility(60 * SECOND, 1_800 * SECOND),
}
every = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
SIGMA = 2e-4


def _path(seed, count=40_000, mean_gap_s=0.5, sigma=SIGMA):
    """Irregular observations of a geometric Brownian motion, some with equal timestamps."""
    random = np.random.default_rng(seed)
    gaps = (random.exponential(mean_gap_s, count) * SECOND).astype(np.int64)
    gaps[random.random(count) < 0.05] = 0
    steps = random.standard_normal(count) * sigma * np.sqrt(gaps / SECOND)
    return 1_704_412_800 * SECOND + np.cumsum(gaps), 2_268.0 * np.exp(np.cumsum(steps))


@every
def test_a_stream_and_an_array_give_the_same_bits(make):
    ts_ns, prices = _path(1, 3_000, mean_gap_s=5.0)
    streamed = make()
    expected = []
    for ts, price in zip(ts_ns.tolist(), prices.tolist(), strict=True):
        streamed.update(ts, price)
        expected.append(streamed.sigma())
    got = sigma_after_each(make(), ts_ns, prices)
    assert got.tobytes() == np.array(expected).tobytes()


@every
def test_an_array_in_pieces_gives_the_same_bits(make):
    ts_ns, prices = _path(2, 3_000, mean_gap_s=5.0)
    whole, pieces = make(), make()
    expected = sigma_after_each(whole, ts_ns, prices)
    got = np.concatenate(
        [
            sigma_after_each(pieces, ts_ns[i : i + 700], prices[i : i + 700])
            for i in range(0, 3_000, 700)
        ]
    )
    assert got.tobytes() == expected.tobytes()


@every
def test_the_future_changes_nothing_that_was_said(make):
    ts_ns, prices = _path(3, 2_000, mean_gap_s=5.0)
    other = prices.copy()
    other[1_000:] *= 1.5
    expected = sigma_after_each(make(), ts_ns, prices)
    got = sigma_after_each(make(), ts_ns, other)
    assert got[:1_000].tobytes() == expected[:1_000].tobytes()
    assert got[-1] != expected[-1]


@every
def test_a_restart_from_a_snapshot_gives_the_same_bits(make):
    ts_ns, prices = _path(4, 2_000, mean_gap_s=5.0)
    one, other = make(), make()
    sigma_after_each(one, ts_ns[:900], prices[:900])
    other.restore(one.snapshot())
    expected = sigma_after_each(one, ts_ns[900:], prices[900:])
    assert sigma_after_each(other, ts_ns[900:], prices[900:]).tobytes() == expected.tobytes()


@every
@pytest.mark.parametrize("mean_gap_s", [0.25, 1.0])
def test_the_volatility_of_a_known_process_is_found(make, mean_gap_s):
    estimates = []
    for seed in range(20):
        estimator = make()
        sigma_after_each(estimator, *_path(seed, 20_000, mean_gap_s))
        estimates.append(estimator.sigma())
    # A range of n observations misses extremes between them: Parkinson reads low by 0.72 / sqrt(n).
    bias = 0.72 / math.sqrt(60 / mean_gap_s) if make is MAKERS["parkinson"] else 0.0
    assert np.mean(estimates) == pytest.approx(SIGMA * (1 - bias), rel=0.03)


@every
def test_a_change_of_volatility_is_followed_and_then_forgotten(make):
    calm = _path(5, 20_000, 1.0, sigma=1e-4)
    wild = _path(6, 20_000, 1.0, sigma=4e-4)
    estimator = make()
    sigma_after_each(estimator, *calm)
    before = estimator.sigma()
    sigma_after_each(
        estimator,
        wild[0] - wild[0][0] + calm[0][-1] + SECOND,
        wild[1] / wild[1][0] * calm[1][-1],
    )
    assert before == pytest.approx(1e-4, rel=0.25)
    assert estimator.sigma() == pytest.approx(4e-4, rel=0.25)


@every
def test_before_there_is_anything_to_say_it_says_so(make):
    estimator = make()
    assert not estimator.ready
    assert math.isnan(estimator.sigma())
    estimator.update(10, 100.0)
    assert not estimator.ready


@every
def test_only_ratios_of_prices_matter(make):
    ts_ns, prices = _path(7, 3_000)
    one, other = make(), make()
    sigma_after_each(one, ts_ns, prices)
    sigma_after_each(other, ts_ns, 1e-12 / prices)
    assert one.sigma() == pytest.approx(other.sigma(), rel=1e-9)


@every
def test_a_constant_price_does_not_move(make):
    ts_ns, prices = _path(8, 20_000)
    estimator = make()
    sigma_after_each(estimator, ts_ns, np.full_like(prices, 5.0))
    assert estimator.sigma() == 0.0


@every
@pytest.mark.parametrize("price", [0.0, -1.0, math.nan, math.inf])
def test_a_price_that_is_none_is_refused_and_changes_nothing(make, price):
    estimator = make()
    estimator.update(10, 100.0)
    before = estimator.snapshot()
    with pytest.raises(ValueError, match="not a positive number"):
        estimator.update(11, price)
    assert estimator.snapshot() == before
    with pytest.raises(DataError, match="not a positive number"):
        sigma_after_each(estimator, np.array([11]), np.array([price]))


@every
def test_time_may_stand_still_but_not_run_backwards(make):
    estimator = make()
    estimator.update(10, 100.0)
    estimator.update(10, 101.0)
    with pytest.raises(ValueError, match="after one at"):
        estimator.update(9, 100.0)
    with pytest.raises(DataError, match="after one at"):
        sigma_after_each(estimator, np.array([12, 11]), np.array([1.0, 1.0]))


def test_arrays_of_different_lengths_are_refused():
    with pytest.raises(DataError, match="differ in length"):
        sigma_after_each(EwmaVolatility(1), np.array([1, 2]), np.array([1.0]))


class ReferenceEwma:
    """The definition in plain Python: every return kept, weighted by its age."""

    def __init__(self, half_life_ns):
        self.half_life_ns = half_life_ns
        self.points = []

    def update(self, ts_ns, price):
        if self.points and self.points[-1][0] == ts_ns:
            self.points.pop()
        self.points.append((ts_ns, math.log(price)))

    def sigma(self):
        now, squares, seconds = self.points[-1][0], 0.0, 0.0
        for (start, before), (end, after) in zip(self.points, self.points[1:], strict=False):
            weight = 2.0 ** (-(now - end) / self.half_life_ns)
            squares += weight * (after - before) ** 2
            seconds += weight * (end - start) * 1e-9
        return math.sqrt(squares / seconds) if seconds else math.nan


@given(
    st.lists(
        st.tuples(st.integers(0, 30 * SECOND), st.floats(50.0, 150.0)), min_size=2, max_size=40
    )
)
def test_ewma_is_its_definition(observations):
    compiled, reference, now = EwmaVolatility(20 * SECOND), ReferenceEwma(20 * SECOND), 0
    for gap, price in observations:
        now += gap
        compiled.update(now, price)
        reference.update(now, price)
        assert compiled.sigma() == pytest.approx(reference.sigma(), rel=1e-9, nan_ok=True)


def test_realised_counts_what_the_window_holds_and_nothing_older():
    window = 64 * SECOND
    estimator = RealisedVolatility(window)
    estimator.update(0, 100.0)
    estimator.update(SECOND, 200.0)  # a jump that must be gone later
    for second in range(2, 130):
        estimator.update(second * SECOND, 200.0 * math.exp(0.001 * (second % 2)))
    assert estimator.sigma() == pytest.approx(0.001, rel=1e-6)


def test_realised_after_a_long_silence_knows_only_the_last_return():
    estimator = RealisedVolatility(64 * SECOND)
    for second in range(60):
        estimator.update(second * SECOND, 100.0 + second % 3)
    estimator.update(10_059 * SECOND, 110.0)
    expected = abs(math.log(110.0 / 102.0)) / math.sqrt(10_000)
    assert estimator.sigma() == pytest.approx(expected)


def test_parkinson_is_its_formula_on_candles():
    estimator = ParkinsonVolatility(60 * SECOND, 120 * SECOND)
    ranges = [(101.0, 99.0), (103.0, 100.0), (102.0, 101.0)]
    for i, (high, low) in enumerate(ranges):
        estimator.update_bar(i * 60 * SECOND, high, low)
    squares = [math.log(high / low) ** 2 for high, low in ranges[1:]]
    assert estimator.sigma() == pytest.approx(
        math.sqrt(sum(squares) / 2 / (4 * math.log(2)) / 60), rel=1e-12
    )


def test_parkinson_counts_a_jump_between_periods_and_a_quiet_period():
    estimator = ParkinsonVolatility(60 * SECOND, 600 * SECOND)
    estimator.update(30 * SECOND, 100.0)  # the incomplete first period does not count
    estimator.update(70 * SECOND, 110.0)  # jumped since the last price
    estimator.update(190 * SECOND, 110.0)  # a whole period without an observation lies between
    square = math.log(1.1) ** 2
    assert estimator.sigma() == pytest.approx(math.sqrt(square / 2 / (4 * math.log(2)) / 60))


@pytest.mark.parametrize(("high", "low"), [(1.0, 2.0), (1.0, 0.0), (math.nan, 1.0)])
def test_a_candle_that_is_no_range_is_refused(high, low):
    with pytest.raises(ValueError, match="not a price range"):
        ParkinsonVolatility(60 * SECOND, 600 * SECOND).update_bar(0, high, low)


def test_a_candle_out_of_order_is_refused():
    estimator = ParkinsonVolatility(60 * SECOND, 600 * SECOND)
    estimator.update_bar(60 * SECOND, 2.0, 1.0)
    with pytest.raises(ValueError, match="not after"):
        estimator.update_bar(119 * SECOND, 2.0, 1.0)


def test_the_manifests_words_make_the_estimators():
    hour = 3_600 * SECOND
    assert isinstance(make_volatility("parkinson", window_ns=hour), ParkinsonVolatility)
    assert isinstance(make_volatility("realised", window_ns=hour), RealisedVolatility)
    assert make_volatility("ewma", window_ns=hour, half_life_ns=7).half_life_ns == 7
    assert make_volatility("ewma", window_ns=hour).half_life_ns == round(hour * math.log(2))


@pytest.mark.parametrize(
    "options",
    [
        {"kind": "garch", "window_ns": 10**12},
        {"kind": "ewma", "window_ns": 0},
        {"kind": "realised", "window_ns": 63},
        {"kind": "parkinson", "window_ns": SECOND},
    ],
)
def test_an_estimator_that_cannot_be_is_refused(options):
    with pytest.raises(ConfigError):
        make_volatility(**options)


def test_units_convert_by_the_square_root_of_time():
    assert per_day(per_sqrt_second(0.04, 86_400)) == pytest.approx(0.04)
    assert per_year(1e-4) == pytest.approx(1e-4 * math.sqrt(365 * 86_400))
