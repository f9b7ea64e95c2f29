"""What the ledger's assets are worth, and why that changed: exact integers, nothing left over.

A value is an amount times its asset's mark, in 2^-96 raw units of the quote asset. With every entry
the counter-accounts' amounts at the marks of that moment come under their headings; with every new
mark what was held comes under *price*. Since an entry sums to zero in each asset, the headings sum
to the change of the net asset value, whatever the marks are.

An asset that was never marked has no value; what happens to it waits, by heading, for its first
mark. Beside this, average cost: profit is realised when a quantity is given away, in proportion.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any

from alp.ledger.accounts import (
    CAPITAL,
    EXCHANGES,
    HEADINGS,
    OWN,
    PRICE,
    UNIT_X96,
    Kind,
    Posting,
)

_OPENING = HEADINGS[Kind.OPENING]


@dataclass(slots=True)
class Basis:
    """What the held quantity of an asset cost.

    Attributes
    ----------
    cost_x96
        Of the whole quantity, negative for what is owed.
    waiting
        What came without a value, because the asset was never marked; costs the first mark.
    waiting_profit
        The part of it that was income or expense.
    known
        False from an adoption, and while anything waits, until nothing of the asset is held.
    """

    quantity: int = 0
    cost_x96: int = 0
    realised_x96: int = 0
    waiting: int = 0
    waiting_profit: int = 0
    known: bool = True

    def exchange(self, amount: int, value_x96: int) -> None:
        """Take `amount` in, or give it away, for a value of the same sign."""
        before = self.quantity
        if before and (before > 0) != (amount > 0):
            closing = min(abs(amount), abs(before))
            cost = self.cost_x96 * closing // abs(before)
            value = value_x96 * closing // abs(amount)
            self.realised_x96 -= value + cost
            self.cost_x96 += value_x96 - value - cost
        else:
            self.cost_x96 += value_x96
        self.quantity = before + amount
        self._close()

    def receive(self, amount: int, mark_x96: int, profit: bool) -> None:
        """Take `amount` in, or give it away, for nothing; it is worth its mark."""
        if profit:
            self.realised_x96 += amount * mark_x96
        self.exchange(amount, amount * mark_x96)

    def wait(self, amount: int, profit: bool) -> None:
        """Take `amount` in, or give it away, while nobody knows what it is worth."""
        self.quantity += amount
        self.waiting += amount
        if profit:
            self.waiting_profit += amount
        self.known = False

    def settle(self, mark_x96: int) -> None:
        """See the first mark."""
        self.cost_x96 += self.waiting * mark_x96
        self.realised_x96 += self.waiting_profit * mark_x96
        self.waiting = self.waiting_profit = 0
        self._close()

    def _close(self) -> None:
        if not self.quantity and not self.waiting:
            self.realised_x96 -= self.cost_x96
            self.cost_x96 = 0
            self.known = True


class Valuation:
    """Marks, attribution and average cost over all of our own accounts.

    Parameters
    ----------
    quote
        The asset of values.
    """

    def __init__(self, quote: str) -> None:
        self.quote = quote
        self.marks: dict[str, int] = {quote: UNIT_X96}
        self.held: dict[str, int] = {}
        self.earned: dict[str, int] = dict.fromkeys((*HEADINGS.values(), PRICE), 0)
        self.waiting: dict[str, dict[str, int]] = {}
        self.bases: dict[str, Basis] = {}
        self.realised_quote_x96 = 0

    @property
    def unpriced(self) -> list[str]:
        """Assets that are held and were never marked; they count as nothing below."""
        return sorted(name for name, held in self.held.items() if held and name not in self.marks)

    @property
    def nav_x96(self) -> int:
        """The value of all that is held."""
        return sum(held * self.marks.get(name, 0) for name, held in self.held.items())

    @property
    def profit_x96(self) -> int:
        """The net asset value without the capital that came from outside."""
        return self.nav_x96 - sum(self.earned[name] for name in CAPITAL)

    @property
    def realised_x96(self) -> int:
        """Profit of what was given away, and income and expense at their marks."""
        return self.realised_quote_x96 + sum(each.realised_x96 for each in self.bases.values())

    @property
    def unrealised_x96(self) -> int:
        """Value less cost of what is held."""
        return sum(
            self.held.get(name, 0) * self.marks.get(name, 0) - basis.cost_x96
            for name, basis in self.bases.items()
        )

    def mark(self, asset: str, mark_x96: int) -> None:
        """See a new mark; that of the quote asset is fixed."""
        if asset == self.quote:
            return
        before = self.marks.get(asset)
        self.marks[asset] = mark_x96
        if before is not None:
            self.earned[PRICE] += self.held.get(asset, 0) * (mark_x96 - before)
            return
        for heading, amount in self.waiting.pop(asset, {}).items():
            self.earned[heading] += amount * mark_x96
        if asset in self.bases:
            self.bases[asset].settle(mark_x96)

    def record(self, postings: Sequence[Posting]) -> None:
        """See an entry."""
        exchanged: dict[str, int] = {}
        held, marks = self.held, self.marks
        for (kind, _, asset), amount in postings:
            if kind in OWN:
                held[asset] = held.get(asset, 0) + amount
                continue
            heading = HEADINGS[kind]
            mark = marks.get(asset)
            if mark is None:
                waiting = self.waiting.setdefault(asset, {})
                waiting[heading] = waiting.get(heading, 0) - amount
            else:
                self.earned[heading] -= amount * mark
            if kind in EXCHANGES:
                exchanged[asset] = exchanged.get(asset, 0) - amount
            else:
                self._receive(asset, -amount, heading)
        if exchanged:
            self._exchange([leg for leg in exchanged.items() if leg[1]])

    def _receive(self, asset: str, amount: int, heading: str) -> None:
        profit = heading not in CAPITAL
        if asset == self.quote:
            if profit:
                self.realised_quote_x96 += amount * UNIT_X96
            return
        basis = self._basis(asset)
        mark = self.marks.get(asset)
        if mark is None:
            basis.wait(amount, profit)
        else:
            basis.receive(amount, mark, profit)
        if heading == _OPENING and basis.quantity:
            basis.known = False

    def _exchange(self, legs: list[tuple[str, int]]) -> None:
        value = self._value_of(legs)
        for asset, amount in legs:
            if value is None:
                self._receive(asset, amount, HEADINGS[Kind.MARKET])
            elif asset != self.quote:
                self._basis(asset).exchange(amount, value if amount > 0 else -value)

    def _value_of(self, legs: list[tuple[str, int]]) -> int | None:
        """Return what one of two assets was given for, by the quote asset or else a marked one.

        None where it is no exchange of two, such as a rounding to our loss in both tokens.
        """
        if len(legs) != 2 or (legs[0][1] > 0) == (legs[1][1] > 0):
            return None
        # What a trade was paid in comes second, and is the better measure of its value.
        first, second = legs
        for asset, amount in (first, second) if first[0] == self.quote else (second, first):
            mark = self.marks.get(asset)
            if mark is not None:
                return abs(amount) * mark
        return None

    def _basis(self, asset: str) -> Basis:
        basis = self.bases.get(asset)
        if basis is None:
            basis = self.bases[asset] = Basis()
        return basis

    def state(self) -> dict[str, Any]:
        """Return all of it as data for JSON."""
        return {
            "marks": self.marks,
            "held": {name: held for name, held in self.held.items() if held},
            "earned": self.earned,
            "waiting": self.waiting,
            "bases": {name: astuple(basis) for name, basis in self.bases.items()},
            "realised_quote": self.realised_quote_x96,
        }

    @classmethod
    def of_state(cls, quote: str, state: dict[str, Any]) -> Valuation:
        """Return what :meth:`state` told."""
        made = cls(quote)
        made.marks = dict(state["marks"])
        made.held = dict(state["held"])
        made.earned |= state["earned"]
        made.waiting = {name: dict(each) for name, each in state["waiting"].items()}
        made.bases = {name: Basis(*each) for name, each in state["bases"].items()}
        made.realised_quote_x96 = state["realised_quote"]
        return made
