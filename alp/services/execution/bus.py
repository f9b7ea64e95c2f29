"""An account on the bus: commands in and answered, reports and positions out."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable
from itertools import islice

import zmq

from alp._core.gate import Refusal
from alp._core.wire import (
    ExecutionReportMessage,
    GateMessage,
    HeaderFields,
    HeartbeatMessage,
    OrderCommandMessage,
    PositionMessage,
    QuotesMessage,
    RecallMessage,
    decode,
    encode,
)
from alp.bus.commands import CommandServer
from alp.bus.sockets import Publisher, Subscriber
from alp.bus.sources import Source
from alp.services.execution.account import Account
from alp.services.execution.market_view import MarketView
from alp.services.execution.reports import wire_text
from alp.services.execution.resting import Resting
from alp.services.execution.steps import Step
from alp.venues.orders import Action, TimeInForce

BEAT_S = 0.25
KEPT_REPORTS = 1 << 16
"""Reports that can be asked for again."""
MOST_REPORTS = 1000
"""In one answer."""
RECALL_MS = 50
HALTS = {
    Source.POSITIONS: ("positions", "the position server does not agree"),
    Source.RISK: ("pause", "by a person"),
}
"""Who may halt an account by the bus: what the halt is called, and why, where nothing is said."""
ACTIONS = {int(each) for each in Action}
TIMES_IN_FORCE = {0, *(int(each) for each in TimeInForce)}


class ExecBus:
    """What a handler hears and says.

    Reports go out to whoever listens, and are kept for whoever asks: a reader counts those it has
    of a token and asks for the rest, so that it misses none. The answer begins with a Gate whose
    exchange time is how many reports there were before those that follow.

    Parameters
    ----------
    source
        Its number on the bus.
    config
        The manifest's fingerprint.
    kill
        Sets the kill switch, with a reason.
    """

    def __init__(
        self,
        source: int,
        config: int,
        publisher: Publisher,
        server: CommandServer,
        quotes: Subscriber,
        kill: Callable[[str], None],
    ) -> None:
        self.server = server
        self.publisher = publisher
        self._source = source
        self._config = config
        self._quotes = quotes
        self._kill = kill
        self._begun_ns = time.monotonic_ns()
        self._account: Account | None = None
        self._reports: deque[bytes] = deque(maxlen=KEPT_REPORTS)
        self._reported = 0

    def join(self, account: Account, resting: Resting, view: MarketView) -> None:
        """Speak for an account from now on."""
        self._account, self._resting, self._view = account, resting, view
        self._first = min(account.products)

    # in

    async def take_commands(self) -> None:
        """Do what commands ask for, and answer each."""
        while True:
            peer, message, _ = await self.server.receive()
            if isinstance(message, OrderCommandMessage):
                answer: ExecutionReportMessage | GateMessage = await self._command(message)
            elif isinstance(message, QuotesMessage):
                self._resting.want(message)
                answer = self._gate_message(message.header.sequence)
            elif isinstance(message, RecallMessage):
                self.server.answer(peer, *self._recalled(message))
                continue
            elif isinstance(message, GateMessage | HeartbeatMessage):
                if isinstance(message, GateMessage):
                    self._gate_told(message)
                answer = self._gate_message(message.header.sequence)
            else:
                self.server.malformed += 1
                continue
            self.server.answer(peer, encode(answer))

    def _gate_told(self, message: GateMessage) -> None:
        """Kill, or let nothing be added until whoever says so says that it may go on."""
        account = self._joined()
        if message.kill:
            self._kill(message.text or "by the bus")
        elif message.header.source in HALTS:
            who, why = HALTS[Source(message.header.source)]
            if message.closed:
                account.halt(who, message.text or why)
            else:
                account.resume(who)

    def _recalled(self, message: RecallMessage) -> list[bytes]:
        """Return what is known after so many reports: before them, up to which they go."""
        after = message.after if message.token == self._joined().token else 0
        first = max(after, self._reported - len(self._reports))
        skip = first - (self._reported - len(self._reports))
        reports = list(islice(self._reports, skip, skip + MOST_REPORTS))
        gate = self._gate_message(message.header.sequence)
        begins = gate.header._replace(exchange_ns=first)
        return [encode(gate._replace(header=begins)), *reports]

    async def _command(self, message: OrderCommandMessage) -> ExecutionReportMessage:
        """Do what one command asks for; whatever comes of it later is reported to everybody."""
        account = self._joined()
        venue = account.products.get(message.header.instrument)
        refusal: Refusal = Refusal.NOT_ALLOWED
        if message.token != account.token:
            refusal = Refusal.FENCED
        elif (
            message.action not in ACTIONS
            or message.time_in_force not in TIMES_IN_FORCE
            or 0 < message.deadline_ns < time.time_ns()
            or not message.client_id  # asked again it would be another order
            or (message.action != Action.NEW and message.client_id not in account.table)
        ):
            refusal = Refusal.INVALID
        elif venue is not None:
            step = Step(
                Action(message.action),
                message.client_id,
                message.side,
                message.price,
                message.quantity,
                message.flags,
                TimeInForce(message.time_in_force or TimeInForce.GTC),
            )
            refused = await account.do(venue, [step])
            return self._answer(message, refused[0] if refused else None)
        account.counts[f"refused {refusal.name}"] += 1
        return self._answer(message, refusal)

    def _answer(
        self, message: OrderCommandMessage, refusal: Refusal | None
    ) -> ExecutionReportMessage:
        table = self._joined().table
        is_known = bool(message.client_id) and message.client_id in table
        order = table.get(message.client_id) if is_known else None
        return ExecutionReportMessage(
            self._header(message.header.instrument, message.header.sequence),
            message.client_id,
            order.venue_id if order else "",
            "",
            message.price,
            message.quantity,
            order.filled if order else 0,
            0,
            0,
            0,
            int(order.state) if order else 0,
            int(order.reason) if order else 0,
            message.side,
            0,
            int(refusal or 0),
        )

    async def follow_quotes(self) -> None:
        """Hear the quote server; what was missed is asked for."""
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        descriptor = int(self._quotes.socket.getsockopt(zmq.FD))
        loop.add_reader(descriptor, readable.set)
        missed = -1
        try:
            while True:
                readable.clear()  # before the socket is read: what comes later is signalled again
                if (seen := self._quotes.inlet.gaps + self._quotes.inlet.restarts) != missed:
                    missed = seen
                    self._recall()
                while int(self._quotes.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
                    data = self._quotes.take()
                    if data is not None:
                        self._view.heard(decode(data))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(BEAT_S):
                        await readable.wait()
        finally:
            loop.remove_reader(descriptor)

    def _recall(self) -> None:
        """Ask the quote server for the last messages; while it is not there it sends none."""
        with contextlib.suppress(TimeoutError):
            for data in self._quotes.recall(timeout_ms=RECALL_MS):
                self._view.heard(decode(data))

    # out

    async def beat(self) -> None:
        """Say that this process lives, what may leave, and what the positions are."""
        while True:
            uptime = time.monotonic_ns() - self._begun_ns
            self._say(HeartbeatMessage(self._header(self._first), uptime, self._config))
            self._say(self._gate_message())
            for index in self._joined().products:
                self.tell_position(index)
            self.publisher.answer()
            await asyncio.sleep(BEAT_S)

    def tell_position(self, index: int) -> None:
        """Say what the position in a product is."""
        lots = self._joined().table.exposure(index).position
        self._say(PositionMessage(self._header(index), lots, 0, 0))

    def report(self, message: ExecutionReportMessage) -> None:
        """Say what became of an order."""
        header = message.header._replace(source=self._source)
        encoded = encode(message._replace(header=header))
        self._reports.append(encoded)
        self._reported += 1
        self.publisher.publish(encoded)
        if message.last_quantity:
            self.tell_position(message.header.instrument)

    def _gate_message(self, sequence: int = 0) -> GateMessage:
        account = self._joined()
        return GateMessage(
            self._header(self._first, sequence),
            not account.may_add,
            account.gate.killed,
            int(account.gate.state),
            wire_text(account.why),
            account.token,
        )

    def _header(self, instrument: int, sequence: int = 0) -> HeaderFields:
        return HeaderFields(self._source, instrument, sequence, 0, 0)

    def _say(self, message: object) -> None:
        self.publisher.publish(encode(message))

    def _joined(self) -> Account:
        assert self._account is not None
        return self._account
