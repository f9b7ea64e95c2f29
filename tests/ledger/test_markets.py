"""Ticks and lots become amounts exactly, or not at all."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_world import BINANCE, ETH, KRAKEN, NOW, PERP, USDC

from alp.errors import ConfigError, DataError
from alp.ledger.assets import Asset
from alp.ledger.markets import Market

SPOT = Market(KRAKEN, "ETH/USDC", ETH, USDC, Decimal("0.01"), Decimal("0.00000001"))


@given(st.integers(1, 10**9), st.integers(1, 10**12), st.sampled_from((1, -1)))
def test_amounts_are_price_times_quantity(price: int, lots: int, side: int) -> None:
    made = SPOT.fill("T1", NOW, side, price, lots)
    assert made.base_amount == lots * 10**10
    assert made.quote_amount == price * lots * 10**2
    assert made.side == side


def test_what_is_finer_than_the_unit_is_asked_of_the_venue() -> None:
    coarse = Market(KRAKEN, "ETH/USD", ETH, Asset("USD", 4), SPOT.tick_size, SPOT.lot_size)
    with pytest.raises(DataError, match="finer than 10\\^-4"):
        coarse.fill("T1", NOW, 1, 200_001, 1)
    assert coarse.fill("T1", NOW, 1, 200_001, 1, quote_amount=0).quote_amount == 0


def test_a_contract_is_margined_and_its_ids_may_need_the_market() -> None:
    perp = Market(
        BINANCE, "ETHUSDC", PERP, USDC, Decimal("0.1"), Decimal("0.001"), True, ids_by_market=True
    )
    made = perp.fill("7", NOW, 1, 20_000, 5, fee_amount=3, fee_asset="BNB")
    assert made.margined
    assert made.proof.key == "binance|trade|ETHUSDC|7"
    assert (made.fee_amount, made.fee_asset) == (3, "BNB")
    assert perp.fill("8", NOW, 1, 20_000, 5, fee_asset="BNB").fee_asset == ""


def test_a_market_of_nothing_is_refused() -> None:
    with pytest.raises(ConfigError):
        Market(KRAKEN, "X", ETH, USDC, Decimal(0), Decimal(1))
