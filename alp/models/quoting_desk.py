"""The built-in desk: a market maker for each product on one combined inventory.

Each product has a :class:`~alp.models.maker.MakerCore`; what it leans against is
``q = sum of positions + h * delta`` of all legs, and what it may have open is its share of what all
of them may still add. It quotes only on inputs that are fresh, and every wish says why it is so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from alp._core.maker import Bound, MakerView
from alp.models.basis import Verdict
from alp.models.caution_ladder import Level
from alp.models.desk import (
    BookState,
    Desk,
    Event,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    Paused,
    PoolPrice,
    Tick,
    Top,
    Traded,
    Wish,
)
from alp.models.hedge_meter import HedgeMeter
from alp.models.lp_greeks import Need
from alp.models.maker import MakerCore, MakerObservation
from alp.models.maker_words import as_record
from alp.models.quoting_guard import LegGuard, Mid, Ratio
from alp.models.quoting_inventory import Combined, LegInventory
from alp.models.quoting_rules import QuotedProduct, QuotingRules

Levels = tuple[tuple[int, int], ...]


class Terms(NamedTuple):
    """What of a decision the maker's own record does not have."""

    combined: Combined
    ratio: Ratio
    verdict: Verdict
    gate: GateState | None
    room: Need
    off: tuple[str, ...]


@dataclass
class Lane:
    """One product as it is followed."""

    product: QuotedProduct
    core: MakerCore
    top: Top | None = None
    mid: Mid | None = None
    live: bool = False
    gate: Gated | None = None
    highest_bought: int = -1
    lowest_sold: int = -1
    sampled_ns: int = 0
    said: tuple[Levels, Levels] | None = None
    said_ns: int = 0
    view: MakerView | None = None
    terms: Terms | None = None
    counts: dict[str, int] = field(default_factory=dict)

    def see(self, top: Top) -> None:
        """Take in a touch; its middle is remembered for longer than the book is believed."""
        self.top = top
        if top.bid_lots and top.ask_lots:
            tick = float(self.product.instrument.tick_size)
            self.mid = Mid((top.bid + top.ask) / 2.0 * tick, top.at_ns)


