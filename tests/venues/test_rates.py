"""Budgets: no window sees more than the venue allows, cancels leave, bans are respected."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st
from plain_venue import PRODUCT

from alp.venues.account.rates import BANNED_CALL_NS, Bucket, CountsPerPair, CountsWithin, OrderRates
from alp.venues.coinbase.orders import CoinbaseOrders
from alp.venues.kraken.spot_orders import KrakenSpotOrders
from alp.venues.orders import ORDERS, WEIGHT, Action, Call, Command

SECOND = 10**9


@dataclass
class Clock:
    now: int = 0

    def __call__(self) -> int:
        return self.now


def call(action: Action = Action.NEW, *, weight: int = 1, orders: int = 1, count: int = 1) -> Call:
    commands = tuple(Command(action, PRODUCT, f"o{index}") for index in range(count))
    return Call(action.name, commands=commands, weight=weight, orders=orders)


@given(
    limit=st.integers(2, 3000),
    steps=st.lists(st.tuples(st.integers(0, 5 * SECOND), st.integers(1, 40)), max_size=60),
)
def test_no_window_sees_more_than_its_limit(limit: int, steps: list[tuple[int, int]]) -> None:
    clock = Clock()
    window = 10 * SECOND
    bucket = Bucket.of_window(limit, window, clock)
    spent: list[tuple[int, int]] = []
    for pause, amount in steps:
        clock.now += pause
        if bucket.wait_ns(amount) == 0 and amount <= limit // 3:
            bucket.spend(amount)
            spent.append((clock.now, amount))
        within = sum(each for at, each in spent if clock.now - at < window)
        assert within <= limit


def test_waiting_as_long_as_it_says_is_enough() -> None:
    clock = Clock()
    bucket = Bucket.of_window(100, 10 * SECOND, clock)
    while not bucket.wait_ns(7):
        bucket.spend(7)
    clock.now += bucket.wait_ns(7) - 1
    assert bucket.wait_ns(7) == 1
    clock.now += 1
    assert bucket.wait_ns(7) == 0


def test_the_venues_own_counter_takes_away_and_never_gives() -> None:
    clock = Clock()
    rates = OrderRates(1200, 300, monotonic_ns=clock)
    before = rates.left()
    rates.see({WEIGHT: 1190, ORDERS: 0, "orders-1m": 3})
    assert rates.left() == {WEIGHT: 10, ORDERS: before[ORDERS]}
    assert rates.reported == {WEIGHT: 1190, ORDERS: 0, "orders-1m": 3}
    assert rates.wait_ns(call()) > 0
    rates.see({WEIGHT: 0})
    assert rates.left()[WEIGHT] == 10


def test_new_orders_leave_a_reserve_and_cancels_run_into_debt() -> None:
    clock = Clock()
    rates = OrderRates(0, 100, monotonic_ns=clock)
    sent = 0
    while not rates.wait_ns(call()):
        rates.spend(call())
        sent += 1
    assert sent == 27  # a third of the limit at once, and of that a fifth is kept
    for _ in range(30):
        assert rates.wait_ns(call(Action.CANCEL)) == 0
        rates.spend(call(Action.CANCEL))
    assert rates.left()[ORDERS] == -24
    clock.now += 4 * SECOND
    assert rates.wait_ns(call()) > 0
    clock.now += SECOND
    assert rates.wait_ns(call()) == 0


def test_f16_what_is_blocked_and_what_is_banned() -> None:
    clock = Clock()
    rates = OrderRates(0, 0, monotonic_ns=clock)
    rates.block(3 * SECOND)
    assert rates.wait_ns(call()) == rates.blocked_ns == 3 * SECOND
    assert rates.wait_ns(call(Action.CANCEL)) == 0
    rates.ban(60 * SECOND)
    assert rates.banned_ns == 60 * SECOND
    assert rates.wait_ns(call(Action.CANCEL)) == 0  # the first leaves at once
    rates.spend(call(Action.CANCEL))
    assert rates.wait_ns(call(Action.CANCEL)) == BANNED_CALL_NS
    clock.now += 60 * SECOND
    assert rates.wait_ns(call()) == rates.wait_ns(call(Action.CANCEL)) == 0


def test_a_longer_rest_is_not_cut_short_by_a_shorter_one() -> None:
    clock = Clock()
    rates = OrderRates(0, 0, monotonic_ns=clock)
    rates.block(30 * SECOND)
    rates.block(SECOND)
    assert rates.blocked_ns == 30 * SECOND


def test_krakens_counter_is_kept_for_each_pair() -> None:
    adapter = KrakenSpotOrders()
    assert isinstance(adapter, CountsPerPair)
    clock = Clock()
    rates = OrderRates(
        adapter.weight_per_minute, adapter.orders_per_10s, adapter.counter, monotonic_ns=clock
    )
    sent = 0
    while not rates.wait_ns(call(weight=0)):
        rates.spend(call(weight=0))
        sent += 1
    assert sent == 100  # of 125, a fifth is kept
    rates.spend(call(Action.CANCEL, weight=0, orders=8))
    assert rates.left() == {WEIGHT: 13, f"{ORDERS} {PRODUCT.symbol}": 17}
    clock.now += 10 * SECOND  # it falls by 2.34 a second
    assert rates.left()[f"{ORDERS} {PRODUCT.symbol}"] == 40


@pytest.mark.parametrize("action", [Action.NEW, Action.AMEND])
def test_more_than_can_ever_be_there_waits_for_a_full_bucket_only(action: Action) -> None:
    clock = Clock()
    rates = OrderRates(0, 10, monotonic_ns=clock)
    assert rates.wait_ns(call(action, orders=1000)) == 0
    rates.spend(call(action, orders=1))
    assert 0 < rates.wait_ns(call(action, orders=1000)) <= 10 * SECOND


def test_a_venue_may_count_over_another_time() -> None:
    adapter = CoinbaseOrders()
    assert isinstance(adapter, CountsWithin)
    clock = Clock()
    rates = OrderRates(
        adapter.weight_per_minute,
        adapter.orders_per_10s,
        weight_window_s=adapter.weight_window_s,
        monotonic_ns=clock,
    )
    spent: list[int] = []
    while clock.now < 5 * SECOND:  # 30 requests a second
        while not rates.wait_ns(call()):
            rates.spend(call())
            spent.append(clock.now)
        clock.now += SECOND // 100
    assert len(spent) > 60
    for at in spent:
        assert sum(at <= each < at + SECOND for each in spent) <= 30
