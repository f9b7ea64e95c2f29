"""How Kraken spot counts commands: per pair, dearer the younger the order is.

Source: docs.kraken.com, "Trading rate limits". The counter of a pair falls all the time and must
not pass a threshold; both follow from how well the account is verified.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from alp.venues.order_facts import SECOND
from alp.venues.orders import Action, Command

ADD = 1
AMEND = 1
_AMEND_PENALTY = ((5, 3), (10, 2), (15, 1))
_CANCEL = ((5, 8), (10, 6), (15, 5), (45, 4), (90, 2), (300, 1))


@dataclass(frozen=True, slots=True)
class Tier:
    """What an account may do.

    Attributes
    ----------
    decay_per_1000_s
        How much the counter of a pair falls in so long.
    """

    threshold: int
    decay_per_1000_s: int
    open_orders: int

    @property
    def per_10s(self) -> int:
        """What can be kept up for ever, in whole counts."""
        return self.decay_per_1000_s // 100


TIERS = {
    "starter": Tier(60, 1000, 60),
    "intermediate": Tier(125, 2340, 80),
    "pro": Tier(180, 3750, 225),
}


def cost(action: Action, age_ns: int) -> int:
    """Return by how much one command raises the counter of its pair.

    Parameters
    ----------
    age_ns
        Of the order; of a new one it does not matter.
    """
    if action is Action.NEW:
        return ADD
    if action is Action.AMEND:
        return AMEND + _penalty(_AMEND_PENALTY, age_ns)
    return _penalty(_CANCEL, age_ns)


def batch_cost(commands: Sequence[Command], now_ns: int) -> int:
    """Return what the commands of one call cost; new orders together cost half of them, rounded up.

    An order of unknown age counts as new.
    """
    if commands[0].action is Action.NEW:
        return ADD if len(commands) == 1 else (len(commands) + 1) // 2
    return sum(cost(each.action, now_ns - (each.sent_ns or now_ns)) for each in commands)


def _penalty(table: tuple[tuple[int, int], ...], age_ns: int) -> int:
    return next((points for seconds, points in table if age_ns < seconds * SECOND), 0)
