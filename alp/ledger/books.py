"""The books in memory: balances, valuation, and what a reader is shown of them.

A pure core: entries and marks in, state out. What it holds grows with accounts that are not empty,
never with entries.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alp.ledger.accounts import OWN, UNIT_X96, Account, Kind, Posting
from alp.ledger.valuation import Valuation

_PASSING = frozenset({Kind.LP, Kind.LP_OWED, Kind.TRANSIT})
"""Accounts of which there is always a new one: those that are empty are forgotten."""


class Change(NamedTuple):
    """What an entry did to an account of our own."""

    account: Account
    amount: int
    balance: int
    """Afterwards."""


@dataclass(frozen=True, slots=True)
class Delta:
    """One entry or mark as readers hear of it; each has the sequence after the one before it."""

    sequence: int
    at_ns: int
    kind: str
    proof: str
    changes: tuple[Change, ...]
    reverses: int | None = None
    mark_x96: int | None = None
    """Of a mark: its value, and `proof` is its asset."""


@dataclass(frozen=True, slots=True)
class Holding:
    """An asset over all of our own accounts.

    Attributes
    ----------
    cost_x96
        What the quantity cost; None for the quote asset, which costs itself.
    basis_known
        False where part of it was adopted: its cost is then its mark of that moment.
    mark_x96, unrealised_x96
        None while the asset was never marked.
    """

    asset: str
    quantity: int
    cost_x96: int | None
    basis_known: bool
    mark_x96: int | None
    realised_x96: int
    unrealised_x96: int | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The whole state at a sequence; values in 2^-96 raw units of the quote asset.

    Attributes
    ----------
    nav_x96, profit_x96
        Of what is priced; :attr:`unpriced` says what is missing.
    attribution_x96
        By heading; its sum is `nav_x96`.
    last_entries
        The newest entry of each of our own accounts, for whoever finds a difference in one.
    """

    sequence: int
    at_ns: int
    quote: str
    balances: dict[Account, int]
    last_entries: dict[Account, int]
    holdings: tuple[Holding, ...]
    nav_x96: int
    profit_x96: int
    realised_x96: int
    unrealised_x96: int
    attribution_x96: dict[str, int]
    unpriced: tuple[str, ...]


@dataclass(slots=True)
class Books:
    """Balances of all accounts and the valuation of our own."""

    quote: str
    sequence: int = 0
    at_ns: int = 0
    balances: dict[Account, int] = field(default_factory=dict)
    last_entries: dict[Account, int] = field(default_factory=dict)
    valuation: Valuation = field(init=False)

    def __post_init__(self) -> None:
        self.valuation = Valuation(self.quote)

    def post(self, at_ns: int, postings: Iterable[Posting]) -> tuple[Change, ...]:
        """Book an entry as the next of the sequence; return what changed of ours."""
        postings = list(postings)
        changes = []
        balances = self.balances
        for posting in postings:
            account, amount = posting
            balance = balances.get(account, 0) + amount
            if balance:
                balances[account] = balance
            else:
                balances.pop(account, None)
            if account[0] in OWN:
                changes.append(Change(account, amount, balance))
                if balance or account[0] not in _PASSING:
                    self.last_entries[account] = self.sequence + 1
                else:
                    self.last_entries.pop(account, None)
        self.valuation.record(postings)
        self._advance(at_ns)
        return tuple(changes)

    def mark(self, asset: str, at_ns: int, mark_x96: int) -> None:
        """Take a mark as the next of the sequence."""
        self.valuation.mark(asset, mark_x96)
        self._advance(at_ns)

    def _advance(self, at_ns: int) -> None:
        self.sequence += 1
        self.at_ns = max(self.at_ns, at_ns)

    def snapshot(self) -> Snapshot:
        """Return the state for readers."""
        value = self.valuation
        return Snapshot(
            self.sequence,
            self.at_ns,
            self.quote,
            dict(sorted(self.balances.items())),
            dict(self.last_entries),
            tuple(self._holding(name) for name in sorted({*value.held, *value.bases})),
            value.nav_x96,
            value.profit_x96,
            value.realised_x96,
            value.unrealised_x96,
            dict(value.earned),
            tuple(value.unpriced),
        )

    def _holding(self, name: str) -> Holding:
        value = self.valuation
        quantity, mark = value.held.get(name, 0), value.marks.get(name)
        if name == self.quote:
            realised = value.realised_quote_x96
            return Holding(name, quantity, None, True, UNIT_X96, realised, 0)
        basis = value.bases.get(name)
        if basis is None:
            return Holding(name, quantity, 0, True, mark, 0, mark and quantity * mark)
        unrealised = None if mark is None else quantity * mark - basis.cost_x96
        return Holding(
            name, quantity, basis.cost_x96, basis.known, mark, basis.realised_x96, unrealised
        )

    def state(self) -> dict[str, Any]:
        """Return all of it as data for JSON."""
        return {
            "quote": self.quote,
            "sequence": self.sequence,
            "at_ns": self.at_ns,
            "balances": _rows(self.balances),
            "last_entries": _rows(self.last_entries),
            "valuation": self.valuation.state(),
        }

    @classmethod
    def of_state(cls, state: dict[str, Any]) -> Books:
        """Return what :meth:`state` told."""
        made = cls(state["quote"], state["sequence"], state["at_ns"])
        made.balances = _by_account(state["balances"])
        made.last_entries = _by_account(state["last_entries"])
        made.valuation = Valuation.of_state(state["quote"], state["valuation"])
        return made


def _rows(numbers: dict[Account, int]) -> list[list[str | int]]:
    return [[*account, number] for account, number in sorted(numbers.items())]


def _by_account(rows: list[tuple[str, str, str, int]]) -> dict[Account, int]:
    return {Account(Kind(kind), owner, asset): number for kind, owner, asset, number in rows}
