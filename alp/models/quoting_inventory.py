"""The combined inventory of all legs, and how much of each side it leaves room for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from alp.models.desk import Held, LpHeld
from alp.models.hedge import lot_raw
from alp.models.hedge_capacity import least, within
from alp.models.inventory import hedged_inventory
from alp.models.lp_greeks import Need
from alp.models.quoting_rules import PIPS, QuotedProduct, QuotingRules


class Combined(NamedTuple):
    """What one product's maker leans against.

    Attributes
    ----------
    cefi_raw, delta_raw
        Venues' positions less what is neutral, and the LP leg's base less its target: raw base.
    combined_raw
        ``cefi + h * delta``.
    leaned_raw
        What of it is outside the band.
    leaned_lots
        The same in the product's lots, towards zero.
    since_ns
        When all of it was true; 0 while a part was never heard.
    """

    cefi_raw: int
    delta_raw: int
    combined_raw: int
    leaned_raw: int
    leaned_lots: int
    since_ns: int


@dataclass
class _Account:
    lot_raw: int
    neutral_lots: int | None
    lots: int = 0
    at_ns: int = 0


class LegInventory:
    """What all legs hold; deterministic."""

    def __init__(self, rules: QuotingRules) -> None:
        self._rules = rules
        self._accounts = {
            each.instrument.index: _Account(
                lot_raw(each.instrument.lot_size, rules.base_decimals), each.neutral_lots
            )
            for each in rules.products
        }
        self.lp: LpHeld | None = None

    def held(self, event: Held) -> bool:
        """Take in a position; return whether it is another one than before."""
        account = self._accounts.get(event.instrument)
        if account is None or event.at_ns < account.at_ns:
            return False
        changed = account.lots != event.lots or not account.at_ns
        account.lots, account.at_ns = event.lots, event.at_ns
        if account.neutral_lots is None:
            account.neutral_lots = event.lots
        return changed

    def lp_held(self, event: LpHeld) -> bool:
        """Take in what the LP leg holds; return whether it is another delta than before."""
        before, self.lp = self.lp, event
        return before is None or before.delta != event.delta

    def lots(self, instrument: int) -> int:
        """Return the position in a product."""
        return self._accounts[instrument].lots

    def neutral_lots(self, instrument: int) -> int | None:
        """Return which position of a product is none; None while that is not known."""
        return self._accounts[instrument].neutral_lots

    def lot_raw(self, instrument: int) -> int:
        """Return the raw base of one lot."""
        return self._accounts[instrument].lot_raw

    def combined(self, instrument: int, ratio: float) -> Combined:
        """Return what a product's maker leans against, with ``h`` as it is for that product."""
        accounts = self._accounts.values()
        cefi = sum((each.lots - (each.neutral_lots or 0)) * each.lot_raw for each in accounts)
        hedge = self._rules.hedge
        delta = 0 if hedge is None or self.lp is None else self.lp.delta
        combined = hedged_inventory(cefi, delta, ratio)
        band = 0 if hedge is None else hedge.band_raw
        leaned = combined - min(max(combined, -band), band)
        lot = self._accounts[instrument].lot_raw
        lots = abs(leaned) // lot * (1 if leaned >= 0 else -1)
        since = min(each.at_ns for each in accounts)
        return Combined(cefi, delta, combined, leaned, lots, since)

    def room(self, product: QuotedProduct, combined_raw: int) -> Need:
        """Return the lots of a side that may be open: its share of what all may add, and its own.

        Shares add up to one at most, so that all products filled at once still hold the limit.
        """
        account = self._accounts[product.instrument.index]
        total = within(combined_raw, self._rules.most_net_raw)
        mine = Need(
            total.buy * product.share_ppm // PIPS // account.lot_raw,
            total.sell * product.share_ppm // PIPS // account.lot_raw,
        )
        own = within(account.lots, product.most_lots)
        if product.is_spot:
            own = Need(own.buy, max(0, account.lots))
        return least(mine, own)

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values; raw amounts as decimal text."""
        lp = self.lp
        return {
            "accounts": {
                str(index): [each.neutral_lots, each.lots, each.at_ns]
                for index, each in self._accounts.items()
            },
            "lp": None
            if lp is None
            else [lp.at_ns, str(lp.base), str(lp.quote), str(lp.delta), lp.block, lp.epoch],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` gave."""
        for index, (neutral, lots, at_ns) in state["accounts"].items():
            account = self._accounts[int(index)]
            account.neutral_lots, account.lots, account.at_ns = neutral, lots, at_ns
        lp = state["lp"]
        self.lp = (
            None if lp is None else LpHeld(lp[0], int(lp[1]), int(lp[2]), int(lp[3]), lp[4], lp[5])
        )
