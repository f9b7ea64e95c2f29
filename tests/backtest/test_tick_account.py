"""Fees, rebates and funding over a backtest's fills, to the last digit."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alp._core.tick_replay import FILL_ROW, FillCause
from alp.backtest.tick_account import (
    EntryKind,
    FeeSchedule,
    FeeTier,
    Funding,
    account_of,
    why_filled,
)
from alp.backtest.tick_file import Grid
from alp.errors import ConfigError

GRID = Grid(Decimal("0.01"), Decimal("0.001"))
FLAT = FeeSchedule.flat(Decimal("-0.00005"), Decimal("0.0007"))


def fill(at: int, bid: bool, price: int, lots: int, **more: Any) -> tuple[Any, ...]:
    facts = {"left": 0, "tag": 0, "ahead": 0, "joined": 0, "cause": FillCause.AT_TURN, **more}
    return (
        at + 5,
        at,
        price,
        lots,
        *(facts[name] for name in list(facts)[:4]),
        facts["cause"],
        bid,
    )


def fills(*rows: tuple[Any, ...]) -> npt.NDArray[Any]:
    return np.array(list(rows), FILL_ROW)


def test_a_purchase_and_a_sale_by_hand() -> None:
    """1.5 base bought at 100.00 as a maker, sold at 100.10 as a taker."""
    account = account_of(
        fills(fill(1, True, 10_000, 1500), fill(2, False, 10_010, 1500, cause=FillCause.TAKEN)),
        GRID,
        FLAT,
    )
    assert account.position == 0
    assert account.in_quote(account.traded) == Fraction("0.15")
    assert account.in_quote(account.rebates) == Fraction("0.0075")  # 150 * 0.5 bp
    assert account.in_quote(account.fees) == Fraction("0.105105")  # 150.15 * 7 bp
    assert account.value(Decimal(77)) == Fraction("0.15") + Fraction("0.0075") - Fraction(
        "0.105105"
    )
    bought, sold = account.entries
    assert (bought.lots, bought.price, bought.position) == (1500, Decimal("100.00"), 1500)
    assert account.in_quote(bought.cash) == -150
    assert (sold.lots, sold.position) == (-1500, 0)
    assert bought.why.endswith("maker -0.5 bp")
    assert sold.why == "it took what was there when it arrived; taker 7 bp"


def test_volume_moves_the_tier_of_later_fills_only_and_leaves_with_its_window() -> None:
    fees = FeeSchedule(
        (
            FeeTier(Decimal(0), Decimal("0.001"), Decimal("0.002")),
            FeeTier(Decimal(100), Decimal("-0.001"), Decimal("0.001")),
        ),
        window_ns=10,
    )
    rows = fills(*(fill(at, True, 10_000, 1000) for at in (1, 2, 11, 12)))
    account = account_of(rows, GRID, fees)
    rates = [account.in_quote(each.fee) / 100 for each in account.entries]
    # at 11 the fill of 1 counts no more, that of 2 does; at 12 that of 11 does
    assert rates == [Fraction(1, 1000), *[Fraction(-1, 1000)] * 3]
    apart = fills(*(fill(at, True, 10_000, 1000) for at in (1, 11, 21)))
    assert account_of(apart, GRID, fees).rebates == 0
    assert "tier 2" in account.entries[1].why


def test_volume_before_counts_for_all_of_it() -> None:
    tiers = (
        FeeTier(Decimal(0), Decimal("0.001"), Decimal("0.002")),
        FeeTier(Decimal(100), Decimal(0), Decimal("0.001")),
    )
    rows = fills(fill(1, True, 10_000, 1000))
    assert account_of(rows, GRID, FeeSchedule(tiers, volume_before=Decimal(100))).fees == 0
    assert account_of(rows, GRID, FeeSchedule(tiers, volume_before=Decimal("99.9"))).fees > 0


def test_funding_is_of_what_was_held_before() -> None:
    """2 base long at a mark of 101.5 pay a rate of 1 bp; who is short receives it."""
    rate, mark = Decimal("0.0001"), Decimal("101.5")
    rows = fills(fill(10, True, 10_000, 2000), fill(20, False, 10_000, 5000))
    payments = [Funding(at, rate, mark) for at in (30, 10, 20)]
    account = account_of(rows, GRID, FLAT, payments)
    paid = [each for each in account.entries if each.kind == EntryKind.FUNDING]
    assert [each.at_ns for each in paid] == [20, 30]
    assert [account.in_quote(each.cash) for each in paid] == [
        Fraction("-0.0203"),
        Fraction("0.03045"),
    ]
    assert [each.lots for each in paid] == [2000, -3000]


numbers = st.decimals(-1, 1, places=7).filter(lambda rate: abs(rate) < 1)
trades = st.lists(
    st.tuples(
        st.booleans(), st.integers(1, 10**7), st.integers(1, 10**6), st.sampled_from(FillCause)
    )
)


@given(trades, numbers, numbers, st.lists(st.tuples(numbers, st.integers(0, 50)), max_size=3))
def test_nothing_is_rounded_and_the_parts_add_up(
    rows: list[tuple[bool, int, int, FillCause]],
    maker: Decimal,
    taker: Decimal,
    payments: list[tuple[Decimal, int]],
) -> None:
    log = fills(
        *(
            fill(at, bid, price, lots, cause=cause)
            for at, (bid, price, lots, cause) in enumerate(rows)
        )
    )
    funding = [Funding(at, rate, Decimal("3.14159")) for rate, at in payments]
    account = account_of(log, GRID, FeeSchedule.flat(maker, taker), funding)
    tick, lot = Fraction(GRID.tick_size), Fraction(GRID.lot_size)
    expected = Fraction(0)
    for bid, price, lots, cause in rows:
        value = price * tick * lots * lot
        expected += (-1 if bid else 1) * value
        expected -= value * Fraction(taker if cause == FillCause.TAKEN else maker)
    for rate, at in payments:
        held = sum(lots if bid else -lots for bid, _, lots, _ in rows[:at])
        expected -= held * lot * Fraction("3.14159") * Fraction(rate)
    assert account.in_quote(account.cash) == expected
    assert sum(each.cash - each.fee for each in account.entries) == account.cash


@pytest.mark.parametrize(
    ("cause", "said"),
    [
        (FillCause.AT_TURN, "a trade at its price came past the queue: 1.5 of the 10 lots"),
        (FillCause.TRADED_THROUGH, "a trade went beyond its price: 1.5 of the 10 lots"),
        (FillCause.CROSSED, "the other side came to its price: 1.5 of the 10 lots"),
    ],
)
def test_a_fill_says_why(cause: FillCause, said: str) -> None:
    assert why_filled(cause, ahead=6144, joined=10).startswith(said)


@pytest.mark.parametrize(
    "tiers",
    [
        (),
        (FeeTier(Decimal(1), Decimal(0), Decimal(0)),),
        (FeeTier(Decimal(0), Decimal(0), Decimal(0)),) * 2,
        (FeeTier(Decimal(0), Decimal(0), Decimal("1.5")),),
    ],
)
def test_a_schedule_of_no_sense_is_refused(tiers: tuple[FeeTier, ...]) -> None:
    with pytest.raises(ConfigError):
        FeeSchedule(tiers)
