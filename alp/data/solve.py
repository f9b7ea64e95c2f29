"""Liquidity of buckets in which no swap ended, out of the amounts of swaps that crossed them.

Over each step of its path a swap pays out liquidity times the step's length in sqrt price (token1)
or inverse sqrt price (token0), rounded down (SqrtPriceMath.getAmount0Delta, getAmount1Delta). If
the path crosses one run of unknown buckets, all other steps are known, and the rest of what was
paid out tells of the run: a swap down tells one sum over its buckets, a swap up another. One bucket
follows from either, in a token of 18 decimals usually to the last unit. Several in a row are taken
as two liquidities, one for each half, which both sums decide: not what was there, but swaps that
cross the run cannot tell it apart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

from alp.data.bars import sqrt_ratio
from alp.data.derive import Changes, derive_liquidity
from alp.data.liquidity import Bucket
from alp.data.schema import Array, EventKind, signed_list, unsigned_list

_U128 = 1 << 128
_WORD = 256
# Whether the edges of a run end a step depends on what is looked for; each may round once.
_ROUNDINGS = 2
_CROSSINGS = 8
_NEAR = 1000


class _Step(NamedTuple):
    """Part of a swap's path in an unknown bucket: where, what changed, and its sqrt prices."""

    tick: int
    change: int
    low: int
    high: int


class _Crossing(NamedTuple):
    """A swap across a run: its steps there, and what it paid out on them."""

    down: bool
    steps: tuple[_Step, ...]
    paid_out: int

    def total(self, lower: int, upper: int, split: int) -> int:
        """Return what would be paid out with these liquidities below and above tick `split`."""
        return sum(
            _paid_out(
                max(0, (lower if step.tick < split else upper) + step.change),
                step.low,
                step.high,
                down=self.down,
            )
            for step in self.steps
        )


