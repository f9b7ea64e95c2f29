"""SwapRouter: single-pool swaps with a deadline and a slippage bound."""

from __future__ import annotations

from alp._core.pool import Pool
from alp.chain.uniswap_v3.transaction import (
    check_deadline,
    limit_or_open,
    require,
    to_int256,
    transaction,
)


class SwapRouter:
    """The v1 router's two single-pool entry points."""

    def exact_input_single(
        self,
        pool: Pool,
        *,
        zero_for_one: bool,
        amount_in: int,
        amount_out_minimum: int,
        sqrt_price_limit_x96: int,
        deadline: int,
        timestamp: int,
    ) -> tuple[int, int]:
        """Swap an exact input; returns the pool's (amount0, amount1).

        Parameters
        ----------
        sqrt_price_limit_x96
            0 for none.

        Raises
        ------
        Revert
            ``Transaction too old``, ``Too little received``, "" where no token moves, or whatever
            the pool says.
        """
        check_deadline(deadline, timestamp)
        with transaction(pool):
            amounts = _swap(
                pool, zero_for_one, to_int256(amount_in), sqrt_price_limit_x96, timestamp
            )
            require(-amounts[1 if zero_for_one else 0] >= amount_out_minimum, "Too little received")
        return amounts

    def exact_output_single(
        self,
        pool: Pool,
        *,
        zero_for_one: bool,
        amount_out: int,
        amount_in_maximum: int,
        sqrt_price_limit_x96: int,
        deadline: int,
        timestamp: int,
    ) -> tuple[int, int]:
        """Swap for an exact output; returns the pool's (amount0, amount1).

        Raises
        ------
        Revert
            ``Transaction too old``, ``Too much requested``, "" where no token moves or (without a
            limit) the output cannot be had in full, or whatever the pool says.
        """
        check_deadline(deadline, timestamp)
        with transaction(pool):
            amounts = _swap(
                pool, zero_for_one, -to_int256(amount_out), sqrt_price_limit_x96, timestamp
            )
            taken, received = amounts if zero_for_one else amounts[::-1]
            if sqrt_price_limit_x96 == 0:
                require(-received == amount_out)
            require(taken <= amount_in_maximum, "Too much requested")
        return amounts


def _swap(
    pool: Pool, zero_for_one: bool, amount: int, sqrt_price_limit_x96: int, timestamp: int
) -> tuple[int, int]:
    limit = limit_or_open(sqrt_price_limit_x96, zero_for_one=zero_for_one)
    amounts = pool.swap(zero_for_one, amount, limit, timestamp)
    # the callback: swaps entirely within regions without liquidity are not supported
    require(amounts[0] > 0 or amounts[1] > 0)
    return amounts
