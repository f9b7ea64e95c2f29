"""Delta and gamma of the LP leg against exact differences, and what a move makes a hedge need."""

import random
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_world import ARBITRUM, ETHEREUM, sqrt_at

from alp._core.holdings import position_amounts
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.errors import DataError
from alp.models.lp_greeks import LpLeg, Need, exact_root, moved, raw_price
from alp.models.lp_types import PositionView
from alp.models.lvr import PositionCurve
from alp.models.lvr import price_root as float_root
from alp.models.pair import Q96

SPACING = 10
CENTRES = {ETHEREUM: 199_000, ARBITRUM: -199_000}
both_orders = pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])


def _leg(pair, seed, ranges=3):
    """Overlapping and separate ranges around the centre, fees and a wallet."""
    draw = random.Random(seed)
    held = []
    for _ in range(draw.randint(1, ranges)):
        lower = CENTRES[pair] + draw.randint(-300, 200) * SPACING
        upper = lower + draw.randint(1, 400) * SPACING
        fees = draw.randint(0, 10**16), draw.randint(0, 10**9)
        held.append(PositionView(lower, upper, draw.randint(1, 10**20), *fees))
    return LpLeg(pair, tuple(held), draw.randint(0, 10**20), draw.randint(0, 10**12))


def _price(pair, seed):
    draw = random.Random(f"price {seed}")
    low = get_sqrt_ratio_at_tick(CENTRES[pair] - 4_000)
    high = get_sqrt_ratio_at_tick(CENTRES[pair] + 5_000)
    return draw.randint(low, high)


def _same_piece(leg, price):
    """The ends of the border-free stretch around a price."""
    return next(
        (piece.sqrt_lower_x96, piece.sqrt_upper_x96)
        for piece in leg.segments()
        if piece.sqrt_lower_x96 <= price < piece.sqrt_upper_x96
    )


@both_orders
@pytest.mark.parametrize("block", range(10))
def test_delta_is_the_slope_of_value_between_any_two_prices(pair, block):
    # Value is concave: its exact slope between two prices is between the deltas at both.
    for seed in range(block * 150, block * 150 + 150):
        leg = _leg(pair, seed)
        one, other = sorted(
            (_price(pair, seed), _price(pair, -seed - 1)), key=lambda each: raw_price(pair, each)
        )
        assert one != other
        slope = (leg.value(other) - leg.value(one)) / (
            raw_price(pair, other) - raw_price(pair, one)
        )
        assert leg.greeks(other).delta <= slope <= leg.greeks(one).delta


@both_orders
@pytest.mark.parametrize("block", range(10))
def test_inside_a_piece_the_exact_slopes_have_a_closed_form(pair, block):
    # dbase/dP between roots r and s is -L (r + s)^-1 (r s)^-1, and tends to gamma.
    for seed in range(block * 150, block * 150 + 150):
        leg = _leg(pair, seed)
        price = _price(pair, seed)
        low, high = _same_piece(leg, price)
        near = min(max(price + random.Random(seed).choice((-1, 1)) * (price >> 40), low), high - 1)
        here, there = leg.greeks(price), leg.greeks(near)
        if near == price:
            continue
        r, s = exact_root(pair, price), exact_root(pair, near)
        active = -here.gamma * 2 * r**3
        slope = (there.delta - here.delta) / (s * s - r * r)
        assert slope == -active / (r * s * (r + s))
        # A difference of 2^-40 in the root moves the slope by as little.
        assert abs(slope - here.gamma) <= abs(here.gamma) / 2**38
        second = (
            2
            * ((leg.value(near) - leg.value(price)) / (s * s - r * r) - here.delta)
            / (s * s - r * r)
        )
        assert abs(second - here.gamma) <= abs(here.gamma) / 2**37