@dataclass
class _Run:
    """Unknown buckets in a row, and swaps that crossed all of them."""

    lower: int
    upper: int
    crossings: dict[bool, list[_Crossing]] = field(default_factory=lambda: {True: [], False: []})

    def add(self, crossing: _Crossing) -> None:
        known = self.crossings[crossing.down]
        if len(known) < _CROSSINGS:
            known.append(crossing)

    def liquidity(self, spacing: int) -> tuple[int, int, int] | None:
        """Return (tick, liquidity below it, liquidity from it on), or None if nobody crossed."""
        downs, ups = self.crossings[True], self.crossings[False]
        buckets = (self.upper - self.lower) // spacing
        if buckets > 1 and downs and ups:
            split = self.lower + buckets // 2 * spacing
            return split, *_two_halves(downs[0], ups[0], split)
        low, high = min(
            (_interval(each) for each in (downs, ups) if each),
            key=lambda interval: interval[1] - interval[0],
            default=(0, 0),
        )
        return (self.lower, *((low + high - 1) // 2,) * 2) if low < high else None


@dataclass
class _Profile:
    """Opening liquidity by bucket, and what changed since."""

    spacing: int
    opening: dict[int, int | None]
    changes: Changes = field(default_factory=Changes)

    def at(self, tick: int) -> tuple[int | None, int]:
        """Return opening liquidity at a tick, and the change since."""
        return self.opening.get(tick - tick % self.spacing), self.changes.at(tick)

    def boundaries(self, low: int, high: int, *, down: bool) -> list[int]:
        """Return the ticks above `low`, up to `high`, at which a swap's step ends.

        A step ends at a tick with net liquidity, and at the end of a word of the tick bitmap.
        """
        return [
            tick
            for tick in range(low - low % self.spacing + self.spacing, high + 1, self.spacing)
            if self._is_edge(tick) or tick // self.spacing % _WORD == (0 if down else _WORD - 1)
        ]

    def _is_edge(self, tick: int) -> bool:
        below, above = self.opening.get(tick - self.spacing), self.opening.get(tick)
        if below is None or above is None:
            return True
        return above - below + self.changes.net.get(tick, 0) != 0


def open_liquidity(events: Callable[[], Iterable[Array]], tick_spacing: int) -> list[Bucket]:
    """Return the liquidity before some events: derived, and solved where no swap ended.

    Parameters
    ----------
    events
        Gives the events from the beginning each time it is called.

    Raises
    ------
    DataError
        If swaps contradict each other, or there are none.
    """
    buckets = derive_liquidity(events(), tick_spacing)
    if all(bucket.liquidity is not None for bucket in buckets):
        return buckets
    return solve_unknown(buckets, events(), tick_spacing)


def solve_unknown(
    buckets: Sequence[Bucket], events: Iterable[Array], tick_spacing: int
) -> list[Bucket]:
    """Return the buckets with unknown liquidity solved where the events allow it.

    Parameters
    ----------
    buckets
        As :func:`~alp.data.derive.derive_liquidity` returns them.
    events
        The same events, as ``POOL_EVENT`` arrays in order.
    """
    runs = _unknown_runs(buckets)
    profile = _Profile(tick_spacing, {each.tick_lower: each.liquidity for each in buckets})
    before: tuple[int, int] | None = None
    for batch in events:
        for kind, tick, lower, upper, amount, price, amount0, amount1 in zip(
            *(batch[name].tolist() for name in ("kind", "tick", "tick_lower", "tick_upper")),
            *(unsigned_list(batch[name]) for name in ("liquidity", "sqrt_price_x96")),
            *(signed_list(batch[name]) for name in ("amount0", "amount1")),
            strict=True,
        ):
            if kind == EventKind.MINT:
                profile.changes.add(lower, upper, amount)
            elif kind == EventKind.BURN:
                profile.changes.add(lower, upper, -amount)
            elif kind == EventKind.SWAP:
                if before is not None:
                    low, high = sorted((before[1], tick))
                    crossed = [run for run in runs if low < run.lower and run.upper <= high]
                    if len(crossed) == 1:
                        paid = -amount1 if price < before[0] else -amount0
                        crossed[0].add(_crossing(profile, before, (price, tick), paid))
                before = (price, tick)
    return _solved(buckets, runs, tick_spacing)


def _unknown_runs(buckets: Sequence[Bucket]) -> list[_Run]:
    runs: list[_Run] = []
    for bucket in buckets:
        if bucket.liquidity is not None:
            continue
        if runs and runs[-1].upper == bucket.tick_lower:
            runs[-1].upper = bucket.tick_upper
        else:
            runs.append(_Run(bucket.tick_lower, bucket.tick_upper))
    return runs


def _crossing(
    profile: _Profile, before: tuple[int, int], after: tuple[int, int], paid_out: int
) -> _Crossing:
    """Return the steps of a swap in unknown buckets, and what it paid out less the known steps."""
    down = after[0] < before[0]
    (low_price, low_tick), (high_price, high_tick) = (after, before) if down else (before, after)
    ticks = profile.boundaries(low_tick, high_tick, down=down)
    prices = [low_price, *(sqrt_ratio(tick) for tick in ticks), high_price]
    steps: list[_Step] = []
    for tick, (start, end) in zip([low_tick, *ticks], pairwise(prices), strict=True):
        opening, change = profile.at(tick)
        if opening is None:
            steps.append(_Step(tick, change, start, end))
        else:
            paid_out -= _paid_out(opening + change, start, end, down=down)
    return _Crossing(down, tuple(steps), paid_out)


def _paid_out(liquidity: int, low: int, high: int, *, down: bool) -> int:
    if down:
        return liquidity * (high - low) >> 96
    return (liquidity << 96) * (high - low) // high // low


def _interval(crossings: list[_Crossing]) -> tuple[int, int]:
    """Return the liquidities, from the first below the second, that all crossings allow."""
    lowest, highest = 0, _U128
    for crossing in crossings:

        def total(liquidity: int, crossing: _Crossing = crossing) -> int:
            return crossing.total(liquidity, liquidity, 0) - crossing.paid_out

        low = _first(lambda liquidity: total(liquidity) >= -_ROUNDINGS)
        high = _first(lambda liquidity: total(liquidity) > _ROUNDINGS)
        # Several buckets need not add up to any one liquidity.
        lowest, highest = max(lowest, low), min(highest, max(high, low + 1))
    return lowest, highest


def _two_halves(down: _Crossing, up: _Crossing, split: int) -> tuple[int, int]:
    """Return the liquidities below and above `split` with which both swaps pay what they paid."""
    fine, coarse = (down, up) if down.paid_out > up.paid_out else (up, down)

    def above(below: int) -> int:
        return _first(lambda upper: fine.total(below, upper, split) >= fine.paid_out)

    most = _first(lambda lower: fine.total(lower, 0, split) >= fine.paid_out)
    # Below, a unit of sqrt price holds more token0 and less token1 than above the split.
    sign = -1 if coarse.down else 1

    def missing(below: int) -> int:
        return sign * (coarse.total(below, above(below), split) - coarse.paid_out)

    low = _first(lambda below: missing(below) >= 0, most)
    high = _first(lambda below: missing(below) > 0, most)
    middle = (low + max(high, low + 1) - 1) // 2
    # One unit of liquidity is more than one unit of the fine token: look for a pair that fits both.
    near = (middle + offset for offset in range(min(_NEAR, max(1, high - middle))))
    for below in near:
        if fine.total(below, above(below), split) == fine.paid_out:
            return below, above(below)
    return middle, above(middle)


def _first(holds: Callable[[int], bool], high: int = _U128) -> int:
    """Return the first of 0 to `high` for which a condition holds that goes on holding above it."""
    low = 0
    while low < high:
        middle = (low + high) // 2
        if holds(middle):
            high = middle
        else:
            low = middle + 1
    return low


def _solved(buckets: Sequence[Bucket], runs: list[_Run], spacing: int) -> list[Bucket]:
    known: dict[int, int] = {}
    for run in runs:
        found = run.liquidity(spacing)
        if found is not None:
            split, below, above = found
            for tick in range(run.lower, run.upper, spacing):
                known[tick] = below if tick < split else above
    return [
        bucket._replace(liquidity=known.get(bucket.tick_lower, bucket.liquidity))
        for bucket in buckets
    ]
