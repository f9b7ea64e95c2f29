"""Trying again: when it is time to, and how long to wait: longer each time, never in step."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

SECOND = 10**9


@dataclass
class Backoff:
    """Exponential waits with full jitter, and a floor so that nothing is hammered.

    Parameters
    ----------
    random
        Seeded by whoever makes it.
    first_ns, most_ns
        The first wait is at most `first_ns`, none is above `most_ns`.
    """

    random: Random
    first_ns: int = SECOND // 2
    most_ns: int = 30 * SECOND
    floor_ns: int = SECOND // 20
    attempts: int = field(default=0, init=False)

    def next_ns(self, asked_ns: int = 0) -> int:
        """Return how long to wait now; at least what a venue asked for."""
        ceiling = min(self.first_ns << min(self.attempts, 32), self.most_ns)
        self.attempts += 1
        drawn = int(self.random.random() * ceiling)
        return max(drawn, min(self.floor_ns, self.most_ns), asked_ns)

    def reset(self) -> None:
        """Begin again: it worked."""
        self.attempts = 0