@both_orders
def test_the_active_liquidity_is_what_gamma_is_made_of(pair):
    for seed in range(500):
        leg, price = _leg(pair, seed), _price(pair, seed)
        active = sum(
            held.liquidity
            for held in leg.positions
            if get_sqrt_ratio_at_tick(held.tick_lower)
            <= price
            < get_sqrt_ratio_at_tick(held.tick_upper)
        )
        root = exact_root(pair, price)
        got = leg.greeks(price).gamma
        assert got <= 0
        assert got == Fraction(-active) / (2 * root**3)


@both_orders
def test_what_is_held_is_what_the_contracts_would_pay(pair):
    for seed in range(500):
        leg, price = _leg(pair, seed), _price(pair, seed)
        base, quote = leg.wallet_base, leg.wallet_quote
        for held in leg.positions:
            ticks = held.tick_lower, held.tick_upper
            paid = pair.join(*position_amounts(price, *ticks, held.liquidity))
            fees = pair.join(held.fees0, held.fees1)
            base, quote = base + paid[0] + fees[0], quote + paid[1] + fees[1]
        got = leg.greeks(price)
        assert (got.base, got.quote) == (base, quote) == leg.amounts(price)
        # token0 is rounded down twice, token1 once.
        assert 0 <= got.delta - got.base < 2 * len(leg.positions)


@both_orders
def test_delta_does_not_jump_at_a_border_of_a_range(pair):
    for seed in range(200):
        leg = _leg(pair, seed)
        for held in leg.positions:
            for tick in held.ticks:
                border = get_sqrt_ratio_at_tick(tick)
                before, at = leg.greeks(border - 1), leg.greeks(border)
                # One unit of the sqrt price is worth at most this much base.
                step = sum(each.liquidity for each in leg.positions)
                most = Fraction(step * Q96, border * (border - 1)) + Fraction(step, Q96)
                assert abs(at.delta - before.delta) <= most
                assert abs(at.base - before.base) <= most + 2 * len(leg.positions)


def test_gamma_changes_at_the_border_as_the_contract_does():
    leg = LpLeg(ARBITRUM, (PositionView(-199_000, -198_000, 10**18),))
    for tick, inside in ((-199_000, 0), (-198_000, -1)):
        border = get_sqrt_ratio_at_tick(tick)
        assert leg.greeks(border + inside).gamma < 0
        assert leg.greeks(border + inside + (1 if inside else -1)).gamma == 0


@both_orders
def test_the_float_curve_agrees(pair):
    for seed in range(300):
        leg, price = _leg(pair, seed), _price(pair, seed)
        got, root = leg.greeks(price), float_root(pair, price)
        curves = [PositionCurve.of(pair, *held.ticks, held.liquidity) for held in leg.positions]
        idle = leg.wallet_base + sum(pair.join(h.fees0, h.fees1)[0] for h in leg.positions)
        scale = sum(curve.liquidity for curve in curves) / root
        assert float(got.delta) - idle == pytest.approx(
            sum(curve.delta(root) for curve in curves), rel=1e-9, abs=1e-12 * scale + idle * 1e-15
        )
        assert float(got.gamma) == pytest.approx(sum(curve.gamma(root) for curve in curves))


@both_orders
def test_pieces_cover_every_price_and_meet(pair):
    for seed in range(100):
        leg = _leg(pair, seed)
        pieces = leg.segments()
        for one, after in pairwise(pieces):
            assert one.sqrt_upper_x96 == after.sqrt_lower_x96
            assert one.base_upper == after.base_lower
        for piece in pieces:
            middle = (piece.sqrt_lower_x96 + piece.sqrt_upper_x96) // 2
            root = exact_root(pair, middle)
            assert leg.greeks(middle).gamma == Fraction(-piece.liquidity) / (2 * root**3)
            assert piece.base_lower == leg.base(piece.sqrt_lower_x96)


@both_orders
def test_base_falls_and_a_rise_asks_for_buying(pair):
    leg = _leg(pair, 3)
    price = sqrt_at(pair, 2_268)
    got = leg.need(price, up_bps=500, down_bps=500)
    assert got.buy == leg.base(price) - leg.base(moved(pair, price, 500)) >= 0
    assert got.sell == leg.base(moved(pair, price, -500)) - leg.base(price) >= 0
    assert leg.need(price, up_bps=0, down_bps=0).buy <= 1


