"""Pool events built from columns of integers, for the formats that are not decoded in bulk."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from alp.data.schema import POOL_EVENT, Array, EventKind, limbs


@dataclass
class EventColumns:
    """Events to be, one list of integers for each field, and the row each came from."""

    row: list[int] = field(default_factory=list)
    ts_ns: list[int] = field(default_factory=list)
    block: list[int] = field(default_factory=list)
    log_index: list[int] = field(default_factory=list)
    kind: list[int] = field(default_factory=list)
    owner: list[int] = field(default_factory=list)
    tick: list[int] = field(default_factory=list)
    tick_lower: list[int] = field(default_factory=list)
    tick_upper: list[int] = field(default_factory=list)
    amount0: list[int] = field(default_factory=list)
    amount1: list[int] = field(default_factory=list)
    sqrt_price_x96: list[int] = field(default_factory=list)
    liquidity: list[int] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.ts_ns)

    def add(
        self,
        row: int,
        kind: EventKind,
        place: tuple[int, int, int],
        amounts: tuple[int, int, int],
        *,
        owner: int = 0,
        ticks: tuple[int, int] = (0, 0),
        price: tuple[int, int] = (0, 0),
    ) -> None:
        """Add an event.

        Parameters
        ----------
        place
            Time in ns, block and log index.
        amounts
            amount0, amount1 and liquidity.
        ticks
            Lower and upper tick of a Mint, Burn or Collect.
        price
            sqrtPriceX96 and tick after a Swap.
        """
        self.row.append(row)
        self.kind.append(kind)
        self.ts_ns.append(place[0])
        self.block.append(place[1])
        self.log_index.append(place[2])
        self.amount0.append(amounts[0])
        self.amount1.append(amounts[1])
        self.liquidity.append(amounts[2])
        self.owner.append(owner)
        self.tick_lower.append(ticks[0])
        self.tick_upper.append(ticks[1])
        self.sqrt_price_x96.append(price[0])
        self.tick.append(price[1])

    def array(self) -> Array:
        """Return the events as a ``POOL_EVENT`` array."""
        array = np.zeros(len(self), POOL_EVENT)
        for name in ("ts_ns", "block", "log_index", "kind", "tick", "tick_lower", "tick_upper"):
            array[name] = getattr(self, name)
        array["owner"] = np.array(self.owner, np.uint64)
        for name, width in (("amount0", 4), ("amount1", 4), ("sqrt_price_x96", 4)):
            array[name] = limbs(getattr(self, name), width)
        array["liquidity"] = limbs(self.liquidity, 2)
        return array
