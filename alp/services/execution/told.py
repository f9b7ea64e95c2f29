"""Which trades a process has told, so that it tells each once and its fee when that is known."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice


class Told:
    """Remembers trades by order, the newest ones of orders that nobody keeps any more.

    Venues list trades again long after their orders were forgotten, and those of orders that the
    journal lost; a reader that is told one again knows it by its ids.

    Parameters
    ----------
    most
        So many trades are remembered of orders that are not kept.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._trades: dict[str, dict[str, bool]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def is_news(self, client_id: str, trade_id: str, *, has_fee: bool) -> bool:
        """Whether a trade was not told before; now it is, with its fee or without."""
        trades = self._trades.setdefault(client_id, {})
        is_news = trade_id not in trades
        trades[trade_id] = trades.get(trade_id, False) or has_fee
        self._count += is_news
        return is_news

    def lacks_fee(self, client_id: str, trade_id: str) -> bool:
        """Whether a trade was told without its fee."""
        return not self._trades.get(client_id, {}).get(trade_id, True)

    def trim(self, is_kept: Callable[[str], bool]) -> None:
        """Forget the oldest trades beyond those that are remembered, but none of kept orders."""
        spare = self._count - self._most
        gone: list[tuple[str, str]] = []
        for client_id, trades in self._trades.items():
            if len(gone) >= spare:
                break
            if not is_kept(client_id):
                gone += [(client_id, each) for each in islice(trades, spare - len(gone))]
        for client_id, trade_id in gone:
            trades = self._trades[client_id]
            del trades[trade_id]
            if not trades:
                del self._trades[client_id]
        self._count -= len(gone)
