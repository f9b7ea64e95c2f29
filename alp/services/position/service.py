"""The position server as a process: bus, ledger, venues, probes, and an end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvloop
import zmq
import zmq.asyncio
from prometheus_client import CollectorRegistry

from alp._core.wire import (
    PROTOCOL_VERSION,
    BboMessage,
    HeaderFields,
    HeartbeatMessage,
    InventoryMessage,
    WireError,
    decode,
    encode,
)
from alp.bus.addresses import claimed, recall_endpoint
from alp.bus.sockets import CurveKeys, Publisher, Subscriber
from alp.bus.sources import Source
from alp.dsn import shown
from alp.ledger.assets import Assets
from alp.ledger.books import Snapshot
from alp.ledger.events import own_proof
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.services.execution.setup import bus_numbers, endpoints_of, load_products
from alp.services.position.account import KeptAccount
from alp.services.position.accounts import VenueAccount, assets_of, venue_account
from alp.services.position.booking import Booker
from alp.services.position.chain_leg import ChainLeg
from alp.services.position.drop_copy import DropRules
from alp.services.position.handler_link import HandlerLink
from alp.services.position.intake import Marks
from alp.services.position.keeper import Applied, Keeper
from alp.services.position.metrics import PositionMetrics
from alp.services.position.pages import pnl_page, positions_page
from alp.services.position.publishing import Combined
from alp.services.position.venue_reader import VenueReader
from alp.services.tasks import obeying_signals, run_parts
from alp.strategy.manifest import Strategy
from alp.strategy.venues import Venue
from alp.venues.credentials import read_credentials
from alp.venues.orders import Capability
from alp.venues.registry import check_credentials, orders_for

logger = logging.getLogger(__name__)

SECOND = 10**9
BEAT_S = 0.5
ANSWER_S = 0.05
LEVEL_S = 1.0
LOOK_S = 0.5
SILENT_S = 5.0
SUFFIX = "-positions"
"""Of the names of its keys: they are other keys than the handler's, and may only read."""
MAGIC = b"al"


@dataclass(frozen=True)
class HandlerPlace:
    """Where the handler of an account is, and the keys to read with."""

    commands: str
    publish: str
    keys: Path | None = None


@dataclass(frozen=True)
class Placement:
    """Where one process works.

    Attributes
    ----------
    ledger
        Path of an SQLite file, or a URL.
    publish, recall
        Where the inventory goes out, and where late subscribers are answered.
    quotes, chain
        Where the quote server and the LP agent publish.
    handlers
        By the name of the first venue of an account.
    health
        ``HOST:PORT`` of probes and metrics; None serves none.
    accept
        Why differences that are found at the start are booked; empty: they are not.
    """

    ledger: str
    publish: str
    recall: str
    quotes: str
    chain: str
    handlers: Mapping[str, HandlerPlace]
    health: str | None = None
    curve: CurveKeys | None = None
    rules: DropRules = field(default_factory=DropRules)
    accept: str = ""


