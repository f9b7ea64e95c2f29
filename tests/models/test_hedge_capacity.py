"""Room for the hedge: what accounts allow, how it is divided, and that it is granted once."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import ARBITRUM, sqrt_at

from alp.errors import ConfigError
from alp.models.hedge_band import OrderSizes
from alp.models.hedge_capacity import (
    CapacityBook,
    VenueRoom,
    allocate,
    least,
    margin_room,
    reserve,
    spot_room,
    total,
    within,
)
from alp.models.lp_greeks import LpLeg, Need
from alp.models.lp_types import PositionView

Q96 = 2**96
SIZES = OrderSizes(lot_raw=10, min_lots=5, max_lots=1_000)
amounts = st.integers(0, 10**22)


def test_a_spot_account_buys_with_its_quote_and_sells_its_base():
    assert spot_room(7, 1_000, 2 * Q96) == Need(buy=500, sell=7)
    # A fee of one per cent: 495 cost 990 and 9.9 of fee; 496 would not be covered.
    assert spot_room(7, 1_000, 2 * Q96, 10_000) == Need(buy=495, sell=7)
    assert spot_room(-1, -1, 2 * Q96) == Need(0, 0)


@given(quote=st.integers(0, 10**15), price=st.integers(1, 10**6), fee=st.integers(0, 10_000))
def test_the_room_of_a_spot_account_is_the_most_it_can_pay(quote, price, fee):
    room = spot_room(0, quote, price * Q96, fee).buy
    assert room * price * (10**6 + fee) <= quote * 10**6 < (room + 1) * price * (10**6 + fee)


def test_a_margin_account_adds_until_its_leverage_is_used_up():
    # 1,000 of equity, three times, at 2 each: 1,500 either way.
    assert margin_room(0, 1_000, 2 * Q96, 3_000_000) == Need(1_500, 1_500)
    assert margin_room(-400, 1_000, 2 * Q96, 3_000_000) == Need(1_900, 1_100)
    assert margin_room(5, -1, 2 * Q96, 3_000_000) == Need(0, 5)


def test_limits_and_accounts_together():
    assert within(-30, 100) == Need(130, 70)
    assert within(150, 100) == Need(0, 250)
    assert least(Need(5, 9), Need(7, 3)) == Need(5, 3)
    assert total([Need(5, 9), Need(7, 3)]) == Need(12, 12)
    assert total([]) == Need(0, 0)


venues = st.lists(
    st.builds(
        VenueRoom,
        name=st.just("v"),
        sizes=st.builds(
            lambda lot, low, more: OrderSizes(lot, low, low + more),
            st.integers(1, 10**6),
            st.integers(1, 50),
            st.integers(0, 10**6),
        ),
        room=st.builds(Need, st.integers(0, 10**12), st.integers(0, 10**12)),
        share_ppm=st.integers(0, 10**6),
    ),
    max_size=4,
)


@given(wanted=st.integers(-(10**12), 10**12), of=venues)
def test_placed_and_carried_are_what_was_wanted(wanted, of):
    got = allocate(wanted, of)
    placed = 0
    for lots, venue in zip(got.lots, of, strict=True):
        room = venue.room.buy if wanted > 0 else venue.room.sell
        assert lots * wanted >= 0
        assert abs(lots) * venue.sizes.lot_raw <= room
        assert lots == 0 or venue.sizes.min_lots <= abs(lots) <= venue.sizes.max_lots
        assert venue.share_ppm or lots == 0
        placed += lots * venue.sizes.lot_raw
    assert placed + got.residual_raw == wanted
    assert got.residual_raw * wanted >= 0


def test_shares_first_and_then_who_has_room():
    big = Need(10**6, 10**6)
    kraken = VenueRoom("kraken", SIZES, Need(200, 0), 500_000)
    binance = VenueRoom("binance", SIZES, big, 500_000)
    assert allocate(1_000, [kraken, binance]) == ((20, 80), 0)
    assert allocate(-1_000, [kraken, binance]) == ((0, -100), 0)
    assert allocate(1_003, [binance]) == ((100,), 3)


def test_parts_that_are_all_too_small_become_one_order():
    # Half of 80 is 4 lots, less than the smallest order of 5.
    one, two = (VenueRoom(name, SIZES, Need(999, 999), 500_000) for name in "ab")
    assert allocate(80, [one, two]) == ((8, 0), 0)
    assert allocate(40, [one, two]) == ((0, 0), 40)
    assert allocate(40, []) == ((), 40)


def test_a_plan_is_granted_as_far_as_it_can_be_hedged():
    plan, room = Need(buy=400, sell=800), Need(1_000, 400)
    got = reserve(plan, room)
    assert (got.need, got.liquidity_ppm, got.granted) == (plan, 500_000, False)
    assert reserve(plan, Need(400, 800)).granted
    assert reserve(plan, Need(400, 800), ratio=1.01).liquidity_ppm < 1_000_000
    assert reserve(plan, Need(200, 400), ratio=0.5).granted
    assert reserve(Need(0, 0), Need(0, 0)).granted


def test_inventory_at_hand_takes_its_sides_room_first():
    plan = Need(buy=400, sell=400)
    assert reserve(plan, Need(400, 400), combined_raw=100).liquidity_ppm == 750_000
    assert reserve(plan, Need(400, 400), combined_raw=-100).liquidity_ppm == 750_000
    # On the other side it is room.
    assert reserve(plan, Need(300, 500), combined_raw=100).granted
    assert reserve(plan, Need(300, 500), combined_raw=100).need == Need(300, 500)
    assert reserve(plan, Need(9_999, 99), combined_raw=100).liquidity_ppm == 0
    assert reserve(Need(9, 0), Need(9_999, 99), combined_raw=100).liquidity_ppm == 0


def test_with_a_negative_ratio_the_sides_change_places():
    assert reserve(Need(buy=1, sell=9), Need(9, 1), ratio=-1.0).granted


@given(
    plan=st.builds(Need, amounts, amounts),
    room=st.builds(Need, amounts, amounts),
    combined=st.integers(-(10**21), 10**21),
    ratio=st.floats(0.0, 2.0),
)
def test_the_granted_part_fits_the_room(plan, room, combined, ratio):
    got = reserve(plan, room, combined_raw=combined, ratio=ratio)
    part, h = got.liquidity_ppm, round(ratio * 10**6)
    assert 0 <= part <= 10**6
    if part:
        assert plan.buy * h * part <= (room.buy + combined) * 10**12
        assert plan.sell * h * part <= (room.sell - combined) * 10**12
    if got.granted:
        assert got.need.buy <= room.buy
        assert got.need.sell <= room.sell


def test_half_the_liquidity_needs_half_the_hedge():
    price = sqrt_at(ARBITRUM, 2_268)

    def leg(liquidity):
        return LpLeg(ARBITRUM, (PositionView(-202_000, -196_000, liquidity),))

    whole = leg(10**20).need(price, up_bps=1_000, down_bps=1_000)
    part = reserve(whole, Need(whole.buy // 3, whole.sell)).liquidity_ppm
    scaled = leg(10**20 * part // 10**6).need(price, up_bps=1_000, down_bps=1_000)
    assert scaled.buy <= whole.buy // 3 + 1
    assert scaled.buy == pytest.approx(whole.buy / 3, rel=1e-5)


steps = st.lists(
    st.tuples(
        st.sampled_from("abcd"), st.sampled_from(["claim", "release", "room"]), amounts, amounts
    )
)


@given(steps)
def test_no_room_is_granted_twice(actions):
    book = CapacityBook(Need(10**21, 10**21))
    for key, action, buy, sell in actions:
        if action == "claim":
            free_of_others = [
                max(0, room - claim + mine)
                for room, claim, mine in zip(
                    book.room, book.claimed, book._claims.get(key, Need(0, 0)), strict=True
                )
            ]
            got = book.claim(key, Need(buy, sell))
            assert list(got) == [
                min(w, f) for w, f in zip((buy, sell), free_of_others, strict=True)
            ]
        elif action == "release":
            before, gone = book.claimed, book.release(key)
            assert book.claimed == Need(before.buy - gone.buy, before.sell - gone.sell)
        else:
            book.room = Need(buy, sell)
        for room, claimed, free, short in zip(
            book.room, book.claimed, book.free, book.short, strict=True
        ):
            assert room - claimed == free - short
            assert free == 0 or short == 0
    other = CapacityBook()
    other.restore(json.loads(json.dumps(book.snapshot())))
    assert (other.room, other.claimed, other.free) == (book.room, book.claimed, book.free)


def test_three_fills_cannot_count_on_the_funds_for_two_hedges():
    book = CapacityBook(Need(buy=200, sell=0))
    granted = [book.claim(quote, Need(100, 0)).buy for quote in ("bid 1", "bid 2", "bid 3")]
    assert granted == [100, 100, 0]
    book.release("bid 1")
    assert book.claim("bid 3", Need(100, 0)).buy == 100


def test_a_claim_asked_again_replaces_itself():
    book = CapacityBook(Need(100, 100))
    book.claim("a", Need(80, 0))
    assert book.claim("a", Need(100, 0)) == Need(100, 0)
    assert book.release("nobody") == Need(0, 0)


def test_nonsense_is_refused():
    with pytest.raises(ValueError, match="negative"):
        CapacityBook().claim("a", Need(-1, 0))
    with pytest.raises(ConfigError):
        VenueRoom("x", SIZES, Need(0, 0), -1)
