"""What the market maker hears on the bus, as events of a desk."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from alp._core.wire import (
    BboMessage,
    BookStatusMessage,
    ExecutionReportMessage,
    GateMessage,
    HeartbeatMessage,
    InventoryMessage,
    PositionMessage,
    TradeFields,
)
from alp.bus.sources import Source
from alp.models.desk import (
    BookState,
    Event,
    Filled,
    Gated,
    GateState,
    Held,
    LpHeld,
    PoolPrice,
    Top,
    Traded,
)
from alp.models.pair import TokenPair

BPS = 10_000
MAKER = 1


class Hearing:
    """Turns messages into events; it has no clock and no sockets.

    Parameters
    ----------
    listed
        Of every venue of the manifest the number by which its product is named on the bus.
    accounts
        By the number of a handler on the bus, the places of its venues in the manifest.
    pair, share_bps
        The pool's tokens, and the target of the LP leg as a share of its value.

    Attributes
    ----------
    tokens
        By account, what commands to it have to name.
    counts
        Messages by kind.
    """

    def __init__(
        self,
        listed: Sequence[int],
        accounts: Mapping[int, Sequence[int]],
        pair: TokenPair,
        share_bps: int,
    ) -> None:
        self._places: dict[int, list[int]] = {}
        for place, number in enumerate(listed):
            self._places.setdefault(number, []).append(place)
        self._accounts = accounts
        self._pair = pair
        self._share_bps = share_bps
        self._tops: dict[int, Top] = {}
        self._live: dict[int, bool] = {}
        self.tokens: dict[int, int] = {}
        self.counts: Counter[str] = Counter()

    def heard(self, message: Any, now_ns: int, *, is_old: bool = False) -> list[Event]:
        """Return what a message tells.

        Parameters
        ----------
        now_ns
            When it was received.
        is_old
            Whether it was asked for again: what it tells of a moment is over.
        """
        source = message.header.source
        # A message that waited, because this process stood still, is as old as it is.
        at = min(now_ns, message.header.send_ns or now_ns)
        self.counts[type(message).__name__.removesuffix("Message").removesuffix("Fields")] += 1
        if source == Source.QUOTES:
            return self._market(message, at, is_old=is_old)
        if source == Source.LP_AGENT and isinstance(message, InventoryMessage):
            return self._lp(message, at)
        if source in self._accounts:
            return self._account(message, at, is_old=is_old)
        return []

    def lost(self, now_ns: int) -> list[Event]:
        """Return what follows where the quote server cannot be asked for what was missed."""
        events: list[Event] = []
        for number, live in self._live.items():
            if live:
                self._live[number] = False
                self._tops.pop(number, None)
                events += [BookState(place, now_ns, False) for place in self._at(number)]
        return events

    @property
    def live(self) -> bool:
        """Whether every book is live, as far as was heard."""
        return all(self._live.get(number, False) for number in self._places)

    def top(self, place: int) -> Top | None:
        """Return the last touch of a venue's product."""
        return next(
            (self._tops.get(number) for number, places in self._places.items() if place in places),
            None,
        )

    def _at(self, number: int) -> list[int]:
        return self._places.get(number, [])

    def _market(self, message: Any, at: int, *, is_old: bool) -> list[Event]:
        number, exchange_ns = message.header.instrument, message.header.exchange_ns
        if isinstance(message, BboMessage):
            sides = message.bid, message.bid_quantity, message.ask, message.ask_quantity
            top = self._tops[number] = Top(number, at, *sides, exchange_ns)
            return [top._replace(instrument=place) for place in self._at(number)]
        if isinstance(message, TradeFields):
            if is_old:
                return []
            traded = message.price, message.quantity, message.aggressor, exchange_ns
            return [Traded(place, at, *traded) for place in self._at(number)]
        if isinstance(message, BookStatusMessage):
            if not message.live:
                self._tops.pop(number, None)
            if self._live.get(number) == message.live:
                return []
            self._live[number] = message.live
            return [BookState(place, at, message.live) for place in self._at(number)]
        if isinstance(message, HeartbeatMessage):
            return self._beat(at)
        return []

    def _beat(self, at: int) -> list[Event]:
        """Believe what was called live for longer: the quote server is heard."""
        events: list[Event] = []
        for number, top in self._tops.items():
            if self._live.get(number):
                self._tops[number] = top._replace(at_ns=at)
                events += [top._replace(instrument=place, at_ns=at) for place in self._at(number)]
        return events

    def _account(self, message: Any, at: int, *, is_old: bool) -> list[Event]:
        source = message.header.source
        if isinstance(message, PositionMessage):
            return [Held(message.header.instrument, at, message.quantity)]
        if isinstance(message, GateMessage):
            self.tokens[source] = message.token
            state = GateState.HALTED
            if not (message.closed or message.kill):
                state = GateState(message.code) if message.code in _STATES else GateState.HALTED
            return [Gated(place, at, state) for place in self._accounts[source]]
        if isinstance(message, ExecutionReportMessage) and message.last_quantity and not is_old:
            return [
                Filled(
                    message.header.instrument,
                    at,
                    message.side,
                    message.last_price,
                    message.last_quantity,
                    message.liquidity == MAKER,
                )
            ]
        return []

    def _lp(self, message: InventoryMessage, at: int) -> list[Event]:
        held = LpHeld(at, message.base, message.quote, message.delta, message.block, message.epoch)
        price = pool_price(message, self._pair, self._share_bps)
        return [held] if price is None else [PoolPrice(at, price), held]


_STATES = {int(each) for each in GateState}


def pool_price(message: InventoryMessage, pair: TokenPair, share_bps: int) -> int | None:
    """Return the sqrt price that an inventory was valued at; None where it does not tell.

    The target is a share of the value, and what is neither base nor the price is in the message:
    ``base - delta = share * (base + quote / price)``.
    """
    if not 0 < share_bps < BPS or message.quote <= 0:
        return None
    worth = Fraction((message.base - message.delta) * BPS, share_bps) - message.base
    if worth <= 0:
        return None
    price = message.quote / worth
    ratio = price if pair.base_is_token0 else 1 / price
    return math.isqrt((ratio.numerator << 192) // ratio.denominator)
