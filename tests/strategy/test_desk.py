"""The manifest's numbers as the built-in desk takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from manifests import VENUE, small

from alp.errors import ConfigError
from alp.models.desk import DeskInstrument
from alp.models.quoting_rules import NO_LIMIT, QuotingRules
from alp.strategy import load_manifest
from alp.strategy.desk import NEVER_OLD, desk_of

SECOND = 10**9
MODEL = {"riskAversion": 0.5, "maxInventoryBase": "4", "orderSizeBase": "0.2"}
SPOT = {**VENUE, "name": "spot", "exchange": "binance-spot"}
PERP = {**VENUE, "name": "perp", "exchange": "binance-usdm"}


def made(
    venues: list[dict[str, Any]], options: dict[str, Any] | None = None, **sections: Any
) -> QuotingRules:
    strategy = load_manifest(small(venues=venues, **{"model": MODEL, **sections}))
    instruments = [
        DeskInstrument(
            at,
            each.name,
            each.exchange,
            each.symbol,
            Decimal("0.01"),
            Decimal("0.001"),
            min_lots=5,
            max_lots=9_000,
        )
        for at, each in enumerate(strategy.spec.venues)
    ]
    return desk_of(strategy, instruments, 2000.0, **(options or {})).rules


def test_limits_shares_and_holds_are_the_manifests() -> None:
    rules = made(
        [{**SPOT, "share": 0.25}, {**PERP, "share": 0.75}],
        limits={"maxNetBase": "3", "maxVenueBase": "2.5", "maxOrderNotional": "1000"},
        execution={"quoteAge": "8s"},
    )
    assert [each.share_ppm for each in rules.products] == [250_000, 750_000]
    assert [each.most_lots for each in rules.products] == [2500, 2500]
    assert rules.most_net_raw == 3 * 10**18
    assert (rules.hold_ns, rules.renew_ns) == (8 * SECOND, 2 * SECOND)
    # 1000 quote are 0.4 base where the price has risen by a quarter.
    assert [each.maker.max_lots for each in rules.products] == [400, 400]
    assert rules.products[0].maker.min_lots == 5


def test_a_spot_account_is_counted_from_what_it_held_and_a_perpetual_from_nothing() -> None:
    spot, perp = made([SPOT, PERP]).products
    assert (spot.is_spot, spot.neutral_lots) == (True, None)
    assert (perp.is_spot, perp.neutral_lots) == (False, 0)
    again = made([SPOT, PERP], {"neutral_lots": {"0": 70}}).products
    assert [each.neutral_lots for each in again] == [70, 0]


def test_steps_are_the_instruments_whatever_the_manifest_has() -> None:
    (product,) = made([{**PERP, "tickSize": "0.5", "lotSize": "0.1"}]).products
    assert product.maker.tick_size == product.instrument.tick_size == Decimal("0.01")


def test_the_hedge_is_there_where_it_is_enabled_and_somebody_tells_of_the_pool() -> None:
    hedge = {"enabled": True, "noTradeBandBase": "0.5", "minCorrelation": 0.7}
    rules = made([PERP], hedge=hedge)
    assert rules.hedge is not None
    assert (rules.hedge.ratio, rules.hedge.first_ratio) == (None, 1.0)
    assert (rules.hedge.band_raw, rules.hedge.min_correlation) == (5 * 10**17, 0.7)
    assert rules.products[0].maker.ages.pool == 90 * SECOND
    assert made([PERP], hedge={**hedge, "ratio": "0.5"}).hedge.ratio == 0.5  # type: ignore[union-attr]
    for without in (made([PERP]), made([PERP], {"has_lp": False}, hedge=hedge)):
        assert without.hedge is None
        assert without.products[0].maker.ages.pool is None


def test_a_given_intensity_needs_sigma_alone_and_soon() -> None:
    (given,) = made([PERP], model={**MODEL, "intensity": {"A": 0.9, "k": 0.3}}).products
    (measured,) = made([PERP]).products
    assert (given.measured, given.calibration.least_samples) == (False, 100)
    assert (measured.measured, measured.calibration.least_samples) == (True, 6000)


def test_where_nothing_is_told_twice_nothing_grows_old() -> None:
    rules = made([PERP], NEVER_OLD, hedge={"enabled": True})
    assert rules.gate_age_ns is None
    assert rules.products[0].maker.ages.inventory is None
    assert rules.products[0].maker.ages.pool is None
    assert rules.hedge is not None
    assert rules.hedge.basis is None
    assert rules.most_net_raw == NO_LIMIT


def test_an_unknown_option_and_an_order_too_small_are_refused() -> None:
    with pytest.raises(TypeError):
        made([PERP], {"nonsense": 1})
    with pytest.raises(ConfigError, match="no level reaches the least order"):
        made([{**PERP, "order": {"minBase": "0.3"}}])
