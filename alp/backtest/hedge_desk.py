"""The manifest's hedge as a desk: the core that the backtest on candles has, told events."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from alp.backtest.setup import Setup
from alp.backtest.venue_terms import VenueTerms
from alp.models.desk import (
    BookState,
    Desk,
    DeskInstrument,
    Event,
    Held,
    LpHeld,
    PoolPrice,
    Tick,
    Top,
    Wish,
)
from alp.models.hedge import HedgeCore, HedgeObservation, PassiveQuote
from alp.models.pair import TokenPair
from alp.models.volatility import MINUTE_NS, Volatility, make_volatility

INTERVAL_NS = 1_000_000_000
LASTS_NS = 10 * INTERVAL_NS
"""A wish is renewed when half of it is over."""
Levels = tuple[tuple[int, int], ...]


@dataclass(slots=True)
class _Product:
    terms: VenueTerms
    core: HedgeCore
    bid: int = 0
    ask: int = 0
    held: int = 0
    wish: Wish | None = None


class HedgeDesk(Desk):
    """Hedges what the ranges hold, with one passive order a venue.

    Parameters
    ----------
    cores
        Of each product, by its number, terms and core.
    volatility
        Fed with the pool's price of each minute.
    """

    interval_ns = INTERVAL_NS

    def __init__(
        self,
        pair: TokenPair,
        cores: Mapping[int, tuple[VenueTerms, HedgeCore]],
        volatility: Volatility,
    ) -> None:
        self._pair = pair
        self._products = {index: _Product(*each) for index, each in cores.items()}
        self._volatility = volatility
        self._minute = -1
        self._pool = 0.0
        self._delta: int | None = None
        self._wishes = 0

    @classmethod
    def build(cls, setup: Setup, products: Mapping[DeskInstrument, VenueTerms]) -> HedgeDesk:
        """Return the desk of a manifest."""
        shares = setup.spec.venue_shares()
        chosen = setup.spec.model.volatility
        total = sum(shares[each.venue] for each in products)
        cores = {
            each.index: (terms, terms.hedge(setup, shares[each.venue] / total, MINUTE_NS))
            for each, terms in products.items()
        }
        volatility = make_volatility(
            chosen.estimator, window_ns=chosen.window, half_life_ns=chosen.half_life
        )
        return cls(setup.pair, cores, volatility)

    def on(self, event: Event) -> Sequence[Wish]:
        """Take in what happened; decide every second and after each fill."""
        if isinstance(event, Top):
            product = self._products[event.instrument]
            product.bid = event.bid if event.bid_lots else 0
            product.ask = event.ask if event.ask_lots else 0
        elif isinstance(event, BookState):
            if not event.live:
                product = self._products[event.instrument]
                product.bid = product.ask = 0
        elif isinstance(event, Held):
            own = self._products[event.instrument]
            own.held = event.lots * own.terms.instrument.base_raw_per_lot
            # What was wanted before a fill would otherwise be placed a second time.
            return self._decide(event.at_ns)
        elif isinstance(event, LpHeld):
            self._delta = event.delta
        elif isinstance(event, PoolPrice):
            self._see_pool(event)
        elif isinstance(event, Tick):
            return self._decide(event.at_ns)
        return ()

    def _see_pool(self, event: PoolPrice) -> None:
        self._pool = self._pair.sqrt_x96_to_price(event.sqrt_price_x96)
        minute = event.at_ns // MINUTE_NS
        if minute != self._minute:
            self._minute = minute
            out = np.empty(1)
            self._volatility.run(np.array([event.at_ns]), np.array([self._pool]), out)

    def _decide(self, now_ns: int) -> list[Wish]:
        if self._delta is None:
            return []
        held = sum(each.held for each in self._products.values())
        found = []
        for index, product in self._products.items():
            bids, asks = self._levels(product, held, self._delta, now_ns)
            before = product.wish
            half = now_ns + LASTS_NS // 2
            if before and (bids, asks) == (before.bids, before.asks) and before.until_ns > half:
                continue
            self._wishes += 1
            product.wish = Wish(
                self._wishes, index, now_ns, now_ns + LASTS_NS, bids, asks, {"held_raw": held}
            )
            found.append(product.wish)
        return found

    def _levels(
        self, product: _Product, held: int, delta: int, now_ns: int
    ) -> tuple[Levels, Levels]:
        if not (product.bid and product.ask):
            return (), ()
        sigma = self._volatility.sigma()
        tick = float(product.terms.instrument.tick_size)
        seen = HedgeObservation(
            ts_ns=now_ns,
            lp_base=delta,
            target_base=0,
            cefi_base=held,
            bid_ticks=product.bid,
            ask_ticks=product.ask,
            sigma=sigma if np.isfinite(sigma) else None,
        )
        if self._pool:
            product.core.observe(now_ns, self._pool, seen.mid_ticks * tick)
        decision = product.core.decide(seen)
        return self._sized(product, 1, decision.bid), self._sized(product, -1, decision.ask)

    def _sized(self, product: _Product, side: int, quote: PassiveQuote | None) -> Levels:
        """Round to the venue's steps, away from the market."""
        if quote is None:
            return ()
        price_step, lot_step = product.terms.price_step, product.terms.lot_step
        price = quote.price_ticks // price_step * price_step
        if side < 0 and price < quote.price_ticks:
            price += price_step
        lots = quote.lots // lot_step * lot_step
        return ((price, lots),) if price > 0 and lots else ()

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "products": [
                {
                    "core": each.core.snapshot(),
                    "touch": [each.bid, each.ask],
                    "held": each.held,
                    "wish": None if each.wish is None else list(each.wish),
                }
                for each in self._products.values()
            ],
            "volatility": self._volatility.snapshot(),
            "minute": self._minute,
            "pool": self._pool,
            "delta": self._delta,
            "wishes": self._wishes,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state of a desk made alike."""
        for each, kept in zip(self._products.values(), state["products"], strict=True):
            each.core.restore(kept["core"])
            each.bid, each.ask = kept["touch"]
            each.held = kept["held"]
            each.wish = None if kept["wish"] is None else _wish(kept["wish"])
        self._volatility.restore(state["volatility"])
        self._minute, self._pool = state["minute"], state["pool"]
        self._delta, self._wishes = state["delta"], state["wishes"]


def _wish(kept: list[Any]) -> Wish:
    number, instrument, at_ns, until_ns, bids, asks, why = kept
    bids, asks = (tuple(tuple(level) for level in side) for side in (bids, asks))
    return Wish(number, instrument, at_ns, until_ns, bids, asks, why)
