"""Random histories of a pool, run on the compiled engine and on its plain-Python twin."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st
from reference.pool import ReferencePool
from reference.prices import MAX_SQRT_RATIO, MIN_SQRT_RATIO, sqrt_ratio_at_tick

from alp._core.errors import Revert
from alp._core.pool import Pool

Operation = tuple[str, tuple[Any, ...]]

OWNERS = st.integers(1, 3)


def amounts(bits: int) -> st.SearchStrategy[int]:
    """Integers spread evenly over their lengths in bits, and those next to a power of two."""
    lengths = st.integers(1, bits)
    return lengths.flatmap(
        lambda length: st.one_of(
            st.integers(2 ** (length - 1), 2**length - 1),
            st.sampled_from([2 ** (length - 1), 2**length - 1]),
        )
    )


@st.composite
def histories(
    draw: st.DrawFn, spacing: int, ghosts: bool = False, length: int = 25
) -> list[Operation]:
    """A first price, then operations whose ranges overlap and whose swaps cross them."""
    centre = draw(st.integers(-800000 // spacing, 800000 // spacing)) * spacing
    ticks = st.integers(-12, 12).map(lambda step: centre + step * spacing)
    odd_ticks = st.one_of(ticks, st.sampled_from([-887272, 887272, centre + 1, -887220, 887220]))
    liquidity = amounts(100)
    prices = st.one_of(
        ticks.map(sqrt_ratio_at_tick),
        st.integers(-40, 40).map(
            lambda step: (
                sqrt_ratio_at_tick(min(max(centre + step * spacing // 3, -887270), 887270)) + step
            )
        ),
        st.sampled_from([MIN_SQRT_RATIO + 1, MAX_SQRT_RATIO - 1, MIN_SQRT_RATIO, 0]),
    )
    start = draw(st.integers(-3 * spacing, 3 * spacing)) + centre
    kind = st.booleans() if ghosts else st.just(False)
    minting = st.tuples(OWNERS, ticks, ticks, liquidity, kind).map(_ordered)
    operations: list[Operation] = [("initialize", (sqrt_ratio_at_tick(start) + 1,))]
    wide = (1, centre - 12 * spacing, centre + 12 * spacing, draw(amounts(90)), False)
    operations += [("mint", wide), *(("mint", draw(minting)) for _ in range(3))]
    swap = st.tuples(
        st.just("swap"),
        st.tuples(st.booleans(), st.one_of(amounts(110), amounts(110).map(lambda x: -x)), prices),
    )
    drift = st.tuples(st.just("drift"), st.tuples(st.booleans(), amounts(90), st.booleans()))
    touch = st.tuples(st.just("touch"), st.tuples(st.integers(-14, 14), amounts(120)))
    choices = st.one_of(
        touch,
        touch,
        drift,
        swap,
        st.tuples(st.just("mint"), minting),
        st.tuples(st.just("mint"), st.tuples(OWNERS, odd_ticks, odd_ticks, liquidity, kind)),
        st.tuples(
            st.just("burn"),
            st.tuples(OWNERS, ticks, ticks, st.one_of(st.just(0), liquidity)).map(_ordered),
        ),
        st.tuples(st.just("burn_part"), st.tuples(st.integers(0, 50), st.integers(0, 4))),
        st.tuples(st.just("collect_part"), st.tuples(st.integers(0, 50), amounts(128))),
        st.tuples(st.just("flash"), st.tuples(amounts(60), amounts(60), amounts(70), amounts(70))),
        st.tuples(
            st.just("set_fee_protocol"), st.tuples(st.sampled_from([0, 3, 4, 10]), st.just(5))
        ),
        st.tuples(st.just("collect_protocol"), st.tuples(amounts(60), amounts(60))),
        st.tuples(st.just("increase_observation_cardinality_next"), st.tuples(st.integers(0, 9))),
        st.tuples(st.just("observe"), st.tuples(st.lists(st.integers(0, 400), max_size=3))),
        st.tuples(st.just("snapshot_cumulatives_inside"), st.tuples(ticks, ticks).map(_pair)),
        st.tuples(st.just("wait"), st.tuples(st.integers(0, 300))),
    )
    return operations + draw(st.lists(choices, min_size=8, max_size=length))


def _ordered(arguments: tuple[Any, ...]) -> tuple[Any, ...]:
    owner, lower, upper, *rest = arguments
    return (owner, min(lower, upper), max(lower, upper), *rest)


def _pair(ticks: tuple[int, int]) -> tuple[int, int]:
    return min(ticks), max(ticks)


class Twins:
    """The engine and its twin, side by side in time."""

    TIMED = frozenset({"initialize", "mint", "burn", "swap", "observe"})
    TIMED |= {"snapshot_cumulatives_inside"}

    def __init__(self, fee: int, spacing: int) -> None:
        self.pool = Pool(fee, spacing)
        self.twin = ReferencePool(fee, spacing)
        self.time = 2**32 - 2000  # so that long histories wrap the contract's clock

    def do(self, operation: Operation) -> None:
        """Do one operation on both, and hold their answers and states to each other."""
        name, arguments = operation
        if name == "wait":
            self.time += arguments[0]
            return
        name, arguments = self._concrete(name, arguments)
        left = self._call(self.pool, name, arguments)
        right = self._call(self.twin, name, arguments)
        assert left == right, f"{name}{arguments}: engine {left}, twin {right}"
        assert engine_state(self.pool) == twin_state(self.twin), f"after {name}{arguments}"
        if name == "swap" and isinstance(left, tuple):
            assert self.pool.crossed_ticks == self.twin.crossed

    def _concrete(self, name: str, arguments: tuple[Any, ...]) -> Operation:
        """Replace choices that need the present state by the call they stand for."""
        if name in ("burn_part", "collect_part"):
            held = sorted(self.twin.positions)
            if not held:
                return "collect", (1, 0, 60, 1, 1)
            key = held[arguments[0] % len(held)]
            if name == "burn_part":
                return "burn", (*key, self.twin.positions[key].liquidity * arguments[1] // 4)
            return "collect", (*key, arguments[1], arguments[1])
        if name == "touch":  # swap up to a tick some spacings away
            steps, amount = arguments
            spacing = self.twin.tick_spacing
            tick = min(max((self.twin.tick // spacing + steps) * spacing, -887270), 887270)
            limit = sqrt_ratio_at_tick(tick)
            return "swap", (limit < self.twin.price, amount, limit)
        if name == "drift":
            zero_for_one, amount, exact_in = arguments
            limit = MIN_SQRT_RATIO + 1 if zero_for_one else MAX_SQRT_RATIO - 1
            return "swap", (zero_for_one, amount if exact_in else -amount, limit)
        return name, arguments

    def _call(self, side: Any, name: str, arguments: tuple[Any, ...]) -> Any:
        if name in self.TIMED:
            place = 4 if name == "mint" else len(arguments)
            arguments = (*arguments[:place], self.time, *arguments[place:])
        try:
            return getattr(side, name)(*arguments)
        except Revert as revert:
            return f"revert {revert.reason!r}"
        except ValueError:
            return "refused"


def engine_state(pool: Pool) -> dict[str, Any]:
    """Everything observable of the engine."""
    return {
        "price": pool.sqrt_price_x96,
        "tick": pool.tick,
        "liquidity": (pool.real_liquidity, pool.ghost_liquidity, pool.liquidity),
        "growth": (pool.fee_growth_global0_x128, pool.fee_growth_global1_x128),
        "protocol": (pool.protocol_fees0, pool.protocol_fees1, pool.fee_protocol),
        "balances": (pool.balance0, pool.balance1),
        "oracle": [
            pool.observation_index,
            pool.observation_cardinality,
            *[tuple(pool.observation(index)) for index in range(pool.observation_cardinality_next)],
        ],
        "ticks": {tick.tick: tuple(tick[1:8]) + tuple(tick[9:]) for tick in pool.ticks()},
        "bitmap": pool.bitmap(),
        "positions": {tuple(position[:3]): tuple(position[3:]) for position in pool.positions()},
    }


def twin_state(twin: ReferencePool) -> dict[str, Any]:
    """The same of the twin."""
    oracle = twin.oracle
    return {
        "price": twin.price,
        "tick": twin.tick,
        "liquidity": (twin.liquidity, twin.ghosts, twin.liquidity + twin.ghosts),
        "growth": (twin.growth0, twin.growth1),
        "protocol": (twin.protocol0, twin.protocol1, twin.fee_protocol),
        "balances": (twin.balance0, twin.balance1),
        "oracle": [
            oracle.index,
            oracle.cardinality,
            *[
                (seen.timestamp, seen.ticks, seen.seconds, seen.initialized)
                for seen in oracle.slots
            ],
        ],
        "ticks": {
            tick: (
                info.gross,
                info.net,
                info.growth0,
                info.growth1,
                info.ticks,
                info.per_liquidity,
                info.seconds,
                info.ghost_gross,
                info.ghost_net,
            )
            for tick, info in twin.ticks.items()
        },
        "bitmap": twin.bitmap(),
        "positions": {
            key: (
                position.liquidity,
                position.inside0,
                position.inside1,
                position.owed0,
                position.owed1,
                position.ghost,
            )
            for key, position in twin.positions.items()
        },
    }
