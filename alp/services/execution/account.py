"""One account: its orders, its gate, its journal; the only thing that sends for it.

Every command passes the gate and is in the journal, durably, before a byte of it leaves. What the
venue says comes back as facts, in one stream, whichever way it came; each is in the table and in
the journal before anybody hears of it.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from alp._core.gate import Gate, GateState, Refusal
from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent, OrderState
from alp._core.orders import (
    OUTCOME_NEWS,
    OUTCOME_NO_ROOM,
    OUTCOME_REPEATED,
    OrderError,
    OrderFields,
    OrderTable,
)
from alp._core.wire import ExecutionReportMessage, HeaderFields, OrderCommandMessage, encode
from alp.journal.ids import parse_client_id
from alp.services.execution.limits import AccountVenue
from alp.services.execution.outside import Journals, Sends
from alp.services.execution.refusals import RefusalLog
from alp.services.execution.reports import fee_of, reports_of, reports_of_stranger, wire_text
from alp.services.execution.steps import POST_ONLY, REDUCE_ONLY, Step
from alp.services.execution.told import Told
from alp.venues.account.state import AccountNews, AccountReport, AccountState
from alp.venues.orders import Action, Command, Fact, FactTerms, LiveOrder

logger = logging.getLogger(__name__)

SECOND = 10**9
OPENS = (OrderEvent.ACKED, OrderEvent.FOUND)
"""News that an order is open."""
ENDED = (OrderState.FILLED, OrderState.CANCELED, OrderState.REJECTED, OrderState.EXPIRED)
KEPT_NS = 120 * SECOND
"""An order that ended is kept for so long: a venue may still tell of it."""
MOST_ENDED = 4096
"""The oldest beyond so many are forgotten sooner."""
MOST_TOLD = 65_536
"""Trades of which it is remembered that they were told; the oldest beyond are forgotten."""
START = "start"
"""Who halts until the account was read for the first time."""
UNSENT = {
    Action.NEW: OrderEvent.NOT_SENT,
    Action.AMEND: OrderEvent.AMEND_REFUSED,
    Action.CANCEL: OrderEvent.CANCEL_REFUSED,
}
"""What a command that was approved and did not leave has come to."""


@dataclass(frozen=True, slots=True)
class Hands:
    """What an account is given.

    Attributes
    ----------
    token
        Fencing: of this process, for as long as it owns the account.
    next_id
        Gives client ids, each once for ever.
    is_ours
        Whether a client id found at the venue is one of this account's.
    report
        Is told what became of orders.
    clock_ns
        Nanoseconds UTC.
    before_ns
        The journal's last word before this process: what it says is open was sent until then.
    """

    journal: Journals
    token: int
    next_id: Callable[[], str]
    is_ours: Callable[[str], bool]
    report: Callable[[ExecutionReportMessage], None]
    clock_ns: Callable[[], int]
    before_ns: int = 0


News = Callable[[OrderFields, Fact], None]
"""Hears of every order that something new is known of."""
Fills = Callable[[OrderFields, Fact, int], None]
"""Hears of every order of which more lots are filled, and of how many."""
Refused = Callable[[AccountVenue, Step, Refusal], None]
"""Hears of every step that the gate refused."""


class Account:
    """Keeps one account.

    Attributes
    ----------
    halts
        Why nothing but cancels may leave, by who says so; empty: more may.
    reductions
        Why only what lowers the exposure may leave, by who says so.
    foreign
        Facts of orders that are not ours, left alone.
    told
        Trades that the bus was told of.
    counts
        What was sent, what the gate refused, what facts came to.
    changed
        Set whenever anything of this is.
    """

    def __init__(
        self, products: Sequence[AccountVenue], table: OrderTable, gate: Gate, hands: Hands
    ) -> None:
        self.table = table
        self.gate = gate
        self.products = {each.index: each for each in products}
        self.halts: dict[str, str] = {START: "the venue has not been read yet"}
        self.reductions: dict[str, str] = {}
        self.foreign = 0
        self.counts: Counter[str] = Counter()
        self.changed = asyncio.Event()
        self._hands = hands
        self._journal = hands.journal
        self._session: Sends | None = None
        self._listeners: list[News] = []
        self._fill_listeners: list[Fills] = []
        self._refusal_listeners: list[Refused] = [RefusalLog(hands.clock_ns)]
        self._sent: dict[str, Command] = {}
        self._ended = dict.fromkeys(table.ended(), hands.clock_ns())
        self.told = Told(MOST_TOLD)

    def use(self, session: Sends) -> None:
        """Send by this session from now on."""
        self._session = session

    def listen(self, listener: News) -> None:
        """Tell of news."""
        self._listeners.append(listener)

    def listen_fills(self, listener: Fills) -> None:
        """Tell of fills."""
        self._fill_listeners.append(listener)

    def listen_refusals(self, listener: Refused) -> None:
        """Tell of what the gate refused."""
        self._refusal_listeners.append(listener)

    @property
    def token(self) -> int:
        """Of this process, for as long as it owns the account."""
        return self._hands.token

    @property
    def may_add(self) -> bool:
        """Whether more than cancels may leave."""
        return not self.halts and not self.gate.killed

    @property
    def why(self) -> str:
        """Why nothing but cancels may leave, or only what reduces; empty where all may."""
        return "; ".join((self.halts or self.reductions).values())

    def open_orders(self) -> list[OrderFields]:
        """Return what may be open, the largest risk first."""
        found = [order for index in self.products for order in self.table.open_orders(index)]
        return sorted(found, key=lambda each: -each.open_quantity * each.open_price)

    # what may leave

    def halt(self, who: str, why: str) -> None:
        """Let nothing but cancels leave until `who` resumes."""
        if self.halts.get(who) == why:
            return
        logger.warning("halted: %s: %s", who, why)
        self.halts[who] = why
        self._set_state()

    def resume(self, who: str) -> None:
        """Take a halt back; others may still hold."""
        if self.halts.pop(who, None) is not None:
            logger.info("no longer halted: %s", who)
            self._set_state()

    def restrain(self, who: str, why: str) -> None:
        """Let only what lowers the exposure leave until `who` relaxes."""
        if who not in self.reductions:
            logger.warning("only what reduces may leave: %s: %s", who, why)
            self.reductions[who] = why
            self._set_state()

    def relax(self, who: str) -> None:
        """Take a restraint back; others may still hold."""
        if self.reductions.pop(who, None) is not None:
            logger.info("no longer restrained: %s", who)
            self._set_state()

    def kill(self, why: str) -> None:
        """Let nothing but cancels leave until :meth:`release`."""
        if not self.gate.killed:
            logger.error("killed: %s", why)
            self.gate.kill()
            self._note_gate(why)

    def release(self) -> None:
        """Take the kill switch back."""
        if self.gate.killed:
            logger.warning("the kill switch was released")
            self.gate.release()
            self._set_state()

    def _set_state(self) -> None:
        state = GateState.REDUCING if self.reductions else GateState.ACTIVE
        if self.halts:
            state = GateState.HALTED
        if state != self.gate.state:
            self.gate.set_state(state)
            self._note_gate(self.why)
        self.changed.set()

    def _note_gate(self, why: str) -> None:
        text = wire_text(why)
        state, killed = int(self.gate.state), self.gate.killed
        self._write(lambda: self._journal.gate(state, killed, text, self._hands.clock_ns()))
        self.changed.set()

    def note_position(self, index: int, lots: int) -> None:
        """Put a position that the venue told into the journal."""
        self._write(lambda: self._journal.position(index, lots, self._hands.clock_ns()))

    def _write(self, append: Callable[[], int]) -> int | None:
        """Append to the journal; where it is broken nothing is added any more."""
        try:
            return append()
        except OSError as error:
            self.counts["journal refused"] += 1
            self.journal_broken(error)
            return None

    def journal_broken(self, error: OSError) -> None:
        """Add nothing any more: it would not be known after a restart."""
        if "journal" not in self.halts:
            logger.critical("the journal is broken: %s", error)
            self.halt("journal", f"the journal is broken: {error}")

    # what is sent

    async def do(
        self,
        venue: AccountVenue,
        steps: Iterable[Step],
        refused: Callable[[Step, Refusal], None] | None = None,
    ) -> list[Refusal]:
        """Let the gate see steps and send those that pass; return why the others did not."""
        refusals = []
        approved: list[tuple[Command, int | None]] = []
        for step in steps:
            verdict = self._approve(venue, step)
            if isinstance(verdict, Refusal):
                refusals.append(verdict)
                self._note_refusal(venue, step, verdict)
                if refused is not None:
                    refused(step, verdict)
            else:
                approved.append(verdict)
        if approved:
            await self._leave(approved)
        return refusals

    def _note_refusal(self, venue: AccountVenue, step: Step, refusal: Refusal) -> None:
        """Count a step that may not leave, and tell of it."""
        self.counts[f"refused {refusal.name}"] += 1
        for listener in self._refusal_listeners:
            listener(venue, step, refusal)

    def _approve(self, venue: AccountVenue, step: Step) -> tuple[Command, int | None] | Refusal:
        """Let the gate see a step, and append its intent if it passes."""
        now = self._hands.clock_ns()
        message = OrderCommandMessage(
            HeaderFields(0, venue.index, 0, 0, now),
            step.client_id or self._hands.next_id(),
            self._hands.token,
            step.price,
            step.quantity,
            0,
            int(step.action),
            step.side,
            int(step.time_in_force),
            step.flags,
        )
        verdict = self.gate.approve(encode(message), now)
        if isinstance(verdict, Refusal):
            return verdict
        command = replace(
            self.command_of(self.table.get(message.client_id)),
            action=step.action,
            price=step.price,
            quantity=step.quantity,
            time_in_force=step.time_in_force,
            post_only=bool(step.flags & POST_ONLY),
            reduce_only=bool(step.flags & REDUCE_ONLY),
            number=verdict.number,
        )
        if step.action is Action.NEW:
            command = replace(command, sent_ns=now)
            self._sent[command.client_id] = command
        self.counts[step.action.name.lower()] += 1
        return command, self._write(lambda: self._journal.intent(verdict, now))

    async def _leave(self, approved: Sequence[tuple[Command, int | None]]) -> None:
        """Send commands once their intents are durable; cancels first, and in any case."""
        numbers = [number for _, number in approved if number is not None]
        durable = len(numbers) == len(approved)
        if numbers:
            try:
                await self._journal.durable(max(numbers))
            except OSError as error:
                durable = False
                self.journal_broken(error)
        for action in (Action.CANCEL, Action.AMEND, Action.NEW):
            commands = [each for each, _ in approved if each.action is action]
            if not commands:
                continue
            if self._session is None or (
                action is not Action.CANCEL and not (durable and self.may_add)
            ):
                for each in commands:
                    self.heard(Fact(UNSENT[action], each.client_id, command=each.number))
                continue
            self._session.send(commands)

    def command_of(self, order: OrderFields) -> Command:
        """Return the command that made an order, with what is known of it now."""
        sent = self._sent.get(order.client_id)
        return Command(
            Action.NEW,
            self.products[order.instrument].instrument,
            order.client_id,
            order.venue_id,
            order.side,
            order.price,
            order.quantity,
            post_only=sent.post_only if sent else True,
            reduce_only=sent.reduce_only if sent else False,
            number=self.table.next_command(order.client_id) - 1,
            filled=order.filled,
            sent_ns=sent.sent_ns if sent else self._hands.before_ns,
        )

    # what the session asks and tells

    def believed_open(self) -> Sequence[Command]:
        """Return every order that may be open, see :class:`alp.venues.account.state.Owner`."""
        return [self.command_of(order) for order in self.open_orders()]

    def client_of(self, venue_id: str) -> str:
        """Return the client's id of an order that is kept, by the venue's; empty: none is."""
        return self.table.find(venue_id) or ""

    def is_well(self) -> bool:
        """Whether orders may stay: the venue's dead-man timer is refreshed while it is so."""
        return not self.gate.killed

    def heard(self, fact: Fact) -> None:
        """Take in what the venue said of an order."""
        client_id = fact.client_id or self.table.find(fact.venue_id) or ""
        if not client_id or client_id not in self.table:
            self._stranger(client_id, fact)
            return
        before = self.table.get(client_id)
        now = self._hands.clock_ns()
        terms = fact.terms(now)
        outcome = self.table.apply(client_id, int(fact.kind), **terms)
        if outcome == OUTCOME_NO_ROOM:
            self.halt("table", "there is no room for more trades")
        is_fee_news = self._is_fee_news(client_id, fact)
        is_untold = self._is_untold(client_id, fact)
        if outcome == OUTCOME_NEWS:
            self.counts["facts"] += 1
            self._note(client_id, fact, terms)
            self._follow(before, self.table.get(client_id), fact, now, is_untold)
        elif outcome == OUTCOME_REPEATED and (is_untold or is_fee_news):
            # By the journal it was heard before the restart, and nobody knows whether it was told;
            # or the venue says the fee of a trade later than the trade.
            if is_fee_news:
                self._note(client_id, fact, terms)
            self._report(reports_of(self.table.get(client_id), fact, is_untold))
        else:
            self.counts["facts that were no news"] += 1

    def _is_untold(self, client_id: str, fact: Fact) -> bool:
        """Whether a fact is a fill that this process has not told; now it is told."""
        if fact.kind is not OrderEvent.FILL or not fact.trade_id:
            return False
        return self.told.is_news(client_id, fact.trade_id, has_fee=bool(fact.fee_asset))

    def _is_fee_news(self, client_id: str, fact: Fact) -> bool:
        """Whether a trade was told without its fee, and this is it."""
        return bool(fact.fee_asset) and self.told.lacks_fee(client_id, fact.trade_id)

    def _note(self, client_id: str, fact: Fact, terms: FactTerms) -> None:
        """Put a fact into the journal, and again with each fee in another asset."""
        for each in (fact, *(fee_of(fact, *paid) for paid in fact.more_fees)):
            self._write(lambda: self._append(client_id, each, terms))  # noqa: B023 - called now

    def _append(self, client_id: str, fact: Fact, terms: FactTerms) -> int:
        return self._journal.fact(
            client_id,
            int(fact.kind),
            **terms,
            venue_ns=fact.at_ns,
            fee=fact.fee,
            fee_asset=fact.fee_asset,
            liquidity=fact.liquidity,
            source=int(fact.source or FactSource.OWN),
        )

    def _stranger(self, client_id: str, fact: Fact) -> None:
        if not client_id or not self._hands.is_ours(client_id):
            self.foreign += 1
            return
        if self._is_fenced_by(client_id, is_open=fact.kind in OPENS):
            return
        self.counts["facts of orders not known"] += 1
        index = self._index_of(fact.symbol)
        if index is None:
            return
        is_fee_news = self._is_fee_news(client_id, fact)
        is_untold = self._is_untold(client_id, fact)
        if is_untold or is_fee_news:
            # The journal lost the order; the position is the venue's, and the trade has to be told.
            logger.warning("%s: a trade of an order that is not known", client_id)
            self._report(reports_of_stranger(client_id, index, fact, is_untold))
        if len(self.told) > 2 * MOST_TOLD:
            self.told.trim(self.table.__contains__)

    def _report(self, messages: Iterable[ExecutionReportMessage]) -> None:
        for each in messages:
            self._hands.report(each)

    def _is_fenced_by(self, client_id: str, *, is_open: bool) -> bool:
        """Whether an order of ours is another process's, which then owns the account as well.

        It cannot have the same journal, whose lock is ours: two folders of state, or two machines.
        The earlier one gives way for good, and leaves the later one's orders alone. If both began
        within one second their tokens are the same: whoever sees the other's order first gives way.
        An open order of our own token was in the table before it was sent, and still is there; what
        is heard late of one that ended may be of one that was released.
        """
        said = parse_client_id(client_id)
        if said is None or said.epoch < self._hands.token:
            return False
        if said.epoch == self._hands.token and not is_open:
            return False
        self.halt("fence", f"another process sends for this account, with token {said.epoch}")
        return True

    def _index_of(self, symbol: str) -> int | None:
        for index, venue in self.products.items():
            if venue.instrument.symbol == symbol:
                return index
        return None

    def _follow(
        self,
        before: OrderFields,
        order: OrderFields,
        fact: Fact,
        now_ns: int,
        is_fill: bool,
    ) -> None:
        """Draw what follows from news of an order."""
        if order.contradictions != before.contradictions:
            logger.error("%s: %s", order.client_id, order.contradictions.name)
        if order.state in ENDED:
            self._ended.setdefault(order.client_id, now_ns)
        self._report(reports_of(order, fact, is_fill))
        if order.filled > before.filled:
            for told in self._fill_listeners:
                told(order, fact, order.filled - before.filled)
        for listener in self._listeners:
            listener(order, fact)
        self.changed.set()

    def heard_state(self, news: AccountNews) -> None:
        """Take in how the account is."""
        if news.state is AccountState.LIVE:
            self.resume("session")
        else:
            self.halt("session", f"{news.state}: {news.why}")

    def heard_report(self, report: AccountReport) -> None:
        """Take in what the venue says is open: ours that the journal does not know are adopted."""
        for live in report.orders or ():
            if live.client_id in self.table or not self._hands.is_ours(live.client_id):
                continue
            if not self._is_fenced_by(live.client_id, is_open=True):
                self._adopt(live)

    def _adopt(self, live: LiveOrder) -> None:
        index = self._index_of(live.symbol)
        if index is None:
            return
        logger.warning("%s: adopted: %d at %d", live.client_id, live.quantity, live.price)
        terms = (live.client_id, index, live.side, live.price, live.quantity)
        try:
            self.table.open(*terms)
        except OrderError as error:
            self.halt("table", f"{live.client_id}: cannot be adopted: {error}")
            return
        now = self._hands.clock_ns()
        self._write(lambda: self._journal.adopted(*terms, now))
        self.counts["adopted"] += 1
        self.heard(
            Fact(
                OrderEvent.FOUND,
                live.client_id,
                live.venue_id,
                live.symbol,
                price=live.price,
                quantity=live.quantity,
                cumulative=live.filled,
                at_ns=live.at_ns,
            )
        )

    def forget(self) -> None:
        """Release orders that ended long ago."""
        now = self._hands.clock_ns()
        for client_id in list(self._long_ended(now)):
            del self._ended[client_id]
            try:
                self.table.release(client_id)
            except OrderError:
                continue  # it turned out not to have ended
            self._sent.pop(client_id, None)
            self._write(lambda: self._journal.released(client_id, now))  # noqa: B023 - called now
        self.told.trim(self.table.__contains__)

    def _long_ended(self, now_ns: int) -> Iterator[str]:
        spare = len(self._ended) - MOST_ENDED
        for number, (client_id, ended_ns) in enumerate(self._ended.items()):
            if now_ns - ended_ns < KEPT_NS and number >= spare:
                return
            yield client_id
