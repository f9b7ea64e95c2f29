"""What a tick-level backtest's fills cost and earned: fees by tier, rebates, funding; all exact.

Every amount is an integer of 10^-scale of the quote, with a scale at which prices, quantities,
rates and marks multiply without a remainder: nothing is rounded, so the parts add up to the total.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from alp._core.tick_replay import AHEAD_UNIT, FillCause
from alp.backtest.tick_file import Grid
from alp.errors import ConfigError

LEAST_SCALE = 12
MONTH_NS = 30 * 24 * 3600 * 10**9
"""The window that venues count volume over."""


@dataclass(frozen=True, slots=True)
class FeeTier:
    """Rates from so much volume on; shares of the value traded, below zero: a rebate."""

    from_volume: Decimal
    """In quote, traded in the window before."""
    maker: Decimal
    taker: Decimal


@dataclass(frozen=True, slots=True)
class FeeSchedule:
    """A venue's fees.

    Parameters
    ----------
    tiers
        By volume, rising; the first from 0.
    window_ns
        Over which volume counts.
    volume_before
        In quote, traded before the backtest; it counts for all of it.
    """

    tiers: tuple[FeeTier, ...]
    window_ns: int = MONTH_NS
    volume_before: Decimal = Decimal(0)

    def __post_init__(self) -> None:
        volumes = [tier.from_volume for tier in self.tiers]
        if not volumes or volumes[0] != 0 or volumes != sorted(set(volumes)):
            raise ConfigError("fee tiers rise with volume, the first from 0")
        if any(abs(rate) >= 1 for tier in self.tiers for rate in (tier.maker, tier.taker)):
            raise ConfigError("a fee is a share of the value: 0.0005 is 5 bp")
        if self.window_ns <= 0 or self.volume_before < 0:
            raise ConfigError("fees count volume, over a time")

    @classmethod
    def flat(cls, maker: Decimal, taker: Decimal) -> FeeSchedule:
        """Return the same rates for whatever volume."""
        return cls((FeeTier(Decimal(0), maker, taker),))


@dataclass(frozen=True, slots=True)
class Funding:
    """One payment of a perpetual: who is long pays the rate of the value at the mark."""

    at_ns: int
    rate: Decimal
    mark: Decimal
    """Quote per base."""


class EntryKind(StrEnum):
    """What an entry is of."""

    FILL = "fill"
    FUNDING = "funding"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the account; amounts in 10^-scale quote, above zero where they were received.

    Attributes
    ----------
    at_ns
        When it happened at the exchange.
    lots
        Bought, or sold below zero; of funding: held.
    fee
        What a fill cost; below zero: the rebate.
    """

    at_ns: int
    kind: EntryKind
    lots: int
    price: Decimal
    cash: int
    fee: int
    position: int
    """Lots held afterwards."""
    why: str


@dataclass
class TickAccount:
    """The account after a backtest; amounts in 10^-scale quote."""

    grid: Grid
    scale: int
    entries: list[Entry] = field(default_factory=list)
    position: int = 0
    traded: int = 0
    """Cash of fills, without fees."""
    fees: int = 0
    """Paid, without rebates."""
    rebates: int = 0
    funding: int = 0
    """Received."""
    maker_volume: int = 0
    taker_volume: int = 0

    @property
    def cash(self) -> int:
        """Quote held more than at first."""
        return self.traded - self.fees + self.rebates + self.funding

    def value(self, mark: Decimal) -> Fraction:
        """Return quote gained if what is held is worth so much a base; exact."""
        held = self.position * Fraction(self.grid.lot_size) * Fraction(mark)
        return self.in_quote(self.cash) + held

    def in_quote(self, amount: int) -> Fraction:
        """Return an amount of this account in quote."""
        return Fraction(amount, 10**self.scale)


def account_of(
    fills: npt.NDArray[Any],
    grid: Grid,
    fees: FeeSchedule,
    funding: Sequence[Funding] = (),
) -> TickAccount:
    """Account for every fill and payment, in the order they happened at the exchange.

    A payment at the moment of a fill counts with what was held before it.

    Parameters
    ----------
    fills
        Rows of :data:`alp._core.tick_replay.FILL_ROW`.
    funding
        Payments; those before the first fill are of nothing and left out.
    """
    book = _Book(TickAccount(grid, _scale(grid, fees, funding)), fees)
    payments = deque(sorted(funding, key=lambda each: each.at_ns))
    for fill in fills:
        while payments and payments[0].at_ns <= fill["venue_ns"]:
            book.pay(payments.popleft())
        book.fill(fill)
    for payment in payments:
        book.pay(payment)
    return book.account


