"""The manifest's numbers as the market maker takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from manifests import VENUE, small

from alp._core.maker import MakerModel, Touch
from alp.errors import ConfigError
from alp.strategy import load_manifest
from alp.strategy.making import calibration_parameters, maker_parameters

MODEL = {"riskAversion": 0.5, "maxInventoryBase": "4", "orderSizeBase": "0.2"}


def made(venue: dict[str, Any] | None = None, **sections: Any) -> Any:
    content = small(venues=[{**VENUE, **(venue or {})}], **{"model": MODEL, **sections})
    spec = load_manifest(content).spec
    return maker_parameters(
        spec, spec.venues[0], tick_size=Decimal("0.01"), lot_size=Decimal("0.001"), price=2000.0
    )


def test_quote_and_base_become_ticks_and_lots() -> None:
    rule = made({"makerFeeBps": "1.8", "order": {"minBase": "0.0205", "maxBase": "3"}}).rule()
    assert rule["model"] == MakerModel.GLFT_TABLE
    assert (rule["order_lots"], rule["most_inventory"]) == (200, 4000)
    assert (rule["least_lots"], rule["most_lots"]) == (21, 3000)
    assert rule["level_lots"][0] == 200
    assert rule["fee"] == pytest.approx(0.00018)
    assert rule["cost"] == pytest.approx(0.0001)
    # One quote of aversion is 0.01 * 0.2 quote for a tick of an order.
    assert rule["risk_aversion"] == pytest.approx(0.5 * 0.01 * 0.2)
    assert rule["collar"] == 2000


def test_the_manifests_steps_come_before_the_venues() -> None:
    rule = made({"tickSize": "0.1", "lotSize": "0.01"}).rule()
    assert (rule["order_lots"], rule["collar"]) == (20, 200)


def test_ages_and_hysteresis_are_the_manifests() -> None:
    parameters = made(
        hedge={"enabled": True},
        limits={"maxDataAge": "300ms"},
        execution={"minMoveTicks": 3},
    )
    assert parameters.ages.book == parameters.ages.pool == 300_000_000
    assert parameters.price_hysteresis_ticks == 2
    assert made().ages.pool is None


def test_levels_sizes_and_the_fair_value_are_the_manifests() -> None:
    parameters = made(
        quoting={
            "levels": 3,
            "levelStepBps": 2,
            "levelStepShare": 0.5,
            "levelSizeFactor": 2,
            "asymmetryBps": 3000,
            "spreadFactor": 1.5,
            "skewFactor": 0.5,
            "leastEdgeBps": 0.25,
            "micropriceWeight": 0.5,
            "driftHorizon": "250ms",
            "maxShiftBps": 5,
            "touch": "join",
            "inventoryHysteresisBase": "0.05",
        }
    )
    rule = parameters.rule()
    assert (rule["levels"], rule["level_lots"][:4]) == (3, [200, 400, 800, 0])
    assert (rule["step"], rule["step_share"]) == (40, 0.5)  # 2 bps of 2000 is 40 cents
    assert (rule["asymmetry_ppm"], rule["least_edge"]) == (300_000, pytest.approx(0.000025))
    assert (rule["spread_factor"], rule["skew_factor"]) == (1.5, 0.5)
    assert (rule["microprice_weight"], rule["drift_weight_s"]) == (0.5, 0.25)
    assert (rule["most_shift"], rule["touch"]) == (100, Touch.JOIN)
    assert rule["inventory_hysteresis"] == 50
    assert parameters.ages.drift == 1_000_000_000
    assert made().ages.drift is None


def test_a_level_is_at_least_a_tick_from_the_next() -> None:
    assert made({"tickSize": "5"}, quoting={"levels": 2, "levelStepBps": 0}).step_ticks == 1


def test_avellaneda_and_stoikov_roll_their_horizon() -> None:
    rule = made(model={**MODEL, "kind": "AvellanedaStoikov", "horizon": "90s"}).rule()
    assert (rule["model"], rule["horizon_s"]) == (MakerModel.AVELLANEDA_STOIKOV, 90.0)


@pytest.mark.parametrize(
    "model",
    [
        {"horizonKind": "finite"},
        {"horizonKind": "rolling"},
        {"kind": "AvellanedaStoikov", "horizonKind": "stationary"},
    ],
)
def test_a_model_without_a_compiled_form_is_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="the market maker has no"):
        made(model={**MODEL, **model})


def test_an_order_below_the_least_is_refused() -> None:
    with pytest.raises(ConfigError, match="no level reaches the least order of 300 lots"):
        made({"order": {"minBase": "0.3"}})


@pytest.mark.parametrize(("window", "samples"), [("1m", 6000), ("1h", 36_000), ("90d", 1 << 20)])
def test_the_calibrations_window_is_the_manifests(window: str, samples: int) -> None:
    spec = load_manifest(small(model={"intensity": {"calibrateWindow": window}})).spec
    assert calibration_parameters(spec).window == samples
