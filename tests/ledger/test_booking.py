"""From events to entries: where amounts go, and that each entry sums to zero in each asset."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ledger_world import ETH, KRAKEN, NOW, OURS, USDC, WETH, fill, history, lp

from alp.errors import Corrupt, DataError
from alp.ledger.accounts import MOST, Account, Kind, Posting, transit, venue
from alp.ledger.booking import check, postings_of, reversal
from alp.ledger.books import Books
from alp.ledger.events import (
    KINDS,
    Adjustment,
    Event,
    Fill,
    Funding,
    LpBurn,
    LpCollect,
    LpLevel,
    LpMint,
    Mark,
    Proof,
    Settlement,
    Transfer,
    chain_proof,
    content_of,
    event_of,
    own_proof,
    venue_proof,
)

CHAIN = chain_proof(1, "0xb", 3)


def booked(books: Books, event: Event) -> dict[str, int]:
    books.post(event.at_ns, postings_of(event, books.balances))
    return {str(account): amount for account, amount in books.balances.items()}


def test_a_fill_changes_base_quote_and_the_asset_of_its_fee() -> None:
    found = booked(Books("USDC"), fill(1, 1, "0.5", "1000", fee="0.001", fee_asset="BNB"))
    assert found == {
        "venue:kraken:ETH": 5 * 10**17,
        "market:kraken:ETH": -5 * 10**17,
        "venue:kraken:USDC": -1000 * 10**12,
        "market:kraken:USDC": 1000 * 10**12,
        "venue:kraken:BNB": -(10**9),
        "fees:kraken:BNB": 10**9,
    }


def test_a_rebate_is_a_fee_that_comes_in() -> None:
    found = booked(Books("USDC"), fill(1, -1, fee="-0.25"))
    assert found["venue:kraken:USDC"] == USDC.raw("1000.25")
    assert found["fees:kraken:USDC"] == -USDC.raw("0.25")


def test_a_contract_is_paid_by_its_settlement() -> None:
    books = Books("USDC")
    members = (venue("perps"), "ETHUSDC-PERP", "USDC")
    bought = Fill(venue_proof("p", "trade", "1"), NOW, *members, 1, 10, 20_000, margined=True)
    sold = Fill(venue_proof("p", "trade", "2"), NOW, *members, -1, 10, 20_500, margined=True)
    found = booked(books, bought)
    assert "venue:perps:USDC" not in found
    assert found["margin:perps:USDC"] == -20_000
    booked(books, sold)
    settled = Settlement(venue_proof("p", "ledger", "3"), NOW, "perps", "USDC", 500)
    found = booked(books, settled)
    assert found["venue:perps:USDC"] == 500
    assert "margin:perps:USDC" not in found
    assert "venue:perps:ETHUSDC-PERP" not in found


def test_a_transfer_is_ours_all_the_way() -> None:
    books = Books("USDC")
    left = Transfer(venue_proof("k", "ledger", "1"), NOW, KRAKEN, transit("w1"), "USDC", 100)
    assert booked(books, left) == {"venue:kraken:USDC": -100, "transit:w1:USDC": 100}
    arrived = Transfer(CHAIN, NOW, transit("w1"), OURS, "USDC", 100)
    assert booked(books, arrived) == {"venue:kraken:USDC": -100, "wallet:0xa:USDC": 100}


def test_liquidity_from_mint_to_collect_leaves_nothing_in_the_position() -> None:
    books = Books("USDC")
    booked(books, LpMint(CHAIN, NOW, *lp(1), 1_000, 2_000))
    half = LpBurn(CHAIN, NOW, *lp(1), 400, 1_200, left0=400, left1=1_201)
    found = booked(books, half)
    # 1000 became 800, 2000 became 2401: the pool swapped 200 of ours for 401
    assert found["lp_market:0xa:WETH"] == 200
    assert found["lp_market:0xa:USDC"] == -401
    assert found["lp:1|0xpool|71:USDC"] == 1_201
    booked(books, LpBurn(CHAIN, NOW, *lp(1), 400, 1_201))
    found = booked(books, LpCollect(CHAIN, NOW, *lp(1), 805, 2_417))
    assert found == {
        "wallet:0xa:WETH": -1_000 + 805,
        "wallet:0xa:USDC": -2_000 + 2_417,
        "lp_market:0xa:WETH": 200,
        "lp_market:0xa:USDC": -401,
        "lp_fees:0xa:WETH": -5,
        "lp_fees:0xa:USDC": -16,
    }


def test_a_level_brings_the_books_to_what_was_read_and_repeated_changes_nothing() -> None:
    books = Books("USDC")
    booked(books, LpMint(CHAIN, NOW, *lp(1), 1_000, 2_000))
    level = LpLevel(chain_proof(1, "0xc", 0), NOW, *lp(1), 900, 2_250, 3, 4)
    found = booked(books, level)
    assert found["lp:1|0xpool|71:WETH"] == 900
    assert found["lp_owed:1|0xpool|71:USDC"] == 4
    assert postings_of(level, books.balances) == []


@given(st.integers(0, 2**32), st.integers(1, 80))
def test_every_entry_sums_to_zero_and_its_reversal_undoes_it(seed: int, length: int) -> None:
    books = Books("USDC")
    made = []
    for event in history(seed, length):
        if isinstance(event, Event):
            postings = postings_of(event, books.balances)
            check(postings, event.proof.key)
            books.post(event.at_ns, postings)
            made.append(postings)
    for postings in reversed(made):
        books.post(NOW, reversal(postings))
    assert books.balances == {}


def test_an_entry_that_does_not_sum_to_zero_is_found() -> None:
    account = Account(Kind.VENUE, "kraken", "ETH")
    with pytest.raises(Corrupt, match="entry 7: its postings of ETH sum to 1"):
        check([Posting(account, 3), Posting(Account(Kind.FEES, "kraken", "ETH"), -2)], 7)


@given(st.integers(0, 2**32))
def test_an_event_is_the_same_after_it_was_stored(seed: int) -> None:
    for event in history(seed, 20):
        if not isinstance(event, Mark):
            again = event_of(event.kind, event.proof, event.at_ns, content_of(event))
            assert again == event
            assert type(again) is type(event)


def test_every_type_of_event_occurs_in_the_histories_of_these_tests() -> None:
    seen = {each.kind for each in history(1, 500) if isinstance(each, Event)}
    assert seen == set(KINDS) - {"adjustment"}


def test_what_cannot_be_is_refused() -> None:
    proof = own_proof("adjustment", "1")
    with pytest.raises(DataError, match="without a reason"):
        Adjustment(proof, NOW, KRAKEN, "ETH", 1, " ")
    with pytest.raises(DataError, match="out of range"):
        fill(1, 2)
    with pytest.raises(DataError, match="38 digits"):
        postings_of(Funding(proof, NOW, KRAKEN, "USDC", MOST + 1), {})
    with pytest.raises(DataError, match="cannot be a proof"):
        venue_proof("a|b", "trade", "1")
    with pytest.raises(Corrupt, match="cannot be read"):
        event_of("fill", Proof("x"), NOW, '{"side":1}')


def test_amounts_pass_between_text_and_units_exactly() -> None:
    assert WETH.raw("1.000000000000000001") == 10**18 + 1
    assert USDC.scaled(1_234_567, 6) == 1_234_567 * 10**6
    assert ETH.text(-(10**17) - 1) == "-0.100000000000000001"
    assert USDC.text(5 * 10**12) == "5"
    long = "12345678901234567890.123456789012"
    assert USDC.text(USDC.raw(long)) == long
    for refused in ("0.0000000000001", "nan", "1e400", 0.1, "x"):
        with pytest.raises(DataError):
            USDC.raw(refused)
    with pytest.raises(DataError, match="finer"):
        USDC.scaled(1, 18)
