"""Resting orders fill only where the market traded through them, and never in our favour."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp.backtest.cefi import BUY, SELL, Fill, Instrument, Order, PassiveTape, PlaceRefused, Print
from alp.errors import ConfigError

MINUTE = 60 * 10**9


def instrument(**changes: object) -> Instrument:
    values: dict[str, object] = {
        "venue": "binance",
        "symbol": "ETHUSDT",
        "tick_size": Decimal("0.01"),
        "lot_size": Decimal("0.0001"),
        "min_lots": 100,
        "max_lots": 50_000,
        "maker_fee_bps": Decimal(2),
        "base_decimals": 18,
        "quote_decimals": 6,
    }
    return Instrument(**(values | changes))  # type: ignore[arg-type]


def tape(**changes: object) -> PassiveTape:
    made = PassiveTape(instrument(**changes), participation_bps=1000, latency_ns=20_000_000)
    assert made.on_print(candle(0, 225_000, 225_000, 225_000, 0)) == []
    return made


def candle(minute: int, low: int, high: int, last: int, lots: int) -> Print:
    return Print(minute * MINUTE, (minute + 1) * MINUTE, high, low, last, lots)


def test_a_touch_fills_nothing_and_a_trade_through_fills_at_the_order_price() -> None:
    venue = tape()
    assert isinstance(venue.place(MINUTE, BUY, 224_900, 1000), Order)
    assert venue.on_print(candle(2, 224_900, 225_100, 225_000, 10**6)) == []
    (fill,) = venue.on_print(candle(3, 224_899, 225_000, 224_950, 10**6))
    assert (fill.price_ticks, fill.lots, fill.ts_ns) == (224_900, 1000, 4 * MINUTE)
    assert fill.base_raw == 10**17
    assert fill.quote_raw == -224_900_000
    assert fill.fee_raw == 44_980
    assert "traded through" in fill.why
    assert venue.orders == ()


def test_an_order_placed_inside_the_interval_was_not_there_for_all_of_it() -> None:
    venue = tape()
    venue.place(2 * MINUTE + 600_000_000, SELL, 225_100, 1000)
    assert venue.on_print(candle(2, 225_000, 225_500, 225_000, 10**6)) == []
    assert len(venue.on_print(candle(3, 225_000, 225_101, 225_000, 10**6))) == 1


def test_latency_within_the_first_hundredth_of_a_candle_counts_as_resting_through_it() -> None:
    venue = tape()
    venue.place(2 * MINUTE, SELL, 225_100, 1000)
    assert len(venue.on_print(candle(2, 225_000, 225_500, 225_000, 10**6))) == 1
    trade = Print(5 * MINUTE, 5 * MINUTE, 225_500, 225_500, 225_500, 10**6)
    venue.place(5 * MINUTE, SELL, 225_600, 1000)
    late = Print(5 * MINUTE, 5 * MINUTE, 225_700, 225_700, 225_700, 10**6)
    assert venue.on_print(trade) == venue.on_print(late) == []


def test_at_most_the_participation_of_the_volume_fills_and_the_rest_stays() -> None:
    venue = tape()
    venue.place(MINUTE, SELL, 225_100, 1000)
    (fill,) = venue.on_print(candle(2, 225_000, 225_200, 225_050, 4_000))
    assert fill.lots == 400
    assert "volume cap" in fill.why
    assert [order.lots for order in venue.orders] == [600]


@pytest.mark.parametrize(
    ("side", "price", "lots", "why"),
    [
        (BUY, 225_000, 1000, "cross"),
        (SELL, 225_000, 1000, "cross"),
        (BUY, 224_000, 99, "quantity"),
        (BUY, 224_000, 50_001, "quantity"),
    ],
)
def test_what_the_venue_would_refuse_does_not_rest(
    side: int, price: int, lots: int, why: str
) -> None:
    venue = tape()
    refused = venue.place(MINUTE, side, price, lots)
    assert isinstance(refused, PlaceRefused)
    assert why in refused.why
    assert venue.orders == ()


def test_an_unchanged_order_keeps_its_time_and_a_changed_one_loses_it() -> None:
    venue = tape()
    first = venue.place(MINUTE, BUY, 224_900, 1000)
    assert venue.place(5 * MINUTE, BUY, 224_900, 1000) is first
    moved = venue.place(5 * MINUTE, BUY, 224_901, 1000)
    assert isinstance(moved, Order)
    assert moved.live_from_ns == 5 * MINUTE + 20_000_000


@given(
    side=st.sampled_from([BUY, SELL]),
    price=st.integers(1, 10**7),
    lots=st.integers(100, 50_000),
    fee=st.decimals(min_value=-2, max_value=10, places=2),
    tick=st.sampled_from([Decimal("0.01"), Decimal("0.1"), Decimal("0.0003")]),
)
def test_rounding_is_never_in_our_favour(
    side: int, price: int, lots: int, fee: Decimal, tick: Decimal
) -> None:
    venue = PassiveTape(
        instrument(tick_size=tick, maker_fee_bps=fee), participation_bps=10_000, latency_ns=0
    )
    venue.on_print(candle(0, price, price, price + side, 0))
    venue.place(MINUTE, side, price, lots)
    (fill,) = venue.on_print(candle(1, price - 1, price + 1, price, lots))
    assert isinstance(fill, Fill)
    exact = Fraction(tick) * price * Fraction("0.0001") * lots * 10**6
    assert -side * exact - 1 < fill.quote_raw <= -side * exact
    assert exact * Fraction(fee) / 10_000 <= fill.fee_raw < exact * Fraction(fee) / 10_000 + 1
    assert fill.base_raw == side * lots * 10**14


def test_a_lot_finer_than_the_token_is_refused() -> None:
    with pytest.raises(ConfigError, match="whole number"):
        instrument(lot_size=Decimal("1e-19"))
