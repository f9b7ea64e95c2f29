"""Routing in exact fractions of money and base, one lot at a time where that is what is meant."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from math import floor

MOST_FEE = Fraction(1, 2)


@dataclass
class PlainRoute:
    """One account at one venue; prices and quantities are values, not counts."""

    tick: Fraction
    lot: Fraction
    price: Fraction
    fee: Fraction
    room: int
    minimum: int
    maximum: int
    minimum_notional: Fraction
    weight: int
    position: int
    limit: int
    healthy: bool
    book: list[tuple[Fraction, int]] = field(default_factory=list)
    # found
    lots: int = 0
    worst: Fraction = Fraction(0)
    spent: Fraction = Fraction(0)
    most: int = 0
    cut: bool = False

    def charge(self, side: int, lean: int) -> Fraction:
        """Fee and lean as a part of the price; the lean in whole 10**-8, towards zero."""
        leaning = 0
        if self.limit:
            toward = max(-self.limit, min(self.limit, self.position * side))
            exact = Fraction(toward * lean, self.limit)
            leaning = floor(exact) if exact >= 0 else -floor(-exact)
        return max(-MOST_FEE, min(MOST_FEE, self.fee + Fraction(leaning, 10**8)))

    def score(self, price: Fraction, side: int, lean: int) -> Fraction:
        """Smaller is better."""
        return side * price * (1 + side * self.charge(side, lean))

    def give(self, lots: int, price: Fraction) -> Fraction:
        self.lots += lots
        self.worst = price
        self.spent += lots * price
        return lots * self.lot

    @property
    def pieces(self) -> list[int]:
        count = -(-self.lots // self.maximum)
        return [(self.lots + count - 1 - number) // count for number in range(count)]

    def fits(self, lots: int) -> bool:
        return lots >= self.minimum and lots * self.lot * self.worst >= self.minimum_notional


@dataclass(frozen=True)
class Wish:
    side: int
    quantity: Fraction
    lean: int
    shares: bool = False
    slippage: Fraction = Fraction(0)
    reference: Fraction = Fraction(0)
    whole: bool = False


def make(wish: Wish, routes: list[PlainRoute]) -> Fraction:
    left = wish.quantity
    running = [
        each
        for each in routes
        if each.healthy and each.most and each.price and (each.weight or not wish.shares)
    ]
    if wish.shares:
        left, running = share(left, running)
    for each in sorted(running, key=lambda one: one.score(one.price, wish.side, wish.lean)):
        lots = min(floor(left / each.lot), each.most - each.lots)
        if lots:
            left -= each.give(lots, each.price)
    return left


def share(left: Fraction, running: list[PlainRoute]) -> tuple[Fraction, list[PlainRoute]]:
    while running:
        weights = sum(each.weight for each in running)
        parts = {id(each): left * each.weight / weights for each in running}
        full = [each for each in running if parts[id(each)] >= each.most * each.lot]
        if not full:
            return left - sum(
                each.give(floor(parts[id(each)] / each.lot), each.price) for each in running
            ), running
        left -= sum(each.give(each.most, each.price) for each in full)
        running = [each for each in running if each not in full]
    return left, running


def take(wish: Wish, routes: list[PlainRoute], reference: Fraction) -> Fraction:
    """Every level of every book in one row, best after fees first."""
    left = wish.quantity
    levels = [
        (each.score(price, wish.side, wish.lean), number, at, price, lots)
        for number, each in enumerate(routes)
        if each.healthy and each.most
        for at, (price, lots) in enumerate(each.book)
    ]
    for _, number, _, price, lots in sorted(levels):
        each = routes[number]
        if wish.side * (price - reference) > wish.slippage * reference:
            continue
        given = min(lots, floor(left / each.lot), each.most - each.lots)
        if given:
            left -= each.give(given, price)
    return left


def route(wish: Wish, routes: list[PlainRoute], taking: bool) -> Fraction:
    """What is left; the rest is in the routes."""
    reference = wish.reference
    for each in routes:
        each.most, each.cut = min(each.room, 64 * each.maximum), False
    while True:
        for each in routes:
            each.lots, each.worst, each.spent = 0, Fraction(0), Fraction(0)
        if taking:
            open_prices = [
                each.book[0][0] for each in routes if each.healthy and each.most and each.book
            ]
            if not open_prices:
                return wish.quantity
            if not reference:
                reference = min(open_prices) if wish.side > 0 else max(open_prices)
            left = take(wish, routes, reference)
        else:
            left = make(wish, routes)
        small = [each for each in routes if each.lots and not each.fits(min(each.pieces))]
        if not small:
            break
        # the dearest of them, of equal ones the last
        worst = max(
            enumerate(small),
            key=lambda one: (one[1].score(one[1].worst, wish.side, wish.lean), one[0]),
        )[1]
        worst.most = 0
        if not worst.cut and worst.fits(worst.maximum):
            worst.most = (len(worst.pieces) - 1) * worst.maximum
        worst.cut = True
    if left and wish.whole:
        for each in routes:
            each.lots = 0
        return wish.quantity
    return left
