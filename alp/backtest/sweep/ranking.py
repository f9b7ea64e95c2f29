"""Which trials are best: by one objective in order, by several in fronts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from alp.backtest.sweep.objectives import Objective


@dataclass(frozen=True)
class Place:
    """Where a trial stands among all complete ones."""

    rank: int
    """1 is the best; every trial has its own."""
    front: int
    """1 where no trial is better in one objective and as good in all others."""


def rank(
    values: Mapping[int, Sequence[float]], objectives: Sequence[Objective]
) -> dict[int, Place]:
    """Put trials in order: by front, in it by the first objective and so on, then by index.

    Parameters
    ----------
    values
        Index -> objectives of every complete trial.

    Returns
    -------
    dict
        Index -> place, the best first.
    """
    signs = [objective.sign() for objective in objectives]
    costs = {
        index: tuple(sign * value for sign, value in zip(signs, found, strict=True))
        for index, found in values.items()
    }
    fronts = _fronts(costs)
    order = sorted(costs, key=lambda index: (fronts[index], costs[index], index))
    return {index: Place(place, fronts[index]) for place, index in enumerate(order, 1)}


def _fronts(costs: Mapping[int, tuple[float, ...]]) -> dict[int, int]:
    """Find the front of each trial.

    In ascending order nothing can be dominated by what follows it, so each trial belongs to the
    first front without a member that dominates it.
    """
    if all(len(cost) == 1 for cost in costs.values()):
        levels = sorted(set(costs.values()))
        numbers = {cost: number for number, cost in enumerate(levels, 1)}
        return {index: numbers[cost] for index, cost in costs.items()}
    fronts: list[list[tuple[float, ...]]] = []
    found = {}
    for index in sorted(costs, key=lambda each: (costs[each], each)):
        cost = costs[index]
        place = next(
            (
                number
                for number, front in enumerate(fronts)
                if not any(_dominates(member, cost) for member in reversed(front))
            ),
            len(fronts),
        )
        if place == len(fronts):
            fronts.append([])
        fronts[place].append(cost)
        found[index] = place + 1
    return found


def _dominates(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
