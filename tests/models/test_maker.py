"""The market maker in words: parameters, what it sees, and how it explains itself."""

from __future__ import annotations

import json
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from alp._core.arrivals import Readiness
from alp._core.maker import Bound
from alp.errors import ConfigError
from alp.models.glft import GlftClosedForm, GlftParameters
from alp.models.maker import (
    CalibrationParameters,
    InputAges,
    MakerCore,
    MakerObservation,
    MakerParameters,
)
from alp.models.maker_words import as_record, explain, from_record, reasons
from alp.models.quoting import Horizon, Intensity
from alp.models.recipe import ModelKind, QuotingRecipe

INTERVAL = 100_000_000
RECIPE = QuotingRecipe(ModelKind.GLFT, 0.5, Intensity(0.9, 30.0), 4.0, 0.2, exact=False)
PARAMETERS = MakerParameters(RECIPE, Decimal("0.01"), Decimal("0.001"), (200,))


def measured(core: MakerCore, seed: int = 0, samples: int = 6_100) -> int:
    """Let a core see a market; the time it is then."""
    random = np.random.default_rng(seed)
    bid = 200_000
    for at in range(samples):
        reach = random.exponential(4.0, 2)
        bid += int(random.integers(-1, 2))
        core.arrivals.sample(
            (at + 1) * INTERVAL,
            bid,
            bid + 1,
            bid + 1 + int(reach[0]) if random.random() < 0.3 else -1,
            bid - int(reach[1]) if random.random() < 0.3 else -1,
        )
    return samples * INTERVAL


def seen(now: int, **changes: object) -> MakerObservation:
    return replace(
        MakerObservation(now, 200_000, 500, 200_001, 700, 0, book_ns=now, inventory_ns=now),
        **changes,
    )


def test_distances_are_the_models_in_quote_and_base():
    core = MakerCore(PARAMETERS, measured=False)
    now = measured(core)
    sigma = core.arrivals.calibration.sigma * 0.01
    model = GlftClosedForm(
        GlftParameters(0.5, sigma, RECIPE.intensity, 4.0, order_size=0.2)
    ).distances(0.7)
    terms = core.decide(seen(now, inventory=700)).terms
    assert (terms["mid"] - terms["raw"][0]) * 0.01 == pytest.approx(model.bid, rel=1e-9)
    assert (terms["raw"][1] - terms["mid"]) * 0.01 == pytest.approx(model.ask, rel=1e-9)


def test_nothing_is_quoted_before_it_was_measured():
    core = MakerCore(PARAMETERS)
    view = core.decide(seen(INTERVAL))
    assert view.bids == view.asks == ()
    assert view.bound == Bound.UNCALIBRATED | Bound.STALE_CALIBRATION
    now = measured(core)
    assert core.decide(seen(now)).bids


def test_a_given_intensity_needs_nothing_but_sigma():
    core = MakerCore(PARAMETERS, measured=False)
    for at in range(6_001):
        core.arrivals.sample((at + 1) * INTERVAL, 200_000 + at % 2, 200_001 + at % 2)
    view = core.decide(seen(6_001 * INTERVAL))
    assert not core.arrivals.ready
    assert view.bids
    assert (view.inputs["scale"], view.inputs["decay"]) == (0.9, pytest.approx(0.3))


def test_the_drift_is_the_calibrations_unless_given():
    parameters = replace(PARAMETERS, drift_weight_s=1.0, ages=InputAges(drift=10**9))
    core = MakerCore(parameters)
    now = measured(core)
    own = core.arrivals.calibration.drift
    assert core.decide(seen(now)).terms["shift"] == pytest.approx(own)
    assert core.decide(seen(now, drift=7.0, drift_ns=now)).terms["shift"] == pytest.approx(7.0)
    assert core.decide(seen(now, drift=7.0)).bound == Bound.STALE_DRIFT


