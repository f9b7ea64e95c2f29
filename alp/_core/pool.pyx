"""The Uniswap V3 pool as a Python class: integers in, integers out, ``Revert`` as on chain.

Every method is the contract function of that name (in snake case) called by its rightful caller,
who pays exactly what is due, at block time ``timestamp``. After a ``Revert`` the pool is what it
was. Addresses are integers; amounts, prices and growths are the contract's integers.
"""

from typing import NamedTuple

from alp._core.oracle cimport Observation, oracle_grow, oracle_observe
from alp._core.pool_state cimport oracle_divisor
from alp._core.positions cimport Position, position_find
from alp._core.reverts cimport (
    REVERT_EMPTY,
    REVERT_LOK,
    REVERT_T,
    raise_revert,
)
from alp._core.tick_table cimport TickInfo, tick_find, tick_is_live
from alp._core.tickmath cimport MAX_TICK, MIN_TICK
from alp._core.uint256 cimport (
    c_int,
    c_u64,
    i128,
    i128_from_int,
    i128_to_int,
    i256_from_int,
    i256_to_int,
    u32,
    u64,
    u128,
    u128_from_int,
    u128_to_int,
    u160_from_int,
    u256,
    u256_from_int,
    u256_from_limbs,
    u256_to_int,
)


class TickState(NamedTuple):
    """Fields of one tick, as the contract's ``ticks(tick)``, and the ghost liquidity at it."""

    tick: int
    liquidity_gross: int
    liquidity_net: int
    fee_growth_outside0_x128: int
    fee_growth_outside1_x128: int
    tick_cumulative_outside: int
    seconds_per_liquidity_outside_x128: int
    seconds_outside: int
    initialized: bool
    ghost_gross: int
    ghost_net: int


class PositionState(NamedTuple):
    """Fields of one position, as the contract's ``positions(key)``, and whether it is a ghost."""

    owner: int
    tick_lower: int
    tick_upper: int
    liquidity: int
    fee_growth_inside0_last_x128: int
    fee_growth_inside1_last_x128: int
    tokens_owed0: int
    tokens_owed1: int
    ghost: bool


class Observed(NamedTuple):
    """One observation of the oracle."""

    block_timestamp: int
    tick_cumulative: int
    seconds_per_liquidity_cumulative_x128: int
    initialized: bool


class Quote(NamedTuple):
    """What a swap would do."""

    amount0: int
    amount1: int
    sqrt_price_x96: int
    tick: int
    ticks_crossed: int


cdef object tick_state(const TickInfo* info):
    cdef bint live = tick_is_live(info)
    return TickState(
        info.tick,
        u128_to_int(info.liquidity_gross),
        i128_to_int(info.liquidity_net),
        u256_to_int(info.fee_growth_outside0_x128),
        u256_to_int(info.fee_growth_outside1_x128),
        info.tick_cumulative_outside,
        u256_to_int(info.seconds_per_liquidity_outside_x128),
        info.seconds_outside,
        live and info.liquidity_gross != 0,
        u128_to_int(info.ghost_gross),
        i128_to_int(info.ghost_net),
    )


cdef object position_state(const Position* position):
    return PositionState(
        u256_to_int(position.owner),
        position.tick_lower,
        position.tick_upper,
        u128_to_int(position.liquidity),
        u256_to_int(position.fee_growth_inside0_last_x128),
        u256_to_int(position.fee_growth_inside1_last_x128),
        u128_to_int(position.tokens_owed0),
        u128_to_int(position.tokens_owed1),
        bool(position.ghost),
    )


