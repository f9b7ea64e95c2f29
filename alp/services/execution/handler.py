"""The execution handler: the one process that owns an account on a venue.

It starts by reading what the venue says and only then opens the gate; it ends by cancelling what is
open and saying what is left. docs/exec-handler.md says what it does about each failure.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine
from random import Random
from typing import Any

import uvloop
import zmq
import zmq.asyncio
from prometheus_client import CollectorRegistry

from alp._core.orders import OrderFields
from alp._core.wire import ExecutionReportMessage
from alp.bus.addresses import claimed
from alp.bus.commands import CommandServer
from alp.bus.guard import Guard
from alp.bus.sockets import Publisher, Subscriber
from alp.bus.sources import Source
from alp.errors import ConfigError, VenueError
from alp.journal.ids import ClientIds, parse_client_id
from alp.journal.journal import Journal
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.services.execution.account import START, Account, Hands
from alp.services.execution.bus import ExecBus
from alp.services.execution.caution import Caution
from alp.services.execution.kill_switch import KillSwitch
from alp.services.execution.ladder import LadderPlan, options_of
from alp.services.execution.limits import AccountVenue, account_venues, make_gate
from alp.services.execution.market_view import MarketView
from alp.services.execution.metrics import ExecMetrics
from alp.services.execution.positions import Positions
from alp.services.execution.resting import Resting
from alp.services.execution.setup import (
    Placement,
    account_name,
    bus_numbers,
    endpoints_of,
    load_products,
    open_journal,
    tag_of,
)
from alp.services.tasks import first_cause, obeying_signals
from alp.strategy.manifest import Strategy
from alp.venues.account.clock_offset import ClockReading
from alp.venues.account.session import AccountSession
from alp.venues.account.state import AccountNews, AccountReport
from alp.venues.credentials import read_credentials
from alp.venues.orders import Capability
from alp.venues.registry import check_credentials, orders_for

logger = logging.getLogger(__name__)

SECOND = 10**9
LOOK_S = 0.02
"""How often it is looked for what became stale, and for the kill switch."""
CLOSING_S = 2.0
OVERLAP_NS = 300 * SECOND
"""Trades are read from so long before the journal's last record: venues list them late."""