class QuotingDesk(Desk):
    """Decides what rests at every product.

    Parameters
    ----------
    rules
        How.
    """

    def __init__(self, rules: QuotingRules) -> None:
        self.rules = rules
        self.interval_ns = min(each.calibration.interval_ns for each in rules.products)
        self.lanes = {
            each.instrument.index: Lane(
                each, MakerCore(each.maker, each.calibration, measured=each.measured)
            )
            for each in rules.products
        }
        self.pegs: dict[int, tuple[float, Mid | None]] = {
            each.instrument.index: (float(each.instrument.tick_size), None) for each in rules.pegs
        }
        self.inventory = LegInventory(rules)
        self.guard = LegGuard(rules)
        self.meter = HedgeMeter(rules.base_decimals)
        self.paused = False
        self._now_ns = 0
        self._number = 0
        self._does: dict[type[Any], Callable[[Any], Sequence[Wish]]] = {
            Top: self._top,
            Traded: self._traded,
            BookState: self._book_state,
            Filled: self._filled,
            Held: self._held,
            LpHeld: self._lp_held,
            PoolPrice: self._pool_price,
            Gated: self._gated,
            Paused: self._paused,
            Tick: self._tick,
        }

    def on(self, event: Event) -> Sequence[Wish]:
        """Take in what happened; return the wishes that follow."""
        self._now_ns = max(self._now_ns, event.at_ns)
        return self._does[type(event)](event)

    def warm_up(
        self,
        instrument: int,
        ts_ns: npt.NDArray[np.int64],
        prices: npt.NDArray[np.int64],
        bought: npt.NDArray[np.uint8],
    ) -> None:
        """Measure a product by trades of the past, oldest first; before the first event."""
        self.lanes[instrument].core.arrivals.warm_up(ts_ns, prices, bought)

    def say_again(self) -> None:
        """Forget what was said: whoever heard it may be gone."""
        for lane in self.lanes.values():
            lane.said = None

    # what happened

    def _top(self, event: Top) -> Sequence[Wish]:
        lane = self.lanes.get(event.instrument)
        if lane is None:
            self._peg(event)
            return ()
        lane.see(event)
        return self._decide(lane) if lane.live else ()

    def _peg(self, event: Top) -> None:
        if event.instrument in self.pegs:
            tick, _ = self.pegs[event.instrument]
            known = event.bid_lots and event.ask_lots
            mid = Mid((event.bid + event.ask) / 2.0 * tick, event.at_ns) if known else None
            self.pegs[event.instrument] = (tick, mid)

    def _traded(self, event: Traded) -> Sequence[Wish]:
        lane = self.lanes.get(event.instrument)
        if lane is not None and event.aggressor > 0:
            lane.highest_bought = max(lane.highest_bought, event.price)
        elif lane is not None and event.aggressor < 0:
            lowest = lane.lowest_sold
            lane.lowest_sold = event.price if lowest < 0 else min(lowest, event.price)
        return ()

    def _book_state(self, event: BookState) -> Sequence[Wish]:
        lane = self.lanes.get(event.instrument)
        if lane is None:
            if not event.live and event.instrument in self.pegs:
                self.pegs[event.instrument] = (self.pegs[event.instrument][0], None)
            return ()
        changed = lane.live != event.live
        lane.live = event.live
        if not event.live:
            lane.top = None
        return self._decide(lane) if changed else ()

    def _filled(self, event: Filled) -> Sequence[Wish]:
        lane = self.lanes.get(event.instrument)
        if lane is not None and lane.mid is not None:
            mid = lane.mid.price
            raw = event.side * event.lots * self.inventory.lot_raw(event.instrument)
            price = event.price * float(lane.product.instrument.tick_size)
            fee = lane.product.maker.maker_fee_bps * 1e-4 if event.maker else 0.0
            paid = fee * price * abs(raw) * 10.0**-self.rules.base_decimals
            self.meter.fill(raw, price, mid, paid)
        return ()

    def _held(self, event: Held) -> Sequence[Wish]:
        return self._decide_all() if self.inventory.held(event) else ()

    def _lp_held(self, event: LpHeld) -> Sequence[Wish]:
        if self.rules.hedge is None:
            return ()
        return self._decide_all() if self.inventory.lp_held(event) else ()

    def _pool_price(self, event: PoolPrice) -> Sequence[Wish]:
        self.guard.pool_price(event)
        return ()

    def _gated(self, event: Gated) -> Sequence[Wish]:
        lane = self.lanes.get(event.instrument)
        if lane is None:
            return ()
        before, lane.gate = lane.gate, event
        same = before is not None and before[2:] == event[2:]
        return () if same else self._decide(lane)

    def _paused(self, event: Paused) -> Sequence[Wish]:
        changed = self.paused != event.paused
        self.paused = event.paused
        return self._decide_all() if changed else ()

    def _tick(self, _: Tick) -> Sequence[Wish]:
        for lane in self.lanes.values():
            self._sample(lane)
        mids = {at: lane.mid for at, lane in self.lanes.items() if lane.mid is not None}
        first = next(iter(mids), None)
        if first is not None:
            self._measure(first, mids[first].price)
        mids |= {at: mid for at, (_, mid) in self.pegs.items() if mid is not None}
        self.guard.look(self._now_ns, mids)
        return self._decide_all()

    def _sample(self, lane: Lane) -> None:
        interval = lane.product.calibration.interval_ns
        # A timer is late now and then: nearly an interval is one.
        if 4 * (self._now_ns - lane.sampled_ns) < 3 * interval:
            return
        top = lane.top if lane.live else None
        bid, ask = (top.bid, top.ask) if top and top.bid_lots and top.ask_lots else (0, 0)
        bought, sold = lane.highest_bought, lane.lowest_sold
        lane.core.arrivals.sample(self._now_ns, bid, ask, bought, sold)
        lane.highest_bought = lane.lowest_sold = -1
        lane.sampled_ns = self._now_ns

    def _measure(self, instrument: int, mid: float) -> None:
        ratio = self.guard.ratio(instrument).value
        combined = self.inventory.combined(instrument, 0.0 if ratio is None else ratio)
        if not combined.since_ns:
            return
        band = 0 if self.rules.hedge is None else self.rules.hedge.band_raw
        least = self.lanes[instrument].product.maker.min_lots * self.inventory.lot_raw(instrument)
        self.meter.observe(self._now_ns, combined.combined_raw, mid, band + least)

    # what follows

    def _decide_all(self) -> list[Wish]:
        return [wish for lane in self.lanes.values() for wish in self._decide(lane)]

    def _decide(self, lane: Lane) -> Sequence[Wish]:
        terms, seen = self._look(lane)
        view = lane.core.decide(seen)
        lane.view, lane.terms = view, terms
        bids, asks = _open(view, seen)
        changed = lane.said != (bids, asks)
        due = (bids or asks) and self._now_ns - lane.said_ns >= self.rules.renew_ns
        if not (changed or due):
            return ()
        lane.said, lane.said_ns = (bids, asks), self._now_ns
        self._number += 1
        return (
            Wish(
                self._number,
                lane.product.instrument.index,
                self._now_ns,
                self._now_ns + self.rules.hold_ns,
                bids,
                asks,
                {**as_record(view), "hedge": self._record(lane, terms)},
            ),
        )

    def _look(self, lane: Lane) -> tuple[Terms, MakerObservation]:
        """Return what a product's maker is told, and what made it so."""
        product, now = lane.product, self._now_ns
        index = product.instrument.index
        ratio, verdict = self.guard.ratio(index), self.guard.verdict(index)
        combined = self.inventory.combined(index, 0.0 if ratio.value is None else ratio.value)
        room = self.inventory.room(product, combined.combined_raw)
        gate = lane.gate
        off = list(self._reasons(lane, ratio, verdict))
        if gate is not None:
            room = Need(min(room.buy, gate.buy_room), min(room.sell, gate.sell_room))
            if gate.state is GateState.REDUCING:
                lots = self.inventory.lots(index)
                room = Need(min(room.buy, max(0, -lots)), min(room.sell, max(0, lots)))
        if verdict.level >= Level.REDUCE:
            lots = abs(combined.combined_raw) // self.inventory.lot_raw(index)
            is_long = combined.combined_raw > 0
            room = Need(0 if is_long else min(room.buy, lots), min(room.sell, lots * is_long))
        top = lane.top if lane.live else None
        lp = self.inventory.lp
        return Terms(combined, ratio, verdict, gate and gate.state, room, tuple(off)), (
            MakerObservation(
                now_ns=now,
                bid=top.bid if top else 0,
                bid_lots=top.bid_lots if top else 0,
                ask=top.ask if top else 0,
                ask_lots=top.ask_lots if top else 0,
                inventory=combined.leaned_lots,
                book_ns=top.at_ns if top else 0,
                inventory_ns=combined.since_ns,
                pool_ns=lp.at_ns if lp else 0,
                buy_room=room.buy,
                sell_room=room.sell,
                widen=verdict.widen,
                bid_allowed=room.buy > 0,
                ask_allowed=room.sell > 0,
                suspended=bool(off),
            )
        )

    def _reasons(self, lane: Lane, ratio: Ratio, verdict: Verdict) -> Sequence[str]:
        """Return why nothing at all may be quoted at a product; empty where something may."""
        off, gate, oldest = [], lane.gate, self.rules.gate_age_ns
        if self.paused:
            off.append("paused")
        if gate is None:
            if oldest is not None:
                off.append("the account's gate was never heard")
        elif gate.state is GateState.HALTED:
            off.append("the account's gate is closed")
        elif oldest is not None and self._now_ns - gate.at_ns > oldest:
            off.append("the account's gate was not heard for too long")
        if verdict.level >= Level.SUSPEND:
            off += verdict.why or ("no monitor was heard",)
        if ratio.value is None:
            off.append("the hedge ratio is not known")
        elif self.guard.decorrelated(ratio):
            off.append(f"pool and venue have a correlation of {ratio.correlation:.3f}")
        return off

    def _record(self, lane: Lane, terms: Terms) -> dict[str, Any]:
        """Return the hedge's part of a wish's explanation; raw amounts as decimal text."""
        combined, verdict, hedge = terms.combined, terms.verdict, self.rules.hedge
        index = lane.product.instrument.index
        return {
            "held_lots": self.inventory.lots(index),
            "neutral_lots": self.inventory.neutral_lots(index),
            "cefi_raw": str(combined.cefi_raw),
            "delta_raw": str(combined.delta_raw),
            "ratio": terms.ratio.value,
            "ratio_source": terms.ratio.source,
            "correlation": terms.ratio.correlation,
            "combined_raw": str(combined.combined_raw),
            "band_raw": str(0 if hedge is None else hedge.band_raw),
            "leaned_raw": str(combined.leaned_raw),
            "share_ppm": lane.product.share_ppm,
            "level": verdict.level.name,
            "monitors": list(verdict.why),
            "gate": None if terms.gate is None else terms.gate.name,
            "off": list(terms.off),
            "base_decimals": self.rules.base_decimals,
        }

    # its memory

    def snapshot(self) -> dict[str, Any]:
        """Return the state as plain values."""
        return {
            "now_ns": self._now_ns,
            "number": self._number,
            "paused": self.paused,
            "lanes": {str(at): _lane_state(lane) for at, lane in self.lanes.items()},
            "pegs": {str(at): mid and list(mid) for at, (_, mid) in self.pegs.items()},
            "inventory": self.inventory.snapshot(),
            "guard": self.guard.snapshot(),
            "meter": self.meter.snapshot(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Take up the state that `snapshot` of a desk made alike gave."""
        self._now_ns, self._number = state["now_ns"], state["number"]
        self.paused = state["paused"]
        for at, lane in state["lanes"].items():
            _restore_lane(self.lanes[int(at)], lane)
        for at, mid in state["pegs"].items():
            self.pegs[int(at)] = (self.pegs[int(at)][0], Mid(*mid) if mid else None)
        self.inventory.restore(state["inventory"])
        self.guard.restore(state["guard"])
        self.meter.restore(state["meter"])


def _open(view: MakerView, seen: MakerObservation) -> tuple[Levels, Levels]:
    """Return a decision's levels; the core holds touch and room, and a wish without it is worse."""
    bids = tuple((price, lots) for price, lots in view.bids if price < seen.ask)
    asks = tuple((price, lots) for price, lots in view.asks if price > seen.bid)
    bids = bids if sum(lots for _, lots in bids) <= seen.buy_room else ()
    asks = asks if sum(lots for _, lots in asks) <= seen.sell_room else ()
    return bids, asks


def _lane_state(lane: Lane) -> dict[str, Any]:
    gate = lane.gate
    return {
        "core": lane.core.snapshot(),
        "top": lane.top and list(lane.top),
        "mid": lane.mid and list(lane.mid),
        "live": lane.live,
        "gate": gate and [gate.instrument, gate.at_ns, int(gate.state), *gate[3:]],
        "traded": [lane.highest_bought, lane.lowest_sold],
        "sampled_ns": lane.sampled_ns,
        "said": lane.said and [[list(level) for level in side] for side in lane.said],
        "said_ns": lane.said_ns,
    }


def _restore_lane(lane: Lane, state: dict[str, Any]) -> None:
    lane.core.restore(state["core"])
    top, gate, said = state["top"], state["gate"], state["said"]
    lane.top = Top(*top) if top else None
    lane.mid = Mid(*state["mid"]) if state["mid"] else None
    lane.live = state["live"]
    lane.gate = Gated(gate[0], gate[1], GateState(gate[2]), *gate[3:]) if gate else None
    lane.highest_bought, lane.lowest_sold = state["traded"]
    lane.sampled_ns, lane.said_ns = state["sampled_ns"], state["said_ns"]
    lane.said = None
    if said:
        bids, asks = (tuple((price, lots) for price, lots in side) for side in said)
        lane.said = bids, asks


NOT_QUOTED = (
    Bound.STALE_BOOK
    | Bound.STALE_INVENTORY
    | Bound.STALE_POOL
    | Bound.STALE_CALIBRATION
    | Bound.STALE_DRIFT
    | Bound.NO_BOOK
    | Bound.CROSSED_BOOK
    | Bound.UNCALIBRATED
    | Bound.OUT_OF_DOMAIN
    | Bound.SUSPENDED
)
"""Any of these, and nothing is quoted."""
