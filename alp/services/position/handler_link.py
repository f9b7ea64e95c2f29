"""One execution handler as the position server hears it: every report, and a word to its gate.

Reports are heard as they are published, which is soon, and asked for by how many are known, which
is complete: what was lost on the way, or told before this process was there, comes by the second.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

import zmq
import zmq.asyncio

from alp._core.wire import (
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    PositionMessage,
    RecallMessage,
    WireError,
    decode,
    encode,
)
from alp.bus.commands import CommandClient
from alp.bus.sockets import CurveKeys, Subscriber
from alp.bus.sources import Source
from alp.services.execution.reports import wire_text

logger = logging.getLogger(__name__)

ANSWER_S = 1.0
MOST_REPORTS = 1000
"""In one answer of a handler."""


class HandlerLink:
    """Hears one handler.

    Attributes
    ----------
    token
        Of the handler's process; 0 before it was heard.
    known
        How many of its reports are known.
    missed
        How often a handler no longer had what was asked for, or was another: what it told in
        between is in the venue's list alone.
    counts
        ``recalls``, ``unanswered`` and ``reports``.
    positions
        By product: lots, as the handler counts them.
    """

    def __init__(
        self,
        context: zmq.asyncio.Context,
        commands: str,
        publish: str,
        recall: str,
        curve: CurveKeys | None,
        heard: Callable[[ExecutionReportMessage], None],
    ) -> None:
        self.token = self.known = self.missed = 0
        self.counts: Counter[str] = Counter()
        self.positions: dict[int, int] = {}
        self.answered = False
        self.gate: GateMessage | None = None
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)
        self.subscriber = Subscriber(plain, [(publish, recall)], curve=curve)
        self._client = CommandClient(context, commands, curve)
        self._heard = heard
        self._turn = asyncio.Lock()
        self._may_be_closed = True  # by a server before this one

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.subscriber.close()
        self._client.close()

    def take(self) -> int:
        """Take in what was published; return how many messages it was."""
        count = 0
        while (data := self.subscriber.take()) is not None:
            count += 1
            self._message(data)
        return count

    def _message(self, data: bytes) -> None:
        try:
            message = decode(data)
        except WireError as error:
            logger.warning("a message that is none: %s", error)
            return
        if isinstance(message, ExecutionReportMessage):
            self.counts["reports"] += 1
            self._heard(message)
        elif isinstance(message, PositionMessage):
            self.positions[message.header.instrument] = message.quantity
        elif isinstance(message, GateMessage):
            self.gate = message

    async def recall(self) -> bool:
        """Ask for every report that is not known; return whether all that there is was told."""
        async with self._turn:
            while True:
                question = RecallMessage(_header(), self.token, self.known)
                self.counts["recalls"] += 1
                try:
                    answer = await self._client.ask_all(
                        encode(question), timeout_s=ANSWER_S, times=1
                    )
                except TimeoutError:
                    self.counts["unanswered"] += 1
                    self.answered = False
                    return False
                gate, *reports = answer
                if not isinstance(gate, GateMessage):
                    return False
                self._follow(gate)
                for each in reports:
                    self._heard(each)
                self.known = gate.header.exchange_ns + len(reports)
                if len(reports) < MOST_REPORTS:
                    self.answered = True
                    return True

    def _follow(self, gate: GateMessage) -> None:
        """Notice another process, and reports that are gone."""
        self.gate = gate
        after = self.known
        if gate.token != self.token:
            logger.info("the handler is process %d", gate.token)
            self.missed += self.token != 0
            self.token, after = gate.token, 0
            self._may_be_closed = True
        if gate.header.exchange_ns > after:
            self.missed += 1
            logger.warning("the handler no longer has %d reports", gate.header.exchange_ns - after)

    async def say(self, *, closed: bool, text: str) -> bool:
        """Close the handler's gate, or let go of it; return whether it took that."""
        if not closed and not self._may_be_closed:
            return True
        async with self._turn:
            message = GateMessage(_header(), closed, False, 0, wire_text(text))
            try:
                answer = await self._client.ask(encode(message), timeout_s=ANSWER_S, times=1)
            except TimeoutError:
                return False
        self._may_be_closed = closed
        return isinstance(answer, GateMessage)


def _header() -> HeaderFields:
    return HeaderFields(int(Source.POSITIONS), 0, 0, 0, 0)
