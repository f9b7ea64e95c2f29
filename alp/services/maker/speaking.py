"""What the market maker says to an account's handler: what shall rest, the newest word of each."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Callable

import zmq.asyncio

from alp._core.wire import GateMessage, HeaderFields, QuotesMessage, encode
from alp.bus.commands import CommandClient
from alp.bus.sockets import CurveKeys
from alp.bus.sources import Source
from alp.models.desk import Wish

ANSWER_S = 0.25
AGAIN_S = 0.1
POST_ONLY = 1
KEPT_TIMES = 4096


class Speaker:
    """Sends the newest wish of each product of one account.

    A wish that a newer one has replaced is not sent any more; one that was not answered is sent
    again until it is, or is over. Nothing is sent before the account's token is known.

    Parameters
    ----------
    token
        Returns what commands have to name; None while nobody knows.
    clock_ns
        Nanoseconds UTC.
    """

    def __init__(
        self,
        name: str,
        context: zmq.asyncio.Context,
        endpoint: str,
        token: Callable[[], int | None],
        clock_ns: Callable[[], int],
        curve: CurveKeys | None = None,
    ) -> None:
        self.name = name
        self._client = CommandClient(context, endpoint, curve)
        self._token = token
        self._clock_ns = clock_ns
        self._wanted: dict[int, Wish] = {}
        self._waiting: set[int] = set()
        self._wake = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self.counts: Counter[str] = Counter()
        self.sent_ns: dict[int, int] = {}
        self.delays_ns: deque[int] = deque(maxlen=KEPT_TIMES)
        self.trouble = ""

    def close(self) -> None:
        """Say nothing more."""
        self._client.close()

    def want(self, wish: Wish) -> None:
        """Have a wish sent."""
        self._wanted[wish.instrument] = wish
        self._waiting.add(wish.instrument)
        self._idle.clear()
        self._wake.set()

    def again(self) -> None:
        """Send everything once more: another process has the account."""
        self._waiting |= self._wanted.keys()
        self._wake.set()

    async def said(self, within_s: float) -> bool:
        """Wait until everything wanted was answered; return whether it was in time."""
        try:
            async with asyncio.timeout(within_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def run(self) -> None:
        """Send until cancelled."""
        while True:
            self._wake.clear()
            for instrument in sorted(self._waiting):
                await self._say(self._wanted[instrument])
            if not self._waiting:
                self._idle.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(AGAIN_S if self._waiting else None):
                    await self._wake.wait()

    async def _say(self, wish: Wish) -> None:
        token = self._token()
        now = self._clock_ns()
        if token is None:
            self.trouble = "its handler was not heard yet"
            return
        until = wish.until_ns if wish.bids or wish.asks else max(wish.until_ns, now + 10**9)
        if until <= now:
            self.counts["over"] += 1
            self._done(wish)
            return
        message = QuotesMessage(
            HeaderFields(Source.MARKET_MAKER, wish.instrument, 0, 0, now),
            token,
            until,
            wish.bids,
            wish.asks,
            POST_ONLY,
        )
        self.counts["sent"] += 1
        if wish.instrument not in self.sent_ns or self.sent_ns[wish.instrument] < wish.at_ns:
            self.delays_ns.append(now - wish.at_ns)
        self.sent_ns[wish.instrument] = now
        try:
            answer = await self._client.ask(encode(message), timeout_s=ANSWER_S, times=1)
        except TimeoutError:
            self.counts["unanswered"] += 1
            self.trouble = "its handler does not answer"
            return
        if not isinstance(answer, GateMessage) or answer.token != token:
            self.counts["fenced"] += 1
            self.trouble = "its handler is another one"
            return
        self.trouble = ""
        self.counts["answered"] += 1
        self._done(wish)

    def _done(self, wish: Wish) -> None:
        if self._wanted.get(wish.instrument) is wish:
            self._waiting.discard(wish.instrument)
