"""A backtest on levels and trades written to be read: dictionaries, lists, one moment at a time."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from alp._core.matching import QueueModel, ahead_share
from alp._core.tape import LOTS_SHIFT, TapeBit
from alp._core.tick_replay import AmendRule, FillCause

UNIT = 4096  # of a lot


@dataclass(eq=False)
class PlainOrder:
    """An order: what the exchange knows, and what is known here."""

    place: int
    bid: bool
    price: int
    lots: int
    tag: int
    post_only: bool
    rests: bool
    # at the exchange
    waits: bool = False
    total: int = 0
    left: int = 0
    limit: int = 0
    ahead: int = 0
    joined: int = 0
    traded: int = 0
    entered_ns: int = 0
    # here
    known_left: int = 0
    phase: int = 1
    canceling: bool = False
    amending: int = 0

    @property
    def view(self) -> tuple[Any, ...]:
        return (
            self.tag,
            self.bid,
            self.price,
            self.lots,
            self.known_left,
            self.phase,
            self.canceling,
            self.amending,
        )


Event = tuple[str, PlainOrder, tuple[Any, ...]]


@dataclass
class PlainTick:
    """Rows are ``(exchange_ns, local_ns, price, size)``, removals and latencies as recorded."""

    rows: list[tuple[int, int, int, int]]
    model: QueueModel
    exponent: int = 2
    latency: list[tuple[int, int, int]] = field(default_factory=lambda: [(0, 0, 0)])
    removals: list[tuple[int, int, int, int]] = field(default_factory=list)
    amends: AmendRule = AmendRule.KEEPS
    whole: bool = False

    def __post_init__(self) -> None:
        self.now = min(self.rows[0][:2])
        self.venue_ns = self.now - 1
        self.there: dict[bool, dict[int, int]] = {True: {}, False: {}}
        self.taken: dict[bool, dict[int, int]] = {True: {}, False: {}}
        self.here: dict[bool, dict[int, int]] = {True: {}, False: {}}
        self.orders: list[PlainOrder] = []
        self.queue: list[PlainOrder] = []
        self.requests: list[tuple[int, str, PlainOrder, int, int]] = []
        self.answers: list[tuple[int, int, Event]] = []
        self.fills: list[tuple[int, ...]] = []
        self.position = self.cash = self.learned = 0

    def latency_at(self, ns: int) -> tuple[int, int, int]:
        return [each for each in self.latency if each[0] <= ns or each is self.latency[0]][-1]

    # what is decided here

    def send(
        self, bid: bool, price: int, lots: int, tag: int, post_only: bool, rests: bool
    ) -> None:
        order = PlainOrder(-1, bid, price, lots, tag, post_only, rests, known_left=lots)
        self.orders.append(order)
        self.request("new", order, price, lots)

    def amend(self, order: PlainOrder, price: int, lots: int) -> None:
        order.amending += 1
        self.request("amend", order, price, lots)

    def cancel(self, order: PlainOrder) -> None:
        order.canceling = True
        self.request("cancel", order, order.price, order.lots)

    def request(self, what: str, order: PlainOrder, price: int, lots: int) -> None:
        at = self.now + self.latency_at(self.now)[1]
        at = max([at, *(each[0] for each in self.requests)])
        self.requests.append((at, what, order, price, lots))

    def sweep(self) -> None:
        self.orders = [order for order in self.orders if order.phase != 3]

    # time

    def advance(self, until: int) -> bool:
        if all(row[0] <= self.now and row[1] <= self.now for row in self.rows):
            return False
        self.arrive(self.venue_ns)  # what was sent with no latency at all
        while self.venue_ns < until:
            self.venue_ns += 1
            self.moment(self.venue_ns)
        while self.learned < len(self.rows) and self.rows[self.learned][1] <= until:
            self.learn(self.rows[self.learned])
            self.learned += 1
        while self.answers and self.answers[0][0] <= until:
            at, venue_ns, event = self.answers.pop(0)
            self.hear(at, venue_ns, event)
        self.now = until
        return True

    def moment(self, now: int) -> None:
        """Everything at the exchange at one moment."""
        for exchange_ns, entered_ns, price, size in self.removals:
            if exchange_ns == now:
                self.removal(bool(size & TapeBit.BID), price, size >> LOTS_SHIFT, entered_ns)
        for exchange_ns, _, price, size in self.rows:
            if exchange_ns == now and size & TapeBit.EXCHANGE:
                bid, lots = bool(size & TapeBit.BID), size >> LOTS_SHIFT
                if size & TapeBit.LEVEL:
                    self.level(bid, price, lots)
                elif size & TapeBit.TRADE:
                    self.trade(bid, price, lots)
                else:
                    self.there = {True: {}, False: {}}
                    self.taken = {True: {}, False: {}}
        self.arrive(now)

    def arrive(self, now: int) -> None:
        while self.requests and self.requests[0][0] <= now:
            _, what, order, price, lots = self.requests.pop(0)
            if what == "cancel":
                self.say("canceled" if order.waits else "not found", order, (order.left,))
                self.drop(order)
            elif what == "amend":
                self.amended(order, price, lots)
            elif order.post_only and self.meets(order.bid, price):
                self.say("refused", order, ())
            else:
                order.total, order.left, order.limit = lots, lots, price
                self.settle(order, False)

    # the exchange

    def say(self, what: str, order: PlainOrder, facts: tuple[Any, ...]) -> None:
        at = self.venue_ns + self.latency_at(self.venue_ns)[2]
        at = max([at, *(each[0] for each in self.answers)])
        self.answers.append((at, self.venue_ns, (what, order, facts)))

    def drop(self, order: PlainOrder) -> None:
        order.waits = False
        self.queue = [each for each in self.queue if each is not order]

    def ours(self, bid: bool) -> list[PlainOrder]:
        mine = [each for each in self.queue if each.bid == bid]
        return sorted(mine, key=lambda each: -each.limit if bid else each.limit)

    def reached(self, bid: bool, price: int, limit: int) -> bool:
        """Whether an order of a side with a limit meets the other side's price."""
        return price <= limit if bid else price >= limit

    def visible(self, bid: bool, limit: int) -> dict[int, int]:
        """What an order can take, by price, best first."""
        side = self.there[not bid]
        prices = sorted(side, reverse=not bid)
        free = {price: side[price] - self.taken[not bid].get(price, 0) for price in prices}
        return {
            price: lots
            for price, lots in free.items()
            if lots > 0 and self.reached(bid, price, limit)
        }

    def meets(self, bid: bool, limit: int) -> bool:
        return bool(self.visible(bid, limit))

    def fill(self, order: PlainOrder, price: int, lots: int, ahead: int, cause: FillCause) -> None:
        order.left -= lots
        joined = 0 if cause == FillCause.TAKEN else order.joined
        self.say("filled", order, (price, lots, order.left, ahead, joined, cause))
        if order.left == 0:
            self.drop(order)

    def settle(self, order: PlainOrder, amended: bool) -> None:
        for price, lots in self.visible(order.bid, order.limit).items():
            part = min(lots, order.left)
            if part:
                taken = self.taken[not order.bid]
                taken[price] = taken.get(price, 0) + part
                self.fill(order, price, part, 0, FillCause.TAKEN)
        if not order.left:
            return
        if not order.rests:
            self.say("expired", order, ())
            return
        visible = self.there[order.bid].get(order.limit, 0)
        visible -= self.taken[order.bid].get(order.limit, 0)
        order.ahead, order.joined, order.traded = visible * UNIT, visible, 0
        order.entered_ns, order.waits = self.venue_ns, True
        self.queue.append(order)
        if not amended:
            self.say("acked", order, ())

    def amended(self, order: PlainOrder, price: int, lots: int) -> None:
        left = lots - (order.total - order.left)
        if not order.waits:
            self.say("not found", order, ())
        elif left <= 0 or (
            order.post_only and price != order.limit and self.meets(order.bid, price)
        ):
            self.say("canceled", order, ())
            self.drop(order)
        else:
            self.say("amended", order, (price, lots, left))
            smaller = price == order.limit and left <= order.left
            order.total, order.left, order.limit = lots, left, price
            if self.amends != AmendRule.KEEPS or not smaller:
                self.drop(order)
                self.settle(order, True)

    def level(self, bid: bool, price: int, lots: int) -> None:
        before = self.there[bid].pop(price, 0)
        if lots:
            self.there[bid][price] = lots
        self.taken[bid].pop(price, None)
        for order in self.ours(bid):
            if order.limit == price:
                self.requeue(order, before, lots)
        for order in self.ours(not bid):
            if not lots or not self.reached(not bid, price, order.limit):
                continue
            part = order.left if self.whole else min(order.left, lots)
            if part:
                if not self.whole:
                    lots -= part
                    self.taken[bid][price] = self.taken[bid].get(price, 0) + part
                self.fill(order, order.limit, part, order.ahead, FillCause.CROSSED)

    def requeue(self, order: PlainOrder, before: int, after: int) -> None:
        gone = before - order.traded - after
        if gone > 0 and self.model in (QueueModel.POWER, QueueModel.LOG):
            behind = max(0, (before - order.traded) * UNIT - order.ahead)
            ours, others = order.ahead, behind
            if self.model == QueueModel.LOG:
                ours, others = ours // UNIT, others // UNIT
            share = ahead_share(self.model, ours, others, exponent=self.exponent)
            before_us = gone * UNIT * share >> 30
            order.ahead -= max(before_us, gone * UNIT - behind)
        order.ahead = max(0, min(order.ahead, after * UNIT))
        order.traded = 0

    def removal(self, bid: bool, price: int, lots: int, entered_ns: int) -> None:
        for order in self.ours(bid) if self.model == QueueModel.FIFO else ():
            if order.limit == price and entered_ns < order.entered_ns:
                order.ahead = max(0, order.ahead - lots * UNIT)

    def trade(self, bought: bool, price: int, lots: int) -> None:
        left = lots
        for order in self.ours(not bought):
            if not self.reached(not bought, price, order.limit):
                continue
            ahead, cause, reached = order.ahead, FillCause.TRADED_THROUGH, left
            if order.limit == price:
                cause, reached = FillCause.AT_TURN, left - -(-ahead // UNIT)
                order.ahead = max(0, ahead - left * UNIT)
                order.traded += lots
            if reached > 0:
                part = order.left if self.whole else min(reached, order.left)
                left -= 0 if self.whole else part
                self.fill(order, order.limit, part, ahead, cause)

    # here

    def learn(self, row: tuple[int, int, int, int]) -> None:
        _, _, price, size = row
        if size & TapeBit.LOCAL and size & TapeBit.CLEAR:
            self.here = {True: {}, False: {}}
        if size & TapeBit.LOCAL and size & TapeBit.LEVEL:
            side = self.here[bool(size & TapeBit.BID)]
            side.pop(price, None)
            if size >> LOTS_SHIFT:
                side[price] = size >> LOTS_SHIFT

    def hear(self, at: int, venue_ns: int, event: Event) -> None:
        what, order, facts = event
        if what == "filled":
            price, lots, left, ahead, joined, cause = facts
            order.known_left -= lots
            order.phase = 2 if order.known_left else 3
            sign = 1 if order.bid else -1
            self.position += sign * lots
            self.cash -= sign * price * lots
            self.fills.append(
                (at, venue_ns, price, lots, left, order.tag, ahead, joined, int(cause), order.bid)
            )
        elif what == "acked":
            order.phase = 2
        elif what == "amended":
            order.price, order.lots, order.known_left = facts
            order.amending -= 1
        elif what != "not found":
            order.phase = 3
        if order.phase == 3:
            order.canceling, order.amending = False, 0
