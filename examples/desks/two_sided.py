"""A desk of one's own: a quote a side around the mid, leaning against the combined inventory.

docs/strategy-interface.md says what it is told, how it answers, and how it is run.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

from alp.models.desk import BookState, Desk, DeskInstrument, Event, Held, LpHeld, Tick, Top, Wish

LASTS_NS = 5_000_000_000


class TwoSided(Desk):
    """Quotes every product alike.

    Parameters
    ----------
    size_base
        Of each quote.
    half_spread_bps
        From the mid, without inventory.
    lean_bps
        By how much the mid is moved for each `size_base` held too much.
    base_decimals
        Of the base token.
    """

    interval_ns = 500_000_000

    def __init__(
        self,
        instruments: Sequence[DeskInstrument],
        size_base: float = 0.5,
        half_spread_bps: float = 1.0,
        lean_bps: float = 0.5,
        base_decimals: int = 18,
    ) -> None:
        self.instruments = instruments
        self.half_spread = half_spread_bps / 1e4
        self.lean = lean_bps / 1e4
        self.size_raw = int(Decimal(str(size_base)) * 10**base_decimals)
        self.lots = [int(Decimal(str(size_base)) / each.lot_size) for each in instruments]
        self.raw_per_lot = [int(each.lot_size * 10**base_decimals) for each in instruments]
        self.tops: list[Top | None] = [None] * len(instruments)
        self.held = [0] * len(instruments)
        self.delta_raw = 0
        self.number = 0

    def on(self, event: Event) -> Sequence[Wish]:
        """Keep what is known; say what shall rest whenever time passed."""
        match event:
            case Top():
                self.tops[event.instrument] = event
            case BookState(live=False):
                self.tops[event.instrument] = None
            case Held():
                self.held[event.instrument] = event.lots
            case LpHeld():
                self.delta_raw = event.delta
            case Tick():
                return [self.wish(each, event.at_ns) for each in self.instruments]
        return ()

    def wish(self, product: DeskInstrument, now_ns: int) -> Wish:
        """Return a quote a side around where the price is fair for us, never across the touch."""
        index = product.index
        self.number += 1
        top = self.tops[index]
        if top is None or not (top.bid_lots and top.ask_lots):
            return Wish(self.number, index, now_ns, now_ns, (), (), {"bound": "no book"})
        combined = self.delta_raw + sum(
            lots * raw for lots, raw in zip(self.held, self.raw_per_lot, strict=True)
        )
        mid = (top.bid + top.ask) / 2
        fair = mid * (1 - self.lean * combined / self.size_raw)
        bid = min(int(fair * (1 - self.half_spread)), top.ask - 1)
        ask = max(int(fair * (1 + self.half_spread)) + 1, top.bid + 1, bid + 1)
        lots = self.lots[index]
        why = {"mid": mid, "fair": fair, "combined_raw": combined}
        until_ns = now_ns + LASTS_NS
        return Wish(self.number, index, now_ns, until_ns, ((bid, lots),), ((ask, lots),), why)

    def snapshot(self) -> dict[str, Any]:
        """Return what `restore` needs, as plain values."""
        return {
            "tops": [None if top is None else list(top) for top in self.tops],
            "held": self.held,
            "delta_raw": self.delta_raw,
            "number": self.number,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on where another desk made alike was."""
        self.tops = [None if top is None else Top(*top) for top in state["tops"]]
        self.held = list(state["held"])
        self.delta_raw = state["delta_raw"]
        self.number = state["number"]
