"""Drop copy: what several sources say of the same money, compared without a tolerance.

Pure functions of views that were read elsewhere. Of a venue: trades as the private stream told
them, as its trades endpoint lists them, and its balances. Of a chain: entries that came from logs,
and what contracts say when they are asked. Everything must be equal, but for amounts that are
known to be on their way; each difference names the entry or the proof, and says whether the gate
must close on it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from alp.ledger.accounts import OWN, Account, Place
from alp.ledger.events import Fill

_MOST_UNDERWAY = 12


class Found(StrEnum):
    """What kind of difference it is."""

    UNDERWAY = "UNDERWAY"
    """One source has not told yet, and is within its time; the only one that leaves the gate."""
    NOT_BOOKED = "NOT_BOOKED"
    """A source tells a trade that the ledger does not have."""
    NOT_STREAMED = "NOT_STREAMED"
    """The endpoint lists a trade that the private stream, which was up, did not tell."""
    NOT_LISTED = "NOT_LISTED"
    """The ledger or the stream has a trade that the venue does not list: a false fill."""
    CONTENT = "CONTENT"
    """Two sources tell one trade differently."""
    BALANCE = "BALANCE"
    """The venue's or the contract's amount is not the ledger's."""
    NOT_READ = "NOT_READ"
    """The ledger holds something at a place whose reading does not mention it."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A trade as one source tells it: what counts for money."""

    proof: str
    at_ns: int
    base: str
    quote: str
    side: int
    base_amount: int
    quote_amount: int
    fee_amount: int = 0
    fee_asset: str = ""
    sequence: int | None = None
    """Of the ledger's entry, where it is the ledger's view."""

    @property
    def money(self) -> tuple[str, str, int, int, int, int, str]:
        """Return what sources must agree in."""
        return (
            self.base, self.quote, self.side, self.base_amount, self.quote_amount,
            self.fee_amount, self.fee_asset,
        )  # fmt: skip

    def effects(self) -> dict[str, int]:
        """Return what it does to the balance of each asset."""
        made = {self.base: self.side * self.base_amount}
        made[self.quote] = made.get(self.quote, 0) - self.side * self.quote_amount
        if self.fee_asset:
            made[self.fee_asset] = made.get(self.fee_asset, 0) - self.fee_amount
        return made


