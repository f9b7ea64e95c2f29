"""The periphery contracts over :class:`alp._core.pool.Pool`, with their own checks and accounts.

Callers pay whatever is due and have approved it, so token transfers fail only where the pool itself
does not own what it must pay. Every operation is a transaction: after a ``Revert`` pool and
contract are what they were.
"""

from alp.chain.uniswap_v3.position_manager import (
    Added,
    Exited,
    Minted,
    NpmPosition,
    PositionManager,
)
from alp.chain.uniswap_v3.quoter import QuoterV2, QuoterV2Result
from alp.chain.uniswap_v3.router import SwapRouter

__all__ = [
    "Added",
    "Exited",
    "Minted",
    "NpmPosition",
    "PositionManager",
    "QuoterV2",
    "QuoterV2Result",
    "SwapRouter",
]
