"""The price that arbitrage follows, from a quote server on the bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from fractions import Fraction

import zmq

from alp._core.wire import BboMessage, BookStatusMessage, InstrumentFields, decode
from alp.bus.sockets import Subscriber
from alp.bus.sources import Source

LOOK_S = 0.05
RECALL_MS = 500


class Mid:
    """The middle of one instrument's book, as long as it is live.

    Parameters
    ----------
    instrument
        Its number on the bus.
    """

    def __init__(self, instrument: int = 0) -> None:
        self._instrument = instrument
        self._tick: Fraction | None = None
        self._twice: int | None = None

    def heard(self, message: object) -> None:
        """Take in a message of the bus; others than this instrument's are nothing to it."""
        if not isinstance(message, BboMessage | BookStatusMessage | InstrumentFields):
            return
        header = message.header
        if (header.source, header.instrument) != (Source.QUOTES, self._instrument):
            return
        if isinstance(message, InstrumentFields):
            self._tick = Fraction(message.price_step, 10**message.price_decimals)
        elif isinstance(message, BboMessage):
            both = message.bid_quantity and message.ask_quantity
            self._twice = message.bid + message.ask if both else None
        elif not message.live:
            self._twice = None

    @property
    def price(self) -> Fraction | None:
        """Quote per base; None where it is not known now."""
        if self._tick is None or self._twice is None:
            return None
        return self._tick * self._twice / 2


async def follow_quotes(quotes: tuple[str, str], told: Callable[[Fraction | None], None]) -> None:
    """Tell a price whenever it may have changed, until cancelled.

    Parameters
    ----------
    quotes
        Where the quote server publishes, and where it answers late subscribers.
    """
    context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
    mid, missed = Mid(), -1
    try:
        with Subscriber(context, [quotes]) as subscriber:
            while True:
                seen = subscriber.inlet.gaps + subscriber.inlet.restarts
                if seen != missed:
                    # It waits, and blocks must not: nobody else uses the sockets meanwhile.
                    with contextlib.suppress(TimeoutError):
                        for data in await asyncio.to_thread(subscriber.recall, RECALL_MS):
                            mid.heard(decode(data))
                        missed = seen
                while (waiting := subscriber.take()) is not None:
                    mid.heard(decode(waiting))
                told(mid.price)
                await asyncio.sleep(LOOK_S)
    finally:
        context.term()