cdef class Pool:
    """One pool.

    Parameters
    ----------
    fee
        Fee in hundredths of a basis point (500 is 5 bps), 0 .. 999999.
    tick_spacing
        Spacing of usable ticks, 1 .. 16383.
    """

    def __cinit__(self, fee: int, tick_spacing: int):
        fee, tick_spacing = c_int(fee), c_int(tick_spacing)
        if not 0 <= fee < 1_000_000:
            raise ValueError(f"fee must be in 0..999999 (hundredths of a basis point), not {fee}")
        if not 0 < tick_spacing < 16384:
            raise ValueError(f"tick spacing must be in 1..16383, not {tick_spacing}")
        self.state = pool_state_create(fee, tick_spacing)
        if self.state == NULL:
            raise MemoryError

    def __dealloc__(self):
        pool_state_free(self.state)

    def copy(self) -> Pool:
        """An independent pool in the same state."""
        cdef Pool other = Pool.__new__(Pool, self.state.fee, self.state.tick_spacing)
        cdef PoolState* state = pool_state_copy(self.state)
        if state == NULL:
            raise MemoryError
        pool_state_free(other.state)
        other.state = state
        return other

    def restore(self, Pool saved not None) -> None:
        """Become what ``saved`` is, as when a transaction reverts."""
        cdef PoolState* state = pool_state_copy(saved.state)
        if state == NULL:
            raise MemoryError
        pool_state_free(self.state)
        self.state = state

    def initialize(self, sqrt_price_x96: int, timestamp: int) -> None:
        """Set the first price. Reverts: AI, R."""
        raise_revert(pool_initialize(self.state, u160_from_int(sqrt_price_x96), c_u64(timestamp)))

    def mint(
        self,
        owner: int,
        tick_lower: int,
        tick_upper: int,
        amount: int,
        timestamp: int,
        ghost: bool = False,
    ) -> tuple[int, int]:
        """Add liquidity; returns the amounts of token0 and token1 it costs.

        With ``ghost`` the liquidity earns its share of fees and moves no price, and its amounts
        stay out of the pool's balances (not of the contract; for overlay back-tests).
        Reverts: LOK, TLU, TLM, TUM, LO, LA, and "" for no amount, too much, or a tick off spacing.
        """
        cdef u256 amount0, amount1
        raise_revert(
            pool_mint(
                self.state, u160_from_int(owner), c_int(tick_lower), c_int(tick_upper), u128_from_int(amount),
                c_u64(timestamp), ghost, &amount0, &amount1,
            )
        )
        return u256_to_int(amount0), u256_to_int(amount1)

    def burn(
        self, owner: int, tick_lower: int, tick_upper: int, amount: int, timestamp: int
    ) -> tuple[int, int]:
        """Remove liquidity and book its tokens to the position; 0 only books fees.

        Reverts: LOK, TLU, TLM, TUM, LS, NP.
        """
        cdef u256 amount0, amount1
        raise_revert(
            pool_burn(
                self.state, u160_from_int(owner), c_int(tick_lower), c_int(tick_upper), u128_from_int(amount),
                c_u64(timestamp), &amount0, &amount1,
            )
        )
        return u256_to_int(amount0), u256_to_int(amount1)

    def collect(
        self,
        owner: int,
        tick_lower: int,
        tick_upper: int,
        amount0_requested: int,
        amount1_requested: int,
    ) -> tuple[int, int]:
        """Pay out what is booked to a position, at most what is requested. Reverts: LOK, TF."""
        cdef u128 amount0, amount1
        raise_revert(
            pool_collect(
                self.state, u160_from_int(owner), c_int(tick_lower), c_int(tick_upper),
                u128_from_int(amount0_requested), u128_from_int(amount1_requested),
                &amount0, &amount1,
            )
        )
        return u128_to_int(amount0), u128_to_int(amount1)

    def swap(
        self,
        zero_for_one: bool,
        amount_specified: int,
        sqrt_price_limit_x96: int,
        timestamp: int,
    ) -> tuple[int, int]:
        """Swap; returns (amount0, amount1), what the pool receives positive, what it pays negative.

        A positive ``amount_specified`` is an exact input, a negative one an exact output.
        Reverts: AS, LOK, SPL, TF, and "" where the contract's checked arithmetic does.
        """
        cdef SwapResult result
        raise_revert(
            pool_swap(
                self.state, zero_for_one, i256_from_int(amount_specified),
                u160_from_int(sqrt_price_limit_x96), c_u64(timestamp), &result,
            )
        )
        return i256_to_int(result.amount0), i256_to_int(result.amount1)

    def quote(
        self, zero_for_one: bool, amount_specified: int, sqrt_price_limit_x96: int
    ) -> Quote:
        """What ``swap`` would do, changing nothing. Reverts as ``swap``, except TF."""
        cdef SwapResult result
        raise_revert(
            pool_quote(
                self.state, zero_for_one, i256_from_int(amount_specified),
                u160_from_int(sqrt_price_limit_x96), &result,
            )
        )
        return Quote(
            i256_to_int(result.amount0),
            i256_to_int(result.amount1),
            u256_to_int(result.sqrt_price_x96),
            result.tick,
            result.ticks_crossed,
        )

    def flash(self, amount0: int, amount1: int, paid0: int, paid1: int) -> tuple[int, int]:
        """Lend ``amount0/1``, take back ``paid0/1``; returns what was paid above the loan.

        Reverts: LOK, L, TF, F0, F1, and "" where the fee growth does not fit.
        """
        cdef u256 above0, above1
        raise_revert(
            pool_flash(
                self.state, u256_from_int(amount0), u256_from_int(amount1),
                u256_from_int(paid0), u256_from_int(paid1), &above0, &above1,
            )
        )
        return u256_to_int(above0), u256_to_int(above1)

    def set_fee_protocol(self, fee_protocol0: int, fee_protocol1: int) -> None:
        """The protocol's part of each token's fee, 1/n for n in 4..10, or 0. Reverts: LOK, ""."""
        if not (0 <= fee_protocol0 < 256 and 0 <= fee_protocol1 < 256):
            raise_revert(REVERT_EMPTY)
        raise_revert(pool_set_fee_protocol(self.state, c_int(fee_protocol0), c_int(fee_protocol1)))

    def collect_protocol(self, amount0_requested: int, amount1_requested: int) -> tuple[int, int]:
        """Pay the protocol's fees out; the last wei of each token stays. Reverts: LOK, TF."""
        cdef u128 amount0, amount1
        raise_revert(
            pool_collect_protocol(
                self.state, u128_from_int(amount0_requested), u128_from_int(amount1_requested),
                &amount0, &amount1,
            )
        )
        return u128_to_int(amount0), u128_to_int(amount1)

    def increase_observation_cardinality_next(self, observation_cardinality_next: int) -> None:
        """Make room for more observations, at most 65535. Reverts: LOK."""
        if not 0 <= observation_cardinality_next <= 65535:
            raise OverflowError("observation cardinality does not fit 16 bits")
        if not self.state.unlocked:
            raise_revert(REVERT_LOK)
        raise_revert(oracle_grow(&self.state.oracle, c_int(observation_cardinality_next)))

    def observe(self, seconds_agos: list[int], timestamp: int) -> tuple[list[int], list[int]]:
        """Cumulative tick and seconds per liquidity at past times. Reverts: I, OLD."""
        cdef Observation seen
        ticks = []
        seconds = []
        for seconds_ago in seconds_agos:
            raise_revert(
                oracle_observe(
                    &self.state.oracle, <u32>c_u64(timestamp), <u32>c_u64(seconds_ago),
                    self.state.tick,
                    oracle_divisor(self.state), &seen,
                )
            )
            ticks.append(seen.tick_cumulative)
            seconds.append(u256_to_int(seen.seconds_per_liquidity_cumulative_x128))
        return ticks, seconds

    def snapshot_cumulatives_inside(
        self, tick_lower: int, tick_upper: int, timestamp: int
    ) -> tuple[int, int, int]:
        """Tick cumulative, seconds per liquidity and seconds inside a range.

        Reverts: TLU, TLM, TUM, and "" where a tick is not initialised.
        """
        cdef RangeCumulatives result
        raise_revert(
            pool_cumulatives_inside(
                self.state, c_int(tick_lower), c_int(tick_upper), c_u64(timestamp), &result
            )
        )
        return (
            result.tick_cumulative,
            u256_to_int(result.seconds_per_liquidity_x128),
            result.seconds,
        )

    def set_price(
        self,
        sqrt_price_x96: int,
        tick: int,
        liquidity: int | None = None,
        timestamp: int | None = None,
    ) -> None:
        """Put the pool at a recorded price, tick and active real liquidity (not of the contract).

        Ticks between are crossed, so that fees inside ranges stay right, and ghosts change with
        them. A ``tick`` that cannot hold the price (recorded prices may be rounded) gives way to
        the one that does. ``liquidity`` None keeps the present one. With ``timestamp`` the oracle
        is written as a swap would. Balances are unknown from here on and no longer checked.
        Reverts: LOK, R.
        """
        cdef u128 real = real_liquidity(self.state)
        if liquidity is not None:
            real = u128_from_int(liquidity)
        raise_revert(
            pool_resync(
                self.state, u160_from_int(sqrt_price_x96), c_int(tick), real,
                c_u64(timestamp or 0),
            )
        )

    def load_liquidity(self, ticks) -> None:
        """Seed an initialised pool from a snapshot (not of the contract).

        Parameters
        ----------
        ticks
            Rows ``(tick, liquidity_net)`` or ``(tick, liquidity_net, liquidity_gross)``. Where the
            gross liquidity is not known, the magnitude of the net stands in. The active liquidity
            becomes the sum of the nets at or below the pool's tick; balances are unknown from here
            on and no longer checked.

        Raises
        ------
        Revert
            LOK; LS or LA where the nets do not add up to a possible liquidity.
        ValueError
            A tick is off spacing or out of range, given twice, or without liquidity.
        """
        if not self.state.unlocked:
            raise_revert(REVERT_LOK)
        active = self.real_liquidity
        for row in ticks:
            tick, net = row[0], row[1]
            gross = row[2] if len(row) > 2 else abs(net)
            if pool_load_tick(self.state, c_int(tick), i128_from_int(net), u128_from_int(gross)) != 0:
                raise ValueError(
                    f"tick {tick}: off spacing, out of range, given twice, or without liquidity"
                )
            if tick <= self.state.tick:
                active += net
        if active < 0:
            raise ValueError(f"the nets at or below the price add up to {active}, below zero")
        self.set_price(self.sqrt_price_x96, self.tick, active)

    def fee_growth_inside(self, tick_lower: int, tick_upper: int) -> tuple[int, int]:
        """Fee growth of both tokens inside a range, modulo 2**256 (Tick.getFeeGrowthInside)."""
        cdef u256 inside0, inside1
        pool_fee_growth_inside(
            self.state, c_int(tick_lower), c_int(tick_upper), &inside0, &inside1
        )
        return u256_to_int(inside0), u256_to_int(inside1)

    def position_fees(self, owner: int, tick_lower: int, tick_upper: int) -> tuple[int, int]:
        """What a poke and a full collect would pay now, changing nothing."""
        cdef u128 fees0, fees1
        pool_position_fees(
            self.state, u160_from_int(owner), c_int(tick_lower), c_int(tick_upper), &fees0, &fees1
        )
        return u128_to_int(fees0), u128_to_int(fees1)

    def burn_amounts(
        self,
        tick_lower: int,
        tick_upper: int,
        liquidity: int,
        sqrt_price_x96: int | None = None,
    ) -> tuple[int, int]:
        """What burning the liquidity would pay, at the pool's price or another. Reverts: T."""
        cdef u256 amount0, amount1
        cdef u256 price = self.state.sqrt_price_x96
        if sqrt_price_x96 is not None:
            price = u160_from_int(sqrt_price_x96)
        if not (MIN_TICK <= tick_lower <= MAX_TICK and MIN_TICK <= tick_upper <= MAX_TICK):
            raise_revert(REVERT_T)
        burn_amounts_at(
            price, c_int(tick_lower), c_int(tick_upper), u128_from_int(liquidity),
            &amount0, &amount1,
        )
        return u256_to_int(amount0), u256_to_int(amount1)

    def tick_info(self, tick: int) -> TickState:
        """Fields of one tick; zeros where it is not initialised."""
        cdef const TickInfo* info = tick_find(&self.state.ticks, c_int(tick))
        if info == NULL:
            return TickState(tick, 0, 0, 0, 0, 0, 0, 0, False, 0, 0)
        return tick_state(info)

    def ticks(self) -> list[TickState]:
        """All ticks that hold liquidity, real or ghost, ascending."""
        cdef u32 i
        cdef const TickInfo* info
        found = []
        for i in range(self.state.ticks.mask + 1):
            info = &self.state.ticks.slots[i]
            if info.used and tick_is_live(info):
                found.append(tick_state(info))
        return sorted(found)

    def position(self, owner: int, tick_lower: int, tick_upper: int) -> PositionState:
        """Fields of one position; zeros where there is none."""
        cdef const Position* position = position_find(
            &self.state.positions, u160_from_int(owner), c_int(tick_lower), c_int(tick_upper)
        )
        if position == NULL:
            return PositionState(owner, tick_lower, tick_upper, 0, 0, 0, 0, 0, False)
        return position_state(position)

    def positions(self) -> list[PositionState]:
        """All positions ever minted, ordered by owner and range."""
        cdef u64 i
        found = []
        for i in range(self.state.positions.mask + 1):
            if self.state.positions.slots[i].used:
                found.append(position_state(&self.state.positions.slots[i]))
        return sorted(found)

    def bitmap(self) -> dict[int, int]:
        """Words of the tick bitmap that are not empty, by their position."""
        cdef int i
        cdef const u64* limbs
        words = {}
        for i in range(self.state.bitmap.word_count):
            limbs = &self.state.bitmap.words[4 * i]
            if limbs[0] | limbs[1] | limbs[2] | limbs[3]:
                words[self.state.bitmap.first_word + i] = u256_to_int(
                    u256_from_limbs(limbs[0], limbs[1], limbs[2], limbs[3])
                )
        return words

    def observation(self, index: int) -> Observed:
        """One slot of the oracle's ring; zeros beyond what was ever made room for."""
        cdef const Observation* seen
        if not 0 <= index < self.state.oracle.capacity:
            return Observed(0, 0, 0, False)
        seen = &self.state.oracle.slots[index]
        return Observed(
            seen.block_timestamp,
            seen.tick_cumulative,
            u256_to_int(seen.seconds_per_liquidity_cumulative_x128),
            bool(seen.initialized),
        )

    @property
    def crossed_ticks(self) -> list[int]:
        """Initialised ticks the last swap or quote crossed, ascending; empty after a mint or burn."""
        cdef int i
        found = []
        for i in range(self.state.crossed):
            if self.state.crossings[i].tick.liquidity_gross != 0:
                found.append(self.state.crossings[i].tick.tick)
        return sorted(found)

    @property
    def fee(self) -> int:
        return self.state.fee

    @property
    def tick_spacing(self) -> int:
        return self.state.tick_spacing

    @property
    def max_liquidity_per_tick(self) -> int:
        return u128_to_int(self.state.max_liquidity_per_tick)

    @property
    def initialized(self) -> bool:
        return bool(self.state.unlocked)

    @property
    def sqrt_price_x96(self) -> int:
        return u256_to_int(self.state.sqrt_price_x96)

    @property
    def tick(self) -> int:
        return self.state.tick

    @property
    def liquidity(self) -> int:
        """All active liquidity, ghosts included; the contract's where there are none."""
        return u128_to_int(self.state.liquidity)

    @property
    def ghost_liquidity(self) -> int:
        return u128_to_int(self.state.ghost_liquidity)

    @property
    def real_liquidity(self) -> int:
        """The contract's ``liquidity``."""
        return u128_to_int(real_liquidity(self.state))

    @property
    def fee_growth_global0_x128(self) -> int:
        return u256_to_int(self.state.fee_growth_global0_x128)

    @property
    def fee_growth_global1_x128(self) -> int:
        return u256_to_int(self.state.fee_growth_global1_x128)

    @property
    def protocol_fees0(self) -> int:
        return u128_to_int(self.state.protocol_fees0)

    @property
    def protocol_fees1(self) -> int:
        return u128_to_int(self.state.protocol_fees1)

    @property
    def fee_protocol(self) -> int:
        """Low nibble token0, high nibble token1."""
        return self.state.fee_protocol

    @property
    def balances_known(self) -> bool:
        """False in a replica, whose balances stand still and are not checked."""
        return bool(self.state.balances_known)

    @property
    def balance0(self) -> int:
        return u256_to_int(self.state.balance0)

    @property
    def balance1(self) -> int:
        return u256_to_int(self.state.balance1)

    @property
    def observation_index(self) -> int:
        return self.state.oracle.index

    @property
    def observation_cardinality(self) -> int:
        return self.state.oracle.cardinality

    @property
    def observation_cardinality_next(self) -> int:
        return self.state.oracle.cardinality_next
