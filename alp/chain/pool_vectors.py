"""Math vectors of the deployed libraries: which function of the engine answers which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from alp._core import liquidity_amounts, swapmath, tick_table, tickmath, uint256
from alp._core.errors import Revert

FUNCTIONS: dict[str, Callable[..., Any]] = {
    "getSqrtRatioAtTick": tickmath.get_sqrt_ratio_at_tick,
    "getTickAtSqrtRatio": tickmath.get_tick_at_sqrt_ratio,
    "tickSpacingToMaxLiquidityPerTick": tickmath.tick_spacing_to_max_liquidity_per_tick,
    "mulDiv": uint256.mul_div,
    "mulDivRoundingUp": uint256.mul_div_rounding_up,
    "mostSignificantBit": uint256.most_significant_bit,
    "leastSignificantBit": uint256.least_significant_bit,
    "addDelta": swapmath.add_liquidity_delta,
    "getNextSqrtPriceFromInput": swapmath.get_next_sqrt_price_from_input,
    "getNextSqrtPriceFromOutput": swapmath.get_next_sqrt_price_from_output,
    "getNextSqrtPriceFromAmount0RoundingUp": swapmath.get_next_sqrt_price_from_amount0_rounding_up,
    "getNextSqrtPriceFromAmount1RoundingDown": (
        swapmath.get_next_sqrt_price_from_amount1_rounding_down
    ),
    "getAmount0Delta": swapmath.get_amount0_delta,
    "getAmount1Delta": swapmath.get_amount1_delta,
    "getAmount0DeltaSigned": swapmath.get_amount0_delta_signed,
    "getAmount1DeltaSigned": swapmath.get_amount1_delta_signed,
    "computeSwapStep": swapmath.compute_step,
    "getLiquidityForAmounts": liquidity_amounts.get_liquidity_for_amounts,
    "getAmountsForLiquidity": liquidity_amounts.get_amounts_for_liquidity,
    "nextInitializedTickWithinOneWord": tick_table.next_initialized_tick_within_one_word,
}
"""Library function -> the engine's function with the same arguments in the same order."""


def answer(function: str, arguments: list[Any]) -> tuple[str, Any]:
    """Call one library function.

    Parameters
    ----------
    function
        A key of :data:`FUNCTIONS`.
    arguments
        Integers, booleans and lists of integers, in Solidity order.

    Returns
    -------
    tuple
        ``("out", [results])`` or ``("err", revert string)``.
    """
    try:
        results = FUNCTIONS[function](*arguments)
    except Revert as revert:
        return "err", revert.reason
    return "out", list(results) if isinstance(results, tuple) else [results]
