"""The run's books: every asset outside and inside the pool, and where each change came from.

All values are integers in units of quote raw * 10^-28 (:data:`alp._core.lp_ledger.MARK_SCALE`), so
the identity ``NAV now - NAV at the start = sum of the parts`` is exact and is checked at every
sample; a violation is :class:`~alp.errors.Corrupt`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from alp._core.lp_ledger import MARK_SCALE, LedgerSample
from alp.errors import Corrupt

PART_NAMES = ("fees", "lvr", "price", "gas", "hedge_pnl", "hedge_fees", "execution")

PositionBooks = Mapping[str, Any]
"""What the compiled ledger says of one live position."""


def worth(base_raw: int, quote_raw: int, mark: int) -> int:
    """Return the ledger value of two raw amounts at a mark price."""
    return base_raw * mark + quote_raw * MARK_SCALE


class Snapshot(NamedTuple):
    """NAV and cumulative parts at one moment, ledger units; inventories in raw base units."""

    ts_ns: int
    mark: int
    nav: int
    parts: tuple[int, ...]
    lp_base: int
    cefi_base: int


class Balances(NamedTuple):
    """What the book holds outside positions, and its parts as of the mark it was last booked at."""

    mark: int
    wallet_base: int
    wallet_quote: int
    venue_base: int
    venue_quote: int
    gas_paid: int
    start_nav: int
    parts: tuple[int, ...]

    def snapshot(self, positions: LedgerSample) -> Snapshot:
        """Return NAV and parts at a sample of the positions, repriced to its mark.

        Raises
        ------
        Corrupt
            If the parts do not add up to the change of NAV exactly.
        """
        ts_ns, mark, base, quote, price, lvr, fees, _, _ = positions
        change = mark - self.mark
        lp_base = self.wallet_base + base
        nav = (
            (lp_base + self.venue_base) * mark
            + (self.wallet_quote + self.venue_quote + quote) * MARK_SCALE
            - self.gas_paid
        )
        fees0, lvr0, price0, gas, hedge_pnl, hedge_fees, execution = self.parts
        parts = (
            fees0 + fees,
            lvr0 + lvr,
            price0 + price + self.wallet_base * change,
            gas,
            hedge_pnl + self.venue_base * change,
            hedge_fees,
            execution,
        )
        if nav - self.start_nav != sum(parts):
            raise Corrupt(
                f"books do not balance at {ts_ns}: NAV changed by {nav - self.start_nav}, "
                f"parts add up to {sum(parts)}"
            )
        return Snapshot(ts_ns, mark, nav, parts, lp_base, self.venue_base)


@dataclass
class Book:
    """Wallet, venue account and costs, plus the positions' own accumulators.

    Parameters
    ----------
    mark
        Mark price at the start, ledger scale.
    wallet_base, wallet_quote
        Raw amounts held outside positions at the start.
    """

    mark: int
    wallet_base: int
    wallet_quote: int
    venue_base: int = 0
    venue_quote: int = 0
    gas_paid: int = 0
    _parts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(PART_NAMES, 0))
    _start_nav: int = field(init=False)
    _start: tuple[int, int] = field(init=False)
    _balances: Balances | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._start = (
            self.wallet_base + self.venue_base,
            self.wallet_quote + self.venue_quote,
        )
        self._start_nav = worth(*self._start, self.mark)

    @property
    def start_nav(self) -> int:
        """NAV when the book was opened."""
        return self._start_nav

    @property
    def start_amounts(self) -> tuple[int, int]:
        """Raw base and quote when the book was opened, all legs together."""
        return self._start

    def mark_to(self, mark: int) -> None:
        """Reprice what is held outside positions."""
        change = mark - self.mark
        if change:
            self._balances = None
            self._parts["price"] += self.wallet_base * change
            self._parts["hedge_pnl"] += self.venue_base * change
            self.mark = mark

    def pay_gas(self, value: int) -> None:
        """Book a transaction cost (ledger value, not negative)."""
        self._balances = None
        self.gas_paid += value
        self._parts["gas"] -= value

    def open_position(self, paid: tuple[int, int], put: tuple[int, int]) -> None:
        """Move (base, quote) from the wallet into a position; the pool rounds up what it takes."""
        self._balances = None
        self.wallet_base -= paid[0]
        self.wallet_quote -= paid[1]
        if self.wallet_base < 0 or self.wallet_quote < 0:
            raise Corrupt(
                f"a mint took more than the wallet held: left {self.wallet_base} base, "
                f"{self.wallet_quote} quote raw units"
            )
        self._parts["execution"] += worth(put[0] - paid[0], put[1] - paid[1], self.mark)

    def close_position(self, received: tuple[int, int], position: PositionBooks) -> None:
        """Move principal and fees (base, quote) of a closed position into the wallet."""
        self._balances = None
        self.wallet_base += received[0]
        self.wallet_quote += received[1]
        for name in ("fees", "lvr", "price"):
            self._parts[name] += position[name]
        held_base = position["base"] + position["fee_base"]
        held_quote = position["quote"] + position["fee_quote"]
        self._parts["execution"] += worth(
            received[0] - held_base, received[1] - held_quote, self.mark
        )

    def swap_wallet(self, d_base: int, d_quote: int) -> None:
        """Book our own swap; its fee and impact show as execution cost at the mark."""
        self._balances = None
        self.wallet_base += d_base
        self.wallet_quote += d_quote
        self._parts["execution"] += worth(d_base, d_quote, self.mark)

    def hedge_fill(self, base_raw: int, quote_raw: int, fee_raw: int) -> None:
        """Book one fill on the venue (amounts signed from our side; fee positive when paid)."""
        self._balances = None
        self.venue_base += base_raw
        self.venue_quote += quote_raw - fee_raw
        self._parts["hedge_pnl"] += worth(base_raw, quote_raw, self.mark)
        self._parts["hedge_fees"] -= fee_raw * MARK_SCALE

    def balances(self) -> Balances:
        """Return what is held outside positions; the same object until something is booked."""
        if self._balances is None:
            self._balances = Balances(
                self.mark,
                self.wallet_base,
                self.wallet_quote,
                self.venue_base,
                self.venue_quote,
                self.gas_paid,
                self._start_nav,
                tuple(self._parts[name] for name in PART_NAMES),
            )
        return self._balances
