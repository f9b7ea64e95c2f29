"""QuoterV2: what a router swap would give, by way of a swap that always reverts."""

from __future__ import annotations

from typing import NamedTuple

from alp._core.errors import Revert
from alp._core.pool import Pool
from alp.chain.uniswap_v3.transaction import limit_or_open, require, to_int256


class QuoterV2Result(NamedTuple):
    """``amount`` is the other side: received for an exact input, to pay for an exact output."""

    amount: int
    sqrt_price_x96_after: int
    initialized_ticks_crossed: int


class QuoterV2:
    """The two single-pool quotes; neither changes the pool."""

    def quote_exact_input_single(
        self, pool: Pool, *, zero_for_one: bool, amount_in: int, sqrt_price_limit_x96: int
    ) -> QuoterV2Result:
        """Output for an exact input; a limit of 0 is none.

        Raises
        ------
        Revert
            The pool's reason, or ``Unexpected error`` where it has none.
        """
        return _quote(pool, zero_for_one, to_int256(amount_in), sqrt_price_limit_x96)

    def quote_exact_output_single(
        self, pool: Pool, *, zero_for_one: bool, amount_out: int, sqrt_price_limit_x96: int
    ) -> QuoterV2Result:
        """Input for an exact output, which must be had in full where there is no limit.

        Raises
        ------
        Revert
            The pool's reason, or ``Unexpected error`` where it has none.
        """
        return _quote(pool, zero_for_one, -to_int256(amount_out), sqrt_price_limit_x96)


def _quote(
    pool: Pool, zero_for_one: bool, amount: int, sqrt_price_limit_x96: int
) -> QuoterV2Result:
    try:
        quote = pool.quote(
            zero_for_one, amount, limit_or_open(sqrt_price_limit_x96, zero_for_one=zero_for_one)
        )
        paid, received = (
            (quote.amount0, -quote.amount1) if zero_for_one else (quote.amount1, -quote.amount0)
        )
        require(received <= (pool.balance1 if zero_for_one else pool.balance0), "TF")
        require(paid > 0)
        if amount < 0 and sqrt_price_limit_x96 == 0:
            require(received == -amount)
    except Revert as error:
        raise Revert(error.reason or "Unexpected error") from error
    return QuoterV2Result(
        received if amount > 0 else paid,
        quote.sqrt_price_x96,
        count_initialized_ticks_crossed(pool, pool.tick, quote.tick),
    )


def count_initialized_ticks_crossed(pool: Pool, tick_before: int, tick_after: int) -> int:
    """PoolTicksCounter.countInitializedTicksCrossed, to the letter.

    It is not quite what the pool crosses: it divides ticks towards zero, and counts an initialised
    tick just below the lower end.
    """
    spacing = pool.tick_spacing
    words = pool.bitmap()
    before = _truncated(tick_before, spacing)
    after = _truncated(tick_after, spacing)
    low, high = min(before, after), max(before, after)
    count = 0
    for position, word in words.items():
        first = max(low - 256 * position, 0)
        last = min(high - 256 * position, 255)
        if first <= last:
            count += (word >> first & (1 << last - first + 1) - 1).bit_count()
    if tick_before > tick_after and tick_after % spacing == 0:
        count -= words.get(after >> 8, 0) >> (after & 255) & 1
    if tick_before < tick_after and tick_before % spacing == 0:
        count -= words.get(before >> 8, 0) >> (before & 255) & 1
    return count


def _truncated(tick: int, spacing: int) -> int:
    return tick // spacing if tick >= 0 else -(-tick // spacing)