def test_what_was_restored_decides_alike():
    parameters = replace(PARAMETERS, price_hysteresis_ticks=2, inventory_hysteresis_lots=50)
    core, other = MakerCore(parameters), MakerCore(parameters)
    now = measured(core)
    core.decide(seen(now))
    other.restore(json.loads(json.dumps(core.snapshot())))
    later = seen(now + 1, bid=200_001, ask=200_002, inventory=40)
    assert other.decide(later) == core.decide(later)
    assert Bound.BID_KEPT in core.maker.last.bound


def test_a_decision_explains_itself():
    core = MakerCore(replace(PARAMETERS, maker_fee_bps=2.0))
    now = measured(core)
    view = core.decide(seen(now, inventory=4_000))
    text = "\n".join(explain(view))
    for part in (
        "book         200000 x 500 | 200001 x 700",
        "inventory    4000 lots",
        "calibration  A ",
        "pool never",
        "fair value   200000.5000",
        "+20.000 orders",
        "fee 40.0001",
        "bids         none",
        "BID_INVENTORY: the inventory limit cut the bids",
        "MIN_SPREAD: ",
    ):
        assert part in text
    assert f"{view.asks[0].price} x 200" in text


def test_a_decision_to_quote_nothing_says_why():
    view = MakerCore(PARAMETERS).decide(seen(INTERVAL, bid=0, suspended=True))
    text = "\n".join(explain(view))
    assert "fair value" not in text
    assert "NO_BOOK: a side of the book is empty" in text
    assert "SUSPENDED: quoting is suspended" in text


def test_a_decision_kept_as_json_explains_itself_alike():
    core = MakerCore(PARAMETERS)
    unmeasured = core.decide(seen(INTERVAL))
    now = measured(core)
    for view in (unmeasured, core.decide(seen(now, inventory=350))):
        text = json.dumps(as_record(view), allow_nan=False)
        kept = from_record(json.loads(text))
        assert explain(kept) == explain(view)
        assert (kept.bids, kept.asks, kept.bound) == (view.bids, view.asks, view.bound)
        assert as_record(kept) == as_record(view)


def test_a_record_of_inputs_decides_the_same_again():
    core, other = MakerCore(PARAMETERS), MakerCore(PARAMETERS)
    view = core.decide(seen(measured(core), inventory=350))
    kept = from_record(json.loads(json.dumps(as_record(view))))
    assert other.maker.decide(kept.inputs) == view


def test_every_bit_has_its_sentence():
    assert [line.split(":")[0] for line in reasons(~Bound(0))] == [bit.name for bit in Bound]


@pytest.mark.parametrize("codes", [Bound, Readiness])
def test_every_code_is_in_the_document(root, codes):
    text = (root / "docs" / "market-maker.md").read_text(encoding="utf-8")
    assert [code.name for code in codes if f"`{code.name}`" not in text] == []


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"tick_size": Decimal(0)}, "tick size 0 is not positive"),
        ({"lot_size": Decimal("NaN")}, "lot size NaN is not positive"),
        ({"level_lots": ()}, "0 levels"),
        ({"level_lots": (1,) * 17}, "17 levels"),
        ({"min_lots": 201}, "no level reaches the least order of 201 lots"),
        ({"drift_weight_s": 1.0}, "a drift that counts needs a greatest age"),
        ({"step_ticks": 0}, "market maker: a step is of at least one tick"),
        ({"least_edge_bps": -1.0}, "least_edge_bps"),
        ({"max_lots": 1 << 70}, "market maker"),
        ({"lot_size": Decimal(5)}, "market maker: the inventory limit holds at least one order"),
    ],
)
def test_parameters_out_of_bounds_are_refused(changes, message):
    with pytest.raises(ConfigError, match=message):
        replace(PARAMETERS, **changes)


def test_a_horizon_that_runs_down_is_refused():
    finite = replace(RECIPE, exact=True, horizon=Horizon.FINITE)
    with pytest.raises(ConfigError, match="no finite GLFT model"):
        replace(PARAMETERS, quoting=finite)


def test_an_age_and_a_calibration_have_bounds():
    with pytest.raises(ConfigError, match="age of book is negative"):
        InputAges(book=-1)
    with pytest.raises(ConfigError, match="calibration: "):
        CalibrationParameters(window=1)
