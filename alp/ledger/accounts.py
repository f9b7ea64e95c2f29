"""Accounts and postings: where an amount of an asset is, and where it came from or went.

An account is named by its kind, its owner and its asset. Accounts of our own make up the net asset
value; each of the others is the counterpart of one heading of the attribution, so that what the
headings add up to is what our own accounts changed by.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

MOST = 10**38 - 1
"""The largest amount of one posting: what NUMERIC(38) and parquet's decimal128 hold exactly."""

UNIT_X96 = 1 << 96
"""A value of one raw unit of the quote asset; values and marks are integers of 2^-96 of it."""


class Kind(StrEnum):
    """What an account is."""

    VENUE = "venue"
    """A balance at a venue, as its balances endpoint tells it; also contracts held there."""
    MARGIN = "margin"
    """What contracts were bought for and the venue has not yet settled into the balance."""
    WALLET = "wallet"
    """Tokens of an address."""
    LP = "lp"
    """What the liquidity of a position is worth, in its two tokens."""
    LP_OWED = "lp_owed"
    """Uncollected by its owner: fees, and what was burned."""
    TRANSIT = "transit"
    """On its way from one of our places to another."""
    MARKET = "market"
    """Whoever we traded with."""
    FEES = "fees"
    FUNDING = "funding"
    GAS = "gas"
    EXTERNAL = "external"
    """The world outside: deposits from and withdrawals to it."""
    OPENING = "opening"
    """What was there when the ledger began, or was adopted: nobody knows where it came from."""
    LP_MARKET = "lp_market"
    """Whoever swapped through our ranges."""
    LP_FEES = "lp_fees"
    """The fees they paid."""
    ADJUSTMENT = "adjustment"
    """Differences that a reconciliation accepted, each with its reason."""


OWN = frozenset({Kind.VENUE, Kind.MARGIN, Kind.WALLET, Kind.LP, Kind.LP_OWED, Kind.TRANSIT})
"""Accounts whose sum is what we have."""

HEADINGS: dict[Kind, str] = {
    Kind.MARKET: "trading",
    Kind.FEES: "fees",
    Kind.FUNDING: "funding",
    Kind.GAS: "gas",
    Kind.LP_FEES: "lp_fees",
    Kind.LP_MARKET: "lvr",
    Kind.ADJUSTMENT: "adjustment",
    Kind.EXTERNAL: "external",
    Kind.OPENING: "opening",
}
"""The heading of the attribution under which each counter-account's amounts come."""

PRICE = "price"
"""What the marks did to what was held; the heading without a counter-account."""

CAPITAL = ("external", "opening")
"""Headings that change the net asset value and are neither profit nor loss."""

EXCHANGES = frozenset({Kind.MARKET, Kind.LP_MARKET})
"""Counter-accounts through which one asset is given for another."""


class Place(NamedTuple):
    """Accounts of one kind and owner, of whatever asset."""

    kind: Kind
    owner: str


class Account(NamedTuple):
    """One asset at one place."""

    kind: Kind
    owner: str
    asset: str

    @property
    def place(self) -> Place:
        """Where it is."""
        return Place(self.kind, self.owner)

    def __str__(self) -> str:
        return f"{self.kind}:{self.owner}:{self.asset}"


class Posting(NamedTuple):
    """A change of one account; those of an entry sum to zero in each asset."""

    account: Account
    amount: int


def venue(owner: str) -> Place:
    """Return the place of a venue's balances; `owner` names the account there."""
    return Place(Kind.VENUE, owner)


def wallet(address: str) -> Place:
    """Return the place of an address's tokens."""
    return Place(Kind.WALLET, address)


def transit(transfer: str) -> Place:
    """Return the place of what a transfer has on its way."""
    return Place(Kind.TRANSIT, transfer)