@both_orders
@given(seed=st.integers(0, 10**6), up=st.integers(0, 3_000), down=st.integers(0, 3_000))
def test_no_price_within_the_move_needs_more(pair, seed, up, down):
    leg, price = _leg(pair, seed), _price(pair, seed)
    need = leg.need(price, up_bps=up, down_bps=down)
    draw = random.Random(seed)
    for _ in range(5):
        bps = draw.randint(-down, up)
        change = leg.base(moved(pair, price, bps)) - leg.base(price)
        # `moved` rounds down: a move of nothing may be one unit of the sqrt price.
        assert -need.buy <= change <= max(need.sell, 0) or bps == 0


@both_orders
@given(
    seed=st.integers(0, 10**6),
    buy=st.integers(0, 10**19),
    sell=st.integers(0, 10**19),
)
def test_the_reach_of_a_capacity_is_exact(pair, seed, buy, sell):
    leg, price = _leg(pair, seed), _price(pair, seed)
    lowest, highest = leg.reach(price, Need(buy, sell))
    now = leg.base(price)
    assert lowest <= price <= highest
    for each in (lowest, highest):
        assert -buy <= leg.base(each) - now <= sell
    whole = leg.segments()
    if lowest > whole[0].sqrt_lower_x96:
        assert not -buy <= leg.base(lowest - 1) - now <= sell
    if highest < whole[-1].sqrt_upper_x96:
        assert not -buy <= leg.base(highest + 1) - now <= sell


@both_orders
def test_a_target_that_is_a_share_of_the_value_moves_by_the_quote_held(pair):
    leg, price = _leg(pair, 8), sqrt_at(pair, 2_268)
    other = moved(pair, price, 1)
    p, q = raw_price(pair, price), raw_price(pair, other)

    def target(at):
        return leg.value(at) / raw_price(pair, at) / 2

    slope = (target(other) - target(price)) / (q - p)
    assert float(leg.greeks(price).target_drift(pair, 5_000)) == pytest.approx(
        float(slope), rel=1e-3
    )


def test_gamma_in_whole_tokens():
    # L = 10^18 in raw units is 10^18 / 10^12 in whole ones: sqrt(10^18 * 10^6).
    leg = LpLeg(ARBITRUM, (PositionView(-202_000, -196_000, 10**18),))
    price = sqrt_at(ARBITRUM, 2_268)
    assert leg.greeks(price).whole_gamma(ARBITRUM) == pytest.approx(-1e6 / (2 * 2_268**1.5))


def test_a_leg_without_ranges_is_its_wallet():
    leg = LpLeg(ETHEREUM, (), 5, 7)
    got = leg.greeks(sqrt_at(ETHEREUM, 2_268))
    assert (got.base, got.quote, got.delta, got.gamma) == (5, 7, 5, 0)
    assert [piece.liquidity for piece in leg.segments()] == [0]
    assert leg.reach(got.sqrt_price_x96, Need(0, 0)) == (
        leg.segments()[0].sqrt_lower_x96,
        leg.segments()[0].sqrt_upper_x96,
    )


@pytest.mark.parametrize(
    "make",
    [
        lambda: LpLeg(ARBITRUM, (PositionView(10, 10, 1),)),
        lambda: LpLeg(ARBITRUM, (PositionView(0, 10, -1),)),
        lambda: LpLeg(ARBITRUM, (PositionView(0, 10, 1, -1),)),
        lambda: LpLeg(ARBITRUM, (), -1),
        lambda: LpLeg(ARBITRUM, ()).greeks(1),
        lambda: moved(ARBITRUM, Q96, -10_000),
    ],
)
def test_what_cannot_be_is_refused(make):
    with pytest.raises(DataError):
        make()
