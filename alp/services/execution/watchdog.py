"""The watchdog: cancels an account's orders when the handler that owns them is not heard.

It is for venues that have no dead-man timer of their own, and beside one where they do.
docs/watchdog.md says what it does when.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import uvloop
import zmq
from prometheus_client import CollectorRegistry

from alp._core.wire import HeartbeatMessage, decode
from alp.bus.addresses import recall_endpoint
from alp.bus.sockets import CurveKeys, Subscriber
from alp.bus.sources import Source
from alp.errors import ConfigError, VenueError
from alp.journal.ids import parse_client_id
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.services.execution.kill_switch import KillSwitch
from alp.services.execution.limits import account_venues
from alp.services.execution.setup import account_name, endpoints_of, load_products, tag_of
from alp.services.execution.watchdog_metrics import WatchdogMetrics
from alp.services.tasks import obeying_signals, run_parts
from alp.strategy.manifest import Strategy
from alp.venues.account.cancel_only import CancelOnly
from alp.venues.backoff import Backoff
from alp.venues.credentials import read_credentials
from alp.venues.orders import LiveOrder
from alp.venues.registry import check_credentials, orders_for

logger = logging.getLogger(__name__)

SECOND = 10**9
LOOK_S = 0.05
"""How often the bus and the kill switch are looked at."""
STEP_NS = SECOND // 2
"""Silence while this process did not run counts for no more than this: it heard nothing then."""
CHECK_S = 60.0
"""The key is tried so often while there is nothing to do."""
FIRST_NS, MOST_NS = SECOND // 4, 10 * SECOND
"""Bounds of the pauses after failures, and before orders that stay are cancelled again."""
LONGEST_LOOK_S = 15.0
"""An account with nothing open is listed so often: an order may have been on its way."""
SUFFIX = "-watchdog"
CLOSING_S = 1.0


@dataclass(frozen=True)
class WatchPlacement:
    """Where a watchdog works.

    Attributes
    ----------
    venue
        Name of a venue of the manifest: its account is watched.
    state
        Folder with the strategy's kill switch.
    orders
        Where the handler may publish.
    after_ns
        So long it may be silent.
    keys
        Folder of the watchdog's own keys; the environment by default.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    """

    venue: str
    state: Path
    orders: Sequence[str]
    after_ns: int = 5 * SECOND
    keys: Path | None = None
    health: str | None = None
    curve: CurveKeys | None = None


