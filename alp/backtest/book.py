"""The run's books: every asset outside and inside the pool, and where each change came from.

All values are integers in units of quote raw * 10^-28 (:data:`alp._core.lp_ledger.MARK_SCALE`), so
the identity ``NAV now - NAV at the start = sum of the parts`` is exact and is checked at every
sample; a violation is :class:`~alp.errors.Corrupt`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from alp._core.lp_ledger import MARK_SCALE
from alp.errors import Corrupt

PART_NAMES = ("fees", "lvr", "price", "gas", "hedge_pnl", "hedge_fees", "execution")

PositionBooks = Mapping[str, Any]
"""What the compiled ledger says of one live position."""


def worth(base_raw: int, quote_raw: int, mark: int) -> int:
    """Return the ledger value of two raw amounts at a mark price."""
    return base_raw * mark + quote_raw * MARK_SCALE


@dataclass(frozen=True)
class Snapshot:
    """NAV and cumulative parts at one moment, ledger units; inventories in raw base units."""

    ts_ns: int
    mark: int
    nav: int
    parts: tuple[int, ...]
    lp_base: int
    cefi_base: int


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

    def __post_init__(self) -> None:
        self._start_nav = self.nav(())
        self._start = (
            self.wallet_base + self.venue_base,
            self.wallet_quote + self.venue_quote,
        )

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
            self._parts["price"] += self.wallet_base * change
            self._parts["hedge_pnl"] += self.venue_base * change
            self.mark = mark

    def pay_gas(self, value: int) -> None:
        """Book a transaction cost (ledger value, not negative)."""
        self.gas_paid += value
        self._parts["gas"] -= value

    def open_position(self, paid: tuple[int, int], position: PositionBooks) -> None:
        """Move (base, quote) from the wallet into a position; the pool rounds up what it takes."""
        self.wallet_base -= paid[0]
        self.wallet_quote -= paid[1]
        if self.wallet_base < 0 or self.wallet_quote < 0:
            raise Corrupt(
                f"a mint took more than the wallet held: left {self.wallet_base} base, "
                f"{self.wallet_quote} quote raw units"
            )
        self._parts["execution"] += worth(
            position["base"] - paid[0], position["quote"] - paid[1], self.mark
        )

    def close_position(self, received: tuple[int, int], position: PositionBooks) -> None:
        """Move principal and fees (base, quote) of a closed position into the wallet."""
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
        self.wallet_base += d_base
        self.wallet_quote += d_quote
        self._parts["execution"] += worth(d_base, d_quote, self.mark)

    def hedge_fill(self, base_raw: int, quote_raw: int, fee_raw: int) -> None:
        """Book one fill on the venue (amounts signed from our side; fee positive when paid)."""
        self.venue_base += base_raw
        self.venue_quote += quote_raw - fee_raw
        self._parts["hedge_pnl"] += worth(base_raw, quote_raw, self.mark)
        self._parts["hedge_fees"] -= fee_raw * MARK_SCALE

    def nav(self, positions: Iterable[PositionBooks]) -> int:
        """Return the value of everything, positions with their uncollected fees included."""
        base = self.wallet_base + self.venue_base
        quote = self.wallet_quote + self.venue_quote
        for own in positions:
            base += own["base"] + own["fee_base"]
            quote += own["quote"] + own["fee_quote"]
        return worth(base, quote, self.mark) - self.gas_paid

    def parts(self, positions: Iterable[PositionBooks]) -> dict[str, int]:
        """Return the cumulative parts, live positions included."""
        total = dict(self._parts)
        for own in positions:
            for name in ("fees", "lvr", "price"):
                total[name] += own[name]
        return total

    def snapshot(self, ts_ns: int, positions: Sequence[PositionBooks]) -> Snapshot:
        """Return NAV and parts now.

        Raises
        ------
        Corrupt
            If the parts do not add up to the change of NAV exactly.
        """
        nav = self.nav(positions)
        parts = self.parts(positions)
        if nav - self._start_nav != sum(parts.values()):
            raise Corrupt(
                f"books do not balance at {ts_ns}: NAV changed by {nav - self._start_nav}, "
                f"parts add up to {sum(parts.values())}"
            )
        lp_base = self.wallet_base + sum(own["base"] + own["fee_base"] for own in positions)
        return Snapshot(
            ts_ns,
            self.mark,
            nav,
            tuple(parts[name] for name in PART_NAMES),
            lp_base,
            self.venue_base,
        )
