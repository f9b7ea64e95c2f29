"""One account at one venue: commands out, facts in, whatever happens to the connections between.

The session keeps no orders; it tells its owner what the venue said, in one order, and asks the
venue until nothing is unknown. docs/account-session.md says what it does when.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
import ssl
import time
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from alp._core.journal_records import FactSource
from alp._core.order_life import OrderEvent
from alp.errors import ConfigError, VenueError
from alp.venues.account.calls import Calls
from alp.venues.account.cancel_all import cancel_all
from alp.venues.account.clock_keeper import ClockKeeper
from alp.venues.account.clock_offset import ClockReading, VenueClock
from alp.venues.account.dead_man import DeadMan
from alp.venues.account.http import OrderHttp
from alp.venues.account.journeys import Journeys
from alp.venues.account.notes import OrderNotes
from alp.venues.account.private_connection import PrivateConnection
from alp.venues.account.private_socket import PrivateSocket, Wiring
from alp.venues.account.rates import CountsPerPair, CountsWithin, OrderRates
from alp.venues.account.recovery import Inquiries, Reader
from alp.venues.account.state import AccountNews, AccountReport, AccountState, Owner, Patience
from alp.venues.account.strangers import Strangers
from alp.venues.account.stream_keys import StreamKeys
from alp.venues.backoff import Backoff
from alp.venues.credentials import Credentials
from alp.venues.instruments import Instrument
from alp.venues.orders import (
    Answer,
    Call,
    Capability,
    Command,
    Fact,
    LiveOrder,
    OrderAdapter,
    Outcome,
    Policy,
    Signer,
    StreamNews,
    StreamPlan,
    StreamReader,
)
from alp.venues.signing import Nonces
from alp.venues.waiting import waited

logger = logging.getLogger(__name__)

SECOND = 10**9
SOURCES = {
    "answer": FactSource.ANSWER,
    "stream": FactSource.STREAM,
    "asked": FactSource.QUERY,
}
TICK_S = 0.25
TRADED = frozenset(
    {OrderEvent.CUMULATIVE, OrderEvent.FILLED, OrderEvent.CANCELED, OrderEvent.EXPIRED}
)
SHOWING = TRADED | {OrderEvent.FOUND}
"""Answers about one order that may show trades of which nobody told."""
TRADING = frozenset(each.name.lower() for each in SHOWING | {OrderEvent.FILL})
"""Kinds of facts that may tell of a trade, as they are counted."""


class AccountSession:
    """Everything between the owner of orders and one venue's account.

    Parameters
    ----------
    instruments
        What is traded; the venue's answers about others are left out.
    on_fact
        Takes what the venue says of orders: of answers, the stream, and what was asked.
    on_state
        Takes the state of the account, and what errors ask for.
    on_account
        Takes balances, positions, and everything that is open, whenever they were read.
    on_clock
        Takes every comparison of clocks, for the gate.
    may_withdraw
        Whether a key that may withdraw is taken; a live account refuses it.
    last_nonce
        The last one used before a restart, if known.
    clock
        A new one by default.
    """

    def __init__(
        self,
        adapter: OrderAdapter,
        credentials: Credentials,
        instruments: Sequence[Instrument],
        owner: Owner,
        *,
        on_fact: Callable[[Fact], None],
        on_state: Callable[[AccountNews], None],
        on_account: Callable[[AccountReport], None] = lambda _: None,
        on_clock: Callable[[ClockReading], None] = lambda _: None,
        random: Random,
        may_withdraw: bool = False,
        ssl_context: ssl.SSLContext | None = None,
        patience: Patience | None = None,
        random_hex: Callable[[], str] = lambda: secrets.token_hex(16),
        last_nonce: int = 0,
        clock: VenueClock | None = None,
    ) -> None:
        self.adapter = adapter
        self.instruments = {each.symbol: each for each in instruments}
        self.clock = clock or VenueClock()
        self.rates = OrderRates(
            adapter.weight_per_minute,
            adapter.orders_per_10s,
            adapter.counter if isinstance(adapter, CountsPerPair) else None,
            weight_window_s=adapter.weight_window_s if isinstance(adapter, CountsWithin) else 60,
        )
        self.state = AccountState.STARTING
        self.facts: Counter[tuple[str, str]] = Counter()
        """Delivered: (source, kind)."""
        self.policies: Counter[str] = Counter()
        self.readings: Counter[str] = Counter()
        """Of all orders: ``done`` and ``failed``."""
        self._owner = owner
        self._on_fact, self._on_state = on_fact, on_state
        self._on_account = on_account
        self._random = random
        self._may_withdraw = may_withdraw
        self._patience = patience or Patience()
        nonces = Nonces(self.clock.now_ns, last=last_nonce)
        self._signer = Signer(credentials, self.clock.now_ns, nonces, random_hex)
        self._http = OrderHttp(
            adapter.endpoints.rest, ssl_context, timeout_s=self._patience.answer_ns / SECOND
        )
        self.calls = Calls(
            adapter,
            self.instruments,
            self._http,
            self.rates,
            self.clock,
            self._signer,
            self._judge,
            self._patience,
        )
        self.dead_man = DeadMan(self.calls, instruments, self._may_stay)
        self._clock_keeper = ClockKeeper(
            self.calls, random, self._patience, self._clock_was_set, on_clock
        )
        self._notes = OrderNotes(adapter.not_found_ns)
        self.journeys = Journeys(
            self.calls,
            self._notes,
            self._patience,
            lambda: self.state,
            lambda facts: self._deliver(facts, "answer"),
            self._tell,
        )
        self.inquiries = Inquiries(
            self.calls, self._notes, random, self._patience, self._deliver_inquired
        )
        self.strangers = Strangers(self.calls, self._notes, owner.client_of, self._deliver_asked)
        self._reader = Reader(
            self.calls,
            self._notes,
            self.inquiries,
            self.strangers,
            instruments,
            owner.believed_open,
            self._deliver_asked,
        )
        name, keys = adapter.exchange, StreamKeys(self.calls)
        self.stream = PrivateSocket(
            f"{name}/stream", self._wiring(keys, keys.stream), random, ssl_context
        )
        self.orders: PrivateSocket | None = None
        if Capability.SOCKET_ORDERS in adapter.capabilities:
            self.orders = self.calls.socket = PrivateSocket(
                f"{name}/orders", self._wiring(keys, keys.orders, stream=False), random, ssl_context
            )
        self._tasks: list[asyncio.Task[None]] = []
        self._heard = False
        self._losses = 0
        self._read_wanted = True
        self._trades_wanted: set[str] = set()
        self._polled_ns = 0
        self._wake_state = asyncio.Event()
        self._settled = asyncio.Event()

    # What its owner calls.

    async def start(self, since_ns: int = 0) -> None:
        """Begin; when this returns everything was read and the account is live.

        A venue that cannot be reached is tried until it can.

        Parameters
        ----------
        since_ns
            Trades are read from then on, the venue's time; 0: from now on.

        Raises
        ------
        ConfigError
            If the key may withdraw.
        VenueError
            If the account cannot act: the venue does not take the key, or its permissions.
        """
        self._tell(AccountNews(self.state))
        await self._insist(self._clock_keeper.begin)
        await self._insist(self._permissions)
        if since_ns:
            self._reader.since_ns = dict.fromkeys(self.instruments, since_ns)
        works = [
            self.stream.run(),
            self._clock_keeper.run(),
            self._keep_state(),
            self.inquiries.run(),
        ]
        if self.orders is not None:
            works.append(self.orders.run())
        if self.dead_man.exists:
            works.append(self.dead_man.run())
        for work in works:
            task = asyncio.create_task(work)
            task.add_done_callback(self._ended)
            self._tasks.append(task)
        await self._settled.wait()
        if self.state is AccountState.HALTED:
            raise VenueError(f"{self.adapter.exchange}: the account cannot act")

    def send(self, commands: Sequence[Command]) -> None:
        """Send commands; each is told facts that end it, or that it is unknown.

        Those that can leave at once have left when this returns. Nothing is sent twice.
        """
        self.journeys.send(commands)

    async def cancel_all(self, instrument: Instrument | None = None) -> tuple[LiveOrder, ...]:
        """Cancel everything that is open, of one product or of all, and return what still is.

        Where the venue has no such command it is done with its list of open orders.

        Raises
        ------
        VenueError
            If the venue does not say what is open.
        """
        which = list(self.instruments.values()) if instrument is None else [instrument]
        return await cancel_all(self.calls, self._reader, which, instrument, self._deliver_asked)

    async def stop(self, *, disarm: bool = False) -> None:
        """End it; what has no answer is unknown.

        Parameters
        ----------
        disarm
            Switch the venue's dead-man timer off, as nothing is left that it should cancel.
        """
        self._move(AccountState.STOPPED, "stopped")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.journeys.stop()
        if disarm:
            await self.dead_man.disarm()
        await self._http.close()

    @property
    def unknown(self) -> int:
        """Orders that are being asked for."""
        return len(self.inquiries)

    # Facts and states.

    def _deliver_asked(self, facts: Sequence[Fact]) -> None:
        self._deliver(facts, "asked")

    def _deliver_inquired(self, facts: Sequence[Fact]) -> None:
        """Hand over what was asked of one order; what is filled by it may have been missed."""
        self._deliver(facts, "asked")
        for fact in facts:
            if fact.kind in SHOWING and fact.cumulative != 0:
                named = fact.symbol in self.instruments
                self._trades_wanted |= {fact.symbol} if named else set(self.instruments)
                self._wake_state.set()

    def _deliver(self, facts: Sequence[Fact], source: str) -> None:
        """Hand facts to the owner, with what they leave out."""
        for said in facts:
            fact = self._notes.read(said)
            if fact is None:
                # An amend or cancel that nobody here sent: how the order is now is to be read.
                self.facts[source, "foreign"] += 1
                self._want_reading()
                continue
            self._notes.saw(fact)
            self.inquiries.saw(fact)
            self.facts[source, fact.kind.name.lower()] += 1
            self._want_trades(fact, source)
            try:
                self._on_fact(_sourced(fact, source))
            except Exception:  # an owner that cannot take a fact does not know its orders any more
                logger.exception("%s: a fact was not taken: %s", self.adapter.exchange, fact)
                self._halt("a fact was not taken")

    def _want_trades(self, fact: Fact, source: str) -> None:
        """Read trades where the venue streams only totals."""
        streamed = Capability.FILLS_STREAMED in self.adapter.capabilities
        if streamed or source == "asked" or fact.kind not in TRADED or fact.cumulative == 0:
            return
        if fact.symbol in self.instruments:
            self._trades_wanted.add(fact.symbol)
            self._wake_state.set()

    def _want_reading(self) -> None:
        self._read_wanted = True
        self._wake_state.set()

    def _judge(self, call: Call, outcome: Outcome) -> None:
        """Do what an error asks for, as far as it is the session's part, and tell the owner."""
        policy = outcome.policy
        if policy is None:
            return
        self.policies[policy] += 1
        if policy is Policy.RESYNC_CLOCK:
            self._clock_keeper.hurry()
        elif policy is Policy.RESYNC_STATE:
            self._want_reading()
        elif policy is Policy.HALT and not outcome.retry_ns:
            self._halt(outcome.text)
        elif policy is Policy.HALT:
            self.rates.ban(outcome.retry_ns)
        first = call.commands[0] if call.commands else None
        if first is None and policy in (Policy.QUERY, Policy.RETRY_NOW):
            return  # asked again by whoever asked
        self._tell(
            AccountNews(
                self.state,
                outcome.text,
                policy,
                outcome.retry_ns,
                first.instrument.symbol if first else "",
                first.side if first else 0,
                first.client_id if first else "",
            )
        )

    def _halt(self, why: str) -> None:
        self._move(AccountState.HALTED, why)
        self._settled.set()

    def _move(self, state: AccountState, why: str) -> None:
        """Change the state; only its end leaves ``HALTED``."""
        latched = self.state is AccountState.HALTED and state is not AccountState.STOPPED
        if state is self.state or latched or self.state is AccountState.STOPPED:
            return
        self.state = state
        level = logging.INFO if state is AccountState.LIVE else logging.WARNING
        logger.log(level, "%s: %s: %s", self.adapter.exchange, state, why)
        self._tell(AccountNews(state, why))

    def _tell(self, news: AccountNews) -> None:
        self._on_state(news)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Halt where something ended that should not."""
        if not task.cancelled():
            logger.critical("%s: ended", self.adapter.exchange, exc_info=task.exception())
            self._halt(f"a part of the session ended: {task.exception()!r}")

    # Streams.

    def _wiring(
        self,
        keys: StreamKeys,
        plan: Callable[[], Coroutine[Any, Any, tuple[StreamPlan, str]]],
        *,
        stream: bool = True,
    ) -> Wiring:
        return Wiring(
            plan,
            keys.renew,
            self._new_reader,
            self._hear,
            self._stream_ready if stream else lambda: None,
            self._stream_lost if stream else lambda _: None,
        )

    def _new_reader(self) -> StreamReader:
        return self.adapter.reader(self._signer, self.instruments)

    def _hear(
        self, connection: PrivateConnection, news: StreamNews, message: bytes, received_ns: int
    ) -> None:
        awaited = connection.awaited.pop(news.reference, None) if news.reference else None
        if awaited is not None:
            awaited.answered(Answer(message, received_ns=received_ns))
        self._deliver(news.facts, "stream")
        if news.balances or news.positions:
            self._on_account(AccountReport(news.balances, news.positions))

    def _stream_ready(self) -> None:
        self._heard = True
        self._want_reading()

    def _stream_lost(self, why: str) -> None:
        self._heard = False
        self._losses += 1
        self._want_reading()
        if self.state is AccountState.LIVE:
            self._move(AccountState.LOST, f"private stream: {why}")

    # What goes on beside.

    def _may_stay(self) -> bool:
        return self.state is AccountState.LIVE and self._owner.is_well()

    def _clock_was_set(self) -> None:
        self._tell(AccountNews(self.state, "the local clock was set", Policy.RESYNC_CLOCK))

    async def _insist(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do something until the venue can be reached.

        Raises
        ------
        VenueError
            If the account cannot act.
        """
        backoff = self._new_backoff()
        while True:
            try:
                return await work()
            except VenueError as error:
                if self.state is AccountState.HALTED:
                    raise
                logger.warning("%s: starting: %s", self.adapter.exchange, error)
                await asyncio.sleep(backoff.next_ns(error.retry_ns) / SECOND)

    def _new_backoff(self) -> Backoff:
        return Backoff(self._random, self._patience.ask_again_ns, self._patience.longest_ns)

    async def _permissions(self) -> None:
        if self.adapter.permissions(self._signer) is None:
            self._warn_of_key("the venue does not say it")
            return

        def ask() -> Call:
            call = self.adapter.permissions(self._signer)
            assert call is not None
            return call

        outcome = await self.calls.ask(ask)
        allowed = outcome.permissions
        if outcome.text:
            self._warn_of_key(outcome.text)
        if "withdraw" in allowed and not self._may_withdraw:
            raise ConfigError(
                f"{self.adapter.exchange}: this key may withdraw",
                hint="make one that may only read and trade; a stolen key then moves no money",
            )
        if "trade" not in allowed:
            self._halt("the key may not trade")
            raise VenueError(f"{self.adapter.exchange}: this key may not trade")

    def _warn_of_key(self, why: str) -> None:
        logger.warning(
            "%s: nobody knows whether this key may withdraw: %s", self.adapter.exchange, why
        )

    async def _keep_state(self) -> None:
        """Read what was missed, and now and then what nobody told."""
        backoff = self._new_backoff()
        while True:
            await waited(self._wake_state, min(TICK_S, self._patience.poll_ns / SECOND))
            if not self._heard:
                continue
            now = time.monotonic_ns()
            try:
                if self._read_wanted or self._polled_ns + self._patience.poll_ns <= now:
                    await self._read()
                elif self._trades_wanted:
                    await self._read_trades(set())
                await self.strangers.ask()
                backoff.reset()
            except VenueError as error:
                self.readings["failed"] += 1
                logger.warning("%s: reading the account: %s", self.adapter.exchange, error)
                await asyncio.sleep(backoff.next_ns(error.retry_ns) / SECOND)

    async def _read(self) -> None:
        """Read open orders, what became of those that are not, trades and balances, in this order.

        The stream is heard already, so that nothing falls between it and what is read; and trades
        come after orders, so that they hold what these say is filled.
        """
        everything, losses = self._read_wanted, self._losses
        self._read_wanted = False
        try:
            live, traded = await self._reader.orders(self.journeys.is_under_way)
            account = None
            if self.state is AccountState.STARTING:
                await self.dead_man.arm()
                # Its owner takes this one at its word: nothing may happen until it has it.
                account = await self._reader.account_at_rest(
                    lambda: self._read_trades(set(self.instruments)), self._trades_heard
                )
            else:
                await self._read_trades(set(self.instruments) if everything else traded)
                if everything or Capability.BALANCES_STREAMED not in self.adapter.capabilities:
                    account = await self._reader.account()
            report = AccountReport(orders=live)
            if account is not None:
                report = AccountReport(account.balances, account.positions, live, whole=True)
        except BaseException:
            self._read_wanted = self._read_wanted or everything
            raise
        self.readings["done"] += 1
        self._polled_ns = time.monotonic_ns()
        self._on_account(report)
        if self._heard and losses == self._losses:
            self._move(AccountState.LIVE, "everything was read")
            self._settled.set()

    def _trades_heard(self) -> int:
        """Count the facts so far that may have changed what the account has."""
        return sum(count for (_, kind), count in self.facts.items() if kind in TRADING)

    async def _read_trades(self, symbols: set[str]) -> None:
        wanted, self._trades_wanted = self._trades_wanted | symbols, set()
        try:
            await self._reader.trades({each: self.instruments[each] for each in sorted(wanted)})
        except VenueError:
            self._trades_wanted |= wanted
            raise


def _sourced(fact: Fact, source: str) -> Fact:
    """Return a fact that says which way it came."""
    if fact.source is not None:
        return fact
    found = SOURCES[source]
    if found is FactSource.QUERY and fact.kind is OrderEvent.FILL:
        found = FactSource.TRADES
    return replace(fact, source=found)
