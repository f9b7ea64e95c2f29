"""Library Oracle, after its text."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

from reference.words import U160, int56, require


@dataclass(frozen=True)
class Observation:
    timestamp: int = 0
    ticks: int = 0
    seconds: int = 0
    initialized: bool = False


@dataclass
class Oracle:
    slots: list[Observation] = field(default_factory=list)
    index: int = 0
    cardinality: int = 0
    cardinality_next: int = 0

    def initialize(self, time: int) -> None:
        self.slots = [Observation(time % 2**32, 0, 0, True)]
        self.cardinality = self.cardinality_next = 1

    def grow(self, following: int) -> None:
        require(self.cardinality_next > 0, "I")
        while len(self.slots) < following:
            self.slots.append(Observation(timestamp=1))
        self.cardinality_next = max(self.cardinality_next, following)

    def write(self, time: int, tick: int, liquidity: int) -> None:
        time %= 2**32
        last = self.slots[self.index]
        if last.timestamp == time:
            return
        if self.cardinality_next > self.cardinality and self.index == self.cardinality - 1:
            self.cardinality = self.cardinality_next
        self.index = (self.index + 1) % self.cardinality
        self.slots[self.index] = transform(last, time, tick, liquidity)

    def observe_single(
        self, time: int, seconds_ago: int, tick: int, liquidity: int
    ) -> tuple[int, int]:
        require(self.cardinality > 0, "I")
        time %= 2**32
        last = self.slots[self.index]
        if seconds_ago == 0:
            if last.timestamp != time:
                last = transform(last, time, tick, liquidity)
            return last.ticks, last.seconds
        target = (time - seconds_ago) % 2**32
        before, after = self._surrounding(time, target, tick, liquidity)
        if target == before.timestamp:
            return before.ticks, before.seconds
        if target == after.timestamp:
            return after.ticks, after.seconds
        span = (after.timestamp - before.timestamp) % 2**32
        elapsed = (target - before.timestamp) % 2**32
        change = int56(after.ticks - before.ticks)
        rate = abs(change) // span * (1 if change >= 0 else -1)
        seconds = (after.seconds - before.seconds & U160) * elapsed // span
        return (
            int56(before.ticks + int56(rate * elapsed)),
            before.seconds + seconds & U160,
        )

    def _surrounding(
        self, time: int, target: int, tick: int, liquidity: int
    ) -> tuple[Observation, Observation]:
        newest = self.slots[self.index]
        if at_or_before(time, newest.timestamp, target):
            return newest, transform(newest, target, tick, liquidity)
        oldest = self.slots[(self.index + 1) % self.cardinality]
        if not oldest.initialized:
            oldest = self.slots[0]
        require(at_or_before(time, oldest.timestamp, target), "OLD")
        kept = [
            self.slots[(self.index + 1 + step) % self.cardinality]
            for step in range(self.cardinality)
        ]
        kept = [seen for seen in kept if seen.initialized]
        for before, after in pairwise(kept):
            if at_or_before(time, before.timestamp, target) and at_or_before(
                time, target, after.timestamp
            ):
                return before, after
        raise AssertionError("the oldest is old enough and the newest is not")


def transform(last: Observation, time: int, tick: int, liquidity: int) -> Observation:
    delta = (time - last.timestamp) % 2**32
    return replace(
        last,
        timestamp=time,
        ticks=int56(last.ticks + tick * delta),
        seconds=last.seconds + (delta << 128) // max(liquidity, 1) & U160,
        initialized=True,
    )


def at_or_before(time: int, a: int, b: int) -> bool:
    if a <= time and b <= time:
        return a <= b
    return (a if a > time else a + 2**32) <= (b if b > time else b + 2**32)