def seen(fill: Fill, sequence: int | None = None) -> Seen:
    """Return a fill as a source's view of it."""
    return Seen(
        fill.proof.key, fill.at_ns, fill.base, fill.quote, fill.side, fill.base_amount,
        fill.quote_amount, fill.fee_amount, fill.fee_asset, sequence,
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Window:
    """What a source is complete in.

    Parameters
    ----------
    begin_ns, end_ns
        It has told everything that happened from `begin_ns` to before `end_ns`.
    grace_ns
        What happened less than this before `end_ns` may still be on its way.
    """

    begin_ns: int
    end_ns: int
    grace_ns: int

    def missing(self, at_ns: int) -> bool | None:
        """Return whether something of that time should be there; None: it may be underway."""
        if not self.begin_ns <= at_ns:
            return False
        return None if at_ns >= self.end_ns - self.grace_ns else True


@dataclass(frozen=True, slots=True)
class Difference:
    """One difference, with what it is about."""

    found: Found
    subject: str
    """A proof, or an account."""
    text: str
    sequence: int | None = None
    """Of the ledger's entry, where there is one."""

    @property
    def closes_gate(self) -> bool:
        """Whether nothing more may be risked until it is resolved."""
        return self.found is not Found.UNDERWAY

    def __str__(self) -> str:
        entry = f" (entry {self.sequence})" if self.sequence is not None else ""
        return f"{self.found}: {self.subject}{entry}: {self.text}"


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The result of one comparison."""

    differences: tuple[Difference, ...]
    compared: int

    @property
    def closes_gate(self) -> bool:
        """Whether any difference does."""
        return any(each.closes_gate for each in self.differences)


@dataclass(frozen=True, slots=True)
class Underway:
    """Amounts that one side of a balance may have seen and the other not.

    Parameters
    ----------
    amounts
        Changes of the balance, by account: those of a transfer or a transaction that is not
        settled, of a trade that one source lacks.
    """

    amounts: Mapping[Account, tuple[int, ...]] = field(default_factory=dict)

    def explains(self, account: Account, difference: int) -> bool:
        """Return whether some of the amounts make up a difference exactly."""
        amounts = self.amounts.get(account, ())
        if len(amounts) > _MOST_UNDERWAY:
            return False
        sums = {0}
        for each in amounts:
            sums |= {total + each for total in sums}
        return difference in sums


def compare_trades(
    ledger: Iterable[Seen],
    stream: Iterable[Seen],
    listed: Iterable[Seen],
    *,
    streamed: Window,
    complete: Window,
) -> Reconciliation:
    """Compare the ledger's trades at a venue with its private stream and its trades endpoint.

    Parameters
    ----------
    streamed
        When the stream was up without a break.
    complete
        What the endpoint was asked for, and how long it may lag.
    """
    made: list[Difference] = []
    booked, told, rows = (_by_proof(view, made) for view in (ledger, stream, listed))
    for proof in {**booked, **told, **rows}:
        ours, heard, row = booked.get(proof), told.get(proof), rows.get(proof)
        known = [each for each in (ours, row, heard) if each is not None]
        sequence = ours.sequence if ours is not None else None
        if any(each.money != known[0].money for each in known):
            text = "; ".join(
                f"{name} {each.money}"
                for name, each in (("ledger", ours), ("stream", heard), ("endpoint", row))
                if each is not None
            )
            made.append(Difference(Found.CONTENT, proof, text, sequence))
        if ours is None:
            source, window = ("endpoint", complete) if row is not None else ("stream", streamed)
            late = window.missing(known[0].at_ns) is None
            found = Found.UNDERWAY if late else Found.NOT_BOOKED
            made.append(Difference(found, proof, f"the {source} has it, the ledger does not"))
        if row is None:
            made += _absent(Found.NOT_LISTED, complete, known[0], "the endpoint does not list it")
        elif heard is None:
            made += _absent(Found.NOT_STREAMED, streamed, known[0], "the stream did not tell it")
    return Reconciliation(tuple(made), len(booked.keys() | told.keys() | rows.keys()))


def _absent(found: Found, window: Window, trade: Seen, text: str) -> list[Difference]:
    missing = window.missing(trade.at_ns)
    if missing is False:
        return []
    kind = Found.UNDERWAY if missing is None else found
    return [Difference(kind, trade.proof, text, trade.sequence)]


def _by_proof(trades: Iterable[Seen], made: list[Difference]) -> dict[str, Seen]:
    found: dict[str, Seen] = {}
    for each in trades:
        before = found.setdefault(each.proof, each)
        if before.money != each.money:
            text = f"one source told {before.money} and {each.money}"
            made.append(Difference(Found.CONTENT, each.proof, text, each.sequence))
    return found


def compare_balances(
    booked: Mapping[Account, int],
    read: Mapping[Account, int],
    underway: Underway | None = None,
    *,
    places: Collection[Place] | None = None,
    last_entries: Mapping[Account, int] | None = None,
) -> Reconciliation:
    """Compare booked amounts with what a venue or contracts said, to the last unit.

    Works for a venue's balances, and for wallets, liquidity and what it is owed read at a block.

    Parameters
    ----------
    booked
        The ledger's balances at the moment of the reading.
    underway
        Amounts that may be in one of the two only.
    places
        Kind and owner of what was read wholly: what the ledger has there and the reading does not
        mention must be zero. None takes each place of which anything was read.
    last_entries
        The newest entry of an account, to be named with its difference; a snapshot has them.
    """
    underway = underway or Underway()
    if places is None:
        places = {account.place for account in read}
    wholly = {account for account in booked if account.place in places and account.kind in OWN}
    made = []
    compared = sorted(wholly | read.keys())
    for account in compared:
        ours, theirs = booked.get(account, 0), read.get(account)
        difference = (theirs or 0) - ours
        if not difference:
            continue
        sequence = (last_entries or {}).get(account)
        if underway.explains(account, difference):
            found, text = Found.UNDERWAY, f"{difference:+d} on its way"
        elif theirs is None:
            found, text = Found.NOT_READ, f"booked {ours}, and the reading does not mention it"
        else:
            found = Found.BALANCE
            text = f"booked {ours}, read {theirs}: {difference:+d}"
            if len(underway.amounts.get(account, ())) > _MOST_UNDERWAY:
                text += ", and too much is on its way to tell"
        made.append(Difference(found, str(account), text, sequence))
    return Reconciliation(tuple(made), len(compared))


def underway_of(
    trades: Reconciliation,
    ledger: Iterable[Seen],
    others: Iterable[Seen],
    place: Place,
    extra: Underway | None = None,
) -> Underway:
    """Add the effects of trades that are underway to other amounts that are.

    So a balance that was read between a trade and our hearing of it closes no gate.

    Parameters
    ----------
    trades
        What :func:`compare_trades` found in these views.
    place
        Where the trades' amounts are booked.
    """
    late = {each.subject for each in trades.differences if each.found is Found.UNDERWAY}
    amounts = {account: list(each) for account, each in (extra or Underway()).amounts.items()}
    views = {each.proof: (each, 1) for each in others if each.proof in late}
    # The books are ahead of the reading in what they have, and behind it in what they lack.
    views |= {each.proof: (each, -1) for each in ledger if each.proof in late}
    for trade, sign in views.values():
        for asset, amount in trade.effects().items():
            amounts.setdefault(Account(*place, asset), []).append(sign * amount)
    return Underway({account: tuple(each) for account, each in amounts.items()})


def merged(*parts: Reconciliation) -> Reconciliation:
    """Return several comparisons as one."""
    return Reconciliation(
        tuple(each for part in parts for each in part.differences),
        sum(part.compared for part in parts),
    )
