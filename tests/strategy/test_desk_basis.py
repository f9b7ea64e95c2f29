"""The manifest's bounds of the basis reach the desk."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from manifests import VENUE, small

from alp.models.desk import DeskInstrument
from alp.strategy import load_manifest
from alp.strategy.desk import DeskOptions, quoting_rules
from alp.strategy.problems import ManifestError

SECOND = 10**9


def rules(basis: dict[str, Any]) -> Any:
    strategy = load_manifest(
        small(
            venues=[VENUE],
            model={"riskAversion": 0.5, "maxInventoryBase": "4", "orderSizeBase": "0.2"},
            hedge={"enabled": True, "basis": basis},
        )
    )
    venue = strategy.spec.venues[0]
    instrument = DeskInstrument(
        0, venue.name, venue.exchange, venue.symbol, Decimal("0.01"), Decimal("0.001")
    )
    found = quoting_rules(strategy, [instrument], 2000.0, DeskOptions(lp_age_ns=30 * SECOND))
    assert found.hedge is not None
    assert found.hedge.basis is not None
    return found.hedge.basis


def test_bounds_and_half_life_are_the_manifests() -> None:
    basis = rules({"widenBps": 5, "reduceBps": 6, "suspendBps": 7, "halfLife": "20s"})
    bounds = basis.bounds_bps
    assert (bounds.widen, bounds.reduce, bounds.suspend) == (5.0, 6.0, 7.0)
    assert basis.half_life_ns == 20 * SECOND
    assert basis.max_age_ns == 30 * SECOND


def test_without_them_they_are_those_that_were_tried() -> None:
    bounds = rules({}).bounds_bps
    assert (bounds.widen, bounds.reduce, bounds.suspend) == (20.0, 50.0, 100.0)


@pytest.mark.parametrize(
    ("basis", "words"),
    [
        ({"widenBps": 60}, "spec.hedge.basis.widenBps: 60 is more than reduceBps"),
        ({"reduceBps": 200}, "spec.hedge.basis.reduceBps: 200 is more than suspendBps"),
    ],
)
def test_bounds_rise(basis: dict[str, Any], words: str) -> None:
    with pytest.raises(ManifestError, match=words):
        rules(basis)
