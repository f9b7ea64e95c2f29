"""Matching of orders against a market, written to be read: lists, and quantities one by one.

Queues are those of the conservative model, whole lots.
"""

from __future__ import annotations

from dataclasses import dataclass, field

Fill = tuple[int, int, str, bool, int, int]
"""Order, the other one or -1, what happened, whether it was the maker, price, quantity."""


@dataclass(eq=False)
class Waiting:
    name: int
    account: int
    bid: bool
    price: int
    left: int
    prevention: int
    ahead: int = 0
    traded: int = 0


@dataclass
class PlainMatching:
    book: dict[bool, dict[int, list[int]]] = field(default_factory=lambda: {True: {}, False: {}})
    orders: list[Waiting] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)

    def queue(self, bid: bool) -> list[Waiting]:
        """Resting orders of a side, best price first, then oldest."""
        mine = [each for each in self.orders if each.bid == bid]
        return sorted(mine, key=lambda each: -each.price if bid else each.price)

    def fill(self, order: Waiting, other: int, maker: bool, price: int, quantity: int) -> None:
        order.left -= quantity
        self.fills.append((order.name, other, "fill", maker, price, quantity))
        if maker and not order.left:
            self.orders.remove(order)

    def level(self, bid: bool, price: int, size: int) -> None:
        self.book[bid].pop(price, None)
        if size:
            self.book[bid][price] = [size, 0]
        for order in self.queue(bid):
            if order.price == price:
                order.ahead, order.traded = min(order.ahead, size), 0
        for order in self.queue(not bid):
            meets = price >= order.price if bid else price <= order.price
            if not size or not meets:
                continue
            level = self.book[bid][price]
            quantity = min(order.left, level[0] - level[1])
            if quantity:
                level[1] += quantity
                self.fill(order, -1, True, order.price, quantity)

    def trade(self, bought: bool, price: int, quantity: int) -> None:
        left = quantity
        for order in self.queue(not bought):
            better = order.price < price if bought else order.price > price
            if better and left:
                got = min(order.left, left)
            elif order.price == price:
                got = min(order.left, max(left - order.ahead, 0))
                order.ahead = max(order.ahead - left, 0)
                order.traded += quantity
            else:
                continue
            left -= got
            if got:
                self.fill(order, -1, True, order.price, got)

    def place(
        self, name: int, account: int, bid: bool, price: int, left: int, prevention: int, rest: bool
    ) -> None:
        order = Waiting(name, account, bid, price, left, prevention)
        self.take(order)
        if order.left and rest:
            self.rest(order)

    def rest(self, order: Waiting) -> None:
        size, taken = self.book[order.bid].get(order.price, [0, 0])
        order.ahead, order.traded = size - taken, 0
        self.orders.append(order)

    def take(self, taker: Waiting) -> None:
        while taker.left:
            meets = (
                (lambda price: price <= taker.price)
                if taker.bid
                else (lambda price: price >= taker.price)
            )
            levels = {
                price: row[0] - row[1]
                for price, row in self.book[not taker.bid].items()
                if row[0] > row[1] and meets(price)
            }
            queue = [each for each in self.queue(not taker.bid) if meets(each.price)]
            prices = [*levels, *(each.price for each in queue)]
            if not prices:
                return
            price = min(prices) if taker.bid else max(prices)
            first = next((each for each in queue if each.price == price), None)
            visible = levels.get(price, 0)
            before = visible if first is None else min(visible, first.ahead)
            if before:
                quantity = min(taker.left, before)
                self.book[not taker.bid][price][1] += quantity
                self.fill(taker, -1, False, price, quantity)
                for each in queue:
                    if each.price == price:
                        each.ahead = max(each.ahead - quantity, 0)
                continue
            assert first is not None
            if first.account == taker.account and taker.prevention:
                self.prevent(taker, first)
                continue
            quantity = min(taker.left, first.left)
            self.fill(taker, first.name, False, price, quantity)
            self.fill(first, taker.name, True, price, quantity)

    def prevent(self, taker: Waiting, maker: Waiting) -> None:
        if taker.prevention == 4:
            quantity = min(taker.left, maker.left)
            for each, other, passive in ((taker, maker, False), (maker, taker, True)):
                each.left -= quantity
                row = (each.name, other.name, "prevented", passive, maker.price, quantity)
                self.fills.append(row)
            if not maker.left:
                self.orders.remove(maker)
            return
        if taker.prevention in (2, 3):
            row = (maker.name, taker.name, "expired", True, maker.price, maker.left)
            self.fills.append(row)
            self.orders.remove(maker)
        if taker.prevention in (1, 3):
            row = (taker.name, maker.name, "expired", False, taker.price, taker.left)
            self.fills.append(row)
            taker.left = 0

    def amend(self, name: int, price: int, left: int, keep: bool) -> None:
        order = next(each for each in self.orders if each.name == name)
        if keep and price == order.price and left <= order.left:
            order.left = left
            return
        self.orders.remove(order)
        order.price, order.left = price, left
        self.take(order)
        if order.left:
            self.rest(order)

    def cancel(self, name: int) -> None:
        self.orders = [each for each in self.orders if each.name != name]
