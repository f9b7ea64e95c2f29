"""A decision's arithmetic in plain Python: what the compiled one is compared with, bit by bit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

from rebalance_twin import Verdict, prospect, weigh

from alp._core.holdings import mint_amounts, position_amounts
from alp.models.inventory import hedged_inventory, target_base
from alp.models.lp_planner import choose_widths
from alp.models.lp_types import (
    Action,
    Burn,
    Collect,
    GasUnits,
    LpParameters,
    Mint,
    Observation,
    PositionView,
    Swap,
)
from alp.models.lvr import PositionCurve, price_root
from alp.models.pair import TokenPair
from alp.models.ranges import PlannedRange, Widths, single_sided_ranges, width_bps
from alp.models.triggers import NEVER_ABOVE, NEVER_BELOW

_BPS = 10_000
_PIPS = 1_000_000
# A swap of less than this share of all we hold is not worth its gas and is left out.
_LEAST_SWAP_BPS = 50
# Nor is adding less than this share to a position that stays.
_LEAST_TOP_UP_BPS = 100
# Nor is a range for less than this share of the tokens to place.
_LEAST_MINT_BPS = 10


class Inventory(NamedTuple):
    """What is held everywhere, in raw units.

    Attributes
    ----------
    base, quote
        Wallet, positions and uncollected fees.
    target_base
        The target share of their value, in base.
    combined
        ``q = q_cefi + h * (base - target_base)``, base.
    """

    base: int
    quote: int
    target_base: int
    combined: int


class Draft(NamedTuple):
    """A plan before it is weighed.

    Attributes
    ----------
    actions
        To do now; without the mints when a swap comes first.
    ranges
        Ranges that will be open in the end.
    placed
        What they will hold: rows ``(tick_lower, tick_upper, liquidity)``.
    complete
        Whether the actions open them; after a swap another plan does, with what it paid.
    gas_units
        Of all actions, the mints after a swap included.
    swap_cost_quote
        Fee and worst slippage of the swap, raw quote.
    """

    actions: tuple[Action, ...]
    ranges: tuple[PlannedRange, ...]
    placed: tuple[tuple[int, int, int], ...]
    gas_units: int
    swap_cost_quote: float
    complete: bool


def inventory_of(parameters: LpParameters, seen: Observation) -> Inventory:
    """Return what is held and how far it is from the target."""
    pair = parameters.pair
    base, quote = seen.wallet_base, seen.wallet_quote
    for position in seen.positions:
        amount0, amount1 = position_amounts(
            seen.sqrt_price_x96, position.tick_lower, position.tick_upper, position.liquidity
        )
        more = pair.join(amount0 + position.fees0, amount1 + position.fees1)
        base, quote = base + more[0], quote + more[1]
    mark = pair.mark_x96(seen.sqrt_price_x96)
    target = target_base(base, quote, mark, parameters.target_base_share_bps)
    combined = hedged_inventory(seen.cefi_inventory, base - target, seen.hedge_ratio)
    return Inventory(base, quote, target, combined)


def draft_plan(
    parameters: LpParameters, seen: Observation, widths: Widths, *, may_swap: bool = True
) -> Draft:
    """Return the actions that replace the open positions by ranges of these widths.

    Parameters
    ----------
    may_swap
        False to mint with what is there although the parameters ask for a swap: it was done.
    """
    ranges = single_sided_ranges(parameters.pair, seen.tick, widths)
    wanted = [(planned.tick_lower, planned.tick_upper) for planned in ranges]
    kept: dict[tuple[int, int], PositionView] = {}
    leaving: list[PositionView] = []
    for position in seen.positions:
        ticks = (position.tick_lower, position.tick_upper)
        if ticks in wanted:
            kept[ticks] = position
        else:
            leaving.append(position)

    amounts = list(parameters.pair.split(seen.wallet_base, seen.wallet_quote))
    actions = _take_down(parameters, seen, leaving, amounts)

    swap_cost = 0.0
    swap = None
    if may_swap and parameters.swap_to_target:
        swap = _swap_to_target(parameters, seen, amounts, kept)
    if swap is not None:
        swap_cost = _swap_cost(parameters, seen, swap)
        amounts[0 if swap.zero_for_one else 1] -= swap.amount_in
        amounts[1 if swap.zero_for_one else 0] += swap.amount_out_min

    mints, opened = _put_up(parameters, seen, ranges, kept, amounts)
    return Draft(
        actions=(*actions, *mints) if swap is None else (*actions, swap),
        ranges=tuple([planned for planned, _ in opened]),
        placed=tuple([(each.tick_lower, each.tick_upper, total) for each, total in opened]),
        gas_units=_gas(parameters.gas_units, leaving, swap, mints),
        swap_cost_quote=swap_cost,
        complete=swap is None,
    )


def slippage_bounds(sqrt_price_x96: int, slippage_bps: int) -> tuple[int, int]:
    """Return the sqrt prices at ``price * (1 -+ slippage)``, within the pool's domain."""
    square = sqrt_price_x96 * sqrt_price_x96
    low = math.isqrt(square * (_BPS - slippage_bps) // _BPS)
    high = math.isqrt(square * (_BPS + slippage_bps) // _BPS)
    return max(low, NEVER_BELOW + 1), min(high, NEVER_ABOVE - 1)


def gas_cost(parameters: LpParameters, seen: Observation, gas_units: int) -> tuple[int, int]:
    """Return the cost of gas in wei, and in raw quote rounded down."""
    wei = gas_units * (seen.base_fee_wei + parameters.priority_fee_wei)
    return wei, (wei * seen.native_mark_x96) >> 96


def _take_down(
    parameters: LpParameters,
    seen: Observation,
    leaving: Sequence[PositionView],
    amounts: list[int],
) -> list[Action]:
    """Return the burns and collects of positions, and add what they pay to `amounts`."""
    actions: list[Action] = []
    if not leaving:
        return actions
    low, high = slippage_bounds(seen.sqrt_price_x96, parameters.slippage_bps)
    for position in leaving:
        lower, upper, liquidity = position.tick_lower, position.tick_upper, position.liquidity
        amount0, amount1 = position_amounts(seen.sqrt_price_x96, lower, upper, liquidity)
        # token0 is least at the upper end of the prices allowed for, token1 at the lower end.
        least0 = position_amounts(high, lower, upper, liquidity)[0]
        least1 = position_amounts(low, lower, upper, liquidity)[1]
        amounts[0] += amount0 + position.fees0
        amounts[1] += amount1 + position.fees1
        actions.append(Burn(lower, upper, liquidity, least0, least1))
        actions.append(Collect(lower, upper))
    return actions


def _put_up(
    parameters: LpParameters,
    seen: Observation,
    ranges: Sequence[PlannedRange],
    kept: dict[tuple[int, int], PositionView],
    amounts: Sequence[int],
) -> tuple[list[Mint], list[tuple[PlannedRange, int]]]:
    """Return the mints, and the ranges open after them with their liquidity."""
    worth = _values(parameters.pair, seen.sqrt_price_x96, amounts)
    least_worth = (worth[0] + worth[1]) * _LEAST_MINT_BPS
    mints: list[Mint] = []
    opened: list[tuple[PlannedRange, int]] = []
    for planned in ranges:
        # Above the current tick a position takes token0 alone, at or below it token1 alone.
        token = 0 if planned.tick_lower > seen.tick else 1
        there = kept.get((planned.tick_lower, planned.tick_upper))
        total = 0 if there is None else there.liquidity
        if worth[token] * _BPS >= least_worth:
            mint = _mint(planned, token, amounts[token], seen.sqrt_price_x96)
            if mint is not None and mint.liquidity * _BPS >= total * _LEAST_TOP_UP_BPS:
                mints.append(mint)
                total += mint.liquidity
        if total > 0:
            opened.append((planned, total))
    return mints, opened


def _mint(planned: PlannedRange, token: int, amount: int, sqrt_price_x96: int) -> Mint | None:
    """Return the mint of one token into one range; None where it is too little for one unit."""
    amount0, amount1 = (amount, 0) if token == 0 else (0, amount)
    lower, upper = planned.tick_lower, planned.tick_upper
    liquidity, least0, least1 = mint_amounts(sqrt_price_x96, lower, upper, amount0, amount1)
    # Nothing less can be right: with the price still outside the range the whole amount goes in,
    # and with the price inside it the missing token makes the mint revert.
    if least0 == 0 and least1 == 0:
        return None
    return Mint(lower, upper, amount0, amount1, liquidity, least0, least1)


def _values(pair: TokenPair, sqrt_price_x96: int, amounts: Sequence[int]) -> tuple[int, int]:
    """Return the values of token0 and token1, in raw quote times ``2**96``."""
    base, quote = pair.join(amounts[0], amounts[1])
    return pair.split(base * pair.mark_x96(sqrt_price_x96), quote << 96)


def _swap_to_target(
    parameters: LpParameters,
    seen: Observation,
    amounts: Sequence[int],
    kept: dict[tuple[int, int], PositionView],
) -> Swap | None:
    pair = parameters.pair
    mark = pair.mark_x96(seen.sqrt_price_x96)
    free_base, free_quote = pair.join(amounts[0], amounts[1])
    base, quote = free_base, free_quote
    for position in kept.values():
        more = pair.join(
            *position_amounts(seen.sqrt_price_x96, *position.ticks, position.liquidity)
        )
        base, quote = base + more[0], quote + more[1]
    excess = base - target_base(base, quote, mark, parameters.target_base_share_bps)
    value_x96 = base * mark + (quote << 96)
    if abs(excess) * mark * _BPS < value_x96 * _LEAST_SWAP_BPS:
        return None
    keep_pips = _PIPS - pair.fee_pips
    if excess > 0:
        sold = min(excess, free_base)
        out = (sold * mark >> 96) * keep_pips // _PIPS
    else:
        sold = min((-excess * mark) >> 96, free_quote)
        out = (sold << 96) // mark * keep_pips // _PIPS
    out_min = out * (_BPS - parameters.slippage_bps) // _BPS
    if sold == 0 or out_min == 0:
        return None
    zero_for_one = (excess > 0) == pair.base_is_token0
    low, high = slippage_bounds(seen.sqrt_price_x96, parameters.slippage_bps)
    return Swap(zero_for_one, sold, out_min, low if zero_for_one else high)


def _swap_cost(parameters: LpParameters, seen: Observation, swap: Swap) -> float:
    pair = parameters.pair
    sells_base = swap.zero_for_one == pair.base_is_token0
    mark = pair.mark_x96(seen.sqrt_price_x96)
    notional = (swap.amount_in * mark >> 96) if sells_base else swap.amount_in
    return notional * (pair.fee_pips * 1e-6 + parameters.slippage_bps * 1e-4)


def _gas(
    units: GasUnits, leaving: Sequence[PositionView], swap: Swap | None, mints: Sequence[Mint]
) -> int:
    return (
        len(leaving) * (units.burn + units.collect)
        + (units.swap if swap is not None else 0)
        + len(mints) * units.mint
    )


class Decided(NamedTuple):
    """What a decision comes to; the draft is None where the price guard refuses."""

    refusal: str | None
    numbers: dict[str, float]
    draft: Draft | None
    gas: tuple[int, int]


def decide(
    parameters: LpParameters,
    seen: Observation,
    *,
    widths: Widths | None = None,
    is_rebalance: bool = False,
    may_swap: bool = True,
) -> Decided:
    """Return what `DecisionKernel.decide` returns."""
    inventory = inventory_of(parameters, seen)
    numbers = situation(parameters.pair, seen, inventory)
    refusal = guard(parameters, seen, numbers)
    if refusal is not None:
        return Decided(refusal, numbers, None, (0, 0))
    if widths is None:
        widths = choose_widths(parameters, seen, parameters.pair.whole_base(inventory.combined))
    draft = draft_plan(parameters, seen, widths, may_swap=may_swap)
    gas = gas_cost(parameters, seen, draft.gas_units)
    numbers["bid_width_bps"], numbers["ask_width_bps"] = widths
    numbers["gas_units"] = float(draft.gas_units)
    numbers["gas"] = parameters.pair.whole_quote(gas[1])
    verdict = None
    if is_rebalance and seen.fees is not None and seen.sigma is not None:
        verdict = verdict_on(parameters, seen, draft, gas[1])
        numbers |= verdict.numbers()
    refusal = judge(parameters, seen, draft, gas[1], verdict, is_rebalance=is_rebalance)
    return Decided(refusal, numbers, draft, gas)


def situation(pair: TokenPair, seen: Observation, inventory: Inventory) -> dict[str, float]:
    numbers = {
        "held_base": pair.whole_base(inventory.base),
        "held_quote": pair.whole_quote(inventory.quote),
        "target_base": pair.whole_base(inventory.target_base),
        "cefi_base": pair.whole_base(seen.cefi_inventory),
        "combined_inventory_base": pair.whole_base(inventory.combined),
        "price": pair.sqrt_x96_to_price(seen.sqrt_price_x96),
        "tick": float(seen.tick),
    }
    if seen.sigma is not None:
        numbers["sigma_per_sqrt_s"] = seen.sigma
    return numbers


def guard(parameters: LpParameters, seen: Observation, numbers: dict[str, float]) -> str | None:
    if parameters.twap_guard_bps is None:
        return None
    if seen.twap_tick is None:
        return "TWAP_UNAVAILABLE"
    deviation = width_bps(min(seen.tick, seen.twap_tick), max(seen.tick, seen.twap_tick))
    numbers["twap_deviation_bps"] = deviation
    return "TWAP_DEVIATION" if deviation > parameters.twap_guard_bps else None


def verdict_on(
    parameters: LpParameters, seen: Observation, draft: Draft, gas_quote_raw: int
) -> Verdict:
    pair, rule = parameters.pair, parameters.economics
    assert seen.sigma is not None
    assert seen.fees is not None
    held = tuple((*each.ticks, each.liquidity) for each in seen.positions)
    new, stay = [
        prospect(
            [PositionCurve.of(pair, *row) for row in rows],
            root=price_root(pair, seen.sqrt_price_x96),
            sigma=seen.sigma,
            fees=seen.fees,
            rule=rule,
        )
        for rows in (draft.placed, held)
    ]
    return weigh(
        new,
        stay,
        gas_quote=float(gas_quote_raw),
        swap_quote=draft.swap_cost_quote,
        quote_unit=10.0**pair.quote_decimals,
        rule=rule,
    )


def judge(
    parameters: LpParameters,
    seen: Observation,
    draft: Draft,
    gas_quote_raw: int,
    verdict: Verdict | None,
    *,
    is_rebalance: bool,
) -> str | None:
    wanted = {planned.ticks for planned in draft.ranges}
    leaving = any(each.ticks not in wanted for each in seen.positions)
    changes = leaving or not draft.complete or len(wanted) > len(seen.positions)
    if not draft.placed:
        return "NO_LIQUIDITY"
    if not draft.actions or (is_rebalance and not changes):
        return "SAME_RANGES"
    limit = parameters.max_gas_quote_raw
    if limit is not None and gas_quote_raw > limit:
        return "GAS_ABOVE_MAX"
    if verdict is not None and not verdict.worth_it:
        return "BELOW_MIN_BENEFIT"
    return None
