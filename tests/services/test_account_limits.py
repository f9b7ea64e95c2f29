"""The manifest's limits in ticks and lots: never looser, and never so tight that nothing passes."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from account_world import LIMITS, PERP, manifest

from alp._core.gate import NO_LIMIT
from alp.errors import ConfigError
from alp.services.execution.limits import (
    AccountVenue,
    account_rules,
    account_venues,
    instrument_rules,
    journal_instruments,
    units_of_lot,
)
from alp.strategy.manifest import Strategy
from alp.venues.instruments import Grid, Instrument

KEYS = {"credentials": {"secretRef": {"name": "main"}}}


def product(strategy: Strategy, instrument: Instrument = PERP) -> AccountVenue:
    return AccountVenue(0, strategy.spec.venues[0], instrument)


def test_limits_are_rounded_towards_zero() -> None:
    strategy = manifest(
        limits={**LIMITS, "maxVenueBase": "6.0009", "maxOrderNotional": "20000.0000099"}
    )
    rules = instrument_rules(product(strategy), strategy)
    assert rules.position_max == 6000  # lots of 0.001
    assert rules.size_max == 6000
    assert rules.notional_max == 2_000_000_000  # ticks of 0.01 times lots
    assert rules.collar_bps == 100


def test_an_orders_own_limit_counts_before_the_venues() -> None:
    venue = {
        "name": "perp",
        "exchange": "binance-usdm",
        "symbol": "ETHUSDC",
        "order": {"maxBase": "0.5"},
    }
    strategy = manifest(venues=[venue])
    assert instrument_rules(product(strategy), strategy).size_max == 500


def test_what_is_not_limited_is_not() -> None:
    strategy = manifest(limits={})
    rules = instrument_rules(product(strategy), strategy)
    assert (rules.size_max, rules.position_max, rules.notional_max) == (NO_LIMIT,) * 3


def test_contracts_count_as_what_they_stand_for() -> None:
    contracts = replace(PERP, contract_size=Decimal("0.01"), order_quantity=Grid(0, 1))
    strategy = manifest()
    assert instrument_rules(product(strategy, contracts), strategy).position_max == 600
    assert units_of_lot(contracts) == 10**10
    (row,) = journal_instruments(strategy, [product(strategy, contracts)])
    assert (row.symbol, row.unit, row.quantity_step) == ("ETHUSDC", 10**10, 1)


@pytest.mark.parametrize(
    ("limits", "field"),
    [
        ({"maxVenueBase": "0.0005"}, "spec.limits.maxVenueBase"),
        ({"maxOrderNotional": "0.000001"}, "spec.limits.maxOrderNotional"),
    ],
)
def test_limits_that_let_nothing_through_are_refused(limits: dict[str, str], field: str) -> None:
    strategy = manifest(limits={**LIMITS, **limits})
    with pytest.raises(ConfigError, match=field):
        instrument_rules(product(strategy), strategy)


def test_a_lot_that_is_no_whole_unit_is_refused() -> None:
    with pytest.raises(ConfigError, match="multiple"):
        units_of_lot(replace(PERP, contract_size=Decimal("1e-13")))


def test_rates_are_the_manifests() -> None:
    strategy = manifest(execution={"ordersPerSecond": 4, "burst": 9, "maxClockOffset": "100ms"})
    rules = account_rules(strategy)
    assert (rules.strategy_interval_ns, rules.strategy_burst) == (250_000_000, 9)
    assert rules.clock_offset_ns == 100_000_000


def test_venues_with_the_same_keys_are_one_account() -> None:
    def venue(name: str, symbol: str, **more: object) -> dict[str, object]:
        return {"name": name, "exchange": "kraken-spot", "symbol": symbol, **more}

    strategy = manifest(
        venues=[
            venue("a", "ETH/USDC", **KEYS),
            venue("b", "ETH/USD", **KEYS),
            venue("c", "ETH/EUR", credentials={"secretRef": {"name": "other"}}),
            venue("d", "ETH/USDT"),
            venue("e", "ETH/DAI"),
        ],
    )
    assert [index for index, _ in account_venues(strategy, "b")] == [0, 1]
    assert [index for index, _ in account_venues(strategy, "c")] == [2]
    assert [index for index, _ in account_venues(strategy, "e")] == [4]
    with pytest.raises(ConfigError, match="no venue 'f'"):
        account_venues(strategy, "f")
