"""A desk on replayed markets: what it is told, in the order it would have been, and what it does.

One clock runs over all markets and whatever else is to be told at a time. At one moment a desk
hears, of each product in the manifest's order, trades and the touch, then fills and what is held;
then the pool's news; then that time passed. After that its wishes become orders.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from alp._core.tick_clock import Heard, HeardBit, TickClock
from alp._core.tick_replay import FillCause, TickReplay
from alp.backtest.desk_guard import GuardedDesk
from alp.backtest.desk_orders import NEVER_NS, DeskOrders
from alp.models.desk import (
    BookState,
    Desk,
    DeskInstrument,
    Event,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    PoolPrice,
    Tick,
    Top,
    Traded,
)

# Plain numbers: the flags are looked at for every row that is heard.
_TOUCH, _CLEAR = int(HeardBit.TOUCH), int(HeardBit.CLEAR)
_ANSWER, _ENDED = int(HeardBit.ANSWER), int(HeardBit.ENDED)


class DeskFill(NamedTuple):
    """A fill that was heard: a row of :data:`alp._core.tick_replay.FILL_ROW`; ``tag``: the wish."""

    at_ns: int
    venue_ns: int
    price: int
    lots: int
    left: int
    tag: int
    ahead: int
    joined: int
    cause: int
    bid: int


@dataclass(slots=True)
class DeskProduct:
    """One product of a desk: its market and our orders there."""

    instrument: DeskInstrument
    replay: TickReplay
    orders: DeskOrders
    touch: tuple[int, int, int, int] = (0, 0, 0, 0)
    live: bool = False
    ended: bool = False
    fills: int = 0
    dirty: bool = False
    rooms: tuple[int, int] | None = None
    told_ns: int = 0

    @property
    def two_sided(self) -> bool:
        """Whether somebody quotes both sides."""
        return bool(self.touch[1] and self.touch[3])


OnFill = Callable[[DeskProduct, DeskFill], None]


class DeskWorld:
    """Markets, pool news and a desk on one clock.

    Parameters
    ----------
    products
        In the order in which the desk hears of them at one moment.
    start_ns
        Where the desk's time begins; the markets' own earlier rows make up the books it finds.
    on_fill
        Is called with each fill before the desk hears of it.
    beat_ns
        A touch that stands this long is told again, as live the quote server's heartbeats do: a
        desk believes a book for a while only. None: told once.

    Attributes
    ----------
    events
        How many the desk was told.
    wishes
        How many it had.
    """

    def __init__(
        self,
        desk: Desk,
        products: Sequence[DeskProduct],
        start_ns: int | None = None,
        on_fill: OnFill | None = None,
        beat_ns: int | None = None,
    ) -> None:
        self.products = tuple(products)
        self.events = self.wishes = 0
        self._by_index = {each.instrument.index: each for each in self.products}
        self._desk = GuardedDesk(desk, self._by_index)
        self._clock = TickClock([each.replay for each in self.products], start_ns)
        self._on_fill = on_fill
        self._beat_ns = beat_ns
        self._next_beat_ns = NEVER_NS if beat_ns is None else self._clock.now_ns + beat_ns
        self._news: deque[Event] = deque()
        self._tick_ns = self._clock.now_ns
        self._begun = False

    @property
    def now_ns(self) -> int:
        """The time here."""
        return self._clock.now_ns

    def tell_later(self, news: LpHeld | PoolPrice) -> None:
        """Let the desk hear of something at its time, which is not before that of the last."""
        self._news.append(news)

    def run_to(self, until_ns: int) -> None:
        """Let time pass, up to and with a moment.

        Raises
        ------
        DeskError
            If the desk's code failed.
        """
        if not self._begun:
            self._begin()
        while True:
            heard = self._clock.next(max(min(until_ns, self._stop_ns()), self._clock.now_ns))
            now = self._clock.now_ns
            for each in heard:
                self._hear(self.products[each.market], each, now)
            while self._news and self._news[0].at_ns <= now:
                self._tell(self._news.popleft())
            if now >= self._next_beat_ns:
                self._beat(now)
            if now >= self._tick_ns:
                self._tick_ns = now + self._desk.interval_ns
                self._tell(Tick(now))
            self._lead(now)
            if not heard and now >= until_ns:
                return

    def close(self) -> None:
        """Let the desk hear that this was all."""
        self._desk.close()

    def _stop_ns(self) -> int:
        stop = min(self._tick_ns, self._next_beat_ns)
        if self._news:
            stop = min(stop, self._news[0].at_ns)
        for product in self.products:
            if not product.ended:
                stop = min(stop, product.orders.wakes_ns)
        return stop

    def _begin(self) -> None:
        self._begun = True
        now = self._clock.now_ns
        for product in self.products:
            self._held(product, now)
            if (touch := product.replay.touch) is not None:
                product.touch = touch
                self._set_live(product, True, now)
                self._tell(Top(product.instrument.index, now, *touch))

    def _tell(self, event: Event) -> None:
        self.events += 1
        for wish in self._desk.on(event):
            self.wishes += 1
            product = self._by_index[wish.instrument]
            if not product.ended:
                product.orders.want(wish)
                product.dirty = True

    def _hear(self, product: DeskProduct, heard: Heard, now: int) -> None:
        index = product.instrument.index
        if heard.bits & _CLEAR:
            self._set_live(product, False, now)
        for trade in heard.trades:
            self._tell(
                Traded(index, now, trade.price, trade.lots, trade.aggressor, trade.exchange_ns)
            )
        if heard.bits & _TOUCH:
            product.touch = heard[2:6]
            if not product.live and product.two_sided:
                self._set_live(product, True, now)
            product.dirty = product.dirty or not product.two_sided
            product.told_ns = now
            self._tell(Top(index, now, *product.touch, heard.exchange_ns))
        elif heard.bits & _CLEAR and product.two_sided:
            self._set_live(product, True, now)
        if heard.bits & _ANSWER:
            product.dirty = True
            product.orders.heard(now)
            self._fills(product, now)
        if heard.bits & _ENDED:
            product.ended = True
            self._set_live(product, False, now)

    def _beat(self, now: int) -> None:
        """Tell touches again that were not told since the last time."""
        assert self._beat_ns is not None
        self._next_beat_ns = now + self._beat_ns
        for product in self.products:
            if product.live and now - product.told_ns >= self._beat_ns:
                product.told_ns = now
                self._tell(Top(product.instrument.index, now, *product.touch))

    def _set_live(self, product: DeskProduct, live: bool, now: int) -> None:
        product.dirty = True
        if product.live != live:
            product.live = live
            self._tell(BookState(product.instrument.index, now, live))

    def _fills(self, product: DeskProduct, now: int) -> None:
        if product.replay.counts[3] == product.fills:
            return
        for row in product.replay.fills(product.fills).tolist():
            fill = DeskFill(*row)
            product.fills += 1
            if self._on_fill is not None:
                self._on_fill(product, fill)
            self._tell(
                Filled(
                    product.instrument.index,
                    now,
                    1 if fill.bid else -1,
                    fill.price,
                    fill.lots,
                    fill.cause != FillCause.TAKEN,
                )
            )
        self._held(product, now)

    def _held(self, product: DeskProduct, now: int) -> None:
        index = product.instrument.index
        self._tell(Held(index, now, product.replay.position))
        if product.rooms != product.orders.rooms:
            product.rooms = product.orders.rooms
            self._tell(Gated(index, now, GateState.ACTIVE, *product.rooms))

    def _lead(self, now: int) -> None:
        for product in self.products:
            if product.ended or not (product.dirty or product.orders.wakes_ns <= now):
                continue
            product.dirty = False
            product.orders.lead(now, fresh=product.live and product.two_sided)
