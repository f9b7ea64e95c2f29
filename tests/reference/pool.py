"""UniswapV3Pool after its text, with ghosts.

Ghosts are told apart from the real pool throughout: prices, amounts and oracle come from the real
liquidity alone, and growth is a fee divided by both together. A step's fee is divided at the
ghosts' ticks inside it, in proportion to the input each part takes.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field

from reference.oracle import Oracle
from reference.prices import (
    MAX_SQRT_RATIO,
    MAX_TICK,
    MIN_SQRT_RATIO,
    MIN_TICK,
    amount0_delta,
    amount1_delta,
    compute_swap_step,
    max_liquidity_per_tick,
    signed_delta,
    sqrt_ratio_at_tick,
    tick_at_sqrt_ratio,
)
from reference.words import (
    Q128,
    U128,
    U160,
    U256,
    add_delta,
    int56,
    int256_sum,
    mul_div,
    mul_div_up,
    require,
    to_int128,
    to_int256,
)


@dataclass
class Tick:
    gross: int = 0
    net: int = 0
    growth0: int = 0
    growth1: int = 0
    ticks: int = 0
    per_liquidity: int = 0
    seconds: int = 0
    ghost_gross: int = 0
    ghost_net: int = 0

    @property
    def live(self) -> bool:
        return self.gross > 0 or self.ghost_gross > 0


@dataclass
class Position:
    liquidity: int = 0
    inside0: int = 0
    inside1: int = 0
    owed0: int = 0
    owed1: int = 0
    ghost: bool = False


@dataclass
class Swap:
    """The contract's SwapState."""

    remaining: int
    calculated: int
    price: int
    tick: int
    growth: int
    protocol_fee: int
    liquidity: int
    ghosts: int
    crossed: list[int] = field(default_factory=list)


