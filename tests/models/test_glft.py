"""GLFT against its reference numbers, a plain eigenvector, and what a maker must always do."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.glft_lattice import ground_state
from alp.errors import ConfigError
from alp.models.glft import GlftClosedForm, GlftExact, GlftParameters
from alp.models.glft_solver import finite_log_values
from alp.models.quoting import Horizon, Intensity

REFERENCE = GlftParameters(
    risk_aversion=0.01, sigma=0.3, intensity=Intensity(0.9, 0.3), max_inventory=30.0
)

EXACT = [
    (-30, 0.427056, None),
    (-10, 2.632802, 3.992933),
    (-1, 3.244919, 3.381168),
    (0, 3.313045, 3.313045),
    (5, 3.653480, 2.972522),
    (20, 4.665542, 1.959199),
]
CLOSED = [
    (-30, 1.276940, 5.348890),
    (-10, 2.634257, 3.991574),
    (-1, 3.245049, 3.380781),
    (0, 3.312915, 3.312915),
    (5, 3.652244, 2.973586),
    (20, 4.670232, 1.955599),
]


@pytest.mark.parametrize(("inventory", "bid", "ask"), EXACT)
def test_the_stationary_solution_has_the_reference_distances(inventory, bid, ask):
    quote = GlftExact(REFERENCE).distances(inventory)
    assert quote.bid == pytest.approx(bid, abs=5e-7)
    assert quote.ask == (None if ask is None else pytest.approx(ask, abs=5e-7))


@pytest.mark.parametrize(("inventory", "bid", "ask"), CLOSED)
def test_the_closed_form_has_the_reference_distances(inventory, bid, ask):
    # The formula itself knows no limit: one level more keeps both sides open at -30.
    wider = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 31.0)
    quote = GlftClosedForm(wider).distances(inventory)
    assert quote.bid == pytest.approx(bid, abs=5e-7)
    assert quote.ask == pytest.approx(ask, abs=5e-7)


def test_ten_seconds_before_the_end_the_distances_are_the_reference_ones():
    model = GlftExact(REFERENCE, Horizon.FINITE, horizon_s=60.0)
    quote = model.distances(-10, elapsed_s=50.0)
    assert (quote.bid, quote.ask) == (
        pytest.approx(3.193980, abs=5e-7),
        pytest.approx(3.372933, abs=5e-7),
    )
    assert model.distances(0, elapsed_s=50.0).bid == pytest.approx(3.283456, abs=5e-7)


def test_rolling_is_finite_at_a_constant_distance_from_the_end():
    rolling = GlftExact(REFERENCE, Horizon.ROLLING, horizon_s=10.0)
    finite = GlftExact(REFERENCE, Horizon.FINITE, horizon_s=10.0)
    assert rolling.distances(-10, elapsed_s=7.0) == finite.distances(-10, elapsed_s=0.0)


def test_at_the_end_of_the_session_inventory_no_longer_matters():
    model = GlftExact(REFERENCE, Horizon.FINITE, horizon_s=10.0)
    for inventory in (-20, 0, 20):
        quote = model.distances(inventory, elapsed_s=99.0)
        assert quote.bid == quote.ask == pytest.approx(REFERENCE.margin)


def _eigen_log_values(levels, curvature, coupling, time_left_s=None):
    index = np.arange(-levels, levels + 1)
    size = 2 * levels + 1
    matrix = np.diag(curvature * index**2.0) - coupling * (np.eye(size, k=1) + np.eye(size, k=-1))
    values, vectors = np.linalg.eigh(matrix)
    if time_left_s is None:
        vector = np.abs(vectors[:, 0])
    else:
        decay = np.exp(-(values - values[0]) * time_left_s)
        vector = vectors @ (decay * (vectors.T @ np.ones(size)))
    # A tail far below the largest element is rounding noise in an eigenvector.
    vector[vector < 1e-6 * vector.max()] = np.nan
    return np.log(vector / vector[levels])


CASES = [(30, 1.35e-4, 0.3), (5, 0.0, 0.3), (1, 0.1, 1.0), (50, 1e-12, 0.3), (60, 1e-4, 0.5)]


@pytest.mark.parametrize(("levels", "curvature", "coupling"), CASES)
def test_the_ground_state_is_the_eigenvector_where_that_is_accurate(levels, curvature, coupling):
    expected = _eigen_log_values(levels, curvature, coupling)
    ours = np.empty(2 * levels + 1)
    ground_state(curvature / coupling, ours)
    known = ~np.isnan(expected)
    assert known.sum() >= 3
    np.testing.assert_allclose(ours[known], expected[known], atol=1e-9)


@pytest.mark.parametrize("time_left_s", [0.1, 10.0, 1000.0])
@pytest.mark.parametrize(("levels", "curvature", "coupling"), CASES)
def test_the_finite_solution_is_the_matrix_exponential(levels, curvature, coupling, time_left_s):
    expected = _eigen_log_values(levels, curvature, coupling, time_left_s)
    ours = finite_log_values(levels, curvature, coupling, time_left_s)
    known = ~np.isnan(expected)
    np.testing.assert_allclose(ours[known], expected[known], atol=1e-9)


def test_a_long_finite_session_approaches_the_stationary_one_without_a_step():
    # The switch to the stationary solution lies between these two horizons.
    gap = 0.0423 * 0.3
    near, far = (
        GlftExact(REFERENCE, Horizon.ROLLING, horizon_s=multiple / gap).distances(17)
        for multiple in (35.0, 200.0)
    )
    assert near.bid == pytest.approx(far.bid, abs=1e-9)
    assert far == GlftExact(REFERENCE).distances(17)


def test_three_thousand_levels_have_a_value_far_below_what_a_float_can_hold():
    wide = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 3000.0)
    bids, _ = GlftExact(wide).table()
    assert np.isfinite(bids).all()
    assert (np.diff(bids) > 0).all()
    # The neighbourhood of zero does not notice where the limit is.
    assert GlftExact(wide).distances(0).bid == pytest.approx(3.313045, abs=5e-7)


parameters = st.builds(
    GlftParameters,
    risk_aversion=st.floats(0.0, 1.0),
    sigma=st.floats(0.0, 2.0),
    intensity=st.builds(Intensity, st.floats(0.05, 50.0), st.floats(0.05, 20.0)),
    max_inventory=st.integers(1, 40).map(float),
    order_size=st.sampled_from([0.1, 0.5, 1.0]),
    execution_aversion=st.none() | st.floats(0.0, 1.0),
    execution_cost=st.floats(-0.01, 0.5),
)


@given(parameters, st.sampled_from([GlftExact, GlftClosedForm]))
def test_more_inventory_never_bids_nearer_nor_asks_farther(given_parameters, kind):
    model = kind(given_parameters)
    limit = given_parameters.max_inventory
    quotes = [model.distances(q) for q in np.linspace(-1.2 * limit, 1.2 * limit, 61)]
    bids = [quote.bid for quote in quotes if quote.bid is not None]
    asks = [quote.ask for quote in quotes if quote.ask is not None]
    assert np.all(np.diff(bids) >= -1e-9)
    assert np.all(np.diff(asks) <= 1e-9)


@given(parameters, st.floats(-1.0, 1.0))
def test_long_and_short_are_mirror_images(given_parameters, share):
    inventory = share * given_parameters.max_inventory
    for model in (GlftExact(given_parameters), GlftClosedForm(given_parameters)):
        quote, mirrored = model.distances(inventory), model.distances(-inventory)
        assert quote.bid == (None if mirrored.ask is None else pytest.approx(mirrored.ask))


@given(parameters)
def test_only_the_reducing_side_is_quoted_at_the_limits(given_parameters):
    limit = given_parameters.levels * given_parameters.order_size
    for model in (GlftExact(given_parameters), GlftClosedForm(given_parameters)):
        assert model.distances(limit).bid is None
        assert model.distances(limit).ask is not None
        assert model.distances(-limit).ask is None
        assert model.distances(-limit).bid is not None


def test_quotes_do_not_jump_where_the_skew_changes_sign():
    # A seed defect: its widths changed fourfold between q = -0 and q = +0.
    model = GlftExact(REFERENCE)
    below, above = model.distances(-1e-6), model.distances(1e-6)
    assert below.bid == pytest.approx(above.bid, abs=1e-6)
    assert below.ask == pytest.approx(above.ask, abs=1e-6)


def test_order_size_is_a_change_of_units():
    # Orders of 0.5 base at prices p are orders of 1 "half-base" at prices p / 2.
    half = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 15.0, order_size=0.5)
    unit = GlftParameters(0.01, 0.15, Intensity(0.9, 0.6), 30.0)
    for kind in (GlftExact, GlftClosedForm):
        assert kind(half).distances(2.5).bid == pytest.approx(2 * kind(unit).distances(5).bid)
        assert kind(half).distances(2.5).ask == pytest.approx(2 * kind(unit).distances(5).ask)


def test_without_aversion_the_distance_is_one_over_k_and_does_not_depend_on_inventory():
    free = GlftParameters(0.0, 0.3, Intensity(0.9, 0.3), 30.0)
    assert GlftClosedForm(free).distances(7.0).bid == pytest.approx(1 / 0.3)
    # The exact solution still leans, because of the limits alone, and little.
    assert abs(GlftExact(free).distances(0.0).bid - 1 / 0.3) < 0.01


def test_small_aversions_approach_the_limit_smoothly():
    tiny = GlftParameters(1e-12, 0.3, Intensity(0.9, 0.3), 30.0)
    none = GlftParameters(0.0, 0.3, Intensity(0.9, 0.3), 30.0)
    assert GlftClosedForm(tiny).distances(3.0).bid == pytest.approx(
        GlftClosedForm(none).distances(3.0).bid, abs=1e-4
    )
    assert tiny.eta == pytest.approx(0.9 / math.e, rel=1e-9)


def test_a_cost_per_fill_moves_both_sides_by_itself_and_thins_the_arrivals():
    costly = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 30.0, execution_cost=0.2)
    thinner = GlftParameters(0.01, 0.3, Intensity(0.9 * math.exp(-0.06), 0.3), 30.0)
    for inventory in (-10, 0, 10):
        assert GlftExact(costly).distances(inventory).bid == pytest.approx(
            GlftExact(thinner).distances(inventory).bid + 0.2
        )


@pytest.mark.parametrize(
    "change",
    [
        {"risk_aversion": -1.0},
        {"risk_aversion": math.nan},
        {"sigma": math.inf},
        {"max_inventory": 0.5},
        {"order_size": 0.0},
        {"execution_aversion": -0.1},
        {"execution_cost": math.nan},
        {"max_inventory": 1e9},
    ],
)
def test_parameters_outside_their_domain_are_refused(change):
    fields = {name: getattr(REFERENCE, name) for name in GlftParameters.__slots__}
    with pytest.raises(ConfigError):
        GlftParameters(**{**fields, **change})


def test_an_intensity_without_arrivals_is_refused():
    with pytest.raises(ConfigError, match="A must be"):
        Intensity(0.0, 1.0)


def test_a_hopelessly_stiff_finite_problem_is_refused_with_a_remedy():
    stiff = GlftParameters(0.01, 0.3, Intensity(0.9, 0.3), 30_000.0)
    with pytest.raises(ConfigError, match="stiff") as failure:
        GlftExact(stiff, Horizon.ROLLING, horizon_s=500.0).distances(0.0)
    assert "stationary" in failure.value.hint


def test_an_inventory_that_is_no_number_is_refused():
    with pytest.raises(ConfigError):
        GlftExact(REFERENCE).distances(math.nan)
    with pytest.raises(ConfigError):
        GlftClosedForm(REFERENCE).distances(math.inf)
