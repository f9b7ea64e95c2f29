"""What was sent lately of each order: enough to read an answer, and to know how old it has to be.

This is no state of orders, which is the owner's. A venue's stream does not say which amend it
confirms, an answer may be older than a command that was just sent, and an order may not be found
although it was accepted; for these the moments of sending are kept.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field, replace

from alp._core.order_life import OrderEvent
from alp.venues.orders import Action, Command, Fact

SECOND = 10**9
KEPT_NS = 60 * SECOND
"""Notes of an order that ended are kept for so long: a stream may repeat itself."""

AMENDS = frozenset({OrderEvent.AMEND_ACKED, OrderEvent.AMEND_REFUSED, OrderEvent.AMEND_UNKNOWN})
CANCELS = frozenset(
    {OrderEvent.CANCEL_ACCEPTED, OrderEvent.CANCEL_REFUSED, OrderEvent.CANCEL_UNKNOWN}
)
ENDS = frozenset(
    {
        OrderEvent.NOT_SENT,
        OrderEvent.REJECTED,
        OrderEvent.FILLED,
        OrderEvent.CANCELED,
        OrderEvent.EXPIRED,
        OrderEvent.NOT_FOUND,
    }
)
_ANSWERS = frozenset(
    {
        OrderEvent.AMEND_ACKED,
        OrderEvent.AMEND_REFUSED,
        OrderEvent.CANCEL_ACCEPTED,
        OrderEvent.CANCEL_REFUSED,
    }
)


@dataclass(slots=True)
class _Sent:
    command: Command
    left_ns: int
    answered: bool = False


@dataclass(slots=True)
class _Note:
    venue_id: str = ""
    born_ns: int = 0
    touched_ns: int = 0
    ended: bool = False
    sent: list[_Sent] = field(default_factory=list)


class OrderNotes:
    """The notes of one account.

    Parameters
    ----------
    not_found_ns
        How long after it was sent a command may not have shown its effect.
    """

    def __init__(
        self, not_found_ns: int, monotonic_ns: Callable[[], int] = time.monotonic_ns
    ) -> None:
        self._window_ns = not_found_ns
        self._monotonic_ns = monotonic_ns
        self._made_ns = monotonic_ns()
        self._notes: dict[str, _Note] = {}
        self._clients: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._notes)

    def leaves(self, command: Command, venue_now_ns: int) -> None:
        """Note that a command leaves now."""
        note = self._note(command.client_id)
        if command.action is Action.NEW:
            note.born_ns = venue_now_ns
        note.sent.append(_Sent(command, note.touched_ns))
        self._learn(command.client_id, command.venue_id)

    def completed(self, command: Command) -> Command:
        """Return a command with the venue's id and when its order was sent, where it lacks them."""
        note = self._notes.get(command.client_id)
        if note is None or (command.venue_id and command.sent_ns):
            return command
        return replace(
            command,
            venue_id=command.venue_id or note.venue_id,
            sent_ns=command.sent_ns or note.born_ns,
        )

    def knows(self, client_id: str) -> bool:
        """Whether something of an order was sent here."""
        note = self._notes.get(client_id)
        return note is not None and bool(note.sent)

    def client_of(self, venue_id: str) -> str:
        """Return the client's id of an order, by the venue's; empty where there are no notes."""
        return self._clients.get(venue_id, "")

    def command_of(self, fact: Fact) -> Command | None:
        """Return the command that a fact speaks of, or the last one of its order; None: neither."""
        note = self._notes.get(fact.client_id)
        if note is None or not note.sent:
            return None
        sent = [each.command for each in note.sent]
        named = [each for each in sent if each.number == fact.command]
        return self.completed((named or sent)[-1])

    def settled(self, order: Command) -> int:
        """Return the last of an order's commands whose effect an answer to a question now shows."""
        note = self._notes.get(order.client_id)
        now = self._monotonic_ns()
        if note is None or not note.sent:
            return 0 if now - self._made_ns < self._window_ns else order.number
        young = [each.command.number for each in note.sent if now - each.left_ns < self._window_ns]
        if young:
            return max(min(young) - 1, 0)
        return min(order.number, max(each.command.number for each in note.sent))

    def may_be_absent(self, order: Command, venue_now_ns: int) -> bool:
        """Whether an order that is not found now is not there, and did not just arrive."""
        note = self._notes.get(order.client_id)
        now = self._monotonic_ns()
        born = (
            [each.left_ns for each in note.sent if each.command.action is Action.NEW]
            if note
            else []
        )
        if born:
            return now - max(born) >= self._window_ns
        # From before this session: by the clock if it is known, and never sooner than asked here.
        old = now - self._made_ns >= self._window_ns
        return old or (order.sent_ns > 0 and venue_now_ns - order.sent_ns >= self._window_ns)

    def read(self, fact: Fact) -> Fact | None:
        """Return a fact with what it leaves out; None where it is of a command nobody here sent."""
        client_id = fact.client_id or self._clients.get(fact.venue_id, "")
        if client_id != fact.client_id:
            fact = replace(fact, client_id=client_id)
        if fact.command or fact.kind not in AMENDS | CANCELS:
            return fact
        action = Action.AMEND if fact.kind in AMENDS else Action.CANCEL
        number = self._number(client_id, action, fact)
        return replace(fact, command=number) if number else None

    def saw(self, fact: Fact) -> None:
        """Take note of a fact as :meth:`read` returned it."""
        if not fact.client_id:
            return
        note = self._notes.get(fact.client_id)
        if note is None:
            if fact.kind in ENDS:
                return
            note = self._note(fact.client_id)
        note.touched_ns = self._monotonic_ns()
        self._learn(fact.client_id, fact.venue_id)
        note.ended = note.ended or fact.kind in ENDS
        for each in note.sent:
            if fact.kind in _ANSWERS:
                each.answered = each.answered or each.command.number == fact.command
            elif fact.kind is OrderEvent.FOUND:
                each.answered = each.answered or each.command.number <= fact.command
        if len(note.sent) > 2:
            self._prune(note)

    def sweep(self, believed: Collection[str]) -> None:
        """Forget orders that ended, or that their owner does not keep, a while ago."""
        now = self._monotonic_ns()
        for client_id, note in list(self._notes.items()):
            old = now - note.touched_ns > self._window_ns + KEPT_NS
            if old and (note.ended or client_id not in believed):
                del self._notes[client_id]
        self._clients = {
            venue_id: client_id
            for venue_id, client_id in self._clients.items()
            if client_id in self._notes
        }

    def _note(self, client_id: str) -> _Note:
        note = self._notes.setdefault(client_id, _Note())
        note.touched_ns = self._monotonic_ns()
        return note

    def _learn(self, client_id: str, venue_id: str) -> None:
        if venue_id:
            self._clients[venue_id] = client_id
            self._notes[client_id].venue_id = venue_id

    def _prune(self, note: _Note) -> None:
        """Forget commands that were answered long ago, but for the last."""
        now = self._monotonic_ns()
        old = self._window_ns + KEPT_NS
        last = note.sent[-1]
        first = [each for each in note.sent if each.command.action is Action.NEW]
        note.sent = first + [
            each
            for each in note.sent
            if each.command.action is not Action.NEW
            and (each is last or not each.answered or now - each.left_ns < old)
        ]

    def _number(self, client_id: str, action: Action, fact: Fact) -> int:
        """Return which amend or cancel a stream speaks of; 0 where it is none of ours."""
        note = self._notes.get(client_id)
        sent = [each for each in note.sent if each.command.action is action] if note else []
        if fact.quantity:
            same = [
                each
                for each in sent
                if each.command.price == fact.price and each.command.quantity == fact.quantity
            ]
            waiting = [each for each in sent if not each.answered]
            # A venue may confirm other terms than were asked for: then it is the only one.
            sent = same or (waiting if len(waiting) == 1 else [])
        waiting = [each for each in sent if not each.answered]
        if waiting:
            return waiting[0].command.number
        return sent[-1].command.number if sent else 0