class Watchdog:
    """Watches one account.

    Raises
    ------
    ConfigError
        If the manifest, the keys or the mode do not allow it.

    Attributes
    ----------
    silent_ns
        How long the handler was not heard, of the time in which it could have been.
    heartbeats
        How many were heard.
    acting
        Why orders are being cancelled; empty: they are not.
    ours, foreign
        Orders in the last list.
    troubles
        By the part that has it, what is wrong.
    counts
        ``takeovers`` by their reason, and lists that were ``listed`` or ``failed``.
    """

    def __init__(self, strategy: Strategy, placement: WatchPlacement) -> None:
        self._strategy = strategy
        self._placement = placement
        index, venue = account_venues(strategy, placement.venue)[0]
        self._source = int(Source.EXECUTION) + index
        self.name = account_name(venue)
        self._tag = tag_of(strategy, self.name)
        self._endpoints = endpoints_of(strategy, venue)
        self._adapter = orders_for(venue.exchange, self._endpoints)
        self._credentials = read_credentials(venue.name + SUFFIX, placement.keys)
        check_credentials(venue.exchange, self._credentials)
        self.kill_switch = KillSwitch(placement.state)
        self.watch = LoopWatch()
        self.account: CancelOnly | None = None
        self.silent_ns = self.heartbeats = self._killed_ns = 0
        self.acting = ""
        self.ours = self.foreign = 0
        self.troubles = {"key": "was not tried yet"}
        self.counts: Counter[str] = Counter()
        self.web: Web | None = None
        self._prepared = asyncio.Event()
        self._stop = asyncio.Event()
        self._random = Random()  # noqa: S311 - spreads attempts, guards nothing

    async def run(self) -> None:
        """Watch until SIGTERM or SIGINT; then nothing is cancelled.

        Raises
        ------
        ConfigError
            If the venue does not know a product, the key may withdraw, or an address is taken.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(obeying_signals(self._stop.set))
            context: zmq.Context[zmq.Socket[bytes]] = zmq.Context()
            stack.callback(context.term)
            sources = [(each, recall_endpoint(each)) for each in self._placement.orders]
            curve = self._placement.curve
            bus = stack.enter_context(Subscriber(context, sources, curve=curve))
            if self._placement.health is not None:
                self.web = await stack.enter_async_context(self._make_web())
            await self._serve(bus)

    async def _serve(self, bus: Subscriber) -> None:
        try:
            await run_parts(self._stop, self._follow(bus), self._keep_account(), self.watch.run())
        finally:
            if self.account is not None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(CLOSING_S):
                        await self.account.close()

    # hearing

    async def _follow(self, bus: Subscriber) -> None:
        """Hear the handler; act while it is silent, and not a moment longer."""
        clearing: asyncio.Task[None] | None = None
        before = time.monotonic_ns()
        try:
            while True:
                now = time.monotonic_ns()
                step, before = min(now - before, STEP_NS), now
                self._hear(bus, step)
                why = self._why(step)
                if clearing is not None and (not why or clearing.done()):
                    await _ended(clearing)
                    clearing = None
                    self._trouble("cancel", "")
                    logger.info("%s: nothing is cancelled from here any more", self.name)
                elif clearing is None and why:
                    self.counts[f"takeover {why}"] += 1
                    logger.warning("%s: whatever is open of it is cancelled", self._words(why))
                    clearing = asyncio.create_task(self._clear())
                self.acting = why
                await asyncio.sleep(LOOK_S)
        finally:
            if clearing is not None:
                await _ended(clearing)

    def _hear(self, bus: Subscriber, step_ns: int) -> None:
        """Take what waits on the bus; what came while this process did not run counts too."""
        self.silent_ns += step_ns
        while int(bus.socket.getsockopt(zmq.EVENTS)) & zmq.POLLIN:
            data = bus.take()
            message = None if data is None else decode(data)
            if isinstance(message, HeartbeatMessage) and message.header.source == self._source:
                self.heartbeats += 1
                self.silent_ns = 0

    def _why(self, step_ns: int) -> str:
        """Return why orders are to be cancelled from here, if they are."""
        self._killed_ns = self._killed_ns + step_ns if self.kill_switch.is_set else 0
        if self._killed_ns >= self._placement.after_ns:
            return "killed"
        return "silent" if self.silent_ns >= self._placement.after_ns else ""

    def _words(self, why: str) -> str:
        if why == "killed":
            return f"{self.name}: the kill switch is set: {self.kill_switch.reason or 'no reason'}"
        seconds = self.silent_ns / SECOND
        heard = f"was not heard for {seconds:.1f} s" if self.heartbeats else "was never heard"
        return f"{self.name}: its handler {heard}"

    # cancelling

    async def _clear(self) -> None:
        """Cancel what is ours until this is cancelled itself."""
        await self._prepared.wait()
        again = Backoff(self._random, FIRST_NS, MOST_NS)
        empty_s = FIRST_NS / SECOND
        while True:
            try:
                ours = await self._list()
            except VenueError as error:
                await asyncio.sleep(again.next_ns(error.retry_ns) / SECOND)
                continue
            if not ours:
                self._trouble("cancel", "")
                again.reset()
                await asyncio.sleep(empty_s)
                empty_s = min(2 * empty_s, LONGEST_LOOK_S)
                continue
            empty_s = FIRST_NS / SECOND
            logger.warning("%s: cancelling %s", self.name, _some(ours))
            self._trouble("cancel", await self._account().cancel(ours))
            await asyncio.sleep(again.next_ns() / SECOND)

    async def _list(self) -> list[LiveOrder]:
        """Return our open orders, the largest first.

        Raises
        ------
        VenueError
            If the venue does not say what is open.
        """
        try:
            orders = await self._account().open_orders()
        except VenueError as error:
            self.counts["failed"] += 1
            self._trouble("orders", str(error))
            raise
        self.counts["listed"] += 1
        self._trouble("orders", "")
        ours = [each for each in orders if self._is_ours(each.client_id)]
        self.ours, self.foreign = len(ours), len(orders) - len(ours)
        return ours

    def _is_ours(self, client_id: str) -> bool:
        said = parse_client_id(client_id)
        return said is not None and said.tag == self._tag

    # the account

    async def _keep_account(self) -> None:
        """Learn the products, then try key and clock now and then."""
        products = await load_products(self._strategy, self._placement.venue, self._endpoints)
        self.account = CancelOnly(
            self._adapter,
            self._credentials,
            [each.instrument for each in products],
            self._random,
        )
        self._prepared.set()
        async with asyncio.TaskGroup() as group:
            group.create_task(self.account.run())
            group.create_task(self._check())

    async def _check(self) -> None:
        backoff = Backoff(self._random, FIRST_NS, MOST_NS)
        while True:
            try:
                await self._check_key()
                await self._list()
                backoff.reset()
            except VenueError as error:
                await asyncio.sleep(backoff.next_ns(error.retry_ns) / SECOND)
                continue
            await asyncio.sleep(CHECK_S)

    async def _check_key(self) -> None:
        """Ask what the key may do.

        Raises
        ------
        ConfigError
            If it may withdraw.
        VenueError
            If the venue does not say.
        """
        try:
            allowed = await self._account().permissions()
        except VenueError as error:
            self._trouble("key", str(error))
            raise
        if allowed is not None and "withdraw" in allowed:
            raise ConfigError(
                f"{self._adapter.exchange}: this key may withdraw",
                hint="make one for the watchdog that may cancel, and at most trade",
            )
        barred = allowed is not None and not allowed & {"trade", "cancel"}
        self._trouble("key", "it may not cancel here" if barred else "")

    def _account(self) -> CancelOnly:
        assert self.account is not None
        return self.account

    def _trouble(self, part: str, what: str) -> None:
        """Note what is wrong with a part, or that nothing is; tell it when that changes."""
        before = self.troubles.pop(part, "")
        if what:
            self.troubles[part] = what
        if what != before and what:
            logger.error("%s: %s: %s", self.name, part, what)
        elif before and not what:
            logger.info("%s: %s: well", self.name, part)

    # probes

    def _make_web(self) -> Web:
        assert self._placement.health is not None
        registry = CollectorRegistry()
        registry.register(WatchdogMetrics(self._strategy.name, self, self.watch))
        return Web(
            self._placement.health, alive=self.watch.alive, ready=self.ready, registry=registry
        )

    def ready(self) -> Health:
        """Return whether it could cancel now, as far as that is known."""
        reasons = [f"{part}: {what}" for part, what in self.troubles.items()]
        if self.account is None:
            reasons.insert(0, "the venue has not said what its products are")
        elif self.account.clock is None:
            reasons.append("clock: the venue's is not known")
        if self.acting and self.ours:
            reasons.append(f"{self.ours} orders are still to be cancelled")
        return Health(not reasons, reasons, self._detail())

    def _detail(self) -> dict[str, Any]:
        return {
            "account": self.name,
            "acting": self._words(self.acting) if self.acting else "",
            "heartbeats": self.heartbeats,
            "silent seconds": round(self.silent_ns / SECOND, 1),
            "lists": self.counts["listed"],
            "open orders": {"ours": self.ours, "others": self.foreign},
        }


async def _ended(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait for its end; a failure of it is raised."""
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


def _some(orders: Sequence[LiveOrder]) -> str:
    shown = ", ".join(each.client_id for each in orders[:20])
    return f"{len(orders)} orders: {shown}{', …' if len(orders) > 20 else ''}"


def serve(strategy: Strategy, placement: WatchPlacement) -> None:
    """Watch an account in this process until it is told to stop.

    Raises
    ------
    ConfigError
        See :class:`Watchdog`.
    """
    uvloop.run(Watchdog(strategy, placement).run())
