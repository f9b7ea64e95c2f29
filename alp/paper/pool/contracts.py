"""What a bundle does on a simulated chain: the contracts' own arithmetic, checks and words."""

from __future__ import annotations

from dataclasses import dataclass

from alp._core.errors import Revert
from alp._core.pool import Pool
from alp.chain.port import Bundle, Holding, LogKind
from alp.chain.uniswap_v3 import PositionManager, SwapRouter
from alp.chain.uniswap_v3.transaction import MAX_UINT128, check_deadline, require
from alp.models.lp_types import Action, Burn, Collect, Mint, Swap
from alp.paper.pool.flow import Done

MANAGER = 0xC36442B4A4522E871399CD717ABDD847AB11FE88
"""Mainnet's address of the position manager; here it only keeps its positions apart."""


@dataclass
class Purse:
    """An account's tokens outside positions, its gas, and how many transactions it has sent."""

    owner: int
    amount0: int = 0
    amount1: int = 0
    native_wei: int = 0
    nonce: int = 0


class Contracts:
    """The position manager and the router over one pool."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.manager = PositionManager(MANAGER)
        self._router = SwapRouter()

    def holdings(self, owner: int) -> tuple[Holding, ...]:
        """Return an owner's positions with liquidity, oldest first."""
        return tuple(
            Holding(
                token_id,
                held.tick_lower,
                held.tick_upper,
                held.liquidity,
                *self.pool.position_fees(MANAGER, held.tick_lower, held.tick_upper),
            )
            for token_id, held in self.manager.tokens_of(owner).items()
            if held.liquidity
        )

    def execute(self, purse: Purse, bundle: Bundle, now_s: int) -> list[Done]:
        """Do all of a bundle, or none of it; return what it left in the log.

        Raises
        ------
        Revert
            The first reason of its calls; pool, manager and purse are what they were.
        """
        pool, manager = self.pool.copy(), self.manager.saved()
        amounts = purse.amount0, purse.amount1
        try:
            check_deadline(bundle.deadline_s, now_s)
            done: list[Done] = []
            for action in bundle.actions:
                done += self._act(purse, action, bundle.deadline_s, now_s)
        except Revert:
            self.pool.restore(pool)
            self.manager.restore(manager)
            purse.amount0, purse.amount1 = amounts
            raise
        return done

    def _act(self, purse: Purse, action: Action, deadline_s: int, now_s: int) -> list[Done]:
        if isinstance(action, Burn):
            return self._burn(purse, action, deadline_s, now_s)
        if isinstance(action, Collect):
            return self._collect(purse, action, now_s)
        if isinstance(action, Swap):
            return self._swap(purse, action, deadline_s, now_s)
        return self._mint(purse, action, deadline_s, now_s)

    def _token(self, purse: Purse, lower: int, upper: int) -> int | None:
        for token_id, held in self.manager.tokens_of(purse.owner).items():
            if (held.tick_lower, held.tick_upper) == (lower, upper):
                return token_id
        return None

    def _own_token(self, purse: Purse, lower: int, upper: int) -> int:
        token_id = self._token(purse, lower, upper)
        if token_id is None:
            raise Revert("Invalid token ID")
        return token_id

    def _burn(self, purse: Purse, action: Burn, deadline_s: int, now_s: int) -> list[Done]:
        ticks = action.tick_lower, action.tick_upper
        amounts = self.manager.decrease_liquidity(
            purse.owner,
            self._own_token(purse, *ticks),
            liquidity=action.liquidity,
            amount0_min=action.amount0_min,
            amount1_min=action.amount1_min,
            deadline=deadline_s,
            timestamp=now_s,
        )
        return [Done(LogKind.BURN, *ticks, *amounts)]

    def _collect(self, purse: Purse, action: Collect, now_s: int) -> list[Done]:
        ticks = action.tick_lower, action.tick_upper
        token_id = self._own_token(purse, *ticks)
        amount0, amount1 = self.manager.collect(
            purse.owner,
            token_id,
            amount0_max=MAX_UINT128,
            amount1_max=MAX_UINT128,
            timestamp=now_s,
        )
        purse.amount0 += amount0
        purse.amount1 += amount1
        if self.manager.position(token_id).liquidity == 0:
            self.manager.burn(purse.owner, token_id)
        return [Done(LogKind.COLLECT, *ticks, amount0, amount1)]

    def _swap(self, purse: Purse, action: Swap, deadline_s: int, now_s: int) -> list[Done]:
        amounts = self._router.exact_input_single(
            self.pool,
            zero_for_one=action.zero_for_one,
            amount_in=action.amount_in,
            amount_out_minimum=action.amount_out_min,
            sqrt_price_limit_x96=action.sqrt_price_limit_x96,
            deadline=deadline_s,
            timestamp=now_s,
        )
        self._pay(purse, *amounts)
        return [Done(LogKind.SWAP, 0, 0, *amounts)]

    def _mint(self, purse: Purse, action: Mint, deadline_s: int, now_s: int) -> list[Done]:
        ticks = action.tick_lower, action.tick_upper
        token_id = self._token(purse, *ticks)
        if token_id is None:
            minted = self.manager.mint(
                self.pool,
                tick_lower=action.tick_lower,
                tick_upper=action.tick_upper,
                amount0_desired=action.amount0_desired,
                amount1_desired=action.amount1_desired,
                amount0_min=action.amount0_min,
                amount1_min=action.amount1_min,
                recipient=purse.owner,
                deadline=deadline_s,
                timestamp=now_s,
            )
            amounts = minted.amount0, minted.amount1
        else:
            added = self.manager.increase_liquidity(
                token_id,
                amount0_desired=action.amount0_desired,
                amount1_desired=action.amount1_desired,
                amount0_min=action.amount0_min,
                amount1_min=action.amount1_min,
                deadline=deadline_s,
                timestamp=now_s,
            )
            amounts = added.amount0, added.amount1
        self._pay(purse, *amounts)
        return [Done(LogKind.MINT, *ticks, *amounts)]

    @staticmethod
    def _pay(purse: Purse, amount0: int, amount1: int) -> None:
        """Let signed amounts go into the pool."""
        require(amount0 <= purse.amount0 and amount1 <= purse.amount1, "STF")
        purse.amount0 -= amount0
        purse.amount1 -= amount1
