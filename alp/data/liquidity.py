"""Liquidity by tick: buckets of known active liquidity, and what is added at each boundary."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from alp.data.files import Notes
from alp.data.schema import LIQUIDITY, MAX_TICK, MIN_TICK, Array, limbs


class Bucket(NamedTuple):
    """Active liquidity while the tick is in ``[tick_lower, tick_upper)``; None if unknown.

    Without observations it is not what a swap reported but solved from what swaps paid out.
    """

    tick_lower: int
    tick_upper: int
    liquidity: int | None
    observations: int


def net_rows(net: dict[int, int]) -> Array:
    """Return changes of active liquidity by tick as a ``LIQUIDITY`` array, zeros left out."""
    ticks = [tick for tick in sorted(net) if net[tick]]
    array = np.zeros(len(ticks), LIQUIDITY)
    array["tick"] = ticks
    array["liquidity_net"] = limbs((net[tick] for tick in ticks), 2)
    return array


def bucket_rows(buckets: Sequence[Bucket], notes: Notes) -> Array:
    """Return the net liquidity at each boundary of `buckets`.

    What the buckets do not say is filled in the same way every time and noted: an empty bucket
    gets the smaller of its two known neighbours (so the change sits on the far side of it), and
    the outermost known liquidity goes on to the ends of the tick range.
    """
    known = [bucket for bucket in buckets if bucket.liquidity is not None]
    net: dict[int, int] = {}
    previous = known[0]
    net[MIN_TICK] = previous.liquidity or 0
    for bucket in known[1:]:
        change = (bucket.liquidity or 0) - (previous.liquidity or 0)
        boundary = bucket.tick_lower if change > 0 else previous.tick_upper
        net[boundary] = net.get(boundary, 0) + change
        previous = bucket
    net[MAX_TICK] = -(previous.liquidity or 0)
    solved = sum(bucket.liquidity is not None and not bucket.observations for bucket in buckets)
    if solved:
        notes.add(
            f"{solved} of {len(buckets)} buckets, in which no swap ended, are solved from what the "
            "swaps that crossed them paid out"
        )
    unknown = sum(bucket.liquidity is None for bucket in buckets)
    if unknown:
        notes.add(
            f"{unknown} of {len(buckets)} buckets are unknown: taken as the smaller of the known "
            "neighbours"
        )
    notes.add(
        f"known from tick {known[0].tick_lower} to {known[-1].tick_upper}; the outermost "
        "liquidity is taken to go on beyond"
    )
    return net_rows(net)
