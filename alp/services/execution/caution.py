"""What lets only reducing orders leave, or none: strayed prices, positions, losses, the clock.

The gate looks at one command; this looks at what they come to. It holds what faults hold elsewhere
in the strategy to the manifest's limits and says so to the account, which sets the gate's state.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from decimal import Decimal

from alp._core.gate import Refusal
from alp._core.order_life import OrderEvent
from alp._core.orders import OrderFields
from alp._core.wire import QuotesMessage
from alp.services.execution.account import Account
from alp.services.execution.limits import (
    CLOCK_AGE_NS,
    AccountVenue,
    combined_limit,
    instrument_rules,
    smallest_order,
    units_of_lot,
)
from alp.services.execution.market_view import MarketView
from alp.services.execution.steps import Step
from alp.strategy.manifest import Strategy
from alp.venues.orders import Fact

logger = logging.getLogger(__name__)

SECOND = 10**9
MINUTE_NS = 60 * SECOND
HOLD_NS = SECOND
"""A loss has to last so long before the kill switch is set; nothing is added meanwhile."""
FEE = 10**8
"""Fees are in parts of this of an asset."""
BPS = 10_000
COLLAR, POSITION, CLOCK = "collar", "position", "clock"
"""Who restrains or halts the account."""


class Caution:
    """Holds an account to what the gate cannot see in one command.

    Parameters
    ----------
    kill
        Sets the kill switch, with a reason.

    Attributes
    ----------
    loss
        How far what the account won is below its highest, in quote.
    """

    def __init__(
        self,
        account: Account,
        strategy: Strategy,
        view: MarketView,
        kill: Callable[[str], object],
        *,
        monotonic_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self.loss = Decimal(0)
        self._account = account
        self._view = view
        self._kill = kill
        self._monotonic_ns = monotonic_ns
        self._clock_most_ns = strategy.spec.execution.max_clock_offset
        self._clock_seen_ns = -1
        self._strays_most = strategy.spec.execution.collar_burst
        self._strays: dict[tuple[int, int, int, int], int] = {}
        self._positions_most = {
            index: instrument_rules(product, strategy).position_max
            for index, product in account.products.items()
        }
        self._combined_most = combined_limit(strategy)
        self._trading = Trading(account.products.values())
        self._limits, self._inventory = strategy.spec.limits, strategy.spec.inventory
        self._highest = Decimal(0)
        self._losing_ns = -1
        account.listen_refusals(self._heard_refusal)
        account.listen_fills(self._trading.filled)

    def look(self) -> None:
        """Notice what time has changed; to be called again and again."""
        now = self._monotonic_ns()
        self._look_at_strays(now)
        self._look_at_positions()
        self._look_at_loss(now)
        if self._clock_seen_ns >= 0 and now - self._clock_seen_ns > CLOCK_AGE_NS:
            self._account.halt(CLOCK, "the clock was not compared with the venue's lately")

    def heard_clock(self, offset_ns: int) -> None:
        """Let nothing rest while the clock is too far from the venue's."""
        self._clock_seen_ns = self._monotonic_ns()
        if abs(offset_ns) > self._clock_most_ns:
            self._account.halt(CLOCK, "the clock is too far from the venue's")
        else:
            self._account.resume(CLOCK)

    def _heard_refusal(self, venue: AccountVenue, step: Step, refusal: Refusal) -> None:
        """Note an order at a price that no other source knows; the same one tried again is one."""
        if refusal is not Refusal.COLLAR or not self._view.has_reference(venue.index):
            return
        order = (venue.index, step.side, step.price, step.quantity)
        self._strays.pop(order, None)
        self._strays[order] = self._monotonic_ns()
        self._look_at_strays(self._monotonic_ns())

    def _look_at_strays(self, now_ns: int) -> None:
        for order, at_ns in list(self._strays.items()):
            if now_ns - at_ns <= MINUTE_NS and len(self._strays) <= 4 * self._strays_most:
                break
            del self._strays[order]
        if len(self._strays) >= self._strays_most:
            self._account.restrain(
                COLLAR, f"{self._strays_most} orders within a minute were outside the collar"
            )
        else:
            self._account.relax(COLLAR)

    def _look_at_positions(self) -> None:
        """Restrain while more may be held at worst than is allowed, however that came about."""
        for index, most in self._positions_most.items():
            held = self._account.table.exposure(index)
            long, short = held.position + held.buy_quantity, held.sell_quantity - held.position
            if max(long, short) > most:
                name = self._account.products[index].venue.name
                self._account.restrain(POSITION, f"{name}: beyond its limit of {most} lots")
                return
        total = self._account.table.combined(0)
        if max(total.net + total.buy_quantity, total.sell_quantity - total.net) > (
            self._combined_most
        ):
            self._account.restrain(POSITION, "beyond maxNetBase in all")
        else:
            self._account.relax(POSITION)

    def _look_at_loss(self, now_ns: int) -> None:
        """Stop when what was won by trading falls too far; a person has to let it go on."""
        most_bps = self._limits.max_drawdown_bps
        won = self._trading.won(self._view)
        if most_bps is None or won is None:
            return
        gate = self._account.gate
        if gate.killed:
            self._highest = won  # who releases the switch begins anew
        self._highest = max(self._highest, won)
        self.loss = self._highest - won
        capital = self._inventory.quote + self._inventory.base * self._trading.price
        if self.loss * BPS < capital * most_bps or gate.killed:
            if self._losing_ns >= 0:
                gate.see_drawdown(0)
            self._losing_ns = -1
        elif self._losing_ns < 0:
            gate.see_drawdown(1)
            self._losing_ns = now_ns
        elif now_ns - self._losing_ns >= HOLD_NS:
            self._kill(f"drawdown: {self.loss:.2f} of {capital:.2f} lost by trading")


