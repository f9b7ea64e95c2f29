"""What every periphery contract shares: deadlines, price limits, and all or nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from alp._core.errors import Revert
from alp._core.pool import Pool

MIN_SQRT_RATIO = 4295128739
MAX_SQRT_RATIO = 1461446703485210103287273052203988822378723970342
MAX_UINT128 = 2**128 - 1
MAX_INT256 = 2**255 - 1


@contextmanager
def transaction(pool: Pool) -> Iterator[None]:
    """Put the pool back as it was where the block reverts."""
    saved = pool.copy()
    try:
        yield
    except Revert:
        pool.restore(saved)
        raise


def require(condition: bool, reason: str = "") -> None:
    """Solidity's ``require``.

    Raises
    ------
    Revert
        With ``reason``, where the condition does not hold.
    """
    if not condition:
        raise Revert(reason)


def check_deadline(deadline: int, timestamp: int) -> None:
    """PeripheryValidation.checkDeadline.

    Raises
    ------
    Revert
        ``Transaction too old``.
    """
    require(timestamp <= deadline, "Transaction too old")


def limit_or_open(sqrt_price_limit_x96: int, *, zero_for_one: bool) -> int:
    """Return the limit handed to the pool: 0 stands for none."""
    if sqrt_price_limit_x96:
        return sqrt_price_limit_x96
    return MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1


def to_int256(amount: int) -> int:
    """SafeCast.toInt256.

    Raises
    ------
    Revert
        The amount has its top bit set.
    """
    require(amount <= MAX_INT256)
    return amount
