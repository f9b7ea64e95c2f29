"""The market maker as a process: the bus, the desk, the handlers, probes, and an end in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Coroutine, Iterable
from typing import Any

import uvloop
import zmq
import zmq.asyncio
from prometheus_client import CollectorRegistry

from alp.bus.sockets import Subscriber
from alp.models.desk import (
    BookState,
    DeskInstrument,
    Event,
    Filled,
    Paused,
    Tick,
    Top,
    Traded,
    Wish,
)
from alp.models.quoting_desk import QuotingDesk
from alp.observe.loop import LoopWatch
from alp.observe.web import Health, Web
from alp.recording.decisions import DeskLog, RecordedDesk
from alp.recording.decisions_file import DeskHeader
from alp.services.execution.kill_switch import KillSwitch
from alp.services.execution.setup import bus_numbers
from alp.services.maker.following import Follower
from alp.services.maker.hearing import Hearing
from alp.services.maker.memory import Memory, MemoryFile, fingerprint_of
from alp.services.maker.metrics import MakerMetrics
from alp.services.maker.setup import Placement, QuotedAccount, accounts, load_instruments
from alp.services.maker.speaking import Speaker
from alp.services.maker.words import product_words, reasons_of
from alp.services.tasks import obeying_signals, run_parts
from alp.strategy.desk import desk_of
from alp.strategy.manifest import Strategy

logger = logging.getLogger(__name__)

SECOND = 10**9
LOOK_S = 0.05
KEEP_S = 10.0
"""Between two times that the desk's memory is written."""
FORGET_NS = 900 * SECOND
"""A memory older than this is of another market."""
STOP_S = 3.0
"""How long handlers may take to hear that nothing shall rest."""
LOG = "decisions"
SEGMENT_BYTES, SEGMENTS = 32 << 20, 16
"""The log of decisions takes half a gigabyte at most."""
MAKER = "alp.strategy.desk:desk_of"


