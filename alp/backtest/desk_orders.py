"""Orders that make a desk's wish come true at one product of a replayed market.

What rests is led to the wish by the difference that is also used live, from what is known here. A
side of which the venue refused an order rests for a while, as live.
"""

from __future__ import annotations

from dataclasses import dataclass

from alp._core.ladder import AmendBits, Crossing, Ladder, LadderError, LadderOptions
from alp._core.ladder import QuoteFields as Quote
from alp._core.ladder import RestingFields as Resting
from alp._core.tick_replay import AmendRule, OrderPhase, TickReplay
from alp.models.desk import DeskInstrument, Wish
from alp.venues.orders import Action

NEVER_NS = (1 << 63) - 1
FIRST_REST_NS, LONGEST_REST_NS = 200_000_000, 10_000_000_000
UNBOUNDED = 1 << 40
_AMENDS = {
    AmendRule.NONE: AmendBits(),
    AmendRule.AS_NEW: AmendBits(price=True, more=True, less=True),
    AmendRule.KEEPS: AmendBits(price=True, more=True, less=True, keeps_place=True),
}


@dataclass(slots=True)
class _Sent:
    """What was asked of an order: prices it may rest at, and whether we wanted it to end."""

    low: int
    high: int
    canceled: bool = False
    known: bool = False


@dataclass(slots=True)
class _Side:
    """How long a side rests after a refusal."""

    until_ns: int = 0
    next_ns: int = FIRST_REST_NS

    def refused(self, now_ns: int) -> None:
        self.until_ns = now_ns + self.next_ns
        self.next_ns = min(2 * self.next_ns, LONGEST_REST_NS)

    def taken(self) -> None:
        self.until_ns, self.next_ns = 0, FIRST_REST_NS


@dataclass(slots=True)
class OrderCounts:
    """What was sent, and what came of it."""

    new: int = 0
    amends: int = 0
    cancels: int = 0
    refused: int = 0
    """By the venue: they would have taken."""
    impossible: int = 0
    """Wishes that nobody can want: buys that meet sells."""


class DeskOrders:
    """The orders of one product.

    Parameters
    ----------
    replay
        Its market.
    most_lots
        Most that may be held either way if everything that is open is filled; None: no limit.
    """

    def __init__(
        self,
        instrument: DeskInstrument,
        replay: TickReplay,
        amends: AmendRule,
        most_lots: int | None = None,
    ) -> None:
        self.instrument = instrument
        self.counts = OrderCounts()
        self._replay = replay
        self._most_lots = most_lots
        self._ladder = Ladder(LadderOptions(_AMENDS[amends], Crossing.CLAMP))
        self._sent: dict[int, _Sent] = {}
        self._sides = {True: _Side(), False: _Side()}
        self._wish: Wish | None = None
        self._wakes_ns = NEVER_NS

    @property
    def wakes_ns(self) -> int:
        """When to look again although nothing happened: a wish ends, or a side rested."""
        return self._wakes_ns

    @property
    def rooms(self) -> tuple[int, int]:
        """Lots that may be open, buys and sells."""
        if self._most_lots is None:
            return UNBOUNDED, UNBOUNDED
        held = self._replay.position
        return max(0, self._most_lots - held), max(0, self._most_lots + held)

    def want(self, wish: Wish) -> None:
        """Take over what shall rest."""
        self._wish = wish

    def heard(self, now_ns: int) -> None:
        """Take in what became of the orders: answers came."""
        for order in self._replay.orders():
            sent = self._sent[order.place]
            if order.phase is OrderPhase.ENDED:
                if order.left and not sent.canceled:
                    self.counts.refused += 1
                    self._sides[order.bid].refused(now_ns)
                del self._sent[order.place]
            elif order.phase is OrderPhase.LIVE:
                if not sent.known:
                    sent.known = True
                    self._sides[order.bid].taken()
                if not order.amending:
                    sent.low = sent.high = order.price
        self._replay.sweep()

    def lead(self, now_ns: int, *, fresh: bool) -> None:
        """Send what leads from what rests to the wish.

        Parameters
        ----------
        fresh
            Whether the book is known; without one nothing shall rest.
        """
        quotes = self._quotes(now_ns) if fresh else []
        resting, places = self._resting()
        self._wakes_ns = self._next_ns(now_ns)
        if not quotes and not resting:
            return
        touch = self._replay.touch
        bid, ask = (touch[0], touch[2]) if touch else (0, 0)
        buys, sells = self.rooms
        try:
            answer = self._ladder.diff(
                quotes, resting, bid=bid, ask=ask, room_buy=buys, room_sell=sells
            )
        except LadderError:
            self.counts.impossible += 1
            answer = self._ladder.diff([], resting, bid=bid, ask=ask)
        for change in answer.changes:
            if change.action == Action.NEW:
                self._new(change.side > 0, change.price, change.quantity)
                continue
            assert isinstance(change.order, int)
            self._change(places[change.order], change.action, change.price, change.quantity)

    def _new(self, bid: bool, price: int, lots: int) -> None:
        number = 0 if self._wish is None else self._wish.number
        place = self._replay.send(bid, price, lots, number)
        self._sent[place] = _Sent(price, price)
        self.counts.new += 1

    def _change(self, place: int, action: int, price: int, lots: int) -> None:
        sent = self._sent[place]
        if action == Action.CANCEL:
            self._replay.cancel(place)
            sent.canceled = True
            self.counts.cancels += 1
            return
        self._replay.amend(place, price, lots)
        sent.low, sent.high = min(sent.low, price), max(sent.high, price)
        self.counts.amends += 1

    def _resting(self) -> tuple[list[Resting], list[int]]:
        rows, places = [], []
        for order in self._replay.orders():
            sent = self._sent[order.place]
            blocked = order.canceling or order.amending > 0 or order.phase is OrderPhase.SENT
            rows.append(
                Resting(
                    1 if order.bid else -1,
                    order.price,
                    order.left,
                    order.lots - order.left,
                    blocked=blocked,
                    low=sent.low,
                    high=sent.high,
                )
            )
            places.append(order.place)
        return rows, places

    def _quotes(self, now_ns: int) -> list[Quote]:
        """Return what shall rest now: within the venue's sizes; a side that rests has nothing."""
        wish = self._wish
        if wish is None or wish.until_ns <= now_ns:
            return []
        found = []
        for side, levels in ((1, wish.bids), (-1, wish.asks)):
            if self._sides[side > 0].until_ns > now_ns:
                continue
            for price, lots in levels:
                fitting = self._fitting(lots)
                if fitting:
                    found.append(Quote(side, price, fitting))
        return found

    def _fitting(self, lots: int) -> int:
        """Return the order's size that the venue takes; 0 where there is none."""
        own = self.instrument
        lots = min(lots, own.max_lots) // own.lot_step * own.lot_step
        return lots if lots >= own.min_lots else 0

    def _next_ns(self, now_ns: int) -> int:
        times = [side.until_ns for side in self._sides.values()]
        if self._wish is not None:
            times.append(self._wish.until_ns)
        return min((each for each in times if each > now_ns), default=NEVER_NS)
