"""The CeFi leg on candles or trades: resting post-only orders and when they fill.

Fill rules, stated and conservative:

* an order fills only when the market traded *through* its price: a buy needs a print at least one
  tick below it, a sell one at least one tick above; a touch fills nothing;
* it must have been resting, the venue's latency included, when the first hundredth of the
  interval was over: what a candle did in its first moments cannot be told from the rest of it;
* it fills at its own price, never better, and at most ``participation`` of the interval's volume;
* the fill is known at the interval's end;
* a post-only order that would cross the last seen price is refused, as the venue would.

The tick-level book of a later release stands behind the same three methods: ``place``,
``cancel`` and ``on_print``.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from alp.errors import ConfigError

BUY = 1
SELL = -1
BPS = 10_000


@dataclass(frozen=True)
class Instrument:
    """One symbol on one venue, with the exact scales between its integers and raw token units.

    Attributes
    ----------
    tick_size, lot_size
        Quote per base for one price tick; base for one lot.
    min_lots, max_lots
        Bounds of one order.
    maker_fee_bps
        Of the notional; negative is a rebate.
    """

    venue: str
    symbol: str
    tick_size: Decimal
    lot_size: Decimal
    min_lots: int
    max_lots: int
    maker_fee_bps: Decimal
    base_decimals: int
    quote_decimals: int

    def __post_init__(self) -> None:
        base_per_lot = Fraction(self.lot_size) * 10**self.base_decimals
        if base_per_lot.denominator != 1 or base_per_lot <= 0:
            raise ConfigError(
                f"{self.venue} {self.symbol}: lot size {self.lot_size} is not a whole number of "
                f"the base token's smallest unit ({self.base_decimals} decimals)"
            )

    @property
    def base_raw_per_lot(self) -> int:
        """Base raw units in one lot."""
        return int(Fraction(self.lot_size) * 10**self.base_decimals)

    def notional_raw(self, price_ticks: int, lots: int) -> Fraction:
        """Return the exact quote raw units of ``lots`` at ``price_ticks``."""
        one: Fraction = Fraction(self.tick_size) * Fraction(self.lot_size) * 10**self.quote_decimals
        return one * (price_ticks * lots)


@dataclass(frozen=True)
class Order:
    """A resting post-only order."""

    side: int
    price_ticks: int
    lots: int
    live_from_ns: int


@dataclass(frozen=True)
class Print:
    """What the market did in an interval: a candle, or one trade as a candle of no length."""

    open_ns: int
    close_ns: int
    high_ticks: int
    low_ticks: int
    last_ticks: int
    volume_lots: int


@dataclass(frozen=True)
class Fill:
    """One simulated fill and why it happened; amounts are signed from our side, in raw units."""

    ts_ns: int
    side: int
    price_ticks: int
    lots: int
    base_raw: int
    quote_raw: int
    fee_raw: int
    why: str


@dataclass(frozen=True)
class PlaceRefused:
    """A post-only order the venue would not have rested, and why."""

    side: int
    price_ticks: int
    why: str


class PassiveTape:
    """Resting orders of one account against a tape of prints.

    Parameters
    ----------
    participation_bps
        Largest share of an interval's volume that our order may take.
    latency_ns
        Time from placing an order to its resting on the venue.
    """

    def __init__(self, instrument: Instrument, *, participation_bps: int, latency_ns: int) -> None:
        self.instrument = instrument
        self._participation_bps = participation_bps
        self._latency_ns = latency_ns
        self._orders: dict[int, Order] = {}
        self._last_ticks: int | None = None

    @property
    def orders(self) -> tuple[Order, ...]:
        """The resting orders, buys before sells."""
        return tuple(self._orders[side] for side in (BUY, SELL) if side in self._orders)

    @property
    def last_ticks(self) -> int | None:
        """The last seen price in ticks."""
        return self._last_ticks

    def place(self, now_ns: int, side: int, price_ticks: int, lots: int) -> Order | PlaceRefused:
        """Rest one order on a side, replacing the one there.

        An unchanged order keeps its time; a refused one leaves the side empty.
        """
        resting = self._orders.get(side)
        if resting and resting.price_ticks == price_ticks and resting.lots == lots:
            return resting
        self._orders.pop(side, None)
        if not self.instrument.min_lots <= lots <= self.instrument.max_lots:
            return PlaceRefused(side, price_ticks, "quantity outside the order limits")
        last = self._last_ticks
        if last is None:
            return PlaceRefused(side, price_ticks, "no market price seen yet")
        if (side == BUY and price_ticks >= last) or (side == SELL and price_ticks <= last):
            return PlaceRefused(side, price_ticks, "post-only order would cross")
        order = Order(side, price_ticks, lots, now_ns + self._latency_ns)
        self._orders[side] = order
        return order

    def cancel(self, side: int) -> None:
        """Take a side's order off, if there is one."""
        self._orders.pop(side, None)

    def on_print(self, tape: Print) -> list[Fill]:
        """Apply one interval and return the fills it caused."""
        fills = []
        for side in (BUY, SELL):
            order = self._orders.get(side)
            grace_ns = (tape.close_ns - tape.open_ns) // 100
            if order is None or order.live_from_ns > tape.open_ns + grace_ns:
                continue
            through = (
                tape.low_ticks < order.price_ticks
                if side == BUY
                else tape.high_ticks > order.price_ticks
            )
            lots = min(order.lots, tape.volume_lots * self._participation_bps // BPS)
            if through and lots > 0:
                fills.append(self._fill(order, lots, tape))
        self._last_ticks = tape.last_ticks
        return fills

    def _fill(self, order: Order, lots: int, tape: Print) -> Fill:
        left = order.lots - lots
        if left:
            self._orders[order.side] = Order(
                order.side, order.price_ticks, left, order.live_from_ns
            )
        else:
            del self._orders[order.side]
        instrument = self.instrument
        notional = instrument.notional_raw(order.price_ticks, lots)
        # We pay the ceiling and receive the floor: rounding is never in our favour.
        cash = -_ceil(notional) if order.side == BUY else int(notional)
        fee = _ceil(notional * Fraction(instrument.maker_fee_bps) / BPS)
        extreme = tape.low_ticks if order.side == BUY else tape.high_ticks
        verb = "below" if order.side == BUY else "above"
        return Fill(
            ts_ns=tape.close_ns,
            side=order.side,
            price_ticks=order.price_ticks,
            lots=lots,
            base_raw=order.side * lots * instrument.base_raw_per_lot,
            quote_raw=cash,
            fee_raw=fee,
            why=f"traded through: {extreme * instrument.tick_size} is {verb} "
            f"{order.price_ticks * instrument.tick_size}"
            + ("" if lots == order.lots else ", volume cap"),
        )


def _ceil(value: Fraction) -> int:
    return -((-value.numerator) // value.denominator)
