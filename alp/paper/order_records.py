"""Orders and fills of all accounts of a simulated venue, as they can be asked for."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from alp.paper.orders import Kind, Order, Report, Trade, Why

REMEMBERED = 200_000
"""Orders that have ended, and trades, that can still be asked for."""


class OrderRecords:
    """What :class:`alp.paper.desk.Desk` remembers and tells.

    Attributes
    ----------
    listeners
        Called with each report.
    trades
        The latest, oldest first.
    """

    def __init__(self, clock_ns: Callable[[], int]) -> None:
        self.listeners: list[Callable[[Report], None]] = []
        self._clock_ns = clock_ns
        self._reports = 0
        self.trades: deque[Trade] = deque(maxlen=REMEMBERED)
        self._resting: dict[tuple[str, int], Order] = {}
        self._orders: dict[int, Order] = {}
        self._ended: deque[int] = deque()
        self._by_client: dict[tuple[str, str], Order] = {}

    @property
    def placed(self) -> int:
        """How many orders are remembered, open ones among them."""
        return len(self._orders)

    def order(
        self, account: str, *, number: int | None = None, client_id: str | None = None
    ) -> Order | None:
        """Return an order of an account, the latest of that client id; None where there is none."""
        if number is not None:
            found = self._orders.get(number)
            return found if found is not None and found.account == account else None
        return self._by_client.get((account, client_id or ""))

    def open_orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return what is open, oldest first."""
        found = [
            each
            for each in self._resting.values()
            if each.account == account and symbol in (None, each.symbol)
        ]
        return sorted(found, key=lambda order: order.number)

    def orders(self, account: str, symbol: str | None = None) -> list[Order]:
        """Return all that is remembered, oldest first."""
        return [
            each
            for each in self._orders.values()
            if each.account == account and symbol in (None, each.symbol)
        ]

    def trades_of(self, account: str, symbol: str | None = None) -> list[Trade]:
        """Return fills, oldest first."""
        return [
            each
            for each in self.trades
            if each.order.account == account and symbol in (None, each.order.symbol)
        ]

    def _remember(self, order: Order) -> None:
        self._orders[order.number] = order
        if order.client_id:
            self._by_client[order.account, order.client_id] = order

    def _rests(self, order: Order) -> bool:
        return self._resting.get((order.symbol, order.place)) is order

    def _forget(self, order: Order) -> None:
        """Let an ended order be history, and the oldest of history be nothing."""
        if self._rests(order):
            del self._resting[order.symbol, order.place]
        self._ended.append(order.number)
        if len(self._ended) > REMEMBERED:
            old = self._orders.pop(self._ended.popleft())
            if self._by_client.get((old.account, old.client_id)) is old:
                del self._by_client[old.account, old.client_id]

    def _tell(
        self,
        kind: Kind,
        order: Order | None,
        *,
        account: str = "",
        trade: Trade | None = None,
        why: Why = Why.NONE,
        quantity: int = 0,
        assets: tuple[str, ...] = (),
        symbols: tuple[str, ...] = (),
    ) -> None:
        self._reports += 1
        owner = order.account if order is not None else account
        now, number = self._clock_ns(), self._reports
        report = Report(kind, owner, now, number, order, trade, why, quantity, assets, symbols)
        for listener in self.listeners:
            listener(report)
