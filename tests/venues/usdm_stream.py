"""A stream of Binance USD-M that needs no server: ``snapshot()``, then ``message()``.

``book`` is what a reader must have.
"""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from alp.paper.binance.public import depth_update
from alp.paper.binance.public import snapshot as written
from alp.paper.generator import Wander, grown


class UsdmStream:
    """Endless messages of one Binance USD-M product.

    Parameters
    ----------
    symbol
        ``ETHUSDC``.
    changes
        Most level changes in a message.
    """

    def __init__(
        self, symbol: str = "ETHUSDC", seed: int = 1, *, changes: int = 12, levels: int = 500
    ) -> None:
        self.symbol = symbol
        self.book = grown(seed, levels=levels)
        self.last_id = 1_000_000
        self._random = Random(seed + 1)
        self._wander = Wander(self.book, seed + 2, most_levels=2 * levels)
        self._most = changes
        self._at_ms = 1_790_000_000_000

    def snapshot(self, limit: int = 1000) -> bytes:
        """Return the book as the venue's REST answers it."""
        return written(self.book, self.last_id, self._at_ms, limit)

    def message(self, *, wrapped: bool = True) -> bytes:
        """Return the next difference."""
        first = self.last_id + self._random.randint(1, 60)
        changes = self._wander.changes(self._random.randint(1, self._most))
        previous, self.last_id = self.last_id, first + len(changes)
        self._at_ms += 100
        data = depth_update(
            self.symbol, self.book, changes, self._at_ms, first, self.last_id, previous
        )
        if not wrapped:
            return data
        return b'{"stream":"%b@depth@100ms","data":%b}' % (self.symbol.lower().encode(), data)

    def messages(self, count: int) -> Iterator[bytes]:
        """Return so many differences."""
        return (self.message() for _ in range(count))
