"""NonfungiblePositionManager: positions as tokens, with the manager's own fee accounts.

All tokens on one range share one position of the pool. The manager divides its fees by growth, each
token rounded down by itself, and so may book a few wei more than the pool's position holds; a
collect then pays what the pool has and writes the rest off, as on chain.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import NamedTuple

from alp._core.errors import Revert
from alp._core.liquidity_amounts import get_liquidity_for_amounts
from alp._core.pool import Pool
from alp._core.tickmath import get_sqrt_ratio_at_tick
from alp._core.uint256 import mul_div
from alp.chain.uniswap_v3.transaction import (
    MAX_UINT128,
    check_deadline,
    require,
    transaction,
)

Q128 = 2**128
MODULUS = 2**256


@dataclass(frozen=True)
class NpmPosition:
    """One token's account, as the contract's ``positions(tokenId)``, and who holds it."""

    pool: Pool
    owner: int
    tick_lower: int
    tick_upper: int
    liquidity: int
    fee_growth_inside0_last_x128: int
    fee_growth_inside1_last_x128: int
    tokens_owed0: int = 0
    tokens_owed1: int = 0


class Minted(NamedTuple):
    """A new token and what went into it."""

    token_id: int
    liquidity: int
    amount0: int
    amount1: int


class Added(NamedTuple):
    """Liquidity added and what it cost."""

    liquidity: int
    amount0: int
    amount1: int


class Exited(NamedTuple):
    """Principal booked by the decrease, and everything paid out by the collect."""

    decrease0: int
    decrease1: int
    amount0: int
    amount1: int


class PositionManager:
    """The position manager over any number of pools.

    Parameters
    ----------
    address
        Its own address, the owner of all its positions in the pools.
    """

    def __init__(self, address: int) -> None:
        self.address = address
        self.next_id = 1
        self._positions: dict[int, NpmPosition] = {}

    def position(self, token_id: int) -> NpmPosition:
        """Return the token's account.

        Raises
        ------
        Revert
            ``Invalid token ID``.
        """
        require(token_id in self._positions, "Invalid token ID")
        return self._positions[token_id]

    def tokens_of(self, owner: int) -> dict[int, NpmPosition]:
        """Return the accounts of an owner by token id, oldest first."""
        return {each: held for each, held in self._positions.items() if held.owner == owner}

    def saved(self) -> PositionManager:
        """Return the contract as it is now, to go back to; its pools are not saved with it."""
        other = PositionManager(self.address)
        other.restore(self)
        return other

    def restore(self, saved: PositionManager) -> None:
        """Become what `saved` is."""
        self.next_id, self._positions = saved.next_id, dict(saved._positions)

    def mint(
        self,
        pool: Pool,
        *,
        tick_lower: int,
        tick_upper: int,
        amount0_desired: int,
        amount1_desired: int,
        amount0_min: int,
        amount1_min: int,
        recipient: int,
        deadline: int,
        timestamp: int,
    ) -> Minted:
        """Open a position with the most liquidity both amounts pay for.

        Raises
        ------
        Revert
            ``Transaction too old``, ``T``, ``Price slippage check``, or whatever the pool says.
        """
        check_deadline(deadline, timestamp)
        with self._transaction(pool):
            added = self._add_liquidity(
                pool,
                (tick_lower, tick_upper),
                (amount0_desired, amount1_desired),
                (amount0_min, amount1_min),
                timestamp,
            )
            require(recipient != 0, "ERC721: mint to the zero address")
            inside0, inside1 = self._inside(pool, tick_lower, tick_upper)
            token_id = self.next_id
            self.next_id += 1
            self._positions[token_id] = NpmPosition(
                pool, recipient, tick_lower, tick_upper, added.liquidity, inside0, inside1
            )
        return Minted(token_id, *added)

    def increase_liquidity(
        self,
        token_id: int,
        *,
        amount0_desired: int,
        amount1_desired: int,
        amount0_min: int,
        amount1_min: int,
        deadline: int,
        timestamp: int,
    ) -> Added:
        """Add to a position; anyone may.

        Raises
        ------
        Revert
            ``Transaction too old``, "" for an unknown token, ``Price slippage check``, or whatever
            the pool says.
        """
        check_deadline(deadline, timestamp)
        require(token_id in self._positions)
        held = self._positions[token_id]
        with self._transaction(held.pool):
            added = self._add_liquidity(
                held.pool,
                (held.tick_lower, held.tick_upper),
                (amount0_desired, amount1_desired),
                (amount0_min, amount1_min),
                timestamp,
            )
            booked = self._booked(held)
            self._positions[token_id] = replace(
                booked, liquidity=(booked.liquidity + added.liquidity) & MAX_UINT128
            )
        return added

    def decrease_liquidity(
        self,
        sender: int,
        token_id: int,
        *,
        liquidity: int,
        amount0_min: int,
        amount1_min: int,
        deadline: int,
        timestamp: int,
    ) -> tuple[int, int]:
        """Take liquidity out and book its tokens; returns the principal booked.

        Raises
        ------
        Revert
            ``Not approved``, ``Transaction too old``, "" for no liquidity or more than is held,
            ``Price slippage check``, or whatever the pool says.
        """
        held = self._authorized(sender, token_id)
        check_deadline(deadline, timestamp)
        require(liquidity > 0)
        require(held.liquidity >= liquidity)
        with self._transaction(held.pool):
            amount0, amount1 = held.pool.burn(
                self.address, held.tick_lower, held.tick_upper, liquidity, timestamp
            )
            require(amount0 >= amount0_min and amount1 >= amount1_min, "Price slippage check")
            booked = self._booked(held)
            self._positions[token_id] = replace(
                booked,
                liquidity=held.liquidity - liquidity,
                tokens_owed0=(booked.tokens_owed0 + amount0) & MAX_UINT128,
                tokens_owed1=(booked.tokens_owed1 + amount1) & MAX_UINT128,
            )
        return amount0, amount1

    def collect(
        self, sender: int, token_id: int, *, amount0_max: int, amount1_max: int, timestamp: int
    ) -> tuple[int, int]:
        """Book the fees to date and pay out; returns what the pool paid.

        Raises
        ------
        Revert
            ``Not approved``, "" where nothing is asked for, or whatever the pool says.
        """
        held = self._authorized(sender, token_id)
        require(amount0_max > 0 or amount1_max > 0)
        with self._transaction(held.pool):
            if held.liquidity > 0:
                held.pool.burn(self.address, held.tick_lower, held.tick_upper, 0, timestamp)
                held = self._booked(held)
            collect0 = min(amount0_max, held.tokens_owed0)
            collect1 = min(amount1_max, held.tokens_owed1)
            paid = held.pool.collect(
                self.address, held.tick_lower, held.tick_upper, collect0, collect1
            )
            self._positions[token_id] = replace(
                held,
                tokens_owed0=held.tokens_owed0 - collect0,
                tokens_owed1=held.tokens_owed1 - collect1,
            )
        return paid

    def burn(self, sender: int, token_id: int) -> None:
        """Give up an empty token.

        Raises
        ------
        Revert
            ``Not approved``, ``Not cleared``.
        """
        held = self._authorized(sender, token_id)
        require(
            held.liquidity == 0 and held.tokens_owed0 == 0 and held.tokens_owed1 == 0,
            "Not cleared",
        )
        del self._positions[token_id]

    def exit(
        self, sender: int, token_id: int, *, liquidity: int, deadline: int, timestamp: int
    ) -> Exited:
        """Decrease, collect everything and burn, as one multicall.

        Raises
        ------
        Revert
            The first reason of the three calls.
        """
        held = self._authorized(sender, token_id)
        with self._transaction(held.pool):
            decreased = self.decrease_liquidity(
                sender,
                token_id,
                liquidity=liquidity,
                amount0_min=0,
                amount1_min=0,
                deadline=deadline,
                timestamp=timestamp,
            )
            paid = self.collect(
                sender,
                token_id,
                amount0_max=MAX_UINT128,
                amount1_max=MAX_UINT128,
                timestamp=timestamp,
            )
            self.burn(sender, token_id)
        return Exited(*decreased, *paid)

    @contextmanager
    def _transaction(self, pool: Pool) -> Iterator[None]:
        saved = self.saved()
        try:
            with transaction(pool):
                yield
        except Revert:
            self.restore(saved)
            raise

    def _authorized(self, sender: int, token_id: int) -> NpmPosition:
        require(token_id in self._positions, "ERC721: operator query for nonexistent token")
        require(self._positions[token_id].owner == sender, "Not approved")
        return self._positions[token_id]

    def _add_liquidity(
        self,
        pool: Pool,
        ticks: tuple[int, int],
        desired: tuple[int, int],
        minimum: tuple[int, int],
        timestamp: int,
    ) -> Added:
        """LiquidityManagement.addLiquidity."""
        liquidity = get_liquidity_for_amounts(
            pool.sqrt_price_x96,
            get_sqrt_ratio_at_tick(ticks[0]),
            get_sqrt_ratio_at_tick(ticks[1]),
            *desired,
        )
        amount0, amount1 = pool.mint(self.address, *ticks, liquidity, timestamp)
        require(amount0 >= minimum[0] and amount1 >= minimum[1], "Price slippage check")
        return Added(liquidity, amount0, amount1)

    def _inside(self, pool: Pool, tick_lower: int, tick_upper: int) -> tuple[int, int]:
        """Growth at the last touch of the pool's position, which has just been touched."""
        shared = pool.position(self.address, tick_lower, tick_upper)
        return shared.fee_growth_inside0_last_x128, shared.fee_growth_inside1_last_x128

    def _booked(self, held: NpmPosition) -> NpmPosition:
        """Bring the token's account up to date with the fees since its own last touch."""
        inside0, inside1 = self._inside(held.pool, held.tick_lower, held.tick_upper)
        fees0 = mul_div(
            (inside0 - held.fee_growth_inside0_last_x128) % MODULUS, held.liquidity, Q128
        )
        fees1 = mul_div(
            (inside1 - held.fee_growth_inside1_last_x128) % MODULUS, held.liquidity, Q128
        )
        return replace(
            held,
            fee_growth_inside0_last_x128=inside0,
            fee_growth_inside1_last_x128=inside1,
            tokens_owed0=(held.tokens_owed0 + fees0) & MAX_UINT128,
            tokens_owed1=(held.tokens_owed1 + fees1) & MAX_UINT128,
        )