def _scale(grid: Grid, fees: FeeSchedule, funding: Iterable[Funding]) -> int:
    """Return decimals at which every product is whole."""
    rates = [rate for tier in fees.tiers for rate in (tier.maker, tier.taker)]
    lot = _decimals(grid.lot_size)
    traded = _decimals(grid.tick_size) + lot + max(map(_decimals, rates))
    paid = [lot + _decimals(each.mark) + _decimals(each.rate) for each in funding]
    return max(LEAST_SCALE, traded, *paid, 0)


def _decimals(value: Decimal) -> int:
    exponent = value.as_tuple().exponent
    if not isinstance(exponent, int):
        raise ConfigError(f"{value} is no amount")
    return max(0, -exponent)


class FeeMeter:
    """Rates by what was traded in the window before; values in ticks times lots.

    Parameters
    ----------
    fees
        The schedule.
    grid
        What a tick and a lot are.
    """

    def __init__(self, fees: FeeSchedule, grid: Grid) -> None:
        unit = Fraction(grid.tick_size) * Fraction(grid.lot_size)
        self._fees = fees
        self._froms = [Fraction(tier.from_volume) / unit for tier in fees.tiers]
        self._volume = Fraction(fees.volume_before) / unit
        self._counted: deque[tuple[int, int]] = deque()

    def charge(self, now_ns: int, value: int, *, taker: bool) -> tuple[Decimal, str]:
        """Return the rate of what is traded now, by what was before, and a few words on it."""
        while self._counted and self._counted[0][0] <= now_ns - self._fees.window_ns:
            self._volume -= self._counted.popleft()[1]
        number = bisect_right(self._froms, self._volume) - 1
        if len(self._froms) > 1:
            self._counted.append((now_ns, value))
            self._volume += value
        tier = self._fees.tiers[number]
        rate = tier.taker if taker else tier.maker
        return rate, _rate_text(taker, rate, number, len(self._froms))


class _Book:
    """Writes entries."""

    def __init__(self, account: TickAccount, fees: FeeSchedule) -> None:
        self.account = account
        self._meter = FeeMeter(fees, account.grid)
        unit = account.grid.tick_size * account.grid.lot_size
        self._unit = int(Fraction(unit) * 10**account.scale)

    def fill(self, fill: Any) -> None:
        account, cause = self.account, FillCause(fill["cause"])
        lots, now = int(fill["lots"]), int(fill["venue_ns"])
        value = int(fill["price"]) * lots * self._unit
        signed = lots if fill["bid"] else -lots
        taker = cause == FillCause.TAKEN
        rate, words = self._meter.charge(now, int(fill["price"]) * lots, taker=taker)
        fee = int(value * Fraction(rate))
        cash = -value if fill["bid"] else value
        account.traded += cash
        account.fees += max(fee, 0)
        account.rebates += max(-fee, 0)
        account.position += signed
        if taker:
            account.taker_volume += value
        else:
            account.maker_volume += value
        price = int(fill["price"]) * account.grid.tick_size
        ahead, joined = int(fill["ahead"]), int(fill["joined"])
        why = f"{why_filled(cause, ahead, joined)}; {words}"
        account.entries.append(
            Entry(now, EntryKind.FILL, signed, price, cash, fee, account.position, why)
        )

    def pay(self, payment: Funding) -> None:
        account = self.account
        if account.position == 0:
            return
        value = account.position * Fraction(account.grid.lot_size) * Fraction(payment.mark)
        received = -int(value * Fraction(payment.rate) * 10**account.scale)
        account.funding += received
        why = f"funding of {payment.rate:f} of the value at the mark"
        account.entries.append(
            Entry(
                payment.at_ns,
                EntryKind.FUNDING,
                account.position,
                payment.mark,
                received,
                0,
                account.position,
                why,
            )
        )


def _rate_text(taker: bool, rate: Decimal, number: int, tiers: int) -> str:
    side = "taker" if taker else "maker"
    tier = f", tier {number + 1}" if tiers > 1 else ""
    return f"{side} {(rate * 10_000).normalize():f} bp{tier}"


def why_filled(cause: FillCause, ahead: int, joined: int) -> str:
    """Return a sentence on why a row of :data:`alp._core.tick_replay.FILL_ROW` is there."""
    if cause == FillCause.TAKEN:
        return "it took what was there when it arrived"
    left = float(Fraction(ahead, AHEAD_UNIT))
    queue = f"{left:g} of the {joined} lots before it were left"
    if cause == FillCause.AT_TURN:
        return f"a trade at its price came past the queue: {queue}"
    if cause == FillCause.TRADED_THROUGH:
        return f"a trade went beyond its price: {queue}"
    return f"the other side came to its price: {queue}"