class PositionService:
    """Keeps the ledger of a strategy, and says what it holds.

    Raises
    ------
    ConfigError
        If the manifest, the keys or the mode do not allow it.
    """

    def __init__(self, strategy: Strategy, placement: Placement) -> None:
        self._strategy = strategy
        self._placement = placement
        self._owners = [venue for venue in strategy.spec.venues if venue.name in placement.handlers]
        self._keys = {}
        for owner in self._owners:
            folder = placement.handlers[owner.name].keys
            keys = read_credentials(owner.name + SUFFIX, folder)
            check_credentials(owner.exchange, keys)
            self._keys[owner.name] = keys
        self.booker = Booker(self._open, self._applied)
        self.kept: list[KeptAccount] = []
        self.assets: Assets | None = None
        self.web: Web | None = None
        self._watch = LoopWatch()
        self._stop = asyncio.Event()
        self._begun_ns = time.monotonic_ns()
        self._chain: ChainLeg | None = None
        self._combined: Combined | None = None
        self._level_ns = 0

    @property
    def snapshot(self) -> Snapshot | None:
        """The books as of the newest transaction."""
        return self.booker.snapshot

    async def run(self) -> None:
        """Work until SIGTERM or SIGINT.

        Raises
        ------
        ConfigError
            If an address is taken, the ledger has another writer or other units, or a venue does
            not know a product.
        RpcError
            If the ledger cannot be opened.
        """
        placement = self._placement
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(obeying_signals(self._stop.set))
            context = zmq.asyncio.Context()
            stack.callback(context.term)
            plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)
            self._bus = Publisher(
                plain, placement.publish, placement.recall, Source.POSITIONS, placement.curve
            )
            stack.callback(lambda: self._bus.close(linger_ms=200))
            if placement.health is not None:
                self.web = await stack.enter_async_context(self._make_web(placement.health))
            await run_parts(
                self._stop,
                self._work(context),
                self._beat(),
                self._answer(),
                self._watch.run(),
            )

    # setting up

    async def _work(self, context: zmq.asyncio.Context) -> None:
        accounts = [await self._load(each) for each in self._owners]
        self.assets = assets = assets_of(self._strategy, accounts)
        async with contextlib.AsyncExitStack() as stack:
            stack.push_async_callback(self.booker.close)
            await self.booker.open()
            await self._begin_chain(assets)
            assert self._chain is not None
            pair = self._strategy.pair()
            self._combined = Combined(accounts, pair, self._chain)
            pool = {self._strategy.spec.pool.base, self._strategy.spec.pool.network.native}
            self._marks = Marks(accounts, bus_numbers(self._strategy), assets, pool)
            self.kept = [
                await self._kept(stack, context, *each)
                for each in zip(self._owners, accounts, strict=True)
            ]
            async with asyncio.TaskGroup() as group:
                group.create_task(self.booker.run())
                for kept in self.kept:
                    group.create_task(_follow(kept.link.subscriber, kept.link.take))
                    group.create_task(kept.run())
                group.create_task(self._follow_quotes(context))
                group.create_task(self._follow_chain(context))

    async def _load(self, owner: Venue) -> VenueAccount:
        endpoints = endpoints_of(self._strategy, owner)
        products = await load_products(self._strategy, owner.name, endpoints)
        adapter = orders_for(owner.exchange, endpoints)
        futures = Capability.POSITIONS in adapter.capabilities
        return venue_account(self._strategy, owner.account, products, futures=futures)

    async def _kept(
        self,
        stack: contextlib.AsyncExitStack,
        context: zmq.asyncio.Context,
        owner: Venue,
        account: VenueAccount,
    ) -> KeptAccount:
        place, assets = self._placement.handlers[owner.name], self.assets
        assert assets is not None
        adapter = orders_for(owner.exchange, endpoints_of(self._strategy, owner))
        reader = VenueReader(account, assets, adapter, self._keys[owner.name])
        await stack.enter_async_context(reader)
        kept = KeptAccount(
            account, assets, self.booker, reader, self._placement.rules, self._placement.accept
        )
        kept.link = stack.enter_context(
            HandlerLink(
                context,
                place.commands,
                place.publish,
                recall_endpoint(place.publish),
                self._placement.curve,
                kept.heard,
            )
        )
        return kept

    def _open(self) -> Keeper:
        assert self.assets is not None
        holder = f"alp position-server {os.getpid()} on {socket.gethostname()}"
        return Keeper(self._placement.ledger, self.assets, holder)

    # hearing

    async def _begin_chain(self, assets: Assets) -> None:
        pool = self._strategy.spec.pool
        pair = self._strategy.pair()
        leg = ChainLeg(f"{pool.chain}:{self._strategy.name}", pair, assets)
        marker = own_proof("begun", f"{leg.name}:{pair.base_symbol}")
        leg.begun = bool(await self.booker.work(self.booker.keeper.times, [marker]))
        self._chain = leg

    async def _follow_quotes(self, context: zmq.asyncio.Context) -> None:
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)
        where = self._placement.quotes
        with Subscriber(
            plain, [(where, recall_endpoint(where))], [_topic(1)], self._placement.curve
        ) as subscriber:
            while True:
                # The newest touch of each product is all that a mark needs.
                for data in subscriber.drain():
                    message = decode(data)
                    if isinstance(message, BboMessage):
                        self.booker.add(self._marks.bbo(message, time.time_ns()))
                await asyncio.sleep(LOOK_S)

    async def _follow_chain(self, context: zmq.asyncio.Context) -> None:
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)
        where, chain = self._placement.chain, self._chain
        assert chain is not None
        with Subscriber(
            plain, [(where, recall_endpoint(where))], [_topic(8)], self._placement.curve
        ) as subscriber:
            with contextlib.suppress(TimeoutError):
                self._chain_told(subscriber.recall(timeout_ms=0))
            while True:
                self._chain_told(subscriber.drain())
                if chain.newest is not None and self.snapshot is not None:
                    await self.booker.flush()
                    snapshot = self.snapshot
                    events = chain.events(snapshot.balances, snapshot.last_entries)
                    if events:
                        await self.booker.apply(events)
                        chain.begun = True
                await asyncio.sleep(LEVEL_S)

    def _chain_told(self, messages: list[bytes]) -> None:
        for data in messages:
            with contextlib.suppress(WireError):
                message = decode(data)
                if isinstance(message, InventoryMessage) and self._chain is not None:
                    self._chain.heard(message)

    # telling

    def _applied(self, applied: Applied) -> None:
        self.booker.add(self._marks.par(applied.snapshot.unpriced, time.time_ns()))
        if any(each.changes for each in applied.deltas):
            self._say()

    def _say(self) -> None:
        """Publish what is held, absolute; while anything is not known nothing is said."""
        snapshot = self.snapshot
        if self._combined is None or snapshot is None or not self._certain():
            return
        for message in self._combined.messages(snapshot):
            self._bus.publish(encode(message))

    def _certain(self) -> bool:
        begun = bool(self.kept) and all(each.begun for each in self.kept)
        return begun and not self.booker.trouble

    async def _beat(self) -> None:
        config = int(self._strategy.fingerprint()[:16], 16)
        header = HeaderFields(int(Source.POSITIONS), 0, 0, 0, 0)
        while True:
            uptime = time.monotonic_ns() - self._begun_ns
            self._bus.publish(encode(HeartbeatMessage(header, uptime, config)))
            self._say()
            await asyncio.sleep(BEAT_S)

    async def _answer(self) -> None:
        while True:
            self._bus.answer()
            await asyncio.sleep(ANSWER_S)

    # probes

    def _make_web(self, address: str) -> Web:
        registry = CollectorRegistry()
        registry.register(PositionMetrics(self._strategy.name, self, self._watch))
        return Web(
            address,
            alive=self._watch.alive,
            ready=self.ready,
            registry=registry,
            pages={
                "/positions": lambda: positions_page(self.snapshot, self.assets, self.kept),
                "/pnl": lambda: pnl_page(self.snapshot, self.assets),
            },
        )

    def ready(self) -> Health:
        """Return whether what is published is true now, as far as anybody can know."""
        booker = self.booker
        reasons = [f"ledger: {booker.trouble}"] if booker.trouble else []
        if not self.kept:
            reasons.append("the products of the venues were not read yet")
        late_ns = 3 * self._placement.rules.period_ns + int(SILENT_S * SECOND)
        for each in self.kept:
            name = each.account.name
            if each.trouble:
                reasons.append(f"{name}: {each.trouble}")
            if not each.link.answered:
                reasons.append(f"{name}: its handler does not answer")
            if each.compared_ns and time.monotonic_ns() - each.compared_ns > late_ns:
                reasons.append(f"{name}: not compared with its venue for long")
            reasons += [f"{name}: {why}" for why in each.closing]
        if self._stop.is_set():
            reasons.append("stopping")
        detail = {
            "ledger": shown(self._placement.ledger),
            "entry": self.snapshot.sequence if self.snapshot is not None else 0,
            "waiting": booker.waiting,
            "chain": self._chain is not None and self._chain.newest is not None,
            "readings": {each.account.name: each.readings for each in self.kept},
        }
        return Health(not reasons, reasons, detail)


def _topic(kind: int) -> bytes:
    """Return how messages of a kind begin."""
    return MAGIC + bytes((PROTOCOL_VERSION, kind))


async def _follow(subscriber: Subscriber, take: Callable[[], Any]) -> None:
    """Take messages as soon as they come."""
    loop = asyncio.get_running_loop()
    readable = asyncio.Event()
    descriptor = int(subscriber.socket.getsockopt(zmq.FD))
    loop.add_reader(descriptor, readable.set)
    try:
        while True:
            readable.clear()  # before the socket is read: what comes later is signalled again
            take()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LOOK_S):
                    await readable.wait()
    finally:
        loop.remove_reader(descriptor)


async def _run(strategy: Strategy, placement: Placement) -> None:
    await PositionService(strategy, placement).run()


def serve(strategy: Strategy, placement: Placement) -> None:
    """Keep a strategy's ledger in this process until it is told to stop.

    Raises
    ------
    ConfigError, RpcError
        See :class:`PositionService`; or if another process publishes where this one would.
    """
    with claimed(placement.publish):
        uvloop.run(_run(strategy, placement))
