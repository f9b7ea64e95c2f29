"""The continuous drop copy of one account: what was told is held to what the venue lists and has.

Pure: readings in, differences out. A difference counts once two readings in a row have it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256

from alp.ledger.accounts import Account, Place
from alp.ledger.assets import Assets
from alp.ledger.booking import postings_of
from alp.ledger.books import Snapshot
from alp.ledger.events import Adjustment, Event, Settlement, own_proof
from alp.ledger.reconcile import (
    Difference,
    Found,
    Underway,
    Window,
    compare_balances,
    compare_trades,
    underway_of,
)
from alp.services.position.accounts import BALANCE_DECIMALS, VenueAccount
from alp.services.position.intake import Trades
from alp.services.position.venue_reader import Reading

SECOND = 10**9
STUBBORN = 4
"""A balance that differs in so many readings in a row counts, by whatever amount it does."""


@dataclass(frozen=True, slots=True)
class DropRules:
    """How patient it is. Nanoseconds.

    Attributes
    ----------
    period_ns
        From one reading to the next.
    settle_ns
        From one that differs to the one that confirms it.
    listed_ns
        A venue may list a trade so late.
    streamed_ns
        The handler may tell a trade so late: it reads trades again after a lost message.
    window_ns
        Trades are compared so far back.
    """

    period_ns: int = 5 * SECOND
    settle_ns: int = 2 * SECOND
    listed_ns: int = 5 * SECOND
    streamed_ns: int = 30 * SECOND
    window_ns: int = 300 * SECOND


@dataclass(frozen=True, slots=True)
class Compared:
    """What one reading led to.

    Attributes
    ----------
    events
        What follows from it without a difference: settlements, and roundings with their reason.
    differences
        All, those underway too.
    """

    events: list[Event]
    differences: tuple[Difference, ...]
    compared: int


class DropCopy:
    """Compares one account again and again.

    Attributes
    ----------
    confirmed
        Differences that count: the gate is to be closed while there are any.
    doubts
        Differences that the last reading had.
    """

    def __init__(self, account: VenueAccount, assets: Assets, rules: DropRules) -> None:
        self.confirmed: tuple[Difference, ...] = ()
        self.doubts: tuple[Difference, ...] = ()
        self._account = account
        self._assets = assets
        self._rules = rules
        self._before: dict[tuple[str, ...], int] = {}

    def compare(
        self,
        reading: Reading,
        ledger: Trades,
        stream: Trades,
        streamed_since_ns: int,
        snapshot: Snapshot,
    ) -> Compared:
        """Hold a reading to the books as they were right after it.

        Parameters
        ----------
        ledger, stream
            Trades as they are booked and as the handler told them.
        streamed_since_ns
            Since when the handler was heard without a break.
        """
        rules = self._rules
        booked, told = list(ledger.seen()), list(stream.seen())
        listed = list(reading.trades.seen())
        trades = compare_trades(
            booked,
            told,
            listed,
            streamed=Window(
                max(streamed_since_ns, reading.since_ns), reading.until_ns, rules.streamed_ns
            ),
            complete=Window(reading.since_ns, reading.until_ns, rules.listed_ns),
        )
        if not reading.at_rest:
            return Compared([], trades.differences, trades.compared)
        listed_proofs = {each.proof for each in listed}
        late = [each for each in told if each.proof not in listed_proofs]
        underway = underway_of(trades, booked, [*late, *listed], self._account.place)
        events = self._explained(reading, snapshot, underway, len(booked))
        balances = after(events, snapshot.balances)
        held = compare_balances(
            {each: amount for each, amount in balances.items() if each.place == self._place},
            reading.amounts,
            underway,
            places=[self._place],
            last_entries=snapshot.last_entries,
        )
        return Compared(
            events, (*trades.differences, *held.differences), trades.compared + held.compared
        )

    @property
    def _place(self) -> Place:
        return self._account.place

    def judge(self, differences: tuple[Difference, ...]) -> bool:
        """Take in what a reading had; return whether it is to be looked at again soon."""
        serious = tuple(each for each in differences if each.closes_gate)
        seen: dict[tuple[str, ...], int] = {}
        certain = []
        for each in serious:
            amount = each.text.rpartition(": ")[2] if each.found is Found.BALANCE else ""
            exact, any_amount = (each.found, each.subject, amount), (each.found, each.subject)
            seen[exact] = self._before.get(exact, 0) + 1
            seen[any_amount] = self._before.get(any_amount, 0) + 1
            if seen[exact] >= 2 or seen[any_amount] >= STUBBORN:
                certain.append(each)
        self._before = seen
        self.doubts = serious
        self.confirmed = tuple(certain)
        return bool(serious)

    def _explained(
        self, reading: Reading, snapshot: Snapshot, underway: Underway, trades: int
    ) -> list[Event]:
        """Return what makes up differences that are none.

        Contracts: what the venue settled into the balance, as far as its own average prices say
        so. Spot: what it rounded, less than its smallest amount for each trade.
        """
        made: list[Event] = []
        for account, read in reading.amounts.items():
            difference = read - snapshot.balances.get(account, 0)
            if not difference or underway.explains(account, difference):
                continue
            if account.asset not in self._assets:
                continue
            unit = self._assets[account.asset].scaled(1, BALANCE_DECIMALS)
            rounding = (trades + 1) * unit
            if self._account.futures and account.asset in reading.entry_quote:
                margin = snapshot.balances.get(self._account.margin(account.asset), 0)
                due = margin + reading.entry_quote[account.asset]
                slack = reading.entry_slack[account.asset] + rounding
                if abs(difference - due) <= slack:
                    made.append(self._settlement(reading, snapshot, account, difference))
            elif self._rounds(account.asset) and abs(difference) <= rounding:
                made.append(self._adjustment(reading, snapshot, account, difference, trades))
        return made

    def _rounds(self, asset: str) -> bool:
        return any(
            each.rounds and asset in (each.market.quote.name, each.market.base.name)
            for each in self._account.products
        )

    def _settlement(
        self, reading: Reading, snapshot: Snapshot, account: Account, amount: int
    ) -> Settlement:
        proof = own_proof("settlement", self._number(snapshot, account, amount))
        return Settlement(proof, reading.until_ns, self._account.name, account.asset, amount)

    def _adjustment(
        self, reading: Reading, snapshot: Snapshot, account: Account, amount: int, trades: int
    ) -> Adjustment:
        proof = own_proof("rounding", self._number(snapshot, account, amount))
        reason = f"the venue rounds what a trade costs; {trades} trades"
        return Adjustment(proof, reading.until_ns, account.place, account.asset, amount, reason)

    def _number(self, snapshot: Snapshot, account: Account, amount: int) -> str:
        stated = f"{account}|{amount}|{snapshot.last_entries.get(account, 0)}"
        return sha256(stated.encode()).hexdigest()[:32]


def after(events: list[Event], balances: Mapping[Account, int]) -> dict[Account, int]:
    """Return balances as they will be."""
    made = dict(balances)
    for event in events:
        for account, amount in postings_of(event, made):
            made[account] = made.get(account, 0) + amount
    return made