class ExecHandler:
    """Owns one account.

    Raises
    ------
    ConfigError
        If the manifest, the keys or the mode do not allow it.
    """

    def __init__(self, strategy: Strategy, placement: Placement) -> None:
        self._strategy = strategy
        self._placement = placement
        self._index, venue = account_venues(strategy, placement.venue)[0]
        self.name = account_name(venue)
        self._endpoints = endpoints_of(strategy, venue)
        self._adapter = orders_for(venue.exchange, self._endpoints)
        self._credentials = read_credentials(venue.name, placement.keys)
        check_credentials(venue.exchange, self._credentials)
        self.kill_switch = KillSwitch(placement.state)
        self._watch = LoopWatch()
        self._stop = asyncio.Event()
        self._residue: list[OrderFields] = []
        self._killed_here = ""
        self.web: Web | None = None

    async def run(self) -> list[OrderFields]:
        """Own the account until SIGTERM or SIGINT; return orders that may still be open.

        Raises
        ------
        ConfigError
            If the venue does not know a product, the key may withdraw, an address is taken, or
            another process owns the account.
        VenueError
            If the account cannot act.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(
                obeying_signals(self._stop.set, SIGUSR1=lambda: self._kill("SIGUSR1"))
            )
            await self._set_up(stack)
            await self._serve()
        return self._residue

    async def _set_up(self, stack: contextlib.AsyncExitStack) -> None:
        placement = self._placement
        products = await self._unless_stopped(
            load_products(self._strategy, placement.venue, self._endpoints)
        )
        loop = asyncio.get_running_loop()
        journal = open_journal(
            self._strategy,
            self.name,
            placement.state,
            products,
            lambda error: loop.call_soon_threadsafe(self._journal_broken, error),
        )
        self._journal = journal
        # Until the venue was read nobody knows better than the journal.
        self._residue = [
            order for each in products for order in journal.orders.open_orders(each.index)
        ]
        stack.callback(self._close_journal, journal)
        context = zmq.asyncio.Context()
        stack.callback(context.term)
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)
        curve = placement.curve
        self.guard: Guard | None = None
        if curve is not None and curve.clients is not None:
            self.guard = stack.enter_context(Guard(plain, curve.clients))
        source = int(Source.EXECUTION) + self._index
        publisher = Publisher(plain, placement.publish, placement.recall, source, curve)
        stack.callback(lambda: publisher.close(linger_ms=200))
        self.bus = ExecBus(
            source,
            int(self._strategy.fingerprint()[:16], 16),
            publisher,
            stack.enter_context(CommandServer(context, placement.commands, curve)),
            stack.enter_context(Subscriber(plain, [placement.quotes], curve=curve)),
            self._kill_now,
        )
        self.account = self._make_account(journal, products)
        self._lead(journal)
        if placement.health is not None:
            self.web = await stack.enter_async_context(self._make_web(placement.health))

    def _close_journal(self, journal: Journal) -> None:
        """Note what is left; where that cannot be written, that something is left matters more."""
        try:
            journal.close(self._residue)
        except OSError as error:
            if not self._residue:
                raise
            logger.critical("the journal does not say what is left: %s", error)

    async def _unless_stopped(self, work: Coroutine[Any, Any, list[AccountVenue]]) -> Any:
        """Do what may take for ever, but not longer than until the process is to end.

        Raises
        ------
        VenueError
            If it is: what is open was never asked.
        """
        doing, stopping = asyncio.create_task(work), asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
            if not doing.done():
                raise VenueError(f"{self.name}: stopped before the venue said anything")
            return doing.result()
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)

    def _make_account(self, journal: Journal, products: Any) -> Account:
        ids = ClientIds.begin(tag_of(self._strategy, self.name), journal.token)
        gate = make_gate(self._strategy, products, journal.orders)
        gate.fence(journal.token)
        gate.own(*ids.own)
        hands = Hands(
            _Pages(journal),
            journal.token,
            ids.next,
            lambda text: (said := parse_client_id(text)) is not None and said.tag == ids.tag,
            self._report,
            time.time_ns,
            journal.before.last_ns if journal.before is not None else 0,
        )
        return Account(products, journal.orders, gate, hands)

    def _lead(self, journal: Journal) -> None:
        """Put the parts around the account; nothing runs yet."""
        account = self.account
        has_positions = Capability.POSITIONS in self._adapter.capabilities
        self.positions = Positions(
            account,
            has_positions,
            account.note_position,
        )
        self.view = MarketView(
            account.gate,
            account.products,
            bus_numbers(self._strategy),
            self._strategy.spec.limits.max_data_age,
            collar_bps=self._strategy.spec.limits.price_collar_bps,
            changed=lambda: self.resting.wake(),  # noqa: PLW0108 - it is made below
        )
        self.caution = Caution(account, self._strategy, self.view, self._kill)
        options = options_of(self._adapter, self._strategy.spec.execution.min_move_ticks)
        self.plan = LadderPlan(account, self.view, options)
        self.resting = Resting(
            account,
            self.plan,
            is_fresh=self.view.may_quote,
            most_age_ns=self._strategy.spec.execution.quote_age,
        )
        self.session = AccountSession(
            self._adapter,
            self._credentials,
            [each.instrument for each in account.products.values()],
            account,
            on_fact=account.heard,
            on_state=self._heard_state,
            on_account=self._heard_account,
            on_clock=self._heard_clock,
            random=Random(),  # noqa: S311 - spreads attempts, guards nothing
        )
        account.use(self.session)
        self.bus.join(account, self.resting, self.view)
        before = journal.before
        self._since_ns = max(before.last_ns - OVERLAP_NS, 1) if before is not None else 0
        for index in self.view.alone:
            logger.warning(
                "%s: no second source of prices: orders are held to its own book",
                account.products[index].venue.name,
            )

    async def _serve(self) -> None:
        self._obey_kill_switch()
        work = [
            asyncio.create_task(part)
            for part in (
                self.resting.run(),
                self.bus.take_commands(),
                self.bus.follow_quotes(),
                self.bus.beat(),
                self._look(),
                self._watch.run(),
            )
        ]
        begin = asyncio.create_task(self._begin())
        stopping = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait([begin, *work, stopping], return_when=asyncio.FIRST_COMPLETED)
            if begin.done() and begin.exception() is None:
                await asyncio.wait([*work, stopping], return_when=asyncio.FIRST_COMPLETED)
        finally:
            logger.info("stopping")
            was_read = begin.done()
            await self._end(begin)
            for task in (begin, *work, stopping):
                task.cancel()
            ended = await asyncio.gather(begin, *work, stopping, return_exceptions=True)
        failures = [each for each in ended if isinstance(each, Exception)]
        if failures:
            raise first_cause(failures)
        if not was_read and not self._residue:
            raise VenueError(f"{self.name}: stopped before the venue said what is open")

    async def _begin(self) -> None:
        """Read the account; only then may anything leave."""
        await self.session.start(self._since_ns)
        self.account.resume(START)
        self.resting.wake()

    async def _end(self, begin: asyncio.Task[None]) -> None:
        """Cancel what is open, and say what is left."""
        if begin.done():
            within_ns = self._strategy.spec.execution.stop_within
            self._residue = await self.resting.cancel_everything(within_ns)
        else:
            begin.cancel()
            self._residue = self.account.open_orders()
        for order in self._residue:
            logger.error(
                "may still be open: %s %s side %+d, %d lots at %d, %s",
                order.client_id,
                order.venue_id or "(the venue's id is not known)",
                order.side,
                order.open_quantity,
                order.open_price,
                order.state.name,
            )
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSING_S):
                await self.session.stop(disarm=not self._residue)

    # what parts tell each other

    def _report(self, message: ExecutionReportMessage) -> None:
        self.bus.report(message)

    def _journal_broken(self, error: OSError) -> None:
        self.account.journal_broken(error)
        self.resting.wake()

    def _heard_state(self, news: AccountNews) -> None:
        self.account.heard_state(news)
        self.resting.heard_state(news)

    def _heard_account(self, report: AccountReport) -> None:
        self.account.heard_report(report)
        for index in self.positions.heard(report):
            self.bus.tell_position(index)

    def _heard_clock(self, reading: ClockReading) -> None:
        self.account.gate.see_clock(reading.least_ns, time.time_ns())
        self.caution.heard_clock(reading.least_ns)

    async def _look(self) -> None:
        """Notice what became stale, the kill switch, and a clock that was set."""
        jumps = 0
        while True:
            self.view.look()
            self.caution.look()
            self._obey_kill_switch()
            if self._watch.clock_jumps != jumps:
                jumps = self._watch.clock_jumps
                self.resting.withdraw()
            await asyncio.sleep(LOOK_S)

    def _kill(self, reason: str) -> None:
        """Set the kill switch; where its file cannot be made it holds as long as this process."""
        try:
            self.kill_switch.set(reason)
        except (ConfigError, OSError) as error:
            logger.critical("the kill switch cannot be kept beyond this process: %s", error)
            self._killed_here = reason

    def _why_killed(self) -> str:
        return self.kill_switch.reason or self._killed_here or "the kill switch is set"

    def _kill_now(self, reason: str) -> None:
        """Set the kill switch for somebody who waits for an answer: it says that it is set."""
        self._kill(reason)
        self._obey_kill_switch()

    def _obey_kill_switch(self) -> None:
        is_set = bool(self._killed_here) or self.kill_switch.is_set
        if is_set and not self.account.gate.killed:
            self.account.kill(self._why_killed())
            self.resting.wake()
        elif self.account.gate.killed and not is_set:
            self.account.release()
            self.resting.wake()

    # probes

    def _make_web(self, address: str) -> Web:
        registry = CollectorRegistry()
        registry.register(ExecMetrics(self._strategy.name, self, self._watch))
        return Web(
            address,
            alive=self._watch.alive,
            ready=self.ready,
            registry=registry,
            pages={"/orders": self.orders, "/wishes": self.wishes, "/products": self.products},
        )

    def orders(self) -> list[dict[str, Any]]:
        """Return what may be open, the largest risk first: ticks and lots."""
        venues = {each.index: each.venue for each in self.account.products.values()}
        return [
            {
                "client_id": each.client_id,
                "venue_id": each.venue_id,
                "venue": venues[each.instrument].name,
                "instrument": each.instrument,
                "symbol": venues[each.instrument].symbol,
                "side": each.side,
                "price": each.price,
                "quantity": each.quantity,
                "filled": each.filled,
                "open": each.open_quantity,
                "state": each.state.name,
            }
            for each in self.account.open_orders()
        ]

    def wishes(self) -> list[dict[str, Any]]:
        """Return what is wanted to rest, by product: ticks and lots."""
        return self.resting.wished()

    def products(self) -> list[dict[str, Any]]:
        """Return what a tick and a lot of this account's orders are, as the venue writes them."""
        return [
            {
                "venue": each.venue.name,
                "instrument": each.index,
                "symbol": each.venue.symbol,
                "tick": f"{each.instrument.price.increment:f}",
                "lot": f"{each.instrument.order_quantity.increment:f}",
            }
            for each in self.account.products.values()
        ]

    def ready(self) -> Health:
        """Return whether orders may leave."""
        account = self.account
        reasons = [f"{who}: {why}" for who, why in account.halts.items()]
        if account.gate.killed:
            reasons.append(f"killed: {self._why_killed()}")
        reasons += [
            f"book: {each.venue.name}: the quote server does not vouch for it"
            for each in account.products.values()
            if not self.view.is_fresh(each.index)
        ]
        if self._journal.trouble:
            reasons.append(self._journal.trouble)
        detail = {
            "account": self.name,
            "reducing": dict(account.reductions),
            "token": account.token,
            "open orders": len(account.open_orders()),
            "positions": {
                each.venue.name: account.table.exposure(each.index).position
                for each in account.products.values()
            },
        }
        return Health(not reasons, reasons, detail)


class _Pages:
    """The journal as the account writes it."""

    def __init__(self, journal: Journal) -> None:
        writer = journal.writer
        self.intent, self.fact, self.adopted = writer.intent, writer.fact, writer.adopted
        self.released, self.gate = writer.released, writer.gate
        self.position = writer.position
        self.durable = journal.durable


def serve(strategy: Strategy, placement: Placement) -> list[OrderFields]:
    """Own an account in this process until it is told to stop; return what may still be open.

    Raises
    ------
    ConfigError, VenueError
        See :class:`ExecHandler`.
    """
    with claimed(placement.commands), claimed(placement.publish):
        return uvloop.run(ExecHandler(strategy, placement).run())