class Trading:
    """What an account won by its fills since the process began: cash, and what they left to hold.

    A fee counts where it is of the base or quote asset and told with its trade.
    """

    def __init__(self, products: Iterable[AccountVenue]) -> None:
        self.price = Decimal(0)
        """Quote for a base, as last seen."""
        self._products = {each.index: each for each in products}
        self._cash = Decimal(0)
        self._lots = dict.fromkeys(self._products, 0)
        self._prices: dict[int, Decimal] = {}

    def filled(self, order: OrderFields, fact: Fact, lots: int) -> None:
        """Count lots of an order; at its own price where the venue did not say another."""
        instrument = self._products[order.instrument].instrument
        ticks = fact.price if fact.kind is OrderEvent.FILL and fact.price else order.price
        base = lots * instrument.order_quantity.increment * instrument.contract_size
        self._cash -= order.side * base * ticks * instrument.price.increment
        self._lots[order.instrument] += order.side * lots
        fee = Decimal(fact.fee) / FEE
        if fact.fee_asset == instrument.quote:
            self._cash -= fee
        elif fact.fee_asset == instrument.base:
            self._cash -= fee * ticks * instrument.price.increment

    def won(self, view: MarketView) -> Decimal | None:
        """Return what was won, in quote, at prices that a second source confirms."""
        for index, product in self._products.items():
            mid_twice = view.confirmed_twice(index)
            if mid_twice is not None:
                self.price = mid_twice * product.instrument.price.increment / 2
                self._prices[index] = self.price
        total = self._cash
        for index, lots in self._lots.items():
            if index not in self._prices:
                if lots:
                    return None
                continue
            instrument = self._products[index].instrument
            lot_base = instrument.order_quantity.increment * instrument.contract_size
            total += lots * lot_base * self._prices[index]
        return total if self._prices else None


def reducing(wanted: QuotesMessage, product: AccountVenue, net_units: int) -> QuotesMessage:
    """Return what of a wish lowers a combined position, the best prices first, and no more."""
    lots = abs(net_units) // units_of_lot(product.instrument)
    levels = _first(wanted.asks if net_units > 0 else wanted.bids, lots, smallest_order(product))
    if net_units > 0:
        return wanted._replace(bids=(), asks=levels)
    return wanted._replace(bids=levels, asks=())


def _first(levels: Iterable[tuple[int, int]], lots: int, least: int) -> tuple[tuple[int, int], ...]:
    found = []
    for price, quantity in levels:
        if lots < least:
            break
        found.append((price, min(quantity, lots)))
        lots -= found[-1][1]
    return tuple(found)
