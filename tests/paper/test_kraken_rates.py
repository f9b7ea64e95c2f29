"""Kraken's counters: what transactions cost by age, and how the counters fall."""

from __future__ import annotations

import pytest

from alp.paper.kraken.rates import (
    AMEND_STEPS,
    CANCEL_STEPS,
    EDIT_STEPS,
    INTERMEDIATE,
    PRO,
    SECOND,
    STARTER,
    Decaying,
    PairCounters,
    Tier,
    penalty,
)

ETH, BTC = "ETH/USDC", "BTC/USD"


@pytest.mark.parametrize(
    ("age_s", "amend", "edit", "cancel"),
    [
        (0, 3, 6, 8),
        (4.999, 3, 6, 8),
        (5, 2, 5, 6),
        (9.999, 2, 5, 6),
        (10, 1, 4, 5),
        (15, 0, 2, 4),
        (44.999, 0, 2, 4),
        (45, 0, 1, 2),
        (90, 0, 0, 1),
        (299.999, 0, 0, 1),
        (300, 0, 0, 0),
    ],
)
def test_young_orders_are_dear_to_change(age_s: float, amend: int, edit: int, cancel: int) -> None:
    age_ns = int(age_s * SECOND)
    assert penalty(AMEND_STEPS, age_ns) == amend
    assert penalty(EDIT_STEPS, age_ns) == edit
    assert penalty(CANCEL_STEPS, age_ns) == cancel


def test_a_counter_falls_by_hundredths_and_not_below_zero() -> None:
    counter = Decaying(125, 234)
    assert counter.take(1000, 0)
    assert counter.hundredths(SECOND) == 1000 - 234
    assert counter.hundredths(SECOND // 2) == 766, "time does not go back"
    assert counter.hundredths(100 * SECOND) == 0


def test_a_counter_refuses_what_would_pass_its_threshold_and_does_not_count_it() -> None:
    counter = Decaying(2, 100)
    assert counter.take(150, 0)
    assert not counter.take(51, 0)
    assert counter.take(50, 0), "the threshold itself may be reached"
    assert not counter.take(1, 0)
    assert counter.take(1, SECOND // 100)


@pytest.mark.parametrize(("tier", "orders"), [(STARTER, 60), (INTERMEDIATE, 125), (PRO, 180)])
def test_each_pair_has_as_many_orders_at_once_as_its_tier(tier: Tier, orders: int) -> None:
    counters = PairCounters(tier)
    assert sum(counters.place(ETH, 0) for _ in range(orders + 5)) == orders
    assert counters.place(BTC, 0), "another pair has a counter of its own"


def test_cancelling_at_once_costs_nine_with_the_order_and_is_never_refused() -> None:
    counters = PairCounters(STARTER)
    for _ in range(10):
        counters.place(ETH, 0)
        counters.cancel(ETH, 0, 0)
    assert counters.of(ETH).hundredths(0) == 10 * 800 + 7 * 100, "the last three were not placed"
    assert not counters.place(ETH, 0)
    before = counters.of(ETH).hundredths(0)
    counters.cancel(ETH, 0, 0)
    assert counters.of(ETH).hundredths(0) == before + 800


def test_amending_is_cheaper_than_editing_and_a_batch_costs_half() -> None:
    counters = PairCounters(PRO)
    counters.amend(ETH, 0, 0)
    assert counters.of(ETH).hundredths(0) == 400
    counters.edit(ETH, 0, 0)
    assert counters.of(ETH).hundredths(0) == 400 + 700
    counters.place(ETH, 0, orders=5)
    assert counters.of(ETH).hundredths(0) == 1100 + 250
