"""Plans: integer amounts, minimums that protect, positions that stay where they may."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lp_twin import decide, slippage_bounds
from lp_world import (
    ARBITRUM,
    ETHEREUM,
    GWEI,
    RECIPE,
    amounts_at,
    observation,
    parameters,
    sqrt_at,
    tick_at,
)

from alp._core.errors import Revert
from alp._core.liquidity_amounts import get_liquidity_for_amounts
from alp._core.pool import Pool
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp.errors import ConfigError
from alp.models.fees import FeeEstimate
from alp.models.inventory import hedged_inventory, target_base
from alp.models.lp_planner import actions_of, kernel_of, ranges_of
from alp.models.lp_types import Burn, Collect, Mint, PositionView, Swap
from alp.models.quoting import Horizon, Intensity
from alp.models.ranges import Widths, single_sided_ranges
from alp.models.rebalance import EconomicsRule
from alp.models.recipe import ModelKind

WIDTHS = Widths(200, 300)


def decided(rules, seen, **how):
    return kernel_of(rules).decide(seen, widths=WIDTHS, **how)


def planned(rules, seen, **how):
    decision = decided(rules, seen, **how)
    assert decision.refusal is None
    return actions_of(decision)


both_orders = pytest.mark.parametrize("pair", [ETHEREUM, ARBITRUM])


@both_orders
def test_a_first_mint_puts_all_of_each_token_on_its_side(pair):
    seen = observation(pair)
    decision = decided(parameters(pair), seen)
    bid, ask = actions_of(decision)
    assert [type(bid), type(ask)] == [Mint, Mint]
    assert pair.join(bid.amount0_desired, bid.amount1_desired) == (0, seen.wallet_quote)
    assert pair.join(ask.amount0_desired, ask.amount1_desired) == (seen.wallet_base, 0)
    assert (bid.tick_lower, bid.tick_upper) == ranges_of(decision)[0].ticks


@given(
    pair=st.sampled_from([ETHEREUM, ARBITRUM]),
    price=st.floats(500, 9_000),
    base=st.integers(1, 10**24),
    quote=st.integers(10**6, 10**15),
)
def test_liquidity_is_the_peripherys_and_its_amounts_fit_what_is_there(pair, price, base, quote):
    seen = observation(pair, price, wallet_base=base, wallet_quote=quote)
    for mint in planned(parameters(pair), seen):
        lower, upper = map(get_sqrt_ratio_at_tick, (mint.tick_lower, mint.tick_upper))
        desired = (mint.amount0_desired, mint.amount1_desired)
        assert mint.liquidity == get_liquidity_for_amounts(
            seen.sqrt_price_x96, lower, upper, *desired
        )
        least = (mint.amount0_min, mint.amount1_min)
        assert least == amounts_at(
            seen.sqrt_price_x96, mint.tick_lower, mint.tick_upper, mint.liquidity
        )
        assert all(low <= wanted for low, wanted in zip(least, desired, strict=True))
        assert max(least) > 0


@both_orders
def test_a_rebalance_burns_collects_and_mints_with_principal_and_fees(pair):
    seen = observation(pair)
    old = single_sided_ranges(pair, seen.tick + 300, WIDTHS)
    positions = tuple(PositionView(*each.ticks, 10**15, 7, 11) for each in old)
    seen = seen._replace(positions=positions)
    actions = planned(parameters(pair), seen)
    assert [type(each) for each in actions] == [Burn, Collect, Burn, Collect, Mint, Mint]
    paid = [amounts_at(seen.sqrt_price_x96, *each.ticks, 10**15) for each in positions]
    free = pair.split(seen.wallet_base, seen.wallet_quote)
    expected = [free[i] + sum(each[i] for each in paid) + 2 * (7, 11)[i] for i in (0, 1)]
    got = [sum(getattr(mint, f"amount{i}_desired") for mint in actions[4:]) for i in (0, 1)]
    assert got == expected


def test_a_position_whose_range_stays_is_topped_up_not_burned():
    seen = observation()
    bid, ask = single_sided_ranges(ETHEREUM, seen.tick, WIDTHS)
    seen = seen._replace(
        positions=(
            PositionView(*bid.ticks, 10**15),
            PositionView(ask.tick_lower - 500, ask.tick_upper - 500, 10**14),
        ),
    )
    actions = planned(parameters(), seen)
    burned = [each.tick_lower for each in actions if isinstance(each, Burn)]
    assert burned == [ask.tick_lower - 500]
    assert {(each.tick_lower, each.tick_upper) for each in actions[2:]} == {
        bid.ticks,
        ask.ticks,
    }


def test_dust_is_not_worth_adding_to_a_position_that_stays():
    seen = observation(wallet_base=1_000, wallet_quote=3)
    ranges = single_sided_ranges(ETHEREUM, seen.tick, WIDTHS)
    seen = seen._replace(positions=tuple(PositionView(*each.ticks, 10**15) for each in ranges))
    decision = decided(parameters(), seen)
    assert decision.refusal == "SAME_RANGES"
    assert decision.numbers["gas_units"] == 0


def test_a_range_for_dust_is_not_worth_its_gas():
    decision = decided(parameters(), observation(wallet_base=10**12))
    assert [each.side for each in ranges_of(decision)] == ["bid"]


def test_one_token_alone_opens_one_range():
    decision = decided(parameters(), observation(wallet_quote=0))
    assert [each.side for each in ranges_of(decision)] == ["ask"]
    assert len(actions_of(decision)) == 1


def test_nothing_to_place_is_refused():
    decision = decided(parameters(), observation(wallet_base=0, wallet_quote=0))
    assert decision.refusal == "NO_LIQUIDITY"


@given(
    pair=st.sampled_from([ETHEREUM, ARBITRUM]),
    tick=st.integers(-200_000, 200_000),
    offset=st.integers(-300, 300),
    width=st.integers(1, 300),
    liquidity=st.integers(10**12, 10**20),
    slippage=st.integers(0, 500),
    drift=st.floats(-1, 1),
)
def test_a_burn_within_the_slippage_pays_its_minimum(
    pair, tick, offset, width, liquidity, slippage, drift
):
    sqrt_price = get_sqrt_ratio_at_tick(tick)
    lower = tick // 10 * 10 + offset * 10
    upper = lower + width * 10
    low, high = slippage_bounds(sqrt_price, slippage)
    seen = observation(
        pair,
        sqrt_price_x96=sqrt_price,
        tick=tick,
        positions=(PositionView(lower, upper, liquidity),),
    )
    burn = decided(parameters(pair, slippage_bps=slippage), seen).burns[0]
    assert burn[:3] == (lower, upper, liquidity)
    least = burn[3:]
    moved = min(max(int(sqrt_price * (1 + drift * slippage / 20_000)), low), high)
    paid = amounts_at(moved, lower, upper, liquidity)
    assert paid[0] >= least[0]
    assert paid[1] >= least[1]
    now = amounts_at(sqrt_price, lower, upper, liquidity)
    assert least[0] <= now[0]
    assert least[1] <= now[1]


def test_burn_minimums_are_not_zero_for_a_position_in_range():
    # A seed defect: every mint and burn accepted any amount.
    seen = observation()
    position = PositionView(seen.tick // 10 * 10 - 1_000, seen.tick // 10 * 10 + 1_000, 10**15)
    burn = planned(parameters(), seen._replace(positions=(position,)))[0]
    paid = amounts_at(seen.sqrt_price_x96, *position.ticks, position.liquidity)
    assert 0.9 * paid[0] < burn.amount0_min < paid[0]
    assert 0.9 * paid[1] < burn.amount1_min < paid[1]


@both_orders
@pytest.mark.parametrize("base_share", [0.9, 0.1])
def test_a_swap_brings_holdings_to_the_target_and_names_its_least_output(pair, base_share):
    total = 4_536 * 10**6
    price = 2_268
    seen = observation(
        pair,
        price,
        wallet_base=int(base_share * total * 10**12 / price),
        wallet_quote=int((1 - base_share) * total),
    )
    economics = EconomicsRule(horizon_s=3600.0, min_benefit_quote=None)
    rules = parameters(pair, swap_to_target=True, economics=economics)
    decision = decided(rules, seen, is_rebalance=True)
    (swap,) = actions_of(decision)
    assert isinstance(swap, Swap)
    assert not decision.complete
    assert len(decision.ranges) == 2
    sells_base = base_share > 0.5
    assert swap.zero_for_one == (sells_base == pair.base_is_token0)
    moved = 0.4 * total
    given_quote = swap.amount_in * price / 1e12 if sells_base else swap.amount_in
    taken_quote = swap.amount_out_min if sells_base else swap.amount_out_min * price / 1e12
    assert given_quote == pytest.approx(moved, rel=1e-6)
    assert taken_quote == pytest.approx(moved * (1 - 0.0005) * (1 - 0.005), rel=1e-6)
    assert (swap.sqrt_price_limit_x96 < seen.sqrt_price_x96) == swap.zero_for_one
    assert decision.numbers["swap"] == pytest.approx(moved / 1e6 * (0.0005 + 0.005), rel=1e-6)


def test_no_swap_by_default_nor_when_on_target_nor_when_it_was_done():
    skewed = observation(wallet_quote=0)
    assert decided(parameters(), skewed).complete
    rules = parameters(swap_to_target=True)
    assert decided(rules, observation()).complete
    assert decided(rules, skewed, may_swap=False).complete


def test_the_target_is_a_share_of_value():
    mark = ARBITRUM.mark_x96(sqrt_at(ARBITRUM, 2_000))
    got = target_base(0, 4_000 * 10**6, mark, 2_500)
    assert got == pytest.approx(5 * 10**17, rel=1e-9)
    assert target_base(10**18, 2_000 * 10**6, mark, 5_000) == pytest.approx(10**18, rel=1e-9)


def test_combined_inventory_adds_the_hedged_part_of_delta():
    assert hedged_inventory(-3 * 10**17, 10**18, 0.5) == 2 * 10**17
    assert hedged_inventory(5, 0, 0.9) == 5


@both_orders
def test_inventory_counts_wallet_positions_and_fees(pair):
    seen = observation(pair)
    bid, _ = single_sided_ranges(pair, seen.tick, WIDTHS)
    fees = pair.split(10**15, 10**6)
    seen = seen._replace(positions=(PositionView(*bid.ticks, 10**15, *fees),))
    got = decided(parameters(pair), seen).numbers
    principal = pair.join(*amounts_at(seen.sqrt_price_x96, *bid.ticks, 10**15))
    base = seen.wallet_base + principal[0] + 10**15
    quote = seen.wallet_quote + principal[1] + 10**6
    target = target_base(base, quote, pair.mark_x96(seen.sqrt_price_x96), 5_000)
    assert got["held_base"] == base / 10**18
    assert got["held_quote"] == quote / 10**6
    assert got["target_base"] == target / 10**18
    assert got["combined_inventory_base"] == (base - target) / 10**18


def test_gas_is_priced_in_quote_exactly():
    mark = 2_268 * 10**6 * 2**96 // 10**18
    seen = observation(base_fee_wei=20 * GWEI, native_mark_x96=mark)
    decision = decided(parameters(priority_fee_wei=GWEI), seen)
    assert decision.gas_wei == 21 * GWEI * 860_000
    assert decision.gas_quote_raw == decision.gas_wei * mark >> 96
    assert decision.gas_quote_raw == pytest.approx(0.021 * 0.86 * 2_268e6, abs=1)


def test_gas_counts_every_action_and_the_mints_after_a_swap():
    rules = parameters()
    units = rules.gas_units
    assert decided(rules, observation()).numbers["gas_units"] == 2 * units.mint
    swapping = parameters(swap_to_target=True)
    with_swap = decided(swapping, observation(wallet_quote=0))
    assert with_swap.numbers["gas_units"] == units.swap + 2 * units.mint


def test_a_mint_at_an_exact_boundary_price_is_still_single_sided():
    # After a downward crossing slot0.tick is one below the boundary the price stands on.
    boundary = 199_040
    sqrt_price = get_sqrt_ratio_at_tick(boundary)
    seen = observation(sqrt_price_x96=sqrt_price, tick=boundary - 1)
    assert tick_at(sqrt_price) == boundary
    for mint in planned(parameters(), seen):
        assert mint.liquidity > 0
        assert 0 in (mint.amount0_desired, mint.amount1_desired)


@both_orders
def test_the_pool_takes_what_a_mint_offers_and_no_less_than_its_minimum(pair):
    seen = observation(pair)
    pool = Pool(500, 10)
    pool.initialize(seen.sqrt_price_x96, 0)
    for mint in planned(parameters(pair), seen):
        taken = pool.mint(1, mint.tick_lower, mint.tick_upper, mint.liquidity, 0)
        for i in (0, 1):
            least, most = getattr(mint, f"amount{i}_min"), getattr(mint, f"amount{i}_desired")
            assert least <= taken[i] <= most
    # With the price moved into the range, one token is missing and there is nothing to mint.
    middle = get_sqrt_ratio_at_tick((mint.tick_lower + mint.tick_upper) // 2)
    lower, upper = map(get_sqrt_ratio_at_tick, (mint.tick_lower, mint.tick_upper))
    desired = (mint.amount0_desired, mint.amount1_desired)
    assert get_liquidity_for_amounts(middle, lower, upper, *desired) == 0


def test_a_position_at_ticks_out_of_range_reverts():
    seen = observation(positions=(PositionView(0, 887_273, 1),))
    with pytest.raises(Revert, match="T"):
        decided(parameters(), seen)


def test_amounts_that_no_contract_holds_revert():
    with pytest.raises(Revert):
        decided(parameters(), observation(wallet_base=2**250))


def test_a_market_outside_the_models_domain_needs_widths():
    kernel = kernel_of(parameters())
    assert kernel.decide(observation(sigma=-1.0)).needs_widths
    assert kernel.decide(observation(sigma=None)).needs_widths
    finite = kernel_of(parameters(quoting=replace(RECIPE, horizon=Horizon.ROLLING)))
    assert finite.decide(observation()).needs_widths


def test_a_forbidden_decision_gives_the_numbers_of_the_situation_alone():
    decision = kernel_of(parameters()).decide(observation(), forbidden=True)
    assert next(iter(decision.numbers)) == "held_base"
    assert "gas" not in decision.numbers


def test_what_was_decided_before_plays_no_part():
    rules = parameters()
    kernel = kernel_of(rules)
    calm, wild = observation(), observation(price=3_000, sigma=1e-3, cefi_inventory=10**17)
    first = kernel.decide(calm)
    assert kernel.decide(wild).numbers == kernel_of(rules).decide(wild).numbers
    again = kernel.decide(calm)
    assert again.numbers == first.numbers
    assert actions_of(again) == actions_of(first)


RECIPES = [
    replace(RECIPE, exact=False),
    RECIPE,
    replace(RECIPE, kind=ModelKind.AVELLANEDA_STOIKOV, horizon=Horizon.ROLLING, horizon_s=600.0),
    replace(RECIPE, kind=ModelKind.AVELLANEDA_STOIKOV, inventory_penalty=0.02),
    replace(RECIPE, risk_aversion=0.0, max_inventory_base=0.3, execution_cost_bps=-1.0),
]


@given(data=st.data())
def test_the_compiled_decision_is_the_plain_one_bit_for_bit(data):
    pair = data.draw(st.sampled_from([ETHEREUM, ARBITRUM]))
    price = data.draw(st.floats(500, 9_000))
    rules = parameters(
        pair,
        quoting=data.draw(st.sampled_from(RECIPES)),
        economics=EconomicsRule(
            horizon_s=data.draw(st.sampled_from([0.0, 3_600.0, 86_400.0])),
            min_benefit_quote=data.draw(st.none() | st.floats(-100, 100)),
            hedge_cost_bps=data.draw(st.floats(0, 20)),
            hedge_ratio=data.draw(st.floats(-1, 1)),
        ),
        target_base_share_bps=data.draw(st.integers(0, 10_000)),
        slippage_bps=data.draw(st.integers(0, 900)),
        swap_to_target=data.draw(st.booleans()),
        max_gas_quote_raw=data.draw(st.none() | st.integers(0, 10**8)),
        twap_guard_bps=data.draw(st.none() | st.integers(1, 100)),
        priority_fee_wei=data.draw(st.integers(0, 10**12)),
    )
    seen = observation(
        pair,
        price,
        wallet_base=data.draw(st.integers(0, 10**24)),
        wallet_quote=data.draw(st.integers(0, 10**16)),
        cefi_inventory=data.draw(st.integers(-(10**22), 10**22)),
        hedge_ratio=data.draw(st.floats(-2, 2)),
        sigma=data.draw(st.floats(0, 1e-3)),
        fees=data.draw(
            st.none() | st.builds(FeeEstimate, st.floats(0, 1e8), st.integers(0, 10**21))
        ),
        intensity=data.draw(
            st.none() | st.builds(Intensity, st.floats(1e-3, 10), st.floats(1e-3, 10))
        ),
        base_fee_wei=data.draw(st.integers(0, 10**13)),
    )
    near = [each.ticks for each in single_sided_ranges(pair, seen.tick, WIDTHS)]
    elsewhere = st.tuples(st.integers(-300, 0), st.integers(1, 300)).map(
        lambda ends: (seen.tick // 10 * 10 + ends[0] * 10, seen.tick // 10 * 10 + ends[1] * 10)
    )
    ticks = data.draw(st.lists(st.sampled_from(near) | elsewhere, max_size=3, unique=True))
    amount, liquidity = st.integers(0, 10**15), st.integers(1, 10**21)
    seen = seen._replace(
        twap_tick=data.draw(st.none() | st.integers(-150, 150).map(lambda off: seen.tick + off)),
        positions=tuple(
            PositionView(*each, data.draw(liquidity), data.draw(amount), data.draw(amount))
            for each in ticks
        ),
    )
    how = {
        "widths": data.draw(st.none() | st.just(WIDTHS)),
        "is_rebalance": data.draw(st.booleans()),
        "may_swap": data.draw(st.booleans()),
    }
    got = kernel_of(rules).decide(seen, **how)
    if got.needs_widths:
        # The market is outside the model's domain, and the Python model says why.
        with pytest.raises(ConfigError):
            decide(rules, seen, **how)
        return
    plain = decide(rules, seen, **how)
    assert got.refusal == plain.refusal
    assert list(got.numbers.items()) == list(plain.numbers.items())
    if got.refusal is None:
        assert (got.gas_wei, got.gas_quote_raw) == plain.gas
        assert actions_of(got) == plain.draft.actions
        assert ranges_of(got) == plain.draft.ranges
        assert got.complete == plain.draft.complete
