"""The ladder's rules in plain Python: every assignment is tried, and the best one is told."""

from __future__ import annotations

from itertools import permutations

from alp._core.ladder import LadderOptions, QuoteFields, RestingFields

NEW, AMEND, CANCEL = 1, 2, 3
Cost = tuple[int, int, int, int]
NOTHING: Cost = (0, 0, 0, 0)


def cost_at(steps: tuple[tuple[int, int], ...], age_ns: int) -> int:
    for below_ns, cost in steps[:-1]:
        if age_ns < below_ns:
            return cost
    return steps[-1][1] if steps else 0


def span(order: RestingFields) -> tuple[int, int]:
    return order.low or order.price, order.high or order.price


class Side:
    """One side of the market: what is wanted and what rests, with the rules of both."""

    def __init__(
        self,
        options: LadderOptions,
        quotes: list[QuoteFields],
        resting: list[RestingFields],
        opposite: list[QuoteFields],
    ) -> None:
        self.options, self.quotes, self.resting = options, quotes, resting
        self.opposite = opposite

    def stays(self, row: int, quote: QuoteFields) -> bool:
        order = self.resting[row]
        low, high = span(order)
        near = self.options.price_tolerance
        if low <= quote.price <= high:
            return True
        if not low - near <= quote.price <= high + near:
            return False
        if any(
            high >= each.price if order.side > 0 else low <= each.price for each in self.opposite
        ):
            return False
        if any(low <= each.price <= high for each in self.quotes):
            return False
        spans = [span(each) for each in self.resting[:row]]
        return not any(first <= high and low <= last for first, last in spans)

    def becomes(self, row: int, quote: QuoteFields) -> Cost | None:
        """What it costs to make an order a quote; None where only a cancel does."""
        order, amend = self.resting[row], self.options.amend
        stays = self.stays(row, quote)
        same = abs(order.rest - quote.quantity) <= self.options.quantity_tolerance
        distance = min(abs(order.price - quote.price), 8191) * 16
        distance += min(abs(order.rest - quote.quantity), 15)
        if order.blocked:
            return (0, 0, 0, distance) if stays else None
        if stays and same:
            return 0, 0, 0, distance
        more = not same and quote.quantity > order.rest
        less = not same and quote.quantity < order.rest
        if not order.amendable or (not stays and not amend.price):
            return None
        if (more and not amend.more) or (less and not amend.less):
            return None
        loses = not stays or more or not amend.keeps_place
        return 1, int(loses), cost_at(self.options.amend_cost, order.age_ns), distance

    def best(self) -> Cost:
        """The least cost of all assignments, tried one by one."""
        new = (1, 0, self.options.new_cost, 0)
        columns: list[int | None] = [*range(len(self.quotes)), *[None] * len(self.resting)]
        least = None
        for chosen in set(permutations(columns, len(self.resting))):
            total = NOTHING
            for row, column in enumerate(chosen):
                order = self.resting[row]
                if column is not None:
                    step = self.becomes(row, self.quotes[column])
                    if step is None:
                        break
                else:
                    step = (1, 0, cost_at(self.options.cancel_cost, order.age_ns), 0)
                    step = NOTHING if order.blocked else step
                total = plus(total, step)
            else:
                for column in range(len(self.quotes)):
                    if column not in chosen:
                        total = plus(total, new)
                least = total if least is None else min(least, total)
        assert least is not None
        return least


def plus(one: Cost, other: Cost) -> Cost:
    return one[0] + other[0], one[1] + other[1], one[2] + other[2], one[3] + other[3]
