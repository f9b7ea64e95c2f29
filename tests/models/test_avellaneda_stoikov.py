"""Avellaneda & Stoikov: the paper's formulas, and what a maker must always do."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.errors import ConfigError
from alp.models.avellaneda_stoikov import AvellanedaStoikov
from alp.models.quoting import Horizon

PAPER = AvellanedaStoikov(
    risk_aversion=0.1, sigma=2.0, decay=1.5, horizon=Horizon.FINITE, horizon_s=1.0
)


def test_reservation_price_and_spread_are_the_papers_formulas():
    for elapsed_s in (0.0, 0.25, 1.0):
        left = 1.0 - elapsed_s
        assert PAPER.reservation_price(100.0, 3.0, elapsed_s) == pytest.approx(
            100.0 - 3.0 * 0.1 * 4.0 * left
        )
        assert PAPER.spread(elapsed_s) == pytest.approx(
            0.1 * 4.0 * left + 20.0 * math.log(1 + 0.1 / 1.5)
        )


@pytest.mark.parametrize(("aversion", "printed"), [(0.1, 1.49), (0.01, 1.35)])
def test_the_papers_printed_spread_is_the_average_over_the_session(aversion, printed):
    model = AvellanedaStoikov(aversion, 2.0, 1.5, Horizon.FINITE, 1.0)
    average = (model.spread(0.0) + model.spread(1.0)) / 2  # linear in time
    assert round(average, 2) == printed


def test_distances_are_centred_on_the_reservation_price():
    quote = PAPER.distances(3.0, 0.25)
    assert quote.skew == pytest.approx(PAPER.reservation_price(0.0, 3.0, 0.25))
    assert quote.spread == pytest.approx(PAPER.spread(0.25))


def test_rolling_does_not_depend_on_the_time_of_day():
    rolling = AvellanedaStoikov(0.1, 2.0, 1.5, Horizon.ROLLING, 1.0)
    assert rolling.distances(2.0, 0.9) == rolling.distances(2.0, 0.0) == PAPER.distances(2.0, 0.0)


def test_time_left_never_runs_below_zero():
    assert PAPER.time_left(5.0) == 0.0
    assert PAPER.distances(5.0, 5.0).skew == 0.0


def test_without_aversion_the_maker_quotes_one_over_k_around_mid():
    neutral = AvellanedaStoikov(0.0, 2.0, 1.5)
    quote = neutral.distances(10.0)
    assert quote.bid == quote.ask == pytest.approx(1 / 1.5)


def test_tiny_aversion_approaches_no_aversion():
    tiny, none = AvellanedaStoikov(1e-13, 2.0, 1.5), AvellanedaStoikov(0.0, 2.0, 1.5)
    assert tiny.distances(1.0).bid == pytest.approx(none.distances(1.0).bid, abs=1e-9)


def test_order_size_is_a_change_of_units():
    half = AvellanedaStoikov(0.1, 2.0, 1.5, horizon_s=3.0, order_size=0.5)
    unit = AvellanedaStoikov(0.1, 1.0, 3.0, horizon_s=3.0)
    assert half.distances(2.0).bid == pytest.approx(2 * unit.distances(4.0).bid)


def _discounted_utility(inventory, aversion, sigma, rate):
    # The paper's value function for frozen inventory and discounting, wealth and price left out.
    return 1.0 / (rate - 0.5 * (aversion * inventory * sigma) ** 2)


def test_the_stationary_quotes_leave_a_frozen_maker_indifferent():
    aversion, sigma, limit = 0.1, 2.0, 10.0
    model = AvellanedaStoikov(
        aversion, sigma, 1.5, Horizon.STATIONARY, max_inventory=limit, execution_aversion=0.0
    )
    rate = 0.5 * (aversion * sigma * (limit + 1.0)) ** 2
    for inventory in (-9.0, 0.0, 4.5, 9.0):
        now = _discounted_utility(inventory, aversion, sigma, rate)
        quote = model.distances(inventory)
        # Buying one at mid - d gains exp(-gamma d) in utility, and changes what inventory costs.
        bought = _discounted_utility(inventory + 1, aversion, sigma, rate)
        assert bought * math.exp(-aversion * (quote.bid - 1 / 1.5)) == pytest.approx(now)
        sold = _discounted_utility(inventory - 1, aversion, sigma, rate)
        assert sold * math.exp(-aversion * (quote.ask - 1 / 1.5)) == pytest.approx(now)


def test_the_stationary_quotes_are_one_sided_at_the_limit():
    model = AvellanedaStoikov(0.1, 2.0, 1.5, Horizon.STATIONARY, max_inventory=10.0)
    full = model.distances(10.0)
    assert full.bid is None
    assert full.ask < model.distances(9.0).ask
    assert model.time_left() == math.inf
    assert model.reservation_price(100.0, 10.0) < model.reservation_price(100.0, 9.0)
    assert model.reservation_price(100.0, -10.0) > model.reservation_price(100.0, -9.0)


makers = st.builds(
    AvellanedaStoikov,
    risk_aversion=st.floats(1e-6, 1.0),
    sigma=st.floats(0.0, 3.0),
    decay=st.floats(0.05, 20.0),
    horizon=st.sampled_from(Horizon),
    horizon_s=st.floats(0.1, 1e4),
    order_size=st.floats(0.1, 2.0),
    max_inventory=st.floats(3.0, 50.0),
    execution_cost=st.floats(-0.1, 0.1),
)


@given(makers, st.floats(-60, 60), st.floats(0, 10))
def test_more_inventory_never_bids_nearer_nor_asks_farther(model, inventory, more):
    less_quote, more_quote = model.distances(inventory), model.distances(inventory + more)
    slack = 1e-6 * (1 + abs(inventory + more) * model.risk_aversion * model.sigma**2 * 1e4)
    if less_quote.bid is None:
        assert more_quote.bid is None
    elif more_quote.bid is not None:
        assert more_quote.bid >= less_quote.bid - slack
    if more_quote.ask is None:
        assert less_quote.ask is None
    elif less_quote.ask is not None:
        assert more_quote.ask <= less_quote.ask + slack


@given(makers, st.floats(-60, 60))
def test_long_and_short_are_mirror_images(model, inventory):
    quote, mirrored = model.distances(inventory), model.distances(-inventory)
    assert (quote.bid, quote.ask) == (mirrored.ask, mirrored.bid)


def test_a_one_sided_quote_has_neither_spread_nor_skew():
    quote = AvellanedaStoikov(0.1, 2.0, 1.5, max_inventory=2.0).distances(2.0)
    assert quote.bid is None
    assert quote.spread is None
    assert quote.skew is None


@pytest.mark.parametrize(
    "change",
    [
        {"risk_aversion": -0.1},
        {"sigma": math.nan},
        {"decay": 0.0},
        {"horizon_s": 0.0},
        {"order_size": -1.0},
        {"max_inventory": 0.0},
        {"execution_aversion": math.inf},
        {"horizon": Horizon.STATIONARY},
        {"horizon": Horizon.STATIONARY, "risk_aversion": 0.0, "max_inventory": 5.0},
    ],
)
def test_parameters_outside_their_domain_are_refused(change):
    with pytest.raises(ConfigError):
        AvellanedaStoikov(**{"risk_aversion": 0.1, "sigma": 2.0, "decay": 1.5, **change})