class MakerService:
    """Quotes a strategy's products.

    Raises
    ------
    ConfigError
        If the manifest has no venue, or one without a handler.
    """

    def __init__(self, strategy: Strategy, placement: Placement) -> None:
        self._strategy = strategy
        self._placement = placement
        self.accounts = accounts(strategy, placement)
        self.kill_switch = KillSwitch(placement.state)
        self.hearing = Hearing(
            bus_numbers(strategy),
            {each.source: each.venues for each in self.accounts},
            strategy.pair(),
            strategy.spec.inventory.target_base_share_bps,
        )
        self.memory = MemoryFile(placement.state)
        self.desk: QuotingDesk | None = None
        self.recorded: RecordedDesk | None = None
        self.log: DeskLog | None = None
        self.speakers: dict[int, Speaker] = {}
        self.followers: dict[str, Follower] = {}
        self.events = 0
        self.wishes: dict[int, Wish] = {}
        self.web: Web | None = None
        self._instruments: list[DeskInstrument] = []
        self._price = 0.0
        self._early: dict[tuple[type[Any], int], Event] = {}
        self._withdrawn: bool | None = None
        self._watch = LoopWatch()
        self._told_to_stop = asyncio.Event()
        self._stop = asyncio.Event()

    async def run(self) -> bool:
        """Quote until SIGTERM or SIGINT; return whether every handler heard that it is over.

        Raises
        ------
        ConfigError
            If a venue does not know a product, or an address is none.
        """
        async with contextlib.AsyncExitStack() as stack:
            stack.enter_context(obeying_signals(self._told_to_stop.set))
            self._set_up(stack)
            if self._placement.health is not None:
                self.web = await stack.enter_async_context(self._make_web(self._placement.health))
            found = await self._unless_stopped(load_instruments(self._strategy, self.accounts))
            if found is None:
                return True
            self._instruments = found
            speaking = [
                asyncio.create_task(each.run()) for each in dict.fromkeys(self.speakers.values())
            ]
            try:
                await run_parts(
                    self._stop,
                    *(each.run() for each in self.followers.values()),
                    self._work(),
                    self._keep(),
                    self._end_in_order(),
                    self._watch.run(),
                    _all(speaking),
                )
            finally:
                heard = await self._withdraw()
                await self._leave(speaking)
        return heard

    def _set_up(self, stack: contextlib.AsyncExitStack) -> None:
        placement, curve = self._placement, self._placement.curve
        context = zmq.asyncio.Context()
        stack.callback(context.term)
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(context)

        def follow(name: str, where: tuple[str, str]) -> None:
            subscriber = stack.enter_context(Subscriber(plain, [where], curve=curve))
            lost = self._lost if name == "quotes" else (lambda: None)
            self.followers[name] = Follower(subscriber, self._heard, lost)

        follow("quotes", placement.quotes)
        for account in self.accounts:
            follow(account.name, account.handlers.orders)
            speaker = Speaker(
                account.name,
                context,
                account.handlers.commands,
                self._token_of(account),
                time.time_ns,
                curve,
            )
            stack.callback(speaker.close)
            self.speakers |= dict.fromkeys(account.venues, speaker)
        if placement.lp is not None:
            follow("lp", placement.lp)

    def _token_of(self, account: QuotedAccount) -> Any:
        return lambda: self.hearing.tokens.get(account.source)

    async def _unless_stopped(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Do what may take for ever, but not longer than until the process is to end."""
        doing = asyncio.create_task(work)
        stopping = asyncio.create_task(self._told_to_stop.wait())
        try:
            await asyncio.wait([doing, stopping], return_when=asyncio.FIRST_COMPLETED)
            return doing.result() if doing.done() else None
        finally:
            for task in (doing, stopping):
                task.cancel()
            await asyncio.gather(doing, stopping, return_exceptions=True)

    # in

    def _heard(self, message: Any, is_old: bool) -> None:
        tokens = dict(self.hearing.tokens)
        self._tell(self.hearing.heard(message, time.time_ns(), is_old=is_old))
        if self.hearing.tokens != tokens:
            for speaker in dict.fromkeys(self.speakers.values()):
                speaker.again()

    def _lost(self) -> None:
        self._tell(self.hearing.lost(time.time_ns()))

    def _tell(self, events: Iterable[Event]) -> None:
        """Tell the desk what happened, and the handlers what follows."""
        for event in events:
            if self.recorded is None:
                if not isinstance(event, Traded | Filled):
                    self._early[type(event), getattr(event, "instrument", -1)] = event
                continue
            self.events += 1
            for wish in self.recorded.on(event):
                self.wishes[wish.instrument] = wish
                if not self._told_to_stop.is_set():
                    self.speakers[wish.instrument].want(wish)

    async def _work(self) -> None:
        """Make the desk when a price is known, and let time pass for it."""
        while (price := self._first_price()) is None:
            await asyncio.sleep(LOOK_S)
        self._begin(price)
        assert self.desk is not None
        interval_ns = self.desk.interval_ns
        jumps = self._watch.clock_jumps
        killed = False
        while True:
            now = time.time_ns()
            await asyncio.sleep((interval_ns - now % interval_ns) / SECOND)
            if self._watch.clock_jumps != jumps:
                jumps = self._watch.clock_jumps
                self._begin_anew()
            if self.kill_switch.is_set != killed:
                killed = not killed
                self._tell([Paused(time.time_ns(), killed)])
            self._tell([Tick(time.time_ns())])

    def _first_price(self) -> float | None:
        for each in self._instruments:
            top = self._early.get((Top, each.index))
            if isinstance(top, Top) and top.bid_lots and top.ask_lots:
                return (top.bid + top.ask) / 2 * float(each.tick_size)
        return None

    def _begin(self, price: float) -> None:
        """Make the desk, with what it remembers, and tell it what was heard so far."""
        known = self.memory.read()
        mine = fingerprint_of(self._strategy.fingerprint(), self._instruments)
        fits = known is not None and known.fingerprint == mine
        self._price = known.price if known is not None and fits else price
        neutral = {} if known is None else known.neutral
        self.desk = self._make(neutral)
        if known is not None and fits:
            age = time.time_ns() - int(known.snapshot["now_ns"])
            if 0 <= age <= FORGET_NS:
                self.desk.restore(dict(known.snapshot))
                self.desk.say_again()
                logger.info("going on with what was measured %.0f s ago", age / SECOND)
        options = self._options(neutral)
        header = DeskHeader(
            self._manifest(),
            MAKER,
            {"price": self._price, **options},
            tuple(self._instruments),
        )
        self.log = DeskLog(
            self._placement.state / LOG, header, segment_bytes=SEGMENT_BYTES, keep=SEGMENTS
        )
        self.recorded = RecordedDesk(self.desk, self.log)
        early, self._early = self._early, {}
        self._tell([Paused(time.time_ns(), self.kill_switch.is_set), *early.values()])

    def _begin_anew(self) -> None:
        """Forget everything that has a time: the clock was set."""
        assert self.desk is not None
        assert self.recorded is not None
        now = time.time_ns()
        for place in self.speakers:
            self._nothing(place, now)
        self.recorded.restore(self._make(self._neutral()).snapshot())
        places = {at for at, each in self.desk.lanes.items()} if self.hearing.live else set()
        self._tell([Paused(now, self.kill_switch.is_set)])
        self._tell(BookState(place, now, True) for place in sorted(places))

    def _make(self, neutral: Any) -> QuotingDesk:
        return desk_of(self._strategy, self._instruments, self._price, **self._options(neutral))

    def _options(self, neutral: Any) -> dict[str, Any]:
        places = {each.venue: str(each.index) for each in self._instruments}
        lots = {places[name]: lots for name, lots in neutral.items() if name in places}
        return {"has_lp": self._placement.lp is not None, "neutral_lots": lots}

    def _neutral(self) -> dict[str, int]:
        assert self.desk is not None
        found = {
            each.venue: self.desk.inventory.neutral_lots(each.index) for each in self._instruments
        }
        return {name: lots for name, lots in found.items() if lots is not None}

    def _manifest(self) -> bytes:
        source = self._strategy.source
        return b"" if source is None else source.read_bytes()

    # memory

    async def _keep(self) -> None:
        told = False
        while True:
            await asyncio.sleep(KEEP_S)
            if self.log is not None and self.log.failed and not told:
                told = True
                logger.error("decisions are recorded no more: %s", self.log.failed)
            if (memory := self._remembered()) is not None:
                await asyncio.to_thread(self.memory.write, memory)

    def _remembered(self) -> Memory | None:
        if self.desk is None:
            return None
        return Memory(
            fingerprint_of(self._strategy.fingerprint(), self._instruments),
            self._price,
            self._neutral(),
            self.desk.snapshot(),
        )

    # the end

    async def _end_in_order(self) -> None:
        await self._told_to_stop.wait()
        await self._withdraw()
        self._stop.set()

    async def _withdraw(self) -> bool:
        """Want nothing to rest, and wait until the handlers know it."""
        if self._withdrawn is not None:
            return self._withdrawn
        self._told_to_stop.set()
        now = time.time_ns()
        for place in self.wishes:
            self._nothing(place, now)
        speakers = list(dict.fromkeys(self.speakers[place] for place in self.wishes))
        heard = await asyncio.gather(*(each.said(STOP_S) for each in speakers))
        for speaker, done in zip(speakers, heard, strict=True):
            if not done:
                logger.error("%s did not hear that nothing shall rest", speaker.name)
        self._withdrawn = all(heard)
        return self._withdrawn

    def _nothing(self, place: int, now_ns: int) -> None:
        until = now_ns + self._strategy.spec.execution.quote_age
        self.speakers[place].want(Wish(0, place, now_ns, until, (), (), {}))

    async def _leave(self, speaking: list[asyncio.Task[None]]) -> None:
        for task in speaking:
            task.cancel()
        await asyncio.gather(*speaking, return_exceptions=True)
        if (memory := self._remembered()) is not None:
            self.memory.write(memory)
        if self.recorded is not None:
            await asyncio.to_thread(self.recorded.close)

    # probes

    def _make_web(self, address: str) -> Web:
        registry = CollectorRegistry()
        registry.register(MakerMetrics(self._strategy.name, self, self._watch))
        return Web(
            address,
            alive=self._watch.alive,
            ready=self.ready,
            registry=registry,
            pages={"/quotes": self.quotes},
        )

    def ready(self) -> Health:
        """Return whether it decides on what is true now; whether it quotes is on ``/quotes``."""
        reasons = []
        if self.desk is None:
            reasons.append("no book was heard yet")
        for speaker in dict.fromkeys(self.speakers.values()):
            if speaker.trouble:
                reasons.append(f"{speaker.name}: {speaker.trouble}")
        if self._told_to_stop.is_set():
            reasons.append("stopping")
        detail = {"quoting": [] if self.desk is None else reasons_of(self.desk)}
        return Health(not reasons, reasons, detail)

    def quotes(self) -> list[dict[str, Any]]:
        """Return of each product what is wanted to rest, and why: for people."""
        if self.desk is None:
            return []
        return [
            product_words(self.desk, index, self.wishes.get(index)) for index in self.desk.lanes
        ]


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    """Notice that one has failed; they outlive whoever waits, to say the last word."""
    done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _run(strategy: Strategy, placement: Placement) -> bool:
    return await MakerService(strategy, placement).run()


def serve(strategy: Strategy, placement: Placement) -> bool:
    """Quote in this process until it is told to stop; return whether every handler knows that.

    Raises
    ------
    ConfigError, OSError
        See :class:`MakerService`; or if another process records decisions in the same folder.
    """
    return uvloop.run(_run(strategy, placement))
