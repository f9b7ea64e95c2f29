"""Three views of the same money: each difference is found, named, and closes the gate or not."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_world import KRAKEN, NOW, OURS, fill, lp

from alp.ledger.accounts import Account, Kind
from alp.ledger.reconcile import (
    Found,
    Seen,
    Underway,
    Window,
    compare_balances,
    compare_trades,
    merged,
    seen,
    underway_of,
)

S = 10**9
ALL = Window(0, NOW + 100 * S, 5 * S)
TRADES = [replace(seen(fill(number), number), at_ns=NOW + number * S) for number in range(1, 11)]
USD = Account(Kind.VENUE, "kraken", "USDC")
ETH = Account(Kind.VENUE, "kraken", "ETH")


def told(*trades: Seen) -> list[Seen]:
    return [replace(each, sequence=None) for each in trades]


def kinds(ledger: list[Seen], stream: list[Seen], listed: list[Seen], **windows: Window):
    windows = {"streamed": ALL, "complete": ALL} | windows
    found = compare_trades(ledger, stream, listed, **windows)
    return [(each.found, each.subject, each.sequence) for each in found.differences], found


def test_three_equal_views_leave_the_gate_open() -> None:
    differences, found = kinds(TRADES, told(*TRADES), told(*TRADES))
    assert differences == []
    assert not found.closes_gate
    assert found.compared == 10


def test_a_trade_that_the_venue_does_not_list_is_a_false_fill() -> None:
    differences, found = kinds(TRADES, told(*TRADES), told(*TRADES[1:]))
    assert differences == [(Found.NOT_LISTED, TRADES[0].proof, 1)]
    assert found.closes_gate
    assert str(found.differences[0]).startswith("NOT_LISTED: kraken|trade||1 (entry 1)")


def test_a_trade_that_was_lost_on_its_way_to_us_is_found_by_the_list() -> None:
    differences, found = kinds(TRADES[1:], told(*TRADES[1:]), told(*TRADES))
    assert differences == [
        (Found.NOT_BOOKED, TRADES[0].proof, None),
        (Found.NOT_STREAMED, TRADES[0].proof, None),
    ]
    assert found.closes_gate


def test_a_stream_that_was_down_need_not_have_told() -> None:
    window = Window(NOW + 2 * S, NOW + 100 * S, 5 * S)
    differences, _ = kinds(TRADES, told(*TRADES[1:]), told(*TRADES), streamed=window)
    assert differences == []
    differences, _ = kinds(TRADES, told(*TRADES[2:]), told(*TRADES), streamed=window)
    assert differences == [(Found.NOT_STREAMED, TRADES[1].proof, 2)]


def test_a_list_that_does_not_reach_back_says_nothing_of_older_trades() -> None:
    window = Window(NOW + 3 * S, NOW + 100 * S, 5 * S)
    differences, _ = kinds(TRADES, told(*TRADES), told(*TRADES[2:]), complete=window)
    assert differences == []


def test_what_is_younger_than_the_grace_is_underway_and_leaves_the_gate() -> None:
    end = Window(0, NOW + 11 * S, 3 * S)
    differences, found = kinds(TRADES, told(*TRADES), told(*TRADES[:-1]), complete=end)
    assert differences == [(Found.UNDERWAY, TRADES[-1].proof, 10)]
    assert not found.closes_gate
    differences, found = kinds(
        TRADES[:-1], told(*TRADES[:-1]), told(*TRADES), complete=end, streamed=end
    )
    assert [each[0] for each in differences] == [Found.UNDERWAY, Found.UNDERWAY]
    assert not found.closes_gate


@pytest.mark.parametrize("member", ["side", "base_amount", "quote_amount", "fee_amount"])
def test_sources_must_agree_to_the_last_unit(member: str) -> None:
    value = -1 if member == "side" else getattr(TRADES[4], member) + 1
    other = replace(TRADES[4], **{member: value})
    views = [TRADES, told(*TRADES), told(*TRADES)]
    for index in range(3):
        changed = [list(each) for each in views]
        changed[index][4] = replace(other, sequence=views[index][4].sequence)
        differences, found = kinds(*changed)
        assert differences == [(Found.CONTENT, TRADES[4].proof, 5)]
        assert found.closes_gate


def test_a_source_that_contradicts_itself_is_found() -> None:
    twice = [*told(*TRADES), replace(TRADES[3], quote_amount=1, sequence=None)]
    differences, _ = kinds(TRADES, twice, told(*TRADES))
    assert differences == [(Found.CONTENT, TRADES[3].proof, None)]


@given(st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)), st.sets(st.integers(0, 9)))
def test_the_gate_stays_open_only_if_all_views_have_all(
    ledger: set[int], stream: set[int], listed: set[int]
) -> None:
    pick = [[TRADES[n] for n in sorted(each)] for each in (ledger, stream, listed)]
    _, found = kinds(pick[0], told(*pick[1]), told(*pick[2]))
    assert found.closes_gate == (not ledger == stream == listed)


def test_balances_are_held_to_the_last_unit() -> None:
    booked = {USD: 1_000, ETH: 5}
    assert not compare_balances(booked, dict(booked)).closes_gate
    found = compare_balances(booked, {USD: 1_001, ETH: 5}, last_entries={USD: 17})
    (difference,) = found.differences
    assert (difference.found, difference.sequence) == (Found.BALANCE, 17)
    assert str(difference) == ("BALANCE: venue:kraken:USDC (entry 17): booked 1000, read 1001: +1")
    assert found.closes_gate


def test_what_a_reading_does_not_mention_must_be_nothing() -> None:
    (difference,) = compare_balances({USD: 1, ETH: 5}, {USD: 1}).differences
    assert (difference.found, difference.subject) == (Found.NOT_READ, str(ETH))
    elsewhere = {Account(*OURS, "WETH"): 5, Account(Kind.FEES, "kraken", "USDC"): 3}
    assert compare_balances(elsewhere, {USD: 0}).differences == ()
    assert compare_balances(elsewhere, {}, places=[OURS]).closes_gate


def test_only_what_is_on_its_way_excuses_a_difference() -> None:
    underway = Underway({USD: (-300, -20)})
    for read, leaves in ((1_000, True), (700, True), (980, True), (680, True), (699, False)):
        found = compare_balances({USD: 1_000}, {USD: read}, underway)
        assert found.closes_gate is not leaves
    many = Underway({USD: tuple(range(1, 20))})
    found = compare_balances({USD: 1_000}, {USD: 1_001}, many)
    assert found.closes_gate
    assert "too much is on its way" in str(found.differences[0])


def test_a_trade_that_is_underway_explains_the_balance_it_changed() -> None:
    end = Window(0, NOW + 11 * S, 3 * S)
    late = TRADES[-1]
    others = told(*TRADES)
    trades = compare_trades(TRADES[:-1], others, others, streamed=end, complete=end)
    underway = underway_of(trades, TRADES[:-1], others, KRAKEN)
    booked = {USD: 10_000 * 10**12, ETH: 0}
    read = {USD: booked[USD] - late.quote_amount, ETH: late.base_amount}
    found = merged(trades, compare_balances(booked, read, underway))
    assert {each.found for each in found.differences} == {Found.UNDERWAY}
    assert not found.closes_gate
    read[ETH] += 1
    assert merged(trades, compare_balances(booked, read, underway)).closes_gate
    # booked already, and the venue's balance is from before it
    trades = compare_trades(TRADES, others[:-1], others[:-1], streamed=end, complete=end)
    underway = underway_of(trades, TRADES, others[:-1], KRAKEN)
    assert underway.amounts == {ETH: (-late.base_amount,), USD: (late.quote_amount,)}


def test_what_contracts_say_is_held_to_what_logs_said() -> None:
    _, position, base, quote = lp(1)
    booked = {
        Account(Kind.LP, position, base): 900,
        Account(Kind.LP_OWED, position, quote): 4,
        Account(*OURS, quote): 50,
    }
    assert not compare_balances(booked, dict(booked)).closes_gate
    read = {**booked, Account(Kind.LP_OWED, position, quote): 5}
    (difference,) = compare_balances(booked, read).differences
    assert difference.subject == f"lp_owed:{position}:USDC"
