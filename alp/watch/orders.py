"""The orders of a running system: what is open, what ended lately, and the latest trades."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from alp._core.order_life import OrderState
from alp._core.wire import ExecutionReportMessage

MOST_OPEN = 2_000
MOST_ENDED = 200
MOST_TRADES = 200
ENDED = frozenset({OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED})


@dataclass
class Order:
    """One order, in ticks and lots.

    Attributes
    ----------
    part
        The handler that owns it.
    first_ns, heard_ns
        When it was heard of first, and last.
    from_start
        Whether it was heard of from its beginning, so that its age is known.
    """

    client_id: str
    part: str
    instrument: int
    side: int
    price: int
    quantity: int
    filled: int
    state: str
    first_ns: int
    heard_ns: int
    from_start: bool

    @property
    def open_quantity(self) -> int:
        """What may still trade."""
        return max(self.quantity - self.filled, 0)


@dataclass
class Orders:
    """Orders by client id, as reports and lists tell of them; bounded, whatever comes."""

    open: dict[str, Order] = field(default_factory=dict)
    ended: deque[Order] = field(default_factory=lambda: deque(maxlen=MOST_ENDED))
    trades: deque[tuple[str, ExecutionReportMessage]] = field(
        default_factory=lambda: deque(maxlen=MOST_TRADES)
    )

    def reported(self, part: str, said: ExecutionReportMessage, now_ns: int) -> None:
        """Take what a handler says became of an order."""
        if said.last_quantity and not self._is_told(said):
            self.trades.append((part, said))
        if not said.state:
            return  # a trade of an order that nobody knows any more
        state = OrderState(said.state)
        known = self.open.get(said.client_id)
        if known is None:
            if any(each.client_id == said.client_id for each in self.ended):
                return  # told again after its end
            known = Order(
                said.client_id,
                part,
                said.header.instrument,
                said.side,
                said.price,
                said.quantity,
                said.filled,
                state.name,
                now_ns,
                now_ns,
                from_start=state in (OrderState.PENDING_NEW, OrderState.ACKED),
            )
            self._keep(known)
        known.price, known.quantity, known.filled = said.price, said.quantity, said.filled
        known.state, known.heard_ns = state.name, now_ns
        if state in ENDED:
            self._end(known)

    def listed(
        self, part: str, rows: Iterable[Mapping[str, Any]], asked_ns: int, now_ns: int
    ) -> None:
        """Take a handler's list of what may be open.

        What was heard since the list was asked for is newer than the list.

        Parameters
        ----------
        asked_ns
            When it was asked for.
        """
        found = set()
        for row in rows:
            found.add(row["client_id"])
            known = self.open.get(row["client_id"])
            if known is None:
                if any(
                    each.client_id == row["client_id"] and each.heard_ns >= asked_ns
                    for each in self.ended
                ):
                    continue
                known = Order(
                    row["client_id"],
                    part,
                    int(row.get("instrument", 0)),
                    int(row["side"]),
                    int(row["price"]),
                    int(row["quantity"]),
                    int(row["filled"]),
                    str(row["state"]),
                    now_ns,
                    now_ns,
                    from_start=False,
                )
                self._keep(known)
            elif known.heard_ns < asked_ns:
                known.price, known.quantity = int(row["price"]), int(row["quantity"])
                known.filled, known.state = int(row["filled"]), str(row["state"])
        for known in list(self.open.values()):
            if known.part == part and known.client_id not in found and known.heard_ns < asked_ns:
                known.state = "ended"
                self._end(known)

    def of(self, instrument: int) -> list[Order]:
        """Return what is open in a product, the best price of each side first."""
        found = [each for each in self.open.values() if each.instrument == instrument]
        return sorted(found, key=lambda each: (-each.side, -each.side * each.price))

    def _keep(self, order: Order) -> None:
        while len(self.open) >= MOST_OPEN:
            del self.open[next(iter(self.open))]
        self.open[order.client_id] = order

    def _end(self, order: Order) -> None:
        self.open.pop(order.client_id, None)
        self.ended.append(order)

    def _is_told(self, said: ExecutionReportMessage) -> bool:
        return any(
            (said.client_id, said.trade_id) == (each.client_id, each.trade_id)
            for _, each in self.trades
        )
