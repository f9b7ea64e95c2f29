"""Commands on their way: each is sent at most once, and each is told an end or that it is unknown.

A command that surely did not leave is told as not sent. Once a byte of it may have left, only an
answer tells its end; without one it is unknown, and asking for the order is somebody else's part.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent, RejectReason
from alp.errors import ConfigError
from alp.venues.account.calls import Calls
from alp.venues.account.delivery import NoAnswer, NotSent
from alp.venues.account.notes import OrderNotes
from alp.venues.account.private_connection import PrivateConnection
from alp.venues.account.state import AccountNews, AccountState, Patience
from alp.venues.orders import Action, Answer, Call, Capability, Command, Fact, Outcome, Policy

logger = logging.getLogger(__name__)

SECOND = 10**9
LATE_S = 120.0
"""An answer that comes after its time is still read for so long."""
SAME_ORDER_S = 1.0
"""A command waits at most so long for an earlier one of its order that went by REST."""

_UNKNOWN = {
    Action.NEW: OrderEvent.UNKNOWN,
    Action.AMEND: OrderEvent.AMEND_UNKNOWN,
    Action.CANCEL: OrderEvent.CANCEL_UNKNOWN,
}
_NOT_DONE = {
    Action.NEW: OrderEvent.NOT_SENT,
    Action.AMEND: OrderEvent.AMEND_REFUSED,
    Action.CANCEL: OrderEvent.CANCEL_REFUSED,
}
UNKNOWNS = frozenset(_UNKNOWN.values())


def unknown(command: Command) -> Fact:
    """Return the fact that nobody knows what became of a command."""
    return _fact(_UNKNOWN[command.action], command)


def not_done(command: Command, reason: RejectReason) -> Fact:
    """Return the fact that a command did not leave."""
    return replace(_fact(_NOT_DONE[command.action], command), reason=reason)


@dataclass(eq=False)
class Journey:
    """Commands that leave together.

    Attributes
    ----------
    left
        A byte of it may have left.
    told
        Its end was told, or that it is unknown.
    """

    journeys: Journeys
    commands: tuple[Command, ...]
    call: Call | None = None
    left: bool = False
    told: bool = False
    begun_ns: int = 0
    overdue: asyncio.TimerHandle | None = None

    def answered(self, answer: Answer) -> None:
        """Take the answer that came on a WebSocket, be it late."""
        if self.overdue is not None:
            self.overdue.cancel()
        assert self.call is not None
        calls = self.journeys.calls
        calls.results[self.call.name, "late" if self.told else "answered"] += 1
        calls.took(self.call, time.monotonic_ns() - self.begun_ns)
        self.journeys.arrived(self, calls.understand(self.call, answer))

    def unanswered(self, why: str) -> None:
        """Know that no answer comes any more."""
        if self.overdue is not None:
            self.overdue.cancel()
        if not self.told:
            self.journeys.no_answer(self, why)


class Journeys:
    """Sends the commands of one account.

    Parameters
    ----------
    state
        What the account may do now.
    deliver
        Takes the facts of an answer.
    tell
        Takes what the owner should know beside.
    """

    def __init__(
        self,
        calls: Calls,
        notes: OrderNotes,
        patience: Patience,
        state: Callable[[], AccountState],
        deliver: Callable[[Sequence[Fact]], None],
        tell: Callable[[AccountNews], None],
    ) -> None:
        self.calls = calls
        self._notes = notes
        self._answer_s = patience.answer_ns / SECOND
        self._state = state
        self._deliver = deliver
        self._tell = tell
        self._under_way: set[Journey] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._last: dict[str, asyncio.Task[None]] = {}

    def __len__(self) -> int:
        return len(self._under_way)

    def is_under_way(self, client_id: str) -> bool:
        """Whether something of an order has no answer yet."""
        return any(
            each.client_id == client_id for journey in self._under_way for each in journey.commands
        )

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands, batched where the venue takes batches; facts come by themselves."""
        for batch in self._batches(commands):
            journey = Journey(self, batch)
            self._under_way.add(journey)
            connection = self._connection()
            if connection is not None:
                self._by_socket(journey, connection)
            else:
                self._start(journey, 0)

    async def stop(self) -> None:
        """Give up waiting: what has left is unknown, what has not is not sent."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for journey in list(self._under_way):
            if journey.left:
                self.no_answer(journey, "stopped")
            else:
                self._refuse(journey, RejectReason.HALTED)

    def arrived(self, journey: Journey, outcome: Outcome) -> None:
        """Deliver what an answer says; of a command that it leaves out nothing is known."""
        self._under_way.discard(journey)
        facts = list(outcome.facts)
        if not journey.told:
            named = {each.client_id for each in facts} | {each.venue_id for each in facts}
            facts += [
                unknown(each)
                for each in journey.commands
                if each.client_id not in named and (each.venue_id or None) not in named
            ]
        journey.told = True
        self._deliver(facts)

    def no_answer(self, journey: Journey, why: str) -> None:
        """Say that what has left is unknown."""
        self._under_way.discard(journey)
        journey.told = True
        ids = ", ".join(each.client_id for each in journey.commands)
        logger.warning("%s: unknown: %s: %s", self.calls.adapter.exchange, ids, why)
        self._deliver([unknown(each) for each in journey.commands])

    def _refuse(self, journey: Journey, reason: RejectReason) -> None:
        """Say that commands did not leave."""
        self._under_way.discard(journey)
        journey.told = True
        self._deliver([not_done(each, reason) for each in journey.commands])

    def _batches(self, commands: Sequence[Command]) -> Iterator[tuple[Command, ...]]:
        """Cut commands into what a call takes; the order stays."""
        completed = [self._notes.completed(each) for each in commands]
        for (action, _), group in groupby(
            completed, lambda each: (each.action, each.instrument.symbol)
        ):
            most = self.calls.adapter.most_in_batch.get(action, 1)
            row = tuple(group)
            for first in range(0, len(row), most):
                yield row[first : first + most]

    def _connection(self) -> PrivateConnection | None:
        """Return the order socket's connection where commands can leave on it."""
        socket = self.calls.socket
        if socket is None or Capability.SOCKET_ORDERS not in self.calls.adapter.capabilities:
            return None
        connection = socket.connection
        return connection if connection is not None and connection.takes else None

    def _prepared(self, journey: Journey, *, socket: bool) -> int | None:
        """Make the call of a journey, or refuse it here; return how long it has to wait."""
        reason = self._reason(journey.commands[0].action)
        if reason is not None:
            self._refuse(journey, reason)
            return None
        calls = self.calls
        try:
            call = calls.adapter.commands(journey.commands, calls.signer, socket=socket)
        except ConfigError as error:
            self._cannot(journey, error)
            return None
        journey.call = call
        wait_ns = calls.rates.wait_ns(call)
        if wait_ns and journey.commands[0].action is not Action.CANCEL:
            calls.results[call.name, "no-budget"] += 1
            self._refuse(journey, RejectReason.RATE)
            return None
        return wait_ns

    def _cannot(self, journey: Journey, error: ConfigError) -> None:
        """Refuse what the venue cannot do; of several commands, only those that it cannot."""
        if len(journey.commands) > 1:
            self._under_way.discard(journey)
            for each in journey.commands:
                self.send([each])
            return
        (command,) = journey.commands
        named = command.action is Action.NEW or bool(command.venue_id)
        self._refuse(journey, RejectReason.OTHER if named else RejectReason.UNKNOWN_ORDER)
        self._tell(
            AccountNews(
                self._state(),
                error.message,
                Policy.FIX_CONFIG if named else Policy.QUERY,
                symbol=command.instrument.symbol,
                side=command.side,
                client_id=command.client_id,
            )
        )

    def _reason(self, action: Action) -> RejectReason | None:
        """Return why nothing of this kind may leave now."""
        state = self._state()
        if action is Action.CANCEL and state is not AccountState.STOPPED:
            return None
        if state is not AccountState.LIVE:
            return RejectReason.HALTED
        return None if self.calls.clock.valid else RejectReason.CLOCK

    def _leave(self, journey: Journey) -> None:
        """Count a journey that begins now."""
        assert journey.call is not None
        now_ns = self.calls.clock.now_ns()
        for each in journey.commands:
            self._notes.leaves(each, now_ns)
        self.calls.rates.spend(journey.call)
        journey.begun_ns = time.monotonic_ns()

    def _by_socket(self, journey: Journey, connection: PrivateConnection) -> None:
        wait_ns = self._prepared(journey, socket=True)
        if wait_ns is None:
            return
        call = journey.call
        assert call is not None
        if wait_ns or call.message is None:  # some take batches by REST only
            self._start(journey, wait_ns)
            return
        self._leave(journey)
        try:
            connection.send(call.message)
        except NotSent:
            self.calls.results[call.name, "not-sent"] += 1
            self._refuse(journey, RejectReason.OTHER)
            return
        journey.left = True
        connection.awaited[call.reference] = journey
        loop = asyncio.get_running_loop()
        journey.overdue = loop.call_later(self._answer_s, self._late, journey, connection)

    def _late(self, journey: Journey, connection: PrivateConnection) -> None:
        """Stop waiting for an answer, but know it when it comes."""
        call = journey.call
        assert call is not None
        self.calls.results[call.name, "no-answer"] += 1
        self.no_answer(journey, f"nothing within {self._answer_s:g} s")
        loop = asyncio.get_running_loop()
        journey.overdue = loop.call_later(
            LATE_S, lambda: connection.awaited.pop(call.reference, None)
        )

    def _start(self, journey: Journey, wait_ns: int) -> None:
        """Let a journey go by REST, after those that its orders are already on."""
        ids = [each.client_id for each in journey.commands]
        before = {self._last[each] for each in ids if each in self._last}
        task = asyncio.create_task(self._by_rest(journey, before, wait_ns))
        self._tasks.add(task)
        self._last |= dict.fromkeys(ids, task)
        task.add_done_callback(lambda done: self._done(done, ids))

    def _done(self, task: asyncio.Task[None], ids: Sequence[str]) -> None:
        self._tasks.discard(task)
        for each in ids:
            if self._last.get(each) is task:
                del self._last[each]
        if not task.cancelled() and task.exception() is not None:
            logger.error("a command's journey failed", exc_info=task.exception())

    async def _by_rest(
        self, journey: Journey, before: set[asyncio.Task[None]], wait_ns: int
    ) -> None:
        if before:
            await asyncio.wait(before, timeout=SAME_ORDER_S)
        while True:
            if wait_ns:
                await asyncio.sleep(wait_ns / SECOND)
            async with self.calls.turn():
                wanted_ns = self._prepared(journey, socket=False)
                if wanted_ns is None:
                    return
                if not wanted_ns:
                    await self._carry(journey)
                    return
            wait_ns = wanted_ns

    async def _carry(self, journey: Journey) -> None:
        call = journey.call
        assert call is not None
        self._leave(journey)
        journey.left = True
        try:
            answer = await self.calls.deliver(call)
        except NotSent as error:
            logger.warning("%s", error)
            self._refuse(journey, RejectReason.OTHER)
        except NoAnswer as error:
            self.no_answer(journey, error.message)
        else:
            self.arrived(journey, self.calls.understand(call, answer))


def _fact(kind: OrderEvent, command: Command) -> Fact:
    return Fact(
        kind,
        command.client_id,
        command.venue_id,
        command.instrument.symbol,
        command=command.number,
        side=command.side,
        source=FactSource.OWN,
    )
