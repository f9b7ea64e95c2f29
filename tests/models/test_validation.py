"""The models are held to published numbers, and a wrong model is noticed."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner

from alp.cli.validate_models import validate_models
from alp.errors import CheckFailed
from alp.models import validation
from alp.models.paper_simulation import PaperMarket, Sample, simulate
from alp.models.validation import Check, validate


def test_every_figure_holds_with_the_papers_number_of_paths():
    checks = validate(1_000, 20_080_401)
    assert [check for check in checks if not check.passed] == []
    assert {check.group for check in checks} == {
        "Avellaneda-Stoikov",
        "GLFT",
        "intensity",
        "volatility",
    }


@pytest.mark.slow
def test_twenty_thousand_paths_agree_with_the_independent_twenty_thousand():
    for check in validate(20_000, 3):
        assert check.passed, check
        if check.quantity in ("mean profit", "std of profit"):
            assert check.ours == pytest.approx(check.reference, rel=0.02)


def test_the_same_seed_gives_the_same_figures():
    assert validate(200, 5) == validate(200, 5)
    assert validate(200, 5) != validate(200, 6)


def test_a_model_with_a_wrong_spread_is_noticed(monkeypatch):
    from alp.models.avellaneda_stoikov import AvellanedaStoikov

    right = AvellanedaStoikov.spread
    monkeypatch.setattr(
        AvellanedaStoikov, "spread", lambda self, elapsed_s=0.0: 1.2 * right(self, elapsed_s)
    )
    off = [check for check in validate(1_000, 1) if not check.passed]
    assert {"mean spread", "mean profit"} <= {check.quantity for check in off}


def test_a_model_that_leans_too_little_is_noticed(monkeypatch):
    from alp.models.avellaneda_stoikov import AvellanedaStoikov

    right = AvellanedaStoikov.reservation_price
    monkeypatch.setattr(
        AvellanedaStoikov,
        "reservation_price",
        lambda self, mid, inventory, elapsed_s=0.0: right(self, mid, inventory / 2, elapsed_s),
    )
    off = {(check.case, check.quantity) for check in validate(1_000, 1) if not check.passed}
    assert ("gamma 0.1, inventory", "std of final q") in off
    assert not [case for case, _ in off if "symmetric" in case]


def test_a_wrong_closed_form_is_noticed(monkeypatch):
    wrong = replace(validation._GLFT, sigma=0.31)
    monkeypatch.setattr(validation, "_GLFT", wrong)
    off = {check.quantity for check in validate(100, 20_080_401) if not check.passed}
    assert {"closed bid", "closed ask"} <= off
    assert "exact bid" not in off


def test_symmetric_quotes_carry_more_risk_for_little_more_profit():
    # The paper's point.
    random = np.random.default_rng(11)
    with_inventory = simulate(0.1, inventory_strategy=True, paths=2_000, random=random)
    symmetric = simulate(0.1, inventory_strategy=False, paths=2_000, random=random)
    assert with_inventory.profit.deviation < 0.6 * symmetric.profit.deviation
    assert with_inventory.profit.mean > 0.9 * symmetric.profit.mean


def test_without_arrivals_there_is_neither_profit_nor_inventory():
    from alp.models.quoting import Intensity

    market = PaperMarket(intensity=Intensity(1e-12, 1.5))
    run = simulate(
        0.1, inventory_strategy=True, paths=200, random=np.random.default_rng(0), market=market
    )
    assert run.profit == run.final_inventory == Sample(0.0, 0.0, 0.0, 0.0)


def test_standard_errors_are_those_of_repeated_samples():
    random = np.random.default_rng(4)
    samples = [Sample.of(random.exponential(1.0, 2_000)) for _ in range(400)]
    for value, error in (("mean", "mean_error"), ("deviation", "deviation_error")):
        spread = np.std([getattr(sample, value) for sample in samples])
        claimed = np.mean([getattr(sample, error) for sample in samples])
        assert claimed == pytest.approx(spread, rel=0.12)


def test_a_check_judges_samples_by_joint_error_and_figures_by_tolerance():
    sampled = Check("g", "c", "q", ours=1.0, reference=0.0, error=0.3, reference_error=0.4)
    assert sampled.z == pytest.approx(2.0)
    assert sampled.passed
    assert not replace(sampled, ours=2.1).passed
    computed = Check("g", "c", "q", ours=1.0, reference=1.1, tolerance=0.2)
    assert computed.z is None
    assert computed.passed
    assert not replace(computed, tolerance=0.05).passed
    assert not replace(computed, ours=math.nan).passed


def test_the_command_prints_ours_beside_the_papers():
    result = CliRunner().invoke(validate_models, ["--paths", "1000"])
    assert result.exit_code == 0, result.output
    line = next(row for row in result.output.splitlines() if "mean profit" in row)
    assert "62.94" in line
    assert "64.860" in line
    assert "51 figures, 0 off" in result.output
    assert max(map(len, result.output.splitlines())) <= 100


def test_the_command_gives_the_figures_as_data():
    result = CliRunner().invoke(validate_models, ["--json", "--paths", "150", "--seed", "2"])
    printed = json.loads(result.output)
    assert (printed["schema"], printed["paths"], printed["seed"]) == (
        "alp.validate-models/1",
        150,
        2,
    )
    assert len(printed["checks"]) == 51


def test_the_command_fails_when_a_figure_is_off(monkeypatch):
    wrong = replace(validation._GLFT, sigma=0.31)
    monkeypatch.setattr(validation, "_GLFT", wrong)
    result = CliRunner().invoke(validate_models, [])
    assert isinstance(result.exception, CheckFailed)
    assert result.exception.exit_code == 1
    assert "OFF" in result.output