class ReferencePool:
    def __init__(self, fee: int, tick_spacing: int) -> None:
        self.fee = fee
        self.tick_spacing = tick_spacing
        self.max_liquidity = max_liquidity_per_tick(tick_spacing)
        self.price = self.tick = self.liquidity = self.ghosts = 0
        self.growth0 = self.growth1 = self.protocol0 = self.protocol1 = 0
        self.balance0 = self.balance1 = self.fee_protocol = 0
        self.oracle = Oracle()
        self.ticks: dict[int, Tick] = {}
        self.positions: dict[tuple[int, int, int], Position] = {}

    def __getattribute__(self, name: str) -> object:
        """Make every public operation a transaction."""
        found = object.__getattribute__(self, name)
        if name.startswith("_") or not callable(found):
            return found

        def transaction(*args: object, **kwargs: object) -> object:
            saved = copy.deepcopy(self.__dict__)
            try:
                return found(*args, **kwargs)
            except Exception:
                self.__dict__.update(saved)
                raise

        return transaction

    def initialize(self, price: int, time: int) -> None:
        require(self.price == 0, "AI")
        self.tick = tick_at_sqrt_ratio(price)
        self.price = price
        self.oracle.initialize(time)

    def mint(
        self, owner: int, lower: int, upper: int, amount: int, time: int, ghost: bool = False
    ) -> tuple[int, int]:
        require(self.price != 0, "LOK")
        require(amount > 0)
        amount0, amount1 = self._modify(owner, lower, upper, to_int128(amount), time, ghost)
        if not ghost:
            self.balance0 += amount0
            self.balance1 += amount1
        return amount0, amount1

    def burn(self, owner: int, lower: int, upper: int, amount: int, time: int) -> tuple[int, int]:
        require(self.price != 0, "LOK")
        ghost = self.positions.get((owner, lower, upper), Position()).ghost
        freed = self._modify(owner, lower, upper, -to_int128(amount), time, ghost)
        position = self.positions[owner, lower, upper]
        position.owed0 = position.owed0 - freed[0] & U128
        position.owed1 = position.owed1 - freed[1] & U128
        return -freed[0], -freed[1]

    def collect(
        self, owner: int, lower: int, upper: int, requested0: int, requested1: int
    ) -> tuple[int, int]:
        require(self.price != 0, "LOK")
        position = self.positions.get((owner, lower, upper), Position())
        amount0 = min(requested0, position.owed0)
        amount1 = min(requested1, position.owed1)
        position.owed0 -= amount0
        position.owed1 -= amount1
        if not position.ghost:
            self._pay(amount0, amount1)
        return amount0, amount1

    def swap(self, zero_for_one: bool, amount: int, limit: int, time: int) -> tuple[int, int]:
        require(amount != 0, "AS")
        require(self.price != 0, "LOK")
        if zero_for_one:
            require(MIN_SQRT_RATIO < limit < self.price, "SPL")
        else:
            require(self.price < limit < MAX_SQRT_RATIO, "SPL")
        share = self.fee_protocol % 16 if zero_for_one else self.fee_protocol >> 4
        state = Swap(
            amount,
            0,
            self.price,
            self.tick,
            self.growth0 if zero_for_one else self.growth1,
            0,
            self.liquidity,
            self.ghosts,
        )
        now = self.oracle.observe_single(time, 0, self.tick, self.liquidity)
        while state.remaining != 0 and state.price != limit:
            self._step(state, zero_for_one, amount > 0, limit, share, (*now, time % 2**32))
        if state.tick != self.tick:
            self.oracle.write(time, self.tick, self.liquidity)
        self.price, self.tick = state.price, state.tick
        self.liquidity, self.ghosts = state.liquidity, state.ghosts
        if zero_for_one:
            self.growth0 = state.growth
            self.protocol0 = self.protocol0 + state.protocol_fee & U128
        else:
            self.growth1 = state.growth
            self.protocol1 = self.protocol1 + state.protocol_fee & U128
        amounts = amount - state.remaining, state.calculated
        if zero_for_one != (amount > 0):
            amounts = amounts[::-1]
        self._pay(*(max(-part, 0) for part in amounts))
        self.balance0 += max(amounts[0], 0)
        self.balance1 += max(amounts[1], 0)
        self.crossed = sorted(state.crossed)
        return amounts

    def flash(self, amount0: int, amount1: int, returned0: int, returned1: int) -> tuple[int, int]:
        require(self.price != 0, "LOK")
        require(self.liquidity > 0, "L")
        fee0 = mul_div_up(amount0, self.fee, 10**6)
        fee1 = mul_div_up(amount1, self.fee, 10**6)
        before = self.balance0, self.balance1
        self._pay(amount0, amount1)
        self.balance0 += returned0
        self.balance1 += returned1
        require(before[0] + fee0 <= self.balance0, "F0")
        require(before[1] + fee1 <= self.balance1, "F1")
        paid = self.balance0 - before[0], self.balance1 - before[1]
        share0, share1 = self.fee_protocol % 16, self.fee_protocol >> 4
        kept0 = paid[0] // share0 if share0 else 0
        kept1 = paid[1] // share1 if share1 else 0
        self.protocol0 = self.protocol0 + kept0 & U128
        self.protocol1 = self.protocol1 + kept1 & U128
        active = self.liquidity + self.ghosts
        self.growth0 = self.growth0 + mul_div(paid[0] - kept0, Q128, active) & U256
        self.growth1 = self.growth1 + mul_div(paid[1] - kept1, Q128, active) & U256
        return paid

    def set_fee_protocol(self, share0: int, share1: int) -> None:
        require(self.price != 0, "LOK")
        allowed = (0, *range(4, 11))
        require(share0 in allowed and share1 in allowed)
        self.fee_protocol = share0 + (share1 << 4)

    def collect_protocol(self, requested0: int, requested1: int) -> tuple[int, int]:
        require(self.price != 0, "LOK")
        amount0 = min(requested0, self.protocol0)
        amount1 = min(requested1, self.protocol1)
        amount0 -= amount0 > 0 and amount0 == self.protocol0
        amount1 -= amount1 > 0 and amount1 == self.protocol1
        self.protocol0 -= amount0
        self.protocol1 -= amount1
        self._pay(amount0, amount1)
        return amount0, amount1

    def increase_observation_cardinality_next(self, following: int) -> None:
        require(self.price != 0, "LOK")
        self.oracle.grow(following)

    def observe(self, seconds_agos: list[int], time: int) -> tuple[list[int], list[int]]:
        seen = [
            self.oracle.observe_single(time, ago, self.tick, self.liquidity) for ago in seconds_agos
        ]
        return [ticks for ticks, _ in seen], [seconds for _, seconds in seen]

    def snapshot_cumulatives_inside(
        self, lower: int, upper: int, time: int
    ) -> tuple[int, int, int]:
        self._check_ticks(lower, upper)
        low, high = self.ticks.get(lower, Tick()), self.ticks.get(upper, Tick())
        require(low.gross > 0)
        require(high.gross > 0)
        if self.tick < lower:
            parts = _outside(low), _outside(high)
        elif self.tick >= upper:
            parts = _outside(high), _outside(low)
        else:
            ticks, seconds = self.oracle.observe_single(time, 0, self.tick, self.liquidity)
            parts = (
                (ticks, seconds, time),
                tuple(a + b for a, b in zip(_outside(low), _outside(high), strict=True)),
            )
        ticks, per_liquidity, seconds = (a - b for a, b in zip(*parts, strict=True))
        return int56(ticks), per_liquidity & U160, seconds % 2**32

    def fee_growth_inside(self, lower: int, upper: int) -> tuple[int, int]:
        low, high = self.ticks.get(lower, Tick()), self.ticks.get(upper, Tick())
        inside = []
        for total, below, above in (
            (self.growth0, low.growth0, high.growth0),
            (self.growth1, low.growth1, high.growth1),
        ):
            under = below if self.tick >= lower else total - below
            over = above if self.tick < upper else total - above
            inside.append(total - under - over & U256)
        return inside[0], inside[1]

    def bitmap(self) -> dict[int, int]:
        words: dict[int, int] = {}
        for tick, info in self.ticks.items():
            if info.gross:
                place = tick // self.tick_spacing
                words[place >> 8] = words.get(place >> 8, 0) | 1 << (place & 255)
        return words

    def _pay(self, amount0: int, amount1: int) -> None:
        require(amount0 <= self.balance0 and amount1 <= self.balance1, "TF")
        self.balance0 -= amount0
        self.balance1 -= amount1

    def _check_ticks(self, lower: int, upper: int) -> None:
        require(lower < upper, "TLU")
        require(lower >= MIN_TICK, "TLM")
        require(upper <= MAX_TICK, "TUM")

    def _modify(
        self, owner: int, lower: int, upper: int, delta: int, time: int, ghost: bool
    ) -> tuple[int, int]:
        self._check_ticks(lower, upper)
        position = self.positions.setdefault((owner, lower, upper), Position(ghost=ghost))
        if position.liquidity == position.owed0 == position.owed1 == 0:
            position.ghost = ghost
        if position.ghost != ghost:
            raise ValueError("real and ghost")
        self._update_position(position, lower, upper, delta, time)
        if delta == 0:
            return 0, 0
        low, high = sqrt_ratio_at_tick(lower), sqrt_ratio_at_tick(upper)
        if self.tick < lower:
            return signed_delta(amount0_delta, low, high, delta), 0
        if self.tick >= upper:
            return 0, signed_delta(amount1_delta, low, high, delta)
        if ghost:
            self.ghosts = add_delta(self.ghosts, delta)
        else:
            self.oracle.write(time, self.tick, self.liquidity)
            self.liquidity = add_delta(self.liquidity, delta)
        require(self.liquidity + self.ghosts <= U128, "LA")
        return (
            signed_delta(amount0_delta, self.price, high, delta),
            signed_delta(amount1_delta, low, self.price, delta),
        )

    def _update_position(
        self, position: Position, lower: int, upper: int, delta: int, time: int
    ) -> None:
        flipped = []
        if delta != 0:
            for tick, change in ((lower, delta), (upper, -delta)):
                if self._update_tick(tick, delta, change, time, position.ghost):
                    flipped.append(tick)
            require(all(tick % self.tick_spacing == 0 for tick in flipped))
        inside0, inside1 = type(self).fee_growth_inside(self, lower, upper)
        if delta == 0:
            require(position.liquidity > 0, "NP")
        liquidity = add_delta(position.liquidity, delta)
        for name, last, inside in (
            ("owed0", position.inside0, inside0),
            ("owed1", position.inside1, inside1),
        ):
            earned = mul_div(inside - last & U256, position.liquidity, Q128) & U128
            setattr(position, name, getattr(position, name) + earned & U128)
        position.liquidity, position.inside0, position.inside1 = liquidity, inside0, inside1
        for tick in flipped:
            if not self.ticks[tick].live:
                del self.ticks[tick]

    def _update_tick(self, tick: int, delta: int, change: int, time: int, ghost: bool) -> bool:
        info = self.ticks.setdefault(tick, Tick())
        before = info.ghost_gross if ghost else info.gross
        after = add_delta(before, delta)
        require(after <= self.max_liquidity, "LO")
        if not info.live and tick <= self.tick:
            info.growth0, info.growth1 = self.growth0, self.growth1
            info.ticks, info.per_liquidity = self.oracle.observe_single(
                time, 0, self.tick, self.liquidity
            )
            info.seconds = time % 2**32
        if ghost:
            info.ghost_gross, info.ghost_net = after, to_int128(info.ghost_net + change)
        else:
            info.gross, info.net = after, to_int128(info.net + change)
        return (before == 0) != (after == 0)

    def _next_tick(self, tick: int, lte: bool) -> tuple[int, bool]:
        """TickBitmap.nextInitializedTickWithinOneWord, tick by tick."""
        place = tick // self.tick_spacing + (0 if lte else 1)
        end = place & ~255 if lte else place | 255
        for candidate in range(place, end + (-1 if lte else 1), -1 if lte else 1):
            info = self.ticks.get(candidate * self.tick_spacing)
            if info is not None and info.gross > 0:
                return candidate * self.tick_spacing, True
        return end * self.tick_spacing, False

    def _step(
        self,
        state: Swap,
        zero_for_one: bool,
        exact_in: bool,
        limit: int,
        share: int,
        now: tuple[int, int, int],
    ) -> None:
        tick_next, initialized = self._next_tick(state.tick, zero_for_one)
        tick_next = min(max(tick_next, MIN_TICK), MAX_TICK)
        price_next = sqrt_ratio_at_tick(tick_next)
        target = max(price_next, limit) if zero_for_one else min(price_next, limit)
        reached, amount_in, amount_out, fee = compute_swap_step(
            state.price, target, state.liquidity, state.remaining, self.fee
        )
        if exact_in:
            state.remaining -= to_int256(amount_in + fee)
            state.calculated = int256_sum(state.calculated - to_int256(amount_out))
        else:
            state.remaining += to_int256(amount_out)
            state.calculated = int256_sum(state.calculated + to_int256(amount_in + fee))
        if share:
            state.protocol_fee += fee // share
            fee -= fee // share
        after = state.tick
        if reached == price_next:
            after = tick_next - 1 if zero_for_one else tick_next
        elif reached != state.price:
            after = tick_at_sqrt_ratio(reached)
        boundary = tick_next if reached == price_next and initialized else None
        for tick, part in self._parts(state, after, boundary, zero_for_one, amount_in, fee):
            self._earn(state, part)
            if tick is not None:
                self._cross(state, tick, zero_for_one, now)
        if boundary is not None:
            self._cross(state, boundary, zero_for_one, now)
        state.price, state.tick = reached, after

    def _parts(
        self,
        state: Swap,
        after: int,
        boundary: int | None,
        zero_for_one: bool,
        amount_in: int,
        fee: int,
    ) -> list[tuple[int | None, int]]:
        """The step's fee, up to each ghosts' tick inside it, and the rest."""
        low, high = min(state.tick, after), max(state.tick, after)
        inside = [
            tick
            for tick, info in sorted(self.ticks.items(), reverse=zero_for_one)
            if info.ghost_gross > 0 and low < tick <= high and tick != boundary
        ]
        parts: list[tuple[int | None, int]] = []
        price, rest = state.price, fee
        for tick in inside:
            until = sqrt_ratio_at_tick(tick)
            taken = (amount0_delta if zero_for_one else amount1_delta)(
                price, until, state.liquidity, False
            )
            part = min(mul_div(taken, fee, amount_in), rest) if amount_in else 0
            parts.append((tick, part))
            price, rest = until, rest - part
        return [*parts, (None, rest)]

    def _earn(self, state: Swap, fee: int) -> None:
        if state.liquidity + state.ghosts > 0:
            growth = mul_div(fee, Q128, state.liquidity + state.ghosts)
            state.growth = state.growth + growth & U256

    def _cross(self, state: Swap, tick: int, zero_for_one: bool, now: tuple[int, int, int]) -> None:
        info = self.ticks[tick]
        growth0 = state.growth if zero_for_one else self.growth0
        growth1 = self.growth1 if zero_for_one else state.growth
        info.growth0 = growth0 - info.growth0 & U256
        info.growth1 = growth1 - info.growth1 & U256
        info.ticks = int56(now[0] - info.ticks)
        info.per_liquidity = now[1] - info.per_liquidity & U160
        info.seconds = (now[2] - info.seconds) % 2**32
        sign = -1 if zero_for_one else 1
        state.liquidity = add_delta(state.liquidity, sign * info.net)
        state.ghosts = add_delta(state.ghosts, sign * info.ghost_net)
        if info.gross > 0:
            state.crossed.append(tick)


def _outside(info: Tick) -> tuple[int, int, int]:
    return info.ticks, info.per_liquidity, info.seconds
