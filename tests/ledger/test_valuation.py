"""Profit is the change of the net asset value; its headings, and its two halves, sum to it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_world import BINANCE, KRAKEN, NOW, USDC, fill, history, lp, mark

from alp.ledger.accounts import UNIT_X96
from alp.ledger.booking import postings_of
from alp.ledger.books import Books, Holding
from alp.ledger.events import (
    Adoption,
    Event,
    Fill,
    Flow,
    LpBurn,
    LpMint,
    Mark,
    own_proof,
    venue_proof,
)


def feed(books: Books, *events: Event | Mark) -> Books:
    for event in events:
        if isinstance(event, Mark):
            books.mark(event.asset, event.at_ns, event.mark_x96)
        else:
            books.post(event.at_ns, postings_of(event, books.balances))
    return books


def usdc(value_x96: int) -> float:
    return value_x96 / UNIT_X96 / 10**USDC.decimals


def holding(books: Books, asset: str) -> Holding:
    (found,) = [each for each in books.snapshot().holdings if each.asset == asset]
    return found


@given(st.integers(0, 2**32), st.integers(1, 120))
def test_headings_and_halves_sum_to_the_profit_exactly(seed: int, length: int) -> None:
    books = Books("USDC")
    for event in history(seed, length):
        feed(books, event)
        seen = books.snapshot()
        assert sum(seen.attribution_x96.values()) == seen.nav_x96
        assert seen.realised_x96 + seen.unrealised_x96 == seen.profit_x96
        capital = seen.attribution_x96["external"] + seen.attribution_x96["opening"]
        assert seen.profit_x96 == seen.nav_x96 - capital


@given(st.integers(0, 2**32), st.integers(1, 60))
def test_once_all_is_marked_nothing_waits(seed: int, length: int) -> None:
    books = feed(Books("USDC"), *history(seed, length))
    for asset in ("ETH", "WETH", "BNB", "ETHUSDC-PERP"):
        feed(books, mark(asset, "7"))
    seen = books.snapshot()
    assert seen.unpriced == ()
    assert books.valuation.waiting == {}
    held = sum(
        amount * books.valuation.marks[account.asset]
        for account, amount in books.balances.items()
        if account.kind in ("venue", "margin", "wallet", "lp", "lp_owed", "transit")
    )
    assert seen.nav_x96 == held
    assert sum(seen.attribution_x96.values()) == held


@given(st.integers(0, 2**32), st.integers(0, 60))
def test_books_go_on_from_their_state(seed: int, cut: int) -> None:
    events = list(history(seed, 60))
    whole = feed(Books("USDC"), *events)
    half = feed(Books("USDC"), *events[:cut])
    again = Books.of_state(json.loads(json.dumps(half.state())))
    assert feed(again, *events[cut:]).snapshot() == whole.snapshot()


def test_the_newest_entry_of_each_account_is_known_and_of_passing_ones_only_while_they_hold() -> (
    None
):
    mint = LpMint(own_proof("x", "1"), NOW, *lp(1), 10, 10)
    burn = LpBurn(own_proof("x", "2"), NOW, *lp(1), 10, 10)
    books = feed(Books("USDC"), fill(1), fill(2, -1), mint)
    last = {str(account): number for account, number in books.snapshot().last_entries.items()}
    assert last["venue:kraken:ETH"] == 2
    assert last["lp:1|0xpool|71:WETH"] == 3
    feed(books, burn)
    last = {str(account): number for account, number in books.snapshot().last_entries.items()}
    assert "lp:1|0xpool|71:WETH" not in last
    assert last["lp_owed:1|0xpool|71:WETH"] == 4
    assert not any(each.startswith("market") for each in last)


def test_average_cost_by_hand() -> None:
    books = feed(
        Books("USDC"),
        mark("ETH", "2000"),
        fill(1, 1, "1", "1990"),
        fill(2, 1, "1", "2010"),
        fill(3, -1, "0.5", "1050", fee="1"),
        mark("ETH", "2100"),
    )
    found = holding(books, "ETH")
    assert found.quantity == 15 * 10**17
    assert usdc(found.cost_x96 or 0) == pytest.approx(3000)
    assert usdc(found.realised_x96) == pytest.approx(50)
    assert usdc(found.unrealised_x96 or 0) == pytest.approx(150)
    seen = books.snapshot()
    assert usdc(seen.profit_x96) == pytest.approx(50 - 1 + 150)
    # bought 10 under and 10 over the mark, sold half a unit 50 over it
    assert usdc(seen.attribution_x96["trading"]) == pytest.approx(50)
    assert usdc(seen.attribution_x96["fees"]) == pytest.approx(-1)
    assert usdc(seen.attribution_x96["price"]) == pytest.approx(150)


def test_a_position_that_changes_sides_has_the_cost_of_what_is_open() -> None:
    books = feed(Books("USDC"), mark("ETH", "2000"), fill(1, -1, "1", "2000"))
    feed(books, fill(2, 1, "3", "5700"))
    found = holding(books, "ETH")
    assert found.quantity == 2 * 10**18
    assert usdc(found.cost_x96 or 0) == pytest.approx(3800)
    assert usdc(found.realised_x96) == pytest.approx(100)


def test_a_fee_in_another_token_costs_that_token_and_realises_its_price() -> None:
    bought = Fill(
        venue_proof("binance", "trade", "b"), NOW, BINANCE, "BNB", "USDC", 1, 10**12, 500 * 10**12
    )
    books = feed(
        Books("USDC"),
        mark("ETH", "2000"),
        mark("BNB", "500"),
        bought,
        mark("BNB", "600"),
        fill(1, 1, "1", "2000", fee="0.5", fee_asset="BNB", place=BINANCE),
    )
    seen = books.snapshot()
    assert usdc(seen.attribution_x96["fees"]) == pytest.approx(-300)
    assert usdc(seen.attribution_x96["price"]) == pytest.approx(100)
    found = holding(books, "BNB")
    assert usdc(found.cost_x96 or 0) == pytest.approx(250)
    assert usdc(found.realised_x96) == pytest.approx(-300 + 50)


def test_deposits_are_no_profit() -> None:
    deposit = Flow(venue_proof("kraken", "ledger", "d"), NOW, KRAKEN, "ETH", 10**18)
    books = feed(Books("USDC"), mark("ETH", "2000"), deposit)
    assert books.snapshot().profit_x96 == 0
    feed(books, mark("ETH", "2100"))
    assert usdc(books.snapshot().profit_x96) == pytest.approx(100)
    assert usdc(holding(books, "ETH").cost_x96 or 0) == pytest.approx(2000)


def test_what_was_adopted_has_no_known_cost_until_it_is_gone() -> None:
    found = Adoption(own_proof("adoption", "1"), NOW, KRAKEN, "ETH", 10**18)
    books = feed(Books("USDC"), mark("ETH", "2000"), found)
    assert not holding(books, "ETH").basis_known
    assert books.snapshot().profit_x96 == 0
    feed(books, fill(1, -1, "1", "2050"))
    assert holding(books, "ETH").basis_known
    assert usdc(books.snapshot().profit_x96) == pytest.approx(50)


def test_without_a_mark_nothing_is_worth_anything_and_it_is_said() -> None:
    deposit = Flow(venue_proof("kraken", "ledger", "d"), NOW, KRAKEN, "ETH", 10**18)
    books = feed(Books("USDC"), deposit)
    seen = books.snapshot()
    assert seen.unpriced == ("ETH",)
    assert seen.nav_x96 == 0
    assert holding(books, "ETH").unrealised_x96 is None
    assert not holding(books, "ETH").basis_known
    feed(books, mark("ETH", "2000"))
    assert usdc(books.snapshot().attribution_x96["external"]) == pytest.approx(2000)
    assert books.snapshot().profit_x96 == 0
